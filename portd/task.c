/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task: life and death.
 *
 * A task is one process, known by a pidfd: when that process ends, so does the
 * task, whoever else may hold its descriptors. A task that portd or another task
 * started lives exactly as long as its process; one that connected by itself also ends
 * with its last connection. A frame from any other process is refused, so a fork
 * child is not the task. Connections do not outlive an exec, and with the last one all
 * rights go, so that the program that comes after has either none or a new task's. */
#include "portd/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/memory.h"
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
	task->account = account_new(world, world->uid);
	if (!task->account) {
		free(task);
		return NULL;
	}
	task->world = world;
	task->id = ++world->last_task;
	space_init(&task->space, task);
	list_init(&task->connections);
	list_init(&task->memory_files);
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

/* Ties a task to the process behind a descriptor, which it eats. 0 or -errno. */
int
task_bind_fd(struct task *task, pid_t pid, int pidfd)
{
	struct task_watch *watch = calloc(1, sizeof(*watch));
	int err;

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

/* Ties a task to its process. 0; -ESRCH when there is none, -errno. */
int
task_bind(struct task *task, pid_t pid)
{
	int pidfd = sys_pidfd_open(pid);

	return pidfd < 0 ? pidfd : task_bind_fd(task, pid, pidfd);	/* eats pidfd */
}

/* What tells of the end of its process. */
int
task_watch_fd(const struct task *task)
{
	return task->watch ? task->watch->pidfd : -1;
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
	space_init(space, space->task);
}

/* Takes all rights from a task that lost its last connection, but by which it may still be
 * waited for. */
void
task_empty(struct task *task)
{
	end_space(&task->space);
	task->bootstrap = PORT_NULL;
}

/* Nobody can speak for the task any more. */
void
task_disconnected(struct task *task)
{
	if (task->by_itself || (task->spawned && !task->greeted))
		task_end(task);
	else if (task->greeted)
		task_empty(task);
}

/* A task port stands for its task in calls; it understands no message. A reply by a
 * send right is not made: it would pass by the queue limit of that right's port. */
static void
refuse_message(struct port *port, struct message *message, void *arg)
{
	struct right reply = message_take_reply(message);
	struct message *answer;

	(void)port;
	(void)arg;
	if (reply.kind == RIGHT_SEND_ONCE) {
		answer = message_new(message->id + RPC_REPLY_OFFSET);
		if (answer) {
			wire_put_i32(&answer->body, PORT_E_RPC_BAD_ID);
			wire_put_str(&answer->body, "a task port takes no messages");
		}
		message_send(reply, answer, (struct right){ RIGHT_NULL, NULL });	/* eats all */
	} else {
		right_release(reply);	/* eats reply */
	}
	message_free(message);	/* eats message */
}

/* A port that was a task's before. NULL: it had none. */
void
task_claim_port(struct task *task, struct port *port)
{
	task->port = port;
	if (!port)
		return;
	port->deliver = refuse_message;
	port->arg = task;
}

/* A send right to the port of a task, outside of tables. RIGHT_NULL: no memory. */
static struct right
make_task_right(struct task *task)
{
	struct right right = { RIGHT_NULL, NULL };

	if (!task->port)
		task->port = port_new_kernel(task->world, refuse_message, task);
	if (!task->port)
		return right;
	right = right_make_send(task->port);
	right_reclaim(&right);
	return right;
}

/* Names the port of `task` in the space of `holder`. 0, NO_SPACE, RESOURCE_SHORTAGE. */
static int
enter_task_right(struct task *holder, struct task *task, port_name_t *namep)
{
	struct right right = make_task_right(task);
	int code;

	if (right.kind == RIGHT_NULL)
		return PORT_E_RESOURCE_SHORTAGE;
	code = right_enter(&holder->space, right, namep);
	if (code)
		right_drop(right);
	return code;
}

/* One reference more to the caller's own task port. 0, NO_SPACE, RESOURCE_SHORTAGE. */
int
task_self(struct task *task, port_name_t *namep)
{
	return enter_task_right(task, task, namep);
}

/* Makes a task with this right as its bootstrap, and names its port in the parent's space.
 * INVALID_VALUE, INVALID_NAME, INVALID_RIGHT: of the bootstrap right; NO_SPACE,
 * RESOURCE_SHORTAGE; -errno. On failure a right that was taken is gone. */
int
task_spawn(struct task *parent, port_name_t bootstrap, uint32_t disposition,
    int *connectionp, port_name_t *taskp)
{
	struct right right;
	struct task *task;
	AUTO_CLOSE int fd = -1;
	int err = right_take_by_call(&parent->space, bootstrap, disposition, &right);

	if (err)
		return err;
	right_lend(&right);
	err = world_new_task(parent->world, right, &task, &fd);	/* eats right */
	if (err)
		return err;
	task->spawned = true;
	err = enter_task_right(parent, task, taskp);
	if (err)
		task_end(task);
	else
		*connectionp = fd_steal(&fd);
	return err;
}

/* The task that a name means: the caller for PORT_NULL, else the one whose task port
 * it has a send right to. INVALID_TASK for anything else, a dead name included. */
int
task_resolve(struct task *caller, port_name_t name, struct task **targetp)
{
	struct entry *entry;

	if (name == PORT_NULL) {
		*targetp = caller;
		return 0;
	}
	entry = space_lookup(&caller->space, name);
	if (!entry || !(entry->type & TYPE_SEND) || entry->port->deliver != refuse_message)
		return PORT_E_INVALID_TASK;
	*targetp = entry->port->arg;
	return 0;
}

/* Ends a task as the death of its process does: connections, rights, all. What it
 * had sent before stays on its way. */
void
task_end(struct task *task)
{
	end_connections(task);
	end_space(&task->space);
	if (task->port)
		port_kill(task->port);
	memory_forget(task);
	watch_end(task->watch);
	if (task->by_itself && !task->greeted)
		task->world->n_strangers--;
	list_unlink(&task->link);
	account_close(task->account);
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

/* Whose translator it is. */
void
task_set_node(struct task *task, const char *path)
{
	snprintf(task->node, sizeof(task->node), "%s", path);
}

/* Whom to tell when the process ends. */
void
task_on_death(struct task *task, void (*callback)(void *), void *arg)
{
	task->on_death = callback;
	task->death_arg = arg;
}
