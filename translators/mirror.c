/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror: a directory or a file, shown and writable in another place.
 *
 * Nodes are rows (rows.h): the tree is others' to change, too, and a successor knows after a
 * crash what the kernel's ids stand for. What cannot be found again by name, a file that lost
 * its name or its permissions while it is open, is left with portd first. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "trans/trans.h"
#include "translators/mirror-filter.h"
#include "translators/mirror-ids.h"
#include "translators/mirror-open.h"
#include "translators/rows.h"

/* For a row that has none until it is lost. */
#define NO_NAME "#"

/* Where a listing ends: file systems say so by the largest offset there is, which the library
 * cannot add to. */
#define END_OF_LISTING (INT64_MAX - 16)

enum { PROC_PATH_MAX = 32, COPY_MAX = 16 << 20 };

static struct trans_file source = { .fd = -1 };
static int read_only;
static const char *const *exclude, *const *include, *const *uid_ranges, *const *gid_ranges;

static const struct trans_option options[] = {
	{ TRANS_OPTION_PATH, "source", 0, TRANS_OPTION_POSITIONAL, &source,
	    "a directory or a file to show; without it, the directory that the node covers" },
	TRANS_FLAG("read-only", 'r', &read_only, "nothing can be changed"),
	TRANS_LIST("exclude", 'x', &exclude, "hides names that match this pattern"),
	TRANS_LIST("include", 'i', &include, "but not those that match this one"),
	TRANS_LIST("uid", 0, &uid_ranges, "FROM:TO[:COUNT], shows users as others"),
	TRANS_LIST("gid", 0, &gid_ranges, "and groups likewise"),
	TRANS_OPTIONS_END
};

static struct ids *uids, *gids;
static bool is_file;		/* is shown, no directory */

/* Helpers ------------------------------------------------------------------- */

static int
last_error(int result)
{
	return result < 0 ? -errno : 0;
}

/* By which a descriptor's file is named to calls that take no O_PATH descriptor. */
static const char *
proc_path(int fd, char path[PROC_PATH_MAX])
{
	snprintf(path, PROC_PATH_MAX, "/proc/self/fd/%d", fd);
	return path;
}

static int
find_row(trans_node_t node, struct row **rowp)
{
	rows_swept();
	*rowp = rows_get(node);
	return *rowp ? 0 : -ESTALE;
}

static bool
is_hidden(const struct row *dir, const char *name, mode_t mode)
{
	return filter_is_on() && filter_hides(&(struct filter_name){ .name = name,
	    .type = mode & S_IFMT, .top = rows_is_root(dir) });
}

/* The directory of a name, for something that changes it. */
static int
find_dir(trans_node_t node, struct row **rowp, int *fdp)
{
	int err = read_only ? -EROFS : find_row(node, rowp);

	if (err < 0)
		return err;
	*fdp = open_dir(*rowp);
	return *fdp < 0 ? *fdp : 0;
}

/* The same, where a name is to be made. */
static int
find_dir_for(trans_node_t node, const char *name, mode_t type, struct row **rowp, int *fdp)
{
	int err = find_dir(node, rowp, fdp);

	if (err == 0 && is_hidden(*rowp, name, type))
		err = -EPERM;
	return err;
}

static void
show_ids(struct stat *st)
{
	st->st_uid = ids_shown(uids, st->st_uid);
	st->st_gid = ids_shown(gids, st->st_gid);
}

/* The row of what has this name now, and what it is like, told to the kernel. */
static int
tell(struct trans_req *req, struct row *parent, const char *name, const struct row_id *id,
    struct stat *st, trans_node_t *nodep)
{
	struct row *row = rows_put(id, parent, name);

	if (!row)
		return trans_error(ENFILE, "too many files are known at once");
	rows_tell(row);
	*nodep = rows_node(row);
	show_ids(st);
	trans_give_stat(req, *nodep, st);
	return 0;
}

/* Looking ------------------------------------------------------------------- */

static int
mirror_lookup(struct trans_req *req, trans_node_t node, const char *name, trans_node_t *nodep)
{
	struct row *parent;
	struct row_id id;
	struct stat st;
	int err = find_row(node, &parent);

	if (err == 0)
		err = open_look(parent, name, &id, &st);
	return err < 0 ? err : tell(req, parent, name, &id, &st, nodep);
}

