/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-store: nodes: what they are, and what is in them. Names are in tmpfs-tree.c. */
#include "translators/tmpfs-store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "translators/tmpfs-file.h"
#include "translators/tmpfs-inode.h"
#include "translators/tmpfs-page.h"
#include "translators/tmpfs-region.h"

enum { COPY_MAX = 16 << 20 };

/* As stat(2). */
int
store_stat(const struct store *store, uint64_t node, struct stat *st)
{
	uint32_t index = inode_find(store, node);

	if (index == 0)
		return -ESTALE;
	inode_stat(store, index, st);
	return 0;
}

/* At most `size` bytes of a target, without NUL. */
ssize_t
store_readlink(const struct store *store, uint64_t node, char *buf, size_t size)
{
	uint32_t index = inode_find(store, node);
	const struct inode *inode;
	const void *target;

	if (index == 0)
		return -ESTALE;
	inode = inode_at(store, index);
	if (!S_ISLNK(inode->mode))
		return -EINVAL;
	target = inode->size <= SYMLINK_INLINE_MAX ? (const void *)inode->slots :
	    page_at(store, inode->slots[0]);
	if (size > inode->size)
		size = inode->size;
	memcpy(buf, target, size);
	return (ssize_t)size;
}

/* What statvfs(3) says. */
void
store_statfs(const struct store *store, struct statvfs *st)
{
	uint32_t n_free = store->n_used < store->limit ? store->limit - store->n_used : 0;
	uint32_t n_inodes = store->inode_max - INODE_ROOT;
	uint32_t n_free_inodes = store->inode_max - store->head->n_inodes + store->n_free_inodes;

	st->f_bsize = st->f_frsize = REGION_PAGE;
	st->f_blocks = store->n_used < store->limit ? store->limit : store->n_used;
	st->f_bfree = st->f_bavail = n_free;
	st->f_files = n_inodes;
	st->f_ffree = st->f_favail = n_free_inodes;
	st->f_namemax = 255;
}

/* Changes what STORE_SET_* say; the times of st, not of now, for those that it names. */
int
store_change(struct store *store, uint64_t node, const struct stat *st, int what,
    const struct timespec *now)
{
	uint32_t index = inode_find(store, node);
	struct inode *inode;

	if (index == 0)
		return -ESTALE;
	inode = inode_at(store, index);
	if (what & STORE_SET_MODE)
		CHANGE(store, inode->mode, (inode->mode & S_IFMT) | (st->st_mode & 07777));
	if (what & STORE_SET_UID)
		CHANGE(store, inode->uid, st->st_uid);
	if (what & STORE_SET_GID)
		CHANGE(store, inode->gid, st->st_gid);
	if (what & STORE_SET_ATIME) {
		CHANGE(store, inode->atime, st->st_atim.tv_sec);
		CHANGE(store, inode->atime_ns, (uint32_t)st->st_atim.tv_nsec);
	}
	if (what & STORE_SET_MTIME) {
		CHANGE(store, inode->mtime, st->st_mtim.tv_sec);
		CHANGE(store, inode->mtime_ns, (uint32_t)st->st_mtim.tv_nsec);
	}
	inode_touch(store, inode, now);
	undo_commit(store);
	return 0;
}

/* Content ------------------------------------------------------------------------ */

/* The inode of a regular file. 0 or -errno. */
static int
find_file(const struct store *store, uint64_t node, struct inode **inodep)
{
	uint32_t index = inode_find(store, node);

	if (index == 0)
		return -ESTALE;
	if (S_ISDIR(inode_at(store, index)->mode))
		return -EISDIR;
	if (!S_ISREG(inode_at(store, index)->mode))
		return -EINVAL;
	*inodep = inode_at(store, index);
	return 0;
}

static void
set_size(struct store *store, struct inode *inode, uint64_t size, const struct timespec *now)
{
	CHANGE(store, inode->size, size);
	inode_touch_content(store, inode, now);
	undo_commit(store);
}

/* As pread(2). */
ssize_t
store_read(const struct store *store, uint64_t node, char *buf, size_t size, uint64_t offset)
{
	struct inode *inode;
	int err = find_file(store, node, &inode);

	return err < 0 ? err : file_read(store, inode, buf, size, offset);
}

