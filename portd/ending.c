/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ending: what keeper_end does, a step at a time: translators are asked to go, then
 * everything is unmounted, then whoever has not gone is killed. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/change.h"
#include "portd/helper.h"
#include "portd/keeper.h"
#include "portd/mounter.h"
#include "portd/node.h"
#include "portd/watch.h"

enum {
	TICK_MS = 10,
	GO_MS = 2000,		/* for translators to go */
	SETTLE_MS = 12 * 1000,	/* for helpers at work, which have a deadline of their own */
	UNMOUNT_MS = 20 * 1000,
	KILLED_MS = 2000,	/* for the killed to be dead */
};

struct ending {
	struct keeper *keeper;
	uv_timer_t timer;
	int64_t deadline;
	void (*done)(void *arg);
	void *arg;
};

static void
on_closed(uv_handle_t *handle)
{
	struct ending *ending = handle->data;

	ending->done(ending->arg);
	free(ending);
}

static void
on_killed_tick(uv_timer_t *timer)
{
	struct ending *ending = timer->data;

	if (!list_is_empty(&ending->keeper->incarnations) && sys_now_ms() < ending->deadline)
		return;
	uv_close((uv_handle_t *)timer, on_closed);
}

static void
on_unmounted(struct helper_answer *answer, void *arg)
{
	struct ending *ending = arg;

	if (answer->error)
		log_error("not everything could be unmounted in time");
	LIST_FOR_EACH(at, next, &ending->keeper->incarnations)
		incarnation_kill(LIST_ENTRY(at, struct incarnation, link));
	ending->deadline = sys_now_ms() + KILLED_MS;
	uv_timer_start(&ending->timer, on_killed_tick, 0, TICK_MS);
}

static size_t
list_mounts(const struct keeper *keeper, uint32_t **idsp)
{
	size_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->mounts)
		n++;
	*idsp = calloc(n + 1, sizeof(**idsp));
	n = 0;
	if (*idsp)
		LIST_FOR_EACH(at, next, &keeper->mounts)
			(*idsp)[n++] = LIST_ENTRY(at, struct mount, link)->id;
	return n;
}

static void
unmount_all(struct ending *ending)
{
	struct unmount_all_job job = { 0 };
	struct helper_answer none = { 0 };

	job.n_ids = list_mounts(ending->keeper, &job.ids);
	uv_timer_stop(&ending->timer);
	if (job.n_ids == 0 || !helper_start(ending->keeper->loop, mounter_unmount_all, &job, NULL, 0,
	    UNMOUNT_MS, on_unmounted, ending))
		on_unmounted(&none, ending);
	free(job.ids);
}

/* A mount that is being made must be known before all are unmounted. */
static bool
is_settled(const struct keeper *keeper)
{
	if (keeper->n_arming > 0)
		return false;
	LIST_FOR_EACH(at, next, &keeper->nodes)
		if (LIST_ENTRY(at, struct node, link)->change)
			return false;
	return true;
}

static void
on_going_tick(uv_timer_t *timer)
{
	struct ending *ending = timer->data;
	int64_t late = sys_now_ms() - ending->deadline;

	if ((is_settled(ending->keeper) &&
	    (late >= 0 || list_is_empty(&ending->keeper->incarnations))) || late >= SETTLE_MS)
		unmount_all(ending);
}

static void
send_off(struct node *node)
{
	struct incarnation *inc;

	change_abandon(node);
	inc = node->change ? NULL : node_release(node);
	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE | FSYS_GOAWAY_RECURSE, GO_MS, NULL, NULL);
}

/* Ends everything. */
void
keeper_end(struct keeper *keeper, void (*done)(void *arg), void *arg)
{
	struct ending *ending = calloc(1, sizeof(*ending));

	if (!ending) {
		done(arg);
		return;
	}
	watch_look(keeper->watch);	/* for the paths that are written down */
	keeper->stopping = true;
	*ending = (struct ending){ .keeper = keeper, .done = done, .arg = arg,
		.deadline = sys_now_ms() + GO_MS };
	LIST_FOR_EACH(at, next, &keeper->nodes)
		send_off(LIST_ENTRY(at, struct node, link));
	LIST_FOR_EACH(orphan, after, &keeper->incarnations) {
		struct incarnation *inc = LIST_ENTRY(orphan, struct incarnation, link);

		if (inc->orphaned)
			incarnation_goaway(inc, FSYS_GOAWAY_FORCE, GO_MS, NULL, NULL);
		else if (inc->owner)
			incarnation_kill(inc);
	}
	uv_timer_init(keeper->loop, &ending->timer);
	ending->timer.data = ending;
	uv_timer_start(&ending->timer, on_going_tick, 0, TICK_MS);
}
