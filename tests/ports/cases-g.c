/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-g: the queue limit: who waits for room, in which order, and what ends that. */
#include <stdatomic.h>

#include "tests/ports/suite.h"

/* Three threads of U, of which each waits to send on m: ids 100, 101, 102. */
static void
block_three(port_name_t m)
{
	for (int i = 0; i < 3; i++) {
		post_send(thread_of(U, 1 + i), m, CS, 100 + (uint32_t)i);
		NO(has_reply(thread_of(U, 1 + i)));
	}
}

static void
expect_messages(struct task *c, port_name_t name, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		expect_message(c, name, first + i);
}

CASE(G01, FD_NEVER, "default: 5 sends with timeout 0 SUCCESS, sixth SEND_TIMED_OUT, msgcount 5")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, CS, 5);
	uint64_t before;

	IS(status(T, n).qlimit, PORT_QLIMIT_DEFAULT);
	fill(U, m, 5);
	IS(exchange(U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	IS(status(T, n).msgcount, 5);
	l.send_timeout_ms = 20;
	before = now_ms();
	IS(exchange(U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	YES(now_ms() - before >= 20);
	IS(status(T, n).msgcount, 5);
	expect_messages(T, n, 0, 5);
	expect_nothing(T, n);
}

CASE(G02, FD_CAN, "sixth blocks; one receive: it completes, arrives last")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, 5);
	post_send(U, m, CS, 5);
	NO(has_reply(U));
	expect_message(T, n, 0);
	OK(fetch(U, NULL));
	expect_messages(T, n, 1, 5);
	expect_nothing(T, n);
}

CASE(G03, FD_CAN, "set_qlimit(max) ok, (max+1) INVALID_VALUE, on S INVALID_RIGHT")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	OK(set_qlimit(T, n, PORT_QLIMIT_MAX));
	IS(set_qlimit(T, n, PORT_QLIMIT_MAX + 1), PORT_E_INVALID_VALUE);
	IS(set_qlimit(U, m, 1), PORT_E_INVALID_RIGHT);
	IS(set_qlimit(U, UNKNOWN, 1), PORT_E_INVALID_NAME);
	IS(status(T, n).qlimit, PORT_QLIMIT_MAX);
	OK(set_qlimit(T, n, 0));
	IS(status(T, n).qlimit, 0);
}

CASE(G04, FD_NEVER, "5 queued, 3 blocked; set_qlimit(7): exactly 2 proceed")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, 5);
	block_three(m);
	OK(set_qlimit(T, n, 7));
	OK(fetch(thread_of(U, 1), NULL));
	OK(fetch(thread_of(U, 2), NULL));
	NO(has_reply(thread_of(U, 3)));
	IS(status(T, n).msgcount, 7);
	expect_message(T, n, 0);
	OK(fetch(thread_of(U, 3), NULL));
	expect_messages(T, n, 1, 4);
	expect_messages(T, n, 100, 3);
}

CASE(G05, FD_NEVER, "5 queued; set_qlimit(2): none lost; new sends block until fewer than 2")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, 5);
	OK(set_qlimit(T, n, 2));
	IS(status(T, n).msgcount, 5);
	post_send(U, m, CS, 9);
	for (uint32_t i = 0; i < 3; i++) {
		NO(has_reply(U));
		expect_message(T, n, i);
	}
	NO(has_reply(U));
	expect_message(T, n, 3);
	OK(fetch(U, NULL));
	expect_message(T, n, 4);
	expect_message(T, n, 9);
}

CASE(G06, FD_NEVER, "qlimit 0: CS send times out even while a receiver waits; SO send passes")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), so = give(T, n, KSO, U);
	struct mail mail;

	OK(set_qlimit(T, n, 0));
	post_receive(T, n);
	IS(send_plain(U, m, CS, 1), PORT_E_SEND_TIMED_OUT);
	NO(has_reply(T));
	OK(send_plain(U, so, MSO, 2));
	OK(fetch(T, &mail));
	IS(mail.out.id, 2);
	expect_nothing(T, n);
}

