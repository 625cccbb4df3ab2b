/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-file: the content of an inode, as pages beneath its slots. */
#ifndef TMPFS_FILE_H
#define TMPFS_FILE_H

#include "translators/tmpfs-region.h"

ssize_t file_read(const struct store *store, const struct inode *inode, char *buf, size_t size,
    uint64_t offset);
ssize_t file_write(struct store *store, struct inode *inode, const char *buf, size_t size,
    uint64_t offset);
int file_allocate(struct store *store, struct inode *inode, uint64_t offset, uint64_t end);
void file_clear(struct store *store, struct inode *inode, uint64_t offset, uint64_t end);
void file_punch(struct store *store, struct inode *inode, uint64_t offset, uint64_t end);
uint64_t file_seek(const struct store *store, const struct inode *inode, uint64_t offset,
    bool to_content);
void file_cut(struct store *store, struct inode *inode);
void file_give_all(struct store *store, struct inode *inode);
int file_claim(struct store *store, struct inode *inode);

#endif
