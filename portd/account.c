/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account: sums, limits, and the proof that the sums are right. */
#include "portd/account.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/task.h"

enum { MUCH = 4 };	/* one in so many of what a task may have */

static const struct {
	const char *name;
	size_t of_task;
	size_t of_user;
} limits[ACCOUNT_KINDS] = {
#define LIMIT(kind, of_task, of_user) [ACCOUNT_##kind] = { #kind, of_task, of_user },
	ACCOUNT_LIMITS(LIMIT)
#undef LIMIT
};

/* The user's, made when it has none. */
static struct account_user *
get_user(struct world *world, uid_t uid)
{
	struct account_user *user;

	LIST_FOR_EACH(link, next, &world->users) {
		user = LIST_ENTRY(link, struct account_user, link);
		if (user->uid == uid)
			return user;
	}
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	list_link_tail(&world->users, &user->link);
	return user;
}

/* An account with nothing on it. */
struct account *
account_new(struct world *world, uid_t uid)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	account->user = get_user(world, uid);
	if (!account->user) {
		free(account);
		return NULL;
	}
	account->user->n_accounts++;
	list_link_tail(&world->accounts, &account->link);
	return account;
}

static bool
is_empty(const struct account *account)
{
	for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
		if (account->used[kind] > 0)
			return false;
	return true;
}

/* An account that once had much is settled: what it had is free, or about to be. */
static bool much_is_free;

/* After a flood malloc would keep for good what it left; once everything that goes with
 * it has gone. */
void
account_tidy(void)
{
	if (!much_is_free)
		return;
	much_is_free = false;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void
settle(struct account *account)
{
	struct account_user *user = account->user;

	if (!account->closed || !is_empty(account))
		return;
	if (account->had_much)
		much_is_free = true;
	list_unlink(&account->link);
	free(account);
	if (--user->n_accounts == 0) {
		list_unlink(&user->link);
		free(user);
	}
}

/* Nobody will be charged here any more but for what is there already. */
void
account_close(struct account *account)
{
	account->closed = true;
	settle(account);
}

/* Its own and n more must be within the table, and within half of what the others of
 * the same user leave. */
bool
account_allows(const struct account *account, enum account_kind kind, size_t n)
{
	size_t own, others, left;

	if (!account)
		return true;
	own = account->used[kind];
	others = account->user->used[kind] - own;
	left = others < limits[kind].of_user ? (limits[kind].of_user - others) / 2 : 0;
	if (left > limits[kind].of_task)
		left = limits[kind].of_task;
	return own <= left && n <= left - own;
}

/* Asks and takes. */
bool
account_charge(struct account *account, enum account_kind kind, size_t n)
{
	if (!account_allows(account, kind, n))
		return false;
	account_add(account, kind, n);
	return true;
}

/* Takes without asking. */
void
account_add(struct account *account, enum account_kind kind, size_t n)
{
	if (!account)
		return;
	account->used[kind] += n;
	account->user->used[kind] += n;
	if (account->used[kind] > limits[kind].of_task / MUCH)
		account->had_much = true;
}

/* Gives back; a closed account may be gone then. */
void
account_return(struct account *account, enum account_kind kind, size_t n)
{
	if (!account)
		return;
	account->used[kind] -= n;
	account->user->used[kind] -= n;
	if (account->closed)
		settle(account);
}

/* The proof ----------------------------------------------------------------------- */

static void
require(bool holds, const char *rule, const char *kind, size_t a, size_t b)
{
	if (holds)
		return;
	fprintf(stderr, "portd: account_check: %s: %s (%zu, %zu)\n", kind, rule, a, b);
	abort();
}

static void
count_message(const struct message *message)
{
	struct account *account = message->account;

	if (!account)
		return;
	account->audit[ACCOUNT_MESSAGES]++;
	account->audit[ACCOUNT_BYTES] += message->bill.bytes;
	account->audit[ACCOUNT_DESCRIPTORS] += message->bill.descriptors;
	account->audit[ACCOUNT_REGIONS] += message->bill.regions;
}

static void
count_all(const struct world *world)
{
	LIST_FOR_EACH(link, next, &world->accounts)
		for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
			LIST_ENTRY(link, struct account, link)->audit[kind] = 0;
	LIST_FOR_EACH(link, next, &world->ports) {
		const struct port *port = LIST_ENTRY(link, struct port, link);

		if (port->account)
			port->account->audit[ACCOUNT_PORTS]++;
	}
	LIST_FOR_EACH(link, next, &world->messages)
		count_message(LIST_ENTRY(link, struct message, world));
	LIST_FOR_EACH(link, next, &world->tasks) {
		const struct task *task = LIST_ENTRY(link, struct task, link);

		require(!task->account->closed, "a task has an account", "task", task->id, 0);
		task->account->audit[ACCOUNT_RIGHTS] += task->space.n_entries;
		task->account->audit[ACCOUNT_CONNECTIONS] += task->n_connections;
	}
}

static void
check_user(const struct world *world, const struct account_user *user)
{
	unsigned n_accounts = 0;
	size_t used[ACCOUNT_KINDS] = { 0 };

	LIST_FOR_EACH(link, next, &world->accounts) {
		const struct account *account = LIST_ENTRY(link, struct account, link);

		if (account->user != user)
			continue;
		n_accounts++;
		for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
			used[kind] += account->used[kind];
	}
	require(n_accounts == user->n_accounts, "accounts of a user", "user",
	    n_accounts, user->n_accounts);
	for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
		require(used[kind] == user->used[kind], "a user has what his tasks have",
		    limits[kind].name, used[kind], user->used[kind]);
}

/* Counts anew all that somebody pays for. */
void
account_check(const struct world *world)
{
	count_all(world);
	LIST_FOR_EACH(link, next, &world->accounts) {
		const struct account *account = LIST_ENTRY(link, struct account, link);

		for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
			require(account->audit[kind] == account->used[kind], "what is there is paid for",
			    limits[kind].name, account->audit[kind], account->used[kind]);
		require(!account->closed || !is_empty(account),
		    "a closed account is not empty", "account", 0, 0);
	}
	LIST_FOR_EACH(link, next, &world->users)
		check_user(world, LIST_ENTRY(link, struct account_user, link));
}
