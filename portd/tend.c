/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tend: looks after a mounted node. While no translator runs, portd answers on the
 * connection itself; the first request that it cannot answer starts one, which gets the
 * connection and that request. When it is gone portd listens again.
 *
 * A translator that dies leaves requests that it had taken; the kernel is told to deliver
 * them again, and they come in here like any other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/admit.h"
#include "portd/arm.h"
#include "portd/backoff.h"
#include "portd/blame.h"
#include "portd/change.h"
#include "portd/kept.h"
#include "portd/idle.h"
#include "portd/lookup.h"
#include "portd/mounter.h"
#include "portd/node.h"
#include "portd/restart.h"
#include "portd/stale.h"
#include "portd/watchdog.h"
#include "wire/fusewire.h"

enum {
	READS_AT_ONCE = 32,
	START_WAIT_MS = 500,
	/* A larger request (a write) does not fit into a message; it is delivered again. */
	PENDING_MAX = 64 * 1024,
};

static void on_request(struct mount *mount, bool dead, void *arg);

static void
store_quietly(struct node *node)
{
	AUTO_TEXT struct text why = { 0 };

	if (node_store(node, &why) < 0)
		log_error("%s", text_string(&why));
}

/* Requests ------------------------------------------------------------------ */

static void
describe_idle(const struct node *node, struct idle *idle)
{
	const struct setting *setting = node_setting(node);
	const struct wire_attr *beneath = &node->mount->beneath_attr;

	*idle = (struct idle){
		.kind = setting->kind,
		.nature = setting->nature,
		.attr = setting->attr,
		.failed = node_retry_ms(node) > 0,
		.share = setting->share,
		.owner = getuid(),
	};
	if (setting->attr.valid)
		return;
	idle->attr = *beneath;
	idle->attr.valid = 0;
	if (node->created && node->restore_mode)
		idle->attr.mode = node->restore_mode;
}

static void
fail_pending(struct node *node)
{
	char answer[IDLE_ANSWER_MAX];
	size_t size = 0;

	if (node->pending)
		size = idle_error(node->pending, node->pending_size, -EIO, answer);
	if (size > 0 && node->mount)
		mount_write(node->mount, answer, size);
	free(STEAL_PTR(node->pending));
	node->pending_size = 0;
}

/* What has failed so often in a row is left alone for a while, for longer each time. Who kills it
 * from outside has nothing to say against the translator, unless it goes on and on (memory runs
 * out). Time that it wasted was no time in which it was well. */
static void
count_failure(struct node *node, bool started, bool killed, uint32_t wasted_ms)
{
	unsigned limit = killed ? NODE_KILLS_MAX : NODE_CRASHES_MAX;
	int64_t now = sys_now_ms();

	if (started && now - (int64_t)wasted_ms - node->began_at > NODE_WELL_MS)
		node->failures = node->rests = 0;
	if (node->failures < NODE_KILLS_MAX)
		node->failures++;
	if (node->failures >= limit)
		node->retry_at = now + backoff_next(&node->rests);
	else if (node->failures > 1 && !started && !killed)
		node->retry_at = now + START_WAIT_MS;
	else
		node->retry_at = now;
}

/* One that served has died. What it did before decides how many deaths that makes in a row. */
static void
count_crash(struct node *node, const struct incarnation *inc)
{
	unsigned before;

	if (node->mount && blame_deaths(node->mount->recovery, &before))
		node->failures = before < node->failures ? before : node->failures;
	count_failure(node, true, inc->killed, inc->wasted_ms);
	node->crashes++;
}

/* Forgets what went wrong. */
void
node_forgive(struct node *node)
{
	node->failures = node->rests = 0;
	node->retry_at = 0;
	free(STEAL_PTR(node->reason));
}

static void
keep_pending(struct node *node, const void *request, size_t size)
{
	free(node->pending);
	node->pending = malloc(size);
	node->pending_size = node->pending ? size : 0;
	if (node->pending)
		memcpy(node->pending, request, size);
}

