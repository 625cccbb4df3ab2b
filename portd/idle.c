/* SPDX-License-Identifier: GPL-2.0-or-later */
/* idle: the FUSE protocol as far as a node without a translator needs it.
 *
 * Never ENOSYS: the kernel would remember it for every successor on this
 * mount. No answer carries a timeout, so that the translator's first word is
 * believed at once. */
#include "portd/idle.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "wire/fusewire.h"

enum {
	OUR_MAJOR = 7,
	OUR_MINOR = 38,
	OLDEST_MINOR = 31,	/* Linux 5.4 */
	MAX_BACKGROUND = 64,
	CONGESTION = 48,
};

/* What every translator of ours can live with. */
#define WANTED_FLAGS \
	((uint64_t)FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO | FUSE_DO_READDIRPLUS | \
	 FUSE_PARALLEL_DIROPS | FUSE_CACHE_SYMLINKS | \
	 FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT | FUSE_MAX_PAGES | FUSE_INIT_EXT | \
	 FUSE_HAS_EXPIRE_ONLY | FUSE_HANDLE_KILLPRIV_V2 | IDLE_HAS_RESEND)

/* Since Linux 6.6; Debian 12's header does not have it. */
enum { OPCODE_STATX = 52 };

struct sx_time {
	int64_t seconds;
	uint32_t ns;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid;	/* seconds; 0: not at all */
	uint32_t attr_valid_ns;
	uint32_t flags;
	uint64_t spare[2];
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct sx_time atime, btime, ctime, mtime;
	uint32_t rdev[2];
	uint32_t dev[2];
	uint64_t spare2[14];
};
_Static_assert(sizeof(struct statx_out) == 288, "the kernel's size");
_Static_assert(sizeof(struct statx_out) + sizeof(struct fuse_out_header) <= IDLE_ANSWER_MAX,
    "the largest answer");

#define INIT_IN_SHORT 16	/* major, minor, max_readahead, flags */

static size_t
put_header(void *out, uint64_t unique, int error, size_t payload)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + payload), .error = error, .unique = unique,
	};

	memcpy(out, &header, sizeof(header));
	return header.len;
}

static size_t
put(void *out, uint64_t unique, const void *payload, size_t size)
{
	memcpy((char *)out + sizeof(struct fuse_out_header), payload, size);
	return put_header(out, unique, 0, size);
}

static bool
wants_no_answer(uint32_t opcode)
{
	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

/* An error as the answer; nothing for a request that wants none, or for rubbish. */
size_t
idle_error(const void *request, size_t size, int error, void *out)
{
	struct fuse_in_header in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, request, sizeof(in));
	if (wants_no_answer(in.opcode))
		return 0;
	return put_header(out, in.unique, error, 0);
}

static size_t
answer_opendir(uint64_t unique, void *out)
{
	struct fuse_open_out reply = { .fh = FUSEWIRE_FH_EMPTY };

	return put(out, unique, &reply, sizeof(reply));
}

/* An empty answer to READDIR without our handle would stay in the kernel's cache for all. */
size_t
idle_empty(const void *request, size_t size, void *out)
{
	struct fuse_in_header in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, request, sizeof(in));
	if (in.opcode == FUSE_OPENDIR)
		return answer_opendir(in.unique, out);
	if (in.opcode == FUSE_LOOKUP && in.nodeid == FUSE_ROOT_ID)
		return put_header(out, in.unique, -ENOENT, 0);
	return 0;
}

/* What is done with paths is tried anew by the kernel when it hears ESTALE. That may not be done with
 * what makes and removes names, since it may have been done. */
static int
end_of(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		return 0;
	case FUSE_LOOKUP:
	case FUSE_GETATTR:
	case OPCODE_STATX:
	case FUSE_SETATTR:
	case FUSE_READLINK:
	case FUSE_OPEN:
	case FUSE_OPENDIR:
	case FUSE_STATFS:
	case FUSE_ACCESS:
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		return -ESTALE;
	}
	return -EINTR;
}

/* See idle.h. */
size_t
idle_end(uint64_t unique, uint32_t opcode, void *out)
{
	return put_header(out, unique, end_of(opcode), 0);
}

/* "Deliver again." */
size_t
idle_resend(void *out)
{
	return put_header(out, 0, FUSEWIRE_NOTIFY_RESEND, 0);
}

/* "Every name is to be looked up again." */
size_t
idle_inc_epoch(void *out)
{
	return put_header(out, 0, FUSEWIRE_NOTIFY_INC_EPOCH, 0);
}

/* "The root's attributes are not what they were." No pages: that could wait for a reader
 * of ours. */
size_t
idle_inval_root(void *out)
{
	struct fuse_notify_inval_inode_out inval = { .ino = FUSE_ROOT_ID, .off = -1 };

	memcpy((char *)out + sizeof(struct fuse_out_header), &inval, sizeof(inval));
	return put_header(out, 0, FUSE_NOTIFY_INVAL_INODE, sizeof(inval));
}