CASE(G09, FD_NEVER,
    "sender blocked; R destroyed: send returns SUCCESS; rights in it released (NS/SON seen)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U), q = new_port(V),
		    s = give(V, q, KS, U), notify = new_port(V);
	struct letter l = letter(m, CS, 5);
	struct wire_port port = { s, MS };

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	fill(U, m, 5);
	l.options = PORT_MSG_SEND;
	l.local = r;
	l.local_disposition = KSO;
	l.ports = &port;
	l.n_ports = 1;
	post(U, &l);
	NO(has_reply(U));
	expect_nothing(V, notify);
	kill_port(T, n);
	OK(fetch(U, NULL));
	ENTRY(U, s, "-");
	ENTRY(U, m, "D1");
	expect_notification(U, r, PORT_NOTIFY_SEND_ONCE, -1);
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(G10, FD_NEVER, "sender blocked; R moved to V: stays blocked, V receives everything in order")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), v;

	fill(U, m, 5);
	post_send(U, m, CS, 5);
	mail_rights_to(T, &(struct wire_port){ n, MR }, 1, V, &v);
	NO(has_reply(U));
	IS(status(V, v).msgcount, 5);
	expect_message(V, v, 0);
	OK(fetch(U, NULL));
	expect_messages(V, v, 1, 5);
	expect_nothing(V, v);
	OK(send_plain(U, m, CS, 6));
	expect_message(V, v, 6);
}

CASE(G10b, FD_NEVER, "G10 with the receive right in a queue for a while: the sender waits as long")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), inbox = new_port(V),
		    out = give(V, inbox, KS, T);
	struct mail mail;

	fill(U, m, 5);
	post_send(U, m, CS, 5);
	OK(send_right(T, out, CS, n, MR));
	ENTRY(T, n, "-");
	NO(has_reply(U));
	OK(receive(V, inbox, &mail));
	NO(has_reply(U));
	expect_message(V, mail.ports[0].name, 0);
	OK(fetch(U, NULL));
}

CASE(G12, FD_CAN, "sender killed while blocked: message never arrives; its rights released")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(V), s = give(V, q, KS, U),
		    notify = new_port(V);
	struct letter l = letter(m, CS, 5);
	struct wire_port port = { s, MS };

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	fill(U, m, 5);
	l.options = PORT_MSG_SEND;
	l.ports = &port;
	l.n_ports = 1;
	post(U, &l);
	NO(has_reply(U));
	expect_nothing(V, notify);
	kill_task(U);
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(status(T, n).msgcount, 5);
	expect_messages(T, n, 0, 5);
	expect_nothing(T, n);
	IS(status(T, n).srights, 0);
}

CASE(G13, FD_CAN, "3 blocked senders, 3 receives: proceed in blocking order (D15)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, 5);
	block_three(m);
	for (uint32_t i = 0; i < 3; i++) {
		expect_message(T, n, i);
		OK(fetch(thread_of(U, 1 + (int)i), NULL));
		for (uint32_t k = i + 1; k < 3; k++)
			NO(has_reply(thread_of(U, 1 + (int)k)));
		IS(send_plain(U, m, CS, 9), PORT_E_SEND_TIMED_OUT);	/* nobody overtakes */
	}
	expect_messages(T, n, 3, 2);
	expect_messages(T, n, 100, 3);
	expect_nothing(T, n);
}

CASE(G15, FD_CAN, "F39 (left queued): no blocked sender proceeds")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, CS, 0), small = wish(n);

	l.body = (struct wire_blob){ "12345678", 8 };
	OK(exchange(U, &l, NULL));
	fill(U, m, 4);
	post_send(U, m, CS, 9);
	small.rcv_size = 4;
	small.options |= PORT_MSG_RCV_LARGE;
	IS(exchange(T, &small, NULL), PORT_E_RCV_TOO_LARGE);
	NO(has_reply(U));
	IS(status(T, n).msgcount, 5);
	expect_message(T, n, 0);
	OK(fetch(U, NULL));
}

