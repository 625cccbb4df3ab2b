/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-j: how ports and tasks die, and what is owed to those who stay. */
#include <pthread.h>

#include "tests/ports/suite.h"
#include "wire/profile.h"

/* Ports --------------------------------------------------------------------------------- */

CASE(J01, FD_LIBRARY, "U m:S3, R destroyed: m:D3")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	OK(mod_refs(U, m, SEND, 2));
	kill_port(T, n);
	ENTRY(T, n, "-");
	ENTRY(U, m, "D3");
	IS(send_plain(U, m, CS, 1), PORT_E_SEND_INVALID_DEST);
	OK(deallocate(U, m));
	ENTRY(U, m, "D2");
}

CASE(J02, FD_CAN, "U m:SO, R destroyed: m:D1; deallocate: no SON")
{
	port_name_t n = new_port(T), m = give(T, n, KSO, U);
	size_t before = count_names(T);

	kill_port(T, n);
	ENTRY(U, m, "D1");
	OK(deallocate(U, m));
	ENTRY(U, m, "-");
	NAMES(T, (long long)before - 1);
}


CASE(J05, FD_LIBRARY, "the queue holds the last S(q), destroy p: NS at q")
{
	port_name_t p = new_port_rs(T), q = new_port(T), notify = new_port(T);
	port_name_t s = give(T, q, KS, U), to = give(T, p, CS, U);

	ask(T, q, PORT_NOTIFY_NO_SENDERS, 0, notify);
	OK(send_right(U, to, CS, s, MS));
	ENTRY(U, s, "-");
	expect_nothing(T, notify);
	OK(destroy(T, p));
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 1);
	IS(status(T, q).srights, 0);
	expect_nothing(T, notify);
}

CASE(J06, FD_NEVER, "the queue holds SO(q), destroy p: SON at q")
{
	port_name_t p = new_port_rs(T), q = new_port(T), so = give(T, q, KSO, U),
		    to = give(T, p, CS, U);

	OK(send_right(U, to, CS, so, MSO));
	IS(status(T, q).sorights, 1);
	expect_nothing(T, q);
	OK(destroy(T, p));
	expect_notification(T, q, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(T, q).sorights, 0);
	expect_nothing(T, q);
}

CASE(J07, FD_CAN, "the queue holds R(q), destroy p: q dead, holders see dead names")
{
	port_name_t p = new_port_rs(T), q = new_port(T), s = give(T, q, KS, U),
		    so = give(T, q, KSO, V);

	OK(send_right(T, p, CS, q, MR));
	OK(send_plain(U, s, CS, 1));
	OK(destroy(T, p));
	ENTRY(U, s, "D1");
	ENTRY(V, so, "D1");
	IS(send_plain(U, s, CS, 2), PORT_E_SEND_INVALID_DEST);
}

