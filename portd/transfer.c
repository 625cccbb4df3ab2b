/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer: how a message gets out of one space and into another.
 *
 * Sending: the header is checked, and nothing has happened until then; the header's
 * rights are taken; the body's, from left to right; then the message is queued,
 * or waits for room with its sender. One that fails in the body is destroyed: the rights
 * taken so far are released, and a reply right made for it tells the sender so. One that is
 * not let in before its time is over goes back to its sender, as if it had been received
 * there. Receiving undoes it: the destination's right is used up, the others get names. */
#include "portd/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/memory.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/set.h"
#include "portd/space.h"
#include "portd/trace.h"
#include "wire/messages.h"

enum {
	OPTIONS = PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_SEND_TIMEOUT | PORT_MSG_RCV_TIMEOUT |
	    PORT_MSG_SEND_NOTIFY | PORT_MSG_SEND_INTERRUPT | PORT_MSG_RCV_INTERRUPT |
	    PORT_MSG_RCV_LARGE | PORT_MSG_RCV_FLAT,
	NO_CODE = -1,			/* the connection waits, or has its answer */
};

/* Waiting. */

static void
wait_in(struct connection *connection, enum waiting waiting, struct list *list)
{
	connection->waiting = waiting;
	list_link_tail(list, &connection->wait);
}

static void
wait_no_more(struct connection *connection)
{
	connection->waiting = WAITING_NOT;
	list_unlink(&connection->wait);
	connection_stop_timer(connection);
}

static void
reply(struct connection *connection, int code, struct wire_buf *body)
{
	struct frame frame = {
		.call = CALL_msg,
		.cookie = connection->transfer.cookie,
		.code = code,
	};

	if (body)
		frame.body = *body;
	connection_reply(connection, &frame);	/* eats the body */
}

/* Answers with nothing but a code. */
void
transfer_end(struct connection *connection, int code)
{
	wait_no_more(connection);
	reply(connection, code, NULL);
}

/* Answers all that wait in a list. */
void
transfer_turn_away(struct list *receivers, int code)
{
	LIST_FOR_EACH(link, next, receivers)
		transfer_end(LIST_ENTRY(link, struct connection, wait), code);
}

/* Stops waiting without an answer; a message that waited is destroyed. */
void
transfer_cancel(struct connection *connection)
{
	struct message *message = connection->message;

	wait_no_more(connection);
	connection->message = NULL;
	message_free(message);	/* eats message */
}

/* A message and what a task sees of it. */

static uint32_t
disposition_of_dest(const struct message *message)
{
	return message->dest.kind == RIGHT_SEND_ONCE ? PORT_MOVE_SEND_ONCE : PORT_MOVE_SEND;
}

/* What has nothing to do with rights. */
static struct msg_out
describe_sent(const struct message *message)
{
	return (struct msg_out){
		.id = message->id,
		.size = (uint32_t)message->body.size,
		.pid = (uint32_t)message->pid,
		.uid = message->uid,
		.gid = message->gid,
		.task = message->task,
	};
}

/* What a receiver has to have room for. */
static size_t
size_for(const struct message *message, uint32_t options)
{
	return options & PORT_MSG_RCV_FLAT ? wire_flat_size(&message->body) : message->body.size;
}

/* Brings the rights of the body into a space, each on its own: for one that finds no
 * room the receiver sees PORT_NULL, and the right stays with the message. */
static int
enter_rights(struct space *space, struct message *message)
{
	int code = 0;

	for (size_t k = 0; k < message->body.n_ports; k++) {
		struct wire_port *port = &message->body.ports[k];
		struct right *right;

		if (port->disposition & (uint32_t)WIRE_ITEM_MASK)
			continue;
		if (port->name == PORT_NULL || port->name == PORT_DEAD)
			continue;
		right = &message->rights[port->name - 1];
		if (right_enter(space, *right, &port->name) == 0) {
			*right = (struct right){ RIGHT_NULL, NULL };
		} else {
			port->name = PORT_NULL;
			code = PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_IPC_SPACE;
		}
	}
	return code;
}

