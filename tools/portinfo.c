/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portinfo: shows rights: of every task, of one, of one port; and who waits for whom. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/port.h"
#include "tools/portinfo.h"
#include "tools/rights.h"
#include "tools/table.h"
#include "tools/tool.h"
#include "wire/codes.h"

enum {
	OPTION_JSON = 256,
	OPTION_DOT,
	OPTION_SETS,
	OPTION_CHECK,
};

static const char help[] =
"Usage: portinfo [OPTION...] [TASK [NAME...]]\n"
"Show the rights of TASK (a pid, a program's name, or a node's path), or all tasks.\n"
"\n"
"  -p, --port=PORT           one port (a number, or TASK:NAME): who holds it, what is queued\n"
"  -w, --waits               who waits for whom, and deadlocks\n"
"  -t, --translate=TASK      also the names that another TASK has for the same ports\n"
"  -r, --receive             only names with a receive right\n"
"  -s, --send                only those with a send right\n"
"  -o, --send-once           only send-once rights\n"
"  -d, --dead-names          only dead names\n"
"      --port-sets           only port sets\n"
"      --json                for programs\n"
"      --dot                 a picture of all tasks and ports, for dot(1)\n"
"      --check               whether all that portd counts adds up\n"
TOOL_HELP_LINES
"\n"
"Exit status: 0; 1 no such task, port or name, or portd does not answer; 2 a deadlock\n"
"(with -w), or sums that do not agree (with --check); 64 usage.\n";

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "waits", no_argument, NULL, 'w' },
	{ "translate", required_argument, NULL, 't' },
	{ "receive", no_argument, NULL, 'r' },
	{ "send", no_argument, NULL, 's' },
	{ "send-once", no_argument, NULL, 'o' },
	{ "dead-names", no_argument, NULL, 'd' },
	{ "port-sets", no_argument, NULL, OPTION_SETS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "dot", no_argument, NULL, OPTION_DOT },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Tasks ------------------------------------------------------------------------------ */

