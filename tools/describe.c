/* SPDX-License-Identifier: GPL-2.0-or-later */
/* describe: asks a translator what it would be. See describe.h.
 *
 * The program may be anything: one that is no translator at all, one that
 * never ends, one that prints without end. So both of its pipes are read with
 * a deadline and a bound, and its end counts even when a child of its own
 * keeps the pipes open. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "base/launch.h"
#include "base/sys.h"
#include "tools/describe.h"
#include "tools/tool.h"
#include "wire/runtime.h"

enum {
	DESCRIPTION_MAX = PORT_MSG_BODY_MAX / 2,	/* it travels inside node_set */
	SAID_MAX = 64 * 1024,
	LOOK_AGAIN_MS = 20,	/* where there is no pidfd to wake us (Linux before 5.3, valgrind) */
};

/* A describe run under way. */
struct run {
	const char *name;
	pid_t pid;
	int pidfd;
	int description_fd;
	int said_fd;
	struct text *description;
	struct text said;
	int64_t deadline;	/* of sys_now_ms; 0: none */
	unsigned timeout_ms;
};

/* Of a zeroed struct: harmless. */
void
describe_deinit(struct describe *describe)
{
	wire_buf_deinit(&describe->buf);
	text_deinit(&describe->blob);
	describe->out = (struct describe_out){ 0 };
}

/* "/hurd/hello" and "hello" are the same setting; "./mine" is kept by its
 * absolute path. */
int
describe_name(const char *translator, struct text *name, struct text *why)
{
	AUTO_FREE char *program = NULL;

	if (strncmp(translator, "/hurd/", 6) == 0 && !strchr(translator + 6, '/'))
		translator += 6;
	if (!strchr(translator, '/')) {
		text_puts(name, translator);
		return name->error;
	}
	program = runtime_translator(translator, why);
	if (!program)
		return -ENOENT;
	text_puts(name, program);
	return name->error;
}

/* It and whatever it has started: launch made it the leader of a group. Needs a
 * process that nobody has waited for, else the number may be another's. */
static void
kill_all(const struct run *run)
{
	kill(-run->pid, SIGKILL);
	kill(run->pid, SIGKILL);
}

static void
run_deinit(struct run *run)
{
	if (run->pid > 0) {
		kill_all(run);
		waitpid(run->pid, NULL, 0);
	}
	fd_close(&run->pidfd);
	fd_close(&run->description_fd);
	fd_close(&run->said_fd);
	text_deinit(&run->said);
}

#define AUTO_RUN __attribute__((cleanup(run_deinit)))

static int
start(struct run *run, const char *program, const struct argv *argv)
{
	AUTO_ARGV struct argv env = { 0 };
	AUTO_FREE char *cwd = getcwd(NULL, 0);
	AUTO_CLOSE int description_end = -1;
	AUTO_CLOSE int said_end = -1;
	const struct confine sandbox = {
		.memory = CONFINE_MEMORY, .underlying = -1, .words = true,
	};
	struct launch how = {
		.program = program, .argv = argv, .env = &env, .cwd = cwd,
		.pdeathsig = true, .confine = &sandbox,
	};
	int pair[2], err;
	pid_t pid;

	err = argv_add(&env, "HIRD_DESCRIBE=1");
	if (err < 0)
		return err;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	run->description_fd = pair[0];
	how.port_fd = description_end = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	run->said_fd = pair[0];
	how.log_fd = said_end = pair[1];
	fcntl(run->description_fd, F_SETFL, O_NONBLOCK);
	fcntl(run->said_fd, F_SETFL, O_NONBLOCK);
	pid = launch(&how, NULL);
	if (pid < 0)
		return pid;
	run->pid = pid;
	run->pidfd = sys_pidfd_open(pid);
	return 0;
}

/* Takes what is there now; closes the descriptor at its end. -EFBIG over max. */
static int
drain(int *fdp, struct text *text, size_t max)
{
	char buf[4096];

	while (*fdp >= 0) {
		ssize_t n = read(*fdp, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			fd_close(fdp);
			return 0;
		}
		text_add(text, buf, (size_t)n);
		if (text->error)
			return text->error;
		if (text->size > max)
			return -EFBIG;
	}
	return 0;
}

