/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup: which node a descriptor is of, by the number of its mount and the handle that the kernel
 * has for the file. Neither asks the file system, which may be a translator that hangs. */
#include "portd/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/core.h"
#include "portd/mountinfo.h"
#include "portd/node.h"
#include "portd/space.h"
#include "wire/fusewire.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

enum {
	WAITING_MAX = 64,	/* questions for one translator that is being started */
	COVERS_MAX = 10000,	/* ids that fit into one message */
	HANDLE_TYPE = 0x81,	/* FILEID_INO64_GEN of linux/exportfs.h */
};

static const struct right no_right = { RIGHT_NULL, NULL };

/* A question that waits for its translator. */
struct lookup {
	struct list link;		/* node->lookups */
	struct fsys_getfile_in in;
	struct right reply;
	char rest[];
};

/* Files ------------------------------------------------------------------------ */

/* The id by which the kernel knows a file of a FUSE mount. 0 or -errno. */
static int
id_of(int fd, uint64_t *idp)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	uint32_t words[3];
	int mount;

	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH) < 0)
		return -errno;
	if (handle.head.handle_type != HANDLE_TYPE || handle.head.handle_bytes != sizeof(words))
		return -EXDEV;
	memcpy(words, handle.head.f_handle, sizeof(words));
	*idp = (uint64_t)words[0] << 32 | words[1];
	return 0;
}

static struct node *
find_mounted(const struct keeper *keeper, uint32_t mount)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (mount != 0 && node->mount && node->mount->id == mount)
			return node;
	}
	return NULL;
}

/* What the mount covers, looked at once. */
static void
look_beneath(struct mount *mount)
{
	if (mount->beneath_known)
		return;
	mount->beneath_known = true;
	mount->beneath_mount = mountinfo_id_of(mount->beneath);
	if (id_of(mount->beneath, &mount->beneath_id) < 0)
		mount->beneath_mount = 0;
}

/* Translators ------------------------------------------------------------------- */

static bool
serves(const struct node *node)
{
	return node->inc && node->inc->state == INCARNATION_SERVING &&
	    right_is_live(&node->inc->control);
}

/* Passes a question on; eats the right to answer it. */
static void
ask(const struct node *node, struct fsys_getfile_in in, struct right reply)
{
	struct message *message = message_new(ROUTINE_fsys_getfile);
	struct wire_port port;

	if (!message) {
		answer_send(reply, in.reply_id, -ENOMEM, "out of memory");
		return;
	}
	port = message_add_right(message, reply);
	in.reply.name = port.name;
	in.reply.disposition = port.disposition;
	fsys_getfile_in_put(&message->body, &in);
	message_send(right_copy_send(&node->inc->control), message, no_right);
}

/* Puts it among those that wait; eats the right, unless there is no room. */
static int
wait_for(struct node *node, const struct fsys_getfile_in *in, struct right reply)
{
	size_t size = strlen(in->rest) + 1;
	struct lookup *lookup = list_length(&node->lookups) < WAITING_MAX ?
	    malloc(sizeof(*lookup) + size) : NULL;

	if (!lookup)
		return -EAGAIN;
	lookup->in = *in;
	lookup->in.rest = memcpy(lookup->rest, in->rest, size);
	lookup->reply = reply;
	lookup->link = (struct list){ NULL, NULL };
	list_link_tail(&node->lookups, &lookup->link);
	return 0;
}

/* Has the translator started when it does not run. */
static int
bring_up(struct node *node)
{
	if (node->inc)
		return 0;
	if (!node->mount || mount_is_dead(node->mount))
		return -ENOTCONN;
	if (node->change || node->restart)
		return -EBUSY;
	if (sys_now_ms() < node->retry_at)
		return -EIO;
	return node_start(node, NODE_START_TIMEOUT_MS);
}

/* Asks now, or when somebody serves. Eats the right. */
static void
ask_some_time(struct node *node, const struct fsys_getfile_in *in, struct right reply)
{
	int err;

	if (serves(node)) {
		ask(node, *in, reply);
		return;
	}
	err = bring_up(node);
	if (err == 0)
		err = wait_for(node, in, reply);
	if (err < 0)
		answer_send(reply, in->reply_id, err, err == -EIO && node->reason ? node->reason :
		    "its translator does not run");
}

static struct lookup *
take(struct node *node)
{
	struct lookup *lookup;

	if (list_is_empty(&node->lookups))
		return NULL;
	lookup = LIST_ENTRY(node->lookups.next, struct lookup, link);
	list_unlink(&lookup->link);
	return lookup;
}

/* See lookup.h. */
void
lookup_fail(struct node *node, int code, const char *why)
{
	struct lookup *lookup;

	while ((lookup = take(node))) {
		answer_send(lookup->reply, lookup->in.reply_id, code, why);
		free(lookup);
	}
}

/* Covers -------------------------------------------------------------------------- */

static size_t
list_covers(const struct keeper *keeper, uint32_t mount, uint64_t *ids)
{
	size_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *inner = LIST_ENTRY(at, struct node, link);

		if (!inner->mount || n == COVERS_MAX)
			continue;
		look_beneath(inner->mount);
		if (inner->mount->beneath_mount == mount)
			ids[n++] = inner->mount->beneath_id;
	}
	return n;
}

static void
tell_covers(struct node *node)
{
	static uint64_t ids[COVERS_MAX];
	size_t n = list_covers(node->keeper, node->mount->id, ids);
	const struct fsys_covers_in in = { .ids = { ids, n * sizeof(ids[0]) } };
	struct message *message = message_new(ROUTINE_fsys_covers);

	if (!message)
		return;
	fsys_covers_in_put(&message->body, &in);
	message_send(right_copy_send(&node->inc->control), message, no_right);
}

