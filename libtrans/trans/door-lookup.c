/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-lookup: from a path to a right.
 *
 * A walk goes down from the node that is asked, never above it: ".." undoes a step of its own, and
 * what leads further up, or to "/", is told to the one who asked (DIR_LOOKUP_MAGICAL). Where
 * another translator covers a node, portd is asked to have that one answer: the walk goes on
 * there. Any step may be put off; then the walk stands where it stood. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "trans/control.h"
#include "trans/door-call.h"
#include "trans/fuse.h"
#include "trans/node.h"

enum {
	LINKS_MAX = 40,
	STEPS_MAX = PATH_MAX,
	STEPS_FEW = 16,
};

struct door_way {
	char *rest;		/* of the path, owned; `at` is where it is read */
	size_t at;
	unsigned n_links;
	unsigned rights;	/* asked for */
	unsigned needed;
	bool no_link;
	/* of what portd gives, for the rest of the path: */
	unsigned extra;		/* also these, if the mode gives them */
	bool extra_dir;		/* and it is a directory */
	trans_node_t *steps;	/* below the node that is asked: each counts as looked up */
	size_t n_steps, room;
	trans_node_t next;	/* looked up, not yet a step; 0: none */
	char name[NAME_MAX + 1];	/* of it */
};

/* See door-call.h. */
void
door_way_free(struct door_way *way)
{
	if (!way)
		return;
	for (size_t i = 0; i < way->n_steps; i++)
		node_forget(way->steps[i], 1);
	if (way->next)
		node_forget(way->next, 1);
	free(way->steps);
	free(way->rest);
	free(way);
}

static struct door_way *
way_new(const char *path)
{
	struct door_way *way = calloc(1, sizeof(*way));

	if (!way)
		return NULL;
	way->rest = strdup(path);
	if (way->rest)
		return way;
	free(way);
	return NULL;
}

/* See door-call.h. */
unsigned
door_rights_of(const struct stat *st, uid_t uid, gid_t gid)
{
	unsigned mode = st->st_mode & 07, rights = 0;

	if (uid == 0)
		return TRANS_RIGHT_ALL;
	if (uid == st->st_uid)
		mode = st->st_mode >> 6 & 07;
	else if (gid == st->st_gid)
		mode = st->st_mode >> 3 & 07;
	if (mode & 04)
		rights |= TRANS_RIGHT_READ;
	/* To change what is in a directory, one has to pass through it. */
	if ((mode & 02) && (!S_ISDIR(st->st_mode) || (mode & 01)))
		rights |= TRANS_RIGHT_WRITE;
	if (mode & 01)
		rights |= TRANS_RIGHT_LOOKUP;
	return rights;
}

/* What cannot be had at all is not looked for in a mode; to look up means nothing but in a
 * directory. */
static unsigned
allowed_of(const struct trans_req *req, const struct stat *st)
{
	unsigned allowed = door_rights_of(st, req->uid, req->gid);

	if (!S_ISDIR(st->st_mode))
		allowed |= TRANS_RIGHT_LOOKUP;
	if (!node_is_writable())
		allowed &= ~(unsigned)TRANS_RIGHT_WRITE;
	return allowed;
}

static int
why_not(unsigned lacking)
{
	return lacking == TRANS_RIGHT_WRITE && !node_is_writable() ? -EROFS : -EACCES;
}

/* Answers -------------------------------------------------------------------------------- */

static void
reply_way(struct door_call *call, uint32_t retry, const char *rest, port_send_t node)
{
	rpc_reply(&call->later, 0, "", &dir_lookup_out_shape, &(struct dir_lookup_out){
		.retry = retry, .rest = rest, .node = node });
}

