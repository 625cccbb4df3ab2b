/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blame: reads the journal. Each slot that an incarnation has used has its turn, also when it
 * is free again; a slot of a request that is delivered again counts that. */
#include "portd/blame.h"

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "wire/recovery.h"

enum { SLOTS_AT_ONCE = 256, TURNS = 255 };

_Static_assert(RECOVERY_SLOTS % SLOTS_AT_ONCE == 0, "the journal is read in whole pieces");

static uint8_t
read_turn(int recovery)
{
	struct recovery head;

	return pread(recovery, &head, sizeof(head), 0) == sizeof(head) ? head.turn : 0;
}

void
blame_begin(int recovery)
{
	uint8_t turn = (uint8_t)(read_turn(recovery) % TURNS + 1);

	/* Where this fails the next death counts for one without progress. */
	if (pwrite(recovery, &turn, sizeof(turn), offsetof(struct recovery, turn)) < 0)
		return;
}

bool
blame_deaths(int recovery, unsigned *beforep)
{
	struct recovery_slot slots[SLOTS_AT_ONCE];
	uint8_t turn = read_turn(recovery);
	unsigned before = 0;
	bool took = false;

	for (unsigned at = 0; at < RECOVERY_SLOTS && turn != 0; at += SLOTS_AT_ONCE) {
		off_t offset = RECOVERY_JOURNAL + (off_t)(at * sizeof(*slots));

		if (pread(recovery, slots, sizeof(slots), offset) != sizeof(slots))
			return false;
		for (unsigned i = 0; i < SLOTS_AT_ONCE; i++) {
			if (slots[i].turn != turn)
				continue;
			took = true;
			if (slots[i].unique != 0 && slots[i].again > before)
				before = slots[i].again;
		}
	}
	if (took)
		*beforep = before;
	return took;
}
