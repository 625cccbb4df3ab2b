/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting: one act of settrans. See setting.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "port/port.h"
#include "tools/place.h"
#include "tools/record.h"
#include "tools/setting.h"
#include "tools/tool.h"
#include "wire/runtime.h"

enum { ANSWER_MARGIN_MS = 60 * 1000 };	/* for mounting and for asking the old one to leave */

/* Of a zeroed struct: harmless. */
void
setting_deinit(struct setting *setting)
{
	free(setting->program);
	describe_deinit(&setting->describe);
	*setting = (struct setting){ 0 };
}

static int
status_of(int err, int status)
{
	return err == -ENOMEM ? TOOL_MEMORY : status;
}

/* words: TRANSLATOR ARG..., ended by NULL. */
int
setting_describe(struct setting *setting, char *const *words, struct text *why)
{
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_TEXT struct text name = { 0 };
	int err;

	setting->program = runtime_translator(words[0], why);
	if (!setting->program)
		return SETTING_START;
	err = describe_name(words[0], &name, why);
	if (err == 0)
		err = argv_add(&argv, text_string(&name));
	for (size_t i = 1; err == 0 && words[i]; i++)
		err = argv_add(&argv, words[i]);
	if (err == 0)
		err = describe_run(&setting->describe, setting->program, &argv,
		    setting->timeout_ms, why);
	if (err < 0 && !why->size)
		text_puts(why, strerror(-err));
	return err < 0 ? status_of(err, SETTING_START) : 0;
}

static bool
is_removal(const struct setting *setting)
{
	return !setting->program && !(setting->flags & NODE_SET_STORED);
}

static bool
is_start(const struct setting *setting)
{
	return (setting->flags & NODE_SET_ACTIVE) && !is_removal(setting);
}

/* The Hurd starts first and looks for the node afterwards. */
static int
node_status(const struct setting *setting)
{
	return is_start(setting) ? SETTING_START : SETTING_NODE;
}

static int
not_there(const struct setting *setting, struct text *why)
{
	text_puts(why, strerror(ENOENT));
	if (!is_removal(setting))
		text_puts(why, "; -c makes it");
	return node_status(setting);
}

static int
foreign_mount(const struct setting *setting, struct text *why)
{
	text_puts(why, "a FUSE file system that is no node of yours is mounted there; undo it first: "
	    "fusermount3 -u ");
	text_quote(why, setting->path);
	return SETTING_REFUSED;
}

/* A FUSE root must be of its mount point's kind. */
static int
check_kind(const struct setting *setting, uint32_t kind, struct text *why)
{
	const struct describe_out *out = &setting->describe.out;

	if (!setting->program || kind == 0 || kind == out->kind)
		return 0;
	text_printf(why, "is a %s, but ", place_kind_name(kind));
	text_safe(why, out->argv.data);
	text_printf(why, " makes a %s: use -c with another name", place_kind_name(out->kind));
	return SETTING_REFUSED;
}

/* What portd has no record of. */
static int
check_new(const struct setting *setting, struct place *place, struct text *why)
{
	if (setting->flags & NODE_SET_STORED) {
		text_puts(why, "has no setting to start; settrans NODE TRANSLATOR makes one");
		return SETTING_START;
	}
	if (place->mounted)
		return foreign_mount(setting, why);
	if (!place->exists || !setting->program)
		return 0;
	if (place_check(place, why) < 0)
		return SETTING_REFUSED;
	return check_kind(setting, place->kind, why);
}

static int
make_missing(const struct setting *setting, struct place *place, struct text *why)
{
	uint32_t kind = setting->program ? setting->describe.out.kind : NODE_KIND_FILE;
	int err;

	if (place->exists || (setting->flags & NODE_SET_STORED))
		return 0;
	if (!setting->create)
		return not_there(setting, why);
	err = place_make(place, kind, why);
	return err < 0 ? status_of(err, node_status(setting)) : 0;
}

/* Codes that speak of the translator's start; all others of the node or of
 * what runs there. */
static bool
is_start_error(int code)
{
	return code == -ETIMEDOUT || code == -ECHILD || code == -ENOEXEC || code == -EIO ||
	    code == -EPROTO || code == -ESRCH;
}

