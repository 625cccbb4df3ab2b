/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit: decides, at the moment when a look would start a translator, whether who looks may do
 * so; keeps the rules (portd/policy.h), which a helper reads from two files. */
#ifndef PORTD_ADMIT_H
#define PORTD_ADMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "portd/dispatch.h"
#include "wire/messages.h"

struct admit;
struct keeper;
struct node;

/* With the shipped rules. NULL: no memory. */
struct admit *admit_new(struct keeper *keeper);
void admit_free(struct admit *admit);
/* Reads the files, again. */
void admit_reload(struct admit *admit);
/* Whether a request may start the translator of a node at rest. False: it was answered. */
bool admit_request(struct node *node, const void *request, size_t size);
/* keeper_policy */
int admit_serve(struct rpc_request *request, struct keeper_policy_in *in,
    struct keeper_policy_out *out);

#endif
