/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-name: directory entries, found by name and in the order in which they were made. */
#ifndef TMPFS_NAME_H
#define TMPFS_NAME_H

#include "translators/tmpfs-region.h"

struct name {
	const char *text;
	size_t length;
};

/* Takes one entry of a listing; other than 0: it did not fit. */
typedef int name_list_fn(void *argument, const struct entry *entry);

uint32_t name_find(const struct store *store, uint32_t dir, struct name name);
int name_reserve(struct store *store, uint32_t dir, struct name name, uint32_t *slotp);
void name_insert(struct store *store, uint32_t slot);
void name_remove(struct store *store, uint32_t slot);
void name_list(const struct store *store, uint32_t dir, uint64_t after, name_list_fn *fn,
    void *argument);
int name_claim_page(struct store *store, uint32_t page);
int name_claim_end(struct store *store);
int name_dir_new(struct store *store, uint32_t index);
void name_dir_free(struct store *store, uint32_t index);

#endif
