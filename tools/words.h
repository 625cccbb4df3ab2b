/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words: what a translator has said: its log, which portd rotates beneath whoever reads it. */
#ifndef TOOLS_WORDS_H
#define TOOLS_WORDS_H

#include "base/text.h"

/* The last n lines, those of before a rotation too. fdp, which may be NULL: the file, open where
 * they end, or -1. 0 or -errno; -ENOENT: nothing was said. */
int words_last(const char *path, unsigned n, struct text *text, int *fdp);
/* Prints what there is, from a descriptor or from there on. 0 or -errno. */
int words_copy(int fd);
/* Prints what comes, over rotation, from a descriptor on (eaten; -1: from the beginning), until
 * stdout goes away. -errno. */
int words_follow(int fd, const char *path);

#endif
