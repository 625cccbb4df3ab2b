/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wake: brings the main thread to what other threads have left for it, wherever it waits.
 *
 * It waits in poll(2) for wake_fd, or, when nothing but requests is to be expected, in a read(2)
 * that blocks, which saves each request a call of the kernel. Such a read is ended by O_NONBLOCK
 * on the descriptor and a signal, SIGURG: the signal restarts it, and what was made not to block
 * finds nothing there. So no moment is too early or too late, and a request that has been
 * taken is never given up. */
#ifndef TRANS_WAKE_H
#define TRANS_WAKE_H

#include <stdbool.h>

/* Main thread. 0 or -errno. */
int wake_open(void);
void wake_close(void);
/* Readable: look. */
int wake_fd(void);
/* Main thread: before it looks. */
void wake_drain(void);
/* Any thread. */
void wake_main(void);

/* Any thread: has reads of fd block, or not. */
void wake_set_blocking(int fd, bool blocking);
/* Main thread: around each read of fd that may block. False: do not read, but look. */
bool wake_begin_read(int fd);
void wake_end_read(void);

#endif
