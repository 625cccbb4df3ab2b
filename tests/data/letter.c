/* SPDX-License-Identifier: 0BSD */
/* letter: a letter to oneself. Built by the tests as C and as C++, against the installed
 * library alone. */
#include <stdio.h>
#include <string.h>

#include <hird/port.h>
#include <hird/rpc.h>

#define letter_post_IN(F) F(str(64), text)
#define letter_post_OUT(F) F(u32, length)
#define letter_INTERFACE(ROUTINE, ONEWAY) ROUTINE(letter_post, 7000)
RPC_INTERFACE(letter)

static int
fail(const char *what, int err)
{
	fprintf(stderr, "letter: %s: %s\n", what, port_error_text(err));
	return 1;
}

int
main(void)
{
	struct port_message sent, got;
	port_name_t port;
	int err = port_connect("letter");

	if (err)
		return fail("port_connect", err);
	err = port_allocate(PORT_RIGHT_RECEIVE, &port);
	if (err)
		return fail("port_allocate", err);
	memset(&sent, 0, sizeof(sent));
	sent.id = 1;
	sent.remote = port;
	sent.remote_disposition = PORT_MAKE_SEND;
	wire_put_str(&sent.body, "dear me");
	err = port_send(&sent, 0);
	port_message_deinit(&sent);
	if (!err)
		err = port_receive(port, &got, 0);
	if (err)
		return fail("a message", err);
	puts(wire_get_str(&got.body));
	port_message_destroy(&got);
	port_detach();
	return 0;
}
