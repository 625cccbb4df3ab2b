/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options: node_set_options: the options of what runs, and of what will run. */
#ifndef PORTD_OPTIONS_H
#define PORTD_OPTIONS_H

#include "portd/dispatch.h"
#include "portd/keeper.h"

/* A handler, which answers itself. */
int options_begin(struct rpc_request *request, struct node_set_options_in *in,
    struct node_set_options_out *out);

#endif
