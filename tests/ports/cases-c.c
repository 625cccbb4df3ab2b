/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-c: rights put into another task, and taken from it, by a call. */
#include "tests/ports/suite.h"

enum {
	NS = PORT_NOTIFY_NO_SENDERS,
	SON = PORT_NOTIFY_SEND_ONCE,
	K = 0x7700,		/* a name of U's that the caller chose */
};

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

/* insert_right into U ------------------------------------------------------------------------ */

CASE(C01, FD_LIBRARY, "KS from n:R: U k:S1, mscount 1, caller n:R")
{
	port_name_t n = new_port(T);

	OK(insert_there(K, n, KS));
	ENTRY(U, K, "S1");
	ENTRY(T, n, "R");
	IS(status(T, n).mscount, 1);
	OK(send_plain(U, K, CS, 9));
	expect_message(T, n, 9);
}

CASE(C02, FD_LIBRARY, "MS from n:S2: U k:S1, caller n:S1; CS: U k:S2, caller n:S1")
{
	port_name_t p = new_port(V), n = give(V, p, KS, T);

	OK(mod_refs(T, n, SEND, 1));
	OK(insert_there(K, n, MS));
	ENTRY(U, K, "S1");
	ENTRY(T, n, "S1");
	OK(insert_there(K, n, CS));
	ENTRY(U, K, "S2");
	ENTRY(T, n, "S1");
}

CASE(C04, FD_LIBRARY, "MR from n:RS2: U k:R, caller n:S2")
{
	port_name_t u = task_port(T, U), n = new_port_rs(T);

	OK(insert(T, n, n, KS));
	OK(send_plain(T, n, CS, 1));
	OK(insert_in(T, u, K, n, MR));
	ENTRY(U, K, "R");
	ENTRY(T, n, "S2");
	IS(status(U, K).mscount, 0);
	OK(send_plain(T, n, CS, 2));
	expect_message(U, K, 1);
	expect_message(U, K, 2);
}

CASE(C04b, FD_LIBRARY, "CS, MS and KS from n:RS1 make k:S1, k:S2, k:S3 and leave n:R")
{
	port_name_t u = task_port(T, U), n = new_port_rs(T);

	OK(insert_in(T, u, K, n, CS));
	ENTRY(U, K, "S1");
	ENTRY(T, n, "RS1");
	OK(insert_in(T, u, K, n, MS));
	ENTRY(U, K, "S2");
	ENTRY(T, n, "R");
	OK(insert_in(T, u, K, n, KS));
	ENTRY(U, K, "S3");
	ENTRY(T, n, "R");
	IS(status(T, n).mscount, 2);
	OK(send_plain(U, K, CS, 1));
	expect_message(T, n, 1);
}

CASE(C05, FD_CAN, "KSO: U k:SO, sorights 1")
{
	port_name_t u = task_port(T, U), n = new_port(T);

	OK(insert_in(T, u, K, n, KSO));
	ENTRY(U, K, "SO");
	IS(status(T, n).sorights, 1);
	OK(send_plain(U, K, MSO, 3));
	ENTRY(U, K, "-");
	expect_message(T, n, 3);
	IS(status(T, n).sorights, 0);
}

CASE(C06, FD_NEVER, "U has j:S1(p): insert p at k: RIGHT_EXISTS, U unchanged")
{
	port_name_t n = new_port(T), notify = new_port(T), j = give(T, n, KS, U);
	port_name_t u = task_port(T, U), other = new_port(U);

	IS(insert_in(T, u, K, n, KS), PORT_E_RIGHT_EXISTS);
	/* That name is taken, too: what is known of the right comes first. */
	IS(insert_in(T, u, other, n, KS), PORT_E_RIGHT_EXISTS);
	ENTRY(U, j, "S1");
	ENTRY(U, K, "-");
	ENTRY(U, other, "R");
	IS(status(T, n).mscount, 3);
	ask(T, n, NS, 3, notify);
	OK(deallocate(U, j));
	expect_notification(T, notify, NS, 3);
}

CASE(C07, FD_NEVER, "U has j:S1(p): insert p at j: j:S2")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U), u = task_port(T, U);

	OK(insert_in(T, u, j, n, KS));
	ENTRY(U, j, "S2");
	ENTRY(T, n, "R");
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
	port_name_t n = new_port(T), q = new_port(V), k = give(V, q, KS, U), u = task_port(T, U);

	IS(insert_in(T, u, k, n, KS), PORT_E_NAME_EXISTS);
	ENTRY(U, k, "S1");
	OK(send_plain(U, k, CS, 7));
	expect_message(V, q, 7);
	expect_nothing(T, n);
	IS(status(T, n).srights, 0);
	IS(status(T, n).mscount, 1);
}

