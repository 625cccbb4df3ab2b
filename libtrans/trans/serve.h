/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serve: from the handshake with portd to the end of the process. */
#ifndef TRANS_SERVE_H
#define TRANS_SERVE_H

#include "wire/messages.h"

int serve(int port_fd);
/* The attributes of the root as they travel; valid is 0 when they cannot be had
 * at once. Main thread. */
void serve_root_attr(struct wire_attr *attr);

#endif
