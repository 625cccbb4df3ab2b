/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service: starts programs for messages that wait, and takes the receive right
 * home when they are gone.
 *
 * The right is in one of two places: home, which is with us, unread; or with the
 * program that checked in. It leaves only with a port-destroyed request armed, so it
 * comes back whatever happens: the program drops it, dies, or is killed before the
 * answer to its check-in reached it. */
#include "portd/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/launch.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/message.h"
#include "portd/names.h"
#include "portd/port.h"
#include "portd/state.h"
#include "portd/translog.h"
#include "portd/world.h"
#include "wire/messages.h"

static const struct right no_right = { RIGHT_NULL, NULL };

/* A process of a service. It outlives the service when the name is taken away,
 * and itself until the loop has let go of its handles. */
struct service_run {
	struct list link;		/* in names->runs */
	struct service *service;	/* NULL: the name is gone */
	struct task *task;		/* NULL: it is over */
	pid_t pid;			/* 0: waited for; the timer runs */
	int pidfd;
	uint64_t since;
	bool checked_in;
	uv_poll_t exit_poll;
	uv_timer_t timer;
	struct translog *log;
	struct translog_pipe words;
	uv_poll_t log_poll;
	unsigned n_handles;
};

static void consider(struct service *service);

/* What it says --------------------------------------------------------------- */

static void
on_words(uv_poll_t *poll, int status, int events)
{
	struct service_run *run = poll->data;

	(void)status;
	(void)events;
	if (!translog_pipe_read(&run->words, run->log, run->pid, 1))
		uv_poll_stop(poll);
}

/* The process ---------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
	struct service_run *run = handle->data;

	if (--run->n_handles > 0)
		return;
	fd_close(&run->pidfd);
	fd_close(&run->words.fd);
	translog_unref(run->log);
	free(run);
}

static void
run_free(struct service_run *run)
{
	if (run->service)
		run->service->run = NULL;
	list_unlink(&run->link);
	if (run->task) {
		task_on_death(run->task, NULL, NULL);
		task_kill(run->task);
	}
	run->task = NULL;
	uv_close((uv_handle_t *)&run->exit_poll, on_closed);
	uv_close((uv_handle_t *)&run->timer, on_closed);
	uv_close((uv_handle_t *)&run->log_poll, on_closed);
}

static void
describe_end(struct service *service, const struct service_run *run, int status)
{
	const char *said = translog_last(run->log);

	if (WIFSIGNALED(status))
		snprintf(service->why, sizeof(service->why), "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(service->why, sizeof(service->why), "exit status %d%s%s",
		    WEXITSTATUS(status), said[0] ? ": " : "", said);
}

/* The next start is due. */
static void
on_delay_over(uv_timer_t *timer)
{
	struct service_run *run = timer->data;
	struct service *service = run->service;

	run_free(run);
	consider(service);
}

/* One that never checked in, or failed soon, waits before it is started again. */
static void
rest(struct service_run *run, int status)
{
	struct service *service = run->service;
	bool steady = (uint64_t)time(NULL) - run->since >= SERVICE_STEADY_S;
	uint64_t delay = SERVICE_DELAY_FIRST_MS;

	if ((run->checked_in && status == 0) || steady) {
		service->failures = 0;
		service->why[0] = '\0';
		run_free(run);
		consider(service);
		return;
	}
	service->failures++;
	describe_end(service, run, status);
	for (uint32_t i = 1; i < service->failures && delay < SERVICE_DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > SERVICE_DELAY_MAX_MS)
		delay = SERVICE_DELAY_MAX_MS;
	log_debug("service %s: %s; it rests for %u ms", service->name, service->why, (unsigned)delay);
	uv_timer_start(&run->timer, on_delay_over, delay, 0);
}

