/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: a line a rule: WHAT PATTERN VERDICT. The shipped rules are such lines, too. */
#include "portd/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What indexes may find nothing: it looks again some day. What keeps a copy, or pronounces a
 * file clean, would take an empty directory for the truth: it is to see an error. */
static const char defaults[] =
    "program baloo_file* empty\n"
    "program localsearch* empty\n"
    "program tracker-extract* empty\n"
    "program tracker-miner* empty\n"
    "program recollindex empty\n"
    "program mlocate empty\n"
    "program plocate* empty\n"
    "program updatedb* empty\n"
    "program zeitgeist-* empty\n"
    "program tumblerd refuse\n"
    "program *-thumbnailer refuse\n"
    "program amandad refuse\n"
    "program backintime* refuse\n"
    "program bacula-fd refuse\n"
    "program bareos-fd refuse\n"
    "program borg refuse\n"
    "program borgmatic refuse\n"
    "program bup* refuse\n"
    "program deja-dup* refuse\n"
    "program duplicati* refuse\n"
    "program duplicity refuse\n"
    "program kopia refuse\n"
    "program rdiff-backup refuse\n"
    "program restic refuse\n"
    "program rsnapshot refuse\n"
    "program tarsnap refuse\n"
    "program timeshift refuse\n"
    "program urbackupclient* refuse\n"
    "program veeamagent* refuse\n"
    "cgroup */*backup*.service refuse\n"
    "cgroup */rsnapshot*.service refuse\n"
    "program aide refuse\n"
    "program chkrootkit refuse\n"
    "program clamd refuse\n"
    "program clamdscan refuse\n"
    "program clamonacc refuse\n"
    "program clamscan refuse\n"
    "program rkhunter refuse\n"
    "program unhide* refuse\n";

static const char *const verdict_names[] = {
	[POLICY_START] = "start",
	[POLICY_REFUSE] = "refuse",
	[POLICY_EMPTY] = "empty",
};

enum { SHOWN_NAME = 15 };	/* of a thread, as the kernel keeps it */

/* Releases the rules. */
void
policy_deinit(struct policy *policy)
{
	for (size_t i = 0; i < policy->n; i++)
		free(policy->rules[i].pattern);
	free(policy->rules);
	*policy = (struct policy){ 0 };
}

static int
add(struct policy *policy, const struct policy_rule *rule)
{
	struct policy_rule *rules = reallocarray(policy->rules, policy->n + 1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	policy->rules = rules;
	rules[policy->n] = *rule;
	rules[policy->n].pattern = strdup(rule->pattern);
	if (!rules[policy->n].pattern)
		return -ENOMEM;
	policy->n++;
	return 0;
}

static bool
read_verdict(const char *word, enum policy_verdict *verdictp)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdict_names); i++) {
		if (strcmp(word, verdict_names[i]) != 0)
			continue;
		*verdictp = (enum policy_verdict)i;
		return true;
	}
	return false;
}

static int
complain(const struct policy_rule *rule, const char *what, const char *word, struct text *why)
{
	text_safe(why, rule->file);
	text_printf(why, ":%u: ", rule->line);
	text_safe(why, word);
	text_puts(why, what);
	return -EINVAL;
}

/* One line without its newline; empty ones and comments are no rules. */
static int
parse_line(struct policy *policy, struct policy_rule *rule, char *line, struct text *why)
{
	char *words[4] = { NULL };
	char *save = NULL;
	size_t n = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *at = strtok_r(line, " \t\r", &save); at && n < ARRAY_SIZE(words);
	    at = strtok_r(NULL, " \t\r", &save))
		words[n++] = at;
	if (n == 0)
		return 0;
	if (n != 3)
		return complain(rule, "a rule has three words, such as: program restic refuse", "", why);
	rule->is_cgroup = strcmp(words[0], "cgroup") == 0;
	rule->pattern = words[1];
	if (!rule->is_cgroup && strcmp(words[0], "program") != 0)
		return complain(rule, ": a rule begins with program or cgroup", words[0], why);
	if (!read_verdict(words[2], &rule->verdict))
		return complain(rule, ": a rule ends with start, refuse or empty", words[2], why);
	return add(policy, rule);
}

/* Rules are appended. */
int
policy_parse(struct policy *policy, const char *file, const char *text, struct text *why)
{
	struct policy_rule rule = { .file = file };
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *line;
	int err = copy ? 0 : -ENOMEM;

	while (err == 0 && (line = strsep(&rest, "\n"))) {
		rule.line++;
		err = parse_line(policy, &rule, line, why);
	}
	return err;
}

/* The last ones to be asked. */
int
policy_add_defaults(struct policy *policy)
{
	AUTO_TEXT struct text why = { 0 };

	return policy_parse(policy, "", defaults, &why);
}

static bool
fits(const char *pattern, const char *name)
{
	return name[0] && fnmatch(pattern, name, 0) == 0;
}

/* A long name stands cut where the kernel keeps it. */
static bool
fits_shown(const char *pattern, const char *name)
{
	if (strlen(name) == SHOWN_NAME && strlen(pattern) > SHOWN_NAME &&
	    !strpbrk(pattern, "*?[\\"))
		return strncmp(pattern, name, SHOWN_NAME) == 0;
	return fits(pattern, name);
}

/* The first that fits. */
const struct policy_rule *
policy_find(const struct policy *policy, const struct policy_names *names)
{
	for (size_t i = 0; i < policy->n; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		if (rule->is_cgroup ? fits(rule->pattern, names->cgroup) :
		    fits_shown(rule->pattern, names->thread) ||
		    fits_shown(rule->pattern, names->process) || fits(rule->pattern, names->program))
			return rule;
	}
	return NULL;
}

/* A word, as in a rule. */
const char *
policy_verdict_name(enum policy_verdict verdict)
{
	return verdict_names[verdict];
}

/* As it would be written. */
void
policy_print_rule(struct text *text, const struct policy_rule *rule)
{
	text_puts(text, rule->is_cgroup ? "cgroup " : "program ");
	text_safe(text, rule->pattern);
	text_printf(text, " %s", verdict_names[rule->verdict]);
}

/* FILE:LINE, or that it is shipped. */
void
policy_print_place(struct text *text, const struct policy_rule *rule)
{
	text_safe(text, rule->file[0] ? rule->file : "built in");
	if (rule->file[0])
		text_printf(text, ":%u", rule->line);
}
