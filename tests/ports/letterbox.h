/* SPDX-License-Identifier: GPL-2.0-or-later */
/* letterbox: ids that the program understands. */
#ifndef TESTS_PORTS_LETTERBOX_H
#define TESTS_PORTS_LETTERBOX_H

enum {
	LETTERBOX_PING = 1,
	LETTERBOX_STALL = 2,
	LETTERBOX_AGAIN = 3,
};

#endif
