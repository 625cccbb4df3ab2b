/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc: what one way of calling another process has to bring to be measured. */
#ifndef BENCH_RPC_H
#define BENCH_RPC_H

#include <stddef.h>
#include <stdint.h>

/* One client and its server. A call carries `size` bytes from `data`, the client's own
 * memory, to the server's own memory; its answer is empty. */
struct rpc_pair {
	size_t size;
	uint8_t *data;
};

/* Each function ends the program when it fails. */
struct rpc_peer {
	const char *name;
	/* In the server, before it forks its client. */
	void (*prepare)(const struct rpc_pair *pair);
	/* In the server: answers calls until it is killed. */
	void (*serve)(const struct rpc_pair *pair);
	/* In the client, once. */
	void (*connect)(const struct rpc_pair *pair);
	/* In the client: a call and its answer. */
	void (*call)(const struct rpc_pair *pair);
	/* In a process of its own: holds n more connections to the mediator. NULL: it has none. */
	void (*idle)(unsigned n);
};

/* Runs the measurement that the arguments ask for. */
int rpc_main(const struct rpc_peer *peer, int argc, char **argv);
/* Says what went wrong and ends the program. err: an errno or 0. */
_Noreturn void bench_fail(const char *what, int err);

#endif
