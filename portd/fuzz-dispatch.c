/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-dispatch: any bytes, with rights and descriptors, as a request to portd's own dispatch
 * of the node interface. Whatever comes, whoever asked hears one thing, the answer or that
 * there will be none, and the world's books are right. `make fuzz` builds it; it wants clang. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/core.h"
#include "portd/dispatch.h"
#include "portd/port.h"
#include "portd/world.h"
#include "wire/messages.h"

WIRE_SERVER(node)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uv_loop_t loop;
static struct world *world;
static struct port *served, *asker, *cargo;
static int n_heard;
static uint8_t mode;

/* Some requests are answered, some refused, some kept for later. */
static int
handle(const void *server, uint32_t id, struct rpc_request *request, void *in, void *out)
{
	const struct wire_routine *routine = wire_interface_find(&node_interface, id);

	if (mode % 4 == 0)
		return node_handle(server, id, request, in, out);
	if (mode % 4 == 1)
		return request_fail(request, -ENOENT, "%s", "not there");
	wire_shape_close(routine->in, in);
	if (mode % 4 == 2)
		return 0;
	answer_send(request_later(request), id, 0, "");
	return RPC_NO_REPLY;
}

static void
on_request(struct port *port, struct message *message, void *arg)
{
	static const struct node_server server;

	(void)port;
	if (!dispatch(&node_interface, handle, &server, message, arg))
		answer_send(message_take_reply(message), message->id, PORT_E_RPC_BAD_ID, "");
	message_free(message);
}

static void
on_heard(struct port *port, struct message *message, void *arg)
{
	(void)port;
	(void)arg;
	n_heard++;
	message_free(message);
}

static void
begin(void)
{
	uv_loop_init(&loop);
	world = world_new(&loop, getuid());
	if (!world)
		abort();
	world->checked = true;
	served = port_new_kernel(world, on_request, NULL);
	asker = port_new_kernel(world, on_heard, NULL);
	cargo = port_new_kernel(world, on_heard, NULL);
	if (!served || !asker || !cargo)
		abort();
}

static struct message *
make_request(const uint8_t *data, size_t size)
{
	struct message *message = message_new(ROUTINE_node_set + data[0] % 16);
	struct wire_buf *body;

	if (!message)
		abort();
	body = &message->body;
	for (int i = data[1] % 4; i > 0; i--)
		wire_put_port(body, message_add_right(message, right_make_send(cargo)));
	for (int i = data[1] / 4 % 3; i > 0; i--)
		wire_put_fd(body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	body->size = 0;		/* of the bytes, those of the fuzzer count */
	wire_put_bytes(body, data + 3, size - 3);
	return message;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lowest;

	if (size < 3)
		return 0;
	if (!world)
		begin();
	lowest = dup(0);
	close(lowest);
	n_heard = 0;
	mode = data[2];
	message_send(right_make_send(served), make_request(data, size),
	    right_make_send_once(asker));
	while (n_heard == 0)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	if (n_heard != 1 || dup(0) != lowest)
		abort();
	close(lowest);
	return 0;
}
