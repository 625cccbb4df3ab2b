/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-filter: fnmatch(3) over bytes, whatever the locale: a translator is in that of C. */
#include "translators/mirror-filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "trans/trans.h"

enum { PATTERN_MAX = 1024 };

static const char *const *included, *const *excluded;

/* Patterns ------------------------------------------------------------------ */

/* What is wrong with it, or NULL. */
static const char *
problem_with(const char *pattern)
{
	size_t size;

	pattern += *pattern == '/';
	size = strlen(pattern);
	if (size > 0 && pattern[size - 1] == '/')
		size--;
	if (size == 0)
		return "it is empty";
	if (size > PATTERN_MAX)
		return "it is too long";
	return memchr(pattern, '/', size) ?
	    "a pattern is of one name, with / only before it (at the top) or after it (directories)" :
	    NULL;
}

static int
check(const char *option, const char *const *patterns)
{
	for (; patterns && *patterns; patterns++) {
		const char *problem = problem_with(*patterns);

		if (problem)
			return trans_error(EINVAL, "--%s=%.100s: %s", option, *patterns, problem);
	}
	return 0;
}

static bool
matches(const char *pattern, const struct filter_name *name)
{
	char bare[PATTERN_MAX + 1];
	size_t size;

	if (*pattern == '/' && !name->top)
		return false;
	pattern += *pattern == '/';
	size = strlen(pattern);
	if (pattern[size - 1] == '/') {
		if (!S_ISDIR(name->type))
			return false;
		size--;
	}
	memcpy(bare, pattern, size);
	bare[size] = '\0';
	return fnmatch(bare, name->name, 0) == 0;
}

static bool
any_matches(const char *const *patterns, const struct filter_name *name)
{
	for (; patterns && *patterns; patterns++)
		if (matches(*patterns, name))
			return true;
	return false;
}

/* The filter ---------------------------------------------------------------- */

/* See mirror-filter.h. */
int
filter_set(const char *const *include, const char *const *exclude)
{
	int err = check("include", include);

	if (err == 0)
		err = check("exclude", exclude);
	if (err < 0)
		return err;
	if (include && *include && !(exclude && *exclude))
		return trans_error(EINVAL, "--include=%.100s: it takes out of what --exclude hides, "
		    "and that is nothing", *include);
	included = include;
	excluded = exclude;
	return 0;
}

/* See mirror-filter.h. */
bool
filter_is_on(void)
{
	return excluded && *excluded;
}

/* See mirror-filter.h. */
bool
filter_hides(const struct filter_name *name)
{
	return any_matches(excluded, name) && !any_matches(included, name);
}
