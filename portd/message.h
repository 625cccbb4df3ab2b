/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message: what is in a queue: a header, rights, descriptors, bytes. */
#ifndef PORTD_MESSAGE_H
#define PORTD_MESSAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "portd/right.h"
#include "wire/codec.h"

struct message {
	struct list link;	/* in a port's queue */
	uint32_t id;
	struct right dest;	/* the right it travels by */
	struct right reply;	/* RIGHT_NULL: none */
	pid_t pid;		/* the sender, stamped by portd; its own for a kernel message */
	uid_t uid;
	gid_t gid;
	uint32_t task;		/* 0: portd */
	/* body.ports[i] = { i, PORT_MOVE_* }: the right itself is rights[i]. */
	struct wire_buf body;
	struct right *rights;
	size_t n_rights;
};

/* A message of portd's own. Eats the body's bytes and descriptors; rights
 * are added with message_add_right, whose result goes into the body by wire_put_port. */
struct message *message_new(uint32_t id);
struct wire_port message_add_right(struct message *message, struct right right);	/* eats right */
/* Takes right i out of the message; the caller's from now on. RIGHT_NULL when there is none. */
struct right message_take_right(struct message *message, struct wire_port port);
struct right message_take_reply(struct message *message);
/* Releases everything in it. */
void message_free(struct message *message);
/* Sends a message of portd's own: eats all three. Never blocks, ignores the
 * queue limit, never calls back before it returns. */
void message_send(struct right dest, struct message *message, struct right reply);

#endif