CASE(J07b, CASE_PRIVATE, "what was queued dies before the end of its port is told")
{
	port_name_t p = new_port_rs(T), x = new_port(T), y = new_port(T), notify = new_port(U);
	port_name_t up = give(T, p, CS, U), ux = give(T, x, KS, U), uy = give(T, y, KS, U);

	ask(U, up, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(U, ux, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(U, uy, PORT_NOTIFY_DEAD_NAME, 0, notify);
	OK(send_right(T, x, KS, y, MR));
	OK(send_right(T, p, CS, x, MR));
	kill_port(T, p);
	expect_notification(U, notify, PORT_NOTIFY_DEAD_NAME, uy);
	expect_notification(U, notify, PORT_NOTIFY_DEAD_NAME, ux);
	expect_notification(U, notify, PORT_NOTIFY_DEAD_NAME, up);
}

/* The right that a port-destroyed notification brings. */
static port_name_t
receive_right(struct task *c, port_name_t notify)
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

CASE(J08, FD_NEVER, "J07 with PD armed on q: PD delivers R(q)")
{
	port_name_t p = new_port_rs(T), q = new_port(T), s = give(T, q, KS, U),
		    notify = new_port(V), k;

	OK(request(T, q, PORT_NOTIFY_PORT_DESTROYED, 0, give(V, notify, KSO, T), MSO, NULL));
	OK(send_plain(U, s, CS, 6));
	OK(send_right(T, p, CS, q, MR));
	OK(destroy(T, p));
	ENTRY(U, s, "S1");
	OK(send_plain(U, s, CS, 7));
	k = receive_right(V, notify);
	ENTRY(V, k, "R");
	expect_message(V, k, 6);
	expect_message(V, k, 7);
}

CASE(J09, FD_NEVER, "3 clients wait for replies, requests queued, server's R destroyed: SON to each, exactly once")
{
	struct task *clients[3] = { U, V, new_task() };
	port_name_t n = new_port(T), replies[3];
	struct mail mail;

	for (int i = 0; i < 3; i++) {
		port_name_t m = give(T, n, KS, clients[i]);
		struct letter l = letter(m, CS, 1);

		l.local = replies[i] = l.rcv_name = new_port(clients[i]);
		l.local_disposition = KSO;
		l.options = PORT_MSG_SEND | PORT_MSG_RCV;
		l.rcv_size = PORT_MSG_BODY_MAX;
		post(clients[i], &l);
		NO(has_reply(clients[i]));
	}
	IS(status(T, n).msgcount, 3);
	kill_port(T, n);
	for (int i = 0; i < 3; i++) {
		OK(fetch(clients[i], &mail));
		IS(mail.out.id, PORT_NOTIFY_SEND_ONCE);
		IS(mail.out.bits, MSO << 8);
		expect_nothing(clients[i], replies[i]);
		IS(status(clients[i], replies[i]).sorights, 0);
	}
}

/* Tasks ------------------------------------------------------------------------------------- */

CASE(J10, FD_NEVER, "server SIGKILLed holding 3 reply SOs: each client gets SON")
{
	struct task *clients[3] = { U, V, new_task() };
	port_name_t n = new_port(T), replies[3];
	struct mail mail;

	for (int i = 0; i < 3; i++) {
		port_name_t m = give(T, n, KS, clients[i]);
		struct letter l = letter(m, CS, 1);

		l.local = replies[i] = l.rcv_name = new_port(clients[i]);
		l.local_disposition = KSO;
		l.options = PORT_MSG_SEND | PORT_MSG_RCV;
		l.rcv_size = PORT_MSG_BODY_MAX;
		post(clients[i], &l);
		OK(receive(T, n, &mail));
		ENTRY(T, mail.out.remote, "SO");
		NO(has_reply(clients[i]));
	}
	kill_task(T);
	for (int i = 0; i < 3; i++) {
		OK(fetch(clients[i], &mail));
		IS(mail.out.id, PORT_NOTIFY_SEND_ONCE);
		IS(mail.out.bits, MSO << 8);
		expect_nothing(clients[i], replies[i]);
	}
}

CASE(J11, FD_LIBRARY, "client SIGKILLed: server's reply right D1; reply SEND_INVALID_DEST, no signal, others are served")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U),
		    other = give(T, n, KS, V), s = new_port(V), so;
	struct mail mail;

	catch_signal(T, SIGPIPE);
	OK(send_reply(U, m, CS, r, KSO));
	OK(send_reply(V, other, CS, s, KSO));
	OK(receive(T, n, &mail));
	so = mail.out.remote;
	ENTRY(T, so, "SO");
	kill_task(U);
	ENTRY(T, so, "D1");
	IS(send_plain(T, so, MSO, 101), PORT_E_SEND_INVALID_DEST);
	ENTRY(T, so, "D1");
	OK(deallocate(T, so));
	IS(signals_of(T), 0);
	OK(receive(T, n, &mail));
	OK(send_plain(T, mail.out.remote, MSO, 102));
	expect_message(V, s, 102);
}

