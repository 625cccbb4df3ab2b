/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rpc: a request and its one answer, from both sides.
 *
 * A server sends an answer and waits for the next request in one frame, so a
 * call costs each side one. */
#include "port/rpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "port/connection.h"
#include "port/message.h"

/* Rights in structs ------------------------------------------------------------ */

/* Of a right that is to be copied or made, nothing is ours. */
static void
release(struct wire_port right)
{
	if (right.name == PORT_NULL || right.name == PORT_DEAD)
		return;
	if (right.disposition == PORT_MOVE_RECEIVE)
		port_mod_refs(right.name, PORT_RIGHT_RECEIVE, -1);
	else if (right.disposition == PORT_MOVE_SEND || right.disposition == PORT_MOVE_SEND_ONCE)
		port_deallocate(right.name);
}

#define DEFINE_RIGHT(kind) \
	port_name_t \
	port_##kind##_take(port_##kind##_t *right) \
	{ \
		port_name_t name = right->name; \
		*right = (port_##kind##_t){ 0 }; \
		return name; \
	} \
	void \
	port_##kind##_drop(port_##kind##_t *right) \
	{ \
		release((struct wire_port){ right->name, right->disposition }); \
		*right = (port_##kind##_t){ 0 }; \
	}

DEFINE_RIGHT(send)
DEFINE_RIGHT(send_once)
DEFINE_RIGHT(receive)

/* Calling ------------------------------------------------------------------------ */

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

/* Ends a message that came back. */
static void
release_sent(struct port_message *sent)
{
	release((struct wire_port){ sent->local, sent->local_disposition });
	sent->body.at_port = 0;
	port_message_destroy(sent);
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
	if (message_came_back(err))
		release_sent(&sent);
	port_message_deinit(&sent);
	return err ? err : read_reply(reply, id);
}

/* Calls a routine; see rpc.h. */
int
port_call_shaped(port_name_t dest, const struct wire_routine *routine, const void *in,
    void *out, struct port_reply *reply, int timeout_ms)
{
	struct wire_buf request = { 0 };
	int err;

	wire_shape_put(&request, routine->in, in);
	err = port_call(dest, routine->id, &request, reply, timeout_ms);
	if (err != 0)
		return err;
	return wire_shape_get_all(&reply->message.body, routine->out, out) < 0 ?
	    PORT_E_RPC_TYPE_ERROR : 0;
}

/* Sends a one-way request. */
int
port_send_shaped(port_name_t dest, const struct wire_routine *routine, const void *in,
    int timeout_ms)
{
	struct port_message sent = {
		.id = routine->id,
		.remote = dest,
		.remote_disposition = PORT_COPY_SEND,
	};
	int err;

	wire_shape_put(&sent.body, routine->in, in);
	err = port_send(&sent, timeout_ms);
	if (message_came_back(err))
		release_sent(&sent);
	port_message_deinit(&sent);
	return err;
}

/* Releases an answer: its memory, and the rights and descriptors that nobody
 * took. */
void
port_reply_deinit(struct port_reply *reply)
{
	port_message_destroy(&reply->message);
	*reply = (struct port_reply){ .text = "" };
}

/* Answers -------------------------------------------------------------------------- */

static void
put_head(struct wire_buf *body, int code, const char *text)
{
	wire_put_i32(body, code);
	wire_put_str(body, text);
}

static bool
is_awaited(port_name_t reply)
{
	return reply != PORT_NULL && reply != PORT_DEAD;
}

/* Puts what *out gives away into the body. What cannot be sent becomes an error that
 * can. */
static void
put_out(struct wire_buf *body, const struct wire_shape *shape, void *out)
{
	int err;

	wire_shape_put(body, shape, out);
	err = body->size > PORT_MSG_BODY_MAX ? -EMSGSIZE : body->error;
	if (!err)
		return;
	wire_shape_release(shape, out, release);
	wire_buf_deinit(body);
	put_head(body, err, "the answer cannot be sent");
}

/* Makes *answer the answer to `id`: code, text and, for code 0, *out (which is
 * eaten; NULL: nothing). */
static void
make_answer(struct port_message *answer, struct wire_port reply, uint32_t id, int code,
    const char *text, const struct wire_shape *shape, void *out)
{
	*answer = (struct port_message){
		.id = id + RPC_REPLY_OFFSET,
		.remote = reply.name,
		.remote_disposition = reply.disposition,
	};
	put_head(&answer->body, code, text);
	if (code == 0 && out)
		put_out(&answer->body, shape, out);
}

/* Ends an answer that was not sent. With these codes nothing was taken from us;
 * with others, what was, is not known. */
static void
drop_answer(struct port_message *answer, int code)
{
	bool ours = code == 0 || code == PORT_E_SEND_INVALID_DEST ||
	    code == PORT_E_SEND_TOO_LARGE || code == PORT_E_SEND_INVALID_HEADER ||
	    message_came_back(code);

	if (ours) {
		for (size_t i = 0; i < answer->body.n_ports; i++)
			release(answer->body.ports[i]);
		if (is_awaited(answer->remote))
			port_deallocate(answer->remote);
	}
	port_message_deinit(answer);
}

/* A send-once right never waits for room; a send right could, and its owner would
 * hold the server up. */
static int
answer_timeout(const struct port_message *answer)
{
	return answer->remote_disposition == PORT_MOVE_SEND_ONCE ? PORT_FOREVER : 0;
}

/* Sends an answer, if somebody waits for it, and ends it. */
static int
send_answer(struct port_message *answer)
{
	int err = 0;

	if (is_awaited(answer->remote))
		err = port_send(answer, answer_timeout(answer));
	if (err != 0 || !is_awaited(answer->remote))
		drop_answer(answer, err);
	else
		port_message_deinit(answer);
	return err;
}

/* Sends the answer to a request without a table. */
int
port_reply_send(struct port_message *request, int code, const char *text, struct wire_buf *out)
{
	struct port_message answer = {
		.id = request->id + RPC_REPLY_OFFSET,
		.remote = request->remote,
		.remote_disposition = request->remote_disposition,
	};
	struct wire_buf none = { 0 };

	if (!out)
		out = &none;
	put_head(&answer.body, out->error ? out->error : code, text);
	if (code == 0 && !out->error)
		wire_put_bytes(&answer.body, out->data, out->size);
	if (answer.body.error || answer.body.size > PORT_MSG_BODY_MAX) {
		wire_buf_deinit(&answer.body);
		put_head(&answer.body, -EMSGSIZE, "the answer is too large");
	} else if (code == 0 && !out->error) {
		answer.body.ports = STEAL_PTR(out->ports);
		answer.body.n_ports = answer.body.ports_room = out->n_ports;
		answer.body.fds = out->fds;
		out->fds.n = 0;
	}
	wire_buf_deinit(out);
	request->remote = PORT_NULL;
	request->remote_disposition = 0;
	return send_answer(&answer);
}

/* Some other time ------------------------------------------------------------------ */

struct rpc_later
rpc_later(struct rpc_request *request)
{
	struct port_message *message = request->message;
	struct rpc_later later = {
		.right = { message->remote, message->remote_disposition },
		.id = message->id,
	};

	message->remote = PORT_NULL;
	message->remote_disposition = 0;
	return later;
}

int
rpc_reply(struct rpc_later *later, int code, const char *text, const struct wire_shape *shape,
    void *out)
{
	struct port_message answer;

	make_answer(&answer, later->right, later->id, code, text, shape, out);
	*later = (struct rpc_later){ .id = 0 };
	return send_answer(&answer);
}

void
rpc_later_drop(struct rpc_later *later)
{
	release(later->right);
	*later = (struct rpc_later){ .id = 0 };
}

/* Serving -------------------------------------------------------------------------- */

enum { NOTE_PAGES = 64 * 1024 };	/* bytes, from which on it is memory in whole pages */

struct rpc_note {
	struct rpc_note *next;
	size_t size;
	void *pages;		/* NULL: it is in `data` */
	max_align_t data[];
};

void *
rpc_alloc(struct rpc_request *request, size_t size)
{
	void *pages = size >= NOTE_PAGES ? port_memory_alloc(size) : NULL;
	struct rpc_note *note;

	if (size >= NOTE_PAGES && !pages)
		return NULL;
	note = malloc(sizeof(*note) + (pages ? 0 : size));
	if (!note) {
		if (pages)
			port_memory_free(pages, size);
		return NULL;
	}
	note->size = size;
	note->pages = pages;
	note->next = request->notes;
	request->notes = note;
	return pages ? pages : note->data;
}

static const char *
print(struct rpc_request *request, const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n < 0 ? NULL : rpc_alloc(request, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

const char *
rpc_print(struct rpc_request *request, const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = print(request, format, args);
	va_end(args);
	return text;
}

int
rpc_fail(struct rpc_request *request, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	request->text = print(request, format, args);
	va_end(args);
	return code;
}

int
rpc_end(struct rpc_request *request)
{
	request->ends = true;
	return 0;
}

static void
free_notes(struct rpc_request *request)
{
	while (request->notes) {
		struct rpc_note *note = request->notes;

		request->notes = note->next;
		if (note->pages)
			port_memory_free(note->pages, note->size);
		free(note);
	}
}

static const struct wire_routine *
find(const struct port_service *service, uint32_t id, const struct port_table **tablep)
{
	const struct wire_routine *routine = NULL;

	for (size_t i = 0; i < service->n_tables && !routine; i++) {
		*tablep = &service->tables[i];
		routine = wire_interface_find(service->tables[i].interface, id);
	}
	return routine;
}

/* Has a request handled whose routine is known; returns the code of the answer. */
static int
handle(const struct port_table *table, const struct wire_routine *routine,
    struct rpc_request *request, void *out)
{
	_Alignas(max_align_t) char in[WIRE_STRUCT_MAX];
	int err = wire_shape_get_all(&request->message->body, routine->in, in);

	if (err == -EPROTOTYPE)
		return PORT_E_RPC_TYPE_ERROR;
	if (err < 0)
		return PORT_E_RPC_BAD_ARGUMENTS;
	if (routine->out)
		wire_shape_clear(routine->out, out);
	request->arg = table->arg;
	err = table->handle(table->server, routine->id, request, in, out);
	if (err == 0 || err == RPC_NO_REPLY)
		return err;
	wire_shape_release(routine->in, in, release);
	wire_shape_close(routine->in, in);
	return err;
}

/* Handles a request, and makes the answer. */
static void
answer_request(const struct port_service *service, struct rpc_request *request,
    struct port_message *answer)
{
	_Alignas(max_align_t) char out[WIRE_STRUCT_MAX];
	struct port_message *message = request->message;
	const struct port_table *table;
	const struct wire_routine *routine = find(service, message->id, &table);
	int code = routine ? handle(table, routine, request, out) : PORT_E_RPC_BAD_ID;
	struct rpc_later later;

	if (code == RPC_NO_REPLY || (routine && !routine->out))
		return;
	later = rpc_later(request);
	make_answer(answer, later.right, later.id, code, request->text,
	    routine ? routine->out : NULL, out);
}

/* Only portd, which is no task, sends to send-once rights of this kind. */
static bool
is_notification(const struct port_message *message)
{
	return message->id >= PORT_NOTIFY_PORT_DELETED && message->id <= PORT_NOTIFY_DEAD_NAME &&
	    message->sender_task == 0 && message->local_disposition == PORT_MOVE_SEND_ONCE;
}

/* A dead name came with a reference of its own. */
static void
release_notification(struct port_message *message)
{
	if (message->id == PORT_NOTIFY_DEAD_NAME)
		port_deallocate(wire_get_u32(&message->body));
}

/* Whether the loop goes on. Eats the message; *request keeps what the answer needs. */
static bool
demux(const struct port_service *service, struct rpc_request *request, struct port_message *answer)
{
	struct port_message *message = request->message;

	*answer = (struct port_message){ .id = 0 };
	if (!is_notification(message))
		answer_request(service, request, answer);
	else if (service->notify)
		service->notify(message, service->arg);
	else
		release_notification(message);
	port_message_destroy(message);
	return !request->ends;
}

bool
port_demux(const struct port_service *service, struct port_message *message,
    struct port_message *answer)
{
	struct rpc_request request = { .message = message };
	bool goes_on = demux(service, &request, answer);

	free_notes(&request);
	return goes_on;
}

bool
port_serve_one(const struct port_service *service, struct port_message *message)
{
	struct rpc_request request = { .message = message };
	struct port_message answer;
	bool goes_on = demux(service, &request, &answer);

	send_answer(&answer);
	free_notes(&request);
	return goes_on;
}

/* Whether there will be more, after this code of a receive. */
static bool
is_passing(int code)
{
	code &= ~PORT_E_DETAIL_MASK;
	return code == PORT_E_RCV_INTERRUPTED || code == PORT_E_RCV_TOO_LARGE ||
	    code == PORT_E_RCV_HEADER_ERROR || code == PORT_E_RCV_BODY_ERROR;
}

static bool
is_of_send(int code)
{
	code &= ~PORT_E_DETAIL_MASK;
	return code >= PORT_E_SEND_INVALID_DATA && code <= PORT_E_SEND_INVALID_HEADER;
}

static bool
has_pages(const struct rpc_request *request)
{
	for (const struct rpc_note *note = request->notes; note; note = note->next)
		if (note->pages)
			return true;
	return false;
}

/* Sends an answer, if somebody waits for it, and receives the next request. */
static int
exchange(port_name_t port, const struct port_service *service, struct port_message *answer,
    struct port_message *message)
{
	int idle_ms = service->idle_ms > 0 ? service->idle_ms : PORT_FOREVER;
	int err;

	if (!is_awaited(answer->remote)) {
		drop_answer(answer, 0);
		return port_receive(port, message, idle_ms);
	}
	err = port_exchange(answer, answer_timeout(answer), port, message, idle_ms, 0);
	if (!is_of_send(err)) {
		port_message_deinit(answer);
		return err;
	}
	drop_answer(answer, err);
	return port_receive(port, message, idle_ms);
}

int
port_serve(port_name_t port, const struct port_service *service)
{
	struct port_message answer = { .id = 0 }, message = { .id = 0 };
	struct rpc_request request = { .message = &message };
	bool goes_on = true;

	while (goes_on) {
		int err;

		/* What is large is not kept until somebody asks again. */
		if (has_pages(&request)) {
			send_answer(&answer);
			free_notes(&request);
		}
		err = exchange(port, service, &answer, &message);
		free_notes(&request);
		if (err == 0) {
			request = (struct rpc_request){ .message = &message };
			goes_on = demux(service, &request, &answer);
			continue;
		}
		port_message_destroy(&message);
		if (!is_passing(err))
			return err;
	}
	send_answer(&answer);
	free_notes(&request);
	return 0;
}
