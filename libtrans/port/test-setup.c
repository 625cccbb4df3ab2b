/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-setup: the rights core of portd, which tests/world serves in a process of its
 * own, and what a test may leave behind there and here: nothing. */
#include "port/test-setup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "base/launch.h"
#include "port/memory.h"
#include "wire/runtime.h"

static char top[] = "/tmp/test-port-XXXXXX";
pid_t world;

/* The world ------------------------------------------------------------------ */

static int
listen_at(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RUNTIME_SOCKET, dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

/* The program stands in the build tree, seen from this one. */
static void
find_world(char *path, size_t room)
{
	char self[3072];
	const char *given = getenv("HIRD_TEST_WORLD");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	if (given)
		snprintf(path, room, "%s", given);
	else
		snprintf(path, room, "%s/../../tests/world", self);
}

int
start_world(void **state)
{
	struct text why = { 0 };
	struct argv argv = { 0 };
	char program[4096], *dir;
	struct launch launched = {
		.program = program, .argv = &argv, .log_fd = -1, .pdeathsig = true
	};

	(void)state;
	assert_non_null(mkdtemp(top));
	setenv("XDG_RUNTIME_DIR", top, 1);
	dir = runtime_dir(1, &why);
	assert_non_null(dir);
	find_world(program, sizeof(program));
	argv_add(&argv, "world");
	assert_int_equal(port_connect("test-port"), -ENOENT);
	launched.port_fd = listen_at(dir);
	world = launch(&launched, NULL);
	assert_true(world > 0);
	close(launched.port_fd);
	free(dir);
	argv_deinit(&argv);
	assert_int_equal(port_connect("test-port"), 0);
	return 0;
}

/* Its last words count: it looks for leaks when it was built to. */
int
end_world(void **state)
{
	char path[256];
	int status = 0;

	(void)state;
	if (world > 0) {
		kill(world, SIGTERM);
		waitpid(world, &status, 0);
	}
	port_detach();
	snprintf(path, sizeof(path), "%s/hird/" RUNTIME_SOCKET, top);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	return rmdir(top) == 0 && status == 0 ? 0 : -1;
}

/* What is left behind --------------------------------------------------------- */

static size_t names_before;
static int fds_before;

static size_t
count_names(void)
{
	struct port_entry *entries;
	size_t n;

	assert_int_equal(port_names(&entries, &n), 0);
	free(entries);
	return n;
}

int
setup(void **state)
{
	(void)state;
	names_before = count_names();
	fds_before = count_fds();
	return 0;
}

/* A thread's own connection and reply port are its own affair, and so is memory that is
 * kept warm. */
int
teardown(void **state)
{
	size_t names;

	(void)state;
	port_thread_detach();
	memory_forget();
	names = count_names();
	if (names != names_before || count_fds() != fds_before) {
		print_error("names: %zu then %zu; descriptors: %d then %d\n",
		    names_before, names, fds_before, count_fds());
		return -1;
	}
	return 0;
}

/* What the tests are made of ------------------------------------------------------ */

/* A port with the send right that messages to it are copied from. */
port_name_t
new_port(void)
{
	port_name_t name;

	assert_int_equal(port_allocate(PORT_RIGHT_RECEIVE, &name), 0);
	assert_int_equal(port_insert_right(name, name, PORT_MAKE_SEND), 0);
	return name;
}
