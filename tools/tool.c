/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tool: what every command has in common. See tool.h. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "port/port.h"
#include "tools/record.h"
#include "tools/tool.h"
#include "wire/frame.h"
#include "wire/runtime.h"

enum {
	CONNECT_WAIT_MS = 15 * 1000,	/* a portd that ends gives its translators time */
	CONNECT_PAUSE_MS = 20,
	ARM_WAIT_MS = 5000,		/* a new portd mounts what is set */
	ARM_PAUSE_MS = 10,
};

static const char *program_name = "tool";
static bool attached;

/* Needs a static string. Descriptors 0, 1 and 2 that were closed become
 * /dev/null, so that nothing else lands there. */
void
tool_init(const char *name)
{
	int fd;

	program_name = name;
	log_name(name);
	setlocale(LC_CTYPE, "");
	opterr = 0;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* The name given to tool_init. */
const char *
tool_name(void)
{
	return program_name;
}

/* The version of this build; static. */
const char *
tool_version(void)
{
	return VERSION;
}

/* The one line of --version. */
void
tool_print_version(void)
{
	printf("%s (hird) %s\n", program_name, tool_version());
}

/* One line on stderr, written at once. */
void
tool_error(const char *where, const char *format, ...)
{
	AUTO_TEXT struct text line = { 0 };
	va_list args;

	text_printf(&line, "%s: ", program_name);
	if (where) {
		text_safe(&line, where);
		text_puts(&line, ": ");
	}
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	fflush(stdout);
	if (line.error)
		fprintf(stderr, "%s: %s\n", program_name, strerror(-line.error));
	else
		fprintf(stderr, "%s\n", text_string(&line));
}

/* Returns the exit status for main. */
int
tool_finish(int status)
{
	errno = 0;
	if (ferror(stdout) || fflush(stdout) != 0 || close(STDOUT_FILENO) != 0) {
		tool_error(NULL, "standard output: %s", errno ? strerror(errno) : "write error");
		return status ? status : 1;
	}
	return status;
}

/* Whether getopt_long's answer stands for -?. */
bool
tool_wants_help(int c)
{
	return c == '?' && optopt == '?';
}

/* Needs optind and optopt as getopt_long left them. */
int
tool_bad_option(int c, char *const *argv)
{
	AUTO_TEXT struct text option = { 0 };
	const char *word = argv[optind - 1];

	if (strncmp(word, "--", 2) == 0)
		text_safe(&option, word);
	else
		text_printf(&option, "-%c", optopt);
	if (c == ':')
		return tool_usage("%s needs a value", text_string(&option));
	if (optopt != 0 && strncmp(word, "--", 2) == 0)
		return tool_usage("%s takes no value", text_string(&option));
	return tool_usage("%s is not an option of mine", text_string(&option));
}

/* Says what is wrong with the command line, and where to read more. */
int
tool_usage(const char *format, ...)
{
	AUTO_TEXT struct text line = { 0 };
	va_list args;

	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	tool_error(NULL, "%s; try %s --help", text_string(&line), program_name);
	return TOOL_USAGE;
}

static bool
is_dot_name(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static char *
path_failed(struct text *why, int *errnump, int errnum, const char *what)
{
	*errnump = errnum;
	text_puts(why, what);
	return NULL;
}

/* realpath of all of `name`; the error names the part. */
static char *
resolve_all(const char *name, struct text *why, int *errnump)
{
	char *path = realpath(name, NULL);

	if (!path) {
		*errnump = errno;
		text_safe(why, name);
		text_printf(why, ": %s", strerror(errno));
		return NULL;
	}
	if (strcmp(path, "/") == 0) {
		free(path);
		return path_failed(why, errnump, EINVAL,
		    "the root directory cannot be a node; name something below it");
	}
	return path;
}

/* `name` without trailing slashes, split at its last one: *lastp points into
 * the copy; an empty parent is ".". */
static char *
split_name(const char *name, char **lastp)
{
	size_t n = strlen(name);
	char *copy, *slash;

	while (n > 1 && name[n - 1] == '/')
		n--;
	copy = strndup(name, n);
	if (!copy)
		return NULL;
	slash = strrchr(copy, '/');
	*lastp = slash ? slash + 1 : copy;
	return copy;
}

/* Outputs are untouched on success but for the result. */
char *
tool_node_path(const char *name, bool follow, struct text *why, int *errnump)
{
	AUTO_FREE char *copy = NULL;
	AUTO_FREE char *parent = NULL;
	AUTO_FREE char *before = NULL;
	char *last, *path;

	if (!*name)
		return path_failed(why, errnump, ENOENT, "an empty name; name a file or a directory");
	copy = split_name(name, &last);
	if (!copy)
		return path_failed(why, errnump, ENOMEM, strerror(ENOMEM));
	if (follow || !*last || is_dot_name(last))
		return resolve_all(copy, why, errnump);
	if (strlen(last) > NAME_MAX)
		return path_failed(why, errnump, ENAMETOOLONG, strerror(ENAMETOOLONG));
	if (last == copy)
		before = strdup(".");
	else
		before = strndup(copy, last - copy > 1 ? (size_t)(last - copy) - 1 : 1);
	if (!before)
		return path_failed(why, errnump, ENOMEM, strerror(ENOMEM));
	parent = realpath(before, NULL);
	if (!parent) {
		*errnump = errno;
		text_puts(why, "its folder ");
		text_safe(why, before);
		text_printf(why, ": %s", strerror(errno));
		return NULL;
	}
	if (asprintf(&path, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, last) < 0)
		return path_failed(why, errnump, ENOMEM, strerror(ENOMEM));
	return path;
}

/* Adds to text. */
void
tool_show_path(struct text *text, const char *path)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	while (n > 1 && home[n - 1] == '/')
		n--;
	if (n > 1 && strncmp(path, home, n) == 0 && (path[n] == '/' || !path[n])) {
		text_puts(text, "~");
		path += n;
	}
	text_safe(text, path);
}

/* By the file's existence alone; its content is portd's. */
bool
tool_has_store(void)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = runtime_state_dir(0, &why);
	AUTO_FREE char *path = NULL;

	if (!dir || asprintf(&path, "%s/%s", dir, RUNTIME_STORE) < 0)
		return false;
	return access(path, F_OK) == 0;
}

