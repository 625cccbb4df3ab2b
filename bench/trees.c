/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trees: the same work in several directories that can be written, in turns, and what each took.
 *
 *   trees [--rounds=N] [--entries=N] [--tar=FILE] NAME=DIRECTORY...
 *
 * A line each: what it was, NAME, nanoseconds an operation. Within a round each work is done in
 * one directory after the other, beginning with another one each round, after it has been done once
 * unmeasured, if it only looks. "cold" needs root: the
 * kernel is told to forget what it remembers before each. Of --tar, the tree is unpacked (without its times,
 * which not every peer can set), and looked at by git. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FILES = 1000,		/* of 4 KiB each */
	NEW_FILES = 300,
	BLOCK = 1 << 20,
	BLOCKS = 64,		/* of the large file */
	PARTS = 1000,		/* of 4 KiB, in random places */
	CLIENTS = 4,
};

struct target {
	const char *name;
	const char *path;
	int dir;
};

static struct target targets[16];
static unsigned n_targets, n_entries = 20000, turn;
static const char *tar;
static char block[BLOCK];

static void
fail(const char *what)
{
	fprintf(stderr, "trees: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* False: only root may. */
static bool
forget_all(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	sync();
	done = write(fd, "3", 1) == 1;
	close(fd);
	return done;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int
run(const char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		execvp(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
write_file(int dir, const char *name, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, block, size) != (ssize_t)size || close(fd) < 0)
		fail(name);
}

/* Works: each returns how many operations it did ------------------------------------- */

static unsigned
stat_files(int dir)
{
	struct stat st;
	char name[32];

	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "small/f%04u", i);
		if (fstatat(dir, name, &st, 0) < 0)
			fail(name);
	}
	return FILES;
}

static unsigned
read_files(int dir)
{
	char name[32];

	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		snprintf(name, sizeof(name), "small/f%04u", i);
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, block, 4096) != 4096)
			fail(name);
		close(fd);
	}
	return FILES;
}

static unsigned
create_some(int dir, unsigned from, unsigned n)
{
	char name[32];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(name, sizeof(name), "new/n%05u", i);
		write_file(dir, name, 4096);
	}
	return n;
}

static unsigned
unlink_some(int dir, unsigned from, unsigned n)
{
	char name[32];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(name, sizeof(name), "new/n%05u", i);
		if (unlinkat(dir, name, 0) < 0)
			fail(name);
	}
	return n;
}

static unsigned
create_files(int dir)
{
	return create_some(dir, 0, NEW_FILES);
}

static unsigned
unlink_files(int dir)
{
	return unlink_some(dir, 0, NEW_FILES);
}

