/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-archive: listing and reading archives of all kinds, whole, odd,
 * hostile and broken ones, without a mount.
 *
 * Every archive is made here, by libarchive's writers or byte by byte, and
 * lives in a memory file. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "trans/tree.h"
#include "translators/archive-cache.h"
#include "translators/archive-content.h"
#include "translators/archive-index.h"

/* What the library would do ------------------------------------------------ */

static unsigned n_errors;	/* lines that were logged */
static char last_line[1024];
static unsigned progress;

static void
note_line(const char *format, va_list args)
{
	vsnprintf(last_line, sizeof(last_line), format, args);
	n_errors++;
}

int
trans_error(int errnum, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_line(format, args);
	va_end(args);
	return -errnum;
}

void
trans_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_line(format, args);
	va_end(args);
}

void
trans_progress(unsigned percent)
{
	progress = percent;
}

/* Members ------------------------------------------------------------------ */

enum { A_FILE, A_DIR, A_SYMLINK, A_HARDLINK, A_FIFO };

struct member {
	const char *path;
	int type;
	size_t size;
	unsigned mode;
	const char *target;
};

#define NAME_255 \
	"x234567890123456789012345678901234567890123456789012345678901234" \
	"x234567890123456789012345678901234567890123456789012345678901234" \
	"x234567890123456789012345678901234567890123456789012345678901234" \
	"x23456789012345678901234567890123456789012345678901234567890123"

/* Partly random, partly not, and different for each size. */
static char
body(size_t size, size_t i)
{
	uint32_t hash = ((uint32_t)i + (uint32_t)size * 31) * 2654435761u;

	return i % 97 < 60 ? (char)('a' + (size + i / 97) % 26) : (char)(hash >> 17);
}

static char *
body_make(size_t size)
{
	char *data = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		data[i] = body(size, i);
	return data;
}

static const struct member usual[] = {
	{ "dir/", A_DIR, 0, 0750, NULL },
	{ "dir/small.txt", A_FILE, 11, 0644, NULL },
	{ "dir/empty", A_FILE, 0, 0600, NULL },
	{ "dir/link", A_SYMLINK, 0, 0777, "small.txt" },
	{ "dir/hard", A_HARDLINK, 11, 0644, "dir/small.txt" },
	{ "missing/parent/file", A_FILE, 1000, 0644, NULL },
	{ "block", A_FILE, 512, 0444, NULL },
	{ "setuid", A_FILE, 513, 04755, NULL },
	{ "unreadable", A_FILE, 100, 0, NULL },
	{ "big.bin", A_FILE, 20000, 0644, NULL },
	{ NAME_255, A_FILE, 77, 0644, NULL },
	{ "new\nline", A_FILE, 78, 0644, NULL },
	{ "latin-\xe9", A_FILE, 79, 0644, NULL },
	{ "utf-\xc3\xa9\xe6\xbc\xa2", A_FILE, 80, 0644, NULL },
};

static const struct member flat[] = {
	{ "one.o", A_FILE, 1001, 0644, NULL },
	{ "two.o", A_FILE, 6, 0644, NULL },
	{ "three.o", A_FILE, 512, 0644, NULL },
};

static const struct member large[] = {
	{ "first", A_FILE, 5000, 0644, NULL },
	{ "large", A_FILE, 3 * CACHE_PIECE + 12345, 0644, NULL },
	{ "piece", A_FILE, CACHE_PIECE, 0644, NULL },
	{ "huge", A_FILE, (4 << 20) + (1 << 20) + 7, 0644, NULL },
	{ "last", A_FILE, 300, 0644, NULL },
};

/* Kinds of archives -------------------------------------------------------- */

enum {
	NO_HARDLINK = 1,
	NO_SYMLINK = 2,
	NO_LONG = 4,		/* no names over 99 bytes */
	NO_LATIN = 8,		/* names are unicode */
	NO_MODE = 16,
	NO_NEWLINE = 32,
	FLAT = 64,
};

struct kind {
	const char *name;
	int (*format)(struct archive *archive);
	int (*filter)(struct archive *archive);
	const char *options;
	unsigned lacks;
	enum storage storage;	/* of members with content */
};

