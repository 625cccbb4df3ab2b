/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-ids: a short list of ranges, that do not overlap on either side. */
#include "translators/mirror-ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trans/trans.h"

struct range {
	uint32_t from, to, count;
};

struct ids {
	size_t n;
	struct range ranges[];
};

/* Reading ------------------------------------------------------------------- */

/* Digits, and what ends them; the largest number means "no id" to the kernel. */
static bool
parse_number(const char **atp, uint32_t *numberp)
{
	const char *at = *atp;
	uint64_t number = 0;

	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number >= UINT32_MAX)
			return false;
	}
	*atp = at;
	*numberp = (uint32_t)number;
	return true;
}

static bool
parse_range(const char *word, struct range *range)
{
	range->count = 1;
	if (!parse_number(&word, &range->from) || *word++ != ':' ||
	    !parse_number(&word, &range->to))
		return false;
	if (*word == ':') {
		word++;
		if (!parse_number(&word, &range->count))
			return false;
	}
	return *word == '\0' && range->count > 0 && range->count <= UINT32_MAX - range->from &&
	    range->count <= UINT32_MAX - range->to;
}

static bool
overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < b ? b - a < a_count : a - b < b_count;
}

/* What is wrong with the last range, or NULL. */
static const char *
clash(const struct ids *ids)
{
	const struct range *last = &ids->ranges[ids->n - 1];

	for (size_t i = 0; i + 1 < ids->n; i++) {
		const struct range *other = &ids->ranges[i];

		if (overlap(last->from, last->count, other->from, other->count))
			return "shows an id that another one shows already";
		if (overlap(last->to, last->count, other->to, other->count))
			return "shows something as what another one does already";
	}
	return NULL;
}

static int
parse(struct ids *ids, const char *option, const char *const *words)
{
	for (; *words; words++) {
		const char *problem;

		if (!parse_range(*words, &ids->ranges[ids->n++]))
			return trans_error(EINVAL, "--%s=%.100s: that is not FROM:TO or FROM:TO:COUNT, in "
			    "numbers below 4294967295", option, *words);
		problem = clash(ids);
		if (problem)
			return trans_error(EINVAL, "--%s=%.100s: %s", option, *words, problem);
	}
	return 0;
}

/* See mirror-ids.h. */
int
ids_new(struct ids **idsp, const char *option, const char *const *words)
{
	struct ids *ids = NULL;
	size_t n = 0;
	int err = 0;

	while (words && words[n])
		n++;
	if (n > 0) {
		ids = calloc(1, sizeof(*ids) + n * sizeof(ids->ranges[0]));
		err = ids ? parse(ids, option, words) : -ENOMEM;
	}
	if (err < 0)
		ids_free(ids);
	else
		*idsp = ids;
	return err;
}

/* See mirror-ids.h. */
void
ids_free(struct ids *ids)
{
	free(ids);
}

/* Mapping ------------------------------------------------------------------- */

/* See mirror-ids.h. */
uint32_t
ids_shown(const struct ids *ids, uint32_t below)
{
	if (!ids)
		return below;
	for (size_t i = 0; i < ids->n; i++)
		if (below - ids->ranges[i].from < ids->ranges[i].count)
			return ids->ranges[i].to + (below - ids->ranges[i].from);
	return IDS_NONE;
}

/* See mirror-ids.h. */
bool
ids_below(const struct ids *ids, uint32_t shown, uint32_t *belowp)
{
	if (!ids) {
		*belowp = shown;
		return true;
	}
	for (size_t i = 0; i < ids->n; i++)
		if (shown - ids->ranges[i].to < ids->ranges[i].count) {
			*belowp = ids->ranges[i].from + (shown - ids->ranges[i].to);
			return true;
		}
	return false;
}
