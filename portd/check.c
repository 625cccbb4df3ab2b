/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: the invariants, counted anew over all there is.
 *
 * Each right that exists is found where it must be (in a table, a message, a
 * registration, with the keeper) and added up at its port; the sums must be what
 * the port says. Slow on purpose: it shares no code with what it checks. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "portd/account.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/set.h"
#include "portd/space.h"
#include "portd/task.h"

enum {
	FEW = 500,		/* objects: as many are checked after each request */
	SELDOM = 1000,		/* requests between two checks of more */
};

/* Where to go on when a rule does not hold, and which; NULL: nowhere. */
static jmp_buf *audit;
static const char *broken;

static void
require(bool holds, const char *rule, uint64_t a, uint64_t b)
{
	if (holds)
		return;
	if (audit) {
		broken = rule;
		longjmp(*audit, 1);
	}
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
add_set_entry(const struct entry *entry)
{
	require(entry->type == TYPE_PORT_SET && !entry->port && entry->urefs == 0,
	    "a set is nothing else", entry->name, entry->type);
	require(entry->set && entry->set->holder == entry, "a set knows its name", entry->name, 0);
	require(entry->dead_name.kind == RIGHT_NULL && entry->send_possible.kind == RIGHT_NULL,
	    "nobody asks about a set", entry->name, 0);
}

static void
add_requests(const struct entry *entry)
{
	add_right(&entry->dead_name);
	add_right(&entry->send_possible);
	if (!entry->send_possible_armed)
		return;
	require(entry->port && entry->send_possible.kind != RIGHT_NULL,
	    "who waits for room has asked for it", entry->name, 0);
	entry->port->audit.armed++;
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
	add_requests(entry);
	if (type & TYPE_PORT_SET) {
		add_set_entry(entry);
		return;
	}
	require(!entry->set, "only a set is a set", entry->name, type);
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

static size_t
add_space(const struct space *space)
{
	uint32_t entries = 0, receives = 0, coalesced = 0, chosen = 0;

	LIST_FOR_EACH(link, next, &space->entries) {
		const struct entry *entry = LIST_ENTRY(link, struct entry, link);

		add_entry(entry);
		entries++;
		chosen += entry->index == 0;
		receives += (entry->type & TYPE_RECEIVE) != 0;
		coalesced += (entry->type & (TYPE_SEND | TYPE_RECEIVE)) != 0;
	}
	require(entries == space->n_entries, "entries of a space", entries, space->n_entries);
	require(chosen == space->chosen.n_values,
	    "names that a task chose", chosen, space->chosen.n_values);
	require(receives == space->n_receives,
	    "receive rights of a space", receives, space->n_receives);
	require(coalesced == space->ports.n_values,
	    "coalesced names of a space", coalesced, space->ports.n_values);
	return entries;
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

/* A port in a set is in its owner's, in turn when it has a message. */
static void
check_membership(const struct port *port)
{
	bool has_turn = port->set && !list_is_empty(&port->queue);

	require(list_is_linked(&port->member) == (port->set != NULL), "a member is in its set", 0, 0);
	require(list_is_linked(&port->filled) == has_turn, "a member has its turn", has_turn, 0);
	require(!port->set || (port->holder && port->holder->space == port->set->holder->space),
	    "a member is its set's task's", 0, 0);
}

/* Who waits has used no send-once right, and the message is the world's already. */
static void
check_senders(const struct port *port)
{
	LIST_FOR_EACH(link, next, &port->senders) {
		const struct connection *sender = LIST_ENTRY(link, struct connection, wait);
		const struct message *message = sender->message;

		require(sender->waiting == WAITING_TO_SEND, "a sender waits", sender->waiting, 0);
		require(message->dest.kind == RIGHT_SEND && message->dest.port == port,
		    "a sender waits with a send right", message->dest.kind, 0);
		require(list_is_linked(&message->world), "a message is the world's", message->id, 0);
	}
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
	require(list_is_empty(&port->receivers) || (queued == 0 && port->holder && !port->set),
	    "a receiver waits on an empty port only", queued, 0);
	require(!port->deliver || queued == 0, "portd is not behind", queued, 0);
	require(port->audit.armed == port->n_send_possible && (!port->audit.armed || port_is_full(port)),
	    "names that wait for room", port->audit.armed, port->n_send_possible);
	require(port->holder || !(port->guarded || port->has_payload),
	    "what is the owner's does not travel", port->guarded, port->has_payload);
	require(port->guarded || !port->strict, "a strict guard is a guard", 0, 0);
	check_membership(port);
	check_senders(port);
}

static void
check_set(const struct entry *entry)
{
	const struct set *set = entry->set;
	uint32_t members = 0;

	LIST_FOR_EACH(link, next, &set->members) {
		require(LIST_ENTRY(link, struct port, member)->set == set,
		    "a member knows its set", entry->name, 0);
		members++;
	}
	require(members == set->n_members, "members of a set", members, set->n_members);
	require(list_is_empty(&set->receivers) || list_is_empty(&set->filled),
	    "a receiver waits on an empty set only", entry->name, 0);
	LIST_FOR_EACH(link, next, &set->filled)
		require(LIST_ENTRY(link, struct port, filled)->set == set,
		    "whose turn it is is a member", entry->name, 0);
}

static void
check_sets(const struct space *space)
{
	LIST_FOR_EACH(link, next, &space->entries) {
		const struct entry *entry = LIST_ENTRY(link, struct entry, link);

		if (entry->set)
			check_set(entry);
	}
}

/* Every in-transit chain ends at a receive right in a table or with portd. Each port is walked
 * over once: `walk` is the number of this walk, and an earlier one has ended well. */
static void
check_chain(struct port *port, uint32_t walk)
{
	while (port && port->audit.walk == 0) {
		port->audit.walk = walk;
		port = port->carrier ? port->carrier->dest.port : NULL;
	}
	require(!port || port->audit.walk != walk, "no port is queued on itself", walk, 0);
}

/* How many objects were checked. */
static size_t
check(const struct world *world)
{
	size_t n = 0;
	uint32_t walk = 0;

	require(list_is_empty(&world->dying) && list_is_empty(&world->woken),
	    "all work is done", 0, 0);
	require(list_is_empty(&world->ready) && list_is_empty(&world->broken),
	    "all messages are delivered", 0, 0);
	LIST_FOR_EACH(link, next, &world->ports)
		begin_port(LIST_ENTRY(link, struct port, link));
	add_right(&world->bootstrap);
	LIST_FOR_EACH(link, next, &world->tasks)
		n += add_space(&LIST_ENTRY(link, struct task, link)->space);
	LIST_FOR_EACH(link, next, &world->messages) {
		add_message(LIST_ENTRY(link, struct message, world));
		n++;
	}
	LIST_FOR_EACH(link, next, &world->ports) {
		struct port *port = LIST_ENTRY(link, struct port, link);

		add_right(&port->no_senders);
		add_right(&port->port_destroyed);
		n++;
	}
	LIST_FOR_EACH(link, next, &world->ports) {
		check_port(LIST_ENTRY(link, struct port, link));
		check_chain(LIST_ENTRY(link, struct port, link), ++walk);
	}
	LIST_FOR_EACH(link, next, &world->tasks) {
		check_connections(LIST_ENTRY(link, struct task, link));
		check_sets(&LIST_ENTRY(link, struct task, link)->space);
	}
	account_check(world);
	return n;
}

/* Aborts with a line when the state contradicts itself. Only between requests. */
void
world_check(const struct world *world)
{
	check(world);
}

/* Says what does not hold instead, once there is no work. */
const char *
world_audit(const struct world *world)
{
	jmp_buf here;

	broken = NULL;
	audit = &here;
	if (setjmp(here) == 0)
		check(world);
	audit = NULL;
	return broken;
}

/* The same after a request: after each while there is little to be checked, now and then
 * when there is much. */
void
core_check(struct world *world)
{
	if (world->n_checked > FEW && ++world->n_unchecked < SELDOM)
		return;
	world->n_unchecked = 0;
	world->n_checked = check(world);
}
