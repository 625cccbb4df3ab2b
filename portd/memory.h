/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory: what a message carries out of line, as portd sees it. */
#ifndef PORTD_MEMORY_H
#define PORTD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct message;
struct task;
struct wire_buf;
struct world;

/* The memory beside a body, of a request or a message: all of it, and what of it portd
 * itself holds. Bytes. */
size_t memory_total(const struct wire_buf *body);
size_t memory_held(const struct wire_buf *body);
/* Judges element k, which is MEMORY or REGION. 0 or a SEND_ code. */
int memory_take(const struct wire_buf *body, size_t k);
/* Before a message goes to a receiver: 0, or RCV_BODY_ERROR with a detail, and the regions are
 * gone from it. */
int memory_deliver(struct message *message, struct task *receiver);
/* The files that are a receiver's alone, the oldest first; one that was before. */
void memory_each_file(const struct task *receiver, void (*each)(dev_t dev, ino_t ino, void *arg),
    void *arg);
bool memory_restore(struct task *receiver, dev_t dev, ino_t ino);
/* A receiver ends: files that were his alone are nobody's. */
void memory_forget(struct task *receiver);

#endif
