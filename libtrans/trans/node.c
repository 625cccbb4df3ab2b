/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node: every default answer, in one place.
 *
 * Attributes start from the node that is covered: its permissions (without
 * write where nothing can be written) and its times, so that chmod and touch on
 * a file node are kept by that node and outlive us. Its size says nothing about
 * ours. A directory beneath a mount has a mode that portd gave it, so a directory node
 * has a mode of its own. */
#include "trans/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trans/tree.h"
#include "trans/standin.h"
#include "trans/translator.h"
#include "trans/wake.h"

/* Whether the library answers for a tree, ready or not. */
bool
node_has_tree(void)
{
	return translator.ops.tree != NULL;
}

/* The tree when it can be looked into: 1; 0: not yet; -errno. */
static int
find_tree(struct trans_tree **treep)
{
	struct trans_tree *tree = *translator.ops.tree;
	int state = tree ? tree_state(tree) : -EIO;

	*treep = tree;
	return state;
}

/* Whether attributes are what they will stay. */
bool
node_is_settled(void)
{
	struct trans_tree *tree;

	return !node_has_tree() || find_tree(&tree) == 1;
}

/* Whether the tree is being filled. */
bool
node_is_pending(void)
{
	struct trans_tree *tree;

	return node_has_tree() && find_tree(&tree) == 0;
}

static void
wake(void *unused)
{
	(void)unused;
	wake_main();
}

/* Has the main thread woken (look at node_is_pending then) when the tree that there
 * is now is finished. To be called for each new one. */
void
node_on_ready(void)
{
	if (node_has_tree() && *translator.ops.tree)
		tree_on_ready(*translator.ops.tree, wake, NULL);
}

/* See node.h. */
bool
node_is_writable(void)
{
	const struct trans_ops *ops = &translator.ops;

	return ops->write || ops->truncate || ops->create || ops->mkdir || ops->symlink ||
	    ops->link || ops->unlink || ops->rmdir || ops->rename || ops->change || ops->setxattr ||
	    ops->removexattr;
}

/* See node.h. */
int
node_cannot(void)
{
	return node_is_writable() ? -EOPNOTSUPP : -EROFS;
}

/* How many nodes a finished tree has; 0 when nobody knows. */
static uint64_t
count(void)
{
	struct trans_tree *tree;

	return node_has_tree() && find_tree(&tree) == 1 ? tree_count(tree) : 0;
}

/* Attributes ------------------------------------------------------------- */

enum { BENEATH_MS = 1000 };

static mode_t
default_mode(trans_node_t node, const struct stat *covered)
{
	bool dir = node == TRANS_ROOT && translator.ops.kind == TRANS_DIR;
	mode_t permissions = covered && S_ISREG(covered->st_mode) ? covered->st_mode & 0777 : 0644;

	if (dir)
		return S_IFDIR | (node_is_writable() ? 0755 : 0555);
	return S_IFREG | (node_is_writable() ? permissions : permissions & ~(mode_t)0222);
}

/* The node beneath, as it is; for what stands inside a directory, as it was when the root was
 * looked at: that would be a system call a request. Of a directory, whose attributes the kernel wants
 * with each name, as it was a moment ago: the mount keeps others from changing what it covers.
 * NULL: there is none. */
static const struct stat *
look_beneath(trans_node_t node)
{
	static struct stat beneath;
	static int seen = -1;
	static int64_t seen_at;
	bool old = node == TRANS_ROOT && (translator.ops.kind != TRANS_DIR ||
	    standin_since() - seen_at >= BENEATH_MS);

	if (translator.underlying < 0)
		return NULL;
	if (old || seen != translator.underlying) {
		seen = -1;
		if (fstatat(translator.underlying, "", &beneath, AT_EMPTY_PATH) < 0)
			return NULL;
		seen = translator.underlying;
		seen_at = standin_since();
	}
	return &beneath;
}

