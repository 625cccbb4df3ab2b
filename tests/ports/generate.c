/* SPDX-License-Identifier: GPL-2.0-or-later */
/* generate: what a task that knows what it has might do next, and sometimes what only a
 * fool would. Each program prefers other operations, so that rare ones come together. */
#include "tests/ports/program.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"

/* How often, in an ordinary program. */
static const uint32_t usual[OP_CALLS] = {
	[OP_allocate] = 12,
	[OP_allocate_name] = 2,
	[OP_deallocate] = 6,
	[OP_destroy] = 3,
	[OP_mod_refs] = 6,
	[OP_get_refs] = 1,
	[OP_type] = 1,
	[OP_rename] = 2,
	[OP_insert_right] = 12,
	[OP_extract_right] = 4,
	[OP_request_notification] = 10,
	[OP_move_member] = 6,
	[OP_set_qlimit] = 4,
	[OP_set_mscount] = 1,
	[OP_set_seqno] = 1,
	[OP_set_payload] = 1,
	[OP_construct] = 2,
	[OP_destruct] = 2,
	[OP_guard] = 1,
	[OP_unguard] = 1,
	[OP_swap_guard] = 1,
	[OP_peek] = 2,
	[OP_task_self] = 1,
	[OP_msg] = 60,
	[OP_interrupt] = 4,
	[OP_give] = 12,
	[OP_end] = 1,
};

enum {
	TRIES = 8,
	ENOUGH = 6,	/* names, before a task wants fewer new ones */
};

static uint64_t state;
static uint32_t weights[OP_CALLS];
static uint32_t favourite;	/* notification of this program */
static bool in_vain;	/* something was wished for that is not there */

static uint32_t
chance(uint32_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % n;
}

#define ONE_OF(...) one_of((const int64_t[]){ __VA_ARGS__ }, \
    sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static int64_t
one_of(const int64_t *values, size_t n)
{
	return values[chance((uint32_t)n)];
}

void
generate_start(struct program *program, uint64_t seed)
{
	uint32_t n_tasks;

	state = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < 8; i++)
		chance(2);
	favourite = (uint32_t)ONE_OF(0, 0, PORT_NOTIFY_DEAD_NAME, PORT_NOTIFY_NO_SENDERS,
	    PORT_NOTIFY_PORT_DESTROYED, PORT_NOTIFY_SEND_POSSIBLE);
	for (int c = 0; c < OP_CALLS; c++)
		weights[c] = usual[c] * (uint32_t)ONE_OF(0, 1, 4, 4, 4, 4, 8, 16);
	weights[OP_allocate] = usual[OP_allocate] * 4;
	if (weights[OP_msg] == 0)
		weights[OP_msg] = usual[OP_msg];
	*program = (struct program){ 0 };
	n_tasks = 2 + chance(MODEL_TASKS - 1);
	for (uint32_t t = 0; t < n_tasks; t++)
		for (uint32_t n = 1 + chance(3); n > 0; n--)
			program->task_of[program->n_threads++] = t;
}

/* Names ----------------------------------------------------------------------------- */

enum wish { ANY, RECEIVE, SENDER, ONCE, SET, TASK, FULL, GUARDED, WATCHED, AWAITED };

/* There is something to be received by it. */
static bool
has_message(const struct model *m, const struct m_entry *e)
{
	for (int p = 1; p <= m->n_ports; p++)
		if (((e->receive && p == e->object && !m->ports[p].set) ||
		    (e->set && m->ports[p].set == e->object)) && model_count_queued(m, p) > 0)
			return true;
	return false;
}

/* Somebody would hear of its end. */
static bool
is_watched(const struct model *m, int port)
{
	if (m->ports[port].no_senders.kind != M_NULL || m->ports[port].destroyed.kind != M_NULL)
		return true;
	for (int t = 0; t < MODEL_TASKS; t++)
		for (int i = 0; i < m->tasks[t].n_entries; i++) {
			const struct m_entry *e = &m->tasks[t].entries[i];

			if (e->name && !e->set && e->object == port &&
			    (e->dead_name.kind != M_NULL || e->possible.kind != M_NULL))
				return true;
		}
	return false;
}

