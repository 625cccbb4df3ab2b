/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hird-holder: keeps what must outlive a death of hird-portd, and starts it again.
 *
 *   hird-holder LIMIT READY PROGRAM ARGV0 [ARGUMENT...]
 *
 * hird-portd executes it at its start, and it starts hird-portd again, as its worker. It
 * keeps descriptors under keys and looks into none of them. It reads nothing but
 * messages of one size from its worker, which is the same user's. LIMIT: so many deaths
 * within a minute, and it gives up. READY: a descriptor for the first worker, or -1.
 *
 * A service manager that keeps descriptors (sd_notify(3), FDSTORE) gets them all, and gives
 * them back to the holder that it starts after this one. It wants each only once, so each
 * has a name of its own, "f-ID"; the first one of an entry is new every time it is put, and
 * its name is the entry: "e-KEY-NUMBER-ID-ID...".
 *
 * Small, so that it can be seen to be right: no library but the C library. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/hold.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

enum {
	WORKER_FD = 3,		/* the worker's end of the pair, and its READY */
	READY_FD = 4,
	OUT_OF_THE_WAY = 16,
	GIVEN_FD = 3,		/* the first one from a manager */
	NAME_MAX_SIZE = 256,	/* of a name in its store */
	LIMIT_MAX = 1000,
	MINUTE_MS = 60 * 1000,
	SHORT_LIFE_MS = 1000,	/* of a worker; the next one has to wait a little */
	PAUSE_MIN_MS = 10,
	PAUSE_MAX_MS = 1000,
};

struct held {
	int fd;
	uint64_t id;		/* in the manager's store, of all but the first; 0: not there */
};

struct entry {
	uint64_t key;
	uint64_t number;	/* in the manager's store; 0: not there */
	size_t n_fds;
	struct held held[];
};

static struct {
	char **argv;		/* of the worker */
	int program;		/* O_PATH of it */
	int ready;
	pid_t worker;		/* 0: none runs */
	int socket;		/* to it */
	int signals;
	bool ending;		/* it was asked to end */
	struct entry **entries;
	size_t n_entries, room;
	unsigned limit;
	uint32_t restarts;
	int64_t deaths[LIMIT_MAX];	/* when the last ones were, around and around */
	int64_t started_at;
	int64_t start_at;	/* when to start the next one */
	int pause_ms;
	int notify;		/* a socket to the manager, or -1 */
	struct sockaddr_un manager;
	socklen_t manager_size;
	uint64_t last_id, last_number;
} holder = { .program = -1, .ready = -1, .socket = -1, .signals = -1, .notify = -1 };

static void __attribute__((format(printf, 1, 2)))
say(const char *format, ...)
{
	char line[300] = "hird-portd: ";
	size_t start = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return;		/* nobody hears it */
}

static void __attribute__((noreturn))
die(const char *what)
{
	say("%s: %s", what, strerror(errno));
	exit(1);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The manager's store ---------------------------------------------------------------- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(HOLD_FDS_MAX * sizeof(int))];
};

static void
put_fds(struct msghdr *header, union control *control, const int *fds, size_t n_fds)
{
	if (n_fds == 0)
		return;
	header->msg_control = control->room;
	header->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	control->header.cmsg_level = SOL_SOCKET;
	control->header.cmsg_type = SCM_RIGHTS;
	control->header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(&control->header), fds, n_fds * sizeof(int));
}