static void
on_exit_event(uv_poll_t *poll, int poll_status, int events)
{
	struct service_run *run = poll->data;
	siginfo_t info = { 0 };
	int status = 0;

	(void)poll_status;
	(void)events;
	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
		return;
	kill(-run->pid, SIGKILL);	/* what it has forked; it leads a session of its own */
	waitpid(run->pid, &status, 0);
	uv_poll_stop(poll);
	translog_pipe_drain(&run->words, run->log, run->pid);
	if (run->task) {
		struct task *task = run->task;

		run->task = NULL;
		task_on_death(task, NULL, NULL);
		task_kill(task);
	}
	run->pid = 0;
	if (run->service)
		rest(run, status);
	else
		run_free(run);
}

static void
on_task_death(void *arg)
{
	struct service_run *run = arg;

	run->task = NULL;
}

static struct service_run *
run_new(struct service *service)
{
	struct names *names = service->context->names;
	struct service_run *run = calloc(1, sizeof(*run));
	AUTO_FREE char *label = NULL;

	if (!run)
		return NULL;
	run->pidfd = run->words.fd = -1;
	run->service = service;
	run->since = (uint64_t)time(NULL);
	/* The form of a node's path: file names are made of these. */
	if (asprintf(&label, "/service/%s", service->name) < 0)
		label = NULL;
	run->log = label ? translog_new(names->log_dir, label) : NULL;
	if (!run->log) {
		free(run);
		return NULL;
	}
	translog_begin(run->log);
	return run;
}

/* Watches the process that was started. */
static int
run_watch(struct service_run *run, struct names *names)
{
	uv_loop_t *loop = names->loop;
	int err = uv_poll_init(loop, &run->exit_poll, run->pidfd);

	if (err)
		return err;
	err = uv_poll_init(loop, &run->log_poll, run->words.fd);
	if (err) {
		uv_close((uv_handle_t *)&run->exit_poll, NULL);
		return err;
	}
	uv_timer_init(loop, &run->timer);
	run->exit_poll.data = run->log_poll.data = run->timer.data = run;
	run->n_handles = 3;
	uv_poll_start(&run->exit_poll, UV_READABLE, on_exit_event);
	uv_poll_start(&run->log_poll, UV_READABLE, on_words);
	list_link_tail(&names->runs, &run->link);
	return 0;
}

/* Starting ------------------------------------------------------------------- */

/* Its first right is the context in which it was declared. */
static int
launch_run(struct service_run *run, const struct service *service)
{
	struct names_context *context = service->context;
	AUTO_CLOSE int words = translog_pipe_open(&run->words), child = -1;
	AUTO_ARGV struct argv env = { 0 };
	struct launch what = {
		.program = service->program,
		.argv = &service->argv,
		.env = &env,
		.pdeathsig = false,
	};
	int err = words < 0 ? words : 0;

	if (!err)
		err = world_new_task(context->names->world, right_make_send(context->port),
		    &run->task, &child);
	if (!err && service->env.size > 0)
		err = argv_copy(&env, service->env.data, service->env.size);
	if (!err)
		err = argv_printf(&env, "HIRD_SERVICE=%s", service->name);
	if (!err)
		err = argv_printf(&env, "HIRD_PORT_FD=%d", LAUNCH_PORT_FD);
	if (err)
		return err;
	what.port_fd = child;
	what.log_fd = words;
	run->pid = launch(&what, &run->pidfd);
	if (run->pid < 0)
		return run->pid;
	err = task_bind(run->task, run->pid);
	if (err)
		kill(run->pid, SIGKILL);
	return err;
}

/* Nothing of a start that failed stays, but the process, which was killed. */
static void
discard_run(struct service_run *run)
{
	if (run->task)
		task_kill(run->task);
	if (run->pid > 0)
		waitpid(run->pid, NULL, 0);
	fd_close(&run->pidfd);
	fd_close(&run->words.fd);
	translog_unref(run->log);
	free(run);
}

static void
start(struct service *service)
{
	struct service_run *run = run_new(service);
	int err = run ? launch_run(run, service) : -ENOMEM;

	if (!err)
		err = run_watch(run, service->context->names);
	if (err) {
		log_error("service %s cannot be started: %s; it is tried again with its next message",
		    service->name, strerror(-err));
		if (run)
			discard_run(run);
		return;
	}
	task_on_death(run->task, on_task_death, run);
	service->run = run;
	service->starts++;
	log_debug("service %s: process %d", service->name, (int)run->pid);
}

