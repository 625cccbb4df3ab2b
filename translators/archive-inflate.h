/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflate: reading deflated members of a zip, each by itself.
 *
 * A few decompressors stand where their last reader stopped, so that reading
 * on costs no more than what is read. Going back starts a member again. */
#ifndef TRANSLATORS_ARCHIVE_INFLATE_H
#define TRANSLATORS_ARCHIVE_INFLATE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "trans/trans.h"
#include "translators/archive-source.h"

enum { INFLATERS = 8 };

struct inflater;

struct inflaters {
	const struct source *source;
	pthread_mutex_t lock;	/* of which inflater is whose */
	struct inflater *slots[INFLATERS];
	uint64_t clock;		/* counts uses */
};

void inflaters_init(struct inflaters *all, const struct source *source);
void inflaters_deinit(struct inflaters *all);
ssize_t inflaters_read(struct inflaters *all, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset, size_t work_max,
    const struct patience *patience);

#endif
