# SPDX-License-Identifier: GPL-2.0-or-later
# Whole-system tests: shell scripts on tests/lib.sh, run under the reaper.

SYSTEM_TESTS = \
	tests/story.sh \
	tests/quiet.sh \
	tests/lifetime.sh \
	tests/settrans.sh \
	tests/bad-input.sh \
	tests/archives.sh \
	tests/inspect.sh \
	tests/many.sh \
	tests/conformance.sh \
	tests/pages.sh \
	tests/examples.sh \
	tests/rpc.sh \
	tests/install.sh
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/lib.sh tests/data/letter.c tests/data/shout.c

check_PROGRAMS += tests/reaper tests/rubbish tests/scene
tests_reaper_SOURCES = tests/reaper.c
tests_rubbish_SOURCES = tests/rubbish.c
tests_rubbish_LDADD = $(HIRD_LIBS)
tests_scene_SOURCES = tests/scene.c
tests_scene_LDADD = $(HIRD_LIBS)

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

# Conformance of ports: each case of the design one named test -----------------------

check_PROGRAMS += tests/ports/suite tests/ports/letterbox
tests_ports_suite_SOURCES = tests/ports/suite.c tests/ports/suite.h \
	tests/ports/agent.c tests/ports/agent.h tests/ports/backend.h \
	tests/ports/backend-fd.c tests/ports/backend-hird.c \
	tests/ports/calls.c tests/ports/letters.c tests/ports/letterbox.h tests/world.h \
	tests/ports/cases-f.c tests/ports/cases-g.c tests/ports/cases-h.c tests/ports/cases-i.c \
	tests/ports/cases-j.c tests/ports/cases-k.c tests/ports/cases-l.c \
	tests/ports/cases-m.c tests/ports/cases-n.c tests/ports/cases-o.c \
	tests/ports/cases-q.c
tests_ports_suite_LDADD = $(HIRD_LIBS)
tests_ports_letterbox_SOURCES = tests/ports/letterbox.c
tests_ports_letterbox_LDADD = $(HIRD_LIBS)
