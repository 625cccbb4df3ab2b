/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-l: receive rights that are sent round in circles, where nobody could ever get at them. */
#include <pthread.h>

#include "tests/ports/suite.h"

/* The right that a port-destroyed notification brings. */
static port_name_t
receive_right(struct task *c, port_name_t notify)
{
	struct mail mail;

	OK(receive(c, notify, &mail));
	IS(mail.out.id, PORT_NOTIFY_PORT_DESTROYED);
	IS(mail.n_ports, 1);
	IS(mail.ports[0].disposition, MR);
	return mail.ports[0].name;
}

CASE(L01, FD_NEVER, "n:RS1, MR of n in a message to n: SUCCESS; n:D1, port dead, nothing queued")
{
	port_name_t n = new_port_rs(T), m = give(T, n, CS, U);

	OK(send_right(T, n, CS, n, MR));
	ENTRY(T, n, "D1");
	ENTRY(U, m, "D1");
	IS(send_plain(U, m, CS, 1), PORT_E_SEND_INVALID_DEST);
	UNTIL(world_count().messages == 0);
}

CASE(L02, FD_NEVER, "R(b) queued on a, then R(a) sent to b: SUCCESS, both dead; holders see dead names")
{
	port_name_t a = new_port_rs(T), b = new_port_rs(T), ua = give(T, a, CS, U),
		    vb = give(T, b, CS, V);
	uint32_t ports = world_count().ports;

	OK(send_right(T, a, CS, b, MR));
	ENTRY(V, vb, "S1");
	OK(send_right(T, b, CS, a, MR));
	ENTRY(T, a, "D1");
	ENTRY(T, b, "D1");
	ENTRY(U, ua, "D1");
	ENTRY(V, vb, "D1");
	IS(world_count().ports, ports - 2);
	UNTIL(world_count().messages == 0);
}

