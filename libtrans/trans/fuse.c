/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse: requests of the kernel, answered by trans/node.h.
 *
 * libfuse's low-level session knows the protocol; the loop, the buffers and the
 * descriptor are ours. portd has answered the kernel's INIT long ago, so the
 * session is fed one that says what was agreed, and its reply goes nowhere.
 *
 * Nothing here keeps state for a node or an open file: ids are made from what
 * they stand for, and a successor understands them. */
#include "trans/fuse.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "trans/fuse-front.h"
#include "trans/journal.h"
#include "trans/listing.h"
#include "trans/memory.h"
#include "trans/node.h"
#include "trans/req.h"
#include "trans/standin.h"
#include "wire/fusewire.h"

/* The INIT that nobody sent. */
#define UNIQUE_INIT (~(uint64_t)0)

struct front front = { .fd = -1 };

static const struct fuse_lowlevel_ops operations = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.access = op_access,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.ioctl = op_ioctl,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.copy_file_range = op_copy_file_range,
	.lseek = op_lseek,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
};

/* The session ------------------------------------------------------------- */

static bool
is_gone(int error)
{
	return error == ENODEV || error == ECONNABORTED || error == ENOTCONN || error == EPIPE;
}

/* A mount that is gone takes no answers; that is no error of ours. */
static ssize_t
io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	ssize_t size;

	(void)userdata;
	if (header->unique == UNIQUE_INIT)
		return header->len;
	do
		size = writev(fd, iov, count);
	while (size < 0 && errno == EINTR);
	if (size < 0 && is_gone(errno)) {
		__atomic_store_n(&front.gone, true, __ATOMIC_RELAXED);
		errno = ENOENT;
	}
	return size;
}

static ssize_t
io_read(int fd, void *buf, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buf, size);
}

static void
say(enum fuse_log_level level, const char *format, va_list args)
{
	char line[512];

	if (level > FUSE_LOG_WARNING)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_error("%s", line);
}

static void
say_nothing(enum fuse_log_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
}

static void
feed_init(const struct wire_init *init)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in in;
	} request = {
		.header = { .len = sizeof(request), .opcode = FUSE_INIT, .unique = UNIQUE_INIT },
		.in = {
			.major = init->major,
			.minor = init->minor,
			.max_readahead = init->max_readahead,
			.flags = (uint32_t)init->flags,
			.flags2 = (uint32_t)(init->flags >> 32),
		},
	};
	struct fuse_buf buf = { .mem = &request, .size = sizeof(request) };

	fuse_session_process_buf(front.session, &buf);
}

/* A kill that falls into a read(2) makes the kernel answer the request with EIO when it has to
 * fault in a page for it just then. So the pages are there before: for a tree that is only read,
 * those that a request without data can fill. */
static void
fault_in(char *buf)
{
	memset(buf, 0, node_is_writable() ? FUSEWIRE_BUFFER : 16 * 1024);
}

static int
allocate(char **bufp, size_t size)
{
	void *buf;
	int err = posix_memalign(&buf, 4096, size);

	if (err != 0)
		return -err;
	*bufp = buf;
	return 0;
}

/* libfuse from 3.18 on may be built without custom io (Debian's is). Then the
 * session is given the descriptor as if it had been mounted for it, and the
 * answer to our INIT reaches a kernel that does not know what it is about
 * (ENOENT), which harms nobody. */
static int
give_descriptor(int fd)
{
	const struct fuse_custom_io io = { .writev = io_writev, .read = io_read };
	char place[32];
	int err;

	fuse_set_log_func(say_nothing);
	err = fuse_session_custom_io(front.session, &io, fd);
	fuse_set_log_func(say);
	if (err != -ENOTSUP)
		return err < 0 ? err : -err;
	snprintf(place, sizeof(place), "/dev/fd/%d", fd);
	return fuse_session_mount(front.session, place) < 0 ? -EIO : 0;
}

/* libfuse compares the user of each request that opens or looks up something, when root
 * alone is allowed. */
static int
make_session(int fd)
{
	static char *argv[] = { (char *)"translator", (char *)"-oallow_root", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(front.for_root ? 2 : 1, argv);
	int err;

	fuse_set_log_func(say);
	front.session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&args);
	if (!front.session)
		return -ENOMEM;
	err = give_descriptor(fd);
	if (err < 0)
		return err;
	front.fd = fd;
	return 0;
}

/* Opens the door on a mount whose INIT was answered as `init` says. Eats fd,
 * which must not block. share: enum node_share. 0 or -errno. */
int
front_open(int fd, const struct wire_init *init, uint32_t share)
{
	AUTO_CLOSE int mine = fd;
	int err;

	front.flags = init->flags;
	front.for_root = share == NODE_SHARE_ROOT;
	front.gone = false;
	front.request = journal_room(JOURNAL_MAIN);
	if (front.request)
		fault_in(front.request);
	err = front.request ? allocate(&front.reply, FUSEWIRE_MAX_WRITE) : -ENOMEM;
	if (err == 0)
		err = make_session(mine);
	if (err < 0) {
		front_close();
		return err;
	}
	fd_steal(&mine);	/* the session closes it */
	feed_init(init);
	memory_opens_known(!front_is_fixed());
	return 0;
}

/* Lets go of everything; what is unanswered stays so. */
void
front_close(void)
{
	if (front.session)
		fuse_session_destroy(front.session);
	free(front.reply);
	listing_deinit();
	front.session = NULL;
	front.request = front.reply = NULL;
	front.fd = -1;
}

/* The descriptor to poll, -1 when the door is closed. */
int
front_fd(void)
{
	return front.fd;
}

