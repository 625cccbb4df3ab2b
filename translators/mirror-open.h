/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-open: from rows to descriptors, each compared with the file that the row stands for.
 *
 * Directories and files that are in use stay open, as many as are worth it. Nothing is reached
 * by more than one name at a time, through a symbolic link, or across a mount point. */
#ifndef TRANSLATORS_MIRROR_OPEN_H
#define TRANSLATORS_MIRROR_OPEN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "translators/rows.h"

/* root: a directory (O_PATH) or a file, stays the caller's. 0 or -errno. */
int open_begin(int root);
void open_end(void);
/* Whether a descriptor is of what is shown. */
bool open_is_root(int fd);
/* The root's last open is gone: the file that has its name now takes its place. Whether it is
 * another one. */
bool open_turn_root(void);
/* Borrowed descriptors: good until the next call. -ESTALE: the row's file is not there. */
int open_dir(struct row *dir);
int open_file(struct row *row, bool to_write);
/* A descriptor of one's own, of what the row is (O_PATH, or one that reads or writes). st: what it
 * is like. */
int open_row(struct row *row, struct stat *st);
int open_stat(struct row *row, struct stat *st);
/* What a name leads to. What is hidden is not there. 0 or -errno. */
int open_look(struct row *dir, const char *name, struct row_id *id, struct stat *st);
/* Keeps a descriptor of a file that was made just now; eats it. */
void open_keep(const struct row *row, int fd, bool to_write);
/* Leaves the best descriptor there is of the file with portd. */
void open_deposit(struct row *row);
/* Of the root, when it is a file that is opened: a successor may find another one there. */
void open_deposit_root(bool to_write);
/* Before a name of it goes, when it is not to be left with portd: it is kept as long as there is room,
 * for whoever is in it, or knows it by another name. */
void open_hold(struct row *row);
/* Lets go of what is open of it. */
void open_drop(trans_node_t node);
/* Lets go of all but files in use: names may lead elsewhere now. */
void open_flush(void);
/* What a descriptor is of. */
int open_identify(int fd, struct row_id *id, struct stat *st);

#endif
