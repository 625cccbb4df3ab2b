/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port: queues, senders that wait for room, receivers that wait for a message,
 * and the death of it all.
 *
 * A port lives as long as its receive right. Dead, it is a husk that is
 * emptied by the world's work (port_die_step) and freed with the last right that
 * refers to it. The order of that death: what was queued goes first, with all that
 * it entails; then those who asked for the death of a name hear of it; then the one
 * who asked for no-senders gets his right back unused. */
#include "portd/port.h"

#include <stdlib.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/notify.h"
#include "portd/space.h"
#include "portd/transfer.h"

/* A live port without any rights; where its receive right is, the caller says.
 * NULL: no memory. */
struct port *
port_new(struct world *world)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->world = world;
	port->qlimit = PORT_QLIMIT_DEFAULT;
	list_init(&port->queue);
	list_init(&port->senders);
	list_init(&port->receivers);
	list_init(&port->holders);
	list_init(&port->farewells);
	list_link_tail(&world->ports, &port->link);
	return port;
}

/* A port of portd's own. NULL: no memory. */
struct port *
port_new_kernel(struct world *world, port_deliver_fn *deliver, void *arg)
{
	struct port *port = port_new(world);

	if (port) {
		port->deliver = deliver;
		port->arg = arg;
	}
	return port;
}

/* Ends a port of portd's own; the caller must not use it again. */
void
port_kill(struct port *port)
{
	port_destroy(port);
}

/* Frees a dead port when nothing refers to it any more. */
void
port_put(struct port *port)
{
	if (!port->dead || list_is_linked(&port->work))
		return;
	if (port->srights == 0 && port->sorights == 0)
		free(port);
}

/* Puts a port on the list of work when it has a message and a taker. */
void
port_ready(struct port *port)
{
	struct world *world = port->world;

	if (port->dead || list_is_linked(&port->work) || list_is_empty(&port->queue))
		return;
	if (!port->deliver && list_is_empty(&port->receivers))
		return;
	list_link_tail(&world->ready, &port->work);
	core_wake(world);
}

/* Appends a message to the queue of a live port. */
void
port_enqueue(struct port *port, struct message *message)
{
	list_link_tail(&port->queue, &message->link);
	port->msgcount++;
	port_ready(port);
}

/* The oldest message, or NULL. */
struct message *
port_first(const struct port *port)
{
	if (list_is_empty(&port->queue))
		return NULL;
	return LIST_ENTRY(port->queue.next, struct message, link);
}

/* Whether a sender with a send right has to wait. Portd itself is never
 * behind with its own ports. */
bool
port_is_full(const struct port *port)
{
	return !port->deliver && port->msgcount >= port->qlimit;
}

/* Lets senders in, in the order in which they came, while there is room. The
 * place is theirs at once: a newcomer cannot snatch it. */
void
port_admit(struct port *port)
{
	while (!port_is_full(port) && !list_is_empty(&port->senders)) {
		struct connection *sender = LIST_ENTRY(port->senders.next, struct connection, wait);

		port_enqueue(port, transfer_admit(sender));
	}
}

/* Takes the oldest message off the queue; the next number in sequence is used
 * up by that. */
struct message *
port_dequeue(struct port *port)
{
	struct message *message = port_first(port);

	list_unlink(&message->link);
	message_uncharge(message);
	port->msgcount--;
	port->seqno++;
	port_admit(port);
	return message;
}

/* Sets the limit; who fits now is let in, who is in stays. */
void
port_set_limit(struct port *port, uint32_t qlimit)
{
	port->qlimit = qlimit;
	port_admit(port);
}

/* Answers every receiver that waits here with this code. */
void
port_turn_away(struct port *port, int code)
{
	LIST_FOR_EACH(link, next, &port->receivers)
		transfer_end(LIST_ENTRY(link, struct connection, wait), code);
}

static void
deliver_to_kernel(struct port *port)
{
	struct message *message = port_dequeue(port);
	struct right dest = message->dest;

	message->dest = (struct right){ RIGHT_NULL, NULL };
	right_consume(dest);	/* eats dest */
	port->deliver(port, message, port->arg);	/* eats message */
}

/* One step of work on a ready port: one message to one taker. */
void
port_deliver(struct port *port)
{
	list_unlink(&port->work);
	if (port->deliver)
		deliver_to_kernel(port);
	else if (!list_is_empty(&port->receivers))
		transfer_deliver(LIST_ENTRY(port->receivers.next, struct connection, wait), port);
	port_ready(port);
}

/* Registers whom to tell that there are no senders; tells at once when there
 * are none and no right was made that the caller does not know of. Eats notify;
 * NULL: nobody. The slot must be empty. */
void
port_expect(struct port *port, struct right notify, uint32_t sync)
{
	port->no_senders = notify;
	if (notify.kind != RIGHT_NULL && port->srights == 0 && sync <= port->mscount)
		notify_no_senders(port);
}

/* The same for a port of portd's own, to which the message goes. */
void
port_arm_no_senders(struct port *port, uint32_t sync)
{
	struct right notify = right_make_send_once(port);

	if (port->no_senders.kind != RIGHT_NULL)
		right_consume(port->no_senders);
	right_reclaim(&notify);
	port_expect(port, notify, sync);	/* eats notify */
}

/* Messages of senders that still wait die with the queue; they were sent, as far
 * as the senders know. */
static void
release_senders(struct port *port)
{
	while (!list_is_empty(&port->senders)) {
		struct connection *sender = LIST_ENTRY(port->senders.next, struct connection, wait);
		struct message *message = transfer_admit(sender);

		list_link_tail(&port->queue, &message->link);
	}
}

/* The receive right is gone: every name becomes a dead name now, the rest is
 * work. The right must be in no table and no message any more. */
void
port_destroy(struct port *port)
{
	struct world *world = port->world;

	port->dead = true;
	port->deliver = NULL;
	port->holder = NULL;
	port->carrier = NULL;
	list_unlink(&port->link);
	list_unlink(&port->work);
	list_link_head(&world->dying, &port->work);
	core_wake(world);
	LIST_FOR_EACH(link, next, &port->holders)
		right_entry_died(LIST_ENTRY(link, struct entry, holder), &port->farewells);
	release_senders(port);
	port_turn_away(port, PORT_E_RCV_PORT_DIED);
}

static void
say_farewells(struct port *port)
{
	struct right asked = port->no_senders;

	LIST_FOR_EACH(link, next, &port->farewells) {
		list_unlink(link);
		message_post(LIST_ENTRY(link, struct message, link), port->world);
	}
	port->no_senders = (struct right){ RIGHT_NULL, NULL };
	right_drop(asked);	/* eats asked */
}

/* One step of work on a dying port. */
void
port_die_step(struct port *port)
{
	struct message *message = port_first(port);

	if (message) {
		message_free(message);
		return;
	}
	say_farewells(port);
	list_unlink(&port->work);
	port_put(port);
}
