/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mounter: which paths a node may have, what is inside of what, and how the
 * kernel's table of mounts is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "portd/mounter.h"
#include "portd/mountinfo.h"

static void
test_inside(void **state)
{
	(void)state;
	assert_true(path_is_inside("/a/b", "/a"));
	assert_true(path_is_inside("/a", "/a"));
	assert_true(path_is_inside("/a", "/"));
	assert_false(path_is_inside("/ab", "/a"));
	assert_false(path_is_inside("/a", "/a/b"));
}

static void
test_problems(void **state)
{
	static const char *const bad[] = { "", "a", "/", "//", "/a/", "/a//b", "/.", "/..",
		"/a/../b", "/a/.", "a/b" };
	static const char *const good[] = { "/a", "/a/b", "/...", "/.a", "/a..", "/-x", "/a\nb" };
	char longest[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(path_problem(bad[i]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(path_problem(good[i]));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_non_null(path_problem(longest));
}

static void
test_table(void **state)
{
	char table[] =
	    "22 1 0:21 / /proc rw - proc proc rw\n"
	    "40 22 0:50 / /home/a\\040b\\012c\\134d rw,nosuid - fuse.hird none rw,user_id=1000,group_id=1000\n"
	    "41 22 0:51 / /x rw shared:5 - fuse.other none rw,user_id=1000\n"
	    "42 22 0:52 / /fuse.hird rw shared:5 master:2 - fuse.hird none rw,user_id=7\n"
	    "43 short - fuse.hird none user_id=1\n"
	    "44 22 0:53 / /last rw - fuse.hird none rw,user_id=8";
	char *cursor = table;
	struct mountinfo info;

	(void)state;
	assert_int_equal(mountinfo_next(&cursor, &info), 1);
	assert_int_equal(info.id, 40);
	assert_string_equal(info.path, "/home/a b\nc\\d");
	assert_string_equal(info.device, "0:50");
	assert_int_equal(info.uid, 1000);
	assert_int_equal(mountinfo_next(&cursor, &info), 1);
	assert_int_equal(info.id, 42);
	assert_int_equal(info.uid, 7);
	assert_int_equal(mountinfo_next(&cursor, &info), 1);
	assert_string_equal(info.path, "/last");
	assert_int_equal(mountinfo_next(&cursor, &info), 0);
	assert_int_equal(mountinfo_next(&cursor, &info), 0);
}

static void
test_real_table(void **state)
{
	char *table = mountinfo_read();

	(void)state;
	assert_non_null(table);
	assert_non_null(strstr(table, " / "));
	assert_int_not_equal(mountinfo_id_of(0), 0);
	assert_int_equal(mountinfo_id_of(9999), 0);
	free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_real_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
