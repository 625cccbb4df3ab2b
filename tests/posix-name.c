/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix-name: names and directories. */
#include "tests/posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void
open_flags(void)
{
	int fd = make("a", "content");

	close(fd);
	tell("mkdir", mkdir("d", 0755));
	tell("symlink", symlink("a", "link"));
	tell("symlink to nothing", symlink("none", "dangling"));
	tell("O_EXCL", open("a", O_CREAT | O_EXCL | O_RDWR, 0600));
	tell("O_EXCL on a link", open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600));
	tell("O_DIRECTORY on a file", open("a", O_RDONLY | O_DIRECTORY));
	tell("O_NOFOLLOW", open("link", O_RDONLY | O_NOFOLLOW));
	tell("a directory to write", open("d", O_RDWR));
	tell("a directory to create", open("d", O_CREAT | O_RDWR, 0600));
	tell("beneath a file", open("a/b", O_RDONLY));
	tell("what is not there", open("none", O_RDONLY));
	tell("with a slash", open("a/", O_RDONLY));
	close(open("dangling", O_CREAT | O_RDWR, 0600));
	tell_mode("made through a link", "none");
	close(open("a", O_WRONLY | O_TRUNC));
	tell_content("O_TRUNC", "a");
	fd = open("mode0", O_CREAT | O_RDWR, 0);
	tell("write to a file of mode 0", write(fd, "x", 1));
	close(fd);
	tell_mode("it", "mode0");
	umask(077);
	close(open("masked", O_CREAT | O_RDWR, 0666));
	mkdir("masked.d", 01777);
	umask(0);
	close(open("open", O_CREAT | O_RDWR, 0666));
	tell_mode("umask 077", "masked");
	tell_mode("umask 077", "masked.d");
	tell_mode("umask 0", "open");
}

static void
errors(void)
{
	close(make("a", ""));
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	tell("symlink", symlink("loop", "loop"));
	tell("mkdir again", mkdir("d", 0755));
	tell("mkdir over a file", mkdir("a", 0755));
	tell("rmdir of a full one", rmdir("d"));
	tell("rmdir of a file", rmdir("a"));
	tell("rmdir of .", rmdir("d/."));
	tell("rmdir of ..", rmdir("d/e/.."));
	tell("unlink of a directory", unlink("d"));
	tell("unlink of nothing", unlink("none"));
	tell("link of a directory", link("d", "hard"));
	tell("link to what is there", link("a", "d"));
	tell("rename into itself", rename("d", "d/e/f"));
	tell("rename over a full directory", rename("d/e", "d"));
	tell("rename a file over a directory", rename("a", "d"));
	tell("rename a directory over a file", rename("d", "a"));
	tell("rename nothing", rename("none", "a"));
	tell("a loop", open("loop", O_RDONLY));
	tell("truncate of a directory", truncate("d", 0));
	tell("truncate to less than nothing", truncate("a", -1));
	tell("readlink of a file", readlink("a", (char[9]){ "" }, 8));
	tell("chdir to a file", chdir("a"));
	tell("access", access("a", X_OK));
	mkdir("locked", 0500);
	if (geteuid() != 0)
		tell("create where it may not", open("locked/x", O_CREAT | O_RDWR, 0600));
	tell("chdir", chdir("d/e"));
	tell("rmdir of where it is", rmdir("../e"));
	tell("create there", open("x", O_CREAT | O_RDWR, 0600));
}

static void
odd_names(void)
{
	char name[300];
	int n = 0;

	for (int c = 1; c < 256; c++) {
		snprintf(name, sizeof(name), "n%c", c);
		if (c == '/' || c == '\0')
			continue;
		n += mknod(name, S_IFREG | 0600, 0) == 0 && access(name, F_OK) == 0;
	}
	say("%d names of any byte", n);
	memset(name, 'l', sizeof(name));
	name[255] = '\0';
	tell("255 bytes", mkdir(name, 0700));
	tell("renamed", rename(name, "short"));
	tell("and back", rename("short", name));
	name[255] = 'l';
	name[256] = '\0';
	tell("256 bytes", mkdir(name, 0700));
	tell("looked up", access(name, F_OK));
	tell("linked", link("na", name));
}

