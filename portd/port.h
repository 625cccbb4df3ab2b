/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port: a bounded message queue with exactly one receive right. */
#ifndef PORTD_PORT_H
#define PORTD_PORT_H

#include <stdint.h>

#include "portd/right.h"

struct message;
struct world;

/* A port whose receive right portd itself holds: what arrives is handed to
 * `deliver` (which eats the message), never inside another request but
 * from the world's work list, after the request in hand is finished. */
typedef void port_deliver_fn(struct port *port, struct message *message, void *arg);

struct port *port_new_kernel(struct world *world, port_deliver_fn *deliver, void *arg);
/* Destroys the receive right of such a port: holders see a dead name, queued
 * send-once rights fire. deliver is not called again. */
void port_kill(struct port *port);
/* Asks for a no-senders notification (id PORT_NOTIFY_NO_SENDERS) to be
 * delivered to the kernel port itself, armed as Mach does with `sync`. */
void port_arm_no_senders(struct port *port, uint32_t sync);

#endif
