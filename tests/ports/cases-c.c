/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-c: rights moved by call: into a table under a name of one's choice, and out of another's.
 *
 * T is the caller, and holds U's task port; k is a name that U has not. */
#include "suite.h"

enum { k = 0x777 };

/* T inserts a right of its own into U. */
static int
insert_there(port_name_t name, port_name_t right, uint32_t disposition)
{
	return insert_in(T, task_port(T, U), name, right, disposition);
}

/* T takes a right out of U. */
static int
extract_there(port_name_t name, uint32_t disposition, port_name_t *rightp)
{
	return extract(T, task_port(T, U), name, disposition, rightp);
}

/* Inserting ------------------------------------------------------------------------------ */

CASE(C01, FD_LIBRARY, "KS from n:R: U k:S1, mscount 1, caller n:R")
{
	port_name_t n = new_port(T);

	OK(insert_there(k, n, KS));
	ENTRY(U, k, "S1");
	ENTRY(T, n, "R");
	IS(status(T, n).mscount, 1);
	OK(send_plain(U, k, CS, 9));
	expect_message(T, n, 9);
}

CASE(C02, FD_LIBRARY, "MS from n:S2: U k:S1, caller n:S1; CS: U k:S2, caller n:S1")
{
	port_name_t p = new_port(V), n = give(V, p, KS, T);

	OK(mod_refs(T, n, SEND, 1));
	OK(insert_there(k, n, MS));
	ENTRY(U, k, "S1");
	ENTRY(T, n, "S1");
	OK(insert_there(k, n, CS));
	ENTRY(U, k, "S2");
	ENTRY(T, n, "S1");
}

CASE(C04, FD_LIBRARY, "MR from n:RS2: U k:R, caller n:S2")
{
	port_name_t n = new_port_rs(T);

	OK(mod_refs(T, n, SEND, 1));
	OK(insert_there(k, n, MR));
	ENTRY(U, k, "R");
	ENTRY(T, n, "S2");
	OK(send_plain(T, n, CS, 3));
	expect_message(U, k, 3);
}

CASE(C05, FD_LIBRARY, "KSO: U k:SO, sorights 1")
{
	port_name_t n = new_port(T);

	OK(insert_there(k, n, KSO));
	ENTRY(U, k, "SO");
	IS(status(T, n).sorights, 1);
	OK(insert(U, k + 1, k, MSO));
	ENTRY(U, k, "-");
	ENTRY(U, k + 1, "SO");
	IS(status(T, n).sorights, 1);
}

CASE(C06, FD_NEVER, "U has j:S1(p): insert p at k: RIGHT_EXISTS, U unchanged")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U);

	IS(insert_there(k, n, KS), PORT_E_RIGHT_EXISTS);
	ENTRY(U, j, "S1");
	ENTRY(U, k, "-");
	IS(status(T, n).mscount, 2);
	OK(insert_there(k, n, KSO));	/* never for send-once */
	ENTRY(U, k, "SO");
}

CASE(C07, FD_NEVER, "U has j:S1(p): insert p at j: j:S2")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U);

	OK(insert_there(j, n, KS));
	ENTRY(U, j, "S2");
	IS(status(T, n).srights, 1);
}

CASE(C08, FD_NEVER, "U has j:S1(p) and k:S(q): insert p at k: RIGHT_EXISTS wins over NAME_EXISTS")
{
	port_name_t n = new_port(T), q = new_port(V), j = give(T, n, KS, U), other = give(V, q, KS, U);

	IS(insert_there(other, n, KS), PORT_E_RIGHT_EXISTS);
	ENTRY(U, j, "S1");
	ENTRY(U, other, "S1");
}

CASE(C09, FD_LIBRARY, "U has k:S(q), nothing for p: insert p at k: NAME_EXISTS")
{
	port_name_t n = new_port(T), q = new_port(V), other = give(V, q, KS, U),
		    d = new_dead_name(U, 1), r = new_port(U);

	IS(insert_there(other, n, KS), PORT_E_NAME_EXISTS);
	IS(insert_there(d, n, KS), PORT_E_NAME_EXISTS);
	IS(insert_there(r, n, KSO), PORT_E_NAME_EXISTS);
	ENTRY(U, other, "S1");
	ENTRY(U, d, "D1");
	ENTRY(U, r, "R");
	IS(status(T, n).srights, 0);
	OK(send_plain(U, other, CS, 5));
	expect_message(V, q, 5);
	expect_notification(T, n, PORT_NOTIFY_SEND_ONCE, -1);
}

