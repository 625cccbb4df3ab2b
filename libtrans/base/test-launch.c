/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-launch: starts itself, and the child tells what it was given. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "base/launch.h"
#include "base/sys.h"
#include "base/testing.h"

extern char **environ;

static char self[4096];
static bool has_pidfd;	/* valgrind has none */

/* The child ------------------------------------------------------------------ */

static void
tell_fds(void)
{
	for (int fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFL);
		char link[64], target[4096];
		ssize_t n;

		if (flags < 0)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("fd %d %s%s%s\n", fd, target, flags & O_NONBLOCK ? " nonblock" : "",
		    flags & O_PATH ? " path" : "");
	}
}

static void
tell_status(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[4096];

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "NoNewPrivs", 10) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
		    strncmp(line, "SigBlk", 6) == 0)
			printf("%s", line);
	if (status)
		fclose(status);
}

static int
child(int argc, char **argv)
{
	struct rlimit core;
	char cwd[4096];

	tell_fds();
	tell_status();
	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (char **variable = environ; *variable; variable++)
		printf("env %s\n", *variable);
	getrlimit(RLIMIT_CORE, &core);
	printf("core %lu\ncwd %s\nleader %d\n", (unsigned long)core.rlim_max, getcwd(cwd, sizeof(cwd)),
	    getsid(0) == getpid());
	fflush(stdout);
	return 42;
}

/* Confined: what of this can be done, a word each. */
static int
confined_child(void)
{
	struct rlimit files;
	int fd;

	printf("etc %d\n", open("/etc/passwd", O_RDONLY) >= 0);
	printf("self %d\n", open("/proc/self/maps", O_RDONLY) >= 0);
	printf("tmp %d\n", open("/tmp/test-launch-confined", O_WRONLY | O_CREAT, 0600) >= 0);
	printf("null %d\n", open("/dev/null", O_WRONLY) >= 0);
	fd = openat(LAUNCH_FILE_FD, "inside", O_RDONLY);
	printf("beneath %d\n", fd >= 0);
	fd = openat(LAUNCH_FILE_FD, "made", O_WRONLY | O_CREAT, 0600);
	printf("beneath-write %d\n", fd >= 0);
	getrlimit(RLIMIT_NOFILE, &files);
	printf("files %lu\n", (unsigned long)files.rlim_max);
	fflush(stdout);
	return 42;
}

/* The tests ------------------------------------------------------------------ */

struct run {
	struct argv argv;
	struct argv env;
	struct argv files;
	struct launch launch;
	int pipe[2];
	char out[65536];
	int status;
};

/* Out of the way of the numbers that the tests use. */
static void
make_pipe(int ends[2])
{
	int low[2];

	assert_int_equal(pipe2(low, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 40);
		assert_true(ends[i] >= 0);
		close(low[i]);
	}
}

static int
setup(void **state)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	argv_add(&run->argv, "hello");
	argv_add(&run->argv, "two words");
	make_pipe(run->pipe);
	run->launch = (struct launch){
		.program = self, .argv = &run->argv, .env = &run->env, .files = &run->files,
		.port_fd = -1, .log_fd = run->pipe[1],
	};
	argv_add(&run->env, "HIRD_TEST_CHILD=1");
	*state = run;
	return 0;
}

static int
teardown(void **state)
{
	struct run *run = *state;

	argv_deinit(&run->argv);
	argv_deinit(&run->env);
	argv_deinit(&run->files);
	fd_close(&run->pipe[0]);
	fd_close(&run->pipe[1]);
	free(run);
	return 0;
}

static void
go(struct run *run)
{
	int fds = count_fds(), pidfd = -1;
	ssize_t n;
	pid_t pid = launch(&run->launch, has_pidfd ? &pidfd : NULL);

	assert_true(pid > 0);
	assert_int_equal(count_fds(), fds + has_pidfd);
	if (has_pidfd)
		assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	fd_close(&pidfd);
	fd_close(&run->pipe[1]);
	n = sys_read_all(run->pipe[0], run->out, sizeof(run->out) - 1);
	assert_true(n >= 0);
	run->out[n] = '\0';
	assert_int_equal(waitpid(pid, &run->status, 0), pid);
	assert_true(WIFEXITED(run->status));
}

static void
has(const struct run *run, const char *line)
{
	if (!strstr(run->out, line))
		fail_msg("no '%s' in:\n%s", line, run->out);
}

