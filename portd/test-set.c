/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-set: sets, and whatever else belongs to a receive right: its name, its attributes, its
 * guard, what is first in its queue. */
#include "portd/test-case.h"

static port_name_t
new_set(struct client *c)
{
	struct allocate_out out = { 0 };

	OK(client_allocate(c, (struct allocate_in){ .kind = PORT_RIGHT_PORT_SET }, &out));
	return out.name;
}

static int
move_member(struct client *c, port_name_t member, port_name_t set)
{
	return client_move_member(c, (struct move_member_in){ .member = member, .set = set }, NULL);
}

/* That a set has exactly these members, in the order in which they came. */
static void
expect_members(struct client *c, port_name_t set, const port_name_t *names, size_t n)
{
	struct set_status_out out = { 0 };

	OK(client_set_status(c, (struct set_status_in){ .name = set }, &out));
	IS(out.members.size, n * sizeof(*names));
	if (n)
		assert_memory_equal(out.members.data, names, n * sizeof(*names));
}

/* A port with a send right, in a set. */
static port_name_t
new_member(struct client *c, port_name_t set)
{
	port_name_t n = new_port_rs(c);

	OK(move_member(c, n, set));
	return n;
}

static void
A03_and_A10_a_new_set(void **state)
{
	port_name_t s = new_set(&T), dead = new_dead_name(&T, 1);

	(void)state;
	IS(type_of(&T, s), TYPE_PORT_SET);
	IS(refs(&T, s, PORT_RIGHT_PORT_SET), 1);
	IS(refs(&T, s, SEND), 0);
	expect_members(&T, s, NULL, 0);
	IS(client_allocate_name(&T,
	       (struct allocate_name_in){ .kind = PORT_RIGHT_PORT_SET, .name = dead }, NULL),
	    PORT_E_NAME_EXISTS);
	OK(client_allocate_name(
	    &T, (struct allocate_name_in){ .kind = PORT_RIGHT_PORT_SET, .name = 77 }, NULL));
	IS(type_of(&T, 77), TYPE_PORT_SET);
}