static bool
grants(const struct model *m, const struct m_entry *e, enum wish wish)
{
	switch (wish) {
	case RECEIVE:
		return e->receive;
	case SENDER:
		return e->send;
	case ONCE:
		return e->once;
	case SET:
		return e->set;
	case FULL:
		return has_message(m, e);
	case AWAITED:
		return e->possible.kind != M_NULL;
	case GUARDED:
		return e->receive && m->ports[e->object].guarded;
	case WATCHED:
		return (e->receive || e->send) && !e->set && is_watched(m, e->object);
	case TASK:
		return e->send && m->ports[e->object].task >= 0;
	default:
		return true;
	}
}

static port_name_t
junk(void)
{
	return (port_name_t)ONE_OF(PORT_NULL, PORT_DEAD, PROGRAM_BAD_NAME,
	    PROGRAM_CHOSEN + chance(PROGRAM_N_CHOSEN), PROGRAM_CHOSEN + chance(PROGRAM_N_CHOSEN));
}

static const struct m_entry *
some_entry(const struct model *m, int task, enum wish wish)
{
	const struct m_entry *found = NULL;
	uint32_t n = 0;

	for (int i = 0; i < m->tasks[task].n_entries; i++) {
		const struct m_entry *e = &m->tasks[task].entries[i];

		if (e->name && grants(m, e, wish) && chance(++n) == 0)
			found = e;
	}
	return found;
}

static port_name_t
some_name(const struct model *m, int task, enum wish wish)
{
	const struct m_entry *e;

	if (chance(32) == 0)
		return junk();
	e = some_entry(m, task, chance(24) ? wish : ANY);
	if (e)
		return e->name;
	in_vain = true;
	return junk();
}

static port_name_t
chosen_name(void)
{
	return chance(12) ? PROGRAM_CHOSEN + chance(PROGRAM_N_CHOSEN) : junk();
}

static uint32_t
any_disposition(void)
{
	return chance(20) ? PORT_MOVE_RECEIVE + chance(6) : (uint32_t)ONE_OF(0, 22, 23, 99, 255);
}

/* One by which the right of a name can travel. */
static uint32_t
fitting(const struct model *m, int task, port_name_t name)
{
	const struct m_entry *e = model_find((struct model *)m, task, name);

	if (!e || chance(24) == 0)
		return any_disposition();
	if (e->dead)
		return (uint32_t)ONE_OF(PORT_MOVE_SEND, PORT_COPY_SEND, PORT_MOVE_SEND_ONCE);
	if (e->once)
		return PORT_MOVE_SEND_ONCE;
	if (e->receive && e->send)
		return (uint32_t)ONE_OF(PORT_MOVE_SEND, PORT_COPY_SEND, PORT_MAKE_SEND,
		    PORT_MAKE_SEND_ONCE, PORT_MOVE_RECEIVE);
	if (e->receive)
		return (uint32_t)ONE_OF(PORT_MAKE_SEND, PORT_MAKE_SEND, PORT_MAKE_SEND_ONCE,
		    PORT_MAKE_SEND_ONCE, PORT_MOVE_RECEIVE);
	return (uint32_t)ONE_OF(PORT_MOVE_SEND, PORT_COPY_SEND);
}

static uint32_t
some_kind(void)
{
	return (uint32_t)ONE_OF(PORT_RIGHT_RECEIVE, PORT_RIGHT_RECEIVE, PORT_RIGHT_RECEIVE,
	    PORT_RIGHT_RECEIVE, PORT_RIGHT_RECEIVE, PORT_RIGHT_RECEIVE, PORT_RIGHT_PORT_SET,
	    PORT_RIGHT_PORT_SET, PORT_RIGHT_DEAD_NAME, chance(8));
}

static uint32_t
kind_of(const struct model *m, int task, port_name_t name)
{
	const struct m_entry *e = model_find((struct model *)m, task, name);

	if (!e || chance(10) == 0)
		return chance(6);
	if (e->receive && e->send)
		return chance(2);
	return e->receive ? PORT_RIGHT_RECEIVE : e->send ? PORT_RIGHT_SEND :
	    e->once ? PORT_RIGHT_SEND_ONCE : e->set ? PORT_RIGHT_PORT_SET : PORT_RIGHT_DEAD_NAME;
}

