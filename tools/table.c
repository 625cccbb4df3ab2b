/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: rows of text in aligned columns. See table.h.
 *
 * Without a width one very long cell must not push all others away: a column
 * is padded to PAD_MAX at most. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tools/table.h"

enum {
	GAP = 2,
	PAD_MAX = 48,
	SHRINK_MIN = 12,	/* a column is not cut below this */
};

/* Of a zeroed struct: harmless. */
void
table_deinit(struct table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}

/* The columns of the first character, whose length goes to *np; bytes that are no
 * character count one each. */
static size_t
char_width(const char *s, size_t *np)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t n = mbrtowc(&wide, s, strlen(s), &state);
	int width;

	if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
		*np = 1;
		return 1;
	}
	*np = n;
	width = wcwidth(wide);
	return width < 0 ? 1 : (size_t)width;
}

/* In the current locale. */
size_t
table_width(const char *string)
{
	size_t width = 0, n;

	for (; *string; string += n)
		width += char_width(string, &n);
	return width;
}

/* Needs table->n_columns. */
int
table_add(struct table *table, const char *const *cells)
{
	size_t at = table->n_rows * table->n_columns;
	char **new = reallocarray(table->cells, at + table->n_columns, sizeof(*new));

	if (!new)
		return -ENOMEM;
	table->cells = new;
	for (size_t i = 0; i < table->n_columns; i++) {
		new[at + i] = strdup(cells[i]);
		if (new[at + i])
			continue;
		while (i > 0)
			free(new[at + --i]);
		return -ENOMEM;
	}
	table->n_rows++;
	return 0;
}

static void
measure(const struct table *table, size_t *widths)
{
	for (size_t column = 0; column < table->n_columns; column++)
		widths[column] = 0;
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
		size_t width = table_width(table->cells[i]);
		size_t column = i % table->n_columns;

		if (width > widths[column])
			widths[column] = width;
	}
}

/* Takes from the widest column that may shrink, until the line fits. */
static void
fit(const struct table *table, size_t *widths, size_t width, unsigned shrink)
{
	for (;;) {
		size_t total = (table->n_columns - 1) * GAP, widest = table->n_columns;

		for (size_t i = 0; i < table->n_columns; i++) {
			total += widths[i];
			if ((shrink & 1u << i) && widths[i] > SHRINK_MIN &&
			    (widest == table->n_columns || widths[i] > widths[widest]))
				widest = i;
		}
		if (total <= width || widest == table->n_columns)
			return;
		widths[widest]--;
	}
}

/* The cell in at most `width` columns; returns the columns it took. */
static size_t
put_cell(struct text *text, const char *cell, size_t width, bool cut)
{
	size_t used = 0, n, one;

	if (!cut || table_width(cell) <= width) {
		text_puts(text, cell);
		return table_width(cell);
	}
	for (; (one = char_width(cell, &n)) + used < width; cell += n) {
		text_add(text, cell, n);
		used += one;
	}
	text_puts(text, MB_CUR_MAX > 1 ? "\xe2\x80\xa6" : "~");
	return used + 1;
}

/* Adds a line a row. */
void
table_print(const struct table *table, struct text *text, size_t width, unsigned shrink)
{
	size_t widths[TABLE_COLUMNS_MAX];

	measure(table, widths);
	if (width)
		fit(table, widths, width, shrink);
	for (size_t i = 0; i < table->n_columns && !width; i++)
		if (widths[i] > PAD_MAX)
			widths[i] = PAD_MAX;
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
		size_t column = i % table->n_columns;
		bool last = column + 1 == table->n_columns;
		size_t used = put_cell(text, table->cells[i], widths[column], width && shrink & 1u << column);

		for (size_t end = widths[column] + GAP; !last && used < end; used++)
			text_puts(text, " ");
		if (!last && used > widths[column] + GAP)
			text_puts(text, "  ");
		if (last)
			text_puts(text, "\n");
	}
}
