/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse: requests of the kernel, answered by trans/node.h.
 *
 * libfuse's low-level session knows the protocol; the loop, the buffers and the
 * descriptor are ours. portd has answered the kernel's INIT long ago, so the
 * session is fed one that says what was agreed, and its reply goes nowhere.
 *
 * Nothing here keeps state for a node or an open file: ids are made from what
 * they stand for, and a successor understands them. The nature of the content,
 * in one table, decides what the kernel may remember. */
#define FUSE_USE_VERSION 314

#include "trans/fuse.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "trans/listing.h"
#include "trans/memory.h"
#include "trans/node.h"
#include "trans/req.h"
#include "trans/standin.h"
#include "trans/translator.h"
#include "wire/fusewire.h"

/* The INIT that nobody sent. */
#define UNIQUE_INIT (~(uint64_t)0)

#define FOREVER (365.0 * 86400)

/* What the kernel may remember, by nature. */
struct policy {
	double timeout;		/* seconds, of names and attributes */
	double absent;		/* of names that are not there; 0: not at all */
	bool keep_cache;
	bool cache_readdir;
	bool direct_io;
};

static const struct policy policies[] = {
	[TRANS_IMMUTABLE] = { .timeout = FOREVER, .absent = FOREVER, .keep_cache = true,
	    .cache_readdir = true },
	[TRANS_OURS] = { .timeout = FOREVER, .absent = FOREVER, .keep_cache = true },
	[TRANS_ELSEWHERE] = { .timeout = 1, .absent = 1 },
	[TRANS_GENERATED] = { .direct_io = true },
};

static struct {
	struct fuse_session *session;
	int fd;
	uint64_t flags;		/* of INIT, as agreed */
	bool gone;		/* unmounted or aborted */
	uint64_t unique;	/* of the request in hand */
	char *request;		/* FUSEWIRE_BUFFER bytes, page-aligned */
	char *reply;		/* FUSEWIRE_MAX_WRITE bytes, likewise */
} front = { .fd = -1 };

static const struct policy *
policy(void)
{
	return &policies[translator.ops.nature];
}

static double
timeout(void)
{
	return node_is_settled() ? policy()->timeout : 0;
}

/* Where every file is there to stay, opens need not be asked for, or counted, and
 * there never will be extended attributes. The kernel is told so by ENOSYS, once,
 * for the life of the mount: true means that any successor can live with that. */
static bool
is_fixed(void)
{
	return node_has_tree() && translator.ops.nature == TRANS_IMMUTABLE &&
	    (front.flags & FUSE_NO_OPEN_SUPPORT) && (front.flags & FUSE_NO_OPENDIR_SUPPORT);
}

/* Node ids --------------------------------------------------------------- */

/* An index into a tree means something in one epoch only; other nodes are the
 * author's to keep apart. */
static fuse_ino_t
id_of(trans_node_t node)
{
	if (node == TRANS_ROOT || !node_has_tree())
		return node;
	return node | (uint64_t)memory_epoch() << 32;
}

static int
node_of(fuse_ino_t id, trans_node_t *nodep)
{
	if (id != FUSE_ROOT_ID && node_has_tree()) {
		if (id >> 32 != memory_epoch())
			return -ESTALE;
		id &= 0xffffffff;
	}
	*nodep = id;
	return 0;
}

/* Requests --------------------------------------------------------------- */

static fuse_req_t
handle(const struct trans_req *req)
{
	return req->handle;
}

/* Answers of the author's own, from any thread: a read or a link's target. */
static void run_read(struct trans_req *req);
static void run_readlink(struct trans_req *req);

static void
door_error(struct trans_req *req, int error)
{
	fuse_reply_err(handle(req), -error);
}

static void
door_data(struct trans_req *req, const void *data, size_t size)
{
	char target[4096];

	if (req->run == run_read) {
		fuse_reply_buf(handle(req), data, size < req->size ? size : req->size);
	} else if (req->run == run_readlink && size < sizeof(target)) {
		memcpy(target, data, size);
		target[size] = '\0';
		fuse_reply_readlink(handle(req), target);
	} else {
		log_error("data was given as the answer to a request that takes none");
		fuse_reply_err(handle(req), EIO);
	}
}

static void
door_drop(struct trans_req *req)
{
	fuse_reply_none(handle(req));
}

static const struct req_door door = { .error = door_error, .data = door_data, .drop = door_drop };

