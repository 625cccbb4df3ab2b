/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper-state: node by node, each with its mount and the translator that serves it, then
 * the orphans, then names. */
#include "portd/keeper-state.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/admit.h"
#include "portd/backoff.h"
#include "portd/groups.h"
#include "portd/helper.h"
#include "portd/keeper.h"
#include "portd/node.h"
#include "portd/stale.h"
#include "portd/state.h"
#include "portd/watch.h"
#include "portd/watchdog.h"

/* Rest ------------------------------------------------------------------------------ */

static bool
node_is_at_rest(const struct node *node, struct text *why)
{
	const char *what = NULL;

	if (node->change || node->options)
		what = "is being changed";
	else if (node->restart)
		what = "is being restarted";
	else if (node->arm)
		what = "is being mounted";
	else if (node->pending)
		what = "has a request that waits for its translator";
	if (what)
		text_printf(why, "%s %s", node->path, what);
	return !what;
}

static bool
incarnation_is_at_rest(const struct incarnation *inc, struct text *why)
{
	bool serves = inc->state == INCARNATION_SERVING && inc->task && !inc->identify &&
	    !inc->on_options && !inc->on_gone && !inc->ended && (inc->owner || inc->orphaned);

	if (!serves)
		text_printf(why, "%s (pid %d) %s", inc->name, (int)inc->pid,
		    inc->state < INCARNATION_SERVING ? "is starting" : "is about to end");
	return serves;
}

bool
keeper_is_at_rest(const struct keeper *keeper, struct text *why)
{
	if (keeper->stopping) {
		text_puts(why, "it is about to end");
		return false;
	}
	LIST_FOR_EACH(at, next, &keeper->nodes)
		if (!node_is_at_rest(LIST_ENTRY(at, struct node, link), why))
			return false;
	LIST_FOR_EACH(at, next, &keeper->incarnations)
		if (!incarnation_is_at_rest(LIST_ENTRY(at, struct incarnation, link), why))
			return false;
	if (keeper->n_arming == 0 && list_is_empty(&keeper->arms) && helper_count() == 0)
		return true;
	text_puts(why, "a path is being looked at");
	return false;
}

/* Putting --------------------------------------------------------------------------- */

static void
put_setting(struct tape *tape, const struct setting *setting)
{
	tape_put_u32(tape, setting != NULL);
	if (!setting)
		return;
	tape_put_u32(tape, setting->kind);
	tape_put_u32(tape, setting->nature);
	tape_put_u32(tape, setting->needs);
	tape_put_u32(tape, setting->grants);
	tape_put_u32(tape, setting->share);
	tape_put_str(tape, setting->program);
	tape_put_blob(tape, setting->argv.data, setting->argv.size);
	tape_put_blob(tape, setting->files.data, setting->files.size);
	tape_put_blob(tape, setting->identities.data, setting->identities.size);
	tape_put_blob(tape, &setting->attr, sizeof(setting->attr));
}

static void
put_deposits(struct tape *tape, const struct deposits *deposits)
{
	tape_put_u32(tape, deposits->n);
	for (uint32_t i = 0; i < deposits->n; i++) {
		tape_put_u64(tape, deposits->all[i].key);
		tape_put_fd(tape, deposits->all[i].fd);
	}
}

void
keeper_put_mount(struct tape *tape, const struct mount *mount)
{
	tape_put_u32(tape, mount != NULL);
	if (!mount)
		return;
	tape_put_fd(tape, mount->fuse);
	tape_put_fd(tape, mount->beneath);
	tape_put_fd(tape, mount->underlying);
	tape_put_fd(tape, mount->recovery);
	tape_put_u32(tape, mount->id);
	tape_put_str(tape, mount->device);
	tape_put_blob(tape, &mount->beneath_attr, sizeof(mount->beneath_attr));
	tape_put_blob(tape, &mount->init, sizeof(mount->init));
	put_deposits(tape, &mount->deposits);
	tape_put_u64(tape, mount->key);
}

void
keeper_put_log(struct tape *tape, const struct translog *log)
{
	tape_put_str(tape, translog_path(log));
	tape_put_str(tape, translog_last(log));
}

