/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-account: who pays for what, how much anybody may have, and how tasks begin and end. */
#include "portd/test-case.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "portd/account.h"
#include "portd/test-pidfd.h"

static struct account *
account_of(const struct client *c)
{
	return space_of(c)->task->account;
}

static void
a_task_gets_half_of_what_is_left(void **state)
{
	struct account *a = account_new(world, 1), *b = account_new(world, 1), *c = account_new(world, 2);
	size_t n = ACCOUNT_PORTS_MAX;

	(void)state;
	assert_ptr_equal(a->user, b->user);
	assert_true(account_charge(a, ACCOUNT_PORTS, n));
	assert_false(account_allows(a, ACCOUNT_PORTS, 1));
	assert_true(account_allows(a, ACCOUNT_PORTS, 0));
	assert_true(account_charge(b, ACCOUNT_PORTS, n / 2));
	assert_false(account_charge(b, ACCOUNT_PORTS, 1));
	assert_false(account_allows(b, ACCOUNT_PORTS, SIZE_MAX));
	assert_true(account_allows(b, ACCOUNT_RIGHTS, 1));
	assert_true(account_charge(c, ACCOUNT_PORTS, n));
	account_return(a, ACCOUNT_PORTS, n);
	assert_true(account_charge(b, ACCOUNT_PORTS, n / 2));
	assert_true(account_charge(NULL, ACCOUNT_PORTS, SIZE_MAX));
	account_return(b, ACCOUNT_PORTS, n);
	account_return(c, ACCOUNT_PORTS, n);
	account_close(a);
	account_close(b);
	account_close(c);
	account_check(world);
}

static void
a_closed_account_lasts_until_it_is_empty(void **state)
{
	struct account *a = account_new(world, 1);
	struct account_user *user = a->user;

	(void)state;
	account_add(a, ACCOUNT_BYTES, 10);
	account_add(a, ACCOUNT_MESSAGES, 1);
	account_close(a);
	account_return(a, ACCOUNT_BYTES, 10);
	IS(user->used[ACCOUNT_MESSAGES], 1);
	account_return(a, ACCOUNT_MESSAGES, 1);
	account_check(world);
}

/* A sender's messages are on his account until they are received, and he may be gone. */
static void
who_sends_pays(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct account *account = account_of(&U);

	(void)state;
	fill(&U, m, 2);
	IS(account->used[ACCOUNT_MESSAGES], 2);
	IS(account_of(&T)->used[ACCOUNT_MESSAGES], 0);
	client_close(&U);
	U.fd = -1;
	assert_true(account->closed);
	IS(account->used[ACCOUNT_MESSAGES], 2);
	IS(account->used[ACCOUNT_CONNECTIONS], 0);
	expect_message(&T, n, 0);
	IS(account->used[ACCOUNT_MESSAGES], 1);
	expect_message(&T, n, 1);
}

/* Wherever its receive right goes. */
static void
who_allocates_a_port_pays(void **state)
{
	port_name_t n = new_port(&T), p = give(&T, n, MR, &U);
	struct account *account = account_of(&T);

	(void)state;
	IS(account->used[ACCOUNT_PORTS], 1);
	IS(account->used[ACCOUNT_RIGHTS], 0);
	IS(account_of(&U)->used[ACCOUNT_PORTS], 0);
	IS(account_of(&U)->used[ACCOUNT_RIGHTS], 1);
	kill_port(&U, p);
	IS(account->used[ACCOUNT_PORTS], 0);
}

static void
notifications_are_the_receivers(void **state)
{
	port_name_t n = new_port(&T), so = give(&T, n, KSO, &U);

	(void)state;
	OK(deallocate(&U, so));
	IS(account_of(&U)->used[ACCOUNT_MESSAGES], 0);
	IS(account_of(&T)->used[ACCOUNT_MESSAGES], 1);
	expect_notification(&T, n, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
connections_have_a_limit(void **state)
{
	int fds[ACCOUNT_CONNECTIONS_MAX], n = 0, code;
	struct thread_out out;

	(void)state;
	world->checked = false;
	while ((code = client_thread(&T, (struct thread_in){ 0 }, &out)) == 0)
		fds[n++] = out.connection;
	IS(code, PORT_E_RESOURCE_SHORTAGE);
	IS(n, ACCOUNT_CONNECTIONS_MAX - 1);
	world_check(world);
	while (n > 0)
		close(fds[--n]);
	for (int i = 0; i < 3 * ACCOUNT_CONNECTIONS_MAX; i++)
		client_pump(&T);
	IS(account_of(&T)->used[ACCOUNT_CONNECTIONS], 1);
}

/* N02, N08: who connects and says nothing is there only as long as nobody else comes. */
static void
strangers_make_room(void **state)
{
	enum { N = 100 };
	int ends[N][2];
	uint32_t tasks = world_tasks(world);
	struct client late;
	char c;

	(void)state;
	for (int i = 0; i < N; i++) {
		OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends[i]));
		OK(world_accept(world, ends[i][0]));
	}
	assert_true(world->n_strangers < N);
	IS(recv(ends[0][1], &c, 1, MSG_DONTWAIT), 0);
	IS(recv(ends[N - 1][1], &c, 1, MSG_DONTWAIT), -1);
	IS(world_tasks(world), tasks);
	client_open(&late, world, &loop);
	client_close(&late);
	for (int i = 0; i < N; i++)
		close(ends[i][1]);
	for (int i = 0; i < 2 * N; i++)
		client_pump(&T);
	IS(world->n_strangers, 0);
}

/* Tasks. */