CASE(J12, FD_CAN, "task killed: its S's: NS; its R's: dead names, DN; its SO's: SON; all at once")
{
	port_name_t p = new_port(U), mine = give(U, p, KS, T), q = new_port(T), ns = new_port(T),
		    dn = new_port(T), so = new_port(T);

	give(T, q, KS, U);
	give(T, so, KSO, U);
	ask(T, mine, PORT_NOTIFY_DEAD_NAME, 0, dn);
	ask(T, q, PORT_NOTIFY_NO_SENDERS, 1, ns);
	IS(status(T, so).sorights, 1);
	kill_task(U);
	ENTRY(T, mine, "D2");
	expect_notification(T, dn, PORT_NOTIFY_DEAD_NAME, mine);
	expect_notification(T, ns, PORT_NOTIFY_NO_SENDERS, 1);
	expect_notification(T, so, PORT_NOTIFY_SEND_ONCE, -1);
	IS(send_plain(T, mine, CS, 1), PORT_E_SEND_INVALID_DEST);
}

CASE(J12b, CASE_PRIVATE, "J12: whoever waits for these is woken by the death alone")
{
	port_name_t p = new_port(U), mine = give(U, p, KS, T), q = new_port(T), notify = new_port(T),
		    r = new_port(T);
	struct task *a = thread_of(T, 1), *b = thread_of(T, 2);
	struct letter l = letter(mine, CS, 1);
	struct mail mail;

	give(T, q, KS, U);
	ask(T, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	post_receive(a, notify);
	l.local = l.rcv_name = r;
	l.local_disposition = KSO;
	l.options = PORT_MSG_SEND | PORT_MSG_RCV;
	l.rcv_size = PORT_MSG_BODY_MAX;
	post(b, &l);
	NO(has_reply(a));
	NO(has_reply(b));
	kill_now(U);
	OK(fetch(a, &mail));
	IS(mail.out.id, PORT_NOTIFY_NO_SENDERS);
	OK(fetch(b, &mail));
	IS(mail.out.id, PORT_NOTIFY_SEND_ONCE);
	ENTRY(T, mine, "D1");
}

CASE(J13, FD_NEVER, "a task with a DN request that points to V's port is killed: V gets PDEL")
{
	port_name_t p = new_port(T), s = give(T, p, KS, U), notify = new_port(V),
		    so = give(V, notify, KSO, U);

	OK(request(U, s, PORT_NOTIFY_DEAD_NAME, 0, so, MSO, NULL));
	expect_nothing(V, notify);
	kill_task(U);
	expect_notification(V, notify, PORT_NOTIFY_PORT_DELETED, s);
	expect_nothing(V, notify);
}

CASE(J14, FD_CAN, "messages the dead task had queued elsewhere: delivered intact")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(V), s = give(V, q, KS, U);
	struct letter l = letter(m, CS, 11);
	struct wire_port port = { s, MS };
	uint32_t pid = (uint32_t)pid_of(U), id = id_of(U);
	struct mail mail;

	l.body = (struct wire_blob){ "its last words!", 16 };
	l.ports = &port;
	l.n_ports = 1;
	OK(exchange(U, &l, NULL));
	OK(send_plain(U, m, CS, 12));
	kill_task(U);
	IS(status(T, n).msgcount, 2);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 11);
	IS(mail.out.pid, pid);
	IS(mail.out.task, id);
	IS(mail.out.body.size, 16);
	SAME_BYTES(mail.out.body.data, "its last words!", 16);
	IS(mail.n_ports, 1);
	OK(send_plain(T, mail.ports[0].name, MS, 5));
	expect_message(V, q, 5);
	expect_message(T, n, 12);
	IS(status(T, n).srights, 0);
}

/* Answers a code: a fork child is not the task. */
static long
try_to_allocate(void *arg)
{
	return api->allocate(PORT_RIGHT_RECEIVE, arg, PORT_NULL);
}

