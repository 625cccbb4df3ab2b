/* SPDX-License-Identifier: GPL-2.0-or-later */
/* translog: a ring of lines and a bounded file. */
#include "portd/translog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	DRAIN_READS = 64,	/* what fits into a pipe */
};

struct translog {
	unsigned refs;
	char *path;
	char *old_path;		/* after rotation */
	int fd;
	size_t size;
	char *lines[TRANSLOG_LINES];
	unsigned n_lines;	/* since translog_begin */
};

static uint32_t
hash(const char *string)
{
	uint32_t value = 2166136261u;	/* FNV-1a */

	for (; *string; string++)
		value = (value ^ (unsigned char)*string) * 16777619u;
	return value;
}

/* "home-me-greeting.1a2b3c4d": readable, one file name, different for different paths. */
static char *
file_name(const char *dir, const char *node_path, const char *suffix)
{
	char name[101];
	size_t length = strlen(node_path);
	const char *tail = length > 100 ? node_path + length - 100 : node_path + 1;
	char *path = NULL;

	snprintf(name, sizeof(name), "%s", tail);
	for (char *at = name; *at; at++)
		if (*at == '/' || (unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			*at = '-';
	if (asprintf(&path, "%s/%s.%08x%s", dir, name, hash(node_path), suffix) < 0)
		return NULL;
	return path;
}

/* The log of a node. NULL: no memory. */
struct translog *
translog_new(const char *dir, const char *node_path)
{
	struct translog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->refs = 1;
	log->fd = -1;
	log->path = file_name(dir, node_path, "");
	log->old_path = file_name(dir, node_path, ".1");
	if (!log->path || !log->old_path)
		return translog_unref(log);
	return log;
}

static void
remember(struct translog *log, const char *line)
{
	char **slot = &log->lines[log->n_lines++ % TRANSLOG_LINES];

	free(*slot);
	*slot = strdup(line);
}

/* A log whose file is known. NULL: no memory. */
struct translog *
translog_restore(const char *path, const char *last)
{
	struct translog *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->refs = 1;
	log->fd = -1;
	log->path = strdup(path);
	if (asprintf(&log->old_path, "%s.1", path) < 0)
		log->old_path = NULL;
	if (!log->path || !log->old_path)
		return translog_unref(log);
	if (last[0])
		remember(log, last);
	return log;
}

/* Another holder. */
struct translog *
translog_ref(struct translog *log)
{
	log->refs++;
	return log;
}

/* One holder less; NULL is harmless. */
struct translog *
translog_unref(struct translog *log)
{
	if (!log || --log->refs > 0)
		return NULL;
	fd_close(&log->fd);
	for (size_t i = 0; i < TRANSLOG_LINES; i++)
		free(log->lines[i]);
	free(log->path);
	free(log->old_path);
	free(log);
	return NULL;
}

/* Where the file is, or will be. */
const char *
translog_path(const struct translog *log)
{
	return log->path;
}

static void
open_file(struct translog *log)
{
	struct stat st;

	if (log->fd >= 0)
		return;
	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (size_t)st.st_size : 0;
}

/* A log that cannot be written is not worth a failure: the ring has the last lines. */
static void
write_file(struct translog *log, const char *data, size_t size)
{
	open_file(log);
	if (log->fd >= 0 && log->size + size > TRANSLOG_MAX / 2) {
		fd_close(&log->fd);
		rename(log->path, log->old_path);
		open_file(log);
	}
	if (log->fd >= 0 && write(log->fd, data, size) == (ssize_t)size)
		log->size += size;
}

/* Takes one line. */
void
translog_line(struct translog *log, pid_t pid, const char *line, size_t length)
{
	AUTO_TEXT struct text entry = { 0 };
	char safe[TRANSLOG_LINE_MAX + 1];
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (length > TRANSLOG_LINE_MAX)
		length = TRANSLOG_LINE_MAX;
	for (size_t i = 0; i < length; i++)
		safe[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? ' ' : line[i];
	safe[length] = '\0';
	remember(log, safe);
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	text_printf(&entry, "%s [%ld] %s\n", stamp, (long)pid, safe);
	if (entry.error == 0)
		write_file(log, entry.data, entry.size);
}

/* A new incarnation: what its predecessor said is no reason for what it does. */
void
translog_begin(struct translog *log)
{
	log->n_lines = 0;
}

/* The reason, most often. */
const char *
translog_last(const struct translog *log)
{
	const char *line;

	if (log->n_lines == 0)
		return "";
	line = log->lines[(log->n_lines - 1) % TRANSLOG_LINES];
	return line ? line : "";
}

/* No descriptor is kept for a node at rest. */
void
translog_rest(struct translog *log)
{
	fd_close(&log->fd);
}

/* Nothing is left of it on the disk. */
void
translog_remove(struct translog *log)
{
	fd_close(&log->fd);
	unlink(log->path);
	unlink(log->old_path);
}

/* Pipes ---------------------------------------------------------------------- */

int
translog_pipe_open(struct translog_pipe *pipe)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pipe->fd = fds[0];
	return fds[1];
}

static void
end_line(struct translog_pipe *pipe, struct translog *log, pid_t pid)
{
	if (pipe->size > 0)
		translog_line(log, pid, pipe->line, pipe->size);
	pipe->size = 0;
}

bool
translog_pipe_read(struct translog_pipe *pipe, struct translog *log, pid_t pid, unsigned rounds)
{
	char data[4096];
	ssize_t n = -1;

	errno = EAGAIN;
	while (rounds-- > 0 && (n = read(pipe->fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (data[i] != '\n')
				pipe->line[pipe->size++] = data[i];
			if (data[i] == '\n' || pipe->size == sizeof(pipe->line))
				end_line(pipe, log, pid);
		}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void
translog_pipe_drain(struct translog_pipe *pipe, struct translog *log, pid_t pid)
{
	translog_pipe_read(pipe, log, pid, DRAIN_READS);
	end_line(pipe, log, pid);
}
