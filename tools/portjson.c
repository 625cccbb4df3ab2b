/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portjson: what portinfo shows, for programs. */

#include <stdio.h>

#include "base/cleanup.h"
#include "tools/json.h"
#include "tools/portinfo.h"
#include "tools/rights.h"
#include "wire/codes.h"

static json_t *
json_pid(const struct inspect_task *task)
{
	return task && task->pid ? json_integer(task->pid) : json_null();
}

static json_t *
json_task(const struct portinfo *info, const struct inspect_task *task)
{
	json_t *object = json_object();

	json_object_set_new(object, "task", json_integer(task->id));
	json_object_set_new(object, "pid", json_pid(task));
	json_put_string_or_null(object, "program", task->program);
	json_put_string_or_null(object, "node", task->node);
	json_put_number(object, "names", true, task->names);
	json_put_number(object, "receives", true, task->receives);
	json_put_number(object, "unread", true, portinfo_unread(&info->snapshot, task));
	json_put_number(object, "threads", true, task->threads);
	json_put_number(object, "messages", true, task->messages);
	json_put_number(object, "bytes", true, task->bytes);
	json_put_number(object, "fds", true, task->fds);
	json_put_string(object, "waits", portinfo_state(info, task));
	return object;
}

static json_t *
json_types(uint32_t type)
{
	static const char *const names[PORT_RIGHT_KINDS] = {
		[PORT_RIGHT_SEND] = "send",
		[PORT_RIGHT_RECEIVE] = "receive",
		[PORT_RIGHT_SEND_ONCE] = "send-once",
		[PORT_RIGHT_PORT_SET] = "port-set",
		[PORT_RIGHT_DEAD_NAME] = "dead-name",
	};
	json_t *array = json_array();

	for (unsigned kind = 0; kind < PORT_RIGHT_KINDS; kind++)
		if (type & PORT_TYPE(kind))
			json_array_append_new(array, json_string(names[kind]));
	return array;
}

static json_t *
json_entry(const struct inspect_entry *entry)
{
	json_t *object = json_object();

	json_put_number(object, "name", true, entry->name);
	json_object_set_new(object, "rights", json_types(entry->type));
	json_put_number(object, "refs", entry->urefs, entry->urefs);
	json_put_number(object, "port", entry->port, entry->port);
	json_object_set_new(object, "dead_name_request",
	    json_boolean(entry->type & PORT_TYPE_DNREQUEST));
	json_object_set_new(object, "send_possible_request",
	    json_boolean(entry->type & PORT_TYPE_SPREQUEST));
	return object;
}

static json_t *
json_message(const struct snapshot *snapshot, const struct inspect_message *message)
{
	static const char *const states[] = {
		[INSPECT_QUEUED] = "queued", [INSPECT_BLOCKED] = "blocked",
		[INSPECT_RECEIVED] = "received",
	};
	const char *name = rights_message_name(message->id);
	json_t *object = json_object(), *rights = json_array();

	json_put_number(object, "message", true, message->number);
	json_put_string(object, "state", states[message->state % ARRAY_SIZE(states)]);
	json_put_number(object, "id", true, message->id);
	json_put_string_or_null(object, "name", name ? name : "");
	json_put_number(object, "sender", message->task, message->task);
	json_put_number(object, "sender_pid", true, (uint64_t)message->pid);
	json_put_number(object, "bytes", true, message->bytes);
	json_put_number(object, "fds", true, message->fds);
	SNAPSHOT_EACH(snapshot, RIGHTS, right, right) {
		json_t *row;

		if (right->owner != message->number ||
		    (right->holder != INSPECT_REPLY && right->holder != INSPECT_BODY))
			continue;
		row = json_object();
		json_put_string(row, "right", rights_kind_name(right->kind));
		json_put_number(row, "port", right->port, right->port);
		json_object_set_new(row, "reply", json_boolean(right->holder == INSPECT_REPLY));
		json_array_append_new(rights, row);
	}
	json_object_set_new(object, "rights", rights);
	return object;
}

static json_t *
json_holders(const struct portinfo *info, const struct inspect_port *port)
{
	json_t *array = json_array();

	SNAPSHOT_EACH(&info->snapshot, ENTRIES, entry, entry)
		if (entry->port == port->number) {
			json_t *object = json_entry(entry);

			json_put_number(object, "task", true, entry->task);
			json_object_set_new(object, "pid",
			    json_pid(snapshot_task(&info->snapshot, entry->task)));
			json_array_append_new(array, object);
		}
	return array;
}

