/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-tree: names: making, linking, moving and removing what is in directories.
 *
 * Each operation first finds all that it needs and reserves it, so that nothing can
 * fail once the region is being changed; then come the changes, in the log; then what this
 * process knows beside the region. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "translators/tmpfs-file.h"
#include "translators/tmpfs-inode.h"
#include "translators/tmpfs-name.h"
#include "translators/tmpfs-page.h"
#include "translators/tmpfs-region.h"
#include "translators/tmpfs-slab.h"
#include "translators/tmpfs-store.h"

/* A name in a directory, and what it stands for. */
struct place {
	uint32_t dir;
	struct name name;
	uint32_t slot;		/* 0: it is free */
	uint32_t child;
};

/* Finds a name. 0, also when it is free; or -errno. */
static int
find_place(const struct store *store, uint64_t node, const char *name, struct place *place)
{
	uint32_t dir = inode_find(store, node);

	if (dir == 0)
		return -ESTALE;
	if (!store->dirs[dir])
		return -ENOTDIR;
	place->dir = dir;
	place->name = (struct name){ name, strlen(name) };
	if (place->name.length > 255)
		return -ENAMETOOLONG;
	place->slot = name_find(store, dir, place->name);
	place->child = place->slot != 0 ? entry_at(store, place->slot)->child : 0;
	return 0;
}

/* Likewise, of a name that has to be free, in a directory that is not removed. */
static int
find_free_place(const struct store *store, uint64_t node, const char *name, struct place *place)
{
	int err = find_place(store, node, name, place);

	if (err < 0)
		return err;
	if (inode_at(store, place->dir)->n_links == 0)
		return -ENOENT;
	return place->slot != 0 ? -EEXIST : 0;
}

/* Likewise, of a name that has to be there. */
static int
find_taken_place(const struct store *store, uint64_t node, const char *name, struct place *place)
{
	int err = find_place(store, node, name, place);

	return err == 0 && place->slot == 0 ? -ENOENT : err;
}

static bool
is_dir(const struct store *store, uint32_t index)
{
	return store->dirs[index] != NULL;
}

/* Asking --------------------------------------------------------------------------- */

/* The node of a name, or -ENOENT. */
int
store_lookup(const struct store *store, uint64_t dir, const char *name, uint64_t *nodep)
{
	struct place place;
	int err = find_taken_place(store, dir, name, &place);

	if (err == 0)
		*nodep = inode_node(store, place.child);
	return err;
}

struct listing {
	const struct store *store;
	store_list_fn *fn;
	void *argument;
};

static int
list_entry(void *argument, const struct entry *entry)
{
	struct listing *listing = argument;
	char name[256];

	memcpy(name, entry->name, entry->length);
	name[entry->length] = '\0';
	return listing->fn(listing->argument, &(struct store_dirent){
		.name = name,
		.node = inode_node(listing->store, entry->child),
		.mode = inode_at(listing->store, entry->child)->mode,
		.next = entry->seq,
	});
}

/* Lists a directory after the entry whose `next` this was (0: from its start) until fn
 * gives other than 0. fn must not change anything. */
int
store_list(const struct store *store, uint64_t dir, uint64_t after, store_list_fn *fn,
    void *argument)
{
	struct listing listing = { store, fn, argument };
	uint32_t index = inode_find(store, dir);

	if (index == 0)
		return -ESTALE;
	if (!is_dir(store, index))
		return -ENOTDIR;
	name_list(store, index, after, list_entry, &listing);
	return 0;
}

/* The operation has happened: a directory has left another, or
 * come into it. */
static void
leave(struct store *store, uint32_t dir, uint32_t child)
{
	if (!is_dir(store, child))
		return;
	store->dirs[child]->parent = 0;
	store->dirs[dir]->n_subdirs--;
}

static void
enter(struct store *store, uint32_t dir, uint32_t child)
{
	if (!is_dir(store, child))
		return;
	store->dirs[child]->parent = dir;
	store->dirs[dir]->n_subdirs++;
}

/* Making --------------------------------------------------------------------------- */

static int
store_target(struct store *store, struct inode *inode, const char *target)
{
	size_t length = strlen(target);

	if (length == 0)
		return -ENOENT;
	if (length >= REGION_PAGE)
		return -ENAMETOOLONG;
	inode->size = length;
	if (length <= SYMLINK_INLINE_MAX) {
		memcpy(inode->slots, target, length);
		return 0;
	}
	inode->slots[0] = page_take(store);
	if (inode->slots[0] == 0)
		return -ENOSPC;
	inode->n_pages = 1;
	memcpy(page_at(store, inode->slots[0]), target, length);
	return 0;
}

