# SPDX-License-Identifier: LGPL-2.1-or-later
libtrans_libtrans_a_SOURCES += \
	libtrans/port/calls.c \
	libtrans/port/connection.c \
	libtrans/port/connection.h \
	libtrans/port/message.c \
	libtrans/port/message.h \
	libtrans/port/port.h \
	libtrans/port/rpc.c

if HAVE_CMOCKA
check_PROGRAMS += libtrans/port/test-port tests/world
TESTS += libtrans/port/test-port
libtrans_port_test_port_SOURCES = libtrans/port/test-port.c
libtrans_port_test_port_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
tests_world_SOURCES = tests/world.c
tests_world_LDADD = portd/librights.a $(HIRD_LIBS) $(UV_LIBS)
endif