static void
fill_default(trans_node_t node, struct stat *st)
{
	static uid_t uid = (uid_t)-1;
	static gid_t gid;
	const struct stat *covered = look_beneath(node);

	if (uid == (uid_t)-1) {
		uid = getuid();
		gid = getgid();
	}
	*st = (struct stat){
		.st_ino = node,
		.st_mode = default_mode(node, covered),
		.st_nlink = 1,
		.st_uid = uid,
		.st_gid = gid,
		.st_blksize = 4096,
		.st_blocks = -1,	/* by the size, unless somebody says otherwise */
	};
	if (covered) {
		st->st_atim = covered->st_atim;
		st->st_mtim = covered->st_mtim;
		st->st_ctim = covered->st_ctim;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
}

/* The root answers at once, whatever the tree is doing: who lists the parent
 * directory must not wait for an index. */
static int
stat_in_tree(struct trans_req *req, trans_node_t node, struct stat *st)
{
	struct trans_tree *tree;
	struct stat found = { 0 };
	int state = find_tree(&tree), err;

	if (state == 0 && node != TRANS_ROOT)
		return req_wait(req);
	if (state <= 0)
		return node == TRANS_ROOT ? 0 : state;
	err = tree_stat(tree, node, &found);
	if (err < 0)
		return err;
	found.st_uid = st->st_uid;
	found.st_gid = st->st_gid;
	found.st_blocks = st->st_blocks;
	if (node == TRANS_ROOT && found.st_mtim.tv_sec == 0) {
		found.st_atim = st->st_atim;
		found.st_mtim = st->st_mtim;
		found.st_ctim = st->st_ctim;
	}
	*st = found;
	return 0;
}

static bool
type_is_right(trans_node_t node, mode_t mode)
{
	if (node != TRANS_ROOT)
		return true;
	return translator.ops.kind == TRANS_DIR ? S_ISDIR(mode) : S_ISREG(mode);
}

/* Takes what a callback gave of that node in this request. */
static bool
take_given(struct trans_req *req, trans_node_t node, struct stat *st)
{
	bool given = req->given != 0 && req->given == node;

	if (given)
		*st = req->given_st;
	req->given = 0;
	return given;
}

/* The attributes of a node. The type of the root is not the author's to change:
 * the kernel has a mount of that kind. */
int
node_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	struct stat made;
	int err = 0;

	fill_default(node, &made);
	if (take_given(req, node, &made))
		err = 0;
	else if (node_has_tree())
		err = stat_in_tree(req, node, &made);
	else if (translator.ops.stat)
		err = translator.ops.stat(req, node, &made);
	else if (node != TRANS_ROOT && translator.ops.kind != TRANS_DIR)
		err = -ESTALE;
	if (err < 0)
		return err;
	if (!type_is_right(node, made.st_mode)) {
		trans_log("its stat gives the root the type 0%o: this node is a %s",
		    made.st_mode & S_IFMT, translator.ops.kind == TRANS_DIR ? "directory" : "file");
		return -EIO;
	}
	if (made.st_ino == 0)
		made.st_ino = node;
	if (made.st_blocks < 0)
		made.st_blocks = made.st_size / 512 + (made.st_size % 512 != 0);
	*st = made;
	return 0;
}

static int
change_size(struct trans_req *req, trans_node_t node, off_t size)
{
	if (node_has_tree())
		return -EROFS;
	if (translator.ops.truncate)
		return translator.ops.truncate(req, node, size);
	if (!translator.ops.write)
		return node_cannot();
	/* What has no size can be cut to any. */
	return translator.ops.nature == TRANS_GENERATED ? 0 : -EOPNOTSUPP;
}

/* To be changed by descriptor: a sandbox does not know which files a path may name. */
static int
open_covered(void)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", translator.underlying);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Mode and times of a file node are those of the file that it covers; what is
 * underneath by settrans -U may be something else, and is left alone then. */
