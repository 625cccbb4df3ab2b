/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fusewire: facts of the kernel's FUSE protocol that both portd and the front
 * door need and Debian 12's headers lack. Source: include/uapi/linux/fuse.h
 * of Linux 6.18 (numbers only). */
#ifndef WIRE_FUSEWIRE_H
#define WIRE_FUSEWIRE_H

enum {
	FUSEWIRE_NOTIFY_RESEND = 7,	/* since Linux 6.9 */
	FUSEWIRE_NOTIFY_INC_EPOCH = 8,	/* since Linux 6.16 */
	FUSEWIRE_MAX_WRITE = 1 << 20,	/* bytes of data in one request */
	FUSEWIRE_MAX_PAGES = 256,
	FUSEWIRE_BUFFER = FUSEWIRE_MAX_WRITE + 4096,	/* a read of /dev/fuse needs this much */
};

#define FUSEWIRE_UNIQUE_RESENT (1ull << 63)

#endif
