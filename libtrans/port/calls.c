/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calls: what a task does with names, its own and those of another task, one
 * function a call. NAME is NAME_in for PORT_NULL, the caller itself. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/connection.h"
#include "port/port.h"
#include "wire/messages.h"

/* call_NAME(in, out): the call as it travels. None of their answers points into
 * the frame; those of `names` and `set_status` do, and are asked for below. */
#define DEFINE_CALL(name) \
	static int \
	call_##name(const struct name##_in *in, struct name##_out *out) \
	{ \
		struct wire_buf *body; \
		struct frame reply; \
		int err = connection_open(&body); \
		if (err) \
			return err; \
		name##_in_put(body, in); \
		err = connection_call(CALL_##name, body, &reply); \
		if (err) \
			return err; \
		err = reply.code; \
		if (!err && name##_out_get(&reply.body, out) < 0) \
			err = -EPROTO; \
		wire_buf_deinit(&reply.body); \
		return err; \
	}

/* The call with these fields; what it answers goes to *out, or nowhere. */
#define ASK(name, out, ...) call_##name(&(struct name##_in){ __VA_ARGS__ }, out)
#define DO(name, ...) ASK(name, &(struct name##_out){ 0 }, __VA_ARGS__)

DEFINE_CALL(allocate)
DEFINE_CALL(allocate_name)
DEFINE_CALL(deallocate)
DEFINE_CALL(destroy)
DEFINE_CALL(mod_refs)
DEFINE_CALL(get_refs)
DEFINE_CALL(type)
DEFINE_CALL(rename)
DEFINE_CALL(insert_right)
DEFINE_CALL(extract_right)
DEFINE_CALL(request_notification)
DEFINE_CALL(move_member)
DEFINE_CALL(receive_status)
DEFINE_CALL(set_qlimit)
DEFINE_CALL(set_mscount)
DEFINE_CALL(set_seqno)
DEFINE_CALL(set_payload)
DEFINE_CALL(peek)
DEFINE_CALL(construct)
DEFINE_CALL(destruct)
DEFINE_CALL(guard)
DEFINE_CALL(unguard)
DEFINE_CALL(swap_guard)
DEFINE_CALL(task_self)
DEFINE_CALL(spawn)

/* Names and references. */

/* A new port with its receive right, a port set, or a dead name, under a name that
 * portd chooses. PORT_E_INVALID_VALUE: of another kind; PORT_E_NO_SPACE. */
int
port_allocate_in(port_name_t task, enum port_right_kind kind, port_name_t *namep)
{
	struct allocate_out out;
	int err = ASK(allocate, &out, .kind = kind, .task = task);

	if (!err)
		*namep = out.name;
	return err;
}

int
port_allocate(enum port_right_kind kind, port_name_t *namep)
{
	return port_allocate_in(PORT_NULL, kind, namep);
}

/* Likewise under a name of the caller's choice. PORT_E_NAME_EXISTS. */
int
port_allocate_name_in(port_name_t task, enum port_right_kind kind, port_name_t name)
{
	return DO(allocate_name, .kind = kind, .name = name, .task = task);
}

int
port_allocate_name(enum port_right_kind kind, port_name_t name)
{
	return port_allocate_name_in(PORT_NULL, kind, name);
}

/* Drops one reference of a send right or dead name, or a send-once right.
 * PORT_E_INVALID_NAME, PORT_E_INVALID_RIGHT. */
int
port_deallocate_in(port_name_t task, port_name_t name)
{
	return DO(deallocate, .name = name, .task = task);
}

int
port_deallocate(port_name_t name)
{
	return port_deallocate_in(PORT_NULL, name);
}

/* Drops all that the name denotes. PORT_E_INVALID_NAME; PORT_E_INVALID_RIGHT: it
 * is guarded. */
int
port_destroy_in(port_name_t task, port_name_t name)
{
	return DO(destroy, .name = name, .task = task);
}

int
port_destroy(port_name_t name)
{
	return port_destroy_in(PORT_NULL, name);
}

/* Adds delta references of one kind. PORT_E_INVALID_VALUE, PORT_E_INVALID_NAME,
 * PORT_E_INVALID_RIGHT, PORT_E_UREFS_OVERFLOW. */
int
port_mod_refs_in(port_name_t task, port_name_t name, enum port_right_kind kind, int32_t delta)
{
	return DO(mod_refs, .name = name, .kind = kind, .delta = delta, .task = task);
}

int
port_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta)
{
	return port_mod_refs_in(PORT_NULL, name, kind, delta);
}

/* How many references of one kind the name has; 0 when it is of another. */
int
port_get_refs_in(port_name_t task, port_name_t name, enum port_right_kind kind, uint32_t *urefsp)
{
	struct get_refs_out out;
	int err = ASK(get_refs, &out, .name = name, .kind = kind, .task = task);

	if (!err)
		*urefsp = out.urefs;
	return err;
}

int
port_get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp)
{
	return port_get_refs_in(PORT_NULL, name, kind, urefsp);
}

