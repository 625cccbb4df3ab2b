/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-table: columns stay aligned, whatever is in them. */

#include <errno.h>
#include <locale.h>

#include "base/cleanup.h"
#include "tools/table.h"
#include "tools/testing.h"

static const char *const head[] = { "NODE", "STATE", "PID" };

static void
check_printed(const struct table *table, size_t width, unsigned shrink, const char *expected)
{
	AUTO_TEXT struct text text = { 0 };

	table_print(table, &text, width, shrink);
	assert_string_equal(text_string(&text), expected);
}

static void
test_aligned(void **state)
{
	AUTO_TABLE struct table table = { .n_columns = 3 };
	const char *const row[] = { "~/a", "running", "7" };

	(void)state;
	assert_int_equal(table_add(&table, head), 0);
	assert_int_equal(table_add(&table, row), 0);
	check_printed(&table, 0, 0,
	    "NODE  STATE    PID\n"
	    "~/a   running  7\n");
}

static void
test_cut_on_a_terminal(void **state)
{
	AUTO_TABLE struct table table = { .n_columns = 3 };
	const char *const row[] = { "~/a/very/long/path/indeed", "idle", "7" };

	(void)state;
	assert_int_equal(table_add(&table, head), 0);
	assert_int_equal(table_add(&table, row), 0);
	setlocale(LC_CTYPE, "C");
	check_printed(&table, 26, 1,
	    "NODE            STATE  PID\n"
	    "~/a/very/long~  idle   7\n");
	check_printed(&table, 1, 1,
	    "NODE          STATE  PID\n"
	    "~/a/very/lo~  idle   7\n");
	check_printed(&table, 26, 0,
	    "NODE                       STATE  PID\n"
	    "~/a/very/long/path/indeed  idle   7\n");
}

/* One endless cell must not push the others of all rows away. */
static void
test_padding_is_bounded(void **state)
{
	AUTO_TABLE struct table table = { .n_columns = 3 };
	AUTO_TEXT struct text text = { 0 };
	char long_cell[100];
	const char *const row[] = { long_cell, "idle", "7" };
	const char *newline;

	(void)state;
	memset(long_cell, 'x', sizeof(long_cell) - 1);
	long_cell[sizeof(long_cell) - 1] = '\0';
	assert_int_equal(table_add(&table, head), 0);
	assert_int_equal(table_add(&table, row), 0);
	table_print(&table, &text, 0, 0);
	newline = strchr(text.data, '\n');
	assert_int_equal(newline - text.data, 48 + 2 + 5 + 2 + 3);
	assert_non_null(strstr(newline, "xxx  idle"));
}

static void
test_wide_characters(void **state)
{
	AUTO_TABLE struct table table = { .n_columns = 2 };
	const char *const rows[][2] = { { "\xc3\xa4\xe6\x97\xa5", "1" }, { "abc", "2" }, { "\xff", "3" } };

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(table_add(&table, rows[i]), 0);
	assert_int_equal(table_width("\xc3\xa4\xe6\x97\xa5"), 3);
	check_printed(&table, 0, 0, "\xc3\xa4\xe6\x97\xa5  1\nabc  2\n\xff    3\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_aligned),
		TESTING_TEST(test_cut_on_a_terminal),
		TESTING_TEST(test_padding_is_bounded),
		TESTING_TEST(test_wide_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
