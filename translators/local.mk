# SPDX-License-Identifier: GPL-2.0-or-later

# A translator: its name here three times, its page, and nothing else.
pkglibexec_PROGRAMS += \
	translators/hello \
	translators/null \
	translators/zero \
	translators/full \
	translators/random
translators_hello_SOURCES = translators/hello.c
translators_hello_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
translators_null_SOURCES = translators/null.c
translators_null_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
translators_zero_SOURCES = translators/zero.c
translators_zero_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
translators_full_SOURCES = translators/full.c
translators_full_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
translators_random_SOURCES = translators/random.c
translators_random_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
TRANSLATOR_PAGES += \
	translators/hello.7 \
	translators/null.7 \
	translators/zero.7 \
	translators/full.7 \
	translators/random.7

# mirror
pkglibexec_PROGRAMS += translators/mirror
translators_mirror_SOURCES = \
	translators/mirror.c \
	translators/mirror-open.c \
	translators/mirror-open.h \
	translators/rows.c \
	translators/rows.h
translators_mirror_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
TRANSLATOR_PAGES += translators/mirror.7
check_PROGRAMS += translators/test-rows
TESTS += translators/test-rows
translators_test_rows_SOURCES = translators/test-rows.c translators/rows.c translators/rows.h
translators_test_rows_LDADD = $(CMOCKA_LIBS)

# archive
ARCHIVE_PARTS = \
	translators/archive-cache.c \
	translators/archive-cache.h \
	translators/archive-content.c \
	translators/archive-content.h \
	translators/archive-cursor.c \
	translators/archive-cursor.h \
	translators/archive-index.c \
	translators/archive-index.h \
	translators/archive-inflate.c \
	translators/archive-inflate.h \
	translators/archive-source.c \
	translators/archive-source.h \
	translators/archive-zip.c \
	translators/archive-zip.h
EXTRA_DIST += $(ARCHIVE_PARTS) translators/archive.c translators/archive.7 translators/test-archive.c
if HAVE_ARCHIVE
TRANSLATOR_PAGES += translators/archive.7
pkglibexec_PROGRAMS += translators/archive
translators_archive_SOURCES = translators/archive.c $(ARCHIVE_PARTS)
translators_archive_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS) $(ARCHIVE_LIBS) $(ZLIB_LIBS)
check_PROGRAMS += translators/test-archive
TESTS += translators/test-archive
translators_test_archive_SOURCES = translators/test-archive.c $(ARCHIVE_PARTS)
translators_test_archive_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS) $(ARCHIVE_LIBS) $(ZLIB_LIBS)
endif
