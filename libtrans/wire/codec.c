/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codec: each value is a fixed number of bytes, or a u32 length and as many
 * bytes. A right or a descriptor is the u32 index of its place beside the body,
 * or NOT_THERE. Rights are taken in the order in which they stand, so that a
 * hostile body cannot name one twice. */
#include "wire/codec.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "wire/frame.h"

#define NOT_THERE (~(uint32_t)0)

static void
close_fds(struct wire_fds *fds)
{
	for (uint32_t i = 0; i < fds->n; i++)
		fd_close(&fds->fd[i]);
	fds->n = 0;
}

/* A region that nobody will read any more: the word in the release file that stands for
 * its place becomes 0. Only a file of memory can be sealed; to write into anything else
 * that a hostile sender may have passed could block for ever. */
void
wire_region_free(struct wire_region *region)
{
	static const uint32_t released = 0;
	off_t at = (off_t)(region ? region->offset / WIRE_REGION_UNIT * sizeof(released) : 0);
	int seals;

	if (!region)
		return;
	seals = fcntl(region->release, F_GET_SEALS);
	if (seals >= 0 && (seals & (F_SEAL_GROW | F_SEAL_WRITE)) == F_SEAL_GROW &&
	    pwrite(region->release, &released, sizeof(released), at) < 0)
		log_debug("a release file cannot be written: %s", strerror(errno));
	fd_close(&region->file);
	fd_close(&region->release);
	free(region);
}

/* The bytes that one piece of a region takes up. */
size_t
wire_region_stride(size_t size)
{
	return (size + WIRE_REGION_ALIGN - 1) & ~(size_t)(WIRE_REGION_ALIGN - 1);
}

static void
free_memory(struct wire_buf *buf)
{
	for (size_t i = buf->at_memory; buf->free_memory && i < buf->n_memory; i++)
		if (buf->memory[i].data)
			buf->free_memory(buf->memory[i].data, buf->memory[i].size);
	free(buf->memory);
	free(buf->store);
	wire_region_free(buf->region);
}

/* Most messages are nothing but bytes. */
static inline bool
has_beside(const struct wire_buf *buf)
{
	return buf->ports || buf->fds.n || buf->memory || buf->store || buf->region;
}

static inline void
set_bytes(struct wire_buf *to, const struct wire_buf *from)
{
	to->data = from->data;
	to->size = from->size;
	to->room = from->room;
	to->at = from->at;
	to->error = from->error;
}

/* Frees memory and closes the descriptors that nobody took. Rights are names:
 * whoever knows the space releases them. What is left is an empty buffer. */
void
wire_buf_deinit(struct wire_buf *buf)
{
	free(buf->data);
	if (has_beside(buf)) {
		close_fds(&buf->fds);
		free_memory(buf);
		free(buf->ports);
		*buf = (struct wire_buf){ 0 };
	} else {
		set_bytes(buf, &(struct wire_buf){ 0 });
		buf->free_memory = NULL;
	}
}

/* Makes a zeroed buffer one to read `data` from. 0, -EMSGSIZE, -ENOMEM. */
int
wire_buf_load(struct wire_buf *buf, const void *data, size_t size)
{
	uint8_t *copy;

	if (size > FRAME_MAX)
		return -EMSGSIZE;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	if (size)
		memcpy(copy, data, size);
	*buf = (struct wire_buf){ .data = copy, .size = size, .room = size };
	return 0;
}

/* Makes a zeroed buffer one to read some bytes of another from, which it takes over: that
 * one has no bytes any more. */
void
wire_buf_take(struct wire_buf *buf, struct wire_buf *from, struct wire_blob bytes)
{
	if (bytes.size)
		memmove(from->data, bytes.data, bytes.size);
	buf->data = STEAL_PTR(from->data);
	buf->size = bytes.size;
	buf->room = from->room;
	from->size = from->room = from->at = 0;
}

/* To be called after the last get. */
int
wire_buf_finish(struct wire_buf *buf)
{
	if (!buf->error && buf->at == buf->size)
		return 0;
	buf->at_port = 0;
	buf->at_memory = 0;
	return -EBADMSG;
}

