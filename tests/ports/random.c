/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random: programs by chance, run by portd's rights core and by the model, and every
 * answer compared (case I12).
 *
 * A program is a list of operations, made while it runs, by a look at what the model
 * has. Programs run in a child process, so that a core that aborts is a difference like any
 * other. A program that shows one is made as short as it can be, and printed; --replay runs a
 * printed one again. The statistics at the end show what was never reached. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/core.h"
#include "portd/port.h"
#include "portd/task.h"
#include "portd/test-client.h"
#include "tests/ports/model.h"
#include "tests/ports/program.h"

enum {
	BINDINGS = 8192,
	TEXT = 4096,
	CODES = 48,
	PATIENCE = 50,		/* turns of the loop before a thread is believed to wait */
	HANG_SECONDS = 20,
};

/* What a thread of the real side was told. */
struct reply {
	bool have;
	int code;
	struct msg_out out;
	uint8_t body[PROGRAM_BODY_MAX];
	size_t n_items;
	struct wire_port items[2 * MODEL_ITEMS];
	port_name_t name;
	uint32_t value;
	struct peek_out peek;
};

struct binding {
	port_name_t model, real;
};

struct shared {
	struct program program;
	uint64_t seed;
	uint64_t programs, operations;
	struct { int code; uint64_t n; } codes[OP_CALLS][CODES];
	uint64_t notices[8];
	char text[TEXT];	/* of a difference */
};

static struct shared *shared;
static struct model model;
static uv_loop_t loop;
static struct world *world;
static struct client clients[MODEL_THREADS], observers[MODEL_TASKS];
static bool posted[MODEL_THREADS];
static struct reply replies[MODEL_THREADS];
static struct binding bindings[MODEL_TASKS][BINDINGS];
static size_t n_bindings[MODEL_TASKS];
static jmp_buf differs;
static bool verbose;
static bool unchecked;	/* the core does not check itself */
static bool thorough;	/* look at everything after each operation */

/* Differences ------------------------------------------------------------------ */

/* Ends the program. */
static void difference(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

static void
difference(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->text, sizeof(shared->text), format, args);
	va_end(args);
	longjmp(differs, 1);
}

/* Names: of the model, and the real ones ------------------------------------------ */

static port_name_t
model_name(int task, port_name_t real)
{
	if (real == PORT_NULL || real == PORT_DEAD)
		return real;
	for (size_t i = n_bindings[task]; i-- > 0;)
		if (bindings[task][i].real == real)
			return bindings[task][i].model;
	return real < MODEL_FRESH ? real : PORT_NULL;
}

/* A name that is gone stands for the integer that it was, unless that is another's by now. */
static port_name_t
real_name(int task, port_name_t name)
{
	if (name == PORT_NULL || name == PORT_DEAD || name < MODEL_FRESH)
		return name;
	for (size_t i = 0; i < n_bindings[task]; i++)
		if (bindings[task][i].model == name && model_name(task, bindings[task][i].real) == name)
			return bindings[task][i].real;
	return PROGRAM_BAD_NAME;
}

/* Both sides made, or mean, a name. */
static void
same_name(int task, port_name_t name, port_name_t real, const char *what)
{
	char text[32];
	port_name_t other = model_name(task, real);

	if (name == other || (name == PORT_NULL) != (real == PORT_NULL)) {
		if (name != other)
			difference("%s: model %s, core %#x", what, program_name(name, text), real);
		return;
	}
	for (size_t i = 0; i < n_bindings[task]; i++)
		if (bindings[task][i].model == name)
			difference("%s: model %s (%#x), core %#x", what, program_name(name, text),
			    bindings[task][i].real, real);
	if (name < MODEL_FRESH || name == PORT_DEAD || real == PORT_DEAD)
		difference("%s: model %s, core %#x", what, program_name(name, text), real);
	if (model_find(&model, task, other))
		difference("%s: model made %s, core said %#x, which is %s", what,
		    program_name(name, text), real, program_name(other, (char[32]){ 0 }));
	assert(n_bindings[task] < BINDINGS);
	bindings[task][n_bindings[task]++] = (struct binding){ name, real };
}

/* The real side ------------------------------------------------------------------- */

static int
task_of(uint32_t thread)
{
	return model.threads[thread].task;
}

static struct task *
real_task(int task)
{
	LIST_FOR_EACH(link, next, &world->tasks) {
		struct task *t = LIST_ENTRY(link, struct task, link);

		if (t->id == model.tasks[task].id)
			return t;
	}
	return NULL;
}

static void
open_thread(struct client *client, struct client *first)
{
	struct thread_out out;

	if (client_thread(first, (struct thread_in){ 0 }, &out) != 0)
		difference("no connection for a thread");
	*client = (struct client){ .loop = &loop, .fd = out.connection };
}

