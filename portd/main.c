/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird-portd: one per user. This file gets it going and ends it: options, the lock, the
 * socket, signals, the loop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "portd/keeper.h"
#include "portd/world.h"
#include "wire/runtime.h"


enum {
	EXIT_USAGE = 64,
	BACKLOG = 64,
	LOG_MAX = 256 * 1024,
	DEFAULT_IDLE_S = 300,
	DEFAULT_LINGER_S = 30,
};

struct settings {
	bool background;
	bool arm_if_set;
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
	int listen_fd;
	int lock_fd;
	int ready_fd;		/* a parent waits for a byte here, or -1 */
	char *socket_path;
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
    "  -v, --verbose            say more\n"
    "  -h, -?, --help           this\n"
    "  -V, --version            which one this is\n";

enum { OPTION_ARM = 256, OPTION_IDLE, OPTION_LINGER };

static const struct option long_options[] = {
	{ "background", no_argument, NULL, 'b' },
	{ "arm-if-set", no_argument, NULL, OPTION_ARM },
	{ "idle", required_argument, NULL, OPTION_IDLE },
	{ "linger", required_argument, NULL, OPTION_LINGER },
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

/* The background --------------------------------------------------------------- */

/* In the parent: waits until the child is ready (a byte) or has ended without that; what it
 * had to say stands on standard error already. */
static void __attribute__((noreturn))
wait_for_child(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? byte : 1);
}

/* The child lives on without a terminal. Standard error is kept until it is ready. */
static void
enter_background(struct portd *portd)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_error("cannot go into the background: %s", strerror(errno));
		exit(1);
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	setsid();
	portd->ready_fd = fds[1];
}

static void
redirect_output(const char *log_dir)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int log = -1;
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (asprintf(&path, "%s/portd", log_dir) < 0)
		path = NULL;
	if (path && stat(path, &st) == 0 && st.st_size > LOG_MAX)
		unlink(path);
	if (path)
		log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
}

static void
tell_ready(struct portd *portd, char status)
{
	if (portd->ready_fd < 0)
		return;
	redirect_output(portd->keeper.log_dir ? portd->keeper.log_dir : "/");
	if (write(portd->ready_fd, &status, 1) < 0)
		log_debug("nobody waits any more");
	fd_close(&portd->ready_fd);
}

/* One at a time ------------------------------------------------------------------ */

static int
lock(struct portd *portd, const char *runtime_dir)
{
	AUTO_FREE char *path = NULL;
	char pid[32];
	ssize_t n;

	if (asprintf(&path, "%s/" RUNTIME_LOCK, runtime_dir) < 0)
		return -ENOMEM;
	portd->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (portd->lock_fd < 0) {
		log_error("%s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(portd->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
		if (ftruncate(portd->lock_fd, 0) < 0 || pwrite(portd->lock_fd, pid, (size_t)n, 0) < 0)
			log_error("%s: %s", path, strerror(errno));
		return 0;
	}
	n = pread(portd->lock_fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	log_error("already runs (pid %s)", pid[0] ? pid : "unknown");
	return -EEXIST;
}

static int
open_socket(struct portd *portd, const char *runtime_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int on = 1;

	if (asprintf(&portd->socket_path, "%s/" RUNTIME_SOCKET, runtime_dir) < 0)
		return -ENOMEM;
	if (strlen(portd->socket_path) >= sizeof(address.sun_path)) {
		log_error("%s: too long for a socket; set XDG_RUNTIME_DIR to a shorter path",
		    portd->socket_path);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, portd->socket_path);
	unlink(portd->socket_path);	/* of a dead one: the lock is ours */
	portd->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (portd->listen_fd < 0 ||
	    /* Inherited by what is accepted: set later, the first words would come unsigned. */
	    setsockopt(portd->listen_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(portd->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(portd->listen_fd, BACKLOG) < 0) {
		log_error("%s: %s", portd->socket_path, strerror(errno));
		return -errno;
	}
	return 0;
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
	close_handle((uv_handle_t *)&portd->listener, NULL);
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
	uv_poll_stop(&portd->listener);
	unlink(portd->socket_path);
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
	    !list_is_empty(&portd->keeper.incarnations))
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
	while ((fd = accept4(portd->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		portd->alone_since = 0;
		if (world_accept(portd->world, fd) < 0)
			log_debug("a client was refused");
	}
}

static void
begin_loop(struct portd *portd)
{
	uint64_t look = portd->linger_ms / 4 + 1;

	uv_poll_init(&portd->loop, &portd->listener, portd->listen_fd);
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
		tell_ready(portd, 0);
		return 1;
	}
	err = open_socket(portd, runtime_dir);
	if (err < 0)
		return err;
	begin_loop(portd);
	tell_ready(portd, 0);
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
	if (portd->listen_fd >= 0 && !portd->ending)
		unlink(portd->socket_path);
	fd_close(&portd->listen_fd);
	fd_close(&portd->lock_fd);
	fd_close(&portd->ready_fd);
	free(portd->socket_path);
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

static int
run(struct portd *portd, const struct settings *settings)
{
	AUTO_TEXT struct text why = { 0 };
	char *runtime_dir_path = runtime_dir(1, &why);
	char *state_dir = runtime_dir_path ? runtime_state_dir(1, &why) : NULL;
	int err;

	if (!state_dir) {
		log_error("%s", text_string(&why));
		free(runtime_dir_path);
		return 1;
	}
	err = lock(portd, runtime_dir_path);
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
	static struct portd portd = { .listen_fd = -1, .lock_fd = -1, .ready_fd = -1 };

	log_name("hird-portd");
	parse_options(&settings, argc, argv);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	raise_limits();
	if (chdir("/") < 0)
		log_debug("cannot leave this directory: %s", strerror(errno));
	portd.linger_ms = settings.linger_s * 1000u;
	if (settings.background)
		enter_background(&portd);
	return run(&portd, &settings);
}
