/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-i: pseudo-receive: a message that could not be sent is as good as received by its
 * sender: no right of it is lost, none is invented. */
#include <stdio.h>

#include "tests/ports/suite.h"

/* A port of T's, full, that U has a send right for; *np is T's name. */
static port_name_t
full_port(port_name_t *np)
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	fill(U, m, PORT_QLIMIT_DEFAULT);
	*np = n;
	return m;
}

/* U tries to send one right to a full port; what came back in its place. */
static struct wire_port
try_to_send(port_name_t name, uint32_t disposition)
{
	port_name_t n, m = full_port(&n);
	struct letter l = letter(m, CS, 8);
	struct wire_port port = { name, disposition };
	struct mail mail;

	l.ports = &port;
	l.n_ports = 1;
	l.body = (struct wire_blob){ "12345678", 8 };
	IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.id, 8);
	IS(mail.out.remote, m);
	IS(mail.out.local, PORT_NULL);
	IS(mail.out.bits, MS);
	IS(mail.out.size, 8);
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	IS(mail.n_ports, 1);
	port = mail.ports[0];
	ENTRY(U, m, "S2");
	IS(status(T, n).msgcount, PORT_QLIMIT_DEFAULT);
	OK(destroy(T, n));
	OK(destroy(U, m));
	return port;
}

CASE(I01, FD_NEVER,
    "queue full, body m:S1 by CS, timeout 0: SEND_TIMED_OUT, m:S2, descriptor now PORT_SEND")
{
	port_name_t m = give(V, new_port(V), KS, U);
	struct wire_port back = try_to_send(m, CS);

	IS(back.name, m);
	IS(back.disposition, MS);
	ENTRY(U, m, "S2");
}

CASE(I02, FD_NEVER, "body n:R by KS: n:RS1, mscount stays +1")
{
	port_name_t n = new_port(U);
	struct wire_port back = try_to_send(n, KS);

	IS(back.name, n);
	IS(back.disposition, MS);
	ENTRY(U, n, "RS1");
	IS(status(U, n).mscount, 1);
}

CASE(I02b, FD_NEVER,
    "body n:R by KSO: the caller owns a new SO; it by MSO: is back, under some name")
{
	port_name_t n = new_port(U);
	size_t before = count_names(U);
	struct wire_port back = try_to_send(n, KSO);

	IS(back.disposition, MSO);
	ENTRY(U, back.name, "SO");
	IS(status(U, n).sorights, 1);
	expect_nothing(U, n);
	back = try_to_send(back.name, MSO);
	IS(back.disposition, MSO);
	ENTRY(U, back.name, "SO");
	IS(status(U, n).sorights, 1);
	NAMES(U, (long long)before + 1);
	OK(deallocate(U, back.name));
	expect_notification(U, n, PORT_NOTIFY_SEND_ONCE, -1);
}

CASE(I03, FD_NEVER,
    "body m:S2 by MS: m:S2; from S1: right is back, maybe under another name, buffer tells which")
{
	port_name_t q = new_port(V), m = give(V, q, KS, U), notify = new_port(V);
	size_t before = count_names(U);
	struct wire_port back;

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 2, notify);
	IS(give(V, q, KS, U), m);
	back = try_to_send(m, MS);
	IS(back.name, m);
	IS(back.disposition, MS);
	ENTRY(U, m, "S2");
	OK(deallocate(U, m));
	back = try_to_send(m, MS);
	IS(back.disposition, MS);
	ENTRY(U, back.name, "S1");
	NAMES(U, (long long)before);
	expect_nothing(V, notify);
	OK(deallocate(U, back.name));
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 2);
}

