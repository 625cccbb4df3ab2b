/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsysopts: shows and changes the options of a translator, running or not. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tools/describe.h"
#include "tools/record.h"
#include "tools/tool.h"
#include "wire/runtime.h"

enum {
	STATUS_NODE = 1,
	STATUS_NO_CONTROL = 2,
	STATUS_REFUSED = 5,
	OPTION_SAVE = 256,
	DESCRIBE_TIMEOUT_MS = 60 * 1000,
	CHANGE_TIMEOUT_MS = 120 * 1000,
};

static const char help[] =
"Usage: fsysopts [OPTION...] NODE [TRANSLATOR-OPTION...]\n"
"Show the options of the translator of NODE, or change them as it runs.\n"
"\n"
"  -L, --dereference         NODE may be a symbolic link: follow it\n"
"      --save                write the change into the setting, too\n"
TOOL_HELP_LINES
"\n"
"A change without --save lasts until the translator is removed or replaced.\n"
"Exit status: 0; 1 NODE; 2 no translator to talk to; 3 memory; 5 refused; 64 usage.\n";

static const struct option options[] = {
	{ "dereference", no_argument, NULL, 'L' },
	{ "recursive", no_argument, NULL, 'R' },
	{ "save", no_argument, NULL, OPTION_SAVE },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct command {
	const char *node;	/* as typed */
	char *const *words;	/* the new options, ended by NULL */
	bool follow, save;
	bool done;		/* --help or --version */
};

static int
parse_option(struct command *command, int c, char *const *argv)
{
	switch (c) {
	case 'L':
		command->follow = true;
		return 0;
	case 'R':
		return tool_usage("--recursive is not there yet");
	case OPTION_SAVE:
		command->save = true;
		return 0;
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

static int
parse(struct command *command, int argc, char **argv)
{
	int c, status = 0;

	while (status == 0 && !command->done &&
	    (c = getopt_long(argc, argv, "+:LRV", options, NULL)) != -1)
		status = parse_option(command, c, argv);
	if (status != 0 || command->done)
		return status;
	if (optind >= argc)
		return tool_usage("name a NODE");
	command->node = argv[optind];
	command->words = argv + optind + 1;
	if (command->save && !*command->words)
		return tool_usage("--save needs options after NODE");
	return 0;
}

static int
fail(const struct command *command, int status, const struct text *why)
{
	tool_error(command->node, "%s", why->size ? text_string(why) : strerror(ENOMEM));
	return status;
}

static int
find(const struct command *command, struct record *record)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = NULL;
	int err, errnum = 0;

	path = tool_node_path(command->node, command->follow, &why, &errnum);
	if (!path)
		return fail(command, STATUS_NODE, &why);
	err = tool_connect(TOOL_IF_SET, &why);
	if (err < 0)
		return fail(command, STATUS_NO_CONTROL, &why);
	err = err == 1 ? -ENOENT : record_get(record, path, &why);
	if (err == 0)
		return 0;
	if (err != -ENOENT)
		return fail(command, STATUS_NO_CONTROL, &why);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		text_puts(&why, strerror(ENOENT));
		return fail(command, STATUS_NODE, &why);
	}
	text_puts(&why, "no translator of yours stands there; settrans sets one");
	return fail(command, STATUS_NO_CONTROL, &why);
}

static int
show(const struct record *record)
{
	AUTO_TEXT struct text line = { 0 };

	record_print_argv(&line, record_argv(record));
	if (line.error)
		return TOOL_MEMORY;
	puts(text_string(&line));
	return 0;
}

/* The words in force, then the new ones: the last of each option wins. */
static int
merge(struct argv *all, struct argv *new, const struct record *record, char *const *words)
{
	struct wire_blob now = record_argv(record);
	int err = argv_copy(all, now.data, now.size);

	for (; err == 0 && *words; words++) {
		err = argv_add(all, *words);
		if (err == 0)
			err = argv_add(new, *words);
	}
	return err;
}

/* A directory as a place, anything else to read; a fifo does not hold us up. */
static int
open_named(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOTDIR)
		return fd;
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static void
close_all(struct wire_fds *fds)
{
	while (fds->n > 0)
		fd_close(&fds->fd[--fds->n]);
}

/* Opens the files that the new options name, with the rights of the person who
 * asks. files: OPTION, PATH pairs. */
static int
open_files(struct wire_fds *fds, struct wire_blob files, struct text *why)
{
	AUTO_ARGV struct argv pairs = { 0 };
	const char *path;
	int err = argv_copy(&pairs, files.data, files.size);

	for (const char *option = NULL; err == 0 && (option = argv_next(&pairs, option)); option = path) {
		int fd;

		path = argv_next(&pairs, option);
		if (!path || fds->n == PORT_MSG_FDS_MAX)
			err = -E2BIG;
		else if ((fd = open_named(path)) >= 0)
			fds->fd[fds->n++] = fd;
		else
			err = -errno;
		if (err < 0) {
			text_safe(why, path ? path : option);
			text_printf(why, ": %s", strerror(-err));
		}
	}
	if (err < 0)
		close_all(fds);
	return err;
}

static int
ask(const struct command *command, const struct record *record, const struct argv *new,
    const struct describe *describe, struct text *why)
{
	struct node_set_options_in in = {
		.path = record->node.path,
		.argv = describe->out.argv,
		.options = { new->data, new->size },
		.description = { describe->blob.data, describe->blob.size },
		.files = describe->out.files,
		.save = command->save,
	};
	struct node_set_options_out out;
	struct port_reply reply = { 0 };
	int code;

	if (open_files(&in.fds, describe->out.files, why) < 0)
		return STATUS_REFUSED;
	code = node_set_options_call(port_bootstrap(), &in, &out, &reply, CHANGE_TIMEOUT_MS);
	if (code != 0)
		tool_rpc_text(why, code, reply.text, record->node.path);
	port_reply_deinit(&reply);
	return code == 0 ? 0 : STATUS_REFUSED;
}

static int
change(const struct command *command, const struct record *record)
{
	AUTO_ARGV struct argv all = { 0 };
	AUTO_ARGV struct argv new = { 0 };
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int status;

	if (merge(&all, &new, record, command->words) < 0)
		return fail(command, TOOL_MEMORY, &why);
	if (describe_run(&describe, record->node.program, &all, DESCRIBE_TIMEOUT_MS, &why) < 0)
		return fail(command, STATUS_REFUSED, &why);
	if (describe.out.kind != record->node.kind) {
		text_puts(&why, "with these options the translator makes another kind of node; "
		    "use settrans");
		return fail(command, STATUS_REFUSED, &why);
	}
	status = ask(command, record, &new, &describe, &why);
	return status == 0 ? 0 : fail(command, status, &why);
}

int
main(int argc, char **argv)
{
	struct command command = { 0 };
	AUTO_RECORD struct record record = { 0 };
	int status;

	tool_init("fsysopts");
	status = parse(&command, argc, argv);
	if (status == 0 && !command.done) {
		status = find(&command, &record);
		if (status == 0)
			status = *command.words ? change(&command, &record) : show(&record);
	}
	return tool_finish(status);
}
