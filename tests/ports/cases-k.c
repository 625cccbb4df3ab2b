/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-k: notifications: who is told what, when, and how often. */
#include "tests/ports/suite.h"
#include "wire/profile.h"

enum {
	DN = PORT_NOTIFY_DEAD_NAME,
	NS = PORT_NOTIFY_NO_SENDERS,
	PD = PORT_NOTIFY_PORT_DESTROYED,
	PDEL = PORT_NOTIFY_PORT_DELETED,
	SON = PORT_NOTIFY_SEND_ONCE,
};

/* A send right of T's port is made for U and dropped there. */
static void
make_and_drop(port_name_t n)
{
	OK(deallocate(U, give(T, n, KS, U)));
}

/* No senders ------------------------------------------------------------------------------- */

CASE(K01, FD_LIBRARY, "NS armed, U m:S1 only, U deallocates: NS, mscount as of now")
{
	port_name_t n = new_port(T), notify = new_port(T), m;

	make_and_drop(n);
	m = give(T, n, KS, U);
	ask(T, n, NS, 2, notify);
	IS(status(T, n).no_senders_armed, 1);
	expect_nothing(T, notify);
	OK(deallocate(U, m));
	expect_notification(T, notify, NS, 2);
	IS(status(T, n).no_senders_armed, 0);
	expect_nothing(T, notify);
}

CASE(K02, FD_NEVER, "no sender, mscount 0, sync 0: fires at once, nothing stays registered")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, NS, 0, notify);
	expect_notification(T, notify, NS, 0);
	IS(status(T, n).no_senders_armed, 0);
	make_and_drop(n);
	expect_nothing(T, notify);
}

CASE(K03, FD_NEVER, "no sender, mscount 0, sync 1: silent; KS to U, U drops: NS with mscount 1")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, NS, 1, notify);
	expect_nothing(T, notify);
	IS(status(T, n).no_senders_armed, 1);
	make_and_drop(n);
	expect_notification(T, notify, NS, 1);
	IS(status(T, n).no_senders_armed, 0);
}

CASE(K04, FD_NEVER, "no sender, mscount 3: sync 3 at once; sync 4 armed")
{
	port_name_t n = new_port(T), notify = new_port(T);

	for (int i = 0; i < 3; i++)
		make_and_drop(n);
	IS(status(T, n).mscount, 3);
	ask(T, n, NS, 3, notify);
	expect_notification(T, notify, NS, 3);
	ask(T, n, NS, 4, notify);
	expect_nothing(T, notify);
	IS(status(T, n).no_senders_armed, 1);
	make_and_drop(n);
	expect_notification(T, notify, NS, 4);
}

CASE(K05, FD_CAN, "one sender, sync 0: not immediate")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U);

	ask(T, n, NS, 0, notify);
	expect_nothing(T, notify);
	OK(deallocate(U, m));
	expect_notification(T, notify, NS, 1);
}

CASE(K06, FD_NEVER, "fired once: KS, drop again: nothing")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, NS, 1, notify);
	make_and_drop(n);
	expect_notification(T, notify, NS, 1);
	make_and_drop(n);
	expect_nothing(T, notify);
	IS(status(T, n).mscount, 2);
	IS(status(T, n).no_senders_armed, 0);
}

CASE(K07, FD_NEVER, "fired, re-armed, KS, drop: fires again")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, NS, 1, notify);
	make_and_drop(n);
	expect_notification(T, notify, NS, 1);
	ask(T, n, NS, 2, notify);
	expect_nothing(T, notify);
	make_and_drop(n);
	expect_notification(T, notify, NS, 2);
	expect_nothing(T, notify);
}

CASE(K08, FD_NEVER, "no S, one SO outstanding: drop of the last S fires anyway")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U),
		    so = give(T, n, KSO, U);

	ask(T, n, NS, 0, notify);
	OK(deallocate(U, m));
	expect_notification(T, notify, NS, 1);
	ENTRY(U, so, "SO");
	IS(status(T, n).sorights, 1);
}

CASE(K09, FD_NEVER, "last table S used as destination by MS, message queued: no NS until received or destroyed")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U);
	struct letter l, small = wish(n);

	ask(T, n, NS, 1, notify);
	OK(send_plain(U, m, MS, 5));
	ENTRY(U, m, "-");
	expect_nothing(T, notify);
	IS(status(T, n).srights, 1);
	expect_message(T, n, 5);
	expect_notification(T, notify, NS, 1);

	/* Destroyed, for want of room. */
	m = give(T, n, KS, U);
	ask(T, n, NS, 2, notify);
	l = letter(m, MS, 6);
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(exchange(U, &l, NULL));
	expect_nothing(T, notify);
	small.rcv_size = 4;
	IS(exchange(T, &small, NULL), PORT_E_RCV_TOO_LARGE);
	expect_notification(T, notify, NS, 2);
}

