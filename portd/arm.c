/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arm: a queue in front of the mounting helpers. */
#include "portd/arm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "portd/change.h"
#include "portd/mount.h"
#include "portd/mounter.h"

enum { ARM_AT_ONCE = 8 };

struct arm_batch {
	unsigned left;		/* nodes, and one for being open */
	int code;
	char text[1024];
	void (*done)(int code, const char *text, void *arg);
	void *arg;
};

struct arm {
	struct list link;	/* keeper->arms until it is begun */
	struct keeper *keeper;
	struct node *node;	/* NULL: it went away */
	struct arm_batch *batch;
};

static void pump(struct keeper *keeper);

/* A new, open batch. NULL: no memory. */
struct arm_batch *
arm_batch_new(void (*done)(int code, const char *text, void *arg), void *arg)
{
	struct arm_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->left = 1;
	batch->done = done;
	batch->arg = arg;
	return batch;
}

static void
batch_step(struct arm_batch *batch, int code, const char *text)
{
	if (!batch)
		return;
	if (code != 0 && batch->code == 0) {
		batch->code = code;
		snprintf(batch->text, sizeof(batch->text), "%s", text);
	}
	if (--batch->left > 0)
		return;
	batch->done(batch->code, batch->text, batch->arg);
	free(batch);
}

/* Lets it end. */
void
arm_batch_close(struct arm_batch *batch)
{
	batch_step(batch, 0, "");
}

/* The reason without the path in front of it, which whoever shows it has. */
static const char *
without_path(const struct node *node, const char *text)
{
	size_t length = strlen(node->path);

	if (strncmp(text, node->path, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		return text + length + 2;
	return text;
}

static void
on_mounted(struct mount *mount, int code, const char *text, void *arg)
{
	struct arm *arm = arg;
	struct keeper *keeper = arm->keeper;
	struct node *node = arm->node;

	keeper->n_arming--;
	if (node)
		node->arm = NULL;
	if (code == 0 && (!node || node->mount))
		mount_free(mount);
	else if (code == 0)
		node_attach(node, mount);	/* also when it ends: what is known is unmounted */
	else if (node)
		node_say(node, "%s", without_path(node, text));
	batch_step(arm->batch, code, text);
	free(arm);
	if (node)
		change_armed(node);
	pump(keeper);
}

static int
begin(struct arm *arm)
{
	struct mount_order order = node_order(arm->node);

	return mount_make(arm->keeper, &order, on_mounted, arm);
}

static void
pump(struct keeper *keeper)
{
	while (keeper->n_arming < ARM_AT_ONCE && !list_is_empty(&keeper->arms)) {
		struct arm *arm = LIST_ENTRY(keeper->arms.next, struct arm, link);
		int err;

		list_unlink(&arm->link);
		keeper->n_arming++;
		err = keeper->stopping ? -ESHUTDOWN : begin(arm);
		if (err < 0)
			on_mounted(NULL, err, strerror(-err), arm);
	}
}

/* A lookup inside of a node would start its translator: its time comes when that runs. */
static bool
must_wait(struct node *node)
{
	struct node *outer = node_outer(node);

	if (!outer || (outer->inc && outer->inc->state == INCARNATION_SERVING))
		return false;
	node->waits_for_outer = true;
	node_say(node, "it is armed when %s starts", outer->path);
	return true;
}

/* Has a node mounted some time soon. */
void
arm_node(struct node *node, struct arm_batch *batch)
{
	struct arm *arm;

	if (node->mount || node->arm || node->change || !node_setting(node) || must_wait(node))
		return;
	arm = calloc(1, sizeof(*arm));
	if (!arm)
		return;
	*arm = (struct arm){ .keeper = node->keeper, .node = node, .batch = batch };
	if (batch)
		batch->left++;
	node->arm = arm;
	list_link_tail(&node->keeper->arms, &arm->link);
	pump(node->keeper);
}

/* Arms what waited for this one. */
void
arm_inner(struct node *node)
{
	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		struct node *inner = LIST_ENTRY(at, struct node, link);

		if (inner->waits_for_outer && node_outer(inner) == node)
			arm_node(inner, NULL);
	}
}

/* Takes a node out of the queue; a mount that is being made for it is undone. */
void
arm_forget(struct node *node)
{
	struct arm *arm = STEAL_PTR(node->arm);

	if (!arm)
		return;
	arm->node = NULL;
	if (!list_is_linked(&arm->link))
		return;
	list_unlink(&arm->link);
	batch_step(arm->batch, 0, "");
	free(arm);
}