static const struct kind kinds[] = {
	{ "ustar", archive_write_set_format_ustar, NULL, NULL, NO_LONG, STORED_PLACE },
	{ "pax", archive_write_set_format_pax, NULL, "hdrcharset=BINARY", 0, STORED_PLACE },
	{ "pax-utf8", archive_write_set_format_pax, NULL, NULL, 0, STORED_PLACE },
	{ "gnutar", archive_write_set_format_gnutar, NULL, NULL, 0, STORED_PLACE },
	{ "v7", archive_write_set_format_v7tar, NULL, NULL, NO_LONG, STORED_PLACE },
	{ "odc", archive_write_set_format_cpio, NULL, NULL, 0, STORED_PLACE },
	{ "newc", archive_write_set_format_cpio_newc, NULL, NULL, 0, STORED_PLACE },
	{ "zip-store", archive_write_set_format_zip, NULL, "zip:compression=store", NO_HARDLINK, STORED_PLACE },
	{ "zip-deflate", archive_write_set_format_zip, NULL, "zip:compression=deflate", NO_HARDLINK, STORED_DEFLATE },
	{ "iso", archive_write_set_format_iso9660, NULL, NULL, NO_LATIN | NO_MODE | NO_LONG | NO_NEWLINE, STORED_PLACE },
	{ "7z", archive_write_set_format_7zip, NULL, NULL, NO_HARDLINK | NO_LATIN, STORED_STREAM },
	{ "7z-copy", archive_write_set_format_7zip, NULL, "7zip:compression=store", NO_HARDLINK | NO_LATIN, STORED_STREAM },
	{ "ar-bsd", archive_write_set_format_ar_bsd, NULL, NULL, FLAT, STORED_PLACE },
	{ "ar-svr4", archive_write_set_format_ar_svr4, NULL, NULL, FLAT, STORED_PLACE },
	{ "tar.gz", archive_write_set_format_gnutar, archive_write_add_filter_gzip, NULL, 0, STORED_STREAM },
	{ "tar.bz2", archive_write_set_format_pax, archive_write_add_filter_bzip2, NULL, 0, STORED_STREAM },
	{ "tar.xz", archive_write_set_format_pax, archive_write_add_filter_xz, NULL, 0, STORED_STREAM },
	{ "tar.zst", archive_write_set_format_pax, archive_write_add_filter_zstd, NULL, 0, STORED_STREAM },
	{ "tar.lz4", archive_write_set_format_pax, archive_write_add_filter_lz4, NULL, 0, STORED_STREAM },
	{ "tar.Z", archive_write_set_format_ustar, archive_write_add_filter_compress, NULL, NO_LONG, STORED_STREAM },
	{ "cpio.gz", archive_write_set_format_cpio_newc, archive_write_add_filter_gzip, NULL, 0, STORED_STREAM },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
kind_named(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fail_msg("no kind %s", name);
	return NULL;
}

static bool
is_lacking(const struct kind *kind, const struct member *member)
{
	size_t length = strlen(member->path);

	return (kind->lacks & NO_HARDLINK && member->type == A_HARDLINK) ||
	    (kind->lacks & NO_SYMLINK && member->type == A_SYMLINK) ||
	    (kind->lacks & NO_LONG && length > 99) ||
	    (kind->lacks & NO_LATIN && strchr(member->path, '\xe9')) ||
	    (kind->lacks & NO_NEWLINE && strchr(member->path, '\n'));
}

static int
memory_file(void)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct archive *
writer_new(const struct kind *kind, int fd)
{
	struct archive *writer = archive_write_new();

	assert_int_equal(kind->format(writer), ARCHIVE_OK);
	if (kind->filter)
		assert_true(kind->filter(writer) >= ARCHIVE_WARN);
	if (kind->options)
		assert_int_equal(archive_write_set_options(writer, kind->options), ARCHIVE_OK);
	/* No padding to 10240, so that cutting off cuts what matters. */
	archive_write_set_bytes_per_block(writer, 512);
	archive_write_set_bytes_in_last_block(writer, 1);
	assert_int_equal(archive_write_open_fd(writer, fd), ARCHIVE_OK);
	return writer;
}

static void
writer_free(struct archive *writer)
{
	assert_int_equal(archive_write_close(writer), ARCHIVE_OK);
	archive_write_free(writer);
}

/* Members of one inode follow each other as cpio has them: only the last has
 * the content there. */
static void
write_member(struct archive *writer, const struct member *member, size_t index)
{
	static const unsigned types[] = { AE_IFREG, AE_IFDIR, AE_IFLNK, AE_IFREG, AE_IFIFO };
	struct archive_entry *entry = archive_entry_new();
	bool newc = archive_format(writer) == ARCHIVE_FORMAT_CPIO_SVR4_NOCRC;
	bool linked = strcmp(member->path, "dir/small.txt") == 0;
	char *data = body_make(member->size);
	size_t size = member->size;
	int r;

	if ((newc && linked) || (!newc && member->type == A_HARDLINK &&
	    archive_format(writer) != ARCHIVE_FORMAT_CPIO_POSIX))
		size = 0;
	archive_entry_copy_pathname(entry, member->path);
	archive_entry_set_filetype(entry, types[member->type]);
	archive_entry_set_perm(entry, (mode_t)member->mode);
	archive_entry_set_size(entry, (int64_t)size);
	archive_entry_set_mtime(entry, 1000000000 + (time_t)index, 0);
	archive_entry_set_uid(entry, 1234);
	archive_entry_set_ino(entry, 100 + (int64_t)index);
	if (linked || member->type == A_HARDLINK) {
		archive_entry_set_nlink(entry, 2);
		archive_entry_set_ino(entry, 99);
	}
	if (member->type == A_SYMLINK)
		archive_entry_copy_symlink(entry, member->target);
	if (member->type == A_HARDLINK &&
	    (archive_format(writer) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_CPIO)
		archive_entry_copy_hardlink(entry, member->target);
	r = archive_write_header(writer, entry);
	if (r < ARCHIVE_WARN)
		fail_msg("%s: %s", member->path, archive_error_string(writer));
	if (size > 0)
		assert_int_equal(archive_write_data(writer, data, size), size);
	archive_entry_free(entry);
	free(data);
}

/* A memory file with an archive of these members. */
static int
archive_make(const struct kind *kind, const struct member *members, size_t n)
{
	int fd = memory_file();
	struct archive *writer = writer_new(kind, fd);

	for (size_t i = 0; i < n; i++)
		if (!is_lacking(kind, &members[i]))
			write_member(writer, &members[i], i);
	writer_free(writer);
	return fd;
}

#define MAKE(kind, members) \
	archive_make(kind, members, sizeof(members) / sizeof((members)[0]))

static int
usual_make(const struct kind *kind)
{
	return kind->lacks & FLAT ? MAKE(kind, flat) : MAKE(kind, usual);
}

/* Looking ------------------------------------------------------------------ */

struct shown {
	struct source source;
	struct trans_tree *tree;
	struct content *content;
	struct index_report report;
	int result;
};

static void
show_with(struct shown *shown, int fd, const struct patience *patience)
{
	assert_int_equal(source_init(&shown->source, fd, "ARCHIVE"), 0);
	shown->tree = trans_tree_new();
	shown->result = index_fill(&shown->source, patience, shown->tree, &shown->report);
	trans_tree_ready(shown->tree, shown->result);
	assert_int_equal(content_new(&shown->source, &shown->content), 0);
}

/* Takes the descriptor. */
static void
show(struct shown *shown, int fd)
{
	show_with(shown, fd, NULL);
}

static void
unshow(struct shown *shown)
{
	shown->content = content_free(shown->content);
	trans_tree_free(shown->tree);
	close(shown->source.fd);
}

/* The node of a path, or 0. */
static trans_node_t
find(const struct shown *shown, const char *path)
{
	char *copy = strdup(path), *rest = copy, *part;
	trans_node_t node = TRANS_ROOT;

	while (node && (part = strsep(&rest, "/")))
		if (*part && strcmp(part, ".") != 0 &&
		    tree_lookup(shown->tree, node, part, &node) < 0)
			node = 0;
	free(copy);
	return node;
}

static struct trans_entry
entry_of(const struct shown *shown, const char *path)
{
	struct trans_entry entry = { 0 };
	trans_node_t node = find(shown, path);

	if (!node || trans_tree_entry(shown->tree, node, &entry) < 0)
		fail_msg("%s is not there", path);
	return entry;
}

static ssize_t
read_any(const struct shown *shown, const struct trans_entry *entry, char *buf,
    size_t size, uint64_t offset)
{
	ssize_t n = content_read(shown->content, entry, buf, size, offset);

	if (n == -EAGAIN)
		n = content_read_slowly(shown->content, entry, buf, size, offset, NULL);
	return n;
}

static void
expect_part(const struct shown *shown, const struct trans_entry *entry,
    const char *data, size_t size, size_t offset)
{
	char *buf = malloc(size + 1);
	ssize_t n = read_any(shown, entry, buf, size, offset);

	if (n != (ssize_t)size)
		fail_msg("read of %zu at %zu: %zd (%s)", size, offset, n, last_line);
	assert_memory_equal(buf, data + offset, size);
	free(buf);
}

/* Front to back in pieces, then the end, the middle and the beginning. */
static void
expect_content(const struct shown *shown, const char *path, size_t size)
{
	struct trans_entry entry = entry_of(shown, path);
	char *data = body_make(size);
	size_t step = 131072, half = size / 2;

	assert_int_equal(entry.size, size);
	for (size_t offset = 0; offset < size; offset += step)
		expect_part(shown, &entry, data, size - offset < step ? size - offset : step,
		    offset);
	if (size > 0) {
		expect_part(shown, &entry, data, 1, size - 1);
		expect_part(shown, &entry, data, size - half, half);
		expect_part(shown, &entry, data, 1, 0);
	}
	free(data);
}

static void
expect_member(const struct shown *shown, const struct kind *kind,
    const struct member *member, size_t index)
{
	struct trans_entry entry = entry_of(shown, member->path);
	struct stat st;

	assert_int_equal(tree_stat(shown->tree, find(shown, member->path), &st), 0);
	if (!(kind->lacks & NO_MODE))
		assert_int_equal(entry.mode & 07777, (member->mode & 0777) |
		    (member->type == A_DIR ? 0500 : 0400));
	switch (member->type) {
	case A_DIR:
		assert_true(S_ISDIR(entry.mode));
		return;
	case A_SYMLINK:
		assert_true(S_ISLNK(entry.mode));
		assert_string_equal(entry.target, member->target);
		return;
	case A_HARDLINK:
		assert_int_equal(find(shown, member->path), find(shown, member->target));
		assert_int_equal(st.st_nlink, 2);
		break;
	default:
		if (strcmp(member->path, "dir/small.txt") != 0)
			assert_int_equal(entry.mtime, 1000000000 + (int64_t)index);
	}
	assert_true(S_ISREG(entry.mode));
	if (member->size > 0)
		assert_int_equal(cookie_storage(entry.cookie), kind->storage);
	expect_content(shown, member->path, member->size);
}

static void
expect_members(const struct shown *shown, const struct kind *kind,
    const struct member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_lacking(kind, &members[i]))
			expect_member(shown, kind, &members[i], i);
}

#define EXPECT(shown, kind, members) \
	expect_members(shown, kind, members, sizeof(members) / sizeof((members)[0]))

/* Whole archives ----------------------------------------------------------- */

static void
test_kinds(void **state)
{
	struct shown shown;
	char why[400];

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		print_message("  %s\n", kinds[i].name);
		n_errors = 0;
		show(&shown, usual_make(&kinds[i]));
		assert_int_equal(shown.result, 0);
		assert_false(shown.report.is_damaged);
		assert_int_equal(shown.report.left_out, 0);
		assert_int_equal(index_probe(&shown.source, why, sizeof(why)), 0);
		if (kinds[i].lacks & FLAT)
			EXPECT(&shown, &kinds[i], flat);
		else
			EXPECT(&shown, &kinds[i], usual);
		assert_int_equal(n_errors, 0);
		unshow(&shown);
	}
}