/* See door-call.h. With the attachment kept. */
void
door_reply_node(struct door_call *call, const struct door_grant *grant, const char *rest)
{
	struct door_port *port;
	int err = door_port_new(grant, &port);

	if (err != 0)
		rpc_reply(&call->later, err, port_error_text(err), NULL, NULL);
	else
		reply_way(call, DIR_LOOKUP_NORMAL, rest, port_make_send(port->name));
}

/* The node that a walk came to: data is a struct door_grant. A right that was given up or revoked
 * meanwhile leads nowhere. */
static void
reply_found(struct door_call *call, const void *data, size_t size)
{
	struct door_grant grant;

	(void)size;
	memcpy(&grant, data, sizeof(grant));
	if (call->serial == 0 || door_port_known(call->serial)) {
		door_reply_node(call, &grant, call->way ? call->way->rest + call->way->at : "");
		return;
	}
	if (grant.looked_up)
		node_forget(grant.node, 1);
	rpc_reply(&call->later, -EACCES, "the right was revoked", NULL, NULL);
}

/* It leads out of the tree; data: where to. */
static void
reply_magical(struct door_call *call, const void *data, size_t size)
{
	(void)size;
	reply_way(call, DIR_LOOKUP_MAGICAL, data, (port_send_t){ .name = PORT_NULL });
}

static bool
is_last(const struct door_way *way)
{
	const char *rest = way->rest + way->at;

	return !rest[strspn(rest, "/")];
}

/* Another translator's node: that one answers. */
static void
reply_cross(struct door_call *call, const void *data, size_t size)
{
	struct door_way *way = call->way;
	const char *rest = way->rest + way->at;
	struct lookup_cross_in in = {
		.rights = is_last(way) ? way->rights : call->is.rights,
		.needed = is_last(way) ? way->needed : 0,
		.rest = rest + strspn(rest, "/"),
		.reply = { call->later.right.name, call->later.right.disposition },
	};

	(void)size;
	memcpy(&in.id, data, sizeof(in.id));
	if (call->later.right.disposition != PORT_MOVE_SEND_ONCE ||
	    lookup_cross_send(port_bootstrap(), &in, PORT_FOREVER) != 0)
		rpc_later_drop(&call->later);
	call->later = (struct rpc_later){ .id = 0 };
}

/* The walk ------------------------------------------------------------------------------- */

/* What a step says: 0, it is done; an error or REQ_LATER; or: */
enum { STEP_END = 1, STEP_MAGICAL, STEP_CROSS };

static trans_node_t
place(const struct trans_req *req, const struct door_way *way)
{
	return way->n_steps ? way->steps[way->n_steps - 1] : req->node;
}