/* See lookup.h. */
void
lookup_covers(struct keeper *keeper, struct mount *mount)
{
	struct node *outer;

	look_beneath(mount);
	outer = find_mounted(keeper, mount->beneath_mount);
	if (outer && serves(outer))
		tell_covers(outer);
}

/* See lookup.h. What covers its nodes is told before it is asked for any. */
void
lookup_go_on(struct node *node)
{
	struct lookup *lookup;

	if (!serves(node))
		return;
	tell_covers(node);
	while ((lookup = take(node))) {
		ask(node, lookup->in, lookup->reply);
		free(lookup);
	}
}

/* Handlers -------------------------------------------------------------------------- */

struct asked {
	struct keeper *keeper;
	struct incarnation *asker;
};

/* What a descriptor is open for. */
static uint32_t
rights_of(int flags)
{
	if (flags & O_PATH)
		return TRANS_RIGHT_LOOKUP;
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP;
	case O_WRONLY:
		return TRANS_RIGHT_WRITE;
	default:
		return TRANS_RIGHT_ALL;
	}
}

/* A directory cannot be opened for writing. Who is not confined could open anew what is in it; a
 * translator's sandbox may say otherwise. */
static uint32_t
extra_of(int flags, const struct incarnation *asker)
{
	return !asker && !(flags & O_PATH) && (flags & O_ACCMODE) == O_RDONLY ?
	    TRANS_RIGHT_WRITE : 0;
}

static int
handle_node(struct rpc_request *request, struct lookup_node_in *in, struct lookup_node_out *out)
{
	const struct asked *asked = request->arg;
	int flags = in->file < 0 ? -1 : fcntl(in->file, F_GETFL);
	struct fsys_getfile_in ask = {
		.needed = in->needed,
		.flags = FSYS_GETFILE_EXTRA_DIR,
		.uid = request->message->uid,
		.gid = request->message->gid,
		.rest = "",
		.reply_id = ROUTINE_lookup_node,
	};
	struct right reply;
	struct node *node;
	int err;

	(void)out;
	if (flags < 0)
		return request_fail(request, -EBADF, "no descriptor was given");
	node = find_mounted(asked->keeper, mountinfo_id_of(in->file));
	if (!node)
		return request_fail(request, -EXDEV, "no translator of yours serves that file");
	err = id_of(in->file, &ask.id);
	if (err < 0)
		return request_fail(request, err, "the kernel has no handle for that file "
		    "(name_to_handle_at: %s)", strerror(-err));
	ask.rights = in->rights & rights_of(flags);
	ask.extra = in->rights & extra_of(flags, asked->asker);
	if (in->needed & ~(ask.rights | ask.extra))
		return request_fail(request, -EACCES, "the descriptor is not open for that");
	if (request->message->reply.kind != RIGHT_SEND_ONCE)
		return PORT_E_RPC_BAD_ARGUMENTS;
	reply = request_later(request);
	fd_close(&in->file);
	ask_some_time(node, &ask, reply);	/* eats reply */
	return RPC_NO_REPLY;
}

/* Whose translator's node covers this one. */
static struct node *
find_cover(const struct node *outer, uint64_t id)
{
	LIST_FOR_EACH(at, next, &outer->keeper->nodes) {
		struct node *inner = LIST_ENTRY(at, struct node, link);

		if (!inner->mount || !outer->mount)
			continue;
		look_beneath(inner->mount);
		if (inner->mount->beneath_mount == outer->mount->id &&
		    inner->mount->beneath_id == id)
			return inner;
	}
	return NULL;
}

/* A translator passes somebody else on; itself it cannot. */
static bool
is_somebody_else(const struct right *reply, const struct incarnation *asker)
{
	return reply->kind == RIGHT_SEND_ONCE && right_is_live(reply) && reply->port->holder &&
	    reply->port->holder->space->task != asker->task;
}

static int
handle_cross(struct rpc_request *request, struct lookup_cross_in *in)
{
	const struct asked *asked = request->arg;
	const struct node *outer = asked->asker ? incarnation_node(asked->asker) : NULL;
	struct right reply = message_take_right(request->message,
	    (struct wire_port){ in->reply.name, in->reply.disposition });
	struct node *inner = outer ? find_cover(outer, in->id) : NULL;
	const struct fsys_getfile_in ask = {
		.id = FUSE_ROOT_ID,
		.extra = in->rights & TRANS_RIGHT_ALL,
		.needed = in->needed & TRANS_RIGHT_ALL,
		.uid = getuid(),
		.gid = getgid(),
		.rest = in->rest,
		.reply_id = ROUTINE_dir_lookup,
	};

	if (!inner || !is_somebody_else(&reply, asked->asker))
		answer_send(reply, ROUTINE_dir_lookup, -EXDEV, "no translator is there");
	else
		ask_some_time(inner, &ask, reply);	/* eats reply */
	return 0;
}

WIRE_SERVER(lookup)

static const struct lookup_server server = {
	.lookup_node = handle_node,
	.lookup_cross = handle_cross,
};

/* See lookup.h. */
bool
lookup_serve(struct keeper *keeper, struct incarnation *asker, struct message *message)
{
	struct asked asked = { keeper, asker };

	return dispatch(&lookup_interface, lookup_handle, &server, message, &asked);
}
