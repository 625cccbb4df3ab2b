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
	uint32_t memory_size;	/* in line */
	uint32_t region_size;	/* 0: no region, and no descriptors for it */
	uint32_t region_offset;
};

struct pair {
	uint32_t name;
	uint32_t disposition;
};

enum {
	REGION_FDS = 2,
	FDS_MAX = REGION_FDS + PORT_MSG_FDS_MAX,
	SMALL_MAX = 1024,
};

/* Room for one descriptor more than a frame may have: the surplus shows. */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE((FDS_MAX + 1) * sizeof(int))];
};

/* The descriptors of a frame as they travel. */
struct passed {
	uint32_t n;
	int fd[FDS_MAX];
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
put_control(union control *control, struct msghdr *msg, const struct wire_buf *body)
{
	struct cmsghdr *cmsg = &control->align;
	struct passed passed = { 0 };

	if (body->region) {
		passed.fd[passed.n++] = body->region->file;
		passed.fd[passed.n++] = body->region->release;
	}
	for (uint32_t i = 0; i < body->fds.n; i++) {
		if (body->fds.fd[i] < 0)
			return -EBADF;
		passed.fd[passed.n++] = body->fds.fd[i];
	}
	if (passed.n == 0)
		return 0;
	memset(control, 0, sizeof(*control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(passed.n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), passed.fd, passed.n * sizeof(int));
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(passed.n * sizeof(int));
	return 0;
}

static int
result_of(ssize_t n)
{
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

static uint32_t
item_of(const struct wire_port *port)
{
	return port->disposition & (uint32_t)WIRE_ITEM_MASK;
}

/* Whether an element stands for memory, which is at the next place of body->memory. */
static bool
is_memory(const struct wire_port *port)
{
	return item_of(port) == WIRE_ITEM_MEMORY || item_of(port) == WIRE_ITEM_REGION;
}

/* Whether its bytes are in the record. */
static bool
is_in_line(const struct wire_port *port)
{
	return port->disposition == WIRE_ITEM_MEMORY && port->name > 0;
}

/* Adds the memory that goes in line; returns its size. A body whose memory and
 * elements do not belong together: -EINVAL. */
static ssize_t
put_memory(struct iovec *iov, size_t *n_iovp, const struct wire_buf *body)
{
	size_t m = 0;
	ssize_t size = 0;

	for (size_t i = 0; i < body->n_ports; i++) {
		if (!is_memory(&body->ports[i]))
			continue;
		if (m == body->n_memory)
			return -EINVAL;
		if (is_in_line(&body->ports[i])) {
			iov[(*n_iovp)++] = (struct iovec){
				body->memory[m].data, body->ports[i].name
			};
			size += body->ports[i].name;
		}
		m++;
	}
	return size;
}

static size_t
size_without_memory(const struct wire_buf *body)
{
	return sizeof(struct header) + body->size + body->n_ports * sizeof(struct pair);
}

static struct header
make_header(const struct frame *frame, size_t size, size_t memory)
{
	const struct wire_buf *body = &frame->body;

	return (struct header){
		.magic = htole32(FRAME_MAGIC),
		.size = htole32((uint32_t)size),
		.call = htole32(frame->call),
		.cookie = htole32(frame->cookie),
		.code = htole32((uint32_t)frame->code),
		.n_ports = htole32((uint32_t)body->n_ports),
		.body_size = htole32((uint32_t)body->size),
		.memory_size = htole32((uint32_t)memory),
		.region_size = htole32(body->region ? body->region->size : 0),
		.region_offset = htole32(body->region ? body->region->offset : 0),
	};
}

/* Whether a frame is nothing but a few bytes. */
static bool
is_small(const struct wire_buf *body)
{
	return body->n_memory == 0 && body->fds.n == 0 && !body->region &&
	    body->n_ports <= SMALL_MAX && size_without_memory(body) <= SMALL_MAX;
}

/* One piece of memory costs the kernel half of what a struct msghdr does. */
static int
send_small(int fd, const struct frame *frame, int flags)
{
	const struct wire_buf *body = &frame->body;
	size_t size = size_without_memory(body);
	union {
		struct header header;
		uint8_t data[SMALL_MAX];
	} record;
	struct pair pairs[SMALL_MAX / sizeof(struct pair)];
	ssize_t n;

	record.header = make_header(frame, size, 0);
	if (body->size)
		memcpy(record.data + sizeof(record.header), body->data, body->size);
	put_pairs(pairs, body);
	memcpy(record.data + sizeof(record.header) + body->size, pairs,
	    body->n_ports * sizeof(*pairs));
	do
		n = send(fd, record.data, size, flags);
	while (n < 0 && errno == EINTR);
	return result_of(n);
}

/* Apart, so that small frames do not need its stack. */
static __attribute__((noinline)) int
send_large(int fd, const struct frame *frame, int flags)
{
	const struct wire_buf *body = &frame->body;
	struct pair pairs[WIRE_ITEMS_MAX];
	union control control;
	struct header header;
	struct iovec iov[3 + WIRE_MEMORY_MAX];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	size_t size = size_without_memory(body);
	ssize_t memory, n;
	int err;

	iov[0] = (struct iovec){ &header, sizeof(header) };
	iov[1] = (struct iovec){ body->data, body->size };
	iov[2] = (struct iovec){ pairs, body->n_ports * sizeof(*pairs) };
	memory = put_memory(iov, &msg.msg_iovlen, body);
	if (memory < 0)
		return (int)memory;
	size += (size_t)memory;
	if (size > FRAME_MAX)
		return -EMSGSIZE;
	header = make_header(frame, size, (size_t)memory);
	put_pairs(pairs, body);
	err = put_control(&control, &msg, body);
	if (err)
		return err;
	do
		n = sendmsg(fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	return result_of(n);
}

/* Sends a frame; everything in it stays as it was. */
int
frame_send_keep(int fd, const struct frame *frame, int flags)
{
	const struct wire_buf *body = &frame->body;

	if (body->error)
		return body->error;
	if (body->n_ports > WIRE_ITEMS_MAX || body->n_memory > WIRE_MEMORY_MAX)
		return -EMSGSIZE;
	flags |= MSG_NOSIGNAL;
	return is_small(body) ? send_small(fd, frame, flags) : send_large(fd, frame, flags);
}

/* The receiver has it now, and will release it. */
static void
give_region(struct wire_region **regionp)
{
	struct wire_region *region = *regionp;

	if (!region)
		return;
	fd_close(&region->file);
	fd_close(&region->release);
	free(region);
	*regionp = NULL;
}

/* Sends a frame. The descriptors of its body are closed once it is sent; on
 * failure everything is as it was. */
int
frame_send(int fd, struct frame *frame, int flags)
{
	int err = frame_send_keep(fd, frame, flags);

	if (!err) {
		close_fds(&frame->body.fds);
		give_region(&frame->body.region);
	}
	return err;
}

/* Takes what came beside the bytes into *frame and *passed. */
static void
take_control(struct msghdr *msg, struct frame *frame, struct passed *passed)
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
				if (passed->n < FDS_MAX) {
					passed->fd[passed->n++] = fd;
				} else {
					fd_close(&fd);
					msg->msg_flags |= MSG_CTRUNC;
				}
			}
		}
	}
}

