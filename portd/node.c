/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node: the table of nodes, and how each of them is. What happens to one is in tend.c. */
#include "portd/node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/arm.h"
#include "portd/change.h"
#include "portd/kept.h"
#include "portd/lookup.h"
#include "portd/mounter.h"
#include "portd/restart.h"
#include "portd/stale.h"

static void
link_sorted(struct node *node)
{
	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		if (strcmp(LIST_ENTRY(at, struct node, link)->path, node->path) > 0) {
			list_link_before(at, &node->link);
			return;
		}
	}
	list_link_tail(&node->keeper->nodes, &node->link);
}

/* A new node, with nothing behind it. */
struct node *
node_new(struct keeper *keeper, const char *path)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->keeper = keeper;
	list_init(&node->lookups);
	node->path = strdup(path);
	node->underlying_path = strdup("");
	node->log = translog_new(keeper->log_dir, path);
	if (!node->path || !node->underlying_path || !node->log) {
		node_free(node);
		return NULL;
	}
	node->set_at = (uint64_t)time(NULL);
	node->generation = 1;
	link_sorted(node);
	keeper->n_nodes++;
	return node;
}

/* Forgets a node. */
void
node_free(struct node *node)
{
	if (list_is_linked(&node->link))
		node->keeper->n_nodes--;
	list_unlink(&node->link);
	arm_forget(node);
	lookup_fail(node, -ESHUTDOWN, "it has no translator any more");
	restart_forget(node);
	stale_end(node);
	setting_free(node->passive);
	setting_free(node->run);
	setting_free(node->active);
	translog_unref(node->log);
	free(node->pending);
	free(node->reason);
	free(node->refused);
	free(node->underlying_path);
	free(node->path);
	free(node);
}

/* The node of exactly that path. */
struct node *
node_find(struct keeper *keeper, const char *path)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (strcmp(node->path, path) == 0)
			return node;
	}
	return NULL;
}

/* The nearest node above. */
struct node *
node_outer(const struct node *node)
{
	struct node *best = NULL;

	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		struct node *other = LIST_ENTRY(at, struct node, link);

		if (other != node && path_is_inside(node->path, other->path) &&
		    (!best || strlen(other->path) > strlen(best->path)))
			best = other;
	}
	return best;
}

/* What it would start. */
struct setting *
node_setting(const struct node *node)
{
	if (node->active)
		return node->active;
	return node->run ? node->run : node->passive;
}

static uint32_t
in_force(uint32_t set, uint32_t otherwise)
{
	if (set == NODE_TIME_NEVER)
		return 0;
	return set == NODE_TIME_DEFAULT ? otherwise : set;
}

/* After how long without requests its translator leaves. */
uint32_t
node_idle_ms(const struct node *node)
{
	return in_force(node->idle_ms, node->keeper->idle_ms);
}

/* How long its translator may not move. */
uint32_t
node_deadline_ms(const struct node *node)
{
	return in_force(node->deadline_ms, node->keeper->deadline_ms);
}

/* How it is to be mounted: by its path, until somebody adds descriptors. It has a setting. */
struct mount_order
node_order(const struct node *node)
{
	return (struct mount_order){
		.path = node->path,
		.underlying_path = node->underlying_path,
		.kind = node_setting(node)->kind,
		.nature = node_setting(node)->nature,
		.created = node->created,
		.share = node_setting(node)->share,
		.node_fd = -1,
		.underlying_fd = -1,
	};
}

/* Its rest. */
uint32_t
node_retry_ms(const struct node *node)
{
	int64_t left = node->retry_at - sys_now_ms();

	return left > 0 ? (uint32_t)left : 0;
}

/* How it is, for those who ask. */
enum node_state
node_state(const struct node *node)
{
	if (node->inc)
		return node->inc->state == INCARNATION_SERVING ? NODE_STATE_RUNNING :
		    NODE_STATE_STARTING;
	if (node->change)
		return change_candidate(node) ? NODE_STATE_STARTING : NODE_STATE_STOPPING;
	if (!node->mount)
		return NODE_STATE_UNMOUNTED;
	return node_retry_ms(node) > 0 ? NODE_STATE_FAILED : NODE_STATE_IDLE;
}

/* Whether there is something to be asked to go. */
bool
node_is_active(const struct node *node)
{
	return node->inc || node->active;
}

/* Who runs there. */
const char *
node_who(const struct node *node)
{
	static char who[300];

	if (node->inc)
		snprintf(who, sizeof(who), "%.200s (pid %ld)", node->inc->name, (long)node->inc->pid);
	else
		snprintf(who, sizeof(who), "%.200s", node->active ?
		    argv_word(&node->active->argv, 0) : "a translator");
	return who;
}

/* Remembers why something is not as it should be, and logs it. */
void
node_say(struct node *node, const char *format, ...)
{
	char *reason = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&reason, format, args) < 0)
		reason = NULL;
	va_end(args);
	free(node->reason);
	node->reason = reason;
	if (reason)
		log_info("%s: %s", node->path, reason);
}

/* Writes down what must outlive portd. */
int
node_store(struct node *node, struct text *why)
{
	struct store_row row = {
		.path = node->path,
		.passive = node->passive,
		.run = node->run,
		.created = node->created,
		.restore_mode = node->restore_mode,
		.underlying_path = node->underlying_path,
		.set_at = node->set_at,
		.generation = node->generation,
		.idle_ms = node->idle_ms,
		.deadline_ms = node->deadline_ms,
	};

	if (!node->passive)
		return store_delete(node->keeper->store, node->path, why);
	return store_put(node->keeper->store, &row, why);
}

/* The mount went along with a directory that was renamed. */
int
node_moved(struct node *node, const char *path)
{
	AUTO_TEXT struct text why = { 0 };
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	log_info("%s: is %s now", node->path, path);
	if (node->passive && store_rename(node->keeper->store, node->path, path, &why) < 0)
		log_error("%s", text_string(&why));
	free(node->path);
	node->path = copy;
	list_unlink(&node->link);
	link_sorted(node);
	kept_node(node);
	return 0;
}
