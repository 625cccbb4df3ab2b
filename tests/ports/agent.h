/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent: the processes that a case plays with, as the runner and the shorthands see them.
 *
 * A thread of an agent has a slot in memory that it shares with the case: there it finds
 * a function to call, and leaves what that returned. */
#ifndef TESTS_PORTS_AGENT_H
#define TESTS_PORTS_AGENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/ports/suite.h"
#include "tests/world.h"

enum {
	TASKS_MAX = 16,		/* with those that forks made */
	THREADS_MAX = 72,	/* of a task: one that serves the process, the first, 70 more */
};

struct slot {
	_Atomic uint32_t state;	/* SLOT_* */
	pid_t tid;
	_Atomic uint32_t n_signals;
	pthread_t thread;	/* in the agent */
	long (*function)(void *arg);
	long result;
	_Alignas(16) char arg[RUN_ARG_MAX];
};

/* One thread of an agent. In the case's own memory. */
struct task {
	struct agent *agent;
	struct slot *slot;	/* NULL: never asked for, or it has ended */
	bool posted;		/* a letter or a function that was not fetched */
	bool is_letter;
};

struct agent {
	int index;		/* in the process: its place among agents[] */
	pid_t pid;		/* 0: there is no process */
	int pidfd;
	uint32_t id;		/* 0: it is no task */
	struct task threads[THREADS_MAX];	/* [0] serves the process */
	port_name_t task_ports[TASKS_MAX];	/* that it has, by the other's index */
};

/* What the case and its runner, and whoever disturbs it, have in common. */
struct stage {
	_Atomic uint32_t ended;		/* STAGE_*: the first word counts */
	char why[512];
	pthread_mutex_t lock;		/* of what follows, which --jitter reads */
	int pidfds[TASKS_MAX];		/* numbers of whoever disturbs; -1: none */
	bool held[TASKS_MAX];		/* stopped by the case itself */
	_Atomic uint32_t seed;		/* of chance() */
};

enum { STAGE_RUNNING, STAGE_FAILED, STAGE_SKIPPED, STAGE_PASSED };

extern struct stage *stage;
extern bool is_quick, is_flat, is_jittering;
extern int jitter_line;			/* where pidfds go, or -1 */

/* The case's process begins and ends with these. */
void agents_start(void);
void agents_end(void);

/* The slot of a thread that is not busy, its arg to be filled in before call_slot() or
 * post_slot() and to be read after it or fetch_slot(). */
struct slot *free_slot(struct task *task);
long call_slot(struct task *task, long (*function)(void *arg));
void post_slot(struct task *task, long (*function)(void *arg), bool is_letter);
long fetch_slot(struct task *task);
bool is_slot_done(struct task *task);
/* How many letters of this task's threads are not answered yet, as far as they know. */
uint32_t letters_out(const struct task *task);

/* On the world's line. */
struct world_answer world_ask(uint32_t question, const uint32_t *argument);

/* Of the toy: how a right gets from one agent to another without a message. */
void toy_open_gifts(void);
port_name_t toy_give(struct task *from, port_name_t name, uint32_t disposition, struct task *to);

#endif