/* What the name denotes, as PORT_TYPE bits. */
int
port_type_in(port_name_t task, port_name_t name, uint32_t *typep)
{
	struct type_out out;
	int err = ASK(type, &out, .name = name, .task = task);

	if (!err)
		*typep = out.type;
	return err;
}

int
port_type(port_name_t name, uint32_t *typep)
{
	return port_type_in(PORT_NULL, name, typep);
}

/* Gives what the name denotes another one. PORT_E_INVALID_VALUE: that is none;
 * PORT_E_NAME_EXISTS, PORT_E_INVALID_NAME. */
int
port_rename_in(port_name_t task, port_name_t name, port_name_t new_name)
{
	return DO(rename, .name = name, .new_name = new_name, .task = task);
}

int
port_rename(port_name_t name, port_name_t new_name)
{
	return port_rename_in(PORT_NULL, name, new_name);
}

/* Whole tables. */

/* Fills a buffer with the content of a memory file. */
static int
load_file(struct wire_buf *buf, int fd)
{
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	buf->data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!buf->data)
		return -ENOMEM;
	while (at < (size_t)st.st_size) {
		ssize_t n = pread(fd, buf->data + at, (size_t)st.st_size - at, (off_t)at);

		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		at += (size_t)n;
	}
	buf->size = at;
	return 0;
}

static int
load_names(struct wire_buf *pairs, const struct names_out *out)
{
	int err = out->more < 0 ? wire_buf_load(pairs, out->names.data, out->names.size)
				: load_file(pairs, out->more);

	if (!err && pairs->size % 8 != 0)
		err = -EPROTO;
	return err;
}

/* Makes an array of the pairs in an answer. */
static int
take_names(struct wire_buf *body, struct port_entry **entriesp, size_t *n_entriesp)
{
	AUTO_WIRE struct wire_buf pairs = { 0 };
	AUTO_CLOSE int more = -1;
	struct port_entry *entries;
	struct names_out out;
	size_t n;
	int err;

	if (names_out_get(body, &out) < 0)
		return -EPROTO;
	more = out.more;
	err = load_names(&pairs, &out);
	if (err)
		return err;
	n = pairs.size / 8;
	entries = calloc(n ? n : 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		entries[i].name = wire_get_u32(&pairs);
		entries[i].type = wire_get_u32(&pairs);
	}
	*entriesp = entries;
	*n_entriesp = n;
	return 0;
}

/* All names of the space with their types; free() the array. */
int
port_names_in(port_name_t task, struct port_entry **entriesp, size_t *n_entriesp)
{
	struct wire_buf *body;
	struct frame reply;
	int err = connection_open(&body);

	if (err)
		return err;
	names_in_put(body, &(struct names_in){ .task = task });
	err = connection_call(CALL_names, body, &reply);
	if (err)
		return err;
	err = reply.code ? reply.code : take_names(&reply.body, entriesp, n_entriesp);
	wire_buf_deinit(&reply.body);
	return err;
}

int
port_names(struct port_entry **entriesp, size_t *n_entriesp)
{
	return port_names_in(PORT_NULL, entriesp, n_entriesp);
}

