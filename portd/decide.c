/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide: what a node_set means, given what is set and what runs: the Hurd's settrans,
 * situation by situation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "portd/chain.h"
#include "portd/circle.h"
#include "portd/mounter.h"
#include "portd/watch.h"

static void
on_announced(struct incarnation *inc, void *arg)
{
	struct change *change = arg;

	(void)inc;
	if (!change->paused)
		change_detach(change);
}

static void
on_left(struct incarnation *inc, uint32_t reason, void *arg)
{
	struct change *change = arg;

	(void)inc;
	(void)reason;
	change->candidate = NULL;
}

static void
on_died(struct incarnation *inc, int code, const char *why, void *arg)
{
	struct change *change = arg;
	bool early = inc->state == INCARNATION_LAUNCHED || change->paused;

	change->candidate = NULL;
	change_fail(change, code, "%s: %s", change->node->path, why);
	if (early)
		change_finish(change);
}

static const struct incarnation_owner owner = {
	.announced = on_announced,
	.left = on_left,
	.died = on_died,
};

static void
pause_start(struct change *change)
{
	change->paused = true;
	incarnation_set_timeout(change->candidate, 0);
	change_answer(change);
}

/* Of the node that it will stand on, or -1; not a copy. */
static int
underlying_descriptor(const struct change *change)
{
	const struct mount *mount = change->node->mount;

	if (change->underlying_fd >= 0)
		return change->underlying_fd;
	if (!change->stored && change->underlying_path[0])
		return -1;
	if (!mount)
		return change->node_fd;
	return change->stored ? mount_underlying(mount) : mount->beneath;
}

static void
start_candidate(struct change *change)
{
	struct node *node = change->node;

	change->candidate = incarnation_start(change->keeper, change->setting,
	    underlying_descriptor(change), node->log, change->timeout_ms, &owner, change);
	if (!change->candidate) {
		change_fail(change, -errno, "%s: %s cannot be started: %s", node->path,
		    argv_word(&change->setting->argv, 0), strerror(errno));
		change_finish(change);
		return;
	}
	task_set_node(change->candidate->task, node->path);
	change->pid = (uint32_t)change->candidate->pid;
	if (change->flags & NODE_SET_PAUSE)
		pause_start(change);
}

static void
start_in_place(struct change *change)
{
	struct node *node = change->node;
	int err;

	change->in_place = true;
	node_forgive(node);
	err = node_start(node, change->timeout_ms);
	if (err == 0) {
		change->pid = (uint32_t)node->inc->pid;
		return;
	}
	change_fail(change, err, "%s: cannot be started: %s", node->path, strerror(-err));
	change_finish(change);
}

static int
check_stored(struct change *change)
{
	struct node *node = change->node;

	if (!(change->flags & NODE_SET_STORED))
		return 0;
	if (change->setting)
		return change_fail(change, -EINVAL, "%s: --start takes no translator", node->path);
	if (!node->passive)
		return change_fail(change, -ENOENT, "%s: nothing is set there to start", node->path);
	change->stored = true;
	change->flags = (change->flags | NODE_SET_ACTIVE) & ~(uint32_t)NODE_SET_PASSIVE;
	change->setting = setting_copy(node->run ? node->run : node->passive);
	return change->setting ? 0 : change_fail(change, -ENOMEM, "%s: out of memory", node->path);
}

static int
check_busy(struct change *change)
{
	struct node *node = change->node;
	uint32_t flags = change->flags;

	if (change->setting && (flags & NODE_SET_EXCLUSIVE)) {
		if ((flags & NODE_SET_PASSIVE) && node->passive)
			return change_fail(change, -EBUSY, "%s: has a setting already, %s", node->path,
			    argv_word(&node->passive->argv, 0));
		if ((flags & NODE_SET_ACTIVE) && node_is_active(node))
			return change_fail(change, -EBUSY, "%s: %s runs there already", node->path,
			    node_who(node));
	}
	if (!(flags & (NODE_SET_ACTIVE | NODE_SET_GOAWAY | NODE_SET_KEEP_ACTIVE | NODE_SET_ORPHAN)) &&
	    node_is_active(node))
		return change_fail(change, -EBUSY, "%s: %s runs there; -g asks it to go, -k leaves it running",
		    node->path, node_who(node));
	return 0;
}

/* -k: what runs goes on as what it is, whatever the record says. */
static void
record_only(struct change *change)
{
	if (record_write(change) < 0)
		change_put_back(change);
	else
		change_finish(change);
}

static bool
has_nothing_to_do(const struct change *change)
{
	const struct node *node = change->node;

	if (change->setting)
		return false;
	if (change->flags & NODE_SET_PASSIVE)
		return !node->passive && !node_is_active(node) && !node->mount;
	return !node_is_active(node) && !node->run;
}

