/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cursor: a reader that stands somewhere in the content of an archive. */
#include "translators/archive-cursor.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEEP_MAX = 4 << 20,	/* bigger members are not kept when they are passed */
	PASS_PIECES = 16,	/* so near before what is wanted, pieces are kept */
};

/* Makes it stand nowhere. A zeroed cursor is harmless. */
void
cursor_close(struct cursor *cursor)
{
	cursor->reader = reader_free(cursor->reader);
	archive_entry_free(cursor->member);
	cursor->member = NULL;
	cursor->is_at_member = false;
}

bool
cursor_can_reach(const struct cursor *cursor, uint32_t ordinal, uint64_t position)
{
	if (!cursor->reader)
		return false;
	return !cursor->is_at_member || cursor->ordinal < ordinal ||
	    (cursor->ordinal == ordinal && cursor->position <= position);
}

/* The reader said no. What it stands at cannot be read; after a fatal error
 * nothing can. cursor->why says why. */
static int
cursor_failed(struct cursor *cursor, int result)
{
	const char *path = archive_entry_pathname(cursor->member);
	char name[sizeof(cursor->why) / 2], why[sizeof(cursor->why) / 2 - 2];

	text_escape(name, sizeof(name), path ? path : "", path ? strlen(path) : 0);
	text_escape(why, sizeof(why), reader_why(cursor->reader),
	    strlen(reader_why(cursor->reader)));
	snprintf(cursor->why, sizeof(cursor->why), "%s: %s", name, why);
	cursor->position = CURSOR_SPENT;
	if (result == ARCHIVE_FATAL)
		cursor_close(cursor);
	return -EIO;
}

static int
cursor_open(struct cursor *cursor, const struct source *source,
    const struct patience *patience)
{
	int r;

	cursor_close(cursor);
	cursor->member = archive_entry_new();
	if (!cursor->member)
		return -ENOMEM;
	r = reader_new(source, patience, false, &cursor->reader);
	if (r == -EINVAL)
		return cursor_failed(cursor, ARCHIVE_FATAL);
	return r;
}

/* Gets the next block when the last one is used up. 0 or -errno; at the end
 * of the member cursor->end is set. */
static int
cursor_feed(struct cursor *cursor, const struct patience *patience)
{
	const void *block = NULL;
	int64_t offset = 0;
	size_t size = 0;
	int r;

	/* A decompressor that has only taken something in gives an empty block. */
	while (cursor->block_size == 0 && cursor->end == CURSOR_SPENT) {
		if (patience_is_over(patience))
			return -EINTR;
		r = archive_read_data_block(cursor->reader->archive, &block, &size, &offset);
		if (r == ARCHIVE_EOF) {
			cursor->end = offset > 0 ? (uint64_t)offset : 0;
			return 0;
		}
		if (r < ARCHIVE_WARN || offset < 0 || (r == ARCHIVE_WARN && size == 0))
			return cursor_failed(cursor, r);
		cursor->block = block;
		cursor->block_size = size;
		cursor->block_offset = (uint64_t)offset;
	}
	return 0;
}

/* Takes the next bytes of the member, into buf unless that is NULL; what is
 * between blocks is zeros. The member has to have them. */
static int
cursor_fill(struct cursor *cursor, char *buf, uint64_t size,
    const struct patience *patience)
{
	uint64_t n;
	int r;

	cursor->reader->patience = NULL;
	for (; size > 0; size -= n) {
		r = cursor_feed(cursor, patience);
		if (r < 0)
			return r;
		if (cursor->block_size > 0 && cursor->block_offset <= cursor->position) {
			n = cursor->block_size < size ? cursor->block_size : size;
			if (buf)
				memcpy(buf, cursor->block, n);
			cursor->block += n;
			cursor->block_offset += n;
			cursor->block_size -= n;
		} else {
			n = cursor->block_size > 0 ? cursor->block_offset : cursor->end;
			if (n <= cursor->position) {
				archive_set_error(cursor->reader->archive, EIO,
				    "it is shorter than it says");
				return cursor_failed(cursor, ARCHIVE_FAILED);
			}
			n -= cursor->position;
			if (n > size)
				n = size;
			if (buf)
				memset(buf, 0, n);
		}
		if (buf)
			buf += n;
		cursor->position += n;
	}
	return 0;
}

/* The reader has read a header. */
static void
cursor_arrive(struct cursor *cursor)
{
	cursor->ordinal = cursor->is_at_member ? cursor->ordinal + 1 : 0;
	cursor->is_at_member = true;
	cursor->position = 0;
	cursor->block_size = 0;
	cursor->end = CURSOR_SPENT;
	cursor->size = 0;
	if (archive_entry_filetype(cursor->member) == AE_IFREG &&
	    archive_entry_size_is_set(cursor->member) &&
	    archive_entry_size(cursor->member) > 0 &&
	    !archive_entry_is_encrypted(cursor->member))
		cursor->size = (uint64_t)archive_entry_size(cursor->member);
}