static void
start_for(struct node *node, const void *request, size_t size)
{
	int err;

	keep_pending(node, request, size);
	err = node_start(node, NODE_START_TIMEOUT_MS);
	if (err == 0)
		return;
	node_say(node, "%s cannot be started: %s", argv_word(&node_setting(node)->argv, 0),
	    strerror(-err));
	count_failure(node, false, false, 0);
	fail_pending(node);
}

/* A translator that leaves by itself has answered all that it had taken. When one comes again
 * that it had taken nevertheless, that was a crash. */
static void
look_at_leaver(struct node *node, const void *request, size_t size)
{
	struct fuse_in_header head;

	if (!node->left || size < sizeof(head))
		return;
	memcpy(&head, request, sizeof(head));
	if (!(head.unique & FUSEWIRE_UNIQUE_RESENT))
		return;
	node->left = false;
	node->resent = true;
	node->crashes++;
	node_say(node, "%s left without having answered", argv_word(&node_setting(node)->argv, 0));
	count_failure(node, true, false, 0);
}

/* One request; false when there is no more to read now. */
static bool
take_request(struct node *node)
{
	static uint8_t request[FUSEWIRE_BUFFER];
	static bool is_touched;
	char answer[IDLE_ANSWER_MAX];
	struct idle idle;
	size_t size = 0;
	ssize_t n;

	/* The kernel loses a request when we are killed while it waits for a page to put it into. */
	if (!is_touched)
		memset(request, 1, sizeof(request));
	is_touched = true;
	n = read(node->mount->fuse, request, sizeof(request));
	if (n < 0 && errno == ENODEV) {
		node_lost_mount(node, "it was unmounted by hand; settrans --start mounts it again");
		return false;
	}
	if (n <= 0)
		return n < 0 && (errno == ENOENT || errno == EINTR);	/* taken back meanwhile */
	look_at_leaver(node, request, (size_t)n);
	describe_idle(node, &idle);
	switch (idle_request(&idle, request, (size_t)n, answer, &size)) {
	case IDLE_ANSWER:
		mount_write(node->mount, answer, size);
		return true;
	case IDLE_NOTHING:
		return true;
	case IDLE_START:
		break;
	}
	if (!admit_request(node, request, (size_t)n))
		return true;
	start_for(node, request, (size_t)n);
	return node->mount && node->mount->polling;
}

static void
on_request(struct mount *mount, bool dead, void *arg)
{
	struct node *node = arg;

	(void)mount;
	/* That is our own doing. A change needs what the mount covered until its end. */
	if (dead && (node->keeper->stopping || node->change))
		return;
	if (dead) {
		node_lost_mount(node, "it was unmounted by hand or aborted; "
		    "settrans --start mounts it again");
		return;
	}
	for (unsigned i = 0; i < READS_AT_ONCE && take_request(node); i++)
		;
}

/* Mounts -------------------------------------------------------------------- */

static void
listen_again(struct node *node)
{
	if (node->mount && !node->keeper->stopping)
		mount_watch(node->mount, on_request, node);
}

/* Its mount was there before. */
void
node_listen(struct node *node)
{
	listen_again(node);
}

/* It is mounted: idle. */
void
node_attach(struct node *node, struct mount *mount)
{
	node->mount = mount;
	node->waits_for_outer = false;
	if (!node->remounting)
		node_forgive(node);
	node->remounting = false;
	kept_node(node);
	listen_again(node);
	lookup_covers(node->keeper, mount);
}

/* It is not any more. */
struct mount *
node_detach(struct node *node)
{
	struct mount *mount = STEAL_PTR(node->mount);

	stale_end(node);
	if (mount) {
		mount_unwatch(mount);
		lookup_covers(node->keeper, mount);
	}
	free(STEAL_PTR(node->pending));
	node->pending_size = 0;
	return mount;
}

