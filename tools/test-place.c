/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-place: nodes are looked at, made, and taken away again; never more than
 * what was made. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tools/place.h"
#include "tools/testing.h"
#include "wire/messages.h"

/* An absolute path below the test's directory; static. */
static const char *
below(const struct testing *testing, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", testing->dir, name);
	return path;
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

static void
test_make_directory(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	umask(027);
	assert_int_equal(place_open(&place, below(*state, "d"), &why), 0);
	assert_false(place.exists);
	assert_int_equal(place_make(&place, NODE_KIND_DIR, &why), 0);
	assert_true(place.exists && place.created);
	assert_int_equal(place.kind, NODE_KIND_DIR);
	assert_int_equal(mode_of("d"), 0300);
	assert_int_equal(place.restore_mode, 0750);
	assert_int_equal(umask(022), 027);
	place_unmake(&place);
	assert_int_equal(access("d", F_OK), -1);
}

static void
test_make_file(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	umask(022);
	assert_int_equal(place_open(&place, below(*state, "f"), &why), 0);
	assert_int_equal(place_make(&place, NODE_KIND_FILE, &why), 0);
	assert_int_equal(mode_of("f"), 0644);
	assert_int_equal(place.restore_mode, 0644);
	place_unmake(&place);
	assert_int_equal(access("f", F_OK), -1);
}

static void
test_unmake_keeps_content(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(place_open(&place, below(*state, "f"), &why), 0);
	assert_int_equal(place_make(&place, NODE_KIND_FILE, &why), 0);
	testing_write("f", "mine");
	place_unmake(&place);
	assert_int_equal(unlink("f"), 0);
}

static void
test_unmake_keeps_a_stranger(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(place_open(&place, below(*state, "f"), &why), 0);
	assert_int_equal(place_make(&place, NODE_KIND_FILE, &why), 0);
	assert_int_equal(rename("f", "g"), 0);
	testing_write("f", "");
	place_unmake(&place);
	assert_int_equal(unlink("f"), 0);
	assert_int_equal(unlink("g"), 0);
}

static void
test_unmake_keeps_what_was_there(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(place_open(&place, below(*state, "d"), &why), 0);
	assert_true(place.exists);
	assert_int_equal(place_check(&place, &why), 0);
	place_unmake(&place);
	assert_int_equal(rmdir("d"), 0);
}

static void
check_wrong(const struct testing *testing, const char *name, int expected, const char *word)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(place_open(&place, below(testing, name), &why), 0);
	assert_true(place.exists);
	assert_int_equal(place_check(&place, &why), expected);
	assert_non_null(strstr(text_string(&why), word));
	assert_null(strchr(text_string(&why), '\n'));
}

static void
test_wrong_kinds(void **state)
{
	assert_int_equal(symlink("else\nwhere", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	check_wrong(*state, "link", -ELOOP, "symbolic link to else\\x0awhere");
	check_wrong(*state, "fifo", -EINVAL, "is a fifo");
	unlink("link");
	unlink("fifo");
}

static void
test_not_ours_or_not_writable(void **state)
{
	struct testing *testing = *state;

	testing_write("f", "");
	if (geteuid() == 0) {
		AUTO_PLACE struct place place = PLACE_NONE;
		AUTO_TEXT struct text why = { 0 };

		assert_int_equal(place_open(&place, below(testing, "f"), &why), 0);
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(place_check(&place, &why), -EPERM);
		assert_int_equal(seteuid(0), 0);
		assert_non_null(strstr(text_string(&why), "belongs to root"));
	} else {
		assert_int_equal(chmod("f", 0400), 0);
		check_wrong(testing, "f", -EACCES, "write access");
	}
	unlink("f");
}

static void
test_parent_gone(void **state)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(place_open(&place, below(*state, "no/f"), &why), 0);
	assert_int_equal(place_make(&place, NODE_KIND_FILE, &why), -ENOENT);
	assert_false(place.exists || place.created);
	assert_true(why.size > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_make_directory),
		TESTING_TEST(test_make_file),
		TESTING_TEST(test_unmake_keeps_content),
		TESTING_TEST(test_unmake_keeps_a_stranger),
		TESTING_TEST(test_unmake_keeps_what_was_there),
		TESTING_TEST(test_wrong_kinds),
		TESTING_TEST(test_not_ours_or_not_writable),
		TESTING_TEST(test_parent_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
