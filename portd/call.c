/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call: the requests of a thread, and what is no request.
 *
 * The first frame of a task is its hello; it ties a task that connected by itself
 * to its process, and says which version is spoken. A frame of another process,
 * one that is not well formed, an unknown call, or a second request while one
 * waits: the connection ends. */
#include "portd/call.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/notify.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/set.h"
#include "portd/trace.h"
#include "portd/transfer.h"
#include "wire/messages.h"

enum {
	NAMES_MAX = PORT_MSG_BODY_MAX / 8,	/* that fit into one reply */
	MEMBERS_MAX = PORT_MSG_BODY_MAX / 4,	/* likewise */
	CONSTRUCT_GUARDS = PORT_CONSTRUCT_GUARD | PORT_CONSTRUCT_STRICT,
	CONSTRUCT_SENDS = PORT_CONSTRUCT_INSERT_SEND | PORT_CONSTRUCT_REPLY,
	CONSTRUCT_FLAGS = CONSTRUCT_GUARDS | CONSTRUCT_SENDS | PORT_CONSTRUCT_QLIMIT,
};

/* The calls: each answers a code, and fills *out when it is 0. */

static bool
may_be_allocated(uint32_t kind)
{
	return kind == PORT_RIGHT_RECEIVE || kind == PORT_RIGHT_PORT_SET ||
	    kind == PORT_RIGHT_DEAD_NAME;
}

static int
allocate_dead_name(struct space *space, port_name_t name, struct entry **entryp)
{
	int code = space_add(space, name, TYPE_DEAD_NAME, NULL, entryp);

	if (!code)
		(*entryp)->urefs = 1;
	return code;
}

static int
allocate_set(struct space *space, port_name_t name, struct entry **entryp)
{
	struct set *set = set_new();
	int code = set ? space_add(space, name, TYPE_PORT_SET, NULL, entryp)
		       : PORT_E_RESOURCE_SHORTAGE;

	if (code) {
		free(set);
		return code;
	}
	(*entryp)->set = set;
	set->holder = *entryp;
	return 0;
}

