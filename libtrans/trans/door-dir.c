/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-dir: listings, and names made and taken away.
 *
 * Of names the kernel checks much before it asks a translator; here that is to be done: that a
 * directory is one, that unlink is for files and rmdir for directories, that no directory is moved
 * into itself, that nothing goes which another node covers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "trans/door-call.h"
#include "trans/fuse.h"
#include "trans/node.h"
#include "trans/notify.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* Listings ------------------------------------------------------------------------------- */

enum {
	NAMES_MAX = 1000,
	NAMES_BYTES_MAX = 64 * 1024,	/* of names, so that an answer fits into a message */
};

static struct {
	uint32_t n;
	size_t size;
	uint64_t next;
	char names[NAMES_BYTES_MAX];
	uint32_t modes[NAMES_MAX];
	uint64_t nodes[NAMES_MAX];
} listing;

static int
fill(void *unused, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	size_t size = strlen(name) + 1;

	(void)unused;
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
		if (listing.n == NAMES_MAX || size > sizeof(listing.names) - listing.size)
			return 1;
		memcpy(listing.names + listing.size, name, size);
		listing.size += size;
		listing.modes[listing.n] = mode;
		listing.nodes[listing.n++] = node;
	}
	listing.next = (uint64_t)next;
	return 0;
}

static void
reply_readdir(struct door_call *call, const void *data, size_t size)
{
	(void)data;
	(void)size;
	dir_readdir_reply(&call->later, 0, "", &(struct dir_readdir_out){
		.names = { listing.names, listing.size },
		.modes = { listing.modes, listing.n * sizeof(listing.modes[0]) },
		.nodes = { listing.nodes, listing.n * sizeof(listing.nodes[0]) },
		.next = listing.next,
	});
}

static void
run_readdir(struct trans_req *req)
{
	int err;

	listing.n = 0;
	listing.size = 0;
	listing.next = (uint64_t)req->offset;
	err = node_readdir(req, req->node, req->offset, fill, NULL);
	if (!door_is_finished(req, err))
		door_finish(req, NULL, 0);
}

static int
handle_readdir(struct rpc_request *request, struct dir_readdir_in *in, struct dir_readdir_out *out)
{
	struct trans_req *req;
	int err;

	(void)out;
	if (in->offset > INT64_MAX)
		return rpc_fail(request, -EINVAL, "%s", strerror(EINVAL));
	err = door_begin(request, TRANS_RIGHT_READ, S_IFDIR, run_readdir, reply_readdir, &req);
	if (err < 0)
		return err;
	req->offset = (off_t)in->offset;
	return door_go(req);
}

/* Names ------------------------------------------------------------------------------------ */

/* What a name leads to; nobody is told of it. -ENOENT; REQ_LATER. */
static int
look(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep,
    struct stat *st)
{
	int err = node_lookup(req, dir, name, nodep);

	if (err < 0)
		return err;
	err = node_stat(req, *nodep, st);
	node_forget(*nodep, 1);
	return err;
}

static bool
is_covered(trans_node_t node)
{
	return door_is_covered(front_id(node));
}

/* Begins a request for a name in the directory that is asked. */
static int
begin(struct rpc_request *request, const char *name, void (*run)(struct trans_req *),
    void (*reply)(struct door_call *, const void *, size_t), struct trans_req **reqp)
{
	int err = node_check_name(name);

	if (err < 0)
		return rpc_fail(request, err, "%s", strerror(-err));
	err = door_begin(request, TRANS_RIGHT_WRITE, S_IFDIR, run, reply, reqp);
	if (err == 0)
		strcpy((*reqp)->name, name);
	return err;
}

/* The end of one that changed a name, unless there is nothing to say yet. */
static void
end(struct trans_req *req, int err)
{
	if (door_is_finished(req, err))
		return;
	notify_name(req->node, req->name);
	notify_node(req->node);
	door_finish_changed(req, NULL, 0);
}

