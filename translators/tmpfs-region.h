/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-region: a file system in one region of memory that outlives its process.
 *
 * Only what cannot be found out otherwise is in the region: the inodes, the pages of
 * their content, and the directory entries. What is free, and every index, is worked
 * out from these when a process begins (tmpfs-check.c), and kept in memory of
 * its own. So nothing can leak over a crash, and there is little to keep consistent.
 *
 *	page 0		struct head: what this is, and the undo log
 *	kinds		a byte a page: whether it holds directory entries, and how long
 *	inodes		struct inode, by index; 0 is none, 1 the root
 *	pages		entries, content, the trees above it, extended attributes
 *
 * The process may be killed between any two store instructions. Its successor sees what
 * it had stored up to there, in the order of the program: one thread writes, all that it did
 * before the point of its death is done and nothing after it is, and the kernel starts the
 * successor later than that, on the same machine and the same pages. So the compiler has
 * to be kept from changing the order, and nothing else: plain stores will do, on any machine.
 *
 * Places are told by page numbers and indexes, never by pointers, since the region may
 * lie elsewhere next time. */
#ifndef TMPFS_REGION_H
#define TMPFS_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	REGION_VERSION = 1,
	REGION_PAGE = 4096,
	REGION_SIZE_MIN = 32 * REGION_PAGE,
	UNDO_MAX = 64,		/* changes that one operation makes; rename makes the most */
	INODE_ROOT = 1,
	INODE_SLOTS = 8,	/* pages, or trees of them, that an inode names itself */
	TREE_SHIFT = 10,	/* a page of page numbers has 1 << TREE_SHIFT */
	TREE_HEIGHT_MAX = 3,
	SLOT_UNIT = 16,		/* bytes; a directory entry is told by its place in these */
	ENTRY_KINDS = 3,
};

#define REGION_MAGIC UINT64_C(0x66706d7464726968)	/* "hirdtmpf" */
#define FILE_SIZE_MAX ((uint64_t)INODE_SLOTS << (TREE_HEIGHT_MAX * TREE_SHIFT + 12))

/* What a word was before the operation that is under way. */
struct undo {
	uint32_t offset;	/* in units of its size */
	uint32_t size;		/* bytes: 1, 2, 4, 8 */
	uint64_t old;
};

struct head {
	uint64_t magic;
	uint64_t size;		/* bytes of the region */
	uint32_t version;
	uint32_t n_undo;	/* 0: nothing is half done */
	uint32_t busy;		/* inode whose content is being changed; 0: none */
	uint32_t n_inodes;	/* slots of the table that were ever in use, with slot 0 */
	uint64_t next_seq;	/* of the next directory entry */
	uint32_t seed;		/* where generations start, other than the last time */
	struct undo undo[UNDO_MAX];
};

struct inode {
	uint32_t generation;
	uint32_t mode;		/* 0: free */
	uint32_t n_links;	/* entries that name it; of the root 1 */
	uint32_t uid, gid;
	uint32_t is_open;	/* 1: keeps its content without a name */
	uint64_t rdev;
	uint64_t size;
	int64_t atime, mtime, ctime;
	uint32_t atime_ns, mtime_ns, ctime_ns;
	uint32_t n_pages;	/* of content and the trees above it */
	uint32_t xattr;		/* page of extended attributes, or 0 */
	uint32_t height;	/* of each tree; 0: slots name content */
	uint32_t slots[INODE_SLOTS];	/* page numbers; of a short symlink its target */
	uint64_t spare;
};
_Static_assert(sizeof(struct inode) == 128, "a page has a whole number of inodes");
_Static_assert(sizeof(struct head) <= REGION_PAGE, "the head is a page");

/* A name in a directory. It never moves; seq is where a listing has come to. */
struct entry {
	uint64_t seq;
	uint32_t parent;
	uint32_t child;		/* 0: free */
	uint8_t length;
	char name[];
};

struct bucket {
	uint32_t hash;
	uint32_t slot;		/* 0: empty */
};

/* What is known of a directory beyond its inode. */
struct dir {
	uint32_t parent;	/* 0: it has none */
	uint32_t n_subdirs;
	uint32_t n_entries;
	uint32_t n_items;	/* entries by seq, rising; slot 0: gone */
	uint32_t capacity;
	struct item {
		uint64_t seq;
		uint32_t slot;
	} *items;
};

/* A page of entries, some of them free: it is in the list of its kind. */
struct slab {
	uint32_t next, prev;
	uint32_t n_used;
	uint64_t free[2];
};

struct store {
	char *base;
	size_t size;
	struct head *head;
	uint8_t *kinds;
	struct inode *inodes;
	uint32_t inode_max;	/* slots of the table */
	uint32_t page_first, page_end;

	uint64_t *used;		/* a bit a page */
	uint32_t n_used;	/* pages */
	uint32_t limit;		/* pages */
	uint32_t cursor;
	uint32_t run_first, run_end;	/* pages given back one after another just now */

	uint32_t *free_inodes;
	uint32_t n_free_inodes;
	struct dir **dirs;	/* by inode */
	struct bucket *buckets;
	uint32_t bucket_mask;
	uint32_t n_entries;
	struct slab *slabs;	/* by page */
	uint32_t open_slabs[ENTRY_KINDS + 1];
};

static inline void *
page_at(const struct store *store, uint32_t page)
{
	return store->base + (size_t)page * REGION_PAGE;
}

static inline struct entry *
entry_at(const struct store *store, uint32_t slot)
{
	return (struct entry *)(store->base + (size_t)slot * SLOT_UNIT);
}

static inline struct inode *
inode_at(const struct store *store, uint32_t index)
{
	return &store->inodes[index];
}

/* A test looks at the region between any two stores. */
#ifdef TMPFS_STEP
void tmpfs_step(void);
#else
static inline void
tmpfs_step(void)
{
}
#endif

/* What was stored before it is there before what is stored after it. */
static inline void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	tmpfs_step();
}

/* A change that needs no undoing, since it is right by itself. */
#define PUT(field, value) \
	do { \
		in_order(); \
		__atomic_store_n(&(field), (value), __ATOMIC_RELAXED); \
		in_order(); \
	} while (0)

/* A change that is undone unless undo_commit follows. */
#define CHANGE(store, field, value) \
	do { \
		undo_note(store, &(field), sizeof(field)); \
		PUT(field, value); \
	} while (0)

void undo_note(struct store *store, const void *field, size_t size);
void undo_commit(struct store *store);
int undo_replay(struct store *store);

#endif