/* Members of several pieces, and some that are too big to be kept. */
static void
test_large(void **state)
{
	static const char *const names[] = { "gnutar", "zip-deflate", "zip-store", "7z", "tar.gz", "tar.zst" };
	struct shown shown;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct kind *kind = kind_named(names[i]);

		print_message("  %s\n", names[i]);
		show(&shown, MAKE(kind, large));
		EXPECT(&shown, kind, large);
		/* Against the order, and two readers in turns. */
		expect_content(&shown, "last", large[4].size);
		expect_content(&shown, "first", large[0].size);
		for (size_t offset = 0; offset < large[1].size - 10; offset += 50000) {
			struct trans_entry a = entry_of(&shown, "large");
			struct trans_entry b = entry_of(&shown, "huge");
			char x, y;

			assert_int_equal(read_any(&shown, &a, &x, 1, offset), 1);
			assert_int_equal(read_any(&shown, &b, &y, 1, large[3].size - 1 - offset), 1);
			assert_int_equal(x, body(large[1].size, offset));
			assert_int_equal(y, body(large[3].size, large[3].size - 1 - offset));
		}
		unshow(&shown);
	}
}

/* What is read ahead is there when it is asked for. */
static void
test_ahead(void **state)
{
	enum { FILES = 3000, SIZE = 3000 };
	const struct kind *kind = kind_named("tar.gz");
	int fd = memory_file(), misses = 0;
	struct archive *writer = writer_new(kind, fd);
	char path[32], buf[SIZE];
	struct trans_entry entry;
	struct shown shown;

	(void)state;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		write_member(writer, &(struct member){ path, A_FILE, SIZE, 0644, NULL }, 0);
	}
	writer_free(writer);
	show(&shown, fd);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		entry = entry_of(&shown, path);
		if (content_read(shown.content, &entry, buf, SIZE, 0) == -EAGAIN) {
			misses++;
			assert_int_equal(content_read_slowly(shown.content, &entry, buf,
			    SIZE, 0, NULL), SIZE);
		}
		assert_int_equal(buf[SIZE - 1], body(SIZE, SIZE - 1));
		while (content_wants_ahead(shown.content))
			content_read_ahead(shown.content, NULL);
	}
	assert_int_equal(misses, 1);
	unshow(&shown);
}

/* Odd archives ------------------------------------------------------------- */

