/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task: a process as portd knows it: a space, connections, an account. */
#ifndef PORTD_TASK_H
#define PORTD_TASK_H

#include "portd/space.h"
#include "portd/world.h"

struct task_watch;

enum {
	TASK_BYTES_MAX = 16 << 20,	/* in messages that were not received yet */
	TASK_FDS_MAX = 128,		/* likewise */
	TASK_CONNECTIONS_MAX = 64,
};

struct task {
	struct world *world;
	struct list link;		/* in the world */
	uint32_t id;
	pid_t pid;			/* 0 until it is known */
	bool by_itself;			/* connected by itself: ends with its last connection */
	bool greeted;			/* a hello was answered */
	struct space space;
	port_name_t bootstrap;
	struct list connections;
	uint32_t n_connections;
	struct list messages;		/* that it pays for */
	size_t queued_bytes;
	uint32_t queued_fds;
	struct task_watch *watch;	/* on the process */
	void (*on_death)(void *);
	void *death_arg;
};

struct task *task_new(struct world *world);
/* Ends a task: every right goes, the struct too. */
void task_end(struct task *task);

#endif
