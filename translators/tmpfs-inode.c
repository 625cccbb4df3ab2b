/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-inode: the table of inodes, and the numbers by which others know them.
 *
 * A node is an index and the generation of what is there, so that what the kernel still
 * knows of a file that is gone is not taken for the next one in its place. */
#include "translators/tmpfs-inode.h"

#include <errno.h>

#include "translators/tmpfs-file.h"
#include "translators/tmpfs-name.h"
#include "translators/tmpfs-page.h"
#include "translators/tmpfs-xattr.h"

#define GENERATION_MASK UINT32_C(0x7fffffff)	/* a node is a positive number */

/* The index of a node, or 0: there is no such node any more. */
uint32_t
inode_find(const struct store *store, uint64_t node)
{
	uint32_t index = (uint32_t)node;

	if (index == 0 || index >= store->head->n_inodes)
		return 0;
	if (inode_at(store, index)->mode == 0 || inode_node(store, index) != node)
		return 0;
	return index;
}

/* By what an inode is known. */
uint64_t
inode_node(const struct store *store, uint32_t index)
{
	return (uint64_t)inode_at(store, index)->generation << 32 | index;
}

/* An inode to fill in, which becomes used by the operation that sets its mode; 0: none is left. */
uint32_t
inode_take(struct store *store)
{
	struct inode *inode;
	uint32_t index, generation;

	if (store->n_free_inodes > 0) {
		index = store->free_inodes[--store->n_free_inodes];
		generation = (inode_at(store, index)->generation + 1) & GENERATION_MASK;
	} else {
		index = store->head->n_inodes;
		generation = store->head->seed & GENERATION_MASK;
		if (index == store->inode_max)
			return 0;
	}
	inode = inode_at(store, index);
	PUT(inode->mode, 0);
	*inode = (struct inode){ .generation = generation };
	if (index == store->head->n_inodes)
		PUT(store->head->n_inodes, index + 1);
	return index;
}

/* Gives back one that is not used. */
void
inode_give(struct store *store, uint32_t index)
{
	store->free_inodes[store->n_free_inodes++] = index;
}

/* Whether nothing keeps it: then the operation that made it so sets its mode to 0, and
 * calls inode_discard when it has happened. */
bool
inode_is_unused(const struct inode *inode)
{
	return inode->n_links == 0 && inode->is_open == 0;
}

static bool
has_pages(mode_t mode, uint64_t size)
{
	return S_ISREG(mode) || (S_ISLNK(mode) && size > SYMLINK_INLINE_MAX);
}

/* Gives back an inode whose mode has just been set to 0, with all that it had. */
void
inode_discard(struct store *store, uint32_t index)
{
	struct inode *inode = inode_at(store, index);

	name_dir_free(store, index);
	if (inode->n_pages > 0)
		file_give_all(store, inode);
	if (inode->xattr != 0)
		page_give(store, inode->xattr);
	page_settle(store);
	inode_give(store, index);
}

/* What stat(2) says. */
void
inode_stat(const struct store *store, uint32_t index, struct stat *st)
{
	const struct inode *inode = inode_at(store, index);
	const struct dir *dir = store->dirs[index];
	nlink_t n_links = dir && inode->n_links > 0 ? 2 + dir->n_subdirs : inode->n_links;

	*st = (struct stat){
		.st_ino = inode_node(store, index),
		.st_mode = inode->mode,
		.st_nlink = n_links,
		.st_uid = inode->uid,
		.st_gid = inode->gid,
		.st_rdev = inode->rdev,
		.st_size = dir ? (off_t)dir->n_entries * (off_t)sizeof(struct entry) :
		    (off_t)inode->size,
		.st_blksize = REGION_PAGE,
		.st_blocks = (blkcnt_t)inode->n_pages * (REGION_PAGE / 512),
		.st_atim = { inode->atime, inode->atime_ns },
		.st_mtim = { inode->mtime, inode->mtime_ns },
		.st_ctim = { inode->ctime, inode->ctime_ns },
	};
}

/* Part of an operation: something about the inode has changed. */
void
inode_touch(struct store *store, struct inode *inode, const struct timespec *now)
{
	CHANGE(store, inode->ctime, now->tv_sec);
	CHANGE(store, inode->ctime_ns, (uint32_t)now->tv_nsec);
}

/* Part of an operation: its content has changed. */
void
inode_touch_content(struct store *store, struct inode *inode, const struct timespec *now)
{
	CHANGE(store, inode->mtime, now->tv_sec);
	CHANGE(store, inode->mtime_ns, (uint32_t)now->tv_nsec);
	inode_touch(store, inode, now);
}

/* What a predecessor left --------------------------------------------------------- */

static bool
is_plausible(const struct inode *inode, bool is_root)
{
	mode_t type = inode->mode & S_IFMT;

	if (inode->mode & ~(mode_t)(S_IFMT | 07777) || inode->is_open > 1 ||
	    inode->generation & ~GENERATION_MASK)
		return false;
	if (inode->atime_ns >= 1000000000 || inode->mtime_ns >= 1000000000 ||
	    inode->ctime_ns >= 1000000000)
		return false;
	if (is_root && (type != S_IFDIR || inode->generation != 0))
		return false;
	switch (type) {
	case S_IFLNK:
		return inode->size > 0 && inode->size < REGION_PAGE;
	case S_IFREG:
		return true;
	case S_IFDIR: case S_IFIFO: case S_IFSOCK: case S_IFCHR: case S_IFBLK:
		return inode->size == 0;
	}
	return false;
}

/* A target is in the inode, or one whole page. */
static int
claim_content(struct store *store, struct inode *inode)
{
	if (!has_pages(inode->mode, inode->size)) {
		inode->n_pages = 0;
		return 0;
	}
	if (S_ISLNK(inode->mode) && (inode->height != 0 || inode->slots[0] == 0))
		return -EUCLEAN;
	return file_claim(store, inode);
}

static int
claim_inode(struct store *store, uint32_t index)
{
	struct inode *inode = inode_at(store, index);
	int err;

	if (inode->mode == 0 && index != INODE_ROOT) {
		inode_give(store, index);
		return 0;
	}
	if (!is_plausible(inode, index == INODE_ROOT))
		return -EUCLEAN;
	err = claim_content(store, inode);
	if (err == 0 && inode->xattr != 0)
		err = xattr_claim(store, inode);
	if (err == 0 && S_ISDIR(inode->mode))
		err = name_dir_new(store, index);
	return err;
}

/* Takes over the inodes that were found in the region. 0, -EUCLEAN or -ENOMEM. */
int
inode_claim_all(struct store *store)
{
	int err = 0;

	for (uint32_t index = store->head->n_inodes; index-- > INODE_ROOT && err == 0;)
		err = claim_inode(store, index);
	return err;
}
