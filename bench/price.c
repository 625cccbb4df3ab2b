/* SPDX-License-Identifier: GPL-2.0-or-later */
/* price: does the same things in two directories that show the same, in turns, and says what each
 * took.
 *
 *   price [--rounds=N] fresh|kept HIRD BARE
 *
 * A line each: what it was, which one, nanoseconds an operation. A round is some milliseconds of the
 * one, then as much of the other, the first of them in turns. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/content.h"

enum { STATS = 500, READS = 300, LARGE_READS = 12, CREATES = 100, LARGE_READ = 1 << 20 };

static unsigned turn;		/* counts rounds, so that each does another part */
static char buffer[LARGE_READ];

static void
fail(const char *what)
{
	fprintf(stderr, "price: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned
stat_files(int dir)
{
	for (unsigned i = 0; i < STATS; i++) {
		char name[16];
		struct stat st;

		snprintf(name, sizeof(name), "f%04u", (turn * STATS + i) % CONTENT_FILES);
		if (fstatat(dir, name, &st, 0) < 0)
			fail("stat");
	}
	return STATS;
}

static unsigned
read_large(int dir, size_t size, unsigned n)
{
	int fd = openat(dir, "large", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("large");
	for (unsigned i = 0; i < n; i++) {
		off_t at = (off_t)((turn * n + i) * 7919 % (CONTENT_LARGE / size)) * (off_t)size;

		if (pread(fd, buffer, size, at) != (ssize_t)size)
			fail("read");
	}
	close(fd);
	return n;
}

static unsigned
read_small_parts(int dir)
{
	return read_large(dir, 4096, READS);
}

static unsigned
read_large_parts(int dir)
{
	return read_large(dir, LARGE_READ, LARGE_READS);
}

static unsigned
create_files(int dir)
{
	for (unsigned i = 0; i < CREATES; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "n%04u", i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, buffer, 512) != 512 || close(fd) < 0)
			fail("create");
	}
	return CREATES;
}

/* After create_files. */
static unsigned
remove_files(int dir)
{
	for (unsigned i = 0; i < CREATES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%04u", i);
		if (unlinkat(dir, name, 0) < 0)
			fail("unlink");
	}
	return CREATES;
}

static const struct {
	const char *name;
	unsigned (*run)(int dir);
} works[] = {
	{ "stat", stat_files },
	{ "read of 4 KiB", read_small_parts },
	{ "read of 1 MiB", read_large_parts },
	{ "create, write, close", create_files },
	{ "unlink", remove_files },
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
measure(const char *kind, unsigned work, const char *who, int dir)
{
	int64_t begin = now_ns();
	unsigned n = works[work].run(dir);

	printf("%s, %s\t%s\t%lld\n", works[work].name, kind, who,
	    (long long)(now_ns() - begin) / n);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'n' },
		{ 0 },
	};
	const char *const who[2] = { "hird", "bare" };
	unsigned rounds = 100;
	int c, dir[2];

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c == 'n')
			rounds = (unsigned)atoi(optarg);
	if (argc - optind != 3) {
		fprintf(stderr, "usage: price [--rounds=N] fresh|kept HIRD BARE\n");
		return 64;
	}
	for (unsigned i = 0; i < 2; i++) {
		dir[i] = open(argv[optind + 1 + (int)i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir[i] < 0)
			fail(argv[optind + 1 + (int)i]);
		/* What can be remembered is. */
		stat_files(dir[i]);
		for (size_t at = 0; at < CONTENT_LARGE / LARGE_READ; at++)
			read_large(dir[i], LARGE_READ, 1), turn++;
	}
	for (turn = 0; turn < rounds; turn++)
		for (unsigned work = 0; work < sizeof(works) / sizeof(*works); work++)
			for (unsigned i = 0; i < 2; i++) {
				unsigned one = (i + turn) % 2;

				measure(argv[optind], work, who[one], dir[one]);
			}
	return 0;
}
