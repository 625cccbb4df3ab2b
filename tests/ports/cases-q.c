/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Q: names, and programs that start when somebody writes to them. */
#include <stdio.h>
#include <sys/stat.h>

#include "tests/ports/letterbox.h"
#include "port/names.h"
#include "port/stubs.h"
#include "tests/ports/suite.h"

enum { ASK_MS = 10000, NAME_ROOM = 160 };

/* What is asked in an agent ------------------------------------------------------------ */

struct question {
	port_name_t context;	/* PORT_NULL: its bootstrap */
	char name[NAME_ROOM];
	port_name_t right;
	port_name_t signature;
	const char *word;	/* argument of the program */
	struct names_get_out state;
	char path[512];
	/* of letterbox: */
	uint32_t id;
	uint32_t pid;
	uint32_t value;
};

static port_name_t
context_of(const struct question *q)
{
	return q->context ? q->context : port_bootstrap();
}

static long
look_up(void *arg)
{
	struct question *q = arg;

	return port_look_up(context_of(q), q->name, &q->right);
}

static long
check_in(void *arg)
{
	struct question *q = arg;

	return port_check_in(context_of(q), q->name, &q->right);
}

static long
register_name(void *arg)
{
	struct question *q = arg;
	struct names_register_in in = {
		.name = q->name,
		.service = { q->right, PORT_COPY_SEND },
		.signature = { q->signature, q->signature ? PORT_COPY_SEND : 0 },
	};
	struct names_register_out out;
	struct port_reply reply;
	int code = names_register_call(context_of(q), &in, &out, &reply, ASK_MS);

	port_reply_deinit(&reply);
	return code;
}

static long
unregister_name(void *arg)
{
	struct question *q = arg;
	struct names_unregister_in in = {
		.name = q->name,
		.signature = { q->signature, q->signature ? PORT_COPY_SEND : 0 },
	};
	struct names_unregister_out out;
	struct port_reply reply;
	int code = names_unregister_call(context_of(q), &in, &out, &reply, ASK_MS);

	port_reply_deinit(&reply);
	return code;
}

/* Declares a letterbox, which stands beside the suite. */
static long
declare(void *arg)
{
	struct question *q = arg;
	char words[64];
	size_t size;
	struct names_create_in in = { .name = q->name, .program = q->path };
	struct names_create_out out;
	struct port_reply reply;
	int code;

	size = (size_t)snprintf(words, sizeof(words), "letterbox%c%s", 0, q->word ? q->word : "") + 1;
	if (!q->word)
		size = sizeof("letterbox");
	in.argv = (struct wire_blob){ words, size };
	if (q->signature)
		in.signature = (struct wire_send){ q->signature, PORT_COPY_SEND };
	code = names_create_call(context_of(q), &in, &out, &reply, ASK_MS);
	port_reply_deinit(&reply);
	return code;
}

static long
subset(void *arg)
{
	struct question *q = arg;
	struct names_subset_in in = { .end_ = 0 };
	struct names_subset_out out;
	struct port_reply reply;
	int code = names_subset_call(context_of(q), &in, &out, &reply, ASK_MS);

	if (code == 0)
		q->right = out.context.name;
	port_reply_deinit(&reply);
	return code;
}

/* The numbers of a service. */
static long
look_at(void *arg)
{
	struct question *q = arg;
	struct names_get_in in = { .name = q->name, .exact = 1 };
	struct port_reply reply;
	int code = names_get_call(context_of(q), &in, &q->state, &reply, ASK_MS);

	port_reply_deinit(&reply);
	return code;
}

/* Asks a letterbox. */
static long
write_to(void *arg)
{
	struct question *q = arg;
	struct port_message sent = {
		.id = q->id,
		.remote = q->right,
		.remote_disposition = PORT_COPY_SEND,
		.local_disposition = PORT_MAKE_SEND_ONCE,
	};
	struct port_message got;
	int code = port_allocate(PORT_RIGHT_RECEIVE, &sent.local);

	if (code)
		return code;
	code = port_exchange(&sent, PORT_FOREVER, sent.local, &got, ASK_MS, 0);
	if (code == 0) {
		q->pid = wire_get_u32(&got.body);
		q->value = wire_get_u32(&got.body);
		code = got.id == q->id + RPC_REPLY_OFFSET ? 0 : (int)got.id;
	}
	port_destroy(sent.local);
	port_message_destroy(&got);
	return code;
}

/* The case's side --------------------------------------------------------------------- */

