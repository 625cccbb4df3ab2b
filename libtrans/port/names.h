/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <hird/names.h>: how a client and a server find each other. The context is where
 * names are asked for: port_bootstrap(), or a context that this task was given. Names have 1 to 128
 * bytes. */
#ifndef HIRD_NAMES_H
#define HIRD_NAMES_H

#include "port/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A send right to the service, whether its program runs or not: the caller's. */
int port_look_up(port_name_t context, const char *name, port_name_t *servicep);
/* The receive right of a service, for its program: the caller's. One that nobody declared is made,
 * and its name lasts as long as the right. */
int port_check_in(port_name_t context, const char *name, port_name_t *servicep);

#ifdef __cplusplus
}
#endif

#endif
