/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird-holder: keeps what must outlive a death of hird-portd, and starts it again.
 *
 *   hird-holder LIMIT READY PROGRAM ARGV0 [ARGUMENT...]
 *
 * hird-portd executes it at its start, and it starts hird-portd again, as its worker. It
 * keeps descriptors under keys and looks into none of them. It reads nothing but
 * messages of one size from its worker, which is the same user's. LIMIT: so many deaths
 * within a minute, and it gives up. READY: a descriptor for the first worker, or -1.
 *
 * Small, so that it can be seen to be right: no library but the C library, and no file but
 * this one, held.c, manager.c and pass.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/held.h"
#include "portd/hold.h"
#include "portd/manager.h"
#include "portd/pass.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

enum {
	WORKER_FD = 3,		/* the worker's end of the pair, and its READY */
	READY_FD = 4,
	OUT_OF_THE_WAY = 16,
	LIMIT_MAX = 1000,
	MINUTE_MS = 60 * 1000,
	SHORT_LIFE_MS = 1000,	/* of a worker; the next one has to wait a little */
	PAUSE_MIN_MS = 10,
	PAUSE_MAX_MS = 1000,
};

static struct {
	char **argv;		/* of the worker */
	int program;		/* O_PATH of it */
	int ready;
	pid_t worker;		/* 0: none runs */
	int socket;		/* to it */
	int signals;
	bool ending;		/* it was asked to end */
	unsigned limit;
	uint32_t restarts;
	int64_t deaths[LIMIT_MAX];	/* when the last ones were, around and around */
	int64_t started_at;
	int64_t start_at;	/* when to start the next one */
	int pause_ms;
} holder = { .program = -1, .ready = -1, .socket = -1, .signals = -1 };

