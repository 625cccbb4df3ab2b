/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fusermount: the one program that may mount for a user, and what it says. Only for helper
 * processes: it is waited for. */
#ifndef PORTD_FUSERMOUNT_H
#define PORTD_FUSERMOUNT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	FUSERMOUNT_MISSING = 127,
	FUSERMOUNT_MOVING = 128,	/* it was not run: the path leads somewhere else */
};

/* Runs it. Returns the exit status; what it said stands in `said`, one line. connectionp, if not
 * NULL: the descriptor that it sent, or -1. */
int fusermount_run(char *const argv[], int *connectionp, char *said, size_t room);
/* fusermount3 -u, -uz when lazy. */
int fusermount_unmount(const char *path, bool lazy, char *said, size_t room);
/* What a failure means: -errno, with what to do about it in *advicep (static). */
int fusermount_explain(int status, const char *said, const char **advicep);

#endif
