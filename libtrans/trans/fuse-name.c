/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-name: requests about names: looking up, making, removing. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "trans/listing.h"
#include "trans/node.h"
#include "trans/opens.h"

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

/* Answers with what was found or made (req->made), or with the error. */
static void
reply_made(struct trans_req *req, int err)
{
	struct stat st;

	if (err == 0)
		err = node_stat(req, req->made, &st);
	if (err < 0 && err != REQ_LATER && req->made)
		node_forget(req->made, 1);
	if (front_is_finished(req, err))
		return;
	if (node_has_tree() && !S_ISDIR(st.st_mode))
		listing_looked_up();
	front_reply_entry(req, req->made, &st);
}

static void
run_lookup(struct trans_req *req)
{
	int err = req->made ? 0 : node_lookup(req, req->node, req->name, &req->made);

	if (err == -ENOENT)
		reply_absent(req);
	else
		reply_made(req, err);
}

void
op_lookup(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_lookup);

	if (req)
		run_lookup(req);
}

/* Looked up more often than a crash lets us know, or an id of other content: nothing to do. */
static void
forget(fuse_ino_t id, uint64_t n)
{
	trans_node_t node;

	if (id != FUSE_ROOT_ID && front_node(id, &node) == 0)
		node_forget(node, n);
}

void
op_forget(fuse_req_t from, fuse_ino_t id, uint64_t n)
{
	forget(id, n);
	fuse_reply_none(from);
}

void
op_forget_multi(fuse_req_t from, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(from);
}

/* Making ------------------------------------------------------------------ */

static void
run_mknod(struct trans_req *req)
{
	reply_made(req, req->made ? 0 : node_create(req, req->node, req->name, req->st.st_mode,
	    req->st.st_rdev, &req->made));
}

void
op_mknod(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_mknod);

	if (!req)
		return;
	req->st.st_mode = mode;
	req->st.st_rdev = device;
	run_mknod(req);
}

static void
run_mkdir(struct trans_req *req)
{
	reply_made(req, req->made ? 0 : node_mkdir(req, req->node, req->name, req->st.st_mode,
	    &req->made));
}

void
op_mkdir(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_mkdir);

	if (!req)
		return;
	req->st.st_mode = mode & 07777;
	run_mkdir(req);
}

static void
run_symlink(struct trans_req *req)
{
	reply_made(req, req->made ? 0 : node_symlink(req, req->node, req->name, req->copy,
	    &req->made));
}

void
op_symlink(fuse_req_t from, const char *target, fuse_ino_t parent, const char *name)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_symlink);

	if (!req)
		return;
	req->copy = strdup(target);
	if (req->copy)
		run_symlink(req);
	else
		front_is_finished(req, -ENOMEM);
}

static void
run_link(struct trans_req *req)
{
	reply_made(req, req->made ? 0 : node_link(req, req->new_node, req->node, req->name,
	    &req->made));
}

void
op_link(fuse_req_t from, fuse_ino_t id, fuse_ino_t parent, const char *name)
{
	struct trans_req *req;
	trans_node_t node;

	if (front_node(id, &node) < 0) {
		fuse_reply_err(from, ESTALE);
		return;
	}
	req = front_begin_name(from, parent, name, NULL, run_link);
	if (!req)
		return;
	req->new_node = node;
	run_link(req);
}

/* Made and opened in one. What somebody else has made meanwhile is opened only, as open(2)
 * does it. */
static int
create(struct trans_req *req)
{
	int err;

	if (!req->name[0])
		return node_tmpfile(req, req->node, req->st.st_mode, &req->made);
	err = node_create(req, req->node, req->name, req->st.st_mode, 0, &req->made);

	if (err == -EEXIST && !(req->flags & O_EXCL))
		err = node_lookup(req, req->node, req->name, &req->made);
	return err;
}

static int
truncate_found(struct trans_req *req, const struct stat *st)
{
	if (!(req->flags & O_TRUNC) || st->st_size == 0)
		return 0;
	return node_change(req, req->made, &(struct stat){ .st_size = 0 }, NODE_SET_SIZE);
}

static void
reply_create(struct trans_req *req, const struct stat *st)
{
	struct fuse_entry_param entry = front_entry(req->made, st);
	struct fuse_file_info file = front_file(req->flags);

	if (req->slot)
		req->slot->before[1] = req->made;	/* what opens_undo needs */
	opens_change(req->slot, req->made, 1);
	/* Interrupted meanwhile: neither a RELEASE nor a FORGET will come. */
	if (fuse_reply_create(front_handle(req), &entry, &file) == -ENOENT) {
		if (opens_change(NULL, req->made, -1) == 0)
			node_close(req->made);
		node_forget(req->made, 1);
	}
	req_free(req);
}

static void
run_create(struct trans_req *req)
{
	struct stat st;
	int err = req->made ? 0 : create(req);

	if (err == 0)
		err = node_stat(req, req->made, &st);
	if (err == 0 && !S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
	if (err == 0)
		err = node_open(req, req->made, (req->flags & ~(O_EXCL | O_TRUNC)) | O_CREAT);
	if (err == 0)
		err = truncate_found(req, &st);
	if (err < 0 && err != REQ_LATER && req->made)
		node_forget(req->made, 1);
	if (front_is_finished(req, err))
		return;
	if (req->flags & O_TRUNC)
		st.st_size = 0;
	reply_create(req, &st);
}

void
op_create(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *file)
{
	struct trans_req *req = front.is_unnamed ? front_begin(from, parent, run_create) :
	    front_begin_name(from, parent, name, NULL, run_create);

	if (!req)
		return;
	if (front.is_unnamed)
		req->name[0] = '\0';
	req->st.st_mode = S_IFREG | (mode & 07777);
	req->flags = file->flags;
	run_create(req);
}

/* Taking away ------------------------------------------------------------- */

static void
reply_done(struct trans_req *req, int err)
{
	if (front_is_finished(req, err))
		return;
	fuse_reply_err(front_handle(req), 0);
	req_free(req);
}

static void
run_unlink(struct trans_req *req)
{
	reply_done(req, node_unlink(req, req->node, req->name));
}

void
op_unlink(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_unlink);

	if (req)
		run_unlink(req);
}

static void
run_rmdir(struct trans_req *req)
{
	reply_done(req, node_rmdir(req, req->node, req->name));
}

void
op_rmdir(fuse_req_t from, fuse_ino_t parent, const char *name)
{
	struct trans_req *req = front_begin_name(from, parent, name, NULL, run_rmdir);

	if (req)
		run_rmdir(req);
}

static void
run_rename(struct trans_req *req)
{
	reply_done(req, node_rename(req, req->node, req->name, req->new_node, req->new_name,
	    (unsigned)req->flags));
}

void
op_rename(fuse_req_t from, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
    const char *new_name, unsigned flags)
{
	struct trans_req *req;
	trans_node_t new_dir;

	if (front_node(new_parent, &new_dir) < 0) {
		fuse_reply_err(from, ESTALE);
		return;
	}
	req = front_begin_name(from, parent, name, new_name, run_rename);
	if (!req)
		return;
	req->new_node = new_dir;
	req->flags = (int)flags;
	run_rename(req);
}
