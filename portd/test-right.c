/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-right: the rules on rights, case by case, over three tasks in one
 * process. The names of the tests are those of the conformance cases in the design. At
 * the end, many random requests, from a seed that is printed (HIRD_SEED repeats it,
 * HIRD_STEPS sets how many). */
#include "portd/account.h"
#include "portd/test-case.h"

/* A. Allocation and names. */

static void
A01_a_new_port(void **state)
{
	port_name_t n = new_port(&T);

	(void)state;
	IS(refs(&T, n, RECEIVE), 1);
	IS(refs(&T, n, SEND), 0);
	IS(refs(&T, n, SEND_ONCE), 0);
	IS(refs(&T, n, DEAD_NAME), 0);
	assert_int_not_equal(n, PORT_NULL);
	assert_int_not_equal(n, PORT_DEAD);
}

static void
A05_to_A07_what_cannot_be_allocated(void **state)
{
	(void)state;
	IS(client_allocate(&T, (struct allocate_in){ .kind = SEND }, NULL), PORT_E_INVALID_VALUE);
	IS(client_allocate(&T, (struct allocate_in){ .kind = SEND_ONCE }, NULL),
	    PORT_E_INVALID_VALUE);
	IS(client_allocate(&T, (struct allocate_in){ .kind = 99 }, NULL), PORT_E_INVALID_VALUE);
}

static int
allocate_name(struct client *c, uint32_t kind, port_name_t name)
{
	return client_allocate_name(c, (struct allocate_name_in){ .kind = kind, .name = name }, NULL);
}

static void
A08_to_A10_chosen_names(void **state)
{
	port_name_t dead = new_dead_name(&T, 1);

	(void)state;
	OK(allocate_name(&T, RECEIVE, 7));
	IS(type_of(&T, 7), TYPE_RECEIVE);
	OK(insert(&T, 7, 7, KS));
	OK(send_plain(&T, 7, CS, 5));
	IS(allocate_name(&T, RECEIVE, 7), PORT_E_NAME_EXISTS);
	IS(allocate_name(&T, DEAD_NAME, 7), PORT_E_NAME_EXISTS);
	expect_message(&T, 7, 5);
	IS(allocate_name(&T, RECEIVE, dead), PORT_E_NAME_EXISTS);
	IS(allocate_name(&T, RECEIVE, PORT_NULL), PORT_E_INVALID_VALUE);
	IS(allocate_name(&T, RECEIVE, PORT_DEAD), PORT_E_INVALID_VALUE);
	IS(allocate_name(&T, SEND, 8), PORT_E_INVALID_VALUE);
}

static uint32_t
type_in_names(const struct wire_blob *names, port_name_t name)
{
	for (size_t i = 0; i < names->size / 8; i++) {
		uint32_t pair[2];

		memcpy(pair, (const char *)names->data + 8 * i, 8);
		if (pair[0] == name)
			return pair[1];
	}
	return 0;
}

static void
A12_and_A13_names_and_types(void **state)
{
	port_name_t r = new_port(&T), u = new_port(&U), dying = new_port(&U);
	port_name_t s = give(&U, u, KS, &T), so, d = new_dead_name(&T, 3),
		    died = give(&U, dying, KS, &T);
	struct names_out out;

	(void)state;
	IS(give(&U, u, KS, &T), s);
	so = give(&U, u, KSO, &T);
	kill_port(&U, dying);
	OK(client_names(&T, (struct names_in){ 0 }, &out));
	IS(out.names.size, 5 * 8);
	IS(type_in_names(&out.names, r), TYPE_RECEIVE);
	IS(type_in_names(&out.names, s), TYPE_SEND);
	IS(type_in_names(&out.names, so), TYPE_SEND_ONCE);
	IS(type_in_names(&out.names, d), TYPE_DEAD_NAME);
	IS(type_in_names(&out.names, died), TYPE_DEAD_NAME);
	IS(type_of(&T, died), TYPE_DEAD_NAME);
}

static void
A14_type_of_no_name(void **state)
{
	(void)state;
	IS(client_type(&T, (struct type_in){ .name = UNKNOWN }, NULL), PORT_E_INVALID_NAME);
	IS(client_type(&T, (struct type_in){ .name = PORT_NULL }, NULL), PORT_E_INVALID_NAME);
	IS(client_type(&T, (struct type_in){ .name = PORT_DEAD }, NULL), PORT_E_INVALID_NAME);
}

static void
A15_and_K41_the_bit_of_a_request(void **state)
{
	port_name_t n = new_port_rs(&T), notify = new_port(&T), previous;

	(void)state;
	ask(&T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	IS(type_of(&T, n), TYPE_RECEIVE | TYPE_SEND | PORT_TYPE_DNREQUEST);
	OK(request(&T, n, PORT_NOTIFY_DEAD_NAME, 0, PORT_NULL, 0, &previous));
	IS(type_of(&T, n), TYPE_RECEIVE | TYPE_SEND);
	OK(request(&T, n, PORT_NOTIFY_DEAD_NAME, 0, previous, MSO, &previous));
	IS(previous, PORT_NULL);
	kill_port(&T, n);
	IS(type_of(&T, n), TYPE_DEAD_NAME);
}

static void
A16_a_name_does_not_come_back_soon(void **state)
{
	port_name_t n = new_port(&T);

	(void)state;
	OK(destroy(&T, n));
	for (int i = 0; i < 64; i++) {
		port_name_t other = new_port(&T);

		assert_int_not_equal(other, n);
		OK(destroy(&T, other));
	}
	for (int i = 0; i < 1000; i++)
		OK(destroy(&T, new_port(&T)));
	assert_true(space_of(&T)->n_slots < 64);
}

static void
A17_and_A18_names_are_private(void **state)
{
	port_name_t n = new_port_rs(&T);

	(void)state;
	IS(send_plain(&U, n, CS, 1), PORT_E_SEND_INVALID_DEST);
	OK(allocate_name(&U, RECEIVE, n));
	OK(insert(&U, n, n, KS));
	OK(send_plain(&U, n, CS, 2));
	expect_nothing(&T, n);
	expect_message(&U, n, 2);
}

static void
a_task_that_takes_every_generation_by_hand(void **state)
{
	port_name_t n = new_port(&T), next;

	(void)state;
	OK(destroy(&T, n));
	for (uint32_t generation = 1; generation < 256; generation++)
		OK(allocate_name(&T, DEAD_NAME, (n & ~0xffu) | generation));
	next = new_port(&T);
	assert_int_not_equal(next >> 8, n >> 8);
	IS(type_of(&T, next), TYPE_RECEIVE);
}

/* B. User references and coalescing. */

static void
B01_and_B02_make_send_to_oneself(void **state)
{
	port_name_t n = new_port(&T);
	struct names_out out;

	(void)state;
	IS(status(&T, n).mscount, 0);
	OK(insert(&T, n, n, KS));
	IS(status(&T, n).mscount, 1);
	IS(status(&T, n).srights, 1);
	OK(insert(&T, n, n, KS));
	IS(refs(&T, n, SEND), 2);
	IS(refs(&T, n, RECEIVE), 1);
	IS(status(&T, n).mscount, 2);
	OK(client_names(&T, (struct names_in){ 0 }, &out));
	IS(out.names.size, 8);
}

/* Sends rights of T to a port of U and tells their names there. */
static void
mail_rights(const struct wire_port *ports, size_t n_ports, port_name_t *names)
{
	port_name_t inbox = new_port(&U), out = give(&U, inbox, KS, &T);
	struct letter l = letter(out, MS, 1);
	struct mail mail;

	l.ports = ports;
	l.n_ports = n_ports;
	OK(client_exchange(&T, &l, NULL));
	OK(receive(&U, inbox, &mail));
	IS(mail.n_ports, n_ports);
	for (size_t i = 0; i < n_ports; i++) {
		uint32_t kind = mail.ports[i].disposition;

		assert_true(kind >= MR && kind <= MSO);
		names[i] = mail.ports[i].name;
	}
	OK(destroy(&U, inbox));
}

static void
B03_send_rights_coalesce(void **state)
{
	port_name_t p = new_port(&T), m = give(&T, p, KS, &U), name;

	(void)state;
	mail_rights(&(struct wire_port){ p, KS }, 1, &name);
	IS(name, m);
	IS(refs(&U, m, SEND), 2);
}

static void
B04_ports_have_different_names(void **state)
{
	struct wire_port ports[] = { { new_port(&T), KS }, { new_port(&T), KS } };
	port_name_t names[2];

	(void)state;
	mail_rights(ports, 2, names);
	assert_int_not_equal(names[0], names[1]);
}

static void
B05_and_B06_a_send_right_comes_home(void **state)
{
	port_name_t n = new_port_rs(&U), t = give(&U, n, MS, &T), name;

	(void)state;
	IS(type_of(&U, n), TYPE_RECEIVE);
	mail_rights(&(struct wire_port){ t, CS }, 1, &name);
	IS(name, n);
	IS(type_of(&U, n), TYPE_RECEIVE | TYPE_SEND);
	IS(refs(&U, n, SEND), 1);
	mail_rights(&(struct wire_port){ t, CS }, 1, &name);
	IS(refs(&U, n, SEND), 2);
}

static void
B07_and_B08_a_receive_right_arrives(void **state)
{
	struct wire_port ports[2] = { { new_port(&T), MR }, { new_port(&T), MR } };
	port_name_t m = give(&T, ports[0].name, KS, &U), names[2];

	(void)state;
	IS(give(&T, ports[0].name, KS, &U), m);
	mail_rights(ports, 2, names);
	IS(names[0], m);
	IS(type_of(&U, m), TYPE_RECEIVE | TYPE_SEND);
	IS(refs(&U, m, SEND), 2);
	IS(type_of(&U, names[1]), TYPE_RECEIVE);
	IS(refs(&U, names[1], SEND), 0);
	IS(type_of(&T, ports[0].name), 0);
}

static void
B09_to_B11_send_once_never_coalesces(void **state)
{
	port_name_t p = new_port(&T), names[4];
	struct wire_port ports[] = { { p, KSO }, { p, KS }, { p, KSO }, { p, KS } };

	(void)state;
	mail_rights(ports, 4, names);
	assert_int_not_equal(names[0], names[2]);
	assert_int_not_equal(names[0], names[1]);
	IS(names[1], names[3]);
	IS(refs(&U, names[1], SEND), 2);
	IS(type_of(&U, names[0]), TYPE_SEND_ONCE);
	IS(status(&T, p).sorights, 2);
	IS(status(&T, p).mscount, 2);
}

static void
B12_and_B14_references_go_one_by_one_or_at_once(void **state)
{
	port_name_t p = new_port(&T), n = give(&T, p, KS, &U);

	(void)state;
	OK(mod_refs(&U, n, SEND, 2));
	OK(deallocate(&U, n));
	IS(refs(&U, n, SEND), 2);
	OK(deallocate(&U, n));
	OK(deallocate(&U, n));
	IS(deallocate(&U, n), PORT_E_INVALID_NAME);
	n = give(&T, p, KS, &U);
	OK(mod_refs(&U, n, SEND, 5));
	OK(mod_refs(&U, n, SEND, -6));
	IS(type_of(&U, n), 0);
	IS(status(&T, p).srights, 0);
}

static void
B17_to_B19_mod_refs_of_receive(void **state)
{
	port_name_t n = new_port(&T), s = give(&T, n, KS, &U);

	(void)state;
	IS(mod_refs(&T, n, SEND, 1), PORT_E_INVALID_RIGHT);
	IS(mod_refs(&T, n, RECEIVE, 1), PORT_E_INVALID_VALUE);
	IS(mod_refs(&T, n, RECEIVE, -2), PORT_E_INVALID_VALUE);
	IS(mod_refs(&U, s, RECEIVE, 0), PORT_E_INVALID_RIGHT);
	OK(mod_refs(&T, n, RECEIVE, 0));
	IS(type_of(&T, n), TYPE_RECEIVE);
}

static void
B23_to_B28_kinds_that_do_not_fit(void **state)
{
	port_name_t d = new_dead_name(&T, 2), p = new_port(&T), s = give(&T, p, KS, &U);

	(void)state;
	IS(mod_refs(&T, d, SEND, -1), PORT_E_INVALID_RIGHT);
	OK(deallocate(&T, d));
	IS(refs(&T, d, DEAD_NAME), 1);
	IS(mod_refs(&U, s, DEAD_NAME, -1), PORT_E_INVALID_RIGHT);
	IS(mod_refs(&U, s, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(&U, UNKNOWN, 5, 0), PORT_E_INVALID_VALUE);
	IS(mod_refs(&U, UNKNOWN, SEND, -1), PORT_E_INVALID_NAME);
	OK(mod_refs(&T, d, DEAD_NAME, 3));
	IS(refs(&T, d, SEND), 0);
	IS(refs(&T, d, DEAD_NAME), 4);
	OK(mod_refs(&U, s, SEND, 1));
	IS(refs(&U, s, RECEIVE), 0);
	IS(client_get_refs(&U, (struct get_refs_in){ .name = s, .kind = 7 }, NULL), PORT_E_INVALID_VALUE);
	IS(client_get_refs(&U, (struct get_refs_in){ .name = UNKNOWN, .kind = SEND }, NULL),
	    PORT_E_INVALID_NAME);
}

static void
B32_deallocate_of_no_name(void **state)
{
	port_name_t n = new_port(&T);

	(void)state;
	IS(deallocate(&T, PORT_NULL), PORT_E_INVALID_NAME);
	IS(deallocate(&T, PORT_DEAD), PORT_E_INVALID_NAME);
	IS(deallocate(&T, UNKNOWN), PORT_E_INVALID_NAME);
	IS(destroy(&T, PORT_NULL), PORT_E_INVALID_NAME);
	IS(deallocate(&T, n), PORT_E_INVALID_RIGHT);
}

static void
B33_to_B37_limits_of_references(void **state)
{
	port_name_t n = new_port_rs(&T), d = new_dead_name(&T, 65535), notify = new_port(&T), m,
		    name;

	(void)state;
	OK(mod_refs(&T, n, SEND, 65533));
	IS(mod_refs(&T, n, SEND, 1), PORT_E_UREFS_OVERFLOW);
	IS(insert(&T, n, n, KS), PORT_E_UREFS_OVERFLOW);
	IS(refs(&T, n, SEND), 65534);
	IS(status(&T, n).mscount, 2);
	IS(mod_refs(&T, d, DEAD_NAME, 1), PORT_E_UREFS_OVERFLOW);
	IS(mod_refs(&T, n, SEND, INT_MAX), PORT_E_UREFS_OVERFLOW);
	IS(mod_refs(&T, n, SEND, INT_MIN), PORT_E_INVALID_VALUE);
	OK(mod_refs(&T, n, SEND, -65534));
	m = give(&T, n, KS, &U);
	OK(mod_refs(&U, m, SEND, 65533));
	mail_rights(&(struct wire_port){ n, KS }, 1, &name);
	IS(name, m);
	IS(refs(&U, m, SEND), 65534);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 4, notify);
	OK(mod_refs(&U, m, SEND, -65534));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 4);
}

