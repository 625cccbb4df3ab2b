/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the translator's control port, and the thread that listens on it. */
#ifndef TRANS_CONTROL_H
#define TRANS_CONTROL_H

#include <stdbool.h>

#include "port/rpc.h"

enum control_state {
	CONTROL_OPEN,
	CONTROL_UNWANTED,	/* nobody can send to it any more */
	CONTROL_CUT,		/* portd is gone, and there will be no other one */
};

int control_open(const char *program);
void control_close(void);
port_name_t control_port(void);
/* What comes to this receive right comes to control_take, too, until it is gone; PORT_E_* or -errno.
 * With control_keep held. */
int control_listen(port_name_t receive);
enum control_state control_state(void);
/* A request, with control_keep held until control_release. */
bool control_take(struct port_message *message);
void control_release(void);
/* Which attachment to portd rights are of now; and: they stay so until control_release. False,
 * and nothing is to be released: there is another one since, where they mean nothing. */
uint32_t control_attachment(void);
bool control_keep(uint32_t attachment);

#endif