/* Messages -------------------------------------------------------------------------- */

static void
generate_items(struct operation *op, const struct model *m, int task)
{
	op->n_items = chance(2) ? 0 : 1 + chance(4);
	for (uint32_t i = 0; i < op->n_items; i++) {
		struct item *item = &op->items[i];

		*item = (struct item){ .name = some_name(m, task,
		    (enum wish)ONE_OF(ANY, RECEIVE, SENDER, ONCE)) };
		item->disposition = fitting(m, task, item->name);
	}
}

/* An array of rights: its head, and elements of one disposition. */
static void
generate_array(struct operation *op, const struct model *m, int task)
{
	uint32_t at = op->n_items, n = chance(3);
	uint32_t disposition = (uint32_t)ONE_OF(PORT_COPY_SEND, PORT_MAKE_SEND, PORT_MOVE_SEND,
	    PORT_MAKE_SEND_ONCE, PORT_MOVE_RECEIVE);

	if (at + 1 + n > MODEL_ITEMS)
		return;
	op->items[at] = (struct item){ WIRE_ITEM_PORTS, disposition, n };
	for (uint32_t i = 1; i <= n; i++)
		op->items[at + i] = (struct item){ WIRE_ITEM_PORT, disposition, some_name(m, task,
		    disposition == PORT_COPY_SEND || disposition == PORT_MOVE_SEND ? SENDER : RECEIVE) };
	op->n_items += 1 + n;
}

static void
generate_send(struct operation *op, const struct model *m, int task)
{
	op->options |= PORT_MSG_SEND | (chance(4) ? PORT_MSG_SEND_TIMEOUT : 0) |
	    (chance(3) ? 0 : PORT_MSG_SEND_NOTIFY);
	op->remote = some_name(m, task, (enum wish)ONE_OF(RECEIVE, SENDER, SENDER, ONCE, FULL,
	    op->options & PORT_MSG_SEND_NOTIFY ? AWAITED : SENDER));
	op->remote_disposition = fitting(m, task, op->remote);
	if (op->remote_disposition == PORT_MOVE_RECEIVE && chance(20))
		op->remote_disposition = PORT_MAKE_SEND;
	op->id = 1000 + op->serial;
	op->size = chance(3) ? chance(PROGRAM_BODY_MAX / 4 + 1) * 4 : 0;
	if (chance(2)) {
		op->local = chance(8) ? some_name(m, task, RECEIVE) : op->remote;
		op->local_disposition = fitting(m, task, op->local);
		if (op->local_disposition == PORT_MOVE_RECEIVE && chance(20))
			op->local_disposition = PORT_MAKE_SEND_ONCE;
	}
	if (chance(60) == 0)
		op->bits = 1 << 24;
	generate_items(op, m, task);
	if (chance(6) == 0)
		generate_array(op, m, task);
}

static void
generate_receive(struct operation *op, const struct model *m, int task)
{
	op->options |= PORT_MSG_RCV | (chance(3) ? PORT_MSG_RCV_TIMEOUT : 0);
	op->options |= chance(3) ? 0 : PORT_MSG_RCV_LARGE;
	op->rcv_name = some_name(m, task, (enum wish)ONE_OF(FULL, FULL, FULL, FULL, RECEIVE, SET));
	op->rcv_size = chance(4) ? PROGRAM_BODY_MAX : chance(24);
}

static void
generate_msg(struct operation *op, const struct model *m, int task)
{
	uint32_t what = chance(10);

	if (what < 6)
		generate_send(op, m, task);
	if (what >= 5)
		generate_receive(op, m, task);
}

/* Calls ----------------------------------------------------------------------------- */

static void
generate_insert(struct operation *op, const struct model *m, int caller, int task)
{
	op->other = some_name(m, caller, ANY);
	op->disposition = fitting(m, caller, op->other);
	op->name = (port_name_t)ONE_OF(op->other, op->other, chosen_name(), some_name(m, task, ANY));
}

