/* SPDX-License-Identifier: 0BSD */
/* step3: a file that can be written. What is in it outlives the process. */
#include <errno.h>
#include <string.h>
#include <hird/trans.h>

enum { ROOM = 65536 };

static struct note {
	_Atomic size_t length;
	char text[ROOM];
} *note;

static int
note_start(void)
{
	size_t size;

	note = trans_memory(&size);
	if (size < sizeof(*note))
		return trans_error(ENOMEM, "%zu bytes of memory are too few", size);
	if (note->length > ROOM) {
		trans_log("the memory is damaged: the note is empty");
		note->length = 0;
	}
	return 0;
}

static int
note_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	st->st_size = note->length;
	return 0;
}

static ssize_t
note_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	return trans_copy(buf, size, offset, note->text, note->length);
}

static int
note_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	if (size > ROOM)
		return -EFBIG;
	if ((size_t)size > note->length)
		memset(note->text + note->length, 0, size - note->length);
	note->length = size;
	return 0;
}

static ssize_t
note_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	size_t end = offset + size;
	int err = note_truncate(req, node, end > note->length ? end : note->length);

	if (err < 0)
		return err;
	memcpy(note->text + offset, buf, size);
	return size;
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.summary = "a file that can be written, and outlives its process",
	.start = note_start,
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
