/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-bare: the floor, two processes that send records to each other over a
 * SOCK_SEQPACKET pair and wait in recv. With --memcpy as its first argument, no process at
 * all: the bytes are copied twice, between three buffers that were touched before. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/rpc.h"

/* A call's empty answer, and a call that carries nothing: as many bytes as limits are
 * usually measured with. */
enum { SMALL = 64, RECORD_MAX = 128 * 1024 };

static int ends[2];
static uint8_t small[SMALL];
static uint8_t *mine, *between;

static void
make_pair(const struct rpc_pair *pair)
{
	mine = malloc(pair->size + SMALL);
	if (!mine)
		bench_fail("malloc", ENOMEM);
	memset(mine, 1, pair->size + SMALL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		bench_fail("socketpair", errno);
}

static size_t
record_size(size_t left)
{
	if (left == 0)
		return SMALL;
	return left < RECORD_MAX ? left : RECORD_MAX;
}

/* In records, one after the other: at least one. */
static void
send_all(int fd, const uint8_t *data, size_t size)
{
	size_t at = 0;

	do {
		size_t n = record_size(size - at);

		if (send(fd, size ? data + at : small, n, MSG_NOSIGNAL) < 0)
			bench_fail("send", errno);
		at += n;
	} while (at < size);
}

static void
receive_all(int fd, uint8_t *data, size_t size)
{
	size_t at = 0;

	do {
		ssize_t n = recv(fd, data + at, record_size(size - at), 0);

		if (n <= 0)
			bench_fail("recv", n < 0 ? errno : 0);
		at += (size_t)n;
	} while (at < size);
}

static void
serve(const struct rpc_pair *pair)
{
	for (;;) {
		receive_all(ends[0], mine, pair->size);
		send_all(ends[0], NULL, 0);
	}
}

static void
leave_servers_end(const struct rpc_pair *pair)
{
	(void)pair;
	close(ends[0]);
}

static void
call(const struct rpc_pair *pair)
{
	send_all(ends[1], pair->data, pair->size);
	receive_all(ends[1], small, 0);
}

static const struct rpc_peer bare = {
	.name = "rpc-bare",
	.prepare = make_pair,
	.serve = serve,
	.connect = leave_servers_end,
	.call = call,
};

static void
make_buffers(const struct rpc_pair *pair)
{
	mine = malloc(pair->size);
	between = malloc(pair->size);
	if (!mine || !between)
		bench_fail("malloc", ENOMEM);
	memset(mine, 1, pair->size);
	memset(between, 2, pair->size);
}

static void
prepare_nothing(const struct rpc_pair *pair)
{
	(void)pair;
}

static void
serve_nothing(const struct rpc_pair *pair)
{
	(void)pair;
	for (;;)
		pause();
}

static void
copy_twice(const struct rpc_pair *pair)
{
	memcpy(between, pair->data, pair->size);
	/* Or else the compiler might see that nobody reads it. */
	__asm__ volatile("" : : "r"(between) : "memory");
	memcpy(mine, between, pair->size);
	__asm__ volatile("" : : "r"(mine) : "memory");
}

static const struct rpc_peer two_copies = {
	.name = "rpc-bare --memcpy",
	.prepare = prepare_nothing,
	.serve = serve_nothing,
	.connect = make_buffers,
	.call = copy_twice,
};

int
main(int argc, char **argv)
{
	bool copies = argc > 1 && strcmp(argv[1], "--memcpy") == 0;

	return rpc_main(copies ? &two_copies : &bare, argc - copies, argv + copies);
}
