/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the environment is the user's own word and is believed; a directory
 * is believed only after a look at it. */
#include "wire/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

#ifndef TRANSLATOR_DIR
#define TRANSLATOR_DIR "/usr/local/libexec/hird"
#endif
#ifndef PORTD_PROGRAM
#define PORTD_PROGRAM "/usr/local/libexec/hird-portd"
#endif

/* The variable when it holds an absolute path; others are to be ignored, says
 * the XDG specification. */
static const char *
absolute_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value == '/' ? value : NULL;
}

static const char *
home(void)
{
	const char *value = absolute_env("HOME");
	struct passwd *user;

	if (value)
		return value;
	user = getpwuid(geteuid());
	return user && user->pw_dir ? user->pw_dir : "/";
}

static char *
finish(struct text *path, struct text *why)
{
	if (path->error) {
		text_printf(why, "no memory for a path");
		return NULL;
	}
	return STEAL_PTR(path->data);
}

/* Whether path is a directory of ours that nobody else can enter; missing is
 * fine when it may be. `variable` chooses another place. */
static bool
is_private(const char *path, bool may_be_missing, const char *variable, struct text *why)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT && may_be_missing)
			return true;
		text_printf(why, "%s: %s; see that its parent directories exist and may be entered",
		    path, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		text_printf(why, "%s: not a directory; remove it", path);
	} else if (st.st_uid != geteuid()) {
		text_printf(why, "%s: belongs to user %u, not to you (%u); set %s to a directory of your own",
		    path, st.st_uid, geteuid(), variable);
	} else if (st.st_mode & 077) {
		text_printf(why, "%s: others may enter it (mode %04o); chmod 0700 it", path, st.st_mode & 07777);
	} else {
		return true;
	}
	return false;
}

/* Makes the last directory of path with mode 0700, unless it is there. */
static bool
make_directory(const char *path, struct text *why)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	text_printf(why, "cannot make %s: %s; see that its parent directories exist and are yours",
	    path, strerror(errno));
	return false;
}

/* Makes path and the directories above it that are missing. */
static bool
make_directories(char *path, struct text *why)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool made;

		*slash = '\0';
		made = access(path, F_OK) == 0 || make_directory(path, why);
		*slash = '/';
		if (!made)
			return false;
	}
	return make_directory(path, why);
}

/* Where sockets go when XDG_RUNTIME_DIR does not say. */
static void
default_runtime(struct text *path)
{
	char base[64];
	struct stat st;

	snprintf(base, sizeof(base), "/run/user/%u", geteuid());
	if (lstat(base, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		text_printf(path, "%s/hird", base);
	else
		text_printf(path, "/tmp/hird-%u", geteuid());
}

/* The runtime directory; free() it. NULL, with a line in *why, when it cannot be
 * made (create) or trusted. */
char *
runtime_dir(int create, struct text *why)
{
	const char *base = absolute_env("XDG_RUNTIME_DIR");
	AUTO_TEXT struct text path = { 0 };

	if (base)
		text_printf(&path, "%s/hird", base);
	else
		default_runtime(&path);
	if (path.error)
		return finish(&path, why);
	if (create && !make_directory(path.data, why))
		return NULL;
	if (!is_private(path.data, !create, "XDG_RUNTIME_DIR", why))
		return NULL;
	return finish(&path, why);
}

/* FNV-1a of 64 bits. */
static uint64_t
hash(const char *data, size_t size)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		value = (value ^ (unsigned char)data[i]) * 0x100000001b3u;
	return value;
}

/* A number for this machine, the same after each boot. */
static uint64_t
machine(void)
{
	AUTO_CLOSE int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	char id[256];
	ssize_t n = fd < 0 ? 0 : sys_read_all(fd, id, sizeof(id));

	if (n > 0)
		return hash(id, (size_t)n);
	if (gethostname(id, sizeof(id)) < 0)
		return hash("", 0);
	id[sizeof(id) - 1] = '\0';
	return hash(id, strlen(id));
}

/* The state directory; free() it. NULL, with a line in *why, when it cannot be
 * made (create) or trusted. */
char *
runtime_state_dir(int create, struct text *why)
{
	const char *base = absolute_env("XDG_STATE_HOME");
	AUTO_TEXT struct text path = { 0 };

	if (base)
		text_puts(&path, base);
	else
		text_printf(&path, "%s/.local/state", home());
	text_printf(&path, "/hird/%016llx", (unsigned long long)machine());
	if (path.error)
		return finish(&path, why);
	if (create && !make_directories(path.data, why))
		return NULL;
	if (!is_private(path.data, !create, "XDG_STATE_HOME", why))
		return NULL;
	return finish(&path, why);
}

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* path, made absolute against the current directory. */
static void
make_absolute(struct text *absolute, const char *path)
{
	AUTO_FREE char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	if (cwd)
		text_printf(absolute, "%s/", cwd);
	text_puts(absolute, path);
}

static char *
by_path(const char *name, struct text *why)
{
	AUTO_TEXT struct text path = { 0 };

	make_absolute(&path, name);
	if (path.error)
		return finish(&path, why);
	if (*path.data != '/' || !is_program(path.data)) {
		text_printf(why, "%s: no program that can be run; check the path and its mode", path.data);
		return NULL;
	}
	return finish(&path, why);
}

/* The directories of translators, in order, with colons between them. */
static void
translator_dirs(struct text *dirs)
{
	const char *value = getenv("HIRD_TRANSLATOR_DIR");

	if (value && *value)
		text_puts(dirs, value);
	else
		text_printf(dirs, "%s:%s/.local/libexec/hird", TRANSLATOR_DIR, home());
}

/* The absolute path of a translator's program; free() it. NULL: *why says where
 * it was looked for. */
char *
runtime_translator(const char *name, struct text *why)
{
	AUTO_TEXT struct text dirs = { 0 };
	char *next, *dir;

	if (strncmp(name, "/hurd/", 6) == 0 && !strchr(name + 6, '/'))
		name += 6;
	if (strchr(name, '/'))
		return by_path(name, why);
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		text_printf(why, "'%s': not the name of a translator; give a name or a path", name);
		return NULL;
	}
	translator_dirs(&dirs);
	if (dirs.error)
		return finish(&dirs, why);
	for (next = dirs.data; (dir = strsep(&next, ":"));) {
		AUTO_TEXT struct text path = { 0 };

		make_absolute(&path, dir);
		text_printf(&path, "/%s", name);
		if (*dir && !path.error && is_program(path.data))
			return finish(&path, why);
		if (next)
			next[-1] = ':';
	}
	text_printf(why, "%s: no such translator in %s; install it there, or give its path", name, dirs.data);
	return NULL;
}

/* The program of portd; static. */
const char *
runtime_portd(void)
{
	const char *value = getenv("HIRD_PORTD");

	return value && *value ? value : PORTD_PROGRAM;
}
