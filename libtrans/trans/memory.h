/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: what one incarnation of a translator leaves to the next, in the
 * node's recovery memory. */
#ifndef TRANS_MEMORY_H
#define TRANS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"
#include "wire/recovery.h"

struct memory {
	struct recovery head;
	uint64_t options;	/* a hash of the options that the content came from */
};

int memory_open(int fd, uint32_t generation, const struct argv *argv, bool *changedp);
void memory_close(void);
void memory_turn(const struct argv *argv);
/* The epoch of the nodes, at most 31 bits: ids of another one are stale. */
uint32_t memory_epoch(void);
void memory_count_request(void);
void memory_count_open(int delta);
void memory_opens_known(bool known);
void memory_progress(unsigned percent);
/* For portd's eyes: the main thread is at something; somebody waits for an answer. */
void memory_at_work(bool at_work);
void memory_put_off(bool some);
/* How often progress was reported: who works is not stuck. Any thread. */
uint64_t memory_moved(void);

#endif
