/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-m: RPC: stubs, dispatch, answers, and what becomes of rights on the way.
 *
 * U serves an interface of this file, T calls it. Handlers run in U, which is a fork: what
 * they count is in memory that everybody sees. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>

#include "port/rpc.h"
#include "tests/ports/suite.h"

#define m_null_IN(F)
#define m_null_OUT(F)
#define m_add_IN(F) F(u32, a) F(u32, b)
#define m_add_OUT(F) F(u32, sum)
#define m_echo_IN(F) F(str(16), text) F(memory, bytes)
#define m_echo_OUT(F) F(str(16), text) F(memory, bytes)
/* Keeps what it is given, or refuses it. */
#define m_give_IN(F) \
	F(u32, code) F(send, send) F(send_once, once) F(port, any) F(fd, file) F(memory, bytes)
#define m_give_OUT(F)
#define m_move_IN(F) F(receive, port) F(ports, many)
#define m_move_OUT(F) F(u32, name) F(u32, first) F(u32, distinct)
/* Not answered before m_flush, or at all. */
#define m_hold_IN(F) F(u32, drop)
#define m_hold_OUT(F) F(u32, held)
#define m_flush_IN(F)
#define m_flush_OUT(F)
#define m_wait_IN(F)
#define m_wait_OUT(F)
#define m_back_IN(F) F(send, client)
#define m_back_OUT(F) F(u32, sum)
#define m_empty_IN(F)
#define m_empty_OUT(F)
#define m_note_IN(F) F(u32, code)
#define m_INTERFACE(ROUTINE, ONEWAY) \
	ROUTINE(m_null, 5000) \
	ROUTINE(m_add, 5001) \
	ROUTINE(m_echo, 5002) \
	ROUTINE(m_give, 5003) \
	ROUTINE(m_move, 5004) \
	ROUTINE(m_hold, 5005) \
	ROUTINE(m_flush, 5006) \
	ROUTINE(m_wait, 5007) \
	ROUTINE(m_back, 5010) \
	ROUTINE(m_empty, 5011) \
	ONEWAY(m_note, 5020)

RPC_INTERFACE(m)

/* The server ------------------------------------------------------------------- */

enum { NOTES_MAX = 64 };

static struct counts {
	_Atomic uint32_t handled;
	_Atomic uint32_t notes;
	uint32_t seqno[NOTES_MAX];
	_Atomic uint32_t go;		/* m_wait may return */
} *counts;

static struct rpc_later held;

static int
handle_null(struct rpc_request *request, struct m_null_in *in, struct m_null_out *out)
{
	(void)request, (void)in, (void)out;
	counts->handled++;
	return 0;
}

static int
handle_add(struct rpc_request *request, struct m_add_in *in, struct m_add_out *out)
{
	(void)request;
	counts->handled++;
	out->sum = in->a + in->b;
	return 0;
}

static int
handle_echo(struct rpc_request *request, struct m_echo_in *in, struct m_echo_out *out)
{
	out->text = rpc_print(request, "%s", in->text);
	out->bytes.size = in->bytes.size;
	out->bytes.data = rpc_alloc(request, in->bytes.size);
	if (in->bytes.size)
		memcpy(out->bytes.data, in->bytes.data, in->bytes.size);
	return 0;
}

static int
handle_give(struct rpc_request *request, struct m_give_in *in, struct m_give_out *out)
{
	(void)out;
	counts->handled++;
	if (in->code)
		return rpc_fail(request, (int)in->code, "refused %u", in->code);
	close(in->file);
	return 0;
}

static int
handle_move(struct rpc_request *request, struct m_move_in *in, struct m_move_out *out)
{
	(void)request;
	out->name = in->port.name;
	for (size_t i = 0; i < in->many.n; i++) {
		out->first = in->many.ports[0].name;
		out->distinct += i == 0 || in->many.ports[i].name != in->many.ports[i - 1].name;
	}
	return 0;
}

static int
handle_hold(struct rpc_request *request, struct m_hold_in *in, struct m_hold_out *out)
{
	(void)out;
	held = rpc_later(request);
	if (in->drop)
		rpc_later_drop(&held);
	return RPC_NO_REPLY;
}

