/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cleanup: ownership that ends with the scope.
 *
 * AUTO_FREE and AUTO_CLOSE mark a local variable that is released when its
 * scope is left; STEAL_PTR and fd_steal hand the value on and disarm it. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free(void *p)
{
	free(*(void **)p);
}

/* Closes *fd when it is one, and forgets it; errno stays as it was. */
static inline void
fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline int
fd_steal(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(fd_close)))
#define STEAL_PTR(p) \
	({ __typeof__(p) stolen_ = (p); (p) = NULL; stolen_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))

#endif
