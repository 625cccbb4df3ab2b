/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replace: the steps. The program is opened once, by a helper, so what was asked, what has
 * read the state and what is executed are the same file; and one that lies in a node of ours
 * is refused, since executing it would wait for us. */
#include "portd/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/helper.h"
#include "portd/keeper-state.h"
#include "portd/state.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

enum {
	ASK_DEADLINE_MS = 10 * 1000,
	REST_DEADLINE_MS = 10 * 1000,
	READ_DEADLINE_MS = 5 * 1000,	/* nobody is served meanwhile; it takes some ms */
	TICK_MS = 10,
	SAID_MAX = 1000,
	FUSE_MAGIC = 0x65735546,
};

#define VERSION_LINE "hird-portd reads states "
#define GOOD_LINE "hird-portd has read the state"

struct replacement {
	struct keeper *keeper;
	char *program;
	int program_fd;
	uv_timer_t timer;
	int64_t deadline;
};

struct found {
	int32_t code;
	char text[SAID_MAX + 200];
};

/* The other side ---------------------------------------------------------------------- */

void
replace_say_version(void)
{
	printf(VERSION_LINE "%d\n", TAPE_VERSION);
}

void
replace_say_good(void)
{
	puts(GOOD_LINE);
}

void
replace_answer(struct keeper *keeper)
{
	const struct right asked = keeper->asked;
	const struct keeper_replace_out out = { .version = VERSION };
	struct message *answer = answer_new(ROUTINE_keeper_replace, 0, "");

	log_info("hird-portd %s goes on in the place of another one", VERSION);
	keeper->asked = (struct right){ .kind = RIGHT_NULL };
	if (answer)
		keeper_replace_out_put(&answer->body, &out);
	message_send(asked, answer, (struct right){ .kind = RIGHT_NULL });	/* eats both */
}

/* A child, and what it says -------------------------------------------------------------- */

/* Standard output and error go to `out`. No fork: libuv's handler for that closes descriptors
 * that are others' in a helper. */
static pid_t
spawn(int program_fd, char *const argv[], int out)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char path[32];
	sigset_t set;
	pid_t pid;
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", program_fd);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attributes, &set);
	err = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return err ? -err : pid;
}

/* Reads until the end, or the deadline. */
static void
listen_to(int fd, char *said, size_t room, int64_t deadline)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	size_t size = 0;
	ssize_t n = 1;

	while (n > 0 && size < room - 1) {
		int64_t left = deadline - sys_now_ms();

		if (left <= 0 || (poll(&poller, 1, (int)left) <= 0 && errno != EINTR))
			break;
		n = read(fd, said + size, room - 1 - size);
		size += n > 0 ? (size_t)n : 0;
	}
	said[size] = '\0';
	said[strcspn(said, "\n")] = '\0';
}

/* Runs the program and takes down its first line. 0 or -errno. */
static int
ask(int program_fd, char *const argv[], unsigned deadline_ms, char *said, size_t room)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = spawn(program_fd, argv, fds[1]);
	close(fds[1]);
	if (pid > 0) {
		listen_to(fds[0], said, room, sys_now_ms() + deadline_ms);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	return pid < 0 ? pid : 0;
}

/* Finding (in a helper) ------------------------------------------------------------------- */