/* Fills in an inode that nothing refers to yet. */
static int
fill_inode(struct store *store, uint32_t index, const struct inode *dir,
    const struct store_new_node *new, const struct timespec *now)
{
	struct inode *inode = inode_at(store, index);

	inode->n_links = 1;
	inode->uid = new->uid;
	inode->gid = dir->mode & S_ISGID ? dir->gid : new->gid;
	inode->rdev = S_ISCHR(new->mode) || S_ISBLK(new->mode) ? new->rdev : 0;
	inode->atime = inode->mtime = inode->ctime = now->tv_sec;
	inode->atime_ns = inode->mtime_ns = inode->ctime_ns = (uint32_t)now->tv_nsec;
	if (S_ISDIR(new->mode))
		return name_dir_new(store, index);
	return S_ISLNK(new->mode) ? store_target(store, inode, new->target) : 0;
}

static mode_t
mode_of_new(const struct inode *dir, mode_t mode)
{
	mode_t made = mode & (S_IFMT | 07777);

	return S_ISDIR(mode) && dir->mode & S_ISGID ? made | S_ISGID : made;
}

/* An inode with all but its mode, and an entry with all but its child. */
static int
reserve_new(struct store *store, struct place *place, const struct store_new_node *new,
    const struct timespec *now)
{
	const struct inode *dir = inode_at(store, place->dir);
	int err;

	place->child = inode_take(store);
	if (place->child == 0)
		return -ENOSPC;
	err = fill_inode(store, place->child, dir, new, now);
	if (err == 0)
		err = name_reserve(store, place->dir, place->name, &place->slot);
	if (err < 0)
		inode_discard(store, place->child);
	return err;
}

/* A new node of any type. -EEXIST. */
int
store_make(struct store *store, uint64_t dir_node, const char *name,
    const struct store_new_node *new, const struct timespec *now, uint64_t *nodep)
{
	struct place place;
	struct inode *dir;
	int err = find_free_place(store, dir_node, name, &place);

	if (err == 0)
		err = reserve_new(store, &place, new, now);
	if (err < 0)
		return err;
	dir = inode_at(store, place.dir);
	CHANGE(store, inode_at(store, place.child)->mode, mode_of_new(dir, new->mode));
	CHANGE(store, entry_at(store, place.slot)->child, place.child);
	inode_touch_content(store, dir, now);
	undo_commit(store);
	name_insert(store, place.slot);
	enter(store, place.dir, place.child);
	*nodep = inode_node(store, place.child);
	return 0;
}

/* A regular file without a name, which is open: store_link may give it one, store_close ends it. */
int
store_make_unnamed(struct store *store, uint64_t dir_node, const struct store_new_node *new,
    const struct timespec *now, uint64_t *nodep)
{
	uint32_t dir = inode_find(store, dir_node), child;
	int err;

	if (dir == 0)
		return -ESTALE;
	if (!is_dir(store, dir))
		return -ENOTDIR;
	if (inode_at(store, dir)->n_links == 0)
		return -ENOENT;
	child = inode_take(store);
	if (child == 0)
		return -ENOSPC;
	err = fill_inode(store, child, inode_at(store, dir), new, now);
	if (err < 0) {
		inode_discard(store, child);
		return err;
	}
	inode_at(store, child)->n_links = 0;
	inode_at(store, child)->is_open = 1;
	PUT(inode_at(store, child)->mode, S_IFREG | (new->mode & 07777));
	*nodep = inode_node(store, child);
	return 0;
}

/* One more name for what is no directory; the first, for what was made without. */
int
store_link(struct store *store, uint64_t node, uint64_t dir, const char *name,
    const struct timespec *now)
{
	uint32_t index = inode_find(store, node);
	struct inode *inode = inode_at(store, index);
	struct place place;
	int err;

	if (index == 0)
		return -ESTALE;
	if (is_dir(store, index))
		return -EPERM;
	err = find_free_place(store, dir, name, &place);
	if (err == 0)
		err = name_reserve(store, place.dir, place.name, &place.slot);
	if (err < 0)
		return err;
	CHANGE(store, inode->n_links, inode->n_links + 1);
	inode_touch(store, inode, now);
	CHANGE(store, entry_at(store, place.slot)->child, index);
	inode_touch_content(store, inode_at(store, place.dir), now);
	undo_commit(store);
	name_insert(store, place.slot);
	return 0;
}

/* Removing ------------------------------------------------------------------------- */

/* Part of an operation: the inode has a name less. Whether it is gone by that. */
static bool
drop_link(struct store *store, uint32_t index, const struct timespec *now)
{
	struct inode *inode = inode_at(store, index);

	CHANGE(store, inode->n_links, inode->n_links - 1);
	inode_touch(store, inode, now);
	if (!inode_is_unused(inode))
		return false;
	CHANGE(store, inode->mode, 0);
	return true;
}

static void
remove_place(struct store *store, const struct place *place, const struct timespec *now)
{
	bool is_gone;

	CHANGE(store, entry_at(store, place->slot)->child, 0);
	is_gone = drop_link(store, place->child, now);
	inode_touch_content(store, inode_at(store, place->dir), now);
	undo_commit(store);
	name_remove(store, place->slot);
	leave(store, place->dir, place->child);
	if (is_gone)
		inode_discard(store, place->child);
}