/* Moves elements, memory and descriptors; the bytes stay. */
void
wire_move_beside(struct wire_buf *to, struct wire_buf *from)
{
	struct wire_buf bytes;

	if (!has_beside(from))
		return;
	set_bytes(&bytes, from);
	set_bytes(from, to);
	*to = *from;
	*from = (struct wire_buf){ 0 };
	set_bytes(from, &bytes);
}

static __attribute__((noinline)) uint8_t *
grow(struct wire_buf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : 256;
	uint8_t *data;

	if (more > FRAME_MAX || buf->size + more > FRAME_MAX) {
		buf->error = -EMSGSIZE;
		return NULL;
	}
	while (room < buf->size + more)
		room *= 2;
	if (room != buf->room) {
		data = realloc(buf->data, room);
		if (!data) {
			buf->error = -ENOMEM;
			return NULL;
		}
		buf->data = data;
		buf->room = room;
	}
	buf->size += more;
	return buf->data + buf->size - more;
}

/* Room for `more` bytes, as written; NULL: there is an error. */
static inline uint8_t *
extend(struct wire_buf *buf, size_t more)
{
	if (buf->error)
		return NULL;
	if (more > buf->room - buf->size || buf->size + more > FRAME_MAX)
		return grow(buf, more);
	buf->size += more;
	return buf->data + buf->size - more;
}

/* Room for a short message in an empty buffer. */
void
wire_buf_begin(struct wire_buf *buf)
{
	if (!buf->data && extend(buf, 1))
		buf->size--;
}

/* Appends a number. */
void
wire_put_u32(struct wire_buf *buf, uint32_t value)
{
	uint8_t *p = extend(buf, sizeof(value));

	value = htole32(value);
	if (p)
		memcpy(p, &value, sizeof(value));
}

/* Appends a number, in two's complement. */
void
wire_put_i32(struct wire_buf *buf, int32_t value)
{
	wire_put_u32(buf, (uint32_t)value);
}

/* Appends a number. */
void
wire_put_u64(struct wire_buf *buf, uint64_t value)
{
	uint8_t *p = extend(buf, sizeof(value));

	value = htole64(value);
	if (p)
		memcpy(p, &value, sizeof(value));
}

/* Appends a string with its NUL. */
void
wire_put_str(struct wire_buf *buf, const char *value)
{
	if (!value)
		value = "";
	wire_put_blob(buf, (struct wire_blob){ value, strlen(value) + 1 });
}

/* Appends what another buffer has encoded, without its length. */
void
wire_put_bytes(struct wire_buf *buf, const void *data, size_t size)
{
	uint8_t *p = extend(buf, size);

	if (p && size)
		memcpy(p, data, size);
}

/* Appends bytes with their number. */
void
wire_put_blob(struct wire_buf *buf, struct wire_blob value)
{
	wire_put_u32(buf, (uint32_t)value.size);
	wire_put_bytes(buf, value.data, value.size);
}

/* Appends words; the reader refuses what does not end in a NUL. */
void
wire_put_argv(struct wire_buf *buf, struct wire_blob value)
{
	wire_put_blob(buf, value);
}

/* Makes room for n more elements. */
static bool
reserve_items(struct wire_buf *buf, size_t n)
{
	size_t room = buf->ports_room ? buf->ports_room : 4;
	struct wire_port *ports;

	if (!buf->error && n > WIRE_ITEMS_MAX - buf->n_ports)
		buf->error = -EMSGSIZE;
	if (buf->error)
		return false;
	while (room < buf->n_ports + n)
		room *= 2;
	if (room == buf->ports_room)
		return true;
	ports = realloc(buf->ports, room * sizeof(*ports));
	if (!ports) {
		buf->error = -ENOMEM;
		return false;
	}
	buf->ports = ports;
	buf->ports_room = room;
	return true;
}

/* Appends an element, and to the body its index. */
static bool
put_item(struct wire_buf *buf, struct wire_port item)
{
	if (!reserve_items(buf, 1))
		return false;
	wire_put_u32(buf, buf->n_ports);
	if (buf->error)
		return false;
	buf->ports[buf->n_ports++] = item;
	return true;
}

/* Appends a right, which itself goes beside the body. */
void
wire_put_port(struct wire_buf *buf, struct wire_port value)
{
	if (!buf->error && buf->n_ports >= PORT_MSG_RIGHTS_MAX)
		buf->error = -EMSGSIZE;
	if (value.name == PORT_NULL && value.disposition == 0)
		wire_put_u32(buf, NOT_THERE);
	else
		put_item(buf, value);
}

