/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portinfo: what the parts of the command share. */
#ifndef TOOLS_PORTINFO_H
#define TOOLS_PORTINFO_H

#include <jansson.h>

#include "tools/snapshot.h"
#include "tools/waits.h"

enum { PORTINFO_WRONG = 2 };	/* exit status: a deadlock, or sums that do not agree */

struct portinfo {
	const char *port, *translate;
	bool waits_wanted, json, dot, check, done;
	uint32_t types;			/* 0: all */
	struct snapshot snapshot;
	struct waits waits;
	int status;
};

struct selection {
	const struct inspect_task *task, *other;
	char *const *names;		/* empty: all */
	uint32_t types;
};

/* portinfo.c */
const char *portinfo_state(const struct portinfo *info, const struct inspect_task *task);
uint32_t portinfo_unread(const struct snapshot *snapshot, const struct inspect_task *task);
bool portinfo_is_selected(const struct selection *selection, const struct inspect_entry *entry);
int portinfo_each_circle(struct portinfo *info, void (*found)(void *, const uint32_t *, size_t),
    void *arg);

/* portshow.c */
void portinfo_put_details(struct text *text, const struct snapshot *snapshot,
    const struct inspect_entry *entry);
void portinfo_put_holder(struct text *text, const struct snapshot *snapshot,
    const struct inspect_right *right);
void portinfo_show_port(const struct portinfo *info, const struct inspect_port *port);

/* portjson.c: each is the caller's, or NULL. */
json_t *portinfo_json_all(const struct portinfo *info);
json_t *portinfo_json_space(const struct portinfo *info, const struct selection *selection);
json_t *portinfo_json_port(const struct portinfo *info, const struct inspect_port *port);
json_t *portinfo_json_waits(struct portinfo *info);

/* portdot.c */
void portinfo_draw(const struct portinfo *info);

#endif