CASE(I05, FD_NEVER, "body n:R by MR, p in set: R back, not in set, seqno 0, mscount 0")
{
	port_name_t n = new_port(U), s = new_set(U), k;
	struct wire_port back;

	OK(send_plain(U, n, KS, 1));
	expect_message(U, n, 1);
	OK(send_plain(U, n, KS, 2));
	OK(move_member(U, n, s));
	IS(status(U, n).seqno, 1);
	IS(status(U, n).mscount, 2);
	back = try_to_send(n, MR);
	k = back.name;
	IS(back.disposition, MR);
	ENTRY(U, k, "R");
	IS(status(U, k).set, PORT_NULL);
	YES(set_is(U, s, PORT_NULL));
	IS(status(U, k).seqno, 0);
	IS(status(U, k).mscount, 0);
	expect_nothing(U, s);
	expect_message(U, k, 2);
}

CASE(I05b, FD_NEVER, "body n:RS by MR: same n; the NS request stays")
{
	port_name_t n = new_port_rs(U), notify = new_port(U);
	struct wire_port back;

	ask(U, n, PORT_NOTIFY_NO_SENDERS, 9, notify);
	back = try_to_send(n, MR);
	IS(back.name, n);
	IS(back.disposition, MR);
	ENTRY(U, n, "RS1");
	IS(status(U, n).mscount, 0);
	IS(status(U, n).no_senders_armed, 1);
	OK(deallocate(U, n));
	expect_notification(U, notify, PORT_NOTIFY_NO_SENDERS, 0);
}

/* One piece of memory each, for once in line, for once too long for that. */
static void
memory_comes_back(uint64_t size)
{
	port_name_t n, m = full_port(&n);
	struct item item = { .type = PORT_DESCRIPTOR_MEMORY, .deallocate = 1, .size = size,
		.seed = size };
	struct letter l = letter(m, CS, 8);
	struct mail mail;

	l.items = &item;
	l.n_items = 1;
	IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.n_items, 1);
	IS(mail.items[0].type, PORT_DESCRIPTOR_MEMORY);
	IS(mail.items[0].size, size);
	IS(mail.items[0].seed, memory_expected(size, size));
	expect_message(T, n, 0);
	OK(exchange(U, &l, NULL));	/* the way is not blocked by what came back */
	for (uint32_t i = 1; i < PORT_QLIMIT_DEFAULT; i++)
		expect_message(T, n, i);
	OK(receive(T, n, NULL));
	expect_nothing(T, n);
}

CASE(I06, FD_CAN, "OOL with dealloc: same content at address in buffer")
{
	memory_comes_back(5000);
	memory_comes_back(1 << 20);
}

CASE(I07, FD_CAN, "I01 then resend with MOVE_SEND: succeeds, m:S1, as if the first had")
{
	port_name_t n, m = full_port(&n), q = new_port(V), s = give(V, q, KS, U), r = new_port(U);
	struct letter l = letter(m, MS, 8);
	struct wire_port port = { s, CS };
	struct mail mail;

	l.ports = &port;
	l.n_ports = 1;
	l.local = r;
	l.local_disposition = KSO;
	IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.bits, MS | MSO << 8);
	ENTRY(U, mail.out.local, "SO");
	ENTRY(U, mail.out.remote, "S1");
	ENTRY(U, s, "S2");
	expect_message(T, n, 0);
	l.remote = mail.out.remote;
	l.local = mail.out.local;
	l.local_disposition = MSO;
	port = mail.ports[0];
	IS(port.disposition, MS);
	OK(exchange(U, &l, NULL));
	ENTRY(U, s, "S1");
	ENTRY(U, l.remote, "-");
	ENTRY(U, l.local, "-");
	for (uint32_t i = 1; i < PORT_QLIMIT_DEFAULT; i++)
		expect_message(T, n, i);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 8);
	ENTRY(T, mail.ports[0].name, "S1");
	OK(send_plain(T, mail.out.remote, MSO, 108));
	expect_message(U, r, 108);
	IS(status(U, r).sorights, 0);
}

CASE(I08, FD_CAN, "header not swapped: remote still the destination")
{
	port_name_t n, m = full_port(&n), r = new_port_rs(U);
	struct letter l = letter(m, CS, 8);
	struct mail mail;

	l.local = r;
	l.local_disposition = CS;
	IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.remote, m);
	IS(mail.out.local, r);
	IS(mail.out.bits, MS | MS << 8);
	ENTRY(U, m, "S2");
	ENTRY(U, r, "RS2");
}

