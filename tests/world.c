/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world: the rights core of portd without nodes, for tests of what talks to it.
 *
 * Serves the listening socket that it is given as descriptor 3 until a SIGTERM, and
 * answers on the line that descriptor 4 may be (tests/world.h). A
 * task's bootstrap right answers keeper_info, and node_control with a new right
 * to itself, and what wire/inspect.def and wire/names.def ask; it drops whatever else it
 * is asked. Everything is checked after each request, unless the line says otherwise. */
#include "tests/world.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/inspect.h"
#include "portd/message.h"
#include "portd/names.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"
#include "portd/world.h"
#include "wire/messages.h"

static struct world *world;
static struct names names;
static uv_poll_t listener, line;
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
		struct keeper_info_out info = { .version = "test", .pid = getpid(),
			.tasks = world_tasks(world) };
		struct message *reply = new_reply(request);

		keeper_info_out_put(&reply->body, &info);
		answer(request, reply);
	} else if (request->id == ROUTINE_node_control) {
		struct message *reply = new_reply(request);
		struct node_control_out out = {
			.control = message_add_right(reply, right_make_send(port)) };

		node_control_out_put(&reply->body, &out);
		answer(request, reply);
	} else if (!names_serve(&names, request)) {
		inspect_serve(world, request);
	}
	message_free(request);
}

static void
on_connection(uv_poll_t *handle, int status, int events)
{
	int fd = accept4(WORLD_LISTENER, NULL, NULL, SOCK_CLOEXEC);

	(void)handle;
	(void)status;
	(void)events;
	if (fd >= 0)
		world_accept(world, fd);	/* eats fd */
}

/* Questions -------------------------------------------------------------------- */

static uint32_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint32_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static struct task *
find_task(uint32_t id)
{
	LIST_FOR_EACH(link, next, &world->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		if (task->id == id)
			return task;
	}
	return NULL;
}

static void
count(struct world_answer *answer)
{
	answer->tasks = world_tasks(world);
	answer->ports = list_length(&world->ports);
	answer->messages = list_length(&world->messages);
	answer->regions = (uint32_t)world->memory_files.n_values;
	answer->accounts = list_length(&world->accounts);
	answer->fds = count_fds();
}

static void
count_waiting(const struct task *task, struct world_answer *answer)
{
	answer->alive = 1;
	LIST_FOR_EACH(link, next, &task->connections) {
		const struct connection *connection = LIST_ENTRY(link, struct connection, link);

		answer->waiting += connection->waiting == WAITING_TO_SEND ||
		    connection->waiting == WAITING_TO_RECEIVE;
	}
}

/* As if it had been sent and received. */
static int
give(const uint32_t *argument, uint32_t *namep)
{
	struct task *from = find_task(argument[0]), *to = find_task(argument[3]);
	struct right right;
	int code = PORT_E_INVALID_TASK;

	core_enter(world);
	if (from && to)
		code = right_take(&from->space, argument[1], argument[2], &right);
	if (code == 0) {
		code = right_enter(&to->space, right, namep);
		if (code)
			right_drop(right);
	}
	core_leave(world);
	return code;
}

static void
answer_question(const struct world_ask *ask, struct world_answer *answer)
{
	struct task *task;

	switch (ask->question) {
	case WORLD_VERIFY:
		world_check(world);
		count(answer);
		break;
	case WORLD_COUNT:
		count(answer);
		break;
	case WORLD_CHECKED:
		world->checked = ask->argument[0];
		break;
	case WORLD_WAITING:
		task = find_task(ask->argument[0]);
		if (task)
			count_waiting(task, answer);
		break;
	case WORLD_GIVE:
		answer->code = give(ask->argument, &answer->name);
		break;
	}
}

static void
on_question(uv_poll_t *handle, int status, int events)
{
	struct world_ask ask;
	ssize_t n = recv(WORLD_LINE, &ask, sizeof(ask), MSG_DONTWAIT);
	struct world_answer answer = { .cookie = n == sizeof(ask) ? ask.cookie : 0 };

	(void)status;
	(void)events;
	if (n == 0)
		uv_poll_stop(handle);
	if (n != sizeof(ask))
		return;
	answer_question(&ask, &answer);
	send(WORLD_LINE, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
start_line(uv_loop_t *loop)
{
	int type;
	socklen_t size = sizeof(type);

	if (getsockopt(WORLD_LINE, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return;
	uv_poll_init(loop, &line, WORLD_LINE);
	uv_poll_start(&line, UV_READABLE, on_question);
}

static void
end_line(void)
{
	if (!line.loop)
		return;
	uv_poll_stop(&line);
	uv_close((uv_handle_t *)&line, NULL);
}

static void
on_term(uv_signal_t *handle, int number)
{
	(void)number;
	uv_poll_stop(&listener);
	uv_close((uv_handle_t *)&listener, NULL);
	end_line();
	uv_close((uv_handle_t *)handle, NULL);
	names_deinit(&names);
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
	/* What services say is kept in memory: no file can be made there. */
	if (names_init(&names, world, &loop, "/dev/null") < 0)
		return 1;
	world_set_bootstrap(world, right_make_send(keeper));
	uv_poll_init(&loop, &listener, WORLD_LISTENER);
	uv_poll_start(&listener, UV_READABLE, on_connection);
	start_line(&loop);
	uv_signal_init(&loop, &end);
	uv_signal_start(&end, on_term, SIGTERM);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop) == 0 ? 0 : 1;
}