/* The descriptors find their places; those of a region come first. */
static int
take_fds(struct wire_buf *body, const struct header *header, struct passed *passed)
{
	struct wire_region *region;
	uint32_t n = passed->n, skip = 0;

	if (le32toh(header->region_size) > 0) {
		if (n < REGION_FDS || le32toh(header->region_offset) % WIRE_REGION_UNIT != 0)
			return -EBADMSG;
		region = malloc(sizeof(*region));
		if (!region)
			return -ENOMEM;
		*region = (struct wire_region){
			.file = fd_steal(&passed->fd[0]),
			.release = fd_steal(&passed->fd[1]),
			.offset = le32toh(header->region_offset),
			.size = le32toh(header->region_size),
		};
		body->region = region;
		skip = REGION_FDS;
	}
	if (n - skip > PORT_MSG_FDS_MAX)
		return -EBADMSG;
	for (uint32_t i = skip; i < n; i++)
		body->fds.fd[body->fds.n++] = fd_steal(&passed->fd[i]);
	return 0;
}

/* Makes elements of the pairs. */
static int
take_items(struct wire_buf *body, const uint8_t *data, size_t n)
{
	struct pair pair;

	if (n == 0)
		return 0;
	body->ports = calloc(n, sizeof(*body->ports));
	if (!body->ports)
		return -ENOMEM;
	body->n_ports = body->ports_room = n;
	for (size_t i = 0; i < n; i++, data += sizeof(pair)) {
		memcpy(&pair, data, sizeof(pair));
		body->ports[i].name = le32toh(pair.name);
		body->ports[i].disposition = le32toh(pair.disposition);
		body->n_memory += is_memory(&body->ports[i]);
	}
	return 0;
}

