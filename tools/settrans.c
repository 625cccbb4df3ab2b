/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settrans: sets the translator of a node, or takes it away. The command line,
 * the meanings and the exit statuses are the GNU Hurd's. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "base/sys.h"
#include "port/stubs.h"
#include "tools/renew.h"
#include "tools/setting.h"
#include "tools/tool.h"

enum {
	OPTION_STACK = 256,
	OPTION_CHROOT_CHDIR,
	OPTION_GRANT,
	OPTION_SHARE,
	OPTION_IDLE,
	OPTION_DEADLINE,
	OPTION_ABORT,
	OPTION_RESTART,
	OPTION_ALL,
	OPTION_OUTDATED,
	DEFAULT_TIMEOUT_MS = 60 * 1000,
	RESUME_TIMEOUT_MS = 120 * 1000,
};

static const char help[] =
"Usage: settrans [OPTION...] NODE [TRANSLATOR ARG...]\n"
"       settrans --abort NODE...\n"
"       settrans --restart NODE... | --restart --all | --restart --outdated\n"
"Set the translator of NODE; without TRANSLATOR, remove it.\n"
"\n"
"  -p, --passive             write the setting: started when somebody looks (default)\n"
"  -a, --active              start TRANSLATOR now; the setting stays as it is\n"
"  -s, --start               start what the setting says\n"
"  -c, --create              make NODE if it is not there\n"
"  -U, --underlying=NODE2    what the translator finds below it, instead of NODE\n"
"      --share=root|other    let root in, or everybody whom the modes let\n"
"  -x, --exclusive           fail if a translator is there\n"
"  -g, --goaway              ask what runs to leave (-a always does)\n"
"  -k, --keep-active         change the setting, leave what runs\n"
"  -o, --orphan              detach what runs without asking it\n"
"  -f, --force               with -g or -a: leave although in use\n"
"  -R, --recursive           with -g or -a: the nodes inside first\n"
"  -S, --nosync              with -g or -a: write nothing back\n"
"  -t, --timeout=SEC         limit for the start, default 60; 0: none\n"
"      --idle=SEC            it leaves when it has had nothing to do for so long; 0: never\n"
"      --deadline=SEC        it is started anew when it has been stuck for so long; 0: never\n"
"  -F, --pid-file=FILE       with -a: write the new process's pid there\n"
"      --grant=WHAT[,WHAT]   let TRANSLATOR use what it asks for: network, exec\n"
"  -P, --pause               with -a: wait for a line on stdin before it serves\n"
"      --restart             let a successor take over from what runs; nobody notices\n"
"      --abort               free everybody who waits on NODE, with an error\n"
TOOL_HELP_LINES
"\n"
"Everything after TRANSLATOR belongs to it.\n"
"Exit status: 0; 1 NODE; 3 memory; 4 start; 5 refused; 64 usage.\n";

static const struct option options[] = {
	{ "passive", no_argument, NULL, 'p' },
	{ "active", no_argument, NULL, 'a' },
	{ "start", no_argument, NULL, 's' },
	{ "create", no_argument, NULL, 'c' },
	{ "dereference", no_argument, NULL, 'L' },
	{ "stack", no_argument, NULL, OPTION_STACK },
	{ "underlying", required_argument, NULL, 'U' },
	{ "share", required_argument, NULL, OPTION_SHARE },
	{ "pid-file", required_argument, NULL, 'F' },
	{ "pause", no_argument, NULL, 'P' },
	{ "timeout", required_argument, NULL, 't' },
	{ "exclusive", no_argument, NULL, 'x' },
	{ "orphan", no_argument, NULL, 'o' },
	{ "goaway", no_argument, NULL, 'g' },
	{ "keep-active", no_argument, NULL, 'k' },
	{ "recursive", no_argument, NULL, 'R' },
	{ "force", no_argument, NULL, 'f' },
	{ "nosync", no_argument, NULL, 'S' },
	{ "chroot", no_argument, NULL, 'C' },
	{ "chroot-chdir", required_argument, NULL, OPTION_CHROOT_CHDIR },
	{ "grant", required_argument, NULL, OPTION_GRANT },
	{ "help", no_argument, NULL, 'h' },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "abort", no_argument, NULL, OPTION_ABORT },
	{ "restart", no_argument, NULL, OPTION_RESTART },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "outdated", no_argument, NULL, OPTION_OUTDATED },
	{ "usage", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct command {
	struct setting setting;
	const char *node;	/* as typed */
	const char *underlying;	/* as typed, or NULL */
	const char *pid_file;	/* or NULL */
	char *const *words;	/* TRANSLATOR ARG..., empty: none */
	bool abort, restart;	/* instead of setting anything */
	bool all, outdated;	/* with restart, instead of nodes */
	bool done;		/* --help or --version */
};

static const struct {
	int option;
	uint32_t flags;
	uint32_t goaway;
} meanings[] = {
	{ 'p', NODE_SET_PASSIVE, 0 },
	{ 'a', NODE_SET_ACTIVE, 0 },
	{ 's', NODE_SET_ACTIVE | NODE_SET_STORED, 0 },
	{ 'x', NODE_SET_EXCLUSIVE, 0 },
	{ 'o', NODE_SET_ORPHAN, 0 },
	{ 'g', NODE_SET_GOAWAY, 0 },
	{ 'k', NODE_SET_KEEP_ACTIVE, 0 },
	{ 'P', NODE_SET_PAUSE, 0 },
	{ 'R', 0, FSYS_GOAWAY_RECURSE },
	{ 'f', 0, FSYS_GOAWAY_FORCE },
	{ 'S', 0, FSYS_GOAWAY_NOSYNC },
};

static bool
apply_meaning(struct setting *setting, int option)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].option != option)
			continue;
		setting->flags |= meanings[i].flags;
		setting->goaway |= meanings[i].goaway;
		return true;
	}
	return false;
}

