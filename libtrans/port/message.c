/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message: the header and bytes of a message travel as the body of a frame, its
 * rights, memory and descriptors as the frame's own. */
#include "port/message.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "port/connection.h"
#include "port/memory.h"
#include "port/memory.h"
#include "wire/messages.h"

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
	if (name == PORT_NULL || name == PORT_DEAD || disposition & (uint32_t)WIRE_ITEM_MASK)
		return;
	if (disposition == PORT_MOVE_RECEIVE)
		port_mod_refs(name, PORT_RIGHT_RECEIVE, -1);
	else
		port_deallocate(name);
}

/* Releases rights that were received; what is no right among them is passed over. */
void
message_release_rights(const struct wire_port *rights, size_t n)
{
	for (size_t i = 0; i < n; i++)
		release(rights[i].name, rights[i].disposition);
}

/* Releases the rights that nobody took, and frees what it has. */
void
port_message_destroy(struct port_message *message)
{
	struct wire_buf *body = &message->body;

	release(message->remote, message->remote_disposition);
	if (body->at_port < body->n_ports)
		message_release_rights(&body->ports[body->at_port], body->n_ports - body->at_port);
	port_message_deinit(message);
}

/* Messages kept --------------------------------------------------------------------
 *
 * A thread may be cancelled at the very moment when a message comes for it, and
 * can no longer give it to its caller: the next one to receive there gets it. */

struct kept {
	struct list link;
	uint32_t attachment;
	port_name_t rcv_name;
	struct port_message message;
};

static struct {
	pthread_mutex_t lock;
	struct list list;
	_Atomic unsigned n;
} all_kept = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.list = { &all_kept.list, &all_kept.list },
};

void
message_keep(port_name_t rcv_name, struct port_message *message)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept) {
		port_message_destroy(message);
		return;
	}
	kept->attachment = connection_attachment();
	kept->rcv_name = rcv_name;
	kept->message = *message;
	*message = (struct port_message){ 0 };
	pthread_mutex_lock(&all_kept.lock);
	list_link_tail(&all_kept.list, &kept->link);
	all_kept.n++;
	pthread_mutex_unlock(&all_kept.lock);
}

/* The oldest kept for that name, unlinked, or NULL. What is left of another attachment
 * is nobody's any more. */
static struct kept *
find_kept(port_name_t rcv_name)
{
	uint32_t attachment = connection_attachment();
	struct kept *found = NULL;

	pthread_mutex_lock(&all_kept.lock);
	LIST_FOR_EACH(link, next, &all_kept.list) {
		struct kept *kept = LIST_ENTRY(link, struct kept, link);
		bool is_old = kept->attachment != attachment;

		if (found || (kept->rcv_name != rcv_name && !is_old))
			continue;
		list_unlink(link);
		all_kept.n--;
		if (is_old) {
			port_message_deinit(&kept->message);
			free(kept);
		} else {
			found = kept;
		}
	}
	pthread_mutex_unlock(&all_kept.lock);
	return found;
}

static bool
take_kept(port_name_t rcv_name, struct port_message *message)
{
	struct kept *kept = all_kept.n > 0 ? find_kept(rcv_name) : NULL;

	if (!kept)
		return false;
	*message = kept->message;
	free(kept);
	return true;
}

/* The call as it travels ------------------------------------------------------------- */

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
put_receive(struct msg_in *in, const struct exchange *exchange)
{
	in->options |= PORT_MSG_RCV;
	if (exchange->rcv_timeout_ms >= 0) {
		in->options |= PORT_MSG_RCV_TIMEOUT;
		in->rcv_timeout_ms = (uint32_t)exchange->rcv_timeout_ms;
	}
	in->rcv_name = exchange->rcv_name;
	in->rcv_size = exchange->rcv_size;
}

/* Makes a message of an answer, which it empties. The bytes of the body move to the
 * start of its buffer. PORT_E_RCV_BODY_ERROR: there was no room for some memory. */
