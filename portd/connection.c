/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection: one frame in, one frame out, and never a wait for the other side.
 *
 * A thread that does not read its replies is not read either, so that what
 * portd keeps for it stays small. Whatever a connection does wrong ends that
 * connection and nothing else. Ending one can end its task, and with it ports
 * and other connections; so in the middle of something it is only marked
 * (connection_fail), and closed when the work is done. */
#include "portd/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/call.h"
#include "portd/core.h"
#include "portd/transfer.h"

enum { OUT_MAX = 4 };		/* replies kept for a thread */

static void on_ready(uv_poll_t *handle, int status, int events);

static void
watch(struct connection *connection)
{
	int events = list_is_empty(&connection->out) ? UV_READABLE : UV_WRITABLE;

	uv_poll_start(&connection->poll, events, on_ready);
}

static void
handle_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;

	if (--connection->n_handles == 0)
		free(connection);
}

static int
enable(int fd, int option)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int
start(struct connection *connection)
{
	uv_loop_t *loop = connection->task->world->loop;
	int err = enable(connection->fd, SO_PASSCRED);

	if (!err)
		err = uv_poll_init(loop, &connection->poll, connection->fd);
	if (err)
		return err;
	uv_timer_init(loop, &connection->timer);
	connection->poll.data = connection->timer.data = connection;
	connection->n_handles = 2;
	watch(connection);
	return 0;
}

static int
adopt(struct task *task, int fd, struct connection **connectionp)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int err;

	if (!connection) {
		fd_close(&fd);
		return -ENOMEM;
	}
	connection->task = task;
	connection->fd = fd;
	list_init(&connection->out);
	err = start(connection);
	if (err) {
		fd_close(&fd);
		free(connection);
		return err;
	}
	list_link_tail(&task->connections, &connection->link);
	task->n_connections++;
	account_add(task->account, ACCOUNT_CONNECTIONS, 1);
	*connectionp = connection;
	return 0;
}

/* A further connection of a task. Eats fd. 0, RESOURCE_SHORTAGE, -errno. */
int
connection_new(struct task *task, int fd)
{
	struct connection *connection;

	if (account_allows(task->account, ACCOUNT_CONNECTIONS, 1))
		return adopt(task, fd, &connection);	/* eats fd */
	fd_close(&fd);
	return PORT_E_RESOURCE_SHORTAGE;
}

/* One that there was before. Eats fd. */
struct connection *
connection_adopt(struct task *task, int fd)
{
	struct connection *connection;

	return adopt(task, fd, &connection) == 0 ? connection : NULL;	/* eats fd */
}

/* Makes both ends of a connection; *fdp is the task's. */
int
connection_pair(struct task *task, int *fdp)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	err = connection_new(task, fds[0]);	/* eats fds[0] */
	if (err) {
		fd_close(&fds[1]);
		return err;
	}
	*fdp = fds[1];
	return 0;
}

static void
drop_out(struct connection *connection)
{
	LIST_FOR_EACH(link, next, &connection->out) {
		struct connection_out *out = LIST_ENTRY(link, struct connection_out, link);

		list_unlink(link);
		wire_buf_deinit(&out->frame.body);
		free(out);
	}
}

/* Ends a connection; the task stays. What it waited to send is not sent. */
void
connection_close(struct connection *connection)
{
	transfer_cancel(connection);
	drop_out(connection);
	list_unlink(&connection->broken);
	list_unlink(&connection->link);
	connection->task->n_connections--;
	account_return(connection->task->account, ACCOUNT_CONNECTIONS, 1);
	connection->task = NULL;
	uv_poll_stop(&connection->poll);
	uv_close((uv_handle_t *)&connection->poll, handle_closed);
	uv_close((uv_handle_t *)&connection->timer, handle_closed);
	fd_close(&connection->fd);
}

/* Ends a connection, and with the last one what the task has. */
void
connection_hang_up(struct connection *connection)
{
	struct task *task = connection->task;

	connection_close(connection);
	if (task->n_connections == 0)
		task_disconnected(task);
}

/* Marks a connection for its end. */
void
connection_fail(struct connection *connection, const char *why)
{
	struct world *world = connection->task->world;

	if (list_is_linked(&connection->broken))
		return;
	log_debug("task %u (process %d): %s: disconnected",
	    connection->task->id, (int)connection->task->pid, why);
	list_link_tail(&world->broken, &connection->broken);
	core_wake(world);
}