static void
test_duplicates(void **state)
{
	static const struct member members[] = {
		{ "a", A_FILE, 10, 0644, NULL },
		{ "b/c", A_FILE, 20, 0644, NULL },
		{ "d", A_FILE, 25, 0644, NULL },
		{ "./a", A_FILE, 30, 0600, NULL },
		{ "b", A_FILE, 40, 0644, NULL },
		{ "d/e", A_FILE, 50, 0644, NULL },
		{ "/abs/olute", A_FILE, 60, 0644, NULL },
		{ "fifo", A_FIFO, 0, 0644, NULL },
	};
	static const char *const names[] = { "gnutar", "newc", "zip-store", "tar.gz" };
	struct shown shown;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		show(&shown, archive_make(kind_named(names[i]), members,
		    strncmp(names[i], "zip", 3) == 0 ? 7 : 8));
		expect_content(&shown, "a", 30);
		expect_content(&shown, "b", 40);
		assert_int_equal(find(&shown, "b/c"), 0);
		expect_content(&shown, "d/e", 50);
		expect_content(&shown, "abs/olute", 60);
		assert_int_equal(find(&shown, "a"), 2);
		if (find(&shown, "fifo"))
			assert_true(S_ISFIFO(entry_of(&shown, "fifo").mode));
		unshow(&shown);
	}
}

static void
test_deep(void **state)
{
	enum { LEVELS = 2000 };
	char *path = malloc(2 * LEVELS + 8);
	struct shown shown;
	int fd;

	(void)state;
	for (int i = 0; i < LEVELS; i++)
		memcpy(path + 2 * i, "d/", 3);
	strcat(path, "file");
	fd = archive_make(kind_named("pax"), &(struct member){ path, A_FILE, 99, 0644, NULL }, 1);
	show(&shown, fd);
	expect_content(&shown, path, 99);
	unshow(&shown);
	free(path);
}

/* A sparse file with a hole at each end, in pax form. */
static void
sparse_write(struct archive *writer, const char *path, size_t size, bool has_data)
{
	struct archive_entry *entry = archive_entry_new();
	char *data = calloc(1, size);

	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (int64_t)size);
	if (has_data) {
		archive_entry_sparse_add_entry(entry, 8192, 4096);
		archive_entry_sparse_add_entry(entry, 65536, 1000);
		memset(data + 8192, 'x', 4096);
		memset(data + 65536, 'y', 1000);
	} else {
		archive_entry_sparse_add_entry(entry, (int64_t)size, 0);
	}
	assert_int_equal(archive_write_header(writer, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(writer, data, size), size);
	archive_entry_free(entry);
	free(data);
}

static void
expect_sparse(struct shown *shown, const char *path, size_t size, bool has_data)
{
	struct trans_entry entry = entry_of(shown, path);
	char *data = calloc(1, size), *buf = malloc(size);

	if (has_data) {
		memset(data + 8192, 'x', 4096);
		memset(data + 65536, 'y', 1000);
	}
	assert_int_equal(entry.size, size);
	assert_int_equal(read_any(shown, &entry, buf, size, 0), size);
	assert_memory_equal(buf, data, size);
	expect_part(shown, &entry, data, 100, 8192 - 50);
	expect_part(shown, &entry, data, 100, size - 100);
	free(data);
	free(buf);
}

static void
test_sparse(void **state)
{
	static const char *const names[] = { "pax", "tar.xz" };
	struct shown shown;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int fd = memory_file();
		struct archive *writer = writer_new(kind_named(names[i]), fd);

		write_member(writer, &flat[0], 0);
		sparse_write(writer, "holes", 100000, true);
		write_member(writer, &flat[1], 0);
		sparse_write(writer, "nothing", 70000, false);
		write_member(writer, &flat[2], 0);
		writer_free(writer);
		show(&shown, fd);
		assert_int_equal(shown.report.left_out, 0);
		expect_sparse(&shown, "holes", 100000, true);
		expect_sparse(&shown, "nothing", 70000, false);
		for (size_t j = 0; j < 3; j++)
			expect_content(&shown, flat[j].path, flat[j].size);
		unshow(&shown);
	}
}

/* Bytes -------------------------------------------------------------------- */

static void
put(int fd, const void *data, size_t size)
{
	assert_int_equal(write(fd, data, size), size);
}

