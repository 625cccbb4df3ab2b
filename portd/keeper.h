/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper: everything portd keeps of nodes, and the kernel port behind which it
 * answers the tools. */
#ifndef PORTD_KEEPER_H
#define PORTD_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "base/text.h"
#include "portd/dispatch.h"
#include "portd/hold.h"
#include "portd/message.h"
#include "portd/names.h"
#include "portd/port.h"
#include "portd/right.h"
#include "portd/store.h"
#include "portd/world.h"
#include "wire/messages.h"

struct admit;
struct groups;
struct node;
struct replace_self;
struct replacement;
struct stale;
struct state;
struct watch;
struct watchdog;

struct keeper {
	uv_loop_t *loop;
	struct world *world;
	struct store *store;
	struct port *port;		/* the tools' requests arrive here */
	struct names names;		/* which the same port answers for */
	struct watch *watch;		/* of the mount table */
	struct admit *admit;		/* who may start a translator by looking */
	struct stale *stale;		/* watches the files of nodes at rest */
	struct groups *groups;		/* of translators; NULL: not yet begun */
	struct watchdog *watchdog;	/* finds translators that are stuck */
	struct list nodes;		/* struct node, by path */
	struct list mounts;		/* struct mount, with or without a node */
	struct list incarnations;	/* struct incarnation, with or without a node */
	struct list arms;		/* struct arm: nodes waiting to be mounted */
	unsigned n_arming;
	uint32_t n_nodes;
	char *runtime_dir;
	char *state_dir;
	char *log_dir;
	uint32_t idle_ms;		/* a translator leaves after so long without requests */
	uint32_t deadline_ms;		/* and is killed when it has not moved for so long; 0: never */
	uint64_t since;			/* seconds since 1970 */
	bool no_resend;			/* do as if it had not */
	bool no_sandbox;		/* for debugging: translators may all that the user may */
	uint64_t memory;		/* bytes that a translator may have; 0: no limit */
	bool resend;			/* the kernel offered FUSE_HAS_RESEND */
	bool stopping;
	struct hold hold;		/* who keeps what must outlive a crash */
	unsigned n_returning;		/* translators that were there before us and have not spoken yet */
	void (*returned)(void *arg);	/* called when there are none, or no more are waited for */
	struct replacement *replacement;	/* portd is about to be replaced */
	const struct replace_self *self;	/* what that needs to know of it */
	struct right asked;		/* whom to answer when that is done, or NULL */
	void (*stop)(void *arg);	/* keeper_stop was called */
	void *stop_arg;
};

struct keeper_config {
	uv_loop_t *loop;
	struct world *world;
	struct store *store;
	char *runtime_dir;	/* eaten, as the others are */
	char *state_dir;
	char *log_dir;
	uint32_t idle_ms;
	uint32_t deadline_ms;
	bool no_resend;
	bool no_sandbox;
	uint64_t memory;
	struct hold hold;	/* the way to the holder stays the caller's */
	const struct replace_self *self;
	void (*stop)(void *arg);
	void (*returned)(void *arg);
	void *stop_arg;		/* of both */
};

/* Takes the configuration only, for a state that is read; 0 or -errno with one line. */
int keeper_open(struct keeper *keeper, const struct keeper_config *config, struct text *why);
/* The port that the tools know. False: it is not on the tape. */
bool keeper_claim_port(struct keeper *keeper, struct state *state);
/* Loads the settings; 0 or -errno with one line in *why. keeper_deinit must follow either way. */
int keeper_init(struct keeper *keeper, const struct keeper_config *config, struct text *why);
/* Clears up after a dead portd and arms all settings. */
void keeper_begin(struct keeper *keeper);
/* Asks all translators to go and unmounts everything; done is called when nothing is left,
 * or when the patience is over. */
void keeper_end(struct keeper *keeper, void (*done)(void *arg), void *arg);
/* After keeper_end, or before keeper_begin. Handles close in the loop's next turns. */
void keeper_deinit(struct keeper *keeper);

#endif
