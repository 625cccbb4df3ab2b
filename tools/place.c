/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place: where a node is, or will be, in the file system. See place.h. */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tools/mounts.h"
#include "tools/place.h"
#include "wire/messages.h"

enum {
	/* Of a directory beneath its mount until portd takes it over: no listing,
	 * so that nobody mistakes it for an empty folder; fusermount3 needs write
	 * and search. */
	UNARMED_MODE = 0300,
};

/* Of PLACE_NONE: harmless. */
void
place_deinit(struct place *place)
{
	fd_close(&place->fd);
}

/* A word for messages; static. */
const char *
place_kind_name(uint32_t kind)
{
	return kind == NODE_KIND_DIR ? "directory" : "file";
}

static int
find_mount(struct place *place)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };
	const struct mount *mount;
	int err = mounts_read(&mounts, "/proc/self/mountinfo");

	if (err < 0)
		return err;
	mount = mounts_at(&mounts, place->path);
	place->mounted = mount && mount_is_fuse(mount);
	return 0;
}

static int
open_node(struct place *place)
{
	place->fd = open(place->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(place->fd, &place->st) < 0)
		return -errno;
	place->exists = true;
	if (S_ISDIR(place->st.st_mode))
		place->kind = NODE_KIND_DIR;
	else if (S_ISREG(place->st.st_mode))
		place->kind = NODE_KIND_FILE;
	return 0;
}

/* *place is PLACE_NONE; path must outlive it. */
int
place_open(struct place *place, const char *path, struct text *why)
{
	int err;

	place->path = path;
	err = find_mount(place);
	if (err == 0 && place->mounted)
		place->exists = true;
	else if (err == 0)
		err = open_node(place);
	if (err < 0)
		text_puts(why, strerror(-err));
	return err;
}

static int
wrong_kind(const struct place *place, struct text *why)
{
	mode_t mode = place->st.st_mode;
	char target[128];
	ssize_t n;

	if (S_ISLNK(mode)) {
		n = readlinkat(place->fd, "", target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		text_puts(why, "is a symbolic link to ");
		text_safe(why, target);
		text_puts(why, "; name what it leads to");
		return -ELOOP;
	}
	text_printf(why, "is a %s; a translator stands behind a regular file or a directory",
	    S_ISFIFO(mode) ? "fifo" : S_ISSOCK(mode) ? "socket" : "device");
	return -EINVAL;
}

static int
wrong_owner(const struct place *place, struct text *why)
{
	const struct passwd *owner = getpwuid(place->st.st_uid);

	text_puts(why, "belongs to ");
	if (owner)
		text_safe(why, owner->pw_name);
	else
		text_printf(why, "user %u", (unsigned)place->st.st_uid);
	text_puts(why, ", and only its owner may set a translator; use a node of your own");
	return -EPERM;
}

/* fusermount3 mounts only on what its caller may write. */
static int
check_access(const struct place *place, struct text *why)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", place->fd);
	if (faccessat(AT_FDCWD, link, place->kind == NODE_KIND_DIR ? W_OK | X_OK : W_OK,
	    AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS) {
		text_puts(why, "is on read-only content, where fusermount3 mounts nothing; "
		    "use a node somewhere you may write");
		return -EROFS;
	}
	text_puts(why, "fusermount3 needs write access to it; chmod u+w, or use another node");
	return -EACCES;
}

/* Needs an existing place that is not mounted. */
int
place_check(const struct place *place, struct text *why)
{
	uid_t uid = geteuid();

	if (place->kind == 0)
		return wrong_kind(place, why);
	if (uid != 0 && place->st.st_uid != uid)
		return wrong_owner(place, why);
	return uid == 0 ? 0 : check_access(place, why);
}

/* mkdir gives no descriptor: where others may rename, the name may lead to another one by now. */
static bool
is_new_directory(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	    (st->st_mode & 0777) == UNARMED_MODE && st->st_nlink <= 2;
}

/* A new directory or file, closed to others until its mode is right. */
static int
make_node(struct place *place, uint32_t kind, mode_t umask_was)
{
	char link[64];

	if (kind == NODE_KIND_DIR) {
		place->restore_mode = 0777 & ~umask_was;
		if (mkdir(place->path, UNARMED_MODE) < 0)
			return -errno;
		place->created = true;
		place->fd = open(place->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} else {
		int fd;

		place->restore_mode = 0666 & ~umask_was;
		fd = open(place->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    place->restore_mode);
		if (fd < 0)
			return -errno;
		place->created = true;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		place->fd = open(link, O_PATH | O_CLOEXEC);
		fd_close(&fd);
	}
	if (place->fd < 0 || fstat(place->fd, &place->st) < 0)
		return -errno;
	if (kind == NODE_KIND_DIR && !is_new_directory(&place->st))
		return -ESTALE;
	place->exists = true;
	place->kind = kind;
	return 0;
}

/* Needs a place that does not exist. The umask counts as for mkdir and creat,
 * but only once the node is given back its mode. */
int
place_make(struct place *place, uint32_t kind, struct text *why)
{
	mode_t umask_was = umask(0);
	int err = make_node(place, kind, umask_was);

	umask(umask_was);
	if (err == 0)
		return 0;
	text_printf(why, "cannot make a %s here: %s", place_kind_name(kind), strerror(-err));
	if (err == -EROFS || err == -EACCES || err == -EPERM)
		text_puts(why, "; choose a folder that you may write");
	place_unmake(place);
	return err;
}

static bool
is_what_we_made(const struct place *place)
{
	struct stat now;

	if (place->fd < 0 || lstat(place->path, &now) < 0)
		return false;
	return now.st_dev == place->st.st_dev && now.st_ino == place->st.st_ino &&
	    (place->kind == NODE_KIND_DIR || now.st_size == 0);
}

/* Leaves it alone when a mount stands on it, or when it is no longer ours or
 * no longer empty. */
void
place_unmake(struct place *place)
{
	if (!place->created || find_mount(place) < 0 || place->mounted || !is_what_we_made(place))
		return;
	if (place->kind == NODE_KIND_DIR)
		rmdir(place->path);
	else
		unlink(place->path);
	place->created = false;
}