CASE(J16, FD_NEVER, "T forks, the child lives on with its descriptors, T SIGKILLed: T's rights die at once")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(U), s = give(U, q, KS, T),
		    dead = new_port(U), gone = new_port(U), name = UNKNOWN;
	struct task *child;

	ENTRY(T, s, "S1");
	ask(U, m, PORT_NOTIFY_DEAD_NAME, 0, dead);
	ask(U, q, PORT_NOTIFY_NO_SENDERS, 1, gone);
	child = fork_task(T);
	expect_nothing(U, dead);
	kill_task(T);
	ENTRY(U, m, "D2");
	expect_notification(U, dead, PORT_NOTIFY_DEAD_NAME, m);
	expect_notification(U, gone, PORT_NOTIFY_NO_SENDERS, 1);
	YES(run(child, try_to_allocate, &name, sizeof(name)) < 0);
	IS(name, UNKNOWN);
	kill_now(child);
}

CASE(J16b, CASE_PRIVATE, "a fork child is not the task: its calls fail, and its parent goes on")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), name = UNKNOWN;
	struct task *child = fork_task(T);

	IS(run(child, try_to_allocate, &name, sizeof(name)), -ENOTCONN);
	kill_now(child);
	settle();
	ENTRY(T, n, "R");
	OK(send_plain(U, m, CS, 3));
	expect_message(T, n, 3);
}

CASE(J17, FD_LIBRARY, "T execs another program: its rights are gone, all of them, never half")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(U), s = give(U, q, KS, T),
		    o = new_port(U), in = new_port(T), to = give(T, in, KS, U), x = new_port(U),
		    notify = new_port(U), dead = new_port(U);
	pid_t pid = pid_of(T);

	give(U, o, KSO, T);
	ENTRY(T, s, "S1");
	ask(U, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	ask(U, m, PORT_NOTIFY_DEAD_NAME, 0, dead);
	OK(send_right(U, to, CS, x, KSO));	/* in a queue of its */
	exec_task(T);
	IS(kill(pid, 0), 0);
	UNTIL(type_of(U, m) == TYPE_DEAD_NAME);
	expect_notification(U, dead, PORT_NOTIFY_DEAD_NAME, m);
	ENTRY(U, to, "D1");
	expect_notification(U, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_notification(U, o, PORT_NOTIFY_SEND_ONCE, -1);
	expect_notification(U, x, PORT_NOTIFY_SEND_ONCE, -1);
	IS(send_plain(U, m, CS, 1), PORT_E_SEND_INVALID_DEST);
	restart(T);
}

/* Cancelled threads --------------------------------------------------------------------------- */

CASE(J18, FD_CAN, "thread blocked in receive is cancelled: the next message is not lost")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct task *thread = thread_of(T, 1);
	struct mail mail;

	post_receive(thread, n);
	NO(has_reply(thread));
	cancel_thread(thread);
	OK(send_plain(U, m, CS, 1));
	OK(send_plain(U, m, CS, 2));
	UNTIL(status(T, n).msgcount == 2);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 1);
	IS(mail.out.seqno, 0);
	expect_message(T, n, 2);
}

struct race {
	port_name_t n, m;
	uint32_t turns;
};

static void *
receive_one(void *arg)
{
	struct race *race = arg;
	struct port_message message = { 0 };
	long id;

	OK(api->exchange(NULL, 0, race->n, &message, PORT_FOREVER, 0));
	id = (long)message.id;
	port_message_deinit(&message);
	return (void *)id;
}

