/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold: what the holder and its worker say to each other, and the worker's end of it.
 *
 * The holder keeps descriptors under keys, and knows nothing else of them. Messages go over
 * a SOCK_SEQPACKET pair, each one struct hold_message, with descriptors beside it where it
 * says so. What the worker sent before it died still counts. */
#ifndef PORTD_HOLD_H
#define PORTD_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct tape;
struct text;

enum hold_op {
	HOLD_PUT = 1,	/* these descriptors under that key, in the place of what was there */
	HOLD_DROP,	/* nothing under that key any more */
	HOLD_GET,	/* the key-th entry: answered by a HOLD_PUT, without descriptors when there is none */
	HOLD_PROGRAM,	/* what a new worker is to be from now on (one descriptor) */
	HOLD_OUTPUT,	/* where words go from now on (one descriptor) */
};

struct hold_message {
	uint32_t op;		/* enum hold_op */
	uint32_t restarts;	/* in an answer: how often a worker died so far */
	uint64_t key;
	uint64_t n_entries;	/* in an answer */
};

enum {
	HOLD_KEY_INSTANCE = 1,	/* the lock and the socket */
	HOLD_KEY_FIRST = 2,	/* of all others */
};

/* The worker's end. fd -1: there is no holder, and nothing is held. */
struct hold {
	int fd;
	uint64_t last_key;
	uint32_t restarts;	/* of workers before this one */
};

/* A key that nobody has. */
uint64_t hold_new_key(struct hold *hold);
/* Has what is on the tape, and its descriptors, held under a key; an error is logged. */
void hold_put(struct hold *hold, uint64_t key, const struct tape *tape);
void hold_drop(struct hold *hold, uint64_t key);
/* Calls `each` with every entry that is held, which it may drop. What cannot be read is dropped,
 * and logged. 0 or -errno. */
int hold_each(struct hold *hold, void (*each)(uint64_t key, struct tape *tape, void *arg),
    void *arg);
/* For a portd that takes the place of this one. */
void hold_put_self(struct tape *tape, const struct hold *hold);
void hold_get_self(struct tape *tape, struct hold *hold);
/* Tells it which program this is, and that its words go where ours go. */
void hold_say_program(struct hold *hold);
void hold_say_output(struct hold *hold);

#endif
