/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-b: user references: rights that arrive again coalesce, and go one by one. */
#include "tests/ports/suite.h"
#include "wire/profile.h"

enum {
	NS = PORT_NOTIFY_NO_SENDERS,
	SON = PORT_NOTIFY_SEND_ONCE,
};

/* One right from T to U in a message: its name there. */
static port_name_t
mail_right(port_name_t name, uint32_t disposition)
{
	port_name_t there;

	mail_rights(&(struct wire_port){ name, disposition }, 1, &there);
	return there;
}

/* Coalescing ------------------------------------------------------------------------------ */

CASE(B01, FD_LIBRARY, "n:R: insert_right(n, n, KS) makes n:RS1, mscount 1")
{
	port_name_t n = new_port(T);
	size_t before = count_names(T);

	IS(status(T, n).mscount, 0);
	OK(insert(T, n, n, KS));
	ENTRY(T, n, "RS1");
	IS(status(T, n).mscount, 1);
	IS(status(T, n).srights, 1);
	NAMES(T, (long long)before);
	OK(send_plain(T, n, CS, 4));
	expect_message(T, n, 4);
}

CASE(B02, FD_NEVER, "n:RS1: again makes n:RS2, mscount 2, still one name")
{
	port_name_t n = new_port_rs(T);
	size_t before = count_names(T);

	OK(insert(T, n, n, KS));
	ENTRY(T, n, "RS2");
	IS(refs(T, n, RECEIVE), 1);
	IS(status(T, n).mscount, 2);
	NAMES(T, (long long)before);
}

CASE(B03, FD_NEVER, "U holds m:S1 for p, T sends S(p) again: m:S2, the descriptor shows m")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U);
	size_t before = count_names(U);

	IS(mail_right(p, KS), m);
	ENTRY(U, m, "S2");
	NAMES(U, (long long)before);
}

CASE(B04, FD_CAN, "U receives S(p), S(q): two different names")
{
	port_name_t p = new_port(T), q = new_port(T), names[2];

	mail_rights((struct wire_port[]){ { p, KS }, { q, KS } }, 2, names);
	DIFFER(names[0], names[1]);
	ENTRY(U, names[0], "S1");
	ENTRY(U, names[1], "S1");
	OK(send_plain(U, names[0], CS, 1));
	OK(send_plain(U, names[1], CS, 2));
	expect_message(T, p, 1);
	expect_message(T, q, 2);
}

CASE(B05, FD_NEVER, "T n:R, U sends T an S(p): n:RS1, the name in the message is n")
{
	port_name_t n = new_port(T), u = give(T, n, KS, U), name;

	mail_rights_to(U, &(struct wire_port){ u, MS }, 1, T, &name);
	IS(name, n);
	ENTRY(T, n, "RS1");
	ENTRY(U, u, "-");
	IS(status(T, n).srights, 1);
}

CASE(B06, FD_NEVER, "T n:RS1, U sends T an S(p): n:RS2")
{
	port_name_t n = new_port_rs(T), u = give(T, n, KS, U), name;

	mail_rights_to(U, &(struct wire_port){ u, CS }, 1, T, &name);
	IS(name, n);
	ENTRY(T, n, "RS2");
	ENTRY(U, u, "S1");
}

CASE(B07, FD_NEVER, "U m:S2, gets R(p): m:RS2")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	IS(give(T, n, KS, U), m);
	ENTRY(U, m, "S2");
	IS(mail_right(n, MR), m);
	ENTRY(U, m, "RS2");
	ENTRY(T, n, "-");
	OK(send_plain(U, m, CS, 3));
	expect_message(U, m, 3);
}

CASE(B08, FD_CAN, "U nothing, gets R(p): m:R, get_refs(SEND) = 0")
{
	port_name_t n = new_port(T), v = give(T, n, KS, V), m = mail_right(n, MR);

	ENTRY(U, m, "R");
	IS(refs(U, m, SEND), 0);
	IS(refs(U, m, RECEIVE), 1);
	ENTRY(T, n, "-");
	OK(send_plain(V, v, CS, 3));
	expect_message(U, m, 3);
}

