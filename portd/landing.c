/* SPDX-License-Identifier: GPL-2.0-or-later */
/* landing: a mount point cannot be renamed or removed as long as it is one. So once the mount
 * is there, what the directory's own listing says of the name is what is covered: a listing
 * does not look across mounts. */
#include "portd/landing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "portd/fusermount.h"
#include "portd/mountinfo.h"

enum {
	TRIES = 200,
	BUSY_TRIES = 2,		/* who looks at all mounts (df, another portd) holds each for a moment */
	RETRY_US = 50 * 1000,
	MOVING_US = 5 * 1000,
	COMPARISONS = 4,
};

/* One of our mounts, by id, or by device with id 0. Strings belong to *tablep. */
static bool
find(uint32_t id, const char *device, char **tablep, struct mountinfo *infop)
{
	char *cursor = *tablep = mountinfo_read();

	while (mountinfo_next(&cursor, infop))
		if (id ? infop->id == id && (!device[0] || strcmp(infop->device, device) == 0) :
		    strcmp(infop->device, device) == 0)
			return true;
	return false;
}

/* What a path leads to; O_PATH asks no file system for it. */
static uint32_t
mount_at(int dir, const char *path)
{
	AUTO_CLOSE int top = openat(dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return top < 0 ? 0 : mountinfo_id_of(top);
}

/* Checking -------------------------------------------------------------------- */

/* The inode numbers of the directory itself and of the name; false: it cannot be listed. */
static bool
list(const struct landing *landing, ino_t *selfp, ino_t *namedp)
{
	int fd = openat(landing->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	*selfp = *namedp = 0;
	if (!dir) {
		fd_close(&fd);
		return false;
	}
	while ((*selfp == 0 || *namedp == 0) && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0)
			*selfp = entry->d_ino;
		else if (strcmp(entry->d_name, landing->name) == 0)
			*namedp = entry->d_ino;
	}
	closedir(dir);
	return true;
}

/* Two names of two places, one after the other: for where a listing says nothing. */
static bool
has_path_of(const struct landing *landing, uint32_t id)
{
	char path[64], node[8192];
	bool same = true;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", landing->node);
	for (unsigned i = 0; i < COMPARISONS && same; i++) {
		AUTO_FREE char *table = NULL;
		struct mountinfo info;
		ssize_t n = readlink(path, node, sizeof(node) - 1);

		node[n > 0 ? n : 0] = '\0';
		same = find(id, "", &table, &info) && strcmp(info.path, node) == 0;
	}
	return same;
}

/* A node that is itself the root of a file system has another number in the listing, and so
 * have all in file systems that make their numbers up. */
static bool
covers_node(const struct landing *landing, uint32_t id)
{
	ino_t self, named;
	struct stat st;

	if (fstat(landing->parent, &st) < 0)
		return false;
	if (mountinfo_id_of(landing->parent) != mountinfo_id_of(landing->node) ||
	    st.st_dev != landing->st->st_dev || !list(landing, &self, &named) || self != st.st_ino)
		return has_path_of(landing, id);
	return named == landing->st->st_ino;
}

/* See landing.h. */
int
landing_check(const struct landing *landing, uint32_t *idp, char *device, size_t room)
{
	uint32_t id = mount_at(landing->parent, landing->name);
	AUTO_FREE char *table = NULL;
	struct mountinfo info;
	char ours[32];

	mountinfo_device_of(landing->connection, ours, sizeof(ours));
	if (id == 0 || id == mountinfo_id_of(landing->node) || !find(id, ours, &table, &info) ||
	    info.uid != geteuid() || !covers_node(landing, id))
		return -ESTALE;
	snprintf(device, room, "%s", info.device);
	*idp = id;
	return 0;
}

/* Undoing --------------------------------------------------------------------- */

/* From within the directory that it is in now, so that renaming those above does not matter. */
static int
unmount_at(const char *path, uint32_t id, bool lazy, char *said, size_t room)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *above = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	AUTO_CLOSE int dir = above ? open(above, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	uint32_t top = dir < 0 ? 0 : mount_at(dir, slash + 1);
	int status;

	if (top != 0 && top != id)
		return FUSERMOUNT_MOVING;
	if (top == 0)	/* the way leads elsewhere just now, or nobody can say where */
		return fusermount_unmount(path, lazy, said, room) == 0 ? 0 : FUSERMOUNT_MOVING;
	if (fchdir(dir) < 0)
		return fusermount_unmount(path, lazy, said, room);
	status = fusermount_unmount(slash + 1, lazy, said, room);
	return chdir("/") < 0 ? -errno : status;
}

/* See landing.h. */
int
landing_unmount(uint32_t id, const char *device, bool lazy, char *said, size_t room)
{
	AUTO_FREE char *last = NULL;
	struct mountinfo info;
	unsigned n_busy = 0;
	int status = 0;

	said[0] = '\0';
	for (unsigned i = 0; i < TRIES && n_busy < BUSY_TRIES; i++) {
		AUTO_FREE char *table = NULL;

		if (!find(id, device, &table, &info))
			return 0;
		if (i > 0)
			usleep(n_busy ? RETRY_US : MOVING_US);
		status = unmount_at(info.path, id, lazy, said, room);
		if (status == FUSERMOUNT_MISSING)
			return status;
		/* Anything else that it says may be true of where the path led just then. */
		n_busy += status != 0 && strstr(said, "busy") != NULL;
	}
	if (!find(id, device, &last, &info))
		return 0;
	return status ? status : FUSERMOUNT_MOVING;
}

/* Before Linux 6.16 a connection does not say its device. But one whose server is gone answers
 * ENOTCONN, at once. */
static void
undo_dead(void)
{
	AUTO_FREE char *table = mountinfo_read();
	char *cursor = table;
	struct mountinfo info;
	char said[512];

	while (mountinfo_next(&cursor, &info))
		if (info.uid == geteuid() && sys_mount_is_dead(info.path))
			landing_unmount(info.id, info.device, true, said, sizeof(said));
}

/* See landing.h. */
void
landing_undo(int *connectionp)
{
	AUTO_FREE char *table = NULL;
	struct mountinfo info;
	char device[32], said[512];

	mountinfo_device_of(*connectionp, device, sizeof(device));
	fd_close(connectionp);
	if (!device[0])
		undo_dead();
	else if (find(0, device, &table, &info))
		landing_unmount(info.id, info.device, true, said, sizeof(said));
}
