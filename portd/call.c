/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call: the requests of a thread, and what is no request.
 *
 * The first frame of a task is its hello; it ties a task that connected by itself
 * to its process, and says which version is spoken. A frame of another process,
 * one that is not well formed, an unknown call, or a second request while one
 * waits: the connection ends. */
#include "portd/call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/notify.h"
#include "portd/port.h"
#include "portd/transfer.h"
#include "wire/messages.h"

enum { NAMES_MAX = PORT_MSG_BODY_MAX / 8 };	/* that fit into one reply */

/* The calls: each answers a code, and fills *out when it is 0. */

static bool
may_be_allocated(uint32_t kind)
{
	return kind == PORT_RIGHT_RECEIVE || kind == PORT_RIGHT_DEAD_NAME;
}

/* Adds a dead name, or a port with its receive right. */
static int
allocate(struct task *task, uint32_t kind, port_name_t name, struct entry **entryp)
{
	struct space *space = &task->space;
	struct port *port;
	int code;

	if (kind == PORT_RIGHT_DEAD_NAME) {
		code = space_add(space, name, TYPE_DEAD_NAME, NULL, entryp);
		if (!code)
			(*entryp)->urefs = 1;
		return code;
	}
	if (name != PORT_NULL && space_lookup(space, name))
		return PORT_E_NAME_EXISTS;
	port = space->n_receives < SPACE_PORTS_MAX ? port_new(task->world) : NULL;
	if (!port)
		return PORT_E_RESOURCE_SHORTAGE;
	code = space_add(space, name, TYPE_RECEIVE, port, entryp);
	if (code)
		port_destroy(port);
	else
		port->holder = *entryp;
	return code;
}

static int
do_allocate(struct task *task, const struct allocate_in *in, struct allocate_out *out)
{
	struct entry *entry;
	int code = may_be_allocated(in->kind) ? allocate(task, in->kind, PORT_NULL, &entry)
					      : PORT_E_INVALID_VALUE;

	if (!code)
		out->name = entry->name;
	return code;
}

static int
do_allocate_name(
    struct task *task, const struct allocate_name_in *in, struct allocate_name_out *out)
{
	struct entry *entry;

	(void)out;
	if (!may_be_allocated(in->kind) || in->name == PORT_NULL || in->name == PORT_DEAD)
		return PORT_E_INVALID_VALUE;
	return allocate(task, in->kind, in->name, &entry);
}

static int
do_deallocate(struct task *task, const struct deallocate_in *in, struct deallocate_out *out)
{
	(void)out;
	return right_deallocate(&task->space, in->name);
}

static int
do_destroy(struct task *task, const struct destroy_in *in, struct destroy_out *out)
{
	(void)out;
	return right_destroy(&task->space, in->name);
}

static int
do_mod_refs(struct task *task, const struct mod_refs_in *in, struct mod_refs_out *out)
{
	(void)out;
	return right_mod_refs(&task->space, in->name, in->kind, in->delta);
}

static int
do_get_refs(struct task *task, const struct get_refs_in *in, struct get_refs_out *out)
{
	return right_get_refs(&task->space, in->name, in->kind, &out->urefs);
}

static int
do_type(struct task *task, const struct type_in *in, struct type_out *out)
{
	return right_type(&task->space, in->name, &out->type);
}

/* Into the caller's own table: the right is taken by its disposition, and is
 * gone when it cannot be put under that name. */
static int
do_insert_right(struct task *task, const struct insert_right_in *in, struct insert_right_out *out)
{
	struct right right;
	int code;

	(void)out;
	if (in->name == PORT_NULL || in->name == PORT_DEAD)
		return PORT_E_INVALID_VALUE;
	code = right_take(&task->space, in->right, in->disposition, &right);
	if (code)
		return code;
	return right_insert(&task->space, in->name, right);	/* eats right */
}

static int
do_request_notification(struct task *task, const struct request_notification_in *in,
    struct request_notification_out *out)
{
	return notify_request(&task->space, in, &out->previous);
}

