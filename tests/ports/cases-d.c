/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-d: a receive right moves from one task to another, with all that hangs on it. */
#include "tests/ports/suite.h"

/* T sends the receive right n to U, which has not received it yet: its inbox. */
static port_name_t
send_receive_right(port_name_t n)
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);

	OK(send_right(T, out, MS, n, MR));
	return inbox;
}

/* U's name for what is in its inbox, which goes. */
static port_name_t
take_receive_right(port_name_t inbox)
{
	struct mail mail;
	port_name_t name;

	OK(receive(U, inbox, &mail));
	IS(mail.n_ports, 1);
	IS(mail.ports[0].disposition, MR);
	name = mail.ports[0].name;
	OK(destroy(U, inbox));
	return name;
}

static port_name_t
move_receive_right(port_name_t n)
{
	return take_receive_right(send_receive_right(n));
}

/* Names ------------------------------------------------------------------------------------ */

CASE(D01, FD_CAN, "n:R: MR to U: T n INVALID_NAME, U m:R")
{
	size_t at_t = count_names(T), at_u = count_names(U);
	port_name_t n = new_port(T), m = move_receive_right(n);
	uint32_t type;

	IS(get_type(T, n, &type), PORT_E_INVALID_NAME);
	ENTRY(U, m, "R");
	NAMES(T, (long long)at_t);
	NAMES(U, (long long)at_u + 1);
}

CASE(D02, FD_LIBRARY, "n:RS2: MR: T n:S2, the same integer, and it still sends")
{
	port_name_t n = new_port_rs(T), m;

	OK(mod_refs(T, n, SEND, 1));
	m = move_receive_right(n);
	ENTRY(T, n, "S2");
	ENTRY(U, m, "R");
	OK(send_plain(T, n, CS, 3));
	expect_message(U, m, 3);
}

/* The queue --------------------------------------------------------------------------------- */

CASE(D03, FD_CAN, "3 messages queued: MR, U receives: the same 3 in order")
{
	port_name_t n = new_port(T), v = give(T, n, KS, V), m;

	for (uint32_t i = 0; i < 3; i++)
		OK(send_plain(V, v, CS, i));
	m = move_receive_right(n);
	for (uint32_t i = 0; i < 3; i++)
		expect_message(U, m, i);
	expect_nothing(U, m);
}

CASE(D04, FD_LIBRARY, "seqno was 7, mscount 4: MR: U sees seqno from 0, mscount 0")
{
	port_name_t n = new_port(T), v = PORT_NULL, m;
	struct mail mail;

	for (int i = 0; i < 4; i++)
		v = give(T, n, KS, V);
	for (uint32_t i = 0; i < 7; i++) {
		OK(send_plain(V, v, CS, i));
		expect_message(T, n, i);
	}
	IS(status(T, n).seqno, 7);
	IS(status(T, n).mscount, 4);
	OK(send_plain(V, v, CS, 8));
	OK(send_plain(V, v, CS, 9));
	m = move_receive_right(n);
	IS(status(U, m).seqno, 0);
	IS(status(U, m).mscount, 0);
	OK(receive(U, m, &mail));
	IS(mail.out.id, 8);
	IS(mail.out.seqno, 0);
	OK(receive(U, m, &mail));
	IS(mail.out.seqno, 1);
}

CASE(D05, FD_CAN, "R(p) inside a queued message: V sends to p: SUCCESS, U gets it afterwards")
{
	port_name_t n = new_port(T), v = give(T, n, KS, V), inbox = send_receive_right(n), m;

	OK(send_plain(V, v, CS, 1));
	OK(send_plain(V, v, CS, 2));
	m = take_receive_right(inbox);
	expect_message(U, m, 1);
	expect_message(U, m, 2);
}

CASE(D06, FD_NEVER, "as D05, qlimit reached: V blocks, is released when U receives")
{
	port_name_t n = new_port(T), v = give(T, n, KS, V), inbox = send_receive_right(n), m;

	fill(V, v, PORT_QLIMIT_DEFAULT);
	IS(send_plain(V, v, CS, 99), PORT_E_SEND_TIMED_OUT);
	post_send(V, v, CS, PORT_QLIMIT_DEFAULT);
	NO(has_reply(V));
	m = take_receive_right(inbox);
	NO(has_reply(V));
	expect_message(U, m, 0);
	OK(fetch(V, NULL));
	for (uint32_t i = 1; i <= PORT_QLIMIT_DEFAULT; i++)
		expect_message(U, m, i);
	expect_nothing(U, m);
}

CASE(D07, FD_LIBRARY, "qlimit 12: MR: 12 at U")
{
	port_name_t n = new_port(T);

	OK(set_qlimit(T, n, 12));
	IS(status(U, move_receive_right(n)).qlimit, 12);
}

/* What hangs on it ---------------------------------------------------------------------------- */

CASE(D08, FD_NEVER, "T armed NS: MR to U, last S dropped: NS reaches T's notify port")
{
	port_name_t n = new_port(T), notify = new_port(T), v = give(T, n, KS, V), m;

	ask(T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	m = move_receive_right(n);
	IS(status(U, m).no_senders_armed, 1);
	expect_nothing(T, notify);
	OK(deallocate(V, v));
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 0);
	IS(status(U, m).no_senders_armed, 0);
}

