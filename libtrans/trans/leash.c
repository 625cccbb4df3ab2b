/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash: one byte and one descriptor a message. */
#include "trans/leash.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

static _Atomic int leash = -1;

void
leash_open(int fd)
{
	leash = fd;
}

static int
take_descriptor(struct msghdr *header)
{
	struct cmsghdr *at = CMSG_FIRSTHDR(header);
	int fd;

	if (!at || at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS ||
	    at->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EAGAIN;
	memcpy(&fd, CMSG_DATA(at), sizeof(fd));
	return fd;
}

/* A message without a descriptor is none: the next one is waited for. */
int
leash_wait(void)
{
	int fd = -EAGAIN;

	while (fd == -EAGAIN) {
		union {
			struct cmsghdr header;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		char byte;
		struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
		struct msghdr header = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control.room, .msg_controllen = sizeof(control.room),
		};
		ssize_t n = recvmsg(leash, &header, MSG_CMSG_CLOEXEC);

		if (n > 0)
			fd = take_descriptor(&header);
		else if (n == 0 || errno != EINTR)
			fd = -EPIPE;
	}
	return fd;
}

void
leash_cut(void)
{
	if (leash >= 0)
		shutdown(leash, SHUT_RDWR);
}

void
leash_close(void)
{
	int fd = leash;

	leash = -1;
	fd_close(&fd);
}
