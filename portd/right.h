/* SPDX-License-Identifier: GPL-2.0-or-later */
/* right: a capability outside of any table: in a message, in a registration,
 * or held by portd's own keeper. Every rule on rights is in right.c. */
#ifndef PORTD_RIGHT_H
#define PORTD_RIGHT_H

#include <stdbool.h>

struct port;

enum right_kind {
	RIGHT_NULL,		/* no right (PORT_NULL) */
	RIGHT_DEAD,		/* the right of a port that died (PORT_DEAD) */
	RIGHT_SEND,
	RIGHT_SEND_ONCE,
	RIGHT_RECEIVE,
};

/* Counted: a live send or send-once right counts in its port's srights or
 * sorights until it is released, used, or enters a table. Passed by value;
 * whoever "eats" it must not use it again. */
struct right {
	enum right_kind kind;
	struct port *port;	/* NULL for NULL and DEAD */
};

/* Of a port whose receive right portd's keeper holds. */
struct right right_make_send(struct port *port);
struct right right_make_send_once(struct port *port);
struct right right_copy_send(const struct right *right);	/* NULL right when it is not a live send right */
/* Releases it with all that follows: no-senders, send-once, port death. */
void right_release(struct right right);
/* A right whose port died meanwhile reads as dead. */
bool right_is_live(const struct right *right);

#endif
