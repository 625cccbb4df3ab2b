# SPDX-License-Identifier: GPL-2.0-or-later
# libexec_PROGRAMS += portd/hird-portd ; portd_hird_portd_SOURCES = ... ;
# portd_hird_portd_LDADD = $(HIRD_LIBS) $(UV_LIBS) $(SQLITE3_LIBS)
# dist_man_MANS += portd/hird-portd.8

# The rights core: what a keeper of nodes links, and the unit tests.
noinst_LIBRARIES += portd/librights.a
portd_librights_a_SOURCES = \
	portd/call.c portd/call.h \
	portd/check.c \
	portd/connection.c portd/connection.h \
	portd/core.h \
	portd/message.c portd/message.h \
	portd/notify.c portd/notify.h \
	portd/port.c portd/port.h \
	portd/right.c portd/right.h \
	portd/space.c portd/space.h \
	portd/task.c portd/task.h \
	portd/transfer.c portd/transfer.h \
	portd/world.c portd/world.h

check_PROGRAMS += portd/test-right portd/test-world
TESTS += portd/test-right portd/test-world
portd_test_right_SOURCES = portd/test-right.c portd/test-client.c portd/test-client.h
portd_test_right_LDADD = portd/librights.a $(HIRD_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_world_SOURCES = portd/test-world.c portd/test-client.c portd/test-client.h
portd_test_world_LDADD = portd/librights.a $(HIRD_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
