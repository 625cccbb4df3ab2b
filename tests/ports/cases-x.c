/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-x: what portd adds to Mach, and a list of cases for Mach does not have: Linux descriptors
 * as cargo, and limits for what nobody asked for. */
#include <fcntl.h>
#include <poll.h>

#include "tests/ports/suite.h"
#include "portd/account.h"

/* In an agent: a pipe. Its write end is to travel. */
static long
make_pipe(void *arg)
{
	return pipe2(arg, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

static long
write_to(void *arg)
{
	const int *fd = arg;
	bool written = write(*fd, "cargo", 5) == 5;

	close(*fd);
	return written;
}

/* In an agent: what is in the pipe; 0 at its end, when nobody has the other end. */
static long
read_from(void *arg)
{
	char text[6] = "";
	const int *fd = arg;
	struct pollfd poller = { .fd = *fd, .events = POLLIN };
	ssize_t n = poll(&poller, 1, PATIENCE_MS) == 1 ? read(*fd, text, 5) : -1;

	return n == 5 && strcmp(text, "cargo") != 0 ? -1 : (long)n;
}

static long
is_open(void *arg)
{
	return fcntl(*(int *)arg, F_GETFD) >= 0;
}

static int
send_descriptor(struct task *c, port_name_t name, int fd)
{
	struct letter l = letter(name, CS, 1);

	l.fd = fd;
	return exchange(c, &l, NULL);
}

CASE(X01, CASE_PRIVATE, "a descriptor as cargo: the receiver has it, the sender's was closed when it went")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	int ends[2];
	struct mail mail;

	OK(run(U, make_pipe, ends, sizeof(ends)));
	OK(send_descriptor(U, m, ends[1]));
	NO(run(U, is_open, &ends[1], sizeof(int)));
	OK(receive(T, n, &mail));
	YES(mail.fd >= 0);
	YES(run(T, write_to, &mail.fd, sizeof(mail.fd)));
	IS(run(U, read_from, &ends[0], sizeof(int)), 5);
	IS(run(U, read_from, &ends[0], sizeof(int)), 0);
}

CASE(X02, CASE_PRIVATE, "a descriptor in a message that is not delivered is closed; one that did not go is kept")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	int ends[2];

	OK(run(U, make_pipe, ends, sizeof(ends)));
	IS(send_descriptor(U, UNKNOWN, ends[1]), PORT_E_SEND_INVALID_DEST);
	YES(run(U, is_open, &ends[1], sizeof(int)));
	OK(send_descriptor(U, m, ends[1]));
	kill_port(T, n);
	IS(run(U, read_from, &ends[0], sizeof(int)), 0);
}

struct rounds {
	port_name_t name;
	uint32_t n;
};

/* In an agent: makes and drops send-once rights. */
static long
make_and_drop(void *arg)
{
	const struct rounds *rounds = arg;

	for (uint32_t i = 0; i < rounds->n; i++) {
		OK(api->insert_right(9, rounds->name, PORT_MAKE_SEND_ONCE,
		    PORT_NULL));
		OK(api->deallocate(9, PORT_NULL));
	}
	return 0;
}

CASE(X03, CASE_PRIVATE | CASE_HEAVY,
    "send-once rights made and dropped for ever: their notifications have a quota, the task goes on")
{
	struct rounds rounds = { new_port(T), ACCOUNT_MESSAGES_MAX + 1000 };
	struct receive_status_out s;

	OK(run(T, make_and_drop, &rounds, sizeof(rounds)));
	s = status(T, rounds.name);
	YES(s.msgcount < rounds.n);
	IS(s.sorights, s.msgcount);
	expect_notification(T, rounds.name, PORT_NOTIFY_SEND_ONCE, -1);
	OK(destroy(T, rounds.name));
	OK(send_plain(T, rounds.name = new_port(T), KS, 1));
	expect_message(T, rounds.name, 1);
}
