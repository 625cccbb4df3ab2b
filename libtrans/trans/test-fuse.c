/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-fuse: the front door, spoken to as the kernel does, over a socket pair
 * in the place of /dev/fuse. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "trans/fuse.h"
#include "trans/journal.h"
#include "trans/memory.h"
#include "trans/node.h"
#include "trans/notify.h"
#include "trans/opens.h"
#include "trans/req.h"
#include "trans/translator.h"
#include "trans/wake.h"
#include "wire/fusewire.h"

struct translator translator;

/* What main.c gives in a translator. */
int
trans_error(int errnum, const char *format, ...)
{
	(void)format;
	return -errnum;
}

static unsigned n_logged;

void
trans_log(const char *format, ...)
{
	(void)format;
	n_logged++;
}

/* The kernel's side -------------------------------------------------------- */

static int kernel = -1;
static uint64_t unique;
static int n_fds;

static struct {
	struct fuse_out_header header;
	char data[256 * 1024];
} answer;

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int memory_fd = -1;	/* recovery memory; -1: none outlives the door */

/* Opens the door for this table. resent: requests come again that were taken before. */
static void
open_door_again(const struct trans_ops *ops, uint64_t flags, bool resent)
{
	const struct wire_init init = {
		.major = 7, .minor = 38, .flags = flags | FUSE_MAX_PAGES | FUSE_BIG_WRITES,
		.max_readahead = 131072, .max_write = FUSEWIRE_MAX_WRITE, .max_pages = 256,
	};
	AUTO_ARGV struct argv argv = { 0 };
	bool changed;
	int pair[2];

	n_fds = count_fds();
	translator = (struct translator){ .ops = *ops, .underlying = -1 };
	translator.ops.kind = ops->kind ? ops->kind : TRANS_FILE;
	translator.ops.nature = ops->nature ? ops->nature : TRANS_OURS;
	assert_int_equal(wake_open(), 0);
	assert_int_equal(argv_add(&argv, "test"), 0);
	assert_int_equal(memory_open(memory_fd, 1, &argv, &changed), 0);
	opens_open();
	journal_open(resent);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	kernel = pair[0];
	assert_int_equal(front_open(pair[1], &init, NODE_SHARE_NONE), 0);
	/* Nobody asked for an INIT; its answer comes only from a libfuse that
	 * cannot be kept from giving it, and the kernel ignores it. */
	if (recv(kernel, &answer, sizeof(answer), 0) >= 0)
		assert_true(answer.header.unique == ~(uint64_t)0);
	assert_int_equal(recv(kernel, &answer, sizeof(answer), 0), -1);
}

static void
open_door(const struct trans_ops *ops, uint64_t flags)
{
	open_door_again(ops, flags, true);
}

static void
close_door(void)
{
	assert_true(req_is_quiet());
	req_deinit();
	assert_int_equal(recv(kernel, &answer, sizeof(answer), 0), -1);
	front_close();
	journal_close();
	memory_close();
	close(kernel);
	wake_close();
	assert_int_equal(count_fds(), n_fds);
}

static int
receive(void)
{
	ssize_t size = front_receive();

	if (size > 0)
		front_serve((size_t)size);
	return size < 0 ? (int)size : 0;
}

/* Sends a request and has it served. */
static uint64_t
put(uint32_t opcode, uint64_t node, const void *in, size_t in_size, const void *more,
    size_t more_size)
{
	struct {
		struct fuse_in_header header;
		char data[8192];
	} request = { .header = { .opcode = opcode, .unique = ++unique, .nodeid = node } };

	assert_true(in_size + more_size <= sizeof(request.data));
	if (in)
		memcpy(request.data, in, in_size);
	if (more)
		memcpy(request.data + in_size, more, more_size);
	request.header.len = sizeof(request.header) + in_size + more_size;
	assert_int_equal(send(kernel, &request, request.header.len, 0), request.header.len);
	assert_int_equal(receive(), 0);
	return unique;
}

static bool
is_answered(void)
{
	ssize_t size = recv(kernel, &answer, sizeof(answer), MSG_PEEK);

	return size > 0;
}

static void
get_next(void)
{
	ssize_t size = recv(kernel, &answer, sizeof(answer), 0);

	assert_true(size >= (ssize_t)sizeof(answer.header));
	assert_int_equal(size, answer.header.len);
}

/* Notices come from a thread of their own, which may be ahead of an answer. */
static struct {
	struct fuse_out_header header;
	char data[64];
} early[4];
static unsigned n_early;

/* The answer to this request: its error, and its data in `answer`. */
static int
get(uint64_t to)
{
	get_next();
	while (to != 0 && answer.header.unique == 0) {
		assert_true(n_early < ARRAY_SIZE(early));
		memcpy(&early[n_early++], &answer, sizeof(early[0]));
		get_next();
	}
	assert_true(answer.header.unique == to);
	return answer.header.error;
}

/* The next notice: what it is, and its data in `answer`. */
static int
get_notice(void)
{
	struct pollfd pollfd = { .fd = kernel, .events = POLLIN };

	if (n_early > 0) {
		memcpy(&answer, &early[0], sizeof(early[0]));
		memmove(early, early + 1, --n_early * sizeof(early[0]));
		return answer.header.error;
	}
	assert_int_equal(poll(&pollfd, 1, 10000), 1);
	return get(0);
}

static int
ask(uint32_t opcode, uint64_t node, const void *in, size_t in_size)
{
	return get(put(opcode, node, in, in_size, NULL, 0));
}

static const struct fuse_attr *
getattr(uint64_t node)
{
	struct fuse_getattr_in in = { 0 };

	if (ask(FUSE_GETATTR, node, &in, sizeof(in)) < 0)
		return NULL;
	return &((struct fuse_attr_out *)answer.data)->attr;
}

static uint64_t
put_lookup(uint64_t dir, const char *name)
{
	return put(FUSE_LOOKUP, dir, name, strlen(name) + 1, NULL, 0);
}

static const struct fuse_entry_out *
lookup(uint64_t dir, const char *name, int *errorp)
{
	*errorp = get(put_lookup(dir, name));
	return (const void *)answer.data;
}

static uint64_t
put_read(uint64_t node, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .offset = offset, .size = size };

	return put(FUSE_READ, node, &in, sizeof(in), NULL, 0);
}

static size_t
data_size(void)
{
	return answer.header.len - sizeof(answer.header);
}

static int
open_file(uint64_t node, int flags)
{
	struct fuse_open_in in = { .flags = flags };

	return ask(FUSE_OPEN, node, &in, sizeof(in));
}

static uint32_t
open_flags(void)
{
	return ((struct fuse_open_out *)answer.data)->open_flags;
}

static int
set_size(uint64_t node, uint64_t size)
{
	struct fuse_setattr_in in = { .valid = FATTR_SIZE, .size = size };

	return ask(FUSE_SETATTR, node, &in, sizeof(in));
}

static int
write_to(uint64_t node, const char *data)
{
	struct fuse_write_in in = { .size = strlen(data) };

	return get(put(FUSE_WRITE, node, &in, sizeof(in), data, strlen(data)));
}

/* A file ------------------------------------------------------------------ */

static const char content[] = "Hello, world!\n";

static int
file_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	(void)node;
	st->st_size = sizeof(content) - 1;
	return 0;
}

static ssize_t
copy(char *buf, size_t size, off_t offset)
{
	if (offset >= (off_t)sizeof(content) - 1)
		return 0;
	if (size > sizeof(content) - 1 - offset)
		size = sizeof(content) - 1 - offset;
	memcpy(buf, content + offset, size);
	return size;
}

static ssize_t
file_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req;
	(void)node;
	return copy(buf, size, offset);
}

static const struct trans_ops file_ops = { TRANS_OPS, .stat = file_stat, .read = file_read };

static void
reads_a_file(void **state)
{
	const struct fuse_attr *attr;

	(void)state;
	open_door(&file_ops, 0);
	attr = getattr(1);
	assert_int_equal(attr->mode, S_IFREG | 0444);
	assert_int_equal(attr->size, 14);
	assert_int_equal(attr->blocks, 1);
	assert_int_equal(attr->ino, 1);
	assert_int_equal(attr->nlink, 1);
	assert_int_equal(attr->uid, getuid());
	assert_true(((struct fuse_attr_out *)answer.data)->attr_valid > 86400);
	assert_int_equal(open_file(1, O_RDONLY), 0);
	assert_int_equal(open_flags() & FOPEN_DIRECT_IO, 0);
	assert_int_equal(open_flags() & FOPEN_KEEP_CACHE, FOPEN_KEEP_CACHE);
	assert_int_equal(get(put_read(1, 7, 4096)), 0);
	assert_int_equal(data_size(), 7);
	assert_memory_equal(answer.data, "world!\n", 7);
	assert_int_equal(get(put_read(1, 14, 4096)), 0);
	assert_int_equal(data_size(), 0);
	close_door();
}