static port_name_t
self_of(struct client *c)
{
	struct task_self_out out = { 0 };

	OK(client_task_self(c, (struct task_self_in){ 0 }, &out));
	return out.name;
}

static void
a_task_port(void **state)
{
	port_name_t self = self_of(&T), other, n = new_port(&U);
	struct type_out type;
	struct mail mail;

	(void)state;
	IS(self_of(&T), self);
	IS(refs(&T, self, SEND), 2);
	OK(client_type(&T, (struct type_in){ .name = self, .task = self }, &type));
	IS(type.type, TYPE_SEND);
	other = give(&T, self, CS, &U);
	OK(client_type(&U, (struct type_in){ .name = self, .task = other }, &type));
	IS(client_type(&U, (struct type_in){ .name = n, .task = n }, &type), PORT_E_INVALID_TASK);
	IS(client_type(&U, (struct type_in){ .name = n, .task = UNKNOWN }, &type), PORT_E_INVALID_TASK);
	IS(client_type(&U, (struct type_in){ .name = n, .task = PORT_DEAD }, &type), PORT_E_INVALID_TASK);
	/* It takes no messages. */
	OK(send_plain(&U, other, CS, 77));
	OK(send_reply(&U, other, CS, n, KSO));
	OK(receive(&U, n, &mail));
	IS(mail.out.id, 1 + RPC_REPLY_OFFSET);
	OK(send_right(&U, other, CS, n, KS));
	IS(status(&U, n).srights, 0);
	client_close(&T);
	T.fd = -1;
	IS(type_of(&U, other), TYPE_DEAD_NAME);
	IS(client_type(&U, (struct type_in){ .name = n, .task = other }, &type), PORT_E_INVALID_TASK);
}

/* A child of T's whose bootstrap is a send right to n; *taskp is its task port. */
static int
spawn(port_name_t n, port_name_t *taskp)
{
	struct spawn_out out;

	OK(client_spawn(&T, (struct spawn_in){ n, KS, 0 }, &out));
	*taskp = out.task;
	return out.connection;
}

/* This process says hello itself. */
static void
a_spawned_task(void **state)
{
	port_name_t n = new_port(&T), task, notify = new_port(&T);
	struct client child = { .loop = &loop };
	struct type_out type;

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 9, notify);
	OK(client_start(&child, spawn(n, &task)));
	assert_true(child.bootstrap != PORT_NULL);
	OK(client_type(&T, (struct type_in){ .name = child.bootstrap, .task = task }, &type));
	IS(type.type, TYPE_SEND);
	OK(send_plain(&child, child.bootstrap, CS, 4));
	expect_message(&T, n, 4);
	/* J17: without connections it has nothing, but its process, this one, lives. */
	client_close(&child);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(type_of(&T, task), TYPE_SEND);
	OK(client_allocate(&T, (struct allocate_in){ .kind = RECEIVE, .task = task }, NULL));
	core_enter(world);
	task_end(LIST_ENTRY(world->tasks.prev, struct task, link));
	core_leave(world);
	IS(type_of(&T, task), TYPE_DEAD_NAME);
}

/* Q10: the child ends before it has said a word. */
static void
a_child_that_never_was(void **state)
{
	port_name_t n = new_port(&T), task, notify = new_port(&T);
	int fd = spawn(n, &task);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 9, notify);
	close(fd);
	client_pump(&T);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(type_of(&T, task), TYPE_DEAD_NAME);
}

/* A child that greets, and is killed. */
static void
a_spawned_process(void **state)
{
	port_name_t n, task;
	int fd, status;
	pid_t pid;
	char c;
	int ends[2];

	(void)state;
	NEED_PIDFDS();
	n = new_port(&T);
	fd = spawn(n, &task);
	OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	pid = fork();
	if (pid == 0) {
		struct client child = { 0 };

		_exit(client_start(&child, fd) != 0 || recv(ends[1], &c, 1, 0) != 1 ||
		    send_plain(&child, child.bootstrap, CS, 6) != 0 || pause() == 0);
	}
	close(fd);
	close(ends[1]);
	IS(send(ends[0], "", 1, 0), 1);
	for (struct mail mail; receive(&T, n, &mail) == PORT_E_RCV_TIMED_OUT; )
		uv_run(&loop, UV_RUN_NOWAIT);
	IS(type_of(&T, task), TYPE_SEND);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	while (type_of(&T, task) != TYPE_DEAD_NAME)
		uv_run(&loop, UV_RUN_NOWAIT);
	close(ends[0]);
}

static void
spawns_that_fail(void **state)
{
	port_name_t n = new_port(&T);
	struct spawn_out out;

	(void)state;
	IS(client_spawn(&T, (struct spawn_in){ n, CS, 0 }, &out), PORT_E_INVALID_RIGHT);
	IS(client_spawn(&T, (struct spawn_in){ UNKNOWN, CS, 0 }, &out), PORT_E_INVALID_NAME);
	IS(client_spawn(&T, (struct spawn_in){ n, 1, 0 }, &out), PORT_E_INVALID_VALUE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_gets_half_of_what_is_left),
		TEST(a_closed_account_lasts_until_it_is_empty),
		TEST(who_sends_pays),
		TEST(who_allocates_a_port_pays),
		TEST(notifications_are_the_receivers),
		TEST(connections_have_a_limit),
		TEST(strangers_make_room),
		TEST(a_task_port),
		TEST(a_spawned_task),
		TEST(a_child_that_never_was),
		TEST(a_spawned_process),
		TEST(spawns_that_fail),
	};

	return RUN(tests);
}
