/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: what one incarnation of a translator leaves to the next, in the
 * node's recovery memory. */
#ifndef TRANS_MEMORY_H
#define TRANS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"
#include "wire/recovery.h"

/* How a count of opens is about to change: absolute values, so that doing it again is
 * doing it once. */
struct memory_redo {
	uint32_t valid;
	uint32_t entry;		/* of the table of opens, MEMORY_NONE: none */
	uint32_t slot;		/* of the journal, likewise */
	uint32_t count;
	uint32_t total;
	uint32_t spare;
	uint64_t node;
};
#define MEMORY_NONE UINT32_MAX

struct memory {
	struct recovery head;
	uint64_t options;	/* a hash of the options that the content came from */
	struct memory_redo redo;
};
_Static_assert(sizeof(struct memory) <= RECOVERY_JOURNAL, "the head fits");

int memory_open(int fd, uint32_t generation, const struct argv *argv, bool *changedp);
void memory_close(void);
/* The head, and what stands behind it from one of RECOVERY_* on. Between memory_open and
 * memory_close. */
struct memory *memory_head(void);
void *memory_at(size_t offset);
/* Has the page of memory at that offset appear in place of another one. 0 or -errno. */
int memory_show(size_t offset, void *place);
void memory_turn(const struct argv *argv);
/* The epoch of the nodes, at most 31 bits: ids of another one are stale. */
uint32_t memory_epoch(void);
void memory_count_request(void);
void memory_opens_known(bool known);
void memory_progress(unsigned percent);
/* For portd's eyes: the main thread is at something; somebody waits for an answer. */
void memory_at_work(bool at_work);
void memory_put_off(bool some);
/* How often progress was reported: who works is not stuck. Any thread. */
uint64_t memory_moved(void);

#endif
