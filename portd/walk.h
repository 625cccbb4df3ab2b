/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk: a path of a setting, long after it was made. */
#ifndef PORTD_WALK_H
#define PORTD_WALK_H

/* Opens (O_PATH) the directory that an absolute path is in; *namep is its last component. A symbolic
 * link on the way may be root's or this user's: one of somebody else's would decide which
 * node gets the setting. A descriptor, or -errno (-EPERM: there is such a link). May block. */
int walk_to_parent(const char *path, const char **namep);

#endif
