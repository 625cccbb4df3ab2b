/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <hird/rpc.h>: calls of procedures in other tasks.
 *
 * An interface is declared once, in a file of its own that ends with
 * RPC_INTERFACE(name); <hird/wire/interface.h> says how. From then on there are, for
 * each routine greet_hello of an interface greet:
 *
 *	struct greet_hello_in, struct greet_hello_out
 *	greet_hello_call(dest, &in, &out, &reply, timeout_ms)	a client calls it
 *	greet_forget_send(dest, &in, timeout_ms)		likewise, a one-way routine
 *	struct greet_server, greet_serve(port, &server, arg)	a server serves it
 *	greet_hello_reply(&later, code, text, &out)		answers it some other time
 *
 * Codes are those of <hird/port.h>; an answer of the server may be any positive
 * number or -errno of its own choice. */
#ifndef HIRD_RPC_H
#define HIRD_RPC_H

#include <stdbool.h>

#include "port/port.h"
#include "wire/interface.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rights in structs -------------------------------------------------------------
 *
 * Each kind has a type. One to be sent says how; one that came is this task's, and
 * is moved by being sent on. */
typedef struct wire_send port_send_t;
typedef struct wire_send_once port_send_once_t;
typedef struct wire_receive port_receive_t;

static inline port_send_t
port_move_send(port_name_t name)
{
	port_send_t right = { name, PORT_MOVE_SEND };

	return right;
}

static inline port_send_t
port_copy_send(port_name_t name)
{
	port_send_t right = { name, PORT_COPY_SEND };

	return right;
}

static inline port_send_t
port_make_send(port_name_t name)
{
	port_send_t right = { name, PORT_MAKE_SEND };

	return right;
}

static inline port_send_once_t
port_move_send_once(port_name_t name)
{
	port_send_once_t right = { name, PORT_MOVE_SEND_ONCE };

	return right;
}

static inline port_send_once_t
port_make_send_once(port_name_t name)
{
	port_send_once_t right = { name, PORT_MAKE_SEND_ONCE };

	return right;
}

static inline port_receive_t
port_move_receive(port_name_t name)
{
	port_receive_t right = { name, PORT_MOVE_RECEIVE };

	return right;
}

/* Takes a right out of a struct: the caller's from now on. */
port_name_t port_send_take(port_send_t *right);
port_name_t port_send_once_take(port_send_once_t *right);
port_name_t port_receive_take(port_receive_t *right);
/* Releases the right in a struct, if there is one. */
void port_send_drop(port_send_t *right);
void port_send_once_drop(port_send_once_t *right);
void port_receive_drop(port_receive_t *right);

/* Calling -------------------------------------------------------------------------
 *
 * NAME_call sends a request with a fresh send-once reply right, and waits for the
 * answer. 0: *out is the answer; rights and descriptors in it are the caller's, and
 * what it points to lasts until port_reply_deinit(reply), which follows in any case.
 * Else *out is untouched and reply->text has a line by the server, or "":
 *
 *	the server's code
 *	PORT_E_RPC_BAD_ID, _BAD_ARGUMENTS, _TYPE_ERROR	it does not know such a request
 *	PORT_E_RPC_TYPE_ERROR, _REPLY_MISMATCH		what came is not the answer
 *	PORT_E_RPC_SERVER_DIED				it will not answer any more
 *	PORT_E_SEND_INVALID_DEST			there is no server
 *	PORT_E_SEND_TIMED_OUT				never reached it: its queue was full
 *	PORT_E_RCV_TIMED_OUT				a late answer will disturb nobody
 *
 * The rights and descriptors in `in` are gone, unless nothing was sent at all
 * (PORT_E_SEND_INVALID_DEST): then the rights are still there. */
struct port_reply {
	struct port_message message;
	const char *text;
};

/* A call without a table: eats the request; in *reply the body then stands behind
 * code and text. */
int port_call(port_name_t dest, uint32_t id, struct wire_buf *request,
    struct port_reply *reply, int timeout_ms);
/* Releases what nobody took; for a reply of any call, failed or not. */
void port_reply_deinit(struct port_reply *reply);

/* Serving -------------------------------------------------------------------------
 *
 * A handler gets a request that is well-formed: limits, rights of the declared kinds,
 * nothing left over. It returns
 *
 *	0	the answer is *out; the rights and descriptors of *in are the handler's
 *	a code	the answer is the code and the line that rpc_fail left; what is still in
 *		*in is released
 *	RPC_NO_REPLY	after rpc_later; *in is the handler's. (Without it the
 *		client hears PORT_E_RPC_SERVER_DIED.)
 *
 * One-way routines are never answered. What *in points to lasts until the handler
 * returns; what *out points to has to last a little longer: see rpc_print. Rights and
 * descriptors in *out are given away. */