static void
B21_B31_and_B39_references_of_a_set(void **state)
{
	port_name_t s = new_set(&T), other = new_set(&T);

	(void)state;
	IS(mod_refs(&T, s, PORT_RIGHT_PORT_SET, 1), PORT_E_INVALID_VALUE);
	OK(mod_refs(&T, s, PORT_RIGHT_PORT_SET, 0));
	IS(mod_refs(&T, s, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	IS(deallocate(&T, s), PORT_E_INVALID_RIGHT);
	OK(mod_refs(&T, s, PORT_RIGHT_PORT_SET, -1));
	IS(type_of(&T, s), 0);
	OK(destroy(&T, other));
	IS(type_of(&T, other), 0);
}

static void
E01_to_E03_a_member(void **state)
{
	port_name_t s = new_set(&T), p = new_port_rs(&T);
	struct mail mail;

	(void)state;
	OK(send_plain(&T, p, CS, 1));
	OK(move_member(&T, p, s));
	expect_members(&T, s, &p, 1);
	IS(status(&T, p).set, s);
	OK(send_plain(&T, p, CS, 2));
	for (uint32_t i = 1; i <= 2; i++) {
		OK(receive(&T, s, &mail));
		IS(mail.out.id, i);
		IS(mail.out.local, p);
		IS(mail.out.seqno, i - 1);
	}
	expect_nothing(&T, s);
}

static void
E04_nobody_starves(void **state)
{
	port_name_t s = new_set(&T), ports[3];
	uint32_t got[3] = { 0 };
	struct mail mail;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ports[i] = new_member(&T, s);
		OK(set_qlimit(&T, ports[i], 50));
		for (uint32_t k = 0; k < 50; k++)
			OK(send_plain(&T, ports[i], CS, k));
	}
	for (int n = 0; n < 150; n++) {
		int i = n % 3;

		OK(receive(&T, s, &mail));
		IS(mail.out.local, ports[i]);
		IS(mail.out.id, got[i]++);
	}
}

static void
E05_and_E06_the_port_itself_is_not_received_on(void **state)
{
	port_name_t s = new_set(&T), p = new_port_rs(&T);
	struct client second = new_thread(&T);

	(void)state;
	post_receive(&second, p);
	OK(move_member(&T, p, s));
	IS(client_fetch(&second, NULL), PORT_E_RCV_PORT_CHANGED);
	IS(receive(&T, p, NULL), PORT_E_RCV_IN_SET);
	client_close(&second);
}

static void
E07_a_message_joins(void **state)
{
	port_name_t s = new_set(&T), p = new_port_rs(&T);
	struct client second = new_thread(&T);
	struct mail mail;

	(void)state;
	OK(send_plain(&T, p, CS, 9));
	post_receive(&second, s);
	OK(move_member(&T, p, s));
	OK(client_fetch(&second, &mail));
	IS(mail.out.id, 9);
	client_close(&second);
}

static void
E08_to_E10_in_and_out(void **state)
{
	port_name_t s1 = new_set(&T), s2 = new_set(&T), p = new_member(&T, s1), q;

	(void)state;
	OK(send_plain(&T, p, CS, 1));
	OK(move_member(&T, p, s1));
	expect_members(&T, s1, &p, 1);
	OK(move_member(&T, p, s2));
	expect_members(&T, s1, NULL, 0);
	expect_members(&T, s2, &p, 1);
	expect_nothing(&T, s1);
	q = new_member(&T, s2);
	expect_members(&T, s2, (port_name_t[]){ p, q }, 2);
	expect_message(&T, s2, 1);
	OK(move_member(&T, p, PORT_NULL));
	IS(move_member(&T, p, PORT_NULL), PORT_E_NOT_IN_SET);
	IS(status(&T, p).set, PORT_NULL);
	OK(send_plain(&T, p, CS, 2));
	expect_nothing(&T, s2);
	expect_message(&T, p, 2);
}

static void
E11_and_E17_no_set_no_member(void **state)
{
	port_name_t s = new_set(&T), p = new_port(&T), foreign = give(&U, new_port(&U), KS, &T);

	(void)state;
	IS(move_member(&T, UNKNOWN, s), PORT_E_INVALID_NAME);
	IS(move_member(&T, foreign, s), PORT_E_INVALID_RIGHT);
	IS(move_member(&T, s, s), PORT_E_INVALID_RIGHT);
	IS(move_member(&T, p, UNKNOWN), PORT_E_INVALID_NAME);
	IS(move_member(&T, p, p), PORT_E_INVALID_RIGHT);
	IS(client_set_status(&T, (struct set_status_in){ .name = p }, NULL), PORT_E_INVALID_RIGHT);
	IS(client_set_status(&T, (struct set_status_in){ .name = UNKNOWN }, NULL),
	    PORT_E_INVALID_NAME);
}

static void
E14_a_member_dies(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s), q = new_member(&T, s);
	struct client second = new_thread(&T);
	struct mail mail;

	(void)state;
	post_receive(&second, s);
	OK(destroy(&T, p));
	assert_false(client_has_reply(&second));
	expect_members(&T, s, &q, 1);
	OK(send_plain(&T, q, CS, 3));
	OK(client_fetch(&second, &mail));
	IS(mail.out.local, q);
	client_close(&second);
}

static void
E15_and_E18_waiting_on_a_set(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s), q = new_member(&T, s);
	struct letter l = wish(s);
	struct client threads[4];
	struct mail mail;

	(void)state;
	l.rcv_timeout_ms = 20;
	IS(client_exchange(&T, &l, NULL), PORT_E_RCV_TIMED_OUT);
	for (int i = 0; i < 4; i++) {
		threads[i] = new_thread(&T);
		post_receive(&threads[i], s);
	}
	for (uint32_t i = 0; i < 4; i++)
		OK(send_plain(&T, i % 2 ? q : p, CS, i));
	for (uint32_t i = 0; i < 4; i++) {
		OK(client_fetch(&threads[i], &mail));
		IS(mail.out.id, i);
		client_close(&threads[i]);
	}
}

