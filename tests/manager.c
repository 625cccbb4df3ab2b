/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager: a service manager that keeps descriptors, as far as systemd's can be told
 * from outside (sd_notify(3), sd_listen_fds(3)): runs a command, takes what it stores, and
 * starts it again with that when it was killed.
 *
 *   manager SOCKET COMMAND [ARGUMENT...]
 *
 * As systemd it keeps no two descriptors of one open file: the second one is ignored. A line
 * for each start says how many there are. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STORE_MAX = 4096, HIGH = 512, STARTS_MAX = 500, PAUSE_US = 20 * 1000 };

static struct {
	int fd;
	char name[256];
} store[STORE_MAX];
static int n_stored;

static bool
is_known(int fd)
{
	for (int i = 0; i < n_stored; i++)
		if (syscall(SYS_kcmp, getpid(), getpid(), 0, store[i].fd, fd) == 0)
			return true;
	return false;
}

static void
take_in(int fd, const char *name)
{
	if (n_stored == STORE_MAX || is_known(fd)) {
		close(fd);
		return;
	}
	store[n_stored].fd = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	close(fd);
	snprintf(store[n_stored++].name, sizeof(store[0].name), "%s", name);
}

static void
throw_out(const char *name)
{
	for (int i = n_stored; i-- > 0;)
		if (strcmp(store[i].name, name) == 0) {
			close(store[i].fd);
			store[i] = store[--n_stored];
		}
}

/* One datagram. False: there is none. */
static bool
hear(int from)
{
	char text[4096], name[256] = "stored";
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(from, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *at = n < 0 ? NULL : CMSG_FIRSTHDR(&header);
	const char *found;
	int fd = -1;

	if (n < 0)
		return false;
	text[n] = '\0';
	if (at && at->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(at), sizeof(fd));
	found = strstr(text, "FDNAME=");
	if (found)
		sscanf(found, "FDNAME=%255[^\n]", name);
	if (strncmp(text, "FDSTOREREMOVE=1", 15) == 0)
		throw_out(name);
	else if (strncmp(text, "FDSTORE=1", 9) == 0 && fd >= 0)
		take_in(fd, name);
	return true;
}

static pid_t
start(char **argv)
{
	static char names[STORE_MAX * 64];
	char number[16];
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < n_stored; i++) {
		dup2(store[i].fd, 3 + i);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ":" : "",
		    store[i].name);
	}
	snprintf(number, sizeof(number), "%d", n_stored);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	execv(argv[0], argv);
	_exit(127);
}

static int
open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(path);
		exit(1);
	}
	setenv("NOTIFY_SOCKET", path, 1);
	return fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
}

static int
watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return fcntl(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), F_DUPFD_CLOEXEC, HIGH);
}

/* Runs it until it ends by itself; SIGTERM goes on to it. */
static int
manage(int notices, int signals, char **argv)
{
	for (int i = 0; i < STARTS_MAX; i++) {
		pid_t pid = start(argv);
		int status = 0;

		usleep(PAUSE_US);
		printf("%d started with %d descriptors\n", (int)pid, n_stored);
		fflush(stdout);
		while (waitpid(pid, &status, WNOHANG) == 0) {
			struct pollfd polled[] = {
				{ .fd = notices, .events = POLLIN }, { .fd = signals, .events = POLLIN },
			};
			struct signalfd_siginfo info;

			poll(polled, 2, -1);
			while (hear(notices))
				;
			while (read(signals, &info, sizeof(info)) == sizeof(info))
				if (info.ssi_signo == SIGTERM)
					kill(pid, SIGTERM);
		}
		while (hear(notices))
			;
		if (WIFEXITED(status)) {
			printf("ended with %d descriptors\n", n_stored);
			return WEXITSTATUS(status);
		}
	}
	puts("too many starts");
	return 1;
}

int
main(int argc, char **argv)
{
	int notices, signals;

	if (argc < 3)
		return 64;
	notices = open_socket(argv[1]);
	signals = watch_signals();
	return manage(notices, signals, argv + 2);
}
