/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflate: reading deflated members of a zip, each by itself. */
#include "translators/archive-inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "translators/archive-index.h"

enum {
	LOCAL_SIGNATURE = 0x04034b50,
	DESCRIPTOR_SIGNATURE = 0x08074b50,
	LOCAL_SIZE = 30,	/* the fixed part of a local header */
	LOCAL_USUAL = 1024,
	LOCAL_MAX = LOCAL_SIZE + 2 * 65535,
	FLAG_LOCKED = 1,
	FLAG_DESCRIPTOR = 8,	/* sizes and checksum follow the data */
	METHOD_DEFLATE = 8,
	INPUT = 32 << 10,
	SCRATCH = 64 << 10,
};

/* What the header in front of a member's data says. */
struct local {
	bool has_descriptor;
	uint32_t checksum;
	char name[128];		/* escaped */
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
	struct local local;
	z_stream z;
	unsigned char buffer[INPUT];
};

static uint32_t
le16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
le32(const unsigned char *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/* Local headers ------------------------------------------------------------ */

/* libarchive tells where the data begins. The header ends there, and how long
 * it is stands in it: the nearest place before that agrees with itself. */
static const unsigned char *
local_find(const unsigned char *window, size_t size)
{
	const unsigned char *end = window + size, *p;

	for (size_t back = LOCAL_SIZE; back <= size; back++) {
		p = end - back;
		if (le32(p) == LOCAL_SIGNATURE &&
		    LOCAL_SIZE + le16(p + 26) + le16(p + 28) == back)
			return p;
	}
	return NULL;
}

/* 0, -EIO, -ENOMEM, or -ENOTSUP: it is not what can be inflated here. */
static int
local_read(const struct source *source, uint64_t offset, size_t reach,
    struct local *local)
{
	size_t size = offset < reach ? (size_t)offset : reach;
	unsigned char *window = malloc(size + 1);
	const unsigned char *p;
	int r = -ENOMEM;

	if (window && (r = source_pread(source, window, size, offset - size)) == 0) {
		p = local_find(window, size);
		if (!p || le16(p + 8) != METHOD_DEFLATE || le16(p + 6) & FLAG_LOCKED) {
			r = -ENOTSUP;
		} else {
			local->has_descriptor = le16(p + 6) & FLAG_DESCRIPTOR;
			local->checksum = le32(p + 14);
			text_escape(local->name, sizeof(local->name),
			    (const char *)p + LOCAL_SIZE, le16(p + 26));
		}
	}
	free(window);
	return r;
}

/* The checksum that the member should have. It may be behind the data, and
 * may or may not have a signature in front of it there. */
static int
local_checksum(const struct source *source, const struct inflater *inflater,
    uint32_t *checksump)
{
	unsigned char p[8];
	int r;

	*checksump = inflater->local.checksum;
	if (!inflater->local.has_descriptor)
		return 0;
	r = source_pread(source, p, sizeof(p), inflater->input - inflater->z.avail_in);
	if (r < 0)
		return r;
	*checksump = le32(p) == DESCRIPTOR_SIGNATURE ? le32(p + 4) : le32(p);
	return 0;
}

/* One decompressor -------------------------------------------------------- */

static int
inflater_damaged(struct inflater *inflater, const struct source *source,
    const char *why)
{
	inflater->is_set = false;
	return trans_error(EIO, "%s: %s: damaged at byte %llu: %s", source->path,
	    inflater->local.name, (unsigned long long)inflater->position, why);
}

/* Makes it stand at the beginning of a member. */
static int
inflater_set(struct inflater *inflater, const struct source *source, uint64_t offset)
{
	int r;

	inflater->is_set = false;
	r = local_read(source, offset, LOCAL_USUAL, &inflater->local);
	if (r == -ENOTSUP)
		r = local_read(source, offset, LOCAL_MAX, &inflater->local);
	if (r < 0)
		return r;
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
	size_t size = left < INPUT ? (size_t)left : INPUT;
	int r;

	if (inflater->z.avail_in > 0)
		return 0;
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
	if (local_checksum(source, inflater, &expected) < 0 ||
	    expected != inflater->checksum)
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
