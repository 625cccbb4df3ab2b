/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-deposit: descriptors come and go; as many as are promised, and no more. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "portd/deposit.h"
#include "wire/messages.h"

static int
open_one(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* They are closed on a thread. */
static void
wait_closed(int fd)
{
	for (int i = 0; i < 1000 && fcntl(fd, F_GETFD) >= 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
comes_and_goes(void **state)
{
	struct deposits deposits = { 0 };
	int a = open_one(), b = open_one(), got;

	(void)state;
	assert_int_equal(deposit_get(&deposits, 7), -ENOENT);
	assert_int_equal(deposit_put(&deposits, 7, a), 0);
	got = deposit_get(&deposits, 7);
	assert_true(got >= 0 && got != a);
	close(got);
	assert_int_equal(deposit_put(&deposits, 7, b), 0);
	wait_closed(a);
	assert_int_equal(deposits.n, 1);
	assert_int_equal(deposit_remove(&deposits, 8), -ENOENT);
	assert_int_equal(deposit_remove(&deposits, 7), 0);
	wait_closed(b);
	assert_int_equal(deposit_get(&deposits, 7), -ENOENT);
	deposits_deinit(&deposits);
}

static void
has_a_limit(void **state)
{
	struct deposits deposits = { 0 };
	int fds[FSYS_DEPOSITS_MAX], more = open_one();

	(void)state;
	for (int i = 0; i < FSYS_DEPOSITS_MAX; i++) {
		fds[i] = open_one();
		assert_int_equal(deposit_put(&deposits, (uint64_t)i, fds[i]), 0);
	}
	assert_int_equal(deposit_put(&deposits, FSYS_DEPOSITS_MAX, more), -ENOSPC);
	assert_int_equal(deposit_remove(&deposits, 3), 0);
	wait_closed(fds[3]);
	assert_int_equal(deposit_put(&deposits, FSYS_DEPOSITS_MAX, more), 0);
	deposits_deinit(&deposits);
	for (int i = 0; i < FSYS_DEPOSITS_MAX; i++)
		wait_closed(fds[i]);
	wait_closed(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