static int
refused(const struct setting *setting, int code, const char *line,
    const struct record *record, struct text *why)
{
	AUTO_TEXT struct text holders = { 0 };

	tool_rpc_text(why, code, line, setting->path);
	if (code == -ENOMEM)
		return TOOL_MEMORY;
	if (code == -EBUSY)
		record_print_holders(&holders, record);
	if (holders.size) {
		text_puts(why, "; ");
		text_puts(why, text_string(&holders));
	}
	return is_start(setting) && is_start_error(code) ? SETTING_START : SETTING_REFUSED;
}

/* A copy for the message, which eats it. */
static int
copy_fd(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int
open_underlying(const struct setting *setting, int *fdp, struct text *why)
{
	if (!setting->underlying)
		return 0;
	*fdp = open(setting->underlying, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fdp >= 0)
		return 0;
	text_puts(why, "underlying node ");
	text_safe(why, setting->underlying);
	text_printf(why, ": %s", strerror(errno));
	return node_status(setting);
}

static int
ask(struct setting *setting, const struct place *place, const struct record *record,
    struct text *why)
{
	struct node_set_in in = {
		.path = setting->path,
		.node = -1,
		.flags = setting->flags | (place->created ? NODE_SET_CREATED : 0),
		.goaway = setting->goaway,
		.timeout_ms = setting->timeout_ms,
		.idle_ms = setting->idle_ms,
		.deadline_ms = setting->deadline_ms,
		.restore_mode = place->created ? place->restore_mode : 0,
		.underlying_path = setting->underlying,
		.underlying = -1,
		.grants = setting->grants,
		.share = setting->share,
	};
	struct port_reply reply = { 0 };
	struct node_set_out out;
	int code, status;

	status = open_underlying(setting, &in.underlying, why);
	if (status != 0)
		return status;
	in.node = copy_fd(place->fd);
	if (setting->program) {
		in.argv = setting->describe.out.argv;
		in.program = setting->program;
		in.description.data = setting->describe.blob.data;
		in.description.size = setting->describe.blob.size;
	}
	code = node_set_call(port_bootstrap(), &in, &out, &reply,
	    setting->timeout_ms ? (int)(setting->timeout_ms + ANSWER_MARGIN_MS) : PORT_FOREVER);
	if (code == 0)
		setting->pid = out.pid;
	else
		status = refused(setting, code, reply.text, record, why);
	port_reply_deinit(&reply);
	return status;
}

/* Nothing is set and no portd runs: only the node's existence matters. */
static int
remove_nothing(const struct setting *setting, struct text *why)
{
	AUTO_PLACE struct place place = PLACE_NONE;

	if (place_open(&place, setting->path, why) < 0)
		return SETTING_NODE;
	if (place.mounted)
		return foreign_mount(setting, why);
	return make_missing(setting, &place, why);
}

static int
look_and_ask(struct setting *setting, struct place *place, struct text *why)
{
	AUTO_RECORD struct record record = { 0 };
	int code, status;

	code = record_get(&record, setting->path, why);
	if (code != 0 && code != -ENOENT)
		return SETTING_REFUSED;
	if (place_open(place, setting->path, why) < 0)
		return node_status(setting);
	if (code == -ENOENT)
		status = check_new(setting, place, why);
	else
		status = check_kind(setting, record.node.kind, why);
	if (status == 0 && !(code == 0 && is_removal(setting)))
		status = make_missing(setting, place, why);
	if (status != 0 || (code == -ENOENT && is_removal(setting)))
		return status;
	return ask(setting, place, &record, why);
}

/* A name that was mistyped is no reason to start portd. */
static int
check_there(const struct setting *setting, struct text *why)
{
	AUTO_PLACE struct place place = PLACE_NONE;

	if (setting->create || !setting->program)
		return 0;
	if (place_open(&place, setting->path, why) < 0)
		return node_status(setting);
	return place.exists ? 0 : not_there(setting, why);
}

/* What -c made goes again when the rest fails. */
int
setting_apply(struct setting *setting, struct text *why)
{
	AUTO_PLACE struct place place = PLACE_NONE;
	int err, status = check_there(setting, why);

	if (status != 0)
		return status;
	err = tool_connect(setting->program ? TOOL_START : TOOL_IF_SET, why);
	if (err < 0)
		return status_of(err, SETTING_REFUSED);
	if (err == 1 && is_removal(setting))
		return remove_nothing(setting, why);
	if (err == 1) {
		text_puts(why, "has no setting to start; settrans NODE TRANSLATOR makes one");
		return SETTING_START;
	}
	status = look_and_ask(setting, &place, why);
	if (status != 0)
		place_unmake(&place);
	return status;
}
