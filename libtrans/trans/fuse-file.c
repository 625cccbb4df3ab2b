/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-file: requests about open files. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trans/node.h"
#include "trans/opens.h"
#include "wire/fusewire.h"

/* A count fits into the kernel's answer. */
enum { COPY_MAX = 1 << 30 };

/* See fuse-front.h. */
struct fuse_file_info
front_file(int flags)
{
	return (struct fuse_file_info){
		.flags = flags,
		.keep_cache = front_policy()->keep_cache,
		.direct_io = front_policy()->direct_io,
		.noflush = 1,
	};
}

static void
reply_open(struct trans_req *req)
{
	struct fuse_file_info file = front_file(req->flags);

	opens_change(req->slot, req->node, 1);
	/* Interrupted meanwhile: no RELEASE will come. */
	if (fuse_reply_open(front_handle(req), &file) == -ENOENT &&
	    opens_change(NULL, req->node, -1) == 0)
		node_close(req->node);
	req_free(req);
}

static void
run_open(struct trans_req *req)
{
	struct stat st = { .st_size = 0 };
	int err = node_open(req, req->node, req->flags & ~O_TRUNC);

	if (err == 0 && (req->flags & O_TRUNC))
		err = node_change(req, req->node, &st, NODE_SET_SIZE);
	else if (err == 0 && front_is_fixed())
		err = -ENOSYS;
	if (!front_is_finished(req, err))
		reply_open(req);
}

void
op_open(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, run_open);

	if (!req)
		return;
	req->flags = file->flags;
	run_open(req);
}

/* See fuse-front.h. */
void
front_run_read(struct trans_req *req)
{
	ssize_t size = node_read(req, req->node, front.reply, req->size, req->offset);

	if (front_is_finished(req, size))
		return;
	fuse_reply_buf(front_handle(req), front.reply, size);
	req_free(req);
}

void
op_read(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, front_run_read);

	(void)file;
	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	req->offset = offset;
	front_run_read(req);
}

static void
run_write(struct trans_req *req)
{
	ssize_t size = req->kills ? node_kill_set_id(req, req->node) : 0;

	if (size == 0)
		size = node_write(req, req->node, req->data, req->size, req->offset);
	if (front_is_finished(req, size))
		return;
	fuse_reply_write(front_handle(req), size);
	req_free(req);
}

void
op_write(fuse_req_t from, fuse_ino_t id, const char *data, size_t size, off_t offset,
    struct fuse_file_info *file)
{
	const struct fuse_write_in *argument = front_argument();
	struct trans_req *req = front_begin(from, id, run_write);

	(void)file;
	if (!req)
		return;
	req->kills = argument->write_flags & FUSE_WRITE_KILL_PRIV;
	req->data = data;
	req->size = size;
	req->offset = offset;
	run_write(req);
}

/* FLUSH is for errors of a write that came too late to be told; there are none.
 * Without opens there is no answer to say so in, but this. */
void
op_flush(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	(void)id;
	(void)file;
	fuse_reply_err(from, front_is_fixed() ? ENOSYS : 0);
}

void
op_release(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	trans_node_t node = 0;

	(void)file;
	if (front_node(id, &node) == 0 && opens_change(front.slot, node, -1) == 0)
		node_close(node);
	fuse_reply_err(from, 0);
}

static void
run_fsync(struct trans_req *req)
{
	if (front_is_finished(req, node_fsync(req, req->node, req->flags)))
		return;
	fuse_reply_err(front_handle(req), 0);
	req_free(req);
}

void
op_fsync(fuse_req_t from, fuse_ino_t id, int datasync, struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, run_fsync);

	(void)file;
	if (!req)
		return;
	req->flags = datasync;
	run_fsync(req);
}

static void
run_ioctl(struct trans_req *req)
{
	size_t out_size = (size_t)req->new_offset;
	int result;

	memset(front.reply, 0, out_size);
	result = node_ioctl(req, req->node, (unsigned)req->flags, req->copy, req->size, front.reply,
	    out_size);
	if (front_is_finished(req, result))
		return;
	fuse_reply_ioctl(front_handle(req), result, front.reply, out_size);
	req_free(req);
}

/* The kernel lets only those pass that say how much they take and give. */
void
op_ioctl(fuse_req_t from, fuse_ino_t id, unsigned command, void *argument,
    struct fuse_file_info *file, unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	struct trans_req *req;

	(void)argument;
	(void)file;
	if ((flags & FUSE_IOCTL_UNRESTRICTED) || out_size > FUSEWIRE_MAX_WRITE) {
		fuse_reply_err(from, ENOTTY);
		return;
	}
	req = front_begin(from, id, run_ioctl);
	if (!req || !front_copy(req, in, in_size))
		return;
	req->flags = (int)command;
	req->new_offset = (off_t)out_size;
	run_ioctl(req);
}

/* Of what is a change like a write, the kernel leaves that to us, and does not say whether the
 * caller may keep the bits: root may. */
static bool
kills_set_id(const struct trans_req *req)
{
	return (front.flags & FUSE_HANDLE_KILLPRIV_V2) && req->uid != 0;
}

static void
run_fallocate(struct trans_req *req)
{
	int err = node_fallocate(req, req->node, req->flags, req->offset, req->new_offset);

	if (err == 0 && req->kills)
		err = node_kill_set_id(req, req->node);
	if (front_is_finished(req, err))
		return;
	fuse_reply_err(front_handle(req), 0);
	req_free(req);
}

void
op_fallocate(fuse_req_t from, fuse_ino_t id, int mode, off_t offset, off_t length,
    struct fuse_file_info *file)
{
	struct trans_req *req = front_begin(from, id, run_fallocate);

	(void)file;
	if (!req)
		return;
	req->flags = mode;
	req->offset = offset;
	req->new_offset = length;
	req->kills = kills_set_id(req);
	run_fallocate(req);
}

static void
run_copy(struct trans_req *req)
{
	ssize_t size = node_copy(req, req->node, req->offset, req->new_node, req->new_offset,
	    req->size);

	if (size > 0 && req->kills) {
		int err = node_kill_set_id(req, req->new_node);

		size = err != 0 ? err : size;
	}
	if (front_is_finished(req, size))
		return;
	fuse_reply_write(front_handle(req), (size_t)size);
	req_free(req);
}

void
op_copy_file_range(fuse_req_t from, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_file,
    fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_file, size_t size, int flags)
{
	struct trans_req *req;
	trans_node_t to;

	(void)in_file;
	(void)out_file;
	if (flags != 0 || front_node(out, &to) < 0) {
		fuse_reply_err(from, flags != 0 ? EINVAL : ESTALE);
		return;
	}
	req = front_begin(from, in, run_copy);
	if (!req)
		return;
	req->offset = in_offset;
	req->new_node = to;
	req->new_offset = out_offset;
	req->size = size < COPY_MAX ? size : COPY_MAX;
	req->kills = kills_set_id(req);
	run_copy(req);
}

static void
run_lseek(struct trans_req *req)
{
	off_t found = node_seek(req, req->node, req->offset, req->flags);

	if (front_is_finished(req, found))
		return;
	fuse_reply_lseek(front_handle(req), found);
	req_free(req);
}

void
op_lseek(fuse_req_t from, fuse_ino_t id, off_t offset, int whence, struct fuse_file_info *file)
{
	struct trans_req *req;

	(void)file;
	if (whence != SEEK_DATA && whence != SEEK_HOLE) {
		fuse_reply_err(from, EINVAL);
		return;
	}
	req = front_begin(from, id, run_lseek);
	if (!req)
		return;
	req->offset = offset;
	req->flags = whence;
	run_lseek(req);
}
