/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message: port_message to and from the one call that sends and receives. */
#ifndef PORT_MESSAGE_H
#define PORT_MESSAGE_H

#include "port/port.h"

/* One msg call: sends *sent when it is given, then receives on rcv_name into
 * *received when that is given, which is zeroed first. A timeout of
 * PORT_FOREVER waits. sent's descriptors are closed when it was taken. */
int message_exchange(struct port_message *sent, int send_timeout_ms,
    port_name_t rcv_name, struct port_message *received, int rcv_timeout_ms);

#endif
