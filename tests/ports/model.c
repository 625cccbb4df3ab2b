/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model: see model.h. The numbers in comments are sections of the design. */
#include "tests/ports/model.h"

#include <assert.h>
#include <string.h>

static void release(struct model *m, struct m_right right);
static void destroy_message(struct model *m, int index, bool arrived);

/* What exists, counted (1.7). */

uint32_t
model_count_sends(const struct model *m, int port)
{
	uint32_t n = 0;

	for (int t = 0; t < MODEL_TASKS; t++)
		for (int i = 0; i < m->tasks[t].n_entries; i++) {
			const struct m_entry *e = &m->tasks[t].entries[i];

			n += e->name && e->send && e->object == port;
		}
	for (int i = 0; i < m->n_messages; i++) {
		const struct m_message *g = &m->messages[i];

		if (g->where == M_FREE)
			continue;
		n += g->dest.kind == M_SEND && g->dest.port == port;
		n += g->reply.kind == M_SEND && g->reply.port == port;
		for (uint32_t k = 0; k < g->n_items; k++)
			n += g->items[k].right.kind == M_SEND && g->items[k].right.port == port;
	}
	return n;
}

static bool
is_once_of(struct m_right right, int port)
{
	return right.kind == M_ONCE && right.port == port;
}

uint32_t
model_count_onces(const struct model *m, int port)
{
	uint32_t n = 0;

	for (int t = 0; t < MODEL_TASKS; t++)
		for (int i = 0; i < m->tasks[t].n_entries; i++) {
			const struct m_entry *e = &m->tasks[t].entries[i];

			if (!e->name)
				continue;
			n += e->once && e->object == port;
			n += is_once_of(e->dead_name, port);
			n += is_once_of(e->possible, port);
		}
	for (int p = 1; p <= m->n_ports; p++) {
		if (!m->ports[p].alive)
			continue;
		n += is_once_of(m->ports[p].no_senders, port);
		n += is_once_of(m->ports[p].destroyed, port);
	}
	for (int i = 0; i < m->n_messages; i++) {
		const struct m_message *g = &m->messages[i];

		if (g->where == M_FREE)
			continue;
		n += is_once_of(g->dest, port);
		n += is_once_of(g->reply, port);
		for (uint32_t k = 0; k < g->n_items; k++)
			n += is_once_of(g->items[k].right, port);
	}
	return n;
}

uint32_t
model_count_queued(const struct model *m, int port)
{
	uint32_t n = 0;

	for (int i = 0; i < m->n_messages; i++)
		n += m->messages[i].where == M_QUEUED && m->messages[i].port == port;
	return n;
}

/* The oldest message in a port's queue, or of those blocked before it; after some
 * moment. -1: none. */
static int
oldest(const struct model *m, int port, enum m_where where, uint64_t after)
{
	int best = -1;

	for (int i = 0; i < m->n_messages; i++) {
		const struct m_message *g = &m->messages[i];

		if (g->where == where && g->port == port && g->order > after &&
		    (best < 0 || g->order < m->messages[best].order))
			best = i;
	}
	return best;
}

/* The message that carries a port's receive right, or -1. */
static int
carrier(const struct model *m, int port)
{
	for (int i = 0; i < m->n_messages; i++) {
		const struct m_message *g = &m->messages[i];

		if (g->where == M_FREE)
			continue;
		for (uint32_t k = 0; k < g->n_items; k++)
			if (g->items[k].right.kind == M_RECEIVE && g->items[k].right.port == port)
				return i;
	}
	return -1;
}

/* Names. */

struct m_entry *
model_find(struct model *m, int task, port_name_t name)
{
	for (int i = 0; name != PORT_NULL && i < m->tasks[task].n_entries; i++)
		if (m->tasks[task].entries[i].name == name)
			return &m->tasks[task].entries[i];
	return NULL;
}

/* 1.1, rule 3: the one name of a task for a port's send and receive rights. */
static struct m_entry *
find_port(struct model *m, int task, int port)
{
	for (int i = 0; i < m->tasks[task].n_entries; i++) {
		struct m_entry *e = &m->tasks[task].entries[i];

		if (e->name && (e->send || e->receive) && e->object == port)
			return e;
	}
	return NULL;
}

/* name PORT_NULL: a fresh one. */
static struct m_entry *
new_entry(struct model *m, int task, port_name_t name, int object)
{
	struct m_task *t = &m->tasks[task];
	int i = 0;

	while (i < t->n_entries && t->entries[i].name)
		i++;
	assert(i < MODEL_ENTRIES && m->births < MODEL_BIRTHS);
	if (i == t->n_entries)
		t->n_entries++;
	if (name == PORT_NULL)
		name = MODEL_FRESH + m->epoch * MODEL_BIRTHS + m->births++;
	t->entries[i] = (struct m_entry){ .name = name, .object = object };
	return &t->entries[i];
}

static int
new_port(struct model *m)
{
	assert(m->n_ports < MODEL_PORTS - 1);
	m->ports[++m->n_ports] =
	    (struct m_port){ .alive = true, .task = -1, .qlimit = PORT_QLIMIT_DEFAULT };
	return m->n_ports;
}

uint32_t
model_type(const struct m_entry *e)
{
	return (e->send ? PORT_TYPE(PORT_RIGHT_SEND) : 0) |
	    (e->receive ? PORT_TYPE(PORT_RIGHT_RECEIVE) : 0) |
	    (e->once ? PORT_TYPE(PORT_RIGHT_SEND_ONCE) : 0) |
	    (e->set ? PORT_TYPE(PORT_RIGHT_PORT_SET) : 0) |
	    (e->dead ? PORT_TYPE(PORT_RIGHT_DEAD_NAME) : 0) |
	    (e->dead_name.kind != M_NULL ? PORT_TYPE_DNREQUEST : 0) |
	    (e->possible.kind != M_NULL ? PORT_TYPE_SPREQUEST : 0);
}

port_name_t
model_set_name(struct model *m, int set)
{
	for (int t = 0; set && t < MODEL_TASKS; t++)
		for (int i = 0; i < m->tasks[t].n_entries; i++) {
			struct m_entry *e = &m->tasks[t].entries[i];

			if (e->name && e->set && e->object == set)
				return e->name;
		}
	return PORT_NULL;
}

/* A right whose port has died is DEAD. */
static struct m_right
normal(const struct model *m, struct m_right right)
{
	if (right.port && !m->ports[right.port].alive)
		return (struct m_right){ M_DEAD, 0 };
	return right;
}

static uint32_t
arrives_as(uint32_t disposition)
{
	switch (disposition) {
	case PORT_MOVE_RECEIVE:
		return PORT_MOVE_RECEIVE;
	case PORT_MOVE_SEND_ONCE:
	case PORT_MAKE_SEND_ONCE:
		return PORT_MOVE_SEND_ONCE;
	default:
		return PORT_MOVE_SEND;
	}
}

static bool
is_disposition(uint32_t disposition)
{
	return disposition >= PORT_MOVE_RECEIVE && disposition <= PORT_MAKE_SEND_ONCE;
}

/* Messages and notifications. */