static unsigned
list_and_stat(int dir)
{
	int fd = openat(dir, "many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	unsigned n = 0;

	if (!stream)
		fail("many");
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.' && ++n && fstatat(fd, entry->d_name, &st, 0) < 0)
			fail(entry->d_name);
	closedir(stream);
	if (n != n_entries)
		fail("many: entries are missing");
	return n;
}

static unsigned
in_order(int dir, int flags)
{
	int fd = openat(dir, "large", flags | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("large");
	for (unsigned i = 0; i < BLOCKS; i++)
		if ((flags & O_WRONLY ? write(fd, block, BLOCK) : read(fd, block, BLOCK)) != BLOCK)
			fail("large");
	close(fd);
	return BLOCKS;
}

static unsigned
write_large(int dir)
{
	return in_order(dir, O_WRONLY | O_CREAT | O_TRUNC);
}

static unsigned
read_large(int dir)
{
	return in_order(dir, O_RDONLY);
}

static unsigned
at_random(int dir, int flags)
{
	int fd = openat(dir, "large", flags | O_CLOEXEC);
	uint64_t random = 88172645463325252 + turn;

	if (fd < 0)
		fail("large");
	for (unsigned i = 0; i < PARTS; i++) {
		off_t at;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		at = (off_t)(random % (BLOCKS * (BLOCK / 4096))) * 4096;
		if ((flags & O_WRONLY ? pwrite(fd, block, 4096, at) : pread(fd, block, 4096, at)) != 4096)
			fail("large");
	}
	close(fd);
	return PARTS;
}

static unsigned
write_parts(int dir)
{
	return at_random(dir, O_WRONLY);
}

static unsigned
read_parts(int dir)
{
	return at_random(dir, O_RDONLY);
}

/* Several clients at once; the operations of all, so that 4 who do not wait for each other take a
 * quarter. */
static unsigned
by_clients(int dir, unsigned (*work)(int dir, unsigned client))
{
	unsigned n = 0;
	int status;

	for (unsigned i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			_exit(work(dir, i) == 0);
		n++;
	}
	while (n > 0 && wait(&status) > 0) {
		if (status != 0)
			fail("a client");
		n--;
	}
	return CLIENTS;
}

static unsigned
client_reads(int dir, unsigned client)
{
	(void)client;
	return read_files(dir);
}

static unsigned
client_writes(int dir, unsigned client)
{
	create_some(dir, client * NEW_FILES, NEW_FILES);
	return unlink_some(dir, client * NEW_FILES, NEW_FILES);
}

static unsigned
clients_read(int dir)
{
	return by_clients(dir, client_reads) * FILES;
}

static unsigned
clients_write(int dir)
{
	return by_clients(dir, client_writes) * NEW_FILES;
}

static const char *
path_of(int dir)
{
	for (unsigned i = 0; i < n_targets; i++)
		if (targets[i].dir == dir)
			return targets[i].path;
	return NULL;
}

static unsigned
unpack(int dir)
{
	char to[4096];

	snprintf(to, sizeof(to), "%s/tree%u", path_of(dir), turn);
	if (mkdir(to, 0755) < 0 || run((const char *const[]){ "tar", "xmf", tar, "-C", to, NULL }) != 0)
		fail(to);
	return 1;
}

static unsigned
look_by_git(int dir)
{
	char repository[4096];

	snprintf(repository, sizeof(repository), "%s/repository", path_of(dir));
	if (run((const char *const[]){ "git", "-C", repository, "status", "--porcelain", NULL }) != 0)
		fail(repository);
	return 1;
}

static unsigned
remove_unpacked(int dir)
{
	char what[4096];

	snprintf(what, sizeof(what), "%s/tree%u", path_of(dir), turn);
	if (run((const char *const[]){ "rm", "-rf", what, NULL }) != 0)
		fail(what);
	return 1;
}

static const struct {
	const char *name;
	unsigned (*run)(int dir);
	enum { AS_IS, HOT, COLD } before;
	bool wants_tar;
} works[] = {
	{ "stat", stat_files, HOT, false },
	{ "stat, cold", stat_files, COLD, false },
	{ "open, read 4 KiB, close", read_files, HOT, false },
	{ "open, read 4 KiB, close, cold", read_files, COLD, false },
	{ "create, write 4 KiB, close", create_files, AS_IS, false },
	{ "unlink", unlink_files, AS_IS, false },
	{ "readdir and stat, an entry", list_and_stat, HOT, false },
	{ "readdir and stat, an entry, cold", list_and_stat, COLD, false },
	{ "write in order, 1 MiB", write_large, AS_IS, false },
	{ "read in order, 1 MiB", read_large, HOT, false },
	{ "read in order, 1 MiB, cold", read_large, COLD, false },
	{ "read at random, 4 KiB", read_parts, HOT, false },
	{ "read at random, 4 KiB, cold", read_parts, COLD, false },
	{ "write at random, 4 KiB", write_parts, AS_IS, false },
	{ "4 clients: open, read, close", clients_read, HOT, false },
	{ "4 clients: open, read, close, cold", clients_read, COLD, false },
	{ "4 clients: create, write, unlink", clients_write, AS_IS, false },
	{ "tar x", unpack, AS_IS, true },
	{ "git status", look_by_git, AS_IS, true },
	{ "rm -r", remove_unpacked, AS_IS, true },
};

static void
prepare_repository(const struct target *target)
{
	char to[4096];
	const char *const commands[][12] = {
		{ "tar", "xmf", tar, "-C", to },
		{ "git", "-C", to, "init", "-q" },
		{ "git", "-C", to, "add", "." },
		{ "git", "-C", to, "-c", "user.name=bench", "-c", "user.email=bench", "commit", "-qm", "all" },
	};

	snprintf(to, sizeof(to), "%s/repository", target->path);
	if (mkdir(to, 0755) < 0)
		fail(to);
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (run(commands[i]) != 0)
			fail(commands[i][0]);
}

static void
prepare(struct target *target)
{
	char name[32];

	target->dir = open(target->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target->dir < 0 || mkdirat(target->dir, "small", 0755) < 0 ||
	    mkdirat(target->dir, "new", 0755) < 0 || mkdirat(target->dir, "many", 0755) < 0)
		fail(target->path);
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "small/f%04u", i);
		write_file(target->dir, name, 4096);
	}
	for (unsigned i = 0; i < n_entries; i++) {
		snprintf(name, sizeof(name), "many/e%06u", i);
		write_file(target->dir, name, 0);
	}
	write_large(target->dir);
	if (tar)
		prepare_repository(target);
}

static void
measure(unsigned work, const struct target *target)
{
	int64_t begin;
	unsigned n;

	if (works[work].wants_tar && !tar)
		return;
	if (works[work].before == COLD && !forget_all())
		return;
	if (works[work].before == HOT)
		works[work].run(target->dir);
	begin = now_ns();
	n = works[work].run(target->dir);
	printf("%s\t%s\t%lld\n", works[work].name, target->name, (long long)(now_ns() - begin) / n);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "entries", required_argument, NULL, 'e' },
		{ "tar", required_argument, NULL, 't' },
		{ 0 },
	};
	unsigned rounds = 5;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rounds = (unsigned)atoi(optarg);
		else if (c == 'e')
			n_entries = (unsigned)atoi(optarg);
		else if (c == 't')
			tar = optarg;
		else
			return 64;
	}
	for (; optind < argc && n_targets < sizeof(targets) / sizeof(*targets); optind++) {
		struct target *target = &targets[n_targets++];

		target->name = argv[optind];
		if (!strchr(argv[optind], '=')) {
			fprintf(stderr, "usage: trees [--rounds=N] [--entries=N] [--tar=FILE] NAME=DIR...\n");
			return 64;
		}
		target->path = strchr(argv[optind], '=') + 1;
		*strchr(argv[optind], '=') = '\0';
		prepare(target);
	}
	for (turn = 0; turn < rounds; turn++)
		for (unsigned work = 0; work < sizeof(works) / sizeof(*works); work++)
			for (unsigned i = 0; i < n_targets; i++)
				measure(work, &targets[(i + turn) % n_targets]);
	return 0;
}
