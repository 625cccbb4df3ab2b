/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space: the table of a task's names.
 *
 * A name is a 24-bit index and an 8-bit generation, so that a name that was
 * given up does not soon denote something else; names that a task chose itself
 * are found by a map instead. A second index finds the one name that a task has for
 * a port's send and receive rights. What a name means is right.c's matter. */
#ifndef PORTD_SPACE_H
#define PORTD_SPACE_H

#include "base/list.h"
#include "base/map.h"
#include "portd/right.h"

struct set;
struct task;

enum {
	TYPE_SEND = PORT_TYPE(PORT_RIGHT_SEND),
	TYPE_RECEIVE = PORT_TYPE(PORT_RIGHT_RECEIVE),
	TYPE_SEND_ONCE = PORT_TYPE(PORT_RIGHT_SEND_ONCE),
	TYPE_PORT_SET = PORT_TYPE(PORT_RIGHT_PORT_SET),
	TYPE_DEAD_NAME = PORT_TYPE(PORT_RIGHT_DEAD_NAME),
};

struct entry {
	port_name_t name;
	uint32_t type;		/* TYPE_ bits, never 0 */
	uint32_t urefs;		/* of the send right or the dead name; 1 for send-once, else 0 */
	uint32_t index;		/* to give back, 0 when the task chose the name */
	struct port *port;	/* NULL for a dead name and a set */
	struct set *set;	/* of a set, else NULL */
	struct right dead_name;	/* whom to tell when the port dies, or NULL */
	struct right send_possible;	/* whom to tell of room in its queue, or NULL */
	bool send_possible_armed;	/* a sender that asked for it found none */
	struct space *space;
	struct list link;	/* in the space */
	struct list holder;	/* in the port's holders */
};

struct space_slot {
	struct entry *entry;	/* by the name in use, or NULL */
	uint32_t next_free;
	uint8_t generation;
};

struct space {
	struct task *task;
	struct map chosen;	/* name -> entry, of names that the task chose itself */
	struct map ports;	/* port -> entry with send or receive */
	struct list entries;
	uint32_t n_entries;
	uint32_t n_receives;
	struct space_slot *slots;
	uint32_t n_slots;
	uint32_t slots_used;	/* slots 1 .. slots_used have been given out once */
	uint32_t first_free;	/* 0: none */
};

void space_init(struct space *space, struct task *task);
void space_deinit(struct space *space);
struct entry *space_lookup(const struct space *space, port_name_t name);
/* The entry with the send or receive right of a port. */
struct entry *space_find(const struct space *space, const struct port *port);
int space_add(struct space *space, port_name_t name, uint32_t type, struct port *port,
    struct entry **entryp);
/* For a space that is read anew: so many slots (false: too many, or no memory); an entry that
 * is as another one was; whether the free slots are free. */
bool space_restore_slots(struct space *space, uint32_t n);
int space_restore(struct space *space, const struct entry *like, struct entry **entryp);
bool space_slots_are_sane(const struct space *space);
void space_remove(struct entry *entry);
void space_bury(struct entry *entry);
int space_rename(struct entry *entry, port_name_t name);

#endif