static int
mirror_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	struct row *row;
	int err = find_row(node, &row);

	(void)req;
	if (err == 0)
		err = open_stat(row, st);
	if (err == 0)
		show_ids(st);
	return err;
}

static void
mirror_forget(trans_node_t node, uint64_t n)
{
	struct row *row = rows_get(node);

	if (row)
		rows_forget(row, n);
	if (row && !rows_get(node))
		open_drop(node);
}

static ssize_t
mirror_readlink(struct trans_req *req, trans_node_t node, char *buf, size_t size)
{
	struct row *row;
	struct stat st;
	ssize_t got;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_row(row, &st);
	if (fd < 0)
		return fd;
	got = readlinkat(fd, "", buf, size);
	err = last_error((int)got);
	close(fd);
	return err < 0 ? err : got;
}

struct dirent_of_kernel {
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Some file systems do not tell the type in a listing. */
static bool
is_hidden_entry(const struct row *dir, int fd, const struct dirent_of_kernel *entry)
{
	mode_t mode = DTTOIF(entry->type);
	struct stat st;

	if (!filter_is_on())
		return false;
	if (entry->type == DT_UNKNOWN && fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		mode = st.st_mode;
	return is_hidden(dir, entry->name, mode);
}

/* Entries of one read; 1: no more fit. */
static int
list(struct trans_dir *to, const struct row *dir, int fd, const char *buf, long size)
{
	for (long at = 0; at < size; ) {
		const struct dirent_of_kernel *entry = (const void *)(buf + at);
		int64_t next = entry->next;

		at += entry->size;
		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0 ||
		    is_hidden_entry(dir, fd, entry))
			continue;
		if (next <= 0 || next > END_OF_LISTING)
			next = END_OF_LISTING;
		if (trans_dir_add(to, &(struct trans_dirent){ .name = entry->name,
		    .node = entry->inode, .mode = DTTOIF(entry->type) }, next))
			return 1;
	}
	return 0;
}

static int
mirror_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *to)
{
	_Alignas(struct dirent_of_kernel) char buf[8192];
	struct row *row;
	long size;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err < 0 || offset == END_OF_LISTING)
		return err;
	fd = open_dir(row);
	if (fd < 0)
		return fd;
	if (lseek(fd, offset, SEEK_SET) < 0)
		return -errno;
	while ((size = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		if (list(to, row, fd, buf, size))
			return 0;
	return last_error((int)size);
}

static int
mirror_statfs(struct trans_req *req, struct statvfs *st)
{
	struct row *root;
	int err = find_row(TRANS_ROOT, &root);

	(void)req;
	return err < 0 ? err : last_error(fstatvfs(open_dir(root), st));
}

/* Content ------------------------------------------------------------------- */

/* Its owner may write to a file that he has just made, whatever its mode; after a crash at that
 * very moment it is a file like any other, and is made writable for as long as it takes. */
static int
open_made(struct row *row)
{
	char path[PROC_PATH_MAX];
	struct stat st;
	int file, fd = open_row(row, &st);

	if (fd < 0)
		return fd;
	proc_path(fd, path);
	file = last_error(chmod(path, (st.st_mode & 07777) | 0600));
	if (file == 0)
		file = open_file(row, true);
	chmod(path, st.st_mode & 07777);
	close(fd);
	return file;
}

static int
mirror_open(struct trans_req *req, trans_node_t node, int flags)
{
	bool to_write = (flags & O_ACCMODE) != O_RDONLY;
	struct row *row;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err == 0 && to_write && read_only)
		err = -EROFS;
	if (err < 0)
		return err;
	fd = open_file(row, to_write);
	if (fd == -EACCES && (flags & O_CREAT))
		fd = open_made(row);
	if (fd < 0)
		return fd;
	rows_flag(row, ROW_OPEN, 0);
	if (rows_is_root(row))
		open_deposit_root(to_write);
	else if (row->flags & ROW_LOST)
		open_deposit(row);	/* by which of its names a successor would find it is not known */
	if (flags & O_CREAT) {
		struct row_id id;
		struct stat st;

		err = open_identify(fd, &id, &st);
		if (err == 0 && (st.st_mode & 0600) != 0600)
			open_deposit(row);
	}
	return err;
}

