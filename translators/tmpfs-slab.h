/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-slab: room for directory entries: pages of slots of one length. */
#ifndef TMPFS_SLAB_H
#define TMPFS_SLAB_H

#include "translators/tmpfs-region.h"

/* Takes a slot that is in use. 0, or -errno. */
typedef int slab_claim_fn(struct store *store, uint32_t slot);

uint32_t slab_take(struct store *store, size_t length);
void slab_give(struct store *store, uint32_t slot);
int slab_claim_page(struct store *store, uint32_t page, slab_claim_fn *claim);
size_t slab_name_max(const struct store *store, uint32_t slot);

#endif
