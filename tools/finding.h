/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding: what one check of the doctor's has found, and what to do about it. */
#ifndef TOOLS_FINDING_H
#define TOOLS_FINDING_H

#include "base/text.h"

enum finding_level {
	OK,
	WARN,
	FAIL,
};

struct finding {
	enum finding_level level;
	struct text what;
	struct text advice;	/* empty: nothing to do */
};

#define AUTO_FINDING __attribute__((cleanup(finding_deinit)))

static inline void
finding_deinit(struct finding *finding)
{
	text_deinit(&finding->what);
	text_deinit(&finding->advice);
}

/* Appends to both texts. */
static inline void
found(struct finding *finding, enum finding_level level, const char *what, const char *advice)
{
	finding->level = level;
	text_puts(&finding->what, what);
	text_puts(&finding->advice, advice);
}

#endif
