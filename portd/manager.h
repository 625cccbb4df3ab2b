/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager: a service manager that keeps descriptors (sd_notify(3), FDSTORE) gets all that is held,
 * and gives it back to the holder that it starts after this one. */
#ifndef PORTD_MANAGER_H
#define PORTD_MANAGER_H

struct held;

/* Finds it, by the environment, and takes what it gave. 0, or -ENOMEM. */
int manager_begin(void);
/* Stores an entry; old: what was there under its key, or NULL. */
void manager_store(struct held *held, const struct held *old);
/* Removes one; now: what has taken its place, or NULL. */
void manager_forget(const struct held *held, const struct held *now);

#endif
