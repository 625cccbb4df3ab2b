/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-slab: room for directory entries: pages of slots of one length.
 *
 * `kinds` says of each page whether it has entries, and how long its slots are. A slot is in
 * use when its child is not 0; so taking one means to find it, and it becomes used
 * by the operation that sets its child. */
#include "translators/tmpfs-slab.h"

#include <errno.h>
#include <string.h>

#include "translators/tmpfs-page.h"

enum { BITS = 64 };

/* Bytes of a slot, by kind: most names are short, and any name has to fit. */
static const size_t slot_sizes[ENTRY_KINDS + 1] = { 0, 48, 96, 288 };

static uint32_t
page_of(uint32_t slot)
{
	return slot / (REGION_PAGE / SLOT_UNIT);
}

static size_t
name_max(int kind)
{
	return slot_sizes[kind] - offsetof(struct entry, name);
}

static uint32_t
n_slots(int kind)
{
	return (uint32_t)(REGION_PAGE / slot_sizes[kind]);
}

static uint32_t
slot_at(uint32_t page, int kind, uint32_t i)
{
	return (uint32_t)(page * (REGION_PAGE / SLOT_UNIT) + i * (slot_sizes[kind] / SLOT_UNIT));
}

/* How long the name in a slot can be. */
size_t
slab_name_max(const struct store *store, uint32_t slot)
{
	return name_max(store->kinds[page_of(slot)]);
}

/* The pages of a kind that have a free slot are a list. */
static void
link_slab(struct store *store, uint32_t page)
{
	uint32_t *first = &store->open_slabs[store->kinds[page]];

	store->slabs[page].prev = 0;
	store->slabs[page].next = *first;
	if (*first != 0)
		store->slabs[*first].prev = page;
	*first = page;
}

static void
unlink_slab(struct store *store, uint32_t page)
{
	struct slab *slab = &store->slabs[page];

	if (slab->prev != 0)
		store->slabs[slab->prev].next = slab->next;
	else
		store->open_slabs[store->kinds[page]] = slab->next;
	if (slab->next != 0)
		store->slabs[slab->next].prev = slab->prev;
}

static void
set_all_free(struct slab *slab, uint32_t n)
{
	slab->n_used = 0;
	slab->free[0] = n >= BITS ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
	slab->free[1] = n > BITS ? (UINT64_C(1) << (n - BITS)) - 1 : 0;
}

static void
set_slot_used(struct slab *slab, uint32_t i)
{
	slab->free[i / BITS] &= ~(UINT64_C(1) << (i % BITS));
	slab->n_used++;
}

static uint32_t
new_slab(struct store *store, int kind)
{
	uint32_t page = page_take_zeroed(store);

	if (page == 0)
		return 0;
	set_all_free(&store->slabs[page], n_slots(kind));
	PUT(store->kinds[page], (uint8_t)kind);
	link_slab(store, page);
	return page;
}

/* Gives back a page without any entry, which is in the list of its kind. */
static void
give_slab(struct store *store, uint32_t page)
{
	unlink_slab(store, page);
	PUT(store->kinds[page], 0);
	page_give(store, page);
	page_settle(store);
}

/* A slot for a name of `length` bytes; 0: there is no room. */
uint32_t
slab_take(struct store *store, size_t length)
{
	struct slab *slab;
	uint32_t page, i;
	int kind = 1;

	while (name_max(kind) < length)
		kind++;
	page = store->open_slabs[kind];
	if (page == 0)
		page = new_slab(store, kind);
	if (page == 0)
		return 0;
	slab = &store->slabs[page];
	i = slab->free[0] ? (uint32_t)__builtin_ctzll(slab->free[0]) :
	    BITS + (uint32_t)__builtin_ctzll(slab->free[1]);
	set_slot_used(slab, i);
	if (slab->n_used == n_slots(kind))
		unlink_slab(store, page);
	return slot_at(page, kind, i);
}

/* Gives a slot back that is in use no more; a page without any is free. */
void
slab_give(struct store *store, uint32_t slot)
{
	uint32_t page = page_of(slot);
	struct slab *slab = &store->slabs[page];
	int kind = store->kinds[page];
	uint32_t i = (slot - slot_at(page, kind, 0)) / (uint32_t)(slot_sizes[kind] / SLOT_UNIT);

	if (slab->n_used == n_slots(kind))
		link_slab(store, page);
	slab->free[i / BITS] |= UINT64_C(1) << (i % BITS);
	if (--slab->n_used == 0)
		give_slab(store, page);
}

/* Takes over a page of entries that was found in the region. 0, -EUCLEAN, or what claim
 * says. */
int
slab_claim_page(struct store *store, uint32_t page, slab_claim_fn *claim)
{
	struct slab *slab = &store->slabs[page];
	int kind = store->kinds[page], err;

	if (kind > ENTRY_KINDS)
		return -EUCLEAN;
	err = page_claim(store, page);
	if (err < 0)
		return err;
	set_all_free(slab, n_slots(kind));
	for (uint32_t i = 0; i < n_slots(kind) && err == 0; i++) {
		if (entry_at(store, slot_at(page, kind, i))->child == 0)
			continue;
		set_slot_used(slab, i);
		err = claim(store, slot_at(page, kind, i));
	}
	if (err < 0 || slab->n_used == n_slots(kind))
		return err;
	link_slab(store, page);
	if (slab->n_used == 0)
		give_slab(store, page);
	return 0;
}
