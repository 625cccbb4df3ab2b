/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection: a thread's own line to portd. */
#ifndef PORT_CONNECTION_H
#define PORT_CONNECTION_H

#include "wire/frame.h"

/* Sends a call over this thread's connection, which is made when there is none,
 * and waits for its answer. body's descriptors stay open and the caller's. 0 with
 * the answer in *reply, whose code may be an error, or -errno. */
int connection_call(uint32_t call, const struct wire_buf *body, struct frame *reply);

/* Where this thread remembers its reply port; PORT_NULL: it has none. */
port_name_t *connection_reply_port(void);

#endif
