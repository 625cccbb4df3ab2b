/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager: systemd's protocol, spoken by hand.
 *
 * It keeps each open file only once, so each has a name of its own, "f-ID". The first
 * descriptor of an entry is new every time that it is put, and its name is the entry:
 * "e-KEY-NUMBER-ID-ID...". An entry is there as soon as that name is, since what it names was
 * stored before. */
#include "portd/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/held.h"
#include "portd/pass.h"

enum {
	GIVEN_FD = 3,		/* the first one that it gave */
	NAME_MAX_SIZE = 256,	/* of a name in its store */
};

static struct {
	int socket;		/* -1: there is no manager, or it wants to hear nothing */
	struct sockaddr_un address;
	socklen_t size;
	uint64_t last_id, last_number;
} manager = { .socket = -1 };

/* Its store -------------------------------------------------------------------------- */

static void
notify(const char *what, const char *name, int fd)
{
	char text[NAME_MAX_SIZE + 64];
	union pass pass;
	struct iovec iov = { .iov_base = text };
	struct msghdr header = {
		.msg_name = &manager.address, .msg_namelen = manager.size,
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	/* It would forget a descriptor at whose other end nobody is; that is for the worker. */
	iov.iov_len = (size_t)snprintf(text, sizeof(text), "%s\nFDNAME=%s%s", what, name,
	    fd >= 0 ? "\nFDPOLL=0" : "");
	pass_put(&header, &pass, &fd, fd >= 0);
	if (sendmsg(manager.socket, &header, MSG_NOSIGNAL) < 0)
		log_error("the service manager cannot be told: %s", strerror(errno));
}

static void
store_fd(uint64_t id, int fd)
{
	char name[NAME_MAX_SIZE];

	snprintf(name, sizeof(name), "f-%llx", (unsigned long long)id);
	notify(fd >= 0 ? "FDSTORE=1" : "FDSTOREREMOVE=1", name, fd);
}

/* False: there are too many descriptors for a name. */
static bool
name_entry(const struct held *held, char *name, size_t room)
{
	size_t size = (size_t)snprintf(name, room, "e-%llx-%llx", (unsigned long long)held->key,
	    (unsigned long long)held->number);

	for (size_t i = 1; i < held->n_fds && size < room; i++)
		size += (size_t)snprintf(name + size, room - size, "-%llx",
		    (unsigned long long)held->fds[i].id);
	return size < room;
}

static bool
is_same_file(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, a, b) == 0;
}

/* Where the same file is in an entry, or NULL. */
static const struct held_fd *
find_file(const struct held *held, int fd)
{
	for (size_t i = 1; held && i < held->n_fds; i++)
		if (is_same_file(held->fds[i].fd, fd))
			return &held->fds[i];
	return NULL;
}

/* What is new goes there first, then the name that says what belongs together. */
void
manager_store(struct held *held, const struct held *old)
{
	char name[NAME_MAX_SIZE];

	if (manager.socket < 0)
		return;
	for (size_t i = 1; i < held->n_fds; i++) {
		const struct held_fd *known = find_file(old, held->fds[i].fd);

		held->fds[i].id = known && known->id ? known->id : ++manager.last_id;
		if (!known || !known->id)
			store_fd(held->fds[i].id, held->fds[i].fd);
	}
	held->number = ++manager.last_number;
	if (name_entry(held, name, sizeof(name)))
		notify("FDSTORE=1", name, held->fds[0].fd);
	else
		log_error("too many descriptors for the service manager's store");
}

/* What it shares with what has taken its place stays. */
void
manager_forget(const struct held *held, const struct held *now)
{
	char name[NAME_MAX_SIZE];

	if (manager.socket < 0 || held->number == 0)
		return;
	if (name_entry(held, name, sizeof(name)))
		notify("FDSTOREREMOVE=1", name, -1);
	for (size_t i = 1; i < held->n_fds; i++)
		if (!find_file(now, held->fds[i].fd))
			store_fd(held->fds[i].id, -1);
}

/* What it gave back --------------------------------------------------------------------- */

/* $NOTIFY_SOCKET, which is nobody else's: not the worker's, nor a translator's. */
static void
find_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t size = path ? strlen(path) : 0;

	if (size < 2 || size >= sizeof(manager.address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, path, size);
	if (path[0] == '@')
		manager.address.sun_path[0] = '\0';
	manager.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsetenv("NOTIFY_SOCKET");
}

