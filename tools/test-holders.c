/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-holders: who holds a mount, from a /proc of paper and from the real one. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "tools/holders.h"
#include "tools/testing.h"

static void
make_process(const char *pid, const char *name, const char *fdinfo, const char *maps)
{
	char path[64];

	assert_int_equal(mkdir(pid, 0700), 0);
	snprintf(path, sizeof(path), "%s/fdinfo", pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/fdinfo/3", pid);
	testing_write(path, fdinfo);
	snprintf(path, sizeof(path), "%s/comm", pid);
	testing_write(path, name);
	snprintf(path, sizeof(path), "%s/maps", pid);
	testing_write(path, maps);
}

static void
remove_process(const char *pid)
{
	static const char *const names[] = { "fdinfo/3", "comm", "maps" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", pid, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	snprintf(path, sizeof(path), "%s/fdinfo", pid);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(pid), 0);
}

static void
check_printed(const struct holders *holders, const char *expected)
{
	AUTO_TEXT struct text text = { 0 };

	holders_print(&text, holders);
	assert_string_equal(text_string(&text), expected);
}

static void
test_paper(void **state)
{
	AUTO_HOLDERS struct holders holders = { 0 };

	(void)state;
	make_process("70000001", "cat\n", "pos:\t0\nflags:\t00\nmnt_id:\t77\nino:\t1\n", "");
	make_process("70000002", "vim\n", "pos:\t0\nflags:\t00\nmnt_id:\t770\n", "");
	make_process("70000003", "a\033b\n", "pos:\t0\n",
	    "7f00-7f01 r--p 00000000 00:31 12 /x\n7f02-7f03 r--p 00000000 08:01 13 /y\n");
	assert_int_equal(holders_find(&holders, ".", 77, "0:49"), 0);
	remove_process("70000001");
	remove_process("70000002");
	remove_process("70000003");
	assert_int_equal(holders.n, 2);
	if (holders.list[0].pid == 70000001)
		check_printed(&holders, "cat (pid 70000001), a\\x1bb (pid 70000003, mapped)");
	else
		check_printed(&holders, "a\\x1bb (pid 70000003, mapped), cat (pid 70000001)");
}

static void
test_nobody(void **state)
{
	AUTO_HOLDERS struct holders holders = { 0 };

	(void)state;
	make_process("70000001", "cat\n", "mnt_id:\t78\n", "");
	assert_int_equal(holders_find(&holders, ".", 77, ""), 0);
	remove_process("70000001");
	assert_int_equal(holders.n, 0);
	check_printed(&holders, "");
	assert_int_equal(holders_find(&holders, "missing", 77, ""), -ENOENT);
}

static void
test_many_are_counted(void **state)
{
	struct holder list[10] = { 0 };
	const struct holders holders = { list, ARRAY_SIZE(list) };
	AUTO_TEXT struct text text = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		list[i] = (struct holder){ .pid = (pid_t)i + 1, .how = HOLDER_CWD };
		strcpy(list[i].name, "sh");
	}
	holders_print(&text, &holders);
	assert_non_null(strstr(text.data, "sh (pid 1, its directory), "));
	assert_non_null(strstr(text.data, "(pid 8, its directory) and 2 more"));
}

static int
own_mount_id(void)
{
	char line[128];
	int id = -1;
	FILE *stream;
	int fd = open(".", O_PATH | O_DIRECTORY);

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	stream = fopen(line, "r");
	assert_non_null(stream);
	while (fgets(line, sizeof(line), stream))
		sscanf(line, "mnt_id: %d", &id);
	fclose(stream);
	close(fd);
	return id;
}

/* A child whose directory is on the mount that holds the test's. */
static void
test_real(void **state)
{
	AUTO_HOLDERS struct holders holders = { 0 };
	unsigned how = 0;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(holders_find(&holders, "/proc", own_mount_id(), ""), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < holders.n; i++) {
		assert_int_not_equal(holders.list[i].pid, getpid());
		if (holders.list[i].pid == pid)
			how = holders.list[i].how;
	}
	assert_true(how & HOLDER_CWD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_paper),
		TESTING_TEST(test_nobody),
		TESTING_TEST(test_many_are_counted),
		TESTING_TEST(test_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
