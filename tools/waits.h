/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waits: who waits for whom, and who for ever.
 *
 * A thread waits for an answer when it receives on a port to which nothing but send-once
 * rights exist: for whoever holds one. It waits for room when a queue is full:
 * for whoever receives there. Else it waits for requests, of anybody. A task is
 * stuck when each of its threads waits for an answer or for room, without a limit, and
 * all that they wait for are stuck. */
#ifndef TOOLS_WAITS_H
#define TOOLS_WAITS_H

#include "tools/snapshot.h"

enum waits_kind {
	WAITS_FOR_ANSWER,
	WAITS_FOR_ROOM,
	WAITS_FOR_REQUESTS,
};

struct waits_edge {
	const struct inspect_wait *wait;
	enum waits_kind kind;
	uint32_t task;		/* that it waits for; 0: portd */
	uint64_t message;	/* in whose queue the request still is, or 0 */
};

struct waits {
	struct waits_edge *edges;	/* those of one wait stand together */
	size_t n_edges, room;
	struct map stuck;		/* tasks, by id */
	int error;
};

#define AUTO_WAITS __attribute__((cleanup(waits_deinit)))

void waits_deinit(struct waits *waits);
/* 0 or -ENOMEM. */
int waits_find(struct waits *waits, const struct snapshot *snapshot);
bool waits_is_stuck(const struct waits *waits, uint32_t task);
/* A circle that `task` is in or leads to: ids, ended by the first one again, at most
 * `room`. The number of ids; 0: it is not stuck, or in no circle. The circle begins
 * with its lowest id. */
size_t waits_circle(const struct waits *waits, uint32_t task, uint32_t *ids, size_t room);

#endif
