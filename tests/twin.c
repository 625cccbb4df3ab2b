/* SPDX-License-Identifier: GPL-2.0-or-later */
/* twin: does the same random things to two directories, one of them behind a node, and compares
 * every answer, and now and then the trees.
 *
 *   twin [--seed=N] [--steps=N] [--files] NODE MODEL
 *
 * The model is a plain directory: what the kernel does there is right. What is open stays so over what
 * happens to its names; with --files only regular files, which outlive a kill of the translator without a
 * name. 1: they differ; says after which step, and about what. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

enum {
	N_SIDES = 2,
	N_HELD = 12,
	PATH_SIZE = 64,
	SIZE_MAX_KB = 64,
	NAMES_MAX = 512,	/* in one directory; there are far fewer names */
	LOOK_EVERY = 400,	/* steps */
};

static const char *const names[] = { "a", "b", "c", "d", "e", "with space", ".dot", "\xff\xfe" };

struct answer {
	long result;		/* or -errno */
	char bytes[4096];
	size_t size;
};

static int root[N_SIDES];	/* descriptors of the two */
static int held[N_SIDES][N_HELD];
static uint64_t state;
static unsigned long step;
static char did[512];		/* the step in words */
static bool files_only;

static unsigned
pick(unsigned n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % n);
}

static void
differ(const char *what)
{
	printf("step %lu, %s: %s\n", step, did, what);
	exit(1);
}

static void
pick_path(char path[PATH_SIZE])
{
	unsigned depth = 1 + pick(3);

	*path = '\0';
	for (unsigned i = 0; i < depth; i++) {
		if (i > 0)
			strcat(path, "/");
		strcat(path, names[pick(sizeof(names) / sizeof(names[0]))]);
	}
}

enum what {
	OPEN, WRITE, READ, CUT, LET_GO, STAT, STAT_HELD, MKDIR, RMDIR, UNLINK, RENAME, LINK, SYMLINK,
	READLINK, FIFO, CHMOD, CHMOD_HELD, TIMES, XATTR, CUT_BY_NAME,
	UNNAMED, LINK_HELD, ALLOCATE, KINDS
};

/* Steps ----------------------------------------------------------------------- */

struct plan {
	unsigned what, slot, flags;
	mode_t mode;
	char path[PATH_SIZE], other[PATH_SIZE];
	off_t offset;
	size_t size;
	char fill;
};

static long
outcome(long result)
{
	return result < 0 ? -errno : 0;
}

static long
do_open(const struct plan *plan, int side)
{
	static const int flags[] = { O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL,
		O_RDWR | O_CREAT | O_TRUNC, O_RDWR | O_TRUNC, O_WRONLY | O_CREAT | O_APPEND,
		O_RDWR | O_NOFOLLOW };
	int fd = openat(root[side], plan->path, flags[plan->flags % 8] | O_NONBLOCK | O_CLOEXEC,
	    plan->mode | 0600);

	struct stat st;

	if (fd < 0)
		return -errno;
	if (files_only && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return 0;
	}
	if (held[side][plan->slot] >= 0)
		close(held[side][plan->slot]);
	held[side][plan->slot] = fd;
	return 0;
}

static long
do_write(const struct plan *plan, int side)
{
	char data[SIZE_MAX_KB * 1024];
	ssize_t n;

	memset(data, plan->fill, plan->size);
	n = pwrite(held[side][plan->slot], data, plan->size, plan->offset);
	return n < 0 ? -errno : n;
}

static long
do_read(const struct plan *plan, int side, struct answer *answer)
{
	ssize_t n = pread(held[side][plan->slot], answer->bytes, sizeof(answer->bytes), plan->offset);

	answer->size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : n;
}

