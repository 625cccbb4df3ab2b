/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape: the state of a portd on its way to the one that replaces it: values one after
 * another, in a sealed file of memory, with the descriptors that go along.
 *
 * Little-endian and unpadded as in wire/codec.h, but as long as it takes; a string has its
 * NUL inside its length. Nothing that was put owns anything. What was got owns the
 * descriptors until they are taken; those that nobody took are closed. One error is
 * latched; after it, everything that is got is zero or empty. */
#ifndef PORTD_TAPE_H
#define PORTD_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/argv.h"
#include "base/text.h"
#include "wire/codec.h"

enum {
	TAPE_VERSION = 3,	/* of what is on it: a step for every change */
	TAPE_FDS_MAX = 1 << 20,
};

struct tape {
	uint8_t *data;
	size_t size, room, at;
	int *fds;
	size_t n_fds, fds_room;
	bool owns;		/* the descriptors: it was opened */
	int error;		/* 0, -ENOMEM, -EBADMSG */
};

#define AUTO_TAPE __attribute__((cleanup(tape_deinit)))

void tape_deinit(struct tape *tape);
/* Into a file, which *fdp becomes: close-on-exec. 0 or -errno. */
int tape_write(const struct tape *tape, int *fdp);
/* From a file, whole or not at all: -EBADMSG with a line. Eats fd. The descriptors on it
 * become close-on-exec. */
int tape_open(struct tape *tape, int fd, struct text *why);
/* The same, but the descriptors (eaten) are these. */
int tape_open_with(struct tape *tape, int fd, const int *fds, size_t n_fds, struct text *why);
/* Makes them survive an exec, or not. */
void tape_inherit(const struct tape *tape, bool inherit);

void tape_put_u32(struct tape *tape, uint32_t value);
void tape_put_u64(struct tape *tape, uint64_t value);
void tape_put_str(struct tape *tape, const char *value);	/* NULL as "" */
void tape_put_blob(struct tape *tape, const void *data, size_t size);
void tape_put_fd(struct tape *tape, int fd);			/* -1: none */

uint32_t tape_get_u32(struct tape *tape);
uint32_t tape_get_max(struct tape *tape, uint32_t max);		/* at most so much */
bool tape_get_bool(struct tape *tape);
/* A number of things that follow, each of which takes so many bytes at least. */
uint32_t tape_get_count(struct tape *tape, size_t bytes_each);
uint64_t tape_get_u64(struct tape *tape);
/* These live as long as the tape. */
const char *tape_get_str(struct tape *tape);			/* never NULL */
struct wire_blob tape_get_blob(struct tape *tape);
bool tape_get_bytes(struct tape *tape, void *to, size_t size);	/* a blob of just that size */
bool tape_get_argv(struct tape *tape, struct argv *argv);
int tape_get_fd(struct tape *tape);				/* the caller's, or -1 */
/* The same, but there must be one. */
int tape_get_some_fd(struct tape *tape);
/* What was read makes no sense: latches -EBADMSG. False. */
bool tape_spoil(struct tape *tape);

#endif