/* As pwrite(2): it may write less, when there is no more room. */
ssize_t
store_write(struct store *store, uint64_t node, const char *buf, size_t size, uint64_t offset,
    const struct timespec *now)
{
	struct inode *inode;
	uint64_t end;
	ssize_t n;
	int err = find_file(store, node, &inode);

	if (err < 0)
		return err;
	if (offset > FILE_SIZE_MAX || size > FILE_SIZE_MAX - offset)
		return -EFBIG;
	PUT(store->head->busy, (uint32_t)(inode - store->inodes));
	n = file_write(store, inode, buf, size, offset);
	end = n > 0 ? offset + (uint64_t)n : 0;
	if (n > 0)
		set_size(store, inode, end > inode->size ? end : inode->size, now);
	else
		file_cut(store, inode);
	PUT(store->head->busy, 0);
	return n;
}

/* As truncate(2). */
int
store_truncate(struct store *store, uint64_t node, uint64_t size, const struct timespec *now)
{
	struct inode *inode;
	bool is_shorter;
	int err = find_file(store, node, &inode);

	if (err < 0)
		return err;
	if (size > FILE_SIZE_MAX)
		return -EFBIG;
	is_shorter = size < inode->size;
	PUT(store->head->busy, (uint32_t)(inode - store->inodes));
	set_size(store, inode, size, now);
	if (is_shorter)
		file_cut(store, inode);
	PUT(store->head->busy, 0);
	return 0;
}

/* As fallocate(2): its KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE. */
int
store_allocate(struct store *store, uint64_t node, int mode, uint64_t offset, uint64_t length,
    const struct timespec *now)
{
	struct inode *inode;
	uint64_t end;
	int err = find_file(store, node, &inode);

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (err < 0)
		return err;
	if (offset > FILE_SIZE_MAX || length > FILE_SIZE_MAX - offset)
		return -EFBIG;
	end = offset + length;
	PUT(store->head->busy, (uint32_t)(inode - store->inodes));
	if (mode & FALLOC_FL_PUNCH_HOLE)
		file_punch(store, inode, offset, end);
	else
		err = file_allocate(store, inode, offset, end);
	if (err == 0 && (mode & FALLOC_FL_ZERO_RANGE))
		file_clear(store, inode, offset, end);
	if (err == 0)
		set_size(store, inode,
		    !(mode & FALLOC_FL_KEEP_SIZE) && end > inode->size ? end : inode->size, now);
	PUT(store->head->busy, 0);
	return err;
}

/* As lseek(2) with SEEK_DATA or SEEK_HOLE. */
int64_t
store_seek(const struct store *store, uint64_t node, uint64_t offset, int whence)
{
	struct inode *inode;
	uint64_t found;
	int err = find_file(store, node, &inode);

	if (err < 0)
		return err;
	if (offset >= inode->size)
		return -ENXIO;
	found = file_seek(store, inode, offset, whence == SEEK_DATA);
	return whence == SEEK_DATA && found == inode->size ? -ENXIO : (int64_t)found;
}

/* As copy_file_range(2): at most COPY_MAX bytes, so that others get their turn. */
ssize_t
store_copy(struct store *store, uint64_t from, uint64_t from_offset, uint64_t to,
    uint64_t to_offset, size_t size, const struct timespec *now)
{
	char part[16 * REGION_PAGE];
	ssize_t done = 0, n = 0;

	if (size > COPY_MAX)
		size = COPY_MAX;
	while ((size_t)done < size) {
		size_t wanted = size - (size_t)done;

		n = store_read(store, from, part, wanted < sizeof(part) ? wanted : sizeof(part),
		    from_offset + (uint64_t)done);
		if (n > 0)
			n = store_write(store, to, part, (size_t)n, to_offset + (uint64_t)done, now);
		if (n <= 0)
			break;
		done += n;
	}
	return done > 0 ? done : n;
}

/* Keeping ------------------------------------------------------------------------- */

/* The node is kept until store_close, with or without a name. Opening it more than once is as
 * once: who counts is the caller. */
int
store_open(struct store *store, uint64_t node)
{
	uint32_t index = inode_find(store, node);

	if (index == 0)
		return -ESTALE;
	if (inode_at(store, index)->is_open == 0)
		PUT(inode_at(store, index)->is_open, 1);
	return 0;
}

/* Nobody has the node open any more. */
void
store_close(struct store *store, uint64_t node)
{
	uint32_t index = inode_find(store, node);
	struct inode *inode = inode_at(store, index);

	if (index == 0 || inode->is_open == 0)
		return;
	CHANGE(store, inode->is_open, 0);
	if (inode_is_unused(inode)) {
		CHANGE(store, inode->mode, 0);
		undo_commit(store);
		inode_discard(store, index);
		return;
	}
	undo_commit(store);
}
