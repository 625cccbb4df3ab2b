/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame: what a connection between a task's thread and portd carries.
 *
 * One SOCK_SEQPACKET record a frame: a header, then the body of a wire_buf, then its
 * elements as pairs of u32, then the bytes of its MEMORY elements; descriptors ride
 * along as SCM_RIGHTS, in front those of a region, when there is one: the file of
 * memory and its release file. Surplus descriptors, a wrong size, sums that do not
 * agree or a wrong magic make the frame bad; the descriptors of a bad frame are closed.
 * What the files of a region really are, portd checks. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdint.h>
#include <sys/types.h>

#include "wire/codec.h"

enum {
	FRAME_MAGIC = 0x64726968,	/* "hird" */
	FRAME_MAX = 128 * 1024,		/* bytes of one frame, header and ports included */
};

struct frame {
	uint32_t call;		/* enum wire_call; a reply repeats it */
	uint32_t cookie;	/* chosen by the client, repeated in the reply */
	int32_t code;		/* of a reply; 0 in a request */
	pid_t pid;		/* of the sender when the receiver asked for SO_PASSCRED, else 0 */
	uid_t uid;
	gid_t gid;
	struct wire_buf body;
};

/* Sends one frame; the body's descriptors are closed once sent, kept on
 * failure; a region is the receiver's to release then. flags: MSG_DONTWAIT or 0. 0,
 * -EAGAIN, -EPIPE, -EMSGSIZE, -EFAULT (memory that cannot be read) ... */
int frame_send(int fd, struct frame *frame, int flags);
/* Likewise, but the descriptors stay open and the body's, sent or not. */
int frame_send_keep(int fd, const struct frame *frame, int flags);
/* Receives one. 0; -EAGAIN; -EPIPE at the end; -EBADMSG: the peer sent
 * rubbish. *frame is untouched on failure. */
int frame_receive(int fd, struct frame *frame, int flags);

#endif
