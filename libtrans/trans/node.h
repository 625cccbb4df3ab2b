/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node: what a front door asks of the translator's nodes.
 *
 * The defaults, the ready-made tree and the author's callbacks meet here, once
 * for all doors. Everything returns 0 or a count, -errno, or REQ_LATER: the
 * request was put off and will be run again. Main thread only. */
#ifndef TRANS_NODE_H
#define TRANS_NODE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "trans/req.h"
#include "trans/trans.h"

/* Takes one entry of a listing; other than 0: it did not fit. */
typedef int node_dirent_fn(void *argument, const char *name, trans_node_t node, mode_t mode,
    off_t next);

/* Beside TRANS_SET_*: st_size. */
enum { NODE_SET_SIZE = 1 << 16 };

bool node_has_tree(void);
/* Whether attributes are what they will stay; false while a tree is being filled. */
bool node_is_settled(void);
/* Whether the tree is being filled. */
bool node_is_pending(void);
/* Has the main thread woken when the tree that there is now is finished. */
void node_on_ready(void);
/* Whether anything can be written. */
bool node_is_writable(void);
/* What an empty slot for writing says: -EROFS where nothing can be written at all. */
int node_cannot(void);
int node_stat(struct trans_req *req, trans_node_t node, struct stat *st);
int node_change(struct trans_req *req, trans_node_t node, const struct stat *st, int what);
int node_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep);
int node_readdir(struct trans_req *req, trans_node_t dir, off_t offset, node_dirent_fn *fill,
    void *argument);
void node_list_root(node_dirent_fn *fill, void *argument);
ssize_t node_readlink(struct trans_req *req, trans_node_t node, char *buf, size_t size);
ssize_t node_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset);
ssize_t node_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size,
    off_t offset);
int node_open(struct trans_req *req, trans_node_t node, int flags);
void node_close(trans_node_t node);
/* Takes the set-id bits from what whoever asks may not leave so. */
int node_kill_set_id(struct trans_req *req, trans_node_t node);
int node_fallocate(struct trans_req *req, trans_node_t node, int mode, off_t offset, off_t length);
off_t node_seek(struct trans_req *req, trans_node_t node, off_t offset, int whence);
ssize_t node_copy(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
    off_t to_offset, size_t size);
int node_ioctl(struct trans_req *req, trans_node_t node, unsigned command, const void *in,
    size_t in_size, void *out, size_t out_size);
int node_poll(struct trans_req *req, trans_node_t node);
int node_fsync(struct trans_req *req, trans_node_t node, bool data_only);
int node_statfs(struct trans_req *req, struct statvfs *st);
ssize_t node_getxattr(struct trans_req *req, trans_node_t node, const char *name, char *value,
    size_t size);
int node_setxattr(struct trans_req *req, trans_node_t node, const char *name, const char *value,
    size_t size, int flags);
ssize_t node_listxattr(struct trans_req *req, trans_node_t node, char *list, size_t size);
int node_removexattr(struct trans_req *req, trans_node_t node, const char *name);
/* The kernel does not know it any more by n of the lookups that it had. */
void node_forget(trans_node_t node, uint64_t n);

/* node-name.c: names made and taken away. Each is done once, however often the kernel
 * delivers the request (req->slot). What is made counts as looked up. */

/* 0, or -EINVAL, -ENAMETOOLONG for what is no name. */
int node_check_name(const char *name);
int node_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep);
/* A file without a name, open. */
int node_tmpfile(struct trans_req *req, trans_node_t dir, mode_t mode, trans_node_t *nodep);
int node_mkdir(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
    trans_node_t *nodep);
int node_symlink(struct trans_req *req, trans_node_t dir, const char *name, const char *target,
    trans_node_t *nodep);
int node_link(struct trans_req *req, trans_node_t node, trans_node_t dir, const char *name,
    trans_node_t *nodep);
int node_unlink(struct trans_req *req, trans_node_t dir, const char *name);
int node_rmdir(struct trans_req *req, trans_node_t dir, const char *name);
int node_rename(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t new_dir,
    const char *new_name, unsigned flags);

#endif