static void
E16_a_set_does_not_travel(void **state)
{
	port_name_t s = new_set(&T), p = new_port_rs(&T);

	(void)state;
	for (uint32_t disposition = MR; disposition <= KSO; disposition++) {
		IS(send_right(&T, p, CS, s, disposition), PORT_E_SEND_INVALID_RIGHT);
		if (disposition != MR)
			IS(send_plain(&T, s, disposition, 1), PORT_E_SEND_INVALID_DEST);
		IS(insert(&T, 5, s, disposition), PORT_E_INVALID_RIGHT);
	}
	IS(request(&T, s, PORT_NOTIFY_DEAD_NAME, 0, p, KSO, NULL), PORT_E_INVALID_RIGHT); /* K40 */
	expect_notification(&T, p, PORT_NOTIFY_SEND_ONCE, -1);
	IS(request(&T, s, PORT_NOTIFY_NO_SENDERS, 0, PORT_NULL, 0, NULL), PORT_E_INVALID_RIGHT);
}

static void
the_end_of_a_set(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s);
	struct client second = new_thread(&T);

	(void)state;
	post_receive(&second, s);
	OK(destroy(&T, s));
	IS(client_fetch(&second, NULL), PORT_E_RCV_PORT_DIED);
	OK(send_plain(&T, p, CS, 4));
	expect_message(&T, p, 4);
	s = new_set(&T);
	OK(move_member(&T, p, s));
	OK(send_plain(&T, p, CS, 5));
	OK(mod_refs(&T, s, PORT_RIGHT_PORT_SET, -1));
	expect_message(&T, p, 5);
	client_close(&second);
}

static void
F39_and_F41_too_large_for_who_waits_on_a_set(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s), q = new_member(&T, s);
	struct letter l = letter(p, CS, 8), small = wish(s);
	struct mail mail;

	(void)state;
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(client_exchange(&T, &l, NULL));
	OK(send_plain(&T, q, CS, 9));
	small.rcv_size = 7;
	small.options |= PORT_MSG_RCV_LARGE;
	IS(client_exchange(&T, &small, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.local, p);
	expect_message(&T, s, 8);	/* still the first */
	expect_message(&T, s, 9);
}

/* What a request entails for a set whose receiver waits: the first member that has a message
 * dies of the same request by which the second one gets one. */
static void
whose_turn_it_was_is_gone(void **state)
{
	port_name_t s = new_set(&T), p = new_port_rs(&T), q = new_member(&T, s),
		    so = give(&T, q, KSO, &U);
	struct client second = new_thread(&T);
	struct mail mail;
	struct wire_port carried = { so, MSO };
	struct letter l = letter(give(&T, p, CS, &U), MS, 1);

	(void)state;
	l.ports = &carried;
	l.n_ports = 1;
	OK(client_exchange(&U, &l, NULL));
	OK(move_member(&T, p, s));
	OK(move_member(&T, p, PORT_NULL));
	post_receive(&second, s);
	OK(destroy(&T, p));	/* its queue's send-once right speaks on q */
	OK(client_fetch(&second, &mail));
	IS(mail.out.id, PORT_NOTIFY_SEND_ONCE);
	IS(mail.out.local, q);
	client_close(&second);
}

static void
D13_the_receive_right_leaves_its_set(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s), inbox = new_port_rs(&T);
	struct mail mail;

	(void)state;
	OK(send_plain(&T, p, CS, 1));
	OK(send_right(&T, inbox, CS, p, MR));
	expect_members(&T, s, NULL, 0);
	expect_nothing(&T, s);
	OK(receive(&T, inbox, &mail));
	IS(mail.ports[0].name, p);
	IS(status(&T, p).set, PORT_NULL);
	expect_message(&T, p, 1);
}

static void
a_task_ends_with_a_set(void **state)
{
	port_name_t s = new_set(&U), p = new_member(&U, s), m = give(&U, p, CS, &T);

	(void)state;
	OK(send_plain(&T, m, CS, 1));
	client_close(&U);
	IS(type_of(&T, m), TYPE_DEAD_NAME);
	client_open(&U, world, &loop);
}

/* Names. */

static int
rename_to(struct client *c, port_name_t name, port_name_t new_name)
{
	return client_rename(c, (struct rename_in){ .name = name, .new_name = new_name }, NULL);
}