/* Takes a name from what is no directory. */
int
store_unlink(struct store *store, uint64_t dir, const char *name, const struct timespec *now)
{
	struct place place;
	int err = find_taken_place(store, dir, name, &place);

	if (err < 0)
		return err;
	if (is_dir(store, place.child))
		return -EISDIR;
	remove_place(store, &place, now);
	return 0;
}

/* Removes an empty directory. */
int
store_rmdir(struct store *store, uint64_t dir, const char *name, const struct timespec *now)
{
	struct place place;
	int err = find_taken_place(store, dir, name, &place);

	if (err < 0)
		return err;
	if (!is_dir(store, place.child))
		return -ENOTDIR;
	if (store->dirs[place.child]->n_entries > 0)
		return -ENOTEMPTY;
	remove_place(store, &place, now);
	return 0;
}

/* Moving --------------------------------------------------------------------------- */

/* Whether `index` is `top` or beneath it. */
static bool
is_beneath(const struct store *store, uint32_t index, uint32_t top)
{
	while (index != 0 && index != top)
		index = store->dirs[index]->parent;
	return index == top;
}

/* Whether what is at `from` may come to `to`. */
static int
may_replace(const struct store *store, const struct place *from, const struct place *to)
{
	if (is_dir(store, from->child) && is_beneath(store, to->dir, from->child))
		return -EINVAL;
	if (to->slot == 0)
		return inode_at(store, to->dir)->n_links == 0 ? -ENOENT : 0;
	if (is_dir(store, from->child) && !is_dir(store, to->child))
		return -ENOTDIR;
	if (!is_dir(store, from->child) && is_dir(store, to->child))
		return -EISDIR;
	if (is_dir(store, to->child) && store->dirs[to->child]->n_entries > 0)
		return -ENOTEMPTY;
	return 0;
}

static void
touch_places(struct store *store, const struct place *from, const struct place *to,
    const struct timespec *now)
{
	inode_touch(store, inode_at(store, from->child), now);
	inode_touch_content(store, inode_at(store, from->dir), now);
	if (to->dir != from->dir)
		inode_touch_content(store, inode_at(store, to->dir), now);
}

static int
exchange(struct store *store, const struct place *from, const struct place *to,
    const struct timespec *now)
{
	if (is_dir(store, from->child) && is_beneath(store, to->dir, from->child))
		return -EINVAL;
	if (is_dir(store, to->child) && is_beneath(store, from->dir, to->child))
		return -EINVAL;
	CHANGE(store, entry_at(store, from->slot)->child, to->child);
	CHANGE(store, entry_at(store, to->slot)->child, from->child);
	inode_touch(store, inode_at(store, to->child), now);
	touch_places(store, from, to, now);
	undo_commit(store);
	leave(store, from->dir, from->child);
	leave(store, to->dir, to->child);
	enter(store, to->dir, from->child);
	enter(store, from->dir, to->child);
	return 0;
}

/* The name stays where it is in listings, with another child. */
static int
move_over(struct store *store, const struct place *from, const struct place *to,
    const struct timespec *now)
{
	bool is_gone;

	CHANGE(store, entry_at(store, to->slot)->child, from->child);
	CHANGE(store, entry_at(store, from->slot)->child, 0);
	is_gone = drop_link(store, to->child, now);
	touch_places(store, from, to, now);
	undo_commit(store);
	name_remove(store, from->slot);
	leave(store, from->dir, from->child);
	leave(store, to->dir, to->child);
	enter(store, to->dir, from->child);
	if (is_gone)
		inode_discard(store, to->child);
	return 0;
}

static int
move_to_free(struct store *store, const struct place *from, struct place *to,
    const struct timespec *now)
{
	int err = name_reserve(store, to->dir, to->name, &to->slot);

	if (err < 0)
		return err;
	CHANGE(store, entry_at(store, to->slot)->child, from->child);
	CHANGE(store, entry_at(store, from->slot)->child, 0);
	touch_places(store, from, to, now);
	undo_commit(store);
	name_insert(store, to->slot);
	name_remove(store, from->slot);
	leave(store, from->dir, from->child);
	enter(store, to->dir, from->child);
	return 0;
}

/* As renameat2(2), with RENAME_NOREPLACE and RENAME_EXCHANGE. */
int
store_rename(struct store *store, uint64_t dir, const char *name, uint64_t new_dir,
    const char *new_name, unsigned flags, const struct timespec *now)
{
	struct place from, to;
	int err;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = find_taken_place(store, dir, name, &from);
	if (err == 0)
		err = find_place(store, new_dir, new_name, &to);
	if (err < 0)
		return err;
	if (flags & RENAME_NOREPLACE && to.slot != 0)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE && to.slot == 0)
		return -ENOENT;
	if (from.child == to.child)
		return 0;
	if (flags & RENAME_EXCHANGE)
		return exchange(store, &from, &to, now);
	err = may_replace(store, &from, &to);
	if (err < 0)
		return err;
	return to.slot != 0 ? move_over(store, &from, &to, now) :
	    move_to_free(store, &from, &to, now);
}
