/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-dir: requests that list directories. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <string.h>

#include "trans/listing.h"
#include "trans/node.h"
#include "trans/opens.h"
#include "wire/fusewire.h"

void
op_opendir(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	trans_node_t node;
	int err = front_node(id, &node);

	if (err == 0 && front_is_fixed())
		err = -ENOSYS;
	if (err < 0) {
		fuse_reply_err(from, -err);
		return;
	}
	file->keep_cache = front_policy()->cache_readdir;
	file->cache_readdir = front_policy()->cache_readdir && node_is_settled();
	opens_change(front.slot, 0, 1);
	if (fuse_reply_open(from, file) == -ENOENT)
		opens_change(NULL, 0, -1);
}

void
op_releasedir(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file)
{
	(void)id;
	if (file->fh != FUSEWIRE_FH_EMPTY)
		opens_change(front.slot, 0, -1);
	fuse_reply_err(from, 0);
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
	size_t size = fuse_add_direntry(front_handle(listing->req), front.reply + listing->used, room,
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
		entry = front_entry(node, &st);
	size = fuse_add_direntry_plus(front_handle(listing->req), front.reply + listing->used, room,
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

	if (front_is_finished(req, node_readdir(req, req->node, req->offset, fill, &listing)))
		return;
	fuse_reply_buf(front_handle(req), front.reply, listing.used);
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
    const struct fuse_file_info *file, void (*run)(struct trans_req *))
{
	struct trans_req *req;

	if (file->fh == FUSEWIRE_FH_EMPTY) {
		fuse_reply_buf(from, NULL, 0);
		return;
	}
	req = front_begin(from, id, run);
	if (!req)
		return;
	req->size = size < FUSEWIRE_MAX_WRITE ? size : FUSEWIRE_MAX_WRITE;
	req->offset = offset;
	run(req);
}

void
op_readdir(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file)
{
	start_listing(from, id, size, offset, file, run_readdir);
}

void
op_readdirplus(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    struct fuse_file_info *file)
{
	start_listing(from, id, size, offset, file, run_readdirplus);
}
