/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scene: tasks in a certain position towards each other, for portinfo and rpctrace to
 * look at: a parent, connected to the user's portd, and a child of its.
 *
 *   scene deadlock   each calls the other, and neither serves
 *   scene alone      the parent calls a port of its own
 *   scene busy       the child calls the parent, which is about other things
 *   scene full       the child waits for room in the parent's queue
 *   scene transit    the child's receive right lies in the parent's queue
 *   scene rpc N      the child calls the parent N times; then both end
 *
 * Says "ready" when all are in position, and stays until its standard input ends. Requests
 * have the id 4711. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/rpc.h"
#include "port/port.h"

enum {
	REQUEST = 4711,
	HELLO = 1,
	SETTLE_MS = 300,	/* until everybody stands where it wants to */
};

static void
need(int code, const char *what)
{
	if (code == 0)
		return;
	fprintf(stderr, "scene: %s: %s\n", what, port_error_text(code));
	exit(1);
}

static port_name_t
new_port(void)
{
	port_name_t port;

	need(port_allocate(PORT_RIGHT_RECEIVE, &port), "allocate");
	return port;
}

static int
call(port_name_t dest)
{
	struct wire_buf nothing = { 0 };
	struct port_reply reply;
	int code = port_call(dest, REQUEST, &nothing, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return code;
}

/* Sends a right to whoever it is. */
static void
send_right(port_name_t dest, port_name_t right, enum port_disposition disposition)
{
	struct port_message message = {
		.id = HELLO, .remote = dest, .remote_disposition = PORT_COPY_SEND,
	};

	wire_put_port(&message.body, (struct wire_port){ right, disposition });
	need(port_send(&message, PORT_FOREVER), "send");
	port_message_deinit(&message);
}

static void
fill(port_name_t dest)
{
	for (int i = 0; i <= PORT_QLIMIT_DEFAULT; i++) {
		struct port_message message = {
			.id = REQUEST, .remote = dest, .remote_disposition = PORT_COPY_SEND,
		};

		port_send(&message, PORT_FOREVER);
	}
}

/* The child ------------------------------------------------------------------------- */

static int
be_child(const char *scene, int fd, int n)
{
	port_name_t parent, port;

	need(port_attach(fd, "scene-child"), "attach");
	parent = port_bootstrap();
	port = new_port();
	send_right(parent, port, PORT_MAKE_SEND);
	if (strcmp(scene, "deadlock") == 0 || strcmp(scene, "busy") == 0)
		return call(parent);
	if (strcmp(scene, "full") == 0)
		fill(parent);
	if (strcmp(scene, "transit") == 0)
		send_right(parent, port, PORT_MOVE_RECEIVE);
	for (int i = 0; strcmp(scene, "rpc") == 0 && i < n; i++)
		need(call(parent), "call");
	while (strcmp(scene, "rpc") != 0)
		pause();
	return 0;
}

/* The parent ------------------------------------------------------------------------ */

static port_name_t
meet_child(port_name_t port)
{
	struct port_message message;
	struct wire_port child;

	need(port_receive(port, &message, PORT_FOREVER), "receive");
	child = wire_get_port(&message.body);
	port_message_deinit(&message);
	return child.name;
}

static void
serve(port_name_t port, int n)
{
	for (int i = 0; i < n; i++) {
		struct port_message request;

		need(port_receive(port, &request, PORT_FOREVER), "receive");
		need(port_reply_send(&request, 0, "", NULL), "reply");
		port_message_destroy(&request);
	}
}

/* A thread that never calls portd sees the end of the input. */
static void *
watch_input(void *arg)
{
	char byte;

	poll(&(struct pollfd){ .fd = STDIN_FILENO, .events = 0 }, 0, SETTLE_MS);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	kill(*(pid_t *)arg, SIGKILL);
	_exit(0);
}

int
main(int argc, char **argv)
{
	const char *scene = argc > 1 ? argv[1] : "";
	int fd, n = argc > 2 ? atoi(argv[2]) : 0;
	port_name_t port, task, child;
	pthread_t thread;
	pid_t pid;

	need(port_connect("scene"), "connect");
	port = new_port();
	need(port_spawn(port, PORT_MAKE_SEND, &fd, &task), "spawn");
	pid = fork();
	if (pid == 0)
		return be_child(scene, fd, n);
	close(fd);
	child = meet_child(port);
	if (strcmp(scene, "rpc") == 0) {
		serve(port, n);
		waitpid(pid, NULL, 0);
		return 0;
	}
	pthread_create(&thread, NULL, watch_input, &pid);
	if (strcmp(scene, "deadlock") == 0)
		call(child);
	if (strcmp(scene, "alone") == 0) {
		need(port_insert_right(port, port, PORT_MAKE_SEND), "insert");
		call(port);
	}
	pthread_join(thread, NULL);
	return 0;
}
