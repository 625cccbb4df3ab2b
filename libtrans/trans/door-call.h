/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-call: what the parts of the door share: a request by message on its way. */
#ifndef TRANS_DOOR_CALL_H
#define TRANS_DOOR_CALL_H

#include "port/stubs.h"
#include "trans/door.h"
#include "trans/door-port.h"
#include "trans/req.h"

WIRE_SERVER(fs)
WIRE_SERVER(io)

struct door_call;

/* What a routine does with what a thread of the author's gives as its answer. */
enum door_takes {
	DOOR_TAKES_NOTHING,
	DOOR_TAKES_ANSWER,	/* read, readlink: that is it */
	DOOR_TAKES_TARGET,	/* a lookup: of the link that it came to; it goes on */
};

struct door_call {
	struct list link;	/* in a queue of door.c */
	struct trans_req *req;	/* NULL: it has been answered, the call not yet */
	void (*run)(struct trans_req *req);
	struct rpc_later later;
	uint32_t attachment;
	uint64_t serial;	/* of the port that was asked; 0: portd asked */
	struct door_grant is;	/* what that is */
	pid_t pid;		/* who asked, when it was not portd */
	/* Sends the answer; data: what door_finish was given. With the attachment kept. */
	void (*reply)(struct door_call *call, const void *data, size_t size);
	enum door_takes takes;
	/* The answer, when it does not go at once. */
	int error;
	char *data;
	size_t size;
	char *given;		/* of a write */
	struct door_way *way;	/* of a lookup (door-lookup.c) */
};

/* Begins a request on the port that was asked, which has to be for these rights and of that type
 * (0: any). 0, or -errno for the answer. */
int door_begin(struct rpc_request *request, unsigned rights, mode_t type,
    void (*run)(struct trans_req *), void (*reply)(struct door_call *, const void *, size_t),
    struct trans_req **reqp);
/* The parts of that, for who has no port. NULL: no memory. 0 or -ENOMEM. */
struct door_call *door_call_new(void (*run)(struct trans_req *),
    void (*reply)(struct door_call *, const void *, size_t));
int door_begin_call(struct door_call *call, struct trans_req **reqp);
/* It is filled in. Returns RPC_NO_REPLY. */
int door_go(struct trans_req *req);
/* The port that is asked now, in a handler. */
struct door_port *door_asked(void);
/* All that ports answer. */
const struct port_service *door_service(void);
/* Whether an error, or nothing yet, is all there is to say; says it. */
bool door_is_finished(struct trans_req *req, ssize_t result);
/* Answers a request that is finished. */
void door_finish(struct trans_req *req, const void *data, size_t size);
/* Likewise once the kernel remembers nothing that notes were left of. */
void door_finish_changed(struct trans_req *req, const void *data, size_t size);
/* Gives up the request, not the call, which answers in another way. */
struct door_call *door_take_call(struct trans_req *req);
void door_call_free(struct door_call *call);
void door_call_fail(struct door_call *call, int error);
/* Whether an id, by which the kernel knows a node, is covered by another translator's. */
bool door_is_covered(uint64_t id);
/* The rights that a mode gives. */
unsigned door_rights_of(const struct stat *st, uid_t uid, gid_t gid);

/* door-lookup.c */
int door_lookup(struct rpc_request *request, struct dir_lookup_in *in, struct dir_lookup_out *out);
void door_way_free(struct door_way *way);
/* The target of the link that it came to. */
void door_way_target(struct door_call *call, const char *target, size_t size);
/* Answers with a right to a node; eats its lookup. */
void door_reply_node(struct door_call *call, const struct door_grant *grant, const char *rest);

/* The handlers. */
extern const struct io_server door_io;		/* door-io.c */
extern const struct fs_server door_fs;		/* door-dir.c */
/* door-file.c */
int door_chmod(struct rpc_request *request, struct file_chmod_in *in, struct file_chmod_out *out);
int door_utimes(struct rpc_request *request, struct file_utimes_in *in,
    struct file_utimes_out *out);
int door_set_size(struct rpc_request *request, struct file_set_size_in *in,
    struct file_set_size_out *out);
int door_sync(struct rpc_request *request, struct file_sync_in *in, struct file_sync_out *out);
int door_readlink(struct rpc_request *request, struct file_readlink_in *in,
    struct file_readlink_out *out);
int door_statfs(struct rpc_request *request, struct file_statfs_in *in,
    struct file_statfs_out *out);
/* door-routines.c */
int door_routines(struct rpc_request *request, struct io_routines_in *in,
    struct io_routines_out *out);
/* Of a routine that answers nothing but that it is done. */
#define DOOR_REPLY_DONE(name, routine) \
	static void \
	name(struct door_call *call, const void *data, size_t size) \
	{ \
		(void)data; \
		(void)size; \
		routine##_reply(&call->later, 0, "", &(struct routine##_out){ .end_ = 0 }); \
	}

#endif
