/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain: a change from the inside: its state, and the steps that its files share.
 *
 *   decide.c   the request, what it means for this node, starting the new translator
 *   detach.c   unmounting, and asking the old translator to go
 *   record.c   what is set
 *   change.c   mounting, putting back, the answer */
#ifndef PORTD_CHAIN_H
#define PORTD_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "portd/change.h"
#include "portd/node.h"

/* What is set on a node, to put back. */
struct record {
	struct setting *passive;
	struct setting *run;
	struct setting *active;
	char *underlying_path;
	bool created;
	uint32_t restore_mode;
	uint64_t set_at;
	uint32_t idle_ms, deadline_ms;
};

struct change {
	struct keeper *keeper;
	struct node *node;
	struct right reply;		/* RIGHT_NULL: answered already (a pause) */
	uint32_t reply_id;
	uint32_t flags;
	uint32_t goaway;
	uint32_t timeout_ms;
	uint32_t idle_ms, deadline_ms;	/* NODE_TIME_* */
	struct setting *setting;	/* NULL: remove */
	char *underlying_path;
	uint32_t restore_mode;
	int node_fd;
	int underlying_fd;
	bool stored;			/* starts what is set already */
	bool in_place;			/* on the mount that there is */
	bool waiting;			/* for the node to be armed */
	bool paused;
	bool forced;			/* the second try to unmount */
	bool unmounted;			/* put the old mount back when it fails */
	bool recorded;			/* the record was changed: put it back when it fails */
	struct incarnation *candidate;
	struct node *inner;		/* inside of the node, being taken down */
	struct mount *old_mount;
	struct record before;
	uint32_t pid;
	int code;
	char text[1024];
};

/* Remembers the first failure, one line. Returns its code. */
int change_fail(struct change *change, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Answers who asked, if that was not done before. */
void change_answer(struct change *change);
/* Answers, and ends the change. */
void change_finish(struct change *change);
/* It failed: the record and the mount become what they were. Ends the change. */
void change_put_back(struct change *change);
/* Does what can be done now, or goes to the first step. */
void change_decide(struct change *change);
/* Takes the old mount and the old translator away, then replaces them. */
void change_detach(struct change *change);
/* They are away: writes the record and mounts what is to be there. */
void change_replace(void *change);
/* Whether it starts a translator, and whether it leaves alone what runs. */
bool change_wants_start(const struct change *change);
bool change_keeps_active(const struct change *change);

void record_deinit(struct record *record);
/* Gives the node what it had; eats what is in it. */
void record_put_back(struct record *record, struct node *node);
/* Changes what is set as the change says, remembering what was, and stores it. 0, or the
 * code of change_fail. */
int record_write(struct change *change);

#endif