static void
mirror_close(trans_node_t node)
{
	struct row *row = rows_get(node);

	if (!row)
		return;
	open_drop(node);
	if (row->flags & ROW_DEPOSITED)
		trans_withdraw(node);
	rows_flag(row, 0, ROW_OPEN | ROW_DEPOSITED);
	if (rows_is_root(row) && open_turn_root())
		trans_invalidate(TRANS_ROOT);
}

static ssize_t
mirror_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	struct row *row;
	size_t done = 0;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_file(row, false);
	if (fd < 0)
		return fd;
	while (done < size) {
		ssize_t n = pread(fd, buf + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && done == 0)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t
mirror_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	struct row *row;
	size_t done = 0;
	int fd, err = read_only ? -EROFS : find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_file(row, true);
	if (fd < 0)
		return fd;
	while (done < size) {
		ssize_t n = pwrite(fd, buf + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && done == 0)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int
mirror_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	struct row *row;
	int fd, err = read_only ? -EROFS : find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_file(row, true);
	if (fd < 0)
		return fd;
	err = last_error(ftruncate(fd, size));
	if (!(row->flags & ROW_OPEN))
		open_drop(node);
	return err;
}

static int
mirror_fallocate(struct trans_req *req, trans_node_t node, int mode, off_t offset, off_t length)
{
	struct row *row;
	int fd, err = read_only ? -EROFS : find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_file(row, true);
	return fd < 0 ? fd : last_error(fallocate(fd, mode, offset, length));
}

static off_t
mirror_seek(struct trans_req *req, trans_node_t node, off_t offset, int whence)
{
	struct row *row;
	off_t found;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_file(row, false);
	if (fd < 0)
		return fd;
	found = lseek(fd, offset, whence);
	return found < 0 ? -errno : found;
}

/* Not more at once than others can wait for. */
static ssize_t
mirror_copy(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
    off_t to_offset, size_t size)
{
	struct row *row, *to_row;
	int fd, to_fd, err = read_only ? -EROFS : find_row(from, &row);
	ssize_t n;

	(void)req;
	if (err == 0)
		err = find_row(to, &to_row);
	if (err < 0)
		return err;
	fd = open_file(row, false);
	to_fd = fd < 0 ? fd : open_file(to_row, true);
	if (to_fd < 0)
		return to_fd;
	n = copy_file_range(fd, &from_offset, to_fd, &to_offset,
	    size < COPY_MAX ? size : COPY_MAX, 0);
	return n < 0 ? -errno : n;
}

static int
mirror_fsync(struct trans_req *req, trans_node_t node, int data_only)
{
	struct row *row;
	struct stat st;
	int fd, err = find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	fd = open_row(row, &st);
	if (fd < 0)
		return fd;
	close(fd);
	fd = S_ISDIR(st.st_mode) ? open_dir(row) : open_file(row, true);
	if (fd < 0 && !S_ISDIR(st.st_mode))
		fd = open_file(row, false);
	if (fd < 0)
		return fd;
	return last_error(data_only ? fdatasync(fd) : fsync(fd));
}

/* Attributes ---------------------------------------------------------------- */

static int
change_times(int fd, const struct stat *st, int what)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };

	if (what & TRANS_SET_ATIME)
		times[0] = st->st_atim;
	if (what & TRANS_SET_MTIME)
		times[1] = st->st_mtim;
	return last_error(utimensat(fd, "", times, AT_EMPTY_PATH));
}

