/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders: which of the user's processes use a mount, and how.
 *
 * Found from /proc by the number of the mount; nothing here sends a request
 * to the file system in question, which may be stuck. */
#ifndef TOOLS_HOLDERS_H
#define TOOLS_HOLDERS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/text.h"

enum holder_how {
	HOLDER_FILE = 1 << 0,	/* an open file or directory */
	HOLDER_CWD = 1 << 1,
	HOLDER_ROOT = 1 << 2,
	HOLDER_EXE = 1 << 3,
	HOLDER_MAP = 1 << 4,
};

struct holder {
	pid_t pid;
	unsigned how;
	char name[32];
};

struct holders {
	struct holder *list;
	size_t n;
};

#define AUTO_HOLDERS __attribute__((cleanup(holders_deinit)))

void holders_deinit(struct holders *holders);
/* proc: "/proc". device: "MAJOR:MINOR" of the mount, or "" when it is not known
 * (mappings are not looked at then). The caller's own process is left out. */
int holders_find(struct holders *holders, const char *proc, int mount_id, const char *device);
/* "cat (pid 123), bash (pid 9, its directory)"; at most 8 by name. */
void holders_print(struct text *text, const struct holders *holders);

#endif
