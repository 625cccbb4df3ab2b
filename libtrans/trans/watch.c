/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch: notices that a file which an option names is no longer what it was.
 *
 * inotify says when to look; what decides is the file's own identity. A
 * file that was replaced or removed has lost a name: its count of links fell. A file
 * moved elsewhere has kept everything but its place, so the move itself counts. Of a file that
 * is served for its own sake the content may change; it is the one that has the name. */
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
	const char *path;	/* which is to lead to it, whatever it has in it; else NULL */
	struct stat st;		/* as it was */
};

static int inotify_fd = -1;
static struct watched watched[WATCHED_MAX];
static size_t n_watched;
static bool moved;

static void
watch_file(int fd, const char *path)
{
	struct watched *file = &watched[n_watched];
	char own[32];

	if (fd < 0 || n_watched == WATCHED_MAX || fstat(fd, &file->st) < 0 ||
	    S_ISDIR(file->st.st_mode))
		return;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	if (inotify_add_watch(inotify_fd, own, WATCH_EVENTS) < 0) {
		log_debug("cannot watch a file for changes: %s", strerror(errno));
		return;
	}
	file->fd = fd;
	file->path = path;
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
	for (size_t i = 0; i < options->n; i++) {
		const struct option_value *value = &options->values[i];
		enum trans_option_type type = options->table[i].type;

		if (type == TRANS_OPTION_FILE || type == TRANS_OPTION_PATH)
			watch_file(value->fd, type == TRANS_OPTION_PATH ? value->string : NULL);
	}
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

/* What its name leads to can be told also where it may not be opened. */
static bool
is_replaced(const struct watched *file)
{
	struct stat st;

	return stat(file->path, &st) < 0 || st.st_dev != file->st.st_dev ||
	    st.st_ino != file->st.st_ino;
}

static bool
is_changed(const struct watched *file)
{
	const struct stat *was = &file->st;
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return true;
	return moved || was->st_size != st.st_size || was->st_nlink > st.st_nlink ||
	    was->st_mtim.tv_sec != st.st_mtim.tv_sec || was->st_mtim.tv_nsec != st.st_mtim.tv_nsec;
}

/* Whether any file differs from what watch_open saw. */
bool
watch_is_stale(void)
{
	for (size_t i = 0; i < n_watched; i++)
		if (watched[i].path ? is_replaced(&watched[i]) : is_changed(&watched[i]))
			return true;
	return false;
}
