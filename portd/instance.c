/* SPDX-License-Identifier: GPL-2.0-or-later */
/* instance: a lock decides who is the one; a socket without a lock on it is of
 * a dead one and replaced. The holder has the lock, too, and gives it its number: it is the
 * process that lasts. */
#include "portd/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/hold.h"
#include "portd/tape.h"
#include "wire/runtime.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

enum {
	BACKLOG = 64,
	LOG_MAX = 256 * 1024,
};

/* Else the next file that is opened would be taken for one of them. */
void
instance_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(&fd);
}

/* The background --------------------------------------------------------------- */

/* In the parent: waits until the child is ready (a byte) or has ended without that; what it
 * had to say stands on standard error already. */
static void __attribute__((noreturn))
wait_for_child(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

/* The child lives on without a terminal. Standard error is kept until it is ready. */
void
instance_enter_background(struct instance *instance)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_error("cannot go into the background: %s", strerror(errno));
		exit(1);
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	setsid();
	instance->ready_fd = fds[1];
}

static void
redirect_output(const char *log_dir)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int log = -1;
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (asprintf(&path, "%s/portd", log_dir) < 0)
		path = NULL;
	if (path && stat(path, &st) == 0 && st.st_size > LOG_MAX)
		unlink(path);
	if (path)
		log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
}

/* Clients can connect. */
bool
instance_ready(struct instance *instance, const char *log_dir)
{
	if (instance->ready_fd < 0)
		return false;
	redirect_output(log_dir);
	if (write(instance->ready_fd, "", 1) < 0)
		log_debug("nobody waits any more");
	fd_close(&instance->ready_fd);
	return true;
}

/* The holder's, which is our parent. */
static void
write_pid(int fd)
{
	char pid[32];
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getppid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) < 0)
		log_error("the lock cannot be written: %s", strerror(errno));
}

/* The holder --------------------------------------------------------------------- */

/* hird-holder, where we are. */
static int
open_beside(const char *program)
{
	const char *slash = strrchr(program, '/');
	AUTO_FREE char *path = NULL;
	int fd;

	if (!slash || asprintf(&path, "%.*s/hird-holder", (int)(slash - program), program) < 0)
		return -1;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		log_error("%s: %s; install hird whole", path, strerror(errno));
	return fd;
}

/* Its words: the limit, whom to tell when we are ready, the program, our words. NULL: no
 * memory. */
static char **
holder_words(struct argv *words, const struct instance *instance, const char *program,
    char *const argv[], unsigned limit)
{
	int err = argv_add(words, "hird-holder") | argv_printf(words, "%u", limit) |
	    argv_printf(words, "%d", instance->ready_fd) | argv_add(words, program);

	for (size_t i = 0; argv[i]; i++)
		err |= argv_add(words, argv[i]);
	err |= argv_printf(words, "--holder=%d", INSTANCE_HOLDER_FD);
	return err ? NULL : argv_vector(words);
}

/* The first descriptor that nobody means the holder to have: a service manager may have given
 * some (sd_listen_fds(3)). */
static int
first_stray(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (pid && n && atoi(pid) == getpid() && atoi(n) > 0)
		return STDERR_FILENO + 1 + atoi(n);
	return STDERR_FILENO + 1;
}

/* It lives on with nothing of whoever started us but standard input, output and error. */
int
instance_become_holder(struct instance *instance, const char *program, char *const argv[],
    unsigned limit)
{
	extern char **environ;
	AUTO_ARGV struct argv words = { 0 };
	AUTO_FREE char **vector = NULL;
	int fd, stray = first_stray();

	if (instance->ready_fd >= 0) {
		dup2(fcntl(instance->ready_fd, F_DUPFD_CLOEXEC, stray + 1), stray);
		instance->ready_fd = stray++;
	}
	sys_close_range((unsigned)stray, ~0u);
	fd = open_beside(program);
	vector = holder_words(&words, instance, program, argv, limit);
	if (fd >= 0 && vector)
		syscall(SYS_execveat, fd, "", vector, environ, AT_EMPTY_PATH);
	if (fd >= 0)
		log_error("hird-holder cannot be executed: %s", strerror(errno));
	return 1;
}

