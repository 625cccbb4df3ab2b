/* SPDX-License-Identifier: GPL-2.0-or-later */
/* right: the rules. Read this file first.
 *
 * A right is in one of four places: in a task's table (an entry), in a message,
 * in a registration (whom to tell about a port), or lent to portd's own keeper of
 * nodes. A port counts them: srights is the number of entries with a send right, plus
 * one for each send right outside of tables; sorights likewise, for send-once
 * rights. User references are an affair of one entry and do not count.
 *
 * Send and receive rights of a port coalesce: a space has one name for both. A
 * send-once right always has a name of its own. When a port dies, each name
 * for it becomes a dead name on the spot, so a table never refers to a dead port;
 * rights outside of tables are found dead when they are looked at.
 *
 * Nothing here recurses: what a lost right entails (a notification, a port's
 * death) is queued, and the world works it off after the request in hand. */
#include "portd/right.h"

#include "portd/message.h"
#include "portd/notify.h"
#include "portd/port.h"
#include "portd/set.h"
#include "portd/space.h"

/* 1. Rights outside of tables. */

/* Whether there is a right and its port lives. */
bool
right_is_live(const struct right *right)
{
	return right->port && !right->port->dead;
}

/* Adds one to the count of a right's kind at its port. */
static void
count(const struct right *right)
{
	if (right->kind == RIGHT_SEND)
		right->port->srights++;
	else if (right->kind == RIGHT_SEND_ONCE)
		right->port->sorights++;
}

/* Takes a send-once right or one of a dead port off the books. */
static void
uncount(const struct right *right)
{
	if (right->kind == RIGHT_SEND)
		right->port->srights--;
	else if (right->kind == RIGHT_SEND_ONCE)
		right->port->sorights--;
	port_put(right->port);
}

/* Gives up a right that is in no table and not lent. Eats it. A send right may
 * have been the last one (no-senders); a send-once right that goes unused is
 * answered by a message on itself; with a receive right goes its port, unless somebody
 * asked to have it then. */
void
right_drop(struct right right)
{
	struct port *port = right.port;

	if (!port)
		return;
	if (port->dead) {
		uncount(&right);
	} else if (right.kind == RIGHT_SEND) {
		port->srights--;
		if (port->srights == 0)
			notify_no_senders(port);
	} else if (right.kind == RIGHT_SEND_ONCE) {
		notify_send_once(right);	/* eats right */
	} else if (!notify_port_destroyed(port)) {
		port_destroy(port);
	}
}

/* Ends the right by which a message travelled, the message having arrived.
 * Eats it. */
void
right_consume(struct right right)
{
	if (right.kind == RIGHT_SEND_ONCE)
		uncount(&right);
	else
		right_drop(right);
}

/* One more send right like a live one; NULL for anything else. */
struct right
right_copy(const struct right *right)
{
	if (right->kind != RIGHT_SEND || !right_is_live(right))
		return (struct right){ RIGHT_NULL, NULL };
	count(right);
	return *right;
}

/* Eats a right; gives it back, or RIGHT_DEAD when its port died. */
struct right
right_normal(struct right right)
{
	if (!right.port || !right.port->dead)
		return right;
	right_drop(right);
	return (struct right){ RIGHT_DEAD, NULL };
}

/* Notes that the keeper has this right now. */
void
right_lend(const struct right *right)
{
	if (right->kind == RIGHT_SEND)
		right->port->lent_sends++;
	else if (right->kind == RIGHT_SEND_ONCE)
		right->port->lent_onces++;
}

/* Notes that the keeper has it no more. */
void
right_reclaim(const struct right *right)
{
	if (right->kind == RIGHT_SEND)
		right->port->lent_sends--;
	else if (right->kind == RIGHT_SEND_ONCE)
		right->port->lent_onces--;
}

/* Makes a send right to a port of the keeper's; the make-send count steps on. */
struct right
right_make_send(struct port *port)
{
	struct right right = { RIGHT_SEND, port };

	port->mscount++;
	count(&right);
	right_lend(&right);
	return right;
}

/* Makes a send-once right to a port of the keeper's. */
struct right
right_make_send_once(struct port *port)
{
	struct right right = { RIGHT_SEND_ONCE, port };

	count(&right);
	right_lend(&right);
	return right;
}

