/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restart: asks a translator to hand over, and kills one that does not, where that loses nothing;
 * or ends a connection and makes another. */
#include "portd/restart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "portd/arm.h"
#include "portd/keeper.h"

/* How long a translator may take to finish what it has begun. */
enum { HAND_OVER_MS = 5 * 1000 };

/* Of one node; it has at most one. */
struct restart {
	struct node *node;	/* NULL: it went away */
	struct right reply;
	uint32_t reply_id;
	bool starts;		/* the successor was started */
};

static void
finish(struct restart *restart, int code, const char *text)
{
	answer_send(restart->reply, restart->reply_id, code, text);
	free(restart);
}

static struct node *
find(struct rpc_request *request, const char *path, int *errp)
{
	struct node *node = node_find(request->arg, path);

	if (!node)
		*errp = request_fail(request, -ENOENT, "%.900s: no translator is set there", path);
	else if (node->change || node->options || node->arm || node->restart)
		*errp = request_fail(request, -EBUSY, "%.900s: is being changed; try again", path);
	else
		return node;
	return NULL;
}

static struct restart *
restart_new(struct rpc_request *request, struct node *node, uint32_t reply_id)
{
	struct restart *restart = calloc(1, sizeof(*restart));

	if (!restart)
		return NULL;
	restart->node = node;
	restart->reply = request_later(request);
	restart->reply_id = reply_id;
	node->restart = restart;
	return restart;
}

/* node_restart. */
int
restart_begin(struct rpc_request *request, struct node_restart_in *in,
    struct node_restart_out *out)
{
	struct keeper *keeper = request->arg;
	int err = 0;
	struct node *node = find(request, in->path, &err);
	struct restart *restart;

	(void)out;
	if (!node)
		return err;
	if (!node->inc)
		return 0;	/* the next one is the new one */
	restart = restart_new(request, node, ROUTINE_node_restart);
	if (!restart)
		return request_fail(request, -ENOMEM, "%.900s: out of memory", in->path);
	/* One that is being started is new already; one that is being killed has its successor. */
	restart->starts = node->inc->state < INCARNATION_SERVING;
	if (restart->starts || node->inc->ended)
		return RPC_NO_REPLY;
	/* Where requests cannot be delivered again, it has all the time that it needs. */
	if (!incarnation_restart(node->inc, keeper->no_resend ? 0 : HAND_OVER_MS))
		restart_end(node, -EIO, "its translator does not listen");
	return RPC_NO_REPLY;
}

bool
restart_go_on(struct node *node)
{
	struct restart *restart = node->restart;
	int err;

	if (!restart || restart->starts)
		return false;
	restart->starts = true;
	err = node->mount ? node_start(node, NODE_START_TIMEOUT_MS) : -ENOTCONN;
	if (err < 0)
		restart_end(node, err, strerror(-err));
	return err == 0;
}

void
restart_end(struct node *node, int code, const char *why)
{
	struct restart *restart = STEAL_PTR(node->restart);
	AUTO_TEXT struct text text = { 0 };

	if (!restart)
		return;
	if (code != 0)
		text_printf(&text, "%.900s: %s", node->path, why);
	finish(restart, code, code != 0 && text.size ? text_string(&text) : "");
}

void
restart_forget(struct node *node)
{
	if (node->restart && node->restart->reply_id == ROUTINE_node_abort)
		STEAL_PTR(node->restart)->node = NULL;
	restart_end(node, -ESHUTDOWN, "it has no translator any more");
}

static void
on_armed(int code, const char *text, void *arg)
{
	struct restart *restart = arg;

	if (restart->node)
		restart->node->restart = NULL;
	finish(restart, code, text);
}

/* The process is gone, and with it the last copy of the descriptor. */
static void
mount_again(void *arg)
{
	struct restart *restart = arg;
	struct arm_batch *batch = arm_batch_new(on_armed, restart);

	if (!batch) {
		on_armed(-ENOMEM, "out of memory", restart);
		return;
	}
	if (restart->node)
		arm_node(restart->node, batch);
	arm_batch_close(batch);
}

/* node_abort. Who waits gets ECONNABORTED, who comes finds a new mount. What was open there stays
 * open and gives errors. */
int
restart_abort(struct rpc_request *request, struct node_abort_in *in, struct node_abort_out *out)
{
	int err = 0;
	struct node *node = find(request, in->path, &err);
	struct restart *restart;
	struct incarnation *inc;

	(void)out;
	if (!node)
		return err;
	if (!node->mount)
		return 0;
	restart = restart_new(request, node, ROUTINE_node_abort);
	if (!restart)
		return request_fail(request, -ENOMEM, "%.900s: out of memory", in->path);
	inc = node_abort(node);
	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, 0, mount_again, restart);
	else
		mount_again(restart);
	return RPC_NO_REPLY;
}
