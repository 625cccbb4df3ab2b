/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpctrace: shows messages, of programs that run already or of one that it starts.
 *
 * portd writes down what it carries and hands it over in answer to a request, which is
 * always under way; nobody who is traced has to do with it. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "port/stubs.h"
#include "tools/record.h"
#include "tools/snapshot.h"
#include "tools/tool.h"
#include "tools/traceout.h"

enum {
	OPTION_JSON = 256,
	OPTION_PORT,
	SHOWN_DEFAULT = 64,
	BODY_DEFAULT = 2048,	/* bytes that portd keeps of each body */
	CALL_TIMEOUT_MS = 30 * 1000,
	LOOK_UP_MS = 100,	/* how soon the end of a process is noticed */
	LAST_MS = 50,		/* what it has done last is there by then */
};

static const char help[] =
"Usage: rpctrace [OPTION...] COMMAND [ARG...]\n"
"       rpctrace [OPTION...] -p PID | --port=PORT | -n NODE | -a\n"
"Show the messages of COMMAND, or of what runs already.\n"
"\n"
"  -p, --pid=PID             those of a process\n"
"      --port=PORT           those to a port, and their answers; PORT: a number, or TASK:NAME\n"
"  -n, --node=NODE           those of a node's translator, and of its successors\n"
"  -a, --all                 all there are\n"
"  -e, --filter=[!]WORD,...  only (!: not) these routines, interfaces (fsys, names, node) or ids\n"
"  -o, --output=FILE         into FILE\n"
"  -s, --size=N              show N bytes of each string; default 64\n"
"  -t, --times               the time of each message\n"
"  -T, --durations           how long each RPC took\n"
"  -v, --verbose             also to whom each message goes, and when it is received\n"
"  -c, --counts              no lines but a table at the end\n"
"      --json                an object a line, for programs\n"
TOOL_HELP_LINES
"\n"
"Exit status: that of COMMAND, 128 + N when signal N ended it; else 0; 1 nothing to trace;\n"
"64 usage; 127 COMMAND cannot be run.\n";