CASE(C10, FD_NEVER, "a send-once right at a name for its own port: NAME_EXISTS, and SON at the port")
{
	port_name_t n = new_port_rs(T), j = give(T, n, KS, U);

	IS(insert_there(j, n, KSO), PORT_E_NAME_EXISTS);
	ENTRY(U, j, "S1");
	IS(status(T, n).sorights, 1);	/* on its way back, as SON */
	expect_notification(T, n, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(T, n).sorights, 0);
	IS(insert(T, n, n, KSO), PORT_E_NAME_EXISTS);
	expect_notification(T, n, PORT_NOTIFY_SEND_ONCE, -1);
}

CASE(C11, FD_CAN, "insert NULL, DEAD: INVALID_CAPABILITY")
{
	for (uint32_t disposition = MR; disposition <= KSO; disposition++) {
		IS(insert_there(k, PORT_NULL, disposition), PORT_E_INVALID_CAPABILITY);
		IS(insert_there(k, PORT_DEAD, disposition), PORT_E_INVALID_CAPABILITY);
	}
	ENTRY(U, k, "-");
}

CASE(C12, FD_CAN, "insert at 0 or all-ones, or disposition 99: INVALID_VALUE")
{
	port_name_t n = new_port_rs(T);

	IS(insert_there(PORT_NULL, n, CS), PORT_E_INVALID_VALUE);
	IS(insert_there(PORT_DEAD, n, CS), PORT_E_INVALID_VALUE);
	IS(insert_there(k, n, 99), PORT_E_INVALID_VALUE);
	IS(insert_there(k, n, 0), PORT_E_INVALID_VALUE);
	IS(insert_there(PORT_NULL, UNKNOWN, CS), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "RS1");
	IS(status(T, n).mscount, 1);
}

CASE(C12b, FD_CAN, "insert of an unknown name: INVALID_NAME; of a right that does not fit: INVALID_RIGHT")
{
	port_name_t n = new_port(T), p = new_port(V), s = give(V, p, KS, T), so = give(V, p, KSO, T),
		    set = new_set(T);

	IS(insert_there(k, UNKNOWN, CS), PORT_E_INVALID_NAME);
	IS(insert_there(k, n, CS), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, n, MSO), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, s, MR), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, s, KS), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, s, MSO), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, so, MS), PORT_E_INVALID_RIGHT);
	IS(insert_there(k, set, MR), PORT_E_INVALID_RIGHT);
	ENTRY(U, k, "-");
	ENTRY(T, n, "R");
	ENTRY(T, s, "S1");
	ENTRY(T, so, "SO");
	ENTRY(T, set, "PS");
}

CASE(C13, FD_NEVER,
    "caller n:S2, U k used: insert n at k by MS: NAME_EXISTS and caller n:S1: the uref is lost; "
    "sender count exact")
{
	port_name_t p = new_port(V), n = give(V, p, KS, T), notify = new_port(V),
		    used = new_port(U);

	OK(mod_refs(T, n, SEND, 1));
	ask(V, p, PORT_NOTIFY_NO_SENDERS, 0, notify);
	IS(insert_there(used, n, MS), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "S1");
	ENTRY(U, used, "R");
	expect_nothing(V, notify);
	IS(insert_there(used, n, MS), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "-");
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(C14, FD_NEVER, "as C13 with MSO: NAME_EXISTS and SON on its port")
{
	port_name_t p = new_port(V), so = give(V, p, KSO, T), used = new_port(U);

	IS(insert_there(used, so, MSO), PORT_E_NAME_EXISTS);
	ENTRY(T, so, "-");
	expect_notification(V, p, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(V, p);
}

CASE(C15, FD_NEVER,
    "U j:S(p), caller n:R: insert at k≠j by MR: RIGHT_EXISTS, the port dies, U's j:D1")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U);

	IS(insert_there(k, n, MR), PORT_E_RIGHT_EXISTS);
	ENTRY(T, n, "-");
	ENTRY(U, j, "D1");
	ENTRY(U, k, "-");
}

CASE(C15b, FD_NEVER, "U j:S(p), caller n:R: insert at j by MR: U j:RS1")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U);

	OK(insert_there(j, n, MR));
	ENTRY(U, j, "RS1");
	ENTRY(T, n, "-");
}

CASE(C16, FD_CAN, "the port of the given right is dead by then: INVALID_CAPABILITY")
{
	port_name_t p = new_port(V), n = give(V, p, KS, T), so = give(V, p, KSO, T);

	OK(mod_refs(T, n, SEND, 1));
	kill_port(V, p);
	IS(insert_there(k, n, CS), PORT_E_INVALID_CAPABILITY);
	ENTRY(T, n, "D2");
	IS(insert_there(k, n, MS), PORT_E_INVALID_CAPABILITY);
	ENTRY(T, n, "D1");
	IS(insert_there(k, so, MSO), PORT_E_INVALID_CAPABILITY);
	ENTRY(U, k, "-");
}

/* Extracting --------------------------------------------------------------------------------- */

