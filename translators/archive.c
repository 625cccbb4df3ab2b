/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive: the content of an archive as a directory tree, read-only.
 *
 * A thread lists the members into a tree while whoever looks waits. Reads that
 * are quick are answered at once; those that have to go through the archive
 * are done one after another by a second thread, which lives as long as there
 * is something for it to do. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trans/trans.h"
#include "translators/archive-content.h"
#include "translators/archive-index.h"
#include "translators/archive-source.h"

/* How long the second thread waits for more before it ends. */
enum { LINGER_MS = 200 };

/* A read that is waited for. */
struct job {
	struct job *next;
	struct trans_req *req;
	struct trans_entry entry;
	size_t size;
	uint64_t offset;
};

static struct trans_file file = { NULL, -1 };
static struct source source;
static struct trans_tree *tree;
static struct content *content;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first;
	struct job **end;
	bool has_thread;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.end = &queue.first,
};

static const struct trans_option options[] = {
	TRANS_FILE_ARG("archive", &file, "the archive to show"),
	TRANS_OPTIONS_END
};

/* The list ---------------------------------------------------------------- */

static bool
is_leaving(void *argument)
{
	(void)argument;
	return trans_leaving();
}

static const struct patience until_leaving = { .is_over = is_leaving };

static void
tell_report(const struct index_report *report)
{
	uint64_t entries, bytes;

	trans_tree_size(tree, &entries, &bytes);
	if (report->is_damaged)
		trans_log("%s: damaged or cut off at about byte %llu (%s): %llu entries are shown, "
		    "what follows is missing", source.path,
		    (unsigned long long)report->damage_offset, report->damage,
		    (unsigned long long)entries);
	if (report->left_out > 0)
		trans_log("%s: %llu entries are left out, for names that cannot be shown "
		    "or links to nothing; the first is \"%s\"", source.path,
		    (unsigned long long)report->left_out, report->example);
}

static void
list_members(void *argument)
{
	struct index_report report;
	int r;

	(void)argument;
	r = index_fill(&source, &until_leaving, tree, &report);
	if (r != -EINTR)
		tell_report(&report);
	if (r == 0)
		trans_progress(100);
	trans_tree_ready(tree, r);
}

/* The long way to content -------------------------------------------------- */

static struct job *
queue_take(void)
{
	struct job *job = queue.first;

	if (job) {
		queue.first = job->next;
		if (!queue.first)
			queue.end = &queue.first;
	}
	return job;
}

static bool
job_is_over(void *argument)
{
	struct job *job = argument;

	return trans_leaving() || trans_req_interrupted(job->req);
}

/* Answers, unless the end has come: then a successor will. Eats the job. */
static void
job_do(struct job *job)
{
	struct patience patience = { .is_over = job_is_over, .argument = job };
	char *buf = malloc(job->size);
	ssize_t n = -ENOMEM;

	if (buf)
		n = content_read_slowly(content, &job->entry, buf, job->size, job->offset,
		    &patience);
	if (n >= 0)
		trans_reply_data(job->req, buf, (size_t)n);
	else if (!trans_leaving() || trans_req_interrupted(job->req))
		trans_reply_error(job->req, (int)n);
	free(buf);
	free(job);
}

/* Waits a little for a job. The lock is held. */
static void
queue_linger(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LINGER_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&queue.more, &queue.lock, &until);
}

static void
do_jobs(void *argument)
{
	bool has_waited = false;
	struct job *job;

	(void)argument;
	pthread_mutex_lock(&queue.lock);
	while (!trans_leaving()) {
		job = queue_take();
		if (!job && !content_wants_ahead(content)) {
			if (has_waited)
				break;
			has_waited = true;
			queue_linger();
			continue;
		}
		has_waited = false;
		pthread_mutex_unlock(&queue.lock);
		if (job)
			job_do(job);	/* eats job */
		else
			content_read_ahead(content, &until_leaving);
		pthread_mutex_lock(&queue.lock);
	}
	queue.has_thread = false;
	pthread_mutex_unlock(&queue.lock);
}

/* Sees to it that somebody looks at the queue. 0 or -errno. */
static int
queue_wake(void)
{
	int r = 0;

	pthread_cond_signal(&queue.more);
	if (!queue.has_thread)
		r = trans_thread(do_jobs, NULL);
	if (r == 0)
		queue.has_thread = true;
	return r;
}

static int
read_later(struct trans_req *req, const struct trans_entry *entry, size_t size,
    uint64_t offset)
{
	struct job *job = malloc(sizeof(*job));
	int r, later;

	if (!job)
		return -ENOMEM;
	*job = (struct job){
		.req = req, .entry = *entry, .size = size, .offset = offset,
	};
	pthread_mutex_lock(&queue.lock);
	r = queue_wake();
	if (r < 0) {
		pthread_mutex_unlock(&queue.lock);
		free(job);
		return r;
	}
	later = trans_later(req);
	*queue.end = job;
	queue.end = &job->next;
	pthread_mutex_unlock(&queue.lock);
	return later;
}

static void
read_ahead(void)
{
	pthread_mutex_lock(&queue.lock);
	queue_wake();
	pthread_mutex_unlock(&queue.lock);
}

/* The table --------------------------------------------------------------- */

static int
archive_check(void)
{
	char why[320];
	int r;

	source_set_locale();
	r = source_init(&source, file.fd, file.path);
	if (r == -EINVAL)
		return trans_error(EINVAL, "%s: not a regular file", file.path);
	if (r < 0)
		return trans_error(-r, "%s: %s", file.path, strerror(-r));
	r = index_probe(&source, why, sizeof(why));
	return r < 0 ? trans_error(-r, "%s: %s", file.path, why) : 0;
}

static void
archive_stop(void)
{
	struct job *job;

	while ((job = queue_take()))
		free(job);
	content = content_free(content);
	trans_tree_free(tree);
	tree = NULL;
}

static int
archive_start(void)
{
	int r;

	tree = trans_tree_new();
	if (!tree)
		return -ENOMEM;
	r = content_new(&source, &content);
	if (r == 0)
		r = trans_thread(list_members, NULL);
	if (r < 0)
		archive_stop();
	return r;
}

static ssize_t
archive_read(struct trans_req *req, trans_node_t node, char *buf, size_t size,
    off_t offset)
{
	struct trans_entry entry;
	ssize_t n;
	int r;

	r = trans_tree_entry(tree, node, &entry);
	if (r < 0)
		return r;
	if (!S_ISREG(entry.mode) || offset < 0)
		return -EINVAL;
	if ((uint64_t)offset >= entry.size)
		return 0;
	if (size > entry.size - (uint64_t)offset)
		size = (size_t)(entry.size - (uint64_t)offset);
	n = content_read(content, &entry, buf, size, (uint64_t)offset);
	if (n == -EAGAIN)
		return read_later(req, &entry, size, (uint64_t)offset);
	if (content_wants_ahead(content))
		read_ahead();
	return n;
}

static const struct trans_ops archive = {
	TRANS_OPS,
	.summary = "an archive as a directory: tar, zip, iso9660, cpio, 7z, rar and more, also compressed",
	.kind = TRANS_DIR,
	.nature = TRANS_IMMUTABLE,
	.options = options,
	.tree = &tree,
	.check = archive_check,
	.start = archive_start,
	.stop = archive_stop,
	.read = archive_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&archive, argc, argv);
}
