/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-b: user references, and that a task has one name for what it may do with a port. */
#include "suite.h"
#include "wire/profile.h"

/* Coalescing -------------------------------------------------------------------------- */

CASE(B01, FD_LIBRARY, "n:R: insert_right(n, n, KS) makes n:RS1, mscount 1")
{
	port_name_t n = new_port(T);

	IS(status(T, n).mscount, 0);
	OK(insert(T, n, n, KS));
	ENTRY(T, n, "RS1");
	IS(status(T, n).mscount, 1);
	IS(status(T, n).srights, 1);
}

CASE(B02, FD_NEVER, "n:RS1: again makes n:RS2, mscount 2, still one name")
{
	port_name_t n = new_port_rs(T);

	OK(insert(T, n, n, KS));
	ENTRY(T, n, "RS2");
	IS(refs(T, n, RECEIVE), 1);
	IS(status(T, n).mscount, 2);
	IS(status(T, n).srights, 1);
	NAMES(T, 1);
}

CASE(B03, FD_NEVER, "U holds m:S1 for p; T sends S(p) again: m:S2, the message shows m")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U), name;

	mail_rights(&(struct wire_port){ p, KS }, 1, &name);
	IS(name, m);
	ENTRY(U, m, "S2");
	NAMES(U, 1);
}

CASE(B04, FD_CAN, "U receives S(p), S(q): two different names")
{
	struct wire_port ports[] = { { new_port(T), KS }, { new_port(T), KS } };
	port_name_t got[2];

	mail_rights(ports, 2, got);
	DIFFER(got[0], got[1]);
	ENTRY(U, got[0], "S1");
	ENTRY(U, got[1], "S1");
	OK(send_plain(U, got[1], CS, 4));
	expect_nothing(T, ports[0].name);
	expect_message(T, ports[1].name, 4);
}

CASE(B05, FD_NEVER, "T n:R; U sends T an S(p): n:RS1, the name in the message is n")
{
	port_name_t n = new_port(T), u = give(T, n, KS, U), name;

	mail_rights_to(U, &(struct wire_port){ u, CS }, 1, T, &name);
	IS(name, n);
	ENTRY(T, n, "RS1");
	NAMES(T, 1);
}

CASE(B06, FD_NEVER, "T n:RS1; U sends T an S(p): n:RS2")
{
	port_name_t n = new_port_rs(T), u = give(T, n, KS, U), name;

	mail_rights_to(U, &(struct wire_port){ u, MS }, 1, T, &name);
	IS(name, n);
	ENTRY(T, n, "RS2");
	ENTRY(U, u, "-");
}

CASE(B07, FD_NEVER, "U m:S2; gets R(p): m:RS2")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U), name;

	IS(give(T, p, KS, U), m);
	mail_rights(&(struct wire_port){ p, MR }, 1, &name);
	IS(name, m);
	ENTRY(U, m, "RS2");
	NAMES(U, 1);
	ENTRY(T, p, "-");
}

CASE(B08, FD_CAN, "U nothing; gets R(p): m:R, get_refs(SEND)=0")
{
	port_name_t p = new_port(T), m;

	mail_rights(&(struct wire_port){ p, MR }, 1, &m);
	ENTRY(U, m, "R");
	IS(refs(U, m, SEND), 0);
	ENTRY(T, p, "-");
}

CASE(B09, FD_CAN, "two KSO for p in one message: two different names, each SO")
{
	port_name_t p = new_port(T), got[2];
	struct wire_port ports[] = { { p, KSO }, { p, KSO } };

	mail_rights(ports, 2, got);
	DIFFER(got[0], got[1]);
	ENTRY(U, got[0], "SO");
	ENTRY(U, got[1], "SO");
	OK(send_plain(U, got[0], MSO, 1));
	ENTRY(U, got[1], "SO");
	expect_message(T, p, 1);
}

CASE(B10, FD_CAN, "U m:S1, gets SO(p): a fresh name, m unchanged")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U), name;

	mail_rights(&(struct wire_port){ p, KSO }, 1, &name);
	DIFFER(name, m);
	ENTRY(U, name, "SO");
	ENTRY(U, m, "S1");
}

