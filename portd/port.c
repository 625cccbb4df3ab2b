/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port: queues, senders that wait for room, receivers that wait for a message,
 * and the death of it all.
 *
 * A port lives as long as its receive right. Dead, it is a husk that is
 * emptied by the world's work (port_die_step) and freed with the last right that
 * refers to it. The order of that death: what waited for room goes first, then what
 * was queued, with all that it entails; then those who asked for the death of a name hear
 * of it; then the one who asked for no-senders gets his right back unused. */
#include "portd/port.h"

#include <stdlib.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/notify.h"
#include "portd/set.h"
#include "portd/space.h"
#include "portd/task.h"
#include "portd/trace.h"
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
	port->number = ++world->last_number;
	port->qlimit = PORT_QLIMIT_DEFAULT;
	list_init(&port->queue);
	list_init(&port->senders);
	list_init(&port->receivers);
	list_init(&port->holders);
	list_init(&port->farewells);
	list_link_tail(&world->ports, &port->link);
	return port;
}

/* Likewise for a task, which pays for it. NULL: it cannot, or there is no memory. */
struct port *
port_new_for(struct task *task)
{
	struct port *port = NULL;

	if (account_allows(task->account, ACCOUNT_PORTS, 1))
		port = port_new(task->world);
	if (!port)
		return NULL;
	port->account = task->account;
	account_add(port->account, ACCOUNT_PORTS, 1);
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

/* A port of the keeper's that nobody reads. NULL: no memory. */
struct port *
port_new_kept(struct world *world)
{
	return port_new(world);
}

/* Whom to call when there is a message on such a port. */
void
port_watch_queue(struct port *port, port_arrived_fn *arrived, void *arg)
{
	port->arrived = arrived;
	port->arg = arg;
	if (arrived)
		port_ready(port);
}

/* How many messages wait there. */
uint32_t
port_queued(const struct port *port)
{
	return port->msgcount;
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

/* Who waits for the messages of a port. */
static struct list *
receivers_of(struct port *port)
{
	return port->set ? &port->set->receivers : &port->receivers;
}

/* Puts a port on the list of work when it has a message and a taker. */
void
port_ready(struct port *port)
{
	struct world *world = port->world;

	if (port->dead || list_is_linked(&port->work) || list_is_empty(&port->queue))
		return;
	if (!port->deliver && !port->arrived && list_is_empty(receivers_of(port)))
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
	if (trace_is_on(port->world))
		trace_sent(message);
	if (port->set)
		set_fill(port);
	else
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
 * place is theirs at once: a newcomer cannot snatch it. If there is room then,
 * whoever wants to hear of it does. */
void
port_admit(struct port *port)
{
	while (!port_is_full(port) && !list_is_empty(&port->senders)) {
		struct connection *sender = LIST_ENTRY(port->senders.next, struct connection, wait);

		port_enqueue(port, transfer_admit(sender));
	}
	if (port->n_send_possible && !port_is_full(port))
		notify_send_possible(port);
}

/* Takes the oldest message off the queue; the next number in sequence is used
 * up by that. */
struct message *
port_dequeue(struct port *port)
{
	struct message *message = port_first(port);

	if (trace_is_on(port->world))
		trace_received(message, port->seqno);
	list_unlink(&message->link);
	message_uncharge(message);
	port->msgcount--;
	port->seqno++;
	if (port->set)
		set_turn(port);
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

/* The receive right leaves its table: what belongs to its owner alone ends, the
 * rest (queue, limit, requests, senders that wait) goes with it. */
void
port_uproot(struct port *port)
{
	port->holder = NULL;
	port->mscount = 0;
	port->seqno = 0;
	port->has_payload = false;
	port->guarded = port->strict = false;
	set_leave(port);
	transfer_turn_away(&port->receivers, PORT_E_RCV_PORT_DIED);
}

/* Whether messages are queued on it or wait to be: without any, nothing is on its way in
 * there. */
bool
port_has_queue(const struct port *port)
{
	return !list_is_empty(&port->queue) || !list_is_empty(&port->senders);
}

/* Whether whoever is to receive on `port` must have received `to` first, its receive right
 * being on the way in a message that is queued on it, at once or through others. */
bool
port_leads_to(const struct port *port, const struct port *to)
{
	if (port != to && !port_has_queue(to))
		return false;
	while (port && port != to)
		port = port->carrier ? port->carrier->dest.port : NULL;
	return port != NULL;
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

static void
tell_arrival(struct port *port)
{
	port_arrived_fn *arrived = port->arrived;

	port->arrived = NULL;
	arrived(port, port->arg);
}

/* One step of work on a ready port: one message to one taker. */
void
port_deliver(struct port *port)
{
	struct list *receivers = receivers_of(port);

	list_unlink(&port->work);
	if (port->deliver)
		deliver_to_kernel(port);
	else if (port->arrived)
		tell_arrival(port);
	else if (!list_is_empty(receivers) && !list_is_empty(&port->queue))
		transfer_deliver(LIST_ENTRY(receivers->next, struct connection, wait), port);
	if (port->set)
		set_ready(port->set);
	else
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

/* Who gets the receive right instead of its end. Eats notify. */
void
port_arm_port_destroyed(struct port *port, struct right notify)
{
	right_reclaim(&notify);
	port->port_destroyed = notify;
}

/* Registers a port of portd's own as the one to tell of its lack of senders. */
void
port_arm_no_senders(struct port *port, uint32_t sync)
{
	struct right notify = right_make_send_once(port);

	if (port->no_senders.kind != RIGHT_NULL)
		right_consume(port->no_senders);
	right_reclaim(&notify);
	port_expect(port, notify, sync);	/* eats notify */
}

/* Messages of senders that still wait die with the queue, before what is in it; they were
 * sent, as far as the senders know. */
static void
release_senders(struct port *port)
{
	struct list *oldest = port->queue.next;

	while (!list_is_empty(&port->senders)) {
		struct connection *sender = LIST_ENTRY(port->senders.next, struct connection, wait);
		struct message *message = transfer_admit(sender);

		list_link_before(oldest, &message->link);
	}
}

/* The receive right is gone: every name becomes a dead name now, the rest is
 * work. The right must be in no table and no message any more. */
void
port_destroy(struct port *port)
{
	struct world *world = port->world;
	struct right heir = port->port_destroyed;

	port->dead = true;
	account_return(port->account, ACCOUNT_PORTS, 1);
	port->account = NULL;
	port->deliver = NULL;
	port->arrived = NULL;
	port->carrier = NULL;
	port_uproot(port);
	list_unlink(&port->link);
	list_unlink(&port->work);
	list_link_head(&world->dying, &port->work);
	core_wake(world);
	LIST_FOR_EACH(link, next, &port->holders)
		right_entry_died(LIST_ENTRY(link, struct entry, holder), &port->farewells);
	release_senders(port);
	port->port_destroyed = (struct right){ RIGHT_NULL, NULL };
	right_consume(heir);	/* eats heir */
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