static void
body_of(uint32_t id, uint8_t *body, size_t size)
{
	for (size_t i = 0; i < size; i++)
		body[i] = (uint8_t)(id * 31 + i);
}

static void
post(const struct operation *op)
{
	struct client *c = &clients[op->thread];
	int task = task_of(op->thread);
	struct wire_port ports[MODEL_ITEMS];
	uint8_t body[PROGRAM_BODY_MAX];
	struct letter letter = {
		.options = op->options,
		.remote = real_name(task, op->remote),
		.remote_disposition = op->remote_disposition | op->bits,
		.local = real_name(task, op->local),
		.local_disposition = op->local_disposition,
		.id = op->id,
		.rcv_name = real_name(task, op->rcv_name),
		.rcv_size = op->rcv_size,
		.body = { body, op->size },
		.ports = ports,
		.n_ports = op->n_items,
	};

	body_of(op->id, body, op->size);
	for (uint32_t i = 0; i < op->n_items; i++) {
		const struct item *item = &op->items[i];

		ports[i].name = item->type == WIRE_ITEM_PORT ? real_name(task, item->name) : item->name;
		ports[i].disposition = item->disposition | item->type;
	}
	client_post(c, &letter);
	posted[op->thread] = true;
}

static void
fetch(int thread)
{
	struct reply *reply = &replies[thread];
	struct mail mail;

	*reply = (struct reply){ .have = true };
	reply->code = client_fetch(&clients[thread], &mail);
	if (reply->code < 0)
		difference("thread %d was disconnected (%d)", thread, reply->code);
	posted[thread] = false;
	reply->out = mail.out;
	if (mail.out.body.size > sizeof(reply->body))
		difference("thread %d received %zu bytes", thread, mail.out.body.size);
	if (mail.out.body.size)
		memcpy(reply->body, mail.out.body.data, mail.out.body.size);
	reply->n_items = mail.n_ports;
	for (size_t i = 0; i < mail.n_ports && i < ARRAY_SIZE(reply->items); i++)
		reply->items[i] = mail.ports[i];
	fd_close(&mail.fd);
}

static void
fetch_all(void)
{
	for (int i = 0; i < model.n_threads; i++)
		if (posted[i] && client_has_reply(&clients[i]))
			fetch(i);
}

static void
give(const struct operation *op, struct reply *reply)
{
	int from = task_of(op->thread), to = task_of((uint32_t)op->value);
	struct right right;

	core_enter(world);
	reply->code = right_take(&real_task(from)->space, real_name(from, op->name),
	    op->disposition, &right);
	if (reply->code == 0 && right_enter(&real_task(to)->space, right, &reply->name) != 0)
		difference("give: no name");
	core_leave(world);
}

/* As a task's process ends; with threads that wait, all at once. */
static void
end(const struct operation *op)
{
	int task = task_of(op->thread);
	bool waits = false;

	for (int i = 0; i < model.n_threads; i++)
		waits = waits || (model.threads[i].task == task && posted[i]);
	if (waits)
		task_kill(real_task(task));
	for (int i = 0; i < model.n_threads; i++)
		if (model.threads[i].task == task) {
			client_close(&clients[i]);
			posted[i] = false;
		}
	client_close(&observers[task]);
}

#define REAL(call, ...) \
	reply->code = client_##call(c, (struct call##_in){ __VA_ARGS__ }, NULL); \
	break
#define REAL_OUT(call, field, to, ...) { \
	struct call##_out out = { 0 }; \
	reply->code = client_##call(c, (struct call##_in){ __VA_ARGS__ }, &out); \
	to = out.field; \
	break; \
}

/* The names that are arguments belong to the space that is acted on, but the rights that
 * are given belong to the caller. */
