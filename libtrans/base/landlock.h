/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* landlock: the kernel's sandbox for files, TCP, abstract sockets and signals.
 *
 * Constants of our own: headers may be older than the kernel that runs. What the
 * kernel knows is asked at run time. Nothing here needs memory: these are for a
 * child between fork and exec. */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Abilities, and the interface of the kernel that first knows them. */
enum {
	LANDLOCK_ABI_REFER = 2,
	LANDLOCK_ABI_TRUNCATE = 3,
	LANDLOCK_ABI_NETWORK = 4,
	LANDLOCK_ABI_IOCTL = 5,
	LANDLOCK_ABI_SCOPES = 6,
};

/* What may be done beneath a path. */
enum landlock_rights {
	LANDLOCK_READ = 1,	/* read files, list directories */
	LANDLOCK_EXECUTE = 2,
	LANDLOCK_WRITE = 4,	/* write, truncate, make, remove and rename */
};

/* The kernel's interface; 0, with the reason in *errnump (ENOSYS: not in this kernel,
 * EOPNOTSUPP: switched off), when there is none. */
unsigned landlock_abi(int *errnump);
/* A ruleset that forbids all that this kernel can; tcp: but not TCP. Descriptor or -errno. */
int landlock_open(unsigned abi, bool tcp);
/* Allows it beneath what fd stands for (any descriptor of a path). 0 or -errno. */
int landlock_allow(int ruleset, unsigned abi, int fd, unsigned rights);
/* Puts it on this process, for good. Needs no_new_privs. 0 or -errno. */
int landlock_enforce(int ruleset);

#endif
