/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restart: a running translator makes way for a successor, on the same mount (node_restart);
 * or everybody who waits on a node is freed, and it is mounted anew (node_abort). */
#ifndef PORTD_RESTART_H
#define PORTD_RESTART_H

#include "portd/node.h"

int restart_begin(struct rpc_request *request, struct node_restart_in *in,
    struct node_restart_out *out);
int restart_abort(struct rpc_request *request, struct node_abort_in *in, struct node_abort_out *out);
/* The old one has gone: starts the new one. False: nobody has asked for that. */
bool restart_go_on(struct node *node);
/* The node goes away. */
void restart_forget(struct node *node);
/* The new one serves, or there will be none; harmless when nobody asked. */
void restart_end(struct node *node, int code, const char *why);

#endif
