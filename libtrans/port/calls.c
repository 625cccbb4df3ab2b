/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calls: what a task does with its own names, one function a call. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "port/connection.h"
#include "port/port.h"

/* call_NAME(in, out): the call as it travels. None of their answers points into
 * the frame but that of `names`, which is asked for below. */
#define DEFINE_CALL(name) \
	static int \
	call_##name(const struct name##_in *in, struct name##_out *out) \
	{ \
		AUTO_WIRE struct wire_buf body = { 0 }; \
		struct frame reply; \
		int err; \
		name##_in_put(&body, in); \
		err = connection_call(CALL_##name, &body, &reply); \
		if (err) \
			return err; \
		err = reply.code; \
		if (!err && name##_out_get(&reply.body, out) < 0) \
			err = -EPROTO; \
		wire_buf_deinit(&reply.body); \
		return err; \
	}

DEFINE_CALL(allocate)
DEFINE_CALL(allocate_name)
DEFINE_CALL(deallocate)
DEFINE_CALL(destroy)
DEFINE_CALL(mod_refs)
DEFINE_CALL(get_refs)
DEFINE_CALL(type)
DEFINE_CALL(insert_right)
DEFINE_CALL(request_notification)
DEFINE_CALL(receive_status)
DEFINE_CALL(set_qlimit)

/* A new port with its receive right, a port set, or a dead name, under a name that
 * portd chooses. PORT_E_INVALID_VALUE: of another kind; PORT_E_NO_SPACE. */
int
port_allocate(enum port_right_kind kind, port_name_t *namep)
{
	struct allocate_in in = { .kind = kind };
	struct allocate_out out;
	int err = call_allocate(&in, &out);

	if (!err)
		*namep = out.name;
	return err;
}

/* Likewise under a name of the caller's choice. PORT_E_NAME_EXISTS. */
int
port_allocate_name(enum port_right_kind kind, port_name_t name)
{
	struct allocate_name_in in = { .kind = kind, .name = name };
	struct allocate_name_out out;

	return call_allocate_name(&in, &out);
}

/* Drops one reference of a send right or dead name, or a send-once right.
 * PORT_E_INVALID_NAME, PORT_E_INVALID_RIGHT. */
int
port_deallocate(port_name_t name)
{
	struct deallocate_in in = { .name = name };
	struct deallocate_out out;

	return call_deallocate(&in, &out);
}

/* Drops all that the name denotes. PORT_E_INVALID_NAME. */
int
port_destroy(port_name_t name)
{
	struct destroy_in in = { .name = name };
	struct destroy_out out;

	return call_destroy(&in, &out);
}

/* Adds delta references of one kind. PORT_E_INVALID_VALUE, PORT_E_INVALID_NAME,
 * PORT_E_INVALID_RIGHT, PORT_E_UREFS_OVERFLOW. */
int
port_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta)
{
	struct mod_refs_in in = { .name = name, .kind = kind, .delta = delta };
	struct mod_refs_out out;

	return call_mod_refs(&in, &out);
}

/* How many references of one kind the name has; 0 when it is of another. */
int
port_get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp)
{
	struct get_refs_in in = { .name = name, .kind = kind };
	struct get_refs_out out;
	int err = call_get_refs(&in, &out);

	if (!err)
		*urefsp = out.urefs;
	return err;
}

/* What the name denotes, as PORT_TYPE bits. */
int
port_type(port_name_t name, uint32_t *typep)
{
	struct type_in in = { .name = name };
	struct type_out out;
	int err = call_type(&in, &out);

	if (!err)
		*typep = out.type;
	return err;
}

/* Makes an array of the pairs in an answer. */
static int
take_names(struct wire_buf *body, struct port_entry **entriesp, size_t *n_entriesp)
{
	AUTO_WIRE struct wire_buf pairs = { 0 };
	struct port_entry *entries;
	struct names_out out;
	size_t n;

	if (names_out_get(body, &out) < 0 || out.names.size % 8 != 0)
		return -EPROTO;
	n = out.names.size / 8;
	if (wire_buf_load(&pairs, out.names.data, out.names.size) < 0)
		return -ENOMEM;
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
port_names(struct port_entry **entriesp, size_t *n_entriesp)
{
	struct wire_buf nothing = { 0 };
	struct frame reply;
	int err = connection_call(CALL_names, &nothing, &reply);

	if (err)
		return err;
	err = reply.code ? reply.code : take_names(&reply.body, entriesp, n_entriesp);
	wire_buf_deinit(&reply.body);
	return err;
}

/* Takes `right` by its disposition and gives it the name `name`. On failure the
 * right that was taken is gone. PORT_E_RIGHT_EXISTS, PORT_E_NAME_EXISTS,
 * PORT_E_INVALID_CAPABILITY. */
int
port_insert_right(port_name_t name, port_name_t right, enum port_disposition disposition)
{
	struct insert_right_in in = { .name = name, .right = right, .disposition = disposition };
	struct insert_right_out out;

	return call_insert_right(&in, &out);
}

/* Asks for a notification `id` about name, to be sent to `notify`; the right that
 * was registered before is the caller's, in *previousp when it is given. */
int
port_request_notification(port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp)
{
	struct request_notification_in in = {
		.name = name,
		.id = id,
		.sync = sync,
		.notify = notify,
		.disposition = disposition,
	};
	struct request_notification_out out;
	int err = call_request_notification(&in, &out);

	if (err)
		return err;
	if (previousp)
		*previousp = out.previous;
	else if (out.previous != PORT_NULL && out.previous != PORT_DEAD)
		port_deallocate(out.previous);
	return 0;
}

/* The state of a receive right. */
int
port_receive_status(port_name_t name, struct receive_status_out *status)
{
	struct receive_status_in in = { .name = name };
	struct receive_status_out out;
	int err = call_receive_status(&in, &out);

	if (!err)
		*status = out;
	return err;
}

/* Sets how many messages may wait. PORT_E_INVALID_VALUE: above PORT_QLIMIT_MAX. */
int
port_set_qlimit(port_name_t name, uint32_t qlimit)
{
	struct set_qlimit_in in = { .name = name, .qlimit = qlimit };
	struct set_qlimit_out out;

	return call_set_qlimit(&in, &out);
}
