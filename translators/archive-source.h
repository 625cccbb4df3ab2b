/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source: the archive's file, and readers that go through it.
 *
 * The file is read with pread alone, so any number of readers share its
 * descriptor. A reader is one pass of libarchive from the first header
 * on. */
#ifndef TRANSLATORS_ARCHIVE_SOURCE_H
#define TRANSLATORS_ARCHIVE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct archive;
struct archive_entry;

struct source {
	int fd;
	const char *path;	/* for messages */
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
};

/* Asked now and then by what may take long: whether to give it up. */
struct patience {
	bool (*is_over)(void *argument);
	void *argument;
};

enum { SOURCE_BUFFER = 64 << 10 };

struct reader {
	struct archive *archive;
	const struct source *source;
	const struct patience *patience;	/* or NULL: for ever */
	uint64_t offset;		/* of the next read of the file */
	bool shows_progress;
	char buffer[SOURCE_BUFFER];
};

void source_set_locale(void);
int source_init(struct source *source, int fd, const char *path);
int source_pread(const struct source *source, void *buf, size_t size, uint64_t offset);

int reader_new(const struct source *source, const struct patience *patience,
    bool in_front, struct reader **readerp);
struct reader *reader_free(struct reader *reader);
bool reader_is_recognized(const struct reader *reader);
const char *reader_filter(const struct reader *reader);
const char *reader_why(const struct reader *reader);

bool patience_is_over(const struct patience *patience);
void text_escape(char *buf, size_t room, const char *text, size_t length);

#endif
