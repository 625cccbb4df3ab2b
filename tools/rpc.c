/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc: asks a node's port what it answers, and calls it by name.
 *
 * What it answers it says in lines of text (io_routines); a call is put together, and its answer
 * taken apart, by the types that stand there (rpc-value.c). They come from a translator: nothing of
 * them is believed that cannot be checked. */
#include "tools/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "port/lookup.h"
#include "port/stubs.h"
#include "tools/json.h"
#include "tools/rpc-value.h"
#include "tools/tool.h"

enum {
	ASK_TIMEOUT_MS = 30 * 1000,
	OPTION_JSON = 256,
};

static const char help[] =
"Usage: hird rpc [OPTION...] NODE [ROUTINE [ARG...]]\n"
"\n"
"Lists what the port of a node answers, or calls one of its routines.\n"
"\n"
"  -o, --open=MODE       open NODE for this: path, read (default), write, both\n"
"  -a, --at=PATH         go on to PATH below NODE, from right to right\n"
"  -r, --rights=LETTERS  use a right for no more than r, w, l; '' for none of them\n"
"      --json            print the answer as JSON\n"
"  -?, --help            this text\n";

/* What is asked for. */
struct order {
	int open;		/* flags of open(2) */
	const char *at;
	bool restricted;
	unsigned rights;
	bool json;
};

static int
say(const char *where, int code, const char *line)
{
	AUTO_TEXT struct text why = { 0 };

	tool_rpc_text(&why, code, line, NULL);
	tool_error(where, "%s", text_string(&why));
	return 1;
}

/* Descriptions --------------------------------------------------------------------- */

static bool
parse_fields(char **cursor, struct rpc_field *fields, size_t *n_fieldsp, bool *arrowp)
{
	char *word;

	while ((word = strsep(cursor, " "))) {
		if (strcmp(word, "->") == 0 && arrowp) {
			*arrowp = true;
			return true;
		}
		if (*n_fieldsp == RPC_FIELDS_MAX || !strchr(word, ':'))
			return false;
		fields[*n_fieldsp].name = strsep(&word, ":");
		fields[(*n_fieldsp)++].type = word;
	}
	return true;
}

/* False: that is no description of a routine. */
static bool
parse_routine(char *line, struct rpc_routine *routine)
{
	char *id = strsep(&line, " "), *end;

	memset(routine, 0, sizeof(*routine));
	routine->id = (uint32_t)strtoul(id, &end, 10);
	routine->name = strsep(&line, " ");
	if (*end || !routine->id || !routine->name || !*routine->name)
		return false;
	return parse_fields(&line, routine->in, &routine->n_in, &routine->answers) &&
	    (!routine->answers ||
	    parse_fields(&line, routine->out, &routine->n_out, NULL));
}

/* All lines, to be freed; NULL with a word to the user. */
static char *
describe(const char *node, port_name_t port)
{
	const struct io_routines_in in = { .end_ = 0 };
	struct io_routines_out out;
	struct port_reply reply;
	int code = io_routines_call(port, &in, &out, &reply, ASK_TIMEOUT_MS);
	char *lines = code == 0 ? strdup(out.routines) : NULL;

	if (!lines)
		say(node, code ? code : -ENOMEM, reply.text);
	port_reply_deinit(&reply);
	return lines;
}

static void
print_fields(const struct rpc_field *fields, size_t n_fields)
{
	for (size_t i = 0; i < n_fields; i++) {
		AUTO_TEXT struct text safe = { 0 };

		text_safe(&safe, fields[i].name);
		text_puts(&safe, ":");
		text_safe(&safe, fields[i].type);
		printf(" %s", text_string(&safe));
	}
}

static void
print_routine(const struct rpc_routine *routine)
{
	AUTO_TEXT struct text safe = { 0 };

	text_safe(&safe, routine->name);
	printf("%s", text_string(&safe));
	print_fields(routine->in, routine->n_in);
	if (routine->answers)
		printf(" ->");
	print_fields(routine->out, routine->n_out);
	putchar('\n');
}

