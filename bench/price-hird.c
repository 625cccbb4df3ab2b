/* SPDX-License-Identifier: GPL-2.0-or-later */
/* price-hird: the content as a translator. Built twice, with the nature that has all remembered and the
 * one that has nothing. */
#include "bench/content.h"
#include "trans/trans.h"

static int
price_start(void)
{
	return content_start();
}

static int
price_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	return content_stat(node, st);
}

static int
price_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	(void)req;
	(void)dir;
	return content_lookup(name, nodep);
}

static ssize_t
price_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req;
	return content_read(node, buf, size, offset);
}

static ssize_t
price_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req;
	return content_write(node, buf, size, offset);
}

static int
price_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep)
{
	(void)req;
	(void)dir;
	(void)mode;
	(void)rdev;
	return content_create(name, nodep);
}

static int
price_unlink(struct trans_req *req, trans_node_t dir, const char *name)
{
	(void)req;
	(void)dir;
	return content_unlink(name);
}

static const struct trans_ops price = {
	TRANS_OPS,
	.summary = "a directory in memory",
	.kind = TRANS_DIR,
	.nature = PRICE_NATURE,
	.start = price_start,
	.stat = price_stat,
	.lookup = price_lookup,
	.read = price_read,
	.write = price_write,
	.create = price_create,
	.unlink = price_unlink,
};

int
main(int argc, char **argv)
{
	return trans_main(&price, argc, argv);
}
