/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notify: tells the kernel what to forget, from a thread of its own.
 *
 * To drop a page the kernel waits for the read that fills it, and that read may
 * stand in the queue which only the main thread empties. So the main thread never
 * does this itself: it leaves a note here and goes on serving. */
#include "trans/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "trans/fuse.h"
#include "trans/node.h"
#include "trans/translator.h"

/* More notes than this become one: everything. */
enum { NOTES_MAX = 64 };

struct note {
	struct list link;
	trans_node_t node;	/* 0: none */
	trans_node_t dir;	/* that the name is in */
	char *name;		/* or NULL; owned */
	void (*done)(void *argument);
	void *argument;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct list notes = { &notes, &notes };
static unsigned n_notes;	/* in the list or in hand */
static bool started, stopping;
static pthread_t thread;

static void
follow(const struct note *note)
{
	if (note->name)
		front_forget_name(note->dir, note->name);
	else if (note->node != 0)
		front_forget_node(note->node);
	if (note->done)
		note->done(note->argument);
}

static struct note *
take(void)
{
	struct note *note = NULL;

	pthread_mutex_lock(&lock);
	while (list_is_empty(&notes) && !stopping)
		pthread_cond_wait(&changed, &lock);
	if (!list_is_empty(&notes)) {
		note = LIST_ENTRY(notes.next, struct note, link);
		list_unlink(&note->link);
	}
	pthread_mutex_unlock(&lock);
	return note;
}

static void *
run(void *unused)
{
	struct note *note;

	(void)unused;
	while ((note = take())) {
		follow(note);
		free(note->name);
		free(note);
		pthread_mutex_lock(&lock);
		n_notes--;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static bool
is_noted(trans_node_t node)
{
	LIST_FOR_EACH(link, next, &notes)
		if (LIST_ENTRY(link, struct note, link)->node == node)
			return true;
	return false;
}

static int
add(struct note *note)
{
	int err = 0;

	if (!started) {
		err = -pthread_create(&thread, NULL, run, NULL);
		if (err < 0)
			return err;
		started = true;
	}
	list_link_tail(&notes, &note->link);
	n_notes++;
	pthread_cond_signal(&changed);
	return 0;
}

/* Eats what->name, on failure too. */
static int
post(const struct note *what)
{
	struct note *note = malloc(sizeof(*note));
	int err;

	if (!note) {
		free(what->name);
		return -ENOMEM;
	}
	*note = *what;
	pthread_mutex_lock(&lock);
	if (note->node != 0 && n_notes >= NOTES_MAX)
		note->node = TRANS_ROOT;
	err = note->node != 0 && is_noted(note->node) ? -EEXIST : add(note);
	pthread_mutex_unlock(&lock);
	if (err < 0) {
		free(note->name);
		free(note);
	}
	return err == -EEXIST ? 0 : err;
}

/* The kernel is to forget attributes and content of this node. Returns at once:
 * 0 or -errno. Any thread. */
int
notify_node(trans_node_t node)
{
	int err = post(&(struct note){ .node = node });

	if (err < 0)
		log_error("cannot tell the kernel what changed: %s", strerror(-err));
	return err;
}

/* Likewise what a name in this directory leads to, or that it leads nowhere. */
void
notify_name(trans_node_t dir, const char *name)
{
	char *copy = strdup(name);

	if (copy)
		post(&(struct note){ .dir = dir, .name = copy });
}

static int
note_name(void *argument, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	(void)argument;
	(void)node;
	(void)mode;
	(void)next;
	notify_name(TRANS_ROOT, name);
	return 0;
}

/* For kernels before 6.16, which cannot be told to forget all names: those in
 * the root of the tree. Main thread. */
void
notify_root_names(void)
{
	node_list_root(note_name, NULL);
}

/* Calls done, on the notifying thread, once all that was noted before is forgotten. */
int
notify_then(void (*done)(void *argument), void *argument)
{
	return post(&(struct note){ .done = done, .argument = argument });
}

/* Whether the kernel has been told everything. */
bool
notify_is_quiet(void)
{
	bool quiet;

	pthread_mutex_lock(&lock);
	quiet = n_notes == 0;
	pthread_mutex_unlock(&lock);
	return quiet;
}

/* Ends the thread when it has nothing to do. false: it goes on. One that waits for
 * the kernel is left to the end of the process, since the kernel waits for requests
 * that nobody here will answer any more. */
bool
notify_stop(void)
{
	bool join, busy;

	pthread_mutex_lock(&lock);
	stopping = true;
	busy = n_notes > 0;
	join = started && !busy;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	if (join)
		pthread_join(thread, NULL);
	started = busy;
	stopping = busy;
	return !busy;
}

/* See trans.h. */
void
trans_invalidate(trans_node_t node)
{
	if (node == TRANS_ROOT && translator.ops.kind == TRANS_DIR)
		front_forget_names();
	notify_node(node);
}

/* See trans.h. */
int
trans_is_known(trans_node_t node)
{
	return node == TRANS_ROOT || front_knows(node);
}