static int
handle_flush(struct rpc_request *request, struct m_flush_in *in, struct m_flush_out *out)
{
	struct m_hold_out answer = { .held = 77 };

	(void)request, (void)in, (void)out;
	m_hold_reply(&held, 0, "", &answer);
	return 0;
}

static int
handle_wait(struct rpc_request *request, struct m_wait_in *in, struct m_wait_out *out)
{
	(void)request, (void)in, (void)out;
	counts->handled++;
	while (!counts->go)
		nap();
	return 0;
}

static int
handle_back(struct rpc_request *request, struct m_back_in *in, struct m_back_out *out)
{
	struct m_add_in terms = { .a = 2, .b = 3 };
	struct m_add_out sum = { 0 };
	struct port_reply reply;
	int err = m_add_call(in->client.name, &terms, &sum, &reply, PORT_FOREVER);

	(void)request;
	port_reply_deinit(&reply);
	out->sum = sum.sum;
	if (err == 0)
		port_send_drop(&in->client);
	return err;
}

static int
handle_note(struct rpc_request *request, struct m_note_in *in)
{
	uint32_t n = counts->notes++;

	if (n < NOTES_MAX)
		counts->seqno[n] = request->message->seqno;
	return (int)in->code;
}

static const struct m_server server = {
	.m_null = handle_null,
	.m_add = handle_add,
	.m_echo = handle_echo,
	.m_give = handle_give,
	.m_move = handle_move,
	.m_hold = handle_hold,
	.m_flush = handle_flush,
	.m_wait = handle_wait,
	.m_back = handle_back,
	.m_note = handle_note,
};

struct serving {
	port_name_t port;
	struct counts *counts;	/* which an agent does not know yet */
};

static long
serve(void *arg)
{
	struct serving *serving = arg;

	counts = serving->counts;
	return m_serve(serving->port, &server, NULL);
}

static void
serve_in(struct task *c, port_name_t port)
{
	struct serving serving = { port, counts };

	post_run(c, serve, &serving, sizeof(serving));
}

static long long n_names;	/* of U, as it began */

/* One of a task's threads that does not serve. */
static struct task *
idle_thread(struct task *c)
{
	return thread_of(c, 70);
}

/* U serves p; T's name for it. */
static port_name_t
begin(port_name_t *portp)
{
	port_name_t p, m;

	counts = shared(sizeof(*counts));
	p = new_port(U);
	n_names = (long long)count_names(U);
	m = give(U, p, KS, T);
	serve_in(U, p);
	if (portp)
		*portp = p;
	return m;
}

/* Clients ------------------------------------------------------------------------- */

static int
null_call(port_name_t dest)
{
	struct port_reply reply;
	struct m_null_out out;
	int err = m_null_call(dest, &(struct m_null_in){ 0 }, &out, &reply, PORT_FOREVER);

	if (err == 0)
		IS(reply.message.id, ROUTINE_m_null + 100);
	port_reply_deinit(&reply);
	return err;
}

static int
add_call(port_name_t dest, uint32_t a, uint32_t b, uint32_t *sump, int timeout_ms)
{
	struct m_add_in in = { .a = a, .b = b };
	struct m_add_out out = { 0 };
	struct port_reply reply;
	int err = m_add_call(dest, &in, &out, &reply, timeout_ms);

	port_reply_deinit(&reply);
	*sump = out.sum;
	return err;
}