/* A request for a node; NULL when it has been answered already. */
static struct trans_req *
begin(fuse_req_t from, fuse_ino_t id, void (*run)(struct trans_req *))
{
	struct trans_req *req;
	trans_node_t node;
	int err = node_of(id, &node);

	req = err == 0 ? req_begin(&door, run, from, front.unique) : NULL;
	if (!req) {
		fuse_reply_err(from, err < 0 ? -err : ENOMEM);
		return NULL;
	}
	req->node = node;
	req->id = id;
	return req;
}

/* Whether an error, or nothing yet, is all there is to say; says it. */
static bool
is_finished(struct trans_req *req, ssize_t result)
{
	if (result == REQ_LATER)
		return true;
	if (!req_claim(req))
		return true;
	if (result >= 0)
		return false;
	fuse_reply_err(handle(req), (int)-result);
	req_free(req);
	return true;
}

/* Names and attributes ---------------------------------------------------- */

static struct fuse_entry_param
entry_of(trans_node_t node, const struct stat *st)
{
	return (struct fuse_entry_param){
		.ino = id_of(node),
		.generation = memory_epoch(),
		.attr = *st,
		.attr_timeout = timeout(),
		.entry_timeout = timeout(),
	};
}

/* A name that is not there: worth remembering, where that stays so. */
static void
reply_absent(struct trans_req *req)
{
	struct fuse_entry_param entry = { .entry_timeout = policy()->absent };

	if (!req_claim(req))
		return;
	if (entry.entry_timeout > 0)
		fuse_reply_entry(handle(req), &entry);
	else
		fuse_reply_err(handle(req), ENOENT);
	req_free(req);
}

static void
run_lookup(struct trans_req *req)
{
	struct fuse_entry_param entry;
	trans_node_t node = 0;
	struct stat st;
	int err = node_lookup(req, req->node, req->name, &node);

	if (err == -ENOENT) {
		reply_absent(req);
		return;
	}
	if (err == 0)
		err = node_stat(req, node, &st);
	if (is_finished(req, err))
		return;
	entry = entry_of(node, &st);
	fuse_reply_entry(handle(req), &entry);
	req_free(req);
	if (node_has_tree() && !S_ISDIR(st.st_mode))
		listing_looked_up();
}

static void
op_lookup(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	struct trans_req *req;

	if (strlen(name) > NAME_MAX) {
		fuse_reply_err(from, ENAMETOOLONG);
		return;
	}
	req = begin(from, parent, run_lookup);
	if (!req)
		return;
	strcpy(req->name, name);
	run_lookup(req);
}

static void
op_forget(fuse_req_t from, fuse_ino_t id, uint64_t n)
{
	(void)id;
	(void)n;
	fuse_reply_none(from);
}

static void
op_forget_multi(fuse_req_t from, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(from);
}

static void
run_getattr(struct trans_req *req)
{
	struct stat st;

	if (is_finished(req, node_stat(req, req->node, &st)))
		return;
	fuse_reply_attr(handle(req), &st, timeout());
	req_free(req);
}

static void
op_getattr(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	struct trans_req *req = begin(from, id, run_getattr);

	(void)file;
	if (req)
		run_getattr(req);
}

static void
run_setattr(struct trans_req *req)
{
	struct stat st;
	int err = node_change(req, req->node, &req->st, req->flags);

	if (err == 0)
		err = node_stat(req, req->node, &st);
	if (is_finished(req, err))
		return;
	fuse_reply_attr(handle(req), &st, timeout());
	req_free(req);
}

static int
changes_of(int to_set)
{
	int what = 0;

	if (to_set & FUSE_SET_ATTR_MODE)
		what |= NODE_SET_MODE;
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		what |= NODE_SET_OWNER;
	if (to_set & FUSE_SET_ATTR_SIZE)
		what |= NODE_SET_SIZE;
	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
		what |= NODE_SET_ATIME;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		what |= NODE_SET_MTIME;
	return what;
}

static void
op_setattr(fuse_req_t from, fuse_ino_t id, struct stat *st, int to_set, struct fuse_file_info *file)
{
	struct trans_req *req = begin(from, id, run_setattr);

	(void)file;
	if (!req)
		return;
	req->st = *st;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		req->st.st_atim.tv_nsec = UTIME_NOW;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		req->st.st_mtim.tv_nsec = UTIME_NOW;
	req->flags = changes_of(to_set);
	run_setattr(req);
}

static void
run_readlink(struct trans_req *req)
{
	ssize_t size = node_readlink(req, req->node, front.reply, 4095);

	if (is_finished(req, size))
		return;
	front.reply[size] = '\0';
	fuse_reply_readlink(handle(req), front.reply);
	req_free(req);
}