/* Making: what was made is looked up by whoever wants it. */
static void
end_making(struct trans_req *req, int err)
{
	if (err == 0 && req->made)
		node_forget(req->made, 1);
	end(req, err);
}

static void
run_create(struct trans_req *req)
{
	end_making(req, node_create(req, req->node, req->name, req->st.st_mode, 0, &req->made));
}

static void
run_mkdir(struct trans_req *req)
{
	end_making(req, node_mkdir(req, req->node, req->name, req->st.st_mode, &req->made));
}

static void
run_symlink(struct trans_req *req)
{
	end_making(req, node_symlink(req, req->node, req->name, req->copy, &req->made));
}

static void
run_link(struct trans_req *req)
{
	int err = node_link(req, req->new_node, req->node, req->name, &req->made);

	if (err == 0)
		notify_node(req->new_node);	/* it has one link more */
	end_making(req, err);
}

DOOR_REPLY_DONE(reply_create, dir_create)
DOOR_REPLY_DONE(reply_mkdir, dir_mkdir)
DOOR_REPLY_DONE(reply_symlink, dir_symlink)
DOOR_REPLY_DONE(reply_link, dir_link)
DOOR_REPLY_DONE(reply_unlink, dir_unlink)
DOOR_REPLY_DONE(reply_rmdir, dir_rmdir)
DOOR_REPLY_DONE(reply_rename, dir_rename)

static int
handle_create(struct rpc_request *request, struct dir_create_in *in, struct dir_create_out *out)
{
	struct trans_req *req;
	int err = begin(request, in->name, run_create, reply_create, &req);

	(void)out;
	if (err < 0)
		return err;
	req->st.st_mode = S_IFREG | (in->mode & 07777);
	return door_go(req);
}

static int
handle_mkdir(struct rpc_request *request, struct dir_mkdir_in *in, struct dir_mkdir_out *out)
{
	struct trans_req *req;
	int err = begin(request, in->name, run_mkdir, reply_mkdir, &req);

	(void)out;
	if (err < 0)
		return err;
	req->st.st_mode = in->mode & 07777;
	return door_go(req);
}

static int
handle_symlink(struct rpc_request *request, struct dir_symlink_in *in,
    struct dir_symlink_out *out)
{
	struct trans_req *req;
	int err;

	(void)out;
	if (!*in->target)
		return rpc_fail(request, -ENOENT, "%s", strerror(ENOENT));
	err = begin(request, in->name, run_symlink, reply_symlink, &req);
	if (err < 0)
		return err;
	req->copy = strdup(in->target);
	if (!req->copy) {
		door_is_finished(req, -ENOMEM);
		return RPC_NO_REPLY;
	}
	return door_go(req);
}

/* A right that came with a request, given back: what it is, when it is one of ours. */
static int
take_right(port_send_t *right, unsigned rights, struct door_grant *grant)
{
	struct door_port *port = door_port_find(right->name);
	int err = port ? door_port_check(port) : -EXDEV;

	if (err == 0 && !(port->is.rights & rights))
		err = -EBADF;
	if (err == 0)
		*grant = port->is;
	port_send_drop(right);
	return err;
}

static int
handle_link(struct rpc_request *request, struct dir_link_in *in, struct dir_link_out *out)
{
	struct door_grant file;
	struct trans_req *req;
	int err = take_right(&in->file, TRANS_RIGHT_READ | TRANS_RIGHT_WRITE, &file);

	(void)out;
	if (err == 0 && file.type == S_IFDIR)
		err = -EPERM;
	if (err < 0)
		return rpc_fail(request, err, "%s", strerror(-err));
	err = begin(request, in->name, run_link, reply_link, &req);
	if (err < 0)
		return err;
	req->new_node = file.node;
	return door_go(req);
}

/* Taking away --------------------------------------------------------------------------------- */

