/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-tmpfs-model: what a file system is, said as plainly as can be: an array of
 * nodes and an array of names, gone through from end to end each time. */
#ifndef TEST_TMPFS_MODEL_H
#define TEST_TMPFS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "translators/tmpfs-store.h"

enum {
	MODEL_NODES = 12,
	MODEL_NAMES = 24,
	MODEL_CONTENT = 40000,	/* more than an inode can refer to without a tree */
	MODEL_XATTRS = 2,
	MODEL_XATTR_SIZE = 1500,
};

struct model_node {
	bool used, open;
	uint64_t id;		/* the store's */
	mode_t mode;
	uint64_t rdev;
	uint32_t uid, gid;
	int64_t atime, mtime, ctime;
	size_t size;
	unsigned char content[MODEL_CONTENT];	/* or the target */
	int xattrs[MODEL_XATTRS];		/* size, of which each byte is the number; -1: none */
};

struct model_name {
	bool used;
	int dir, child;
	const char *name;
};

struct model {
	uint32_t uid, gid;			/* of new nodes */
	struct model_node nodes[MODEL_NODES];	/* 0 is the root */
	struct model_name names[MODEL_NAMES];
};

enum op_kind {
	OP_MAKE, OP_LINK, OP_UNLINK, OP_RMDIR, OP_RENAME, OP_CHANGE, OP_WRITE, OP_TRUNCATE,
	OP_ALLOCATE, OP_OPEN, OP_CLOSE, OP_SETXATTR, OP_REMOVEXATTR, OP_KINDS,
};

/* One operation, of any kind. */
struct op {
	enum op_kind kind;
	int node, dir, new_dir;
	const char *name, *new_name;
	unsigned flags;		/* of rename, fallocate; what of change; number of an attribute */
	mode_t mode;
	const char *target;
	size_t size, offset;
	unsigned char byte;
	struct timespec now;
};

void model_init(struct model *model, mode_t mode, uint32_t uid, uint32_t gid, int64_t now);
struct op model_choose(const struct model *model, uint64_t *random, int64_t now);
/* Its answer; *madep is the node that was made, or -1. */
int model_apply(struct model *model, const struct op *op, int *madep);
int model_find(const struct model *model, int dir, const char *name);
int model_links(const struct model *model, int node);
unsigned char model_byte(const struct op *op, size_t i);
const char *model_xattr_name(unsigned number);

#endif
