/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch: requests to a port of portd's own, checked and given to the handlers of
 * an interface (wire/interface.h).
 *
 * A handler returns 0, and the answer is *out; a code, and the answer is the code
 * with the line that request_fail left; or RPC_NO_REPLY after request_later. On success
 * and with RPC_NO_REPLY the descriptors in *in are the handler's; otherwise what it left
 * there is closed. Rights belong to the message until message_take_right. */
#ifndef PORTD_DISPATCH_H
#define PORTD_DISPATCH_H

#include <stdbool.h>

#include "portd/message.h"
#include "portd/right.h"
#include "wire/interface.h"

struct rpc_request {
	struct message *message;
	struct message *answer;		/* for the rights in *out: message_add_right */
	void *arg;
	char text[1024];
};

/* Sets the line of an answer; returns code. */
int request_fail(struct rpc_request *request, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The reply right, for a handler that answers later: answer_send, answer_new. */
struct right request_later(struct rpc_request *request);

/* Serves a request and answers it. The message stays the caller's. False: the interface has
 * no such routine, and nothing was done. */
bool dispatch(const struct wire_interface *interface, wire_handle_fn *handle,
    const void *server, struct message *message, void *arg);

/* Answers: a message that holds code and text, to which the fields of NAME_out may be put (NULL:
 * no memory), and a whole answer without fields, which eats reply. */
struct message *answer_new(uint32_t id, int code, const char *text);
void answer_send(struct right reply, uint32_t id, int code, const char *text);

#endif
