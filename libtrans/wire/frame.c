/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame: one record in, one record out. What is sent goes out from where it
 * lies; what comes is received into a buffer of the thread and copied, because
 * its size is not known before. */
#include "wire/frame.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/cleanup.h"

struct header {
	uint32_t magic;
	uint32_t size;		/* of the record */
	uint32_t call;
	uint32_t cookie;
	uint32_t code;
	uint32_t n_ports;
	uint32_t body_size;
};

struct pair {
	uint32_t name;
	uint32_t disposition;
};

/* Room for one descriptor more than a frame may have: the surplus shows. */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE((PORT_MSG_FDS_MAX + 1) * sizeof(int))];
};

static _Thread_local union {
	struct header header;
	uint8_t data[FRAME_MAX];
} received;

static void
close_fds(struct wire_fds *fds)
{
	for (uint32_t i = 0; i < fds->n; i++)
		fd_close(&fds->fd[i]);
	fds->n = 0;
}

static void
put_pairs(struct pair *pairs, const struct wire_buf *body)
{
	for (size_t i = 0; i < body->n_ports; i++) {
		pairs[i].name = htole32(body->ports[i].name);
		pairs[i].disposition = htole32(body->ports[i].disposition);
	}
}

/* Descriptors that a get has taken out leave holes; they do not travel, and
 * neither does a frame that has any. */
static int
put_control(union control *control, struct msghdr *msg, const struct wire_fds *fds)
{
	struct cmsghdr *cmsg = &control->align;

	for (uint32_t i = 0; i < fds->n; i++)
		if (fds->fd[i] < 0)
			return -EBADF;
	if (fds->n == 0)
		return 0;
	memset(control, 0, sizeof(*control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(fds->n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds->fd, fds->n * sizeof(int));
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(fds->n * sizeof(int));
	return 0;
}

static int
send_record(int fd, const struct msghdr *msg, int flags)
{
	ssize_t n;

	do
		n = sendmsg(fd, msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

static size_t
record_size(const struct wire_buf *body)
{
	return sizeof(struct header) + body->size + body->n_ports * sizeof(struct pair);
}

/* Sends a frame; everything in it stays as it was. */
int
frame_send_keep(int fd, const struct frame *frame, int flags)
{
	const struct wire_buf *body = &frame->body;
	struct pair pairs[PORT_MSG_RIGHTS_MAX];
	union control control;
	struct header header;
	struct iovec iov[3] = {
		{ &header, sizeof(header) },
		{ body->data, body->size },
		{ pairs, body->n_ports * sizeof(*pairs) },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	int err;

	if (body->error)
		return body->error;
	if (body->n_ports > PORT_MSG_RIGHTS_MAX || record_size(body) > FRAME_MAX)
		return -EMSGSIZE;
	header = (struct header){
		.magic = htole32(FRAME_MAGIC),
		.size = htole32((uint32_t)record_size(body)),
		.call = htole32(frame->call),
		.cookie = htole32(frame->cookie),
		.code = htole32((uint32_t)frame->code),
		.n_ports = htole32((uint32_t)body->n_ports),
		.body_size = htole32((uint32_t)body->size),
	};
	put_pairs(pairs, body);
	err = put_control(&control, &msg, &body->fds);
	return err ? err : send_record(fd, &msg, flags);
}

/* Sends a frame. The descriptors of its body are closed once it is sent; on
 * failure everything is as it was. */
int
frame_send(int fd, struct frame *frame, int flags)
{
	int err = frame_send_keep(fd, frame, flags);

	if (!err)
		close_fds(&frame->body.fds);
	return err;
}

/* Takes what came beside the bytes into *frame. */
static void
take_control(struct msghdr *msg, struct frame *frame)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t size = cmsg->cmsg_len - CMSG_LEN(0);
		struct ucred cred;

		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		if (cmsg->cmsg_type == SCM_CREDENTIALS && size == sizeof(cred)) {
			memcpy(&cred, CMSG_DATA(cmsg), sizeof(cred));
			frame->pid = cred.pid;
			frame->uid = cred.uid;
			frame->gid = cred.gid;
		} else if (cmsg->cmsg_type == SCM_RIGHTS) {
			for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
				int fd;

				memcpy(&fd, CMSG_DATA(cmsg) + at, sizeof(fd));
				if (frame->body.fds.n < PORT_MSG_FDS_MAX) {
					frame->body.fds.fd[frame->body.fds.n++] = fd;
				} else {
					fd_close(&fd);
					msg->msg_flags |= MSG_CTRUNC;
				}
			}
		}
	}
}

/* Makes a buffer of the record's body and ports. */
static int
take_body(struct wire_buf *body, size_t body_size, size_t n_ports)
{
	const uint8_t *data = received.data + sizeof(struct header);
	struct wire_fds fds = body->fds;
	struct pair pair;
	int err = wire_buf_load(body, data, body_size);

	body->fds = fds;
	if (err || n_ports == 0)
		return err;
	body->ports = calloc(n_ports, sizeof(*body->ports));
	if (!body->ports)
		return -ENOMEM;
	body->n_ports = body->ports_room = n_ports;
	data += body_size;
	for (size_t i = 0; i < n_ports; i++, data += sizeof(pair)) {
		memcpy(&pair, data, sizeof(pair));
		body->ports[i].name = le32toh(pair.name);
		body->ports[i].disposition = le32toh(pair.disposition);
	}
	return 0;
}

static int
take_record(const struct msghdr *msg, size_t size, struct frame *frame)
{
	const struct header *header = &received.header;
	size_t body_size, n_ports;

	if (msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC) || size < sizeof(*header))
		return -EBADMSG;
	body_size = le32toh(header->body_size);
	n_ports = le32toh(header->n_ports);
	if (le32toh(header->magic) != FRAME_MAGIC || le32toh(header->size) != size)
		return -EBADMSG;
	if (n_ports > PORT_MSG_RIGHTS_MAX || body_size > FRAME_MAX)
		return -EBADMSG;
	if (sizeof(*header) + body_size + n_ports * sizeof(struct pair) != size)
		return -EBADMSG;
	frame->call = le32toh(header->call);
	frame->cookie = le32toh(header->cookie);
	frame->code = (int32_t)le32toh(header->code);
	return take_body(&frame->body, body_size, n_ports);
}

/* Receives a frame; its body is the caller's to deinit. An empty record
 * counts as the end. */
int
frame_receive(int fd, struct frame *frame, int flags)
{
	union control control;
	struct iovec iov = { received.data, sizeof(received.data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct frame got = { 0 };
	ssize_t n;
	int err;

	do
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	take_control(&msg, &got);
	err = n == 0 ? -EPIPE : take_record(&msg, (size_t)n, &got);
	if (err) {
		wire_buf_deinit(&got.body);
		return err;
	}
	*frame = got;
	return 0;
}
