/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of control groups, in a directory that only looks like one: what is written where, and
 * what is told of what is not there. */
#include "base/testing.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/sys.h"

static char dir[] = "/tmp/test-cgroup.XXXXXX";

static void
path_of(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

static void
put(const char *name, const char *text)
{
	char path[PATH_MAX];
	AUTO_CLOSE int fd = -1;

	path_of(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(sys_write_all(fd, text, strlen(text)), 0);
}

/* Writing does not shorten these files, as it would not those of the kernel. */
static void
holds(const char *name, const char *text)
{
	char path[PATH_MAX], data[256];
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	path_of(path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : sys_read_all(fd, data, sizeof(data) - 1);
	data[n > 0 ? n : 0] = '\0';
	assert_string_equal(data, text);
}

static void
lose(const char *name)
{
	char path[PATH_MAX];

	path_of(path, name);
	assert_int_equal(unlink(path), 0);
}

static void
test_limits(void **state)
{
	const struct cgroup_limits limits = { .memory = 4096, .tasks = 7, .weight = 50 };
	static const char *const files[] = {
		"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.weight",
	};

	(void)state;
	/* Without a controller nothing is written: there is no file. */
	assert_int_equal(cgroup_limit(dir, CGROUP_KILL, &limits), 0);
	assert_int_equal(cgroup_limit(dir, CGROUP_PIDS, &limits), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i], "");
	assert_int_equal(cgroup_limit(dir, CGROUP_PIDS, &limits), 0);
	holds("pids.max", "7");
	holds("memory.max", "");
	holds("cpu.weight", "");
	assert_int_equal(cgroup_limit(dir, CGROUP_MEMORY | CGROUP_CPU, &limits), 0);
	holds("memory.max", "4096");
	holds("memory.swap.max", "4096");
	holds("memory.oom.group", "1");
	holds("cpu.weight", "50");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i], "");
	/* No limit of memory; a kernel that has no swap. */
	lose("memory.swap.max");
	assert_int_equal(cgroup_limit(dir, CGROUP_CONTROLLERS, &(struct cgroup_limits){ .tasks = 1 }), 0);
	holds("memory.max", "");
	holds("memory.oom.group", "1");
	holds("cpu.weight", "");
	assert_int_equal(cgroup_limit(dir, CGROUP_CONTROLLERS, &limits), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (i != 1)
			lose(files[i]);
}

static void
test_divide(void **state)
{
	(void)state;
	put("cgroup.controllers", "cpuset io pids hugetlb memoryx\n");
	put("cgroup.subtree_control", "");
	cgroup_divide(dir);
	holds("cgroup.subtree_control", "+pids");
	put("cgroup.subtree_control", "pids memory\n");
	assert_int_equal(cgroup_flags(dir), CGROUP_PIDS | CGROUP_MEMORY);
	put("cgroup.kill", "");
	assert_int_equal(cgroup_flags(dir), CGROUP_PIDS | CGROUP_MEMORY | CGROUP_KILL);
	put("cgroup.subtree_control", "pids\n");
	cgroup_undivide(dir);
	holds("cgroup.subtree_control", "-pids");
	lose("cgroup.kill");
	lose("cgroup.controllers");
	lose("cgroup.subtree_control");
	assert_int_equal(cgroup_flags(dir), 0);
}

static void
test_enter(void **state)
{
	(void)state;
	assert_int_equal(cgroup_enter(dir, 0), -ENOENT);
	put("cgroup.procs", "");
	assert_int_equal(cgroup_enter(dir, 4711), 0);
	holds("cgroup.procs", "4711");
	assert_true(cgroup_has(dir, 4711));
	assert_false(cgroup_has(dir, 471));
	lose("cgroup.procs");
	assert_false(cgroup_has(dir, 4711));
}

/* At once, or one by one where the kernel cannot do that; 0 is a process of elsewhere. */
static void
test_kill(void **state)
{
	pid_t pid = fork();
	char pids[64];
	int status;

	(void)state;
	if (pid == 0) {
		alarm(30);	/* should this test fail */
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(cgroup_kill(dir), -ENOENT);
	snprintf(pids, sizeof(pids), "0\n%d\n", (int)pid);
	put("cgroup.procs", pids);
	put("cgroup.kill", "");
	assert_int_equal(cgroup_kill(dir), 0);
	holds("cgroup.kill", "1");
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	lose("cgroup.kill");
	assert_int_equal(cgroup_kill(dir), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	lose("cgroup.procs");
}

static void
test_ran_out(void **state)
{
	(void)state;
	assert_false(cgroup_ran_out(dir));
	put("memory.events", "low 0\nhigh 3\nmax 9\noom 2\noom_kill 0\noom_group_kill 0\n");
	assert_false(cgroup_ran_out(dir));
	put("memory.events", "low 0\nhigh 3\nmax 9\noom 2\noom_kill 2\noom_group_kill 1\n");
	assert_true(cgroup_ran_out(dir));
	lose("memory.events");
}

/* What is no group's: no files, or nobody gave it to us. */
static void
test_delegated(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_false(cgroup_is_delegated(dir));
	assert_false(cgroup_is_delegated("/proc"));
	put("cgroup.procs", "");
	put("cgroup.subtree_control", "");
	path_of(path, "inner");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(cgroup_is_delegated(path));
	/* /tmp is root's: so this is where our share would begin. */
	if (geteuid() != 0)
		assert_true(cgroup_is_delegated(dir));
	assert_int_equal(rmdir(path), 0);
	lose("cgroup.procs");
	lose("cgroup.subtree_control");
}

static void
prints(enum cgroup_state group, unsigned flags, const char *expected)
{
	struct text text = { 0 };

	cgroup_print(&text, group, flags);
	assert_string_equal(text_string(&text), expected);
	text_deinit(&text);
}

static void
test_print(void **state)
{
	(void)state;
	prints(CGROUP_USED, CGROUP_CONTROLLERS | CGROUP_KILL, "cgroup: memory, pids, cpu");
	prints(CGROUP_USED, CGROUP_PIDS | CGROUP_KILL, "cgroup: pids (no controller memory, cpu)");
	prints(CGROUP_USED, CGROUP_KILL, "cgroup without limits (no controller memory, pids, cpu)");
	prints(CGROUP_USED, CGROUP_CONTROLLERS, "cgroup: memory, pids, cpu, not killed as one");
	prints(CGROUP_NOT_DELEGATED, 0, "no cgroup: none is delegated");
	prints(CGROUP_SHARED, 0, "no cgroup: other processes are in the delegated one");
	prints(CGROUP_FAILED, 0, "no cgroup: the delegated one cannot be divided");
	prints(CGROUP_NONE, 0, "no cgroup: there are none of version 2 here");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_divide),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_ran_out),
		cmocka_unit_test(test_delegated),
		cmocka_unit_test(test_print),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) == 0 ? failed : 1;
}
