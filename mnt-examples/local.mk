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

# The steps of doc/tutorial.md, which shows their text; tests/tutorial.sh does what it says. A
# callback that is taught takes what it does not need.
TUTORIAL_STEPS = \
	mnt-examples/tutorial/step1 \
	mnt-examples/tutorial/step2 \
	mnt-examples/tutorial/step3 \
	mnt-examples/tutorial/step4 \
	mnt-examples/tutorial/step5
TUTORIAL_CFLAGS = $(AM_CFLAGS) -Wno-unused-parameter
TUTORIAL_LIBS = $(HIRD_LIBS) $(FUSE3_LIBS)
check_PROGRAMS += $(TUTORIAL_STEPS)
mnt_examples_tutorial_step1_SOURCES = mnt-examples/tutorial/step1.c
mnt_examples_tutorial_step1_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_tutorial_step1_CFLAGS = $(TUTORIAL_CFLAGS)
mnt_examples_tutorial_step1_LDADD = $(TUTORIAL_LIBS)
mnt_examples_tutorial_step2_SOURCES = mnt-examples/tutorial/step2.c
mnt_examples_tutorial_step2_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_tutorial_step2_CFLAGS = $(TUTORIAL_CFLAGS)
mnt_examples_tutorial_step2_LDADD = $(TUTORIAL_LIBS)
mnt_examples_tutorial_step3_SOURCES = mnt-examples/tutorial/step3.c
mnt_examples_tutorial_step3_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_tutorial_step3_CFLAGS = $(TUTORIAL_CFLAGS)
mnt_examples_tutorial_step3_LDADD = $(TUTORIAL_LIBS)
mnt_examples_tutorial_step4_SOURCES = mnt-examples/tutorial/step4.c
mnt_examples_tutorial_step4_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_tutorial_step4_CFLAGS = $(TUTORIAL_CFLAGS)
mnt_examples_tutorial_step4_LDADD = $(TUTORIAL_LIBS)
mnt_examples_tutorial_step5_SOURCES = mnt-examples/tutorial/step5.c
mnt_examples_tutorial_step5_CPPFLAGS = -I$(top_builddir)/include
mnt_examples_tutorial_step5_CFLAGS = $(TUTORIAL_CFLAGS)
mnt_examples_tutorial_step5_LDADD = $(TUTORIAL_LIBS)
$(mnt_examples_tutorial_step1_OBJECTS) $(mnt_examples_tutorial_step2_OBJECTS) $(mnt_examples_tutorial_step3_OBJECTS) \
$(mnt_examples_tutorial_step4_OBJECTS) $(mnt_examples_tutorial_step5_OBJECTS): include/hird/trans.h

# For who writes one outside.
dist_doc_DATA += doc/tutorial.md
tutorialdir = $(docdir)/tutorial
dist_tutorial_DATA = $(TUTORIAL_STEPS:=.c)
