/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-e: port sets: many ports waited on as one. */
#include <stdatomic.h>

#include "tests/ports/suite.h"
#include "wire/profile.h"

/* A port of T's in the set, with a send right of U's. */
static port_name_t
new_member(port_name_t set, port_name_t *senderp)
{
	port_name_t n = new_port(T);

	OK(move_member(T, n, set));
	if (senderp)
		*senderp = give(T, n, KS, U);
	return n;
}

/* Membership ------------------------------------------------------------------------------- */

CASE(E01, FD_CAN, "move_member(p, s): get_set_status lists n, status.set = s")
{
	port_name_t s = new_set(T), n = new_port(T);

	YES(set_is(T, s, PORT_NULL));
	OK(move_member(T, n, s));
	YES(set_is(T, s, n, PORT_NULL));
	IS(status(T, n).set, s);
}

CASE(E02, FD_CAN, "a message is queued on p, p joins s: receive(s) gives it")
{
	port_name_t s = new_set(T), n = new_port(T), m = give(T, n, KS, U);

	OK(send_plain(U, m, CS, 1));
	expect_nothing(T, s);
	OK(move_member(T, n, s));
	expect_message(T, s, 1);
	expect_nothing(T, s);
}

CASE(E03, FD_LIBRARY, "receive(s): the local field is p's own name, not s")
{
	port_name_t s = new_set(T), m, other, n = new_member(s, &m), q = new_member(s, &other);
	struct mail mail;

	OK(send_plain(U, m, CS, 1));
	OK(receive(T, s, &mail));
	IS(mail.out.local, n);
	IS(mail.out.bits, MS << 8);
	OK(send_plain(U, other, CS, 2));
	OK(receive(T, s, &mail));
	IS(mail.out.local, q);
}

struct flow {
	port_name_t name;
	uint32_t n;
	_Atomic uint32_t *sent;
};

/* Ids 0, 1, ... in an agent; waits for room. */
static long
send_many(void *arg)
{
	const struct flow *flow = arg;

	for (uint32_t i = 0; i < flow->n; i++) {
		struct port_message message = { .id = i, .remote = flow->name,
			.remote_disposition = CS };

		OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, PORT_FOREVER, 0));
		if (flow->sent)
			atomic_fetch_add(flow->sent, 1);
	}
	return 0;
}

struct two_ports {
	port_name_t set, name[2];
	uint32_t n;
	uint32_t longest;	/* out: without a message of one, while both had some */
};

/* Receives all of both, in an agent: each in its order. */
static long
receive_both(void *arg)
{
	struct two_ports *ports = arg;
	uint32_t next[2] = { 0 }, gap[2] = { 0 };

	for (uint32_t i = 0; i < 2 * ports->n; i++) {
		struct port_message message;
		int from;

		OK(api->exchange(NULL, 0, ports->set, &message, 0, 0));
		from = message.local == ports->name[1];
		IS(message.local, ports->name[from]);
		IS(message.id, next[from]);
		IS(message.seqno, next[from]);
		next[from]++;
		gap[from] = 0;
		gap[!from] += next[!from] < ports->n;
		if (gap[!from] > ports->longest)
			ports->longest = gap[!from];
		port_message_deinit(&message);
	}
	return 0;
}

CASE(E04, FD_CAN,
    "p, q in s, 1000 messages each: receive(s) 2000 times: per-port order kept, neither starved")
{
	struct two_ports ports = { .set = new_set(T), .n = 1000 };

	for (int i = 0; i < 2; i++) {
		struct flow flow = { .n = ports.n };

		ports.name[i] = new_member(ports.set, &flow.name);
		OK(set_qlimit(T, ports.name[i], 1000));
		OK(run(U, send_many, &flow, sizeof(flow)));
	}
	OK(run(T, receive_both, &ports, sizeof(ports)));
	YES(ports.longest <= 8);
	expect_nothing(T, ports.set);
}

CASE(E05, FD_LIBRARY, "p in s: receive(n) is RCV_IN_SET (D10)")
{
	port_name_t s = new_set(T), m, n = new_member(s, &m);

	IS(receive(T, n, NULL), PROFILE_D10_MEMBER_RECEIVE);
	OK(send_plain(U, m, CS, 1));
	IS(receive(T, n, NULL), PROFILE_D10_MEMBER_RECEIVE);
	IS(status(T, n).msgcount, 1);
	expect_message(T, s, 1);
}

CASE(E06, FD_LIBRARY, "A blocked in receive(n): B move_member(n, s): A RCV_PORT_CHANGED")
{
	port_name_t s = new_set(T), n = new_port(T);
	struct task *a = thread_of(T, 1);

	post_receive(a, n);
	NO(has_reply(a));
	OK(move_member(T, n, s));
	IS(fetch(a, NULL), PORT_E_RCV_PORT_CHANGED);
}

