/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place: where a node is, or will be, in the file system: looked at, made, and
 * taken away again when nothing came of it.
 *
 * What stands under a FUSE mount is never asked anything: whether a mount is
 * there is read from the kernel's table. */
#ifndef TOOLS_PLACE_H
#define TOOLS_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/text.h"

struct place {
	const char *path;	/* the caller's: canonical, as tool_node_path makes it */
	bool exists;
	bool mounted;		/* a FUSE file system stands there: fd is -1, st unknown */
	bool created;		/* by place_make */
	int fd;			/* O_PATH of the node itself */
	struct stat st;
	uint32_t kind;		/* enum node_kind; 0 when it does not exist or is mounted */
	mode_t restore_mode;	/* of what place_make made: the mode it would have had without us */
};

#define AUTO_PLACE __attribute__((cleanup(place_deinit)))
#define PLACE_NONE { .fd = -1 }

void place_deinit(struct place *place);
/* Looks. A node that is not there is no error. 0 or -errno with a line. */
int place_open(struct place *place, const char *path, struct text *why);
/* Whether this user may set a translator there: kind, owner, write access. */
int place_check(const struct place *place, struct text *why);
/* Makes an empty node of `kind`. */
int place_make(struct place *place, uint32_t kind, struct text *why);
/* Removes what place_make made when it is still the empty thing that was made. */
void place_unmake(struct place *place);
const char *place_kind_name(uint32_t kind);	/* "file", "directory" */

#endif
