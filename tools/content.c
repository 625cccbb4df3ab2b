/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: messages read by their field tables. See content.h.
 *
 * A body may be rubbish, and only its beginning may be there: as much is shown as can be
 * read. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/content.h"
#include "tools/json.h"
#include "tools/rights.h"

enum { NOT_THERE = -1 };

/* Events arrive as bytes; *event points into them. */
bool
event_next(const char **atp, const char *end, struct event *event)
{
	size_t left = (size_t)(end - *atp), rights, size;
	struct inspect_event *head = &event->head;

	if (left < sizeof(*head))
		return false;
	memcpy(head, *atp, sizeof(*head));
	rights = (size_t)head->rights_shown * sizeof(*event->rights);
	size = sizeof(*head) + rights + head->bytes_shown;
	if (head->size % 8 || head->size < size || head->size > left)
		return false;
	event->rights = (const void *)(*atp + sizeof(*head));
	event->body = (const uint8_t *)*atp + sizeof(*head) + rights;
	*atp += head->size;
	return true;
}

/* Reading ------------------------------------------------------------------------ */

struct reader {
	const struct event *event;
	size_t at;
	bool ended;		/* there is no more, whatever was to come */
};

struct value {
	uint64_t number;	/* or an index beside the body, or how many descriptors */
	const char *data;
	size_t size;
	bool cut;
};

static uint64_t
read_number(struct reader *reader, size_t size)
{
	uint64_t value = 0;

	if (reader->ended || size > reader->event->head.bytes_shown - reader->at) {
		reader->ended = true;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)reader->event->body[reader->at++] << 8 * i;
	return value;
}

static void
read_bytes(struct reader *reader, struct value *value)
{
	size_t size = (size_t)read_number(reader, 4);
	size_t left = reader->event->head.bytes_shown - reader->at;

	value->cut = size > left;
	value->size = value->cut ? left : size;
	value->data = (const char *)reader->event->body + reader->at;
	reader->at += value->size;
}

static void
read_fds(struct reader *reader, struct value *value, uint64_t n)
{
	for (uint64_t i = 0; i < n && !reader->ended; i++)
		value->number += (int32_t)read_number(reader, 4) != NOT_THERE;
}

/* False: the field is not there any more. */
static bool
read_value(struct reader *reader, const struct wire_field *field, struct value *value)
{
	*value = (struct value){ 0 };
	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_u32:
		value->number = read_number(reader, 4);
		break;
	case WIRE_TYPE_i32:
		value->number = (uint64_t)(int32_t)read_number(reader, 4);
		break;
	case WIRE_TYPE_u64:
		value->number = read_number(reader, 8);
		break;
	case WIRE_TYPE_str:
		read_bytes(reader, value);
		value->size = strnlen(value->data, value->size);
		break;
	case WIRE_TYPE_blob:
	case WIRE_TYPE_argv:
		read_bytes(reader, value);
		break;
	case WIRE_TYPE_fd:
		read_fds(reader, value, 1);
		break;
	case WIRE_TYPE_fds:
		read_fds(reader, value, read_number(reader, 4));
		break;
	default:
		value->number = read_number(reader, 4);
	}
	return !reader->ended;
}

/* Before its fields, an answer has a code and a line. */
int
content_read_answer(const struct event *event, int *codep, const char **textp, size_t *atp)
{
	struct reader reader = { .event = event };
	int code = (int32_t)read_number(&reader, 4);
	struct value text = { .data = "" };

	read_bytes(&reader, &text);
	if (reader.ended)
		return -EBADMSG;
	*codep = code;
	*textp = text.size > 0 && text.data[text.size - 1] == '\0' ? text.data : "";
	*atp = reader.at;
	return 0;
}

/* In words --------------------------------------------------------------------------- */

static void
put_string(struct text *text, const char *data, size_t size, size_t shown, bool cut)
{
	size_t n = size < shown ? size : shown;
	char safe[5] = { 0 };

	text_puts(text, "\"");
	for (size_t i = 0; i < n; i++) {
		safe[0] = data[i];
		if (data[i] == '"' || data[i] == '\\')
			text_printf(text, "\\%c", data[i]);
		else if ((unsigned char)data[i] < ' ' || data[i] == 0x7f)
			text_printf(text, "\\x%02x", (unsigned char)data[i]);
		else
			text_add(text, safe, 1);
	}
	text_puts(text, n < size || cut ? "\"..." : "\"");
}

static void
put_words(struct text *text, const struct value *value, size_t shown)
{
	const char *at = value->data, *end = at + value->size;
	const char *comma = "";

	text_puts(text, "[");
	while (at < end) {
		size_t size = strnlen(at, (size_t)(end - at));

		text_puts(text, comma);
		put_string(text, at, size, shown, at + size == end && value->cut);
		at += size + 1;
		comma = ", ";
	}
	text_puts(text, "]");
}