CASE(B09, FD_CAN, "two KSO for p in one message: two different names, each SO")
{
	port_name_t p = new_port(T), names[2];

	mail_rights((struct wire_port[]){ { p, KSO }, { p, KSO } }, 2, names);
	DIFFER(names[0], names[1]);
	ENTRY(U, names[0], "SO");
	ENTRY(U, names[1], "SO");
	OK(send_plain(U, names[1], MSO, 1));
	ENTRY(U, names[1], "-");
	ENTRY(U, names[0], "SO");
	OK(send_plain(U, names[0], MSO, 2));
	expect_message(T, p, 1);
	expect_message(T, p, 2);
}

CASE(B09b, FD_LIBRARY, "send-once rights are counted at the port, each, until they are used")
{
	port_name_t p = new_port(T), names[2];

	mail_rights((struct wire_port[]){ { p, KSO }, { p, KSO } }, 2, names);
	IS(status(T, p).sorights, 2);
	IS(status(T, p).srights, 0);
	IS(status(T, p).mscount, 0);
	OK(send_plain(U, names[0], MSO, 1));
	IS(status(T, p).sorights, 2);
	expect_message(T, p, 1);
	IS(status(T, p).sorights, 1);
}

CASE(B10, FD_CAN, "U m:S1, gets SO(p): a fresh name, m unchanged")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U), so;
	size_t before = count_names(U);

	so = mail_right(p, KSO);
	DIFFER(so, m);
	ENTRY(U, m, "S1");
	ENTRY(U, so, "SO");
	NAMES(U, (long long)before + 1);
}

CASE(B11, FD_NEVER, "the same S(p) twice in one message: one name, S2, both descriptors equal")
{
	port_name_t p = new_port(T), names[2];
	size_t before = count_names(U);

	mail_rights((struct wire_port[]){ { p, KS }, { p, KS } }, 2, names);
	IS(names[0], names[1]);
	ENTRY(U, names[0], "S2");
	NAMES(U, (long long)before + 1);
}

/* One by one, or many at once --------------------------------------------------------------- */

CASE(B12, FD_LIBRARY, "n:S3: deallocate three times: S2, S1, gone; then INVALID_NAME")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 2));
	ENTRY(T, n, "S3");
	OK(deallocate(T, n));
	ENTRY(T, n, "S2");
	OK(deallocate(T, n));
	ENTRY(T, n, "S1");
	IS(status(U, p).srights, 1);
	OK(deallocate(T, n));
	IS(deallocate(T, n), PORT_E_INVALID_NAME);
	IS(status(U, p).srights, 0);
}

CASE(B13, FD_LIBRARY, "n:RS1: deallocate leaves n:R")
{
	port_name_t n = new_port_rs(T);

	OK(send_plain(T, n, CS, 3));
	OK(deallocate(T, n));
	ENTRY(T, n, "R");
	expect_message(T, n, 3);
	IS(deallocate(T, n), PORT_E_INVALID_RIGHT);
}

CASE(B14, FD_CAN, "n:S6: mod_refs(SEND, -6): gone")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 5));
	ENTRY(T, n, "S6");
	OK(mod_refs(T, n, SEND, -6));
	ENTRY(T, n, "-");
	IS(status(U, p).srights, 0);
}

CASE(B14b, FD_LIBRARY,
    "n:S6: mod_refs(SEND, -7) is INVALID_VALUE, n:S6 stays; mod_refs(SEND, 0) is fine")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 5));
	IS(mod_refs(T, n, SEND, -7), PORT_E_INVALID_VALUE);
	OK(mod_refs(T, n, SEND, 0));
	ENTRY(T, n, "S6");
}

CASE(B17, FD_LIBRARY, "n:R: mod_refs(SEND, +1) is INVALID_RIGHT")
{
	port_name_t n = new_port(T);

	IS(mod_refs(T, n, SEND, 1), PORT_E_INVALID_RIGHT);
	IS(mod_refs(T, n, SEND, -1), PORT_E_INVALID_RIGHT);
	IS(mod_refs(T, n, SEND, 0), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "R");
}

