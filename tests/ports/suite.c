/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suite: runs the conformance cases, one after the other, and says a line of each.
 *
 * One tests/world serves them all; each case is a process of its own, with a limit of
 * time. After a case the world must be as it was before: its books are checked, and
 * what is left over fails the case. A world that dies fails the case, too, and is replaced.
 *
 * --jitter stops and continues the agents at random. --control runs the toy in which a right is a
 * plain descriptor: there the marked cases have to fail, or they prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/ports/agent.h"
#include "base/cleanup.h"
#include "wire/runtime.h"

enum {
	EXIT_USAGE = 64,
	TOY_SECONDS = 3,		/* a case on the toy: it waits for what never comes */
	SETTLE_MS = 5000,		/* for what a case left to go */
	LINE_MS = 10000,		/* for the world to answer */
	WORLD_FD = 20,			/* out of the way of the places it gets them at */
};

static const char help[] =
"Usage: suite [OPTION...]\n"
"Runs the conformance cases of ports.\n"
"\n"
"      --only=PATTERN,...  those whose ids match, such as B03,K*\n"
"      --list              their ids, marks and texts, and nothing else\n"
"      --quick             a twentieth of what is repeated often\n"
"      --jitter            stop and continue tasks at random\n"
"      --flat              every message by port_msg()\n"
"      --backend=NAME      hird, or fd: the toy in which a right is a plain descriptor\n"
"      --control           on the toy the marked cases have to fail\n"
"      --tracer=COMMAND    runs beside them, and must not change anything\n"
"      --world=PATH        the rights core that serves\n"
"      --seed=N            of what is random (HIRD_SEED)\n";

static struct {
	const char *only;
	const char *tracer;
	char *world;
	bool list, jitter, control;
	uint32_t seed;
} settings;

const struct backend *api = &backend_hird;
static pid_t runner;

static struct conformance_case *cases;

/* Sorted by id; a constructor of each file calls it. */
void
case_register(struct conformance_case *one)
{
	struct conformance_case **at = &cases;

	while (*at && strcmp((*at)->id, one->id) < 0)
		at = &(*at)->next;
	if (*at && strcmp((*at)->id, one->id) == 0) {
		fprintf(stderr, "suite: two cases %s\n", one->id);
		abort();
	}
	one->next = *at;
	*at = one;
}

/* The world ---------------------------------------------------------------------------- */

static struct {
	pid_t pid;		/* 0: none */
	pid_t tracer;
	int line;
	char dir[64], room[80], socket[96];	/* its runtime directory, and what is in it */
	struct world_answer empty;	/* what is there without a case */
} world = { .line = -1 };

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "suite: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
make_listener(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1;

	strcpy(address.sun_path, world.socket);
	unlink(world.socket);
	/* Before it listens: accepted sockets have it from their first frame on. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0)
		die("a socket for the world");
	return fd;
}

static void
make_dir(void)
{
	if (world.dir[0])
		return;
	strcpy(world.dir, "/tmp/hird-suite.XXXXXX");
	if (!mkdtemp(world.dir))
		die("a directory for the world");
	snprintf(world.room, sizeof(world.room), "%s/hird", world.dir);
	snprintf(world.socket, sizeof(world.socket), "%s/" RUNTIME_SOCKET, world.room);
	if (mkdir(world.room, 0700) < 0)
		die(world.room);
	setenv("XDG_RUNTIME_DIR", world.dir, 1);
}

static void
remove_dir(void)
{
	unlink(world.socket);
	rmdir(world.room);
	rmdir(world.dir);
}

/* The others end with this process. */
static void
on_end(int number)
{
	remove_dir();
	_exit(128 + number);
}

/* What is started here ends with it, however it ends. */
static void
end_with_parent(int number)
{
	pid_t parent = getppid();

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, number);
	if (parent != runner)
		_exit(1);
}