/* A tar header as old as it gets, with what the other fields need besides. */
static void
tar_header(char header[512], const char *name, size_t name_length, char type, uint64_t size)
{
	unsigned sum = 0;

	memset(header, 0, 512);
	memcpy(header, name, name_length);
	strcpy(header + 100, "0000644");
	strcpy(header + 108, "0000000");
	strcpy(header + 116, "0000000");
	/* 33 bits are what eleven octal digits hold */
	snprintf(header + 124, 12, "%011llo", (unsigned long long)size & 0x1ffffffff);
	strcpy(header + 136, "00000000000");
	header[156] = type;
	memcpy(header + 257, "ustar  ", 8);
	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

static void
tar_sum(char header[512])
{
	unsigned sum = 0;

	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
}

static void
tar_put(int fd, const char *name, size_t name_length, char type, const char *data)
{
	char header[512], block[512] = "";

	tar_header(header, name, name_length, type, data ? strlen(data) : 0);
	put(fd, header, 512);
	if (!data)
		return;
	strncpy(block, data, 511);
	put(fd, block, 512);
}

/* The sparse form that GNU tar writes by default. */
static void
test_gnu_sparse(void **state)
{
	char header[512], block[512], buf[5000];
	struct trans_entry entry;
	struct shown shown;
	int fd = memory_file();

	(void)state;
	tar_header(header, "holes", 5, 'S', 512);
	snprintf(header + 386, 12, "%011o", 1024);	/* offset */
	snprintf(header + 398, 12, "%011o", 512);	/* bytes */
	snprintf(header + 410, 12, "%011o", 5000);
	snprintf(header + 422, 12, "%011o", 0);
	snprintf(header + 483, 12, "%011o", 5000);	/* real size */
	tar_sum(header);
	memset(block, 'z', 512);
	put(fd, header, 512);
	put(fd, block, 512);
	tar_put(fd, "after", 5, '0', "hello");
	memset(block, 0, 512);
	put(fd, block, 512);
	put(fd, block, 512);

	show(&shown, fd);
	entry = entry_of(&shown, "holes");
	assert_int_equal(entry.size, 5000);
	assert_int_equal(read_any(&shown, &entry, buf, 5000, 0), 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf[i], i >= 1024 && i < 1536 ? 'z' : 0);
	entry = entry_of(&shown, "after");
	assert_int_equal(read_any(&shown, &entry, buf, 5, 0), 5);
	assert_memory_equal(buf, "hello", 5);
	unshow(&shown);
}

/* A size of 12 GiB, with most of it missing: a big offset, and the part that
 * is not there. */
static void
test_big_offsets(void **state)
{
	const uint64_t size = UINT64_C(12) << 30;
	struct trans_entry entry;
	struct shown shown;
	char header[512], buf[4096];
	int fd = memory_file();

	(void)state;
	tar_header(header, "huge", 4, '0', 0);
	memset(header + 124, 0, 12);
	header[124] = (char)0x80;	/* binary */
	for (int i = 0; i < 8; i++)
		header[135 - i] = (char)(size >> 8 * i);
	tar_sum(header);
	put(fd, header, 512);
	assert_int_equal(ftruncate(fd, (off_t)(512 + size)), 0);
	assert_int_equal(pwrite(fd, "needle", 6, (off_t)(512 + size - 6)), 6);
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	tar_put(fd, "after", 5, '0', "hello");

	show(&shown, fd);
	entry = entry_of(&shown, "huge");
	assert_int_equal(entry.size, size);
	assert_int_equal(cookie_storage(entry.cookie), STORED_PLACE);
	assert_int_equal(read_any(&shown, &entry, buf, 10, size - 10), 10);
	assert_memory_equal(buf, "\0\0\0\0needle", 10);
	entry = entry_of(&shown, "after");
	assert_int_equal(read_any(&shown, &entry, buf, 5, 0), 5);
	/* The file is cut while it is served. */
	assert_int_equal(ftruncate(fd, 4096), 0);
	n_errors = 0;
	assert_int_equal(read_any(&shown, &entry, buf, 5, 0), -EIO);
	assert_int_equal(n_errors, 1);
	unshow(&shown);
}

static void
test_hostile_names(void **state)
{
	static const char *const lost[] = { "../evil", "a/../../evil", "..", "x/..", "/../evil" };
	static const char *const found[] = { "/etc/passwd", "./b//c", "...", "..x", "a/..." };
	char nul[] = "nul\0hidden", name[400];
	struct shown shown;
	int fd = memory_file();

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		tar_put(fd, lost[i], strlen(lost[i]), '0', "evil");
		tar_put(fd, found[i], strlen(found[i]), '0', "good");
	}
	tar_put(fd, nul, sizeof(nul) - 1, '0', "nul");
	tar_put(fd, "", 0, '0', "no name");
	tar_put(fd, ".", 1, '0', "the top is no file");
	tar_put(fd, "./", 2, '5', NULL);
	/* Over-long, by GNU's long name. */
	memset(name, 'n', sizeof(name));
	name[399] = '\0';
	tar_put(fd, "././@LongLink", 13, 'L', name);
	tar_put(fd, "n", 1, '0', "too long");
	tar_put(fd, "last", 4, '0', "good");

	show(&shown, fd);
	assert_int_equal(shown.result, 0);
	assert_true(shown.report.left_out >= 6);
	assert_string_equal(shown.report.example, "../evil");
	for (size_t i = 0; i < 5; i++)
		assert_true(find(&shown, found[i]) > 0);
	assert_true(find(&shown, "etc/passwd") > 0);
	assert_true(find(&shown, "b/c") > 0);
	assert_int_equal(find(&shown, "evil"), 0);
	assert_int_equal(find(&shown, "a/evil"), 0);
	assert_true(find(&shown, "last") > 0);
	assert_true(find(&shown, "nul") > 0);
	assert_int_equal(find(&shown, name), 0);
	unshow(&shown);
}

/* Links from anywhere to anything. */
static void
test_hostile_links(void **state)
{
	struct shown shown;
	char header[512];
	int fd = memory_file();

	(void)state;
	tar_put(fd, "a", 1, '0', "good");
	for (int i = 0; i < 5; i++) {
		static const char *const targets[] = { "nothing", "../../etc/passwd", "/etc/passwd", "dir", "self" };

		tar_put(fd, "dir/", 4, '5', NULL);
		tar_header(header, "self", 4, '1', 0);
		strcpy(header + 157, targets[i]);
		tar_sum(header);
		put(fd, header, 512);
	}
	tar_header(header, "sym", 3, '2', 0);
	strcpy(header + 157, "../../../etc/passwd");
	tar_sum(header);
	put(fd, header, 512);
	tar_put(fd, "sym/under", 9, '0', "inside");
	tar_header(header, "out", 3, '2', 0);
	strcpy(header + 157, "/etc/passwd");
	tar_sum(header);
	put(fd, header, 512);
	show(&shown, fd);
	assert_int_equal(shown.report.left_out, 5);
	assert_int_equal(find(&shown, "self"), 0);
	/* A symlink is shown, and never followed: who is put under it gets a directory. */
	assert_true(S_ISDIR(entry_of(&shown, "sym").mode));
	assert_true(S_ISLNK(entry_of(&shown, "out").mode));
	unshow(&shown);
}

/* Zips by hand ------------------------------------------------------------- */

struct zip {
	int fd;
	unsigned n;
	size_t central_size;
	unsigned char central[4096];
};

static void
le_put(unsigned char *p, int bytes, uint64_t value)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

static size_t
deflate_raw(const char *data, size_t size, unsigned char *out, size_t room)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)data;
	z.avail_in = (uInt)size;
	z.next_out = out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

struct zip_member {
	const char *name;
	size_t name_length;
	const char *data;
	unsigned flags;		/* 8: sizes behind the data, 1: encrypted, 0x800: UTF-8 */
	bool has_signature;	/* in front of them */
	uint32_t crc_wrong;	/* added to the checksum */
	int size_wrong;		/* added to the size */
};

static void
zip_put(struct zip *zip, const struct zip_member *member)
{
	unsigned char body_[4096], local[30] = { 'P', 'K', 3, 4, 20 }, tail[16] = { 'P', 'K', 7, 8 };
	unsigned char *central = zip->central + zip->central_size;
	size_t size = strlen(member->data), packed;
	uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)member->data, (uInt)size) +
	    member->crc_wrong;
	uint64_t where = (uint64_t)lseek(zip->fd, 0, SEEK_CUR);

	packed = deflate_raw(member->data, size, body_, sizeof(body_));
	size += (size_t)member->size_wrong;
	le_put(local + 6, 2, member->flags);
	le_put(local + 8, 2, 8);
	le_put(local + 14, 4, member->flags & 8 ? 0 : crc);
	le_put(local + 18, 4, member->flags & 8 ? 0 : packed);
	le_put(local + 22, 4, member->flags & 8 ? 0 : size);
	le_put(local + 26, 2, member->name_length);
	put(zip->fd, local, 30);
	put(zip->fd, member->name, member->name_length);
	put(zip->fd, body_, packed);
	le_put(tail + 4, 4, crc);
	le_put(tail + 8, 4, packed);
	le_put(tail + 12, 4, size);
	if (member->flags & 8)
		put(zip->fd, member->has_signature ? tail : tail + 4, member->has_signature ? 16 : 12);
	memset(central, 0, 46);
	memcpy(central, "PK\1\2\24\3\24\0", 8);
	le_put(central + 8, 2, member->flags);
	le_put(central + 10, 2, 8);
	le_put(central + 16, 4, crc);
	le_put(central + 20, 4, packed);
	le_put(central + 24, 4, size);
	le_put(central + 28, 2, member->name_length);
	le_put(central + 38, 4, 0100644u << 16);
	le_put(central + 42, 4, where);
	memcpy(central + 46, member->name, member->name_length);
	zip->central_size += 46 + member->name_length;
	zip->n++;
}

