/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traceout: what rpctrace prints: a line a message, an RPC in one when nothing comes between;
 * or counts; or JSON. */
#ifndef TOOLS_TRACEOUT_H
#define TOOLS_TRACEOUT_H

#include <stdio.h>

#include "base/map.h"
#include "tools/content.h"
#include "tools/filter.h"

struct tally;

struct traceout {
	/* To be set before the first event: */
	FILE *file;
	const struct filter *filter;
	size_t shown;			/* bytes of each string */
	bool times;			/* -t */
	bool durations;			/* -T */
	bool verbose;			/* receipts, and to whom each message goes */
	bool json;
	bool counts;			/* nothing else than a table at the end */

	struct map calls;		/* struct call, by the port of the answer */
	uint64_t open;			/* its line is not ended yet: the port of its answer */
	struct tally *tallies;
	size_t n_tallies;
	uint64_t lost;
};

void traceout_event(struct traceout *out, const struct event *event);
/* The tracer was too slow for so many. */
void traceout_lost(struct traceout *out, uint64_t n);
/* Everything so far is on its way to the reader. */
void traceout_flush(struct traceout *out);
/* The last word, and releases all. */
void traceout_end(struct traceout *out);

#endif
