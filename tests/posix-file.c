/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix-file: the content of files. */
#include "tests/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void
reading_and_writing(void)
{
	int fd = make("a", "0123456789");
	char buf[32];

	tell("beyond the end", pread(fd, buf, 10, 100));
	tell("at the end", pread(fd, buf, 10, 10));
	tell("over the end", pread(fd, buf, 10, 7));
	tell("before the start", pread(fd, buf, 10, -1));
	tell("nothing", pwrite(fd, "", 0, 100));
	tell("far", pwrite(fd, "x", 1, 20));
	tell_content("with a gap", "a");
	tell("shorter", ftruncate(fd, 5));
	tell("longer", ftruncate(fd, 12));
	tell_content("zeros", "a");
	tell("append", fcntl(fd, F_SETFL, O_APPEND));
	tell("write", write(fd, "end", 3));
	tell("where", lseek(fd, 0, SEEK_CUR));
	tell_content("appended", "a");
	close(fd);
	fd = open("a", O_RDONLY);
	tell("write to what is open to read", write(fd, "x", 1));
	tell("truncate", ftruncate(fd, 0));
	close(fd);
	fd = open("a", O_WRONLY);
	tell("read from what is open to write", read(fd, buf, 1));
	tell("fsync", fsync(fd));
	tell("fdatasync", fdatasync(fd));
	tell("sync_file_range", sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	tell("syncfs", syncfs(fd));
	close(fd);
	fd = open(".", O_RDONLY);
	tell("fsync of a directory", fsync(fd));
	tell("read of a directory", read(fd, buf, 1));
	tell("TCGETS", ioctl(fd, TCGETS, &(struct termios){ 0 }));
}

static void
large(void)
{
	const off_t far = (off_t)5 << 30;
	int fd = make("a", "start");
	struct stat st;
	char byte;

	tell("beyond 4 GiB", pwrite(fd, "end", 3, far));
	fstat(fd, &st);
	say("size %lld", (long long)st.st_size);
	tell("read there", pread(fd, &byte, 1, far + 1));
	say("%c", byte);
	tell("in between", pread(fd, &byte, 1, far - 1));
	say("%d", byte);
	tell("seek", lseek(fd, 0, SEEK_END));
	tell("cut", ftruncate(fd, far + 1));
	tell("a terabyte", ftruncate(fd, (off_t)1 << 40));
	fstat(fd, &st);
	say("size %lld, little of it: %d", (long long)st.st_size, st.st_blocks < 1000);
	tell("beyond all", pwrite(fd, "x", 1, INT64_MAX));
}

static void
holes(void)
{
	int fd = make("a", "");

	tell("truncate", ftruncate(fd, 64 * PAGE));
	tell("write", pwrite(fd, "x", 1, 16 * PAGE + 7));
	tell("write", pwrite(fd, "x", 1, 40 * PAGE));
	fsync(fd);
	tell("data", lseek(fd, 0, SEEK_DATA));
	tell("hole", lseek(fd, 16 * PAGE, SEEK_HOLE));
	tell("data", lseek(fd, 17 * PAGE, SEEK_DATA));
	tell("a hole in a hole", lseek(fd, 3, SEEK_HOLE));
	tell("no more data", lseek(fd, 41 * PAGE, SEEK_DATA));
	tell("the last hole", lseek(fd, 41 * PAGE, SEEK_HOLE));
	tell("beyond", lseek(fd, 64 * PAGE, SEEK_HOLE));
	tell("before", lseek(fd, -1, SEEK_DATA));
}

static void
allocation(void)
{
	char page[PAGE];
	int fd = make("a", "");

	memset(page, 'p', sizeof(page));
	for (int i = 0; i < 8; i++)
		tell("write", pwrite(fd, page, sizeof(page), i * PAGE));
	tell("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 3 * PAGE));
	tell_content("a hole", "a");
	fsync(fd);
	tell("which is one", lseek(fd, PAGE, SEEK_HOLE));
	tell("zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 5 * PAGE + 1, PAGE));
	tell("zero, longer", fallocate(fd, FALLOC_FL_ZERO_RANGE, 7 * PAGE + 1, 2 * PAGE));
	tell_content("zeros", "a");
	tell("room", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20 * PAGE));
	tell("end", lseek(fd, 0, SEEK_END));
	tell("longer", fallocate(fd, 0, 9 * PAGE, PAGE + 10));
	tell("end", lseek(fd, 0, SEEK_END));
	tell("posix", posix_fallocate(fd, 0, 12 * PAGE));
	tell_content("all", "a");
	tell("punch beyond", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 99 * PAGE,
	    PAGE));
	tell("punch alone", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE));
	tell("nothing", fallocate(fd, 0, 0, 0));
	tell("before the start", fallocate(fd, 0, -1, 5));
	close(fd);
	fd = open("a", O_RDONLY);
	tell("open to read", fallocate(fd, 0, 0, 5));
}

