/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blame: what the recovery memory says about a death. A translator that dies again and again
 * over the same request, or before it has taken any, will do so for ever; one that got on with its
 * work in between met something else, and has another try.
 *
 * The memory is the translator's. By a lie it gets itself started more often. */
#ifndef PORTD_BLAME_H
#define PORTD_BLAME_H

#include <stdbool.h>

/* An incarnation is about to get this memory. */
void blame_begin(int recovery);
/* It has died: how many did before it over one of the requests that it had under way. False: it
 * had not taken any request yet. */
bool blame_deaths(int recovery, unsigned *beforep);

#endif
