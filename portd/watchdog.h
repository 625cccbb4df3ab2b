/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog: finds translators that are stuck, and kills them: their successors get the
 * requests again.
 *
 * One that has work to do is asked by fsys_ping, which a thread of its library answers whatever
 * its callbacks do. It is stuck when it has work, and either does not answer that within the
 * node's deadline, or has been at the same thing for as long without reporting progress. Time
 * in which portd itself did not run (stopped, frozen, suspended) counts for nobody. */
#ifndef PORTD_WATCHDOG_H
#define PORTD_WATCHDOG_H

struct incarnation;
struct keeper;
struct message;
struct watchdog;

/* Pings no translator until watchdog_begin. NULL: no memory. */
struct watchdog *watchdog_new(struct keeper *keeper);
void watchdog_free(struct watchdog *watchdog);
/* A translator serves. */
void watchdog_begin(struct watchdog *watchdog);
/* The answer to a ping. */
void watchdog_answer(struct incarnation *inc, struct message *message);

#endif