static void
copies(void)
{
	int from = make("from", "0123456789abcdef"), to = make("to", "................");
	loff_t in = 2, out = 4;

	tell("copy", copy_file_range(from, &in, to, &out, 6, 0));
	say("at %lld and %lld", (long long)in, (long long)out);
	tell_content("it", "to");
	in = 10;
	out = 30;
	tell("more than there is", copy_file_range(from, &in, to, &out, 100, 0));
	tell_content("it", "to");
	in = 16;
	tell("at the end", copy_file_range(from, &in, to, &out, 100, 0));
	in = 0;
	out = 4;
	tell("onto itself", copy_file_range(from, &in, from, &out, 8, 0));
	out = 8;
	tell("beside itself", copy_file_range(from, &in, from, &out, 8, 0));
	tell_content("it", "from");
	close(to);
	to = open("to", O_RDONLY);
	tell("to what is open to read", copy_file_range(from, NULL, to, NULL, 5, 0));
}

static void
direct(void)
{
	int fd = open("a", O_CREAT | O_RDWR | O_DIRECT, 0644), other;
	char *block;

	if (posix_memalign((void **)&block, PAGE, 4 * PAGE) != 0)
		return;
	memset(block, 'd', 4 * PAGE);
	tell("write", pwrite(fd, block, 4 * PAGE, 0));
	memset(block, 'e', PAGE);
	tell("in the middle", pwrite(fd, block, PAGE, PAGE));
	tell_content("seen by others", "a");
	other = open("a", O_WRONLY);
	tell("another", pwrite(other, "x", 1, 3 * PAGE));
	tell("read", pread(fd, block, 4 * PAGE, 3 * PAGE));
	say("%c%c", block[0], block[1]);
	tell("cut", ftruncate(fd, 100));
	tell("the rest", pread(fd, block, PAGE, 0));
}

static void
child_writes(char *shared)
{
	if (fork() == 0) {
		strcpy(shared + 10, "child");
		_exit(0);
	}
	wait(NULL);
}

static void
mappings(void)
{
	int fd = make("a", ""), only;
	char *shared, *private, byte;

	tell("truncate", ftruncate(fd, 2 * PAGE));
	shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say("mapped: %d %d", shared != MAP_FAILED, private != MAP_FAILED);
	strcpy(shared, "shared");
	tell("read what was stored", pread(fd, &byte, 1, 0));
	say("%c", byte);
	tell("write", pwrite(fd, "W", 1, PAGE));
	say("seen in both: %c %c", shared[PAGE], private[PAGE]);
	strcpy(private + PAGE, "private");
	say("seen in one: %c %c", shared[PAGE], private[PAGE]);
	child_writes(shared);
	say("of another process: %s", shared + 10);
	tell("msync", msync(shared, 2 * PAGE, MS_SYNC));
	tell_content("the file", "a");
	tell("truncate", ftruncate(fd, 5));
	say("beyond the new end: %d", shared[6]);
	tell("longer again", ftruncate(fd, PAGE));
	say("zeros: %d", shared[6]);
	tell("unlink", unlink("a"));
	strcpy(shared + 100, "still");
	tell("read", pread(fd, &byte, 1, 100));
	say("%c", byte);
	munmap(shared, 2 * PAGE);
	close(make("b", "b"));
	only = open("b", O_RDONLY);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, only, 0);
	tell("of what is open to read", shared == MAP_FAILED ? -1 : 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, only, 0);
	tell("to execute", shared == MAP_FAILED ? -1 : 0);
}

static void
without_a_name(void)
{
	int fd = make("a", "content"), other;
	char path[40];
	struct stat st;

	tell("unlink", unlink("a"));
	tell("write", pwrite(fd, "more", 4, 7));
	fstat(fd, &st);
	say("size %lld, %ld links", (long long)st.st_size, (long)st.st_nlink);
	tell("chmod", fchmod(fd, 0600));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tell("link", linkat(AT_FDCWD, path, AT_FDCWD, "b", AT_SYMLINK_FOLLOW));
	tell("open again", other = open(path, O_RDWR) < 0 ? -1 : 0);
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR, 0640);
	tell("O_TMPFILE", fd < 0 ? -1 : 0);
	fstat(fd, &st);
	say("mode %o, %ld links", (unsigned)st.st_mode, (long)st.st_nlink);
	tell("write", write(fd, "content", 7));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tell("link", linkat(AT_FDCWD, path, AT_FDCWD, "c", AT_SYMLINK_FOLLOW));
	tell_mode("it", "c");
	tell("write", write(fd, "more", 4));
	tell_content("it", "c");
	close(fd);
	tell_content("closed", "c");
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tell("of its own", linkat(AT_FDCWD, path, AT_FDCWD, "d", AT_SYMLINK_FOLLOW));
	fd = make("e", "old");
	close(make("f", "new"));
	tell("rename over it", rename("f", "e"));
	tell("write", write(fd, "er", 2));
	tell_content("the name", "e");
	fstat(fd, &st);
	say("size %lld, %ld links", (long long)st.st_size, (long)st.st_nlink);
}

