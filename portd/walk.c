/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk: component by component, so that each link is judged by the descriptor that is then
 * read. */
#include "portd/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { LINKS_MAX = 40 };	/* as the kernel has it */

/* Puts what a link says in front of what is left to walk. */
static int
expand(int link, char **restp)
{
	char target[4096];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	char *rest;

	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	target[n] = '\0';
	if (asprintf(&rest, "%s/%s", target, *restp) < 0)
		return -ENOMEM;
	free(*restp);
	*restp = rest;
	return 0;
}

/* Takes the first component of *restp; NULL: there is none. */
static char *
take_component(char **restp)
{
	size_t skip = strspn(*restp, "/"), length = strcspn(*restp + skip, "/");
	char *component = length ? strndup(*restp + skip, length) : NULL;

	memmove(*restp, *restp + skip + length, strlen(*restp + skip + length) + 1);
	return component;
}

static int
step(int *dirp, const char *component, char **restp)
{
	AUTO_CLOSE int next = openat(*dirp, component, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err;

	if (next < 0 || fstat(next, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode)) {
		fd_close(dirp);
		*dirp = fd_steal(&next);
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -EPERM;
	err = expand(next, restp);
	if (err == 0 && (*restp)[0] == '/') {
		fd_close(dirp);
		*dirp = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (*dirp < 0)
			return -errno;
	}
	return err < 0 ? err : 1;
}

/* See walk.h. */
int
walk_to_parent(const char *path, const char **namep)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *rest = strndup(path, (size_t)(slash - path));
	AUTO_CLOSE int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned n_links = 0;

	if (!rest)
		return -ENOMEM;
	if (dir < 0)
		return -errno;
	for (;;) {
		AUTO_FREE char *component = take_component(&rest);
		int err = component ? step(&dir, component, &rest) : 0;

		if (!component)
			break;
		n_links += err > 0;
		if (err < 0 || n_links > LINKS_MAX)
			return err < 0 ? err : -ELOOP;
	}
	*namep = slash + 1;
	return fd_steal(&dir);
}
