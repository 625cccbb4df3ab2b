/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-pidfd: valgrind before 3.21, among others, has no pidfd_open; without it portd never
 * learns that a process died. What waits for such a death is left out there. */
#ifndef PORTD_TEST_PIDFD_H
#define PORTD_TEST_PIDFD_H

#include <stdbool.h>
#include <unistd.h>

#include "base/sys.h"

static inline bool
has_pidfds(void)
{
	int fd = sys_pidfd_open(getpid());

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* In a test of cmocka. */
#define NEED_PIDFDS() do { \
	if (!has_pidfds()) \
		skip(); \
} while (0)

#endif
