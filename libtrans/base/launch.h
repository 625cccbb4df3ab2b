/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: starts a translator as a protected process.
 *
 * The child gets what is listed here and nothing else: an empty environment
 * but for an allow-list (LANG, LC_*, TZ, TZDIR, the sanitizers' options) and
 * what `env` adds, no descriptors but those named, "/" as its directory
 * unless `cwd` says otherwise, no new privileges, no core file, its own
 * session, umask 0, default signal dispositions, an empty signal mask. It is killed
 * when `pdeathsig` is set and its starter dies.
 *
 * Paths are entered by the child, never by the caller: a slow or hostile
 * file system holds up the child alone. */
#ifndef BASE_LAUNCH_H
#define BASE_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/argv.h"
#include "base/confine.h"

enum {
	LAUNCH_PORT_FD = 3,	/* the task's connection to portd, or the describe pipe */
	LAUNCH_FILE_FD = 4,	/* the first descriptor of a typed option */
	LAUNCH_FILES_MAX = 16,
};

struct launch {
	const char *program;		/* absolute path */
	const struct argv *argv;	/* argv[0] included */
	const struct argv *env;		/* NAME=VALUE added to the allow-list, or NULL */
	/* Files of typed options, as pairs OPTION, PATH: each is opened (read
	 * only, or O_PATH|O_DIRECTORY for a directory) and inherited from
	 * LAUNCH_FILE_FD on; HIRD_FILES=OPTION=FD,... tells the child. */
	const struct argv *files;
	const char *cwd;		/* NULL: "/" */
	const char *cgroup;		/* the directory of its control group, or NULL: ours */
	int port_fd;			/* becomes LAUNCH_PORT_FD, or -1 */
	int log_fd;			/* becomes stdout and stderr, or -1: stderr is kept, stdout goes there too */
	bool pdeathsig;
	/* The sandbox, or NULL: none. Its `underlying` is looked at, not inherited. */
	const struct confine *confine;
};

/* Starts it. Returns the pid, with *pidfdp (CLOEXEC) when pidfdp is given, or
 * -errno when fork failed. A failure in the child (no program, an option's
 * file that cannot be opened) is one line on its stderr and exit status
 * LAUNCH_EXIT. */
pid_t launch(const struct launch *launch, int *pidfdp);

enum { LAUNCH_EXIT = 127 };

#endif
