/* SPDX-License-Identifier: GPL-2.0-or-later */
/* describe: asks a translator what it would be, before anything stands behind
 * a node: the describe run of wire/describe.h, seen from the tools. */
#ifndef TOOLS_DESCRIBE_H
#define TOOLS_DESCRIBE_H

#include "base/argv.h"
#include "base/text.h"
#include "wire/describe.h"

struct describe {
	struct describe_out out;	/* points into buf */
	struct wire_buf buf;
	struct text blob;		/* the same bytes as the translator wrote them */
};

#define AUTO_DESCRIBE __attribute__((cleanup(describe_deinit)))

void describe_deinit(struct describe *describe);
/* argv[0] as a setting keeps it: a bare name, or an absolute path. 0 or
 * -errno with a line in *why. */
int describe_name(const char *translator, struct text *name, struct text *why);
/* Runs `program` with argv in the current directory. timeout_ms: 0 waits for
 * ever. 0, or -errno with one line in *why: the translator's own where it said
 * one. */
int describe_run(struct describe *describe, const char *program,
    const struct argv *argv, unsigned timeout_ms, struct text *why);

#endif