static void
notify(const char *what, const char *name, int fd)
{
	char text[NAME_MAX_SIZE + 64];
	union control control = { 0 };
	struct iovec iov = { .iov_base = text };
	struct msghdr header = {
		.msg_name = &holder.manager, .msg_namelen = holder.manager_size,
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	/* It would forget a descriptor at whose other end nobody is; that is for the worker. */
	iov.iov_len = (size_t)snprintf(text, sizeof(text), "%s\nFDNAME=%s%s", what, name,
	    fd >= 0 ? "\nFDPOLL=0" : "");
	put_fds(&header, &control, &fd, fd >= 0);
	if (sendmsg(holder.notify, &header, MSG_NOSIGNAL) < 0)
		say("the service manager cannot be told: %s", strerror(errno));
}

static void
store_fd(uint64_t id, int fd)
{
	char name[NAME_MAX_SIZE];

	snprintf(name, sizeof(name), "f-%llx", (unsigned long long)id);
	notify(fd >= 0 ? "FDSTORE=1" : "FDSTOREREMOVE=1", name, fd);
}

/* False: there are too many descriptors for a name. */
static bool
name_entry(const struct entry *entry, char *name, size_t room)
{
	size_t size = (size_t)snprintf(name, room, "e-%llx-%llx", (unsigned long long)entry->key,
	    (unsigned long long)entry->number);

	for (size_t i = 1; i < entry->n_fds && size < room; i++)
		size += (size_t)snprintf(name + size, room - size, "-%llx",
		    (unsigned long long)entry->held[i].id);
	return size < room;
}

static bool
is_same_file(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, a, b) == 0;
}

/* Where the same file is in an entry, or NULL. */
static const struct held *
find_file(const struct entry *entry, int fd)
{
	for (size_t i = 1; entry && i < entry->n_fds; i++)
		if (is_same_file(entry->held[i].fd, fd))
			return &entry->held[i];
	return NULL;
}

/* What is new goes there first, then the name that says what belongs together. */
static void
store_entry(struct entry *entry, const struct entry *old)
{
	char name[NAME_MAX_SIZE];

	if (holder.notify < 0)
		return;
	for (size_t i = 1; i < entry->n_fds; i++) {
		const struct held *known = find_file(old, entry->held[i].fd);

		entry->held[i].id = known && known->id ? known->id : ++holder.last_id;
		if (!known || !known->id)
			store_fd(entry->held[i].id, entry->held[i].fd);
	}
	entry->number = ++holder.last_number;
	if (name_entry(entry, name, sizeof(name)))
		notify("FDSTORE=1", name, entry->held[0].fd);
	else
		say("too many descriptors for the service manager's store");
}

/* now: what has taken its place, or NULL. */
static void
unstore_entry(const struct entry *entry, const struct entry *now)
{
	char name[NAME_MAX_SIZE];

	if (holder.notify < 0 || entry->number == 0)
		return;
	if (name_entry(entry, name, sizeof(name)))
		notify("FDSTOREREMOVE=1", name, -1);
	for (size_t i = 1; i < entry->n_fds; i++)
		if (!find_file(now, entry->held[i].fd))
			store_fd(entry->held[i].id, -1);
}

/* Entries -------------------------------------------------------------------------- */

static size_t
find(uint64_t key)
{
	size_t i = 0;

	while (i < holder.n_entries && holder.entries[i]->key != key)
		i++;
	return i;
}

static void
entry_free(struct entry *entry)
{
	for (size_t i = 0; i < entry->n_fds; i++)
		fd_close(&entry->held[i].fd);
	free(entry);
}

static void
drop(uint64_t key)
{
	size_t i = find(key);

	if (i == holder.n_entries)
		return;
	unstore_entry(holder.entries[i], NULL);
	entry_free(holder.entries[i]);
	holder.entries[i] = holder.entries[--holder.n_entries];
}

static bool
make_room(void)
{
	size_t room = holder.room ? holder.room * 2 : 16;
	struct entry **entries;

	if (holder.n_entries < holder.room)
		return true;
	entries = realloc(holder.entries, room * sizeof(*entries));
	if (!entries)
		return false;
	holder.entries = entries;
	holder.room = room;
	return true;
}

/* NULL: no memory, and the descriptors are closed. */
static struct entry *
entry_new(uint64_t key, const int *fds, size_t n_fds)
{
	struct entry *entry = make_room() ? malloc(sizeof(*entry) + n_fds * sizeof(entry->held[0]))
					  : NULL;

	if (!entry) {
		say("out of memory: a node would not outlive the next crash");
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return NULL;
	}
	*entry = (struct entry){ .key = key, .n_fds = n_fds };
	for (size_t i = 0; i < n_fds; i++)
		entry->held[i] = (struct held){ .fd = fds[i] };
	return entry;
}

