/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stale: notices, while no translator runs, that a file it reads has changed: what
 * the kernel remembers of the node would be believed else for a long time. */
#ifndef PORTD_STALE_H
#define PORTD_STALE_H

struct keeper;
struct node;
struct stale;

struct stale *stale_new(struct keeper *keeper);		/* NULL with errno */
void stale_free(struct stale *stale);
/* The translator is gone: watches the files of the node's setting, if there are any. */
void stale_begin(struct node *node);
/* One is about to run, which watches them itself; or the node goes away. */
void stale_end(struct node *node);

#endif