/* Finds the memory of the elements; that in line is copied together. The sums must be
 * what the header says. */
static int
take_memory(struct wire_buf *body, const uint8_t *data, size_t size)
{
	size_t m = 0, in_line = 0;
	uint64_t region = 0;

	if (body->n_memory > WIRE_MEMORY_MAX) {
		body->n_memory = 0;
		return -EBADMSG;
	}
	if (body->n_memory) {
		body->memory = calloc(body->n_memory, sizeof(*body->memory));
		body->store = malloc(size ? size : 1);
		if (!body->memory || !body->store)
			return -ENOMEM;
		memcpy(body->store, data, size);
	}
	for (size_t i = 0; i < body->n_ports; i++) {
		const struct wire_port *item = &body->ports[i];

		if (!is_memory(item))
			continue;
		if (is_in_line(item)) {
			if (item->name > size - in_line)
				return -EBADMSG;
			body->memory[m] = (struct wire_memory){ body->store + in_line, item->name };
			in_line += item->name;
		} else if (item_of(item) == WIRE_ITEM_REGION) {
			body->memory[m].size = item->name;
			region += wire_region_stride(item->name);
		}
		m++;
	}
	return in_line == size && region == (body->region ? body->region->size : 0) ? 0 : -EBADMSG;
}

static int
take_record(const struct msghdr *msg, size_t size, struct frame *frame, struct passed *passed)
{
	const struct header *header = &received.header;
	const uint8_t *data = received.data + sizeof(*header);
	size_t body_size, n_ports, memory_size;
	int err;

	if (msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC) || size < sizeof(*header))
		return -EBADMSG;
	body_size = le32toh(header->body_size);
	n_ports = le32toh(header->n_ports);
	memory_size = le32toh(header->memory_size);
	if (le32toh(header->magic) != FRAME_MAGIC || le32toh(header->size) != size)
		return -EBADMSG;
	if (n_ports > WIRE_ITEMS_MAX || body_size > FRAME_MAX || memory_size > FRAME_MAX)
		return -EBADMSG;
	if (sizeof(*header) + body_size + n_ports * sizeof(struct pair) + memory_size != size)
		return -EBADMSG;
	frame->call = le32toh(header->call);
	frame->cookie = le32toh(header->cookie);
	frame->code = (int32_t)le32toh(header->code);
	err = wire_buf_load(&frame->body, data, body_size);
	if (!err)
		err = take_fds(&frame->body, header, passed);
	if (!err)
		err = take_items(&frame->body, data + body_size, n_ports);
	if (!err)
		err = take_memory(&frame->body, data + body_size + n_ports * sizeof(struct pair),
		    memory_size);
	return err;
}

static void
close_passed(struct passed *passed)
{
	for (uint32_t i = 0; i < passed->n; i++)
		fd_close(&passed->fd[i]);
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
	struct passed passed = { 0 };
	ssize_t n;
	int err;

	do
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	take_control(&msg, &got, &passed);
	err = n == 0 ? -EPIPE : take_record(&msg, (size_t)n, &got, &passed);
	close_passed(&passed);	/* what found no place */
	if (err) {
		wire_buf_deinit(&got.body);
		return err;
	}
	*frame = got;
	return 0;
}
