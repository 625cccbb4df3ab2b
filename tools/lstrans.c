/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lstrans: lists the user's nodes: what stands behind each, and how it is. */

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "port/stubs.h"
#include "tools/json.h"
#include "tools/record.h"
#include "tools/renew.h"
#include "tools/sandbox.h"
#include "tools/words.h"
#include "tools/table.h"
#include "tools/tool.h"

enum {
	OPTION_JSON = 256,
	LAST_WORDS = 5,		/* lines */
};

/* The columns, and which of them may be cut on a terminal. */
enum {
	COLUMN_NODE,
	COLUMN_STATE,
	COLUMN_PID,
	COLUMN_SINCE,
	COLUMN_OPENS,
	COLUMN_TRANSLATOR,	/* the last: it may be long */
	N_COLUMNS,
	INFO_TIMEOUT_MS = 10 * 1000,
	SHRINK = 1 << COLUMN_NODE | 1 << COLUMN_TRANSLATOR,
};

static const char help[] =
"Usage: lstrans [OPTION...] [NODE...]\n"
"List your nodes, or those named.\n"
"\n"
"  -v, --verbose             all that is known, and why one failed\n"
"      --json                an array of objects, for programs\n"
TOOL_HELP_LINES
"\n"
"Exit status: 0; 1 when a named NODE is none; 64 usage.\n";

