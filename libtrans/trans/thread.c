/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: work beside the requests, started by an author, joined by us. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "trans/translator.h"

struct worker {
	struct list link;
	pthread_t thread;
	void (*function)(void *);
	void *argument;
	bool done;		/* it only waits to be joined */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list workers = { &workers, &workers };
static unsigned n_working;
static bool leaving;

static void *
work(void *argument)
{
	struct worker *worker = argument;

	worker->function(worker->argument);
	pthread_mutex_lock(&lock);
	n_working--;
	worker->done = true;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Joins those that have ended, so that a translator which starts one now and
 * then does not collect their stacks. Called with the lock held, which an ended
 * one never takes again. */
static void
join_done(void)
{
	LIST_FOR_EACH(at, next, &workers) {
		struct worker *worker = LIST_ENTRY(at, struct worker, link);

		if (!worker->done)
			continue;
		list_unlink(at);
		pthread_join(worker->thread, NULL);
		free(worker);
	}
}

/* See trans.h. */
int
trans_thread(void (*function)(void *), void *argument)
{
	struct worker *worker = malloc(sizeof(*worker));
	int err;

	if (!worker)
		return -ENOMEM;
	*worker = (struct worker){ .function = function, .argument = argument };
	pthread_mutex_lock(&lock);
	join_done();
	err = -pthread_create(&worker->thread, NULL, work, worker);
	if (err == 0) {
		n_working++;
		list_link_tail(&workers, &worker->link);
	}
	pthread_mutex_unlock(&lock);
	if (err < 0)
		free(worker);
	return err;
}

/* See trans.h. */
int
trans_leaving(void)
{
	bool answer;

	pthread_mutex_lock(&lock);
	answer = leaving;
	pthread_mutex_unlock(&lock);
	return answer;
}

/* Whether no thread of the author's is at work. */
bool
thread_is_quiet(void)
{
	bool quiet;

	pthread_mutex_lock(&lock);
	quiet = n_working == 0;
	pthread_mutex_unlock(&lock);
	return quiet;
}

static struct worker *
take_worker(void)
{
	struct worker *worker = NULL;

	pthread_mutex_lock(&lock);
	leaving = true;
	if (!list_is_empty(&workers)) {
		worker = LIST_ENTRY(workers.next, struct worker, link);
		list_unlink(&worker->link);
	}
	pthread_mutex_unlock(&lock);
	return worker;
}

/* Tells every thread that the end has come and waits for each. Returns how
 * many there were. */
int
thread_join_all(void)
{
	struct worker *worker;
	int n = 0;

	while ((worker = take_worker())) {
		pthread_join(worker->thread, NULL);
		free(worker);
		n++;
	}
	return n;
}
