/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options: node_set_options: the options of what runs, and of what will run. */
#ifndef PORTD_OPTIONS_H
#define PORTD_OPTIONS_H

#include "portd/keeper.h"
#include "portd/message.h"

/* Answers the message itself, which stays the caller's. */
void options_begin(struct keeper *keeper, struct message *request);

#endif
