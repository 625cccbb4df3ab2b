/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* option: the values that a table of typed options has, as one set.
 *
 * A set is parsed, checked, printed and compared without touching the
 * author's variables; option_set_install makes it theirs in one step. So what a
 * bad word leaves behind is the set it was parsed into, and nothing else. */
#ifndef TRANS_OPTION_H
#define TRANS_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"
#include "base/text.h"
#include "trans/trans.h"

struct option_value {
	bool given;
	int fd;			/* of a file or directory; owned, or -1 */
	char *string;		/* a string, or a path; owned */
	char **list;		/* ends with NULL; NULL: empty; owned */
	union {
		int64_t number;
		uint64_t size;
		int flag;
	};
};

struct option_set {
	const struct trans_option *table;	/* may be NULL: no options */
	size_t n;
	struct option_value *values;	/* one for each of the table */
};

#define AUTO_OPTIONS __attribute__((cleanup(option_set_deinit)))

/* What option_set_parse found instead of options, when it is not an error. */
enum {
	OPTION_HELP = 1,
	OPTION_VERSION = 2,
};

/* Errors leave one line in *why, without the program's name. */
int option_set_init(struct option_set *set, const struct trans_option *table);
void option_set_deinit(struct option_set *set);
int option_set_copy(struct option_set *set, const struct option_set *from);
int option_set_parse(struct option_set *set, const struct argv *argv, size_t skip,
    struct text *why);
int option_set_complete(const struct option_set *set, struct text *why);
int option_set_open(struct option_set *set, struct text *why);
int option_set_adopt(struct option_set *set, const char *name, const char *path, int fd,
    struct text *why);
int option_set_adopted(const struct option_set *set, struct text *why);
void option_set_install(const struct option_set *set);
int option_set_print(const struct option_set *set, const struct option_set *defaults,
    struct argv *argv);
int option_set_files(const struct option_set *set, struct argv *files, struct argv *identities);
bool option_set_files_equal(const struct option_set *a, const struct option_set *b);
bool option_names_file(const struct trans_option *option);
/* "DEV:INO:SIZE:MTIME.NS" of an open file. */
int option_identity(int fd, struct text *identity);
void option_usage(const struct trans_option *table, const char *name, const char *summary,
    struct text *usage);

#endif