/* Brings one of the two rights of a header into a space: a detail of the code. */
static int
enter_header_right(struct space *space, struct right *right, port_name_t *namep)
{
	if (right_enter(space, *right, namep) != 0)
		return PORT_E_DETAIL_IPC_SPACE;
	*right = (struct right){ RIGHT_NULL, NULL };
	return 0;
}

/* Gives a message that waits in vain back to its sender, as if it had been received,
 * but for the header, which is not swapped. */
static void
give_back(struct connection *sender, int code)
{
	struct space *space = &sender->task->space;
	struct message *message = sender->message;
	struct msg_out out = describe_sent(message);
	struct wire_buf body = { 0 };

	if (trace_is_on(sender->task->world))
		trace_refused(sender->task, message->id, message->body.size, code);
	wait_no_more(sender);
	sender->message = NULL;
	message_uncharge(message);
	out.bits = disposition_of_dest(message) | message->reply_disposition << 8;
	code |= enter_header_right(space, &message->dest, &out.remote);
	code |= enter_header_right(space, &message->reply, &out.local);
	code |= enter_rights(space, message) & PORT_E_DETAIL_MASK;
	out.body = (struct wire_blob){ message->body.data, message->body.size };
	msg_out_put(&body, &out);
	wire_move_beside(&body, &message->body);
	reply(sender, code, &body);	/* eats body */
	message_free(message);
}

/* Waiting ends without what was waited for. */

static void
give_up(struct connection *connection, int send_code, int receive_code)
{
	if (connection->waiting == WAITING_TO_SEND)
		give_back(connection, send_code);
	else if (connection->waiting == WAITING_TO_RECEIVE)
		transfer_end(connection, receive_code);
}

/* Ends whatever the connection waits for, at its own wish. */
void
transfer_interrupt(struct connection *connection)
{
	give_up(connection, PORT_E_SEND_INTERRUPTED, PORT_E_RCV_INTERRUPTED);
}

/* The same, because the time is over. */
void
transfer_time_out(struct connection *connection)
{
	give_up(connection, PORT_E_SEND_TIMED_OUT, PORT_E_RCV_TIMED_OUT);
}

/* Sending. */

/* What a request carries: its bytes, somewhere in the buffer that it came in, and what
 * travels beside them. */
struct cargo {
	struct wire_buf *buffer;
	struct wire_blob bytes;
	struct wire_buf beside;
};

/* A message with the bytes and descriptors of a cargo, but not the rights yet.
 * Takes over what it needs; NULL: no memory, and nothing was taken. */
static struct message *
load(struct cargo *cargo)
{
	struct message *message = message_new_unstamped();

	if (!message)
		return NULL;
	if (message_reserve(message, cargo->beside.n_ports) < 0) {
		message_free(message);
		return NULL;
	}
	wire_buf_take(&message->body, cargo->buffer, cargo->bytes);
	wire_move_beside(&message->body, &cargo->beside);
	return message;
}

/* What is known of the elements beside the body that were taken so far. */
struct taken {
	size_t n_in_array;		/* elements that are still to come of the array in hand */
	uint32_t array_disposition;
	bool may_close;			/* a receive right among them has something queued on it */
};

static bool
may_close(const struct message *message, const struct right *right)
{
	return right->kind == RIGHT_RECEIVE &&
	    (right->port == message->dest.port || port_has_queue(right->port));
}

/* Takes right k of the body; in its place the message refers to its own. */
static int
take_right(struct space *space, struct message *message, size_t k, struct taken *taken)
{
	struct wire_port *port = &message->body.ports[k];
	struct right right;
	int code = right_take(space, port->name, port->disposition, &right);

	if (code)
		return code == PORT_E_INVALID_VALUE ?
		    PORT_E_SEND_INVALID_TYPE : PORT_E_SEND_INVALID_RIGHT;
	message_set_right(message, k, right);	/* eats right */
	taken->may_close |= may_close(message, &right);
	port->disposition = right_disposition_received(port->disposition);
	if (right.kind == RIGHT_NULL || right.kind == RIGHT_DEAD)
		port->name = right.kind == RIGHT_NULL ? PORT_NULL : PORT_DEAD;
	else
		port->name = (port_name_t)(k + 1);
	return 0;
}