/* One more of a send right that the keeper has or sees. */
struct right
right_copy_send(const struct right *right)
{
	struct right copy = right_copy(right);

	right_lend(&copy);
	return copy;
}

/* Gives up a right of the keeper's. Eats it. */
void
right_release(struct right right)
{
	right_reclaim(&right);
	right_drop(right);
}

/* 2. Entries. */

/* Nobody waits for room by this name any more. */
void
right_disarm(struct entry *entry)
{
	if (!entry->send_possible_armed)
		return;
	entry->send_possible_armed = false;
	entry->port->n_send_possible--;
}

/* A sender by this name found no room: who asked to hear of some shall. */
void
right_arm(struct entry *entry)
{
	if (entry->send_possible_armed || entry->send_possible.kind == RIGHT_NULL)
		return;
	entry->send_possible_armed = true;
	entry->port->n_send_possible++;
}

/* Removes an entry whose right went elsewhere: the name did not die, it is just
 * gone, and that is what those hear who asked about it. */
static void
forget(struct entry *entry)
{
	struct right death = entry->dead_name, room = entry->send_possible;
	port_name_t name = entry->name;

	right_disarm(entry);
	space_remove(entry);
	notify_port_deleted(death, name);	/* eats death */
	notify_port_deleted(room, name);	/* eats room */
}

/* Takes the send right out of an entry, whatever its references: the entry's
 * own count at the port goes with it. */
static struct right
uproot_send(struct entry *entry)
{
	struct right right = { RIGHT_SEND, entry->port };

	if (entry->type & TYPE_RECEIVE) {
		entry->type &= ~(uint32_t)TYPE_SEND;
		entry->urefs = 0;
	} else {
		forget(entry);
	}
	return right;
}

static struct right
uproot_once(struct entry *entry)
{
	struct right right = { RIGHT_SEND_ONCE, entry->port };

	forget(entry);
	return right;
}

/* Takes the receive right out of an entry; a send right stays under the same name. */
static struct right
uproot_receive(struct entry *entry)
{
	struct right right = { RIGHT_RECEIVE, entry->port };

	entry->port->holder = NULL;
	if (entry->type & TYPE_SEND) {
		entry->type &= ~(uint32_t)TYPE_RECEIVE;
		entry->space->n_receives--;
	} else {
		forget(entry);
	}
	return right;
}

static void
drop_dead_uref(struct entry *entry)
{
	if (--entry->urefs == 0)
		forget(entry);
}

/* What kind of right a disposition yields. */
static enum right_kind
kind_of(uint32_t disposition)
{
	switch (disposition) {
	case PORT_MOVE_RECEIVE:
		return RIGHT_RECEIVE;
	case PORT_MOVE_SEND_ONCE:
	case PORT_MAKE_SEND_ONCE:
		return RIGHT_SEND_ONCE;
	default:
		return RIGHT_SEND;
	}
}

/* Whether it is one of the six ways in which a right travels. */
bool
right_disposition_is_valid(uint32_t disposition)
{
	return disposition >= PORT_MOVE_RECEIVE && disposition <= PORT_MAKE_SEND_ONCE;
}

/* What the receiver of a right sees: which kind it got. */
uint32_t
right_disposition_received(uint32_t disposition)
{
	static const uint32_t seen[] = {
		[RIGHT_RECEIVE] = PORT_MOVE_RECEIVE,
		[RIGHT_SEND] = PORT_MOVE_SEND,
		[RIGHT_SEND_ONCE] = PORT_MOVE_SEND_ONCE,
	};

	return seen[kind_of(disposition)];
}

/* Whether an entry has what a disposition takes. A dead name has whatever
 * could once be moved or copied from it; a receive right may be bound to stay, or to make
 * no send rights. */
