/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-request: from a request of the kernel to one of ours and back: node ids,
 * what the kernel may remember, and how a request begins and ends. */
#include "trans/fuse-front.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "trans/memory.h"
#include "trans/node.h"
#include "trans/translator.h"

#define FOREVER (365.0 * 86400)

static const struct front_policy policies[] = {
	[TRANS_IMMUTABLE] = { .timeout = FOREVER, .absent = FOREVER, .keep_cache = true,
	    .cache_readdir = true },
	[TRANS_OURS] = { .timeout = FOREVER, .absent = FOREVER, .keep_cache = true },
	[TRANS_ELSEWHERE] = { .timeout = 1, .absent = 1 },
	[TRANS_GENERATED] = { .direct_io = true },
};

/* What is so of this translator's content. */
const struct front_policy *
front_policy(void)
{
	return &policies[translator.ops.nature];
}

/* For how long names and attributes are good, in seconds. */
double
front_timeout(void)
{
	return node_is_settled() ? front_policy()->timeout : 0;
}

/* Where every file is there to stay, opens need not be asked for, or counted, and
 * there never will be extended attributes. The kernel is told so by ENOSYS, once,
 * for the life of the mount: true means that any successor can live with that. */
bool
front_is_fixed(void)
{
	return node_has_tree() && translator.ops.nature == TRANS_IMMUTABLE &&
	    (front.flags & FUSE_NO_OPEN_SUPPORT) && (front.flags & FUSE_NO_OPENDIR_SUPPORT);
}

/* Node ids --------------------------------------------------------------- */

/* An index into a tree means something in one epoch only; other nodes are the
 * author's to keep apart. */
uint64_t
front_id(trans_node_t node)
{
	if (node == TRANS_ROOT || !node_has_tree())
		return node;
	return node | (uint64_t)memory_epoch() << 32;
}

/* The node behind an id. 0 or -ESTALE. */
int
front_node(uint64_t id, trans_node_t *nodep)
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

/* By which libfuse knows it. */
fuse_req_t
front_handle(const struct trans_req *req)
{
	return req->handle;
}

/* As the kernel wants it: ENOSYS it would believe for ever, of all files. */
static int
errno_of(ssize_t error)
{
	if (error == -ENOSYS && !front_is_fixed())
		return EOPNOTSUPP;
	return (int)-error;
}

/* Answers of the author's own, from any thread: a read or a link's target. */
static void
door_error(struct trans_req *req, int error)
{
	fuse_reply_err(front_handle(req), errno_of(error));
}

static void
door_data(struct trans_req *req, const void *data, size_t size)
{
	char target[4096];

	if (req->run == front_run_read) {
		fuse_reply_buf(front_handle(req), data, size < req->size ? size : req->size);
	} else if (req->run == front_run_readlink && size < sizeof(target)) {
		memcpy(target, data, size);
		target[size] = '\0';
		fuse_reply_readlink(front_handle(req), target);
	} else {
		log_error("data was given as the answer to a request that takes none");
		fuse_reply_err(front_handle(req), EIO);
	}
}

static void
door_drop(struct trans_req *req)
{
	fuse_reply_none(front_handle(req));
}

static const struct req_door door = { .error = door_error, .data = door_data, .drop = door_drop };

/* A request for a node; NULL when it has been answered already. */
struct trans_req *
front_begin(fuse_req_t from, fuse_ino_t id, void (*run)(struct trans_req *))
{
	struct trans_req *req;
	trans_node_t node;
	int err = front_node(id, &node);

	req = err == 0 ? req_begin(&door, run, from, front.unique) : NULL;
	if (!req) {
		fuse_reply_err(from, err < 0 ? -err : ENOMEM);
		return NULL;
	}
	req->uid = fuse_req_ctx(from)->uid;
	req->gid = fuse_req_ctx(from)->gid;
	req->pid = fuse_req_ctx(from)->pid;
	req->rights = TRANS_RIGHT_ALL;	/* the kernel has looked at the mode */
	req->node = node;
	req->id = id;
	req->slot = STEAL_PTR(front.slot);
	req->known = front.known;
	return req;
}

/* The same for the names that come with a request; the second may be NULL. */
struct trans_req *
front_begin_name(fuse_req_t from, fuse_ino_t id, const char *name, const char *new_name,
    void (*run)(struct trans_req *))
{
	int err = node_check_name(name);
	struct trans_req *req;

	if (err == 0 && new_name)
		err = node_check_name(new_name);
	if (err < 0) {
		fuse_reply_err(from, -err);
		return NULL;
	}
	req = front_begin(from, id, run);
	if (req)
		strcpy(req->name, name);
	if (req && new_name)
		strcpy(req->new_name, new_name);
	return req;
}

/* Keeps what was given with the request. false: it has been answered. */
bool
front_copy(struct trans_req *req, const void *data, size_t size)
{
	req->size = size;
	req->copy = malloc(size + 1);
	if (!req->copy) {
		front_is_finished(req, -ENOMEM);
		return false;
	}
	if (size > 0)
		memcpy(req->copy, data, size);
	return true;
}

/* Whether an error, or nothing yet, is all there is to say; says it. */
bool
front_is_finished(struct trans_req *req, ssize_t result)
{
	if (result == REQ_LATER)
		return true;
	if (!req_claim(req))
		return true;
	if (result >= 0)
		return false;
	fuse_reply_err(front_handle(req), errno_of(result));
	req_free(req);
	return true;
}

/* What the kernel is told of a node that it looked up. */
struct fuse_entry_param
front_entry(trans_node_t node, const struct stat *st)
{
	return (struct fuse_entry_param){
		.ino = front_id(node),
		/* With another one the kernel gives up what it has open of the node. */
		.generation = node_has_tree() ? memory_epoch() : 0,
		.attr = *st,
		.attr_timeout = front_timeout(),
		.entry_timeout = front_timeout(),
	};
}

/* Answers with an entry. Whoever asked may have been interrupted: then the kernel does
 * not know the node. */
void
front_reply_entry(struct trans_req *req, trans_node_t node, const struct stat *st)
{
	struct fuse_entry_param entry = front_entry(node, st);

	if (fuse_reply_entry(front_handle(req), &entry) == -ENOENT)
		node_forget(node, 1);
	req_free(req);
}
