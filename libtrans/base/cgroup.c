/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: files of a few bytes, read and written whole. */
#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

/* The second one where version 1 has the controllers. */
static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

static const struct {
	unsigned flag;
	const char *name;
} controllers[] = {
	{ CGROUP_MEMORY, "memory" },
	{ CGROUP_PIDS, "pids" },
	{ CGROUP_CPU, "cpu" },
};

enum { KILL_ROUNDS = 16 };	/* what forks meanwhile is killed in the next one */

/* Files ------------------------------------------------------------------------- */

static int
open_file(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	flags = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	return flags < 0 ? -errno : flags;
}

/* What does not fit is left out; "" when there is no such file. */
static void
read_file(const char *dir, const char *name, char *data, size_t room)
{
	AUTO_CLOSE int fd = open_file(dir, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : sys_read_all(fd, data, room - 1);

	data[n > 0 ? n : 0] = '\0';
}

static int
write_file(const char *dir, const char *name, const char *value)
{
	AUTO_CLOSE int fd = open_file(dir, name, O_WRONLY);

	return fd < 0 ? fd : sys_write_all(fd, value, strlen(value));
}

static int
write_number(const char *dir, const char *name, uint64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
	return write_file(dir, name, number);
}

static bool
may(const char *dir, const char *name, int mode)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
	    access(path, mode) == 0;
}

/* Where a process is ---------------------------------------------------------------- */

/* The path of the group of version 2, which has the number 0 and no controllers named. */
static bool
find_path(pid_t pid, char *path, int room)
{
	char file[64];
	FILE *stream;
	bool found = false;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	stream = fopen(file, "re");
	while (stream && !found && fgets(path, room, stream))
		found = strncmp(path, "0::/", 4) == 0;
	if (stream)
		fclose(stream);
	if (!found)
		return false;
	path[strcspn(path, "\n")] = '\0';
	memmove(path, path + 3, strlen(path + 3) + 1);
	return true;
}

int
cgroup_find(pid_t pid, char *dir, size_t room)
{
	char path[PATH_MAX];

	if (!find_path(pid, path, sizeof(path)))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		int n = snprintf(dir, room, "%s%s", roots[i], path);

		if (n > 0 && (size_t)n < room && may(dir, "cgroup.procs", F_OK))
			return 0;
	}
	return -ENOENT;
}

static bool
is_marked(const char *dir, const char *mark)
{
	char value[2];

	return getxattr(dir, mark, value, sizeof(value)) == 1 && value[0] == '1';
}

/* One whose parent is ours, too, is somebody's who has divided that: his to manage, not ours. */
bool
cgroup_is_delegated(const char *dir)
{
	char above[PATH_MAX];
	struct stat own, st;

	if (stat(dir, &own) < 0 || own.st_uid != geteuid() || access(dir, W_OK | X_OK) < 0 ||
	    !may(dir, "cgroup.procs", W_OK) || !may(dir, "cgroup.subtree_control", W_OK))
		return false;
	if (is_marked(dir, "user.delegate") || is_marked(dir, "trusted.delegate"))
		return true;
	return snprintf(above, sizeof(above), "%s/..", dir) < (int)sizeof(above) &&
	    stat(above, &st) == 0 && st.st_dev == own.st_dev && st.st_uid != geteuid();
}

int
cgroup_each(const char *dir, bool (*each)(pid_t pid, void *arg), void *arg)
{
	int fd = open_file(dir, "cgroup.procs", O_RDONLY);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "re");
	bool more = true;
	int pid;

	if (fd < 0)
		return fd;
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	while (more && fscanf(stream, "%d", &pid) == 1)
		more = each(pid, arg);
	fclose(stream);
	return 0;
}

static bool
differs(pid_t pid, void *arg)
{
	pid_t *sought = arg;

	if (pid != *sought)
		return true;
	*sought = 0;
	return false;
}

bool
cgroup_has(const char *dir, pid_t pid)
{
	return cgroup_each(dir, differs, &pid) == 0 && pid == 0;
}

/* Dividing --------------------------------------------------------------------------- */

static bool
has_word(const char *words, const char *word)
{
	size_t size = strlen(word);

	while (*words) {
		size_t n = strcspn(words, " \n");

		if (n == size && strncmp(words, word, n) == 0)
			return true;
		words += n + strspn(words + n, " \n");
	}
	return false;
}

