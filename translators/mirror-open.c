/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-open: descriptors by node, the least used one makes room. */
#include "translators/mirror-open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "translators/mirror-filter.h"

enum {
	KEPT_MAX = 160,
	DEPTH_MAX = 1 << 16,	/* of directories; rows that go in a circle have no end */
	FUSE_MAGIC = 0x65735546,
};

struct kept {
	trans_node_t node;	/* 0: free */
	int fd;
	bool reads, writes;
	uint64_t used;		/* when, by the count of uses */
};

static struct kept all[KEPT_MAX];
static uint64_t n_uses;
static int root_fd = -1;
static struct row_id root_id;		/* of root_fd */
static uint64_t root_device;
static bool root_is_other;		/* than the file that is open, which was there before */
static bool root_deposit_writes;
static bool root_has_handles;

/* What is kept ---------------------------------------------------------------- */

static void
let_go(struct kept *kept)
{
	if (kept->node)
		close(kept->fd);
	kept->node = 0;
}

enum purpose { TO_LOOK, TO_READ, TO_WRITE };

static bool
serves(const struct kept *kept, enum purpose purpose)
{
	return purpose == TO_WRITE ? kept->writes : purpose == TO_LOOK || kept->reads;
}

static struct kept *
find(trans_node_t node, enum purpose purpose)
{
	for (struct kept *kept = all; kept < all + KEPT_MAX; kept++) {
		if (kept->node != node || !serves(kept, purpose))
			continue;
		kept->used = ++n_uses;
		return kept;
	}
	return NULL;
}

static void
keep(trans_node_t node, int fd, bool reads, bool writes)
{
	struct kept *oldest = all;

	for (struct kept *kept = all; kept < all + KEPT_MAX && oldest->node; kept++)
		if (!kept->node || kept->used < oldest->used)
			oldest = kept;
	let_go(oldest);
	*oldest = (struct kept){ .node = node, .fd = fd, .reads = reads, .writes = writes,
		.used = ++n_uses };
}

/* See mirror-open.h. */
void
open_drop(trans_node_t node)
{
	for (struct kept *kept = all; kept < all + KEPT_MAX; kept++)
		if (kept->node == node)
			let_go(kept);
}

/* See mirror-open.h. */
void
open_flush(void)
{
	for (struct kept *kept = all; kept < all + KEPT_MAX; kept++) {
		const struct row *row = kept->node ? rows_get(kept->node) : NULL;

		if (!row || !(row->flags & ROW_OPEN))
			let_go(kept);
	}
}

/* Opening ------------------------------------------------------------------- */

static bool
is_hidden(const struct row *dir, const char *name, mode_t mode)
{
	return filter_is_on() && filter_hides(&(struct filter_name){ .name = name,
	    .type = mode & S_IFMT, .top = rows_is_root(dir) });
}

/* By one name, in a directory. */
static int
open_beneath(int dir, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int)fd;
}

static struct timespec
time_of(const struct statx_timestamp *at)
{
	return (struct timespec){ .tv_sec = at->tv_sec, .tv_nsec = at->tv_nsec };
}

/* Inodes of another device beneath the same mount (a subvolume) are told apart. */
static uint64_t
inode_of(uint64_t device, uint64_t inode)
{
	if (device == root_device)
		return inode;
	return (inode ^ device * 0x9e3779b97f4a7c15) | 1ull << 63;
}

/* Where births are not told, file handles tell one use of an inode number from the next. FNV-1a of
 * one; 0: there is none. */
static int64_t
hash_handle(int fd)
{
	_Alignas(struct file_handle) char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *handle = (void *)room;
	uint64_t hash = 0xcbf29ce484222325;
	int mount;

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", handle, &mount, AT_EMPTY_PATH) < 0)
		return 0;
	for (unsigned i = 0; i < handle->handle_bytes; i++)
		hash = (hash ^ handle->f_handle[i]) * 0x100000001b3;
	return (int64_t)hash;
}

/* Those of another FUSE file system end when its kernel forgets the file. */
static bool
has_handles(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type != FUSE_MAGIC && hash_handle(fd) != 0;
}

