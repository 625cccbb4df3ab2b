/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interface: put, get, release and print, which read the fields of a struct off its
 * shape. */
#include "wire/interface.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum { SHOWN_MAX = 64 };	/* bytes of a string, words of an argv */

static void *
member(const void *value, const struct wire_field *field)
{
	return (char *)(uintptr_t)value + field->offset;
}

#define AT(type) (*(wire_type_##type *)member(value, field))

/* A right of whichever type: all of them look alike. */
static struct wire_port
right_at(const void *value, const struct wire_field *field)
{
	struct wire_port right;

	memcpy(&right, member(value, field), sizeof(right));
	return right;
}

static void
set_right(void *value, const struct wire_field *field, struct wire_port right)
{
	memcpy(member(value, field), &right, sizeof(right));
}

/* Rights of one kind ---------------------------------------------------------- */

/* Which kind of right a disposition gives to the receiver, as PORT_MOVE_*. */
static uint32_t
given(uint32_t disposition)
{
	switch (disposition) {
	case PORT_COPY_SEND:
	case PORT_MAKE_SEND:
		return PORT_MOVE_SEND;
	case PORT_MAKE_SEND_ONCE:
		return PORT_MOVE_SEND_ONCE;
	default:
		return disposition;
	}
}

static uint32_t
kind_of(const struct wire_field *field)
{
	switch (field->type) {
	case WIRE_TYPE_send:
		return PORT_MOVE_SEND;
	case WIRE_TYPE_send_once:
		return PORT_MOVE_SEND_ONCE;
	default:
		return PORT_MOVE_RECEIVE;
	}
}

static void
put_right(struct wire_buf *buf, const struct wire_field *field, struct wire_port right)
{
	if (right.disposition && given(right.disposition) != kind_of(field) && !buf->error)
		buf->error = -EINVAL;
	wire_put_port(buf, right);
}

/* A dead right is of every kind: its port may have died on the way. */
static struct wire_port
get_right(struct wire_buf *buf, const struct wire_field *field)
{
	struct wire_port right = wire_get_port(buf);

	if (right.name == PORT_NULL)
		return (struct wire_port){ 0 };
	if (right.name != PORT_DEAD && right.disposition != kind_of(field)) {
		buf->error = -EPROTOTYPE;
		return (struct wire_port){ 0 };
	}
	return right;
}

/* Put --------------------------------------------------------------------------- */

/* Most fields are numbers, and each message starts with a row of them: they go one after
 * the other while there is room. Returns the first field that is something else. */
static inline const struct wire_field *
put_numbers(struct wire_buf *buf, const struct wire_field *field, const void *value)
{
	uint8_t *at, *end;

	if (buf->error || !buf->data)
		return field;
	at = buf->data + buf->size;
	end = buf->data + buf->room;
	for (; field->type == WIRE_TYPE_u32 && end - at >= 4; field++) {
		uint32_t number = htole32(AT(u32));

		memcpy(at, &number, sizeof(number));
		at += sizeof(number);
	}
	buf->size = (size_t)(at - buf->data);
	return field;
}

static void
put_bytes(struct wire_buf *buf, const struct wire_field *field, struct wire_blob blob)
{
	if (field->max && blob.size > field->max && !buf->error)
		buf->error = -EMSGSIZE;
	wire_put_blob(buf, blob);
}

static void
put_string(struct wire_buf *buf, const struct wire_field *field, const char *string)
{
	if (!string)
		string = "";
	put_bytes(buf, field, (struct wire_blob){ string, strlen(string) + 1 });
}

static void
put_ports(struct wire_buf *buf, const struct wire_field *field, struct wire_ports ports)
{
	if (field->max && ports.n > field->max && !buf->error)
		buf->error = -EMSGSIZE;
	wire_put_ports(buf, ports);
}

static void
put_memory(struct wire_buf *buf, const struct wire_field *field, struct wire_memory memory)
{
	if (field->max && memory.size > field->max && !buf->error)
		buf->error = -EMSGSIZE;
	wire_put_memory(buf, memory);
}

