/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch: the kernel wakes who polls its mount table when that changes. Mounting
 * many nodes changes it as often, so it is read again a little later. */
#include "portd/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "portd/keeper.h"
#include "portd/mountinfo.h"
#include "portd/node.h"

enum { SETTLE_MS = 50 };

struct watch {
	struct keeper *keeper;
	uv_poll_t poll;
	uv_timer_t timer;
	int fd;
	unsigned n_handles;
};

static void
on_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	if (--watch->n_handles > 0)
		return;
	fd_close(&watch->fd);
	free(watch);
}

/* The paths of our mounts by id, into `table`. Ids are used again at once, by other users too. */
static int
index_mounts(char *table, struct map *paths)
{
	char *cursor = table;
	struct mountinfo info;
	int err = 0;

	while (err == 0 && mountinfo_next(&cursor, &info))
		if (info.uid == getuid())
			err = map_put(paths, info.id, (void *)info.path);
	return err;
}

static void
compare(struct node *node, const struct map *paths)
{
	const char *path = map_get(paths, node->mount->id);
	struct node *there = path ? node_find(node->keeper, path) : NULL;

	if (!path || (there && there != node))
		node_lost_mount(node, "it was unmounted by hand; settrans --start mounts it again");
	else if (!there)
		node_moved(node, path);
}

/* Compares what the kernel has with what is known. */
void
watch_look(struct watch *watch)
{
	AUTO_FREE char *table = mountinfo_read();
	struct map paths = { 0 };

	if (table && index_mounts(table, &paths) == 0) {
		LIST_FOR_EACH(at, next, &watch->keeper->nodes) {
			struct node *node = LIST_ENTRY(at, struct node, link);

			if (node->mount && !node->change)
				compare(node, &paths);
		}
	}
	map_deinit(&paths);
}

static void
on_settled(uv_timer_t *timer)
{
	struct watch *watch = timer->data;

	if (!watch->keeper->stopping)
		watch_look(watch);
}

static void
on_change(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;

	(void)status;
	(void)events;
	if (!uv_is_active((uv_handle_t *)&watch->timer))
		uv_timer_start(&watch->timer, on_settled, SETTLE_MS, 0);
}

/* Begins to watch. */
struct watch *
watch_new(struct keeper *keeper)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->keeper = keeper;
	watch->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (watch->fd < 0 || uv_poll_init(keeper->loop, &watch->poll, watch->fd) < 0) {
		fd_close(&watch->fd);
		free(watch);
		return NULL;
	}
	uv_timer_init(keeper->loop, &watch->timer);
	watch->poll.data = watch->timer.data = watch;
	watch->n_handles = 2;
	uv_poll_start(&watch->poll, UV_PRIORITIZED, on_change);
	return watch;
}

/* Ends it; NULL is harmless. */
void
watch_free(struct watch *watch)
{
	if (!watch)
		return;
	uv_close((uv_handle_t *)&watch->poll, on_closed);
	uv_close((uv_handle_t *)&watch->timer, on_closed);
}
