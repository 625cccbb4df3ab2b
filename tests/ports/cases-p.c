/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-p: what XNU has added: ports in one step, guards, a look at the first message, and to be
 * told when a queue has room. */
#include "tests/ports/suite.h"

enum { GUARD = 0x600d, OTHER = 0xbad };

/* construct, destruct -------------------------------------------------------------------- */

CASE(P01, FD_CAN, "construct with insert-send: n:RS1, qlimit as asked")
{
	port_name_t n;

	OK(construct(T, PORT_CONSTRUCT_INSERT_SEND | PORT_CONSTRUCT_QLIMIT, 9, 0, &n));
	ENTRY(T, n, "RS1");
	IS(status(T, n).qlimit, 9);
	IS(status(T, n).mscount, 1);
	IS(status(T, n).guarded, 0);
	OK(construct(T, 0, 9, 0, &n));
	ENTRY(T, n, "R");
	IS(status(T, n).qlimit, PORT_QLIMIT_DEFAULT);
}

CASE(P02, FD_CAN, "two exclusive flags: INVALID_ARGUMENT; qlimit above max: INVALID_VALUE")
{
	size_t before = count_names(T);
	port_name_t n = 77;

	IS(construct(T, PORT_CONSTRUCT_REPLY | PORT_CONSTRUCT_INSERT_SEND, 0, 0, &n),
	    PORT_E_INVALID_ARGUMENT);
	IS(construct(T, 1u << 31, 0, 0, &n), PORT_E_INVALID_ARGUMENT);
	IS(construct(T, PORT_CONSTRUCT_QLIMIT, PORT_QLIMIT_MAX + 1, 0, &n), PORT_E_INVALID_VALUE);
	IS(n, 77);
	NAMES(T, (long long)before);
}

CASE(P03, FD_CAN, "a reply port makes send-once rights only: KS is INVALID_RIGHT, KSO works")
{
	port_name_t n, p = new_port(U), m = give(U, p, KS, T);

	OK(construct(T, PORT_CONSTRUCT_REPLY, 0, 0, &n));
	IS(insert(T, n, n, KS), PORT_E_INVALID_RIGHT);
	IS(send_right(T, m, CS, n, KS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_plain(T, n, KS, 1), PORT_E_SEND_INVALID_DEST);
	ENTRY(T, n, "R");
	IS(status(T, n).mscount, 0);
	OK(send_reply(T, m, CS, n, KSO));
	IS(status(T, n).sorights, 1);
	OK(send_plain(T, n, KSO, 2));
	expect_message(T, n, 2);
}

CASE(P03b, FD_CAN, "destruct(n:RS3, -2): the receive right and two references go in one step: n:D1")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U);

	OK(mod_refs(T, n, SEND, 2));
	OK(destruct(T, n, -2, 0));
	ENTRY(T, n, "D1");
	ENTRY(U, m, "D1");
	n = new_port_rs(T);
	OK(destruct(T, n, -1, 0));
	ENTRY(T, n, "-");
	n = new_port(T);
	OK(destruct(T, n, 0, 0));
	ENTRY(T, n, "-");
}

CASE(P04, FD_CAN, "destruct, wrong guard: INVALID_ARGUMENT, unchanged")
{
	port_name_t n;

	OK(construct(T, PORT_CONSTRUCT_GUARD | PORT_CONSTRUCT_INSERT_SEND, 0, GUARD, &n));
	IS(status(T, n).guarded, 1);
	IS(destruct(T, n, -1, OTHER), PORT_E_INVALID_ARGUMENT);
	IS(destruct(T, n, -1, 0), PORT_E_INVALID_ARGUMENT);
	ENTRY(T, n, "RS1");
	OK(destruct(T, n, -1, GUARD));
	ENTRY(T, n, "-");
}

CASE(P05, FD_CAN,
    "destruct on S only, or with a delta on R: INVALID_RIGHT; +1, too many: INVALID_VALUE")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U), r = new_port(T);

	IS(destruct(U, m, 0, 0), PORT_E_INVALID_RIGHT);
	IS(destruct(U, m, -1, 0), PORT_E_INVALID_RIGHT);
	IS(destruct(T, n, 1, 0), PORT_E_INVALID_VALUE);
	IS(destruct(T, n, -2, 0), PORT_E_INVALID_VALUE);
	IS(destruct(T, n, INT_MIN, 0), PORT_E_INVALID_VALUE);
	IS(destruct(T, r, -1, 0), PORT_E_INVALID_RIGHT);
	IS(destruct(T, UNKNOWN, 0, 0), PORT_E_INVALID_NAME);
	ENTRY(T, n, "RS1");
	ENTRY(T, r, "R");
	ENTRY(U, m, "S1");
}

/* Guards ------------------------------------------------------------------------------------- */

