# SPDX-License-Identifier: LGPL-2.1-or-later
libtrans_libtrans_a_SOURCES += \
	libtrans/port/calls.c \
	libtrans/port/connection.c \
	libtrans/port/connection.h \
	libtrans/port/flat.c \
	libtrans/port/lookup.c \
	libtrans/port/lookup.h \
	libtrans/port/memory.c \
	libtrans/port/memory.h \
	libtrans/port/message.c \
	libtrans/port/message.h \
	libtrans/port/names.c \
	libtrans/port/names.h \
	libtrans/port/port.h \
	libtrans/port/rpc.c \
	libtrans/port/rpc.h \
	libtrans/port/stubs.h

dist_man_MANS += libtrans/port/hird-rpc.3 libtrans/port/port.3 libtrans/port/ports.7 \
	libtrans/port/trans_lookup.3

if HAVE_CMOCKA
check_PROGRAMS += libtrans/port/test-flat libtrans/port/test-memory libtrans/port/test-port tests/world
TESTS += libtrans/port/test-flat libtrans/port/test-memory libtrans/port/test-port
libtrans_port_test_flat_SOURCES = libtrans/port/test-flat.c \
	libtrans/port/test-setup.c libtrans/port/test-setup.h
libtrans_port_test_flat_LDADD = $(LAUNCH_LIBS) $(CMOCKA_LIBS)
libtrans_port_test_memory_SOURCES = libtrans/port/test-memory.c \
	libtrans/port/test-setup.c libtrans/port/test-setup.h
libtrans_port_test_memory_LDADD = $(LAUNCH_LIBS) $(CMOCKA_LIBS)
libtrans_port_test_port_SOURCES = libtrans/port/test-port.c \
	libtrans/port/test-setup.c libtrans/port/test-setup.h
libtrans_port_test_port_LDADD = $(LAUNCH_LIBS) $(CMOCKA_LIBS)
tests_world_SOURCES = tests/world.c
tests_world_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS)
endif

# Not part of a build: make fuzz && libtrans/port/fuzz-fsys
EXTRA_DIST += libtrans/port/fuzz-dispatch.c
CLEANFILES += libtrans/port/fuzz-fsys libtrans/port/fuzz-greet
FUZZ_DISPATCH_FILES = libtrans/port/fuzz-dispatch.c \
	$(filter-out libtrans/port/calls.c libtrans/port/lookup.c libtrans/port/names.c libtrans/trans/%, \
	  $(filter %.c,$(libtrans_libtrans_a_SOURCES)))
FUZZ_DISPATCH = $(AM_V_CCLD)$(MKDIR_P) libtrans/port && \
	$(FUZZ_CC) $(FUZZ_FLAGS) -D_GNU_SOURCE -I$(top_srcdir)/libtrans \
	  -I$(top_srcdir)/mnt-examples/rpc -I$(top_builddir)/include -o $@ $(FUZZ_DISPATCH_FILES:%=$(top_srcdir)/%)
fuzz: libtrans/port/fuzz-fsys libtrans/port/fuzz-greet
libtrans/port/fuzz-fsys: $(FUZZ_DISPATCH_FILES)
	$(FUZZ_DISPATCH) -lpthread
libtrans/port/fuzz-greet: $(FUZZ_DISPATCH_FILES) mnt-examples/rpc/greet.def $(HEADERS_OF_PORTS)
	$(FUZZ_DISPATCH) -DFUZZ_GREET -lpthread
