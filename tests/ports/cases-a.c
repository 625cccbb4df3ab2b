/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-a: names: how a task gets them, what it is told of them, and that they are its own. */
#include <stdatomic.h>

#include "tests/ports/suite.h"
#include "wire/profile.h"

/* What a task has from its beginning, its bootstrap right, goes. */
static void
empty_table(struct task *c)
{
	struct port_entry *entries;
	size_t n;

	entries = names(c, &n);
	for (size_t i = 0; i < n; i++)
		OK(destroy(c, entries[i].name));
	free(entries);
	NAMES(c, 0);
}

/* Making names ----------------------------------------------------------------------- */

CASE(A01, FD_LIBRARY, "empty table: allocate(RECEIVE) makes n:R; get_refs R=1, S=0, SO=0, DEAD=0")
{
	port_name_t n;

	empty_table(T);
	n = new_port(T);
	ENTRY(T, n, "R");
	NAMES(T, 1);
	IS(refs(T, n, RECEIVE), 1);
	IS(refs(T, n, SEND), 0);
	IS(refs(T, n, SEND_ONCE), 0);
	IS(refs(T, n, DEAD_NAME), 0);
	IS(refs(T, n, PORT_SET), 0);
	DIFFER(n, PORT_NULL);
	DIFFER(n, PORT_DEAD);
}

CASE(A01b, FD_LIBRARY,
    "a new port: mscount, seqno, queue and requests 0, the default queue limit, in no set")
{
	port_name_t n = new_port(T);
	struct receive_status_out s = status(T, n);

	IS(s.set, PORT_NULL);
	IS(s.seqno, 0);
	IS(s.mscount, 0);
	IS(s.qlimit, PORT_QLIMIT_DEFAULT);
	IS(s.msgcount, 0);
	IS(s.sorights, 0);
	IS(s.srights, 0);
	IS(s.no_senders_armed, 0);
	IS(s.port_destroyed_armed, 0);
	IS(s.guarded, 0);
}

CASE(A03, FD_CAN, "allocate(PORT_SET) makes n:PS; get_set_status is empty")
{
	port_name_t s;
	size_t n = 99;

	empty_table(T);
	s = new_set(T);
	ENTRY(T, s, "PS");
	IS(refs(T, s, PORT_SET), 1);
	IS(refs(T, s, RECEIVE), 0);
	OK(set_status(T, s, NULL, 0, &n));
	IS(n, 0);
	NAMES(T, 1);
}

CASE(A04, FD_LIBRARY, "allocate(DEAD_NAME) makes n:D1")
{
	port_name_t d;

	OK(allocate(T, DEAD_NAME, &d));
	ENTRY(T, d, "D1");
	IS(send_plain(T, d, CS, 1), PORT_E_SEND_INVALID_DEST);
	OK(deallocate(T, d));
	ENTRY(T, d, "-");
}

CASE(A05, FD_CAN, "allocate(SEND) is INVALID_VALUE")
{
	empty_table(T);
	IS(allocate(T, SEND, NULL), PORT_E_INVALID_VALUE);
	NAMES(T, 0);
}

CASE(A06, FD_CAN, "allocate(SEND_ONCE) is INVALID_VALUE")
{
	empty_table(T);
	IS(allocate(T, SEND_ONCE, NULL), PORT_E_INVALID_VALUE);
	NAMES(T, 0);
}

CASE(A07, FD_CAN, "allocate(99) is INVALID_VALUE")
{
	empty_table(T);
	IS(allocate(T, 99, NULL), PORT_E_INVALID_VALUE);
	IS(allocate(T, PORT_RIGHT_KINDS, NULL), PORT_E_INVALID_VALUE);
	IS(allocate(T, UINT32_MAX, NULL), PORT_E_INVALID_VALUE);
	NAMES(T, 0);
}

CASE(A08, FD_LIBRARY, "k unused: allocate_name(RECEIVE, k) makes k:R")
{
	empty_table(T);
	OK(allocate_name(T, RECEIVE, 700));
	ENTRY(T, 700, "R");
	OK(allocate_name(T, PORT_SET, 701));
	ENTRY(T, 701, "PS");
	OK(allocate_name(T, DEAD_NAME, 0x80000001));
	ENTRY(T, 0x80000001, "D1");
	NAMES(T, 3);
	OK(destroy(T, 700));
	OK(allocate_name(T, PORT_SET, 700));	/* unused again */
	ENTRY(T, 700, "PS");
}

