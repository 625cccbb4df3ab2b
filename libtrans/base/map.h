/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* map: from a 64-bit key to a pointer, open addressing.
 *
 * A zeroed map is an empty one. Keys are whatever the caller makes of them:
 * a name, a pointer, a hash. Values are never NULL. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key;
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t n_slots;		/* a power of two, or 0 */
	size_t n_values;
};

void map_deinit(struct map *map);
void *map_get(const struct map *map, uint64_t key);
int map_put(struct map *map, uint64_t key, void *value);	/* 0, -EEXIST, -ENOMEM */
void *map_remove(struct map *map, uint64_t key);		/* the value, or NULL */

/* Walks the values; *cursor starts at 0. NULL at the end. The map must not
 * change meanwhile. */
void *map_next(const struct map *map, size_t *cursor, uint64_t *keyp);

#endif
