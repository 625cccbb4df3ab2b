/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message: what is in a queue: a header, rights, descriptors, bytes. */
#ifndef PORTD_MESSAGE_H
#define PORTD_MESSAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "portd/right.h"
#include "wire/codec.h"

struct account;
struct world;

struct message {
	struct list link;	/* in a port's queue */
	uint32_t id;
	struct right dest;	/* the right it travels by */
	struct right reply;	/* RIGHT_NULL: none */
	uint32_t reply_disposition;	/* 0: none; what a dead reply right was */
	pid_t pid;		/* the sender, stamped by portd; its own for a kernel message */
	uid_t uid;
	gid_t gid;
	uint32_t task;		/* 0: portd */
	/* body.ports[k] = { i + 1, PORT_MOVE_* }: the right itself is rights[i]; or
	 * { PORT_NULL or PORT_DEAD, PORT_MOVE_* }. */
	struct wire_buf body;
	struct right *rights;
	size_t n_rights;

	uint64_t number;	/* likewise as a port's; 0: not of the world yet */
	struct list world;	/* in the world's messages; unlinked: the keeper is making it */
	struct account *account;	/* of who pays for it, or NULL */
	struct message_bill {
		size_t bytes;
		uint32_t descriptors;
		uint32_t regions;
	} bill;			/* what for */
};

/* A message of portd's own; its body is written with wire_put_*. Rights are
 * added with message_add_right, whose result goes into the body by
 * wire_put_port, each at once and in the same order. NULL: no memory. */
struct message *message_new(uint32_t id);
struct wire_port message_add_right(struct message *message, struct right right);	/* eats right */
/* Takes right i out of the message; the caller's from now on. RIGHT_NULL when there is none. */
struct right message_take_right(struct message *message, struct wire_port port);
struct right message_take_reply(struct message *message);
/* Releases everything in it. */
void message_free(struct message *message);
/* Sends a message of portd's own: eats all three. Never blocks, ignores the
 * queue limit, never calls back before it returns. A body that could not be
 * written whole is not sent: its send-once destination hears that. */
void message_send(struct right dest, struct message *message, struct right reply);

/* For the rights core ----------------------------------------------------- */

struct message *message_new_unstamped(void);
int message_reserve(struct message *message, size_t n_rights);
void message_set_right(struct message *message, size_t i, struct right right);
bool message_is_circular(const struct message *message);
/* What a message with this body and so many rights costs; whether an account has that. */
struct message_bill message_bill(const struct wire_buf *body, size_t size, size_t n_rights);
bool message_can_pay(const struct account *account, const struct message_bill *bill);
/* Into the world, at the expense of an account, which may be NULL. */
void message_adopt(struct message *message, struct world *world, struct account *account);
void message_uncharge(struct message *message);
/* Queues a message of the core's to its dest, whatever the limit, at the
 * expense of whoever receives there; eats it. */
void message_post(struct message *message, struct world *world);

#endif