/* For poll; 0: the time is over. */
static int
time_left(const struct run *run)
{
	int64_t left = INT_MAX;

	if (run->deadline)
		left = run->deadline - sys_now_ms();
	if (run->pidfd < 0 && left > LOOK_AGAIN_MS)
		left = LOOK_AGAIN_MS;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Leaves it to be waited for. */
static bool
has_ended(const struct run *run)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

static int
too_late(const struct run *run, struct text *why)
{
	text_safe(why, run->name);
	text_printf(why, " did not describe itself within %g s; see --timeout", run->timeout_ms / 1000.0);
	return -ETIMEDOUT;
}

/* Reads both pipes until the program has ended. */
static int
follow(struct run *run, struct text *why)
{
	bool ended = false;
	int err = 0;

	while (!ended && err == 0) {
		struct pollfd fds[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->description_fd, .events = POLLIN },
			{ .fd = run->said_fd, .events = POLLIN },
		};
		int left = time_left(run);

		if (left == 0)
			return too_late(run, why);
		if (poll(fds, ARRAY_SIZE(fds), left) < 0 && errno != EINTR)
			return -errno;
		ended = has_ended(run);
		err = drain(&run->description_fd, run->description, DESCRIPTION_MAX);
		if (err == 0)
			err = drain(&run->said_fd, &run->said, SAID_MAX);
	}
	if (err == -EFBIG) {
		text_safe(why, run->name);
		text_puts(why, " says far more than a translator says of itself; is it one?");
	}
	return err;
}

/* The last line that it said, without our own name in front. */
static const char *
last_line(struct text *said)
{
	size_t n = said->size, own = strlen(tool_name());
	char *line;

	for (size_t i = 0; i < n; i++)
		if (!said->data[i])
			said->data[i] = ' ';
	while (n > 0 && (said->data[n - 1] == '\n' || said->data[n - 1] == ' '))
		said->data[--n] = '\0';
	if (n == 0)
		return "";
	line = strrchr(said->data, '\n');
	line = line ? line + 1 : said->data;
	if (strncmp(line, tool_name(), own) == 0 && strncmp(line + own, ": ", 2) == 0)
		line += own + 2;
	return line;
}

/* How it ended: 0 when well, else -errno with a line. Children that it left go, too. */
static int
judge_end(struct run *run, struct text *why)
{
	const char *line = last_line(&run->said);
	int status;

	kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	run->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && run->description->size > 0)
		return 0;
	if (*line && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
		text_safe(why, line);
		return -ENOEXEC;
	}
	text_safe(why, run->name);
	if (WIFSIGNALED(status))
		text_printf(why, " was ended by signal %d (%s) while it described itself",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		text_printf(why, " ended with status %d and said nothing", WEXITSTATUS(status));
	else
		text_puts(why, " is not a translator (it said nothing of itself)");
	return -ENOEXEC;
}

static bool
is_sound(const struct describe_out *out)
{
	return (out->kind == NODE_KIND_FILE || out->kind == NODE_KIND_DIR) &&
	    out->nature >= NODE_NATURE_IMMUTABLE && out->nature <= NODE_NATURE_GENERATED &&
	    out->argv.size > 0;
}

static int
parse(struct describe *describe, const char *name, struct text *why)
{
	int err = wire_buf_load(&describe->buf, describe->blob.data, describe->blob.size);

	if (err < 0)
		return err;
	err = describe_out_get(&describe->buf, &describe->out);
	if (err == 0 && describe->out.magic == DESCRIBE_MAGIC &&
	    describe->out.version != WIRE_VERSION) {
		text_safe(why, name);
		text_printf(why, " was built for version %u of the protocol, this %s for %d; build it anew",
		    describe->out.version, tool_name(), WIRE_VERSION);
		return -EPROTO;
	}
	if (err < 0 || describe->out.magic != DESCRIBE_MAGIC || !is_sound(&describe->out)) {
		text_safe(why, name);
		text_puts(why, " is not a translator (what it said of itself makes no sense)");
		return -ENOEXEC;
	}
	return 0;
}

static int
run_and_parse(struct describe *describe, const char *program,
    const struct argv *argv, unsigned timeout_ms, struct text *why)
{
	AUTO_RUN struct run run = {
		.name = argv_word(argv, 0), .pidfd = -1, .description_fd = -1, .said_fd = -1,
		.description = &describe->blob, .timeout_ms = timeout_ms,
		.deadline = timeout_ms ? sys_now_ms() + timeout_ms : 0,
	};
	int err;

	err = start(&run, program, argv);
	if (err == 0)
		err = follow(&run, why);
	if (err == 0)
		err = judge_end(&run, why);
	return err < 0 ? err : parse(describe, run.name, why);
}

/* *describe is a zeroed one, and is so again after a failure. */
int
describe_run(struct describe *describe, const char *program,
    const struct argv *argv, unsigned timeout_ms, struct text *why)
{
	int err = run_and_parse(describe, program, argv, timeout_ms, why);

	if (err < 0) {
		describe_deinit(describe);
		if (!why->size)
			text_puts(why, strerror(-err));
	}
	return err;
}