CASE(B11, FD_NEVER, "the same S(p) twice in one message: one name, S2, both places equal")
{
	port_name_t p = new_port(T), got[4];
	struct wire_port ports[] = { { p, KS }, { p, KSO }, { p, KS }, { p, KSO } };

	mail_rights(ports, 4, got);
	IS(got[0], got[2]);
	ENTRY(U, got[0], "S2");
	NAMES(U, 3);
	IS(status(T, p).mscount, 2);
	IS(status(T, p).sorights, 2);
}

/* Counting ------------------------------------------------------------------------------- */

CASE(B12, FD_LIBRARY, "n:S3: deallocate three times: S2, S1, gone; once more INVALID_NAME")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 2));
	OK(deallocate(T, n));
	ENTRY(T, n, "S2");
	OK(deallocate(T, n));
	ENTRY(T, n, "S1");
	OK(deallocate(T, n));
	ENTRY(T, n, "-");
	IS(deallocate(T, n), PORT_E_INVALID_NAME);
	IS(status(U, p).srights, 0);
}

CASE(B13, FD_LIBRARY, "n:RS1: deallocate leaves n:R; once more INVALID_RIGHT")
{
	port_name_t n = new_port_rs(T);

	OK(deallocate(T, n));
	ENTRY(T, n, "R");
	IS(deallocate(T, n), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "R");
}

CASE(B14, FD_CAN, "n:S6: mod_refs(SEND, -6): gone")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 5));
	OK(mod_refs(T, n, SEND, -6));
	ENTRY(T, n, "-");
}

CASE(B14b, FD_LIBRARY, "n:S6: mod_refs(SEND, -7) is INVALID_VALUE, n:S6 stays; mod_refs(SEND, 0) is fine")
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
	ENTRY(T, n, "R");
}

CASE(B18, FD_LIBRARY, "n:R: mod_refs(RECEIVE, +1), (RECEIVE, -2) are INVALID_VALUE, the port lives")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	IS(mod_refs(T, n, RECEIVE, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, RECEIVE, -2), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "R");
	OK(send_plain(U, m, CS, 1));
	expect_message(T, n, 1);
}

CASE(B19, FD_LIBRARY, "n:S: mod_refs(RECEIVE, 0) is INVALID_RIGHT; n:R: it is SUCCESS")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	IS(mod_refs(U, m, RECEIVE, 0), PORT_E_INVALID_RIGHT);
	OK(mod_refs(T, n, RECEIVE, 0));
	ENTRY(T, n, "R");
	ENTRY(U, m, "S1");
}

