/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zip: the header in front of each member of a zip. */
#include "translators/archive-zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOCAL_SIGNATURE = 0x04034b50,
	DESCRIPTOR_SIGNATURE = 0x08074b50,
	LOCAL_SIZE = 30,	/* the fixed part */
	LOCAL_USUAL = 1024,
	LOCAL_MAX = LOCAL_SIZE + 2 * 65535,
	FLAG_LOCKED = 1,
	FLAG_DESCRIPTOR = 8,
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

static int
local_parse(struct zip_local *local, const unsigned char *p)
{
	size_t length = le16(p + 26);
	char *name = malloc(length + 1);

	if (!name)
		return -ENOMEM;
	memcpy(name, p + LOCAL_SIZE, length);
	name[length] = '\0';
	*local = (struct zip_local){
		.method = le16(p + 8),
		.is_locked = le16(p + 6) & FLAG_LOCKED,
		.has_descriptor = le16(p + 6) & FLAG_DESCRIPTOR,
		.checksum = le32(p + 14),
		.name_length = length,
		.name = name,
	};
	return 0;
}

static int
local_read(struct zip_local *local, const struct source *source, uint64_t offset,
    size_t reach)
{
	size_t size = offset < reach ? (size_t)offset : reach;
	unsigned char *window = malloc(size + 1);
	const unsigned char *p;
	int r = -ENOMEM;

	if (window)
		r = source_pread(source, window, size, offset - size);
	if (r == 0) {
		p = local_find(window, size);
		r = p ? local_parse(local, p) : -ENOENT;
	}
	free(window);
	return r;
}

/* Reads the header that ends at `offset`. 0, -ENOENT: there is none; -EIO,
 * -ENOMEM. */
int
zip_local_init(struct zip_local *local, const struct source *source, uint64_t offset)
{
	int r = local_read(local, source, offset, LOCAL_USUAL);

	return r == -ENOENT ? local_read(local, source, offset, LOCAL_MAX) : r;
}

/* A zeroed one is harmless. */
void
zip_local_deinit(struct zip_local *local)
{
	free(local->name);
	*local = (struct zip_local){ 0 };
}

/* The checksum that the member should have, of which the data end at `end`.
 * It may be behind them, with or without a signature in front of it. */
int
zip_checksum(const struct zip_local *local, const struct source *source,
    uint64_t end, uint32_t *checksump)
{
	unsigned char p[8];
	int r;

	if (!local->has_descriptor) {
		*checksump = local->checksum;
		return 0;
	}
	r = source_pread(source, p, sizeof(p), end);
	if (r == 0)
		*checksump = le32(p) == DESCRIPTOR_SIGNATURE ? le32(p + 4) : le32(p);
	return r;
}
