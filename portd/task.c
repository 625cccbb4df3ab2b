/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task: life and death.
 *
 * A task is one process, known by a pidfd: when that process ends, so does the
 * task, whoever else may hold its descriptors. A task that portd started lives
 * exactly as long as its process; one that connected by itself also ends with
 * its last connection. A frame from any other process is refused, so a fork
 * child is not the task. */
#include "portd/task.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"

/* Outlives the task until the loop has let go of the handle. */
struct task_watch {
	uv_poll_t poll;
	struct task *task;
	int pidfd;
};

/* A task without a process. NULL: no memory. */
struct task *
task_new(struct world *world)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->world = world;
	task->id = ++world->last_task;
	space_init(&task->space, task);
	list_init(&task->connections);
	list_init(&task->messages);
	list_link_tail(&world->tasks, &task->link);
	return task;
}

static void
watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
watch_end(struct task_watch *watch)
{
	if (!watch)
		return;
	uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, watch_closed);
	fd_close(&watch->pidfd);
}

/* The process is gone. Its starter hears that when the rights are gone, too. */
static void
on_exit_of_process(uv_poll_t *handle, int status, int events)
{
	struct task_watch *watch = handle->data;
	struct task *task = watch->task;
	struct world *world = task->world;
	void (*callback)(void *) = task->on_death;
	void *arg = task->death_arg;

	(void)status;
	(void)events;
	core_enter(world);
	log_debug("task %u (process %d) ended", task->id, (int)task->pid);
	task_end(task);
	if (callback)
		callback(arg);
	core_leave(world);
}

/* Ties a task to its process. 0; -ESRCH when there is none, -errno. */
int
task_bind(struct task *task, pid_t pid)
{
	struct task_watch *watch;
	int pidfd = sys_pidfd_open(pid), err;

	if (pidfd < 0)
		return pidfd;
	watch = calloc(1, sizeof(*watch));
	if (!watch) {
		fd_close(&pidfd);
		return -ENOMEM;
	}
	*watch = (struct task_watch){ .task = task, .pidfd = pidfd };
	err = uv_poll_init(task->world->loop, &watch->poll, pidfd);
	if (err) {
		fd_close(&pidfd);
		free(watch);
		return err;
	}
	watch->poll.data = watch;
	uv_poll_start(&watch->poll, UV_READABLE, on_exit_of_process);
	task->watch = watch;
	task->pid = pid;
	return 0;
}

static void
end_connections(struct task *task)
{
	LIST_FOR_EACH(link, next, &task->connections)
		connection_close(LIST_ENTRY(link, struct connection, link));
}

/* The ports first, so that the task does not send itself a last word about each
 * of its other rights. */
static void
end_space(struct space *space)
{
	LIST_FOR_EACH(link, next, &space->entries) {
		struct entry *entry = LIST_ENTRY(link, struct entry, link);

		if (entry->type & TYPE_RECEIVE)
			right_destroy_entry(entry);
	}
	while (!list_is_empty(&space->entries))
		right_destroy_entry(LIST_ENTRY(space->entries.next, struct entry, link));
	space_deinit(space);
}

/* Ends a task as the death of its process does: connections, rights, all. What it
 * had sent before stays on its way. */
void
task_end(struct task *task)
{
	end_connections(task);
	end_space(&task->space);
	LIST_FOR_EACH(link, next, &task->messages)
		message_uncharge(LIST_ENTRY(link, struct message, charge));
	watch_end(task->watch);
	list_unlink(&task->link);
	free(task);
}

/* The same for a task of the keeper's; task_on_death is not called. */
void
task_kill(struct task *task)
{
	task_end(task);
}

/* The number by which portd tells tasks apart; never given twice. */
uint32_t
task_id(const struct task *task)
{
	return task->id;
}

/* Whom to tell when the process ends. */
void
task_on_death(struct task *task, void (*callback)(void *), void *arg)
{
	task->on_death = callback;
	task->death_arg = arg;
}
