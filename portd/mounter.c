/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounter: mounts, checks that the mount is where it was meant to be, unmounts.
 *
 * All of it runs in a helper process and may block in a user's path. A path
 * is a name that its owner can change at any time, so what counts is the
 * descriptor: the node is compared with it before, and after fusermount3 (which takes a
 * path) the parent is asked what its name leads to now. */
#include "portd/mounter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "base/text.h"
#include "portd/fusermount.h"
#include "portd/helper.h"
#include "portd/landing.h"
#include "portd/mountinfo.h"
#include "portd/walk.h"

/* A file manager lists a mount in a home directory as a drive, unless its
 * source is "none" (GLib's list of system devices). */
#define MOUNT_OPTIONS "fsname=none,subtype=" MOUNT_SUBTYPE ",default_permissions"

enum {
	MODE_BENEATH = 0100,	/* rsync --delete from above stops at it; 0500 it reads as empty */
	MODE_TO_MOUNT = 0300,	/* fusermount3 wants to write and enter */
};

static int __attribute__((format(printf, 3, 4)))
fail(struct mount_answer *answer, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(answer->text, sizeof(answer->text), format, args);
	va_end(args);
	answer->code = code;
	return code;
}

/* Paths --------------------------------------------------------------------- */

/* Whether path is dir or beneath it. */
bool
path_is_inside(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	if (length == 1)	/* "/" */
		return true;
	return strncmp(path, dir, length) == 0 &&
	    (path[length] == '\0' || path[length] == '/');
}

/* Why this can be no node's path, or NULL. */
const char *
path_problem(const char *path)
{
	if (path[0] != '/')
		return "is not absolute";
	if (path[1] == '\0')
		return "is the root directory";
	if (strlen(path) >= 4096)
		return "is too long";
	for (const char *at = path; *at; ) {
		size_t length = strcspn(at + 1, "/");

		if (length == 0 || (length == 1 && at[1] == '.') ||
		    (length == 2 && at[1] == '.' && at[2] == '.'))
			return "is not in its plain form";
		at += 1 + length;
	}
	return NULL;
}

