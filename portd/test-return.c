/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-return: rights that come back or go further than one task: messages that could not be
 * sent, receive rights that somebody asked to have, what is wanted to be known of room in a
 * queue, and calls between tasks. */
#include "portd/test-case.h"

/* I. Pseudo-receive. */

/* A port of T's, full, that U has a send right for; *tp is T's name. */
static port_name_t
full_port(port_name_t *tp)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);

	fill(&U, m, PORT_QLIMIT_DEFAULT);
	*tp = n;
	return m;
}

/* U tries to send one right to a full port, and what comes back is as good as received. */
static struct wire_port
try_to_send(port_name_t name, uint32_t disposition)
{
	port_name_t n, m = full_port(&n);
	struct letter l = letter(m, CS, 8);
	struct wire_port port = { name, disposition };
	struct mail mail;

	l.ports = &port;
	l.n_ports = 1;
	l.options |= PORT_MSG_RCV;
	l.body = (struct wire_blob){ "abc", 3 };
	IS(client_exchange(&U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.id, 8);
	IS(mail.out.remote, m);
	IS(mail.out.local, PORT_NULL);
	IS(mail.out.bits, MS);
	IS(mail.out.size, 3);
	assert_memory_equal(mail.out.body.data, "abc", 3);
	IS(mail.n_ports, 1);
	port = mail.ports[0];
	IS(refs(&U, m, SEND), 2);
	IS(status(&T, n).msgcount, PORT_QLIMIT_DEFAULT);
	OK(destroy(&T, n));
	OK(destroy(&U, m));
	return port;
}

static void
I01_to_I05_each_disposition(void **state)
{
	port_name_t s = give(&V, new_port(&V), KS, &U), n = new_port(&U), notify = new_port(&U), so;
	struct wire_port back = try_to_send(s, CS);

	(void)state;
	IS(back.name, s);
	IS(back.disposition, MS);
	IS(refs(&U, s, SEND), 2);
	back = try_to_send(s, MS);
	IS(back.name, s);
	IS(refs(&U, s, SEND), 2);
	OK(deallocate(&U, s));
	back = try_to_send(s, MS);
	IS(type_of(&U, s), 0);
	IS(type_of(&U, back.name), TYPE_SEND);
	back = try_to_send(n, KS);
	IS(back.name, n);
	IS(type_of(&U, n), TYPE_SEND | TYPE_RECEIVE);
	IS(status(&U, n).mscount, 1);
	back = try_to_send(n, KSO);
	so = back.name;
	IS(back.disposition, MSO);
	IS(type_of(&U, so), TYPE_SEND_ONCE);
	back = try_to_send(so, MSO);
	IS(type_of(&U, so), 0);
	IS(type_of(&U, back.name), TYPE_SEND_ONCE);
	OK(deallocate(&U, back.name));
	expect_notification(&U, n, PORT_NOTIFY_SEND_ONCE, -1);
	ask(&U, n, PORT_NOTIFY_NO_SENDERS, 9, notify);
	back = try_to_send(n, MR);
	IS(back.name, n);
	IS(back.disposition, MR);
	IS(type_of(&U, n), TYPE_SEND | TYPE_RECEIVE);
	IS(status(&U, n).mscount, 0);
	IS(status(&U, n).seqno, 0);
	OK(deallocate(&U, n));
	expect_notification(&U, notify, PORT_NOTIFY_NO_SENDERS, 0);
	back = try_to_send(n, MR);
	IS(type_of(&U, back.name), TYPE_RECEIVE);
}

static void
I05_out_of_its_set(void **state)
{
	struct allocate_out set;
	port_name_t p = new_port_rs(&U);

	(void)state;
	OK(client_allocate(&U, (struct allocate_in){ .kind = PORT_RIGHT_PORT_SET }, &set));
	OK(client_move_member(
	    &U, (struct move_member_in){ .member = p, .set = set.name }, NULL));
	OK(send_plain(&U, p, CS, 1));
	IS(try_to_send(p, MR).name, p);
	IS(status(&U, p).set, PORT_NULL);
	expect_nothing(&U, set.name);
	expect_message(&U, p, 1);
}

static void
I07_to_I10_sent_again(void **state)
{
	port_name_t n, m = full_port(&n), s = give(&V, new_port(&V), KS, &U), r = new_port(&U);
	struct letter l = letter(m, MS, 8);
	struct wire_port port = { s, CS };
	struct mail mail;

	(void)state;
	l.ports = &port;
	l.n_ports = 1;
	l.local = r;
	l.local_disposition = KSO;
	IS(client_exchange(&U, &l, &mail), PORT_E_SEND_TIMED_OUT);
	IS(mail.out.bits, MS | MSO << 8);
	IS(type_of(&U, mail.out.local), TYPE_SEND_ONCE);
	IS(type_of(&U, mail.out.remote), TYPE_SEND);
	IS(refs(&U, s, SEND), 2);
	expect_message(&T, n, 0);
	l.remote = mail.out.remote;
	l.local = mail.out.local;
	l.local_disposition = MSO;
	port.disposition = MS;
	OK(client_exchange(&U, &l, NULL));
	IS(refs(&U, s, SEND), 1);
	IS(type_of(&U, l.remote), 0);
	for (uint32_t i = 1; i < 5; i++)
		expect_message(&T, n, i);
	OK(receive(&T, n, &mail));
	IS(mail.out.id, 8);
	OK(send_plain(&T, mail.out.remote, MSO, 108));
	expect_message(&U, r, 108);
}

static void
I09_and_I11_while_it_waits(void **state)
{
	port_name_t n, m = full_port(&n), s = give(&V, new_port(&V), KS, &U);
	struct client second = new_thread(&U);
	struct letter l = letter(m, CS, 8);
	struct wire_port port = { s, MS };
	struct mail mail;

	(void)state;
	l.ports = &port;
	l.n_ports = 1;
	l.options = PORT_MSG_SEND;
	client_post(&second, &l);
	assert_false(client_has_reply(&second));
	IS(type_of(&U, s), 0);
	client_send(&second, CALL_interrupt, NULL);
	second.cookie--;
	IS(client_fetch(&second, &mail), PORT_E_SEND_INTERRUPTED);
	IS(mail.out.remote, m);
	port.name = mail.ports[0].name;
	IS(type_of(&U, port.name), TYPE_SEND);
	l.options = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT;
	l.send_timeout_ms = 10;
	IS(client_exchange(&second, &l, &mail), PORT_E_SEND_TIMED_OUT);
	port.name = mail.ports[0].name;
	l.options = PORT_MSG_SEND;
	client_post(&second, &l);
	assert_false(client_has_reply(&second));
	OK(destroy(&T, n));
	OK(client_fetch(&second, NULL));
	IS(type_of(&U, port.name), 0);
	client_close(&second);
}

/* K50 and further: port-destroyed. */

static port_name_t
receive_right(struct client *c, port_name_t notify)
{
	struct mail mail;

	OK(receive(c, notify, &mail));
	IS(mail.out.id, PORT_NOTIFY_PORT_DESTROYED);
	IS(mail.out.bits, MSO << 8);
	IS(mail.out.task, 0);
	IS(mail.n_ports, 1);
	IS(mail.ports[0].disposition, MR);
	return mail.ports[0].name;
}

static void
K50_and_K51_the_receive_right_comes(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), notify = new_port(&V), k;
	struct mail mail;

	(void)state;
	IS(status(&T, n).port_destroyed_armed, 0);
	OK(request(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, give(&V, notify, KSO, &T), MSO, NULL));
	IS(status(&T, n).port_destroyed_armed, 1);
	for (uint32_t i = 0; i < 3; i++)
		OK(send_plain(&U, m, CS, i));
	expect_message(&T, n, 0);
	kill_port(&T, n);
	IS(type_of(&T, n), 0);
	IS(type_of(&U, m), TYPE_SEND);
	OK(send_plain(&U, m, CS, 3));
	k = receive_right(&V, notify);
	for (uint32_t i = 1; i <= 3; i++) {
		OK(receive(&V, k, &mail));
		IS(mail.out.id, i);
		IS(mail.out.seqno, i - 1);
	}
	IS(status(&V, k).mscount, 0);
	IS(status(&V, k).port_destroyed_armed, 0);
	OK(destroy(&V, k));	/* K58: not armed again */
	IS(type_of(&U, m), TYPE_DEAD_NAME);
}

