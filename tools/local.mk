# SPDX-License-Identifier: GPL-2.0-or-later
bin_PROGRAMS += tools/settrans tools/showtrans tools/fsysopts tools/lstrans tools/hird \
	tools/portinfo tools/rpctrace

# What the tools share, as an archive: each takes what it uses.
noinst_LIBRARIES += tools/libtools.a
tools_libtools_a_SOURCES = \
	tools/content.c \
	tools/content.h \
	tools/describe.c \
	tools/describe.h \
	tools/doctor.c \
	tools/doctor.h \
	tools/filter.c \
	tools/filter.h \
	tools/holders.c \
	tools/holders.h \
	tools/json.c \
	tools/json.h \
	tools/finding.h \
	tools/machine.c \
	tools/machine.h \
	tools/mounts.c \
	tools/mounts.h \
	tools/opener.c \
	tools/opener.h \
	tools/place.c \
	tools/place.h \
	tools/policy.c \
	tools/policy.h \
	tools/record.c \
	tools/record.h \
	tools/renew.c \
	tools/renew.h \
	tools/rights.c \
	tools/rights.h \
	tools/rpc.c \
	tools/rpc.h \
	tools/rpc-value.c \
	tools/rpc-value.h \
	tools/sandbox.c \
	tools/sandbox.h \
	tools/service.c \
	tools/service.h \
	tools/setting.c \
	tools/setting.h \
	tools/snapshot.c \
	tools/snapshot.h \
	tools/table.c \
	tools/table.h \
	tools/tool.c \
	tools/tool.h \
	tools/traceout.c \
	tools/traceout.h \
	tools/waits.c \
	tools/waits.h \
	tools/words.c \
	tools/words.h

TOOLS_LIBS = tools/libtools.a $(LAUNCH_LIBS)

tools_settrans_SOURCES = tools/settrans.c
tools_settrans_LDADD = $(TOOLS_LIBS)
tools_showtrans_SOURCES = tools/showtrans.c
tools_showtrans_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS)
tools_fsysopts_SOURCES = tools/fsysopts.c
tools_fsysopts_LDADD = $(TOOLS_LIBS)
tools_lstrans_SOURCES = tools/lstrans.c
tools_lstrans_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS)
tools_hird_SOURCES = tools/hird.c
tools_hird_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS)
tools_portinfo_SOURCES = tools/portinfo.c tools/portinfo.h tools/portdot.c tools/portjson.c \
	tools/portshow.c
tools_portinfo_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS)
tools_rpctrace_SOURCES = tools/rpctrace.c
tools_rpctrace_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS)

dist_man_MANS += \
	tools/settrans.1 \
	tools/showtrans.1 \
	tools/fsysopts.1 \
	tools/lstrans.1 \
	tools/hird.1 \
	tools/portinfo.1 \
	tools/rpctrace.1

if HAVE_CMOCKA
TOOLS_TESTS = \
	tools/test-describe \
	tools/test-doctor \
	tools/test-holders \
	tools/test-mounts \
	tools/test-opener \
	tools/test-place \
	tools/test-table \
	tools/test-tool
check_PROGRAMS += $(TOOLS_TESTS)
TESTS += $(TOOLS_TESTS)
endif

noinst_HEADERS += tools/testing.h

tools_test_describe_SOURCES = tools/test-describe.c
tools_test_describe_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_doctor_SOURCES = tools/test-doctor.c
tools_test_doctor_LDADD = $(TOOLS_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tools_test_holders_SOURCES = tools/test-holders.c
tools_test_holders_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_mounts_SOURCES = tools/test-mounts.c
tools_test_mounts_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_opener_SOURCES = tools/test-opener.c
tools_test_opener_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_place_SOURCES = tools/test-place.c
tools_test_place_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_table_SOURCES = tools/test-table.c
tools_test_table_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
tools_test_tool_SOURCES = tools/test-tool.c
tools_test_tool_LDADD = $(TOOLS_LIBS) $(CMOCKA_LIBS)
