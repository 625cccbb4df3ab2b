/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer: how a message gets out of one space and into another.
 *
 * Sending: the header is checked, and nothing has happened until then; the header's
 * rights are taken; the body's, from left to right; then the message is queued,
 * or waits for room with its sender. One that fails in the body, or is not
 * let in before its time is over, is destroyed: the rights taken so far are released,
 * and a reply right made for it tells the sender so. Receiving undoes it: the
 * destination's right is used up, the others get names. */
#include "portd/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/space.h"
#include "wire/messages.h"

enum {
	OPTIONS = PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_SEND_TIMEOUT | PORT_MSG_RCV_TIMEOUT |
	    PORT_MSG_RCV_LARGE,
	NO_NAMES_LEFT = 0x2000,		/* detail of a receive code: the name space is full */
	WAITS = -1,			/* not a code: the connection waits */
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

/* Stops waiting without an answer; a message that waited is destroyed. */
void
transfer_cancel(struct connection *connection)
{
	struct message *message = connection->message;

	wait_no_more(connection);
	connection->message = NULL;
	message_free(message);	/* eats message */
}

static void
give_up(struct connection *connection, int send_code, int receive_code)
{
	int code = connection->waiting == WAITING_TO_SEND ? send_code : receive_code;

	if (connection->waiting == WAITING_NOT)
		return;
	transfer_cancel(connection);
	reply(connection, code, NULL);
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

/* What travels beside the bytes. */
struct cargo {
	struct wire_blob bytes;
	struct wire_port *ports;
	size_t n_ports;
	struct wire_fds fds;
};

/* Takes ports and descriptors out of a request, whose body is then read. */
static void
cargo_take(struct cargo *cargo, struct wire_buf *body)
{
	*cargo = (struct cargo){ .ports = body->ports, .n_ports = body->n_ports, .fds = body->fds };
	body->ports = NULL;
	body->n_ports = body->ports_room = 0;
	body->fds.n = 0;
}

static void
cargo_deinit(struct cargo *cargo)
{
	for (uint32_t i = 0; i < cargo->fds.n; i++)
		fd_close(&cargo->fds.fd[i]);
	free(cargo->ports);
}

/* A message with the bytes and descriptors of a cargo, but not the rights yet.
 * Takes over what it needs; NULL: no memory, and nothing was taken. */
static struct message *
load(struct cargo *cargo)
{
	struct message *message = message_new(0);

	if (!message)
		return NULL;
	if (wire_buf_load(&message->body, cargo->bytes.data, cargo->bytes.size) < 0 ||
	    message_reserve(message, cargo->n_ports) < 0) {
		message_free(message);
		return NULL;
	}
	message->body.ports = cargo->ports;
	message->body.n_ports = message->body.ports_room = cargo->n_ports;
	message->body.fds = cargo->fds;
	cargo->ports = NULL;
	cargo->n_ports = 0;
	cargo->fds.n = 0;
	return message;
}

/* Takes right k of the body; in its place the message refers to its own. */
static int
take_right(struct space *space, struct message *message, size_t k, bool *receivesp)
{
	struct wire_port *port = &message->body.ports[k];
	struct right right;
	int code = right_take(space, port->name, port->disposition, &right);

	if (code)
		return code == PORT_E_INVALID_VALUE ?
		    PORT_E_SEND_INVALID_TYPE : PORT_E_SEND_INVALID_RIGHT;
	message_set_right(message, k, right);	/* eats right */
	if (right.kind == RIGHT_RECEIVE)
		*receivesp = true;
	port->disposition = right_disposition_received(port->disposition);
	if (right.kind == RIGHT_NULL || right.kind == RIGHT_DEAD)
		port->name = right.kind == RIGHT_NULL ? PORT_NULL : PORT_DEAD;
	else
		port->name = (port_name_t)(k + 1);
	return 0;
}

/* Takes all of them, as far as they are valid. */
static int
take_rights(struct space *space, struct message *message, bool *receivesp)
{
	for (size_t k = 0; k < message->body.n_ports; k++) {
		int code = take_right(space, message, k, receivesp);

		if (code)
			return code;
	}
	return 0;
}

static int
check_size(const struct task *task, const struct cargo *cargo)
{
	size_t cost = sizeof(struct message) + cargo->bytes.size +
	    cargo->n_ports * (sizeof(struct right) + sizeof(struct wire_port));

	if (cargo->bytes.size > PORT_MSG_BODY_MAX || cargo->n_ports > PORT_MSG_RIGHTS_MAX)
		return PORT_E_SEND_TOO_LARGE;
	if (task->queued_bytes + cost > TASK_BYTES_MAX ||
	    task->queued_fds + cargo->fds.n > TASK_FDS_MAX)
		return PORT_E_SEND_NO_BUFFER;
	return 0;
}

static void
stamp(struct message *message, const struct frame *request, const struct task *task)
{
	message->pid = request->pid;
	message->uid = request->uid;
	message->gid = request->gid;
	message->task = task->id;
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
	if (in->options & PORT_MSG_SEND_TIMEOUT && in->send_timeout_ms == 0) {
		message_free(message);
		return PORT_E_SEND_TIMED_OUT;
	}
	connection->message = message;
	wait_in(connection, WAITING_TO_SEND, &port->senders);
	if (in->options & PORT_MSG_SEND_TIMEOUT)
		connection_set_timer(connection, in->send_timeout_ms);
	return WAITS;
}

/* Sends what a request asks for. 0, a code, or WAITS. */
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
	bool receives = false;
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
	message_adopt(message, task->world, task);
	code = take_rights(&task->space, message, &receives);
	if (code || (receives && message_is_circular(message))) {
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

/* Waits on a port that is ours to receive on. What is there already is
 * delivered by the world's work, as if it came just now. */
static void
start_receiving(struct connection *connection)
{
	const struct transfer *transfer = &connection->transfer;
	struct entry *entry = space_lookup(&connection->task->space, transfer->rcv_name);
	bool limited = transfer->options & PORT_MSG_RCV_TIMEOUT;

	if (!entry || !(entry->type & TYPE_RECEIVE)) {
		transfer_end(connection, PORT_E_RCV_INVALID_NAME);
		return;
	}
	if (limited && transfer->rcv_timeout_ms == 0 && list_is_empty(&entry->port->queue)) {
		transfer_end(connection, PORT_E_RCV_TIMED_OUT);
		return;
	}
	wait_in(connection, WAITING_TO_RECEIVE, &entry->port->receivers);
	if (limited)
		connection_set_timer(connection, transfer->rcv_timeout_ms);
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
	uint32_t local =
	    message->dest.kind == RIGHT_SEND_ONCE ? PORT_MOVE_SEND_ONCE : PORT_MOVE_SEND;

	return (struct msg_out){
		.bits = local << 8,
		.local = port->holder->name,
		.id = message->id,
		.seqno = seqno,
		.size = (uint32_t)message->body.size,
		.pid = (uint32_t)message->pid,
		.uid = message->uid,
		.gid = message->gid,
		.task = message->task,
	};
}

/* Brings the reply right into the receiver's space. */
static int
enter_reply(struct space *space, struct message *message, struct msg_out *out)
{
	int code = right_enter(space, message->reply, &out->remote);

	if (code)
		return PORT_E_RCV_HEADER_ERROR | NO_NAMES_LEFT;
	message->reply = (struct right){ RIGHT_NULL, NULL };
	out->bits |= message->reply_disposition;
	return 0;
}

/* Brings the rights of the body there, each on its own: for one that finds no
 * room the receiver sees PORT_NULL, and the right stays with the message. */
static int
enter_rights(struct space *space, struct message *message)
{
	int code = 0;

	for (size_t k = 0; k < message->body.n_ports; k++) {
		struct wire_port *port = &message->body.ports[k];
		struct right *right;

		if (port->name == PORT_NULL || port->name == PORT_DEAD)
			continue;
		right = &message->rights[port->name - 1];
		if (right_enter(space, *right, &port->name) == 0) {
			*right = (struct right){ RIGHT_NULL, NULL };
		} else {
			port->name = PORT_NULL;
			code = PORT_E_RCV_BODY_ERROR | NO_NAMES_LEFT;
		}
	}
	return code;
}

/* The ports and descriptors of a message become those of the reply's body. */
static void
move_beside(struct wire_buf *body, struct wire_buf *from)
{
	body->ports = from->ports;
	body->n_ports = from->n_ports;
	body->ports_room = from->ports_room;
	body->fds = from->fds;
	from->ports = NULL;
	from->n_ports = from->ports_room = 0;
	from->fds.n = 0;
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
		out.body = (struct wire_blob){ message->body.data, message->body.size };
		msg_out_put(&body, &out);
		move_beside(&body, &message->body);
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
	if (port_first(port)->body.size > receiver->transfer.rcv_size)
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
	if (code == WAITS)
		return;
	if (code)
		transfer_end(connection, code);
	else
		transfer_go_on(connection);
}

/* Starts what the call msg asks for; the connection must not be waiting. */
int
transfer_start(struct connection *connection, struct frame *request)
{
	struct cargo cargo;
	struct msg_in in;
	int err;

	cargo_take(&cargo, &request->body);
	err = msg_in_get(&request->body, &in);
	if (!err) {
		cargo.bytes = in.body;
		start(connection, request, &in, &cargo);
	}
	cargo_deinit(&cargo);
	return err;
}