static int
chmod_fd(int fd, mode_t mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

static int
explain(struct mount_answer *answer, const char *path, int status, const char *said)
{
	const char *advice;
	int code = fusermount_explain(status, said, &advice);

	if (said[0])
		return fail(answer, code, "%s: %s (%s)", path, advice, said);
	return fail(answer, code, "%s: %s", path, advice);
}

/* Checks -------------------------------------------------------------------- */

/* Remembers what is covered; says why it cannot be. */
static int
check_node(const struct mount_job *job, int node, struct stat *st, struct mount_answer *answer)
{
	bool dir = job->kind == NODE_KIND_DIR;

	if (fstat(node, st) < 0)
		return fail(answer, -errno, "%s: %s", job->path, strerror(errno));
	if (geteuid() != 0 && st->st_uid != geteuid())
		return fail(answer, -EACCES, "%s: belongs to somebody else; "
		    "a translator can be set only on what is yours", job->path);
	if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return fail(answer, -EINVAL, "%s: is neither a file nor a directory; "
		    "make a node of another name with -c", job->path);
	if (dir != S_ISDIR(st->st_mode))
		return fail(answer, dir ? -ENOTDIR : -EISDIR, "%s: is a %s and the translator is a %s; "
		    "use -c with another name", job->path, dir ? "file" : "directory",
		    dir ? "directory" : "file");
	return 0;
}

/* That the name still leads to the node that was checked. */
static int
check_name(const struct mount_job *job, int parent, const char *name, const struct stat *st,
    struct mount_answer *answer)
{
	struct stat now;

	if (fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(answer, -errno, "%s: %s", job->path, strerror(errno));
	if (now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return fail(answer, -ESTALE, "%s: was exchanged for another one meanwhile; try again",
		    job->path);
	return 0;
}

static void
remember(struct wire_attr *attr, const struct stat *st)
{
	*attr = (struct wire_attr){
		.mode = st->st_mode,
		.atime = st->st_atim.tv_sec, .atime_ns = (uint32_t)st->st_atim.tv_nsec,
		.mtime = st->st_mtim.tv_sec, .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.ctime = st->st_ctim.tv_sec, .ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
		.nlink = (uint32_t)st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

/* Unmounts what a dead portd left on a setting's path. false: a live one serves it. */
static bool
clear_stale(const char *path)
{
	AUTO_FREE char *table = mountinfo_read();
	char *cursor = table;
	struct mountinfo info;
	char said[512];

	while (mountinfo_next(&cursor, &info)) {
		if (info.uid != geteuid() || strcmp(info.path, path) != 0)
			continue;
		if (!sys_mount_is_dead(path))
			return false;
		fusermount_unmount(path, true, said, sizeof(said));
	}
	return true;
}

/* Mounting ------------------------------------------------------------------ */

struct mounting {
	int parent;
	const char *name;
	int fds[3];		/* connection, node, -U node */
	struct stat st;
};

static int
open_node(const struct mount_job *job, struct mounting *mounting, struct mount_answer *answer)
{
	if (job->has_node) {
		mounting->fds[1] = HELPER_FD(0);
	} else {
		if (!clear_stale(job->path))
			return fail(answer, -EBUSY, "%s: another hird-portd of yours serves it; "
			    "stop that one", job->path);
	}
	mounting->parent = walk_to_parent(job->path, &mounting->name);
	if (mounting->parent == -EPERM)
		return fail(answer, -EPERM, "%s: a symbolic link of somebody else's is on the way to it; "
		    "set it anew where it is meant to be", job->path);
	if (mounting->parent < 0)
		return fail(answer, mounting->parent, "%s: the directory above: %s", job->path,
		    strerror(-mounting->parent));
	if (!job->has_node)
		mounting->fds[1] = openat(mounting->parent, mounting->name,
		    O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (mounting->fds[1] < 0)
		return fail(answer, -errno, "%s: %s", job->path, strerror(errno));
	return 0;
}

static int
open_underlying(const struct mount_job *job, struct mounting *mounting,
    struct mount_answer *answer)
{
	mounting->fds[2] = -1;
	if (job->has_underlying) {
		mounting->fds[2] = HELPER_FD(1);
	} else if (job->underlying_path[0]) {
		mounting->fds[2] = open(job->underlying_path, O_PATH | O_CLOEXEC);
		if (mounting->fds[2] < 0)
			return fail(answer, -errno, "%s: the underlying node %s: %s", job->path,
			    job->underlying_path, strerror(errno));
	}
	return 0;
}

static int
mount_and_check(const struct mount_job *job, struct mounting *mounting,
    struct mount_answer *answer)
{
	char options[128];
	char *argv[] = { (char *)"fusermount3", (char *)"-o", options,
		(char *)"--", (char *)job->path, NULL };
	char said[512];
	int status;

	snprintf(options, sizeof(options), "%s%s%s", MOUNT_OPTIONS, job->read_only ? ",ro" : "",
	    job->shared ? ",allow_other" : "");
	/* What it could not take away again must not be made. */
	if (access("/etc/mtab", F_OK) < 0)
		return explain(answer, job->path, 1, "there is no /etc/mtab");
	status = fusermount_run(argv, &mounting->fds[0], said, sizeof(said));
	if (status != 0 || mounting->fds[0] < 0)
		return explain(answer, job->path, status, said);
	struct landing landing = {
		.parent = mounting->parent, .name = mounting->name, .node = mounting->fds[1],
		.st = &mounting->st, .connection = mounting->fds[0],
	};
	if (landing_check(&landing, &answer->mount_id, answer->device, sizeof(answer->device)) == 0)
		return 0;
	landing_undo(&mounting->fds[0]);
	return fail(answer, -ESTALE, "%s: was exchanged for another one while it was mounted; "
	    "try again", job->path);
}

static int
mount_node(const struct mount_job *job, struct mounting *mounting, struct mount_answer *answer)
{
	bool closed_beneath = job->created && job->kind == NODE_KIND_DIR;
	int err = open_node(job, mounting, answer);

	if (err == 0)
		err = check_node(job, mounting->fds[1], &mounting->st, answer);
	if (err == 0)
		err = check_name(job, mounting->parent, mounting->name, &mounting->st, answer);
	if (err == 0)
		err = open_underlying(job, mounting, answer);
	if (err < 0)
		return err;
	if (closed_beneath)
		chmod_fd(mounting->fds[1], MODE_TO_MOUNT);
	err = mount_and_check(job, mounting, answer);
	if (closed_beneath)
		chmod_fd(mounting->fds[1], MODE_BENEATH);
	if (err == 0)
		remember(&answer->beneath, &mounting->st);
	return err;
}

/* Mounts; the work of a helper. */
void
mounter_mount(void *mount_job)
{
	struct mount_answer answer = { 0 };
	struct mounting mounting = { .parent = -1, .fds = { -1, -1, -1 } };
	int err = mount_node(mount_job, &mounting, &answer);

	helper_answer(&answer, sizeof(answer), mounting.fds, err == 0 ? 3 : 0);
}

/* Unmounting ---------------------------------------------------------------- */

static int
unmount_node(const struct unmount_job *job, struct mount_answer *answer)
{
	char said[512];
	int status = job->mount_id == 0 ? 0 : landing_unmount(job->mount_id, job->device, job->lazy,
	    said, sizeof(said));

	return status == 0 ? 0 : explain(answer, job->path, status, said);
}

/* Gives the directory beneath its mode back, if it is still as portd left it. */
static void
restore_mode(const struct unmount_job *job)
{
	AUTO_CLOSE int opened = -1;
	int fd = HELPER_FD(0);
	struct stat st;

	if (!job->has_beneath)
		fd = opened = open(job->path, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    ((st.st_mode & 07777) == MODE_BENEATH || (st.st_mode & 07777) == MODE_TO_MOUNT))
		chmod_fd(fd, job->restore_mode);
}

/* Unmounts; the work of a helper. */
void
mounter_unmount(void *unmount_job)
{
	const struct unmount_job *job = unmount_job;
	struct mount_answer answer = { 0 };

	if (unmount_node(job, &answer) == 0 && job->restore)
		restore_mode(job);
	helper_answer(&answer, sizeof(answer), NULL, 0);
}

/* Unmounts many; the work of a helper. */
void
mounter_unmount_all(void *unmount_all_job)
{
	const struct unmount_all_job *jobs = unmount_all_job;
	struct mount_answer answer = { 0 };
	char said[512];

	for (size_t i = jobs->n_ids; i-- > 0; )
		if (landing_unmount(jobs->ids[i], "", false, said, sizeof(said)) != 0)
			landing_unmount(jobs->ids[i], "", true, said, sizeof(said));
	helper_answer(&answer, sizeof(answer), NULL, 0);
}

static bool
is_word(const struct argv *words, const char *word)
{
	for (const char *at = NULL; (at = argv_next(words, at));)
		if (strcmp(at, word) == 0)
			return true;
	return false;
}

/* A connection without a server answers ENOTCONN to statfs, at once; a live one answers from its
 * portd's memory. The work of a helper. */
void
mounter_sweep(void *argv_of_paths)
{
	AUTO_FREE char *table = mountinfo_read();
	struct mount_answer answer = { 0 };
	char *cursor = table;
	struct mountinfo info;
	char said[512];

	while (mountinfo_next(&cursor, &info))
		if (info.uid == geteuid() && !is_word(argv_of_paths, info.path) &&
		    sys_mount_is_dead(info.path))
			fusermount_unmount(info.path, true, said, sizeof(said));
	helper_answer(&answer, sizeof(answer), NULL, 0);
}

/* As option_identity in libtrans/trans. */
static void
identify(const struct argv *files, struct argv *words)
{
	const char *path = NULL;

	for (const char *option = argv_next(files, NULL); option; option = argv_next(files, path)) {
		struct stat st;

		path = argv_next(files, option);
		if (!path)
			break;
		if (stat(path, &st) < 0)
			argv_add(words, "missing");
		else if (S_ISDIR(st.st_mode))
			/* Its translator sees to what is in it. */
			argv_printf(words, "%llu:%llu", (unsigned long long)st.st_dev,
			    (unsigned long long)st.st_ino);
		else
			argv_printf(words, "%llu:%llu:%lld:%lld.%09ld",
			    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
			    (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
}

/* Says what the files of typed options are now; the work of a helper. */
void
mounter_identify(void *argv)
{
	struct argv words = { 0 };

	identify(argv, &words);
	helper_answer(words.data ? words.data : "", words.size, NULL, 0);
}

static void
add_watches(const struct argv *files, struct watch_answer *head)
{
	const char *path = NULL;

	for (const char *option = argv_next(files, NULL); option && head->n_watches < WATCHES_MAX;
	    option = argv_next(files, path)) {
		int watch;

		path = argv_next(files, option);
		if (!path)
			break;
		/* One that is replaced loses a link, which is a change of its attributes. What goes on in
		 * a directory does not matter. */
		watch = inotify_add_watch(HELPER_FD(0), path,
		    IN_ONLYDIR | IN_MOVE_SELF | IN_DELETE_SELF);
		if (watch < 0)
			watch = inotify_add_watch(HELPER_FD(0), path,
			    IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
		if (watch >= 0)
			head->watches[head->n_watches++] = watch;
	}
}

/* Watches, then identifies: what changes in between is an event. The work of a helper. */
void
mounter_watch(void *argv)
{
	struct text answer = { 0 };
	struct watch_answer head = { 0 };
	struct argv words = { 0 };

	add_watches(argv, &head);
	identify(argv, &words);
	text_add(&answer, &head, sizeof(head));
	text_add(&answer, words.data ? words.data : "", words.size);
	helper_answer(answer.data, answer.size, NULL, 0);
}
