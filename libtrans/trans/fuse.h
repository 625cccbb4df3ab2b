/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuse: the front door for ordinary programs. */
#ifndef TRANS_FUSE_H
#define TRANS_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trans/journal.h"
#include "trans/trans.h"
#include "wire/messages.h"

/* Main thread. By which number the kernel knows a node, and back: 0 or -ESTALE. */
uint64_t front_id(trans_node_t node);
int front_node(uint64_t id, trans_node_t *nodep);
int front_open(int fd, const struct wire_init *init, uint32_t share);
void front_close(void);
int front_fd(void);
int front_process(const void *request, size_t size);
int front_process_noted(const void *request, size_t size, struct recovery_slot *slot, bool known);
ssize_t front_read(enum journal_reader reader);
bool front_wants_answer(uint32_t opcode);
ssize_t front_receive(void);
void front_serve(size_t size);
int front_forget_names(void);
/* Any thread: the answer of a request that somebody else has. */
void front_refuse(uint64_t unique, int error);
/* Any thread but one that the main thread waits for: the kernel may hold the
 * call until requests that are under way have been answered. */
void front_forget_node(trans_node_t node);
void front_forget_name(trans_node_t dir, const char *name);
bool front_knows(trans_node_t node);

#endif
