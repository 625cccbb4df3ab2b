/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interface: a declaration of what travels, made into C and into data.
 *
 * An interface is a list of routines; each has the fields of its request and, unless it
 * is one-way, those of its answer, in the order in which they travel:
 *
 *	#define greet_hello_IN(F) F(str(64), name) F(send, friend)
 *	#define greet_hello_OUT(F) F(str, text)
 *	#define greet_forget_IN(F) F(str(64), name)
 *	#define greet_INTERFACE(ROUTINE, ONEWAY) \
 *		ROUTINE(greet_hello, 7000) \
 *		ONEWAY(greet_forget, 7001)
 *
 * Types: u32 i32 u64; str, blob, argv (words, each with its NUL); memory, bytes that
 * travel beside the body and may be many; rights: send, send_once, receive, port for any of
 * them, ports for an array; fd, fds. A number in parentheses is a limit: of bytes, NUL
 * included, or rights. An answer is { i32 code, str text }, and its fields
 * when code is 0; its id is the routine's + RPC_REPLY_OFFSET.
 *
 * Of each struct there are NAME_put(buf, value), which eats the descriptors in it, and
 * NAME_get(buf, value): 0; -EBADMSG; -EPROTOTYPE: a right is of another kind. After
 * a failed get nothing was taken and *value is zero. What is got by pointer, memory too,
 * lives as long as the buffer. */
#ifndef WIRE_INTERFACE_H
#define WIRE_INTERFACE_H

#include "wire/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

struct text;

/* Rights of one kind. Received, the disposition moves them: to send one on, or
 * to put it into an answer, is to give it away. */
struct wire_send {
	port_name_t name;
	uint32_t disposition;	/* of one to be sent: PORT_MOVE_SEND, _COPY_SEND, _MAKE_SEND */
};

struct wire_send_once {
	port_name_t name;
	uint32_t disposition;	/* PORT_MOVE_SEND_ONCE, _MAKE_SEND_ONCE */
};

struct wire_receive {
	port_name_t name;
	uint32_t disposition;	/* PORT_MOVE_RECEIVE */
};

typedef uint32_t wire_type_u32;
typedef int32_t wire_type_i32;
typedef uint64_t wire_type_u64;
typedef const char *wire_type_str;
typedef struct wire_blob wire_type_blob;
typedef struct wire_blob wire_type_argv;
typedef struct wire_port wire_type_port;
typedef struct wire_send wire_type_send;
typedef struct wire_send_once wire_type_send_once;
typedef struct wire_receive wire_type_receive;
typedef struct wire_ports wire_type_ports;
typedef struct wire_memory wire_type_memory;
typedef int wire_type_fd;
typedef struct wire_fds wire_type_fds;

enum wire_type {
	WIRE_TYPE_END,		/* of a table of fields */
	WIRE_TYPE_u32,
	WIRE_TYPE_i32,
	WIRE_TYPE_u64,
	WIRE_TYPE_str,
	WIRE_TYPE_blob,
	WIRE_TYPE_argv,
	WIRE_TYPE_port,
	WIRE_TYPE_send,
	WIRE_TYPE_send_once,
	WIRE_TYPE_receive,
	WIRE_TYPE_ports,
	WIRE_TYPE_memory,
	WIRE_TYPE_fd,
	WIRE_TYPE_fds,
};

/* str(64) is a str; its limit is 64. */
#define wire_type_str(max) wire_type_str
#define wire_type_blob(max) wire_type_blob
#define wire_type_argv(max) wire_type_argv
#define wire_type_ports(max) wire_type_ports
#define wire_type_memory(max) wire_type_memory
#define WIRE_TYPE_str(max) WIRE_TYPE_str
#define WIRE_TYPE_blob(max) WIRE_TYPE_blob
#define WIRE_TYPE_argv(max) WIRE_TYPE_argv
#define WIRE_TYPE_ports(max) WIRE_TYPE_ports
#define WIRE_TYPE_memory(max) WIRE_TYPE_memory
#define WIRE_MAX_str(max) max
#define WIRE_MAX_blob(max) max
#define WIRE_MAX_argv(max) max
#define WIRE_MAX_ports(max) max
#define WIRE_MAX_memory(max) max
enum {
	WIRE_MAX_u32, WIRE_MAX_i32 = 0, WIRE_MAX_u64 = 0, WIRE_MAX_str = 0, WIRE_MAX_blob = 0,
	WIRE_MAX_argv = 0, WIRE_MAX_port = 0, WIRE_MAX_send = 0, WIRE_MAX_send_once = 0,
	WIRE_MAX_receive = 0, WIRE_MAX_ports = 0, WIRE_MAX_memory = 0, WIRE_MAX_fd = 0,
	WIRE_MAX_fds = 0,
};

