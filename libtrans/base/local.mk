# SPDX-License-Identifier: LGPL-2.1-or-later
libtrans_libtrans_a_SOURCES += \
	libtrans/base/argv.c \
	libtrans/base/argv.h \
	libtrans/base/cleanup.h \
	libtrans/base/launch.c \
	libtrans/base/launch.h \
	libtrans/base/list.h \
	libtrans/base/log.c \
	libtrans/base/log.h \
	libtrans/base/map.c \
	libtrans/base/map.h \
	libtrans/base/sys.c \
	libtrans/base/sys.h \
	libtrans/base/text.c \
	libtrans/base/text.h
noinst_HEADERS += libtrans/base/testing.h

if HAVE_CMOCKA
BASE_TESTS = \
	libtrans/base/test-argv \
	libtrans/base/test-launch \
	libtrans/base/test-map \
	libtrans/base/test-text
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
libtrans_base_test_argv_SOURCES = libtrans/base/test-argv.c
libtrans_base_test_argv_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_launch_SOURCES = libtrans/base/test-launch.c
libtrans_base_test_launch_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_map_SOURCES = libtrans/base/test-map.c
libtrans_base_test_map_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_text_SOURCES = libtrans/base/test-text.c
libtrans_base_test_text_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
endif