static bool
fits(const struct entry *entry, uint32_t disposition)
{
	switch (disposition) {
	case PORT_MOVE_RECEIVE:
		return entry->type & TYPE_RECEIVE && !entry->port->strict;
	case PORT_MAKE_SEND:
		return entry->type & TYPE_RECEIVE && !entry->port->reply_only;
	case PORT_MAKE_SEND_ONCE:
		return entry->type & TYPE_RECEIVE;
	case PORT_MOVE_SEND:
	case PORT_COPY_SEND:
		return entry->type & (TYPE_SEND | TYPE_DEAD_NAME);
	case PORT_MOVE_SEND_ONCE:
		return entry->type & (TYPE_SEND_ONCE | TYPE_DEAD_NAME);
	default:
		return false;
	}
}

/* 3. Out of a table. */

/* Whether it is an entry with a receive right that nobody may drop by mistake. */
bool
right_is_guarded(const struct entry *entry)
{
	return entry && entry->type & TYPE_RECEIVE && entry->port->guarded;
}

static struct right
move_receive(struct entry *entry)
{
	struct right right = uproot_receive(entry);

	port_uproot(right.port);
	return right;
}

static struct right
move_send(struct entry *entry)
{
	struct right right = { RIGHT_SEND, entry->port };

	if (entry->urefs == 1)
		return uproot_send(entry);
	entry->urefs--;
	count(&right);
	return right;
}

/* Takes from an entry what fits. */
static struct right
take(struct entry *entry, uint32_t disposition)
{
	struct right right = { kind_of(disposition), entry->port };

	if (entry->type & TYPE_DEAD_NAME) {
		if (disposition != PORT_COPY_SEND)
			drop_dead_uref(entry);
		return (struct right){ RIGHT_DEAD, NULL };
	}
	switch (disposition) {
	case PORT_MOVE_RECEIVE:
		return move_receive(entry);
	case PORT_MOVE_SEND:
		return move_send(entry);
	case PORT_MOVE_SEND_ONCE:
		return uproot_once(entry);
	case PORT_MAKE_SEND:
		entry->port->mscount++;
		break;
	}
	count(&right);
	return right;
}

/* Whether a name is one of the two that are no entries, and which right it is. */
static bool
is_reserved(port_name_t name, struct right *rightp)
{
	if (name != PORT_NULL && name != PORT_DEAD)
		return false;
	*rightp = (struct right){ name == PORT_NULL ? RIGHT_NULL : RIGHT_DEAD, NULL };
	return true;
}

/* Takes a right out of a table. The caller has it then, outside of tables.
 * INVALID_VALUE (disposition), INVALID_NAME, INVALID_RIGHT: nothing happened. */
int
right_take(struct space *space, port_name_t name, uint32_t disposition, struct right *rightp)
{
	struct entry *entry;

	if (!right_disposition_is_valid(disposition))
		return PORT_E_INVALID_VALUE;
	if (is_reserved(name, rightp))
		return 0;
	entry = space_lookup(space, name);
	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!fits(entry, disposition))
		return PORT_E_INVALID_RIGHT;
	*rightp = take(entry, disposition);
	return 0;
}

/* The same for a call, which is no message: a guarded receive right does not go. */
int
right_take_by_call(
    struct space *space, port_name_t name, uint32_t disposition, struct right *rightp)
{
	struct entry *entry = space_lookup(space, name);

	if (disposition == PORT_MOVE_RECEIVE && right_is_guarded(entry))
		return PORT_E_INVALID_RIGHT;
	return right_take(space, name, disposition, rightp);
}

static int
check_dispositions(const struct right_header *header)
{
	uint32_t remote = header->remote_disposition, local = header->local_disposition;

	if (!right_disposition_is_valid(remote) || remote == PORT_MOVE_RECEIVE)
		return PORT_E_SEND_INVALID_HEADER;
	if (local == 0)
		return header->local == PORT_NULL ? 0 : PORT_E_SEND_INVALID_HEADER;
	if (!right_disposition_is_valid(local) || local == PORT_MOVE_RECEIVE)
		return PORT_E_SEND_INVALID_HEADER;
	return 0;
}

/* Destination and reply out of one entry: there must be enough for both. */
static bool
suffices_for_both(const struct entry *entry, uint32_t remote, uint32_t local)
{
	if (entry->type & TYPE_DEAD_NAME)
		return false;
	if (remote == PORT_MOVE_SEND_ONCE || local == PORT_MOVE_SEND_ONCE)
		return false;
	return remote != PORT_MOVE_SEND || local != PORT_MOVE_SEND || entry->urefs >= 2 ||
	    !(entry->type & TYPE_SEND);
}

