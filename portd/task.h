/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task: a process as portd knows it: a space, connections, an account. */
#ifndef PORTD_TASK_H
#define PORTD_TASK_H

#include "portd/account.h"
#include "portd/space.h"
#include "portd/world.h"
#include "wire/inspect.h"

struct task_watch;

struct task {
	struct world *world;
	struct list link;		/* in the world */
	uint32_t id;
	pid_t pid;			/* 0 until it is known */
	char program[INSPECT_PROGRAM_MAX];	/* as its hello calls it */
	char node[INSPECT_NODE_MAX];	/* whose translator it is, or "" */
	bool by_itself;			/* connected by itself: ends with its last connection */
	bool spawned;			/* made by a task: until it is greeted, likewise */
	bool greeted;			/* a hello was answered */
	struct space space;
	port_name_t bootstrap;
	struct port *port;		/* whose send right lets others act on the task; NULL: not yet made */
	struct list connections;
	uint32_t n_connections;
	struct account *account;	/* of what it makes portd keep */
	struct list memory_files;	/* that it was the first to get */
	uint32_t n_memory_files;
	struct task_watch *watch;	/* on the process */
	void (*on_death)(void *);
	void *death_arg;
};

struct task *task_new(struct world *world);
/* Ends a task: every right goes, the struct too. */
void task_end(struct task *task);
/* Everything a task has goes at once; it stays known until its process ends. */
void task_empty(struct task *task);
/* What its last connection's end means for a task, which may be gone then. */
void task_disconnected(struct task *task);
/* Makes a task for a process that is to be, at the wish of a parent. */
int task_spawn(struct task *parent, port_name_t bootstrap, uint32_t disposition,
    int *connectionp, port_name_t *taskp);
/* Enters a send right to the task's own task port. */
int task_self(struct task *task, port_name_t *namep);
/* The descriptor by which its process is watched, or -1; ties it to one that is there already
 * (eats pidfd): 0 or -errno. */
int task_watch_fd(const struct task *task);
int task_bind_fd(struct task *task, pid_t pid, int pidfd);
/* A port of portd's own becomes the task's. */
void task_claim_port(struct task *task, struct port *port);
/* The task that a name of the caller's means. */
int task_resolve(struct task *caller, port_name_t name, struct task **targetp);

#endif
