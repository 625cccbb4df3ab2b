/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix-attr: permissions, owners, times, extended attributes. */
#include "tests/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What takes the set-id bits from a file, and what does not. */
static void
set_id(void)
{
	int fd = make("a", "0123456789"), other = make("b", "abc");
	loff_t in = 0, out = 0;

	fchmod(fd, 06755);
	tell_mode("set", "a");
	tell("write", pwrite(fd, "x", 1, 0));
	tell_mode("after a write", "a");
	fchmod(fd, 06745);
	tell("write", pwrite(fd, "x", 1, 0));
	tell_mode("of what the group may not execute", "a");
	fchmod(fd, 06755);
	tell("truncate", ftruncate(fd, 5));
	tell_mode("after a truncation", "a");
	fchmod(fd, 06755);
	close(open("a", O_WRONLY | O_TRUNC));
	tell_mode("after O_TRUNC", "a");
	fchmod(fd, 06755);
	tell("chown", chown("a", (uid_t)-1, getgid()));
	tell_mode("after a chown", "a");
	fchmod(fd, 06755);
	tell("fallocate", fallocate(fd, 0, 0, 100));
	tell_mode("after fallocate", "a");
	fchmod(fd, 06755);
	tell("copy", copy_file_range(other, &in, fd, &out, 3, 0));
	tell_mode("after a copy", "a");
	fchmod(fd, 06755);
	tell("read", pread(fd, (char[1]){ 0 }, 1, 0));
	tell("chmod", chmod("a", 06711));
	tell("link", link("a", "c"));
	tell_mode("of what is no change", "a");
	mkdir("d", 0755);
	tell("chmod of a directory", chmod("d", 03777));
	close(make("d/file", ""));
	mkdir("d/dir", 0755);
	tell_mode("a file in it", "d/file");
	tell_mode("a directory in it", "d/dir");
	tell("chown", chown("d", (uid_t)-1, getgid()));
	tell_mode("after a chown", "d");
}

