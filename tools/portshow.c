/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portshow: a port, in words. */

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "tools/portinfo.h"
#include "tools/rights.h"
#include "wire/codes.h"

static void
put_queue(struct text *text, const struct inspect_port *port)
{
	text_printf(text, "%u of %u queued, mscount %u, seqno %u", port->msgcount, port->qlimit,
	    port->mscount, port->seqno);
}

/* Where messages to a port end up. */
static void
put_receiver(struct text *text, const struct snapshot *snapshot, const struct inspect_port *port)
{
	const struct inspect_task *task = snapshot_task_of_port(snapshot, port->number);

	if (task) {
		text_puts(text, "task port of ");
		rights_put_task(text, task);
		return;
	}
	if (port->place == INSPECT_IN_MESSAGE)
		text_printf(text, "in message %" PRIu64 " to ", port->message);
	rights_put_task(text, snapshot_owner(snapshot, port));
	if (port->place == INSPECT_IN_SPACE)
		text_printf(text, ", name 0x%x", port->name);
}

static void
put_members(struct text *text, const struct snapshot *snapshot, const struct inspect_entry *set)
{
	const char *before = "members:";

	SNAPSHOT_EACH(snapshot, PORTS, port, port)
		if (port->place == INSPECT_IN_SPACE && port->task == set->task &&
		    port->set == set->name) {
			text_printf(text, "%s 0x%x", before, port->name);
			before = "";
		}
	if (*before)
		text_puts(text, "no members");
}

static const struct inspect_right *
find_registration(const struct snapshot *snapshot, enum inspect_holder holder, uint64_t owner)
{
	SNAPSHOT_EACH(snapshot, RIGHTS, right, right)
		if (right->holder == holder && right->owner == owner)
			return right;
	return NULL;
}

static void
put_registration(struct text *text, const struct snapshot *snapshot, enum inspect_holder holder,
    uint64_t owner, const char *what)
{
	const struct inspect_right *right = find_registration(snapshot, holder, owner);

	if (right)
		text_printf(text, "; %s to port %" PRIu64, what, right->port);
}

static void
put_owned(struct text *text, const struct snapshot *snapshot, const struct inspect_port *port)
{
	put_queue(text, port);
	text_printf(text, ", senders %u", port->srights);
	if (port->sorights)
		text_printf(text, ", send-once %u", port->sorights);
	if (port->set)
		text_printf(text, ", in set 0x%x", port->set);
	if (port->flags & INSPECT_PORT_GUARDED)
		text_puts(text, port->flags & INSPECT_PORT_STRICT ?
		    ", strictly guarded" : ", guarded");
	if (port->flags & INSPECT_PORT_REPLY)
		text_puts(text, ", for replies");
	if (port->flags & INSPECT_PORT_PAYLOAD)
		text_puts(text, ", with a payload");
	put_registration(text, snapshot, INSPECT_NO_SENDERS, port->number, "no-senders");
	put_registration(text, snapshot, INSPECT_PORT_DESTROYED, port->number, "port-destroyed");
}

/* What a name means, beyond its kind. */
void
portinfo_put_details(struct text *text, const struct snapshot *snapshot,
    const struct inspect_entry *entry)
{
	const struct inspect_port *port = snapshot_port(snapshot, entry->port);
	uint64_t owner = (uint64_t)entry->task << 32 | entry->name;

	if (entry->type & PORT_TYPE(PORT_RIGHT_PORT_SET))
		put_members(text, snapshot, entry);
	else if (port && entry->type & PORT_TYPE(PORT_RIGHT_RECEIVE))
		put_owned(text, snapshot, port);
	else if (port)
		put_receiver(text, snapshot, port);
	put_registration(text, snapshot, INSPECT_DEAD_NAME, owner, "dead-name");
	put_registration(text, snapshot, INSPECT_SEND_POSSIBLE, owner, "send-possible");
}

/* A port -------------------------------------------------------------------------------- */

static void
line(const char *name, const struct text *text)
{
	printf("  %-12s%s\n", name, text_string(text));
}

/* "message 31 (fsys_goaway)" or what else holds a right outside of tables. */
void
portinfo_put_holder(struct text *text, const struct snapshot *snapshot,
    const struct inspect_right *right)
{
	const struct inspect_message *message;

	switch (right->holder) {
	case INSPECT_DESTINATION:
	case INSPECT_REPLY:
	case INSPECT_BODY:
		message = snapshot_message(snapshot, right->owner);
		text_printf(text, "message %" PRIu64, right->owner);
		if (message) {
			text_puts(text, " ");
			rights_put_id(text, message->id);
		}
		if (message && message->port)
			text_printf(text, " to port %" PRIu64, message->port);
		text_puts(text, right->holder == INSPECT_BODY ? "" :
		    right->holder == INSPECT_REPLY ? ", for the reply" : ", as its destination");
		break;
	case INSPECT_NO_SENDERS:
		text_printf(text, "no-senders request on port %" PRIu64, right->owner);
		break;
	case INSPECT_PORT_DESTROYED:
		text_printf(text, "port-destroyed request on port %" PRIu64, right->owner);
		break;
	case INSPECT_DEAD_NAME:
	case INSPECT_SEND_POSSIBLE:
		text_puts(text, right->holder == INSPECT_DEAD_NAME ? "dead-name request of " :
		    "send-possible request of ");
		rights_put_task(text, snapshot_task(snapshot, (uint32_t)(right->owner >> 32)));
		text_printf(text, " on 0x%x", (uint32_t)right->owner);
		break;
	default:
		text_puts(text, "portd, for tasks that connect");
	}
}

