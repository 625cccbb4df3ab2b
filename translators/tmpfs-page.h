/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-page: which pages of the region are in use. */
#ifndef TMPFS_PAGE_H
#define TMPFS_PAGE_H

#include "translators/tmpfs-region.h"

bool page_is_valid(const struct store *store, uint32_t page);
bool page_is_used(const struct store *store, uint32_t page);
int page_claim(struct store *store, uint32_t page);
uint32_t page_take(struct store *store);
uint32_t page_take_zeroed(struct store *store);
void page_give(struct store *store, uint32_t page);
void page_settle(struct store *store);
void page_forget_all(struct store *store);

#endif