struct wire_field {
	uint16_t offset;
	uint16_t type;		/* enum wire_type */
	uint32_t max;		/* bytes, rights; 0: what fits in a message */
	const char *name;	/* NULL: the end (WIRE_TYPE_END) */
};

struct wire_shape {
	const struct wire_field *fields;
	size_t size;		/* of the struct */
};

struct wire_routine {
	const char *name;
	uint32_t id;
	const struct wire_shape *in;
	const struct wire_shape *out;	/* NULL: one-way */
};

struct wire_interface {
	const char *name;
	const struct wire_routine *routines;
	size_t n_routines;
};

enum {
	/* No struct of a routine is larger. */
	WIRE_STRUCT_MAX = 1024,
	/* What a handler returns that has kept the reply right, or has seen to the answer
	 * in another way. */
	RPC_NO_REPLY = 0x20000305,
};

void wire_shape_put(struct wire_buf *buf, const struct wire_shape *shape, const void *value);
int wire_shape_get(struct wire_buf *buf, const struct wire_shape *shape, void *value);
/* For a buffer that holds nothing else: whatever is left over beside the body
 * is -EBADMSG, too. */
int wire_shape_get_all(struct wire_buf *buf, const struct wire_shape *shape, void *value);
/* An empty value: all zero, and descriptors -1. */
void wire_shape_clear(const struct wire_shape *shape, void *value);
/* Closes the descriptors in a value, and takes them out of it. */
void wire_shape_close(const struct wire_shape *shape, void *value);
/* Gives each right in a value to `release`, and takes it out. */
void wire_shape_release(const struct wire_shape *shape, void *value,
    void (*release)(struct wire_port right));
/* Appends `name="x" flags=3` for what the buffer holds from where it is read. It
 * takes nothing. */
void wire_shape_print(const struct wire_shape *shape, const struct wire_buf *buf,
    struct text *text);

/* NULL: none has this id. */
const struct wire_routine *wire_interface_find(const struct wire_interface *interface, uint32_t id);

/* Declarations --------------------------------------------------------------
 *
 * WIRE_DECLARE(greet) for a header, WIRE_DEFINE(greet) for one source file; or
 * WIRE_STATIC(greet) instead of both. */

#define WIRE_UNUSED __attribute__((unused))

