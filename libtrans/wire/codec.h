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

#ifdef __cplusplus
extern "C" {
#endif

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

/* Bytes beside the body. Put: they are not copied, and must last until the
 * message is sent. Got: the taker's, to be given back with port_memory_free(). */
struct wire_memory {
	void *data;
	size_t size;
};

/* An array of rights beside the body, all of one disposition. Got: it points into
 * the buffer, each right with the disposition by which it came. */
struct wire_ports {
	const struct wire_port *ports;
	size_t n;
	uint32_t disposition;
};

/* Where the REGION elements are: in a file of memory that the sender has sealed,
 * one after another from offset on, each at a multiple of WIRE_REGION_ALIGN. Whoever
 * has copied them out, or gives them up, says so in `release`: see wire_region_free. */
struct wire_region {
	int file;
	int release;
	uint32_t offset;	/* a multiple of WIRE_REGION_UNIT */
	uint32_t size;		/* bytes, of all of them */
};

enum {
	WIRE_ITEMS_MAX = 2 * PORT_MSG_RIGHTS_MAX,	/* elements beside a body: rights, and what groups them */
	WIRE_MEMORY_MAX = 256,		/* pieces of memory among them */
	WIRE_MEMORY_BAD = 1,		/* with WIRE_ITEM_MEMORY: the sender's library could not read it */
	WIRE_REGION_ALIGN = 64,
	WIRE_REGION_UNIT = 64 * 1024,	/* one word of a release file stands for so many bytes */
};

struct wire_buf {
	uint8_t *data;
	size_t size;		/* bytes written, or bytes there are */
	size_t room;
	size_t at;		/* where the next wire_get reads */
	struct wire_port *ports;	/* the elements: rights and others, WIRE_ITEM_* */
	size_t n_ports;
	size_t ports_room;
	size_t at_port;		/* the first element that no get has taken */
	struct wire_fds fds;	/* owned; a get takes them out, deinit closes the rest */
	struct wire_memory *memory;	/* of the MEMORY and REGION elements, in their order */
	size_t n_memory;
	size_t at_memory;	/* the first that no get has taken */
	void (*free_memory)(void *data, size_t size);	/* of those; NULL: somebody else's */
	uint8_t *store;		/* owned: memory that came in line */
	struct wire_region *region;	/* owned; NULL: none */
	int error;		/* 0, -ENOMEM, -EMSGSIZE (put), -EBADMSG (get) */
};

#define AUTO_WIRE __attribute__((cleanup(wire_buf_deinit)))

void wire_buf_deinit(struct wire_buf *buf);
void wire_buf_begin(struct wire_buf *buf);
/* A buffer for wire_get over a copy of `data`. */
int wire_buf_load(struct wire_buf *buf, const void *data, size_t size);
/* Likewise of a part of another buffer, whose memory it takes. */
void wire_buf_take(struct wire_buf *buf, struct wire_buf *from, struct wire_blob bytes);
/* All bytes read, no error: 0, else -EBADMSG, and at_port is 0 again: nobody took
 * a right. Rights and descriptors may be left over (a frame of `msg` carries
 * those of another body); they stay the buffer's. */
int wire_buf_finish(struct wire_buf *buf);
/* Everything beside the bytes goes from one buffer to another, which has nothing there. */
void wire_move_beside(struct wire_buf *to, struct wire_buf *from);
/* What port_msg's flat layout needs behind the header: for each element and descriptor
 * WIRE_FLAT_ELEMENT bytes, and WIRE_FLAT_HEAD for there being any; then the body, rounded up to a
 * multiple of 4. */
enum { WIRE_FLAT_HEAD = 8, WIRE_FLAT_ELEMENT = 32 };
size_t wire_n_elements(const struct wire_buf *buf);
size_t wire_flat_size(const struct wire_buf *buf);
/* Tells the sender that a region is his again, closes and frees it. */
void wire_region_free(struct wire_region *region);
/* Where the next region starts, counted from where one of `size` bytes does. */
size_t wire_region_stride(size_t size);

void wire_put_u32(struct wire_buf *buf, uint32_t value);
void wire_put_i32(struct wire_buf *buf, int32_t value);
void wire_put_u64(struct wire_buf *buf, uint64_t value);
void wire_put_str(struct wire_buf *buf, const char *value);	/* NULL as "" */
void wire_put_blob(struct wire_buf *buf, struct wire_blob value);
void wire_put_argv(struct wire_buf *buf, struct wire_blob value);
void wire_put_bytes(struct wire_buf *buf, const void *data, size_t size);	/* as they are, without a length */
void wire_put_port(struct wire_buf *buf, struct wire_port value);	/* all zero: none */
void wire_put_ports(struct wire_buf *buf, struct wire_ports value);	/* each by value.disposition */
void wire_put_memory(struct wire_buf *buf, struct wire_memory value);
void wire_put_fd(struct wire_buf *buf, int value);	/* eats value, -1: none */
void wire_put_fds(struct wire_buf *buf, struct wire_fds value);	/* eats them */

uint32_t wire_get_u32(struct wire_buf *buf);
int32_t wire_get_i32(struct wire_buf *buf);
uint64_t wire_get_u64(struct wire_buf *buf);
const char *wire_get_str(struct wire_buf *buf);		/* never NULL */
struct wire_blob wire_get_blob(struct wire_buf *buf);
struct wire_blob wire_get_argv(struct wire_buf *buf);	/* words, each with its NUL */
struct wire_port wire_get_port(struct wire_buf *buf);
struct wire_ports wire_get_ports(struct wire_buf *buf);
struct wire_memory wire_get_memory(struct wire_buf *buf);
int wire_get_fd(struct wire_buf *buf);			/* the caller's from now on */
struct wire_fds wire_get_fds(struct wire_buf *buf);	/* likewise */

#ifdef __cplusplus
}
#endif

#endif
