/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backoff: how long a node rests whose translator has failed too often: twice as long each time. */
#ifndef PORTD_BACKOFF_H
#define PORTD_BACKOFF_H

enum {
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 60 * 1000,
	BACKOFF_RESTS_MAX = 7,	/* more of them are not counted: they are no longer */
};

/* How long the next rest is, after so many in a row; counts it. */
unsigned backoff_next(unsigned *restsp);

#endif
