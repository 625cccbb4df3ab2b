/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-tmpfs-model: what a file system is, said as plainly as can be. */
#include "translators/test-tmpfs-model.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>

static const char *const short_names[] = { "a", "b", "c", "d", "e", "f" };
static const char fifty[] = "0123456789012345678901234567890123456789-fifty-one";
static char longest[256];

/* As next_random of base/testing.h. */
static uint32_t
below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32) % n;
}

static const char *
choose_name(uint64_t *random)
{
	uint32_t i = below(random, 8);

	if (longest[0] == '\0')
		memset(longest, 'x', 255);
	return i < 6 ? short_names[i] : i == 6 ? fifty : longest;
}

/* A tree of nothing but the root. */
void
model_init(struct model *model, mode_t mode, uint32_t uid, uint32_t gid, int64_t now)
{
	memset(model, 0, sizeof(*model));
	model->uid = uid;
	model->gid = gid;
	model->nodes[0] = (struct model_node){ .used = true, .id = STORE_ROOT,
		.mode = S_IFDIR | mode, .uid = uid, .gid = gid,
		.atime = now, .mtime = now, .ctime = now, .xattrs = { -1, -1 } };
}

/* The index in names, or -1. */
int
model_find(const struct model *model, int dir, const char *name)
{
	for (int i = 0; i < MODEL_NAMES; i++)
		if (model->names[i].used && model->names[i].dir == dir &&
		    strcmp(model->names[i].name, name) == 0)
			return i;
	return -1;
}

/* How many names a node has. */
int
model_links(const struct model *model, int node)
{
	int n = 0;

	for (int i = 0; i < MODEL_NAMES; i++)
		n += model->names[i].used && model->names[i].child == node;
	return n;
}

static bool
is_dir(const struct model *model, int node)
{
	return S_ISDIR(model->nodes[node].mode);
}

static bool
is_empty(const struct model *model, int dir)
{
	for (int i = 0; i < MODEL_NAMES; i++)
		if (model->names[i].used && model->names[i].dir == dir)
			return false;
	return true;
}

static bool
is_beneath(const struct model *model, int node, int top)
{
	if (node == top)
		return true;
	for (int i = 0; i < MODEL_NAMES; i++)
		if (model->names[i].used && model->names[i].child == node)
			return is_beneath(model, model->names[i].dir, top);
	return false;
}

static int
free_node(const struct model *model)
{
	for (int i = 1; i < MODEL_NODES; i++)
		if (!model->nodes[i].used)
			return i;
	return -1;
}

static int
free_name(const struct model *model)
{
	for (int i = 0; i < MODEL_NAMES; i++)
		if (!model->names[i].used)
			return i;
	return -1;
}

/* Choosing ------------------------------------------------------------------- */

static int
choose_node(const struct model *model, uint64_t *random, bool dir)
{
	int found = 0;

	for (int i = 0, n = 0; i < MODEL_NODES; i++)
		if (model->nodes[i].used && is_dir(model, i) == dir && below(random, ++n) == 0)
			found = i;
	return found;
}

static void
choose_type(struct op *op, uint64_t *random)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFIFO,
		S_IFCHR };

	op->mode = types[below(random, 8)] | below(random, 01000);
	op->target = below(random, 2) ? "../short" : longest;
	if (longest[0] == '\0')
		op->target = fifty;
}

/* Nothing beyond the end is asked for without the end: a crash may take that back. */
static void
choose_allocation(const struct model *model, struct op *op, uint64_t *random)
{
	size_t size = model->nodes[op->node].size;

	op->size += op->size == 0;
	op->flags = (unsigned[]){ 0, FALLOC_FL_ZERO_RANGE, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE }[below(random, 4)];
	if (op->flags == FALLOC_FL_KEEP_SIZE && op->offset + op->size > size)
		op->flags = 0;
}

/* An operation that the model has room for; some of them fail. */
struct op
model_choose(const struct model *model, uint64_t *random, int64_t now)
{
	struct op op = {
		.kind = below(random, OP_KINDS),
		.node = choose_node(model, random, below(random, 8) == 0),
		.dir = choose_node(model, random, true),
		.new_dir = choose_node(model, random, true),
		.name = choose_name(random), .new_name = choose_name(random),
		.size = below(random, 3) ? below(random, 9000) : below(random, MODEL_CONTENT / 2),
		.byte = (unsigned char)below(random, 256),
		.now = { now, (long)(now % 1000000000) },
	};

	op.offset = below(random, (uint32_t)(MODEL_CONTENT - op.size));
	if ((free_node(model) < 0 || free_name(model) < 0) &&
	    (op.kind == OP_MAKE || op.kind == OP_LINK))
		op.kind = OP_UNLINK;
	if (op.kind == OP_RENAME)
		op.flags = (unsigned[]){ 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE }[below(random, 4)];
	if (op.kind == OP_CHANGE)
		op.flags = below(random, 32);
	if (op.kind == OP_SETXATTR || op.kind == OP_REMOVEXATTR) {
		op.flags = below(random, MODEL_XATTRS);
		op.size %= MODEL_XATTR_SIZE;
	}
	if (op.kind == OP_ALLOCATE)
		choose_allocation(model, &op, random);
	if (op.kind == OP_CHANGE || op.kind == OP_MAKE)
		choose_type(&op, random);
	return op;
}

