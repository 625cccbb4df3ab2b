/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-page: which pages of the region are in use.
 *
 * The region does not say so: a page is in use when something refers to it. So a page is taken
 * before it is referred to, and given back after it is not, and a process
 * that dies between the two has lost nothing. */
#include "translators/tmpfs-page.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
	BITS = 64,
	/* From here on the memory of pages that are free is worth a system call. */
	RETURN_MIN = 256,
};

/* Whether `page` is one that can be taken. */
bool
page_is_valid(const struct store *store, uint32_t page)
{
	return page >= store->page_first && page < store->page_end;
}

/* Whether it has been taken or claimed; it is valid. */
bool
page_is_used(const struct store *store, uint32_t page)
{
	return store->used[page / BITS] >> (page % BITS) & 1;
}

static void
set_used(struct store *store, uint32_t page)
{
	store->used[page / BITS] |= UINT64_C(1) << (page % BITS);
	store->n_used++;
}

/* Notes that what was found in the region refers to `page`. -EUCLEAN: that cannot be, or
 * something else does, too. */
int
page_claim(struct store *store, uint32_t page)
{
	if (!page_is_valid(store, page) || page_is_used(store, page))
		return -EUCLEAN;
	set_used(store, page);
	return 0;
}

/* The next free page from the cursor on; there is one. */
static uint32_t
find_free(struct store *store)
{
	uint32_t n_words = (store->page_end + BITS - 1) / BITS;
	uint32_t word = store->cursor / BITS;
	uint64_t free = ~store->used[word] & ~UINT64_C(0) << (store->cursor % BITS);

	while (free == 0) {
		word = word + 1 == n_words ? 0 : word + 1;
		free = ~store->used[word];
	}
	return word * BITS + (uint32_t)__builtin_ctzll(free);
}

/* A page with anything in it; 0: none is left, or the limit is reached. */
uint32_t
page_take(struct store *store)
{
	uint32_t page;

	if (store->n_used >= store->limit)
		return 0;
	page = find_free(store);
	set_used(store, page);
	store->cursor = page + 1 == store->page_end ? store->page_first : page + 1;
	return page;
}

/* Likewise, all zero. */
uint32_t
page_take_zeroed(struct store *store)
{
	uint32_t page = page_take(store);

	if (page != 0)
		memset(page_at(store, page), 0, REGION_PAGE);
	return page;
}

/* Gives a page back to which nothing refers any more. page_settle has to follow
 * before another is taken. */
void
page_give(struct store *store, uint32_t page)
{
	store->used[page / BITS] &= ~(UINT64_C(1) << (page % BITS));
	store->n_used--;
	if (page != store->run_end) {
		page_settle(store);
		store->run_first = page;
	}
	store->run_end = page + 1;
}

/* Gives the memory of many free pages in a row back to the machine. That this may fail,
 * where the region is of another kind, harms nobody: they are free all the same. */
void
page_settle(struct store *store)
{
	uint32_t n = store->run_end - store->run_first;

	if (n >= RETURN_MIN)
		madvise(page_at(store, store->run_first), (size_t)n * REGION_PAGE, MADV_REMOVE);
	store->run_first = store->run_end = 0;
}

/* All pages are free and start with the first again. What cannot be taken is marked
 * as used, without being counted. */
void
page_forget_all(struct store *store)
{
	memset(store->used, 0xff, (store->page_end + BITS - 1) / BITS * sizeof(*store->used));
	for (uint32_t page = store->page_first; page < store->page_end; page++)
		store->used[page / BITS] &= ~(UINT64_C(1) << (page % BITS));
	store->n_used = 0;
	store->cursor = store->page_first;
	store->run_first = store->run_end = 0;
}
