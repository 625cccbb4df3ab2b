# SPDX-License-Identifier: GPL-2.0-or-later

# The keeper of nodes.
libexec_PROGRAMS += portd/hird-portd
portd_hird_portd_SOURCES = \
	portd/admit.c portd/admit.h \
	portd/arm.c portd/arm.h \
	portd/caller.c portd/caller.h \
	portd/chain.h \
	portd/backoff.c portd/backoff.h \
	portd/blame.c portd/blame.h \
	portd/change.c portd/change.h \
	portd/circle.c portd/circle.h \
	portd/decide.c \
	portd/deposit.c portd/deposit.h \
	portd/kept.c portd/kept.h \
	portd/detach.c \
	portd/ending.c \
	portd/fusermount.c portd/fusermount.h \
	portd/groups.c portd/groups.h \
	portd/helper.c portd/helper.h \
	portd/hold.c portd/hold.h \
	portd/idle.c portd/idle.h \
	portd/instance.c portd/instance.h \
	portd/keeper.c portd/keeper.h \
	portd/keeper-state.c portd/keeper-state.h \
	portd/landing.c portd/landing.h \
	portd/leash.c portd/leash.h \
	portd/lookup.c portd/lookup.h \
	portd/main.c \
	portd/mount.c portd/mount.h \
	portd/mounter.c portd/mounter.h \
	portd/mountinfo.c portd/mountinfo.h \
	portd/node.c portd/node.h \
	portd/options.c portd/options.h \
	portd/pass.c portd/pass.h \
	portd/policy.c portd/policy.h \
	portd/record.c \
	portd/pulse.c portd/pulse.h \
	portd/replace.c portd/replace.h \
	portd/restart.c portd/restart.h \
	portd/setting.c portd/setting.h \
	portd/stale.c portd/stale.h \
	portd/start.c portd/start.h \
	portd/store.c portd/store.h \
	portd/tend.c \
	portd/walk.c portd/walk.h \
	portd/watch.c portd/watch.h \
	portd/watchdog.c portd/watchdog.h
portd_hird_portd_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(SQLITE3_LIBS)
# Who starts it, and keeps what must outlive it: nothing but the C library.
libexec_PROGRAMS += portd/hird-holder
portd_hird_holder_SOURCES = portd/holder.c portd/hold.h \
	portd/held.c portd/held.h \
	portd/manager.c portd/manager.h \
	portd/pass.c portd/pass.h
portd_hird_holder_LDADD = libtrans/libtrans.a
dist_man_MANS += portd/hird-portd.8 portd/hird-policy.5 portd/hird-share.7 portd/hird-sandbox.7 portd/portd.8 portd/portd-errors.7

if HAVE_CMOCKA
check_PROGRAMS += portd/test-backoff portd/test-deposit portd/test-idle portd/test-mounter portd/test-policy portd/test-pulse portd/test-store
TESTS += portd/test-backoff portd/test-deposit portd/test-idle portd/test-mounter portd/test-policy portd/test-pulse portd/test-store
portd_test_backoff_SOURCES = portd/test-backoff.c portd/backoff.c
portd_test_backoff_LDADD = $(CMOCKA_LIBS)
portd_test_pulse_SOURCES = portd/test-pulse.c portd/pulse.c
portd_test_pulse_LDADD = $(CMOCKA_LIBS)
portd_test_deposit_SOURCES = portd/test-deposit.c portd/deposit.c
portd_test_deposit_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
portd_test_idle_SOURCES = portd/test-idle.c portd/idle.c
portd_test_idle_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
portd_test_mounter_SOURCES = portd/test-mounter.c portd/mounter.c portd/fusermount.c \
	portd/landing.c portd/mountinfo.c portd/helper.c portd/walk.c
portd_test_mounter_LDADD = $(HIRD_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_policy_SOURCES = portd/test-policy.c portd/policy.c portd/caller.c
portd_test_policy_LDADD = $(HIRD_LIBS) $(CMOCKA_LIBS)
portd_test_store_SOURCES = portd/test-store.c portd/store.c portd/setting.c
portd_test_store_LDADD = $(LAUNCH_LIBS) $(SQLITE3_LIBS) $(CMOCKA_LIBS)
endif

# The rights core: what a keeper of nodes links, and the unit tests.
noinst_LIBRARIES += portd/librights.a
portd_librights_a_SOURCES = \
	portd/account.c portd/account.h \
	portd/call.c portd/call.h \
	portd/check.c \
	portd/connection.c portd/connection.h \
	portd/core.h \
	portd/dispatch.c portd/dispatch.h \
	portd/inspect.c portd/inspect.h \
	portd/memory.c portd/memory.h \
	portd/message.c portd/message.h \
	portd/names.c portd/names.h \
	portd/notify.c portd/notify.h \
	portd/port.c portd/port.h \
	portd/right.c portd/right.h \
	portd/service.c portd/service.h \
	portd/set.c portd/set.h \
	portd/space.c portd/space.h \
	portd/state.c portd/state.h \
	portd/tape.c portd/tape.h \
	portd/task.c portd/task.h \
	portd/trace.c portd/trace.h \
	portd/transfer.c portd/transfer.h \
	portd/translog.c portd/translog.h \
	portd/world.c portd/world.h

if HAVE_CMOCKA
check_PROGRAMS += portd/test-account portd/test-memory portd/test-return portd/test-right portd/test-set portd/test-state portd/test-world
TESTS += portd/test-account portd/test-memory portd/test-return portd/test-right portd/test-set portd/test-state portd/test-world
portd_test_account_SOURCES = portd/test-account.c portd/test-case.h portd/test-client.c \
	portd/test-client.h portd/test-pidfd.h
portd_test_account_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_memory_SOURCES = portd/test-memory.c portd/test-case.h portd/test-client.c \
	portd/test-client.h
portd_test_memory_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_return_SOURCES = portd/test-return.c portd/test-case.h portd/test-client.c \
	portd/test-client.h
portd_test_return_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_state_SOURCES = portd/test-state.c portd/test-case.h portd/test-client.c \
	portd/test-client.h portd/test-pidfd.h
portd_test_state_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_set_SOURCES = portd/test-set.c portd/test-case.h portd/test-client.c \
	portd/test-client.h
portd_test_set_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_right_SOURCES = portd/test-right.c portd/test-case.h portd/test-client.c \
	portd/test-client.h
portd_test_right_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
portd_test_world_SOURCES = portd/test-world.c portd/test-client.c portd/test-client.h \
	portd/test-pidfd.h
portd_test_world_LDADD = portd/librights.a $(LAUNCH_LIBS) $(UV_LIBS) $(CMOCKA_LIBS)
endif

# Not part of a build: make fuzz && portd/fuzz-node
EXTRA_DIST += portd/fuzz-dispatch.c
CLEANFILES += portd/fuzz-node
FUZZ_NODE_FILES = portd/fuzz-dispatch.c $(filter %.c,$(portd_librights_a_SOURCES))
fuzz: portd/fuzz-node
portd/fuzz-node: $(FUZZ_NODE_FILES) libtrans/libtrans.a libtrans/liblaunch.a
	$(AM_V_CCLD)$(MKDIR_P) portd && \
	$(FUZZ_CC) $(FUZZ_FLAGS) -D_GNU_SOURCE -DVERSION='"fuzz"' $(UV_CFLAGS) \
	  -I$(top_srcdir)/libtrans -I$(top_srcdir) -o $@ $(FUZZ_NODE_FILES:%=$(top_srcdir)/%) \
	  $(LAUNCH_LIBS) $(UV_LIBS)