void
keeper_put_process(struct tape *tape, const struct incarnation *inc)
{
	tape_put_str(tape, inc->name);
	tape_put_u64(tape, inc->since);
	tape_put_u32(tape, (uint32_t)inc->pid);
	tape_put_fd(tape, inc->pidfd);
	tape_put_fd(tape, inc->words.fd);
	tape_put_blob(tape, inc->words.line, inc->words.size);
	tape_put_blob(tape, &inc->attr, sizeof(inc->attr));
	tape_put_u32(tape, inc->has_attr);
	tape_put_blob(tape, inc->identities.data, inc->identities.size);
	tape_put_blob(tape, &inc->sandbox, sizeof(inc->sandbox));
	tape_put_str(tape, inc->group);
	tape_put_fd(tape, inc->leash);
}

static void
put_incarnation(struct tape *tape, const struct incarnation *inc)
{
	keeper_put_process(tape, inc);
	tape_put_u32(tape, task_id(inc->task));
	state_put_right(tape, inc->control);
	state_put_right(tape, inc->startup_reply);
	tape_put_u64(tape, inc->port->number);
}

void
keeper_put_node(struct tape *tape, const struct node *node, bool stored)
{
	tape_put_str(tape, node->path);
	keeper_put_log(tape, node->log);
	put_setting(tape, stored ? node->passive : NULL);
	put_setting(tape, stored ? node->run : NULL);
	put_setting(tape, node->active);
	tape_put_u32(tape, node->created);
	tape_put_u32(tape, node->restore_mode);
	tape_put_str(tape, node->underlying_path);
	tape_put_u64(tape, node->set_at);
	tape_put_u32(tape, node->generation);
	tape_put_u32(tape, node->idle_ms);
	tape_put_u32(tape, node->deadline_ms);
	tape_put_u32(tape, node->waits_for_outer);
	tape_put_u32(tape, node->reason != NULL);
	tape_put_str(tape, node->reason);
	tape_put_u32(tape, node->starts);
	tape_put_u32(tape, node->crashes);
	tape_put_u32(tape, node->refusals);
	tape_put_str(tape, node->refused);
	tape_put_u32(tape, node->failures);
	tape_put_u32(tape, node->rests);
	tape_put_u64(tape, (uint64_t)node->began_at);	/* of a clock that both see */
	tape_put_u64(tape, (uint64_t)node->retry_at);
	tape_put_u32(tape, node->remounting);
	tape_put_u32(tape, node->resent);
}

static void
put_node(struct tape *tape, const struct node *node)
{
	keeper_put_node(tape, node, true);
	keeper_put_mount(tape, node->mount);
	tape_put_u32(tape, node->inc != NULL);
	if (node->inc)
		put_incarnation(tape, node->inc);
}

static void
put_orphans(struct tape *tape, const struct keeper *keeper)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->incarnations)
		n += LIST_ENTRY(at, struct incarnation, link)->orphaned != NULL;
	tape_put_u32(tape, n);
	LIST_FOR_EACH(at, next, &keeper->incarnations) {
		const struct incarnation *inc = LIST_ENTRY(at, struct incarnation, link);

		if (!inc->orphaned)
			continue;
		keeper_put_log(tape, inc->log);
		keeper_put_mount(tape, inc->orphaned);
		put_incarnation(tape, inc);
	}
}

void
keeper_put(struct tape *tape, const struct keeper *keeper)
{
	tape_put_u64(tape, keeper->since);
	tape_put_u32(tape, keeper->resend);
	tape_put_u64(tape, keeper->port->number);
	state_put_right(tape, keeper->asked);
	tape_put_u32(tape, keeper->n_nodes);
	LIST_FOR_EACH(at, next, &keeper->nodes)
		put_node(tape, LIST_ENTRY(at, struct node, link));
	put_orphans(tape, keeper);
	names_put(tape, &keeper->names);
}

/* Getting --------------------------------------------------------------------------- */

static bool
fill_setting(struct tape *tape, struct setting *setting)
{
	setting->kind = tape_get_u32(tape);
	setting->nature = tape_get_u32(tape);
	setting->needs = tape_get_u32(tape);
	setting->grants = tape_get_u32(tape);
	setting->share = tape_get_max(tape, NODE_SHARE_OTHER);
	setting->program = strdup(tape_get_str(tape));
	return setting->program && tape_get_argv(tape, &setting->argv) &&
	    tape_get_argv(tape, &setting->files) && tape_get_argv(tape, &setting->identities) &&
	    tape_get_bytes(tape, &setting->attr, sizeof(setting->attr)) &&
	    (setting->kind == NODE_KIND_FILE || setting->kind == NODE_KIND_DIR) &&
	    setting->argv.size > 0;
}

