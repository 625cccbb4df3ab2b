/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zero: a file of zero bytes without end; what is written to it is gone. */
#include <string.h>

#include "trans/trans.h"

static ssize_t
zero_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)offset;
	memset(buf, 0, size);
	return (ssize_t)size;
}

static ssize_t
zero_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)buf, (void)offset;
	return (ssize_t)size;
}

static const struct trans_ops zero = {
	TRANS_OPS,
	.summary = "a file of zero bytes without end",
	.nature = TRANS_GENERATED,
	.read = zero_read,
	.write = zero_write,
};

int
main(int argc, char **argv)
{
	return trans_main(&zero, argc, argv);
}
