/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer: the call msg: a send, a receive, or both, and the waiting between. */
#ifndef PORTD_TRANSFER_H
#define PORTD_TRANSFER_H

struct connection;
struct frame;
struct list;
struct message;
struct port;

/* -EBADMSG: not a request for a transfer; else it is answered now or later. */
int transfer_start(struct connection *connection, struct frame *request);
/* The message of a sender that waited; the sender goes on by itself. */
struct message *transfer_admit(struct connection *sender);
void transfer_go_on(struct connection *connection);
/* Gives a port's oldest message to a receiver that waits there. */
void transfer_deliver(struct connection *receiver, struct port *port);
/* Answers every receiver that waits in a list with this code. */
void transfer_turn_away(struct list *receivers, int code);
/* Answers a connection that waits. */
void transfer_end(struct connection *connection, int code);
void transfer_interrupt(struct connection *connection);
void transfer_time_out(struct connection *connection);
/* Waits no more, without an answer. */
void transfer_cancel(struct connection *connection);

#endif
