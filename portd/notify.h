/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify: messages of portd's own about the fate of rights, and the requests
 * for them. */
#ifndef PORTD_NOTIFY_H
#define PORTD_NOTIFY_H

#include "portd/right.h"

struct request_notification_in;

/* Each eats the right of who asked, which may be NULL: then nothing is sent. */
void notify_port_deleted(struct right asked, port_name_t name);
void notify_dead_name(struct right asked, port_name_t name, struct list *farewells);
void notify_send_once(struct right unused);
/* Tells who asked for it that the port has no senders; once. */
void notify_no_senders(struct port *port);
/* Tells those who found no room in the port's queue that there is some; once. */
void notify_send_possible(struct port *port);
/* Sends the receive right of a port whose owner gave it up to whoever asked for it. False:
 * nobody did who could receive it. */
bool notify_port_destroyed(struct port *port);

int notify_request(struct space *caller, struct space *space,
    const struct request_notification_in *in, port_name_t *previousp);

#endif
