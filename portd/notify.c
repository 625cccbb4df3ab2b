/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify: a notification is a message to a send-once right, so it ignores the
 * queue limit and cannot be mistaken for one that a task made up.
 *
 * One slot a port for no-senders and port-destroyed each, one a name for dead-name and
 * send-possible each. What was in the slot before goes back to the task as a send-once
 * right, and a supplied right is never lost in silence: when a request fails, it is
 * released. */
#include "portd/notify.h"

#include "base/log.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/space.h"
#include "wire/messages.h"

static const struct right no_right = { RIGHT_NULL, NULL };

/* Eats dest; NULL (no memory) is the one way in which a notification is lost. */
static struct message *
notification(uint32_t id, struct right dest)
{
	struct message *message = message_new(id);

	if (!message) {
		log_error("no memory for a notification (%u): its receiver will wait in vain", id);
		right_consume(dest);	/* eats dest */
		return NULL;
	}
	message->dest = dest;
	return message;
}

static void
send_number(uint32_t id, struct right dest, uint32_t value)
{
	struct world *world = dest.port->world;
	struct message *message = notification(id, dest);	/* eats dest */

	if (!message)
		return;
	wire_put_u32(&message->body, value);
	message_post(message, world);	/* eats message */
}

/* Says that a name went away without dying. Eats asked. */
void
notify_port_deleted(struct right asked, port_name_t name)
{
	if (asked.port)
		send_number(PORT_NOTIFY_PORT_DELETED, asked, name);	/* eats asked */
}

/* Says that a name is dead; the message waits in `farewells` until the port has
 * released what was in its queue. Eats asked. */
void
notify_dead_name(struct right asked, port_name_t name, struct list *farewells)
{
	struct message *message;

	if (!asked.port)
		return;
	message = notification(PORT_NOTIFY_DEAD_NAME, asked);	/* eats asked */
	if (!message)
		return;
	wire_put_u32(&message->body, name);
	message_adopt(message, message->dest.port->world, NULL);
	list_link_tail(farewells, &message->link);
}

/* Says that a send-once right was released unused, on that very right. Eats it. */
void
notify_send_once(struct right unused)
{
	struct world *world = unused.port->world;
	struct message *message = notification(PORT_NOTIFY_SEND_ONCE, unused);	/* eats unused */

	if (message)
		message_post(message, world);	/* eats message */
}

/* Says that there is no sender, with the make-send count of this moment. */
void
notify_no_senders(struct port *port)
{
	struct right asked = port->no_senders;

	if (!asked.port)
		return;
	port->no_senders = no_right;
	send_number(PORT_NOTIFY_NO_SENDERS, asked, port->mscount);	/* eats asked */
}

static void
send_receive_right(struct port *port, struct right asked)
{
	struct world *world = port->world;
	struct right right = { RIGHT_RECEIVE, port };
	struct message *message = notification(PORT_NOTIFY_PORT_DESTROYED, asked);

	if (!message) {
		port_destroy(port);
		return;
	}
	message_adopt(message, world, NULL);
	wire_put_port(&message->body, message_add_right(message, right));	/* eats right */
	if (message->body.error)
		message_free(message);
	else
		message_post(message, world);	/* eats message */
}

/* The receive right of a port is in no table and no message any more: it goes to whoever
 * asked for it, with all that is queued. A request on a port that is dead, or that could
 * be received on only after this one, counts for nothing. */
bool
notify_port_destroyed(struct port *port)
{
	struct right asked = port->port_destroyed;

	if (!asked.port)
		return false;
	port->port_destroyed = no_right;
	if (asked.port->dead || port_leads_to(asked.port, port)) {
		right_consume(asked);	/* eats asked */
		return false;
	}
	port_uproot(port);
	send_receive_right(port, asked);	/* eats asked */
	return true;
}

/* There is room in the queue of a port. */
void
notify_send_possible(struct port *port)
{
	LIST_FOR_EACH(link, next, &port->holders) {
		struct entry *entry = LIST_ENTRY(link, struct entry, holder);
		struct right asked = entry->send_possible;

		if (!entry->send_possible_armed)
			continue;
		right_disarm(entry);
		entry->send_possible = no_right;
		send_number(PORT_NOTIFY_SEND_POSSIBLE, asked, entry->name);	/* eats asked */
	}
}

/* Returns what was registered as a name, once there is a place for it. */
static int
return_previous(struct space *caller, struct right *slot, port_name_t *previousp)
{
	int code = right_enter(caller, *slot, previousp);

	if (!code)
		*slot = no_right;
	return code;
}

/* A request, decoded: whose it is and what it is about. */
struct wanted {
	struct space *caller;	/* gets back what was registered before */
	struct entry *entry;
	uint32_t sync;
	struct right notify;
	port_name_t *previousp;
};

