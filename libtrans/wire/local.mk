# SPDX-License-Identifier: LGPL-2.1-or-later
libtrans_libtrans_a_SOURCES += \
	libtrans/wire/codec.c \
	libtrans/wire/codec.h \
	libtrans/wire/codes.c \
	libtrans/wire/codes.h \
	libtrans/wire/describe.h \
	libtrans/wire/frame.c \
	libtrans/wire/frame.h \
	libtrans/wire/fs.def \
	libtrans/wire/fsys.def \
	libtrans/wire/fusewire.h \
	libtrans/wire/inspect.def \
	libtrans/wire/inspect.h \
	libtrans/wire/interface.c \
	libtrans/wire/interface.h \
	libtrans/wire/io.def \
	libtrans/wire/lookup.def \
	libtrans/wire/messages.c \
	libtrans/wire/messages.def \
	libtrans/wire/messages.h \
	libtrans/wire/names.def \
	libtrans/wire/node.def \
	libtrans/wire/profile.h \
	libtrans/wire/recovery.h \
	libtrans/wire/runtime.c \
	libtrans/wire/runtime.h

if HAVE_CMOCKA
WIRE_TESTS = \
	libtrans/wire/test-codec \
	libtrans/wire/test-frame \
	libtrans/wire/test-runtime
check_PROGRAMS += $(WIRE_TESTS)
TESTS += $(WIRE_TESTS)
libtrans_wire_test_codec_SOURCES = libtrans/wire/test-codec.c
libtrans_wire_test_codec_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_wire_test_frame_SOURCES = libtrans/wire/test-frame.c
libtrans_wire_test_frame_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
libtrans_wire_test_runtime_SOURCES = libtrans/wire/test-runtime.c
libtrans_wire_test_runtime_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
endif

# Not part of a build: make fuzz && libtrans/wire/fuzz-frame
EXTRA_DIST += libtrans/wire/fuzz-frame.c
CLEANFILES += libtrans/wire/fuzz-frame
FUZZ_CC = clang
FUZZ_FLAGS = -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_FILES = libtrans/wire/fuzz-frame.c libtrans/wire/frame.c libtrans/wire/codec.c \
	libtrans/wire/interface.c libtrans/wire/messages.c libtrans/base/log.c libtrans/base/sys.c \
	libtrans/base/text.c
fuzz: libtrans/wire/fuzz-frame
libtrans/wire/fuzz-frame: $(FUZZ_FILES)
	$(AM_V_CCLD)$(MKDIR_P) libtrans/wire && \
	$(FUZZ_CC) $(FUZZ_FLAGS) -D_GNU_SOURCE -I$(top_srcdir)/libtrans -o $@ $(FUZZ_FILES:%=$(top_srcdir)/%)
.PHONY: fuzz
