/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter: which routines a trace shows: -e of rpctrace, after strace's. */
#ifndef TOOLS_FILTER_H
#define TOOLS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"

struct filter {
	struct argv shown;	/* empty: all */
	struct argv hidden;
};

void filter_deinit(struct filter *filter);
/* "[trace=][!]WORD[,WORD...]": a word is a routine, an interface, a notification,
 * "notify", or an id. 0; -EINVAL: *badp is no such word (within `expression`, to its next
 * comma); -ENOMEM. */
int filter_add(struct filter *filter, const char *expression, const char **badp);
bool filter_shows(const struct filter *filter, uint32_t id);

#endif
