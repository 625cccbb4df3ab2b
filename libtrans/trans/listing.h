/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listing: whether files in a listing come with their attributes. */
#ifndef TRANS_LISTING_H
#define TRANS_LISTING_H

#include <stdbool.h>
#include <sys/types.h>

#include "trans/trans.h"

/* All of it: main thread. */
bool listing_is_plain(trans_node_t dir, off_t offset);
void listing_looked_up(void);
void listing_deinit(void);

#endif
