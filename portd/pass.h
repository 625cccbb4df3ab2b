/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass: descriptors beside a message. */
#ifndef PORTD_PASS_H
#define PORTD_PASS_H

#include <stddef.h>
#include <sys/socket.h>

enum { PASS_MAX = 250 };	/* descriptors at once; SCM_MAX_FD is 253 */

union pass {
	struct cmsghdr header;
	char room[CMSG_SPACE(PASS_MAX * sizeof(int))];
};

/* Puts them beside a message that is about to be sent. They stay the caller's. */
void pass_put(struct msghdr *header, union pass *pass, const int *fds, size_t n_fds);
/* Room for those of a message that is about to be received; and what came: how many. */
void pass_expect(struct msghdr *header, union pass *pass);
size_t pass_get(struct msghdr *header, int fds[PASS_MAX]);

#endif
