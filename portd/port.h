/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port: a bounded message queue with exactly one receive right. */
#ifndef PORTD_PORT_H
#define PORTD_PORT_H

#include <stdint.h>

#include "base/list.h"
#include "portd/right.h"

struct account;
struct message;
struct set;
struct task;
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

/* A port whose receive right the keeper has (as { RIGHT_RECEIVE, port }) and does
 * not read: messages queue. */
struct port *port_new_kept(struct world *world);
/* Calls `arrived` once, from the world's work, when there is a message: at once when there is
 * one already. NULL: never mind. */
typedef void port_arrived_fn(struct port *port, void *arg);
void port_watch_queue(struct port *port, port_arrived_fn *arrived, void *arg);
uint32_t port_queued(const struct port *port);
/* Asks for the receive right, when it is dropped, to be sent to `notify` (eaten), a
 * send-once right of the keeper's, instead. Nobody must have asked already. */
void port_arm_port_destroyed(struct port *port, struct right notify);

/* For the rights core ----------------------------------------------------- */

struct port {
	struct world *world;
	uint64_t number;		/* for those who look (wire/inspect.h) */
	struct list link;		/* in the world's live ports */
	struct account *account;	/* of who allocated it, while it lives; NULL: portd */
	bool dead;			/* memory lasts until the last right of it is gone */

	/* Where the receive right is: one of these three, or lent to the keeper. */
	port_deliver_fn *deliver;
	struct entry *holder;
	struct message *carrier;
	port_arrived_fn *arrived;	/* set while the keeper waits for a message */
	void *arg;			/* of deliver or arrived */

	uint32_t srights;		/* entries with a send right, and those outside of tables */
	uint32_t sorights;
	uint32_t lent_sends;		/* of these, with the keeper */
	uint32_t lent_onces;
	port_mscount_t mscount;
	port_seqno_t seqno;
	uint32_t qlimit;
	uint32_t msgcount;
	uint64_t payload;		/* what messages carry instead of the name, if has_payload */
	uint64_t guard;			/* what it takes to drop the receive right, if guarded */
	bool has_payload;
	bool guarded;
	bool strict;			/* guarded, and it may not travel in a message either */
	bool reply_only;		/* makes no send rights */

	struct list queue;		/* messages */
	struct list senders;		/* connections waiting for room */
	struct list receivers;		/* connections waiting for a message */
	struct list holders;		/* entries */
	struct right no_senders;	/* whom to tell, or NULL */
	struct right port_destroyed;	/* who gets the receive right instead of its end, or NULL */
	uint32_t n_send_possible;	/* holders that want to hear of room */

	struct set *set;		/* that it is a member of, or NULL */
	struct list member;		/* in its members */
	struct list filled;		/* in its members with a message */

	struct list work;		/* in the world's list of ready or dying ports */
	struct list farewells;		/* messages owed when it is dead */

	struct port_audit {		/* what world_check counted */
		uint32_t sends, onces, homes, armed, walk;
	} audit;
};

struct port *port_new(struct world *world);
struct port *port_new_for(struct task *task);
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
void port_uproot(struct port *port);
bool port_has_queue(const struct port *port);
bool port_leads_to(const struct port *port, const struct port *to);

#endif