static void
op_readlink(fuse_req_t from, fuse_ino_t id)
{
	struct trans_req *req = begin(from, id, run_readlink);

	if (req)
		run_readlink(req);
}

/* Files ------------------------------------------------------------------ */

static void
reply_open(struct trans_req *req)
{
	struct fuse_file_info file = { .flags = req->flags };

	file.keep_cache = policy()->keep_cache;
	file.direct_io = policy()->direct_io;
	file.noflush = 1;
	memory_count_open(1);
	/* Interrupted meanwhile: no RELEASE will come. */
	if (fuse_reply_open(handle(req), &file) == -ENOENT)
		memory_count_open(-1);
}

static void
run_open(struct trans_req *req)
{
	struct stat st = { .st_size = 0 };
	int err = 0;

	if ((req->flags & O_ACCMODE) != O_RDONLY && !node_is_writable())
		err = -EROFS;
	else if (req->flags & O_TRUNC)
		err = node_change(req, req->node, &st, NODE_SET_SIZE);
	else if (is_fixed())
		err = -ENOSYS;
	if (is_finished(req, err))
		return;
	reply_open(req);
	req_free(req);
}

static void
op_open(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	struct trans_req *req = begin(from, id, run_open);

	if (!req)
		return;
	req->flags = file->flags;
	run_open(req);
}

static void
run_read(struct trans_req *req)
{
	ssize_t size = node_read(req, req->node, front.reply, req->size, req->offset);

	if (is_finished(req, size))
		return;
	fuse_reply_buf(handle(req), front.reply, size);
	req_free(req);
}

static void
op_read(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file)
{
	struct trans_req *req = begin(from, id, run_read);

	(void)file;
	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	req->offset = offset;
	run_read(req);
}

static void
run_write(struct trans_req *req)
{
	ssize_t size = node_write(req, req->node, req->data, req->size, req->offset);

	if (is_finished(req, size))
		return;
	fuse_reply_write(handle(req), size);
	req_free(req);
}

static void
op_write(fuse_req_t from, fuse_ino_t id, const char *data, size_t size, off_t offset,
    struct fuse_file_info *file)
{
	struct trans_req *req = begin(from, id, run_write);

	(void)file;
	if (!req)
		return;
	req->data = data;
	req->size = size;
	req->offset = offset;
	run_write(req);
}

/* FLUSH is for errors of a write that came too late to be told; there are none.
 * Without opens there is no answer to say so in, but this. */
static void
op_flush(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	(void)id;
	(void)file;
	fuse_reply_err(from, is_fixed() ? ENOSYS : 0);
}

static void
op_release(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	(void)id;
	(void)file;
	memory_count_open(-1);
	fuse_reply_err(from, 0);
}

static void
op_fsync(fuse_req_t from, fuse_ino_t id, int datasync, struct fuse_file_info *file)
{
	int err = translator.ops.sync ? translator.ops.sync() : 0;

	(void)id;
	(void)datasync;
	(void)file;
	fuse_reply_err(from, -err);
}

/* Directories ------------------------------------------------------------- */

static void
op_opendir(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	trans_node_t node;
	int err = node_of(id, &node);

	if (err == 0 && is_fixed())
		err = -ENOSYS;
	if (err < 0) {
		fuse_reply_err(from, -err);
		return;
	}
	file->keep_cache = policy()->cache_readdir;
	file->cache_readdir = policy()->cache_readdir && node_is_settled();
	memory_count_open(1);
	if (fuse_reply_open(from, file) == -ENOENT)
		memory_count_open(-1);
}

/* A listing in the making, in front.reply. */
struct listing {
	struct trans_req *req;
	size_t used;
	bool plain;		/* attributes of directories alone */
};

