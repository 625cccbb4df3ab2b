/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass: SCM_RIGHTS. */
#include "portd/pass.h"

#include <string.h>

void
pass_put(struct msghdr *header, union pass *pass, const int *fds, size_t n_fds)
{
	if (n_fds == 0)
		return;
	memset(pass, 0, CMSG_SPACE(n_fds * sizeof(int)));
	header->msg_control = pass->room;
	header->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	pass->header.cmsg_level = SOL_SOCKET;
	pass->header.cmsg_type = SCM_RIGHTS;
	pass->header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(&pass->header), fds, n_fds * sizeof(int));
}

void
pass_expect(struct msghdr *header, union pass *pass)
{
	header->msg_control = pass->room;
	header->msg_controllen = sizeof(pass->room);
}

/* The kernel puts all of them into one control message. */
size_t
pass_get(struct msghdr *header, int fds[PASS_MAX])
{
	const struct cmsghdr *at = CMSG_FIRSTHDR(header);
	size_t n_fds;

	if (!at || at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
		return 0;
	n_fds = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(at), n_fds * sizeof(int));
	return n_fds;
}