CASE(E07, FD_CAN, "A blocked in receive(s): p with a queued message joins s: A gets it")
{
	port_name_t s = new_set(T), n = new_port(T), m = give(T, n, KS, U);
	struct task *a = thread_of(T, 1);
	struct mail mail;

	OK(send_plain(U, m, CS, 4));
	OK(send_plain(U, m, CS, 5));
	post_receive(a, s);
	NO(has_reply(a));
	OK(move_member(T, n, s));
	OK(fetch(a, &mail));
	IS(mail.out.id, 4);
	IS(mail.out.local, n);
	expect_message(T, s, 5);
}

/* Receives until the message UINT32_MAX, in an agent; counts each id. */
struct counted {
	port_name_t set;
	_Atomic uint32_t *times;
};

static long
receive_counted(void *arg)
{
	const struct counted *counted = arg;
	struct port_message message = { 0 };
	uint32_t id;

	do {
		port_message_deinit(&message);
		OK(api->exchange(NULL, 0, counted->set, &message, PORT_FOREVER, 0));
		id = message.id;
		if (id != UINT32_MAX)
			atomic_fetch_add(&counted->times[id], 1);
	} while (id != UINT32_MAX);
	port_message_deinit(&message);
	return 0;
}

CASE(E08, FD_CAN,
    "p moves from s1 to s2 and back, sends racing: each message once, none via the set left")
{
	uint32_t n_messages = many(4000);
	struct counted counted[2];
	_Atomic uint32_t *times = shared(n_messages * sizeof(*times)), *sent = shared(sizeof(*sent));
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct flow flow = { m, n_messages, sent };

	for (int i = 0; i < 2; i++) {
		counted[i] = (struct counted){ new_set(T), times };
		post_run(thread_of(T, 1 + i), receive_counted, &counted[i], sizeof(counted[i]));
	}
	OK(move_member(T, n, counted[0].set));
	post_run(U, send_many, &flow, sizeof(flow));
	for (int i = 1; is_running(U); i = !i)
		OK(move_member(T, n, counted[i].set));
	OK(fetch_run(U, &flow, sizeof(flow)));
	for (int i = 0; i < 2; i++) {
		OK(move_member(T, n, counted[i].set));
		OK(send_plain(U, m, CS, UINT32_MAX));
		OK(fetch_run(thread_of(T, 1 + i), &counted[i], sizeof(counted[i])));
	}
	for (uint32_t i = 0; i < n_messages; i++)
		IS(times[i], 1);
	OK(move_member(T, n, counted[0].set));
	OK(send_plain(U, m, CS, 1));
	expect_nothing(T, counted[1].set);
	expect_message(T, counted[0].set, 1);
}

CASE(E09, FD_CAN, "p in s: move_member(p, s): SUCCESS, unchanged")
{
	port_name_t s = new_set(T), m, n = new_member(s, &m);

	OK(send_plain(U, m, CS, 1));
	OK(move_member(T, n, s));
	YES(set_is(T, s, n, PORT_NULL));
	expect_message(T, s, 1);
}

CASE(E10, FD_CAN, "p in s: move_member(p, NULL): out; again: NOT_IN_SET")
{
	port_name_t s = new_set(T), m, n = new_member(s, &m);

	OK(send_plain(U, m, CS, 1));
	OK(move_member(T, n, PORT_NULL));
	IS(status(T, n).set, PORT_NULL);
	YES(set_is(T, s, PORT_NULL));
	expect_nothing(T, s);
	expect_message(T, n, 1);
	IS(move_member(T, n, PORT_NULL), PORT_E_NOT_IN_SET);
}

CASE(E10b, FD_LIBRARY, "p in s1: move_member(p, s2): in s2 alone (D11)")
{
	port_name_t s1 = new_set(T), s2 = new_set(T), m, n = new_member(s1, &m);

	YES(PROFILE_D11_SETS_OF_A_PORT == 1);
	OK(send_plain(U, m, CS, 1));
	OK(move_member(T, n, s2));
	YES(set_is(T, s1, PORT_NULL));
	YES(set_is(T, s2, n, PORT_NULL));
	IS(status(T, n).set, s2);
	expect_nothing(T, s1);
	expect_message(T, s2, 1);
}

CASE(E11, FD_CAN, "move_member(unknown, s): INVALID_NAME; (S, s), (s2, s): INVALID_RIGHT")
{
	port_name_t s = new_set(T), s2 = new_set(T), p = new_port(U), m = give(U, p, KS, T),
		    d = new_dead_name(T, 1);

	IS(move_member(T, UNKNOWN, s), PORT_E_INVALID_NAME);
	IS(move_member(T, PORT_NULL, s), PORT_E_INVALID_NAME);
	IS(move_member(T, m, s), PORT_E_INVALID_RIGHT);
	IS(move_member(T, s2, s), PORT_E_INVALID_RIGHT);
	IS(move_member(T, d, s), PORT_E_INVALID_RIGHT);
	YES(set_is(T, s, PORT_NULL));
}

