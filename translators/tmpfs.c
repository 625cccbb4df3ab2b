/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs: a directory tree in memory that can be written, and outlives its process.
 *
 * The tree is in recovery memory as a whole (tmpfs-region.h says how), so that a successor goes
 * on with it wherever this process ended. Here is only the table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "trans/trans.h"
#include "translators/tmpfs-store.h"
#include "translators/tmpfs-xattr.h"

static uint64_t limit;		/* 0: half of what there is */
static const char *root_mode = "0755";
static struct store *store;

static const struct trans_option options[] = {
	TRANS_SIZE("size", 's', &limit, "how much may be in it; 0 is half of what is possible"),
	TRANS_STRING("mode", 'm', &root_mode, "permissions of the top directory at first, octal"),
	TRANS_OPTIONS_END
};

static struct timespec
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time;
}

/* Life -------------------------------------------------------------------------- */

static int
parse_mode(mode_t *modep)
{
	char *end;
	unsigned long mode = strtoul(root_mode, &end, 8);

	if (root_mode[0] < '0' || root_mode[0] > '7' || *end != '\0' || mode > 07777)
		return trans_error(EINVAL, "--mode=%s: not a mode: give it as 0755 or 1777",
		    root_mode);
	*modep = (mode_t)mode;
	return 0;
}

static int
tmpfs_check(void)
{
	mode_t mode;

	return parse_mode(&mode);
}

static int
set_limit(void)
{
	uint64_t capacity = store_capacity(store);

	if (limit > capacity)
		trans_log("--size: no more than %llu bytes are possible here",
		    (unsigned long long)capacity);
	store_set_limit(store, limit != 0 ? limit : capacity / 2);
	return 0;
}

static int
tmpfs_start(void)
{
	struct store_setup setup = { .uid = getuid(), .gid = getgid(), .now = now() };
	enum store_origin origin;
	size_t size = 0;
	void *memory = trans_memory(&size);
	int err = parse_mode(&setup.mode);

	if (err < 0)
		return err;
	if (!memory)
		return trans_error(ENOMEM, "no memory was given that outlives a crash");
	if (getrandom(&setup.seed, sizeof(setup.seed), 0) < 0)
		return -errno;
	err = store_new(memory, size, &setup, &origin, &store);
	if (err < 0)
		return trans_error(-err, "%zu bytes of memory: %s", size, strerror(-err));
	if (origin == STORE_REFUSED)
		trans_log("the memory that the last process left is damaged: "
		    "all files are lost, the tree is empty");
	return set_limit();
}

static void
tmpfs_stop(void)
{
	store_free(store);
	store = NULL;
}

/* Asking ------------------------------------------------------------------------ */

static int
tmpfs_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	return store_stat(store, node, st);
}

static int
tmpfs_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	(void)req;
	return store_lookup(store, dir, name, nodep);
}

static int
add_entry(void *argument, const struct store_dirent *entry)
{
	const struct trans_dirent shown = { entry->name, entry->node, entry->mode };

	return trans_dir_add(argument, &shown, (off_t)entry->next);
}

static int
tmpfs_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir)
{
	(void)req;
	return store_list(store, node, (uint64_t)offset, add_entry, dir);
}

static ssize_t
tmpfs_readlink(struct trans_req *req, trans_node_t node, char *buf, size_t size)
{
	(void)req;
	return store_readlink(store, node, buf, size);
}

static ssize_t
tmpfs_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req;
	return store_read(store, node, buf, size, (uint64_t)offset);
}

static int
tmpfs_statfs(struct trans_req *req, struct statvfs *st)
{
	(void)req;
	store_statfs(store, st);
	return 0;
}

static ssize_t
tmpfs_getxattr(struct trans_req *req, trans_node_t node, const char *name, char *value,
    size_t size)
{
	(void)req;
	return xattr_get(store, node, name, value, size);
}

static ssize_t
tmpfs_listxattr(struct trans_req *req, trans_node_t node, char *list, size_t size)
{
	(void)req;
	return xattr_list(store, node, list, size);
}

/* Changing ---------------------------------------------------------------------- */

static int
make(struct trans_req *req, trans_node_t dir, const char *name, struct store_new_node new,
    trans_node_t *nodep)
{
	struct trans_caller caller = { .size = sizeof(caller) };
	struct timespec time = now();

	trans_caller(req, &caller);
	new.uid = caller.uid;
	new.gid = caller.gid;
	return store_make(store, dir, name, &new, &time, nodep);
}

static int
tmpfs_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep)
{
	return make(req, dir, name, (struct store_new_node){ .mode = mode, .rdev = rdev }, nodep);
}

static int
tmpfs_mkdir(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
    trans_node_t *nodep)
{
	return make(req, dir, name, (struct store_new_node){ .mode = S_IFDIR | (mode & 07777) },
	    nodep);
}

static int
tmpfs_symlink(struct trans_req *req, trans_node_t dir, const char *name, const char *target,
    trans_node_t *nodep)
{
	return make(req, dir, name, (struct store_new_node){ .mode = S_IFLNK | 0777,
	    .target = target }, nodep);
}

