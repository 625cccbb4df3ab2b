/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-name: requests about names: looking up, making, removing. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "trans/listing.h"
#include "trans/node.h"

/* A name that is not there: worth remembering, where that stays so. */
static void
reply_absent(struct trans_req *req)
{
	struct fuse_entry_param entry = { .entry_timeout = front_policy()->absent };

	if (!req_claim(req))
		return;
	if (entry.entry_timeout > 0)
		fuse_reply_entry(front_handle(req), &entry);
	else
		fuse_reply_err(front_handle(req), ENOENT);
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
	if (front_is_finished(req, err))
		return;
	entry = front_entry(node, &st);
	fuse_reply_entry(front_handle(req), &entry);
	req_free(req);
	if (node_has_tree() && !S_ISDIR(st.st_mode))
		listing_looked_up();
}

void
op_lookup(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	struct trans_req *req;

	if (strlen(name) > NAME_MAX) {
		fuse_reply_err(from, ENAMETOOLONG);
		return;
	}
	req = front_begin(from, parent, run_lookup);
	if (!req)
		return;
	strcpy(req->name, name);
	run_lookup(req);
}

void
op_forget(fuse_req_t from, fuse_ino_t id, uint64_t n)
{
	(void)id;
	(void)n;
	fuse_reply_none(from);
}

void
op_forget_multi(fuse_req_t from, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(from);
}

void
op_mknod(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	fuse_reply_err(from, EROFS);
}

void
op_mkdir(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_err(from, EROFS);
}

void
op_remove(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

void
op_symlink(fuse_req_t from, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

void
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

void
op_link(fuse_req_t from, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
	(void)id;
	(void)parent;
	(void)name;
	fuse_reply_err(from, EROFS);
}

void
op_create(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *file)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)file;
	fuse_reply_err(from, EROFS);
}