static void
is_read_only(void **state)
{
	struct fuse_setattr_in mode = { .valid = FATTR_MODE, .mode = 0600 };

	(void)state;
	open_door(&file_ops, 0);
	assert_int_equal(open_file(1, O_WRONLY), -EROFS);
	assert_int_equal(open_file(1, O_RDWR), -EROFS);
	assert_int_equal(write_to(1, "x"), -EROFS);
	assert_int_equal(set_size(1, 0), -EROFS);
	assert_int_equal(ask(FUSE_SETATTR, 1, &mode, sizeof(mode)), -EROFS);
	close_door();
}

/* None of them is ENOSYS: the kernel would keep it. */
static void
fixed_answers(void **state)
{
	struct fuse_getxattr_in getxattr = { .size = 0 };
	struct fuse_lseek_in lseek = { .offset = 3, .whence = SEEK_DATA };
	struct fuse_fallocate_in fallocate = { .length = 1 };
	struct fuse_ioctl_in ioctl = { .cmd = 1 };
	struct fuse_poll_in poll = { .events = 1 };
	struct { struct fuse_setxattr_in in; char rest[16]; } setxattr = { .rest = "user.a" };
	struct { struct fuse_getxattr_in in; char rest[16]; } getone = { .in.size = 8,
	    .rest = "user.a" };

	(void)state;
	open_door(&file_ops, 0);
	assert_int_equal(ask(FUSE_GETXATTR, 1, &getone, sizeof(getone.in) + 7), -ENODATA);
	assert_int_equal(ask(FUSE_LISTXATTR, 1, &getxattr, sizeof(getxattr)), 0);
	assert_int_equal(((struct fuse_getxattr_out *)answer.data)->size, 0);
	getxattr.size = 100;
	assert_int_equal(ask(FUSE_LISTXATTR, 1, &getxattr, sizeof(getxattr)), 0);
	assert_int_equal(data_size(), 0);
	assert_int_equal(ask(FUSE_SETXATTR, 1, &setxattr, FUSE_COMPAT_SETXATTR_IN_SIZE + 8),
	    -EOPNOTSUPP);
	assert_int_equal(ask(FUSE_REMOVEXATTR, 1, "user.a", 7), -ENODATA);
	assert_int_equal(ask(FUSE_IOCTL, 1, &ioctl, sizeof(ioctl)), -ENOTTY);
	assert_int_equal(ask(FUSE_FALLOCATE, 1, &fallocate, sizeof(fallocate)), -EOPNOTSUPP);
	assert_int_equal(ask(FUSE_POLL, 1, &poll, sizeof(poll)), 0);
	assert_int_equal(ask(FUSE_LSEEK, 1, &lseek, sizeof(lseek)), 0);
	assert_int_equal(((struct fuse_lseek_out *)answer.data)->offset, 3);
	lseek.whence = SEEK_HOLE;
	assert_int_equal(ask(FUSE_LSEEK, 1, &lseek, sizeof(lseek)), 0);
	assert_int_equal(((struct fuse_lseek_out *)answer.data)->offset, 14);
	lseek.offset = 14;
	assert_int_equal(ask(FUSE_LSEEK, 1, &lseek, sizeof(lseek)), -ENXIO);
	assert_int_equal(ask(FUSE_STATFS, 1, NULL, 0), 0);
	assert_int_equal(((struct fuse_statfs_out *)answer.data)->st.namelen, 255);
	close_door();
}

/* What few translators have: the numbers of a request, in the order in which the callback gets
 * them, and an answer. */
static struct {
	int64_t numbers[5];
	mode_t mode;		/* of node 5 */
	uid_t uid;
	gid_t gid;
	int ready;
} rare = { .mode = S_IFREG | 0755 };

static int
rare_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	if (node == 5)
		st->st_mode = rare.mode;
	return 0;
}

static int
rare_change(struct trans_req *req, trans_node_t node, const struct stat *st, int what)
{
	(void)req, (void)node;
	if (what & TRANS_SET_MODE)
		rare.mode = (rare.mode & S_IFMT) | st->st_mode;
	return 0;
}

static ssize_t
rare_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req, (void)node, (void)buf, (void)offset;
	return (ssize_t)size;
}

static int
rare_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	(void)req, (void)node, (void)size;
	return 0;
}

static int
rare_tmpfile(struct trans_req *req, trans_node_t dir, mode_t mode, trans_node_t *nodep)
{
	struct trans_caller caller = { .size = sizeof(caller) };

	assert_int_equal(trans_caller(req, &caller), 0);
	rare.uid = caller.uid;
	rare.gid = caller.gid;
	rare.mode = mode;
	*nodep = dir == TRANS_ROOT ? 5 : 0;
	return 0;
}

static int
rare_fallocate(struct trans_req *req, trans_node_t node, int mode, off_t offset, off_t length)
{
	(void)req;
	memcpy(rare.numbers, (int64_t[]){ (int64_t)node, mode, offset, length }, 32);
	return mode == 77 ? -ENOSPC : 0;
}

static off_t
rare_seek(struct trans_req *req, trans_node_t node, off_t offset, int whence)
{
	(void)req, (void)node;
	return whence == SEEK_HOLE ? offset + 5 : -ENXIO;
}

static ssize_t
rare_copy(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
    off_t to_offset, size_t size)
{
	(void)req;
	memcpy(rare.numbers, (int64_t[]){ (int64_t)from, from_offset, (int64_t)to, to_offset,
	    (int64_t)size }, 40);
	return size > 1000 ? 1000 : (ssize_t)size + 1;
}

static int
rare_ioctl(struct trans_req *req, trans_node_t node, unsigned command, const void *in,
    size_t in_size, void *out, size_t out_size)
{
	(void)req, (void)node;
	if (command != 7)
		return -ENOTTY;
	memcpy(out, in, in_size < out_size ? in_size : out_size);
	return 3;
}

static int
rare_poll(struct trans_req *req, trans_node_t node)
{
	(void)req, (void)node;
	return rare.ready;
}

static const struct trans_ops rare_ops = {
	TRANS_OPS, .kind = TRANS_DIR, .stat = rare_stat, .change = rare_change, .write = rare_write,
	.truncate = rare_truncate, .tmpfile = rare_tmpfile, .fallocate = rare_fallocate,
	.seek = rare_seek, .copy = rare_copy, .ioctl = rare_ioctl, .poll = rare_poll,
};

static void
makes_an_unnamed_file(void **state)
{
	struct { struct fuse_create_in in; char name[2]; } request = { .in.flags = O_RDWR,
	    .in.mode = S_IFREG | 0640, .name = "/" };
	const struct fuse_entry_out *entry = (const void *)answer.data;

	(void)state;
	open_door(&rare_ops, 0);
	assert_int_equal(ask(FUSE_TMPFILE, 1, &request, sizeof(request)), 0);
	assert_int_equal(data_size(), sizeof(*entry) + sizeof(struct fuse_open_out));
	assert_int_equal(entry->nodeid, 5);
	assert_int_equal(entry->attr.mode, S_IFREG | 0640);
	assert_int_equal(rare.uid, 0);
	assert_int_equal(memory_head()->head.opens, 1);
	/* With a name, this would be none. */
	assert_int_equal(ask(FUSE_CREATE, 1, &request, sizeof(request)), -EINVAL);
	assert_int_equal(ask(FUSE_TMPFILE, 2, &request, sizeof(request)), -EIO);
	close_door();
	open_door(&file_ops, 0);
	assert_int_equal(ask(FUSE_TMPFILE, 1, &request, sizeof(request)), -EROFS);
	close_door();
}

