/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codes: the answers of the protocol, and the numbers that a right is made of.
 *
 * The values are Mach's (gnumach's mach/kern_return.h, message.h, port.h), so
 * that ported code and habits work. Positive: an answer of the protocol.
 * Negative (-errno): this process or its server is in trouble. */
#ifndef WIRE_CODES_H
#define WIRE_CODES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t port_name_t;
typedef uint32_t port_mscount_t;
typedef uint32_t port_seqno_t;

#define PORT_NULL ((port_name_t)0)
#define PORT_DEAD ((port_name_t)~0u)

enum port_right_kind {
	PORT_RIGHT_SEND = 0,
	PORT_RIGHT_RECEIVE = 1,
	PORT_RIGHT_SEND_ONCE = 2,
	PORT_RIGHT_PORT_SET = 3,
	PORT_RIGHT_DEAD_NAME = 4,
	PORT_RIGHT_KINDS = 5,
};

/* What port_type() answers: one bit a kind, and whether a dead-name request
 * is registered. */
#define PORT_TYPE(kind) (1u << (16 + (kind)))
#define PORT_TYPE_DNREQUEST 0x80000000u
#define PORT_TYPE_SPREQUEST 0x40000000u	/* and whether a send-possible request is */

/* How a right travels. A receiver sees only the three MOVE values (as
 * PORT_DISP_RECEIVE, _SEND, _SEND_ONCE: "you got one of these"). */
enum port_disposition {
	PORT_MOVE_RECEIVE = 16,
	PORT_MOVE_SEND = 17,
	PORT_MOVE_SEND_ONCE = 18,
	PORT_COPY_SEND = 19,
	PORT_MAKE_SEND = 20,
	PORT_MAKE_SEND_ONCE = 21,
	/* Only in the local place of what is received: not a name, but the word
	 * that port_set_payload() tied to the port. */
	PORT_PROTECTED_PAYLOAD = 23,
};

/* What port_construct() makes beside the receive right. */
enum port_construct {
	PORT_CONSTRUCT_GUARD = 1 << 0,		/* context is its guard */
	PORT_CONSTRUCT_STRICT = 1 << 1,		/* likewise, and it may not travel */
	PORT_CONSTRUCT_QLIMIT = 1 << 2,		/* qlimit counts */
	PORT_CONSTRUCT_INSERT_SEND = 1 << 3,	/* a send right under the same name */
	PORT_CONSTRUCT_REPLY = 1 << 4,		/* makes send-once rights only */
};

/* Options of port_msg(). */
enum {
	PORT_MSG_SEND = 0x1,
	PORT_MSG_RCV = 0x2,
	PORT_MSG_SEND_TIMEOUT = 0x10,
	PORT_MSG_SEND_NOTIFY = 0x20,	/* a full queue arms the send-possible request of the destination */
	PORT_MSG_SEND_INTERRUPT = 0x40,	/* a signal ends the wait for room (the library's matter) */
	PORT_MSG_RCV_TIMEOUT = 0x100,
	PORT_MSG_RCV_INTERRUPT = 0x400,	/* a signal ends the wait for a message (likewise) */
	PORT_MSG_RCV_LARGE = 0x800,
	PORT_MSG_RCV_FLAT = 0x2000,	/* sizes are those of wire_flat_size (the library's matter) */
};

enum port_error {
	PORT_E_NO_SPACE = 3,
	PORT_E_INVALID_ARGUMENT = 4,
	PORT_E_FAILURE = 5,
	PORT_E_RESOURCE_SHORTAGE = 6,
	PORT_E_ALREADY_IN_SET = 11,
	PORT_E_NOT_IN_SET = 12,
	PORT_E_NAME_EXISTS = 13,
	PORT_E_INVALID_NAME = 15,
	PORT_E_INVALID_TASK = 16,
	PORT_E_INVALID_RIGHT = 17,
	PORT_E_INVALID_VALUE = 18,
	PORT_E_UREFS_OVERFLOW = 19,
	PORT_E_INVALID_CAPABILITY = 20,
	PORT_E_RIGHT_EXISTS = 21,

	/* Of the names interface; launchd's values. */
	PORT_E_NAMES_NOT_PRIVILEGED = 1100,
	PORT_E_NAMES_NAME_IN_USE = 1101,
	PORT_E_NAMES_UNKNOWN_SERVICE = 1102,
	PORT_E_NAMES_SERVICE_ACTIVE = 1103,

