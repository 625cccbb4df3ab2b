/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codes: the answers of the protocol, and the numbers that a right is made of.
 *
 * The values are Mach's (gnumach's mach/kern_return.h, message.h, port.h), so
 * that ported code and habits work. Positive: an answer of the protocol.
 * Negative (-errno): this process or its server is in trouble. */
#ifndef WIRE_CODES_H
#define WIRE_CODES_H

#include <stdint.h>

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

/* How a right travels. A receiver sees only the three MOVE values (as
 * PORT_DISP_RECEIVE, _SEND, _SEND_ONCE: "you got one of these"). */
enum port_disposition {
	PORT_MOVE_RECEIVE = 16,
	PORT_MOVE_SEND = 17,
	PORT_MOVE_SEND_ONCE = 18,
	PORT_COPY_SEND = 19,
	PORT_MAKE_SEND = 20,
	PORT_MAKE_SEND_ONCE = 21,
};

/* Options of port_msg(). */
enum {
	PORT_MSG_SEND = 0x1,
	PORT_MSG_RCV = 0x2,
	PORT_MSG_SEND_TIMEOUT = 0x10,
	PORT_MSG_RCV_TIMEOUT = 0x100,
	PORT_MSG_RCV_LARGE = 0x800,
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

	PORT_E_SEND_INVALID_DATA = 0x10000002,
	PORT_E_SEND_INVALID_DEST = 0x10000003,
	PORT_E_SEND_TIMED_OUT = 0x10000004,
	PORT_E_SEND_INTERRUPTED = 0x10000007,
	PORT_E_SEND_MSG_TOO_SMALL = 0x10000008,
	PORT_E_SEND_INVALID_REPLY = 0x10000009,
	PORT_E_SEND_INVALID_RIGHT = 0x1000000a,
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

	/* Answers of an RPC, as MIG names them. Negative there; here they have
	 * a range of their own, because negative is errno in this house. */
	PORT_E_RPC_TYPE_ERROR = 0x20000300,
	PORT_E_RPC_REPLY_MISMATCH = 0x20000301,
	PORT_E_RPC_BAD_ID = 0x20000303,
	PORT_E_RPC_BAD_ARGUMENTS = 0x20000304,
	PORT_E_RPC_SERVER_DIED = 0x20000308,
};

/* A sentence for any code: positive as above, negative errno, 0. Static. */
const char *port_error_text(int code);

/* Ids of notifications. */
enum {
	PORT_NOTIFY_PORT_DELETED = 65,
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
	RPC_REPLY_OFFSET = 100,		/* reply id = request id + 100 (MIG) */
};

#endif
