/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record: what is set on a node, as a change alters it, and as it was before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "portd/chain.h"
#include "portd/kept.h"

/* Releases what is in it. */
void
record_deinit(struct record *record)
{
	setting_free(record->passive);
	setting_free(record->run);
	setting_free(record->active);
	free(record->underlying_path);
	memset(record, 0, sizeof(*record));
}

/* What the node has now goes, what it had comes back. */
void
record_put_back(struct record *record, struct node *node)
{
	setting_free(node->passive);
	setting_free(node->run);
	setting_free(node->active);
	free(node->underlying_path);
	node->passive = STEAL_PTR(record->passive);
	node->run = STEAL_PTR(record->run);
	node->active = STEAL_PTR(record->active);
	node->underlying_path = STEAL_PTR(record->underlying_path);
	node->created = record->created;
	node->restore_mode = record->restore_mode;
	node->set_at = record->set_at;
	node->idle_ms = record->idle_ms;
	node->deadline_ms = record->deadline_ms;
}

static struct setting *
copy_or_null(const struct setting *setting)
{
	return setting ? setting_copy(setting) : NULL;
}

/* What the node has now, once more. */
static bool
record_copy(struct record *record, const struct node *node)
{
	*record = (struct record){
		copy_or_null(node->passive), copy_or_null(node->run), copy_or_null(node->active),
		strdup(node->underlying_path), node->created, node->restore_mode, node->set_at,
		node->idle_ms, node->deadline_ms,
	};
	if (!!record->passive == !!node->passive && !!record->run == !!node->run &&
	    !!record->active == !!node->active && record->underlying_path)
		return true;
	record_deinit(record);
	return false;
}

static void
write_passive(struct change *change)
{
	struct node *node = change->node;

	setting_free(node->passive);
	setting_free(STEAL_PTR(node->run));
	node->passive = copy_or_null(change->setting);
	node->set_at = (uint64_t)time(NULL);
	node->generation++;
}

/* -k, and there is something to keep. */
bool
change_keeps_active(const struct change *change)
{
	return (change->flags & NODE_SET_KEEP_ACTIVE) && !(change->flags & NODE_SET_ACTIVE) &&
	    node_is_active(change->node);
}

static void
write_place(struct change *change)
{
	struct node *node = change->node;

	if (!change->setting || change->stored)
		return;
	free(node->underlying_path);
	node->underlying_path = STEAL_PTR(change->underlying_path);
	node->idle_ms = change->idle_ms;
	node->deadline_ms = change->deadline_ms;
	if (change->flags & NODE_SET_CREATED) {
		node->created = true;
		node->restore_mode = change->restore_mode;
	}
}

/* What was started over the old record ends, or goes on by itself. */
static void
write_active(struct change *change)
{
	struct node *node = change->node;

	if (!change_keeps_active(change))
		setting_free(STEAL_PTR(node->active));
	else if (!node->active)
		node->active = copy_or_null(node_setting(node));
}

/* Changes the node's record as the flags say, and writes it. */
int
record_write(struct change *change)
{
	struct node *node = change->node;
	AUTO_TEXT struct text why = { 0 };
	bool passive = change->flags & NODE_SET_PASSIVE;
	int err;

	if (!record_copy(&change->before, node))
		return change_fail(change, -ENOMEM, "%s: out of memory", node->path);
	change->recorded = true;
	write_active(change);
	/* Changed options are kept over idle exit and crash, not over goaway. */
	if ((change->flags & NODE_SET_ACTIVE) && !change->stored)
		setting_free(STEAL_PTR(node->run));
	if (passive)
		write_passive(change);
	if ((change->flags & NODE_SET_ACTIVE) && !passive && !change->stored)
		node->active = copy_or_null(change->setting);
	write_place(change);
	kept_node(node);	/* before the store: what runs on is not what will be set */
	err = passive || (change->before.run && !node->run) ? node_store(node, &why) : 0;
	return err < 0 ? change_fail(change, err, "%s: %s", node->path, text_string(&why)) : 0;
}
