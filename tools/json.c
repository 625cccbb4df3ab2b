/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json: names in JSON. See json.h. */

#include "base/argv.h"
#include "base/text.h"
#include "tools/json.h"

/* NULL: no memory. */
json_t *
json_word(const char *word)
{
	AUTO_TEXT struct text safe = { 0 };
	json_t *string = json_string(word);

	if (string)
		return string;
	text_safe(&safe, word);
	return json_string(text_string(&safe));
}

static void
put_hex(json_t *object, const char *key, const char *value)
{
	AUTO_TEXT struct text hex = { 0 };
	AUTO_TEXT struct text hex_key = { 0 };

	for (const char *s = value; *s; s++)
		text_printf(&hex, "%02x", (unsigned char)*s);
	text_printf(&hex_key, "%s_hex", key);
	json_object_set_new(object, text_string(&hex_key), json_string(text_string(&hex)));
}

/* Of an object. */
void
json_put_string(json_t *object, const char *key, const char *value)
{
	json_t *string = json_string(value);

	json_object_set_new(object, key, string ? string : json_word(value));
	if (!string)
		put_hex(object, key, value);
}

/* Likewise. */
void
json_put_string_or_null(json_t *object, const char *key, const char *value)
{
	if (*value)
		json_put_string(object, key, value);
	else
		json_object_set_new(object, key, json_null());
}

/* Likewise. */
void
json_put_number(json_t *object, const char *key, bool known, uint64_t value)
{
	json_object_set_new(object, key, known ? json_integer((json_int_t)value) : json_null());
}

/* One that is damaged stands as an empty array. */
void
json_put_argv(json_t *object, const char *key, struct wire_blob blob)
{
	AUTO_ARGV struct argv argv = { 0 };
	json_t *array = json_array();

	if (argv_copy(&argv, blob.data, blob.size) == 0)
		for (const char *word = NULL; (word = argv_next(&argv, word)); )
			json_array_append_new(array, json_word(word));
	json_object_set_new(object, key, array);
}
