/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message: port_message to and from the one call that sends and receives. */
#ifndef PORT_MESSAGE_H
#define PORT_MESSAGE_H

#include <stdbool.h>

#include "port/port.h"

/* One call: what is to be sent, then where to receive; either may be left out. */
struct exchange {
	struct port_message *sent;	/* NULL: nothing */
	struct port_message *received;	/* NULL: nothing is received */
	int send_timeout_ms;		/* PORT_FOREVER */
	int rcv_timeout_ms;
	port_name_t rcv_name;
	uint32_t rcv_size;		/* bytes of a body that there is room for */
	uint32_t options;		/* PORT_MSG_SEND_NOTIFY, RCV_LARGE, *_INTERRUPT */
	bool cancellable;		/* while it waits; a message is not lost by it */
};

/* For a thread that has cancellation disabled. *received is zeroed first. sent's
 * descriptors are closed when it was taken; when it timed out or was interrupted, *sent is
 * what came back. */
int message_run(const struct exchange *exchange);

/* The same for those who need no options and cannot be cancelled. */
int message_exchange(struct port_message *sent, int send_timeout_ms,
    port_name_t rcv_name, struct port_message *received, int rcv_timeout_ms);

/* Whether an answer with this code means that the message was taken. */
bool message_was_sent(int code);
/* Whether it means that the message came back. */
bool message_came_back(int code);

/* Releases rights that were received; elements that are none are passed over. */
void message_release_rights(const struct wire_port *rights, size_t n);

/* Keeps a message that nobody here could take (eaten) for whoever receives on rcv_name
 * next. */
void message_keep(port_name_t rcv_name, struct port_message *message);

#endif
