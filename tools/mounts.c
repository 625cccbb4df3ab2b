/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounts: the kernel's table of mounts. See mounts.h. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/mounts.h"

static void
mount_deinit(struct mount *mount)
{
	free(mount->point);
	free(mount->type);
}

/* Of a zeroed struct: harmless. */
void
mounts_deinit(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		mount_deinit(&mounts->list[i]);
	free(mounts->list);
	*mounts = (struct mounts){ 0 };
}

/* The kernel writes space, tab, newline and backslash as \ooo. In place. */
static void
unescape(char *string)
{
	char *to = string;

	for (const char *from = string; *from; ) {
		unsigned byte;

		if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to++ = (char)byte;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* One line: ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG...] - TYPE SOURCE MORE.
 * 0, -EINVAL for a line of another form, -ENOMEM. */
static int
parse_line(char *line, struct mount *mount)
{
	char *rest = strstr(line, " - ");
	char *words[5], *save = NULL, *type, *user;

	if (!rest)
		return -EINVAL;
	*rest = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		words[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!words[i])
			return -EINVAL;
	}
	user = strstr(rest + 1, "user_id=");
	type = strtok_r(rest + 3, " \n", &save);
	if (!type || strlen(words[2]) >= sizeof(mount->device))
		return -EINVAL;
	unescape(words[4]);
	*mount = (struct mount){
		.id = atoi(words[0]),
		.parent = atoi(words[1]),
		.point = strdup(words[4]),
		.type = strdup(type),
		.uid = user ? (unsigned)strtoul(user + strlen("user_id="), NULL, 10) : 0,
	};
	strcpy(mount->device, words[2]);
	if (mount->point && mount->type)
		return 0;
	mount_deinit(mount);
	return -ENOMEM;
}

static int
add_mount(struct mounts *mounts, const struct mount *mount)
{
	struct mount *list;

	if ((mounts->n & (mounts->n - 1)) == 0) {
		size_t room = mounts->n ? mounts->n * 2 : 1;

		list = reallocarray(mounts->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		mounts->list = list;
	}
	mounts->list[mounts->n++] = *mount;
	return 0;
}

/* Lines that cannot be read are left out. *mounts is a zeroed one. */
int
mounts_read(struct mounts *mounts, const char *file)
{
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	FILE *stream = fopen(file, "re");
	int err = 0;

	if (!stream)
		return -errno;
	while (err == 0 && getline(&line, &room, stream) >= 0) {
		struct mount mount;

		err = parse_line(line, &mount);
		if (err == -EINVAL) {
			err = 0;
			continue;
		}
		if (err == 0 && (err = add_mount(mounts, &mount)) < 0)
			mount_deinit(&mount);
	}
	if (err == 0 && ferror(stream))
		err = -EIO;
	fclose(stream);
	return err;
}

/* Of several at one path the last is on top. */
const struct mount *
mounts_at(const struct mounts *mounts, const char *point)
{
	for (size_t i = mounts->n; i > 0; i--)
		if (strcmp(mounts->list[i - 1].point, point) == 0)
			return &mounts->list[i - 1];
	return NULL;
}

/* fuse, fuse.NAME, fuseblk: what fusermount3 counts. */
bool
mount_is_fuse(const struct mount *mount)
{
	return strcmp(mount->type, "fuse") == 0 || strncmp(mount->type, "fuse.", 5) == 0 ||
	    strcmp(mount->type, "fuseblk") == 0;
}