/* Puts a reply behind those that wait. Eats the frame's body. False: no memory. */
bool
connection_keep(struct connection *connection, struct frame *frame)
{
	struct connection_out *out = calloc(1, sizeof(*out));

	if (!out) {
		wire_buf_deinit(&frame->body);
		return false;
	}
	out->frame = *frame;
	list_link_tail(&connection->out, &out->link);
	connection->n_out++;
	watch(connection);
	return true;
}

static void
keep(struct connection *connection, struct frame *frame)
{
	if (connection->n_out < OUT_MAX && connection_keep(connection, frame))
		return;
	wire_buf_deinit(&frame->body);
	connection_fail(connection, "it does not read its replies");
}

/* Sends a frame if that is possible now: else -EAGAIN. A thread that is gone
 * needs no reply, but what it asked for before it went is still to be read. */
static int
send_now(struct connection *connection, struct frame *frame)
{
	int err = frame_send(connection->fd, frame, MSG_DONTWAIT);

	if (err < 0 && err != -EAGAIN && err != -EPIPE)
		connection_fail(connection, "a reply cannot be sent");
	return err == -EAGAIN ? err : 0;
}

/* Replies in the order in which they were made. Eats the frame's body. */
void
connection_reply(struct connection *connection, struct frame *frame)
{
	if (list_is_empty(&connection->out) && send_now(connection, frame) == 0)
		wire_buf_deinit(&frame->body);
	else
		keep(connection, frame);	/* eats frame */
}

static void
flush(struct connection *connection)
{
	while (!list_is_empty(&connection->out)) {
		struct connection_out *out =
		    LIST_ENTRY(connection->out.next, struct connection_out, link);

		if (send_now(connection, &out->frame) == -EAGAIN)
			return;
		list_unlink(&out->link);
		connection->n_out--;
		wire_buf_deinit(&out->frame.body);
		free(out);
	}
	watch(connection);
}

/* Reads and serves one frame. False: there is none, or there will be none. */
static bool
serve(struct connection *connection)
{
	struct frame frame;
	int err = frame_receive(connection->fd, &frame, MSG_DONTWAIT);

	if (err == -EAGAIN)
		return false;
	if (err == -EPIPE) {
		connection_fail(connection, "end of connection");
		return false;
	}
	if (err < 0) {
		connection_fail(connection, "not a frame");
		return false;
	}
	call_serve(connection, &frame);
	wire_buf_deinit(&frame.body);
	return !list_is_linked(&connection->broken);
}

/* The other side is gone, with replies unread. What it had sent before counts;
 * the first read may only tell of the error. */
static void
serve_the_rest(struct connection *connection)
{
	struct world *world = connection->task->world;
	struct frame frame;

	if (frame_receive(connection->fd, &frame, MSG_DONTWAIT) == 0) {
		call_serve(connection, &frame);
		wire_buf_deinit(&frame.body);
	}
	while (!list_is_linked(&connection->broken) && serve(connection)) {
		core_leave(world);
		core_enter(world);
		if (!connection->task)
			return;
	}
	connection_fail(connection, "end of connection");
}

static void
on_ready(uv_poll_t *handle, int status, int events)
{
	struct connection *connection = handle->data;
	struct world *world = connection->task->world;

	core_enter(world);
	if (status < 0)
		serve_the_rest(connection);
	else if (events & UV_WRITABLE)
		flush(connection);
	else
		serve(connection);
	core_leave(world);
}

static void
on_timeout(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	struct world *world = connection->task->world;

	core_enter(world);
	if (connection->task->greeted)
		transfer_time_out(connection);
	else
		connection_fail(connection, "no hello");
	core_leave(world);
}

/* Wakes the transfer in hand after this time at the earliest. */
void
connection_set_timer(struct connection *connection, uint32_t ms)
{
	uv_update_time(connection->timer.loop);
	uv_timer_start(&connection->timer, on_timeout, (uint64_t)ms + (ms > 0), 0);
}

/* No more. */
void
connection_stop_timer(struct connection *connection)
{
	uv_timer_stop(&connection->timer);
}
