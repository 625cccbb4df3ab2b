/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-world: real processes on real sockets, that die, fork, stop, do not read
 * and talk rubbish, while the world in this process must keep its books.
 *
 * The children find a switchboard as their bootstrap: a port of this process's own,
 * where they leave and find rights, and tell how far they are. A child that finds
 * something wrong says where and exits with 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/task.h"
#include "portd/test-client.h"
#include "portd/test-pidfd.h"

enum {
	LEAVE = 1,		/* slot, port */
	FIND = 2,		/* slot; the answer has the port */
	TELL = 3,		/* event */
	SLOTS = 4,
	EVENTS = 8,
	CHILDREN = 8,
	GUARD_MS = 120 * 1000,	/* only a test that hangs gets here */
};

static uv_loop_t loop;
static uv_timer_t guard, tick;
static struct world *world;
static struct port *switchboard;
static struct right slots[SLOTS];
static struct message *finders[SLOTS];
static uint32_t told[EVENTS];
static pid_t children[CHILDREN];
static int fds_before;

/* The switchboard. */

static void
answer_find(struct message *request, uint32_t slot)
{
	struct message *answer = message_new(FIND + RPC_REPLY_OFFSET);

	wire_put_port(&answer->body, message_add_right(answer, right_copy_send(&slots[slot])));
	message_send(message_take_reply(request), answer, (struct right){ RIGHT_NULL, NULL });
	message_free(request);
}

static void
on_message(struct port *port, struct message *message, void *arg)
{
	uint32_t value = wire_get_u32(&message->body);

	(void)port;
	(void)arg;
	if (message->id == LEAVE && value < SLOTS) {
		right_release(slots[value]);
		slots[value] = message_take_right(message, wire_get_port(&message->body));
		if (finders[value])
			answer_find(finders[value], value);
		finders[value] = NULL;
	} else if (message->id == FIND && value < SLOTS) {
		if (slots[value].kind == RIGHT_SEND) {
			answer_find(message, value);
		} else {
			message_free(finders[value]);
			finders[value] = message;
		}
		return;
	} else if (message->id == TELL && value < EVENTS) {
		told[value]++;
	}
	message_free(message);
}

/* The tests' own process. */

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
on_guard(uv_timer_t *timer)
{
	(void)timer;
	fprintf(stderr, "test-world: it hangs\n");
	for (int i = 0; i < CHILDREN; i++)
		if (children[i])
			kill(children[i], SIGKILL);
	abort();
}

static void
on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static int
setup(void **state)
{
	(void)state;
	fds_before = count_fds();
	uv_loop_init(&loop);
	uv_timer_init(&loop, &guard);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&guard, on_guard, GUARD_MS, 0);
	uv_timer_start(&tick, on_tick, 2, 2);
	world = world_new(&loop, getuid());
	world->checked = true;
	switchboard = port_new_kernel(world, on_message, NULL);
	world_set_bootstrap(world, right_make_send(switchboard));
	memset(told, 0, sizeof(told));
	return 0;
}

static void
forget_rights(void)
{
	for (int i = 0; i < SLOTS; i++) {
		right_release(slots[i]);
		slots[i] = (struct right){ RIGHT_NULL, NULL };
		message_free(finders[i]);
		finders[i] = NULL;
	}
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < CHILDREN; i++)
		assert_int_equal(children[i], 0);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(world_tasks(world), 0);
	forget_rights();
	world_free(world);
	uv_close((uv_handle_t *)&guard, NULL);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

/* The parts that children play, by their names. */
static void (*find_play(const char *name))(int);

/* Makes this process an actor that knows nothing of the test, not even its
 * memory. Does not return. */
static void
act(const char *play, int fd)
{
	char path[4096], number[16];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[size < 0 ? 0 : size] = '\0';
	snprintf(number, sizeof(number), "%d", fd);
	for (int other = 3; other < 256; other++)
		if (other != fd)
			close(other);
	fcntl(fd, F_SETFD, 0);
	execl(path, path, play, number, NULL);
	_exit(127);
}

/* Starts a child that connects by itself. */
static pid_t
start(const char *play)
{
	int fds[2], slot = 0;
	pid_t pid;

	while (children[slot])
		slot++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(world_accept(world, fds[0]), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		act(play, fds[1]);
	close(fds[1]);
	children[slot] = pid;
	return pid;
}

/* Runs the world until a child has ended; its status. */
static int
finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0)
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < CHILDREN; i++)
		if (children[i] == pid)
			children[i] = 0;
	return status;
}

