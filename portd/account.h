/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account: what tasks and users make portd keep, and how much of it they may.
 *
 * Who brought a thing about pays for it as long as it is there, even when the task has
 * ended since: an account lasts until nothing is left on it. A task may use what the
 * table allows it, and no more than half of what the others have left of its user's
 * share; so one that takes all it can get leaves something for everybody. */
#ifndef PORTD_ACCOUNT_H
#define PORTD_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/list.h"

struct world;

/* LIMIT(kind, of a task, of a user) */
#define ACCOUNT_LIMITS(LIMIT) \
	/* Names in a space: 120 bytes each. */ \
	LIMIT(RIGHTS, 1 << 16, 1 << 18) \
	/* Ports that live, wherever their rights are; paid for by who allocated them. 400 bytes \
	 * each. More than names: 100000 of them nested in messages are a case of the suite. */ \
	LIMIT(PORTS, 1 << 17, 1 << 18) \
	/* Messages that nobody has received yet; above one port's PORT_QUEUE_MAX. */ \
	LIMIT(MESSAGES, 1 << 17, 1 << 19) \
	/* Bytes of them, in portd's own memory. */ \
	LIMIT(BYTES, 64 << 20, 256 << 20) \
	/* Descriptors in them, those of regions included; portd has some thousands. */ \
	LIMIT(DESCRIPTORS, 128, 1024) \
	/* Regions in them: each pins up to PORT_MSG_MEMORY_MAX bytes of a file of the sender's. */ \
	LIMIT(REGIONS, 32, 128) \
	/* Connections, one for each thread: a descriptor and 4 KiB of the kernel's. */ \
	LIMIT(CONNECTIONS, 256, 4096)

enum account_kind {
#define LIMIT(kind, of_task, of_user) ACCOUNT_##kind,
	ACCOUNT_LIMITS(LIMIT)
#undef LIMIT
	ACCOUNT_KINDS
};

enum {
#define LIMIT(kind, of_task, of_user) ACCOUNT_##kind##_MAX = (of_task),
	ACCOUNT_LIMITS(LIMIT)
#undef LIMIT
};

/* Messages in one queue, whatever right they came by: no flood of send-once rights makes a
 * number wrap round. */
enum { PORT_QUEUE_MAX = 65534 };

struct account_user {
	struct list link;		/* in the world */
	uid_t uid;
	unsigned n_accounts;
	size_t used[ACCOUNT_KINDS];
};

struct account {
	struct list link;		/* in the world */
	struct account_user *user;
	bool closed;			/* the task has ended */
	size_t used[ACCOUNT_KINDS];
	bool had_much;			/* of something, at some time */
	size_t audit[ACCOUNT_KINDS];	/* what account_check counted */
};

/* NULL: no memory. */
struct account *account_new(struct world *world, uid_t uid);
/* The task ends; the account goes when nothing is left on it. */
void account_close(struct account *account);
/* Whether it may have n more. */
bool account_allows(const struct account *account, enum account_kind kind, size_t n);
/* Takes n more, if it may. A NULL account, here and below, is portd's own: it may all. */
bool account_charge(struct account *account, enum account_kind kind, size_t n);
/* Takes n more, which are there already. */
void account_add(struct account *account, enum account_kind kind, size_t n);
void account_return(struct account *account, enum account_kind kind, size_t n);
/* Debug: all accounts say what there is; aborts with a line when they do not. */
void account_check(const struct world *world);

/* Between requests: gives the system back what a flood had taken. */
void account_tidy(void);

#endif
