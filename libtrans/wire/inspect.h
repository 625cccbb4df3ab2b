/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inspect: how portd describes rights and messages to those who look at them.
 *
 * Ports and messages have numbers, given when they are made and never
 * twice; 0 is none. A snapshot is a struct inspect_head, then the tables that it
 * names, each of records of one kind; all of one moment. Messages of one queue
 * stand in its order. Numbers are in the machine's own byte order: both sides
 * run on it. */
#ifndef WIRE_INSPECT_H
#define WIRE_INSPECT_H

#include <stddef.h>
#include <stdint.h>

enum {
	INSPECT_MAGIC = 0x70616e73,	/* "snap" */
	INSPECT_PROGRAM_MAX = 32,	/* bytes, NUL included */
	INSPECT_NODE_MAX = 256,
};

enum inspect_table {
	INSPECT_TASKS,
	INSPECT_ENTRIES,
	INSPECT_PORTS,
	INSPECT_MESSAGES,
	INSPECT_RIGHTS,
	INSPECT_WAITS,
	INSPECT_TABLES,
};

struct inspect_head {
	uint32_t magic;
	uint32_t tables;		/* INSPECT_TABLES */
	struct inspect_extent {
		uint64_t offset;	/* bytes, from the start of the snapshot */
		uint32_t n;
		uint32_t size;		/* of one record; one may grow at its end */
	} table[INSPECT_TABLES];
};

struct inspect_task {
	uint32_t id;
	int32_t pid;			/* 0: not known yet */
	uint64_t port;			/* its task port */
	uint64_t bytes;			/* that it pays for: in messages that nobody received yet */
	uint32_t messages;		/* likewise */
	uint32_t fds;
	uint32_t names;
	uint32_t receives;
	uint32_t threads;		/* that have called */
	uint32_t started;		/* by portd; else it has connected by itself */
	char program[INSPECT_PROGRAM_MAX];	/* as it calls itself; the end may be cut */
	char node[INSPECT_NODE_MAX];		/* whose translator it is, or ""; likewise */
};

struct inspect_entry {
	uint32_t task;
	uint32_t name;
	uint32_t type;			/* as port_type() has it */
	uint32_t urefs;
	uint64_t port;			/* 0: a dead name, or a set */
};

enum inspect_place {
	INSPECT_WITH_PORTD = 1,
	INSPECT_IN_SPACE = 2,		/* task, name */
	INSPECT_IN_MESSAGE = 3,		/* message */
};

enum inspect_port_flags {
	INSPECT_PORT_GUARDED = 1 << 0,
	INSPECT_PORT_STRICT = 1 << 1,
	INSPECT_PORT_REPLY = 1 << 2,
	INSPECT_PORT_PAYLOAD = 1 << 3,
};

struct inspect_port {
	uint64_t number;
	uint32_t place;			/* of its receive right: enum inspect_place */
	uint32_t task;
	uint32_t name;
	uint32_t flags;
	uint64_t message;
	uint32_t set;			/* the name of its set, in the same space; 0: none */
	uint32_t unused;
	uint32_t srights;
	uint32_t sorights;
	uint32_t lent_sends;		/* of these, with portd */
	uint32_t lent_onces;
	uint32_t mscount;
	uint32_t seqno;
	uint32_t qlimit;
	uint32_t msgcount;
};

enum inspect_message_state {
	INSPECT_QUEUED = 1,
	INSPECT_BLOCKED = 2,		/* its sender waits for room */
	INSPECT_RECEIVED = 3,		/* by portd, which has not answered it yet */
};

struct inspect_message {
	uint64_t number;
	uint64_t port;			/* where it goes; 0: it has arrived */
	uint32_t state;
	uint32_t id;
	uint32_t task;			/* the sender; 0: portd */
	int32_t pid;
	uint32_t bytes;
	uint32_t fds;
};