/* Appends an array of rights, which are all sent by its disposition. */
void
wire_put_ports(struct wire_buf *buf, struct wire_ports value)
{
	if (value.n > WIRE_ITEMS_MAX - 1 || !reserve_items(buf, value.n + 1)) {
		buf->error = buf->error ? buf->error : -EMSGSIZE;
		return;
	}
	if (!put_item(buf, (struct wire_port){
	    (uint32_t)value.n, WIRE_ITEM_PORTS | value.disposition }))
		return;
	for (size_t i = 0; i < value.n; i++)
		buf->ports[buf->n_ports++] = (struct wire_port){
			value.ports[i].name, value.disposition
		};
}

/* Appends memory, which itself goes beside the body. */
void
wire_put_memory(struct wire_buf *buf, struct wire_memory value)
{
	struct wire_memory *memory;

	if (!buf->error && (buf->n_memory >= WIRE_MEMORY_MAX || value.size > PORT_MSG_MEMORY_MAX))
		buf->error = -EMSGSIZE;
	if (buf->error)
		return;
	memory = realloc(buf->memory, (buf->n_memory + 1) * sizeof(*memory));
	if (!memory) {
		buf->error = -ENOMEM;
		return;
	}
	buf->memory = memory;
	if (put_item(buf, (struct wire_port){ (uint32_t)value.size, WIRE_ITEM_MEMORY }))
		buf->memory[buf->n_memory++] = value;
}

/* Appends a descriptor, which is the buffer's from now on, or closed when there is
 * no room. */
void
wire_put_fd(struct wire_buf *buf, int value)
{
	if (value < 0) {
		wire_put_u32(buf, NOT_THERE);
		return;
	}
	if (!buf->error && buf->fds.n >= PORT_MSG_FDS_MAX)
		buf->error = -EMSGSIZE;
	wire_put_u32(buf, buf->fds.n);
	if (buf->error)
		fd_close(&value);
	else
		buf->fds.fd[buf->fds.n++] = value;
}

/* Appends descriptors, likewise. */
void
wire_put_fds(struct wire_buf *buf, struct wire_fds value)
{
	if (!buf->error && value.n > PORT_MSG_FDS_MAX)
		buf->error = -EMSGSIZE;
	wire_put_u32(buf, value.n);
	for (uint32_t i = 0; i < value.n && i < PORT_MSG_FDS_MAX; i++)
		wire_put_fd(buf, value.fd[i]);
}

static const uint8_t *
take(struct wire_buf *buf, size_t size)
{
	if (buf->error)
		return NULL;
	if (size > buf->size - buf->at) {
		buf->error = -EBADMSG;
		return NULL;
	}
	if (size == 0)
		return (const uint8_t *)"";
	buf->at += size;
	return buf->data + buf->at - size;
}

