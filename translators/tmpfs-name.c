/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-name: directory entries, found by name and in the order in which they were made.
 *
 * The entries of all directories are in one hash table by directory and name, and those
 * of each directory in an array by their seq. Both are this process's own. An entry never
 * changes its seq, and a new one has a higher one than all before: so a listing
 * that goes on after a seq shows nothing twice and misses nothing that stays. */
#include "translators/tmpfs-name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "translators/tmpfs-slab.h"

enum {
	BUCKETS_MIN = 64,
	ITEMS_MIN = 8,
	NAME_BYTES_MAX = 255,
};

static uint32_t
hash_name(const struct store *store, uint32_t dir, struct name name)
{
	uint64_t hash = ((uint64_t)store->head->seed << 32 | dir) * 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char)name.text[i]) * 0x100000001b3;
	hash ^= hash >> 32;
	return (uint32_t)((hash * 0xd6e8feb86659fd93) >> 32);
}

static struct name
name_of(const struct entry *entry)
{
	return (struct name){ entry->name, entry->length };
}

/* The table ------------------------------------------------------------------- */

/* The bucket of a name, or the empty one where its search ends. */
static struct bucket *
find_bucket(const struct store *store, uint32_t dir, struct name name, uint32_t hash)
{
	uint32_t i = hash & store->bucket_mask;

	for (;; i = (i + 1) & store->bucket_mask) {
		struct bucket *bucket = &store->buckets[i];
		const struct entry *entry;

		if (bucket->slot == 0)
			return bucket;
		if (bucket->hash != hash)
			continue;
		entry = entry_at(store, bucket->slot);
		if (entry->parent == dir && entry->length == name.length &&
		    memcmp(entry->name, name.text, name.length) == 0)
			return bucket;
	}
}

/* The slot of a name in a directory, or 0. */
uint32_t
name_find(const struct store *store, uint32_t dir, struct name name)
{
	return find_bucket(store, dir, name, hash_name(store, dir, name))->slot;
}

static void
put_bucket(struct bucket *buckets, uint32_t mask, struct bucket new)
{
	uint32_t i = new.hash & mask;

	while (buckets[i].slot != 0)
		i = (i + 1) & mask;
	buckets[i] = new;
}

/* Makes room in the table for one more. It is never more than half full. */
static int
reserve_bucket(struct store *store)
{
	uint32_t n = store->buckets ? store->bucket_mask + 1 : 0;
	uint32_t more = n ? n * 2 : BUCKETS_MIN;
	struct bucket *buckets;

	if ((store->n_entries + 1) * 2 <= n)
		return 0;
	buckets = calloc(more, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (store->buckets[i].slot != 0)
			put_bucket(buckets, more - 1, store->buckets[i]);
	free(store->buckets);
	store->buckets = buckets;
	store->bucket_mask = more - 1;
	return 0;
}

/* Empties a bucket; those after it that were pushed on move up. */
static void
clear_bucket(struct store *store, struct bucket *bucket)
{
	uint32_t mask = store->bucket_mask;
	uint32_t hole = (uint32_t)(bucket - store->buckets);

	for (uint32_t i = (hole + 1) & mask; store->buckets[i].slot != 0; i = (i + 1) & mask) {
		uint32_t home = store->buckets[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		store->buckets[hole] = store->buckets[i];
		hole = i;
	}
	store->buckets[hole] = (struct bucket){ 0 };
}

/* Directories ------------------------------------------------------------------ */

/* A directory without entries. 0 or -ENOMEM. */
int
name_dir_new(struct store *store, uint32_t index)
{
	struct dir *dir = calloc(1, sizeof(*dir));

	if (!dir)
		return -ENOMEM;
	store->dirs[index] = dir;
	return 0;
}

/* Harmless for what is no directory. */
void
name_dir_free(struct store *store, uint32_t index)
{
	if (store->dirs[index])
		free(store->dirs[index]->items);
	free(store->dirs[index]);
	store->dirs[index] = NULL;
}

static void
drop_gone(struct dir *dir)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < dir->n_items; i++)
		if (dir->items[i].slot != 0)
			dir->items[n++] = dir->items[i];
	dir->n_items = n;
}

/* Makes room in a directory's order for one more. */
static int
reserve_item(struct dir *dir)
{
	uint32_t more = dir->capacity ? dir->capacity * 2 : ITEMS_MIN;
	struct item *items;

	if (dir->n_items == dir->capacity && dir->n_entries < dir->n_items / 2)
		drop_gone(dir);
	if (dir->n_items < dir->capacity)
		return 0;
	items = realloc(dir->items, more * sizeof(*items));
	if (!items)
		return -ENOMEM;
	dir->items = items;
	dir->capacity = more;
	return 0;
}

