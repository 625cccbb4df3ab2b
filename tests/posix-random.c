/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix-random FILE [--seconds=N | --steps=N] [--seed=N]: does random things to the content of a
 * file, through descriptors and mappings, and compares it with what it has to be. The seed is
 * printed, and with it the same is done once more. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MAX = 300000,	/* of the file */
	PART_MAX = 70000,	/* of one operation */
	LAST = 16,		/* operations that a failure shows */
	LINE = 100,
};

static struct {
	const char *path;
	int fd;
	size_t size;
	unsigned char content[FILE_MAX];	/* zero beyond its size */
} file;

static uint64_t random_state;
static uint64_t n_steps;
static char last[LAST][LINE];

static uint32_t
below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((random_state >> 32) * n) >> 32);
}

static void __attribute__((format(printf, 1, 2)))
note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last[n_steps % LAST], LINE, format, args);
	va_end(args);
}

static void __attribute__((noreturn, format(printf, 1, 2)))
differ(const char *format, ...)
{
	va_list args;

	for (uint64_t i = n_steps < LAST ? 0 : n_steps - LAST + 1; i <= n_steps; i++)
		printf("    %s\n", last[i % LAST]);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	exit(1);
}

/* A system call that has to give this much. */
static void
must(const char *what, ssize_t result, size_t want)
{
	if (result < 0)
		differ("%s: %s", what, strerror(errno));
	if ((size_t)result != want)
		differ("%s: %zd, not %zu", what, result, want);
}

static void
compare(const char *what, const unsigned char *got, size_t offset, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (got[i] != file.content[offset + i])
			differ("%s: byte %zu is %#x, not %#x", what, offset + i, got[i],
			    file.content[offset + i]);
}

static void
fill(unsigned char *buf, size_t size)
{
	unsigned char byte = (unsigned char)(1 + below(255));

	for (size_t i = 0; i < size; i++)
		buf[i] = (unsigned char)(byte + i % 13);
}

/* Operations -------------------------------------------------------------------- */

static unsigned char buf[FILE_MAX];

/* What is there of a range. */
static size_t
there(size_t offset, size_t size)
{
	if (offset >= file.size)
		return 0;
	return offset + size < file.size ? size : file.size - offset;
}

static void
grow(size_t end)
{
	if (end > file.size)
		file.size = end;
}

static void
op_read(size_t offset, size_t size)
{
	note("read %zu at %zu", size, offset);
	must("read", pread(file.fd, buf, size, (off_t)offset), there(offset, size));
	compare("read", buf, offset, there(offset, size));
}

static void
op_write(size_t offset, size_t size)
{
	note("write %zu at %zu", size, offset);
	fill(buf, size);
	must("write", pwrite(file.fd, buf, size, (off_t)offset), size);
	memcpy(file.content + offset, buf, size);
	grow(offset + size);
}

static void
op_append(size_t offset, size_t size)
{
	int fd = open(file.path, O_WRONLY | O_APPEND);

	(void)offset;
	if (size > FILE_MAX - file.size)
		size = FILE_MAX - file.size;
	note("append %zu at %zu", size, file.size);
	fill(buf, size);
	must("append", write(fd, buf, size), size);
	memcpy(file.content + file.size, buf, size);
	file.size += size;
	close(fd);
}

static void
op_truncate(size_t offset, size_t size)
{
	(void)size;
	note("truncate to %zu", offset);
	must("truncate", below(2) ? ftruncate(file.fd, (off_t)offset) :
	    truncate(file.path, (off_t)offset), 0);
	if (offset < file.size)
		memset(file.content + offset, 0, file.size - offset);
	file.size = offset;
}

static void
op_allocate(size_t offset, size_t size)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };
	int mode = modes[below(5)], result;

	note("allocate, mode %d, %zu at %zu", mode, size, offset);
	result = fallocate(file.fd, mode, (off_t)offset, (off_t)size);
	if (result < 0 && errno == EOPNOTSUPP)
		return;
	must("fallocate", result, 0);
	if (mode & (FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE))
		memset(file.content + offset, 0, size);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(offset + size);
}

static void
op_copy(size_t offset, size_t size)
{
	size_t from = below((uint32_t)(FILE_MAX - size)), left = size = there(from, size);
	off_t in = (off_t)from, out = (off_t)offset;
	ssize_t n;

	note("copy %zu from %zu to %zu", size, from, offset);
	if (size == 0 || (from < offset + size && offset < from + size))
		return;
	for (; left > 0; left -= (size_t)n) {
		n = copy_file_range(file.fd, &in, file.fd, &out, left, 0);
		if (n <= 0)
			must("copy", n, left);
	}
	memcpy(file.content + offset, file.content + from, size);
	grow(offset + size);
}

