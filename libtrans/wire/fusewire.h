/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fusewire: facts of the kernel's FUSE protocol that both portd and the front
 * door need and Debian 12's headers lack. Source: include/uapi/linux/fuse.h
 * of Linux 6.18 (numbers only). */
#ifndef WIRE_FUSEWIRE_H
#define WIRE_FUSEWIRE_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	FUSEWIRE_NOTIFY_RESEND = 7,	/* since Linux 6.9 */
	FUSEWIRE_NOTIFY_INC_EPOCH = 8,	/* since Linux 6.16 */
	FUSEWIRE_MAX_WRITE = 1 << 20,	/* bytes of data in one request */
	FUSEWIRE_MAX_PAGES = 256,
	FUSEWIRE_BUFFER = FUSEWIRE_MAX_WRITE + 4096,	/* a read of /dev/fuse needs this much */
};

#define FUSEWIRE_UNIQUE_RESENT (1ull << 63)

/* The handle of a directory that portd opened for a program that may not start the translator:
 * whoever is asked finds nothing in it. */
#define FUSEWIRE_FH_EMPTY (~(uint64_t)0)

/* Bits of the mode that a root does not show when it is shared with root alone: then the kernel
 * itself keeps others out, also of what it remembers. */
#define FUSEWIRE_STRANGERS 0077u

/* Whether a request is about a file that was opened before: by its opcode. */
static inline bool
fusewire_is_of_open_file(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_RELEASE:
	case FUSE_FSYNC:
	case FUSE_FLUSH:
	case FUSE_READDIR:
	case FUSE_RELEASEDIR:
	case FUSE_FSYNCDIR:
	case FUSE_READDIRPLUS:
		return true;
	}
	return false;
}

#endif
