/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-bus: method calls by sd-bus. To the bus of DBUS_SESSION_BUS_ADDRESS, whatever
 * daemon that is; or, with --direct as its first argument, over a socket between the two. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "bench/rpc.h"

#define OBJECT "/bench"
#define INTERFACE "hird.Bench"

static sd_bus *bus;
static bool is_direct;
static int ends[2] = { -1, -1 };
static char server_name[256];	/* NULL of a direct connection is "" */

static void
check(const char *what, int result)
{
	if (result < 0)
		bench_fail(what, -result);
}

static int
on_null(sd_bus_message *message, void *unused, sd_bus_error *error)
{
	(void)unused;
	(void)error;
	return sd_bus_reply_method_return(message, "");
}

static int
on_take(sd_bus_message *message, void *unused, sd_bus_error *error)
{
	const void *data;
	size_t size;
	int err = sd_bus_message_read_array(message, 'y', &data, &size);

	(void)unused;
	(void)error;
	return err < 0 ? err : sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable methods[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Null", "", "", on_null, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Take", "ay", "", on_take, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

static void
start_direct(int fd, bool serves)
{
	sd_id128_t id = { .bytes = { 1 } };

	check("sd_bus_new", sd_bus_new(&bus));
	check("sd_bus_set_fd", sd_bus_set_fd(bus, fd, fd));
	if (serves)
		check("sd_bus_set_server", sd_bus_set_server(bus, 1, id));
	check("sd_bus_start", sd_bus_start(bus));
}

static void
prepare(const struct rpc_pair *pair)
{
	const char *name;

	(void)pair;
	if (is_direct) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			bench_fail("socketpair", errno);
		return;
	}
	check("sd_bus_open_user", sd_bus_open_user(&bus));
	check("sd_bus_get_unique_name", sd_bus_get_unique_name(bus, &name));
	strncpy(server_name, name, sizeof(server_name) - 1);
}

static void
serve(const struct rpc_pair *pair)
{
	(void)pair;
	if (is_direct) {
		close(ends[1]);
		start_direct(ends[0], true);
	}
	check("sd_bus_add_object_vtable",
	    sd_bus_add_object_vtable(bus, NULL, OBJECT, INTERFACE, methods, NULL));
	for (;;) {
		int did = sd_bus_process(bus, NULL);

		if (did == -ECONNRESET || did == -ENOTCONN)
			return;
		check("sd_bus_process", did);
		if (did == 0)
			check("sd_bus_wait", sd_bus_wait(bus, UINT64_MAX));
	}
}

static void
join(const struct rpc_pair *pair)
{
	(void)pair;
	if (is_direct) {
		close(ends[0]);
		start_direct(ends[1], false);
	} else {
		bus = NULL;	/* the server's */
		check("sd_bus_open_user", sd_bus_open_user(&bus));
	}
}

static void
call(const struct rpc_pair *pair)
{
	const char *to = is_direct ? NULL : server_name;
	sd_bus_message *request, *reply;

	check("sd_bus_message_new_method_call", sd_bus_message_new_method_call(bus, &request, to,
	    OBJECT, INTERFACE, pair->size ? "Take" : "Null"));
	if (pair->size)
		check("sd_bus_message_append_array",
		    sd_bus_message_append_array(request, 'y', pair->data, pair->size));
	check("sd_bus_call", sd_bus_call(bus, request, 0, NULL, &reply));
	sd_bus_message_unref(request);
	sd_bus_message_unref(reply);
}

static void
idle(unsigned n)
{
	while (n-- > 0) {
		sd_bus *one = NULL;
		const char *name;

		check("sd_bus_open_user", sd_bus_open_user(&one));
		check("sd_bus_get_unique_name", sd_bus_get_unique_name(one, &name));
	}
}

static const struct rpc_peer through_daemon = {
	.name = "rpc-bus",
	.prepare = prepare,
	.serve = serve,
	.connect = join,
	.call = call,
	.idle = idle,
};

static const struct rpc_peer direct = {
	.name = "rpc-bus --direct",
	.prepare = prepare,
	.serve = serve,
	.connect = join,
	.call = call,
};

int
main(int argc, char **argv)
{
	is_direct = argc > 1 && strcmp(argv[1], "--direct") == 0;
	return rpc_main(is_direct ? &direct : &through_daemon, argc - is_direct, argv + is_direct);
}
