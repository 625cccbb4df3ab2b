/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper-state: what portd's keeper of nodes has, on a tape, for the portd that replaces
 * this one: nodes, mounts, translators that serve, names and services. Settings come from
 * the tape, too; the store is opened anew and only written. */
#ifndef PORTD_KEEPER_STATE_H
#define PORTD_KEEPER_STATE_H

#include <stdbool.h>

struct keeper;
struct state;
struct tape;
struct text;

/* Whether everything is at rest: what is under way (a change, a start, a helper) is in no
 * state. False with one line. */
bool keeper_is_at_rest(const struct keeper *keeper, struct text *why);
/* Only at rest, after state_put. */
void keeper_put(struct tape *tape, const struct keeper *keeper);
/* Into a keeper that keeper_open has made. False: it makes no sense. */
bool keeper_get(struct state *state, struct keeper *keeper);
/* After state_resume: watches, starts what waits. */
void keeper_resume(struct keeper *keeper);

#endif
