/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <hird/port.h>: Mach-like rights and messages for a Linux task.
 *
 * A task has a space of names; portd keeps it and mediates every message. The
 * task is this process; each of its threads talks to portd over a connection
 * of its own, made when it first calls. A fork child is not the task: its calls
 * answer -ENOTCONN until it attaches anew.
 *
 * Every call returns 0, a positive PORT_E_* (an answer of the protocol, see
 * wire/codes.h for each), or -errno (this process or portd is in trouble:
 * -ENOTCONN not attached or portd gone, -EPROTO it speaks another version).
 * Outputs are untouched on failure. Times are milliseconds; PORT_FOREVER waits. */
#ifndef HIRD_PORT_H
#define HIRD_PORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/codes.h"
#include "wire/messages.h"

#define PORT_FOREVER (-1)

/* Attaches this process: to the connection it was given (port_attach eats fd), or to
 * the user's portd by its socket (-ENOENT, -ECONNREFUSED: none runs). */
int port_attach(int fd, const char *program);
int port_connect(const char *program);
void port_detach(void);
/* The right that a task is born with: a translator's start-up port, a tool's keeper of nodes. */
port_name_t port_bootstrap(void);
uint32_t port_task_id(void);
/* Ends this thread's connection (a thread that exits does it by itself). */
void port_thread_detach(void);

int port_allocate(enum port_right_kind kind, port_name_t *namep);
int port_allocate_name(enum port_right_kind kind, port_name_t name);
int port_deallocate(port_name_t name);
int port_destroy(port_name_t name);
int port_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta);
int port_get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp);
int port_type(port_name_t name, uint32_t *typep);
/* Everything the space holds, a snapshot; free() it. */
struct port_entry {
	port_name_t name;
	uint32_t type;
};
int port_names(struct port_entry **entriesp, size_t *n_entriesp);
int port_insert_right(port_name_t name, port_name_t right, enum port_disposition disposition);
int port_request_notification(port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp);
int port_receive_status(port_name_t name, struct receive_status_out *status);
int port_set_qlimit(port_name_t name, uint32_t qlimit);

/* A message: what is sent, or what was received. On send, remote is the
 * destination and local the reply right; on receive, remote is the reply right
 * and local the receiver's name of the port it came in on. */
struct port_message {
	uint32_t id;
	port_name_t remote;
	uint32_t remote_disposition;	/* enum port_disposition; 0: none */
	port_name_t local;
	uint32_t local_disposition;
	/* received only: */
	uint32_t seqno;
	uint32_t size;			/* of the body, also when it was too large */
	pid_t sender_pid;		/* stamped by portd */
	uid_t sender_uid;
	gid_t sender_gid;
	uint32_t sender_task;
	struct wire_buf body;		/* with ports and descriptors */
};

/* Closes descriptors and memory; rights in it stay in the space. */
void port_message_deinit(struct port_message *message);
/* Releases every right in it, too: the reply right, and those of the body that no
 * wire_get_port has taken. */
void port_message_destroy(struct port_message *message);

/* Sends (the body's descriptors are closed on success). PORT_E_SEND_TOO_LARGE: the body
 * has more than PORT_MSG_BODY_MAX bytes. timeout_ms limits the wait for a full queue. */
int port_send(struct port_message *message, int timeout_ms);
/* Receives on a receive right. *message is zeroed first. */
int port_receive(port_name_t name, struct port_message *message, int timeout_ms);

/* RPC ---------------------------------------------------------------------
 *
 * port_call sends `request` (eats it) with a fresh send-once reply right and waits for the
 * answer. In *reply the body stands after code and text: ready for
 * NAME_out_get. Returns the server's code when it is not 0, with its line of
 * text in reply_text (points into reply). PORT_E_RPC_SERVER_DIED: the right was
 * dropped unanswered. After a timeout (PORT_E_RCV_TIMED_OUT) a late answer
 * disturbs nobody. */
struct port_reply {
	struct port_message message;
	const char *text;
};

int port_call(port_name_t dest, uint32_t id, struct wire_buf *request,
    struct port_reply *reply, int timeout_ms);
/* Releases what nobody took; for a reply of any port_call, failed or not. */
void port_reply_deinit(struct port_reply *reply);

/* NAME_call(dest, in, out, reply, timeout): the client stub of each routine. out
 * points into reply; descriptors and rights in it are the caller's. */
#define PORT_STUB(name) \
	static inline int name##_call(port_name_t dest, const struct name##_in *in, \
	    struct name##_out *out, struct port_reply *reply, int timeout_ms) \
	{ \
		struct wire_buf request = { 0 }; \
		int err; \
		name##_in_put(&request, in); \
		err = port_call(dest, ROUTINE_##name, &request, reply, timeout_ms); \
		if (err != 0) \
			return err; \
		return name##_out_get(&reply->message.body, out) < 0 ? \
		    PORT_E_RPC_TYPE_ERROR : 0; \
	}
#define CALL(name, number)
#define ROUTINE(name, id) PORT_STUB(name)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE

/* The answer of a server to a request it received: sends code and text, and
 * the fields that out_put wrote into `out` (eats it; NULL: none) to the request's
 * reply right, which is gone afterwards, whatever is returned. A request without
 * one is answered by nothing. An answer that cannot be sent as it is (too large, no memory)
 * becomes an error that can. */
int port_reply_send(struct port_message *request, int code, const char *text, struct wire_buf *out);

#endif
