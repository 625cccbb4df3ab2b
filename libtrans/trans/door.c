/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door: how a request by message begins, runs and ends.
 *
 * Three may end one: the callback, by returning; a thread of the author's; the clock. The last two
 * do it with the store of requests locked, where nothing may be asked of portd, so they leave
 * their answer in a queue, and the main thread sends it. */
#include "trans/door.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trans/control.h"
#include "trans/door-call.h"
#include "trans/node.h"
#include "trans/notify.h"
#include "trans/standin.h"
#include "trans/translator.h"
#include "trans/wake.h"

/* No number of the kernel's, which are even: of ours, none is ever answered there. */
#define UNIQUE_OURS ((uint64_t)1 << 62 | 1)

/* The library's tables come first: an author's cannot hide them. */
enum { TABLE_IO, TABLE_FS, N_TABLES };

static struct {
	struct port_service service;
	struct door_port *asked;
	uint64_t unique;
	uint64_t *covers;	/* sorted ids */
	size_t n_covers;
	struct list begun;
	unsigned n_calls;
} door = { .begun = { &door.begun, &door.begun } };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list answered = { &answered, &answered };

/* Calls --------------------------------------------------------------------------- */

/* See door-call.h. */
struct door_call *
door_call_new(void (*run)(struct trans_req *),
    void (*reply)(struct door_call *, const void *, size_t))
{
	struct door_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->run = run;
	call->reply = reply;
	call->attachment = control_attachment();
	door.n_calls++;
	return call;
}

/* See door-call.h. */
void
door_call_free(struct door_call *call)
{
	list_unlink(&call->link);
	door_way_free(call->way);
	free(call->data);
	free(call->given);
	free(call);
	door.n_calls--;
}

static void
answer(struct door_call *call, int error, const void *data, size_t size)
{
	if (control_keep(call->attachment)) {
		door_port_begin();
		if (error < 0)
			rpc_reply(&call->later, error, strerror(-error), NULL, NULL);
		else
			call->reply(call, data, size);
		control_release();
	}
	door_call_free(call);
}

/* See door-call.h. */
void
door_call_fail(struct door_call *call, int error)
{
	answer(call, error, NULL, 0);
}

/* Any thread. */
static void
leave_answer(void *argument)
{
	struct door_call *call = argument;

	pthread_mutex_lock(&lock);
	list_link_tail(&answered, &call->link);
	pthread_mutex_unlock(&lock);
	wake_main();
}

static struct door_call *
take_answered(void)
{
	struct door_call *call = NULL;

	pthread_mutex_lock(&lock);
	if (!list_is_empty(&answered)) {
		call = LIST_ENTRY(answered.next, struct door_call, link);
		list_unlink(&call->link);
	}
	pthread_mutex_unlock(&lock);
	return call;
}

/* Answers by others, with the store of requests locked. */
static void
on_error(struct trans_req *req, int error)
{
	struct door_call *call = req->handle;

	call->req = NULL;
	call->error = error;
	leave_answer(call);
}

static void
on_data(struct trans_req *req, const void *data, size_t size)
{
	struct door_call *call = req->handle;

	call->req = NULL;
	if (call->takes == DOOR_TAKES_ANSWER && size > req->size)
		size = req->size;
	call->data = malloc(size + 1);
	call->size = size;
	if (!call->data)
		call->error = -ENOMEM;
	else
		memcpy(call->data, data, size);
	if (call->takes == DOOR_TAKES_NOTHING)
		call->error = -EIO;
	leave_answer(call);
}

/* The process ends; whoever waits hears of that. */
static void
on_drop(struct trans_req *req)
{
	door_call_free(req->handle);
}

static const struct req_door by_message = { .error = on_error, .data = on_data, .drop = on_drop };

/* Requests -------------------------------------------------------------------------- */

