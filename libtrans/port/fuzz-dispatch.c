/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-dispatch: any bytes, with rights and descriptors, as a request to a server's dispatch.
 * Whatever comes, each right is released once, each descriptor closed, and what is answered
 * is an answer. `make fuzz` builds one of each interface (FUZZ_INTERFACE); it wants clang.
 *
 * There is no portd: the calls that a dispatch makes are counted here. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/rpc.h"
#include "wire/messages.h"

#ifdef FUZZ_GREET
#include "greet.def"
#else
RPC_SERVER(fsys)
#endif

#define PASTE(a, b) a##b
#define INTERFACE_OF(name) PASTE(name, _interface)
#define HANDLE_OF(name) PASTE(name, _handle)
#ifdef FUZZ_GREET
#define SERVER struct greet_server
#define NAME greet
#else
#define SERVER struct fsys_server
#define NAME fsys
#endif

enum { RIGHTS = 8, FDS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n_released[RIGHTS + 2];

static int
count_release(port_name_t name)
{
	if (name == PORT_NULL || name > RIGHTS + 1)
		abort();
	n_released[name]++;
	return 0;
}

int
port_deallocate(port_name_t name)
{
	return count_release(name);
}

int
port_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta)
{
	if (kind != PORT_RIGHT_RECEIVE || delta != -1)
		abort();
	return count_release(name);
}

int
port_allocate(enum port_right_kind kind, port_name_t *namep)
{
	(void)kind, (void)namep;
	return -ENOTCONN;
}

static void
release(struct wire_port right)
{
	if (right.name != PORT_NULL && right.name != PORT_DEAD)
		count_release(right.name);
}

/* Half of the requests are taken by a handler that owns what is in them; the others go
 * to a table without handlers, which refuses them. */
static int
handle(const void *server, uint32_t id, struct rpc_request *request, void *in, void *out)
{
	const struct wire_routine *routine = wire_interface_find(&INTERFACE_OF(NAME), id);

	if (request->message->seqno % 2)
		return HANDLE_OF(NAME)(server, id, request, in, out);
	wire_shape_release(routine->in, in, release);
	wire_shape_close(routine->in, in);
	return 0;
}

/* The first bytes say what comes beside the others. */
static void
make_request(struct port_message *message, const uint8_t *data, size_t size)
{
	static const uint32_t kinds[] = { PORT_MOVE_RECEIVE, PORT_MOVE_SEND, PORT_MOVE_SEND_ONCE };
	struct wire_buf *body = &message->body;

	*message = (struct port_message){
		.id = INTERFACE_OF(NAME).routines[0].id + data[0] % 16,
		.seqno = data[1],
		.remote = RIGHTS + 1,
		.remote_disposition = PORT_MOVE_SEND_ONCE,
	};
	if (wire_buf_load(body, data + 4, size - 4) < 0)
		abort();
	body->ports = calloc(RIGHTS, sizeof(*body->ports));
	body->ports_room = RIGHTS;
	body->n_ports = data[2] % (RIGHTS + 1);
	for (size_t i = 0; i < body->n_ports; i++)
		body->ports[i] = (struct wire_port){ (port_name_t)i + 1, kinds[(data[3] + i) % 3] };
	body->fds.n = data[3] / 4 % (FDS + 1);
	for (uint32_t i = 0; i < body->fds.n; i++)
		body->fds.fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
check_answer(struct port_message *answer, uint32_t id)
{
	if (answer->remote == PORT_NULL)
		return;
	if (answer->id != id + RPC_REPLY_OFFSET || answer->remote != RIGHTS + 1)
		abort();
	wire_get_i32(&answer->body);
	wire_get_str(&answer->body);
	if (answer->body.error)
		abort();
	count_release(answer->remote);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const SERVER server;
	static const struct port_table table = { &INTERFACE_OF(NAME), handle, &server, NULL };
	static const struct port_service service = { .tables = &table, .n_tables = 1 };
	struct port_message message, answer;
	size_t n_rights;
	uint32_t id;
	int lowest;

	if (size < 4)
		return 0;
	memset(n_released, 0, sizeof(n_released));
	lowest = dup(0);
	close(lowest);
	make_request(&message, data, size);
	n_rights = message.body.n_ports;
	id = message.id;
	if (!port_demux(&service, &message, &answer))
		abort();
	check_answer(&answer, id);
	port_message_deinit(&answer);
	for (size_t i = 1; i <= n_rights; i++)
		if (n_released[i] != 1)
			abort();
	if (n_released[RIGHTS + 1] != 1 || dup(0) != lowest)
		abort();
	close(lowest);
	return 0;
}
