/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount: one FUSE connection: its descriptor, what it covers, what was
 * negotiated, and the recovery memory that goes with it. */
#ifndef PORTD_MOUNT_H
#define PORTD_MOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "portd/deposit.h"
#include "portd/helper.h"
#include "wire/messages.h"

struct keeper;
struct mount;
struct recovery_taken;

struct mount {
	struct list link;		/* keeper->mounts */
	struct keeper *keeper;
	int fuse;
	int beneath;			/* O_PATH of what is covered */
	int underlying;			/* O_PATH of the -U node, or -1 */
	int recovery;			/* memfd */
	struct deposits deposits;	/* of its translator */
	uint32_t id;			/* in mountinfo */
	bool beneath_known;		/* the next two, which beneath tells (lookup.c) */
	uint32_t beneath_mount;		/* 0: not on a FUSE mount */
	uint64_t beneath_id;
	uint64_t key;			/* under which the holder keeps it; 0: it does not */
	char device[32];
	struct wire_attr beneath_attr;
	struct wire_init init;
	uv_poll_t poll;			/* of fuse, or not started */
	bool polling;
	/* The connection has something to read (status 0), or is dead. */
	void (*ready)(struct mount *mount, bool dead, void *arg);
	void *arg;
};

/* What to mount; copied where it must live longer. Descriptors are eaten. */
struct mount_order {
	const char *path;
	const char *underlying_path;
	uint32_t kind;
	uint32_t nature;
	bool created;
	uint32_t share;		/* enum node_share */
	int node_fd;		/* O_PATH of the checked node, -1: open it by path */
	int underlying_fd;	/* -1: none, or by path */
};

/* mount: NULL when code is not 0; text is one line then. */
typedef void mount_done_fn(struct mount *mount, int code, const char *text, void *arg);

/* Mounts in a helper process and answers INIT. done is called once, from the
 * loop; a helper that cannot be started is reported by -errno and done is not called. */
int mount_make(struct keeper *keeper, struct mount_order *order, mount_done_fn *done, void *arg);

struct unmount_order {
	const char *path;
	const struct mount *mount;	/* NULL: not mounted, only the mode is given back */
	bool lazy;
	bool restore;
	uint32_t restore_mode;
};
typedef void unmount_done_fn(int code, const char *text, void *arg);
int mount_unmake(struct keeper *keeper, const struct unmount_order *order,
    unmount_done_fn *done, void *arg);

/* Watching for requests. */
void mount_watch(struct mount *mount, void (*ready)(struct mount *, bool dead, void *), void *arg);
void mount_unwatch(struct mount *mount);
/* Ends the connection at once, whoever holds it. False: fusectl is not mounted; it ends with the last
 * copy of the descriptor then. */
bool mount_abort(const struct mount *mount);
/* Whether the connection is over (unmounted or aborted). */
bool mount_is_dead(const struct mount *mount);
/* What its translator finds below it; the mount's. */
int mount_underlying(const struct mount *mount);
/* Fresh recovery memory: the old one is not trusted any more. 0 or -errno. */
int mount_new_recovery(struct mount *mount);
/* What the translator says that one of its RECOVERY_READERS has read and not answered; unique 0:
 * nothing. */
struct recovery_taken mount_taken(const struct mount *mount, unsigned reader);
/* Ends what the translator that died had taken, as the journal in recovery memory says, and the
 * request that it was handed. *n_endedp: how many callers were told so. False: there is no journal,
 * somebody may wait for ever. */
bool mount_end_taken(struct mount *mount, const struct recovery_taken *handed, unsigned *n_endedp);
/* A message to the kernel. 0 or -errno. */
int mount_write(struct mount *mount, const void *data, size_t size);
/* Closes everything: the kernel ends the connection unless a translator holds it, too. */
void mount_free(struct mount *mount);

#endif
