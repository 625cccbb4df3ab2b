/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages: messages.def made into structs, put and get functions, and names.
 *
 * NAME_in_get and NAME_out_get return 0 or -EBADMSG; on failure the descriptors
 * already taken are closed and *value is zero. Structs hold pointers into the
 * buffer. Putting eats the descriptors in the struct. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include "wire/codec.h"

enum { WIRE_VERSION = 1 };

typedef uint32_t wire_type_u32;
typedef int32_t wire_type_i32;
typedef uint64_t wire_type_u64;
typedef const char *wire_type_str;
typedef struct wire_blob wire_type_blob;
typedef struct wire_blob wire_type_argv;
typedef struct wire_port wire_type_port;
typedef int wire_type_fd;
typedef struct wire_fds wire_type_fds;

#define WIRE_FIELD(type, name) wire_type_##type name;
#define WIRE_STRUCTS(name) \
	struct name##_in { name##_IN(WIRE_FIELD) char end_; }; \
	struct name##_out { name##_OUT(WIRE_FIELD) char end_; }; \
	void name##_in_put(struct wire_buf *buf, const struct name##_in *value); \
	int name##_in_get(struct wire_buf *buf, struct name##_in *value); \
	void name##_out_put(struct wire_buf *buf, const struct name##_out *value); \
	int name##_out_get(struct wire_buf *buf, struct name##_out *value);

#define CALL(name, number) WIRE_STRUCTS(name)
#define ROUTINE(name, id) WIRE_STRUCTS(name)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE

enum wire_call {
#define CALL(name, number) CALL_##name = number,
#define ROUTINE(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
};

enum wire_routine {
#define CALL(name, number)
#define ROUTINE(name, id) ROUTINE_##name = id,
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
};

/* "allocate", "fsys_goaway"; NULL for a number that is not ours. */
const char *wire_call_name(uint32_t number);
const char *wire_routine_name(uint32_t id);

/* flags of node_set */
enum node_set_flags {
	NODE_SET_PASSIVE = 1 << 0,	/* write or clear the setting */
	NODE_SET_ACTIVE = 1 << 1,	/* start, or stop, what runs */
	NODE_SET_STORED = 1 << 2,	/* -s: start exactly what the setting says */
	NODE_SET_EXCLUSIVE = 1 << 3,
	NODE_SET_ORPHAN = 1 << 4,
	NODE_SET_GOAWAY = 1 << 5,	/* -g */
	NODE_SET_KEEP_ACTIVE = 1 << 6,	/* -k */
	NODE_SET_PAUSE = 1 << 7,
	NODE_SET_CREATED = 1 << 8,	/* -c made the node just now */
};

/* flags of fsys_goaway, the Hurd's values */
enum fsys_goaway_flags {
	FSYS_GOAWAY_NOWAIT = 1,
	FSYS_GOAWAY_NOSYNC = 2,
	FSYS_GOAWAY_FORCE = 4,
	FSYS_GOAWAY_UNLINK = 8,
	FSYS_GOAWAY_RECURSE = 16,
};

enum fsys_leave {
	FSYS_LEAVE_IDLE = 1,	/* nothing to do for idle_ms */
	FSYS_LEAVE_STALE = 2,	/* what the content derives from has changed: start me anew */
};

enum node_kind {
	NODE_KIND_FILE = 1,
	NODE_KIND_DIR = 2,
};

enum node_nature {
	NODE_NATURE_IMMUTABLE = 1,	/* never changes while what it derives from does not */
	NODE_NATURE_OURS = 2,		/* changes through this translator alone */
	NODE_NATURE_ELSEWHERE = 3,	/* changes behind its back */
	NODE_NATURE_GENERATED = 4,	/* made for each read; has no size */
};

enum node_state {
	NODE_STATE_IDLE = 1,		/* mounted; the next look starts the translator */
	NODE_STATE_STARTING = 2,
	NODE_STATE_RUNNING = 3,
	NODE_STATE_STOPPING = 4,
	NODE_STATE_FAILED = 5,		/* requests get EIO; reason says why */
	NODE_STATE_UNMOUNTED = 6,	/* set, but not armed; reason says why */
};

/* The attributes of a root, as they travel and are remembered. */
struct wire_attr {
	uint32_t valid;		/* 0: nobody computed them */
	uint32_t mode;		/* with the type bits */
	uint64_t size;		/* bytes */
	uint64_t blocks;	/* of 512 bytes */
	int64_t atime, mtime, ctime;	/* seconds */
	uint32_t atime_ns, mtime_ns, ctime_ns;
	uint32_t nlink;
	uint32_t uid, gid;
};

/* What portd negotiated with the kernel in INIT, for a synthetic INIT. */
struct wire_init {
	uint32_t major, minor;
	uint64_t flags;		/* the bits that both sides agreed on, flags2 in the upper half */
	uint32_t max_readahead;
	uint32_t max_write;
	uint32_t max_background;
	uint32_t congestion_threshold;
	uint32_t time_gran;
	uint32_t max_pages;
};

#endif
