/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source: the archive's file, and readers that go through it. */
#include "translators/archive-source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trans/trans.h"

/* Once, before the first reader. Names are bytes to us, but libarchive turns
 * those that a format keeps as UTF-16, and those of pax headers, into the
 * locale's: that has to be UTF-8. Zips have local time; with TZ set, if only
 * to the default, the C library does not look for its file at each one. */
void
source_set_locale(void)
{
	setenv("TZ", ":/etc/localtime", 0);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "en_US.UTF-8");
}

/* 0, or -EINVAL when it is no regular file. The descriptor stays the caller's. */
int
source_init(struct source *source, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*source = (struct source){
		.fd = fd,
		.path = path,
		.size = (uint64_t)st.st_size,
		.mtime = st.st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
	};
	return 0;
}

/* Reads all of it: 0 or -errno; -EIO when the file ends before. */
int
source_pread(const struct source *source, void *buf, size_t size, uint64_t offset)
{
	char *to = buf;
	ssize_t n;

	while (size > 0) {
		if (offset > INT64_MAX)
			return -EIO;
		n = pread(source->fd, to, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		to += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

bool
patience_is_over(const struct patience *patience)
{
	return patience && patience->is_over(patience->argument);
}

/* Readers ----------------------------------------------------------------- */

static ssize_t
reader_read(struct archive *archive, void *argument, const void **bufp)
{
	struct reader *reader = argument;
	ssize_t n;

	if (patience_is_over(reader->patience)) {
		archive_set_error(archive, EINTR, "given up");
		return -1;
	}
	do
		n = pread(reader->source->fd, reader->buffer, sizeof(reader->buffer),
		    (off_t)reader->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(archive, errno, "cannot read: %s", strerror(errno));
		return -1;
	}
	reader->offset += (uint64_t)n;
	if (reader->shows_progress && reader->source->size > 0)
		trans_progress((unsigned)((double)reader->offset * 100 /
		    (double)reader->source->size));
	*bufp = reader->buffer;
	return n;
}

/* Never goes past the end, so that what is cut off is noticed. */
static int64_t
reader_skip(struct archive *archive, void *argument, int64_t request)
{
	struct reader *reader = argument;
	uint64_t left = 0;

	(void)archive;
	if (reader->offset < reader->source->size)
		left = reader->source->size - reader->offset;
	if (request < 0)
		return 0;
	if ((uint64_t)request > left)
		request = (int64_t)left;
	reader->offset += (uint64_t)request;
	return request;
}

static int64_t
reader_seek(struct archive *archive, void *argument, int64_t offset, int whence)
{
	struct reader *reader = argument;
	int64_t base = whence == SEEK_CUR ? (int64_t)reader->offset :
	    whence == SEEK_END ? (int64_t)reader->source->size : 0;

	if (__builtin_add_overflow(base, offset, &base) || base < 0) {
		archive_set_error(archive, EINVAL, "seeks before the beginning");
		return ARCHIVE_FATAL;
	}
	reader->offset = (uint64_t)base;
	return base;
}

/* Those that work inside this process: for others libarchive would start
 * programs. Left out are mtree, which names files elsewhere that would be
 * opened, and raw and empty, which take anything or nothing. */
static void
reader_formats(struct archive *archive)
{
	archive_read_support_filter_compress(archive);
	archive_read_support_filter_lzip(archive);
	archive_read_support_filter_rpm(archive);
	if (archive_zlib_version())
		archive_read_support_filter_gzip(archive);
	if (archive_bzlib_version())
		archive_read_support_filter_bzip2(archive);
	if (archive_liblzma_version()) {
		archive_read_support_filter_xz(archive);
		archive_read_support_filter_lzma(archive);
	}
	if (archive_liblz4_version())
		archive_read_support_filter_lz4(archive);
	if (archive_libzstd_version())
		archive_read_support_filter_zstd(archive);

	archive_read_support_format_7zip(archive);
	archive_read_support_format_ar(archive);
	archive_read_support_format_cab(archive);
	archive_read_support_format_cpio(archive);
	archive_read_support_format_iso9660(archive);
	archive_read_support_format_lha(archive);
	archive_read_support_format_rar(archive);
	archive_read_support_format_rar5(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_format_warc(archive);
	archive_read_support_format_xar(archive);
	archive_read_support_format_zip(archive);
}

/* Opens a reader before the first header; with `in_front`, one of a zip that
 * leaves alone the directory at its end, which may be long. Returns 0, -ENOMEM, -EINTR (given
 * up) or -EINVAL: libarchive cannot read this. With -EINVAL *readerp is set
 * too, to be asked why, and then freed. */
int
reader_new(const struct source *source, const struct patience *patience,
    bool in_front, struct reader **readerp)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->source = source;
	reader->patience = patience;
	reader->archive = archive_read_new();
	if (!reader->archive) {
		free(reader);
		return -ENOMEM;
	}
	if (in_front) {
		archive_read_support_format_zip_streamable(reader->archive);
	} else {
		reader_formats(reader->archive);
		archive_read_set_seek_callback(reader->archive, reader_seek);
	}
	archive_read_set_read_callback(reader->archive, reader_read);
	archive_read_set_skip_callback(reader->archive, reader_skip);
	archive_read_set_callback_data(reader->archive, reader);
	if (archive_read_open1(reader->archive) >= ARCHIVE_WARN) {
		*readerp = reader;
		return 0;
	}
	if (patience_is_over(patience)) {
		reader_free(reader);
		return -EINTR;
	}
	*readerp = reader;
	return -EINVAL;
}

struct reader *
reader_free(struct reader *reader)
{
	if (!reader)
		return NULL;
	archive_read_free(reader->archive);
	free(reader);
	return NULL;
}

/* Whether some format has claimed it. */
bool
reader_is_recognized(const struct reader *reader)
{
	return archive_format(reader->archive) != 0;
}

/* The compression around the archive, or NULL. */
const char *
reader_filter(const struct reader *reader)
{
	if (archive_filter_count(reader->archive) < 1 ||
	    archive_filter_code(reader->archive, 0) == ARCHIVE_FILTER_NONE)
		return NULL;
	return archive_filter_name(reader->archive, 0);
}

/* libarchive's words for what went wrong last. */
const char *
reader_why(const struct reader *reader)
{
	const char *why = archive_error_string(reader->archive);

	return why ? why : "no reason given";
}

/* Text of a stranger on one line of a log: control characters and bytes over
 * 127 as \xHH. Cut where the room ends. */
void
text_escape(char *buf, size_t room, const char *text, size_t length)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < length && used + 5 <= room; i++) {
		unsigned char c = (unsigned char)text[i];

		used += (size_t)snprintf(buf + used, room - used,
		    c < 0x20 || c > 0x7e || c == '\\' ? "\\x%02x" : "%c", c);
	}
}