static void
tell_times(const char *what, const char *name)
{
	struct stat st;

	lstat(name, &st);
	say("%s: %lld.%09ld %lld.%09ld", what, (long long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void
times(void)
{
	struct timespec set[2] = { { 1000000000, 123456789 }, { 1500000000, 987654321 } };
	struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
	int fd = make("a", "x");
	struct stat before, after;
	char byte;

	tell("set", futimens(fd, set));
	tell_times("to the nanosecond", "a");
	set[0].tv_nsec = UTIME_OMIT;
	set[1].tv_nsec = 1;
	tell("one", utimensat(AT_FDCWD, "a", set, 0));
	tell_times("only the second", "a");
	set[0] = (struct timespec){ 5, 0 };
	set[1].tv_nsec = UTIME_OMIT;
	tell("the other", utimensat(AT_FDCWD, "a", set, 0));
	tell_times("only the first", "a");
	set[0].tv_nsec = UTIME_OMIT;
	stat("a", &before);
	pass_time();
	tell("none", utimensat(AT_FDCWD, "a", set, 0));
	stat("a", &after);
	say("changed: %d", memcmp(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim)) != 0);
	tell("now", futimens(fd, now));
	stat("a", &after);
	say("now: %d, %lld", after.st_mtim.tv_sec >= before.st_ctim.tv_sec,
	    (long long)after.st_atim.tv_sec);
	set[0] = set[1] = (struct timespec){ -86400, 500 };
	tell("before 1970", futimens(fd, set));
	tell_times("it", "a");
	set[0].tv_nsec = 1000000000;
	tell("no time", futimens(fd, set));
	tell("symlink", symlink("a", "link"));
	set[0] = set[1] = (struct timespec){ 77, 0 };
	tell("of a link", utimensat(AT_FDCWD, "link", set, AT_SYMLINK_NOFOLLOW));
	tell_times("link", "link");
	tell_times("its target", "a");
	tell("cut to what it is", ftruncate(fd, 1));
	stat("a", &before);
	pass_time();
	tell("write", pwrite(fd, "y", 1, 0));
	stat("a", &after);
	say("written: %d %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec,
	    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
	pass_time();
	tell("read", pread(fd, &byte, 1, 0));
	stat("a", &before);
	say("read: %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
	pass_time();
	tell("chmod", chmod("a", 0600));
	stat("a", &after);
	say("changed: %d %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec,
	    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
}

static void
permissions(void)
{
	int fd = make("a", "x");

	tell("chmod", fchmod(fd, 0));
	if (geteuid() != 0)
		tell("open", open("a", O_RDONLY));
	tell("read what is open", pread(fd, (char[1]){ 0 }, 1, 0));
	tell("write", pwrite(fd, "y", 1, 0));
	for (mode_t mode = 0; mode <= 0777; mode += 0111)
		if (geteuid() != 0 && chmod("a", mode) == 0)
			say("%03o: %d%d%d", (unsigned)mode, access("a", R_OK) == 0,
			    access("a", W_OK) == 0, access("a", X_OK) == 0);
	mkdir("d", 0755);
	close(make("d/x", "x"));
	chmod("d", 0600);
	if (geteuid() != 0) {
		tell("without search", access("d/x", F_OK));
		tell("its list", open("d", O_RDONLY) < 0 ? -1 : 0);
		chmod("d", 0300);
		tell("without read", access("d/x", F_OK));
		tell("its list", open("d", O_RDONLY) < 0 ? -1 : 0);
		chmod("d", 0555);
		tell("create without write", open("d/y", O_CREAT | O_RDWR, 0600));
		tell("unlink without write", unlink("d/x"));
		tell("chown", chown("a", 0, (gid_t)-1));
		chmod("a", 0444);
		tell("truncate", truncate("a", 0));
		tell("O_TRUNC", open("a", O_RDONLY | O_TRUNC));
	}
	chmod("d", 0755);
	tell("chmod of a link", fchmodat(AT_FDCWD, "none", 0600, 0));
}

static void
xattrs(void)
{
	char value[4000], list[4000];
	int fd = make("a", "x");

	memset(value, 'v', sizeof(value));
	tell("none yet", getxattr("a", "user.one", value, sizeof(value)));
	tell("list", listxattr("a", list, sizeof(list)));
	tell("set", setxattr("a", "user.one", "first", 5, 0));
	tell("create", setxattr("a", "user.one", "again", 5, XATTR_CREATE));
	tell("replace", setxattr("a", "user.one", "second", 6, XATTR_REPLACE));
	tell("replace what is not", setxattr("a", "user.two", "x", 1, XATTR_REPLACE));
	tell("empty", fsetxattr(fd, "user.empty", "", 0, 0));
	tell("its size", getxattr("a", "user.one", NULL, 0));
	tell("too little room", getxattr("a", "user.one", value, 3));
	tell("get", getxattr("a", "user.one", value, sizeof(value)));
	say("%.6s", value);
	tell("get", getxattr("a", "user.empty", value, sizeof(value)));
	tell("list", listxattr("a", NULL, 0));
	tell("too little room", listxattr("a", list, 5));
	memset(value, 'v', sizeof(value));
	tell("large", setxattr("a", "user.large", value, 3000, 0));
	tell("get", fgetxattr(fd, "user.large", list, sizeof(list)));
	say("%c%c", list[0], list[2999]);
	tell("remove", removexattr("a", "user.one"));
	tell("remove again", removexattr("a", "user.one"));
	tell("no such kind", setxattr("a", "other.one", "x", 1, 0));
	tell("no name", setxattr("a", "user.", "x", 1, 0));
	mkdir("d", 0755);
	tell("of a directory", setxattr("d", "user.dir", "x", 1, 0));
	tell("symlink", symlink("a", "link"));
	tell("of a link", lsetxattr("link", "user.link", "x", 1, 0));
	if (geteuid() != 0)
		tell("trusted", setxattr("a", "trusted.x", "x", 1, 0));
	tell("rename", rename("a", "b"));
	tell("it stays", getxattr("b", "user.large", NULL, 0));
}

static void
file_system(void)
{
	struct statvfs all;
	struct statx found;
	int fd = make("a", "content");

	tell("statvfs", fstatvfs(fd, &all));
	say("names up to %lu, room: %d", all.f_namemax, all.f_bavail > 0 && all.f_bfree <= all.f_blocks);
	tell("statx", statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found));
	say("all of it: %d, size %llu", (found.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS,
	    (unsigned long long)found.stx_size);
	say("mine: %d %d", found.stx_uid == geteuid(), found.stx_gid == getegid());
	tell("wanting birth", statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &found));
}

const struct posix_case posix_attributes[] = {
	{ "set-id", set_id },
	{ "times", times },
	{ "permissions", permissions },
	{ "xattrs", xattrs },
	{ "file-system", file_system },
	{ NULL, NULL },
};