static long
put_stat(int result, const struct stat *st, struct answer *answer)
{
	if (result < 0)
		return -errno;
	answer->size = (size_t)snprintf(answer->bytes, sizeof(answer->bytes), "%o %lu %u %u %lld",
	    st->st_mode, (unsigned long)st->st_nlink, st->st_uid, st->st_gid,
	    S_ISDIR(st->st_mode) ? 0 : (long long)st->st_size);
	return 0;
}

static long
do_stat(const struct plan *plan, int side, struct answer *answer)
{
	struct stat st;
	int result = fstatat(root[side], plan->path, &st, AT_SYMLINK_NOFOLLOW);

	return put_stat(result, &st, answer);
}

static long
do_stat_held(const struct plan *plan, int side, struct answer *answer)
{
	struct stat st;
	int result = fstat(held[side][plan->slot], &st);

	return put_stat(result, &st, answer);
}

static long
do_readlink(const struct plan *plan, int side, struct answer *answer)
{
	ssize_t n = readlinkat(root[side], plan->path, answer->bytes, sizeof(answer->bytes));

	answer->size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : 0;
}

static long
do_times(const struct plan *plan, int side)
{
	struct timespec times[2] = { { .tv_sec = plan->offset, .tv_nsec = 5 },
		{ .tv_sec = (time_t)plan->size, .tv_nsec = 123456789 } };

	return outcome(utimensat(root[side], plan->path, times, AT_SYMLINK_NOFOLLOW));
}

static long
do_xattr(const struct plan *plan, int side, struct answer *answer)
{
	int fd = held[side][plan->slot];
	ssize_t n;

	if (plan->flags % 3 == 0)
		return outcome(fsetxattr(fd, "user.twin", plan->path, strlen(plan->path), 0));
	if (plan->flags % 3 == 1)
		return outcome(fremovexattr(fd, "user.twin"));
	n = fgetxattr(fd, "user.twin", answer->bytes, sizeof(answer->bytes));
	answer->size = n < 0 ? 0 : (size_t)n;
	return outcome(n);
}

static long
do_link(const struct plan *plan, int side)
{
	return outcome(linkat(root[side], plan->path, root[side], plan->other, 0));
}

/* Also gives a file that never had a name its first. */
static long
do_link_held(const struct plan *plan, int side)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", held[side][plan->slot]);
	if (held[side][plan->slot] < 0)
		return -EBADF;
	return outcome(linkat(AT_FDCWD, path, root[side], plan->path, AT_SYMLINK_FOLLOW));
}

static long
do_allocate(const struct plan *plan, int side)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };

	return outcome(fallocate(held[side][plan->slot], modes[plan->flags % 4], plan->offset,
	    (off_t)plan->size));
}

static long
do_rename(const struct plan *plan, int side)
{
	static const unsigned flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };

	return outcome(renameat2(root[side], plan->path, root[side], plan->other,
	    flags[plan->flags % 5]));
}

static const char *const kind_names[KINDS] = {
	"open", "write", "read", "cut", "let go", "stat", "stat held", "mkdir", "rmdir", "unlink",
	"rename", "link", "symlink", "readlink", "fifo", "chmod", "chmod held", "times", "xattr",
	"cut by name", "unnamed", "link held", "allocate",
};

/* How often each is done, of 100. */
static const unsigned char shares[KINDS] = {
	13, 9, 6, 3, 3, 5, 4, 9, 4, 7, 10, 5, 3, 2, 1, 3, 2, 2, 3, 2, 2, 1, 1,
};

static long
act_on_names(const struct plan *plan, int side, struct answer *answer)
{
	int dir = root[side];

	switch (plan->what) {
	case MKDIR:
		return outcome(mkdirat(dir, plan->path, plan->mode | 0700));
	case RMDIR:
		return outcome(unlinkat(dir, plan->path, AT_REMOVEDIR));
	case UNLINK:
		return outcome(unlinkat(dir, plan->path, 0));
	case RENAME:
		return do_rename(plan, side);
	case LINK:
		return do_link(plan, side);
	case SYMLINK:
		return outcome(symlinkat(plan->other, dir, plan->path));
	case READLINK:
		return do_readlink(plan, side, answer);
	case FIFO:
		return outcome(mknodat(dir, plan->path, S_IFIFO | plan->mode, 0));
	case CHMOD:
		return outcome(fchmodat(dir, plan->path, plan->mode | 0700, 0));
	case TIMES:
		return do_times(plan, side);
	default:
		return do_stat(plan, side, answer);
	}
}

