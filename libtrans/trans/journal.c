/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal: slots, the free ones on a stack. Those that a predecessor left stand at its bottom:
 * requests that come again find theirs, the rest were answered after all, and are
 * overwritten when all others are in use. */
#include "trans/journal.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "trans/memory.h"
#include "trans/opens.h"
#include "wire/fusewire.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct recovery_slot *slots;
static uint16_t stack[RECOVERY_SLOTS];	/* free slots, the next one last */
static void *rooms[RECOVERY_READERS];
static unsigned n_free, n_left;		/* the first n_left of the stack are a predecessor's */

_Static_assert(RECOVERY_SLOTS <= UINT16_MAX, "a slot's number fits");

/* Memory is written in the order of the program as far as a successor can see: a kill
 * falls between two instructions, and the compiler is told here. */
static void
in_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Nobody will deliver it again. What it was to change in the counts is brought to
 * an end: a release has happened, an open that portd has answered with an error has not. */
static void
finish(struct recovery_slot *slot)
{
	bool counted = slot->flags & RECOVERY_COUNTED, ended = slot->flags & RECOVERY_ENDED;

	switch (slot->opcode) {
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		if (!counted)
			opens_change(slot, slot->opcode == FUSE_RELEASE ? slot->node : 0, -1);
		break;
	case FUSE_OPEN:
	case FUSE_CREATE:
	case FUSE_TMPFILE:
	case FUSE_OPENDIR:
		if (counted && ended)
			opens_undo(slot);
		break;
	}
	slot->unique = 0;
}

/* After memory_open. resent: the kernel delivers again what a predecessor had taken. */
void
journal_open(bool resent)
{
	unsigned n_clean = RECOVERY_SLOTS;

	slots = memory_at(RECOVERY_JOURNAL);
	n_left = 0;
	for (unsigned i = 0; i < RECOVERY_SLOTS; i++)
		if (slots[i].unique != 0 && !resent)
			finish(&slots[i]);
	for (unsigned i = 0; i < RECOVERY_SLOTS; i++)
		if (slots[i].unique != 0)
			stack[n_left++] = (uint16_t)i;
		else
			stack[--n_clean] = (uint16_t)i;
	n_free = RECOVERY_SLOTS;
	journal_has_taken(JOURNAL_MAIN);
	journal_has_taken(JOURNAL_STANDIN);
}

/* Before memory_close. */
void
journal_close(void)
{
	for (unsigned i = 0; i < RECOVERY_READERS; i++)
		if (rooms[i])
			munmap(STEAL_PTR(rooms[i]), FUSEWIRE_BUFFER);
	slots = NULL;
	n_free = n_left = 0;
}

static size_t
place_of(enum journal_reader reader)
{
	return RECOVERY_TAKEN + reader * (size_t)RECOVERY_TAKEN_ROOM;
}

/* See journal.h. */
void *
journal_room(enum journal_reader reader)
{
	void *room;

	if (rooms[reader])
		return rooms[reader];
	room = mmap(NULL, FUSEWIRE_BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	if (memory_show(place_of(reader), room) < 0) {
		munmap(room, FUSEWIRE_BUFFER);
		return NULL;
	}
	return rooms[reader] = room;
}

/* See journal.h. */
void
journal_has_taken(enum journal_reader reader)
{
	struct recovery_taken *taken = memory_at(place_of(reader));

	in_order();
	taken->unique = 0;
	in_order();
}

/* A predecessor died over it, which portd wants to know. */
static void
note_again(struct recovery_slot *slot)
{
	slot->again += slot->again < RECOVERY_AGAIN_MAX;
	slot->turn = memory_head()->head.turn;
}

static struct recovery_slot *
take_known(uint64_t unique)
{
	for (unsigned i = 0; i < n_left; i++) {
		struct recovery_slot *slot = &slots[stack[i]];

		if (slot->unique != unique)
			continue;
		n_left--;
		n_free--;
		stack[i] = stack[n_left];
		stack[n_left] = stack[n_free];
		return slot;
	}
	return NULL;
}

static struct recovery_slot *
take_free(void)
{
	if (n_free == 0)
		return NULL;
	n_free--;
	if (n_left > n_free)
		n_left = n_free;
	return &slots[stack[n_free]];
}

/* Notes a request. *knownp: a predecessor had noted it, and this is its slot. */
struct recovery_slot *
journal_note(uint64_t unique, uint32_t opcode, uint64_t node, bool *knownp)
{
	uint64_t plain = unique & ~FUSEWIRE_UNIQUE_RESENT;
	struct recovery_slot *slot = NULL;

	*knownp = false;
	pthread_mutex_lock(&lock);
	if (unique & FUSEWIRE_UNIQUE_RESENT)
		slot = take_known(plain);
	if (slot && slot->opcode == opcode && slot->node == node)
		*knownp = true;
	if (!slot)
		slot = take_free();
	pthread_mutex_unlock(&lock);
	if (*knownp)
		note_again(slot);
	if (!slot || *knownp)
		return slot;
	slot->unique = 0;
	in_order();
	*slot = (struct recovery_slot){ .opcode = (uint16_t)opcode, .node = node,
		.again = unique & FUSEWIRE_UNIQUE_RESENT ? RECOVERY_AGAIN_MAX : 0,
		.turn = memory_head()->head.turn };
	in_order();
	slot->unique = plain;
	return slot;
}

/* See journal.h. */
void
journal_strike(struct recovery_slot *slot)
{
	if (!slot || !slots)
		return;
	slot->unique = 0;
	pthread_mutex_lock(&lock);
	stack[n_free++] = (uint16_t)(slot - slots);
	pthread_mutex_unlock(&lock);
}

/* Which one it is; MEMORY_NONE for NULL. */
uint32_t
journal_index(const struct recovery_slot *slot)
{
	return slot ? (uint32_t)(slot - slots) : MEMORY_NONE;
}
