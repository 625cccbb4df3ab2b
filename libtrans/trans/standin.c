/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* standin: a thread that looks whether the main thread moves on, and reads when it does not.
 *
 * Each piece of work of the main thread is a turn, which has an odd number; it is at
 * rest at an even one. Who sees the same odd number at two looks knows that it is held up. The
 * answers that the thread gives are bare errors; when the callback comes back its late
 * answer finds no request any more, and the kernel says so to nobody's harm. */
#include "trans/standin.h"

#include <errno.h>
#include <limits.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "base/sys.h"
#include "trans/fuse.h"
#include "trans/journal.h"
#include "trans/req.h"
#include "trans/translator.h"
#include "trans/wake.h"
#include "wire/fusewire.h"

enum {
	LOOK_MS = 40,		/* an interrupt is answered within twice as long */
	QUIET_LOOKS = 25,	/* so often without a change: sleep */
	QUEUE_MAX = 64 * 1024 * 1024,	/* bytes; what comes then waits in the kernel */
};

struct letter {
	struct list link;
	int64_t since;
	struct recovery_slot *slot;	/* its note; may be NULL */
	bool known;
	size_t size;
	char request[];		/* as read */
};

static struct {
	pthread_t thread;
	bool open;
	int bell;		/* an eventfd; rung when the turn changes while somebody listens */
	uint64_t turn;		/* atomic, as the next three */
	bool listening;
	bool stopping;
	uint64_t serving;	/* the request that the main thread is at */
	int64_t since;
	uint64_t cut;		/* which of those was answered in its place */
	void *room;		/* to read into; the thread's */
} standin = { .bell = -1 };

/* Held while something is read, so that whoever looks for a request finds it in the queue. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list queue = { &queue, &queue };
static size_t queued;		/* bytes */
static unsigned n_queued;	/* also atomic: read without the lock */
static bool held;
static struct {
	bool on;
	int fds[STANDIN_GUARDED];
	int64_t at;		/* INT64_MAX: never */
} guard;

