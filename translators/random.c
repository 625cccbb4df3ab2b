/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random: a file of random bytes without end, the kernel's own.
 *
 * The kernel is asked for a few kilobytes at a time, so that a large read can
 * be interrupted: no answer takes longer than one of them. */
#include <errno.h>
#include <sys/random.h>

#include "trans/trans.h"

enum { CHUNK = 64 * 1024 };

static ssize_t
random_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	size_t done = 0;

	(void)req, (void)node, (void)offset;
	while (done < size) {
		size_t want = size - done < CHUNK ? size - done : CHUNK;
		ssize_t got = getrandom(buf + done, want, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			done += (size_t)got;
	}
	return (ssize_t)done;
}

static const struct trans_ops random_ops = {
	TRANS_OPS,
	.summary = "a file of random bytes without end",
	.nature = TRANS_GENERATED,
	.read = random_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&random_ops, argc, argv);
}
