/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: rows of text in aligned columns. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stddef.h>

#include "base/text.h"

enum { TABLE_COLUMNS_MAX = 8 };

struct table {
	size_t n_columns;
	size_t n_rows;
	char **cells;		/* row after row */
};

#define AUTO_TABLE __attribute__((cleanup(table_deinit)))

void table_deinit(struct table *table);
/* Adds a row of n_columns cells (copied). 0 or -ENOMEM. */
int table_add(struct table *table, const char *const *cells);
/* Cells of columns named in `shrink` (a bit each) are cut, with an ellipsis, when a
 * line would be wider than `width`; 0: nothing is cut. */
void table_print(const struct table *table, struct text *text, size_t width, unsigned shrink);
/* The columns that a terminal needs for it. */
size_t table_width(const char *string);

#endif
