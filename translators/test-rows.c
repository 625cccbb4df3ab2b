/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-rows: rows over a small memory, through crashes, and with rubbish in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "translators/rows.h"

enum { SIZE = 4096 + 64 * (16 * 128 + 256) };

static _Alignas(4096) char memory[SIZE];
static struct row *root;

/* What the library would do ---------------------------------------------------- */

static trans_node_t unknown;	/* the one that the kernel does not know */
static unsigned n_withdrawn;

void
trans_withdraw(uint64_t key)
{
	(void)key;
	n_withdrawn++;
}

int
trans_is_known(trans_node_t node)
{
	return node != unknown;
}

int
trans_leaving(void)
{
	return 0;
}

int
trans_thread(void (*function)(void *), void *argument)
{
	function(argument);
	return 0;
}

int
nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

/* Helpers ----------------------------------------------------------------------- */

static int
setup(void **state)
{
	(void)state;
	memset(memory, 0, SIZE);
	assert_int_equal(rows_open(memory, SIZE), 0);
	rows_set_root(&(struct row_id){ 1, 2, 3 });
	root = rows_get(TRANS_ROOT);
	unknown = 0;
	n_withdrawn = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rows_close();
	return 0;
}

/* The end of one and the beginning of the next. */
static void
crash(void)
{
	rows_close();
	assert_int_equal(rows_open(memory, SIZE), 0);
	root = rows_get(TRANS_ROOT);
	assert_non_null(root);
}

static struct row *
put(uint64_t inode, const char *name)
{
	return rows_put(&(struct row_id){ 1, inode, 0 }, root, name);
}

/* Tests ------------------------------------------------------------------------- */

static void
gives_and_takes(void **state)
{
	struct row *a = put(10, "a"), *b = put(11, "b");
	trans_node_t node = rows_node(a);

	(void)state;
	assert_true(a && b && a != b && node != TRANS_ROOT && rows_get(node) == a);
	assert_string_equal(rows_name(a), "a");
	assert_ptr_equal(rows_parent(a), root);
	/* Another name of the same file. */
	assert_ptr_equal(put(10, "c"), a);
	assert_string_equal(rows_name(a), "c");
	assert_true(rows_is_at(a, root, "c") && !rows_is_at(a, root, "a"));
	rows_tell(a);
	rows_tell(a);
	rows_forget(a, 1);
	assert_ptr_equal(rows_get(node), a);
	rows_forget(a, 1);
	assert_null(rows_get(node));
	/* The row is another's: the old id stays stale. */
	a = put(12, "d");
	assert_int_not_equal(rows_node(a), node);
	assert_null(rows_get(node));
	assert_null(rows_get(0));
	assert_null(rows_get(~(uint64_t)0));
	rows_forget(root, 100);
	assert_non_null(rows_get(TRANS_ROOT));
}

static void
long_names(void **state)
{
	char name[ROW_NAME_MAX + 1];
	struct row *row;

	(void)state;
	for (size_t size = 1; size <= ROW_NAME_MAX; size++) {
		memset(name, 'x', size);
		name[size] = '\0';
		row = put(20, name);
		assert_non_null(row);
		assert_string_equal(rows_name(row), name);
		rows_tell(row);
		crash();
		row = rows_find(&(struct row_id){ 1, 20, 0 });
		assert_non_null(row);
		assert_string_equal(rows_name(row), name);
	}
}

static void
outlives_a_crash(void **state)
{
	struct row *dir = put(30, "dir");
	struct row *file = rows_put(&(struct row_id){ 1, 31, 7 }, dir, "file");
	trans_node_t node = rows_node(file);

	(void)state;
	rows_tell(dir);
	rows_tell(file);
	rows_flag(file, ROW_OPEN | ROW_DEPOSITED, 0);
	crash();
	file = rows_get(node);
	assert_non_null(file);
	assert_true(file->flags & ROW_OPEN);
	assert_string_equal(rows_name(rows_parent(file)), "dir");
	rows_forget(file, 1);
	assert_ptr_equal(rows_get(node), file);	/* still open */
	rows_flag(file, 0, ROW_OPEN);
	assert_null(rows_get(node));
	assert_int_equal(n_withdrawn, 1);
}

