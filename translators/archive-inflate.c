/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflate: reading deflated members of a zip, each by itself. */
#include "translators/archive-inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "translators/archive-index.h"
#include "translators/archive-zip.h"

enum {
	INPUT = 32 << 10,
	INPUT_FIRST = 4 << 10,	/* enough for many a member */
	SCRATCH = 64 << 10,
};

struct inflater {
	bool is_busy;
	bool is_set;		/* to the member `offset`; z is initialised */
	uint64_t offset;	/* of the member's data */
	uint64_t position;	/* in the member, of what comes next */
	uint64_t input;		/* in the file, of what is read next */
	uint64_t used;		/* on the clock */
	uint32_t checksum;	/* of everything before position */
	bool is_ended;
	struct zip_local local;
	z_stream z;
	unsigned char buffer[INPUT];
};

/* One decompressor -------------------------------------------------------- */

static int
inflater_damaged(struct inflater *inflater, const struct source *source,
    const char *why)
{
	char name[128];

	inflater->is_set = false;
	text_escape(name, sizeof(name), inflater->local.name, inflater->local.name_length);
	return trans_error(EIO, "%s: %s: damaged at byte %llu: %s", source->path,
	    name, (unsigned long long)inflater->position, why);
}

/* Makes it stand at the beginning of a member. */
static int
inflater_set(struct inflater *inflater, const struct source *source, uint64_t offset)
{
	int r;

	inflater->is_set = false;
	zip_local_deinit(&inflater->local);
	r = zip_local_init(&inflater->local, source, offset);
	if (r < 0)
		return r == -ENOENT ? -ENOTSUP : r;
	if (inflater->local.method != ZIP_DEFLATED || inflater->local.is_locked)
		return -ENOTSUP;
	if (inflateReset(&inflater->z) != Z_OK)
		return -EIO;
	inflater->offset = inflater->input = offset;
	inflater->position = 0;
	inflater->checksum = 0;
	inflater->z.avail_in = 0;
	inflater->is_ended = false;
	inflater->is_set = true;
	return 0;
}

/* Gets more input, when there is none left. Sets avail_in to 0 at the end. */
static int
inflater_feed(struct inflater *inflater, const struct source *source)
{
	uint64_t left = source->size > inflater->input ?
	    source->size - inflater->input : 0;
	size_t size = inflater->input == inflater->offset ? INPUT_FIRST : INPUT;
	int r;

	if (inflater->z.avail_in > 0)
		return 0;
	if (size > left)
		size = (size_t)left;
	r = source_pread(source, inflater->buffer, size, inflater->input);
	if (r < 0)
		return r;
	inflater->z.next_in = inflater->buffer;
	inflater->z.avail_in = (uInt)size;
	inflater->input += size;
	return 0;
}

/* Puts the next `size` bytes, which the member should have, into buf. */
static int
inflater_fill(struct inflater *inflater, const struct source *source,
    unsigned char *buf, size_t size)
{
	z_stream *z = &inflater->z;
	int r;

	z->next_out = buf;
	z->avail_out = (uInt)size;
	while (z->avail_out > 0 && !inflater->is_ended) {
		r = inflater_feed(inflater, source);
		if (r < 0)
			return inflater_damaged(inflater, source, "the archive cannot be read");
		r = inflate(z, Z_NO_FLUSH);
		if (r == Z_STREAM_END)
			inflater->is_ended = true;
		else if (r == Z_BUF_ERROR && z->avail_in == 0)
			return inflater_damaged(inflater, source, "it is cut off");
		else if (r != Z_OK)
			return inflater_damaged(inflater, source, z->msg ? z->msg : "no reason given");
	}
	if (z->avail_out > 0)
		return inflater_damaged(inflater, source, "it is shorter than it says");
	inflater->checksum = (uint32_t)crc32(inflater->checksum, buf, (uInt)size);
	inflater->position += size;
	return 0;
}

/* Everything has been read: was it right? */
static int
inflater_check(struct inflater *inflater, const struct source *source)
{
	unsigned char more;
	uint32_t expected;
	int r;

	while (!inflater->is_ended) {
		inflater->z.next_out = &more;
		inflater->z.avail_out = 1;
		if (inflater_feed(inflater, source) < 0)
			return inflater_damaged(inflater, source, "the archive cannot be read");
		r = inflate(&inflater->z, Z_NO_FLUSH);
		inflater->is_ended = r == Z_STREAM_END;
		if (inflater->z.avail_out == 0 || (r != Z_OK && r != Z_STREAM_END))
			return inflater_damaged(inflater, source, "it does not end where it says");
	}
	if (zip_checksum(&inflater->local, source, inflater->input - inflater->z.avail_in,
	    &expected) < 0 || expected != inflater->checksum)
		return inflater_damaged(inflater, source, "its checksum is wrong");
	return 0;
}

