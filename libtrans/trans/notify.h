/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify: tells the kernel what to forget, from a thread of its own. */
#ifndef TRANS_NOTIFY_H
#define TRANS_NOTIFY_H

#include <stdbool.h>

#include "trans/trans.h"

int notify_node(trans_node_t node);
void notify_name(trans_node_t dir, const char *name);
void notify_root_names(void);
int notify_then(void (*done)(void *argument), void *argument);
bool notify_is_quiet(void);
bool notify_stop(void);

#endif