CASE(K10, FD_CAN, "S(p) in a message queued on q: counts; q's receiver takes and drops it: NS")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U), inbox = new_port(V);
	struct mail mail;

	ask(T, n, NS, 0, notify);
	OK(send_right(U, give(V, inbox, KS, U), MS, m, MS));
	ENTRY(U, m, "-");
	expect_nothing(T, notify);
	IS(status(T, n).srights, 1);
	OK(receive(V, inbox, &mail));
	ENTRY(V, mail.ports[0].name, "S1");
	expect_nothing(T, notify);
	OK(deallocate(V, mail.ports[0].name));
	expect_notification(T, notify, NS, 1);
}

CASE(K11, FD_NEVER, "owner n:RS1 is a sender: no NS until it deallocates")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	make_and_drop(n);
	ask(T, n, NS, 0, notify);
	make_and_drop(n);
	expect_nothing(T, notify);
	OK(deallocate(T, n));
	expect_notification(T, notify, NS, 3);
	ENTRY(T, n, "R");
}

CASE(K13, FD_LIBRARY, "U m:S3, three deallocates: NS only at the third")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U);

	ask(T, n, NS, 0, notify);
	OK(mod_refs(U, m, SEND, 2));
	for (int i = 0; i < 2; i++) {
		OK(deallocate(U, m));
		expect_nothing(T, notify);
	}
	OK(deallocate(U, m));
	expect_notification(T, notify, NS, 1);
}

CASE(K14, FD_CAN, "U and V hold S: exactly one NS, after both dropped")
{
	port_name_t n = new_port(T), notify = new_port(T), u = give(T, n, KS, U),
		    v = give(T, n, KS, V);

	ask(T, n, NS, 0, notify);
	OK(deallocate(U, u));
	expect_nothing(T, notify);
	OK(deallocate(V, v));
	expect_notification(T, notify, NS, 2);
	expect_nothing(T, notify);
}

CASE(K15, FD_NEVER, "re-register: previous SO returned as a fresh name; dropping it: SON on the old notify port")
{
	port_name_t n = new_port_rs(T), first = new_port(T), second = new_port(T),
		    previous = PORT_NULL;

	ask(T, n, NS, 0, first);
	OK(request(T, n, NS, 0, second, KSO, &previous));
	ENTRY(T, previous, "SO");
	OK(deallocate(T, previous));
	expect_notification(T, first, SON, -1);
	OK(deallocate(T, n));
	expect_notification(T, second, NS, 1);
	expect_nothing(T, first);
}

CASE(K15b, CASE_PRIVATE, "re-register with a sync that fires at once: previous is returned all the same")
{
	port_name_t n = new_port(T), first = new_port(T), second = new_port(T), previous = PORT_NULL;

	ask(T, n, NS, 1, first);
	OK(request(T, n, NS, 0, second, KSO, &previous));
	expect_notification(T, second, NS, 0);
	ENTRY(T, previous, "SO");
	IS(status(T, n).no_senders_armed, 0);
	OK(send_plain(T, previous, MSO, 4));
	expect_message(T, first, 4);
}

CASE(K16, FD_NEVER, "register NULL: previous returned, later drop silent")
{
	port_name_t n = new_port_rs(T), notify = new_port(T), previous = PORT_NULL;

	ask(T, n, NS, 0, notify);
	OK(request(T, n, NS, 0, PORT_NULL, 0, &previous));
	ENTRY(T, previous, "SO");
	IS(status(T, n).no_senders_armed, 0);
	OK(deallocate(T, n));
	expect_nothing(T, notify);
	OK(send_plain(T, previous, MSO, 3));
	expect_message(T, notify, 3);
	previous = UNKNOWN;
	OK(request(T, n, NS, 0, PORT_NULL, 0, &previous));
	IS(previous, PORT_NULL);
}

CASE(K19, FD_NEVER, "n:RS1 only sender, notify elsewhere, destroy(n): NS, no SON")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	ask(T, n, NS, 0, notify);
	OK(destroy(T, n));
	expect_notification(T, notify, NS, 1);
	expect_nothing(T, notify);
	/* While others hold send rights it is the other way round. */
	n = new_port_rs(T);
	give(T, n, CS, U);
	ask(T, n, NS, 0, notify);
	OK(destroy(T, n));
	expect_notification(T, notify, SON, -1);
	expect_nothing(T, notify);
}

CASE(K20, FD_NEVER, "set_mscount(100), no sender: sync 100 fires at once, carries 100")
{
	port_name_t n = new_port(T), notify = new_port(T);

	OK(set_mscount(T, n, 100));
	ask(T, n, NS, 101, notify);
	expect_nothing(T, notify);
	OK(set_mscount(T, n, 99));
	make_and_drop(n);
	expect_notification(T, notify, NS, 100);
	ask(T, n, NS, 100, notify);
	expect_notification(T, notify, NS, 100);
}

