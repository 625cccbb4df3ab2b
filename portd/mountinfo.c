/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mountinfo: reads /proc/self/mountinfo, a line a mount:
 *
 *   ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER-OPTIONS
 *
 * with space, tab, newline and backslash in octal. */
#include "portd/mountinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

enum { TABLE_MAX = 64 << 20 };

/* Reads the whole table. */
char *
mountinfo_read(void)
{
	AUTO_CLOSE int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	size_t room = 16 * 1024;
	ssize_t n;

	if (fd < 0)
		return NULL;
	for (;;) {
		free(data);
		data = malloc(room);
		if (!data || lseek(fd, 0, SEEK_SET) < 0)
			return NULL;
		n = sys_read_all(fd, data, room - 1);
		if (n < 0)
			return NULL;
		if ((size_t)n < room - 1)
			break;
		room *= 2;
		if (room > TABLE_MAX)
			return NULL;
	}
	data[n] = '\0';
	return STEAL_PTR(data);
}

static void
unescape(char *path)
{
	char *out = path;

	for (char *in = path; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' &&
		    in[2] <= '7' && in[3] >= '0' && in[3] <= '7') {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

static int
parse(char *line, struct mountinfo *infop)
{
	char *fields[6];
	char *type = strstr(line, " - " MOUNT_TYPE " ");
	char *user;

	if (!type)
		return 0;
	user = strstr(type, "user_id=");
	if (!user)
		return 0;
	*type = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i])
			return 0;
	}
	unescape(fields[4]);
	*infop = (struct mountinfo){
		.id = (uint32_t)strtoul(fields[0], NULL, 10),
		.device = fields[2],
		.path = fields[4],
		.uid = (uint32_t)strtoul(user + strlen("user_id="), NULL, 10),
	};
	return 1;
}

/* The next mount of ours. */
int
mountinfo_next(char **cursor, struct mountinfo *infop)
{
	char *line;

	while (*cursor && (line = strsep(cursor, "\n")))
		if (parse(line, infop))
			return 1;
	return 0;
}

/* A number in the kernel's notes on a descriptor; asks no file system. 0: it is not there. */
static unsigned long
note_of(int fd, const char *word)
{
	char path[64];
	char data[512];
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	AUTO_CLOSE int info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return 0;
	n = sys_read_all(info, data, sizeof(data) - 1);
	if (n < 0)
		return 0;
	data[n] = '\0';
	at = strstr(data, word);
	return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

/* The id of the mount that a descriptor is on. */
uint32_t
mountinfo_id_of(int fd)
{
	return (uint32_t)note_of(fd, "mnt_id:");
}

/* The kernel says it since Linux 6.16; a file system without a disk has the major number 0. */
void
mountinfo_device_of(int fd, char *device, size_t room)
{
	unsigned long number = fd < 0 ? 0 : note_of(fd, "fuse_connection:");

	device[0] = '\0';
	if (number)
		snprintf(device, room, "%lu:%lu", number >> 20, number & 0xfffff);
}
