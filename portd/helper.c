/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper: fork, a socket pair for the answer, a pidfd for the end.
 *
 * The answer waits in the socket's buffer until the child has exited: one
 * thing to poll. The child keeps no descriptor but those it was given: one
 * that hangs in a dead file system must not keep the connections of other nodes open. */
#include "portd/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

enum { REAP_GRACE_MS = 1000 };

static unsigned n_helpers;

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(HELPER_FDS_MAX * sizeof(int))];
};

/* In the child: sends the one answer. Descriptors that are -1 are left out;
 * they may only be at the end. */
void
helper_answer(const void *data, size_t size, const int *fds, size_t n_fds)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	while (n_fds > 0 && fds[n_fds - 1] < 0)
		n_fds--;
	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		header.msg_control = control.room;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	while (sendmsg(HELPER_OUT, &header, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Signal handlers of the loop must not run in the child: they would write to
 * descriptors that are somebody else's by then. */
static void
reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves `out` and keep[] to their agreed numbers and closes everything else. */
static void
arrange_fds(int out, const int *keep, size_t n_keep)
{
	int high[HELPER_FDS_MAX];
	int floor = HELPER_FD(HELPER_FDS_MAX) + 1;

	out = fcntl(out, F_DUPFD, floor);
	for (size_t i = 0; i < n_keep; i++)
		high[i] = keep[i] < 0 ? -1 : fcntl(keep[i], F_DUPFD, floor);
	dup3(out, HELPER_OUT, O_CLOEXEC);
	for (size_t i = 0; i < HELPER_FDS_MAX; i++) {
		if (i < n_keep && high[i] >= 0)
			dup3(high[i], HELPER_FD((int)i), O_CLOEXEC);
		else
			close(HELPER_FD((int)i));
	}
	sys_close_range(HELPER_FD(HELPER_FDS_MAX), ~0u);
}

static void __attribute__((noreturn))
run_child(helper_work_fn *work, void *arg, int out, const int *keep, size_t n_keep)
{
	reset_signals();
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	arrange_fds(out, keep, n_keep);
	work(arg);
	_exit(0);
}

static void
on_closed(uv_handle_t *handle)
{
	struct helper *helper = handle->data;

	if (--helper->n_handles > 0)
		return;
	n_helpers--;
	fd_close(&helper->pidfd);
	fd_close(&helper->in);
	free(helper);
}

static void
close_handles(struct helper *helper)
{
	uv_close((uv_handle_t *)&helper->poll, on_closed);
	uv_close((uv_handle_t *)&helper->timer, on_closed);
}

static void
take_fds(struct msghdr *header, struct helper_answer *answer)
{
	size_t n = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(answer->fds, CMSG_DATA(cmsg), n * sizeof(int));
	}
}

static void
read_answer(struct helper *helper, struct helper_answer *answer, char *room)
{
	union control control;
	struct iovec iov = { .iov_base = room, .iov_len = HELPER_ANSWER_MAX };
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	ssize_t n = recvmsg(helper->in, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0) {
		answer->error = helper->timed_out ? -ETIMEDOUT : -EIO;
		return;
	}
	take_fds(&header, answer);
	answer->data = room;
	answer->size = (size_t)n;
}

static void
finish(struct helper *helper, struct helper_answer *answer)
{
	helper_done_fn *done = helper->done;

	helper->done = NULL;
	if (done)
		done(answer, helper->arg);
	for (size_t i = 0; i < HELPER_FDS_MAX; i++)
		fd_close(&answer->fds[i]);
}

static void
on_exit_event(uv_poll_t *poll, int status, int events)
{
	struct helper *helper = poll->data;
	struct helper_answer answer = { .fds = { -1, -1, -1, -1 } };
	char room[HELPER_ANSWER_MAX] __attribute__((aligned(16)));

	(void)status;
	(void)events;
	if (waitpid(helper->pid, NULL, WNOHANG) == 0)
		return;
	close_handles(helper);
	read_answer(helper, &answer, room);
	finish(helper, &answer);
}

/* The first time: kill. The second: it does not even die (D state); whoever
 * waits is told, and the handle stays until it does. */
static void
on_deadline(uv_timer_t *timer)
{
	struct helper *helper = timer->data;
	struct helper_answer answer = { .error = -ETIMEDOUT, .fds = { -1, -1, -1, -1 } };

	if (helper->timed_out) {
		uv_unref((uv_handle_t *)&helper->poll);	/* portd may end before it does */
		finish(helper, &answer);
		return;
	}
	helper->timed_out = 1;
	kill(-helper->pid, SIGKILL);
	sys_pidfd_send_signal(helper->pidfd, SIGKILL);
	uv_timer_start(timer, on_deadline, REAP_GRACE_MS, 0);
}

static pid_t
fork_child(helper_work_fn *work, void *work_arg, int out, const int *keep, size_t n_keep)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		run_child(work, work_arg, out, keep, n_keep);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void
watch(struct helper *helper, unsigned deadline_ms)
{
	uv_poll_init(helper->loop, &helper->poll, helper->pidfd);
	uv_timer_init(helper->loop, &helper->timer);
	helper->poll.data = helper->timer.data = helper;
	helper->n_handles = 2;
	uv_poll_start(&helper->poll, UV_READABLE, on_exit_event);
	uv_timer_start(&helper->timer, on_deadline, deadline_ms, 0);
}

/* Starts a child that runs `work`. */
struct helper *
helper_start(uv_loop_t *loop, helper_work_fn *work, void *work_arg,
    const int *keep, size_t n_keep, unsigned deadline_ms, helper_done_fn *done, void *arg)
{
	struct helper *helper = calloc(1, sizeof(*helper));
	int pair[2];

	if (!helper)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(helper);
		return NULL;
	}
	*helper = (struct helper){ .loop = loop, .in = pair[0], .done = done, .arg = arg };
	helper->pid = fork_child(work, work_arg, pair[1], keep, n_keep);
	fd_close(&pair[1]);
	helper->pidfd = helper->pid < 0 ? -1 : sys_pidfd_open(helper->pid);
	if (helper->pidfd < 0) {
		if (helper->pid > 0) {
			kill(helper->pid, SIGKILL);
			waitpid(helper->pid, NULL, 0);
		}
		fd_close(&helper->in);
		free(helper);
		return NULL;
	}
	watch(helper, deadline_ms);
	n_helpers++;
	return helper;
}

unsigned
helper_count(void)
{
	return n_helpers;
}

/* Kills a helper whose answer nobody waits for any more. It is reaped when it is dead. */
void
helper_cancel(struct helper *helper)
{
	helper->done = NULL;
	helper->timed_out = 1;
	kill(-helper->pid, SIGKILL);
	sys_pidfd_send_signal(helper->pidfd, SIGKILL);
}