/* Reads a number; 0 after an error. */
uint32_t
wire_get_u32(struct wire_buf *buf)
{
	const uint8_t *p = take(buf, sizeof(uint32_t));
	uint32_t value;

	if (!p)
		return 0;
	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

/* Reads a number; 0 after an error. */
int32_t
wire_get_i32(struct wire_buf *buf)
{
	return (int32_t)wire_get_u32(buf);
}

/* Reads a number; 0 after an error. */
uint64_t
wire_get_u64(struct wire_buf *buf)
{
	const uint8_t *p = take(buf, sizeof(uint64_t));
	uint64_t value;

	if (!p)
		return 0;
	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

/* Reads a string; "" after an error. */
const char *
wire_get_str(struct wire_buf *buf)
{
	struct wire_blob blob = wire_get_blob(buf);

	if (!buf->error && (blob.size == 0 || strnlen(blob.data, blob.size) != blob.size - 1))
		buf->error = -EBADMSG;
	return buf->error ? "" : blob.data;
}

/* Reads bytes; none after an error. */
struct wire_blob
wire_get_blob(struct wire_buf *buf)
{
	size_t size = wire_get_u32(buf);
	const uint8_t *p = take(buf, size);

	return p ? (struct wire_blob){ p, size } : (struct wire_blob){ NULL, 0 };
}

/* Reads words; none after an error. */
struct wire_blob
wire_get_argv(struct wire_buf *buf)
{
	struct wire_blob blob = wire_get_blob(buf);

	if (blob.size && ((const char *)blob.data)[blob.size - 1] != '\0') {
		buf->error = -EBADMSG;
		return (struct wire_blob){ NULL, 0 };
	}
	return blob;
}

/* The next element, when the body names it and it is of this kind; NULL for none and after
 * an error. */
static const struct wire_port *
get_item(struct wire_buf *buf, uint32_t item)
{
	uint32_t i = wire_get_u32(buf);

	if (buf->error || i == NOT_THERE)
		return NULL;
	if (i != buf->at_port || i >= buf->n_ports ||
	    (buf->ports[i].disposition & WIRE_ITEM_MASK) != item) {
		buf->error = -EBADMSG;
		return NULL;
	}
	return &buf->ports[buf->at_port++];
}

/* Takes the next right; all zero for none and after an error. */
struct wire_port
wire_get_port(struct wire_buf *buf)
{
	const struct wire_port *port = get_item(buf, WIRE_ITEM_PORT);

	return port ? *port : (struct wire_port){ 0 };
}

/* Takes an array of rights; an empty one after an error. */
struct wire_ports
wire_get_ports(struct wire_buf *buf)
{
	const struct wire_port *head = get_item(buf, WIRE_ITEM_PORTS);
	struct wire_ports got = { 0 };

	if (!head)
		return got;
	if (head->name > buf->n_ports - buf->at_port) {
		buf->error = -EBADMSG;
		return got;
	}
	got.ports = head + 1;
	got.n = head->name;
	got.disposition = head->disposition & ~(uint32_t)WIRE_ITEM_MASK;
	for (size_t i = 0; i < got.n; i++)
		if (got.ports[i].disposition & WIRE_ITEM_MASK)
			buf->error = -EBADMSG;
	buf->at_port += got.n;
	return buf->error ? (struct wire_ports){ 0 } : got;
}

/* Takes memory; none after an error. Memory that is in a file still, because nobody has
 * copied it out, is an error. */
struct wire_memory
wire_get_memory(struct wire_buf *buf)
{
	const struct wire_port *item = get_item(buf, WIRE_ITEM_MEMORY);

	if (!item)
		return (struct wire_memory){ 0 };
	if (buf->at_memory >= buf->n_memory) {
		buf->error = -EBADMSG;
		return (struct wire_memory){ 0 };
	}
	return buf->memory[buf->at_memory++];
}

/* Takes a descriptor; -1 for none and after an error. */
int
wire_get_fd(struct wire_buf *buf)
{
	uint32_t i = wire_get_u32(buf);

	if (buf->error || i == NOT_THERE)
		return -1;
	if (i >= buf->fds.n || buf->fds.fd[i] < 0) {
		buf->error = -EBADMSG;
		return -1;
	}
	return fd_steal(&buf->fds.fd[i]);
}

/* Takes descriptors; none after an error. */
struct wire_fds
wire_get_fds(struct wire_buf *buf)
{
	struct wire_fds fds = { .n = wire_get_u32(buf) };

	if (fds.n > PORT_MSG_FDS_MAX) {
		buf->error = -EBADMSG;
		fds.n = 0;
	}
	for (uint32_t i = 0; i < fds.n; i++)
		fds.fd[i] = wire_get_fd(buf);
	if (buf->error)
		close_fds(&fds);
	return fds;
}

/* Descriptors, and elements; an array of rights is one. */
size_t
wire_n_elements(const struct wire_buf *buf)
{
	size_t n = buf->fds.n;

	for (size_t i = 0; i < buf->n_ports; i++, n++)
		if ((buf->ports[i].disposition & (uint32_t)WIRE_ITEM_MASK) == WIRE_ITEM_PORTS)
			i += buf->ports[i].name;
	return n;
}

size_t
wire_flat_size(const struct wire_buf *buf)
{
	size_t n = wire_n_elements(buf), size = (buf->size + 3) & ~(size_t)3;

	return n ? WIRE_FLAT_HEAD + n * WIRE_FLAT_ELEMENT + size : size;
}
