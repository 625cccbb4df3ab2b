/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: text that grows, up to a bound, with one error to check at the end.
 *
 * A zeroed text is empty. After a failure (memory, or more than TEXT_MAX
 * bytes) further additions do nothing and text_error says why. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#define TEXT_MAX (16u << 20)

struct text {
	char *data;		/* always NUL-terminated, or NULL when empty */
	size_t size;		/* without the NUL */
	size_t room;
	int error;		/* 0, -ENOMEM, -EMSGSIZE */
};

#define AUTO_TEXT __attribute__((cleanup(text_deinit)))

void text_deinit(struct text *text);
void text_add(struct text *text, const void *data, size_t size);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/* One word as a POSIX shell would read it back: quoted only when it must be;
 * control characters as $'..' escapes so that a line stays one line. */
void text_quote(struct text *text, const char *word);
/* Control characters and invalid bytes escaped as \xHH, for names in
 * messages to a terminal. */
void text_safe(struct text *text, const char *string);
const char *text_string(const struct text *text);	/* never NULL */

#endif
