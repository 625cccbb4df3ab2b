/* SPDX-License-Identifier: GPL-2.0-or-later */
/* held: an array. The last entry fills a gap. */
#include "portd/held.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/manager.h"

static struct held **entries;
static size_t n_entries, room;

static size_t
find(uint64_t key)
{
	size_t i = 0;

	while (i < n_entries && entries[i]->key != key)
		i++;
	return i;
}

static void
held_free(struct held *held)
{
	for (size_t i = 0; i < held->n_fds; i++)
		fd_close(&held->fds[i].fd);
	free(held);
}

static bool
make_room(void)
{
	size_t more = room ? room * 2 : 16;
	struct held **larger;

	if (n_entries < room)
		return true;
	larger = realloc(entries, more * sizeof(*larger));
	if (!larger)
		return false;
	entries = larger;
	room = more;
	return true;
}

/* With room for it among the others. */
struct held *
held_new(uint64_t key, const int *fds, size_t n_fds)
{
	struct held *held = make_room() ? malloc(sizeof(*held) + n_fds * sizeof(held->fds[0])) : NULL;

	if (!held) {
		log_error("out of memory: a node would not outlive the next crash");
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return NULL;
	}
	*held = (struct held){ .key = key, .n_fds = n_fds };
	for (size_t i = 0; i < n_fds; i++)
		held->fds[i] = (struct held_fd){ .fd = fds[i] };
	return held;
}

void
held_enter(struct held *held)
{
	size_t i = find(held->key);

	if (i == n_entries)
		n_entries++;
	else
		held_free(entries[i]);
	entries[i] = held;
}

void
held_put(uint64_t key, const int *fds, size_t n_fds)
{
	struct held *held = held_new(key, fds, n_fds);	/* eats fds */
	const struct held *old = held_find(key);

	if (!held)
		return;
	manager_store(held, old);
	if (old)
		manager_forget(old, held);
	held_enter(held);
}

void
held_drop(uint64_t key)
{
	size_t i = find(key);

	if (i == n_entries)
		return;
	manager_forget(entries[i], NULL);
	held_free(entries[i]);
	entries[i] = entries[--n_entries];
}

void
held_drop_all(void)
{
	while (n_entries > 0)
		held_drop(entries[0]->key);
}

size_t
held_count(void)
{
	return n_entries;
}

const struct held *
held_at(uint64_t place)
{
	return place < n_entries ? entries[place] : NULL;
}

struct held *
held_find(uint64_t key)
{
	size_t i = find(key);

	return i < n_entries ? entries[i] : NULL;
}