static void
kills_set_id(void **state)
{
	struct { struct fuse_write_in in; char data; } write = { .in.size = 1,
	    .in.write_flags = FUSE_WRITE_KILL_PRIV };
	struct fuse_setattr_in size = { .valid = FATTR_SIZE | FATTR_KILL_SUIDGID };
	struct fuse_fallocate_in fallocate = { .length = 1 };
	const size_t length = sizeof(write.in) + 1;

	(void)state;
	open_door(&rare_ops, FUSE_HANDLE_KILLPRIV_V2);
	rare.mode = S_IFREG | 06755;
	write.in.write_flags = 0;
	assert_int_equal(ask(FUSE_WRITE, 5, &write, length), 0);
	assert_int_equal(rare.mode, S_IFREG | 06755);
	write.in.write_flags = FUSE_WRITE_KILL_PRIV;
	assert_int_equal(ask(FUSE_WRITE, 5, &write, length), 0);
	assert_int_equal(rare.mode, S_IFREG | 0755);
	/* Without the right to execute it says something else. */
	rare.mode = S_IFREG | 06745;
	assert_int_equal(ask(FUSE_SETATTR, 5, &size, sizeof(size)), 0);
	assert_int_equal(((struct fuse_attr_out *)answer.data)->attr.mode, S_IFREG | 02745);
	/* These requests come as root's, who may. */
	rare.mode = S_IFREG | 06755;
	assert_int_equal(ask(FUSE_FALLOCATE, 5, &fallocate, sizeof(fallocate)), 0);
	assert_int_equal(rare.mode, S_IFREG | 06755);
	close_door();
}

static void
asks_for_what_is_rare(void **state)
{
	struct fuse_fallocate_in fallocate = { .offset = 10, .length = 20, .mode = 3 };
	struct fuse_lseek_in lseek = { .offset = 3, .whence = SEEK_HOLE };
	struct fuse_copy_file_range_in copy = { .off_in = 1, .nodeid_out = 6, .off_out = 2,
	    .len = UINT64_C(1) << 40 };
	struct { struct fuse_ioctl_in in; char data[8]; } ioctl = { .in.cmd = 7, .in.in_size = 4,
	    .in.out_size = 8, .data = "abcd" };

	(void)state;
	open_door(&rare_ops, 0);
	assert_int_equal(ask(FUSE_FALLOCATE, 5, &fallocate, sizeof(fallocate)), 0);
	assert_memory_equal(rare.numbers, ((int64_t[]){ 5, 3, 10, 20 }), 32);
	fallocate.mode = 77;
	assert_int_equal(ask(FUSE_FALLOCATE, 5, &fallocate, sizeof(fallocate)), -ENOSPC);
	assert_int_equal(ask(FUSE_LSEEK, 5, &lseek, sizeof(lseek)), 0);
	assert_int_equal(((struct fuse_lseek_out *)answer.data)->offset, 8);
	lseek.whence = SEEK_DATA;
	assert_int_equal(ask(FUSE_LSEEK, 5, &lseek, sizeof(lseek)), -ENXIO);
	assert_int_equal(ask(FUSE_COPY_FILE_RANGE, 5, &copy, sizeof(copy)), 0);
	assert_int_equal(((struct fuse_write_out *)answer.data)->size, 1000);
	assert_memory_equal(rare.numbers, ((int64_t[]){ 5, 1, 6, 2, 1 << 30 }), 40);
	copy.len = 10;
	assert_int_equal(ask(FUSE_COPY_FILE_RANGE, 5, &copy, sizeof(copy)), -EIO);
	assert_int_equal(ask(FUSE_IOCTL, 5, &ioctl, sizeof(ioctl.in) + 4), 0);
	assert_int_equal(((struct fuse_ioctl_out *)answer.data)->result, 3);
	assert_memory_equal(answer.data + sizeof(struct fuse_ioctl_out), "abcd\0\0\0\0", 8);
	ioctl.in.cmd = 8;
	assert_int_equal(ask(FUSE_IOCTL, 5, &ioctl, sizeof(ioctl.in) + 4), -ENOTTY);
	close_door();
}

static void
wakes_pollers(void **state)
{
	struct fuse_poll_in poll = { .events = POLLIN, .kh = 42,
	    .flags = FUSE_POLL_SCHEDULE_NOTIFY };
	const struct fuse_notify_poll_wakeup_out *woken = (const void *)answer.data;

	(void)state;
	open_door(&rare_ops, 0);
	rare.ready = 0;
	assert_int_equal(ask(FUSE_POLL, 5, &poll, sizeof(poll)), 0);
	assert_int_equal(((struct fuse_poll_out *)answer.data)->revents, 0);
	trans_poll_changed(6);
	assert_false(is_answered());
	trans_poll_changed(5);
	assert_int_equal(get(0), FUSE_NOTIFY_POLL);
	assert_true(woken->kh == 42);
	/* Once each time it asks. */
	trans_poll_changed(5);
	assert_false(is_answered());
	rare.ready = POLLIN;
	poll.flags = 0;
	assert_int_equal(ask(FUSE_POLL, 5, &poll, sizeof(poll)), 0);
	assert_int_equal(((struct fuse_poll_out *)answer.data)->revents, POLLIN);
	trans_poll_changed(5);
	close_door();
}

static void
nothing_to_do_and_the_end(void **state)
{
	struct fuse_in_header header = { .len = 100, .opcode = FUSE_GETATTR, .nodeid = 1 };

	(void)state;
	open_door(&file_ops, 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(front_process(&header, sizeof(header)), -EBADMSG);
	assert_int_equal(front_process(&header, 10), -EBADMSG);
	shutdown(kernel, SHUT_WR);
	assert_int_equal(receive(), -ENODEV);
	close_door();
}

static void
takes_a_pending_request(void **state)
{
	struct {
		struct fuse_in_header header;
		struct fuse_getattr_in in;
	} request = { .header = { .len = sizeof(request), .opcode = FUSE_GETATTR, .unique = 77,
	    .nodeid = 1 } };

	(void)state;
	open_door(&file_ops, 0);
	assert_int_equal(front_process(&request, sizeof(request)), 0);
	assert_int_equal(get(77), 0);
	request.header.unique = 78 | FUSEWIRE_UNIQUE_RESENT;
	assert_int_equal(front_process(&request, sizeof(request)), 0);
	assert_int_equal(get(78 | FUSEWIRE_UNIQUE_RESENT), 0);
	close_door();
}

/* Devices ----------------------------------------------------------------- */

static ssize_t
sink_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)req;
	(void)node;
	(void)offset;
	memset(buf, 0, size);
	return size;
}

static ssize_t
sink_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)req;
	(void)node;
	(void)offset;
	return buf[0] == 'f' ? -ENOSPC : (ssize_t)size;
}

static const struct trans_ops sink_ops = {
	TRANS_OPS, .nature = TRANS_GENERATED, .read = sink_read, .write = sink_write,
};

static void
generated_content(void **state)
{
	(void)state;
	open_door(&sink_ops, 0);
	assert_int_equal(getattr(1)->mode, S_IFREG | 0644);
	assert_int_equal(((struct fuse_attr_out *)answer.data)->attr_valid, 0);
	assert_int_equal(open_file(1, O_RDWR), 0);
	assert_int_equal(open_flags() & (FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE), FOPEN_DIRECT_IO);
	assert_int_equal(set_size(1, 0), 0);
	assert_int_equal(write_to(1, "abc"), 0);
	assert_int_equal(((struct fuse_write_out *)answer.data)->size, 3);
	assert_int_equal(write_to(1, "full"), -ENOSPC);
	assert_int_equal(get(put_read(1, 1000, 100000)), 0);
	assert_int_equal(data_size(), 100000);
	close_door();
}

static void
keeps_mode_and_times_beneath(void **state)
{
	char path[] = "/tmp/test-fuse-XXXXXX";
	struct fuse_setattr_in in = { .valid = FATTR_MODE | FATTR_MTIME, .mode = S_IFREG | 0620,
	    .mtime = 1234567, .mtimensec = 89 };
	struct fuse_setattr_in owner = { .valid = FATTR_UID, .uid = 12345 };
	const struct fuse_attr *attr;
	int fd = mkstemp(path);
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	open_door(&sink_ops, 0);
	translator.underlying = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(getattr(1)->mode, S_IFREG | 0600);
	assert_int_equal(ask(FUSE_SETATTR, 1, &in, sizeof(in)), 0);
	attr = &((struct fuse_attr_out *)answer.data)->attr;
	assert_int_equal(attr->mode, S_IFREG | 0620);
	assert_int_equal(attr->mtime, 1234567);
	assert_int_equal(attr->mtimensec, 89);
	assert_int_equal(attr->size, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0620);
	assert_int_equal(ask(FUSE_SETATTR, 1, &owner, sizeof(owner)), -EPERM);
	fd_close(&translator.underlying);
	unlink(path);
	close_door();
}

static unsigned n_stats;

static int
look_and_give(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	assert_int_equal(dir, TRANS_ROOT);
	*nodep = 7;
	trans_give_stat(req, strcmp(name, "other") == 0 ? 8 : 7,
	    &(struct stat){ .st_mode = S_IFREG | 0640, .st_size = 5 });
	return 0;
}