static _Noreturn void
become_world(int listener, int line)
{
	int one = fcntl(listener, F_DUPFD, WORLD_FD), other = fcntl(line, F_DUPFD, WORLD_FD);

	end_with_parent(SIGKILL);
	if (one < 0 || other < 0 || dup2(one, WORLD_LISTENER) < 0 || dup2(other, WORLD_LINE) < 0)
		_exit(127);
	syscall(SYS_close_range, WORLD_LINE + 1, ~0u, 0);
	execl(settings.world, settings.world, (char *)NULL);
	fprintf(stderr, "suite: %s: %s\n", settings.world, strerror(errno));
	_exit(127);
}

static void
start_tracer(void)
{
	if (!settings.tracer)
		return;
	world.tracer = fork();
	if (world.tracer < 0)
		die("fork");
	if (world.tracer > 0)
		return;
	end_with_parent(SIGTERM);
	setpgid(0, 0);
	execl("/bin/sh", "sh", "-c", settings.tracer, (char *)NULL);
	_exit(127);
}

static bool
is_like(const struct world_answer *one, const struct world_answer *other)
{
	return one->tasks == other->tasks && one->ports == other->ports &&
	    one->messages == other->messages && one->regions == other->regions &&
	    one->accounts == other->accounts && one->fds == other->fds;
}

/* What there is with nobody in it; with a tracer, once that has settled. */
static void
take_stock(void)
{
	struct world_answer now;
	int same = 0;

	world.empty = world_ask(WORLD_COUNT, NULL);
	for (uint64_t until = now_ms() + SETTLE_MS; same < 20 && now_ms() < until; nap()) {
		now = world_ask(WORLD_COUNT, NULL);
		if (!is_like(&now, &world.empty) || (settings.tracer && now.tasks == 0))
			same = -1;
		same++;
		world.empty = now;
	}
}

static void
start_world(void)
{
	int line[2], listener;

	make_dir();
	listener = make_listener();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		die("a line to the world");
	world.pid = fork();
	if (world.pid < 0)
		die("fork");
	if (world.pid == 0)
		become_world(listener, line[1]);
	close(listener);
	close(line[1]);
	world.line = line[0];
	start_tracer();
	take_stock();
}

static void
end_tracer(void)
{
	if (world.tracer <= 0)
		return;
	kill(-world.tracer, SIGTERM);
	waitpid(world.tracer, NULL, 0);
	world.tracer = 0;
}

/* Its exit status says whether its books were right to the end. */
static int
end_world(void)
{
	uint64_t until = now_ms() + LINE_MS;
	int status = 0;

	end_tracer();
	if (world.pid > 0) {
		kill(world.pid, SIGTERM);
		while (waitpid(world.pid, &status, WNOHANG) == 0) {
			nap();
			if (now_ms() > until)
				kill(world.pid, SIGKILL);
		}
	}
	world.pid = 0;
	fd_close(&world.line);
	return status;
}

/* Whether it still runs; else a new one does. */
static bool
keep_world(void)
{
	int status;

	if (world.pid > 0 && waitpid(world.pid, &status, WNOHANG) == 0)
		return true;
	world.pid = 0;
	end_world();
	start_world();
	return false;
}

pid_t
world_pid(void)
{
	return world.pid;
}

/* False: it has ended, or does not answer. */
static bool
ask_world(uint32_t question, const uint32_t *argument, struct world_answer *answer)
{
	struct timeval limit = { .tv_sec = LINE_MS / 1000 };
	struct world_ask ask = { .question = question };

	if (argument)
		memcpy(ask.argument, argument, sizeof(ask.argument));
	if (getrandom(&ask.cookie, sizeof(ask.cookie), 0) < 0)
		ask.cookie = (uint32_t)now_ms();
	setsockopt(world.line, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send(world.line, &ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask))
		return false;
	do {
		if (recv(world.line, answer, sizeof(*answer), 0) != sizeof(*answer))
			return false;
	} while (answer->cookie != ask.cookie);	/* of a case that ended in the middle */
	return true;
}