/* Whether anybody has locked a file. It only asks: to try the lock would be in
 * the way of a portd that starts at this moment. (/proc/locks knows, too, but a
 * read of it waits for all processors: 14 ms.) */
static bool
is_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* portd's lock when somebody holds it, open for reading; else -1. */
static int
open_held_lock(void)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = runtime_dir(0, &why);
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (!dir || asprintf(&path, "%s/%s", dir, RUNTIME_LOCK) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && is_locked(fd) ? fd_steal(&fd) : -1;
}

/* A pid in a lock that nobody holds may be anybody's by now. */
int
tool_portd_pid(void)
{
	AUTO_CLOSE int fd = open_held_lock();
	char buf[32];
	ssize_t n = fd < 0 ? -1 : sys_read_all(fd, buf, sizeof(buf) - 1);
	int pid;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	pid = atoi(buf);
	return pid > 1 ? pid : 0;
}

/* Also while it begins, or ends, and nobody answers. */
static bool
portd_is_there(void)
{
	AUTO_CLOSE int fd = open_held_lock();

	return fd >= 0;
}

/* In the child: portd inherits stderr alone. */
static void __attribute__((noreturn))
exec_portd(const char *program, int null_fd, int err_fd)
{
	char *const argv[] = { (char *)program, (char *)"--background", NULL };

	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	sys_close_range(STDERR_FILENO + 1, ~0u);
	execv(program, argv);
	_exit(127);
}

/* The last line of what portd said, its own name taken off. */
static void
add_last_line(struct text *why, char *said)
{
	char *line;
	size_t n = strlen(said);

	while (n > 0 && said[n - 1] == '\n')
		said[--n] = '\0';
	line = strrchr(said, '\n');
	line = line ? line + 1 : said;
	n = strcspn(line, ": ");
	if (n >= 5 && strncmp(line + n - 5, "portd: ", 7) == 0)
		line += n + 2;
	text_safe(why, line);
}

/* Runs portd until it has gone into the background. A second one that lost
 * the race may fail; the caller finds out by connecting. */
