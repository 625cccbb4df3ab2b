/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounts: the kernel's table of mounts, read without touching any of them. */
#ifndef TOOLS_MOUNTS_H
#define TOOLS_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct mount {
	int id;
	int parent;
	char device[24];	/* "MAJOR:MINOR", decimal */
	char *point;		/* absolute path, unescaped */
	char *type;		/* "ext4", "fuse.hird" */
	unsigned uid;		/* who mounted it, of a FUSE mount; else 0 */
};

struct mounts {
	struct mount *list;	/* in the order in which they were made */
	size_t n;
};

#define AUTO_MOUNTS __attribute__((cleanup(mounts_deinit)))

void mounts_deinit(struct mounts *mounts);
/* file: "/proc/self/mountinfo". 0 or -errno. */
int mounts_read(struct mounts *mounts, const char *file);
/* The topmost mount at exactly this path, or NULL. */
const struct mount *mounts_at(const struct mounts *mounts, const char *point);
bool mount_is_fuse(const struct mount *mount);

#endif