static void
wait_until_told(uint32_t event, uint32_t times)
{
	while (told[event] < times)
		uv_run(&loop, UV_RUN_ONCE);
}

static void
kill_now(pid_t pid)
{
	kill(pid, SIGKILL);
	finish(pid);
}

/* The children. */

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(                                                                   \
			    stderr, "test-world: %s:%d: %s\n", __func__, __LINE__, #condition);    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static struct client
begin(int fd)
{
	struct client c = { 0 };

	MUST(client_start(&c, fd) == 0);
	return c;
}

static port_name_t
new_port(struct client *c)
{
	struct allocate_out out;

	MUST(client_allocate(c, (struct allocate_in){ .kind = PORT_RIGHT_RECEIVE }, &out) == 0);
	return out.name;
}

static void
ask(struct client *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify)
{
	MUST(client_request_notification(c, (struct request_notification_in){
	    .name = name, .id = id, .sync = sync, .notify = notify,
	    .disposition = PORT_MAKE_SEND_ONCE }, NULL) == 0);
}

static void
post(struct client *c, uint32_t id, uint32_t value, const struct wire_port *port)
{
	struct letter l = {
		.options = PORT_MSG_SEND,
		.remote = c->bootstrap,
		.remote_disposition = PORT_COPY_SEND,
		.id = id,
	};
	struct wire_buf body = { 0 };

	wire_put_u32(&body, value);
	if (port)
		wire_put_port(&body, *port);
	l.body = (struct wire_blob){ body.data, body.size };
	l.ports = body.ports;
	l.n_ports = body.n_ports;
	MUST(client_exchange(c, &l, NULL) == 0);
	wire_buf_deinit(&body);
}

static void
leave(struct client *c, uint32_t slot, port_name_t port)
{
	post(c, LEAVE, slot, &(struct wire_port){ port, PORT_MAKE_SEND });
}

static void
tell(struct client *c, uint32_t event)
{
	post(c, TELL, event, NULL);
}

static port_name_t
find(struct client *c, uint32_t slot)
{
	port_name_t reply = new_port(c);
	uint8_t body[4] = { (uint8_t)slot };
	struct letter l = {
		.options = PORT_MSG_SEND | PORT_MSG_RCV,
		.remote = c->bootstrap,
		.remote_disposition = PORT_COPY_SEND,
		.local = reply,
		.local_disposition = PORT_MAKE_SEND_ONCE,
		.id = FIND,
		.rcv_name = reply,
		.rcv_size = 100,
		.body = { body, 4 },
	};
	struct mail mail;
	port_name_t found;

	MUST(client_exchange(c, &l, &mail) == 0);
	MUST(mail.out.id == FIND + RPC_REPLY_OFFSET && mail.n_ports == 1);
	found = mail.ports[0].name;
	MUST(client_destroy(c, (struct destroy_in){ .name = reply }, NULL) == 0);
	return found;
}

static int
receive(struct client *c, port_name_t name, struct mail *mail)
{
	struct letter l = { .options = PORT_MSG_RCV, .rcv_name = name, .rcv_size = 1000 };

	return client_exchange(c, &l, mail);
}

static void
expect(struct client *c, port_name_t name, uint32_t id)
{
	struct mail mail;

	MUST(receive(c, name, &mail) == 0);
	MUST(mail.out.id == id);
}

/* A server that takes requests and never answers, and a client that hears of its
 * death in every way there is. */

static void
mute_server(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c);

	leave(&c, 0, n);
	for (int i = 0; i < 3; i++)
		expect(&c, n, 50);
	tell(&c, 0);
	pause();
}

static void
widow(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t server = find(&c, 0), reply[4], gift = new_port(&c), dead = new_port(&c),
		    gone = new_port(&c);
	struct wire_port port = { gift, PORT_MAKE_SEND };
	struct get_refs_out out;

	ask(&c, server, PORT_NOTIFY_DEAD_NAME, 1, dead);
	ask(&c, gift, PORT_NOTIFY_NO_SENDERS, 3, gone);
	for (int i = 0; i < 4; i++) {
		struct letter l = {
			.options = PORT_MSG_SEND,
			.remote = server,
			.remote_disposition = PORT_COPY_SEND,
			.local = reply[i] = new_port(&c),
			.local_disposition = PORT_MAKE_SEND_ONCE,
			.id = 50,
			.ports = &port,
			.n_ports = 1,
		};

		MUST(client_exchange(&c, &l, NULL) == 0);
	}
	tell(&c, 1);
	for (int i = 0; i < 4; i++)
		expect(&c, reply[i], PORT_NOTIFY_SEND_ONCE);
	expect(&c, dead, PORT_NOTIFY_DEAD_NAME);
	expect(&c, gone, PORT_NOTIFY_NO_SENDERS);
	MUST(client_get_refs(&c,
		 (struct get_refs_in){ .name = server, .kind = PORT_RIGHT_DEAD_NAME }, &out) ==
	     0);
	MUST(out.urefs == 2);
}