static int
stat_and_count(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	n_stats += node != TRANS_ROOT;
	if (node != TRANS_ROOT)
		st->st_size = 6;
	return 0;
}

static void
gives_attributes_with_a_name(void **state)
{
	const struct trans_ops ops = { TRANS_OPS, .name = "test", .kind = TRANS_DIR,
		.lookup = look_and_give, .stat = stat_and_count };
	const struct fuse_entry_out *entry = (const void *)answer.data;

	(void)state;
	n_stats = 0;
	open_door(&ops, 0);
	assert_int_equal(get(put_lookup(1, "a")), 0);
	assert_int_equal(entry->attr.size, 5);
	assert_int_equal(entry->attr.mode, S_IFREG | 0640);
	assert_int_equal(entry->attr.ino, 7);
	assert_int_equal(n_stats, 0);
	/* Of that node and in that request alone. */
	assert_int_equal(getattr(7)->size, 6);
	assert_int_equal(get(put_lookup(1, "other")), 0);
	assert_int_equal(entry->attr.size, 6);
	assert_int_equal(n_stats, 2);
	close_door();
}

/* Later -------------------------------------------------------------------- */

static struct trans_req *kept;
static enum { KEEP, ANSWER_FIRST, WAKE_FIRST, FORGET_LATER } manner;
static int n_asked;

static void *
answer_now(void *req)
{
	trans_reply_data(req, "early", 5);
	return NULL;
}

static void *
wake_now(void *req)
{
	trans_reply_error(req, 0);
	return NULL;
}

static void
run_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
	pthread_join(thread, NULL);
}

static ssize_t
later_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	(void)node;
	if (++n_asked > 1 && manner == WAKE_FIRST)
		return copy(buf, size, offset);
	kept = req;
	if (manner == ANSWER_FIRST || manner == FORGET_LATER)
		run_thread(answer_now, req);
	if (manner == WAKE_FIRST)
		run_thread(wake_now, req);
	return manner == FORGET_LATER ? 0 : trans_later(req);
}

static ssize_t
later_write(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset)
{
	(void)node;
	(void)buf;
	(void)size;
	(void)offset;
	n_asked++;
	kept = req;
	return trans_later(req);
}

static int
later_truncate(struct trans_req *req, trans_node_t node, off_t size)
{
	(void)node;
	(void)size;
	n_asked++;
	kept = req;
	return trans_later(req);
}

static const struct trans_ops later_ops = {
	TRANS_OPS, .read = later_read, .write = later_write, .truncate = later_truncate,
};

static void
open_later(int how)
{
	manner = how;
	n_asked = 0;
	kept = NULL;
	open_door(&later_ops, 0);
}

static void
answers_later(void **state)
{
	uint64_t first, second;
	struct trans_req *first_kept;

	(void)state;
	open_later(KEEP);
	first = put_read(1, 0, 100);
	first_kept = kept;
	second = put_read(1, 0, 2);
	assert_ptr_not_equal(first_kept, kept);
	assert_false(is_answered());
	assert_false(req_is_quiet());
	assert_false(trans_req_interrupted(kept));
	/* Others are served meanwhile. */
	assert_non_null(getattr(1));
	/* Not more than was asked for. */
	trans_reply_data(kept, "xyz", 3);
	assert_int_equal(get(second), 0);
	assert_int_equal(data_size(), 2);
	trans_reply_error(first_kept, -ETIMEDOUT);
	assert_int_equal(get(first), -ETIMEDOUT);
	close_door();
}

static void
answers_before_later(void **state)
{
	(void)state;
	open_later(ANSWER_FIRST);
	assert_int_equal(get(put_read(1, 0, 100)), 0);
	assert_memory_equal(answer.data, "early", 5);
	close_door();

	/* The author said "here are 0 bytes" after a thread had answered. */
	open_later(FORGET_LATER);
	assert_int_equal(get(put_read(1, 0, 100)), 0);
	assert_memory_equal(answer.data, "early", 5);
	close_door();
}

static void
asks_again(void **state)
{
	uint64_t waits;
	uint64_t count;

	(void)state;
	open_later(WAKE_FIRST);
	waits = put_read(1, 0, 100);
	assert_false(is_answered());
	assert_int_equal(read(wake_fd(), &count, sizeof(count)), sizeof(count));
	req_run_ready();
	assert_int_equal(get(waits), 0);
	assert_int_equal(data_size(), 14);
	assert_int_equal(n_asked, 2);
	close_door();
}

static void
finishes_writes_later(void **state)
{
	struct fuse_write_in in = { .size = 5 };
	struct fuse_setattr_in cut = { .valid = FATTR_SIZE, .size = 3 };
	uint64_t waits;

	(void)state;
	open_later(KEEP);
	waits = put(FUSE_WRITE, 1, &in, sizeof(in), "abcde", 5);
	run_thread(wake_now, kept);
	req_run_ready();
	assert_int_equal(get(waits), 0);
	assert_int_equal(((struct fuse_write_out *)answer.data)->size, 5);
	waits = put(FUSE_SETATTR, 1, &cut, sizeof(cut), NULL, 0);
	run_thread(wake_now, kept);
	req_run_ready();
	assert_int_equal(get(waits), 0);
	/* Each was asked once. */
	assert_int_equal(n_asked, 2);
	close_door();
}

static void
interrupt(uint64_t what)
{
	struct fuse_interrupt_in in = { .unique = what };

	put(FUSE_INTERRUPT, 1, &in, sizeof(in), NULL, 0);
}

static void
interrupts(void **state)
{
	uint64_t waits;

	(void)state;
	open_later(KEEP);
	interrupt(12345);
	waits = put_read(1, 0, 100);
	interrupt(waits + 1000);
	assert_false(is_answered());
	interrupt(waits);
	assert_int_equal(get(waits), -EINTR);
	assert_true(trans_req_interrupted(kept));
	assert_false(req_is_quiet());
	/* The author does not know yet; its answer goes nowhere. */
	trans_reply_data(kept, "late", 4);
	assert_false(is_answered());
	close_door();
}

/* What is open at the end is not answered: a successor gets it again. */
static void
leaves_requests_open(void **state)
{
	struct trans_req *interrupted;
	uint64_t waits;

	(void)state;
	open_later(KEEP);
	waits = put_read(1, 0, 100);
	interrupted = kept;
	interrupt(waits);
	assert_int_equal(get(waits), -EINTR);
	assert_true(trans_req_interrupted(interrupted));
	put_read(1, 0, 100);
	put_read(1, 0, 100);
	trans_reply_error(kept, 0);
	assert_false(req_is_quiet());
	req_deinit();
	assert_false(is_answered());
	close_door();
}

static void *
answer_loop(void *unused)
{
	(void)unused;
	trans_reply_data(__atomic_load_n(&kept, __ATOMIC_SEQ_CST), "thread", 6);
	return NULL;
}

/* An answer and an interrupt at the same time: exactly one gets through. */
static void
interrupts_race(void **state)
{
	unsigned n_interrupted = 0;

	(void)state;
	open_later(KEEP);
	for (int i = 0; i < 500; i++) {
		uint64_t waits = put_read(1, 0, 100);
		pthread_t thread;
		int error;

		assert_int_equal(pthread_create(&thread, NULL, answer_loop, NULL), 0);
		if (i % 3 == 0)
			sched_yield();
		interrupt(waits);
		pthread_join(thread, NULL);
		error = get(waits);
		assert_true(error == 0 || error == -EINTR);
		n_interrupted += error != 0;
		assert_false(is_answered());
	}
	assert_true(n_interrupted <= 500);
	close_door();
}

/* A tree -------------------------------------------------------------------- */

static struct trans_tree *tree;

static void
add(const char *path, mode_t mode, uint64_t size, const char *target)
{
	struct trans_entry entry = {
		.size_of = sizeof(entry), .mode = mode, .size = size, .mtime = 1000,
		    .target = target,
		.uid = 4242, .gid = 4242,
	};

	assert_int_equal(trans_tree_add(tree, path, strlen(path), &entry), 0);
}

static ssize_t
tree_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	struct trans_entry entry = { .size_of = sizeof(entry) };
	int err = trans_tree_entry(tree, node, &entry);

	(void)req;
	if (err < 0)
		return err;
	return entry.size == 14 ? copy(buf, size, offset) : -EIO;
}

static const struct trans_ops tree_ops = {
	TRANS_OPS, .kind = TRANS_DIR, .nature = TRANS_IMMUTABLE, .tree = &tree, .read = tree_read,
};

static void
open_tree(uint64_t flags)
{
	tree = trans_tree_new();
	open_door(&tree_ops, flags);
	node_on_ready();
}

