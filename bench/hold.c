/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold: a file that keeps whoever reads it waiting for as long as this process lives. Its successor
 * answers him, with its own pid, and holds the next one. */
#include <stdio.h>
#include <unistd.h>

#include "trans/trans.h"

static ssize_t
hold_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	size_t room;
	pid_t *held_by = trans_memory(&room);
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	(void)node;
	if (offset > 0)
		return 0;
	if (*held_by == 0 || *held_by == getpid()) {
		*held_by = getpid();
		return trans_later(req);
	}
	*held_by = 0;
	return trans_copy(buf, size, 0, pid, (size_t)n);
}

static const struct trans_ops hold = {
	TRANS_OPS,
	.summary = "a file that is answered by the next one",
	.nature = TRANS_GENERATED,
	.read = hold_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&hold, argc, argv);
}
