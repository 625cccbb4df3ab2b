/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: looks for what is in the way of nodes on this machine, and says how
 * to mend it. */
#ifndef TOOLS_DOCTOR_H
#define TOOLS_DOCTOR_H

#include <stdbool.h>

/* Prints a line a check, or an array of objects. Returns 0, or 1 when a
 * check failed. */
int doctor_run(bool json);
/* The limit that a fuse.conf sets: its last mount_max, 1000 without one; -1: none. */
long doctor_mount_max(const char *file);
/* Whether a configuration file has `word` as a line of its own. */
bool doctor_has_line(const char *file, const char *word);

#endif
