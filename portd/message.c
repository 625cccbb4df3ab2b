/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message: carries rights, and answers for them until somebody takes them.
 *
 * A message is of the world once it was sent; one that the keeper is still making
 * belongs to the keeper, and so do the rights in it. Somebody pays for the room it
 * takes: the task that sent it or, for one of portd's own, the task that receives on
 * the port, since nobody else can bring it about. */
#include "portd/message.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "portd/core.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"

static const struct right no_right = { RIGHT_NULL, NULL };

/* An empty message of portd's own, or NULL. */
struct message *
message_new(uint32_t id)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->id = id;
	message->pid = getpid();
	message->uid = getuid();
	message->gid = getgid();
	return message;
}

/* Makes room for rights. 0 or -ENOMEM. */
int
message_reserve(struct message *message, size_t n_rights)
{
	struct right *rights;

	if (n_rights == 0)
		return 0;
	rights = realloc(message->rights, n_rights * sizeof(*rights));
	if (!rights)
		return -ENOMEM;
	message->rights = rights;
	for (size_t i = message->n_rights; i < n_rights; i++)
		rights[i] = no_right;
	message->n_rights = n_rights;
	return 0;
}

/* Puts a right into an empty place. Eats it. */
void
message_set_right(struct message *message, size_t i, struct right right)
{
	message->rights[i] = right;
	if (right.kind == RIGHT_RECEIVE)
		right.port->carrier = message;
}

static uint32_t
disposition_of(const struct right *right)
{
	switch (right->kind) {
	case RIGHT_NULL:
		return 0;
	case RIGHT_RECEIVE:
		return PORT_MOVE_RECEIVE;
	case RIGHT_SEND_ONCE:
		return PORT_MOVE_SEND_ONCE;
	default:
		return PORT_MOVE_SEND;
	}
}

/* Adds a right to a message that was not sent yet. Eats it; without memory it
 * is released and the message cannot be sent. */
struct wire_port
message_add_right(struct message *message, struct right right)
{
	struct wire_port port = { PORT_NULL, disposition_of(&right) };
	size_t i = message->n_rights;

	if (right.kind == RIGHT_DEAD)
		port.name = PORT_DEAD;
	if (!right.port)
		return port;
	if (message_reserve(message, i + 1) < 0) {
		message->body.error = -ENOMEM;
		right_release(right);
		return port;
	}
	message_set_right(message, i, right);
	port.name = (port_name_t)(i + 1);
	return port;
}

/* Takes a right for the core; RIGHT_NULL when there is none. */
static struct right
take_right(struct right *place)
{
	struct right right = *place;

	*place = no_right;
	if (right.kind == RIGHT_RECEIVE)
		right.port->carrier = NULL;
	return right_normal(right);
}

/* Takes a right out of a message that was received. */
struct right
message_take_right(struct message *message, struct wire_port port)
{
	struct right right = no_right;

	if (port.name == PORT_DEAD)
		return (struct right){ RIGHT_DEAD, NULL };
	if (port.name == PORT_NULL || port.name > message->n_rights)
		return right;
	right = take_right(&message->rights[port.name - 1]);
	right_lend(&right);
	return right;
}

/* Takes the reply right of a message that was received. */
struct right
message_take_reply(struct message *message)
{
	struct right right = take_right(&message->reply);

	right_lend(&right);
	return right;
}

/* Whether the message would carry the receive right of the very port that it is
 * sent to, be it on the way through other messages: nobody could ever receive it. */
bool
message_is_circular(const struct message *message)
{
	const struct message *at = message;

	do
		at = at->dest.port ? at->dest.port->carrier : NULL;
	while (at && at != message);
	return at == message;
}

/* What a message weighs in its payer's account, in bytes. */
size_t
message_cost(const struct message *message)
{
	return sizeof(*message) + message->body.size + message->n_rights * sizeof(struct right) +
	    message->body.n_ports * sizeof(struct wire_port);
}

/* Makes a message the world's: what is in it is accounted for there. */
void
message_adopt(struct message *message, struct world *world, struct task *payer)
{
	if (!list_is_linked(&message->world))
		list_link_tail(&world->messages, &message->world);
	message->payer = payer;
	if (!payer)
		return;
	payer->queued_bytes += message_cost(message);
	payer->queued_fds += message->body.fds.n;
	list_link_tail(&payer->messages, &message->charge);
}

/* Takes a message off its payer's account. */
void
message_uncharge(struct message *message)
{
	struct task *payer = message->payer;

	if (!payer)
		return;
	payer->queued_bytes -= message_cost(message);
	payer->queued_fds -= message->body.fds.n;
	list_unlink(&message->charge);
	message->payer = NULL;
}

/* Ends a message, with all the rights and descriptors in it. */
void
message_free(struct message *message)
{
	void (*release)(struct right) = right_drop;

	if (!message)
		return;
	if (!list_is_linked(&message->world))
		release = right_release;	/* the keeper's, in part or whole */
	message_uncharge(message);
	list_unlink(&message->link);
	list_unlink(&message->world);
	release(take_right(&message->dest));
	release(take_right(&message->reply));
	for (size_t i = 0; i < message->n_rights; i++)
		release(take_right(&message->rights[i]));
	wire_buf_deinit(&message->body);
	free(message->rights);
	free(message);
}

/* Who pays for a message of portd's own. */
static struct task *
receiver_of(const struct port *port)
{
	return port->holder ? port->holder->space->task : NULL;
}

/* Sends a message whose dest is set. Eats it. What a task has brought upon itself
 * and never reads is thrown away at its limit. */
void
message_post(struct message *message, struct world *world)
{
	struct port *port = message->dest.port;
	struct task *payer;

	message_adopt(message, world, NULL);
	if (!right_is_live(&message->dest)) {
		message_free(message);
		return;
	}
	payer = receiver_of(port);
	if (payer && payer->queued_bytes + message_cost(message) > TASK_BYTES_MAX) {
		struct right dest = message->dest;

		log_debug("task %u does not read its messages: one is thrown away", payer->id);
		message->dest = no_right;
		right_consume(dest);	/* eats dest */
		message_free(message);
		return;
	}
	message_adopt(message, world, payer);
	port_enqueue(port, message);
}

/* The keeper's rights in a message become the message's. */
static void
reclaim_all(struct message *message)
{
	right_reclaim(&message->dest);
	right_reclaim(&message->reply);
	for (size_t i = 0; i < message->n_rights; i++)
		right_reclaim(&message->rights[i]);
}

/* Sends a message of the keeper's. Eats all three; for want of a message it
 * releases the rights. */
void
message_send(struct right dest, struct message *message, struct right reply)
{
	if (!message) {
		right_release(dest);
		right_release(reply);
		return;
	}
	message->dest = dest;
	message->reply = reply;
	message->reply_disposition = disposition_of(&reply);
	if (message->body.error || message->body.size > PORT_MSG_BODY_MAX) {
		log_error(
		    "a message (%u) of portd's own is too large or found no memory: it is not sent",
		    message->id);
		message_free(message);
		return;
	}
	if (!right_is_live(&dest)) {
		message_free(message);
		return;
	}
	reclaim_all(message);
	message_post(message, dest.port->world);	/* eats message */
}
