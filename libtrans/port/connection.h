/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection: a thread's own line to portd. */
#ifndef PORT_CONNECTION_H
#define PORT_CONNECTION_H

#include <stdbool.h>

#include "wire/frame.h"

/* Makes sure that this thread has a connection. *requestp is an empty buffer for the
 * bytes of its next request, kept from one call to the next. 0 or -errno. */
int connection_open(struct wire_buf **requestp);

/* Sends a call over this thread's connection, which must be open, and waits for its
 * answer. body's descriptors stay open and the caller's. 0 with the answer in *reply,
 * whose code may be an error, or -errno. */
int connection_call(uint32_t call, const struct wire_buf *body, struct frame *reply);

/* How to wait for what may take long. */
struct connection_wait {
	bool interruptible;	/* a signal ends the wait: the answer says so */
	/* Set: the thread may be cancelled while it waits. Then the wait is ended, and
	 * the answer (eaten) is this one's. */
	void (*cancelled)(void *context, struct frame *reply);
	void *context;
};

/* The two halves of a connection_call of `msg`, for a thread that has cancellation
 * disabled. -EFAULT: memory of the body cannot be read, and nothing was sent. */
int connection_send_msg(const struct wire_buf *body);
int connection_wait_msg(const struct connection_wait *wait, struct frame *reply);

/* Number of this attachment to portd; 0: there is none. */
uint32_t connection_attachment(void);

/* Where this thread remembers its reply port; PORT_NULL: it has none. */
port_name_t *connection_reply_port(void);

#endif
