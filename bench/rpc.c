/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc: the stop-watch around calls between processes.
 *
 *   rpc-PEER [--size=BYTES] [--pairs=N] [--idle=N] [--calls=N] [--cpus=1|2] [--fifo]
 *            [--mediator=PID]
 *
 * prints one line: the median and the 99th percentile of a call in microseconds, and calls
 * a second of all pairs together. Each client and each server is a process of its
 * own. With one processor everybody runs on the same; with two, clients run on the first,
 * servers on the second, and the mediator on both. */
#include "bench/rpc.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, CALLS_MAX = 10000000 };

struct settings {
	unsigned long size, pairs, idle, calls, cpus, mediator;
	int fifo;
};

/* What all processes see. */
struct stage {
	_Atomic unsigned n_ready;	/* clients, and whoever holds idle connections */
	_Atomic unsigned go;
	uint64_t samples[];	/* nanoseconds, one a call */
};

static const struct rpc_peer *peer;
static struct settings settings = { .pairs = 1, .calls = 10000, .cpus = 1 };
static struct stage *stage;
static pid_t children[PAIRS_MAX + 1];
static unsigned n_children;

static void
end_children(void)
{
	for (unsigned i = 0; i < n_children; i++)
		kill(children[i], SIGKILL);
}

void
bench_fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s%s%s\n", peer->name, what, err ? ": " : "",
	    err ? strerror(err) : "");
	end_children();
	_exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Places --------------------------------------------------------------------- */

enum place { PLACE_CLIENT, PLACE_SERVER, PLACE_ANY };

/* The first two processors that this process may use. */
static void
find_processors(int found[2])
{
	cpu_set_t allowed;
	int n = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		bench_fail("sched_getaffinity", errno);
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &allowed))
			found[n++] = i;
	if (n < (int)settings.cpus)
		bench_fail("there are not so many processors", 0);
}

static void
settle(pid_t pid, enum place place)
{
	static int processors[2] = { -1, -1 };
	const struct sched_param param = { .sched_priority = 10 };
	cpu_set_t set;

	if (processors[0] < 0)
		find_processors(processors);
	CPU_ZERO(&set);
	if (settings.cpus == 1 || place != PLACE_SERVER)
		CPU_SET(processors[0], &set);
	if (settings.cpus == 2 && place != PLACE_CLIENT)
		CPU_SET(processors[1], &set);
	if (sched_setaffinity(pid, sizeof(set), &set) < 0)
		bench_fail("sched_setaffinity", errno);
	if (settings.fifo && sched_setscheduler(pid, SCHED_FIFO, &param) < 0)
		bench_fail("--fifo", errno);
}

/* Processes ------------------------------------------------------------------- */

/* Runs `act` in a child that does not outlive this process. */
static pid_t
start(void (*act)(void *), void *arg)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		bench_fail("fork", errno);
	if (child > 0)
		return child;
	n_children = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		act(arg);
	_exit(0);
}

static void
start_child(void (*act)(void *), void *arg)
{
	pid_t child = start(act, arg);

	children[n_children++] = child;
}

