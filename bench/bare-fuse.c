/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bare-fuse: the same content by libfuse's own loop, as anybody would write it: no sandbox, no recovery,
 * nobody who looks after it.
 *
 *   bare-fuse [--fresh] MOUNTPOINT	--fresh: nothing is remembered
 *
 * Runs in the foreground until it is unmounted. */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/content.h"

enum { LARGEST = 1 << 20 };

static double timeout = 365.0 * 86400;
static bool fresh;
static uid_t uid;
static gid_t gid;
static char *buffer;

static void
reply(fuse_req_t req, int err)
{
	fuse_reply_err(req, -err);
}

static struct stat
stat_of(uint64_t node)
{
	struct stat st = { .st_uid = uid, .st_gid = gid };

	content_stat(node, &st);
	return st;
}

static struct fuse_entry_param
entry_of(uint64_t node)
{
	return (struct fuse_entry_param){ .ino = node, .attr = stat_of(node),
		.attr_timeout = timeout, .entry_timeout = timeout };
}

static void
on_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->max_write = LARGEST;
}

static void
on_lookup(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct fuse_entry_param entry;
	uint64_t node = 0;
	int err = content_lookup(name, &node);

	(void)dir;
	if (err == -ENOENT && !fresh) {
		/* It is remembered that there is none. */
		entry = (struct fuse_entry_param){ .entry_timeout = timeout };
		fuse_reply_entry(req, &entry);
		return;
	}
	if (err < 0) {
		reply(req, err);
		return;
	}
	entry = entry_of(node);
	fuse_reply_entry(req, &entry);
}

static void
on_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct stat st = stat_of(node);

	(void)fi;
	fuse_reply_attr(req, &st, timeout);
}

static void
set_flags(struct fuse_file_info *fi)
{
	fi->direct_io = fresh;
	fi->keep_cache = !fresh;
}

static void
on_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)node;
	set_flags(fi);
	fuse_reply_open(req, fi);
}

static void
on_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t n = content_read(node, buffer, size < LARGEST ? size : LARGEST, offset);

	(void)fi;
	if (n < 0)
		reply(req, (int)n);
	else
		fuse_reply_buf(req, buffer, (size_t)n);
}

static void
on_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size, off_t offset,
    struct fuse_file_info *fi)
{
	ssize_t n = content_write(node, data, size, offset);

	(void)fi;
	if (n < 0)
		reply(req, (int)n);
	else
		fuse_reply_write(req, (size_t)n);
}

static void
on_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fuse_entry_param entry;
	uint64_t node = 0;
	int err = content_create(name, &node);

	(void)dir;
	(void)mode;
	if (err < 0) {
		reply(req, err);
		return;
	}
	entry = entry_of(node);
	set_flags(fi);
	fuse_reply_create(req, &entry, fi);
}

static void
on_unlink(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	(void)dir;
	reply(req, content_unlink(name));
}

static void
on_end(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	(void)node;
	(void)fi;
	reply(req, 0);
}

static void
on_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	(void)node;
	(void)name;
	(void)size;
	reply(req, -ENODATA);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.flush = on_end,
	.release = on_end,
	.create = on_create,
	.unlink = on_unlink,
	.getxattr = on_getxattr,
};

int
main(int argc, char **argv)
{
	static char *words[] = { (char *)"bare-fuse", (char *)"-odefault_permissions", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session;
	int status = 1;

	fresh = argc > 1 && strcmp(argv[1], "--fresh") == 0;
	if (fresh)
		timeout = 0;
	if (argc != 2 + fresh) {
		fprintf(stderr, "usage: bare-fuse [--fresh] MOUNTPOINT\n");
		return 64;
	}
	uid = getuid();
	gid = getgid();
	buffer = malloc(LARGEST);
	session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!buffer || content_start() < 0 || !session)
		return 1;
	if (fuse_session_mount(session, argv[1 + fresh]) == 0) {
		status = fuse_session_loop(session) == 0 ? 0 : 1;
		fuse_session_unmount(session);
	}
	fuse_session_destroy(session);
	free(buffer);
	return status;
}