CASE(C10, FD_NEVER,
    "a send-once right at a name for its own port: NAME_EXISTS, and SON at the port")
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
	port_name_t u = task_port(T, U);

	for (uint32_t disposition = MR; disposition <= KSO; disposition++) {
		IS(insert_in(T, u, K, PORT_NULL, disposition), PORT_E_INVALID_CAPABILITY);
		IS(insert_in(T, u, K, PORT_DEAD, disposition), PORT_E_INVALID_CAPABILITY);
	}
	ENTRY(U, K, "-");
}

CASE(C12, FD_CAN, "insert at 0 / all-ones, or disposition 99: INVALID_VALUE")
{
	port_name_t u = task_port(T, U), n = new_port_rs(T);

	IS(insert_in(T, u, PORT_NULL, n, CS), PORT_E_INVALID_VALUE);
	IS(insert_in(T, u, PORT_DEAD, n, MS), PORT_E_INVALID_VALUE);
	IS(insert_in(T, u, K, n, 99), PORT_E_INVALID_VALUE);
	IS(insert_in(T, u, K, n, 0), PORT_E_INVALID_VALUE);
	ENTRY(T, n, "RS1");
	ENTRY(U, K, "-");
	IS(status(T, n).mscount, 1);
}

CASE(C12b, FD_CAN,
    "insert of an unknown name: INVALID_NAME; of a right that does not fit: INVALID_RIGHT")
{
	port_name_t n = new_port(T), p = new_port(V), s = give(V, p, KS, T), so = give(V, p, KSO, T),
		    set = new_set(T);

	IS(insert_there(K, UNKNOWN, CS), PORT_E_INVALID_NAME);
	IS(insert_there(K, n, CS), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, n, MSO), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, s, MR), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, s, KS), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, s, MSO), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, so, MS), PORT_E_INVALID_RIGHT);
	IS(insert_there(K, set, MR), PORT_E_INVALID_RIGHT);
	ENTRY(U, K, "-");
	ENTRY(T, n, "R");
	ENTRY(T, s, "S1");
	ENTRY(T, so, "SO");
	ENTRY(T, set, "PS");
}

CASE(C13, FD_NEVER,
    "caller n:S2, U k used: insert n at k by MS: NAME_EXISTS, caller n:S1: the uref is lost")
{
	port_name_t p = new_port(V), notify = new_port(V), n = give(V, p, KS, T), k = new_port(U),
		    u = task_port(T, U);

	OK(mod_refs(T, n, SEND, 1));
	ask(V, p, NS, 1, notify);
	IS(insert_in(T, u, k, n, MS), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "S1");
	ENTRY(U, k, "R");
	expect_nothing(V, notify);
	IS(insert_in(T, u, k, n, MS), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "-");
	expect_notification(V, notify, NS, 1);
	IS(status(V, p).srights, 0);
}

CASE(C14, FD_NEVER, "as C13 with MSO: NAME_EXISTS and SON on its port")
{
	port_name_t p = new_port(V), n = give(V, p, KSO, T), k = new_port(U), u = task_port(T, U);

	IS(insert_in(T, u, k, n, MSO), PORT_E_NAME_EXISTS);
	ENTRY(T, n, "-");
	ENTRY(U, k, "R");
	expect_notification(V, p, SON, -1);
	IS(status(V, p).sorights, 0);
}

CASE(C15, FD_NEVER,
    "U j:S(p), caller n:R: insert at k other than j by MR: RIGHT_EXISTS, the port dies, U's j:D1")
{
	port_name_t n = new_port(T), j = give(T, n, KS, U), u = task_port(T, U);

	IS(insert_in(T, u, K, n, MR), PORT_E_RIGHT_EXISTS);
	ENTRY(T, n, "-");
	ENTRY(U, j, "D1");
	ENTRY(U, K, "-");
	IS(send_plain(U, j, CS, 1), PORT_E_SEND_INVALID_DEST);
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
	port_name_t p = new_port(V), n = give(V, p, KS, T), u = task_port(T, U);

	OK(mod_refs(T, n, SEND, 1));
	kill_port(V, p);
	IS(insert_in(T, u, K, n, CS), PORT_E_INVALID_CAPABILITY);
	ENTRY(T, n, "D2");
	IS(insert_in(T, u, K, n, MS), PORT_E_INVALID_CAPABILITY);
	ENTRY(T, n, "D1");
	ENTRY(U, K, "-");
}

