/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird-portd: one per user. This file gets it going and ends it: options, the lock, the
 * socket, signals, the loop. It first becomes a holder (holder.c), which starts it again as
 * its worker, and again when that dies. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/text.h"
#include "portd/admit.h"
#include "portd/kept.h"
#include "portd/instance.h"
#include "portd/keeper.h"
#include "portd/keeper-state.h"
#include "portd/replace.h"
#include "portd/state.h"
#include "portd/world.h"
#include "wire/runtime.h"


enum {
	EXIT_USAGE = 64,
	DEFAULT_IDLE_S = 300,
	DEFAULT_DEADLINE_S = 30,
	DEFAULT_LINGER_S = 30,
	DEFAULT_MEMORY_MIB = CONFINE_MEMORY >> 20,
	DEFAULT_RESTARTS = 10,
	RESTARTS_MAX = 1000,	/* the holder's LIMIT_MAX */
	RETURN_WAIT_MS = 2000,	/* clients wait so long for translators that come back */
};

struct settings {
	int holder_fd;		/* who started this one, and keeps what must outlive it; or -1 */
	unsigned restarts;	/* a minute at most */
	int state_fd;		/* of the portd whose place this one takes, or -1 */
	bool only_check;	/* reads it, and says whether that could be done */
	bool verbose;
	bool background;
	bool arm_if_set;
	bool no_resend;
	bool no_sandbox;
	unsigned memory_mib;
	unsigned idle_s;
	unsigned deadline_s;
	unsigned linger_s;
};

struct portd {
	uv_loop_t loop;
	uv_poll_t listener;
	uv_signal_t term;
	uv_signal_t interrupt;
	uv_signal_t replace;
	uv_signal_t reload;
	uv_poll_t linger;
	uv_timer_t patience;	/* until clients are let in after a crash */
	int linger_fd;		/* a timerfd */
	struct keeper keeper;
	struct world *world;
	struct hold hold;	/* as it was at the start; then the keeper has it */
	uint64_t since;		/* 0: now */
	uint64_t linger_ms;
	uint64_t alone_since;	/* loop time; 0: it is not alone */
	struct instance instance;
	struct replace_self self;
	bool keeping;
	bool ending;
};

/* Options -------------------------------------------------------------------- */

static const char usage[] =
    "usage: hird-portd [OPTION...]\n"
    "Keeps your translators: rights, messages, nodes. Tools start it when they need it.\n"
    "\n"
    "  -b, --background         return when it is ready\n"
    "      --arm-if-set         exit at once when nothing is set (for a login unit)\n"
    "      --idle=SECONDS       a translator without requests leaves after so long (300)\n"
    "      --deadline=SECONDS   one that does not move for so long is started anew (30); 0: never\n"
    "      --linger=SECONDS     without nodes and clients, end after so long (30)\n"
    "      --memory=MIB         what a translator may take, 0: all that there is (2048)\n"
    "      --no-sandbox         let translators do all that you may, for debugging\n"
    "      --no-resend          do as on Linux before 6.9, which cannot deliver a request again\n"
    "      --restarts=N         give up when it has died more often within a minute (10)\n"
    "  -v, --verbose            say more\n"
    "  -h, -?, --help           this\n"
    "  -V, --version            which one this is\n";

enum {
	OPTION_ARM = 256,
	OPTION_IDLE,
	OPTION_DEADLINE,
	OPTION_LINGER,
	OPTION_NO_RESEND,
	OPTION_NO_SANDBOX,
	OPTION_MEMORY,
	OPTION_RESTARTS,
	/* From the holder. */
	OPTION_HOLDER,
	/* Between two portds, see replace.h. */
	OPTION_STATE,
	OPTION_CHECK_STATE,
	OPTION_STATE_VERSION,
};

static const struct option long_options[] = {
	{ "background", no_argument, NULL, 'b' },
	{ "arm-if-set", no_argument, NULL, OPTION_ARM },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "linger", required_argument, NULL, OPTION_LINGER },
	{ "no-resend", no_argument, NULL, OPTION_NO_RESEND },
	{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "restarts", required_argument, NULL, OPTION_RESTARTS },
	{ "holder", required_argument, NULL, OPTION_HOLDER },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "check-state", required_argument, NULL, OPTION_CHECK_STATE },
	{ "state-version", no_argument, NULL, OPTION_STATE_VERSION },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static unsigned