static int
new_message(struct model *m, uint32_t id)
{
	int i = 0;

	while (i < m->n_messages && m->messages[i].where != M_FREE)
		i++;
	assert(i < MODEL_MESSAGES);
	if (i == m->n_messages)
		m->n_messages++;
	m->messages[i] = (struct m_message){ .where = M_MAKING, .id = id, .epoch = m->epoch,
		.about_task = -1, .death = m->death, .phase = m->phase };
	return i;
}

static void
enqueue(struct model *m, int index, int port)
{
	m->messages[index].where = M_QUEUED;
	m->messages[index].port = port;
	m->messages[index].order = ++m->clock;
}

/* 4.1: a message to a send-once right; it vanishes with a dead port. Its index, or -1. */
static int
notify(struct model *m, struct m_right asked, uint32_t id)
{
	int i;

	if (normal(m, asked).kind != M_ONCE)
		return -1;
	i = new_message(m, id);
	m->messages[i].notice = true;
	m->messages[i].dest = asked;
	enqueue(m, i, asked.port);
	return i;
}

static void
notify_name(struct model *m, struct m_right asked, uint32_t id, int task, struct m_entry *e)
{
	int i = notify(m, asked, id);

	if (i < 0)
		return;
	m->messages[i].about = e->name;
	m->messages[i].about_task = task;
	m->messages[i].about_port = e->object;
	m->messages[i].size = 4;
}

static void
notify_no_senders(struct model *m, int port)
{
	struct m_right asked = m->ports[port].no_senders;
	int i;

	m->ports[port].no_senders = (struct m_right){ M_NULL, 0 };
	i = notify(m, asked, PORT_NOTIFY_NO_SENDERS);
	if (i < 0)
		return;
	m->messages[i].about = m->ports[port].mscount;
	m->messages[i].about_port = port;
	m->messages[i].size = 4;
}

/* 4.2: one send right less. */
static void
sender_gone(struct model *m, int port)
{
	if (m->ports[port].alive && model_count_sends(m, port) == 0)
		notify_no_senders(m, port);
}

/* 1.8: at the death of a task its rights go in any order, so of two that go together
 * (the receive right of a port and the last send right, or the name with a request)
 * either may be seen to go first. */
bool
model_may_read_as(const struct model *m, const struct m_message *g, uint32_t id)
{
	static const uint32_t pairs[][2] = {
		{ PORT_NOTIFY_NO_SENDERS, PORT_NOTIFY_SEND_ONCE },
		{ PORT_NOTIFY_DEAD_NAME, PORT_NOTIFY_PORT_DELETED },
	};

	if (g->id == id)
		return true;
	if (!g->notice || !m->loose[g->epoch] || !g->about_port || m->ports[g->about_port].alive)
		return false;
	for (int i = 0; i < 2; i++)
		if ((g->id == pairs[i][0] && id == pairs[i][1]) ||
		    (g->id == pairs[i][1] && id == pairs[i][0]))
			return true;
	return false;
}

/* Losing rights. */

static void
finish(struct model *m, int thread, int code)
{
	m->threads[thread].state = M_IDLE;
	m->threads[thread].answered = true;
	m->threads[thread].answer.code = code;
}

static void begin_receive(struct model *m, int thread);

static int
thread_of(const struct model *m, int message)
{
	for (int i = 0; i < m->n_threads; i++)
		if (m->threads[i].state == M_SENDING && m->threads[i].message == message)
			return i;
	return -1;
}

static void
sent(struct model *m, int thread)
{
	if (m->threads[thread].op.options & PORT_MSG_RCV)
		begin_receive(m, thread);
	else
		finish(m, thread, 0);
}

/* Those that wait to receive from a port or set are told a code instead. */
static void
turn_away(struct model *m, bool on_set, int object, int code)
{
	for (int i = 0; i < m->n_threads; i++) {
		struct m_thread *th = &m->threads[i];

		if (th->state == M_RECEIVING && th->on_set == on_set && th->object == object)
			finish(m, i, code);
	}
}

static struct m_right
steal(struct m_right *right)
{
	struct m_right stolen = *right;

	*right = (struct m_right){ M_NULL, 0 };
	return stolen;
}

/* 4.2: the death of a name adds a reference, to be given up by who hears of it. */
static void
say_dead(struct model *m, int task, struct m_entry *e, struct m_right asked)
{
	if (asked.kind == M_NULL)
		return;
	if (e->urefs < PORT_UREFS_DEAD_MAX)
		e->urefs++;
	notify_name(m, asked, PORT_NOTIFY_DEAD_NAME, task, e);
}

/* 1.5, in its order. No entry has the receive right any more. */
static void
port_dies(struct model *m, int port)
{
	struct m_port *p = &m->ports[port];
	uint32_t death = m->death, phase = m->phase;
	int i;

	if (m->deaths++ > 0)
		m->loose[m->epoch] = true;
	m->death = m->deaths;
	p->alive = false;
	m->phase = 1;
	while ((i = oldest(m, port, M_BLOCKED, 0)) >= 0) {
		int thread = thread_of(m, i);

		destroy_message(m, i, true);
		if (thread >= 0)
			sent(m, thread);
	}
	m->phase = 2;
	while ((i = oldest(m, port, M_QUEUED, 0)) >= 0)
		destroy_message(m, i, true);
	m->phase = 3;
	for (int t = 0; t < MODEL_TASKS; t++)
		for (i = 0; i < m->tasks[t].n_entries; i++) {
			struct m_entry *e = &m->tasks[t].entries[i];

			if (!e->name || e->set || e->dead || e->object != port)
				continue;
			e->send = e->once = false;
			e->dead = true;
			say_dead(m, t, e, steal(&e->dead_name));
			say_dead(m, t, e, steal(&e->possible));
			e->armed = false;
			e->object = 0;
		}
	m->phase = 4;
	i = notify(m, p->no_senders, PORT_NOTIFY_SEND_ONCE);
	if (i >= 0)
		m->messages[i].about_port = port;
	turn_away(m, false, port, PORT_E_RCV_PORT_DIED);
	p->no_senders = p->destroyed = (struct m_right){ M_NULL, 0 };
	p->set = 0;
	m->death = death;
	m->phase = phase;
}

/* 1.3, MR: what a port loses when its receive right leaves a table. */
static void
receive_leaves(struct model *m, int port)
{
	struct m_port *p = &m->ports[port];

	p->mscount = p->seqno = 0;
	p->has_payload = false;
	p->guarded = p->strict = false;
	p->set = 0;
	turn_away(m, false, port, PORT_E_RCV_PORT_DIED);
}

/* 3.8: does the way of a message to `port` lead into what is inside `inner`? */
static bool
is_circular(const struct model *m, int inner, int port)
{
	for (int steps = 0; steps <= m->n_messages; steps++) {
		int i;

		if (port == inner)
			return true;
		i = carrier(m, port);
		if (i < 0 || m->messages[i].where == M_MAKING)
			return false;
		port = m->messages[i].port;
	}
	return true;
}

/* 1.5, 4.2: a receive right that was in a table or message is gone. */
static void
receive_gone(struct model *m, int port)
{
	struct m_port *p = &m->ports[port];
	struct m_right asked = p->destroyed;
	int i;

	p->destroyed = (struct m_right){ M_NULL, 0 };
	if (normal(m, asked).kind != M_ONCE || is_circular(m, port, asked.port)) {
		port_dies(m, port);
		return;
	}
	receive_leaves(m, port);
	i = notify(m, asked, PORT_NOTIFY_PORT_DESTROYED);
	m->messages[i].size = 4;
	m->messages[i].n_items = 1;
	m->messages[i].items[0].item.disposition = PORT_MOVE_RECEIVE;
	m->messages[i].items[0].right = (struct m_right){ M_RECEIVE, port };
}