CASE(B20, FD_LIBRARY, "n:SO: mod_refs(SEND_ONCE, +1), (-2) are INVALID_VALUE; 0 is SUCCESS")
{
	port_name_t p = new_port(T), n = give(T, p, KSO, U);

	IS(mod_refs(U, n, SEND_ONCE, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(U, n, SEND_ONCE, -2), PORT_E_INVALID_VALUE);
	OK(mod_refs(U, n, SEND_ONCE, 0));
	ENTRY(U, n, "SO");
	IS(mod_refs(U, n, SEND, -1), PORT_E_INVALID_RIGHT);
}

CASE(B21, FD_LIBRARY, "n:PS: mod_refs(PORT_SET, +1) is INVALID_VALUE; -1: gone")
{
	port_name_t n = new_set(T);

	IS(mod_refs(T, n, PORT_SET, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, n, PORT_SET, -2), PORT_E_INVALID_VALUE);
	OK(mod_refs(T, n, PORT_SET, 0));
	IS(mod_refs(T, n, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "PS");
	OK(mod_refs(T, n, PORT_SET, -1));
	ENTRY(T, n, "-");
}

CASE(B23, FD_LIBRARY, "n:D2: mod_refs(SEND, -1) is INVALID_RIGHT; deallocate: D1")
{
	port_name_t n = new_dead_name(T, 2);

	IS(mod_refs(T, n, SEND, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "D2");
	OK(deallocate(T, n));
	ENTRY(T, n, "D1");
}

CASE(B23b, FD_LIBRARY,
    "n:S2 whose port died: mod_refs(SEND, +1) and (-1) INVALID_RIGHT, (-3) INVALID_VALUE; deallocate: D1")
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

CASE(B24, FD_LIBRARY, "n:S1 live: mod_refs(DEAD_NAME, -1) is INVALID_RIGHT")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	IS(mod_refs(T, n, DEAD_NAME, -1), PORT_E_INVALID_RIGHT);
	ENTRY(T, n, "S1");
}

CASE(B25, FD_CAN, "mod_refs(any, kind 5, 0), of a known and an unknown name, is INVALID_VALUE")
{
	port_name_t n = new_port(T);

	IS(mod_refs(T, n, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, UNKNOWN, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, PORT_NULL, UINT32_MAX, 0), PORT_E_INVALID_VALUE);
}

CASE(B26, FD_CAN, "mod_refs(unknown, SEND, -1) is INVALID_NAME")
{
	IS(mod_refs(T, UNKNOWN, SEND, -1), PORT_E_INVALID_NAME);
	IS(mod_refs(T, PORT_NULL, SEND, -1), PORT_E_INVALID_NAME);
	IS(mod_refs(T, PORT_DEAD, SEND, -1), PORT_E_INVALID_NAME);
}

CASE(B27, FD_LIBRARY, "n:D4: get_refs(SEND)=0, get_refs(DEAD_NAME)=4, both SUCCESS")
{
	port_name_t n = new_dead_name(T, 4);

	IS(refs(T, n, SEND), 0);
	IS(refs(T, n, DEAD_NAME), 4);
	IS(refs(T, n, RECEIVE), 0);
	IS(refs(T, n, SEND_ONCE), 0);
	IS(refs(T, n, PORT_SET), 0);
}

CASE(B28, FD_CAN, "n:S2: get_refs(RECEIVE)=0 SUCCESS; get_refs(7) is INVALID_VALUE")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);
	uint32_t urefs = 77;

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

CASE(B32, FD_CAN, "deallocate and destroy of 0, all-ones, unknown are INVALID_NAME (D1)")
{
	IS(deallocate(T, PORT_NULL), PROFILE_D1_RESERVED_NAME);
	IS(deallocate(T, PORT_DEAD), PROFILE_D1_RESERVED_NAME);
	IS(deallocate(T, UNKNOWN), PORT_E_INVALID_NAME);
	IS(destroy(T, PORT_NULL), PROFILE_D1_RESERVED_NAME);
	IS(destroy(T, PORT_DEAD), PROFILE_D1_RESERVED_NAME);
}

/* Limits --------------------------------------------------------------------------------------- */

CASE(B33, FD_LIBRARY, "n:S65534: mod_refs(SEND, +1) is UREFS_OVERFLOW, unchanged (D3)")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T);

	OK(mod_refs(T, n, SEND, 65533));
	IS(mod_refs(T, n, SEND, 1), PROFILE_D3_CALL_OVERFLOW);
	ENTRY(T, n, "S65534");
	OK(mod_refs(T, n, SEND, -65534));
	ENTRY(T, n, "-");
}

CASE(B34, FD_LIBRARY,
    "n:RS65534: insert_right(n, n, KS) is UREFS_OVERFLOW, refs unchanged, mscount +1")
{
	port_name_t n = new_port_rs(T);

	OK(mod_refs(T, n, SEND, 65533));
	IS(insert(T, n, n, KS), PROFILE_D3_CALL_OVERFLOW);
	ENTRY(T, n, "RS65534");
	IS(status(T, n).mscount, 2);
	IS(status(T, n).srights, 1);
}

