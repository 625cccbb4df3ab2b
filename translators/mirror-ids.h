/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-ids: users and groups below, shown as others. */
#ifndef TRANSLATORS_MIRROR_IDS_H
#define TRANSLATORS_MIRROR_IDS_H

#include <stdbool.h>
#include <stdint.h>

/* Shown in place of an id that a map has nothing for; the kernel's own number for it. */
enum { IDS_NONE = 65534 };

struct ids;		/* NULL: every id is shown as it is */

/* From words, FROM:TO[:COUNT] each, that end with NULL (or words is NULL). 0, or -errno, said with
 * trans_error; option: for messages. */
int ids_new(struct ids **idsp, const char *option, const char *const *ranges);
void ids_free(struct ids *ids);
uint32_t ids_shown(const struct ids *ids, uint32_t below);
/* false: nothing below is shown as this. */
bool ids_below(const struct ids *ids, uint32_t shown, uint32_t *belowp);

#endif
