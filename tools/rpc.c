/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc: asks a node's port what it answers, and calls it by name.
 *
 * What it answers it says in lines of text (io_routines); a call is put together, and its answer taken
 * apart, by the types that stand there. They come from a translator: nothing of them is believed
 * that cannot be checked, and nothing of an answer is printed as it is. */
#include "tools/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "port/lookup.h"
#include "port/stubs.h"
#include "tools/json.h"
#include "tools/tool.h"

enum {
	ASK_TIMEOUT_MS = 30 * 1000,
	FIELDS_MAX = 32,
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

/* A routine as its port describes it; all of it points into the description. */
struct field {
	char *name;
	char *type;
};

struct routine {
	uint32_t id;
	char *name;
	struct field in[FIELDS_MAX], out[FIELDS_MAX];
	size_t n_in, n_out;
	bool answers;
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
parse_fields(char **cursor, struct field *fields, size_t *n_fieldsp, bool *arrowp)
{
	char *word;

	while ((word = strsep(cursor, " "))) {
		if (strcmp(word, "->") == 0 && arrowp) {
			*arrowp = true;
			return true;
		}
		if (*n_fieldsp == FIELDS_MAX || !strchr(word, ':'))
			return false;
		fields[*n_fieldsp].name = strsep(&word, ":");
		fields[(*n_fieldsp)++].type = word;
	}
	return true;
}

/* False: that is no description of a routine. */
static bool
parse_routine(char *line, struct routine *routine)
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
print_fields(const struct field *fields, size_t n_fields)
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
print_routine(const struct routine *routine)
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
json_fields(const struct field *fields, size_t n_fields)
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
json_routine(const struct routine *routine)
{
	json_t *object = json_object();

	json_put_string(object, "name", routine->name);
	json_put_number(object, "id", true, routine->id);
	json_object_set_new(object, "in", json_fields(routine->in, routine->n_in));
	json_object_set_new(object, "out", routine->answers ?
	    json_fields(routine->out, routine->n_out) : json_null());
	return object;
}

static void
dump(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static int
list(char *lines, bool json)
{
	json_t *array = json ? json_array() : NULL;
	struct routine routine;
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
		dump(array);
	return 0;
}

/* Arguments ------------------------------------------------------------------------- */

/* What an argument stands for: itself, or with @ before it what is in that file. */
static int
load(const char *word, struct text *bytes)
{
	AUTO_CLOSE int fd = -1;
	char buf[4096];
	ssize_t n;

	if (*word != '@') {
		text_puts(bytes, word);
		return bytes->error;
	}
	fd = open(word + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(bytes, buf, (size_t)n);
	return n < 0 ? -errno : bytes->error;
}

static int
put_number(struct wire_buf *body, const char *type, const char *word)
{
	bool is_signed = strcmp(type, "i32") == 0;
	unsigned long long value;
	char *end;

	errno = 0;
	value = is_signed ? (unsigned long long)strtoll(word, &end, 0) : strtoull(word, &end, 0);
	if (errno || !*word || *end || (*word == '-' && !is_signed))
		return -EINVAL;
	if (strcmp(type, "u64") == 0)
		wire_put_u64(body, value);
	else if (is_signed && (long long)value >= INT32_MIN && (long long)value <= INT32_MAX)
		wire_put_i32(body, (int32_t)value);
	else if (!is_signed && value <= UINT32_MAX)
		wire_put_u32(body, (uint32_t)value);
	else
		return -ERANGE;
	return 0;
}

/* The words of one argument, split at blanks. */
static int
put_words(struct wire_buf *body, const char *word)
{
	AUTO_ARGV struct argv words = { 0 };
	AUTO_FREE char *copy = strdup(word);
	char *rest = copy, *one;
	int err = copy ? 0 : -ENOMEM;

	while (err == 0 && (one = strsep(&rest, " ")))
		if (*one)
			err = argv_add(&words, one);
	wire_put_argv(body, (struct wire_blob){ words.data, words.size });
	return err;
}

static int
put_fd(struct wire_buf *body, const char *word)
{
	int fd = strcmp(word, "-") == 0 ? -1 : open(word, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && strcmp(word, "-") != 0)
		return -errno;
	wire_put_fd(body, fd);	/* eats fd */
	return 0;
}

/* A right to another node. */
static int
put_node(struct wire_buf *body, const char *word)
{
	AUTO_CLOSE int fd = -1;
	port_name_t node;
	int err;

	if (strcmp(word, "-") == 0) {
		wire_put_port(body, (struct wire_port){ .name = PORT_NULL });
		return 0;
	}
	fd = open(word, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = trans_lookup(fd, "", TRANS_RIGHT_READ | TRANS_RIGHT_WRITE, &node);
	if (err == -EACCES || err == -EROFS)
		err = trans_lookup(fd, "", TRANS_RIGHT_READ, &node);
	if (err == 0)
		wire_put_port(body, (struct wire_port){ node, PORT_MOVE_SEND });
	return err;
}

/* The bytes live in `bytes` until the call is made. */
static int
put_argument(struct wire_buf *body, const char *type, const char *word, struct text *bytes)
{
	int err = 0;

	if (strcmp(type, "u32") == 0 || strcmp(type, "i32") == 0 || strcmp(type, "u64") == 0)
		return put_number(body, type, word);
	if (strcmp(type, "argv") == 0)
		return put_words(body, word);
	if (strcmp(type, "fd") == 0)
		return put_fd(body, word);
	if (strcmp(type, "send") == 0 || strcmp(type, "port") == 0)
		return put_node(body, word);
	if (strcmp(type, "str") == 0) {
		wire_put_str(body, word);
		return 0;
	}
	err = load(word, bytes);
	if (strcmp(type, "blob") == 0)
		wire_put_blob(body, (struct wire_blob){ text_string(bytes), bytes->size });
	else if (strcmp(type, "memory") == 0)
		wire_put_memory(body, (struct wire_memory){ bytes->data, bytes->size });
	else
		return -EOPNOTSUPP;
	return err;
}

static int
put_arguments(struct wire_buf *body, const struct routine *routine, char **words,
    struct text *bytes)
{
	for (size_t i = 0; i < routine->n_in; i++) {
		const struct field *field = &routine->in[i];
		int err = put_argument(body, field->type, words[i], &bytes[i]);

		if (err == -EOPNOTSUPP)
			tool_error(routine->name, "%s: an argument of type %s cannot be given here",
			    field->name, field->type);
		else if (err != 0)
			tool_error(routine->name, "%s: '%s' is no %s: %s", field->name, words[i],
			    field->type, port_error_text(err));
		if (err != 0)
			return err;
	}
	return body->error;
}

/* Answers ------------------------------------------------------------------------------ */

static bool
is_text(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] == 0x7f)
			return false;
	return true;
}

/* Bytes as text, when they are. */
static void
put_bytes(struct text *text, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	if (is_text(bytes, size)) {
		text_add(text, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++)
		text_printf(text, "%02x", bytes[i]);
}

static void
put_argv_words(struct text *text, struct wire_blob words)
{
	const char *at = words.data, *end = at + words.size;

	for (; at < end; at += strlen(at) + 1) {
		text_safe(text, at);
		text_puts(text, at + strlen(at) + 1 < end ? "\n" : "");
	}
}

static void
drop_right(struct wire_port right)
{
	if (right.name == PORT_NULL || right.name == PORT_DEAD)
		return;
	if (right.disposition == PORT_MOVE_RECEIVE)
		port_mod_refs(right.name, PORT_RIGHT_RECEIVE, -1);
	else
		port_deallocate(right.name);
}

static bool
is_number(const char *type)
{
	return strcmp(type, "u32") == 0 || strcmp(type, "i32") == 0 || strcmp(type, "u64") == 0;
}

static json_t *
get_number(struct wire_buf *body, const char *type, struct text *text)
{
	uint64_t value;

	if (strcmp(type, "i32") == 0) {
		int32_t number = wire_get_i32(body);

		text_printf(text, "%" PRId32, number);
		return json_integer(number);
	}
	value = strcmp(type, "u64") == 0 ? wire_get_u64(body) : wire_get_u32(body);
	text_printf(text, "%" PRIu64, value);
	return json_integer((json_int_t)value);
}

static json_t *
json_words(struct wire_blob words)
{
	json_t *array = json_array();
	const char *at = words.data, *end = at + words.size;

	for (; at < end; at += strlen(at) + 1)
		json_array_append_new(array, json_word(at));
	return array;
}

/* The next value of an answer, as text and as JSON; NULL: of a type that nobody knows. */
static json_t *
get_value(struct wire_buf *body, const char *type, struct text *text)
{
	if (is_number(type))
		return get_number(body, type, text);
	if (strcmp(type, "str") == 0) {
		const char *string = wire_get_str(body);

		text_safe(text, string);
		return json_word(string);
	}
	if (strcmp(type, "argv") == 0) {
		struct wire_blob words = wire_get_argv(body);

		put_argv_words(text, words);
		return json_words(words);
	}
	if (strcmp(type, "blob") == 0) {
		struct wire_blob blob = wire_get_blob(body);

		put_bytes(text, blob.data, blob.size);
		return json_word(text_string(text));
	}
	if (strcmp(type, "memory") == 0) {
		struct wire_memory memory = wire_get_memory(body);

		put_bytes(text, memory.data, memory.size);
		port_memory_free(memory.data, memory.size);
		return json_word(text_string(text));
	}
	if (strcmp(type, "fd") == 0) {
		int fd = wire_get_fd(body);

		text_puts(text, fd < 0 ? "none" : "a descriptor");
		fd_close(&fd);
		return json_word(text_string(text));
	}
	if (strcmp(type, "send") == 0 || strcmp(type, "port") == 0 ||
	    strcmp(type, "send_once") == 0 || strcmp(type, "receive") == 0) {
		struct wire_port right = wire_get_port(body);

		text_puts(text, right.name == PORT_NULL ? "none" : "a right");
		drop_right(right);
		return json_word(text_string(text));
	}
	return NULL;
}

static void
print_lines(const char *name, const char *value)
{
	AUTO_TEXT struct text safe = { 0 };
	size_t size;

	text_safe(&safe, name);
	do {
		size = strcspn(value, "\n");
		printf("%s: %.*s\n", text_string(&safe), (int)size, value);
		value += size + (value[size] == '\n');
	} while (*value);
}

/* A single value that is content stands alone, as it is. */
static void
print_value(const struct routine *routine, const struct field *field, const struct text *text)
{
	bool content = routine->n_out == 1 && !is_number(field->type);

	if (content) {
		fwrite(text_string(text), 1, text->size, stdout);
		if (text->size == 0 || text->data[text->size - 1] != '\n')
			putchar('\n');
	} else {
		print_lines(field->name, text_string(text));
	}
}

static int
print_answer(const struct routine *routine, struct wire_buf *body, bool json)
{
	json_t *object = json ? json_object() : NULL;
	int err = 0;

	for (size_t i = 0; i < routine->n_out && err == 0; i++) {
		AUTO_TEXT struct text text = { 0 };
		const struct field *field = &routine->out[i];
		json_t *value = get_value(body, field->type, &text);

		if (!value || body->error)
			err = -EPROTO;
		else if (json)
			json_object_set(object, field->name, value);
		else
			print_value(routine, field, &text);
		json_decref(value);
	}
	if (json && err == 0)
		dump(object);
	else
		json_decref(object);
	return err;
}

/* Calls ------------------------------------------------------------------------------------ */

static int
exchange(const char *node, port_name_t port, const struct routine *routine,
    struct wire_buf *body, bool json)
{
	struct port_reply reply = { .text = "" };
	struct port_message sent = { .id = routine->id, .remote = port,
		.remote_disposition = PORT_COPY_SEND };
	int code;

	if (routine->answers) {
		code = port_call(port, routine->id, body, &reply, ASK_TIMEOUT_MS);
		if (code == 0)
			code = print_answer(routine, &reply.message.body, json);
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
call(const char *node, port_name_t port, const struct routine *routine, char **words,
    const struct order *order)
{
	struct text bytes[FIELDS_MAX] = { { 0 } };
	AUTO_WIRE struct wire_buf body = { 0 };
	int status = 1;

	if (put_arguments(&body, routine, words, bytes) == 0)
		status = exchange(node, port, routine, &body, order->json);
	for (size_t i = 0; i < FIELDS_MAX; i++)
		text_deinit(&bytes[i]);
	return status;
}

static int
find_and_call(const char *node, port_name_t port, char *lines, int argc, char **argv,
    const struct order *order)
{
	struct routine routine;
	char *line;

	while ((line = strsep(&lines, "\n"))) {
		if (!parse_routine(line, &routine) || strcmp(routine.name, argv[0]) != 0)
			continue;
		if ((size_t)argc - 1 == routine.n_in)
			return call(node, port, &routine, argv + 1, order);
		tool_error(node, "%s takes %zu arguments; try: hird rpc NODE", argv[0], routine.n_in);
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
