/* SPDX-License-Identifier: GPL-2.0-or-later */
/* letterbox: the program of a service, for the Q cases: it is started for a name,
 * checks in, and answers each message with its pid, the message's id and how many it has read.
 *
 * letterbox          serves
 * letterbox crash    ends before it checks in
 *
 * A message LETTERBOX_STALL is answered and is the last that it reads; LETTERBOX_AGAIN is answered
 * with what a second check-in says. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/ports/letterbox.h"
#include "port/names.h"
#include "port/port.h"

static int
answer(struct port_message *request, uint32_t value)
{
	struct port_message reply = {
		.id = request->id + RPC_REPLY_OFFSET,
		.remote = request->remote,
		.remote_disposition = request->remote_disposition,
	};
	int err;

	if (request->remote == PORT_NULL)
		return 0;
	wire_put_u32(&reply.body, (uint32_t)getpid());
	wire_put_u32(&reply.body, value);
	err = port_send(&reply, PORT_FOREVER);
	port_message_deinit(&reply);
	return err;
}

int
main(int argc, char **argv)
{
	const char *name = getenv("HIRD_SERVICE");
	struct port_message message;
	port_name_t port, second;
	uint32_t n = 0;

	if (argc > 1 && strcmp(argv[1], "crash") == 0)
		return 3;
	if (!name || port_begin("letterbox") != 0 || port_check_in(port_bootstrap(), name, &port) != 0)
		return 2;
	while (port_receive(port, &message, PORT_FOREVER) == 0) {
		if (message.id == LETTERBOX_AGAIN)
			answer(&message, (uint32_t)port_check_in(port_bootstrap(), name, &second));
		else
			answer(&message, ++n);
		if (message.id == LETTERBOX_STALL)
			pause();
		port_message_deinit(&message);
	}
	return 1;
}
