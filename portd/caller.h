/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caller: who is behind a pid, as far as /proc tells without asking the process or a file
 * system. */
#ifndef PORTD_CALLER_H
#define PORTD_CALLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "portd/policy.h"

/* What tells a process, and the program in it, from another one of the same pid. */
struct caller_key {
	pid_t pid;
	uint64_t started;
	char name[16];
	bool is_kernel;
};

/* 0; -ESRCH: there is no such process, or it cannot be seen. */
int caller_key(pid_t pid, struct caller_key *keyp);
void caller_names(pid_t pid, struct policy_names *names);
/* Whether it is in our pid, user and mount namespace; false when that cannot be seen. */
bool caller_is_near(pid_t pid);
/* Its effective user; false: cannot be seen. */
bool caller_uid(pid_t pid, uid_t *uidp);

#endif