/* Somebody else ended the connection; the setting stays. */
void
node_lost_mount(struct node *node, const char *why)
{
	struct incarnation *inc = node_release(node);

	mount_free(node_detach(node));
	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, NODE_GOAWAY_MS, NULL, NULL);
	change_started(node, -ENOTCONN, why);
	restart_end(node, -ENOTCONN, why);
	if (node->change)
		return;		/* it sees to the rest */
	setting_free(STEAL_PTR(node->active));
	if (node->passive)
		node_say(node, "%s", why);
	else
		node_free(node);
}

/* Incarnations -------------------------------------------------------------- */

static int
write_notice(struct node *node, size_t (*make)(void *))
{
	char notice[IDLE_ANSWER_MAX];

	return node->mount ? mount_write(node->mount, notice, make(notice)) : 0;
}

/* The content is not what it was: nothing that the kernel remembers of it may be
 * believed any more. */
int
node_changed(struct node *node)
{
	node->generation++;
	write_notice(node, idle_inval_root);
	return write_notice(node, idle_inc_epoch);
}

static int
next_generation(struct node *node)
{
	memset(&node_setting(node)->attr, 0, sizeof(struct wire_attr));
	return node_changed(node);
}

static bool
attr_is_sane(const struct node *node, const struct wire_attr *attr)
{
	mode_t type = attr->mode & S_IFMT;

	return attr->valid && type == (node_setting(node)->kind == NODE_KIND_DIR ? S_IFDIR : S_IFREG);
}

/* What it says of its root. true: that was news. */
static bool
learn(struct node *node, struct incarnation *inc)
{
	struct wire_attr *attr = &node_setting(node)->attr;
	bool news = inc->has_attr && attr_is_sane(node, &inc->attr) &&
	    memcmp(attr, &inc->attr, sizeof(*attr)) != 0;

	if (news)
		*attr = inc->attr;
	return news;
}

/* Whether the files it reads are not those it was set up with; remembers them as they are. */
static bool
identities_differ(struct node *node, const struct argv *identities)
{
	struct argv *known = &node_setting(node)->identities;

	if (identities->size == 0 || argv_equal(identities, known))
		return false;
	return argv_copy(known, identities->data, identities->size) == 0;
}

/* Somebody has looked at its files while nothing ran. */
void
node_files_are(struct node *node, const struct argv *identities)
{
	int err;

	if (!identities_differ(node, identities))
		return;
	err = next_generation(node);
	if (node->passive)
		store_quietly(node);
	/* Only the translator knows the names that are to be forgotten. */
	if (err == -EINVAL && node_setting(node)->kind == NODE_KIND_DIR && node->mount &&
	    !node->inc && !node->change)
		node_start(node, NODE_START_TIMEOUT_MS);
}

static int
deliver_again(struct node *node)
{
	char notice[IDLE_ANSWER_MAX];

	if (node->keeper->no_resend)
		return -EINVAL;
	return mount_write(node->mount, notice, idle_resend(notice));
}

/* A request that is too large to travel in a message goes back to the kernel's queue. */
static void
send_back_large(struct node *node)
{
	if (node->pending_size <= PENDING_MAX)
		return;
	if (deliver_again(node) < 0) {
		fail_pending(node);
		return;
	}
	free(STEAL_PTR(node->pending));
	node->pending_size = 0;
	node->resent = true;
}

static void
note_handed(struct node *node)
{
	node->handed = (struct recovery_taken){ .unique = 0 };
	if (node->pending_size >= sizeof(node->handed))
		memcpy(&node->handed, node->pending, sizeof(node->handed));
}

static int
hand_over(struct node *node, struct incarnation *inc)
{
	struct hand_over what = { .mount = node->mount };
	int err;

	send_back_large(node);
	blame_begin(node->mount->recovery);
	what.pending = node->pending;
	what.pending_size = node->pending_size;
	what.generation = node->generation;
	what.resent = node->resent;
	what.share = node_setting(node)->share;
	what.idle_ms = node_idle_ms(node);
	err = incarnation_make_leash(inc);
	if (err < 0)
		return err;
	node->starts++;
	/* First: from the moment it has the descriptor it serves. */
	kept_node(node);
	err = incarnation_hand_over(inc, &what);
	if (err < 0) {
		node->starts--;
		return err;
	}
	node->began_at = sys_now_ms();
	note_handed(node);
	free(STEAL_PTR(node->pending));
	node->pending_size = 0;
	node->resent = false;
	node->left = false;
	return 0;
}