/* Element k announces an array of rights, all by one disposition. */
static int
begin_array(struct message *message, size_t k, struct taken *taken)
{
	struct wire_port *head = &message->body.ports[k];
	uint32_t disposition = head->disposition - WIRE_ITEM_PORTS;

	if (!right_disposition_is_valid(disposition))
		return PORT_E_SEND_INVALID_TYPE;
	if (head->name > message->body.n_ports - k - 1)
		return PORT_E_SEND_MSG_TOO_SMALL;
	taken->n_in_array = head->name;
	taken->array_disposition = disposition;
	head->disposition = WIRE_ITEM_PORTS | right_disposition_received(disposition);
	return 0;
}

static int
take_item(struct space *space, struct message *message, size_t k, struct taken *taken)
{
	struct wire_port *item = &message->body.ports[k];
	uint32_t kind = item->disposition & (uint32_t)WIRE_ITEM_MASK;

	if (taken->n_in_array > 0) {
		if (kind != WIRE_ITEM_PORT)
			return PORT_E_SEND_INVALID_TYPE;
		taken->n_in_array--;
		item->disposition = taken->array_disposition;
	}
	switch (kind) {
	case WIRE_ITEM_PORT:
		return take_right(space, message, k, taken);
	case WIRE_ITEM_PORTS:
		return begin_array(message, k, taken);
	case WIRE_ITEM_MEMORY:
	case WIRE_ITEM_REGION:
		return memory_take(&message->body, k);
	default:
		return PORT_E_SEND_INVALID_TYPE;
	}
}

/* Takes all that is beside the body, from left to right, as far as it is valid. */
static int
take_items(struct space *space, struct message *message, struct taken *taken)
{
	for (size_t k = 0; k < message->body.n_ports; k++) {
		int code = take_item(space, message, k, taken);

		if (code)
			return code;
	}
	return 0;
}

static size_t
count_rights(const struct wire_buf *beside)
{
	size_t n = 0;

	for (size_t k = 0; k < beside->n_ports; k++)
		n += !(beside->ports[k].disposition & (uint32_t)WIRE_ITEM_MASK);
	return n;
}

static int
check_size(const struct task *task, const struct cargo *cargo)
{
	const struct wire_buf *beside = &cargo->beside;
	struct message_bill bill = message_bill(beside, cargo->bytes.size, beside->n_ports);

	if (cargo->bytes.size > PORT_MSG_BODY_MAX || count_rights(beside) > PORT_MSG_RIGHTS_MAX ||
	    memory_total(beside) > PORT_MSG_MEMORY_MAX)
		return PORT_E_SEND_TOO_LARGE;
	return message_can_pay(task->account, &bill) ? 0 : PORT_E_SEND_NO_BUFFER;
}

static void
stamp(struct message *message, const struct frame *request, const struct task *task)
{
	message->pid = request->pid;
	message->uid = request->uid;
	message->gid = request->gid;
	message->task = task->id;
}

/* There is no room for a message that was to be sent by this name. */
static void
arm_send_possible(struct space *space, const struct message *message, port_name_t name)
{
	struct entry *entry = space_lookup(space, name);

	if (entry && entry->port == message->dest.port)
		right_arm(entry);
}

/* Queues a message with all its rights, or lets its sender wait. Eats message. */
static int
queue(struct connection *connection, struct message *message, const struct msg_in *in)
{
	struct port *port = message->dest.port;

	if (message->dest.kind == RIGHT_SEND_ONCE || !port_is_full(port)) {
		port_enqueue(port, message);
		return 0;
	}
	if (in->options & PORT_MSG_SEND_NOTIFY)
		arm_send_possible(&connection->task->space, message, in->remote);
	connection->message = message;
	wait_in(connection, WAITING_TO_SEND, &port->senders);
	if (in->options & PORT_MSG_SEND_TIMEOUT && in->send_timeout_ms == 0)
		give_back(connection, PORT_E_SEND_TIMED_OUT);
	else if (in->options & PORT_MSG_SEND_TIMEOUT)
		connection_set_timer(connection, in->send_timeout_ms);
	return NO_CODE;
}

