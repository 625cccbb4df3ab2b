/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listing: whether files in a listing come with their attributes.
 *
 * For each entry with attributes the kernel makes an inode, which costs more
 * than all we do (70,000 entries: 0.3 s against 0.1 s without). Who only walks,
 * as find does, never looks at them. Who looks at files (ls -l, grep -r) pays
 * a LOOKUP for each that came without, which costs far more. So listings start
 * plain, with attributes for directories alone, and a few lookups of files show
 * that somebody wants them: from then on all listings are full, and the kernel
 * drops the plain ones that it has kept.
 *
 * What a wrong guess costs is bounded: only the first part of a directory, as
 * much as one request takes, is ever plain. */
#include "trans/listing.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "trans/fuse.h"
#include "trans/notify.h"

enum {
	LOOKUPS_MAX = 16,	/* of files, before listings become full */
	GIVEN_MAX = 65536,	/* plain listings that are remembered */
	GIVEN_STEP = 256,
};

struct given {
	size_t n;
	trans_node_t dirs[];
};

static struct given *given;	/* directories that were listed plainly */
static size_t room;
static unsigned n_lookups;
static bool full;

static bool
remember(trans_node_t dir)
{
	size_t n = given ? given->n : 0;

	if (n == room) {
		struct given *more = NULL;

		if (n < GIVEN_MAX)
			more = realloc(given, sizeof(*more) + (n + GIVEN_STEP) * sizeof(more->dirs[0]));
		if (!more)
			return false;
		more->n = n;
		given = more;
		room = n + GIVEN_STEP;
	}
	given->dirs[given->n++] = dir;
	return true;
}

/* On the notifying thread, which may be held up by the kernel. */
static void
drop_given(void *argument)
{
	struct given *dirs = argument;

	for (size_t i = 0; i < dirs->n; i++)
		front_forget_node(dirs->dirs[i]);
	free(dirs);
}

static void
become_full(void)
{
	struct given *dirs = STEAL_PTR(given);

	full = true;
	room = 0;
	if (dirs && notify_then(drop_given, dirs) < 0)
		free(dirs);
}

/* Whether this part of a listing leaves out what files are like. */
bool
listing_is_plain(trans_node_t dir, off_t offset)
{
	if (full || offset != 0)
		return false;
	if (remember(dir))
		return true;
	become_full();
	return false;
}

/* Somebody asked for a file by name. */
void
listing_looked_up(void)
{
	if (!full && ++n_lookups >= LOOKUPS_MAX)
		become_full();
}

/* As in the beginning. */
void
listing_deinit(void)
{
	free(given);
	given = NULL;
	room = 0;
	n_lookups = 0;
	full = false;
}