static void
call(const struct operation *op, int target, struct reply *reply)
{
	struct client *c = &clients[op->thread];
	int task = task_of(op->thread);
	port_name_t on = real_name(task, op->task), name = real_name(target, op->name);
	port_name_t own = real_name(task, op->other), other = real_name(target, op->other);
	uint32_t value = (uint32_t)op->value;

	switch (op->call) {
	case OP_allocate:
		REAL_OUT(allocate, name, reply->name, .kind = op->kind, .task = on)
	case OP_allocate_name:
		REAL(allocate_name, .kind = op->kind, .name = name, .task = on);
	case OP_deallocate:
		REAL(deallocate, .name = name, .task = on);
	case OP_destroy:
		REAL(destroy, .name = name, .task = on);
	case OP_mod_refs:
		REAL(mod_refs, .name = name, .kind = op->kind, .delta = (int32_t)op->value, .task = on);
	case OP_get_refs:
		REAL_OUT(get_refs, urefs, reply->value, .name = name, .kind = op->kind, .task = on)
	case OP_type:
		REAL_OUT(type, type, reply->value, .name = name, .task = on)
	case OP_rename:
		REAL(rename, .name = name, .new_name = other, .task = on);
	case OP_insert_right:
		REAL(insert_right, .name = name, .right = own, .disposition = op->disposition,
		    .task = on);
	case OP_extract_right:
		REAL_OUT(extract_right, right, reply->name, .name = name,
		    .disposition = op->disposition, .task = on)
	case OP_request_notification:
		REAL_OUT(request_notification, previous, reply->name, .name = name, .id = op->kind,
		    .sync = value, .notify = own, .disposition = op->disposition, .task = on)
	case OP_move_member:
		REAL(move_member, .member = name, .set = other, .task = on);
	case OP_set_qlimit:
		REAL(set_qlimit, .name = name, .qlimit = value, .task = on);
	case OP_set_mscount:
		REAL(set_mscount, .name = name, .mscount = value, .task = on);
	case OP_set_seqno:
		REAL(set_seqno, .name = name, .seqno = value, .task = on);
	case OP_set_payload:
		REAL(set_payload, .name = name, .armed = value, .payload = op->value2, .task = on);
	case OP_construct:
		REAL_OUT(construct, name, reply->name, .flags = op->kind, .qlimit = value,
		    .context = op->value2, .task = on)
	case OP_destruct:
		REAL(destruct, .name = name, .send_delta = (int32_t)op->value, .guard = op->value2,
		    .task = on);
	case OP_guard:
		REAL(guard, .name = name, .guard = op->value2, .strict = value, .task = on);
	case OP_unguard:
		REAL(unguard, .name = name, .guard = op->value2, .task = on);
	case OP_swap_guard:
		REAL(swap_guard, .name = name, .old_guard = op->value2,
		    .new_guard = (uint64_t)op->value, .task = on);
	case OP_peek:
		reply->code = client_peek(c, (struct peek_in){ .name = name, .task = on },
		    &reply->peek);
		break;
	case OP_task_self: {
		struct task_self_out out = { 0 };

		reply->code = client_task_self(c, (struct task_self_in){ 0 }, &out);
		reply->name = out.name;
		break;
	}
	case OP_give:
		give(op, reply);
		break;
	}
}

/* Whose space an operation is about. */
static int
target_of(const struct operation *op)
{
	int task = task_of(op->thread);
	struct m_entry *e = model_find(&model, task, op->task);

	if (e && e->send && model.ports[e->object].task >= 0)
		return model.ports[e->object].task;
	return task;
}

static void
perform(const struct operation *op)
{
	for (int i = 0; i < model.n_threads; i++)
		replies[i].have = false;
	if (op->call == OP_msg) {
		post(op);
	} else if (op->call == OP_interrupt) {
		client_send(&clients[op->thread], CALL_interrupt, NULL);
		clients[op->thread].cookie--;	/* the answer is the msg's */
	} else if (op->call == OP_end) {
		end(op);
	} else {
		replies[op->thread] = (struct reply){ .have = true };
		call(op, target_of(op), &replies[op->thread]);
		if (replies[op->thread].code < 0)
			difference("the call was answered by %d", replies[op->thread].code);
	}
	client_pump(&observers[0]);
	uv_run(&loop, UV_RUN_NOWAIT);
	fetch_all();
}

/* What the rules leave open ---------------------------------------------------------- */