static int
parse_seconds(const char *option, const char *word, uint32_t *msp)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end || !(seconds >= 0) || seconds > INT_MAX / 2000.0)
		return tool_usage("--%s wants seconds, fractions allowed, not '%s'", option, word);
	*msp = (uint32_t)(seconds * 1000 + 0.999);
	return 0;
}

static int
parse_share(const char *word, uint32_t *sharep)
{
	if (strcmp(word, "root") == 0)
		*sharep = NODE_SHARE_ROOT;
	else if (strcmp(word, "other") == 0)
		*sharep = NODE_SHARE_OTHER;
	else
		return tool_usage("--share wants root or other, not '%s'", word);
	return 0;
}

static int
parse_time(const char *option, const char *word, uint32_t *msp)
{
	uint32_t ms = 0;
	int status = parse_seconds(option, word, &ms);

	if (status == 0)
		*msp = ms == 0 ? NODE_TIME_NEVER : ms;
	return status;
}

static int
not_yet(int option)
{
	static const struct {
		int option;
		const char *name;
	} names[] = {
		{ 'L', "--dereference" },
		{ 'C', "--chroot" },
		{ OPTION_STACK, "--stack" },
		{ OPTION_CHROOT_CHDIR, "--chroot-chdir" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].option == option)
			return tool_usage("%s is not there yet", names[i].name);
	return 0;
}

static int
parse_grant(struct setting *setting)
{
	AUTO_TEXT struct text why = { 0 };

	if (confine_parse_grants(optarg, &setting->grants, &why) == 0)
		return 0;
	return tool_usage("--grant: %s", text_string(&why));
}

static int
parse_option(struct command *command, int c, char *const *argv)
{
	if (apply_meaning(&command->setting, c))
		return 0;
	if (c == 'h' || tool_wants_help(c)) {
		fputs(help, stdout);
		command->done = true;
		return 0;
	}
	switch (c) {
	case 'V':
		tool_print_version();
		command->done = true;
		return 0;
	case 'c':
		command->setting.create = true;
		return 0;
	case 't':
		return parse_seconds("timeout", optarg, &command->setting.timeout_ms);
	case OPTION_SHARE:
		return parse_share(optarg, &command->setting.share);
	case OPTION_IDLE:
		return parse_time("idle", optarg, &command->setting.idle_ms);
	case OPTION_DEADLINE:
		return parse_time("deadline", optarg, &command->setting.deadline_ms);
	case OPTION_ABORT:
		command->abort = true;
		return 0;
	case OPTION_RESTART:
		command->restart = true;
		return 0;
	case OPTION_ALL:
		command->all = true;
		return 0;
	case OPTION_OUTDATED:
		command->outdated = true;
		return 0;
	case 'U':
		command->underlying = optarg;
		return 0;
	case OPTION_GRANT:
		return parse_grant(&command->setting);
	case 'F':
		command->pid_file = optarg;
		return 0;
	case '?':
	case ':':
		return tool_bad_option(c, argv);
	}
	return not_yet(c);
}

