/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stale: one inotify descriptor; a helper process adds watches to it, since that
 * enters the files' paths, and says what the files are now. An event is a reason to ask
 * another one. */
#include "portd/stale.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "portd/helper.h"
#include "portd/keeper.h"
#include "portd/mounter.h"
#include "portd/node.h"

enum {
	LOOK_DEADLINE_MS = 5000,
	SETTLE_MS = 300,	/* a file is written in many steps */
};

struct stale {
	struct keeper *keeper;
	int fd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
};

/* Of one node. */
struct stale_files {
	struct node *node;
	struct helper *helper;
	bool again;
	struct watch_answer seen;
};

/* Asking -------------------------------------------------------------------- */

static void
on_seen(struct helper_answer *answer, void *arg)
{
	struct stale_files *files = arg;
	AUTO_ARGV struct argv identities = { 0 };
	size_t head = sizeof(files->seen);

	files->helper = NULL;
	if (answer->error != 0 || answer->size <= head)
		return;
	memcpy(&files->seen, answer->data, head);
	if (files->seen.n_watches > WATCHES_MAX)
		files->seen.n_watches = 0;
	if (argv_copy(&identities, (const char *)answer->data + head, answer->size - head) == 0)
		node_files_are(files->node, &identities);
}

static void
look(struct stale_files *files)
{
	struct keeper *keeper = files->node->keeper;

	files->again = false;
	files->helper = helper_start(keeper->loop, mounter_watch,
	    &node_setting(files->node)->files, &keeper->stale->fd, 1, LOOK_DEADLINE_MS,
	    on_seen, files);
}

/* Events -------------------------------------------------------------------- */

static bool
has_watch(const struct node *node, int watch)
{
	for (uint32_t i = 0; node->files && i < node->files->seen.n_watches; i++)
		if (node->files->seen.watches[i] == watch)
			return true;
	return false;
}

/* Whether somebody cares. */
static bool
is_watched(const struct keeper *keeper, int watch)
{
	LIST_FOR_EACH(at, next, &keeper->nodes)
		if (has_watch(LIST_ENTRY(at, struct node, link), watch))
			return true;
	return false;
}

/* Who cares is to look again; watch -1: all, since events were lost. */
static void
mark(struct keeper *keeper, int watch)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (node->files && (watch < 0 || has_watch(node, watch)))
			node->files->again = true;
	}
}

static void
on_settled(uv_timer_t *timer)
{
	struct stale *stale = timer->data;

	LIST_FOR_EACH(at, next, &stale->keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (node->files && node->files->again && !node->files->helper)
			look(node->files);
	}
}

static void
take_event(struct stale *stale, const struct inotify_event *event)
{
	if (event->mask & IN_IGNORED)
		return;
	if (event->wd >= 0 && !is_watched(stale->keeper, event->wd)) {
		inotify_rm_watch(stale->fd, event->wd);
		return;
	}
	mark(stale->keeper, event->wd);
	if (!uv_is_active((uv_handle_t *)&stale->timer))
		uv_timer_start(&stale->timer, on_settled, SETTLE_MS, 0);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct stale *stale = poll->data;
	char room[4096] __attribute__((aligned(8)));
	ssize_t n = read(stale->fd, room, sizeof(room));

	(void)status;
	(void)events;
	for (ssize_t at = 0; at < n; ) {
		const struct inotify_event *event = (const void *)(room + at);

		take_event(stale, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

/* Nodes --------------------------------------------------------------------- */

/* Watches the files of a node at rest. */
void
stale_begin(struct node *node)
{
	const struct setting *setting = node_setting(node);

	if (node->files || !node->mount || !setting || setting->files.size == 0 ||
	    node->keeper->stopping)
		return;
	node->files = calloc(1, sizeof(*node->files));
	if (!node->files)
		return;
	node->files->node = node;
	look(node->files);
}

static void
remove_watches(struct keeper *keeper, const struct stale_files *files)
{
	for (uint32_t i = 0; i < files->seen.n_watches; i++)
		if (!is_watched(keeper, files->seen.watches[i]))
			inotify_rm_watch(keeper->stale->fd, files->seen.watches[i]);
}

/* Does not watch them any more. */
void
stale_end(struct node *node)
{
	struct stale_files *files = STEAL_PTR(node->files);

	if (!files)
		return;
	if (files->helper)
		helper_cancel(files->helper);
	remove_watches(node->keeper, files);
	free(files);
}

/* The whole ----------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
	struct stale *stale = handle->data;

	if (--stale->n_handles > 0)
		return;
	fd_close(&stale->fd);
	free(stale);
}

/* Ready to watch. */
struct stale *
stale_new(struct keeper *keeper)
{
	struct stale *stale = calloc(1, sizeof(*stale));

	if (!stale)
		return NULL;
	stale->keeper = keeper;
	stale->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (stale->fd < 0 || uv_poll_init(keeper->loop, &stale->poll, stale->fd) < 0) {
		fd_close(&stale->fd);
		free(stale);
		return NULL;
	}
	uv_timer_init(keeper->loop, &stale->timer);
	stale->poll.data = stale->timer.data = stale;
	stale->n_handles = 2;
	uv_poll_start(&stale->poll, UV_READABLE, on_event);
	return stale;
}

/* Ends it; NULL is harmless. */
void
stale_free(struct stale *stale)
{
	if (!stale)
		return;
	uv_close((uv_handle_t *)&stale->poll, on_closed);
	uv_close((uv_handle_t *)&stale->timer, on_closed);
}
