/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message: carries rights, and answers for them until somebody takes them.
 *
 * A message is of the world once it was sent; one that the keeper is still making
 * belongs to the keeper, and so do the rights in it. Somebody pays for the room it
 * takes: the task that sent it or, for one of portd's own, the task that receives on
 * the port, since nobody else can bring it about. */
#include "portd/message.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "portd/core.h"
#include "portd/memory.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"
#include "portd/trace.h"

static const struct right no_right = { RIGHT_NULL, NULL };

/* An empty message of nobody yet, or NULL. */
struct message *
message_new_unstamped(void)
{
	/* Not calloc, which goes past the C library's cache of what was freed just now; and not
	 * all at once, of which the compiler makes a calloc. */
	struct message *message = malloc(sizeof(*message));

	if (!message)
		return NULL;
	message->link = (struct list){ NULL, NULL };
	memset(&message->id, 0, sizeof(*message) - offsetof(struct message, id));
	return message;
}

/* An empty message of portd's own, or NULL. */
struct message *
message_new(uint32_t id)
{
	struct message *message = message_new_unstamped();

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

/* What it takes to keep a message: `size` bytes, with what is beside them in body. */
struct message_bill
message_bill(const struct wire_buf *body, size_t size, size_t n_rights)
{
	return (struct message_bill){
		.bytes = sizeof(struct message) + size + n_rights * sizeof(struct right) +
		    body->n_ports * sizeof(struct wire_port) + memory_held(body),
		.descriptors = body->fds.n + (body->region ? 2 : 0),
		.regions = body->region != NULL,
	};
}

/* Whether an account may have one message more. */
bool
message_can_pay(const struct account *account, const struct message_bill *bill)
{
	return account_allows(account, ACCOUNT_MESSAGES, 1) &&
	    account_allows(account, ACCOUNT_BYTES, bill->bytes) &&
	    account_allows(account, ACCOUNT_DESCRIPTORS, bill->descriptors) &&
	    account_allows(account, ACCOUNT_REGIONS, bill->regions);
}

/* Makes a message the world's: what is in it is accounted for there. */
void
message_adopt(struct message *message, struct world *world, struct account *account)
{
	if (!list_is_linked(&message->world)) {
		message->number = ++world->last_number;
		list_link_tail(&world->messages, &message->world);
	}
	if (!account)
		return;
	message->account = account;
	message->bill = message_bill(&message->body, message->body.size, message->n_rights);
	account_add(account, ACCOUNT_MESSAGES, 1);
	account_add(account, ACCOUNT_BYTES, message->bill.bytes);
	account_add(account, ACCOUNT_DESCRIPTORS, message->bill.descriptors);
	account_add(account, ACCOUNT_REGIONS, message->bill.regions);
}

/* Takes a message off the account of who pays for it, which may be gone then: the number of
 * messages goes last. */
void
message_uncharge(struct message *message)
{
	struct account *account = STEAL_PTR(message->account);

	if (!account)
		return;
	account_return(account, ACCOUNT_BYTES, message->bill.bytes);
	account_return(account, ACCOUNT_DESCRIPTORS, message->bill.descriptors);
	account_return(account, ACCOUNT_REGIONS, message->bill.regions);
	account_return(account, ACCOUNT_MESSAGES, 1);
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
	if (list_is_linked(&message->link) && message->dest.port &&
	    trace_is_on(message->dest.port->world))
		trace_destroyed(message);
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
static struct account *
receiver_of(const struct port *port)
{
	return port->holder ? port->holder->space->task->account : NULL;
}

/* Sends a message whose dest is set. Eats it. What a task has brought upon itself
 * and never reads is thrown away at its limit. */
void
message_post(struct message *message, struct world *world)
{
	struct port *port = message->dest.port;
	struct message_bill bill = message_bill(&message->body, message->body.size, message->n_rights);
	struct account *account;

	message_adopt(message, world, NULL);
	if (!right_is_live(&message->dest)) {
		message_free(message);
		return;
	}
	account = receiver_of(port);
	if (port->msgcount >= PORT_QUEUE_MAX || (account && !message_can_pay(account, &bill))) {
		struct right dest = message->dest;

		log_debug("a task does not read its messages: one is thrown away");
		message->dest = no_right;
		right_consume(dest);	/* eats dest */
		message_free(message);
		return;
	}
	message_adopt(message, world, account);
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
	if (!right_is_live(&dest) || message_is_circular(message)) {
		message_free(message);
		return;
	}
	reclaim_all(message);
	message_post(message, dest.port->world);	/* eats message */
}