static void
wait_a_bit(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* A pair as its two processes know it. */
struct cast {
	struct rpc_pair pair;
	uint64_t *samples;
	unsigned long n;
};

static void
run_client(void *arg)
{
	const struct cast *cast = arg;
	unsigned long warm = cast->n / 10 < 500 ? cast->n / 10 + 3 : 500;

	prctl(PR_SET_NAME, "rpc-client");
	settle(0, PLACE_CLIENT);
	peer->connect(&cast->pair);
	for (unsigned long i = 0; i < warm; i++)
		peer->call(&cast->pair);
	stage->n_ready++;
	while (!stage->go)
		wait_a_bit();
	for (unsigned long i = 0; i < cast->n; i++) {
		uint64_t begin = now_ns();

		peer->call(&cast->pair);
		cast->samples[i] = now_ns() - begin;
	}
	kill(getppid(), SIGTERM);
}

/* A server with its client as its child; it ends when the client does. */
static void
run_server(void *arg)
{
	struct cast *cast = arg;

	cast->pair.size = settings.size;
	cast->pair.data = malloc(settings.size + 1);
	if (!cast->pair.data)
		bench_fail("malloc", ENOMEM);
	memset(cast->pair.data, 0x5a, settings.size + 1);
	prctl(PR_SET_NAME, "rpc-server");
	settle(0, PLACE_SERVER);
	peer->prepare(&cast->pair);
	start(run_client, cast);
	peer->serve(&cast->pair);
}

static void
hold_idle(void *unused)
{
	(void)unused;
	if (!peer->idle)
		bench_fail("--idle is for peers with a mediator", 0);
	peer->idle((unsigned)settings.idle);
	stage->n_ready++;
	for (;;)
		pause();
}

/* Starts everybody; returns how many processes will report that they are ready. */
static unsigned
start_all(void)
{
	unsigned long n = settings.calls / settings.pairs;

	if (settings.idle)
		start_child(hold_idle, NULL);
	for (unsigned long i = 0; i < settings.pairs; i++) {
		struct cast cast = { .samples = stage->samples + i * n, .n = n };

		start_child(run_server, &cast);
	}
	return (unsigned)settings.pairs + (settings.idle > 0);
}

static void
wait_until_ready(unsigned n)
{
	int status;

	while (stage->n_ready < n) {
		if (waitpid(-1, &status, WNOHANG) > 0)
			bench_fail("a process ended before its time", 0);
		wait_a_bit();
	}
}

static void
wait_for_pairs(void)
{
	unsigned n = 0;

	while (n < settings.pairs) {
		int status;

		if (wait(&status) < 0)
			bench_fail("wait", errno);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
			bench_fail("a server or a client failed", 0);
		n++;
	}
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(uint64_t elapsed)
{
	unsigned long n = settings.calls / settings.pairs * settings.pairs;

	qsort(stage->samples, n, sizeof(*stage->samples), compare);
	printf("%.2f %.2f %.0f\n", (double)stage->samples[n / 2] / 1e3,
	    (double)stage->samples[n * 99 / 100] / 1e3, (double)n * 1e9 / (double)elapsed);
}

/* Options ---------------------------------------------------------------------- */

static unsigned long
number(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < least || value > most) {
		fprintf(stderr, "%s: %s: give a number from %lu to %lu\n", peer->name, text,
		    least, most);
		exit(64);
	}
	return value;
}

static void
read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "idle", required_argument, NULL, 'i' },
		{ "calls", required_argument, NULL, 'n' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "fifo", no_argument, NULL, 'f' },
		{ "mediator", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's': settings.size = number(optarg, 0, 1ul << 30); break;
		case 'p': settings.pairs = number(optarg, 1, PAIRS_MAX); break;
		case 'i': settings.idle = number(optarg, 0, 100000); break;
		case 'n': settings.calls = number(optarg, 1, CALLS_MAX); break;
		case 'c': settings.cpus = number(optarg, 1, 2); break;
		case 'f': settings.fifo = 1; break;
		case 'm': settings.mediator = number(optarg, 1, 1ul << 30); break;
		default: exit(64);
		}
	if (settings.calls < settings.pairs)
		settings.calls = settings.pairs;
}

int
rpc_main(const struct rpc_peer *measured, int argc, char **argv)
{
	size_t size;
	uint64_t begin;

	peer = measured;
	read_options(argc, argv);
	size = sizeof(*stage) + settings.calls * sizeof(uint64_t);
	stage = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (stage == MAP_FAILED)
		bench_fail("mmap", errno);
	if (settings.mediator)
		settle((pid_t)settings.mediator, PLACE_ANY);
	wait_until_ready(start_all());
	begin = now_ns();
	stage->go = 1;
	wait_for_pairs();
	report(now_ns() - begin);
	end_children();
	return 0;
}