	PORT_E_SEND_INVALID_DATA = 0x10000002,
	PORT_E_SEND_INVALID_DEST = 0x10000003,
	PORT_E_SEND_TIMED_OUT = 0x10000004,
	PORT_E_SEND_INTERRUPTED = 0x10000007,
	PORT_E_SEND_MSG_TOO_SMALL = 0x10000008,
	PORT_E_SEND_INVALID_REPLY = 0x10000009,
	PORT_E_SEND_INVALID_RIGHT = 0x1000000a,
	PORT_E_SEND_INVALID_MEMORY = 0x1000000c,
	PORT_E_SEND_NO_BUFFER = 0x1000000d,
	PORT_E_SEND_TOO_LARGE = 0x1000000e,
	PORT_E_SEND_INVALID_TYPE = 0x1000000f,
	PORT_E_SEND_INVALID_HEADER = 0x10000010,

	PORT_E_RCV_INVALID_NAME = 0x10004002,
	PORT_E_RCV_TIMED_OUT = 0x10004003,
	PORT_E_RCV_TOO_LARGE = 0x10004004,
	PORT_E_RCV_INTERRUPTED = 0x10004005,
	PORT_E_RCV_PORT_CHANGED = 0x10004006,
	PORT_E_RCV_INVALID_DATA = 0x10004008,
	PORT_E_RCV_PORT_DIED = 0x10004009,
	PORT_E_RCV_IN_SET = 0x1000400a,
	PORT_E_RCV_HEADER_ERROR = 0x1000400b,
	PORT_E_RCV_BODY_ERROR = 0x1000400c,

	/* Of a SEND or RCV code, these bits are a detail: what there was no room for. */
	PORT_E_DETAIL_MASK = 0x3c00,
	PORT_E_DETAIL_IPC_SPACE = 0x2000,	/* a name */
	PORT_E_DETAIL_VM_SPACE = 0x1000,	/* memory */

	/* Answers of an RPC, as MIG names them. Negative there; here they have
	 * a range of their own, because negative is errno in this house. */
	PORT_E_RPC_TYPE_ERROR = 0x20000300,
	PORT_E_RPC_REPLY_MISMATCH = 0x20000301,
	PORT_E_RPC_BAD_ID = 0x20000303,
	PORT_E_RPC_BAD_ARGUMENTS = 0x20000304,
	PORT_E_RPC_SERVER_DIED = 0x20000308,
};

/* What an element beside the bytes of a message is, in order: in the upper
 * byte of its disposition. */
enum {
	WIRE_ITEM_PORT = 0,			/* { name, disposition } */
	WIRE_ITEM_MEMORY = 1 << 24,		/* { bytes, 0 }: they follow the elements, in line */
	WIRE_ITEM_REGION = 2 << 24,		/* { bytes, 0 }: in a memory file, see wire/frame.h */
	WIRE_ITEM_PORTS = 3 << 24,		/* { n, disposition }: the next n elements are an array of ports */
	WIRE_ITEM_MASK = (int)0xff000000,
};

/* A sentence for any code: positive as above, negative errno, 0. Static. */
const char *port_error_text(int code);

/* What the names interface says of a service. */
enum names_state {
	NAMES_STATE_REGISTERED = 1,	/* somebody gave a right to it */
	NAMES_STATE_WAITING = 2,	/* no program runs; the first message starts it */
	NAMES_STATE_STARTING = 3,	/* it runs and has not checked in */
	NAMES_STATE_RUNNING = 4,
	NAMES_STATE_RESTING = 5,	/* it failed, and is started again in a while */
};

/* What a right to a translator's node is for. To ask what it is like needs none of them. */
enum trans_right {
	TRANS_RIGHT_READ = 1,	/* its content; what is in a directory */
	TRANS_RIGHT_WRITE = 2,	/* to change it, its mode and times */
	TRANS_RIGHT_LOOKUP = 4,	/* what lies below a directory, for no more than this one is for */
	TRANS_RIGHT_ALL = 7,
};

/* Ids of notifications. */
enum {
	PORT_NOTIFY_PORT_DELETED = 65,
	PORT_NOTIFY_SEND_POSSIBLE = 66,
	PORT_NOTIFY_PORT_DESTROYED = 69,
	PORT_NOTIFY_NO_SENDERS = 70,
	PORT_NOTIFY_SEND_ONCE = 71,
	PORT_NOTIFY_DEAD_NAME = 72,
};

enum {
	PORT_UREFS_SEND_MAX = 65534,
	PORT_UREFS_DEAD_MAX = 65535,
	PORT_QLIMIT_DEFAULT = 5,
	PORT_QLIMIT_MAX = 1024,
	PORT_MSG_RIGHTS_MAX = 1024,
	PORT_MSG_BODY_MAX = 96 * 1024,	/* a frame stays below a stock wmem_default of 208 KiB */
	PORT_MSG_FDS_MAX = 24,
	PORT_MSG_MEMORY_MAX = 64 << 20,	/* bytes out of line in one message, all told */
	RPC_REPLY_OFFSET = 100,		/* reply id = request id + 100 (MIG) */
};

#ifdef __cplusplus
}
#endif

#endif