static int64_t
birth_of(int fd, const struct statx *found)
{
	if (found->stx_mask & STATX_BTIME)
		return found->stx_btime.tv_sec * 1000000000 + found->stx_btime.tv_nsec;
	return root_has_handles ? hash_handle(fd) : 0;
}

/* See mirror-open.h. */
int
open_identify(int fd, struct row_id *id, struct stat *st)
{
	struct statx found;
	uint64_t device;

	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
	    &found) < 0)
		return -errno;
	device = makedev(found.stx_dev_major, found.stx_dev_minor);
	*id = (struct row_id){
		.device = device ^ (uint64_t)(found.stx_mode & S_IFMT) << 48,
		.inode = found.stx_ino,
		.born = birth_of(fd, &found),
	};
	*st = (struct stat){
		.st_ino = inode_of(device, found.stx_ino),
		.st_mode = found.stx_mode,
		.st_nlink = found.stx_nlink,
		.st_uid = found.stx_uid,
		.st_gid = found.stx_gid,
		.st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor),
		.st_size = (off_t)found.stx_size,
		.st_blksize = (blksize_t)found.stx_blksize,
		.st_blocks = (blkcnt_t)found.stx_blocks,
		.st_atim = time_of(&found.stx_atime),
		.st_mtim = time_of(&found.stx_mtime),
		.st_ctim = time_of(&found.stx_ctime),
	};
	return 0;
}

/* The same of a name in a directory. statx(2) alone would ask what is mounted there, which may be
 * ourselves; to open crosses no mount. */
static int
identify_name(int dir, const char *name, struct row_id *id, struct stat *st)
{
	int err, fd = open_beneath(dir, name, O_PATH, 0);

	if (fd < 0)
		return fd;
	err = open_identify(fd, id, st);
	close(fd);
	return err;
}