static int
fill_plain(void *argument, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	struct listing *listing = argument;
	struct stat st = { .st_ino = node, .st_mode = mode };
	size_t room = listing->req->size - listing->used;
	size_t size = fuse_add_direntry(handle(listing->req), front.reply + listing->used, room,
	    name, &st, next);

	if (size > room)
		return 1;
	listing->used += size;
	return 0;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* With attributes where they cost us nothing, in a tree, and are wanted; else with
 * the type alone (an id of 0 tells the kernel so). */
static int
fill_plus(void *argument, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	struct listing *listing = argument;
	struct fuse_entry_param entry = { .attr = { .st_ino = node, .st_mode = mode } };
	size_t room = listing->req->size - listing->used;
	struct stat st;
	size_t size;

	if (node_has_tree() && !is_dots(name) && (S_ISDIR(mode) || !listing->plain) &&
	    node_stat(listing->req, node, &st) == 0)
		entry = entry_of(node, &st);
	size = fuse_add_direntry_plus(handle(listing->req), front.reply + listing->used, room,
	    name, &entry, next);
	if (size > room)
		return 1;
	listing->used += size;
	return 0;
}

static void
list(struct trans_req *req, node_dirent_fn *fill)
{
	struct listing listing = { .req = req };

	if (fill == fill_plus && node_has_tree() && node_is_settled())
		listing.plain = listing_is_plain(req->node, req->offset);

	if (is_finished(req, node_readdir(req, req->node, req->offset, fill, &listing)))
		return;
	fuse_reply_buf(handle(req), front.reply, listing.used);
	req_free(req);
}

static void
run_readdir(struct trans_req *req)
{
	list(req, fill_plain);
}

static void
run_readdirplus(struct trans_req *req)
{
	list(req, fill_plus);
}

static void
start_listing(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    void (*run)(struct trans_req *))
{
	struct trans_req *req = begin(from, id, run);

	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	req->offset = offset;
	run(req);
}

static void
op_readdir(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file)
{
	(void)file;
	start_listing(from, id, size, offset, run_readdir);
}

static void
op_readdirplus(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    struct fuse_file_info *file)
{
	(void)file;
	start_listing(from, id, size, offset, run_readdirplus);
}

/* The rest: always the same answers ---------------------------------------
 *
 * No ENOSYS but where is_fixed says so: the kernel would not ask again, not even
 * a successor that knows better. */

static void
op_statfs(fuse_req_t from, fuse_ino_t id)
{
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096, .f_files = node_count(),
	    .f_namemax = NAME_MAX };

	(void)id;
	fuse_reply_statfs(from, &st);
}

static void
op_access(fuse_req_t from, fuse_ino_t id, int mask)
{
	(void)id;
	(void)mask;
	fuse_reply_err(from, 0);
}

static void
op_setxattr(fuse_req_t from, fuse_ino_t id, const char *name, const char *value, size_t size,
    int flags)
{
	(void)id;
	(void)name;
	(void)value;
	(void)size;
	(void)flags;
	fuse_reply_err(from, EOPNOTSUPP);
}

static void
op_getxattr(fuse_req_t from, fuse_ino_t id, const char *name, size_t size)
{
	(void)id;
	(void)name;
	(void)size;
	fuse_reply_err(from, is_fixed() ? ENOSYS : ENODATA);
}

static void
op_listxattr(fuse_req_t from, fuse_ino_t id, size_t size)
{
	(void)id;
	if (is_fixed())
		fuse_reply_err(from, ENOSYS);
	else if (size == 0)
		fuse_reply_xattr(from, 0);
	else
		fuse_reply_buf(from, NULL, 0);
}

static void
op_removexattr(fuse_req_t from, fuse_ino_t id, const char *name)
{
	(void)id;
	(void)name;
	fuse_reply_err(from, ENODATA);
}

static void
op_ioctl(fuse_req_t from, fuse_ino_t id, unsigned command, void *argument,
    struct fuse_file_info *file,
    unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	(void)id;
	(void)command;
	(void)argument;
	(void)file;
	(void)flags;
	(void)in;
	(void)in_size;
	(void)out_size;
	fuse_reply_err(from, ENOTTY);
}