static int
change_owner(int fd, const struct stat *st, int what)
{
	uid_t owner = (uid_t)-1;
	gid_t group = (gid_t)-1;

	if ((what & TRANS_SET_UID) && !ids_below(uids, st->st_uid, &owner))
		return -EINVAL;
	if ((what & TRANS_SET_GID) && !ids_below(gids, st->st_gid, &group))
		return -EINVAL;
	return last_error(fchownat(fd, "", owner, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

static int
change(int fd, mode_t mode, const struct stat *st, int what)
{
	char path[PROC_PATH_MAX];
	int err = 0;

	if (what & (TRANS_SET_UID | TRANS_SET_GID))
		err = change_owner(fd, st, what);
	if (err == 0 && (what & TRANS_SET_MODE))
		err = S_ISLNK(mode) ? -EOPNOTSUPP :
		    last_error(chmod(proc_path(fd, path), st->st_mode & 07777));
	if (err == 0 && (what & (TRANS_SET_ATIME | TRANS_SET_MTIME)))
		err = change_times(fd, st, what);
	return err;
}

static int
mirror_change(struct trans_req *req, trans_node_t node, const struct stat *st, int what)
{
	struct row *row;
	struct stat now;
	int fd, err = read_only ? -EROFS : find_row(node, &row);

	(void)req;
	if (err < 0)
		return err;
	if ((what & TRANS_SET_MODE) && (st->st_mode & 0600) != 0600 && (row->flags & ROW_OPEN))
		open_deposit(row);
	fd = open_row(row, &now);
	if (fd < 0)
		return fd;
	err = change(fd, now.st_mode, st, what);
	close(fd);
	return err;
}

/* Others are the kernel's own business, or root's. */
static bool
is_users(const char *name)
{
	return strncmp(name, "user.", 5) == 0;
}

/* A path that leads to the row's file while fd is open. */
static int
open_path(trans_node_t node, bool to_write, char path[PROC_PATH_MAX])
{
	struct row *row;
	struct stat st;
	int fd, err = to_write && read_only ? -EROFS : find_row(node, &row);

	if (err < 0)
		return err;
	fd = open_row(row, &st);
	if (fd >= 0)
		proc_path(fd, path);
	return fd;
}

static ssize_t
mirror_getxattr(struct trans_req *req, trans_node_t node, const char *name, char *value,
    size_t size)
{
	char path[PROC_PATH_MAX];
	ssize_t got;
	int fd = is_users(name) ? open_path(node, false, path) : -ENODATA;

	(void)req;
	if (fd < 0)
		return fd;
	got = getxattr(path, name, value, size);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

static int
mirror_setxattr(struct trans_req *req, trans_node_t node, const char *name, const char *value,
    size_t size, int flags)
{
	char path[PROC_PATH_MAX];
	int err, fd = is_users(name) ? open_path(node, true, path) : -EOPNOTSUPP;

	(void)req;
	if (fd < 0)
		return fd;
	err = last_error(setxattr(path, name, value, size, flags));
	close(fd);
	return err;
}

static int
mirror_removexattr(struct trans_req *req, trans_node_t node, const char *name)
{
	char path[PROC_PATH_MAX];
	int err, fd = is_users(name) ? open_path(node, true, path) : -ENODATA;

	(void)req;
	if (fd < 0)
		return fd;
	err = last_error(removexattr(path, name));
	close(fd);
	return err;
}

/* Leaves in a list what is_users says. */
static ssize_t
keep_users(char *names, ssize_t size)
{
	ssize_t kept = 0;

	for (ssize_t at = 0; at < size; ) {
		ssize_t length = (ssize_t)strlen(names + at) + 1;

		if (is_users(names + at)) {
			memmove(names + kept, names + at, (size_t)length);
			kept += length;
		}
		at += length;
	}
	return kept;
}

static ssize_t
mirror_listxattr(struct trans_req *req, trans_node_t node, char *names, size_t size)
{
	static char all[64 * 1024];	/* the most that a list can be */
	char path[PROC_PATH_MAX];
	ssize_t got;
	int fd = open_path(node, false, path);

	(void)req;
	if (fd < 0)
		return fd;
	got = listxattr(path, all, sizeof(all));
	if (got < 0)
		got = errno == EOPNOTSUPP ? 0 : -errno;
	close(fd);
	if (got > 0)
		got = keep_users(all, got);
	if (got <= 0 || size == 0)
		return got;
	if ((size_t)got > size)
		return -ERANGE;
	memcpy(names, all, (size_t)got);
	return got;
}

/* Names --------------------------------------------------------------------- */

/* Gives what was made to whoever asked for it, as far as that is in our power: root's mirror to
 * anybody, another one to a group that its user is in. The group of a directory that hands on
 * its own stays, and so does ours when nothing below is shown as the caller. name: at `at`, or "" for that itself. */
static int
give_to_caller(struct trans_req *req, int dir_fd, int at, const char *name, mode_t mode)
{
	const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
	struct trans_caller caller = { .size = sizeof(caller) };
	uid_t self = geteuid();
	struct stat st;

	trans_caller(req, &caller);
	if (!ids_below(uids, caller.uid, &caller.uid))
		caller.uid = self;
	if (!ids_below(gids, caller.gid, &caller.gid))
		caller.gid = getegid();
	if (caller.uid == self && caller.gid == getegid())
		return 0;
	if (fstatat(dir_fd, "", &st, AT_EMPTY_PATH) < 0)
		return -errno;
	if (st.st_mode & S_ISGID)
		caller.gid = (gid_t)-1;
	if (self != 0) {
		/* A group that is not the user's is no reason to refuse. */
		(void)!fchownat(at, name, (uid_t)-1, caller.gid, flags);
		return 0;
	}
	if (fchownat(at, name, caller.uid, caller.gid, flags) < 0)
		return -errno;
	if (!(mode & (S_ISUID | S_ISGID)))
		return 0;
	return last_error(*name ? fchmodat(at, name, mode & 07777, 0) : fchmod(at, mode & 07777));
}

static int
make_file(struct trans_req *req, struct row *parent, int fd, const char *name, mode_t mode,
    trans_node_t *nodep)
{
	int err, file = openat(fd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC,
	    mode & 07777);
	struct row_id id;
	struct stat st;

	if (file < 0)
		return -errno;
	err = give_to_caller(req, fd, fd, name, mode);
	if (err == 0)
		err = open_identify(file, &id, &st);
	if (err == 0)
		err = tell(req, parent, name, &id, &st, nodep);
	if (err == 0)
		open_keep(rows_get(*nodep), file, true);
	else
		close(file);
	return err;
}

/* What was made just now. */
static int
tell_made(struct trans_req *req, struct row *parent, const char *name, int err,
    trans_node_t *nodep)
{
	return err < 0 ? err : mirror_lookup(req, rows_node(parent), name, nodep);
}

static int
mirror_create(struct trans_req *req, trans_node_t node, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep)
{
	struct row *parent;
	int fd, err = find_dir_for(node, name, mode, &parent, &fd);

	if (err < 0)
		return err;
	if (S_ISREG(mode))
		return make_file(req, parent, fd, name, mode, nodep);
	err = last_error(mknodat(fd, name, mode, rdev));
	if (err == 0)
		err = give_to_caller(req, fd, fd, name, mode);
	return tell_made(req, parent, name, err, nodep);
}

static int
mirror_mkdir(struct trans_req *req, trans_node_t node, const char *name, mode_t mode,
    trans_node_t *nodep)
{
	struct row *parent;
	int fd, err = find_dir_for(node, name, S_IFDIR, &parent, &fd);

	if (err < 0)
		return err;
	err = last_error(mkdirat(fd, name, mode));
	if (err == 0)
		err = give_to_caller(req, fd, fd, name, 0);
	return tell_made(req, parent, name, err, nodep);
}

static int
mirror_symlink(struct trans_req *req, trans_node_t node, const char *name, const char *target,
    trans_node_t *nodep)
{
	struct row *parent;
	int fd, err = find_dir_for(node, name, S_IFLNK, &parent, &fd);

	if (err < 0)
		return err;
	err = last_error(symlinkat(target, fd, name));
	if (err == 0)
		err = give_to_caller(req, fd, fd, name, 0);
	return tell_made(req, parent, name, err, nodep);
}

/* A row that has no name, and a descriptor that portd keeps, too. */
static int
mirror_tmpfile(struct trans_req *req, trans_node_t node, mode_t mode, trans_node_t *nodep)
{
	struct row *parent, *row;
	struct row_id id;
	struct stat st;
	int file, fd, err = find_dir(node, &parent, &fd);

	if (err < 0)
		return err;
	file = openat(fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode & 07777);
	if (file < 0)
		return -errno;
	err = give_to_caller(req, fd, file, "", mode);
	if (err == 0)
		err = open_identify(file, &id, &st);
	if (err == 0)
		err = tell(req, parent, NO_NAME, &id, &st, nodep);
	if (err < 0) {
		close(file);
		return err;
	}
	row = rows_get(*nodep);
	rows_lose(row, false);
	rows_flag(row, ROW_OPEN, 0);
	open_keep(row, file, true);
	open_deposit(row);
	return 0;
}

static int
mirror_link(struct trans_req *req, trans_node_t node, trans_node_t new_dir, const char *name)
{
	char path[PROC_PATH_MAX];
	struct row *parent, *row;
	struct stat st;
	int to, fd = open_path(node, true, path);
	int err = fd < 0 ? fd : last_error(fstat(fd, &st));

	(void)req;
	if (err == 0)
		err = find_dir_for(new_dir, name, st.st_mode, &parent, &to);
	if (err == 0)
		err = last_error(linkat(AT_FDCWD, path, to, name, AT_SYMLINK_FOLLOW));
	row = rows_get(node);
	if (err == 0 && row && (row->flags & ROW_LOST))
		rows_put(&row->id, parent, name);
	if (fd >= 0)
		close(fd);
	return err;
}

/* What a name leads to. */
struct named {
	struct row *row;	/* NULL: it is not known */
	bool last;		/* it is a directory, or has no other name */
	mode_t mode;		/* 0: nothing */
};

/* Before this name of it goes. */
static void
save(const struct named *named)
{
	if (named->row && (!named->last || !S_ISREG(named->mode)))
		open_hold(named->row);
	if (named->row && (named->row->flags & ROW_OPEN))
		open_deposit(named->row);
}

/* 0 or -errno. */
static int
find_named(struct row *parent, const char *name, struct named *named)
{
	struct row_id id;
	struct stat st;
	int err = open_look(parent, name, &id, &st);

	if (err < 0)
		return err;
	named->row = rows_find(&id);
	named->last = S_ISDIR(st.st_mode) || st.st_nlink <= 1;
	named->mode = st.st_mode;
	return 0;
}

/* This name of it is gone. */
static void
lose(const struct named *named, struct row *parent, const char *name)
{
	if (named->row && (named->last || rows_is_at(named->row, parent, name)))
		rows_lose(named->row, named->last);
}

static int
remove_name(trans_node_t node, const char *name, int flags)
{
	struct named named;
	struct row *parent;
	int fd, err = find_dir(node, &parent, &fd);

	if (err == 0)
		err = find_named(parent, name, &named);
	if (err < 0)
		return err;
	save(&named);
	fd = open_dir(parent);
	err = fd < 0 ? fd : last_error(unlinkat(fd, name, flags));
	if (err == 0)
		lose(&named, parent, name);
	return err;
}

static int
mirror_unlink(struct trans_req *req, trans_node_t node, const char *name)
{
	(void)req;
	return remove_name(node, name, 0);
}

static int
mirror_rmdir(struct trans_req *req, trans_node_t node, const char *name)
{
	(void)req;
	return remove_name(node, name, AT_REMOVEDIR);
}

/* A file that is known and has a new name; where no room is left for that, it is known no more. */
static void
move(const struct named *named, struct row *parent, const char *name)
{
	if (named->row && !rows_put(&named->row->id, parent, name))
		rows_lose(named->row, false);
}

static int
rename_in(struct row *from, const char *name, struct row *to, const char *new_name, unsigned flags)
{
	/* One call may close what the other gave. */
	int err, new_fd, fd = open_dir(from);

	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	new_fd = open_dir(to);
	err = new_fd < 0 ? new_fd : last_error(renameat2(fd, name, new_fd, new_name, flags));
	close(fd);
	return err;
}

static int
mirror_rename(struct trans_req *req, trans_node_t node, const char *name, trans_node_t new_node,
    const char *new_name, unsigned flags)
{
	struct named named, target = { .row = NULL };
	struct row *from, *to;
	int err = read_only ? -EROFS : find_row(node, &from);

	(void)req;
	if (err == 0)
		err = find_row(new_node, &to);
	if (err == 0)
		err = find_named(from, name, &named);
	if (err < 0)
		return err;
	find_named(to, new_name, &target);	/* there need not be one */
	if (is_hidden(to, new_name, named.mode) ||
	    ((flags & RENAME_EXCHANGE) && is_hidden(from, name, target.mode)))
		return -EPERM;
	if (!(flags & RENAME_EXCHANGE) && target.row != named.row)
		save(&target);
	err = rename_in(from, name, to, new_name, flags);
	/* Two names of one file stay as they are. */
	if (err < 0 || (named.row && named.row == target.row))
		return err;
	if (flags & RENAME_EXCHANGE)
		move(&target, from, name);
	else
		lose(&target, to, new_name);
	move(&named, to, new_name);
	return 0;
}

/* From start to end ---------------------------------------------------------- */

/* Takes the options as they are now, all or none. */
static int
configure(void)
{
	struct ids *new_uids = NULL, *new_gids = NULL;
	int err = ids_new(&new_uids, "uid", uid_ranges);

	if (err == 0)
		err = ids_new(&new_gids, "gid", gid_ranges);
	if (err == 0)
		err = filter_set(include, exclude);
	if (err < 0) {
		ids_free(new_uids);
		ids_free(new_gids);
		return err;
	}
	ids_free(uids);
	ids_free(gids);
	uids = new_uids;
	gids = new_gids;
	return 0;
}

static int
mirror_check(void)
{
	struct stat st;

	if (source.fd < 0 && source.path)
		return trans_error(ENOENT, "%s: cannot be opened", source.path);
	if (source.fd >= 0 && fstat(source.fd, &st) < 0)
		return trans_error(errno, "%s: %s", source.path, strerror(errno));
	is_file = source.fd >= 0 && S_ISREG(st.st_mode);
	if (source.fd >= 0 && !is_file && !S_ISDIR(st.st_mode))
		return trans_error(EINVAL, "%s: it is neither a regular file nor a directory",
		    source.path);
	if (is_file && (exclude || include))
		return trans_error(EINVAL, "%s: it is a file; --exclude and --include are for "
		    "directories", source.path);
	trans_kind(is_file ? TRANS_FILE : TRANS_DIR);
	if (!read_only)
		trans_needs(TRANS_NEEDS_WRITE);
	return configure();
}

static int
mirror_start(void)
{
	int err, root = source.fd >= 0 ? source.fd : trans_underlying();
	size_t size;
	void *memory = trans_memory(&size);

	if (root < 0)
		return trans_error(ENOENT, "there is no directory to show");
	umask(0);	/* the kernel has applied the caller's */
	err = rows_open(memory, size);
	if (err == 0)
		err = open_begin(root);
	if (err == 0)
		err = rows_sweep();
	return err < 0 ? trans_error(-err, "%s: %s", source.path ? source.path : "what it covers",
	    strerror(-err)) : 0;
}

static int
mirror_changed(void)
{
	int err = 0;

	if (!open_is_root(source.fd >= 0 ? source.fd : trans_underlying()))
		err = trans_error(EOPNOTSUPP, "another source cannot be shown while this runs: "
		    "set it anew with settrans");
	if (err == 0 && is_file && (exclude || include))
		err = trans_error(EINVAL, "--exclude and --include are for directories");
	if (err == 0)
		err = configure();
	if (err == 0)
		open_flush();
	return err;
}

static int
mirror_sync(void)
{
	struct row *root = rows_get(TRANS_ROOT);

	return read_only || !root ? 0 : last_error(syncfs(open_dir(root)));
}

static void
mirror_stop(void)
{
	open_end();
	rows_close();
	ids_free(uids);
	ids_free(gids);
}

static const struct trans_ops mirror = {
	TRANS_OPS,
	.summary = "a directory or a file in another place",
	.kind = TRANS_DIR,
	.nature = TRANS_ELSEWHERE,
	.options = options,
	.check = mirror_check,
	.start = mirror_start,
	.changed = mirror_changed,
	.sync = mirror_sync,
	.stop = mirror_stop,
	.stat = mirror_stat,
	.read = mirror_read,
	.write = mirror_write,
	.truncate = mirror_truncate,
	.lookup = mirror_lookup,
	.readdir = mirror_readdir,
	.readlink = mirror_readlink,
	.create = mirror_create,
	.mkdir = mirror_mkdir,
	.symlink = mirror_symlink,
	.link = mirror_link,
	.unlink = mirror_unlink,
	.rmdir = mirror_rmdir,
	.rename = mirror_rename,
	.change = mirror_change,
	.open = mirror_open,
	.close = mirror_close,
	.fsync = mirror_fsync,
	.statfs = mirror_statfs,
	.getxattr = mirror_getxattr,
	.setxattr = mirror_setxattr,
	.listxattr = mirror_listxattr,
	.removexattr = mirror_removexattr,
	.tmpfile = mirror_tmpfile,
	.fallocate = mirror_fallocate,
	.seek = mirror_seek,
	.copy = mirror_copy,
	.forget = mirror_forget,
};

int
main(int argc, char **argv)
{
	return trans_main(&mirror, argc, argv);
}
