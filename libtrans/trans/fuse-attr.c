/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-attr: requests that ask or change what a node is like, and the targets of
 * links. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <limits.h>

#include "trans/node.h"

static void
run_getattr(struct trans_req *req)
{
	struct stat st;

	if (front_is_finished(req, node_stat(req, req->node, &st)))
		return;
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

	if (err == 0)
		err = node_stat(req, req->node, &st);
	if (front_is_finished(req, err))
		return;
	fuse_reply_attr(front_handle(req), &st, front_timeout());
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

void
op_setattr(fuse_req_t from, fuse_ino_t id, struct stat *st, int to_set, struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, run_setattr);

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

/* The rest: always the same answers ---------------------------------------
 *
 * No ENOSYS but where is_fixed says so: the kernel would not ask again, not even
 * a successor that knows better. */

void
op_statfs(fuse_req_t from, fuse_ino_t id)
{
	struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096, .f_files = node_count(),
	    .f_namemax = NAME_MAX };

	(void)id;
	fuse_reply_statfs(from, &st);
}

void
op_access(fuse_req_t from, fuse_ino_t id, int mask)
{
	(void)id;
	(void)mask;
	fuse_reply_err(from, 0);
}

void
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

void
op_getxattr(fuse_req_t from, fuse_ino_t id, const char *name, size_t size)
{
	(void)id;
	(void)name;
	(void)size;
	fuse_reply_err(from, front_is_fixed() ? ENOSYS : ENODATA);
}

void
op_listxattr(fuse_req_t from, fuse_ino_t id, size_t size)
{
	(void)id;
	if (front_is_fixed())
		fuse_reply_err(from, ENOSYS);
	else if (size == 0)
		fuse_reply_xattr(from, 0);
	else
		fuse_reply_buf(from, NULL, 0);
}

void
op_removexattr(fuse_req_t from, fuse_ino_t id, const char *name)
{
	(void)id;
	(void)name;
	fuse_reply_err(from, ENODATA);
}
