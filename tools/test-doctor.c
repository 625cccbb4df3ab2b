/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-doctor: what the doctor reads from configuration files. */

#include "tools/doctor.h"
#include "tools/testing.h"

static void
test_mount_max(void **state)
{
	(void)state;
	assert_int_equal(doctor_mount_max("missing"), 1000);
	testing_write("conf", "# mount_max = 5\n#mount_max = 6\nuser_allow_other\n");
	assert_int_equal(doctor_mount_max("conf"), 1000);
	testing_write("conf", "mount_max = 50\n  mount_max = 60\n");
	assert_int_equal(doctor_mount_max("conf"), 60);
	testing_write("conf", "mount_max = -1\n");
	assert_int_equal(doctor_mount_max("conf"), -1);
	unlink("conf");
}

static void
test_lines(void **state)
{
	(void)state;
	assert_false(doctor_has_line("missing", "user_allow_other"));
	testing_write("conf", "# user_allow_other\nuser_allow_others\n");
	assert_false(doctor_has_line("conf", "user_allow_other"));
	testing_write("conf", "x\n\t user_allow_other  # yes\n");
	assert_true(doctor_has_line("conf", "user_allow_other"));
	testing_write("conf", "user_allow_other");
	assert_true(doctor_has_line("conf", "user_allow_other"));
	unlink("conf");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_mount_max),
		TESTING_TEST(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
