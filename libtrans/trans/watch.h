/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: notices that a file which an option names is no longer what it was. */
#ifndef TRANS_WATCH_H
#define TRANS_WATCH_H

#include <stdbool.h>

#include "trans/option.h"

int watch_open(const struct option_set *options);
void watch_close(void);
int watch_fd(void);
void watch_drain(void);
bool watch_is_stale(void);

#endif