/* Of a right that is in no table and message any more. */
static void
release(struct model *m, struct m_right right)
{
	right = normal(m, right);
	if (right.kind == M_SEND)
		sender_gone(m, right.port);
	else if (right.kind == M_ONCE)
		notify(m, right, PORT_NOTIFY_SEND_ONCE);
	else if (right.kind == M_RECEIVE)
		receive_gone(m, right.port);
}

/* 3.7. arrived: it had reached the port, so that nothing is owed for the send-once right
 * it came by. */
static void
destroy_message(struct model *m, int index, bool arrived)
{
	struct m_message *g = &m->messages[index];
	struct m_right dest;

	for (uint32_t k = 0; k < g->n_items; k++)
		if (g->items[k].right.kind == M_RECEIVE)
			m->loose[m->epoch] = true;	/* left or right of it: nobody knows */
	g->where = M_MAKING;
	dest = steal(&g->dest);
	if (!arrived || dest.kind != M_ONCE)
		release(m, dest);
	release(m, steal(&g->reply));
	for (uint32_t k = 0; k < g->n_items; k++)
		release(m, steal(&g->items[k].right));
	g->where = M_FREE;
}

/* A name goes, without its port's death. */
static void
name_goes(struct model *m, int task, struct m_entry *e)
{
	struct m_right asked = steal(&e->dead_name), possible = steal(&e->possible);

	notify_name(m, asked, PORT_NOTIFY_PORT_DELETED, task, e);
	notify_name(m, possible, PORT_NOTIFY_PORT_DELETED, task, e);
	e->name = PORT_NULL;
}

/* Takes references of a send right or a dead name. Whoever calls sees to sender_gone. */
static void
drop_urefs(struct model *m, int task, struct m_entry *e, uint32_t n)
{
	e->urefs -= n;
	if (e->urefs > 0)
		return;
	e->send = false;
	if (!e->receive)
		name_goes(m, task, e);
}

/* The receive right of an entry leaves the table; a send right stays. */
static int
lift_receive(struct model *m, int task, struct m_entry *e)
{
	int port = e->object;

	e->receive = false;
	if (!e->send)
		name_goes(m, task, e);
	return port;
}

/* 1.3: rights out of a table, and 1.4: into one. */

static bool
fits(const struct model *m, const struct m_entry *e, uint32_t disposition)
{
	switch (disposition) {
	case PORT_MOVE_RECEIVE:
	case PORT_MAKE_SEND_ONCE:
		return e->receive;
	case PORT_MAKE_SEND:
		return e->receive && !m->ports[e->object].reply_only;
	case PORT_MOVE_SEND:
	case PORT_COPY_SEND:
		return e->send || e->dead;
	case PORT_MOVE_SEND_ONCE:
		return e->once || e->dead;
	}
	return false;
}

/* That it fits has been seen. */
static struct m_right
take_from(struct model *m, int task, struct m_entry *e, uint32_t disposition)
{
	struct m_right right = { e->dead ? M_DEAD : M_SEND, e->dead ? 0 : e->object };

	switch (disposition) {
	case PORT_MOVE_RECEIVE:
		right = (struct m_right){ M_RECEIVE, lift_receive(m, task, e) };
		receive_leaves(m, right.port);
		break;
	case PORT_MAKE_SEND:
		m->ports[e->object].mscount++;
		break;
	case PORT_MAKE_SEND_ONCE:
		right.kind = M_ONCE;
		break;
	case PORT_MOVE_SEND:
		drop_urefs(m, task, e, 1);
		break;
	case PORT_MOVE_SEND_ONCE:
		if (e->once)
			right.kind = M_ONCE;
		drop_urefs(m, task, e, 1);
		break;
	}
	return right;
}

/* by_message: only a strict guard forbids to move a receive right. */
static int
take(struct model *m, int task, port_name_t name, uint32_t disposition, bool by_message,
    struct m_right *right)
{
	struct m_entry *e = model_find(m, task, name);

	if (!e)
		return PORT_E_INVALID_NAME;
	if (!fits(m, e, disposition))
		return PORT_E_INVALID_RIGHT;
	if (disposition == PORT_MOVE_RECEIVE && m->ports[e->object].guarded &&
	    (!by_message || m->ports[e->object].strict))
		return PORT_E_INVALID_RIGHT;
	*right = take_from(m, task, e, disposition);
	return 0;
}

/* At a full name, the right that arrives is let go (D4): no sender less, since the name
 * is one. */
static void
put_in(struct model *m, struct m_entry *e, struct m_right right)
{
	(void)m;
	if (right.kind == M_RECEIVE) {
		e->receive = true;
	} else if (right.kind == M_ONCE) {
		e->once = true;
		e->urefs = 1;
	} else if (!e->send || e->urefs < PORT_UREFS_SEND_MAX) {
		e->send = true;
		e->urefs++;
	}
}

static port_name_t
put(struct model *m, int task, struct m_right right)
{
	struct m_entry *e = NULL;

	right = normal(m, right);
	if (right.kind == M_NULL)
		return PORT_NULL;
	if (right.kind == M_DEAD)
		return PORT_DEAD;
	if (right.kind != M_ONCE)
		e = find_port(m, task, right.port);
	if (!e)
		e = new_entry(m, task, PORT_NULL, right.port);
	put_in(m, e, right);
	return e->name;
}

/* 3. Receiving. */

/* 4.4, 1.5: of what one operation made, only the steps of one port's death have an
 * order. */
static bool
may_swap(const struct model *m, const struct m_message *a, const struct m_message *b)
{
	if (!a->notice || !b->notice || a->epoch != b->epoch)
		return false;
	return m->loose[a->epoch] || a->death != b->death || a->death == 0 ||
	    a->phase == b->phase;
}

static bool
receives_from(const struct model *m, const struct m_thread *th, int port)
{
	return th->on_set ? m->ports[port].set == th->object : port == th->object;
}

/* The messages of a port that may be its first. */
static int
firsts(const struct model *m, int port, int *messages, int n)
{
	uint64_t at = 0;
	int i, from = n;
	bool may = true;

	while (may && (i = oldest(m, port, M_QUEUED, at)) >= 0) {
		at = m->messages[i].order;
		for (int k = from; k < n; k++)
			may = may && may_swap(m, &m->messages[messages[k]], &m->messages[i]);
		if (may)
			messages[n++] = i;
	}
	return n;
}

/* Counts for how many messages of others the members of a set wait. */
static void
pass_over(struct model *m, int set, int chosen)
{
	uint32_t n = 0;

	for (int p = 1; p <= m->n_ports; p++)
		n += m->ports[p].set == set;
	for (int p = 1; p <= m->n_ports; p++) {
		struct m_port *port = &m->ports[p];

		if (port->set != set)
			continue;
		port->passed_over++;
		if (port->most < n)
			port->most = n;
		if (p == chosen || oldest(m, p, M_QUEUED, 0) < 0)
			port->passed_over = port->most = 0;
	}
}