parse_number(const char *option, const char *value, unsigned min, unsigned max, const char *what)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno == 0 && *value >= '0' && *value <= '9' && *end == '\0' && number >= min && number <= max)
		return (unsigned)number;
	log_error("--%s=%s: give a number%s, %u to %u", option, value, what, min, max);
	exit(EXIT_USAGE);
}

static unsigned
parse_seconds(const char *option, const char *value)
{
	return parse_number(option, value, 0, 1000000, " of seconds");
}

static void
bad_usage(void)
{
	log_error("see hird-portd --help");
	exit(EXIT_USAGE);
}

static void
take_option(struct settings *settings, int option)
{
	switch (option) {
	case 'b':
		settings->background = true;
		break;
	case 'v':
		settings->verbose = true;
		log_verbose(true);
		break;
	case OPTION_ARM:
		settings->arm_if_set = true;
		break;
	case OPTION_IDLE:
		settings->idle_s = parse_seconds("idle", optarg);
		break;
	case OPTION_DEADLINE:
		settings->deadline_s = parse_seconds("deadline", optarg);
		break;
	case OPTION_LINGER:
		settings->linger_s = parse_seconds("linger", optarg);
		break;
	case OPTION_NO_RESEND:
		settings->no_resend = true;
		break;
	case OPTION_NO_SANDBOX:
		settings->no_sandbox = true;
		break;
	case OPTION_MEMORY:
		settings->memory_mib = parse_number("memory", optarg, 0, 1000000, " of MiB");
		break;
	case OPTION_RESTARTS:
		settings->restarts = parse_number("restarts", optarg, 1, RESTARTS_MAX, "");
		break;
	case OPTION_HOLDER:
		settings->holder_fd = (int)parse_seconds("holder", optarg);
		break;
	case OPTION_CHECK_STATE:
		settings->only_check = true;
		settings->state_fd = (int)parse_seconds("check-state", optarg);
		break;
	case OPTION_STATE:
		settings->state_fd = (int)parse_seconds("state", optarg);
		break;
	case OPTION_STATE_VERSION:
		replace_say_version();
		exit(0);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	case 'V':
		puts("hird-portd (hird) " VERSION);
		exit(0);
	default:
		if (optopt == '?') {
			fputs(usage, stdout);
			exit(0);
		}
		bad_usage();
	}
}

static void
parse_options(struct settings *settings, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "bvhV", long_options, NULL)) != -1)
		take_option(settings, option);
	if (optind < argc) {
		log_error("%s: takes no arguments", argv[optind]);
		bad_usage();
	}
}

/* The end -------------------------------------------------------------------------- */

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
on_ended(void *arg)
{
	struct portd *portd = arg;

	keeper_deinit(&portd->keeper);
	portd->keeping = false;
	world_free(portd->world);
	portd->world = NULL;
	close_handle((uv_handle_t *)&portd->term, NULL);
	close_handle((uv_handle_t *)&portd->interrupt, NULL);
	close_handle((uv_handle_t *)&portd->replace, NULL);
	close_handle((uv_handle_t *)&portd->reload, NULL);
	close_handle((uv_handle_t *)&portd->patience, NULL);
	if (portd->linger_fd >= 0)
		close_handle((uv_handle_t *)&portd->linger, NULL);
	fd_close(&portd->linger_fd);
}

static void
end(void *arg)
{
	struct portd *portd = arg;

	if (portd->ending)
		return;
	portd->ending = true;
	uv_close((uv_handle_t *)&portd->listener, NULL);
	instance_unlisten(&portd->instance);
	keeper_end(&portd->keeper, on_ended, portd);
}

static void
on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	end(handle->data);
}

static void
on_replace(uv_signal_t *handle, int number)
{
	struct portd *portd = handle->data;

	(void)number;
	replace_by_signal(&portd->keeper);
}

static void
on_reload(uv_signal_t *handle, int number)
{
	struct portd *portd = handle->data;

	(void)number;
	if (portd->keeping && !portd->ending)
		admit_reload(portd->keeper.admit);
}