static void
on_arrival(struct port *port, void *arg)
{
	struct service *service = arg;

	(void)port;
	if (service->home && !service->run)
		start(service);
}

/* Waits for a message, or does not wait any more when there is one. */
static void
consider(struct service *service)
{
	if (service->home && !service->run)
		port_watch_queue(service->port, on_arrival, service);
}

/* The receive right ------------------------------------------------------------ */

/* It comes back, with what was not read. */
static void
on_homecoming(struct port *port, struct message *message, void *arg)
{
	struct service *service = arg;
	struct right right = no_right;

	(void)port;
	if (message->id == PORT_NOTIFY_PORT_DESTROYED)
		right = message_take_right(message, (struct wire_port){ 1, PORT_MOVE_RECEIVE });
	message_free(message);
	if (right.kind != RIGHT_RECEIVE || right.port != service->port) {
		right_release(right);
		return;
	}
	service->home = true;
	consider(service);
}

/* Takes the right out of our hands; whoever gets it lets it fall back here. */
int
service_check_in(struct service *service, uint32_t task, struct right *receivep)
{
	struct service_run *run = service->run;

	if (!service->program || !run || !run->task || task_id(run->task) != task)
		return PORT_E_NAMES_NOT_PRIVILEGED;
	if (!service->home)
		return PORT_E_NAMES_SERVICE_ACTIVE;
	port_watch_queue(service->port, NULL, NULL);
	port_arm_port_destroyed(service->port, right_make_send_once(service->homecoming));
	service->home = false;
	run->checked_in = true;
	*receivep = (struct right){ RIGHT_RECEIVE, service->port };
	return 0;
}

/* Beginning and end -------------------------------------------------------------- */

static struct service *
make(struct names_context *context, const char *name, struct right signature)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	service->context = context;
	service->signature = signature;
	service->name = strdup(name);
	return service;
}

/* Links a service that is whole. */
static struct service *
settle(struct service *service)
{
	struct list *before = &service->context->services;

	LIST_FOR_EACH(at, next, &service->context->services)
		if (before == &service->context->services &&
		    strcmp(LIST_ENTRY(at, struct service, link)->name, service->name) > 0)
			before = at;
	list_link_before(before, &service->link);
	return service;
}

/* A name for somebody's right. */
struct service *
service_new(struct names_context *context, const char *name, struct right send,
    struct right signature)
{
	struct service *service = make(context, name, signature);

	if (service && service->name) {
		service->send = send;
		return settle(service);
	}
	right_release(send);
	right_release(signature);
	if (service)
		free(service);
	return NULL;
}

/* A name with a port of ours and a program. */
struct service *
service_declare(struct names_context *context, const char *name, const char *program,
    const struct argv *argv, const struct argv *env, struct right signature)
{
	struct world *world = context->names->world;
	struct service *service = make(context, name, signature);

	if (!service) {
		right_release(signature);
		return NULL;
	}
	service->program = strdup(program);
	service->port = port_new_kept(world);
	service->homecoming = port_new_kernel(world, on_homecoming, service);
	service->home = service->port;
	if (!service->name || !service->program || !service->port || !service->homecoming ||
	    argv_copy(&service->argv, argv->data, argv->size) < 0 ||
	    (env->size > 0 && argv_copy(&service->env, env->data, env->size) < 0)) {
		service_free(service);
		return NULL;
	}
	service->send = right_make_send(service->port);
	consider(service);
	return settle(service);
}

/* Those who hold rights to it see the port die, unless its program has it. */
void
service_free(struct service *service)
{
	if (service->run) {
		service->run->service = NULL;
		if (service->run->pid == 0)
			run_free(service->run);
	}
	list_unlink(&service->link);
	if (service->home)
		right_release((struct right){ RIGHT_RECEIVE, service->port });
	if (service->homecoming)
		port_kill(service->homecoming);
	right_release(service->send);
	right_release(service->signature);
	argv_deinit(&service->argv);
	argv_deinit(&service->env);
	free(service->program);
	free(service->name);
	free(service);
}

