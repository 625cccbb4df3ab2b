/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set: ports of one task on which it receives as if they were one. */
#ifndef PORTD_SET_H
#define PORTD_SET_H

#include <stdint.h>

#include "base/list.h"

struct entry;
struct port;

struct set {
	struct entry *holder;	/* its name */
	struct list members;
	struct list filled;	/* members with a message, in the order of their turns */
	struct list receivers;	/* connections that wait for a message of any of them */
	uint32_t n_members;
};

struct set *set_new(void);
void set_free(struct set *set);
void set_join(struct set *set, struct port *port);
void set_leave(struct port *port);
/* A member got its first message, gave one away, or may give one away. */
void set_fill(struct port *port);
void set_turn(struct port *port);
void set_ready(struct set *set);

#endif