static void
fill_tree(void)
{
	add("a/b.txt", S_IFREG | 0640, 14, NULL);
	add("a/link", S_IFLNK | 0777, 0, "b.txt");
	add("c", S_IFDIR | 0755, 0, NULL);
	trans_tree_ready(tree, 0);
}

static void
close_tree(void)
{
	close_door();
	trans_tree_free(tree);
	tree = NULL;
}

static void
looks_into_a_tree(void **state)
{
	struct fuse_entry_out a, b;
	int error;

	(void)state;
	open_tree(0);
	fill_tree();
	a = *lookup(1, "a", &error);
	assert_int_equal(error, 0);
	assert_true(S_ISDIR(a.attr.mode));
	assert_true(a.entry_valid > 86400);
	assert_true(a.nodeid >> 32 == memory_epoch());
	assert_int_equal(a.attr.ino, a.nodeid & 0xffffffff);
	assert_int_equal(a.attr.uid, getuid());
	b = *lookup(a.nodeid, "b.txt", &error);
	assert_int_equal(error, 0);
	assert_int_equal(b.attr.mode, S_IFREG | 0640);
	assert_int_equal(b.attr.size, 14);
	assert_int_equal(b.attr.mtime, 1000);
	assert_int_equal(get(put_read(b.nodeid, 0, 5)), 0);
	assert_memory_equal(answer.data, "Hello", 5);
	b = *lookup(a.nodeid, "link", &error);
	assert_int_equal(ask(FUSE_READLINK, b.nodeid, NULL, 0), 0);
	assert_int_equal(data_size(), 5);
	assert_memory_equal(answer.data, "b.txt", 5);
	/* What is not there is remembered, too. */
	b = *lookup(a.nodeid, "nothing", &error);
	assert_int_equal(error, 0);
	assert_true(b.nodeid == 0 && b.entry_valid > 86400);
	close_tree();
}

static void
old_ids_are_stale(void **state)
{
	struct fuse_entry_out a;
	AUTO_ARGV struct argv argv = { 0 };
	int error;

	(void)state;
	open_tree(0);
	fill_tree();
	a = *lookup(1, "a", &error);
	assert_non_null(getattr(a.nodeid));
	assert_int_equal(argv_add(&argv, "other"), 0);
	memory_turn(&argv);
	assert_null(getattr(a.nodeid));
	assert_int_equal(answer.header.error, -ESTALE);
	assert_int_equal(get(put_read(a.nodeid, 0, 5)), -ESTALE);
	assert_int_equal(open_file(a.nodeid, O_RDONLY), -ESTALE);
	lookup(a.nodeid, "b.txt", &error);
	assert_int_equal(error, -ESTALE);
	assert_non_null(getattr(1));
	assert_true(lookup(1, "a", &error)->nodeid != a.nodeid);
	/* An id that never was. */
	assert_null(getattr((uint64_t)memory_epoch() << 32 | 1000));
	assert_int_equal(answer.header.error, -ESTALE);
	close_tree();
}

static void
waits_for_a_tree(void **state)
{
	uint64_t waits, interrupted, lists;
	struct fuse_read_in in = { .size = 4096 };
	uint64_t count;

	(void)state;
	open_tree(0);
	/* The root answers at once, and nobody is to remember it. */
	assert_true(S_ISDIR(getattr(1)->mode));
	assert_int_equal(((struct fuse_attr_out *)answer.data)->attr_valid, 0);
	assert_int_equal(ask(FUSE_STATFS, 1, NULL, 0), 0);
	waits = put_lookup(1, "a");
	interrupted = put_lookup(1, "c");
	lists = put(FUSE_READDIR, 1, &in, sizeof(in), NULL, 0);
	assert_false(is_answered());
	interrupt(interrupted);
	assert_int_equal(get(interrupted), -EINTR);
	fill_tree();
	assert_int_equal(read(wake_fd(), &count, sizeof(count)), sizeof(count));
	assert_false(node_is_pending());
	req_wake_waiting();
	req_run_ready();
	assert_int_equal(get(waits), 0);
	assert_true(S_ISDIR(((struct fuse_entry_out *)answer.data)->attr.mode));
	assert_int_equal(get(lists), 0);
	assert_true(data_size() > 0);
	close_tree();
}

static void
a_tree_that_failed(void **state)
{
	uint64_t waits;
	int error;

	(void)state;
	open_tree(0);
	waits = put_lookup(1, "a");
	trans_tree_ready(tree, -EBADMSG);
	req_wake_waiting();
	req_run_ready();
	assert_int_equal(get(waits), -EBADMSG);
	lookup(1, "b", &error);
	assert_int_equal(error, -EBADMSG);
	assert_true(S_ISDIR(getattr(1)->mode));
	close_tree();
}

static unsigned n_plain;	/* entries of the last listing that came without attributes */

/* Lists a directory with a small buffer; names in order, each with a slash. */
static void
list(uint32_t opcode, uint64_t dir, uint32_t size, char *names, size_t room)
{
	struct fuse_read_in in = { .size = size };
	size_t used = 0;

	n_plain = 0;
	for (;;) {
		size_t at = 0;

		assert_int_equal(ask(opcode, dir, &in, sizeof(in)), 0);
		if (data_size() == 0)
			break;
		while (at < data_size()) {
			const struct fuse_direntplus *plus = (const void *)(answer.data + at);
			const struct fuse_dirent *entry = opcode == FUSE_READDIRPLUS
			    ? &plus->dirent : (const void *)(answer.data + at);

			if (opcode == FUSE_READDIRPLUS && entry->name[0] != '.' &&
			    plus->entry_out.nodeid == 0) {
				assert_int_not_equal(entry->type, DT_DIR);
				n_plain++;
			} else if (opcode == FUSE_READDIRPLUS && entry->name[0] != '.') {
				assert_true(plus->entry_out.nodeid >> 32 == memory_epoch());
				assert_int_equal(plus->entry_out.attr.mode >> 12, entry->type);
			}
			assert_true(used + entry->namelen + 1 < room);
			memcpy(names + used, entry->name, entry->namelen);
			used += entry->namelen;
			names[used++] = '/';
			in.offset = entry->off;
			at += opcode == FUSE_READDIRPLUS ? FUSE_DIRENTPLUS_SIZE(plus)
			    : FUSE_DIRENT_SIZE(entry);
		}
	}
	names[used] = '\0';
}

/* Files come without attributes until somebody looks at them; then the kernel
 * is told to forget the listings that it has. */
static void
listings_become_full(void **state)
{
	const struct fuse_notify_inval_inode_out *notice = (const void *)answer.data;
	char names[256];
	uint64_t a;
	int error;

	(void)state;
	open_tree(0);
	fill_tree();
	a = lookup(1, "a", &error)->nodeid;
	for (int i = 0; i < 15; i++)
		assert_non_null(lookup(a, "b.txt", &error));
	list(FUSE_READDIRPLUS, a, 4096, names, sizeof(names));
	assert_int_equal(n_plain, 2);
	assert_non_null(lookup(a, "nothing", &error));
	assert_non_null(lookup(1, "a", &error));
	list(FUSE_READDIRPLUS, 1, 4096, names, sizeof(names));
	assert_int_equal(n_plain, 0);		/* directories alone */
	assert_non_null(lookup(a, "b.txt", &error));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(get_notice(), FUSE_NOTIFY_INVAL_INODE);
		assert_true(notice->ino == (i == 0 ? a : 1));
	}
	list(FUSE_READDIRPLUS, a, 4096, names, sizeof(names));
	assert_int_equal(n_plain, 0);
	while (!notify_is_quiet())
		usleep(1000);
	assert_true(notify_stop());
	close_tree();
}

static void
lists_a_tree(void **state)
{
	char names[256];
	int error;
	uint64_t a;

	(void)state;
	open_tree(0);
	fill_tree();
	a = lookup(1, "a", &error)->nodeid;
	list(FUSE_READDIR, 1, 4096, names, sizeof(names));
	assert_string_equal(names, "./../a/c/");
	list(FUSE_READDIR, a, 40, names, sizeof(names));
	assert_string_equal(names, "./../b.txt/link/");
	list(FUSE_READDIRPLUS, a, 4096, names, sizeof(names));
	assert_string_equal(names, "./../b.txt/link/");
	list(FUSE_READDIRPLUS, a, 170, names, sizeof(names));
	assert_string_equal(names, "./../b.txt/link/");
	close_tree();
}