static void
put_field(struct wire_buf *buf, const struct wire_field *field, const void *value)
{
	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_END:
		break;
	case WIRE_TYPE_u32:
		wire_put_u32(buf, AT(u32));
		break;
	case WIRE_TYPE_i32:
		wire_put_i32(buf, AT(i32));
		break;
	case WIRE_TYPE_u64:
		wire_put_u64(buf, AT(u64));
		break;
	case WIRE_TYPE_str:
		put_string(buf, field, AT(str));
		break;
	case WIRE_TYPE_blob:
	case WIRE_TYPE_argv:
		put_bytes(buf, field, AT(blob));
		break;
	case WIRE_TYPE_port:
		wire_put_port(buf, AT(port));
		break;
	case WIRE_TYPE_send:
	case WIRE_TYPE_send_once:
	case WIRE_TYPE_receive:
		put_right(buf, field, right_at(value, field));
		break;
	case WIRE_TYPE_ports:
		put_ports(buf, field, AT(ports));
		break;
	case WIRE_TYPE_memory:
		put_memory(buf, field, AT(memory));
		break;
	case WIRE_TYPE_fd:
		wire_put_fd(buf, AT(fd));
		break;
	case WIRE_TYPE_fds:
		wire_put_fds(buf, AT(fds));
		break;
	}
}

/* Appends a struct; what does not fit its limits or kinds latches an error. */
void
wire_shape_put(struct wire_buf *buf, const struct wire_shape *shape, const void *value)
{
	const struct wire_field *field = shape->fields;

	if (field->name)
		wire_buf_begin(buf);
	while ((field = put_numbers(buf, field, value))->name)
		put_field(buf, field++, value);
}

/* Get --------------------------------------------------------------------------- */

/* As put_numbers. */
static inline const struct wire_field *
get_numbers(struct wire_buf *buf, const struct wire_field *field, void *value)
{
	const uint8_t *at, *end;

	if (buf->error || !buf->data)
		return field;
	at = buf->data + buf->at;
	end = buf->data + buf->size;
	for (; field->type == WIRE_TYPE_u32 && end - at >= 4; field++) {
		uint32_t number;

		memcpy(&number, at, sizeof(number));
		AT(u32) = le32toh(number);
		at += sizeof(number);
	}
	buf->at = (size_t)(at - buf->data);
	return field;
}

static void
check_max(struct wire_buf *buf, const struct wire_field *field, size_t size)
{
	if (field->max && size > field->max && !buf->error)
		buf->error = -EBADMSG;
}

static void
get_field(struct wire_buf *buf, const struct wire_field *field, void *value)
{
	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_END:
		break;
	case WIRE_TYPE_u32:
		AT(u32) = wire_get_u32(buf);
		break;
	case WIRE_TYPE_i32:
		AT(i32) = wire_get_i32(buf);
		break;
	case WIRE_TYPE_u64:
		AT(u64) = wire_get_u64(buf);
		break;
	case WIRE_TYPE_str:
		AT(str) = wire_get_str(buf);
		if (field->max)
			check_max(buf, field, strlen(AT(str)) + 1);
		break;
	case WIRE_TYPE_blob:
		AT(blob) = wire_get_blob(buf);
		check_max(buf, field, AT(blob).size);
		break;
	case WIRE_TYPE_argv:
		AT(argv) = wire_get_argv(buf);
		check_max(buf, field, AT(argv).size);
		break;
	case WIRE_TYPE_port:
		AT(port) = wire_get_port(buf);
		break;
	case WIRE_TYPE_send:
	case WIRE_TYPE_send_once:
	case WIRE_TYPE_receive:
		set_right(value, field, get_right(buf, field));
		break;
	case WIRE_TYPE_ports:
		AT(ports) = wire_get_ports(buf);
		check_max(buf, field, AT(ports).n);
		break;
	case WIRE_TYPE_memory:
		AT(memory) = wire_get_memory(buf);
		check_max(buf, field, AT(memory).size);
		break;
	case WIRE_TYPE_fd:
		AT(fd) = wire_get_fd(buf);
		break;
	case WIRE_TYPE_fds:
		AT(fds) = wire_get_fds(buf);
		break;
	}
}