CASE(I09, FD_CAN, "destination dies while blocked: SUCCESS, not a pseudo-receive")
{
	port_name_t n, m = full_port(&n), s = give(V, new_port(V), KS, U);
	struct letter l = letter(m, CS, 8);
	struct wire_port port = { s, MS };
	struct mail mail;

	l.ports = &port;
	l.n_ports = 1;
	l.send_timeout_ms = PATIENCE_MS;
	post(U, &l);
	NO(has_reply(U));
	OK(destroy(T, n));
	OK(fetch(U, &mail));
	IS(mail.n_ports, 0);
	ENTRY(U, s, "-");
	ENTRY(U, m, "D1");
}

CASE(I10, FD_CAN, "SEND|RCV with send timeout: no receive; buffer holds the unsent message")
{
	port_name_t n, m = full_port(&n), r = new_port_rs(U);
	struct letter l = letter(m, CS, 8);
	struct mail mail;

	OK(send_plain(U, r, CS, 1));
	l.options |= PORT_MSG_RCV;
	l.rcv_name = r;
	l.rcv_size = PORT_MSG_BODY_MAX;
	IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.id, 8);
	IS(mail.out.remote, m);
	IS(status(U, r).msgcount, 1);
	expect_message(U, r, 1);
}

CASE(I11, FD_CAN, "SEND_INTERRUPTED: same effects as I01")
{
	port_name_t n, m = full_port(&n), s = give(V, new_port(V), KS, U);
	struct letter l = letter(m, CS, 8);
	struct wire_port port = { s, CS };
	struct mail mail;

	catch_signal(U, SIGUSR1);
	l.options = PORT_MSG_SEND | PORT_MSG_SEND_INTERRUPT;
	l.ports = &port;
	l.n_ports = 1;
	post(U, &l);
	NO(has_reply(U));
	ENTRY(thread_of(U, 1), s, "S1");
	signal_thread(U, SIGUSR1);
	IS(fetch(U, &mail), PORT_E_SEND_INTERRUPTED);
	IS(mail.out.id, 8);
	IS(mail.out.remote, m);
	IS(mail.n_ports, 1);
	IS(mail.ports[0].name, s);
	IS(mail.ports[0].disposition, MS);
	ENTRY(U, s, "S2");
	ENTRY(U, m, "S2");
	IS(status(T, n).msgcount, PORT_QLIMIT_DEFAULT);
}

/* I12 ------------------------------------------------------------------------------------
 *
 * The short form of the random programs (tests/ports/random): U sends what it has, by any
 * disposition, to where there is no room or with something wrong in it, and a ledger that knows
 * nothing but the dispositions says what it must have afterwards. */

enum {
	HOLDINGS = 5,	/* ports: the first ones are V's, the others U's */
	OF_V = 2,
	ONCES = 24,
	RIGHTS = 5,	/* in a message; the first is the reply right */
};

/* What U has for a port. */
struct holding {
	port_name_t name;	/* PORT_NULL: nothing */
	port_name_t at_v;	/* V's receive right, or PORT_NULL */
	bool receive;
	uint32_t urefs;
	uint32_t mscount;
	uint32_t notices;	/* send-once notifications that are to be found there */
};

struct once {
	port_name_t name;
	uint32_t of;		/* the holding */
};

struct ledger {
	struct holding holdings[HOLDINGS];
	struct once onces[ONCES];
	uint32_t n_onces;
	size_t n_others;	/* names of U's that it has besides */
};

/* A right on its way. */
struct taken {
	uint32_t disposition;
	uint32_t of;
};

static bool
has_entry(const struct holding *h)
{
	return h->receive || h->urefs > 0;
}

static uint32_t
count_onces(const struct ledger *ledger, uint32_t of)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ledger->n_onces; i++)
		n += ledger->onces[i].of == of;
	return n;
}

