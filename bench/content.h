/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: a directory in memory, for two servers to show: files "f0000" and on, a large one, and
 * whatever is created beside them. Nodes are small numbers, 1 is the directory. */
#ifndef BENCH_CONTENT_H
#define BENCH_CONTENT_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	CONTENT_FILES = 4000,
	CONTENT_SIZE = 512,		/* bytes of each of them */
	CONTENT_LARGE = 64 << 20,	/* bytes of "large" */
	CONTENT_NEW = 1000,		/* "n0000" and on can be created */
	CONTENT_NEW_SIZE = 4096,	/* bytes that one of those may have */
};

/* All return 0, a count, or -errno. */
int content_start(void);
int content_lookup(const char *name, uint64_t *nodep);
int content_stat(uint64_t node, struct stat *st);
ssize_t content_read(uint64_t node, char *buf, size_t size, off_t offset);
int content_create(const char *name, uint64_t *nodep);
ssize_t content_write(uint64_t node, const char *buf, size_t size, off_t offset);
int content_unlink(const char *name);

#endif