CASE(K23, FD_CAN, "last sender SIGKILLed: NS")
{
	port_name_t n = new_port(T), notify = new_port(T), u = give(T, n, KS, U);

	ENTRY(U, u, "S1");
	OK(mod_refs(U, u, SEND, 9));
	ask(T, n, NS, 0, notify);
	expect_nothing(T, notify);
	kill_task(U);
	expect_notification(T, notify, NS, 1);
}

/* An object that dies when nobody has a right to it, as libports has them: in one task. */
struct storm {
	port_name_t n, notify;
	uint32_t turns;
	uint32_t handled, kept;
};

static port_mscount_t
next_no_senders(port_name_t notify)
{
	struct port_message message = { 0 };
	port_mscount_t mscount;

	OK(api->exchange(NULL, 0, notify, &message, PORT_FOREVER, 0));
	IS(message.id, NS);
	mscount = wire_get_u32(&message.body);
	port_message_deinit(&message);
	return mscount;
}

static void
arm(port_name_t n, uint32_t sync, port_name_t notify)
{
	port_name_t previous = UNKNOWN;

	OK(api->request_notification(n, NS, sync, notify, PORT_MAKE_SEND_ONCE, &previous, PORT_NULL));
	IS(previous, PORT_NULL);
}

/* Now and then one more right is made after the notification was, and before it is read: then
 * it counts for nothing, and the handler asks again. */
static long
storm(void *arg)
{
	struct storm *s = arg;
	uint32_t made = 0;

	arm(s->n, 1, s->notify);
	for (uint32_t i = 0; i < s->turns; i++) {
		bool again = i % 7 == 0;

		OK(api->insert_right(s->n, s->n, PORT_MAKE_SEND, PORT_NULL));
		made++;
		OK(api->deallocate(s->n, PORT_NULL));
		if (again) {
			OK(api->insert_right(s->n, s->n, PORT_MAKE_SEND, PORT_NULL));
			made++;
		}
		if (next_no_senders(s->notify) == made) {
			s->handled++;
			NO(again);
		} else {
			s->kept++;
			YES(again);
			arm(s->n, made, s->notify);
			OK(api->deallocate(s->n, PORT_NULL));
			IS(next_no_senders(s->notify), made);
			s->handled++;
		}
		arm(s->n, made + 1, s->notify);
	}
	return (long)made;
}

CASE(K24, CASE_HEAVY, "no-op storms, 10^5 x (KS, drop) with a handler that re-arms: handled objects exact, none leaked")
{
	struct storm s = { new_port(T), new_port(T), many(100000), 0, 0 };
	size_t before = count_names(T);
	uint32_t ports = world_count().ports;
	long made = run(T, storm, &s, sizeof(s));

	IS(s.handled, s.turns);
	IS(s.kept, (s.turns + 6) / 7);
	IS(made, s.turns + s.kept);
	IS(status(T, s.n).mscount, made);
	IS(status(T, s.notify).sorights, 1);
	expect_nothing(T, s.notify);
	NAMES(T, (long long)before);
	IS(world_count().ports, ports);
	UNTIL(world_count().messages == 0);
}

/* Dead names --------------------------------------------------------------------------------- */

CASE(K31, FD_CAN, "two tasks registered: each gets its own name")
{
	port_name_t n = new_port(T), u, v, nu = new_port(U), nv = new_port(V);

	new_port(V);
	u = give(T, n, KS, U);
	v = give(T, n, KS, V);
	DIFFER(u, v);
	ask(U, u, DN, 0, nu);
	ask(V, v, DN, 0, nv);
	kill_port(T, n);
	expect_notification(U, nu, DN, u);
	expect_notification(V, nv, DN, v);
	ENTRY(U, u, "D2");
	ENTRY(V, v, "D2");
}

CASE(K33, FD_CAN, "cancel: previous returned; death adds no uref")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U),
		    previous = PORT_NULL;

	ask(U, m, DN, 0, notify);
	OK(request(U, m, DN, 0, PORT_NULL, 0, &previous));
	ENTRY(U, previous, "SO");
	kill_port(T, n);
	ENTRY(U, m, "D1");
	expect_nothing(U, notify);
	OK(deallocate(U, previous));
	expect_notification(U, notify, SON, -1);
}

CASE(K34, FD_NEVER, "m:S1 with DN, deallocate: PDEL(m)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	OK(mod_refs(U, m, SEND, 1));
	ask(U, m, DN, 0, notify);
	OK(deallocate(U, m));
	expect_nothing(U, notify);
	OK(deallocate(U, m));
	expect_notification(U, notify, PDEL, m);
	kill_port(T, n);
	expect_nothing(U, notify);
}

CASE(K35, FD_NEVER, "m:S1 with DN, MS: PDEL(m)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U), inbox = new_port(V);

	ask(U, m, DN, 0, notify);
	OK(send_right(U, give(V, inbox, KS, U), MS, m, MS));
	ENTRY(U, m, "-");
	expect_notification(U, notify, PDEL, m);
	m = give(T, n, KS, U);
	ask(U, m, DN, 0, notify);
	OK(send_plain(U, m, MS, 1));
	expect_notification(U, notify, PDEL, m);
}

