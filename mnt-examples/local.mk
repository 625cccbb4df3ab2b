# SPDX-License-Identifier: GPL-2.0-or-later
# Examples to paste, each with the transcript that it prints; tests/examples.sh
# runs them.
EXTRA_DIST += \
	mnt-examples/archive.sh mnt-examples/archive.out \
	mnt-examples/devices.sh mnt-examples/devices.out \
	mnt-examples/greeting.sh mnt-examples/greeting.out

# The interface, server and client of hird-rpc(3); tests/rpc.sh runs them. They see
# nothing but what is installed.
check_PROGRAMS += mnt-examples/rpc/client mnt-examples/rpc/server
mnt_examples_rpc_client_SOURCES = mnt-examples/rpc/client.c mnt-examples/rpc/greet.def
mnt_examples_rpc_client_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_rpc_client_LDADD = $(HIRD_LIBS)
mnt_examples_rpc_server_SOURCES = mnt-examples/rpc/server.c mnt-examples/rpc/greet.def
mnt_examples_rpc_server_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_rpc_server_LDADD = $(HIRD_LIBS)
# A translator with routines of its own.
check_PROGRAMS += mnt-examples/rpc/counter
mnt_examples_rpc_counter_SOURCES = mnt-examples/rpc/counter.c mnt-examples/rpc/counter.def
mnt_examples_rpc_counter_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_rpc_counter_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
$(mnt_examples_rpc_counter_OBJECTS): $(HEADERS_OF_PORTS) include/hird/trans.h
$(mnt_examples_rpc_client_OBJECTS) $(mnt_examples_rpc_server_OBJECTS): $(HEADERS_OF_PORTS)