/* What cannot be meant together. */
static int
check(const struct command *command)
{
	uint32_t flags = command->setting.flags;
	bool starts = (flags & NODE_SET_STORED) || (*command->words && (flags & NODE_SET_ACTIVE));

	if ((flags & NODE_SET_STORED) && *command->words)
		return tool_usage("--start takes the translator from the setting; "
		    "name none after NODE, or use --active");
	if ((flags & NODE_SET_GOAWAY) && (flags & NODE_SET_KEEP_ACTIVE))
		return tool_usage("--goaway and --keep-active contradict each other");
	if ((flags & NODE_SET_PAUSE) && !starts)
		return tool_usage("--pause is for a translator that is started now; add --active");
	if (command->pid_file && !starts)
		return tool_usage("--pid-file is for a translator that is started now; add --active");
	if (command->setting.grants && !*command->words)
		return tool_usage("--grant is for a translator; name one after NODE");
	if (command->underlying && !*command->words)
		return tool_usage("--underlying is for a translator; name one after NODE");
	if (command->setting.share && !*command->words)
		return tool_usage("--share is for a translator; name one after NODE");
	if ((command->setting.idle_ms || command->setting.deadline_ms) && !*command->words)
		return tool_usage("--idle and --deadline are for a translator; name one after NODE");
	return 0;
}

/* --restart and --abort stand alone. */
static int
check_renewal(const struct command *command, bool names_nodes)
{
	const struct setting *setting = &command->setting;
	bool lists = command->all || command->outdated;

	if (setting->flags || setting->goaway || setting->create || setting->idle_ms ||
	    setting->deadline_ms || command->underlying || command->pid_file ||
	    (command->abort && (command->restart || lists)) || (command->all && command->outdated))
		return tool_usage("--%s goes with no other option", command->abort ? "abort" : "restart");
	if (!command->abort && !command->restart)
		return tool_usage("--all and --outdated go with --restart");
	if (lists && names_nodes)
		return tool_usage("--all and --outdated find the nodes themselves");
	return lists || names_nodes ? 0 : tool_usage("name a NODE");
}

static bool
is_renewal(const struct command *command)
{
	return command->abort || command->restart || command->all || command->outdated;
}

static int
parse(struct command *command, int argc, char **argv)
{
	struct setting *setting = &command->setting;
	int c, status = 0;

	setting->timeout_ms = DEFAULT_TIMEOUT_MS;
	while (status == 0 && !command->done &&
	    (c = getopt_long(argc, argv, "+:pascLU:F:Pt:xogkRfSCV", options, NULL)) != -1)
		status = parse_option(command, c, argv);
	if (status != 0 || command->done)
		return status;
	command->words = argv + optind;
	if (is_renewal(command))
		return check_renewal(command, optind < argc);
	if (optind >= argc)
		return tool_usage("name a NODE");
	command->node = argv[optind];
	command->words = argv + optind + 1;
	if (!(setting->flags & NODE_SET_ACTIVE))
		setting->flags |= NODE_SET_PASSIVE;
	return check(command);
}

/* The pid file, made beside its place under another name before anything is
 * started: what cannot be written shall not be found out afterwards. */
struct pid_file {
	const char *name;
	char *draft;
	int fd;
};

static void
pid_file_deinit(struct pid_file *file)
{
	if (file->fd >= 0 && file->draft)
		unlink(file->draft);
	fd_close(&file->fd);
	free(file->draft);
}

#define AUTO_PID_FILE __attribute__((cleanup(pid_file_deinit)))

