/* SPDX-License-Identifier: GPL-2.0-or-later */
/* showtrans: shows the stored setting of nodes, as the GNU Hurd's does. */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tools/json.h"
#include "tools/record.h"
#include "tools/sandbox.h"
#include "tools/tool.h"

enum { OPTION_JSON = 256 };

static const char help[] =
"Usage: showtrans [OPTION...] FILE...\n"
"Show the setting of each FILE; - is the file on standard input.\n"
"\n"
"  -p, --prefix              always print \"FILE: \" first\n"
"  -P, --no-prefix           never (default: when several files are named)\n"
"  -s, -q, --silent, --quiet print nothing; the exit status answers\n"
"      --json                an array of objects, for programs\n"
"  -t, --translated          leave out files without a setting\n"
TOOL_HELP_LINES
"\n"
"Exit status: 0 when any FILE has a setting, else 1; 64 usage.\n";

static const struct option options[] = {
	{ "prefix", no_argument, NULL, 'p' },
	{ "no-prefix", no_argument, NULL, 'P' },
	{ "silent", no_argument, NULL, 's' },
	{ "quiet", no_argument, NULL, 's' },
	{ "translated", no_argument, NULL, 't' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct command {
	bool prefix, no_prefix, silent, translated;
	bool connected;
	bool done;	/* --help or --version */
	bool failed;
	json_t *array;	/* of --json, or NULL */
};

static int
parse_option(struct command *command, int c, char *const *argv)
{
	switch (c) {
	case 'p':
		command->prefix = true;
		return 0;
	case 'P':
		command->no_prefix = true;
		return 0;
	case 's':
	case 'q':
		command->silent = true;
		return 0;
	case 't':
		command->translated = true;
		return 0;
	case OPTION_JSON:
		if (!command->array)
			command->array = json_array();
		return command->array ? 0 : TOOL_MEMORY;
	case 'V':
		tool_print_version();
		command->done = true;
		return 0;
	}
	if (c == 'h' || tool_wants_help(c)) {
		fputs(help, stdout);
		command->done = true;
		return 0;
	}
	return tool_bad_option(c, argv);
}

/* The path of what is open as standard input; NULL when it has none. */
static char *
stdin_path(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/fd/0", path, sizeof(path) - 1);

	if (n <= 0 || path[0] != '/')
		return NULL;
	path[n] = '\0';
	return strdup(path);
}

static char *
path_of(struct command *command, const char *file)
{
	AUTO_TEXT struct text why = { 0 };
	char *path;
	int errnum;

	if (strcmp(file, "-") == 0)
		return stdin_path();
	path = tool_node_path(file, false, &why, &errnum);
	if (!path) {
		tool_error(file, "%s", text_string(&why));
		command->failed = true;
	}
	return path;
}

static void
add_object(const struct command *command, const char *file, const struct record *record)
{
	json_t *object = json_object();

	if (!record && command->translated)
		return;
	json_put_string(object, "file", file);
	json_put_argv(object, "setting", record ? record->node.passive : (struct wire_blob){ "", 0 });
	sandbox_put_grants(object, record ? record->node.grants : 0);
	sandbox_put(object, record ? record->node.sandbox : (struct wire_blob){ "", 0 });
	json_array_append_new(command->array, object);
}

static void
print(const struct command *command, const char *file, const struct record *record)
{
	AUTO_TEXT struct text line = { 0 };

	if (command->array) {
		add_object(command, file, record);
		return;
	}
	if (command->silent || (!record && (command->translated || !command->prefix)))
		return;
	if (command->prefix)
		text_safe(&line, file);
	if (record && command->prefix)
		text_puts(&line, ": ");
	if (record)
		record_print_argv(&line, record->node.passive);
	puts(text_string(&line));
}

/* Whether FILE has a setting. */
static bool
show(struct command *command, const char *file)
{
	AUTO_FREE char *path = path_of(command, file);
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	bool is_set;
	int err = -ENOENT;

	if (path && command->connected)
		err = record_get(&record, path, &why);
	if (err != 0 && err != -ENOENT) {
		tool_error(file, "%s", text_string(&why));
		command->failed = true;
		return false;
	}
	is_set = err == 0 && record.node.passive.size > 0;
	if (path && !is_set && strcmp(file, "-") != 0 && access(path, F_OK) < 0 && errno == ENOENT) {
		tool_error(file, "%s", strerror(ENOENT));
		command->failed = true;
		return false;
	}
	if (path)
		print(command, file, is_set ? &record : NULL);
	return is_set;
}

static int
show_all(struct command *command, char *const *files)
{
	AUTO_TEXT struct text why = { 0 };
	bool any = false;
	int err;

	command->prefix = !command->no_prefix && (command->prefix || files[1]);
	err = tool_connect(TOOL_IF_SET, &why);
	if (err < 0) {
		tool_error(NULL, "%s", text_string(&why));
		return 1;
	}
	command->connected = err == 0;
	for (; *files; files++)
		any |= show(command, *files);
	if (command->array && !command->silent) {
		json_dumpf(command->array, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return any ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct command command = { 0 };
	int c, status = 0;

	tool_init("showtrans");
	while (status == 0 && !command.done &&
	    (c = getopt_long(argc, argv, ":pPsqtV", options, NULL)) != -1)
		status = parse_option(&command, c, argv);
	if (status == 0 && !command.done)
		status = optind < argc ? show_all(&command, argv + optind) : tool_usage("name a FILE");
	json_decref(command.array);
	return tool_finish(status);
}