static uint32_t
word_of(const struct reply *reply)
{
	const uint8_t *p = reply->body;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The core's port of that name, or NULL. */
static struct port *
real_port(int task, port_name_t real)
{
	struct task *t = real_task(task);
	struct entry *e = t ? space_lookup(&t->space, real) : NULL;

	return e ? e->port : NULL;
}

/* The core's port by any name that the model has for its own; NULL: nobody has one. */
static struct port *
port_by_name(int port)
{
	for (int task = 0; task < MODEL_TASKS; task++)
		for (int i = 0; i < model.tasks[task].n_entries; i++) {
			const struct m_entry *e = &model.tasks[task].entries[i];

			if (e->name && (e->send || e->once || e->receive) && e->object == port)
				return real_port(task, real_name(task, e->name));
		}
	return NULL;
}

static uint32_t
count_queued(int port)
{
	uint32_t n = 0;

	for (int i = 0; i < model.n_messages; i++)
		n += model.messages[i].where == M_QUEUED && model.messages[i].port == port;
	return n;
}

/* Whether a receive right that came in a message is that of the model's port: two messages
 * may look the same, and the ports in them be different ones. */
static bool
is_of_port(int task, int port, port_name_t real)
{
	const struct m_port *p = &model.ports[port];
	struct port *came = real_port(task, real), *known = port_by_name(port);

	if (known || !came)
		return known == came;
	return came->holders.next == came->holders.prev && came->qlimit == p->qlimit &&
	    came->msgcount == count_queued(port);
}

static bool
is_about(int task, const struct m_message *g, const struct reply *reply, uint32_t id)
{
	if (id == PORT_NOTIFY_SEND_ONCE)
		return true;
	if (id == PORT_NOTIFY_PORT_DESTROYED)
		return g->n_items != 1 || reply->n_items != 1 ||
		    g->items[0].right.kind != M_RECEIVE ||
		    is_of_port(task, g->items[0].right.port, reply->items[0].name);
	if (id == PORT_NOTIFY_NO_SENDERS)
		return g->about == word_of(reply) || model.loose[g->epoch];
	return real_name(g->about_task, g->about) == word_of(reply);
}

/* The count that travels is that of the moment, which is before or after the receive right
 * moved (4.2): at the death of a task nobody knows. */
static void
read_as(struct m_message *g, uint32_t id)
{
	g->any_about = id == PORT_NOTIFY_NO_SENDERS && model.loose[g->epoch];
	if (g->id == id)
		return;
	g->id = id;
	if (id == PORT_NOTIFY_SEND_ONCE)
		g->size = 0;
	else
		g->size = 4;
}

static bool
came(int thread, struct m_message *g, const struct reply *reply)
{
	const struct m_port *p = &model.ports[g->port];
	struct m_entry *e = NULL;

	for (int i = 0; i < model.tasks[task_of((uint32_t)thread)].n_entries; i++) {
		e = &model.tasks[task_of((uint32_t)thread)].entries[i];
		if (e->name && e->receive && e->object == g->port)
			break;
	}
	if (reply->code == PORT_E_RCV_TOO_LARGE && g->size != reply->out.size)
		return false;
	if (p->has_payload ? reply->out.payload != p->payload :
	    model_name(task_of((uint32_t)thread), reply->out.local) != e->name)
		return false;
	return model_may_read_as(&model, g, reply->out.id) &&
	    (!g->notice || reply->code || is_about(task_of((uint32_t)thread), g, reply, reply->out.id));
}

static int
choose(void *arg, int thread, int *messages, int n)
{
	const struct reply *reply = &replies[thread];

	(void)arg;
	if (n == 0)
		return reply->have && reply->code == PORT_E_RCV_TIMED_OUT;
	/* One that is what came as it stands, before one that may be read as such. */
	for (int i = 0; i < 2 * n && reply->have; i++) {
		struct m_message *g = &model.messages[messages[i % n]];

		if (model.threads[thread].op.call == OP_peek) {
			if (g->id == reply->peek.id && g->size == reply->peek.size)
				return i % n;
		} else if ((i >= n || g->id == reply->out.id) && came(thread, g, reply)) {
			if (g->notice && model.threads[thread].op.call == OP_msg &&
			    reply->code != PORT_E_RCV_TOO_LARGE)
				read_as(g, reply->out.id);
			return i % n;
		}
	}
	return 0;
}

/* Comparing ------------------------------------------------------------------------ */

#define SAME(what, expected, got) do { \
	uint64_t expected_ = (expected), got_ = (got); \
	if (expected_ != got_) \
		difference("%s: model %llu, core %llu", what, \
		    (unsigned long long)expected_, (unsigned long long)got_); \
} while (0)

/* What is no right may be said to be any kind of one. */
static bool
is_disposition_of(uint32_t expected, uint32_t got, port_name_t name)
{
	if (name == PORT_NULL)
		return true;
	return expected == got;
}

static void
compare_items(int task, const struct answer *a, const struct reply *reply)
{
	SAME("number of items", a->n_items, reply->n_items);
	for (uint32_t i = 0; i < a->n_items; i++) {
		const struct item *item = &a->items[i];
		const struct wire_port *port = &reply->items[i];

		SAME("type of item", item->type, port->disposition & (uint32_t)WIRE_ITEM_MASK);
		if (item->type != WIRE_ITEM_PORT) {
			SAME("size of item", item->name, port->name);
			continue;
		}
		same_name(task, item->name, port->name, "right in the body");
		if (!is_disposition_of(item->disposition, port->disposition, item->name))
			SAME("disposition of item", item->disposition, port->disposition);
	}
}

static void
compare_body(const struct answer *a, const struct reply *reply)
{
	uint8_t body[PROGRAM_BODY_MAX];

	SAME("bytes of the body", a->size, reply->out.body.size);
	if (a->notice) {
		if (a->id == PORT_NOTIFY_NO_SENDERS && !a->any_about)
			SAME("mscount in no-senders", a->about, word_of(reply));
		if (a->about_task >= 0)
			SAME("name in notification", real_name(a->about_task, a->about),
			    word_of(reply));
		shared->notices[a->id - 65]++;
		return;
	}
	body_of(a->id, body, a->size);
	if (memcmp(body, reply->body, a->size) != 0)
		difference("the bytes of the body");
}