CASE(C17, FD_LIBRARY, "U k:S1(p): extract_right(U, k, CS): caller gets S, U unchanged")
{
	port_name_t p = new_port(V), there = give(V, p, KS, U), got;

	OK(extract_there(there, CS, &got));
	ENTRY(T, got, "S1");
	ENTRY(U, there, "S1");
	OK(send_plain(T, got, CS, 2));
	expect_message(V, p, 2);
}

CASE(C18, FD_CAN, "U k:S1: extract MS: U k gone")
{
	port_name_t p = new_port(V), there = give(V, p, KS, U), got;

	OK(extract_there(there, MS, &got));
	ENTRY(T, got, "S1");
	ENTRY(U, there, "-");
}

CASE(C18b, FD_CAN, "U k:SO: extract MSO: U k gone, caller has a fresh SO, sorights 1")
{
	port_name_t p = new_port(V), there = give(V, p, KSO, U), got;

	OK(extract_there(there, MSO, &got));
	ENTRY(T, got, "SO");
	ENTRY(U, there, "-");
	IS(status(V, p).sorights, 1);
}

CASE(C19, FD_CAN, "U k:RS1: extract MR: caller R, U k:S1")
{
	port_name_t there = new_port_rs(U), got;

	OK(send_plain(U, there, CS, 8));
	OK(extract_there(there, MR, &got));
	ENTRY(T, got, "R");
	ENTRY(U, there, "S1");
	expect_message(T, got, 8);
}

CASE(C19b, FD_CAN, "U k:R: extract KS: caller S, mscount 1; KSO: caller SO, sorights 1")
{
	port_name_t there = new_port(U), s, so;

	OK(extract_there(there, KS, &s));
	ENTRY(T, s, "S1");
	IS(status(U, there).mscount, 1);
	OK(extract_there(there, KSO, &so));
	ENTRY(T, so, "SO");
	IS(status(U, there).sorights, 1);
	ENTRY(U, there, "R");
}

CASE(C20, FD_LIBRARY, "U k:S1: extract KS is INVALID_RIGHT")
{
	port_name_t p = new_port(V), there = give(V, p, KS, U), got = 77;

	IS(extract_there(there, KS, &got), PORT_E_INVALID_RIGHT);
	IS(extract_there(there, KSO, &got), PORT_E_INVALID_RIGHT);
	IS(extract_there(there, MR, &got), PORT_E_INVALID_RIGHT);
	IS(extract_there(there, MSO, &got), PORT_E_INVALID_RIGHT);
	IS(got, 77);
	ENTRY(U, there, "S1");
}

CASE(C21, FD_LIBRARY, "U k:D2: extract CS: SUCCESS, DEAD, U D2; MS: D1")
{
	port_name_t d = new_dead_name(U, 2), got = 77;
	size_t before = (task_port(T, U), count_names(T));

	OK(extract_there(d, CS, &got));
	IS(got, PORT_DEAD);
	ENTRY(U, d, "D2");
	got = 77;
	OK(extract_there(d, MS, &got));
	IS(got, PORT_DEAD);
	ENTRY(U, d, "D1");
	got = 77;
	OK(extract_there(d, MSO, &got));
	IS(got, PORT_DEAD);
	ENTRY(U, d, "-");
	NAMES(T, before);
}

CASE(C22, FD_CAN, "extract unknown: INVALID_NAME; disposition 99: INVALID_VALUE")
{
	port_name_t there = new_port_rs(U);

	IS(extract_there(UNKNOWN, CS, NULL), PORT_E_INVALID_NAME);
	IS(extract_there(PORT_NULL, CS, NULL), PORT_E_INVALID_NAME);
	IS(extract_there(PORT_DEAD, CS, NULL), PORT_E_INVALID_NAME);
	IS(extract_there(there, 99, NULL), PORT_E_INVALID_VALUE);
	IS(extract_there(UNKNOWN, 99, NULL), PORT_E_INVALID_VALUE);
	ENTRY(U, there, "RS1");
}

CASE(C23, FD_NEVER,
    "caller j:S1(p), U k:S(p): extract CS: caller's name is j, j:S2 (the identity test of portinfo)")
{
	port_name_t p = new_port(V), j = give(V, p, KS, T), there = give(V, p, KS, U), got;

	OK(extract_there(there, CS, &got));
	IS(got, j);
	ENTRY(T, j, "S2");
	ENTRY(U, there, "S1");
}

/* The task itself ------------------------------------------------------------------------------ */