static int
pid_file_open(struct pid_file *file)
{
	if (!file->name)
		return 0;
	if (asprintf(&file->draft, "%s.%d", file->name, (int)getpid()) < 0) {
		file->draft = NULL;
		return TOOL_MEMORY;
	}
	file->fd = open(file->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (file->fd >= 0)
		return 0;
	tool_error(file->name, "cannot write the pid here: %s", strerror(errno));
	return SETTING_NODE;
}

static int
pid_file_write(struct pid_file *file, uint32_t pid)
{
	char line[32];
	int err, n = snprintf(line, sizeof(line), "%u\n", pid);

	if (!file->name)
		return 0;
	err = sys_write_all(file->fd, line, (size_t)n);
	if (err == 0 && rename(file->draft, file->name) < 0)
		err = -errno;
	if (err < 0) {
		tool_error(file->name, "translator %u runs, but its pid cannot be written: %s",
		    pid, strerror(-err));
		return SETTING_NODE;
	}
	fd_close(&file->fd);
	return 0;
}

/* Lets the translator serve after a person pressed return. */
static int
pause_and_resume(const struct setting *setting, const char *node)
{
	AUTO_TEXT struct text why = { 0 };
	const struct node_resume_in in = { .path = setting->path };
	struct node_resume_out out;
	struct port_reply reply = { 0 };
	int c, code;

	fprintf(stderr, "Translator pid: %u\nPausing...\n", setting->pid);
	while ((c = getchar()) != '\n' && c != EOF)
		;
	code = node_resume_call(port_bootstrap(), &in, &out, &reply, RESUME_TIMEOUT_MS);
	if (code != 0) {
		tool_rpc_text(&why, code, reply.text, setting->path);
		tool_error(node, "%s", text_string(&why));
	}
	port_reply_deinit(&reply);
	return code == 0 ? 0 : SETTING_START;
}

static int
fail(const struct command *command, int status, const struct text *why)
{
	tool_error(command->node, "%s", why->size ? text_string(why) : strerror(ENOMEM));
	return status;
}

static int
run(struct command *command, struct pid_file *file)
{
	struct setting *setting = &command->setting;
	AUTO_TEXT struct text why = { 0 };
	int status;

	if (*command->words) {
		status = setting_describe(setting, command->words, &why);
		if (status != 0)
			return fail(command, status, &why);
	}
	status = pid_file_open(file);
	if (status != 0)
		return status;
	status = setting_apply(setting, &why);
	if (status != 0)
		return fail(command, status, &why);
	if (setting->pid)
		status = pid_file_write(file, setting->pid);
	if (setting->flags & NODE_SET_PAUSE) {
		int resumed = pause_and_resume(setting, command->node);

		status = status ? status : resumed;
	}
	return status;
}

/* The canonical paths of NODE and NODE2. */
static int
resolve(struct command *command, char **pathp, char **underlyingp)
{
	bool starts = *command->words && (command->setting.flags & NODE_SET_ACTIVE);
	AUTO_TEXT struct text why = { 0 };
	int errnum = 0;

	*pathp = tool_node_path(command->node, false, &why, &errnum);
	if (*pathp && command->underlying)
		*underlyingp = tool_node_path(command->underlying, false, &why, &errnum);
	command->setting.path = *pathp;
	command->setting.underlying = *underlyingp;
	if (*pathp && (*underlyingp || !command->underlying))
		return 0;
	tool_error(*pathp ? command->underlying : command->node, "%s", text_string(&why));
	return errnum == ENOMEM ? TOOL_MEMORY : starts ? SETTING_START : SETTING_NODE;
}

static int
renew_one(const struct command *command, const char *node)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = NULL;
	int errnum = 0, status = SETTING_NODE;

	path = tool_node_path(node, false, &why, &errnum);
	if (path)
		status = command->abort ? renew_abort(path, &why) : renew_restart(path, &why);
	if (status != 0)
		tool_error(node, "%s", text_string(&why));
	return status;
}

/* Words are nodes here. */
static int
renew(const struct command *command)
{
	AUTO_TEXT struct text why = { 0 };
	int err = tool_connect(TOOL_IF_SET, &why), status = 0;

	if (err == 1 && (command->all || command->outdated))
		return 0;
	if (err == 1) {
		tool_error(*command->words, "no translator is set there");
		return SETTING_NODE;
	}
	if (err == 0 && (command->all || command->outdated))
		status = renew_restart_all(command->outdated, &why);
	else if (err < 0)
		status = SETTING_REFUSED;
	if (why.size)
		tool_error(NULL, "%s", text_string(&why));
	for (char *const *node = command->words; err == 0 && *node; node++) {
		int one = renew_one(command, *node);

		status = status ? status : one;
	}
	return status;
}

static void
command_deinit(struct command *command)
{
	setting_deinit(&command->setting);
}

int
main(int argc, char **argv)
{
	__attribute__((cleanup(command_deinit))) struct command command = { 0 };
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *underlying = NULL;
	AUTO_PID_FILE struct pid_file file = { .fd = -1 };
	int status;

	tool_init("settrans");
	status = parse(&command, argc, argv);
	if (status == 0 && !command.done && is_renewal(&command)) {
		status = renew(&command);
	} else if (status == 0 && !command.done) {
		status = resolve(&command, &path, &underlying);
		file.name = command.pid_file;
		if (status == 0)
			status = run(&command, &file);
	}
	return tool_finish(status);
}