static void
compare_mail(int thread, const struct answer *a, const struct reply *reply)
{
	int task = task_of((uint32_t)thread);
	const struct msg_out *out = &reply->out;

	SAME("id", a->id, out->id);
	SAME("size", a->size, out->size);
	SAME("sender's task", a->sender, out->task);
	SAME("sender's pid", (uint64_t)getpid(), out->pid);
	same_name(task, a->remote, out->remote, "remote");
	if (a->has_payload)
		SAME("payload", a->payload, out->payload);
	same_name(task, a->local, out->local, "local");
	if (!is_disposition_of(a->remote_disposition, out->bits & 0xff, a->remote))
		SAME("remote disposition", a->remote_disposition, out->bits & 0xff);
	if (!is_disposition_of(a->local_disposition, out->bits >> 8, a->local) || a->has_payload)
		SAME("local disposition", a->local_disposition, out->bits >> 8);
	compare_items(task, a, reply);
	compare_body(a, reply);
	if (reply->code == 0)
		SAME("seqno", a->seqno, out->seqno);
}

static void
compare_answer(int thread)
{
	const struct m_thread *th = &model.threads[thread];
	const struct answer *a = &th->answer;
	const struct reply *reply = &replies[thread];
	int target;

	/* A helping hand has no code of its own for what it cannot do. */
	if (th->op.call == OP_give && reply->code && a->code)
		return;
	if (reply->code != a->code && (!reply->code ||
	    (reply->code != a->also[0] && reply->code != a->also[1])))
		difference("thread %d: model %s, core %s", thread, program_code(a->code),
		    program_code(reply->code));
	if (reply->code == PORT_E_RCV_TOO_LARGE) {
		SAME("size", a->size, reply->out.size);
		SAME("id", a->id, reply->out.id);
		SAME("remote", PORT_NULL, reply->out.remote);
	}
	if (a->mail)
		compare_mail(thread, a, reply);
	if (reply->code != 0 || th->op.call == OP_msg)
		return;
	target = th->op.call == OP_give ? task_of((uint32_t)th->op.value) :
	    th->op.call == OP_allocate || th->op.call == OP_construct ? target_of(&th->op) :
	    th->task;
	same_name(target, a->name, reply->name, "name");
	SAME("value", a->value, reply->value);
	if (th->op.call == OP_peek) {
		SAME("peeked id", a->id, reply->peek.id);
		SAME("peeked size", a->size, reply->peek.size);
		SAME("peeked seqno", a->seqno, reply->peek.seqno);
		SAME("peeked sender", a->sender, reply->peek.sender);
	}
}

static void
count_code(uint32_t call_, int code)
{
	int i = 0;

	while (shared->codes[call_][i].n && shared->codes[call_][i].code != code)
		i++;
	assert(i < CODES);
	shared->codes[call_][i].code = code;
	shared->codes[call_][i].n++;
}

static void
compare_answers(void)
{
	for (int i = 0; i < model.n_threads; i++) {
		const struct m_thread *th = &model.threads[i];

		for (int k = 0; k < PATIENCE && th->answered && !replies[i].have; k++) {
			uv_run(&loop, UV_RUN_NOWAIT);
			fetch_all();
		}
		if (th->answered && !replies[i].have)
			difference("thread %d: model %s, core waits", i, program_code(th->answer.code));
		if (!th->answered && replies[i].have)
			difference("thread %d: model waits, core %s", i, program_code(replies[i].code));
		if (!th->answered)
			continue;
		compare_answer(i);
		count_code(th->op.call, replies[i].code);
	}
}

/* Everything there is. */

static int
compare_names(int task)
{
	struct names_out out;
	int code = client_names(&observers[task], (struct names_in){ 0 }, &out), n = 0;
	char text[32];

	if (code != 0)
		difference("names: %d", code);
	for (int i = 0; i < model.tasks[task].n_entries; i++)
		n += model.tasks[task].entries[i].name != PORT_NULL;
	for (size_t i = 0; i < out.names.size / 8; i++) {
		uint32_t pair[2];
		struct m_entry *e;

		memcpy(pair, (const uint8_t *)out.names.data + 8 * i, 8);
		e = model_find(&model, task, model_name(task, pair[0]));
		if (!e)
			difference("task %d: core has a name %#x (type %#x), model has not", task,
			    pair[0], pair[1]);
		if (model_type(e) != pair[1])
			difference("task %d: type of %s: model %#x, core %#x", task,
			    program_name(e->name, text), model_type(e), pair[1]);
		n--;
	}
	if (n != 0)
		difference("task %d: the model has %d names more", task, n);
	return n;
}

