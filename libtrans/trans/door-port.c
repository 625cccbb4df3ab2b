/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-port: a list and a map of ports, and how many of them hold each node.
 *
 * The author counts lookups of a node, as the kernel makes them; those that the door made are given
 * back when the last port of the node is gone. */
#include "trans/door-port.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "trans/control.h"
#include "trans/memory.h"
#include "trans/node.h"

enum { PORTS_MAX = 1000 };

/* A node that has ports. */
struct hold {
	uint64_t n_ports;
	uint64_t n_lookups;
};

static struct list ports = { &ports, &ports };
static struct map by_name, holds;
static unsigned n_ports;
static uint64_t last_serial;
static uint32_t attachment;

static int
hold(const struct door_grant *grant)
{
	struct hold *held = map_get(&holds, grant->node);
	int err = 0;

	if (!held) {
		held = calloc(1, sizeof(*held));
		err = held ? map_put(&holds, grant->node, held) : -ENOMEM;
	}
	if (err < 0) {
		free(held);
		return err;
	}
	held->n_ports++;
	held->n_lookups += grant->looked_up;
	return 0;
}

static void
let_go(trans_node_t node)
{
	struct hold *held = map_get(&holds, node);

	if (!held || --held->n_ports > 0)
		return;
	map_remove(&holds, node);
	if (held->n_lookups > 0)
		node_forget(node, held->n_lookups);
	free(held);
}

/* Without a word to portd. */
static void
forget(struct door_port *port)
{
	map_remove(&by_name, port->name);
	list_unlink(&port->link);
	n_ports--;
	let_go(port->is.node);
	free(port);
}

static void
forget_all(void)
{
	LIST_FOR_EACH(at, next, &ports)
		forget(LIST_ENTRY(at, struct door_port, link));
}

/* See door-port.h. */
void
door_port_begin(void)
{
	if (attachment != control_attachment())
		forget_all();
	attachment = control_attachment();
}

/* A port that listens, and hears when nobody can send to it. */
static int
open_port(port_name_t *namep)
{
	port_name_t name, previous;
	int err = port_allocate(PORT_RIGHT_RECEIVE, &name);

	if (err != 0)
		return err;
	err = port_request_notification(name, PORT_NOTIFY_NO_SENDERS, 1, name,
	    PORT_MAKE_SEND_ONCE, &previous);
	if (err == 0)
		err = control_listen(name);
	if (err != 0)
		port_destroy(name);
	else
		*namep = name;
	return err;
}

static int
begin(struct door_port *port)
{
	int err = n_ports < PORTS_MAX ? open_port(&port->name) : -EMFILE;

	if (err != 0)
		return err;
	err = map_put(&by_name, port->name, port);
	if (err < 0)
		port_destroy(port->name);
	return err;
}

/* See door-port.h. */
int
door_port_new(const struct door_grant *grant, struct door_port **portp)
{
	struct door_port *port = calloc(1, sizeof(*port));
	int err = port ? hold(grant) : -ENOMEM;

	if (err < 0) {
		free(port);
		if (grant->looked_up)
			node_forget(grant->node, 1);
		return err;
	}
	port->is = *grant;
	port->epoch = memory_epoch();
	port->serial = ++last_serial;
	err = begin(port);
	if (err != 0) {
		let_go(grant->node);
		free(port);
		return err;
	}
	list_link_tail(&ports, &port->link);
	n_ports++;
	*portp = port;
	return 0;
}

/* See door-port.h. */
struct door_port *
door_port_find(port_name_t name)
{
	return map_get(&by_name, name);
}

/* See door-port.h. */
struct door_port *
door_port_known(uint64_t serial)
{
	LIST_FOR_EACH(at, next, &ports)
		if (LIST_ENTRY(at, struct door_port, link)->serial == serial)
			return LIST_ENTRY(at, struct door_port, link);
	return NULL;
}

/* See door-port.h. An index into a tree means something in one epoch only. */
int
door_port_check(const struct door_port *port)
{
	return port->is.node != TRANS_ROOT && node_has_tree() && port->epoch != memory_epoch() ?
	    -ESTALE : 0;
}

static void
end(struct door_port *port)
{
	port_mod_refs(port->name, PORT_RIGHT_RECEIVE, -1);
	forget(port);
}

/* See door-port.h. */
void
door_port_drop(struct door_port *port)
{
	LIST_FOR_EACH(at, next, &ports) {
		struct door_port *other = LIST_ENTRY(at, struct door_port, link);

		if (other->is.origin == port->serial)
			other->is.origin = port->is.origin;
	}
	end(port);
}

/* See door-port.h. What came of a port is younger, and stands behind it in the list. */
unsigned
door_port_revoke(const struct door_port *port)
{
	unsigned n = 0;

	LIST_FOR_EACH(at, next, &ports) {
		struct door_port *other = LIST_ENTRY(at, struct door_port, link);

		if (other->is.origin != port->serial)
			continue;
		/* Those of its own become ours, and come later in this walk. */
		door_port_drop(other);
		n++;
	}
	return n;
}

bool
door_port_is_none(void)
{
	return n_ports == 0;
}

/* See door-port.h. The process ends: portd sees to the rights. */
void
door_port_close(void)
{
	forget_all();
	map_deinit(&by_name);
	map_deinit(&holds);
}
