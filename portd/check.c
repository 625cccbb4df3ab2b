/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: the invariants, counted anew over all there is.
 *
 * Each right that exists is found where it must be (in a table, a message, a
 * registration, with the keeper) and added up at its port; the sums must be what
 * the port says. Slow on purpose: it shares no code with what it checks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"

static void
require(bool holds, const char *rule, uint64_t a, uint64_t b)
{
	if (holds)
		return;
	fprintf(stderr, "portd: world_check: %s (%" PRIu64 ", %" PRIu64 ")\n", rule, a, b);
	abort();
}

static void
add_right(const struct right *right)
{
	if (!right->port)
		require(right->kind == RIGHT_NULL || right->kind == RIGHT_DEAD,
		    "a right has a port", right->kind, 0);
	else if (right->kind == RIGHT_SEND)
		right->port->audit.sends++;
	else if (right->kind == RIGHT_SEND_ONCE)
		right->port->audit.onces++;
}

static void
begin_port(struct port *port)
{
	port->audit = (struct port_audit){ .sends = port->lent_sends, .onces = port->lent_onces };
}

static void
add_entry(const struct entry *entry)
{
	struct port *port = entry->port;
	uint32_t type = entry->type;

	require(entry->name != PORT_NULL && entry->name != PORT_DEAD,
	    "a name is not reserved", entry->name, 0);
	require(space_lookup(entry->space, entry->name) == entry,
	    "a name is found", entry->name, 0);
	add_right(&entry->dead_name);
	if (type & TYPE_DEAD_NAME) {
		require(!port && type == TYPE_DEAD_NAME,
		    "a dead name has no port", entry->name, type);
		require(entry->urefs >= 1 && entry->urefs <= PORT_UREFS_DEAD_MAX,
		    "urefs of a dead name", entry->name, entry->urefs);
		return;
	}
	require(port && !port->dead, "a right in a table has a live port", entry->name, type);
	if (type & TYPE_SEND_ONCE) {
		require(type == TYPE_SEND_ONCE && entry->urefs == 1,
		    "a send-once right is alone", type, entry->urefs);
		port->audit.onces++;
		return;
	}
	require(space_find(entry->space, port) == entry,
	    "one name for send and receive", entry->name, 0);
	require(!(type & TYPE_SEND) == (entry->urefs == 0),
	    "urefs of a send right", entry->name, entry->urefs);
	require(entry->urefs <= PORT_UREFS_SEND_MAX,
	    "urefs of a send right are bounded", entry->name, entry->urefs);
	port->audit.sends += (type & TYPE_SEND) != 0;
	if (type & TYPE_RECEIVE) {
		require(port->holder == entry, "a port knows its receiver", entry->name, 0);
		port->audit.homes++;
	}
}

static void
add_space(const struct space *space)
{
	uint32_t entries = 0, receives = 0, coalesced = 0;

	LIST_FOR_EACH(link, next, &space->entries) {
		const struct entry *entry = LIST_ENTRY(link, struct entry, link);

		add_entry(entry);
		entries++;
		receives += (entry->type & TYPE_RECEIVE) != 0;
		coalesced += (entry->type & (TYPE_SEND | TYPE_RECEIVE)) != 0;
	}
	require(entries == space->n_entries && entries == space->names.n_values,
	    "entries of a space", entries, space->n_entries);
	require(receives == space->n_receives,
	    "receive rights of a space", receives, space->n_receives);
	require(coalesced == space->ports.n_values,
	    "coalesced names of a space", coalesced, space->ports.n_values);
}

static void
add_message(struct message *message)
{
	add_right(&message->dest);
	add_right(&message->reply);
	for (size_t i = 0; i < message->n_rights; i++) {
		struct right *right = &message->rights[i];

		add_right(right);
		if (right->kind == RIGHT_RECEIVE) {
			require(right->port->carrier == message,
			    "a port knows its carrier", i, 0);
			right->port->audit.homes++;
		}
	}
}