static void
J10_to_J12_a_server_is_killed(void **state)
{
	pid_t server = start("mute_server"), client = start("widow");

	(void)state;
	wait_until_told(0, 1);
	wait_until_told(1, 1);
	kill_now(server);
	assert_int_equal(finish(client), 0);
}

/* J11: the client is gone; the server notices when it answers. */

static void
patient_server(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c), go = new_port(&c);
	struct mail mail;
	struct letter l = {
		.options = PORT_MSG_SEND,
		.remote_disposition = PORT_MOVE_SEND_ONCE,
	};

	leave(&c, 0, n);
	MUST(receive(&c, n, &mail) == 0);
	l.remote = mail.out.remote;
	ask(&c, l.remote, PORT_NOTIFY_DEAD_NAME, 1, go);
	tell(&c, 0);
	expect(&c, go, PORT_NOTIFY_DEAD_NAME);
	MUST(client_exchange(&c, &l, NULL) == PORT_E_SEND_INVALID_DEST);
	MUST(client_deallocate(&c, (struct deallocate_in){ .name = l.remote }, NULL) == 0);
}

static void
client_that_waits(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t server = find(&c, 0), reply = new_port(&c);
	struct letter l = {
		.options = PORT_MSG_SEND | PORT_MSG_RCV,
		.remote = server,
		.remote_disposition = PORT_COPY_SEND,
		.local = reply,
		.local_disposition = PORT_MAKE_SEND_ONCE,
		.rcv_name = reply,
	};

	client_exchange(&c, &l, NULL);
}

static void
J11_a_client_is_killed(void **state)
{
	pid_t server = start("patient_server"), client = start("client_that_waits");

	(void)state;
	wait_until_told(0, 1);
	kill_now(client);
	assert_int_equal(finish(server), 0);
}

/* A fork child is not the task. */

static void
forker(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	pid_t child = fork();
	int status;

	if (child == 0) {
		MUST(client_allocate(
			 &c, (struct allocate_in){ .kind = PORT_RIGHT_RECEIVE }, NULL) == -EPERM);
		MUST(client_receive(&c) == -EPIPE);
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	MUST(client_receive(&c) == -EPIPE);
}

static void
a_fork_child_is_refused(void **state)
{
	(void)state;
	assert_int_equal(finish(start("forker")), 0);
}

/* J16: who holds the descriptors does not matter. */

static void
parent_of_a_holder(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c);
	int pipe_fds[2];

	MUST(pipe(pipe_fds) == 0);
	if (fork() == 0) {
		char byte;

		close(pipe_fds[1]);
		while (read(pipe_fds[0], &byte, 1) > 0)
			;
		/* the parent is dead, and this process still holds its connection for a while */
		usleep(200000);
		_exit(0);
	}
	leave(&c, 0, n);
	pause();
}

static void
watcher(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t server = find(&c, 0), dead = new_port(&c);

	ask(&c, server, PORT_NOTIFY_DEAD_NAME, 1, dead);
	tell(&c, 0);
	expect(&c, dead, PORT_NOTIFY_DEAD_NAME);
}

static void
J16_a_process_dies_its_descriptors_live(void **state)
{
	pid_t holder, client;

	(void)state;
	NEED_PIDFDS();
	holder = start("parent_of_a_holder");
	client = start("watcher");
	wait_until_told(0, 1);
	kill_now(holder);
	assert_int_equal(finish(client), 0);
}

/* J22: stopped is not dead. */

static void
stopped(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t right = find(&c, 0);

	MUST(right != PORT_NULL && right != PORT_DEAD);
	tell(&c, 0);
	pause();
}

