/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-value: words into a message, and a message into words. An answer comes from a translator:
 * nothing of it is printed that a terminal would take for more than text. */
#include "tools/rpc-value.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "port/lookup.h"
#include "tools/json.h"
#include "tools/tool.h"

/* See rpc-value.h. */
void
rpc_dump(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

/* Arguments ------------------------------------------------------------------------- */

/* What an argument stands for: itself, or with @ before it what is in that file. */
static int
load(const char *word, struct text *bytes)
{
	AUTO_CLOSE int fd = -1;
	char buf[4096];
	ssize_t n;

	if (*word != '@') {
		text_puts(bytes, word);
		return bytes->error;
	}
	fd = open(word + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(bytes, buf, (size_t)n);
	return n < 0 ? -errno : bytes->error;
}

static int
put_number(struct wire_buf *body, const char *type, const char *word)
{
	bool is_signed = strcmp(type, "i32") == 0;
	unsigned long long value;
	char *end;

	errno = 0;
	value = is_signed ? (unsigned long long)strtoll(word, &end, 0) : strtoull(word, &end, 0);
	if (errno || !*word || *end || (*word == '-' && !is_signed))
		return -EINVAL;
	if (strcmp(type, "u64") == 0)
		wire_put_u64(body, value);
	else if (is_signed && (long long)value >= INT32_MIN && (long long)value <= INT32_MAX)
		wire_put_i32(body, (int32_t)value);
	else if (!is_signed && value <= UINT32_MAX)
		wire_put_u32(body, (uint32_t)value);
	else
		return -ERANGE;
	return 0;
}

/* The words of one argument, split at blanks. */
static int
put_words(struct wire_buf *body, const char *word)
{
	AUTO_ARGV struct argv words = { 0 };
	AUTO_FREE char *copy = strdup(word);
	char *rest = copy, *one;
	int err = copy ? 0 : -ENOMEM;

	while (err == 0 && (one = strsep(&rest, " ")))
		if (*one)
			err = argv_add(&words, one);
	wire_put_argv(body, (struct wire_blob){ words.data, words.size });
	return err;
}

static int
put_fd(struct wire_buf *body, const char *word)
{
	int fd = strcmp(word, "-") == 0 ? -1 : open(word, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && strcmp(word, "-") != 0)
		return -errno;
	wire_put_fd(body, fd);	/* eats fd */
	return 0;
}

/* A right to another node. */
static int
put_node(struct wire_buf *body, const char *word)
{
	AUTO_CLOSE int fd = -1;
	port_name_t node;
	int err;

	if (strcmp(word, "-") == 0) {
		wire_put_port(body, (struct wire_port){ .name = PORT_NULL });
		return 0;
	}
	fd = open(word, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = trans_lookup(fd, "", TRANS_RIGHT_READ | TRANS_RIGHT_WRITE, &node);
	if (err == -EACCES || err == -EROFS)
		err = trans_lookup(fd, "", TRANS_RIGHT_READ, &node);
	if (err == 0)
		wire_put_port(body, (struct wire_port){ node, PORT_MOVE_SEND });
	return err;
}

/* The bytes live in `bytes` until the call is made. */
static int
put_argument(struct wire_buf *body, const char *type, const char *word, struct text *bytes)
{
	int err = 0;

	if (strcmp(type, "u32") == 0 || strcmp(type, "i32") == 0 || strcmp(type, "u64") == 0)
		return put_number(body, type, word);
	if (strcmp(type, "argv") == 0)
		return put_words(body, word);
	if (strcmp(type, "fd") == 0)
		return put_fd(body, word);
	if (strcmp(type, "send") == 0 || strcmp(type, "port") == 0)
		return put_node(body, word);
	if (strcmp(type, "str") == 0) {
		wire_put_str(body, word);
		return 0;
	}
	err = load(word, bytes);
	if (strcmp(type, "blob") == 0)
		wire_put_blob(body, (struct wire_blob){ text_string(bytes), bytes->size });
	else if (strcmp(type, "memory") == 0)
		wire_put_memory(body, (struct wire_memory){ bytes->data, bytes->size });
	else
		return -EOPNOTSUPP;
	return err;
}

/* See rpc-value.h. */
int
rpc_put_arguments(struct wire_buf *body, const struct rpc_routine *routine, char **words,
    struct text *bytes)
{
	for (size_t i = 0; i < routine->n_in; i++) {
		const struct rpc_field *field = &routine->in[i];
		int err = put_argument(body, field->type, words[i], &bytes[i]);

		if (err == -EOPNOTSUPP)
			tool_error(routine->name, "%s: an argument of type %s cannot be given here",
			    field->name, field->type);
		else if (err != 0)
			tool_error(routine->name, "%s: '%s' is no %s: %s", field->name, words[i],
			    field->type, port_error_text(err));
		if (err != 0)
			return err;
	}
	return body->error;
}

/* Answers ------------------------------------------------------------------------------ */

static bool
is_text(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f)
			return false;
	return true;
}

/* Bytes as text, when they are. */
static void
put_bytes(struct text *text, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	if (is_text(bytes, size)) {
		text_add(text, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++)
		text_printf(text, "%02x", bytes[i]);
}

static void
put_argv_words(struct text *text, struct wire_blob words)
{
	const char *at = words.data, *end = at + words.size;

	for (; at < end; at += strlen(at) + 1) {
		text_safe(text, at);
		text_puts(text, at + strlen(at) + 1 < end ? "\n" : "");
	}
}

static void
drop_right(struct wire_port right)
{
	if (right.name == PORT_NULL || right.name == PORT_DEAD)
		return;
	if (right.disposition == PORT_MOVE_RECEIVE)
		port_mod_refs(right.name, PORT_RIGHT_RECEIVE, -1);
	else
		port_deallocate(right.name);
}

static bool
is_number(const char *type)
{
	return strcmp(type, "u32") == 0 || strcmp(type, "i32") == 0 || strcmp(type, "u64") == 0;
}

static json_t *
get_number(struct wire_buf *body, const char *type, struct text *text)
{
	uint64_t value;

	if (strcmp(type, "i32") == 0) {
		int32_t number = wire_get_i32(body);

		text_printf(text, "%" PRId32, number);
		return json_integer(number);
	}
	value = strcmp(type, "u64") == 0 ? wire_get_u64(body) : wire_get_u32(body);
	text_printf(text, "%" PRIu64, value);
	return json_integer((json_int_t)value);
}

static json_t *
json_words(struct wire_blob words)
{
	json_t *array = json_array();
	const char *at = words.data, *end = at + words.size;

	for (; at < end; at += strlen(at) + 1)
		json_array_append_new(array, json_word(at));
	return array;
}

/* The next value of an answer, as text and as JSON; NULL: of a type that nobody knows. */
static json_t *
get_value(struct wire_buf *body, const char *type, struct text *text)
{
	if (is_number(type))
		return get_number(body, type, text);
	if (strcmp(type, "str") == 0) {
		const char *string = wire_get_str(body);

		text_safe(text, string);
		return json_word(string);
	}
	if (strcmp(type, "argv") == 0) {
		struct wire_blob words = wire_get_argv(body);

		put_argv_words(text, words);
		return json_words(words);
	}
	if (strcmp(type, "blob") == 0) {
		struct wire_blob blob = wire_get_blob(body);

		put_bytes(text, blob.data, blob.size);
		return json_word(text_string(text));
	}
	if (strcmp(type, "memory") == 0) {
		struct wire_memory memory = wire_get_memory(body);

		put_bytes(text, memory.data, memory.size);
		port_memory_free(memory.data, memory.size);
		return json_word(text_string(text));
	}
	if (strcmp(type, "fd") == 0) {
		int fd = wire_get_fd(body);

		text_puts(text, fd < 0 ? "none" : "a descriptor");
		fd_close(&fd);
		return json_word(text_string(text));
	}
	if (strcmp(type, "send") == 0 || strcmp(type, "port") == 0 ||
	    strcmp(type, "send_once") == 0 || strcmp(type, "receive") == 0) {
		struct wire_port right = wire_get_port(body);

		text_puts(text, right.name == PORT_NULL ? "none" : "a right");
		drop_right(right);
		return json_word(text_string(text));
	}
	return NULL;
}

static void
print_lines(const char *name, const char *value)
{
	AUTO_TEXT struct text safe = { 0 };
	size_t size;

	text_safe(&safe, name);
	do {
		size = strcspn(value, "\n");
		printf("%s: %.*s\n", text_string(&safe), (int)size, value);
		value += size + (value[size] == '\n');
	} while (*value);
}

/* A single value that is content stands alone, as it is. */
static void
print_value(const struct rpc_routine *routine, const struct rpc_field *field,
    const struct text *text)
{
	bool content = routine->n_out == 1 && !is_number(field->type);

	if (content) {
		fwrite(text_string(text), 1, text->size, stdout);
		if (text->size == 0 || text->data[text->size - 1] != '\n')
			putchar('\n');
	} else {
		print_lines(field->name, text_string(text));
	}
}

/* See rpc-value.h. */
int
rpc_print_answer(const struct rpc_routine *routine, struct wire_buf *body, bool json)
{
	json_t *object = json ? json_object() : NULL;
	int err = 0;

	for (size_t i = 0; i < routine->n_out && err == 0; i++) {
		AUTO_TEXT struct text text = { 0 };
		const struct rpc_field *field = &routine->out[i];
		json_t *value = get_value(body, field->type, &text);

		if (!value || body->error)
			err = -EPROTO;
		else if (json)
			json_object_set(object, field->name, value);
		else
			print_value(routine, field, &text);
		json_decref(value);
	}
	if (json && err == 0)
		rpc_dump(object);
	else
		json_decref(object);
	return err;
}
