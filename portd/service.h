/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service: a name that stands for a port, and the program behind it.
 *
 * A *registered* service is a send right that somebody gave. A *declared* one
 * is a port of portd's own making: its name can be looked up and its messages
 * queue while nobody runs; the first message starts the program, which takes the
 * receive right by checking in. When it lets go of that right, or dies, the right
 * comes home (a port-destroyed notification) with whatever it did not read. */
#ifndef PORTD_SERVICE_H
#define PORTD_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/argv.h"
#include "base/list.h"
#include "portd/right.h"

struct message;
struct names;
struct names_context;
struct service_run;
struct state;
struct tape;

enum {
	SERVICE_NAME_MAX = 128,		/* bytes */
	SERVICE_DELAY_FIRST_MS = 250,	/* before it is started again after a failure; doubled each time */
	SERVICE_DELAY_MAX_MS = 30 * 1000,
	SERVICE_STEADY_S = 10,		/* one that ran so long did not fail */
};

struct service {
	struct list link;		/* in the context */
	struct names_context *context;
	char *name;
	struct right send;		/* what look-up gives copies of */
	struct right signature;		/* who holds it may unregister; or NULL */

	/* Of a declared one: */
	char *program;			/* NULL: registered */
	struct argv argv;
	struct argv env;
	bool stored;			/* declared by the user for good, not by a task */
	struct port *port;
	struct port *homecoming;	/* where the receive right comes back */
	bool home;			/* it is with us */
	struct service_run *run;	/* the process, or NULL */
	uint32_t starts;
	uint32_t failures;		/* in a row */
	char why[200];			/* of the last failure, or "" */
};

/* A registered one; eats the rights, also on failure. NULL: no memory. */
struct service *service_new(struct names_context *context, const char *name, struct right send,
    struct right signature);
/* A declared one. Copies argv and env; eats signature. */
struct service *service_declare(struct names_context *context, const char *name,
    const char *program, const struct argv *argv, const struct argv *env, struct right signature);
/* The name is gone. Its program runs on with what it has. */
void service_free(struct service *service);

/* For the portd that comes after this one: puts all of a context; reads them into an empty
 * one (false: they make no sense); the processes likewise, when all contexts are there. */
void service_put_all(struct tape *tape, const struct names_context *context);
bool service_get_all(struct state *state, struct names_context *context);
void service_put_runs(struct tape *tape, const struct names *names);
bool service_get_runs(struct state *state, struct names *names);
/* Goes on: it is started when messages wait. */
void service_resume(struct service *service);

/* Whether its port still lives. */
bool service_is_live(const struct service *service);
/* enum names_state. */
uint32_t service_state(const struct service *service);
/* Gives the receive right to the program that was started for it: a right for a
 * message, or a code. */
int service_check_in(struct service *service, uint32_t task, struct right *receivep);
/* Its process, 0: none; since when, in seconds since 1970. */
pid_t service_pid(const struct service *service, uint64_t *sincep);
/* portd ends: programs of services get SIGTERM and are forgotten. */
void service_end_runs(struct names *names);
/* Whether something would be lost if portd ended now. */
bool service_is_busy(const struct service *service);

#endif