static void
observer(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c), notify = new_port(&c);
	struct letter poll = { .options = PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, .rcv_name = notify };

	ask(&c, n, PORT_NOTIFY_NO_SENDERS, 1, notify);
	leave(&c, 0, n);
	tell(&c, 1);
	poll.rcv_timeout_ms = 100;
	MUST(client_exchange(&c, &poll, NULL) == PORT_E_RCV_TIMED_OUT);
	tell(&c, 2);
	expect(&c, notify, PORT_NOTIFY_NO_SENDERS);
}

static void
J22_a_stopped_task_lives(void **state)
{
	pid_t client = start("observer"), other;

	(void)state;
	wait_until_told(1, 1);
	other = start("stopped");
	wait_until_told(0, 1);
	forget_rights();
	kill(other, SIGSTOP);
	wait_until_told(2, 1);
	kill_now(other);
	assert_int_equal(finish(client), 0);
}

/* A sender that waits is killed; the message never arrives. */

static void
full_server(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c), dead = new_port(&c);
	struct letter poll = { .options = PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, .rcv_name = n };

	leave(&c, 0, n);
	ask(&c, n, PORT_NOTIFY_NO_SENDERS, 0, dead);
	tell(&c, 0);
	find(&c, 1);	/* until the sender was killed */
	for (uint32_t i = 0; i < 5; i++)
		expect(&c, n, i);
	MUST(client_exchange(&c, &poll, NULL) == PORT_E_RCV_TIMED_OUT);
	expect(&c, dead, PORT_NOTIFY_NO_SENDERS);
}

static void
pushing_client(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	struct letter l = {
		.options = PORT_MSG_SEND,
		.remote = find(&c, 0),
		.remote_disposition = PORT_COPY_SEND,
	};

	for (l.id = 0; l.id < 5; l.id++)
		MUST(client_exchange(&c, &l, NULL) == 0);
	tell(&c, 1);
	MUST(client_exchange(&c, &l, NULL) != 0);	/* is killed in the middle of it */
}

static void
nobody(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);

	leave(&c, 1, new_port(&c));
}

static void
G12_a_waiting_sender_is_killed(void **state)
{
	pid_t server = start("full_server"), client = start("pushing_client");
	bool waits = false;

	(void)state;
	wait_until_told(1, 1);
	while (!waits) {
		uv_run(&loop, UV_RUN_ONCE);
		LIST_FOR_EACH(link, next, &world->tasks) {
			struct task *task = LIST_ENTRY(link, struct task, link);

			if (task->pid == client)
				waits = LIST_ENTRY(task->connections.next, struct connection, link)
					    ->waiting == WAITING_TO_SEND;
		}
	}
	kill_now(client);
	right_release(slots[0]);
	slots[0] = (struct right){ RIGHT_NULL, NULL };
	assert_int_equal(finish(start("nobody")), 0);	/* lets the server begin to read */
	assert_int_equal(finish(server), 0);
}

/* M19, small: threads of one process call a server of two threads. */

enum { CALLERS = 6, CALLS = 300 };

static struct client main_client;
static port_name_t shared_port;
static pthread_mutex_t main_lock = PTHREAD_MUTEX_INITIALIZER;

static struct client
new_thread(void)
{
	struct client c = { 0 };
	struct thread_out out;

	pthread_mutex_lock(&main_lock);
	MUST(client_thread(&main_client, (struct thread_in){ 0 }, &out) == 0);
	pthread_mutex_unlock(&main_lock);
	c.fd = out.connection;
	return c;
}

static void *
serve(void *arg)
{
	struct client c = *(struct client *)arg;
	struct letter l = {
		.options = PORT_MSG_RCV,
		.rcv_name = shared_port,
		.rcv_size = 100,
		.remote_disposition = PORT_MOVE_SEND_ONCE,
	};
	struct mail mail;

	for (;;) {
		int code = client_exchange(&c, &l, &mail);

		if (code == PORT_E_RCV_PORT_DIED || code == PORT_E_RCV_INVALID_NAME)
			break;
		MUST(code == 0);
		l.options = PORT_MSG_SEND | PORT_MSG_RCV;
		l.remote = mail.out.remote;
		l.id = mail.out.id + RPC_REPLY_OFFSET;
	}
	client_close(&c);
	return NULL;
}

