/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: what a translator says of itself before anything stands behind a
 * node.
 *
 * A translator that finds HIRD_DESCRIBE=1 in its environment parses its
 * arguments, resolves and opens the files they name (against its current
 * directory), checks what it cheaply can, writes a struct describe_out to
 * LAUNCH_PORT_FD with describe_out_put, and exits 0. On bad arguments it says one line on
 * stderr and exits 64 (usage) or 1. */
#ifndef WIRE_DESCRIBE_H
#define WIRE_DESCRIBE_H

#include "wire/messages.h"

enum { DESCRIBE_MAGIC = 0x63736564 };	/* "desc" */

/* argv: canonical: argv[0] and the options that differ from their defaults,
 * with absolute paths. files: OPTION, PATH pairs of typed options; identities:
 * one word each, "DEV:INO:SIZE:MTIME.NS", of the files in the same order. needs: what it
 * cannot do without, of enum confine_grant (base/confine.h). */
#define describe_OUT(F) F(u32, magic) F(u32, version) F(u32, kind) F(u32, nature) F(str, summary) F(argv, argv) F(argv, files) F(argv, identities) F(blob, attr) F(u32, needs)

WIRE_DECLARE_SIDE(describe_out, describe_OUT)

#endif