CASE(B35, FD_LIBRARY,
    "U m:S65534: receives S(p): SUCCESS, still 65534 (D4); mod_refs(-65534): NS at T (no leaked sender)")
{
	port_name_t p = new_port(T), m = give(T, p, KS, U), notify = new_port(T), name;

	YES(PROFILE_D4_ARRIVAL_PEGS);
	OK(mod_refs(U, m, SEND, 65533));
	mail_rights(&(struct wire_port){ p, KS }, 1, &name);
	IS(name, m);
	ENTRY(U, m, "S65534");
	ask(T, p, PORT_NOTIFY_NO_SENDERS, 3, notify);
	expect_nothing(T, notify);
	OK(mod_refs(U, m, SEND, -65534));
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 2);
}

CASE(B36, FD_LIBRARY, "n:D65535: mod_refs(DEAD_NAME, +1) is UREFS_OVERFLOW")
{
	port_name_t n = new_dead_name(T, 65535);

	IS(mod_refs(T, n, DEAD_NAME, 1), PROFILE_D3_CALL_OVERFLOW);
	ENTRY(T, n, "D65535");
}

CASE(B37, FD_LIBRARY,
    "n:S1: mod_refs(SEND, INT_MAX) is UREFS_OVERFLOW; INT_MIN is INVALID_VALUE; no wrap")
{
	port_name_t p = new_port(U), n = give(U, p, KS, T), d = new_dead_name(T, 1);

	IS(mod_refs(T, n, SEND, INT_MAX), PROFILE_D3_CALL_OVERFLOW);
	IS(mod_refs(T, n, SEND, INT_MIN), PORT_E_INVALID_VALUE);
	IS(mod_refs(T, d, DEAD_NAME, INT_MAX), PROFILE_D3_CALL_OVERFLOW);
	IS(mod_refs(T, d, DEAD_NAME, INT_MIN), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "S1");
	ENTRY(T, d, "D1");
}

/* Destroying ------------------------------------------------------------------------------------- */

CASE(B38, FD_LIBRARY, "n:S5: destroy: gone; one NS")
{
	port_name_t p = new_port(T), n = give(T, p, KS, U), notify = new_port(T);

	ask(T, p, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(mod_refs(U, n, SEND, 4));
	OK(destroy(U, n));
	ENTRY(U, n, "-");
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_nothing(T, notify);
}

CASE(B39, FD_LIBRARY, "n:D9: destroy: gone; n:PS: destroy: gone; unknown INVALID_NAME")
{
	port_name_t d = new_dead_name(T, 9), s = new_set(T);

	OK(destroy(T, d));
	ENTRY(T, d, "-");
	OK(destroy(T, s));
	ENTRY(T, s, "-");
	IS(destroy(T, d), PORT_E_INVALID_NAME);
	IS(destroy(T, UNKNOWN), PORT_E_INVALID_NAME);
	NAMES(T, 0);
}

CASE(B40, FD_NEVER, "n:SO: destroy: SON at its port")
{
	port_name_t p = new_port(T), n = give(T, p, KSO, U);

	OK(destroy(U, n));
	ENTRY(U, n, "-");
	expect_notification(T, p, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(T, p);
	IS(status(T, p).sorights, 0);
}

CASE(B41, FD_LIBRARY, "n:RS3, U m:S1: T mod_refs(RECEIVE, -1): T n:D3, U m:D1")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U);

	OK(mod_refs(T, n, SEND, 2));
	ENTRY(T, n, "RS3");
	OK(mod_refs(T, n, RECEIVE, -1));
	ENTRY(T, n, "D3");
	ENTRY(U, m, "D1");
}

CASE(B42, FD_LIBRARY, "n:RS3: destroy: nothing is left of n; a name that others have dies")
{
	port_name_t n = new_port_rs(T), m = give(T, n, KS, U);

	OK(mod_refs(T, n, SEND, 2));
	OK(destroy(T, n));
	ENTRY(T, n, "-");
	ENTRY(U, m, "D1");
	NAMES(T, 0);
}

CASE(B43, FD_LIBRARY,
    "n:D1 for a dead port; a right for another port arrives: a fresh name, n stays dead and taken")
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
