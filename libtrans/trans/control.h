/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the translator's control port, and the thread that listens on it. */
#ifndef TRANS_CONTROL_H
#define TRANS_CONTROL_H

#include <stdbool.h>

#include "port/rpc.h"

enum control_state {
	CONTROL_OPEN,
	CONTROL_UNWANTED,	/* nobody can send to it any more */
	CONTROL_CUT,		/* portd is gone */
};

int control_open(int wake_fd);
void control_close(void);
port_name_t control_port(void);
enum control_state control_state(void);
bool control_take(struct port_message *message);

#endif
