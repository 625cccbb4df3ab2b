/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-port: the library's calls, port_message, threads and processes. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/stubs.h"
#include "port/test-setup.h"

/* Calls ----------------------------------------------------------------------- */

static void
test_attached(void **state)
{
	uint32_t type;

	(void)state;
	assert_int_not_equal(port_task_id(), 0);
	assert_int_equal(port_connect("again"), -EISCONN);
	assert_int_equal(port_type(port_bootstrap(), &type), 0);
	assert_int_equal(type, PORT_TYPE(PORT_RIGHT_SEND));
}

static void
test_names(void **state)
{
	struct port_status status;
	port_name_t name, wanted;
	uint32_t value = 77;

	(void)state;
	assert_int_equal(port_allocate(PORT_RIGHT_SEND, &name), PORT_E_INVALID_VALUE);
	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &name), 0);
	assert_int_equal(port_insert_right(name, name, PORT_MAKE_SEND), 0);
	assert_int_equal(port_mod_refs(name, PORT_RIGHT_SEND, 2), 0);
	assert_int_equal(port_get_refs(name, PORT_RIGHT_SEND, &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(port_type(name, &value), 0);
	assert_int_equal(value, PORT_TYPE(PORT_RIGHT_SEND) | PORT_TYPE(PORT_RIGHT_RECEIVE));
	assert_int_equal(port_set_qlimit(name, 9), 0);
	assert_int_equal(port_set_qlimit(name, PORT_QLIMIT_MAX + 1), PORT_E_INVALID_VALUE);
	assert_int_equal(port_receive_status(name, &status), 0);
	assert_int_equal(status.qlimit, 9);
	assert_int_equal(status.mscount, 1);
	assert_int_equal(port_deallocate(name), 0);
	assert_int_equal(port_destroy(name), 0);
	assert_int_equal(port_type(name, &value), PORT_E_INVALID_NAME);
	assert_int_equal(port_deallocate(name), PORT_E_INVALID_NAME);
	assert_int_equal(port_allocate(PORT_RIGHT_DEAD_NAME, &wanted), 0);
	assert_int_equal(port_allocate_name(PORT_RIGHT_RECEIVE, wanted), PORT_E_NAME_EXISTS);
	assert_int_equal(port_deallocate(wanted), 0);
}

static void
test_notification(void **state)
{
	port_name_t port, notify, previous = 77;
	struct port_message message;

	(void)state;
	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &port), 0);
	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &notify), 0);
	assert_int_equal(port_insert_right(port, port, PORT_MAKE_SEND), 0);
	assert_int_equal(port_request_notification(port, PORT_NOTIFY_NO_SENDERS, 1, notify,
	    PORT_MAKE_SEND_ONCE, &previous), 0);
	assert_int_equal(previous, PORT_NULL);
	assert_int_equal(port_deallocate(port), 0);
	assert_int_equal(port_receive(notify, &message, PORT_FOREVER), 0);
	assert_int_equal(message.id, PORT_NOTIFY_NO_SENDERS);
	assert_int_equal(message.local_disposition, PORT_MOVE_SEND_ONCE);
	port_message_destroy(&message);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(notify), 0);
}

/* The calls that have an object of their own. */
static void
test_attributes(void **state)
{
	port_name_t port = new_port();
	struct port_message sent = {
		.id = 5, .remote = port, .remote_disposition = PORT_COPY_SEND
	};
	struct port_message got;
	struct port_peeked peeked;
	struct port_status status;

	(void)state;
	assert_int_equal(port_set_mscount(port, 40), 0);
	assert_int_equal(port_set_seqno(port, 50), 0);
	assert_int_equal(port_receive_status(port, &status), 0);
	assert_int_equal(status.mscount, 40);
	assert_int_equal(status.seqno, 50);
	assert_int_equal(port_peek(port, &peeked), PORT_E_FAILURE);
	wire_put_str(&sent.body, "abc");
	assert_int_equal(port_set_protected_payload(port, 0x123456789abcdef0), 0);
	assert_int_equal(port_send(&sent, 0), 0);
	assert_int_equal(port_peek(port, &peeked), 0);
	assert_int_equal(peeked.id, 5);
	assert_int_equal(peeked.size, sent.body.size);
	assert_int_equal(peeked.seqno, 50);
	assert_int_equal(peeked.pid, getpid());
	assert_int_equal(peeked.task, port_task_id());
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.local_disposition, PORT_PROTECTED_PAYLOAD);
	assert_true(got.payload == 0x123456789abcdef0);
	assert_int_equal(got.local, PORT_NULL);
	assert_int_equal(got.seqno, 50);
	port_message_destroy(&got);
	assert_int_equal(port_clear_protected_payload(port), 0);
	assert_int_equal(port_send(&sent, 0), 0);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.local, port);
	port_message_destroy(&got);
	port_message_deinit(&sent);
	assert_int_equal(port_destroy(port), 0);
}