static int
choose(struct model *m, int thread)
{
	struct m_thread *th = &m->threads[thread];
	static int messages[MODEL_MESSAGES];
	int n = 0;

	for (int p = 1; p <= m->n_ports; p++)
		if (m->ports[p].alive && receives_from(m, th, p))
			n = firsts(m, p, messages, n);
	if (n == 0)
		return -1;
	return messages[m->choose(m->arg, thread, messages, n)];
}

/* 4.2: whoever met a full queue and asked. */
static void
send_possible(struct model *m, int port)
{
	for (int t = 0; t < MODEL_TASKS; t++)
		for (int i = 0; i < m->tasks[t].n_entries; i++) {
			struct m_entry *e = &m->tasks[t].entries[i];

			if (!e->name || e->set || e->dead || e->object != port || !e->armed)
				continue;
			e->armed = false;
			notify_name(m, steal(&e->possible), PORT_NOTIFY_SEND_POSSIBLE, t, e);
		}
}

/* 3.3: each message that leaves makes room for one that waits, if there is room. */
static void
admit(struct model *m, int port)
{
	int i;

	while (model_count_queued(m, port) < m->ports[port].qlimit &&
	    (i = oldest(m, port, M_BLOCKED, 0)) >= 0) {
		int thread = thread_of(m, i);

		enqueue(m, i, port);
		sent(m, thread);
	}
	if (model_count_queued(m, port) < m->ports[port].qlimit)
		send_possible(m, port);
}

static void
answer_mail(struct model *m, int task, struct m_message *g, struct answer *a)
{
	struct m_right reply = normal(m, g->reply);

	a->mail = true;
	a->id = g->id;
	a->size = g->size;
	a->sender = g->sender;
	a->notice = g->notice;
	a->about = g->about;
	a->about_task = g->about_task;
	a->any_about = g->any_about;
	a->remote_disposition = reply.kind == M_NULL ? 0 : arrives_as(g->reply_disposition);
	a->remote = put(m, task, steal(&g->reply));
	a->n_items = g->n_items;
	for (uint32_t k = 0; k < g->n_items; k++) {
		a->items[k] = g->items[k].item;
		if (g->items[k].item.type != WIRE_ITEM_PORT)
			continue;
		if (g->items[k].right.kind != M_NULL || a->items[k].name == PORT_NULL)
			a->items[k].name = put(m, task, steal(&g->items[k].right));
	}
}

/* Gives a thread a message: whether it took it. */
static void
deliver(struct model *m, int thread, int index)
{
	struct m_thread *th = &m->threads[thread];
	struct m_message *g = &m->messages[index];
	struct answer *a = &th->answer;
	int port = g->port;
	struct m_entry *e = find_port(m, th->task, port);
	struct m_right dest;

	a->size = g->size;
	a->id = g->id;
	if (g->size > th->op.rcv_size && th->op.options & PORT_MSG_RCV_LARGE) {
		finish(m, thread, PORT_E_RCV_TOO_LARGE);
		return;
	}
	a->seqno = m->ports[port].seqno++;
	if (th->on_set)
		pass_over(m, th->object, port);
	if (g->size > th->op.rcv_size) {
		g->where = M_MAKING;
		admit(m, port);
		destroy_message(m, index, true);
		finish(m, thread, PORT_E_RCV_TOO_LARGE);
		return;
	}
	a->local = m->ports[port].has_payload ? PORT_NULL : e->name;
	a->local_disposition = m->ports[port].has_payload ? PORT_PROTECTED_PAYLOAD :
	    g->dest.kind == M_ONCE ? PORT_MOVE_SEND_ONCE : PORT_MOVE_SEND;
	a->has_payload = m->ports[port].has_payload;
	a->payload = m->ports[port].payload;
	answer_mail(m, th->task, g, a);
	dest = steal(&g->dest);
	g->where = M_FREE;
	admit(m, port);
	if (dest.kind == M_SEND)
		release(m, dest);
	finish(m, thread, 0);
}

/* old: other than what this operation has made portd say. */
static bool
has_message(const struct model *m, const struct m_thread *th, bool old)
{
	for (int i = 0; i < m->n_messages; i++) {
		const struct m_message *g = &m->messages[i];

		if (g->where == M_QUEUED && receives_from(m, th, g->port) &&
		    !(old && g->notice && g->epoch == m->epoch))
			return true;
	}
	return false;
}

/* Oldest first, whoever waits for what there is, until nothing moves any more; then
 * those that do not wait. */
static void
settle(struct model *m)
{
	for (;;) {
		int best = -1, message = -1;

		for (int i = 0; i < m->n_threads; i++) {
			struct m_thread *th = &m->threads[i];

			if (th->state == M_RECEIVING && has_message(m, th, false) &&
			    (best < 0 || th->order < m->threads[best].order))
				best = i;
		}
		if (best < 0)
			break;
		message = choose(m, best);
		deliver(m, best, message);
	}
	for (int i = 0; i < m->n_threads; i++)
		if (m->threads[i].state == M_RECEIVING &&
		    m->threads[i].op.options & PORT_MSG_RCV_TIMEOUT)
			finish(m, i, PORT_E_RCV_TIMED_OUT);
}

/* 3.5. What there is to receive is seen in settle. */
static void
begin_receive(struct model *m, int thread)
{
	struct m_thread *th = &m->threads[thread];
	struct m_entry *e = model_find(m, th->task, th->op.rcv_name);

	if (!e || (!e->receive && !e->set)) {
		finish(m, thread, PORT_E_RCV_INVALID_NAME);
	} else if (e->receive && m->ports[e->object].set) {
		finish(m, thread, PORT_E_RCV_IN_SET);
	} else {
		th->state = M_RECEIVING;
		th->on_set = e->set;
		th->object = e->object;
		th->order = ++m->clock;
		if (th->op.options & PORT_MSG_RCV_TIMEOUT && th->op.options & PORT_MSG_SEND &&
		    !has_message(m, th, true) && m->choose(m->arg, thread, NULL, 0))
			finish(m, thread, PORT_E_RCV_TIMED_OUT);
	}
}

/* 3.1 - 3.4. Sending. */

static bool
is_name(port_name_t name)
{
	return name != PORT_NULL && name != PORT_DEAD;
}

static int
check_same_entry(const struct model *m, const struct m_entry *e, const struct operation *op,
    int *also)
{
	uint32_t remote = op->remote_disposition, local = op->local_disposition;
	bool dest_fits = fits(m, e, remote), reply_fits = fits(m, e, local);

	if (e->dead)
		return PORT_E_SEND_INVALID_DEST;
	if (remote == PORT_MOVE_SEND_ONCE || local == PORT_MOVE_SEND_ONCE) {
		*also = reply_fits ? 0 : PORT_E_SEND_INVALID_REPLY;
		return PORT_E_SEND_INVALID_DEST;
	}
	if (!dest_fits || !reply_fits) {
		*also = dest_fits || reply_fits ? 0 : PORT_E_SEND_INVALID_REPLY;
		return dest_fits ? PORT_E_SEND_INVALID_REPLY : PORT_E_SEND_INVALID_DEST;
	}
	if (remote == PORT_MOVE_SEND && local == PORT_MOVE_SEND && e->urefs < 2)
		return PORT_E_SEND_INVALID_DEST;
	return 0;
}

