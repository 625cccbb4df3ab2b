/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world: the beginning and the end, the door, and the work between requests. */
#include "portd/world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/account.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/task.h"
#include "portd/trace.h"
#include "portd/transfer.h"

enum {
	STRANGERS_MAX = 64,	/* who waste a descriptor each */
	HELLO_MS = 30000,
};

/* Runs while there is work that no request will do; outlives the world until
 * the loop has let go of it. */
struct core_idle {
	uv_idle_t handle;
	struct world *world;
};

static void
on_idle(uv_idle_t *handle)
{
	struct core_idle *idle = handle->data;

	uv_idle_stop(handle);
	core_enter(idle->world);
	core_leave(idle->world);
}

static void
idle_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct core_idle *
idle_new(struct world *world)
{
	struct core_idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return NULL;
	idle->world = world;
	uv_idle_init(world->loop, &idle->handle);
	idle->handle.data = idle;
	return idle;
}

/* An empty world on a loop, for tasks of one user. NULL: no memory. */
struct world *
world_new(uv_loop_t *loop, uid_t uid)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	world->loop = loop;
	world->uid = uid;
#ifdef HIRD_DEBUG
	world->checked = true;
#endif
	list_init(&world->tasks);
	list_init(&world->traces);
	list_init(&world->ports);
	list_init(&world->messages);
	list_init(&world->accounts);
	list_init(&world->users);
	list_init(&world->dying);
	list_init(&world->broken);
	list_init(&world->woken);
	list_init(&world->ready);
	world->idle = idle_new(world);
	if (!world->idle) {
		free(world);
		return NULL;
	}
	return world;
}

/* Does one piece of work. False: there was none. */
static bool
work(struct world *world)
{
	if (!list_is_empty(&world->dying))
		port_die_step(LIST_ENTRY(world->dying.next, struct port, work));
	else if (!list_is_empty(&world->broken))
		connection_hang_up(LIST_ENTRY(world->broken.next, struct connection, broken));
	else if (!list_is_empty(&world->woken))
		transfer_go_on(LIST_ENTRY(world->woken.next, struct connection, wait));
	else if (!list_is_empty(&world->ready))
		port_deliver(LIST_ENTRY(world->ready.next, struct port, work));
	else
		return false;
	return true;
}

/* Something is about to be done. */
void
core_enter(struct world *world)
{
	world->busy++;
}

/* It is done: what follows from it is done now. */
void
core_leave(struct world *world)
{
	while (world->busy == 1 && work(world))
		;
	world->busy--;
	if (world->busy == 0)
		account_tidy();
	if (world->checked && world->busy == 0)
		core_check(world);
}

/* Work came up; outside of requests the loop will see to it. */
void
core_wake(struct world *world)
{
	if (!world->busy)
		uv_idle_start(&world->idle->handle, on_idle);
}

/* Ends everything. The keeper must have released its rights and messages, and
 * the loop must run once more, for the handles. */
void
world_free(struct world *world)
{
	core_enter(world);
	core_leave(world);
	if (world->checked)
		world_check(world);
	core_enter(world);
	trace_end_all(world);
	while (!list_is_empty(&world->tasks))
		task_end(LIST_ENTRY(world->tasks.next, struct task, link));
	core_leave(world);	/* with their ports goes what is on its way in them */
	core_enter(world);
	right_drop(world->bootstrap);
	world->bootstrap = (struct right){ RIGHT_NULL, NULL };
	while (!list_is_empty(&world->ports))
		port_destroy(LIST_ENTRY(world->ports.next, struct port, link));
	core_leave(world);
	uv_close((uv_handle_t *)&world->idle->handle, idle_closed);
	map_deinit(&world->memory_files);
	free(world);
}

/* Sets the right that tasks which connect by themselves are born with. Eats right. */
void
world_set_bootstrap(struct world *world, struct right right)
{
	right_reclaim(&right);
	right_drop(world->bootstrap);
	world->bootstrap = right;
}

static int
check_peer(const struct world *world, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid == world->uid)
		return 0;
	log_debug("a process (%d) of user %u is refused", (int)peer.pid, (unsigned)peer.uid);
	return -EPERM;
}

/* Who has not said a word for longest makes room for others. */
static void
end_oldest_stranger(struct world *world)
{
	LIST_FOR_EACH(link, next, &world->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		if (task->by_itself && !task->greeted) {
			core_enter(world);
			task_end(task);
			core_leave(world);
			return;
		}
	}
}

/* Lets a task in that has connected by itself. Eats fd. 0, -EPERM for another
 * user's, -errno. */
int
world_accept(struct world *world, int fd)
{
	struct task *task;
	int err = check_peer(world, fd);

	if (!err && world->n_strangers >= STRANGERS_MAX)
		end_oldest_stranger(world);
	task = err ? NULL : task_new(world);
	if (!task) {
		fd_close(&fd);
		return err ? err : -ENOMEM;
	}
	task->by_itself = true;
	world->n_strangers++;
	err = connection_new(task, fd);	/* eats fd */
	if (err)
		task_end(task);
	else
		connection_set_timer(LIST_ENTRY(task->connections.next, struct connection, link), HELLO_MS);
	return err;
}

static int
start_task(struct task *task, struct right bootstrap, int *child_fdp)
{
	int err = right_enter(&task->space, bootstrap, &task->bootstrap);

	if (err) {
		right_drop(bootstrap);
		return -ENOMEM;
	}
	return connection_pair(task, child_fdp);
}

/* Makes a task that has no process yet. Eats bootstrap in any case. 0 or -errno. */
int
world_new_task(struct world *world, struct right bootstrap, struct task **taskp, int *child_fdp)
{
	struct task *task = task_new(world);
	int err;

	right_reclaim(&bootstrap);
	if (!task) {
		right_drop(bootstrap);
		return -ENOMEM;
	}
	err = start_task(task, bootstrap, child_fdp);	/* eats bootstrap */
	if (err) {
		task_end(task);
		return err;
	}
	*taskp = task;
	return 0;
}

/* How many tasks there are, without those that have only knocked. */
uint32_t
world_tasks(const struct world *world)
{
	uint32_t n = 0;

	LIST_FOR_EACH(link, next, &world->tasks) {
		const struct task *task = LIST_ENTRY(link, struct task, link);

		n += !task->by_itself || task->greeted;
	}
	return n;
}