/* Makes an array of the members in an answer. */
static int
take_members(struct wire_buf *body, port_name_t **membersp, size_t *n_membersp)
{
	AUTO_WIRE struct wire_buf names = { 0 };
	struct set_status_out out;
	port_name_t *members;
	size_t n;

	if (set_status_out_get(body, &out) < 0 || out.members.size % 4 != 0)
		return -EPROTO;
	n = out.members.size / 4;
	if (wire_buf_load(&names, out.members.data, out.members.size) < 0)
		return -ENOMEM;
	members = calloc(n ? n : 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		members[i] = wire_get_u32(&names);
	*membersp = members;
	*n_membersp = n;
	return 0;
}

/* Names of the ports in a set; free() the array. */
int
port_set_status_in(port_name_t task, port_name_t set, port_name_t **membersp, size_t *n_membersp)
{
	struct wire_buf *body;
	struct frame reply;
	int err = connection_open(&body);

	if (err)
		return err;
	set_status_in_put(body, &(struct set_status_in){ .name = set, .task = task });
	err = connection_call(CALL_set_status, body, &reply);
	if (err)
		return err;
	err = reply.code ? reply.code : take_members(&reply.body, membersp, n_membersp);
	wire_buf_deinit(&reply.body);
	return err;
}

int
port_set_status(port_name_t set, port_name_t **membersp, size_t *n_membersp)
{
	return port_set_status_in(PORT_NULL, set, membersp, n_membersp);
}

/* Rights that move, and what is to be told of them. */

/* Takes `right` from the caller by its disposition and gives it the name `name`. On
 * failure the right that was taken is gone. PORT_E_RIGHT_EXISTS, PORT_E_NAME_EXISTS,
 * PORT_E_INVALID_CAPABILITY. */
int
port_insert_right_in(
    port_name_t task, port_name_t name, port_name_t right, enum port_disposition disposition)
{
	return DO(insert_right, .name = name, .right = right, .disposition = disposition,
	    .task = task);
}

int
port_insert_right(port_name_t name, port_name_t right, enum port_disposition disposition)
{
	return port_insert_right_in(PORT_NULL, name, right, disposition);
}

/* Takes `name` from another task by the disposition; *rightp is the caller's name for
 * it, PORT_DEAD when it was a dead name there. */
int
port_extract_right(port_name_t task, port_name_t name, enum port_disposition disposition,
    port_name_t *rightp)
{
	struct extract_right_out out;
	int err = ASK(extract_right, &out, .name = name, .disposition = disposition, .task = task);

	if (!err)
		*rightp = out.right;
	return err;
}

/* Asks for a notification `id` about name, to be sent to `notify`; the right that
 * was registered before is the caller's, in *previousp when it is given. */
int
port_request_notification_in(port_name_t task, port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp)
{
	struct request_notification_out out;
	int err = ASK(request_notification, &out, .name = name, .id = id, .sync = sync,
	    .notify = notify, .disposition = disposition, .task = task);

	if (err)
		return err;
	if (previousp)
		*previousp = out.previous;
	else if (out.previous != PORT_NULL && out.previous != PORT_DEAD)
		port_deallocate(out.previous);
	return 0;
}

int
port_request_notification(port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp)
{
	return port_request_notification_in(
	    PORT_NULL, name, id, sync, notify, disposition, previousp);
}

/* Puts a port into a set, out of any other; PORT_NULL: out of the one it is in.
 * PORT_E_NOT_IN_SET. */
int
port_move_member_in(port_name_t task, port_name_t member, port_name_t set)
{
	return DO(move_member, .member = member, .set = set, .task = task);
}

int
port_move_member(port_name_t member, port_name_t set)
{
	return port_move_member_in(PORT_NULL, member, set);
}

/* Attributes of a receive right. */

/* The state of a receive right. */
int
port_receive_status_in(port_name_t task, port_name_t name, struct port_status *status)
{
	struct receive_status_out out;
	int err = ASK(receive_status, &out, .name = name, .task = task);

	if (err)
		return err;
	*status = (struct port_status){
		.set = out.set,
		.seqno = out.seqno,
		.mscount = out.mscount,
		.qlimit = out.qlimit,
		.msgcount = out.msgcount,
		.sorights = out.sorights,
		.srights = out.srights,
		.no_senders_armed = out.no_senders_armed,
		.port_destroyed_armed = out.port_destroyed_armed,
		.guarded = out.guarded,
	};
	return 0;
}

int
port_receive_status(port_name_t name, struct port_status *status)
{
	return port_receive_status_in(PORT_NULL, name, status);
}

/* Sets how many messages may wait. PORT_E_INVALID_VALUE: above PORT_QLIMIT_MAX. */
int
port_set_qlimit_in(port_name_t task, port_name_t name, uint32_t qlimit)
{
	return DO(set_qlimit, .name = name, .qlimit = qlimit, .task = task);
}

int
port_set_qlimit(port_name_t name, uint32_t qlimit)
{
	return port_set_qlimit_in(PORT_NULL, name, qlimit);
}

/* Says how many send rights were made. */
int
port_set_mscount(port_name_t name, port_mscount_t mscount)
{
	return DO(set_mscount, .name = name, .mscount = mscount);
}

/* Says which number the next message gets. */
int
port_set_seqno(port_name_t name, port_seqno_t seqno)
{
	return DO(set_seqno, .name = name, .seqno = seqno);
}

/* Messages received on the port carry this word in place of its name. */
int
port_set_protected_payload(port_name_t name, uint64_t payload)
{
	return DO(set_payload, .name = name, .armed = 1, .payload = payload);
}

/* No more. */
int
port_clear_protected_payload(port_name_t name)
{
	return DO(set_payload, .name = name);
}

/* Looks at the oldest message, and leaves it. PORT_E_FAILURE: there is none. */
int
port_peek(port_name_t name, struct port_peeked *peeked)
{
	struct peek_out out;
	int err = ASK(peek, &out, .name = name);

	if (err)
		return err;
	*peeked = (struct port_peeked){
		.id = out.id,
		.size = out.size,
		.seqno = out.seqno,
		.pid = (pid_t)out.pid,
		.uid = out.uid,
		.gid = out.gid,
		.task = out.sender,
	};
	return 0;
}

/* Ports in one step, and their guards. */

/* A port with what the flags (enum port_construct) ask for. PORT_E_INVALID_ARGUMENT:
 * they do not go together; PORT_E_INVALID_VALUE: the limit is too high. */
int
port_construct(uint32_t flags, uint32_t qlimit, uint64_t context, port_name_t *namep)
{
	struct construct_out out;
	int err = ASK(construct, &out, .flags = flags, .qlimit = qlimit, .context = context);

	if (!err)
		*namep = out.name;
	return err;
}

/* Drops the receive right and -send_delta references of the send right. Nothing has
 * changed after PORT_E_INVALID_RIGHT, PORT_E_INVALID_VALUE (of the delta),
 * PORT_E_INVALID_ARGUMENT (the guard is another). */
int
port_destruct(port_name_t name, int32_t send_delta, uint64_t guard)
{
	return DO(destruct, .name = name, .send_delta = send_delta, .guard = guard);
}

/* From now on the receive right goes only with its guard; strict: nor does it
 * travel. PORT_E_INVALID_ARGUMENT: it has one. */
int
port_guard(port_name_t name, uint64_t guard, int strict)
{
	return DO(guard, .name = name, .guard = guard, .strict = strict != 0);
}

/* No more. PORT_E_INVALID_ARGUMENT: that is not its guard. */
int
port_unguard(port_name_t name, uint64_t guard)
{
	return DO(unguard, .name = name, .guard = guard);
}

/* Replaces a guard. PORT_E_INVALID_ARGUMENT: the old one is not its guard. */
int
port_swap_guard(port_name_t name, uint64_t old_guard, uint64_t new_guard)
{
	return DO(swap_guard, .name = name, .old_guard = old_guard, .new_guard = new_guard);
}

/* Tasks. */

/* A send right to this task's own port, one reference more at each call. */
int
port_task_self(port_name_t *taskp)
{
	struct task_self_out out;
	int err = call_task_self(&(struct task_self_in){ 0 }, &out);

	if (!err)
		*taskp = out.name;
	return err;
}

/* A task for a child that is to be, its connection (close-on-exec) in *fdp and a
 * send right to its task port in *taskp. The bootstrap right is taken. */
int
port_spawn(port_name_t bootstrap, enum port_disposition disposition, int *fdp, port_name_t *taskp)
{
	struct spawn_out out;
	int err = ASK(spawn, &out, .bootstrap = bootstrap, .disposition = disposition);

	if (err)
		return err;
	if (out.connection < 0) {
		port_deallocate(out.task);
		return -EPROTO;
	}
	*fdp = out.connection;
	*taskp = out.task;
	return 0;
}