/* A request made by hand: its code. */
static int
raw_call(port_name_t dest, uint32_t id, struct wire_buf *body)
{
	struct port_reply reply;
	int err = port_call(dest, id, body, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err;
}

static long
run_null(void *arg)
{
	return null_call(*(port_name_t *)arg);
}

/* Posted: T calls m_hold or m_wait. */
static long
run_hold(void *arg)
{
	port_name_t dest = *(port_name_t *)arg;
	struct m_hold_out out = { 0 };
	struct port_reply reply;
	int err = m_hold_call(dest, &(struct m_hold_in){ 0 }, &out, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err ? err : (long)out.held;
}

static long
run_wait(void *arg)
{
	port_name_t dest = *(port_name_t *)arg;
	struct m_wait_out out;
	struct port_reply reply;
	int err = m_wait_call(dest, &(struct m_wait_in){ 0 }, &out, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err;
}

static long
run_flush(void *arg)
{
	port_name_t dest = *(port_name_t *)arg;
	struct m_flush_out out;
	struct port_reply reply;
	int err = m_flush_call(dest, &(struct m_flush_in){ 0 }, &out, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err;
}

static long
call_null(struct task *c, port_name_t dest)
{
	return run(c, run_null, &dest, sizeof(dest));
}

/* Requests and answers ------------------------------------------------------------- */

CASE(M01, CASE_PRIVATE, "null routine: reply id = request id + 100, code 0")
{
	port_name_t m = begin(NULL);

	OK(call_null(T, m));
	IS(counts->handled, 1);
}

static long
run_unknown(void *arg)
{
	port_name_t m = *(port_name_t *)arg;

	IS(raw_call(m, 4999, &(struct wire_buf){ 0 }), PORT_E_RPC_BAD_ID);
	IS(raw_call(m, 5008, &(struct wire_buf){ 0 }), PORT_E_RPC_BAD_ID);
	IS(raw_call(m, ROUTINE_m_empty, &(struct wire_buf){ 0 }), PORT_E_RPC_BAD_ID);
	return null_call(m);
}

CASE(M02, CASE_PRIVATE, "unknown id: BAD_ID, server goes on")
{
	port_name_t m = begin(NULL);

	OK(run(T, run_unknown, &m, sizeof(m)));
}

static long
run_misshapen(void *arg)
{
	port_name_t m = *(port_name_t *)arg;
	struct wire_buf body = { 0 };

	wire_put_u32(&body, 1);
	IS(raw_call(m, ROUTINE_m_add, &body), PORT_E_RPC_BAD_ARGUMENTS);
	for (int i = 0; i < 3; i++)
		wire_put_u32(&body, 1);
	IS(raw_call(m, ROUTINE_m_add, &body), PORT_E_RPC_BAD_ARGUMENTS);
	wire_put_u32(&body, 1);
	IS(raw_call(m, ROUTINE_m_null, &body), PORT_E_RPC_BAD_ARGUMENTS);
	/* A string beyond its limit, and one without an end. */
	wire_put_str(&body, "sixteen and more");
	wire_put_memory(&body, (struct wire_memory){ NULL, 0 });
	IS(raw_call(m, ROUTINE_m_echo, &body), PORT_E_RPC_BAD_ARGUMENTS);
	wire_put_blob(&body, (struct wire_blob){ "xx", 2 });
	wire_put_memory(&body, (struct wire_memory){ NULL, 0 });
	IS(raw_call(m, ROUTINE_m_echo, &body), PORT_E_RPC_BAD_ARGUMENTS);
	/* A descriptor that nobody asked for. */
	wire_put_fd(&body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	body.size = 0;
	IS(raw_call(m, ROUTINE_m_null, &body), PORT_E_RPC_BAD_ARGUMENTS);
	return 0;
}

CASE(M03, CASE_PRIVATE, "request too short, too long: BAD_ARGUMENTS, handler not called")
{
	port_name_t m = begin(NULL);

	OK(run(T, run_misshapen, &m, sizeof(m)));
	IS(counts->handled, 0);
	OK(call_null(T, m));
}

/* Rights ------------------------------------------------------------------------------ */

struct give {
	port_name_t dest;
	port_name_t port;	/* RS */
	uint32_t code;
};

static long
run_wrong_kind(void *arg)
{
	struct give *given = arg;
	struct wire_buf body = { 0 };

	wire_put_u32(&body, 0);
	wire_put_port(&body, (struct wire_port){ given->port, PORT_MAKE_SEND_ONCE });
	wire_put_port(&body, (struct wire_port){ 0 });
	wire_put_port(&body, (struct wire_port){ 0 });
	wire_put_fd(&body, -1);
	wire_put_memory(&body, (struct wire_memory){ NULL, 0 });
	return raw_call(given->dest, ROUTINE_m_give, &body);
}

CASE(M04, CASE_PRIVATE,
    "send-once where a send right is declared: TYPE_ERROR, right released (SON)")
{
	struct give given = { .dest = begin(NULL), .port = new_port_rs(T) };

	IS(run(T, run_wrong_kind, &given, sizeof(given)), PORT_E_RPC_TYPE_ERROR);
	expect_notification(T, given.port, PORT_NOTIFY_SEND_ONCE, -1);
	IS(counts->handled, 0);
	NAMES(idle_thread(U), n_names);
}

static long
run_give(void *arg)
{
	struct give *given = arg;
	char bytes[100] = "";
	struct m_give_in in = {
		.code = given->code,
		.send = port_copy_send(given->port),
		.once = port_make_send_once(given->port),
		.any = { given->port, PORT_MAKE_SEND_ONCE },
		.file = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.bytes = { bytes, sizeof(bytes) },
	};
	struct m_give_out out;
	struct port_reply reply;
	int err = m_give_call(given->dest, &in, &out, &reply, PORT_FOREVER);

	if (given->code)
		YES(strcmp(reply.text, "refused 4711") == 0);
	port_reply_deinit(&reply);
	return err;
}

CASE(M05, CASE_PRIVATE,
    "handler returns an error: all of the request released, except the reply port")
{
	struct give given = { .dest = begin(NULL), .port = new_port_rs(T), .code = 4711 };

	IS(run(T, run_give, &given, sizeof(given)), 4711);
	expect_notification(T, given.port, PORT_NOTIFY_SEND_ONCE, -1);
	expect_notification(T, given.port, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(T, given.port).sorights, 0);
	IS(counts->handled, 1);
	NAMES(idle_thread(U), n_names);
}

CASE(M06, CASE_PRIVATE, "handler returns success: it owns the rights; the loop releases nothing")
{
	struct give given = { .dest = begin(NULL), .port = new_port_rs(T) };

	OK(run(T, run_give, &given, sizeof(given)));
	expect_nothing(T, given.port);
	IS(status(T, given.port).sorights, 2);
	NAMES(idle_thread(U), n_names + 3);
}

/* Answers at another time, or none ------------------------------------------------------- */

CASE(M07, CASE_PRIVATE, "handler answers later on the saved right: client completes")
{
	port_name_t m = begin(NULL);

	post_run(T, run_hold, &m, sizeof(m));
	UNTIL(waiting(T) == 1);
	OK(run(thread_of(T, 1), run_flush, &m, sizeof(m)));
	IS(fetch_run(T, NULL, 0), 77);
}

static long
run_note(void *arg)
{
	struct give *given = arg;

	return m_note_send(given->dest, &(struct m_note_in){ .code = given->code }, PORT_FOREVER);
}

CASE(M08, CASE_PRIVATE, "one-way routine: no reply message at all, also on error")
{
	struct give given = { .dest = begin(NULL) };
	port_name_t r = new_port(T);
	char body[4] = { 5 };
	struct letter asked = letter(given.dest, CS, ROUTINE_m_note);

	OK(run(T, run_note, &given, sizeof(given)));
	given.code = 5;
	OK(run(T, run_note, &given, sizeof(given)));
	/* Who gives it a reply right all the same hears that it was dropped. */
	asked.local = r;
	asked.local_disposition = KSO;
	asked.body = (struct wire_blob){ body, sizeof(body) };
	OK(exchange(T, &asked, NULL));
	OK(call_null(T, given.dest));
	expect_notification(T, r, PORT_NOTIFY_SEND_ONCE, -1);
	IS(counts->notes, 3);
	/* And of a malformed one nobody hears. */
	OK(send_plain(T, given.dest, CS, ROUTINE_m_note));
	OK(call_null(T, given.dest));
	IS(counts->notes, 3);
}

CASE(M09, CASE_PRIVATE, "server killed in mid-call: SERVER_DIED within 100 ms")
{
	port_name_t m = begin(NULL);
	uint64_t since;

	post_run(T, run_wait, &m, sizeof(m));
	UNTIL(counts->handled == 1);
	since = now_ms();
	kill_now(U);
	IS(fetch_run(T, NULL, 0), PORT_E_RPC_SERVER_DIED);
	YES(jittering() || now_ms() - since <= 100);
}

static long
run_dropped(void *arg)
{
	struct m_hold_out out;
	struct port_reply reply;
	int err = m_hold_call(*(port_name_t *)arg, &(struct m_hold_in){ .drop = 1 }, &out, &reply,
	    PORT_FOREVER);

	port_reply_deinit(&reply);
	return err;
}

CASE(M10, CASE_PRIVATE, "server drops the reply right: SERVER_DIED")
{
	port_name_t m = begin(NULL);

	IS(run(T, run_dropped, &m, sizeof(m)), PORT_E_RPC_SERVER_DIED);
	OK(call_null(T, m));
}

static long
run_late(void *arg)
{
	port_name_t m = *(port_name_t *)arg;
	struct m_hold_out out;
	struct port_reply reply;
	uint32_t sum;

	IS(m_hold_call(m, &(struct m_hold_in){ 0 }, &out, &reply, 10), PORT_E_RCV_TIMED_OUT);
	port_reply_deinit(&reply);
	OK(run_flush(arg));
	OK(add_call(m, 3, 4, &sum, PORT_FOREVER));
	IS(sum, 7);
	return 0;
}

CASE(M11, CASE_PRIVATE, "call times out, server answers late: the next call does not see it")
{
	port_name_t m = begin(NULL);

	OK(run(T, run_late, &m, sizeof(m)));
	NAMES(idle_thread(U), n_names);
}

struct often {
	port_name_t dest;
	uint32_t n;
	uint32_t first;
};

static long
run_often(void *arg)
{
	struct often *often = arg;

	for (uint32_t i = 0; i < often->n; i++) {
		uint32_t a = often->first + i, sum;
		int err = add_call(often->dest, a, 1, &sum, PORT_FOREVER);

		if (err != 0)
			return err;
		if (sum != a + 1)
			return -1;
	}
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
enum { is_sanitized = 1 };
#else
enum { is_sanitized = 0 };
#endif

/* Pages in memory. */
static long
resident(pid_t pid)
{
	char path[64];
	long pages = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		FAIL("no %s", path);
	fclose(file);
	return pages;
}

static void
call_often(void)
{
	struct often often = { .dest = begin(NULL), .n = 1000 };
	struct world_count before, after;
	size_t names;
	long pages;

	OK(run(T, run_often, &often, sizeof(often)));
	before = world_count();
	pages = resident(world_pid()) + resident(pid_of(T)) + resident(pid_of(U));
	names = count_names(T);
	often.n = many(250 * 1000);
	OK(run(T, run_often, &often, sizeof(often)));
	after = world_count();
	IS(after.ports, before.ports);
	IS(after.messages, before.messages);
	IS(after.regions, before.regions);
	pages = resident(world_pid()) + resident(pid_of(T)) + resident(pid_of(U)) - pages;
	/* A sanitizer keeps what was freed for a while. */
	YES(pages < 128 || is_sanitized);
	NAMES(T, (long long)names);
	NAMES(idle_thread(U), n_names);
}

/* In four parts: each has its own limit of time. */
#define M13_TEXT "10^6 calls: no growth in names, ports, memory"
CASE(M13a, CASE_PRIVATE | CASE_HEAVY, M13_TEXT)
{
	call_often();
}

CASE(M13b, CASE_PRIVATE | CASE_HEAVY, M13_TEXT)
{
	call_often();
}

CASE(M13c, CASE_PRIVATE | CASE_HEAVY, M13_TEXT)
{
	call_often();
}

CASE(M13d, CASE_PRIVATE | CASE_HEAVY, M13_TEXT)
{
	call_often();
}

/* Memory ---------------------------------------------------------------------------------- */

struct echo {
	port_name_t dest;
	size_t size;
};

static long
run_echo(void *arg)
{
	struct echo *echo = arg;
	void *data = malloc(echo->size + 1);
	struct m_echo_in in = { .text = "fifteen letters", .bytes = { data, echo->size } };
	struct m_echo_out out;
	struct port_reply reply;

	memory_fill(data, echo->size, echo->size);
	OK(m_echo_call(echo->dest, &in, &out, &reply, PORT_FOREVER));
	YES(strcmp(out.text, in.text) == 0);
	IS(out.bytes.size, echo->size);
	IS(memory_sum(out.bytes.data, out.bytes.size), memory_expected(echo->size, echo->size));
	port_reply_deinit(&reply);
	free(data);
	return 0;
}

CASE(M14, CASE_PRIVATE, "memory around each threshold, and none: equal content both ways")
{
	static const size_t thresholds[] = {
		64, 4096, 16 * 1024, 64 * 1024, PORT_MSG_BODY_MAX - 64, PORT_MSG_BODY_MAX, 1 << 20,
	};
	struct echo echo = { .dest = begin(NULL) };

	OK(run(T, run_echo, &echo, sizeof(echo)));
	for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++)
		for (int d = -1; d <= 1; d++) {
			echo.size = thresholds[i] + (size_t)(ssize_t)d;
			OK(run(T, run_echo, &echo, sizeof(echo)));
		}
}

/* Interruption and order ---------------------------------------------------------------------- */

CASE(M17, CASE_PRIVATE, "signal during a call: it completes, handler ran once")
{
	port_name_t m = begin(NULL);

	catch_signal(T, SIGUSR1);
	post_run(T, run_wait, &m, sizeof(m));
	UNTIL(counts->handled == 1);
	UNTIL(waiting(T) == 1);
	for (uint32_t i = 1; i <= 5; i++) {
		signal_thread(T, SIGUSR1);
		UNTIL(signals_of(T) == i);
	}
	YES(is_running(T));
	counts->go = 1;
	OK(fetch_run(T, NULL, 0));
	IS(counts->handled, 1);
}

CASE(M18, CASE_PRIVATE, "handler sees a dense seqno: what an interruption has to precede")
{
	struct give given = { .dest = begin(NULL) };

	for (int i = 0; i < 10; i++)
		OK(run(T, run_note, &given, sizeof(given)));
	OK(call_null(T, given.dest));
	IS(counts->notes, 10);
	for (uint32_t i = 0; i < 10; i++)
		IS(counts->seqno[i], i);
}

CASE(M19, CASE_PRIVATE | CASE_HEAVY,
    "64 client threads, 8 server threads: every reply reaches its caller")
{
	port_name_t p;
	struct often often = { .dest = begin(&p), .n = many(2000) };

	for (int i = 1; i < 8; i++)
		serve_in(thread_of(U, i), p);
	for (int i = 0; i < 64; i++) {
		often.first = (uint32_t)i << 20;
		post_run(thread_of(T, i), run_often, &often, sizeof(often));
	}
	for (int i = 0; i < 64; i++)
		OK(fetch_run(thread_of(T, i), NULL, 0));
	IS(counts->handled, 64 * often.n);
}

static long
run_back(void *arg)
{
	struct give *given = arg;
	struct m_back_in in = { .client = port_make_send(given->port) };
	struct m_back_out out = { 0 };
	struct port_reply reply;
	int err = m_back_call(given->dest, &in, &out, &reply, PORT_FOREVER);

	port_reply_deinit(&reply);
	return err ? err : (long)out.sum;
}

CASE(M20, CASE_PRIVATE, "server calls back its client inside a handler: no deadlock")
{
	struct give given = { .dest = begin(NULL), .port = new_port(T) };

	serve_in(thread_of(T, 1), given.port);
	IS(run(T, run_back, &given, sizeof(given)), 5);
	/* The thread that served has a reply port now. */
	NAMES(idle_thread(U), n_names + 1);
}

static long
run_impatient(void *arg)
{
	uint32_t sum;

	return add_call(*(port_name_t *)arg, 1, 1, &sum, 10);
}

CASE(M21, CASE_PRIVATE, "full queue and a timeout: timed out, and the request is never executed")
{
	port_name_t p, m;

	counts = shared(sizeof(*counts));
	p = new_port(U);
	m = give(U, p, KS, T);
	fill(T, m, PORT_QLIMIT_DEFAULT);
	IS(run(T, run_impatient, &m, sizeof(m)), PORT_E_SEND_TIMED_OUT);
	ENTRY(T, m, "S1");
	serve_in(U, p);
	OK(call_null(T, m));
	IS(counts->handled, 1);
}

static long
run_intrude(void *arg)
{
	struct port_message message = {
		.id = ROUTINE_m_wait + RPC_REPLY_OFFSET,
		.remote = *(port_name_t *)arg,
		.remote_disposition = PORT_COPY_SEND,
	};
	int codes = 0;

	for (uint32_t d = PORT_MOVE_RECEIVE; d <= PORT_MAKE_SEND_ONCE; d++) {
		message.remote_disposition = d;
		codes += port_send(&message, 0) == 0;
	}
	return codes;
}

CASE(M23, CASE_PRIVATE, "a third task without the right makes nothing appear on a reply port")
{
	port_name_t m = begin(NULL);
	struct port_entry *entries;
	size_t n;

	post_run(T, run_wait, &m, sizeof(m));
	UNTIL(counts->handled == 1);
	UNTIL(waiting(T) == 1);
	entries = names(thread_of(T, 1), &n);
	for (size_t i = 0; i < n; i++)
		if (entries[i].type & TYPE_RECEIVE)
			IS(run(V, run_intrude, &entries[i].name, sizeof(entries[i].name)), 0);
	free(entries);
	YES(is_running(T));
	counts->go = 1;
	OK(fetch_run(T, NULL, 0));
}

enum { PORTS = 100 };

static long
run_move(void *arg)
{
	struct give *given = arg;
	struct wire_port many_ports[PORTS];
	port_name_t other;
	struct m_move_in in = {
		.port = port_move_receive(given->port),
		.many = { many_ports, PORTS, PORT_MAKE_SEND },
	};
	struct m_move_out out;
	struct port_reply reply;

	OK(port_allocate(PORT_RIGHT_RECEIVE, &other));
	for (int i = 0; i < PORTS; i++)
		many_ports[i] = (struct wire_port){ other, PORT_MAKE_SEND };
	OK(m_move_call(given->dest, &in, &out, &reply, PORT_FOREVER));
	port_reply_deinit(&reply);
	IS(out.distinct, 1);
	given->code = out.first;
	return out.name;
}

CASE(M24, CASE_PRIVATE,
    "a receive right and an array of 100 ports as arguments: arrive by the rules")
{
	struct give given = { .dest = begin(NULL), .port = new_port_rs(T) };
	port_name_t moved = (port_name_t)run(T, run_move, &given, sizeof(given));

	ENTRY(T, given.port, "S1");
	ENTRY(idle_thread(U), moved, "R");
	ENTRY(idle_thread(U), given.code, "S100");
}

/* Rubbish ------------------------------------------------------------------------- */

/* Bytes that could mean something: small numbers are lengths and indices. */
static struct wire_buf
rubbish(void)
{
	struct wire_buf buf = { 0 };
	uint32_t n = chance(40);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)(chance(3) ? chance(4) : chance(256));

		wire_put_bytes(&buf, &byte, 1);
	}
	return buf;
}

/* The code of an answer; -1: there is none. */
static int
code_of(struct port_message *answer)
{
	int code = answer->body.size ? wire_get_i32(&answer->body) : -1;

	port_message_deinit(answer);
	return code;
}

struct rubbish {
	uint32_t n;
	struct counts *counts;
};

static long
run_rubbish(void *arg)
{
	static const struct port_table table = PORT_TABLE(m, &server, NULL);
	static const struct port_service service = { .tables = &table, .n_tables = 1 };
	struct rubbish *given = arg;
	uint32_t n = given->n, errors = 0;

	counts = given->counts;
	for (uint32_t i = 0; i < n; i++) {
		struct port_message answer, message = { .id = 4990 + chance(40) };

		if (message.id == ROUTINE_m_wait || message.id == ROUTINE_m_back ||
		    message.id == ROUTINE_m_note)
			continue;
		message.body = rubbish();
		YES(port_demux(&service, &message, &answer));
		errors += code_of(&answer) > 0;
	}
	return errors > n / 2;
}

CASE(M25, CASE_PRIVATE | CASE_HEAVY,
    "random bytes to the dispatch, 10^6: only error replies, no crash, no leak")
{
	struct rubbish given = { many(1000 * 1000), shared(sizeof(*counts)) };
	size_t before = count_names(T);

	IS(run(T, run_rubbish, &given, sizeof(given)), 1);
	NAMES(T, (long long)before);
}
