/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird: one friendly front. Each word is one function; the table at the bottom
 * lists them. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "port/stubs.h"
#include "tools/doctor.h"
#include "tools/opener.h"
#include "tools/policy.h"
#include "tools/record.h"
#include "tools/rpc.h"
#include "tools/service.h"
#include "tools/setting.h"
#include "tools/tool.h"
#include "tools/words.h"
#include "wire/runtime.h"

enum {
	ASK_TIMEOUT_MS = 30 * 1000,
	REPLACE_TIMEOUT_MS = 60 * 1000,
	STOP_WAIT_MS = 60 * 1000,	/* translators are asked to leave and may write back */
	OPTION_JSON = 256,
};

static const char help[] =
"Usage: hird WORD [ARG...]\n"
"\n"
"  open FILE...              show the inside of an archive as a directory; print its path\n"
"  close [-f] NODE...        take the translator away, and the directory that open made\n"
"  ls [-v] [--json] [NODE...]  list your nodes (lstrans)\n"
"  log [-f] [-n LINES] NODE  what the translator of NODE has said\n"
"  rpc NODE [ROUTINE ARG...]  what the port of a node answers, or call it\n"
"  service [add|remove ...]  names for ports, and the programs behind them\n"
"  policy [--reload|--test PID|NAME]  who may start a translator by looking\n"
"  doctor [--json]           what is in the way on this machine, and what to do\n"
"  start                     start portd and arm the settings\n"
"  stop                      end portd; the settings stay\n"
"  replace [PROGRAM]         put the installed hird-portd in place of the one that runs\n"
"  version                   the version\n"
"  help [TRANSLATOR]         this text, or that of a translator\n"
"\n"
"settrans(1), showtrans(1), fsysopts(1) and lstrans(1) do the same in detail.\n";

static int
say(const char *where, const struct text *why)
{
	tool_error(where, "%s", why->size ? text_string(why) : strerror(ENOMEM));
	return 1;
}

/* Options of a word that has -f, or --json, or none: set in *flagp. `c` is the
 * option that it has. Returns 0, -1 when help was printed, or TOOL_USAGE. */
static int
parse_flag(int argc, char **argv, const char *letters, int c, bool *flagp)
{
	const struct option options[] = {
		{ c == 'f' ? "force" : "json", no_argument, NULL, c == 'f' ? 'f' : OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = getopt_long(argc, argv, letters, c ? options : options + 1, NULL)) != -1) {
		if (got == 'h' || tool_wants_help(got)) {
			fputs(help, stdout);
			return -1;
		}
		if (got == '?' || got == ':')
			return tool_bad_option(got, argv);
		*flagp = true;
	}
	return 0;
}

static int
word_open(int argc, char **argv)
{
	bool none;
	int status = parse_flag(argc, argv, ":", 0, &none);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (optind >= argc)
		return tool_usage("open needs a FILE");
	for (; optind < argc; optind++) {
		int one = opener_open(argv[optind]);

		status = status ? status : one;
	}
	return status;
}

/* Removes the directory when open made it: it lies where open puts them, and
 * is empty, else rmdir refuses. */
static void
remove_opened(const char *path)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = opener_dir(false, &why);
	size_t n = dir ? strlen(dir) : 0;

	if (dir && strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/'))
		rmdir(path);
}

static int
close_one(const char *node, bool force)
{
	AUTO_SETTING struct setting setting = {
		.flags = NODE_SET_PASSIVE | NODE_SET_ACTIVE | NODE_SET_GOAWAY,
		.goaway = force ? FSYS_GOAWAY_FORCE : 0,
		.timeout_ms = ASK_TIMEOUT_MS,
	};
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = NULL;
	int err, errnum;

	path = tool_node_path(node, false, &why, &errnum);
	if (!path)
		return say(node, &why);
	err = tool_connect(TOOL_IF_SET, &why);
	if (err == 0)
		err = record_get(&record, path, &why);
	if (err == 1 || err == -ENOENT) {
		tool_error(node, "is no node of yours; hird ls lists them");
		return 1;
	}
	setting.path = path;
	if (err != 0)
		return say(node, &why);
	err = setting_apply(&setting, &why);
	if (err != 0) {
		say(node, &why);
		return err;
	}
	remove_opened(path);
	return 0;
}

