/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent: starts, threads, ends and disturbs the processes of a case. */
#include "tests/ports/agent.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/sys.h"

enum { SLOT_FREE, SLOT_ASKED, SLOT_DONE };
enum { SERVANT = 0, FIRST = 1 };	/* among the threads of an agent */
enum { ARENA_SIZE = 768 << 20 };	/* of addresses; only what is used is memory */

struct stage *stage;
bool is_quick, is_flat, is_jittering;
int jitter_line = -1;
struct task *T, *U, *V;

static struct agent agents[TASKS_MAX];
static int n_agents;
static struct {
	char *next, *end;
} arena;
static pid_t case_pid;

/* Words ------------------------------------------------------------------------------ */

uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

bool
jittering(void)
{
	return is_jittering;
}

uint32_t
many(uint32_t n)
{
	return is_quick && n > 100 ? n / 20 : n;
}

uint32_t
chance(uint32_t n)
{
	uint64_t x = atomic_fetch_add(&stage->seed, 0x9e3779b9u) + 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((x ^ x >> 31) >> 16) % n;
}

/* The end of a case ----------------------------------------------------------------------- */

/* The first word counts. An agent that has failed just ends: the case notices. */
static _Noreturn void
end_case(uint32_t how)
{
	uint32_t running = STAGE_RUNNING;

	atomic_compare_exchange_strong(&stage->ended, &running, how);
	if (getpid() == case_pid)
		agents_end();
	_exit(1);
}

/* Writes why, unless somebody else has. */
static bool
say_why(const char *format, va_list args)
{
	static _Thread_local char why[sizeof(stage->why)];

	vsnprintf(why, sizeof(why), format, args);
	for (char *p = why; *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (stage->why[0])
		return false;
	memcpy(stage->why, why, sizeof(why));
	return true;
}

void
case_fail(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char where[600];
	va_list args;

	snprintf(where, sizeof(where), "%s:%d: %s", base ? base + 1 : file, line, format);
	va_start(args, format);
	say_why(where, args);
	va_end(args);
	end_case(STAGE_FAILED);
}

static void
say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_why(format, args);
	va_end(args);
}

void
case_skip(const char *why)
{
	say("%s", why);
	end_case(STAGE_SKIPPED);
}

/* A code with its sentence, a small number as it is. */
static const char *
number_text(long long value, char *text, size_t room)
{
	if (value >= 0x10000000 && value < 0x30000000)
		snprintf(text, room, "%#llx (%s)", value, port_error_text((int)value));
	else if (value > -4096 && value < 0)
		snprintf(text, room, "%lld (%s)", value, strerror((int)-value));
	else if (value > 0xffff)
		snprintf(text, room, "%#llx", value);
	else
		snprintf(text, room, "%lld", value);
	return text;
}

void
check_is(const char *file, int line, const char *what, long long is, long long wanted)
{
	char one[200], other[200];

	if (is == wanted)
		return;
	case_fail(file, line, "%s is %s, not %s", what, number_text(is, one, sizeof(one)),
	    number_text(wanted, other, sizeof(other)));
}

void
check_differ(const char *file, int line, const char *what, long long one, long long other)
{
	char text[200];

	if (one == other)
		case_fail(file, line, "%s is %s", what, number_text(one, text, sizeof(text)));
}

/* Memory --------------------------------------------------------------------------------- */

static void
open_arena(void)
{
	char *start = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (start == MAP_FAILED)
		FAIL("no memory for the agents");
	arena.next = start;
	arena.end = start + ARENA_SIZE;
}

void *
shared(size_t size)
{
	char *p = arena.next;

	size = (size + 63) & ~(size_t)63;
	if (size > (size_t)(arena.end - p))
		FAIL("shared(%zu): there is no more", size);
	arena.next = p + size;
	return p;
}

/* Slots ---------------------------------------------------------------------------------- */

static void
futex_wait(_Atomic uint32_t *word, uint32_t value, int ms)
{
	struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

	syscall(SYS_futex, word, FUTEX_WAIT, value, ms < 0 ? NULL : &limit, NULL, 0);
}

