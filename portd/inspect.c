/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect: what there is, told to somebody who looks.
 *
 * A snapshot is taken between two requests, of everything at once, so that its sums
 * agree: what a port counts is found in a table, in a message, in a registration or
 * with portd itself. It goes into a memory file that is the asker's alone. */
#include "portd/inspect.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "portd/connection.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/set.h"
#include "portd/space.h"
#include "portd/task.h"
#include "portd/trace.h"
#include "wire/inspect.h"
#include "wire/messages.h"

/* Tables ---------------------------------------------------------------------- */

struct rows {
	char *data;
	size_t n, room;
	size_t size;		/* of one */
};

struct snapshot {
	struct rows rows[INSPECT_TABLES];
	struct inspect_head head;
	bool failed;		/* no memory */
};

#define AUTO_SNAPSHOT __attribute__((cleanup(snapshot_deinit)))

static void
snapshot_init(struct snapshot *snapshot)
{
	*snapshot = (struct snapshot){ 0 };
	for (enum inspect_table i = 0; i < INSPECT_TABLES; i++)
		snapshot->rows[i].size = inspect_record_size(i);
}

static void
snapshot_deinit(struct snapshot *snapshot)
{
	for (int i = 0; i < INSPECT_TABLES; i++)
		free(snapshot->rows[i].data);
}

static void
add(struct snapshot *snapshot, enum inspect_table table, const void *row)
{
	struct rows *rows = &snapshot->rows[table];

	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		char *data = reallocarray(rows->data, room, rows->size);

		if (!data) {
			snapshot->failed = true;
			return;
		}
		rows->data = data;
		rows->room = room;
	}
	memcpy(rows->data + rows->n++ * rows->size, row, rows->size);
}

/* What there is --------------------------------------------------------------- */

/* What a right is to who looks. */
uint32_t
inspect_kind(const struct right *right)
{
	if (right->kind == RIGHT_NULL)
		return INSPECT_NULL;
	if (!right_is_live(right))
		return INSPECT_DEAD;
	if (right->kind == RIGHT_SEND)
		return INSPECT_SEND;
	return right->kind == RIGHT_SEND_ONCE ? INSPECT_SEND_ONCE : INSPECT_RECEIVE;
}

static void
add_right(struct snapshot *snapshot, const struct right *right, enum inspect_holder holder,
    uint64_t owner)
{
	const struct inspect_right row = {
		.port = right_is_live(right) ? right->port->number : 0,
		.owner = owner,
		.holder = holder,
		.kind = inspect_kind(right),
	};

	if (right->kind != RIGHT_NULL)
		add(snapshot, INSPECT_RIGHTS, &row);
}

static void
add_message(struct snapshot *snapshot, const struct message *message,
    enum inspect_message_state state)
{
	const struct inspect_message row = {
		.number = message->number,
		.port = right_is_live(&message->dest) ? message->dest.port->number : 0,
		.state = state,
		.id = message->id,
		.task = message->task,
		.pid = message->pid,
		.bytes = (uint32_t)message->body.size,
		.fds = message->body.fds.n,
	};

	add(snapshot, INSPECT_MESSAGES, &row);
	add_right(snapshot, &message->dest, INSPECT_DESTINATION, row.number);
	add_right(snapshot, &message->reply, INSPECT_REPLY, row.number);
	for (size_t i = 0; i < message->n_rights; i++)
		add_right(snapshot, &message->rights[i], INSPECT_BODY, row.number);
}

static void
add_entry(struct snapshot *snapshot, const struct entry *entry)
{
	uint32_t task = entry->space->task->id;
	const struct inspect_entry row = {
		.task = task,
		.name = entry->name,
		.type = right_entry_type(entry),
		.urefs = entry->urefs,
		.port = entry->port ? entry->port->number : 0,
	};

	add(snapshot, INSPECT_ENTRIES, &row);
	add_right(snapshot, &entry->dead_name, INSPECT_DEAD_NAME, (uint64_t)task << 32 | row.name);
	add_right(snapshot, &entry->send_possible, INSPECT_SEND_POSSIBLE,
	    (uint64_t)task << 32 | row.name);
}