/* See door-call.h. */
int
door_begin_call(struct door_call *call, struct trans_req **reqp)
{
	struct trans_req *req;

	door.unique += 2;
	req = req_begin(&by_message, call->run, call, UNIQUE_OURS + door.unique);
	if (!req)
		return -ENOMEM;
	req->node = call->is.node;
	req->uid = call->is.uid;
	req->gid = call->is.gid;
	req->pid = call->pid;
	req->rights = call->is.rights;
	call->req = req;
	*reqp = req;
	return 0;
}

/* See door-call.h. */
int
door_begin(struct rpc_request *request, unsigned rights, mode_t type,
    void (*run)(struct trans_req *), void (*reply)(struct door_call *, const void *, size_t),
    struct trans_req **reqp)
{
	const struct door_port *port = door.asked;
	struct door_call *call;
	int err = door_port_check(port);

	if (err == 0 && rights & ~port->is.rights)
		return rpc_fail(request, -EBADF, "this right is not for that");
	if (err == 0 && type && type != port->is.type)
		err = type == S_IFDIR ? -ENOTDIR : port->is.type == S_IFDIR ? -EISDIR : -EINVAL;
	call = err == 0 ? door_call_new(run, reply) : NULL;
	if (!call)
		return rpc_fail(request, err ? err : -ENOMEM, "%s", strerror(err ? -err : ENOMEM));
	call->serial = port->serial;
	call->is = port->is;
	call->pid = request->message->sender_pid;
	if (door_begin_call(call, reqp) < 0) {
		door_call_free(call);
		return rpc_fail(request, -ENOMEM, "%s", strerror(ENOMEM));
	}
	call->later = rpc_later(request);
	return 0;
}

/* See door-call.h. */
int
door_go(struct trans_req *req)
{
	struct door_call *call = req->handle;

	list_link_tail(&door.begun, &call->link);
	return RPC_NO_REPLY;
}

/* See door-call.h. */
const struct port_service *
door_service(void)
{
	return &door.service;
}

/* See door-call.h. */
struct door_port *
door_asked(void)
{
	return door.asked;
}

/* See door-call.h. */
struct door_call *
door_take_call(struct trans_req *req)
{
	struct door_call *call = req->handle;

	call->req = NULL;
	req_free(req);
	return call;
}

/* See door-call.h. */
bool
door_is_finished(struct trans_req *req, ssize_t result)
{
	if (result == REQ_LATER || !req_claim(req))
		return true;
	if (result >= 0)
		return false;
	door_call_fail(door_take_call(req), (int)result);
	return true;
}

/* See door-call.h. */
void
door_finish(struct trans_req *req, const void *data, size_t size)
{
	answer(door_take_call(req), 0, data, size);
}

/* See door-call.h. */
void
door_finish_changed(struct trans_req *req, const void *data, size_t size)
{
	struct door_call *call = door_take_call(req);

	call->data = malloc(size + 1);
	if (call->data && size)
		memcpy(call->data, data, size);
	call->size = size;
	if (!call->data)
		door_call_fail(call, -ENOMEM);
	else if (notify_then(leave_answer, call) < 0)
		leave_answer(call);
}

/* See trans.h. */
int
trans_rpc_caller(struct rpc_request *request, struct trans_caller *caller)
{
	struct trans_req asks = { .state = REQ_RUNNING };

	if (!door.asked)
		return -EINVAL;
	asks.rights = door.asked->is.rights;
	asks.node = door.asked->is.node;
	asks.uid = request->message->sender_uid;
	asks.gid = request->message->sender_gid;
	asks.pid = request->message->sender_pid;
	return trans_caller(&asks, caller);
}

/* Messages ---------------------------------------------------------------------------- */

static void
on_notification(struct port_message *message, void *unused)
{
	(void)unused;
	if (message->id == PORT_NOTIFY_NO_SENDERS && door.asked)
		door_port_drop(STEAL_PTR(door.asked));
}

/* Of an author's own routine: who may neither read nor write has nothing to ask. */
static bool
is_for_author(uint32_t id)
{
	return !wire_interface_find(&io_interface, id) && !wire_interface_find(&fs_interface, id);
}