static int
take_message(struct wire_buf *body, struct port_message *message)
{
	struct msg_out out;

	if (msg_out_get(body, &out) < 0)
		return -EPROTO;
	if (out.body.size)
		memmove(body->data, out.body.data, out.body.size);
	*message = (struct port_message){
		.id = out.id,
		.remote = out.remote,
		.remote_disposition = out.bits & 0xff,
		.local = out.local,
		.local_disposition = out.bits >> 8 & 0xff,
		.payload = out.payload,
		.seqno = out.seqno,
		.size = out.size,
		.sender_pid = (pid_t)out.pid,
		.sender_uid = out.uid,
		.sender_gid = out.gid,
		.sender_task = out.task,
		.body = *body,
	};
	message->body.size = out.body.size;
	message->body.at = 0;
	*body = (struct wire_buf){ 0 };
	return message->body.n_memory ? memory_receive(&message->body) : 0;
}

static int
plain(int code)
{
	return code >> 28 == 1 ? code & ~PORT_E_DETAIL_MASK : code;
}

bool
message_was_sent(int code)
{
	code = plain(code);
	return code == 0 || (code >= PORT_E_RCV_INVALID_NAME && code <= PORT_E_RCV_BODY_ERROR);
}

bool
message_came_back(int code)
{
	code = plain(code);
	return code == PORT_E_SEND_TIMED_OUT || code == PORT_E_SEND_INTERRUPTED;
}

static void
close_sent(struct port_message *sent)
{
	for (uint32_t i = 0; i < sent->body.fds.n; i++)
		fd_close(&sent->body.fds.fd[i]);
	sent->body.fds.n = 0;
}

/* Makes *sent what came back. */
static int
take_back(struct wire_buf *body, struct port_message *sent)
{
	struct port_message back;
	int err = take_message(body, &back);

	if (err < 0)
		return err;
	port_message_deinit(sent);
	*sent = back;
	return err & PORT_E_DETAIL_MASK;
}

/* Does what an answer says, and empties it. Body error: what could be delivered was;
 * too large: only the header. */
static int
take_answer(const struct exchange *exchange, struct frame *reply)
{
	struct port_message *sent = exchange->sent;
	int err = 0;

	if (sent && message_was_sent(reply->code))
		close_sent(sent);
	if (reply->body.size == 0)
		err = exchange->received && reply->code == 0 ? -EPROTO : 0;
	else if (message_came_back(reply->code))
		err = sent ? take_back(&reply->body, sent) : -EPROTO;
	else if (exchange->received)
		err = take_message(&reply->body, exchange->received);
	wire_buf_deinit(&reply->body);
	return err < 0 ? err : reply->code | err;
}

/* The answer to a thread that was cancelled meanwhile. What it was to send is its own again,
 * or gone; what it was to receive is there for the next one. */
static void
take_cancelled(void *context, struct frame *reply)
{
	struct port_message received = { 0 };
	struct exchange exchange = *(const struct exchange *)context;
	int code;

	if (exchange.received)
		exchange.received = &received;
	code = take_answer(&exchange, reply);
	if (code == 0 && exchange.received)
		message_keep(exchange.rcv_name, &received);
	else
		port_message_destroy(&received);
}

/* Memory that is not there goes as such: portd knows what is lost with it. */
static int
send_packed(struct wire_buf *lent)
{
	int err = connection_send_msg(lent);

	return err == -EFAULT && memory_mark_bad(lent) ? connection_send_msg(lent) : err;
}

/* The bytes of the frame are those of the call; all that is beside the body of `sent`
 * is lent to it. */
static int
send_call(const struct port_message *sent, const struct msg_in *in)
{
	struct memory_parcel parcel = { .file = NULL };
	struct wire_buf *request, lent = { 0 };
	int err = connection_open(&request);

	if (err)
		return err;
	msg_in_put(request, in);
	if (sent)
		lent = sent->body;
	lent.data = request->data;
	lent.size = request->size;
	lent.error = request->error;
	if (lent.n_memory == 0)
		return connection_send_msg(&lent);
	err = memory_pack(in->remote, in->body.size, &lent, &parcel);
	if (err)
		return err;
	err = send_packed(&lent);
	memory_unpack(&lent, &parcel, err == 0);
	return err;
}

