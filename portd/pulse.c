/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pulse: see pulse.h. */
#include "portd/pulse.h"

bool
pulse_take(struct pulse *pulse, uint64_t oldest, uint64_t moved, int64_t now, int64_t deadline_ms)
{
	pulse->asked_at = 0;
	if (oldest != 0 && oldest == pulse->oldest && moved == pulse->moved)
		return now - pulse->since >= deadline_ms;
	pulse->oldest = oldest;
	pulse->moved = moved;
	pulse->since = now;
	return false;
}

bool
pulse_is_late(struct pulse *pulse, bool works, int64_t now, int64_t deadline_ms)
{
	if (pulse->asked_at != 0 && !works)
		pulse->asked_at = now;	/* nobody waits for it */
	return pulse->asked_at != 0 && now - pulse->asked_at >= deadline_ms;
}

void
pulse_forgive(struct pulse *pulse, int64_t now)
{
	if (pulse->asked_at != 0)
		pulse->asked_at = now;
	pulse->since = now;
}
