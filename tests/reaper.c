/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reaper: runs a test as its guardian: whatever process the test leaves
 * without a parent becomes the guardian's child, where the test can count it
 * (HIRD_REAPER names our pid), and nothing survives us.
 *
 * One guardian of a user runs at a time, of tests that may start a portd: each looks at
 * every mount of its user when it starts, and a mount that is looked at is busy. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kills every child we have; those of theirs come to us and go the same way. */
static void
kill_rest(void)
{
	char path[64];
	FILE *file;
	int pid;
	int any = 1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	for (int round = 0; any && round < 100; round++) {
		any = 0;
		file = fopen(path, "re");
		if (!file)
			return;
		while (fscanf(file, "%d", &pid) == 1) {
			any = 1;
			kill(pid, SIGKILL);
		}
		fclose(file);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
}

/* Whether the test may start a portd: it reads tests/lib.sh. */
static int
needs_turn(const char *test)
{
	FILE *file = fopen(test, "re");
	char line[1024];
	int needs = file == NULL;

	while (file && !needs && fgets(line, sizeof(line), file))
		needs = strstr(line, "/lib.sh\"") != NULL;
	if (file)
		fclose(file);
	return needs;
}

/* Waits for its turn, which ends with this process. Without a place for the
 * lock everybody goes at once. */
static void
take_turn(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/hird-test-%u.lock", (unsigned)getuid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX);
}

int
main(int argc, char **argv)
{
	char number[16];
	int status;
	pid_t child, pid;

	if (argc < 2) {
		fprintf(stderr, "usage: reaper COMMAND [ARGUMENT...]\n");
		return 64;
	}
	if (needs_turn(argv[argc > 2 ? 2 : 1]))
		take_turn();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("HIRD_REAPER", number, 1);
	child = fork();
	if (child < 0) {
		perror("reaper: fork");
		return 1;
	}
	if (child == 0) {
		execvp(argv[1], argv + 1);
		fprintf(stderr, "reaper: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	do {
		pid = wait(&status);
	} while (pid != child && (pid > 0 || errno == EINTR));
	kill_rest();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