static void
K52_and_K53_by_any_path(void **state)
{
	port_name_t n = new_port(&U), m = give(&U, n, KS, &T), notify = new_port(&T), k,
		    dying = new_port_rs(&T);

	(void)state;
	OK(request(&U, n, PORT_NOTIFY_PORT_DESTROYED, 0, give(&T, notify, KSO, &U), MSO, NULL));
	OK(send_plain(&T, m, CS, 7));
	client_close(&U);
	k = receive_right(&T, notify);
	IS(k, m);
	expect_message(&T, k, 7);
	client_open(&U, world, &loop);

	ask(&T, k, PORT_NOTIFY_PORT_DESTROYED, 0, notify);
	OK(send_right(&T, dying, CS, k, MR));	/* J08 */
	OK(destroy(&T, dying));
	IS(receive_right(&T, notify), k);
	IS(type_of(&T, k), TYPE_SEND | TYPE_RECEIVE);
}

static void
J20_and_D5_the_send_right_stays(void **state)
{
	port_name_t n = new_port_rs(&T), notify = new_port(&T);

	(void)state;
	ask(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, notify);
	kill_port(&T, n);
	IS(type_of(&T, n), TYPE_SEND);
	IS(refs(&T, n, SEND), 1);
	OK(send_plain(&T, n, CS, 1));
	IS(receive_right(&T, notify), n);
	expect_message(&T, n, 1);
}

