/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change: a node_set that is under way: the Hurd's settrans, step by step. */
#ifndef PORTD_CHANGE_H
#define PORTD_CHANGE_H

#include "portd/dispatch.h"
#include "portd/keeper.h"
#include "portd/node.h"

/* node_set and node_resume: handlers, which answer themselves. */
int change_begin(struct rpc_request *request, struct node_set_in *in, struct node_set_out *out);
int change_resume(struct rpc_request *request, struct node_resume_in *in,
    struct node_resume_out *out);
/* The node's translator has been started (code 0), or not. */
void change_started(struct node *node, int code, const char *why);
/* The node is mounted now, or cannot be: a change that waited for that goes on. */
void change_armed(struct node *node);
/* What is being started for the node before it is its own, or NULL. */
const struct incarnation *change_candidate(const struct node *node);
/* portd ends: whoever waits for it is told so. */
void change_abandon(struct node *node);

#endif