static int
check_header(struct model *m, int task, const struct operation *op, int *also)
{
	uint32_t remote = op->remote_disposition, local = op->local_disposition;
	struct m_entry *dest = model_find(m, task, op->remote);
	struct m_entry *reply = model_find(m, task, op->local);
	bool dest_fits = dest && !dest->dead && fits(m, dest, remote);

	if (op->bits || !is_disposition(remote) || remote == PORT_MOVE_RECEIVE ||
	    (local ? !is_disposition(local) || local == PORT_MOVE_RECEIVE : op->local != PORT_NULL))
		return PORT_E_SEND_INVALID_HEADER;
	if (dest && dest == reply)
		return check_same_entry(m, dest, op, also);
	if (is_name(op->local) && (!reply || !fits(m, reply, local))) {
		*also = dest_fits ? 0 : PORT_E_SEND_INVALID_DEST;
		return PORT_E_SEND_INVALID_REPLY;
	}
	return dest_fits ? 0 : PORT_E_SEND_INVALID_DEST;
}

/* A move must not take what the other half copies or makes. */
static void
take_header(struct model *m, int task, const struct operation *op, struct m_message *g)
{
	struct m_entry *dest = model_find(m, task, op->remote);
	struct m_entry *reply = model_find(m, task, op->local);
	bool reply_first = dest == reply && op->remote_disposition == PORT_MOVE_SEND;

	if (reply && reply_first)
		g->reply = take_from(m, task, reply, op->local_disposition);
	g->dest = take_from(m, task, dest, op->remote_disposition);
	if (reply && !reply_first)
		g->reply = take_from(m, task, reply, op->local_disposition);
	if (op->local == PORT_DEAD)
		g->reply.kind = M_DEAD;
	g->reply_disposition = op->local_disposition;
	g->port = g->dest.port;
}

static int
take_items(struct model *m, int task, const struct operation *op, struct m_message *g, int *also)
{
	uint32_t n_elements = 0, disposition = 0;

	for (uint32_t k = 0; k < op->n_items; k++) {
		struct item item = op->items[k];
		struct m_right right = { M_NULL, 0 };

		if (n_elements > 0) {
			n_elements--;
			item.disposition = disposition;
			if (item.type != WIRE_ITEM_PORT)
				return PORT_E_SEND_INVALID_TYPE;
		}

		g->items[k].item = item;
		g->items[k].right = right;
		g->n_items = k + 1;
		if (item.type == WIRE_ITEM_PORTS)
			g->items[k].item.disposition = arrives_as(item.disposition);
		/* 3.6 calls what is no disposition neither an invalid type nor an invalid right. */
		*also = is_disposition(item.disposition) ? 0 : PORT_E_SEND_INVALID_TYPE;
		if (item.type == WIRE_ITEM_PORTS && !is_disposition(item.disposition))
			return PORT_E_SEND_INVALID_RIGHT;
		if (item.type == WIRE_ITEM_PORTS && item.name > op->n_items - k - 1)
			return PORT_E_SEND_MSG_TOO_SMALL;
		if (item.type == WIRE_ITEM_PORTS) {
			n_elements = item.name;
			disposition = item.disposition;
		}
		if (item.type == WIRE_ITEM_PORTS || item.type == WIRE_ITEM_MEMORY)
			continue;
		if (item.type != WIRE_ITEM_PORT)
			return PORT_E_SEND_INVALID_TYPE;
		if (!is_disposition(item.disposition))
			return PORT_E_SEND_INVALID_RIGHT;
		if (item.name == PORT_DEAD)
			right.kind = M_DEAD;
		else if (item.name != PORT_NULL &&
		    take(m, task, item.name, item.disposition, true, &right))
			return PORT_E_SEND_INVALID_RIGHT;
		g->items[k].item.disposition = arrives_as(item.disposition);
		g->items[k].right = right;
	}
	return 0;
}

/* 3.4: the message comes back as it would have arrived, but not swapped. */
static void
pseudo_receive(struct model *m, int thread, int index, int code)
{
	struct m_thread *th = &m->threads[thread];
	struct m_message *g = &m->messages[index];
	struct answer *a = &th->answer;
	bool once = g->dest.kind == M_ONCE;
	port_name_t remote;

	g->where = M_MAKING;
	remote = put(m, th->task, steal(&g->dest));
	answer_mail(m, th->task, g, a);
	a->local = a->remote;
	a->local_disposition = a->remote_disposition;
	a->remote = remote;
	a->remote_disposition = once ? PORT_MOVE_SEND_ONCE : PORT_MOVE_SEND;
	g->where = M_FREE;
	finish(m, thread, code);
}

static bool
takes_itself(const struct model *m, const struct m_message *g)
{
	for (uint32_t k = 0; k < g->n_items; k++)
		if (g->items[k].right.kind == M_RECEIVE &&
		    is_circular(m, g->items[k].right.port, g->port))
			return true;
	return false;
}

static void
send(struct model *m, int thread, const struct operation *op)
{
	struct m_thread *th = &m->threads[thread];
	int code = check_header(m, th->task, op, th->answer.also), i;
	struct m_message *g;
	struct m_entry *e;

	if (code) {
		finish(m, thread, code);
		return;
	}
	i = new_message(m, op->id);
	g = &m->messages[i];
	g->size = op->size;
	g->sender = m->tasks[th->task].id;
	take_header(m, th->task, op, g);
	code = take_items(m, th->task, op, g, &th->answer.also[1]);
	if (code || takes_itself(m, g)) {
		destroy_message(m, i, false);
		if (code)
			finish(m, thread, code);
		else
			sent(m, thread);
		return;
	}
	if (g->dest.kind == M_ONCE || model_count_queued(m, g->port) < m->ports[g->port].qlimit) {
		enqueue(m, i, g->port);
		sent(m, thread);
		return;
	}
	e = op->options & PORT_MSG_SEND_NOTIFY ? model_find(m, th->task, op->remote) : NULL;
	if (e && e->object == g->port && e->possible.kind != M_NULL)
		e->armed = true;
	if (op->options & PORT_MSG_SEND_TIMEOUT) {
		pseudo_receive(m, thread, i, PORT_E_SEND_TIMED_OUT);
	} else {
		g->where = M_BLOCKED;
		g->order = ++m->clock;
		th->state = M_SENDING;
		th->message = i;
	}
}

static void
do_msg(struct model *m, const struct operation *op)
{
	if (op->options & PORT_MSG_SEND)
		send(m, (int)op->thread, op);
	else if (op->options & PORT_MSG_RCV)
		begin_receive(m, (int)op->thread);
	else
		finish(m, (int)op->thread, 0);
}

static void
do_interrupt(struct model *m, const struct operation *op)
{
	struct m_thread *th = &m->threads[op->thread];

	if (th->state == M_SENDING)
		pseudo_receive(m, (int)op->thread, th->message, PORT_E_SEND_INTERRUPTED);
	else if (th->state == M_RECEIVING)
		finish(m, (int)op->thread, PORT_E_RCV_INTERRUPTED);
}

/* 2.1. The calls: `task` is whose space they are about. */

static int
check_kind(uint32_t kind)
{
	return kind == PORT_RIGHT_RECEIVE || kind == PORT_RIGHT_PORT_SET ||
	    kind == PORT_RIGHT_DEAD_NAME ? 0 : PORT_E_INVALID_VALUE;
}

