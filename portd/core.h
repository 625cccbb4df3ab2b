/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core: the world as the rights core sees it: what there is, and what is
 * still to do.
 *
 * Work is what follows from a request and is none of its business: the inside
 * of dead ports, threads that may go on, messages that have found a receiver. It is
 * done when the request is finished: in this order, one step at a time, until there is
 * none left. */
#ifndef PORTD_CORE_H
#define PORTD_CORE_H

#include "base/list.h"
#include "base/map.h"
#include "portd/world.h"

struct core_idle;

struct world {
	uv_loop_t *loop;
	uid_t uid;
	struct right bootstrap;
	struct list tasks;
	struct list ports;	/* the live ones */
	struct list messages;	/* queued, on their way, or received by the keeper */
	struct list accounts;	/* of tasks, and of those that have ended and left something */
	struct list users;
	struct map memory_files;	/* files that belong to a receiver, see memory.c */
	uint32_t n_strangers;	/* tasks that have connected by themselves, without a word yet */
	uint32_t last_task;
	uint64_t last_number;	/* of a port or a message */
	struct list traces;	/* struct trace: whoever listens */
	bool checked;		/* core_check after every request */
	size_t n_checked;	/* objects, the last time */
	unsigned n_unchecked;	/* requests since then */

	/* Work. A dying port goes to the head: what dies with it dies first. */
	struct list dying;
	struct list broken;	/* connections to be closed */
	struct list woken;	/* connections whose send is done */
	struct list ready;	/* ports with a message and somebody to take it */
	unsigned busy;		/* in a request, or working */
	struct core_idle *idle;	/* calls back when there is work outside of requests */
};

/* Around everything that is done for a task: leave does the work. */
void core_enter(struct world *world);
void core_leave(struct world *world);
void core_check(struct world *world);
/* The same as world_check for a world that was read: NULL, or what does not hold. */
const char *world_audit(const struct world *world);
/* There is work; somebody will see to it. */
void core_wake(struct world *world);

#endif
