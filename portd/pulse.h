/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pulse: whether a translator moves, judged by what it answers to pings. */
#ifndef PORTD_PULSE_H
#define PORTD_PULSE_H

#include <stdbool.h>
#include <stdint.h>

/* Of one incarnation. Times are those of sys_now_ms. */
struct pulse {
	int64_t asked_at;	/* 0: no ping is under way */
	uint64_t oldest;	/* as it said last; 0: it is at nothing */
	uint64_t moved;
	int64_t since;		/* when it said that first */
};

/* What an answer means: whether it has been at the same thing for so long. */
bool pulse_take(struct pulse *pulse, uint64_t oldest, uint64_t moved, int64_t now,
    int64_t deadline_ms);
/* Whether an unanswered ping is too old. works: it has something to do. */
bool pulse_is_late(struct pulse *pulse, bool works, int64_t now, int64_t deadline_ms);
/* Time has passed that does not count. */
void pulse_forgive(struct pulse *pulse, int64_t now);

#endif