static void
A20_to_A22_names_that_cannot_be_had(void **state)
{
	port_name_t n = new_port(&T), m = new_port(&T);

	(void)state;
	IS(rename_to(&T, n, n), PORT_E_NAME_EXISTS);
	IS(rename_to(&T, n, m), PORT_E_NAME_EXISTS);
	IS(rename_to(&T, n, PORT_NULL), PORT_E_INVALID_VALUE);
	IS(rename_to(&T, UNKNOWN, PORT_DEAD), PORT_E_INVALID_VALUE);
	IS(rename_to(&T, UNKNOWN, 99), PORT_E_INVALID_NAME);
	OK(rename_to(&T, n, 99));
	IS(type_of(&T, n), 0);
	IS(type_of(&T, 99), TYPE_RECEIVE);
}

static void
A24_and_A25_what_follows_a_name(void **state)
{
	port_name_t s = new_set(&T), p = new_member(&T, s), notify = new_port(&T), moved = 5000,
		    m = give(&U, new_port(&U), KS, &T);
	struct mail mail;

	(void)state;
	OK(send_plain(&T, p, CS, 1));
	OK(rename_to(&T, p, moved));
	OK(rename_to(&T, s, 5001));
	expect_members(&T, 5001, &moved, 1);
	IS(status(&T, moved).set, 5001);
	OK(receive(&T, 5001, &mail));
	IS(mail.out.local, moved);
	ask(&T, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(rename_to(&T, m, 5002));
	client_close(&U);
	expect_notification(&T, notify, PORT_NOTIFY_DEAD_NAME, 5002);
	client_open(&U, world, &loop);
}

/* Attributes. */

static void
D17_and_F53_a_payload(void **state)
{
	port_name_t n = new_port_rs(&T), inbox = new_port_rs(&T);
	struct set_payload_in in = { .name = n, .armed = 1, .payload = 0x1122334455667788 };
	struct mail mail;

	(void)state;
	OK(client_set_payload(&T, in, NULL));
	OK(send_plain(&T, n, CS, 1));
	OK(send_plain(&T, n, CS, 2));
	OK(receive(&T, n, &mail));
	IS(mail.out.bits, PORT_PROTECTED_PAYLOAD << 8);
	IS(mail.out.local, PORT_NULL);
	assert_true(mail.out.payload == in.payload);
	in.armed = 0;
	OK(client_set_payload(&T, in, NULL));
	OK(receive(&T, n, &mail));
	IS(mail.out.bits, MS << 8);
	IS(mail.out.local, n);
	in.armed = 1;
	OK(client_set_payload(&T, in, NULL));
	OK(send_right(&T, inbox, CS, n, MR));
	OK(receive(&T, inbox, &mail));
	OK(send_plain(&T, n, CS, 3));
	OK(receive(&T, n, &mail));
	IS(mail.out.local, n);
	in.name = UNKNOWN;
	IS(client_set_payload(&T, in, NULL), PORT_E_INVALID_NAME);
}

static void
K20_counts_that_are_set(void **state)
{
	port_name_t n = new_port(&T), notify = new_port(&T);
	struct mail mail;

	(void)state;
	OK(client_set_mscount(&T, (struct set_mscount_in){ .name = n, .mscount = 100 }, NULL));
	IS(status(&T, n).mscount, 100);
	ask(&T, n, PORT_NOTIFY_NO_SENDERS, 100, notify);
	expect_notification(&T, notify, PORT_NOTIFY_NO_SENDERS, 100);
	OK(client_set_seqno(&T, (struct set_seqno_in){ .name = n, .seqno = UINT32_MAX }, NULL));
	OK(insert(&T, n, n, KS));
	for (uint32_t i = 0; i < 2; i++) {
		OK(send_plain(&T, n, CS, i));
		OK(receive(&T, n, &mail));
		IS(mail.out.seqno, i ? 0 : UINT32_MAX);
	}
}

static int
construct(struct client *c, uint32_t flags, uint32_t qlimit, uint64_t context, port_name_t *namep)
{
	struct construct_out out = { 0 };
	int code = client_construct(c,
	    (struct construct_in){ .flags = flags, .qlimit = qlimit, .context = context }, &out);

	*namep = out.name;
	return code;
}

static void
P01_and_P02_construct(void **state)
{
	port_name_t n;

	(void)state;
	OK(construct(&T, PORT_CONSTRUCT_QLIMIT | PORT_CONSTRUCT_INSERT_SEND, 9, 0, &n));
	IS(type_of(&T, n), TYPE_RECEIVE | TYPE_SEND);
	IS(refs(&T, n, SEND), 1);
	IS(status(&T, n).qlimit, 9);
	IS(status(&T, n).mscount, 1);
	OK(construct(&T, 0, 9999, 7, &n));
	IS(status(&T, n).qlimit, PORT_QLIMIT_DEFAULT);
	IS(status(&T, n).guarded, 0);
	IS(construct(&T, PORT_CONSTRUCT_REPLY | PORT_CONSTRUCT_INSERT_SEND, 0, 0, &n),
	    PORT_E_INVALID_ARGUMENT);
	IS(construct(&T, 1 << 20, 0, 0, &n), PORT_E_INVALID_ARGUMENT);
	IS(construct(&T, PORT_CONSTRUCT_QLIMIT, PORT_QLIMIT_MAX + 1, 0, &n), PORT_E_INVALID_VALUE);
	OK(construct(&T, PORT_CONSTRUCT_REPLY, 0, 0, &n));
	IS(insert(&T, n, n, KS), PORT_E_INVALID_RIGHT);
	IS(send_plain(&T, n, KS, 1), PORT_E_SEND_INVALID_DEST);
	OK(send_plain(&T, n, KSO, 1));
	expect_message(&T, n, 1);
}

static int
destruct(struct client *c, port_name_t name, int32_t delta, uint64_t guard)
{
	return client_destruct(
	    c, (struct destruct_in){ .name = name, .send_delta = delta, .guard = guard }, NULL);
}

static void
P04_and_P05_destruct(void **state)
{
	port_name_t n, m, s = give(&U, new_port(&U), KS, &T);

	(void)state;
	OK(construct(&T, PORT_CONSTRUCT_GUARD | PORT_CONSTRUCT_INSERT_SEND, 0, 42, &n));
	m = give(&T, n, CS, &U);
	IS(destruct(&T, n, -1, 41), PORT_E_INVALID_ARGUMENT);
	IS(destruct(&T, n, 1, 42), PORT_E_INVALID_VALUE);
	IS(destruct(&T, n, -2, 42), PORT_E_INVALID_VALUE);
	IS(type_of(&T, n), TYPE_RECEIVE | TYPE_SEND);
	IS(destruct(&T, s, 0, 0), PORT_E_INVALID_RIGHT);
	IS(destruct(&T, UNKNOWN, 0, 0), PORT_E_INVALID_NAME);
	OK(destruct(&T, n, -1, 42));
	IS(type_of(&T, n), 0);
	IS(type_of(&U, m), TYPE_DEAD_NAME);
	n = new_port(&T);
	IS(destruct(&T, n, -1, 0), PORT_E_INVALID_RIGHT);
	OK(insert(&T, n, n, KS));
	OK(insert(&T, n, n, KS));
	OK(destruct(&T, n, -1, 0));
	IS(type_of(&T, n), TYPE_DEAD_NAME);
	IS(refs(&T, n, DEAD_NAME), 1);
}

static void
P06_a_guard(void **state)
{
	port_name_t n = new_port_rs(&T), inbox = new_port_rs(&T);
	struct guard_in in = { .name = n, .guard = 5, .strict = 1 };
	struct mail mail;

	(void)state;
	OK(client_guard(&T, in, NULL));
	IS(client_guard(&T, in, NULL), PORT_E_INVALID_ARGUMENT);
	IS(status(&T, n).guarded, 1);
	IS(mod_refs(&T, n, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	OK(mod_refs(&T, n, RECEIVE, 0));
	IS(destroy(&T, n), PORT_E_INVALID_RIGHT);
	IS(insert(&T, 66, n, MR), PORT_E_INVALID_RIGHT);
	IS(send_right(&T, inbox, CS, n, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(client_unguard(&T, (struct unguard_in){ .name = n, .guard = 6 }, NULL),
	    PORT_E_INVALID_ARGUMENT);
	IS(client_swap_guard(&T,
	       (struct swap_guard_in){ .name = n, .old_guard = 6, .new_guard = 7 }, NULL),
	    PORT_E_INVALID_ARGUMENT);
	OK(client_swap_guard(
	    &T, (struct swap_guard_in){ .name = n, .old_guard = 5, .new_guard = 7 }, NULL));
	OK(client_unguard(&T, (struct unguard_in){ .name = n, .guard = 7 }, NULL));
	IS(client_unguard(&T, (struct unguard_in){ .name = n, .guard = 7 }, NULL),
	    PORT_E_INVALID_ARGUMENT);
	in.strict = 0;
	OK(client_guard(&T, in, NULL));
	OK(send_right(&T, inbox, CS, n, MR));	/* not strict: it may travel, and is free then */
	OK(receive(&T, inbox, &mail));
	IS(status(&T, n).guarded, 0);
	OK(destroy(&T, n));
}

static void
P08_peek(void **state)
{
	port_name_t n = new_port_rs(&T);
	struct letter l = letter(n, CS, 31);
	struct peek_out out;

	(void)state;
	IS(client_peek(&T, (struct peek_in){ .name = n }, NULL), PORT_E_FAILURE);
	l.body = (struct wire_blob){ "12345", 5 };
	OK(client_exchange(&T, &l, NULL));
	for (int i = 0; i < 2; i++) {
		OK(client_peek(&T, (struct peek_in){ .name = n }, &out));
		IS(out.id, 31);
		IS(out.size, 5);
		IS(out.seqno, 0);
		IS(out.sender, T.task);
		IS(out.pid, getpid());
	}
	expect_message(&T, n, 31);
	IS(client_peek(&T, (struct peek_in){ .name = UNKNOWN }, NULL), PORT_E_INVALID_NAME);
}

/* More names than a reply can carry. */
static void
names_in_a_file(void **state)
{
	struct names_out out = { 0 };
	uint32_t pair[2], n = 13000;
	struct wire_fds *fds = &T.reply.body.fds;

	(void)state;
	for (uint32_t i = 0; i < n; i++)
		new_dead_name(&T, 1);
	OK(client_names(&T, (struct names_in){ 0 }, &out));
	IS(out.names.size, 0);
	assert_true(out.more >= 0);
	IS(lseek(out.more, 0, SEEK_END), (off_t)(n * sizeof(pair)));
	for (uint32_t i = 0; i < n; i += 1000) {
		IS(pread(out.more, pair, sizeof(pair), (off_t)(i * sizeof(pair))), sizeof(pair));
		IS(pair[1], TYPE_DEAD_NAME);
		IS(type_of(&T, pair[0]), TYPE_DEAD_NAME);
	}
	IS(fds->n, 0);
	close(out.more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(A03_and_A10_a_new_set),
		TEST(B21_B31_and_B39_references_of_a_set),
		TEST(E01_to_E03_a_member),
		TEST(E04_nobody_starves),
		TEST(E05_and_E06_the_port_itself_is_not_received_on),
		TEST(E07_a_message_joins),
		TEST(E08_to_E10_in_and_out),
		TEST(E11_and_E17_no_set_no_member),
		TEST(E14_a_member_dies),
		TEST(E15_and_E18_waiting_on_a_set),
		TEST(E16_a_set_does_not_travel),
		TEST(the_end_of_a_set),
		TEST(F39_and_F41_too_large_for_who_waits_on_a_set),
		TEST(whose_turn_it_was_is_gone),
		TEST(D13_the_receive_right_leaves_its_set),
		TEST(a_task_ends_with_a_set),
		TEST(A20_to_A22_names_that_cannot_be_had),
		TEST(A24_and_A25_what_follows_a_name),
		TEST(D17_and_F53_a_payload),
		TEST(K20_counts_that_are_set),
		TEST(P01_and_P02_construct),
		TEST(P04_and_P05_destruct),
		TEST(P06_a_guard),
		TEST(P08_peek),
		TEST(names_in_a_file),
	};

	return RUN(tests);
}
