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
#include <sys/types.h>

#include "trans/req.h"
#include "trans/trans.h"

/* Takes one entry of a listing; other than 0: it did not fit. */
typedef int node_dirent_fn(void *argument, const char *name, trans_node_t node, mode_t mode,
    off_t next);

/* What is to be changed of a node's attributes. */
enum {
	NODE_SET_MODE = 1,
	NODE_SET_OWNER = 2,
	NODE_SET_SIZE = 4,
	NODE_SET_ATIME = 8,	/* st_atim, UTIME_NOW allowed */
	NODE_SET_MTIME = 16,
};

bool node_has_tree(void);
/* Whether attributes are what they will stay; false while a tree is being filled. */
bool node_is_settled(void);
/* Whether the tree is being filled. */
bool node_is_pending(void);
/* Has the main thread woken when the tree that there is now is finished. */
void node_on_ready(void);
bool node_is_writable(void);
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
/* How many nodes a tree has; 0 when nobody knows. */
uint64_t node_count(void);

#endif
