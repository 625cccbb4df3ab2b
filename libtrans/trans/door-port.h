/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door-port: the ports of nodes, one for each right that was handed out. Main thread, with the
 * attachment to portd kept (control_keep). */
#ifndef TRANS_DOOR_PORT_H
#define TRANS_DOOR_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/list.h"
#include "port/port.h"
#include "trans/trans.h"

/* What a right is, and for whom. */
struct door_grant {
	trans_node_t node;
	mode_t type;		/* S_IFMT bits */
	unsigned rights;	/* enum trans_right */
	uid_t uid;
	gid_t gid;
	uint64_t origin;	/* the serial number of the port that it came of; 0: none */
	bool looked_up;		/* the author counts a lookup for it */
};

struct door_port {
	struct list link;
	struct door_grant is;
	port_name_t name;
	uint32_t epoch;		/* of the tree's nodes */
	uint64_t serial;
};

/* Rights of a portd that is gone are forgotten. To be called first. */
void door_port_begin(void);
/* 0; -EMFILE: there are too many; PORT_E_*. What was looked up is forgotten on failure. */
int door_port_new(const struct door_grant *grant, struct door_port **portp);
struct door_port *door_port_find(port_name_t name);
/* By serial number: NULL when it was given up or revoked since. */
struct door_port *door_port_known(uint64_t serial);
/* Whether its node means something still: 0 or -ESTALE. */
int door_port_check(const struct door_port *port);
/* Nobody can send to it: what came of it is its origin's from now on. */
void door_port_drop(struct door_port *port);
/* Ends all that came of it; how many. */
unsigned door_port_revoke(const struct door_port *port);
bool door_port_is_none(void);
/* The end of all. */
void door_port_close(void);

#endif
