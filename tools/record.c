/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record: what portd knows of one node. See record.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/holders.h"
#include "tools/mounts.h"
#include "tools/record.h"
#include "tools/tool.h"

enum { GET_TIMEOUT_MS = 30 * 1000 };

/* Of a zeroed struct: harmless. */
void
record_deinit(struct record *record)
{
	port_reply_deinit(&record->reply);
	*record = (struct record){ 0 };
}

static int
get(struct record *record, const char *path, bool exact, struct text *why)
{
	const struct node_get_in in = { .path = path, .exact = exact };
	struct record new = { 0 };
	int err = node_get_call(port_bootstrap(), &in, &new.node, &new.reply, GET_TIMEOUT_MS);

	if (err != 0) {
		if (err != -ENOENT)
			tool_rpc_text(why, err, new.reply.text, path);
		port_reply_deinit(&new.reply);
		return err;
	}
	record_deinit(record);
	*record = new;
	return 0;
}

/* Replaces what *record holds; leaves it alone on failure. */
int
record_get(struct record *record, const char *path, struct text *why)
{
	return get(record, path, true, why);
}

/* Replaces what *record holds; leaves it alone on failure. */
int
record_next(struct record *record, struct text *why)
{
	AUTO_FREE char *path = strdup(record->node.path ? record->node.path : "");

	return path ? get(record, path, false, why) : -ENOMEM;
}

/* A word for tables and JSON; static. */
const char *
record_state_name(const struct record *record)
{
	static const char *const names[] = {
		[NODE_STATE_IDLE] = "idle",
		[NODE_STATE_STARTING] = "starting",
		[NODE_STATE_RUNNING] = "running",
		[NODE_STATE_STOPPING] = "stopping",
		[NODE_STATE_FAILED] = "failed",
		[NODE_STATE_UNMOUNTED] = "unmounted",
	};
	uint32_t state = record->node.state;

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "unknown";
}

/* Belongs to the record. */
struct wire_blob
record_argv(const struct record *record)
{
	return record->node.active.size ? record->node.active : record->node.passive;
}

/* Adds to text; an error is latched there. */
void
record_print_argv(struct text *text, struct wire_blob blob)
{
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_FREE char *line = NULL;

	if (argv_copy(&argv, blob.data, blob.size) < 0)
		return;
	line = argv_quote(&argv);
	if (line)
		text_puts(text, line);
}

/* A node inside the node holds it too, and has no process to name. */
static void
print_mounts_inside(struct text *text, int mount_id, const char **separator)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };

	if (mounts_read(&mounts, "/proc/self/mountinfo") < 0)
		return;
	for (size_t i = 0; i < mounts.n; i++) {
		if (mounts.list[i].parent != mount_id)
			continue;
		text_printf(text, "%s", *separator);
		tool_show_path(text, mounts.list[i].point);
		text_puts(text, " (mounted inside it)");
		*separator = ", ";
	}
}

/* Looks at /proc; asks neither portd nor the translator. */
void
record_print_holders(struct text *text, const struct record *record)
{
	AUTO_HOLDERS struct holders holders = { 0 };
	const char *separator = "in use by: ";

	if (!record->node.mount_id)
		return;
	if (holders_find(&holders, "/proc", (int)record->node.mount_id, record->node.device) == 0 &&
	    holders.n > 0) {
		text_puts(text, separator);
		holders_print(text, &holders);
		separator = ", ";
	}
	print_mounts_inside(text, (int)record->node.mount_id, &separator);
}