static void
check_account(const struct task *task)
{
	size_t bytes = 0, fds = 0;

	LIST_FOR_EACH(link, next, &task->messages) {
		const struct message *message = LIST_ENTRY(link, struct message, charge);

		require(message->payer == task,
		    "a message knows its payer", task->id, message->id);
		bytes += message_cost(message);
		fds += message->body.fds.n;
	}
	require(bytes == task->queued_bytes,
	    "bytes that a task pays for", bytes, task->queued_bytes);
	require(fds == task->queued_fds,
	    "descriptors that a task pays for", fds, task->queued_fds);
}

static void
check_connections(const struct task *task)
{
	uint32_t n = 0;

	LIST_FOR_EACH(link, next, &task->connections) {
		const struct connection *connection = LIST_ENTRY(link, struct connection, link);

		require(connection->task == task, "a connection knows its task", task->id, 0);
		require(list_is_linked(&connection->wait) == (connection->waiting != WAITING_NOT),
		    "a connection waits somewhere", task->id, connection->waiting);
		require(!connection->message == (connection->waiting != WAITING_TO_SEND),
		    "a sender that waits has a message", task->id, connection->waiting);
		n++;
	}
	require(n == task->n_connections, "connections of a task", n, task->n_connections);
}

static void
check_port(const struct port *port)
{
	uint32_t queued = 0, homes = port->audit.homes + (port->deliver != NULL);

	LIST_FOR_EACH(link, next, &port->queue)
		queued++;
	require(!port->dead, "a live port is not dead", 0, 0);
	require(port->audit.sends == port->srights,
	    "send rights of a port", port->audit.sends, port->srights);
	require(port->audit.onces == port->sorights,
	    "send-once rights of a port", port->audit.onces, port->sorights);
	require(homes <= 1, "a port has one receive right", homes, 0);
	require((port->holder || port->carrier) == (port->audit.homes == 1),
	    "a port knows where its receive right is", port->audit.homes, 0);
	require(queued == port->msgcount, "messages of a port", queued, port->msgcount);
	require(list_is_empty(&port->senders) || port_is_full(port),
	    "a sender waits on a full port only", port->msgcount, port->qlimit);
	require(list_is_empty(&port->receivers) || (queued == 0 && port->holder),
	    "a receiver waits on an empty port only", queued, 0);
	require(!port->deliver || queued == 0, "portd is not behind", queued, 0);
}

/* Every in-transit chain ends at a receive right in a table or with portd. */
static void
check_chain(const struct port *port)
{
	const struct port *slow = port, *fast = port;

	for (;;) {
		for (int i = 0; i < 2; i++) {
			fast = fast && fast->carrier ? fast->carrier->dest.port : NULL;
			if (!fast)
				return;
		}
		slow = slow->carrier->dest.port;
		require(slow != fast, "no port is queued on itself", 0, 0);
	}
}

/* Aborts with a line when the state contradicts itself. Only between requests. */
void
world_check(const struct world *world)
{
	require(list_is_empty(&world->dying) && list_is_empty(&world->woken),
	    "all work is done", 0, 0);
	require(list_is_empty(&world->ready) && list_is_empty(&world->broken),
	    "all messages are delivered", 0, 0);
	LIST_FOR_EACH(link, next, &world->ports)
		begin_port(LIST_ENTRY(link, struct port, link));
	add_right(&world->bootstrap);
	LIST_FOR_EACH(link, next, &world->tasks)
		add_space(&LIST_ENTRY(link, struct task, link)->space);
	LIST_FOR_EACH(link, next, &world->messages)
		add_message(LIST_ENTRY(link, struct message, world));
	LIST_FOR_EACH(link, next, &world->ports) {
		struct port *port = LIST_ENTRY(link, struct port, link);

		add_right(&port->no_senders);
	}
	LIST_FOR_EACH(link, next, &world->ports) {
		check_port(LIST_ENTRY(link, struct port, link));
		check_chain(LIST_ENTRY(link, struct port, link));
	}
	LIST_FOR_EACH(link, next, &world->tasks) {
		check_account(LIST_ENTRY(link, struct task, link));
		check_connections(LIST_ENTRY(link, struct task, link));
	}
}
