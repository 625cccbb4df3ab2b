/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caller: small files of /proc/PID. None of them takes a lock that the process can hold. */
#include "portd/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

enum { KERNEL_THREAD = 0x00200000 };	/* PF_KTHREAD of include/linux/sched.h */

/* The beginning of a file of the process; "" when there is none. pid 0: our own. */
static void
read_file(pid_t pid, const char *name, char *data, size_t room)
{
	char path[64];
	ssize_t n;

	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/self/%s", name);
	else
		snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : sys_read_all(fd, data, room - 1);
	data[n > 0 ? n : 0] = '\0';
}

/* A name may hold anything, parentheses too; what follows the last one is numbers. */
int
caller_key(pid_t pid, struct caller_key *keyp)
{
	struct caller_key key = { .pid = pid };
	unsigned long long started;
	unsigned flags;
	char data[1024];
	char *name, *end;

	read_file(pid, "stat", data, sizeof(data));
	name = strchr(data, '(');
	end = strrchr(data, ')');
	if (!name || !end || end < name || sscanf(end + 1,
	    " %*c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
	    &flags, &started) != 2)
		return -ESRCH;
	*end = '\0';
	snprintf(key.name, sizeof(key.name), "%.15s", name + 1);
	key.started = started;
	key.is_kernel = flags & KERNEL_THREAD;
	*keyp = key;
	return 0;
}

/* What stands behind "WORD:" at the start of a line of status. */
static const char *
status_field(const char *status, const char *word)
{
	const char *at = strstr(status, word);

	return at ? at + strlen(word) : "";
}

static void
read_name(pid_t pid, char *name, size_t room)
{
	char data[64];

	read_file(pid, "comm", data, sizeof(data));
	data[strcspn(data, "\n")] = '\0';
	snprintf(name, room, "%.*s", (int)room - 1, data);
}

static void
read_program(pid_t pid, char *name, size_t room)
{
	char path[64], target[4096];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, room, "%.*s", (int)room - 1, slash ? slash + 1 : "");
	if (n > 10 && strcmp(target + n - 10, " (deleted)") == 0 && strlen(name) > 10)
		name[strlen(name) - 10] = '\0';
}

/* Of the one hierarchy of version 2, else of the first that is named. */
static void
read_cgroup(pid_t pid, char *name, size_t room)
{
	char data[4096];
	char *line;

	read_file(pid, "cgroup", data, sizeof(data));
	line = strncmp(data, "0::", 3) == 0 ? data : strstr(data, "\n0::");
	line = line ? strstr(line, "::") + 2 : strchr(data, '/');
	if (!line)
		line = data + strlen(data);
	line[strcspn(line, "\n")] = '\0';
	snprintf(name, room, "%.*s", (int)room - 1, line);
}

/* pid may be a thread's, as it is in a request of the kernel's. */
void
caller_names(pid_t pid, struct policy_names *names)
{
	char status[4096];
	long process;

	memset(names, 0, sizeof(*names));
	read_file(pid, "status", status, sizeof(status));
	process = strtol(status_field(status, "\nTgid:"), NULL, 10);
	read_name(pid, names->thread, sizeof(names->thread));
	if (process > 0 && process != pid)
		read_name((pid_t)process, names->process, sizeof(names->process));
	read_program(pid, names->program, sizeof(names->program));
	read_cgroup(pid, names->cgroup, sizeof(names->cgroup));
}

static bool
has_one_pid(pid_t pid)
{
	char status[4096];
	const char *pids;
	char *end;

	read_file(pid, "status", status, sizeof(status));
	pids = status_field(status, "\nNSpid:");
	return strtol(pids, &end, 10) > 0 && *end == '\n';
}

static bool
is_same(pid_t pid, const char *name, size_t size)
{
	char theirs[256], ours[256];

	read_file(pid, name, theirs, sizeof(theirs));
	read_file(0, name, ours, sizeof(ours));
	return theirs[0] && strncmp(theirs, ours, size) == 0;
}

/* The number of the first mount in its table: no two namespaces have it in common. */
static bool
has_same_mounts(pid_t pid)
{
	char ours[32];

	read_file(0, "mountinfo", ours, sizeof(ours));
	return ours[0] && is_same(pid, "mountinfo", strcspn(ours, " ") + 1);
}

/* ns/ may not be looked at in a process of another user's; these may. */
bool
caller_is_near(pid_t pid)
{
	return has_one_pid(pid) && is_same(pid, "uid_map", SIZE_MAX) && has_same_mounts(pid);
}

/* As the kernel would have it in a request. */
bool
caller_uid(pid_t pid, uid_t *uidp)
{
	char status[4096];
	unsigned uid;

	read_file(pid, "status", status, sizeof(status));
	if (sscanf(status_field(status, "\nUid:"), " %*u %*u %*u %u", &uid) != 1)
		return false;
	*uidp = uid;
	return true;
}
