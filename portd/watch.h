/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch: notices what others do to our mounts: undone by hand, moved with a
 * directory above. */
#ifndef PORTD_WATCH_H
#define PORTD_WATCH_H

struct keeper;
struct watch;

struct watch *watch_new(struct keeper *keeper);	/* NULL with errno */
/* Looks now: a directory above that was renamed changes nothing in the table that would wake
 * who polls it. */
void watch_look(struct watch *watch);
void watch_free(struct watch *watch);

#endif
