/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codes: what to tell a person who meets one. */
#include "wire/codes.h"

#include <string.h>

struct sentence {
	int code;
	const char *text;
};

static const struct sentence sentences[] = {
	{ 0, "success" },
	{ PORT_E_NO_SPACE, "no free name is left in the task's space" },
	{ PORT_E_INVALID_ARGUMENT, "an argument has no meaning here" },
	{ PORT_E_FAILURE, "it could not be done" },
	{ PORT_E_RESOURCE_SHORTAGE, "a limit of the task or of portd is reached" },
	{ PORT_E_ALREADY_IN_SET, "the port is in that set already" },
	{ PORT_E_NOT_IN_SET, "the port is in no set" },
	{ PORT_E_NAME_EXISTS, "the name is taken" },
	{ PORT_E_INVALID_NAME, "the name denotes nothing in this task" },
	{ PORT_E_INVALID_TASK, "the task is dead" },
	{ PORT_E_INVALID_RIGHT, "the name denotes another kind of right" },
	{ PORT_E_INVALID_VALUE, "a value is out of range" },
	{ PORT_E_UREFS_OVERFLOW, "the name has as many references as it can" },
	{ PORT_E_INVALID_CAPABILITY, "the right is null or dead" },
	{ PORT_E_RIGHT_EXISTS, "the task has a right to this port under another name" },

	{ PORT_E_NAMES_NOT_PRIVILEGED, "the name is not the caller's to use so" },
	{ PORT_E_NAMES_NAME_IN_USE, "the name is taken" },
	{ PORT_E_NAMES_UNKNOWN_SERVICE, "no service has this name" },
	{ PORT_E_NAMES_SERVICE_ACTIVE, "the service has been checked in already" },

	{ PORT_E_SEND_INVALID_DATA, "the message is not well formed" },
	{ PORT_E_SEND_INVALID_DEST, "the destination is no right to send to, or its port is dead" },
	{ PORT_E_SEND_TIMED_OUT, "the queue stayed full until the timeout" },
	{ PORT_E_SEND_INTERRUPTED, "the send was interrupted" },
	{ PORT_E_SEND_MSG_TOO_SMALL, "the message is shorter than a header" },
	{ PORT_E_SEND_INVALID_REPLY, "the reply right is none that can be sent so" },
	{ PORT_E_SEND_INVALID_RIGHT, "a right in the body is none that can be sent so" },
	{ PORT_E_SEND_INVALID_MEMORY, "memory out of line cannot be read, or is given away twice" },
	{ PORT_E_SEND_NO_BUFFER, "there is no room to keep the message; try again later" },
	{ PORT_E_SEND_TOO_LARGE, "the message is too large; send it in parts or as a descriptor" },
	{ PORT_E_SEND_INVALID_TYPE, "a disposition in the body is unknown" },
	{ PORT_E_SEND_INVALID_HEADER, "a disposition in the header is unknown" },

	{ PORT_E_RCV_INVALID_NAME, "the name is no receive right or set" },
	{ PORT_E_RCV_TIMED_OUT, "no message came until the timeout" },
	{ PORT_E_RCV_TOO_LARGE, "the message is larger than the receiver allows" },
	{ PORT_E_RCV_INTERRUPTED, "the receive was interrupted" },
	{ PORT_E_RCV_PORT_CHANGED, "the port left its set or moved away meanwhile" },
	{ PORT_E_RCV_INVALID_DATA, "the message could not be stored" },
	{ PORT_E_RCV_PORT_DIED, "the port died meanwhile" },
	{ PORT_E_RCV_IN_SET, "the port is in a set; receive on the set" },
	{ PORT_E_RCV_HEADER_ERROR, "there is no name for the reply right" },
	{ PORT_E_RCV_BODY_ERROR, "there is no name for a right in the body" },

	{ PORT_E_RPC_TYPE_ERROR, "the answer has other fields than this version expects" },
	{ PORT_E_RPC_REPLY_MISMATCH, "the answer belongs to another request" },
	{ PORT_E_RPC_BAD_ID, "the server does not know this request" },
	{ PORT_E_RPC_BAD_ARGUMENTS, "the request has other fields than the server expects" },
	{ PORT_E_RPC_SERVER_DIED, "the server ended, or dropped the request, without an answer" },
};

/* What code means, in a few words. */
const char *
port_error_text(int code)
{
	if (code < 0)
		return strerror(-code);
	if (code >> 28 == 1)
		code &= ~PORT_E_DETAIL_MASK;
	for (size_t i = 0; i < sizeof(sentences) / sizeof(*sentences); i++)
		if (sentences[i].code == code)
			return sentences[i].text;
	return "an answer that this version does not know";
}
