/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog: one timer for all, which runs only while a translator does. */
#include "portd/watchdog.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "portd/keeper.h"
#include "portd/node.h"
#include "wire/recovery.h"

enum {
	LOOKS = 4,			/* within a deadline */
	LOOK_MIN_MS = 100,
	LOOK_MAX_MS = 10 * 1000,
	FROZEN_MS = 1000,		/* a look that is so much late: portd did not run */
};

struct watchdog {
	struct keeper *keeper;
	uv_timer_t timer;
	int64_t look_at;		/* when the next one is due; 0: none is */
};

/* Looking ------------------------------------------------------------------- */

/* The memory is the translator's: it can only harm itself by a lie. */
static bool
has_work(const struct node *node)
{
	struct pollfd ask = { .fd = node->mount->fuse, .events = POLLIN };
	struct recovery head;

	if (poll(&ask, 1, 0) > 0 && ask.revents == POLLIN)
		return true;
	if (pread(node->mount->recovery, &head, sizeof(head), 0) != sizeof(head) ||
	    head.magic != RECOVERY_MAGIC)
		return false;
	for (unsigned i = 0; i < RECOVERY_READERS; i++)
		if (mount_taken(node->mount, i).unique != 0)
			return true;
	return head.at_work || head.put_off;
}

static void
kill_stuck(struct node *node, const char *why)
{
	incarnation_end(node->inc, why, node_deadline_ms(node));
}

static void
look(struct node *node, int64_t now)
{
	struct pulse *pulse = &node->inc->pulse;
	bool works = has_work(node);

	if (pulse_is_late(pulse, works, now, node_deadline_ms(node))) {
		kill_stuck(node, "it did not move within its deadline");
		return;
	}
	if (!works && !pulse->asked_at)
		pulse->oldest = 0;
	if (works && !pulse->asked_at && incarnation_ping(node->inc))
		pulse->asked_at = now;
}

static bool
is_watched(const struct node *node)
{
	return node->mount && node->inc && node->inc->state == INCARNATION_SERVING &&
	    !node->inc->ended && node_deadline_ms(node) > 0;
}

/* How long until the next look; 0: nothing is to be looked at. */
static uint64_t
next_look(const struct keeper *keeper)
{
	uint64_t wait = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes) {
		const struct node *node = LIST_ENTRY(at, struct node, link);
		uint64_t one = is_watched(node) ? node_deadline_ms(node) / LOOKS : 0;

		if (!is_watched(node))
			continue;
		one = one < LOOK_MIN_MS ? LOOK_MIN_MS : one > LOOK_MAX_MS ? LOOK_MAX_MS : one;
		wait = wait && wait < one ? wait : one;
	}
	return wait;
}

static void on_look(uv_timer_t *timer);

static void
schedule(struct watchdog *watchdog, int64_t now)
{
	uint64_t wait = next_look(watchdog->keeper);

	watchdog->look_at = wait ? now + (int64_t)wait : 0;
	if (wait)
		uv_timer_start(&watchdog->timer, on_look, wait, 0);
	else
		uv_timer_stop(&watchdog->timer);
}

static void
on_look(uv_timer_t *timer)
{
	struct watchdog *watchdog = timer->data;
	int64_t now = sys_now_ms();
	bool frozen = now - watchdog->look_at > FROZEN_MS;

	LIST_FOR_EACH(at, next, &watchdog->keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (!is_watched(node))
			continue;
		if (frozen)
			pulse_forgive(&node->inc->pulse, now);
		look(node, now);
	}
	schedule(watchdog, now);
}

void
watchdog_begin(struct watchdog *watchdog)
{
	int64_t now = sys_now_ms();
	uint64_t wait = next_look(watchdog->keeper);

	if (wait && (!watchdog->look_at || now + (int64_t)wait < watchdog->look_at))
		schedule(watchdog, now);
}

void
watchdog_answer(struct incarnation *inc, struct message *message)
{
	struct fsys_ping_out out;
	struct node *node = incarnation_node(inc);
	int code = wire_get_i32(&message->body);

	wire_get_str(&message->body);
	if (!node || inc->ended || code != 0 || fsys_ping_out_get(&message->body, &out) < 0)
		return;
	if (pulse_take(&inc->pulse, out.oldest, out.moved, sys_now_ms(), node_deadline_ms(node)) &&
	    node_deadline_ms(node) > 0)
		kill_stuck(node, "a request had no answer within its deadline");
}

/* The whole ------------------------------------------------------------------ */

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct watchdog *
watchdog_new(struct keeper *keeper)
{
	struct watchdog *watchdog = calloc(1, sizeof(*watchdog));

	if (!watchdog)
		return NULL;
	watchdog->keeper = keeper;
	uv_timer_init(keeper->loop, &watchdog->timer);
	watchdog->timer.data = watchdog;
	return watchdog;
}

/* NULL is harmless. */
void
watchdog_free(struct watchdog *watchdog)
{
	if (watchdog)
		uv_close((uv_handle_t *)&watchdog->timer, on_closed);
}
