/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world: every task, port and connection of one portd, on one event loop. */
#ifndef PORTD_WORLD_H
#define PORTD_WORLD_H

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "portd/right.h"

struct world;
struct task;

struct world *world_new(uv_loop_t *loop, uid_t uid);
void world_free(struct world *world);

/* The right that every task that connects by itself finds as its bootstrap:
 * world copies it. Eats right. */
void world_set_bootstrap(struct world *world, struct right right);
/* Takes a connected SOCK_SEQPACKET descriptor of a task that connected by
 * itself (eats fd). Peers of another uid are refused. */
int world_accept(struct world *world, int fd);
/* A task that portd starts: its connection's other end is returned in
 * *child_fdp for the child to inherit; `bootstrap` (eaten) is its first right. The task
 * is bound to a process with task_bind once that has been forked. */
int world_new_task(struct world *world, struct right bootstrap, struct task **taskp, int *child_fdp);
int task_bind(struct task *task, pid_t pid);
/* Ends a task as its death does: every right goes. */
void task_kill(struct task *task);
uint32_t task_id(const struct task *task);
/* It is the translator of this node (for those who look, and traces). */
void task_set_node(struct task *task, const char *path);
/* Called when a task ended by itself; the task is gone when it returns. */
void task_on_death(struct task *task, void (*callback)(void *), void *arg);

uint32_t world_tasks(const struct world *world);	/* alive, connected or started */
/* Debug: rules 1.7 of the design hold for all state; aborts with a line
 * when they do not. Debug builds call it after every request, as long as there is
 * little to check, and when the world ends. */
void world_check(const struct world *world);

#endif