static json_t *
json_outside(const struct portinfo *info, const struct inspect_port *port)
{
	json_t *array = json_array();

	SNAPSHOT_EACH(&info->snapshot, RIGHTS, right, right)
		if (right->port == port->number) {
			AUTO_TEXT struct text text = { 0 };
			json_t *object = json_object();

			portinfo_put_holder(&text, &info->snapshot, right);
			json_put_string(object, "right", rights_kind_name(right->kind));
			json_put_number(object, "message", right->holder <= INSPECT_BODY,
			    right->owner);
			json_put_string(object, "where", text_string(&text));
			json_array_append_new(array, object);
		}
	return array;
}

static json_t *
json_queue(const struct portinfo *info, const struct inspect_port *port)
{
	json_t *array = json_array();

	SNAPSHOT_EACH(&info->snapshot, MESSAGES, message, message)
		if (message->port == port->number)
			json_array_append_new(array, json_message(&info->snapshot, message));
	return array;
}

/* A port; the caller's. */
json_t *
portinfo_json_port(const struct portinfo *info, const struct inspect_port *port)
{
	const struct inspect_task *owner = snapshot_owner(&info->snapshot, port);
	json_t *object = json_object();

	json_put_number(object, "port", true, port->number);
	json_put_number(object, "receiver", owner, owner ? owner->id : 0);
	json_object_set_new(object, "receiver_pid", json_pid(owner));
	json_put_number(object, "name", port->place == INSPECT_IN_SPACE, port->name);
	json_put_number(object, "in_message", port->message, port->message);
	json_put_number(object, "set", port->set, port->set);
	json_put_number(object, "queued", true, port->msgcount);
	json_put_number(object, "limit", true, port->qlimit);
	json_put_number(object, "mscount", true, port->mscount);
	json_put_number(object, "seqno", true, port->seqno);
	json_put_number(object, "send_rights", true, port->srights);
	json_put_number(object, "send_once_rights", true, port->sorights);
	json_put_number(object, "portd_send_rights", true, port->lent_sends);
	json_put_number(object, "portd_send_once_rights", true, port->lent_onces);
	json_object_set_new(object, "guarded", json_boolean(port->flags & INSPECT_PORT_GUARDED));
	json_object_set_new(object, "holders", json_holders(info, port));
	json_object_set_new(object, "outside", json_outside(info, port));
	json_object_set_new(object, "messages", json_queue(info, port));
	return object;
}

static void
append_circle(void *arg, const uint32_t *ids, size_t n)
{
	json_t *circle = json_array();

	for (size_t i = 0; i + 1 < n; i++)
		json_array_append_new(circle, json_integer(ids[i]));
	json_array_append_new(arg, circle);
}

/* Who waits for whom; the caller's. */
json_t *
portinfo_json_waits(struct portinfo *info)
{
	static const char *const kinds[] = {
		[WAITS_FOR_ANSWER] = "answer", [WAITS_FOR_ROOM] = "room",
		[WAITS_FOR_REQUESTS] = "requests",
	};
	json_t *array = json_array(), *deadlocks = json_array();

	for (size_t i = 0; i < info->waits.n_edges; i++) {
		const struct waits_edge *edge = &info->waits.edges[i];
		json_t *object = json_object();

		json_put_number(object, "task", true, edge->wait->task);
		json_object_set_new(object, "pid",
		    json_pid(snapshot_task(&info->snapshot, edge->wait->task)));
		json_put_string(object, "for", kinds[edge->kind]);
		json_put_number(object, "of", edge->kind != WAITS_FOR_REQUESTS, edge->task);
		json_put_number(object, "port", edge->wait->port, edge->wait->port);
		json_object_set_new(object, "limited", json_boolean(edge->wait->limited));
		json_array_append_new(array, object);
	}
	portinfo_each_circle(info, append_circle, deadlocks);
	return json_pack("{s:o, s:o}", "waits", array, "deadlocks", deadlocks);
}

/* A task and what its space holds; the caller's. */
json_t *
portinfo_json_space(const struct portinfo *info, const struct selection *selection)
{
	json_t *object = json_task(info, selection->task), *array = json_array();

	SNAPSHOT_EACH(&info->snapshot, ENTRIES, entry, entry)
		if (portinfo_is_selected(selection, entry))
			json_array_append_new(array, json_entry(entry));
	json_object_set_new(object, "space", array);
	return object;
}

/* All tasks; the caller's. */
json_t *
portinfo_json_all(const struct portinfo *info)
{
	json_t *array = json_array();

	SNAPSHOT_EACH(&info->snapshot, TASKS, task, task)
		json_array_append_new(array, json_task(info, task));
	return array;
}
