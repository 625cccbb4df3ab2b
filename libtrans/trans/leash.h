/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash: a socket that portd gave when we began to serve. When portd has died, its successor
 * sends a new connection along it; when nobody can any more, it ends. */
#ifndef TRANS_LEASH_H
#define TRANS_LEASH_H

/* Takes the socket (eaten); -1: there is none, and portd's end is ours. */
void leash_open(int fd);
/* Waits for a connection. A descriptor, or -EPIPE: there will be none. */
int leash_wait(void);
/* Ends such a wait, in another thread, for good. */
void leash_cut(void);
/* When nobody waits. */
void leash_close(void);

#endif