static int
word_close(int argc, char **argv)
{
	bool force = false;
	int status = parse_flag(argc, argv, ":f", 'f', &force);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (optind >= argc)
		return tool_usage("close needs a NODE");
	for (; optind < argc; optind++) {
		int one = close_one(argv[optind], force);

		status = status ? status : one;
	}
	return status;
}

/* lstrans stands beside this program, installed or in a build tree. */
static int
word_ls(int argc, char **argv)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("lstrans"));
	char *slash;

	(void)argc;
	path[n < 0 ? 0 : n] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, "lstrans");
		argv[0] = slash + 1;
		execv(path, argv);
	}
	tool_error(NULL, "cannot run %s: %s; install hird anew", path, strerror(errno));
	return 1;
}

/* What `hird log` is asked for. */
struct log_order {
	bool follow;
	bool lines_known;
	unsigned lines;		/* at most so many of what there is */
};

static int
show_lines(const char *node, const struct log_order *order, const char *path)
{
	AUTO_TEXT struct text text = { 0 };
	int fd = -1, err = words_last(path, order->lines, &text, &fd);

	if (err == -ENOENT && !order->follow) {
		tool_error(node, "its translator has said nothing yet");
		return 0;
	}
	fputs(text_string(&text), stdout);
	if (order->follow && (err == 0 || err == -ENOENT))
		err = words_follow(fd_steal(&fd), path);
	fd_close(&fd);
	return err;
}

static int
show_log(const char *node, const struct log_order *order, const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 && errno != ENOENT)
		err = -errno;
	else if (order->lines_known)
		err = show_lines(node, order, path);
	else if (fd < 0 && !order->follow)
		tool_error(node, "its translator has said nothing yet");
	else if (order->follow)
		err = words_follow(fd_steal(&fd), path);
	else
		err = words_copy(fd);
	if (err < 0)
		tool_error(path, "%s", strerror(-err));
	return err < 0 ? 1 : 0;
}

static int
parse_lines(const char *word, struct log_order *order)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || n > INT_MAX)
		return tool_usage("-n wants a number of lines, not '%s'", word);
	order->lines = (unsigned)n;
	order->lines_known = true;
	return 0;
}

/* As parse_flag. */
static int
parse_log(int argc, char **argv, struct log_order *order)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "lines", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, status = 0;

	while (status == 0 && (c = getopt_long(argc, argv, ":fn:", options, NULL)) != -1) {
		if (c == 'h' || tool_wants_help(c)) {
			fputs(help, stdout);
			return -1;
		}
		if (c == 'f')
			order->follow = true;
		else if (c == 'n')
			status = parse_lines(optarg, order);
		else
			status = tool_bad_option(c, argv);
	}
	return status;
}

static int
word_log(int argc, char **argv)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = NULL;
	struct log_order order = { 0 };
	int err, errnum, status = parse_log(argc, argv, &order);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (optind + 1 != argc)
		return tool_usage("log takes one NODE");
	path = tool_node_path(argv[optind], false, &why, &errnum);
	if (!path)
		return say(argv[optind], &why);
	err = tool_connect(TOOL_IF_SET, &why);
	if (err == 0)
		err = record_get(&record, path, &why);
	if (err == 1 || err == -ENOENT) {
		tool_error(argv[optind], "is no node of yours; hird ls lists them");
		return 1;
	}
	if (err != 0)
		return say(argv[optind], &why);
	return show_log(argv[optind], &order, record.node.log_path);
}

static int
word_doctor(int argc, char **argv)
{
	bool json = false;
	int status = parse_flag(argc, argv, ":", OPTION_JSON, &json);

	if (status != 0)
		return status < 0 ? 0 : status;
	return optind < argc ? tool_usage("doctor takes no argument") : doctor_run(json);
}

static int
no_arguments(int argc, char **argv)
{
	bool none;
	int status = parse_flag(argc, argv, ":", 0, &none);

	if (status == 0 && optind < argc)
		return tool_usage("%s takes no argument", argv[0]);
	return status;
}

static int
word_start(int argc, char **argv)
{
	const struct keeper_info_in in = { 0 };
	struct keeper_info_out info;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int code, status = no_arguments(argc, argv);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (tool_connect(TOOL_START, &why) < 0)
		return say(NULL, &why);
	code = keeper_info_call(port_bootstrap(), &in, &info, &reply, ASK_TIMEOUT_MS);
	if (code == 0) {
		printf("portd %s runs, pid %u, %u nodes\n", info.version, info.pid, info.nodes);
	} else {
		tool_rpc_text(&why, code, reply.text, NULL);
		say(NULL, &why);
	}
	port_reply_deinit(&reply);
	return code == 0 ? 0 : 1;
}

