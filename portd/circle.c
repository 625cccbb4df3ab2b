/* SPDX-License-Identifier: GPL-2.0-or-later */
/* circle: a translator that looks at a file in its own node waits for itself, in the kernel, where
 * nobody can interrupt it; so does one whose file is served by another that looks at the first.
 *
 * Paths decide, and nobody's file system is asked: a circle that somebody makes of symbolic links
 * later is the watchdog's. */
#include "portd/circle.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "portd/mounter.h"
#include "portd/node.h"

struct search {
	const char *path;		/* where it starts, and must not come back to */
	const struct node **reached;
	size_t n;
};

static void
reach(struct search *search, const struct node *node)
{
	for (size_t i = 0; i < search->n; i++)
		if (search->reached[i] == node)
			return;
	search->reached[search->n++] = node;
}

/* The file that is in the node; other nodes that lie on the way to the files are reached. */
static const char *
follow(struct search *search, const struct keeper *keeper, const struct setting *setting)
{
	const char *option = NULL, *file;

	while ((option = argv_next(&setting->files, option))) {
		file = argv_next(&setting->files, option);
		if (!file)
			break;
		if (path_is_inside(file, search->path))
			return file;
		LIST_FOR_EACH(at, next, &keeper->nodes) {
			const struct node *node = LIST_ENTRY(at, struct node, link);

			if (path_is_inside(file, node->path))
				reach(search, node);
		}
		option = file;
	}
	return NULL;
}

/* See circle.h. */
const char *
circle_find(const struct keeper *keeper, const char *path, const struct setting *setting)
{
	AUTO_FREE const struct node **reached = NULL;
	struct search search = { .path = path };
	const char *found;
	size_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes)
		n++;
	search.reached = reached = calloc(n + 1, sizeof(*reached));
	if (!reached)
		return NULL;
	found = follow(&search, keeper, setting);
	for (size_t i = 0; i < search.n && !found; i++) {
		const struct setting *next = node_setting(search.reached[i]);

		if (next)
			found = follow(&search, keeper, next);
	}
	return found;
}