static void
add_wait(struct snapshot *snapshot, const struct connection *connection)
{
	const struct transfer *transfer = &connection->transfer;
	const struct entry *entry = NULL;
	struct inspect_wait row = { .task = connection->task->id };

	if (connection->waiting == WAITING_TO_SEND) {
		row.kind = INSPECT_WAITS_TO_SEND;
		row.limited = (transfer->options & PORT_MSG_SEND_TIMEOUT) != 0;
		row.port = connection->message->dest.port->number;
		row.message = connection->message->number;
		add_message(snapshot, connection->message, INSPECT_BLOCKED);
	} else {
		entry = space_lookup(&connection->task->space, transfer->rcv_name);
		row.kind = INSPECT_WAITS_TO_RECEIVE;
		row.name = transfer->rcv_name;
		row.limited = (transfer->options & PORT_MSG_RCV_TIMEOUT) != 0;
		row.port = entry && entry->port ? entry->port->number : 0;
	}
	add(snapshot, INSPECT_WAITS, &row);
}

static void
add_waits(struct snapshot *snapshot, const struct task *task)
{
	LIST_FOR_EACH(link, next, &task->connections) {
		const struct connection *connection = LIST_ENTRY(link, struct connection, link);

		if (connection->waiting == WAITING_TO_SEND ||
		    connection->waiting == WAITING_TO_RECEIVE)
			add_wait(snapshot, connection);
	}
}

static void
add_task(struct snapshot *snapshot, const struct task *task)
{
	struct inspect_task row = {
		.id = task->id,
		.pid = task->pid,
		.port = task->port ? task->port->number : 0,
		.bytes = task->account->used[ACCOUNT_BYTES],
		.fds = task->account->used[ACCOUNT_DESCRIPTORS],
		.messages = task->account->used[ACCOUNT_MESSAGES],
		.names = task->space.n_entries,
		.receives = task->space.n_receives,
		.started = !task->by_itself,
	};

	memcpy(row.program, task->program, sizeof(row.program));
	memcpy(row.node, task->node, sizeof(row.node));
	LIST_FOR_EACH(link, next, &task->connections)
		row.threads += LIST_ENTRY(link, struct connection, link)->in_use;
	add(snapshot, INSPECT_TASKS, &row);
	LIST_FOR_EACH(link, next, &task->space.entries)
		add_entry(snapshot, LIST_ENTRY(link, struct entry, link));
	add_waits(snapshot, task);
}

/* Where its receive right is. */
static void
place(const struct port *port, struct inspect_port *row)
{
	row->place = INSPECT_WITH_PORTD;
	if (port->holder) {
		row->place = INSPECT_IN_SPACE;
		row->task = port->holder->space->task->id;
		row->name = port->holder->name;
	} else if (port->carrier) {
		row->place = INSPECT_IN_MESSAGE;
		row->message = port->carrier->number;
	}
}

static uint32_t
flags_of(const struct port *port)
{
	return (port->guarded ? INSPECT_PORT_GUARDED : 0u) |
	    (port->strict ? INSPECT_PORT_STRICT : 0u) |
	    (port->reply_only ? INSPECT_PORT_REPLY : 0u) |
	    (port->has_payload ? INSPECT_PORT_PAYLOAD : 0u);
}

static void
add_port(struct snapshot *snapshot, const struct port *port)
{
	struct inspect_port row = {
		.number = port->number,
		.flags = flags_of(port),
		.set = port->set ? port->set->holder->name : PORT_NULL,
		.srights = port->srights,
		.sorights = port->sorights,
		.lent_sends = port->lent_sends,
		.lent_onces = port->lent_onces,
		.mscount = port->mscount,
		.seqno = port->seqno,
		.qlimit = port->qlimit,
		.msgcount = port->msgcount,
	};

	place(port, &row);
	add(snapshot, INSPECT_PORTS, &row);
	add_right(snapshot, &port->no_senders, INSPECT_NO_SENDERS, row.number);
	add_right(snapshot, &port->port_destroyed, INSPECT_PORT_DESTROYED, row.number);
	LIST_FOR_EACH(link, next, &port->queue)
		add_message(snapshot, LIST_ENTRY(link, struct message, link), INSPECT_QUEUED);
}

/* In no queue, and with no sender any more. */
static bool
is_received(const struct message *message)
{
	return !list_is_linked(&message->link) && message->dest.kind == RIGHT_NULL;
}