static void
test_guards(void **state)
{
	struct port_status status;
	port_name_t port;

	(void)state;
	assert_int_equal(port_construct(PORT_CONSTRUCT_REPLY | PORT_CONSTRUCT_INSERT_SEND,
	    0, 7, &port), PORT_E_INVALID_ARGUMENT);
	assert_int_equal(port_construct(
	    PORT_CONSTRUCT_GUARD | PORT_CONSTRUCT_QLIMIT | PORT_CONSTRUCT_INSERT_SEND, 9, 7,
	    &port), 0);
	assert_int_equal(port_receive_status(port, &status), 0);
	assert_int_equal(status.qlimit, 9);
	assert_int_equal(status.guarded, 1);
	assert_int_equal(port_destroy(port), PORT_E_INVALID_RIGHT);
	assert_int_equal(port_swap_guard(port, 8, 9), PORT_E_INVALID_ARGUMENT);
	assert_int_equal(port_swap_guard(port, 7, 9), 0);
	assert_int_equal(port_unguard(port, 9), 0);
	assert_int_equal(port_guard(port, 11, 1), 0);
	assert_int_equal(port_guard(port, 12, 0), PORT_E_INVALID_ARGUMENT);
	assert_int_equal(port_destruct(port, -1, 12), PORT_E_INVALID_ARGUMENT);
	assert_int_equal(port_destruct(port, -1, 11), 0);
}

