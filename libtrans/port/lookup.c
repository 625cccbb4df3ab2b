/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lookup: the client's side of lookup.def, io.def and fs.def. What a translator answers is checked
 * like anything that comes from another task. */
#include "port/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "port/stubs.h"

enum { HOPS_MAX = 64 };	/* nodes that cover others, on one path */

/* Ways ----------------------------------------------------------------------- */

/* One answer of a lookup: *dirp becomes the node (the one of before is given up, when it is
 * ours), and *path its rest. */
static int
follow(const struct dir_lookup_out *out, port_name_t *dirp, bool ours, char *path)
{
	size_t size = strlen(out->rest);

	if (out->retry == DIR_LOOKUP_MAGICAL || size >= PATH_MAX) {
		if (out->node.name != PORT_NULL && out->node.name != PORT_DEAD)
			port_deallocate(out->node.name);
		return -EXDEV;
	}
	if (out->retry != DIR_LOOKUP_NORMAL || out->node.name == PORT_NULL)
		return PORT_E_RPC_TYPE_ERROR;
	memmove(path, out->rest, size + 1);
	if (ours)
		port_deallocate(*dirp);
	*dirp = out->node.name;
	return 0;
}

static int
ask(port_name_t *dirp, bool ours, char *path, unsigned rights)
{
	const struct dir_lookup_in in = { .path = path, .rights = rights };
	struct dir_lookup_out out;
	struct port_reply reply;
	int err = dir_lookup_call(*dirp, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		err = follow(&out, dirp, ours, path);
	port_reply_deinit(&reply);
	return err;
}

/* From a directory on; ours: it is given up on the way. */
static int
walk(port_name_t dir, bool ours, const char *from, unsigned rights, port_name_t *nodep)
{
	char path[PATH_MAX];
	int err, hops = 0;

	if (strlen(from) >= sizeof(path)) {
		err = -ENAMETOOLONG;
	} else {
		strcpy(path, from);
		do {
			err = ask(&dir, ours, path, rights);
			ours |= err == 0;
		} while (err == 0 && *path && ++hops < HOPS_MAX);
		if (err == 0 && *path)
			err = -ELOOP;
	}
	if (err == 0)
		*nodep = dir;
	else if (ours)
		port_deallocate(dir);
	return err;
}

/* See lookup.h. */
int
trans_lookup_at(port_name_t dir, const char *path, unsigned rights, port_name_t *nodep)
{
	return walk(dir, false, path, rights, nodep);
}

/* The node of a descriptor. */
static int
look_up_file(int fd, unsigned rights, unsigned needed, port_name_t *nodep)
{
	struct lookup_node_in in = { .rights = rights, .needed = needed };
	struct lookup_node_out out;
	struct port_reply reply;
	int err;

	in.file = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (in.file < 0)
		return -errno;
	/* Eats in.file. */
	err = lookup_node_call(port_bootstrap(), &in, &out, &reply, PORT_FOREVER);
	if (err == 0 && (out.retry != DIR_LOOKUP_NORMAL || out.node.name == PORT_NULL))
		err = PORT_E_RPC_TYPE_ERROR;
	if (err == 0)
		*nodep = out.node.name;
	port_reply_deinit(&reply);
	return err == PORT_E_RPC_BAD_ID ? -EOPNOTSUPP : err;
}

/* See lookup.h. */
int
trans_lookup(int fd, const char *path, unsigned rights, port_name_t *nodep)
{
	port_name_t top;
	int err;

	if (!*path)
		return look_up_file(fd, rights, rights, nodep);
	err = look_up_file(fd, TRANS_RIGHT_ALL, TRANS_RIGHT_LOOKUP, &top);
	return err ? err : walk(top, true, path, rights, nodep);
}

/* Content ---------------------------------------------------------------------- */

static int
read_some(port_name_t node, char *buf, size_t size, uint64_t offset, size_t *gotp)
{
	const struct io_read_in in = { .offset = offset,
		.size = size < IO_SIZE_MAX ? (uint32_t)size : IO_SIZE_MAX };
	struct io_read_out out;
	struct port_reply reply;
	int err = io_read_call(node, &in, &out, &reply, PORT_FOREVER);

	if (err == 0 && out.data.size > in.size)
		err = PORT_E_RPC_TYPE_ERROR;
	if (err == 0) {
		if (out.data.size)
			memcpy(buf, out.data.data, out.data.size);
		*gotp = out.data.size;
	}
	port_reply_deinit(&reply);
	return err;
}

/* See lookup.h. */
int
trans_read(port_name_t node, void *buf, size_t size, uint64_t offset, size_t *gotp)
{
	size_t done = 0, got = 1;
	int err = 0;

	while (done < size && got > 0 && err == 0) {
		err = read_some(node, (char *)buf + done, size - done, offset + done, &got);
		done += err == 0 ? got : 0;
	}
	if (err != 0 && done == 0)
		return err;
	*gotp = done;
	return 0;
}

static int
write_some(port_name_t node, const char *buf, size_t size, uint64_t offset, size_t *putp)
{
	const struct io_write_in in = { .offset = offset, .data = {
		(void *)(uintptr_t)buf, size < IO_SIZE_MAX ? size : IO_SIZE_MAX } };
	struct io_write_out out;
	struct port_reply reply;
	int err = io_write_call(node, &in, &out, &reply, PORT_FOREVER);

	if (err == 0 && out.written > in.data.size)
		err = PORT_E_RPC_TYPE_ERROR;
	if (err == 0)
		*putp = out.written;
	port_reply_deinit(&reply);
	return err;
}

/* See lookup.h. */
int
trans_write(port_name_t node, const void *buf, size_t size, uint64_t offset, size_t *putp)
{
	size_t done = 0, put = 1;
	int err = 0;

	while (done < size && put > 0 && err == 0) {
		err = write_some(node, (const char *)buf + done, size - done, offset + done, &put);
		done += err == 0 ? put : 0;
	}
	if (err != 0 && done == 0)
		return err;
	*putp = done;
	return 0;
}

/* Attributes --------------------------------------------------------------------- */

static struct timespec
time_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };
}