/* Alone for as long as it lingers: nobody needs it. */
static void
on_linger(uv_poll_t *timer, int status, int events)
{
	struct portd *portd = timer->data;
	uint64_t now = uv_now(&portd->loop), times;

	(void)status;
	(void)events;
	if (read(portd->linger_fd, &times, sizeof(times)) < 0)
		return;
	if (portd->keeper.n_nodes > 0 || world_tasks(portd->world) > 0 ||
	    !list_is_empty(&portd->keeper.incarnations) || names_is_busy(&portd->keeper.names))
		portd->alone_since = 0;
	else if (portd->alone_since == 0)
		portd->alone_since = now;
	else if (now - portd->alone_since >= portd->linger_ms)
		end(portd);
}

/* The loop ------------------------------------------------------------------------- */

static void
on_client(uv_poll_t *poll, int status, int events)
{
	struct portd *portd = poll->data;
	int fd;

	(void)status;
	(void)events;
	while ((fd = accept4(portd->instance.listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		portd->alone_since = 0;
		if (world_accept(portd->world, fd) < 0)
			log_debug("a client was refused");
	}
}

/* A look now and then. A timer of the loop's would be set and unset around each of its
 * waits, which costs every frame half a microsecond. */
static void
begin_lingering(struct portd *portd)
{
	uint64_t look_ms = portd->linger_ms / 4 + 1;
	struct itimerspec look = { .it_interval = {
		.tv_sec = (time_t)(look_ms / 1000),
		.tv_nsec = (long)(look_ms % 1000) * 1000000,
	} };
	int err;

	look.it_value = look.it_interval;
	portd->linger_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = uv_poll_init(&portd->loop, &portd->linger, portd->linger_fd);
	if (err) {
		log_error("no timer: it will not end by itself: %s", uv_strerror(err));
		fd_close(&portd->linger_fd);
		return;
	}
	portd->linger.data = portd;
	timerfd_settime(portd->linger_fd, 0, &look, NULL);
	uv_poll_start(&portd->linger, UV_READABLE, on_linger);
}

/* Everything that was there is there again, or no more is waited for. */
static void
let_clients_in(void *arg)
{
	struct portd *portd = arg;

	if (portd->ending || uv_is_closing((uv_handle_t *)&portd->listener))
		return;
	uv_timer_stop(&portd->patience);
	uv_poll_start(&portd->listener, UV_READABLE, on_client);
}

static void
on_patience(uv_timer_t *timer)
{
	let_clients_in(timer->data);
}

/* Whoever comes after a crash finds translators that can be spoken with. */
static void
begin_listening(struct portd *portd)
{
	if (portd->keeper.n_returning == 0)
		let_clients_in(portd);
	else
		uv_timer_start(&portd->patience, on_patience, RETURN_WAIT_MS, 0);
}

static void
begin_loop(struct portd *portd)
{
	sigset_t none;

	uv_timer_init(&portd->loop, &portd->patience);
	portd->patience.data = portd;
	uv_poll_init(&portd->loop, &portd->listener, portd->instance.listen_fd);
	uv_signal_init(&portd->loop, &portd->term);
	uv_signal_init(&portd->loop, &portd->interrupt);
	uv_signal_init(&portd->loop, &portd->replace);
	uv_signal_init(&portd->loop, &portd->reload);
	portd->listener.data = portd->term.data = portd->interrupt.data = portd;
	portd->replace.data = portd->reload.data = portd;
	begin_listening(portd);
	uv_signal_start(&portd->term, on_signal, SIGTERM);
	uv_signal_start(&portd->interrupt, on_signal, SIGINT);
	uv_signal_start(&portd->replace, on_replace, SIGUSR2);
	uv_signal_start(&portd->reload, on_reload, SIGHUP);
	/* Those that came while one portd became another. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	begin_lingering(portd);
}

static char *
make_log_dir(const char *state_dir)
{
	char *path = NULL;

	if (asprintf(&path, "%s/" RUNTIME_LOGS, state_dir) < 0)
		return NULL;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		log_error("%s: %s; translators' words are kept in memory only", path, strerror(errno));
	return path;
}

/* The store, then the world, then the keeper of nodes. */
static int
open_keeper(struct portd *portd, const struct settings *settings, char *runtime_dir,
    char *state_dir)
{
	AUTO_FREE char *store_path = NULL;
	AUTO_TEXT struct text why = { 0 };
	struct keeper_config config = {
		.loop = &portd->loop,
		.idle_ms = settings->idle_s * 1000u,
		.deadline_ms = settings->deadline_s * 1000u,
		.no_resend = settings->no_resend,
		.no_sandbox = settings->no_sandbox,
		.memory = (uint64_t)settings->memory_mib << 20,
		.runtime_dir = runtime_dir,
		.state_dir = state_dir,
		.self = &portd->self,
		.stop = end,
		.returned = let_clients_in,
		.stop_arg = portd,
		.hold = portd->hold,
	};
	int err;

	config.log_dir = make_log_dir(state_dir);
	portd->world = world_new(&portd->loop, getuid());
	config.world = portd->world;
	if (asprintf(&store_path, "%s/" RUNTIME_STORE, state_dir) < 0)
		store_path = NULL;
	if (store_path)
		config.store = store_open(store_path, &why);
	portd->keeping = true;
	err = settings->state_fd >= 0 ? keeper_open(&portd->keeper, &config, &why)
				      : keeper_init(&portd->keeper, &config, &why);
	if (err < 0)
		log_error("%s", why.size ? text_string(&why) : "out of memory");
	return err;
}

static int
serve(struct portd *portd, const struct settings *settings, char *runtime_dir, char *state_dir)
{
	int err = open_keeper(portd, settings, runtime_dir, state_dir);

	if (err < 0)
		return err;
	if (settings->arm_if_set && portd->keeper.n_nodes == 0 && portd->instance.listen_fd < 0) {
		instance_ready(&portd->instance, portd->keeper.log_dir);
		return 1;
	}
	if (portd->since)
		portd->keeper.since = portd->since;
	err = portd->instance.listen_fd < 0 ? instance_listen(&portd->instance, runtime_dir)
					    : instance_take_over(&portd->instance, runtime_dir);
	if (err < 0)
		return err;
	instance_deposit(&portd->instance, &portd->keeper.hold, portd->keeper.since);
	begin_loop(portd);
	if (instance_ready(&portd->instance, portd->keeper.log_dir))
		hold_say_output(&portd->keeper.hold);
	keeper_begin(&portd->keeper);
	uv_run(&portd->loop, UV_RUN_DEFAULT);
	return 0;
}

/* What the other one wrote: its lock and its socket, then what is in the world, then what
 * the keeper has. */
static int
read_state(struct portd *portd, struct state *state, struct tape *tape)
{
	AUTO_TEXT struct text why = { 0 };
	int err;

	portd->instance.lock_fd = tape_get_some_fd(tape);
	portd->instance.listen_fd = tape_get_some_fd(tape);
	hold_get_self(tape, &portd->keeper.hold);
	if (state_get(state, tape, portd->world))
		keeper_get(state, &portd->keeper);
	err = state_finish(state, &why);
	if (err)
		log_error("%s", text_string(&why));
	return err;
}

/* Goes on where another one stopped, or only sees whether that is possible. What was read in
 * part is nothing to clean up. */
static int
take_over(struct portd *portd, const struct settings *settings, char *runtime_dir,
    char *state_dir)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TAPE struct tape tape = { 0 };
	AUTO_STATE struct state state = { 0 };
	int err = tape_open(&tape, settings->state_fd, &why);

	if (err)
		log_error("%s", text_string(&why));
	if (err || open_keeper(portd, settings, runtime_dir, state_dir) < 0 ||
	    read_state(portd, &state, &tape) < 0 ||
	    instance_take_over(&portd->instance, runtime_dir) < 0)
		_exit(1);
	if (settings->only_check) {
		replace_say_good();
		fflush(stdout);
		_exit(0);
	}
	begin_loop(portd);
	state_resume(&state);
	keeper_resume(&portd->keeper);
	kept_all(&portd->keeper);
	instance_deposit(&portd->instance, &portd->keeper.hold, portd->keeper.since);
	hold_say_program(&portd->keeper.hold);
	replace_answer(&portd->keeper);
	uv_run(&portd->loop, UV_RUN_DEFAULT);
	return 0;
}

static void
clean_up(struct portd *portd)
{
	if (portd->keeping)
		keeper_deinit(&portd->keeper);
	if (portd->world)
		world_free(portd->world);
	uv_walk(&portd->loop, close_handle, NULL);
	uv_run(&portd->loop, UV_RUN_DEFAULT);
	uv_loop_close(&portd->loop);
	instance_deinit(&portd->instance);
	fd_close(&portd->hold.fd);
	free(portd->self.program);
	argv_deinit(&portd->self.argv);
}

/* As many descriptors as we may: a node takes three. */
static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Paths of nodes are compared with these. Eats path. */
static char *
canonical(char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;

	if (!real)
		return path;
	free(path);
	return real;
}

static int
run(struct portd *portd, const struct settings *settings)
{
	AUTO_TEXT struct text why = { 0 };
	char *runtime_dir_path = canonical(runtime_dir(1, &why));
	char *state_dir = runtime_dir_path ? canonical(runtime_state_dir(1, &why)) : NULL;
	int err;

	if (!state_dir) {
		log_error("%s", text_string(&why));
		free(runtime_dir_path);
		return 1;
	}
	err = settings->state_fd >= 0 || instance_withdraw(&portd->instance, &portd->hold, &portd->since)
	    ? 0 : instance_lock(&portd->instance, runtime_dir_path);
	if (err < 0) {
		free(runtime_dir_path);
		free(state_dir);
		return 1;
	}
	uv_loop_init(&portd->loop);
	if (settings->state_fd >= 0)
		err = take_over(portd, settings, runtime_dir_path, state_dir);
	else
		err = serve(portd, settings, runtime_dir_path, state_dir);
	clean_up(portd);
	return err < 0 ? 1 : 0;
}

/* How another one would be started. */
static void
know_self(struct portd *portd, const struct settings *settings, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct argv *argv = &portd->self.argv;
	int err;

	path[n > 0 ? n : 0] = '\0';
	portd->self.program = strdup(path);
	portd->self.lock_fd = &portd->instance.lock_fd;
	portd->self.listen_fd = &portd->instance.listen_fd;
	err = argv_add(argv, name) | argv_printf(argv, "--idle=%u", settings->idle_s) |
	    argv_printf(argv, "--deadline=%u", settings->deadline_s) |
	    argv_printf(argv, "--linger=%u", settings->linger_s);
	err |= argv_printf(argv, "--memory=%u", settings->memory_mib);
	err |= argv_printf(argv, "--restarts=%u", settings->restarts);
	if (settings->no_resend)
		err |= argv_add(argv, "--no-resend");
	if (settings->no_sandbox)
		err |= argv_add(argv, "--no-sandbox");
	if (settings->verbose)
		err |= argv_add(argv, "--verbose");
	if (err)
		argv_deinit(argv);
}

/* This process becomes the holder, and starts us as its worker. */
static int
begin_holder(struct portd *portd, const struct settings *settings, char **argv)
{
	if (settings->background)
		instance_enter_background(&portd->instance);
	return instance_become_holder(&portd->instance, portd->self.program, argv, settings->restarts);
}

int
main(int argc, char **argv)
{
	struct settings settings = {
		.state_fd = -1, .holder_fd = -1, .restarts = DEFAULT_RESTARTS,
		.idle_s = DEFAULT_IDLE_S, .deadline_s = DEFAULT_DEADLINE_S,
		.linger_s = DEFAULT_LINGER_S, .memory_mib = DEFAULT_MEMORY_MIB,
	};
	static struct portd portd = { .instance = INSTANCE_NONE, .hold = { .fd = -1 } };

	log_name("hird-portd");
	prctl(PR_SET_NAME, "hird-portd");	/* an exec by descriptor calls it after that */
	instance_open_standard();
	parse_options(&settings, argc, argv);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	raise_limits();
	if (chdir("/") < 0)
		log_debug("cannot leave this directory: %s", strerror(errno));
	portd.linger_ms = settings.linger_s * 1000u;
	know_self(&portd, &settings, argv[0]);
	if (settings.holder_fd >= 0)
		instance_join_holder(&portd.instance, settings.holder_fd, &portd.hold);
	else if (settings.state_fd < 0)
		return begin_holder(&portd, &settings, argv);
	return run(&portd, &settings);
}
