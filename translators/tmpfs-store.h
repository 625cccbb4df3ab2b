/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-store: the operations of the file system in a region of memory.
 *
 * A store is one process's view of a region; see tmpfs-region.h. Each operation has happened
 * as a whole or not at all when the process is killed in it, but for a write, of which
 * any part may have. Nodes are the numbers that lookups give; for one that is gone the answer is
 * -ESTALE. A name is one component. One thread at a time. */
#ifndef TMPFS_STORE_H
#define TMPFS_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>

struct store;

#define STORE_ROOT UINT64_C(1)

struct store_setup {
	uint64_t limit;		/* bytes that content and names may take */
	uint32_t seed;		/* random */
	mode_t mode;		/* of a new root: permissions */
	uid_t uid;		/* whose a new root is */
	gid_t gid;
	struct timespec now;
};

/* What was in the memory. */
enum store_origin {
	STORE_NEW,		/* nothing */
	STORE_KEPT,		/* a tree, which is there again */
	STORE_REFUSED,		/* something that cannot be believed; the tree is empty */
};

int store_new(void *memory, size_t size, const struct store_setup *setup,
    enum store_origin *originp, struct store **storep);
void store_free(struct store *store);
void store_set_limit(struct store *store, uint64_t limit);
uint64_t store_capacity(const struct store *store);

/* Asking. */
struct store_dirent {
	const char *name;
	uint64_t node;
	mode_t mode;
	uint64_t next;		/* where to go on after this one */
};
typedef int store_list_fn(void *argument, const struct store_dirent *entry);

int store_stat(const struct store *store, uint64_t node, struct stat *st);
int store_lookup(const struct store *store, uint64_t dir, const char *name, uint64_t *nodep);
int store_list(const struct store *store, uint64_t dir, uint64_t after, store_list_fn *fn,
    void *argument);
ssize_t store_readlink(const struct store *store, uint64_t node, char *buf, size_t size);
ssize_t store_read(const struct store *store, uint64_t node, char *buf, size_t size,
    uint64_t offset);
void store_statfs(const struct store *store, struct statvfs *st);

/* Changing. `now` is what the times become. */
struct store_new_node {
	mode_t mode;		/* with the type */
	dev_t rdev;
	const char *target;	/* of a symlink */
	uid_t uid;
	gid_t gid;		/* unless the directory hands on its own */
};

enum {
	STORE_SET_MODE = 1,
	STORE_SET_UID = 2,
	STORE_SET_GID = 4,
	STORE_SET_ATIME = 8,
	STORE_SET_MTIME = 16,
};

int store_make(struct store *store, uint64_t dir, const char *name,
    const struct store_new_node *new, const struct timespec *now, uint64_t *nodep);
int store_make_unnamed(struct store *store, uint64_t dir, const struct store_new_node *new,
    const struct timespec *now, uint64_t *nodep);
int store_link(struct store *store, uint64_t node, uint64_t dir, const char *name,
    const struct timespec *now);
int store_unlink(struct store *store, uint64_t dir, const char *name, const struct timespec *now);
int store_rmdir(struct store *store, uint64_t dir, const char *name, const struct timespec *now);
int store_rename(struct store *store, uint64_t dir, const char *name, uint64_t new_dir,
    const char *new_name, unsigned flags, const struct timespec *now);
int store_change(struct store *store, uint64_t node, const struct stat *st, int what,
    const struct timespec *now);
ssize_t store_write(struct store *store, uint64_t node, const char *buf, size_t size,
    uint64_t offset, const struct timespec *now);
int store_truncate(struct store *store, uint64_t node, uint64_t size, const struct timespec *now);
int store_allocate(struct store *store, uint64_t node, int mode, uint64_t offset, uint64_t length,
    const struct timespec *now);
int64_t store_seek(const struct store *store, uint64_t node, uint64_t offset, int whence);
ssize_t store_copy(struct store *store, uint64_t from, uint64_t from_offset, uint64_t to,
    uint64_t to_offset, size_t size, const struct timespec *now);
int store_open(struct store *store, uint64_t node);
void store_close(struct store *store, uint64_t node);

#endif