static int
start_portd(struct text *why)
{
	AUTO_CLOSE int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_CLOSE int read_fd = -1;
	AUTO_CLOSE int write_fd = -1;
	const char *program = runtime_portd();
	char said[2048];
	int pair[2], status;
	ssize_t n;
	pid_t pid;

	if (null_fd < 0 || pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	read_fd = pair[0];
	write_fd = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_portd(program, null_fd, write_fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	text_puts(why, "portd could not be started: ");
	n = read(read_fd, said, sizeof(said) - 1);
	if (n > 0) {
		said[n] = '\0';
		add_last_line(why, said);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		text_safe(why, program);
		text_puts(why, " is not there; install hird, or set HIRD_PORTD");
	} else {
		text_printf(why, "it ended with status %d and said nothing",
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	return -ECHILD;
}

/* None runs, or one that is just ending. */
static bool
nobody_there(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -ECONNRESET ||
	    err == -ENOTCONN || err == -EPIPE;
}

static void
sleep_ms(long ms)
{
	const struct timespec pause = { .tv_nsec = ms * 1000000L };

	nanosleep(&pause, NULL);
}

/* The version that the running portd speaks, by a hello of our own; 0 when it
 * does not say. */
static uint32_t
ask_version(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct hello_in in = { .version = WIRE_VERSION, .program = program_name };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct frame frame = { .call = CALL_hello };
	struct hello_out out = { 0 };

	hello_in_put(&frame.body, &in);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, RUNTIME_SOCKET);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    frame_send(fd, &frame, 0) < 0) {
		wire_buf_deinit(&frame.body);
		return 0;
	}
	wire_buf_deinit(&frame.body);
	if (frame_receive(fd, &frame, 0) < 0)
		return 0;
	if (hello_out_get(&frame.body, &out) < 0)
		out.version = 0;
	wire_buf_deinit(&frame.body);
	return out.version;
}

static int
connect_failed(int err, const char *dir, struct text *why)
{
	uint32_t version = err == -EPROTO ? ask_version(dir) : 0;

	if (version && version != WIRE_VERSION)
		text_printf(why, "the running portd speaks version %u of the protocol, this %s version %d;"
		    " restart portd: hird stop", version, program_name, WIRE_VERSION);
	else if (err == -EPROTO)
		text_puts(why, "what answers in portd's place does not speak its protocol;"
		    " restart portd: hird stop");
	else
		text_printf(why, "portd does not answer: %s; try hird doctor", port_error_text(err));
	return err < 0 ? err : -EIO;
}

/* What is not mounted and has no reason for it will be mounted in a moment. */
static bool
is_arming(void)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };

	while (record_next(&record, &why) == 0)
		if (record.node.state == NODE_STATE_UNMOUNTED && !*record.node.reason)
			return true;
	return false;
}

/* Whoever has started portd finds the nodes mounted, as if it had always run. */
static void
wait_until_armed(void)
{
	int64_t end = sys_now_ms() + ARM_WAIT_MS;

	while (is_arming() && sys_now_ms() < end)
		sleep_ms(ARM_PAUSE_MS);
}

/* Starts portd, or waits for one that another tool is starting, or for the
 * end of one that is ending. */
static int
start_and_connect(const char *dir, struct text *why)
{
	int64_t end = sys_now_ms() + CONNECT_WAIT_MS;
	int err;

	do {
		AUTO_TEXT struct text started = { 0 };

		if (portd_is_there()) {
			sleep_ms(CONNECT_PAUSE_MS);
		} else if ((err = start_portd(&started)) < 0 && !portd_is_there()) {
			text_puts(why, started.size ? text_string(&started) : strerror(-err));
			return err;
		}
		err = port_connect(program_name);
	} while (nobody_there(err) && sys_now_ms() < end);
	if (err != 0)
		return connect_failed(err, dir, why);
	wait_until_armed();
	return 0;
}

static int
connect_or_start(enum tool_need need, struct text *why)
{
	AUTO_FREE char *dir = runtime_dir(need != TOOL_IF_RUNS, why);
	int err;

	if (!dir)
		return need == TOOL_IF_RUNS && !why->size ? 1 : -EACCES;
	err = port_connect(program_name);
	if (err == 0)
		return 0;
	if (!nobody_there(err))
		return connect_failed(err, dir, why);
	if (need == TOOL_IF_RUNS || (need == TOOL_IF_SET && !tool_has_store()))
		return 1;
	return start_and_connect(dir, why);
}

/* On success port_bootstrap() is the keeper of nodes. Once attached it stays
 * so. */
int
tool_connect(enum tool_need need, struct text *why)
{
	int err = attached ? 0 : connect_or_start(need, why);

	attached |= err == 0;
	return err;
}

/* The server's own line says more than its code does. */
void
tool_rpc_text(struct text *text, int code, const char *line, const char *path)
{
	size_t n = path ? strlen(path) : 0;

	if (line && n && strncmp(line, path, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		line += n + 2;
	if (code == PORT_E_RPC_SERVER_DIED || code == -ENOTCONN)
		text_puts(text, "portd went away before it answered; try again");
	else if (code == PORT_E_RCV_TIMED_OUT)
		text_puts(text, "portd did not answer in time; see hird doctor");
	else if (line && *line)
		text_safe(text, line);
	else
		text_puts(text, port_error_text(code));
}