/* The next name of the path, "" at its end. */
static int
read_name(struct door_way *way)
{
	const char *name = way->rest + way->at;
	size_t size;

	name += strspn(name, "/");
	size = strcspn(name, "/");
	if (size > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(way->name, name, size);
	way->name[size] = '\0';
	way->at = (size_t)(name + size - way->rest);
	return 0;
}

static int
push(struct door_way *way)
{
	if (way->n_steps == way->room) {
		size_t room = way->room ? 2 * way->room : STEPS_FEW;
		trans_node_t *more = room <= STEPS_MAX ?
		    realloc(way->steps, room * sizeof(*more)) : NULL;

		if (!more)
			return room <= STEPS_MAX ? -ENOMEM : -ENAMETOOLONG;
		way->steps = more;
		way->room = room;
	}
	way->steps[way->n_steps++] = way->next;
	way->next = 0;
	return 0;
}

/* Puts a link's target before the rest of the path. */
static int
put_target(struct door_way *way, const char *target, size_t size)
{
	const char *rest = way->rest + way->at;
	size_t more = strlen(rest) + 1;
	char *path;

	if (size == 0 || memchr(target, '\0', size))
		return -ENOENT;
	if (size + more > PATH_MAX)
		return -ENAMETOOLONG;
	if (++way->n_links > LINKS_MAX)
		return -ELOOP;
	path = malloc(size + more);
	if (!path)
		return -ENOMEM;
	memcpy(path, target, size);
	memcpy(path + size, rest, more);
	free(way->rest);
	way->rest = path;
	way->at = 0;
	node_forget(way->next, 1);
	way->next = 0;
	return 0;
}

/* See door-call.h. */
void
door_way_target(struct door_call *call, const char *target, size_t size)
{
	call->error = put_target(call->way, target, size);
	call->takes = DOOR_TAKES_NOTHING;
}

/* Where the name leads: it is looked up already. */
static int
enter(struct trans_req *req, struct door_way *way)
{
	struct door_call *call = req->handle;
	char target[PATH_MAX];
	struct stat st;
	ssize_t size;
	int err;

	if (door_is_covered(front_id(way->next)))
		return STEP_CROSS;
	err = node_stat(req, way->next, &st);
	if (err < 0)
		return err;
	if (!S_ISLNK(st.st_mode) || (way->no_link && is_last(way)))
		return push(way);
	call->takes = DOOR_TAKES_TARGET;
	size = node_readlink(req, way->next, target, sizeof(target) - 1);
	if (size == REQ_LATER)
		return REQ_LATER;
	call->takes = DOOR_TAKES_NOTHING;
	return size < 0 ? (int)size : put_target(way, target, (size_t)size);
}

/* Up again; above where it began is nobody's business here. */
static int
go_up(struct door_way *way)
{
	if (way->n_steps == 0)
		return STEP_MAGICAL;
	node_forget(way->steps[--way->n_steps], 1);
	return 0;
}

static int
look_up(struct trans_req *req, struct door_way *way)
{
	trans_node_t dir = place(req, way);
	struct stat st;
	int err;

	err = node_stat(req, dir, &st);
	if (err < 0)
		return err;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (!(door_rights_of(&st, req->uid, req->gid) & TRANS_RIGHT_LOOKUP))
		return -EACCES;
	return node_lookup(req, dir, way->name, &way->next);
}

/* One step of the walk. */
static int
step(struct trans_req *req, struct door_way *way)
{
	size_t before = way->at;
	int err;

	if (way->next)
		return enter(req, way);
	if (way->rest[way->at] == '/' && way->at == 0)
		return STEP_MAGICAL;
	err = read_name(way);
	if (err < 0)
		return err;
	if (!*way->name)
		return STEP_END;
	if (strcmp(way->name, ".") == 0)
		return 0;
	err = strcmp(way->name, "..") == 0 ? go_up(way) : look_up(req, way);
	/* What could not be done yet is read again. */
	if (err == REQ_LATER || err == STEP_MAGICAL)
		way->at = before;
	return err;
}

/* What the place that it came to is good for. */
static int
judge(struct trans_req *req, const struct door_way *way, struct door_grant *grant)
{
	trans_node_t node = place(req, way);
	struct stat st;
	int err = node_stat(req, node, &st);
	unsigned allowed;

	if (err < 0)
		return err;
	allowed = allowed_of(req, &st);
	if (way->needed & ~allowed)
		return why_not(way->needed & ~allowed);
	*grant = (struct door_grant){
		.node = node,
		.type = st.st_mode & S_IFMT,
		.rights = way->rights & allowed,
		.uid = req->uid,
		.gid = req->gid,
		.looked_up = way->n_steps > 0,
	};
	return 0;
}

/* The last step's lookup goes with the right. */
static void
finish_found(struct trans_req *req, struct door_way *way, int err, struct door_grant *grant)
{
	struct door_call *call = req->handle;

	if (door_is_finished(req, err))
		return;
	if (way->n_steps > 0)
		way->n_steps--;
	grant->origin = call->serial;
	call->reply = reply_found;
	door_finish(req, grant, sizeof(*grant));
}

static void
run_walk(struct trans_req *req)
{
	struct door_call *call = req->handle;
	struct door_way *way = call->way;
	struct door_grant grant = { .node = 0 };
	uint64_t id;
	int err;

	do
		err = step(req, way);
	while (err == 0);
	if (err == STEP_END) {
		err = judge(req, way, &grant);
		finish_found(req, way, err, &grant);
		return;
	}
	if (door_is_finished(req, err))
		return;
	if (err == STEP_MAGICAL) {
		call->reply = reply_magical;
		door_finish(req, way->rest + way->at, 0);
		return;
	}
	id = front_id(way->next);
	call->reply = reply_cross;
	door_finish(req, &id, sizeof(id));
}

/* dir_lookup. The mode is looked at as open(2) would; and it is not for more than this right. */
int
door_lookup(struct rpc_request *request, struct dir_lookup_in *in, struct dir_lookup_out *out)
{
	struct door_way *way;
	struct door_call *call;
	struct trans_req *req;
	int err;

	(void)out;
	if (in->rights & ~door_asked()->is.rights)
		return rpc_fail(request, -EACCES, "this right is not for that");
	way = way_new(in->path);
	if (!way)
		return rpc_fail(request, -ENOMEM, "%s", strerror(ENOMEM));
	err = door_begin(request, *in->path ? TRANS_RIGHT_LOOKUP : 0, 0, run_walk, reply_found,
	    &req);
	if (err < 0) {
		door_way_free(way);
		return err;
	}
	way->rights = way->needed = in->rights;
	way->no_link = in->flags & DIR_LOOKUP_NOLINK;
	call = req->handle;
	call->way = way;
	return door_go(req);
}

/* From portd -------------------------------------------------------------------------------- */

static void
run_getfile(struct trans_req *req)
{
	struct door_call *call = req->handle;
	const struct door_way *way = call->way;
	struct door_grant grant = call->is;
	unsigned lacking = 0;
	struct stat st;
	int err = node_stat(req, req->node, &st);

	if (err == 0) {
		grant.type = st.st_mode & S_IFMT;
		if (S_ISDIR(st.st_mode) || !way->extra_dir)
			grant.rights |= way->extra & allowed_of(req, &st);
		if (!node_is_writable())
			grant.rights &= ~(unsigned)TRANS_RIGHT_WRITE;
		lacking = way->needed & ~grant.rights;
	}
	if (lacking)
		err = why_not(lacking);
	if (!door_is_finished(req, err))
		door_finish(req, &grant, sizeof(grant));
}

static int
begin_getfile(struct fsys_getfile_in *in)
{
	struct door_call *call;
	struct trans_req *req;
	trans_node_t node;
	int err = front_node(in->id, &node);

	if (err < 0)
		return err;
	call = door_call_new(run_getfile, reply_found);
	if (!call)
		return -ENOMEM;
	call->way = way_new(in->rest);
	call->is = (struct door_grant){
		.node = node, .rights = in->rights & TRANS_RIGHT_ALL,
		.uid = in->uid, .gid = in->gid,
	};
	err = call->way ? door_begin_call(call, &req) : -ENOMEM;
	if (err < 0) {
		door_call_free(call);
		return err;
	}
	call->way->extra = in->extra & TRANS_RIGHT_ALL;
	call->way->extra_dir = in->flags & FSYS_GETFILE_EXTRA_DIR;
	call->way->needed = in->needed;
	call->later = (struct rpc_later){ { in->reply.name, in->reply.disposition }, in->reply_id };
	door_go(req);
	return 0;
}

/* fsys_getfile. What portd has proven need not be in the mode: it was opened before. */
int
door_getfile(struct rpc_request *request, struct fsys_getfile_in *in)
{
	struct rpc_later later = { { in->reply.name, in->reply.disposition }, in->reply_id };
	int err;

	(void)request;
	door_port_begin();
	err = begin_getfile(in);
	if (err < 0)
		rpc_reply(&later, err, strerror(-err), NULL, NULL);
	return 0;
}
