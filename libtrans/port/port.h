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

#include "wire/codec.h"
#include "wire/codes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PORT_FOREVER (-1)

/* Attaches this process: to the connection it was given (port_attach eats fd), or to
 * the user's portd by its socket (-ENOENT, -ECONNREFUSED: none runs). */
int port_attach(int fd, const char *program);
int port_connect(const char *program);
/* The one or the other: to the connection that the starter of this process left in
 * HIRD_PORT_FD (a service's program, a child of port_spawn), which is taken out of the
 * environment, else to the user's portd. */
int port_begin(const char *program);
void port_detach(void);
/* The right that a task is born with: a translator's start-up port, a tool's keeper of nodes. */
port_name_t port_bootstrap(void);
uint32_t port_task_id(void);
/* Ends this thread's connection (a thread that exits does it by itself). */
void port_thread_detach(void);

/* Names and references ------------------------------------------------------
 *
 * The calls act on this task's space. Each has a twin, NAME_in, that acts on the
 * space of another task, whose task port the caller has a send right to
 * (PORT_E_INVALID_TASK: it is none, or the task has ended). */

int port_allocate(enum port_right_kind kind, port_name_t *namep);
int port_allocate_name(enum port_right_kind kind, port_name_t name);
int port_deallocate(port_name_t name);
int port_destroy(port_name_t name);
int port_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta);
int port_get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp);
int port_type(port_name_t name, uint32_t *typep);
int port_rename(port_name_t name, port_name_t new_name);
/* Everything the space holds, a snapshot; free() it. */
struct port_entry {
	port_name_t name;
	uint32_t type;
};
int port_names(struct port_entry **entriesp, size_t *n_entriesp);

int port_insert_right(port_name_t name, port_name_t right, enum port_disposition disposition);
int port_request_notification(port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp);

/* Sets: free() the members. PORT_NULL as the set takes the member out. */
int port_move_member(port_name_t member, port_name_t set);
int port_set_status(port_name_t set, port_name_t **membersp, size_t *n_membersp);

/* Attributes of a receive right. */
struct port_status {
	port_name_t set;	/* that it is a member of, or PORT_NULL */
	port_seqno_t seqno;	/* of the next message that is received */
	port_mscount_t mscount;
	uint32_t qlimit;
	uint32_t msgcount;
	uint32_t sorights;
	uint32_t srights;	/* 1: there are send rights */
	uint32_t no_senders_armed;
	uint32_t port_destroyed_armed;
	uint32_t guarded;
};
int port_receive_status(port_name_t name, struct port_status *status);
int port_set_qlimit(port_name_t name, uint32_t qlimit);
int port_set_mscount(port_name_t name, port_mscount_t mscount);
int port_set_seqno(port_name_t name, port_seqno_t seqno);
int port_set_protected_payload(port_name_t name, uint64_t payload);
int port_clear_protected_payload(port_name_t name);
/* The oldest message, which stays where it is. PORT_E_FAILURE: there is none. */
struct port_peeked {
	uint32_t id;
	uint32_t size;		/* of its body */
	port_seqno_t seqno;
	pid_t pid;		/* of its sender */
	uid_t uid;
	gid_t gid;
	uint32_t task;
};
int port_peek(port_name_t name, struct port_peeked *peeked);

/* A port in one step, and its end in one step. flags: enum port_construct. */
int port_construct(uint32_t flags, uint32_t qlimit, uint64_t context, port_name_t *namep);
int port_destruct(port_name_t name, int32_t send_delta, uint64_t guard);
int port_guard(port_name_t name, uint64_t guard, int strict);
int port_unguard(port_name_t name, uint64_t guard);
int port_swap_guard(port_name_t name, uint64_t old_guard, uint64_t new_guard);

/* Tasks. port_spawn makes a task for a child that is to be: the child attaches with
 * port_attach(*fdp), which is close-on-exec; its first right is `bootstrap`. */
int port_task_self(port_name_t *taskp);
int port_spawn(port_name_t bootstrap, enum port_disposition disposition, int *fdp,
    port_name_t *taskp);
int port_extract_right(port_name_t task, port_name_t name, enum port_disposition disposition,
    port_name_t *rightp);

int port_allocate_in(port_name_t task, enum port_right_kind kind, port_name_t *namep);
int port_allocate_name_in(port_name_t task, enum port_right_kind kind, port_name_t name);
int port_deallocate_in(port_name_t task, port_name_t name);
int port_destroy_in(port_name_t task, port_name_t name);
int port_mod_refs_in(port_name_t task, port_name_t name, enum port_right_kind kind, int32_t delta);
int port_get_refs_in(port_name_t task, port_name_t name, enum port_right_kind kind,
    uint32_t *urefsp);
int port_type_in(port_name_t task, port_name_t name, uint32_t *typep);
int port_rename_in(port_name_t task, port_name_t name, port_name_t new_name);
int port_names_in(port_name_t task, struct port_entry **entriesp, size_t *n_entriesp);
int port_insert_right_in(port_name_t task, port_name_t name, port_name_t right,
    enum port_disposition disposition);
int port_request_notification_in(port_name_t task, port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, enum port_disposition disposition, port_name_t *previousp);
int port_move_member_in(port_name_t task, port_name_t member, port_name_t set);
int port_set_status_in(port_name_t task, port_name_t set, port_name_t **membersp,
    size_t *n_membersp);
int port_receive_status_in(port_name_t task, port_name_t name, struct port_status *status);
int port_set_qlimit_in(port_name_t task, port_name_t name, uint32_t qlimit);