/* Ends the processes of services: they are asked, and are on their own. */
void
service_end_runs(struct names *names)
{
	LIST_FOR_EACH(at, next, &names->runs) {
		struct service_run *run = LIST_ENTRY(at, struct service_run, link);

		if (run->pid > 0)
			kill(run->pid, SIGTERM);
		run_free(run);
	}
}

/* Looks ----------------------------------------------------------------------------- */

bool
service_is_live(const struct service *service)
{
	return right_is_live(&service->send);
}

uint32_t
service_state(const struct service *service)
{
	const struct service_run *run = service->run;

	if (!service->program)
		return NAMES_STATE_REGISTERED;
	if (!run)
		return NAMES_STATE_WAITING;
	if (run->pid == 0)
		return NAMES_STATE_RESTING;
	return service->home ? NAMES_STATE_STARTING : NAMES_STATE_RUNNING;
}

pid_t
service_pid(const struct service *service, uint64_t *sincep)
{
	if (!service->run || service->run->pid == 0)
		return 0;
	*sincep = service->run->since;
	return service->run->pid;
}

bool
service_is_busy(const struct service *service)
{
	if (!service->program)
		return false;	/* its task is there, too, or the right is dead */
	return !service->stored || service->run || port_queued(service->port) > 0;
}

/* Handing over ----------------------------------------------------------------------- */

static void
put_service(struct tape *tape, const struct service *service)
{
	tape_put_str(tape, service->name);
	state_put_right(tape, service->send);
	state_put_right(tape, service->signature);
	tape_put_u32(tape, service->program != NULL);
	if (!service->program)
		return;
	tape_put_str(tape, service->program);
	tape_put_blob(tape, service->argv.data, service->argv.size);
	tape_put_blob(tape, service->env.data, service->env.size);
	tape_put_u32(tape, service->stored);
	tape_put_u32(tape, service->home);
	tape_put_u64(tape, service->port->dead ? 0 : service->port->number);
	tape_put_u64(tape, service->homecoming->number);
	tape_put_u32(tape, service->starts);
	tape_put_u32(tape, service->failures);
	tape_put_str(tape, service->why);
}

void
service_put_all(struct tape *tape, const struct names_context *context)
{
	tape_put_u32(tape, list_length(&context->services));
	LIST_FOR_EACH(at, next, &context->services)
		put_service(tape, LIST_ENTRY(at, struct service, link));
}

static bool
get_declared(struct state *state, struct service *service)
{
	struct tape *tape = state->tape;

	service->program = strdup(tape_get_str(tape));
	if (!service->program || !tape_get_argv(tape, &service->argv) ||
	    !tape_get_argv(tape, &service->env))
		return tape_spoil(tape);
	service->stored = tape_get_bool(tape);
	service->home = tape_get_bool(tape);
	service->port = state_get_kept(state, service->home);
	service->homecoming = state_get_kernel(state, on_homecoming, service);
	service->starts = tape_get_u32(tape);
	service->failures = tape_get_u32(tape);
	snprintf(service->why, sizeof(service->why), "%s", tape_get_str(tape));
	return (service->port && service->homecoming) || tape_spoil(tape);
}

static bool
get_service(struct state *state, struct names_context *context)
{
	struct service *service = make(context, tape_get_str(state->tape), no_right);

	if (!service || !service->name) {
		free(service);
		return tape_spoil(state->tape);
	}
	service->send = state_get_lent(state);
	service->signature = state_get_lent(state);
	list_link_tail(&context->services, &service->link);
	if (!tape_get_bool(state->tape))
		return !state->tape->error;
	return get_declared(state, service);
}

bool
service_get_all(struct state *state, struct names_context *context)
{
	uint32_t n = tape_get_count(state->tape, 20);

	for (uint32_t i = 0; i < n; i++)
		if (!get_service(state, context))
			return false;
	return !state->tape->error;
}

