/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend: what an agent calls: the calls of port/port.h, each under its name
 * without the prefix, and with its meaning.
 *
 * One is libhird, the other a toy in which a right is a plain descriptor, on which the marked
 * cases must fail. What a backend cannot do answers -ENOSYS. The calls on names take the
 * task last: PORT_NULL, or the caller's name for the task port of another. */
#ifndef TESTS_PORTS_BACKEND_H
#define TESTS_PORTS_BACKEND_H

#include "port/port.h"
#include "port/rpc.h"
#include "wire/messages.h"

struct backend {
	const char *name;

	/* In an agent, before its threads are made: attaches it to the world. *idp: the
	 * number by which the world knows it. */
	int (*attach)(uint32_t *idp);
	/* In a thread that is about to end. */
	void (*thread_detach)(void);

	int (*allocate)(enum port_right_kind kind, port_name_t *namep, port_name_t task);
	int (*allocate_name)(enum port_right_kind kind, port_name_t name, port_name_t task);
	int (*deallocate)(port_name_t name, port_name_t task);
	int (*destroy)(port_name_t name, port_name_t task);
	int (*mod_refs)(port_name_t name, enum port_right_kind kind, int32_t delta,
	    port_name_t task);
	int (*get_refs)(port_name_t name, enum port_right_kind kind, uint32_t *urefsp,
	    port_name_t task);
	int (*type)(port_name_t name, uint32_t *typep, port_name_t task);
	int (*rename)(port_name_t name, port_name_t new_name, port_name_t task);
	int (*names)(struct port_entry **entriesp, size_t *n_entriesp, port_name_t task);
	int (*insert_right)(port_name_t name, port_name_t right, enum port_disposition disposition,
	    port_name_t task);
	int (*extract_right)(port_name_t task, port_name_t name, enum port_disposition disposition,
	    port_name_t *rightp);
	int (*request_notification)(port_name_t name, uint32_t id, uint32_t sync,
	    port_name_t notify, enum port_disposition disposition, port_name_t *previousp,
	    port_name_t task);
	int (*move_member)(port_name_t member, port_name_t set, port_name_t task);
	int (*set_status)(port_name_t set, port_name_t **membersp, size_t *n_membersp,
	    port_name_t task);
	int (*receive_status)(port_name_t name, struct receive_status_out *status,
	    port_name_t task);
	int (*set_qlimit)(port_name_t name, uint32_t qlimit, port_name_t task);
	int (*set_mscount)(port_name_t name, port_mscount_t mscount);
	int (*set_seqno)(port_name_t name, port_seqno_t seqno);
	int (*set_payload)(port_name_t name, uint64_t payload);
	int (*clear_payload)(port_name_t name);
	int (*peek)(port_name_t name, struct peek_out *peeked);
	int (*construct)(uint32_t flags, uint32_t qlimit, uint64_t context, port_name_t *namep);
	int (*destruct)(port_name_t name, int32_t send_delta, uint64_t guard);
	int (*guard)(port_name_t name, uint64_t guard, int strict);
	int (*unguard)(port_name_t name, uint64_t guard);
	int (*swap_guard)(port_name_t name, uint64_t old_guard, uint64_t new_guard);
	int (*task_self)(port_name_t *taskp);
	int (*spawn)(port_name_t bootstrap, enum port_disposition disposition, int *fdp,
	    port_name_t *taskp);

	int (*exchange)(struct port_message *sent, int send_timeout_ms, port_name_t name,
	    struct port_message *received, int rcv_timeout_ms, uint32_t options);
	int (*msg)(struct port_msg_header *message, uint32_t options, uint32_t send_size,
	    uint32_t rcv_size, port_name_t rcv_name, uint32_t timeout_ms);
	void *(*memory_alloc)(size_t size);
	void (*memory_free)(void *address, size_t size);
	int (*call)(port_name_t dest, uint32_t id, struct wire_buf *request,
	    struct port_reply *reply, int timeout_ms);
};

extern const struct backend backend_hird;
extern const struct backend backend_fd;
/* The one of this run. */
extern const struct backend *api;

#endif
