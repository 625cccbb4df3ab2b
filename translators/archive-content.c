/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: what the members of an archive hold.
 *
 * What is stored as it is comes straight from the file. Deflated members of a
 * zip are inflated one by one. For all else a cursor goes through the archive;
 * what it passes is kept for a while, and after each use it goes on a little,
 * because who reads one member mostly reads the next. */
#include "translators/archive-content.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "translators/archive-cache.h"
#include "translators/archive-cursor.h"
#include "translators/archive-index.h"
#include "translators/archive-inflate.h"

enum {
	CURSORS = 2,
	QUICK_MAX = 1 << 20,	/* as much is inflated while others wait */
	AHEAD_MAX = 4 << 20,	/* bytes to go on by */
	AHEAD_LEAST = 4 << 10,	/* what a step counts at least */
};

struct content {
	const struct source *source;
	struct cache cache;
	struct inflaters inflaters;
	atomic_bool has_told_locked;

	/* The cursors are those of the thread that may wait. */
	struct cursor cursors[CURSORS];
	struct cursor *ahead;	/* the one that goes on, or NULL */
	uint64_t ahead_left;	/* bytes */
	uint64_t clock;

	/* A read of this place or one behind it uses up what was read ahead. */
	atomic_uint_least64_t ahead_mark;
	atomic_bool ahead_is_wanted;
};

/* Returns 0 or -ENOMEM. The source has to stay. */
int
content_new(const struct source *source, struct content **contentp)
{
	struct content *content = calloc(1, sizeof(*content));

	if (!content)
		return -ENOMEM;
	if (cache_init(&content->cache) < 0) {
		free(content);
		return -ENOMEM;
	}
	inflaters_init(&content->inflaters, source);
	content->source = source;
	content->ahead_mark = UINT64_MAX;
	*contentp = content;
	return 0;
}

/* Returns NULL; NULL is harmless. */
struct content *
content_free(struct content *content)
{
	if (!content)
		return NULL;
	for (int i = 0; i < CURSORS; i++)
		cursor_close(&content->cursors[i]);
	inflaters_deinit(&content->inflaters);
	cache_deinit(&content->cache);
	free(content);
	return NULL;
}

/* Ahead ------------------------------------------------------------------- */

/* A place in the archive as one number that grows along it. */
static uint64_t
place_key(uint32_t ordinal, uint64_t index)
{
	return (uint64_t)ordinal << 32 | (index < UINT32_MAX ? index : UINT32_MAX);
}

static void
ahead_start(struct content *content, struct cursor *cursor)
{
	content->ahead = cursor;
	content->ahead_left = AHEAD_MAX;
	atomic_store(&content->ahead_mark, UINT64_MAX);
	atomic_store(&content->ahead_is_wanted, true);
}

static void
ahead_stop(struct content *content)
{
	content->ahead = NULL;
	content->ahead_left = 0;
	atomic_store(&content->ahead_mark, UINT64_MAX);
	atomic_store(&content->ahead_is_wanted, false);
}

static void
ahead_note_hit(struct content *content, uint32_t ordinal, uint64_t offset)
{
	if (place_key(ordinal, offset / CACHE_PIECE) >= atomic_load(&content->ahead_mark))
		atomic_store(&content->ahead_is_wanted, true);
}

/* Whether content_read_ahead has something to do. From any thread. */
bool
content_wants_ahead(struct content *content)
{
	return atomic_load(&content->ahead_is_wanted);
}

/* One step on: a piece, or to the next member. Quick but for big members,
 * which are passed only when they have been read. From the thread that may
 * wait, while content_wants_ahead and nothing better is to be done. */
void
content_read_ahead(struct content *content, const struct patience *patience)
{
	struct cursor *cursor = content->ahead;
	uint64_t cost = AHEAD_LEAST, half = AHEAD_MAX / 2;
	struct piece *piece;

	if (!cursor || !cursor->reader || cursor->position == CURSOR_SPENT) {
		ahead_stop(content);
		return;
	}
	if (content->ahead_left == 0) {
		content->ahead_left = AHEAD_MAX;
		atomic_store(&content->ahead_mark, UINT64_MAX);
	}
	if (cursor->position < cursor->size) {
		if (cursor->position % CACHE_PIECE != 0 || cursor_take(cursor, &piece) < 0) {
			ahead_stop(content);
			return;
		}
		if (piece->size > cost)
			cost = piece->size;
		cache_put(&content->cache, piece);	/* eats piece */
	} else if (cursor_next(cursor, patience) < 0) {
		ahead_stop(content);
		return;
	}
	if (content->ahead_left > half && content->ahead_left - cost <= half)
		atomic_store(&content->ahead_mark,
		    place_key(cursor->ordinal, cursor->position / CACHE_PIECE));
	content->ahead_left = content->ahead_left > cost ? content->ahead_left - cost : 0;
	if (content->ahead_left == 0)
		atomic_store(&content->ahead_is_wanted, false);
}

