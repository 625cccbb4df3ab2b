/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache: a bounded store of pieces of members. */
#include "translators/archive-cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MALLOC_COST = 16 };

/* Returns 0 or -ENOMEM. */
int
cache_init(struct cache *cache)
{
	*cache = (struct cache){ 0 };
	cache->buckets = calloc(CACHE_BUCKETS, sizeof(struct piece *));
	if (!cache->buckets)
		return -ENOMEM;
	pthread_mutex_init(&cache->lock, NULL);
	return 0;
}

/* A zeroed cache is harmless. */
void
cache_deinit(struct cache *cache)
{
	struct piece *piece;

	if (!cache->buckets)
		return;
	while ((piece = cache->oldest)) {
		cache->oldest = piece->newer;
		free(piece);
	}
	free(cache->buckets);
	pthread_mutex_destroy(&cache->lock);
	*cache = (struct cache){ 0 };
}

/* A piece to be filled; freed with free() when it is not put into a cache. */
struct piece *
piece_new(uint32_t ordinal, uint64_t index, uint32_t size)
{
	struct piece *piece = malloc(sizeof(*piece) + size);

	if (piece) {
		*piece = (struct piece){ .ordinal = ordinal, .index = index };
		piece->size = size;
	}
	return piece;
}

static struct piece **
piece_bucket(const struct cache *cache, uint32_t ordinal, uint64_t index)
{
	uint64_t hash = (ordinal + index * 0x9e3779b9) * UINT64_C(0x9e3779b97f4a7c15);

	return &cache->buckets[hash >> 40 & (CACHE_BUCKETS - 1)];
}

static struct piece *
piece_find(const struct cache *cache, uint32_t ordinal, uint64_t index)
{
	struct piece *piece = *piece_bucket(cache, ordinal, index);

	while (piece && (piece->ordinal != ordinal || piece->index != index))
		piece = piece->next;
	return piece;
}

static void
age_unlink(struct cache *cache, struct piece *piece)
{
	*(piece->newer ? &piece->newer->older : &cache->newest) = piece->older;
	*(piece->older ? &piece->older->newer : &cache->oldest) = piece->newer;
}

static void
age_link(struct cache *cache, struct piece *piece)
{
	piece->newer = NULL;
	piece->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = piece;
	cache->newest = piece;
}

static size_t
piece_cost(const struct piece *piece)
{
	return sizeof(*piece) + piece->size + MALLOC_COST;
}

static void
piece_drop(struct cache *cache, struct piece *piece)
{
	struct piece **link = piece_bucket(cache, piece->ordinal, piece->index);

	while (*link != piece)
		link = &(*link)->next;
	*link = piece->next;
	age_unlink(cache, piece);
	cache->bytes -= piece_cost(piece);
	free(piece);
}

/* Eats the piece. One that is there already is replaced. */
void
cache_put(struct cache *cache, struct piece *piece)
{
	struct piece **bucket = piece_bucket(cache, piece->ordinal, piece->index);
	struct piece *old;

	pthread_mutex_lock(&cache->lock);
	old = piece_find(cache, piece->ordinal, piece->index);
	if (old)
		piece_drop(cache, old);
	piece->next = *bucket;
	*bucket = piece;
	age_link(cache, piece);
	cache->bytes += piece_cost(piece);
	while (cache->bytes > CACHE_MAX && cache->oldest != piece)
		piece_drop(cache, cache->oldest);
	pthread_mutex_unlock(&cache->lock);
}

bool
cache_has(struct cache *cache, uint32_t ordinal, uint64_t index)
{
	bool has;

	pthread_mutex_lock(&cache->lock);
	has = piece_find(cache, ordinal, index) != NULL;
	pthread_mutex_unlock(&cache->lock);
	return has;
}

/* Copies what it has of a member from offset on, without a gap; returns how
 * much that is, 0 when the first piece is missing. */
size_t
cache_read(struct cache *cache, uint32_t ordinal, char *buf, size_t size,
    uint64_t offset)
{
	struct piece *piece;
	size_t done = 0, from, n;

	pthread_mutex_lock(&cache->lock);
	while (done < size) {
		piece = piece_find(cache, ordinal, (offset + done) / CACHE_PIECE);
		from = (offset + done) % CACHE_PIECE;
		if (!piece || from >= piece->size)
			break;
		n = piece->size - from < size - done ? piece->size - from : size - done;
		memcpy(buf + done, piece->data + from, n);
		done += n;
		age_unlink(cache, piece);
		age_link(cache, piece);
	}
	pthread_mutex_unlock(&cache->lock);
	return done;
}