static void
opens_need_not_be_asked_for(void **state)
{
	struct fuse_flush_in flush = { 0 };
	struct fuse_getxattr_in list_in = { 0 };
	struct fuse_open_in in = { .flags = O_RDONLY };
	struct fuse_entry_out a, b;
	int error;

	(void)state;
	open_tree(FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT);
	fill_tree();
	a = *lookup(1, "a", &error);
	b = *lookup(a.nodeid, "b.txt", &error);
	assert_int_equal(ask(FUSE_OPENDIR, a.nodeid, &in, sizeof(in)), -ENOSYS);
	assert_int_equal(open_file(b.nodeid, O_RDONLY), -ENOSYS);
	assert_int_equal(open_file(b.nodeid, O_RDWR), -EROFS);
	assert_int_equal(ask(FUSE_FLUSH, b.nodeid, &flush, sizeof(flush)), -ENOSYS);
	assert_int_equal(ask(FUSE_LISTXATTR, b.nodeid, &list_in, sizeof(list_in)), -ENOSYS);
	close_tree();

	/* Unless that was not agreed. */
	open_tree(FUSE_NO_OPEN_SUPPORT);
	fill_tree();
	a = *lookup(1, "a", &error);
	b = *lookup(a.nodeid, "b.txt", &error);
	assert_int_equal(ask(FUSE_OPENDIR, a.nodeid, &in, sizeof(in)), 0);
	assert_int_equal(open_flags() & FOPEN_CACHE_DIR, FOPEN_CACHE_DIR);
	assert_int_equal(open_file(b.nodeid, O_RDONLY), 0);
	assert_int_equal(open_flags() & FOPEN_KEEP_CACHE, FOPEN_KEEP_CACHE);
	assert_int_equal(ask(FUSE_FLUSH, b.nodeid, &flush, sizeof(flush)), 0);
	assert_int_equal(ask(FUSE_LISTXATTR, b.nodeid, &list_in, sizeof(list_in)), 0);
	close_tree();
}

static void
a_tree_is_read_only(void **state)
{
	struct { struct fuse_mkdir_in in; char name[8]; } mkdir = { .name = "new" };
	struct { struct fuse_create_in in; char name[8]; } create = { .name = "new" };
	struct fuse_entry_out a;
	int error;

	(void)state;
	open_tree(0);
	fill_tree();
	a = *lookup(1, "a", &error);
	assert_int_equal(ask(FUSE_MKDIR, 1, &mkdir, sizeof(mkdir)), -EROFS);
	assert_int_equal(ask(FUSE_CREATE, 1, &create, sizeof(create)), -EROFS);
	assert_int_equal(ask(FUSE_UNLINK, 1, "a", 2), -EROFS);
	assert_int_equal(ask(FUSE_RMDIR, 1, "a", 2), -EROFS);
	assert_int_equal(set_size(a.nodeid, 0), -EROFS);
	close_tree();
}

/* A directory of the author's own ------------------------------------------- */

static int
dir_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	(void)req;
	(void)dir;
	if (strcmp(name, "bad") == 0)
		*nodep = TRANS_ROOT;
	else if (name[0] == 'n')
		*nodep = 100 + atoi(name + 1);
	else
		return -ENOENT;
	return 0;
}

static int
dir_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	if (node != TRANS_ROOT)
		st->st_size = node;
	if (node == 107)
		st->st_mode = S_IFDIR | 0700;
	return node == 108 ? -ESTALE : 0;
}

static int
dir_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir)
{
	(void)req;
	(void)node;
	for (off_t i = offset; i < 4; i++) {
		char name[8] = { 'n', '0' + i };

		if (trans_dir_add(dir, &(struct trans_dirent){ name, 100 + i, S_IFREG }, i + 1))
			break;
	}
	return 0;
}

static const struct trans_ops dir_ops = {
	TRANS_OPS, .kind = TRANS_DIR, .nature = TRANS_ELSEWHERE,
	.lookup = dir_lookup, .readdir = dir_readdir, .stat = dir_stat,
};

static void
a_directory_of_callbacks(void **state)
{
	const struct fuse_entry_out *entry;
	char names[256];
	int error;

	(void)state;
	open_door(&dir_ops, 0);
	assert_int_equal(getattr(1)->mode, S_IFDIR | 0555);
	entry = lookup(1, "n5", &error);
	assert_int_equal(error, 0);
	assert_true(entry->nodeid == 105);
	assert_int_equal(entry->attr.mode, S_IFREG | 0444);
	assert_int_equal(entry->attr.size, 105);
	assert_int_equal(entry->entry_valid, 1);
	assert_true(S_ISDIR(lookup(1, "n7", &error)->attr.mode));
	lookup(1, "n8", &error);
	assert_int_equal(error, -ESTALE);
	assert_true(lookup(1, "x", &error)->nodeid == 0);
	assert_int_equal(error, 0);
	n_logged = 0;
	lookup(1, "bad", &error);
	assert_int_equal(error, -EIO);
	assert_int_equal(n_logged, 1);
	list(FUSE_READDIR, 1, 4096, names, sizeof(names));
	assert_string_equal(names, "./../n0/n1/n2/n3/");
	list(FUSE_READDIR, 1, 64, names, sizeof(names));
	assert_string_equal(names, "./../n0/n1/n2/n3/");
	close_door();
}

/* What is written, and crashes ----------------------------------------------- */

/* A directory of a few files. Names are "a" to "h", nodes 10 and up, and never given twice. A
 * callback dies before or after it has done its work: it never answers, and all that it had is taken
 * away. */
enum { DEN_NAMES = 8 };
static trans_node_t den[DEN_NAMES];
static trans_node_t den_next;
static int64_t den_known;	/* lookups that the kernel was told of and has not forgotten */
static unsigned n_done, n_closed;
enum { LIVE, DIE_BEFORE, DIE_AFTER };
static int fate;

static bool
dies(int when)
{
	if (fate != when)
		return false;
	fate = LIVE;
	return true;
}

static int
den_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	(void)req;
	assert_int_equal(dir, TRANS_ROOT);
	if (!den[name[0] - 'a'])
		return -ENOENT;
	*nodep = den[name[0] - 'a'];
	den_known++;
	return 0;
}

static int
den_put(struct trans_req *req, const char *name, trans_node_t node)
{
	if (dies(DIE_BEFORE))
		return trans_later(req);
	if (den[name[0] - 'a'])
		return -EEXIST;
	den[name[0] - 'a'] = node;
	n_done++;
	return dies(DIE_AFTER) ? trans_later(req) : 0;
}

static int
den_make(struct trans_req *req, const char *name, trans_node_t *nodep)
{
	trans_node_t node = den_next++;
	int err = den_put(req, name, node);

	if (err == 0) {
		*nodep = node;
		den_known++;
	}
	return err;
}

static int
den_create(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode, dev_t rdev,
    trans_node_t *nodep)
{
	(void)dir;
	(void)mode;
	(void)rdev;
	return den_make(req, name, nodep);
}

static int
den_mkdir(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
    trans_node_t *nodep)
{
	(void)dir;
	(void)mode;
	return den_make(req, name, nodep);
}

static int
den_symlink(struct trans_req *req, trans_node_t dir, const char *name, const char *target,
    trans_node_t *nodep)
{
	(void)dir;
	assert_string_equal(target, "there");
	return den_make(req, name, nodep);
}

static int
den_link(struct trans_req *req, trans_node_t node, trans_node_t dir, const char *name)
{
	(void)dir;
	return den_put(req, name, node);
}

static int
den_remove(struct trans_req *req, trans_node_t dir, const char *name)
{
	(void)dir;
	if (dies(DIE_BEFORE))
		return trans_later(req);
	if (!den[name[0] - 'a'])
		return -ENOENT;
	den[name[0] - 'a'] = 0;
	n_done++;
	return dies(DIE_AFTER) ? trans_later(req) : 0;
}

static int
den_rename(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t new_dir,
    const char *new_name, unsigned flags)
{
	trans_node_t *from = &den[name[0] - 'a'], *to = &den[new_name[0] - 'a'], old = *to;

	(void)dir;
	(void)new_dir;
	if (dies(DIE_BEFORE))
		return trans_later(req);
	if (!*from || ((flags & 2) && !*to))
		return -ENOENT;
	if ((flags & 1) && *to)
		return -EEXIST;
	*to = *from;
	*from = flags & 2 ? old : 0;
	n_done++;
	return dies(DIE_AFTER) ? trans_later(req) : 0;
}

static int
den_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	st->st_mode = node == TRANS_ROOT ? S_IFDIR | 0755 : S_IFREG | 0644;
	return 0;
}

