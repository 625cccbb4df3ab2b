/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cursor: a reader that stands somewhere in the content of an archive.
 *
 * It only moves forward, and whatever small it passes goes into a cache. */
#ifndef TRANSLATORS_ARCHIVE_CURSOR_H
#define TRANSLATORS_ARCHIVE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "translators/archive-cache.h"
#include "translators/archive-source.h"

struct archive_entry;

struct cursor {
	struct reader *reader;		/* NULL: it stands nowhere */
	struct archive_entry *member;
	bool is_at_member;		/* not before the first */
	uint32_t ordinal;		/* of the member */
	uint64_t size;			/* of the member */
	uint64_t position;		/* in the member; CURSOR_SPENT: no more of it to be had */
	const char *block;		/* what libarchive gave, and is not used up */
	size_t block_size;
	uint64_t block_offset;		/* of block, in the member */
	uint64_t end;			/* of the member, once it is reached; else CURSOR_SPENT */
	uint64_t used;			/* on the user's clock */
	char why[256];			/* of the last -EIO */
};

#define CURSOR_SPENT UINT64_MAX

void cursor_close(struct cursor *cursor);
bool cursor_can_reach(const struct cursor *cursor, uint32_t ordinal, uint64_t position);
int cursor_go(struct cursor *cursor, const struct source *source, uint32_t ordinal,
    uint64_t size, struct cache *cache, const struct patience *patience);
int cursor_next(struct cursor *cursor, const struct patience *patience);
int cursor_take(struct cursor *cursor, struct piece **piecep);
int cursor_piece(struct cursor *cursor, uint64_t index, struct cache *cache,
    const struct patience *patience, struct piece **piecep);

#endif
