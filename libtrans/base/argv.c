/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: words one after the other in one block. */
#include "base/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Frees the words; what is left is an empty vector. */
void
argv_deinit(struct argv *argv)
{
	free(argv->data);
	*argv = (struct argv){ 0 };
}

/* Replaces the words by those in data. 0, -EINVAL when data does not end in a
 * NUL, -ENOMEM; on failure argv is as it was. */
int
argv_copy(struct argv *argv, const void *data, size_t size)
{
	const char *bytes = data;
	char *copy = NULL;

	if (size && bytes[size - 1] != '\0')
		return -EINVAL;
	if (size) {
		copy = malloc(size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, data, size);
	}
	argv_deinit(argv);
	argv->data = copy;
	argv->size = size;
	return 0;
}

/* Appends a word; it may be one of argv's own. 0 or -ENOMEM. */
int
argv_add(struct argv *argv, const char *word)
{
	size_t size = strlen(word) + 1;
	char *data = malloc(argv->size + size);

	if (!data)
		return -ENOMEM;
	if (argv->size)
		memcpy(data, argv->data, argv->size);
	memcpy(data + argv->size, word, size);
	free(argv->data);
	argv->data = data;
	argv->size += size;
	return 0;
}

/* Appends one word as printf writes it. 0 or -ENOMEM. */
int
argv_printf(struct argv *argv, const char *format, ...)
{
	AUTO_FREE char *word = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&word, format, args);
	va_end(args);
	if (n < 0) {
		word = NULL;
		return -ENOMEM;
	}
	return argv_add(argv, word);
}

/* How many words there are. */
size_t
argv_count(const struct argv *argv)
{
	size_t n = 0;

	for (const char *word = NULL; (word = argv_next(argv, word));)
		n++;
	return n;
}

/* Walks the words: the one after `word`, the first for NULL, NULL at the end. */
const char *
argv_next(const struct argv *argv, const char *word)
{
	const char *next = word ? word + strlen(word) + 1 : argv->data;

	if (argv->size == 0 || next >= argv->data + argv->size)
		return NULL;
	return next;
}

/* Word `index`, NULL when there are not so many. */
const char *
argv_word(const struct argv *argv, size_t index)
{
	const char *word = argv_next(argv, NULL);

	while (word && index--)
		word = argv_next(argv, word);
	return word;
}

/* The words as exec wants them; free() the array alone. NULL: no memory. */
char **
argv_vector(const struct argv *argv)
{
	char **vector = calloc(argv_count(argv) + 1, sizeof(*vector));
	size_t n = 0;

	if (!vector)
		return NULL;
	for (const char *word = NULL; (word = argv_next(argv, word));)
		vector[n++] = argv->data + (word - argv->data);
	return vector;
}

/* Whether both have the same words. */
bool
argv_equal(const struct argv *a, const struct argv *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* One line that a shell reads back as these words; free() it. NULL: no memory. */
char *
argv_quote(const struct argv *argv)
{
	AUTO_TEXT struct text line = { 0 };

	text_puts(&line, "");
	for (const char *word = NULL; (word = argv_next(argv, word));) {
		if (word != argv->data)
			text_puts(&line, " ");
		text_quote(&line, word);
	}
	return line.error ? NULL : STEAL_PTR(line.data);
}
