/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record: what portd knows of one node. */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include "base/argv.h"
#include "base/text.h"
#include "port/stubs.h"

struct record {
	struct node_get_out node;	/* points into reply */
	struct port_reply reply;
};

#define AUTO_RECORD __attribute__((cleanup(record_deinit)))

void record_deinit(struct record *record);
/* The record of the node at `path`. 0, -ENOENT when portd has none, else a
 * code with a line in *why. */
int record_get(struct record *record, const char *path, struct text *why);
/* The record after `record` in the order of paths; the first for a zeroed one.
 * As record_get; -ENOENT at the end. */
int record_next(struct record *record, struct text *why);
const char *record_state_name(const struct record *record);
/* What runs, or else what will run. */
struct wire_blob record_argv(const struct record *record);
/* Words of a blob, quoted, in one line; "" for an empty one. */
void record_print_argv(struct text *text, struct wire_blob argv);
/* "in use by: cat (pid 7), ..."; adds nothing when nobody is found. */
void record_print_holders(struct text *text, const struct record *record);

#endif