static struct question
about(const char *name)
{
	struct question q = { .id = LETTERBOX_PING };
	ssize_t n;
	char *slash;

	snprintf(q.name, sizeof(q.name), "%s", name);
	n = readlink("/proc/self/exe", q.path, sizeof(q.path) - sizeof("letterbox"));
	YES(n > 0);
	q.path[n] = '\0';
	slash = strrchr(q.path, '/');
	strcpy(slash + 1, "letterbox");
	return q;
}

#define ASK(task, function, question) run(task, function, question, sizeof(*(question)))

/* A service of this name, declared by T, whose right to take it away is `signature`. */
static struct question
declared(const char *name, const char *word, port_name_t *signaturep)
{
	struct question q = about(name);

	q.signature = *signaturep = new_port_rs(T);
	q.word = word;
	OK(ASK(T, declare, &q));
	return q;
}

static uint32_t
state_of(struct question *q)
{
	OK(ASK(T, look_at, q));
	return q->state.state;
}

static void
take_away(struct question *q)
{
	uint32_t pid = (OK(ASK(T, look_at, q)), q->state.pid);

	OK(ASK(T, unregister_name, q));
	if (pid)
		UNTIL(kill((pid_t)pid, 0) < 0 || kill((pid_t)pid, SIGKILL) < 0);
}

CASE(Q02, CASE_PRIVATE, "look up of an unknown name: UNKNOWN_SERVICE")
{
	struct question q = about("nobody.has.this");

	IS(ASK(T, look_up, &q), PORT_E_NAMES_UNKNOWN_SERVICE);
	q.name[0] = '\0';
	IS(ASK(T, look_up, &q), PORT_E_NAMES_UNKNOWN_SERVICE);
	IS(ASK(T, check_in, &q), PORT_E_RPC_BAD_ARGUMENTS);
}

CASE(Q02b, CASE_PRIVATE, "a registered name leads to the same port; it ends with the port")
{
	struct question q = about("test.q02");
	port_name_t p = new_port(T), s, told;

	OK(insert(T, p, p, KS));
	q.right = p;
	OK(ASK(T, register_name, &q));
	IS(ASK(T, register_name, &q), PORT_E_NAMES_NAME_IN_USE);
	OK(ASK(U, look_up, &q));
	s = q.right;
	ENTRY(U, s, "S1");
	told = give(T, p, CS, U);
	IS(told, s);
	kill_port(T, p);
	IS(ASK(U, look_up, &q), PORT_E_NAMES_UNKNOWN_SERVICE);
}

CASE(Q03, CASE_PRIVATE, "look up of a service that does not run: S at once, no process; the first message starts it")
{
	port_name_t signature;
	struct question q = declared("test.q03", NULL, &signature);

	OK(ASK(U, look_up, &q));
	ENTRY(U, q.right, "S1");
	settle();
	IS(state_of(&q), NAMES_STATE_WAITING);
	IS(q.state.starts, 0);
	OK(ASK(U, write_to, &q));
	IS(q.value, 1);
	IS(state_of(&q), NAMES_STATE_RUNNING);
	IS(q.state.starts, 1);
	IS(q.state.pid, q.pid);
	take_away(&q);
}

CASE(Q04, CASE_PRIVATE, "check in twice: SERVICE_ACTIVE; by a stranger: NOT_PRIVILEGED")
{
	port_name_t signature;
	struct question q = declared("test.q04", NULL, &signature);

	IS(ASK(U, check_in, &q), PORT_E_NAMES_NOT_PRIVILEGED);
	OK(ASK(U, look_up, &q));
	q.id = LETTERBOX_AGAIN;
	OK(ASK(U, write_to, &q));
	IS(q.value, PORT_E_NAMES_SERVICE_ACTIVE);
	IS(ASK(U, check_in, &q), PORT_E_NAMES_NOT_PRIVILEGED);
	IS(ASK(T, check_in, &q), PORT_E_NAMES_NOT_PRIVILEGED);
	take_away(&q);
}

CASE(Q04b, CASE_PRIVATE, "check in under a name that nobody declared: a new port, which it names while it lives")
{
	struct question q = about("test.q04b");
	port_name_t r;

	OK(ASK(T, check_in, &q));
	r = q.right;
	ENTRY(T, r, "R");
	OK(ASK(U, look_up, &q));
	OK(send_plain(U, q.right, CS, 5));
	expect_message(T, r, 5);
	kill_task(T);
	IS(ASK(U, look_up, &q), PORT_E_NAMES_UNKNOWN_SERVICE);
}

