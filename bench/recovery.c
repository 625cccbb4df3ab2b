/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recovery: somebody is blocked in read(2) on a node whose translator (hold) has taken the request; it
 * is killed. How long until he has his answer, which a successor gives?
 *
 *   recovery TIMES NODE PID	PID: of the translator that runs now
 *
 * A line each: microseconds from before kill(2) until read(2) has returned. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SETTLE_US = 10 * 1000 };		/* for the request to be taken */

static int node = -1;
static int64_t answered_at;
static int successor;

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void *
read_node(void *unused)
{
	char answer[32] = "";
	ssize_t n = pread(node, answer, sizeof(answer) - 1, 0);

	answered_at = now_ns();
	successor = n > 0 ? atoi(answer) : 0;
	return unused;
}

/* The pid of the successor, or 0. */
static int
kill_once(int pid)
{
	pthread_t reader;
	int64_t killed_at;

	successor = 0;
	if (pthread_create(&reader, NULL, read_node, NULL) != 0)
		return 0;
	usleep(SETTLE_US);
	killed_at = now_ns();
	kill(pid, SIGKILL);
	pthread_join(reader, NULL);
	if (successor != 0)
		printf("%lld\n", (long long)(answered_at - killed_at) / 1000);
	return successor;
}

int
main(int argc, char **argv)
{
	int pid = argc == 4 ? atoi(argv[3]) : 0;

	if (pid <= 1) {
		fprintf(stderr, "usage: recovery TIMES NODE PID\n");
		return 64;
	}
	node = open(argv[2], O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < atoi(argv[1]) && node >= 0 && pid != 0; i++)
		pid = kill_once(pid);
	if (node >= 0 && pid != 0)
		return 0;
	fprintf(stderr, "recovery: %s: %s\n", argv[2],
	    node < 0 ? strerror(errno) : "the read was not answered by a successor");
	return 1;
}
