/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-port: the whole library against the rights core of portd, which
 * tests/world serves in a process of its own. Each test ends with as many names
 * and descriptors as it began with. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "base/launch.h"
#include "base/testing.h"
#include "port/port.h"
#include "wire/runtime.h"

static char top[] = "/tmp/test-port-XXXXXX";
static pid_t world;

/* The world ------------------------------------------------------------------ */

static int
listen_at(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RUNTIME_SOCKET, dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

/* The program stands in the build tree, seen from this one. */
static void
find_world(char *path, size_t room)
{
	char self[3072];
	const char *given = getenv("HIRD_TEST_WORLD");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	if (given)
		snprintf(path, room, "%s", given);
	else
		snprintf(path, room, "%s/../../tests/world", self);
}

static int
start_world(void **state)
{
	struct text why = { 0 };
	struct argv argv = { 0 };
	char program[4096], *dir;
	struct launch launched = { .program = program, .argv = &argv, .log_fd = -1, .pdeathsig = true };

	(void)state;
	assert_non_null(mkdtemp(top));
	setenv("XDG_RUNTIME_DIR", top, 1);
	dir = runtime_dir(1, &why);
	assert_non_null(dir);
	find_world(program, sizeof(program));
	argv_add(&argv, "world");
	assert_int_equal(port_connect("test-port"), -ENOENT);
	launched.port_fd = listen_at(dir);
	world = launch(&launched, NULL);
	assert_true(world > 0);
	close(launched.port_fd);
	free(dir);
	argv_deinit(&argv);
	assert_int_equal(port_connect("test-port"), 0);
	return 0;
}

/* Its last words count: it looks for leaks when it was built to. */
static int
end_world(void **state)
{
	char path[256];
	int status = 0;

	(void)state;
	if (world > 0) {
		kill(world, SIGTERM);
		waitpid(world, &status, 0);
	}
	port_detach();
	snprintf(path, sizeof(path), "%s/hird/" RUNTIME_SOCKET, top);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(top) == 0 && status == 0 ? 0 : -1;
}

/* What is left behind --------------------------------------------------------- */

static size_t names_before;
static int fds_before;

static size_t
count_names(void)
{
	struct port_entry *entries;
	size_t n;

	assert_int_equal(port_names(&entries, &n), 0);
	free(entries);
	return n;
}

static int
setup(void **state)
{
	(void)state;
	names_before = count_names();
	fds_before = count_fds();
	return 0;
}

/* A thread's own connection and reply port are its own affair. */
static int
teardown(void **state)
{
	size_t names;

	(void)state;
	port_thread_detach();
	names = count_names();
	if (names != names_before || count_fds() != fds_before) {
		print_error("names: %zu then %zu; descriptors: %d then %d\n",
		    names_before, names, fds_before, count_fds());
		return -1;
	}
	return 0;
}

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
	struct receive_status_out status;
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

/* Messages ---------------------------------------------------------------------- */

/* A port with the send right that messages to it are copied from. */
static port_name_t
new_port(void)
{
	port_name_t name;

	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &name), 0);
	assert_int_equal(port_insert_right(name, name, PORT_MAKE_SEND), 0);
	return name;
}

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
		assert_int_equal(keeper_info_call(port_bootstrap(), &in, &out, &reply, PORT_FOREVER), 0);
		assert_string_equal(out.version, "test");
		assert_int_equal(out.pid, world);
		assert_int_equal(reply.message.sender_pid, world);
		port_reply_deinit(&reply);
	}
	assert_int_equal(node_control_call(port_bootstrap(), &control_in, &control, &reply, PORT_FOREVER), 0);
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
	assert_int_equal(port_call(port, 1000, &(struct wire_buf){ 0 }, &reply, 1), PORT_E_RCV_TIMED_OUT);
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
	struct receive_status_out unused;
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
	assert_int_equal(port_call(port, 5, &(struct wire_buf){ 0 }, &reply, PORT_FOREVER), -ENOTCONN);
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
		TEST(test_message),
		TEST(test_destroy),
		TEST(test_refused),
		TEST(test_keeper),
		TEST(test_server),
		TEST(test_late_answer),
		TEST(test_threads),
		TEST(test_fork),
		TEST(test_attach_again),
		TEST(test_bad_attach),
		cmocka_unit_test(test_portd_gone),
	};

	return cmocka_run_group_tests(tests, start_world, end_world);
}
