/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: looks where the kernel says that this process is. */
#include "base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

/* The path of the group of version 2, which has the number 0 and no controllers named. */
static bool
own_path(char *path, int room)
{
	FILE *stream = fopen("/proc/self/cgroup", "re");
	bool found = false;

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

bool
cgroup_is_delegated(void)
{
	char path[PATH_MAX], control[PATH_MAX + 64];

	if (!own_path(path, sizeof(path)))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(control, sizeof(control), "%s%s/cgroup.subtree_control", roots[i], path);
		if (access(control, W_OK) == 0)
			return true;
	}
	return false;
}
