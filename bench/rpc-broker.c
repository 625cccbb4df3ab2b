/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-broker: runs dbus-broker on a socket, as a launcher does, without systemd.
 *
 *   rpc-broker SOCKET
 *
 * The broker is this process; a child of it is the controller, which hands it the socket and
 * a policy that allows everything. It says "ready" on standard output. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

/* As version 33 wants it. A batch of rules: connect; names to own; messages to send;
 * messages to receive. */
#define BATCH "bta(btbs)a(btssssuutt)a(btssssuutt)"
#define POLICY "a(u(" BATCH "))a(buu(" BATCH "))a(ss)bs"

static void
check(const char *what, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "rpc-broker: %s: %s\n", what, strerror(-result));
	kill(getppid(), SIGTERM);
	_exit(1);
}

static int
listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    (int)sizeof(address.sun_path))
		check(path, -ENAMETOOLONG);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 64) < 0)
		check(path, -errno);
	return fd;
}

static void
put_policy(sd_bus_message *m)
{
	const uint64_t first = 1, all = UINT64_MAX;

	check("policy", sd_bus_message_append(m, "v", "(" POLICY ")",
	    1, UINT32_MAX,			/* for every user: */
	    1, first,				/* connect */
	    1, 1, first, 1, "",			/* own any name */
	    1, 1, first, "", "", "", "", 0, 0, (uint64_t)0, all,
	    1, 1, first, "", "", "", "", 0, 0, (uint64_t)0, all,
	    0, 0, 0, "session"));
}

static int
add_listener(sd_bus *bus, int fd)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m;
	int result;

	check("AddListener", sd_bus_message_new_method_call(bus, &m, NULL, "/org/bus1/DBus/Broker",
	    "org.bus1.DBus.Broker", "AddListener"));
	check("AddListener", sd_bus_message_append(m, "oh", "/org/bus1/DBus/Listener/0", fd));
	put_policy(m);
	result = sd_bus_call(bus, m, 0, &error, NULL);
	if (result < 0)
		fprintf(stderr, "rpc-broker: dbus-broker refuses the listener: %s\n",
		    error.message ? error.message : "it hung up");
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	return result;
}

static _Noreturn void
control(int fd, int listener)
{
	sd_bus *bus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check("sd_bus_new", sd_bus_new(&bus));
	check("sd_bus_set_fd", sd_bus_set_fd(bus, fd, fd));
	check("sd_bus_start", sd_bus_start(bus));
	check("AddListener", add_listener(bus, listener));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int did = sd_bus_process(bus, NULL);

		check("sd_bus_process", did);
		if (did == 0)
			check("sd_bus_wait", sd_bus_wait(bus, UINT64_MAX));
	}
}

int
main(int argc, char **argv)
{
	int pair[2], listener;
	char number[16];
	pid_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: rpc-broker SOCKET\n");
		return 64;
	}
	listener = listen_on(argv[1]);
	check("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ? -errno : 0);
	child = fork();
	check("fork", child < 0 ? -errno : 0);
	if (child == 0) {
		close(pair[0]);
		control(pair[1], listener);
	}
	close(pair[1]);
	snprintf(number, sizeof(number), "%d", pair[0]);
	execlp("dbus-broker", "dbus-broker", "--controller", number, "--machine-id",
	    "0123456789abcdef0123456789abcdef", "--max-bytes", "1000000000", "--max-fds", "100000",
	    "--max-matches", "100000", "--max-objects", "100000", (char *)NULL);
	fprintf(stderr, "rpc-broker: dbus-broker: %s\n", strerror(errno));
	kill(child, SIGTERM);
	return 1;
}