CASE(D11, FD_NEVER, "after MR: T receive(n) is RCV_INVALID_NAME, also when n:S remains")
{
	port_name_t n = new_port(T), s = new_port_rs(T), inbox;

	inbox = send_receive_right(n);
	IS(receive(T, n, NULL), PORT_E_RCV_INVALID_NAME);
	take_receive_right(inbox);
	IS(receive(T, n, NULL), PORT_E_RCV_INVALID_NAME);
	inbox = send_receive_right(s);
	IS(receive(T, s, NULL), PORT_E_RCV_INVALID_NAME);
	take_receive_right(inbox);
	ENTRY(T, s, "S1");
	IS(receive(T, s, NULL), PORT_E_RCV_INVALID_NAME);
}

CASE(D12, FD_NEVER, "a thread of T blocked in receive(n): MR: it wakes RCV_PORT_DIED")
{
	port_name_t n = new_port(T), m, v = give(T, n, KS, V);
	struct task *second = thread_of(T, 1);

	post_receive(second, n);
	NO(has_reply(second));
	m = move_receive_right(n);
	IS(fetch(second, NULL), PORT_E_RCV_PORT_DIED);
	OK(send_plain(V, v, CS, 1));
	expect_message(U, m, 1);
}

CASE(D13, FD_CAN, "p in a set: MR: the set no longer lists it, its messages don't appear there")
{
	port_name_t n = new_port(T), q = new_port(T), s = new_set(T), v = give(T, n, KS, V), m;

	OK(move_member(T, n, s));
	OK(move_member(T, q, s));
	OK(send_plain(V, v, CS, 1));
	m = move_receive_right(n);
	YES(set_is(T, s, q, PORT_NULL));
	expect_nothing(T, s);
	OK(send_plain(V, v, CS, 2));
	expect_nothing(T, s);
	IS(status(U, m).set, PORT_NULL);
	expect_message(U, m, 1);
	expect_message(U, m, 2);
}

CASE(D14, FD_NEVER, "n:R with a DN request: MR: PDEL(n)")
{
	port_name_t n = new_port(T), notify = new_port(T);

	ask(T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	move_receive_right(n);
	expect_notification(T, notify, PORT_NOTIFY_PORT_DELETED, n);
	expect_nothing(T, notify);
}

CASE(D14b, FD_NEVER, "n:RS1 with a DN request: MR: nothing yet; the request stays with n:S1")
{
	port_name_t n = new_port_rs(T), notify = new_port(T), m;

	ask(T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	m = move_receive_right(n);
	expect_nothing(T, notify);
	IS(type_of(T, n), TYPE_SEND | PORT_TYPE_DNREQUEST);
	kill_port(U, m);
	expect_notification(T, notify, PORT_NOTIFY_DEAD_NAME, n);
	ENTRY(T, n, "D2");
}

CASE(D15, FD_CAN, "MR naming S, SO, PS, D, unknown: SEND_INVALID_RIGHT")
{
	port_name_t p = new_port(V), s = give(V, p, KS, T), so = give(V, p, KSO, T), set = new_set(T),
		    d = new_dead_name(T, 2), inbox = new_port(U), out = give(U, inbox, KS, T);

	IS(send_right(T, out, CS, s, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(T, out, CS, so, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(T, out, CS, set, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(T, out, CS, d, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(T, out, CS, UNKNOWN, MR), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, s, "S1");
	ENTRY(T, so, "SO");
	ENTRY(T, set, "PS");
	ENTRY(T, d, "D2");
	expect_nothing(U, inbox);
}

CASE(D16, FD_CAN, "reply disposition MR: SEND_INVALID_HEADER")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);

	IS(send_reply(U, m, CS, r, MR), PORT_E_SEND_INVALID_HEADER);
	ENTRY(U, m, "S1");
	ENTRY(U, r, "R");
	expect_nothing(T, n);
}

CASE(D17, FD_LIBRARY, "payload set: MR: U gets the plain name, no payload")
{
	port_name_t n = new_port(T), v = give(T, n, KS, V), m;
	struct mail mail;

	OK(set_payload(T, n, 0x1122334455667788));
	OK(send_plain(V, v, CS, 1));
	OK(receive(T, n, &mail));
	IS(mail.out.bits >> 8, PORT_PROTECTED_PAYLOAD);
	IS(mail.out.payload, 0x1122334455667788);
	OK(send_plain(V, v, CS, 2));	/* even what was queued before */
	m = move_receive_right(n);
	OK(receive(U, m, &mail));
	IS(mail.out.bits >> 8, MS);
	IS(mail.out.local, m);
	IS(mail.out.payload, 0);
}

CASE(D18, FD_NEVER, "U m:S3, gets R: m:RS3; the DN request that U had on m stays armed")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(U);

	OK(mod_refs(U, m, SEND, 2));
	ask(U, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	IS(move_receive_right(n), m);
	ENTRY(U, m, "RS3");
	YES(type_of(U, m) & PORT_TYPE_DNREQUEST);
	expect_nothing(U, notify);
	kill_port(U, m);
	expect_notification(U, notify, PORT_NOTIFY_DEAD_NAME, m);
	ENTRY(U, m, "D4");
}