/* The port of a name with the receive right. */
static int
find_port(struct task *task, port_name_t name, struct port **portp)
{
	struct entry *entry = space_lookup(&task->space, name);

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!(entry->type & TYPE_RECEIVE))
		return PORT_E_INVALID_RIGHT;
	*portp = entry->port;
	return 0;
}

static int
do_receive_status(
    struct task *task, const struct receive_status_in *in, struct receive_status_out *out)
{
	struct port *port;
	int code = find_port(task, in->name, &port);

	if (code)
		return code;
	*out = (struct receive_status_out){
		.seqno = port->seqno,
		.mscount = port->mscount,
		.qlimit = port->qlimit,
		.msgcount = port->msgcount,
		.sorights = port->sorights,
		.srights = port->srights > 0,
		.no_senders_armed = port->no_senders.kind != RIGHT_NULL,
	};
	return 0;
}

static int
do_set_qlimit(struct task *task, const struct set_qlimit_in *in, struct set_qlimit_out *out)
{
	struct port *port;
	int code;

	(void)out;
	if (in->qlimit > PORT_QLIMIT_MAX)
		return PORT_E_INVALID_VALUE;
	code = find_port(task, in->name, &port);
	if (!code)
		port_set_limit(port, in->qlimit);
	return code;
}

static int
do_thread(struct task *task, const struct thread_in *in, struct thread_out *out)
{
	(void)in;
	return connection_pair(task, &out->connection);
}