static void
expect_ledger(struct ledger *ledger)
{
	size_t n = ledger->n_others + ledger->n_onces;
	char text[16];

	for (uint32_t i = 0; i < HOLDINGS; i++) {
		struct holding *h = &ledger->holdings[i];
		struct task *owner = h->receive ? U : V;
		port_name_t name = h->receive ? h->name : h->at_v;

		if (name == PORT_NULL)
			continue;	/* buried */
		for (; h->notices > 0; h->notices--)
			expect_notification(owner, name, PORT_NOTIFY_SEND_ONCE, -1);
		expect_nothing(owner, name);
		snprintf(text, sizeof(text), h->urefs ? "%s%u" : h->receive ? "R" : "-",
		    h->receive ? "RS" : "S", h->urefs);
		ENTRY(U, h->name, text);
		IS(status(owner, name).srights, h->urefs > 0);
		IS(status(owner, name).mscount, h->mscount);
		IS(status(owner, name).sorights, count_onces(ledger, i));
		n += has_entry(h);
	}
	for (uint32_t i = 0; i < ledger->n_onces; i++)
		ENTRY(U, ledger->onces[i].name, "SO");
	NAMES(U, (long long)n);
}

/* What died is replaced, what V can give it gives. */
static void
replenish(struct ledger *ledger)
{
	for (uint32_t i = 0; i < HOLDINGS; i++) {
		struct holding *h = &ledger->holdings[i];

		if (i >= OF_V && !h->receive) {
			*h = (struct holding){ .name = new_port(U), .receive = true };
		} else if (i < OF_V && chance(2) == 0) {
			h->name = give(V, h->at_v, KS, U);
			h->urefs++;
			h->mscount++;
		}
	}
}

/* The port is dead; so are all names for it. */
static void
bury(struct ledger *ledger, uint32_t of)
{
	struct holding *h = &ledger->holdings[of];
	uint32_t kept = 0;
	char text[16];

	if (h->urefs) {
		snprintf(text, sizeof(text), "D%u", h->urefs);
		ENTRY(U, h->name, text);
		OK(destroy(U, h->name));
	}
	for (uint32_t i = 0; i < ledger->n_onces; i++)
		if (ledger->onces[i].of == of) {
			ENTRY(U, ledger->onces[i].name, "D1");
			OK(deallocate(U, ledger->onces[i].name));
		} else {
			ledger->onces[kept++] = ledger->onces[i];
		}
	ledger->n_onces = kept;
	*h = (struct holding){ 0 };
}

/* Takes a right out of the ledger; false: that does not work. */
static bool
take(struct ledger *ledger, struct taken *t, port_name_t *namep)
{
	struct holding *h = &ledger->holdings[t->of];
	uint32_t which;

	*namep = has_entry(h) ? h->name : UNKNOWN;
	switch (t->disposition) {
	case CS:
		return h->urefs > 0;
	case MS:
		if (h->urefs == 0)
			return false;
		h->urefs--;
		return true;
	case KS:
		h->mscount += h->receive;
		return h->receive;
	case KSO:
		return h->receive;
	case MR:
		if (!h->receive)
			return false;
		h->receive = false;
		h->mscount = 0;
		return true;
	default:
		if (ledger->n_onces == 0)
			return false;
		which = chance(ledger->n_onces);
		*namep = ledger->onces[which].name;
		t->of = ledger->onces[which].of;
		ledger->onces[which] = ledger->onces[--ledger->n_onces];
		return true;
	}
}

/* A right that was taken has come back, by the rules of a receive. */
static void
enter(struct ledger *ledger, const struct taken *t, const struct wire_port *back)
{
	struct holding *h = &ledger->holdings[t->of];

	if (t->disposition == MSO || t->disposition == KSO) {
		IS(back->disposition, MSO);
		ledger->onces[ledger->n_onces++] = (struct once){ back->name, t->of };
		return;
	}
	IS(back->disposition, t->disposition == MR ? MR : MS);
	if (has_entry(h))
		IS(back->name, h->name);
	h->name = back->name;
	if (t->disposition == MR)
		h->receive = true;
	else
		h->urefs++;
}