static int
zip_end(struct zip *zip)
{
	unsigned char end[22] = { 'P', 'K', 5, 6 };

	le_put(end + 8, 2, zip->n);
	le_put(end + 10, 2, zip->n);
	le_put(end + 12, 4, zip->central_size);
	le_put(end + 16, 4, (uint64_t)lseek(zip->fd, 0, SEEK_CUR));
	put(zip->fd, zip->central, zip->central_size);
	put(zip->fd, end, 22);
	return zip->fd;
}

static void
expect_text(const struct shown *shown, const char *path, const char *text)
{
	struct trans_entry entry = entry_of(shown, path);
	char buf[256];

	assert_int_equal(entry.size, strlen(text));
	assert_int_equal(read_any(shown, &entry, buf, entry.size, 0), entry.size);
	assert_memory_equal(buf, text, entry.size);
}

static void
test_zip(void **state)
{
	struct zip zip = { .fd = memory_file() };
	struct trans_entry entry;
	struct shown shown;
	char buf[256];

	(void)state;
	zip_put(&zip, &(struct zip_member){ "plain", 5, "plain text", 0, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "signed", 6, "signed text", 8, true, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "unsigned", 8, "unsigned text", 8, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "locked", 6, "secret", 1, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "wrong", 5, "wrong checksum", 0, false, 1, 0 });
	zip_put(&zip, &(struct zip_member){ "long", 4, "longer than it says", 0, false, 0, -5 });
	zip_put(&zip, &(struct zip_member){ "short", 5, "shorter than it says", 0, false, 0, 5 });
	zip_put(&zip, &(struct zip_member){ "latin-\xe9", 7, "latin", 0, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "utf-\xc3\xa9", 6, "utf", 0x800, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "bad-utf-\xe9", 9, "bad", 0x800, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "../evil", 7, "evil", 0, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "nul\0x", 5, "nul", 0, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "back\\slash", 10, "backslash", 0, false, 0, 0 });
	show(&shown, zip_end(&zip));
	assert_int_equal(shown.result, 0);
	expect_text(&shown, "plain", "plain text");
	expect_text(&shown, "signed", "signed text");
	expect_text(&shown, "unsigned", "unsigned text");
	expect_text(&shown, "latin-\xe9", "latin");
	expect_text(&shown, "utf-\xc3\xa9", "utf");
	expect_text(&shown, "bad-utf-\xe9", "bad");
	assert_int_equal(find(&shown, "evil"), 0);
	assert_int_equal(shown.report.left_out, 1);
	assert_int_equal(shown.report.locked, 1);
	entry = entry_of(&shown, "locked");
	n_errors = 0;
	assert_int_equal(read_any(&shown, &entry, buf, 1, 0), -EACCES);
	assert_int_equal(read_any(&shown, &entry, buf, 1, 0), -EACCES);
	assert_int_equal(n_errors, 1);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "wrong", "long", "short" };

		entry = entry_of(&shown, names[i]);
		n_errors = 0;
		assert_int_equal(read_any(&shown, &entry, buf, entry.size, 0), -EIO);
		assert_int_equal(n_errors, 1);
		assert_non_null(strstr(last_line, names[i]));
	}
	unshow(&shown);
}

/* Without its directory a zip is read from the front, and sizes that stand
 * behind the data are found by reading it. */
static void
test_zip_without_directory(void **state)
{
	struct zip zip = { .fd = memory_file() };
	struct shown shown;

	(void)state;
	zip_put(&zip, &(struct zip_member){ "plain", 5, "plain text", 0, false, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "signed", 6, "signed text", 8, true, 0, 0 });
	zip_put(&zip, &(struct zip_member){ "again", 5, "plain text", 0, false, 0, 0 });
	show(&shown, zip.fd);
	assert_int_equal(shown.result, 0);
	expect_text(&shown, "plain", "plain text");
	expect_text(&shown, "signed", "signed text");
	expect_text(&shown, "again", "plain text");
	unshow(&shown);
}

/* bzip2 takes in much before anything comes out, and nothing must be made of
 * that. The stream comes from a tar-less bzip2 file. */
static void
test_zip_bzip2(void **state)
{
	enum { SIZE = 400000 };
	struct kind bzip2 = { "bz2", archive_write_set_format_raw, archive_write_add_filter_bzip2, NULL, 0, 0 };
	struct zip zip = { .fd = memory_file() };
	int fd = memory_file();
	struct archive *writer = writer_new(&bzip2, fd);
	unsigned char local[30] = { 'P', 'K', 3, 4, 46 };
	struct archive_entry *entry = archive_entry_new();
	char *data = malloc(SIZE), *packed;
	struct trans_entry found;
	struct shown shown;
	unsigned seed = 5;
	size_t size;
	uint32_t crc;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		data[i] = (char)rand_r(&seed);
	crc = (uint32_t)crc32(0, (unsigned char *)data, SIZE);
	archive_entry_copy_pathname(entry, "data");
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(writer, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(writer, data, SIZE), SIZE);
	archive_entry_free(entry);
	writer_free(writer);
	size = (size_t)lseek(fd, 0, SEEK_END);
	assert_true(size > SOURCE_BUFFER);
	packed = malloc(size);
	assert_int_equal(pread(fd, packed, size, 0), size);
	close(fd);
	le_put(local + 8, 2, 12);
	le_put(local + 14, 4, crc);
	le_put(local + 18, 4, size);
	le_put(local + 22, 4, SIZE);
	le_put(local + 26, 2, 4);
	put(zip.fd, local, 30);
	put(zip.fd, "data", 4);
	put(zip.fd, packed, size);
	memcpy(zip.central, "PK\1\2\56\3\56\0", 8);
	le_put(zip.central + 10, 2, 12);
	le_put(zip.central + 16, 4, crc);
	le_put(zip.central + 20, 4, size);
	le_put(zip.central + 24, 4, SIZE);
	le_put(zip.central + 28, 2, 4);
	le_put(zip.central + 38, 4, 0100644u << 16);
	memcpy(zip.central + 46, "data", 4);
	zip.central_size = 50;
	zip.n = 1;
	show(&shown, zip_end(&zip));
	found = entry_of(&shown, "data");
	assert_int_equal(cookie_storage(found.cookie), STORED_STREAM);
	expect_part(&shown, &found, data, SIZE, 0);
	unshow(&shown);
	free(packed);
	free(data);
}