CASE(C24, FD_CAN, "task dead: every call on it is INVALID_TASK")
{
	port_name_t n = new_port_rs(T), u = task_port(T, U), name = 77;
	struct receive_status_out s;
	uint32_t value;
	size_t count;

	kill_task(U);
	ENTRY(T, u, "D1");
	IS(allocate_in(T, u, RECEIVE, &name), PORT_E_INVALID_TASK);
	IS(allocate_name_in(T, u, RECEIVE, 5), PORT_E_INVALID_TASK);
	IS(deallocate_in(T, u, 5), PORT_E_INVALID_TASK);
	IS(destroy_in(T, u, 5), PORT_E_INVALID_TASK);
	IS(mod_refs_in(T, u, 5, SEND, 1), PORT_E_INVALID_TASK);
	IS(get_refs_in(T, u, 5, SEND, &value), PORT_E_INVALID_TASK);
	IS(get_type_in(T, u, 5, &value), PORT_E_INVALID_TASK);
	IS(rename_in(T, u, 5, 6), PORT_E_INVALID_TASK);
	IS(names_in(T, u, &count), PORT_E_INVALID_TASK);
	IS(insert_in(T, u, k, n, CS), PORT_E_INVALID_TASK);
	IS(extract(T, u, 5, CS, &name), PORT_E_INVALID_TASK);
	IS(request_in(T, u, 5, PORT_NOTIFY_DEAD_NAME, 0, n, KSO, &name), PORT_E_INVALID_TASK);
	IS(move_member_in(T, u, 5, 6), PORT_E_INVALID_TASK);
	IS(set_status_in(T, u, 5, &count), PORT_E_INVALID_TASK);
	IS(receive_status_in(T, u, 5, &s), PORT_E_INVALID_TASK);
	IS(set_qlimit_in(T, u, 5, 1), PORT_E_INVALID_TASK);
	IS(name, 77);
}

CASE(C25, FD_LIBRARY, "a name that is no task's port, or a task port's receiver-less kin: INVALID_TASK")
{
	port_name_t p = new_port(V), s = give(V, p, KS, T), d = new_dead_name(T, 1), r = new_port_rs(T);

	IS(allocate_in(T, s, RECEIVE, NULL), PORT_E_INVALID_TASK);
	IS(allocate_in(T, d, RECEIVE, NULL), PORT_E_INVALID_TASK);
	IS(allocate_in(T, r, RECEIVE, NULL), PORT_E_INVALID_TASK);
	IS(allocate_in(T, UNKNOWN, RECEIVE, NULL), PORT_E_INVALID_TASK);
	IS(allocate_in(T, PORT_DEAD, RECEIVE, NULL), PORT_E_INVALID_TASK);
	NAMES(T, 3);
}

CASE(C26, FD_CAN, "every call acts on the task that is named: T does to U what U could do itself")
{
	port_name_t u = task_port(T, U), n, s, previous = 77, notify = new_port(T);
	struct receive_status_out st;
	uint32_t value;
	size_t count;

	OK(allocate_in(T, u, RECEIVE, &n));
	ENTRY(U, n, "R");
	ENTRY(T, n == notify ? UNKNOWN : n, "-");
	OK(allocate_name_in(T, u, PORT_SET, k));
	ENTRY(U, k, "PS");
	OK(move_member_in(T, u, n, k));
	YES(set_is(U, k, n, PORT_NULL));
	OK(set_status_in(T, u, k, &count));
	IS(count, 1);
	OK(set_qlimit_in(T, u, n, 3));
	OK(receive_status_in(T, u, n, &st));
	IS(st.qlimit, 3);
	IS(st.set, k);
	OK(extract(T, u, n, KS, &s));
	OK(insert_in(T, u, n, s, CS));
	ENTRY(U, n, "RS1");
	OK(mod_refs_in(T, u, n, SEND, 3));
	OK(get_refs_in(T, u, n, SEND, &value));
	IS(value, 4);
	OK(deallocate_in(T, u, n));
	ENTRY(U, n, "RS3");
	OK(request_in(T, u, n, PORT_NOTIFY_DEAD_NAME, 0, notify, KSO, &previous));
	IS(previous, PORT_NULL);
	OK(get_type_in(T, u, n, &value));
	IS(value, TYPE_RECEIVE | TYPE_SEND | PORT_TYPE_DNREQUEST);
	OK(rename_in(T, u, n, k + 1));
	ENTRY(U, k + 1, "RS3");
	OK(names_in(T, u, &count));
	IS(count, count_names(U));
	OK(destroy_in(T, u, k + 1));
	ENTRY(U, k + 1, "-");
	expect_notification(T, notify, PORT_NOTIFY_PORT_DELETED, k + 1);
	ENTRY(T, s, "D1");
}

CASE(C27, FD_LIBRARY, "T's own task port means T itself")
{
	port_name_t self, n;

	OK(task_self(T, &self));
	OK(allocate_in(T, self, RECEIVE, &n));
	ENTRY(T, n, "R");
	OK(insert_in(T, self, n, n, KS));
	ENTRY(T, n, "RS1");
	OK(deallocate(T, self));
}
