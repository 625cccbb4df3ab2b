/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting: what can stand behind a node. */
#ifndef PORTD_SETTING_H
#define PORTD_SETTING_H

#include "base/argv.h"
#include "base/text.h"
#include "wire/messages.h"

/* A program, its arguments, and what its describe run said of it. */
struct setting {
	uint32_t kind;			/* enum node_kind */
	uint32_t nature;		/* enum node_nature */
	uint32_t needs;			/* enum confine_grant: declared by the translator */
	uint32_t grants;		/* and granted by the user */
	uint32_t share;			/* enum node_share */
	char *program;			/* absolute path */
	struct argv argv;
	struct argv files;		/* OPTION, PATH pairs of typed options */
	struct argv identities;		/* one word each, of files */
	struct wire_attr attr;		/* of the root, as last known; valid 0: unknown */
};

void setting_free(struct setting *setting);
struct setting *setting_copy(const struct setting *setting);	/* NULL: no memory */

/* Out of what a tool sent, checked. grants: the user's. NULL with one line in *why, also
 * when it needs what is not granted. */
struct setting *setting_new(struct wire_blob argv, const char *program,
    struct wire_blob description, uint32_t grants, struct text *why);
/* What its sandbox lets it do: declared, and granted where that is asked for. */
uint32_t setting_permits(const struct setting *setting);

#endif
