/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: events of messages, written down for whoever asked for them.
 *
 * A trace is a port of portd's own, to which the tracer has a send right; it ends
 * with that right. An event is a copy of what portd knows of a message, put
 * into a buffer with a limit: a tracer that does not keep up loses events, and is told
 * how many, while those it looks at notice nothing. What is said to a trace, and
 * what it answers, is in no trace, so that they do not feed on themselves. */
#include "portd/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "portd/inspect.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/space.h"
#include "portd/task.h"
#include "wire/inspect.h"
#include "wire/messages.h"

enum {
	TRACES_MAX = 16,
	EVENTS_MAX = 4 << 20,		/* bytes that wait for a tracer */
	ANSWER_MAX = 64 * 1024,		/* bytes of events in one answer */
	GATHER_MS = 1,			/* an answer waits so long for more events */
	ANCESTORS_MAX = 64,
	REPLIES_MAX = 4096,		/* answers that a trace of a port looks out for */
};

struct trace {
	struct list link;		/* in the world */
	struct world *world;
	struct port *port;
	uint32_t tracer;		/* its task: not shown */
	bool all;
	bool follow;
	pid_t pid;			/* 0: none */
	uint64_t watched;		/* a port's number, or 0 */
	char node[INSPECT_NODE_MAX];
	size_t bytes;			/* of a body that are kept */
	struct map tasks;		/* shown, by id; any value */
	struct map replies;		/* ports on which an answer is awaited; any value */

	uint8_t *events;
	size_t at, end, room;		/* those from at to end are unread */
	uint64_t lost;
	struct right reader;		/* of who waits for events, or NULL */
	uint32_t reader_id;
	uv_timer_t timer;
};

static const struct right no_right = { RIGHT_NULL, NULL };

/* Answers ------------------------------------------------------------------------ */

/* The end of the last event that one answer can hold. */
static size_t
find_end(const struct trace *trace)
{
	size_t at = trace->at;

	while (at < trace->end) {
		struct inspect_event event;

		memcpy(&event, trace->events + at, sizeof(event));
		if (at + event.size - trace->at > ANSWER_MAX)
			break;
		at += event.size;
	}
	return at;
}

static void
put_answer(struct trace *trace, struct wire_buf *body)
{
	size_t end = find_end(trace);
	const struct inspect_read_out out = {
		.events = { trace->events + trace->at, end - trace->at },
		.lost = trace->lost,
	};

	wire_put_i32(body, 0);
	wire_put_str(body, "");
	inspect_read_out_put(body, &out);
	if (body->error)
		return;
	trace->lost = 0;
	trace->at = end;
	if (trace->at == trace->end)
		trace->at = trace->end = 0;
}

/* Tells the reader what there is. */
static void
answer(struct trace *trace)
{
	struct message *message = message_new(ROUTINE_inspect_read + RPC_REPLY_OFFSET);
	struct right reader = trace->reader;

	trace->reader = no_right;
	if (message)
		put_answer(trace, &message->body);
	message_send(reader, message, no_right);	/* eats both */
}

static void
answer_error(struct message *request, int code)
{
	struct message *message = message_new(request->id + RPC_REPLY_OFFSET);

	if (message) {
		wire_put_i32(&message->body, code);
		wire_put_str(&message->body, "");
	}
	message_send(message_take_reply(request), message, no_right);	/* eats both */
}

static void
on_time(uv_timer_t *timer)
{
	struct trace *trace = timer->data;
	struct world *world = trace->world;

	core_enter(world);
	if (trace->reader.kind != RIGHT_NULL)
		answer(trace);
	core_leave(world);
}

static void
wake_reader(struct trace *trace)
{
	if (trace->reader.kind != RIGHT_NULL && !uv_is_active((uv_handle_t *)&trace->timer))
		uv_timer_start(&trace->timer, on_time, GATHER_MS, 0);
}

/* Events --------------------------------------------------------------------------- */

