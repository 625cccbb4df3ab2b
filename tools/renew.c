/* SPDX-License-Identifier: GPL-2.0-or-later */
/* renew: see renew.h. Programs are looked at here and not by portd, which enters no path of the
 * user's. */
#include "tools/renew.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/setting.h"
#include "tools/tool.h"

enum { RENEW_TIMEOUT_MS = 120 * 1000 };	/* the old one finishes, the new one starts */

#define DELETED " (deleted)"

/* A program is replaced by another file of that name; a script by another content, too. */
bool
renew_is_outdated(const struct record *record)
{
	const struct node_get_out *node = &record->node;
	char link[64], path[PATH_MAX];
	size_t length = strlen(DELETED);
	struct stat st;
	ssize_t n;

	if (!node->pid || !node->program[0])
		return false;
	snprintf(link, sizeof(link), "/proc/%u/exe", node->pid);
	n = readlink(link, path, sizeof(path));
	if (n > (ssize_t)length && memcmp(path + n - length, DELETED, length) == 0)
		return true;
	return stat(node->program, &st) == 0 && (uint64_t)st.st_ctim.tv_sec > node->since;
}

static int
status_of(int code)
{
	if (code == 0)
		return 0;
	if (code == -ENOMEM)
		return TOOL_MEMORY;
	if (code == -ENOENT)
		return SETTING_NODE;
	return code == -EBUSY || code == -ENOTCONN ? SETTING_REFUSED : SETTING_START;
}

int
renew_restart(const char *path, struct text *why)
{
	const struct node_restart_in in = { .path = path };
	struct node_restart_out out;
	struct port_reply reply = { 0 };
	int code = node_restart_call(port_bootstrap(), &in, &out, &reply, RENEW_TIMEOUT_MS);

	if (code != 0)
		tool_rpc_text(why, code, reply.text, path);
	port_reply_deinit(&reply);
	return status_of(code);
}

int
renew_abort(const char *path, struct text *why)
{
	const struct node_abort_in in = { .path = path };
	struct node_abort_out out;
	struct port_reply reply = { 0 };
	int code = node_abort_call(port_bootstrap(), &in, &out, &reply, RENEW_TIMEOUT_MS);

	if (code != 0)
		tool_rpc_text(why, code, reply.text, path);
	port_reply_deinit(&reply);
	return code == -EIO ? SETTING_REFUSED : status_of(code);
}

int
renew_restart_all(bool only_outdated, struct text *why)
{
	AUTO_RECORD struct record record = { 0 };
	int err, status = 0;

	while ((err = record_next(&record, why)) == 0) {
		AUTO_TEXT struct text one = { 0 };
		int failed = 0;

		if (record.node.pid && (!only_outdated || renew_is_outdated(&record)))
			failed = renew_restart(record.node.path, &one);
		if (failed)
			tool_error(record.node.path, "%s", text_string(&one));
		status = status ? status : failed;
	}
	return err == -ENOENT ? status : SETTING_REFUSED;
}
