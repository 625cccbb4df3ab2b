/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups: a control group of its own for each translator, where the one that portd was started in
 * is portd's to divide.
 *
 * Nothing may be in a group that is divided: so portd and its holder move into one beside those of
 * the translators, and move back at the end. A group that has others in it is left alone. */
#ifndef PORTD_GROUPS_H
#define PORTD_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

struct confine_report;
struct groups;
struct incarnation;
struct keeper;

/* Divides the group, and removes what a dead portd left in it. What stands in the way is no
 * error. NULL: no memory. */
struct groups *groups_new(struct keeper *keeper);
/* Gives the group back as it was, unless portd goes on in another process. NULL is harmless. */
void groups_free(struct groups *groups);
/* Makes a group for a translator to be started in, with what the report limits otherwise; its
 * name becomes inc->group, and the report says what is in force. The directory; NULL: it gets none.
 * Valid until the next call. */
const char *groups_make(struct groups *groups, struct incarnation *inc);
/* Kills what is in it. */
void groups_kill(struct groups *groups, const struct incarnation *inc);
/* Whether its memory ran out. */
bool groups_ran_out(struct groups *groups, const struct incarnation *inc);
/* Its process has ended: so does the rest, and the group. False: something in it still lives; ask
 * again, or leave it to us. */
bool groups_end(struct groups *groups, struct incarnation *inc);

#endif
