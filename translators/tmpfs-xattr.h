/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-xattr: extended attributes: one page an inode. */
#ifndef TMPFS_XATTR_H
#define TMPFS_XATTR_H

#include <time.h>

#include "translators/tmpfs-region.h"

ssize_t xattr_get(const struct store *store, uint64_t node, const char *name, char *value,
    size_t size);
ssize_t xattr_list(const struct store *store, uint64_t node, char *list, size_t size);
int xattr_set(struct store *store, uint64_t node, const char *name, const char *value,
    size_t size, int flags, const struct timespec *now);
int xattr_remove(struct store *store, uint64_t node, const char *name, const struct timespec *now);
int xattr_claim(struct store *store, const struct inode *inode);

#endif
