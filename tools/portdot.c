/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portdot: a picture of rights. */

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "tools/portinfo.h"
#include "tools/rights.h"
#include "wire/codes.h"

/* Between double quotes. */
static void
print_quoted(const char *string)
{
	for (; *string; string++) {
		if (*string == '"' || *string == '\\')
			putchar('\\');
		putchar(*string);
	}
}

static void
draw_task(const struct portinfo *info, const struct inspect_task *task)
{
	AUTO_TEXT struct text text = { 0 };

	rights_put_task(&text, task);
	printf("\tt%u [shape=box, label=\"", task->id);
	print_quoted(text_string(&text));
	printf("\"%s];\n", waits_is_stuck(&info->waits, task->id) ? ", color=red" : "");
}

static void
draw_port(const struct snapshot *snapshot, const struct inspect_port *port)
{
	const struct inspect_message *message = snapshot_message(snapshot, port->message);

	printf("\tp%" PRIu64 " [label=\"%" PRIu64 "%s\"];\n", port->number, port->number,
	    port->msgcount ? " *" : "");
	if (port->place == INSPECT_IN_SPACE)
		printf("\tp%" PRIu64 " -> t%u [style=bold];\n", port->number, port->task);
	else if (port->place == INSPECT_WITH_PORTD)
		printf("\tp%" PRIu64 " -> portd [style=bold];\n", port->number);
	else if (message && message->port)
		printf("\tp%" PRIu64 " -> p%" PRIu64 " [style=dotted];\n", port->number,
		    message->port);
}

static void
draw_entry(const struct inspect_entry *entry)
{
	if (entry->port && entry->type & PORT_TYPE(PORT_RIGHT_SEND))
		printf("\tt%u -> p%" PRIu64 ";\n", entry->task, entry->port);
	else if (entry->port && entry->type & PORT_TYPE(PORT_RIGHT_SEND_ONCE))
		printf("\tt%u -> p%" PRIu64 " [style=dashed];\n", entry->task, entry->port);
}

static void
draw_wait(const struct waits *waits, const struct waits_edge *edge)
{
	char whom[16] = "portd";

	if (edge->kind == WAITS_FOR_REQUESTS)
		return;
	if (edge->task)
		snprintf(whom, sizeof(whom), "t%u", edge->task);
	printf("\tt%u -> %s [color=%s, label=waits];\n", edge->wait->task, whom,
	    waits_is_stuck(waits, edge->wait->task) ? "red" : "blue");
}

/* All tasks, ports and rights, as a graph for dot(1). */
void
portinfo_draw(const struct portinfo *info)
{
	const struct snapshot *snapshot = &info->snapshot;

	puts("digraph ports {\n\trankdir=LR;\n\tportd [shape=box];");
	SNAPSHOT_EACH(snapshot, TASKS, task, task)
		draw_task(info, task);
	SNAPSHOT_EACH(snapshot, PORTS, port, port)
		draw_port(snapshot, port);
	SNAPSHOT_EACH(snapshot, ENTRIES, entry, entry)
		draw_entry(entry);
	for (size_t i = 0; i < info->waits.n_edges; i++)
		draw_wait(&info->waits, &info->waits.edges[i]);
	puts("}");
}
