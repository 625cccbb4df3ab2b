/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* launch: what happens between fork and exec.
 *
 * All that needs memory is made before the fork. The child first moves what
 * it was given out of the way of the numbers it will have, then closes the
 * rest; from there on the descriptor that open returns is never above the
 * place it is meant for. */
#include "base/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"

#define LAUNCH_PATH "PATH=/usr/local/bin:/usr/bin:/bin"

enum { OUT_OF_THE_WAY = LAUNCH_FILE_FD + LAUNCH_FILES_MAX };

extern char **environ;

/* What fork hands over, ready to use. */
struct prepared {
	const struct launch *launch;
	char **argv;
	char **env;
	pid_t parent;
	struct confine_ready ready;	/* when launch->confine is given */
};

static bool
starts_with(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

/* Whether the child may see a variable of ours. */
static bool
is_allowed(const char *variable)
{
	static const char *const allowed[] = {
		"LANG=", "LC_", "TZ=", "TZDIR=",
		"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=",
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (starts_with(variable, allowed[i]))
			return true;
	return false;
}

static bool
has_variable(const struct argv *env, const char *variable)
{
	size_t size = strcspn(variable, "=") + 1;

	if (!env)
		return false;
	for (const char *word = NULL; (word = argv_next(env, word));)
		if (strncmp(word, variable, size) == 0)
			return true;
	return false;
}

/* HIRD_FILES=OPTION=FD,...; nothing when there are no files. */
static int
add_files(struct argv *env, const struct argv *files)
{
	const char *option = NULL, *comma = "";
	AUTO_TEXT struct text list = { 0 };
	int fd = LAUNCH_FILE_FD;

	while ((option = argv_next(files, option))) {
		text_printf(&list, "%s%s=%d", comma, option, fd++);
		comma = ",";
		option = argv_next(files, option);
	}
	if (list.error)
		return list.error;
	return list.size ? argv_printf(env, "HIRD_FILES=%s", list.data) : 0;
}

static int
make_env(struct argv *env, const struct launch *launch)
{
	int err = 0;

	if (!has_variable(launch->env, LAUNCH_PATH))
		err = argv_add(env, LAUNCH_PATH);
	for (char **variable = environ; variable && *variable && !err; variable++)
		if (is_allowed(*variable) && !has_variable(launch->env, *variable))
			err = argv_add(env, *variable);
	if (launch->env)
		for (const char *word = NULL; !err && (word = argv_next(launch->env, word));)
			err = argv_add(env, word);
	if (!err && launch->files)
		err = add_files(env, launch->files);
	return err;
}

static void
die(const char *what, const char *name)
{
	log_error("cannot %s %s: %s", what, name, strerror(errno));
	_exit(LAUNCH_EXIT);
}

/* Duplicates fd to a number above all places; -1 stays -1. */
static int
move_away(int fd)
{
	if (fd < 0)
		return -1;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	if (fd < 0)
		die("duplicate", "a descriptor");
	return fd;
}

static void
place(int fd, int at)
{
	if (dup2(fd, at) < 0)
		die("place", "a descriptor");
}

/* All from `first` on, but for one. */
static void
close_others(unsigned first, int kept)
{
	int err = 0;

	if (kept > (int)first)
		err = sys_close_range(first, (unsigned)kept - 1);
	if (err == 0)
		err = sys_close_range(kept < 0 ? first : (unsigned)kept + 1, ~0u);
	if (err < 0)
		die("close", "inherited descriptors");
}

/* 0 to 3 as they should be, and nothing else open but, until exec, the descriptor that is
 * returned: of the underlying node, or -1. */
static int
place_descriptors(const struct launch *launch)
{
	int underlying = launch->confine ? move_away(launch->confine->underlying) : -1;
	int port = move_away(launch->port_fd);
	int output = move_away(launch->log_fd);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		die("open", "/dev/null");
	null = move_away(null);
	place(null, STDIN_FILENO);
	if (output >= 0)
		place(output, STDERR_FILENO);
	else if (fcntl(STDERR_FILENO, F_GETFD) < 0)
		place(null, STDERR_FILENO);
	place(STDERR_FILENO, STDOUT_FILENO);
	if (port >= 0)
		place(port, LAUNCH_PORT_FD);
	close_others(port >= 0 ? LAUNCH_PORT_FD + 1 : LAUNCH_PORT_FD, underlying);
	return underlying;
}

/* Opens a typed option's file: a directory as a place, anything else to read.
 * A fifo or a device must not hold us up here, nor be non-blocking later. */
static int
open_file(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY);

	if (fd >= 0 || errno != ENOTDIR)
		return fd;
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		return -1;
	return fd;
}

static void
place_files(const struct argv *files)
{
	const char *option = NULL, *path;
	int at = LAUNCH_FILE_FD;

	while ((option = argv_next(files, option))) {
		int fd;

		path = argv_next(files, option);
		fd = open_file(path);
		if (fd < 0)
			die("open", path);
		if (fd != at) {
			place(fd, at);
			close(fd);
		}
		at++;
		option = path;
	}
}

/* Default dispositions, also of the two signals that the C library keeps for
 * itself and refuses to touch: a starter may have been left with them ignored.
 * All zero is the kernel's form of SIG_DFL without flags. */
static void
reset_signals(void)
{
	static const uint64_t standard[8];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, standard, NULL, (NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Before anything of its own can run, so that nothing of it is ever outside. */
static void
join(const char *cgroup)
{
	int err = cgroup_enter(cgroup, 0);

	errno = -err;
	if (err < 0)
		die("enter the control group", cgroup);
}

static void
protect(const struct prepared *prepared)
{
	struct rlimit no_core = { 0, 0 };

	setsid();
	umask(0);	/* as on the Hurd: whoever asks for a file has masked its mode */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("give up privileges for", prepared->launch->program);
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		die("forbid core files for", prepared->launch->program);
	if (!prepared->launch->pdeathsig)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("tie to its starter", prepared->launch->program);
	/* The starter may have died before it was asked for. */
	if (getppid() != prepared->parent)
		_exit(LAUNCH_EXIT);
}

static void
confine(const struct prepared *prepared, int underlying)
{
	const struct launch *launch = prepared->launch;
	size_t n_files = launch->files ? argv_count(launch->files) / 2 : 0;
	const char *failed = confine_enforce(&prepared->ready, underlying, LAUNCH_FILE_FD,
	    (unsigned)n_files);

	if (failed)
		die(failed, launch->program);
}

static void
run_child(const struct prepared *prepared)
{
	const struct launch *launch = prepared->launch;
	const char *cwd = launch->cwd ? launch->cwd : "/";
	int underlying;

	reset_signals();
	underlying = place_descriptors(launch);
	if (launch->cgroup)
		join(launch->cgroup);
	protect(prepared);
	if (chdir(cwd) < 0)
		die("enter", cwd);
	if (launch->files)
		place_files(launch->files);
	if (launch->confine)
		confine(prepared, underlying);
	execve(launch->program, prepared->argv, prepared->env);
	die("run", launch->program);
}

/* Forks with all signals blocked: no handler of ours must run in the child. */
static pid_t
fork_blocked(const struct prepared *prepared)
{
	sigset_t all, before;
	pid_t pid;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	err = errno;
	if (pid == 0)
		run_child(prepared);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -err : pid;
}

static bool
is_sound(const struct launch *launch)
{
	size_t n = launch->files ? argv_count(launch->files) : 0;

	return n % 2 == 0 && n / 2 <= LAUNCH_FILES_MAX && argv_count(launch->argv) > 0;
}

/* Starts the program. Eats nothing. Returns the pid, or -errno: -EINVAL for files
 * that are not pairs or too many, or an empty argv. */
pid_t
launch(const struct launch *launch, int *pidfdp)
{
	AUTO_ARGV struct argv words = { 0 };
	AUTO_FREE char **argv = NULL, **env = NULL;
	struct prepared prepared = { .launch = launch, .parent = getpid() };
	int pidfd, err = 0;
	pid_t pid;

	if (!is_sound(launch))
		return -EINVAL;
	if (launch->confine)
		err = confine_prepare(&prepared.ready, launch->confine, launch->program, launch->argv);
	if (err < 0)
		return err;
	if (make_env(&words, launch) < 0)
		return -ENOMEM;
	prepared.argv = argv = argv_vector(launch->argv);
	prepared.env = env = argv_vector(&words);
	if (!argv || !env)
		return -ENOMEM;
	pid = fork_blocked(&prepared);
	if (pid < 0 || !pidfdp)
		return pid;
	pidfd = sys_pidfd_open(pid);
	if (pidfd < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return pidfd;
	}
	*pidfdp = pidfd;
	return pid;
}
