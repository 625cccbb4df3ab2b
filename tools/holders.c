/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holders: which of the user's processes use a mount. See holders.h. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "tools/holders.h"

enum { HOLDERS_SHOWN = 8 };

/* What is looked for. */
struct search {
	int mount_id;
	unsigned major, minor;
	bool has_device;
};

/* Of a zeroed struct: harmless. */
void
holders_deinit(struct holders *holders)
{
	free(holders->list);
	*holders = (struct holders){ 0 };
}

/* The mnt_id of an fdinfo file below dir_fd; -1 when it cannot be read. */
static int
read_mount_id(int dir_fd, const char *name)
{
	AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char buf[512];
	ssize_t n;
	char *at;

	if (fd < 0 || (n = sys_read_all(fd, buf, sizeof(buf) - 1)) <= 0)
		return -1;
	buf[n] = '\0';
	at = strstr(buf, "mnt_id:");
	return at ? atoi(at + 7) : -1;
}

/* The mount of what the magic link `name` of a process leads to: an O_PATH
 * descriptor asks the file system nothing. */
static int
link_mount_id(int pid_fd, const char *name)
{
	AUTO_CLOSE int fd = openat(pid_fd, name, O_PATH | O_CLOEXEC);
	char info[64];

	if (fd < 0)
		return -1;
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	return read_mount_id(AT_FDCWD, info);
}

static DIR *
open_dir_at(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		fd_close(&fd);
	return dir;
}

static bool
has_open_file(int pid_fd, int mount_id)
{
	DIR *dir = open_dir_at(pid_fd, "fdinfo");
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			found = read_mount_id(dirfd(dir), entry->d_name) == mount_id;
	closedir(dir);
	return found;
}

/* A line of maps: RANGE PERMS OFFSET MAJ:MIN (hexadecimal) INODE PATH. */
static bool
has_mapping(int pid_fd, const struct search *search)
{
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	unsigned major, minor;
	bool found = false;
	int fd = openat(pid_fd, "maps", O_RDONLY | O_CLOEXEC);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");

	if (!stream) {
		fd_close(&fd);
		return false;
	}
	while (!found && getline(&line, &room, stream) >= 0)
		found = sscanf(line, "%*s %*s %*s %x:%x", &major, &minor) == 2 &&
		    major == search->major && minor == search->minor;
	fclose(stream);
	return found;
}

static unsigned
how_it_holds(int pid_fd, const struct search *search)
{
	unsigned how = 0;

	if (has_open_file(pid_fd, search->mount_id))
		how |= HOLDER_FILE;
	if (link_mount_id(pid_fd, "cwd") == search->mount_id)
		how |= HOLDER_CWD;
	if (link_mount_id(pid_fd, "root") == search->mount_id)
		how |= HOLDER_ROOT;
	if (link_mount_id(pid_fd, "exe") == search->mount_id)
		how |= HOLDER_EXE;
	if (search->has_device && has_mapping(pid_fd, search))
		how |= HOLDER_MAP;
	return how;
}

static void
read_name(int pid_fd, struct holder *holder)
{
	AUTO_CLOSE int fd = openat(pid_fd, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : sys_read_all(fd, holder->name, sizeof(holder->name) - 1);

	if (n <= 0) {
		strcpy(holder->name, "?");
		return;
	}
	holder->name[n] = '\0';
	holder->name[strcspn(holder->name, "\n")] = '\0';
}

static int
look_at(struct holders *holders, int proc_fd, const char *name, const struct search *search)
{
	AUTO_CLOSE int pid_fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct holder holder = { .pid = atoi(name) }, *list;

	if (pid_fd < 0)
		return 0;
	holder.how = how_it_holds(pid_fd, search);
	if (!holder.how)
		return 0;
	read_name(pid_fd, &holder);
	list = reallocarray(holders->list, holders->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	holders->list = list;
	holders->list[holders->n++] = holder;
	return 0;
}

/* Processes that may not be looked at are left out, as those that end
 * meanwhile. *holders is a zeroed one. 0 or -errno. */
int
holders_find(struct holders *holders, const char *proc, int mount_id, const char *device)
{
	struct search search = { .mount_id = mount_id };
	DIR *dir = opendir(proc);
	const struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	search.has_device = sscanf(device, "%u:%u", &search.major, &search.minor) == 2;
	while (err == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    atoi(entry->d_name) == getpid())
			continue;
		err = look_at(holders, dirfd(dir), entry->d_name, &search);
	}
	closedir(dir);
	return err;
}

static const char *
how_text(unsigned how)
{
	if (how & HOLDER_CWD)
		return ", its directory";
	if (how & HOLDER_FILE)
		return "";
	if (how & HOLDER_EXE)
		return ", its program";
	if (how & HOLDER_ROOT)
		return ", its root";
	return ", mapped";
}

/* Adds nothing when there is none. */
void
holders_print(struct text *text, const struct holders *holders)
{
	for (size_t i = 0; i < holders->n && i < HOLDERS_SHOWN; i++) {
		const struct holder *holder = &holders->list[i];

		text_puts(text, i ? ", " : "");
		text_safe(text, holder->name);
		text_printf(text, " (pid %d%s)", (int)holder->pid, how_text(holder->how));
	}
	if (holders->n > HOLDERS_SHOWN)
		text_printf(text, " and %zu more", holders->n - HOLDERS_SHOWN);
}