static int
change_covered(const struct stat *st, int what)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	AUTO_CLOSE int fd = -1;
	struct stat covered;

	if (fstatat(translator.underlying, "", &covered, AT_EMPTY_PATH) < 0)
		return -errno;
	if (!S_ISREG(covered.st_mode))
		return node_cannot();
	fd = open_covered();
	if (fd < 0)
		return fd;
	if ((what & TRANS_SET_MODE) && fchmod(fd, st->st_mode & 0777) < 0)
		return -errno;
	if (what & TRANS_SET_ATIME)
		times[0] = st->st_atim;
	if (what & TRANS_SET_MTIME)
		times[1] = st->st_mtim;
	if (!(what & (TRANS_SET_ATIME | TRANS_SET_MTIME)))
		return 0;
	return futimens(fd, times) < 0 ? -errno : 0;
}

/* What says that something was done just now, and no more: a program that makes a file touches it,
 * truncate(2) sets the time with the size. Where no times are kept but those that an author
 * gives, it is no error; a time that is to be remembered is. */
static bool
is_touch(const struct stat *st, int what)
{
	return !(what & ~(NODE_SET_SIZE | TRANS_SET_ATIME | TRANS_SET_MTIME)) &&
	    (!(what & TRANS_SET_MTIME) || st->st_mtim.tv_nsec == UTIME_NOW) &&
	    (!(what & TRANS_SET_ATIME) || st->st_atim.tv_nsec == UTIME_NOW);
}

/* Changes what TRANS_SET_* and NODE_SET_SIZE say. */
int
node_change(struct trans_req *req, trans_node_t node, const struct stat *st, int what)
{
	bool covers = translator.ops.kind == TRANS_FILE && node == TRANS_ROOT &&
	    translator.underlying >= 0;
	int err;

	if ((what & NODE_SET_SIZE) && !req->again &&
	    (err = change_size(req, node, st->st_size)) < 0)
		return err;
	if (!(what & ~NODE_SET_SIZE))
		return 0;
	if (translator.ops.change)
		return translator.ops.change(req, node, st, what & ~NODE_SET_SIZE);
	if (!covers)
		return node_is_writable() && is_touch(st, what) ? 0 : node_cannot();
	if (what & (TRANS_SET_UID | TRANS_SET_GID))
		return -EPERM;
	return change_covered(st, what);
}

/* Directories ------------------------------------------------------------- */

/* The node of a name; "." and ".." are not asked for. */
int
node_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	struct trans_tree *tree;
	trans_node_t node = 0;
	int err;

	if (node_has_tree()) {
		int state = find_tree(&tree);

		if (state == 0)
			return req_wait(req);
		return state < 0 ? state : tree_lookup(tree, dir, name, nodep);
	}
	if (!translator.ops.lookup)
		return -ENOENT;
	err = translator.ops.lookup(req, dir, name, &node);
	if (err < 0)
		return err;
	if (node == 0 || node == TRANS_ROOT) {
		trans_log("its lookup gives node %d, which cannot be an entry's", (int)node);
		return -EIO;
	}
	*nodep = node;
	return 0;
}

/* A listing on its way: "." is at offset 1, ".." at 2, and the author's own
 * offsets come after those. */
enum { DOT = 1, DOT_DOT = 2 };

struct trans_dir {
	node_dirent_fn *fill;
	void *argument;
};

static int
put_entry(void *argument, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	struct trans_dir *dir = argument;

	if (next <= 0 || next > INT64_MAX - DOT_DOT)
		return 1;
	return dir->fill(dir->argument, name, node, mode, next + DOT_DOT) ? 1 : 0;
}

/* See trans.h. */
int
trans_dir_add(struct trans_dir *dir, const struct trans_dirent *entry, off_t next)
{
	return put_entry(dir, entry->name, entry->node, entry->mode, next);
}

static int
put_dots(struct trans_dir *dir, trans_node_t node, trans_node_t parent, off_t *offsetp)
{
	if (*offsetp < DOT && dir->fill(dir->argument, ".", node, S_IFDIR, DOT))
		return 1;
	if (*offsetp < DOT_DOT && dir->fill(dir->argument, "..", parent, S_IFDIR, DOT_DOT))
		return 1;
	*offsetp = *offsetp <= DOT_DOT ? 0 : *offsetp - DOT_DOT;
	return 0;
}

