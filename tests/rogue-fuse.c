/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rogue-fuse: answers of the kernel's requests as no translator may give them: node ids,
 * sizes, types and names that are lies, answers to nobody, notices of rubbish. After the
 * lies each request gets an answer that ends it. */
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/rogue-translator.h"
#include "trans/trans.h"
#include "wire/fusewire.h"

static unsigned n_taken, n_refused;

static bool
answer(int fuse, uint64_t unique, int32_t error, const void *data, size_t size)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { (void *)data, size } };
	bool taken = writev(fuse, parts, 2) >= 0;

	n_taken += taken;
	n_refused += !taken;
	return taken;
}

/* Answers that belong to no request, and bytes that are no answer. */
static void
rubbish(int fuse, uint64_t unique)
{
	char bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37 + unique);
	for (size_t size = 0; size < 40; size += 3)
		n_refused += write(fuse, bytes, size) < 0;
	n_refused += write(fuse, bytes, sizeof(bytes)) < 0;
	answer(fuse, unique ^ 0x5555, 0, bytes, 100);
	answer(fuse, ~0ull, -EIO, NULL, 0);
	answer(fuse, unique, 5, NULL, 0);		/* positive */
	answer(fuse, unique, -99999, NULL, 0);
	answer(fuse, unique, -EIO, bytes, 16);		/* an error with data */
}

static void
notice(int fuse, int32_t code, const void *data, size_t size)
{
	answer(fuse, 0, code, data, size);
}

/* Of nodes that there are not, with sizes that overflow, names without end. */
static void
notices(int fuse)
{
	struct fuse_notify_inval_inode_out inode = { .ino = 1, .off = -5, .len = INT64_MIN };
	struct {
		struct fuse_notify_inval_entry_out head;
		char name[16];
	} entry = { { .parent = 1, .namelen = 0xfffffff0 }, "../../x" };
	struct {
		struct fuse_notify_delete_out head;
		char name[16];
	} gone = { { .parent = 1, .child = 1, .namelen = 7 }, "a/../b" };
	struct fuse_notify_store_out store = { .nodeid = 1, .offset = ~0ull - 3, .size = ~0u };
	struct fuse_notify_retrieve_out retrieve = { .notify_unique = 1, .nodeid = 1,
		.offset = ~0ull, .size = ~0u };

	notice(fuse, FUSE_NOTIFY_INVAL_INODE, &inode, sizeof(inode));
	inode = (struct fuse_notify_inval_inode_out){ .ino = ~0ull };
	notice(fuse, FUSE_NOTIFY_INVAL_INODE, &inode, sizeof(inode));
	notice(fuse, FUSE_NOTIFY_INVAL_INODE, &inode, 3);
	notice(fuse, FUSE_NOTIFY_INVAL_ENTRY, &entry, sizeof(entry));
	entry.head.namelen = 7;
	notice(fuse, FUSE_NOTIFY_INVAL_ENTRY, &entry, sizeof(entry.head) + 8);
	notice(fuse, FUSE_NOTIFY_DELETE, &gone, sizeof(gone.head) + 8);
	notice(fuse, FUSE_NOTIFY_STORE, &store, sizeof(store));
	notice(fuse, FUSE_NOTIFY_RETRIEVE, &retrieve, sizeof(retrieve));
	notice(fuse, 4711, &retrieve, sizeof(retrieve));
}

static void
forge_attr(struct fuse_attr *attr, unsigned turn)
{
	static const uint32_t modes[] = { 0, 0777, S_IFMT | 07777, S_IFREG | 07777, S_IFLNK, S_IFCHR };

	*attr = (struct fuse_attr){
		.ino = ~0ull, .size = turn % 2 ? ~0ull : 1ull << 63, .blocks = ~0ull,
		.mode = modes[turn % 6], .nlink = ~0u, .uid = 0, .gid = 0, .rdev = ~0u, .blksize = ~0u,
		.atime = ~0ull, .atimensec = ~0u,
	};
}

static void
forge_entry(int fuse, uint64_t unique)
{
	static unsigned turn;
	static const uint64_t ids[] = { 0, 1, ~0ull, 7 };
	struct fuse_entry_out out = {
		.nodeid = ids[turn % 4], .generation = ~0ull, .entry_valid = ~0ull,
		.attr_valid = ~0ull, .entry_valid_nsec = ~0u,
	};

	forge_attr(&out.attr, turn++);
	answer(fuse, unique, 0, &out, sizeof(out) - 1);
	answer(fuse, unique, 0, &out, sizeof(out) + 1);
	answer(fuse, unique, 0, &out, sizeof(out));
}

static void
forge_own_attr(int fuse, uint64_t unique)
{
	static unsigned turn;
	struct fuse_attr_out out = { .attr_valid = 0 };

	forge_attr(&out.attr, turn++);
	answer(fuse, unique, 0, &out, sizeof(out) - 1);
	answer(fuse, unique, 0, &out, sizeof(out));
}

/* One name that no directory has. */
static void
forge_names(int fuse, uint64_t unique)
{
	static const struct {
		const char *name;
		uint32_t size;
	} names[] = {
		{ "/etc/passwd", 11 }, { "..", 2 }, { ".", 1 }, { "a\0b", 3 }, { "", 0 },
		{ "a/b", 3 }, { "x", 70000 }, { "x", 0xfffffff0 }, { "\0", 1 },
	};
	static unsigned turn;
	uint64_t space[64] = { 0 };
	struct fuse_dirent *entry = (struct fuse_dirent *)space;

	entry->ino = 1;
	entry->off = turn % 2 ? ~0ull : 1;
	entry->type = 99;
	entry->namelen = names[turn % 9].size;
	memcpy(entry->name, names[turn % 9].name, strlen(names[turn % 9].name));
	turn++;
	answer(fuse, unique, 0, space, sizeof(space));
}

static void
forge_open(int fuse, uint64_t unique)
{
	struct fuse_open_out out = { .fh = ~0ull, .open_flags = 0 };

	answer(fuse, unique, 0, &out, 3);
	answer(fuse, unique, 0, &out, sizeof(out));
}

static void
forge_data(int fuse, uint64_t unique)
{
	static char data[FUSEWIRE_BUFFER + 4096];

	answer(fuse, unique, 0, data, sizeof(data));	/* more than anybody asked for */
	answer(fuse, unique, 0, data, 100);
}

static void
forge(int fuse, const struct fuse_in_header *request)
{
	uint64_t unique = request->unique;

	rubbish(fuse, unique);
	switch (request->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	case FUSE_LOOKUP:
		forge_entry(fuse, unique);
		break;
	case FUSE_GETATTR:
		forge_own_attr(fuse, unique);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		forge_open(fuse, unique);
		break;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		forge_names(fuse, unique);
		break;
	default:
		forge_data(fuse, unique);
	}
	notices(fuse);
	answer(fuse, unique, -EIO, NULL, 0);	/* in case that none was good enough */
}

void
rogue_fuse(int fuse)
{
	static char request[FUSEWIRE_BUFFER];

	notices(fuse);
	for (;;) {
		struct pollfd waited = { .fd = fuse, .events = POLLIN };
		ssize_t n;

		poll(&waited, 1, -1);
		n = read(fuse, request, sizeof(request));
		if (n < 0 && errno == ENODEV)
			break;
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			forge(fuse, (struct fuse_in_header *)request);
		trans_log("%u forged answers taken, %u refused", n_taken, n_refused);
	}
	_exit(0);
}
