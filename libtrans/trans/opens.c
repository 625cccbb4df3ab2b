/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* opens: a hash table of counts by node, open addressing with linear probing.
 *
 * A kill may fall anywhere. A change is described in memory's redo record, in absolute values,
 * before it is made; a successor makes it once more. An entry whose count fell to 0 is emptied only
 * when nothing stands behind it, which cuts no chain. */
#include "trans/opens.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>

#include "trans/journal.h"
#include "trans/memory.h"
#include "trans/translator.h"

enum { ENTRIES = 1 << 16 };

struct entry {
	uint64_t node;		/* 0: never used */
	uint32_t count;
	uint32_t spare;
};

_Static_assert(RECOVERY_LIBRARY + ENTRIES * sizeof(struct entry) <= RECOVERY_AUTHOR,
    "the table fits");

static struct entry *
table(void)
{
	return memory_at(RECOVERY_LIBRARY);
}

static uint32_t
home(uint64_t node)
{
	return (uint32_t)((node * 0x9e3779b97f4a7c15) >> 48);
}

/* The node's entry, or one that it may have. MEMORY_NONE: all are taken, or nobody would be
 * told of a last close. */
static uint32_t
find(uint64_t node)
{
	struct entry *entries = table();
	uint32_t unused = MEMORY_NONE;

	if (node == 0 || !translator.ops.close)
		return MEMORY_NONE;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint32_t at = (home(node) + i) % ENTRIES;

		if (entries[at].node == node)
			return at;
		if (entries[at].count == 0 && unused == MEMORY_NONE)
			unused = at;
		if (entries[at].node == 0)
			break;
	}
	return unused;
}

static void
tidy(uint32_t at)
{
	struct entry *entries = table();

	while (entries[at].count == 0 && entries[at].node != 0 &&
	    entries[(at + 1) % ENTRIES].node == 0) {
		entries[at].node = 0;
		at = (at + ENTRIES - 1) % ENTRIES;
	}
}

static void
apply(const struct memory_redo *redo)
{
	struct recovery_slot *slots = memory_at(RECOVERY_JOURNAL);

	if (redo->entry < ENTRIES) {
		table()[redo->entry].node = redo->node;
		table()[redo->entry].count = redo->count;
	}
	memory_head()->head.opens = redo->total;
	if (redo->slot < RECOVERY_SLOTS)
		slots[redo->slot].flags |= RECOVERY_COUNTED;
}

static void
commit(struct memory_redo *change)
{
	struct memory_redo *redo = &memory_head()->redo;

	change->valid = 0;
	*redo = *change;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	redo->valid = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	apply(change);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	redo->valid = 0;
}

/* After memory_open, before journal_open. */
void
opens_open(void)
{
	struct memory_redo *redo = &memory_head()->redo;

	if (redo->valid)
		apply(redo);
	redo->valid = 0;
}

/* Never below 0: a release may come for an open that nobody counted. */
static uint32_t
changed(uint32_t count, int delta)
{
	if (delta > 0)
		return count + 1;
	return count > 0 ? count - 1 : 0;
}

static uint32_t
count(uint32_t slot, uint64_t node, int delta)
{
	struct memory_redo change = { .entry = find(node), .slot = slot,
		.node = node, .total = changed(memory_head()->head.opens, delta) };
	struct entry *entry = change.entry < ENTRIES ? &table()[change.entry] : NULL;

	if (entry)
		change.count = changed(entry->node == node ? entry->count : 0, delta);
	commit(&change);
	if (entry && delta < 0)
		tidy(change.entry);
	return entry ? change.count : UINT32_MAX;
}

static uint32_t
count_now(uint64_t node)
{
	uint32_t at = find(node);

	if (at == MEMORY_NONE)
		return UINT32_MAX;
	return table()[at].node == node ? table()[at].count : 0;
}

/* See trans.h. */
int
trans_is_open(trans_node_t node)
{
	return translator.ops.close ? count_now(node) != 0 : -EINVAL;
}

/* See opens.h. */
uint32_t
opens_change(struct recovery_slot *slot, uint64_t node, int delta)
{
	if (slot && (slot->flags & RECOVERY_COUNTED))
		return count_now(node);
	return count(journal_index(slot), node, delta);
}

/* See opens.h. */
void
opens_undo(struct recovery_slot *slot)
{
	uint64_t node = slot->opcode == FUSE_OPEN ? slot->node :
	    slot->opcode == FUSE_CREATE || slot->opcode == FUSE_TMPFILE ? slot->before[1] : 0;

	count(MEMORY_NONE, node, -1);
	slot->flags &= ~(uint32_t)RECOVERY_COUNTED;
}