static void
op_poll(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file, struct fuse_pollhandle *poll)
{
	(void)id;
	(void)file;
	if (poll)
		fuse_pollhandle_destroy(poll);
	fuse_reply_poll(from, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

static void
op_fallocate(fuse_req_t from, fuse_ino_t id, int mode, off_t offset, off_t length,
    struct fuse_file_info *file)
{
	(void)id;
	(void)mode;
	(void)offset;
	(void)length;
	(void)file;
	fuse_reply_err(from, EOPNOTSUPP);
}

static void
op_copy_file_range(fuse_req_t from, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_file,
    fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_file, size_t size, int flags)
{
	(void)in;
	(void)in_offset;
	(void)in_file;
	(void)out;
	(void)out_offset;
	(void)out_file;
	(void)size;
	(void)flags;
	fuse_reply_err(from, EOPNOTSUPP);
}

/* No holes: data to the end, and one hole after it. */
static void
run_lseek(struct trans_req *req)
{
	struct stat st;
	int err = node_stat(req, req->node, &st);

	if (err == 0 && req->offset >= st.st_size)
		err = -ENXIO;
	if (is_finished(req, err))
		return;
	fuse_reply_lseek(handle(req), req->flags == SEEK_DATA ? req->offset : st.st_size);
	req_free(req);
}

static void
op_lseek(fuse_req_t from, fuse_ino_t id, off_t offset, int whence, struct fuse_file_info *file)
{
	struct trans_req *req;

	(void)file;
	if (whence != SEEK_DATA && whence != SEEK_HOLE) {
		fuse_reply_err(from, EINVAL);
		return;
	}
	req = begin(from, id, run_lseek);
	if (!req)
		return;
	req->offset = offset;
	req->flags = whence;
	run_lseek(req);
}

static void
op_mknod(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	fuse_reply_err(from, EROFS);
}

static void
op_mkdir(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_err(from, EROFS);
}

static void
op_remove(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

static void
op_symlink(fuse_req_t from, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

static void
op_rename(fuse_req_t from, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
    const char *new_name, unsigned flags)
{
	(void)parent;
	(void)name;
	(void)new_parent;
	(void)new_name;
	(void)flags;
	fuse_reply_err(from, EROFS);
}

static void
op_link(fuse_req_t from, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
	(void)id;
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

static void
op_create(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *file)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)file;
	fuse_reply_err(from, EROFS);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.access = op_access,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.ioctl = op_ioctl,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.copy_file_range = op_copy_file_range,
	.lseek = op_lseek,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_remove,
	.rmdir = op_remove,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
};

/* The session ------------------------------------------------------------- */

static bool
is_gone(int error)
{
	return error == ENODEV || error == ECONNABORTED || error == ENOTCONN || error == EPIPE;
}

/* A mount that is gone takes no answers; that is no error of ours. */
static ssize_t
io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	ssize_t size;

	(void)userdata;
	if (header->unique == UNIQUE_INIT)
		return header->len;
	do
		size = writev(fd, iov, count);
	while (size < 0 && errno == EINTR);
	if (size < 0 && is_gone(errno)) {
		__atomic_store_n(&front.gone, true, __ATOMIC_RELAXED);
		errno = ENOENT;
	}
	return size;
}

static ssize_t
io_read(int fd, void *buf, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buf, size);
}

static void
say(enum fuse_log_level level, const char *format, va_list args)
{
	char line[512];

	if (level > FUSE_LOG_WARNING)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_error("%s", line);
}

static void
say_nothing(enum fuse_log_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
}

static void
feed_init(const struct wire_init *init)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in in;
	} request = {
		.header = { .len = sizeof(request), .opcode = FUSE_INIT, .unique = UNIQUE_INIT },
		.in = {
			.major = init->major,
			.minor = init->minor,
			.max_readahead = init->max_readahead,
			.flags = (uint32_t)init->flags,
			.flags2 = (uint32_t)(init->flags >> 32),
		},
	};
	struct fuse_buf buf = { .mem = &request, .size = sizeof(request) };

	fuse_session_process_buf(front.session, &buf);
}

static int
allocate(char **bufp, size_t size)
{
	void *buf;
	int err = posix_memalign(&buf, 4096, size);

	if (err != 0)
		return -err;
	*bufp = buf;
	return 0;
}

/* libfuse from 3.18 on may be built without custom io (Debian's is). Then the
 * session is given the descriptor as if it had been mounted for it, and the
 * answer to our INIT reaches a kernel that does not know what it is about
 * (ENOENT), which harms nobody. */
static int
give_descriptor(int fd)
{
	const struct fuse_custom_io io = { .writev = io_writev, .read = io_read };
	char place[32];
	int err;

	fuse_set_log_func(say_nothing);
	err = fuse_session_custom_io(front.session, &io, fd);
	fuse_set_log_func(say);
	if (err != -ENOTSUP)
		return err < 0 ? err : -err;
	snprintf(place, sizeof(place), "/dev/fd/%d", fd);
	return fuse_session_mount(front.session, place) < 0 ? -EIO : 0;
}

static int
make_session(int fd)
{
	static char *argv[] = { (char *)"translator", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int err;

	fuse_set_log_func(say);
	front.session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&args);
	if (!front.session)
		return -ENOMEM;
	err = give_descriptor(fd);
	if (err < 0)
		return err;
	front.fd = fd;
	return 0;
}