static void __attribute__((noreturn))
die(const char *what)
{
	log_error("%s: %s", what, strerror(errno));
	exit(1);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nothing is left, at the manager's neither. */
static void __attribute__((noreturn))
end(int status)
{
	held_drop_all();
	exit(status);
}

/* Messages ------------------------------------------------------------------------- */

/* Takes one message, with its descriptors. False: there is none (now). */
static bool
receive(struct hold_message *message, int *fds, size_t *n_fdsp)
{
	union pass pass;
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	pass_expect(&header, &pass);
	do
		n = recvmsg(holder.socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		fd_close(&holder.socket);	/* its end comes as a signal */
	if (n <= 0)
		return false;
	*n_fdsp = pass_get(&header, fds);
	if (header.msg_flags & MSG_CTRUNC)
		log_error("no descriptors left: a node would not outlive the next crash");
	if (n != sizeof(*message) || header.msg_flags & MSG_CTRUNC)
		message->op = 0;
	return true;
}

static void
answer_get(uint64_t place)
{
	const struct held *held = held_at(place);
	size_t n_fds = held ? held->n_fds : 0;
	struct hold_message message = {
		.op = HOLD_PUT, .restarts = holder.restarts, .key = held ? held->key : 0,
		.n_entries = held_count(),
	};
	union pass pass;
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[PASS_MAX];

	for (size_t i = 0; i < n_fds; i++)
		fds[i] = held->fds[i].fd;
	pass_put(&header, &pass, fds, n_fds);
	/* It asks for one at a time: there is room. When it is dead nobody needs it. */
	if (sendmsg(holder.socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_error("what is held cannot be given back: %s", strerror(errno));
}

static void
take_output(int fd)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

/* Does what one message says. Keeps what it puts, closes all other descriptors. */
static void
serve(const struct hold_message *message, int *fds, size_t n_fds)
{
	if (message->op == HOLD_PUT && n_fds > 0) {
		held_put(message->key, fds, n_fds);	/* eats fds */
		return;
	}
	if (message->op == HOLD_DROP) {
		held_drop(message->key);
	} else if (message->op == HOLD_GET) {
		answer_get(message->key);
	} else if (message->op == HOLD_PROGRAM && n_fds == 1) {
		fd_close(&holder.program);
		holder.program = fd_steal(&fds[0]);
	} else if (message->op == HOLD_OUTPUT && n_fds == 1) {
		take_output(fds[0]);
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(&fds[i]);
}

static void
serve_all(void)
{
	struct hold_message message;
	int fds[PASS_MAX];
	size_t n_fds;

	while (receive(&message, fds, &n_fds))
		serve(&message, fds, n_fds);
}

/* The worker ------------------------------------------------------------------------ */

static int
out_of_the_way(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
}

/* In the child. Signals stay blocked until it is ready for them. */
static void __attribute__((noreturn))
become_worker(pid_t parent, int socket)
{
	extern char **environ;
	int program = out_of_the_way(holder.program), ready = out_of_the_way(holder.ready);

	socket = out_of_the_way(socket);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(socket, WORKER_FD) < 0 || (ready >= 0 && dup2(ready, READY_FD) < 0))
		die("hird-portd cannot be started");
	syscall(SYS_execveat, program, "", holder.argv, environ, AT_EMPTY_PATH);
	die("hird-portd cannot be started");
}

static void
start_worker(void)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("no socket for hird-portd");
	holder.worker = fork();
	if (holder.worker < 0)
		die("hird-portd cannot be started");
	if (holder.worker == 0)
		become_worker(parent, pair[1]);
	close(pair[1]);
	fd_close(&holder.ready);
	holder.socket = pair[0];
	holder.started_at = now_ms();
	if (holder.ending)
		kill(holder.worker, SIGTERM);
}

/* Not at once again and again. */
static void
plan_restart(int64_t now)
{
	if (now - holder.started_at >= SHORT_LIFE_MS)
		holder.pause_ms = 0;
	else if (holder.pause_ms == 0)
		holder.pause_ms = PAUSE_MIN_MS;
	else if (holder.pause_ms < PAUSE_MAX_MS)
		holder.pause_ms *= 2;
	holder.start_at = now + holder.pause_ms;
}

/* When it ended by itself, so do we. When it was killed, another one takes its place. What we
 * hold is closed by our end, and with it every node. */
static void
worker_ended(int status)
{
	int64_t now = now_ms(), *death;

	serve_all();
	fd_close(&holder.socket);
	holder.worker = 0;
	if (WIFEXITED(status))
		end(WEXITSTATUS(status));
	death = &holder.deaths[holder.restarts++ % holder.limit];
	if (holder.restarts > holder.limit && now - *death < MINUTE_MS) {
		log_error("was killed by signal %d (%s), and %u times before within a minute: "
		    "giving up; all nodes end", WTERMSIG(status), strsignal(WTERMSIG(status)),
		    holder.limit);
		end(1);
	}
	*death = now;
	plan_restart(now);
	log_error("was killed by signal %d (%s): it is started again", WTERMSIG(status),
	    strsignal(WTERMSIG(status)));
}

/* Translators that a dead worker left are ours, too. */
static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == holder.worker)
			worker_ended(status);
}

/* Beginning -------------------------------------------------------------------------- */

static void
take_signals(void)
{
	struct signalfd_siginfo info;

	while (read(holder.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			holder.ending = true;
		if (holder.worker)
			kill(holder.worker, (int)info.ssi_signo);
	}
	reap();
}

static void
turn(void)
{
	struct pollfd polled[] = {
		{ .fd = holder.signals, .events = POLLIN },
		{ .fd = holder.socket, .events = POLLIN },
	};
	int64_t left = holder.worker ? -1 : holder.start_at - now_ms();

	if (!holder.worker && left <= 0) {
		start_worker();
		return;
	}
	if (poll(polled, 2, (int)left) < 0)
		return;
	if (polled[1].revents)
		serve_all();
	if (polled[0].revents)
		take_signals();
}

static void
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* So that it does not end a worker that is still starting. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	holder.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (holder.signals < 0)
		die("no descriptor for signals");
}

int
main(int argc, char **argv)
{
	log_name("hird-portd");
	if (argc < 5) {
		fputs("hird-holder is started by hird-portd: see hird-portd(8)\n", stderr);
		return 64;
	}
	holder.limit = (unsigned)atoi(argv[1]);
	holder.ready = atoi(argv[2]);
	holder.program = open(argv[3], O_PATH | O_CLOEXEC);
	holder.argv = argv + 4;
	if (holder.limit < 1 || holder.limit > LIMIT_MAX || holder.program < 0)
		die(argv[3]);
	if (holder.ready >= 0)
		fcntl(holder.ready, F_SETFD, FD_CLOEXEC);
	if (manager_begin() < 0)
		die("what was kept cannot be taken back");
	holder.restarts = held_count() > 0;	/* with the holder before us */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	open_signals();
	for (;;)
		turn();
}
