/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold: the worker's end. It is sent to and not waited for, but for what is held at the
 * start. Without a holder (it is -1 in unit tests) nothing is held. */
#include "portd/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "portd/pass.h"
#include "portd/tape.h"

/* 0 or -errno. */
static int
send_message(int to, const struct hold_message *message, const int *fds, size_t n_fds)
{
	union pass pass;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	pass_put(&header, &pass, fds, n_fds);
	do
		n = sendmsg(to, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int
receive_message(int from, struct hold_message *message, int *fds, size_t *n_fdsp)
{
	union pass pass;
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	pass_expect(&header, &pass);
	do
		n = recvmsg(from, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*message))
		return n < 0 ? -errno : -EPIPE;
	*n_fdsp = pass_get(&header, fds);
	return 0;
}

uint64_t
hold_new_key(struct hold *hold)
{
	if (hold->last_key < HOLD_KEY_FIRST)
		hold->last_key = HOLD_KEY_FIRST;
	return ++hold->last_key;
}

static int
put(const struct hold *hold, uint64_t key, const struct tape *tape)
{
	const struct hold_message message = { .op = HOLD_PUT, .key = key };
	AUTO_CLOSE int file = -1;
	int fds[PASS_MAX];
	int err = tape->n_fds + 1 > PASS_MAX ? -E2BIG : tape_write(tape, &file);

	if (err)
		return err;
	fds[0] = file;
	if (tape->n_fds > 0)
		memcpy(fds + 1, tape->fds, tape->n_fds * sizeof(*fds));
	return send_message(hold->fd, &message, fds, tape->n_fds + 1);
}

/* The file of the tape goes first, then its descriptors. */
void
hold_put(struct hold *hold, uint64_t key, const struct tape *tape)
{
	int err = hold->fd < 0 ? 0 : put(hold, key, tape);

	if (err)
		log_error("the holder cannot be given what must outlive a crash: %s", strerror(-err));
}

void
hold_drop(struct hold *hold, uint64_t key)
{
	const struct hold_message message = { .op = HOLD_DROP, .key = key };

	if (hold->fd >= 0 && key != 0)
		send_message(hold->fd, &message, NULL, 0);
}

/* Eats the descriptors. */
static void
give(struct hold *hold, uint64_t key, int *fds, size_t n_fds,
    void (*each)(uint64_t key, struct tape *tape, void *arg), void *arg)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TAPE struct tape tape = { 0 };

	if (tape_open_with(&tape, fds[0], fds + 1, n_fds - 1, &why) == 0) {	/* eats fds */
		each(key, &tape, arg);
		return;
	}
	log_error("%s", text_string(&why));
	hold_drop(hold, key);
}

static int
get(struct hold *hold, uint64_t i, struct hold_message *answer, int *fds, size_t *n_fdsp)
{
	const struct hold_message message = { .op = HOLD_GET, .key = i };
	int err = send_message(hold->fd, &message, NULL, 0);

	return err ? err : receive_message(hold->fd, answer, fds, n_fdsp);
}

/* The last one first: one that is dropped is replaced by the last one, which has been seen. */
int
hold_each(struct hold *hold, void (*each)(uint64_t key, struct tape *tape, void *arg), void *arg)
{
	struct hold_message answer = { .n_entries = 0 };
	int fds[PASS_MAX];
	size_t n_fds;
	int err = hold->fd < 0 ? 0 : get(hold, UINT64_MAX, &answer, fds, &n_fds);

	hold->restarts = answer.restarts;
	for (uint64_t i = answer.n_entries; !err && i-- > 0;) {
		err = get(hold, i, &answer, fds, &n_fds);
		if (err || n_fds == 0)
			return err ? err : -EPROTO;
		if (answer.key > hold->last_key)
			hold->last_key = answer.key;
		give(hold, answer.key, fds, n_fds, each, arg);	/* eats fds */
	}
	return err;
}

void
hold_put_self(struct tape *tape, const struct hold *hold)
{
	tape_put_fd(tape, hold->fd);
	tape_put_u64(tape, hold->last_key);
	tape_put_u32(tape, hold->restarts);
}

void
hold_get_self(struct tape *tape, struct hold *hold)
{
	hold->fd = tape_get_fd(tape);
	hold->last_key = tape_get_u64(tape);
	hold->restarts = tape_get_u32(tape);
}

void
hold_say_program(struct hold *hold)
{
	const struct hold_message message = { .op = HOLD_PROGRAM };
	AUTO_CLOSE int fd = hold->fd < 0 ? -1 : open("/proc/self/exe", O_PATH | O_CLOEXEC);

	if (fd >= 0)
		send_message(hold->fd, &message, &fd, 1);
}

void
hold_say_output(struct hold *hold)
{
	const struct hold_message message = { .op = HOLD_OUTPUT };
	const int fd = STDERR_FILENO;

	if (hold->fd >= 0)
		send_message(hold->fd, &message, &fd, 1);
}