static void
deep(void)
{
	const int levels = 520;		/* more bytes than a path may have */
	char path[PATH_MAX + 100] = "";
	int n = 0;

	while (n < levels && mkdir("nine-char", 0700) == 0 && chdir("nine-char") == 0)
		n++;
	say("%d levels", n);
	close(make("bottom", "x"));
	tell_content("at the bottom", "bottom");
	for (int i = 0; i < 420; i++)
		strcat(path, "nine-char/");
	tell("a path that is too long", access(path, F_OK));
	tell("unlink", unlink("bottom"));
	while (n > 0 && chdir("..") == 0 && rmdir("nine-char") == 0)
		n--;
	say("%d levels are left", n);
}

static void
renames(void)
{
	struct stat before, after;

	close(make("a", "a"));
	close(make("b", "b"));
	mkdir("d", 0755);
	close(make("d/in", "in"));
	tell("RENAME_NOREPLACE", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	tell("to a free name", renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
	tell("RENAME_EXCHANGE", renameat2(AT_FDCWD, "c", AT_FDCWD, "d", RENAME_EXCHANGE));
	tell_content("now a file", "d");
	tell_content("now a directory", "c/in");
	tell("with nothing", renameat2(AT_FDCWD, "c", AT_FDCWD, "none", RENAME_EXCHANGE));
	tell("both", renameat2(AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE | RENAME_NOREPLACE));
	tell("over a file", rename("b", "d"));
	tell_content("the file", "d");
	mkdir("empty", 0755);
	tell("over an empty directory", rename("c", "empty"));
	tell_mode("it", "empty");
	tell("link", link("d", "same"));
	tell("over another name of it", rename("d", "same"));
	tell_mode("both stay", "d");
	stat("d", &before);
	tell("into a directory", rename("d", "empty/d"));
	stat("empty/d", &after);
	say("the same inode: %d", before.st_ino == after.st_ino);
	stat("empty/in", &before);
	tell("its parent", rename("empty", "moved"));
	stat("moved/in", &after);
	say("the same inode: %d", before.st_ino == after.st_ino);
}

static void
links(void)
{
	struct stat a, b;
	char target[5000];

	close(make("a", "content"));
	tell("link", link("a", "b"));
	stat("a", &a);
	stat("b", &b);
	say("one inode: %d, %ld %ld links", a.st_ino == b.st_ino, (long)a.st_nlink,
	    (long)b.st_nlink);
	pass_time();
	tell("unlink", unlink("a"));
	stat("b", &b);
	say("%ld link, its change time moved: %d", (long)b.st_nlink,
	    memcmp(&a.st_ctim, &b.st_ctim, sizeof(a.st_ctim)) != 0);
	mkdir("d", 0755);
	tell_mode("empty", "d");
	mkdir("d/e", 0755);
	tell_mode("with one", "d");
	rename("d/e", "e");
	tell_mode("moved away", "d");
	memset(target, 't', sizeof(target));
	target[4095] = '\0';
	tell("a target of 4095 bytes", symlink(target, "long"));
	tell("read", readlink("long", target, sizeof(target)));
	target[4095] = 't';
	target[4096] = '\0';
	tell("of 4096", symlink(target, "longer"));
	tell("of none", symlink("", "none"));
	tell("symlink", symlink("b", "link"));
	tell_content("through a link", "link");
	tell("hard link to a link", linkat(AT_FDCWD, "link", AT_FDCWD, "link2", 0));
	tell("read", readlink("link2", target, sizeof(target)));
	tell("followed", linkat(AT_FDCWD, "link", AT_FDCWD, "file2", AT_SYMLINK_FOLLOW));
	tell_mode("file2", "file2");
	lstat("link", &a);
	say("size of a link: %ld", (long)a.st_size);
}

static void
special_files(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char buf[8];

	tell("mkfifo", mkfifo("fifo", 0640));
	tell_mode("fifo", "fifo");
	fd = open("fifo", O_RDWR | O_NONBLOCK);
	tell("write", write(fd, "abc", 3));
	tell("read", read(fd, buf, sizeof(buf)));
	tell("bind", bind(s, (const struct sockaddr *)&address, sizeof(address)));
	tell("listen", listen(s, 1));
	tell("connect", connect(c, (const struct sockaddr *)&address, sizeof(address)));
	tell_mode("socket", "socket");
	tell("open a socket", open("socket", O_RDONLY));
	tell("truncate a fifo", truncate("fifo", 0));
	if (geteuid() != 0)
		tell("a device", mknod("device", S_IFCHR | 0600, 0x103));
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Each name that a stream gives is taken away, and others come. */
static void
listings(void)
{
	enum { N = 700 };
	static long places[N + 2];
	static char names[N + 2][16];
	char name[16];
	const struct dirent *entry;
	DIR *dir;
	int n = 0, wrong = 0;
	struct dirent **sorted;

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "f%03d", i);
		close(make(name, ""));
	}
	dir = opendir(".");
	for (places[0] = telldir(dir); n < N + 2 && (entry = readdir(dir)); ) {
		snprintf(names[n++], sizeof(name), "%.15s", entry->d_name);
		places[n < N + 2 ? n : 0] = n < N + 2 ? telldir(dir) : places[0];
	}
	say("%d entries", n);
	for (int i = n - 1; i >= 0; i -= 13) {
		seekdir(dir, places[i]);
		entry = readdir(dir);
		wrong += !entry || strncmp(entry->d_name, names[i], 15) != 0;
	}
	say("%d places lead elsewhere", wrong);
	rewinddir(dir);
	for (n = 0; (entry = readdir(dir)); )
		if (entry->d_name[0] == 'f')
			n += unlink(entry->d_name) == 0;
	say("%d removed while reading", n);
	closedir(dir);
	n = scandir(".", &sorted, NULL, by_name);
	say("%d are left: %s %s", n, n > 0 ? sorted[0]->d_name : "", n > 1 ? sorted[1]->d_name : "");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "g%03d", i);
		close(make(name, ""));
	}
	dir = opendir(".");
	for (n = 0; (entry = readdir(dir)); ) {
		if (entry->d_name[0] == 'g')
			n++;
		if (n == 50)
			close(make("new", ""));
	}
	say("%d of 200 seen while one comes", n);
	closedir(dir);
	close(make("reg", ""));
	mkdir("dir", 0755);
	tell("symlink", symlink("x", "sym"));
	n = scandir(".", &sorted, NULL, by_name);
	for (int i = 0; i < n; i++)
		if (sorted[i]->d_name[0] > 'g' || sorted[i]->d_name[0] == 'd')
			say("%s has type %d", sorted[i]->d_name, sorted[i]->d_type);
}

static void
times_of_directories(void)
{
	struct stat before, after;

	close(make("a", ""));
	mkdir("d", 0755);
	stat("d", &before);
	pass_time();
	close(make("d/x", ""));
	stat("d", &after);
	say("after a creation: %d %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec,
	    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
	stat("d", &before);
	pass_time();
	tell("unlink", unlink("d/x"));
	stat("d", &after);
	say("after an unlink: %d %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec,
	    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
	stat("a", &before);
	pass_time();
	tell("rename", rename("a", "d/a"));
	stat("d/a", &after);
	say("the file after a rename: %d %d", after.st_mtim.tv_nsec != before.st_mtim.tv_nsec,
	    after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
}

const struct posix_case posix_names[] = {
	{ "open-flags", open_flags },
	{ "errors", errors },
	{ "odd-names", odd_names },
	{ "deep", deep },
	{ "renames", renames },
	{ "links", links },
	{ "special-files", special_files },
	{ "listings", listings },
	{ "times-of-directories", times_of_directories },
	{ NULL, NULL },
};
