/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* req: the store of requests, and the ways one can end.
 *
 * The main thread, the author's threads and an interrupt may all want to end
 * one request; whoever takes it out of its state under the lock does, and the
 * others find it gone. Answers from other threads are written under the lock, so
 * that a request is never given back while its answer is on the way. */
#include "trans/req.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "trans/journal.h"
#include "trans/memory.h"
#include "trans/standin.h"
#include "trans/wake.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list spares = { &spares, &spares };
static struct list running = { &running, &running };
static struct list put_off = { &put_off, &put_off };
static struct list waiting = { &waiting, &waiting };
static struct list ready = { &ready, &ready };
static struct list lent = { &lent, &lent };	/* interrupted: the author still has them */

/* Whose what is made is, unless a door says otherwise. */
static void
own(struct trans_req *req)
{
	static bool is_known;
	static uid_t uid;
	static gid_t gid;

	if (!is_known) {
		uid = getuid();
		gid = getgid();
	}
	is_known = true;
	req->uid = uid;
	req->gid = gid;
}

static void
free_all(struct list *list)
{
	LIST_FOR_EACH(link, next, list) {
		struct trans_req *req = LIST_ENTRY(link, struct trans_req, link);

		list_unlink(link);
		free(req->copy);
		free(req);
	}
}

static void
drop_all(struct list *list)
{
	LIST_FOR_EACH(link, next, list) {
		struct trans_req *req = LIST_ENTRY(link, struct trans_req, link);

		req->door->drop(req);
	}
	free_all(list);
}

/* Forgets every request, answered or not. The author's threads are gone, the
 * doors are still open. */
void
req_deinit(void)
{
	free_all(&running);
	drop_all(&put_off);
	drop_all(&waiting);
	drop_all(&ready);
	free_all(&lent);
	free_all(&spares);
}

/* It has been answered. */
static void
spare(struct trans_req *req)
{
	journal_strike(STEAL_PTR(req->slot));
	free(STEAL_PTR(req->copy));
	list_unlink(&req->link);
	req->state = REQ_SPARE;
	list_link_head(&spares, &req->link);
}

static struct trans_req *
take_spare(void)
{
	struct trans_req *req;

	if (list_is_empty(&spares))
		return malloc(sizeof(*req));
	req = LIST_ENTRY(spares.next, struct trans_req, link);
	list_unlink(&req->link);
	return req;
}

/* A request in state REQ_RUNNING, or NULL when memory ran out. */
struct trans_req *
req_begin(const struct req_door *door, void (*run)(struct trans_req *), void *handle,
    uint64_t unique)
{
	struct trans_req *req;

	pthread_mutex_lock(&lock);
	req = take_spare();
	if (!req) {
		pthread_mutex_unlock(&lock);
		return NULL;
	}
	/* All but the names, which are half a kilobyte. */
	memset(req, 0, offsetof(struct trans_req, name));
	req->name[0] = req->new_name[0] = '\0';
	req->state = REQ_RUNNING;
	req->door = door;
	req->run = run;
	req->handle = handle;
	req->unique = unique;
	req->turn = standin_turn();
	req->since = standin_since();
	own(req);
	list_link_tail(&running, &req->link);
	pthread_mutex_unlock(&lock);
	return req;
}

/* Whether the main thread may answer it now; false: somebody else did, and it
 * must not be touched any more. */
bool
req_claim(struct trans_req *req)
{
	bool mine = true;

	pthread_mutex_lock(&lock);
	if (req->state == REQ_ANSWERED) {
		spare(req);
		mine = false;
	} else {
		list_unlink(&req->link);
		req->state = REQ_RUNNING;
	}
	pthread_mutex_unlock(&lock);
	return mine;
}

/* Gives back a request that was claimed and answered. */
void
req_free(struct trans_req *req)
{
	pthread_mutex_lock(&lock);
	spare(req);
	pthread_mutex_unlock(&lock);
}