/* The toy has no world: nothing is there, nobody waits. */
struct world_answer
world_ask(uint32_t question, const uint32_t *argument)
{
	struct world_answer answer = { 0 };

	if (api == &backend_fd || ask_world(question, argument, &answer))
		return answer;
	if (stage)
		FAIL("the world has ended, or does not answer");
	die("the world has ended, or does not answer");
}

struct world_count
world_count(void)
{
	struct world_answer answer = world_ask(WORLD_COUNT, NULL);

	return (struct world_count){
		.tasks = answer.tasks,
		.ports = answer.ports,
		.messages = answer.messages,
		.regions = answer.regions,
	};
}

void
world_verify(void)
{
	world_ask(WORLD_VERIFY, NULL);
}

void
world_checked(bool on)
{
	world_ask(WORLD_CHECKED, (uint32_t[4]){ on });
}

void
settle(void)
{
	world_ask(WORLD_COUNT, NULL);
}

/* Jitter --------------------------------------------------------------------------------- */

static void
take_pidfd(int line)
{
	char control[CMSG_SPACE(sizeof(int))];
	int index = -1, fd;
	struct iovec iov = { &index, sizeof(index) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(line, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (n == 0)
		_exit(0);	/* the case is over */
	if (n != sizeof(index) || !c || index < 0 || index >= TASKS_MAX)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	pthread_mutex_lock(&stage->lock);
	stage->pidfds[index] = fd;
	pthread_mutex_unlock(&stage->lock);
}

/* What the case itself has stopped is left alone. */
static void
disturb(int index, int number)
{
	pthread_mutex_lock(&stage->lock);
	if (stage->pidfds[index] >= 0 && !stage->held[index])
		syscall(SYS_pidfd_send_signal, stage->pidfds[index], number, NULL, 0);
	pthread_mutex_unlock(&stage->lock);
}

/* One of the agents there are, or -1. */
static int
any_agent(void)
{
	int known[TASKS_MAX];
	uint32_t n = 0;

	for (int i = 0; i < TASKS_MAX; i++)
		if (stage->pidfds[i] >= 0)
			known[n++] = i;
	return n ? known[chance(n)] : -1;
}

static _Noreturn void
be_jitter(int line)
{
	end_with_parent(SIGKILL);
	for (;;) {
		int index;

		take_pidfd(line);
		index = any_agent();
		if (index >= 0)
			disturb(index, SIGSTOP);
		usleep(chance(1500));
		if (index >= 0)
			disturb(index, SIGCONT);
		usleep(chance(500));
	}
}

/* The line on which the case tells of its agents; closed when the case is over. */
static int
start_jitter(pid_t *pidp)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		die("a line to the jitter");
	*pidp = fork();
	if (*pidp < 0)
		die("fork");
	if (*pidp == 0) {
		close(line[0]);
		be_jitter(line[1]);
	}
	close(line[1]);
	return line[0];
}

/* One case --------------------------------------------------------------------------------- */

static struct stage *
new_stage(void)
{
	struct stage *new = mmap(NULL, sizeof(*new), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (new == MAP_FAILED)
		die("no memory");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&new->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	for (int i = 0; i < TASKS_MAX; i++)
		new->pidfds[i] = -1;
	atomic_store(&new->seed, settings.seed);
	return new;
}

static _Noreturn void
play(const struct conformance_case *one)
{
	end_with_parent(SIGKILL);
	setpgid(0, 0);
	alarm(api == &backend_fd ? TOY_SECONDS : CASE_SECONDS);
	agents_start();
	one->body();
	agents_end();
	atomic_compare_exchange_strong(&stage->ended, &(uint32_t){ STAGE_RUNNING }, STAGE_PASSED);
	_exit(0);
}

static void
judge(const char *why)
{
	atomic_store(&stage->ended, STAGE_FAILED);
	if (!stage->why[0])
		snprintf(stage->why, sizeof(stage->why), "%s", why);
}

/* What there is when that is as it should be, or does not become so. */
static bool
count_rest(struct world_answer *now)
{
	uint64_t until = now_ms() + SETTLE_MS;

	if (!ask_world(WORLD_CHECKED, (uint32_t[4]){ 1 }, now) ||
	    !ask_world(WORLD_VERIFY, NULL, now))
		return false;
	for (; !is_like(now, &world.empty) && now_ms() < until; nap())
		if (!ask_world(WORLD_COUNT, NULL, now))
			return false;
	return true;
}

/* After the case: the world must be as it was, or the next case gets another. */
static void
check_rest(void)
{
	struct world_answer now;
	char why[200];

	if (!count_rest(&now)) {
		judge("the world has ended: its books are wrong, or it crashed");
		end_world();
	} else if (world.tracer > 0 && waitpid(world.tracer, NULL, WNOHANG) != 0) {
		world.tracer = 0;
		judge("the tracer has ended");
		end_world();
	} else if (!is_like(&now, &world.empty)) {
		snprintf(why, sizeof(why), "left behind: tasks %d, ports %d, messages %d, "
		    "regions %d, accounts %d, descriptors %d",
		    (int)(now.tasks - world.empty.tasks), (int)(now.ports - world.empty.ports),
		    (int)(now.messages - world.empty.messages),
		    (int)(now.regions - world.empty.regions),
		    (int)(now.accounts - world.empty.accounts), (int)(now.fds - world.empty.fds));
		judge(why);
		end_world();
	}
}

/* Plays one case to its end, which is then in the stage. */
static void
play_one(const struct conformance_case *one)
{
	pid_t pid, jitter = 0;
	int status;

	if (api == &backend_hird) {
		keep_world();
		world_ask(WORLD_CHECKED, (uint32_t[4]){ !(one->flags & CASE_HEAVY) });
	}
	stage = new_stage();
	if (settings.jitter)
		jitter_line = start_jitter(&jitter);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		play(one);
	fd_close(&jitter_line);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	kill(-pid, SIGKILL);	/* and what a case that failed has left */
	waitpid(pid, &status, 0);
	if (jitter) {
		kill(jitter, SIGKILL);
		waitpid(jitter, NULL, 0);
	}
	if (WIFSIGNALED(status))
		judge(WTERMSIG(status) == SIGALRM ? "it takes too long" :
		    strsignal(WTERMSIG(status)));
	else if (atomic_load(&stage->ended) == STAGE_RUNNING)
		judge("it ended in the middle");
	if (api == &backend_hird)
		check_rest();
}

/* All ---------------------------------------------------------------------------------------- */

struct totals {
	unsigned passed, failed, skipped;
	unsigned toy_can, toy_cannot;	/* cases without FD_NEVER, on the toy */
	unsigned no_word;		/* with it: descriptors have no such call at all */
};

static bool
is_wanted(const struct conformance_case *one)
{
	char patterns[256], *rest, *pattern;

	if (!settings.only)
		return true;
	snprintf(patterns, sizeof(patterns), "%s", settings.only);
	for (rest = patterns; (pattern = strsep(&rest, ","));)
		if (fnmatch(pattern, one->id, 0) == 0)
			return true;
	return false;
}

/* On the toy a marked case has to fail; of the others we only say how they went. */
static void
report_control(const struct conformance_case *one, struct totals *totals)
{
	bool failed = atomic_load(&stage->ended) == STAGE_FAILED;

	if (!(one->flags & FD_NEVER)) {
		totals->toy_can += !failed;
		totals->toy_cannot += failed;
		return;
	}
	totals->passed += failed;
	totals->failed += !failed;
	totals->no_word += strstr(stage->why, strerror(ENOSYS)) != NULL;
	printf("%s %s fails on plain descriptors: %s\n", failed ? "ok" : "not ok", one->id,
	    failed ? stage->why : "IT DOES NOT");
}

static void
report(const struct conformance_case *one, struct totals *totals)
{
	switch (atomic_load(&stage->ended)) {
	case STAGE_PASSED:
		totals->passed++;
		printf("ok %s %s\n", one->id, one->text);
		break;
	case STAGE_SKIPPED:
		totals->skipped++;
		printf("ok %s %s # skip %s\n", one->id, one->text, stage->why);
		break;
	default:
		totals->failed++;
		printf("not ok %s %s (%s)\n", one->id, one->text, stage->why);
	}
}

static void
list_cases(void)
{
	for (const struct conformance_case *one = cases; one; one = one->next)
		if (is_wanted(one))
			printf("%-6s %-11s %s\n", one->id, one->flags & FD_NEVER ? "[FD never]" :
			    one->flags & FD_LIBRARY ? "[FD library]" : "", one->text);
}

static int
run_all(void)
{
	struct totals totals = { 0 };

	for (const struct conformance_case *one = cases; one; one = one->next) {
		if (!is_wanted(one) || (api == &backend_fd && one->flags & CASE_PRIVATE))
			continue;
		play_one(one);
		if (settings.control)
			report_control(one, &totals);
		else
			report(one, &totals);
		munmap(stage, sizeof(*stage));
		stage = NULL;
	}
	if (end_world() != 0) {
		printf("not ok the world ends with its books in order\n");
		totals.failed++;
	}
	if (settings.control)
		printf("# %u of them for want of the call; of the other cases, plain descriptors do "
		    "%u right, and %u not\n",
		    totals.no_word, totals.toy_can, totals.toy_cannot);
	printf("%u passed, %u failed, %u skipped\n", totals.passed, totals.failed, totals.skipped);
	return totals.failed ? 1 : 0;
}

/* Options ------------------------------------------------------------------------------------- */

/* tests/world stands above this program's directory. */
static char *
default_world(void)
{
	char path[4096], *world_path = NULL;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		die("/proc/self/exe");
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	if (asprintf(&world_path, "%s/../world", path) < 0)
		die("no memory");
	return world_path;
}

enum { ONLY = 256, LIST, QUICK, JITTER, FLAT, BACKEND, CONTROL, TRACER, WORLD, SEED };

static const struct option options[] = {
	{ "only", required_argument, NULL, ONLY },
	{ "list", no_argument, NULL, LIST },
	{ "quick", no_argument, NULL, QUICK },
	{ "jitter", no_argument, NULL, JITTER },
	{ "flat", no_argument, NULL, FLAT },
	{ "backend", required_argument, NULL, BACKEND },
	{ "control", no_argument, NULL, CONTROL },
	{ "tracer", required_argument, NULL, TRACER },
	{ "world", required_argument, NULL, WORLD },
	{ "seed", required_argument, NULL, SEED },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void
take_backend(const char *name)
{
	if (strcmp(name, "fd") == 0)
		api = &backend_fd;
	else if (strcmp(name, "hird") != 0) {
		fprintf(stderr, "suite: --backend=%s: hird or fd\n", name);
		exit(EXIT_USAGE);
	}
}

static void
take_option(int option)
{
	switch (option) {
	case ONLY: settings.only = optarg; break;
	case LIST: settings.list = true; break;
	case QUICK: is_quick = true; break;
	case JITTER: settings.jitter = is_jittering = true; break;
	case FLAT: is_flat = true; break;
	case BACKEND: take_backend(optarg); break;
	case CONTROL: settings.control = true; api = &backend_fd; break;
	case TRACER: settings.tracer = optarg; break;
	case WORLD: settings.world = optarg; break;
	case SEED: settings.seed = (uint32_t)strtoul(optarg, NULL, 0); break;
	case 'h': fputs(help, stdout); exit(0);
	default: exit(EXIT_USAGE);
	}
}

int
main(int argc, char **argv)
{
	const char *seed = getenv("HIRD_SEED");
	int option, status;

	while (argc == 2 && strcmp(argv[1], "--sit") == 0)
		pause();	/* what exec_task() makes of an agent */
	settings.seed = seed ? (uint32_t)strtoul(seed, NULL, 0) : (uint32_t)now_ms();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(option);
	if (settings.list) {
		list_cases();
		return 0;
	}
	if (!settings.world)
		settings.world = default_world();
	runner = getpid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_end);
	signal(SIGTERM, on_end);
	printf("# seed %u\n", settings.seed);
	status = run_all();
	remove_dir();
	return status;
}
