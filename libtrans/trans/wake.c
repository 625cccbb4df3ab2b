/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wake: see wake.h. */
#include "trans/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

static struct {
	pthread_t main;
	int fd;
	int read_fd;		/* atomic; that of a read that may block, else -1 */
	bool woken;		/* atomic; set before read_fd is looked at, and the other way round there */
} wake = { .fd = -1, .read_fd = -1 };

static void
on_signal(int number)
{
	(void)number;
}

int
wake_open(void)
{
	/* Calls of an author's that it falls into are restarted. */
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	wake.main = pthread_self();
	wake.read_fd = -1;
	wake.woken = false;
	wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (wake.fd < 0 || sigaction(SIGURG, &action, NULL) < 0)
		return -errno;
	return 0;
}

void
wake_close(void)
{
	fd_close(&wake.fd);
}

int
wake_fd(void)
{
	return wake.fd;
}

/* The other way round, whoever wakes in between would write nothing, and what he wrote before
 * would be read. */
void
wake_drain(void)
{
	uint64_t count;

	if (read(wake.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("cannot see who wakes the main thread: %s", strerror(errno));
	__atomic_store_n(&wake.woken, false, __ATOMIC_SEQ_CST);
}

void
wake_main(void)
{
	uint64_t one = 1;
	int fd;

	if (__atomic_exchange_n(&wake.woken, true, __ATOMIC_SEQ_CST))
		return;
	if (write(wake.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("cannot wake the main thread: %s", strerror(errno));
	fd = __atomic_load_n(&wake.read_fd, __ATOMIC_SEQ_CST);
	if (fd < 0)
		return;
	wake_set_blocking(fd, false);
	pthread_kill(wake.main, SIGURG);
}

void
wake_set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL,
	    blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		log_error("cannot change how the descriptor of the mount is read: %s",
		    strerror(errno));
}

bool
wake_begin_read(int fd)
{
	__atomic_store_n(&wake.read_fd, fd, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&wake.woken, __ATOMIC_SEQ_CST))
		return true;
	wake_end_read();
	return false;
}

void
wake_end_read(void)
{
	__atomic_store_n(&wake.read_fd, -1, __ATOMIC_RELEASE);
}
