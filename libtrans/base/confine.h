/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confine: the sandbox that a program is put into between fork and exec.
 *
 * Landlock: it reads the libraries, the locale and the time zone, itself, the files
 * it was given, and nothing else; it executes only itself; no TCP, no abstract socket, no
 * signal to others. A filter: no other processes, no new namespaces, no mounts, no sockets.
 * Limits: memory, descriptors, the size of a file. What this kernel or this build lacks is
 * left out, and struct confine_report says so. */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/argv.h"
#include "base/text.h"

/* What a program may beyond that. */
enum confine_grant {
	CONFINE_NETWORK = 1,	/* sockets of the internet, and the files that name hosts */
	CONFINE_EXEC = 2,	/* other processes: the programs of the system */
	CONFINE_WRITE = 4,	/* into the directories and files it was given */

	CONFINE_GRANTED = CONFINE_NETWORK | CONFINE_EXEC,	/* these only by the user's word */
	CONFINE_ALL = CONFINE_GRANTED | CONFINE_WRITE,
};

#define CONFINE_MEMORY ((uint64_t)2 << 30)	/* bytes, when nobody says otherwise */

enum {
	CONFINE_FILES = 4096,			/* descriptors */
	CONFINE_TASKS = 512,			/* processes and threads, where a control group counts */
};

struct confine {
	unsigned grants;	/* enum confine_grant */
	uint64_t memory;	/* bytes; 0: no limit */
	int underlying;		/* a path descriptor of the caller's: the node beneath, or -1 */
	/* The words of argv are names that a user typed: the files among them may be read. */
	bool words;
};

/* What is in force for a process; travels and is stored as it is. */
struct confine_report {
	uint32_t state;		/* enum confine_state */
	uint32_t landlock;	/* the kernel's interface, 0: none */
	uint32_t landlock_errno;	/* why there is none */
	uint32_t filter;	/* enum confine_filter */
	uint32_t grants;
	uint32_t files;
	uint32_t cgroup;	/* enum cgroup_state; whoever has groups fills it in */
	uint32_t cgroup_flags;	/* enum cgroup_flag */
	uint64_t memory;
};

enum confine_state {
	CONFINE_UNKNOWN,	/* nothing runs */
	CONFINE_ON,
	CONFINE_OFF,		/* by the user's wish */
};

enum confine_filter {
	CONFINE_FILTER_NOT_BUILT,	/* without libseccomp */
	CONFINE_FILTER_NO_KERNEL,
	CONFINE_FILTER_ON,
};

/* What would be in force here, but for the control group. */
void confine_look(const struct confine *confine, struct confine_report *report);
/* Adds one part of a report as a person reads it, say "Landlock 6" or "no Landlock: this
 * kernel has none". */
void confine_print_landlock(struct text *text, const struct confine_report *report);
void confine_print_filter(struct text *text, const struct confine_report *report);
void confine_print_cgroup(struct text *text, const struct confine_report *report);
/* "network"; NULL for what is none. */
const char *confine_grant_name(unsigned grant);
/* "network,exec"; adds nothing for none. */
void confine_print_grants(struct text *text, unsigned grants);
/* Adds to *grantsp those of a list as above; -EINVAL with the word that is none in *why. */
int confine_parse_grants(const char *list, unsigned *grantsp, struct text *why);

/* For launch alone ------------------------------------------------------------- */

struct syscalls_filter;

struct confine_ready {
	const struct confine *confine;
	struct confine_report report;
	const struct syscalls_filter *filter;
	const char *program;
	const struct argv *argv;
};

/* All that needs memory. 0 or -errno. */
int confine_prepare(struct confine_ready *ready, const struct confine *confine,
    const char *program, const struct argv *argv);
/* In the child, as the last thing before exec. underlying: where that descriptor is by now;
 * files from first_fd on, so many. What has failed, or NULL; errno says why. */
const char *confine_enforce(const struct confine_ready *ready, int underlying, int first_fd,
    unsigned n_fds);

#endif
