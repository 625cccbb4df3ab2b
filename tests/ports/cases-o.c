/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-o: what those see who look, and that nobody notices it.
 *
 * V looks: with the routines that portinfo and rpctrace are made of. That everything else
 * passes under a trace, too (O03), is a mode of the suite. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "port/stubs.h"
#include "tests/ports/suite.h"
#include "wire/inspect.h"

enum { ASK_MS = 20000, SNAPSHOT_MAX = 4 << 20 };

/* Snapshots -------------------------------------------------------------------------------------- */

/* One that everybody sees. */
static struct view {
	uint64_t size;
	union {
		struct inspect_head head;
		char data[SNAPSHOT_MAX];
	};
} *view;

/* In V. */
static long
take_view(void *arg)
{
	struct view *to = *(struct view **)arg;
	struct inspect_world_in in = { 0 };
	struct inspect_world_out out = { .snapshot = -1 };
	struct port_reply reply;
	int err = inspect_world_call(port_bootstrap(), &in, &out, &reply, ASK_MS);
	ssize_t n;

	port_reply_deinit(&reply);
	if (err)
		return err;
	YES(out.bytes <= SNAPSHOT_MAX);
	n = pread(out.snapshot, to->data, out.bytes, 0);
	close(out.snapshot);
	to->size = out.bytes;
	return n == (ssize_t)out.bytes ? 0 : -EIO;
}

static void
look(void)
{
	if (!view)
		view = shared(sizeof(*view));
	OK(run(V, take_view, &view, sizeof(view)));
	IS(view->head.magic, INSPECT_MAGIC);
	IS(view->head.tables, INSPECT_TABLES);
}

static uint32_t
rows(enum inspect_table table)
{
	return view->head.table[table].n;
}

static const void *
row(enum inspect_table table, uint32_t i)
{
	const struct inspect_extent *extent = &view->head.table[table];
	uint64_t at = extent->offset + (uint64_t)i * extent->size;

	YES(at + extent->size <= view->size);
	return view->data + at;
}

