/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend-hird: the public API of libhird, as the agents call it. */
#include "tests/ports/backend.h"

#include <unistd.h>

static int
attach(uint32_t *idp)
{
	int err = port_connect("agent");

	if (!err)
		*idp = port_task_id();
	return err;
}

static int
allocate(enum port_right_kind kind, port_name_t *namep, port_name_t task)
{
	return port_allocate_in(task, kind, namep);
}

static int
allocate_name(enum port_right_kind kind, port_name_t name, port_name_t task)
{
	return port_allocate_name_in(task, kind, name);
}

static int
deallocate(port_name_t name, port_name_t task)
{
	return port_deallocate_in(task, name);
}

static int
destroy(port_name_t name, port_name_t task)
{
	return port_destroy_in(task, name);
}

static int
mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta, port_name_t task)
{
	return port_mod_refs_in(task, name, kind, delta);
}

static int
get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp, port_name_t task)
{
	return port_get_refs_in(task, name, kind, urefsp);
}

static int
type(port_name_t name, uint32_t *typep, port_name_t task)
{
	return port_type_in(task, name, typep);
}

static int
rename_name(port_name_t name, port_name_t new_name, port_name_t task)
{
	return port_rename_in(task, name, new_name);
}

static int
names(struct port_entry **entriesp, size_t *n_entriesp, port_name_t task)
{
	return port_names_in(task, entriesp, n_entriesp);
}

static int
insert_right(port_name_t name, port_name_t right, enum port_disposition disposition,
    port_name_t task)
{
	return port_insert_right_in(task, name, right, disposition);
}

static int
request_notification(port_name_t name, uint32_t id, uint32_t sync, port_name_t notify,
    enum port_disposition disposition, port_name_t *previousp, port_name_t task)
{
	return port_request_notification_in(task, name, id, sync, notify, disposition, previousp);
}

static int
move_member(port_name_t member, port_name_t set, port_name_t task)
{
	return port_move_member_in(task, member, set);
}

static int
set_status(port_name_t set, port_name_t **membersp, size_t *n_membersp, port_name_t task)
{
	return port_set_status_in(task, set, membersp, n_membersp);
}

static int
receive_status(port_name_t name, struct receive_status_out *status, port_name_t task)
{
	struct port_status got;
	int err = port_receive_status_in(task, name, &got);

	if (!err)
		*status = (struct receive_status_out){
			.set = got.set,
			.seqno = got.seqno,
			.mscount = got.mscount,
			.qlimit = got.qlimit,
			.msgcount = got.msgcount,
			.sorights = got.sorights,
			.srights = got.srights,
			.no_senders_armed = got.no_senders_armed,
			.port_destroyed_armed = got.port_destroyed_armed,
			.guarded = got.guarded,
		};
	return err;
}

static int
set_qlimit(port_name_t name, uint32_t qlimit, port_name_t task)
{
	return port_set_qlimit_in(task, name, qlimit);
}

static int
peek(port_name_t name, struct peek_out *peeked)
{
	struct port_peeked got;
	int err = port_peek(name, &got);

	if (!err)
		*peeked = (struct peek_out){
			.id = got.id,
			.size = got.size,
			.seqno = got.seqno,
			.pid = (uint32_t)got.pid,
			.uid = got.uid,
			.gid = got.gid,
			.sender = got.task,
		};
	return err;
}

const struct backend backend_hird = {
	.name = "hird",
	.attach = attach,
	.thread_detach = port_thread_detach,
	.allocate = allocate,
	.allocate_name = allocate_name,
	.deallocate = deallocate,
	.destroy = destroy,
	.mod_refs = mod_refs,
	.get_refs = get_refs,
	.type = type,
	.rename = rename_name,
	.names = names,
	.insert_right = insert_right,
	.extract_right = port_extract_right,
	.request_notification = request_notification,
	.move_member = move_member,
	.set_status = set_status,
	.receive_status = receive_status,
	.set_qlimit = set_qlimit,
	.set_mscount = port_set_mscount,
	.set_seqno = port_set_seqno,
	.set_payload = port_set_protected_payload,
	.clear_payload = port_clear_protected_payload,
	.peek = peek,
	.construct = port_construct,
	.destruct = port_destruct,
	.guard = port_guard,
	.unguard = port_unguard,
	.swap_guard = port_swap_guard,
	.task_self = port_task_self,
	.spawn = port_spawn,
	.exchange = port_exchange,
	.msg = port_msg,
	.memory_alloc = port_memory_alloc,
	.memory_free = port_memory_free,
	.call = port_call,
};