static void
compare_status(int task, struct m_entry *e)
{
	struct client *c = &observers[task];
	const struct m_port *p = &model.ports[e->object];
	struct receive_status_out out;
	char text[32];

	if (client_receive_status(c, (struct receive_status_in){ .name = real_name(task, e->name) }, &out))
		difference("task %d: status of %s", task, program_name(e->name, text));
	SAME("status: set", real_name(task, model_set_name(&model, p->set)), out.set);
	SAME("status: seqno", p->seqno, out.seqno);
	SAME("status: mscount", p->mscount, out.mscount);
	SAME("status: qlimit", p->qlimit, out.qlimit);
	SAME("status: msgcount", model_count_queued(&model, e->object), out.msgcount);
	SAME("status: sorights", model_count_onces(&model, e->object), out.sorights);
	SAME("status: srights", model_count_sends(&model, e->object) != 0, out.srights != 0);
	SAME("status: no-senders armed", p->no_senders.kind != M_NULL, out.no_senders_armed);
	SAME("status: port-destroyed armed", p->destroyed.kind != M_NULL, out.port_destroyed_armed);
	SAME("status: guarded", p->guarded, out.guarded);
}

static void
compare_set(int task, struct m_entry *e)
{
	struct set_status_out out;
	size_t n = 0;

	if (client_set_status(&observers[task],
	    (struct set_status_in){ .name = real_name(task, e->name) }, &out))
		difference("task %d: status of a set", task);
	for (int i = 0; i < model.tasks[task].n_entries; i++) {
		struct m_entry *member = &model.tasks[task].entries[i];
		port_name_t real = real_name(task, member->name);
		bool found = false;

		if (!member->name || !member->receive || model.ports[member->object].set != e->object)
			continue;
		for (size_t k = 0; k < out.members.size / 4; k++)
			found = found || memcmp((const uint8_t *)out.members.data + 4 * k, &real, 4) == 0;
		if (!found)
			difference("task %d: a member is missing in its set", task);
		n++;
	}
	SAME("members of a set", n, out.members.size / 4);
}

static void
compare_entry(int task, struct m_entry *e)
{
	struct get_refs_out out;
	uint32_t kind = e->dead ? PORT_RIGHT_DEAD_NAME : PORT_RIGHT_SEND;
	char text[32];

	if (client_get_refs(&observers[task],
	    (struct get_refs_in){ .name = real_name(task, e->name), .kind = kind }, &out))
		difference("task %d: references of %s", task, program_name(e->name, text));
	if (out.urefs != (e->dead || e->send ? e->urefs : 0))
		difference("task %d: urefs of %s: model %u, core %u", task,
		    program_name(e->name, text), e->urefs, out.urefs);
	if (e->receive)
		compare_status(task, e);
	if (e->set)
		compare_set(task, e);
}

static void
compare_spaces(bool all)
{
	for (int t = 0; t < MODEL_TASKS; t++) {
		if (!model.tasks[t].alive)
			continue;
		compare_names(t);
		for (int i = 0; all && i < model.tasks[t].n_entries; i++)
			if (model.tasks[t].entries[i].name)
				compare_entry(t, &model.tasks[t].entries[i]);
	}
}

/* No member starves (3.5): each full one is served once before another is served for the
 * second time, or as many times as there were members, should they come and go. */
static void
compare_patience(void)
{
	for (int p = 1; p <= model.n_ports; p++)
		if (model.ports[p].passed_over > model.ports[p].most)
			difference("a member of a set starves");
}

/* Running ------------------------------------------------------------------------- */

static void
start(const struct program *program)
{
	model_init(&model);
	model.choose = choose;
	memset(n_bindings, 0, sizeof(n_bindings));
	memset(posted, 0, sizeof(posted));
	for (uint32_t i = 0; i < program->n_threads; i++) {
		int task = (int)program->task_of[i];

		if (!model.tasks[task].alive) {
			client_open(&clients[i], world, &loop);
			model_new_task(&model, clients[i].task);
			open_thread(&observers[task], &clients[i]);
		} else {
			for (uint32_t k = 0; k < i; k++)
				if (program->task_of[k] == (uint32_t)task) {
					open_thread(&clients[i], &clients[k]);
					break;
				}
		}
		model_new_thread(&model, task);
	}
}

/* An operation of a program that was made shorter may make no sense any more. */
static bool
is_unknown(int task, port_name_t name)
{
	return name >= MODEL_FRESH && name != PORT_DEAD && real_name(task, name) == PROGRAM_BAD_NAME;
}