CASE(P06, FD_CAN,
    "guarded n: mod_refs(RECEIVE, -1), destroy: INVALID_RIGHT; strict: MR is SEND_INVALID_RIGHT")
{
	port_name_t n = new_port(T), strict = new_port(T), inbox = new_port(U),
		    out = give(U, inbox, KS, T);

	OK(guard(T, n, GUARD, 0));
	OK(guard(T, strict, GUARD, 1));
	IS(mod_refs(T, n, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	IS(destroy(T, n), PORT_E_INVALID_RIGHT);
	IS(destroy(T, strict), PORT_E_INVALID_RIGHT);
	IS(send_right(T, out, CS, strict, MR), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, n, "R");
	ENTRY(T, strict, "R");
	OK(send_right(T, out, CS, n, MR));
	ENTRY(T, n, "-");
	OK(unguard(T, strict, GUARD));
	OK(send_right(T, out, CS, strict, MR));
	ENTRY(T, strict, "-");
}

CASE(P07, FD_CAN,
    "guard twice, unguard of none, swap or unguard with the wrong word: INVALID_ARGUMENT")
{
	port_name_t n = new_port(T), p = new_port(U), m = give(U, p, KS, T);

	IS(unguard(T, n, GUARD), PORT_E_INVALID_ARGUMENT);
	IS(swap_guard(T, n, 0, GUARD), PORT_E_INVALID_ARGUMENT);
	OK(guard(T, n, GUARD, 0));
	IS(guard(T, n, OTHER, 0), PORT_E_INVALID_ARGUMENT);
	IS(unguard(T, n, OTHER), PORT_E_INVALID_ARGUMENT);
	IS(swap_guard(T, n, OTHER, GUARD), PORT_E_INVALID_ARGUMENT);
	IS(status(T, n).guarded, 1);
	OK(swap_guard(T, n, GUARD, OTHER));
	IS(unguard(T, n, GUARD), PORT_E_INVALID_ARGUMENT);
	OK(unguard(T, n, OTHER));
	IS(status(T, n).guarded, 0);
	OK(destroy(T, n));
	IS(guard(T, m, GUARD, 0), PORT_E_INVALID_RIGHT);
	IS(unguard(T, m, GUARD), PORT_E_INVALID_RIGHT);
	IS(swap_guard(T, m, GUARD, OTHER), PORT_E_INVALID_RIGHT);
	IS(guard(T, UNKNOWN, GUARD, 0), PORT_E_INVALID_NAME);
}

CASE(P07b, FD_CAN, "a guarded port of a task that ends dies all the same")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	OK(guard(T, n, GUARD, 1));
	kill_task(T);
	ENTRY(U, m, "D1");
}

/* peek --------------------------------------------------------------------------------- */

CASE(P08, FD_CAN, "peek: size, id, seqno, sender of the first, which stays queued; empty: FAILURE")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, CS, 4711);
	struct peek_out peeked = { .id = 77 };
	struct mail mail;

	IS(peek(T, n, &peeked), PORT_E_FAILURE);
	IS(peeked.id, 77);
	OK(send_plain(U, m, CS, 1));
	expect_message(T, n, 1);
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(exchange(U, &l, NULL));
	OK(send_plain(U, m, CS, 9));
	for (int i = 0; i < 2; i++) {
		OK(peek(T, n, &peeked));
		IS(peeked.id, 4711);
		IS(peeked.size, 8);
		IS(peeked.seqno, 1);
		IS(peeked.pid, pid_of(U));
		IS(peeked.uid, getuid());
		IS(peeked.gid, getgid());
		IS(peeked.sender, id_of(U));
		IS(status(T, n).msgcount, 2);
	}
	OK(receive(T, n, &mail));
	IS(mail.out.id, 4711);
	IS(mail.out.seqno, 1);
	IS(peek(U, m, &peeked), PORT_E_INVALID_RIGHT);
	IS(peek(U, UNKNOWN, &peeked), PORT_E_INVALID_NAME);
}

/* The send-possible request -------------------------------------------------------------- */

/* Tries to send and asks to be told when it can. */
static int
try_to_send(struct task *c, port_name_t name, uint32_t id)
{
	struct letter l = letter(name, CS, id);

	l.options |= PORT_MSG_SEND_NOTIFY;
	return exchange(c, &l, NULL);
}

CASE(P09, FD_CAN,
    "SP, sync not 0, room: at once; full: armed by a failed SEND_NOTIFY send, fires when room")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	ask(U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(U, notify, PORT_NOTIFY_SEND_POSSIBLE, m);
	ENTRY(U, m, "S1");
	fill(U, m, PORT_QLIMIT_DEFAULT);
	ask(U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	YES(type_of(U, m) & PORT_TYPE_SPREQUEST);
	IS(try_to_send(U, m, 9), PORT_E_SEND_TIMED_OUT);
	expect_nothing(U, notify);
	expect_message(T, n, 0);
	expect_notification(U, notify, PORT_NOTIFY_SEND_POSSIBLE, m);
	NO(type_of(U, m) & PORT_TYPE_SPREQUEST);
	expect_message(T, n, 1);
	expect_nothing(U, notify);
}

CASE(P09b, FD_CAN, "SP with sync not 0 on an SO: at once, however full the queue is")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), so = give(T, n, KSO, U), notify = new_port(U);

	fill(U, m, PORT_QLIMIT_DEFAULT);
	ask(U, so, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(U, notify, PORT_NOTIFY_SEND_POSSIBLE, so);
	ENTRY(U, so, "SO");
}

CASE(P09c, FD_CAN, "SP registered, but no send has failed with SEND_NOTIFY: room is not told")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	fill(U, m, PORT_QLIMIT_DEFAULT);
	ask(U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_message(T, n, 0);
	expect_nothing(U, notify);
	OK(send_plain(U, m, CS, 5));
	IS(send_plain(U, m, CS, 9), PORT_E_SEND_TIMED_OUT);
	expect_message(T, n, 1);
	expect_nothing(U, notify);
}

CASE(P10, FD_CAN, "SP armed, the port dies: DN instead")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	fill(U, m, PORT_QLIMIT_DEFAULT);
	ask(U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	IS(try_to_send(U, m, 9), PORT_E_SEND_TIMED_OUT);
	kill_port(T, n);
	expect_notification(U, notify, PORT_NOTIFY_DEAD_NAME, m);
	expect_nothing(U, notify);
	ENTRY(U, m, "D3");	/* its own, the one that came back, and the notification's */
}