static void
set_state(struct slot *slot, uint32_t state)
{
	atomic_store(&slot->state, state);
	syscall(SYS_futex, &slot->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static _Thread_local struct slot *my_slot;

/* A thread of an agent does what it is asked. */
static void *
serve(void *arg)
{
	struct slot *slot = arg;
	uint32_t state;

	my_slot = slot;
	slot->tid = (pid_t)syscall(SYS_gettid);
	for (;;) {
		while ((state = atomic_load(&slot->state)) != SLOT_ASKED)
			futex_wait(&slot->state, state, -1);
		slot->result = slot->function(slot->arg);
		set_state(slot, SLOT_DONE);
	}
	return NULL;
}

/* What no check of the case's has foreseen: an agent ended. */
static void
check_alive(const struct task *task)
{
	siginfo_t info = { 0 };

	if (atomic_load(&stage->ended) != STAGE_RUNNING)
		end_case(STAGE_FAILED);
	if (waitid(P_PIDFD, (id_t)task->agent->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return;		/* not our child: a fork of an agent's */
	if (info.si_pid == 0)
		return;
	if (atomic_load(&stage->ended) != STAGE_RUNNING)
		end_case(STAGE_FAILED);
	FAIL("an agent ended: %s %d", info.si_code == CLD_EXITED ? "status" : "signal",
	    info.si_status);
}

struct slot *
free_slot(struct task *task)
{
	if (!task->slot)
		FAIL("this thread is not there (ask for it with thread_of(), restart())");
	if (task->posted)
		FAIL("this thread has something to be fetched first");
	return task->slot;
}

bool
is_slot_done(struct task *task)
{
	if (atomic_load(&task->slot->state) == SLOT_DONE)
		return true;
	check_alive(task);
	return false;
}

static void
ask_slot(struct task *task, long (*function)(void *arg))
{
	struct slot *slot = free_slot(task);

	slot->function = function;
	set_state(slot, SLOT_ASKED);
}

static long
await_slot(struct task *task)
{
	struct slot *slot = task->slot;

	while (!is_slot_done(task))
		futex_wait(&slot->state, SLOT_ASKED, 20);
	atomic_store(&slot->state, SLOT_FREE);
	return slot->result;
}

long
call_slot(struct task *task, long (*function)(void *arg))
{
	ask_slot(task, function);
	return await_slot(task);
}

void
post_slot(struct task *task, long (*function)(void *arg), bool is_letter)
{
	ask_slot(task, function);
	task->posted = true;
	task->is_letter = is_letter;
}

long
fetch_slot(struct task *task)
{
	if (!task->posted)
		FAIL("this thread has nothing to be fetched");
	task->posted = false;
	return await_slot(task);
}

uint32_t
letters_out(const struct task *task)
{
	uint32_t n = 0;

	for (int i = FIRST; i < THREADS_MAX; i++) {
		const struct task *t = &task->agent->threads[i];

		n += t->slot && t->posted && t->is_letter &&
		    atomic_load(&t->slot->state) == SLOT_ASKED;
	}
	return n;
}

long
run(struct task *task, long (*function)(void *arg), void *arg, size_t size)
{
	struct slot *slot = free_slot(task);
	long result;

	if (size > sizeof(slot->arg))
		FAIL("run: an argument of %zu bytes", size);
	if (size)
		memcpy(slot->arg, arg, size);
	result = call_slot(task, function);
	if (size)
		memcpy(arg, slot->arg, size);
	return result;
}

void
post_run(struct task *task, long (*function)(void *arg), const void *arg, size_t size)
{
	struct slot *slot = free_slot(task);

	if (size > sizeof(slot->arg))
		FAIL("post_run: an argument of %zu bytes", size);
	if (size)
		memcpy(slot->arg, arg, size);
	post_slot(task, function, false);
}

long
fetch_run(struct task *task, void *arg, size_t size)
{
	long result = fetch_slot(task);

	if (size)
		memcpy(arg, task->slot->arg, size);
	return result;
}

bool
is_running(struct task *task)
{
	return task->posted && !is_slot_done(task);
}

/* Life ------------------------------------------------------------------------------------ */

static void
set_pidfd(struct agent *agent, pid_t pid)
{
	agent->pid = pid;
	agent->pidfd = sys_pidfd_open(pid);
	if (agent->pidfd < 0)
		FAIL("pidfd_open: %s", strerror(-agent->pidfd));
	fcntl(agent->pidfd, F_SETFD, FD_CLOEXEC);
}

/* Whoever disturbs agents gets a pidfd of its own: it cannot hit a stranger. */
static void
tell_jitter(const struct agent *agent)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	int index = agent->index;
	struct iovec iov = { &index, sizeof(index) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (jitter_line < 0)
		return;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &agent->pidfd, sizeof(int));
	if (sendmsg(jitter_line, &msg, MSG_NOSIGNAL) < 0)
		FAIL("the line to --jitter: %s", strerror(errno));
}

/* The agent's side: its first thread serves the process itself. */
static _Noreturn void
be_agent(struct agent *agent)
{
	struct slot *servant = agent->threads[SERVANT].slot;
	uint32_t *idp = (uint32_t *)servant->arg;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != case_pid)
		_exit(1);
	err = api->attach(idp);
	if (err)
		FAIL("an agent cannot attach: %s", port_error_text(err));
	set_state(servant, SLOT_DONE);
	serve(servant);
	_exit(0);
}

static struct slot *
new_slot(void)
{
	return shared(sizeof(struct slot));
}

static void
start_agent(struct agent *agent)
{
	struct task *servant = &agent->threads[SERVANT];
	pid_t pid;

	servant->slot = new_slot();
	atomic_store(&servant->slot->state, SLOT_ASKED);
	pid = fork();
	if (pid < 0)
		FAIL("fork: %s", strerror(errno));
	if (pid == 0)
		be_agent(agent);
	set_pidfd(agent, pid);
	await_slot(servant);
	memcpy(&agent->id, servant->slot->arg, sizeof(agent->id));
	thread_of(&agent->threads[FIRST], 0);
	tell_jitter(agent);
}

static struct agent *
new_agent(void)
{
	struct agent *agent = &agents[n_agents];

	if (n_agents == TASKS_MAX)
		FAIL("no more than %d tasks", TASKS_MAX);
	agent->index = n_agents++;
	agent->pidfd = -1;
	for (int i = 0; i < THREADS_MAX; i++)
		agent->threads[i].agent = agent;
	return agent;
}

struct task *
new_task(void)
{
	struct agent *agent = new_agent();

	start_agent(agent);
	return &agent->threads[FIRST];
}

/* In the agent. */
static long
make_thread(void *arg)
{
	struct slot *slot = *(struct slot **)arg;
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	err = pthread_create(&slot->thread, &attr, serve, slot);
	pthread_attr_destroy(&attr);
	return err;
}

struct task *
thread_of(struct task *task, int n)
{
	struct agent *agent = task->agent;
	struct task *thread;

	if (n < 0 || n + FIRST >= THREADS_MAX)
		FAIL("no thread %d", n);
	thread = &agent->threads[n + FIRST];
	if (!thread->slot) {
		thread->slot = new_slot();
		OK(run(&agent->threads[SERVANT], make_thread, &thread->slot, sizeof(thread->slot)));
		while (!thread->slot->tid)
			nap();
	}
	return thread;
}

/* In the agent. */
static long
end_thread(void *arg)
{
	pthread_t thread = (*(struct slot **)arg)->thread;

	return pthread_cancel(thread) || pthread_join(thread, NULL);
}

void
cancel_thread(struct task *thread)
{
	struct agent *agent = thread->agent;

	OK(run(&agent->threads[SERVANT], end_thread, &thread->slot, sizeof(thread->slot)));
	*thread = (struct task){ .agent = agent };
}

pid_t
pid_of(struct task *task)
{
	return task->agent->pid;
}

pid_t
tid_of(struct task *task)
{
	return free_slot(task)->tid;
}

uint32_t
id_of(struct task *task)
{
	return task->agent->id;
}

/* Death ------------------------------------------------------------------------------------ */

static void
send_signal(const struct agent *agent, int number)
{
	if (agent->pidfd < 0)
		FAIL("this agent is gone");
	syscall(SYS_pidfd_send_signal, agent->pidfd, number, NULL, 0);
}

/* Stopped by the case itself, or no more. */
static void
hold(const struct agent *agent, bool held)
{
	pthread_mutex_lock(&stage->lock);
	stage->held[agent->index] = held;
	pthread_mutex_unlock(&stage->lock);
}

static void
bury(struct agent *agent)
{
	struct pollfd poller = { .fd = agent->pidfd, .events = POLLIN };
	siginfo_t info;

	while (poll(&poller, 1, PATIENCE_MS) < 0 && errno == EINTR)
		;
	/* A fork of an agent's is ours to reap, too, once its parent is gone. */
	waitid(P_PIDFD, (id_t)agent->pidfd, &info, WEXITED | WNOHANG);
	fd_close(&agent->pidfd);
	agent->pid = 0;
	for (int i = 0; i < THREADS_MAX; i++)
		agent->threads[i] = (struct task){ .agent = agent };
	for (int i = 0; i < n_agents; i++)
		agent->task_ports[i] = agents[i].task_ports[agent->index] = PORT_NULL;
}

void
kill_now(struct task *task)
{
	struct agent *agent = task->agent;

	hold(agent, true);
	send_signal(agent, SIGKILL);
	bury(agent);
}

static bool
is_known(uint32_t id)
{
	return id && world_ask(WORLD_WAITING, (uint32_t[4]){ id }).alive;
}

void
kill_task(struct task *task)
{
	uint32_t id = task->agent->id;

	kill_now(task);
	UNTIL(!is_known(id));
}

void
restart(struct task *task)
{
	struct agent *agent = task->agent;

	if (agent->pid)
		kill_task(task);
	start_agent(agent);
	hold(agent, false);
}

/* Whether the process has stopped. */
static bool
is_stopped(pid_t pid)
{
	char path[64], text[512], *p;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'T';
}

void
stop_task(struct task *task)
{
	hold(task->agent, true);
	send_signal(task->agent, SIGSTOP);
	UNTIL(is_stopped(pid_of(task)));
}

void
continue_task(struct task *task)
{
	send_signal(task->agent, SIGCONT);
	hold(task->agent, false);
}

void
signal_task(struct task *task, int number)
{
	send_signal(task->agent, number);
}

void
signal_thread(struct task *task, int number)
{
	syscall(SYS_tgkill, pid_of(task), task->slot->tid, number);
}

static void
count_signal(int number)
{
	(void)number;
	if (my_slot)
		atomic_fetch_add(&my_slot->n_signals, 1);
}

/* In the agent. */
static long
install_handler(void *arg)
{
	struct sigaction action = { .sa_handler = count_signal };

	return sigaction(*(int *)arg, &action, NULL);
}

void
catch_signal(struct task *task, int number)
{
	OK(run(&task->agent->threads[SERVANT], install_handler, &number, sizeof(number)));
}

uint32_t
signals_of(struct task *task)
{
	return atomic_load(&task->slot->n_signals);
}

/* In the agent, which stays; in its child, which serves another slot. */
static long
fork_off(void *arg)
{
	struct slot *slot = *(struct slot **)arg;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, 0);
	serve(slot);
	_exit(0);
}

struct task *
fork_task(struct task *task)
{
	struct agent *agent = new_agent();
	struct task *child = &agent->threads[FIRST];
	struct slot *slot = new_slot();
	long pid = run(task, fork_off, &slot, sizeof(slot));

	if (pid < 0)
		FAIL("fork in an agent: %s", strerror((int)-pid));
	set_pidfd(agent, (pid_t)pid);
	child->slot = slot;
	return child;
}

/* In the agent. */
static long
exec_away(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "suite", "--sit", NULL);
	return -errno;
}

