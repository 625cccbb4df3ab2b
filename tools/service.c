/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service: names for ports, as a person declares and sees them. */
#include "tools/service.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "port/stubs.h"
#include "tools/table.h"
#include "tools/tool.h"

enum {
	ASK_MS = 30 * 1000,
	OPTION_JSON = 256,
	N_COLUMNS = 5,
	NAME_BYTES_MAX = 128,
};

static const char help[] =
"Usage: hird service [--json]\n"
"       hird service add [-e VARIABLE=VALUE]... NAME PROGRAM [ARG...]\n"
"       hird service remove NAME\n"
"Services: names for ports, and the programs that start with the first message.\n"
"\n"
"  -e, --env=VARIABLE=VALUE  in the environment of the program (several)\n"
"      --json                an array of objects, for programs\n"
TOOL_HELP_LINES;

static const struct option options[] = {
	{ "env", required_argument, NULL, 'e' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct wish {
	bool json;
	struct argv env;
};

static int
fail(const char *where, const struct text *why)
{
	tool_error(where, "%s", why->size ? text_string(why) : strerror(ENOMEM));
	return 1;
}

static int
fail_rpc(const char *where, int code, const struct port_reply *reply)
{
	AUTO_TEXT struct text why = { 0 };

	tool_rpc_text(&why, code, reply->text, NULL);
	return fail(where, &why);
}

/* Listing ------------------------------------------------------------------------ */

static const char *
state_name(uint32_t state)
{
	static const char *const names[] = {
		[NAMES_STATE_REGISTERED] = "registered",
		[NAMES_STATE_WAITING] = "waiting",
		[NAMES_STATE_STARTING] = "starting",
		[NAMES_STATE_RUNNING] = "running",
		[NAMES_STATE_RESTING] = "resting",
	};

	return state < ARRAY_SIZE(names) && names[state] ? names[state] : "unknown";
}

static int
add_row(struct table *table, const struct names_get_out *out)
{
	AUTO_TEXT struct text name = { 0 };
	AUTO_FREE char *line = NULL;
	const struct argv argv = { (char *)out->argv.data, out->argv.size };
	char pid[16] = "-", queued[16];

	text_safe(&name, out->name);
	snprintf(queued, sizeof(queued), "%u", out->queued);
	if (out->pid)
		snprintf(pid, sizeof(pid), "%u", out->pid);
	line = argv.size ? argv_quote(&argv) : strdup("-");
	if (!line)
		return -ENOMEM;
	return table_add(table, (const char *const[]){
		text_string(&name), state_name(out->state), pid, queued, line });
}

static int
add_object(json_t *array, const struct names_get_out *out)
{
	const struct argv argv = { (char *)out->argv.data, out->argv.size };
	json_t *words = json_array();
	json_t *object;

	for (const char *word = NULL; (word = argv_next(&argv, word));)
		json_array_append_new(words, json_string(word));
	object = json_pack("{s:s, s:s, s:s, s:o, s:b, s:i, s:I, s:i, s:i, s:i, s:s}",
	    "name", out->name, "state", state_name(out->state), "program", out->program,
	    "argv", words, "stored", (int)out->stored, "pid", (int)out->pid,
	    "since", (json_int_t)out->since, "queued", (int)out->queued,
	    "starts", (int)out->starts, "failures", (int)out->failures, "reason", out->reason);
	return json_array_append_new(array, object);
}

/* One after the other, by name. */
static int
each(struct table *table, json_t *array)
{
	AUTO_FREE char *name = strdup("");
	int code = name ? 0 : -ENOMEM;

	while (!code) {
		const struct names_get_in in = { .name = name };
		struct port_reply reply;
		struct names_get_out out;

		code = names_get_call(port_bootstrap(), &in, &out, &reply, ASK_MS);
		if (!code) {
			free(name);
			name = strdup(out.name);
			code = array ? add_object(array, &out) : add_row(table, &out);
			if (!name)
				code = -ENOMEM;
		} else if (code != PORT_E_NAMES_UNKNOWN_SERVICE) {
			fail_rpc(NULL, code, &reply);
		}
		port_reply_deinit(&reply);
	}
	return code == PORT_E_NAMES_UNKNOWN_SERVICE ? 0 : 1;
}

static int
list(const struct wish *wish)
{
	AUTO_TABLE struct table table = { .n_columns = N_COLUMNS };
	AUTO_TEXT struct text text = { 0 };
	json_t *array = wish->json ? json_array() : NULL;
	int status;

	table_add(&table, (const char *const[]){ "NAME", "STATE", "PID", "QUEUED", "PROGRAM" });
	status = port_bootstrap() == PORT_NULL ? 0 : each(&table, array);
	if (array) {
		json_dumpf(array, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (table.n_rows > 1) {
		table_print(&table, &text, 0, 0);
		fputs(text_string(&text), stdout);
	}
	json_decref(array);
	return status;
}

/* Changing ----------------------------------------------------------------------- */

static int
declare(const char *name, const char *program, const struct argv *argv, const struct argv *env)
{
	const struct keeper_service_in in = {
		.name = name,
		.program = program,
		.argv = { argv->data, argv->size },
		.env = { env->data, env->size },
	};
	struct keeper_service_out out;
	struct port_reply reply;
	int code = keeper_service_call(port_bootstrap(), &in, &out, &reply, ASK_MS);

	if (code)	/* whose text names it already */
		fail_rpc(reply.text && *reply.text ? NULL : name, code, &reply);
	port_reply_deinit(&reply);
	return code ? 1 : 0;
}

/* The path of a program as it stands in the declaration; NULL, after a line of error. */
static char *
find_program(const char *path)
{
	char *program = realpath(path, NULL);
	struct stat st;

	if (program && stat(program, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EACCES;
	else if (program && access(program, X_OK) == 0)
		return program;
	tool_error(path, "%s; give the path of a program", strerror(errno));
	free(program);
	return NULL;
}

static int
add(const struct wish *wish, int argc, char **argv)
{
	AUTO_ARGV struct argv words = { 0 };
	AUTO_FREE char *program = NULL;

	if (argc < 2)
		return tool_usage("add needs a NAME and a PROGRAM");
	if (!argv[0][0] || strlen(argv[0]) > NAME_BYTES_MAX)
		return tool_usage("a NAME has 1 to %d bytes", NAME_BYTES_MAX);
	program = find_program(argv[1]);
	if (!program)
		return 1;
	for (int i = 1; i < argc; i++)
		if (argv_add(&words, argv[i]) < 0)
			return TOOL_MEMORY;
	return declare(argv[0], program, &words, &wish->env);
}

static int
take_away(int argc, char **argv)
{
	static const struct argv nothing;

	if (argc != 1)
		return tool_usage("remove takes one NAME");
	return declare(argv[0], "", &nothing, &nothing);
}

/* 0; -1: --help was printed; or TOOL_USAGE. */
static int
parse(struct wish *wish, int argc, char **argv)
{
	int got;

	while ((got = getopt_long(argc, argv, "+:e:", options, NULL)) != -1) {
		if (got == 'h' || tool_wants_help(got)) {
			fputs(help, stdout);
			return -1;
		}
		if (got == 'V') {
			tool_print_version();
			return -1;
		}
		if (got == 'e' && !strchr(optarg, '='))
			return tool_usage("--env=%s: give VARIABLE=VALUE", optarg);
		if (got == 'e')
			argv_add(&wish->env, optarg);
		else if (got == OPTION_JSON)
			wish->json = true;
		else
			return tool_bad_option(got, argv);
	}
	return 0;
}

static int
connect_for(bool change)
{
	AUTO_TEXT struct text why = { 0 };

	return tool_connect(change ? TOOL_START : TOOL_IF_SET, &why) < 0 ? fail(NULL, &why) : 0;
}

static int
run(struct wish *wish, int argc, char **argv)
{
	const char *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
	int status;

	if (verb) {
		argc--;
		argv++;
	}
	status = parse(wish, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	argc -= optind;
	argv += optind;
	if (verb && strcmp(verb, "add") != 0 && strcmp(verb, "remove") != 0)
		return tool_usage("service %s: say add or remove", verb);
	if (!verb && argc > 0)
		return tool_usage("service alone lists; say add or remove");
	status = connect_for(verb != NULL);
	if (status)
		return status;
	if (!verb)
		return list(wish);
	return verb[0] == 'a' ? add(wish, argc, argv) : take_away(argc, argv);
}

int
service_word(int argc, char **argv)
{
	struct wish wish = { 0 };
	int status = run(&wish, argc, argv);

	argv_deinit(&wish.env);
	return status;
}