CASE(B18, FD_CAN, "n:R: mod_refs(RECEIVE, +1), (RECEIVE, -2) are INVALID_VALUE, the port lives")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	IS(mod_refs(T, n, RECEIVE, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, RECEIVE, -2), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "R");
	OK(send_plain(U, m, CS, 8));
	expect_message(T, n, 8);
}

CASE(B20, FD_CAN, "n:SO: mod_refs(SEND_ONCE, +1), (SEND_ONCE, -2) are INVALID_VALUE, 0 a check")
{
	port_name_t p = new_port(U), n = give(U, p, KSO, T);

	IS(mod_refs(T, n, SEND_ONCE, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, SEND_ONCE, -2), PORT_E_INVALID_VALUE);
	OK(mod_refs(T, n, SEND_ONCE, 0));
	IS(mod_refs(T, n, SEND, 0), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "SO");
	OK(send_plain(T, n, MSO, 2));
	expect_message(U, p, 2);
}

CASE(B19, FD_CAN, "n:S: mod_refs(RECEIVE, 0) is INVALID_RIGHT; n:R: SUCCESS")
{
	port_name_t n = new_port(T), s = give(T, n, KS, U);

	IS(mod_refs(U, s, RECEIVE, 0), PORT_E_INVALID_RIGHT);
	IS(mod_refs(U, s, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	OK(mod_refs(T, n, RECEIVE, 0));
	ENTRY(U, s, "S1");
	ENTRY(T, n, "R");
}

CASE(B21, FD_CAN, "n:PS: mod_refs(PORT_SET, +1) is INVALID_VALUE; -1: gone")
{
	port_name_t n = new_set(T);

	IS(mod_refs(T, n, PORT_SET, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	OK(mod_refs(T, n, PORT_SET, 0));
	ENTRY(T, n, "PS");
	OK(mod_refs(T, n, PORT_SET, -1));
	ENTRY(T, n, "-");
}

CASE(B23, FD_LIBRARY, "n:D2: mod_refs(SEND, -1) is INVALID_RIGHT; deallocate: D1")
{
	port_name_t n = new_dead_name(T, 2), p = new_port(U), s = give(U, p, KS, T);

	IS(mod_refs(T, n, SEND, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "D2");
	OK(deallocate(T, n));
	ENTRY(T, n, "D1");
	/* One that just died: the range is looked at first (2.1). */
	OK(mod_refs(T, s, SEND, 1));
	kill_port(U, p);
	IS(mod_refs(T, s, SEND, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, s, "D2");
	OK(mod_refs(T, s, DEAD_NAME, -1));
	OK(deallocate(T, s));
	ENTRY(T, s, "-");
}

CASE(B23b, FD_LIBRARY,
    "n:S2 whose port died: mod_refs(SEND, -1) is INVALID_RIGHT; as D2 it counts on")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 1));
	kill_port(U, p);
	IS(mod_refs(T, n, SEND, -1), PORT_E_INVALID_RIGHT);
	OK(mod_refs(T, n, DEAD_NAME, 2));
	ENTRY(T, n, "D4");
	OK(mod_refs(T, n, DEAD_NAME, -3));
	ENTRY(T, n, "D1");
	IS(mod_refs(T, n, DEAD_NAME, -2), PORT_E_INVALID_VALUE);
	OK(deallocate(T, n));
	ENTRY(T, n, "-");
}

CASE(B24, FD_CAN, "n:S1 live: mod_refs(DEAD_NAME, -1) is INVALID_RIGHT")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	IS(mod_refs(T, n, DEAD_NAME, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "S1");
	OK(send_plain(T, n, CS, 6));
	expect_message(U, p, 6);
}

CASE(B25, FD_CAN, "mod_refs(any, kind 5, 0), known and unknown name: INVALID_VALUE")
{
	port_name_t n = new_port(T);

	IS(mod_refs(T, n, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, 5, -1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, UNKNOWN, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, PORT_NULL, UINT32_MAX, 0), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "R");
}

CASE(B26, FD_CAN, "mod_refs(unknown, SEND, -1) is INVALID_NAME")
{
	IS(mod_refs(T, UNKNOWN, SEND, -1), PORT_E_INVALID_NAME);
	IS(mod_refs(T, PORT_NULL, SEND, -1), PORT_E_INVALID_NAME);
	IS(mod_refs(T, PORT_DEAD, DEAD_NAME, -1), PORT_E_INVALID_NAME);
}

CASE(B27, FD_LIBRARY, "n:D4: get_refs(SEND) = 0, get_refs(DEAD_NAME) = 4, both SUCCESS")
{
	port_name_t n = new_dead_name(T, 4), p = new_port(U), s = give(U, p, KS, T);

	IS(refs(T, n, SEND), 0);
	IS(refs(T, n, DEAD_NAME), 4);
	OK(mod_refs(T, s, SEND, 3));
	kill_port(U, p);
	IS(refs(T, s, SEND), 0);
	IS(refs(T, s, DEAD_NAME), 4);
}

CASE(B28, FD_CAN, "n:S2: get_refs(RECEIVE) = 0 SUCCESS; get_refs(7) is INVALID_VALUE")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);
	uint32_t urefs = 77;

	OK(mod_refs(T, n, SEND, 1));
	IS(refs(T, n, SEND), 2);
	IS(refs(T, n, RECEIVE), 0);
	IS(get_refs(T, n, 7, &urefs), PORT_E_INVALID_VALUE);
	IS(get_refs(T, UNKNOWN, 7, &urefs), PORT_E_INVALID_VALUE);
	IS(get_refs(T, UNKNOWN, SEND, &urefs), PORT_E_INVALID_NAME);
	IS(urefs, 77);
}

CASE(B31, FD_CAN, "n:PS: deallocate is INVALID_RIGHT (D2)")
{
	port_name_t n = new_set(T);

	IS(deallocate(T, n), PROFILE_D2_DEALLOCATE_SET);
	ENTRY(T, n, "PS");
}

CASE(B32, FD_CAN, "deallocate(0), (all-ones), (unknown): INVALID_NAME (D1)")
{
	size_t before = count_names(T);

	IS(deallocate(T, PORT_NULL), PROFILE_D1_RESERVED_NAME);
	IS(deallocate(T, PORT_DEAD), PROFILE_D1_RESERVED_NAME);
	IS(destroy(T, PORT_NULL), PROFILE_D1_RESERVED_NAME);
	IS(destroy(T, PORT_DEAD), PROFILE_D1_RESERVED_NAME);
	IS(deallocate(T, UNKNOWN), PORT_E_INVALID_NAME);
	NAMES(T, (long long)before);
}

/* Limits ------------------------------------------------------------------------------------ */

CASE(B33, FD_LIBRARY, "n:S65534: mod_refs(SEND, +1) is UREFS_OVERFLOW, unchanged (D3)")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, PORT_UREFS_SEND_MAX - 1));
	IS(mod_refs(T, n, SEND, 1), PROFILE_D3_CALL_OVERFLOW);
	ENTRY(T, n, "S65534");
	OK(mod_refs(T, n, SEND, -1));
	ENTRY(T, n, "S65533");
}

