/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message: the header and bytes of a message travel as the body of a frame, its
 * rights and descriptors as the frame's own. */
#include "port/message.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "port/connection.h"

/* Frees what it has; rights stay in the space. */
void
port_message_deinit(struct port_message *message)
{
	wire_buf_deinit(&message->body);
	*message = (struct port_message){ 0 };
}

static void
release(port_name_t name, uint32_t disposition)
{
	if (name == PORT_NULL || name == PORT_DEAD)
		return;
	if (disposition == PORT_MOVE_RECEIVE)
		port_mod_refs(name, PORT_RIGHT_RECEIVE, -1);
	else
		port_deallocate(name);
}

/* Releases the rights that nobody took, and frees what it has. */
void
port_message_destroy(struct port_message *message)
{
	struct wire_buf *body = &message->body;

	release(message->remote, message->remote_disposition);
	for (size_t i = body->at_port; i < body->n_ports; i++)
		release(body->ports[i].name, body->ports[i].disposition);
	port_message_deinit(message);
}

/* Whether the body can travel: 0, PORT_E_SEND_TOO_LARGE, -errno. */
static int
check_body(const struct wire_buf *body)
{
	if (body->error == -EMSGSIZE || body->size > PORT_MSG_BODY_MAX)
		return PORT_E_SEND_TOO_LARGE;
	return body->error;
}

static void
put_sent(struct msg_in *in, const struct port_message *sent, int timeout_ms)
{
	in->options |= PORT_MSG_SEND;
	if (timeout_ms >= 0) {
		in->options |= PORT_MSG_SEND_TIMEOUT;
		in->send_timeout_ms = (uint32_t)timeout_ms;
	}
	in->bits = sent->remote_disposition | sent->local_disposition << 8;
	in->remote = sent->remote;
	in->local = sent->local;
	in->id = sent->id;
	in->body = (struct wire_blob){ sent->body.data, sent->body.size };
}

static void
put_receive(struct msg_in *in, port_name_t name, int timeout_ms)
{
	in->options |= PORT_MSG_RCV;
	if (timeout_ms >= 0) {
		in->options |= PORT_MSG_RCV_TIMEOUT;
		in->rcv_timeout_ms = (uint32_t)timeout_ms;
	}
	in->rcv_name = name;
	in->rcv_size = PORT_MSG_BODY_MAX;
}

/* Sends the call with the rights and descriptors of `sent`, which are lent to the
 * frame. */
static int
call_msg(const struct msg_in *in, const struct port_message *sent, struct frame *reply)
{
	struct wire_buf body = { 0 }, lent;
	int err;

	msg_in_put(&body, in);
	lent = body;
	if (sent) {
		lent.ports = sent->body.ports;
		lent.n_ports = sent->body.n_ports;
		lent.fds = sent->body.fds;
	}
	err = connection_call(CALL_msg, &lent, reply);
	wire_buf_deinit(&body);
	return err;
}

/* Makes a message of an answer, which it empties. */
static int
take_received(struct wire_buf *body, struct port_message *message)
{
	struct msg_out out;
	int err;

	if (msg_out_get(body, &out) < 0)
		return -EPROTO;
	err = wire_buf_load(&message->body, out.body.data, out.body.size);
	if (err)
		return err;
	message->body.ports = STEAL_PTR(body->ports);
	message->body.n_ports = message->body.ports_room = body->n_ports;
	message->body.fds = body->fds;
	body->fds.n = 0;
	message->id = out.id;
	message->remote = out.remote;
	message->remote_disposition = out.bits & 0xff;
	message->local = out.local;
	message->local_disposition = out.bits >> 8 & 0xff;
	message->seqno = out.seqno;
	message->size = out.size;
	message->sender_pid = (pid_t)out.pid;
	message->sender_uid = out.uid;
	message->sender_gid = out.gid;
	message->sender_task = out.task;
	return 0;
}

/* Whether an answer with this code means that the message was taken. */
static bool
was_sent(int code)
{
	code &= ~PORT_E_DETAIL_MASK;
	return code == 0 || (code >= PORT_E_RCV_INVALID_NAME && code <= PORT_E_RCV_BODY_ERROR);
}

static void
close_sent(struct port_message *sent)
{
	for (uint32_t i = 0; i < sent->body.fds.n; i++)
		fd_close(&sent->body.fds.fd[i]);
	sent->body.fds.n = 0;
}

int
message_exchange(struct port_message *sent, int send_timeout_ms,
    port_name_t rcv_name, struct port_message *received, int rcv_timeout_ms)
{
	struct msg_in in = { 0 };
	struct frame reply;
	int err;

	if (received)
		*received = (struct port_message){ 0 };
	err = sent ? check_body(&sent->body) : 0;
	if (err)
		return err;
	if (sent)
		put_sent(&in, sent, send_timeout_ms);
	if (received)
		put_receive(&in, rcv_name, rcv_timeout_ms);
	err = call_msg(&in, sent, &reply);
	if (err)
		return err;
	if (sent && was_sent(reply.code))
		close_sent(sent);
	/* Body error: what could be delivered was; too large: only the header. */
	if (received && (reply.code == 0 || reply.body.size > 0))
		err = take_received(&reply.body, received);
	wire_buf_deinit(&reply.body);
	return err ? err : reply.code;
}

/* Sends a message. Its rights are taken by their dispositions; its descriptors are
 * closed on success. */
int
port_send(struct port_message *message, int timeout_ms)
{
	return message_exchange(message, timeout_ms, PORT_NULL, NULL, PORT_FOREVER);
}

/* Receives a message, the caller's to deinit or destroy. After
 * PORT_E_RCV_TOO_LARGE it has a header and a size, and no body. */
int
port_receive(port_name_t name, struct port_message *message, int timeout_ms)
{
	return message_exchange(NULL, PORT_FOREVER, name, message, timeout_ms);
}