static void
K54_to_K59_requests_for_it(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), a = new_port(&T), b = new_port(&T),
		    previous;

	(void)state;
	IS(request(&T, n, PORT_NOTIFY_PORT_DESTROYED, 1, a, KSO, NULL), PORT_E_INVALID_VALUE);
	expect_notification(&T, a, PORT_NOTIFY_SEND_ONCE, -1);
	IS(request(&U, m, PORT_NOTIFY_PORT_DESTROYED, 0, PORT_NULL, 0, NULL),
	    PORT_E_INVALID_RIGHT);
	ask(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, a);
	OK(request(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, b, KSO, &previous));
	IS(type_of(&T, previous), TYPE_SEND_ONCE);
	OK(deallocate(&T, previous));
	expect_notification(&T, a, PORT_NOTIFY_SEND_ONCE, -1);
	OK(request(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, PORT_NULL, 0, &previous));
	OK(send_plain(&T, previous, MSO, 3));
	expect_message(&T, b, 3);
	ask(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, b);
	OK(destroy(&T, b));	/* K56 */
	OK(destroy(&T, n));
	IS(type_of(&U, m), TYPE_DEAD_NAME);
	n = new_port(&T);
	m = give(&T, n, KS, &U);
	ask(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, n);	/* K57 */
	OK(destroy(&T, n));
	IS(type_of(&U, m), TYPE_DEAD_NAME);
	expect_nothing(&T, a);
}

static void
L08_a_heir_inside_the_circle(void **state)
{
	port_name_t a = new_port_rs(&T), b = new_port_rs(&T), n = new_port_rs(&T),
		    notify = new_port(&T);

	(void)state;
	ask(&T, a, PORT_NOTIFY_PORT_DESTROYED, 0, b);
	OK(send_right(&T, a, CS, b, MR));
	OK(destroy(&T, a));	/* to b, which is in a's own queue */
	IS(type_of(&T, b), TYPE_DEAD_NAME);

	ask(&T, n, PORT_NOTIFY_PORT_DESTROYED, 0, notify);
	OK(send_right(&T, n, CS, n, MR));	/* L01, but somebody wants it */
	IS(receive_right(&T, notify), n);
	IS(status(&T, n).msgcount, 0);
}

static void
L09_a_circle_by_an_array(void **state)
{
	port_name_t a = new_port_rs(&T), b = new_port_rs(&T), c = new_port_rs(&T);
	struct wire_port items[3] = { { 2, WIRE_ITEM_PORTS | MR }, { c, 0 }, { a, 0 } };
	struct letter l = letter(b, CS, 1);

	(void)state;
	OK(send_right(&T, a, CS, b, MR));
	l.ports = items;
	l.n_ports = 3;
	OK(client_exchange(&T, &l, NULL));
	IS(type_of(&T, a), TYPE_DEAD_NAME);
	IS(type_of(&T, b), TYPE_DEAD_NAME);
	IS(type_of(&T, c), TYPE_DEAD_NAME);
}

static void
keep_message(struct port *port, struct message *message, void *arg)
{
	(void)port;
	*(struct message **)arg = message;
}