/* A descriptor of the row's file by its name, or -ESTALE when another one has that now. */
static int
open_checked(int dir, const struct row *row, int flags, struct stat *st)
{
	int err, fd = open_beneath(dir, rows_name(row), flags, 0);
	struct row_id id;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? -ESTALE : fd;
	err = open_identify(fd, &id, st);
	if (err == 0 && (memcmp(&id, &row->id, sizeof(id)) != 0 ||
	    is_hidden(rows_parent(row), rows_name(row), st->st_mode)))
		err = -ESTALE;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* A directory, of which the one above it is open; it is kept. */
static int
open_dir_in(int parent, const struct row *dir)
{
	struct stat st;
	int fd = open_checked(parent, dir, O_RDONLY | O_DIRECTORY, &st);

	/* Whoever may only pass through does not list it. */
	if (fd == -EACCES)
		fd = open_checked(parent, dir, O_PATH | O_DIRECTORY, &st);
	if (fd >= 0)
		keep(rows_node(dir), fd, true, false);
	return fd;
}

static int
kept_dir(const struct row *dir)
{
	struct kept *kept;

	if (rows_is_root(dir))
		return root_fd;
	kept = find(rows_node(dir), TO_READ);
	return kept ? kept->fd : -1;
}

/* The directories from the nearest that is open down to this one, deepest first; how many, or
 * -errno. *chainp is the caller's to free. */
static int
find_chain(struct row *dir, struct row ***chainp)
{
	struct row **chain = NULL;
	int n = 0;

	for (; kept_dir(dir) < 0; dir = rows_parent(dir)) {
		struct row **grown = n & (n - 1) ? chain : realloc(chain, 2 * (n + 1) * sizeof(*chain));
		bool ends = !rows_parent(dir) || (dir->flags & ROW_LOST) || n == DEPTH_MAX;

		chain = grown ? grown : chain;
		if (!grown || ends) {
			free(chain);
			return grown ? -ESTALE : -ENOMEM;
		}
		chain[n++] = dir;
	}
	*chainp = chain;
	return n;
}

/* See mirror-open.h. */
int
open_dir(struct row *dir)
{
	struct row **chain = NULL;
	int fd = kept_dir(dir), n;

	if (fd >= 0)
		return fd;
	n = find_chain(dir, &chain);
	if (n < 0)
		return n;
	fd = kept_dir(rows_parent(chain[n - 1]));
	while (n > 0 && fd >= 0)
		fd = open_dir_in(fd, chain[--n]);
	free(chain);
	return fd;
}

static int
open_by_name(struct row *row, int flags, struct stat *st)
{
	struct row *parent = rows_parent(row);
	int dir = parent && !(row->flags & ROW_LOST) ? open_dir(parent) : -ESTALE;

	return dir < 0 ? dir : open_checked(dir, row, flags, st);
}

/* Files --------------------------------------------------------------------- */

/* What portd keeps of it is kept here, too. Whether there is something. */
static bool
take_deposit(const struct row *row)
{
	int fd = row->flags & ROW_DEPOSITED ? trans_deposited(rows_node(row)) : -ENOENT;
	int access = fd < 0 ? 0 : fcntl(fd, F_GETFL) & O_ACCMODE;

	if (fd < 0)
		return false;
	keep(rows_node(row), fd, access != O_WRONLY, access != O_RDONLY);
	return true;
}

/* Any descriptor that there is of it, borrowed, or -ESTALE. */
static int
held(const struct row *row)
{
	struct kept *kept = find(rows_node(row), TO_LOOK);

	if (!kept && take_deposit(row))
		kept = find(rows_node(row), TO_LOOK);
	return kept ? kept->fd : -ESTALE;
}

/* What a descriptor is of, once more. */
static int
open_other(int of, int flags, struct stat *st)
{
	char path[32];
	struct row_id id;
	int fd, err;

	if (of < 0)
		return of;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", of);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = open_identify(fd, &id, st);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int
open_again(struct row *row, int flags, struct stat *st)
{
	flags |= O_NONBLOCK | O_NOCTTY;
	if (row->flags & ROW_LOST)
		return open_other(held(row), flags, st);
	if (rows_is_root(row))
		return open_other(root_is_other ? held(row) : root_fd, flags, st);
	return open_by_name(row, flags, st);
}

static int
open_content(struct row *row, bool to_write)
{
	int fd, flags = to_write ? O_RDWR : O_RDONLY;
	struct stat st;

	fd = open_again(row, flags, &st);
	if (fd == -EACCES && to_write) {
		flags = O_WRONLY;
		fd = open_again(row, flags, &st);
	}
	if (fd >= 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		fd = S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
	}
	if (fd >= 0)
		keep(rows_node(row), fd, flags != O_WRONLY, to_write);
	return fd;
}

/* See mirror-open.h. */
int
open_file(struct row *row, bool to_write)
{
	enum purpose purpose = to_write ? TO_WRITE : TO_READ;
	struct kept *kept = find(rows_node(row), purpose);

	if (!kept && take_deposit(row))
		kept = find(rows_node(row), purpose);
	return kept ? kept->fd : open_content(row, to_write);
}

static int
copy_of(int fd)
{
	int copy = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return fd >= 0 && copy < 0 ? -errno : copy;
}

/* See mirror-open.h. */
int
open_row(struct row *row, struct stat *st)
{
	struct row_id id;
	int err, fd = -ESTALE;

	if (!rows_is_root(row))
		fd = open_by_name(row, O_PATH, st);
	if (fd != -ESTALE)
		return fd;
	/* A file without a name has what was opened before. */
	fd = copy_of(rows_is_root(row) && !root_is_other ? root_fd : held(row));
	if (fd < 0)
		return fd;
	err = open_identify(fd, &id, st);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* See mirror-open.h. */
int
open_look(struct row *dir, const char *name, struct row_id *id, struct stat *st)
{
	int fd = open_dir(dir), err = fd < 0 ? fd : identify_name(fd, name, id, st);

	return err == 0 && is_hidden(dir, name, st->st_mode) ? -ENOENT : err;
}

/* See mirror-open.h. */
int
open_stat(struct row *row, struct stat *st)
{
	struct row *parent = row->flags & ROW_LOST ? NULL : rows_parent(row);
	struct row_id id;
	int fd;

	if (rows_is_root(row) && !root_is_other)
		return open_identify(root_fd, &id, st);
	if (!rows_is_root(row) && parent && open_look(parent, rows_name(row), &id, st) == 0 &&
	    memcmp(&id, &row->id, sizeof(id)) == 0)
		return 0;
	fd = open_row(row, st);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* See mirror-open.h. */
void
open_keep(const struct row *row, int fd, bool to_write)
{
	keep(rows_node(row), fd, true, to_write);
}

/* See mirror-open.h. */
void
open_hold(struct row *row)
{
	struct stat st;
	int fd = find(rows_node(row), TO_LOOK) ? -1 : open_by_name(row, O_PATH, &st);

	if (fd >= 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		open_dir(row);
	} else if (fd >= 0) {
		keep(rows_node(row), fd, false, false);
	}
}

/* Has portd got it? The flag alone, from before a crash, may have come too early. */
static bool
is_deposited(const struct row *row)
{
	int fd = row->flags & ROW_DEPOSITED ? trans_deposited(rows_node(row)) : -ENOENT;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* See mirror-open.h. */
void
open_deposit(struct row *row)
{
	int fd, err;

	if (is_deposited(row))
		return;
	fd = open_file(row, true);
	if (fd < 0)
		fd = open_file(row, false);
	if (fd < 0)
		return;
	/* Said first: a number without a deposit is noticed, a deposit without its number is not. */
	rows_flag(row, ROW_DEPOSITED, 0);
	err = trans_deposit(rows_node(row), fd);
	if (err == 0)
		return;
	rows_flag(row, 0, ROW_DEPOSITED);
	trans_log("a file that is deleted while it is open would not outlive a crash: %s",
	    err == -ENOSPC ? "there are too many of them" : strerror(-err));
}

/* See mirror-open.h. */
void
open_deposit_root(bool to_write)
{
	struct row *root = rows_get(TRANS_ROOT);
	int fd;

	if ((root_deposit_writes || !to_write) && is_deposited(root))
		return;
	fd = open_file(root, to_write);
	if (fd < 0)
		return;
	rows_flag(root, ROW_DEPOSITED, 0);
	if (trans_deposit(TRANS_ROOT, fd) < 0)
		rows_flag(root, 0, ROW_DEPOSITED);
	else
		root_deposit_writes = to_write;
}

/* From start to end ---------------------------------------------------------- */

/* Of one's own, to list and to sync. */
static int
copy_root(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		fd = fcntl(root, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* See mirror-open.h. */
int
open_begin(int root)
{
	const struct row *row = rows_get(TRANS_ROOT);
	struct stat st;
	int err;

	root_fd = copy_root(root);
	if (root_fd < 0)
		return root_fd;
	root_has_handles = has_handles(root_fd);
	err = open_identify(root_fd, &root_id, &st);
	if (err < 0)
		return err;
	root_device = root_id.device ^ (uint64_t)(st.st_mode & S_IFMT) << 48;
	/* What is open was left with portd when it was opened. */
	root_is_other = S_ISREG(st.st_mode) && (row->flags & ROW_OPEN) &&
	    memcmp(&row->id, &root_id, sizeof(root_id)) != 0 && held(row) >= 0;
	if (!root_is_other)
		rows_set_root(&root_id);
	return 0;
}

/* See mirror-open.h. */
bool
open_is_root(int fd)
{
	struct row_id id;
	struct stat st;

	return open_identify(fd, &id, &st) == 0 && memcmp(&id, &root_id, sizeof(id)) == 0;
}

/* See mirror-open.h. */
bool
open_turn_root(void)
{
	bool turned = root_is_other;

	root_is_other = false;
	root_deposit_writes = false;
	if (turned)
		rows_set_root(&root_id);
	return turned;
}

/* See mirror-open.h. */
void
open_end(void)
{
	for (struct kept *kept = all; kept < all + KEPT_MAX; kept++)
		let_go(kept);
	if (root_fd >= 0)
		close(root_fd);
	root_fd = -1;
}