CASE(K36, FD_CAN, "m:SO with DN, used as destination: PDEL(m); port dies first: DN(m)")
{
	port_name_t n = new_port(T), notify = new_port(U), m = give(T, n, KSO, U);

	ask(U, m, DN, 0, notify);
	OK(send_plain(U, m, MSO, 1));
	expect_notification(U, notify, PDEL, m);
	m = give(T, n, KSO, U);
	ask(U, m, DN, 0, notify);
	kill_port(T, n);
	expect_notification(U, notify, DN, m);
	ENTRY(U, m, "D2");
}

CASE(K37, FD_LIBRARY, "m:D2, register sync 1: DN(m) at once, D3, previous NULL (D7)")
{
	port_name_t d = new_dead_name(T, 2), notify = new_port(T), previous = UNKNOWN;

	OK(request(T, d, DN, 1, notify, KSO, &previous));
	IS(previous, PORT_NULL);
	expect_notification(T, notify, DN, d);
	ENTRY(T, d, "D3");
	expect_nothing(T, notify);
}

CASE(K37b, CASE_PRIVATE, "m:D65535, register sync 1: UREFS_OVERFLOW, supplied SO: SON on notify")
{
	port_name_t d = new_dead_name(T, PORT_UREFS_DEAD_MAX), notify = new_port(T);

	IS(request(T, d, DN, 1, notify, KSO, NULL), PORT_E_UREFS_OVERFLOW);
	expect_notification(T, notify, SON, -1);
	ENTRY(T, d, "D65535");
}

CASE(K38, FD_NEVER, "m:D2, register sync 0, or NULL: INVALID_ARGUMENT, supplied SO: SON on notify")
{
	port_name_t d = new_dead_name(T, 2), notify = new_port(T);

	IS(request(T, d, DN, 0, notify, KSO, NULL), PROFILE_D7_DEAD_ALREADY);
	expect_notification(T, notify, SON, -1);
	IS(request(T, d, DN, 1, PORT_NULL, KSO, NULL), PROFILE_D7_DEAD_ALREADY);
	expect_nothing(T, notify);
	ENTRY(T, d, "D2");
}

CASE(K39, FD_CAN, "pure n:R with DN, mod_refs(RECEIVE,-1): PDEL; n:RS1: DN and n:D2; destroy(n:RS1): PDEL")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, DN, 0, notify);
	kill_port(T, n);
	expect_notification(T, notify, PDEL, n);
	n = new_port_rs(T);
	ask(T, n, DN, 0, notify);
	kill_port(T, n);
	expect_notification(T, notify, DN, n);
	ENTRY(T, n, "D2");
	n = new_port_rs(T);
	ask(T, n, DN, 0, notify);
	OK(destroy(T, n));
	expect_notification(T, notify, PDEL, n);
	n = new_port(T);
	ask(T, n, DN, 0, notify);
	give(T, n, MR, U);
	expect_notification(T, notify, PDEL, n);
	expect_nothing(T, notify);
}

CASE(K40, FD_CAN, "DN on PS: INVALID_RIGHT; unknown: INVALID_NAME")
{
	port_name_t s = new_set(T), notify = new_port(T);

	IS(request(T, s, DN, 0, notify, KSO, NULL), PORT_E_INVALID_RIGHT);
	expect_notification(T, notify, SON, -1);
	IS(request(T, UNKNOWN, DN, 0, notify, KSO, NULL), PORT_E_INVALID_NAME);
	expect_notification(T, notify, SON, -1);
	ENTRY(T, s, "PS");
}

CASE(K41, FD_CAN, "DNREQUEST type bit: set after register, clear after fire and after cancel")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U),
		    previous = PORT_NULL;

	IS(type_of(U, m), TYPE_SEND);
	ask(U, m, DN, 0, notify);
	IS(type_of(U, m), TYPE_SEND | PORT_TYPE_DNREQUEST);
	OK(request(U, m, DN, 0, PORT_NULL, 0, &previous));
	IS(type_of(U, m), TYPE_SEND);
	ask(U, m, DN, 0, notify);
	IS(type_of(U, m), TYPE_SEND | PORT_TYPE_DNREQUEST);
	kill_port(T, n);
	IS(type_of(U, m), TYPE_DEAD_NAME);
	expect_notification(U, notify, DN, m);
	OK(send_plain(U, previous, MSO, 1));
	expect_message(U, notify, 1);
}

CASE(K42, FD_CAN, "notify port dead when it fires: nothing sent, uref still added")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	ask(U, m, DN, 0, notify);
	OK(destroy(U, notify));
	kill_port(T, n);
	ENTRY(U, m, "D2");
	settle();
	UNTIL(world_count().messages == 0);
}

/* In U: asks about a right that came, while T destroys the port. */
struct doomed {
	port_name_t inbox, notify;
	uint32_t turns;
	uint32_t late;		/* it was dead before it was asked about */
};

