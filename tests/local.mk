# SPDX-License-Identifier: GPL-2.0-or-later
# Whole-system tests: shell scripts on tests/lib.sh, run under the reaper.

SYSTEM_TESTS = \
	tests/story.sh \
	tests/quiet.sh \
	tests/policy.sh \
	tests/share.sh \
	tests/trust.sh \
	tests/cgroup.sh \
	tests/doctor.sh \
	tests/lifetime.sh \
	tests/replace.sh \
	tests/supervise.sh \
	tests/holder.sh \
	tests/settrans.sh \
	tests/bad-input.sh \
	tests/archives.sh \
	tests/tmpfs.sh \
	tests/mirror.sh \
	tests/posix.sh \
	tests/inspect.sh \
	tests/many.sh \
	tests/storm.sh \
	tests/conformance.sh \
	tests/pages.sh \
	tests/ports.sh \
	tests/abuse.sh \
	tests/sandbox.sh \
	tests/examples.sh \
	tests/rpc.sh \
	tests/service.sh \
	tests/tutorial.sh \
	tests/manual.sh \
	tests/install.sh
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/lib.sh tests/outside.sh tests/data/letter.c tests/data/shout.c

check_PROGRAMS += tests/reaper tests/rubbish tests/scene
tests_reaper_SOURCES = tests/reaper.c
tests_rubbish_SOURCES = tests/rubbish.c
tests_rubbish_LDADD = $(HIRD_LIBS)
tests_scene_SOURCES = tests/scene.c
tests_scene_LDADD = $(HIRD_LIBS)
check_PROGRAMS += tests/storm-kill tests/storm-writer
tests_storm_kill_SOURCES = tests/storm-kill.c tests/storm.h
tests_storm_kill_LDADD = $(HIRD_LIBS)
tests_storm_writer_SOURCES = tests/storm-writer.c tests/storm-model.c tests/storm.h
tests_storm_writer_LDADD = $(HIRD_LIBS)
check_PROGRAMS += tests/twin
tests_twin_SOURCES = tests/twin.c
check_PROGRAMS += tests/swapper
tests_swapper_SOURCES = tests/swapper.c
check_PROGRAMS += tests/posix tests/posix-random tests/posix-unnamed
tests_posix_SOURCES = tests/posix.c tests/posix.h tests/posix-name.c tests/posix-file.c \
	tests/posix-attr.c
tests_posix_random_SOURCES = tests/posix-random.c
tests_posix_unnamed_SOURCES = tests/posix-unnamed.c
check_PROGRAMS += tests/manager
tests_manager_SOURCES = tests/manager.c
check_PROGRAMS += tests/survivor
tests_survivor_SOURCES = tests/survivor.c
tests_survivor_CPPFLAGS = -I$(top_builddir)/include -I$(top_srcdir)/mnt-examples/rpc
tests_survivor_LDADD = $(HIRD_LIBS)
$(tests_survivor_OBJECTS): $(HEADERS_OF_PORTS)

# A client of nodes' ports, for rpc.sh.
check_PROGRAMS += tests/door
tests_door_SOURCES = tests/door.c
tests_door_LDADD = $(HIRD_LIBS)

# Translators for tests/sandbox.sh: one that declares nothing, one that declares all.
ROGUE_SOURCES = tests/rogue-translator.c tests/rogue-translator.h tests/rogue-fuse.c
check_PROGRAMS += tests/rogue-translator tests/rogue-needy
tests_rogue_translator_SOURCES = $(ROGUE_SOURCES)
tests_rogue_translator_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
tests_rogue_needy_SOURCES = $(ROGUE_SOURCES)
tests_rogue_needy_CPPFLAGS = $(AM_CPPFLAGS) -DROGUE_NEEDS='TRANS_NEEDS_NETWORK|TRANS_NEEDS_EXEC'
tests_rogue_needy_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)