static void
generate_request(struct operation *op, const struct model *m, int caller, int task)
{
	op->kind = (uint32_t)ONE_OF(PORT_NOTIFY_DEAD_NAME, PORT_NOTIFY_DEAD_NAME,
	    PORT_NOTIFY_NO_SENDERS, PORT_NOTIFY_NO_SENDERS, PORT_NOTIFY_PORT_DESTROYED,
	    PORT_NOTIFY_SEND_POSSIBLE);
	if (favourite && chance(3))
		op->kind = favourite;
	if (chance(30) == 0)
		op->kind = (uint32_t)ONE_OF(0, 65, 71, 999);
	op->name = some_name(m, task, op->kind == PORT_NOTIFY_DEAD_NAME ? ANY :
	    op->kind == PORT_NOTIFY_SEND_POSSIBLE ? (enum wish)ONE_OF(SENDER, AWAITED) : RECEIVE);
	op->value = op->kind == PORT_NOTIFY_PORT_DESTROYED && chance(20) ? 0 : chance(3);
	op->other = chance(8) == 0 ? PORT_NULL : some_name(m, caller, chance(4) ? RECEIVE : ONCE);
	op->disposition = PORT_MAKE_SEND_ONCE;
	if (op->other != PORT_NULL && fitting(m, caller, op->other) == PORT_MOVE_SEND_ONCE)
		op->disposition = PORT_MOVE_SEND_ONCE;
}

static int64_t
some_delta(void)
{
	return ONE_OF(-1, -1, -1, -1, 0, 1, 1, 2, -2, -3, 65533, 65534, -65534, INT_MAX, INT_MIN);
}

static enum wish
wish_of(uint32_t call)
{
	switch (call) {
	case OP_deallocate:
		return (enum wish)ONE_OF(SENDER, SENDER, ONCE, WATCHED, ANY);
	case OP_destroy:
		return (enum wish)ONE_OF(ANY, WATCHED);
	case OP_type:
		return ANY;
	case OP_unguard:
	case OP_swap_guard:
		return (enum wish)ONE_OF(GUARDED, GUARDED, RECEIVE);
	case OP_peek:
		return (enum wish)ONE_OF(FULL, RECEIVE);
	case OP_destruct:
		return (enum wish)ONE_OF(RECEIVE, GUARDED, WATCHED);
	default:
		return RECEIVE;
	}
}

static void
generate_call(struct operation *op, const struct model *m, int caller, int task)
{
	switch (op->call) {
	case OP_allocate_name:
		op->name = chosen_name();
		/* fall through */
	case OP_allocate:
		op->kind = some_kind();
		break;
	case OP_mod_refs:
	case OP_get_refs:
		op->name = some_name(m, task, (enum wish)ONE_OF(ANY, WATCHED));
		op->kind = kind_of(m, task, op->name);
		op->value = op->call == OP_mod_refs ? some_delta() : 0;
		break;
	case OP_rename:
		op->name = some_name(m, task, ANY);
		op->other = chance(6) ? chosen_name() : some_name(m, task, ANY);
		break;
	case OP_insert_right:
		generate_insert(op, m, caller, task);
		break;
	case OP_extract_right:
		op->name = some_name(m, task, ANY);
		op->disposition = fitting(m, task, op->name);
		break;
	case OP_request_notification:
		generate_request(op, m, caller, task);
		break;
	case OP_move_member:
		op->name = some_name(m, task, RECEIVE);
		op->other = chance(4) ? some_name(m, task, SET) : PORT_NULL;
		break;
	case OP_set_qlimit:
		op->value = ONE_OF(0, 0, 1, 1, 1, 2, 2, 5, 1024, 1025, -1);
		op->name = some_name(m, task, (enum wish)ONE_OF(RECEIVE, WATCHED));
		break;
	case OP_set_mscount:
	case OP_set_seqno:
		op->value = ONE_OF(0, 1, 2, 100, UINT32_MAX);
		op->name = some_name(m, task, RECEIVE);
		break;
	case OP_set_payload:
		op->value = chance(3) != 0;
		op->value2 = op->value ? 7000 + op->serial : 0;
		op->name = some_name(m, task, RECEIVE);
		break;
	case OP_construct:
		op->kind = chance(4) ? 1u << chance(5) : chance(64);
		op->value = ONE_OF(0, 1, 3, 1024, 1025);
		op->value2 = chance(2);
		break;
	case OP_destruct:
		op->value = ONE_OF(0, 0, -1, -1, -2, 1);
		/* fall through */
	default:
		op->name = some_name(m, task, wish_of(op->call));
		if (op->call == OP_guard || op->call == OP_unguard || op->call == OP_swap_guard ||
		    op->call == OP_destruct)
			op->value2 = chance(2);
		if (op->call == OP_guard || op->call == OP_swap_guard)
			op->value = chance(2);
	}
}

