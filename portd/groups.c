/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups: names say whose a group is: "portd-HOLDER" has portd and the holder with that pid,
 * "node-HOLDER-N" a translator that it started. So whoever comes later knows what is left over. */
#include "portd/groups.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/confine.h"
#include "base/log.h"
#include "portd/keeper.h"
#include "portd/start.h"

enum {
	RETRY_MS = 50,		/* until what was killed has gone; then twice as long each time, to */
	RETRY_MAX_MS = 10 * 1000,
	LAST_TRIES = 100,
	LAST_PAUSE_US = 10 * 1000,
	BACK_TRIES = 16,	/* one forks, and the child is in the same group */
	WEIGHT = 100,		/* of a translator: as everybody's */
	WEIGHT_PORTD = 400,	/* all of them wait for it */
	DIR_ROOM = PATH_MAX,
};

struct groups {
	struct keeper *keeper;
	enum cgroup_state state;
	unsigned flags;
	int holder;
	uint64_t last;		/* number of a group */
	uv_timer_t timer;	/* while some are left to be removed */
	uint64_t wait_ms;
	char top[DIR_ROOM];	/* the group that is divided */
	char dir[DIR_ROOM];
};

/* In groups->dir. NULL: it would be too long. */
static const char *
path_of(struct groups *groups, const char *name)
{
	int n = snprintf(groups->dir, sizeof(groups->dir), "%s/%s", groups->top, name);

	return n > 0 && (size_t)n < sizeof(groups->dir) ? groups->dir : NULL;
}

static const char *
portd_path(struct groups *groups, int holder)
{
	char name[32];

	snprintf(name, sizeof(name), "portd-%d", holder);
	return path_of(groups, name);
}

/* Clearing up ------------------------------------------------------------------------- */

static bool
is_in_use(const struct groups *groups, const char *name)
{
	LIST_FOR_EACH(at, next, &groups->keeper->incarnations)
		if (strcmp(LIST_ENTRY(at, struct incarnation, link)->group, name) == 0)
			return true;
	return false;
}

/* Of a portd that lives, other than this one. */
static bool
is_anothers(struct groups *groups, int holder)
{
	const char *path = holder == groups->holder ? NULL : portd_path(groups, holder);

	return path && cgroup_has(path, holder);
}

/* false: something is still in it. */
static bool
remove_group(struct groups *groups, const char *name)
{
	const char *path = path_of(groups, name);

	if (!path || rmdir(path) == 0)
		return true;
	if (errno == EBUSY)
		cgroup_kill(path);
	return errno != EBUSY || rmdir(path) == 0 || errno != EBUSY;
}

/* false: it is left over, and could not be removed yet. A dead portd's own group may have
 * services in it, which are the user's. */
static bool
clear(struct groups *groups, const char *name)
{
	int holder, end = 0;

	if (sscanf(name, "portd-%d%n", &holder, &end) == 1 && !name[end]) {
		if (holder != groups->holder && !is_anothers(groups, holder))
			rmdir(path_of(groups, name));
		return true;
	}
	if (sscanf(name, "node-%d-%*x%n", &holder, &end) != 1 || end == 0 || name[end] ||
	    is_in_use(groups, name) || is_anothers(groups, holder))
		return true;
	return remove_group(groups, name);
}

/* false: something is left over. */
static bool
sweep(struct groups *groups)
{
	DIR *dir = opendir(groups->top);
	struct dirent *entry;
	bool clean = true;

	while (dir && (entry = readdir(dir)))
		clean &= clear(groups, entry->d_name);
	if (dir)
		closedir(dir);
	return clean;
}

static void
on_retry(uv_timer_t *timer)
{
	struct groups *groups = timer->data;

	if (sweep(groups))
		return;
	if (groups->wait_ms < RETRY_MAX_MS)
		groups->wait_ms *= 2;
	uv_timer_start(timer, on_retry, groups->wait_ms, 0);
}

static void
sweep_later(struct groups *groups)
{
	groups->wait_ms = RETRY_MS;
	uv_timer_start(&groups->timer, on_retry, groups->wait_ms, 0);
}

/* Moving ------------------------------------------------------------------------------ */

/* Who waits until we are ready is the holder's parent, for a moment. */
struct own {
	int holder;
	int starter;
	bool others;
};

static bool
is_own(pid_t pid, void *arg)
{
	struct own *own = arg;

	own->others = pid != getpid() && pid != own->holder && pid != own->starter;
	return !own->others;
}

static int
parent_of(int pid)
{
	char path[64], line[512];
	const char *end;
	FILE *stream;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stream = fopen(path, "re");
	if (stream && fgets(line, sizeof(line), stream) && (end = strrchr(line, ')')))
		sscanf(end, ") %*c %d", &parent);
	if (stream)
		fclose(stream);
	return parent;
}

/* The holder's parent, when that runs the same program as we do; else 0. */
static int
find_starter(int holder)
{
	int parent = parent_of(holder);
	struct stat own, st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", parent);
	if (parent > 1 && stat("/proc/self/exe", &own) == 0 && stat(path, &st) == 0 &&
	    own.st_dev == st.st_dev && own.st_ino == st.st_ino)
		return parent;
	return 0;
}

static int
move(const struct own *own, const char *path)
{
	int err = cgroup_enter(path, own->holder);

	if (err == 0)
		err = cgroup_enter(path, 0);
	if (err == 0 && own->starter)
		cgroup_enter(path, own->starter);	/* it may have gone */
	return err;
}