/* A right outside of tables: in a message, or kept to tell somebody something. */
enum inspect_holder {
	INSPECT_DESTINATION = 1,	/* owner: a message */
	INSPECT_REPLY = 2,
	INSPECT_BODY = 3,
	INSPECT_NO_SENDERS = 4,		/* owner: the port that was asked about */
	INSPECT_PORT_DESTROYED = 5,
	INSPECT_DEAD_NAME = 6,		/* owner: task << 32 | name */
	INSPECT_SEND_POSSIBLE = 7,	/* likewise */
	INSPECT_BOOTSTRAP = 8,		/* what tasks that connect are given; no owner */
};

enum inspect_kind {
	INSPECT_SEND = 1,
	INSPECT_SEND_ONCE = 2,
	INSPECT_RECEIVE = 3,
	INSPECT_DEAD = 4,		/* of a port that has died */
	INSPECT_NULL = 5,		/* PORT_NULL in the place of a right */
	/* What else stands beside a body: */
	INSPECT_MEMORY = 6,		/* so many bytes (in `port`) out of line */
	INSPECT_ARRAY = 7,		/* so many rights, which follow */
};

struct inspect_right {
	uint64_t port;
	uint64_t owner;
	uint32_t holder;		/* enum inspect_holder */
	uint32_t kind;			/* enum inspect_kind */
};

/* A thread that waits; threads of a task that do not wait have none. */
enum inspect_wait_kind {
	INSPECT_WAITS_TO_SEND = 1,	/* message, port: there is no room */
	INSPECT_WAITS_TO_RECEIVE = 2,	/* port: it or the set has no message */
};

struct inspect_wait {
	uint32_t task;
	uint32_t kind;
	uint32_t limited;		/* its time will be over */
	uint32_t name;			/* that it receives on */
	uint64_t port;			/* 0: name is a set */
	uint64_t message;
};

/* Traces ------------------------------------------------------------------------ */

enum inspect_trace_flags {
	INSPECT_TRACE_FOLLOW = 1 << 0,	/* what pid starts, too */
};

enum {
	INSPECT_TRACE_BYTES_MAX = 16384,
	INSPECT_TRACE_RIGHTS_MAX = 64,	/* of a message; further ones are counted */
};

enum inspect_event_kind {
	INSPECT_EVENT_SENT = 1,		/* it is in the queue */
	INSPECT_EVENT_REFUSED = 2,	/* code; port and rights are not known */
	INSPECT_EVENT_RECEIVED = 3,	/* seqno */
	INSPECT_EVENT_DESTROYED = 4,	/* nobody received it */
};

/* Followed by rights_shown records, then by bytes_shown bytes of the body and zeros up
 * to `size`. */
struct inspect_event {
	uint32_t size;
	uint32_t kind;
	uint64_t when_ns;		/* CLOCK_MONOTONIC */
	uint64_t message;
	uint64_t port;
	uint32_t sender;		/* task; 0: portd */
	int32_t sender_pid;
	uint32_t receiver;		/* likewise; of a port on its way: nobody, pid 0 */
	int32_t receiver_pid;
	uint32_t id;
	int32_t code;
	uint32_t seqno;
	uint32_t dest_kind;		/* enum inspect_kind */
	uint64_t reply_port;
	uint32_t reply_kind;		/* 0: none */
	uint32_t bytes;
	uint32_t bytes_shown;
	uint32_t rights;
	uint32_t rights_shown;
	uint32_t fds;
};

struct inspect_event_right {
	uint64_t port;
	uint32_t kind;
	uint32_t unused;
};

/* Bytes of a record of a table, as this header knows it. */
static inline size_t
inspect_record_size(enum inspect_table table)
{
	static const size_t sizes[INSPECT_TABLES] = {
		[INSPECT_TASKS] = sizeof(struct inspect_task),
		[INSPECT_ENTRIES] = sizeof(struct inspect_entry),
		[INSPECT_PORTS] = sizeof(struct inspect_port),
		[INSPECT_MESSAGES] = sizeof(struct inspect_message),
		[INSPECT_RIGHTS] = sizeof(struct inspect_right),
		[INSPECT_WAITS] = sizeof(struct inspect_wait),
	};

	return sizes[table];
}

#endif
