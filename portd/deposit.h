/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deposit: open descriptors that a translator leaves for its successor, kept with the mount.
 *
 * What cannot be opened again, as a file that is unlinked while it is open, outlives a crash
 * this way. They are served to whichever incarnation asks. */
#ifndef PORTD_DEPOSIT_H
#define PORTD_DEPOSIT_H

#include <stdint.h>

struct deposits {
	struct deposit {
		uint64_t key;
		int fd;
	} *all;
	uint32_t n, room;
};

/* Keeps fd under a number, in the place of what was there. 0; or -ENOSPC, -ENOMEM, and fd is the
 * caller's still. */
int deposit_put(struct deposits *deposits, uint64_t key, int fd);
/* A copy, or -ENOENT, -EMFILE. */
int deposit_get(const struct deposits *deposits, uint64_t key);
/* -ENOENT: there is none. */
int deposit_remove(struct deposits *deposits, uint64_t key);
void deposits_deinit(struct deposits *deposits);

#endif
