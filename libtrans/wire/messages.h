/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages: the calls of messages.def and the interfaces of this project, as
 * wire/interface.h makes them: structs, put and get, names. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include "wire/fs.def"
#include "wire/fsys.def"
#include "wire/inspect.def"
#include "wire/interface.h"
#include "wire/io.def"
#include "wire/lookup.def"
#include "wire/names.def"
#include "wire/node.def"

enum { WIRE_VERSION = 1 };

#define CALL(name, number) WIRE_DECLARE_ROUTINE(name, number)
#include "wire/messages.def"
#undef CALL

enum wire_call {
#define CALL(name, number) CALL_##name = number,
#include "wire/messages.def"
#undef CALL
};

WIRE_DECLARE(fs)
WIRE_DECLARE(fsys)
WIRE_DECLARE(inspect)
WIRE_DECLARE(io)
WIRE_DECLARE(lookup)
WIRE_DECLARE(names)
WIRE_DECLARE(node)

/* "allocate"; NULL for a number that is not ours. */
const char *wire_call_name(uint32_t number);
/* Of any interface of ours; NULL, or a NULL name, for an id that is none. */
const struct wire_routine *wire_routine_find(uint32_t id);
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

/* How long, in ms, as it is set for a node: */
#define NODE_TIME_DEFAULT 0u		/* as portd does where nothing is said */
#define NODE_TIME_NEVER UINT32_MAX

/* flags of fsys_goaway, the Hurd's values */
enum fsys_goaway_flags {
	FSYS_GOAWAY_NOWAIT = 1,
	FSYS_GOAWAY_NOSYNC = 2,
	FSYS_GOAWAY_FORCE = 4,
	FSYS_GOAWAY_UNLINK = 8,
	FSYS_GOAWAY_RECURSE = 16,
	FSYS_GOAWAY_RESTART = 1 << 16,	/* ours: make way for a successor */
};

enum fsys_getfile_flags {
	FSYS_GETFILE_EXTRA_DIR = 1,	/* extra is for a directory alone */
};

/* flags of dir_lookup */
enum dir_lookup_flags {
	DIR_LOOKUP_NOLINK = 1,		/* of a link at the end of the path, the link itself */
};

/* What dir_lookup says of the rest of the path, the Hurd's values. */
enum dir_lookup_retry {
	DIR_LOOKUP_NORMAL = 1,		/* look it up at the node; "": the node is the one */
	DIR_LOOKUP_MAGICAL = 3,		/* it leads out of the translator's tree ("/x", "../x"); no node */
};

enum { IO_SIZE_MAX = 1 << 20 };

enum fsys_leave {
	FSYS_LEAVE_IDLE = 1,	/* nothing to do for idle_ms */
	FSYS_LEAVE_STALE = 2,	/* what the content derives from has changed: start me anew */
	FSYS_LEAVE_RESTART = 3,	/* as FSYS_GOAWAY_RESTART asked */
};

enum { FSYS_DEPOSITS_MAX = 256 };

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

/* Who may enter beside the node's owner. */
enum node_share {
	NODE_SHARE_NONE,
	NODE_SHARE_ROOT,
	NODE_SHARE_OTHER,	/* whom the modes of files let */
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
