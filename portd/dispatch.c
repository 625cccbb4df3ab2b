/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch: finds the routine, takes the request apart, makes the answer. */
#include "portd/dispatch.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const struct right no_right = { RIGHT_NULL, NULL };

/* The answer to request `id`, so far. NULL: no memory. */
struct message *
answer_new(uint32_t id, int code, const char *text)
{
	struct message *message = message_new(id + RPC_REPLY_OFFSET);

	if (!message)
		return NULL;
	wire_put_i32(&message->body, code);
	wire_put_str(&message->body, text);
	return message;
}

/* Answers without fields; eats reply. */
void
answer_send(struct right reply, uint32_t id, int code, const char *text)
{
	struct message *message;

	if (reply.kind == RIGHT_NULL || reply.kind == RIGHT_DEAD) {
		right_release(reply);
		return;
	}
	message = answer_new(id, code, text);
	if (message)
		message_send(reply, message, no_right);
	else
		right_release(reply);
}

/* Says why a request cannot be served; returns code. */
int
request_fail(struct rpc_request *request, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(request->text, sizeof(request->text), format, args);
	va_end(args);
	return code;
}

/* The right to answer with; the caller's from now on. */
struct right
request_later(struct rpc_request *request)
{
	return message_take_reply(request->message);
}

/* Has a request handled; returns the code of its answer. */
static int
handle_request(struct rpc_request *request, const struct wire_routine *routine,
    wire_handle_fn *handle, const void *server, void *out)
{
	_Alignas(max_align_t) char in[WIRE_STRUCT_MAX];
	int code = wire_shape_get_all(&request->message->body, routine->in, in);

	if (code == -EPROTOTYPE)
		return PORT_E_RPC_TYPE_ERROR;
	if (code < 0)
		return PORT_E_RPC_BAD_ARGUMENTS;
	if (routine->out)
		wire_shape_clear(routine->out, out);
	code = handle(server, routine->id, request, in, out);
	if (code != 0 && code != RPC_NO_REPLY)
		wire_shape_close(routine->in, in);
	return code;
}

/* Sends *out; eats the message, which may hold rights for it already. */
static void
send_out(struct rpc_request *request, const struct wire_shape *shape, const void *out)
{
	struct right reply = message_take_reply(request->message);

	wire_put_i32(&request->answer->body, 0);
	wire_put_str(&request->answer->body, "");
	wire_shape_put(&request->answer->body, shape, out);
	message_send(reply, request->answer, no_right);
	request->answer = NULL;
}

/* Serves a request of this interface. */
bool
dispatch(const struct wire_interface *interface, wire_handle_fn *handle, const void *server,
    struct message *message, void *arg)
{
	const struct wire_routine *routine = wire_interface_find(interface, message->id);
	_Alignas(max_align_t) char out[WIRE_STRUCT_MAX];
	struct rpc_request request;
	int code;

	if (!routine)
		return false;
	request.message = message;
	request.answer = message_new(message->id + RPC_REPLY_OFFSET);
	request.arg = arg;
	request.text[0] = '\0';
	if (!request.answer)
		return true;
	code = handle_request(&request, routine, handle, server, out);
	if (code == 0 && routine->out)
		send_out(&request, routine->out, out);
	else if (code != RPC_NO_REPLY && routine->out)
		answer_send(message_take_reply(message), message->id, code, request.text);
	if (request.answer)
		message_free(request.answer);
	return true;
}