static long
ask_in_time(void *arg)
{
	struct doomed *d = arg;

	for (uint32_t i = 0; i < d->turns; i++) {
		struct port_message message = { 0 }, told = { 0 };
		port_name_t name, previous = UNKNOWN;
		uint32_t urefs = 0;

		OK(api->exchange(NULL, 0, d->inbox, &message, PORT_FOREVER, 0));
		name = message.body.ports[0].name;
		port_message_deinit(&message);
		if (name == PORT_DEAD) {	/* died in the queue: nothing to ask about */
			d->late++;
			continue;
		}
		OK(api->request_notification(name, DN, 1, d->notify, PORT_MAKE_SEND_ONCE, &previous, PORT_NULL));
		IS(previous, PORT_NULL);
		OK(api->exchange(NULL, 0, d->notify, &told, PORT_FOREVER, 0));
		IS(told.id, DN);
		IS(wire_get_u32(&told.body), name);
		port_message_deinit(&told);
		OK(api->get_refs(name, PORT_RIGHT_DEAD_NAME, &urefs, PORT_NULL));
		IS(urefs, 2);
		OK(api->mod_refs(name, PORT_RIGHT_DEAD_NAME, -2, PORT_NULL));
	}
	return 0;
}

struct killer {
	port_name_t to;
	uint32_t turns;
};

static long
make_and_kill(void *arg)
{
	struct killer *k = arg;

	for (uint32_t i = 0; i < k->turns; i++) {
		struct port_message message = { .remote = k->to, .remote_disposition = CS };
		port_name_t n;

		OK(api->allocate(PORT_RIGHT_RECEIVE, &n, PORT_NULL));
		wire_put_port(&message.body, (struct wire_port){ n, KS });
		OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&message);
		for (uint32_t pause = chance(4); pause > 0; pause--)
			OK(api->type(n, &(uint32_t){ 0 }, PORT_NULL));
		OK(api->destroy(n, PORT_NULL));
	}
	return 0;
}

CASE(K45, FD_CAN | CASE_HEAVY, "port dies between receiving S and registering: sync 1 never misses it")
{
	struct doomed d = { new_port(U), new_port(U), many(2000), 0 };
	struct killer k = { give(U, d.inbox, KS, T), d.turns };
	size_t before = count_names(U);
	port_name_t n = new_port(V), m = give(V, n, KS, U);

	/* One by one, and then as it happens. */
	kill_port(V, n);
	ask(U, m, DN, 1, d.notify);
	expect_notification(U, d.notify, DN, m);
	ENTRY(U, m, "D2");
	OK(destroy(U, m));
	post_run(T, make_and_kill, &k, sizeof(k));
	OK(run(U, ask_in_time, &d, sizeof(d)));
	OK(fetch_run(T, &k, sizeof(k)));
	NAMES(U, (long long)before);
	expect_nothing(U, d.notify);
}

/* Port destroyed ------------------------------------------------------------------------------ */

static port_name_t
receive_right(struct task *c, port_name_t notify)
{
	struct mail mail;

	OK(receive(c, notify, &mail));
	IS(mail.out.id, PD);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.local, notify);
	IS(mail.out.bits, MSO << 8);
	IS(mail.out.task, 0);
	IS(mail.out.size, 4);	/* which of the rights: the first */
	IS(mail.n_ports, 1);
	IS(mail.ports[0].disposition, MR);
	return mail.ports[0].name;
}

CASE(K50, FD_NEVER, "PD armed, mod_refs(RECEIVE,-1): PD holds R; senders do not notice; sends meanwhile queue")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(V), dn = new_port(U), k;

	IS(status(T, n).port_destroyed_armed, 0);
	OK(request(T, n, PD, 0, give(V, notify, KSO, T), MSO, NULL));
	IS(status(T, n).port_destroyed_armed, 1);
	ask(U, m, DN, 0, dn);
	OK(send_plain(U, m, CS, 1));
	kill_port(T, n);
	ENTRY(T, n, "-");
	ENTRY(U, m, "S1");
	OK(send_plain(U, m, CS, 2));
	k = receive_right(V, notify);
	ENTRY(V, k, "R");
	expect_message(V, k, 1);
	expect_message(V, k, 2);
	expect_nothing(U, dn);
	IS(status(V, k).port_destroyed_armed, 0);
}