/* Asks portd to end; by signal when it does not speak with us. */
static int
ask_to_stop(int pid)
{
	const struct keeper_stop_in in = { 0 };
	struct keeper_stop_out out;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int code = tool_connect(TOOL_IF_RUNS, &why);

	if (code == 0) {
		code = keeper_stop_call(port_bootstrap(), &in, &out, &reply, ASK_TIMEOUT_MS);
		port_reply_deinit(&reply);
	}
	if (code == 0 || kill(pid, SIGTERM) == 0)
		return 0;
	tool_error(NULL, "portd (pid %d) cannot be ended: %s", pid, strerror(errno));
	return 1;
}

static int
word_stop(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000000L };
	int64_t end = sys_now_ms() + STOP_WAIT_MS;
	int pid, status = no_arguments(argc, argv);

	if (status != 0)
		return status < 0 ? 0 : status;
	pid = tool_portd_pid();
	if (!pid) {
		puts("portd does not run");
		return 0;
	}
	if (ask_to_stop(pid) != 0)
		return 1;
	while (tool_portd_pid() == pid && sys_now_ms() < end)
		nanosleep(&pause, NULL);
	if (tool_portd_pid() != pid)
		return 0;
	tool_error(NULL, "portd (pid %d) has not ended within %d s; kill it to be rid of it",
	    pid, STOP_WAIT_MS / 1000);
	return 1;
}

/* Lets another hird-portd take the place of the one that runs. */
static int
word_replace(int argc, char **argv)
{
	struct keeper_replace_in in = { .program = "" };
	struct keeper_replace_out out;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *program = NULL;
	bool none;
	int code, status = parse_flag(argc, argv, ":", 0, &none);

	if (status != 0)
		return status < 0 ? 0 : status;
	if (optind + 1 < argc)
		return tool_usage("replace takes one PROGRAM at most");
	if (optind < argc) {
		in.program = program = realpath(argv[optind], NULL);
		if (!program) {
			tool_error(argv[optind], "%s", strerror(errno));
			return 1;
		}
	}
	code = tool_connect(TOOL_IF_RUNS, &why);
	if (code == 1) {
		puts("portd does not run");
		return 0;
	}
	if (code < 0)
		return say(NULL, &why);
	code = keeper_replace_call(port_bootstrap(), &in, &out, &reply, REPLACE_TIMEOUT_MS);
	if (code == 0) {
		printf("portd %s runs now\n", out.version);
	} else {
		tool_rpc_text(&why, code, reply.text, NULL);
		say(NULL, &why);
	}
	port_reply_deinit(&reply);
	return code == 0 ? 0 : 1;
}

static int
word_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	tool_print_version();
	return 0;
}

/* Translators are not found by PATH; this is how a person asks one. */
static int
help_of(const char *translator)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *program = runtime_translator(translator, &why);

	if (!program)
		return say(NULL, &why);
	execl(program, translator, "--help", (char *)NULL);
	tool_error(program, "%s", strerror(errno));
	return 1;
}

static int
word_help(int argc, char **argv)
{
	if (argc > 1)
		return help_of(argv[1]);
	fputs(help, stdout);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} words[] = {
	{ "open", word_open },
	{ "close", word_close },
	{ "ls", word_ls },
	{ "log", word_log },
	{ "rpc", rpc_word },
	{ "service", service_word },
	{ "policy", policy_word },
	{ "doctor", word_doctor },
	{ "start", word_start },
	{ "stop", word_stop },
	{ "replace", word_replace },
	{ "version", word_version },
	{ "--version", word_version },
	{ "-V", word_version },
	{ "help", word_help },
	{ "--help", word_help },
	{ "-?", word_help },
};

static int
run(int argc, char **argv)
{
	AUTO_TEXT struct text safe = { 0 };

	if (argc < 2)
		return tool_usage("name a word");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(argv[1], words[i].name) == 0)
			return words[i].run(argc - 1, argv + 1);
	text_safe(&safe, argv[1]);
	return tool_usage("%s is no word of mine", text_string(&safe));
}

int
main(int argc, char **argv)
{
	tool_init("hird");
	return tool_finish(run(argc, argv));
}
