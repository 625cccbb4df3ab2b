/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set: who is in it, and whose turn it is.
 *
 * A port is in one set at most, of the task that has its receive right, and keeps
 * its queue to itself: a message becomes receivable through the set by its port's
 * being in the list of those that have any. Who has given one away goes to the end of
 * that list, so a member with n others before it waits for n messages at most. */
#include "portd/set.h"

#include <stdlib.h>

#include "portd/port.h"
#include "portd/transfer.h"

/* An empty set without a name. NULL: no memory. */
struct set *
set_new(void)
{
	struct set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	list_init(&set->members);
	list_init(&set->filled);
	list_init(&set->receivers);
	return set;
}

/* Ends a set: its members stand alone, with their queues; who waits hears that it died. */
void
set_free(struct set *set)
{
	transfer_turn_away(&set->receivers, PORT_E_RCV_PORT_DIED);
	LIST_FOR_EACH(link, next, &set->members)
		set_leave(LIST_ENTRY(link, struct port, member));
	free(set);
}

/* Offers the message whose turn it is to whoever waits on the set. */
void
set_ready(struct set *set)
{
	if (!list_is_empty(&set->filled))
		port_ready(LIST_ENTRY(set->filled.next, struct port, filled));
}

/* A member has a message: it gets its turn. */
void
set_fill(struct port *port)
{
	if (!list_is_linked(&port->filled))
		list_link_tail(&port->set->filled, &port->filled);
	set_ready(port->set);
}

/* A member has given a message away: the others come first. */
void
set_turn(struct port *port)
{
	list_unlink(&port->filled);
	if (!list_is_empty(&port->queue))
		list_link_tail(&port->set->filled, &port->filled);
}

/* Brings a port into a set, out of any other. Who waits on the port itself is
 * told that it is to be waited for elsewhere. */
void
set_join(struct set *set, struct port *port)
{
	if (port->set == set)
		return;
	set_leave(port);
	port->set = set;
	list_link_tail(&set->members, &port->member);
	set->n_members++;
	transfer_turn_away(&port->receivers, PORT_E_RCV_PORT_CHANGED);
	if (!list_is_empty(&port->queue))
		set_fill(port);
}

/* Takes a port out of its set, if it is in one. */
void
set_leave(struct port *port)
{
	struct set *set = port->set;

	if (!set)
		return;
	set->n_members--;
	port->set = NULL;
	list_unlink(&port->member);
	list_unlink(&port->filled);
	set_ready(set);
}