/* Whether right_take_header would find both rights of a message's header. 0, with the
 * destination in *destp; else a SEND_ code, and nothing happened in any case. */
int
right_check_header(struct space *space, const struct right_header *header, struct port **destp)
{
	struct entry *dest, *reply = NULL;
	struct right reserved;
	int code = check_dispositions(header);

	if (code)
		return code;
	dest = space_lookup(space, header->remote);
	if (!dest)
		return PORT_E_SEND_INVALID_DEST;
	if (!is_reserved(header->local, &reserved)) {
		reply = space_lookup(space, header->local);
		if (!reply)
			return PORT_E_SEND_INVALID_REPLY;
	}
	if (reply == dest &&
	    !suffices_for_both(dest, header->remote_disposition, header->local_disposition))
		return PORT_E_SEND_INVALID_DEST;
	if (reply && !fits(reply, header->local_disposition))
		return PORT_E_SEND_INVALID_REPLY;
	if (dest->type & TYPE_DEAD_NAME || !fits(dest, header->remote_disposition))
		return PORT_E_SEND_INVALID_DEST;
	*destp = dest->port;
	return 0;
}

static struct right
take_checked(struct space *space, port_name_t name, uint32_t disposition)
{
	struct right right = { RIGHT_NULL, NULL };

	if (disposition)
		right_take(space, name, disposition, &right);
	return right;
}

/* Takes both rights of a header that was checked. When both come out of one
 * entry, a copy is taken before the move that may empty it. */
void
right_take_header(struct space *space, const struct right_header *header,
    struct right *destp, struct right *replyp)
{
	bool reply_first = header->remote_disposition == PORT_MOVE_SEND;

	if (reply_first)
		*replyp = take_checked(space, header->local, header->local_disposition);
	*destp = take_checked(space, header->remote, header->remote_disposition);
	if (!reply_first)
		*replyp = take_checked(space, header->local, header->local_disposition);
}

/* 4. Into a table. */

/* Merges a send or receive right into the entry that the space has for its port;
 * eats it, unless UREFS_OVERFLOW. */
static int
merge(struct entry *entry, struct right right)
{
	if (right.kind == RIGHT_RECEIVE) {
		entry->type |= TYPE_RECEIVE;
		entry->space->n_receives++;
		right.port->carrier = NULL;
		right.port->holder = entry;
	} else if (!(entry->type & TYPE_SEND)) {
		entry->type |= TYPE_SEND;
		entry->urefs = 1;
	} else if (entry->urefs < PORT_UREFS_SEND_MAX) {
		entry->urefs++;
		right.port->srights--;	/* the entry counts already */
	} else {
		return PORT_E_UREFS_OVERFLOW;
	}
	return 0;
}

/* A new entry for a right, under `name` or a fresh one. Eats right on success. */
static int
settle_down(struct space *space, port_name_t name, struct right right, struct entry **entryp)
{
	static const uint32_t types[] = {
		[RIGHT_SEND] = TYPE_SEND,
		[RIGHT_SEND_ONCE] = TYPE_SEND_ONCE,
		[RIGHT_RECEIVE] = TYPE_RECEIVE,
	};
	int code = space_add(space, name, types[right.kind], right.port, entryp);

	if (code)
		return code;
	if (right.kind == RIGHT_RECEIVE) {
		right.port->carrier = NULL;
		right.port->holder = *entryp;
	} else {
		(*entryp)->urefs = 1;
	}
	return 0;
}

/* Brings a right that arrives into a table, by the rules of coalescing, and tells its
 * name: PORT_NULL or PORT_DEAD for those that have none. Eats right, unless
 * there is no room (NO_SPACE, RESOURCE_SHORTAGE). At the limit of user references a
 * further one is given up without a word. */
