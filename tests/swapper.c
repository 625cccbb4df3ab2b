/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swapper A B: exchanges what two names lead to, again and again, until its standard input ends;
 * then says how often. Ends with both as they were. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

enum { PAUSE_US = 200 };

static int
is_over(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char byte;

	return poll(&in, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

int
main(int argc, char **argv)
{
	unsigned long n = 0;

	if (argc != 3)
		return 64;
	while (n % 2 != 0 || !is_over()) {
		/* A mount point cannot be renamed for as long as it is one. */
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
			n++;
		else if (errno != EBUSY)
			return fprintf(stderr, "swapper: %s\n", strerror(errno)), 1;
		usleep(PAUSE_US);
	}
	printf("%lu\n", n);
	return 0;
}