/* Lists a directory from `offset`, which is 0 or what fill got as `next`. */
int
node_readdir(struct trans_req *req, trans_node_t node, off_t offset, node_dirent_fn *fill,
    void *argument)
{
	struct trans_dir dir = { .fill = fill, .argument = argument };
	struct trans_tree *tree = NULL;
	trans_node_t parent = TRANS_ROOT;

	if (node_has_tree()) {
		int state = find_tree(&tree);

		if (state == 0)
			return req_wait(req);
		if (state < 0)
			return state;
		parent = tree_parent(tree, node);
		if (parent == 0)
			return -ESTALE;
	}
	if (put_dots(&dir, node, parent, &offset))
		return 0;
	if (tree)
		return tree_readdir(tree, node, offset, put_entry, &dir);
	if (!translator.ops.readdir)
		return translator.ops.kind == TRANS_DIR ? 0 : -ENOTDIR;
	return translator.ops.readdir(req, node, offset, &dir);
}

/* The names in the root of a finished tree; nothing, when there is none. */
void
node_list_root(node_dirent_fn *fill, void *argument)
{
	struct trans_tree *tree;

	if (node_has_tree() && find_tree(&tree) == 1)
		tree_readdir(tree, TRANS_ROOT, 0, fill, argument);
}

/* The target of a link, at most size bytes, without NUL. */
ssize_t
node_readlink(struct trans_req *req, trans_node_t node, char *buf, size_t size)
{
	struct trans_tree *tree;

	if (node_has_tree()) {
		int state = find_tree(&tree);

		if (state == 0)
			return req_wait(req);
		return state < 0 ? state : tree_readlink(tree, node, buf, size);
	}
	if (!translator.ops.readlink)
		return -EINVAL;
	return translator.ops.readlink(req, node, buf, size);
}

/* Content ---------------------------------------------------------------- */

/* At most size bytes from offset on. */
ssize_t
node_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	struct trans_tree *tree;
	ssize_t got;

	if (node_has_tree()) {
		int state = find_tree(&tree);

		if (state <= 0)
			return state == 0 ? req_wait(req) : state;
	}
	if (!translator.ops.read)
		return -EOPNOTSUPP;
	got = translator.ops.read(req, node, buf, size, offset);
	if (got > 0 && (size_t)got > size) {
		trans_log("its read gives %zd bytes of %zu", got, size);
		return -EIO;
	}
	return got;
}

/* Of a request that was put off and then answered 0: it is all written. */
ssize_t
node_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	ssize_t put;

	if (!translator.ops.write)
		return node_cannot();
	if (req->again)
		return (ssize_t)size;
	put = translator.ops.write(req, node, buf, size, offset);
	if (put > 0 && (size_t)put > size) {
		trans_log("its write took %zd bytes of %zu", put, size);
		return -EIO;
	}
	return put;
}

/* Opens: what the flags ask for, as far as it is not the kernel's to check. */
int
node_open(struct trans_req *req, trans_node_t node, int flags)
{
	if ((flags & O_ACCMODE) != O_RDONLY && !node_is_writable())
		return -EROFS;
	return translator.ops.open ? translator.ops.open(req, node, flags) : 0;
}

/* The last of its opens is gone. */
void
node_close(trans_node_t node)
{
	if (translator.ops.close)
		translator.ops.close(node);
}

/* See node.h; as the kernel does it for its own file systems. */
int
node_kill_set_id(struct trans_req *req, trans_node_t node)
{
	struct stat st;
	mode_t bits;
	int err = node_stat(req, node, &st);

	if (err != 0)
		return err;
	bits = st.st_mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID;
	if (S_ISDIR(st.st_mode) || !(st.st_mode & bits) || !translator.ops.change)
		return 0;
	st.st_mode &= ~bits;
	return translator.ops.change(req, node, &st, TRANS_SET_MODE);
}

