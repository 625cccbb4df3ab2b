/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird-portd: one per user. This file gets it going and ends it: options, the lock, the
 * socket, signals, the loop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "portd/instance.h"
#include "portd/keeper.h"
#include "portd/world.h"
#include "wire/runtime.h"


enum {
	EXIT_USAGE = 64,
	DEFAULT_IDLE_S = 300,
	DEFAULT_LINGER_S = 30,
};

struct settings {
	bool background;
	bool arm_if_set;
	bool no_resend;
	unsigned idle_s;
	unsigned linger_s;
};

struct portd {
	uv_loop_t loop;
	uv_poll_t listener;
	uv_signal_t term;
	uv_signal_t interrupt;
	uv_timer_t linger;
	struct keeper keeper;
	struct world *world;
	uint64_t linger_ms;
	uint64_t alone_since;	/* loop time; 0: it is not alone */
	struct instance instance;
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
    "      --linger=SECONDS     without nodes and clients, end after so long (30)\n"
    "      --no-resend          do as on Linux before 6.9, which cannot deliver a request again\n"
    "  -v, --verbose            say more\n"
    "  -h, -?, --help           this\n"
    "  -V, --version            which one this is\n";

enum { OPTION_ARM = 256, OPTION_IDLE, OPTION_LINGER, OPTION_NO_RESEND };

static const struct option long_options[] = {
	{ "background", no_argument, NULL, 'b' },
	{ "arm-if-set", no_argument, NULL, OPTION_ARM },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "linger", required_argument, NULL, OPTION_LINGER },
	{ "no-resend", no_argument, NULL, OPTION_NO_RESEND },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static unsigned
parse_seconds(const char *option, const char *value)
{
	char *end;
	unsigned long seconds;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (errno == 0 && *value >= '0' && *value <= '9' && *end == '\0' && seconds <= 1000000)
		return (unsigned)seconds;
	log_error("--%s=%s: give a number of seconds, 0 to 1000000", option, value);
	exit(EXIT_USAGE);
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
		log_verbose(true);
		break;
	case OPTION_ARM:
		settings->arm_if_set = true;
		break;
	case OPTION_IDLE:
		settings->idle_s = parse_seconds("idle", optarg);
		break;
	case OPTION_LINGER:
		settings->linger_s = parse_seconds("linger", optarg);
		break;
	case OPTION_NO_RESEND:
		settings->no_resend = true;
		break;
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
	close_handle((uv_handle_t *)&portd->linger, NULL);
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

/* Alone for as long as it lingers: nobody needs it. */
static void
on_linger(uv_timer_t *timer)
{
	struct portd *portd = timer->data;
	uint64_t now = uv_now(&portd->loop);

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

static void
begin_loop(struct portd *portd)
{
	uint64_t look = portd->linger_ms / 4 + 1;

	uv_poll_init(&portd->loop, &portd->listener, portd->instance.listen_fd);
	uv_signal_init(&portd->loop, &portd->term);
	uv_signal_init(&portd->loop, &portd->interrupt);
	uv_timer_init(&portd->loop, &portd->linger);
	portd->listener.data = portd->term.data = portd->interrupt.data = portd->linger.data = portd;
	uv_poll_start(&portd->listener, UV_READABLE, on_client);
	uv_signal_start(&portd->term, on_signal, SIGTERM);
	uv_signal_start(&portd->interrupt, on_signal, SIGINT);
	uv_timer_start(&portd->linger, on_linger, look, look);
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
		.no_resend = settings->no_resend,
		.runtime_dir = runtime_dir,
		.state_dir = state_dir,
		.stop = end,
		.stop_arg = portd,
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
	err = keeper_init(&portd->keeper, &config, &why);
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
	if (settings->arm_if_set && portd->keeper.n_nodes == 0) {
		instance_ready(&portd->instance, portd->keeper.log_dir);
		return 1;
	}
	err = instance_listen(&portd->instance, runtime_dir);
	if (err < 0)
		return err;
	begin_loop(portd);
	instance_ready(&portd->instance, portd->keeper.log_dir);
	keeper_begin(&portd->keeper);
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
	err = instance_lock(&portd->instance, runtime_dir_path);
	if (err < 0) {
		free(runtime_dir_path);
		free(state_dir);
		return 1;
	}
	uv_loop_init(&portd->loop);
	err = serve(portd, settings, runtime_dir_path, state_dir);
	clean_up(portd);
	return err < 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct settings settings = { .idle_s = DEFAULT_IDLE_S, .linger_s = DEFAULT_LINGER_S };
	static struct portd portd = { .instance = INSTANCE_NONE };


	log_name("hird-portd");
	instance_open_standard();
	parse_options(&settings, argc, argv);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	raise_limits();
	if (chdir("/") < 0)
		log_debug("cannot leave this directory: %s", strerror(errno));
	portd.linger_ms = settings.linger_s * 1000u;
	if (settings.background)
		instance_enter_background(&portd.instance);
	return run(&portd, &settings);
}
