/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-pulse: who is stuck, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "portd/pulse.h"

enum { DEADLINE = 1000 };

static void
is_stuck_at_the_same(void **state)
{
	struct pulse pulse = { 0 };

	(void)state;
	assert_false(pulse_take(&pulse, 7, 0, 100, DEADLINE));
	assert_false(pulse_take(&pulse, 7, 0, 1099, DEADLINE));
	assert_true(pulse_take(&pulse, 7, 0, 1100, DEADLINE));
}

static void
is_not_stuck_when_it_moves(void **state)
{
	struct pulse pulse = { 0 };

	(void)state;
	assert_false(pulse_take(&pulse, 7, 0, 100, DEADLINE));
	/* Another request is the oldest. */
	assert_false(pulse_take(&pulse, 9, 0, 1100, DEADLINE));
	/* Progress was made. */
	assert_false(pulse_take(&pulse, 9, 1, 2100, DEADLINE));
	/* It is at nothing, for ever. */
	assert_false(pulse_take(&pulse, 0, 1, 3100, DEADLINE));
	assert_false(pulse_take(&pulse, 0, 1, 9100, DEADLINE));
	/* And then it is at one again. */
	assert_false(pulse_take(&pulse, 9, 1, 9200, DEADLINE));
	assert_true(pulse_take(&pulse, 9, 1, 10200, DEADLINE));
}

static void
must_answer_when_it_has_work(void **state)
{
	struct pulse pulse = { 0 };

	(void)state;
	/* It was not asked. */
	assert_false(pulse_is_late(&pulse, true, 5000, DEADLINE));
	pulse.asked_at = 5000;
	assert_false(pulse_is_late(&pulse, true, 5999, DEADLINE));
	assert_true(pulse_is_late(&pulse, true, 6000, DEADLINE));
	/* While nobody waits for it, its time does not run. */
	assert_false(pulse_is_late(&pulse, false, 6000, DEADLINE));
	assert_false(pulse_is_late(&pulse, true, 6999, DEADLINE));
	assert_true(pulse_is_late(&pulse, true, 7000, DEADLINE));
	/* An answer is an answer. */
	assert_false(pulse_take(&pulse, 0, 0, 7000, DEADLINE));
	assert_false(pulse_is_late(&pulse, true, 9000, DEADLINE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_stuck_at_the_same),
		cmocka_unit_test(is_not_stuck_when_it_moves),
		cmocka_unit_test(must_answer_when_it_has_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