static bool
get_setting(struct tape *tape, struct setting **settingp)
{
	if (!tape_get_bool(tape))
		return !tape->error;
	*settingp = calloc(1, sizeof(**settingp));
	return (*settingp && fill_setting(tape, *settingp)) || tape_spoil(tape);
}

static bool
get_deposits(struct tape *tape, struct deposits *deposits)
{
	uint32_t n = tape_get_max(tape, FSYS_DEPOSITS_MAX);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t key = tape_get_u64(tape);
		int fd = tape_get_some_fd(tape);

		if (fd >= 0 && deposit_put(deposits, key, fd) < 0)
			fd_close(&fd);
	}
	return !tape->error;
}

static bool
fill_mount(struct tape *tape, struct mount *mount)
{
	const char *device;

	mount->fuse = tape_get_some_fd(tape);
	mount->beneath = tape_get_some_fd(tape);
	mount->underlying = tape_get_fd(tape);
	mount->recovery = tape_get_some_fd(tape);
	mount->id = tape_get_u32(tape);
	device = tape_get_str(tape);
	if (strlen(device) >= sizeof(mount->device))
		return tape_spoil(tape);
	memcpy(mount->device, device, strlen(device) + 1);
	tape_get_bytes(tape, &mount->beneath_attr, sizeof(mount->beneath_attr));
	tape_get_bytes(tape, &mount->init, sizeof(mount->init));
	if (!get_deposits(tape, &mount->deposits))
		return false;
	mount->key = tape_get_u64(tape);
	return !tape->error && uv_poll_init(mount->keeper->loop, &mount->poll, mount->fuse) == 0;
}

bool
keeper_get_mount(struct tape *tape, struct keeper *keeper, struct mount **mountp)
{
	struct mount *mount;

	if (!tape_get_bool(tape))
		return !tape->error;
	mount = calloc(1, sizeof(*mount));
	if (!mount)
		return tape_spoil(tape);
	*mount = (struct mount){
		.keeper = keeper, .fuse = -1, .beneath = -1, .underlying = -1, .recovery = -1
	};
	if (!fill_mount(tape, mount)) {
		fd_close(&mount->fuse);
		fd_close(&mount->beneath);
		fd_close(&mount->underlying);
		fd_close(&mount->recovery);
		deposits_deinit(&mount->deposits);
		free(mount);
		return tape_spoil(tape);
	}
	mount->poll.data = mount;
	list_link_tail(&keeper->mounts, &mount->link);
	*mountp = mount;
	return true;
}

struct translog *
keeper_get_log(struct tape *tape)
{
	const char *path = tape_get_str(tape), *last = tape_get_str(tape);
	struct translog *log = tape->error ? NULL : translog_restore(path, last);

	if (!log)
		tape_spoil(tape);
	return log;
}

bool
keeper_get_process(struct tape *tape, struct incarnation *inc)
{
	struct wire_blob line;
	const char *group;

	inc->state = INCARNATION_SERVING;
	inc->name = strdup(tape_get_str(tape));
	inc->since = tape_get_u64(tape);
	inc->pid = (pid_t)tape_get_max(tape, INT32_MAX);
	inc->pidfd = tape_get_some_fd(tape);
	inc->words.fd = tape_get_some_fd(tape);
	line = tape_get_blob(tape);
	if (line.size > sizeof(inc->words.line))
		return tape_spoil(tape);
	memcpy(inc->words.line, line.data, line.size);
	inc->words.size = line.size;
	tape_get_bytes(tape, &inc->attr, sizeof(inc->attr));
	inc->has_attr = tape_get_bool(tape);
	tape_get_argv(tape, &inc->identities);
	tape_get_bytes(tape, &inc->sandbox, sizeof(inc->sandbox));
	group = tape_get_str(tape);
	if (strlen(group) >= sizeof(inc->group) || strchr(group, '/'))
		return tape_spoil(tape);
	memcpy(inc->group, group, strlen(group) + 1);
	inc->leash = tape_get_fd(tape);
	return (!tape->error && inc->name && inc->pid > 0) || tape_spoil(tape);
}

/* log stays the caller's. NULL: it makes no sense. */
static struct incarnation *
get_incarnation(struct state *state, struct keeper *keeper, struct translog *log)
{
	struct incarnation *inc = incarnation_new(keeper, log);

	if (!inc) {
		tape_spoil(state->tape);
		return NULL;
	}
	keeper_get_process(state->tape, inc);
	inc->task = state_get_task(state);
	inc->control = state_get_lent(state);
	inc->startup_reply = state_get_lent(state);
	return incarnation_restore(inc, state) ? inc : NULL;	/* eats inc */
}