static struct m_entry *
allocate(struct model *m, int task, uint32_t kind, port_name_t name)
{
	struct m_entry *e = new_entry(m, task, name, 0);

	e->receive = kind == PORT_RIGHT_RECEIVE;
	e->set = kind == PORT_RIGHT_PORT_SET;
	e->dead = kind == PORT_RIGHT_DEAD_NAME;
	e->urefs = e->dead ? 1 : 0;
	e->object = e->receive ? new_port(m) : e->set ? ++m->n_sets : 0;
	return e;
}

static int
do_allocate(struct model *m, int task, const struct operation *op, struct answer *a)
{
	int code = check_kind(op->kind);

	if (code == 0)
		a->name = allocate(m, task, op->kind, PORT_NULL)->name;
	return code;
}

static int
do_allocate_name(struct model *m, int task, const struct operation *op, struct answer *a)
{
	(void)a;
	if (check_kind(op->kind) || !is_name(op->name))
		return PORT_E_INVALID_VALUE;
	if (model_find(m, task, op->name))
		return PORT_E_NAME_EXISTS;
	allocate(m, task, op->kind, op->name);
	return 0;
}

static int
do_deallocate(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);
	bool send, once;
	int port;

	(void)a;
	if (!e)
		return PORT_E_INVALID_NAME;
	if (!e->send && !e->once && !e->dead)
		return PORT_E_INVALID_RIGHT;
	send = e->send;
	once = e->once;
	port = e->object;
	drop_urefs(m, task, e, 1);
	if (send)
		sender_gone(m, port);
	if (once)
		release(m, (struct m_right){ M_ONCE, port });
	return 0;
}

static void
destroy_set(struct model *m, int set)
{
	for (int p = 1; p <= m->n_ports; p++)
		if (m->ports[p].set == set)
			m->ports[p].set = 0;
	turn_away(m, true, set, PORT_E_RCV_PORT_DIED);
}

/* The send right goes first (1.5). */
static void
destroy_entry(struct model *m, int task, struct m_entry *e)
{
	struct m_entry was = *e;

	name_goes(m, task, e);
	if (was.set)
		destroy_set(m, was.object);
	if (was.send)
		sender_gone(m, was.object);
	if (was.once)
		release(m, (struct m_right){ M_ONCE, was.object });
	if (was.receive)
		receive_gone(m, was.object);
}

static int
do_destroy(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);

	(void)a;
	if (!e)
		return PORT_E_INVALID_NAME;
	if (e->receive && m->ports[e->object].guarded)
		return PORT_E_INVALID_RIGHT;
	destroy_entry(m, task, e);
	return 0;
}

static bool
has_kind(const struct m_entry *e, uint32_t kind)
{
	return model_type(e) & PORT_TYPE(kind);
}

static int
mod_single(struct model *m, int task, struct m_entry *e, const struct operation *op)
{
	if (op->value == 0)
		return 0;
	if (op->kind == PORT_RIGHT_RECEIVE) {
		if (m->ports[e->object].guarded)
			return PORT_E_INVALID_RIGHT;
		receive_gone(m, lift_receive(m, task, e));
	} else {
		destroy_entry(m, task, e);
	}
	return 0;
}

static int
mod_counted(struct model *m, int task, struct m_entry *e, const struct operation *op)
{
	int64_t max = e->dead ? PORT_UREFS_DEAD_MAX : PORT_UREFS_SEND_MAX;
	int64_t urefs = e->urefs + op->value;
	bool send = e->send;
	int port = e->object;

	if (urefs < 0)
		return PORT_E_INVALID_VALUE;
	if (urefs > max)
		return PORT_E_UREFS_OVERFLOW;
	e->urefs = (uint32_t)urefs;
	drop_urefs(m, task, e, 0);
	if (send)
		sender_gone(m, port);
	return 0;
}

static int
do_mod_refs(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);
	bool counted = op->kind == PORT_RIGHT_SEND || op->kind == PORT_RIGHT_DEAD_NAME;
	bool bad = !counted && op->value != 0 && op->value != -1;

	if (op->kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	/* Two things wrong: a delta that no such right can take, and no such right. */
	if (bad && (!e || !has_kind(e, op->kind)))
		a->also[0] = e ? PORT_E_INVALID_RIGHT : PORT_E_INVALID_NAME;
	if (bad)
		return PORT_E_INVALID_VALUE;
	if (!e)
		return PORT_E_INVALID_NAME;
	/* D18 against 2.1: whether the count of a name that died is looked at first. */
	if (e->dead && op->kind == PORT_RIGHT_SEND &&
	    (e->urefs + op->value < 0 || e->urefs + op->value > PORT_UREFS_SEND_MAX)) {
		a->also[0] = PORT_E_INVALID_VALUE;
		a->also[1] = PORT_E_UREFS_OVERFLOW;
	}
	if (!has_kind(e, op->kind))
		return PORT_E_INVALID_RIGHT;
	return counted ? mod_counted(m, task, e, op) : mod_single(m, task, e, op);
}

static int
do_get_refs(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);

	if (op->kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	if (!e)
		return PORT_E_INVALID_NAME;
	if (has_kind(e, op->kind))
		a->value = op->kind == PORT_RIGHT_SEND || op->kind == PORT_RIGHT_DEAD_NAME ?
		    e->urefs : 1;
	return 0;
}

static int
do_type(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);

	if (!e)
		return PORT_E_INVALID_NAME;
	a->value = model_type(e);
	return 0;
}

static int
do_rename(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);

	if (!is_name(op->other))
		return PORT_E_INVALID_VALUE;
	if (model_find(m, task, op->other)) {
		a->also[0] = e ? 0 : PORT_E_INVALID_NAME;
		return PORT_E_NAME_EXISTS;
	}
	if (!e)
		return PORT_E_INVALID_NAME;
	e->name = op->other;
	return 0;
}

/* 2.2 */

static int
insert(struct model *m, int task, port_name_t name, struct m_right right)
{
	struct m_entry *used = model_find(m, task, name);
	struct m_entry *e = right.kind == M_ONCE ? NULL : find_port(m, task, right.port);

	if (e && e != used)
		return PORT_E_RIGHT_EXISTS;
	if (used && !e)
		return PORT_E_NAME_EXISTS;
	if (e && right.kind == M_SEND && e->send && e->urefs == PORT_UREFS_SEND_MAX)
		return PORT_E_UREFS_OVERFLOW;
	if (!e)
		e = new_entry(m, task, name, right.port);
	put_in(m, e, right);
	return 0;
}

static int
do_insert_right(struct model *m, int task, const struct operation *op, struct answer *a)
{
	int caller = m->threads[op->thread].task, code;
	struct m_right right;

	(void)a;
	if (!is_name(op->name) || !is_disposition(op->disposition))
		return PORT_E_INVALID_VALUE;
	if (!is_name(op->other))
		return PORT_E_INVALID_CAPABILITY;
	code = take(m, caller, op->other, op->disposition, false, &right);
	if (code)
		return code;
	right = normal(m, right);
	if (right.kind == M_DEAD)
		return PORT_E_INVALID_CAPABILITY;
	code = insert(m, task, op->name, right);
	if (code)
		release(m, right);
	return code;
}