CASE(B34, FD_LIBRARY,
    "n:RS65534: insert_right(n, n, KS) is UREFS_OVERFLOW, refs unchanged, mscount +1")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	OK(mod_refs(T, n, SEND, PORT_UREFS_SEND_MAX - 1));
	IS(insert(T, n, n, KS), PORT_E_UREFS_OVERFLOW);
	ENTRY(T, n, "RS65534");
	IS(status(T, n).mscount, 2);
	/* The one that did not get in is no sender. */
	ask(T, n, NS, 2, notify);
	OK(mod_refs(T, n, SEND, -PORT_UREFS_SEND_MAX));
	expect_notification(T, notify, NS, 2);
}

CASE(B35, FD_LIBRARY,
    "U m:S65534 receives S(p): still 65534; mod_refs(-65534): NS at T, no sender leaks (D4)")
{
	port_name_t n = new_port(T), notify = new_port(T), m = give(T, n, KS, U);

	YES(PROFILE_D4_ARRIVAL_PEGS);
	OK(mod_refs(U, m, SEND, PORT_UREFS_SEND_MAX - 1));
	IS(mail_right(n, KS), m);
	ENTRY(U, m, "S65534");
	ask(T, n, NS, 2, notify);
	expect_nothing(T, notify);
	OK(mod_refs(U, m, SEND, -PORT_UREFS_SEND_MAX));
	ENTRY(U, m, "-");
	expect_notification(T, notify, NS, 2);
}

