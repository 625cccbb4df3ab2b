/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pulse: one timer for all, which runs only while a translator does. */
#include "portd/pulse.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

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

struct pulses {
	struct keeper *keeper;
	uv_timer_t timer;
	int64_t look_at;		/* when the next one is due; 0: none is */
};

/* Judging ------------------------------------------------------------------- */

bool
pulse_take(struct pulse *pulse, uint64_t oldest, uint64_t moved, int64_t now, int64_t deadline_ms)
{
	pulse->asked_at = 0;
	if (oldest != 0 && oldest == pulse->oldest && moved == pulse->moved)
		return now - pulse->since >= deadline_ms;
	pulse->oldest = oldest;
	pulse->moved = moved;
	pulse->since = now;
	return false;
}

bool
pulse_is_late(struct pulse *pulse, bool works, int64_t now, int64_t deadline_ms)
{
	if (pulse->asked_at != 0 && !works)
		pulse->asked_at = now;	/* nobody waits for it */
	return pulse->asked_at != 0 && now - pulse->asked_at >= deadline_ms;
}

/* Time has passed that does not count. */
static void
forgive(struct pulse *pulse, int64_t now)
{
	if (pulse->asked_at != 0)
		pulse->asked_at = now;
	pulse->since = now;
}

/* Looking ------------------------------------------------------------------- */

/* The memory is the translator's: it can only harm itself by a lie. */
static bool
has_work(const struct node *node)
{
	struct pollfd ask = { .fd = node->mount->fuse, .events = POLLIN };
	struct recovery head;

	if (poll(&ask, 1, 0) > 0 && ask.revents == POLLIN)
		return true;
	return pread(node->mount->recovery, &head, sizeof(head), 0) == sizeof(head) &&
	    head.magic == RECOVERY_MAGIC && (head.at_work || head.put_off);
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
schedule(struct pulses *pulses, int64_t now)
{
	uint64_t wait = next_look(pulses->keeper);

	pulses->look_at = wait ? now + (int64_t)wait : 0;
	if (wait)
		uv_timer_start(&pulses->timer, on_look, wait, 0);
	else
		uv_timer_stop(&pulses->timer);
}

static void
on_look(uv_timer_t *timer)
{
	struct pulses *pulses = timer->data;
	int64_t now = sys_now_ms();
	bool frozen = now - pulses->look_at > FROZEN_MS;

	LIST_FOR_EACH(at, next, &pulses->keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (!is_watched(node))
			continue;
		if (frozen)
			forgive(&node->inc->pulse, now);
		look(node, now);
	}
	schedule(pulses, now);
}

void
pulse_begin(struct pulses *pulses)
{
	int64_t now = sys_now_ms();
	uint64_t wait = next_look(pulses->keeper);

	if (wait && (!pulses->look_at || now + (int64_t)wait < pulses->look_at))
		schedule(pulses, now);
}

void
pulse_answer(struct incarnation *inc, struct message *message)
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

struct pulses *
pulse_new(struct keeper *keeper)
{
	struct pulses *pulses = calloc(1, sizeof(*pulses));

	if (!pulses)
		return NULL;
	pulses->keeper = keeper;
	uv_timer_init(keeper->loop, &pulses->timer);
	pulses->timer.data = pulses;
	return pulses;
}

/* NULL is harmless. */
void
pulse_free(struct pulses *pulses)
{
	if (pulses)
		uv_close((uv_handle_t *)&pulses->timer, on_closed);
}
