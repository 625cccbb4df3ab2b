/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syscalls: the system calls that a confined process may not make.
 *
 * Compiled by libseccomp, which needs memory, before the fork; put on by the
 * child. Built without libseccomp there is none, and syscalls_is_there says so. */
#ifndef BASE_SYSCALLS_H
#define BASE_SYSCALLS_H

#include <stdbool.h>

enum syscalls_permit {
	SYSCALLS_NETWORK = 1,	/* sockets of the internet's families */
	SYSCALLS_FORK = 2,
	SYSCALLS_SIGNALS = 4,	/* to others: something else holds it back, or nothing does */
	SYSCALLS_ATTRIBUTES = 8,	/* changes of modes, times and the like by path */
	SYSCALLS_ALL = 16,		/* one more than the rest together */
};

struct syscalls_filter;

/* Whether this hird was built with libseccomp, and whether the kernel has filters. */
bool syscalls_is_built(void);
bool syscalls_is_there(void);
/* The filter for these, made once and kept. NULL with errno. */
const struct syscalls_filter *syscalls_filter_get(unsigned permitted);
/* Puts it on this process, for good: no memory is taken. 0 or -errno. */
int syscalls_filter_enforce(const struct syscalls_filter *filter);

#endif
