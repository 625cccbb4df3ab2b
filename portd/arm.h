/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm: mounts what is set and not mounted, a few at a time. */
#ifndef PORTD_ARM_H
#define PORTD_ARM_H

#include "portd/node.h"

/* Several nodes that one asker waits for. */
struct arm_batch;
struct arm_batch *arm_batch_new(void (*done)(int code, const char *text, void *arg), void *arg);
/* No node will be added any more; done is called when all are through. code and text are those
 * of the first that failed. */
void arm_batch_close(struct arm_batch *batch);

/* Puts a node in the queue; batch may be NULL. A node inside another one that is not mounted yet,
 * or that would have to be started for it, waits for that. */
void arm_node(struct node *node, struct arm_batch *batch);
/* The node has started: what is inside of it can be armed. */
void arm_inner(struct node *node);
/* The node goes away. */
void arm_forget(struct node *node);

#endif