/* The first one is waited for; those that come after it find nothing there. */
void
instance_join_holder(struct instance *instance, int fd, struct hold *hold)
{
	hold->fd = fd;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (fcntl(INSTANCE_READY_FD, F_SETFD, FD_CLOEXEC) == 0)
		instance->ready_fd = INSTANCE_READY_FD;
}

void
instance_deposit(const struct instance *instance, struct hold *hold, uint64_t since)
{
	AUTO_TAPE struct tape tape = { 0 };

	tape_put_u64(&tape, since);
	tape_put_fd(&tape, instance->lock_fd);
	tape_put_fd(&tape, instance->listen_fd);
	hold_put(hold, HOLD_KEY_INSTANCE, &tape);
}

struct withdrawal {
	struct instance *instance;
	uint64_t *sincep;
	bool done;
};

static void
withdraw(uint64_t key, struct tape *tape, void *arg)
{
	struct withdrawal *withdrawal = arg;

	if (key != HOLD_KEY_INSTANCE)
		return;
	*withdrawal->sincep = tape_get_u64(tape);
	withdrawal->instance->lock_fd = tape_get_some_fd(tape);
	withdrawal->instance->listen_fd = tape_get_some_fd(tape);
	withdrawal->done = !tape->error;
}

bool
instance_withdraw(struct instance *instance, struct hold *hold, uint64_t *sincep)
{
	struct withdrawal withdrawal = { .instance = instance, .sincep = sincep };

	if (hold_each(hold, withdraw, &withdrawal) < 0 || !withdrawal.done)
		return false;
	write_pid(instance->lock_fd);	/* of a holder that has taken another one's place */
	return true;
}

/* The lock ------------------------------------------------------------------------ */

static int
name_other(int fd)
{
	char pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	log_error("already runs (pid %s)", pid[0] ? pid : "unknown");
	return -EEXIST;
}

/* One at a time. */
int
instance_lock(struct instance *instance, const char *runtime_dir)
{
	/* A kind of lock that others can ask about without trying it. */
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/" RUNTIME_LOCK, runtime_dir) < 0)
		return -ENOMEM;
	instance->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (instance->lock_fd < 0) {
		log_error("%s: %s", path, strerror(errno));
		return -errno;
	}
	if (fcntl(instance->lock_fd, F_OFD_SETLK, &whole) < 0)
		return name_other(instance->lock_fd);
	write_pid(instance->lock_fd);
	return 0;
}

/* The socket ------------------------------------------------------------------------ */

/* By way of the directory's descriptor: a path may be longer than an address. */
static int
bind_in(int fd, const char *runtime_dir)
{
	AUTO_CLOSE int dir = open(runtime_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (dir < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" RUNTIME_SOCKET,
	    dir);
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Opens the socket. */
int
instance_listen(struct instance *instance, const char *runtime_dir)
{
	int on = 1;
	int fd;

	if (asprintf(&instance->socket_path, "%s/" RUNTIME_SOCKET, runtime_dir) < 0)
		return -ENOMEM;
	unlink(instance->socket_path);	/* of a dead one: the lock is ours */
	fd = instance->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The option is inherited by what is accepted: set later, the first words would come
	 * unsigned. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind_in(fd, runtime_dir) < 0 || listen(fd, BACKLOG) < 0) {
		log_error("%s: %s", instance->socket_path, strerror(errno));
		return -errno;
	}
	return 0;
}

/* Only the name is missing. */
int
instance_take_over(struct instance *instance, const char *runtime_dir)
{
	if (asprintf(&instance->socket_path, "%s/" RUNTIME_SOCKET, runtime_dir) < 0)
		return -ENOMEM;
	return 0;
}

/* Removes the socket. */
void
instance_unlisten(struct instance *instance)
{
	if (instance->listen_fd >= 0)
		unlink(instance->socket_path);
	fd_close(&instance->listen_fd);
}

/* Releases everything; the lock last. */
void
instance_deinit(struct instance *instance)
{
	instance_unlisten(instance);
	fd_close(&instance->ready_fd);
	fd_close(&instance->lock_fd);
	free(instance->socket_path);
	instance->socket_path = NULL;
}
