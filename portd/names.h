/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names: who is called what. A context is a port that answers the names
 * interface (wire/names.def) and knows some services; what it does not know it
 * asks its parent. The outermost one belongs to the user. */
#ifndef PORTD_NAMES_H
#define PORTD_NAMES_H

#include <stdbool.h>
#include <uv.h>

#include "base/list.h"
#include "portd/port.h"
#include "portd/right.h"
#include "portd/service.h"

struct message;
struct world;

struct names_context {
	struct list link;		/* in names */
	struct names *names;
	struct names_context *parent;	/* NULL: the outermost */
	struct port *port;
	struct list services;		/* by name */
};

struct names {
	struct world *world;
	uv_loop_t *loop;
	const char *log_dir;		/* of what services say */
	struct list contexts;
	struct names_context *root;
	struct list runs;		/* processes of services, also of those that are no more */
};

/* Begins with an empty outermost context. 0 or -ENOMEM. */
int names_init(struct names *names, struct world *world, uv_loop_t *loop, const char *log_dir);
/* For the portd that comes after this one: all of it, and reading it instead of names_init
 * (false: it makes no sense); then it goes on. */
void names_put(struct tape *tape, const struct names *names);
bool names_get(struct state *state, struct names *names, struct world *world, uv_loop_t *loop,
    const char *log_dir);
void names_resume(struct names *names);
/* Ends it: names go, programs get SIGTERM. Its handles close in the loop's next turns. */
void names_deinit(struct names *names);

/* Answers a request to a port of portd's own that has the outermost context's
 * interface too. False: it is not one of this interface. The message stays the
 * caller's. */
bool names_serve(struct names *names, struct message *message);
/* Whether names_declare would. */
int names_may_declare(struct names *names, const char *name, const char *program,
    const struct argv *argv);
/* Declares, or (argv of no bytes) removes, one of the user's own in the outermost
 * context. 0, PORT_E_NAMES_*, -ENOMEM. */
int names_declare(struct names *names, const char *name, const char *program,
    const struct argv *argv, const struct argv *env);
/* Whether something would be lost if portd ended now. */
bool names_is_busy(const struct names *names);

struct service *names_find(const struct names_context *context, const char *name);

#endif