static unsigned
read_controllers(const char *dir, const char *name)
{
	char words[1024];
	unsigned flags = 0;

	read_file(dir, name, words, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (has_word(words, controllers[i].name))
			flags |= controllers[i].flag;
	return flags;
}

/* One at a time: where one is refused the others may still be had. */
static void
switch_controllers(const char *dir, unsigned flags, char sign)
{
	char word[32];

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!(flags & controllers[i].flag))
			continue;
		snprintf(word, sizeof(word), "%c%s", sign, controllers[i].name);
		write_file(dir, "cgroup.subtree_control", word);
	}
}

unsigned
cgroup_divide(const char *dir)
{
	switch_controllers(dir, read_controllers(dir, "cgroup.controllers"), '+');
	return cgroup_flags(dir);
}

void
cgroup_undivide(const char *dir)
{
	switch_controllers(dir, read_controllers(dir, "cgroup.subtree_control"), '-');
}

unsigned
cgroup_flags(const char *dir)
{
	return read_controllers(dir, "cgroup.subtree_control") |
	    (may(dir, "cgroup.kill", F_OK) ? CGROUP_KILL : 0);
}

/* One group -------------------------------------------------------------------------- */

static int
limit_memory(const char *dir, uint64_t memory)
{
	int err = memory ? write_number(dir, "memory.max", memory) : 0;

	/* A kernel without swap has no such file. */
	if (err == 0 && memory && may(dir, "memory.swap.max", F_OK))
		err = write_number(dir, "memory.swap.max", memory);
	if (err == 0 && may(dir, "memory.oom.group", F_OK))
		err = write_file(dir, "memory.oom.group", "1");
	return err;
}

int
cgroup_limit(const char *dir, unsigned flags, const struct cgroup_limits *limits)
{
	int err = flags & CGROUP_MEMORY ? limit_memory(dir, limits->memory) : 0;

	if (err == 0 && (flags & CGROUP_PIDS) && limits->tasks)
		err = write_number(dir, "pids.max", limits->tasks);
	if (err == 0 && (flags & CGROUP_CPU) && limits->weight)
		err = write_number(dir, "cpu.weight", limits->weight);
	return err;
}

int
cgroup_enter(const char *dir, pid_t pid)
{
	return write_number(dir, "cgroup.procs", (uint64_t)pid);
}

static bool
kill_one(pid_t pid, void *arg)
{
	bool *anyp = arg;

	if (pid <= 0)	/* not in this namespace */
		return true;
	*anyp = true;
	kill(pid, SIGKILL);
	return true;
}

int
cgroup_kill(const char *dir)
{
	int err = write_file(dir, "cgroup.kill", "1");
	bool any = err == -ENOENT;

	for (unsigned i = 0; i < KILL_ROUNDS && any; i++) {
		any = false;
		err = cgroup_each(dir, kill_one, &any);
	}
	return err;
}

bool
cgroup_ran_out(const char *dir)
{
	char events[1024];
	const char *at;

	read_file(dir, "memory.events", events, sizeof(events));
	at = strstr(events, "oom_kill ");
	return at && atoi(at + strlen("oom_kill ")) > 0;
}

/* Telling ---------------------------------------------------------------------------- */

const char *
cgroup_controller_name(unsigned flag)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (controllers[i].flag == flag)
			return controllers[i].name;
	return NULL;
}

static void
print_controllers(struct text *text, unsigned flags)
{
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!(flags & controllers[i].flag))
			continue;
		text_printf(text, "%s%s", comma, controllers[i].name);
		comma = ", ";
	}
}

static void
print_used(struct text *text, unsigned flags)
{
	unsigned missing = CGROUP_CONTROLLERS & ~flags;

	text_puts(text, missing == CGROUP_CONTROLLERS ? "cgroup without limits" : "cgroup: ");
	print_controllers(text, flags);
	if (missing) {
		text_puts(text, " (no controller ");
		print_controllers(text, missing);
		text_puts(text, ")");
	}
	if (!(flags & CGROUP_KILL))
		text_puts(text, ", not killed as one");
}

void
cgroup_print(struct text *text, enum cgroup_state state, unsigned flags)
{
	switch (state) {
	case CGROUP_USED:
		print_used(text, flags);
		return;
	case CGROUP_NOT_DELEGATED:
		text_puts(text, "no cgroup: none is delegated");
		return;
	case CGROUP_SHARED:
		text_puts(text, "no cgroup: other processes are in the delegated one");
		return;
	case CGROUP_FAILED:
		text_puts(text, "no cgroup: the delegated one cannot be divided");
		return;
	case CGROUP_NONE:
		break;
	}
	text_puts(text, "no cgroup: there are none of version 2 here");
}