int
right_enter(struct space *space, struct right right, port_name_t *namep)
{
	struct entry *entry = NULL;
	int code = 0;

	right = right_normal(right);
	if (!right.port) {
		*namep = right.kind == RIGHT_DEAD ? PORT_DEAD : PORT_NULL;
		return 0;
	}
	if (right.kind != RIGHT_SEND_ONCE)
		entry = space_find(space, right.port);
	if (!entry)
		code = settle_down(space, PORT_NULL, right, &entry);
	else if (merge(entry, right) == PORT_E_UREFS_OVERFLOW)
		right_drop(right);
	if (!code)
		*namep = entry->name;
	return code;
}

static int
insert(struct space *space, port_name_t name, struct right right)
{
	struct entry *there = space_lookup(space, name), *same = NULL;

	if (!right_is_live(&right))
		return PORT_E_INVALID_CAPABILITY;
	if (right.kind != RIGHT_SEND_ONCE)
		same = space_find(space, right.port);
	if (same)
		return same == there ? merge(same, right) : PORT_E_RIGHT_EXISTS;
	if (there)
		return PORT_E_NAME_EXISTS;
	return settle_down(space, name, right, &same);
}

/* Brings a right into a table under exactly this name. Eats right in any case:
 * on failure it is gone, with all that follows. */
int
right_insert(struct space *space, port_name_t name, struct right right)
{
	int code = insert(space, name, right);

	if (code)
		right_drop(right);
	return code;
}

/* 5. The calls on one name. */

/* Drops one user reference of a send right or a dead name, or a send-once right. */
int
right_deallocate(struct space *space, port_name_t name)
{
	struct entry *entry = space_lookup(space, name);

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (entry->type & TYPE_DEAD_NAME)
		drop_dead_uref(entry);
	else if (entry->type & TYPE_SEND_ONCE)
		right_drop(uproot_once(entry));
	else if (!(entry->type & TYPE_SEND))
		return PORT_E_INVALID_RIGHT;
	else if (entry->urefs > 1)
		entry->urefs--;
	else
		right_drop(uproot_send(entry));
	return 0;
}

/* Drops whatever an entry holds, the send right before the receive right. */
void
right_destroy_entry(struct entry *entry)
{
	struct port *port = entry->port;
	struct set *set = entry->set;
	uint32_t type = entry->type;

	if (type & TYPE_RECEIVE)
		port->holder = NULL;
	forget(entry);
	if (type & TYPE_SEND_ONCE)
		right_drop((struct right){ RIGHT_SEND_ONCE, port });
	if (type & TYPE_SEND)
		right_drop((struct right){ RIGHT_SEND, port });
	if (type & TYPE_RECEIVE)
		right_drop((struct right){ RIGHT_RECEIVE, port });
	if (type & TYPE_PORT_SET)
		set_free(set);
}

/* The same, by name. */
int
right_destroy(struct space *space, port_name_t name)
{
	struct entry *entry = space_lookup(space, name);

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (right_is_guarded(entry))
		return PORT_E_INVALID_RIGHT;
	right_destroy_entry(entry);
	return 0;
}

/* References after a change, or an answer: INVALID_VALUE, UREFS_OVERFLOW. */
static int
changed_urefs(const struct entry *entry, int32_t delta, uint32_t max, uint32_t *urefsp)
{
	int64_t urefs = (int64_t)entry->urefs + delta;

	if (urefs < 0)
		return PORT_E_INVALID_VALUE;
	if (urefs > max)
		return PORT_E_UREFS_OVERFLOW;
	*urefsp = (uint32_t)urefs;
	return 0;
}

static int
mod_send(struct entry *entry, int32_t delta)
{
	uint32_t urefs;
	int code = changed_urefs(entry, delta, PORT_UREFS_SEND_MAX, &urefs);

	if (code)
		return code;
	if (urefs > 0)
		entry->urefs = urefs;
	else
		right_drop(uproot_send(entry));
	return 0;
}

static int
mod_dead_name(struct entry *entry, int32_t delta)
{
	uint32_t urefs;
	int code = changed_urefs(entry, delta, PORT_UREFS_DEAD_MAX, &urefs);

	if (code)
		return code;
	entry->urefs = urefs;
	if (urefs == 0)
		forget(entry);
	return 0;
}

