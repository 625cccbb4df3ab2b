/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* map: linear probing in a table that is at most three quarters full. A
 * removed slot is filled by moving its followers up, so there are no graves and
 * a lookup ends at the first empty slot. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

enum { MAP_FIRST_SLOTS = 16 };

/* Spreads keys that differ only in their upper bits, as pointers do. */
static uint64_t
mix(uint64_t key)
{
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 29;
}

static size_t
home_of(const struct map *map, uint64_t key)
{
	return mix(key) & (map->n_slots - 1);
}

/* The slot of key, or the empty one where it would go. */
static size_t
find_slot(const struct map *map, uint64_t key)
{
	size_t i = home_of(map, key);

	while (map->slots[i].value && map->slots[i].key != key)
		i = (i + 1) & (map->n_slots - 1);
	return i;
}

static int
grow(struct map *map)
{
	struct map bigger = { .n_slots = map->n_slots ? map->n_slots * 2 : MAP_FIRST_SLOTS };

	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->n_slots; i++)
		if (map->slots[i].value)
			bigger.slots[find_slot(&bigger, map->slots[i].key)] = map->slots[i];
	bigger.n_values = map->n_values;
	free(map->slots);
	*map = bigger;
	return 0;
}

/* Frees the table, not the values. */
void
map_deinit(struct map *map)
{
	free(map->slots);
	*map = (struct map){ 0 };
}

/* The value under key, or NULL. */
void *
map_get(const struct map *map, uint64_t key)
{
	if (map->n_values == 0)
		return NULL;
	return map->slots[find_slot(map, key)].value;
}

/* Adds a value. 0, -EEXIST when key has one already, -ENOMEM. */
int
map_put(struct map *map, uint64_t key, void *value)
{
	size_t i;

	if (map_get(map, key))
		return -EEXIST;
	if ((map->n_values + 1) * 4 > map->n_slots * 3 && grow(map) < 0)
		return -ENOMEM;
	i = find_slot(map, key);
	map->slots[i].key = key;
	map->slots[i].value = value;
	map->n_values++;
	return 0;
}

/* Whether an entry at `at` whose home is `home` may move back to the hole:
 * its home must not lie behind the hole, going round. */
static int
may_fill(size_t hole, size_t home, size_t at)
{
	if (hole <= at)
		return home <= hole || home > at;
	return home <= hole && home > at;
}

/* Takes the value under key out and returns it, or NULL. */
void *
map_remove(struct map *map, uint64_t key)
{
	size_t hole, i, mask = map->n_slots - 1;
	void *value;

	if (map->n_values == 0)
		return NULL;
	hole = find_slot(map, key);
	value = map->slots[hole].value;
	if (!value)
		return NULL;
	for (i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
		if (!may_fill(hole, home_of(map, map->slots[i].key), i))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole] = (struct map_slot){ 0 };
	map->n_values--;
	return value;
}

/* The next value, with its key in *keyp when keyp is given; NULL at the end. */
void *
map_next(const struct map *map, size_t *cursor, uint64_t *keyp)
{
	while (*cursor < map->n_slots) {
		const struct map_slot *slot = &map->slots[(*cursor)++];

		if (!slot->value)
			continue;
		if (keyp)
			*keyp = slot->key;
		return slot->value;
	}
	return NULL;
}
