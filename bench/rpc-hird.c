/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-hird: calls through portd, of an interface as any program would declare it. The client
 * is a task that its server makes for it, born with a right to the server's port. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"
#include "bench/rpc.h"
#include "port/rpc.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "wire/runtime.h"

#define bench_null_IN(F)
#define bench_null_OUT(F)
#define bench_blob_IN(F) F(blob, content)
#define bench_blob_OUT(F)
#define bench_memory_IN(F) F(memory, content)
#define bench_memory_OUT(F)
#define bench_INTERFACE(ROUTINE, ONEWAY) \
	ROUTINE(bench_null, 9000) \
	ROUTINE(bench_blob, 9001) \
	ROUTINE(bench_memory, 9002)
RPC_INTERFACE(bench)

enum { BLOB_MAX = 16 * 1024 };	/* more goes beside the body */

static port_name_t port;
static int child_fd;

static void
check(const char *what, int code)
{
	if (code == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, port_error_text(code));
	bench_fail(what, 0);
}

static void
prepare(const struct rpc_pair *pair)
{
	port_name_t task;

	(void)pair;
	check("port_connect", port_connect("bench"));
	check("port_allocate", port_allocate(PORT_RIGHT_RECEIVE, &port));
	check("port_spawn", port_spawn(port, PORT_MAKE_SEND, &child_fd, &task));
}

static int
null(struct rpc_request *request, struct bench_null_in *in, struct bench_null_out *out)
{
	(void)request;
	(void)in;
	(void)out;
	return 0;
}

static int
blob(struct rpc_request *request, struct bench_blob_in *in, struct bench_blob_out *out)
{
	(void)request;
	(void)in;
	(void)out;
	return 0;
}

static int
memory(struct rpc_request *request, struct bench_memory_in *in, struct bench_memory_out *out)
{
	(void)request;
	(void)in;
	(void)out;
	return 0;
}

static void
serve(const struct rpc_pair *pair)
{
	static const struct bench_server server = {
		.bench_null = null, .bench_blob = blob, .bench_memory = memory,
	};

	(void)pair;
	check("serve", bench_serve(port, &server, NULL));
}

static void
attach(const struct rpc_pair *pair)
{
	(void)pair;
	check("port_attach", port_attach(child_fd, "bench"));
	port = port_bootstrap();
}

static void
call(const struct rpc_pair *pair)
{
	struct port_reply reply;
	int code;

	if (pair->size == 0) {
		const struct bench_null_in in = { 0 };
		struct bench_null_out out;

		code = bench_null_call(port, &in, &out, &reply, PORT_FOREVER);
	} else if (pair->size <= BLOB_MAX) {
		const struct bench_blob_in in = { .content = { pair->data, pair->size } };
		struct bench_blob_out out;

		code = bench_blob_call(port, &in, &out, &reply, PORT_FOREVER);
	} else {
		const struct bench_memory_in in = { .content = { pair->data, pair->size } };
		struct bench_memory_out out;

		code = bench_memory_call(port, &in, &out, &reply, PORT_FOREVER);
	}
	check("call", code);
	port_reply_deinit(&reply);
}

/* A task more, which does nothing but greet. */
static void
greet(const struct sockaddr_un *address)
{
	const struct hello_in in = { .version = WIRE_VERSION, .program = "bench" };
	struct frame frame = { .call = CALL_hello, .cookie = 1 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		bench_fail("connect", errno);
	hello_in_put(&frame.body, &in);
	if (frame_send(fd, &frame, 0) < 0)
		bench_fail("hello", 0);
	wire_buf_deinit(&frame.body);
	if (frame_receive(fd, &frame, 0) < 0)
		bench_fail("the answer to hello", 0);
	check("hello", frame.code);
	wire_buf_deinit(&frame.body);
}

static void
idle(unsigned n)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct text why = { 0 };
	char *dir = runtime_dir(0, &why);

	if (!dir || snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RUNTIME_SOCKET,
			    dir) >= (int)sizeof(address.sun_path))
		bench_fail("no runtime directory, or one too deep", 0);
	while (n-- > 0)
		greet(&address);
	free(dir);
}

static const struct rpc_peer hird = {
	.name = "rpc-hird",
	.prepare = prepare,
	.serve = serve,
	.connect = attach,
	.call = call,
	.idle = idle,
};

int
main(int argc, char **argv)
{
	return rpc_main(&hird, argc, argv);
}
