/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine: small files of /proc, /sys and /etc. See machine.h. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "tools/machine.h"
#include "tools/mounts.h"
#include "tools/tool.h"

enum { STALE_SHOWN = 4 };

/* The first word of a file; false: it cannot be read. */
static bool
read_word(const char *dir, const char *name, char *word, size_t room)
{
	AUTO_FREE char *path = NULL;
	ssize_t n;

	if (asprintf(&path, "%s%s%s", dir, *name ? "/" : "", name) < 0) {
		path = NULL;
		return false;
	}
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : sys_read_all(fd, word, room - 1);
	if (n < 0)
		return false;
	word[n] = '\0';
	word[strcspn(word, " \t\n")] = '\0';
	return true;
}

/* -1: it is not there. */
static long
read_number(const char *dir, const char *name)
{
	char word[32];

	return read_word(dir, name, word, sizeof(word)) ? strtol(word, NULL, 10) : -1;
}

void
machine_epoch(struct finding *finding, unsigned major, unsigned minor)
{
	if (major > 6 || (major == 6 && minor >= 16))
		found(finding, OK, "names are looked up anew when a translator has changed", "");
	else
		found(finding, OK, "names that a program remembers are forgotten one by one "
		    "(6.16 and later: all at once)", "");
}

/* Seconds; 0: none. */
void
machine_timeout(struct finding *finding, const char *dir)
{
	long most = read_number(dir, "max_request_timeout");
	long usual = read_number(dir, "default_request_timeout");
	long least = usual > 0 && (most <= 0 || usual < most) ? usual : most;

	if (most < 0 && usual < 0) {
		found(finding, OK, "this kernel has no limit for requests", "");
	} else if (least <= 0) {
		found(finding, OK, "no limit for requests is set", "");
	} else {
		text_printf(&finding->what, "the kernel ends a node, with all that is open in it, when a "
		    "request takes %ld s", least);
		found(finding, WARN, "", "sudo sysctl fs.fuse.max_request_timeout=0 "
		    "fs.fuse.default_request_timeout=0");
	}
}

void
machine_uring(struct finding *finding, const char *file)
{
	char word[8];

	if (!read_word(file, "", word, sizeof(word)))
		found(finding, OK, "this kernel has no FUSE over io_uring; nodes do not use it", "");
	else
		found(finding, OK, word[0] == 'Y' ? "FUSE over io_uring is enabled; nodes do not use it, "
		    "a crash would lose requests" : "FUSE over io_uring is disabled; nodes do not use it", "");
}

void
machine_namespaces(struct finding *finding, const char *dir)
{
	if (read_number(dir, "user/max_user_namespaces") == 0)
		found(finding, WARN, "none may be made: no detached mounts; nodes do without",
		    "sudo sysctl user.max_user_namespaces=15000");
	else if (read_number(dir, "kernel/unprivileged_userns_clone") == 0)
		found(finding, WARN, "only root may make one: no detached mounts; nodes do without",
		    "sudo sysctl kernel.unprivileged_userns_clone=1");
	else if (read_number(dir, "kernel/apparmor_restrict_unprivileged_userns") == 1)
		found(finding, WARN, "AppArmor lets only named programs make one: no detached mounts; "
		    "nodes do without", "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0");
	else
		found(finding, OK, "you may make user namespaces", "");
}

void
machine_apparmor(struct finding *finding, const char *enabled, const char *profile)
{
	char word[8];

	if (!read_word(enabled, "", word, sizeof(word)) || word[0] != 'Y') {
		found(finding, OK, "AppArmor is not enabled", "");
	} else if (access(profile, F_OK) < 0) {
		found(finding, OK, "AppArmor has no profile for fusermount3", "");
	} else {
		text_safe(&finding->what, profile);
		found(finding, WARN, " says where fusermount3 may mount, most often in homes, /mnt, /media, /tmp "
		    "and /run/user", "for a node elsewhere, root adds a line to /etc/apparmor.d/local/fusermount3: "
		    "mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw,noatime) -> /PLACE/**/,");
	}
}

void
machine_fusectl(struct finding *finding, const char *file)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };

	mounts_read(&mounts, file);
	for (size_t i = 0; i < mounts.n; i++) {
		if (strcmp(mounts.list[i].type, "fusectl") != 0)
			continue;
		found(finding, OK, "a stuck node can be aborted by its owner", "");
		return;
	}
	found(finding, WARN, "is not mounted: a stuck node is freed by killing its translator",
	    "sudo mount -t fusectl none /sys/fs/fuse/connections");
}

void
machine_lingering(struct finding *finding, const char *systemd, const char *file)
{
	if (access(systemd, F_OK) < 0)
		found(finding, OK, "there is no systemd here to end what you leave behind", "");
	else if (access(file, F_OK) == 0)
		found(finding, OK, "your services stay when you log out", "");
	else
		found(finding, OK, "your nodes are gone while you are not logged in",
		    "if they are to stay: loginctl enable-linger");
}

/* Stale mounts ---------------------------------------------------------------- */

/* One that is alive is answered by its portd or translator, which may be stuck: then nobody waits
 * for the child. */
static bool
is_stale(const char *point, int64_t deadline)
{
	int64_t left = deadline - sys_now_ms();
	pid_t pid = left > 0 ? fork() : -1;
	AUTO_CLOSE int pidfd = -1;
	struct pollfd poller;
	int status = 0;

	if (pid == 0)
		_exit(sys_mount_is_dead(point));
	if (pid < 0)
		return false;
	pidfd = sys_pidfd_open(pid);
	poller = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	if (pidfd >= 0 && poll(&poller, 1, (int)left) <= 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, WNOHANG);
		return false;
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void
add_stale(struct finding *finding, const char *point, size_t n)
{
	if (n > STALE_SHOWN)
		return;
	text_puts(&finding->what, n == 1 ? "a server is gone from " : ", ");
	tool_show_path(&finding->what, point);
	text_puts(&finding->advice, n == 1 ? "fusermount3 -u " : "; fusermount3 -u ");
	text_quote(&finding->advice, point);
}

void
machine_stale(struct finding *finding, const char *file, uid_t uid, unsigned wait_ms)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };
	int64_t deadline = sys_now_ms() + wait_ms;
	size_t n = 0;

	mounts_read(&mounts, file);
	for (size_t i = 0; i < mounts.n; i++) {
		const struct mount *mount = &mounts.list[i];

		if (strcmp(mount->type, "fuse.hird") == 0 && mount->uid == uid &&
		    is_stale(mount->point, deadline))
			add_stale(finding, mount->point, ++n);
	}
	if (n > STALE_SHOWN)
		text_printf(&finding->what, " and %zu more", n - STALE_SHOWN);
	found(finding, n ? WARN : OK, n ? "" : "no mount of yours is without a server", "");
}