/* Applying ------------------------------------------------------------------- */

static void
touch(struct model *model, int node, int64_t now, bool content)
{
	model->nodes[node].ctime = now;
	if (content)
		model->nodes[node].mtime = now;
}

static void
drop_unused(struct model *model, int node)
{
	if (node != 0 && model_links(model, node) == 0 && !model->nodes[node].open)
		model->nodes[node].used = false;
}

static void
put_name(struct model *model, int dir, const char *name, int child)
{
	model->names[free_name(model)] = (struct model_name){ true, dir, child, name };
}

static int
may_add(const struct model *model, int dir, const char *name)
{
	if (dir != 0 && model_links(model, dir) == 0)
		return -ENOENT;
	return model_find(model, dir, name) >= 0 ? -EEXIST : 0;
}

static int
apply_make(struct model *model, const struct op *op, int *madep)
{
	int err = may_add(model, op->dir, op->name), made = free_node(model);
	struct model_node *dir = &model->nodes[op->dir], *node = &model->nodes[made];

	if (err < 0)
		return err;
	*node = (struct model_node){ .used = true, .mode = op->mode, .uid = model->uid,
		.gid = dir->mode & S_ISGID ? dir->gid : model->gid,
		.rdev = S_ISCHR(op->mode) ? 259 : 0, .xattrs = { -1, -1 },
		.atime = op->now.tv_sec, .mtime = op->now.tv_sec, .ctime = op->now.tv_sec };
	if (S_ISDIR(op->mode))
		node->mode |= dir->mode & S_ISGID;
	if (S_ISLNK(op->mode)) {
		node->size = strlen(op->target);
		memcpy(node->content, op->target, node->size);
	}
	put_name(model, op->dir, op->name, made);
	touch(model, op->dir, op->now.tv_sec, true);
	*madep = made;
	return 0;
}

static int
apply_link(struct model *model, const struct op *op)
{
	int err = may_add(model, op->dir, op->name);

	if (is_dir(model, op->node))
		return -EPERM;
	if (err < 0)
		return err;
	put_name(model, op->dir, op->name, op->node);
	touch(model, op->node, op->now.tv_sec, false);
	touch(model, op->dir, op->now.tv_sec, true);
	return 0;
}

static int
apply_remove(struct model *model, const struct op *op, bool want_dir)
{
	int at = model_find(model, op->dir, op->name), child;

	if (at < 0)
		return -ENOENT;
	child = model->names[at].child;
	if (is_dir(model, child) != want_dir)
		return want_dir ? -ENOTDIR : -EISDIR;
	if (want_dir && !is_empty(model, child))
		return -ENOTEMPTY;
	model->names[at].used = false;
	touch(model, child, op->now.tv_sec, false);
	touch(model, op->dir, op->now.tv_sec, true);
	drop_unused(model, child);
	return 0;
}

static int
may_rename(const struct model *model, const struct op *op, int child, int there)
{
	bool exchange = op->flags == RENAME_EXCHANGE;

	if (is_dir(model, child) && is_beneath(model, op->new_dir, child))
		return -EINVAL;
	if (exchange)
		return is_dir(model, there) && is_beneath(model, op->dir, there) ? -EINVAL : 0;
	if (there < 0)
		return op->new_dir != 0 && model_links(model, op->new_dir) == 0 ? -ENOENT : 0;
	if (is_dir(model, child) && !is_dir(model, there))
		return -ENOTDIR;
	if (!is_dir(model, child) && is_dir(model, there))
		return -EISDIR;
	return is_dir(model, there) && !is_empty(model, there) ? -ENOTEMPTY : 0;
}