CASE(A08b, FD_LIBRARY, "allocate_name at 0 or all-ones, or of SEND, SEND_ONCE, 99: INVALID_VALUE")
{
	empty_table(T);
	IS(allocate_name(T, RECEIVE, PORT_NULL), PORT_E_INVALID_VALUE);
	IS(allocate_name(T, RECEIVE, PORT_DEAD), PORT_E_INVALID_VALUE);
	IS(allocate_name(T, SEND, 700), PORT_E_INVALID_VALUE);
	IS(allocate_name(T, SEND_ONCE, 700), PORT_E_INVALID_VALUE);
	IS(allocate_name(T, 99, 700), PORT_E_INVALID_VALUE);
	NAMES(T, 0);
}

CASE(A09, FD_LIBRARY,
    "k:R with a queued message: allocate_name(RECEIVE, k) is NAME_EXISTS, k and queue unchanged")
{
	port_name_t k = 700, m;

	OK(allocate_name(T, RECEIVE, k));
	m = give(T, k, KS, U);
	OK(send_plain(U, m, CS, 5));
	IS(allocate_name(T, RECEIVE, k), PORT_E_NAME_EXISTS);
	IS(allocate_name(T, DEAD_NAME, k), PORT_E_NAME_EXISTS);
	IS(allocate_name(T, PORT_SET, k), PORT_E_NAME_EXISTS);
	ENTRY(T, k, "R");
	expect_message(T, k, 5);
	OK(send_plain(U, m, CS, 6));
	expect_message(T, k, 6);
}

CASE(A10, FD_LIBRARY, "k:D1: allocate_name(PORT_SET, k) is NAME_EXISTS")
{
	port_name_t k = new_dead_name(T, 1), m = new_port(U), s = give(U, m, KS, T);

	IS(allocate_name(T, PORT_SET, k), PORT_E_NAME_EXISTS);
	ENTRY(T, k, "D1");
	kill_port(U, m);	/* and of one that died while nobody looked */
	IS(allocate_name(T, RECEIVE, s), PORT_E_NAME_EXISTS);
	ENTRY(T, s, "D1");
}

/* Telling of names -------------------------------------------------------------------- */

static uint32_t
type_listed(const struct port_entry *entries, size_t n, port_name_t name)
{
	uint32_t type = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].name == name) {
			IS(type, 0);	/* once */
			type = entries[i].type;
		}
	return type;
}

CASE(A12, FD_LIBRARY,
    "table R, S2, SO, PS, D3: names() has 5 entries, each with exactly its type bits")
{
	port_name_t r, u = new_port(U), s, so, set, d;
	struct port_entry *entries;
	size_t n;

	empty_table(T);
	r = new_port(T);
	s = give(U, u, KS, T);
	set = new_set(T);
	d = new_dead_name(T, 3);
	IS(give(U, u, KS, T), s);
	so = give(U, u, KSO, T);
	entries = names(T, &n);
	IS(n, 5);
	IS(type_listed(entries, n, r), TYPE_RECEIVE);
	IS(type_listed(entries, n, s), TYPE_SEND);
	IS(type_listed(entries, n, so), TYPE_SEND_ONCE);
	IS(type_listed(entries, n, set), TYPE_PORT_SET);
	IS(type_listed(entries, n, d), TYPE_DEAD_NAME);
	free(entries);
	ENTRY(T, s, "S2");
	ENTRY(T, d, "D3");
}

CASE(A12b, FD_LIBRARY, "20000 names: names() has each of them once")
{
	static bool seen[1 << 16];
	uint32_t wanted = many(20000);
	struct port_entry *entries;
	size_t n;

	empty_table(T);
	for (uint32_t i = 0; i < wanted; i++)
		OK(allocate_name(T, DEAD_NAME, 1000 + i));
	entries = names(T, &n);
	IS(n, wanted);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = entries[i].name - 1000;

		IS(entries[i].type, TYPE_DEAD_NAME);
		YES(at < wanted);
		NO(seen[at]);
		seen[at] = true;
	}
	free(entries);
}

