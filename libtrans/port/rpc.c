/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rpc: a request and its one answer. The answer is { i32 code, str text } and,
 * when code is 0, the fields of the routine. */
#include <errno.h>

#include "base/cleanup.h"
#include "port/connection.h"
#include "port/message.h"
#include "port/port.h"

/* This thread's reply port, made when it has none. */
static int
get_reply_port(port_name_t *namep)
{
	port_name_t *kept = connection_reply_port(), made;
	int err = 0;

	if (*kept == PORT_NULL) {
		/* The call may open the connection, which clears what is kept. */
		err = port_allocate(PORT_RIGHT_RECEIVE, &made);
		if (!err)
			*kept = made;
	}
	*namep = *kept;
	return err;
}

/* Forgets a reply port on which an answer may still come. */
static void
drop_reply_port(void)
{
	port_name_t *kept = connection_reply_port();
	port_name_t name = *kept;

	*kept = PORT_NULL;
	if (name != PORT_NULL)
		port_mod_refs(name, PORT_RIGHT_RECEIVE, -1);
}

/* Whether no right to the reply port was made, or the one that was has been
 * used. */
static bool
is_reply_port_clean(int code)
{
	return code == 0 || code == PORT_E_SEND_TOO_LARGE || code == PORT_E_SEND_INVALID_DEST ||
	    code == PORT_E_SEND_INVALID_HEADER;
}

/* Reads code and text. */
static int
read_reply(struct port_reply *reply, uint32_t id)
{
	struct wire_buf *body = &reply->message.body;
	const char *text;
	int code;

	if (reply->message.id == PORT_NOTIFY_SEND_ONCE)
		return PORT_E_RPC_SERVER_DIED;
	if (reply->message.id != id + RPC_REPLY_OFFSET)
		return PORT_E_RPC_REPLY_MISMATCH;
	code = wire_get_i32(body);
	text = wire_get_str(body);
	if (body->error)
		return PORT_E_RPC_TYPE_ERROR;
	reply->text = text;
	return code;
}

/* Sends a request (eaten) to a send right and waits for its answer. *reply is to
 * be released in any case. */
int
port_call(port_name_t dest, uint32_t id, struct wire_buf *request,
    struct port_reply *reply, int timeout_ms)
{
	struct port_message sent = {
		.id = id,
		.remote = dest,
		.remote_disposition = PORT_COPY_SEND,
		.local_disposition = PORT_MAKE_SEND_ONCE,
		.body = *request,
	};
	int err;

	*request = (struct wire_buf){ 0 };
	*reply = (struct port_reply){ .text = "" };
	err = get_reply_port(&sent.local);
	if (!err) {
		err = message_exchange(&sent, timeout_ms, sent.local, &reply->message, timeout_ms);
		if (!is_reply_port_clean(err))
			drop_reply_port();
	}
	port_message_deinit(&sent);
	return err ? err : read_reply(reply, id);
}

/* Releases an answer: its memory, and the rights and descriptors that nobody
 * took. */
void
port_reply_deinit(struct port_reply *reply)
{
	port_message_destroy(&reply->message);
	*reply = (struct port_reply){ .text = "" };
}

/* Makes `body` an answer: the fields of out, or an error without them. */
static void
put_reply(struct wire_buf *body, int code, const char *text, const struct wire_buf *out)
{
	wire_put_i32(body, code);
	wire_put_str(body, text);
	if (code == 0 && out)
		wire_put_bytes(body, out->data, out->size);
}

/* Sends the answer to a request whose reply right goes with it. */
int
port_reply_send(struct port_message *request, int code, const char *text, struct wire_buf *out)
{
	struct port_message answer = {
		.id = request->id + RPC_REPLY_OFFSET,
		.remote = request->remote,
		.remote_disposition = request->remote_disposition,
	};
	struct wire_buf none = { 0 };
	int err;

	if (!out)
		out = &none;
	put_reply(&answer.body, out->error ? out->error : code, text, out);
	if (answer.body.error || answer.body.size > PORT_MSG_BODY_MAX) {
		wire_buf_deinit(&answer.body);
		put_reply(&answer.body, -EMSGSIZE, "the answer is too large", NULL);
	} else if (code == 0 && !out->error) {
		answer.body.ports = STEAL_PTR(out->ports);
		answer.body.n_ports = answer.body.ports_room = out->n_ports;
		answer.body.fds = out->fds;
		out->fds.n = 0;
	}
	wire_buf_deinit(out);
	request->remote = PORT_NULL;
	request->remote_disposition = 0;
	if (answer.remote == PORT_NULL || answer.remote == PORT_DEAD) {
		port_message_deinit(&answer);
		return 0;
	}
	err = port_send(&answer, PORT_FOREVER);
	/* A right that was not used up is still a name of ours. */
	if (err > 0)
		port_deallocate(answer.remote);
	port_message_deinit(&answer);
	return err;
}
