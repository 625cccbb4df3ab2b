/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leash: nothing is ever read at our end, so a translator can fill no more than its own
 * buffer. */
#include "portd/leash.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "portd/pass.h"

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
	union pass pass;
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	pass_put(&header, &pass, &eaten, 1);
	return sendmsg(ours, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
