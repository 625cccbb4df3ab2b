/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting: one act of settrans: a translator is described, its node looked at or
 * made, and portd asked. */
#ifndef TOOLS_SETTING_H
#define TOOLS_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"
#include "base/text.h"
#include "tools/describe.h"

/* Exit statuses of settrans, the Hurd's. */
enum {
	SETTING_NODE = 1,	/* NODE cannot be opened */
	SETTING_START = 4,	/* the translator could not be started */
	SETTING_REFUSED = 5,	/* it could not be set */
};

struct setting {
	const char *path;	/* canonical */
	const char *underlying;	/* canonical, or NULL: the node itself */
	uint32_t flags;		/* enum node_set_flags */
	uint32_t goaway;	/* enum fsys_goaway_flags */
	uint32_t share;		/* enum node_share */
	uint32_t timeout_ms;	/* 0: none */
	unsigned grants;	/* enum confine_grant */
	uint32_t idle_ms, deadline_ms;	/* NODE_TIME_* */
	bool create;		/* a missing node is made */
	char *program;		/* of setting_describe; NULL: the setting is removed */
	struct describe describe;
	uint32_t pid;		/* of what setting_apply started, or 0 */
};

#define AUTO_SETTING __attribute__((cleanup(setting_deinit)))

void setting_deinit(struct setting *setting);
/* Finds the translator and asks what it would be. Each returns 0, or an exit
 * status with one line in *why. */
int setting_describe(struct setting *setting, char *const *words, struct text *why);
int setting_apply(struct setting *setting, struct text *why);

#endif
