/* SPDX-License-Identifier: 0BSD */
/* shout: a file that says one word, loudly. Built by the tests against the
 * installed library alone. */
#include <ctype.h>
#include <string.h>

#include <hird/trans.h>

static const char *word = "hey";

static const struct trans_option options[] = {
	TRANS_STRING("word", 'w', &word, "what is shouted"),
	TRANS_OPTIONS_END
};

static size_t
shout(char *loud, size_t size)
{
	size_t n = strlen(word);

	if (n > size - 1)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		loud[i] = (char)toupper((unsigned char)word[i]);
	loud[n] = '\n';
	return n + 1;
}

static int
shout_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	char loud[256];

	(void)req;
	(void)node;
	st->st_size = (off_t)shout(loud, sizeof(loud));
	return 0;
}

static ssize_t
shout_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	char loud[256];

	(void)req;
	(void)node;
	return trans_copy(buf, size, offset, loud, shout(loud, sizeof(loud)));
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.name = "shout",
	.summary = "a file that says one word, loudly",
	.options = options,
	.stat = shout_stat,
	.read = shout_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