/* Leaves a word for portd whether somebody waits. With the lock held. */
static void
tell_memory(void)
{
	memory_put_off(!list_is_empty(&put_off) || !list_is_empty(&waiting) ||
	    !list_is_empty(&ready));
}

static void
make_ready(struct trans_req *req)
{
	list_unlink(&req->link);
	req->state = REQ_READY;
	req->again = true;
	list_link_tail(&ready, &req->link);
	wake_main();
}

/* Puts it off until req_wake_waiting. Returns REQ_LATER. */
int
req_wait(struct trans_req *req)
{
	pthread_mutex_lock(&lock);
	list_unlink(&req->link);
	req->state = REQ_WAITING;
	list_link_tail(&waiting, &req->link);
	tell_memory();
	pthread_mutex_unlock(&lock);
	return REQ_LATER;
}

/* What everybody waited for has come. */
void
req_wake_waiting(void)
{
	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(link, next, &waiting)
		make_ready(LIST_ENTRY(link, struct trans_req, link));
	pthread_mutex_unlock(&lock);
}

static struct trans_req *
take_ready(void)
{
	struct trans_req *req = NULL;

	pthread_mutex_lock(&lock);
	if (!list_is_empty(&ready)) {
		req = LIST_ENTRY(ready.next, struct trans_req, link);
		list_unlink(&req->link);
		req->state = REQ_RUNNING;
		list_link_tail(&running, &req->link);
	}
	tell_memory();
	pthread_mutex_unlock(&lock);
	return req;
}

/* Runs each request that was woken. */
void
req_run_ready(void)
{
	struct trans_req *req;

	while ((req = take_ready())) {
		standin_serving(req->unique);
		req->run(req);
	}
}

static struct trans_req *
find_unique(struct list *list, uint64_t unique)
{
	LIST_FOR_EACH(link, next, list) {
		struct trans_req *req = LIST_ENTRY(link, struct trans_req, link);

		if (req->unique == unique)
			return req;
	}
	return NULL;
}

/* Ends a request that the author has; it will find out. With the lock held. */
static void
end_early(struct trans_req *req, int error)
{
	list_unlink(&req->link);
	req->state = REQ_INTERRUPTED;
	list_link_tail(&lent, &req->link);
	req->door->error(req, error);
}

/* Ends a request that is put off with EINTR. One that is not is about to be
 * answered anyway, or is for req_cut. */
bool
req_interrupt(uint64_t unique)
{
	struct trans_req *req;

	pthread_mutex_lock(&lock);
	req = find_unique(&put_off, unique);
	if (req) {
		end_early(req, -EINTR);
	} else if ((req = find_unique(&waiting, unique)) || (req = find_unique(&ready, unique))) {
		list_unlink(&req->link);
		req->door->error(req, -EINTR);
		spare(req);
	}
	tell_memory();
	pthread_mutex_unlock(&lock);
	return req != NULL;
}

/* See req.h. What the door holds for it is released with the late answer. */
bool
req_cut(uint64_t unique)
{
	struct trans_req *req;
	bool done = false;

	pthread_mutex_lock(&lock);
	req = find_unique(&running, unique);
	if (req && !req->cut)
		done = req->cut = true;
	pthread_mutex_unlock(&lock);
	return done;
}

/* See req.h. */
int64_t
req_expire(int64_t now, int64_t allowed)
{
	int64_t due = INT64_MAX;

	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(link, next, &put_off) {
		struct trans_req *req = LIST_ENTRY(link, struct trans_req, link);

		if (now - req->since >= allowed)
			end_early(req, -ETIMEDOUT);
		else if (req->since + allowed < due)
			due = req->since + allowed;
	}
	tell_memory();
	pthread_mutex_unlock(&lock);
	return due;
}

static uint64_t
oldest_in(const struct list *list, uint64_t oldest)
{
	LIST_FOR_EACH(link, next, list) {
		const struct trans_req *req = LIST_ENTRY(link, struct trans_req, link);

		if (!req->waits && !req->cut && req->turn && (!oldest || req->turn < oldest))
			oldest = req->turn;
	}
	return oldest;
}

