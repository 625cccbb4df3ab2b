/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-opener: which translator a name asks for, and what its node is called. */

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tools/opener.h"
#include "tools/testing.h"

static void
test_names(void **state)
{
	static const struct {
		const char *file, *translator, *node;
	} cases[] = {
		{ "/x/hello_2.10.orig.tar.gz", "tarfs", "hello_2.10.orig" },
		{ "/x/a.TGZ", "tarfs", "a" },
		{ "/x/a.tar", "tarfs", "a" },
		{ "/x/a.zip", "zipfs", "a" },
		{ "/x/disk.iso", "isofs", "disk" },
		{ "/x/disk.iso.xz", "isofs", "disk" },
		{ "/x/a.deb", "archive", "a" },
		{ "/x.zip/plain", "archive", "plain" },
		{ "/x/data.gz", "archive", "data" },
		{ "/x/.tar", "archive", ".tar" },
		{ "/x/.tar.gz", "archive", ".tar" },
		{ "/x/.gz", "archive", ".gz" },
		{ "/x/v1.2", "archive", "v1.2" },
		{ "bare.zip", "zipfs", "bare" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_TEXT struct text name = { 0 };

		assert_string_equal(opener_for(cases[i].file), cases[i].translator);
		opener_node_name(&name, cases[i].file);
		assert_string_equal(text_string(&name), cases[i].node);
	}
}

static void
test_dir(void **state)
{
	struct testing *testing = *state;
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = NULL;
	char expected[128];

	setenv("HIRD_OPEN_DIR", "a/b/c", 1);
	assert_null(opener_dir(false, &why));
	assert_true(why.size > 0);
	dir = opener_dir(true, &why);
	assert_non_null(dir);
	snprintf(expected, sizeof(expected), "%s/a/b/c", testing->dir);
	assert_string_equal(dir, expected);
	rmdir("a/b/c");
	rmdir("a/b");
	rmdir("a");
}

static void
test_dir_below_home(void **state)
{
	struct testing *testing = *state;
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = NULL;
	char expected[128];

	unsetenv("HIRD_OPEN_DIR");
	setenv("HOME", testing->dir, 1);
	dir = opener_dir(true, &why);
	assert_non_null(dir);
	snprintf(expected, sizeof(expected), "%s/hird", testing->dir);
	assert_string_equal(dir, expected);
	rmdir("hird");
	unsetenv("HOME");
	assert_null(opener_dir(true, &why));
}

static void
test_dir_in_the_way(void **state)
{
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	testing_write("file", "");
	setenv("HIRD_OPEN_DIR", "file/sub", 1);
	assert_null(opener_dir(true, &why));
	assert_non_null(strstr(text_string(&why), strerror(ENOTDIR)));
	unlink("file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_names),
		TESTING_TEST(test_dir),
		TESTING_TEST(test_dir_below_home),
		TESTING_TEST(test_dir_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