static long
act(const struct plan *plan, int side, struct answer *answer)
{
	int *file = &held[side][plan->slot], fd;
	long result;

	switch (plan->what) {
	case OPEN:
	case UNNAMED:
		return do_open(plan, side);
	case LINK_HELD:
		return do_link_held(plan, side);
	case ALLOCATE:
		return do_allocate(plan, side);
	case WRITE:
		return do_write(plan, side);
	case READ:
		return do_read(plan, side, answer);
	case CUT:
		return outcome(ftruncate(*file, plan->offset));
	case LET_GO:
		if (*file >= 0)
			close(*file);
		*file = -1;
		return 0;
	case STAT_HELD:
		return do_stat_held(plan, side, answer);
	case CHMOD_HELD:
		return outcome(fchmod(*file, plan->mode | 0700));
	case XATTR:
		return do_xattr(plan, side, answer);
	case CUT_BY_NAME:
		fd = openat(root[side], plan->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		result = fd < 0 ? -errno : outcome(ftruncate(fd, plan->offset));
		if (fd >= 0)
			close(fd);
		return result;
	default:
		return act_on_names(plan, side, answer);
	}
}

static void
make_plan(struct plan *plan)
{
	unsigned at = pick(100);

	*plan = (struct plan){ .slot = pick(N_HELD), .flags = pick(240), .mode = pick(01000),
		.offset = pick(SIZE_MAX_KB * 1024), .size = 1 + pick(SIZE_MAX_KB * 1024),
		.fill = (char)('a' + pick(26)) };
	pick_path(plan->path);
	pick_path(plan->other);
	while (at >= shares[plan->what])
		at -= shares[plan->what++];
	snprintf(did, sizeof(did), "%s %s (%s, held %u, flags %u, mode %o, %lld, %zu)",
	    kind_names[plan->what], plan->path, plan->other, plan->slot, plan->flags, plan->mode,
	    (long long)plan->offset, plan->size);
}

static void
take_step(void)
{
	static struct answer answers[N_SIDES];
	struct plan plan;

	make_plan(&plan);
	for (int side = 0; side < N_SIDES; side++) {
		answers[side].size = 0;
		answers[side].result = act(&plan, side, &answers[side]);
	}
	if (answers[0].result != answers[1].result) {
		printf("the node says %ld, the model %ld (%s, %s)\n", answers[0].result,
		    answers[1].result, strerror(answers[0].result < 0 ? (int)-answers[0].result : 0),
		    strerror(answers[1].result < 0 ? (int)-answers[1].result : 0));
		differ("the answers");
	}
	if (answers[0].size != answers[1].size ||
	    memcmp(answers[0].bytes, answers[1].bytes, answers[0].size) != 0) {
		if (plan.what == STAT || plan.what == STAT_HELD)
			printf("%.*s; %.*s\n", (int)answers[0].size, answers[0].bytes,
			    (int)answers[1].size, answers[1].bytes);
		differ("what came with the answers");
	}
}

/* Trees ----------------------------------------------------------------------- */

struct listing {
	size_t n;
	char *names[NAMES_MAX];
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names, each with its type before it. */
static void
list(int fd, struct listing *listing)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	listing->n = 0;
	if (!dir)
		differ(strerror(errno));
	while ((entry = readdir(dir))) {
		char name[NAME_MAX + 8];

		snprintf(name, sizeof(name), "%02d%s", entry->d_type, entry->d_name);
		listing->names[listing->n++] = strdup(name);
		if (listing->n == NAMES_MAX)
			differ("a listing has no end");
	}
	closedir(dir);
	qsort(listing->names, listing->n, sizeof(listing->names[0]), by_name);
}

static void
compare_files(const int fds[N_SIDES], const struct stat sts[N_SIDES])
{
	static char bytes[N_SIDES][64 * 1024];
	ssize_t n[N_SIDES];
	off_t at = 0;

	do {
		for (int side = 0; side < N_SIDES; side++)
			n[side] = pread(fds[side], bytes[side], sizeof(bytes[side]), at);
		if (n[0] < 0 || n[0] != n[1] || memcmp(bytes[0], bytes[1], (size_t)n[0]) != 0)
			differ("the content of files");
		at += n[0];
	} while (n[0] > 0);
	if (at != sts[0].st_size)
		differ("the content of a file, and its size");
}

static void compare_dirs(const int fds[N_SIDES]);

static void
compare_entry(const int dirs[N_SIDES], const char *name)
{
	struct stat sts[N_SIDES];
	int fds[N_SIDES];

	snprintf(did, sizeof(did), "comparing %s", name);
	for (int side = 0; side < N_SIDES; side++)
		if (fstatat(dirs[side], name, &sts[side], AT_SYMLINK_NOFOLLOW) < 0)
			differ("an entry is not there");
	if (sts[0].st_mode != sts[1].st_mode || sts[0].st_nlink != sts[1].st_nlink)
		differ("modes or links");
	if (!S_ISDIR(sts[0].st_mode) && sts[0].st_size != sts[1].st_size)
		differ("sizes");
	if (!S_ISDIR(sts[0].st_mode) && !S_ISREG(sts[0].st_mode))
		return;
	for (int side = 0; side < N_SIDES; side++) {
		fds[side] = openat(dirs[side], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fds[side] < 0)
			differ("an entry cannot be opened");
	}
	if (S_ISDIR(sts[0].st_mode))
		compare_dirs(fds);
	else
		compare_files(fds, sts);
	close(fds[0]);
	close(fds[1]);
}

static void
compare_dirs(const int fds[N_SIDES])
{
	struct listing listings[N_SIDES];

	for (int side = 0; side < N_SIDES; side++)
		list(fds[side], &listings[side]);
	if (listings[0].n != listings[1].n)
		differ("the number of names in a directory");
	for (size_t i = 0; i < listings[0].n; i++) {
		const char *name = listings[0].names[i] + 2;

		if (strcmp(listings[0].names[i], listings[1].names[i]) != 0)
			differ("names, or their types, in a directory");
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			compare_entry(fds, name);
	}
	for (int side = 0; side < N_SIDES; side++)
		for (size_t i = 0; i < listings[side].n; i++)
			free(listings[side].names[i]);
}

/* From start to end ------------------------------------------------------------ */

static int
usage(void)
{
	fprintf(stderr, "usage: twin [--seed=N] [--steps=N] [--files] NODE MODEL\n");
	return 64;
}

int
main(int argc, char **argv)
{
	unsigned long n_steps = 5000;
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++)
		if (strcmp(argv[i], "--files") == 0)
			files_only = true;
		else if (sscanf(argv[i], "--seed=%lu", &state) != 1 &&
		    sscanf(argv[i], "--steps=%lu", &n_steps) != 1)
			return usage();
	if (argc - i != N_SIDES)
		return usage();
	umask(0);
	memset(held, -1, sizeof(held));
	for (int side = 0; side < N_SIDES; side++) {
		root[side] = open(argv[i + side], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (root[side] < 0) {
			perror(argv[i + side]);
			return 1;
		}
	}
	for (step = 1; step <= n_steps; step++) {
		take_step();
		if (step % LOOK_EVERY == 0 || step == n_steps)
			compare_dirs(root);
	}
	return 0;
}