/* Each decodes, calls, encodes. */
#define SERVE(name) \
	static int \
	serve_##name(struct task *task, struct wire_buf *request, struct wire_buf *reply) \
	{ \
		struct name##_in in; \
		struct name##_out out = { 0 }; \
		int code; \
		if (name##_in_get(request, &in) < 0) \
			return -EBADMSG; \
		code = do_##name(task, &in, &out); \
		if (code == 0) \
			name##_out_put(reply, &out); \
		return code; \
	}

SERVE(allocate)
SERVE(allocate_name)
SERVE(deallocate)
SERVE(destroy)
SERVE(mod_refs)
SERVE(get_refs)
SERVE(type)
SERVE(insert_right)
SERVE(request_notification)
SERVE(receive_status)
SERVE(set_qlimit)
SERVE(thread)

/* All names at this moment; more than one reply can carry are a shortage. */
static int
serve_names(struct task *task, struct wire_buf *request, struct wire_buf *reply)
{
	struct space *space = &task->space;
	struct wire_buf pairs = { 0 };
	struct names_out out;

	if (wire_buf_finish(request) < 0)
		return -EBADMSG;
	if (space->n_entries > NAMES_MAX)
		return PORT_E_RESOURCE_SHORTAGE;
	LIST_FOR_EACH(link, next, &space->entries) {
		struct entry *entry = LIST_ENTRY(link, struct entry, link);

		wire_put_u32(&pairs, entry->name);
		wire_put_u32(&pairs, right_entry_type(entry));
	}
	out = (struct names_out){ .names = { pairs.data, pairs.size } };
	names_out_put(reply, &out);
	if (pairs.error)
		reply->error = pairs.error;
	wire_buf_deinit(&pairs);
	return 0;
}

typedef int serve_fn(struct task *task, struct wire_buf *request, struct wire_buf *reply);

static serve_fn *
find_call(uint32_t number)
{
	switch (number) {
	case CALL_thread: return serve_thread;
	case CALL_allocate: return serve_allocate;
	case CALL_allocate_name: return serve_allocate_name;
	case CALL_deallocate: return serve_deallocate;
	case CALL_destroy: return serve_destroy;
	case CALL_mod_refs: return serve_mod_refs;
	case CALL_get_refs: return serve_get_refs;
	case CALL_type: return serve_type;
	case CALL_names: return serve_names;
	case CALL_insert_right: return serve_insert_right;
	case CALL_request_notification: return serve_request_notification;
	case CALL_receive_status: return serve_receive_status;
	case CALL_set_qlimit: return serve_set_qlimit;
	default: return NULL;
	}
}

/* Who it is, and which version it speaks. */

static int
enter_bootstrap(struct task *task)
{
	struct right right = right_copy(&task->world->bootstrap);
	int code = right_enter(&task->space, right, &task->bootstrap);

	if (code)
		right_drop(right);
	return code;
}

/* Ties a task that connected by itself to the process that says hello. Where
 * there are no pidfds, it is known to end by the end of its connections alone. */
static int
welcome(struct task *task, const struct frame *request)
{
	int err = task_bind(task, request->pid);

	if (err == -ENOSYS)
		task->pid = request->pid;
	else if (err)
		return err;
	return enter_bootstrap(task);
}

static int
hello(struct task *task, const struct hello_in *in, const struct frame *request,
    struct wire_buf *reply)
{
	struct hello_out out = {
		.version = WIRE_VERSION,
		.task = task->id,
		.portd = "hird-portd " VERSION,
	};
	int err = 0;

	if (in->version != WIRE_VERSION) {
		log_debug("task %u (%s, process %d) speaks version %u, not %u", task->id,
		    in->program, (int)request->pid, in->version, WIRE_VERSION);
		hello_out_put(reply, &out);
		return -EPROTO;
	}
	if (task->by_itself)
		err = welcome(task, request);
	if (err)
		return err;
	task->greeted = true;
	out.bootstrap = task->bootstrap;
	log_debug("task %u is %s, process %d", task->id, in->program, (int)request->pid);
	hello_out_put(reply, &out);
	return 0;
}

static int
serve_hello(struct task *task, struct frame *request, struct wire_buf *reply)
{
	struct hello_in in;

	if (task->greeted || request->call != CALL_hello || hello_in_get(&request->body, &in) < 0)
		return -EBADMSG;
	return hello(task, &in, request, reply);
}

/* Whether a frame is of the task's process. */
static bool
is_of_task(const struct task *task, const struct frame *request)
{
	if (request->pid == 0)
		return false;
	if (task->by_itself && !task->greeted)
		return request->uid == task->world->uid;
	return request->pid == task->pid;
}

static void
answer(struct connection *connection, const struct frame *request, int code, struct wire_buf *body)
{
	struct frame frame = {
		.call = request->call,
		.cookie = request->cookie,
		.code = code == -ENOMEM ? PORT_E_RESOURCE_SHORTAGE : code,
		.body = *body,
	};

	if (body->error) {
		wire_buf_deinit(&frame.body);
		frame.code = PORT_E_RESOURCE_SHORTAGE;
	}
	connection_reply(connection, &frame);	/* eats the body */
}

static void
serve_one(struct connection *connection, struct frame *request)
{
	struct task *task = connection->task;
	struct wire_buf body = { 0 };
	serve_fn *serve = find_call(request->call);
	int code = -EBADMSG;

	if (!task->greeted || request->call == CALL_hello)
		code = serve_hello(task, request, &body);
	else if (serve)
		code = serve(task, &request->body, &body);
	if (code == -EBADMSG)
		connection_fail(connection, "not a request");
	else
		answer(connection, request, code, &body);	/* eats body */
}

/* Serves a frame. */
void
call_serve(struct connection *connection, struct frame *request)
{
	if (!is_of_task(connection->task, request)) {
		struct wire_buf nothing = { 0 };

		answer(connection, request, -EPERM, &nothing);
		connection_fail(connection, "a frame of another process");
	} else if (connection->waiting != WAITING_NOT) {
		if (request->call == CALL_interrupt)
			transfer_interrupt(connection);
		else
			connection_fail(connection, "a request while another one waits");
	} else if (connection->task->greeted && request->call == CALL_msg) {
		if (transfer_start(connection, request) < 0)
			connection_fail(connection, "not a request");
	} else if (!connection->task->greeted || request->call != CALL_interrupt) {
		serve_one(connection, request);
	}
}