static void
threaded_server(int fd)
{
	struct client clients[2];
	pthread_t threads[2];
	port_name_t end;

	main_client = begin(fd);
	shared_port = new_port(&main_client);
	end = new_port(&main_client);
	ask(&main_client, shared_port, PORT_NOTIFY_NO_SENDERS, 1, end);
	leave(&main_client, 0, shared_port);
	for (int i = 0; i < 2; i++) {
		clients[i] = new_thread();
		MUST(pthread_create(&threads[i], NULL, serve, &clients[i]) == 0);
	}
	expect(&main_client, end, PORT_NOTIFY_NO_SENDERS);
	MUST(client_destroy(&main_client, (struct destroy_in){ .name = shared_port }, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	client_close(&main_client);
}

static void *
call_often(void *arg)
{
	struct client c = new_thread();
	uint32_t number = (uint32_t)(uintptr_t)arg;
	port_name_t reply = new_port(&c);
	struct letter l = {
		.options = PORT_MSG_SEND | PORT_MSG_RCV,
		.remote = shared_port,
		.remote_disposition = PORT_COPY_SEND,
		.local = reply,
		.local_disposition = PORT_MAKE_SEND_ONCE,
		.rcv_name = reply,
		.rcv_size = 100,
	};
	struct mail mail;

	for (uint32_t i = 0; i < CALLS; i++) {
		l.id = number * 1000000 + i * 1000;
		MUST(client_exchange(&c, &l, &mail) == 0);
		MUST(mail.out.id == l.id + RPC_REPLY_OFFSET);
		MUST(mail.out.seqno == i);
	}
	MUST(client_destroy(&c, (struct destroy_in){ .name = reply }, NULL) == 0);
	client_close(&c);
	return NULL;
}

static void
threaded_client(int fd)
{
	pthread_t threads[CALLERS];
	struct names_out names;

	main_client = begin(fd);
	shared_port = find(&main_client, 0);
	for (uintptr_t i = 0; i < CALLERS; i++)
		MUST(pthread_create(&threads[i], NULL, call_often, (void *)i) == 0);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	MUST(client_names(&main_client, (struct names_in){ 0 }, &names) == 0);
	MUST(names.names.size == 2 * 8);
	tell(&main_client, 0);
	client_close(&main_client);
}

static void
M19_threads_call_threads(void **state)
{
	pid_t server = start("threaded_server"), client = start("threaded_client");

	(void)state;
	assert_int_equal(finish(client), 0);
	forget_rights();
	assert_int_equal(finish(server), 0);
}

/* A task that portd started: it lives as long as its process, no less, no more. */

static void
on_death(void *arg)
{
	(*(int *)arg)++;
}

static void
started_task(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);

	leave(&c, 0, new_port(&c));
	tell(&c, 0);
	client_close(&c);	/* its last connection */
	pause();
}

static void
a_started_task(void **state)
{
	struct task *task;
	int fd, deaths = 0;
	pid_t pid;

	(void)state;
	NEED_PIDFDS();
	assert_int_equal(world_new_task(world, right_make_send(switchboard), &task, &fd), 0);
	pid = fork();
	if (pid == 0)
		act("started_task", fd);
	close(fd);
	children[0] = pid;
	assert_int_equal(task_bind(task, pid), 0);
	task_on_death(task, on_death, &deaths);
	wait_until_told(0, 1);
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(task->n_connections, 0);
	assert_int_equal(world_tasks(world), 1);
	assert_false(right_is_live(&slots[0]));
	kill_now(pid);
	while (deaths == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(deaths, 1);
}

static void
a_started_task_is_killed_by_its_keeper(void **state)
{
	struct port *port;
	struct task *task;
	int fd, deaths = 0;
	pid_t pid;

	(void)state;
	NEED_PIDFDS();
	port = port_new_kernel(world, on_message, NULL);
	assert_int_equal(world_new_task(world, right_make_send(port), &task, &fd), 0);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_int_equal(task_bind(task, pid), -ESRCH);
	task_on_death(task, on_death, &deaths);
	task_kill(task);
	assert_int_equal(deaths, 0);
	assert_int_equal(port->srights, 0);
	assert_int_equal(world_new_task(world, right_make_send(port), &task, &fd), 0);
	port_kill(port);	/* its bootstrap is a dead name now */
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	task_kill(task);
	close(fd);
}

/* What is not a request. */

static void
open_connection(struct client *c, bool greet)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(world_accept(world, fds[0]), 0);
	*c = (struct client){ .loop = &loop, .fd = fds[1] };
	if (greet)
		assert_int_equal(client_start(c, fds[1]), 0);
}

static void
expect_end(struct client *c)
{
	assert_int_equal(client_receive(c), -EPIPE);
	client_close(c);
}

static void
other_versions_are_told_ours(void **state)
{
	struct client c;
	struct wire_buf body = { 0 };
	struct hello_out out;

	(void)state;
	open_connection(&c, false);
	hello_in_put(&body, &(struct hello_in){ .version = WIRE_VERSION + 1, .program = "newer" });
	client_send(&c, CALL_hello, &body);
	assert_int_equal(client_receive(&c), -EPROTO);
	assert_int_equal(hello_out_get(&c.reply.body, &out), 0);
	assert_int_equal(out.version, WIRE_VERSION);
	assert_int_equal(world_tasks(world), 0);
	client_close(&c);
}

static void
rubbish_ends_the_connection(void **state)
{
	static const char *const records[] = { "x", "hird",
		"a record that is long enough to be a frame, but is none" };
	struct client c, bystander;
	struct wire_buf body = { 0 };

	(void)state;
	open_connection(&bystander, true);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		open_connection(&c, i & 1);
		assert_true(send(c.fd, records[i], strlen(records[i]), 0) > 0);
		expect_end(&c);
	}
	open_connection(&c, false);	/* a request before hello */
	client_send(&c, CALL_names, NULL);
	expect_end(&c);
	open_connection(&c, false);
	client_send(&c, CALL_msg, NULL);
	expect_end(&c);
	open_connection(&c, true);	/* two hellos */
	hello_in_put(&body, &(struct hello_in){ .version = WIRE_VERSION, .program = "again" });
	client_send(&c, CALL_hello, &body);
	expect_end(&c);
	open_connection(&c, true);	/* no such call */
	client_send(&c, 9999, NULL);
	expect_end(&c);
	open_connection(&c, true);	/* a body that is too short, or too long */
	client_send(&c, CALL_type, NULL);
	expect_end(&c);
	open_connection(&c, true);
	wire_put_u64(&body, 1);
	wire_put_u32(&body, 1);
	client_send(&c, CALL_type, &body);
	expect_end(&c);
	open_connection(&c, true);
	client_send(&c, CALL_msg, NULL);
	expect_end(&c);
	new_port(&bystander);
	client_close(&bystander);
}