/* Rights that were taken are released. */
static void
release(struct ledger *ledger, const struct taken *taken, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t disposition = taken[i].disposition;

		if (disposition == MSO || disposition == KSO)
			ledger->holdings[taken[i].of].notices++;
	}
	for (uint32_t i = 0; i < n; i++)
		if (taken[i].disposition == MR)
			bury(ledger, taken[i].of);
}

/* A message by chance, as far as the ledger knows; false: something in it cannot be. */
static bool
choose(struct ledger *ledger, struct letter *l, struct wire_port *ports, struct taken *taken,
    uint32_t *n_takenp)
{
	static const uint32_t dispositions[] = { CS, MS, KS, KSO, MR, MSO };
	uint32_t reply = chance(HOLDINGS);

	*n_takenp = 0;
	if (ledger->holdings[reply].receive) {
		l->local = ledger->holdings[reply].name;
		l->local_disposition = KSO;
		taken[(*n_takenp)++] = (struct taken){ .disposition = KSO, .of = reply };
	}
	for (l->n_ports = 0; *n_takenp < RIGHTS && chance(6); l->n_ports++) {
		struct taken *t = &taken[*n_takenp];
		struct wire_port *port = &ports[l->n_ports];
		bool there;

		t->disposition = dispositions[chance(6)];
		t->of = chance(HOLDINGS);
		there = take(ledger, t, &port->name);
		port->disposition = t->disposition;
		if (!there) {
			/* And one after it, which is not touched. */
			ports[++l->n_ports] = (struct wire_port){ ledger->holdings[0].name, MS };
			l->n_ports++;
			return false;
		}
		(*n_takenp)++;
	}
	return true;
}

static void
come_back(struct ledger *ledger, const struct letter *l, const struct mail *mail,
    const struct taken *taken)
{
	size_t at = 0;

	IS(mail->n_ports, l->n_ports);
	if (l->local_disposition)
		enter(ledger, taken++, &(struct wire_port){ mail->out.local, mail->out.bits >> 8 });
	while (at < mail->n_ports)
		enter(ledger, taken++, &mail->ports[at++]);
}

/* One message: it finds no room, or a right of it is bad, or it dies in the queue. */
static void
one_turn(struct ledger *ledger)
{
	bool full = chance(2);
	port_name_t inbox = new_port(V), out = give(V, inbox, KS, U);
	struct letter l = letter(out, CS, 8);
	struct wire_port ports[RIGHTS + 2];
	struct taken taken[RIGHTS + 1];
	uint32_t n_taken;
	struct mail mail;

	l.ports = ports;
	if (full)
		OK(set_qlimit(V, inbox, 0));
	if (!choose(ledger, &l, ports, taken, &n_taken)) {
		IS(exchange(U, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
		ENTRY(U, out, "S1");
		full = false;
	} else if (full) {
		IS(exchange(U, &l, &mail), PORT_E_SEND_TIMED_OUT);
		come_back(ledger, &l, &mail, taken);
		ENTRY(U, out, "S2");
	} else {
		OK(exchange(U, &l, NULL));
	}
	OK(destroy(V, inbox));
	OK(destroy(U, out));
	if (!full)
		release(ledger, taken, n_taken);
	expect_ledger(ledger);
}

CASE(I12, FD_NEVER,
    "random messages x random failure points: dispositions explain refs, rights, ports exactly")
{
	static struct ledger ledger;
	uint32_t turns = many(400);

	ledger.n_others = count_names(U);
	for (uint32_t i = 0; i < OF_V; i++)
		ledger.holdings[i].at_v = new_port(V);
	for (uint32_t i = 0; i < turns; i++) {
		replenish(&ledger);
		one_turn(&ledger);
		while (ledger.n_onces > ONCES - RIGHTS) {
			struct once *once = &ledger.onces[--ledger.n_onces];

			OK(deallocate(U, once->name));
			ledger.holdings[once->of].notices++;
		}
	}
	for (uint32_t i = 0; i < HOLDINGS; i++)
		if (ledger.holdings[i].receive)
			OK(destroy(U, ledger.holdings[i].name));
}