/* The first item whose seq is at least this. */
static uint32_t
find_item(const struct dir *dir, uint64_t seq)
{
	uint32_t low = 0, high = dir->n_items;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (dir->items[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
add_to(struct store *store, struct dir *dir, uint32_t slot)
{
	const struct entry *entry = entry_at(store, slot);
	uint32_t hash = hash_name(store, entry->parent, name_of(entry));

	put_bucket(store->buckets, store->bucket_mask, (struct bucket){ hash, slot });
	store->n_entries++;
	dir->items[dir->n_items++] = (struct item){ entry->seq, slot };
	dir->n_entries++;
}

/* Entries ---------------------------------------------------------------------- */

/* Finds room for a new entry and fills it in, all but its child, so that name_insert cannot fail;
 * slab_give undoes it. 0, -ENOSPC or -ENOMEM. */
int
name_reserve(struct store *store, uint32_t dir, struct name name, uint32_t *slotp)
{
	int err = reserve_bucket(store);
	struct entry *entry;
	uint32_t slot;

	if (err == 0)
		err = reserve_item(store->dirs[dir]);
	if (err < 0)
		return err;
	slot = slab_take(store, name.length);
	if (slot == 0)
		return -ENOSPC;
	entry = entry_at(store, slot);
	entry->seq = store->head->next_seq;
	entry->parent = dir;
	entry->length = (uint8_t)name.length;
	memcpy(entry->name, name.text, name.length);
	PUT(store->head->next_seq, entry->seq + 1);
	*slotp = slot;
	return 0;
}

/* The entry has a child now. */
void
name_insert(struct store *store, uint32_t slot)
{
	add_to(store, store->dirs[entry_at(store, slot)->parent], slot);
}

/* The entry has no child any more; its slot is given back. */
void
name_remove(struct store *store, uint32_t slot)
{
	const struct entry *entry = entry_at(store, slot);
	struct dir *dir = store->dirs[entry->parent];
	uint32_t hash = hash_name(store, entry->parent, name_of(entry));

	clear_bucket(store, find_bucket(store, entry->parent, name_of(entry), hash));
	store->n_entries--;
	dir->items[find_item(dir, entry->seq)].slot = 0;
	if (--dir->n_entries == 0)
		dir->n_items = 0;
	slab_give(store, slot);
}

/* Lists a directory after the entry with seq `after`; 0: from its start. */
void
name_list(const struct store *store, uint32_t dir_index, uint64_t after, name_list_fn *fn,
    void *argument)
{
	const struct dir *dir = store->dirs[dir_index];

	for (uint32_t i = find_item(dir, after + 1); i < dir->n_items; i++)
		if (dir->items[i].slot != 0 && fn(argument, entry_at(store, dir->items[i].slot)))
			return;
}

/* What a predecessor left -------------------------------------------------------- */

static bool
is_name(struct name name)
{
	return name.length > 0 && name.length <= NAME_BYTES_MAX &&
	    !memchr(name.text, '/', name.length) && !memchr(name.text, '\0', name.length) &&
	    !(name.length == 1 && name.text[0] == '.') &&
	    !(name.length == 2 && name.text[0] == '.' && name.text[1] == '.');
}

static int
claim_entry(struct store *store, uint32_t slot)
{
	const struct entry *entry = entry_at(store, slot);
	struct dir *dir;
	int err;

	if (entry->parent >= store->head->n_inodes || !store->dirs[entry->parent] ||
	    entry->length > slab_name_max(store, slot) || !is_name(name_of(entry)) ||
	    entry->seq == 0 || entry->seq >= store->head->next_seq)
		return -EUCLEAN;
	dir = store->dirs[entry->parent];
	err = reserve_bucket(store);
	if (err == 0 && name_find(store, entry->parent, name_of(entry)) != 0)
		err = -EUCLEAN;
	if (err == 0)
		err = reserve_item(dir);
	if (err == 0)
		add_to(store, dir, slot);
	return err;
}

/* Takes over a page of entries that was found in the region. Directories are known by now; what
 * the entries name is the caller's to check. 0, -EUCLEAN or -ENOMEM. */
int
name_claim_page(struct store *store, uint32_t page)
{
	return slab_claim_page(store, page, claim_entry);
}

static int
compare_items(const void *a, const void *b)
{
	uint64_t left = ((const struct item *)a)->seq, right = ((const struct item *)b)->seq;

	return (left > right) - (left < right);
}

/* All entries are claimed: puts them in order. 0, or -EUCLEAN: two have the same seq. */
int
name_claim_end(struct store *store)
{
	for (uint32_t index = 0; index < store->head->n_inodes; index++) {
		struct dir *dir = store->dirs[index];

		if (!dir || dir->n_items == 0)
			continue;
		qsort(dir->items, dir->n_items, sizeof(*dir->items), compare_items);
		for (uint32_t i = 1; i < dir->n_items; i++)
			if (dir->items[i - 1].seq == dir->items[i].seq)
				return -EUCLEAN;
	}
	return reserve_bucket(store);
}
