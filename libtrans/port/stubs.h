/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stubs: NAME_call for each routine of this project's own interfaces. */
#ifndef PORT_STUBS_H
#define PORT_STUBS_H

#include "port/rpc.h"
#include "wire/messages.h"

RPC_STUBS(fs)
RPC_STUBS(fsys)
RPC_STUBS(inspect)
RPC_STUBS(io)
RPC_STUBS(lookup)
RPC_STUBS(names)
RPC_STUBS(node)

#endif
