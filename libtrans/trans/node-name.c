/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node-name: names made and taken away, each once.
 *
 * A kill can fall between what a callback did and its answer; the kernel then delivers the
 * request again, and a second mkdir would say EEXIST of the first one's work. So what the names
 * led to is noted in the request's slot of the journal before the callback runs. When the request
 * comes again, what they lead to now is compared with that, and what was done is not done
 * anew. While a request of this kind waits for its answer, the kernel lets nobody else change
 * these names through this mount. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "trans/node.h"
#include "trans/translator.h"
#include "wire/recovery.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

/* See node.h. */
int
node_check_name(const char *name)
{
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* What a name leads to, 0 for nothing; nobody is told, so nobody will forget it. */
static int
peek(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	trans_node_t node = 0;
	int err = node_lookup(req, dir, name, &node);

	if (err == -ENOENT)
		err = 0;
	else if (err == 0)
		node_forget(node, 1);
	req->given = 0;		/* it may be another one after the change */
	if (err == 0)
		*nodep = node;
	return err;
}

/* The names that a request is about: one, or two. */
struct names {
	trans_node_t dir;
	const char *name;
	trans_node_t new_dir;
	const char *new_name;	/* NULL: there is no second */
};

typedef bool was_done_fn(const uint64_t before[2], const trans_node_t now[2]);

enum { RUN = 0, DONE = 1 };

/* RUN: the callback is to be called. DONE: a predecessor's did it. Or an error, or REQ_LATER. */
static int
begin(struct trans_req *req, const struct names *names, was_done_fn *was_done)
{
	struct recovery_slot *slot = req->slot;
	trans_node_t now[2] = { 0, 0 };
	int err;

	if (req->done)
		return DONE;
	if (!slot || ((slot->flags & RECOVERY_INTENT) && !req->known))
		return RUN;
	err = peek(req, names->dir, names->name, &now[0]);
	if (err == 0 && names->new_name)
		err = peek(req, names->new_dir, names->new_name, &now[1]);
	if (err < 0)
		return err;
	req->known = false;
	if (slot->flags & RECOVERY_INTENT) {
		req->done = was_done(slot->before, now);
		return req->done ? DONE : RUN;
	}
	slot->before[0] = now[0];
	slot->before[1] = now[1];
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	slot->flags |= RECOVERY_INTENT;
	return RUN;
}

static bool
was_made(const uint64_t before[2], const trans_node_t now[2])
{
	return before[0] == 0 && now[0] != 0;
}

static bool
was_removed(const uint64_t before[2], const trans_node_t now[2])
{
	return before[0] != 0 && now[0] != before[0];
}

static bool
was_renamed(const uint64_t before[2], const trans_node_t now[2])
{
	return before[0] != 0 && now[1] == before[0] && now[0] != before[0];
}

static bool
was_exchanged(const uint64_t before[2], const trans_node_t now[2])
{
	return before[0] != 0 && before[1] != 0 && now[0] == before[1] && now[1] == before[0];
}

/* A node that was made must be one; the root is there already. */
static int
take_made(int err, trans_node_t node, const char *what, trans_node_t *nodep)
{
	if (err == 0 && (node == 0 || node == TRANS_ROOT)) {
		trans_log("its %s gives node %d, which cannot be an entry's", what, (int)node);
		return -EIO;
	}
	if (err == 0)
		*nodep = node;
	return err;
}

/* Whether the callback is to be called; otherwise *errp and *nodep are the answer. */
static bool
begin_to_make(struct trans_req *req, trans_node_t dir, const char *name, bool possible,
    trans_node_t *nodep, int *errp)
{
	*errp = possible ? begin(req, &(struct names){ dir, name, 0, NULL }, was_made) :
	    node_cannot();
	if (*errp != DONE)
		return *errp == RUN;
	*errp = node_lookup(req, dir, name, nodep);
	return false;
}

/* See trans.h. */
int
node_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep)
{
	trans_node_t node = 0;
	int err;

	if (!begin_to_make(req, dir, name, translator.ops.create, nodep, &err))
		return err;
	err = translator.ops.create(req, dir, name, mode, rdev, &node);
	return take_made(err, node, "create", nodep);
}

/* See node.h. A predecessor's is taken over, if there is one. */
int
node_tmpfile(struct trans_req *req, trans_node_t dir, mode_t mode, trans_node_t *nodep)
{
	struct recovery_slot *slot = req->slot;
	trans_node_t node = req->known && slot ? slot->before[1] : 0;
	struct stat st;
	int err;

	if (!translator.ops.tmpfile)
		return node_cannot();
	if (node != 0 && node_stat(req, node, &st) == 0) {
		*nodep = node;
		return 0;
	}
	err = translator.ops.tmpfile(req, dir, mode, &node);
	err = take_made(err, node, "tmpfile", nodep);
	if (err == 0 && slot)
		slot->before[1] = node;
	return err;
}

/* See trans.h. */
int
node_mkdir(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
    trans_node_t *nodep)
{
	trans_node_t node = 0;
	int err;

	if (!begin_to_make(req, dir, name, translator.ops.mkdir, nodep, &err))
		return err;
	err = translator.ops.mkdir(req, dir, name, mode, &node);
	return take_made(err, node, "mkdir", nodep);
}

/* See trans.h. */
int
node_symlink(struct trans_req *req, trans_node_t dir, const char *name, const char *target,
    trans_node_t *nodep)
{
	trans_node_t node = 0;
	int err;

	if (!begin_to_make(req, dir, name, translator.ops.symlink, nodep, &err))
		return err;
	err = translator.ops.symlink(req, dir, name, target, &node);
	return take_made(err, node, "symlink", nodep);
}

/* See trans.h; the node it gives is the same, and counts as looked up once more. */
int
node_link(struct trans_req *req, trans_node_t node, trans_node_t dir, const char *name,
    trans_node_t *nodep)
{
	int err = 0;

	if (!req->done && begin_to_make(req, dir, name, translator.ops.link, nodep, &err)) {
		err = translator.ops.link(req, node, dir, name);
		req->done = err == 0;
	}
	if (err == 0 && *nodep == 0)
		err = node_lookup(req, dir, name, nodep);
	if (err != 0 || *nodep == node)
		return err;
	/* Somebody else put another there at the same moment. */
	node_forget(*nodep, 1);
	return -EEXIST;
}

static int
remove_name(struct trans_req *req, trans_node_t dir, const char *name,
    int (*callback)(struct trans_req *, trans_node_t, const char *))
{
	int err = callback ? begin(req, &(struct names){ dir, name, 0, NULL }, was_removed) :
	    node_cannot();

	if (err == DONE)
		return 0;
	return err == RUN ? callback(req, dir, name) : err;
}

/* See trans.h. */
int
node_unlink(struct trans_req *req, trans_node_t dir, const char *name)
{
	return remove_name(req, dir, name, translator.ops.unlink);
}

/* See trans.h. */
int
node_rmdir(struct trans_req *req, trans_node_t dir, const char *name)
{
	return remove_name(req, dir, name, translator.ops.rmdir);
}

/* See trans.h. */
int
node_rename(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t new_dir,
    const char *new_name, unsigned flags)
{
	const struct names names = { dir, name, new_dir, new_name };
	int err;

	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (!translator.ops.rename)
		return node_cannot();
	err = begin(req, &names, flags & RENAME_EXCHANGE ? was_exchanged : was_renamed);
	if (err == DONE)
		return 0;
	if (err != RUN)
		return err;
	return translator.ops.rename(req, dir, name, new_dir, new_name, flags);
}