static int
tmpfs_tmpfile(struct trans_req *req, trans_node_t dir, mode_t mode, trans_node_t *nodep)
{
	struct trans_caller caller = { .size = sizeof(caller) };
	struct store_new_node new = { .mode = mode };
	struct timespec time = now();

	trans_caller(req, &caller);
	new.uid = caller.uid;
	new.gid = caller.gid;
	return store_make_unnamed(store, dir, &new, &time, nodep);
}

static int
tmpfs_link(struct trans_req *req, trans_node_t node, trans_node_t dir, const char *name)
{
	struct timespec time = now();

	(void)req;
	return store_link(store, node, dir, name, &time);
}

static int
tmpfs_unlink(struct trans_req *req, trans_node_t dir, const char *name)
{
	struct timespec time = now();

	(void)req;
	return store_unlink(store, dir, name, &time);
}

static int
tmpfs_rmdir(struct trans_req *req, trans_node_t dir, const char *name)
{
	struct timespec time = now();

	(void)req;
	return store_rmdir(store, dir, name, &time);
}

static int
tmpfs_rename(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t new_dir,
    const char *new_name, unsigned flags)
{
	struct timespec time = now();

	(void)req;
	return store_rename(store, dir, name, new_dir, new_name, flags, &time);
}

static void
resolve_now(struct timespec *asked, const struct timespec *time)
{
	if (asked->tv_nsec == UTIME_NOW)
		*asked = *time;
}

_Static_assert(TRANS_SET_MODE == (int)STORE_SET_MODE && TRANS_SET_UID == (int)STORE_SET_UID &&
    TRANS_SET_GID == (int)STORE_SET_GID && TRANS_SET_ATIME == (int)STORE_SET_ATIME &&
    TRANS_SET_MTIME == (int)STORE_SET_MTIME, "the same words on both sides");

static int
tmpfs_change(struct trans_req *req, trans_node_t node, const struct stat *st, int what)
{
	struct timespec time = now();
	struct stat asked = *st;

	(void)req;
	resolve_now(&asked.st_atim, &time);
	resolve_now(&asked.st_mtim, &time);
	return store_change(store, node, &asked, what, &time);
}

static ssize_t
tmpfs_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	struct timespec time = now();

	(void)req;
	return store_write(store, node, buf, size, (uint64_t)offset, &time);
}

static int
tmpfs_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	struct timespec time = now();

	(void)req;
	return size < 0 ? -EINVAL : store_truncate(store, node, (uint64_t)size, &time);
}

static int
tmpfs_fallocate(struct trans_req *req, trans_node_t node, int mode, off_t offset, off_t length)
{
	struct timespec time = now();

	(void)req;
	return store_allocate(store, node, mode, (uint64_t)offset, (uint64_t)length, &time);
}

static off_t
tmpfs_seek(struct trans_req *req, trans_node_t node, off_t offset, int whence)
{
	(void)req;
	return store_seek(store, node, (uint64_t)offset, whence);
}

static ssize_t
tmpfs_copy(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
    off_t to_offset, size_t size)
{
	struct timespec time = now();

	(void)req;
	return store_copy(store, from, (uint64_t)from_offset, to, (uint64_t)to_offset, size, &time);
}

static int
tmpfs_open(struct trans_req *req, trans_node_t node, int flags)
{
	(void)req, (void)flags;
	return store_open(store, node);
}

static void
tmpfs_close(trans_node_t node)
{
	store_close(store, node);
}

/* What is written is where it stays. */
static int
tmpfs_fsync(struct trans_req *req, trans_node_t node, int data_only)
{
	(void)req, (void)node, (void)data_only;
	return 0;
}

static int
tmpfs_setxattr(struct trans_req *req, trans_node_t node, const char *name, const char *value,
    size_t size, int flags)
{
	struct timespec time = now();

	(void)req;
	return xattr_set(store, node, name, value, size, flags, &time);
}

static int
tmpfs_removexattr(struct trans_req *req, trans_node_t node, const char *name)
{
	struct timespec time = now();

	(void)req;
	return xattr_remove(store, node, name, &time);
}

static const struct trans_ops tmpfs = {
	TRANS_OPS,
	.summary = "a directory tree in memory, which survives a crash of its process",
	.kind = TRANS_DIR,
	.nature = TRANS_OURS,
	.options = options,
	.check = tmpfs_check,
	.start = tmpfs_start,
	.changed = set_limit,
	.stop = tmpfs_stop,
	.stat = tmpfs_stat,
	.read = tmpfs_read,
	.write = tmpfs_write,
	.truncate = tmpfs_truncate,
	.lookup = tmpfs_lookup,
	.readdir = tmpfs_readdir,
	.readlink = tmpfs_readlink,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.change = tmpfs_change,
	.open = tmpfs_open,
	.close = tmpfs_close,
	.fsync = tmpfs_fsync,
	.statfs = tmpfs_statfs,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.tmpfile = tmpfs_tmpfile,
	.fallocate = tmpfs_fallocate,
	.seek = tmpfs_seek,
	.copy = tmpfs_copy,
};

int
main(int argc, char **argv)
{
	return trans_main(&tmpfs, argc, argv);
}
