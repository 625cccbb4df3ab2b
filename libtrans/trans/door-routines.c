/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-routines: says what a port answers, of the tables themselves. */
#include <errno.h>

#include "base/text.h"
#include "trans/door-call.h"

static const char *
type_name(uint32_t type)
{
	switch ((enum wire_type)type) {
	case WIRE_TYPE_u32: return "u32";
	case WIRE_TYPE_i32: return "i32";
	case WIRE_TYPE_u64: return "u64";
	case WIRE_TYPE_str: return "str";
	case WIRE_TYPE_blob: return "blob";
	case WIRE_TYPE_argv: return "argv";
	case WIRE_TYPE_port: return "port";
	case WIRE_TYPE_send: return "send";
	case WIRE_TYPE_send_once: return "send_once";
	case WIRE_TYPE_receive: return "receive";
	case WIRE_TYPE_ports: return "ports";
	case WIRE_TYPE_memory: return "memory";
	case WIRE_TYPE_fd: return "fd";
	case WIRE_TYPE_fds: return "fds";
	case WIRE_TYPE_END: break;
	}
	return "?";
}

static void
put_fields(struct text *text, const struct wire_shape *shape)
{
	for (const struct wire_field *field = shape->fields; field->name; field++)
		text_printf(text, " %s:%s", field->name, type_name(field->type));
}

static void
put_routines(struct text *text, const struct wire_interface *interface)
{
	for (size_t i = 0; i < interface->n_routines; i++) {
		const struct wire_routine *routine = &interface->routines[i];

		text_printf(text, "%u %s", routine->id, routine->name);
		put_fields(text, routine->in);
		if (routine->out) {
			text_puts(text, " ->");
			put_fields(text, routine->out);
		}
		text_puts(text, "\n");
	}
}

/* See door-call.h. */
int
door_routines(struct rpc_request *request, struct io_routines_in *in, struct io_routines_out *out)
{
	const struct port_service *service = door_service();
	AUTO_TEXT struct text text = { 0 };

	(void)in;
	for (size_t i = 0; i < service->n_tables; i++)
		put_routines(&text, service->tables[i].interface);
	out->routines = rpc_print(request, "%s", text_string(&text));
	return out->routines ? 0 : -ENOMEM;
}