struct rpc_request {
	struct port_message *message;	/* who sent it, seqno, local; its body is taken */
	void *arg;			/* of the table */
	/* The loop's own: */
	const char *text;
	struct rpc_note *notes;
	bool ends;
};

/* For the answer: a line to go with a code, which is returned; text, or memory, that
 * lasts until the answer is sent (NULL: there is none left). */
int rpc_fail(struct rpc_request *request, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *rpc_print(struct rpc_request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void *rpc_alloc(struct rpc_request *request, size_t size);
/* port_serve returns 0 when this request is answered. 0. */
int rpc_end(struct rpc_request *request);

/* An answer that somebody waits for. All zero: none. */
struct rpc_later {
	struct wire_port right;
	uint32_t id;
};

/* Takes the reply right out of a request whose handler returns RPC_NO_REPLY. */
struct rpc_later rpc_later(struct rpc_request *request);
/* What NAME_reply is made of: answers, eats *later and what is in `out`. 0;
 * PORT_E_SEND_INVALID_DEST: nobody waits any more; -errno. */
int rpc_reply(struct rpc_later *later, int code, const char *text,
    const struct wire_shape *shape, void *out);
/* Whoever waits hears PORT_E_RPC_SERVER_DIED. */
void rpc_later_drop(struct rpc_later *later);

struct port_table {
	const struct wire_interface *interface;
	wire_handle_fn *handle;
	const void *server;
	void *arg;
};

#define PORT_TABLE(interface, server, arg) \
	{ &interface##_interface, interface##_handle, server, arg }

struct port_service {
	const struct port_table *tables;
	size_t n_tables;
	/* A notification; what it leaves in the message is released. NULL: they
	 * are all released. What looks like one and does not come from portd is a
	 * request that nobody knows. */
	void (*notify)(struct port_message *message, void *arg);
	void *arg;
	int idle_ms;	/* > 0: return PORT_E_RCV_TIMED_OUT when so long nothing came */
};

/* Serves a receive right or a set, one request after the other, in as many threads as call it.
 * 0 after rpc_end; else why nothing can be received any more. */
int port_serve(port_name_t port, const struct port_service *service);
/* Serves one message that was received, and answers it. Eats it. False: it was the last one
 * (rpc_end). */
bool port_serve_one(const struct port_service *service, struct port_message *message);
/* Likewise, but leaves the answer to the caller: *answer has no remote when there is none. */
bool port_demux(const struct port_service *service, struct port_message *message,
    struct port_message *answer);

/* For servers without tables: answers a request, whose reply right is gone afterwards,
 * whatever is returned, with code, text, and the fields in `out` (eats it; NULL: none). A
 * request without one is answered by nothing. */
int port_reply_send(struct port_message *request, int code, const char *text, struct wire_buf *out);

/* What the stubs expand to ---------------------------------------------------------- */

int port_call_shaped(port_name_t dest, const struct wire_routine *routine, const void *in,
    void *out, struct port_reply *reply, int timeout_ms);
int port_send_shaped(port_name_t dest, const struct wire_routine *routine, const void *in,
    int timeout_ms);

#define RPC_STUB_ROUTINE(name, id) \
	WIRE_UNUSED static inline int \
	name##_call(port_name_t dest_, const struct name##_in *in_, struct name##_out *out_, \
	    struct port_reply *reply_, int timeout_ms_) \
	{ \
		const struct wire_routine routine_ = WIRE_ROUTINE_INIT(name, id); \
		return port_call_shaped(dest_, &routine_, in_, out_, reply_, timeout_ms_); \
	} \
	WIRE_UNUSED static inline int \
	name##_reply(struct rpc_later *later_, int code_, const char *text_, \
	    struct name##_out *out_) \
	{ \
		return rpc_reply(later_, code_, text_, &name##_out_shape, out_); \
	}
#define RPC_STUB_ONEWAY(name, id) \
	WIRE_UNUSED static inline int \
	name##_send(port_name_t dest_, const struct name##_in *in_, int timeout_ms_) \
	{ \
		const struct wire_routine routine_ = WIRE_ONEWAY_INIT(name, id); \
		return port_send_shaped(dest_, &routine_, in_, timeout_ms_); \
	}
#define RPC_STUBS(interface) interface##_INTERFACE(RPC_STUB_ROUTINE, RPC_STUB_ONEWAY)

#define RPC_SERVER(interface) \
	WIRE_SERVER(interface) \
	WIRE_UNUSED static inline int \
	interface##_serve(port_name_t port_, const struct interface##_server *server_, void *arg_) \
	{ \
		struct port_table table_ = PORT_TABLE(interface, server_, arg_); \
		struct port_service service_ = { &table_, 1, 0, 0, 0 }; \
		return port_serve(port_, &service_); \
	}

/* All of it, in one line. */
#define RPC_INTERFACE(interface) \
	WIRE_STATIC(interface) \
	RPC_STUBS(interface) \
	RPC_SERVER(interface)

#ifdef __cplusplus
}
#endif

#endif