/* Messages, as they are built with wire_put_* and read with wire_get_* --------
 *
 * On send, remote is the destination and local the reply right; on receive,
 * remote is the reply right and local the receiver's name of the port it came in on. */
struct port_message {
	uint32_t id;
	port_name_t remote;
	uint32_t remote_disposition;	/* enum port_disposition; 0: none */
	port_name_t local;
	uint32_t local_disposition;
	/* received only: */
	uint64_t payload;		/* when local_disposition is PORT_PROTECTED_PAYLOAD */
	uint32_t seqno;
	uint32_t size;			/* of the body, also when it was too large */
	pid_t sender_pid;		/* stamped by portd */
	uid_t sender_uid;
	gid_t sender_gid;
	uint32_t sender_task;
	struct wire_buf body;		/* with ports, memory and descriptors */
};

/* Closes descriptors and memory; rights in it stay in the space. */
void port_message_deinit(struct port_message *message);
/* Releases every right in it, too: the reply right, and those of the body that no
 * wire_get_port has taken. */
void port_message_destroy(struct port_message *message);

/* Sends (the body's descriptors are closed on success). PORT_E_SEND_TOO_LARGE: the body
 * has more than PORT_MSG_BODY_MAX bytes. timeout_ms limits the wait for a full queue.
 * A signal does not end it. After PORT_E_SEND_TIMED_OUT *message is what came back: its
 * rights, that of the reply too, are this task's again, ready to be sent anew.
 *
 * The waits of these three and of port_msg are cancellation points: a message that was to be
 * sent comes back, and one that came at that moment goes to who receives there next. */
int port_send(struct port_message *message, int timeout_ms);
/* Receives on a receive right or a set. *message is zeroed first. */
int port_receive(port_name_t name, struct port_message *message, int timeout_ms);
/* Both in one step, for a server: sends (NULL: nothing), then waits on name (received NULL:
 * does not). Send codes and receive codes tell which half failed. Options:
 * PORT_MSG_SEND_INTERRUPT, PORT_MSG_RCV_INTERRUPT (a signal ends that wait),
 * PORT_MSG_SEND_NOTIFY, PORT_MSG_RCV_LARGE. */
int port_exchange(struct port_message *sent, int send_timeout_ms, port_name_t name,
    struct port_message *received, int rcv_timeout_ms, uint32_t options);

/* Messages as Mach lays them out -------------------------------------------------
 *
 * A flat buffer: header; when bits has PORT_MSG_BITS_COMPLEX, a count and so many
 * descriptors; then bytes. With PORT_MSG_RCV_TRAILER a trailer follows what was
 * received, and counts for its size. For ported code, and for those who want to see
 * every bit; port_send and port_receive are made of the same call. */
#define PORT_MSG_BITS(remote, local) ((uint32_t)(remote) | (uint32_t)(local) << 8)
#define PORT_MSG_BITS_REMOTE(bits) ((bits) & 0xff)
#define PORT_MSG_BITS_LOCAL(bits) ((bits) >> 8 & 0xff)
#define PORT_MSG_BITS_COMPLEX 0x80000000u
enum { PORT_MSG_RCV_TRAILER = 0x1000 };

struct port_msg_header {
	uint32_t bits;
	uint32_t size;		/* bytes, of header, descriptors and data; a multiple of 4 */
	port_name_t remote;
	port_name_t local;	/* PORT_NULL when there is a payload: it is in the trailer */
	port_seqno_t seqno;	/* received */
	uint32_t id;
};

struct port_msg_body {
	uint32_t n_descriptors;
	uint32_t unused;
};

enum port_descriptor_type {
	PORT_DESCRIPTOR_PORT = 0,	/* name, disposition */
	PORT_DESCRIPTOR_MEMORY = 1,	/* address, size; deallocate */
	/* address of port_name_t, size = how many, disposition; deallocate */
	PORT_DESCRIPTOR_PORTS = 2,
	/* name = the Linux descriptor, which stays open with the sender */
	PORT_DESCRIPTOR_FD = 3,
};

/* Memory that is received is the receiver's, to be given back with
 * port_memory_free(); deallocate is set in it, so that a message that is forwarded
 * moves it. Descriptors of files come after the others, whatever their place was. */
struct port_descriptor {
	uint32_t type;
	uint32_t disposition;
	uint32_t deallocate;	/* its pages leave this task's memory when it is sent */
	uint32_t name;
	void *address;
	uint64_t size;
};

struct port_msg_trailer {
	uint32_t size;		/* bytes of the trailer */
	port_seqno_t seqno;
	uint64_t payload __attribute__((packed, aligned(4)));
	pid_t pid;		/* of the sender, stamped by portd */
	uid_t uid;
	gid_t gid;
	uint32_t task;
};

/* options: PORT_MSG_*. timeout_ms counts for each half that asks for a timeout.
 * After PORT_E_SEND_TIMED_OUT, PORT_E_SEND_INTERRUPTED the buffer holds the message
 * as it came back (pseudo-receive). A buffer that is not there is PORT_E_SEND_INVALID_DATA,
 * or PORT_E_RCV_INVALID_DATA: what was received is released. -EBADF: a descriptor of a file
 * is none, and nothing was sent. */
int port_msg(struct port_msg_header *message, uint32_t options, uint32_t send_size,
    uint32_t rcv_size, port_name_t rcv_name, uint32_t timeout_ms);

/* Memory in whole pages, from anonymous mappings that are kept warm for the next message. */
void *port_memory_alloc(size_t size);
void port_memory_free(void *address, size_t size);

#ifdef __cplusplus
}
#endif

#endif