/* Broken archives ---------------------------------------------------------- */

static void
expect_no_archive(int fd, const char *words)
{
	struct source source;
	char why[400] = "";

	assert_int_equal(source_init(&source, fd, "FILE"), 0);
	assert_int_equal(index_probe(&source, why, sizeof(why)), -EINVAL);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
	assert_null(strchr(why, '\n'));
	close(fd);
}

static void
test_no_archive(void **state)
{
	char zeros[1024] = "", text[5000];
	struct source source;
	struct kind gz = *kind_named("tar.gz");
	struct archive *writer;
	struct shown shown;
	int fd, ends[2];

	(void)state;
	expect_no_archive(memory_file(), "empty");
	memset(text, 'x', sizeof(text));
	fd = memory_file();
	put(fd, text, sizeof(text));
	expect_no_archive(fd, "not an archive (formats: tar, zip");
	fd = memory_file();
	put(fd, "#mtree\nfile type=file contents=/etc/passwd\n", 43);
	expect_no_archive(fd, "not an archive");
	/* Compressed, but nothing we know. */
	gz.format = archive_write_set_format_raw;
	fd = memory_file();
	writer = writer_new(&gz, fd);
	write_member(writer, &(struct member){ "text", A_FILE, 5000, 0644, NULL }, 0);
	writer_free(writer);
	expect_no_archive(fd, "uncompress");
	/* Cut in the first header. */
	fd = usual_make(kind_named("zip-store"));
	assert_int_equal(ftruncate(fd, 20), 0);
	expect_no_archive(fd, "");
	/* An empty tar is an archive, and shows nothing. */
	fd = memory_file();
	put(fd, zeros, sizeof(zeros));
	show(&shown, fd);
	assert_int_equal(index_probe(&shown.source, text, sizeof(text)), 0);
	assert_int_equal(shown.result, 0);
	assert_int_equal(tree_count(shown.tree), 1);
	unshow(&shown);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(source_init(&source, ends[0], "PIPE"), -EINVAL);
	close(ends[0]);
	close(ends[1]);
}

static void
test_cut(void **state)
{
	const struct kind *kind = kind_named("gnutar");
	struct trans_entry entry;
	struct shown shown;
	char buf[20000];
	int fd = usual_make(kind);

	(void)state;
	show(&shown, dup(fd));
	entry = entry_of(&shown, "big.bin");
	assert_int_equal(ftruncate(fd, (off_t)(cookie_offset(entry.cookie) + 10000)), 0);
	unshow(&shown);
	show(&shown, fd);
	assert_int_equal(shown.result, 0);
	assert_true(shown.report.is_damaged);
	expect_content(&shown, "missing/parent/file", 1000);
	entry = entry_of(&shown, "big.bin");
	assert_int_equal(entry.size, 20000);
	assert_int_equal(read_any(&shown, &entry, buf, 20000, 0), -EIO);
	assert_int_equal(find(&shown, "new\nline"), 0);
	unshow(&shown);
}

/* Looks at everything that is there, whatever comes of it. */
static void
rummage(int fd)
{
	static char buf[CACHE_PIECE + 4096];
	struct trans_entry entry;
	struct shown shown;
	uint64_t ends[3];
	struct stat st;

	show(&shown, fd);
	for (trans_node_t node = 1; node <= tree_count(shown.tree); node++) {
		assert_int_equal(tree_stat(shown.tree, node, &st), 0);
		assert_int_equal(trans_tree_entry(shown.tree, node, &entry), 0);
		if (!S_ISREG(entry.mode) || entry.size == 0)
			continue;
		ends[0] = 0;
		ends[1] = entry.size / 2;
		ends[2] = entry.size - 1;
		for (int i = 0; i < 3; i++) {
			uint64_t left = entry.size - ends[i];

			read_any(&shown, &entry, buf, left < sizeof(buf) ? (size_t)left :
			    sizeof(buf), ends[i]);
		}
		if (content_wants_ahead(shown.content))
			content_read_ahead(shown.content, NULL);
	}
	unshow(&shown);
}

static int
memory_copy(int fd, size_t size)
{
	char *data = malloc(size + 1);
	int copy = memory_file();

	assert_int_equal(pread(fd, data, size, 0), size);
	put(copy, data, size);
	free(data);
	return copy;
}

static void
test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		int fd = usual_make(&kinds[i]);
		size_t size = (size_t)lseek(fd, 0, SEEK_END);
		/* An image has much emptiness. */
		size_t step = size > 100000 ? 97 * 31 : 97;

		for (size_t cut = 0; cut < size; cut += step)
			rummage(memory_copy(fd, cut));
		close(fd);
	}
}

static void
test_mutated(void **state)
{
	enum { ROUNDS = 500 };
	unsigned seed = 20240607;

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		int fd = usual_make(&kinds[round % N_KINDS]);
		size_t size = (size_t)lseek(fd, 0, SEEK_END);
		int changes = 1 + rand_r(&seed) % 20;

		for (int i = 0; i < changes; i++) {
			/* Headers are at the beginning or at the end. */
			size_t at = (size_t)rand_r(&seed) % size;
			char byte = (char)rand_r(&seed);

			if (rand_r(&seed) % 2)
				at %= 2048 < size ? 2048 : size;
			else if (rand_r(&seed) % 2)
				at = size - 1 - at % (1024 < size ? 1024 : size);
			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		}
		rummage(fd);
	}
}

/* Patience ----------------------------------------------------------------- */

static bool
count_down(void *argument)
{
	int *left = argument;

	return --*left < 0;
}