/* Eats the descriptors. Without memory for a new entry the old one stays. */
static void
put(uint64_t key, const int *fds, size_t n_fds)
{
	struct entry *entry = entry_new(key, fds, n_fds);
	size_t i = find(key);

	if (!entry)
		return;
	store_entry(entry, i < holder.n_entries ? holder.entries[i] : NULL);
	if (i == holder.n_entries) {
		holder.entries[holder.n_entries++] = entry;
		return;
	}
	unstore_entry(holder.entries[i], entry);
	entry_free(holder.entries[i]);
	holder.entries[i] = entry;
}

/* Nothing is left, at the manager's neither. */
static void __attribute__((noreturn))
end(int status)
{
	while (holder.n_entries > 0)
		drop(holder.entries[0]->key);
	exit(status);
}

/* Messages ------------------------------------------------------------------------- */

/* Takes one message, with its descriptors. False: there is none (now). */
static bool
receive(struct hold_message *message, int *fds, size_t *n_fdsp)
{
	union control control;
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	ssize_t n;

	do
		n = recvmsg(holder.socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		fd_close(&holder.socket);	/* its end comes as a signal */
	if (n <= 0)
		return false;
	*n_fdsp = 0;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		*n_fdsp = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(at), *n_fdsp * sizeof(int));
	}
	if (n != sizeof(*message))
		message->op = 0;
	return true;
}

static void
answer_get(uint64_t index)
{
	const struct entry *entry = index < holder.n_entries ? holder.entries[index] : NULL;
	size_t n_fds = entry ? entry->n_fds : 0;
	struct hold_message message = {
		.op = HOLD_PUT, .restarts = holder.restarts, .key = entry ? entry->key : 0,
		.n_entries = holder.n_entries,
	};
	union control control = { 0 };
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[HOLD_FDS_MAX];

	for (size_t i = 0; i < n_fds; i++)
		fds[i] = entry->held[i].fd;
	put_fds(&header, &control, fds, n_fds);
	/* It asks for one at a time: there is room. When it is dead nobody needs it. */
	if (sendmsg(holder.socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		say("what is held cannot be given back: %s", strerror(errno));
}

static void
take_output(int fd)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

/* Does what one message says. Keeps what it puts, closes all other descriptors. */
static void
serve(const struct hold_message *message, int *fds, size_t n_fds)
{
	if (message->op == HOLD_PUT && n_fds > 0) {
		put(message->key, fds, n_fds);	/* eats fds */
		return;
	}
	if (message->op == HOLD_DROP) {
		drop(message->key);
	} else if (message->op == HOLD_GET) {
		answer_get(message->key);
	} else if (message->op == HOLD_PROGRAM && n_fds == 1) {
		fd_close(&holder.program);
		holder.program = fd_steal(&fds[0]);
	} else if (message->op == HOLD_OUTPUT && n_fds == 1) {
		take_output(fds[0]);
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(&fds[i]);
}

static void
serve_all(void)
{
	struct hold_message message;
	int fds[HOLD_FDS_MAX];
	size_t n_fds;

	while (receive(&message, fds, &n_fds))
		serve(&message, fds, n_fds);
}

/* The worker ------------------------------------------------------------------------ */

static int
out_of_the_way(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
}

/* In the child. Signals stay blocked until it is ready for them. */
static void __attribute__((noreturn))
become_worker(pid_t parent, int socket)
{
	extern char **environ;
	int program = out_of_the_way(holder.program), ready = out_of_the_way(holder.ready);

	socket = out_of_the_way(socket);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(socket, WORKER_FD) < 0 || (ready >= 0 && dup2(ready, READY_FD) < 0))
		die("hird-portd cannot be started");
	syscall(SYS_execveat, program, "", holder.argv, environ, AT_EMPTY_PATH);
	die("hird-portd cannot be started");
}

static void
start_worker(void)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("no socket for hird-portd");
	holder.worker = fork();
	if (holder.worker < 0)
		die("hird-portd cannot be started");
	if (holder.worker == 0)
		become_worker(parent, pair[1]);
	close(pair[1]);
	fd_close(&holder.ready);
	holder.socket = pair[0];
	holder.started_at = now_ms();
	if (holder.ending)
		kill(holder.worker, SIGTERM);
}

/* Not at once again and again. */
static void
plan_restart(int64_t now)
{
	if (now - holder.started_at >= SHORT_LIFE_MS)
		holder.pause_ms = 0;
	else if (holder.pause_ms == 0)
		holder.pause_ms = PAUSE_MIN_MS;
	else if (holder.pause_ms < PAUSE_MAX_MS)
		holder.pause_ms *= 2;
	holder.start_at = now + holder.pause_ms;
}

/* When it ended by itself, so do we. When it was killed, another one takes its place. What we
 * hold is closed by our end, and with it every node. */
static void
worker_ended(int status)
{
	int64_t now = now_ms(), *death;

	serve_all();
	fd_close(&holder.socket);
	holder.worker = 0;
	if (WIFEXITED(status))
		end(WEXITSTATUS(status));
	death = &holder.deaths[holder.restarts++ % holder.limit];
	if (holder.restarts > holder.limit && now - *death < MINUTE_MS) {
		say("was killed by signal %d (%s), and %u times before within a minute: "
		    "giving up; all nodes end", WTERMSIG(status), strsignal(WTERMSIG(status)),
		    holder.limit);
		end(1);
	}
	*death = now;
	plan_restart(now);
	say("was killed by signal %d (%s): it is started again", WTERMSIG(status),
	    strsignal(WTERMSIG(status)));
}

/* Translators that a dead worker left are ours, too. */
static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == holder.worker)
			worker_ended(status);
}