/* extract_right out of U ---------------------------------------------------------------------- */

CASE(C17, FD_LIBRARY, "U k:S1(p): extract_right(U, k, CS): caller gets S, U unchanged")
{
	port_name_t p = new_port(V), k = give(V, p, KS, U), u = task_port(T, U), s;

	OK(extract(T, u, k, CS, &s));
	ENTRY(T, s, "S1");
	ENTRY(U, k, "S1");
	OK(send_plain(T, s, CS, 5));
	expect_message(V, p, 5);
}

CASE(C18, FD_CAN, "U k:S1: extract MS: U k gone")
{
	port_name_t p = new_port(V), k = give(V, p, KS, U), u = task_port(T, U), s;

	OK(extract(T, u, k, MS, &s));
	ENTRY(T, s, "S1");
	ENTRY(U, k, "-");
	OK(send_plain(T, s, CS, 5));
	expect_message(V, p, 5);
}

CASE(C18b, FD_CAN, "U k:SO: extract MSO: U K gone, caller has a fresh SO, sorights 1")
{
	port_name_t p = new_port(V), there = give(V, p, KSO, U), got;

	OK(extract_there(there, MSO, &got));
	ENTRY(T, got, "SO");
	ENTRY(U, there, "-");
	IS(status(V, p).sorights, 1);
}

CASE(C19, FD_CAN, "U k:RS1: extract MR: caller R, U k:S1")
{
	port_name_t k = new_port_rs(U), u = task_port(T, U), r;

	OK(send_plain(U, k, CS, 5));
	OK(extract(T, u, k, MR, &r));
	ENTRY(T, r, "R");
	ENTRY(U, k, "S1");
	OK(send_plain(U, k, CS, 6));
	expect_message(T, r, 5);
	expect_message(T, r, 6);
}

CASE(C19b, FD_LIBRARY, "U k:R, j:SO: extract KS, KSO of k, MSO of j: caller S1, SO, SO")
{
	port_name_t k = new_port(U), p = new_port(V), j = give(V, p, KSO, U), u = task_port(T, U), s,
		    one, other;

	OK(extract(T, u, k, KS, &s));
	OK(extract(T, u, k, KSO, &one));
	OK(extract(T, u, j, MSO, &other));
	ENTRY(T, s, "S1");
	ENTRY(T, one, "SO");
	ENTRY(T, other, "SO");
	ENTRY(U, j, "-");
	IS(status(U, k).mscount, 1);
	IS(status(U, k).sorights, 1);
	OK(send_plain(T, other, MSO, 8));
	expect_message(V, p, 8);
}

CASE(C20, FD_LIBRARY, "U k:S1: extract KS is INVALID_RIGHT")
{
	port_name_t p = new_port(V), k = give(V, p, KS, U), u = task_port(T, U), s = UNKNOWN;

	IS(extract(T, u, k, KS, &s), PORT_E_INVALID_RIGHT);
	IS(extract(T, u, k, KSO, &s), PORT_E_INVALID_RIGHT);
	IS(extract(T, u, k, MR, &s), PORT_E_INVALID_RIGHT);
	IS(extract(T, u, k, MSO, &s), PORT_E_INVALID_RIGHT);
	IS(s, UNKNOWN);
	ENTRY(U, k, "S1");
	IS(status(V, p).mscount, 1);
}

CASE(C21, FD_LIBRARY, "U k:D2: extract CS: SUCCESS, DEAD, U D2; MS: D1")
{
	port_name_t k = new_dead_name(U, 2), u = task_port(T, U), s;
	size_t n = count_names(T);

	OK(extract(T, u, k, CS, &s));
	IS(s, PORT_DEAD);
	ENTRY(U, k, "D2");
	OK(extract(T, u, k, MS, &s));
	IS(s, PORT_DEAD);
	ENTRY(U, k, "D1");
	NAMES(T, (long long)n);
}

CASE(C22, FD_CAN, "extract unknown: INVALID_NAME; disposition 99: INVALID_VALUE")
{
	port_name_t k = new_port(U), u = task_port(T, U), s = UNKNOWN;

	IS(extract(T, u, UNKNOWN, CS, &s), PORT_E_INVALID_NAME);
	IS(extract(T, u, PORT_NULL, CS, &s), PORT_E_INVALID_NAME);
	IS(extract(T, u, k, 99, &s), PORT_E_INVALID_VALUE);
	IS(extract(T, u, UNKNOWN, 99, &s), PORT_E_INVALID_VALUE);
	IS(s, UNKNOWN);
	ENTRY(U, k, "R");
}