static int
mod_single(struct entry *entry, uint32_t kind, int32_t delta)
{
	if (delta == 0)
		return 0;
	if (delta != -1)
		return PORT_E_INVALID_VALUE;
	if (kind == PORT_RIGHT_PORT_SET)
		right_destroy_entry(entry);
	else if (kind == PORT_RIGHT_SEND_ONCE)
		right_drop(uproot_once(entry));
	else if (right_is_guarded(entry))
		return PORT_E_INVALID_RIGHT;
	else
		right_drop(uproot_receive(entry));
	return 0;
}

/* Changes the number of references of one kind; without any the right is gone. */
int
right_mod_refs(struct space *space, port_name_t name, uint32_t kind, int32_t delta)
{
	struct entry *entry;

	if (kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	entry = space_lookup(space, name);
	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!(entry->type & PORT_TYPE(kind)))
		return PORT_E_INVALID_RIGHT;
	if (kind == PORT_RIGHT_SEND)
		return mod_send(entry, delta);
	if (kind == PORT_RIGHT_DEAD_NAME)
		return mod_dead_name(entry, delta);
	return mod_single(entry, kind, delta);
}

/* Drops the receive right and -delta references of the send right in one step. The guard
 * must be the right's, if it has one. */
int
right_destruct(struct space *space, port_name_t name, int32_t delta, uint64_t guard)
{
	struct entry *entry;
	uint32_t urefs;

	if (delta > 0)
		return PORT_E_INVALID_VALUE;
	entry = space_lookup(space, name);
	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!(entry->type & TYPE_RECEIVE) || (delta != 0 && !(entry->type & TYPE_SEND)))
		return PORT_E_INVALID_RIGHT;
	if (entry->port->guarded && entry->port->guard != guard)
		return PORT_E_INVALID_ARGUMENT;
	if (changed_urefs(entry, delta, PORT_UREFS_SEND_MAX, &urefs) != 0)
		return PORT_E_INVALID_VALUE;
	if (delta != 0)
		mod_send(entry, delta);
	right_drop(uproot_receive(entry));
	return 0;
}

/* The number of references of one kind; 0 when the name is of another. */
int
right_get_refs(struct space *space, port_name_t name, uint32_t kind, uint32_t *urefsp)
{
	struct entry *entry;

	if (kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	entry = space_lookup(space, name);
	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!(entry->type & PORT_TYPE(kind)))
		*urefsp = 0;
	else if (kind == PORT_RIGHT_SEND || kind == PORT_RIGHT_DEAD_NAME)
		*urefsp = entry->urefs;
	else
		*urefsp = 1;
	return 0;
}

/* The bits that port_type answers. */
uint32_t
right_entry_type(const struct entry *entry)
{
	return entry->type | (entry->dead_name.kind != RIGHT_NULL ? PORT_TYPE_DNREQUEST : 0) |
	    (entry->send_possible.kind != RIGHT_NULL ? PORT_TYPE_SPREQUEST : 0);
}

/* The same, by name. */
int
right_type(struct space *space, port_name_t name, uint32_t *typep)
{
	struct entry *entry = space_lookup(space, name);

	if (!entry)
		return PORT_E_INVALID_NAME;
	*typep = right_entry_type(entry);
	return 0;
}

/* 6. Death. */

/* Tells of the death of a name, with a reference more, for the reader is to find the name
 * still standing for this. Eats asked. */
static void
tell_of_death(struct entry *entry, struct right asked, struct list *farewells)
{
	if (asked.kind == RIGHT_NULL)
		return;
	if (entry->urefs < PORT_UREFS_DEAD_MAX)
		entry->urefs++;
	notify_dead_name(asked, entry->name, farewells);	/* eats asked */
}

/* Makes an entry with a send or send-once right of a dying port a dead name, with
 * the references it had. There will be no room there, either. */
void
right_entry_died(struct entry *entry, struct list *farewells)
{
	struct right death = entry->dead_name, room = entry->send_possible;

	right_disarm(entry);
	if (entry->type & TYPE_SEND)
		entry->port->srights--;
	else
		entry->port->sorights--;
	entry->dead_name = entry->send_possible = (struct right){ RIGHT_NULL, NULL };
	space_bury(entry);
	tell_of_death(entry, death, farewells);	/* eats death */
	tell_of_death(entry, room, farewells);	/* eats room */
}
