/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a node rests after so many rests in a row. */
#include "base/testing.h"

#include "portd/backoff.h"

static void
test_rests(void **state)
{
	static const unsigned seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60, 60 };
	unsigned rests = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		assert_int_equal(backoff_next(&rests), seconds[i] * 1000);
}

/* However often it rests, it is no longer. */
static void
test_bound(void **state)
{
	unsigned rests = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_in_range(backoff_next(&rests), BACKOFF_MIN_MS, BACKOFF_MAX_MS);
		assert_in_range(rests, 1, BACKOFF_RESTS_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rests),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