CASE(A13, FD_LIBRARY,
    "n:S1, port dies, nothing touched n since: names() and type(n) say DEAD_NAME both (D18)")
{
	port_name_t one = new_port(U), two = new_port(U), n, m;
	struct port_entry *entries;
	size_t n_entries;

	empty_table(T);
	n = give(U, one, KS, T);
	m = give(U, two, KS, T);
	YES(PROFILE_D18_DEAD_AT_ONCE);
	kill_port(U, one);
	kill_port(U, two);
	entries = names(T, &n_entries);
	IS(n_entries, 2);
	IS(type_listed(entries, n_entries, n), TYPE_DEAD_NAME);
	IS(type_listed(entries, n_entries, m), TYPE_DEAD_NAME);
	free(entries);
	IS(type_of(T, n), TYPE_DEAD_NAME);
	one = new_port(U);
	n = give(U, one, KS, T);
	kill_port(U, one);
	IS(type_of(T, n), TYPE_DEAD_NAME);
}

CASE(A14, FD_CAN, "type(unknown), type(0), type(all-ones) are INVALID_NAME")
{
	uint32_t type = 77;

	IS(get_type(T, UNKNOWN, &type), PORT_E_INVALID_NAME);
	IS(get_type(T, PORT_NULL, &type), PORT_E_INVALID_NAME);
	IS(get_type(T, PORT_DEAD, &type), PORT_E_INVALID_NAME);
	IS(type, 77);
}

CASE(A15, FD_LIBRARY, "n:RS1 with a DN request: type(n) is RECEIVE|SEND|DNREQUEST")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	ask(T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	IS(type_of(T, n), TYPE_RECEIVE | TYPE_SEND | PORT_TYPE_DNREQUEST);
}

CASE(A16, FD_LIBRARY,
    "n allocated, destroyed: the next 64 allocations give another integer than n (generation)")
{
	port_name_t n = new_port(T);

	OK(destroy(T, n));
	for (int i = 0; i < 64; i++) {
		port_name_t other = new_port(T);

		DIFFER(other, n);
		OK(destroy(T, other));
	}
	for (int i = 0; i < 64; i++)
		DIFFER(new_port(T), n);
}

CASE(A16b, FD_LIBRARY,
    "every name near a used one is taken by hand: allocate gives a free one all the same")
{
	port_name_t n, next;

	empty_table(T);
	n = new_port(T);
	OK(destroy(T, n));
	for (uint32_t generation = 1; generation < 256; generation++)
		OK(allocate_name(T, DEAD_NAME, (n & ~0xffu) | generation));
	next = new_port(T);
	DIFFER(next >> 8, n >> 8);
	ENTRY(T, next, "R");
	NAMES(T, 256);
}

CASE(A17, FD_CAN,
    "the same integer k in T and U for different ports: U sends to k, U's port gets it, T's not")
{
	port_name_t n = new_port(T), u = new_port(U), k = 900;

	OK(insert(T, k, n, KSO));
	OK(insert(U, k, u, KSO));
	OK(send_plain(U, k, MSO, 2));
	expect_nothing(T, n);
	expect_message(U, u, 2);
	ENTRY(T, k, "SO");
}

CASE(A18, FD_CAN, "T's n:R, U has no entry n: U sends to n: SEND_INVALID_DEST")
{
	port_name_t n = new_port(T);

	IS(send_plain(U, n, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, n, KS, 1), PORT_E_SEND_INVALID_DEST);
	IS(receive(U, n, NULL), PORT_E_RCV_INVALID_NAME);
	expect_nothing(T, n);
}

/* Renaming (D17) ------------------------------------------------------------------------- */

CASE(A19, FD_LIBRARY, "n:S2: rename(n, m): n unknown, m:S2; to 0 or all-ones: INVALID_VALUE")
{
	port_name_t p = new_port(U), n, m = 0x1234;

	empty_table(T);
	n = give(U, p, KS, T);
	YES(PROFILE_D17_RENAME);
	OK(mod_refs(T, n, SEND, 1));
	IS(rename_name(T, n, PORT_NULL), PORT_E_INVALID_VALUE);
	IS(rename_name(T, n, PORT_DEAD), PORT_E_INVALID_VALUE);
	IS(rename_name(T, UNKNOWN, PORT_NULL), PORT_E_INVALID_VALUE);
	OK(rename_name(T, n, m));
	ENTRY(T, n, "-");
	ENTRY(T, m, "S2");
	NAMES(T, 1);
	OK(send_plain(T, m, CS, 1));
	expect_message(U, p, 1);
	IS(give(U, p, KS, T), m);	/* and what comes coalesces there */
	ENTRY(T, m, "S3");
	OK(rename_name(T, m, n));	/* a name that was given back can be chosen */
	ENTRY(T, n, "S3");
}

