/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-tool: canonical paths of nodes, and paths as a person reads them. */

#include <errno.h>
#include <sys/stat.h>

#include "tools/testing.h"
#include "tools/tool.h"

/* The path of `name` is `expected`, below the test's directory when relative. */
static void
check_path(struct testing *testing, const char *name, bool follow, const char *expected)
{
	AUTO_TEXT struct text why = { 0 };
	char full[256];
	int errnum = 0;
	char *path = tool_node_path(name, follow, &why, &errnum);

	assert_non_null(path);
	snprintf(full, sizeof(full), "%s%s%s", testing->dir, *expected ? "/" : "", expected);
	assert_string_equal(path, full);
	assert_int_equal(why.size, 0);
	assert_int_equal(errnum, 0);
	free(path);
}

static void
check_refused(const char *name, int expected)
{
	AUTO_TEXT struct text why = { 0 };
	int errnum = 0;

	assert_null(tool_node_path(name, false, &why, &errnum));
	assert_int_equal(errnum, expected);
	assert_true(why.size > 0);
	assert_null(strchr(why.data, '\n'));
}

static void
test_plain(void **state)
{
	check_path(*state, "node", false, "node");
	check_path(*state, "node///", false, "node");
	check_path(*state, "./node", false, "node");
	check_path(*state, "a b\nc", false, "a b\nc");
}

static void
test_parents_are_resolved(void **state)
{
	struct testing *testing = *state;

	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("d", "link"), 0);
	check_path(testing, "link/node", false, "d/node");
	check_path(testing, "d/../link//node/", false, "d/node");
	check_path(testing, "link", false, "link");
	check_path(testing, "link/", false, "link");
	check_path(testing, "link", true, "d");
	check_path(testing, "link/.", false, "d");
	check_path(testing, "link/..", false, "");
	check_path(testing, ".", false, "");
	unlink("link");
	rmdir("d");
}

static void
test_refused(void **state)
{
	(void)state;
	check_refused("", ENOENT);
	check_refused("/", EINVAL);
	check_refused("//", EINVAL);
	check_refused("/..", EINVAL);
	check_refused("missing/node", ENOENT);
	check_refused("missing\nline/node", ENOENT);
}

static void
test_too_long(void **state)
{
	char name[400];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	check_refused(name, ENAMETOOLONG);
}

static void
check_shown(const char *path, const char *expected)
{
	AUTO_TEXT struct text text = { 0 };

	tool_show_path(&text, path);
	assert_string_equal(text_string(&text), expected);
}

static void
test_home_is_short(void **state)
{
	(void)state;
	setenv("HOME", "/home/me/", 1);
	check_shown("/home/me", "~");
	check_shown("/home/me/src", "~/src");
	check_shown("/home/mean", "/home/mean");
	check_shown("/home/me/a\nb", "~/a\\x0ab");
	setenv("HOME", "/", 1);
	check_shown("/etc", "/etc");
	unsetenv("HOME");
	check_shown("/etc", "/etc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_plain),
		TESTING_TEST(test_parents_are_resolved),
		TESTING_TEST(test_refused),
		TESTING_TEST(test_too_long),
		TESTING_TEST(test_home_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
