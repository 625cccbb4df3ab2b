/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rogue: a task that does what it should not, for tests of how its user's portd bears it.
 *
 *   rogue messages   sends until it may not, never reads: many small messages
 *   rogue bytes      the same, large ones
 *   rogue files      the same, with descriptors
 *   rogue rights     makes dead names until it may not
 *   rogue ports      makes ports until it may not
 *   rogue threads    opens connections until it may not
 *   rogue deaf       asks and asks, and never reads an answer
 *   rogue heir       lets a child use its connection
 *   rogue guess      tries names that nobody gave it
 *   rogue cut        sends frames cut short at every length
 *   rogue dying      tasks that die inside a call
 *   rogue mute       connects, and never says hello
 *
 * Says "refused: " and how, keeps all that it has, and stays until its standard input ends. Fails
 * when portd does not answer as it should. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/port.h"
#include "wire/frame.h"
#include "wire/messages.h"

enum {
	LIMIT = 1 << 20,	/* who gets so much was not refused */
	LARGE = 60000,
	FILES = 20,
	GUESSES = 100000,
	DEATHS = 60,
	MUTES = 200,
	PATIENCE_MS = 500,
};

static void
need(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "rogue: %s\n", what);
	exit(1);
}

/* With nothing of the library: a connection, not greeted. */
static int
connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	need(dir && fd >= 0, "no runtime directory, or no socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/hird/portd", dir);
	need(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "cannot connect");
	return fd;
}

/* Waits for an answer: its code, or -EPIPE. */
static int
answer_of(int fd)
{
	struct frame frame = { 0 };
	int err = frame_receive(fd, &frame, 0);

	wire_buf_deinit(&frame.body);
	return err ? err : frame.code;
}

static int
post(int fd, uint32_t call, struct wire_buf *body, int flags)
{
	struct frame frame = { .call = call, .cookie = 1, .body = *body };
	int err = frame_send(fd, &frame, flags);

	wire_buf_deinit(&frame.body);
	return err;
}

static int
connect_greeted(void)
{
	struct hello_in in = { .version = WIRE_VERSION, .program = "rogue" };
	struct wire_buf body = { 0 };
	int fd = connect_raw();

	hello_in_put(&body, &in);
	need(post(fd, CALL_hello, &body, 0) == 0 && answer_of(fd) == 0, "no hello");
	return fd;
}

static int
ask_self(int fd, int flags)
{
	struct wire_buf nothing = { 0 };

	return post(fd, CALL_task_self, &nothing, flags);
}

/* Sends to a port of its own by send-once rights, which no queue limit stops. */
static int
send_many(size_t size, int n_files)
{
	static const uint8_t bytes[LARGE];
	port_name_t port;
	int code = port_allocate(PORT_RIGHT_RECEIVE, &port);

	for (int i = 0; i < LIMIT && code == 0; i++) {
		struct port_message message = {
			.remote = port, .remote_disposition = PORT_MAKE_SEND_ONCE
		};

		wire_put_bytes(&message.body, bytes, size);
		for (int k = 0; k < n_files; k++)
			wire_put_fd(&message.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
		code = port_send(&message, 0);
		port_message_deinit(&message);
	}
	return code;
}

static int
messages(void)
{
	return send_many(4, 0);
}

static int
bytes(void)
{
	return send_many(LARGE, 0);
}

static int
files(void)
{
	return send_many(0, FILES);
}

static int
allocate_many(enum port_right_kind kind)
{
	port_name_t name;
	int code = 0;

	for (int i = 0; i < LIMIT && code == 0; i++)
		code = port_allocate(kind, &name);
	return code;
}

static int
rights(void)
{
	return allocate_many(PORT_RIGHT_DEAD_NAME);
}

static int
ports(void)
{
	return allocate_many(PORT_RIGHT_RECEIVE);
}

static int
threads(void)
{
	int fd = connect_greeted(), code = 0;

	for (int i = 0; i < LIMIT && code == 0; i++) {
		struct wire_buf nothing = { 0 };
		struct frame frame = { 0 };

		need(post(fd, CALL_thread, &nothing, 0) == 0, "a thread call cannot be sent");
		need(frame_receive(fd, &frame, 0) == 0, "a thread call is not answered");
		code = frame.code;
		frame.body.fds.n = 0;	/* they stay open */
		wire_buf_deinit(&frame.body);
	}
	return code;
}

static int
deaf(void)
{
	struct pollfd room = { .fd = connect_greeted(), .events = POLLOUT };
	int err = 0;

	for (int i = 0; i < LIMIT && err != -EAGAIN; i++) {
		err = ask_self(room.fd, MSG_DONTWAIT);
		if (err == -EAGAIN && poll(&room, 1, PATIENCE_MS) == 1)
			err = 0;
		if (err == -EPIPE)
			break;
	}
	return err;
}

static int
heir(void)
{
	int fd = connect_greeted(), status;
	pid_t child = fork();

	if (child == 0) {
		need(ask_self(fd, 0) == 0 && answer_of(fd) == -EPERM, "not -EPERM");
		_exit(0);
	}
	need(waitpid(child, &status, 0) == child && status == 0, "the child was not refused");
	return answer_of(fd);
}

static int
guess(void)
{
	int code = PORT_E_INVALID_NAME;

	srandom(1);
	for (int i = 0; i < GUESSES && code == PORT_E_INVALID_NAME; i++) {
		uint32_t type, name = (uint32_t)random() | 1u << 28;	/* none of the first names */

		code = port_type(name, &type);
	}
	return code;
}

static int
cut(void)
{
	uint8_t record[256];
	struct wire_buf nothing = { 0 };
	ssize_t size;
	int pair[2], fd, code = -EPIPE;

	need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "no pair");
	need(post(pair[0], CALL_task_self, &nothing, 0) == 0, "no frame");
	size = recv(pair[1], record, sizeof(record), 0);
	need(size > 0, "no record");
	for (ssize_t n = 0; n < size && code == -EPIPE; n++) {
		fd = connect_greeted();
		need(send(fd, record, (size_t)n, MSG_NOSIGNAL) == n, "not sent");
		code = answer_of(fd);
		close(fd);
	}
	return code;
}

