/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: control groups (version 2): where a process is, whether that is its user's to divide, and
 * the files of one group.
 *
 * A group is a directory; every function takes the path of one. What a file cannot take
 * because its controller is not there is told apart from success. */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

/* What becomes of a group that a process finds itself in. */
enum cgroup_state {
	CGROUP_NONE,		/* there are no groups of version 2 here */
	CGROUP_NOT_DELEGATED,
	CGROUP_SHARED,		/* it is delegated, but has processes of others in it */
	CGROUP_FAILED,		/* the kernel refused to divide it */
	CGROUP_USED,
};

enum cgroup_flag {
	CGROUP_MEMORY = 1,
	CGROUP_PIDS = 2,
	CGROUP_CPU = 4,
	CGROUP_CONTROLLERS = CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU,	/* those that are of use */
	CGROUP_KILL = 8,	/* all of it can be killed at once (Linux 5.14) */
};

/* The directory of a process' group. 0; -ENOENT: there is none, or it cannot be seen. */
int cgroup_find(pid_t pid, char *dir, size_t room);
/* Whether it was given to this user to divide: by systemd's mark, or because it is his and the
 * one above is not. */
bool cgroup_is_delegated(const char *dir);
/* Calls `each` with every process that is in it, until that returns false. 0 or -errno. */
int cgroup_each(const char *dir, bool (*each)(pid_t pid, void *arg), void *arg);
bool cgroup_has(const char *dir, pid_t pid);

/* Lets groups within it be limited: as many controllers as there are. The flags in force. */
unsigned cgroup_divide(const char *dir);
/* What cgroup_divide did before. The groups stay, without limits. */
void cgroup_undivide(const char *dir);
/* Which controllers groups within it have, and CGROUP_KILL. */
unsigned cgroup_flags(const char *dir);

struct cgroup_limits {
	uint64_t memory;	/* bytes; the same again in swap. 0: no limit */
	unsigned tasks;		/* processes and threads */
	unsigned weight;	/* its share of the processors; 100 is everybody's. 0: as it is */
};
/* Sets those limits whose controllers are among flags. 0 or -errno. */
int cgroup_limit(const char *dir, unsigned flags, const struct cgroup_limits *limits);
/* Puts a process into it, 0: this one. 0 or -errno. */
int cgroup_enter(const char *dir, pid_t pid);
/* Kills everything in it. 0 or -errno. */
int cgroup_kill(const char *dir);
/* Whether something in it was killed because its memory had run out. */
bool cgroup_ran_out(const char *dir);

/* "cgroup: memory, pids (no controller cpu)", or why there is none. */
void cgroup_print(struct text *text, enum cgroup_state state, unsigned flags);
/* "memory"; NULL for what is no controller. */
const char *cgroup_controller_name(unsigned flag);

#endif
