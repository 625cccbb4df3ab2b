# SPDX-License-Identifier: LGPL-2.1-or-later
libtrans_libtrans_a_SOURCES += \
	libtrans/base/argv.c \
	libtrans/base/argv.h \
	libtrans/base/cleanup.h \
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

# For who starts translators; not a part of what a translator links.
noinst_LIBRARIES += libtrans/liblaunch.a
libtrans_liblaunch_a_SOURCES = \
	libtrans/base/cgroup.c \
	libtrans/base/cgroup.h \
	libtrans/base/confine.c \
	libtrans/base/confine.h \
	libtrans/base/elf.c \
	libtrans/base/elf.h \
	libtrans/base/syscalls.c \
	libtrans/base/syscalls.h \
	libtrans/base/landlock.c \
	libtrans/base/landlock.h \
	libtrans/base/launch.c \
	libtrans/base/launch.h
libtrans_liblaunch_a_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS)
LAUNCH_LIBS = libtrans/liblaunch.a $(HIRD_LIBS) $(SECCOMP_LIBS)

if HAVE_CMOCKA
BASE_TESTS = \
	libtrans/base/test-argv \
	libtrans/base/test-cgroup \
	libtrans/base/test-launch \
	libtrans/base/test-map \
	libtrans/base/test-text
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
libtrans_base_test_argv_SOURCES = libtrans/base/test-argv.c
libtrans_base_test_argv_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_cgroup_SOURCES = libtrans/base/test-cgroup.c
libtrans_base_test_cgroup_LDADD = $(LAUNCH_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_launch_SOURCES = libtrans/base/test-launch.c
libtrans_base_test_launch_LDADD = $(LAUNCH_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_map_SOURCES = libtrans/base/test-map.c
libtrans_base_test_map_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_base_test_text_SOURCES = libtrans/base/test-text.c
libtrans_base_test_text_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
endif
