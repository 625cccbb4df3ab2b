/* SPDX-License-Identifier: GPL-2.0-or-later */
/* leash: a pair of sockets, one end with a translator that serves, the other with us and
 * the holder. When portd has died and there is a new one, that sends a connection along it. When
 * nobody is left at our end, the translator ends. */
#ifndef PORTD_LEASH_H
#define PORTD_LEASH_H

/* 0 or -errno. */
int leash_make(int *oursp, int *theirsp);
/* Sends a descriptor (eaten) and does not wait. 0 or -errno. */
int leash_send(int ours, int fd);

#endif
