/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-file: the content of an inode, as pages beneath its slots.
 *
 * Each of the inode's slots is a tree of `height` levels of pages of page numbers, with
 * content at the bottom; 0 anywhere is a hole. Beyond the end of a file there are only
 * zeros: to the end of its last page, and in pages that were asked for before they are needed. While
 * content is changed this may not be so: `head.busy` says of which inode, and a successor drops
 * all beyond its end.
 *
 * A page is filled before it is referred to, by one store. Nothing of this is undone:
 * a write that was not answered is made again. */
#include "translators/tmpfs-file.h"

#include <errno.h>
#include <string.h>

#include "translators/tmpfs-page.h"

enum {
	TREE_WIDTH = 1 << TREE_SHIFT,
};

/* How many pages `size` bytes begin. */
static uint64_t
pages_of(uint64_t size)
{
	return (size + REGION_PAGE - 1) / REGION_PAGE;
}

static uint64_t
tree_pages(uint32_t height)
{
	return UINT64_C(1) << (height * TREE_SHIFT);
}

static bool
is_empty(const struct inode *inode)
{
	for (int i = 0; i < INODE_SLOTS; i++)
		if (inode->slots[i] != 0)
			return false;
	return true;
}

/* Puts one more level between the inode and its trees. */
static int
raise_tree(struct store *store, struct inode *inode)
{
	uint32_t page;

	if (is_empty(inode)) {
		PUT(inode->height, inode->height + 1);
		return 0;
	}
	page = page_take_zeroed(store);
	if (page == 0)
		return -ENOSPC;
	memcpy(page_at(store, page), inode->slots, sizeof(inode->slots));
	CHANGE(store, inode->slots[0], page);
	for (int i = 1; i < INODE_SLOTS; i++)
		CHANGE(store, inode->slots[i], 0);
	CHANGE(store, inode->height, inode->height + 1);
	undo_commit(store);
	inode->n_pages++;
	return 0;
}

/* Where the number of content page `index` stands, and how many of those after it stand
 * behind it (with it, *n_p). NULL: in a hole, *n_p pages of it from here on at least. */
static uint32_t *
find_slot(const struct store *store, const struct inode *inode, uint64_t index, uint64_t *n_p)
{
	uint32_t height = inode->height;
	uint64_t top = index >> (height * TREE_SHIFT);
	uint32_t *slot;

	if (top >= INODE_SLOTS) {
		*n_p = UINT64_MAX;
		return NULL;
	}
	slot = (uint32_t *)&inode->slots[top];
	*n_p = height == 0 ? INODE_SLOTS - top : tree_pages(height) - index % tree_pages(height);
	while (height > 0) {
		if (*slot == 0)
			return NULL;
		height--;
		slot = (uint32_t *)page_at(store, *slot) +
		    (index >> (height * TREE_SHIFT)) % TREE_WIDTH;
		*n_p = height == 0 ? TREE_WIDTH - index % TREE_WIDTH :
		    tree_pages(height) - index % tree_pages(height);
	}
	return slot;
}

/* Makes what find_slot looks for. 0 or -ENOSPC. */
static int
make_slot(struct store *store, struct inode *inode, uint64_t index, uint32_t **slotp)
{
	uint32_t height, *slot;
	int err = 0;

	while (index >> (inode->height * TREE_SHIFT) >= INODE_SLOTS && err == 0)
		err = raise_tree(store, inode);
	if (err < 0)
		return err;
	height = inode->height;
	slot = &inode->slots[index >> (height * TREE_SHIFT)];
	while (height > 0) {
		if (*slot == 0) {
			uint32_t page = page_take_zeroed(store);

			if (page == 0)
				return -ENOSPC;
			PUT(*slot, page);
			inode->n_pages++;
		}
		height--;
		slot = (uint32_t *)page_at(store, *slot) +
		    (index >> (height * TREE_SHIFT)) % TREE_WIDTH;
	}
	*slotp = slot;
	return 0;
}

/* Reading ------------------------------------------------------------------- */

