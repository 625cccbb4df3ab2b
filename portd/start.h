/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start: one incarnation of a translator: a process, its task, its start-up
 * port and its control port.
 *
 * Its owner is told what happens to it. Without an owner (it left, it was told to
 * go, it is an orphan) it is seen to its end and reaped. */
#ifndef PORTD_START_H
#define PORTD_START_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/confine.h"
#include "base/list.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/pulse.h"
#include "portd/right.h"
#include "portd/store.h"
#include "portd/translog.h"
#include "portd/world.h"

struct incarnation;
struct keeper;
struct mount;
struct node;
struct state;

struct incarnation_owner {
	/* It has called fsys_startup, which waits for incarnation_hand_over. attr: NULL when it
	 * said nothing of its root. identities: what its files are now, or NULL. */
	void (*announced)(struct incarnation *inc, void *arg);
	/* It stopped reading requests and is about to exit: nobody owns it when this returns. */
	void (*left)(struct incarnation *inc, uint32_t reason, void *arg);
	/* It is dead, or as good as: nobody owns it when this returns. why: one line. */
	void (*died)(struct incarnation *inc, int code, const char *why, void *arg);
	/* What it serves, for its deposits; NULL: nothing yet. The slot may be empty. */
	struct mount *(*mount)(void *arg);
	/* Its deposits are others now. */
	void (*deposited)(void *arg);
};

enum incarnation_state {
	INCARNATION_LAUNCHED,		/* fsys_startup is awaited */
	INCARNATION_ANNOUNCED,		/* and waits for its answer */
	INCARNATION_SERVING,
	INCARNATION_LEAVING,
};

struct incarnation {
	struct list link;		/* keeper->incarnations */
	struct keeper *keeper;
	const struct incarnation_owner *owner;
	void *arg;
	enum incarnation_state state;
	char *name;			/* of the translator, for messages */
	uint32_t kind;			/* that it was set as; 0: nobody knows any more */
	uint64_t since;			/* seconds since 1970 */
	pid_t pid;
	int pidfd;
	uv_poll_t exit_poll;
	uv_timer_t timer;
	uv_timer_t rest;		/* after its end, until what it has started is gone, too */
	uv_poll_t log_poll;
	struct translog_pipe words;
	struct translog *log;
	unsigned n_handles;
	int leash;			/* our end (leash.h); -1: it does not serve yet */
	int leash_theirs;		/* the other one, until it has got it */
	bool adopted;			/* no child of ours: another portd, which died, started it */
	bool returning;			/* and we wait for its word */
	struct port *port;		/* start-up; receives also the answers of the control port */
	struct task *task;		/* NULL: gone */
	struct right control;
	struct right startup_reply;
	struct wire_attr attr;		/* as it said last; valid 0: nothing */
	bool has_attr;
	struct argv identities;		/* of its files, as a helper saw them at start; empty: not asked */
	struct helper *identify;
	struct confine_report sandbox;	/* what is in force */
	char group[40];			/* its control group (groups.h); "": none */
	unsigned n_looks;		/* whether that is empty, after its end */
	const char *ended;		/* why it was killed, when portd did it; else NULL */
	bool killed;			/* or stopped, by somebody else: its end is not its own doing */
	uint32_t timeout_ms;		/* of its start */
	uint32_t wasted_ms;		/* time that it did nothing before that */
	bool restarting;		/* it was asked to make way */
	struct pulse pulse;
	struct mount *orphaned;		/* the mount that goes with an orphan */
	void (*on_options)(struct incarnation *inc, struct message *reply, void *arg);
	void *on_options_arg;
	void (*on_gone)(void *arg);	/* the process has ended */
	void *on_gone_arg;
};

/* Starts what `setting` says. underlying: O_PATH of what it stands on, still the caller's, or
 * -1. timeout_ms: until it announces itself, 0: for ever. NULL with errno. */
struct incarnation *incarnation_start(struct keeper *keeper, const struct setting *setting,
    int underlying, struct translog *log, uint32_t timeout_ms,
    const struct incarnation_owner *owner, void *arg);
/* An empty one, to be filled in for one of the next two (which eat it), or incarnation_drop.
 * NULL: no memory. */
struct incarnation *incarnation_new(struct keeper *keeper, struct translog *log);
void incarnation_drop(struct incarnation *inc);
/* Takes up one that serves, and whose portd has died: sends it a connection to us. False: it
 * is dead, and has been dropped. */
bool incarnation_adopt(struct incarnation *inc);
/* Takes up one that another portd has begun: its port is the next on the tape. False: that
 * is not one, or it cannot be watched. */
bool incarnation_restore(struct incarnation *inc, struct state *state);
void incarnation_set_owner(struct incarnation *inc, const struct incarnation_owner *owner,
    void *arg);
/* Pauses, or starts again, the start-up limit. */
void incarnation_set_timeout(struct incarnation *inc, uint32_t timeout_ms);

struct hand_over {
	const struct mount *mount;
	const void *pending;		/* the request that started it */
	size_t pending_size;
	uint32_t generation;
	bool resent;
	uint32_t share;			/* enum node_share */
	uint32_t idle_ms;		/* 0: it stays */
};
/* Makes its leash: what is put into a deposit then serves. 0 or -errno. */
int incarnation_make_leash(struct incarnation *inc);
/* Answers fsys_startup. 0 or -errno. */
int incarnation_hand_over(struct incarnation *inc, const struct hand_over *what);
/* Asks it to go and takes it from its owner; kills it when it has not gone after
 * deadline_ms. gone (may be NULL) is called when the process has ended. */
void incarnation_goaway(struct incarnation *inc, uint32_t flags, uint32_t deadline_ms,
    void (*gone)(void *arg), void *arg);
/* Takes it from its owner and lets it serve `mount` (eaten) until that is dead. */
void incarnation_orphan(struct incarnation *inc, struct mount *mount);
void incarnation_kill(struct incarnation *inc);
/* Kills one that serves, and tells its owner, with a reason that lives for ever. wasted_ms: how
 * long it was good for nothing before that. */
void incarnation_end(struct incarnation *inc, const char *why, uint32_t wasted_ms);
/* Asks it to make way: it leaves (FSYS_LEAVE_RESTART), or dies when it has not after deadline_ms,
 * 0: never. False: it cannot be asked. */
bool incarnation_restart(struct incarnation *inc, uint32_t deadline_ms);
/* Has pulse_answer called, unless it dies. False: it cannot be asked. */
bool incarnation_ping(struct incarnation *inc);
/* The node that owns it, or NULL. */
struct node *incarnation_node(const struct incarnation *inc);
/* Sends a request to its control port; `reply` is called with the answer, or with NULL when there
 * comes none. One at a time: false when another one is under way, or it does not serve. Eats body. */
bool incarnation_options(struct incarnation *inc, struct message *request,
    void (*reply)(struct incarnation *, struct message *, void *), void *arg);

#endif