/* A name that is dead already: at once, or not at all. */
static int
request_on_dead_name(const struct wanted *wanted)
{
	struct entry *entry = wanted->entry;

	if (wanted->sync == 0 || wanted->notify.kind == RIGHT_NULL)
		return PORT_E_INVALID_ARGUMENT;
	if (entry->urefs >= PORT_UREFS_DEAD_MAX)
		return PORT_E_UREFS_OVERFLOW;
	entry->urefs++;
	send_number(PORT_NOTIFY_DEAD_NAME, wanted->notify, entry->name);	/* eats notify */
	*wanted->previousp = PORT_NULL;
	return 0;
}

/* Each of these eats notify on success. */
static int
request_dead_name(const struct wanted *wanted)
{
	struct entry *entry = wanted->entry;
	int code;

	if (entry->type & TYPE_PORT_SET)
		return PORT_E_INVALID_RIGHT;
	if (entry->type & TYPE_DEAD_NAME)
		return request_on_dead_name(wanted);
	code = return_previous(wanted->caller, &entry->dead_name, wanted->previousp);
	if (!code)
		entry->dead_name = wanted->notify;
	return code;
}

static int
request_send_possible(const struct wanted *wanted)
{
	struct entry *entry = wanted->entry;
	bool at_once = wanted->sync != 0 && wanted->notify.kind != RIGHT_NULL;
	int code;

	if (entry->type & TYPE_PORT_SET)
		return PORT_E_INVALID_RIGHT;
	if (entry->type & TYPE_DEAD_NAME)
		return request_on_dead_name(wanted);
	code = return_previous(wanted->caller, &entry->send_possible, wanted->previousp);
	if (code)
		return code;
	right_disarm(entry);
	if (at_once && (entry->type & TYPE_SEND_ONCE || !port_is_full(entry->port)))
		send_number(PORT_NOTIFY_SEND_POSSIBLE, wanted->notify, entry->name);
	else
		entry->send_possible = wanted->notify;
	return 0;
}

static int
request_no_senders(const struct wanted *wanted)
{
	struct port *port = wanted->entry->port;
	int code;

	if (!(wanted->entry->type & TYPE_RECEIVE))
		return PORT_E_INVALID_RIGHT;
	code = return_previous(wanted->caller, &port->no_senders, wanted->previousp);
	if (!code)
		port_expect(port, wanted->notify, wanted->sync);	/* eats notify */
	return code;
}

static int
request_port_destroyed(const struct wanted *wanted)
{
	struct port *port = wanted->entry->port;
	int code;

	if (!(wanted->entry->type & TYPE_RECEIVE))
		return PORT_E_INVALID_RIGHT;
	code = return_previous(wanted->caller, &port->port_destroyed, wanted->previousp);
	if (!code)
		port->port_destroyed = wanted->notify;
	return code;
}

/* The right to tell, out of the caller's table. */
static int
take_notify(struct space *caller, const struct request_notification_in *in, struct right *rightp)
{
	struct right right = no_right;

	if (in->notify == PORT_DEAD)
		return PORT_E_INVALID_CAPABILITY;
	if (in->notify != PORT_NULL) {
		if (in->disposition != PORT_MAKE_SEND_ONCE &&
		    in->disposition != PORT_MOVE_SEND_ONCE)
			return PORT_E_INVALID_VALUE;
		if (right_take(caller, in->notify, in->disposition, &right) != 0)
			return PORT_E_INVALID_CAPABILITY;
		if (right.kind == RIGHT_DEAD)
			return PORT_E_INVALID_CAPABILITY;
	}
	*rightp = right;
	return 0;
}

typedef int request_fn(const struct wanted *wanted);

/* What serves a request; NULL: its values are none. */
static request_fn *
find_request(const struct request_notification_in *in)
{
	switch (in->id) {
	case PORT_NOTIFY_DEAD_NAME: return request_dead_name;
	case PORT_NOTIFY_SEND_POSSIBLE: return request_send_possible;
	case PORT_NOTIFY_NO_SENDERS: return request_no_senders;
	case PORT_NOTIFY_PORT_DESTROYED: return in->sync ? NULL : request_port_destroyed;
	default: return NULL;
	}
}

/* Registers, replaces or (notify PORT_NULL) cancels a request about a name of `space`; what
 * was registered before comes back to the caller as a name. On failure a right that was taken
 * is released. */
int
notify_request(struct space *caller, struct space *space,
    const struct request_notification_in *in, port_name_t *previousp)
{
	struct wanted wanted = { .caller = caller, .sync = in->sync, .previousp = previousp };
	request_fn *request = find_request(in);
	int code = take_notify(caller, in, &wanted.notify);

	if (code)
		return code;
	wanted.entry = space_lookup(space, in->name);
	if (!request)
		code = PORT_E_INVALID_VALUE;
	else if (!wanted.entry)
		code = PORT_E_INVALID_NAME;
	else
		code = request(&wanted);
	if (code)
		right_drop(wanted.notify);	/* eats notify */
	return code;
}
