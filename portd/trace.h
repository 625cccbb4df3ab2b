/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: lets a task see messages of others, without being in their way.
 *
 * The hooks are called only when trace_is_on: one branch for everybody else. */
#ifndef PORTD_TRACE_H
#define PORTD_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portd/core.h"
#include "portd/right.h"

struct inspect_trace_in;
struct message;
struct port;
struct task;

static inline bool
trace_is_on(const struct world *world)
{
	return !list_is_empty(&world->traces);
}

/* A message is in the queue of its port. */
void trace_sent(const struct message *message);
/* It is taken off: by a receiver, with this number in sequence. */
void trace_received(const struct message *message, uint32_t seqno);
/* It is destroyed, and nobody received it. */
void trace_destroyed(const struct message *message);
/* A task could not send what it asked for. */
void trace_refused(const struct task *task, uint32_t id, size_t bytes, int code);
/* A task has said who it is. */
void trace_greet(const struct task *task);

/* A new trace for the task that asks. 0, with a send right of the keeper's to it;
 * PORT_E_RESOURCE_SHORTAGE. */
int trace_new(struct world *world, uint32_t tracer, const struct inspect_trace_in *in,
    struct right *rightp);
/* The rights that the keeper has for answers to those who wait for events. */
void trace_each_reader(const struct world *world, void (*each)(const struct right *, void *),
    void *arg);
/* Ends all of them, with the world. */
void trace_end_all(struct world *world);

#endif
