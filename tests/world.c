/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world: the rights core of portd without nodes, for tests of what talks to it.
 *
 * Serves the listening socket that it is given as descriptor 3 until a SIGTERM. A
 * task's bootstrap right answers keeper_info, and node_control with a new right
 * to itself; it drops whatever else it is asked. Everything is checked
 * after each request. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/world.h"
#include "wire/messages.h"

enum { LISTENER = 3 };

static struct world *world;
static uv_poll_t listener;
static uv_signal_t end;

static void
answer(struct message *request, struct message *reply)
{
	message_send(message_take_reply(request), reply, (struct right){ RIGHT_NULL, NULL });
}

static struct message *
new_reply(const struct message *request)
{
	struct message *reply = message_new(request->id + RPC_REPLY_OFFSET);

	if (!reply)
		abort();
	wire_put_i32(&reply->body, 0);
	wire_put_str(&reply->body, "");
	return reply;
}

static void
deliver(struct port *port, struct message *request, void *arg)
{
	(void)arg;
	if (request->id == ROUTINE_keeper_info) {
		struct keeper_info_out info = { .version = "test", .pid = getpid(), .tasks = world_tasks(world) };
		struct message *reply = new_reply(request);

		keeper_info_out_put(&reply->body, &info);
		answer(request, reply);
	} else if (request->id == ROUTINE_node_control) {
		struct message *reply = new_reply(request);
		struct node_control_out out = { .control = message_add_right(reply, right_make_send(port)) };

		node_control_out_put(&reply->body, &out);
		answer(request, reply);
	}
	message_free(request);
}

static void
on_connection(uv_poll_t *handle, int status, int events)
{
	int fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);

	(void)handle;
	(void)status;
	(void)events;
	if (fd >= 0)
		world_accept(world, fd);	/* eats fd */
}

static void
on_term(uv_signal_t *handle, int number)
{
	(void)number;
	uv_poll_stop(&listener);
	uv_close((uv_handle_t *)&listener, NULL);
	uv_close((uv_handle_t *)handle, NULL);
	world_free(world);
}

int
main(void)
{
	struct port *keeper;
	uv_loop_t loop;

	log_name("world");
	uv_loop_init(&loop);
	world = world_new(&loop, getuid());
	if (!world)
		return 1;
	world->checked = true;
	keeper = port_new_kernel(world, deliver, NULL);
	if (!keeper)
		return 1;
	world_set_bootstrap(world, right_make_send(keeper));
	uv_poll_init(&loop, &listener, LISTENER);
	uv_poll_start(&listener, UV_READABLE, on_connection);
	uv_signal_init(&loop, &end);
	uv_signal_start(&end, on_term, SIGTERM);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}