static int
inflater_skip(struct inflater *inflater, const struct source *source,
    uint64_t position, const struct patience *patience)
{
	unsigned char scratch[SCRATCH];
	uint64_t left;
	int r;

	while ((left = position - inflater->position) > 0) {
		if (patience_is_over(patience))
			return -EINTR;
		r = inflater_fill(inflater, source, scratch,
		    left < sizeof(scratch) ? (size_t)left : sizeof(scratch));
		if (r < 0)
			return r;
	}
	return 0;
}

/* All of them ------------------------------------------------------------- */

void
inflaters_init(struct inflaters *all, const struct source *source)
{
	*all = (struct inflaters){ .source = source };
	pthread_mutex_init(&all->lock, NULL);
}

/* A zeroed one is harmless. */
void
inflaters_deinit(struct inflaters *all)
{
	if (!all->source)
		return;
	for (int i = 0; i < INFLATERS; i++) {
		if (!all->slots[i])
			continue;
		inflateEnd(&all->slots[i]->z);
		zip_local_deinit(&all->slots[i]->local);
		free(all->slots[i]);
	}
	pthread_mutex_destroy(&all->lock);
	*all = (struct inflaters){ 0 };
}

static struct inflater *
inflater_new(void)
{
	struct inflater *inflater = calloc(1, sizeof(*inflater));

	if (inflater && inflateInit2(&inflater->z, -MAX_WBITS) != Z_OK) {
		free(inflater);
		return NULL;
	}
	return inflater;
}

/* Whether it stands in this member, and not behind the position. */
static bool
inflater_can_reach(const struct inflater *inflater, uint64_t member, uint64_t position)
{
	return inflater->is_set && inflater->offset == member &&
	    inflater->position <= position;
}

/* The one that is nearest before a position of a member, else an unused one,
 * else the one that was used longest ago. NULL: all are busy, or no memory. */
static struct inflater *
inflaters_choose(struct inflaters *all, uint64_t member, uint64_t position)
{
	struct inflater *near = NULL, *old = NULL, *one;

	for (int i = 0; i < INFLATERS; i++) {
		one = all->slots[i];
		if (!one || one->is_busy)
			continue;
		if (inflater_can_reach(one, member, position) &&
		    (!near || one->position > near->position))
			near = one;
		if (!old || one->used < old->used)
			old = one;
	}
	if (near)
		return near;
	for (int i = 0; i < INFLATERS; i++)
		if (!all->slots[i])
			return all->slots[i] = inflater_new();
	return old;
}

static struct inflater *
inflaters_take(struct inflaters *all, uint64_t member, uint64_t position)
{
	struct inflater *inflater;

	pthread_mutex_lock(&all->lock);
	inflater = inflaters_choose(all, member, position);
	if (inflater) {
		inflater->is_busy = true;
		inflater->used = ++all->clock;
	}
	pthread_mutex_unlock(&all->lock);
	return inflater;
}

static void
inflaters_give(struct inflaters *all, struct inflater *inflater)
{
	pthread_mutex_lock(&all->lock);
	inflater->is_busy = false;
	pthread_mutex_unlock(&all->lock);
}

/* Reads part of a member, which is within its size. Returns size; -EAGAIN
 * when it takes more than work_max bytes of decompressing (0: no limit) or
 * somebody has to be waited for; -ENOTSUP: this member has to be read in
 * another way; -EIO, logged; -EINTR. */
ssize_t
inflaters_read(struct inflaters *all, const struct trans_entry *entry,
    char *buf, size_t size, uint64_t offset, size_t work_max,
    const struct patience *patience)
{
	uint64_t member = cookie_offset(entry->cookie), start = 0;
	struct inflater *inflater = inflaters_take(all, member, offset);
	int r = 0;

	if (!inflater)
		return work_max ? -EAGAIN : -ENOMEM;
	if (inflater_can_reach(inflater, member, offset))
		start = inflater->position;
	if (work_max && offset + size - start > work_max)
		r = -EAGAIN;
	else if (!inflater_can_reach(inflater, member, offset))
		r = inflater_set(inflater, all->source, member);
	if (r == 0)
		r = inflater_skip(inflater, all->source, offset, patience);
	if (r == 0)
		r = inflater_fill(inflater, all->source, (unsigned char *)buf, size);
	if (r == 0 && inflater->position == entry->size)
		r = inflater_check(inflater, all->source);
	inflaters_give(all, inflater);
	return r < 0 ? r : (ssize_t)size;
}
