/* SPDX-License-Identifier: GPL-2.0-or-later */
/* held: what the holder holds: entries, each some descriptors under a key. */
#ifndef PORTD_HELD_H
#define PORTD_HELD_H

#include <stddef.h>
#include <stdint.h>

struct held_fd {
	int fd;
	uint64_t id;		/* in the service manager's store, of all but the first; 0: not there */
};

struct held {
	uint64_t key;
	uint64_t number;	/* in the service manager's store; 0: not there */
	size_t n_fds;
	struct held_fd fds[];
};

/* Puts descriptors (eaten) under a key, in the place of what was there, which stays when there is
 * no memory. */
void held_put(uint64_t key, const int *fds, size_t n_fds);
void held_drop(uint64_t key);
void held_drop_all(void);

size_t held_count(void);
/* By place, or by key; NULL: there is none. */
const struct held *held_at(uint64_t place);
struct held *held_find(uint64_t key);

/* For what a manager gives back: an entry of its own (NULL: no memory; eats fds either way), and
 * puts it in the place of its key's (eats it). */
struct held *held_new(uint64_t key, const int *fds, size_t n_fds);
void held_enter(struct held *held);

#endif