CASE(E12, FD_LIBRARY,
    "move_member(p, unknown): INVALID_NAME; (p, S), (p, R): INVALID_RIGHT; p stays where it was")
{
	port_name_t s = new_set(T), n = new_member(s, NULL), p = new_port(U), m = give(U, p, KS, T),
		    r = new_port(T);

	IS(move_member(T, n, UNKNOWN), PORT_E_INVALID_NAME);
	IS(move_member(T, n, m), PORT_E_INVALID_RIGHT);
	IS(move_member(T, n, r), PORT_E_INVALID_RIGHT);
	IS(move_member(T, n, n), PORT_E_INVALID_RIGHT);
	IS(status(T, n).set, s);
}

/* Ends ---------------------------------------------------------------------------------------- */

CASE(E13, FD_LIBRARY,
    "s with p and a message is destroyed: p keeps its queue; A blocked on s2 wakes PORT_DIED")
{
	port_name_t s = new_set(T), m, n = new_member(s, &m), s2 = new_set(T);
	struct task *a = thread_of(T, 1);

	OK(send_plain(U, m, CS, 1));
	OK(destroy(T, s));
	ENTRY(T, s, "-");
	IS(status(T, n).set, PORT_NULL);
	expect_message(T, n, 1);
	post_receive(a, s2);
	NO(has_reply(a));
	OK(mod_refs(T, s2, PORT_SET, -1));
	IS(fetch(a, NULL), PORT_E_RCV_PORT_DIED);
	IS(receive(T, s2, NULL), PORT_E_RCV_INVALID_NAME);
}

CASE(E14, FD_CAN, "A blocked on s: destroy(p): A stays blocked; s lists others only")
{
	port_name_t s = new_set(T), m, n = new_member(s, NULL), other = new_member(s, &m);
	struct task *a = thread_of(T, 1);
	struct mail mail;

	post_receive(a, s);
	NO(has_reply(a));
	OK(destroy(T, n));
	NO(has_reply(a));
	YES(set_is(T, s, other, PORT_NULL));
	OK(send_plain(U, m, CS, 1));
	OK(fetch(a, &mail));
	IS(mail.out.local, other);
}

CASE(E14b, FD_LIBRARY, "p in s has messages and is destroyed: none of them comes out of s")
{
	port_name_t s = new_set(T), m, m2, n = new_member(s, &m), other = new_member(s, &m2);

	fill(U, m, 3);
	OK(send_plain(U, m2, CS, 9));
	OK(destroy(T, n));
	expect_message(T, s, 9);
	expect_nothing(T, s);
	YES(set_is(T, s, other, PORT_NULL));
}

CASE(E15, FD_CAN, "s empty: receive with timeout 20: RCV_TIMED_OUT")
{
	struct letter l = wish(new_set(T));
	uint64_t before = now_ms();

	l.rcv_timeout_ms = 20;
	IS(exchange(T, &l, NULL), PORT_E_RCV_TIMED_OUT);
	YES(now_ms() - before >= 20);
}

CASE(E16, FD_LIBRARY,
    "PS as a body right (CS): SEND_INVALID_RIGHT; as destination: SEND_INVALID_DEST")
{
	port_name_t s = new_set(T), inbox = new_port(U), out = give(U, inbox, KS, T);

	for (uint32_t disposition = MR; disposition <= KSO; disposition++)
		IS(send_right(T, out, CS, s, disposition), PORT_E_SEND_INVALID_RIGHT);
	IS(send_plain(T, s, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(T, s, KS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_reply(T, out, CS, s, KSO), PORT_E_SEND_INVALID_REPLY);
	ENTRY(T, s, "PS");
	expect_nothing(U, inbox);
}

CASE(E17, FD_CAN, "get_set_status(R): INVALID_RIGHT; unknown: INVALID_NAME")
{
	port_name_t n = new_port(T);

	IS(set_status(T, n, NULL, 0, NULL), PORT_E_INVALID_RIGHT);
	IS(set_status(T, UNKNOWN, NULL, 0, NULL), PORT_E_INVALID_NAME);
	IS(set_status(T, PORT_NULL, NULL, 0, NULL), PORT_E_INVALID_NAME);
}

CASE(E18, FD_CAN, "4 threads blocked on s, 4 messages: one each")
{
	port_name_t s = new_set(T), m[2];
	bool seen[4] = { false };

	new_member(s, &m[0]);
	new_member(s, &m[1]);
	for (int i = 0; i < 4; i++)
		post_receive(thread_of(T, i), s);
	for (int i = 0; i < 4; i++)
		NO(has_reply(thread_of(T, i)));
	for (uint32_t i = 0; i < 4; i++)
		OK(send_plain(U, m[i % 2], CS, i));
	for (int i = 0; i < 4; i++) {
		struct mail mail;

		OK(fetch(thread_of(T, i), &mail));
		YES(mail.out.id < 4);
		NO(seen[mail.out.id]);
		seen[mail.out.id] = true;
	}
}

CASE(E19, FD_LIBRARY, "a task with a set and its members ends: the ports die, the world is empty")
{
	port_name_t s = new_set(T), m, n = new_member(s, &m);

	new_member(s, NULL);
	fill(U, m, 3);
	ENTRY(T, n, "R");
	kill_task(T);
	ENTRY(U, m, "D1");
}
