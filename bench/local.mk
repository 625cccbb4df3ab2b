# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks: `make bench`, or ./run bench/run --help.

EXTRA_PROGRAMS = bench/watch
bench_watch_SOURCES = bench/watch.c
EXTRA_DIST += bench/run
CLEANFILES += bench/watch

BENCH_HELPERS = bench/watch$(EXEEXT)
if HAVE_ARCHIVE
BENCH_HELPERS += tests/mkarchive$(EXEEXT)
endif

bench: all-am $(BENCH_HELPERS)
	$(AM_V_at)HIRD_BUILD='$(abs_top_builddir)' $(top_srcdir)/run $(top_srcdir)/bench/run $(BENCHFLAGS)
.PHONY: bench