static void
test_sets(void **state)
{
	port_name_t port = new_port(), set, *members;
	struct port_message sent = {
		.id = 9, .remote = port, .remote_disposition = PORT_COPY_SEND
	};
	struct port_message got;
	struct port_status status;
	size_t n;

	(void)state;
	assert_int_equal(port_allocate(PORT_RIGHT_PORT_SET, &set), 0);
	assert_int_equal(port_set_status(set, &members, &n), 0);
	assert_int_equal(n, 0);
	free(members);
	assert_int_equal(port_move_member(port, set), 0);
	assert_int_equal(port_set_status(set, &members, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(members[0], port);
	free(members);
	assert_int_equal(port_receive_status(port, &status), 0);
	assert_int_equal(status.set, set);
	assert_int_equal(port_send(&sent, 0), 0);
	assert_int_equal(port_receive(port, &got, 0), PORT_E_RCV_IN_SET);
	assert_int_equal(port_receive(set, &got, 0), 0);
	assert_int_equal(got.local, port);
	port_message_destroy(&got);
	assert_int_equal(port_move_member(port, PORT_NULL), 0);
	assert_int_equal(port_move_member(port, PORT_NULL), PORT_E_NOT_IN_SET);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(set), 0);
}

/* More names than one answer can carry. */
static void
test_many_names(void **state)
{
	enum { FIRST = 0x100000, N = PORT_MSG_BODY_MAX / 8 + 10 };
	struct port_entry *entries;
	size_t n, before, found = 0;

	(void)state;
	assert_int_equal(port_names(&entries, &before), 0);
	free(entries);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(port_allocate_name(PORT_RIGHT_DEAD_NAME, FIRST + i), 0);
	assert_int_equal(port_names(&entries, &n), 0);
	assert_int_equal(n, before + N);
	for (size_t i = 0; i < n; i++)
		found += entries[i].type == PORT_TYPE(PORT_RIGHT_DEAD_NAME) &&
		    entries[i].name - FIRST < N;
	assert_int_equal(found, N);
	free(entries);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(port_deallocate(FIRST + i), 0);
}

/* Another task ------------------------------------------------------------------ */

/* A child that is born with a right, and answers on it until it is told to go. */
static int
be_spawned(int fd)
{
	struct port_message sent = { .id = 1, .remote_disposition = PORT_COPY_SEND };
	struct port_message got;
	port_name_t port;
	int err;

	port_detach();
	err = port_attach(fd, "spawned");
	if (err || port_allocate_name(PORT_RIGHT_RECEIVE, 4711) != 0)
		return 1;
	port = 4711;
	sent.remote = port_bootstrap();
	sent.local = port;
	sent.local_disposition = PORT_MAKE_SEND;
	if (port_send(&sent, PORT_FOREVER) != 0)
		return 2;
	return port_receive(port, &got, PORT_FOREVER) == 0 && got.id == 2 ? 0 : 3;
}

static void
look_at(port_name_t task, port_name_t right)
{
	struct port_entry *entries;
	struct port_status status;
	uint32_t type, refs;
	port_name_t name, *members;
	size_t n;

	assert_int_equal(port_type_in(task, 4711, &type), 0);
	assert_int_equal(type, PORT_TYPE(PORT_RIGHT_RECEIVE));
	assert_int_equal(port_get_refs_in(task, 4711, PORT_RIGHT_RECEIVE, &refs), 0);
	assert_int_equal(refs, 1);
	assert_int_equal(port_names_in(task, &entries, &n), 0);
	assert_int_equal(n, 2);
	free(entries);
	assert_int_equal(port_set_qlimit_in(task, 4711, 3), 0);
	assert_int_equal(port_receive_status_in(task, 4711, &status), 0);
	assert_int_equal(status.qlimit, 3);
	assert_int_equal(port_extract_right(task, 4711, PORT_MAKE_SEND, &name), 0);
	assert_int_equal(name, right);
	assert_int_equal(port_insert_right_in(task, 99, right,
	    PORT_MOVE_SEND), PORT_E_RIGHT_EXISTS);
	assert_int_equal(port_allocate_in(task, PORT_RIGHT_PORT_SET, &name), 0);
	assert_int_equal(port_allocate_name_in(task, PORT_RIGHT_RECEIVE, 4714), 0);
	assert_int_equal(port_move_member_in(task, 4714, name), 0);
	assert_int_equal(port_set_status_in(task, name, &members, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(members[0], 4714);
	free(members);
	assert_int_equal(port_rename_in(task, name, 4712), 0);
	assert_int_equal(port_destroy_in(task, 4712), 0);
	assert_int_equal(port_allocate_name_in(task, PORT_RIGHT_DEAD_NAME, 4713), 0);
	assert_int_equal(port_mod_refs_in(task, 4713, PORT_RIGHT_DEAD_NAME, 1), 0);
	assert_int_equal(port_deallocate_in(task, 4713), 0);
}

static void
test_tasks(void **state)
{
	port_name_t port = new_port(), task, self;
	struct port_message got, sent = { .id = 2, .remote_disposition = PORT_MOVE_SEND };
	int fd, status;
	pid_t pid;

	(void)state;
	assert_int_equal(port_task_self(&self), 0);
	assert_int_equal(port_type_in(self, port, &(uint32_t){ 0 }), 0);
	assert_int_equal(port_type_in(port, port, &(uint32_t){ 0 }), PORT_E_INVALID_TASK);
	assert_int_equal(port_deallocate(self), 0);
	assert_int_equal(port_spawn(port, PORT_MAKE_SEND, &fd, &task), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	pid = fork();
	if (pid == 0)
		_exit(be_spawned(fd));
	close(fd);
	assert_int_equal(port_receive(port, &got, PORT_FOREVER), 0);
	assert_int_equal(got.sender_pid, pid);
	assert_int_equal(got.remote_disposition, PORT_MOVE_SEND);
	look_at(task, got.remote);
	sent.remote = got.remote;
	assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
	port_message_deinit(&got);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (port_type_in(task, 4711, &(uint32_t){ 0 }) == 0)
		usleep(1000);
	assert_int_equal(port_type_in(task, 4711, &(uint32_t){ 0 }), PORT_E_INVALID_TASK);
	assert_int_equal(port_deallocate(task), 0);
	assert_int_equal(port_destroy(port), 0);
}

/* Messages ---------------------------------------------------------------------- */

static void
test_message(void **state)
{
	port_name_t port = new_port(), other = new_port();
	struct port_message sent = {
		.id = 4711, .remote = port, .remote_disposition = PORT_COPY_SEND,
		.local = other, .local_disposition = PORT_MAKE_SEND_ONCE,
	}, got;
	int ends[2], fd;
	char byte = 0;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	wire_put_str(&sent.body, "hello");
	wire_put_port(&sent.body, (struct wire_port){ other, PORT_MAKE_SEND });
	wire_put_fd(&sent.body, ends[1]);
	wire_put_port(&sent.body, (struct wire_port){ PORT_NULL, PORT_COPY_SEND });
	assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
	assert_int_equal(sent.body.fds.n, 0);
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
	port_message_deinit(&sent);

	assert_int_equal(port_receive(port, &got, PORT_FOREVER), 0);
	assert_int_equal(got.id, 4711);
	assert_int_equal(got.local, port);
	assert_int_equal(got.local_disposition, PORT_MOVE_SEND);
	assert_int_equal(got.remote_disposition, PORT_MOVE_SEND_ONCE);
	assert_int_not_equal(got.remote, PORT_NULL);
	assert_int_equal(got.sender_pid, getpid());
	assert_int_equal(got.sender_uid, getuid());
	assert_int_equal(got.sender_task, port_task_id());
	assert_int_equal(got.size, got.body.size);
	assert_string_equal(wire_get_str(&got.body), "hello");
	assert_int_equal(wire_get_port(&got.body).name, other);
	fd = wire_get_fd(&got.body);
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(byte, '!');
	close(fd);
	close(ends[0]);
	assert_int_equal(wire_get_port(&got.body).name, PORT_NULL);
	assert_int_equal(wire_buf_finish(&got.body), 0);
	port_message_destroy(&got);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* Rights that nobody took go with the message, of whatever kind they are. */
static void
test_destroy(void **state)
{
	port_name_t port = new_port(), other = new_port(), moved;
	struct port_message sent = {
		.remote = port, .remote_disposition = PORT_COPY_SEND,
		.local = other, .local_disposition = PORT_MAKE_SEND,
	}, got;
	uint32_t refs;

	(void)state;
	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &moved), 0);
	wire_put_port(&sent.body, (struct wire_port){ other, PORT_COPY_SEND });
	wire_put_port(&sent.body, (struct wire_port){ other, PORT_MAKE_SEND_ONCE });
	wire_put_port(&sent.body, (struct wire_port){ moved, PORT_MOVE_RECEIVE });
	wire_put_fd(&sent.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
	port_message_deinit(&sent);
	assert_int_equal(port_receive(port, &got, PORT_FOREVER), 0);
	port_message_destroy(&got);
	assert_int_equal(port_get_refs(other, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 1);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

static void
test_refused(void **state)
{
	port_name_t port = new_port();
	struct port_message message = { .remote = port, .remote_disposition = PORT_COPY_SEND }, got;
	char *block = calloc(1, PORT_MSG_BODY_MAX + 1);

	(void)state;
	assert_non_null(block);
	assert_int_equal(port_receive(port, &got, 0), PORT_E_RCV_TIMED_OUT);
	assert_int_equal(port_receive(port_bootstrap(), &got, 0), PORT_E_RCV_INVALID_NAME);
	wire_put_bytes(&message.body, block, PORT_MSG_BODY_MAX);
	wire_put_bytes(&message.body, "", 1);
	assert_int_equal(port_send(&message, 0), PORT_E_SEND_TOO_LARGE);
	wire_buf_deinit(&message.body);
	wire_put_bytes(&message.body, block, PORT_MSG_BODY_MAX);
	assert_int_equal(port_send(&message, 0), 0);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.body.size, PORT_MSG_BODY_MAX);
	port_message_destroy(&got);
	wire_buf_deinit(&message.body);

	wire_put_fd(&message.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	message.remote = 0x7fffff00;
	assert_int_equal(port_send(&message, 0), PORT_E_SEND_INVALID_DEST);
	assert_true(message.body.fds.n == 1 && fcntl(message.body.fds.fd[0], F_GETFD) >= 0);
	message.remote = port;
	assert_int_equal(port_set_qlimit(port, 0), 0);
	assert_int_equal(port_send(&message, 0), PORT_E_SEND_TIMED_OUT);
	assert_int_equal(port_set_qlimit(port, 1), 0);
	assert_int_equal(port_send(&message, 0), 0);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.body.fds.n, 1);
	port_message_destroy(&got);
	port_message_deinit(&message);
	assert_int_equal(port_destroy(port), 0);
	free(block);
}

/* What could not be sent in time is as it was received, and can be sent again. */
static void
test_pseudo_receive(void **state)
{
	port_name_t port = new_port(), other = new_port();
	struct port_message sent = {
		.id = 3, .remote = port, .remote_disposition = PORT_COPY_SEND,
		.local = other, .local_disposition = PORT_MAKE_SEND_ONCE,
	}, got;
	char bytes[100] = "memory";
	uint32_t refs;

	(void)state;
	assert_int_equal(port_set_qlimit(port, 0), 0);
	wire_put_str(&sent.body, "body");
	wire_put_port(&sent.body, (struct wire_port){ other, PORT_COPY_SEND });
	wire_put_memory(&sent.body, (struct wire_memory){ bytes, sizeof(bytes) });
	wire_put_fd(&sent.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_int_equal(port_send(&sent, 0), PORT_E_SEND_TIMED_OUT);
	assert_int_equal(sent.remote, port);
	assert_int_equal(sent.remote_disposition, PORT_MOVE_SEND);
	assert_int_equal(sent.local_disposition, PORT_MOVE_SEND_ONCE);
	assert_int_not_equal(sent.local, other);
	assert_int_equal(sent.body.ports[0].name, other);
	assert_int_equal(sent.body.ports[0].disposition, PORT_MOVE_SEND);
	assert_int_equal(port_get_refs(other, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 2);
	assert_int_equal(port_get_refs(port, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 2);
	assert_int_equal(port_set_qlimit(port, 1), 0);
	assert_int_equal(port_send(&sent, 0), 0);
	port_message_deinit(&sent);
	assert_int_equal(port_get_refs(port, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 1);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_string_equal(wire_get_str(&got.body), "body");
	assert_int_equal(wire_get_port(&got.body).name, other);
	assert_string_equal(wire_get_memory(&got.body).data, "memory");
	assert_true(got.body.fds.n == 1 && got.body.fds.fd[0] >= 0);
	got.body.at_port = got.body.at_memory = 0;
	port_message_destroy(&got);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* Both halves in one call: whose code it is tells which half failed. */
static void
test_exchange(void **state)
{
	port_name_t port = new_port();
	struct port_message sent = {
		.id = 1, .remote = port, .remote_disposition = PORT_COPY_SEND
	};
	struct port_message got;

	(void)state;
	assert_int_equal(port_exchange(NULL, 0, port, NULL, 0, 0), 0);
	assert_int_equal(port_exchange(&sent, 0, port, &got, 0, 0), 0);
	assert_int_equal(got.id, 1);
	port_message_destroy(&got);
	assert_int_equal(port_exchange(&sent, 0, 0x7fffff00, &got, 0, 0), PORT_E_RCV_INVALID_NAME);
	assert_int_equal(port_receive(port, &got, 0), 0);
	port_message_destroy(&got);
	sent.remote = 0x7fffff00;
	assert_int_equal(port_exchange(&sent, 0, port, &got, PORT_FOREVER,
	    0), PORT_E_SEND_INVALID_DEST);
	sent.remote = port;
	assert_int_equal(port_set_qlimit(port, 0), 0);
	assert_int_equal(port_exchange(&sent, 0, port, &got, PORT_FOREVER,
	    0), PORT_E_SEND_TIMED_OUT);
	assert_int_equal(sent.remote_disposition, PORT_MOVE_SEND);
	port_message_destroy(&sent);
	assert_int_equal(port_destroy(port), 0);
}

/* RPC -------------------------------------------------------------------------- */

static void
test_keeper(void **state)
{
	struct keeper_info_in in = { 0 };
	struct keeper_info_out out;
	struct node_control_in control_in = { .path = "/x" };
	struct node_control_out control;
	struct fsys_ping_out pong;
	struct port_reply reply;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(keeper_info_call(port_bootstrap(), &in, &out, &reply,
		    PORT_FOREVER), 0);
		assert_string_equal(out.version, "test");
		assert_int_equal(out.pid, world);
		assert_int_equal(reply.message.sender_pid, world);
		port_reply_deinit(&reply);
	}
	assert_int_equal(node_control_call(port_bootstrap(), &control_in, &control, &reply,
	    PORT_FOREVER), 0);
	assert_int_equal(control.control.name, port_bootstrap());
	port_reply_deinit(&reply);
	assert_int_equal(port_deallocate(control.control.name), 0);
	/* Nobody takes the right out of this one. */
	assert_int_equal(port_call(port_bootstrap(), ROUTINE_node_control, &(struct wire_buf){ 0 },
	    &reply, PORT_FOREVER), 0);
	port_reply_deinit(&reply);
	assert_int_equal(fsys_ping_call(port_bootstrap(), &(struct fsys_ping_in){ 0 }, &pong,
	    &reply, PORT_FOREVER), PORT_E_RPC_SERVER_DIED);
	assert_string_equal(reply.text, "");
	port_reply_deinit(&reply);
}

/* A server of our own: serves `port` until it dies. */
static void
serve_one(struct port_message *request)
{
	struct wire_buf out = { 0 };
	struct fsys_set_options_in set;
	struct fsys_set_options_out answer = { 0 };

	switch (request->id) {
	case ROUTINE_fsys_goaway:
		port_reply_send(request, -EBUSY, "somebody is in there", NULL);
		break;
	case ROUTINE_fsys_set_options:
		if (fsys_set_options_in_get(&request->body, &set) < 0) {
			port_reply_send(request, PORT_E_RPC_BAD_ARGUMENTS, "", NULL);
			break;
		}
		for (uint32_t i = 0; i < set.fds.n; i++)
			close(set.fds.fd[i]);
		answer.argv = set.options;
		fsys_set_options_out_put(&out, &answer);
		port_reply_send(request, 0, NULL, &out);
		break;
	case ROUTINE_fsys_get_options:	/* more than fits */
		answer.argv.data = calloc(1, PORT_MSG_BODY_MAX);
		answer.argv.size = PORT_MSG_BODY_MAX;
		wire_put_argv(&out, answer.argv);
		free((void *)(uintptr_t)answer.argv.data);
		port_reply_send(request, 0, "", &out);
		break;
	case ROUTINE_fsys_ping:		/* of another id than was asked */
		request->id++;
		port_reply_send(request, 0, "", NULL);
		break;
	case ROUTINE_fsys_syncfs:	/* with fields that nobody expects */
		wire_put_fd(&out, open("/dev/null", O_RDONLY | O_CLOEXEC));
		wire_put_port(&out, (struct wire_port){ request->local, PORT_MAKE_SEND });
		port_reply_send(request, 0, "", &out);
		break;
	}
	port_message_destroy(request);
}

static void *
serve(void *arg)
{
	port_name_t port = *(port_name_t *)arg;
	struct port_message request;
	int err;

	while ((err = port_receive(port, &request, PORT_FOREVER)) == 0)
		serve_one(&request);
	return (void *)(intptr_t)err;
}

static void
test_server(void **state)
{
	port_name_t port = new_port();
	struct fsys_goaway_in goaway = { .flags = FSYS_GOAWAY_FORCE };
	struct fsys_goaway_out gone;
	struct fsys_set_options_in set = { .options = { "-a\0b", 5 } };
	struct fsys_set_options_out options;
	struct fsys_get_options_out too_large;
	struct fsys_ping_out pong;
	struct fsys_syncfs_out synced;
	struct port_reply reply;
	pthread_t thread;
	void *end;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, serve, &port), 0);
	assert_int_equal(fsys_goaway_call(port, &goaway, &gone, &reply, PORT_FOREVER), -EBUSY);
	assert_string_equal(reply.text, "somebody is in there");
	port_reply_deinit(&reply);
	set.fds.n = 2;
	set.fds.fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	set.fds.fd[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsys_set_options_call(port, &set, &options, &reply, PORT_FOREVER), 0);
	assert_int_equal(options.argv.size, 5);
	assert_memory_equal(options.argv.data, "-a\0b", 5);
	port_reply_deinit(&reply);
	assert_int_equal(fsys_get_options_call(port, &(struct fsys_get_options_in){ 0 }, &too_large,
	    &reply, PORT_FOREVER), -EMSGSIZE);
	port_reply_deinit(&reply);
	assert_int_equal(fsys_ping_call(port, &(struct fsys_ping_in){ 0 }, &pong,
	    &reply, PORT_FOREVER), PORT_E_RPC_REPLY_MISMATCH);
	port_reply_deinit(&reply);
	assert_int_equal(fsys_syncfs_call(port, &(struct fsys_syncfs_in){ 0 }, &synced,
	    &reply, PORT_FOREVER), PORT_E_RPC_TYPE_ERROR);
	port_reply_deinit(&reply);
	assert_int_equal(port_call(port, ROUTINE_fsys_set_options, &(struct wire_buf){ 0 },
	    &reply, PORT_FOREVER), PORT_E_RPC_BAD_ARGUMENTS);
	port_reply_deinit(&reply);
	assert_int_equal(port_call(port, 5, &(struct wire_buf){ 0 }, &reply, PORT_FOREVER),
	    PORT_E_RPC_SERVER_DIED);
	port_reply_deinit(&reply);
	assert_int_equal(port_mod_refs(port, PORT_RIGHT_RECEIVE, -1), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	/* As it was waiting already, or not yet. */
	if ((intptr_t)end != PORT_E_RCV_INVALID_NAME)
		assert_int_equal((intptr_t)end, PORT_E_RCV_PORT_DIED);
	assert_int_equal(port_call(port, 5, &(struct wire_buf){ 0 }, &reply, PORT_FOREVER),
	    PORT_E_SEND_INVALID_DEST);
	port_reply_deinit(&reply);
	assert_int_equal(port_deallocate(port), 0);
}

/* The answer to a call that was given up is not the answer to the next one. */
static void
test_late_answer(void **state)
{
	port_name_t port = new_port();
	struct port_message request;
	struct keeper_info_out info;
	struct port_reply reply;

	(void)state;
	assert_int_equal(port_call(port, 1000, &(struct wire_buf){ 0 }, &reply,
	    1), PORT_E_RCV_TIMED_OUT);
	port_reply_deinit(&reply);
	assert_int_equal(port_receive(port, &request, PORT_FOREVER), 0);
	port_reply_send(&request, 0, "late", NULL);
	port_message_destroy(&request);
	assert_int_equal(keeper_info_call(port_bootstrap(), &(struct keeper_info_in){ 0 }, &info,
	    &reply, PORT_FOREVER), 0);
	assert_string_equal(info.version, "test");
	port_reply_deinit(&reply);
	assert_int_equal(port_destroy(port), 0);
}

/* Waits that end ------------------------------------------------------------------- */

static _Atomic unsigned n_signals;

static void
on_signal(int number)
{
	(void)number;
	n_signals++;
}

struct waiter {
	pthread_t thread;
	port_name_t port;
	port_name_t full;	/* to send to first, or PORT_NULL */
	uint32_t options;
	_Atomic int started;
	_Atomic int ended;
	struct port_message sent, got;
	int code;
};

static void *
wait_for_message(void *arg)
{
	struct waiter *waiter = arg;

	waiter->sent = (struct port_message){
		.id = 8, .remote = waiter->full, .remote_disposition = PORT_COPY_SEND,
	};
	waiter->started = 1;
	waiter->code = port_exchange(waiter->full ? &waiter->sent : NULL, PORT_FOREVER,
	    waiter->port, waiter->port ? &waiter->got : NULL, PORT_FOREVER, waiter->options);
	waiter->ended = 1;
	return NULL;
}

static void
start_waiter(struct waiter *waiter)
{
	assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_message, waiter), 0);
	while (!waiter->started)
		sched_yield();
}

/* Until it has ended; one that came too early to count is followed by others. */
static void
signal_until_ended(struct waiter *waiter)
{
	while (!waiter->ended) {
		pthread_kill(waiter->thread, SIGUSR1);
		usleep(500);
	}
	assert_int_equal(pthread_join(waiter->thread, NULL), 0);
}

static void
send_one(port_name_t port, uint32_t id)
{
	struct port_message sent = {
		.id = id, .remote = port, .remote_disposition = PORT_COPY_SEND
	};

	assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
}

static void
catch_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
}

static void
test_interrupted(void **state)
{
	port_name_t port = new_port();
	struct waiter waiter = { .port = port, .options = PORT_MSG_RCV_INTERRUPT };
	struct waiter deaf = { .port = port };
	struct port_message got;

	(void)state;
	catch_signal();
	start_waiter(&waiter);
	signal_until_ended(&waiter);
	assert_int_equal(waiter.code, PORT_E_RCV_INTERRUPTED);
	/* The next message is not lost. */
	send_one(port, 1);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.id, 1);
	port_message_destroy(&got);

	start_waiter(&deaf);
	for (unsigned seen = n_signals; n_signals < seen + 20; usleep(500))
		pthread_kill(deaf.thread, SIGUSR1);
	assert_int_equal(deaf.ended, 0);
	send_one(port, 2);
	signal_until_ended(&deaf);
	assert_int_equal(deaf.code, 0);
	assert_int_equal(deaf.got.id, 2);
	port_message_destroy(&deaf.got);
	assert_int_equal(port_destroy(port), 0);
}

/* A signal counts for the half that asked for it, and for no other. */
static void
test_interrupted_send(void **state)
{
	port_name_t port = new_port();
	struct waiter waiter = { .full = port, .options = PORT_MSG_SEND_INTERRUPT };
	struct waiter other = { .full = port, .port = port, .options = PORT_MSG_RCV_INTERRUPT };
	struct port_message got;
	uint32_t refs;

	(void)state;
	catch_signal();
	assert_int_equal(port_set_qlimit(port, 0), 0);
	start_waiter(&waiter);
	signal_until_ended(&waiter);
	assert_int_equal(waiter.code, PORT_E_SEND_INTERRUPTED);
	assert_int_equal(waiter.sent.remote_disposition, PORT_MOVE_SEND);
	port_message_destroy(&waiter.sent);

	start_waiter(&other);
	for (unsigned seen = n_signals; n_signals < seen + 20; usleep(500))
		pthread_kill(other.thread, SIGUSR1);
	assert_int_equal(other.ended, 0);
	assert_int_equal(port_set_qlimit(port, 1), 0);
	signal_until_ended(&other);
	if (other.code == 0) {
		got = other.got;
	} else {
		assert_int_equal(other.code, PORT_E_RCV_INTERRUPTED);
		assert_int_equal(port_receive(port, &got, 0), 0);
	}
	assert_int_equal(got.id, 8);
	port_message_destroy(&got);
	assert_int_equal(port_get_refs(port, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 1);
	assert_int_equal(port_destroy(port), 0);
}

static void
test_cancelled(void **state)
{
	port_name_t port = new_port();
	struct waiter waiter = { .port = port };
	struct port_message got;
	void *end;

	(void)state;
	start_waiter(&waiter);
	assert_int_equal(pthread_cancel(waiter.thread), 0);
	assert_int_equal(pthread_join(waiter.thread, &end), 0);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	send_one(port, 1);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.id, 1);
	port_message_destroy(&got);
	assert_int_equal(port_destroy(port), 0);
}

/* However a message and a cancellation meet, the message is received once, with
 * all that is in it. */
static void
test_cancelled_at_once(void **state)
{
	port_name_t port = new_port(), other = new_port();
	struct port_message got;
	uint32_t refs;
	void *end;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		struct waiter waiter = { .port = port };
		struct port_message sent = {
			.id = i, .remote = port, .remote_disposition = PORT_COPY_SEND
		};

		wire_put_port(&sent.body, (struct wire_port){ other, PORT_MAKE_SEND });
		start_waiter(&waiter);
		for (uint32_t turns = i % 16; turns > 0; turns--)
			sched_yield();
		assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
		port_message_deinit(&sent);
		assert_int_equal(pthread_cancel(waiter.thread), 0);
		assert_int_equal(pthread_join(waiter.thread, &end), 0);
		if (waiter.ended)
			got = waiter.got;
		else
			assert_int_equal(port_receive(port, &got, 0), 0);
		assert_int_equal(got.id, i);
		assert_int_equal(got.body.n_ports, 1);
		port_message_destroy(&got);
		assert_int_equal(port_receive(port, &got, 0), PORT_E_RCV_TIMED_OUT);
	}
	assert_int_equal(port_get_refs(other, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 1);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* A sender that is cancelled has its rights back. */
static void
test_cancelled_sender(void **state)
{
	port_name_t port = new_port();
	struct waiter waiter = { .full = port };
	struct port_status status;
	void *end;
	uint32_t refs;

	(void)state;
	assert_int_equal(port_set_qlimit(port, 0), 0);
	start_waiter(&waiter);
	assert_int_equal(pthread_cancel(waiter.thread), 0);
	assert_int_equal(pthread_join(waiter.thread, &end), 0);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	assert_int_equal(waiter.sent.remote_disposition, PORT_MOVE_SEND);
	assert_int_equal(port_get_refs(port, PORT_RIGHT_SEND, &refs), 0);
	assert_int_equal(refs, 2);
	assert_int_equal(port_receive_status(port, &status), 0);
	assert_int_equal(status.msgcount, 0);
	port_message_destroy(&waiter.sent);
	assert_int_equal(port_destroy(port), 0);
}

/* Threads and processes ----------------------------------------------------------- */

enum { N_THREADS = 8, N_CALLS = 100 };

static void *
call_often(void *arg)
{
	struct keeper_info_out out;
	struct port_reply reply;

	(void)arg;
	for (int i = 0; i < N_CALLS; i++) {
		int err = keeper_info_call(port_bootstrap(), &(struct keeper_info_in){ 0 }, &out,
		    &reply, PORT_FOREVER);

		port_reply_deinit(&reply);
		if (err)
			return (void *)(intptr_t)err;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[N_THREADS];
	void *err;

	(void)state;
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, NULL), 0);
	for (int i = 0; i < N_THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &err), 0);
		assert_null(err);
	}
}

static int
be_a_child(uint32_t parent_task)
{
	uint32_t type;
	int err;

	if (port_type(port_bootstrap(), &type) != -ENOTCONN || port_bootstrap() != PORT_NULL)
		return 1;
	err = port_connect("child");
	if (err) {
		print_error("the child: %s\n", port_error_text(err));
		return 2;
	}
	if (port_task_id() == parent_task || call_often(NULL))
		return 3;
	port_detach();
	return port_type(port_bootstrap(), &type) == -ENOTCONN ? 0 : 4;
}

static void
test_fork(void **state)
{
	uint32_t task = port_task_id();
	int status;
	pid_t pid;

	(void)state;
	call_often(NULL);
	pid = fork();
	if (pid == 0)
		_exit(be_a_child(task));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_null(call_often(NULL));
}

static void
test_attach_again(void **state)
{
	port_name_t name;

	(void)state;
	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &name), 0);
	assert_null(call_often(NULL));
	port_detach();
	assert_int_equal(port_bootstrap(), PORT_NULL);
	assert_int_equal(port_destroy(name), -ENOTCONN);
	assert_int_equal(port_connect("test-port again"), 0);
	/* The task is a new one, with its own names. */
	assert_null(call_often(NULL));
}

