/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-mirror-options: which names a mirror hides, and whose files it shows as whose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "trans/trans.h"
#include "translators/mirror-filter.h"
#include "translators/mirror-ids.h"

/* What the library would do. */
int
trans_error(int errnum, const char *format, ...)
{
	(void)format;
	return -errnum;
}

#define WORDS(...) ((const char *const []){ __VA_ARGS__, NULL })

static bool
hides(const char *name, mode_t type, bool top)
{
	return filter_hides(&(struct filter_name){ .name = name, .type = type, .top = top });
}

static bool
hides_file(const char *name)
{
	return hides(name, S_IFREG, false);
}

static void
names(void **state)
{
	(void)state;
	assert_int_equal(filter_set(WORDS("keep.o", "k[!x]*"), WORDS("*.o", ".?*", "a\\*b", "[cd]")), 0);
	assert_true(filter_is_on());
	assert_true(hides_file("a.o"));
	assert_true(hides_file(".o"));
	assert_true(hides_file(".git"));
	assert_true(hides_file("c"));
	assert_true(hides_file("a*b"));
	assert_true(hides_file("\xff\xfe.o"));
	assert_false(hides_file("axb"));
	assert_false(hides_file("e"));
	assert_false(hides_file("keep.o"));
	assert_false(hides_file("ka.o"));
	assert_true(hides_file("kx.o"));
	assert_false(hides_file("a.oo"));
	assert_true(hides("a.o", S_IFLNK, true));
}

static void
places(void **state)
{
	(void)state;
	assert_int_equal(filter_set(WORDS("/c/"), WORDS("/a", "b/", "c", "/d/")), 0);
	assert_true(hides("a", S_IFREG, true));
	assert_false(hides("a", S_IFREG, false));
	assert_true(hides("b", S_IFDIR, false));
	assert_false(hides("b", S_IFLNK, false));
	assert_false(hides("c", S_IFDIR, true));
	assert_true(hides("c", S_IFDIR, false));
	assert_true(hides("c", S_IFREG, true));
	assert_true(hides("d", S_IFDIR, true));
	assert_false(hides("d", S_IFDIR, false));
	assert_false(hides("d", S_IFREG, true));
}

/* What cannot be leaves what is. */
static void
bad_patterns(void **state)
{
	static char longest[1024 + 2];

	(void)state;
	assert_int_equal(filter_set(NULL, WORDS("a")), 0);
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = 'x';
	assert_int_equal(filter_set(NULL, WORDS("b", "")), -EINVAL);
	assert_int_equal(filter_set(NULL, WORDS("/")), -EINVAL);
	assert_int_equal(filter_set(NULL, WORDS("//")), -EINVAL);
	assert_int_equal(filter_set(NULL, WORDS("a/b")), -EINVAL);
	assert_int_equal(filter_set(NULL, WORDS("/a//")), -EINVAL);
	assert_int_equal(filter_set(NULL, WORDS(longest)), -EINVAL);
	assert_int_equal(filter_set(WORDS("a/b"), WORDS("b")), -EINVAL);
	assert_int_equal(filter_set(WORDS("a"), NULL), -EINVAL);
	assert_true(hides_file("a"));
	assert_false(hides_file("b"));
	longest[1024] = '\0';
	assert_int_equal(filter_set(NULL, WORDS(longest)), 0);
	assert_false(hides_file("a"));
	assert_int_equal(filter_set(NULL, NULL), 0);
	assert_false(filter_is_on());
}

static void
ranges(void **state)
{
	struct ids *ids = NULL;
	uint32_t below = 1;

	(void)state;
	assert_int_equal(ids_new(&ids, "uid", WORDS("1000:0", "0:100000:1000", "4294967294:5")), 0);
	assert_int_equal(ids_shown(ids, 1000), 0);
	assert_int_equal(ids_shown(ids, 0), 100000);
	assert_int_equal(ids_shown(ids, 999), 100999);
	assert_int_equal(ids_shown(ids, 1001), IDS_NONE);
	assert_int_equal(ids_shown(ids, 4294967294), 5);
	assert_true(ids_below(ids, 100999, &below));
	assert_int_equal(below, 999);
	assert_true(ids_below(ids, 0, &below));
	assert_int_equal(below, 1000);
	assert_false(ids_below(ids, 101000, &below));
	assert_false(ids_below(ids, 1000, &below));
	assert_int_equal(below, 1000);
	ids_free(ids);
}

static void
no_ranges(void **state)
{
	struct ids *ids = NULL;
	uint32_t below = 1;

	(void)state;
	assert_int_equal(ids_new(&ids, "uid", NULL), 0);
	assert_int_equal(ids_new(&ids, "uid", (const char *const []){ NULL }), 0);
	assert_null(ids);
	assert_int_equal(ids_shown(ids, 17), 17);
	assert_true(ids_below(ids, 17, &below));
	assert_int_equal(below, 17);
}

static void
bad_ranges(void **state)
{
	static const char *const bad[] = {
		"", "1", ":", "1:", ":1", "1:2:", "1:2:0", "a:1", "1:-1", "1:2:3:4", " 1:2", "1:2 ",
		"4294967295:1", "1:4294967295", "99999999999999999999:1", "4294967290:1:6",
		"1:4294967294:2", "0x1:2",
	};
	struct ids *ids = (struct ids *)bad;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ids_new(&ids, "uid", WORDS(bad[i])), -EINVAL);
	assert_int_equal(ids_new(&ids, "uid", WORDS("0:10:5", "4:20")), -EINVAL);
	assert_int_equal(ids_new(&ids, "uid", WORDS("4:20", "0:10:5")), -EINVAL);
	assert_int_equal(ids_new(&ids, "uid", WORDS("0:10:5", "5:14")), -EINVAL);
	assert_ptr_equal(ids, bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(places),
		cmocka_unit_test(bad_patterns),
		cmocka_unit_test(ranges),
		cmocka_unit_test(no_ranges),
		cmocka_unit_test(bad_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
