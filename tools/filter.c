/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter: words and what they mean. See filter.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/filter.h"
#include "tools/rights.h"
#include "wire/messages.h"

/* Of a zeroed struct: harmless. */
void
filter_deinit(struct filter *filter)
{
	argv_deinit(&filter->shown);
	argv_deinit(&filter->hidden);
}

static bool
is_number(const char *word, uint32_t *idp)
{
	char *end;
	unsigned long id = strtoul(word, &end, 0);

	if (*word < '0' || *word > '9' || *end || id > UINT32_MAX)
		return false;
	*idp = (uint32_t)id;
	return true;
}

static bool
means(const char *word, uint32_t id)
{
	const char *name = rights_message_name(id), *interface = rights_interface_name(id);
	uint32_t number;

	if (is_number(word, &number))
		return number == id;
	return (name && strcmp(word, name) == 0) || (interface && strcmp(word, interface) == 0);
}

static bool
is_known(const char *word)
{
	static const struct wire_interface *const interfaces[] = {
		&fs_interface, &fsys_interface, &inspect_interface, &io_interface,
		&lookup_interface, &names_interface, &node_interface,
	};
	uint32_t id;

	if (is_number(word, &id))
		return true;
	for (id = PORT_NOTIFY_PORT_DELETED; id <= PORT_NOTIFY_DEAD_NAME; id++)
		if (means(word, id))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		for (size_t k = 0; k < interfaces[i]->n_routines; k++)
			if (means(word, interfaces[i]->routines[k].id))
				return true;
	return false;
}

/* Adds to what was said before. */
int
filter_add(struct filter *filter, const char *expression, const char **badp)
{
	struct argv *words = &filter->shown;

	if (strncmp(expression, "trace=", 6) == 0)
		expression += 6;
	if (*expression == '!') {
		words = &filter->hidden;
		expression++;
	}
	for (const char *at = expression;; at++) {
		size_t size = strcspn(at, ",");
		AUTO_FREE char *word = strndup(at, size);

		if (!word)
			return -ENOMEM;
		if (!is_known(word)) {
			*badp = at;
			return -EINVAL;
		}
		if (argv_add(words, word) < 0)
			return -ENOMEM;
		at += size;
		if (!*at)
			return 0;
	}
}

static bool
has(const struct argv *words, uint32_t id)
{
	for (const char *word = NULL; (word = argv_next(words, word)); )
		if (means(word, id))
			return true;
	return false;
}

/* An answer is shown when its request is. */
bool
filter_shows(const struct filter *filter, uint32_t id)
{
	return (filter->shown.size == 0 || has(&filter->shown, id)) && !has(&filter->hidden, id);
}
