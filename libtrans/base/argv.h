/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* argv: an argument vector as one block of NUL-terminated words, the form
 * in which it travels and is stored (the Hurd's argz). */
#ifndef BASE_ARGV_H
#define BASE_ARGV_H

#include <stdbool.h>
#include <stddef.h>

struct argv {
	char *data;
	size_t size;		/* every word with its NUL */
};

#define AUTO_ARGV __attribute__((cleanup(argv_deinit)))

void argv_deinit(struct argv *argv);
int argv_copy(struct argv *argv, const void *data, size_t size);	/* replaces; -EINVAL when the last NUL is missing */
int argv_add(struct argv *argv, const char *word);
int argv_printf(struct argv *argv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
size_t argv_count(const struct argv *argv);
/* The word after `word`, the first for NULL; NULL at the end. */
const char *argv_next(const struct argv *argv, const char *word);
const char *argv_word(const struct argv *argv, size_t index);
/* A NULL-terminated array for exec; one free() releases it. The words stay
 * owned by argv. */
char **argv_vector(const struct argv *argv);
bool argv_equal(const struct argv *a, const struct argv *b);
/* The words as a shell would read them back, in one line; free() it. */
char *argv_quote(const struct argv *argv);

#endif