static const struct option options[] = {
	{ "verbose", no_argument, NULL, 'v' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct listing {
	bool verbose, json;
	bool done;		/* --help or --version */
	time_t now;
	struct table table;
	struct text text;	/* of -v */
	json_t *array;
	size_t n;
	int status;
};

static void
listing_deinit(struct listing *listing)
{
	table_deinit(&listing->table);
	text_deinit(&listing->text);
	json_decref(listing->array);
}

/* With ~ for a person; whole for whatever reads a pipe. */
static void
print_path(struct text *text, const char *path)
{
	if (isatty(STDOUT_FILENO))
		tool_show_path(text, path);
	else
		text_safe(text, path);
}

/* The time of day when it was today, else the date. */
static void
print_time(struct text *text, uint64_t seconds, time_t now)
{
	time_t when = (time_t)seconds;
	struct tm then, today;
	char buf[32] = "-";

	if (seconds && localtime_r(&when, &then) && localtime_r(&now, &today))
		strftime(buf, sizeof(buf), then.tm_year == today.tm_year &&
		    then.tm_yday == today.tm_yday ? "%H:%M:%S" : "%Y-%m-%d", &then);
	text_puts(text, buf);
}

/* Whether its readers wait for work that it has begun. */
static bool
is_working(const struct node_get_out *node)
{
	return node->progress_pct > 0 && node->progress_pct < 100;
}

static int
add_row(struct listing *listing, const struct record *record)
{
	const struct node_get_out *node = &record->node;
	AUTO_TEXT struct text path = { 0 };
	AUTO_TEXT struct text argv = { 0 };
	AUTO_TEXT struct text since = { 0 };
	char pid[16] = "-", opens[16] = "-", state[48];
	const char *cells[N_COLUMNS];

	print_path(&path, node->path);
	record_print_argv(&argv, record_argv(record));
	print_time(&since, node->since, listing->now);
	if (node->pid)
		snprintf(pid, sizeof(pid), "%u", node->pid);
	if (node->opens_known)
		snprintf(opens, sizeof(opens), "%u", node->opens);
	cells[COLUMN_NODE] = text_string(&path);
	snprintf(state, sizeof(state), "%s", record_state_name(record));
	if (is_working(node))
		snprintf(state, sizeof(state), "%s %u%%", record_state_name(record), node->progress_pct);
	cells[COLUMN_STATE] = state;
	cells[COLUMN_TRANSLATOR] = text_string(&argv);
	cells[COLUMN_PID] = pid;
	cells[COLUMN_SINCE] = text_string(&since);
	cells[COLUMN_OPENS] = opens;
	return table_add(&listing->table, cells);
}

static const char *
kind_name(uint32_t kind)
{
	return kind == NODE_KIND_DIR ? "directory" : "file";
}

static const char *
nature_name(uint32_t nature)
{
	static const char *const names[] = {
		[NODE_NATURE_IMMUTABLE] = "immutable",
		[NODE_NATURE_OURS] = "ours",
		[NODE_NATURE_ELSEWHERE] = "elsewhere",
		[NODE_NATURE_GENERATED] = "generated",
	};

	return nature < ARRAY_SIZE(names) && names[nature] ? names[nature] : "unknown";
}

static const char *
share_name(uint32_t share)
{
	return share == NODE_SHARE_ROOT ? "root" : share == NODE_SHARE_OTHER ? "other" : "";
}

/* One line of -v, left out when value is empty. */
static void
detail(struct text *text, const char *name, const char *value)
{
	if (!*value)
		return;
	text_printf(text, "  %-12s", name);
	text_safe(text, value);
	text_puts(text, "\n");
}

static void
detail_argv(struct text *text, const char *name, struct wire_blob argv)
{
	AUTO_TEXT struct text line = { 0 };

	record_print_argv(&line, argv);
	detail(text, name, text_string(&line));
}

static void
detail_path(struct text *text, const char *name, const char *path)
{
	AUTO_TEXT struct text line = { 0 };

	print_path(&line, path);
	detail(text, name, text_string(&line));
}

static void
detail_time(struct text *text, const char *name, uint64_t seconds, time_t now)
{
	AUTO_TEXT struct text line = { 0 };

	print_time(&line, seconds, now);
	detail(text, name, seconds ? text_string(&line) : "");
}

static void
detail_state(struct text *text, const struct record *record, time_t now)
{
	const struct node_get_out *node = &record->node;
	AUTO_TEXT struct text line = { 0 };

	text_puts(&line, record_state_name(record));
	if (node->since) {
		text_puts(&line, " since ");
		print_time(&line, node->since, now);
	}
	if (node->pid)
		text_printf(&line, ", pid %u", node->pid);
	if (renew_is_outdated(record))
		text_puts(&line, ", old program: settrans --restart");
	detail(text, "state", text_string(&line));
}

/* "7.5 s", "never"; nothing for what was not said. */
static void
detail_ms(struct text *text, const char *name, uint32_t ms)
{
	char line[32];

	snprintf(line, sizeof(line), "%g s", ms / 1000.0);
	if (ms != NODE_TIME_DEFAULT)
		detail(text, name, ms == NODE_TIME_NEVER ? "never" : line);
}

/* What a translator said before it failed. */
static void
detail_words(struct text *text, const struct node_get_out *node)
{
	AUTO_TEXT struct text words = { 0 };
	char *rest, *line;

	if (node->state != NODE_STATE_FAILED || words_last(node->log_path, LAST_WORDS, &words, NULL) < 0)
		return;
	rest = words.data;
	for (const char *name = "last words"; (line = strsep(&rest, "\n")) && *line; name = "")
		detail(text, name, line);
}

static int
add_details(struct listing *listing, const struct record *record)
{
	const struct node_get_out *node = &record->node;
	struct text *text = &listing->text;
	AUTO_TEXT struct text line = { 0 };

	text_puts(text, text->size ? "\n" : "");
	print_path(text, node->path);
	text_puts(text, "\n");
	detail_state(text, record, listing->now);
	detail(text, "reason", node->reason);
	if (is_working(node))
		text_printf(&line, "%u%%; readers wait for it", node->progress_pct);
	detail(text, "progress", text_string(&line));
	text_deinit(&line);
	detail_argv(text, "setting", node->passive);
	detail_time(text, "set", node->set_at, listing->now);
	if (node->active.size != node->passive.size ||
	    (node->active.size && memcmp(node->active.data, node->passive.data, node->active.size) != 0))
		detail_argv(text, "runs as", node->active);
	detail_path(text, "program", node->program);
	text_printf(&line, "%s, %s", kind_name(node->kind), nature_name(node->nature));
	detail(text, "kind", text_string(&line));
	text_deinit(&line);
	text_printf(&line, "%u, of them %u after a crash", node->starts, node->crashes);
	detail(text, "starts", text_string(&line));
	text_deinit(&line);
	if (node->retry_ms)
		text_printf(&line, "in %u s (rest %u in a row)", (node->retry_ms + 999) / 1000,
		    node->rests);
	detail(text, "next try", text_string(&line));
	text_deinit(&line);
	if (node->opens_known)
		text_printf(&line, "%u", node->opens);
	detail(text, "opens", node->opens_known ? text_string(&line) : "not counted here");
	detail(text, "shared with", share_name(node->share));
	text_deinit(&line);
	if (node->refusals)
		text_printf(&line, "%u, last %s", node->refusals, node->refused);
	detail(text, "not started", text_string(&line));
	detail_ms(text, "idle time", node->idle_ms);
	detail_ms(text, "deadline", node->deadline_ms);
	detail_argv(text, "files", node->files);
	detail_path(text, "underlying", node->underlying_path);
	text_deinit(&line);
	confine_print_grants(&line, node->grants);
	detail(text, "granted", text_string(&line));
	text_deinit(&line);
	sandbox_print(&line, node->sandbox);
	detail(text, "sandbox", text_string(&line));
	text_deinit(&line);
	if (node->mount_id)
		text_printf(&line, "%u, device %s", node->mount_id, node->device);
	detail(text, "mount", text_string(&line));
	detail_path(text, "log", node->log_path);
	detail_words(text, node);
	return text->error;
}

static void
put_files(json_t *object, struct wire_blob blob)
{
	AUTO_ARGV struct argv argv = { 0 };
	json_t *array = json_array();
	const char *path;

	if (argv_copy(&argv, blob.data, blob.size) == 0)
		for (const char *option = NULL; (option = argv_next(&argv, option)) &&
		    (path = argv_next(&argv, option)); option = path) {
			json_t *file = json_object();

			json_put_string(file, "option", option);
			json_put_string(file, "path", path);
			json_array_append_new(array, file);
		}
	json_object_set_new(object, "files", array);
}

/* null: as portd does; 0: never. */
static void
put_ms(json_t *object, const char *key, uint32_t ms)
{
	json_put_number(object, key, ms != NODE_TIME_DEFAULT, ms == NODE_TIME_NEVER ? 0 : ms);
}

static int
add_object(struct listing *listing, const struct record *record)
{
	const struct node_get_out *node = &record->node;
	json_t *object = json_object();

	json_put_string(object, "node", node->path);
	json_put_string(object, "state", record_state_name(record));
	json_put_string_or_null(object, "reason", node->reason);
	json_put_number(object, "progress", is_working(node), node->progress_pct);
	json_put_string(object, "kind", kind_name(node->kind));
	json_put_string(object, "nature", nature_name(node->nature));
	json_put_argv(object, "setting", node->passive);
	json_put_argv(object, "running", node->active);
	json_put_string_or_null(object, "program", node->program);
	json_put_number(object, "pid", node->pid, node->pid);
	json_put_number(object, "since", node->since, node->since);
	json_put_number(object, "set_at", node->set_at, node->set_at);
	json_put_number(object, "opens", node->opens_known, node->opens);
	json_object_set_new(object, "outdated", json_boolean(renew_is_outdated(record)));
	put_ms(object, "idle_ms", node->idle_ms);
	put_ms(object, "deadline_ms", node->deadline_ms);
	json_put_number(object, "starts", true, node->starts);
	json_put_number(object, "crashes", true, node->crashes);
	json_put_number(object, "rests", true, node->rests);
	json_put_number(object, "retry_ms", node->retry_ms, node->retry_ms);
	json_put_string_or_null(object, "share", share_name(node->share));
	json_put_number(object, "refusals", true, node->refusals);
	json_put_string_or_null(object, "refused", node->refused);
	put_files(object, node->files);
	json_put_string_or_null(object, "underlying", node->underlying_path);
	sandbox_put_grants(object, node->grants);
	sandbox_put(object, node->sandbox);
	json_put_number(object, "mount_id", node->mount_id, node->mount_id);
	json_put_string_or_null(object, "device", node->device);
	json_put_string_or_null(object, "log", node->log_path);
	return json_array_append_new(listing->array, object) < 0 ? -ENOMEM : 0;
}

static int
add(struct listing *listing, const struct record *record)
{
	listing->n++;
	if (listing->json)
		return add_object(listing, record);
	if (listing->verbose)
		return add_details(listing, record);
	return add_row(listing, record);
}

static int
fail(struct listing *listing, const char *where, const char *what)
{
	tool_error(where, "%s", what);
	listing->status = 1;
	return 1;
}

static int
add_all(struct listing *listing)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int err;

	while ((err = record_next(&record, &why)) == 0)
		if (add(listing, &record) < 0)
			return fail(listing, NULL, strerror(ENOMEM));
	return err == -ENOENT ? 0 : fail(listing, NULL, text_string(&why));
}

static int
add_named(struct listing *listing, const char *name, bool connected)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = NULL;
	int err, errnum;

	path = tool_node_path(name, false, &why, &errnum);
	if (!path)
		return fail(listing, name, text_string(&why));
	err = connected ? record_get(&record, path, &why) : -ENOENT;
	if (err == -ENOENT)
		return fail(listing, name, "has no translator");
	if (err != 0)
		return fail(listing, name, text_string(&why));
	return add(listing, &record) < 0 ? fail(listing, name, strerror(ENOMEM)) : 0;
}

