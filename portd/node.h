/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node: a path of the user's with a translator behind it: what is set, what is
 * mounted, what runs. */
#ifndef PORTD_NODE_H
#define PORTD_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "portd/keeper.h"
#include "portd/mount.h"
#include "wire/recovery.h"
#include "portd/start.h"
#include "portd/store.h"
#include "portd/translog.h"

struct arm;
struct change;
struct options;
struct restart;
struct stale_files;

enum {
	NODE_START_TIMEOUT_MS = 60 * 1000,
	NODE_GOAWAY_MS = 5 * 1000,
	NODE_WELL_MS = 30 * 1000,	/* what has served for so long has made progress */
	NODE_CRASHES_MAX = 3,		/* in a row: then the node has failed, for a while */
	NODE_KILLS_MAX = 10,		/* likewise, by somebody else's SIGKILL or SIGSTOP */
};

struct node {
	struct list link;		/* keeper->nodes */
	struct keeper *keeper;
	char *path;
	struct setting *passive;	/* the setting, as stored */
	struct setting *run;		/* the same with the options as changed at run time */
	struct setting *active;		/* what was started over the setting; in memory only */
	bool created;
	uint32_t restore_mode;
	char *underlying_path;
	uint64_t set_at;
	uint32_t generation;
	uint32_t idle_ms;		/* NODE_TIME_*, as set */
	uint32_t deadline_ms;
	struct translog *log;
	struct stale_files *files;	/* watched while nothing runs */

	struct mount *mount;		/* NULL: not armed */
	struct incarnation *inc;	/* NULL: none runs */
	struct change *change;		/* a node_set that is under way */
	struct options *options;	/* a node_set_options that is under way */
	struct restart *restart;	/* a node_restart or node_abort that is under way */
	struct list lookups;		/* who wants a right to one of its nodes, and waits (lookup.c) */
	struct arm *arm;		/* it is being mounted, or will be soon */
	bool waits_for_outer;		/* armed when the node it is inside of starts */
	char *reason;			/* why it is not armed or has failed; NULL */
	void *pending;			/* the request that the next incarnation answers */
	size_t pending_size;
	uint32_t starts;
	uint32_t crashes;
	struct recovery_taken handed;	/* the request that started what runs */
	unsigned failures;		/* in a row, that is, without progress (blame.h) */
	unsigned rests;			/* in a row, without progress (backoff.h) */
	int64_t began_at;		/* ms; when what ran last began to serve */
	int64_t retry_at;		/* ms; requests get EIO until then */
	bool remounting;		/* after a crash: what is counted against it stays */
	uint32_t refusals;		/* programs that were not to start it */
	char *refused;			/* the last one, and by which rule; NULL */
	int64_t refused_at;		/* ms; when the log was told, 0: never */
	bool left;			/* the last one left by itself, and none came after it */
	bool resent;			/* the next incarnation gets requests again that another one took */
};

/* Makes a node of that path and puts it among the others. NULL: no memory. */
struct node *node_new(struct keeper *keeper, const char *path);
/* A node that has no process and no mount any more. */
void node_free(struct node *node);
struct node *node_find(struct keeper *keeper, const char *path);
/* The innermost other node that this one's path is inside of, or NULL. */
struct node *node_outer(const struct node *node);

/* What stands behind it, or would: active, else changed at run time, else set. */
struct setting *node_setting(const struct node *node);
/* What is in force; 0: never. */
uint32_t node_idle_ms(const struct node *node);
uint32_t node_deadline_ms(const struct node *node);
struct mount_order node_order(const struct node *node);
/* How long requests still get EIO, because it has failed; 0: it is tried with the next one. */
uint32_t node_retry_ms(const struct node *node);
enum node_state node_state(const struct node *node);
/* Something was started over the setting, or runs. */
bool node_is_active(const struct node *node);
/* "hello (pid 123)", for messages; static. */
const char *node_who(const struct node *node);
void node_say(struct node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes its row, or removes it when nothing is set. 0 or -errno with *why. */
int node_store(struct node *node, struct text *why);

/* Gives it a mount (eaten): it is idle then. */
void node_attach(struct node *node, struct mount *mount);
/* Its mount has outlived portd and (ran: meanwhile) its translator. */
void node_take_up(struct node *node, bool ran);
/* Answers what the kernel asks of a node at rest. */
void node_listen(struct node *node);
/* Takes the mount away; the caller's. */
struct mount *node_detach(struct node *node);
/* Takes over an incarnation that has announced itself, and hands the mount over. 0 or -errno. */
int node_adopt(struct node *node, struct incarnation *inc);
/* An incarnation that another portd had there serves it. */
void node_restore(struct node *node, struct incarnation *inc);
/* Takes the incarnation away; the caller's. NULL: none. */
struct incarnation *node_release(struct node *node);
/* Starts the translator now, whatever went wrong before. 0 or -errno. */
int node_start(struct node *node, uint32_t timeout_ms);
/* Its options changed while nothing ran: what the kernel remembers of it is old. */
int node_changed(struct node *node);	/* -EINVAL: before Linux 6.16, names are not forgotten */
/* What the files it reads are now; when they were others, nothing of before counts. */
void node_files_are(struct node *node, const struct argv *identities);
/* Forgets past failures. */
void node_forgive(struct node *node);
/* Ends the connection and takes the incarnation away; the caller's, to be ended. NULL: none. */
struct incarnation *node_abort(struct node *node);
/* The mount is gone (undone by hand, or aborted). */
void node_lost_mount(struct node *node, const char *why);
/* The mount is at another path now: a directory above was renamed. 0 or -ENOMEM. */
int node_moved(struct node *node, const char *path);

#endif
