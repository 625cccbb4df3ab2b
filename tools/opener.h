/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener: which translator opens a file, and how the node is called. */
#ifndef TOOLS_OPENER_H
#define TOOLS_OPENER_H

#include <stdbool.h>

#include "base/text.h"

/* By the file's name; "archive" when the name says nothing. Static. */
const char *opener_for(const char *file);
/* The file's name without directory and without the suffixes that say how it is
 * packed; never empty for a name that is not. */
void opener_node_name(struct text *name, const char *file);
/* Where `hird open` puts nodes: $HIRD_OPEN_DIR, else ~/hird; absolute, resolved.
 * make: made when missing. Heap, or NULL with a line in *why. */
char *opener_dir(bool make, struct text *why);
/* hird open FILE: prints the path of the node; an exit status. */
int opener_open(const char *file);

#endif
