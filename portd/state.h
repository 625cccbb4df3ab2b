/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state: the world of rights on a tape, for the portd that replaces this one.
 *
 * Objects are told apart by their numbers. No count is taken over: each right that is read
 * is counted where it is put, and at the end the sums must be those that were written
 * down. What portd's keeper has (rights lent to it, the ports that it answers for) is the
 * keeper's to write and to claim again, between state_get and state_finish. */
#ifndef PORTD_STATE_H
#define PORTD_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "portd/core.h"
#include "portd/port.h"
#include "portd/tape.h"

struct connection;

/* Puts all there is. 0; -EBUSY with a line: something is under way. What goes wrong with
 * the tape itself stays there. */
int state_put(struct tape *tape, struct world *world, struct text *why);
void state_put_right(struct tape *tape, struct right right);

enum { STATE_READERS_MAX = 64 };	/* of traces */

struct state_sums {
	struct port *port;
	uint32_t srights, sorights, lent_sends, lent_onces;
};

/* A connection, and what it was said to wait for. */
struct state_wait {
	struct connection *connection;
	uint32_t waiting;
	uint64_t message;
};

/* What has been read so far, by number. */
struct state {
	struct world *world;
	struct tape *tape;
	struct map ports;
	struct map dead;		/* ports of which only rights are left */
	struct map messages;
	struct map tasks;
	struct account **accounts;
	uint32_t n_accounts;
	struct state_wait *connections;
	uint32_t n_connections;
	struct state_sums *sums;	/* of each port */
	uint32_t n_ports;
	struct right readers[STATE_READERS_MAX];
	uint32_t n_readers;
};

#define AUTO_STATE __attribute__((cleanup(state_deinit)))

void state_deinit(struct state *state);
/* Fills an empty world. False: what was read is wrong; the world can only be discarded. */
bool state_get(struct state *state, struct tape *tape, struct world *world);
/* For the keeper: a right lent to it; a port of portd's own, which is told to deliver there;
 * a port whose receive right the keeper has; a task. NULL: none, or there is no such. */
struct right state_get_lent(struct state *state);
struct port *state_get_kernel(struct state *state, port_deliver_fn *deliver, void *arg);
struct port *state_get_kept(struct state *state, bool home);
struct task *state_get_task(struct state *state);
/* Everything is read: whether it fits together. 0, or -EBADMSG with a line. */
int state_finish(struct state *state, struct text *why);
/* Goes on where the other one stopped: what could not be carried over ends. */
void state_resume(struct state *state);
/* Or gives up: the world can be freed then. */
void state_discard(struct state *state);

#endif
