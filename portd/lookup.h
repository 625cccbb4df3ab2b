/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup: the way from a descriptor to the right to a translator's node.
 *
 * portd proves what the descriptor is and what it is open for, and passes the question on to the
 * translator, which answers whoever asked. */
#ifndef PORTD_LOOKUP_H
#define PORTD_LOOKUP_H

#include <stdbool.h>

struct incarnation;
struct keeper;
struct message;
struct mount;
struct node;

/* Serves a request of the lookup interface; asker: the translator that sent it to its bootstrap
 * right, NULL: one who came to the keeper's. False: it is none. The message stays the caller's. */
bool lookup_serve(struct keeper *keeper, struct incarnation *asker, struct message *message);
/* The node's translator serves: it gets what waited for it. */
void lookup_go_on(struct node *node);
/* It will not. */
void lookup_fail(struct node *node, int code, const char *why);
/* This mount has come, or goes: whoever serves what it covers hears of it. */
void lookup_covers(struct keeper *keeper, struct mount *mount);

#endif
