/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codec: typed values in a bounded buffer, with rights and descriptors beside
 * it, and one latched error to check at the end.
 *
 * All values are little-endian and unpadded. A string travels with its NUL
 * inside its length and is checked for it, and for having no other. A right
 * or descriptor is an index into the arrays beside the body, so that whoever
 * carries the message (portd) can move them without knowing the body.
 * Whatever wire_get_* returns by pointer lives as long as the buffer. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/codes.h"

struct wire_blob {
	const void *data;
	size_t size;
};

/* A right in a message: the name it has in the space of whoever holds this
 * struct, and the disposition by which it is sent or was received. portd, which
 * has no names, uses the index of the right instead (see portd/message.h). All
 * zero, it is the absence of a right: what travels has a disposition. */
struct wire_port {
	port_name_t name;
	uint32_t disposition;
};

struct wire_fds {
	uint32_t n;
	int fd[PORT_MSG_FDS_MAX];
};

struct wire_buf {
	uint8_t *data;
	size_t size;		/* bytes written, or bytes there are */
	size_t room;
	size_t at;		/* where the next wire_get reads */
	struct wire_port *ports;
	size_t n_ports;
	size_t ports_room;
	size_t at_port;		/* the first right that no get has taken */
	struct wire_fds fds;	/* owned; a get takes them out, deinit closes the rest */
	int error;		/* 0, -ENOMEM, -EMSGSIZE (put), -EBADMSG (get) */
};

#define AUTO_WIRE __attribute__((cleanup(wire_buf_deinit)))

void wire_buf_deinit(struct wire_buf *buf);
/* A buffer for wire_get over a copy of `data`. */
int wire_buf_load(struct wire_buf *buf, const void *data, size_t size);
/* All bytes read, no error: 0, else -EBADMSG, and at_port is 0 again: nobody took
 * a right. Rights and descriptors may be left over (a frame of `msg` carries
 * those of another body); they stay the buffer's. */
int wire_buf_finish(struct wire_buf *buf);

void wire_put_u32(struct wire_buf *buf, uint32_t value);
void wire_put_i32(struct wire_buf *buf, int32_t value);
void wire_put_u64(struct wire_buf *buf, uint64_t value);
void wire_put_str(struct wire_buf *buf, const char *value);	/* NULL as "" */
void wire_put_blob(struct wire_buf *buf, struct wire_blob value);
void wire_put_argv(struct wire_buf *buf, struct wire_blob value);
void wire_put_bytes(struct wire_buf *buf, const void *data, size_t size);	/* as they are, without a length */
void wire_put_port(struct wire_buf *buf, struct wire_port value);	/* all zero: none */
void wire_put_fd(struct wire_buf *buf, int value);	/* eats value, -1: none */
void wire_put_fds(struct wire_buf *buf, struct wire_fds value);	/* eats them */

uint32_t wire_get_u32(struct wire_buf *buf);
int32_t wire_get_i32(struct wire_buf *buf);
uint64_t wire_get_u64(struct wire_buf *buf);
const char *wire_get_str(struct wire_buf *buf);		/* never NULL */
struct wire_blob wire_get_blob(struct wire_buf *buf);
struct wire_blob wire_get_argv(struct wire_buf *buf);	/* words, each with its NUL */
struct wire_port wire_get_port(struct wire_buf *buf);
int wire_get_fd(struct wire_buf *buf);			/* the caller's from now on */
struct wire_fds wire_get_fds(struct wire_buf *buf);	/* likewise */

#endif