/* In one task: a thread is cancelled as a message comes for it. */
static long
cancel_in_time(void *arg)
{
	struct race *race = arg;
	long received = 0;

	for (uint32_t i = 1; i <= race->turns; i++) {
		struct port_message sent = { .id = i, .remote = race->m, .remote_disposition = KS };
		struct port_message late = { 0 };
		pthread_t thread;
		void *result;

		OK(pthread_create(&thread, NULL, receive_one, race));
		for (uint32_t k = chance(3); k > 0; k--)
			nap();
		OK(api->exchange(&sent, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		OK(pthread_cancel(thread));
		OK(pthread_join(thread, &result));
		if (result == PTHREAD_CANCELED) {
			OK(api->exchange(NULL, 0, race->n, &late, PATIENCE_MS, 0));
			IS(late.id, i);
			port_message_deinit(&late);
		} else {
			IS((long)result, i);
			received++;
		}
	}
	return received;
}

CASE(J18b, CASE_PRIVATE, "the same when the message comes at that very moment: it is received once, by this thread or the next")
{
	port_name_t n = new_port(T);
	struct race race = { n, n, many(500) };
	long received = run(T, cancel_in_time, &race, sizeof(race));

	YES(received >= 0 && received <= (long)race.turns);
	IS(status(T, n).msgcount, 0);
	expect_nothing(T, n);
	IS(status(T, n).srights, 0);
}

/* The rest -------------------------------------------------------------------------------------- */

CASE(J20, FD_NEVER, "PD armed, n:RS1, mod_refs(RECEIVE,-1): R in the notification, n:S1 live (D5)")
{
	port_name_t n = new_port_rs(T), notify = new_port(T);

	IS(PROFILE_D5_NAME_STAYS_SEND, 1);
	ask(T, n, PORT_NOTIFY_PORT_DESTROYED, 0, notify);
	kill_port(T, n);
	ENTRY(T, n, "S1");
	OK(send_plain(T, n, CS, 1));
	IS(receive_right(T, notify), n);
	ENTRY(T, n, "RS1");
	expect_message(T, n, 1);
}

struct nest {
	port_name_t outer;
	uint32_t depth;
};

/* Each port's receive right into a message to a new one. */
static long
build_nest(void *arg)
{
	struct nest *nest = arg;

	for (uint32_t i = 0; i < nest->depth; i++) {
		struct port_message message = { .id = i, .remote_disposition = KS };
		port_name_t next;

		OK(api->allocate(PORT_RIGHT_RECEIVE, &next, PORT_NULL));
		message.remote = next;
		wire_put_port(&message.body, (struct wire_port){ nest->outer, MR });
		OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&message);
		nest->outer = next;
	}
	return 0;
}

CASE(J21, CASE_HEAVY, "nested 10^5: R in a message in a port whose R is in a message...: outer destroyed: all die, no stack overflow")
{
	struct nest nest = { new_port(T), many(100000) };
	port_name_t notify = new_port(T), m = give(T, nest.outer, KS, U);
	uint32_t before = world_count().ports;
	size_t names_before = count_names(T);

	ask(T, nest.outer, PORT_NOTIFY_NO_SENDERS, UINT32_MAX, notify);
	OK(run(T, build_nest, &nest, sizeof(nest)));
	NAMES(T, (long long)names_before);
	IS(world_count().ports, before + nest.depth);
	UNTIL(world_count().messages == nest.depth);
	ENTRY(U, m, "S1");
	OK(destroy(T, nest.outer));
	IS(world_count().ports, before - 1);
	ENTRY(U, m, "D1");
	expect_notification(T, notify, PORT_NOTIFY_SEND_ONCE, -1);
	UNTIL(world_count().messages == 0);
}

CASE(J21b, CASE_HEAVY | CASE_PRIVATE, "the same by the death of the task that holds the outermost")
{
	struct nest nest = { new_port(U), many(20000) };
	port_name_t m = give(U, nest.outer, KS, T);

	OK(run(U, build_nest, &nest, sizeof(nest)));
	ENTRY(T, m, "S1");
	kill_task(U);
	ENTRY(T, m, "D1");
	UNTIL(world_count().messages == 0);
}

CASE(J22, FD_CAN, "SIGSTOPped task: not dead: no NS, DN, SON")
{
	port_name_t p = new_port(U), mine = give(U, p, KS, T), q = new_port(T), notify = new_port(T);
	port_name_t so = give(T, notify, KSO, U);

	give(T, q, KS, U);
	ENTRY(U, so, "SO");
	ask(T, mine, PORT_NOTIFY_DEAD_NAME, 0, notify);
	ask(T, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	stop_task(U);
	OK(send_plain(T, mine, CS, 8));
	settle();
	expect_nothing(T, notify);
	ENTRY(T, mine, "S1");
	continue_task(U);
	expect_message(U, p, 8);
	expect_nothing(T, notify);
	stop_task(U);
	kill_task(U);	/* stopped tasks die, too */
	ENTRY(T, mine, "D2");
}