static bool
is_possible(const struct operation *op)
{
	const struct m_thread *th = &model.threads[op->thread];
	const struct m_entry *e;

	if (op->thread >= (uint32_t)model.n_threads || th->state == M_GONE)
		return false;
	if (op->call == OP_give && (op->name == PORT_NULL || op->name == PORT_DEAD ||
	    op->value >= model.n_threads || model.threads[op->value].state == M_GONE))
		return false;
	/* To make a name that was another's, once, in the longer program. */
	if (op->call == OP_allocate_name || op->call == OP_insert_right)
		if (is_unknown(target_of(op), op->name))
			return false;
	if (op->call == OP_rename && is_unknown(target_of(op), op->other))
		return false;
	/* What a task port answers is no matter of the rules on rights. */
	e = op->call == OP_msg ? model_find(&model, th->task, op->remote) : NULL;
	if (e && e->send && model.ports[e->object].task >= 0)
		return false;
	if (op->call == OP_interrupt)
		return th->state != M_IDLE;
	return op->call == OP_end || th->state == M_IDLE;
}

static void
step(const struct operation *op)
{
	char text[512];

	if (!is_possible(op))
		return;
	if (verbose)
		fprintf(stderr, "%s\n", program_operation(op, text, sizeof(text)));
	perform(op);
	model_do(&model, op);
	if (op->call == OP_end || op->call == OP_interrupt)
		count_code(op->call, 0);
	compare_answers();
	compare_patience();
	shared->operations++;
	compare_spaces(thorough || op->serial % 8 == 0);
}

static void
stop(void)
{
	struct operation op = { .call = OP_end };

	for (int t = 0; t < MODEL_TASKS; t++)
		for (int i = 0; i < model.n_threads; i++)
			if (model.threads[i].task == t && model.tasks[t].alive) {
				op.thread = (uint32_t)i;
				op.serial = shared->program.n_operations + 2 + (uint32_t)t;
				step(&op);
			}
	for (int i = 0; i < PATIENCE && world_tasks(world); i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	if (!model_is_empty(&model))
		difference("the model is not empty at the end");
	if (world_tasks(world) || !list_is_empty(&world->ports) || !list_is_empty(&world->messages))
		difference("the core is not empty at the end");
	shared->programs++;
}

static void
open_world(void)
{
	uv_loop_init(&loop);
	world = world_new(&loop, getuid());
	world->checked = !unchecked;
}

/* 0: no difference; 1: one. */
static int
run(const struct program *program)
{
	if (setjmp(differs))
		return 1;
	start(program);
	for (uint32_t i = 0; i < program->n_operations; i++)
		step(&program->operations[i]);
	compare_spaces(true);
	stop();
	return 0;
}

/* Makes a program as it runs. */
static int
run_new(uint64_t seed, uint32_t length)
{
	struct program *program = &shared->program;

	shared->seed = seed;
	generate_start(program, seed);
	if (setjmp(differs))
		return 1;
	start(program);
	while (program->n_operations < length) {
		if (!generate(program, &model))
			break;
		step(&program->operations[program->n_operations - 1]);
	}
	compare_spaces(true);
	stop();
	return 0;
}

/* In a child process: its exit status, 0 without a difference. */
static bool
differs_in_child(const struct program *program, bool quiet)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (quiet && (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout)))
			_exit(2);
		alarm(HANG_SECONDS);
		thorough = true;
		strcpy(shared->text, "the core ended the process");
		open_world();
		_exit(run(program));
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

/* Shorter programs ------------------------------------------------------------------ */

static char wanted[TEXT];

/* What a difference says, without the numbers. */
static void
outline(char *to)
{
	size_t n = 0;

	for (const char *p = shared->text; *p; p++)
		if ((*p < '0' || *p > '9') && n < TEXT - 1)
			to[n++] = *p;
	to[n] = '\0';
}

/* Only the same difference counts: a program that was cut could show another one. */
static bool
try(struct program *best, const struct program *candidate)
{
	char got[TEXT];

	if (!differs_in_child(candidate, true))
		return false;
	outline(got);
	if (strcmp(got, wanted) != 0)
		return false;
	*best = *candidate;
	return true;
}

static bool
drop_operations(struct program *best, uint32_t size)
{
	static struct program candidate;
	bool any = false;

	for (uint32_t at = best->n_operations; at > 0;) {
		uint32_t from = at > size ? at - size : 0;

		candidate = *best;
		memmove(&candidate.operations[from], &candidate.operations[at],
		    (candidate.n_operations - at) * sizeof(struct operation));
		candidate.n_operations -= at - from;
		any = try(best, &candidate) || any;
		at = from;
	}
	return any;
}

static bool
bypass(struct program *best)
{
	static struct program candidate;
	bool any = false;

	for (uint32_t at = best->n_operations; at-- > 0;) {
		candidate = *best;
		program_bypass(&candidate, at);
		any = try(best, &candidate) || any;
	}
	return any;
}

