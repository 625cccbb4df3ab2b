/* SPDX-License-Identifier: 0BSD */
/* step4: a directory with a file for each day of the week, to be read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <hird/trans.h>

enum { DAYS = 7, FIRST = TRANS_ROOT + 1 };

static const char *const days[DAYS] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
};

static int
week_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	for (int i = 0; i < DAYS; i++) {
		if (strcmp(days[i], name) == 0) {
			*nodep = FIRST + i;
			return 0;
		}
	}
	return -ENOENT;
}

static int
week_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir)
{
	for (off_t i = offset; i < DAYS; i++) {
		struct trans_dirent entry = { days[i], FIRST + i, S_IFREG };

		if (trans_dir_add(dir, &entry, i + 1))
			break;
	}
	return 0;
}

static int
week_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	if (node != TRANS_ROOT)
		st->st_size = strlen(days[node - FIRST]) + 1;
	return 0;
}

static ssize_t
week_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%s\n", days[node - FIRST]);

	return trans_copy(buf, size, offset, text, length);
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.summary = "a directory with a file for each day",
	.kind = TRANS_DIR,
	.nature = TRANS_IMMUTABLE,
	.lookup = week_lookup,
	.readdir = week_readdir,
	.stat = week_stat,
	.read = week_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
