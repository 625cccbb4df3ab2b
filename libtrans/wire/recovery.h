/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recovery: a node's recovery memory, a memfd that portd keeps with the mount and hands to
 * each incarnation of its translator. First the head and the journal, which portd reads, too; then what
 * the library keeps; from RECOVERY_AUTHOR on, what the translator's author does.
 *
 * It is written by a process that may be hostile: whoever reads it checks each
 * field, portd by pread and never by mapping it. Fields are little-endian and
 * naturally aligned. Pages that nobody wrote to cost nothing. */
#ifndef WIRE_RECOVERY_H
#define WIRE_RECOVERY_H

#include <stdint.h>

enum {
	RECOVERY_MAGIC = 0x76636572,	/* "recv" */
	RECOVERY_VERSION = 3,
	RECOVERY_SIZE = 256 << 20,	/* bytes of the whole */
	RECOVERY_JOURNAL = 4096,	/* where it starts */
	RECOVERY_SLOTS = 4096,		/* of the journal */
	RECOVERY_TAKEN = 256 << 10,	/* where struct recovery_taken of the first reader stands, */
	RECOVERY_TAKEN_ROOM = 64 << 10,	/* and of the others: pages of their own, however large */
	RECOVERY_LIBRARY = 512 << 10,	/* where the library's own starts */
	RECOVERY_AUTHOR = 4 << 20,	/* where the author's starts */
	RECOVERY_AGAIN_MAX = 255,
	RECOVERY_READERS = 2,		/* of requests: the main thread, and who stands in for it */
};

/* The kernel's header of a request, put here by read(2) itself: what a reader has in hands. It is
 * in the journal, too, before long. unique 0: none. */
struct recovery_taken {
	uint32_t length;
	uint32_t opcode;
	uint64_t unique;
	uint64_t node;
	uint32_t uid, gid, pid, spare;
};

struct recovery {
	uint32_t magic;
	uint32_t version;	/* RECOVERY_VERSION */
	uint32_t generation;	/* of the content; node ids of another one are ESTALE */
	uint32_t opens_known;	/* 1: opens is true; 0: opens are not counted here (no-open) */
	uint32_t opens;		/* files and directories open now */
	uint32_t progress_pct;	/* of work that readers wait for, 0 to 100 */
	uint64_t requests;	/* answered, all incarnations */
	uint32_t at_work;	/* 1: it is at a request, or at something else */
	uint32_t put_off;	/* 1: some of those that it has taken are not answered */
	uint8_t turn;		/* of this incarnation, 1 to 255; portd writes it */
	uint8_t spare[3];
};

enum recovery_slot_flags {
	RECOVERY_COUNTED = 1,	/* an open or a release: the counts have it */
	RECOVERY_INTENT = 2,	/* before[] says what was there */
	RECOVERY_ENDED = 4,	/* portd has answered it: whatever it was, it is over */
};

/* A request that was taken and not answered. It is written before anything is done for it and
 * cleared after its answer was; so one that is here may have been answered. */
struct recovery_slot {
	uint64_t unique;	/* without FUSEWIRE_UNIQUE_RESENT; 0: free */
	uint16_t opcode;
	uint8_t again;		/* how often it was delivered again; MAX: also when nobody knows */
	uint8_t turn;		/* of the incarnation that took it last */
	uint32_t flags;
	uint64_t node;		/* by the kernel's id */
	uint64_t before[2];	/* the nodes that its names led to; 0: none */
};

_Static_assert(RECOVERY_JOURNAL + RECOVERY_SLOTS * sizeof(struct recovery_slot) <= RECOVERY_TAKEN &&
    RECOVERY_TAKEN + RECOVERY_READERS * RECOVERY_TAKEN_ROOM <= RECOVERY_LIBRARY, "the journal fits");

#endif
