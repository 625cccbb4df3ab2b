/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: what a message says, read off an event of a trace by the field tables of
 * wire/interface.h. */
#ifndef TOOLS_CONTENT_H
#define TOOLS_CONTENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"
#include "wire/inspect.h"
#include "wire/interface.h"

struct event {
	struct inspect_event head;
	const struct inspect_event_right *rights;	/* head.rights_shown */
	const uint8_t *body;				/* head.bytes_shown */
};

/* Reads the next one and moves on. False: there is no whole one. */
bool event_next(const char **atp, const char *end, struct event *event);

/* The start of an answer: its code and line of text (within the event, or ""), and where
 * the fields begin. -EBADMSG: it is none. */
int content_read_answer(const struct event *event, int *codep, const char **textp, size_t *atp);

/* Adds `path="/x", exact=1`, the fields that stand from `at` on; `shown` bytes of each
 * string. */
void content_put(struct text *text, const struct event *event, const struct wire_shape *shape,
    size_t at, size_t shown);
/* For a body of which nothing is known: "24 bytes, send:17". */
void content_put_raw(struct text *text, const struct event *event);
/* The same for programs: an object; the caller's. */
json_t *content_json(const struct event *event, const struct wire_shape *shape, size_t at,
    size_t shown);

#endif
