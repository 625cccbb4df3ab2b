/* SPDX-License-Identifier: 0BSD */
/* step5: a directory of small files. What is in them outlives the process. */
#include <errno.h>
#include <string.h>
#include <hird/trans.h>

enum { NOTES = 1000, ROOM = 65536 };

static struct note {
	trans_node_t node;
	_Atomic size_t length;		/* what is behind it is zero */
	_Atomic int is_there;		/* 0: its place is free */
	char name[256], text[ROOM];
} *notes;

static struct note *
find(trans_node_t node)
{
	struct note *note = &notes[node % NOTES];

	return note->node == node && note->length <= ROOM ? note : NULL;
}

static int
notes_start(void)
{
	size_t size;

	notes = trans_memory(&size);
	if (size < NOTES * sizeof(*notes))
		return trans_error(ENOMEM, "%zu bytes of memory are too few", size);
	for (int i = 0; i < NOTES; i++)
		notes[i].is_there = notes[i].is_there && memchr(notes[i].name, '\0', 256);
	return 0;
}

static int
notes_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	for (int i = 0; i < NOTES; i++) {
		*nodep = notes[i].node;
		if (notes[i].is_there && strcmp(notes[i].name, name) == 0)
			return 0;
	}
	return -ENOENT;
}

static int
notes_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir)
{
	for (off_t i = offset; i < NOTES; i++)
		if (notes[i].is_there && trans_dir_add(dir, &(struct trans_dirent){
		    notes[i].name, notes[i].node, S_IFREG }, i + 1))
			break;
	return 0;
}

static int
notes_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	struct note *note = find(node);

	if (note)
		st->st_size = note->length;
	return note || node == TRANS_ROOT ? 0 : -ESTALE;
}

static ssize_t
notes_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	struct note *note = find(node);

	return note ? trans_copy(buf, size, offset, note->text, note->length) : -ESTALE;
}

static int
notes_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	struct note *note = find(node);

	if (!note || size > ROOM)
		return note ? -EFBIG : -ESTALE;
	memset(note->text + size, 0, ROOM - size);
	note->length = size;
	return 0;
}

static ssize_t
notes_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	struct note *note = find(node);

	if (!note || offset + size > ROOM)
		return note ? -EFBIG : -ESTALE;
	memcpy(note->text + offset, buf, size);
	if (note->length < offset + size)
		note->length = offset + size;
	return size;
}

static int
notes_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t device,
    trans_node_t *nodep)
{
	struct note *note = notes;

	while (note < notes + NOTES && note->is_there)
		note++;
	if (note == notes + NOTES || !S_ISREG(mode))
		return S_ISREG(mode) ? -ENOSPC : -EPERM;
	*note = (struct note){ .node = (note->node / NOTES + 1) * NOTES + (note - notes) };
	strcpy(note->name, name);
	note->is_there = 1;	/* last: a kill before this has made nothing */
	*nodep = note->node;
	return 0;
}

static int
notes_unlink(struct trans_req *req, trans_node_t dir, const char *name)
{
	trans_node_t node;
	int err = notes_lookup(req, dir, name, &node);

	if (err == 0)
		notes[node % NOTES].is_there = 0;
	return err;
}

static const struct trans_ops ops = {
	TRANS_OPS, .summary = "a directory of notes", .kind = TRANS_DIR, .start = notes_start,
	.lookup = notes_lookup, .readdir = notes_readdir, .stat = notes_stat,
	.read = notes_read, .write = notes_write, .truncate = notes_truncate,
	.create = notes_create, .unlink = notes_unlink,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
