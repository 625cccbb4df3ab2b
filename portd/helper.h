/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper: a forked child that enters users' paths in portd's stead.
 *
 * portd's loop makes no system call that can reach a FUSE node. What must, runs
 * here, with a deadline: when it passes, the child and what it started are
 * killed, and who asked gets -ETIMEDOUT. */
#ifndef PORTD_HELPER_H
#define PORTD_HELPER_H

#include <stddef.h>
#include <uv.h>

enum {
	HELPER_OUT = 3,		/* the child's way back */
	HELPER_FDS_MAX = 4,
	HELPER_ANSWER_MAX = 16 * 1024,
};

/* What the child sees keep[i] as. */
#define HELPER_FD(i) (HELPER_OUT + 1 + (i))

/* Runs in the child, which exits when it returns. It answers once with helper_answer. */
typedef void helper_work_fn(void *arg);
void helper_answer(const void *data, size_t size, const int *fds, size_t n_fds);

struct helper_answer {
	int error;		/* 0; -ETIMEDOUT; -EIO: it died without an answer */
	const void *data;
	size_t size;
	int fds[HELPER_FDS_MAX];	/* -1: none; `done` takes what it wants (fd_steal), the rest is closed */
};

typedef void helper_done_fn(struct helper_answer *answer, void *arg);

struct helper {
	uv_loop_t *loop;
	uv_poll_t poll;		/* of pidfd */
	uv_timer_t timer;
	unsigned n_handles;
	int pid;
	int pidfd;
	int in;
	int timed_out;
	helper_done_fn *done;
	void *arg;
};

/* Starts one; done is called exactly once, from the loop, unless it is cancelled.
 * keep: descriptors that the child may use (-1: none), the caller's still.
 * NULL with errno when it cannot be started. */
struct helper *helper_start(uv_loop_t *loop, helper_work_fn *work, void *work_arg,
    const int *keep, size_t n_keep, unsigned deadline_ms, helper_done_fn *done, void *arg);
/* How many there are, those included that nobody waits for any more. */
unsigned helper_count(void);
/* Kills it; done is not called. */
void helper_cancel(struct helper *helper);

#endif
