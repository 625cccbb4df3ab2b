/* SPDX-License-Identifier: 0BSD */
#include <hird/names.h>
#include <stdio.h>
#include "greet.def"

int
main(int argc, char **argv)
{
	struct greet_hello_in in = { .name = argc > 1 ? argv[1] : "" };
	struct greet_hello_out out;
	struct port_reply reply = { .text = "" };
	port_name_t greeter;
	int err = port_connect("client");

	if ((err = err ? err : port_look_up(port_bootstrap(), "greeter", &greeter)) == 0)
		err = greet_hello_call(greeter, &in, &out, &reply, PORT_FOREVER);
	printf("%s\n", err ? *reply.text ? reply.text : port_error_text(err) : out.text);
	port_reply_deinit(&reply);
	return err != 0;
}