static int
apply_rename(struct model *model, const struct op *op)
{
	int from = model_find(model, op->dir, op->name);
	int to = model_find(model, op->new_dir, op->new_name), child, there, err;

	if (from < 0)
		return -ENOENT;
	if (op->flags == RENAME_NOREPLACE && to >= 0)
		return -EEXIST;
	if (op->flags == RENAME_EXCHANGE && to < 0)
		return -ENOENT;
	child = model->names[from].child;
	there = to < 0 ? -1 : model->names[to].child;
	if (child == there)
		return 0;
	err = may_rename(model, op, child, there);
	if (err < 0)
		return err;
	if (op->flags == RENAME_EXCHANGE) {
		model->names[from].child = there;
	} else {
		model->names[from].used = false;
	}
	if (to < 0)
		put_name(model, op->new_dir, op->new_name, child);
	else
		model->names[to].child = child;
	touch(model, child, op->now.tv_sec, false);
	touch(model, op->dir, op->now.tv_sec, true);
	touch(model, op->new_dir, op->now.tv_sec, true);
	if (there >= 0) {
		touch(model, there, op->now.tv_sec, false);
		drop_unused(model, there);
	}
	return 0;
}

static int
apply_change(struct model *model, const struct op *op)
{
	struct model_node *node = &model->nodes[op->node];

	if (op->flags & STORE_SET_MODE)
		node->mode = (node->mode & S_IFMT) | (op->mode & 07777);
	if (op->flags & STORE_SET_UID)
		node->uid = (uint32_t)op->size;
	if (op->flags & STORE_SET_GID)
		node->gid = (uint32_t)op->offset;
	if (op->flags & STORE_SET_ATIME)
		node->atime = (int64_t)op->size;
	if (op->flags & STORE_SET_MTIME)
		node->mtime = (int64_t)op->offset;
	node->ctime = op->now.tv_sec;
	return 0;
}

/* Byte i of what an operation writes. */
unsigned char
model_byte(const struct op *op, size_t i)
{
	return (unsigned char)(op->byte + i / 7);
}

static int
apply_content(struct model *model, const struct op *op)
{
	struct model_node *node = &model->nodes[op->node];
	size_t size = node->size;

	if (!S_ISREG(node->mode))
		return is_dir(model, op->node) ? -EISDIR : -EINVAL;
	if (op->kind == OP_WRITE) {
		for (size_t i = 0; i < op->size; i++)
			node->content[op->offset + i] = model_byte(op, i);
		if (op->size == 0)
			return 0;
		node->size = op->offset + op->size > size ? op->offset + op->size : size;
	} else {
		node->size = op->size;
		memset(node->content + op->size, 0, MODEL_CONTENT - op->size);
	}
	touch(model, op->node, op->now.tv_sec, true);
	return op->kind == OP_WRITE ? (int)op->size : 0;
}

static int
apply_allocate(struct model *model, const struct op *op)
{
	struct model_node *node = &model->nodes[op->node];
	size_t end = op->offset + op->size;

	if (!S_ISREG(node->mode))
		return is_dir(model, op->node) ? -EISDIR : -EINVAL;
	if (op->flags & (FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE))
		memset(node->content + op->offset, 0, op->size);
	if (!(op->flags & FALLOC_FL_KEEP_SIZE) && end > node->size)
		node->size = end;
	touch(model, op->node, op->now.tv_sec, true);
	return 0;
}

static int
apply_xattr(struct model *model, const struct op *op)
{
	struct model_node *node = &model->nodes[op->node];

	if (op->kind == OP_REMOVEXATTR && node->xattrs[op->flags] < 0)
		return -ENODATA;
	node->xattrs[op->flags] = op->kind == OP_SETXATTR ? (int)op->size : -1;
	node->ctime = op->now.tv_sec;
	return 0;
}

/* See test-tmpfs-model.h. */
int
model_apply(struct model *model, const struct op *op, int *madep)
{
	*madep = -1;
	switch (op->kind) {
	case OP_MAKE: return apply_make(model, op, madep);
	case OP_LINK: return apply_link(model, op);
	case OP_UNLINK: return apply_remove(model, op, false);
	case OP_RMDIR: return apply_remove(model, op, true);
	case OP_RENAME: return apply_rename(model, op);
	case OP_CHANGE: return apply_change(model, op);
	case OP_WRITE: case OP_TRUNCATE: return apply_content(model, op);
	case OP_ALLOCATE: return apply_allocate(model, op);
	case OP_SETXATTR: case OP_REMOVEXATTR: return apply_xattr(model, op);
	case OP_OPEN: case OP_CLOSE:
		model->nodes[op->node].open = op->kind == OP_OPEN;
		drop_unused(model, op->node);
		return 0;
	case OP_KINDS: break;
	}
	return -ENOSYS;
}

/* The attributes that operations set. */
const char *
model_xattr_name(unsigned number)
{
	return number == 0 ? "user.one" : "security.another";
}
