# SPDX-License-Identifier: GPL-2.0-or-later
# Whole-system tests: shell scripts on tests/lib.sh, run under the reaper.

SYSTEM_TESTS = \
	tests/story.sh \
	tests/quiet.sh \
	tests/lifetime.sh \
	tests/settrans.sh \
	tests/bad-input.sh \
	tests/archives.sh \
	tests/many.sh \
	tests/conformance.sh \
	tests/pages.sh \
	tests/examples.sh \
	tests/install.sh
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/lib.sh tests/data/shout.c

check_PROGRAMS += tests/reaper tests/rubbish
tests_reaper_SOURCES = tests/reaper.c
tests_rubbish_SOURCES = tests/rubbish.c
tests_rubbish_LDADD = $(HIRD_LIBS)

if HAVE_ARCHIVE
check_PROGRAMS += tests/mkarchive
tests_mkarchive_SOURCES = tests/mkarchive.c
tests_mkarchive_LDADD = $(ARCHIVE_LIBS)
endif

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(abs_top_builddir)/tests/reaper $(SHELL)
AM_TESTS_ENVIRONMENT = \
	HIRD_TRANSLATOR_DIR='$(abs_top_builddir)/translators'; \
	HIRD_PORTD='$(abs_top_builddir)/portd/hird-portd'; \
	HIRD_BUILD='$(abs_top_builddir)'; \
	PATH='$(abs_top_builddir)/tools':$$PATH; \
	export HIRD_TRANSLATOR_DIR HIRD_PORTD HIRD_BUILD PATH;

# Installing from within a test wants everything built before.
tests/install.log: all-am