/* See req.h. */
uint64_t
req_oldest(bool *excusedp)
{
	uint64_t oldest;
	bool excused = false;

	pthread_mutex_lock(&lock);
	oldest = oldest_in(&waiting, oldest_in(&put_off, 0));
	LIST_FOR_EACH(link, next, &running)
		excused |= LIST_ENTRY(link, struct trans_req, link)->waits;
	pthread_mutex_unlock(&lock);
	*excusedp = excused;
	return oldest;
}

/* Whether no request is under way in any form. */
bool
req_is_quiet(void)
{
	bool quiet;

	pthread_mutex_lock(&lock);
	quiet = list_is_empty(&put_off) && list_is_empty(&waiting) && list_is_empty(&ready) &&
	    list_is_empty(&lent);
	pthread_mutex_unlock(&lock);
	return quiet;
}

/* The author's side ------------------------------------------------------- */

/* See trans.h. Called by a callback; another thread may have answered already. */
int
trans_later(struct trans_req *req)
{
	pthread_mutex_lock(&lock);
	if (req->state == REQ_RUNNING) {
		list_unlink(&req->link);
		req->state = REQ_PUT_OFF;
		list_link_tail(&put_off, &req->link);
	} else if (req->state == REQ_WOKEN) {
		make_ready(req);
	} else if (req->state == REQ_ANSWERED) {
		spare(req);
	}
	tell_memory();
	pthread_mutex_unlock(&lock);
	return REQ_LATER;
}

static void
answer(struct trans_req *req, int error, const void *data, size_t size)
{
	if (error < 0)
		req->door->error(req, error);
	else
		req->door->data(req, data, size);
}

/* error 1: no answer, it is to be run again. */
static void
settle(struct trans_req *req, int error, const void *data, size_t size)
{
	pthread_mutex_lock(&lock);
	switch (req->state) {
	case REQ_RUNNING:
		req->state = error > 0 ? REQ_WOKEN : REQ_ANSWERED;
		if (error <= 0)
			answer(req, error, data, size);
		break;
	case REQ_PUT_OFF:
		if (error > 0) {
			make_ready(req);
			break;
		}
		list_unlink(&req->link);
		answer(req, error, data, size);
		spare(req);
		break;
	case REQ_INTERRUPTED:
		list_unlink(&req->link);
		spare(req);
		break;
	default:
		log_error("a request was answered twice: the second answer is dropped");
	}
	tell_memory();
	pthread_mutex_unlock(&lock);
}

/* See trans.h. */
void
trans_reply_error(struct trans_req *req, int error)
{
	settle(req, error < 0 ? error : 1, NULL, 0);
}

/* See trans.h. */
void
trans_reply_data(struct trans_req *req, const void *data, size_t size)
{
	settle(req, 0, data, size);
}

/* See trans.h. */
void
trans_give_stat(struct trans_req *req, trans_node_t node, const struct stat *st)
{
	req->given = node;
	req->given_st = *st;
}

/* See trans.h. */
void
trans_waits(struct trans_req *req)
{
	pthread_mutex_lock(&lock);
	req->waits = true;
	pthread_mutex_unlock(&lock);
}

/* See trans.h. */
int
trans_req_interrupted(struct trans_req *req)
{
	bool interrupted;

	pthread_mutex_lock(&lock);
	interrupted = req->cut || req->state == REQ_INTERRUPTED;
	pthread_mutex_unlock(&lock);
	return interrupted;
}

/* See trans.h. */
int
trans_caller(struct trans_req *req, struct trans_caller *caller)
{
	const struct trans_caller full = {
		.size = sizeof(full), .rights = req->rights, .node = req->node,
		.uid = req->uid, .gid = req->gid, .pid = req->pid,
	};
	size_t size = caller->size < sizeof(full) ? caller->size : sizeof(full);

	memcpy(caller, &full, size);
	caller->size = size;
	return 0;
}
