/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-map: the map against an array that is searched from end to end. */
#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "base/testing.h"

enum { N_KEYS = 300, N_STEPS = 60000 };

static char things[N_KEYS];

static void
test_empty(void **state)
{
	struct map map = { 0 };
	size_t cursor = 0;

	(void)state;
	assert_null(map_get(&map, 0));
	assert_null(map_remove(&map, 7));
	assert_null(map_next(&map, &cursor, NULL));
	map_deinit(&map);
}

static void
test_twice(void **state)
{
	struct map map = { 0 };

	(void)state;
	assert_int_equal(map_put(&map, 0, &things[0]), 0);
	assert_int_equal(map_put(&map, 0, &things[1]), -EEXIST);
	assert_ptr_equal(map_get(&map, 0), &things[0]);
	assert_ptr_equal(map_remove(&map, 0), &things[0]);
	assert_null(map_get(&map, 0));
	assert_int_equal(map.n_values, 0);
	map_deinit(&map);
}

static uint64_t
key_of(size_t i)
{
	/* Dense, far apart, and alike in their lower bits. */
	return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 40 : i * 4096;
}

static void
check_same(const struct map *map, void *const *model)
{
	size_t n = 0, n_model = 0, cursor = 0;
	uint64_t key;
	void *value;

	for (size_t i = 0; i < N_KEYS; i++) {
		assert_ptr_equal(map_get(map, key_of(i)), model[i]);
		n_model += model[i] != NULL;
	}
	while ((value = map_next(map, &cursor, &key))) {
		assert_int_equal(key, key_of((size_t)((char *)value - things)));
		n++;
	}
	assert_int_equal(n, n_model);
	assert_int_equal(map->n_values, n_model);
}

static void
test_model(void **state)
{
	struct map map = { 0 };
	void *model[N_KEYS] = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (size_t step = 0; step < N_STEPS; step++) {
		size_t i = next_random(&seed) % N_KEYS;

		if (next_random(&seed) % 2) {
			assert_int_equal(map_put(&map, key_of(i), &things[i]), model[i] ? -EEXIST : 0);
			model[i] = &things[i];
		} else {
			assert_ptr_equal(map_remove(&map, key_of(i)), model[i]);
			model[i] = NULL;
		}
		if (step % 500 == 0)
			check_same(&map, model);
	}
	check_same(&map, model);
	map_deinit(&map);
	assert_int_equal(map.n_values, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