/* See lookup.h. */
int
trans_stat(port_name_t node, struct stat *st)
{
	const struct io_stat_in in = { .end_ = 0 };
	struct io_stat_out out;
	struct port_reply reply;
	int err = io_stat_call(node, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		*st = (struct stat){
			.st_ino = out.ino,
			.st_mode = out.mode,
			.st_nlink = out.nlink,
			.st_uid = out.uid,
			.st_gid = out.gid,
			.st_rdev = out.rdev,
			.st_size = (off_t)out.size,
			.st_blocks = (blkcnt_t)out.blocks,
			.st_blksize = (blksize_t)out.block_size,
			.st_atim = time_of(out.atime_ns),
			.st_mtim = time_of(out.mtime_ns),
			.st_ctim = time_of(out.ctime_ns),
		};
	port_reply_deinit(&reply);
	return err;
}

/* Directories ---------------------------------------------------------------------- */

/* One part of a listing. *nextp: where the next one starts, 0: there is none. */
static int
take_names(const struct dir_readdir_out *out,
    int (*each)(void *, const struct trans_name *), void *argument, uint64_t *nextp)
{
	const char *name = out->names.data, *end = name + out->names.size;
	const char *mode = out->modes.data, *node = out->nodes.data;
	size_t n = out->modes.size / sizeof(uint32_t);
	int err = 0;

	*nextp = n ? out->next : 0;
	if (n != out->nodes.size / sizeof(uint64_t))
		return PORT_E_RPC_TYPE_ERROR;
	for (size_t i = 0; i < n && err == 0; i++) {
		struct trans_name one = { .name = name };
		uint32_t bits;

		if (name >= end)
			return PORT_E_RPC_TYPE_ERROR;
		memcpy(&bits, mode + i * sizeof(bits), sizeof(bits));
		memcpy(&one.ino, node + i * sizeof(one.ino), sizeof(one.ino));
		one.mode = bits;
		name += strlen(name) + 1;
		err = each(argument, &one);
	}
	return err;
}

/* See lookup.h. */
int
trans_list(port_name_t dir, int (*each)(void *argument, const struct trans_name *name),
    void *argument)
{
	struct dir_readdir_in in = { .offset = 0 };
	int err;

	do {
		struct dir_readdir_out out;
		struct port_reply reply;
		uint64_t next = 0;

		err = dir_readdir_call(dir, &in, &out, &reply, PORT_FOREVER);
		if (err == 0)
			err = take_names(&out, each, argument, &next);
		port_reply_deinit(&reply);
		if (next == in.offset)
			break;	/* the end, or a translator that goes in circles */
		in.offset = next;
	} while (err == 0 && in.offset != 0);
	return err;
}

/* Rights ----------------------------------------------------------------------------- */

/* See lookup.h. */
int
trans_identity(port_name_t node, struct trans_identity *identity)
{
	const struct io_identity_in in = { .end_ = 0 };
	struct io_identity_out out;
	struct port_reply reply;
	int err = io_identity_call(node, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		*identity = (struct trans_identity){ out.server, out.node, out.rights };
	port_reply_deinit(&reply);
	return err;
}

/* See lookup.h. */
int
trans_restrict(port_name_t node, unsigned rights, port_name_t *nodep)
{
	const struct io_restrict_auth_in in = { .rights = rights };
	struct io_restrict_auth_out out;
	struct port_reply reply;
	int err = io_restrict_auth_call(node, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		*nodep = out.node.name;
	port_reply_deinit(&reply);
	return err;
}

/* See lookup.h. */
int
trans_revoke(port_name_t node)
{
	const struct io_revoke_in in = { .end_ = 0 };
	struct io_revoke_out out;
	struct port_reply reply;
	int err = io_revoke_call(node, &in, &out, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err;
}
