/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite: what a conformance case is written with.
 *
 *	CASE(B03, FD_NEVER, "U holds m:S1 for p; T sends S(p) again: m:S2")
 *	{
 *		port_name_t p = new_port(T), m = give(T, p, KS, U);
 *		...
 *		ENTRY(U, m, "S2");
 *	}
 *
 * A case runs in a process of its own, with three tasks T, U and V: processes ("agents") that
 * do what the case tells them, each in as many threads as the case names. A case that crashes,
 * fails a check or takes longer than CASE_SECONDS has failed; the next one runs all the same.
 * After it its agents are killed, and portd must hold nothing: no task, port, message, region,
 * account or descriptor.
 *
 * What is not a call on a task here is called in it by run(): agents are forks of the
 * case's process, so a function of the case can run in any of them. All checks work there,
 * too. Nothing here sleeps for luck: post() returns when its thread waits in portd, has_reply()
 * knows when there will be none. */
#ifndef TESTS_PORTS_SUITE_H
#define TESTS_PORTS_SUITE_H

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/ports/backend.h"
#include "port/port.h"

/* Words of the notation ------------------------------------------------------- */

enum {
	MR = PORT_MOVE_RECEIVE,
	MS = PORT_MOVE_SEND,
	MSO = PORT_MOVE_SEND_ONCE,
	CS = PORT_COPY_SEND,
	KS = PORT_MAKE_SEND,
	KSO = PORT_MAKE_SEND_ONCE,

	SEND = PORT_RIGHT_SEND,
	RECEIVE = PORT_RIGHT_RECEIVE,
	SEND_ONCE = PORT_RIGHT_SEND_ONCE,
	PORT_SET = PORT_RIGHT_PORT_SET,
	DEAD_NAME = PORT_RIGHT_DEAD_NAME,

	UNKNOWN = 0x7654321,	/* a name that nobody has */
};

#define TYPE_SEND PORT_TYPE(PORT_RIGHT_SEND)
#define TYPE_RECEIVE PORT_TYPE(PORT_RIGHT_RECEIVE)
#define TYPE_SEND_ONCE PORT_TYPE(PORT_RIGHT_SEND_ONCE)
#define TYPE_PORT_SET PORT_TYPE(PORT_RIGHT_PORT_SET)
#define TYPE_DEAD_NAME PORT_TYPE(PORT_RIGHT_DEAD_NAME)

/* Cases ------------------------------------------------------------------------ */

enum case_flags {
	FD_CAN = 0,		/* plain descriptors do it right */
	FD_NEVER = 1 << 0,	/* [FD✗]: the toy must fail it */
	FD_LIBRARY = 1 << 1,	/* [FD~]: the toy may fail it */
	CASE_HEAVY = 1 << 2,	/* the world is checked at its end, not after each request */
	CASE_PRIVATE = 1 << 3,	/* of libhird and this portd alone: not run on the toy */
};

enum { CASE_SECONDS = 60 };

struct conformance_case {
	const char *id;
	unsigned flags;		/* enum case_flags */
	const char *text;
	void (*body)(void);
	struct conformance_case *next;
};

void case_register(struct conformance_case *one);