static bool
knows_version(const char *said)
{
	const char *at = said + strlen(VERSION_LINE);

	if (strncmp(said, VERSION_LINE, strlen(VERSION_LINE)) != 0)
		return false;
	while (*at) {
		char *end;

		if (strtol(at, &end, 10) == TAPE_VERSION && end > at)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

static int
find(const char *program, int *fdp, char *text, size_t room)
{
	char *const argv[] = { (char *)program, (char *)"--state-version", NULL };
	char said[SAID_MAX] = "";
	struct statfs fs;
	int err;

	*fdp = open(program, O_PATH | O_CLOEXEC);
	if (*fdp < 0 || fstatfs(*fdp, &fs) < 0) {
		snprintf(text, room, "%s", strerror(errno));
		return -errno;
	}
	if (fs.f_type == FUSE_MAGIC) {
		snprintf(text, room, "it lies in a node; copy it elsewhere");
		return -EINVAL;
	}
	err = ask(*fdp, argv, ASK_DEADLINE_MS, said, sizeof(said));
	if (err)
		snprintf(text, room, "it cannot be executed: %s", strerror(-err));
	if (err == 0 && !knows_version(said)) {
		snprintf(text, room, "it cannot take over from this hird-portd (state %d): %s",
		    TAPE_VERSION, said[0] ? said : "it says nothing");
		err = -EPROTO;
	}
	return err;
}

static void
find_program(void *arg)
{
	struct found found = { 0 };
	int fd = -1;

	found.code = find(arg, &fd, found.text, sizeof(found.text));
	helper_answer(&found, sizeof(found), &fd, 1);
}

/* The end of it ---------------------------------------------------------------------------- */

static void
timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
replacement_free(struct replacement *replacement)
{
	replacement->keeper->replacement = NULL;
	fd_close(&replacement->program_fd);
	free(replacement->program);
	uv_close((uv_handle_t *)&replacement->timer, timer_closed);
}

/* Everything goes on as before. */
static void
fail(struct replacement *replacement, int code, const char *text)
{
	struct keeper *keeper = replacement->keeper;
	const struct right asked = keeper->asked;
	AUTO_TEXT struct text line = { 0 };

	keeper->asked = (struct right){ .kind = RIGHT_NULL };
	text_printf(&line, "%s: %s", replacement->program, text);
	log_error("not replaced: %s", text_string(&line));
	replacement_free(replacement);
	answer_send(asked, ROUTINE_keeper_replace, code, text_string(&line));	/* eats asked */
}

/* Handing over ----------------------------------------------------------------------------- */

static int
write_state(struct replacement *replacement, struct tape *tape, int *fdp, struct text *why)
{
	struct keeper *keeper = replacement->keeper;
	int err;

	tape_put_fd(tape, *keeper->self->lock_fd);
	tape_put_fd(tape, *keeper->self->listen_fd);
	hold_put_self(tape, &keeper->hold);
	err = state_put(tape, keeper->world, why);
	if (err)
		return err;
	keeper_put(tape, keeper);
	err = tape_write(tape, fdp);
	if (err)
		text_printf(why, "the state cannot be written: %s", strerror(-err));
	return err;
}

/* Its arguments: ours, and which state. */
static char **
make_arguments(const struct keeper *keeper, struct argv *argv, const char *option, int fd)
{
	if (argv_copy(argv, keeper->self->argv.data, keeper->self->argv.size) < 0 ||
	    argv_printf(argv, "--%s=%d", option, fd) < 0)
		return NULL;
	return argv_vector(argv);
}

/* Whether the other one can read it, all of it, with the very descriptors. */
static int
let_read(const struct replacement *replacement, const struct tape *tape, int fd, struct text *why)
{
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_FREE char **vector = make_arguments(replacement->keeper, &argv, "check-state", fd);
	char said[SAID_MAX] = "";
	int err = -ENOMEM;

	tape_inherit(tape, true);
	if (vector)
		err = ask(replacement->program_fd, vector, READ_DEADLINE_MS, said, sizeof(said));
	tape_inherit(tape, false);
	if (err)
		text_puts(why, strerror(-err));
	else if (strcmp(said, GOOD_LINE) == 0)
		return 0;
	else
		text_printf(why, "it cannot read the state: %s", said[0] ? said : "it says nothing");
	return err ? err : -EPROTO;
}

/* Nothing is undone before, so that everything is there when it fails. Signals wait for the
 * other one. */
static int
take_place(const struct replacement *replacement, const struct tape *tape, int fd)
{
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_FREE char **vector = make_arguments(replacement->keeper, &argv, "state", fd);
	extern char **environ;
	sigset_t ours, before;
	int err = ENOMEM;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGUSR2);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &before);
	tape_inherit(tape, true);
	if (vector) {
		syscall(SYS_execveat, replacement->program_fd, "", vector, environ, AT_EMPTY_PATH);
		err = errno;
	}
	tape_inherit(tape, false);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static void
hand_over(struct replacement *replacement)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TAPE struct tape tape = { 0 };
	AUTO_CLOSE int fd = -1;
	int err = write_state(replacement, &tape, &fd, &why);

	if (!err) {
		/* The state goes along, too; it is no part of itself. */
		tape_put_fd(&tape, fd);
		err = tape.error;
	}
	if (!err)
		err = let_read(replacement, &tape, fd, &why);
	if (!err) {
		err = take_place(replacement, &tape, fd);
		text_printf(&why, "it cannot be executed: %s", strerror(-err));
	}
	fail(replacement, err, why.size ? text_string(&why) : strerror(-err));
}