static void
on_announced(struct incarnation *inc, void *arg)
{
	struct node *node = arg;
	bool news = false;

	if (identities_differ(node, &inc->identities)) {
		next_generation(node);
		news = true;
	}
	news |= learn(node, inc);
	if (!node->resent)
		free(STEAL_PTR(node->reason));	/* but why the last one crashed stays to be seen */
	if (hand_over(node, inc) < 0) {
		log_error("%s: no descriptors left to hand over", node->path);
		incarnation_kill(inc);
		return;
	}
	if (news && node->passive)
		store_quietly(node);
	change_started(node, 0, "");
	restart_end(node, 0, "");
	watchdog_begin(node->keeper->watchdog);
	lookup_go_on(node);
	arm_inner(node);
}

static void
on_left(struct incarnation *inc, uint32_t reason, void *arg)
{
	struct node *node = arg;
	bool news;

	node->inc = NULL;
	if (reason == FSYS_LEAVE_STALE)
		next_generation(node);
	news = learn(node, inc) || reason == FSYS_LEAVE_STALE;
	if (sys_now_ms() - node->began_at > NODE_WELL_MS)
		node_forgive(node);
	node->left = node->mount && deliver_again(node) == 0;
	if (news && node->passive)
		store_quietly(node);
	if (restart_go_on(node))
		return;
	kept_node(node);
	listen_again(node);
	stale_begin(node);
}

/* Ends the connection, with all copies of its descriptor: whoever waits for an
 * answer gets ECONNABORTED instead of waiting for ever. Then the node is mounted anew. */
static void
mount_anew(struct node *node)
{
	log_info("%s: this kernel cannot deliver again what the translator had taken, and its recovery "
	    "memory does not say what that was; open files and waiting requests end with an error",
	    node->path);
	node->remounting = true;
	mount_free(node_detach(node));
	arm_node(node, NULL);
}

/* Whoever waits for an answer is told that there will be none; everything else goes on. */
static void
end_taken(struct node *node)
{
	unsigned n = 0;

	/* First: what makes a name may have been done, and whoever hears that it was interrupted
	 * looks next; that there is none the kernel may remember. */
	write_notice(node, idle_inc_epoch);
	if (!mount_end_taken(node->mount, &node->handed, &n))
		mount_anew(node);
	else if (n > 0)
		log_info("%s: this kernel cannot deliver again what the translator had taken: "
		    "%u requests ended with an error", node->path, n);
}

/* What it had taken is delivered again, to whoever comes next. Memory that two of them crashed
 * with is not given to a third. */
static void
recover(struct node *node, bool killed)
{
	bool resent = deliver_again(node) == 0;

	if (resent)
		node->resent = true;
	else
		end_taken(node);
	if (node->failures >= 2 && !killed && node->mount)
		mount_new_recovery(node->mount);
}

/* Killed on its way up, by portd as well: whoever asked gets his answer from the next one. */
static bool
try_another(struct node *node, const struct incarnation *inc)
{
	return (inc->killed || inc->ended) && node->pending && node_retry_ms(node) == 0 &&
	    node->mount && !mount_is_dead(node->mount) && !node->keeper->stopping &&
	    node_start(node, NODE_START_TIMEOUT_MS) == 0;
}

