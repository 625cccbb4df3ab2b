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
	translators/mirror-filter.c \
	translators/mirror-filter.h \
	translators/mirror-ids.c \
	translators/mirror-ids.h \
	translators/mirror-open.c \
	translators/mirror-open.h \
	translators/rows.c \
	translators/rows.h
translators_mirror_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
TRANSLATOR_PAGES += translators/mirror.7
check_PROGRAMS += translators/test-mirror-options
TESTS += translators/test-mirror-options
translators_test_mirror_options_SOURCES = translators/test-mirror-options.c \
	translators/mirror-filter.c translators/mirror-filter.h \
	translators/mirror-ids.c translators/mirror-ids.h
translators_test_mirror_options_LDADD = $(CMOCKA_LIBS)
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

# tmpfs
TMPFS_PARTS = \
	translators/tmpfs-check.c \
	translators/tmpfs-file.c \
	translators/tmpfs-file.h \
	translators/tmpfs-inode.c \
	translators/tmpfs-inode.h \
	translators/tmpfs-name.c \
	translators/tmpfs-name.h \
	translators/tmpfs-page.c \
	translators/tmpfs-page.h \
	translators/tmpfs-region.h \
	translators/tmpfs-slab.c \
	translators/tmpfs-slab.h \
	translators/tmpfs-store.c \
	translators/tmpfs-store.h \
	translators/tmpfs-tree.c \
	translators/tmpfs-undo.c \
	translators/tmpfs-xattr.c \
	translators/tmpfs-xattr.h
TRANSLATOR_PAGES += translators/tmpfs.7
pkglibexec_PROGRAMS += translators/tmpfs
translators_tmpfs_SOURCES = translators/tmpfs.c $(TMPFS_PARTS)
translators_tmpfs_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
check_PROGRAMS += translators/test-tmpfs
TESTS += translators/test-tmpfs
translators_test_tmpfs_SOURCES = translators/test-tmpfs.c translators/test-tmpfs-model.c \
	translators/test-tmpfs-model.h $(TMPFS_PARTS)
# The test looks at the region between any two stores.
translators_test_tmpfs_CPPFLAGS = $(AM_CPPFLAGS) -DTMPFS_STEP
translators_test_tmpfs_LDADD = $(CMOCKA_LIBS)
