/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix-unnamed DIR: makes a file without a name, writes to it, says so, waits for standard
 * input, writes once more, and gives the file a name: DIR/named. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
must(const char *what, long result, long want)
{
	if (result == want)
		return;
	perror(what);
	exit(1);
}

int
main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_TMPFILE | O_RDWR | O_CLOEXEC, 0640) : -1;
	char path[40], byte, name[4096];
	struct stat st;

	must("O_TMPFILE", fd < 0, 0);
	must("write", write(fd, "before", 6), 6);
	puts("ready");
	fflush(stdout);
	must("wait", read(0, &byte, 1), 1);
	must("write", write(fd, " and after", 10), 10);
	must("stat", fstat(fd, &st), 0);
	must("its links", (long)st.st_nlink, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(name, sizeof(name), "%s/named", argv[1]);
	must("link", linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW), 0);
	return 0;
}
