/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words: see words.h. */
#include "tools/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { LOG_POLL_MS = 1000 };	/* to notice a log that was replaced */

/* Adds a file; that it is not there is no error. *fdp: it, open where reading ended, or -1. */
static int
add_file(struct text *text, const char *path, int *fdp)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[8192];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(text, buf, (size_t)n);
	if (n < 0)
		return -errno;
	*fdp = fd_steal(&fd);
	return text->error;
}

/* Where the last n lines begin. */
static size_t
find_last(const struct text *all, unsigned n)
{
	size_t at = all->size;

	while (n > 0 && at > 0) {
		at--;
		while (at > 0 && all->data[at - 1] != '\n')
			at--;
		n--;
	}
	return at;
}

/* Both files are small: portd sees to that. */
int
words_last(const char *path, unsigned n, struct text *text, int *fdp)
{
	AUTO_TEXT struct text all = { 0 };
	AUTO_TEXT struct text old = { 0 };
	AUTO_CLOSE int before = -1;
	AUTO_CLOSE int now = -1;
	size_t at;
	int err;

	text_printf(&old, "%s.1", path);
	err = old.error ? old.error : add_file(&all, text_string(&old), &before);
	if (err == 0)
		err = add_file(&all, path, &now);
	if (err < 0)
		return err;
	if (all.size == 0)
		return -ENOENT;
	at = find_last(&all, n);
	text_add(text, all.data + at, all.size - at);
	if (fdp)
		*fdp = fd_steal(&now);
	return text->error;
}

int
words_copy(int fd)
{
	char buf[8192];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return -EIO;
	if (n < 0)
		return -errno;
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Whether the file at path is still the one that fd is open on, and no shorter. */
static bool
is_same_log(int fd, const char *path)
{
	struct stat here, there;

	if (fd < 0 || fstat(fd, &here) < 0 || stat(path, &there) < 0)
		return false;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino &&
	    there.st_size >= lseek(fd, 0, SEEK_CUR);
}

int
words_follow(int fd, const char *path)
{
	AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	AUTO_CLOSE int own = fd;
	char events[4096];
	int err = 0;

	while (err == 0) {
		struct pollfd poll_fd = { .fd = watch, .events = POLLIN };

		if (!is_same_log(own, path)) {
			if (own >= 0)
				err = words_copy(own);	/* what came before the rotation */
			fd_close(&own);
			own = open(path, O_RDONLY | O_CLOEXEC);
			if (own >= 0)
				inotify_add_watch(watch, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
		}
		if (own >= 0 && err == 0)
			err = words_copy(own);
		if (err == 0 && poll(&poll_fd, 1, LOG_POLL_MS) > 0)
			while (read(watch, events, sizeof(events)) > 0)
				;
	}
	return err;
}