/* "send:17", "[3 rights]", "<4096 bytes>". */
static void
put_right(struct text *text, const struct inspect_event_right *right)
{
	if (right->kind == INSPECT_MEMORY)
		text_printf(text, "<%" PRIu64 " bytes>", right->port);
	else if (right->kind == INSPECT_ARRAY)
		text_printf(text, "[%" PRIu64 " rights]", right->port);
	else if (right->port)
		text_printf(text, "%s:%" PRIu64, rights_kind_name(right->kind), right->port);
	else
		text_puts(text, rights_kind_name(right->kind));
}

static void
put_beside(struct text *text, const struct event *event, uint64_t index)
{
	if ((int32_t)index == NOT_THERE)
		text_puts(text, "none");
	else if (index < event->head.rights_shown)
		put_right(text, &event->rights[index]);
	else
		text_puts(text, "?");
}

static void
put_value(struct text *text, const struct event *event, const struct wire_field *field,
    const struct value *value, size_t shown)
{
	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_u32:
	case WIRE_TYPE_u64:
		text_printf(text, "%" PRIu64, value->number);
		break;
	case WIRE_TYPE_i32:
		text_printf(text, "%" PRId64, (int64_t)value->number);
		break;
	case WIRE_TYPE_str:
		put_string(text, value->data, value->size, shown, value->cut);
		break;
	case WIRE_TYPE_blob:
		text_printf(text, "<%zu bytes>%s", value->size, value->cut ? "..." : "");
		break;
	case WIRE_TYPE_argv:
		put_words(text, value, shown);
		break;
	case WIRE_TYPE_fd:
	case WIRE_TYPE_fds:
		text_puts(text, value->number ? "fd" : "none");
		if (value->number > 1)
			text_printf(text, "*%" PRIu64, value->number);
		break;
	default:
		put_beside(text, event, value->number);
	}
}

/* As many fields as are there. */
void
content_put(struct text *text, const struct event *event, const struct wire_shape *shape,
    size_t at, size_t shown)
{
	struct reader reader = { .event = event, .at = at };
	const char *comma = "";

	for (const struct wire_field *field = shape->fields; field->name; field++) {
		struct value value;

		if (!read_value(&reader, field, &value)) {
			text_printf(text, "%s...", comma);
			return;
		}
		text_printf(text, "%s%s=", comma, field->name);
		put_value(text, event, field, &value, shown);
		comma = ", ";
	}
}

/* Sizes and rights alone. */
void
content_put_raw(struct text *text, const struct event *event)
{
	text_printf(text, "%u bytes", event->head.bytes);
	for (uint32_t i = 0; i < event->head.rights_shown; i++) {
		text_puts(text, ", ");
		put_right(text, &event->rights[i]);
	}
	if (event->head.rights > event->head.rights_shown)
		text_printf(text, ", %u rights more",
		    event->head.rights - event->head.rights_shown);
	if (event->head.fds)
		text_printf(text, ", %u descriptors", event->head.fds);
}

/* For programs --------------------------------------------------------------------------- */

static json_t *
json_bytes(const char *data, size_t size, size_t shown)
{
	AUTO_TEXT struct text text = { 0 };

	text_add(&text, data, size < shown ? size : shown);
	return json_word(text_string(&text));
}

static json_t *
json_words(const struct value *value, size_t shown)
{
	const char *at = value->data, *end = at + value->size;
	json_t *array = json_array();

	while (at < end) {
		size_t size = strnlen(at, (size_t)(end - at));

		json_array_append_new(array, json_bytes(at, size, shown));
		at += size + 1;
	}
	return array;
}

static json_t *
json_beside(const struct event *event, uint64_t index)
{
	const struct inspect_event_right *right;
	json_t *object;

	if ((int32_t)index == NOT_THERE || index >= event->head.rights_shown)
		return json_null();
	right = &event->rights[index];
	object = json_object();
	json_put_string(object, "right", rights_kind_name(right->kind));
	json_put_number(object, right->kind == INSPECT_MEMORY ? "bytes" :
	    right->kind == INSPECT_ARRAY ? "count" : "port", right->port, right->port);
	return object;
}

static json_t *
json_value(const struct event *event, const struct wire_field *field, const struct value *value,
    size_t shown)
{
	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_u32:
	case WIRE_TYPE_u64:
	case WIRE_TYPE_i32:
		return json_integer((json_int_t)value->number);
	case WIRE_TYPE_str:
		return json_bytes(value->data, value->size, shown);
	case WIRE_TYPE_blob:
		return json_pack("{s:I}", "bytes", (json_int_t)value->size);
	case WIRE_TYPE_argv:
		return json_words(value, shown);
	case WIRE_TYPE_fd:
	case WIRE_TYPE_fds:
		return json_pack("{s:I}", "fds", (json_int_t)value->number);
	default:
		return json_beside(event, value->number);
	}
}

/* Likewise as many as are there. */
json_t *
content_json(const struct event *event, const struct wire_shape *shape, size_t at, size_t shown)
{
	struct reader reader = { .event = event, .at = at };
	json_t *object = json_object();
	struct value value;

	for (const struct wire_field *field = shape->fields; field->name; field++) {
		if (!read_value(&reader, field, &value))
			break;
		json_object_set_new(object, field->name, json_value(event, field, &value, shown));
	}
	return object;
}
