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
#include "base/text.h"
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

/* Where its mount is now; NULL: nowhere, or it is in nobody's hands but a change's. */
static const char *
place_of(const struct node *node, const struct map *paths)
{
	return node->mount && !node->change ? map_get(paths, node->mount->id) : NULL;
}

/* Has its mount gone? One that was mounted since may have got its id, and is where its node says. */
static bool
is_lost(const struct node *node, const struct map *paths)
{
	const char *path = map_get(paths, node->mount->id);
	struct node *there;

	if (!path)
		return true;
	if (strcmp(path, node->path) == 0)
		return false;
	there = node_find(node->keeper, path);
	return there && there->mount && there->mount->id == node->mount->id;
}

static void
lose_those_gone(struct keeper *keeper, const struct map *paths)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (node->mount && !node->change && is_lost(node, paths))
			node_lost_mount(node, "it was unmounted by hand; settrans --start mounts it again");
	}
}

/* Does it have a name that no path has? */
static bool
stepped_aside(const struct node *node)
{
	return node->path[1] == '/';
}

/* A node that is not where its path says. free_place: one whose new place no other node is in the way
 * of; else one whose place another has that is to be moved, too. NULL: none. */
static struct node *
find_moved(struct keeper *keeper, const struct map *paths, bool free_place)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);
		const char *path = place_of(node, paths);
		const char *next_path;
		struct node *there;

		if (!path || strcmp(path, node->path) == 0)
			continue;
		there = node_find(keeper, path);
		if (!there)
			return node;
		next_path = place_of(there, paths);
		if (!free_place && !stepped_aside(node) && next_path &&
		    strcmp(next_path, there->path) != 0)
			return node;
	}
	return NULL;
}

static int
step(struct node *node, const char *path)
{
	AUTO_TEXT struct text aside = { 0 };

	if (!node_find(node->keeper, path))
		return node_moved(node, path);
	text_printf(&aside, "/%s", path);
	return node_moved(node, text_string(&aside));
}

/* Gives those that moved their new paths. Directories may have been exchanged: then one of their nodes
 * has to step aside, under a name that no path has. Who is still in the way then is being changed, or
 * not mounted; the next look sees what came of that. */
static void
follow_those_moved(struct keeper *keeper, const struct map *paths)
{
	struct node *node;

	while ((node = find_moved(keeper, paths, true)) ||
	    (node = find_moved(keeper, paths, false))) {
		if (step(node, place_of(node, paths)) < 0)
			return;
	}
}

/* Compares what the kernel has with what is known. */
void
watch_look(struct watch *watch)
{
	AUTO_FREE char *table = mountinfo_read();
	struct map paths = { 0 };

	if (table && index_mounts(table, &paths) == 0) {
		lose_those_gone(watch->keeper, &paths);
		follow_those_moved(watch->keeper, &paths);
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
