/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model: the rules on rights a second time, as plainly as they can be said.
 *
 * Written from the design (ports.md, sections 1 to 4) and not from portd, to be
 * compared with it. Nothing here is fast: every table is an array that is searched from
 * its start, and a count is made by counting what exists. Tasks, ports, messages and
 * threads are numbers; a number is used once in the life of a model.
 *
 * A name in the model is made of the serial number of the operation that made it, so
 * that it stays the same when other operations are left out of a program. */
#ifndef TESTS_PORTS_MODEL_H
#define TESTS_PORTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codes.h"

enum {
	MODEL_TASKS = 4,
	MODEL_THREADS = 12,
	MODEL_ENTRIES = 1024,	/* in one task */
	MODEL_PORTS = 4096,
	MODEL_MESSAGES = 4096,	/* at one time */
	MODEL_OPERATIONS = 4096,
	MODEL_ITEMS = 8,	/* of a message */

	MODEL_FRESH = 0x10000000,	/* names from here on were given out, below they were chosen */
	MODEL_BIRTHS = 1024,		/* names that one operation can give out */
};

enum operation_call {
#define OPERATION(name) OP_##name,
#include "tests/ports/operations.def"
#undef OPERATION
	OP_CALLS
};

struct item {
	uint32_t type;		/* WIRE_ITEM_PORT, _MEMORY, _PORTS */
	uint32_t disposition;
	uint32_t name;		/* or how many bytes, or elements */
};

/* One operation, with the arguments its call has. */
struct operation {
	uint32_t serial;	/* from 1 */
	uint32_t call;		/* enum operation_call */
	uint32_t thread;
	port_name_t task;	/* on whose space; PORT_NULL: the thread's own */
	port_name_t name;	/* what it is about */
	port_name_t other;	/* right, set, new name, notify */
	uint32_t kind;		/* of a right; or id of a notification, or flags */
	uint32_t disposition;
	int64_t value;		/* delta, limit, count, sync, guard ... */
	uint64_t value2;

	uint32_t options;	/* the rest is of OP_msg */
	uint32_t bits;		/* beside the dispositions: what must not be there */
	port_name_t remote, local;
	uint32_t remote_disposition, local_disposition;
	uint32_t id, size;
	port_name_t rcv_name;
	uint32_t rcv_size;
	uint32_t n_items;
	struct item items[MODEL_ITEMS];
};

/* What a thread was told. */
struct answer {
	int code;
	int also[2];		/* codes as right as this one, 0: none; nothing else would differ */
	port_name_t name;	/* that was made */
	uint32_t value;		/* urefs, or type */
	/* A message: */
	bool mail;
	uint32_t remote_disposition, local_disposition;
	port_name_t remote, local;	/* local of a notification: as of a message */
	uint32_t id, seqno, size, sender;
	bool has_payload;
	uint64_t payload;
	bool notice;			/* a notification: about is its body */
	uint32_t about;			/* a name of about_task's, or the mscount */
	int about_task;			/* -1: not a name */
	bool any_about;			/* the order of a task's death decides the mscount */
	uint32_t n_items;
	struct item items[MODEL_ITEMS];
};

enum right_of_model { M_NULL, M_DEAD, M_SEND, M_ONCE, M_RECEIVE };

struct m_right {
	enum right_of_model kind;
	int port;
};

struct m_entry {
	port_name_t name;	/* 0: nothing here */
	bool send, once, receive, set, dead;
	uint32_t urefs;
	int object;		/* port or set */
	struct m_right dead_name, possible;	/* whom to tell */
	bool armed;		/* a send by this name, with SEND_NOTIFY, has found no room */
};

struct m_port {
	bool alive;
	int task;		/* whose task port it is, or -1 */
	uint32_t mscount, seqno, qlimit;
	int set;		/* 0: none */
	struct m_right no_senders, destroyed;	/* whom to tell */
	bool has_payload;
	uint64_t payload;
	bool guarded, strict, reply_only;
	uint64_t guard;
	uint32_t passed_over;	/* by receives from its set while it had a message */
	uint32_t most;		/* members of the set meanwhile */
};

enum m_where { M_FREE, M_MAKING, M_QUEUED, M_BLOCKED };

struct m_message {
	enum m_where where;
	int port;		/* where it goes */
	uint64_t order;
	uint32_t id, size, sender;
	struct m_right dest, reply;
	uint32_t reply_disposition;
	uint32_t n_items;
	struct { struct item item; struct m_right right; } items[MODEL_ITEMS];

	bool notice;
	uint32_t about;
	int about_task, about_port;
	bool any_about;
	uint32_t epoch;		/* the operation that made it */
	uint32_t death, phase;	/* the port whose death did, and the step of it */
};

enum m_state { M_IDLE, M_SENDING, M_RECEIVING, M_GONE };

struct m_thread {
	int task;
	enum m_state state;
	struct operation op;
	int message;		/* that it wants to send */
	bool on_set;
	int object;		/* that it receives from */
	uint64_t order;
	bool answered;
	struct answer answer;
};

struct m_task {
	bool alive;
	uint32_t id;		/* the real one's */
	int port;		/* its task port, 0: none yet */
	struct m_entry entries[MODEL_ENTRIES];
	int n_entries;
};

struct model {
	struct m_task tasks[MODEL_TASKS];
	struct m_thread threads[MODEL_THREADS];
	struct m_port ports[MODEL_PORTS];
	struct m_message messages[MODEL_MESSAGES];
	int n_threads, n_ports, n_sets, n_messages;
	bool loose[MODEL_OPERATIONS];	/* operations after which nobody may depend on an order */
	uint64_t clock;
	uint32_t epoch, births, deaths, death, phase;

	/* Where the rules leave it open which of several messages a thread is given
	 * (all of them one of the n), this decides. It may change the id of a
	 * notification to one that model_may_read_as allows. With n = 0: whether a thread that
	 * polls after it has sent sees nothing yet of what its message brings about. */
	int (*choose)(void *arg, int thread, int *messages, int n);
	void *arg;
};

void model_init(struct model *m);
int model_new_task(struct model *m, uint32_t id);
int model_new_thread(struct model *m, int task);
/* Does one operation; the threads that have an answer then have `answered` set. */
void model_do(struct model *m, const struct operation *op);

struct m_entry *model_find(struct model *m, int task, port_name_t name);
uint32_t model_type(const struct m_entry *entry);
uint32_t model_count_sends(const struct model *m, int port);
uint32_t model_count_onces(const struct model *m, int port);
uint32_t model_count_queued(const struct model *m, int port);
port_name_t model_set_name(struct model *m, int set);
bool model_may_read_as(const struct model *m, const struct m_message *message, uint32_t id);
/* Nothing lives that nobody can reach. */
bool model_is_empty(const struct model *m);

#endif
