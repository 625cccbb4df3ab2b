/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call: what a frame asks for. */
#ifndef PORTD_CALL_H
#define PORTD_CALL_H

struct connection;
struct frame;

/* Serves one request: replies, or lets the connection wait, or ends it. */
void call_serve(struct connection *connection, struct frame *request);

#endif
