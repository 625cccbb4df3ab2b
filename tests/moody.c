/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moody: a file translator that behaves as the file beneath it says, by a word:
 *
 *   fine       it says "fine"
 *   block      its read does not come back, with no answer
 *   later      its read is put off for ever
 *   waits      as block, but it says that it waits for another node
 *   progress   as block, but progress is reported meanwhile
 *   slow       its read takes half a second
 *   crash      its read aborts
 *   die        it exits when it is started
 *   hang       it hangs when it is started
 *   saves      its sync says so
 *   full       its sync has no room
 *
 * The word is looked at each time, so that whoever holds another link to the file can change it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trans/trans.h"

static int cached;
static int64_t deadline;
static int64_t version = 1;
static struct trans_file watched;

static const struct trans_option options[] = {
	TRANS_FLAG("cached", 0, &cached, "the kernel may remember what it read"),
	TRANS_NUMBER("deadline", 0, &deadline, "of each request, in ms"),
	TRANS_FILE_OPTION("watch", 0, &watched, "a file for which it leaves when that changes"),
	TRANS_NUMBER("stand", 0, &version, "a number that it says, too"),
	TRANS_OPTIONS_END
};

static void
look(char *word, size_t size)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", trans_underlying());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, word, size - 1);
	word[n < 0 ? 0 : n] = '\0';
	word[strcspn(word, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void
block(void)
{
	for (;;)
		pause();
}

static void
wait_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void
report(void *unused)
{
	(void)unused;
	for (;;) {
		trans_progress(50);
		wait_ms(20);
	}
}

static int
moody_start(void)
{
	char word[32];

	look(word, sizeof(word));
	if (strcmp(word, "hang") == 0)
		block();
	if (strcmp(word, "die") == 0)
		return trans_error(EIO, "it is not in the mood");
	return 0;
}

static int
moody_sync(void)
{
	char word[32];

	look(word, sizeof(word));
	if (strcmp(word, "full") == 0)
		return trans_error(ENOSPC, "there is no room for it");
	if (strcmp(word, "saves") == 0)
		trans_log("saved");
	return 0;
}

static int
moody_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	(void)node;
	st->st_size = cached ? 4096 : 0;
	return 0;
}

static ssize_t
moody_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	char word[32], text[64];

	(void)node;
	look(word, sizeof(word));
	if (strcmp(word, "later") == 0)
		return trans_later(req);
	if (strcmp(word, "waits") == 0)
		trans_waits(req);
	if (strcmp(word, "progress") == 0)
		trans_thread(report, NULL);
	if (strcmp(word, "crash") == 0)
		abort();
	if (strcmp(word, "block") == 0 || strcmp(word, "waits") == 0 || strcmp(word, "progress") == 0)
		block();
	if (strcmp(word, "slow") == 0)
		wait_ms(500);
	snprintf(text, sizeof(text), "fine, %d\n", (int)version);
	return trans_copy(buf, size, offset, text, strlen(text));
}

int
main(int argc, char **argv)
{
	struct trans_ops ops = {
		TRANS_OPS,
		.name = "moody",
		.summary = "a file that behaves as the one beneath it says",
		.nature = TRANS_GENERATED,
		.options = options,
		.start = moody_start,
		.sync = moody_sync,
		.stat = moody_stat,
		.read = moody_read,
	};

	/* These must be known before the table is given away. */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--cached") == 0)
			ops.nature = TRANS_ELSEWHERE;
		if (strncmp(argv[i], "--deadline=", 11) == 0)
			ops.deadline_ms = (uint32_t)atoi(argv[i] + 11);
	}
	return trans_main(&ops, argc, argv);
}
