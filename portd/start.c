/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start: launches translators, speaks fsys with them, and sees them die.
 *
 * A start-up port per incarnation is its only right: what it may ask of portd
 * is to announce itself and to leave. */
#include "portd/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/launch.h"
#include "base/sys.h"
#include "portd/kept.h"
#include "portd/groups.h"
#include "portd/helper.h"
#include "portd/keeper.h"
#include "portd/leash.h"
#include "portd/lookup.h"
#include "portd/mount.h"
#include "portd/mounter.h"
#include "portd/state.h"
#include "portd/task.h"
#include "portd/watchdog.h"

enum {
	IDENTIFY_DEADLINE_MS = 5000,
	SILENT_MS = 2000,	/* a process without its connection may take so long to end */
	ORPHAN_LOOK_MS = 5000,
	RETURN_MS = 60 * 1000,
	REST_LOOK_MS = 5,	/* for what it has started to end, so many times at most */
	REST_LOOKS = 200,
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The log ------------------------------------------------------------------- */

static void
on_log(uv_poll_t *poll, int status, int events)
{
	struct incarnation *inc = poll->data;

	(void)status;
	(void)events;
	if (!translog_pipe_read(&inc->words, inc->log, inc->pid, 4))
		uv_poll_stop(poll);
}

/* Release ------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
	struct incarnation *inc = handle->data;

	if (--inc->n_handles > 0)
		return;
	fd_close(&inc->pidfd);
	fd_close(&inc->words.fd);
	fd_close(&inc->leash);
	fd_close(&inc->leash_theirs);
	argv_deinit(&inc->identities);
	inc->log = translog_unref(inc->log);
	free(inc->name);
	free(inc);
}

/* It has spoken, or never will. */
static void
stop_waiting_for(struct incarnation *inc)
{
	struct keeper *keeper = inc->keeper;

	if (!inc->returning)
		return;
	inc->returning = false;
	if (--keeper->n_returning == 0 && keeper->returned)
		keeper->returned(keeper->stop_arg);
}

static void
drop_ports(struct incarnation *inc)
{
	struct right control = inc->control;
	struct right reply = inc->startup_reply;

	inc->control = inc->startup_reply = (struct right){ .kind = RIGHT_NULL };
	right_release(control);
	right_release(reply);
	if (inc->task) {
		struct task *task = inc->task;

		inc->task = NULL;
		task_on_death(task, NULL, NULL);
		task_kill(task);
	}
	if (inc->port)
		port_kill(inc->port);
	inc->port = NULL;
}

static void
incarnation_free(struct incarnation *inc)
{
	list_unlink(&inc->link);
	stop_waiting_for(inc);
	drop_ports(inc);
	if (inc->identify)
		helper_cancel(inc->identify);
	inc->identify = NULL;
	mount_free(inc->orphaned);
	inc->orphaned = NULL;
	translog_rest(inc->log);
	uv_close((uv_handle_t *)&inc->exit_poll, on_closed);
	uv_close((uv_handle_t *)&inc->timer, on_closed);
	uv_close((uv_handle_t *)&inc->rest, on_closed);
	uv_close((uv_handle_t *)&inc->log_poll, on_closed);
}

/* Death --------------------------------------------------------------------- */

/* It leads a session of its own (launch): what it has forked goes with it. By number only
 * while it is not yet waited for, since then that may be another's. */
static void
kill_group(const struct incarnation *inc)
{
	if (sys_pidfd_kill_group(inc->pidfd) == 0)
		return;
	if (!inc->adopted || sys_pidfd_send_signal(inc->pidfd, 0) == 0)
		kill(-inc->pid, SIGKILL);
}

/* Ends its process, and those that it started. */
void
incarnation_kill(struct incarnation *inc)
{
	sys_pidfd_send_signal(inc->pidfd, SIGKILL);
	kill_group(inc);
	groups_kill(inc->keeper->groups, inc);
}

static void
tell_options(struct incarnation *inc, struct message *reply)
{
	void (*callback)(struct incarnation *, struct message *, void *) = inc->on_options;

	inc->on_options = NULL;
	if (callback)
		callback(inc, reply, inc->on_options_arg);
	else if (reply)
		message_free(reply);
}

static void
tell_gone(struct incarnation *inc)
{
	void (*gone)(void *arg) = inc->on_gone;

	inc->on_gone = NULL;
	if (gone)
		gone(inc->on_gone_arg);
}

static void
tell_death(struct incarnation *inc, int code, const char *why)
{
	const struct incarnation_owner *owner = inc->owner;

	inc->owner = NULL;
	if (owner)
		owner->died(inc, code, why, inc->arg);
}

static void see_end(struct incarnation *inc);

/* What the child says before it has become the translator. */
#define LAUNCHER "hird-portd: "

/* "hello did not start: no such file". status: NULL when somebody else was told. */
static void
describe_death(const struct incarnation *inc, const int *statusp, char *why, size_t room)
{
	const char *what = inc->state == INCARNATION_SERVING ? "ended" : "did not start";
	const char *said = translog_last(inc->log);
	size_t name = strlen(inc->name);
	int status = statusp ? *statusp : 0;

	if (strncmp(said, inc->name, name) == 0 && strncmp(said + name, ": ", 2) == 0)
		said += name + 2;
	else if (strncmp(said, LAUNCHER, strlen(LAUNCHER)) == 0)
		said += strlen(LAUNCHER);
	if (inc->ended)
		snprintf(why, room, "%s %s: %s", inc->name, what, inc->ended);
	else if (WIFSIGNALED(status))
		snprintf(why, room, "%s %s: killed by signal %d (%s)%s%s", inc->name, what,
		    WTERMSIG(status), strsignal(WTERMSIG(status)), said[0] ? ": " : "", said);
	else if (said[0])
		snprintf(why, room, "%s %s: %s", inc->name, what, said);
	else if (!statusp)
		snprintf(why, room, "%s %s", inc->name, what);
	else
		snprintf(why, room, "%s %s: exit status %d, without a word", inc->name, what,
		    WEXITSTATUS(status));
}

static void
on_rest_time(uv_timer_t *timer)
{
	see_end(timer->data);
}

/* What it has started may hold its descriptors, and so is waited for, too. */
static void
see_end(struct incarnation *inc)
{
	char why[TRANSLOG_LINE_MAX + 200];
	int status = 0;
	bool known;

	if (!groups_end(inc->keeper->groups, inc) && inc->n_looks++ < REST_LOOKS) {
		uv_timer_start(&inc->rest, on_rest_time, REST_LOOK_MS, 0);
		return;
	}
	known = !inc->adopted && waitpid(inc->pid, &status, 0) == inc->pid;
	if (!inc->ended)
		inc->killed = known && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	translog_pipe_drain(&inc->words, inc->log, inc->pid);
	describe_death(inc, known ? &status : NULL, why, sizeof(why));
	tell_options(inc, NULL);
	tell_death(inc, -EIO, why);
	tell_gone(inc);
	incarnation_free(inc);
}

static void
on_exit_event(uv_poll_t *poll, int poll_status, int events)
{
	struct incarnation *inc = poll->data;
	siginfo_t info = { 0 };

	(void)poll_status;
	(void)events;
	if (!inc->adopted && waitid(P_PID, (id_t)inc->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0)
		return;
	uv_poll_stop(poll);
	kill_group(inc);
	if (!inc->ended && groups_ran_out(inc->keeper->groups, inc))
		inc->ended = "it took more memory than it may";
	see_end(inc);
}

/* Not even SIGKILL ends a process that hangs in the kernel: nobody waits for that. */
static void
on_give_up_time(uv_timer_t *timer)
{
	struct incarnation *inc = timer->data;

	uv_unref((uv_handle_t *)&inc->exit_poll);
	uv_unref((uv_handle_t *)&inc->log_poll);
	tell_gone(inc);
}

static void
on_kill_time(uv_timer_t *timer)
{
	incarnation_kill(timer->data);
	uv_timer_start(timer, on_give_up_time, SILENT_MS, 0);
}

/* The task's connection ended; its process should, too. */
static void
on_task_death(void *arg)
{
	struct incarnation *inc = arg;

	inc->task = NULL;
	if (inc->state != INCARNATION_LEAVING)
		uv_timer_start(&inc->timer, on_kill_time, SILENT_MS, 0);
}

/* Whether somebody has stopped it (SIGSTOP): then it cannot help being late. */
static bool
is_stopped(pid_t pid)
{
	char path[64], line[256] = "", state = 0;
	const char *end;
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		return false;
	end = strrchr(line, ')');
	return end && sscanf(end, ") %c", &state) == 1 && (state == 'T' || state == 't');
}

static void
on_start_time(uv_timer_t *timer)
{
	struct incarnation *inc = timer->data;
	char why[256];

	snprintf(why, sizeof(why), "%s did not announce itself in time", inc->name);
	inc->ended = "too late";
	inc->killed = is_stopped(inc->pid);
	inc->wasted_ms = inc->timeout_ms;
	incarnation_kill(inc);
	tell_death(inc, -ETIMEDOUT, why);
}

/* It was there when portd died, and does not speak with the one that came after. */
static void
on_return_time(uv_timer_t *timer)
{
	struct incarnation *inc = timer->data;

	inc->ended = "it did not come back to a new hird-portd in time";
	incarnation_kill(inc);
}

/* fsys ---------------------------------------------------------------------- */

static void
take_attr(struct incarnation *inc, struct wire_blob blob)
{
	if (blob.size != sizeof(inc->attr))
		return;
	memcpy(&inc->attr, blob.data, sizeof(inc->attr));
	inc->has_attr = true;
}

static void
check_announced(struct incarnation *inc)
{
	if (inc->state != INCARNATION_LAUNCHED || inc->identify ||
	    inc->startup_reply.kind == RIGHT_NULL)
		return;
	inc->state = INCARNATION_ANNOUNCED;
	uv_timer_stop(&inc->timer);
	if (inc->owner)
		inc->owner->announced(inc, inc->arg);
}

static int
handle_startup(struct rpc_request *request, struct fsys_startup_in *in,
    struct fsys_startup_out *out)
{
	struct incarnation *inc = request->arg;
	struct right control = message_take_right(request->message, in->control);

	(void)out;
	if (inc->startup_reply.kind != RIGHT_NULL || inc->state != INCARNATION_LAUNCHED ||
	    control.kind != RIGHT_SEND) {
		right_release(control);
		return request_fail(request, -EINVAL, "fsys_startup is called once, "
		    "with a send right to the control port");
	}
	inc->control = control;
	/* A mount cannot change its kind, and the kernel gives up a node that does. */
	if (inc->kind != 0 && in->kind != inc->kind) {
		inc->ended = inc->kind == NODE_KIND_DIR ? "it would be a file now, and the node is a "
		    "directory; set it anew with settrans" : "it would be a directory now, and the node "
		    "is a file; set it anew with settrans";
		incarnation_kill(inc);
		return request_fail(request, -EINVAL, "%s", inc->ended);
	}
	inc->startup_reply = request_later(request);
	take_attr(inc, in->attr);
	check_announced(inc);
	return RPC_NO_REPLY;
}

static int
handle_leave(struct rpc_request *request, struct fsys_leave_in *in, struct fsys_leave_out *out)
{
	struct incarnation *inc = request->arg;
	const struct incarnation_owner *owner = inc->owner;

	(void)out;
	if (inc->orphaned || inc->on_options)
		return request_fail(request, -EBUSY, "it is still needed");
	take_attr(inc, in->attr);
	inc->owner = NULL;
	inc->state = INCARNATION_LEAVING;
	uv_timer_start(&inc->timer, on_kill_time, SILENT_MS, 0);
	answer_send(request_later(request), ROUTINE_fsys_leave, 0, "");
	if (owner)
		owner->left(inc, in->reason, inc->arg);
	return RPC_NO_REPLY;
}

/* NULL: the answer is ready. */
static struct deposits *
deposits_of(struct rpc_request *request)
{
	struct incarnation *inc = request->arg;
	struct mount *mount = inc->orphaned;

	if (!mount && inc->owner && inc->owner->mount && inc->state == INCARNATION_SERVING)
		mount = inc->owner->mount(inc->arg);
	if (!mount)
		request_fail(request, -ENOTCONN, "it serves no node");
	return mount ? &mount->deposits : NULL;
}

static void
tell_deposited(struct incarnation *inc)
{
	if (inc->orphaned)
		kept_orphan(inc);
	else
		inc->owner->deposited(inc->arg);
}

static int
handle_deposit(struct rpc_request *request, struct fsys_deposit_in *in,
    struct fsys_deposit_out *out)
{
	struct deposits *deposits = deposits_of(request);
	int err;

	(void)out;
	if (!deposits)
		return -ENOTCONN;
	if (in->file < 0)
		return request_fail(request, -EBADF, "a deposit is a descriptor");
	err = deposit_put(deposits, in->key, in->file);
	if (err < 0)
		return request_fail(request, err, "no more than %d descriptors are kept for a node",
		    FSYS_DEPOSITS_MAX);
	in->file = -1;
	tell_deposited(request->arg);
	return 0;
}

static int
handle_reclaim(struct rpc_request *request, struct fsys_reclaim_in *in,
    struct fsys_reclaim_out *out)
{
	struct deposits *deposits = deposits_of(request);
	int fd;

	if (!deposits)
		return -ENOTCONN;
	fd = deposit_get(deposits, in->key);
	if (fd < 0)
		return request_fail(request, fd, "no such deposit");
	out->file = fd;
	return 0;
}

static int
handle_withdraw(struct rpc_request *request, struct fsys_withdraw_in *in,
    struct fsys_withdraw_out *out)
{
	struct deposits *deposits = deposits_of(request);

	(void)out;
	if (!deposits)
		return -ENOTCONN;
	if (deposit_remove(deposits, in->key) < 0)
		return request_fail(request, -ENOENT, "no such deposit");
	tell_deposited(request->arg);
	return 0;
}

/* It has gone on without a portd, and is here again. */
static int
handle_return(struct rpc_request *request, struct fsys_return_in *in, struct fsys_return_out *out)
{
	struct incarnation *inc = request->arg;
	struct right control = message_take_right(request->message, in->control);

	(void)out;
	if (!inc->returning || control.kind != RIGHT_SEND) {
		right_release(control);
		return request_fail(request, -EINVAL, "fsys_return is called once, "
		    "with a send right to the control port");
	}
	inc->control = control;
	uv_timer_stop(&inc->timer);
	stop_waiting_for(inc);
	return 0;
}

WIRE_SERVER(fsys)

static const struct fsys_server server = {
	.fsys_startup = handle_startup,
	.fsys_leave = handle_leave,
	.fsys_deposit = handle_deposit,
	.fsys_reclaim = handle_reclaim,
	.fsys_withdraw = handle_withdraw,
	.fsys_return = handle_return,
};

/* What arrives on the start-up port: the two requests, answers of the control port, and
 * notices. */
static void
on_message(struct port *port, struct message *message, void *arg)
{
	struct incarnation *inc = arg;

	(void)port;
	switch (message->id) {
	case ROUTINE_fsys_set_options + RPC_REPLY_OFFSET:
		tell_options(inc, message);
		return;
	case PORT_NOTIFY_SEND_ONCE:
		tell_options(inc, NULL);
		break;
	case PORT_NOTIFY_NO_SENDERS:
		if (inc->returning)
			uv_timer_start(&inc->timer, on_kill_time, SILENT_MS, 0);
		if (inc->state == INCARNATION_LAUNCHED && inc->startup_reply.kind == RIGHT_NULL)
			uv_timer_start(&inc->timer, on_kill_time, SILENT_MS, 0);
		break;
	case ROUTINE_fsys_ping + RPC_REPLY_OFFSET:
		watchdog_answer(inc, message);
		break;
	case ROUTINE_fsys_goaway + RPC_REPLY_OFFSET:
		break;
	default:
		if (!dispatch(&fsys_interface, fsys_handle, &server, message, inc) &&
		    !lookup_serve(inc->keeper, inc, message))
			answer_send(message_take_reply(message), message->id, PORT_E_RPC_BAD_ID, "");
	}
	message_free(message);
}

/* Starting ------------------------------------------------------------------ */

static void
on_identified(struct helper_answer *answer, void *arg)
{
	struct incarnation *inc = arg;

	inc->identify = NULL;
	if (answer->error == 0 && answer->size > 0)
		argv_copy(&inc->identities, answer->data, answer->size);
	check_announced(inc);
}

static int
launch_process(struct incarnation *inc, const struct setting *setting, int underlying,
    int *log_fdp)
{
	const struct confine sandbox = {
		.grants = setting_permits(setting),
		.memory = inc->keeper->memory,
		.underlying = underlying,
	};
	struct launch what = {
		.program = setting->program,
		.argv = &setting->argv,
		.files = setting->files.size ? &setting->files : NULL,
		.port_fd = -1,
		.log_fd = *log_fdp,
		.pdeathsig = true,
		.confine = inc->keeper->no_sandbox ? NULL : &sandbox,
	};
	int err = world_new_task(inc->keeper->world, right_make_send(inc->port), &inc->task,
	    &what.port_fd);

	if (err < 0)
		return err;
	inc->sandbox.state = CONFINE_OFF;
	if (what.confine) {
		confine_look(what.confine, &inc->sandbox);
		what.cgroup = groups_make(inc->keeper->groups, inc);
	}
	port_arm_no_senders(inc->port, 0);
	inc->pid = launch(&what, &inc->pidfd);
	fd_close(&what.port_fd);
	fd_close(log_fdp);
	if (inc->pid < 0) {
		groups_end(inc->keeper->groups, inc);
		return inc->pid;
	}
	task_on_death(inc->task, on_task_death, inc);
	task_bind(inc->task, inc->pid);
	return 0;
}

static int
open_log(struct incarnation *inc, struct translog *log, int *write_fdp)
{
	int fd = translog_pipe_open(&inc->words);

	if (fd < 0)
		return fd;
	inc->log = translog_ref(log);
	translog_begin(log);
	*write_fdp = fd;
	return 0;
}

static void
watch(struct incarnation *inc, uint32_t timeout_ms)
{
	uv_loop_t *loop = inc->keeper->loop;

	uv_poll_init(loop, &inc->exit_poll, inc->pidfd);
	uv_poll_init(loop, &inc->log_poll, inc->words.fd);
	uv_timer_init(loop, &inc->timer);
	uv_timer_init(loop, &inc->rest);
	inc->exit_poll.data = inc->log_poll.data = inc->timer.data = inc->rest.data = inc;
	inc->n_handles = 4;
	uv_poll_start(&inc->exit_poll, UV_READABLE, on_exit_event);
	uv_poll_start(&inc->log_poll, UV_READABLE, on_log);
	incarnation_set_timeout(inc, timeout_ms);
}

static void
discard(struct incarnation *inc)
{
	drop_ports(inc);
	fd_close(&inc->words.fd);
	fd_close(&inc->leash);
	argv_deinit(&inc->identities);
	inc->log = translog_unref(inc->log);
	free(inc->name);
	free(inc);
}

/* Nothing in it but whose it is. */
struct incarnation *
incarnation_new(struct keeper *keeper, struct translog *log)
{
	struct incarnation *inc = calloc(1, sizeof(*inc));

	if (!inc)
		return NULL;
	inc->keeper = keeper;
	inc->pidfd = inc->words.fd = inc->leash = inc->leash_theirs = -1;
	inc->log = translog_ref(log);
	return inc;
}

/* Forgets one that nobody has taken up. */
void
incarnation_drop(struct incarnation *inc)
{
	fd_close(&inc->pidfd);
	discard(inc);
}

/* Files named by options may have changed while nothing ran. A helper looks, while the
 * translator starts. */
static void
identify(struct incarnation *inc, const struct setting *setting)
{
	if (setting->files.size > 0)
		inc->identify = helper_start(inc->keeper->loop, mounter_identify,
		    (void *)&setting->files, NULL, 0, IDENTIFY_DEADLINE_MS, on_identified, inc);
}

/* Starts a translator. */
struct incarnation *
incarnation_start(struct keeper *keeper, const struct setting *setting, int underlying,
    struct translog *log, uint32_t timeout_ms, const struct incarnation_owner *owner, void *arg)
{
	struct incarnation *inc = calloc(1, sizeof(*inc));
	AUTO_CLOSE int write_fd = -1;
	int err = -ENOMEM;

	if (!inc)
		return NULL;
	*inc = (struct incarnation){ .keeper = keeper, .owner = owner, .arg = arg,
		.pidfd = -1, .words.fd = -1, .leash = -1, .leash_theirs = -1, .since = (uint64_t)time(NULL) };
	inc->kind = setting->kind;
	inc->name = strdup(base_name(argv_word(&setting->argv, 0)));
	inc->port = port_new_kernel(keeper->world, on_message, inc);
	if (inc->name && inc->port)
		err = open_log(inc, log, &write_fd);
	if (err == 0)
		err = launch_process(inc, setting, underlying, &write_fd);
	if (err < 0) {
		discard(inc);
		errno = -err;
		return NULL;
	}
	list_link_tail(&keeper->incarnations, &inc->link);
	watch(inc, timeout_ms);
	identify(inc, setting);
	return inc;
}

/* A task anew, for the process that there is, and a way for it to reach us. */
static int
call_back(struct incarnation *inc)
{
	int pidfd = fcntl(inc->pidfd, F_DUPFD_CLOEXEC, 3), child = -1;
	int err = pidfd < 0 ? -errno : world_new_task(inc->keeper->world,
	    right_make_send(inc->port), &inc->task, &child);

	if (err < 0) {
		fd_close(&pidfd);
		return err;
	}
	port_arm_no_senders(inc->port, 0);
	err = task_bind_fd(inc->task, inc->pid, pidfd);	/* eats pidfd */
	if (err < 0)
		fd_close(&child);
	else
		err = leash_send(inc->leash, child);	/* eats child */
	return err;
}

static bool
is_alive(const struct incarnation *inc)
{
	struct pollfd ask = { .fd = inc->pidfd, .events = POLLIN };

	return inc->pidfd >= 0 && poll(&ask, 1, 0) == 0;
}

/* One without a leash did not serve yet: it is started anew. */
bool
incarnation_adopt(struct incarnation *inc)
{
	inc->adopted = true;
	inc->state = INCARNATION_SERVING;
	if (inc->leash < 0 && inc->pidfd >= 0)
		incarnation_kill(inc);
	if (inc->leash >= 0 && inc->words.fd >= 0 && is_alive(inc))
		inc->port = port_new_kernel(inc->keeper->world, on_message, inc);
	if (!inc->port || call_back(inc) < 0) {
		incarnation_drop(inc);
		return false;
	}
	task_on_death(inc->task, on_task_death, inc);
	list_link_tail(&inc->keeper->incarnations, &inc->link);
	inc->returning = true;
	inc->keeper->n_returning++;
	watch(inc, 0);
	uv_timer_start(&inc->timer, on_return_time, RETURN_MS, 0);
	return true;
}

/* What is public of it is filled in. Eaten either way. */
bool
incarnation_restore(struct incarnation *inc, struct state *state)
{
	inc->port = state_get_kernel(state, on_message, inc);
	if (!inc->port || !inc->task || inc->pidfd < 0 || inc->words.fd < 0) {
		tape_spoil(state->tape);
		inc->task = NULL;
		inc->port = NULL;
		fd_close(&inc->pidfd);
		discard(inc);
		return false;
	}
	task_on_death(inc->task, on_task_death, inc);
	list_link_tail(&inc->keeper->incarnations, &inc->link);
	watch(inc, 0);
	return true;
}

/* Somebody else is told from now on. */
void
incarnation_set_owner(struct incarnation *inc, const struct incarnation_owner *owner, void *arg)
{
	inc->owner = owner;
	inc->arg = arg;
}

/* Sets the limit anew; 0: none. Without meaning once it has announced itself. */
void
incarnation_set_timeout(struct incarnation *inc, uint32_t timeout_ms)
{
	uv_timer_stop(&inc->timer);
	inc->timeout_ms = timeout_ms;
	if (timeout_ms > 0 && inc->state == INCARNATION_LAUNCHED)
		uv_timer_start(&inc->timer, on_start_time, timeout_ms, 0);
}

static int
dup_fd(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* So that it can go on without us. */
int
incarnation_make_leash(struct incarnation *inc)
{
	return leash_make(&inc->leash, &inc->leash_theirs);
}

/* Answers fsys_startup with the node: it serves from now on. */
int
incarnation_hand_over(struct incarnation *inc, const struct hand_over *what)
{
	const struct mount *mount = what->mount;
	struct message *message = answer_new(ROUTINE_fsys_startup, 0, "");
	struct right reply = inc->startup_reply;
	struct fsys_startup_out out = {
		.fuse = dup_fd(mount->fuse),
		.underlying = dup_fd(mount_underlying(mount)),
		.recovery = dup_fd(mount->recovery),
		.init = { &mount->init, sizeof(mount->init) },
		.pending = { what->pending, what->pending_size },
		.idle_ms = what->idle_ms,
		.generation = what->generation,
		.resent = what->resent,
		.share = what->share,
		.leash = fd_steal(&inc->leash_theirs),
	};

	if (!message || out.fuse < 0) {
		fd_close(&out.leash);
		fd_close(&out.fuse);
		fd_close(&out.underlying);
		fd_close(&out.recovery);
		if (message)
			message_free(message);
		return -EMFILE;
	}
	fsys_startup_out_put(&message->body, &out);
	inc->startup_reply = (struct right){ .kind = RIGHT_NULL };
	inc->state = INCARNATION_SERVING;
	message_send(reply, message, (struct right){ .kind = RIGHT_NULL });
	return 0;
}

/* Leaving ------------------------------------------------------------------- */

/* Not even SIGKILL ends one that hangs in the kernel; it will do nothing any more, either. */
static void
on_stuck_time(uv_timer_t *timer)
{
	struct incarnation *inc = timer->data;
	char why[256];

	snprintf(why, sizeof(why), "%s ended: %s", inc->name, inc->ended);
	tell_options(inc, NULL);
	tell_death(inc, -EIO, why);
}

/* Ends it for a reason. */
void
incarnation_end(struct incarnation *inc, const char *why, uint32_t wasted_ms)
{
	char line[TRANSLOG_LINE_MAX];
	int n = snprintf(line, sizeof(line), LAUNCHER "killed: %s", why);

	translog_line(inc->log, inc->pid, line, (size_t)n);
	inc->ended = why;
	inc->killed = is_stopped(inc->pid);
	inc->wasted_ms = wasted_ms;
	incarnation_kill(inc);
	uv_timer_start(&inc->timer, on_stuck_time, SILENT_MS, 0);
}

static bool
ask_to_go(struct incarnation *inc, uint32_t flags)
{
	struct fsys_goaway_in in = { .flags = flags };
	struct message *message;

	if (inc->state != INCARNATION_SERVING || !right_is_live(&inc->control))
		return false;
	message = message_new(ROUTINE_fsys_goaway);
	if (!message)
		return false;
	fsys_goaway_in_put(&message->body, &in);
	message_send(right_copy_send(&inc->control), message, right_make_send_once(inc->port));
	return true;
}

/* Asks it to go, and sees to it. */
void
incarnation_goaway(struct incarnation *inc, uint32_t flags, uint32_t deadline_ms,
    void (*gone)(void *arg), void *arg)
{
	bool asked = ask_to_go(inc, flags);

	inc->owner = NULL;
	inc->state = INCARNATION_LEAVING;
	inc->on_gone = gone;
	inc->on_gone_arg = arg;
	uv_timer_start(&inc->timer, on_kill_time, asked ? deadline_ms : 0, 0);
}

static void
on_restart_time(uv_timer_t *timer)
{
	incarnation_end(timer->data, "it did not make way in time", 0);
}

/* Asks it to make way. */
bool
incarnation_restart(struct incarnation *inc, uint32_t deadline_ms)
{
	if (inc->on_options || !ask_to_go(inc, FSYS_GOAWAY_RESTART))
		return false;
	inc->restarting = true;
	if (deadline_ms)
		uv_timer_start(&inc->timer, on_restart_time, deadline_ms, 0);
	return true;
}

/* Asks for a sign of life. */
bool
incarnation_ping(struct incarnation *inc)
{
	struct message *message;

	if (!right_is_live(&inc->control))
		return false;
	message = message_new(ROUTINE_fsys_ping);
	if (message)
		message_send(right_copy_send(&inc->control), message, right_make_send_once(inc->port));
	return message != NULL;
}

static void
on_orphan_look(uv_timer_t *timer)
{
	struct incarnation *inc = timer->data;

	if (mount_is_dead(inc->orphaned))
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, SILENT_MS, NULL, NULL);
}

/* It serves who already uses it; its node is no longer its own. */
void
incarnation_orphan(struct incarnation *inc, struct mount *mount)
{
	inc->owner = NULL;
	inc->orphaned = mount;
	kept_orphan(inc);
	uv_timer_start(&inc->timer, on_orphan_look, ORPHAN_LOOK_MS, ORPHAN_LOOK_MS);
}

/* Forwards a request to its control port. */
bool
incarnation_options(struct incarnation *inc, struct message *request,
    void (*reply)(struct incarnation *, struct message *, void *), void *arg)
{
	if (inc->state != INCARNATION_SERVING || inc->on_options || !right_is_live(&inc->control)) {
		message_free(request);
		return false;
	}
	inc->on_options = reply;
	inc->on_options_arg = arg;
	message_send(right_copy_send(&inc->control), request, right_make_send_once(inc->port));
	return true;
}