static bool
may_ask(const struct port_message *message)
{
	return door.asked->is.rights & (TRANS_RIGHT_READ | TRANS_RIGHT_WRITE) ||
	    message->sender_task == 0 || !is_for_author(message->id);
}

/* See door.h. */
void
door_serve(struct port_message *message)
{
	door_port_begin();
	door.asked = door_port_find(message->local);
	if (!door.asked) {
		port_message_destroy(message);
		return;
	}
	if (may_ask(message)) {
		port_serve_one(&door.service, message);
	} else {
		port_reply_send(message, -EBADF, "this right is not for that", NULL);
		port_message_destroy(message);
	}
	door.asked = NULL;
}

static void
resume(struct door_call *call)
{
	struct trans_req *req;
	int err = door_begin_call(call, &req);

	if (err < 0)
		door_call_fail(call, err);
	else
		list_link_tail(&door.begun, &call->link);
}

static void
send_answered(struct door_call *call)
{
	if (call->error < 0 || call->takes != DOOR_TAKES_TARGET) {
		answer(call, call->error, call->data, call->size);
		return;
	}
	door_way_target(call, call->data, call->size);
	free(STEAL_PTR(call->data));
	if (call->error < 0)
		door_call_fail(call, call->error);
	else
		resume(call);
}

static bool
run_begun(void)
{
	struct door_call *call;

	if (list_is_empty(&door.begun))
		return false;
	call = LIST_ENTRY(door.begun.next, struct door_call, link);
	list_unlink(&call->link);
	standin_serving(call->req->unique);
	call->req->run(call->req);
	return true;
}

/* See door.h. */
bool
door_run(void)
{
	struct door_call *call;
	bool any = false;

	do {
		while ((call = take_answered())) {
			send_answered(call);
			any = true;
		}
		any |= run_begun();
	} while (!list_is_empty(&door.begun));
	return any;
}

/* Covers -------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* See door.h. */
int
door_covers(struct rpc_request *request, struct fsys_covers_in *in)
{
	size_t n = in->ids.size / sizeof(*door.covers);
	uint64_t *covers = malloc(in->ids.size + 1);

	(void)request;
	if (!covers)
		return -ENOMEM;
	if (n)
		memcpy(covers, in->ids.data, n * sizeof(*covers));
	qsort(covers, n, sizeof(*covers), compare);
	free(door.covers);
	door.covers = covers;
	door.n_covers = n;
	return 0;
}

/* See door-call.h. */
bool
door_is_covered(uint64_t id)
{
	return door.n_covers &&
	    bsearch(&id, door.covers, door.n_covers, sizeof(id), compare) != NULL;
}

/* Beginning and end ----------------------------------------------------------------------- */

/* See door.h. */
int
door_open(void)
{
	size_t n = translator.ops.tables ? translator.ops.n_tables : 0;
	struct port_table *tables = calloc(N_TABLES + n, sizeof(*tables));

	if (!tables)
		return -ENOMEM;
	tables[TABLE_IO] = (struct port_table)PORT_TABLE(io, &door_io, NULL);
	tables[TABLE_FS] = (struct port_table)PORT_TABLE(fs, &door_fs, NULL);
	for (size_t i = 0; i < n; i++)
		tables[N_TABLES + i] = translator.ops.tables[i];
	door.service = (struct port_service){
		.tables = tables, .n_tables = N_TABLES + n, .notify = on_notification,
	};
	return 0;
}

/* See door.h. */
void
door_close(void)
{
	struct door_call *call;

	while ((call = take_answered()))
		door_call_free(call);
	LIST_FOR_EACH(at, next, &door.begun)
		door_call_free(LIST_ENTRY(at, struct door_call, link));
	door_port_close();
	free((void *)(uintptr_t)door.service.tables);
	door.service = (struct port_service){ .tables = NULL };
	free(STEAL_PTR(door.covers));
	door.n_covers = 0;
}

bool
door_is_quiet(void)
{
	return door.n_calls == 0;
}

bool
door_is_held(void)
{
	return !door_port_is_none();
}
