/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-attr: requests that ask or change what a node is like, the targets of
 * links, and what the file system is like.
 *
 * No ENOSYS but where front_is_fixed says so: the kernel would not ask again, not even
 * a successor that knows better. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "trans/node.h"
#include "wire/fusewire.h"

/* A stat of the root as the kernel gets it. */
static void
hide(fuse_ino_t id, struct stat *st)
{
	if (id == FUSE_ROOT_ID && front.for_root)
		st->st_mode &= ~FUSEWIRE_STRANGERS;
}

static void
run_getattr(struct trans_req *req)
{
	struct stat st;

	if (front_is_finished(req, node_stat(req, req->node, &st)))
		return;
	hide(req->id, &st);
	fuse_reply_attr(front_handle(req), &st, front_timeout());
	req_free(req);
}

void
op_getattr(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, run_getattr);

	(void)file;
	if (req)
		run_getattr(req);
}

static void
run_setattr(struct trans_req *req)
{
	struct stat st;
	int err = node_change(req, req->node, &req->st, req->flags);

	if (err == 0 && req->kills)
		err = node_kill_set_id(req, req->node);
	if (err == 0)
		err = node_stat(req, req->node, &st);
	if (front_is_finished(req, err))
		return;
	hide(req->id, &st);
	fuse_reply_attr(front_handle(req), &st, front_timeout());
	req_free(req);
}

static int
changes_of(int to_set)
{
	int what = 0;

	if (to_set & FUSE_SET_ATTR_MODE)
		what |= TRANS_SET_MODE;
	if (to_set & FUSE_SET_ATTR_UID)
		what |= TRANS_SET_UID;
	if (to_set & FUSE_SET_ATTR_GID)
		what |= TRANS_SET_GID;
	if (to_set & FUSE_SET_ATTR_SIZE)
		what |= NODE_SET_SIZE;
	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW))
		what |= TRANS_SET_ATIME;
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		what |= TRANS_SET_MTIME;
	return what;
}

void
op_setattr(fuse_req_t from, fuse_ino_t id, struct stat *st, int to_set, struct fuse_file_info *file)
{
	const struct fuse_setattr_in *argument = front_argument();
	struct trans_req *req = front_begin(from, id, run_setattr);

	(void)file;
	if (!req)
		return;
	req->st = *st;
	req->kills = argument->valid & FATTR_KILL_SUIDGID;
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		req->st.st_atim.tv_nsec = UTIME_NOW;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		req->st.st_mtim.tv_nsec = UTIME_NOW;
	req->flags = changes_of(to_set);
	run_setattr(req);
}

/* See fuse-front.h. */
void
front_run_readlink(struct trans_req *req)
{
	ssize_t size = node_readlink(req, req->node, front.reply, 4095);

	if (front_is_finished(req, size))
		return;
	front.reply[size] = '\0';
	fuse_reply_readlink(front_handle(req), front.reply);
	req_free(req);
}

void
op_readlink(fuse_req_t from, fuse_ino_t id)
{
	struct trans_req *req = front_begin(from, id, front_run_readlink);

	if (req)
		front_run_readlink(req);
}

/* The file system --------------------------------------------------------- */

static void
run_statfs(struct trans_req *req)
{
	struct statvfs st;

	if (front_is_finished(req, node_statfs(req, &st)))
		return;
	fuse_reply_statfs(front_handle(req), &st);
	req_free(req);
}

/* The answer is the same for every node, also for one that is no more. */
void
op_statfs(fuse_req_t from, fuse_ino_t id)
{
	struct trans_req *req = front_begin(from, FUSE_ROOT_ID, run_statfs);

	(void)id;
	if (req)
		run_statfs(req);
}

/* The kernel has looked at the mode. */
void
op_access(fuse_req_t from, fuse_ino_t id, int mask)
{
	(void)id;
	(void)mask;
	fuse_reply_err(from, 0);
}

/* Extended attributes ----------------------------------------------------- */

static void
run_setxattr(struct trans_req *req)
{
	if (front_is_finished(req, node_setxattr(req, req->node, req->name, req->copy, req->size,
	    req->flags)))
		return;
	fuse_reply_err(front_handle(req), 0);
	req_free(req);
}

static struct trans_req *
begin_xattr(fuse_req_t from, fuse_ino_t id, const char *name, void (*run)(struct trans_req *))
{
	struct trans_req *req;

	if (strlen(name) > NAME_MAX) {
		fuse_reply_err(from, ERANGE);
		return NULL;
	}
	req = front_begin(from, id, run);
	if (req)
		strcpy(req->name, name);
	return req;
}

void
op_setxattr(fuse_req_t from, fuse_ino_t id, const char *name, const char *value, size_t size,
    int flags)
{
	struct trans_req *req = begin_xattr(from, id, name, run_setxattr);

	if (!req || !front_copy(req, value, size))
		return;
	req->flags = flags;
	run_setxattr(req);
}

/* A size was asked for, or as many bytes as that. */
static void
reply_xattr(struct trans_req *req, ssize_t size)
{
	if (front_is_finished(req, size))
		return;
	if (req->size == 0)
		fuse_reply_xattr(front_handle(req), (size_t)size);
	else
		fuse_reply_buf(front_handle(req), front.reply, (size_t)size);
	req_free(req);
}

static void
run_getxattr(struct trans_req *req)
{
	reply_xattr(req, node_getxattr(req, req->node, req->name, front.reply, req->size));
}

void
op_getxattr(fuse_req_t from, fuse_ino_t id, const char *name, size_t size)
{
	struct trans_req *req;

	if (front_is_fixed()) {
		fuse_reply_err(from, ENOSYS);
		return;
	}
	req = begin_xattr(from, id, name, run_getxattr);
	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	run_getxattr(req);
}

static void
run_listxattr(struct trans_req *req)
{
	reply_xattr(req, node_listxattr(req, req->node, front.reply, req->size));
}

void
op_listxattr(fuse_req_t from, fuse_ino_t id, size_t size)
{
	struct trans_req *req;

	if (front_is_fixed()) {
		fuse_reply_err(from, ENOSYS);
		return;
	}
	req = front_begin(from, id, run_listxattr);
	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	run_listxattr(req);
}

static void
run_removexattr(struct trans_req *req)
{
	if (front_is_finished(req, node_removexattr(req, req->node, req->name)))
		return;
	fuse_reply_err(front_handle(req), 0);
	req_free(req);
}

void
op_removexattr(fuse_req_t from, fuse_ino_t id, const char *name)
{
	struct trans_req *req = begin_xattr(from, id, name, run_removexattr);

	if (req)
		run_removexattr(req);
}
