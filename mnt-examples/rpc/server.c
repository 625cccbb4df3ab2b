/* SPDX-License-Identifier: 0BSD */
#include <hird/names.h>
#include <stdio.h>
#include "greet.def"

static int
hello(struct rpc_request *request, struct greet_hello_in *in, struct greet_hello_out *out)
{
	out->text = rpc_print(request, "Hello, %s!", in->name);
	return *in->name ? 0 : rpc_fail(request, -1, "nobody has no name");
}

static int
quit(struct rpc_request *request, struct greet_quit_in *in)
{
	(void)in;
	return rpc_end(request);
}

int
main(void)
{
	static const struct greet_server server = { .greet_hello = hello, .greet_quit = quit };
	port_name_t port;
	int err = port_begin("greeter");

	if ((err = err ? err : port_check_in(port_bootstrap(), "greeter", &port)) == 0)
		err = greet_serve(port, &server, NULL);
	return err ? fprintf(stderr, "greeter: %s\n", port_error_text(err)), 1 : 0;
}