/* A task makes portd answer with a receive right to a port that waits inside of that very one. */
static void
portd_closes_no_circle(void **state)
{
	struct message *got = NULL, *answer = message_new(1);
	struct port *port = port_new_kernel(world, keep_message, &got);
	port_name_t p = new_port_rs(&T), r = new_port_rs(&T), to;
	struct letter l;
	struct wire_port carried = { p, MR };
	struct right reply;

	(void)state;
	world_set_bootstrap(world, right_make_send(port));
	client_close(&U);
	client_open(&U, world, &loop);
	to = give(&U, U.bootstrap, CS, &T);
	l = letter(to, CS, 1);
	l.local = r;
	l.local_disposition = KSO;
	l.ports = &carried;
	l.n_ports = 1;
	OK(client_exchange(&T, &l, NULL));
	OK(send_right(&T, p, CS, r, MR));
	reply = message_take_reply(got);
	wire_put_port(&answer->body, message_add_right(answer,
	    message_take_right(got, got->body.ports[0])));
	message_send(reply, answer, (struct right){ RIGHT_NULL, NULL });
	client_pump(&T);
	client_pump(&T);
	IS(type_of(&T, p), TYPE_DEAD_NAME);
	IS(type_of(&T, r), TYPE_DEAD_NAME);
	message_free(got);
	world_set_bootstrap(world, (struct right){ RIGHT_NULL, NULL });
	port_kill(port);
	client_pump(&T);
	client_pump(&T);
}

/* Each port's receive right in a message to the one before, the last one's in the first. */
static void
L11_a_long_chain_closes(void **state)
{
	static port_name_t ports[10000];
	uint32_t depth = ARRAY_SIZE(ports);

	(void)state;
	for (uint32_t i = 0; i < depth; i++)
		ports[i] = new_port_rs(&T);
	for (uint32_t i = 1; i < depth; i++)
		OK(send_right(&T, ports[i - 1], CS, ports[i], MR));
	OK(send_right(&T, ports[depth - 1], CS, ports[0], MR));
	for (uint32_t i = 0; i < depth; i += 999)
		IS(type_of(&T, ports[i]), TYPE_DEAD_NAME);
}

/* Each dies by the death of another's heir. */
static void
a_chain_of_heirs(void **state)
{
	port_name_t first = new_port(&T), last = first, notify = new_port(&T);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		port_name_t next = new_port(&T);

		ask(&T, next, PORT_NOTIFY_PORT_DESTROYED, 0, last);
		last = next;
	}
	ask(&T, first, PORT_NOTIFY_NO_SENDERS, 5, notify);
	client_close(&T);
	assert_true(list_is_empty(&world->messages));
	client_open(&T, world, &loop);
}

/* P09 and further: send-possible. */

static void
P09_room(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), notify = new_port(&U), so, previous;
	struct letter l = letter(m, CS, 9);

	(void)state;
	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_POSSIBLE, m);
	IS(type_of(&U, m), TYPE_SEND);
	fill(&U, m, 5);
	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	IS(type_of(&U, m), TYPE_SEND | PORT_TYPE_SPREQUEST);
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);	/* does not ask */
	expect_message(&T, n, 0);
	expect_nothing(&U, notify);
	fill(&U, m, 1);
	l.options |= PORT_MSG_SEND_NOTIFY;
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	expect_nothing(&U, notify);
	expect_message(&T, n, 1);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_POSSIBLE, m);
	IS(refs(&U, m, SEND), 3);	/* two of them came back */

	so = give(&T, n, KSO, &U);
	fill(&U, m, 1);
	ask(&U, so, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_POSSIBLE, so);

	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 0, notify);
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	OK(request(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 0, PORT_NULL, 0, &previous));
	IS(type_of(&U, previous), TYPE_SEND_ONCE);
	OK(set_qlimit(&T, n, 9));
	expect_nothing(&U, notify);
	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 0, notify);
	OK(destroy(&U, m));
	expect_notification(&U, notify, PORT_NOTIFY_PORT_DELETED, m);
}

static void
P10_no_room_ever(void **state)
{
	port_name_t n, m = full_port(&n), notify = new_port(&U);
	struct letter l = letter(m, CS, 9);

	(void)state;
	l.options |= PORT_MSG_SEND_NOTIFY;
	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 0, notify);
	ask(&U, m, PORT_NOTIFY_DEAD_NAME, 0, notify);
	IS(client_exchange(&U, &l, NULL), PORT_E_SEND_TIMED_OUT);
	kill_port(&T, n);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, m);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, m);
	IS(type_of(&U, m), TYPE_DEAD_NAME);
	IS(refs(&U, m, DEAD_NAME), 4);
	ask(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 1, notify);
	expect_notification(&U, notify, PORT_NOTIFY_DEAD_NAME, m);
	IS(request(&U, m, PORT_NOTIFY_SEND_POSSIBLE, 0, notify, KSO, NULL),
	    PORT_E_INVALID_ARGUMENT);
	expect_notification(&U, notify, PORT_NOTIFY_SEND_ONCE, -1);
}