static bool
move_back(pid_t pid, void *arg)
{
	cgroup_enter(arg, pid);
	return true;
}

/* Everybody goes back, services as well, and the group is as we found it. */
static void
give_back(struct groups *groups)
{
	const char *path = portd_path(groups, groups->holder);

	cgroup_undivide(groups->top);
	for (unsigned i = 0; path && i < BACK_TRIES; i++) {
		cgroup_each(path, move_back, groups->top);
		if (rmdir(path) == 0 || errno != EBUSY)
			return;
	}
}

/* Moves us out of it, so that it can be divided. */
static enum cgroup_state
take(struct groups *groups)
{
	struct own own = { .holder = groups->holder, .starter = find_starter(groups->holder) };
	const char *path = portd_path(groups, groups->holder);
	int err;

	if (cgroup_each(groups->top, is_own, &own) < 0 || own.others)
		return CGROUP_SHARED;
	err = path && (mkdir(path, 0755) == 0 || errno == EEXIST) ? move(&own, path) : -errno;
	if (err < 0) {
		log_error("%s cannot be divided: %s", groups->top, strerror(-err));
		give_back(groups);
		return CGROUP_FAILED;
	}
	groups->flags = cgroup_divide(groups->top);
	cgroup_limit(portd_path(groups, groups->holder), groups->flags,
	    &(struct cgroup_limits){ .weight = WEIGHT_PORTD });
	return CGROUP_USED;
}

/* Where we are; a worker before this one may have moved there already. */
static enum cgroup_state
find(struct groups *groups)
{
	char own[32], *slash;

	if (cgroup_find(getpid(), groups->top, sizeof(groups->top)) < 0)
		return CGROUP_NONE;
	snprintf(own, sizeof(own), "/portd-%d", groups->holder);
	slash = strrchr(groups->top, '/');
	if (slash && strcmp(slash, own) == 0) {
		*slash = '\0';
		groups->flags = cgroup_flags(groups->top);
		return CGROUP_USED;
	}
	return cgroup_is_delegated(groups->top) ? take(groups) : CGROUP_NOT_DELEGATED;
}

/* The whole --------------------------------------------------------------------------- */

struct groups *
groups_new(struct keeper *keeper)
{
	struct groups *groups = calloc(1, sizeof(*groups));

	if (!groups)
		return NULL;
	groups->keeper = keeper;
	groups->holder = getppid();
	uv_timer_init(keeper->loop, &groups->timer);
	uv_unref((uv_handle_t *)&groups->timer);
	groups->timer.data = groups;
	groups->state = find(groups);
	if (groups->state == CGROUP_USED && !sweep(groups))
		sweep_later(groups);
	return groups;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
groups_free(struct groups *groups)
{
	if (!groups)
		return;
	if (groups->state == CGROUP_USED) {
		for (unsigned i = 0; i < LAST_TRIES && !sweep(groups); i++)
			usleep(LAST_PAUSE_US);
		give_back(groups);
	}
	uv_close((uv_handle_t *)&groups->timer, on_closed);
}

/* One ---------------------------------------------------------------------------------- */

/* The directory that was made, or NULL with errno. */
static const char *
make(struct groups *groups, struct incarnation *inc)
{
	const char *path;
	int made;

	do {
		snprintf(inc->group, sizeof(inc->group), "node-%d-%llx", groups->holder,
		    (unsigned long long)++groups->last);
		path = path_of(groups, inc->group);
		made = path ? mkdir(path, 0755) : -1;
	} while (made < 0 && path && errno == EEXIST);
	return made < 0 ? NULL : path;
}

const char *
groups_make(struct groups *groups, struct incarnation *inc)
{
	const struct cgroup_limits limits = {
		.memory = inc->sandbox.memory, .tasks = CONFINE_TASKS, .weight = WEIGHT,
	};
	const char *path = NULL;
	int err;

	inc->sandbox.cgroup = groups ? groups->state : CGROUP_FAILED;
	if (!groups || groups->state != CGROUP_USED)
		return NULL;
	path = make(groups, inc);
	err = path ? cgroup_limit(path, groups->flags, &limits) : -errno;
	if (err < 0) {
		log_error("%s: no control group for it: %s", inc->name, strerror(-err));
		if (path)
			rmdir(path);
		inc->group[0] = '\0';
		inc->sandbox.cgroup = CGROUP_FAILED;
		return NULL;
	}
	inc->sandbox.cgroup_flags = groups->flags;
	return path;
}

static const char *
group_of(struct groups *groups, const struct incarnation *inc)
{
	if (!groups || groups->state != CGROUP_USED || !inc->group[0])
		return NULL;
	return path_of(groups, inc->group);
}

void
groups_kill(struct groups *groups, const struct incarnation *inc)
{
	const char *path = group_of(groups, inc);

	if (path)
		cgroup_kill(path);
}

bool
groups_ran_out(struct groups *groups, const struct incarnation *inc)
{
	const char *path = group_of(groups, inc);

	return path && cgroup_ran_out(path);
}

bool
groups_end(struct groups *groups, struct incarnation *inc)
{
	if (group_of(groups, inc) && !remove_group(groups, inc->group)) {
		sweep_later(groups);
		return false;
	}
	inc->group[0] = '\0';
	return true;
}
