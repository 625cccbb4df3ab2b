/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storm-kill: sends a signal to one random process of those that run programs under a
 * directory (or one program), at random moments, until it is told to stop, and says how often it
 * did. The seed makes the moments and the choice the same again, as far as the machine does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "tests/storm.h"

enum { WAIT_MIN_MS = 5, WAIT_MAX_MS = 300, VICTIMS_MAX = 256 };

static const char *under;
static int signal_number = SIGKILL;
static int parent;		/* only children of this one; 0: of anybody */
static volatile sig_atomic_t ending;

static void
on_end(int signum)
{
	(void)signum;
	ending = 1;
}

static bool
is_child(const char *pid)
{
	char path[64], line[256] = "", *end;
	AUTO_CLOSE int fd = -1;
	int of = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		return false;
	end = strrchr(line, ')');
	return end && sscanf(end, ") %*c %d", &of) == 1 && of == parent;
}

/* Whether this process is one to hit: it runs what we look for, and is ours. */
static bool
is_victim(const char *pid)
{
	char path[64], exe[PATH_MAX];
	size_t length = strlen(under);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return false;
	exe[n] = '\0';
	if (parent != 0 && !is_child(pid))
		return false;
	return strncmp(exe, under, length) == 0 && (exe[length] == '/' || exe[length] == '\0');
}

static unsigned
find_victims(int *victims)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	while (proc && n < VICTIMS_MAX && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && is_victim(entry->d_name))
			victims[n++] = pid;
	}
	if (proc)
		closedir(proc);
	return n;
}

static void
sleep_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&time, NULL);
}

/* The number may be another process's by now: looked at again once we hold it. */
static bool
hit(int pid)
{
	AUTO_CLOSE int pidfd = sys_pidfd_open(pid);
	char name[24];

	snprintf(name, sizeof(name), "%d", pid);
	if (pidfd < 0 || !is_victim(name) || sys_pidfd_send_signal(pidfd, signal_number) < 0)
		return false;
	return true;
}

static unsigned
storm(uint64_t seed, int64_t until)
{
	int victims[VICTIMS_MAX];
	unsigned n_hits = 0;

	while (!ending && sys_now_ms() < until) {
		uint64_t wait = storm_random(&seed) % (WAIT_MAX_MS - WAIT_MIN_MS + 1);
		uint64_t which = storm_random(&seed);
		unsigned n;

		sleep_ms(WAIT_MIN_MS + (unsigned)wait);
		n = find_victims(victims);
		if (n > 0)
			n_hits += hit(victims[which % n]);
	}
	return n_hits;
}

static int
usage(void)
{
	fprintf(stderr, "usage: storm-kill --seed=N --seconds=N [--stop] [--children-of=PID] PATH\n");
	return 64;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "stop", no_argument, NULL, 'p' },
		{ "children-of", required_argument, NULL, 'c' },
		{ 0 },
	};
	char real[PATH_MAX];
	uint64_t seed = 1;
	int64_t seconds = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r': seed = strtoull(optarg, NULL, 0); break;
		case 's': seconds = atoll(optarg); break;
		case 'p': signal_number = SIGSTOP; break;
		case 'c': parent = atoi(optarg); break;
		default: return usage();
		}
	}
	if (optind + 1 != argc || seconds <= 0)
		return usage();
	under = realpath(argv[optind], real);
	if (!under) {
		fprintf(stderr, "storm-kill: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	signal(SIGTERM, on_end);
	printf("%u\n", storm(seed, sys_now_ms() + seconds * 1000));
	return 0;
}
