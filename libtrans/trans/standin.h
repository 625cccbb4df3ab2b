/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* standin: reads requests while the main thread is held up in a callback, so that an
 * interrupt is answered although the callback is not.
 *
 * What else it reads waits in a queue for the main thread. It costs a request an atomic
 * store: the thread looks now and then while there is something to do, and sleeps else. */
#ifndef TRANS_STANDIN_H
#define TRANS_STANDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After wake_open. 0 or -errno. */
int standin_open(void);
/* Before the door is closed. Harmless when it is not open. */
void standin_close(void);

/* Main thread: between these two it is at work, and may be held up. */
void standin_begin(int64_t now);
void standin_end(void);
/* Main thread: what it serves from now on. */
void standin_serving(uint64_t unique);
/* When the main thread began what it does, in ms; only on the main thread. */
int64_t standin_since(void);
/* The number of what the main thread is at, each another; 0: at rest. Any thread. */
uint64_t standin_turn(void);

/* Main thread: serves what was read in its place. */
void standin_serve(void);
bool standin_is_empty(void);
/* Main thread: nothing is read in its place until standin_go. False: there is something in
 * the queue, and it does go on. */
bool standin_hold(void);
void standin_go(void);

/* Main thread: from now on it only reads requests, and is to be woken when one of these
 * descriptors (-1: none) has something to read, or at that time, in ms, and after that no more. */
enum { STANDIN_GUARDED = 2 };
void standin_guard(const int fds[STANDIN_GUARDED], int64_t at);
/* Main thread: it looks by itself again. */
void standin_unguard(void);

/* The kernel has interrupted this request. */
void standin_interrupt(uint64_t unique);

#endif