static bool
get_text(struct tape *tape, char **stringp)
{
	free(*stringp);
	*stringp = strdup(tape_get_str(tape));
	return *stringp || tape_spoil(tape);
}

bool
keeper_get_node(struct tape *tape, struct node *node)
{
	bool has_reason;

	translog_unref(node->log);
	node->log = keeper_get_log(tape);
	if (!node->log)
		return false;
	if (!get_setting(tape, &node->passive) || !get_setting(tape, &node->run) ||
	    !get_setting(tape, &node->active))
		return false;
	node->created = tape_get_bool(tape);
	node->restore_mode = tape_get_u32(tape);
	if (!get_text(tape, &node->underlying_path))
		return false;
	node->set_at = tape_get_u64(tape);
	node->generation = tape_get_u32(tape);
	node->idle_ms = tape_get_u32(tape);
	node->deadline_ms = tape_get_u32(tape);
	node->waits_for_outer = tape_get_bool(tape);
	has_reason = tape_get_bool(tape);
	if (!get_text(tape, &node->reason))
		return false;
	if (!has_reason)
		free(STEAL_PTR(node->reason));
	node->starts = tape_get_u32(tape);
	node->crashes = tape_get_u32(tape);
	node->refusals = tape_get_u32(tape);
	if (!get_text(tape, &node->refused))
		return false;
	node->failures = tape_get_max(tape, NODE_KILLS_MAX);
	node->rests = tape_get_max(tape, BACKOFF_RESTS_MAX);
	node->began_at = (int64_t)tape_get_u64(tape);
	node->retry_at = (int64_t)tape_get_u64(tape);
	node->remounting = tape_get_bool(tape);
	node->resent = tape_get_bool(tape);
	return !tape->error;
}

static bool
get_node(struct state *state, struct keeper *keeper)
{
	struct tape *tape = state->tape;
	const char *path = tape_get_str(tape);
	struct node *node = path[0] != '/' || node_find(keeper, path) ? NULL : node_new(keeper, path);

	if (!node)
		return tape_spoil(tape);
	if (!keeper_get_node(tape, node) || !keeper_get_mount(tape, keeper, &node->mount))
		return false;
	if (tape_get_bool(tape)) {
		struct incarnation *inc = get_incarnation(state, keeper, node->log);

		if (!inc)
			return false;
		node_restore(node, inc);
	}
	if ((node->inc || node->mount) && !node_setting(node))
		return tape_spoil(tape);
	return (node->mount || !node->inc) || tape_spoil(tape);
}

static bool
get_orphan(struct state *state, struct keeper *keeper)
{
	struct translog *log = keeper_get_log(state->tape);
	struct mount *mount = NULL;
	struct incarnation *inc = NULL;

	if (log && keeper_get_mount(state->tape, keeper, &mount) && mount)
		inc = get_incarnation(state, keeper, log);
	translog_unref(log);
	if (!inc)
		return tape_spoil(state->tape);
	incarnation_orphan(inc, mount);
	return true;
}

bool
keeper_get(struct state *state, struct keeper *keeper)
{
	struct tape *tape = state->tape;
	uint32_t n;

	keeper->since = tape_get_u64(tape);
	keeper->resend = tape_get_bool(tape);
	if (!keeper_claim_port(keeper, state))
		return false;
	keeper->asked = state_get_lent(state);
	n = tape_get_count(tape, 100);
	for (uint32_t i = 0; i < n; i++)
		if (!get_node(state, keeper))
			return false;
	n = tape_get_count(tape, 100);
	for (uint32_t i = 0; i < n; i++)
		if (!get_orphan(state, keeper))
			return false;
	return names_get(state, &keeper->names, keeper->world, keeper->loop, keeper->log_dir);
}

/* A node whose translator does not run is listened to. Its files may have changed
 * meanwhile, and so may the mounts. */
void
keeper_resume(struct keeper *keeper)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (node->mount && !node->inc) {
			node_listen(node);
			stale_begin(node);
		}
	}
	keeper->groups = groups_new(keeper);
	admit_reload(keeper->admit);
	watchdog_begin(keeper->watchdog);
	watch_look(keeper->watch);
	names_resume(&keeper->names);
}