static void
add_world(struct snapshot *snapshot, const struct world *world)
{
	LIST_FOR_EACH(link, next, &world->tasks)
		add_task(snapshot, LIST_ENTRY(link, struct task, link));
	LIST_FOR_EACH(link, next, &world->ports)
		add_port(snapshot, LIST_ENTRY(link, struct port, link));
	LIST_FOR_EACH(link, next, &world->messages) {
		const struct message *message = LIST_ENTRY(link, struct message, world);

		if (is_received(message))
			add_message(snapshot, message, INSPECT_RECEIVED);
	}
	add_right(snapshot, &world->bootstrap, INSPECT_BOOTSTRAP, 0);
}

/* The file ---------------------------------------------------------------------- */

/* Says where each table will be. Returns the bytes of all. */
static uint64_t
lay_out(struct snapshot *snapshot)
{
	uint64_t at = sizeof(snapshot->head);

	snapshot->head.magic = INSPECT_MAGIC;
	snapshot->head.tables = INSPECT_TABLES;
	for (int i = 0; i < INSPECT_TABLES; i++) {
		const struct rows *rows = &snapshot->rows[i];

		snapshot->head.table[i] = (struct inspect_extent){
			.offset = at, .n = (uint32_t)rows->n, .size = (uint32_t)rows->size,
		};
		at += rows->n * rows->size;
	}
	return at;
}

/* A memory file with all of it, or -errno. */
static int
write_out(struct snapshot *snapshot, uint64_t *bytesp)
{
	uint64_t bytes = lay_out(snapshot);
	AUTO_CLOSE int fd = sys_memfd("hird-snapshot", bytes);
	int err = fd < 0 ? fd : sys_write_all(fd, &snapshot->head, sizeof(snapshot->head));

	for (int i = 0; i < INSPECT_TABLES && !err; i++) {
		const struct rows *rows = &snapshot->rows[i];

		if (rows->n > 0)
			err = sys_write_all(fd, rows->data, rows->n * rows->size);
	}
	if (err)
		return err;
	*bytesp = bytes;
	return fd_steal(&fd);
}

/* The routines --------------------------------------------------------------------- */

/* An answer so far; NULL: no memory. */
static struct message *
answer_to(const struct message *request, int code)
{
	struct message *answer = message_new(request->id + RPC_REPLY_OFFSET);

	if (!answer)
		return NULL;
	wire_put_i32(&answer->body, code);
	wire_put_str(&answer->body, code == -EBADMSG ? "not a request" : "");
	return answer;
}

static struct message *
answer_world(struct world *world, struct message *request)
{
	struct inspect_world_out out = { .snapshot = -1 };
	AUTO_SNAPSHOT struct snapshot snapshot;
	struct message *answer;

	snapshot_init(&snapshot);
	add_world(&snapshot, world);
	if (!snapshot.failed)
		out.snapshot = write_out(&snapshot, &out.bytes);
	if (out.snapshot < 0)
		return answer_to(request, PORT_E_RESOURCE_SHORTAGE);
	answer = answer_to(request, 0);
	if (answer)
		inspect_world_out_put(&answer->body, &out);	/* eats the descriptor */
	else
		fd_close(&out.snapshot);
	return answer;
}

static struct message *
answer_trace(struct world *world, struct message *request)
{
	struct inspect_trace_out out = { 0 };
	struct inspect_trace_in in;
	struct wire_port port;
	struct right right = { RIGHT_NULL, NULL };
	struct message *answer;
	int code = inspect_trace_in_get(&request->body, &in);

	if (!code)
		code = trace_new(world, request->task, &in, &right);
	answer = answer_to(request, code);
	if (!answer && !code)
		right_release(right);
	if (!answer || code)
		return answer;
	port = message_add_right(answer, right);	/* eats right */
	out.trace = (struct wire_send){ port.name, port.disposition };
	inspect_trace_out_put(&answer->body, &out);
	return answer;
}

/* Serves what it knows. */
bool
inspect_serve(struct world *world, struct message *request)
{
	struct right reply;
	struct message *answer;

	if (request->id != ROUTINE_inspect_world && request->id != ROUTINE_inspect_trace)
		return false;
	reply = message_take_reply(request);
	if (request->id == ROUTINE_inspect_trace)
		answer = answer_trace(world, request);
	else
		answer = answer_world(world, request);
	message_send(reply, answer, (struct right){ RIGHT_NULL, NULL });	/* eats both */
	return true;
}