static void
remove_name(struct trans_req *req, bool dirs)
{
	trans_node_t node;
	struct stat st;
	int err = look(req, req->node, req->name, &node, &st);

	if (err == 0 && S_ISDIR(st.st_mode) != dirs)
		err = dirs ? -ENOTDIR : -EISDIR;
	if (err == 0 && is_covered(node))
		err = -EBUSY;
	if (err == 0)
		err = dirs ? node_rmdir(req, req->node, req->name) :
		    node_unlink(req, req->node, req->name);
	if (err == 0)
		notify_node(node);
	end(req, err);
}

static void
run_unlink(struct trans_req *req)
{
	remove_name(req, false);
}

static void
run_rmdir(struct trans_req *req)
{
	remove_name(req, true);
}

static int
handle_unlink(struct rpc_request *request, struct dir_unlink_in *in, struct dir_unlink_out *out)
{
	struct trans_req *req;
	int err = begin(request, in->name, run_unlink, reply_unlink, &req);

	(void)out;
	return err < 0 ? err : door_go(req);
}

static int
handle_rmdir(struct rpc_request *request, struct dir_rmdir_in *in, struct dir_rmdir_out *out)
{
	struct trans_req *req;
	int err = begin(request, in->name, run_rmdir, reply_rmdir, &req);

	(void)out;
	return err < 0 ? err : door_go(req);
}

/* Whether the new name may be taken; a directory that changes its own might become its own
 * child, and who could tell? */
static int
check_rename(struct trans_req *req)
{
	trans_node_t from, to;
	struct stat st, there;
	int err = look(req, req->node, req->name, &from, &st);

	if (err < 0)
		return err;
	if (is_covered(from))
		return -EBUSY;
	if (S_ISDIR(st.st_mode) && req->node != req->new_node)
		return -EXDEV;
	err = look(req, req->new_node, req->new_name, &to, &there);
	if (err < 0)
		return err == -ENOENT ? 0 : err;
	if (req->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (is_covered(to))
		return -EBUSY;
	if (S_ISDIR(st.st_mode) == S_ISDIR(there.st_mode))
		return 0;
	return S_ISDIR(there.st_mode) ? -EISDIR : -ENOTDIR;
}

static void
run_rename(struct trans_req *req)
{
	int err = check_rename(req);

	if (err == 0)
		err = node_rename(req, req->node, req->name, req->new_node, req->new_name,
		    (unsigned)req->flags);
	if (err == 0) {
		notify_name(req->new_node, req->new_name);
		notify_node(req->new_node);
	}
	end(req, err);
}

static int
handle_rename(struct rpc_request *request, struct dir_rename_in *in, struct dir_rename_out *out)
{
	struct door_grant dir;
	struct trans_req *req;
	int err = take_right(&in->new_dir, TRANS_RIGHT_WRITE, &dir);

	(void)out;
	if (err == 0 && dir.type != S_IFDIR)
		err = -ENOTDIR;
	if (err == 0)
		err = node_check_name(in->new_name);
	if (err == 0 && in->flags & ~(uint32_t)RENAME_NOREPLACE)
		err = -EINVAL;
	if (err < 0)
		return rpc_fail(request, err, "%s", strerror(-err));
	err = begin(request, in->name, run_rename, reply_rename, &req);
	if (err < 0)
		return err;
	req->new_node = dir.node;
	strcpy(req->new_name, in->new_name);
	req->flags = (int)in->flags;
	return door_go(req);
}

const struct fs_server door_fs = {
	.dir_lookup = door_lookup,
	.dir_readdir = handle_readdir,
	.dir_create = handle_create,
	.dir_mkdir = handle_mkdir,
	.dir_symlink = handle_symlink,
	.dir_link = handle_link,
	.dir_unlink = handle_unlink,
	.dir_rmdir = handle_rmdir,
	.dir_rename = handle_rename,
	.file_chmod = door_chmod,
	.file_utimes = door_utimes,
	.file_set_size = door_set_size,
	.file_sync = door_sync,
	.file_readlink = door_readlink,
	.file_statfs = door_statfs,
};