static void
on_tick(uv_timer_t *timer)
{
	struct replacement *replacement = timer->data;
	AUTO_TEXT struct text why = { 0 }, line = { 0 };

	if (keeper_is_at_rest(replacement->keeper, &why)) {
		hand_over(replacement);
		return;
	}
	if (sys_now_ms() < replacement->deadline && !replacement->keeper->stopping)
		return;
	text_printf(&line, "not now: %s", text_string(&why));
	fail(replacement, -EBUSY, text_string(&line));
}

static void
on_found(struct helper_answer *answer, void *arg)
{
	struct replacement *replacement = arg;
	struct found found = { .code = answer->error };

	if (!answer->error && answer->size == sizeof(found))
		memcpy(&found, answer->data, sizeof(found));
	else
		snprintf(found.text, sizeof(found.text), "it does not answer");
	found.text[sizeof(found.text) - 1] = '\0';
	if (found.code) {
		fail(replacement, found.code, found.text);
		return;
	}
	replacement->program_fd = fd_steal(&answer->fds[0]);
	replacement->deadline = sys_now_ms() + REST_DEADLINE_MS;
	uv_timer_start(&replacement->timer, on_tick, 0, TICK_MS);
}

/* Beginning -------------------------------------------------------------------------------- */

/* 0 or -errno. */
static int
begin(struct keeper *keeper, const char *program)
{
	struct replacement *replacement;

	if (keeper->replacement || keeper->stopping)
		return -EBUSY;
	replacement = calloc(1, sizeof(*replacement));
	if (!replacement)
		return -ENOMEM;
	replacement->keeper = keeper;
	replacement->program_fd = -1;
	replacement->program = strdup(program[0] ? program : keeper->self->program);
	uv_timer_init(keeper->loop, &replacement->timer);
	replacement->timer.data = replacement;
	keeper->replacement = replacement;
	if (replacement->program && helper_start(keeper->loop, find_program, replacement->program,
	    NULL, 0, 2 * ASK_DEADLINE_MS, on_found, replacement))
		return 0;
	replacement_free(replacement);
	return -ENOMEM;
}

int
replace_serve(struct rpc_request *request, struct keeper_replace_in *in,
    struct keeper_replace_out *out)
{
	struct keeper *keeper = request->arg;
	int err;

	(void)out;
	if (in->program[0] && in->program[0] != '/')
		return request_fail(request, -EINVAL, "%.900s: no absolute path", in->program);
	err = begin(keeper, in->program);
	if (err)
		return request_fail(request, err, "%s", err == -EBUSY ?
		    "it is about to be replaced, or to end" : strerror(-err));
	keeper->asked = request_later(request);
	return RPC_NO_REPLY;
}

void
replace_by_signal(struct keeper *keeper)
{
	int err = begin(keeper, "");

	if (err)
		log_error("not replaced: %s", strerror(-err));
}