static int
refuse(struct wire_buf *buf, const struct wire_shape *shape, void *value)
{
	int err = buf->error == -EPROTOTYPE ? -EPROTOTYPE : -EBADMSG;

	buf->at_port = 0;
	buf->at_memory = 0;
	wire_shape_close(shape, value);
	memset(value, 0, shape->size);
	return err;
}

/* Reads a struct: all bytes that are left. */
int
wire_shape_get(struct wire_buf *buf, const struct wire_shape *shape, void *value)
{
	const struct wire_field *field = shape->fields;

	while ((field = get_numbers(buf, field, value))->name)
		get_field(buf, field++, value);
	if (wire_buf_finish(buf) < 0)
		return refuse(buf, shape, value);
	buf->at_memory = 0;	/* it stays the buffer's */
	return 0;
}

static bool
is_spent(const struct wire_buf *buf)
{
	for (uint32_t i = 0; i < buf->fds.n; i++)
		if (buf->fds.fd[i] >= 0)
			return false;
	return buf->at_port == buf->n_ports;
}

/* Likewise, and all there is beside the body. */
int
wire_shape_get_all(struct wire_buf *buf, const struct wire_shape *shape, void *value)
{
	int err = wire_shape_get(buf, shape, value);

	return err == 0 && !is_spent(buf) ? refuse(buf, shape, value) : err;
}

/* What a value owns --------------------------------------------------------------- */

void
wire_shape_clear(const struct wire_shape *shape, void *value)
{
	memset(value, 0, shape->size);
	for (const struct wire_field *field = shape->fields; field->name; field++)
		if (field->type == WIRE_TYPE_fd)
			AT(fd) = -1;
}

void
wire_shape_close(const struct wire_shape *shape, void *value)
{
	for (const struct wire_field *field = shape->fields; field->name; field++) {
		if (field->type == WIRE_TYPE_fd)
			fd_close(&AT(fd));
		if (field->type != WIRE_TYPE_fds)
			continue;
		for (uint32_t i = 0; i < AT(fds).n; i++)
			fd_close(&AT(fds).fd[i]);
		AT(fds).n = 0;
	}
}

static void
release_all(struct wire_ports *ports, void (*release)(struct wire_port right))
{
	for (size_t i = 0; i < ports->n; i++)
		release((struct wire_port){ ports->ports[i].name, ports->disposition });
	*ports = (struct wire_ports){ 0 };
}

void
wire_shape_release(const struct wire_shape *shape, void *value,
    void (*release)(struct wire_port right))
{
	for (const struct wire_field *field = shape->fields; field->name; field++) {
		if (field->type == WIRE_TYPE_ports)
			release_all(&AT(ports), release);
		if (field->type < WIRE_TYPE_port || field->type > WIRE_TYPE_receive)
			continue;
		release(right_at(value, field));
		set_right(value, field, (struct wire_port){ 0 });
	}
}

/* Print ------------------------------------------------------------------------- */

static void
print_string(struct text *text, const char *string, size_t size)
{
	size_t n = size < SHOWN_MAX ? size : SHOWN_MAX;

	text_puts(text, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)string[i];

		if (c == '"' || c == '\\')
			text_printf(text, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			text_printf(text, "\\x%02x", c);
		else
			text_add(text, &string[i], 1);
	}
	text_puts(text, n < size ? "\"..." : "\"");
}

static void
print_words(struct text *text, struct wire_blob words)
{
	const char *at = words.data, *end = at + words.size;
	const char *space = "";

	text_puts(text, "[");
	for (int n = 0; at < end; n++, at += strlen(at) + 1) {
		text_puts(text, space);
		if (n == SHOWN_MAX) {
			text_puts(text, "...");
			break;
		}
		print_string(text, at, strlen(at));
		space = " ";
	}
	text_puts(text, "]");
}

