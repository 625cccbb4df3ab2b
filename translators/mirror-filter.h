/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-filter: which names a mirror shows.
 *
 * A name is hidden when a pattern of --exclude matches it and none of --include does. Patterns are of
 * one name, never of a path: so what is hidden stays so wherever a directory above it is moved. */
#ifndef TRANSLATORS_MIRROR_FILTER_H
#define TRANSLATORS_MIRROR_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

struct filter_name {
	const char *name;
	mode_t type;		/* S_IFDIR ...: of what has the name */
	bool top;		/* in the directory that is shown itself */
};

/* Lists that end with NULL, or are NULL; they stay the caller's, for as long as they are used. 0, or
 * -EINVAL (said with trans_error), and what was in force stays so. */
int filter_set(const char *const *include, const char *const *exclude);
/* Whether anything is hidden at all. */
bool filter_is_on(void);
bool filter_hides(const struct filter_name *name);

#endif
