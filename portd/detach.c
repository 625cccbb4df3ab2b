/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detach: takes away what stands behind a node: those inside of it first, if that was asked
 * for, then its mount, then its translator.
 *
 * An unmount that is not lazy is the test of use: it fails when somebody uses the node, and
 * nothing has changed then. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "portd/chain.h"
#include "portd/mount.h"
#include "portd/mounter.h"

static bool
has_target_after(const struct change *change)
{
	const struct node *node = change->node;

	if (change->setting)
		return true;
	if (change->flags & NODE_SET_PASSIVE)
		return false;
	return node->passive != NULL;
}

static void
send_away(struct change *change)
{
	struct incarnation *inc = node_release(change->node);

	change->unmounted = change->node->mount != NULL;
	change->old_mount = node_detach(change->node);
	if (!inc) {
		change_replace(change);
	} else if (change->flags & NODE_SET_ORPHAN) {
		struct mount *orphaned = change->old_mount;

		change->old_mount = NULL;
		change->node_fd = fcntl(orphaned->beneath, F_DUPFD_CLOEXEC, 3);
		incarnation_orphan(inc, orphaned);
		change_replace(change);
	} else if (change->goaway & FSYS_GOAWAY_NOWAIT) {
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, NULL, NULL);
		change_replace(change);
	} else {
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, change_replace, change);
	}
}

static void
on_unmounted(int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *node = change->node;

	if (code == 0) {
		send_away(change);
		return;
	}
	if (code == -EBUSY && (change->goaway & FSYS_GOAWAY_FORCE) && !change->forced) {
		change->forced = true;
		change_detach(change);
		return;
	}
	if (code == -EBUSY)
		change_fail(change, code, "%s: %s is in use; -f takes it "
		    "away", node->path, node_who(node));
	else
		change_fail(change, code, "%s", text);
	change_finish(change);
}

/* A node inside of this one that is mounted; the last in path order, so that
 * inner ones come before outer ones. */
static struct node *
find_inner(const struct node *node)
{
	struct node *inner = NULL;

	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		struct node *other = LIST_ENTRY(at, struct node, link);

		if (other != node && other->mount && path_is_inside(other->path, node->path))
			inner = other;
	}
	return inner;
}

static void
detach_again(void *change)
{
	change_detach(change);
}

/* The inner node keeps its setting. Its translator holds what it covers, which is inside of
 * ours: ours waits for its end. */
static void
take_down(struct change *change, struct node *inner)
{
	struct incarnation *inc = node_release(inner);

	mount_free(node_detach(inner));
	setting_free(STEAL_PTR(inner->active));
	if (inner->passive) {
		inner->waits_for_outer = true;
		node_say(inner, "it is armed when %s starts", change->node->path);
	} else {
		node_free(inner);
	}
	if (inc)
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, detach_again, change);
	else
		change_detach(change);
}

static void
on_inner_unmounted(int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *inner = STEAL_PTR(change->inner);

	inner->change = NULL;
	if (code == 0) {
		take_down(change, inner);
		return;
	}
	change_fail(change, code, "%s", text);
	change_finish(change);
}

static int
detach_inner(struct change *change, struct node *inner)
{
	struct unmount_order order = {
		.path = inner->path,
		.mount = inner->mount,
		.lazy = change->goaway & FSYS_GOAWAY_FORCE,
	};

	if (inner->change)
		return change_fail(change, -EBUSY, "%s: is being changed by another settrans", inner->path);
	if (!(change->goaway & FSYS_GOAWAY_RECURSE))
		return change_fail(change, -EBUSY, "%s: %s stands inside of it; -R asks that one to go first",
		    change->node->path, inner->path);
	change->inner = inner;
	inner->change = change;
	return mount_unmake(change->keeper, &order, on_inner_unmounted, change);
}

static int
detach_self(struct change *change)
{
	struct node *node = change->node;
	struct unmount_order order = {
		.path = node->path,
		.mount = node->mount,
		.lazy = change->forced || (change->flags & NODE_SET_ORPHAN),
		.restore = node->created && !has_target_after(change),
		.restore_mode = node->restore_mode,
	};

	if (!node->mount && !order.restore) {
		change_replace(change);
		return 0;
	}
	return mount_unmake(change->keeper, &order, on_unmounted, change);
}

/* Takes the old mount away, and before it those inside of it. */
void
change_detach(struct change *change)
{
	struct node *node = change->node;
	struct node *inner = node->mount && !change->forced &&
	    !(change->flags & NODE_SET_ORPHAN) ? find_inner(node) : NULL;
	int err = inner ? detach_inner(change, inner) : detach_self(change);

	if (err < 0) {
		if (change->inner)
			STEAL_PTR(change->inner)->change = NULL;
		change_fail(change, err, "%s: no helper process: %s", node->path, strerror(-err));
		change_finish(change);
	}
}