/* What a request means for this node. */
void
change_decide(struct change *change)
{
	struct node *node = change->node;

	if (node->mount)
		fd_close(&change->node_fd);	/* the mount's root: it would keep it busy */
	if (check_stored(change) < 0 || check_busy(change) < 0 || has_nothing_to_do(change))
		change_finish(change);
	else if (change_keeps_active(change))
		record_only(change);
	else if (change->stored && node->mount && !node_is_active(node) &&
	    !(change->flags & NODE_SET_PAUSE))
		start_in_place(change);
	else if (change_wants_start(change))
		start_candidate(change);
	else
		change_detach(change);
}

static int
check_path(const struct keeper *keeper, struct change *change, const char *path)
{
	const char *problem = path_problem(path);
	const char *const own[] = { keeper->runtime_dir, keeper->state_dir };

	if (problem)
		return change_fail(change, -EINVAL, "%s: %s", path, problem);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (path_is_inside(own[i], path) || path_is_inside(path, own[i]))
			return change_fail(change, -EINVAL, "%s: hird keeps its own files in %s; "
			    "choose another place", path, own[i]);
	return 0;
}

static void
cancel_paused(struct node *node)
{
	struct change *change = node->change;

	if (!change || !change->paused)
		return;
	change_fail(change, -EINTR, "%s: another settrans took its place", node->path);
	change_finish(change);
}

static int
take_node(struct change *change, const char *path)
{
	struct node *node = node_find(change->keeper, path);

	if (!node)
		watch_look(change->keeper->watch);
	else if (node->change)
		cancel_paused(node);
	node = node_find(change->keeper, path);
	if (node && node->change)
		return change_fail(change, -EBUSY, "%s: is being changed by another settrans", path);
	if (node && node->options)
		return change_fail(change, -EBUSY, "%s: its options are being changed; try again", path);
	if (node && node->restart)
		return change_fail(change, -EBUSY, "%s: is being restarted; try again", path);
	if (!node)
		node = node_new(change->keeper, path);
	if (!node)
		return change_fail(change, -ENOMEM, "%s: out of memory", path);
	change->node = node;
	node->change = change;
	change->waiting = node->arm != NULL;
	return 0;
}

static int
take_setting(struct change *change, const struct node_set_in *in)
{
	AUTO_TEXT struct text why = { 0 };
	const char *circle;

	if (in->argv.size == 0)
		return 0;
	if (in->share > NODE_SHARE_OTHER)
		return change_fail(change, -EINVAL, "%s: is to be shared in an unknown way", in->path);
	change->setting = setting_new(in->argv, in->program, in->description, in->grants,
	    &why);
	if (!change->setting)
		return change_fail(change, -EINVAL, "%s: %s", in->path, text_string(&why));
	change->setting->share = in->share;
	circle = circle_find(change->keeper, in->path, change->setting);
	return circle ? change_fail(change, -ELOOP, "%s: would be served from itself, by way of %s; "
	    "name another file", in->path, circle) : 0;
}

static struct change *
change_new(struct rpc_request *request, const struct node_set_in *in)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->keeper = request->arg;
	change->reply = request_later(request);
	change->reply_id = ROUTINE_node_set;
	change->node_fd = in->node;
	change->underlying_fd = in->underlying;
	change->flags = in->flags;
	change->goaway = in->goaway;
	change->timeout_ms = in->timeout_ms;
	change->idle_ms = in->idle_ms;
	change->deadline_ms = in->deadline_ms;
	change->restore_mode = in->restore_mode & 07777;
	change->underlying_path = strdup(in->underlying_path);
	if (!(in->flags & (NODE_SET_ACTIVE | NODE_SET_STORED)))
		change->flags |= NODE_SET_PASSIVE;
	return change;
}

/* node_set. */
int
change_begin(struct rpc_request *request, struct node_set_in *in, struct node_set_out *out)
{
	struct keeper *keeper = request->arg;
	struct change *change = change_new(request, in);

	(void)out;
	if (!change)
		return request_fail(request, -ENOMEM, "%s: out of memory", in->path);
	if (keeper->stopping)
		change_fail(change, -ESHUTDOWN, "%s: hird-portd is ending; try again", in->path);
	if (!change->underlying_path)
		change_fail(change, -ENOMEM, "%s: out of memory", in->path);
	if (change->code != 0 || check_path(keeper, change, in->path) < 0 ||
	    take_setting(change, in) < 0 || take_node(change, in->path) < 0)
		change_finish(change);
	else if (!change->waiting)
		change_decide(change);
	return RPC_NO_REPLY;
}

/* node_resume. */
int
change_resume(struct rpc_request *request, struct node_resume_in *in, struct node_resume_out *out)
{
	struct node *node = node_find(request->arg, in->path);
	struct change *change = node ? node->change : NULL;

	(void)out;
	if (!change || !change->paused)
		return request_fail(request, -ESRCH, "%.300s: no start is paused there", in->path);
	change->reply = request_later(request);
	change->reply_id = ROUTINE_node_resume;
	change->paused = false;
	incarnation_set_timeout(change->candidate, change->timeout_ms);
	if (change->candidate->state == INCARNATION_ANNOUNCED)
		change_detach(change);
	return RPC_NO_REPLY;
}
