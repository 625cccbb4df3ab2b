/* SPDX-License-Identifier: GPL-2.0-or-later */
/* content: nodes are root, large, files, new ones, in this order. */
#include "bench/content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROOT = 1,
	LARGE,
	FIRST,
	FIRST_NEW = FIRST + CONTENT_FILES,
	END = FIRST_NEW + CONTENT_NEW,
};

static char *large;
static struct {
	unsigned size;
	char there;
	char data[CONTENT_NEW_SIZE];
} *created;

int
content_start(void)
{
	large = malloc(CONTENT_LARGE);
	created = calloc(CONTENT_NEW, sizeof(*created));
	if (!large || !created)
		return -ENOMEM;
	for (size_t i = 0; i < CONTENT_LARGE; i++)
		large[i] = (char)(i * 7 + i / 4096);
	return 0;
}

/* The node that a name would have, whether it is there or not. */
static uint64_t
node_of(const char *name)
{
	char *end;
	unsigned long number = strtoul(name + (*name != '\0'), &end, 10);

	if (strcmp(name, "large") == 0)
		return LARGE;
	if (end != name + 5 || *end != '\0')
		return 0;
	if (*name == 'f' && number < CONTENT_FILES)
		return FIRST + number;
	return *name == 'n' && number < CONTENT_NEW ? FIRST_NEW + number : 0;
}

int
content_lookup(const char *name, uint64_t *nodep)
{
	uint64_t node = node_of(name);

	if (node == 0 || (node >= FIRST_NEW && !created[node - FIRST_NEW].there))
		return -ENOENT;
	*nodep = node;
	return 0;
}

int
content_stat(uint64_t node, struct stat *st)
{
	if (node < ROOT || node >= END)
		return -ESTALE;
	st->st_ino = node;
	st->st_mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = node == ROOT ? 0 : node == LARGE ? CONTENT_LARGE :
	    node < FIRST_NEW ? CONTENT_SIZE : created[node - FIRST_NEW].size;
	return 0;
}

ssize_t
content_read(uint64_t node, char *buf, size_t size, off_t offset)
{
	struct stat st;
	const char *data = node < FIRST_NEW ? large : created[node - FIRST_NEW].data;

	if (content_stat(node, &st) < 0)
		return -ESTALE;
	if (offset >= st.st_size)
		return 0;
	if ((off_t)size > st.st_size - offset)
		size = (size_t)(st.st_size - offset);
	memcpy(buf, data + offset, size);
	return (ssize_t)size;
}

int
content_create(const char *name, uint64_t *nodep)
{
	uint64_t node = node_of(name);

	if (node < FIRST_NEW)
		return -EPERM;
	if (created[node - FIRST_NEW].there)
		return -EEXIST;
	created[node - FIRST_NEW].there = 1;
	created[node - FIRST_NEW].size = 0;
	*nodep = node;
	return 0;
}

ssize_t
content_write(uint64_t node, const char *buf, size_t size, off_t offset)
{
	if (node < FIRST_NEW || node >= END)
		return -EPERM;
	if ((size_t)offset + size > CONTENT_NEW_SIZE)
		return -EFBIG;
	memcpy(created[node - FIRST_NEW].data + offset, buf, size);
	if (offset + size > created[node - FIRST_NEW].size)
		created[node - FIRST_NEW].size = (unsigned)((size_t)offset + size);
	return (ssize_t)size;
}

int
content_unlink(const char *name)
{
	uint64_t node = node_of(name);

	if (node < FIRST_NEW || !created[node - FIRST_NEW].there)
		return -ENOENT;
	created[node - FIRST_NEW].there = 0;
	return 0;
}