CASE(K50b, CASE_PRIVATE, "what stays with a port that PD carries: qlimit, blocked senders, NS; what does not: set, mscount, payload")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(V), ns = new_port(T),
		    s = new_set(T), k;
	struct mail mail;

	OK(request(T, n, PD, 0, give(V, notify, KSO, T), MSO, NULL));
	ask(T, n, NS, 1, ns);
	OK(set_qlimit(T, n, 2));
	OK(move_member(T, n, s));
	OK(set_payload(T, n, 77));
	fill(U, m, 2);
	post_send(U, m, CS, 2);
	NO(has_reply(U));
	kill_port(T, n);
	YES(set_is(T, s, PORT_NULL));
	NO(has_reply(U));
	k = receive_right(V, notify);
	NO(has_reply(U));
	IS(status(V, k).qlimit, 2);
	IS(status(V, k).mscount, 0);
	IS(status(V, k).set, PORT_NULL);
	IS(status(V, k).no_senders_armed, 1);
	OK(receive(V, k, &mail));
	IS(mail.out.id, 0);
	IS(mail.out.bits, MS << 8);
	IS(mail.out.local, k);
	OK(fetch(U, NULL));
	expect_message(V, k, 1);
	expect_message(V, k, 2);
	OK(deallocate(U, m));
	expect_notification(T, ns, NS, 0);
}

CASE(K51, FD_LIBRARY, "3 queued: the new owner gets those 3, seqno from 0")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(V), k;
	struct mail mail;

	OK(request(T, n, PD, 0, give(V, notify, KSO, T), MSO, NULL));
	fill(U, m, 4);
	expect_message(T, n, 0);
	kill_port(T, n);
	k = receive_right(V, notify);
	for (uint32_t i = 1; i <= 3; i++) {
		OK(receive(V, k, &mail));
		IS(mail.out.id, i);
		IS(mail.out.seqno, i - 1);
	}
	expect_nothing(V, k);
}

CASE(K52, FD_LIBRARY, "owner SIGKILLed: PD to the launcher, queue intact")
{
	port_name_t n = new_port(U), m = give(U, n, KS, T), notify = new_port(T), k;

	OK(request(U, n, PD, 0, give(T, notify, KSO, U), MSO, NULL));
	OK(send_plain(T, m, CS, 7));
	OK(send_plain(T, m, CS, 8));
	expect_nothing(T, notify);
	kill_task(U);
	k = receive_right(T, notify);
	IS(k, m);
	ENTRY(T, k, "RS1");
	expect_message(T, k, 7);
	expect_message(T, k, 8);
}

CASE(K53, FD_NEVER, "R in a message that is destroyed: PD")
{
	port_name_t n = new_port_rs(T), notify = new_port(T), dying = new_port_rs(T), to;

	ask(T, n, PD, 0, notify);
	OK(send_right(T, dying, CS, n, MR));
	OK(destroy(T, dying));
	IS(receive_right(T, notify), n);
	ENTRY(T, n, "RS1");
	/* By the death of the task that it was sent to. */
	ask(T, n, PD, 0, notify);
	to = give(U, new_port(U), KS, T);
	OK(send_right(T, to, CS, n, MR));
	expect_nothing(T, notify);
	kill_task(U);
	IS(receive_right(T, notify), n);
}

CASE(K54, FD_CAN, "PD with sync 1: INVALID_VALUE; on S: INVALID_RIGHT")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), a = new_port(T), u = new_port(U);

	IS(request(T, n, PD, 1, a, KSO, NULL), PORT_E_INVALID_VALUE);
	expect_notification(T, a, SON, -1);
	IS(status(T, n).port_destroyed_armed, 0);
	IS(request(U, m, PD, 0, u, KSO, NULL), PORT_E_INVALID_RIGHT);
	expect_notification(U, u, SON, -1);
	kill_port(T, n);
	expect_nothing(T, a);
	ENTRY(U, m, "D1");
}

CASE(K55, FD_CAN, "cancelled, then destroyed: really dies")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(T), previous = PORT_NULL;

	ask(T, n, PD, 0, notify);
	OK(request(T, n, PD, 0, PORT_NULL, 0, &previous));
	ENTRY(T, previous, "SO");
	IS(status(T, n).port_destroyed_armed, 0);
	OK(destroy(T, n));
	ENTRY(U, m, "D1");
	expect_nothing(T, notify);
	OK(send_plain(T, previous, MSO, 3));
	expect_message(T, notify, 3);
}

CASE(K56, FD_CAN, "notify port already dead: port dies, holders get DN")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(T), dn = new_port(U);

	ask(U, m, DN, 0, dn);
	ask(T, n, PD, 0, notify);
	OK(destroy(T, notify));
	OK(destroy(T, n));
	expect_notification(U, dn, DN, m);
	ENTRY(U, m, "D2");
}

CASE(K57, FD_CAN, "notify right is an SO for p itself: port dies, no hang")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	ask(T, n, PD, 0, n);
	IS(status(T, n).sorights, 1);
	OK(destroy(T, n));
	ENTRY(U, m, "D1");
	settle();
	UNTIL(world_count().messages == 0);
}

CASE(K58, FD_CAN, "new owner destroys without re-arming: dies")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(V), k;

	OK(request(T, n, PD, 0, give(V, notify, KSO, T), MSO, NULL));
	kill_port(T, n);
	k = receive_right(V, notify);
	ENTRY(U, m, "S1");
	OK(destroy(V, k));
	ENTRY(U, m, "D1");
	expect_nothing(V, notify);
}

