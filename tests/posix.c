/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix DIR [CASE]: runs each case in a directory of its own in DIR, and prints what it saw, each
 * line behind the name of its case. */
#include "tests/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 60 };	/* for a case */

static const char *running = "";

/* See posix.h. */
void
say(const char *format, ...)
{
	va_list args;

	printf("%s: ", running);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* See posix.h. */
long
tell(const char *what, long result)
{
	if (result < 0)
		say("%s: %s", what, strerrorname_np(errno));
	else
		say("%s: %ld", what, result);
	return result;
}

static void
give_up(const char *what)
{
	say("%s: %s", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* See posix.h. */
int
make(const char *name, const char *content)
{
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	ssize_t size = (ssize_t)strlen(content);

	if (fd < 0 || write(fd, content, (size_t)size) != size)
		give_up(name);
	return fd;
}

/* See posix.h. */
void
tell_content(const char *what, const char *name)
{
	static char buf[1 << 20];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, buf, sizeof(buf)), run;
	char text[400] = "";
	size_t used = 0;

	for (ssize_t i = 0; i < size && used < sizeof(text) - 40; i += run) {
		for (run = 1; i + run < size && buf[i + run] == buf[i]; run++)
			;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    buf[i] > ' ' && buf[i] <= '~' ? " %zd*%c" : " %zd*\\%d", run, buf[i]);
	}
	if (size < 0)
		say("%s: %s", what, strerrorname_np(errno));
	else
		say("%s: %zd bytes:%s", what, size, text);
	if (fd >= 0)
		close(fd);
}

/* See posix.h. */
void
tell_mode(const char *what, const char *name)
{
	struct stat st;

	if (lstat(name, &st) < 0)
		say("%s: %s", what, strerrorname_np(errno));
	else
		say("%s: mode %o, %ld links", what, (unsigned)st.st_mode, (long)st.st_nlink);
}

/* See posix.h: the kernel's clock for files ticks each few milliseconds. */
void
pass_time(void)
{
	usleep(25000);
}

/* Running ---------------------------------------------------------------------- */

static void
run_child(const struct posix_case *one)
{
	if (mkdir(one->name, 0755) < 0 || chdir(one->name) < 0)
		give_up("its directory");
	alarm(LIMIT_S);
	umask(022);
	one->run();
	fflush(stdout);
	_exit(0);
}

static bool
run_case(const struct posix_case *one)
{
	int status;
	pid_t pid;

	running = one->name;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(one);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		give_up("fork");
	if (status != 0)
		say("ended with status %#x", (unsigned)status);
	return status == 0;
}

static bool
run_all(const struct posix_case *cases, const char *only)
{
	bool good = true;

	for (; cases->name; cases++)
		if (!only || strcmp(cases->name, only) == 0)
			good = run_case(cases) && good;
	return good;
}

int
main(int argc, char **argv)
{
	const char *only = argc > 2 ? argv[2] : NULL;
	bool good;

	if (argc < 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: posix DIR [CASE]\n");
		return 64;
	}
	good = run_all(posix_names, only);
	good = run_all(posix_files, only) && good;
	good = run_all(posix_attributes, only) && good;
	return good ? 0 : 1;
}
