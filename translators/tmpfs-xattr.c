/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tmpfs-xattr: extended attributes: one page an inode.
 *
 * The page is a row of records that a name of no length ends. A change makes a new page
 * and lets the inode refer to it. */
#include "translators/tmpfs-xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "translators/tmpfs-inode.h"
#include "translators/tmpfs-page.h"

/* The name, then the value; neither has a NUL. */
struct record {
	uint16_t value_length;
	uint8_t name_length;
	char bytes[];
};

enum {
	NAME_LENGTH_MAX = 255,
	/* The end of the row needs a record that is empty. */
	ROW_MAX = REGION_PAGE - sizeof(struct record) - 1,
};

static size_t
record_size(const struct record *record)
{
	size_t size = offsetof(struct record, bytes) + record->name_length + record->value_length;

	return size + size % 2;
}

static const struct record *
next_record(const struct record *record)
{
	return (const struct record *)((const char *)record + record_size(record));
}

static const struct record *
first_record(const struct store *store, const struct inode *inode)
{
	static const struct record end;

	return inode->xattr != 0 ? page_at(store, inode->xattr) : &end;
}

static bool
has_name(const struct record *record, const char *name, size_t length)
{
	return record->name_length == length && memcmp(record->bytes, name, length) == 0;
}

static const struct record *
find_record(const struct store *store, const struct inode *inode, const char *name)
{
	size_t length = strlen(name);
	const struct record *record = first_record(store, inode);

	for (; record->name_length > 0; record = next_record(record))
		if (has_name(record, name, length))
			return record;
	return NULL;
}

/* As getxattr(2). */
ssize_t
xattr_get(const struct store *store, uint64_t node, const char *name, char *value, size_t size)
{
	uint32_t index = inode_find(store, node);
	const struct record *record;

	if (index == 0)
		return -ESTALE;
	record = find_record(store, inode_at(store, index), name);
	if (!record)
		return -ENODATA;
	if (size > 0 && size < record->value_length)
		return -ERANGE;
	if (size > 0)
		memcpy(value, record->bytes + record->name_length, record->value_length);
	return record->value_length;
}

/* As listxattr(2). */
ssize_t
xattr_list(const struct store *store, uint64_t node, char *list, size_t size)
{
	uint32_t index = inode_find(store, node);
	const struct record *record;
	size_t length = 0;

	if (index == 0)
		return -ESTALE;
	record = first_record(store, inode_at(store, index));
	for (; record->name_length > 0; record = next_record(record)) {
		size_t end = length + record->name_length + 1u;

		if (size > 0 && end > size)
			return -ERANGE;
		if (size > 0) {
			memcpy(list + length, record->bytes, record->name_length);
			list[end - 1] = '\0';
		}
		length = end;
	}
	return (ssize_t)length;
}

/* Changes ------------------------------------------------------------------------ */

/* A row that is being made in a page that nothing refers to yet. */
struct row {
	char *page;
	size_t length;
};

/* Copies all records but one. */
static void
copy_others(const struct store *store, const struct inode *inode, const struct record *left_out,
    struct row *row)
{
	const struct record *record = first_record(store, inode);

	for (; record->name_length > 0; record = next_record(record)) {
		if (record == left_out)
			continue;
		memcpy(row->page + row->length, record, record_size(record));
		row->length += record_size(record);
	}
}

static int
append_record(struct row *row, const char *name, const char *value, size_t size)
{
	struct record *record = (struct record *)(row->page + row->length);
	size_t name_length = strlen(name);

	if (offsetof(struct record, bytes) + name_length + size + 1 > ROW_MAX - row->length)
		return -ENOSPC;
	record->name_length = (uint8_t)name_length;
	record->value_length = (uint16_t)size;
	memcpy(record->bytes, name, name_length);
	if (size > 0)
		memcpy(record->bytes + name_length, value, size);
	row->length += record_size(record);
	return 0;
}

/* Lets the inode refer to another page, or to none. */
static void
replace_page(struct store *store, struct inode *inode, uint32_t page, const struct timespec *now)
{
	uint32_t old = inode->xattr;

	CHANGE(store, inode->xattr, page);
	inode_touch(store, inode, now);
	undo_commit(store);
	if (old != 0)
		page_give(store, old);
	page_settle(store);
}

/* 0, -EINVAL or -EOPNOTSUPP. Access control lists and the like would have to be obeyed, too. */
static int
check_kind(const char *name)
{
	static const char *const kinds[] = { "user.", "trusted.", "security." };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			return name[strlen(kinds[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

/* As setxattr(2); -ENOSPC: all attributes of an inode together have to fit into a page. */
int
xattr_set(struct store *store, uint64_t node, const char *name, const char *value, size_t size,
    int flags, const struct timespec *now)
{
	uint32_t index = inode_find(store, node), page;
	const struct record *old;
	struct inode *inode;
	struct row row = { 0 };
	int err;

	if (index == 0)
		return -ESTALE;
	err = check_kind(name);
	if (err < 0)
		return err;
	if (strlen(name) > NAME_LENGTH_MAX)
		return -ERANGE;
	if (size >= REGION_PAGE)
		return -ENOSPC;
	inode = inode_at(store, index);
	old = find_record(store, inode, name);
	if (old && flags & XATTR_CREATE)
		return -EEXIST;
	if (!old && flags & XATTR_REPLACE)
		return -ENODATA;
	page = page_take_zeroed(store);
	if (page == 0)
		return -ENOSPC;
	row.page = page_at(store, page);
	copy_others(store, inode, old, &row);
	err = append_record(&row, name, value, size);
	if (err == 0) {
		replace_page(store, inode, page, now);
		return 0;
	}
	page_give(store, page);
	page_settle(store);
	return err;
}

/* As removexattr(2). It needs no room when it is the last one, and for a moment a page
 * otherwise. */
int
xattr_remove(struct store *store, uint64_t node, const char *name, const struct timespec *now)
{
	uint32_t index = inode_find(store, node), page;
	const struct record *old;
	struct inode *inode;
	struct row row = { 0 };

	if (index == 0)
		return -ESTALE;
	inode = inode_at(store, index);
	old = find_record(store, inode, name);
	if (!old)
		return -ENODATA;
	if (old == first_record(store, inode) && next_record(old)->name_length == 0) {
		replace_page(store, inode, 0, now);
		return 0;
	}
	page = page_take_zeroed(store);
	if (page == 0)
		return -ENOSPC;
	row.page = page_at(store, page);
	copy_others(store, inode, old, &row);
	replace_page(store, inode, page, now);
	return 0;
}

/* What a predecessor left --------------------------------------------------------- */

/* Takes over the attributes of an inode that was found in the region. 0, or -EUCLEAN. */
int
xattr_claim(struct store *store, const struct inode *inode)
{
	int err = page_claim(store, inode->xattr);
	const struct record *record;
	size_t length = 0;

	if (err < 0)
		return err;
	record = page_at(store, inode->xattr);
	for (; record->name_length > 0; record = next_record(record)) {
		length += record_size(record);
		if (length > ROW_MAX || memchr(record->bytes, '\0', record->name_length))
			return -EUCLEAN;
	}
	return 0;
}
