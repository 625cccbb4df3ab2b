/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: growth by doubling, and the two ways to make a name harmless: quoted
 * for a shell, escaped for a terminal. */
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frees it; what is left is an empty text. */
void
text_deinit(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

static bool
reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 64;
	char *data;

	if (text->error)
		return false;
	if (more > TEXT_MAX - text->size) {
		text->error = -EMSGSIZE;
		return false;
	}
	while (room <= text->size + more)
		room *= 2;
	if (room == text->room)
		return true;
	data = realloc(text->data, room);
	if (!data) {
		text->error = -ENOMEM;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

/* Appends size bytes. */
void
text_add(struct text *text, const void *data, size_t size)
{
	if (!reserve(text, size))
		return;
	if (size)
		memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

/* Appends a string. */
void
text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

/* Appends as printf writes. */
void
text_printf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(text, format, args);
	va_end(args);
}

/* Appends as vprintf writes. */
void
text_vprintf(struct text *text, const char *format, va_list args)
{
	va_list again;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0) {
		text->error = -EMSGSIZE;
		return;
	}
	if (!reserve(text, (size_t)size))
		return;
	vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
	text->size += (size_t)size;
}

/* The length of the UTF-8 sequence at s that a terminal just shows; 0 when it
 * is a control character, or no UTF-8. */
static size_t
printable(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned long code;
	size_t n;

	if (u[0] < 0x80)
		return u[0] >= 0x20 && u[0] != 0x7f;
	n = u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	code = u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000))
		return 0;
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	/* C1 controls, and the marks that reverse or split a line. */
	if (code < 0xa0 || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return n;
}

static bool
is_plain(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_@%+=:,./-";

	return *word && word[strspn(word, plain)] == '\0';
}

static void
quote_dollar(struct text *text, const char *word)
{
	size_t n;

	text_puts(text, "$'");
	for (; *word; word += n ? n : 1) {
		n = printable(word);
		if (*word == '\n')
			text_puts(text, "\\n");
		else if (*word == '\t')
			text_puts(text, "\\t");
		else if (n == 0)
			text_printf(text, "\\%03o", (unsigned char)*word);
		else if (*word == '\'' || *word == '\\')
			text_printf(text, "\\%c", *word);
		else
			text_add(text, word, n);
	}
	text_puts(text, "'");
}

static void
quote_single(struct text *text, const char *word)
{
	const char *end;

	text_puts(text, "'");
	while ((end = strchr(word, '\''))) {
		text_add(text, word, (size_t)(end - word));
		text_puts(text, "'\\''");
		word = end + 1;
	}
	text_puts(text, word);
	text_puts(text, "'");
}

/* Appends word, quoted when a shell would see more in it than a word. */
void
text_quote(struct text *text, const char *word)
{
	const char *s = word;
	size_t n;

	if (is_plain(word)) {
		text_puts(text, word);
		return;
	}
	while ((n = printable(s)))
		s += n;
	if (*s)
		quote_dollar(text, word);
	else
		quote_single(text, word);
}

/* Appends string with whatever could disturb a terminal as \xHH. */
void
text_safe(struct text *text, const char *string)
{
	while (*string) {
		size_t n = printable(string);

		if (n == 0)
			text_printf(text, "\\x%02x", (unsigned char)*string);
		else
			text_add(text, string, n);
		string += n ? n : 1;
	}
}

/* Its text, "" when it is empty. */
const char *
text_string(const struct text *text)
{
	return text->data ? text->data : "";
}
