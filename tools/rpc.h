/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc: hird rpc: the routines that the port of a node answers, and calls of them. */
#ifndef TOOLS_RPC_H
#define TOOLS_RPC_H

int rpc_word(int argc, char **argv);

#endif
