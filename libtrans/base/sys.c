/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sys: system calls by number where the C library may not know them, and loops
 * around those that stop half-way. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

static int
result(long value)
{
	return value < 0 ? -errno : (int)value;
}

/* A descriptor, closed on exec, that stands for the process. */
int
sys_pidfd_open(pid_t pid)
{
	return result(syscall(SYS_pidfd_open, pid, 0));
}

/* Sends a signal to the process and to no other that has its number now. */
int
sys_pidfd_send_signal(int pidfd, int sig)
{
	return result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

/* Kills the process group that the process leads, or led. */
int
sys_pidfd_kill_group(int pidfd)
{
	const unsigned process_group = 1 << 2;	/* PIDFD_SIGNAL_PROCESS_GROUP */

	return result(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, process_group));
}

/* Closes the descriptors from first to last. */
int
sys_close_range(unsigned first, unsigned last)
{
	return result(syscall(SYS_close_range, first, last, 0));
}

/* A memory file of this size which nobody can resize, or seal any further. */
int
sys_memfd(const char *name, size_t size)
{
	AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return fd_steal(&fd);
}

/* Reads until size bytes or the end of the file. */
ssize_t
sys_read_all(int fd, void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Writes all of it. */
int
sys_write_all(int fd, const void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* Milliseconds of a clock that nobody sets. */
int64_t
sys_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks its server, when there is one. A connection that ends just then says ECONNABORTED to who was
 * waiting, and ENOTCONN to who asks again. */
bool
sys_mount_is_dead(const char *path)
{
	struct statfs fs;
	int err;

	do
		err = statfs(path, &fs) < 0 ? errno : 0;
	while (err == ECONNABORTED || err == EINTR);
	return err == ENOTCONN;
}
