/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backoff: 1, 2, 4 ... 60 seconds. */
#include "portd/backoff.h"

unsigned
backoff_next(unsigned *restsp)
{
	unsigned wait = BACKOFF_MIN_MS << *restsp;

	if (*restsp < BACKOFF_RESTS_MAX)
		++*restsp;
	return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}
