/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rubbish: a client that says to portd what no client should. Each kind of
 * rubbish goes over a connection of its own; whatever portd does with it
 * (hang up, answer with an error) is right, as long as the next client is
 * served. The same rubbish each time: a failure can be repeated. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/frame.h"
#include "wire/messages.h"

enum {
	ROUNDS = 400,
	SILENT = 64,		/* connections that never say a word */
};

static uint64_t seed = 0x68697264;

static uint32_t
next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "rubbish: %s: no socket\n", path);
		exit(1);
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fprintf(stderr, "rubbish: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

/* Waits for an answer, or for the end, a moment only; drops what came. */
static void
listen_briefly(int fd)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };
	struct frame frame = { 0 };

	if (poll(&waited, 1, 20) > 0 && frame_receive(fd, &frame, MSG_DONTWAIT) == 0)
		wire_buf_deinit(&frame.body);
}

static void
say_hello(int fd)
{
	struct frame frame = { .call = CALL_hello, .cookie = 1 };
	struct hello_in in = { .version = WIRE_VERSION, .program = "rubbish" };

	hello_in_put(&frame.body, &in);
	frame_send(fd, &frame, 0);
	wire_buf_deinit(&frame.body);
	listen_briefly(fd);
}

/* Bytes that are no frame. */
static void
noise(int fd)
{
	uint8_t data[512];
	size_t size = next_random() % sizeof(data);

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)next_random();
	send(fd, data, size, MSG_NOSIGNAL);
}

/* A header that is right, with numbers that are not. */
static void
near_miss(int fd)
{
	uint32_t head[16];
	size_t words = 7 + next_random() % 9;

	for (size_t i = 0; i < words; i++)
		head[i] = next_random() % 4 == 0 ? next_random() : next_random() % 40;
	head[0] = FRAME_MAGIC;
	if (next_random() % 2)
		head[1] = (uint32_t)(words * sizeof(head[0]));
	if (next_random() % 2)
		head[5] = 0;
	if (next_random() % 2)
		head[6] = (uint32_t)((words - 7) * sizeof(head[0]));
	send(fd, head, words * sizeof(head[0]), MSG_NOSIGNAL);
}

/* A frame that is right, of a call that is not, or with a body that is not. */
static void
wrong_call(int fd)
{
	struct frame frame = { .cookie = next_random() };
	uint32_t n = next_random() % 12;

	frame.call = next_random() % 40;
	for (uint32_t i = 0; i < n; i++)
		wire_put_u32(&frame.body, next_random() % 3 ? next_random() % 30 : next_random());
	if (next_random() % 4 == 0)
		wire_put_port(&frame.body, (struct wire_port){ next_random() % 8, next_random() % 32 });
	if (next_random() % 4 == 0)
		wire_put_fd(&frame.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	frame_send(fd, &frame, 0);
	wire_buf_deinit(&frame.body);
}

/* A message to the keeper's right whose body is not what its id says. */
static void
wrong_message(int fd)
{
	struct frame frame = { .call = CALL_msg, .cookie = next_random() };
	struct wire_buf body = { 0 };
	struct msg_in in = {
		.options = PORT_MSG_SEND,
		.bits = PORT_COPY_SEND,
		.remote = 1 + next_random() % 4,
		.id = (next_random() % 2 ? 30000 : 22000) + next_random() % 14,
	};
	uint32_t n = next_random() % 20;

	for (uint32_t i = 0; i < n; i++)
		wire_put_u32(&body, next_random() % 3 ? next_random() % 30 : next_random());
	in.body = (struct wire_blob){ body.data, body.size };
	msg_in_put(&frame.body, &in);
	frame_send(fd, &frame, 0);
	wire_buf_deinit(&frame.body);
	wire_buf_deinit(&body);
}

int
main(int argc, char **argv)
{
	static void (*const kinds[])(int) = { noise, near_miss, wrong_call, wrong_message };
	int silent[SILENT];
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: rubbish SOCKET\n");
		return 64;
	}
	for (int i = 0; i < SILENT; i++)
		silent[i] = connect_to(argv[1]);
	for (int i = 0; i < ROUNDS; i++) {
		fd = connect_to(argv[1]);
		if (i % 8 >= 4)
			say_hello(fd);
		kinds[i % 4](fd);
		if (i % 3)
			listen_briefly(fd);
		close(fd);
	}
	for (int i = 0; i < SILENT; i++)
		close(silent[i]);
	return 0;
}
