/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: what travels beside a message's bytes, on its way out and in. */
#ifndef PORT_MEMORY_H
#define PORT_MEMORY_H

#include <stddef.h>

#include "port/port.h"

/* Where the memory of a message went; zeroed: nowhere. */
struct memory_parcel {
	struct wire_region region;
	struct memory_file *file;
};

/* Makes the memory of `body`, which is to be sent to dest beside body_size bytes, ready to
 * travel: its elements say how, and body->region is *parcel's, to be unset by
 * memory_unpacked. 0, PORT_E_SEND_TOO_LARGE, PORT_E_SEND_NO_BUFFER. */
int memory_pack(port_name_t dest, size_t body_size, struct wire_buf *body,
    struct memory_parcel *parcel);
/* After sendmsg said -EFAULT: marks what cannot be read. Whether there was any. */
bool memory_mark_bad(struct wire_buf *body);
/* Elements are as they were before memory_pack. sent: the frame has left this process. */
void memory_unpack(struct wire_buf *body, struct memory_parcel *parcel, bool sent);
/* Copies the memory of what was received into this task's own. 0, or
 * PORT_E_RCV_BODY_ERROR with a detail: for some there was no room. */
int memory_receive(struct wire_buf *body);
/* Names mean something else from now on: no file is used again. */
void memory_forget(void);

#endif