static size_t
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static void
print_table(struct listing *listing)
{
	AUTO_TEXT struct text text = { 0 };

	table_print(&listing->table, &text, terminal_width(), SHRINK);
	fputs(text_string(&text), stdout);
}

/* All goes on after a death of portd's; but somebody may want to know. */
static void
print_restarts(void)
{
	const struct keeper_info_in in = { 0 };
	struct keeper_info_out info;
	struct port_reply reply = { 0 };

	if (keeper_info_call(port_bootstrap(), &in, &info, &reply, INFO_TIMEOUT_MS) == 0 &&
	    info.restarts > 0)
		printf("portd died and was started again %u time%s; why: %s/log/portd\n", info.restarts,
		    info.restarts == 1 ? "" : "s", info.state_dir);
	port_reply_deinit(&reply);
}

static void
print(struct listing *listing)
{
	if (listing->json) {
		json_dumpf(listing->array, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (listing->verbose) {
		fputs(text_string(&listing->text), stdout);
	} else if (listing->n > 0) {
		print_table(listing);
	}
	if (listing->n == 0 && listing->status == 0 && isatty(STDERR_FILENO))
		tool_error(NULL, "no nodes yet; settrans -c NODE TRANSLATOR makes one");
}

static int
list(struct listing *listing, char *const *names)
{
	static const char *const heads[N_COLUMNS] = {
		"NODE", "STATE", "PID", "SINCE", "OPENS", "TRANSLATOR",
	};
	AUTO_TEXT struct text why = { 0 };
	int err = tool_connect(TOOL_IF_SET, &why);

	if (err < 0)
		return fail(listing, NULL, text_string(&why));
	listing->now = time(NULL);
	listing->array = json_array();
	listing->table.n_columns = N_COLUMNS;
	if (!listing->array || table_add(&listing->table, heads) < 0)
		return fail(listing, NULL, strerror(ENOMEM));
	if (!*names && err == 0)
		add_all(listing);
	for (; *names; names++)
		add_named(listing, *names, err == 0);
	print(listing);
	if (listing->verbose && !listing->json && err == 0)
		print_restarts();
	return listing->status;
}

static int
parse_option(struct listing *listing, int c, char *const *argv)
{
	switch (c) {
	case 'v':
		listing->verbose = true;
		return 0;
	case OPTION_JSON:
		listing->json = true;
		return 0;
	case 'V':
		tool_print_version();
		listing->done = true;
		return 0;
	}
	if (c == 'h' || tool_wants_help(c)) {
		fputs(help, stdout);
		listing->done = true;
		return 0;
	}
	return tool_bad_option(c, argv);
}

int
main(int argc, char **argv)
{
	__attribute__((cleanup(listing_deinit))) struct listing listing = { 0 };
	int c, status = 0;

	tool_init("lstrans");
	while (status == 0 && !listing.done &&
	    (c = getopt_long(argc, argv, ":vV", options, NULL)) != -1)
		status = parse_option(&listing, c, argv);
	if (status == 0 && !listing.done)
		status = list(&listing, argv + optind);
	return tool_finish(status);
}
