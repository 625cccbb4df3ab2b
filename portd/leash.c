/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leash: nothing is ever read at our end, so a translator can fill no more than its own
 * buffer. */
#include "portd/leash.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

int
leash_make(int *oursp, int *theirsp)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*oursp = pair[0];
	*theirsp = pair[1];
	return 0;
}

int
leash_send(int ours, int fd)
{
	AUTO_CLOSE int eaten = fd;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)),
	} };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};

	memcpy(CMSG_DATA(&control.header), &eaten, sizeof(eaten));
	return sendmsg(ours, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
