/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse-poll: poll(2) of files that are not always ready.
 *
 * The kernel asks what is so now, and gives with it a number by which it can be woken. These
 * numbers are kept until then. When there are too many, the oldest is woken for nothing: who waits
 * for it asks again. */
#include "trans/fuse-front.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <unistd.h>

#include "trans/node.h"

enum { WAITING_MAX = 256 };

struct waiting {
	trans_node_t node;	/* 0: none */
	uint64_t number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiting waiting[WAITING_MAX];
static unsigned n_waited;

/* With the lock. */
static void
wake(struct waiting *who)
{
	struct {
		struct fuse_out_header header;
		struct fuse_notify_poll_wakeup_out out;
	} notice = {
		.header = { .len = sizeof(notice), .error = FUSE_NOTIFY_POLL },
		.out = { .kh = who->number },
	};

	/* Closed meanwhile: the kernel says so, and that is fine. */
	if (who->node != 0 && front.fd >= 0 && write(front.fd, &notice, sizeof(notice)) < 0)
		who->number = 0;
	who->node = 0;
}

static void
remember(trans_node_t node, uint64_t number)
{
	struct waiting *place = NULL;

	pthread_mutex_lock(&lock);
	for (struct waiting *who = waiting; who < waiting + WAITING_MAX; who++)
		if (who->node == node && who->number == number)
			place = who;
	if (!place) {
		place = &waiting[n_waited++ % WAITING_MAX];
		wake(place);
	}
	*place = (struct waiting){ node, number };
	pthread_mutex_unlock(&lock);
}

static void
run_poll(struct trans_req *req)
{
	int ready = node_poll(req, req->node);

	if (front_is_finished(req, ready))
		return;
	fuse_reply_poll(front_handle(req), (unsigned)ready);
	req_free(req);
}

/* See fuse-front.h. The number is kept before the callback looks, so that no change is missed. */
void
op_poll(fuse_req_t from, fuse_ino_t id, struct fuse_file_info *file, struct fuse_pollhandle *poll)
{
	const struct fuse_poll_in *argument = front_argument();
	struct trans_req *req;

	(void)file;
	if (poll)
		fuse_pollhandle_destroy(poll);
	req = front_begin(from, id, run_poll);
	if (!req)
		return;
	if (argument->flags & FUSE_POLL_SCHEDULE_NOTIFY)
		remember(req->node, argument->kh);
	run_poll(req);
}

/* See trans.h. */
void
trans_poll_changed(trans_node_t node)
{
	pthread_mutex_lock(&lock);
	for (struct waiting *who = waiting; who < waiting + WAITING_MAX; who++)
		if (node != 0 && who->node == node)
			wake(who);
	pthread_mutex_unlock(&lock);
}