static json_t *
json_fields(const struct rpc_field *fields, size_t n_fields)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n_fields; i++) {
		json_t *object = json_object();

		json_put_string(object, "name", fields[i].name);
		json_put_string(object, "type", fields[i].type);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
json_routine(const struct rpc_routine *routine)
{
	json_t *object = json_object();

	json_put_string(object, "name", routine->name);
	json_put_number(object, "id", true, routine->id);
	json_object_set_new(object, "in", json_fields(routine->in, routine->n_in));
	json_object_set_new(object, "out", routine->answers ?
	    json_fields(routine->out, routine->n_out) : json_null());
	return object;
}

static int
list(char *lines, bool json)
{
	json_t *array = json ? json_array() : NULL;
	struct rpc_routine routine;
	char *line;

	while ((line = strsep(&lines, "\n"))) {
		if (!parse_routine(line, &routine))
			continue;
		if (json)
			json_array_append_new(array, json_routine(&routine));
		else
			print_routine(&routine);
	}
	if (json)
		rpc_dump(array);
	return 0;
}

/* Calls ------------------------------------------------------------------------------------ */

static int
exchange(const char *node, port_name_t port, const struct rpc_routine *routine,
    struct wire_buf *body, bool json)
{
	struct port_reply reply = { .text = "" };
	struct port_message sent = { .id = routine->id, .remote = port,
		.remote_disposition = PORT_COPY_SEND };
	int code;

	if (routine->answers) {
		code = port_call(port, routine->id, body, &reply, ASK_TIMEOUT_MS);
		if (code == 0)
			code = rpc_print_answer(routine, &reply.message.body, json);
	} else {
		sent.body = *body;
		*body = (struct wire_buf){ 0 };
		code = port_send(&sent, ASK_TIMEOUT_MS);
		port_message_deinit(&sent);
	}
	if (code != 0)
		say(node, code, reply.text);
	port_reply_deinit(&reply);
	return code ? 1 : 0;
}

static int
call(const char *node, port_name_t port, const struct rpc_routine *routine, char **words,
    const struct order *order)
{
	struct text bytes[RPC_FIELDS_MAX] = { { 0 } };
	AUTO_WIRE struct wire_buf body = { 0 };
	int status = 1;

	if (rpc_put_arguments(&body, routine, words, bytes) == 0)
		status = exchange(node, port, routine, &body, order->json);
	for (size_t i = 0; i < RPC_FIELDS_MAX; i++)
		text_deinit(&bytes[i]);
	return status;
}

static int
find_and_call(const char *node, port_name_t port, char *lines, int argc, char **argv,
    const struct order *order)
{
	struct rpc_routine routine;
	char *line;

	while ((line = strsep(&lines, "\n"))) {
		if (!parse_routine(line, &routine) || strcmp(routine.name, argv[0]) != 0)
			continue;
		if ((size_t)argc - 1 == routine.n_in)
			return call(node, port, &routine, argv + 1, order);
		tool_error(node, "%s takes %zu arguments; try: hird rpc NODE", argv[0],
		    routine.n_in);
		return TOOL_USAGE;
	}
	tool_error(node, "answers no routine of that name; try: hird rpc NODE");
	return 1;
}

/* Ways --------------------------------------------------------------------------------------- */

static unsigned
rights_of(int flags)
{
	if (flags & O_PATH)
		return TRANS_RIGHT_LOOKUP;
	if ((flags & O_ACCMODE) == O_RDWR)
		return TRANS_RIGHT_ALL;
	return (flags & O_ACCMODE) == O_WRONLY ? TRANS_RIGHT_WRITE :
	    TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP;
}

/* As many as there are. */
static int
find(int fd, const struct order *order, port_name_t *portp)
{
	unsigned rights = rights_of(order->open);
	int err = trans_lookup(fd, order->at, rights | TRANS_RIGHT_WRITE, portp);

	if (err == -EACCES || err == -EROFS)
		err = trans_lookup(fd, order->at, rights, portp);
	if (err == -EACCES && rights & TRANS_RIGHT_READ)
		err = trans_lookup(fd, order->at, TRANS_RIGHT_LOOKUP, portp);
	return err;
}

static int
reach(const char *node, const struct order *order, port_name_t *portp)
{
	AUTO_CLOSE int fd = open(node, order->open | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	port_name_t port, narrow;
	int err = fd < 0 ? -errno : find(fd, order, &port);

	if (err == 0 && order->restricted) {
		err = trans_restrict(port, order->rights, &narrow);
		if (err == 0)
			port_deallocate(port);
		port = narrow;
	}
	if (err == 0)
		*portp = port;
	else if (err == -EXDEV)
		tool_error(node, "no translator of yours serves that, or the path leads elsewhere");
	else
		say(node, err, NULL);
	return err;
}

static int
parse_open(const char *word, struct order *order)
{
	static const struct {
		const char *word;
		int flags;
	} modes[] = {
		{ "path", O_PATH }, { "read", O_RDONLY }, { "write", O_WRONLY }, { "both", O_RDWR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(word, modes[i].word) == 0) {
			order->open = modes[i].flags;
			return 0;
		}
	}
	return tool_usage("--open wants path, read, write or both, not '%s'", word);
}

static int
parse_rights(const char *word, struct order *order)
{
	order->restricted = true;
	order->rights = 0;
	for (; *word; word++) {
		const char *letters = "rwl", *at = strchr(letters, *word);

		if (!at)
			return tool_usage("--rights wants letters of rwl, not '%c'", *word);
		order->rights |= 1u << (at - letters);
	}
	return 0;
}

/* 0, -1 when help was printed, or TOOL_USAGE. */
static int
parse(int argc, char **argv, struct order *order)
{
	static const struct option options[] = {
		{ "open", required_argument, NULL, 'o' },
		{ "at", required_argument, NULL, 'a' },
		{ "rights", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, status = 0;

	while (status == 0 && (c = getopt_long(argc, argv, "+:o:a:r:", options, NULL)) != -1) {
		if (c == 'h' || tool_wants_help(c)) {
			fputs(help, stdout);
			return -1;
		}
		if (c == 'o')
			status = parse_open(optarg, order);
		else if (c == 'a')
			order->at = optarg;
		else if (c == 'r')
			status = parse_rights(optarg, order);
		else if (c == OPTION_JSON)
			order->json = true;
		else
			status = tool_bad_option(c, argv);
	}
	return status;
}

/* hird rpc; an exit status. */
int
rpc_word(int argc, char **argv)
{
	struct order order = { .at = "" };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *lines = NULL;
	port_name_t port;
	int status = parse(argc, argv, &order);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (optind >= argc)
		return tool_usage("rpc needs a NODE");
	if (tool_connect(TOOL_IF_SET, &why) != 0) {
		tool_error(argv[optind], "%s", why.size ? text_string(&why) : "portd does not run");
		return 1;
	}
	if (reach(argv[optind], &order, &port) != 0)
		return 1;
	lines = describe(argv[optind], port);
	if (!lines)
		status = 1;
	else if (optind + 1 == argc)
		status = list(lines, order.json);
	else
		status = find_and_call(argv[optind], port, lines, argc - optind - 1,
		    argv + optind + 1, &order);
	port_deallocate(port);
	return status;
}
