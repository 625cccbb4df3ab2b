/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* translator: what this process is: the author's table, its options, and what
 * portd gave. One a process; filled in before requests come, then changed by the
 * main thread alone. */
#ifndef TRANS_TRANSLATOR_H
#define TRANS_TRANSLATOR_H

#include "trans/option.h"
#include "trans/trans.h"

struct translator {
	struct trans_ops ops;	/* a copy: slots that the author's size lacks are empty */
	const char *argv0;
	const char *name;	/* as it calls itself in messages */
	struct option_set defaults;
	struct option_set options;	/* in force */
	int underlying;		/* O_PATH, or -1 */
	unsigned needs;		/* of trans_needs */
};

extern struct translator translator;

int translator_argv(const struct option_set *options, struct argv *argv);
/* The last line given to trans_error since translator_forget_error, or "". */
const char *translator_error(void);
void translator_forget_error(void);

int thread_join_all(void);
bool thread_is_quiet(void);

#endif