/* What port_attach is given when it is no portd at all. */
static void
test_bad_attach(void **state)
{
	int ends[2], fds;

	(void)state;
	port_detach();
	fds = count_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(port_attach(ends[0], "x"), -ENOTCONN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(send(ends[1], "rubbish", 7, 0), 7);
	assert_int_equal(port_attach(ends[0], "x"), -EPROTO);
	close(ends[1]);
	assert_int_equal(port_attach(-1, "x"), -EBADF);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(port_connect("test-port"), 0);
}

/* portd ends under a thread that waits. */
static void
test_portd_gone(void **state)
{
	port_name_t port = new_port();
	struct port_status unused;
	struct port_reply reply;
	pthread_t thread;
	void *end;
	int status;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, serve, &port), 0);
	kill(world, SIGTERM);
	assert_int_equal(waitpid(world, &status, 0), world);
	assert_int_equal(status, 0);
	world = 0;
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_int_equal((intptr_t)end, -ENOTCONN);
	assert_int_equal(port_receive_status(port, &unused), -ENOTCONN);
	assert_int_equal(port_call(port, 5, &(struct wire_buf){ 0 }, &reply,
	    PORT_FOREVER), -ENOTCONN);
	port_reply_deinit(&reply);
	port_detach();
	assert_int_equal(port_connect("test-port"), -ECONNREFUSED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_attached),
		TEST(test_names),
		TEST(test_notification),
		TEST(test_attributes),
		TEST(test_guards),
		TEST(test_sets),
		TEST(test_many_names),
		TEST(test_tasks),
		TEST(test_message),
		TEST(test_destroy),
		TEST(test_refused),
		TEST(test_pseudo_receive),
		TEST(test_exchange),
		TEST(test_keeper),
		TEST(test_server),
		TEST(test_late_answer),
		TEST(test_interrupted),
		TEST(test_interrupted_send),
		TEST(test_cancelled),
		TEST(test_cancelled_at_once),
		TEST(test_cancelled_sender),
		TEST(test_threads),
		TEST(test_fork),
		TEST(test_attach_again),
		TEST(test_bad_attach),
		cmocka_unit_test(test_portd_gone),
	};

	return cmocka_run_group_tests(tests, start_world, end_world);
}