/* C. Between two tasks. */

static int
insert_in(struct client *c, port_name_t task, port_name_t name, port_name_t right, uint32_t by)
{
	return client_insert_right(c,
	    (struct insert_right_in){
		.name = name, .right = right, .disposition = by, .task = task },
	    NULL);
}

static int
extract(struct client *c, port_name_t task, port_name_t name, uint32_t by, port_name_t *rightp)
{
	struct extract_right_out out = { 0 };
	int code = client_extract_right(c,
	    (struct extract_right_in){ .name = name, .disposition = by, .task = task }, &out);

	*rightp = out.right;
	return code;
}

static void
C04_to_C16_into_another_task(void **state)
{
	port_name_t u = give_task_port(&U, &T), n = new_port_rs(&T), q = new_port(&T),
		    notify = new_port(&T), s;

	(void)state;
	OK(insert(&T, n, n, KS));
	OK(insert_in(&T, u, 900, n, MR));
	IS(type_of(&T, n), TYPE_SEND);
	IS(refs(&T, n, SEND), 2);
	IS(type_of(&U, 900), TYPE_RECEIVE);
	IS(insert_in(&T, u, 901, n, CS), PORT_E_RIGHT_EXISTS);
	OK(insert_in(&T, u, 900, n, CS));
	IS(type_of(&U, 900), TYPE_RECEIVE | TYPE_SEND);
	OK(insert_in(&T, u, 902, q, KSO));
	IS(status(&T, q).sorights, 1);
	IS(insert_in(&T, u, 900, q, KS), PORT_E_NAME_EXISTS);
	IS(insert_in(&T, u, 902, q, KSO), PORT_E_NAME_EXISTS);
	expect_notification(&T, q, PORT_NOTIFY_SEND_ONCE, -1);
	IS(insert_in(&T, u, 903, PORT_NULL, CS), PORT_E_INVALID_CAPABILITY);
	IS(insert_in(&T, u, PORT_DEAD, q, KS), PORT_E_INVALID_VALUE);
	IS(insert_in(&T, u, 903, q, 99), PORT_E_INVALID_VALUE);
	s = give(&T, q, KS, &U);
	ask(&T, q, PORT_NOTIFY_DEAD_NAME, 0, notify);
	IS(insert_in(&T, u, 904, q, MR), PORT_E_RIGHT_EXISTS);
	IS(type_of(&U, s), TYPE_DEAD_NAME);
	expect_notification(&T, notify, PORT_NOTIFY_PORT_DELETED, q);
	IS(insert_in(&T, UNKNOWN, 905, n, CS), PORT_E_INVALID_TASK);
	IS(insert_in(&T, n, 905, n, CS), PORT_E_INVALID_TASK);
}

static void
C17_to_C24_out_of_another_task(void **state)
{
	port_name_t u = give_task_port(&U, &T), n = new_port_rs(&U), d = new_dead_name(&U, 2), r, j;

	(void)state;
	OK(extract(&T, u, n, CS, &r));
	IS(type_of(&T, r), TYPE_SEND);
	IS(refs(&U, n, SEND), 1);
	OK(extract(&T, u, n, CS, &j));
	IS(j, r);
	IS(refs(&T, r, SEND), 2);
	IS(extract(&T, u, UNKNOWN, KS, &j), PORT_E_INVALID_NAME);
	IS(extract(&T, u, n, 99, &j), PORT_E_INVALID_VALUE);
	IS(extract(&T, u, PORT_NULL, CS, &j), PORT_E_INVALID_NAME);
	OK(extract(&T, u, n, MR, &j));
	IS(j, r);
	IS(type_of(&T, r), TYPE_RECEIVE | TYPE_SEND);
	IS(type_of(&U, n), TYPE_SEND);
	IS(extract(&T, u, n, KS, &j), PORT_E_INVALID_RIGHT);
	OK(extract(&T, u, n, MS, &j));
	IS(type_of(&U, n), 0);
	OK(extract(&T, u, d, CS, &j));
	IS(j, PORT_DEAD);
	IS(refs(&U, d, DEAD_NAME), 2);
	OK(extract(&T, u, d, MS, &j));
	IS(refs(&U, d, DEAD_NAME), 1);
	client_close(&U);
	IS(extract(&T, u, d, CS, &j), PORT_E_INVALID_TASK);
	client_open(&U, world, &loop);
}

