/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flat: a message in one buffer, as Mach lays it out, to and from a port_message.
 *
 * The buffer, and what its descriptors point to, is the caller's, and may not be there: it
 * is read and written by the kernel, which says so instead of killing the process. What is
 * wrong with the message as a whole is answered here, before anything has happened. What
 * is wrong with one descriptor is portd's to answer, because those before it count:
 * in its place goes an element that portd is sure to refuse with the right code. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/message.h"

enum {
	OPTIONS = PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_SEND_TIMEOUT | PORT_MSG_SEND_NOTIFY |
	    PORT_MSG_SEND_INTERRUPT | PORT_MSG_RCV_TIMEOUT | PORT_MSG_RCV_INTERRUPT |
	    PORT_MSG_RCV_LARGE | PORT_MSG_RCV_TRAILER,
	HEADER = sizeof(struct port_msg_header),
	HEAD = HEADER + sizeof(struct port_msg_body),	/* of a complex one */
	TRAILER = sizeof(struct port_msg_trailer),
	DESCRIPTOR = sizeof(struct port_descriptor),
	DESCRIPTORS_MAX = WIRE_ITEMS_MAX + PORT_MSG_FDS_MAX,
	FLAT_MAX = HEAD + DESCRIPTORS_MAX * DESCRIPTOR + PORT_MSG_BODY_MAX,
	NO_DISPOSITION = 0xff,
	NO_ITEM = (int)0xff000000,
};

_Static_assert(sizeof(struct port_descriptor) == WIRE_FLAT_ELEMENT &&
    sizeof(struct port_msg_body) == WIRE_FLAT_HEAD, "portd counts as we do");

/* Memory of this process that may not be there ---------------------------------------- */

static bool
is_refused(ssize_t n)
{
	return n < 0 && (errno == EPERM || errno == ENOSYS);
}

/* Copies memory. False: some of it, here or there, is not. Where the kernel may not be
 * asked, it is taken on trust. Always a read: valgrind knows what that fills, and nothing
 * of what process_vm_writev does. */
static bool
copy_memory(void *to, const void *from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)(uintptr_t)from, size };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (is_refused(n)) {
		memcpy(to, from, size);
		return true;
	}
	return n >= 0 && (size_t)n == size;
}


/* What leaves this task's memory ------------------------------------------------------ */

struct leaving {
	size_t n;
	struct wire_memory range[WIRE_MEMORY_MAX];
};

static bool
overlaps_leaving(const struct leaving *leaving, const void *address, size_t size)
{
	for (size_t i = 0; i < leaving->n; i++) {
		uintptr_t start = (uintptr_t)leaving->range[i].data;

		if ((uintptr_t)address < start + leaving->range[i].size &&
		    start < (uintptr_t)address + size)
			return true;
	}
	return false;
}

/* In whole pages, as Mach does. */
static void
unmap_leaving(const struct leaving *leaving)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < leaving->n; i++) {
		uintptr_t start = (uintptr_t)leaving->range[i].data;
		uintptr_t end = (start + leaving->range[i].size + page - 1) & ~(page - 1);

		start &= ~(page - 1);
		munmap((void *)start, end - start);
	}
}

/* Sending ------------------------------------------------------------------------------ */

/* Whether a descriptor's memory is not gone with another one; remembers what leaves. */
static bool
take_range(struct leaving *leaving, const struct port_descriptor *descriptor, size_t size)
{
	void *address = descriptor->address;

	if (size == 0)
		return true;
	if (overlaps_leaving(leaving, address, size))
		return false;
	if (!descriptor->deallocate)
		return true;
	if (leaving->n == ARRAY_SIZE(leaving->range))
		return false;
	leaving->range[leaving->n++] = (struct wire_memory){ address, size };
	return true;
}

static void
put_bad_memory(struct wire_buf *buf)
{
	wire_put_memory(buf, (struct wire_memory){ NULL, 0 });
	if (!buf->error)
		buf->ports[buf->n_ports - 1].disposition |= WIRE_MEMORY_BAD;
}

static uint32_t
disposition_of(const struct port_descriptor *descriptor)
{
	return descriptor->disposition - 1 < NO_DISPOSITION ? descriptor->disposition
							    : NO_DISPOSITION;
}

static void
put_port(struct wire_buf *buf, const struct port_descriptor *descriptor)
{
	wire_put_port(buf, (struct wire_port){ descriptor->name, disposition_of(descriptor) });
}

