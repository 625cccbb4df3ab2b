/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replace: another binary takes this portd's place: the same process, its children, its
 * descriptors, and the whole state, without anybody who uses it noticing.
 *
 * In this order: the new program is asked which states it can read; what is under way
 * comes to an end; the state is written; the new program, as a child, reads it and builds
 * all of it; only then it is put in our place. Whatever fails before leaves us as we were. */
#ifndef PORTD_REPLACE_H
#define PORTD_REPLACE_H

#include "base/argv.h"
#include "portd/dispatch.h"
#include "portd/keeper.h"

struct tape;
struct text;

/* What the other one is started with, and has of us besides the keeper's. */
struct replace_self {
	char *program;		/* where we were started from */
	struct argv argv;	/* argv[0] and the options */
	const int *lock_fd;
	const int *listen_fd;
};

/* A handler, which answers itself or lets the other one answer. */
int replace_serve(struct rpc_request *request, struct keeper_replace_in *in,
    struct keeper_replace_out *out);
/* At a signal's wish: by the program of the same path. */
void replace_by_signal(struct keeper *keeper);

/* The other side: what the program says when it is asked; that it could read a state; and,
 * once it goes on, to whoever asked for it. */
void replace_say_version(void);
void replace_say_good(void);
void replace_answer(struct keeper *keeper);

#endif