/* A file that is gone, and another that has got its inode within a tick. */
static void
same_inode(void **state)
{
	struct row *old = put(40, "a"), *other;
	trans_node_t node = rows_node(old);

	(void)state;
	rows_tell(old);
	rows_lose(old, true);
	other = put(40, "a");
	assert_ptr_not_equal(other, old);
	assert_ptr_equal(rows_get(node), old);
	assert_ptr_equal(rows_find(&(struct row_id){ 1, 40, 0 }), other);
	rows_forget(old, 1);
	assert_null(rows_get(node));
	/* One that has another name comes back by it. */
	rows_tell(other);
	rows_lose(other, false);
	assert_false(rows_is_at(other, root, "a"));
	assert_ptr_equal(put(40, "b"), other);
	assert_true(rows_is_at(other, root, "b"));
}

static void
becomes_full(void **state)
{
	char name[200];
	uint64_t n = 0, n_long = 0;

	(void)state;
	memset(name, 'y', sizeof(name));
	name[199] = '\0';
	while (put(1000 + n_long, name))
		rows_tell(rows_find(&(struct row_id){ 1, 1000 + n_long++, 0 }));
	while (put(5000 + n, "s"))
		rows_tell(rows_find(&(struct row_id){ 1, 5000 + n++, 0 }));
	assert_true(n_long > 32 && n > 500);
	/* What ends makes room. */
	rows_forget(rows_find(&(struct row_id){ 1, 1001, 0 }), 1);
	assert_non_null(put(9000, name));
	crash();
	assert_non_null(rows_find(&(struct row_id){ 1, 5000 + n - 1, 0 }));
	assert_null(put(9001, "s"));
}

static void
sweeps(void **state)
{
	struct row *a = put(50, "a"), *b = put(51, "b"), *c;
	trans_node_t forgotten = rows_node(a), known = rows_node(b), again;

	(void)state;
	rows_tell(a);
	rows_flag(a, ROW_OPEN, 0);
	rows_tell(b);
	c = put(52, "c");
	rows_tell(c);
	again = rows_node(c);
	crash();
	unknown = forgotten;
	assert_int_equal(rows_sweep(), 0);
	assert_non_null(rows_get(forgotten));
	rows_swept();
	assert_null(rows_get(forgotten));
	assert_non_null(rows_get(known));
	/* Looked up since: the kernel will know it in a moment. */
	crash();
	unknown = again;
	assert_int_equal(rows_sweep(), 0);
	assert_non_null(put(52, "c"));
	rows_swept();
	assert_non_null(rows_get(again));
}

static void
rubbish(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 200; round++) {
		struct row *row = put(60 + (uint64_t)round, "name");

		if (row)
			rows_tell(row);
		/* Anywhere but in the first words, without which all is new. */
		for (int i = 0; i < 40; i++)
			memory[16 + rand() % 16384] = (char)rand();
		crash();
		for (uint64_t id = 0; id < 4096; id++) {
			row = rows_get(id | (rows_node(rows_get(TRANS_ROOT)) << 40));
			if (row)
				rows_name(row);
		}
	}
	memset(memory, 0xff, SIZE);
	crash();
	assert_non_null(put(1, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gives_and_takes, setup, teardown),
		cmocka_unit_test_setup_teardown(long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(outlives_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(same_inode, setup, teardown),
		cmocka_unit_test_setup_teardown(becomes_full, setup, teardown),
		cmocka_unit_test_setup_teardown(sweeps, setup, teardown),
		cmocka_unit_test_setup_teardown(rubbish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
