/* SPDX-License-Identifier: GPL-2.0-or-later */
/* survivor: the greeter of hird-rpc(3), which outlives its portd: told that the connection is
 * gone, it attaches anew, in the same process, and checks in again. It says so each time. */
#include <hird/names.h>
#include <stdio.h>
#include <unistd.h>
#include "greet.def"

enum { TRIES = 200, PAUSE_US = 50 * 1000 };

static int
hello(struct rpc_request *request, struct greet_hello_in *in, struct greet_hello_out *out)
{
	out->text = rpc_print(request, "Hello, %s, still!", in->name);
	return 0;
}

static int
quit(struct rpc_request *request, struct greet_quit_in *in)
{
	(void)in;
	return rpc_end(request);
}

static int
begin(void)
{
	int err = -1;

	for (int i = 0; i < TRIES && (err = port_begin("survivor")) != 0; i++)
		usleep(PAUSE_US);
	return err;
}

int
main(void)
{
	static const struct greet_server server = { .greet_hello = hello, .greet_quit = quit };
	port_name_t port;
	int err;

	while ((err = begin()) == 0) {
		puts("attached");
		fflush(stdout);
		err = port_check_in(port_bootstrap(), "greeter", &port);
		if (err == 0)
			err = greet_serve(port, &server, NULL);
		printf("%s\n", port_error_text(err));
		if (err == 0)
			return 0;
	}
	printf("not again: %s\n", port_error_text(err));
	return 1;
}
