/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store: the settings of this user on this machine, durable.
 *
 * What a write returned 0 for is on the disk. Everything else that portd
 * knows of a node is found again by arming it. */
#ifndef PORTD_STORE_H
#define PORTD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "portd/setting.h"

/* One row. run: the options as they were changed at run time, or NULL. */
struct store_row {
	char *path;
	struct setting *passive;
	struct setting *run;
	bool created;			/* settrans -c made the node */
	uint32_t restore_mode;		/* of a directory that was made: its mode when nothing stands there */
	char *underlying_path;		/* "" without -U */
	uint64_t set_at;		/* seconds since 1970 */
	uint32_t generation;
	uint32_t idle_ms, deadline_ms;	/* NODE_TIME_* */
};

void store_row_deinit(struct store_row *row);

struct store;

/* Opens or makes the file. NULL with one line in *why. */
struct store *store_open(const char *path, struct text *why);
void store_close(struct store *store);

/* Each returns 0 or -errno (-ENOSPC: no room) with one line in *why, and
 * changes all or nothing. */
int store_put(struct store *store, const struct store_row *row, struct text *why);
int store_delete(struct store *store, const char *path, struct text *why);
int store_rename(struct store *store, const char *path, const char *to, struct text *why);

/* Calls `each` with every row, in path order; the row is the store's own. Stops
 * at the first result that is not 0 and returns it. */
int store_each(struct store *store, int (*each)(const struct store_row *row, void *arg),
    void *arg, struct text *why);

/* Services that the user declared (portd/service.h): argv and env as struct argv's bytes. */
struct store_service {
	char *name;
	char *program;
	struct argv argv;
	struct argv env;
};

int store_put_service(struct store *store, const struct store_service *service, struct text *why);
int store_delete_service(struct store *store, const char *name, struct text *why);
int store_each_service(struct store *store,
    int (*each)(const struct store_service *service, void *arg), void *arg, struct text *why);

#endif