#define WIRE_FIELD(type, name) wire_type_##type name;
#define WIRE_STRUCT(tag, FIELDS) struct tag { FIELDS(WIRE_FIELD) char end_; };
#define WIRE_ACCESS(tag) \
	WIRE_UNUSED static inline void \
	tag##_put(struct wire_buf *buf_, const struct tag *value_) \
	{ \
		wire_shape_put(buf_, &tag##_shape, value_); \
	} \
	WIRE_UNUSED static inline int \
	tag##_get(struct wire_buf *buf_, struct tag *value_) \
	{ \
		return wire_shape_get(buf_, &tag##_shape, value_); \
	}

/* A field list knows type and name of a field, not its struct: WIRE_ENTRY_OF(tag)
 * begins an entry, and what then stands in parentheses ends it. */
#define WIRE_ENTRY_OF(tag) { __builtin_offsetof(struct tag, WIRE_ENTRY_END
#define WIRE_ENTRY_END(type, name) name), WIRE_TYPE_##type, WIRE_MAX_##type, #name },
#define WIRE_SHAPE(tag, FIELDS, storage) \
	WIRE_UNUSED static const struct wire_field tag##_fields[] = { \
		FIELDS(WIRE_ENTRY_OF(tag)) { 0, 0, 0, 0 } \
	}; \
	typedef char tag##_fits[sizeof(struct tag) <= WIRE_STRUCT_MAX ? 1 : -1] WIRE_UNUSED; \
	storage const struct wire_shape tag##_shape = { tag##_fields, sizeof(struct tag) };

#define WIRE_DECLARE_SIDE(tag, FIELDS) \
	WIRE_STRUCT(tag, FIELDS) \
	extern const struct wire_shape tag##_shape; \
	WIRE_ACCESS(tag)
#define WIRE_STATIC_SIDE(tag, FIELDS) \
	WIRE_STRUCT(tag, FIELDS) \
	WIRE_SHAPE(tag, FIELDS, WIRE_UNUSED static) \
	WIRE_ACCESS(tag)

#define WIRE_ROUTINE_ID(name, id) ROUTINE_##name = id,
#define WIRE_IDS(interface) \
	enum interface##_routine { interface##_INTERFACE(WIRE_ROUTINE_ID, WIRE_ROUTINE_ID) };

#define WIRE_DECLARE_ONEWAY(name, id) WIRE_DECLARE_SIDE(name##_in, name##_IN)
#define WIRE_DECLARE_ROUTINE(name, id) \
	WIRE_DECLARE_ONEWAY(name, id) WIRE_DECLARE_SIDE(name##_out, name##_OUT)
#define WIRE_DECLARE(interface) \
	WIRE_IDS(interface) \
	interface##_INTERFACE(WIRE_DECLARE_ROUTINE, WIRE_DECLARE_ONEWAY) \
	extern const struct wire_interface interface##_interface;

#define WIRE_ONEWAY_INIT(name, id) { #name, id, &name##_in_shape, 0 }
#define WIRE_ROUTINE_INIT(name, id) { #name, id, &name##_in_shape, &name##_out_shape }
#define WIRE_ONEWAY_ENTRY(name, id) WIRE_ONEWAY_INIT(name, id),
#define WIRE_ROUTINE_ENTRY(name, id) WIRE_ROUTINE_INIT(name, id),
#define WIRE_TABLE(interface, storage) \
	WIRE_UNUSED static const struct wire_routine interface##_routines[] = { \
		interface##_INTERFACE(WIRE_ROUTINE_ENTRY, WIRE_ONEWAY_ENTRY) \
	}; \
	storage const struct wire_interface interface##_interface = { \
		#interface, interface##_routines, \
		sizeof(interface##_routines) / sizeof(interface##_routines[0]) \
	};

#define WIRE_DEFINE_ONEWAY(name, id) WIRE_SHAPE(name##_in, name##_IN, )
#define WIRE_DEFINE_ROUTINE(name, id) \
	WIRE_DEFINE_ONEWAY(name, id) WIRE_SHAPE(name##_out, name##_OUT, )
#define WIRE_DEFINE(interface) \
	interface##_INTERFACE(WIRE_DEFINE_ROUTINE, WIRE_DEFINE_ONEWAY) \
	WIRE_TABLE(interface, )

#define WIRE_STATIC_ONEWAY(name, id) WIRE_STATIC_SIDE(name##_in, name##_IN)
#define WIRE_STATIC_ROUTINE(name, id) \
	WIRE_STATIC_ONEWAY(name, id) WIRE_STATIC_SIDE(name##_out, name##_OUT)
#define WIRE_STATIC(interface) \
	WIRE_IDS(interface) \
	interface##_INTERFACE(WIRE_STATIC_ROUTINE, WIRE_STATIC_ONEWAY) \
	WIRE_TABLE(interface, WIRE_UNUSED static)

/* Handlers --------------------------------------------------------------------
 *
 * WIRE_SERVER(greet) makes struct greet_server, a table of handlers
 *
 *	int (*greet_hello)(struct rpc_request *, struct greet_hello_in *,
 *	    struct greet_hello_out *);
 *	int (*greet_forget)(struct rpc_request *, struct greet_forget_in *);
 *
 * in which a slot may be empty (its answer is PORT_E_RPC_BAD_ID), and greet_handle,
 * which calls the one that an id asks for. An id that stands twice does not compile.
 * What an rpc_request is, is the server's loop's matter: a task's (port/rpc.h) or
 * portd's. */

struct rpc_request;
typedef int wire_handle_fn(const void *server, uint32_t id, struct rpc_request *request,
    void *in, void *out);

#define WIRE_SLOT_ROUTINE(name, id) \
	int (*name)(struct rpc_request *, struct name##_in *, struct name##_out *);
#define WIRE_SLOT_ONEWAY(name, id) int (*name)(struct rpc_request *, struct name##_in *);
#define WIRE_HANDLE_ROUTINE(name, id) \
	case id: \
		return server_->name ? server_->name(request_, (struct name##_in *)in_, \
		    (struct name##_out *)out_) : PORT_E_RPC_BAD_ID;
#define WIRE_HANDLE_ONEWAY(name, id) \
	case id: \
		return server_->name ? server_->name(request_, (struct name##_in *)in_) : \
		    PORT_E_RPC_BAD_ID;
#define WIRE_SERVER(interface) \
	struct interface##_server { \
		interface##_INTERFACE(WIRE_SLOT_ROUTINE, WIRE_SLOT_ONEWAY) \
	}; \
	WIRE_UNUSED static int \
	interface##_handle(const void *handlers_, uint32_t id_, struct rpc_request *request_, \
	    void *in_, void *out_) \
	{ \
		const struct interface##_server *server_ = \
		    (const struct interface##_server *)handlers_; \
		(void)out_; \
		switch (id_) { \
		interface##_INTERFACE(WIRE_HANDLE_ROUTINE, WIRE_HANDLE_ONEWAY) \
		} \
		return PORT_E_RPC_BAD_ID; \
	}

#ifdef __cplusplus
}
#endif

#endif
