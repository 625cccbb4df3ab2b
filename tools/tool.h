/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tool: what every command has in common: its name in front of its errors,
 * its options' errors, the canonical path of a node, and the way to portd.
 *
 * An error is one line: "TOOL: WHERE: what; what to do". WHERE is a name as the
 * person typed it; odd characters in it are escaped. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
	TOOL_MEMORY = 3,	/* exit status: out of memory */
	TOOL_USAGE = 64,	/* exit status: the command line is wrong */
};

#define TOOL_HELP_LINES \
	"  -?, --help                this text\n" \
	"  -V, --version             the version\n"

/* First thing in main: name and locale; 0, 1 and 2 are open afterwards. */
void tool_init(const char *name);
const char *tool_name(void);
const char *tool_version(void);
void tool_print_version(void);
/* where may be NULL. */
void tool_error(const char *where, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Last thing in main: status, or 1 with a line when stdout could not be written. */
int tool_finish(int status);
/* What getopt_long answered that is no option: says so, returns TOOL_USAGE. */
int tool_bad_option(int c, char *const *argv);
bool tool_wants_help(int c);
/* "TOOL: ...; try TOOL --help"; returns TOOL_USAGE. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The absolute path of a node: its parent resolved, itself not followed unless
 * `follow`. Heap, or NULL with a line in *why and *errnump set. */
char *tool_node_path(const char *name, bool follow, struct text *why, int *errnump);
/* A path as a person reads it: below the home directory with ~, escaped. */
void tool_show_path(struct text *text, const char *path);

enum tool_need {
	TOOL_IF_RUNS,	/* never start portd */
	TOOL_IF_SET,	/* start it when settings are stored: it arms them */
	TOOL_START,	/* start it when none runs */
};

/* Attaches to the user's portd. 0; 1: none runs and none is needed; -errno,
 * with a line in *why. */
int tool_connect(enum tool_need need, struct text *why);
/* Whether a store of settings exists for this user and machine. */
bool tool_has_store(void);
/* The pid in portd's lock when a portd holds it, else 0. */
int tool_portd_pid(void);
/* The code of an RPC and its line of text, as one phrase. path: of the node, whose
 * name at the start of the line is left out; or NULL. */
void tool_rpc_text(struct text *text, int code, const char *line, const char *path);

#endif
