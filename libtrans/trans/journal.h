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
/* Where a reader has read(2) put requests of FUSEWIRE_BUFFER bytes at most, until journal_close: the
 * first page is of recovery memory, so that a request is in no moment in nobody's hands. NULL: out of
 * memory. */
enum journal_reader { JOURNAL_MAIN, JOURNAL_STANDIN };
void *journal_room(enum journal_reader reader);
/* What is there now is in the journal, or needs not be. */
void journal_has_taken(enum journal_reader reader);
/* By whoever has read it. NULL: there is no room. */
struct recovery_slot *journal_note(uint64_t unique, uint32_t opcode, uint64_t node,
    bool *knownp);
/* Any thread; NULL is harmless. */
void journal_strike(struct recovery_slot *slot);
uint32_t journal_index(const struct recovery_slot *slot);

#endif