static void
B38_to_B40_destroy(void **state)
{
	port_name_t p = new_port(&T), notify = new_port(&T), s = give(&T, p, KS, &U),
		    so = give(&T, p, KSO, &U);
	port_name_t d = new_dead_name(&T, 9);

	(void)state;
	ask(&T, p, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(mod_refs(&U, s, SEND, 4));
	OK(destroy(&U, s));
	IS(type_of(&U, s), 0);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_nothing(&T, notify);
	OK(destroy(&T, d));
	IS(type_of(&T, d), 0);
	IS(destroy(&T, UNKNOWN), PORT_E_INVALID_NAME);
	OK(destroy(&U, so));
	expect_notification(&T, p, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
B41_the_receive_right_goes_the_names_stay(void **state)
{
	port_name_t n = new_port_rs(&T), m = give(&T, n, KS, &U);

	(void)state;
	OK(mod_refs(&T, n, SEND, 2));
	kill_port(&T, n);
	IS(type_of(&T, n), TYPE_DEAD_NAME);
	IS(refs(&T, n, DEAD_NAME), 3);
	IS(type_of(&U, m), TYPE_DEAD_NAME);
	IS(refs(&U, m, DEAD_NAME), 1);
}

/* C. insert_right into the caller's own table. */

static void
C05_send_once_to_oneself(void **state)
{
	port_name_t n = new_port(&T);

	(void)state;
	OK(insert(&T, 77, n, KSO));
	IS(type_of(&T, 77), TYPE_SEND_ONCE);
	IS(status(&T, n).sorights, 1);
	OK(insert(&T, 78, 77, MSO));
	IS(type_of(&T, 77), 0);
	IS(type_of(&T, 78), TYPE_SEND_ONCE);
}

static void
C06_to_C09_names_that_are_taken(void **state)
{
	port_name_t n = new_port_rs(&T), q = new_port(&T);

	(void)state;
	IS(insert(&T, 77, n, CS), PORT_E_RIGHT_EXISTS);
	IS(insert(&T, q, n, CS), PORT_E_RIGHT_EXISTS);
	OK(insert(&T, n, n, CS));
	IS(refs(&T, n, SEND), 2);
	IS(type_of(&T, 77), 0);
	IS(insert(&T, q, n, KSO), PORT_E_NAME_EXISTS);
	IS(status(&T, n).sorights, 1);	/* on its way back, as SON */
	expect_notification(&T, n, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(&T, n).sorights, 0);
}

static void
C11_and_C12_what_cannot_be_inserted(void **state)
{
	port_name_t n = new_port_rs(&T);

	(void)state;
	IS(insert(&T, 77, PORT_NULL, CS), PORT_E_INVALID_CAPABILITY);
	IS(insert(&T, 77, PORT_DEAD, CS), PORT_E_INVALID_CAPABILITY);
	IS(insert(&T, PORT_NULL, n, CS), PORT_E_INVALID_VALUE);
	IS(insert(&T, PORT_DEAD, n, CS), PORT_E_INVALID_VALUE);
	IS(insert(&T, 77, n, 99), PORT_E_INVALID_VALUE);
	IS(insert(&T, 77, n, MSO), PORT_E_INVALID_RIGHT);
	IS(insert(&T, 77, UNKNOWN, CS), PORT_E_INVALID_NAME);
}

static void
C13_and_C14_a_right_that_fails_to_arrive_is_gone(void **state)
{
	port_name_t q = new_port(&T), p = new_port(&U), s = give(&U, p, KS, &T),
		    so = give(&U, p, KSO, &T);
	port_name_t notify = new_port(&U);

	(void)state;
	ask(&U, p, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(mod_refs(&T, s, SEND, 1));
	IS(insert(&T, q, s, MS), PORT_E_RIGHT_EXISTS);
	IS(refs(&T, s, SEND), 1);
	expect_nothing(&U, notify);
	IS(insert(&T, q, s, MS), PORT_E_NAME_EXISTS);
	expect_notification(&U, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(insert(&T, q, so, MSO), PORT_E_NAME_EXISTS);
	IS(type_of(&T, so), 0);
	expect_notification(&U, p, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
C15_a_receive_right_that_fails_to_arrive_dies(void **state)
{
	port_name_t n = new_port_rs(&T);

	(void)state;
	IS(insert(&T, 77, n, MR), PORT_E_RIGHT_EXISTS);
	IS(type_of(&T, n), TYPE_DEAD_NAME);
	n = new_port(&T);
	OK(insert(&T, 77, n, MR));
	IS(type_of(&T, 77), TYPE_RECEIVE);
	IS(type_of(&T, n), 0);
}

static void
C16_a_dead_right_cannot_be_inserted(void **state)
{
	port_name_t d = new_dead_name(&T, 2);

	(void)state;
	IS(insert(&T, 77, d, MS), PORT_E_INVALID_CAPABILITY);
	IS(refs(&T, d, DEAD_NAME), 1);
	IS(insert(&T, 77, d, CS), PORT_E_INVALID_CAPABILITY);
	IS(refs(&T, d, DEAD_NAME), 1);
}

/* D. What the data model carries of moved receive rights. */

static void
D01_to_D07_a_receive_right_moves(void **state)
{
	port_name_t n = new_port_rs(&T), v = give(&T, n, CS, &V), u;

	(void)state;
	OK(set_qlimit(&T, n, 12));
	for (uint32_t i = 0; i < 3; i++)
		OK(send_plain(&V, v, CS, i));
	expect_message(&T, n, 0);
	mail_rights(&(struct wire_port){ n, MR }, 1, &u);
	IS(type_of(&T, n), TYPE_SEND);
	IS(receive(&T, n, NULL), PORT_E_RCV_INVALID_NAME);
	OK(send_plain(&T, n, CS, 3));
	IS(status(&U, u).qlimit, 12);
	IS(status(&U, u).seqno, 0);
	IS(status(&U, u).mscount, 0);
	for (uint32_t i = 1; i < 4; i++)
		expect_message(&U, u, i);
}

static void
D05_and_D06_sending_to_a_port_in_transit(void **state)
{
	port_name_t n = new_port(&T), v = give(&T, n, KS, &V), inbox = new_port(&U),
		    out = give(&U, inbox, KS, &T);
	struct mail mail;
	port_name_t u;

	(void)state;
	OK(send_right(&T, out, CS, n, MR));
	for (uint32_t i = 0; i < 5; i++)
		OK(send_plain(&V, v, CS, i));
	post_send(&V, v, CS, 5);
	assert_false(client_has_reply(&V));
	OK(receive(&U, inbox, &mail));
	u = mail.ports[0].name;
	for (uint32_t i = 0; i < 6; i++)
		expect_message(&U, u, i);
	OK(client_fetch(&V, NULL));
}

static void
D11_and_D14_what_the_old_owner_notices(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T), u;
	struct client second = { .loop = &loop };
	struct thread_out out;

	(void)state;
	OK(client_thread(&T, (struct thread_in){ 0 }, &out));
	second.fd = out.connection;
	ask(&T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	post_receive(&second, n);
	mail_rights(&(struct wire_port){ n, MR }, 1, &u);
	IS(client_fetch(&second, NULL), PORT_E_RCV_PORT_DIED);
	expect_notification(&T, notify, PORT_NOTIFY_PORT_DELETED, n);
	client_close(&second);
}

/* F. Sending and receiving. */

static void
F01_a_plain_message(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct letter l = letter(m, CS, 4711);
	char text[64] = "sixty-four bytes";
	struct mail mail;

	(void)state;
	l.body = (struct wire_blob){ text, sizeof(text) };
	OK(client_exchange(&U, &l, NULL));
	OK(receive(&T, n, &mail));
	IS(mail.out.id, 4711);
	IS(mail.out.size, 64);
	IS(mail.out.body.size, 64);
	assert_memory_equal(mail.out.body.data, text, 64);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.local, n);
	IS(mail.out.bits, MS << 8);
	IS(mail.out.pid, getpid());
	IS(mail.out.uid, getuid());
	IS(mail.out.gid, getgid());
	IS(mail.out.task, U.task);
}

static void
F02_a_reply_right(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), r = new_port(&U);
	struct mail mail;

	(void)state;
	OK(send_reply(&U, m, CS, r, KSO));
	OK(receive(&T, n, &mail));
	IS(type_of(&T, mail.out.remote), TYPE_SEND_ONCE);
	IS(mail.out.bits, MSO | MS << 8);
	OK(send_plain(&T, mail.out.remote, MSO, 9));
	OK(receive(&U, r, &mail));
	IS(mail.out.bits, MSO << 8);
	IS(status(&U, r).sorights, 0);
}

static void
F04_and_F05_send_once_serves_once(void **state)
{
	port_name_t n = new_port(&T), so = give(&T, n, KSO, &U);

	(void)state;
	OK(send_plain(&U, so, MSO, 1));
	IS(type_of(&U, so), 0);
	IS(send_plain(&U, so, MSO, 2), PORT_E_SEND_INVALID_DEST);
	expect_message(&T, n, 1);
	expect_nothing(&T, n);
}

static void
F06_to_F09_destinations_that_are_none(void **state)
{
	port_name_t n = new_port(&T), s = give(&T, n, KS, &U), so = give(&T, n, KSO, &U);

	(void)state;
	IS(send_plain(&U, PORT_NULL, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, PORT_DEAD, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, UNKNOWN, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, so, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&T, n, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, s, MSO, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, so, MS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(&U, s, KS, 1), PORT_E_SEND_INVALID_DEST);
	expect_nothing(&T, n);
}

static void
F10_to_oneself_by_make_send(void **state)
{
	port_name_t n = new_port(&T);

	(void)state;
	OK(send_plain(&T, n, KS, 3));
	IS(status(&T, n).mscount, 1);
	IS(status(&T, n).srights, 1);
	expect_message(&T, n, 3);
	IS(status(&T, n).srights, 0);
}

static void
F11_and_F23_headers_that_are_none(void **state)
{
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(n, CS | 1 << 16, 1);

	(void)state;
	IS(send_plain(&T, n, 0, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_plain(&T, n, MR, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_plain(&T, n, 99, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_reply(&T, n, CS, n, 0), PORT_E_SEND_INVALID_HEADER);
	IS(send_reply(&T, n, CS, n, MR), PORT_E_SEND_INVALID_HEADER);
	IS(send_reply(&T, n, CS, n, 99), PORT_E_SEND_INVALID_HEADER);
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_HEADER);
	l = letter(n, CS, 1);
	l.options |= 1u << 31;
	IS(client_exchange(&T, &l, NULL), PORT_E_INVALID_ARGUMENT);
	IS(refs(&T, n, SEND), 1);
	IS(status(&T, n).msgcount, 0);
}

static void
F12_both_rights_or_none(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), r = new_port(&U);

	(void)state;
	IS(send_reply(&U, m, MS, UNKNOWN, KSO), PORT_E_SEND_INVALID_REPLY);
	IS(send_reply(&U, m, MS, r, CS), PORT_E_SEND_INVALID_REPLY);
	IS(refs(&U, m, SEND), 1);
	IS(send_reply(&U, UNKNOWN, MS, r, KSO), PORT_E_SEND_INVALID_DEST);
	IS(status(&U, r).sorights, 0);
	expect_nothing(&U, r);
}

static void
F14_to_F16_replies_that_are_none(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), d = new_dead_name(&U, 2);
	struct mail mail;

	(void)state;
	OK(send_reply(&U, m, CS, PORT_NULL, KSO));
	OK(receive(&T, n, &mail));
	IS(mail.out.remote, PORT_NULL);
	OK(send_reply(&U, m, CS, PORT_DEAD, CS));
	OK(receive(&T, n, &mail));
	IS(mail.out.remote, PORT_DEAD);
	IS(mail.out.bits & 0xff, MS);
	OK(send_reply(&U, m, CS, d, MS));
	IS(refs(&U, d, DEAD_NAME), 1);
	OK(receive(&T, n, &mail));
	IS(mail.out.remote, PORT_DEAD);
}

static void
F17_to_F22_destination_and_reply_of_one_name(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), so = give(&T, n, KSO, &U), other;
	struct mail mail;

	(void)state;
	OK(send_reply(&U, m, MS, m, CS));
	IS(type_of(&U, m), 0);
	OK(receive(&T, n, &mail));
	IS(mail.out.remote, n);
	IS(refs(&T, n, SEND), 1);
	OK(deallocate(&T, n));
	m = give(&T, n, KS, &U);
	OK(send_reply(&U, m, CS, m, MS));
	IS(type_of(&U, m), 0);
	OK(receive(&T, n, &mail));
	OK(deallocate(&T, n));
	m = give(&T, n, KS, &U);
	IS(send_reply(&U, m, MS, m, MS), PORT_E_SEND_INVALID_DEST);
	OK(mod_refs(&U, m, SEND, 1));
	OK(send_reply(&U, m, MS, m, MS));
	IS(type_of(&U, m), 0);
	OK(receive(&T, n, &mail));
	OK(deallocate(&T, n));
	IS(send_reply(&U, so, MSO, so, MSO), PORT_E_SEND_INVALID_DEST);
	IS(type_of(&U, so), TYPE_SEND_ONCE);
	OK(send_reply(&T, n, KS, n, KSO));
	IS(send_reply(&T, n, KS, n, CS), PORT_E_SEND_INVALID_REPLY);
	IS(send_reply(&T, n, CS, n, KSO), PORT_E_SEND_INVALID_DEST);
	other = new_port_rs(&T);
	OK(send_reply(&T, other, CS, other, KSO));
	OK(send_reply(&T, other, MS, other, KS));
	IS(type_of(&T, other), TYPE_RECEIVE);
	other = new_dead_name(&T, 5);
	IS(send_reply(&T, other, CS, other, CS), PORT_E_SEND_INVALID_DEST);
	IS(refs(&T, other, DEAD_NAME), 5);
}

static void
F27_success_is_not_delivery(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	OK(send_plain(&U, m, CS, 1));
	kill_port(&T, n);
	IS(send_plain(&U, m, CS, 2), PORT_E_SEND_INVALID_DEST);
}

static void
F28_and_F42_order_and_numbers(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct mail mail;

	(void)state;
	OK(set_qlimit(&T, n, 1024));
	for (uint32_t i = 0; i < 1000; i++)
		OK(send_plain(&U, m, CS, i));
	for (uint32_t i = 0; i < 1000; i++) {
		OK(receive(&T, n, &mail));
		IS(mail.out.id, i);
		IS(mail.out.seqno, i);
	}
}

static void
F29_causal_order(void **state)
{
	port_name_t p = new_port(&V), pt = give(&V, p, KS, &T), pu = give(&V, p, KS, &U);
	port_name_t q = new_port(&U), qt = give(&U, q, KS, &T);

	(void)state;
	OK(send_plain(&T, pt, CS, 1));
	OK(send_plain(&T, qt, CS, 2));
	expect_message(&U, q, 2);
	OK(send_plain(&U, pu, CS, 3));
	expect_message(&V, p, 1);
	expect_message(&V, p, 3);
}

static void
F31_and_J14_a_sender_that_is_gone(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), own = new_port(&U);
	struct mail mail;
	struct letter l = letter(m, MS, 1);
	struct wire_port port = { own, KS };

	(void)state;
	l.ports = &port;
	l.n_ports = 1;
	client_post(&U, &l);
	client_close(&U);
	client_open(&U, world, &loop);
	OK(receive(&T, n, &mail));
	IS(mail.ports[0].name, PORT_DEAD);	/* its port died with it */
	IS(mail.ports[0].disposition, MS);
}

static void
F33_and_F34_two_halves(void **state)
{
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(UNKNOWN, CS, 7);
	struct mail mail;

	(void)state;
	OK(send_plain(&T, n, CS, 1));
	l.options |= PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT;
	l.rcv_name = n;
	l.rcv_size = 100;
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_DEST);
	IS(status(&T, n).msgcount, 1);
	l.remote = n;
	l.rcv_name = UNKNOWN;
	IS(client_exchange(&T, &l, NULL), PORT_E_RCV_INVALID_NAME);
	IS(status(&T, n).msgcount, 2);
	l.rcv_name = n;
	OK(client_exchange(&T, &l, &mail));
	IS(mail.out.id, 1);
	expect_message(&T, n, 7);
	expect_message(&T, n, 7);
}

static void
F35_names_to_receive_on(void **state)
{
	port_name_t n = new_port(&T), s = give(&T, n, KS, &U), so = give(&T, n, KSO, &U),
		    d = new_dead_name(&U, 1);

	(void)state;
	IS(receive(&U, UNKNOWN, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(&U, PORT_NULL, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(&U, s, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(&U, so, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(&U, d, NULL), PORT_E_RCV_INVALID_NAME);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
F36_time_is_over_not_before(void **state)
{
	port_name_t n = new_port(&T);
	struct letter l = wish(n);
	uint64_t before;

	(void)state;
	expect_nothing(&T, n);
	l.rcv_timeout_ms = 50;
	before = now_ms();
	IS(client_exchange(&T, &l, NULL), PORT_E_RCV_TIMED_OUT);
	assert_true(now_ms() - before >= 50);
}

static void
F37_and_F44_too_large_is_lost(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), r = new_port(&U);
	struct letter l = letter(m, CS, 8), small = wish(n);
	struct mail mail;

	(void)state;
	l.body = (struct wire_blob){ "12345678", 8 };
	l.local = r;
	l.local_disposition = KSO;
	small.rcv_size = 7;
	OK(client_exchange(&U, &l, NULL));
	IS(client_exchange(&T, &small, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.size, 8);
	IS(mail.out.id, 8);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.seqno, 0);
	IS(status(&T, n).msgcount, 0);
	expect_notification(&U, r, PORT_NOTIFY_SEND_ONCE, -1);
	OK(client_exchange(&U, &l, NULL));
	OK(receive(&T, n, &mail));
	IS(mail.out.seqno, 1);
}

static void
F39_to_F41_too_large_may_stay(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct letter l = letter(m, CS, 8), small = wish(n), big = wish(n);
	struct client second = { .loop = &loop };
	struct thread_out out;
	struct mail mail;

	(void)state;
	l.body = (struct wire_blob){ "12345678", 8 };
	small.rcv_size = 7;
	small.options |= PORT_MSG_RCV_LARGE;
	OK(client_exchange(&U, &l, NULL));
	IS(client_exchange(&T, &small, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.size, 8);
	IS(status(&T, n).msgcount, 1);
	big.rcv_size = 8;
	OK(client_exchange(&T, &big, &mail));
	IS(mail.out.seqno, 0);

	OK(client_thread(&T, (struct thread_in){ 0 }, &out));
	second.fd = out.connection;
	small.options = PORT_MSG_RCV | PORT_MSG_RCV_LARGE;
	big.options = PORT_MSG_RCV;
	client_post(&second, &small);
	assert_false(client_has_reply(&second));
	client_post(&T, &big);
	assert_false(client_has_reply(&T));
	OK(client_exchange(&U, &l, NULL));
	IS(client_fetch(&second, &mail), PORT_E_RCV_TOO_LARGE);
	OK(client_fetch(&T, &mail));
	IS(mail.out.seqno, 1);
	client_close(&second);
}

static void
F46_two_threads_two_messages(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct client second = { .loop = &loop };
	struct thread_out out;
	struct mail mail;

	(void)state;
	OK(client_thread(&T, (struct thread_in){ 0 }, &out));
	second.fd = out.connection;
	post_receive(&second, n);
	post_receive(&T, n);
	OK(send_plain(&U, m, CS, 1));
	OK(send_plain(&U, m, CS, 2));
	OK(client_fetch(&second, &mail));
	IS(mail.out.id, 1);
	OK(client_fetch(&T, &mail));
	IS(mail.out.id, 2);
	client_close(&second);
}

static void
F47_the_size_limit(void **state)
{
	static const char zeros[PORT_MSG_BODY_MAX + 4];
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(n, MS, 1);
	struct mail mail;

	(void)state;
	l.body = (struct wire_blob){ zeros, PORT_MSG_BODY_MAX + 4 };
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_TOO_LARGE);
	IS(refs(&T, n, SEND), 1);
	l.body.size = PORT_MSG_BODY_MAX;
	OK(client_exchange(&T, &l, NULL));
	OK(receive(&T, n, &mail));
	IS(mail.out.size, PORT_MSG_BODY_MAX);
}

static void
F49_interrupted(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	post_receive(&T, n);
	client_send(&T, CALL_interrupt, NULL);
	T.cookie--;	/* the answer is the receive's */
	IS(client_fetch(&T, NULL), PORT_E_RCV_INTERRUPTED);
	client_send(&T, CALL_interrupt, NULL);	/* nothing to interrupt: no answer */
	assert_false(client_has_reply(&T));
	OK(send_plain(&U, m, CS, 1));
	expect_message(&T, n, 1);
	OK(set_qlimit(&T, n, 0));
	post_send(&U, m, CS, 2);
	assert_false(client_has_reply(&U));
	client_send(&U, CALL_interrupt, NULL);
	U.cookie--;
	IS(client_fetch(&U, NULL), PORT_E_SEND_INTERRUPTED);
	OK(set_qlimit(&T, n, 5));
	expect_nothing(&T, n);
}

static void
F54_a_sender_in_transit_counts(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(send_plain(&U, m, MS, 1));
	IS(type_of(&U, m), 0);
	expect_nothing(&T, notify);
	expect_message(&T, n, 1);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

static void
a_descriptor_is_cargo(void **state)
{
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(n, CS, 1);
	struct mail mail;
	int before;

	(void)state;
	l.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	OK(client_exchange(&T, &l, NULL));
	OK(receive(&T, n, &mail));
	assert_true(mail.fd >= 0);
	close(mail.fd);
	before = count_fds();
	l.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	OK(client_exchange(&T, &l, NULL));
	IS(count_fds(), before + 1);
	OK(destroy(&T, n));	/* and what was not delivered is closed */
	IS(count_fds(), before);
}

/* G. The queue limit. */

static void
G01_the_sixth_does_not_fit(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct letter l = letter(m, CS, 5);

	(void)state;
	fill(&U, m, 5);
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	IS(status(&T, n).msgcount, 5);
	l.send_timeout_ms = 20;
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	IS(status(&T, n).msgcount, 5);
}

static void
G02_the_sixth_waits(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	fill(&U, m, 5);
	post_send(&U, m, CS, 5);
	assert_false(client_has_reply(&U));
	expect_message(&T, n, 0);
	OK(client_fetch(&U, NULL));
	for (uint32_t i = 1; i < 6; i++)
		expect_message(&T, n, i);
}

static void
G03_the_range_of_the_limit(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	OK(set_qlimit(&T, n, PORT_QLIMIT_MAX));
	IS(set_qlimit(&T, n, PORT_QLIMIT_MAX + 1), PORT_E_INVALID_VALUE);
	IS(set_qlimit(&U, m, 1), PORT_E_INVALID_RIGHT);
	IS(set_qlimit(&U, UNKNOWN, 1), PORT_E_INVALID_NAME);
	IS(status(&T, n).qlimit, PORT_QLIMIT_MAX);
}

/* Three threads of U, of which each waits to send on m: ids 100, 101, 102. */
static void
block_three(struct client *threads, port_name_t m)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct thread_out out;

		OK(client_thread(&U, (struct thread_in){ 0 }, &out));
		threads[i] = (struct client){ .loop = &loop, .fd = out.connection };
		post_send(&threads[i], m, CS, 100 + i);
		assert_false(client_has_reply(&threads[i]));
	}
}

static void
close_three(struct client *threads)
{
	for (int i = 0; i < 3; i++)
		client_close(&threads[i]);
}

static void
G04_raising_the_limit(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct client threads[3];

	(void)state;
	fill(&U, m, 5);
	block_three(threads, m);
	OK(set_qlimit(&T, n, 7));
	OK(client_fetch(&threads[0], NULL));
	OK(client_fetch(&threads[1], NULL));
	assert_false(client_has_reply(&threads[2]));
	IS(status(&T, n).msgcount, 7);
	close_three(threads);
}

static void
G05_lowering_the_limit(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	fill(&U, m, 5);
	OK(set_qlimit(&T, n, 2));
	post_send(&U, m, CS, 9);
	for (uint32_t i = 0; i < 3; i++) {
		assert_false(client_has_reply(&U));
		expect_message(&T, n, i);
	}
	assert_false(client_has_reply(&U));
	expect_message(&T, n, 3);
	OK(client_fetch(&U, NULL));
	expect_message(&T, n, 4);
	expect_message(&T, n, 9);
}

static void
G06_a_limit_of_none(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), so = give(&T, n, KSO, &U);

	(void)state;
	OK(set_qlimit(&T, n, 0));
	post_receive(&T, n);
	IS(send_plain(&U, m, CS, 1), PORT_E_SEND_TIMED_OUT);
	OK(send_plain(&U, so, MSO, 2));
	OK(client_fetch(&T, NULL));
}

static void
G09_the_port_dies_while_a_sender_waits(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), r = new_port(&U);
	struct letter l = letter(m, CS, 5);

	(void)state;
	fill(&U, m, 5);
	l.options = PORT_MSG_SEND;
	l.local = r;
	l.local_disposition = KSO;
	client_post(&U, &l);
	assert_false(client_has_reply(&U));
	kill_port(&T, n);
	OK(client_fetch(&U, NULL));
	expect_notification(&U, r, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
G12_a_sender_ends_while_it_waits(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), own = new_port(&V),
		    s = give(&V, own, KS, &U);
	port_name_t notify = new_port(&V);
	struct letter l = letter(m, CS, 5);
	struct wire_port port = { s, MS };

	(void)state;
	ask(&V, own, PORT_NOTIFY_NO_SENDERS, 1, notify);
	fill(&U, m, 5);
	l.options = PORT_MSG_SEND;
	l.ports = &port;
	l.n_ports = 1;
	client_post(&U, &l);
	assert_false(client_has_reply(&U));
	expect_nothing(&V, notify);
	client_close(&U);
	expect_notification(&V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(status(&T, n).msgcount, 5);
	client_open(&U, world, &loop);
}

static void
G13_senders_in_their_order(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct client threads[3];

	(void)state;
	fill(&U, m, 5);
	block_three(threads, m);
	for (uint32_t i = 0; i < 3; i++) {
		expect_message(&T, n, i);
		OK(client_fetch(&threads[i], NULL));
		for (uint32_t k = i + 1; k < 3; k++)
			assert_false(client_has_reply(&threads[k]));
	}
	expect_message(&T, n, 3);
	expect_message(&T, n, 4);
	for (uint32_t i = 100; i < 103; i++)
		expect_message(&T, n, i);
	close_three(threads);
}

static void
G15_what_is_left_lets_nobody_in(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct letter l = letter(m, CS, 0), small = wish(n);

	(void)state;
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(client_exchange(&U, &l, NULL));
	fill(&U, m, 4);
	post_send(&U, m, CS, 9);
	small.rcv_size = 1;
	small.options |= PORT_MSG_RCV_LARGE;
	IS(client_exchange(&T, &small, NULL), PORT_E_RCV_TOO_LARGE);
	assert_false(client_has_reply(&U));
	expect_message(&T, n, 0);
	OK(client_fetch(&U, NULL));
}

static void
G16_above_the_limit_by_send_once(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	fill(&U, m, 5);
	for (uint32_t i = 0; i < 3; i++)
		OK(send_plain(&U, give(&T, n, KSO, &U), MSO, 50));
	IS(status(&T, n).msgcount, 8);
	post_send(&U, m, CS, 9);
	for (uint32_t i = 0; i < 3; i++) {
		OK(receive(&T, n, NULL));
		assert_false(client_has_reply(&U));
	}
	OK(receive(&T, n, NULL));
	OK(client_fetch(&U, NULL));
}

static void
G18_a_sender_over_its_quota(void **state)
{
	static const char zeros[PORT_MSG_BODY_MAX];
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), v = give(&T, n, KS, &V);
	struct letter l = letter(m, CS, 1);
	uint32_t sent = 0;
	int code;

	(void)state;
	OK(set_qlimit(&T, n, PORT_QLIMIT_MAX));
	l.body = (struct wire_blob){ zeros, sizeof(zeros) };
	while ((code = client_exchange(&U, &l, NULL)) == 0)
		sent++;
	IS(code, PORT_E_SEND_NO_BUFFER);
	assert_in_range(sent, ACCOUNT_BYTES_MAX / (sizeof(zeros) + 4096),
	    ACCOUNT_BYTES_MAX / sizeof(zeros));
	OK(send_plain(&V, v, CS, 2));
	OK(receive(&T, n, NULL));
	OK(client_exchange(&U, &l, NULL));
}

static void
descriptors_have_a_quota(void **state)
{
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(n, CS, 1);
	uint32_t sent = 0;
	int code;

	(void)state;
	OK(set_qlimit(&T, n, PORT_QLIMIT_MAX));
	do {
		l.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		code = client_exchange(&T, &l, NULL);
		sent += code == 0;
	} while (code == 0);
	IS(code, PORT_E_SEND_NO_BUFFER);
	IS(sent, ACCOUNT_DESCRIPTORS_MAX);
}

static void
notifications_that_nobody_reads_have_a_quota(void **state)
{
	port_name_t n = new_port(&T);
	struct client *c = &T;

	(void)state;
	world->checked = false;
	for (int i = 0; i < 100000; i++) {
		OK(insert(c, 9, n, KSO));
		OK(deallocate(c, 9));
	}
	world_check(world);
	assert_true(status(&T, n).msgcount < 100000);
	IS(status(&T, n).sorights, status(&T, n).msgcount);
	assert_true(space_of(&T)->task->account->used[ACCOUNT_BYTES] <= ACCOUNT_BYTES_MAX);
	IS(send_plain(&T, n, KS, 1), PORT_E_SEND_NO_BUFFER);
	expect_notification(&T, n, PORT_NOTIFY_SEND_ONCE, -1);
	IS(send_plain(&T, n, KS, 1), PORT_E_SEND_TIMED_OUT);
}

/* H. Rights in bodies. */

static void
H01_to_H05_each_disposition(void **state)
{
	port_name_t p = new_port_rs(&T), q = new_port(&V), so = give(&V, q, KSO, &T), name;

	(void)state;
	OK(mod_refs(&T, p, SEND, 1));
	mail_rights(&(struct wire_port){ p, CS }, 1, &name);
	IS(refs(&T, p, SEND), 2);
	mail_rights(&(struct wire_port){ p, MS }, 1, &name);
	IS(refs(&T, p, SEND), 1);
	mail_rights(&(struct wire_port){ p, MS }, 1, &name);
	IS(type_of(&T, p), TYPE_RECEIVE);
	mail_rights(&(struct wire_port){ p, KS }, 1, &name);
	IS(refs(&U, name, SEND), 4);
	IS(status(&T, p).mscount, 2);
	mail_rights(&(struct wire_port){ p, KSO }, 1, &name);
	IS(type_of(&U, name), TYPE_SEND_ONCE);
	IS(status(&T, p).sorights, 1);
	mail_rights(&(struct wire_port){ so, MSO }, 1, &name);
	IS(type_of(&T, so), 0);
	IS(type_of(&U, name), TYPE_SEND_ONCE);
	IS(status(&V, q).sorights, 1);
}

static void
H06_the_same_right_many_times(void **state)
{
	struct wire_port ports[300];
	port_name_t p = new_port_rs(&T), names[300];

	(void)state;
	for (size_t i = 0; i < 300; i++)
		ports[i] = (struct wire_port){ p, CS };
	mail_rights(ports, 300, names);
	for (size_t i = 1; i < 300; i++)
		IS(names[i], names[0]);
	IS(refs(&U, names[0], SEND), 300);
}

static void
H07_one_move_too_many(void **state)
{
	port_name_t inbox = new_port(&U), out = give(&U, inbox, KS, &T), p = new_port(&V),
		    m = give(&V, p, KS, &T);
	port_name_t notify = new_port(&V);
	struct wire_port ports[] = { { m, MS }, { m, MS }, { m, MS } };
	struct letter l = letter(out, CS, 1);

	(void)state;
	ask(&V, p, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(mod_refs(&T, m, SEND, 1));
	l.ports = ports;
	l.n_ports = 3;
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	IS(type_of(&T, m), 0);
	expect_notification(&V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_nothing(&U, inbox);
}

static void
H08_null_and_dead_travel_by_anything(void **state)
{
	struct wire_port ports[12];
	port_name_t names[12];

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		ports[2 * i] = (struct wire_port){ PORT_NULL, MR + i };
		ports[2 * i + 1] = (struct wire_port){ PORT_DEAD, MR + i };
	}
	mail_rights(ports, 12, names);
	for (uint32_t i = 0; i < 6; i++) {
		IS(names[2 * i], PORT_NULL);
		IS(names[2 * i + 1], PORT_DEAD);
	}
}

static void
H11_to_H14_what_cannot_travel(void **state)
{
	port_name_t inbox = new_port(&U), out = give(&U, inbox, KS, &T), p = new_port_rs(&T),
		    q = new_port_rs(&T);
	port_name_t pure = new_port(&T), so = give(&U, inbox, KSO, &T), r = new_port(&T);
	struct wire_port ports[] = { { p, MS }, { p, KSO }, { UNKNOWN, CS }, { q, MS } };
	struct letter l = letter(out, MS, 1);

	(void)state;
	IS(send_right(&T, out, CS, pure, CS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(&T, out, CS, so, CS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(&T, out, CS, pure, MSO), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(&T, out, CS, pure, 99), PORT_E_SEND_INVALID_TYPE);
	l.ports = ports;
	l.n_ports = 4;
	l.local = r;
	l.local_disposition = KSO;
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	IS(type_of(&T, p), TYPE_RECEIVE);
	expect_notification(&T, p, PORT_NOTIFY_SEND_ONCE, -1);
	IS(refs(&T, q, SEND), 1);
	IS(type_of(&T, out), 0);
	expect_notification(&T, r, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(&U, inbox);
	IS(status(&U, inbox).srights, 0);
}

/* J. Death. */

static void
J01_and_J02_dead_names(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), so = give(&T, n, KSO, &U);

	(void)state;
	OK(mod_refs(&U, m, SEND, 2));
	kill_port(&T, n);
	IS(type_of(&T, n), 0);
	IS(refs(&U, m, DEAD_NAME), 3);
	IS(refs(&U, so, DEAD_NAME), 1);
	OK(deallocate(&U, so));
	IS(type_of(&U, so), 0);
}

static void
J05_to_J07_what_dies_with_a_queue(void **state)
{
	port_name_t p = new_port_rs(&T), q = new_port(&T), notify = new_port(&T), x = new_port(&T);
	port_name_t seen = give(&T, x, KS, &U);

	(void)state;
	ask(&T, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(send_right(&T, p, CS, q, KS));
	OK(send_right(&T, p, CS, q, KSO));
	OK(send_right(&T, p, CS, x, MR));
	IS(type_of(&U, seen), TYPE_SEND);
	OK(destroy(&T, p));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_notification(&T, q, PORT_NOTIFY_SEND_ONCE, -1);
	IS(type_of(&U, seen), TYPE_DEAD_NAME);
}

static void
what_was_queued_dies_before_the_end_is_told(void **state)
{
	port_name_t p = new_port_rs(&T), x = new_port(&T), y = new_port(&T), notify = new_port(&U);
	port_name_t up = give(&T, p, CS, &U), ux = give(&T, x, KS, &U), uy = give(&T, y, KS, &U);

	(void)state;
	ask(&U, up, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(&U, ux, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(&U, uy, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(send_right(&U, ux, CS, PORT_NULL, CS));
	OK(send_right(&T, x, KS, y, MR));
	OK(send_right(&T, p, CS, x, MR));
	kill_port(&T, p);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, uy);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, ux);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, up);
}

static void
J09_every_client_hears_once(void **state)
{
	port_name_t n = new_port(&T), r[3];
	struct client *c[3] = { &T, &U, &V };

	(void)state;
	for (int i = 0; i < 3; i++) {
		port_name_t m = c[i] == &T ? n : give(&T, n, KS, c[i]);

		r[i] = new_port(c[i]);
		OK(send_reply(c[i], m, c[i] == &T ? KS : CS, r[i], KSO));
	}
	kill_port(&T, n);
	for (int i = 0; i < 3; i++) {
		expect_notification(c[i], r[i], PORT_NOTIFY_SEND_ONCE, -1);
		expect_nothing(c[i], r[i]);
	}
}

static void
J12_a_task_ends(void **state)
{
	port_name_t p = new_port(&U), mine = give(&U, p, KS, &T), q = new_port(&T),
		    notify = new_port(&T);
	port_name_t ns = new_port(&T);

	(void)state;
	give(&T, q, KS, &U);
	give(&T, ns, KSO, &U);
	ask(&T, mine, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(&T, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	client_close(&U);
	IS(type_of(&T, mine), TYPE_DEAD_NAME);
	IS(refs(&T, mine, DEAD_NAME), 2);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_notification(&T, notify, PORT_NOTIFY_DEAD_NAME, mine);
	expect_notification(&T, ns, PORT_NOTIFY_SEND_ONCE, -1);
	client_open(&U, world, &loop);
}

static void
J13_the_requests_of_a_dead_task(void **state)
{
	port_name_t p = new_port(&T), s = give(&T, p, KS, &U), notify = new_port(&V),
		    so = give(&V, notify, KSO, &U);

	(void)state;
	OK(request(&U, s, PORT_NOTIFY_DEAD_NAME, 0, so, MSO, NULL));
	client_close(&U);
	expect_notification(&V, notify, PORT_NOTIFY_PORT_DELETED, s);
	client_open(&U, world, &loop);
}

/* So that a test may go beyond what one task can pay for. */
static void
forgive_debts(struct client *c)
{
	LIST_FOR_EACH(link, next, &world->messages) {
		struct message *message = LIST_ENTRY(link, struct message, world);

		if (message->account == space_of(c)->task->account)
			message_uncharge(message);
	}
}

static void
J21_a_deep_nest(void **state)
{
	port_name_t outer = new_port(&T), notify = new_port(&T);
	uint32_t depth = 100000;

	(void)state;
	ask(&T, outer, PORT_NOTIFY_NO_SENDERS, UINT32_MAX, notify);
	for (uint32_t i = 0; i < depth; i++) {
		port_name_t next = new_port(&T);

		OK(send_right(&T, next, KS, outer, MR));
		outer = next;
		if (i % 10000 == 0)
			forgive_debts(&T);
	}
	assert_int_equal(space_of(&T)->n_receives, 2);
	OK(destroy(&T, outer));
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	assert_int_equal(space_of(&T)->n_receives, 1);
}

/* K. Notifications. */

static void
K01_and_K13_no_senders(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	IS(status(&T, n).no_senders_armed, 1);
	OK(mod_refs(&U, m, SEND, 2));
	OK(deallocate(&U, m));
	OK(deallocate(&U, m));
	expect_nothing(&T, notify);
	OK(deallocate(&U, m));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(status(&T, n).no_senders_armed, 0);
}

static void
K02_to_K05_at_once_or_not(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T), m;

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 0);
	IS(status(&T, n).no_senders_armed, 0);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 1, notify);
	expect_nothing(&T, notify);
	m = give(&T, n, KS, &U);
	OK(deallocate(&U, m));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	for (int i = 0; i < 2; i++)
		OK(deallocate(&U, give(&T, n, KS, &U)));
	IS(status(&T, n).mscount, 3);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 3, notify);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 3);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 4, notify);
	expect_nothing(&T, notify);
	give(&T, n, KS, &U);
	OK(request(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify, KSO, &m));
	expect_nothing(&T, notify);
	OK(deallocate(&T, m));
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
K06_and_K07_once(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(deallocate(&U, give(&T, n, KS, &U)));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	OK(deallocate(&U, give(&T, n, KS, &U)));
	expect_nothing(&T, notify);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 3, notify);
	OK(deallocate(&U, give(&T, n, KS, &U)));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 3);
}

static void
K08_send_once_is_no_sender(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T), m = give(&T, n, KS, &U);

	(void)state;
	give(&T, n, KSO, &U);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(deallocate(&U, m));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

static void
K10_a_right_in_a_message_counts(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T), m = give(&T, n, KS, &U),
		    inbox = new_port(&V);
	struct mail mail;

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_right(&U, give(&V, inbox, KS, &U), MS, m, MS));
	IS(type_of(&U, m), 0);
	expect_nothing(&T, notify);
	OK(receive(&V, inbox, &mail));
	OK(deallocate(&V, mail.ports[0].name));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

static void
K11_the_owner_is_a_sender(void **state)
{
	port_name_t n = new_port_rs(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	expect_nothing(&T, notify);
	OK(deallocate(&T, n));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

static void
K14_and_K23_the_last_of_two(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T), u = give(&T, n, KS, &U);

	(void)state;
	give(&T, n, KS, &V);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(deallocate(&U, u));
	expect_nothing(&T, notify);
	client_close(&V);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 2);
	expect_nothing(&T, notify);
	client_open(&V, world, &loop);
}

static void
K15_and_K16_what_was_registered_comes_back(void **state)
{
	port_name_t n = new_port_rs(&T), first = new_port(&T), second = new_port(&T), previous;

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, first);
	OK(request(&T, n, PORT_NOTIFY_NO_SENDERS, 0, second, KSO, &previous));
	IS(type_of(&T, previous), TYPE_SEND_ONCE);
	OK(deallocate(&T, previous));
	expect_notification(&T, first, PORT_NOTIFY_SEND_ONCE, -1);
	OK(request(&T, n, PORT_NOTIFY_NO_SENDERS, 0, PORT_NULL, 0, &previous));
	IS(type_of(&T, previous), TYPE_SEND_ONCE);
	OK(deallocate(&T, n));
	expect_nothing(&T, second);
	OK(send_plain(&T, previous, MSO, 3));
	expect_message(&T, second, 3);
}

static void
K19_the_destroyer_was_the_last_sender(void **state)
{
	port_name_t n = new_port_rs(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(destroy(&T, n));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_nothing(&T, notify);
	n = new_port_rs(&T);
	give(&T, n, CS, &U);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(destroy(&T, n));
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(&T, notify);
}

static void
K24_a_storm(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T);

	(void)state;
	for (uint32_t i = 1; i <= 2000; i++) {
		ask(&T, n, PORT_NOTIFY_NO_SENDERS, i, notify);
		OK(deallocate(&U, give(&T, n, KS, &U)));
		expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, i);
	}
	IS(space_of(&T)->n_entries, 2);
	IS(space_of(&U)->n_entries, 0);
}

static void
K31_and_K33_dead_names_each_their_own(void **state)
{
	port_name_t n = new_port(&T), u, v, nu = new_port(&U), nv = new_port(&V), previous;

	(void)state;
	new_port(&V);
	u = give(&T, n, KS, &U);
	v = give(&T, n, KS, &V);
	assert_int_not_equal(u, v);
	ask(&U, u, PORT_NOTIFY_DEAD_NAME, 0, nu);
	ask(&V, v, PORT_NOTIFY_DEAD_NAME, 0, nv);
	OK(request(&V, v, PORT_NOTIFY_DEAD_NAME, 0, PORT_NULL, 0, &previous));
	IS(type_of(&V, previous), TYPE_SEND_ONCE);
	kill_port(&T, n);
	expect_notification(&U, nu, PORT_NOTIFY_DEAD_NAME, u);
	IS(refs(&U, u, DEAD_NAME), 2);
	expect_nothing(&V, nv);
	IS(refs(&V, v, DEAD_NAME), 1);
}

static void
K34_to_K36_deleted_not_dead(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&U), m, so, inbox = new_port(&V);

	(void)state;
	m = give(&T, n, KS, &U);
	ask(&U, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(deallocate(&U, m));
	expect_notification(&U, notify, PORT_NOTIFY_PORT_DELETED, m);
	m = give(&T, n, KS, &U);
	ask(&U, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(send_right(&U, give(&V, inbox, KS, &U), MS, m, MS));
	expect_notification(&U, notify, PORT_NOTIFY_PORT_DELETED, m);
	so = give(&T, n, KSO, &U);
	ask(&U, so, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(send_plain(&U, so, MSO, 1));
	expect_notification(&U, notify, PORT_NOTIFY_PORT_DELETED, so);
	so = give(&T, n, KSO, &U);
	ask(&U, so, PORT_NOTIFY_DEAD_NAME, 0, notify);
	kill_port(&T, n);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, so);
	IS(refs(&U, so, DEAD_NAME), 2);
}

static void
K37_and_K38_dead_already(void **state)
{
	port_name_t d = new_dead_name(&T, 2), notify = new_port(&T), previous = UNKNOWN;

	(void)state;
	OK(request(&T, d, PORT_NOTIFY_DEAD_NAME, 1, notify, KSO, &previous));
	IS(previous, PORT_NULL);
	expect_notification(&T, notify, PORT_NOTIFY_DEAD_NAME, d);
	IS(refs(&T, d, DEAD_NAME), 3);
	IS(request(&T, d, PORT_NOTIFY_DEAD_NAME, 0, notify, KSO, NULL), PORT_E_INVALID_ARGUMENT);
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	IS(request(&T, d, PORT_NOTIFY_DEAD_NAME, 1, PORT_NULL, KSO, NULL), PORT_E_INVALID_ARGUMENT);
	OK(mod_refs(&T, d, DEAD_NAME, 65532));
	IS(request(&T, d, PORT_NOTIFY_DEAD_NAME, 1, notify, KSO, NULL), PORT_E_UREFS_OVERFLOW);
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
}

static void
K39_on_receive_rights(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	kill_port(&T, n);
	expect_notification(&T, notify, PORT_NOTIFY_PORT_DELETED, n);
	n = new_port_rs(&T);
	ask(&T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	kill_port(&T, n);
	expect_notification(&T, notify, PORT_NOTIFY_DEAD_NAME, n);
	IS(refs(&T, n, DEAD_NAME), 2);
	n = new_port_rs(&T);
	ask(&T, n, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(destroy(&T, n));
	expect_notification(&T, notify, PORT_NOTIFY_PORT_DELETED, n);
}

static void
K42_nobody_to_be_told(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), notify = new_port(&U);

	(void)state;
	ask(&U, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(destroy(&U, notify));
	kill_port(&T, n);
	IS(refs(&U, m, DEAD_NAME), 2);
}

static void
K70_and_K72_unused_send_once(void **state)
{
	port_name_t n = new_port(&T), so[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		so[i] = give(&T, n, KSO, &U);
	IS(status(&T, n).sorights, 3);
	OK(deallocate(&U, so[0]));
	OK(mod_refs(&U, so[1], SEND_ONCE, -1));
	OK(destroy(&U, so[2]));
	for (int i = 0; i < 3; i++)
		expect_notification(&T, n, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(&T, n);
	IS(status(&T, n).sorights, 0);
}

static void
K73_a_send_once_right_goes_round(void **state)
{
	port_name_t r = new_port(&T), u = new_port(&U), v = new_port(&V), at_u, at_v;
	struct mail mail;

	(void)state;
	OK(send_right(&T, give(&U, u, KS, &T), MS, r, KSO));
	OK(receive(&U, u, &mail));
	at_u = mail.ports[0].name;
	OK(send_right(&U, give(&V, v, KS, &U), MS, at_u, MSO));
	OK(receive(&V, v, &mail));
	at_v = mail.ports[0].name;
	OK(send_plain(&V, at_v, MSO, 7));
	OK(receive(&T, r, &mail));
	IS(mail.out.bits, MSO << 8);
	IS(mail.out.task, V.task);
}

static void
K76_a_forgery_shows(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct mail mail;

	(void)state;
	OK(send_plain(&U, m, CS, PORT_NOTIFY_DEAD_NAME));
	OK(receive(&T, n, &mail));
	IS(mail.out.bits, MS << 8);
	IS(mail.out.task, U.task);
}

static void
K77_and_K78_requests_that_fail(void **state)
{
	port_name_t n = new_port_rs(&T), m = give(&T, n, CS, &U), notify = new_port(&U);
	static const uint32_t ids[] = { 65, 67, 71, 999 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		IS(request(&U, m, ids[i], 0, notify, KSO, NULL), PORT_E_INVALID_VALUE);
		expect_notification(&U, notify, PORT_NOTIFY_SEND_ONCE, -1);
	}
	IS(request(&U, UNKNOWN, PORT_NOTIFY_PORT_DESTROYED, 1, notify, KSO, NULL),
	    PORT_E_INVALID_VALUE);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_ONCE, -1);
	IS(request(&U, m, PORT_NOTIFY_DEAD_NAME, 0, PORT_DEAD, KSO, NULL),
	    PORT_E_INVALID_CAPABILITY);
	IS(request(&U, m, PORT_NOTIFY_DEAD_NAME, 0, UNKNOWN, KSO, NULL), PORT_E_INVALID_CAPABILITY);
	IS(request(&U, m, PORT_NOTIFY_DEAD_NAME, 0, notify, KS, NULL), PORT_E_INVALID_VALUE);
	IS(request(&U, m, PORT_NOTIFY_NO_SENDERS, 0, notify, KSO, NULL), PORT_E_INVALID_RIGHT);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_ONCE, -1);
	IS(request(&U, UNKNOWN, PORT_NOTIFY_DEAD_NAME, 0, notify, KSO, NULL), PORT_E_INVALID_NAME);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(&U, notify).sorights, 0);
}

/* L. Circularity. */

static void
L01_and_L07_a_port_to_itself(void **state)
{
	port_name_t n = new_port_rs(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_right(&T, n, CS, n, MR));
	IS(refs(&T, n, DEAD_NAME), 1);
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	expect_nothing(&T, notify);
}

static void
L02_to_L06_round_trips(void **state)
{
	port_name_t a = new_port_rs(&T), b = new_port_rs(&T), c = new_port_rs(&T),
		    notify = new_port(&T);
	struct mail mail;

	(void)state;
	OK(send_right(&T, a, CS, b, MR));
	OK(send_right(&T, b, CS, a, MR));
	IS(type_of(&T, a), TYPE_DEAD_NAME);
	IS(type_of(&T, b), TYPE_DEAD_NAME);
	a = new_port_rs(&T);
	b = new_port_rs(&T);
	OK(send_right(&T, c, CS, b, MR));
	OK(send_right(&T, b, CS, a, MR));
	OK(receive(&T, c, &mail));
	IS(mail.ports[0].name, b);
	OK(receive(&T, b, &mail));
	IS(mail.ports[0].name, a);
	ask(&T, a, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_right(&T, a, CS, a, MS));
	expect_nothing(&T, notify);
	OK(receive(&T, a, &mail));
	IS(mail.ports[0].name, a);
	OK(deallocate(&T, a));
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 0);
}

/* The keeper's side. */

struct inbox {
	struct message *last;
	int n;
};

static void
keep_last(struct port *port, struct message *message, void *arg)
{
	struct inbox *inbox = arg;

	(void)port;
	message_free(inbox->last);
	inbox->last = message;
	inbox->n++;
}

static void
a_port_of_portds_own(void **state)
{
	struct inbox inbox = { 0 };
	struct port *port;
	struct client c;
	struct mail mail;
	struct message *answer;
	struct wire_port wire;
	port_name_t r = new_port(&T), p = new_port(&T), back;

	(void)state;
	port = port_new_kernel(world, keep_last, &inbox);
	world_set_bootstrap(world, right_make_send(port));
	port_arm_no_senders(port, 0);
	client_open(&c, world, &loop);
	IS(type_of(&c, c.bootstrap), TYPE_SEND);
	back = give(&c, c.bootstrap, CS, &T);
	fill(&c, c.bootstrap, 20);	/* knows no limit */
	IS(inbox.n, 20);
	IS(inbox.last->task, c.task);
	OK(send_reply(&T, back, CS, r, KSO));
	OK(send_right(&T, back, CS, p, KS));
	wire = inbox.last->body.ports[0];
	IS(wire.disposition, MS);
	{
		struct right right = message_take_right(inbox.last, wire);

		IS(right.kind, RIGHT_SEND);
		assert_true(right_is_live(&right));
		IS(message_take_right(inbox.last, wire).kind, RIGHT_NULL);
		IS(message_take_right(inbox.last, (struct wire_port){ 9, MS }).kind, RIGHT_NULL);
		answer = message_new(77);
		wire_put_u32(&answer->body, 4);
		wire_put_port(&answer->body, message_add_right(answer, right_copy_send(&right)));
		wire_put_port(
		    &answer->body, message_add_right(answer, (struct right){ RIGHT_NULL, NULL }));
		message_send(right, answer, right_make_send_once(port));
	}
	world_check(world);
	OK(receive(&T, p, &mail));
	IS(mail.out.id, 77);
	IS(mail.n_ports, 1);
	IS(mail.ports[0].name, p);
	IS(type_of(&T, mail.out.remote), TYPE_SEND_ONCE);
	OK(send_reply(&T, mail.out.remote, MSO, r, KSO));
	{
		struct right reply = message_take_reply(inbox.last);

		IS(reply.kind, RIGHT_SEND_ONCE);
		right_release(reply);
	}
	client_pump(&T);
	client_pump(&T);
	expect_notification(
	    &T, r, PORT_NOTIFY_SEND_ONCE, -1); /* the one before, when it was replaced */
	expect_notification(&T, r, PORT_NOTIFY_SEND_ONCE, -1);
	client_close(&c);
	OK(deallocate(&T, back));
	world_set_bootstrap(world, (struct right){ RIGHT_NULL, NULL });
	client_pump(&T);
	client_pump(&T);
	IS(inbox.last->id, PORT_NOTIFY_NO_SENDERS);
	message_free(inbox.last);
	port_kill(port);
	client_pump(&T);
	client_pump(&T);
	OK(destroy(&T, p));
}

/* A kernel port dies with rights around and messages for it on their way. */
static void
a_port_of_portds_own_is_killed(void **state)
{
	struct inbox inbox = { 0 };
	struct port *port = port_new_kernel(world, keep_last, &inbox);
	struct right mine = right_make_send(port), once = right_make_send_once(port);
	port_name_t n = new_port(&T), theirs;
	struct right right;

	(void)state;
	core_enter(world);
	OK(right_take(space_of(&T), n, KSO, &right));
	right_lend(&right);
	core_leave(world);
	message_send(right, message_new(5), right_copy_send(&mine));
	client_pump(&T);
	{
		struct mail mail;

		OK(receive(&T, n, &mail));
		theirs = mail.out.remote;
	}
	IS(type_of(&T, theirs), TYPE_SEND);
	message_send(right_copy_send(&mine), message_new(6), right_make_send_once(port));
	port_kill(port);
	assert_false(right_is_live(&mine));
	IS(right_copy_send(&mine).kind, RIGHT_NULL);
	IS(type_of(&T, theirs), TYPE_DEAD_NAME);
	message_send(mine, message_new(7), once);
	client_pump(&T);
	IS(inbox.n, 0);
}

/* The keeper's rights that do not make it into a message are not lost in silence. */
static void
what_portd_cannot_send(void **state)
{
	static const char zeros[PORT_MSG_BODY_MAX];
	port_name_t n = new_port(&T);
	struct inbox inbox = { 0 };
	struct port *port = port_new_kernel(world, keep_last, &inbox);
	struct right mine = right_make_send(port);
	struct message *message;
	struct wire_port wire;
	struct mail mail;

	(void)state;
	for (int i = 0; i < 4; i++) {	/* send-once rights of T's */
		port_name_t so = give(&T, n, KSO, &U);
		struct letter l = letter(PORT_NULL, CS, 1);
		struct wire_port ports[2] = { { so, MSO }, { PORT_DEAD, CS } };
		struct right right;

		core_enter(world);
		right_reclaim(&mine);
		OK(right_enter(space_of(&U), right_copy(&mine), &l.remote));
		right_lend(&mine);
		core_leave(world);
		l.ports = ports;
		l.n_ports = 2;
		OK(client_exchange(&U, &l, NULL));
		IS(message_take_right(inbox.last, inbox.last->body.ports[1]).kind, RIGHT_DEAD);
		right = message_take_right(inbox.last, inbox.last->body.ports[0]);
		IS(right.kind, RIGHT_SEND_ONCE);
		message = i == 0 ? NULL : message_new(5);
		if (i == 1) {	/* too large */
			wire_put_blob(&message->body, (struct wire_blob){ zeros, sizeof(zeros) });
		} else if (i == 2) {	/* nowhere to */
			message_add_right(message, right);
			right = (struct right){ RIGHT_DEAD, NULL };
		} else if (i == 3) {	/* it gets there, but a right in it was not mentioned */
			message_add_right(message, right_copy_send(&mine));
			wire = message_add_right(message, (struct right){ RIGHT_DEAD, NULL });
			wire_put_port(&message->body, wire);
		}
		message_send(right, message, right_copy_send(&mine));
		client_pump(&T);
		if (i < 3)
			expect_notification(&T, n, PORT_NOTIFY_SEND_ONCE, -1);
	}
	OK(receive(&T, n, &mail));
	IS(mail.out.id, 5);
	IS(mail.n_ports, 1);
	IS(mail.ports[0].name, PORT_DEAD);
	IS(space_of(&T)->n_entries, 2);
	IS(port->srights, 1 + 1 + 1);	/* ours, U's, and T's reply */

	message_free(inbox.last);
	right_release(mine);
	port_kill(port);
	client_pump(&T);
	client_pump(&T);
}

/* Portd may hold a receive right that a task has sent to it. */
static void
a_receive_right_for_portd(void **state)
{
	struct inbox inbox = { 0 };
	struct port *port = port_new_kernel(world, keep_last, &inbox);
	port_name_t n = new_port_rs(&T), m = new_port_rs(&T), k;
	struct right right;

	(void)state;
	world_set_bootstrap(world, right_make_send(port));
	client_close(&U);
	client_open(&U, world, &loop);
	k = give(&U, U.bootstrap, CS, &T);
	OK(send_right(&T, k, CS, n, MR));
	OK(send_right(&T, n, CS, m, MR));	/* to a port that portd has in a message */
	right = message_take_right(inbox.last, inbox.last->body.ports[0]);
	IS(right.kind, RIGHT_RECEIVE);
	world_check(world);
	IS(type_of(&T, n), TYPE_SEND);
	right_release(right);
	client_pump(&T);
	client_pump(&T);
	IS(type_of(&T, n), TYPE_DEAD_NAME);
	IS(type_of(&T, m), TYPE_DEAD_NAME);
	message_free(inbox.last);
	world_set_bootstrap(world, (struct right){ RIGHT_NULL, NULL });
	port_kill(port);
	client_pump(&T);
	client_pump(&T);
}

/* Chance. */

static uint32_t random_state;

static uint32_t
chance(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static struct client *
any_client(void)
{
	struct client *all[] = { &T, &U, &V };

	return all[chance(3)];
}

/* Mostly a name that is there. */
static port_name_t
any_name(struct client *c)
{
	struct space *space = space_of(c);
	uint32_t i;

	if (space->n_entries == 0 || chance(20) == 0)
		return chance(3) == 0 ? PORT_NULL : chance(2) ? PORT_DEAD : chance(5000);
	i = chance(space->n_entries);
	LIST_FOR_EACH(link, next, &space->entries)
		if (i-- == 0)
			return LIST_ENTRY(link, struct entry, link)->name;
	return PORT_NULL;
}

/* Often a set. */
static port_name_t
any_set(struct client *c)
{
	LIST_FOR_EACH(link, next, &space_of(c)->entries) {
		struct entry *entry = LIST_ENTRY(link, struct entry, link);

		if (entry->set && chance(2))
			return entry->name;
	}
	return any_name(c);
}

static void
random_message(struct client *c)
{
	struct wire_port ports[4];
	struct letter l = {
		.options = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT | PORT_MSG_RCV_TIMEOUT,
		.remote = any_name(c),
		.remote_disposition = MR + chance(6),
		.id = chance(1000),
		.ports = ports,
		.n_ports = chance(5),
		.rcv_name = chance(2) ? any_set(c) : any_name(c),
		.rcv_size = chance(30),
		.body = { "0123456789abcdefghijklmnopqrstuvwxyz", chance(30) },
	};
	struct mail mail;

	if (chance(2)) {
		l.local = any_name(c);
		l.local_disposition = MR + chance(6);
	}
	for (size_t i = 0; i < l.n_ports; i++)
		ports[i] = (struct wire_port){ any_name(c), MR + chance(6) };
	if (l.n_ports && chance(3) == 0)
		ports[0] = (struct wire_port){ chance(4), WIRE_ITEM_PORTS | (MR + chance(6)) };
	if (chance(4) == 0)
		l.options |= PORT_MSG_SEND_NOTIFY;
	if (chance(3) == 0)
		l.options |= PORT_MSG_RCV;
	if (chance(3) == 0)
		l.options |= PORT_MSG_RCV_LARGE;
	client_exchange(c, &l, &mail);
}

static void
random_receive(struct client *c)
{
	struct letter l = wish(any_name(c));
	struct mail mail;

	l.rcv_size = chance(40);
	client_exchange(c, &l, &mail);
}

static void
random_attribute(struct client *c)
{
	port_name_t n = any_name(c);
	struct construct_in make = { .flags = chance(32), .qlimit = chance(8), .context = chance(2) };

	switch (chance(9)) {
	case 0:
		client_set_mscount(c, (struct set_mscount_in){ .name = n, .mscount = chance(4) }, NULL);
		break;
	case 1:
		client_set_payload(c, (struct set_payload_in){ .name = n, .armed = chance(2) }, NULL);
		break;
	case 2:
		client_guard(c, (struct guard_in){ .name = n, .strict = chance(2) }, NULL);
		break;
	case 3:
		client_unguard(c, (struct unguard_in){ .name = n }, NULL);
		break;
	case 4:
		client_destruct(c, (struct destruct_in){ .name = n, .send_delta = -(int)chance(2) }, NULL);
		break;
	case 5:
		if (space_of(c)->n_entries < 40)
			client_construct(c, make, NULL);
		break;
	case 6:
		client_peek(c, (struct peek_in){ .name = n }, NULL);
		break;
	case 7:
		client_rename(c, (struct rename_in){ .name = n, .new_name = chance(3000) }, NULL);
		break;
	default:
		client_names(c, (struct names_in){ 0 }, NULL);
	}
}

static void
random_set(struct client *c)
{
	port_name_t n = any_name(c);

	if (chance(8) == 0)
		client_allocate(c, (struct allocate_in){ .kind = PORT_RIGHT_PORT_SET }, NULL);
	else if (chance(8) == 0)
		client_set_status(c, (struct set_status_in){ .name = n }, NULL);
	else
		client_move_member(c, (struct move_member_in){ .member = n, .set = any_set(c) }, NULL);
}

/* Between two tasks. */
static void
random_neighbour(struct client *c)
{
	port_name_t task = give_task_port(any_client(), c);

	if (chance(2))
		client_insert_right(c, (struct insert_right_in){ .name = chance(3000),
			.right = any_name(c), .disposition = MR + chance(6), .task = task }, NULL);
	else
		client_extract_right(c, (struct extract_right_in){ .name = any_name(c),
			.disposition = MR + chance(6), .task = task }, NULL);
	deallocate(c, task);
}

static void
random_step(struct client *c)
{
	static const int32_t deltas[] = { -1, -1, -1, 0, 1, 2, -2, 65533, INT_MIN, INT_MAX };
	static const uint32_t ids[] = { PORT_NOTIFY_DEAD_NAME, PORT_NOTIFY_NO_SENDERS,
		PORT_NOTIFY_SEND_POSSIBLE, PORT_NOTIFY_PORT_DESTROYED };

	switch (chance(20)) {
	case 0:
	case 1:
		if (space_of(c)->n_entries < 40)
			client_allocate(c,
			    (struct allocate_in){ .kind = chance(8) ? RECEIVE : DEAD_NAME }, NULL);
		break;
	case 2:
		deallocate(c, any_name(c));
		break;
	case 3:
		if (chance(2))
			destroy(c, any_name(c));
		break;
	case 4:
		mod_refs(c, any_name(c), chance(6), deltas[chance(ARRAY_SIZE(deltas))]);
		break;
	case 5:
	case 6:
		insert(c, any_name(c), any_name(c), MR + chance(6));
		break;
	case 7:
	case 8:
		request(c, any_name(c), ids[chance(4)], chance(3), any_name(c),
		    chance(4) ? KSO : MSO, NULL);
		break;
	case 9:
		set_qlimit(c, any_name(c), chance(8));
		break;
	case 10: {
		port_name_t n = any_name(c);

		insert(c, n, n, KS);
		break;
	}
	case 11:
	case 12:
		random_receive(c);
		break;
	case 13:
		random_attribute(c);
		break;
	case 14:
		random_set(c);
		break;
	case 15:
		random_neighbour(c);
		break;
	default:
		random_message(c);
	}
}

/* A right to one's port for a neighbour, so that there is somebody to write to. */
static void
random_acquaintance(struct client *c)
{
	struct client *to = any_client();
	struct right right;
	port_name_t name;

	core_enter(world);
	if (right_take(space_of(c), any_name(c), MR + chance(6), &right) == 0)
		OK(right_enter(space_of(to), right, &name));
	core_leave(world);
}

/* A second thread of a task, which may wait for long. */
struct waiter {
	struct client *task;
	struct client thread;
	bool waits;
};

static void
random_wait(struct waiter *waiter)
{
	struct client *c = waiter->task;
	struct wire_port port = { any_name(c), MR + chance(6) };
	struct letter l = {
		.options = chance(3) ? PORT_MSG_SEND : PORT_MSG_RCV,
		.remote = any_name(c),
		.remote_disposition = MS + chance(5),
		.rcv_name = any_set(c),
		.ports = &port,
		.n_ports = chance(2),
	};

	if (chance(2))
		l.options |= PORT_MSG_SEND | PORT_MSG_RCV;
	if (chance(2)) {
		l.local = any_name(c);
		l.local_disposition = MS + chance(5);
	}
	if (waiter->thread.fd <= 0)
		waiter->thread = new_thread(c);
	client_post(&waiter->thread, &l);
	waiter->waits = true;
}

/* It goes on waiting, or has its answer, or is told to stop. */
static void
random_waiter(struct waiter *waiter)
{
	if (!waiter->waits) {
		random_wait(waiter);
		return;
	}
	if (!client_has_reply(&waiter->thread)) {
		if (chance(3))
			return;
		client_send(&waiter->thread, CALL_interrupt, NULL);
		waiter->thread.cookie--;
	}
	client_fetch(&waiter->thread, NULL);
	waiter->waits = false;
}

static void
end_waiter(struct waiter *waiter)
{
	if (waiter->thread.fd > 0)
		client_close(&waiter->thread);
	*waiter = (struct waiter){ .task = waiter->task };
}

static void
I12_chance(void **state)
{
	const char *seed = getenv("HIRD_SEED"), *n = getenv("HIRD_STEPS");
	struct waiter waiters[] = { { .task = &T }, { .task = &U }, { .task = &V } };
	long steps = n ? atol(n) : getenv("HIRD_VALGRIND") ? 5000 : 200000;

	(void)state;
	random_state = seed ? (uint32_t)strtoul(seed, NULL, 0) : (uint32_t)time(NULL) | 1;
	print_message("seed %u, %ld steps\n", random_state, steps);
	for (long i = 0; i < steps; i++) {
		struct waiter *waiter = &waiters[chance(ARRAY_SIZE(waiters))];
		struct client *c = waiter->task;

		if (chance(10) == 0)
			random_acquaintance(c);
		else if (chance(10) == 0)
			random_waiter(waiter);
		else
			random_step(c);
		if (chance(2000) == 0) {
			end_waiter(waiter);
			client_close(c);
			client_open(c, world, &loop);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(waiters); i++)
		end_waiter(&waiters[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(A01_a_new_port),
		TEST(A05_to_A07_what_cannot_be_allocated),
		TEST(A08_to_A10_chosen_names),
		TEST(A12_and_A13_names_and_types),
		TEST(A14_type_of_no_name),
		TEST(A15_and_K41_the_bit_of_a_request),
		TEST(A16_a_name_does_not_come_back_soon),
		TEST(A17_and_A18_names_are_private),
		TEST(a_task_that_takes_every_generation_by_hand),
		TEST(B01_and_B02_make_send_to_oneself),
		TEST(B03_send_rights_coalesce),
		TEST(B04_ports_have_different_names),
		TEST(B05_and_B06_a_send_right_comes_home),
		TEST(B07_and_B08_a_receive_right_arrives),
		TEST(B09_to_B11_send_once_never_coalesces),
		TEST(B12_and_B14_references_go_one_by_one_or_at_once),
		TEST(B17_to_B19_mod_refs_of_receive),
		TEST(B23_to_B28_kinds_that_do_not_fit),
		TEST(B32_deallocate_of_no_name),
		TEST(B33_to_B37_limits_of_references),
		TEST(B38_to_B40_destroy),
		TEST(B41_the_receive_right_goes_the_names_stay),
		TEST(C05_send_once_to_oneself),
		TEST(C06_to_C09_names_that_are_taken),
		TEST(C11_and_C12_what_cannot_be_inserted),
		TEST(C13_and_C14_a_right_that_fails_to_arrive_is_gone),
		TEST(C15_a_receive_right_that_fails_to_arrive_dies),
		TEST(C16_a_dead_right_cannot_be_inserted),
		TEST(D01_to_D07_a_receive_right_moves),
		TEST(D05_and_D06_sending_to_a_port_in_transit),
		TEST(D11_and_D14_what_the_old_owner_notices),
		TEST(F01_a_plain_message),
		TEST(F02_a_reply_right),
		TEST(F04_and_F05_send_once_serves_once),
		TEST(F06_to_F09_destinations_that_are_none),
		TEST(F10_to_oneself_by_make_send),
		TEST(F11_and_F23_headers_that_are_none),
		TEST(F12_both_rights_or_none),
		TEST(F14_to_F16_replies_that_are_none),
		TEST(F17_to_F22_destination_and_reply_of_one_name),
		TEST(F27_success_is_not_delivery),
		TEST(F28_and_F42_order_and_numbers),
		TEST(F29_causal_order),
		TEST(F31_and_J14_a_sender_that_is_gone),
		TEST(F33_and_F34_two_halves),
		TEST(F35_names_to_receive_on),
		TEST(F36_time_is_over_not_before),
		TEST(F37_and_F44_too_large_is_lost),
		TEST(F39_to_F41_too_large_may_stay),
		TEST(F46_two_threads_two_messages),
		TEST(F47_the_size_limit),
		TEST(F49_interrupted),
		TEST(F54_a_sender_in_transit_counts),
		TEST(a_descriptor_is_cargo),
		TEST(G01_the_sixth_does_not_fit),
		TEST(G02_the_sixth_waits),
		TEST(G03_the_range_of_the_limit),
		TEST(G04_raising_the_limit),
		TEST(G05_lowering_the_limit),
		TEST(G06_a_limit_of_none),
		TEST(G09_the_port_dies_while_a_sender_waits),
		TEST(G12_a_sender_ends_while_it_waits),
		TEST(G13_senders_in_their_order),
		TEST(G15_what_is_left_lets_nobody_in),
		TEST(G16_above_the_limit_by_send_once),
		TEST(G18_a_sender_over_its_quota),
		TEST(descriptors_have_a_quota),
		TEST(notifications_that_nobody_reads_have_a_quota),
		TEST(H01_to_H05_each_disposition),
		TEST(H06_the_same_right_many_times),
		TEST(H07_one_move_too_many),
		TEST(H08_null_and_dead_travel_by_anything),
		TEST(H11_to_H14_what_cannot_travel),
		TEST(J01_and_J02_dead_names),
		TEST(J05_to_J07_what_dies_with_a_queue),
		TEST(what_was_queued_dies_before_the_end_is_told),
		TEST(J09_every_client_hears_once),
		TEST(J12_a_task_ends),
		TEST(J13_the_requests_of_a_dead_task),
		TEST(J21_a_deep_nest),
		TEST(K01_and_K13_no_senders),
		TEST(K02_to_K05_at_once_or_not),
		TEST(K06_and_K07_once),
		TEST(K08_send_once_is_no_sender),
		TEST(K10_a_right_in_a_message_counts),
		TEST(K11_the_owner_is_a_sender),
		TEST(K14_and_K23_the_last_of_two),
		TEST(K15_and_K16_what_was_registered_comes_back),
		TEST(K19_the_destroyer_was_the_last_sender),
		TEST(K24_a_storm),
		TEST(K31_and_K33_dead_names_each_their_own),
		TEST(K34_to_K36_deleted_not_dead),
		TEST(K37_and_K38_dead_already),
		TEST(K39_on_receive_rights),
		TEST(K42_nobody_to_be_told),
		TEST(K70_and_K72_unused_send_once),
		TEST(K73_a_send_once_right_goes_round),
		TEST(K76_a_forgery_shows),
		TEST(K77_and_K78_requests_that_fail),
		TEST(L01_and_L07_a_port_to_itself),
		TEST(L02_to_L06_round_trips),
		TEST(a_port_of_portds_own),
		TEST(a_port_of_portds_own_is_killed),
		TEST(what_portd_cannot_send),
		TEST(a_receive_right_for_portd),
		TEST(I12_chance),
	};

	return RUN(tests);
}
