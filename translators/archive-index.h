/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index: the list of an archive's members, as a tree.
 *
 * One pass over all headers fills a tree; what tells where a member's content
 * lies goes into the cookie and aux of its entry. */
#ifndef TRANSLATORS_ARCHIVE_INDEX_H
#define TRANSLATORS_ARCHIVE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "trans/trans.h"
#include "translators/archive-source.h"

/* How a member's content is stored. */
enum storage {
	STORED_NOT,		/* it has none */
	STORED_PLACE,		/* as it is, in one piece of the file */
	STORED_DEFLATE,		/* in a zip, deflated by itself */
	STORED_STREAM,		/* to be had only by going through the archive */
	STORED_LOCKED,		/* encrypted */
};

/* The cookie has the storage in its top byte, and below it the offset in the
 * file. aux is the member's number in the order of the archive, from 0. */
static inline uint64_t
cookie_make(enum storage storage, uint64_t offset)
{
	return (uint64_t)storage << 56 | offset;
}

static inline enum storage
cookie_storage(uint64_t cookie)
{
	return (enum storage)(cookie >> 56);
}

static inline uint64_t
cookie_offset(uint64_t cookie)
{
	return cookie & (UINT64_MAX >> 8);
}

/* What there is to say about an archive once it has been gone through. */
struct index_report {
	uint64_t members;	/* in the tree */
	uint64_t left_out;	/* for their names, or because they link to nothing */
	uint64_t locked;
	bool is_damaged;	/* or cut off: what follows is missing */
	uint64_t damage_offset;	/* about where, in the file */
	char example[160];	/* of a name that was left out, escaped */
	char damage[160];	/* libarchive's words, escaped */
};

int index_fill(const struct source *source, const struct patience *patience,
    struct trans_tree *tree, struct index_report *report);
int index_probe(const struct source *source, char *why, size_t room);

#endif
