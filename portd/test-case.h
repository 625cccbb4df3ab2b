/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-case: three tasks in one world in this process, and shorthands for what they do.
 *
 * T owns the port under test; U and V are others. After each request the world is checked,
 * and each test leaves nothing behind: no task, port, message or descriptor. */
#ifndef PORTD_TEST_CASE_H
#define PORTD_TEST_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"
#include "portd/test-client.h"

enum {
	MR = PORT_MOVE_RECEIVE,
	MS = PORT_MOVE_SEND,
	MSO = PORT_MOVE_SEND_ONCE,
	CS = PORT_COPY_SEND,
	KS = PORT_MAKE_SEND,
	KSO = PORT_MAKE_SEND_ONCE,

	SEND = PORT_RIGHT_SEND,
	RECEIVE = PORT_RIGHT_RECEIVE,
	SEND_ONCE = PORT_RIGHT_SEND_ONCE,
	DEAD_NAME = PORT_RIGHT_DEAD_NAME,

	UNKNOWN = 0x7654321,
};

static uv_loop_t loop;
static struct world *world;
static struct client T, U, V;
static int fds_before;

static inline int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline int
setup(void **state)
{
	(void)state;
	fds_before = count_fds();
	uv_loop_init(&loop);
	world = world_new(&loop, getuid());
	world->checked = true;
	client_open(&T, world, &loop);
	client_open(&U, world, &loop);
	client_open(&V, world, &loop);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	client_close(&T);
	client_close(&U);
	client_close(&V);
	assert_int_equal(world_tasks(world), 0);
	assert_true(list_is_empty(&world->ports));
	assert_true(list_is_empty(&world->messages));
	world_free(world);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

/* Shorthands. */

#define OK(expression) assert_int_equal(expression, 0)
#define IS(expression, code) assert_int_equal(expression, code)

static inline struct space *
space_of(const struct client *c)
{
	LIST_FOR_EACH(link, next, &world->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		if (task->id == c->task)
			return &task->space;
	}
	return NULL;
}

static inline port_name_t
new_port(struct client *c)
{
	struct allocate_out out = { 0 };

	OK(client_allocate(c, (struct allocate_in){ .kind = RECEIVE }, &out));
	return out.name;
}

static inline int
insert(struct client *c, port_name_t name, port_name_t right, uint32_t disposition)
{
	return client_insert_right(
	    c, (struct insert_right_in){
		.name = name, .right = right, .disposition = disposition }, NULL);
}

/* A port with a send right under the same name. */
static inline port_name_t
new_port_rs(struct client *c)
{
	port_name_t n = new_port(c);

	OK(insert(c, n, n, KS));
	return n;
}

static inline int
deallocate(struct client *c, port_name_t name)
{
	return client_deallocate(c, (struct deallocate_in){ .name = name }, NULL);
}

static inline int
destroy(struct client *c, port_name_t name)
{
	return client_destroy(c, (struct destroy_in){ .name = name }, NULL);
}

static inline int
mod_refs(struct client *c, port_name_t name, uint32_t kind, int32_t delta)
{
	return client_mod_refs(
	    c, (struct mod_refs_in){ .name = name, .kind = kind, .delta = delta }, NULL);
}

static inline uint32_t
refs(struct client *c, port_name_t name, uint32_t kind)
{
	struct get_refs_out out = { 0 };

	OK(client_get_refs(c, (struct get_refs_in){ .name = name, .kind = kind }, &out));
	return out.urefs;
}

/* The type bits of a name; 0 when there is none. */
static inline uint32_t
type_of(struct client *c, port_name_t name)
{
	struct type_out out = { 0 };
	int code = client_type(c, (struct type_in){ .name = name }, &out);

	if (code)
		IS(code, PORT_E_INVALID_NAME);
	return out.type;
}

static inline struct receive_status_out
status(struct client *c, port_name_t name)
{
	struct receive_status_out out = { 0 };

	OK(client_receive_status(c, (struct receive_status_in){ .name = name }, &out));
	return out;
}

static inline int
set_qlimit(struct client *c, port_name_t name, uint32_t qlimit)
{
	return client_set_qlimit(c, (struct set_qlimit_in){ .name = name, .qlimit = qlimit }, NULL);
}

static inline int
request(struct client *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify,
    uint32_t disposition, port_name_t *previousp)
{
	struct request_notification_out out = { 0 };
	int code = client_request_notification(c,
	    (struct request_notification_in){ .name = name, .id = id, .sync = sync,
		.notify = notify, .disposition = disposition }, &out);

	if (previousp)
		*previousp = out.previous;
	return code;
}

/* Asks for a notification on `notify`; there was no request before. */
static inline void
ask(struct client *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify)
{
	port_name_t previous = UNKNOWN;

	OK(request(c, name, id, sync, notify, KSO, &previous));
	IS(previous, PORT_NULL);
}

/* Moves a right from one task to another without a message. */
static inline port_name_t
give(struct client *from, port_name_t name, uint32_t disposition, struct client *to)
{
	struct right right;
	port_name_t given = PORT_NULL;

	core_enter(world);
	OK(right_take(space_of(from), name, disposition, &right));
	OK(right_enter(space_of(to), right, &given));
	core_leave(world);
	return given;
}

/* A dead name with so many references. */
static inline port_name_t
new_dead_name(struct client *c, int urefs)
{
	struct allocate_out out = { 0 };

	OK(client_allocate(c, (struct allocate_in){ .kind = DEAD_NAME }, &out));
	OK(mod_refs(c, out.name, DEAD_NAME, urefs - 1));
	return out.name;
}

static inline struct letter
letter(port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	return (struct letter){
		.options = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT,
		.remote = remote,
		.remote_disposition = remote_disposition,
		.id = id,
	};
}

static inline int
send_plain(struct client *c, port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	struct letter l = letter(remote, remote_disposition, id);

	return client_exchange(c, &l, NULL);
}

static inline int
send_reply(struct client *c, port_name_t remote, uint32_t rd, port_name_t local, uint32_t ld)
{
	struct letter l = letter(remote, rd, 1);

	l.local = local;
	l.local_disposition = ld;
	return client_exchange(c, &l, NULL);
}

static inline int
send_right(
    struct client *c, port_name_t remote, uint32_t rd, port_name_t name, uint32_t disposition)
{
	struct letter l = letter(remote, rd, 1);
	struct wire_port port = { name, disposition };

	l.ports = &port;
	l.n_ports = 1;
	return client_exchange(c, &l, NULL);
}

static inline struct letter
wish(port_name_t name)
{
	return (struct letter){
		.options = PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT,
		.rcv_name = name,
		.rcv_size = PORT_MSG_BODY_MAX,
	};
}

static inline int
receive(struct client *c, port_name_t name, struct mail *mail)
{
	struct letter l = wish(name);
	struct mail ignored;

	return client_exchange(c, &l, mail ? mail : &ignored);
}

/* Starts to wait for a message. */
static inline void
post_receive(struct client *c, port_name_t name)
{
	struct letter l = wish(name);

	l.options &= ~(uint32_t)PORT_MSG_RCV_TIMEOUT;
	client_post(c, &l);
	assert_false(client_has_reply(c));
}

/* Starts to send without a limit of time. */
static inline void
post_send(struct client *c, port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	struct letter l = letter(remote, remote_disposition, id);

	l.options = PORT_MSG_SEND;
	client_post(c, &l);
}

static inline void
expect_message(struct client *c, port_name_t name, uint32_t id)
{
	struct mail mail;

	OK(receive(c, name, &mail));
	IS(mail.out.id, id);
}

static inline void
expect_nothing(struct client *c, port_name_t name)
{
	IS(receive(c, name, NULL), PORT_E_RCV_TIMED_OUT);
}

/* K75: the form of every notification. */
static inline void
expect_notification(struct client *c, port_name_t name, uint32_t id, int64_t value)
{
	struct mail mail;

	OK(receive(c, name, &mail));
	IS(mail.out.id, id);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.local, name);
	IS(mail.out.bits, MSO << 8);
	IS(mail.n_ports, 0);
	IS(mail.out.task, 0);
	IS(mail.out.pid, getpid());
	if (value < 0) {
		IS(mail.out.size, 0);
	} else {
		const uint8_t *p = mail.out.body.data;

		IS(mail.out.size, 4);
		IS(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24, value);
	}
}

static inline void
kill_port(struct client *c, port_name_t name)
{
	OK(mod_refs(c, name, RECEIVE, -1));
}

static inline void
fill(struct client *c, port_name_t name, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		OK(send_plain(c, name, CS, i));
}

/* A further thread of a task. */
static inline struct client
new_thread(struct client *c)
{
	struct thread_out out = { 0 };

	OK(client_thread(c, (struct thread_in){ 0 }, &out));
	return (struct client){ .loop = &loop, .fd = out.connection };
}

/* A send right for `to` to the task port of `of`. */
static inline port_name_t
give_task_port(struct client *of, struct client *to)
{
	struct task_self_out out = { 0 };

	OK(client_task_self(of, (struct task_self_in){ 0 }, &out));
	return of == to ? out.name : give(of, out.name, MS, to);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* What main does: runs an array of TESTs. */
#define RUN(tests) (prepare(), cmocka_run_group_tests(tests, NULL, NULL))

/* libuv keeps some descriptors from its first loop on. */
static inline void
prepare(void)
{
	uv_loop_init(&loop);
	uv_loop_close(&loop);
}

#endif