/* Streams ----------------------------------------------------------------- */

/* The cursor that has the shortest way to a place, else the one that was used
 * longest ago, made to stand nowhere. */
static struct cursor *
cursor_choose(struct content *content, uint32_t ordinal, uint64_t position)
{
	struct cursor *near = NULL, *old = &content->cursors[0], *one;

	for (int i = 0; i < CURSORS; i++) {
		one = &content->cursors[i];
		if (one->used < old->used)
			old = one;
		if (!cursor_can_reach(one, ordinal, position))
			continue;
		if (!near || !near->is_at_member ||
		    (one->is_at_member && (one->ordinal > near->ordinal ||
		    (one->ordinal == near->ordinal && one->position > near->position))))
			near = one;
	}
	if (!near) {
		near = old;
		cursor_close(near);
	}
	near->used = ++content->clock;
	return near;
}

/* Reads one piece the long way. */
static int
stream_piece(struct content *content, const struct trans_entry *entry,
    uint64_t index, const struct patience *patience, struct piece **piecep)
{
	struct cursor *cursor = cursor_choose(content, entry->aux, index * CACHE_PIECE);
	int r;

	ahead_stop(content);
	r = cursor_go(cursor, content->source, entry->aux, entry->size,
	    &content->cache, patience);
	if (r == 0)
		r = cursor_piece(cursor, index, &content->cache, patience, piecep);
	if (r == 0)
		ahead_start(content, cursor);
	if (r == -EIO)
		trans_error(EIO, "%s: %s", content->source->path, cursor->why);
	return r;
}

static ssize_t
stream_read(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset, const struct patience *patience)
{
	struct piece *piece;
	size_t done, from, n;
	int r;

	for (done = 0; done < size; done += n) {
		n = cache_read(&content->cache, entry->aux, buf + done, size - done,
		    offset + done);
		if (n > 0)
			continue;
		r = stream_piece(content, entry, (offset + done) / CACHE_PIECE, patience,
		    &piece);
		if (r < 0)
			return r;
		from = (offset + done) % CACHE_PIECE;
		n = piece->size - from < size - done ? piece->size - from : size - done;
		memcpy(buf + done, piece->data + from, n);
		cache_put(&content->cache, piece);	/* eats piece */
	}
	return (ssize_t)size;
}

/* Reading ----------------------------------------------------------------- */

static ssize_t
place_read(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset)
{
	int r = source_pread(content->source, buf, size, cookie_offset(entry->cookie) + offset);

	if (r == 0)
		return (ssize_t)size;
	return trans_error(EIO, "%s: cannot be read at byte %llu: %s", content->source->path,
	    (unsigned long long)(cookie_offset(entry->cookie) + offset),
	    r == -EIO ? "it ends before, or the disk has an error" : strerror(-r));
}

static ssize_t
locked_read(struct content *content)
{
	if (!atomic_exchange(&content->has_told_locked, true))
		trans_log("%s: some members are encrypted; they are listed but cannot be read",
		    content->source->path);
	return -EACCES;
}

/* Reads part of a member; the part is within its size. Returns size or
 * -errno; -EAGAIN: it may take long, content_read_slowly does it. */
ssize_t
content_read(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset)
{
	ssize_t n;

	switch (cookie_storage(entry->cookie)) {
	case STORED_PLACE:
		return place_read(content, entry, buf, size, offset);
	case STORED_LOCKED:
		return locked_read(content);
	case STORED_DEFLATE:
		n = inflaters_read(&content->inflaters, entry, buf, size, offset,
		    QUICK_MAX, NULL);
		if (n != -ENOTSUP)
			return n;
		/* fall through */
	case STORED_STREAM:
		n = (ssize_t)cache_read(&content->cache, entry->aux, buf, size, offset);
		ahead_note_hit(content, entry->aux, offset);
		return (size_t)n == size ? n : -EAGAIN;
	default:
		return -EIO;
	}
}

/* The same from the thread that may wait; -EINTR when patience ended. */
ssize_t
content_read_slowly(struct content *content, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset, const struct patience *patience)
{
	ssize_t n;

	switch (cookie_storage(entry->cookie)) {
	case STORED_DEFLATE:
		n = inflaters_read(&content->inflaters, entry, buf, size, offset, 0,
		    patience);
		if (n != -ENOTSUP)
			return n;
		/* fall through */
	case STORED_STREAM:
		return stream_read(content, entry, buf, size, offset, patience);
	default:
		return content_read(content, entry, buf, size, offset);
	}
}
