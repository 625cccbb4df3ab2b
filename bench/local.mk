# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks: `make bench`, or ./run bench/run --help.

# Of these, the two of sd-bus need libsystemd, and are built by bench/run when they can be.
EXTRA_PROGRAMS = bench/watch bench/rpc-bare bench/rpc-hird bench/rpc-bus bench/rpc-broker
bench_watch_SOURCES = bench/watch.c
bench_rpc_bare_SOURCES = bench/rpc-bare.c bench/rpc.c bench/rpc.h
bench_rpc_hird_SOURCES = bench/rpc-hird.c bench/rpc.c bench/rpc.h
bench_rpc_hird_LDADD = $(HIRD_LIBS)
bench_rpc_bus_SOURCES = bench/rpc-bus.c bench/rpc.c bench/rpc.h
bench_rpc_bus_LDADD = -lsystemd
bench_rpc_broker_SOURCES = bench/rpc-broker.c
bench_rpc_broker_LDADD = -lsystemd
EXTRA_DIST += bench/run doc/performance.md
CLEANFILES += $(EXTRA_PROGRAMS)

BENCH_HELPERS = bench/watch$(EXEEXT) bench/rpc-bare$(EXEEXT) bench/rpc-hird$(EXEEXT)
if HAVE_ARCHIVE
BENCH_HELPERS += tests/mkarchive$(EXEEXT)
endif

bench: all-am $(BENCH_HELPERS)
	$(AM_V_at)HIRD_BUILD='$(abs_top_builddir)' $(top_srcdir)/run $(top_srcdir)/bench/run $(BENCHFLAGS)
.PHONY: bench