CASE(L02b, CASE_PRIVATE, "a circle of three, closed by a task that holds but one of them; what was queued is released")
{
	port_name_t a = new_port_rs(T), b = new_port_rs(T), c = new_port_rs(T), q = new_port(V),
		    notify = new_port(V), s = give(V, q, KS, T), ub, uc;

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(send_right(T, a, CS, s, MS));
	OK(send_right(T, b, CS, a, MR));
	OK(send_right(T, c, CS, b, MR));
	uc = give(T, c, MR, U);
	ub = give(T, a, CS, U);		/* which is the way to the innermost */
	expect_nothing(V, notify);
	OK(send_right(U, ub, CS, uc, MR));
	ENTRY(T, a, "D1");
	ENTRY(T, b, "D1");
	ENTRY(T, c, "D1");
	ENTRY(U, ub, "D1");
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(L04, FD_CAN, "R(a) to b with b's R in U: fine")
{
	port_name_t a = new_port(T), b = new_port(U), to = give(U, b, KS, T), s = give(T, a, KS, V);
	struct mail mail;

	OK(send_right(T, to, CS, a, MR));
	ENTRY(T, a, "-");
	OK(send_plain(V, s, CS, 4));
	OK(receive(U, b, &mail));
	IS(mail.n_ports, 1);
	ENTRY(U, mail.ports[0].name, "R");
	expect_message(U, mail.ports[0].name, 4);
}

CASE(L05, FD_CAN, "R(a) to b, R(b) in transit to live c: fine; c's owner gets b, then a")
{
	port_name_t a = new_port_rs(T), b = new_port_rs(T), c = new_port(U), to = give(U, c, KS, T),
		    ub, ua;
	struct mail mail;

	OK(send_right(T, to, CS, b, MR));
	OK(send_right(T, b, CS, a, MR));
	OK(send_plain(T, a, CS, 9));
	OK(receive(U, c, &mail));
	ub = mail.ports[0].name;
	ENTRY(U, ub, "R");
	OK(receive(U, ub, &mail));
	ua = mail.ports[0].name;
	ENTRY(U, ua, "R");
	expect_message(U, ua, 9);
	ENTRY(T, a, "S1");
	ENTRY(T, b, "S1");
}

CASE(L06, FD_CAN, "S(a) queued on a: fine, no NS till received")
{
	port_name_t a = new_port_rs(T), notify = new_port(T);
	struct mail mail;

	ask(T, a, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_reply(T, a, CS, a, MS));
	ENTRY(T, a, "R");
	expect_nothing(T, notify);
	OK(receive(T, a, &mail));
	IS(mail.out.remote, a);
	ENTRY(T, a, "RS1");
	OK(send_right(T, a, CS, a, MS));
	ENTRY(T, a, "R");
	expect_nothing(T, notify);
	OK(receive(T, a, &mail));
	IS(mail.ports[0].name, a);
	expect_nothing(T, notify);
	OK(deallocate(T, a));
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(L07, FD_NEVER, "L01 with NS armed: SON to the requester")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	ask(T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_right(T, n, CS, n, MR));
	ENTRY(T, n, "D1");
	expect_notification(T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(T, notify);
	IS(status(T, notify).sorights, 0);
}

CASE(L08, FD_CAN, "PD on a points into the cycle: ports die, no loop")
{
	port_name_t a = new_port_rs(T), b = new_port_rs(T), ua = give(T, a, CS, U),
		    ub = give(T, b, CS, U);

	ask(T, a, PORT_NOTIFY_PORT_DESTROYED, 0, b);
	OK(send_right(T, a, CS, b, MR));
	OK(send_right(T, b, CS, a, MR));
	ENTRY(U, ua, "D1");
	ENTRY(U, ub, "D1");
	/* No circle yet: its heir is in its own queue. */
	a = new_port_rs(T);
	b = new_port_rs(T);
	ask(T, a, PORT_NOTIFY_PORT_DESTROYED, 0, b);
	OK(send_right(T, a, CS, b, MR));
	OK(destroy(T, a));
	ENTRY(T, b, "D1");
	settle();
	UNTIL(world_count().messages == 0);
}

CASE(L08b, CASE_PRIVATE, "L01 and L02 with PD armed elsewhere: the ports live on there")
{
	port_name_t n = new_port_rs(T), a = new_port_rs(T), b = new_port_rs(T),
		    notify = new_port(V), so = give(V, notify, KSO, T), k;

	OK(request(T, n, PORT_NOTIFY_PORT_DESTROYED, 0, so, MSO, NULL));
	OK(send_right(T, n, CS, n, MR));
	ENTRY(T, n, "S1");
	k = receive_right(V, notify);
	IS(status(V, k).msgcount, 0);
	OK(send_plain(T, n, CS, 6));
	expect_message(V, k, 6);
	so = give(V, notify, KSO, T);
	OK(request(T, a, PORT_NOTIFY_PORT_DESTROYED, 0, so, MSO, NULL));
	OK(send_right(T, a, CS, b, MR));
	OK(send_right(T, b, CS, a, MR));
	/* The message with R(a) is destroyed: R(a) goes to V, and in its queue is R(b). */
	k = receive_right(V, notify);
	ENTRY(T, a, "S1");
	IS(status(V, k).msgcount, 1);
	ENTRY(T, b, "S1");
}

CASE(L09, FD_CAN, "cycle through an out-of-line port array: same as L02")
{
	port_name_t a = new_port_rs(T), b = new_port_rs(T), c = new_port_rs(T);
	port_name_t both[] = { c, a };
	struct item array = { .type = PORT_DESCRIPTOR_PORTS, .disposition = MR, .size = 2,
		.names = both };
	struct letter l = letter(b, CS, 1);

	OK(send_right(T, a, CS, b, MR));
	l.items = &array;
	l.n_items = 1;
	OK(exchange(T, &l, NULL));
	ENTRY(T, a, "D1");
	ENTRY(T, b, "D1");
	ENTRY(T, c, "D1");
	UNTIL(world_count().messages == 0);
}

/* Races --------------------------------------------------------------------------------------- */

static struct ring {
	pthread_barrier_t barrier;
	port_name_t names[2];
	uint32_t turns;
} *ring;

struct side {
	struct ring *ring;
	int mine;
};

static void
send_receive_right(port_name_t to, port_name_t name)
{
	struct port_message message = { .remote = to, .remote_disposition = CS };

	wire_put_port(&message.body, (struct wire_port){ name, MR });
	OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
	port_message_deinit(&message);
}

static port_name_t
new_rs(void)
{
	port_name_t name;

	OK(api->allocate(PORT_RIGHT_RECEIVE, &name, PORT_NULL));
	OK(api->insert_right(name, name, PORT_MAKE_SEND, PORT_NULL));
	return name;
}

static long
send_to_the_other(void *arg)
{
	const struct side *side = arg;
	struct ring *r = side->ring;
	port_name_t *mine = &r->names[side->mine], *other = &r->names[!side->mine];

	for (uint32_t i = 0; i < r->turns; i++) {
		uint32_t urefs = 0;

		*mine = new_rs();
		pthread_barrier_wait(&r->barrier);
		send_receive_right(*other, *mine);
		pthread_barrier_wait(&r->barrier);
		OK(api->get_refs(*mine, PORT_RIGHT_DEAD_NAME, &urefs, PORT_NULL));
		IS(urefs, 1);
		OK(api->deallocate(*mine, PORT_NULL));
		pthread_barrier_wait(&r->barrier);
	}
	return 0;
}

CASE(L10, FD_NEVER | CASE_HEAVY, "two threads race R(a) to b and R(b) to a, 10^4 times: never a port alive yet unreachable")
{
	pthread_barrierattr_t attr;
	bool counts = api == &backend_hird;
	struct world_count before = counts ? world_count() : (struct world_count){ 0 };
	size_t names_before = count_names(T);

	ring = shared(sizeof(*ring));
	ring->turns = many(10000);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	OK(pthread_barrier_init(&ring->barrier, &attr, 2));
	for (int i = 0; i < 2; i++)
		post_run(thread_of(T, i + 1), send_to_the_other, &(struct side){ ring, i },
		    sizeof(struct side));
	for (int i = 0; i < 2; i++)
		OK(fetch_run(thread_of(T, i + 1), &(struct side){ 0 }, sizeof(struct side)));
	NAMES(T, (long long)names_before);
	if (!counts)
		return;
	IS(world_count().ports, before.ports);
	UNTIL(world_count().messages == before.messages);
}

/* Chains --------------------------------------------------------------------------------------- */

struct chain {
	port_name_t first, last;
	uint32_t length;
};

/* Each port's receive right waits in the next one; that of the last is still here. */
static long
grow_outwards(void *arg)
{
	struct chain *chain = arg;

	chain->last = chain->first;
	for (uint32_t i = 0; i < chain->length; i++) {
		struct port_message message = { .remote_disposition = KS };
		port_name_t next;

		OK(api->allocate(PORT_RIGHT_RECEIVE, &next, PORT_NULL));
		message.remote = next;
		wire_put_port(&message.body, (struct wire_port){ chain->last, MR });
		OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&message);
		chain->last = next;
	}
	return 0;
}

/* Each port's receive right waits in the one before; that of the first is still here, and
 * a send right to the last. */
static long
grow_inwards(void *arg)
{
	struct chain *chain = arg;

	chain->last = chain->first;
	for (uint32_t i = 0; i < chain->length; i++) {
		port_name_t next = new_rs();

		send_receive_right(chain->last, next);
		if (chain->last != chain->first)
			OK(api->deallocate(chain->last, PORT_NULL));
		chain->last = next;
	}
	return 0;
}

/* The closing right is sent: all is gone. */
static void
close_chain(struct chain *chain, port_name_t to, port_name_t right, uint32_t ports)
{
	IS(world_count().ports, ports + chain->length);
	UNTIL(world_count().messages == chain->length);
	OK(send_right(T, to, CS, right, MR));
	IS(world_count().ports, ports - 1);
	UNTIL(world_count().messages == 0);
	ENTRY(T, to, "D1");
}

CASE(L11, CASE_HEAVY, "chain of 10^5 in-transit ports: the closing R is sent in bounded time, all die")
{
	struct chain chain = { .first = new_port_rs(T), .length = many(100000) };
	port_name_t m = give(T, chain.first, CS, U);
	uint32_t ports = world_count().ports;

	OK(run(T, grow_outwards, &chain, sizeof(chain)));
	ENTRY(T, chain.first, "S1");
	ENTRY(U, m, "S1");
	close_chain(&chain, chain.first, chain.last, ports);
	ENTRY(U, m, "D1");
}

CASE(L11b, CASE_HEAVY | CASE_PRIVATE, "L11 with a chain that grew at its other end")
{
	struct chain chain = { .first = new_port_rs(T), .length = many(100000) };
	port_name_t m = give(T, chain.first, CS, U);
	uint32_t ports = world_count().ports;

	OK(run(T, grow_inwards, &chain, sizeof(chain)));
	close_chain(&chain, chain.last, chain.first, ports);
	ENTRY(T, chain.first, "D1");
	ENTRY(U, m, "D1");
}
