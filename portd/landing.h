/* SPDX-License-Identifier: GPL-2.0-or-later */
/* landing: where a mount is in truth. fusermount3 takes a path, and what a path leads to can
 * change at any moment; what counts is the node that was checked. In a helper process. */
#ifndef PORTD_LANDING_H
#define PORTD_LANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct landing {
	int parent;		/* O_PATH of the directory that the node is in */
	const char *name;	/* of the node, there */
	int node;		/* O_PATH of it, opened before the mount */
	const struct stat *st;	/* of it */
	int connection;		/* as fusermount3 sent it */
};

/* Whether the connection's mount covers the node, and is what its name leads to: 0 with its id and
 * device, or -ESTALE. */
int landing_check(const struct landing *landing, uint32_t *idp, char *device, size_t room);
/* Unmounts the connection, wherever that is, and closes it. */
void landing_undo(int *connectionp);
/* Unmounts one mount: 0, or fusermount3's status, with what it said. It is this one, or none, that
 * is gone afterwards, unless somebody renames directories in the very moment; another node's
 * mount is then armed again by portd. device: "" or as it must be. */
int landing_unmount(uint32_t id, const char *device, bool lazy, char *said, size_t room);

#endif