/* Answers past libfuse. When it has been answered already, or whoever asked is gone, the kernel
 * says so, and that is fine. */
void
front_refuse(uint64_t unique, int error)
{
	const struct fuse_out_header answer = { .len = sizeof(answer), .error = error,
		.unique = unique };

	if (write(front.fd, &answer, sizeof(answer)) < 0 && is_gone(errno))
		__atomic_store_n(&front.gone, true, __ATOMIC_RELAXED);
}

/* Whether a request is one that is answered. */
bool
front_wants_answer(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

_Static_assert(sizeof(struct recovery_taken) == sizeof(struct fuse_in_header) &&
    offsetof(struct recovery_taken, unique) == offsetof(struct fuse_in_header, unique) &&
    offsetof(struct recovery_taken, node) == offsetof(struct fuse_in_header, nodeid),
    "the kernel's header");

/* What follows the header of the request in hand, for what libfuse does not hand on. */
const void *
front_argument(void)
{
	return front.request + sizeof(struct fuse_in_header);
}

/* The request in front.request, which the journal has in that slot. */
static void
process(size_t size, struct recovery_slot *slot, bool known)
{
	struct fuse_in_header *header = (void *)front.request;
	struct fuse_buf buf = { .mem = front.request, .size = size };

	if (front_wants_answer(header->opcode))
		memory_count_request();
	front.slot = slot;
	front.known = known;
	front.unique = header->unique;
	standin_serving(header->unique);
	/* libfuse 3.14 does not know this one, and would say ENOSYS, which holds for the life of
	 * the mount. It has the form of the other. */
	front.is_unnamed = header->opcode == FUSE_TMPFILE;
	if (front.is_unnamed)
		header->opcode = FUSE_CREATE;
	fuse_session_process_buf(front.session, &buf);
	journal_strike(STEAL_PTR(front.slot));
}

/* Serves the request in front.request. An interrupt does not go through libfuse: it
 * is for what we put off. */
void
front_serve(size_t size)
{
	const struct fuse_in_header *header = (const void *)front.request;
	const struct fuse_interrupt_in *interrupt = (const void *)(header + 1);
	struct recovery_slot *slot = NULL;
	bool known = false;

	if (front_wants_answer(header->opcode))
		slot = journal_note(header->unique, header->opcode, header->nodeid, &known);
	if (header->opcode != FUSE_INTERRUPT)
		process(size, slot, known);
	else if (size >= sizeof(*header) + sizeof(*interrupt))
		standin_interrupt(interrupt->unique);
	journal_has_taken(JOURNAL_MAIN);
}

static int
take_request(const void *request, size_t size)
{
	struct fuse_in_header header;

	if (size < sizeof(header) || size > FUSEWIRE_BUFFER)
		return -EBADMSG;
	memcpy(&header, request, sizeof(header));
	if (header.len != size)
		return -EBADMSG;
	memcpy(front.request, request, size);
	return 0;
}

/* Serves one request that portd has read. 0, or -EBADMSG. */
int
front_process(const void *request, size_t size)
{
	int err = take_request(request, size);

	if (err == 0)
		front_serve(size);
	return err;
}

/* Serves one that was read and noted in our place, likewise. */
int
front_process_noted(const void *request, size_t size, struct recovery_slot *slot, bool known)
{
	int err = take_request(request, size);

	if (err == 0)
		process(size, slot, known);
	else
		journal_strike(slot);
	return err;
}

/* Reads a request into that reader's room: what read(2) says. */
ssize_t
front_read(enum journal_reader reader)
{
	journal_has_taken(reader);
	return read(front.fd, journal_room(reader), FUSEWIRE_BUFFER);
}

/* Reads one request, for front_serve. Its size; 0: there was none; -ENODEV: the mount
 * is gone. */
ssize_t
front_receive(void)
{
	ssize_t size = front_read(JOURNAL_MAIN);

	if (size == 0 || (size < 0 && is_gone(errno)) ||
	    __atomic_load_n(&front.gone, __ATOMIC_RELAXED))
		return -ENODEV;
	/* ENOENT: whoever asked was interrupted before we looked. */
	if (size < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOENT ? 0 : -errno;
	if ((size_t)size < sizeof(struct fuse_in_header))
		return -EBADMSG;
	return size;
}

/* Notices to the kernel ---------------------------------------------------- */

/* Makes the kernel look up every name again, now. 0, or -EINVAL before Linux
 * 6.16. Does not wait for anybody. */
int
front_forget_names(void)
{
	struct fuse_out_header notice = { .len = sizeof(notice),
	    .error = FUSEWIRE_NOTIFY_INC_EPOCH };

	return write(front.fd, &notice, sizeof(notice)) < 0 ? -errno : 0;
}

/* Drops attributes and content that the kernel remembers of a node. */
void
front_forget_node(trans_node_t node)
{
	int err = fuse_lowlevel_notify_inval_inode(front.session, front_id(node), 0, 0);

	if (err < 0 && err != -ENOENT && !is_gone(-err))
		log_error("cannot drop what the kernel remembers of node %llu: %s",
		    (unsigned long long)node, strerror(-err));
}

/* Drops a name in a directory. */
void
front_forget_name(trans_node_t dir, const char *name)
{
	fuse_lowlevel_notify_inval_entry(front.session, front_id(dir), name, strlen(name));
}

/* Whether the kernel knows the node, asked by a notice that changes nothing. */
bool
front_knows(trans_node_t node)
{
	return fuse_lowlevel_notify_inval_inode(front.session, front_id(node), -1, 0) != -ENOENT;
}
