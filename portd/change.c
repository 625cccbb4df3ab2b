/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change: node_set as a chain of steps, each of which may take its time.
 *
 *   start the new translator, until it announces itself    (only -a)
 *   unmount; a node in use says so here and nothing has changed
 *   ask the old translator to go
 *   write the record
 *   mount
 *   hand the mount to the new translator
 *
 * What fails before the second step leaves everything as it was; what fails
 * later puts the record and the mount back. */
#include "portd/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/arm.h"
#include "portd/chain.h"
#include "portd/mount.h"

/* The first failure is the reason. */
int
change_fail(struct change *change, int code, const char *format, ...)
{
	va_list args;

	if (change->code != 0)
		return change->code;
	va_start(args, format);
	vsnprintf(change->text, sizeof(change->text), format, args);
	va_end(args);
	change->code = code;
	return code;
}

/* Sends the answer, once. */
void
change_answer(struct change *change)
{
	struct message *message;
	struct node_set_out out = { .pid = change->pid };

	if (change->reply.kind == RIGHT_NULL)
		return;
	message = answer_new(change->reply_id, change->code, change->text);
	if (!message) {
		right_release(change->reply);
	} else {
		if (change->code == 0 && change->reply_id == ROUTINE_node_set)
			node_set_out_put(&message->body, &out);
		message_send(change->reply, message, (struct right){ .kind = RIGHT_NULL });
	}
	change->reply = (struct right){ .kind = RIGHT_NULL };
}

static void
change_free(struct change *change)
{
	mount_free(change->old_mount);
	setting_free(change->setting);
	record_deinit(&change->before);
	free(change->underlying_path);
	fd_close(&change->node_fd);
	fd_close(&change->underlying_fd);
	free(change);
}

static void
drop_candidate(struct change *change)
{
	struct incarnation *inc = STEAL_PTR(change->candidate);

	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, 0, NULL, NULL);
}

/* Answers; a node that has nothing behind it is forgotten. */
void
change_finish(struct change *change)
{
	struct node *node = change->node;

	drop_candidate(change);
	change_answer(change);
	if (node) {
		node->change = NULL;
		if (!node->mount && !node_setting(node)) {
			translog_remove(node->log);
			node_free(node);
		} else if (!node->mount && change->code == 0) {
			arm_node(node, NULL);
		}
	}
	change_free(change);
}

static void
on_put_back(struct mount *mount, int code, const char *text, void *arg)
{
	struct change *change = arg;

	if (code == 0)
		node_attach(change->node, mount);
	else
		node_say(change->node, "%s", text);
	change_finish(change);
}

/* What is to be mounted on, as it was opened before. */
static int
node_descriptor(const struct change *change)
{
	if (change->old_mount)
		return fcntl(change->old_mount->beneath, F_DUPFD_CLOEXEC, 3);
	return change->node_fd < 0 ? -1 : fcntl(change->node_fd, F_DUPFD_CLOEXEC, 3);
}

/* It failed after the old mount was gone: everything as it was, but idle. */
void
change_put_back(struct change *change)
{
	struct node *node = change->node;
	AUTO_TEXT struct text why = { 0 };
	struct mount_order order;

	drop_candidate(change);
	if (change->recorded) {
		record_put_back(&change->before, node);
		change->recorded = false;
		if (node_store(node, &why) < 0)
			log_error("%s", text_string(&why));
	}
	if (!node_setting(node) || !change->unmounted) {
		change_finish(change);
		return;
	}
	order = node_order(node);
	order.node_fd = node_descriptor(change);
	if (mount_make(change->keeper, &order, on_put_back, change) < 0)
		change_finish(change);
}

/* A translator is to run when it is done. */
bool
change_wants_start(const struct change *change)
{
	return (change->flags & NODE_SET_ACTIVE) && change->setting;
}

static void
on_undone(int code, const char *text, void *arg)
{
	struct change *change = arg;

	(void)code;
	(void)text;
	change_put_back(change);
}

/* The new translator died while its mount was made. */
static void
undo_mount(struct change *change)
{
	struct unmount_order order = {
		.path = change->node->path, .mount = change->node->mount, .lazy = true,
	};
	int err;

	change_fail(change, -EIO, "%s: the new translator died while it was attached", change->node->path);
	err = mount_unmake(change->keeper, &order, on_undone, change);
	mount_free(node_detach(change->node));
	if (err < 0)
		change_put_back(change);
}

static void
on_mounted(struct mount *mount, int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *node = change->node;

	if (code != 0) {
		change_fail(change, code, "%s", text);
		change_put_back(change);
		return;
	}
	node_attach(node, mount);
	if (change_wants_start(change)) {
		struct incarnation *inc = change->candidate;

		if (!inc || node_adopt(node, inc) < 0) {
			undo_mount(change);
			return;
		}
		change->candidate = NULL;
	}
	change_finish(change);
}

static void
mount_new(struct change *change)
{
	struct node *node = change->node;
	struct mount_order order = node_order(node);
	int err;

	order.node_fd = node_descriptor(change);
	order.underlying_fd = fd_steal(&change->underlying_fd);
	err = mount_make(change->keeper, &order, on_mounted, change);
	if (err < 0) {
		change_fail(change, err, "%s: no helper process: %s", node->path, strerror(-err));
		change_put_back(change);
	}
}

/* The old one is out of the way. */
void
change_replace(void *arg)
{
	struct change *change = arg;

	if (change_wants_start(change) && !change->candidate)
		change_fail(change, -EIO, "%s: the new translator died before it was attached",
		    change->node->path);
	if (change->code != 0 || record_write(change) < 0) {
		change_put_back(change);
		return;
	}
	if (node_setting(change->node))
		mount_new(change);
	else
		change_finish(change);
}

/* Arming has come to an end. */
void
change_armed(struct node *node)
{
	struct change *change = node->change;

	if (!change || !change->waiting)
		return;
	change->waiting = false;
	change_decide(change);
}

/* The node's own start has come to an end. */
void
change_started(struct node *node, int code, const char *why)
{
	struct change *change = node->change;

	if (!change || !change->in_place)
		return;
	if (code != 0)
		change_fail(change, code, "%s: %s", node->path, why);
	change_finish(change);
}

/* The new translator, while the node still has its old one, or none. */
const struct incarnation *
change_candidate(const struct node *node)
{
	return node->change ? node->change->candidate : NULL;
}

/* The answer that there will be no more. */
void
change_abandon(struct node *node)
{
	struct change *change = node->change;

	if (!change)
		return;
	change_fail(change, -ESHUTDOWN, "%s: hird-portd is ending", node->path);
	change_answer(change);
}