/* Sends what a request asks for. 0, a code, or NO_CODE. */
static int
send_message(struct connection *connection, const struct frame *request, const struct msg_in *in,
    struct cargo *cargo)
{
	struct task *task = connection->task;
	struct right_header header = {
		.remote = in->remote,
		.remote_disposition = in->bits & 0xff,
		.local = in->local,
		.local_disposition = in->bits >> 8 & 0xff,
	};
	struct message *message;
	struct port *port;
	struct taken taken = { 0 };
	int code = in->bits >> 16 ? PORT_E_SEND_INVALID_HEADER : check_size(task, cargo);

	if (!code)
		code = right_check_header(&task->space, &header, &port);
	if (!code && port->msgcount >= PORT_QUEUE_MAX)
		code = PORT_E_SEND_NO_BUFFER;
	if (code)
		return code;
	message = load(cargo);
	if (!message)
		return PORT_E_SEND_NO_BUFFER;
	stamp(message, request, task);
	message->id = in->id;
	right_take_header(&task->space, &header, &message->dest, &message->reply);
	if (message->reply.kind != RIGHT_NULL)
		message->reply_disposition = right_disposition_received(header.local_disposition);
	message_adopt(message, task->world, task->account);
	code = take_items(&task->space, message, &taken);
	if (code || (taken.may_close && message_is_circular(message))) {
		message_free(message);
		return code;
	}
	return queue(connection, message, in);	/* eats message */
}

/* The message of a sender that has waited long enough; the caller's now. */
struct message *
transfer_admit(struct connection *sender)
{
	struct message *message = sender->message;
	struct world *world = sender->task->world;

	wait_no_more(sender);
	sender->message = NULL;
	wait_in(sender, WAITING_TO_GO_ON, &world->woken);
	core_wake(world);
	return message;
}

/* Receiving. */

/* Where to wait for messages by an entry. */
static int
find_receivers(struct entry *entry, struct list **receiversp)
{
	if (!entry || !(entry->type & (TYPE_RECEIVE | TYPE_PORT_SET)))
		return PORT_E_RCV_INVALID_NAME;
	if (entry->set)
		*receiversp = &entry->set->receivers;
	else if (entry->port->set)
		return PORT_E_RCV_IN_SET;
	else
		*receiversp = &entry->port->receivers;
	return 0;
}

static bool
has_message(const struct entry *entry)
{
	return !list_is_empty(entry->set ? &entry->set->filled : &entry->port->queue);
}

/* Waits on a port or set that is ours to receive on. What is there already is
 * delivered by the world's work, as if it came just now. */
static void
start_receiving(struct connection *connection)
{
	const struct transfer *transfer = &connection->transfer;
	struct entry *entry = space_lookup(&connection->task->space, transfer->rcv_name);
	bool limited = transfer->options & PORT_MSG_RCV_TIMEOUT;
	struct list *receivers;
	int code = find_receivers(entry, &receivers);

	if (!code && limited && transfer->rcv_timeout_ms == 0 && !has_message(entry))
		code = PORT_E_RCV_TIMED_OUT;
	if (code) {
		transfer_end(connection, code);
		return;
	}
	wait_in(connection, WAITING_TO_RECEIVE, receivers);
	if (limited)
		connection_set_timer(connection, transfer->rcv_timeout_ms);
	if (entry->set)
		set_ready(entry->set);
	else
		port_ready(entry->port);
}

/* The second half of a transfer whose first half is done. */
void
transfer_go_on(struct connection *connection)
{
	wait_no_more(connection);
	if (connection->transfer.options & PORT_MSG_RCV)
		start_receiving(connection);
	else
		transfer_end(connection, 0);
}

/* What a receiver sees of the header before any right has a name. */
static struct msg_out
describe(const struct message *message, const struct port *port, port_seqno_t seqno)
{
	struct msg_out out = describe_sent(message);

	out.seqno = seqno;
	if (port->has_payload) {
		out.bits = PORT_PROTECTED_PAYLOAD << 8;
		out.payload = port->payload;
	} else {
		out.bits = disposition_of_dest(message) << 8;
		out.local = port->holder->name;
	}
	return out;
}