static void
test_patience(void **state)
{
	const struct kind *kind = kind_named("tar.gz");
	int left = 3, fd = MAKE(kind, large);
	struct patience patience = { .is_over = count_down, .argument = &left };
	struct trans_entry entry;
	struct shown shown;
	char byte;

	(void)state;
	show_with(&shown, dup(fd), &patience);
	assert_int_equal(shown.result, -EINTR);
	unshow(&shown);
	show(&shown, fd);
	entry = entry_of(&shown, "huge");
	for (int i = 0; i < 40; i++) {
		ssize_t n;

		left = i;
		n = content_read_slowly(shown.content, &entry, &byte, 1, entry.size - 1, &patience);
		if (n == 1)
			assert_int_equal(byte, body(entry.size, entry.size - 1));
		else
			assert_int_equal(n, -EINTR);
	}
	expect_content(&shown, "large", large[1].size);
	unshow(&shown);
}

/* Two threads ---------------------------------------------------------------- */

/* The reads that the first thread leaves to the second, one at a time. */
struct pair {
	const struct shown *shown;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct trans_entry *wanted;
	ssize_t result;
	char *buf;
	bool is_over;
};

static void *
second_thread(void *argument)
{
	struct pair *pair = argument;

	pthread_mutex_lock(&pair->lock);
	while (!pair->is_over) {
		if (pair->wanted) {
			pair->result = content_read_slowly(pair->shown->content, pair->wanted,
			    pair->buf, pair->wanted->size, 0, NULL);
			pair->wanted = NULL;
			pthread_cond_broadcast(&pair->changed);
		} else if (content_wants_ahead(pair->shown->content)) {
			pthread_mutex_unlock(&pair->lock);
			content_read_ahead(pair->shown->content, NULL);
			pthread_mutex_lock(&pair->lock);
		} else {
			pthread_cond_wait(&pair->changed, &pair->lock);
		}
	}
	pthread_mutex_unlock(&pair->lock);
	return NULL;
}

static ssize_t
read_by_second(struct pair *pair, const struct trans_entry *entry)
{
	ssize_t result;

	pthread_mutex_lock(&pair->lock);
	pair->wanted = entry;
	pthread_cond_broadcast(&pair->changed);
	while (pair->wanted)
		pthread_cond_wait(&pair->changed, &pair->lock);
	result = pair->result;
	pthread_mutex_unlock(&pair->lock);
	return result;
}

static void
test_two_threads(void **state)
{
	enum { FILES = 600 };
	static const char *const names[] = { "tar.gz", "zip-deflate" };
	char path[32];
	unsigned seed = 3;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		int fd = memory_file();
		struct archive *writer = writer_new(kind_named(names[k]), fd);
		struct shown shown;
		struct pair pair = { .shown = &shown };
		pthread_t thread;

		pthread_mutex_init(&pair.lock, NULL);
		pthread_cond_init(&pair.changed, NULL);
		for (int i = 0; i < FILES; i++) {
			snprintf(path, sizeof(path), "f%d", i);
			write_member(writer, &(struct member){ path, A_FILE,
			    (size_t)(i % 50 == 7 ? 1500000 : 9000 + i), 0644, NULL }, 0);
		}
		writer_free(writer);
		show(&shown, fd);
		pair.buf = malloc(1500000);
		assert_int_equal(pthread_create(&thread, NULL, second_thread, &pair), 0);
		for (int i = 0; i < 3 * FILES; i++) {
			struct trans_entry entry;
			ssize_t n;

			snprintf(path, sizeof(path), "f%d", i < FILES ? i : rand_r(&seed) % FILES);
			entry = entry_of(&shown, path);
			n = content_read(shown.content, &entry, pair.buf, entry.size, 0);
			if (n == -EAGAIN)
				n = read_by_second(&pair, &entry);
			assert_int_equal(n, entry.size);
			assert_int_equal(pair.buf[n - 1], body(entry.size, entry.size - 1));
			pthread_cond_broadcast(&pair.changed);
		}
		pthread_mutex_lock(&pair.lock);
		pair.is_over = true;
		pthread_cond_broadcast(&pair.changed);
		pthread_mutex_unlock(&pair.lock);
		pthread_join(thread, NULL);
		pthread_mutex_destroy(&pair.lock);
		pthread_cond_destroy(&pair.changed);
		free(pair.buf);
		unshow(&shown);
	}
}

/* The bound of the cache holds, and what was used last stays. */
static void
test_cache(void **state)
{
	struct piece *piece;
	struct cache cache;
	char buf[16];

	(void)state;
	assert_int_equal(cache_init(&cache), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		piece = piece_new(i, 0, CACHE_PIECE);
		memset(piece->data, (int)i, CACHE_PIECE);
		cache_put(&cache, piece);
		assert_true(cache.bytes <= CACHE_MAX);
		assert_int_equal(cache_read(&cache, 0, buf, 16, 100), 16);
	}
	assert_true(cache_has(&cache, 0, 0));
	assert_true(cache_has(&cache, 999, 0));
	assert_false(cache_has(&cache, 1, 0));
	piece = piece_new(999, 1, 5);
	memcpy(piece->data, "hello", 5);
	cache_put(&cache, piece);
	assert_int_equal(cache_read(&cache, 999, buf, 16, CACHE_PIECE - 4), 9);
	assert_memory_equal(buf + 4, "hello", 5);
	assert_int_equal(cache_read(&cache, 999, buf, 16, CACHE_PIECE + 5), 0);
	piece = piece_new(999, 1, 2);
	memcpy(piece->data, "ho", 2);
	cache_put(&cache, piece);
	assert_int_equal(cache_read(&cache, 999, buf, 16, CACHE_PIECE), 2);
	cache_deinit(&cache);
	cache_deinit(&cache);
}

static int open_before;

static int
count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
setup(void **state)
{
	(void)state;
	open_before = count_descriptors();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return count_descriptors() == open_before ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),
		TEST(test_large),
		TEST(test_ahead),
		TEST(test_duplicates),
		TEST(test_deep),
		TEST(test_sparse),
		TEST(test_gnu_sparse),
		TEST(test_big_offsets),
		TEST(test_hostile_names),
		TEST(test_hostile_links),
		TEST(test_zip),
		TEST(test_zip_without_directory),
		TEST(test_zip_bzip2),
		TEST(test_no_archive),
		TEST(test_cut),
		TEST(test_truncated),
		TEST(test_mutated),
		TEST(test_patience),
		TEST(test_two_threads),
		TEST(test_cache),
	};

	source_set_locale();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
