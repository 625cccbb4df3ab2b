/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-front: what the parts of the front door share. They alone know libfuse. */
#ifndef TRANS_FUSE_FRONT_H
#define TRANS_FUSE_FRONT_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "trans/fuse.h"
#include "trans/req.h"

/* What the kernel may remember, by nature. */
struct front_policy {
	double timeout;		/* seconds, of names and attributes */
	double absent;		/* of names that are not there; 0: not at all */
	bool keep_cache;
	bool cache_readdir;
	bool direct_io;
};

struct front {
	struct fuse_session *session;
	int fd;
	uint64_t flags;		/* of INIT, as agreed */
	bool gone;		/* unmounted or aborted */
	bool for_root;		/* of others, only root may enter */
	uint64_t unique;	/* of the request in hand */
	struct recovery_slot *slot;	/* its own, until something takes it over; may be NULL */
	bool known;		/* a predecessor had it, too */
	bool is_unnamed;	/* a file is to be created without a name */
	char *request;		/* FUSEWIRE_BUFFER bytes, page-aligned */
	char *reply;		/* FUSEWIRE_MAX_WRITE bytes, likewise */
};

extern struct front front;

const struct front_policy *front_policy(void);
double front_timeout(void);
bool front_is_fixed(void);
const void *front_argument(void);
fuse_req_t front_handle(const struct trans_req *req);
struct trans_req *front_begin(fuse_req_t from, fuse_ino_t id, void (*run)(struct trans_req *));
struct trans_req *front_begin_name(fuse_req_t from, fuse_ino_t id, const char *name,
    const char *new_name, void (*run)(struct trans_req *));
bool front_copy(struct trans_req *req, const void *data, size_t size);
bool front_is_finished(struct trans_req *req, ssize_t result);
struct fuse_entry_param front_entry(trans_node_t node, const struct stat *st);
void front_reply_entry(struct trans_req *req, trans_node_t node, const struct stat *st);
/* What the kernel is told of a file that is opened. */
struct fuse_file_info front_file(int flags);
/* Of a request that takes data, whoever gives it. */
void front_run_read(struct trans_req *req);
void front_run_readlink(struct trans_req *req);

/* What the kernel asks for, one each; see libfuse's fuse_lowlevel_ops. */

/* fuse-attr.c */
void op_getattr(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_setattr(fuse_req_t from, fuse_ino_t id, struct stat *st, int to_set,
    struct fuse_file_info *file);
void op_readlink(fuse_req_t from, fuse_ino_t id);
void op_statfs(fuse_req_t from, fuse_ino_t id);
void op_access(fuse_req_t from, fuse_ino_t id, int mask);
void op_setxattr(fuse_req_t from, fuse_ino_t id, const char *name, const char *value, size_t size,
    int flags);
void op_getxattr(fuse_req_t from, fuse_ino_t id, const char *name, size_t size);
void op_listxattr(fuse_req_t from, fuse_ino_t id, size_t size);
void op_removexattr(fuse_req_t from, fuse_ino_t id, const char *name);

/* fuse-name.c */
void op_lookup(fuse_req_t from, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t from, fuse_ino_t id, uint64_t n);
void op_forget_multi(fuse_req_t from, size_t count, struct fuse_forget_data *forgets);
void op_mknod(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void op_mkdir(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode);
void op_unlink(fuse_req_t from, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t from, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t from, const char *target, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t from, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
    const char *new_name, unsigned flags);
void op_link(fuse_req_t from, fuse_ino_t id, fuse_ino_t parent, const char *name);
void op_create(fuse_req_t from, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *file);

/* fuse-dir.c */
void op_opendir(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_readdir(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    struct fuse_file_info *file);
void op_releasedir(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_readdirplus(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    struct fuse_file_info *file);

/* fuse-file.c */
void op_open(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_read(fuse_req_t from, fuse_ino_t id, size_t size, off_t offset,
    struct fuse_file_info *file);
void op_write(fuse_req_t from, fuse_ino_t id, const char *data, size_t size, off_t offset,
    struct fuse_file_info *file);
void op_flush(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_release(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file);
void op_fsync(fuse_req_t from, fuse_ino_t id, int datasync, struct fuse_file_info *file);
void op_ioctl(fuse_req_t from, fuse_ino_t id, unsigned command, void *argument,
    struct fuse_file_info *file, unsigned flags, const void *in, size_t in_size, size_t out_size);
void op_fallocate(fuse_req_t from, fuse_ino_t id, int mode, off_t offset, off_t length,
    struct fuse_file_info *file);
void op_copy_file_range(fuse_req_t from, fuse_ino_t in, off_t in_offset,
    struct fuse_file_info *in_file, fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_file, size_t size, int flags);
void op_lseek(fuse_req_t from, fuse_ino_t id, off_t offset, int whence,
    struct fuse_file_info *file);

/* fuse-poll.c */
void op_poll(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file,
    struct fuse_pollhandle *poll);

#endif
