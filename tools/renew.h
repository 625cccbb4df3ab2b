/* SPDX-License-Identifier: GPL-2.0-or-later */
/* renew: running translators are replaced by their successors, or cut off from those who wait. */
#ifndef TOOLS_RENEW_H
#define TOOLS_RENEW_H

#include <stdbool.h>

#include "base/text.h"
#include "tools/record.h"

/* Whether what runs was started from another program than the one that is there now. */
bool renew_is_outdated(const struct record *record);

/* Each returns 0, or an exit status of settrans with one line in *why. path: canonical. */
int renew_restart(const char *path, struct text *why);
int renew_abort(const char *path, struct text *why);
/* All that run, or those that are outdated; says on standard error which could not be. */
int renew_restart_all(bool only_outdated, struct text *why);

#endif