CASE(Q05, CASE_PRIVATE, "server SIGKILLed with 3 unread: the next instance receives these 3")
{
	port_name_t signature;
	struct question q = declared("test.q05", NULL, &signature), first;
	struct task *writers[3] = { thread_of(U, 1), thread_of(U, 2), thread_of(U, 3) };

	OK(ASK(U, look_up, &q));
	first = q;
	first.id = LETTERBOX_STALL;
	OK(ASK(U, write_to, &first));
	for (int i = 0; i < 3; i++)
		post_run(writers[i], write_to, &q, sizeof(q));
	UNTIL((OK(ASK(T, look_at, &q)), q.state.queued == 3));
	OK(kill((pid_t)first.pid, SIGKILL));
	for (int i = 0; i < 3; i++) {
		struct question answer;

		OK(fetch_run(writers[i], &answer, sizeof(answer)));
		DIFFER(answer.pid, first.pid);
		YES(answer.value >= 1 && answer.value <= 3);
	}
	IS(state_of(&q), NAMES_STATE_RUNNING);
	IS(q.state.starts, 2);
	take_away(&q);
}

CASE(Q07, CASE_PRIVATE, "crash loop: throttled, look-ups still answer")
{
	port_name_t signature;
	struct question q = declared("test.q07", "crash", &signature);
	uint32_t starts;

	OK(ASK(U, look_up, &q));
	OK(send_plain(U, q.right, CS, 1));
	UNTIL((OK(ASK(T, look_at, &q)), q.state.failures >= 3));
	starts = q.state.starts;
	/* The fourth start is two seconds away by then, not at once. */
	for (int i = 0; i < 200; i++)
		OK(ASK(V, look_up, &q));
	OK(ASK(T, look_at, &q));
	YES(q.state.starts <= starts + 1);
	IS(q.state.queued, 1);
	take_away(&q);
	ENTRY(U, q.right, "D1");
}

CASE(Q08, CASE_PRIVATE, "a name in the parent context is found from the child, not the other way round")
{
	struct question outer = about("test.q08.outer"), inner = about("test.q08.inner");
	port_name_t p = new_port_rs(T), context, theirs;

	outer.right = p;
	OK(ASK(T, register_name, &outer));
	OK(ASK(T, subset, &inner));
	context = inner.right;
	inner.context = context;
	inner.right = p;
	OK(ASK(T, register_name, &inner));

	theirs = give(T, context, CS, U);
	inner.context = outer.context = theirs;
	OK(ASK(U, look_up, &inner));
	OK(ASK(U, look_up, &outer));
	IS(inner.right, outer.right);
	inner.context = PORT_NULL;
	IS(ASK(U, look_up, &inner), PORT_E_NAMES_UNKNOWN_SERVICE);
	/* It ends with the last right to it. */
	OK(deallocate(U, theirs));
	OK(deallocate(T, context));
	ENTRY(T, p, "RS1");
}

CASE(Q09, FD_NEVER, "auth rendezvous: S(v) reaches A from T and from U: the same integer both times")
{
	port_name_t v = new_port_rs(T), at_u = give(T, v, CS, U);
	port_name_t a = new_port(V), from_t = give(V, a, KS, T), from_u = give(V, a, KS, U);
	struct mail mail;
	port_name_t first;

	OK(send_right(T, from_t, CS, v, CS));
	OK(receive(V, a, &mail));
	first = mail.ports[0].name;
	OK(send_right(U, from_u, CS, at_u, CS));
	OK(receive(V, a, &mail));
	IS(mail.ports[0].name, first);
	ENTRY(V, first, "S2");
}

CASE(Q10, FD_LIBRARY, "a child ends before its start-up call: the launcher's NS (sync 0) fires")
{
	port_name_t startup = new_port(T), notify = new_port(T), child;

	child = give(T, startup, KS, U);
	ENTRY(U, child, "S1");
	kill_task(U);
	ask(T, startup, PORT_NOTIFY_NO_SENDERS, 0, notify);
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(Q11, CASE_PRIVATE, "unregister needs the signature right; without it: refused")
{
	struct question q = about("test.q11");
	port_name_t p = new_port_rs(T), signature = new_port_rs(T), other = new_port_rs(U);

	q.right = p;
	q.signature = signature;
	OK(ASK(T, register_name, &q));
	q.signature = other;
	IS(ASK(U, unregister_name, &q), PORT_E_NAMES_NOT_PRIVILEGED);
	q.signature = PORT_NULL;
	IS(ASK(U, unregister_name, &q), PORT_E_NAMES_NOT_PRIVILEGED);
	/* Whoever was given the signature may. */
	q.signature = give(T, signature, CS, U);
	OK(ASK(U, unregister_name, &q));
	IS(ASK(U, look_up, &q), PORT_E_NAMES_UNKNOWN_SERVICE);
}
