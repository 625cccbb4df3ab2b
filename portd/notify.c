/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify: a notification is a message to a send-once right, so it ignores the
 * queue limit and cannot be mistaken for one that a task made up.
 *
 * One slot a port for no-senders, one a name for dead-name. What was in the
 * slot before goes back to the task as a send-once right, and a supplied right is
 * never lost in silence: when a request fails, it is released. */
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

/* Returns what was registered as a name, once there is a place for it. */
static int
return_previous(struct space *space, struct right *slot, port_name_t *previousp)
{
	int code = right_enter(space, *slot, previousp);

	if (!code)
		*slot = no_right;
	return code;
}

/* A name that is dead already: at once, or not at all. */
static int
request_on_dead_name(
    struct entry *entry, uint32_t sync, struct right notify, port_name_t *previousp)
{
	if (sync == 0 || notify.kind == RIGHT_NULL)
		return PORT_E_INVALID_ARGUMENT;
	if (entry->urefs >= PORT_UREFS_DEAD_MAX)
		return PORT_E_UREFS_OVERFLOW;
	entry->urefs++;
	send_number(PORT_NOTIFY_DEAD_NAME, notify, entry->name);	/* eats notify */
	*previousp = PORT_NULL;
	return 0;
}

/* Each of these eats notify on success. */
static int
request_dead_name(struct space *space, port_name_t name, uint32_t sync, struct right notify,
    port_name_t *previousp)
{
	struct entry *entry = space_lookup(space, name);
	int code;

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (entry->type & TYPE_DEAD_NAME)
		return request_on_dead_name(entry, sync, notify, previousp);
	code = return_previous(space, &entry->dead_name, previousp);
	if (code)
		return code;
	entry->dead_name = notify;
	return 0;
}

static int
request_no_senders(struct space *space, port_name_t name, uint32_t sync, struct right notify,
    port_name_t *previousp)
{
	struct entry *entry = space_lookup(space, name);
	int code;

	if (!entry)
		return PORT_E_INVALID_NAME;
	if (!(entry->type & TYPE_RECEIVE))
		return PORT_E_INVALID_RIGHT;
	code = return_previous(space, &entry->port->no_senders, previousp);
	if (code)
		return code;
	port_expect(entry->port, notify, sync);	/* eats notify */
	return 0;
}

/* The right to tell, out of the caller's table. */
static int
take_notify(struct space *space, const struct request_notification_in *in, struct right *rightp)
{
	struct right right = no_right;

	if (in->notify == PORT_DEAD)
		return PORT_E_INVALID_CAPABILITY;
	if (in->notify != PORT_NULL) {
		if (in->disposition != PORT_MAKE_SEND_ONCE &&
		    in->disposition != PORT_MOVE_SEND_ONCE)
			return PORT_E_INVALID_VALUE;
		if (right_take(space, in->notify, in->disposition, &right) != 0)
			return PORT_E_INVALID_CAPABILITY;
		if (right.kind == RIGHT_DEAD)
			return PORT_E_INVALID_CAPABILITY;
	}
	*rightp = right;
	return 0;
}

/* Registers, replaces or (notify PORT_NULL) cancels a request; what was registered
 * before comes back as a name. On failure a right that was taken is released. */
int
notify_request(
    struct space *space, const struct request_notification_in *in, port_name_t *previousp)
{
	struct right notify;
	int code = take_notify(space, in, &notify);

	if (code)
		return code;
	if (in->id == PORT_NOTIFY_DEAD_NAME)
		code = request_dead_name(space, in->name, in->sync, notify, previousp);
	else if (in->id == PORT_NOTIFY_NO_SENDERS)
		code = request_no_senders(space, in->name, in->sync, notify, previousp);
	else
		code = PORT_E_INVALID_VALUE;
	if (code)
		right_drop(notify);	/* eats notify */
	return code;
}