static bool
knows_attributes(const struct idle *idle)
{
	return idle->kind == NODE_KIND_DIR || idle->attr.valid ||
	    idle->nature == NODE_NATURE_GENERATED;
}

static uint32_t
mode_of(const struct idle *idle)
{
	uint32_t mode = (idle->attr.mode & 07777) | (idle->kind == NODE_KIND_DIR ? S_IFDIR : S_IFREG);

	return idle->share == NODE_SHARE_ROOT ? mode & ~FUSEWIRE_STRANGERS : mode;
}

static size_t
answer_getattr(const struct idle *idle, uint64_t unique, void *out)
{
	const struct wire_attr *attr = &idle->attr;
	struct fuse_attr_out reply = {
		.attr = {
			.ino = FUSE_ROOT_ID,
			.size = attr->valid ? attr->size : 0,
			.blocks = attr->valid ? attr->blocks : 0,
			.atime = (uint64_t)attr->atime, .atimensec = attr->atime_ns,
			.mtime = (uint64_t)attr->mtime, .mtimensec = attr->mtime_ns,
			.ctime = (uint64_t)attr->ctime, .ctimensec = attr->ctime_ns,
			.mode = mode_of(idle),
			.nlink = attr->nlink ? attr->nlink : 1,
			.uid = attr->uid,
			.gid = attr->gid,
			.blksize = 4096,
		},
	};

	return put(out, unique, &reply, sizeof(reply));
}

static struct sx_time
sx_time(int64_t seconds, uint32_t ns)
{
	return (struct sx_time){ .seconds = seconds, .ns = ns };
}

/* stat(1) asks this way, since it wants to know when the node was born; there is no answer
 * to that. */
static size_t
answer_statx(const struct idle *idle, uint64_t unique, void *out)
{
	const struct wire_attr *attr = &idle->attr;
	struct statx_out reply = {
		.mask = STATX_BASIC_STATS,
		.blksize = 4096,
		.nlink = attr->nlink ? attr->nlink : 1,
		.uid = attr->uid,
		.gid = attr->gid,
		.mode = (uint16_t)mode_of(idle),
		.ino = FUSE_ROOT_ID,
		.size = attr->valid ? attr->size : 0,
		.blocks = attr->valid ? attr->blocks : 0,
		.atime = sx_time(attr->atime, attr->atime_ns),
		.ctime = sx_time(attr->ctime, attr->ctime_ns),
		.mtime = sx_time(attr->mtime, attr->mtime_ns),
	};

	return put(out, unique, &reply, sizeof(reply));
}

static size_t
answer_statfs(uint64_t unique, void *out)
{
	struct fuse_statfs_out reply = { .st = { .bsize = 4096, .frsize = 4096, .namelen = 255 } };

	return put(out, unique, &reply, sizeof(reply));
}

/* No attribute of that name (GETXATTR); an empty list, or its size (LISTXATTR). */
static size_t
answer_xattr(const struct fuse_in_header *in, const void *request, size_t size, void *out)
{
	struct fuse_getxattr_in arg;
	struct fuse_getxattr_out reply = { 0 };

	if (in->opcode == FUSE_GETXATTR)
		return put_header(out, in->unique, -ENODATA, 0);
	if (size < sizeof(*in) + sizeof(arg))
		return put_header(out, in->unique, -EIO, 0);
	memcpy(&arg, (const char *)request + sizeof(*in), sizeof(arg));
	if (arg.size == 0)
		return put(out, in->unique, &reply, sizeof(reply));
	return put_header(out, in->unique, 0, 0);
}

/* 0: not one that portd answers on a root. */
static size_t
answer_root(const struct idle *idle, const struct fuse_in_header *in, const void *request,
    size_t size, void *out)
{
	switch (in->opcode) {
	case FUSE_GETATTR:
		return knows_attributes(idle) ? answer_getattr(idle, in->unique, out) : 0;
	case OPCODE_STATX:
		return knows_attributes(idle) ? answer_statx(idle, in->unique, out) : 0;
	case FUSE_ACCESS:
		return put_header(out, in->unique, 0, 0);	/* the kernel has checked the mode */
	case FUSE_STATFS:
		return answer_statfs(in->unique, out);
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
		return answer_xattr(in, request, size, out);
	}
	return 0;
}

/* In a directory that idle_empty opened. READ, READDIR and RELEASE begin with the handle. */
static bool
is_in_empty(const struct fuse_in_header *in, const void *request, size_t size)
{
	uint64_t fh;

	if ((in->opcode != FUSE_READDIR && in->opcode != FUSE_READDIRPLUS &&
	    in->opcode != FUSE_RELEASEDIR && in->opcode != FUSE_FSYNCDIR) ||
	    size < sizeof(*in) + sizeof(fh))
		return false;
	memcpy(&fh, (const char *)request + sizeof(*in), sizeof(fh));
	return fh == FUSEWIRE_FH_EMPTY;
}