/* Adds a dead name, a set, or a port with its receive right. */
static int
allocate(struct task *task, uint32_t kind, port_name_t name, struct entry **entryp)
{
	struct space *space = &task->space;
	struct port *port;
	int code;

	if (kind == PORT_RIGHT_DEAD_NAME)
		return allocate_dead_name(space, name, entryp);
	if (kind == PORT_RIGHT_PORT_SET)
		return allocate_set(space, name, entryp);
	if (name != PORT_NULL && space_lookup(space, name))
		return PORT_E_NAME_EXISTS;
	port = port_new_for(task);
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

static int
do_rename(struct task *task, const struct rename_in *in, struct rename_out *out)
{
	struct entry *entry = space_lookup(&task->space, in->name);

	(void)out;
	if (in->new_name == PORT_NULL || in->new_name == PORT_DEAD)
		return PORT_E_INVALID_VALUE;
	if (space_lookup(&task->space, in->new_name))
		return PORT_E_NAME_EXISTS;
	return entry ? space_rename(entry, in->new_name) : PORT_E_INVALID_NAME;
}

/* Out of the caller's table, by the disposition; the right is gone when it cannot be put
 * under that name of the task's. */
static int
do_insert_right(struct task *caller, struct task *task, const struct insert_right_in *in,
    struct insert_right_out *out)
{
	struct right right;
	int code;

	(void)out;
	if (in->name == PORT_NULL || in->name == PORT_DEAD)
		return PORT_E_INVALID_VALUE;
	code = right_take_by_call(&caller->space, in->right, in->disposition, &right);
	if (code)
		return code;
	return right_insert(&task->space, in->name, right);	/* eats right */
}

/* Out of the task's table into the caller's. */
static int
do_extract_right(struct task *caller, struct task *task, const struct extract_right_in *in,
    struct extract_right_out *out)
{
	struct right right;
	int code;

	if (!right_disposition_is_valid(in->disposition))
		return PORT_E_INVALID_VALUE;
	if (!space_lookup(&task->space, in->name))
		return PORT_E_INVALID_NAME;
	code = right_take_by_call(&task->space, in->name, in->disposition, &right);
	if (code)
		return code;
	code = right_enter(&caller->space, right, &out->right);
	if (code)
		right_drop(right);
	return code;
}

static int
do_request_notification(struct task *caller, struct task *task,
    const struct request_notification_in *in, struct request_notification_out *out)
{
	return notify_request(&caller->space, &task->space, in, &out->previous);
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
		.set = port->set ? port->set->holder->name : PORT_NULL,
		.seqno = port->seqno,
		.mscount = port->mscount,
		.qlimit = port->qlimit,
		.msgcount = port->msgcount,
		.sorights = port->sorights,
		.srights = port->srights > 0,
		.no_senders_armed = port->no_senders.kind != RIGHT_NULL,
		.port_destroyed_armed = port->port_destroyed.kind != RIGHT_NULL,
		.guarded = port->guarded,
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
do_set_mscount(struct task *task, const struct set_mscount_in *in, struct set_mscount_out *out)
{
	struct port *port;
	int code = find_port(task, in->name, &port);

	(void)out;
	if (!code)
		port->mscount = in->mscount;
	return code;
}

static int
do_set_seqno(struct task *task, const struct set_seqno_in *in, struct set_seqno_out *out)
{
	struct port *port;
	int code = find_port(task, in->name, &port);

	(void)out;
	if (!code)
		port->seqno = in->seqno;
	return code;
}

static int
do_set_payload(struct task *task, const struct set_payload_in *in, struct set_payload_out *out)
{
	struct port *port;
	int code = find_port(task, in->name, &port);

	(void)out;
	if (code)
		return code;
	port->has_payload = in->armed != 0;
	port->payload = in->payload;
	return 0;
}

static void
guard(struct port *port, uint64_t word, bool strict)
{
	port->guarded = true;
	port->guard = word;
	port->strict = strict;
}

static int
do_guard(struct task *task, const struct guard_in *in, struct guard_out *out)
{
	struct port *port;
	int code = find_port(task, in->name, &port);

	(void)out;
	if (code)
		return code;
	if (port->guarded)
		return PORT_E_INVALID_ARGUMENT;
	guard(port, in->guard, in->strict != 0);
	return 0;
}

/* The port of a name with the receive right that has this guard. */
static int
find_guarded(struct task *task, port_name_t name, uint64_t word, struct port **portp)
{
	int code = find_port(task, name, portp);

	if (!code && (!(*portp)->guarded || (*portp)->guard != word))
		code = PORT_E_INVALID_ARGUMENT;
	return code;
}

static int
do_unguard(struct task *task, const struct unguard_in *in, struct unguard_out *out)
{
	struct port *port;
	int code = find_guarded(task, in->name, in->guard, &port);

	(void)out;
	if (!code)
		port->guarded = port->strict = false;
	return code;
}

static int
do_swap_guard(struct task *task, const struct swap_guard_in *in, struct swap_guard_out *out)
{
	struct port *port;
	int code = find_guarded(task, in->name, in->old_guard, &port);

	(void)out;
	if (!code)
		port->guard = in->new_guard;
	return code;
}

static int
do_peek(struct task *task, const struct peek_in *in, struct peek_out *out)
{
	const struct message *message;
	struct port *port;
	int code = find_port(task, in->name, &port);

	if (code)
		return code;
	message = port_first(port);
	if (!message)
		return PORT_E_FAILURE;
	*out = (struct peek_out){
		.id = message->id,
		.size = (uint32_t)message->body.size,
		.seqno = port->seqno,
		.pid = (uint32_t)message->pid,
		.uid = message->uid,
		.gid = message->gid,
		.sender = message->task,
	};
	return 0;
}

static int
check_construct(const struct construct_in *in)
{
	if (in->flags & ~(uint32_t)CONSTRUCT_FLAGS)
		return PORT_E_INVALID_ARGUMENT;
	if ((in->flags & CONSTRUCT_SENDS) == CONSTRUCT_SENDS)
		return PORT_E_INVALID_ARGUMENT;
	if (in->flags & PORT_CONSTRUCT_QLIMIT && in->qlimit > PORT_QLIMIT_MAX)
		return PORT_E_INVALID_VALUE;
	return 0;
}

static int
do_construct(struct task *task, const struct construct_in *in, struct construct_out *out)
{
	struct right right;
	struct entry *entry;
	int code = check_construct(in);

	if (!code)
		code = allocate(task, PORT_RIGHT_RECEIVE, PORT_NULL, &entry);
	if (code)
		return code;
	out->name = entry->name;
	if (in->flags & CONSTRUCT_GUARDS)
		guard(entry->port, in->context, in->flags & PORT_CONSTRUCT_STRICT);
	if (in->flags & PORT_CONSTRUCT_QLIMIT)
		entry->port->qlimit = in->qlimit;
	entry->port->reply_only = in->flags & PORT_CONSTRUCT_REPLY;
	if (in->flags & PORT_CONSTRUCT_INSERT_SEND) {
		right_take(&task->space, entry->name, PORT_MAKE_SEND, &right);
		right_insert(&task->space, entry->name, right);	/* eats right */
	}
	return 0;
}

static int
do_destruct(struct task *task, const struct destruct_in *in, struct destruct_out *out)
{
	(void)out;
	return right_destruct(&task->space, in->name, in->send_delta, in->guard);
}

static int
do_move_member(struct task *task, const struct move_member_in *in, struct move_member_out *out)
{
	struct entry *entry = space_lookup(&task->space, in->set);
	struct port *port;
	int code = find_port(task, in->member, &port);

	(void)out;
	if (code)
		return code;
	if (in->set == PORT_NULL) {
		if (!port->set)
			return PORT_E_NOT_IN_SET;
		set_leave(port);
		return 0;
	}
	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!entry->set)
		return PORT_E_INVALID_RIGHT;
	set_join(entry->set, port);
	return 0;
}

static int
do_thread(struct task *task, const struct thread_in *in, struct thread_out *out)
{
	(void)in;
	return connection_pair(task, &out->connection);
}

static int
do_task_self(struct task *task, const struct task_self_in *in, struct task_self_out *out)
{
	(void)in;
	return task_self(task, &out->name);
}

static int
do_spawn(struct task *task, const struct spawn_in *in, struct spawn_out *out)
{
	return task_spawn(task, in->bootstrap, in->disposition, &out->connection, &out->task);
}

/* Each decodes, calls, encodes. SERVE_OWN is of the caller's alone; SERVE acts on the task
 * that it means; SERVE_BETWEEN on both. */
#define SERVE_CALL(name, find, call) \
	static int \
	serve_##name(struct task *caller, struct wire_buf *request, struct wire_buf *reply) \
	{ \
		struct task *task = caller; \
		struct name##_in in; \
		struct name##_out out = { 0 }; \
		int code; \
		if (name##_in_get(request, &in) < 0) \
			return -EBADMSG; \
		code = find; \
		if (code == 0) \
			code = call; \
		if (code == 0) \
			name##_out_put(reply, &out); \
		return code; \
	}
#define FIND task_resolve(caller, in.task, &task)
#define SERVE(name) SERVE_CALL(name, FIND, do_##name(task, &in, &out))
#define SERVE_BETWEEN(name) SERVE_CALL(name, FIND, do_##name(caller, task, &in, &out))
#define SERVE_OWN(name) SERVE_CALL(name, 0, do_##name(task, &in, &out))

SERVE(allocate)
SERVE(allocate_name)
SERVE(deallocate)
SERVE(destroy)
SERVE(mod_refs)
SERVE(get_refs)
SERVE(type)
SERVE(rename)
SERVE_BETWEEN(insert_right)
SERVE_BETWEEN(extract_right)
SERVE_BETWEEN(request_notification)
SERVE(receive_status)
SERVE(set_qlimit)
SERVE(set_mscount)
SERVE(set_seqno)
SERVE(set_payload)
SERVE(guard)
SERVE(unguard)
SERVE(swap_guard)
SERVE(peek)
SERVE(construct)
SERVE(destruct)
SERVE(move_member)
SERVE_OWN(thread)
SERVE_OWN(task_self)
SERVE_OWN(spawn)

/* A memory file with this content, or -errno. */
static int
into_file(const struct wire_blob *blob)
{
	AUTO_CLOSE int fd = sys_memfd("hird-names", blob->size);
	ssize_t n = fd < 0 ? 0 : pwrite(fd, blob->data, blob->size, 0);

	if (fd < 0)
		return fd;
	return n == (ssize_t)blob->size ? fd_steal(&fd) : -ENOMEM;
}

/* The pairs of all names, to be freed. NULL: no memory. */
static uint32_t *
list_names(const struct space *space)
{
	uint32_t *pairs = calloc(space->n_entries + 1, 2 * sizeof(*pairs)), *at = pairs;

	if (!pairs)
		return NULL;
	LIST_FOR_EACH(link, next, &space->entries) {
		struct entry *entry = LIST_ENTRY(link, struct entry, link);

		*at++ = htole32(entry->name);
		*at++ = htole32(right_entry_type(entry));
	}
	return pairs;
}

/* All names at this moment, in the reply or in a file beside it. */
static int
put_names(struct task *task, struct wire_buf *reply)
{
	AUTO_FREE uint32_t *pairs = list_names(&task->space);
	struct wire_blob blob = { pairs, task->space.n_entries * 2 * sizeof(*pairs) };
	struct names_out out = { .more = -1 };

	if (!pairs)
		return PORT_E_RESOURCE_SHORTAGE;
	if (task->space.n_entries <= NAMES_MAX)
		out.names = blob;
	else
		out.more = into_file(&blob);
	if (out.more < -1)
		return PORT_E_RESOURCE_SHORTAGE;
	names_out_put(reply, &out);	/* eats out.more */
	return 0;
}

static int
serve_names(struct task *caller, struct wire_buf *request, struct wire_buf *reply)
{
	struct names_in in;
	struct task *task;
	int code;

	if (names_in_get(request, &in) < 0)
		return -EBADMSG;
	code = task_resolve(caller, in.task, &task);
	return code ? code : put_names(task, reply);
}

static int
put_members(struct task *task, port_name_t name, struct wire_buf *members)
{
	struct entry *entry = space_lookup(&task->space, name);

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!entry->set)
		return PORT_E_INVALID_RIGHT;
	if (entry->set->n_members > MEMBERS_MAX)
		return PORT_E_RESOURCE_SHORTAGE;
	LIST_FOR_EACH(link, next, &entry->set->members)
		wire_put_u32(members, LIST_ENTRY(link, struct port, member)->holder->name);
	return members->error ? PORT_E_RESOURCE_SHORTAGE : 0;
}

static int
serve_set_status(struct task *caller, struct wire_buf *request, struct wire_buf *reply)
{
	AUTO_WIRE struct wire_buf members = { 0 };
	struct set_status_out out;
	struct set_status_in in;
	struct task *task;
	int code;

	if (set_status_in_get(request, &in) < 0)
		return -EBADMSG;
	code = task_resolve(caller, in.task, &task);
	if (!code)
		code = put_members(task, in.name, &members);
	if (code)
		return code;
	out.members = (struct wire_blob){ members.data, members.size };
	set_status_out_put(reply, &out);
	return 0;
}

typedef int serve_fn(struct task *caller, struct wire_buf *request, struct wire_buf *reply);

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
	case CALL_set_mscount: return serve_set_mscount;
	case CALL_set_seqno: return serve_set_seqno;
	case CALL_set_payload: return serve_set_payload;
	case CALL_guard: return serve_guard;
	case CALL_unguard: return serve_unguard;
	case CALL_swap_guard: return serve_swap_guard;
	case CALL_peek: return serve_peek;
	case CALL_construct: return serve_construct;
	case CALL_destruct: return serve_destruct;
	case CALL_rename: return serve_rename;
	case CALL_extract_right: return serve_extract_right;
	case CALL_move_member: return serve_move_member;
	case CALL_set_status: return serve_set_status;
	case CALL_task_self: return serve_task_self;
	case CALL_spawn: return serve_spawn;
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

/* Ties a task that portd did not start to the process that says hello. Where
 * there are no pidfds, it is known to end by the end of its connections alone. */
static int
welcome(struct task *task, const struct frame *request)
{
	int err = task_bind(task, request->pid);

	if (err == -ENOSYS)
		task->pid = request->pid;
	else if (err)
		return err;
	return task->by_itself ? enter_bootstrap(task) : 0;
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
	if (task->by_itself || task->spawned)
		err = welcome(task, request);
	if (err)
		return err;
	task->greeted = true;
	if (task->by_itself)
		task->world->n_strangers--;
	snprintf(task->program, sizeof(task->program), "%s", in->program);
	if (!list_is_empty(&task->world->traces))
		trace_greet(task);
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
	if ((task->by_itself || task->spawned) && !task->greeted)
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
	if (request->call == CALL_hello && code == 0)
		connection_stop_timer(connection);
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
		connection->in_use = true;
		if (transfer_start(connection, request) < 0)
			connection_fail(connection, "not a request");
	} else if (!connection->task->greeted || request->call != CALL_interrupt) {
		connection->in_use |= request->call != CALL_hello && request->call != CALL_thread;
		serve_one(connection, request);
	}
}