/* Waits for a message that nobody sends, or for room that nobody makes. */
static void
wait_for_ever(int i)
{
	struct port_message message;
	port_name_t port;
	int code = port_allocate(PORT_RIGHT_RECEIVE, &port);

	while (code == 0 && i % 2) {
		message = (struct port_message){
			.remote = port, .remote_disposition = PORT_MAKE_SEND
		};
		code = port_send(&message, PORT_FOREVER);
	}
	if (code == 0)
		port_receive(port, &message, PORT_FOREVER);
	_exit(1);
}

static int
dying(void)
{
	pid_t child[DEATHS];
	int status;

	for (int i = 0; i < DEATHS; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			if (port_begin("rogue") != 0)
				_exit(1);
			wait_for_ever(i);
		}
	}
	poll(NULL, 0, PATIENCE_MS);
	for (int i = 0; i < DEATHS; i++) {
		kill(child[i], SIGKILL);
		need(waitpid(child[i], &status, 0) == child[i] && WIFSIGNALED(status),
		    "one did not wait");
	}
	return -EPIPE;
}

static int
mute(void)
{
	int first = connect_raw();

	for (int i = 1; i < MUTES; i++)
		connect_raw();
	return answer_of(first);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*act)(void);
		int expected;
		int begins;	/* by the library */
		int or;		/* when others have taken from the user's share; 0: likewise */
	} acts[] = {
		{ "messages", messages, PORT_E_SEND_NO_BUFFER, 1, 0 },
		{ "bytes", bytes, PORT_E_SEND_NO_BUFFER, 1, 0 },
		{ "files", files, PORT_E_SEND_NO_BUFFER, 1, 0 },
		{ "rights", rights, PORT_E_NO_SPACE, 1, PORT_E_RESOURCE_SHORTAGE },
		{ "ports", ports, PORT_E_NO_SPACE, 1, PORT_E_RESOURCE_SHORTAGE },
		{ "threads", threads, PORT_E_RESOURCE_SHORTAGE, 0, 0 },
		{ "deaf", deaf, -EAGAIN, 0, 0 },
		{ "heir", heir, -EPIPE, 0, 0 },
		{ "guess", guess, PORT_E_INVALID_NAME, 1, 0 },
		{ "cut", cut, -EPIPE, 0, 0 },
		{ "dying", dying, -EPIPE, 0, 0 },
		{ "mute", mute, -EPIPE, 0, 0 },
	};
	char byte;

	for (size_t i = 0; argc == 2 && i < sizeof(acts) / sizeof(acts[0]); i++) {
		int code;

		if (strcmp(argv[1], acts[i].name) != 0)
			continue;
		need(!acts[i].begins || port_begin("rogue") == 0, "no portd");
		code = acts[i].act();
		printf("refused: %s\n", port_error_text(code));
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) == 1)
			;
		return code != acts[i].expected && (acts[i].or == 0 || code != acts[i].or);
	}
	fprintf(stderr, "usage: rogue ACT\n");
	return 64;
}
