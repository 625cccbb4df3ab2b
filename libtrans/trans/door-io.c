/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-io: content, attributes, and what a right is. */
#include <errno.h>
#include <string.h>

#include "trans/control.h"
#include "trans/door-call.h"
#include "trans/fuse.h"
#include "trans/node.h"
#include "trans/notify.h"

/* Where callbacks put what they read; an answer goes out before the next one needs it. */
static char *room;

static uint64_t
ns_of(struct timespec time)
{
	return time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Content ------------------------------------------------------------------------- */

static void
reply_read(struct door_call *call, const void *data, size_t size)
{
	io_read_reply(&call->later, 0, "", &(struct io_read_out){
		.data = { (void *)(uintptr_t)data, size } });
}

static void
run_read(struct trans_req *req)
{
	/* The kernel never asks for nothing, so authors need not expect it. */
	ssize_t size = req->size ? node_read(req, req->node, room, req->size, req->offset) : 0;

	if (!door_is_finished(req, size))
		door_finish(req, room, (size_t)size);
}

static int
handle_read(struct rpc_request *request, struct io_read_in *in, struct io_read_out *out)
{
	struct door_call *call;
	struct trans_req *req;
	int err;

	(void)out;
	if (in->offset > INT64_MAX - IO_SIZE_MAX)
		return rpc_fail(request, -EINVAL, "%s", strerror(EINVAL));
	if (!room)
		room = port_memory_alloc(IO_SIZE_MAX);
	if (!room)
		return rpc_fail(request, -ENOMEM, "%s", strerror(ENOMEM));
	err = door_begin(request, TRANS_RIGHT_READ, S_IFREG, run_read, reply_read, &req);
	if (err < 0)
		return err;
	call = req->handle;
	call->takes = DOOR_TAKES_ANSWER;
	req->size = in->size < IO_SIZE_MAX ? in->size : IO_SIZE_MAX;
	req->offset = (off_t)in->offset;
	return door_go(req);
}

static void
reply_write(struct door_call *call, const void *data, size_t size)
{
	struct io_write_out out = { .written = 0 };

	if (size == sizeof(out.written))
		memcpy(&out.written, data, size);
	io_write_reply(&call->later, 0, "", &out);
}

static void
run_write(struct trans_req *req)
{
	ssize_t size = req->uid != 0 ? node_kill_set_id(req, req->node) : 0;
	uint32_t written;

	if (size == 0 && req->size)
		size = node_write(req, req->node, req->data, req->size, req->offset);
	if (door_is_finished(req, size))
		return;
	written = (uint32_t)size;
	notify_node(req->node);
	door_finish_changed(req, &written, sizeof(written));
}

static int
handle_write(struct rpc_request *request, struct io_write_in *in, struct io_write_out *out)
{
	struct door_call *call;
	struct trans_req *req;
	int err;

	(void)out;
	if (in->offset > INT64_MAX - IO_SIZE_MAX)
		return rpc_fail(request, -EFBIG, "%s", strerror(EFBIG));
	err = door_begin(request, TRANS_RIGHT_WRITE, S_IFREG, run_write, reply_write, &req);
	if (err < 0)
		return err;
	call = req->handle;
	call->given = malloc(in->data.size + 1);
	if (call->given && in->data.size)
		memcpy(call->given, in->data.data, in->data.size);
	req->data = call->given;
	req->size = in->data.size;
	req->offset = (off_t)in->offset;
	if (!call->given)
		door_is_finished(req, -ENOMEM);
	return call->given ? door_go(req) : RPC_NO_REPLY;
}

/* Attributes ------------------------------------------------------------------------ */

static void
reply_stat(struct door_call *call, const void *data, size_t size)
{
	struct stat st;

	(void)size;
	memcpy(&st, data, sizeof(st));
	io_stat_reply(&call->later, 0, "", &(struct io_stat_out){
		.ino = st.st_ino,
		.mode = st.st_mode,
		.nlink = (uint32_t)st.st_nlink,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.rdev = st.st_rdev,
		.size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks,
		.block_size = (uint32_t)st.st_blksize,
		.atime_ns = ns_of(st.st_atim),
		.mtime_ns = ns_of(st.st_mtim),
		.ctime_ns = ns_of(st.st_ctim),
	});
}

static void
run_stat(struct trans_req *req)
{
	struct stat st;
	int err = node_stat(req, req->node, &st);

	if (!door_is_finished(req, err))
		door_finish(req, &st, sizeof(st));
}

static int
handle_stat(struct rpc_request *request, struct io_stat_in *in, struct io_stat_out *out)
{
	struct trans_req *req;
	int err = door_begin(request, 0, 0, run_stat, reply_stat, &req);

	(void)in;
	(void)out;
	return err < 0 ? err : door_go(req);
}

/* Rights ----------------------------------------------------------------------------- */

static int
handle_identity(struct rpc_request *request, struct io_identity_in *in,
    struct io_identity_out *out)
{
	const struct door_port *port = door_asked();

	(void)request;
	(void)in;
	out->server = port_task_id();
	out->node = front_id(port->is.node);
	out->rights = port->is.rights;
	return 0;
}

static int
handle_restrict(struct rpc_request *request, struct io_restrict_auth_in *in,
    struct io_restrict_auth_out *out)
{
	const struct door_port *port = door_asked();
	struct door_grant grant = port->is;
	struct door_port *made;
	int err = door_port_check(port);

	grant.rights &= in->rights;
	grant.origin = port->serial;
	grant.looked_up = false;
	if (err == 0)
		err = door_port_new(&grant, &made);
	if (err != 0)
		return rpc_fail(request, err, "%s", port_error_text(err));
	out->node = port_make_send(made->name);
	return 0;
}

static int
handle_revoke(struct rpc_request *request, struct io_revoke_in *in, struct io_revoke_out *out)
{
	(void)request;
	(void)in;
	out->revoked = door_port_revoke(door_asked());
	return 0;
}

const struct io_server door_io = {
	.io_read = handle_read,
	.io_write = handle_write,
	.io_stat = handle_stat,
	.io_identity = handle_identity,
	.io_restrict_auth = handle_restrict,
	.io_revoke = handle_revoke,
	.io_routines = door_routines,
};
