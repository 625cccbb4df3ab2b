/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal: which requests were taken and not answered, in recovery memory.
 *
 * A request is noted before anything is done for it and struck out after its answer was
 * written. After a crash portd, or a kernel that delivers again, sees to what is left; one that
 * comes again finds its slot as it was, and with it how far things had got. */
#ifndef TRANS_JOURNAL_H
#define TRANS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/recovery.h"

void journal_open(bool resent);
void journal_close(void);
/* Where read(2) is to put a request's header, so that it is in no moment in nobody's hands;
 * and when the journal has the request, or it needs none. */
struct recovery_taken *journal_taken(void);
void journal_has_taken(void);
/* Main thread. NULL: there is no room. */
struct recovery_slot *journal_note(uint64_t unique, uint32_t opcode, uint64_t node,
    bool *knownp);
/* Any thread; NULL is harmless. */
void journal_strike(struct recovery_slot *slot);
uint32_t journal_index(const struct recovery_slot *slot);

#endif