static int
call_msg(const struct exchange *exchange, const struct msg_in *in, struct frame *reply)
{
	struct connection_wait wait = {
		.interruptible =
		    exchange->options & (PORT_MSG_SEND_INTERRUPT | PORT_MSG_RCV_INTERRUPT),
		.cancelled = exchange->cancellable ? take_cancelled : NULL,
		.context = (void *)(uintptr_t)exchange,
	};
	int err = send_call(exchange->sent, in);

	return err ? err : connection_wait_msg(&wait, reply);
}

static int
run(const struct exchange *exchange)
{
	struct msg_in in = {
		.options = exchange->options & (PORT_MSG_SEND_NOTIFY | PORT_MSG_RCV_LARGE |
		    PORT_MSG_RCV_FLAT),
	};
	struct frame reply;
	int err;

	if (exchange->sent)
		put_sent(&in, exchange->sent, exchange->send_timeout_ms);
	if (exchange->received)
		put_receive(&in, exchange);
	err = call_msg(exchange, &in, &reply);
	return err ? err : take_answer(exchange, &reply);
}

/* Whether the two halves must be two calls: a signal that counts for one of them only
 * must not end the other, and a message that was kept is here already. */
static bool
must_split(const struct exchange *exchange)
{
	uint32_t options = exchange->options;

	if (!exchange->sent || !exchange->received)
		return false;
	return !(options & PORT_MSG_SEND_INTERRUPT) != !(options & PORT_MSG_RCV_INTERRUPT) ||
	    all_kept.n > 0;
}

static int
run_send(struct exchange half)
{
	half.received = NULL;
	half.options &= (uint32_t)~(PORT_MSG_RCV_INTERRUPT | PORT_MSG_RCV_LARGE);
	return run(&half);
}

static int
run_receive(struct exchange half)
{
	half.sent = NULL;
	half.options &= (uint32_t)~(PORT_MSG_SEND_INTERRUPT | PORT_MSG_SEND_NOTIFY);
	return take_kept(half.rcv_name, half.received) ? 0 : run(&half);
}

int
message_run(const struct exchange *exchange)
{
	int err = exchange->sent ? check_body(&exchange->sent->body) : 0;

	if (exchange->received)
		*exchange->received = (struct port_message){ 0 };
	if (err)
		return err;
	if (must_split(exchange)) {
		err = run_send(*exchange);
		return err ? err : run_receive(*exchange);
	}
	if (exchange->sent && exchange->received)
		return run(exchange);
	if (exchange->sent)
		return run_send(*exchange);
	return exchange->received ? run_receive(*exchange) : 0;
}

int
message_exchange(struct port_message *sent, int send_timeout_ms,
    port_name_t rcv_name, struct port_message *received, int rcv_timeout_ms)
{
	struct exchange exchange = {
		.sent = sent,
		.received = received,
		.send_timeout_ms = send_timeout_ms,
		.rcv_timeout_ms = rcv_timeout_ms,
		.rcv_name = rcv_name,
		.rcv_size = UINT32_MAX,
	};
	int err, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	err = message_run(&exchange);
	pthread_setcancelstate(state, &state);
	return err;
}

/* What programs call ------------------------------------------------------------------ */

/* Sends a message. Its rights are taken by their dispositions; its descriptors are
 * closed on success. */
int
port_send(struct port_message *message, int timeout_ms)
{
	return port_exchange(message, timeout_ms, PORT_NULL, NULL, PORT_FOREVER, 0);
}

/* Receives a message, the caller's to deinit or destroy. */
int
port_receive(port_name_t name, struct port_message *message, int timeout_ms)
{
	return port_exchange(NULL, PORT_FOREVER, name, message, timeout_ms, 0);
}

/* Sends, then receives; either message may be NULL. */
int
port_exchange(struct port_message *sent, int send_timeout_ms, port_name_t name,
    struct port_message *received, int rcv_timeout_ms, uint32_t options)
{
	struct exchange exchange = {
		.sent = sent,
		.received = received,
		.send_timeout_ms = send_timeout_ms,
		.rcv_timeout_ms = rcv_timeout_ms,
		.rcv_name = name,
		.rcv_size = UINT32_MAX,
		.options = options,
	};
	int err, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	exchange.cancellable = state == PTHREAD_CANCEL_ENABLE;
	err = message_run(&exchange);
	pthread_setcancelstate(state, &state);
	return err;
}