/* A thread that can do something; -1: none. */
static int
some_thread(const struct model *m, bool idle)
{
	int found = -1;
	uint32_t n = 0;

	for (int i = 0; i < m->n_threads; i++) {
		enum m_state is = m->threads[i].state;

		if ((idle ? is == M_IDLE : is == M_SENDING || is == M_RECEIVING) && chance(++n) == 0)
			found = i;
	}
	return found;
}

static uint32_t
count_entries(const struct model *m, int task)
{
	uint32_t n = 0;

	for (int i = 0; i < m->tasks[task].n_entries; i++)
		n += m->tasks[task].entries[i].name != PORT_NULL;
	return n;
}

static uint32_t
some_call(void)
{
	uint32_t sum = 0, at, c = 0;

	for (c = 0; c < OP_CALLS; c++)
		sum += weights[c];
	at = chance(sum);
	for (c = 0; at >= weights[c]; c++)
		at -= weights[c];
	return c;
}

static int
target(const struct model *m, int caller, struct operation *op)
{
	const struct m_entry *e;

	if (chance(40) == 0)
		op->task = some_name(m, caller, ANY);
	else if (chance(op->call == OP_extract_right || op->call == OP_insert_right ? 2 : 8) == 0)
		op->task = some_entry(m, caller, TASK) ? some_name(m, caller, TASK) : PORT_NULL;
	e = model_find((struct model *)m, caller, op->task);
	return e && e->send && m->ports[e->object].task >= 0 ? m->ports[e->object].task : caller;
}

/* Anybody alive: never the giver alone. */
static void
generate_give(struct operation *op, const struct model *m, int task)
{
	do
		op->value = chance((uint32_t)m->n_threads);
	while (m->threads[op->value].state == M_GONE);
	op->name = some_name(m, task, ANY);
	op->disposition = fitting(m, task, op->name);
}

static void
generate_one(struct operation *op, const struct model *m, uint32_t serial, int idle, int waiting)
{
	int task;

	*op = (struct operation){ .serial = serial, .call = some_call() };
	if (idle < 0 && op->call != OP_end)
		op->call = OP_interrupt;
	if (waiting < 0 && op->call == OP_interrupt)
		op->call = OP_allocate;
	op->thread = (uint32_t)(op->call == OP_interrupt || idle < 0 ? waiting : idle);
	task = m->threads[op->thread].task;
	if (op->call == OP_allocate && chance(6) && count_entries(m, task) > ENOUGH)
		in_vain = true;
	if (op->call == OP_msg)
		generate_msg(op, m, task);
	else if (op->call == OP_give)
		generate_give(op, m, task);
	else if (op->call != OP_interrupt && op->call != OP_end && op->call != OP_task_self)
		generate_call(op, m, task, target(m, task, op));
}

bool
generate(struct program *program, const struct model *m)
{
	struct operation *op = &program->operations[program->n_operations];
	int idle = some_thread(m, true), waiting = some_thread(m, false);

	if ((idle < 0 && waiting < 0) || program->n_operations == PROGRAM_MAX)
		return false;
	program->n_operations++;
	in_vain = true;
	for (int i = 0; i < TRIES && in_vain; i++) {
		in_vain = false;
		generate_one(op, m, program->n_operations, idle, waiting);
	}
	return true;
}
