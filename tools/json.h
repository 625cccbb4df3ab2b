/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json: names, which are bytes, in JSON, which is UTF-8. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/codec.h"

/* A string; what is not UTF-8 in it stands as \xHH. */
json_t *json_word(const char *word);
/* Sets a key to a string; if that had to be escaped, KEY_hex has its bytes. */
void json_put_string(json_t *object, const char *key, const char *value);
/* null for "". */
void json_put_string_or_null(json_t *object, const char *key, const char *value);
/* null when it is not known. */
void json_put_number(json_t *object, const char *key, bool known, uint64_t value);

/* Sets a key to an array of the words of a struct argv. */
void json_put_argv(json_t *object, const char *key, struct wire_blob argv);

#endif