static void
lacks(const struct run *run, const char *line)
{
	if (strstr(run->out, line))
		fail_msg("'%s' in:\n%s", line, run->out);
}

/* A directory with a file in it, and the child's findings. */
static void
go_confined(struct run *run, const struct confine *confine)
{
	char dir[] = "/tmp/test-launch-XXXXXX", file[64];
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/inside", dir);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	argv_add(&run->files, "dir");
	argv_add(&run->files, dir);
	argv_add(&run->env, "HIRD_TEST_CONFINED=1");
	run->launch.confine = confine;
	go(run);
	assert_int_equal(WEXITSTATUS(run->status), 42);
	unlink(file);
	snprintf(file, sizeof(file), "%s/made", dir);
	unlink(file);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_confined(void **state)
{
	const struct confine confine = { .underlying = -1 };
	struct confine_report report;
	struct run *run = *state;

	confine_look(&confine, &report);
	go_confined(run, &confine);
	has(run, "self 1\n");
	has(run, "null 1\n");
	has(run, "beneath 1\n");
	if (!getenv("HIRD_VALGRIND"))	/* which keeps some for itself */
		has(run, "files 4096\n");
	if (report.landlock == 0)
		skip();
	has(run, "etc 0\n");
	has(run, "tmp 0\n");
	has(run, "beneath-write 0\n");
}

static void
test_confined_write(void **state)
{
	const struct confine confine = { .underlying = -1, .grants = CONFINE_WRITE };
	struct confine_report report;
	struct run *run = *state;

	confine_look(&confine, &report);
	go_confined(run, &confine);
	has(run, "beneath-write 1\n");
	if (report.landlock == 0)
		skip();
	has(run, "etc 0\n");
	has(run, "tmp 0\n");
}

static void
test_grants(void **state)
{
	struct text why = { 0 }, list = { 0 };
	unsigned grants = 0;

	(void)state;
	assert_int_equal(confine_parse_grants("exec,network", &grants, &why), 0);
	assert_int_equal(grants, CONFINE_EXEC | CONFINE_NETWORK);
	confine_print_grants(&list, grants);
	assert_string_equal(text_string(&list), "network,exec");
	grants = 0;
	assert_int_equal(confine_parse_grants("network,", &grants, &why), -EINVAL);
	assert_int_equal(confine_parse_grants("", &grants, &why), -EINVAL);
	assert_int_equal(confine_parse_grants("net", &grants, &why), -EINVAL);
	assert_int_equal(grants, 0);
	text_deinit(&why);
	text_deinit(&list);
}

static void
test_plain(void **state)
{
	struct run *run = *state;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	sigset_t block, mask;

	setenv("LC_TIME", "C", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("TZ", "Europe/Berlin", 1);
	setenv("LD_LIBRARY_PATH", "/nowhere", 1);
	setenv("SECRET", "x", 1);
	sigaction(SIGPIPE, &ignore, &before);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &mask);
	argv_add(&run->env, "TZ=UTC");
	go(run);
	sigaction(SIGPIPE, &before, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	assert_int_equal(WEXITSTATUS(run->status), 42);
	has(run, "arg hello\narg two words\n");
	has(run, "env LC_TIME=C\n");
	has(run, "env LANG=C.UTF-8\n");
	has(run, "env TZ=UTC\n");
	has(run, "env PATH=/usr/local/bin:/usr/bin:/bin\n");
	lacks(run, "Berlin");
	lacks(run, "SECRET");
	lacks(run, "LD_LIBRARY_PATH");
	lacks(run, "HIRD_FILES");
	has(run, "fd 0 /dev/null\nfd 1 pipe:");
	has(run, "\nfd 2 pipe:");
	lacks(run, "\nfd 3 ");
	has(run, "NoNewPrivs:\t1\n");
	has(run, "SigIgn:\t0000000000000000\n");
	has(run, "SigBlk:\t0000000000000000\n");
	has(run, "core 0\ncwd /\nleader 1\n");
	unsetenv("SECRET");
	unsetenv("LD_LIBRARY_PATH");
}

static void
make_file(char *path, const char *name, const char *dir)
{
	int fd;

	snprintf(path, 256, "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* Descriptors that stand where the child wants others. */
static void
test_files(void **state)
{
	struct run *run = *state;
	char dir[] = "/tmp/test-launch-XXXXXX", file[256], fifo[256], line[2048];
	int fd;

	assert_non_null(mkdtemp(dir));
	make_file(file, "file", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	argv_add(&run->files, "archive");
	argv_add(&run->files, file);
	argv_add(&run->files, "root");
	argv_add(&run->files, dir);
	argv_add(&run->files, "pipe");
	argv_add(&run->files, "fifo");
	run->launch.cwd = dir;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(fd, LAUNCH_FILE_FD + 1), LAUNCH_FILE_FD + 1);
	close(fd);
	assert_int_equal(dup2(run->pipe[1], LAUNCH_PORT_FD), LAUNCH_PORT_FD);
	close(run->pipe[1]);
	run->pipe[1] = LAUNCH_PORT_FD;
	run->launch.port_fd = LAUNCH_FILE_FD + 1;
	run->launch.log_fd = LAUNCH_PORT_FD;
	go(run);
	close(LAUNCH_FILE_FD + 1);
	assert_int_equal(WEXITSTATUS(run->status), 42);
	has(run, "env HIRD_FILES=archive=4,root=5,pipe=6\n");
	snprintf(line, sizeof(line), "\nfd 3 %s\nfd 4 %s\nfd 5 %s path\nfd 6 %s\n", file, file, dir, fifo);
	has(run, line);
	lacks(run, "\nfd 7 ");
	snprintf(line, sizeof(line), "\ncwd %s\n", dir);
	has(run, line);
	unlink(file);
	unlink(fifo);
	assert_int_equal(rmdir(dir), 0);
}

static void
check_failure(struct run *run, const char *words)
{
	go(run);
	assert_int_equal(WEXITSTATUS(run->status), LAUNCH_EXIT);
	has(run, words);
	assert_ptr_equal(strchr(run->out, '\n'), run->out + strlen(run->out) - 1);
}

static void
test_no_program(void **state)
{
	struct run *run = *state;

	run->launch.program = "/nowhere/hello";
	check_failure(run, "cannot run /nowhere/hello: No such file");
}

static void
test_no_file(void **state)
{
	struct run *run = *state;

	argv_add(&run->files, "archive");
	argv_add(&run->files, "/nowhere/x\ny.tar");
	check_failure(run, "cannot open /nowhere/x\\x0ay.tar: No such file");
}

static void
test_no_directory(void **state)
{
	struct run *run = *state;

	run->launch.cwd = "/nowhere";
	check_failure(run, "cannot enter /nowhere: No such file");
}

static void
test_unsound(void **state)
{
	struct run *run = *state;
	struct argv none = { 0 };

	argv_add(&run->files, "archive");
	assert_int_equal(launch(&run->launch, NULL), -EINVAL);
	for (int i = 0; i < 2 * LAUNCH_FILES_MAX + 1; i++)
		argv_add(&run->files, "x");
	assert_int_equal(launch(&run->launch, NULL), -EINVAL);
	run->launch.files = NULL;
	run->launch.argv = &none;
	assert_int_equal(launch(&run->launch, NULL), -EINVAL);
	fd_close(&run->pipe[1]);
}

/* A starter that dies at once takes its child with it: the pipe ends. */
static void
test_pdeathsig(void **state)
{
	struct run *run = *state;
	pid_t starter, sleeper = 0;
	int told[2], status;
	char byte;

	argv_deinit(&run->argv);
	argv_add(&run->argv, "sleep");
	argv_add(&run->argv, "1000");
	run->launch.program = "/bin/sleep";
	run->launch.pdeathsig = true;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	starter = fork();
	if (starter == 0) {
		sleeper = launch(&run->launch, NULL);
		sys_write_all(told[1], &sleeper, sizeof(sleeper));
		_exit(0);
	}
	assert_int_equal(waitpid(starter, &status, 0), starter);
	assert_int_equal(sys_read_all(told[0], &sleeper, sizeof(sleeper)), sizeof(sleeper));
	assert_true(sleeper > 0);
	fd_close(&run->pipe[1]);
	assert_int_equal(sys_read_all(run->pipe[0], &byte, 1), 0);
	close(told[0]);
	close(told[1]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pdeathsig, setup, teardown),
		cmocka_unit_test_setup_teardown(test_confined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_confined_write, setup, teardown),
		cmocka_unit_test(test_grants),
	};
	int fds, failed;

	if (getenv("HIRD_TEST_CONFINED"))
		return confined_child();
	if (getenv("HIRD_TEST_CHILD"))
		return child(argc, argv);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 99;
	fds = sys_pidfd_open(getpid());
	has_pidfd = fds >= 0;
	fd_close(&fds);
	fds = count_fds();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed || count_fds() != fds;
}
