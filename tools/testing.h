/* SPDX-License-Identifier: GPL-2.0-or-later */
/* testing: what the unit tests of the tools share: a directory of their own,
 * and the count of open descriptors, equal before and after each test. */
#ifndef TOOLS_TESTING_H
#define TOOLS_TESTING_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct testing {
	char dir[64];		/* resolved; also the current directory */
	unsigned n_fds;
};

static inline unsigned
testing_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline int
testing_setup(void **state)
{
	struct testing *testing = calloc(1, sizeof(*testing));

	if (!testing)
		return -1;
	*state = testing;
	strcpy(testing->dir, "/tmp/test-tools-XXXXXX");
	if (!mkdtemp(testing->dir) || chdir(testing->dir) < 0)
		return -1;
	testing->n_fds = testing_count_fds();
	return 0;
}

/* The directory must be empty again. */
static inline int
testing_teardown(void **state)
{
	struct testing *testing = *state;
	int err = 0;

	if (testing_count_fds() != testing->n_fds) {
		fprintf(stderr, "descriptors left open\n");
		err = -1;
	}
	if (chdir("/") < 0 || rmdir(testing->dir) < 0) {
		perror(testing->dir);
		err = -1;
	}
	free(testing);
	return err;
}

static inline void
testing_write(const char *path, const char *content)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(content, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

#define TESTING_TEST(function) \
	cmocka_unit_test_setup_teardown(function, testing_setup, testing_teardown)

#endif