/* Moves to the next member, leaving what is not read of this one. 0, -ENOENT
 * at the end, or -errno. Giving up closes the cursor when libarchive was in
 * the middle of something. */
int
cursor_next(struct cursor *cursor, const struct patience *patience)
{
	int r;

	if (patience_is_over(patience))
		return -EINTR;
	cursor->reader->patience = patience;
	r = archive_read_next_header2(cursor->reader->archive, cursor->member);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN) {
		cursor_arrive(cursor);
		return 0;
	}
	if (r == ARCHIVE_EOF || patience_is_over(patience)) {
		cursor_close(cursor);
		return r == ARCHIVE_EOF ? -ENOENT : -EINTR;
	}
	return cursor_failed(cursor, ARCHIVE_FATAL);
}

/* How long piece `index` of the member is. */
static uint32_t
cursor_piece_size(const struct cursor *cursor, uint64_t index)
{
	uint64_t left = cursor->size - index * CACHE_PIECE;

	return left < CACHE_PIECE ? (uint32_t)left : CACHE_PIECE;
}

/* Reads the piece that the cursor stands at. That is quick and not given up:
 * whoever wants the piece next would have to start all over. */
int
cursor_take(struct cursor *cursor, struct piece **piecep)
{
	uint64_t index = cursor->position / CACHE_PIECE;
	struct piece *piece;
	int r;

	piece = piece_new(cursor->ordinal, index, cursor_piece_size(cursor, index));
	if (!piece)
		return -ENOMEM;
	r = cursor_fill(cursor, piece->data, piece->size, NULL);
	if (r < 0) {
		free(piece);
		return r;
	}
	*piecep = piece;
	return 0;
}

/* Reads a piece of the member, at which or before which the cursor stands.
 * Those shortly before it go into the cache. */
int
cursor_piece(struct cursor *cursor, uint64_t index, struct cache *cache,
    const struct patience *patience, struct piece **piecep)
{
	uint64_t start = index * CACHE_PIECE, keep;
	struct piece *piece;
	int r;

	keep = index > PASS_PIECES ? (index - PASS_PIECES) * CACHE_PIECE : 0;
	/* Giving up may have left it in the middle of a piece. */
	if (cursor->position % CACHE_PIECE != 0)
		keep = start;
	if (cursor->position < keep) {
		r = cursor_fill(cursor, NULL, keep - cursor->position, patience);
		if (r < 0)
			return r;
	}
	while (cursor->position < start) {
		r = cursor_take(cursor, &piece);
		if (r < 0)
			return r;
		cache_put(cache, piece);	/* eats piece */
	}
	return cursor_take(cursor, piecep);
}

/* Reads what is left of a small member into the cache, if it can be read. */
static int
cursor_keep(struct cursor *cursor, struct cache *cache)
{
	struct piece *piece;
	int r;

	while (cursor->size <= KEEP_MAX && cursor->position < cursor->size &&
	    cursor->position % CACHE_PIECE == 0 &&
	    !cache_has(cache, cursor->ordinal, cursor->position / CACHE_PIECE)) {
		r = cursor_take(cursor, &piece);
		if (r < 0)
			return r;
		cache_put(cache, piece);	/* eats piece */
	}
	return 0;
}

static int
cursor_walk(struct cursor *cursor, const struct source *source, uint32_t ordinal,
    struct cache *cache, const struct patience *patience)
{
	int r = 0;

	if (!cursor->reader)
		r = cursor_open(cursor, source, patience);
	while (r == 0 && (!cursor->is_at_member || cursor->ordinal < ordinal)) {
		if (cache && cursor->is_at_member)
			r = cursor_keep(cursor, cache);
		/* One that cannot be read may still be passed. */
		if (r == 0 || (r == -EIO && cursor->reader))
			r = cursor_next(cursor, patience);
	}
	return r;
}

/* Goes to a member, from the beginning of the archive when the cursor stands
 * nowhere. `size` is what the member is said to have. */
int
cursor_go(struct cursor *cursor, const struct source *source, uint32_t ordinal,
    uint64_t size, struct cache *cache, const struct patience *patience)
{
	int r = cursor_walk(cursor, source, ordinal, cache, patience);

	/* Damage on the way may be of no account when nothing there is read. */
	if (r == -EIO && !cursor->reader)
		r = cursor_walk(cursor, source, ordinal, NULL, patience);
	if (r == 0)
		cursor->size = size;
	if (r == -ENOENT)
		snprintf(cursor->why, sizeof(cursor->why), "the archive has become shorter");
	return r == -ENOENT ? -EIO : r;
}
