/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-file: what else is done to one node: mode, times, size, sync; targets of links. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "trans/door-call.h"
#include "trans/node.h"
#include "trans/notify.h"

/* Changes ---------------------------------------------------------------------------- */

/* Mode and times are the owner's to change, whoever may write. */
static int
check_owner(struct trans_req *req)
{
	struct stat st;
	int err = node_stat(req, req->node, &st);

	return err == 0 && req->uid != 0 && req->uid != st.st_uid ? -EPERM : err;
}

static void
run_change(struct trans_req *req)
{
	bool cuts = req->flags & NODE_SET_SIZE;
	int err = cuts ? 0 : check_owner(req);

	if (err == 0)
		err = node_change(req, req->node, &req->st, req->flags);
	if (err == 0 && cuts && req->uid != 0)
		err = node_kill_set_id(req, req->node);
	if (door_is_finished(req, err))
		return;
	notify_node(req->node);
	door_finish_changed(req, NULL, 0);
}

DOOR_REPLY_DONE(reply_chmod, file_chmod)
DOOR_REPLY_DONE(reply_utimes, file_utimes)
DOOR_REPLY_DONE(reply_set_size, file_set_size)
DOOR_REPLY_DONE(reply_sync, file_sync)

int
door_chmod(struct rpc_request *request, struct file_chmod_in *in, struct file_chmod_out *out)
{
	struct trans_req *req;
	int err = door_begin(request, TRANS_RIGHT_WRITE, 0, run_change, reply_chmod, &req);

	(void)out;
	if (err < 0)
		return err;
	req->st.st_mode = in->mode & 07777;
	req->flags = TRANS_SET_MODE;
	return door_go(req);
}

static struct timespec
time_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };
}

int
door_utimes(struct rpc_request *request, struct file_utimes_in *in, struct file_utimes_out *out)
{
	struct trans_req *req;
	int err = door_begin(request, TRANS_RIGHT_WRITE, 0, run_change, reply_utimes, &req);

	(void)out;
	if (err < 0)
		return err;
	req->st.st_atim = time_of(in->atime_ns);
	req->st.st_mtim = time_of(in->mtime_ns);
	req->flags = (in->atime_ns ? TRANS_SET_ATIME : 0) | (in->mtime_ns ? TRANS_SET_MTIME : 0);
	return door_go(req);
}

int
door_set_size(struct rpc_request *request, struct file_set_size_in *in,
    struct file_set_size_out *out)
{
	struct trans_req *req;
	int err;

	(void)out;
	if (in->size > INT64_MAX)
		return rpc_fail(request, -EFBIG, "%s", strerror(EFBIG));
	err = door_begin(request, TRANS_RIGHT_WRITE, S_IFREG, run_change, reply_set_size, &req);
	if (err < 0)
		return err;
	req->st.st_size = (off_t)in->size;
	req->flags = NODE_SET_SIZE;
	return door_go(req);
}

static void
run_sync(struct trans_req *req)
{
	if (!door_is_finished(req, node_fsync(req, req->node, req->flags)))
		door_finish(req, NULL, 0);
}

int
door_sync(struct rpc_request *request, struct file_sync_in *in, struct file_sync_out *out)
{
	struct trans_req *req;
	int err = door_begin(request, TRANS_RIGHT_WRITE, 0, run_sync, reply_sync, &req);

	(void)out;
	if (err < 0)
		return err;
	req->flags = in->data_only != 0;
	return door_go(req);
}

/* Questions ------------------------------------------------------------------------------ */

static void
reply_readlink(struct door_call *call, const void *data, size_t size)
{
	char target[PATH_MAX];

	if (size >= sizeof(target))
		size = sizeof(target) - 1;
	memcpy(target, data, size);
	target[size] = '\0';
	file_readlink_reply(&call->later, 0, "", &(struct file_readlink_out){ .target = target });
}

static void
run_readlink(struct trans_req *req)
{
	char target[PATH_MAX];
	ssize_t size = node_readlink(req, req->node, target, sizeof(target) - 1);

	if (!door_is_finished(req, size))
		door_finish(req, target, (size_t)size);
}

int
door_readlink(struct rpc_request *request, struct file_readlink_in *in,
    struct file_readlink_out *out)
{
	struct door_call *call;
	struct trans_req *req;
	int err = door_begin(request, 0, S_IFLNK, run_readlink, reply_readlink, &req);

	(void)in;
	(void)out;
	if (err < 0)
		return err;
	call = req->handle;
	call->takes = DOOR_TAKES_ANSWER;
	req->size = PATH_MAX - 1;
	return door_go(req);
}

static void
reply_statfs(struct door_call *call, const void *data, size_t size)
{
	struct statvfs st;

	(void)size;
	memcpy(&st, data, sizeof(st));
	file_statfs_reply(&call->later, 0, "", &(struct file_statfs_out){
		.block_size = st.f_frsize ? st.f_frsize : st.f_bsize,
		.blocks = st.f_blocks,
		.free = st.f_bavail,
		.files = st.f_files,
		.free_files = st.f_favail,
	});
}

static void
run_statfs(struct trans_req *req)
{
	struct statvfs st;
	int err = node_statfs(req, &st);

	if (!door_is_finished(req, err))
		door_finish(req, &st, sizeof(st));
}

int
door_statfs(struct rpc_request *request, struct file_statfs_in *in, struct file_statfs_out *out)
{
	struct trans_req *req;
	int err = door_begin(request, 0, 0, run_statfs, reply_statfs, &req);

	(void)in;
	(void)out;
	return err < 0 ? err : door_go(req);
}