static void
ring(void)
{
	uint64_t one = 1;

	if (write(standin.bell, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("cannot wake a thread: %s", strerror(errno));
}

static void
turn_to(uint64_t turn)
{
	__atomic_store_n(&standin.turn, turn, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&standin.listening, __ATOMIC_SEQ_CST))
		ring();
}

/* It has something to do. */
void
standin_begin(int64_t now)
{
	__atomic_store_n(&standin.since, now, __ATOMIC_RELAXED);
	turn_to(standin.turn + 1);
}

/* It has done it. */
void
standin_end(void)
{
	turn_to(standin.turn + 1);
}

void
standin_serving(uint64_t unique)
{
	__atomic_store_n(&standin.serving, unique, __ATOMIC_SEQ_CST);
}

int64_t
standin_since(void)
{
	return __atomic_load_n(&standin.since, __ATOMIC_RELAXED);
}

uint64_t
standin_turn(void)
{
	uint64_t turn = __atomic_load_n(&standin.turn, __ATOMIC_SEQ_CST);

	return turn & 1 ? turn : 0;
}

/* The queue ---------------------------------------------------------------- */

static uint64_t
unique_of(const struct letter *letter)
{
	struct fuse_in_header header;

	memcpy(&header, letter->request, sizeof(header));
	return header.unique;
}

static struct letter *
unqueue(struct letter *letter)
{
	list_unlink(&letter->link);
	queued -= letter->size;
	__atomic_store_n(&n_queued, n_queued - 1, __ATOMIC_SEQ_CST);
	return letter;
}

/* Answers one that nobody has begun. */
static void
refuse(struct letter *letter, int error)
{
	front_refuse(unique_of(letter), error);
	journal_strike(letter->slot);
	free(unqueue(letter));
}

static struct letter *
take(void)
{
	struct letter *letter = NULL;

	pthread_mutex_lock(&lock);
	if (!list_is_empty(&queue)) {
		letter = unqueue(LIST_ENTRY(queue.next, struct letter, link));
		standin_serving(unique_of(letter));
	}
	pthread_mutex_unlock(&lock);
	return letter;
}

bool
standin_is_empty(void)
{
	return __atomic_load_n(&n_queued, __ATOMIC_SEQ_CST) == 0;
}

/* Serves what is there now. */
void
standin_serve(void)
{
	struct letter *letter;

	while (!standin_is_empty() && (letter = take())) {
		if (front_process_noted(letter->request, letter->size, letter->slot,
		    letter->known) < 0)
			log_error("the kernel sent a request that is none: it is dropped");
		free(letter);
	}
}

bool
standin_hold(void)
{
	bool empty;

	pthread_mutex_lock(&lock);
	empty = list_is_empty(&queue);
	held = empty;
	pthread_mutex_unlock(&lock);
	return empty;
}

void
standin_go(void)
{
	pthread_mutex_lock(&lock);
	held = false;
	pthread_mutex_unlock(&lock);
}

static struct letter *
find(uint64_t unique)
{
	LIST_FOR_EACH(link, next, &queue)
		if (unique_of(LIST_ENTRY(link, struct letter, link)) == unique)
			return LIST_ENTRY(link, struct letter, link);
	return NULL;
}

/* Answers what the main thread is at, in a callback that does not come back; once. With
 * the lock held. */
static void
cut(int error)
{
	uint64_t serving = __atomic_load_n(&standin.serving, __ATOMIC_SEQ_CST);

	if (standin_turn() == 0 || serving == standin.cut)
		return;
	standin.cut = serving;
	req_cut(serving);
	front_refuse(serving, error);
}

/* With the lock held. */
static void
interrupt(uint64_t unique, bool in_place)
{
	struct letter *letter = find(unique);

	if (letter)
		refuse(letter, -EINTR);
	else if (!req_interrupt(unique) && in_place &&
	    __atomic_load_n(&standin.serving, __ATOMIC_SEQ_CST) == unique)
		cut(-EINTR);
}

/* Told by the main thread, which is at no other request then. */
void
standin_interrupt(uint64_t unique)
{
	pthread_mutex_lock(&lock);
	interrupt(unique, false);
	pthread_mutex_unlock(&lock);
}

/* In place of the main thread ------------------------------------------------ */

static void
put(const void *request, size_t size)
{
	struct letter *letter = malloc(sizeof(*letter) + size);
	struct fuse_in_header header;

	memcpy(&header, request, sizeof(header));
	if (!letter) {
		if (front_wants_answer(header.opcode))
			front_refuse(header.unique, -ENOMEM);
		return;
	}
	*letter = (struct letter){ .since = sys_now_ms(), .size = size };
	if (front_wants_answer(header.opcode))
		letter->slot = journal_note(header.unique, header.opcode, header.nodeid,
		    &letter->known);
	memcpy(letter->request, request, size);
	list_link_tail(&queue, &letter->link);
	queued += size;
	__atomic_store_n(&n_queued, n_queued + 1, __ATOMIC_SEQ_CST);
	wake_main();
}

/* Reads one request, with the lock held. False: there is none, or none that we may read. */
static bool
read_one(void)
{
	const struct fuse_in_header *header = standin.room;
	const struct fuse_interrupt_in *in = (const void *)(header + 1);
	ssize_t size;

	if (held || queued > QUEUE_MAX)
		return false;
	size = front_read(JOURNAL_STANDIN);
	if (size < 0 && (errno == ENOENT || errno == EINTR))
		return true;
	if (size < (ssize_t)sizeof(*header))
		return false;
	if (header->opcode == FUSE_INTERRUPT && (size_t)size >= sizeof(*header) + sizeof(*in))
		interrupt(in->unique, true);
	else
		put(standin.room, (size_t)size);
	journal_has_taken(JOURNAL_STANDIN);
	return true;
}

static bool
goes_on(uint64_t turn)
{
	return __atomic_load_n(&standin.turn, __ATOMIC_SEQ_CST) == turn &&
	    !__atomic_load_n(&standin.stopping, __ATOMIC_SEQ_CST);
}

static int64_t
expire_queue(int64_t now, int64_t allowed, int64_t due)
{
	LIST_FOR_EACH(link, next, &queue) {
		struct letter *letter = LIST_ENTRY(link, struct letter, link);

		if (now - letter->since >= allowed)
			refuse(letter, -ETIMEDOUT);
		else if (letter->since + allowed < due)
			due = letter->since + allowed;
	}
	return due;
}

/* Answers what took longer than the author allows. Returns in how many ms to do it again,
 * -1: no need. */
static int
expire(uint64_t turn)
{
	int64_t allowed = translator.ops.deadline_ms;
	int64_t now = sys_now_ms(), due, began = standin_since();

	if (!allowed)
		return -1;
	due = req_expire(now, allowed);
	pthread_mutex_lock(&lock);
	if (now - began < allowed)
		due = began + allowed < due ? began + allowed : due;
	else if (goes_on(turn))
		cut(-ETIMEDOUT);
	due = expire_queue(now, allowed, due);
	pthread_mutex_unlock(&lock);
	return due == INT64_MAX ? -1 : (int)(due > now ? due - now : 1);
}

/* Guarding ----------------------------------------------------------------- */

/* The main thread's reads may block from then on, and ours must not: none is under way with
 * the lock held, and none begins in this turn. */
void
standin_guard(const int fds[STANDIN_GUARDED], int64_t at)
{
	pthread_mutex_lock(&lock);
	wake_set_blocking(front_fd(), true);
	memcpy(guard.fds, fds, sizeof(guard.fds));
	guard.at = at;
	guard.on = true;
	pthread_mutex_unlock(&lock);
	ring();
}

void
standin_unguard(void)
{
	pthread_mutex_lock(&lock);
	wake_set_blocking(front_fd(), false);
	guard.on = false;
	pthread_mutex_unlock(&lock);
}

/* Adds what is guarded to what is polled. Returns for how long at most. */
static int
put_guard(struct pollfd polled[STANDIN_GUARDED], int timeout_ms)
{
	int64_t left = INT64_MAX;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < STANDIN_GUARDED; i++)
		polled[i] = (struct pollfd){ .fd = guard.on ? guard.fds[i] : -1, .events = POLLIN };
	if (guard.on && guard.at != INT64_MAX)
		left = guard.at - sys_now_ms();
	pthread_mutex_unlock(&lock);
	if (left == INT64_MAX || (timeout_ms >= 0 && timeout_ms < left))
		return timeout_ms;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Once is enough: the main thread looks at all of it. */
static void
look_at_guard(const struct pollfd polled[STANDIN_GUARDED])
{
	bool due = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < STANDIN_GUARDED; i++)
		due |= polled[i].revents != 0;
	due |= guard.at <= sys_now_ms();
	due &= guard.on;
	guard.on &= !due;
	pthread_mutex_unlock(&lock);
	if (due)
		wake_main();
}