CASE(G16, FD_NEVER,
    "msgcount above qlimit by SOs: ordinary sender blocks until below qlimit, not until one left")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, 5);
	for (uint32_t i = 0; i < 3; i++)
		OK(send_plain(U, give(T, n, KSO, U), MSO, 50 + i));
	IS(status(T, n).msgcount, 8);
	post_send(U, m, CS, 9);
	expect_message(T, n, 0);
	NO(has_reply(U));
	expect_message(T, n, 1);
	NO(has_reply(U));
	expect_message(T, n, 2);
	NO(has_reply(U));
	expect_message(T, n, 3);
	OK(fetch(U, NULL));
	expect_message(T, n, 4);
	expect_messages(T, n, 50, 3);
	expect_message(T, n, 9);
}

/* Sends to a port of the agent's own by send-once rights, until that fails. */
struct flood {
	port_name_t name;
	uint32_t sent;
	uint32_t limit;
};

static long
flood(void *arg)
{
	struct flood *flood = arg;
	int code = 0;

	for (flood->sent = 0; flood->sent < flood->limit; flood->sent++) {
		struct port_message message = { .id = flood->sent, .remote = flood->name,
			.remote_disposition = KSO };

		code = api->exchange(&message, 0, PORT_NULL, NULL, 0, 0);
		port_message_deinit(&message);
		if (code)
			break;
	}
	return code;
}

CASE(G17, CASE_HEAVY | CASE_PRIVATE,
    "hard cap reached by SO flood: SEND_NO_BUFFER, system alive (profile)")
{
	port_name_t n = new_port(T), p = new_port(V), m = give(V, p, KS, U), s = give(T, n, KS, U);
	struct flood all = { .name = n, .limit = 100000 };
	struct mail mail;

	IS(run(T, flood, &all, sizeof(all)), PORT_E_SEND_NO_BUFFER);
	IS(status(T, n).msgcount, all.sent);
	IS(status(T, n).sorights, all.sent);
	IS(all.sent, 65534);
	IS(send_plain(U, s, CS, 9), PORT_E_SEND_NO_BUFFER);
	OK(send_plain(U, m, CS, 9));
	expect_message(V, p, 9);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 0);
	all.limit = 2;
	IS(run(T, flood, &all, sizeof(all)), PORT_E_SEND_NO_BUFFER);
	IS(all.sent, 1);
}

CASE(G18, FD_LIBRARY | CASE_HEAVY,
    "sender over its byte quota: NO_BUFFER, other senders to p unaffected (profile)")
{
	static const char zeros[PORT_MSG_BODY_MAX];
	port_name_t n = new_port(T), m = give(T, n, KS, U), v = give(T, n, KS, V);
	struct letter l = letter(m, CS, 1);
	uint32_t sent = 0;
	int code;

	OK(set_qlimit(T, n, PORT_QLIMIT_MAX));
	l.body = (struct wire_blob){ zeros, sizeof(zeros) };
	while ((code = exchange(U, &l, NULL)) == 0)
		sent++;
	IS(code, PORT_E_SEND_NO_BUFFER);
	IS(status(T, n).msgcount, sent);
	YES(sent > PORT_QLIMIT_DEFAULT && sent < PORT_QLIMIT_MAX);
	l.remote = v;
	OK(exchange(V, &l, NULL));
	OK(send_plain(V, v, CS, 2));
	IS(status(T, n).msgcount, sent + 2);
	OK(receive(T, n, NULL));
	l.remote = m;
	OK(exchange(U, &l, NULL));
	IS(exchange(U, &l, NULL), PORT_E_SEND_NO_BUFFER);
}
