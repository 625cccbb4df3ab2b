/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deposit: a few, so they are looked for from the front. */
#include "portd/deposit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "wire/messages.h"

static struct deposit *
find(const struct deposits *deposits, uint64_t key)
{
	for (uint32_t i = 0; i < deposits->n; i++)
		if (deposits->all[i].key == key)
			return &deposits->all[i];
	return NULL;
}

static void *
close_it(void *fd)
{
	int mine = (int)(intptr_t)fd;

	fd_close(&mine);
	return NULL;
}

/* The last close of a file asks the file system that it is of, which may be slow, or a node of
 * our own: not in the loop. */
static void
close_aside(int fd)
{
	pthread_attr_t detached;
	pthread_t thread;
	int err;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &detached, close_it, (void *)(intptr_t)fd);
	pthread_attr_destroy(&detached);
	if (err != 0)
		close_it((void *)(intptr_t)fd);
}

static int
make_room(struct deposits *deposits)
{
	uint32_t room = deposits->room ? deposits->room * 2 : 8;
	struct deposit *all;

	if (deposits->n < deposits->room)
		return 0;
	if (deposits->n >= FSYS_DEPOSITS_MAX)
		return -ENOSPC;
	all = realloc(deposits->all, room * sizeof(*all));
	if (!all)
		return -ENOMEM;
	deposits->all = all;
	deposits->room = room;
	return 0;
}

/* See deposit.h. */
int
deposit_put(struct deposits *deposits, uint64_t key, int fd)
{
	struct deposit *old = find(deposits, key);
	int err;

	if (old) {
		close_aside(old->fd);
		old->fd = fd;
		return 0;
	}
	err = make_room(deposits);
	if (err == 0)
		deposits->all[deposits->n++] = (struct deposit){ key, fd };
	return err;
}

/* See deposit.h. */
int
deposit_get(const struct deposits *deposits, uint64_t key)
{
	const struct deposit *found = find(deposits, key);
	int fd = found ? fcntl(found->fd, F_DUPFD_CLOEXEC, 3) : -1;

	if (!found)
		return -ENOENT;
	return fd < 0 ? -errno : fd;
}

/* See deposit.h. */
int
deposit_remove(struct deposits *deposits, uint64_t key)
{
	struct deposit *found = find(deposits, key);

	if (!found)
		return -ENOENT;
	close_aside(found->fd);
	*found = deposits->all[--deposits->n];
	return 0;
}

/* See deposit.h. */
void
deposits_deinit(struct deposits *deposits)
{
	for (uint32_t i = 0; i < deposits->n; i++)
		close_aside(deposits->all[i].fd);
	free(deposits->all);
	*deposits = (struct deposits){ 0 };
}
