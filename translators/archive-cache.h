/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache: a bounded store of pieces of members, the least used going first.
 *
 * A member is cut into pieces of CACHE_PIECE bytes, the last one shorter.
 * Calls may come from any thread. */
#ifndef TRANSLATORS_ARCHIVE_CACHE_H
#define TRANSLATORS_ARCHIVE_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CACHE_PIECE = 256 << 10,
	CACHE_MAX = 12 << 20,	/* bytes, what it costs to keep them included */
	CACHE_BUCKETS = 1 << 14,
};

struct piece {
	struct piece *newer, *older;
	struct piece *next;	/* in the bucket */
	uint64_t index;		/* in its member */
	uint32_t ordinal;	/* of the member */
	uint32_t size;
	char data[];
};

struct cache {
	pthread_mutex_t lock;
	struct piece **buckets;
	struct piece *newest, *oldest;
	size_t bytes;
};

int cache_init(struct cache *cache);
void cache_deinit(struct cache *cache);
struct piece *piece_new(uint32_t ordinal, uint64_t index, uint32_t size);
void cache_put(struct cache *cache, struct piece *piece);
bool cache_has(struct cache *cache, uint32_t ordinal, uint64_t index);
size_t cache_read(struct cache *cache, uint32_t ordinal, char *buf, size_t size,
    uint64_t offset);

#endif
