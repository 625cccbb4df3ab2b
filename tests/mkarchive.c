/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mkarchive: makes the archives that tests and benchmarks look into, in any
 * format that libarchive writes, so that no test needs a packer installed. */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	TIME = 1000000000,	/* seconds: 2001-09-09 */
	BIG = 1 << 20,		/* bytes of the member "big" */
	MANY_DIRS = 700,
	MANY_FILES = 100,
	MANY_SIZE = 500,	/* bytes of each of them */
};

static struct archive *out;

static void
check(int result)
{
	if (result >= ARCHIVE_WARN)
		return;
	fprintf(stderr, "mkarchive: %s\n", archive_error_string(out));
	exit(1);
}

static struct archive_entry *
entry(const char *path, mode_t mode)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, mode);
	archive_entry_set_mtime(e, TIME, 0);
	archive_entry_set_size(e, 0);
	return e;
}

static void
add_data(const char *path, const void *data, size_t size)
{
	struct archive_entry *e = entry(path, S_IFREG | 0644);

	archive_entry_set_size(e, (la_int64_t)size);
	check(archive_write_header(out, e));
	if (size > 0 && archive_write_data(out, data, size) < 0)
		check(ARCHIVE_FATAL);
	archive_entry_free(e);
}

static void
add_text(const char *path, const char *text)
{
	add_data(path, text, strlen(text));
}

static void
add_dir(const char *path)
{
	struct archive_entry *e = entry(path, S_IFDIR | 0755);

	check(archive_write_header(out, e));
	archive_entry_free(e);
}

static void
add_symlink(const char *path, const char *target)
{
	struct archive_entry *e = entry(path, S_IFLNK | 0777);

	archive_entry_set_symlink(e, target);
	check(archive_write_header(out, e));
	archive_entry_free(e);
}

static void
add_hardlink(const char *path, const char *target)
{
	struct archive_entry *e = entry(path, S_IFREG | 0644);

	archive_entry_set_hardlink(e, target);
	check(archive_write_header(out, e));
	archive_entry_free(e);
}

/* What every format can hold. */
static void
plain(void)
{
	char *big = malloc(BIG);

	if (!big)
		exit(1);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + (i * 7 + i / 251) % 26);
	add_dir("dir");
	add_text("dir/file", "content\n");
	add_text("dir/empty", "");
	add_data("big", big, BIG);
	free(big);
}

/* What tar can hold, on top. */
static void
tree(void)
{
	plain();
	add_symlink("dir/symlink", "file");
	add_hardlink("dir/hardlink", "dir/file");
	add_text("name with space", "space\n");
	add_text("deep/er/est/file", "deep\n");
	add_text("twice", "first\n");
	add_text("twice", "second\n");
}

static void
hostile(void)
{
	add_text("../escape", "out\n");
	add_text("dir/../../escape2", "out\n");
	add_text("/absolute", "absolute\n");
	add_symlink("evil", "/etc");
	add_text("evil/hird-test", "through a link\n");
	add_text("fine", "fine\n");
}

static void
many(void)
{
	char path[64];
	char data[MANY_SIZE];

	for (unsigned d = 0; d < MANY_DIRS; d++) {
		snprintf(path, sizeof(path), "many/d%03u", d);
		add_dir(path);
		for (unsigned f = 0; f < MANY_FILES; f++) {
			snprintf(path, sizeof(path), "many/d%03u/f%02u", d, f);
			for (unsigned i = 0; i < MANY_SIZE; i++)
				data[i] = (char)('a' + (i * (d + 3) + f * i / 7) % 26);
			add_data(path, data, sizeof(data));
		}
	}
}

static int
usage(void)
{
	fprintf(stderr, "usage: mkarchive FORMAT FILTER FILE plain|tree|hostile|many|none\n");
	return 64;
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		return usage();
	out = archive_write_new();
	if (!out)
		return 1;
	if (archive_write_set_format_by_name(out, argv[1]) != ARCHIVE_OK) {
		fprintf(stderr, "mkarchive: this libarchive writes no %s\n", argv[1]);
		archive_write_free(out);
		return 77;
	}
	if (strcmp(argv[2], "none") != 0)
		check(archive_write_add_filter_by_name(out, argv[2]));
	if (strcmp(argv[1], "7zip") == 0 || strcmp(argv[1], "iso9660") == 0)
		archive_write_set_bytes_in_last_block(out, 1);
	check(archive_write_open_filename(out, argv[3]));
	if (strcmp(argv[4], "plain") == 0)
		plain();
	else if (strcmp(argv[4], "tree") == 0)
		tree();
	else if (strcmp(argv[4], "hostile") == 0)
		hostile();
	else if (strcmp(argv[4], "many") == 0)
		many();
	else if (strcmp(argv[4], "none") != 0)
		return usage();
	check(archive_write_close(out));
	archive_write_free(out);
	return 0;
}