static void
append_all(char letter)
{
	char line[33];
	int fd = open("a", O_WRONLY | O_APPEND);

	memset(line, letter, 32);
	line[31] = '\n';
	for (int i = 0; i < 400; i++)
		if (write(fd, line, 32) != 32)
			_exit(1);
	_exit(0);
}

static void
appending(void)
{
	int wrong = 0, n = 0, status;
	char line[40];
	FILE *file;

	close(make("a", ""));
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			append_all((char)('a' + i));
	for (int i = 0; i < 3; i++)
		if (wait(&status) < 0 || status != 0)
			say("a writer failed");
	file = fopen("a", "r");
	for (; fgets(line, sizeof(line), file); n++)
		wrong += strspn(line, (char[]){ line[0], '\0' }) != 31;
	say("%d lines, %d of them wrong", n, wrong);
}

static int
try_lock(short type, int whence, int command)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = whence, .l_len = 10 };
	int fd = open("a", O_RDWR), status;

	fflush(stdout);
	if (fork() == 0)
		_exit(command == 0 ? flock(fd, (type == F_RDLCK ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 :
		    fcntl(fd, command, &lock) != 0);
	wait(&status);
	close(fd);
	return status == 0;
}

static void
locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	int fd = make("a", "0123456789012345678901234567890");

	tell("flock", flock(fd, LOCK_SH));
	say("others: %d %d", try_lock(F_RDLCK, 0, 0), try_lock(F_WRLCK, 0, 0));
	tell("unlock", flock(fd, LOCK_UN));
	say("others: %d", try_lock(F_WRLCK, 0, 0));
	tell("OFD", fcntl(fd, F_OFD_SETLK, &lock));
	say("others: %d %d", try_lock(F_WRLCK, 5, F_SETLK), try_lock(F_RDLCK, 10, F_SETLK));
	lock.l_type = F_UNLCK;
	tell("unlock", fcntl(fd, F_OFD_SETLK, &lock));
	lock.l_type = F_RDLCK;
	tell("POSIX", fcntl(fd, F_SETLK, &lock));
	say("others: %d %d", try_lock(F_RDLCK, 5, F_SETLK), try_lock(F_WRLCK, 5, F_OFD_SETLK));
	close(open("a", O_RDONLY));
	say("after any close: %d", try_lock(F_WRLCK, 5, F_SETLK));
}

static void
copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY, 0755);
	char buf[1 << 14];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			say("the copy failed");
	close(in);
	close(out);
}

static void
execution(void)
{
	int pipe_fds[2], fd;
	pid_t pid;

	copy_program("/bin/cat", "program");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[0], 0);
		execl("./program", "program", (char *)NULL);
		_exit(99);
	}
	/* What runs says so by its name. */
	for (int i = 0; i < 500; i++) {
		char path[40], name[16] = "";

		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		fd = open(path, O_RDONLY);
		if (read(fd, name, 15) > 0 && strcmp(name, "program\n") == 0)
			break;
		close(fd);
		usleep(10000);
	}
	tell("write to what runs", open("program", O_WRONLY));
	close(pipe_fds[1]);
	waitpid(pid, &fd, 0);
	say("status %d", fd);
	fd = open("program", O_WRONLY);
	tell("after it", fd < 0 ? -1 : 0);
	close(fd);
	close(make("script", "#!/bin/sh\nexit 7\n"));
	tell("not yet", access("script", X_OK));
	chmod("script", 0755);
	say("a script: %d", WEXITSTATUS(system("./script")));
}

static void
polling(void)
{
	struct pollfd poll_fd = { .fd = make("a", "x"), .events = POLLIN | POLLOUT | POLLPRI };

	tell("poll", poll(&poll_fd, 1, 0));
	say("%#x", (unsigned)poll_fd.revents);
}

const struct posix_case posix_files[] = {
	{ "reading-and-writing", reading_and_writing },
	{ "large", large },
	{ "holes", holes },
	{ "allocation", allocation },
	{ "copies", copies },
	{ "direct", direct },
	{ "mappings", mappings },
	{ "without-a-name", without_a_name },
	{ "appending", appending },
	{ "locks", locks },
	{ "execution", execution },
	{ "polling", polling },
	{ NULL, NULL },
};
