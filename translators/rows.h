/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows: nodes that stand for places in a tree that others change, too, in memory that outlives a
 * crash (trans_memory).
 *
 * A row says where its file was seen last, by parent and name, and which file that is: device,
 * inode, time of birth. Whoever follows the name compares what is there with that, and says ESTALE
 * rather than take another file. All names of a file share its row. A row lives as long as the kernel
 * knows the node. Node ids have the number of the row, how often that was given out, and a
 * number drawn when the memory was new: an id of a row that is another's by now is known
 * for stale. One thread. */
#ifndef TRANSLATORS_ROWS_H
#define TRANSLATORS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trans/trans.h"

enum { ROW_NAME_MAX = 255, ROW_NAME_INLINE = 76 };

enum row_flags {
	ROW_USED = 1,
	ROW_LOST = 2,		/* its name is gone; what there is of it is a deposit */
	ROW_OPEN = 4,
	ROW_DEPOSITED = 8,	/* its descriptor is with portd, under the node's id */
	ROW_FLAGS = 15,
};

struct row_id {
	uint64_t device;	/* with the type of the file above it */
	uint64_t inode;
	int64_t born;		/* nanoseconds since 1970, or what else there is of that kind; 0: nothing */
};

struct row {
	struct row_id id;
	uint64_t lookups;	/* that the kernel has not forgotten; too many after a crash */
	uint32_t flags;
	uint32_t uses;		/* how often this row was given out */
	uint32_t parent;	/* number of its row */
	uint32_t cell;		/* where a long name is */
	uint32_t name_size;
	char name[ROW_NAME_INLINE];	/* without NUL */
};

_Static_assert(sizeof(struct row) == 128, "a whole number to a page");

/* Takes the memory: rows of a predecessor are checked, what makes no sense is dropped. 0 or
 * -errno. */
int rows_open(void *memory, size_t size);
void rows_close(void);
/* NULL: stale. */
struct row *rows_get(trans_node_t node);
struct row *rows_parent(const struct row *row);
bool rows_is_root(const struct row *row);
trans_node_t rows_node(const struct row *row);
/* Its name, with NUL, good until the next call. */
const char *rows_name(const struct row *row);
struct row *rows_find(const struct row_id *id);
/* The row of this file, which is at this place now. NULL: all rows are in use. */
struct row *rows_put(const struct row_id *id, const struct row *parent, const char *name);
bool rows_is_at(const struct row *row, const struct row *parent, const char *name);
/* Another file than before has no flags yet. */
void rows_set_root(const struct row_id *id);
void rows_flag(struct row *row, uint32_t set, uint32_t clear);
/* Its name is gone. last: and so is the file, but for who has it open: another one may get its inode,
 * even in the same tick of the clock that births are measured by. */
void rows_lose(struct row *row, bool last);
/* The kernel was told of it once more; has forgotten n of that. The second may end the row. */
void rows_tell(struct row *row);
void rows_forget(struct row *row, uint64_t n);
/* Starts a thread that asks the kernel about the rows that a predecessor left: what it does not know
 * any more, because a crash swallowed its word, is to end. 0 or -errno. */
int rows_sweep(void);
/* Ends what that thread has found so far; called now and then. */
void rows_swept(void);

#endif