static const struct option options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "node", required_argument, NULL, 'n' },
	{ "all", no_argument, NULL, 'a' },
	{ "filter", required_argument, NULL, 'e' },
	{ "output", required_argument, NULL, 'o' },
	{ "size", required_argument, NULL, 's' },
	{ "times", no_argument, NULL, 't' },
	{ "durations", no_argument, NULL, 'T' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "counts", no_argument, NULL, 'c' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct rpctrace {
	const char *pid, *port, *node, *output;
	bool all, done;
	struct filter filter;
	struct traceout out;

	pid_t child;			/* COMMAND, or 0 */
	int go_fd;			/* closed to let it go */
	bool child_ended;
	int child_status;
	int watched_fd;			/* pidfd of -p, or -1 */
	port_name_t trace, inbox;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* The trace ------------------------------------------------------------------------ */

/* Asks for the next events; the answer comes to the inbox. */
static int
ask(const struct rpctrace *trace)
{
	struct port_message request = {
		.id = ROUTINE_inspect_read,
		.remote = trace->trace,
		.remote_disposition = PORT_COPY_SEND,
		.local = trace->inbox,
		.local_disposition = PORT_MAKE_SEND_ONCE,
	};

	return port_send(&request, PORT_FOREVER);
}

static void
take_events(struct rpctrace *trace, const struct inspect_read_out *read)
{
	const char *at = read->events.data, *end = at + read->events.size;
	AUTO_FREE char *aligned = malloc(read->events.size + 1);
	struct event event;

	/* The blob stands anywhere in the message; records want to be aligned. */
	if (aligned && read->events.size > 0) {
		memcpy(aligned, at, read->events.size);
		at = aligned;
		end = at + read->events.size;
		while (event_next(&at, end, &event))
			traceout_event(&trace->out, &event);
	}
	if (read->lost)
		traceout_lost(&trace->out, read->lost);
	traceout_flush(&trace->out);
}

/* Reads one answer. 0, or a code: portd has gone. */
static int
take(struct rpctrace *trace, struct port_message *message)
{
	struct inspect_read_out read = { 0 };
	int code = wire_get_i32(&message->body);

	wire_get_str(&message->body);
	if (message->id != ROUTINE_inspect_read + RPC_REPLY_OFFSET)
		return PORT_E_RPC_SERVER_DIED;
	if (code != 0)
		return code;
	if (inspect_read_out_get(&message->body, &read) < 0)
		return PORT_E_RPC_TYPE_ERROR;
	take_events(trace, &read);
	return 0;
}

/* Waits so long for events. 0, also when there were none; a code. */
static int
look(struct rpctrace *trace, int timeout_ms, bool *anyp)
{
	struct port_message message;
	int code = port_receive(trace->inbox, &message, timeout_ms);

	*anyp = code == 0;
	if (code == PORT_E_RCV_TIMED_OUT)
		return 0;
	if (code == 0) {
		code = take(trace, &message);
		port_message_destroy(&message);
	}
	return code ? code : ask(trace);
}

static void
collect(struct rpctrace *trace)
{
	int status;

	if (trace->child > 0 && !trace->child_ended &&
	    waitpid(trace->child, &status, WNOHANG) == trace->child) {
		trace->child_ended = true;
		trace->child_status = status;
	}
}

static bool
is_over(struct rpctrace *trace)
{
	collect(trace);
	if (trace->child > 0)
		return trace->child_ended;
	if (interrupted)
		return true;
	return trace->watched_fd >= 0 && sys_pidfd_send_signal(trace->watched_fd, 0) == -ESRCH;
}

/* Until there is nothing more to see. */
static int
follow(struct rpctrace *trace)
{
	bool any;
	int code = ask(trace);

	while (code == 0 && !is_over(trace))
		code = look(trace, LOOK_UP_MS, &any);
	do
		any = code == 0 && look(trace, LAST_MS, &any) == 0 && any;
	while (any && !interrupted);
	if (code == 0)
		return 0;
	tool_error(NULL, "portd does not answer any more: %s", port_error_text(code));
	return 1;
}

/* What to trace ---------------------------------------------------------------------- */

static int
say(const char *where, const struct text *why)
{
	tool_error(where, "%s", why->size ? text_string(why) : strerror(ENOMEM));
	return 1;
}

static int
choose_pid(struct rpctrace *trace, struct inspect_trace_in *in)
{
	AUTO_SNAPSHOT struct snapshot snapshot = { 0 };
	AUTO_TEXT struct text why = { 0 };
	const struct inspect_task *task;

	if (snapshot_take(&snapshot, &why) < 0)
		return say(NULL, &why);
	task = snapshot_find(&snapshot, trace->pid, &why);
	if (!task)
		return say(trace->pid, &why);
	if (task->pid == 0) {
		in->task = task->id;
		return 0;
	}
	in->pid = (uint32_t)task->pid;
	trace->watched_fd = sys_pidfd_open(task->pid);
	return 0;
}

static int
choose_port(struct rpctrace *trace, struct inspect_trace_in *in)
{
	AUTO_SNAPSHOT struct snapshot snapshot = { 0 };
	AUTO_TEXT struct text why = { 0 };
	const struct inspect_port *port;

	if (snapshot_take(&snapshot, &why) < 0)
		return say(NULL, &why);
	port = snapshot_find_port(&snapshot, trace->port, &why);
	if (!port)
		return say(trace->port, &why);
	in->port = port->number;
	return 0;
}

/* *pathp must last as long as *in. */
static int
choose_node(struct rpctrace *trace, struct inspect_trace_in *in, char **pathp)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int err, errnum;

	*pathp = tool_node_path(trace->node, false, &why, &errnum);
	if (!*pathp)
		return say(trace->node, &why);
	err = record_get(&record, *pathp, &why);
	if (err == -ENOENT)
		text_puts(&why, "has no translator");
	if (err != 0)
		return say(trace->node, &why);
	in->node = *pathp;
	return 0;
}

static int
choose(struct rpctrace *trace, struct inspect_trace_in *in, char **pathp)
{
	if (trace->pid)
		return choose_pid(trace, in);
	if (trace->port)
		return choose_port(trace, in);
	if (trace->node)
		return choose_node(trace, in, pathp);
	if (trace->child > 0) {
		in->pid = (uint32_t)trace->child;
		in->flags = INSPECT_TRACE_FOLLOW;
	}
	return 0;
}

static int
begin(struct rpctrace *trace)
{
	struct inspect_trace_in in = { .node = "", .bytes = BODY_DEFAULT };
	struct inspect_trace_out out = { 0 };
	AUTO_FREE char *path = NULL;
	struct port_reply reply;
	int err = choose(trace, &in, &path);

	if (err)
		return err;
	if (trace->out.shown > BODY_DEFAULT / 2)
		in.bytes = INSPECT_TRACE_BYTES_MAX;
	err = inspect_trace_call(port_bootstrap(), &in, &out, &reply, CALL_TIMEOUT_MS);
	if (err != 0) {
		AUTO_TEXT struct text why = { 0 };

		tool_rpc_text(&why, err, reply.text, NULL);
		say(NULL, &why);
	}
	trace->trace = out.trace.name;
	port_reply_deinit(&reply);
	if (err == 0)
		err = port_allocate(PORT_RIGHT_RECEIVE, &trace->inbox);
	return err ? 1 : 0;
}

/* COMMAND ---------------------------------------------------------------------------- */

static int
fail_errno(const char *where)
{
	tool_error(where, "%s", strerror(errno));
	return 1;
}

static void
run_child(int go_fd, char *const *words)
{
	char byte;
	ssize_t n = read(go_fd, &byte, 1);	/* until the other end is closed */

	if (n == 0)
		execvp(words[0], words);
	tool_error(words[0], "%s", strerror(n == 0 ? errno : ECANCELED));
	_exit(127);
}

/* It waits until it is traced. */
static int
start_child(struct rpctrace *trace, char *const *words)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(NULL);
	trace->child = fork();
	if (trace->child == 0) {
		close(fds[1]);
		run_child(fds[0], words);
	}
	close(fds[0]);
	trace->go_fd = fds[1];
	if (trace->child < 0)
		return fail_errno(words[0]);
	/* What a terminal says is for COMMAND. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	return 0;
}

static int
end_child(struct rpctrace *trace, int status)
{
	if (trace->child <= 0)
		return status;
	fd_close(&trace->go_fd);
	if (!trace->child_ended)
		waitpid(trace->child, &trace->child_status, 0);
	if (status)
		return status;
	if (WIFSIGNALED(trace->child_status))
		return 128 + WTERMSIG(trace->child_status);
	return WEXITSTATUS(trace->child_status);
}

/* The command -------------------------------------------------------------------------- */

static int
open_output(struct rpctrace *trace)
{
	trace->out.filter = &trace->filter;
	trace->out.file = trace->child > 0 ? stderr : stdout;
	if (!trace->output)
		return 0;
	trace->out.file = fopen(trace->output, "we");
	return trace->out.file ? 0 : fail_errno(trace->output);
}

static int
close_output(struct rpctrace *trace, int status)
{
	traceout_end(&trace->out);
	if (trace->output && fclose(trace->out.file) != 0) {
		tool_error(trace->output, "%s", strerror(errno));
		return status ? status : 1;
	}
	return status;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int
trace_it(struct rpctrace *trace)
{
	int status = begin(trace);

	if (status)
		return status;
	if (trace->child > 0)
		fd_close(&trace->go_fd);
	else if (isatty(STDERR_FILENO) || trace->output)
		fprintf(stderr, "%s: listening\n", tool_name());
	return follow(trace);
}

static int
run(struct rpctrace *trace, char *const *words)
{
	AUTO_TEXT struct text why = { 0 };
	int status, err = tool_connect(*words || trace->node ? TOOL_START : TOOL_IF_RUNS, &why);

	if (err == 1)
		text_puts(&why, "portd does not run, so there are no messages");
	if (err != 0)
		return say(NULL, &why);
	catch_signals();
	status = *words ? start_child(trace, words) : 0;
	if (status == 0)
		status = open_output(trace);
	if (status == 0)
		status = close_output(trace, trace_it(trace));
	return end_child(trace, status);
}

static int
parse_size(struct rpctrace *trace, const char *word)
{
	char *end;
	unsigned long size = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || size > INSPECT_TRACE_BYTES_MAX)
		return tool_usage("-s needs a number, %d at most", INSPECT_TRACE_BYTES_MAX);
	trace->out.shown = size;
	return 0;
}

static int
parse_filter(struct rpctrace *trace, const char *expression)
{
	const char *bad = "";
	int err = filter_add(&trace->filter, expression, &bad);

	if (err == -EINVAL)
		return tool_usage("-e %.*s: no routine, interface or number",
		    (int)strcspn(bad, ","), bad);
	return err ? 1 : 0;
}

static int
parse_option(struct rpctrace *trace, int c, char *const *argv)
{
	switch (c) {
	case 'p': trace->pid = optarg; return 0;
	case OPTION_PORT: trace->port = optarg; return 0;
	case 'n': trace->node = optarg; return 0;
	case 'a': trace->all = true; return 0;
	case 'e': return parse_filter(trace, optarg);
	case 'o': trace->output = optarg; return 0;
	case 's': return parse_size(trace, optarg);
	case 't': trace->out.times = true; return 0;
	case 'T': trace->out.durations = true; return 0;
	case 'v': trace->out.verbose = true; return 0;
	case 'c': trace->out.counts = true; return 0;
	case OPTION_JSON: trace->out.json = true; return 0;
	case 'V':
		tool_print_version();
		trace->done = true;
		return 0;
	}
	if (c == 'h' || tool_wants_help(c)) {
		fputs(help, stdout);
		trace->done = true;
		return 0;
	}
	return tool_bad_option(c, argv);
}

static int
check_words(const struct rpctrace *trace, char *const *words)
{
	int n = (trace->pid != NULL) + (trace->port != NULL) + (trace->node != NULL) + trace->all +
	    (*words != NULL);

	if (n == 0)
		return tool_usage("give a COMMAND, -p, --port, -n or -a");
	if (n > 1)
		return tool_usage("a COMMAND, -p, --port, -n and -a stand alone");
	return 0;
}

int
main(int argc, char **argv)
{
	struct rpctrace trace = {
		.out = { .shown = SHOWN_DEFAULT }, .go_fd = -1, .watched_fd = -1,
	};
	int c, status = 0;

	tool_init("rpctrace");
	while (status == 0 && !trace.done &&
	    (c = getopt_long(argc, argv, "+:p:n:ae:o:s:tTvcV", options, NULL)) != -1)
		status = parse_option(&trace, c, argv);
	if (status == 0 && !trace.done)
		status = check_words(&trace, argv + optind);
	if (status == 0 && !trace.done)
		status = run(&trace, argv + optind);
	fd_close(&trace.watched_fd);
	filter_deinit(&trace.filter);
	return tool_finish(status);
}
