/* SPDX-License-Identifier: GPL-2.0-or-later */
/* idle: what portd itself answers on a node whose translator does not run.
 *
 * Pure functions from the bytes of a FUSE request to the bytes of its answer. */
#ifndef PORTD_IDLE_H
#define PORTD_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "wire/messages.h"

enum { IDLE_ANSWER_MAX = 320 };

struct idle {
	uint32_t kind;			/* enum node_kind */
	uint32_t nature;		/* enum node_nature */
	struct wire_attr attr;		/* of the root; valid 0: nobody computed its size */
	bool failed;			/* requests get EIO */
	uint32_t share;			/* enum node_share */
	uint32_t owner;			/* who may enter when it is shared with root alone */
};

enum idle_verdict {
	IDLE_ANSWER,		/* *out has the answer to write */
	IDLE_NOTHING,		/* there is nothing to answer */
	IDLE_START,		/* this one is for the translator */
};

/* Decides on one request. out: IDLE_ANSWER_MAX bytes. */
enum idle_verdict idle_request(const struct idle *idle, const void *request, size_t size,
    void *out, size_t *out_sizep);

/* The answer to INIT: 0 with what was negotiated in *init; 1: the kernel is asked to say
 * it again in our version; -EPROTO: it is too old, *why says so (the answer is still to be
 * written); -EBADMSG: that was no INIT. offeredp: the kernel's flags, flags2 in the upper half. */
int idle_init(const void *request, size_t size, struct wire_init *init, uint64_t *offeredp,
    void *out, size_t *out_sizep, struct text *why);

/* The answer `error` (0 or -errno) to a request; 0 when it wants none. */
size_t idle_error(const void *request, size_t size, int error, void *out);
/* What a program finds that may not start the translator, if that is an empty directory: bytes
 * written; 0: another kind of question. */
size_t idle_empty(const void *request, size_t size, void *out);
/* The end of a request that a translator had taken when it died, where the kernel cannot deliver it
 * again: ESTALE for what the kernel then asks once more by itself, else EINTR. */
size_t idle_end(uint64_t unique, uint32_t opcode, void *out);
/* The notification that has the kernel deliver again what was taken and not answered, and the
 * one that makes it look up every name again. Bytes written. */
size_t idle_resend(void *out);
size_t idle_inc_epoch(void *out);
/* Forget the root's attributes. */
size_t idle_inval_root(void *out);

#define IDLE_HAS_RESEND (1ull << 39)

#endif
