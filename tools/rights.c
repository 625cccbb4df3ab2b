/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights: words for what portinfo and rpctrace show. */

#include <stdio.h>

#include "base/cleanup.h"
#include "tools/rights.h"
#include "wire/messages.h"

static const char *
notification_name(uint32_t id)
{
	switch (id) {
	case PORT_NOTIFY_PORT_DELETED: return "port-deleted";
	case PORT_NOTIFY_SEND_POSSIBLE: return "send-possible";
	case PORT_NOTIFY_PORT_DESTROYED: return "port-destroyed";
	case PORT_NOTIFY_NO_SENDERS: return "no-senders";
	case PORT_NOTIFY_SEND_ONCE: return "send-once";
	case PORT_NOTIFY_DEAD_NAME: return "dead-name";
	default: return NULL;
	}
}

/* Of a routine or a notification; static, or NULL. */
const char *
rights_message_name(uint32_t id)
{
	const char *name = notification_name(id);

	return name ? name : wire_routine_name(id);
}

/* Static. */
const char *
rights_interface_name(uint32_t id)
{
	static const struct wire_interface *const interfaces[] = {
		&fs_interface, &fsys_interface, &inspect_interface, &io_interface,
		&lookup_interface, &names_interface, &node_interface,
	};

	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (wire_interface_find(interfaces[i], id))
			return interfaces[i]->name;
	return notification_name(id) ? "notify" : NULL;
}

/* "4711 hello", "portd", or what is known. */
void
rights_put_task(struct text *text, const struct inspect_task *task)
{
	if (!task) {
		text_puts(text, "portd");
		return;
	}
	if (task->pid)
		text_printf(text, "%d ", task->pid);
	else
		text_printf(text, "#%u ", task->id);
	text_safe(text, task->program[0] ? task->program : "(starting)");
}

/* A routine, a notification, or the number. */
void
rights_put_id(struct text *text, uint32_t id)
{
	const char *name = rights_message_name(id), *asked = NULL;

	if (!name && id >= RPC_REPLY_OFFSET)
		asked = wire_routine_name(id - RPC_REPLY_OFFSET);
	if (name)
		text_puts(text, name);
	else if (asked)
		text_printf(text, "%s's answer", asked);
	else
		text_printf(text, "0x%x", id);
}

/* "receive, send". */
void
rights_put_type(struct text *text, uint32_t type)
{
	static const char *const names[PORT_RIGHT_KINDS] = {
		[PORT_RIGHT_SEND] = "send",
		[PORT_RIGHT_RECEIVE] = "receive",
		[PORT_RIGHT_SEND_ONCE] = "send-once",
		[PORT_RIGHT_PORT_SET] = "port set",
		[PORT_RIGHT_DEAD_NAME] = "dead name",
	};
	const char *comma = "";

	for (unsigned kind = 0; kind < PORT_RIGHT_KINDS; kind++) {
		if (!(type & PORT_TYPE(kind)))
			continue;
		text_printf(text, "%s%s", comma, names[kind]);
		comma = ", ";
	}
}

/* enum inspect_kind; static. */
const char *
rights_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[INSPECT_SEND] = "send", [INSPECT_SEND_ONCE] = "send-once",
		[INSPECT_RECEIVE] = "receive", [INSPECT_DEAD] = "dead", [INSPECT_NULL] = "null",
		[INSPECT_MEMORY] = "memory", [INSPECT_ARRAY] = "array",
	};

	return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "unknown";
}