static unsigned char *
map(int protection, int how)
{
	void *all = mmap(NULL, file.size, protection, how, file.fd, 0);

	if (all == MAP_FAILED)
		differ("mmap: %s", strerror(errno));
	return all;
}

static void
op_map_read(size_t offset, size_t size)
{
	unsigned char *all;

	size = there(offset, size);
	note("read %zu at %zu by a mapping", size, offset);
	if (size == 0)
		return;
	all = map(PROT_READ, below(2) ? MAP_SHARED : MAP_PRIVATE);
	compare("mapping", all + offset, offset, size);
	munmap(all, file.size);
}

static void
op_map_write(size_t offset, size_t size)
{
	unsigned char *all;

	size = there(offset, size);
	note("write %zu at %zu by a mapping", size, offset);
	if (size == 0)
		return;
	all = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	fill(buf, size);
	memcpy(all + offset, buf, size);
	memcpy(file.content + offset, buf, size);
	if (below(2))
		must("msync", msync(all, file.size, below(2) ? MS_SYNC : MS_ASYNC), 0);
	munmap(all, file.size);
}

/* Where a file says that there is nothing, there are zeros. What is dirty in a mapping alone
 * is brought there first. */
static void
op_seek(size_t offset, size_t size)
{
	off_t data, hole;

	(void)size;
	note("seek from %zu", offset);
	if (offset >= file.size)
		return;
	must("fsync", fsync(file.fd), 0);
	data = lseek(file.fd, (off_t)offset, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		differ("SEEK_DATA: %s", strerror(errno));
	data = data < 0 ? (off_t)file.size : data;
	for (off_t i = (off_t)offset; i < data; i++)
		if (file.content[i] != 0)
			differ("byte %lld is not in a hole", (long long)i);
	hole = lseek(file.fd, (off_t)offset, SEEK_HOLE);
	if (hole < (off_t)offset || hole > (off_t)file.size)
		differ("SEEK_HOLE: %lld", (long long)hole);
}

static void
op_reopen(size_t offset, size_t size)
{
	(void)offset, (void)size;
	note("open it again");
	if (below(2))
		must("fsync", fsync(file.fd), 0);
	close(file.fd);
	file.fd = open(file.path, O_RDWR | O_CLOEXEC);
	if (file.fd < 0)
		differ("open: %s", strerror(errno));
}

static void
op_stat(size_t offset, size_t size)
{
	struct stat st;

	(void)offset, (void)size;
	note("stat");
	must("stat", below(2) ? fstat(file.fd, &st) : stat(file.path, &st), 0);
	if ((size_t)st.st_size != file.size)
		differ("its size is %lld, not %zu", (long long)st.st_size, file.size);
}

static void (*const operations[])(size_t offset, size_t size) = {
	op_read, op_read, op_write, op_write, op_append, op_truncate, op_allocate, op_copy, op_map_read,
	op_map_write, op_seek, op_reopen, op_stat,
};
enum { N_OPERATIONS = sizeof(operations) / sizeof(*operations) };

static void
step(void)
{
	size_t size = 1 + (below(3) ? below(6000) : below(PART_MAX));
	size_t offset = below((uint32_t)(FILE_MAX - size));

	if (below(4) == 0)	/* whole pages have ways of their own */
		offset &= ~(size_t)4095;
	operations[below(N_OPERATIONS)](offset, size);
}

static void
compare_all(void)
{
	note("compare all");
	must("read", pread(file.fd, buf, sizeof(buf), 0), file.size);
	compare("at the end", buf, 0, file.size);
}

int
main(int argc, char **argv)
{
	uint64_t steps = UINT64_MAX;
	time_t end = time(NULL) + 5;
	uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "--seconds=", 10) == 0)
			end = time(NULL) + atol(argv[i] + 10);
		else if (strncmp(argv[i], "--steps=", 8) == 0)
			steps = strtoull(argv[i] + 8, NULL, 10);
		else if (strncmp(argv[i], "--seed=", 7) == 0)
			seed = strtoull(argv[i] + 7, NULL, 10);
		else
			argc = 1;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: posix-random FILE [--seconds=N | --steps=N] [--seed=N]\n");
		return 64;
	}
	printf("--seed=%llu\n", (unsigned long long)seed);
	random_state = seed;
	file.path = argv[1];
	file.fd = open(file.path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644);
	if (file.fd < 0)
		differ("%s: %s", file.path, strerror(errno));
	for (; n_steps < steps && (steps != UINT64_MAX || time(NULL) < end); n_steps++)
		step();
	compare_all();
	printf("%llu steps\n", (unsigned long long)n_steps);
	return 0;
}
