/* SPDX-License-Identifier: GPL-2.0-or-later */
/* translog: what the translators of one node say on standard error.
 *
 * The last lines in memory, and a file in the state directory that is
 * rotated once: together never more than TRANSLOG_MAX bytes. */
#ifndef PORTD_TRANSLOG_H
#define PORTD_TRANSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	TRANSLOG_MAX = 256 * 1024,
	TRANSLOG_LINES = 16,
	TRANSLOG_LINE_MAX = 1000,
};

struct translog;

/* Where a program's words come out. */
struct translog_pipe {
	int fd;				/* -1: none */
	size_t size;			/* of the line so far */
	char line[TRANSLOG_LINE_MAX];
};

struct translog *translog_new(const char *dir, const char *node_path);
/* The one that another portd had there, and what was said last. */
struct translog *translog_restore(const char *path, const char *last);
struct translog *translog_ref(struct translog *log);
struct translog *translog_unref(struct translog *log);	/* NULL */
const char *translog_path(const struct translog *log);
/* A line, without its newline; control characters are made harmless. */
void translog_line(struct translog *log, pid_t pid, const char *line, size_t length);
/* The last line since translog_begin, or "". */
const char *translog_last(const struct translog *log);
void translog_begin(struct translog *log);
/* Closes the file; the next line opens it again. */
void translog_rest(struct translog *log);
/* Removes the files: the node is no more. */
void translog_remove(struct translog *log);


/* The descriptor that the program writes to, or -errno. */
int translog_pipe_open(struct translog_pipe *pipe);
/* At most `rounds` reads: who only talks must not keep the loop. False: nothing will come
 * any more. */
bool translog_pipe_read(struct translog_pipe *pipe, struct translog *log, pid_t pid,
    unsigned rounds);
/* What is left, and a line that has no end. */
void translog_pipe_drain(struct translog_pipe *pipe, struct translog *log, pid_t pid);

#endif