/* Services are counted over all contexts; 0: none. */
static uint32_t
number_of(const struct names *names, const struct service *service)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &names->contexts)
		LIST_FOR_EACH(in, after, &LIST_ENTRY(at, struct names_context, link)->services) {
			n++;
			if (LIST_ENTRY(in, struct service, link) == service)
				return n;
		}
	return 0;
}

static struct service *
service_of(const struct names *names, uint32_t number)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &names->contexts)
		LIST_FOR_EACH(in, after, &LIST_ENTRY(at, struct names_context, link)->services)
			if (++n == number)
				return LIST_ENTRY(in, struct service, link);
	return NULL;
}

static void
put_run(struct tape *tape, const struct names *names, const struct service_run *run)
{
	bool rests = uv_is_active((const uv_handle_t *)&run->timer);

	tape_put_u32(tape, number_of(names, run->service));
	tape_put_u32(tape, run->task ? task_id(run->task) : 0);
	tape_put_u32(tape, (uint32_t)run->pid);
	tape_put_fd(tape, run->pidfd);
	tape_put_fd(tape, run->words.fd);
	tape_put_u64(tape, run->since);
	tape_put_u32(tape, run->checked_in);
	tape_put_u32(tape, rests);
	tape_put_u64(tape, rests ? uv_timer_get_due_in(&run->timer) : 0);
	tape_put_str(tape, translog_path(run->log));
	tape_put_str(tape, translog_last(run->log));
	tape_put_blob(tape, run->words.line, run->words.size);
}

void
service_put_runs(struct tape *tape, const struct names *names)
{
	tape_put_u32(tape, list_length(&names->runs));
	LIST_FOR_EACH(at, next, &names->runs)
		put_run(tape, names, LIST_ENTRY(at, struct service_run, link));
}

static bool
get_log(struct tape *tape, struct service_run *run)
{
	const char *path = tape_get_str(tape), *last = tape_get_str(tape);
	struct wire_blob line = tape_get_blob(tape);

	run->log = translog_restore(path, last);
	if (!run->log || line.size > sizeof(run->words.line))
		return tape_spoil(tape);
	memcpy(run->words.line, line.data, line.size);
	run->words.size = line.size;
	return !tape->error;
}

/* One whose process has ended only rests. */
static bool
take_up(struct service_run *run, struct names *names, bool rests, uint64_t due)
{
	if (run_watch(run, names) != 0)
		return false;
	if (run->pid == 0) {
		uv_poll_stop(&run->exit_poll);
		uv_poll_stop(&run->log_poll);
	}
	if (rests)
		uv_timer_start(&run->timer, on_delay_over, due, 0);
	if (run->service)
		run->service->run = run;
	if (run->task)
		task_on_death(run->task, on_task_death, run);
	return true;
}

static bool
get_run(struct state *state, struct names *names)
{
	struct tape *tape = state->tape;
	struct service_run *run = calloc(1, sizeof(*run));
	uint32_t number = tape_get_u32(tape);
	uint64_t due;
	bool rests;

	if (!run)
		return tape_spoil(tape);
	run->service = service_of(names, number);
	run->task = state_get_task(state);
	run->pid = (pid_t)tape_get_max(tape, INT32_MAX);
	run->pidfd = tape_get_some_fd(tape);
	run->words.fd = tape_get_some_fd(tape);
	run->since = tape_get_u64(tape);
	run->checked_in = tape_get_bool(tape);
	rests = tape_get_bool(tape);
	due = tape_get_u64(tape);
	if (get_log(tape, run) && (run->service != NULL) == (number != 0) &&
	    (!run->service || !run->service->run) && (!rests || run->service) &&
	    take_up(run, names, rests, due))
		return true;
	fd_close(&run->pidfd);
	fd_close(&run->words.fd);
	translog_unref(run->log);
	free(run);
	return tape_spoil(tape);
}

bool
service_get_runs(struct state *state, struct names *names)
{
	uint32_t n = tape_get_count(state->tape, 40);

	for (uint32_t i = 0; i < n; i++)
		if (!get_run(state, names))
			return false;
	return !state->tape->error;
}

void
service_resume(struct service *service)
{
	if (service->program)
		consider(service);
}
