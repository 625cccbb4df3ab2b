/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mounts: the table of mounts, with the odd lines that it may have. */

#include <errno.h>

#include "tools/mounts.h"
#include "tools/testing.h"

static const char table[] =
"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
"30 22 0:26 / /home/me/a\\040b\\134c rw,nosuid master:1 propagate_from:2 - fuse.hird hello rw,user_id=1\n"
"31 30 0:27 / /x rw - fuse src rw\n"
"32 22 0:28 / /x rw - tmpfs tmpfs rw\n"
"rubbish\n"
"33 22 - fuse\n"
"34 22 0:29 / /y rw - fusectl none rw\n";

static void
test_parse(void **state)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };
	const struct mount *mount;

	(void)state;
	testing_write("mountinfo", table);
	assert_int_equal(mounts_read(&mounts, "mountinfo"), 0);
	unlink("mountinfo");
	assert_int_equal(mounts.n, 5);
	mount = mounts_at(&mounts, "/home/me/a b\\c");
	assert_non_null(mount);
	assert_int_equal(mount->id, 30);
	assert_int_equal(mount->parent, 22);
	assert_string_equal(mount->device, "0:26");
	assert_true(mount_is_fuse(mount));
}

static void
test_topmost_wins(void **state)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };

	(void)state;
	testing_write("mountinfo", table);
	assert_int_equal(mounts_read(&mounts, "mountinfo"), 0);
	unlink("mountinfo");
	assert_int_equal(mounts_at(&mounts, "/x")->id, 32);
	assert_false(mount_is_fuse(mounts_at(&mounts, "/x")));
	assert_false(mount_is_fuse(mounts_at(&mounts, "/y")));
	assert_null(mounts_at(&mounts, "/home"));
}

static void
test_missing_file(void **state)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };

	(void)state;
	assert_int_equal(mounts_read(&mounts, "mountinfo"), -ENOENT);
	assert_int_equal(mounts.n, 0);
}

static void
test_real_table(void **state)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };

	(void)state;
	assert_int_equal(mounts_read(&mounts, "/proc/self/mountinfo"), 0);
	assert_non_null(mounts_at(&mounts, "/proc"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_parse),
		TESTING_TEST(test_topmost_wins),
		TESTING_TEST(test_missing_file),
		TESTING_TEST(test_real_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