/* Brings the reply right into the receiver's space. */
static int
enter_reply(struct space *space, struct message *message, struct msg_out *out)
{
	int detail = enter_header_right(space, &message->reply, &out->remote);

	if (detail)
		return PORT_E_RCV_HEADER_ERROR | detail;
	out->bits |= message->reply_disposition;
	return 0;
}

/* Answers a receiver with the header alone. */
static void
deliver_header(struct connection *receiver, const struct msg_out *out, int code)
{
	struct wire_buf body = { 0 };

	msg_out_put(&body, out);
	reply(receiver, code, &body);	/* eats body */
}

/* A message that does not fit: it stays, or it is lost. */
static void
deliver_too_large(struct connection *receiver, struct port *port)
{
	struct msg_out out = describe(port_first(port), port, port->seqno);

	out.size = (uint32_t)size_for(port_first(port), receiver->transfer.options);
	if (!(receiver->transfer.options & PORT_MSG_RCV_LARGE)) {
		struct message *message = port_dequeue(port);
		struct right dest = message->dest;

		message->dest = (struct right){ RIGHT_NULL, NULL };
		right_consume(dest);	/* eats dest */
		message_free(message);
	}
	deliver_header(receiver, &out, PORT_E_RCV_TOO_LARGE);
}

static void
deliver_whole(struct connection *receiver, struct port *port)
{
	struct space *space = &receiver->task->space;
	port_seqno_t seqno = port->seqno;
	struct message *message = port_dequeue(port);
	struct msg_out out = describe(message, port, seqno);
	struct wire_buf body = { 0 };
	struct right dest = message->dest;
	int code = enter_reply(space, message, &out);

	message->dest = (struct right){ RIGHT_NULL, NULL };
	if (code) {
		deliver_header(receiver, &out, code);
	} else {
		code = enter_rights(space, message);
		code |= memory_deliver(message, receiver->task);
		out.body = (struct wire_blob){ message->body.data, message->body.size };
		msg_out_put(&body, &out);
		wire_move_beside(&body, &message->body);
		reply(receiver, code, &body);	/* eats body */
	}
	right_consume(dest);	/* eats dest */
	message_free(message);
}

/* Ends a receiver's wait with the oldest message of its port. */
void
transfer_deliver(struct connection *receiver, struct port *port)
{
	wait_no_more(receiver);
	if (size_for(port_first(port), receiver->transfer.options) > receiver->transfer.rcv_size)
		deliver_too_large(receiver, port);
	else
		deliver_whole(receiver, port);
}

/* The whole call. */

static void
start(struct connection *connection, const struct frame *request, const struct msg_in *in,
    struct cargo *cargo)
{
	int code = in->options & ~(uint32_t)OPTIONS ? PORT_E_INVALID_ARGUMENT : 0;

	connection->transfer = (struct transfer){
		.cookie = request->cookie,
		.options = in->options,
		.rcv_name = in->rcv_name,
		.rcv_size = in->rcv_size,
		.rcv_timeout_ms = in->rcv_timeout_ms,
	};
	if (!code && in->options & PORT_MSG_SEND)
		code = send_message(connection, request, in, cargo);
	if (code == NO_CODE)
		return;
	if (code && trace_is_on(connection->task->world))
		trace_refused(connection->task, in->id, in->body.size, code);
	if (code)
		transfer_end(connection, code);
	else
		transfer_go_on(connection);
}

/* Starts what the call msg asks for; the connection must not be waiting. */
int
transfer_start(struct connection *connection, struct frame *request)
{
	struct cargo cargo = { 0 };
	struct msg_in in;
	int err;

	wire_move_beside(&cargo.beside, &request->body);
	err = msg_in_get(&request->body, &in);
	if (!err) {
		cargo.buffer = &request->body;
		cargo.bytes = in.body;
		start(connection, request, &in, &cargo);
	}
	wire_buf_deinit(&cargo.beside);
	return err;
}