static void
a_second_request_while_one_waits(void **state)
{
	struct client c;
	port_name_t n;

	(void)state;
	open_connection(&c, true);
	n = new_port(&c);
	client_post(&c, &(struct letter){ .options = PORT_MSG_RCV, .rcv_name = n });
	assert_false(client_has_reply(&c));
	client_send(&c, CALL_names, NULL);
	expect_end(&c);
}

static uint32_t random_state;

static uint32_t
chance(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* A valid record with a few bytes changed, or cut, or with descriptors added. */
static void
send_damaged(struct client *c, int pair[2])
{
	uint8_t data[4096];
	struct frame frame = { .call = chance(4) ? CALL_msg : chance(40) };
	ssize_t size;

	for (uint32_t n = chance(24); n > 0; n--)
		wire_put_u32(&frame.body, chance(3) ? chance(30) : chance(1u << 31));
	for (uint32_t n = chance(3); n > 0; n--) {
		wire_put_port(&frame.body, (struct wire_port){ chance(1024), chance(24) });
		frame.body.size -= 4 * chance(2);
	}
	if (chance(20) == 0)
		wire_put_fd(&frame.body, dup(pair[0]));
	assert_int_equal(frame_send(pair[0], &frame, 0), 0);
	wire_buf_deinit(&frame.body);
	size = recv(pair[1], data, sizeof(data), 0);
	for (uint32_t n = chance(4); n > 0; n--)
		data[chance((uint32_t)size)] = (uint8_t)chance(256);
	if (chance(8) == 0)
		size = 1 + (ssize_t)chance((uint32_t)size);
	(void)!send(c->fd, data, (size_t)size, MSG_NOSIGNAL);
}

static void
N07_damaged_frames(void **state)
{
	const char *seed = getenv("HIRD_SEED"), *n = getenv("HIRD_STEPS");
	long steps = n ? atol(n) : getenv("HIRD_VALGRIND") ? 3000 : 50000;
	struct client c;
	int pair[2];

	(void)state;
	random_state = seed ? (uint32_t)strtoul(seed, NULL, 0) : (uint32_t)time(NULL) | 1;
	print_message("seed %u, %ld steps\n", random_state, steps);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	open_connection(&c, true);
	for (long i = 0; i < steps; i++) {
		uint8_t sink[4096];
		ssize_t got;

		send_damaged(&c, pair);
		client_pump(&c);
		got = recv(c.fd, sink, sizeof(sink), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			client_close(&c);
			open_connection(&c, true);
			new_port(&c);
		}
	}
	client_close(&c);
	close(pair[0]);
	close(pair[1]);
}

static void
N12_one_that_does_not_read(void **state)
{
	struct client c, bystander;
	uint8_t task[4] = { 0 };
	const struct frame ask = { .call = CALL_names, .body = { .data = task, .size = 4 } };
	struct frame frame;
	struct connection *connection;
	uint32_t sent = 0;

	(void)state;
	open_connection(&c, true);
	connection = LIST_ENTRY(LIST_ENTRY(world->tasks.prev, struct task, link)->connections.next,
	    struct connection, link);
	open_connection(&bystander, true);
	for (uint32_t i = 0; i < 1000; i++)
		new_port(&c);
	for (uint32_t i = 0; i < 2000; i++) {
		sent += frame_send_keep(c.fd, &ask, MSG_DONTWAIT) == 0;
		uv_run(&loop, UV_RUN_NOWAIT);
		if (i % 100 == 0)
			new_port(&bystander);
	}
	assert_true(sent > 10 && sent < 2000);
	assert_int_equal(connection->n_out, 1);
	for (uint32_t i = 0; i < sent; i++) {	/* nothing is lost when it reads at last */
		while (!client_has_reply(&c))
			uv_run(&loop, UV_RUN_ONCE);
		assert_int_equal(frame_receive(c.fd, &frame, 0), 0);
		assert_int_equal(frame.code, 0);
		wire_buf_deinit(&frame.body);
	}
	for (uint32_t i = 0; i < 200; i++) {	/* now it goes without having read */
		frame_send_keep(c.fd, &ask, MSG_DONTWAIT);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(connection->n_out, 1);
	client_close(&bystander);
	client_close(&c);
}

/* Requests sent before the end count, even when replies were not read. */
static void
requests_before_the_end_count(void **state)
{
	struct client a, b;
	port_name_t n;
	struct letter l = { .options = PORT_MSG_SEND, .remote_disposition = PORT_COPY_SEND };

	(void)state;
	open_connection(&a, true);
	open_connection(&b, true);
	n = new_port(&a);
	leave(&a, 0, n);
	l.remote = find(&b, 0);
	for (l.id = 0; l.id < 4; l.id++) {
		client_post(&b, &l);
		if (l.id == 1)
			client_pump(&b);	/* with a reply that is never read */
	}
	close(b.fd);
	b.fd = -1;
	for (uint32_t i = 0; i < 4; i++)
		expect(&a, n, i);
	client_close(&b);
	client_close(&a);
}

static void
connections_have_a_limit(void **state)
{
	struct client c, second = { .loop = &loop };
	struct thread_out out;
	int fds[ACCOUNT_CONNECTIONS_MAX], n = 0, code;

	(void)state;
	open_connection(&c, true);
	while ((code = client_thread(&c, (struct thread_in){ 0 }, &out)) == 0)
		fds[n++] = out.connection;
	assert_int_equal(code, PORT_E_RESOURCE_SHORTAGE);
	assert_int_equal(n, ACCOUNT_CONNECTIONS_MAX - 1);
	second.fd = fds[0];
	new_port(&second);
	client_close(&c);	/* the first one may go: the task lives on */
	new_port(&second);
	assert_int_equal(world_tasks(world), 1);
	client_close(&second);
	for (int i = 1; i < n; i++)
		close(fds[i]);
}

static void
rights_and_ports_have_limits(void **state)
{
	struct client c, other;
	struct allocate_out out;
	port_name_t n, m;
	struct mail mail;
	struct letter l = { .options = PORT_MSG_SEND, .remote_disposition = PORT_COPY_SEND };
	struct wire_port ports[2];
	struct names_out names;
	uint32_t count = 1;
	int code;

	(void)state;
	world->checked = false;
	open_connection(&c, true);
	open_connection(&other, true);
	n = new_port(&c);
	leave(&c, 0, n);
	m = find(&other, 0);
	forget_rights();
	while ((code = client_allocate(
		    &c, (struct allocate_in){ .kind = PORT_RIGHT_RECEIVE }, &out)) == 0)
		count++;
	count++;	/* the bootstrap */
	assert_int_equal(code, PORT_E_NO_SPACE);
	assert_int_equal(count, ACCOUNT_RIGHTS_MAX);
	assert_int_equal(client_names(&c, (struct names_in){ 0 }, &names), 0);
	assert_int_equal(lseek(names.more, 0, SEEK_END), 8 * ACCOUNT_RIGHTS_MAX);
	close(names.more);

	/* no room for the reply right: the message is lost, and its sender hears that */
	l.remote = m;
	l.local = new_port(&other);
	l.local_disposition = PORT_MAKE_SEND_ONCE;
	assert_int_equal(client_exchange(&other, &l, NULL), 0);
	assert_int_equal(receive(&c, n, &mail), PORT_E_RCV_HEADER_ERROR | 0x2000);
	assert_int_equal(mail.out.remote, PORT_NULL);
	expect(&other, l.local, PORT_NOTIFY_SEND_ONCE);

	/* no room for a right of the body: the others arrive */
	ports[0] = (struct wire_port){ l.local, PORT_MAKE_SEND };
	ports[1] = (struct wire_port){ m, PORT_COPY_SEND };
	l.local = PORT_NULL;
	l.local_disposition = 0;
	l.ports = ports;
	l.n_ports = 2;
	assert_int_equal(client_exchange(&other, &l, NULL), 0);
	assert_int_equal(receive(&c, n, &mail), PORT_E_RCV_BODY_ERROR | 0x2000);
	assert_int_equal(mail.ports[0].name, PORT_NULL);
	assert_int_equal(mail.ports[1].name, n);
	world_check(world);
	client_close(&other);
	client_close(&c);
	world->checked = true;
}

static void
N02_another_user_is_refused(void **state)
{
	struct world *other = world_new(&loop, getuid() + 1);
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(world_accept(other, fds[0]), -EPERM);
	close(fds[1]);
	world_free(other);
}

/* N14: portd ends. */

static void
left_behind(int fd)
{
	AUTO_CLIENT struct client c = begin(fd);
	port_name_t n = new_port(&c);
	struct letter l = { .options = PORT_MSG_RCV, .rcv_name = n };

	tell(&c, 0);
	MUST(client_exchange(&c, &l, NULL) == -EPIPE);
}

static void
N14_the_world_ends(void **state)
{
	pid_t child = start("left_behind");

	(void)state;
	wait_until_told(0, 1);
	world_free(world);
	assert_int_equal(finish(child), 0);
	world = world_new(&loop, getuid());
	switchboard = port_new_kernel(world, on_message, NULL);
}

#define PLAY(name) { #name, name }

static void (*find_play(const char *name))(int)
{
	static const struct {
		const char *name;
		void (*play)(int);
	} plays[] = {
		PLAY(mute_server),
		PLAY(widow),
		PLAY(patient_server),
		PLAY(client_that_waits),
		PLAY(forker),
		PLAY(parent_of_a_holder),
		PLAY(watcher),
		PLAY(stopped),
		PLAY(observer),
		PLAY(full_server),
		PLAY(pushing_client),
		PLAY(nobody),
		PLAY(threaded_server),
		PLAY(threaded_client),
		PLAY(left_behind),
		PLAY(started_task),
	};

	for (size_t i = 0; i < ARRAY_SIZE(plays); i++)
		if (strcmp(plays[i].name, name) == 0)
			return plays[i].play;
	return NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(J10_to_J12_a_server_is_killed),
		TEST(J11_a_client_is_killed),
		TEST(a_fork_child_is_refused),
		TEST(J16_a_process_dies_its_descriptors_live),
		TEST(J22_a_stopped_task_lives),
		TEST(G12_a_waiting_sender_is_killed),
		TEST(M19_threads_call_threads),
		TEST(a_started_task),
		TEST(a_started_task_is_killed_by_its_keeper),
		TEST(other_versions_are_told_ours),
		TEST(rubbish_ends_the_connection),
		TEST(a_second_request_while_one_waits),
		TEST(N07_damaged_frames),
		TEST(N12_one_that_does_not_read),
		TEST(requests_before_the_end_count),
		TEST(connections_have_a_limit),
		TEST(rights_and_ports_have_limits),
		TEST(N02_another_user_is_refused),
		TEST(N14_the_world_ends),
	};

	if (argc == 3) {
		find_play(argv[1])(atoi(argv[2]));
		return 0;
	}
	/* libuv keeps some descriptors from its first loop on */
	uv_loop_init(&loop);
	uv_loop_close(&loop);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