/* Room for one more, or NULL: it is lost. */
static uint8_t *
find_room(struct trace *trace, size_t size)
{
	if (trace->at > 0 && trace->end + size > trace->room) {
		memmove(trace->events, trace->events + trace->at, trace->end - trace->at);
		trace->end -= trace->at;
		trace->at = 0;
	}
	if (trace->end + size > trace->room) {
		size_t room = trace->room ? 2 * trace->room : ANSWER_MAX;
		uint8_t *events = room <= EVENTS_MAX ? realloc(trace->events, room) : NULL;

		if (!events) {
			trace->lost++;
			return NULL;
		}
		trace->events = events;
		trace->room = room;
	}
	return trace->events + trace->end;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const struct task *
receiver_of(const struct port *port)
{
	return port && port->holder ? port->holder->space->task : NULL;
}

static struct inspect_event
describe(const struct message *message, enum inspect_event_kind kind)
{
	const struct port *port = message->dest.port;
	const struct task *receiver = receiver_of(port);

	return (struct inspect_event){
		.kind = kind,
		.when_ns = now_ns(),
		.message = message->number,
		.port = port ? port->number : 0,
		.sender = message->task,
		.sender_pid = message->pid,
		.receiver = receiver ? receiver->id : 0,
		.receiver_pid = receiver ? receiver->pid : port && port->deliver ? getpid() : 0,
		.id = message->id,
		.dest_kind = inspect_kind(&message->dest),
		.reply_port = message->reply.port ? message->reply.port->number : 0,
		.reply_kind = message->reply.kind == RIGHT_NULL ? 0 : inspect_kind(&message->reply),
		.bytes = (uint32_t)message->body.size,
		.rights = (uint32_t)message->body.n_ports,
		.fds = message->body.fds.n,
	};
}

/* One element beside a body. */
static struct inspect_event_right
describe_item(const struct message *message, const struct wire_port *item)
{
	const struct right *right;

	switch (item->disposition & (uint32_t)WIRE_ITEM_MASK) {
	case WIRE_ITEM_PORT:
		break;
	case WIRE_ITEM_PORTS:
		return (struct inspect_event_right){ item->name, INSPECT_ARRAY, 0 };
	default:
		return (struct inspect_event_right){ item->name, INSPECT_MEMORY, 0 };
	}
	if (item->name == PORT_DEAD)
		return (struct inspect_event_right){ 0, INSPECT_DEAD, 0 };
	if (item->name == PORT_NULL || item->name > message->n_rights)
		return (struct inspect_event_right){ 0, INSPECT_NULL, 0 };
	right = &message->rights[item->name - 1];
	return (struct inspect_event_right){
		right->port ? right->port->number : 0, inspect_kind(right), 0
	};
}

/* All of them, in their order. */
static uint32_t
copy_rights(const struct message *message, uint8_t *to)
{
	uint32_t n = 0;

	for (; n < message->body.n_ports && n < INSPECT_TRACE_RIGHTS_MAX; n++) {
		struct inspect_event_right row = describe_item(message, &message->body.ports[n]);

		memcpy(to + n * sizeof(row), &row, sizeof(row));
	}
	return n;
}

/* Writes an event down; the message is NULL when there is none. */
static void
record(struct trace *trace, struct inspect_event event, const struct message *message)
{
	enum { RIGHTS_ROOM = INSPECT_TRACE_RIGHTS_MAX * sizeof(struct inspect_event_right) };
	uint8_t rights[RIGHTS_ROOM];
	size_t size, rights_size;
	uint8_t *to;

	if (message && event.kind == INSPECT_EVENT_SENT) {
		event.rights_shown = copy_rights(message, rights);
		event.bytes_shown =
		    event.bytes < trace->bytes ? event.bytes : (uint32_t)trace->bytes;
	}
	rights_size = event.rights_shown * sizeof(struct inspect_event_right);
	size = (sizeof(event) + rights_size + event.bytes_shown + 7) & ~(size_t)7;
	event.size = (uint32_t)size;
	to = find_room(trace, size);
	if (to) {
		memset(to + size - 8, 0, 8);
		memcpy(to, &event, sizeof(event));
		memcpy(to + sizeof(event), rights, rights_size);
		if (event.bytes_shown > 0)
			memcpy(to + sizeof(event) + rights_size, message->body.data,
			    event.bytes_shown);
		trace->end += size;
	}
	wake_reader(trace);
}

/* Which messages --------------------------------------------------------------------- */

static void deliver(struct port *port, struct message *message, void *arg);

/* What goes to a trace, and what comes from one. */
static bool
is_of_trace(const struct inspect_event *event, const struct port *port)
{
	return (port && port->deliver == deliver) ||
	    (event->sender == 0 && event->id == ROUTINE_inspect_read + RPC_REPLY_OFFSET);
}

static bool
shows_task(const struct trace *trace, uint32_t id)
{
	return id != 0 && map_get(&trace->tasks, id);
}

/* A request to the port that is watched, and the answer to one. */
static bool
is_of_watched(struct trace *trace, const struct inspect_event *event)
{
	if (event->port != 0 && event->port == trace->watched) {
		if (event->kind == INSPECT_EVENT_SENT && event->reply_port != 0 &&
		    trace->replies.n_values < REPLIES_MAX)
			map_put(&trace->replies, event->reply_port, trace);
		return true;
	}
	if (event->kind == INSPECT_EVENT_RECEIVED)
		return map_remove(&trace->replies, event->port) != NULL;
	return map_get(&trace->replies, event->port) != NULL;
}

static bool
shows(struct trace *trace, const struct inspect_event *event)
{
	if (event->sender == trace->tracer || event->receiver == trace->tracer)
		return false;
	if (trace->all || shows_task(trace, event->sender) || shows_task(trace, event->receiver))
		return true;
	return trace->watched != 0 && is_of_watched(trace, event);
}

static void
tell_all(const struct world *world, const struct inspect_event *event, const struct port *port,
    const struct message *message)
{
	if (is_of_trace(event, port))
		return;
	LIST_FOR_EACH(link, next, &world->traces) {
		struct trace *trace = LIST_ENTRY(link, struct trace, link);

		if (shows(trace, event))
			record(trace, *event, message);
	}
}

static void
tell_message(const struct message *message, enum inspect_event_kind kind, uint32_t seqno)
{
	const struct port *port = message->dest.port;
	struct inspect_event event = describe(message, kind);

	event.seqno = seqno;
	tell_all(port->world, &event, port, message);
}

/* A message is in its queue now. */
void
trace_sent(const struct message *message)
{
	tell_message(message, INSPECT_EVENT_SENT, 0);
}

/* A receiver takes it. */
void
trace_received(const struct message *message, uint32_t seqno)
{
	tell_message(message, INSPECT_EVENT_RECEIVED, seqno);
}

/* It was in a queue, and goes with its port. */
void
trace_destroyed(const struct message *message)
{
	tell_message(message, INSPECT_EVENT_DESTROYED, 0);
}

/* A send that failed: what it would have been. */
void
trace_refused(const struct task *task, uint32_t id, size_t bytes, int code)
{
	const struct inspect_event event = {
		.kind = INSPECT_EVENT_REFUSED,
		.when_ns = now_ns(),
		.sender = task->id,
		.sender_pid = task->pid,
		.id = id,
		.code = code,
		.bytes = (uint32_t)bytes,
	};

	tell_all(task->world, &event, NULL, NULL);
}

/* Which tasks ----------------------------------------------------------------------- */

/* The parent of a process; 0: it cannot be told. */
static pid_t
parent_of(pid_t pid)
{
	char path[32], line[512], *end;
	FILE *file;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The second field may hold anything; it ends with the last parenthesis. */
	if (fgets(line, sizeof(line), file)) {
		end = strrchr(line, ')');
		if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

static bool
is_descendant(pid_t pid, pid_t ancestor)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		pid = parent_of(pid);
		if (pid == ancestor)
			return true;
	}
	return false;
}

static bool
wants(const struct trace *trace, const struct task *task)
{
	if (trace->node[0] && strcmp(trace->node, task->node) == 0)
		return true;
	if (trace->pid == 0 || task->pid == 0)
		return false;
	return task->pid == trace->pid || (trace->follow && is_descendant(task->pid, trace->pid));
}

/* From now on its messages are shown to those who asked for it. */
void
trace_greet(const struct task *task)
{
	LIST_FOR_EACH(link, next, &task->world->traces) {
		struct trace *trace = LIST_ENTRY(link, struct trace, link);

		if (wants(trace, task))
			map_put(&trace->tasks, task->id, trace);
	}
}

/* Beginning and end ------------------------------------------------------------------- */

static void
timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
trace_free(struct trace *trace)
{
	struct right reader = trace->reader;

	trace->reader = no_right;
	right_release(reader);
	list_unlink(&trace->link);
	port_kill(trace->port);
	map_deinit(&trace->tasks);
	map_deinit(&trace->replies);
	free(trace->events);
	uv_close((uv_handle_t *)&trace->timer, timer_closed);
}

/* What the tracer says, and that it has gone. */
static void
deliver(struct port *port, struct message *message, void *arg)
{
	struct trace *trace = arg;

	(void)port;
	if (message->id == PORT_NOTIFY_NO_SENDERS && message->task == 0) {
		trace_free(trace);
	} else if (message->id != ROUTINE_inspect_read) {
		answer_error(message, PORT_E_RPC_BAD_ID);
	} else if (right_is_live(&trace->reader)) {
		answer_error(message, -EBUSY);
	} else {
		right_release(trace->reader);
		trace->reader = message_take_reply(message);
		if (trace->at < trace->end || trace->lost > 0)
			wake_reader(trace);
	}
	message_free(message);
}

static void
set_up(struct trace *trace, const struct inspect_trace_in *in)
{
	trace->follow = in->flags & INSPECT_TRACE_FOLLOW;
	trace->pid = (pid_t)in->pid;
	trace->watched = in->port;
	snprintf(trace->node, sizeof(trace->node), "%s", in->node);
	trace->all = !in->pid && !in->task && !in->port && !in->node[0];
	trace->bytes = in->bytes < INSPECT_TRACE_BYTES_MAX ? in->bytes : INSPECT_TRACE_BYTES_MAX;
	if (in->task)
		map_put(&trace->tasks, in->task, trace);
	LIST_FOR_EACH(link, next, &trace->world->tasks) {
		const struct task *task = LIST_ENTRY(link, struct task, link);

		if (wants(trace, task))
			map_put(&trace->tasks, task->id, trace);
	}
}

static uint32_t
count_traces(const struct world *world)
{
	uint32_t n = 0;

	LIST_FOR_EACH(link, next, &world->traces)
		n++;
	return n;
}

/* Begins one. */
int
trace_new(struct world *world, uint32_t tracer, const struct inspect_trace_in *in,
    struct right *rightp)
{
	struct trace *trace = count_traces(world) < TRACES_MAX ? calloc(1, sizeof(*trace)) : NULL;

	if (!trace)
		return PORT_E_RESOURCE_SHORTAGE;
	trace->port = port_new_kernel(world, deliver, trace);
	if (!trace->port) {
		free(trace);
		return PORT_E_RESOURCE_SHORTAGE;
	}
	trace->world = world;
	trace->tracer = tracer;
	uv_timer_init(world->loop, &trace->timer);
	trace->timer.data = trace;
	set_up(trace, in);
	list_link_tail(&world->traces, &trace->link);
	*rightp = right_make_send(trace->port);
	port_arm_no_senders(trace->port, 0);
	return 0;
}

/* Those of whoever waits. */
void
trace_each_reader(const struct world *world, void (*each)(const struct right *, void *), void *arg)
{
	LIST_FOR_EACH(link, next, &world->traces) {
		const struct trace *trace = LIST_ENTRY(link, struct trace, link);

		if (trace->reader.kind != RIGHT_NULL)
			each(&trace->reader, arg);
	}
}

/* Ends what there is. */
void
trace_end_all(struct world *world)
{
	LIST_FOR_EACH(link, next, &world->traces)
		trace_free(LIST_ENTRY(link, struct trace, link));
}