# A translator that is stuck, crashes or waits, for supervise.sh.
check_PROGRAMS += tests/moody
tests_moody_SOURCES = tests/moody.c
tests_moody_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)

if HAVE_ARCHIVE
check_PROGRAMS += tests/mkarchive
tests_mkarchive_SOURCES = tests/mkarchive.c
tests_mkarchive_LDADD = $(ARCHIVE_LIBS)
endif

# An hour of what storm.sh does for a minute.
storm: all-am $(check_PROGRAMS)
	$(AM_TESTS_ENVIRONMENT) $(SH_LOG_COMPILER) $(top_srcdir)/tests/storm.sh --seconds=3600
.PHONY: storm

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(abs_top_builddir)/tests/reaper $(SHELL)
AM_TESTS_ENVIRONMENT = \
	HIRD_TRANSLATOR_DIR='$(abs_top_builddir)/translators'; \
	HIRD_PORTD='$(abs_top_builddir)/portd/hird-portd'; \
	HIRD_BUILD='$(abs_top_builddir)'; \
	PATH='$(abs_top_builddir)/tools':$$PATH; \
	export HIRD_TRANSLATOR_DIR HIRD_PORTD HIRD_BUILD PATH;

# Installing from within a test wants everything built before.
tests/install.log tests/tutorial.log: all-am

# Conformance of ports: each case of the design one named test -----------------------

check_PROGRAMS += tests/ports/suite tests/ports/letterbox
tests_ports_suite_SOURCES = tests/ports/suite.c tests/ports/suite.h \
	tests/ports/agent.c tests/ports/agent.h tests/ports/backend.h \
	tests/ports/backend-fd.c tests/ports/backend-hird.c \
	tests/ports/calls.c tests/ports/letters.c tests/ports/letterbox.h tests/world.h \
	tests/ports/cases-a.c tests/ports/cases-b.c tests/ports/cases-c.c \
	tests/ports/cases-d.c tests/ports/cases-e.c tests/ports/cases-p.c \
	tests/ports/cases-f.c tests/ports/cases-g.c tests/ports/cases-h.c tests/ports/cases-i.c \
	tests/ports/cases-j.c tests/ports/cases-k.c tests/ports/cases-l.c \
	tests/ports/cases-m.c tests/ports/cases-n.c tests/ports/cases-o.c \
	tests/ports/cases-q.c tests/ports/cases-x.c
tests_ports_suite_LDADD = $(HIRD_LIBS)
tests_ports_letterbox_SOURCES = tests/ports/letterbox.c
tests_ports_letterbox_LDADD = $(HIRD_LIBS)

# Random programs of several tasks, run by the rights core and by the model: as many as fit
# into a check, or (check-ports-random) others for an hour.
check_PROGRAMS += tests/ports/random
TESTS += tests/ports/random
tests_ports_random_SOURCES = tests/ports/random.c tests/ports/generate.c tests/ports/program.c \
	tests/ports/program.h tests/ports/operations.def tests/ports/model.c tests/ports/model.h \
	portd/test-client.c portd/test-client.h
tests_ports_random_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS)

check-ports-random: tests/ports/random
	tests/ports/random --seconds=3600 --length=200 --seed=`date +%s`000
.PHONY: check-ports-random

# Random frames, most of them right, against the rights core.
check_PROGRAMS += tests/ports/flood
tests_ports_flood_SOURCES = tests/ports/flood.c tests/ports/frames.c tests/ports/frames.h
tests_ports_flood_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS)

# A task that does what it should not, for abuse.sh.
check_PROGRAMS += tests/ports/rogue
tests_ports_rogue_SOURCES = tests/ports/rogue.c
tests_ports_rogue_LDADD = $(HIRD_LIBS)

# A line a case: plain, traced, jittered, by port_msg, and on the toy.
check-ports: all-am $(check_PROGRAMS)
	HIRD_BUILD='$(abs_top_builddir)' $(SHELL) $(top_srcdir)/tests/ports.sh --full
.PHONY: check-ports