static int
fail(struct portinfo *info, const char *where, const char *what)
{
	tool_error(where, "%s", what);
	info->status = 1;
	return 1;
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
print_table(const struct table *table, unsigned shrink)
{
	AUTO_TEXT struct text text = { 0 };

	table_print(table, &text, terminal_width(), shrink);
	fputs(text_string(&text), stdout);
}

/* What the threads of a task do, as far as portd can see: the most that binds it. */
const char *
portinfo_state(const struct portinfo *info, const struct inspect_task *task)
{
	static const char *const names[] = {
		[WAITS_FOR_ANSWER] = "answer",
		[WAITS_FOR_ROOM] = "room",
		[WAITS_FOR_REQUESTS] = "requests",
	};
	const char *name = "-";

	if (waits_is_stuck(&info->waits, task->id))
		return "for ever";
	for (size_t i = 0; i < info->waits.n_edges; i++) {
		const struct waits_edge *edge = &info->waits.edges[i];

		if (edge->wait->task == task->id &&
		    (*name == '-' || edge->kind != WAITS_FOR_REQUESTS))
			name = names[edge->kind];
	}
	return name;
}

/* Messages that a task has not received yet. */
uint32_t
portinfo_unread(const struct snapshot *snapshot, const struct inspect_task *task)
{
	uint32_t n = 0;

	SNAPSHOT_EACH(snapshot, PORTS, port, port)
		if (port->place == INSPECT_IN_SPACE && port->task == task->id)
			n += port->msgcount;
	return n;
}

static int
add_task_row(const struct portinfo *info, struct table *table, const struct inspect_task *task)
{
	AUTO_TEXT struct text program = { 0 };
	char pid[16] = "-", names[16], ports[16], queued[16], bytes[24];
	const char *cells[] = {
		pid, names, ports, queued, bytes, portinfo_state(info, task), NULL,
	};

	if (task->pid)
		snprintf(pid, sizeof(pid), "%d", task->pid);
	snprintf(names, sizeof(names), "%u", task->names);
	snprintf(ports, sizeof(ports), "%u", task->receives);
	snprintf(queued, sizeof(queued), "%u", portinfo_unread(&info->snapshot, task));
	snprintf(bytes, sizeof(bytes), "%" PRIu64, task->bytes);
	text_safe(&program, task->program[0] ? task->program : "(starting)");
	if (task->node[0]) {
		text_puts(&program, " ");
		if (isatty(STDOUT_FILENO))
			tool_show_path(&program, task->node);
		else
			text_safe(&program, task->node);
	}
	cells[6] = text_string(&program);
	return table_add(table, cells);
}

static int
show_tasks(struct portinfo *info)
{
	static const char *const heads[] = {
		"PID", "NAMES", "PORTS", "UNREAD", "BYTES", "WAITS", "PROGRAM",
	};
	AUTO_TABLE struct table table = { .n_columns = ARRAY_SIZE(heads) };
	int err = table_add(&table, heads);

	SNAPSHOT_EACH(&info->snapshot, TASKS, task, task)
		err |= add_task_row(info, &table, task);
	if (err)
		return fail(info, NULL, strerror(ENOMEM));
	print_table(&table, 1 << 6);
	return 0;
}

/* A space ---------------------------------------------------------------------------- */

/* A name of a port in decimal, or in hexadecimal with 0x. */
static bool
is_name(const char *word, uint32_t name)
{
	char *end;
	unsigned long value = strtoul(word, &end, 0);

	return *word && !*end && value == name;
}

/* Whether it was asked for. */
bool
portinfo_is_selected(const struct selection *selection, const struct inspect_entry *entry)
{
	if (entry->task != selection->task->id)
		return false;
	if (selection->types && !(entry->type & selection->types))
		return false;
	for (char *const *word = selection->names; *word; word++)
		if (is_name(*word, entry->name))
			return true;
	return !*selection->names;
}

/* What another task calls the same port. */
static void
put_other_names(struct text *text, const struct snapshot *snapshot,
    const struct inspect_task *other, const struct inspect_entry *entry)
{
	const char *space = "";

	SNAPSHOT_EACH(snapshot, ENTRIES, entry, there)
		if (entry->port && there->task == other->id && there->port == entry->port) {
			text_printf(text, "%s0x%x", space, there->name);
			space = " ";
		}
	if (!*space)
		text_puts(text, "-");
}

static int
add_entry_row(const struct portinfo *info, struct table *table, const struct selection *selection,
    const struct inspect_entry *entry)
{
	AUTO_TEXT struct text type = { 0 };
	AUTO_TEXT struct text details = { 0 };
	AUTO_TEXT struct text there = { 0 };
	char name[16], urefs[16] = "-", port[24] = "-";
	const char *cells[6] = { name };
	size_t n = 1;

	snprintf(name, sizeof(name), "0x%x", entry->name);
	rights_put_type(&type, entry->type);
	if (entry->urefs)
		snprintf(urefs, sizeof(urefs), "%u", entry->urefs);
	if (entry->port)
		snprintf(port, sizeof(port), "%" PRIu64, entry->port);
	portinfo_put_details(&details, &info->snapshot, entry);
	if (selection->other) {
		put_other_names(&there, &info->snapshot, selection->other, entry);
		cells[n++] = text_string(&there);
	}
	cells[n++] = text_string(&type);
	cells[n++] = urefs;
	cells[n++] = port;
	cells[n++] = text_string(&details);
	return table_add(table, cells);
}

static int
show_space(struct portinfo *info, const struct selection *selection)
{
	static const char *const heads[] = { "NAME", "RIGHT", "REFS", "PORT", "ABOUT IT" };
	static const char *const both[] = { "NAME", "THERE", "RIGHT", "REFS", "PORT", "ABOUT IT" };
	AUTO_TABLE struct table table = { .n_columns = selection->other ? 6 : 5 };
	int err = table_add(&table, selection->other ? both : heads);

	SNAPSHOT_EACH(&info->snapshot, ENTRIES, entry, entry)
		if (portinfo_is_selected(selection, entry))
			err |= add_entry_row(info, &table, selection, entry);
	if (err)
		return fail(info, NULL, strerror(ENOMEM));
	if (table.n_rows > 1)
		print_table(&table, 1u << (table.n_columns - 1));
	return 0;
}

/* Each name that was given must be one. */
static int
check_names(struct portinfo *info, const struct selection *selection)
{
	for (char *const *word = selection->names; *word; word++) {
		bool found = false;

		SNAPSHOT_EACH(&info->snapshot, ENTRIES, entry, entry)
			found |= entry->task == selection->task->id && is_name(*word, entry->name);
		if (!found)
			return fail(info, *word, "the task has no such name");
	}
	return 0;
}

/* Waits -------------------------------------------------------------------------------- */

static void
put_wait(struct text *text, const struct snapshot *snapshot, const struct waits_edge *edge)
{
	const struct inspect_message *message = snapshot_message(snapshot,
	    edge->kind == WAITS_FOR_ROOM ? edge->wait->message : edge->message);

	switch (edge->kind) {
	case WAITS_FOR_REQUESTS:
		if (edge->wait->port)
			text_printf(text, "messages on port %" PRIu64, edge->wait->port);
		else
			text_printf(text, "messages on set 0x%x", edge->wait->name);
		break;
	case WAITS_FOR_ROOM:
		text_printf(text, "room on port %" PRIu64 ", for ", edge->wait->port);
		rights_put_id(text, message ? message->id : 0);
		break;
	case WAITS_FOR_ANSWER:
		text_printf(text, "an answer on port %" PRIu64, edge->wait->port);
		if (message) {
			text_puts(text, ", to ");
			rights_put_id(text, message->id);
			text_printf(text, ", unread on port %" PRIu64, message->port);
		}
	}
	if (edge->wait->limited)
		text_puts(text, ", for a limited time");
}

static int
add_wait_row(const struct portinfo *info, struct table *table, const struct waits_edge *edge)
{
	const struct snapshot *snapshot = &info->snapshot;
	AUTO_TEXT struct text who = { 0 };
	AUTO_TEXT struct text whom = { 0 };
	AUTO_TEXT struct text what = { 0 };
	const char *cells[3];

	rights_put_task(&who, snapshot_task(snapshot, edge->wait->task));
	if (edge->kind == WAITS_FOR_REQUESTS)
		text_puts(&whom, "anybody");
	else
		rights_put_task(&whom, snapshot_task(snapshot, edge->task));
	put_wait(&what, snapshot, edge);
	cells[0] = text_string(&who);
	cells[1] = text_string(&whom);
	cells[2] = text_string(&what);
	return table_add(table, cells);
}

static void
print_circle(const struct snapshot *snapshot, const uint32_t *ids, size_t n)
{
	AUTO_TEXT struct text text = { 0 };

	text_puts(&text, "deadlock: ");
	for (size_t i = 0; i < n; i++) {
		text_puts(&text, i ? " -> " : "");
		rights_put_task(&text, snapshot_task(snapshot, ids[i]));
	}
	puts(text_string(&text));
}

/* Each circle once, at its lowest task. */
int
portinfo_each_circle(struct portinfo *info, void (*found)(void *, const uint32_t *, size_t),
    void *arg)
{
	size_t room = info->waits.stuck.n_values + 1;
	AUTO_FREE uint32_t *ids = calloc(room, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	SNAPSHOT_EACH(&info->snapshot, TASKS, task, task) {
		size_t n = waits_circle(&info->waits, task->id, ids, room);

		if (n > 0 && ids[0] == task->id) {
			info->status = PORTINFO_WRONG;
			found(arg, ids, n);
		}
	}
	return 0;
}

static void
on_circle(void *arg, const uint32_t *ids, size_t n)
{
	print_circle(arg, ids, n);
}

static int
show_waits(struct portinfo *info)
{
	static const char *const heads[] = { "WHO", "WAITS FOR", "WHAT" };
	AUTO_TABLE struct table table = { .n_columns = ARRAY_SIZE(heads) };
	int err = table_add(&table, heads);

	/* That this very process waits for the snapshot is no news. */
	for (size_t i = 0; i < info->waits.n_edges; i++)
		if (info->waits.edges[i].wait->task != port_task_id())
			err |= add_wait_row(info, &table, &info->waits.edges[i]);
	if (table.n_rows > 1 && !err)
		print_table(&table, 1 << 2);
	if (err || portinfo_each_circle(info, on_circle, &info->snapshot) < 0)
		return fail(info, NULL, strerror(ENOMEM));
	return 0;
}

/* For programs ---------------------------------------------------------------------------- */

static int
print_json(struct portinfo *info, json_t *value)
{
	if (!value)
		return fail(info, NULL, strerror(ENOMEM));
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(value);
	return 0;
}

/* The command ----------------------------------------------------------------------------- */

static int
check(struct portinfo *info)
{
	AUTO_TEXT struct text text = { 0 };

	if (snapshot_check(&info->snapshot, &text))
		printf("%zu ports, %zu names, %zu messages: all adds up\n",
		    snapshot_count(&info->snapshot, INSPECT_PORTS),
		    snapshot_count(&info->snapshot, INSPECT_ENTRIES),
		    snapshot_count(&info->snapshot, INSPECT_MESSAGES));
	else
		info->status = PORTINFO_WRONG;
	fputs(text_string(&text), stdout);
	return 0;
}

static const struct inspect_task *
find_task(struct portinfo *info, const char *word)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TEXT struct text ignored = { 0 };
	AUTO_FREE char *path = NULL;
	const struct inspect_task *task = snapshot_find(&info->snapshot, word, &why);
	int errnum;

	if (!task)
		path = tool_node_path(word, false, &ignored, &errnum);
	if (path)
		task = snapshot_find(&info->snapshot, path, &ignored);
	if (!task)
		fail(info, word, text_string(&why));
	return task;
}

static int
one_port(struct portinfo *info)
{
	AUTO_TEXT struct text why = { 0 };
	const struct inspect_port *port = snapshot_find_port(&info->snapshot, info->port, &why);

	if (!port)
		return fail(info, info->port, text_string(&why));
	if (info->json)
		return print_json(info, portinfo_json_port(info, port));
	portinfo_show_port(info, port);
	return 0;
}

static int
one_task(struct portinfo *info, char *const *words)
{
	struct selection selection = {
		.task = find_task(info, words[0]), .names = words + 1, .types = info->types,
	};

	if (!selection.task)
		return 1;
	if (info->translate) {
		selection.other = find_task(info, info->translate);
		if (!selection.other)
			return 1;
	}
	if (check_names(info, &selection) != 0)
		return 1;
	if (info->json)
		return print_json(info, portinfo_json_space(info, &selection));
	return show_space(info, &selection);
}

static int
show(struct portinfo *info, char *const *words)
{
	if (info->check)
		return check(info);
	if (info->dot) {
		portinfo_draw(info);
		return 0;
	}
	if (info->port)
		return one_port(info);
	if (info->waits_wanted)
		return info->json ? print_json(info, portinfo_json_waits(info)) : show_waits(info);
	if (*words)
		return one_task(info, words);
	return info->json ? print_json(info, portinfo_json_all(info)) : show_tasks(info);
}

/* Without portd there are no ports. */
static int
show_nothing(struct portinfo *info, char *const *words)
{
	if (info->port || *words || info->translate)
		return fail(info, NULL, "portd does not run, so there are no tasks");
	if (info->json)
		puts("[]");
	return 0;
}

static int
run(struct portinfo *info, char *const *words)
{
	AUTO_TEXT struct text why = { 0 };
	int err = tool_connect(TOOL_IF_RUNS, &why);

	if (err == 1)
		return show_nothing(info, words);
	if (err == 0)
		err = snapshot_take(&info->snapshot, &why);
	if (err < 0)
		return fail(info, NULL, text_string(&why));
	if (waits_find(&info->waits, &info->snapshot) < 0)
		return fail(info, NULL, strerror(ENOMEM));
	show(info, words);
	return info->status;
}

static int
parse_option(struct portinfo *info, int c, char *const *argv)
{
	switch (c) {
	case 'p': info->port = optarg; return 0;
	case 't': info->translate = optarg; return 0;
	case 'w': info->waits_wanted = true; return 0;
	case 'r': info->types |= PORT_TYPE(PORT_RIGHT_RECEIVE); return 0;
	case 's': info->types |= PORT_TYPE(PORT_RIGHT_SEND); return 0;
	case 'o': info->types |= PORT_TYPE(PORT_RIGHT_SEND_ONCE); return 0;
	case 'd': info->types |= PORT_TYPE(PORT_RIGHT_DEAD_NAME); return 0;
	case OPTION_SETS: info->types |= PORT_TYPE(PORT_RIGHT_PORT_SET); return 0;
	case OPTION_JSON: info->json = true; return 0;
	case OPTION_DOT: info->dot = true; return 0;
	case OPTION_CHECK: info->check = true; return 0;
	case 'V':
		tool_print_version();
		info->done = true;
		return 0;
	}
	if (c == 'h' || tool_wants_help(c)) {
		fputs(help, stdout);
		info->done = true;
		return 0;
	}
	return tool_bad_option(c, argv);
}

static void
portinfo_deinit(struct portinfo *info)
{
	waits_deinit(&info->waits);
	snapshot_deinit(&info->snapshot);
}

/* Words that would have no meaning. */
static int
check_words(const struct portinfo *info, char *const *words)
{
	int wholes = info->dot + info->check + info->waits_wanted + (info->port != NULL);

	if (wholes > 1 || (wholes == 1 && *words))
		return tool_usage("-p, -w, --dot and --check stand alone");
	if ((info->types || info->translate) && !*words)
		return tool_usage("-t and the kinds of rights need a TASK");
	return 0;
}

int
main(int argc, char **argv)
{
	__attribute__((cleanup(portinfo_deinit))) struct portinfo info = { 0 };
	int c, status = 0;

	tool_init("portinfo");
	while (status == 0 && !info.done &&
	    (c = getopt_long(argc, argv, ":p:t:wrsodV", options, NULL)) != -1)
		status = parse_option(&info, c, argv);
	if (status == 0 && !info.done)
		status = check_words(&info, argv + optind);
	if (status == 0 && !info.done)
		status = run(&info, argv + optind);
	return tool_finish(status);
}