#define EACH(table, type, one) \
	(uint32_t one##_i = 0; one##_i < rows(table); one##_i++) \
		for (const struct inspect_##type *one = row(table, one##_i); one; one = NULL)

static const struct inspect_entry *
find_entry(struct task *task, port_name_t name)
{
	for EACH(INSPECT_ENTRIES, entry, entry)
		if (entry->task == id_of(task) && entry->name == name)
			return entry;
	return NULL;
}

static const struct inspect_port *
find_port(uint64_t number)
{
	for EACH(INSPECT_PORTS, port, port)
		if (port->number == number)
			return port;
	return NULL;
}

static const struct inspect_message *
find_message(uint64_t number)
{
	for EACH(INSPECT_MESSAGES, message, message)
		if (message->number == number)
			return message;
	return NULL;
}

/* The n-th that is queued on a port. */
static const struct inspect_message *
queued_message(uint64_t port, uint32_t n)
{
	for EACH(INSPECT_MESSAGES, message, message)
		if (message->port == port && message->state == INSPECT_QUEUED && n-- == 0)
			return message;
	return NULL;
}

static uint32_t
count_rights(uint64_t port, enum inspect_holder holder, enum inspect_kind kind)
{
	uint32_t n = 0;

	for EACH(INSPECT_RIGHTS, right, right)
		n += right->port == port && (!holder || right->holder == holder) &&
		    right->kind == kind;
	return n;
}

/* A task with one of everything: sorts of names, requests, members. */
static void
furnish(struct task *c, struct task *other)
{
	port_name_t r = new_port(c), rs = new_port_rs(c), theirs = new_port(other),
		    s = give(other, theirs, KS, c), p = new_port(other), q = give(other, p, KS, c),
		    set = new_set(c), notify = new_port(c);
	struct letter l = letter(q, CS, 1);

	OK(mod_refs(c, rs, SEND, 1));
	OK(mod_refs(c, s, SEND, 2));
	give(other, theirs, KSO, c);
	new_dead_name(c, 3);
	OK(move_member(c, r, set));
	ask(c, s, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(c, rs, PORT_NOTIFY_NO_SENDERS, 0, notify);
	ask(c, q, PORT_NOTIFY_SEND_POSSIBLE, 0, notify);
	OK(set_qlimit(other, p, 0));
	l.options |= PORT_MSG_SEND_NOTIFY;
	IS(exchange(c, &l, NULL), PORT_E_SEND_TIMED_OUT);
	ENTRY(c, r, "R");
	ENTRY(c, rs, "RS2");
	ENTRY(c, s, "S3");
}

static void
compare_space(struct task *task)
{
	size_t n, n_seen = 0;
	struct port_entry *entries = names(task, &n);

	for EACH(INSPECT_ENTRIES, entry, seen)
		n_seen += seen->task == id_of(task);
	IS(n_seen, n);
	for (size_t i = 0; i < n; i++) {
		port_name_t name = entries[i].name;
		uint32_t type = entries[i].type;
		const struct inspect_entry *seen = find_entry(task, name);

		YES(seen != NULL);
		IS(seen->type, type);
		if (type & TYPE_SEND)
			IS(seen->urefs, refs(task, name, SEND));
		if (type & TYPE_SEND_ONCE)
			IS(seen->urefs, refs(task, name, SEND_ONCE));
		if (type & TYPE_DEAD_NAME)
			IS(seen->urefs, refs(task, name, DEAD_NAME));
		IS(seen->port == 0, (type & (TYPE_DEAD_NAME | TYPE_PORT_SET)) != 0);
	}
	free(entries);
}

CASE(O01, CASE_PRIVATE, "portinfo = names + types + urefs identical to names(), get_refs()")
{
	bool found[2] = { false, false };

	furnish(T, U);
	furnish(U, T);
	look();
	compare_space(T);
	compare_space(U);
	for EACH(INSPECT_TASKS, task, task) {
		struct task *tasks[] = { T, U };

		for (int i = 0; i < 2; i++)
			if (task->id == id_of(tasks[i])) {
				found[i] = true;
				IS(task->pid, pid_of(tasks[i]));
				IS(task->names, count_names(tasks[i]));
			}
	}
	YES(found[0] && found[1]);
}

CASE(O02, CASE_PRIVATE, "for a port: owner, holders with urefs, queue, rights in flight and where")
{
	port_name_t n = new_port(T), u = give(T, n, KS, U), w = give(T, n, KS, V), q = new_port(U),
		    to = give(U, q, KS, V), moved = new_port(V), m = give(V, moved, KS, U),
		    set = new_set(T);
	const struct inspect_port *port;
	const struct inspect_message *message;
	uint64_t p, carrier;
	uint32_t holders = 0, waits = 0;

	OK(mod_refs(U, u, SEND, 4));
	OK(move_member(T, n, set));
	OK(set_qlimit(T, n, 3));
	for (uint32_t i = 40; i < 43; i++)
		OK(send_plain(U, u, CS, i));
	post_send(U, u, CS, 43);		/* waits */
	OK(send_right(V, to, CS, w, MS));	/* V's only one is on its way */
	OK(send_right(V, to, CS, moved, MR));
	ENTRY(thread_of(U, 1), m, "S1");
	look();
	YES(find_entry(T, n) != NULL);
	p = find_entry(T, n)->port;
	port = find_port(p);
	IS(port->place, INSPECT_IN_SPACE);
	IS(port->task, id_of(T));
	IS(port->name, n);
	IS(port->set, set);
	IS(port->qlimit, 3);
	IS(port->msgcount, 3);
	IS(port->mscount, 2);
	/* U's name, the one in flight, three in the queue and one that waits */
	IS(port->srights, 6);
	IS(port->sorights, 0);
	for EACH(INSPECT_ENTRIES, entry, entry)
		if (entry->port == p) {
			holders++;
			if (entry->task == id_of(U))
				IS(entry->urefs, 5);
			else
				IS(entry->task, id_of(T));
		}
	IS(holders, 2);
	for (uint32_t i = 0; i < 3; i++) {
		message = queued_message(p, i);
		YES(message != NULL);
		IS(message->id, 40 + i);
		IS(message->task, id_of(U));
		IS(message->pid, pid_of(U));
	}
	YES(queued_message(p, 3) == NULL);
	IS(count_rights(p, INSPECT_DESTINATION, INSPECT_SEND), 4);
	IS(count_rights(p, INSPECT_BODY, INSPECT_SEND), 1);
	for EACH(INSPECT_RIGHTS, right, right)
		if (right->port == p && right->holder == INSPECT_BODY) {
			message = find_message(right->owner);
			YES(message != NULL);
			IS(message->port, find_entry(U, q)->port);
			IS(message->task, id_of(V));
		}
	for EACH(INSPECT_WAITS, wait, wait)
		if (wait->port == p) {
			waits++;
			IS(wait->kind, INSPECT_WAITS_TO_SEND);
			IS(wait->task, id_of(U));
			message = find_message(wait->message);
			YES(message != NULL);
			IS(message->id, 43);
			IS(message->state, INSPECT_BLOCKED);
		}
	IS(waits, 1);
	/* And one whose receive right is in flight. */
	port = find_port(find_entry(U, m)->port);
	IS(port->place, INSPECT_IN_MESSAGE);
	carrier = port->message;
	YES(find_message(carrier) != NULL);
	IS(find_message(carrier)->port, find_entry(U, q)->port);
	IS(count_rights(port->number, INSPECT_BODY, INSPECT_RECEIVE), 1);
}

/* Load --------------------------------------------------------------------------------------------------- */

static struct busy {
	_Atomic uint32_t enough;
	_Atomic uint32_t turns;
} *busy;

/* A thread of this kind sends all sorts of rights to the other, and throws away what it gets. */
struct worker {
	struct busy *busy;
	port_name_t mine;		/* it receives here */
	port_name_t other;
};

static void
receive_and_destroy(port_name_t name)
{
	struct port_message message = { 0 };
	int code = api->exchange(NULL, 0, name, &message, 0, 0);

	if (code)
		IS(code, PORT_E_RCV_TIMED_OUT);
	port_message_destroy(&message);
}

static void
send_rights(const struct worker *worker)
{
	static const uint32_t how[] = { MR, KS, KSO };
	struct port_message message = { .remote = worker->other, .remote_disposition = CS };
	port_name_t name;
	uint32_t disposition = how[chance(3)];
	int code;

	OK(api->allocate(PORT_RIGHT_RECEIVE, &name, PORT_NULL));
	if (chance(2))
		OK(api->insert_right(name, name, PORT_MAKE_SEND, PORT_NULL));
	if (chance(2)) {
		message.local = worker->mine;
		message.local_disposition = chance(2) ? KSO : KS;
	}
	wire_put_port(&message.body, (struct wire_port){ worker->other, CS });
	wire_put_port(&message.body, (struct wire_port){ name, disposition });
	code = api->exchange(&message, 0, PORT_NULL, NULL, 0, 0);
	if (code)
		IS(code, PORT_E_SEND_TIMED_OUT);
	/* What came back goes, the destination's right, too. */
	if (code)
		port_message_destroy(&message);
	else
		port_message_deinit(&message);
	api->destroy(name, PORT_NULL);
}

static long
work(void *arg)
{
	const struct worker *worker = arg;

	while (!worker->busy->enough) {
		if (chance(2))
			send_rights(worker);
		else
			receive_and_destroy(worker->mine);
		worker->busy->turns++;
	}
	return 0;
}

static void
start_work(void)
{
	port_name_t t = new_port(T), u = new_port(U);
	struct worker one = { shared(sizeof(*busy)), t, give(U, u, KS, T) };
	struct worker other = { one.busy, u, give(T, t, KS, U) };

	busy = one.busy;
	for (int i = 1; i <= 2; i++) {
		post_run(thread_of(T, i), work, &one, sizeof(one));
		post_run(thread_of(U, i), work, &other, sizeof(other));
	}
	UNTIL(busy->turns > 20);
}

static void
end_work(void)
{
	struct worker worker;

	busy->enough = 1;
	for (int i = 1; i <= 2; i++) {
		OK(fetch_run(thread_of(T, i), &worker, sizeof(worker)));
		OK(fetch_run(thread_of(U, i), &worker, sizeof(worker)));
	}
}

/* All that the snapshot says of a port agrees. */
static void
add_up(const struct inspect_port *port)
{
	uint32_t sends = port->lent_sends, onces = port->lent_onces, receives = 0, messages = 0;

	for EACH(INSPECT_ENTRIES, entry, entry)
		if (entry->port == port->number) {
			sends += (entry->type & TYPE_SEND) != 0;
			onces += (entry->type & TYPE_SEND_ONCE) != 0;
			receives += (entry->type & TYPE_RECEIVE) != 0;
		}
	sends += count_rights(port->number, 0, INSPECT_SEND);
	onces += count_rights(port->number, 0, INSPECT_SEND_ONCE);
	receives += count_rights(port->number, 0, INSPECT_RECEIVE);
	for EACH(INSPECT_MESSAGES, message, message)
		messages += message->port == port->number && message->state == INSPECT_QUEUED;
	IS(sends, port->srights);
	IS(onces, port->sorights);
	IS(messages, port->msgcount);
	IS(receives, port->place != INSPECT_WITH_PORTD);
}

CASE(O07, CASE_PRIVATE | CASE_HEAVY, "snapshot under load: holders' send entries + in flight = srights for every port")
{
	uint32_t in_flight = 0, before;

	start_work();
	for (uint32_t i = 0; i < many(300); i++) {
		before = busy->turns;
		look();
		for EACH(INSPECT_PORTS, port, port)
			add_up(port);
		for EACH(INSPECT_RIGHTS, right, right)
			in_flight += right->holder == INSPECT_BODY;
		UNTIL(busy->turns > before);
	}
	end_work();
	YES(in_flight > 0);
}

CASE(O06, CASE_PRIVATE, "after it all: no ports, names, messages or memory in portd that nobody has")
{
	struct world_count before = world_count(), after;
	struct task *a = new_task(), *b = new_task();
	uint32_t ids[] = { id_of(a), id_of(b) };
	port_name_t in = new_port(a), to = give(a, in, KS, b), n = new_port_rs(b), out = new_port(b),
		    back = give(b, out, KS, a);
	struct item memory = { .type = PORT_DESCRIPTOR_MEMORY, .size = 1 << 20, .seed = 7 };
	struct letter l = letter(to, CS, 1);

	furnish(a, b);
	furnish(b, a);
	l.items = &memory;
	l.n_items = 1;
	l.local = n;
	l.local_disposition = KSO;
	OK(exchange(b, &l, NULL));
	OK(send_right(b, to, CS, n, KS));
	OK(send_right(b, to, CS, n, MR));
	OK(send_right(a, back, CS, new_port(a), MR));
	OK(send_right(b, to, CS, out, KSO));
	post_receive(thread_of(b, 1), out);	/* takes the one of a's */
	OK(send_plain(b, to, CS, 5));
	post_send(thread_of(b, 2), to, CS, 6);
	YES(world_count().ports > before.ports + 8);
	YES(world_count().messages >= 6);
	look();		/* V's reply port is there from now on */
	before.ports++;
	/* First the one, while the other goes on: what is left is the other's. */
	kill_task(b);
	IS(world_count().tasks, before.tasks + 1);
	kill_task(a);
	UNTIL(world_count().messages == before.messages);
	after = world_count();
	IS(after.tasks, before.tasks);
	IS(after.ports, before.ports);
	IS(after.regions, before.regions);
	look();
	for EACH(INSPECT_ENTRIES, entry, entry)
		NO(entry->task == ids[0] || entry->task == ids[1]);
	for EACH(INSPECT_PORTS, port, port)
		NO(port->task == ids[0] || port->task == ids[1]);
}

/* Traces --------------------------------------------------------------------------------------------------- */

/* T calls, U answers. */
struct caller {
	port_name_t port;
	uint32_t turns;
	_Atomic uint8_t *seen;		/* by the number in sequence, at the server */
	uint32_t *done;
};

enum { CALL_STOP = 1000000 };

static long
serve_calls(void *arg)
{
	const struct caller *c = arg;

	for (;;) {
		struct port_message request = { 0 }, reply;
		uint32_t id;

		OK(api->exchange(NULL, 0, c->port, &request, PORT_FOREVER, 0));
		id = request.id;
		if (id != CALL_STOP)
			c->seen[request.seqno]++;
		reply = (struct port_message){ .id = id + 100, .remote = request.remote,
			.remote_disposition = MSO };
		OK(api->exchange(&reply, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&request);
		if (id == CALL_STOP)
			return 0;
	}
}

static void
call_once(port_name_t server, port_name_t local, uint32_t id)
{
	struct port_message request = { .id = id, .remote = server, .remote_disposition = CS,
		.local = local, .local_disposition = KSO };
	struct port_message reply = { 0 };

	OK(api->exchange(&request, PORT_FOREVER, local, &reply, PORT_FOREVER, 0));
	IS(reply.id, id + 100);
	port_message_deinit(&request);
	port_message_deinit(&reply);
}

/* Then there must be nothing more at the reply port. */
static long
make_calls(void *arg)
{
	const struct caller *c = arg;
	struct port_message more = { 0 };
	port_name_t local;

	OK(api->allocate(PORT_RIGHT_RECEIVE, &local, PORT_NULL));
	for (uint32_t i = 0; i < c->turns; i++)
		call_once(c->port, local, i * 1000 + 1);
	IS(api->exchange(NULL, 0, local, &more, 0, 0), PORT_E_RCV_TIMED_OUT);
	port_message_deinit(&more);
	OK(api->destroy(local, PORT_NULL));
	return 0;
}

static long
stop_calls(void *arg)
{
	const struct caller *c = arg;
	port_name_t local;

	OK(api->allocate(PORT_RIGHT_RECEIVE, &local, PORT_NULL));
	call_once(c->port, local, CALL_STOP);
	OK(api->destroy(local, PORT_NULL));
	return 0;
}

/* In V: looks at everything, a while. */
struct trace {
	port_name_t trace;
	uint32_t task;		/* its messages; 0: all */
	uint32_t sent, received, other;	/* events */
	uint64_t lost;
};

static long
begin_trace(void *arg)
{
	struct trace *trace = arg;
	struct inspect_trace_in in = { .task = trace->task, .node = "", .bytes = 100 };
	struct inspect_trace_out out;
	struct port_reply reply;
	int err = inspect_trace_call(port_bootstrap(), &in, &out, &reply, ASK_MS);

	if (err == 0)
		trace->trace = port_send_take(&out.trace);
	port_reply_deinit(&reply);
	return err;
}

static long
read_trace(void *arg)
{
	struct trace *trace = arg;
	struct inspect_read_in in = { 0 };
	struct inspect_read_out out;
	struct port_reply reply;
	int err = inspect_read_call(trace->trace, &in, &out, &reply, ASK_MS);

	if (err == 0) {
		const char *at = out.events.data, *end = at + out.events.size;

		while (at < end) {
			struct inspect_event event;

			memcpy(&event, at, sizeof(event));
			trace->sent += event.kind == INSPECT_EVENT_SENT;
			trace->received += event.kind == INSPECT_EVENT_RECEIVED;
			trace->other += event.kind != INSPECT_EVENT_SENT &&
			    event.kind != INSPECT_EVENT_RECEIVED;
			at += event.size;
		}
		trace->lost += out.lost;
	}
	port_reply_deinit(&reply);
	return err;
}

/* Attaches, now and then waits for events, and detaches, over and over; with a question that
 * nobody will answer, at times. */
static long
come_and_go(void *arg)
{
	struct trace *trace = arg;

	while (!busy->enough) {
		OK(begin_trace(trace));
		if (chance(2) && !busy->enough) {
			struct inspect_read_in in = { 0 };
			struct inspect_read_out out;
			struct port_reply reply;
			int err = inspect_read_call(trace->trace, &in, &out, &reply, (int)chance(3));

			if (err == 0)
				trace->sent += out.events.size > 0;
			else
				IS(err, PORT_E_RCV_TIMED_OUT);
			port_reply_deinit(&reply);
		}
		for (uint32_t n = chance(3); n > 0; n--)
			nap();
		OK(port_deallocate(trace->trace));
		trace->other++;
	}
	return 0;
}

CASE(O04, CASE_PRIVATE | CASE_HEAVY, "attach and detach a trace in mid-RPC: nothing lost or doubled")
{
	enum { CALLERS = 3 };
	port_name_t p = new_port(U);
	struct caller server = { .port = p, .turns = many(3000) };
	struct caller caller = { .port = give(U, p, KS, T), .turns = server.turns };
	struct trace trace = { 0 };

	server.seen = shared(CALLERS * server.turns);
	busy = shared(sizeof(*busy));
	/* V does not know of it yet: it is at its place before V is asked. */
	restart(V);
	for (int i = 1; i <= 2; i++)
		post_run(thread_of(U, i), serve_calls, &server, sizeof(server));
	post_run(V, come_and_go, &trace, sizeof(trace));
	for (int i = 1; i <= CALLERS; i++)
		post_run(thread_of(T, i), make_calls, &caller, sizeof(caller));
	for (int i = 1; i <= CALLERS; i++)
		OK(fetch_run(thread_of(T, i), &caller, sizeof(caller)));
	busy->enough = 1;
	OK(fetch_run(V, &trace, sizeof(trace)));
	for (int i = 1; i <= 2; i++)
		OK(run(T, stop_calls, &caller, sizeof(caller)));
	for (int i = 1; i <= 2; i++)
		OK(fetch_run(thread_of(U, i), &server, sizeof(server)));
	for (uint32_t i = 0; i < CALLERS * server.turns; i++)
		IS(server.seen[i], 1);
	IS(status(U, p).seqno, CALLERS * server.turns + 2);
	IS(status(U, p).msgcount, 0);
	YES(trace.other > 1);		/* it came and went */
	YES(trace.sent > 0);		/* and saw something */
	UNTIL(world_count().messages == 0);
}

CASE(O04b, CASE_PRIVATE, "a trace shows each message that was sent once, and that it was received")
{
	port_name_t p = new_port(U), m = give(U, p, KS, T), r = new_port(T);
	struct trace trace = { .task = id_of(T) };
	struct mail mail;

	OK(run(V, begin_trace, &trace, sizeof(trace)));
	for (uint32_t i = 0; i < 10; i++) {
		OK(send_reply(T, m, CS, r, KSO));
		OK(receive(U, p, &mail));
		IS(mail.out.seqno, i);
		OK(send_plain(U, mail.out.remote, MSO, 100));
		expect_message(T, r, 100);
	}
	OK(send_plain(T, m, CS, 1));
	kill_port(U, p);
	IS(send_plain(T, m, CS, 1), PORT_E_SEND_INVALID_DEST);
	while (trace.sent + trace.received + trace.other < 43)
		OK(run(V, read_trace, &trace, sizeof(trace)));
	IS(trace.sent, 21);
	IS(trace.received, 20);
	IS(trace.other, 2);		/* one destroyed, one refused */
	IS(trace.lost, 0);
	/* What the traced task sees of it. */
	IS(status(T, r).seqno, 10);
	IS(status(T, r).sorights, 0);
	ENTRY(T, m, "D1");
}