static void
put_memory(
    struct wire_buf *buf, struct leaving *leaving, const struct port_descriptor *descriptor)
{
	void *address = descriptor->size ? descriptor->address : NULL;

	if (descriptor->size > PORT_MSG_MEMORY_MAX)
		buf->error = -EMSGSIZE;
	else if (take_range(leaving, descriptor, descriptor->size))
		wire_put_memory(buf, (struct wire_memory){ address, descriptor->size });
	else
		put_bad_memory(buf);
}

static void
put_ports(
    struct wire_buf *buf, struct leaving *leaving, const struct port_descriptor *descriptor)
{
	struct wire_ports array = { .disposition = disposition_of(descriptor) };
	port_name_t names[PORT_MSG_RIGHTS_MAX];
	struct wire_port ports[PORT_MSG_RIGHTS_MAX];
	size_t n = descriptor->size;

	if (n > PORT_MSG_RIGHTS_MAX) {
		buf->error = -EMSGSIZE;
		return;
	}
	if (!take_range(leaving, descriptor, n * sizeof(*names)) ||
	    (n > 0 && !copy_memory(names, descriptor->address, n * sizeof(*names)))) {
		put_bad_memory(buf);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ports[i] = (struct wire_port){ names[i], array.disposition };
	array.ports = ports;
	array.n = n;
	wire_put_ports(buf, array);
}

/* -EBADF: it is no descriptor. */
static int
put_fd(struct wire_buf *buf, const struct port_descriptor *descriptor)
{
	int fd = fcntl((int)descriptor->name, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	wire_put_fd(buf, fd);	/* eats fd */
	return 0;
}

static int
put_descriptor(
    struct wire_buf *buf, struct leaving *leaving, const struct port_descriptor *descriptor)
{
	switch (descriptor->type) {
	case PORT_DESCRIPTOR_PORT:
		put_port(buf, descriptor);
		return 0;
	case PORT_DESCRIPTOR_MEMORY:
		put_memory(buf, leaving, descriptor);
		return 0;
	case PORT_DESCRIPTOR_PORTS:
		put_ports(buf, leaving, descriptor);
		return 0;
	case PORT_DESCRIPTOR_FD:
		return put_fd(buf, descriptor);
	default:
		wire_put_port(buf, (struct wire_port){ 0, (uint32_t)NO_ITEM });
		return 0;
	}
}

/* Makes elements of n descriptors. The indices that wire_put_* leaves in the bytes are
 * not wanted. */
static int
put_descriptors(
    struct wire_buf *body, struct leaving *leaving, const uint8_t *data, uint32_t n)
{
	AUTO_WIRE struct wire_buf beside = { 0 };
	struct port_descriptor descriptor;
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++) {
		memcpy(&descriptor, data + (size_t)i * DESCRIPTOR, DESCRIPTOR);
		err = put_descriptor(&beside, leaving, &descriptor);
		if (!err)
			err = beside.error;
	}
	if (err == -EMSGSIZE)
		err = PORT_E_SEND_TOO_LARGE;
	if (!err)
		wire_move_beside(body, &beside);
	return err;
}

/* More descriptors than there is room for: portd will find an array that is longer than
 * the elements there are. */
static int
put_too_many(struct wire_buf *body)
{
	AUTO_WIRE struct wire_buf beside = { 0 };

	wire_put_port(&beside, (struct wire_port){ UINT32_MAX, WIRE_ITEM_PORTS | PORT_MOVE_SEND });
	if (beside.error)
		return beside.error;
	wire_move_beside(body, &beside);
	return 0;
}

/* Turns what follows the header into elements, then bytes. */
static int
put_complex(struct wire_buf *body, struct leaving *leaving, size_t *startp)
{
	struct port_msg_body head;

	if (body->size < HEAD)
		return put_too_many(body);
	memcpy(&head, body->data + HEADER, sizeof(head));
	if (head.n_descriptors > (body->size - HEAD) / DESCRIPTOR)
		return put_too_many(body);
	if (head.n_descriptors > DESCRIPTORS_MAX)
		return PORT_E_SEND_TOO_LARGE;
	*startp = HEAD + (size_t)head.n_descriptors * DESCRIPTOR;
	return put_descriptors(body, leaving, body->data + HEAD, head.n_descriptors);
}

/* Reads the buffer: its bytes become the message's body, header and all. */
static int
load(struct wire_buf *body, const void *data, size_t size)
{
	if (size < HEADER || size % 4 != 0)
		return PORT_E_SEND_MSG_TOO_SMALL;
	if (size > FLAT_MAX)
		return PORT_E_SEND_TOO_LARGE;
	body->data = malloc(size);
	if (!body->data)
		return -ENOMEM;
	body->size = body->room = size;
	return copy_memory(body->data, data, size) ? 0 : PORT_E_SEND_INVALID_DATA;
}

/* Makes a port_message of the buffer; it is to be released in any case. */
static int
parse(struct port_message *message, struct leaving *leaving, const void *data, size_t size)
{
	const uint32_t known = PORT_MSG_BITS(0xff, 0xff) | PORT_MSG_BITS_COMPLEX;
	struct wire_buf *body = &message->body;
	struct port_msg_header header;
	size_t start = HEADER;
	int err = load(body, data, size);

	if (err)
		return err;
	memcpy(&header, body->data, sizeof(header));
	if (header.bits & ~known)
		return PORT_E_SEND_INVALID_HEADER;
	message->id = header.id;
	message->remote = header.remote;
	message->remote_disposition = PORT_MSG_BITS_REMOTE(header.bits);
	message->local = header.local;
	message->local_disposition = PORT_MSG_BITS_LOCAL(header.bits);
	if (header.bits & PORT_MSG_BITS_COMPLEX)
		err = put_complex(body, leaving, &start);
	body->size -= start;
	memmove(body->data, body->data + start, body->size);
	return err;
}

/* Receiving --------------------------------------------------------------------------- */

static uint32_t
item_of(const struct wire_port *port)
{
	return port->disposition & (uint32_t)WIRE_ITEM_MASK;
}

static size_t
flat_size(const struct port_message *message)
{
	return HEADER + wire_flat_size(&message->body);
}

/* A list of names in memory of its own. */
static int
get_ports(struct port_descriptor *descriptor, const struct wire_port *head)
{
	size_t n = head->name;
	port_name_t *names = n ? port_memory_alloc(n * sizeof(*names)) : NULL;

	descriptor->type = PORT_DESCRIPTOR_PORTS;
	descriptor->disposition = head->disposition & ~(uint32_t)WIRE_ITEM_MASK;
	if (n > 0 && !names)
		return PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE;
	for (size_t k = 0; k < n; k++)
		names[k] = head[1 + k].name;
	descriptor->address = names;
	descriptor->size = n;
	descriptor->deallocate = 1;
	return 0;
}

static void
get_memory(struct port_descriptor *descriptor, const struct wire_memory *memory)
{
	descriptor->type = PORT_DESCRIPTOR_MEMORY;
	descriptor->deallocate = 1;
	descriptor->address = memory->data;
	descriptor->size = memory->size;
}

/* Writes the descriptors; those of files come last. A code when something did not find room.
 * What they name is the message's still, but for the lists of names. */
static int
get_descriptors(uint8_t *to, const struct wire_buf *body)
{
	size_t m = 0;
	int code = 0;

	for (size_t i = 0; i < body->n_ports; i++, to += DESCRIPTOR) {
		const struct wire_port *item = &body->ports[i];
		struct port_descriptor descriptor = { 0 };

		if (item_of(item) == WIRE_ITEM_PORTS) {
			code |= get_ports(&descriptor, item);
			i += item->name;
		} else if (item_of(item) == WIRE_ITEM_PORT) {
			descriptor.name = item->name;
			descriptor.disposition = item->disposition;
		} else {
			get_memory(&descriptor, &body->memory[m++]);
		}
		memcpy(to, &descriptor, DESCRIPTOR);
	}
	for (uint32_t i = 0; i < body->fds.n; i++, to += DESCRIPTOR) {
		struct port_descriptor descriptor = {
			.type = PORT_DESCRIPTOR_FD,
			.name = (uint32_t)body->fds.fd[i],
		};

		memcpy(to, &descriptor, DESCRIPTOR);
	}
	return code;
}

/* The buffer has it all now: nothing of it is the message's any more, but for the rights
 * of lists that found no room. */
static void
hand_over(struct wire_buf *body, const uint8_t *descriptors)
{
	for (size_t i = 0; i < body->n_ports; i++, descriptors += DESCRIPTOR) {
		const struct wire_port *item = &body->ports[i];
		struct port_descriptor descriptor;

		if (item_of(item) != WIRE_ITEM_PORTS)
			continue;
		memcpy(&descriptor, descriptors, DESCRIPTOR);
		if (!descriptor.address)
			message_release_rights(item + 1, item->name);
		i += item->name;
	}
	body->n_ports = 0;
	body->n_memory = 0;
	body->fds.n = 0;
}

/* The buffer is not there: the lists of names go. */
static void
drop_lists(const uint8_t *descriptors, size_t n)
{
	struct port_descriptor descriptor;

	for (size_t i = 0; i < n; i++) {
		memcpy(&descriptor, descriptors + i * DESCRIPTOR, DESCRIPTOR);
		if (descriptor.type == PORT_DESCRIPTOR_PORTS && descriptor.address)
			port_memory_free(descriptor.address, descriptor.size * sizeof(port_name_t));
	}
}

static struct port_msg_header
header_of(const struct port_message *message, size_t n_descriptors, size_t size)
{
	return (struct port_msg_header){
		.bits = PORT_MSG_BITS(message->remote_disposition, message->local_disposition) |
		    (n_descriptors ? PORT_MSG_BITS_COMPLEX : 0),
		.size = (uint32_t)size,
		.remote = message->remote,
		.local = message->local,
		.seqno = message->seqno,
		.id = message->id,
	};
}

static void
put_trailer(uint8_t *to, const struct port_message *message)
{
	struct port_msg_trailer trailer = {
		.size = TRAILER,
		.seqno = message->seqno,
		.payload = message->payload,
		.pid = message->sender_pid,
		.uid = message->sender_uid,
		.gid = message->sender_gid,
		.task = message->sender_task,
	};

	memcpy(to, &trailer, TRAILER);
}

/* Lays a message out. */
static int
lay_out(uint8_t *flat, const struct port_message *message, size_t n_descriptors, size_t size)
{
	struct port_msg_header header = header_of(message, n_descriptors, size);
	struct port_msg_body head = { .n_descriptors = (uint32_t)n_descriptors };
	uint8_t *at = flat + HEADER;
	int code = 0;

	memcpy(flat, &header, HEADER);
	if (n_descriptors) {
		memcpy(at, &head, sizeof(head));
		code = get_descriptors(at + sizeof(head), &message->body);
		at = flat + HEAD + n_descriptors * DESCRIPTOR;
	}
	if (message->body.size)
		memcpy(at, message->body.data, message->body.size);
	at += message->body.size;
	memset(at, 0, (size_t)(flat + size - at));
	return code;
}

/* Writes a message to the buffer, with a trailer when there is to be one; both fit. */
static int
store(void *to, struct port_message *message, size_t n_descriptors, size_t trailer)
{
	size_t size = flat_size(message);
	AUTO_FREE uint8_t *flat = malloc(size + trailer);
	int code;

	if (!flat)
		return -ENOMEM;
	code = lay_out(flat, message, n_descriptors, size);
	if (trailer)
		put_trailer(flat + size, message);
	if (!copy_memory(to, flat, size + trailer)) {
		drop_lists(flat + HEAD, n_descriptors);
		return PORT_E_RCV_INVALID_DATA;
	}
	hand_over(&message->body, flat + HEAD);
	message->remote = PORT_NULL;
	return code;
}

/* Tells of a message that is too large: its header, as far as there is room, with the size
 * that it needs. */
static void
store_header(void *to, size_t room, const struct port_message *message, size_t size)
{
	struct port_msg_header header = header_of(message, 0, size);

	header.remote = PORT_NULL;
	header.bits &= PORT_MSG_BITS(0, 0xff);
	if (room >= HEADER)
		copy_memory(to, &header, HEADER);
}

/* Puts what was received into the buffer, or says why it cannot be. Eats it. */
static int
deliver(void *to, uint32_t room, const struct exchange *exchange, size_t trailer)
{
	struct port_message *message = exchange->received;
	size_t n_descriptors = wire_n_elements(&message->body);
	size_t size = flat_size(message);
	int code;

	if (size + trailer <= room) {
		code = store(to, message, n_descriptors, trailer);
	} else {
		store_header(to, room, message, size);
		code = PORT_E_RCV_TOO_LARGE;
	}
	port_message_destroy(message);
	return code;
}

/* The call ------------------------------------------------------------------------------ */

static int
timeout(uint32_t options, uint32_t flag, uint32_t timeout_ms)
{
	if (!(options & flag))
		return PORT_FOREVER;
	return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

/* Bytes that there is room for behind a header. */
static uint32_t
data_room(uint32_t room, size_t trailer)
{
	return room > HEADER + trailer ? room - (uint32_t)(HEADER + trailer) : 0;
}

/* A message that came back goes where it came from. Eats it. */
static int
give_back(void *to, uint32_t room, struct port_message *message, int code)
{
	size_t n_descriptors = wire_n_elements(&message->body);
	int err = flat_size(message) <= room
	    ? store(to, message, n_descriptors, 0) : PORT_E_RCV_INVALID_DATA;

	if (err == (PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE))
		return code | PORT_E_DETAIL_VM_SPACE;
	if (err)
		message_release_rights(&(struct wire_port){
		    message->local, message->local_disposition }, 1);
	return err < 0 ? err : code;
}

static int
finish(struct port_msg_header *buffer, const struct exchange *exchange, uint32_t send_size,
    uint32_t rcv_size, size_t trailer, int code)
{
	int plain = code & ~PORT_E_DETAIL_MASK, err;

	if (code < 0)
		return code;
	if (message_came_back(code))
		return give_back(buffer, send_size, exchange->sent, code);
	if (!exchange->received || !message_was_sent(code))
		return code;
	if (code == PORT_E_RCV_TOO_LARGE) {
		store_header(buffer, rcv_size, exchange->received,
		    HEADER + exchange->received->size);
		return code;
	}
	if (code != 0 && plain != PORT_E_RCV_BODY_ERROR && plain != PORT_E_RCV_HEADER_ERROR)
		return code;
	err = deliver(buffer, rcv_size, exchange, trailer);
	return err ? err : code;
}

struct call {
	struct port_msg_header *buffer;
	uint32_t send_size;
	struct exchange exchange;
	struct port_message sent;
	struct port_message received;
	struct leaving leaving;
};

static void
free_call(struct call *call)
{
	wire_buf_deinit(&call->sent.body);
	wire_buf_deinit(&call->received.body);
}

/* The thread is cancelled: what it was sending may have come back. */
static void
end_cancelled(void *arg)
{
	struct call *call = arg;

	if (call->sent.sender_task != 0) {
		unmap_leaving(&call->leaving);
		give_back(call->buffer, call->send_size, &call->sent, 0);
	}
	free_call(call);
}

static int
run(struct call *call)
{
	int code = 0;

	pthread_cleanup_push(end_cancelled, call);
	code = message_run(&call->exchange);
	pthread_cleanup_pop(0);
	if (message_was_sent(code) || message_came_back(code))
		unmap_leaving(&call->leaving);
	return code;
}

/* Sends the message in the buffer, then receives one into it. */
int
port_msg(struct port_msg_header *message, uint32_t options, uint32_t send_size,
    uint32_t rcv_size, port_name_t rcv_name, uint32_t timeout_ms)
{
	size_t trailer = options & PORT_MSG_RCV_TRAILER ? TRAILER : 0;
	struct call call = {
		.buffer = message,
		.send_size = send_size,
		.exchange = {
			.sent = options & PORT_MSG_SEND ? &call.sent : NULL,
			.received = options & PORT_MSG_RCV ? &call.received : NULL,
			.send_timeout_ms = timeout(options, PORT_MSG_SEND_TIMEOUT, timeout_ms),
			.rcv_timeout_ms = timeout(options, PORT_MSG_RCV_TIMEOUT, timeout_ms),
			.rcv_name = rcv_name,
			.rcv_size = data_room(rcv_size, trailer),
			.options = options | PORT_MSG_RCV_FLAT,
		},
	};
	int code = options & ~(uint32_t)OPTIONS ? PORT_E_INVALID_ARGUMENT : 0, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	call.exchange.cancellable = state == PTHREAD_CANCEL_ENABLE;
	if (!code && options & PORT_MSG_SEND)
		code = parse(&call.sent, &call.leaving, message, send_size);
	if (!code) {
		code = run(&call);
		code = finish(message, &call.exchange, send_size, rcv_size, trailer, code);
	}
	free_call(&call);
	pthread_setcancelstate(state, &state);
	return code;
}
