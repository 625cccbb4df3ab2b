# SPDX-License-Identifier: LGPL-2.1-or-later

# tree
libtrans_libtrans_a_SOURCES += \
	libtrans/trans/tree.c \
	libtrans/trans/tree.h
check_PROGRAMS += libtrans/trans/test-tree
TESTS += libtrans/trans/test-tree
libtrans_trans_test_tree_SOURCES = libtrans/trans/test-tree.c
libtrans_trans_test_tree_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)

# main, requests, nodes, doors
libtrans_libtrans_a_SOURCES += \
	libtrans/trans/control.c \
	libtrans/trans/control.h \
	libtrans/trans/deposit.c \
	libtrans/trans/door.c \
	libtrans/trans/door.h \
	libtrans/trans/door-call.h \
	libtrans/trans/door-dir.c \
	libtrans/trans/door-file.c \
	libtrans/trans/door-io.c \
	libtrans/trans/door-lookup.c \
	libtrans/trans/door-port.c \
	libtrans/trans/door-port.h \
	libtrans/trans/door-routines.c \
	libtrans/trans/fuse.c \
	libtrans/trans/fuse-attr.c \
	libtrans/trans/fuse-dir.c \
	libtrans/trans/fuse-file.c \
	libtrans/trans/fuse-front.h \
	libtrans/trans/fuse-name.c \
	libtrans/trans/fuse-poll.c \
	libtrans/trans/fuse-request.c \
	libtrans/trans/fuse.h \
	libtrans/trans/journal.c \
	libtrans/trans/journal.h \
	libtrans/trans/leash.c \
	libtrans/trans/leash.h \
	libtrans/trans/listing.c \
	libtrans/trans/listing.h \
	libtrans/trans/main.c \
	libtrans/trans/memory.c \
	libtrans/trans/memory.h \
	libtrans/trans/node.c \
	libtrans/trans/node.h \
	libtrans/trans/node-name.c \
	libtrans/trans/notify.c \
	libtrans/trans/notify.h \
	libtrans/trans/opens.c \
	libtrans/trans/opens.h \
	libtrans/trans/option.c \
	libtrans/trans/option.h \
	libtrans/trans/req.c \
	libtrans/trans/req.h \
	libtrans/trans/serve.c \
	libtrans/trans/serve.h \
	libtrans/trans/standin.c \
	libtrans/trans/standin.h \
	libtrans/trans/thread.c \
	libtrans/trans/translator.h \
	libtrans/trans/wake.c \
	libtrans/trans/wake.h \
	libtrans/trans/watch.c \
	libtrans/trans/watch.h
check_PROGRAMS += libtrans/trans/test-option libtrans/trans/test-fuse libtrans/trans/test-wake
TESTS += libtrans/trans/test-option libtrans/trans/test-fuse libtrans/trans/test-wake
libtrans_trans_test_wake_SOURCES = libtrans/trans/test-wake.c
libtrans_trans_test_wake_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_trans_test_option_SOURCES = libtrans/trans/test-option.c
libtrans_trans_test_option_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_trans_test_fuse_SOURCES = libtrans/trans/test-fuse.c
libtrans_trans_test_fuse_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS) $(CMOCKA_LIBS)

# door, on a world of its own
check_PROGRAMS += libtrans/trans/test-door
TESTS += libtrans/trans/test-door
libtrans_trans_test_door_SOURCES = libtrans/trans/test-door.c \
	libtrans/port/test-setup.c libtrans/port/test-setup.h
libtrans_trans_test_door_LDADD = $(LAUNCH_LIBS) $(FUSE3_LIBS) $(CMOCKA_LIBS)

dist_man_MANS += \
	libtrans/trans/trans_main.3 \
	libtrans/trans/trans_ops.3 \
	libtrans/trans/trans_option.3 \
	libtrans/trans/trans_tree.3 \
	libtrans/trans/translators.7
