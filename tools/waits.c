/* SPDX-License-Identifier: GPL-2.0-or-later */
/* waits: the graph, and what is left of it when all who may go on are taken away. See
 * waits.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/waits.h"
#include "wire/codes.h"

/* Of a zeroed struct: harmless. */
void
waits_deinit(struct waits *waits)
{
	free(waits->edges);
	map_deinit(&waits->stuck);
	*waits = (struct waits){ 0 };
}

static void
add(struct waits *waits, struct waits_edge edge)
{
	if (waits->n_edges == waits->room) {
		size_t room = waits->room ? 2 * waits->room : 64;
		struct waits_edge *edges = reallocarray(waits->edges, room, sizeof(*edges));

		if (!edges) {
			waits->error = -ENOMEM;
			return;
		}
		waits->edges = edges;
		waits->room = room;
	}
	waits->edges[waits->n_edges++] = edge;
}

/* For those who could answer: holders of send-once rights, and the receivers of
 * messages that carry one. */
static void
add_answerers(struct waits *waits, const struct snapshot *snapshot,
    const struct inspect_wait *wait, const struct inspect_port *port)
{
	struct waits_edge edge = { .wait = wait, .kind = WAITS_FOR_ANSWER };

	SNAPSHOT_EACH(snapshot, ENTRIES, entry, entry) {
		if (entry->port != port->number || !(entry->type & PORT_TYPE(PORT_RIGHT_SEND_ONCE)))
			continue;
		edge.task = entry->task;
		add(waits, edge);
	}
	SNAPSHOT_EACH(snapshot, RIGHTS, right, right) {
		const struct inspect_message *message = NULL;
		const struct inspect_task *owner = NULL;

		if (right->port != port->number || right->kind != INSPECT_SEND_ONCE)
			continue;
		if (right->holder == INSPECT_REPLY || right->holder == INSPECT_BODY)
			message = snapshot_message(snapshot, right->owner);
		if (message)
			owner = snapshot_owner(snapshot, snapshot_port(snapshot, message->port));
		edge.task = owner ? owner->id : 0;
		edge.message = message && message->port ? message->number : 0;
		add(waits, edge);
	}
	edge.task = 0;
	edge.message = 0;
	if (port->lent_onces > 0)
		add(waits, edge);
}

static void
add_wait(struct waits *waits, const struct snapshot *snapshot, const struct inspect_wait *wait)
{
	const struct inspect_port *port = snapshot_port(snapshot, wait->port);
	const struct inspect_task *owner;

	if (wait->kind == INSPECT_WAITS_TO_SEND) {
		owner = snapshot_owner(snapshot, port);
		add(waits, (struct waits_edge){ wait, WAITS_FOR_ROOM, owner ? owner->id : 0, 0 });
	} else if (port && port->srights == 0 && port->sorights > 0) {
		add_answerers(waits, snapshot, wait, port);
	} else {
		add(waits, (struct waits_edge){ wait, WAITS_FOR_REQUESTS, 0, 0 });
	}
}

/* Who is stuck ------------------------------------------------------------------------ */

/* Whether all threads of a task wait for somebody, for as long as it takes. */
static bool
is_blocked(const struct waits *waits, const struct inspect_task *task)
{
	const struct inspect_wait *last = NULL;
	uint32_t n = 0;

	for (size_t i = 0; i < waits->n_edges; i++) {
		const struct waits_edge *edge = &waits->edges[i];

		if (edge->wait->task != task->id)
			continue;
		if (edge->kind == WAITS_FOR_REQUESTS || edge->wait->limited)
			return false;
		n += edge->wait != last;
		last = edge->wait;
	}
	return n > 0 && n == task->threads;
}

/* Takes away those who wait for somebody that goes on. Whether there was one. */
static bool
free_some(struct waits *waits)
{
	bool changed = false;

	for (size_t i = 0; i < waits->n_edges; i++) {
		const struct waits_edge *edge = &waits->edges[i];

		if (waits_is_stuck(waits, edge->wait->task) && !waits_is_stuck(waits, edge->task)) {
			map_remove(&waits->stuck, edge->wait->task);
			changed = true;
		}
	}
	return changed;
}

/* Of a moment. *waits refers to the snapshot. */
int
waits_find(struct waits *waits, const struct snapshot *snapshot)
{
	SNAPSHOT_EACH(snapshot, WAITS, wait, wait)
		add_wait(waits, snapshot, wait);
	SNAPSHOT_EACH(snapshot, TASKS, task, task)
		if (is_blocked(waits, task) &&
		    map_put(&waits->stuck, task->id, waits) < 0)
			waits->error = -ENOMEM;
	while (free_some(waits))
		;
	return waits->error;
}

/* Whether it will never go on by itself. */
bool
waits_is_stuck(const struct waits *waits, uint32_t task)
{
	return task != 0 && map_get(&waits->stuck, task);
}

/* The first one that a stuck task waits for: it is stuck, too. */
static uint32_t
next_of(const struct waits *waits, uint32_t task)
{
	for (size_t i = 0; i < waits->n_edges; i++)
		if (waits->edges[i].wait->task == task)
			return waits->edges[i].task;
	return 0;
}

/* As many steps as there are tasks lead into the circle. */
size_t
waits_circle(const struct waits *waits, uint32_t task, uint32_t *ids, size_t room)
{
	uint32_t first, at = task;
	size_t n = 0;

	if (!waits_is_stuck(waits, task))
		return 0;
	for (size_t i = 0; i < waits->stuck.n_values; i++)
		at = next_of(waits, at);
	first = at;
	for (uint32_t next = next_of(waits, at); next != at; next = next_of(waits, next))
		if (next < first)
			first = next;
	at = first;
	do {
		if (n < room)
			ids[n++] = at;
		at = next_of(waits, at);
	} while (at != first);
	if (n < room)
		ids[n++] = first;
	return n;
}