CASE(A20, FD_CAN, "rename(n, n) is NAME_EXISTS")
{
	port_name_t n = new_port(T);

	IS(rename_name(T, n, n), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "R");
}

CASE(A21, FD_LIBRARY, "m in use: rename(n, m) is NAME_EXISTS, both unchanged")
{
	port_name_t n = new_port_rs(T), m = new_port(T), d = new_dead_name(T, 2), s = new_set(T);

	OK(send_plain(T, n, CS, 7));
	IS(rename_name(T, n, m), PORT_E_NAME_EXISTS);
	IS(rename_name(T, n, d), PORT_E_NAME_EXISTS);
	IS(rename_name(T, n, s), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "RS1");
	ENTRY(T, m, "R");
	ENTRY(T, d, "D2");
	ENTRY(T, s, "PS");
	expect_message(T, n, 7);
}

CASE(A22, FD_CAN, "rename(unknown, free m) is INVALID_NAME, and m is still free")
{
	IS(rename_name(T, UNKNOWN, 700), PORT_E_INVALID_NAME);
	ENTRY(T, 700, "-");
	OK(allocate_name(T, RECEIVE, 700));
}

CASE(A24, FD_LIBRARY,
    "n:R in set s, one message queued: rename(n, m), receive on s: local field m, s lists m")
{
	port_name_t s = new_set(T), n = new_port(T), u = give(T, n, KS, U), m = 0x4321;
	struct mail mail;

	OK(move_member(T, n, s));
	OK(send_plain(U, u, CS, 3));
	OK(rename_name(T, n, m));
	YES(set_is(T, s, m, PORT_NULL));
	IS(status(T, m).set, s);
	OK(receive(T, s, &mail));
	IS(mail.out.id, 3);
	IS(mail.out.local, m);
	OK(rename_name(T, s, 0x5432));	/* the set as well */
	IS(status(T, m).set, 0x5432);
	YES(set_is(T, 0x5432, m, PORT_NULL));
}

CASE(A25, FD_LIBRARY, "n:S with a DN request: rename(n, m), kill the port: DN carries m")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T), notify = new_port(T), m = 0x4321;

	ask(T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(rename_name(T, n, m));
	IS(type_of(T, m), TYPE_SEND | PORT_TYPE_DNREQUEST);
	kill_port(U, p);
	expect_notification(T, notify, PORT_NOTIFY_DEAD_NAME, m);
	ENTRY(T, m, "D2");
	ENTRY(T, n, "-");
}

/* Many at once ----------------------------------------------------------------------------- */

struct crowd {
	uint32_t me, n;
	_Atomic uint32_t *owner;	/* by name, which stays small: who has it live */
};

enum { CROWD_SLOTS = 1 << 16 };

/* Ports of this thread's, each its own while it lives. */
static long
allocate_and_destroy(void *arg)
{
	const struct crowd *crowd = arg;
	port_name_t mine[4] = { 0 };

	for (uint32_t i = 0; i < crowd->n + 4; i++) {
		port_name_t *at = &mine[i % 4];
		uint32_t before;

		if (*at) {
			atomic_store(&crowd->owner[*at & (CROWD_SLOTS - 1)], 0);
			OK(api->destroy(*at, PORT_NULL));
			*at = PORT_NULL;
		}
		if (i >= crowd->n)
			continue;
		OK(api->allocate(PORT_RIGHT_RECEIVE, at, PORT_NULL));
		before = atomic_exchange(&crowd->owner[*at & (CROWD_SLOTS - 1)], crowd->me);
		IS(before, 0);
	}
	return 0;
}

CASE(A26, CASE_HEAVY,
    "10 threads allocate and destroy 10^5 ports: never two live equal names, table empty at end")
{
	struct crowd crowd = { .n = many(100000) / 10,
		.owner = shared(CROWD_SLOTS * sizeof(*crowd.owner)) };

	empty_table(T);
	for (int i = 0; i < 10; i++) {
		crowd.me = (uint32_t)i + 1;
		post_run(thread_of(T, i), allocate_and_destroy, &crowd, sizeof(crowd));
	}
	for (int i = 0; i < 10; i++)
		OK((int)fetch_run(thread_of(T, i), &crowd, sizeof(crowd)));
	NAMES(T, 0);
}