CASE(C23, FD_NEVER, "caller j:S1(p), U k:S(p): extract CS: caller's name is j, j:S2")
{
	port_name_t p = new_port(V), j = give(V, p, KS, T), k = give(V, p, KS, U),
		    u = task_port(T, U), s;

	OK(extract(T, u, k, CS, &s));
	IS(s, j);
	ENTRY(T, j, "S2");
	ENTRY(U, k, "S1");
}

/* Nobody's -------------------------------------------------------------------------------- */

CASE(C24, FD_CAN, "task dead: every call on it is INVALID_TASK")
{
	port_name_t u = task_port(T, U), k = new_port(U), n = new_port_rs(T), notify = new_port(T), x;
	struct receive_status_out s;
	uint32_t value;
	size_t n_names;

	OK(get_type_in(T, u, k, &value));
	kill_task(U);
	IS(allocate_in(T, u, RECEIVE, &x), PORT_E_INVALID_TASK);
	IS(allocate_name_in(T, u, RECEIVE, K), PORT_E_INVALID_TASK);
	IS(deallocate_in(T, u, k), PORT_E_INVALID_TASK);
	IS(destroy_in(T, u, k), PORT_E_INVALID_TASK);
	IS(mod_refs_in(T, u, k, RECEIVE, -1), PORT_E_INVALID_TASK);
	IS(get_refs_in(T, u, k, RECEIVE, &value), PORT_E_INVALID_TASK);
	IS(get_type_in(T, u, k, &value), PORT_E_INVALID_TASK);
	IS(rename_in(T, u, k, K), PORT_E_INVALID_TASK);
	IS(names_in(T, u, &n_names), PORT_E_INVALID_TASK);
	IS(insert_in(T, u, K, n, CS), PORT_E_INVALID_TASK);
	IS(extract(T, u, k, KS, &x), PORT_E_INVALID_TASK);
	IS(request_in(T, u, k, NS, 0, notify, KSO, &x), PORT_E_INVALID_TASK);
	IS(move_member_in(T, u, k, PORT_NULL), PORT_E_INVALID_TASK);
	IS(set_status_in(T, u, k, &n_names), PORT_E_INVALID_TASK);
	IS(receive_status_in(T, u, k, &s), PORT_E_INVALID_TASK);
	IS(set_qlimit_in(T, u, k, 7), PORT_E_INVALID_TASK);
	ENTRY(T, n, "RS1");
}

CASE(C24b, FD_CAN, "a name that is no task port: INVALID_TASK, whatever it is")
{
	port_name_t n = new_port_rs(T), s = give(U, new_port(U), KS, T), d = new_dead_name(T, 1), x,
		    no_task[] = { n, s, d, new_set(T), UNKNOWN };

	for (size_t i = 0; i < sizeof(no_task) / sizeof(*no_task); i++) {
		IS(allocate_in(T, no_task[i], RECEIVE, &x), PORT_E_INVALID_TASK);
		IS(insert_in(T, no_task[i], K, n, CS), PORT_E_INVALID_TASK);
		IS(extract(T, no_task[i], n, CS, &x), PORT_E_INVALID_TASK);
		IS(destroy_in(T, no_task[i], n), PORT_E_INVALID_TASK);
	}
	ENTRY(T, n, "RS1");
	ENTRY(T, K, "-");
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
	OK(allocate_name_in(T, u, PORT_SET, K));
	ENTRY(U, K, "PS");
	OK(move_member_in(T, u, n, K));
	YES(set_is(U, K, n, PORT_NULL));
	OK(set_status_in(T, u, K, &count));
	IS(count, 1);
	OK(set_qlimit_in(T, u, n, 3));
	OK(receive_status_in(T, u, n, &st));
	IS(st.qlimit, 3);
	IS(st.set, K);
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
	OK(rename_in(T, u, n, K + 1));
	ENTRY(U, K + 1, "RS3");
	OK(names_in(T, u, &count));
	IS(count, count_names(U));
	OK(destroy_in(T, u, K + 1));
	ENTRY(U, K + 1, "-");
	expect_notification(T, notify, PORT_NOTIFY_PORT_DELETED, K + 1);
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