static void
on_died(struct incarnation *inc, int code, const char *why, void *arg)
{
	struct node *node = arg;
	bool served = inc->state == INCARNATION_SERVING;

	node->inc = NULL;
	/* What does not make way in time has not crashed. */
	if (!inc->restarting) {
		if (served)
			count_crash(node, inc);
		else
			count_failure(node, false, inc->killed, inc->wasted_ms);
		node_say(node, "%s", why);
	}
	if (served && node->mount)
		recover(node, inc->killed);
	if (try_another(node, inc))
		return;
	fail_pending(node);
	lookup_fail(node, code, why);
	change_started(node, code, why);
	if (served && node->mount && restart_go_on(node))
		return;
	restart_end(node, code, why);
	if (node->mount && mount_is_dead(node->mount)) {
		node_lost_mount(node, "it was unmounted by hand or aborted; "
		    "settrans --start mounts it again");
	} else if (node->mount) {
		kept_node(node);
		listen_again(node);
		stale_begin(node);
	}
}

static struct mount *
mount_of(void *arg)
{
	struct node *node = arg;

	return node->mount;
}

static void
on_deposited(void *arg)
{
	kept_node(arg);
}

static const struct incarnation_owner owner = {
	.mount = mount_of,
	.deposited = on_deposited,
	.announced = on_announced,
	.left = on_left,
	.died = on_died,
};

/* Starts what is set. The node must be mounted and at rest. */
int
node_start(struct node *node, uint32_t timeout_ms)
{
	if (node->keeper->stopping)
		return -ESHUTDOWN;
	stale_end(node);
	mount_unwatch(node->mount);
	node->inc = incarnation_start(node->keeper, node_setting(node),
	    mount_underlying(node->mount), node->log, timeout_ms, &owner, node);
	if (node->inc) {
		task_set_node(node->inc->task, node->path);
		kept_node(node);
		return 0;
	}
	listen_again(node);
	return errno ? -errno : -ENOMEM;
}

/* An incarnation that was started for this node before it had the mount. */
int
node_adopt(struct node *node, struct incarnation *inc)
{
	int err;

	identities_differ(node, &inc->identities);
	learn(node, inc);
	node->inc = inc;
	err = hand_over(node, inc);
	if (err < 0) {
		node->inc = NULL;
		return err;
	}
	mount_unwatch(node->mount);
	incarnation_set_owner(inc, &owner, node);
	node->inc = inc;
	watchdog_begin(node->keeper->watchdog);
	lookup_go_on(node);
	return 0;
}

/* Nothing runs, and nobody knows whether something was taken and not answered. */
void
node_take_up(struct node *node, bool ran)
{
	if (deliver_again(node) == 0) {
		node->resent = true;
	} else if (ran) {
		mount_anew(node);
		return;
	}
	listen_again(node);
	stale_begin(node);
}

/* It was this node's before. */
void
node_restore(struct node *node, struct incarnation *inc)
{
	incarnation_set_owner(inc, &owner, node);
	node->inc = inc;
}

/* Whose it is. */
struct node *
incarnation_node(const struct incarnation *inc)
{
	return inc->owner == &owner ? inc->arg : NULL;
}

/* A node inside of one whose connection ends goes with it, until that one starts again. */
static void
abort_inner(struct node *node)
{
	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		struct node *inner = LIST_ENTRY(at, struct node, link);
		struct incarnation *inc;

		if (inner == node || !inner->mount || inner->change ||
		    !path_is_inside(inner->path, node->path))
			continue;
		inc = node_abort(inner);
		if (inc)
			incarnation_goaway(inc, FSYS_GOAWAY_FORCE, 0, NULL, NULL);
		inner->waits_for_outer = true;
		node_say(inner, "it is armed when %s starts", node->path);
	}
}

/* Whoever waits is freed: now, or when the incarnation has ended. */
struct incarnation *
node_abort(struct node *node)
{
	struct incarnation *inc;

	abort_inner(node);
	inc = node_release(node);
	mount_abort(node->mount);
	mount_free(node_detach(node));
	return inc;
}

/* It is somebody else's from now on. */
struct incarnation *
node_release(struct node *node)
{
	struct incarnation *inc = STEAL_PTR(node->inc);

	lookup_fail(node, -ECONNABORTED, "its translator goes");
	if (inc)
		incarnation_set_owner(inc, NULL, NULL);
	return inc;
}