/* The thread ----------------------------------------------------------------- */

/* Waits for the bell, for what is guarded, and for a descriptor, unless it is -1. Returns what
 * poll says of that. */
static int
wait_for_bell(int fd, int timeout_ms)
{
	struct pollfd polled[2 + STANDIN_GUARDED] = {
		{ .fd = standin.bell, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	uint64_t count;
	int n;

	timeout_ms = put_guard(polled + 2, timeout_ms);
	n = poll(polled, ARRAY_SIZE(polled), timeout_ms);
	look_at_guard(polled + 2);
	if (n > 0 && polled[0].revents && read(standin.bell, &count, sizeof(count)) < 0)
		return 0;
	return n > 0 ? polled[1].revents : 0;
}

/* Reads until the main thread is back. When nothing may be read just now, or the mount is gone,
 * it looks again later. */
static void
take_over(uint64_t turn)
{
	bool reads = true;

	if (!standin.room && (standin.room = journal_room(JOURNAL_STANDIN)))
		memset(standin.room, 0, FUSEWIRE_BUFFER);	/* see fault_in in fuse.c */
	/* Until the main thread guards again, which is after this turn. */
	wake_set_blocking(front_fd(), false);
	__atomic_store_n(&standin.listening, true, __ATOMIC_SEQ_CST);
	while (goes_on(turn)) {
		int due = expire(turn), events;

		reads &= standin.room != NULL;
		if (!reads && (due < 0 || due > LOOK_MS))
			due = LOOK_MS;
		events = wait_for_bell(reads ? front_fd() : -1, due);
		pthread_mutex_lock(&lock);
		reads = !events || (events == POLLIN && goes_on(turn) && read_one());
		pthread_mutex_unlock(&lock);
	}
	__atomic_store_n(&standin.listening, false, __ATOMIC_SEQ_CST);
}

/* Until there is something to do again. */
static void
sleep_deep(uint64_t turn)
{
	__atomic_store_n(&standin.listening, true, __ATOMIC_SEQ_CST);
	if (goes_on(turn))
		wait_for_bell(-1, -1);
	__atomic_store_n(&standin.listening, false, __ATOMIC_SEQ_CST);
}

static void *
stand_in(void *unused)
{
	uint64_t seen = 0;
	unsigned quiet = 0;

	(void)unused;
	while (!__atomic_load_n(&standin.stopping, __ATOMIC_SEQ_CST)) {
		uint64_t turn = __atomic_load_n(&standin.turn, __ATOMIC_SEQ_CST);

		quiet = turn == seen ? quiet + 1 : 0;
		if (turn == seen && (turn & 1))
			take_over(turn);
		else if (quiet > QUIET_LOOKS)
			sleep_deep(turn);
		else
			wait_for_bell(-1, LOOK_MS);
		seen = turn;
	}
	return NULL;
}

int
standin_open(void)
{
	int err;

	standin.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (standin.bell < 0)
		return -errno;
	standin.stopping = false;
	err = -pthread_create(&standin.thread, NULL, stand_in, NULL);
	if (err < 0)
		fd_close(&standin.bell);
	standin.open = err == 0;
	return err;
}

void
standin_close(void)
{
	if (!standin.open)
		return;
	__atomic_store_n(&standin.stopping, true, __ATOMIC_SEQ_CST);
	ring();
	pthread_join(standin.thread, NULL);
	LIST_FOR_EACH(link, next, &queue)
		free(unqueue(LIST_ENTRY(link, struct letter, link)));
	standin.room = NULL;
	fd_close(&standin.bell);
	standin.open = false;
}
