/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-setup: a world for the tests of the library. */
#ifndef PORT_TEST_SETUP_H
#define PORT_TEST_SETUP_H

#include <sys/types.h>

#include "base/testing.h"
#include "port/port.h"

extern pid_t world;	/* 0: it was ended */

/* Of a group of tests. */
int start_world(void **state);
int end_world(void **state);
/* Of each test: as many names and descriptors are there after it as before. */
int setup(void **state);
int teardown(void **state);

/* A port with the send right that messages to it are copied from. */
port_name_t new_port(void);

#endif
