/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null: a file that is always empty; what is written to it is gone. */
#include "trans/trans.h"

static ssize_t
null_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)buf, (void)size, (void)offset;
	return 0;
}

static ssize_t
null_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)buf, (void)offset;
	return (ssize_t)size;
}

static const struct trans_ops null = {
	TRANS_OPS,
	.summary = "a file that is always empty, whatever is written to it",
	.nature = TRANS_GENERATED,
	.read = null_read,
	.write = null_write,
};

int
main(int argc, char **argv)
{
	return trans_main(&null, argc, argv);
}
