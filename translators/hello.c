/* SPDX-License-Identifier: 0BSD */
/* hello: a read-only file that greets whoever reads it. */
#include <string.h>
#include "trans/trans.h"

static const char *contents = "Hello, world!\n";

static const struct trans_option options[] = {
	TRANS_STRING("contents", 'c', &contents, "what the file says"),
	TRANS_OPTIONS_END
};

static int
hello_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req, (void)node;
	st->st_size = strlen(contents);
	return 0;
}

static ssize_t
hello_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req, (void)node;
	return trans_copy(buf, size, offset, contents, strlen(contents));
}

static const struct trans_ops hello = {
	TRANS_OPS,
	.summary = "a file that says hello",
	.options = options,
	.stat = hello_stat,
	.read = hello_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&hello, argc, argv);
}