CASE(K59, FD_NEVER, "second registration: previous returned (D6)")
{
	port_name_t n = new_port(T), a = new_port(T), b = new_port(T), previous = PORT_NULL;

	ask(T, n, PD, 0, a);
	IS(request(T, n, PD, 0, b, KSO, &previous), PROFILE_D6_SECOND_REQUEST);
	ENTRY(T, previous, "SO");
	OK(deallocate(T, previous));
	expect_notification(T, a, SON, -1);
	OK(destroy(T, n));
	ENTRY(T, receive_right(T, b), "R");
	expect_nothing(T, a);
}

/* Send-once, and the form ------------------------------------------------------------------------ */

CASE(K70, FD_NEVER, "n:SO: deallocate; mod_refs(-1); destroy: one SON each")
{
	port_name_t n = new_port(T), so[3];

	for (int i = 0; i < 3; i++)
		so[i] = give(T, n, KSO, U);
	OK(deallocate(U, so[0]));
	expect_notification(T, n, SON, -1);
	OK(mod_refs(U, so[1], SEND_ONCE, -1));
	expect_notification(T, n, SON, -1);
	OK(destroy(U, so[2]));
	expect_notification(T, n, SON, -1);
	expect_nothing(T, n);
	for (int i = 0; i < 3; i++)
		ENTRY(U, so[i], "-");
}

CASE(K70b, FD_NEVER, "SOs that die in other ways: in a message that nobody receives, with their task, twice in one message")
{
	port_name_t n = new_port(T), dying = new_port_rs(T), a = give(T, n, KSO, U),
		    b = give(T, n, KSO, U), to = give(T, dying, CS, U);
	struct wire_port both[] = { { a, MSO }, { b, MSO } };
	struct letter l = letter(to, CS, 1);

	l.ports = both;
	l.n_ports = 2;
	OK(exchange(U, &l, NULL));
	give(T, n, KSO, V);
	IS(status(T, n).sorights, 3);
	expect_nothing(T, n);
	OK(destroy(T, dying));
	expect_notification(T, n, SON, -1);
	expect_notification(T, n, SON, -1);
	expect_nothing(T, n);
	kill_task(V);
	expect_notification(T, n, SON, -1);
	IS(status(T, n).sorights, 0);
}

CASE(K72, FD_NEVER, "sorights in status = number of SOs in tables and messages")
{
	port_name_t n = new_port(T), inbox = new_port(V), to = give(V, inbox, KS, U), a, b;
	struct mail mail;

	IS(status(T, n).sorights, 0);
	a = give(T, n, KSO, U);
	b = give(T, n, KSO, U);
	IS(status(T, n).sorights, 2);
	OK(send_right(U, to, CS, a, MSO));
	IS(status(T, n).sorights, 2);
	OK(receive(V, inbox, &mail));
	IS(status(T, n).sorights, 2);
	OK(send_plain(U, b, MSO, 1));
	IS(status(T, n).sorights, 2);
	expect_message(T, n, 1);
	IS(status(T, n).sorights, 1);
	OK(deallocate(V, mail.ports[0].name));
	IS(status(T, n).sorights, 1);
	expect_notification(T, n, SON, -1);
	IS(status(T, n).sorights, 0);
	/* One that waits for an event counts, too. */
	ask(T, n, NS, 1, n);
	IS(status(T, n).sorights, 1);
}

CASE(K73, FD_CAN, "SO passed T to U to V, V replies: T's reply port gets it, disposition PORT_SEND_ONCE")
{
	port_name_t r = new_port(T), u = new_port(U), v = new_port(V), at_u, at_v;
	struct mail mail;

	OK(send_right(T, give(U, u, KS, T), MS, r, KSO));
	OK(receive(U, u, &mail));
	at_u = mail.ports[0].name;
	ENTRY(U, at_u, "SO");
	OK(send_right(U, give(V, v, KS, U), MS, at_u, MSO));
	ENTRY(U, at_u, "-");
	OK(receive(V, v, &mail));
	at_v = mail.ports[0].name;
	ENTRY(V, at_v, "SO");
	OK(send_plain(V, at_v, MSO, 7));
	ENTRY(V, at_v, "-");
	OK(receive(T, r, &mail));
	IS(mail.out.id, 7);
	IS(mail.out.bits, MSO << 8);
	IS(mail.out.task, id_of(V));
	expect_nothing(T, r);
	IS(status(T, r).sorights, 0);
}