/* See trans.h. */
int
node_fallocate(struct trans_req *req, trans_node_t node, int mode, off_t offset, off_t length)
{
	if (!translator.ops.fallocate)
		return -EOPNOTSUPP;
	return req->again ? 0 : translator.ops.fallocate(req, node, mode, offset, length);
}

/* See trans.h. Otherwise data to the end, and one hole after it. */
off_t
node_seek(struct trans_req *req, trans_node_t node, off_t offset, int whence)
{
	struct stat st;
	int err;

	if (translator.ops.seek && !node_has_tree())
		return translator.ops.seek(req, node, offset, whence);
	err = node_stat(req, node, &st);
	if (err < 0)
		return err;
	if (offset >= st.st_size)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : st.st_size;
}

/* See trans.h. */
ssize_t
node_copy(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
    off_t to_offset, size_t size)
{
	ssize_t n;

	if (!translator.ops.copy)
		return -EOPNOTSUPP;
	n = translator.ops.copy(req, from, from_offset, to, to_offset, size);
	if (n > 0 && (size_t)n > size) {
		trans_log("its copy took %zd bytes of %zu", n, size);
		return -EIO;
	}
	return n;
}

/* See trans.h. */
int
node_ioctl(struct trans_req *req, trans_node_t node, unsigned command, const void *in,
    size_t in_size, void *out, size_t out_size)
{
	if (!translator.ops.ioctl)
		return -ENOTTY;
	return translator.ops.ioctl(req, node, command, in, in_size, out, out_size);
}

/* See trans.h. */
int
node_poll(struct trans_req *req, trans_node_t node)
{
	if (!translator.ops.poll)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	return translator.ops.poll(req, node);
}

/* Brings it where it outlives us. */
int
node_fsync(struct trans_req *req, trans_node_t node, bool data_only)
{
	if (translator.ops.fsync)
		return translator.ops.fsync(req, node, data_only);
	return translator.ops.sync ? translator.ops.sync() : 0;
}

/* What the file system is like as a whole. */
int
node_statfs(struct trans_req *req, struct statvfs *st)
{
	struct statvfs made = { .f_bsize = 4096, .f_frsize = 4096, .f_files = count(),
	    .f_namemax = NAME_MAX };
	int err = translator.ops.statfs ? translator.ops.statfs(req, &made) : 0;

	if (err == 0)
		*st = made;
	return err;
}

/* Extended attributes ----------------------------------------------------- */

static ssize_t
check_size(ssize_t got, size_t size, const char *what)
{
	if (got <= 0 || size == 0 || (size_t)got <= size)
		return got;
	trans_log("its %s gives %zd bytes of %zu", what, got, size);
	return -EIO;
}

/* As getxattr(2). */
ssize_t
node_getxattr(struct trans_req *req, trans_node_t node, const char *name, char *value, size_t size)
{
	if (!translator.ops.getxattr)
		return -ENODATA;
	return check_size(translator.ops.getxattr(req, node, name, value, size), size, "getxattr");
}

/* As setxattr(2). */
int
node_setxattr(struct trans_req *req, trans_node_t node, const char *name, const char *value,
    size_t size, int flags)
{
	if (!translator.ops.setxattr)
		return -EOPNOTSUPP;
	return translator.ops.setxattr(req, node, name, value, size, flags);
}

/* As listxattr(2). */
ssize_t
node_listxattr(struct trans_req *req, trans_node_t node, char *list, size_t size)
{
	if (!translator.ops.listxattr)
		return 0;
	return check_size(translator.ops.listxattr(req, node, list, size), size, "listxattr");
}

/* As removexattr(2). */
int
node_removexattr(struct trans_req *req, trans_node_t node, const char *name)
{
	if (!translator.ops.removexattr)
		return -ENODATA;
	return translator.ops.removexattr(req, node, name);
}

/* See node.h. */
void
node_forget(trans_node_t node, uint64_t n)
{
	if (translator.ops.forget && !node_has_tree())
		translator.ops.forget(node, n);
}
