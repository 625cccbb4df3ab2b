/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: whose look starts a translator: rules about names of programs and cgroups,
 * the first that fits decides. See hird-policy(5).
 *
 * A program can call itself anything: this is a courtesy to those who index and back up, and no
 * security. */
#ifndef PORTD_POLICY_H
#define PORTD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum policy_verdict {
	POLICY_START,		/* as anybody */
	POLICY_REFUSE,		/* EAGAIN */
	POLICY_EMPTY,		/* a directory shows nothing; else EAGAIN */
};

/* By what a program is known; "" where that cannot be seen. */
struct policy_names {
	char thread[16];	/* what its thread and its process call themselves, cut by the kernel */
	char process[16];
	char program[256];	/* the last component of the executable's path */
	char cgroup[512];
};

struct policy_rule {
	bool is_cgroup;
	char *pattern;
	enum policy_verdict verdict;
	const char *file;	/* lives as long as the program */
	unsigned line;
};

/* A zeroed one has no rules. */
struct policy {
	struct policy_rule *rules;
	size_t n;
};

void policy_deinit(struct policy *policy);
/* Appends the rules of a text; file is where it comes from. 0; -EINVAL with the first line that
 * is wrong, as "FILE:LINE: what", or -ENOMEM: some may have been appended. */
int policy_parse(struct policy *policy, const char *file, const char *text, struct text *why);
/* Those that are shipped. */
int policy_add_defaults(struct policy *policy);
/* NULL: no rule fits, and it may start. */
const struct policy_rule *policy_find(const struct policy *policy,
    const struct policy_names *names);

const char *policy_verdict_name(enum policy_verdict verdict);
/* "program restic refuse", and where that is written. */
void policy_print_rule(struct text *text, const struct policy_rule *rule);
void policy_print_place(struct text *text, const struct policy_rule *rule);

#endif
