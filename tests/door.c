/* SPDX-License-Identifier: GPL-2.0-or-later */
/* door: a client of nodes' ports for tests/rpc.sh: one word, one thing that it tries.
 *
 *	read FILE [PATH]	content, by a right, on standard output
 *	list DIR [PATH]		names
 *	write FILE [PATH]	standard input into it, and cuts it there
 *	revoke NODE		rights of rights, and what is left of them
 *	narrow DIR PATH		that no way leads to more than one has
 *	die NODE PID		kills the translator behind a right
 *	hold NODE		keeps a right until standard input ends
 *	many NODE N		takes so many rights, and gives them up
 *	abuse NODE		messages of any kind to its port
 *	look PATH		what trans_lookup says of it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/lookup.h"

enum { PIECE = 3 * 1024 * 1024 + 7, WAITS = 300 };

static int
failed(const char *what, int code)
{
	printf("%s: %s\n", what, port_error_text(code));
	return 1;
}

static int
right_to(const char *file, int flags, const char *path, unsigned rights, port_name_t *nodep)
{
	AUTO_CLOSE int fd = open(file, flags | O_CLOEXEC);

	return fd < 0 ? -errno : trans_lookup(fd, path, rights, nodep);
}

static int
read_all(char **args)
{
	AUTO_FREE char *buf = malloc(PIECE);
	const char *path = args[1] ? args[1] : "";
	port_name_t node;
	uint64_t offset = 0;
	size_t got = 0;
	int err = right_to(args[0], O_RDONLY, path, TRANS_RIGHT_READ, &node);

	if (err || !buf)
		return failed("lookup", err);
	do {
		err = trans_read(node, buf, PIECE, offset, &got);
		if (err)
			return failed("read", err);
		fwrite(buf, 1, got, stdout);
		offset += got;
	} while (got > 0);
	return 0;
}

static int
print_name(void *unused, const struct trans_name *name)
{
	(void)unused;
	return puts(name->name) < 0;
}

static int
list(char **args)
{
	const char *path = args[1] ? args[1] : "";
	port_name_t node;
	int err = right_to(args[0], O_RDONLY, path, TRANS_RIGHT_READ, &node);

	if (err == 0)
		err = trans_list(node, print_name, NULL);
	return err ? failed("list", err) : 0;
}

static int
write_all(char **args)
{
	AUTO_FREE char *buf = malloc(PIECE);
	const char *path = args[1] ? args[1] : "";
	port_name_t node;
	uint64_t offset = 0;
	size_t n, put = 0;
	int err = right_to(args[0], *path ? O_RDONLY : O_RDWR, path,
	    TRANS_RIGHT_READ | TRANS_RIGHT_WRITE, &node);

	if (err || !buf)
		return failed("lookup", err);
	while ((n = fread(buf, 1, PIECE, stdin)) > 0) {
		err = trans_write(node, buf, n, offset, &put);
		if (err || put != n)
			return failed("write", err);
		offset += n;
	}
	return 0;
}

static bool
is_dead(int err)
{
	return err == PORT_E_SEND_INVALID_DEST || err == PORT_E_RPC_SERVER_DIED;
}

static void
tell(const char *what, port_name_t node)
{
	struct stat st;
	int err = trans_stat(node, &st);

	printf("%s: %s\n", what, err == 0 ? "there" : is_dead(err) ? "gone" : port_error_text(err));
}

/* first -> second -> third; first -> fourth. */
static int
revoke_some(char **args)
{
	port_name_t first, second, third, fourth;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &first);

	if (err == 0)
		err = trans_restrict(first, TRANS_RIGHT_READ, &second);
	if (err == 0)
		err = trans_lookup_at(second, "", 0, &third);
	if (err == 0)
		err = trans_restrict(first, 0, &fourth);
	if (err)
		return failed("rights", err);
	err = trans_revoke(second);
	if (err)
		return failed("revoke", err);
	tell("first", first);
	tell("second", second);
	tell("third", third);
	tell("fourth", fourth);
	port_deallocate(second);
	err = trans_lookup_at(fourth, "", 0, &third);
	if (err)
		return failed("again", err);
	err = trans_revoke(first);
	if (err)
		return failed("revoke", err);
	tell("first", first);
	tell("third", third);
	tell("fourth", fourth);
	return 0;
}

static void
try(const char *what, port_name_t dir, const char *path, unsigned rights)
{
	port_name_t node;
	int err = trans_lookup_at(dir, path, rights, &node);

	printf("%s: %s\n", what, err == 0 ? "given" : port_error_text(err));
	if (err == 0)
		port_deallocate(node);
}

