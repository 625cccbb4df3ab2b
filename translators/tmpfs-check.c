/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-check: from a region to a store, whatever is in the region.
 *
 * What a predecessor left is walked through as a whole before any of it is believed: it may
 * have been broken, or hostile. Each page and each entry is met once, so that the walk
 * ends; every number is compared with what it can be. What the operations rely on
 * afterwards is all checked from here, and nowhere else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "translators/tmpfs-file.h"
#include "translators/tmpfs-inode.h"
#include "translators/tmpfs-name.h"
#include "translators/tmpfs-page.h"
#include "translators/tmpfs-region.h"
#include "translators/tmpfs-store.h"

enum {
	INODES_A_PAGE = 4,	/* of the region: an eighth of it is for inodes */
};
#define REGION_SIZE_MAX (UINT64_C(1) << 34)
#define SEQ_MAX (UINT64_C(1) << 60)

/* The places in the region, by its size alone. */
static int
lay_out(struct store *store, void *memory, size_t size)
{
	size_t skip = -(uintptr_t)memory % REGION_PAGE;
	uint32_t n_pages, kind_pages, inode_pages;

	if (size < REGION_SIZE_MIN + skip)
		return -ENOMEM;
	size -= skip;
	if (size > REGION_SIZE_MAX)
		size = REGION_SIZE_MAX;
	n_pages = (uint32_t)(size / REGION_PAGE);
	kind_pages = (n_pages + REGION_PAGE - 1) / REGION_PAGE;
	store->inode_max = n_pages * INODES_A_PAGE;
	inode_pages = (uint32_t)((store->inode_max * sizeof(struct inode) + REGION_PAGE - 1) /
	    REGION_PAGE);
	store->base = (char *)memory + skip;
	store->size = (size_t)n_pages * REGION_PAGE;
	store->head = (struct head *)store->base;
	store->kinds = page_at(store, 1);
	store->inodes = page_at(store, 1 + kind_pages);
	store->page_first = 1 + kind_pages + inode_pages;
	store->page_end = n_pages;
	return 0;
}

static int
make_indexes(struct store *store)
{
	store->used = calloc(store->page_end / 64 + 1, sizeof(*store->used));
	store->free_inodes = malloc(store->inode_max * sizeof(*store->free_inodes));
	store->dirs = calloc(store->inode_max, sizeof(*store->dirs));
	store->slabs = calloc(store->page_end, sizeof(*store->slabs));
	return store->used && store->free_inodes && store->dirs && store->slabs ? 0 : -ENOMEM;
}

static void
forget_all(struct store *store)
{
	for (uint32_t index = 0; index < store->inode_max; index++)
		name_dir_free(store, index);
	free(store->buckets);
	store->buckets = NULL;
	store->n_entries = 0;
	store->n_free_inodes = 0;
	memset(store->open_slabs, 0, sizeof(store->open_slabs));
	page_forget_all(store);
}

/* Checking ----------------------------------------------------------------------- */

static int
claim_entries(struct store *store)
{
	int err = 0;

	for (uint32_t page = 0; page < store->page_end && err == 0; page++)
		if (store->kinds[page] != 0)
			err = name_claim_page(store, page);
	return err == 0 ? name_claim_end(store) : err;
}

/* Follows the entries of a directory to what they name. */
static int
count_children(struct store *store, uint32_t index, uint32_t *n_links)
{
	struct dir *dir = store->dirs[index], *below;

	for (uint32_t i = 0; i < dir->n_items; i++) {
		uint32_t child = entry_at(store, dir->items[i].slot)->child;

		if (child <= INODE_ROOT || child >= store->head->n_inodes ||
		    inode_at(store, child)->mode == 0)
			return -EUCLEAN;
		n_links[child]++;
		below = store->dirs[child];
		if (below && below->parent != 0)
			return -EUCLEAN;
		if (below) {
			below->parent = index;
			dir->n_subdirs++;
		}
	}
	return 0;
}

/* Whether an inode has the names that it says, and whether it may be there without. */
static bool
is_kept(const struct store *store, uint32_t index, uint32_t n_links)
{
	const struct inode *inode = inode_at(store, index);
	const struct dir *dir = store->dirs[index];

	if (inode->n_links != n_links)
		return false;
	return n_links > 0 || (inode->is_open && (!dir || dir->n_entries == 0));
}

/* Whether every directory leads up to one that has no parent. `marks` is zero. */
static bool
is_tree(const struct store *store, uint32_t *marks)
{
	for (uint32_t index = INODE_ROOT; index < store->head->n_inodes; index++) {
		uint32_t up = store->dirs[index] ? index : 0;

		while (up != 0 && marks[up] == 0) {
			marks[up] = index;
			up = store->dirs[up]->parent;
		}
		if (up != 0 && marks[up] == index)
			return false;
	}
	return true;
}

