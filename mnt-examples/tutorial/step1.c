/* SPDX-License-Identifier: 0BSD */
/* step1: a file that greets. */
#include <string.h>
#include <hird/trans.h>

static const char *contents = "Hello, world!\n";

static const struct trans_option options[] = {
	TRANS_STRING("contents", 'c', &contents, "what the file says"),
	TRANS_OPTIONS_END
};

static int
greet_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	st->st_size = strlen(contents);
	return 0;
}

static ssize_t
greet_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	return trans_copy(buf, size, offset, contents, strlen(contents));
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.summary = "a file that greets",
	.options = options,
	.stat = greet_stat,
	.read = greet_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