/* How many descriptors a manager has given us. */
static int
count_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	return pid && n && atoi(pid) == getpid() && atoi(n) > 0 ? atoi(n) : 0;
}

/* A number that follows a dash. */
static bool
next_number(const char **atp, uint64_t *valuep)
{
	char *end;

	if (**atp != '-')
		return false;
	errno = 0;
	*valuep = strtoull(*atp + 1, &end, 16);
	if (errno || end == *atp + 1)
		return false;
	*atp = end;
	return true;
}

/* The given descriptor that is called so; -1: none is. */
static int
find_given(char *const *names, int n, uint64_t id)
{
	for (int i = 0; i < n; i++) {
		const char *at = names[i];
		uint64_t value;

		if (*at++ == 'f' && next_number(&at, &value) && value == id)
			return GIVEN_FD + i;
	}
	return -1;
}

/* An entry by its name, unless a younger one is there, or something is missing. */
static void
take_entry(char *const *names, int n, int i)
{
	const char *at = names[i] + 1;
	int fds[PASS_MAX] = { fcntl(GIVEN_FD + i, F_DUPFD_CLOEXEC, GIVEN_FD + n) };
	uint64_t key, number, ids[PASS_MAX];
	size_t n_fds = 1;
	bool whole = names[i][0] == 'e' && next_number(&at, &key) && next_number(&at, &number);
	struct held *held, *old;

	while (whole && n_fds < PASS_MAX && next_number(&at, &ids[n_fds])) {
		int given = find_given(names, n, ids[n_fds]);

		whole = given >= 0;
		fds[n_fds++] = given < 0 ? -1 : fcntl(given, F_DUPFD_CLOEXEC, GIVEN_FD + n);
	}
	old = whole ? held_find(key) : NULL;
	if (!whole || (old && old->number > number)) {
		for (size_t j = 0; j < n_fds; j++)
			fd_close(&fds[j]);
		return;
	}
	held = held_new(key, fds, n_fds);	/* eats fds */
	if (!held)
		return;
	held->number = number;
	for (size_t j = 1; j < n_fds; j++)
		held->fds[j].id = ids[j];
	held_enter(held);	/* eats held */
}

static bool
is_used(const char *name)
{
	char used[NAME_MAX_SIZE];

	for (uint64_t i = 0; i < held_count(); i++) {
		const struct held *held = held_at(i);

		if (name_entry(held, used, sizeof(used)) && strcmp(used, name) == 0)
			return true;
		for (size_t j = 1; j < held->n_fds; j++) {
			snprintf(used, sizeof(used), "f-%llx", (unsigned long long)held->fds[j].id);
			if (strcmp(used, name) == 0)
				return true;
		}
	}
	return false;
}

/* Numbers go on after the highest one. */
static void
count_on(const char *name)
{
	const char *at = name + 1;
	uint64_t value;

	if (name[0] == 'f' && next_number(&at, &value) && value > manager.last_id)
		manager.last_id = value;
	if (name[0] == 'e' && next_number(&at, &value) && next_number(&at, &value) &&
	    value > manager.last_number)
		manager.last_number = value;
}

/* What a holder before us had. The rest is of no use any more. */
static void
take_given(char **names, int n)
{
	for (int i = 0; i < n; i++)
		count_on(names[i]);
	for (int i = 0; i < n; i++)
		if (names[i][0] == 'e')
			take_entry(names, n, i);
	for (int i = 0; i < n; i++) {
		if (manager.socket >= 0 && *names[i] && !is_used(names[i]))
			notify("FDSTOREREMOVE=1", names[i], -1);
		close(GIVEN_FD + i);
	}
}

static int
take_back(void)
{
	const char *given = getenv("LISTEN_FDNAMES");
	int n = count_given();
	AUTO_FREE char *copy = strdup(given ? given : "");
	char *rest = copy;
	AUTO_FREE char **names = calloc((size_t)n + 1, sizeof(*names));

	if (!copy || !names)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		char *name = rest ? strsep(&rest, ":") : NULL;

		names[i] = name ? name : (char *)"";
	}
	take_given(names, n);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

int
manager_begin(void)
{
	find_manager();
	return take_back();
}
