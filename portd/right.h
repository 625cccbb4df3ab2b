/* SPDX-License-Identifier: GPL-2.0-or-later */
/* right: a capability outside of any table: in a message, in a registration,
 * or held by portd's own keeper. Every rule on rights is in right.c. */
#ifndef PORTD_RIGHT_H
#define PORTD_RIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codes.h"

struct entry;
struct list;
struct port;
struct space;

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

/* For portd's keeper ------------------------------------------------------ */

/* Of a port whose receive right portd's keeper holds. */
struct right right_make_send(struct port *port);
struct right right_make_send_once(struct port *port);
struct right right_copy_send(const struct right *right);	/* NULL right when it is no live send right */
/* Releases it with all that follows: no-senders, send-once, port death. */
void right_release(struct right right);
/* A right whose port died meanwhile reads as dead. */
bool right_is_live(const struct right *right);

/* For the rights core ----------------------------------------------------- */

/* The keeper's rights are counted apart, so that world_check can account for
 * every right there is: lend gives one to the keeper, reclaim takes it back. */
void right_lend(const struct right *right);
void right_reclaim(const struct right *right);

/* Releases a right of the core's: in no table, not lent. */
void right_drop(struct right right);
/* A destination that has served: nothing is owed for a send-once right. */
void right_consume(struct right right);
struct right right_copy(const struct right *right);
/* Turns the right of a port that died into RIGHT_DEAD. */
struct right right_normal(struct right right);

/* Out of a table by a disposition, and into one. */
bool right_disposition_is_valid(uint32_t disposition);
uint32_t right_disposition_received(uint32_t disposition);
int right_take(struct space *space, port_name_t name, uint32_t disposition, struct right *rightp);
int right_take_by_call(
    struct space *space, port_name_t name, uint32_t disposition, struct right *rightp);
int right_enter(struct space *space, struct right right, port_name_t *namep);
int right_insert(struct space *space, port_name_t name, struct right right);

/* The two rights of a message's header, all or nothing. */
struct right_header {
	port_name_t remote;
	uint32_t remote_disposition;
	port_name_t local;
	uint32_t local_disposition;
};

int right_check_header(struct space *space, const struct right_header *header, struct port **destp);
void right_take_header(struct space *space, const struct right_header *header,
    struct right *destp, struct right *replyp);

/* The calls on one name. */
int right_deallocate(struct space *space, port_name_t name);
int right_destroy(struct space *space, port_name_t name);
int right_mod_refs(struct space *space, port_name_t name, uint32_t kind, int32_t delta);
int right_destruct(struct space *space, port_name_t name, int32_t delta, uint64_t guard);
int right_get_refs(struct space *space, port_name_t name, uint32_t kind, uint32_t *urefsp);
int right_type(struct space *space, port_name_t name, uint32_t *typep);
uint32_t right_entry_type(const struct entry *entry);
bool right_is_guarded(const struct entry *entry);
/* Of the send-possible request on a name: armed when a sender found no room. */
void right_arm(struct entry *entry);
void right_disarm(struct entry *entry);

/* Everything a name denotes, as destroy does. */
void right_destroy_entry(struct entry *entry);
/* The port of an entry died: what the entry becomes. Words to whoever asked
 * go to the list of farewells. */
void right_entry_died(struct entry *entry, struct list *farewells);

#endif