static void
calls_on_another_task(void **state)
{
	port_name_t u = give_task_port(&U, &T), notify = new_port(&T), p, previous;
	struct allocate_out out;
	struct names_out names;
	struct request_notification_in in = { .id = PORT_NOTIFY_NO_SENDERS, .notify = notify,
		.disposition = KSO, .task = u };
	struct request_notification_out asked;

	(void)state;
	OK(client_allocate(&T, (struct allocate_in){ .kind = RECEIVE, .task = u }, &out));
	p = out.name;
	IS(type_of(&U, p), TYPE_RECEIVE);
	IS(type_of(&T, p), 0);
	OK(client_names(&T, (struct names_in){ .task = u }, &names));
	IS(names.names.size, 8);
	in.name = p;
	in.sync = 5;
	OK(client_request_notification(&T, in, &asked));
	OK(client_request_notification(&T, in, &asked));
	previous = asked.previous;
	IS(type_of(&T, previous), TYPE_SEND_ONCE);
	IS(type_of(&U, previous), 0);
	OK(client_destroy(&T, (struct destroy_in){ .name = p, .task = u }, NULL));
	expect_notification(&T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	IS(type_of(&U, p), 0);
}

/* H27 and H28: arrays of rights. */

static void
H27_an_array_of_rights(void **state)
{
	port_name_t p = new_port(&T), q = new_port(&T), inbox = new_port(&U),
		    out = give(&U, inbox, KS, &T);
	struct wire_port items[8] = { { 5, WIRE_ITEM_PORTS | KS }, { p, 0 }, { q, 0 }, { p, 0 },
		{ PORT_NULL, 0 }, { PORT_DEAD, 0 }, { 0, WIRE_ITEM_PORTS | MR }, { q, KSO } };
	struct letter l = letter(out, CS, 1);
	struct mail mail;

	(void)state;
	l.ports = items;
	l.n_ports = 8;
	OK(client_exchange(&T, &l, NULL));
	OK(receive(&U, inbox, &mail));
	IS(mail.n_ports, 8);
	IS(mail.ports[0].name, 5);
	IS(mail.ports[0].disposition, WIRE_ITEM_PORTS | MS);
	IS(mail.ports[1].name, mail.ports[3].name);
	assert_int_not_equal(mail.ports[1].name, mail.ports[2].name);
	IS(mail.ports[1].disposition, MS);
	IS(mail.ports[4].name, PORT_NULL);
	IS(mail.ports[5].name, PORT_DEAD);
	IS(mail.ports[6].disposition, WIRE_ITEM_PORTS | MR);
	IS(mail.ports[7].disposition, MSO);
	items[0].disposition = WIRE_ITEM_PORTS | 99;
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_TYPE);
	items[0] = (struct wire_port){ 8, WIRE_ITEM_PORTS | KS };
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_MSG_TOO_SMALL);
	items[0] = (struct wire_port){ 1, 0x77000000 };
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_TYPE);
}

static void
H28_an_array_with_a_bad_element(void **state)
{
	port_name_t a = give(&U, new_port(&U), KS, &T), b = give(&U, new_port(&U), KS, &T),
		    out = give(&U, new_port(&U), KS, &T);
	struct wire_port items[4] = { { 3, WIRE_ITEM_PORTS | MS }, { a, 0 }, { UNKNOWN, 0 },
		{ b, 0 } };
	struct letter l = letter(out, CS, 1);

	(void)state;
	l.ports = items;
	l.n_ports = 4;
	IS(client_exchange(&T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	IS(type_of(&T, a), 0);
	IS(type_of(&T, b), TYPE_SEND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(I01_to_I05_each_disposition),
		TEST(I05_out_of_its_set),
		TEST(I07_to_I10_sent_again),
		TEST(I09_and_I11_while_it_waits),
		TEST(K50_and_K51_the_receive_right_comes),
		TEST(K52_and_K53_by_any_path),
		TEST(J20_and_D5_the_send_right_stays),
		TEST(K54_to_K59_requests_for_it),
		TEST(L08_a_heir_inside_the_circle),
		TEST(L09_a_circle_by_an_array),
		TEST(portd_closes_no_circle),
		TEST(L11_a_long_chain_closes),
		TEST(a_chain_of_heirs),
		TEST(P09_room),
		TEST(P10_no_room_ever),
		TEST(C04_to_C16_into_another_task),
		TEST(C17_to_C24_out_of_another_task),
		TEST(calls_on_another_task),
		TEST(H27_an_array_of_rights),
		TEST(H28_an_array_with_a_bad_element),
	};

	return RUN(tests);
}