/* Whether a process runs with --sit. */
static bool
is_sitting(pid_t pid)
{
	char path[64], text[64] = "";
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	n = file ? fread(text, 1, sizeof(text), file) : 0;
	if (file)
		fclose(file);
	return n == sizeof("suite\0--sit") && memcmp(text, "suite\0--sit", n) == 0;
}

void
exec_task(struct task *task)
{
	struct agent *agent = task->agent;

	post_slot(&agent->threads[SERVANT], exec_away, false);
	UNTIL(is_sitting(agent->pid));
	for (int i = 0; i < THREADS_MAX; i++)
		agent->threads[i] = (struct task){ .agent = agent };
	for (int i = 0; i < n_agents; i++)
		agent->task_ports[i] = PORT_NULL;
}

port_name_t
task_port(struct task *holder, struct task *other)
{
	port_name_t *namep = &holder->agent->task_ports[other->agent->index], self;

	if (*namep == PORT_NULL) {
		OK(task_self(other, &self));
		*namep = give(other, self, MS, holder);
	}
	return *namep;
}

/* The whole company --------------------------------------------------------------------- */

void
agents_start(void)
{
	case_pid = getpid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	open_arena();
	toy_open_gifts();
	T = new_task();
	U = new_task();
	V = new_task();
}

void
agents_end(void)
{
	for (int i = 0; i < n_agents; i++)
		if (agents[i].pidfd >= 0) {
			pthread_mutex_lock(&stage->lock);
			stage->held[i] = true;
			pthread_mutex_unlock(&stage->lock);
			syscall(SYS_pidfd_send_signal, agents[i].pidfd, SIGKILL, NULL, 0);
		}
	for (int i = 0; i < n_agents; i++)
		if (agents[i].pidfd >= 0)
			bury(&agents[i]);
}
