/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recovery: the head of a node's recovery memory, a memfd that portd keeps with
 * the mount and hands to each incarnation of its translator.
 *
 * It is written by a process that may be hostile: whoever reads it checks each
 * field, portd by pread and never by mapping it. Fields are little-endian and
 * naturally aligned. */
#ifndef WIRE_RECOVERY_H
#define WIRE_RECOVERY_H

#include <stdint.h>

enum {
	RECOVERY_MAGIC = 0x76636572,	/* "recv" */
	RECOVERY_SIZE = 64 * 1024,	/* of the whole memory; sparse until used */
};

struct recovery {
	uint32_t magic;
	uint32_t version;	/* 1 */
	uint32_t generation;	/* of the content; node ids of another one are ESTALE */
	uint32_t opens_known;	/* 1: opens is true; 0: opens are not counted here (no-open) */
	uint32_t opens;		/* files and directories open now */
	uint32_t progress_pct;	/* of work that readers wait for, 0 to 100 */
	uint64_t requests;	/* answered, all incarnations */
	uint32_t at_work;	/* 1: it is at a request, or at something else */
	uint32_t put_off;	/* 1: some of those that it has taken are not answered */
};

#endif
