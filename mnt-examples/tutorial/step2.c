/* SPDX-License-Identifier: 0BSD */
/* step2: a file that can be written. What is in it goes with the process. */
#include <errno.h>
#include <string.h>
#include <hird/trans.h>

enum { ROOM = 65536 };

static char text[ROOM];
static size_t length;

static int
note_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	st->st_size = length;
	return 0;
}

static ssize_t
note_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	return trans_copy(buf, size, offset, text, length);
}

static int
note_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	if (size > ROOM)
		return -EFBIG;
	if ((size_t)size > length)
		memset(text + length, 0, size - length);
	length = size;
	return 0;
}

static ssize_t
note_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	size_t end = offset + size;
	int err = note_truncate(req, node, end > length ? end : length);

	if (err < 0)
		return err;
	memcpy(text + offset, buf, size);
	return size;
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.summary = "a file that can be written",
	.nature = TRANS_ELSEWHERE,
	.stat = note_stat,
	.read = note_read,
	.write = note_write,
	.truncate = note_truncate,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