CASE(B36, FD_CAN, "n:D65535: mod_refs(DEAD_NAME, +1) is UREFS_OVERFLOW")
{
	port_name_t n = new_dead_name(T, PORT_UREFS_DEAD_MAX);

	IS(mod_refs(T, n, DEAD_NAME, 1), PORT_E_UREFS_OVERFLOW);
	ENTRY(T, n, "D65535");
	OK(deallocate(T, n));
	ENTRY(T, n, "D65534");
	OK(mod_refs(T, n, DEAD_NAME, -65534));
	ENTRY(T, n, "-");
}

CASE(B37, FD_CAN, "n:S1: mod_refs(SEND, INT_MAX) is UREFS_OVERFLOW; INT_MIN INVALID_VALUE; no wrap")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	IS(mod_refs(T, n, SEND, INT_MAX), PORT_E_UREFS_OVERFLOW);
	IS(mod_refs(T, n, SEND, INT_MIN), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, SEND, -2), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, SEND, 65536), PORT_E_UREFS_OVERFLOW);
	ENTRY(T, n, "S1");
	OK(send_plain(T, n, CS, 6));
	expect_message(U, p, 6);
}

/* All at once ------------------------------------------------------------------------------- */

CASE(B38, FD_CAN, "n:S5: destroy: gone; one NS")
{
	port_name_t p = new_port(U), notify = new_port(U), n = give(U, p, KS, T);

	ask(U, p, NS, 1, notify);
	OK(mod_refs(T, n, SEND, 4));
	ENTRY(T, n, "S5");
	OK(destroy(T, n));
	ENTRY(T, n, "-");
	expect_notification(U, notify, NS, 1);
	expect_nothing(U, notify);
}

CASE(B39, FD_CAN, "n:D9: destroy: gone; n:PS: destroy: gone; unknown: INVALID_NAME")
{
	port_name_t d = new_dead_name(T, 9), s = new_set(T), p = new_port(T);

	OK(destroy(T, d));
	ENTRY(T, d, "-");
	OK(move_member(T, p, s));
	OK(destroy(T, s));
	ENTRY(T, s, "-");
	IS(status(T, p).set, PORT_NULL);
	IS(destroy(T, UNKNOWN), PORT_E_INVALID_NAME);
	IS(destroy(T, s), PORT_E_INVALID_NAME);
}

CASE(B40, FD_NEVER, "n:SO: destroy: SON at its port")
{
	port_name_t p = new_port(U), n = give(U, p, KSO, T);

	OK(destroy(T, n));
	ENTRY(T, n, "-");
	expect_notification(U, p, SON, -1);
	IS(status(U, p).sorights, 0);
}

CASE(B41, FD_LIBRARY, "n:RS3, U m:S1: T mod_refs(RECEIVE, -1): T n:D3, U m:D1")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U);

	OK(mod_refs(T, n, SEND, 2));
	OK(mod_refs(T, n, RECEIVE, -1));
	ENTRY(T, n, "D3");
	ENTRY(U, m, "D1");
	IS(send_plain(U, m, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(receive(T, n, NULL), PORT_E_RCV_INVALID_NAME);
}

CASE(B42, FD_LIBRARY, "n:RS3: destroy: nothing is left of n; a name that others have dies")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U);

	OK(mod_refs(T, n, SEND, 2));
	OK(destroy(T, n));
	ENTRY(T, n, "-");
	ENTRY(U, m, "D1");
}

CASE(B43, FD_LIBRARY, "n:D1, rights for another port arrive: fresh names, n stays dead and taken")
{
	port_name_t p = new_port(T), n = give(T, p, KS, U), q = new_port(T), got[70];
	struct wire_port ports[70];

	kill_port(T, p);
	ENTRY(U, n, "D1");
	for (int i = 0; i < 70; i++)
		ports[i] = (struct wire_port){ q, KSO };
	mail_rights(ports, 70, got);
	for (int i = 0; i < 70; i++)
		DIFFER(got[i], n);
	ENTRY(U, n, "D1");
}
