/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pulse: finds translators that are stuck, and has them killed: their successors get the
 * requests again.
 *
 * One that has work to do is asked by fsys_ping, which a thread of its library answers whatever
 * its callbacks do. It is stuck when it has work, and either does not answer that within the
 * node's deadline, or has been at the same thing for as long without reporting progress. Time
 * in which portd itself did not run (stopped, frozen, suspended) counts for nobody. */
#ifndef PORTD_PULSE_H
#define PORTD_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct incarnation;
struct keeper;
struct message;
struct pulses;

/* Of one incarnation. Times are those of sys_now_ms. */
struct pulse {
	int64_t asked_at;	/* 0: no ping is under way */
	uint64_t oldest;	/* as it said last; 0: it is at nothing */
	uint64_t moved;
	int64_t since;		/* when it said that first */
};

/* Pings no translator until pulse_begin. NULL: no memory. */
struct pulses *pulse_new(struct keeper *keeper);
void pulse_free(struct pulses *pulses);
/* A translator serves. */
void pulse_begin(struct pulses *pulses);
/* The answer to a ping. */
void pulse_answer(struct incarnation *inc, struct message *message);

/* What the answer means: whether it has been at the same thing for so long. */
bool pulse_take(struct pulse *pulse, uint64_t oldest, uint64_t moved, int64_t now,
    int64_t deadline_ms);
/* Whether an unanswered ping is too old. works: it has something to do. */
bool pulse_is_late(struct pulse *pulse, bool works, int64_t now, int64_t deadline_ms);

#endif
