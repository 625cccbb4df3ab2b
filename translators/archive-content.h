/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: what the members of an archive hold.
 *
 * content_read finds the shortest way to a member's bytes. From two threads
 * at most: one that must not wait, and one that may. */
#ifndef TRANSLATORS_ARCHIVE_CONTENT_H
#define TRANSLATORS_ARCHIVE_CONTENT_H

#include <sys/types.h>

#include "trans/trans.h"
#include "translators/archive-source.h"

struct content;

int content_new(const struct source *source, struct content **contentp);
struct content *content_free(struct content *content);
ssize_t content_read(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset);
ssize_t content_read_slowly(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset, const struct patience *patience);
bool content_wants_ahead(struct content *content);
void content_read_ahead(struct content *content, const struct patience *patience);

#endif
