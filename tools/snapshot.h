/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot: all rights and messages that portd keeps, at one moment, to be looked up
 * (wire/inspect.h). */
#ifndef TOOLS_SNAPSHOT_H
#define TOOLS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "base/text.h"
#include "wire/inspect.h"

struct snapshot {
	const char *data;	/* mapped */
	size_t size;
	const struct inspect_head *head;
	struct map tasks;	/* by id */
	struct map ports;	/* by number */
	struct map messages;	/* likewise */
};

#define AUTO_SNAPSHOT __attribute__((cleanup(snapshot_deinit)))

void snapshot_deinit(struct snapshot *snapshot);
/* Asks portd. 0, or -errno with a line in *why. */
int snapshot_take(struct snapshot *snapshot, struct text *why);
/* From a memory file. 0; -EPROTO: it is none; -errno. */
int snapshot_load(struct snapshot *snapshot, int fd);

size_t snapshot_count(const struct snapshot *snapshot, enum inspect_table table);
const void *snapshot_row(const struct snapshot *snapshot, enum inspect_table table, size_t i);

/* SNAPSHOT_EACH(snapshot, TASKS, task, task) ... walks a table. */
#define SNAPSHOT_EACH(snapshot, TABLE, tag, row) \
	for (size_t row##_i = 0; \
	     row##_i < snapshot_count(snapshot, INSPECT_##TABLE); row##_i++) \
		for (const struct inspect_##tag *row = \
		     snapshot_row(snapshot, INSPECT_##TABLE, row##_i); row; row = NULL)

/* NULL: there is none. */
const struct inspect_task *snapshot_task(const struct snapshot *snapshot, uint32_t id);
const struct inspect_port *snapshot_port(const struct snapshot *snapshot, uint64_t number);
const struct inspect_message *snapshot_message(const struct snapshot *snapshot, uint64_t number);
const struct inspect_entry *snapshot_entry(const struct snapshot *snapshot, uint32_t task,
    uint32_t name);
/* The task whose task port it is. */
const struct inspect_task *snapshot_task_of_port(const struct snapshot *snapshot, uint64_t number);
/* Who will receive what is sent to a port, also when its receive right is on its way; NULL:
 * portd, or nobody. */
const struct inspect_task *snapshot_owner(const struct snapshot *snapshot,
    const struct inspect_port *port);
/* The one task that a word means: a pid, "#ID", a program's name, the path of a node. NULL
 * with a line in *why. */
const struct inspect_task *snapshot_find(const struct snapshot *snapshot, const char *word,
    struct text *why);
/* The port that a word means: its number, or TASK:NAME. NULL with a line in *why. */
const struct inspect_port *snapshot_find_port(const struct snapshot *snapshot, const char *word,
    struct text *why);
/* Whether each port's counts are found in tables, messages, registrations and with portd;
 * adds a line for each one that is not. */
bool snapshot_check(const struct snapshot *snapshot, struct text *text);

#endif