static int
do_extract_right(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_right right;
	int code;

	if (!is_disposition(op->disposition))
		return PORT_E_INVALID_VALUE;
	code = take(m, task, op->name, op->disposition, false, &right);
	if (code == 0)
		a->name = put(m, m->threads[op->thread].task, right);
	return code;
}

/* 4.1 */

static int
request_on_name(struct model *m, int task, struct m_entry *e, const struct operation *op,
    struct m_right *asked, struct m_right *previous)
{
	bool room;

	if (e->set)
		return PORT_E_INVALID_RIGHT;
	if (e->dead) {
		if (op->value == 0 || asked->kind == M_NULL)
			return PORT_E_INVALID_ARGUMENT;
		if (e->urefs == PORT_UREFS_DEAD_MAX)
			return PORT_E_UREFS_OVERFLOW;
		e->urefs++;
		notify_name(m, steal(asked), PORT_NOTIFY_DEAD_NAME, task, e);
		return 0;
	}
	if (op->kind == PORT_NOTIFY_DEAD_NAME) {
		*previous = e->dead_name;
		e->dead_name = steal(asked);
		return 0;
	}
	*previous = steal(&e->possible);
	e->armed = false;
	room = e->once || model_count_queued(m, e->object) < m->ports[e->object].qlimit;
	if (op->value != 0 && room && asked->kind != M_NULL)
		notify_name(m, steal(asked), PORT_NOTIFY_SEND_POSSIBLE, task, e);
	else
		e->possible = steal(asked);
	return 0;
}

static int
request_on_port(struct model *m, struct m_entry *e, const struct operation *op,
    struct m_right *asked, struct m_right *previous)
{
	struct m_port *p = &m->ports[e->object];

	if (!e->receive)
		return PORT_E_INVALID_RIGHT;
	if (op->kind == PORT_NOTIFY_PORT_DESTROYED) {
		*previous = p->destroyed;
		p->destroyed = steal(asked);
		return 0;
	}
	*previous = p->no_senders;
	p->no_senders = steal(asked);
	if (p->no_senders.kind != M_NULL && model_count_sends(m, e->object) == 0 &&
	    (uint32_t)op->value <= p->mscount)
		notify_no_senders(m, e->object);
	return 0;
}

static int
request_checked(struct model *m, int task, const struct operation *op, struct m_right *asked,
    struct m_right *previous)
{
	struct m_entry *e = model_find(m, task, op->name);
	bool on_name = op->kind == PORT_NOTIFY_DEAD_NAME || op->kind == PORT_NOTIFY_SEND_POSSIBLE;

	if (!on_name && op->kind != PORT_NOTIFY_NO_SENDERS && op->kind != PORT_NOTIFY_PORT_DESTROYED)
		return PORT_E_INVALID_VALUE;
	if (op->kind == PORT_NOTIFY_PORT_DESTROYED && op->value != 0)
		return PORT_E_INVALID_VALUE;
	if (asked->kind == M_DEAD)
		return PORT_E_INVALID_CAPABILITY;
	if (!e)
		return PORT_E_INVALID_NAME;
	return on_name ? request_on_name(m, task, e, op, asked, previous) :
	    request_on_port(m, e, op, asked, previous);
}

/* The right that is given is taken first, whatever else is wrong, as by a message. */
static int
do_request_notification(struct model *m, int task, const struct operation *op, struct answer *a)
{
	int caller = m->threads[op->thread].task, code;
	struct m_right asked = { M_NULL, 0 }, previous = { M_NULL, 0 }, bad = { M_DEAD, 0 };

	if (op->other == PORT_DEAD) {
		asked.kind = M_DEAD;
	} else if (op->other != PORT_NULL) {
		if (op->disposition != PORT_MOVE_SEND_ONCE && op->disposition != PORT_MAKE_SEND_ONCE)
			return PORT_E_INVALID_VALUE;
		code = take(m, caller, op->other, op->disposition, false, &asked);
		/* 4.1 says nothing of a right that cannot be taken. Nothing happens. */
		if (code) {
			a->also[0] = code;
			a->also[1] = request_checked(m, task, op, &bad, &previous);
			return PORT_E_INVALID_CAPABILITY;
		}
	}
	code = request_checked(m, task, op, &asked, &previous);
	/* Two things wrong: no order is given. */
	if (asked.kind == M_DEAD)
		a->also[0] = PORT_E_INVALID_CAPABILITY;
	if (code)
		release(m, asked);
	else
		a->name = put(m, caller, previous);
	return code;
}

/* 2.3, 2.4, 2.5 */

static int
find_receive(struct model *m, int task, port_name_t name, struct m_port **port)
{
	struct m_entry *e = model_find(m, task, name);

	if (!e)
		return PORT_E_INVALID_NAME;
	if (!e->receive)
		return PORT_E_INVALID_RIGHT;
	*port = &m->ports[e->object];
	return 0;
}

static int
do_move_member(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *set = model_find(m, task, op->other);
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	/* Two names wrong: no order is given. */
	if (code && op->other != PORT_NULL && (!set || !set->set))
		a->also[0] = set ? PORT_E_INVALID_RIGHT : PORT_E_INVALID_NAME;
	if (code)
		return code;
	if (op->other == PORT_NULL && !p->set)
		return PORT_E_NOT_IN_SET;
	if (op->other != PORT_NULL && !set)
		return PORT_E_INVALID_NAME;
	if (set && !set->set)
		return PORT_E_INVALID_RIGHT;
	p->set = set ? set->object : 0;
	p->passed_over = p->most = 0;
	if (set)
		turn_away(m, false, (int)(p - m->ports), PORT_E_RCV_PORT_CHANGED);
	return 0;
}

static int
do_set_qlimit(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if ((uint32_t)op->value > PORT_QLIMIT_MAX)
		return PORT_E_INVALID_VALUE;
	if (code)
		return code;
	p->qlimit = (uint32_t)op->value;
	admit(m, (int)(p - m->ports));
	return 0;
}

static int
do_set_mscount(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code == 0)
		p->mscount = (uint32_t)op->value;
	return code;
}

static int
do_set_seqno(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code == 0)
		p->seqno = (uint32_t)op->value;
	return code;
}

static int
do_set_payload(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code)
		return code;
	p->has_payload = op->value != 0;
	p->payload = op->value2;
	return 0;
}

static int
do_construct(struct model *m, int task, const struct operation *op, struct answer *a)
{
	bool guard = op->kind & PORT_CONSTRUCT_GUARD, strict = op->kind & PORT_CONSTRUCT_STRICT;
	bool reply = op->kind & PORT_CONSTRUCT_REPLY, send = op->kind & PORT_CONSTRUCT_INSERT_SEND;
	struct m_entry *e;
	struct m_port *p;

	if (op->kind > 31 || (reply && send))
		return PORT_E_INVALID_ARGUMENT;
	if (op->kind & PORT_CONSTRUCT_QLIMIT && (uint32_t)op->value > PORT_QLIMIT_MAX)
		return PORT_E_INVALID_VALUE;
	e = allocate(m, task, PORT_RIGHT_RECEIVE, PORT_NULL);
	p = &m->ports[e->object];
	p->guarded = guard || strict;
	p->strict = strict;
	p->guard = op->value2;
	p->reply_only = reply;
	if (op->kind & PORT_CONSTRUCT_QLIMIT)
		p->qlimit = (uint32_t)op->value;
	if (send)
		put_in(m, e, take_from(m, task, e, PORT_MAKE_SEND));
	a->name = e->name;
	return 0;
}

