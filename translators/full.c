/* SPDX-License-Identifier: GPL-2.0-or-later */
/* full: a file of zero bytes without end on a disk that is always full. */
#include <errno.h>
#include <string.h>

#include "trans/trans.h"

static ssize_t
full_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)offset;
	memset(buf, 0, size);
	return (ssize_t)size;
}

static ssize_t
full_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)buf, (void)size, (void)offset;
	return -ENOSPC;
}

static const struct trans_ops full = {
	TRANS_OPS,
	.summary = "a file to which nothing can be written, for want of space",
	.nature = TRANS_GENERATED,
	.read = full_read,
	.write = full_write,
};

int
main(int argc, char **argv)
{
	return trans_main(&full, argc, argv);
}