/* Beginning -------------------------------------------------------------------------- */

static void
take_signals(void)
{
	struct signalfd_siginfo info;

	while (read(holder.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo != SIGUSR2)
			holder.ending = true;
		if (holder.worker)
			kill(holder.worker, (int)info.ssi_signo);
	}
	reap();
}

static void
turn(void)
{
	struct pollfd polled[] = {
		{ .fd = holder.signals, .events = POLLIN },
		{ .fd = holder.socket, .events = POLLIN },
	};
	int64_t left = holder.worker ? -1 : holder.start_at - now_ms();

	if (!holder.worker && left <= 0) {
		start_worker();
		return;
	}
	if (poll(polled, 2, (int)left) < 0)
		return;
	if (polled[1].revents)
		serve_all();
	if (polled[0].revents)
		take_signals();
}

static void
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	holder.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (holder.signals < 0)
		die("no descriptor for signals");
}

/* $NOTIFY_SOCKET, which is nobody else's: not the worker's, nor a translator's. */
static void
find_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t size = path ? strlen(path) : 0;

	if (size < 2 || size >= sizeof(holder.manager.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	holder.manager.sun_family = AF_UNIX;
	memcpy(holder.manager.sun_path, path, size);
	if (path[0] == '@')
		holder.manager.sun_path[0] = '\0';
	holder.manager_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	holder.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsetenv("NOTIFY_SOCKET");
}

/* How many descriptors a manager has given us. */
static int
count_given(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	return pid && n && atoi(pid) == getpid() && atoi(n) > 0 ? atoi(n) : 0;
}

/* A number that follows a dash. */
static bool
next_number(const char **atp, uint64_t *valuep)
{
	char *end;

	if (**atp != '-')
		return false;
	errno = 0;
	*valuep = strtoull(*atp + 1, &end, 16);
	if (errno || end == *atp + 1)
		return false;
	*atp = end;
	return true;
}

/* The given descriptor that is called so; -1: none is. */
static int
find_given(char *const *names, int n, uint64_t id)
{
	for (int i = 0; i < n; i++) {
		const char *at = names[i];
		uint64_t value;

		if (*at++ == 'f' && next_number(&at, &value) && value == id)
			return GIVEN_FD + i;
	}
	return -1;
}

/* An entry by its name, unless a younger one is there, or something is missing. */
static void
take_entry(char *const *names, int n, int i)
{
	const char *at = names[i] + 1;
	int fds[HOLD_FDS_MAX] = { fcntl(GIVEN_FD + i, F_DUPFD_CLOEXEC, GIVEN_FD + n) };
	uint64_t key, number, ids[HOLD_FDS_MAX];
	size_t n_fds = 1, old;
	bool whole = names[i][0] == 'e' && next_number(&at, &key) && next_number(&at, &number);
	struct entry *entry;

	while (whole && n_fds < HOLD_FDS_MAX && next_number(&at, &ids[n_fds])) {
		int given = find_given(names, n, ids[n_fds]);

		whole = given >= 0;
		fds[n_fds++] = given < 0 ? -1 : fcntl(given, F_DUPFD_CLOEXEC, GIVEN_FD + n);
	}
	old = whole ? find(key) : 0;
	if (!whole || (old < holder.n_entries && holder.entries[old]->number > number)) {
		for (size_t j = 0; j < n_fds; j++)
			fd_close(&fds[j]);
		return;
	}
	entry = entry_new(key, fds, n_fds);
	if (!entry)
		return;
	entry->number = number;
	for (size_t j = 1; j < n_fds; j++)
		entry->held[j].id = ids[j];
	if (old < holder.n_entries) {
		entry_free(holder.entries[old]);
		holder.entries[old] = entry;
	} else {
		holder.entries[holder.n_entries++] = entry;
	}
}

static bool
is_used(const char *name)
{
	char used[NAME_MAX_SIZE];

	for (size_t i = 0; i < holder.n_entries; i++) {
		const struct entry *entry = holder.entries[i];

		if (name_entry(entry, used, sizeof(used)) && strcmp(used, name) == 0)
			return true;
		for (size_t j = 1; j < entry->n_fds; j++) {
			snprintf(used, sizeof(used), "f-%llx", (unsigned long long)entry->held[j].id);
			if (strcmp(used, name) == 0)
				return true;
		}
	}
	return false;
}

/* Numbers go on after the highest one. */
static void
count_on(const char *name)
{
	const char *at = name + 1;
	uint64_t value;

	if (name[0] == 'f' && next_number(&at, &value) && value > holder.last_id)
		holder.last_id = value;
	if (name[0] == 'e' && next_number(&at, &value) && next_number(&at, &value) &&
	    value > holder.last_number)
		holder.last_number = value;
}

/* What a holder before us had. The rest is of no use any more. */
static void
take_given(char **names, int n)
{
	for (int i = 0; i < n; i++)
		count_on(names[i]);
	for (int i = 0; i < n; i++)
		if (names[i][0] == 'e')
			take_entry(names, n, i);
	for (int i = 0; i < n; i++) {
		if (holder.notify >= 0 && *names[i] && !is_used(names[i]))
			notify("FDSTOREREMOVE=1", names[i], -1);
		close(GIVEN_FD + i);
	}
	if (holder.n_entries > 0)
		holder.restarts = 1;
}

static void
take_back(void)
{
	const char *given = getenv("LISTEN_FDNAMES");
	int n = count_given();
	AUTO_FREE char *copy = strdup(given ? given : "");
	char *rest = copy;
	AUTO_FREE char **names = calloc((size_t)n + 1, sizeof(*names));

	if (!copy || !names)
		die("what was kept cannot be taken back");
	for (int i = 0; i < n; i++) {
		char *name = rest ? strsep(&rest, ":") : NULL;

		names[i] = name ? name : (char *)"";
	}
	take_given(names, n);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

int
main(int argc, char **argv)
{
	if (argc < 5) {
		fputs("hird-holder is started by hird-portd: see hird-portd(8)\n", stderr);
		return 64;
	}
	holder.limit = (unsigned)atoi(argv[1]);
	holder.ready = atoi(argv[2]);
	holder.program = open(argv[3], O_PATH | O_CLOEXEC);
	holder.argv = argv + 4;
	if (holder.limit < 1 || holder.limit > LIMIT_MAX || holder.program < 0)
		die(argv[3]);
	if (holder.ready >= 0)
		fcntl(holder.ready, F_SETFD, FD_CLOEXEC);
	find_manager();
	take_back();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	open_signals();
	for (;;)
		turn();
}
