/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper-state: what portd's keeper of nodes has, on a tape, for the portd that replaces
 * this one: nodes, mounts, translators that serve, names and services. Settings come from
 * the tape, too; the store is opened anew and only written. */
#ifndef PORTD_KEEPER_STATE_H
#define PORTD_KEEPER_STATE_H

#include <stdbool.h>

struct incarnation;
struct keeper;
struct mount;
struct node;
struct state;
struct tape;
struct text;
struct translog;

/* Whether everything is at rest: what is under way (a change, a start, a helper) is in no
 * state. False with one line. */
bool keeper_is_at_rest(const struct keeper *keeper, struct text *why);
/* Only at rest, after state_put. */
void keeper_put(struct tape *tape, const struct keeper *keeper);
/* Into a keeper that keeper_open has made. False: it makes no sense. */
bool keeper_get(struct state *state, struct keeper *keeper);
/* After state_resume: watches, starts what waits. */
void keeper_resume(struct keeper *keeper);

/* Parts of it, which outlive a crash, too (deposit.h). A node without its mount and what runs,
 * and without what the store has (stored: with that); getting comes after its path, which
 * is put first. A mount: NULL when there is none. A process: into an incarnation_new. */
void keeper_put_node(struct tape *tape, const struct node *node, bool stored);
bool keeper_get_node(struct tape *tape, struct node *node);
void keeper_put_mount(struct tape *tape, const struct mount *mount);
bool keeper_get_mount(struct tape *tape, struct keeper *keeper, struct mount **mountp);
void keeper_put_process(struct tape *tape, const struct incarnation *inc);
bool keeper_get_process(struct tape *tape, struct incarnation *inc);
void keeper_put_log(struct tape *tape, const struct translog *log);
struct translog *keeper_get_log(struct tape *tape);

#endif