/* Ids are unique over all files; more than one case of a line of the design: B09a, B09b. */
#define CASE(id, flags, text) \
	static void case_##id##_body(void); \
	static struct conformance_case case_##id = { #id, flags, text, case_##id##_body, NULL }; \
	__attribute__((constructor)) static void \
	case_##id##_register(void) \
	{ \
		case_register(&case_##id); \
	} \
	static void \
	case_##id##_body(void)

/* Checks: in a case and in what it runs in an agent ----------------------------------- */

/* Ends the case with "file:line: what". */
_Noreturn void case_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends it as skipped, with the reason. */
_Noreturn void case_skip(const char *why);
void check_is(const char *file, int line, const char *what, long long is, long long wanted);
void check_differ(const char *file, int line, const char *what, long long one, long long other);

#define FAIL(...) case_fail(__FILE__, __LINE__, __VA_ARGS__)
#define IS(expression, wanted) check_is(__FILE__, __LINE__, #expression, (expression), (wanted))
#define OK(expression) IS(expression, 0)
#define DIFFER(one, other) check_differ(__FILE__, __LINE__, #one, (one), (other))
#define YES(condition) ((condition) ? (void)0 : FAIL("not %s", #condition))
#define NO(condition) ((condition) ? FAIL("%s", #condition) : (void)0)
#define SAME_BYTES(one, other, size) YES(memcmp(one, other, size) == 0)
/* What a name is, in the notation of the design: "-", "R", "S3", "RS2", "SO", "D2", "PS". */
#define ENTRY(task, name, wanted) check_entry(__FILE__, __LINE__, #name, task, name, wanted)
/* How many names a task has: at first one, for the right it was born with. */
#define NAMES(task, n) \
	check_is(__FILE__, __LINE__, "names of " #task, (long long)count_names(task), n)
/* Waits until something is true that another process makes so; fails after PATIENCE_MS. */
#define UNTIL(condition) \
	do { \
		for (uint64_t until_ = now_ms() + PATIENCE_MS; !(condition); nap()) \
			if (now_ms() > until_) \
				FAIL("never %s", #condition); \
	} while (0)

enum { PATIENCE_MS = 20000 };

struct task;
void check_entry(const char *file, int line, const char *what, struct task *task,
    port_name_t name, const char *wanted);
uint64_t now_ms(void);
void nap(void);			/* a moment */
/* Agents are being stopped and continued at random: what is measured means nothing. */
bool jittering(void);
/* The number itself under `make check-ports`, a part of it in a quick run (make check). */
uint32_t many(uint32_t n);
/* Numbers that look random; the run prints the seed (HIRD_SEED). Usable in agents. */
uint32_t chance(uint32_t n);

/* Tasks ----------------------------------------------------------------------------- */

/* A struct task is one thread of an agent: T is the first thread of that agent. */
extern struct task *T, *U, *V;

/* Another thread of a task (n = 1, 2, ... 70; 0: the task's first). The same n is the same
 * thread. */
struct task *thread_of(struct task *task, int n);
/* Ends a thread by pthread_cancel, wherever it waits. thread_of() makes a new one. */
void cancel_thread(struct task *thread);
/* One more task besides T, U and V; up to 8. */
struct task *new_task(void);

/* Calls function(arg) in that thread, with a copy of `size` bytes at arg, copied back
 * afterwards (at most RUN_ARG_MAX). Returns what it returned. */
long run(struct task *task, long (*function)(void *arg), void *arg, size_t size);
/* Starts it, and collects it: has to be fetched before the thread does anything else. */
void post_run(struct task *task, long (*function)(void *arg), const void *arg, size_t size);
long fetch_run(struct task *task, void *arg, size_t size);
bool is_running(struct task *task);	/* a post_run has not ended */
enum { RUN_ARG_MAX = 512 * 1024 };
/* Memory, zeroed, that the case and all its agents see, present and future. */
void *shared(size_t size);

pid_t pid_of(struct task *task);
pid_t tid_of(struct task *task);
uint32_t id_of(struct task *task);	/* portd's number, as in a message's sender_task */

/* Death is exact: the process is gone and reaped; kill_task() waits until portd has
 * noticed, too, kill_now() does not. Whatever was posted in its threads is gone with it. */
void kill_task(struct task *task);
void kill_now(struct task *task);
/* A new process under the same name, after kill_task() or exec_task(): a new, empty task.
 * Threads are to be asked for again with thread_of(). */
void restart(struct task *task);
/* SIGSTOP: returns when it has stopped; --jitter leaves it alone. */
void stop_task(struct task *task);
void continue_task(struct task *task);
void signal_task(struct task *task, int number);
/* To this thread; its handler counts, without SA_RESTART: see signals_of(). */
void signal_thread(struct task *task, int number);
void catch_signal(struct task *task, int number);
uint32_t signals_of(struct task *task);
/* Forks in this thread. The child is no task of portd's: it serves run() and nothing else until
 * it attaches itself. It is killed with kill_now(). */
struct task *fork_task(struct task *task);
/* The process becomes another program, which sits there; only pid_of, kill_* and restart are
 * left for it. */
void exec_task(struct task *task);

/* The holder's name for the other's task port: a send right, made when first asked for, so it
 * counts among the holder's names. Moves as any right. */
port_name_t task_port(struct task *holder, struct task *other);

/* Rights ------------------------------------------------------------------------------ */

port_name_t new_port(struct task *c);
/* A port with a send right under the same name. */
port_name_t new_port_rs(struct task *c);
port_name_t new_set(struct task *c);
port_name_t new_dead_name(struct task *c, int urefs);
/* Moves a right from one task to another without a message, by the rules of a message. */
port_name_t give(struct task *from, port_name_t name, uint32_t disposition, struct task *to);
/* Destroys the receive right alone. */
void kill_port(struct task *c, port_name_t name);

int allocate(struct task *c, uint32_t kind, port_name_t *namep);
int allocate_name(struct task *c, uint32_t kind, port_name_t name);
int deallocate(struct task *c, port_name_t name);
int destroy(struct task *c, port_name_t name);
int mod_refs(struct task *c, port_name_t name, uint32_t kind, int32_t delta);
int get_refs(struct task *c, port_name_t name, uint32_t kind, uint32_t *urefsp);
uint32_t refs(struct task *c, port_name_t name, uint32_t kind);	/* must succeed */
int get_type(struct task *c, port_name_t name, uint32_t *typep);
uint32_t type_of(struct task *c, port_name_t name);	/* 0: no such name */
int rename_name(struct task *c, port_name_t name, port_name_t new_name);
/* The caller's to free(). */
struct port_entry *names(struct task *c, size_t *n_namesp);
size_t count_names(struct task *c);
int insert(struct task *c, port_name_t name, port_name_t right, uint32_t disposition);

/* The same on the space of another task, that c has the task port of (task_port()). */
int allocate_in(struct task *c, port_name_t task, uint32_t kind, port_name_t *namep);
int allocate_name_in(struct task *c, port_name_t task, uint32_t kind, port_name_t name);
int deallocate_in(struct task *c, port_name_t task, port_name_t name);
int destroy_in(struct task *c, port_name_t task, port_name_t name);
int mod_refs_in(struct task *c, port_name_t task, port_name_t name, uint32_t kind, int32_t delta);
int get_refs_in(struct task *c, port_name_t task, port_name_t name, uint32_t kind,
    uint32_t *urefsp);
int get_type_in(struct task *c, port_name_t task, port_name_t name, uint32_t *typep);
int rename_in(struct task *c, port_name_t task, port_name_t name, port_name_t new_name);
int names_in(struct task *c, port_name_t task, size_t *n_namesp);
int insert_in(struct task *c, port_name_t task, port_name_t name, port_name_t right,
    uint32_t disposition);
int extract(struct task *c, port_name_t task, port_name_t name, uint32_t disposition,
    port_name_t *rightp);
int request_in(struct task *c, port_name_t task, port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, uint32_t disposition, port_name_t *previousp);
int move_member_in(struct task *c, port_name_t task, port_name_t member, port_name_t set);
int set_status_in(struct task *c, port_name_t task, port_name_t set, size_t *n_membersp);
int receive_status_in(struct task *c, port_name_t task, port_name_t name,
    struct receive_status_out *status);
int set_qlimit_in(struct task *c, port_name_t task, port_name_t name, uint32_t qlimit);

/* Sets. */
int move_member(struct task *c, port_name_t member, port_name_t set);
int set_status(struct task *c, port_name_t set, port_name_t *members, size_t room,
    size_t *n_membersp);
/* Whether a set lists exactly these, in any order; PORT_NULL ends the list. */
bool set_is(struct task *c, port_name_t set, ...);

/* Attributes of a receive right. */
int get_status(struct task *c, port_name_t name, struct receive_status_out *status);
struct receive_status_out status(struct task *c, port_name_t name);	/* must succeed */
int set_qlimit(struct task *c, port_name_t name, uint32_t qlimit);
int set_mscount(struct task *c, port_name_t name, uint32_t mscount);
int set_seqno(struct task *c, port_name_t name, uint32_t seqno);
int set_payload(struct task *c, port_name_t name, uint64_t payload);
int clear_payload(struct task *c, port_name_t name);
int peek(struct task *c, port_name_t name, struct peek_out *peeked);
int construct(struct task *c, uint32_t flags, uint32_t qlimit, uint64_t context,
    port_name_t *namep);
int destruct(struct task *c, port_name_t name, int32_t send_delta, uint64_t guard);
int guard(struct task *c, port_name_t name, uint64_t guard, int strict);
int unguard(struct task *c, port_name_t name, uint64_t guard);
int swap_guard(struct task *c, port_name_t name, uint64_t old_guard, uint64_t new_guard);
int task_self(struct task *c, port_name_t *taskp);

/* Notifications. */
int request(struct task *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify,
    uint32_t disposition, port_name_t *previousp);
/* Asks for one on `notify` (KSO); there was no request before. */
void ask(struct task *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify);
/* K75: the one message there is, with the form of every notification. value: the name or the count
 * in its body; -1: it has none. Not for port-destroyed, which carries a right. */
void expect_notification(struct task *c, port_name_t name, uint32_t id, int64_t value);

/* Messages ------------------------------------------------------------------------------ */

/* A message to be sent, and what to receive. */
struct letter {
	uint32_t options;		/* PORT_MSG_* */
	port_name_t remote;
	uint32_t remote_disposition;	/* bits above 8 travel as undefined header bits */
	port_name_t local;
	uint32_t local_disposition;
	uint32_t id;
	uint32_t send_timeout_ms;
	port_name_t rcv_name;
	uint32_t rcv_size;		/* bytes of body that there is room for */
	uint32_t rcv_timeout_ms;
	struct wire_blob body;
	const struct wire_port *ports;	/* rights in the body */
	size_t n_ports;
	const struct item *items;	/* instead of ports: anything beside the bytes */
	size_t n_items;
	int fd;				/* a descriptor of the agent's as cargo, closed on success; 0: none */
	bool flat;			/* by port_msg, whatever it needs */
};

/* An element beside the bytes, in the terms of struct port_descriptor. As sent: memory of
 * `size` bytes is made by the agent and filled by memory_fill(seed). As received: `size`, and
 * `seed` = memory_sum() of what was there; the memory is freed. */
struct item {
	uint32_t type;			/* enum port_descriptor_type */
	uint32_t disposition;
	uint32_t deallocate;
	port_name_t name;		/* PORT; FD: the agent's number */
	uint64_t size;			/* MEMORY: bytes; PORTS: how many names */
	uint64_t seed;			/* MEMORY */
	const port_name_t *names;	/* PORTS */
};

/* What came back; ports, items and body live until the thread's next call. */
struct mail {
	struct msg_out out;		/* header, trailer and bytes */
	const struct wire_port *ports;	/* the items that are single rights */
	size_t n_ports;
	const struct item *items;	/* all of them, in order, when it came by port_msg */
	size_t n_items;
	int fd;				/* that came along: the agent's number, or -1 */
};

/* Bytes that depend on the seed; and the sum of such bytes. */
void memory_fill(void *data, size_t size, uint64_t seed);
uint64_t memory_sum(const void *data, size_t size);
/* memory_sum() of what memory_fill() makes. */
uint64_t memory_expected(size_t size, uint64_t seed);

/* A letter that sends and does not wait for room. */
struct letter letter(port_name_t remote, uint32_t remote_disposition, uint32_t id);
/* A letter that receives what is there now. */
struct letter wish(port_name_t name);

/* Does a letter: 0, a PORT_E_* or -errno, and *mail (NULL: thrown away; its rights stay) when it
 * received, or got its own message back. */
int exchange(struct task *c, const struct letter *letter, struct mail *mail);
/* Starts one: returns when the thread waits in portd, or has been answered. */
void post(struct task *c, const struct letter *letter);
/* Waits for what was posted. */
int fetch(struct task *c, struct mail *mail);
/* Whether what was posted is answered; false means that everything that was done before has
 * been seen to, and the thread waits in portd. */
bool has_reply(struct task *c);
/* How many threads of the task wait in portd, to send or to receive. */
uint32_t waiting(struct task *c);

int send_plain(struct task *c, port_name_t remote, uint32_t remote_disposition, uint32_t id);
int send_reply(struct task *c, port_name_t remote, uint32_t rd, port_name_t local, uint32_t ld);
int send_right(struct task *c, port_name_t remote, uint32_t rd, port_name_t name,
    uint32_t disposition);
/* So many messages with ids 0, 1, ... by COPY_SEND; they must fit. */
void fill(struct task *c, port_name_t name, uint32_t n);
/* Receives without waiting. */
int receive(struct task *c, port_name_t name, struct mail *mail);
/* Waits for a message; without a limit of time. */
void post_receive(struct task *c, port_name_t name);
/* Starts to send without a limit of time. */
void post_send(struct task *c, port_name_t remote, uint32_t remote_disposition, uint32_t id);
void expect_message(struct task *c, port_name_t name, uint32_t id);
void expect_nothing(struct task *c, port_name_t name);
/* Sends rights from one task in one message to a port of another, made for this, and tells
 * their names there. */
void mail_rights_to(struct task *from, const struct wire_port *ports, size_t n_ports,
    struct task *to, port_name_t *names);
/* From T to U. */
void mail_rights(const struct wire_port *ports, size_t n_ports, port_name_t *names);

/* The world ------------------------------------------------------------------------------ */

struct world_count {
	uint32_t tasks;
	uint32_t ports;
	uint32_t messages;
	uint32_t regions;
};

/* All there is, of all tasks. */
struct world_count world_count(void);
/* portd checks its books (1.7): in its own process, which ends when they are wrong. */
void world_verify(void);
/* Checks after each request, or not (a part of a case that would take too long). */
void world_checked(bool on);
/* portd has seen to everything that was asked of it before. */
void settle(void);
pid_t world_pid(void);

#endif