static void
show_entry_holders(const struct portinfo *info, const struct inspect_port *port)
{
	SNAPSHOT_EACH(&info->snapshot, ENTRIES, entry, entry) {
		AUTO_TEXT struct text text = { 0 };

		if (entry->port != port->number)
			continue;
		rights_put_task(&text, snapshot_task(&info->snapshot, entry->task));
		text_printf(&text, ", name 0x%x: ", entry->name);
		rights_put_type(&text, entry->type);
		if (entry->urefs)
			text_printf(&text, ", refs %u", entry->urefs);
		line("held by", &text);
	}
}

static void
show_other_holders(const struct portinfo *info, const struct inspect_port *port)
{
	AUTO_TEXT struct text lent = { 0 };

	SNAPSHOT_EACH(&info->snapshot, RIGHTS, right, right) {
		AUTO_TEXT struct text text = { 0 };

		if (right->port != port->number)
			continue;
		portinfo_put_holder(&text, &info->snapshot, right);
		text_printf(&text, ": %s", rights_kind_name(right->kind));
		line("held by", &text);
	}
	if (port->lent_sends)
		text_printf(&lent, "portd: %u send", port->lent_sends);
	if (port->lent_onces)
		text_printf(&lent, "%s%u send-once", lent.size ? ", " : "portd: ",
		    port->lent_onces);
	if (lent.size)
		line("held by", &lent);
}

static void
put_sender(struct text *text, const struct snapshot *snapshot,
    const struct inspect_message *message)
{
	const struct inspect_task *task = snapshot_task(snapshot, message->task);

	if (message->task && !task)
		text_printf(text, "%d, which has ended", message->pid);
	else
		rights_put_task(text, task);
}

static void
put_cargo(struct text *text, const struct snapshot *snapshot, uint64_t number)
{
	SNAPSHOT_EACH(snapshot, RIGHTS, right, right) {
		if (right->owner != number ||
		    (right->holder != INSPECT_REPLY && right->holder != INSPECT_BODY))
			continue;
		text_printf(text, ", %s%s", right->holder == INSPECT_REPLY ? "reply " : "",
		    rights_kind_name(right->kind));
		if (right->port)
			text_printf(text, ":%" PRIu64, right->port);
	}
}

static void
show_messages(const struct portinfo *info, const struct inspect_port *port)
{
	SNAPSHOT_EACH(&info->snapshot, MESSAGES, message, message) {
		AUTO_TEXT struct text text = { 0 };

		if (message->port != port->number)
			continue;
		text_printf(&text, "message %" PRIu64 " ", message->number);
		rights_put_id(&text, message->id);
		text_puts(&text, " from ");
		put_sender(&text, &info->snapshot, message);
		text_printf(&text, ", %u bytes", message->bytes);
		if (message->fds)
			text_printf(&text, ", %u descriptors", message->fds);
		put_cargo(&text, &info->snapshot, message->number);
		line(message->state == INSPECT_BLOCKED ? "no room for" : "queued", &text);
	}
}

/* Whether a thread waits for messages of this port, be it through a set. */
static bool
is_for(const struct inspect_wait *wait, const struct inspect_port *port)
{
	if (wait->kind != INSPECT_WAITS_TO_RECEIVE)
		return false;
	if (wait->port)
		return wait->port == port->number;
	return port->set && wait->task == port->task && wait->name == port->set;
}

static void
show_receivers(const struct portinfo *info, const struct inspect_port *port)
{
	SNAPSHOT_EACH(&info->snapshot, WAITS, wait, wait) {
		AUTO_TEXT struct text text = { 0 };

		if (!is_for(wait, port))
			continue;
		rights_put_task(&text, snapshot_task(&info->snapshot, wait->task));
		if (!wait->port)
			text_printf(&text, ", on set 0x%x", wait->name);
		line("waits here", &text);
	}
}

/* All there is to say of it. */
void
portinfo_show_port(const struct portinfo *info, const struct inspect_port *port)
{
	AUTO_TEXT struct text receiver = { 0 };
	AUTO_TEXT struct text about = { 0 };

	printf("port %" PRIu64 "\n", port->number);
	put_receiver(&receiver, &info->snapshot, port);
	line("receiver", &receiver);
	put_owned(&about, &info->snapshot, port);
	line("state", &about);
	show_entry_holders(info, port);
	show_other_holders(info, port);
	show_messages(info, port);
	show_receivers(info, port);
}