static size_t
smaller(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

/* At most `size` bytes from `offset` on; up to the end of the file. */
ssize_t
file_read(const struct store *store, const struct inode *inode, char *buf, size_t size,
    uint64_t offset)
{
	uint64_t n_slots;
	size_t done = 0;

	if (offset >= inode->size)
		return 0;
	size = smaller(size, inode->size - offset);
	while (done < size) {
		uint32_t *slot = find_slot(store, inode, offset / REGION_PAGE, &n_slots);

		for (; n_slots > 0 && done < size; n_slots--) {
			size_t skip = offset % REGION_PAGE;
			size_t n = smaller(REGION_PAGE - skip, size - done);

			if (slot && *slot != 0)
				memcpy(buf + done, (char *)page_at(store, *slot) + skip, n);
			else
				memset(buf + done, 0, n);
			slot = slot ? slot + 1 : NULL;
			done += n;
			offset += n;
		}
	}
	return (ssize_t)done;
}

/* Writing ------------------------------------------------------------------- */

/* A new page that holds `n` bytes at `skip`, and zeros. */
static int
fill_hole(struct store *store, struct inode *inode, uint32_t *slot, const char *buf, size_t skip,
    size_t n)
{
	uint32_t page = page_take(store);
	char *content;

	if (page == 0)
		return -ENOSPC;
	content = page_at(store, page);
	memset(content, 0, skip);
	memcpy(content + skip, buf, n);
	memset(content + skip + n, 0, REGION_PAGE - skip - n);
	PUT(*slot, page);
	inode->n_pages++;
	return 0;
}

/* Writes what can be: a count, or -ENOSPC when that is nothing. The size of the file
 * is the caller's to change, and `head.busy` to be set. offset + size is at most FILE_SIZE_MAX. */
ssize_t
file_write(struct store *store, struct inode *inode, const char *buf, size_t size, uint64_t offset)
{
	uint64_t n_slots = 0;
	uint32_t *slot = NULL;
	size_t done = 0;
	int err = 0;

	while (done < size && err == 0) {
		size_t skip = offset % REGION_PAGE;
		size_t n = smaller(REGION_PAGE - skip, size - done);

		if (n_slots == 0) {
			slot = find_slot(store, inode, offset / REGION_PAGE, &n_slots);
			if (!slot) {
				err = make_slot(store, inode, offset / REGION_PAGE, &slot);
				n_slots = 1;
				if (err < 0)
					break;
			}
		}
		if (*slot == 0)
			err = fill_hole(store, inode, slot, buf + done, skip, n);
		else
			memcpy((char *)page_at(store, *slot) + skip, buf + done, n);
		tmpfs_step();
		if (err == 0) {
			done += n;
			offset += n;
			n_slots--;
			slot++;
		}
	}
	return done > 0 || size == 0 ? (ssize_t)done : err;
}

/* The end ------------------------------------------------------------------- */

/* Gives back a tree to which nothing refers any more; returns how many pages it was. */
static uint32_t
give_tree(struct store *store, uint32_t page, uint32_t height)
{
	const uint32_t *slots = page_at(store, page);
	uint32_t n = 1;

	if (page == 0)
		return 0;
	for (int i = 0; height > 0 && i < TREE_WIDTH; i++)
		n += give_tree(store, slots[i], height - 1);
	page_give(store, page);
	return n;
}

/* Drops what is beneath a slot from content page `first` of it on, up to `end`. */
static void
cut_slot(struct store *store, struct inode *inode, uint32_t *slot, uint32_t height, uint64_t first,
    uint64_t end)
{
	uint32_t page = *slot;

	if (page == 0 || first >= tree_pages(height))
		return;
	if (first == 0 && end >= tree_pages(height)) {
		PUT(*slot, 0);
		inode->n_pages -= give_tree(store, page, height);
		return;
	}
	for (uint64_t i = first / tree_pages(height - 1); i < TREE_WIDTH; i++) {
		uint64_t start = i * tree_pages(height - 1);

		if (start >= end)
			break;
		cut_slot(store, inode, (uint32_t *)page_at(store, page) + i, height - 1,
		    first > start ? first - start : 0, end - start);
	}
}

/* Drops the content pages from `first` on, up to `end`. */
static void
cut_pages(struct store *store, struct inode *inode, uint64_t first, uint64_t end)
{
	uint64_t part = tree_pages(inode->height);

	for (uint64_t i = first / part; i < INODE_SLOTS && i * part < end; i++)
		cut_slot(store, inode, &inode->slots[i], inode->height,
		    first > i * part ? first - i * part : 0, end - i * part);
	page_settle(store);
	if (is_empty(inode))
		PUT(inode->height, 0);
}

/* Makes zeros of a part of a page. */
static void
clear_part(struct store *store, const struct inode *inode, uint64_t offset, size_t size)
{
	uint64_t unused;
	uint32_t *slot = find_slot(store, inode, offset / REGION_PAGE, &unused);

	if (slot && *slot != 0)
		memset((char *)page_at(store, *slot) + offset % REGION_PAGE, 0, size);
}

/* Drops what is in the file beyond its size; sets zeros up to the end of its last
 * page. `head.busy` is set. */
void
file_cut(struct store *store, struct inode *inode)
{
	size_t tail = inode->size % REGION_PAGE;

	cut_pages(store, inode, pages_of(inode->size), UINT64_MAX);
	if (tail != 0)
		clear_part(store, inode, inode->size, REGION_PAGE - tail);
}

/* Makes zeros in the pages that there are. end is at most FILE_SIZE_MAX. */
void
file_clear(struct store *store, struct inode *inode, uint64_t offset, uint64_t end)
{
	while (offset < end) {
		size_t n = smaller(REGION_PAGE - offset % REGION_PAGE, end - offset);

		clear_part(store, inode, offset, n);
		offset += n;
	}
}

/* Makes a hole, or zeros where a page is in it in part. end is at most FILE_SIZE_MAX. */
void
file_punch(struct store *store, struct inode *inode, uint64_t offset, uint64_t end)
{
	uint64_t first = pages_of(offset), last = end / REGION_PAGE;

	if (first >= last) {
		file_clear(store, inode, offset, end);
		return;
	}
	file_clear(store, inode, offset, first * REGION_PAGE);
	file_clear(store, inode, last * REGION_PAGE, end);
	cut_pages(store, inode, first, last);
}

/* How many pages from `first` to `end` are holes. */
static uint64_t
count_holes(const struct store *store, const struct inode *inode, uint64_t first, uint64_t end)
{
	uint64_t n_holes = 0, n_slots;

	while (first < end) {
		uint32_t *slot = find_slot(store, inode, first, &n_slots);

		if (n_slots > end - first)
			n_slots = end - first;
		for (uint64_t i = 0; i < n_slots; i++)
			n_holes += !slot || slot[i] == 0;
		first += n_slots;
	}
	return n_holes;
}

/* Fills holes with pages of zeros. -ENOSPC: there are not enough, and nothing is done. end is at
 * most FILE_SIZE_MAX. */
int
file_allocate(struct store *store, struct inode *inode, uint64_t offset, uint64_t end)
{
	uint64_t first = offset / REGION_PAGE, last = pages_of(end), n_holes;

	if (last - first > store->limit)
		return -ENOSPC;
	n_holes = count_holes(store, inode, first, last);
	/* and the pages of numbers above them */
	n_holes += n_holes >> TREE_SHIFT;
	n_holes += n_holes > 0 ? 2 * TREE_HEIGHT_MAX : 0;
	if (store->n_used > store->limit || n_holes > store->limit - store->n_used)
		return -ENOSPC;
	for (uint64_t index = first; index < last; index++) {
		uint32_t *slot, page;
		int err = make_slot(store, inode, index, &slot);

		if (err < 0)
			return err;
		if (*slot != 0)
			continue;
		page = page_take_zeroed(store);
		if (page == 0)
			return -ENOSPC;
		PUT(*slot, page);
		inode->n_pages++;
	}
	return 0;
}

/* Where from `offset` on there is content, or none: the size of the file, when there is no more. */
uint64_t
file_seek(const struct store *store, const struct inode *inode, uint64_t offset, bool to_content)
{
	while (offset < inode->size) {
		uint64_t index = offset / REGION_PAGE, n_slots;
		const uint32_t *slot = find_slot(store, inode, index, &n_slots);

		if (!slot && !to_content)
			return offset;
		if (!slot && n_slots > pages_of(inode->size))
			break;
		for (uint64_t i = 0; slot && i < n_slots && offset < inode->size; i++) {
			if ((slot[i] != 0) == to_content)
				return offset;
			offset = (index + i + 1) * REGION_PAGE;
		}
		if (!slot)
			offset = (index + n_slots) * REGION_PAGE;
	}
	return inode->size;
}

/* Gives back the pages of an inode that is free by now. The inode itself, and what its
 * pages say, stay as they are: nobody looks any more. */
void
file_give_all(struct store *store, struct inode *inode)
{
	for (int i = 0; i < INODE_SLOTS; i++)
		give_tree(store, inode->slots[i], inode->height);
	page_settle(store);
}

/* What a predecessor left ------------------------------------------------------ */

/* Claims the pages beneath a slot. Each page is claimed once, so this comes to an end
 * whatever they say. */
static int
claim_slot(struct store *store, struct inode *inode, uint32_t page, uint32_t height)
{
	int err;

	if (page == 0)
		return 0;
	err = page_claim(store, page);
	if (err < 0)
		return err;
	inode->n_pages++;
	if (height > 0) {
		const uint32_t *slots = page_at(store, page);

		for (int i = 0; i < TREE_WIDTH && err == 0; i++)
			err = claim_slot(store, inode, slots[i], height - 1);
	}
	return err;
}

/* Claims the pages of an inode that was found in the region, and counts them. 0, or -EUCLEAN. */
int
file_claim(struct store *store, struct inode *inode)
{
	int err = 0;

	if (inode->height > TREE_HEIGHT_MAX || inode->size > FILE_SIZE_MAX)
		return -EUCLEAN;
	inode->n_pages = 0;
	for (int i = 0; i < INODE_SLOTS && err == 0; i++)
		err = claim_slot(store, inode, inode->slots[i], inode->height);
	return err;
}
