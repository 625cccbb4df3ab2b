/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* door: the front door for those who have a right to a node: the same callbacks, asked by message.
 *
 * A request that comes here is a struct trans_req like the kernel's. It is taken off its message
 * while the attachment to portd is kept, and run when it is not: a callback may take its
 * time. Main thread. */
#ifndef TRANS_DOOR_H
#define TRANS_DOOR_H

#include <stdbool.h>

#include "port/rpc.h"
#include "wire/messages.h"

/* The author's tables are in translator.ops. 0 or -ENOMEM. */
int door_open(void);
void door_close(void);
/* A message to a port of a node; eaten. With the attachment kept. */
void door_serve(struct port_message *message);
/* Handlers of the control port. */
int door_getfile(struct rpc_request *request, struct fsys_getfile_in *in);
int door_covers(struct rpc_request *request, struct fsys_covers_in *in);
/* Runs what was begun, and sends the answers that others gave. The attachment is not kept.
 * True: there was something. */
bool door_run(void);
/* Nobody waits for an answer. */
bool door_is_quiet(void);
/* Somebody has a right to a node, which would die with this process. */
bool door_is_held(void);

#endif
