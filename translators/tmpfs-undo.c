/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-undo: an operation happens as a whole or not at all.
 *
 * Before a word is changed its old value goes to the log; when all words of the operation are
 * changed the log is made empty by one store, and that is the moment at which it has happened. A
 * successor that finds a log puts the old values back, the last first; that may
 * itself be broken off and done again. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "translators/tmpfs-region.h"

/* Remembers `field`, which is in the region and aligned to its size. */
void
undo_note(struct store *store, const void *field, size_t size)
{
	struct head *head = store->head;
	struct undo *undo = &head->undo[head->n_undo];

	assert(head->n_undo < UNDO_MAX);
	*undo = (struct undo){
		.offset = (uint32_t)((size_t)((const char *)field - store->base) / size),
		.size = (uint32_t)size,
	};
	memcpy(&undo->old, field, size);
	PUT(head->n_undo, head->n_undo + 1);
}

/* What was changed since the last commit has happened. */
void
undo_commit(struct store *store)
{
	PUT(store->head->n_undo, 0);
}

/* Whether this is a word that an operation can change: no other is touched, whatever the
 * log says. */
static bool
is_plausible(const struct store *store, const struct undo *undo)
{
	size_t first = (size_t)((char *)store->inodes - store->base);
	uint64_t offset = (uint64_t)undo->offset * undo->size;

	if (undo->size != 1 && undo->size != 2 && undo->size != 4 && undo->size != 8)
		return false;
	return offset >= first && offset + undo->size <= store->size;
}

/* Takes back what a predecessor had half done. 0, or -EUCLEAN: this is no log. */
int
undo_replay(struct store *store)
{
	struct head *head = store->head;
	uint32_t n = head->n_undo;

	if (n > UNDO_MAX)
		return -EUCLEAN;
	for (uint32_t i = 0; i < n; i++)
		if (!is_plausible(store, &head->undo[i]))
			return -EUCLEAN;
	while (n-- > 0) {
		const struct undo *undo = &head->undo[n];

		memcpy(store->base + (size_t)undo->offset * undo->size, &undo->old, undo->size);
		in_order();
	}
	undo_commit(store);
	return 0;
}