static int
narrow(char **args)
{
	port_name_t dir, less;
	char byte;
	size_t got;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_ALL, &dir);

	if (err)
		return failed("lookup", err);
	try("to write", dir, args[1], TRANS_RIGHT_READ | TRANS_RIGHT_WRITE);
	trans_restrict(dir, TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP, &less);
	try("to read", less, args[1], TRANS_RIGHT_READ);
	try("read only, to write", less, args[1], TRANS_RIGHT_WRITE);
	trans_restrict(less, TRANS_RIGHT_LOOKUP, &less);
	try("lookup only, to read", less, args[1], TRANS_RIGHT_READ);
	try("lookup only, to see", less, args[1], 0);
	trans_restrict(less, TRANS_RIGHT_ALL, &less);
	try("widened, to read", less, args[1], TRANS_RIGHT_READ);
	trans_restrict(less, 0, &less);
	try("nothing, to see below", less, args[1], 0);
	err = right_to(args[0], O_PATH, "", TRANS_RIGHT_READ, &less);
	printf("O_PATH, to read: %s\n", port_error_text(err));
	err = right_to(args[0], O_PATH, "", TRANS_RIGHT_LOOKUP, &less);
	if (err)
		return failed("O_PATH", err);
	try("O_PATH, below, to read", less, args[1], TRANS_RIGHT_READ);
	try("O_PATH, below, to see", less, args[1], 0);
	printf("O_PATH, content: %s\n", port_error_text(trans_read(less, &byte, 1, 0, &got)));
	return 0;
}

static int
die(char **args)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000000 };
	struct stat st;
	port_name_t node;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);

	if (err == 0)
		err = trans_stat(node, &st);
	if (err)
		return failed("stat", err);
	kill((pid_t)atoi(args[1]), SIGKILL);
	for (int i = 0; i < WAITS && (err = trans_stat(node, &st)) == 0; i++)
		nanosleep(&moment, NULL);
	printf("old: %s\n", is_dead(err) ? "dead" : port_error_text(err));
	err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);
	if (err)
		return failed("again", err);
	tell("new", node);
	return 0;
}

static int
hold(char **args)
{
	port_name_t node;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);

	if (err)
		return failed("lookup", err);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	tell("still", node);
	return 0;
}

static int
many(char **args)
{
	port_name_t node, more;
	int n = 0, err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);

	if (err)
		return failed("lookup", err);
	for (; n < atoi(args[1]); n++) {
		err = trans_restrict(node, TRANS_RIGHT_READ, &more);
		if (err)
			break;
	}
	printf("%d: %s\n", n, port_error_text(err));
	tell("first", node);
	return 0;
}

/* Any id that somebody knows, with a body of noise: nothing of it may be taken for portd's. */
static void
send_noise(port_name_t node, uint32_t id, unsigned *seed, size_t size)
{
	struct port_message message = { .id = id, .remote = node,
		.remote_disposition = PORT_COPY_SEND };

	for (size_t i = 0; i < size; i++)
		wire_put_u32(&message.body, rand_r(seed) & 1 ? (uint32_t)rand_r(seed) : size);
	port_send(&message, PORT_FOREVER);
	port_message_deinit(&message);
}

static int
abuse(char **args)
{
	static const uint32_t first[] = { 0, 60, 20000, 20100, 21000, 21100, 22000, 22100, 33000 };
	unsigned seed = 1;
	port_name_t node;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);

	if (err)
		return failed("lookup", err);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		for (uint32_t id = first[i]; id < first[i] + 30; id++)
			for (size_t size = 0; size < 12; size++)
				send_noise(node, id, &seed, size);
	/* It is the last in the queue. */
	do
		err = trans_identity(node, &(struct trans_identity){ 0 });
	while (err == -EAGAIN);
	tell("node", node);
	return 0;
}

static int
look(char **args)
{
	port_name_t node;
	int err = right_to(args[0], O_RDONLY, "", TRANS_RIGHT_READ, &node);

	printf("%s\n", err == 0 ? "a right" : port_error_text(err));
	return 0;
}

static const struct {
	const char *word;
	int (*run)(char **args);
	int n_args;
} words[] = {
	{ "read", read_all, 1 },
	{ "list", list, 1 },
	{ "write", write_all, 1 },
	{ "revoke", revoke_some, 1 },
	{ "narrow", narrow, 2 },
	{ "die", die, 2 },
	{ "hold", hold, 1 },
	{ "many", many, 2 },
	{ "abuse", abuse, 1 },
	{ "look", look, 1 },
};

int
main(int argc, char **argv)
{
	int err = port_connect("door");

	if (err)
		return failed("portd", err);
	for (size_t i = 0; i < ARRAY_SIZE(words) && argc >= 3; i++)
		if (strcmp(argv[1], words[i].word) == 0 && argc - 2 >= words[i].n_args)
			return words[i].run(argv + 2);
	fputs("door: WORD NODE [ARG...]\n", stderr);
	return 64;
}