static void
den_close(trans_node_t node)
{
	assert_true(node >= 10);
	n_closed++;
}

static void
den_forget(trans_node_t node, uint64_t n)
{
	assert_true(node >= 10);
	den_known -= (int64_t)n;
}

static const struct trans_ops den_ops = {
	TRANS_OPS, .kind = TRANS_DIR, .lookup = den_lookup, .stat = den_stat, .create = den_create,
	.mkdir = den_mkdir, .symlink = den_symlink, .link = den_link, .unlink = den_remove,
	.rmdir = den_remove, .rename = den_rename, .close = den_close, .forget = den_forget,
};

static int
open_den(void **state)
{
	(void)state;
	memset(den, 0, sizeof(den));
	den_next = 10;
	den_known = 0;
	n_done = n_closed = 0;
	fate = LIVE;
	memory_fd = memfd_create("test", MFD_CLOEXEC);
	return memory_fd < 0 || ftruncate(memory_fd, RECOVERY_SIZE) < 0;
}

static int
close_den(void **state)
{
	(void)state;
	close(memory_fd);
	memory_fd = -1;
	return 0;
}

/* A request that kills who takes it, or not. */
struct deed {
	uint32_t opcode;
	char in[64];
	size_t in_size;
	const char *names;	/* with NULs between them */
	size_t names_size;
};

#define DEED(code, words, ...) \
	{ .opcode = code, .names = words, .names_size = sizeof(words), __VA_ARGS__ }

static int
hand_in(const struct deed *deed, uint64_t number)
{
	struct {
		struct fuse_in_header header;
		char data[256];
	} request = { .header = { .opcode = deed->opcode, .unique = number, .nodeid = 1 } };

	memcpy(request.data, deed->in, deed->in_size);
	memcpy(request.data + deed->in_size, deed->names, deed->names_size);
	request.header.len = sizeof(request.header) + deed->in_size + deed->names_size;
	return front_process(&request, request.header.len);
}

/* The door falls shut, unanswered. What the dead one had is lost. */
static void
crash(void)
{
	req_deinit();
	assert_false(is_answered());
	close_door();
}

/* Its error when it is done by one who lives through it, and by one who does not. */
static int
run_deed(const struct deed *deed)
{
	hand_in(deed, unique += 2);
	return get(unique);
}

static int
run_fatal(const struct deed *deed, int when)
{
	unique += 2;
	fate = when;
	hand_in(deed, unique);
	assert_int_equal(fate, LIVE);
	crash();
	open_door_again(&den_ops, 0, true);
	hand_in(deed, unique | FUSEWIRE_UNIQUE_RESENT);
	return get(unique | FUSEWIRE_UNIQUE_RESENT);
}

static const struct deed make_a = DEED(FUSE_MKDIR, "a", .in_size = sizeof(struct fuse_mkdir_in));
static const struct deed link_b = DEED(FUSE_SYMLINK, "b\0there");
static const struct deed node_c = DEED(FUSE_MKNOD, "c", .in_size = sizeof(struct fuse_mknod_in));
static const struct deed remove_a = DEED(FUSE_RMDIR, "a");
static const struct deed remove_b = DEED(FUSE_UNLINK, "b");
static const struct deed make_c = DEED(FUSE_CREATE, "c", .in_size = sizeof(struct fuse_create_in));

static struct deed
rename_with(const char *names, uint32_t flags)
{
	struct fuse_rename2_in in = { .newdir = 1, .flags = flags };
	struct deed deed = { .opcode = FUSE_RENAME2, .names = names, .names_size = 4,
		.in_size = sizeof(in) };

	memcpy(deed.in, &in, sizeof(in));
	return deed;
}

static void
writes_names(void **state)
{
	struct deed move = rename_with("c\0d", 0), no_such = rename_with("h\0g", 0);

	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(run_deed(&make_a), 0);
	assert_int_equal(run_deed(&make_a), -EEXIST);
	assert_int_equal(run_deed(&link_b), 0);
	assert_int_equal(run_deed(&node_c), 0);
	assert_int_equal(run_deed(&move), 0);
	assert_int_equal(run_deed(&move), -ENOENT);
	assert_int_equal(run_deed(&no_such), -ENOENT);
	assert_int_equal(run_deed(&remove_a), 0);
	assert_int_equal(run_deed(&remove_a), -ENOENT);
	assert_int_equal(run_deed(&remove_b), 0);
	assert_int_equal(n_done, 6);
	/* Three were made, and the kernel knows each once, whatever was looked at besides. */
	assert_int_equal(den_known, 3);
	close_door();
}

static void
done_once(int when)
{
	struct deed move = rename_with("c\0d", 0), over = rename_with("b\0d", 0);
	struct deed exchange = rename_with("a\0d", 2), exclusive = rename_with("d\0e", 1);
	trans_node_t a, d;

	open_door(&den_ops, 0);
	assert_int_equal(run_fatal(&make_a, when), 0);
	assert_int_equal(run_fatal(&link_b, when), 0);
	assert_int_equal(run_fatal(&node_c, when), 0);
	assert_int_equal(run_fatal(&move, when), 0);
	assert_int_equal(den[2], 0);
	assert_int_equal(run_fatal(&over, when), 0);
	a = den[0];
	d = den[3];
	assert_int_equal(run_fatal(&exchange, when), 0);
	assert_true(a != d && den[0] == d && den[3] == a);
	assert_int_equal(run_fatal(&exclusive, when), 0);
	assert_int_equal(run_fatal(&remove_a, when), 0);
	assert_int_equal(n_done, 8);
	/* A second time is a second time. */
	assert_int_equal(run_deed(&remove_a), -ENOENT);
	close_door();
}

static void
done_once_after_a_crash_before(void **state)
{
	(void)state;
	done_once(DIE_BEFORE);
}

static void
done_once_after_a_crash_after(void **state)
{
	(void)state;
	done_once(DIE_AFTER);
}

/* What was there before is not taken for one's own work. */
static void
not_ours(void **state)
{
	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(run_deed(&make_a), 0);
	assert_int_equal(run_fatal(&make_a, DIE_BEFORE), -EEXIST);
	assert_int_equal(run_fatal(&remove_b, DIE_BEFORE), -ENOENT);
	assert_int_equal(n_done, 1);
	close_door();
}

/* Without `change` nobody remembers a time, and nobody has to when it is now. */
static void
touches_nothing(void **state)
{
	struct fuse_setattr_in now = { .valid = FATTR_ATIME | FATTR_ATIME_NOW | FATTR_MTIME |
	    FATTR_MTIME_NOW };
	struct fuse_setattr_in then = { .valid = FATTR_MTIME | FATTR_ATIME | FATTR_ATIME_NOW,
	    .mtime = 1 };
	struct fuse_setattr_in mode = { .valid = FATTR_MODE | FATTR_MTIME | FATTR_MTIME_NOW };

	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(ask(FUSE_SETATTR, 10, &now, sizeof(now)), 0);
	assert_int_equal(ask(FUSE_SETATTR, 1, &now, sizeof(now)), 0);
	assert_int_equal(ask(FUSE_SETATTR, 10, &then, sizeof(then)), -EOPNOTSUPP);
	assert_int_equal(ask(FUSE_SETATTR, 10, &mode, sizeof(mode)), -EOPNOTSUPP);
	close_door();
	open_door(&dir_ops, 0);
	assert_int_equal(trans_is_open(101), -EINVAL);	/* nobody counts */
	assert_int_equal(ask(FUSE_SETATTR, 101, &now, sizeof(now)), -EROFS);
	close_door();
}

static void
release(uint64_t node, bool twice)
{
	struct {
		struct fuse_in_header header;
		struct fuse_release_in in;
	} request = { .header = { .len = sizeof(request), .opcode = FUSE_RELEASE,
		.unique = unique += 2, .nodeid = node } };

	assert_int_equal(front_process(&request, sizeof(request)), 0);
	assert_int_equal(get(unique), 0);
	if (!twice)
		return;
	/* It was counted, but its answer is lost: as if its slot had not been struck out. */
	((struct recovery_slot *)memory_at(RECOVERY_JOURNAL))[RECOVERY_SLOTS - 1] =
	    (struct recovery_slot){ .unique = unique, .opcode = FUSE_RELEASE, .node = node,
		.flags = RECOVERY_COUNTED };
	crash();
	open_door_again(&den_ops, 0, true);
	request.header.unique |= FUSEWIRE_UNIQUE_RESENT;
	assert_int_equal(front_process(&request, sizeof(request)), 0);
	assert_int_equal(get(unique | FUSEWIRE_UNIQUE_RESENT), 0);
}