static int
do_destruct(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_entry *e = model_find(m, task, op->name);
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p), port;

	if (op->value > 0) {
		a->also[0] = code;
		return PORT_E_INVALID_VALUE;
	}
	if (code)
		return code;
	/* Two things wrong: the guard, and the references. */
	if (p->guarded && p->guard != op->value2)
		a->also[0] = PORT_E_INVALID_ARGUMENT;
	if (op->value < 0 && !e->send)
		return PORT_E_INVALID_RIGHT;
	if (-op->value > (int64_t)e->urefs)
		return PORT_E_INVALID_VALUE;
	if (a->also[0])
		return PORT_E_INVALID_ARGUMENT;
	port = e->object;
	if (op->value < 0) {
		drop_urefs(m, task, e, (uint32_t)-op->value);
		sender_gone(m, port);
	}
	receive_gone(m, lift_receive(m, task, e));
	return 0;
}

static int
do_guard(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code)
		return code;
	if (p->guarded)
		return PORT_E_INVALID_ARGUMENT;
	p->guarded = true;
	p->strict = op->value != 0;
	p->guard = op->value2;
	return 0;
}

static int
do_unguard(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code)
		return code;
	if (!p->guarded || p->guard != op->value2)
		return PORT_E_INVALID_ARGUMENT;
	p->guarded = p->strict = false;
	return 0;
}

static int
do_swap_guard(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p);

	(void)a;
	if (code)
		return code;
	if (!p->guarded || p->guard != op->value2)
		return PORT_E_INVALID_ARGUMENT;
	p->guard = (uint64_t)op->value;
	return 0;
}

static int
do_peek(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_port *p;
	int code = find_receive(m, task, op->name, &p), messages[MODEL_MESSAGES], n;
	struct m_message *g;

	if (code)
		return code;
	n = firsts(m, (int)(p - m->ports), messages, 0);
	if (n == 0)
		return PORT_E_FAILURE;
	g = &m->messages[messages[m->choose(m->arg, (int)op->thread, messages, n)]];
	a->id = g->id;
	a->size = g->size;
	a->seqno = p->seqno;
	a->sender = g->sender;
	return 0;
}

/* Tasks. */

static int
do_task_self(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_task *t = &m->tasks[task];

	(void)op;
	if (!t->port) {
		t->port = new_port(m);
		m->ports[t->port].task = task;
	}
	a->name = put(m, task, (struct m_right){ M_SEND, t->port });
	return 0;
}

/* What a test's helping hand does: from the thread's task to that of another thread. */
static int
do_give(struct model *m, int task, const struct operation *op, struct answer *a)
{
	struct m_right right;
	int code = take(m, task, op->name, op->disposition, true, &right);

	if (code == 0)
		a->name = put(m, m->threads[op->value].task, right);
	return code;
}

/* 1.8 */
static void
do_end(struct model *m, const struct operation *op)
{
	int task = m->threads[op->thread].task;
	struct m_task *t = &m->tasks[task];
	bool waits[MODEL_THREADS] = { false };

	m->loose[m->epoch] = true;
	for (int i = 0; i < m->n_threads; i++)
		if (m->threads[i].task == task) {
			waits[i] = m->threads[i].state == M_SENDING;
			m->threads[i].state = M_GONE;
		}
	for (int i = 0; i < m->n_threads; i++)
		if (waits[i] && m->messages[m->threads[i].message].where == M_BLOCKED)
			destroy_message(m, m->threads[i].message, true);
	for (int i = 0; i < t->n_entries; i++)
		if (t->entries[i].name)
			destroy_entry(m, task, &t->entries[i]);
	t->alive = false;
	if (t->port)
		port_dies(m, t->port);
}

static int
resolve(struct model *m, const struct operation *op, int *task)
{
	struct m_entry *e;

	*task = m->threads[op->thread].task;
	if (op->task == PORT_NULL)
		return 0;
	e = model_find(m, *task, op->task);
	if (!e || !e->send || m->ports[e->object].task < 0)
		return PORT_E_INVALID_TASK;
	*task = m->ports[e->object].task;
	return 0;
}

typedef int call_fn(struct model *m, int task, const struct operation *op, struct answer *a);

static call_fn *const calls[OP_CALLS] = {
	[OP_allocate] = do_allocate,
	[OP_allocate_name] = do_allocate_name,
	[OP_deallocate] = do_deallocate,
	[OP_destroy] = do_destroy,
	[OP_mod_refs] = do_mod_refs,
	[OP_get_refs] = do_get_refs,
	[OP_type] = do_type,
	[OP_rename] = do_rename,
	[OP_insert_right] = do_insert_right,
	[OP_extract_right] = do_extract_right,
	[OP_request_notification] = do_request_notification,
	[OP_move_member] = do_move_member,
	[OP_set_qlimit] = do_set_qlimit,
	[OP_set_mscount] = do_set_mscount,
	[OP_set_seqno] = do_set_seqno,
	[OP_set_payload] = do_set_payload,
	[OP_construct] = do_construct,
	[OP_destruct] = do_destruct,
	[OP_guard] = do_guard,
	[OP_unguard] = do_unguard,
	[OP_swap_guard] = do_swap_guard,
	[OP_peek] = do_peek,
	[OP_task_self] = do_task_self,
	[OP_give] = do_give,
};

void
model_do(struct model *m, const struct operation *op)
{
	struct m_thread *th = &m->threads[op->thread];
	int task, code;

	assert(op->serial < MODEL_OPERATIONS);
	m->epoch = op->serial;
	m->births = m->deaths = m->death = m->phase = 0;
	for (int i = 0; i < m->n_threads; i++)
		m->threads[i].answered = false;
	if (op->call == OP_interrupt) {
		do_interrupt(m, op);
	} else if (op->call == OP_end) {
		do_end(m, op);
	} else {
		assert(th->state == M_IDLE);
		th->op = *op;
		th->answer = (struct answer){ .about_task = -1 };
		if (op->call == OP_msg) {
			do_msg(m, op);
		} else {
			code = resolve(m, op, &task);
			finish(m, (int)op->thread, code ? code : calls[op->call](m, task, op, &th->answer));
		}
	}
	settle(m);
}

/* Beginning and end. */

void
model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
}

int
model_new_task(struct model *m, uint32_t id)
{
	for (int t = 0; t < MODEL_TASKS; t++)
		if (!m->tasks[t].alive) {
			m->tasks[t] = (struct m_task){ .alive = true, .id = id };
			return t;
		}
	return -1;
}

int
model_new_thread(struct model *m, int task)
{
	assert(m->n_threads < MODEL_THREADS);
	m->threads[m->n_threads] = (struct m_thread){ .task = task };
	return m->n_threads++;
}

bool
model_is_empty(const struct model *m)
{
	for (int i = 0; i < m->n_messages; i++)
		if (m->messages[i].where != M_FREE)
			return false;
	for (int p = 1; p <= m->n_ports; p++)
		if (m->ports[p].alive)
			return false;
	return true;
}