static void
print_right(struct text *text, struct wire_port right)
{
	static const char *const kinds[] = { "receive", "send", "send-once" };
	uint32_t kind = given(right.disposition) - PORT_MOVE_RECEIVE;

	if (right.name == PORT_NULL)
		text_puts(text, "none");
	else if (right.name == PORT_DEAD)
		text_puts(text, "dead");
	else if (kind < ARRAY_SIZE(kinds))
		text_printf(text, "%s:%u", kinds[kind], right.name);
	else
		text_printf(text, "%u", right.name);
}

/* An array, a piece of memory or a right, by the place beside the body that comes next. */
static void
print_item(struct text *text, struct wire_buf *buf)
{
	static const struct wire_port none;
	uint32_t i = wire_get_u32(buf);
	const struct wire_port *item = i < buf->n_ports ? &buf->ports[i] : &none;

	switch (item->disposition & WIRE_ITEM_MASK) {
	case WIRE_ITEM_PORTS:
		text_printf(text, "[%u ports]", item->name);
		break;
	case WIRE_ITEM_MEMORY:
	case WIRE_ITEM_REGION:
		text_printf(text, "<%u bytes>", item->name);
		break;
	default:
		print_right(text, *item);
	}
}

/* By their places: whoever prints does not take them. */
static void
print_fds(struct text *text, struct wire_buf *buf, uint32_t n)
{
	if (n > PORT_MSG_FDS_MAX)
		buf->error = -EBADMSG;
	for (uint32_t i = 0; i < n && !buf->error; i++)
		text_printf(text, (int32_t)wire_get_u32(buf) < 0 ? "%snone" : "%sfd", i ? "," : "");
}

static void
print_value(struct text *text, const struct wire_field *field, struct wire_buf *buf)
{
	const char *string;

	switch ((enum wire_type)field->type) {
	case WIRE_TYPE_END:
		break;
	case WIRE_TYPE_u32:
		text_printf(text, "%" PRIu32, wire_get_u32(buf));
		break;
	case WIRE_TYPE_i32:
		text_printf(text, "%" PRId32, wire_get_i32(buf));
		break;
	case WIRE_TYPE_u64:
		text_printf(text, "%" PRIu64, wire_get_u64(buf));
		break;
	case WIRE_TYPE_str:
		string = wire_get_str(buf);
		print_string(text, string, strlen(string));
		break;
	case WIRE_TYPE_blob:
		text_printf(text, "<%zu bytes>", wire_get_blob(buf).size);
		break;
	case WIRE_TYPE_argv:
		print_words(text, wire_get_argv(buf));
		break;
	case WIRE_TYPE_port:
	case WIRE_TYPE_send:
	case WIRE_TYPE_send_once:
	case WIRE_TYPE_receive:
	case WIRE_TYPE_ports:
	case WIRE_TYPE_memory:
		print_item(text, buf);
		break;
	case WIRE_TYPE_fd:
		print_fds(text, buf, 1);
		break;
	case WIRE_TYPE_fds:
		print_fds(text, buf, wire_get_u32(buf));
		break;
	}
}

void
wire_shape_print(const struct wire_shape *shape, const struct wire_buf *buf, struct text *text)
{
	struct wire_buf at = *buf;	/* to read on its own; owns nothing */
	const struct wire_field *field = shape->fields;

	for (; field->name && !at.error; field++) {
		text_printf(text, "%s%s=", field == shape->fields ? "" : " ", field->name);
		print_value(text, field, &at);
	}
	if (at.error || at.at != at.size)
		text_puts(text, " (malformed)");
}

/* Find -------------------------------------------------------------------------- */

/* Ids mostly follow one another. */
const struct wire_routine *
wire_interface_find(const struct wire_interface *interface, uint32_t id)
{
	const struct wire_routine *routines = interface->routines;
	uint32_t guess = id - routines[0].id;

	if (guess < interface->n_routines && routines[guess].id == id)
		return &routines[guess];
	for (size_t i = 0; i < interface->n_routines; i++)
		if (routines[i].id == id)
			return &routines[i];
	return NULL;
}
