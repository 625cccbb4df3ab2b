/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-policy: rules as they are written, which one decides, and what is seen of a process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "portd/caller.h"
#include "portd/policy.h"

static enum policy_verdict
verdict(const struct policy *policy, const char *thread, const char *program, const char *cgroup)
{
	struct policy_names names = { 0 };
	const struct policy_rule *rule;

	strcpy(names.thread, thread);
	strcpy(names.program, program);
	strcpy(names.cgroup, cgroup);
	rule = policy_find(policy, &names);
	return rule ? rule->verdict : POLICY_START;
}

static void
test_order(void **state)
{
	struct policy policy = { 0 };
	struct text why = { 0 };

	(void)state;
	assert_int_equal(policy_parse(&policy, "/mine", "# mine\n\nprogram restic start\n"
	    "program\tlong-name-of-a-program refuse # its comment\n"
	    "cgroup */night.service empty\r\n", &why), 0);
	assert_int_equal(policy_add_defaults(&policy), 0);
	assert_int_equal(policy.rules[0].line, 3);
	assert_string_equal(policy.rules[0].file, "/mine");
	assert_int_equal(verdict(&policy, "restic", "restic", ""), POLICY_START);
	assert_int_equal(verdict(&policy, "borg", "python3", ""), POLICY_REFUSE);
	assert_int_equal(verdict(&policy, "pool-1", "tracker-miner-fs-3", ""), POLICY_EMPTY);
	assert_int_equal(verdict(&policy, "bash", "bash", ""), POLICY_START);
	assert_int_equal(verdict(&policy, "bash", "bash", "/system.slice/night.service"), POLICY_EMPTY);
	assert_int_equal(verdict(&policy, "rsync", "rsync", "/a/my-backup@x.service"), POLICY_REFUSE);
	/* The kernel keeps 15 bytes of a name. */
	assert_int_equal(verdict(&policy, "long-name-of-a-", "", ""), POLICY_REFUSE);
	assert_int_equal(verdict(&policy, "long-name-of-a", "", ""), POLICY_START);
	assert_int_equal(verdict(&policy, "", "", ""), POLICY_START);
	policy_deinit(&policy);
}

static void
test_errors(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{ "program x", "/f:1: a rule has three words, such as: program restic refuse" },
		{ "\nprogram x start now", "/f:2: a rule has three words, such as: program restic refuse" },
		{ "# x\nuser x start\n", "/f:2: user: a rule begins with program or cgroup" },
		{ "program x st\033rt", "/f:1: st\\x1brt: a rule ends with start, refuse or empty" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct policy policy = { 0 };
		struct text why = { 0 };

		assert_int_equal(policy_parse(&policy, "/f", bad[i].text, &why), -EINVAL);
		assert_string_equal(text_string(&why), bad[i].why);
		policy_deinit(&policy);
		text_deinit(&why);
	}
}

/* A rule is printed as it can be written. */
static void
test_printing(void **state)
{
	struct policy policy = { 0 }, again = { 0 };
	struct text text = { 0 }, why = { 0 };

	(void)state;
	assert_int_equal(policy_add_defaults(&policy), 0);
	for (size_t i = 0; i < policy.n; i++) {
		policy_print_rule(&text, &policy.rules[i]);
		text_puts(&text, "\n");
	}
	assert_int_equal(policy_parse(&again, "", text_string(&text), &why), 0);
	assert_int_equal(again.n, policy.n);
	for (size_t i = 0; i < policy.n; i++) {
		assert_string_equal(again.rules[i].pattern, policy.rules[i].pattern);
		assert_int_equal(again.rules[i].verdict, policy.rules[i].verdict);
	}
	policy_deinit(&policy);
	policy_deinit(&again);
	text_deinit(&text);
}

/* Whatever it calls itself. */
static void
test_caller(void **state)
{
	static const char odd[] = ") R 1 (\n2";
	struct caller_key key, renamed;
	struct policy_names names;
	uid_t uid;

	(void)state;
	assert_int_equal(caller_key(getpid(), &key), 0);
	assert_true(key.started > 0);
	assert_false(key.is_kernel);
	prctl(PR_SET_NAME, odd);
	assert_int_equal(caller_key(getpid(), &renamed), 0);
	assert_string_equal(renamed.name, odd);
	assert_int_equal(renamed.started, key.started);
	prctl(PR_SET_NAME, "called");
	caller_names(getpid(), &names);
	assert_string_equal(names.thread, "called");
	assert_string_equal(names.program, "test-policy");
	assert_true(caller_is_near(getpid()));
	assert_true(caller_uid(getpid(), &uid));
	assert_int_equal(uid, geteuid());
}

static void
test_nobody(void **state)
{
	struct policy_names names;
	struct caller_key key;
	pid_t pid = fork();
	uid_t uid;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(caller_key(pid, &key), -ESRCH);
	assert_false(caller_is_near(pid));
	assert_false(caller_uid(pid, &uid));
	caller_names(pid, &names);
	assert_string_equal(names.thread, "");
	assert_string_equal(names.program, "");
	assert_string_equal(names.cgroup, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_printing),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
