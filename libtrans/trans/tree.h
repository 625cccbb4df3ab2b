/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: how a front door looks into a ready-made tree.
 *
 * <hird/trans.h> has the half that an author sees: one thread fills a tree and
 * publishes it with trans_tree_ready. From then on nothing in it changes, and
 * the calls below may be made from any thread. Before that, only tree_state
 * and tree_on_ready may be called by anybody but the thread that fills it.
 *
 * A node is 1 + its index in the order of addition, so that a successor that
 * reads the same content gives the same nodes. Names are bytes without "/". */
#ifndef TRANS_TREE_H
#define TRANS_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "trans/trans.h"

/* 0: it is being filled; 1: ready; -errno: it failed, and that is what
 * everybody gets. */
int tree_state(struct trans_tree *tree);

/* Calls back once when the state stops being 0: from the thread that calls
 * trans_tree_ready, or at once from this one when that has happened. One
 * callback a tree: a later one replaces it, NULL forgets it. The callback
 * must not call into the tree other than by tree_state. */
void tree_on_ready(struct trans_tree *tree, void (*callback)(void *argument),
    void *argument);

/* 0, -ENOENT, -ENOTDIR, -ESTALE (no such node), -ENAMETOOLONG. "." and ".."
 * are the caller's. */
int tree_lookup(struct trans_tree *tree, trans_node_t dir, const char *name,
    trans_node_t *nodep);

/* Everything but st_dev is filled in: st_ino is the node, a directory has
 * 2 + its subdirectories as st_nlink, all times are the entry's. st_uid and
 * st_gid are what the entry said; the door shows its own user's instead
 * unless it is told otherwise. 0 or -ESTALE. */
int tree_stat(struct trans_tree *tree, trans_node_t node, struct stat *st);

/* Lists a directory in the order of addition, without "." and "..", from
 * `offset`: 0, or the `next` of the last entry that was taken. Stops when the
 * callback returns other than 0, which means that this entry was not taken.
 * 0, -ENOTDIR, -ESTALE, -EINVAL (an offset that was never given). */
typedef int tree_dirent_fn(void *argument, const char *name, trans_node_t node,
    mode_t mode, off_t next);
int tree_readdir(struct trans_tree *tree, trans_node_t dir, off_t offset,
    tree_dirent_fn *callback, void *argument);

/* At most `size` bytes, without NUL; returns how many were put, or -EINVAL
 * (no symlink), -ESTALE. */
ssize_t tree_readlink(struct trans_tree *tree, trans_node_t node, char *buf,
    size_t size);

/* The directory that holds this node (of several names: the first's); the
 * root is its own. 0 when there is no such node. */
trans_node_t tree_parent(struct trans_tree *tree, trans_node_t node);

/* How many nodes there are, the root included: 1 to this are the valid ones. */
uint64_t tree_count(struct trans_tree *tree);

#endif