/* Opens the door on a mount whose INIT was answered as `init` says. Eats fd,
 * which must not block. 0 or -errno. */
int
front_open(int fd, const struct wire_init *init)
{
	AUTO_CLOSE int mine = fd;
	int err;

	front.flags = init->flags;
	front.gone = false;
	err = allocate(&front.request, FUSEWIRE_BUFFER);
	if (err == 0)
		err = allocate(&front.reply, FUSEWIRE_MAX_WRITE);
	if (err == 0)
		err = make_session(mine);
	if (err < 0) {
		front_close();
		return err;
	}
	fd_steal(&mine);	/* the session closes it */
	feed_init(init);
	memory_opens_known(!is_fixed());
	return 0;
}

/* Lets go of everything; what is unanswered stays so. */
void
front_close(void)
{
	if (front.session)
		fuse_session_destroy(front.session);
	free(front.request);
	free(front.reply);
	listing_deinit();
	front.session = NULL;
	front.request = front.reply = NULL;
	front.fd = -1;
}

/* The descriptor to poll, -1 when the door is closed. */
int
front_fd(void)
{
	return front.fd;
}

/* Answers past libfuse. When it has been answered already, or whoever asked is gone, the kernel
 * says so, and that is fine. */
void
front_refuse(uint64_t unique, int error)
{
	const struct fuse_out_header answer = { .len = sizeof(answer), .error = error,
		.unique = unique };

	if (write(front.fd, &answer, sizeof(answer)) < 0 && is_gone(errno))
		__atomic_store_n(&front.gone, true, __ATOMIC_RELAXED);
}

/* The request in front.request. An interrupt does not go through libfuse: it
 * is for what we put off. */
static void
dispatch(size_t size)
{
	const struct fuse_in_header *header = (const void *)front.request;
	struct fuse_buf buf = { .mem = front.request, .size = size };

	if (header->opcode == FUSE_INTERRUPT) {
		const struct fuse_interrupt_in *interrupt = (const void *)(header + 1);

		if (size >= sizeof(*header) + sizeof(*interrupt))
			standin_interrupt(interrupt->unique);
		return;
	}
	if (header->opcode != FUSE_FORGET && header->opcode != FUSE_BATCH_FORGET)
		memory_count_request();
	front.unique = header->unique;
	standin_serving(header->unique);
	fuse_session_process_buf(front.session, &buf);
}

/* Serves one request that somebody else has read. 0, or -EBADMSG. */
int
front_process(const void *request, size_t size)
{
	struct fuse_in_header header;

	if (size < sizeof(header) || size > FUSEWIRE_BUFFER)
		return -EBADMSG;
	memcpy(&header, request, sizeof(header));
	if (header.len != size)
		return -EBADMSG;
	memcpy(front.request, request, size);
	dispatch(size);
	return 0;
}

/* Reads one request and serves it. 0: it did, or there was none; -ENODEV: the
 * mount is gone. */
int
front_receive(void)
{
	ssize_t size = read(front.fd, front.request, FUSEWIRE_BUFFER);

	if (size == 0 || (size < 0 && is_gone(errno)) ||
	    __atomic_load_n(&front.gone, __ATOMIC_RELAXED))
		return -ENODEV;
	/* ENOENT: whoever asked was interrupted before we looked. */
	if (size < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOENT ? 0 : -errno;
	if ((size_t)size < sizeof(struct fuse_in_header))
		return -EBADMSG;
	dispatch((size_t)size);
	return 0;
}

/* Notices to the kernel ---------------------------------------------------- */

/* Makes the kernel look up every name again, now. 0, or -EINVAL before Linux
 * 6.16. Does not wait for anybody. */
int
front_forget_names(void)
{
	struct fuse_out_header notice = { .len = sizeof(notice),
	    .error = FUSEWIRE_NOTIFY_INC_EPOCH };

	return write(front.fd, &notice, sizeof(notice)) < 0 ? -errno : 0;
}

/* Drops attributes and content that the kernel remembers of a node. */
void
front_forget_node(trans_node_t node)
{
	int err = fuse_lowlevel_notify_inval_inode(front.session, id_of(node), 0, 0);

	if (err < 0 && err != -ENOENT && !is_gone(-err))
		log_error("cannot drop what the kernel remembers of node %llu: %s",
		    (unsigned long long)node, strerror(-err));
}

/* Drops a name in the root. */
void
front_forget_name(const char *name)
{
	fuse_lowlevel_notify_inval_entry(front.session, FUSE_ROOT_ID, name, strlen(name));
}