/* Everybody may ask, as far as the kernel is concerned, when root may. What was opened may be
 * handed on. */
static bool
is_stranger(const struct idle *idle, const struct fuse_in_header *in)
{
	return idle->share == NODE_SHARE_ROOT && in->uid != 0 && in->uid != idle->owner &&
	    !fusewire_is_of_open_file(in->opcode);
}

static bool
is_release(uint32_t opcode)
{
	return opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR;
}

/* Answers, ignores, or leaves one request to the translator. */
enum idle_verdict
idle_request(const struct idle *idle, const void *request, size_t size, void *out,
    size_t *out_sizep)
{
	struct fuse_in_header in;
	size_t n = 0;

	if (size < sizeof(in))
		return IDLE_NOTHING;
	memcpy(&in, request, sizeof(in));
	if (wants_no_answer(in.opcode) || in.opcode == FUSE_DESTROY)
		return IDLE_NOTHING;
	if (in.len != size || in.opcode == FUSE_INIT)
		n = put_header(out, in.unique, -EIO, 0);
	else if (is_stranger(idle, &in))
		n = put_header(out, in.unique, -EACCES, 0);
	else if (is_in_empty(&in, request, size))
		n = put_header(out, in.unique, 0, 0);
	else if (in.nodeid == FUSE_ROOT_ID || in.opcode == FUSE_STATFS)
		n = answer_root(idle, &in, request, size, out);
	if (n == 0 && idle->failed)
		n = put_header(out, in.unique, is_release(in.opcode) ? 0 : -EIO, 0);
	if (n == 0)
		return IDLE_START;
	*out_sizep = n;
	return IDLE_ANSWER;
}

/* INIT ---------------------------------------------------------------------- */

static bool
read_init(const void *request, size_t size, struct fuse_in_header *in, struct fuse_init_in *arg)
{
	if (size < sizeof(*in) + INIT_IN_SHORT)
		return false;
	memcpy(in, request, sizeof(*in));
	size -= sizeof(*in);
	if (in->opcode != FUSE_INIT || in->len != size + sizeof(*in))
		return false;
	memset(arg, 0, sizeof(*arg));
	memcpy(arg, (const char *)request + sizeof(*in), size < sizeof(*arg) ? size : sizeof(*arg));
	if (!(arg->flags & FUSE_INIT_EXT))
		arg->flags2 = 0;
	return true;
}

static size_t
answer_init(const struct wire_init *init, uint64_t unique, void *out)
{
	struct fuse_init_out reply = {
		.major = init->major,
		.minor = init->minor,
		.max_readahead = init->max_readahead,
		.flags = (uint32_t)init->flags,
		.flags2 = (uint32_t)(init->flags >> 32),
		.max_background = (uint16_t)init->max_background,
		.congestion_threshold = (uint16_t)init->congestion_threshold,
		.max_write = init->max_write,
		.time_gran = init->time_gran,
		.max_pages = (uint16_t)init->max_pages,
	};

	return put(out, unique, &reply, sizeof(reply));
}

/* Negotiates. */
int
idle_init(const void *request, size_t size, struct wire_init *init, uint64_t *offeredp,
    void *out, size_t *out_sizep, struct text *why)
{
	struct fuse_in_header in;
	struct fuse_init_in arg;
	struct fuse_init_out version = { .major = OUR_MAJOR, .minor = OUR_MINOR };
	uint64_t offered;

	if (!read_init(request, size, &in, &arg))
		return -EBADMSG;
	if (arg.major > OUR_MAJOR) {
		*out_sizep = put(out, in.unique, &version, sizeof(version));
		return 1;
	}
	if (arg.major < OUR_MAJOR || arg.minor < OLDEST_MINOR) {
		*out_sizep = put_header(out, in.unique, -EPROTO, 0);
		text_printf(why, "the kernel speaks FUSE %u.%u; hird needs Linux 5.4 or later",
		    arg.major, arg.minor);
		return -EPROTO;
	}
	offered = arg.flags | (uint64_t)arg.flags2 << 32;
	*init = (struct wire_init){
		.major = OUR_MAJOR,
		.minor = arg.minor < OUR_MINOR ? arg.minor : OUR_MINOR,
		.flags = offered & WANTED_FLAGS,
		.max_readahead = arg.max_readahead,
		.max_write = offered & FUSE_MAX_PAGES ? FUSEWIRE_MAX_WRITE : 32 * 4096,
		.max_background = MAX_BACKGROUND,
		.congestion_threshold = CONGESTION,
		.time_gran = 1,
		.max_pages = offered & FUSE_MAX_PAGES ? FUSEWIRE_MAX_PAGES : 0,
	};
	*offeredp = offered;
	*out_sizep = answer_init(init, in.unique, out);
	return 0;
}
