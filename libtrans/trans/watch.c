/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: notices that a file which an option names is no longer what it was.
 *
 * inotify says when to look; what decides is the file's own identity. A
 * file that was replaced or removed has lost a name: its count of links fell. A file
 * moved elsewhere has kept everything but its place, so the move itself counts. */
#include "trans/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

enum { WATCHED_MAX = 16 };

#define WATCH_EVENTS (IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_CLOSE_WRITE)

struct watched {
	int fd;			/* the option's */
	struct stat st;		/* as it was */
};

static int inotify_fd = -1;
static struct watched watched[WATCHED_MAX];
static size_t n_watched;
static bool moved;

static void
watch_file(int fd)
{
	struct watched *file = &watched[n_watched];
	char path[32];

	if (n_watched == WATCHED_MAX || fstat(fd, &file->st) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (inotify_add_watch(inotify_fd, path, WATCH_EVENTS) < 0) {
		log_debug("cannot watch a file for changes: %s", strerror(errno));
		return;
	}
	file->fd = fd;
	n_watched++;
}

/* Watches the files (not the directories) of these options, as they are now.
 * 0, or -errno: nothing is watched. */
int
watch_open(const struct option_set *options)
{
	watch_close();
	inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify_fd < 0)
		return -errno;
	for (size_t i = 0; i < options->n; i++)
		if (options->table[i].type == TRANS_OPTION_FILE && options->values[i].fd >= 0)
			watch_file(options->values[i].fd);
	if (n_watched == 0)
		watch_close();
	return 0;
}

/* Watches nothing any more. */
void
watch_close(void)
{
	fd_close(&inotify_fd);
	n_watched = 0;
	moved = false;
}

/* The descriptor to poll, -1 when nothing is watched. */
int
watch_fd(void)
{
	return inotify_fd;
}

/* Takes what inotify has to say. */
void
watch_drain(void)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size;

	while ((size = read(inotify_fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buf + at);

			moved |= !!(event->mask & IN_MOVE_SELF);
			at += sizeof(*event) + event->len;
		}
}

static bool
is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size || a->st_nlink > b->st_nlink ||
	    a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Whether any file differs from what watch_open saw. */
bool
watch_is_stale(void)
{
	for (size_t i = 0; i < n_watched; i++) {
		struct stat st;

		if (fstat(watched[i].fd, &st) < 0 || is_changed(&watched[i].st, &st))
			return true;
	}
	return moved;
}