static void
counts_opens_once(void **state)
{
	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(run_fatal(&make_c, DIE_AFTER), 0);
	assert_int_equal(memory_head()->head.opens, 1);
	assert_int_equal(open_file(10, O_RDONLY), 0);
	assert_int_equal(open_file(10, O_RDONLY), 0);
	assert_int_equal(memory_head()->head.opens, 3);
	release(10, true);
	assert_int_equal(memory_head()->head.opens, 2);
	release(10, false);
	assert_int_equal(n_closed, 0);
	assert_int_equal(trans_is_open(10), 1);
	assert_int_equal(trans_is_open(11), 0);
	release(10, false);
	assert_int_equal(n_closed, 1);
	assert_int_equal(trans_is_open(10), 0);
	assert_int_equal(memory_head()->head.opens, 0);
	release(10, false);
	assert_int_equal(memory_head()->head.opens, 0);
	close_door();
}

/* Where requests are not delivered again, what portd ended is taken back. */
static void
ended_by_portd(void **state)
{
	struct recovery_slot *slots;

	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(run_deed(&make_c), 0);
	assert_int_equal(open_file(10, O_RDONLY), 0);
	slots = memory_at(RECOVERY_JOURNAL);
	slots[7] = (struct recovery_slot){ .unique = 1001, .opcode = FUSE_OPEN, .node = 10,
		.flags = RECOVERY_COUNTED | RECOVERY_ENDED };
	slots[8] = (struct recovery_slot){ .unique = 1003, .opcode = FUSE_READ, .node = 10,
		.flags = RECOVERY_ENDED };
	crash();
	open_door_again(&den_ops, 0, false);
	assert_int_equal(memory_head()->head.opens, 1);
	slots = memory_at(RECOVERY_JOURNAL);
	assert_true(slots[7].unique == 0 && slots[8].unique == 0);
	slots[9] = (struct recovery_slot){ .unique = 1005, .opcode = FUSE_RELEASE, .node = 10,
		.flags = RECOVERY_ENDED };
	crash();
	open_door_again(&den_ops, 0, false);
	assert_int_equal(memory_head()->head.opens, 0);
	close_door();
}

/* A kill in the middle of counting. */
static void
half_counted(void **state)
{
	struct memory_redo *redo;

	(void)state;
	open_door(&den_ops, 0);
	assert_int_equal(run_deed(&make_c), 0);
	redo = &memory_head()->redo;
	redo->total = 5;
	redo->valid = 1;
	crash();
	open_door_again(&den_ops, 0, true);
	assert_int_equal(memory_head()->head.opens, 5);
	assert_int_equal(memory_head()->redo.valid, 0);
	close_door();
}

/* A predecessor that wrote rubbish all over. */
static void
rubbish_in_memory(void **state)
{
	static char rubbish[RECOVERY_AUTHOR];
	struct recovery head = { .magic = RECOVERY_MAGIC, .version = RECOVERY_VERSION };

	(void)state;
	memset(rubbish, 0xd5, sizeof(rubbish));
	memcpy(rubbish, &head, sizeof(head));
	assert_int_equal(pwrite(memory_fd, rubbish, sizeof(rubbish), 0), sizeof(rubbish));
	open_door_again(&den_ops, 0, true);
	assert_int_equal(run_deed(&make_a), 0);
	assert_int_equal(run_deed(&make_c), 0);
	release(11, false);
	crash();
	open_door_again(&den_ops, 0, false);
	assert_int_equal(run_deed(&remove_a), 0);
	close_door();
}

/* Recovery memory ----------------------------------------------------------- */

static void
counts_in_memory(void **state)
{
	struct memory seen;
	AUTO_ARGV struct argv argv = { 0 }, other = { 0 };
	int fd = memfd_create("test", MFD_CLOEXEC);
	uint32_t epoch;
	bool changed;

	(void)state;
	assert_int_equal(argv_add(&argv, "a"), 0);
	assert_int_equal(argv_add(&other, "b"), 0);
	assert_int_equal(memory_open(fd, 1, &argv, &changed), -EMSGSIZE);
	assert_int_equal(ftruncate(fd, RECOVERY_SIZE), 0);
	assert_int_equal(memory_open(fd, 1, &argv, &changed), 0);
	assert_false(changed);
	epoch = memory_epoch();
	memory_opens_known(true);
	opens_change(NULL, 0, -1);
	opens_change(NULL, 0, 1);
	opens_change(NULL, 0, 1);
	memory_count_request();
	trans_progress(1000);
	memory_close();
	assert_int_equal(pread(fd, &seen, sizeof(seen), 0), sizeof(seen));
	assert_int_equal(seen.head.magic, RECOVERY_MAGIC);
	assert_int_equal(seen.head.generation, 1);
	assert_int_equal(seen.head.opens_known, 1);
	assert_int_equal(seen.head.opens, 2);
	assert_int_equal(seen.head.requests, 1);
	assert_int_equal(seen.head.progress_pct, 100);

	assert_int_equal(memory_open(fd, 1, &argv, &changed), 0);
	assert_false(changed);
	assert_int_equal(memory_epoch(), epoch);
	memory_close();
	assert_int_equal(memory_open(fd, 2, &argv, &changed), 0);
	assert_true(changed);
	assert_int_not_equal(memory_epoch(), epoch);
	epoch = memory_epoch();
	memory_close();
	assert_int_equal(memory_open(fd, 2, &other, &changed), 0);
	assert_true(changed);
	assert_int_not_equal(memory_epoch(), epoch);
	memory_close();
	/* The same content has the same epoch, whatever lies between. */
	assert_int_equal(memory_open(-1, 2, &argv, &changed), 0);
	assert_false(changed);
	assert_int_equal(memory_epoch(), epoch);
	memory_turn(&other);
	assert_int_not_equal(memory_epoch(), epoch);
	memory_turn(&argv);
	assert_int_equal(memory_epoch(), epoch);
	memory_close();

	/* A predecessor that wrote rubbish. */
	memset(&seen, 0xff, sizeof(seen));
	seen.head.magic = RECOVERY_MAGIC;
	seen.head.version = RECOVERY_VERSION;
	assert_int_equal(pwrite(fd, &seen, sizeof(seen), 0), sizeof(seen));
	assert_int_equal(memory_open(fd, 0xffffffff, &argv, &changed), 0);
	assert_true(memory_epoch() <= 0x7fffffff);
	memory_close();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_file),
		cmocka_unit_test(is_read_only),
		cmocka_unit_test(fixed_answers),
		cmocka_unit_test(makes_an_unnamed_file),
		cmocka_unit_test(kills_set_id),
		cmocka_unit_test(asks_for_what_is_rare),
		cmocka_unit_test(wakes_pollers),
		cmocka_unit_test(nothing_to_do_and_the_end),
		cmocka_unit_test(takes_a_pending_request),
		cmocka_unit_test(generated_content),
		cmocka_unit_test(keeps_mode_and_times_beneath),
		cmocka_unit_test(gives_attributes_with_a_name),
		cmocka_unit_test(answers_later),
		cmocka_unit_test(answers_before_later),
		cmocka_unit_test(asks_again),
		cmocka_unit_test(finishes_writes_later),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(leaves_requests_open),
		cmocka_unit_test(interrupts_race),
		cmocka_unit_test(looks_into_a_tree),
		cmocka_unit_test(old_ids_are_stale),
		cmocka_unit_test(waits_for_a_tree),
		cmocka_unit_test(a_tree_that_failed),
		cmocka_unit_test(lists_a_tree),
		cmocka_unit_test(listings_become_full),
		cmocka_unit_test(opens_need_not_be_asked_for),
		cmocka_unit_test(a_tree_is_read_only),
		cmocka_unit_test(a_directory_of_callbacks),
		cmocka_unit_test(counts_in_memory),
		cmocka_unit_test_setup_teardown(writes_names, open_den, close_den),
		cmocka_unit_test_setup_teardown(done_once_after_a_crash_before, open_den, close_den),
		cmocka_unit_test_setup_teardown(done_once_after_a_crash_after, open_den, close_den),
		cmocka_unit_test_setup_teardown(not_ours, open_den, close_den),
		cmocka_unit_test_setup_teardown(touches_nothing, open_den, close_den),
		cmocka_unit_test_setup_teardown(counts_opens_once, open_den, close_den),
		cmocka_unit_test_setup_teardown(ended_by_portd, open_den, close_den),
		cmocka_unit_test_setup_teardown(half_counted, open_den, close_den),
		cmocka_unit_test_setup_teardown(rubbish_in_memory, open_den, close_den),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
