/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mountinfo: the kernel's table of mounts, as far as it is about ours. */
#ifndef PORTD_MOUNTINFO_H
#define PORTD_MOUNTINFO_H

#include <stddef.h>
#include <stdint.h>

#define MOUNT_TYPE "fuse.hird"
#define MOUNT_SUBTYPE "hird"

struct mountinfo {
	uint32_t id;
	const char *device;	/* "0:42" */
	const char *path;	/* the mount point, unescaped */
	uint32_t uid;		/* whose mount it is */
};

/* The table as text, for mountinfo_next; free() it. NULL: out of memory or no /proc. */
char *mountinfo_read(void);
/* The next mount of type fuse.hird: 1, or 0 at the end. Writes into the text; the strings
 * live there. *cursor starts at the text. */
int mountinfo_next(char **cursor, struct mountinfo *infop);
/* The mount an open descriptor is on, or 0. */
uint32_t mountinfo_id_of(int fd);
/* The device of the mount that a /dev/fuse connection serves, as in struct mountinfo; "": the kernel
 * does not say. */
void mountinfo_device_of(int fd, char *device, size_t room);

#endif