static int
check_links(struct store *store)
{
	uint32_t n = store->head->n_inodes;
	uint32_t *n_links = calloc(n, sizeof(*n_links));
	int err = n_links ? 0 : -ENOMEM;

	for (uint32_t index = INODE_ROOT; index < n && err == 0; index++)
		if (store->dirs[index])
			err = count_children(store, index, n_links);
	if (err == 0)
		n_links[INODE_ROOT] = 1;
	for (uint32_t index = INODE_ROOT; index < n && err == 0; index++)
		if (inode_at(store, index)->mode != 0 && !is_kept(store, index, n_links[index]))
			err = -EUCLEAN;
	if (err == 0) {
		memset(n_links, 0, n * sizeof(*n_links));
		err = is_tree(store, n_links) ? 0 : -EUCLEAN;
	}
	free(n_links);
	return err;
}

/* Ends the write or truncate that a predecessor was at. */
static void
settle_busy(struct store *store)
{
	uint32_t busy = store->head->busy;

	if (busy != 0 && S_ISREG(inode_at(store, busy)->mode))
		file_cut(store, inode_at(store, busy));
	PUT(store->head->busy, 0);
}

/* Makes everything of ours from what is in the region. 0, -EUCLEAN or -ENOMEM. */
static int
load(struct store *store)
{
	const struct head *head = store->head;
	int err;

	if (head->magic != REGION_MAGIC || head->version != REGION_VERSION ||
	    head->size != store->size || head->n_inodes <= INODE_ROOT ||
	    head->n_inodes > store->inode_max || head->busy >= head->n_inodes ||
	    head->next_seq > SEQ_MAX)
		return -EUCLEAN;
	forget_all(store);
	err = undo_replay(store);
	if (err == 0)
		err = inode_claim_all(store);
	if (err == 0)
		err = claim_entries(store);
	if (err == 0)
		err = check_links(store);
	if (err == 0)
		settle_busy(store);
	return err;
}

/* Starting anew ------------------------------------------------------------------- */

static void
format(struct store *store, const struct store_setup *setup)
{
	struct head *head = store->head;
	const struct timespec *now = &setup->now;
	uint32_t nsec = (uint32_t)now->tv_nsec;

	/* The memory of what was there goes back to the machine, where that can be. */
	if (head->magic != 0)
		madvise(store->inodes, (size_t)(store->base + store->size - (char *)store->inodes),
		    MADV_REMOVE);
	PUT(head->magic, 0);
	memset(store->kinds, 0, store->page_end);
	*inode_at(store, INODE_ROOT) = (struct inode){
		.mode = S_IFDIR | (setup->mode & 07777), .n_links = 1,
		.uid = setup->uid, .gid = setup->gid,
		.atime = now->tv_sec, .mtime = now->tv_sec, .ctime = now->tv_sec,
		.atime_ns = nsec, .mtime_ns = nsec, .ctime_ns = nsec,
	};
	*head = (struct head){
		.size = store->size, .version = REGION_VERSION, .n_inodes = INODE_ROOT + 1,
		.next_seq = 1, .seed = setup->seed,
	};
	PUT(head->magic, REGION_MAGIC);
}

static int
take_over(struct store *store, const struct store_setup *setup, enum store_origin *originp)
{
	bool was_new = store->head->magic == 0;
	int err = was_new ? -EUCLEAN : load(store);

	*originp = err == 0 ? STORE_KEPT : was_new ? STORE_NEW : STORE_REFUSED;
	if (err != -EUCLEAN)
		return err;
	format(store, setup);
	return load(store);
}

/* A store on `memory`, which is as the last one left it, or zero at first, and stays the
 * caller's. 0; -ENOMEM, also when it is too small. */
int
store_new(void *memory, size_t size, const struct store_setup *setup, enum store_origin *originp,
    struct store **storep)
{
	struct store *store = calloc(1, sizeof(*store));
	int err = store ? lay_out(store, memory, size) : -ENOMEM;

	if (err == 0)
		err = make_indexes(store);
	if (err == 0)
		err = take_over(store, setup, originp);
	if (err < 0) {
		store_free(store);
		return err;
	}
	store_set_limit(store, setup->limit);
	*storep = store;
	return 0;
}

/* The region stays as it is. Harmless with NULL. */
void
store_free(struct store *store)
{
	if (!store)
		return;
	for (uint32_t index = 0; store->dirs && index < store->inode_max; index++)
		name_dir_free(store, index);
	free(store->buckets);
	free(store->used);
	free(store->free_inodes);
	free(store->dirs);
	free(store->slabs);
	free(store);
}

/* How many bytes the limit can be at most. */
uint64_t
store_capacity(const struct store *store)
{
	return (uint64_t)(store->page_end - store->page_first) * REGION_PAGE;
}

/* What is there beyond the limit stays. */
void
store_set_limit(struct store *store, uint64_t limit)
{
	uint64_t capacity = store_capacity(store);

	store->limit = (uint32_t)((limit < capacity ? limit : capacity) / REGION_PAGE);
}
