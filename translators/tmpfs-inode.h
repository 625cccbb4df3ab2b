/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-inode: the table of inodes, and the numbers by which others know them. */
#ifndef TMPFS_INODE_H
#define TMPFS_INODE_H

#include <sys/stat.h>
#include <time.h>

#include "translators/tmpfs-region.h"

/* A target of at most so many bytes is in the inode. */
enum { SYMLINK_INLINE_MAX = INODE_SLOTS * sizeof(uint32_t) };

uint32_t inode_find(const struct store *store, uint64_t node);
uint64_t inode_node(const struct store *store, uint32_t index);
uint32_t inode_take(struct store *store);
void inode_give(struct store *store, uint32_t index);
bool inode_is_unused(const struct inode *inode);
void inode_discard(struct store *store, uint32_t index);
void inode_stat(const struct store *store, uint32_t index, struct stat *st);
void inode_touch(struct store *store, struct inode *inode, const struct timespec *now);
void inode_touch_content(struct store *store, struct inode *inode, const struct timespec *now);
int inode_claim_all(struct store *store);

#endif