static bool
simplify(struct program *best)
{
	static struct program candidate;
	struct operation op;
	bool any = false;

	for (uint32_t i = 0; i < best->n_operations; i++)
		for (int how = 0; program_simplify(&best->operations[i], how, &op) >= 0; how++) {
			if (memcmp(&op, &best->operations[i], sizeof(op)) == 0)
				continue;
			candidate = *best;
			candidate.operations[i] = op;
			any = try(best, &candidate) || any;
		}
	return any;
}

static bool
drop_threads(struct program *best)
{
	static struct program candidate;
	bool any = false;

	for (uint32_t i = best->n_threads; i-- > 0;) {
		candidate = *best;
		if (program_drop_thread(&candidate, i))
			any = try(best, &candidate) || any;
	}
	return any;
}

static void
shrink(struct program *best)
{
	bool any;

	outline(wanted);
	do {
		any = false;
		for (uint32_t size = best->n_operations; size > 0; size /= 2)
			any = drop_operations(best, size) || any;
		any = bypass(best) || any;
		any = drop_threads(best) || any;
		any = simplify(best) || any;
	} while (any);
}

static int
report(struct program *program, bool small)
{
	if (!small && differs_in_child(program, true))
		shrink(program);
	program_print(program, stdout);
	fflush(stdout);
	if (differs_in_child(program, false))
		printf("# difference: %s\n", shared->text);
	else
		printf("# no difference when it is run alone: %s\n", shared->text);
	return 1;
}

/* What was reached. */

static void
print_statistics(double seconds)
{
	printf("%llu programs, %llu operations in %.1f s\n", (unsigned long long)shared->programs,
	    (unsigned long long)shared->operations, seconds);
	for (uint32_t c = 0; c < OP_CALLS; c++) {
		printf("%-22s", program_call(c));
		for (int i = 0; i < CODES && shared->codes[c][i].n; i++)
			printf("  %s %llu", program_code(shared->codes[c][i].code),
			    (unsigned long long)shared->codes[c][i].n);
		printf("\n");
	}
	printf("%-22s", "notifications");
	for (int i = 0; i < 8; i++)
		printf(" %d: %llu", 65 + i, (unsigned long long)shared->notices[i]);
	printf("\n");
}

struct settings {
	uint64_t seed, programs, seconds;
	uint32_t length;
};

/* A child that makes and runs programs, until one differs. */
static int
run_many(const struct settings *settings, time_t begin)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		open_world();
		for (uint64_t i = 0; settings->seconds ? time(NULL) - begin < (time_t)settings->seconds :
		    i < settings->programs; i++) {
			alarm(HANG_SECONDS);
			strcpy(shared->text, "the core ended the process");
			if (run_new(settings->seed + i, settings->length))
				_exit(1);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int
replay(const char *path)
{
	static struct program program;
	int err = program_read(&program, path);

	if (err) {
		fprintf(stderr, "%s: line %d is not of a program\n", path, err);
		return 2;
	}
	verbose = true;
	if (!differs_in_child(&program, false)) {
		printf("no difference\n");
		return 0;
	}
	printf("difference: %s\n", shared->text);
	return 1;
}

static int
run_all(const struct settings *settings)
{
	struct timespec begin, end_;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	status = run_many(settings, time(NULL));
	clock_gettime(CLOCK_MONOTONIC, &end_);
	print_statistics((double)(end_.tv_sec - begin.tv_sec) +
	    (double)(end_.tv_nsec - begin.tv_nsec) / 1e9);
	if (status == 0)
		return 0;
	printf("# seed %llu: %s\n", (unsigned long long)shared->seed, shared->text);
	return report(&shared->program, false);
}

int
main(int argc, char **argv)
{
	struct settings settings = { .seed = 1, .length = 60,
		.programs = getenv("HIRD_VALGRIND") ? 50 : 3000 };

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(shared != MAP_FAILED);
	for (int i = 1; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		value = value ? value + 1 : argv[i] + strlen(argv[i]);
		if (strncmp(argv[i], "--seed=", 7) == 0)
			settings.seed = strtoull(value, NULL, 0);
		else if (strncmp(argv[i], "--programs=", 11) == 0)
			settings.programs = strtoull(value, NULL, 0);
		else if (strncmp(argv[i], "--length=", 9) == 0)
			settings.length = (uint32_t)strtoul(value, NULL, 0);
		else if (strncmp(argv[i], "--seconds=", 10) == 0)
			settings.seconds = strtoull(value, NULL, 0);
		else if (strcmp(argv[i], "--unchecked") == 0)
			unchecked = true;
		else if (strncmp(argv[i], "--replay=", 9) == 0)
			return replay(value);
		else {
			fprintf(stderr, "usage: random [--seed=N] [--programs=N] [--length=N] "
			    "[--seconds=N] [--unchecked] [--replay=FILE]\n");
			return 2;
		}
	}
	if (settings.length > PROGRAM_MAX)
		settings.length = PROGRAM_MAX;
	return run_all(&settings);
}
