# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks: `make bench`, or ./run bench/run --help.

# Of these, the two of sd-bus need libsystemd, and are built by bench/run when they can be.
EXTRA_PROGRAMS = bench/watch bench/rpc-bare bench/rpc-hird bench/rpc-bus bench/rpc-broker \
	bench/price bench/price-kept bench/price-fresh bench/bare-fuse bench/recovery bench/hold \
	bench/trees
bench_watch_SOURCES = bench/watch.c
bench_rpc_bare_SOURCES = bench/rpc-bare.c bench/rpc.c bench/rpc.h
bench_rpc_hird_SOURCES = bench/rpc-hird.c bench/rpc.c bench/rpc.h
bench_rpc_hird_LDADD = $(HIRD_LIBS)
bench_rpc_bus_SOURCES = bench/rpc-bus.c bench/rpc.c bench/rpc.h
bench_rpc_bus_LDADD = -lsystemd
bench_rpc_broker_SOURCES = bench/rpc-broker.c
bench_rpc_broker_LDADD = -lsystemd
bench_price_SOURCES = bench/price.c bench/content.h
bench_price_kept_SOURCES = bench/price-hird.c bench/content.c bench/content.h
bench_price_kept_CPPFLAGS = $(AM_CPPFLAGS) -DPRICE_NATURE=TRANS_OURS
bench_price_kept_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
bench_price_fresh_SOURCES = $(bench_price_kept_SOURCES)
bench_price_fresh_CPPFLAGS = $(AM_CPPFLAGS) -DPRICE_NATURE=TRANS_GENERATED
bench_price_fresh_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
bench_bare_fuse_SOURCES = bench/bare-fuse.c bench/content.c bench/content.h
bench_bare_fuse_CPPFLAGS = $(AM_CPPFLAGS) $(FUSE3_CFLAGS)
bench_bare_fuse_LDADD = $(FUSE3_LIBS)
bench_recovery_SOURCES = bench/recovery.c
bench_recovery_LDADD = -lpthread
bench_trees_SOURCES = bench/trees.c
bench_hold_SOURCES = bench/hold.c
bench_hold_LDADD = $(HIRD_LIBS) $(FUSE3_LIBS)
EXTRA_DIST += bench/run doc/performance.md doc/conformance.md
CLEANFILES += $(EXTRA_PROGRAMS)

BENCH_HELPERS = bench/watch$(EXEEXT) bench/rpc-bare$(EXEEXT) bench/rpc-hird$(EXEEXT) \
	bench/price$(EXEEXT) bench/price-kept$(EXEEXT) bench/price-fresh$(EXEEXT) \
	bench/bare-fuse$(EXEEXT) bench/recovery$(EXEEXT) bench/hold$(EXEEXT) \
	bench/trees$(EXEEXT)
if HAVE_ARCHIVE
BENCH_HELPERS += tests/mkarchive$(EXEEXT)
endif

bench: all-am $(BENCH_HELPERS)
	$(AM_V_at)HIRD_BUILD='$(abs_top_builddir)' $(top_srcdir)/run $(top_srcdir)/bench/run $(BENCHFLAGS)
.PHONY: bench
