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