/* expect_notification() and receive_right() look at all that it says. */
CASE(K75, FD_CAN, "every notification: right id, remote NULL, local disposition PORT_SEND_ONCE, documented size")
{
	port_name_t notify = new_port(T), n = new_port(T), u = new_port(U), m = give(U, u, KS, T), so;

	IS(PDEL, 65);
	IS(PORT_NOTIFY_SEND_POSSIBLE, 66);
	IS(PD, 69);
	IS(NS, 70);
	IS(SON, 71);
	IS(DN, 72);
	ask(T, n, NS, 0, notify);
	expect_notification(T, notify, NS, 0);
	ask(T, n, PD, 0, notify);
	kill_port(T, n);
	n = receive_right(T, notify);
	so = give(T, notify, KSO, U);
	OK(deallocate(U, so));
	expect_notification(T, notify, SON, -1);
	ask(T, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(T, notify, PORT_NOTIFY_SEND_POSSIBLE, m);
	ask(T, m, DN, 0, notify);
	OK(send_plain(T, m, MS, 1));
	expect_notification(T, notify, PDEL, m);
	m = give(U, u, KS, T);
	ask(T, m, DN, 0, notify);
	kill_port(U, u);
	expect_notification(T, notify, DN, m);
	expect_nothing(T, notify);
}

CASE(K75b, CASE_PRIVATE, "a notification ignores the queue limit, and stands behind what was there before")
{
	port_name_t notify = new_port_rs(T), n = new_port(T), so = give(T, notify, KSO, U);

	OK(set_qlimit(T, notify, 1));
	OK(send_plain(T, notify, CS, 3));
	IS(send_plain(T, notify, CS, 4), PORT_E_SEND_TIMED_OUT);
	OK(deallocate(U, so));
	ask(T, n, NS, 0, notify);
	IS(status(T, notify).msgcount, 3);
	expect_message(T, notify, 3);
	expect_notification(T, notify, SON, -1);
	expect_notification(T, notify, NS, 0);
	expect_nothing(T, notify);
}

CASE(K76, FD_NEVER, "forged notification through an S: local disposition PORT_SEND (detectable)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, CS, DN);
	struct mail mail;

	l.body = (struct wire_blob){ "\1\0\0", 4 };
	OK(exchange(U, &l, NULL));
	OK(receive(T, n, &mail));
	IS(mail.out.id, DN);
	IS(mail.out.bits, MS << 8);
	IS(mail.out.task, id_of(U));
	IS(mail.out.pid, pid_of(U));
	/* A real one is told from it. */
	OK(destroy(U, give(T, n, KSO, U)));
	OK(receive(T, n, &mail));
	IS(mail.out.id, SON);
	IS(mail.out.bits, MSO << 8);
	IS(mail.out.task, 0);
}

CASE(K77, FD_CAN, "request id 65, 71, 999: INVALID_VALUE; notify DEAD: INVALID_CAPABILITY")
{
	static const uint32_t ids[] = { 0, 65, 67, 71, 999 };
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U),
		    dead = new_dead_name(U, 2);

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		IS(request(U, m, ids[i], 0, notify, KSO, NULL), PORT_E_INVALID_VALUE);
		expect_notification(U, notify, SON, -1);
	}
	IS(request(U, m, DN, 0, PORT_DEAD, KSO, NULL), PORT_E_INVALID_CAPABILITY);
	IS(request(U, m, DN, 0, dead, MSO, NULL), PORT_E_INVALID_CAPABILITY);
	IS(request(U, m, DN, 0, UNKNOWN, KSO, NULL), PORT_E_INVALID_CAPABILITY);
	IS(request(U, m, DN, 0, notify, KS, NULL), PORT_E_INVALID_VALUE);
	IS(type_of(U, m), TYPE_SEND);
	kill_port(T, n);
	expect_nothing(U, notify);
}

CASE(K78, FD_NEVER, "any failing registration with an SO supplied: SON on the notify port")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U), set = new_set(U),
		    dead = new_dead_name(U, 1);
	const struct {
		port_name_t name;
		uint32_t id, sync;
		int code;
	} bad[] = {
		{ m, 999, 0, PORT_E_INVALID_VALUE },
		{ notify, PD, 1, PORT_E_INVALID_VALUE },
		{ UNKNOWN, DN, 0, PORT_E_INVALID_NAME },
		{ UNKNOWN, NS, 0, PORT_E_INVALID_NAME },
		{ UNKNOWN, PD, 0, PORT_E_INVALID_NAME },
		{ m, NS, 0, PORT_E_INVALID_RIGHT },
		{ m, PD, 0, PORT_E_INVALID_RIGHT },
		{ set, DN, 0, PORT_E_INVALID_RIGHT },
		{ dead, DN, 0, PORT_E_INVALID_ARGUMENT },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		port_name_t so = give(U, notify, KSO, V);

		so = give(V, so, MSO, U);
		/* Made for it, and moved to it. */
		IS(request(U, bad[i].name, bad[i].id, bad[i].sync, notify, KSO, NULL), bad[i].code);
		expect_notification(U, notify, SON, -1);
		IS(request(U, bad[i].name, bad[i].id, bad[i].sync, so, MSO, NULL), bad[i].code);
		ENTRY(U, so, "-");
		expect_notification(U, notify, SON, -1);
	}
	expect_nothing(U, notify);
	IS(status(U, notify).sorights, 0);
}
