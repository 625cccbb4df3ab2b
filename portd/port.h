/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port: a bounded message queue with exactly one receive right. */
#ifndef PORTD_PORT_H
#define PORTD_PORT_H

#include <stdint.h>

#include "base/list.h"
#include "portd/right.h"

struct message;
struct world;

/* A port whose receive right portd itself holds: what arrives is handed to
 * `deliver` (which eats the message), never inside another request but
 * from the world's work list, after the request in hand is finished. */
typedef void port_deliver_fn(struct port *port, struct message *message, void *arg);

struct port *port_new_kernel(struct world *world, port_deliver_fn *deliver, void *arg);
/* Destroys the receive right of such a port: holders see a dead name, queued
 * send-once rights fire. deliver is not called again. */
void port_kill(struct port *port);
/* Asks for a no-senders notification (id PORT_NOTIFY_NO_SENDERS) to be
 * delivered to the kernel port itself, armed as Mach does with `sync`. An earlier
 * request of this kind is replaced without a word. */
void port_arm_no_senders(struct port *port, uint32_t sync);

/* For the rights core ----------------------------------------------------- */

enum { PORT_QUEUE_MAX = 65534 };	/* messages, whatever right they came by */

struct port {
	struct world *world;
	struct list link;		/* in the world's live ports */
	bool dead;			/* memory lasts until the last right of it is gone */

	/* Where the receive right is: one of these three, or lent to the keeper. */
	port_deliver_fn *deliver;
	struct entry *holder;
	struct message *carrier;
	void *arg;			/* of deliver */

	uint32_t srights;		/* entries with a send right, and those outside of tables */
	uint32_t sorights;
	uint32_t lent_sends;		/* of these, with the keeper */
	uint32_t lent_onces;
	port_mscount_t mscount;
	port_seqno_t seqno;
	uint32_t qlimit;
	uint32_t msgcount;

	struct list queue;		/* messages */
	struct list senders;		/* connections waiting for room */
	struct list receivers;		/* connections waiting for a message */
	struct list holders;		/* entries */
	struct right no_senders;	/* whom to tell, or NULL */

	struct list work;		/* in the world's list of ready or dying ports */
	struct list farewells;		/* messages owed when it is dead */

	struct port_audit {		/* what world_check counted */
		uint32_t sends, onces, homes;
	} audit;
};

struct port *port_new(struct world *world);
void port_destroy(struct port *port);
void port_put(struct port *port);
void port_enqueue(struct port *port, struct message *message);
struct message *port_first(const struct port *port);
struct message *port_dequeue(struct port *port);
bool port_is_full(const struct port *port);
void port_admit(struct port *port);
void port_set_limit(struct port *port, uint32_t qlimit);
void port_ready(struct port *port);
void port_deliver(struct port *port);
void port_die_step(struct port *port);
void port_expect(struct port *port, struct right notify, uint32_t sync);
void port_turn_away(struct port *port, int code);

#endif
