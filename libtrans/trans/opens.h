/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* opens: how many files are open, and how often each, in recovery memory. Main thread. */
#ifndef TRANS_OPENS_H
#define TRANS_OPENS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/recovery.h"

/* Table entries that a kill leaves half-changed are brought to an end. */
void opens_open(void);
/* One more (1) or fewer (-1) of this node, once for this request, however often it is
 * delivered; slot may be NULL. node 0: only all together are counted. Returns how many of
 * the node are left, UINT32_MAX when nobody knows. */
uint32_t opens_change(struct recovery_slot *slot, uint64_t node, int delta);
/* It was counted for this request, and is none after all. */
void opens_undo(struct recovery_slot *slot);

#endif
