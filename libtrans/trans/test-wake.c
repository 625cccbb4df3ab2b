/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whoever wakes the main thread is noticed, wherever it waits, and no message is lost. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "trans/wake.h"

enum { ROUNDS = 20000 };

static int pair[2];
static unsigned left;		/* atomic: what the others have left */
static unsigned seen;		/* atomic: what the main thread has seen of it */
static unsigned n_messages;	/* atomic: that it has read */

/* Only once the last was seen: a lost one would never be made good by the next. */
static void *
leave_things(void *unused)
{
	(void)unused;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		__atomic_store_n(&left, i, __ATOMIC_SEQ_CST);
		wake_main();
		while (__atomic_load_n(&seen, __ATOMIC_SEQ_CST) != i)
			sched_yield();
	}
	return NULL;
}

static void *
send_messages(void *unused)
{
	(void)unused;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		if (send(pair[1], &i, sizeof(i), 0) != sizeof(i))
			return &pair;
		while (i % 3 && __atomic_load_n(&n_messages, __ATOMIC_SEQ_CST) != i)
			sched_yield();
	}
	return NULL;
}

static void
read_one(void)
{
	unsigned number;
	ssize_t size = read(pair[0], &number, sizeof(number));

	assert_true(size == sizeof(number) || (size < 0 && errno == EAGAIN));
	if (size > 0)
		assert_int_equal(number, n_messages + 1);
	if (size > 0)
		__atomic_store_n(&n_messages, number, __ATOMIC_SEQ_CST);
}

static void
look(void)
{
	struct pollfd polled = { .fd = wake_fd(), .events = POLLIN };

	assert_true(poll(&polled, 1, 0) >= 0);
	if (polled.revents)
		wake_drain();
	__atomic_store_n(&seen, __atomic_load_n(&left, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
}

static void
wakes_a_read(void **state)
{
	pthread_t one, other;
	void *failed;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(wake_open(), 0);
	assert_int_equal(pthread_create(&one, NULL, leave_things, NULL), 0);
	assert_int_equal(pthread_create(&other, NULL, send_messages, NULL), 0);
	while (seen != ROUNDS || n_messages != ROUNDS) {
		wake_set_blocking(pair[0], true);
		while (n_messages + seen != 2 * ROUNDS && wake_begin_read(pair[0])) {
			unsigned before = n_messages;

			read_one();
			wake_end_read();
			if (n_messages == before)
				break;
		}
		look();
	}
	pthread_join(one, NULL);
	pthread_join(other, &failed);
	assert_null(failed);
	wake_close();
	close(pair[0]);
	close(pair[1]);
}

static void
is_seen_by_poll(void **state)
{
	struct pollfd polled = { .events = POLLIN };

	(void)state;
	assert_int_equal(wake_open(), 0);
	polled.fd = wake_fd();
	assert_int_equal(poll(&polled, 1, 0), 0);
	wake_main();
	wake_main();
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_false(wake_begin_read(-1));
	wake_drain();
	assert_int_equal(poll(&polled, 1, 0), 0);
	assert_true(wake_begin_read(-1));
	wake_end_read();
	wake_main();
	assert_int_equal(poll(&polled, 1, 0), 1);
	wake_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_seen_by_poll),
		cmocka_unit_test(wakes_a_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
