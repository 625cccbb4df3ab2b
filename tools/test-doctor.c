/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-doctor: what the doctor reads from configuration files. */

#include <sys/stat.h>

#include "tools/doctor.h"
#include "tools/machine.h"
#include "tools/testing.h"

static void
test_mount_max(void **state)
{
	(void)state;
	assert_int_equal(doctor_mount_max("missing"), 1000);
	testing_write("conf", "# mount_max = 5\n#mount_max = 6\nuser_allow_other\n");
	assert_int_equal(doctor_mount_max("conf"), 1000);
	testing_write("conf", "mount_max = 50\n  mount_max = 60\n");
	assert_int_equal(doctor_mount_max("conf"), 60);
	testing_write("conf", "mount_max = -1\n");
	assert_int_equal(doctor_mount_max("conf"), -1);
	unlink("conf");
}

static void
test_lines(void **state)
{
	(void)state;
	assert_false(doctor_has_line("missing", "user_allow_other"));
	testing_write("conf", "# user_allow_other\nuser_allow_others\n");
	assert_false(doctor_has_line("conf", "user_allow_other"));
	testing_write("conf", "x\n\t user_allow_other  # yes\n");
	assert_true(doctor_has_line("conf", "user_allow_other"));
	testing_write("conf", "user_allow_other");
	assert_true(doctor_has_line("conf", "user_allow_other"));
	unlink("conf");
}

/* Which level, with what in its text and its advice. */
static void
expect(struct finding *finding, enum finding_level level, const char *what, const char *advice)
{
	assert_int_equal(finding->level, level);
	assert_non_null(strstr(text_string(&finding->what), what));
	if (*advice)
		assert_non_null(strstr(text_string(&finding->advice), advice));
	else
		assert_int_equal(finding->advice.size, 0);
	finding_deinit(finding);
	*finding = (struct finding){ 0 };
}

static void
test_kernel(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	machine_epoch(&finding, 6, 16);
	expect(&finding, OK, "anew", "");
	machine_epoch(&finding, 6, 1);
	expect(&finding, OK, "6.16 and later", "");
	machine_uring(&finding, "missing");
	expect(&finding, OK, "has no", "");
	testing_write("uring", "Y\n");
	machine_uring(&finding, "uring");
	expect(&finding, OK, "is enabled", "");
	testing_write("uring", "N\n");
	machine_uring(&finding, "uring");
	expect(&finding, OK, "is disabled", "");
	unlink("uring");
}

static void
test_timeout(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	machine_timeout(&finding, ".");
	expect(&finding, OK, "has no limit", "");
	testing_write("max_request_timeout", "0\n");
	testing_write("default_request_timeout", "0\n");
	machine_timeout(&finding, ".");
	expect(&finding, OK, "no limit for requests is set", "");
	testing_write("max_request_timeout", "30\n");
	machine_timeout(&finding, ".");
	expect(&finding, WARN, "takes 30 s", "sysctl");
	testing_write("default_request_timeout", "20\n");
	machine_timeout(&finding, ".");
	expect(&finding, WARN, "takes 20 s", "sysctl");
	testing_write("default_request_timeout", "60\n");
	machine_timeout(&finding, ".");
	expect(&finding, WARN, "takes 30 s", "sysctl");
	unlink("max_request_timeout");
	unlink("default_request_timeout");
}

static void
test_namespaces(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	machine_namespaces(&finding, ".");
	expect(&finding, OK, "may", "");
	mkdir("user", 0700);
	mkdir("kernel", 0700);
	testing_write("kernel/apparmor_restrict_unprivileged_userns", "1\n");
	machine_namespaces(&finding, ".");
	expect(&finding, WARN, "AppArmor", "apparmor_restrict");
	testing_write("kernel/unprivileged_userns_clone", "0\n");
	machine_namespaces(&finding, ".");
	expect(&finding, WARN, "only root", "unprivileged_userns_clone=1");
	testing_write("user/max_user_namespaces", "0\n");
	machine_namespaces(&finding, ".");
	expect(&finding, WARN, "none", "max_user_namespaces");
	unlink("kernel/apparmor_restrict_unprivileged_userns");
	unlink("kernel/unprivileged_userns_clone");
	unlink("user/max_user_namespaces");
	rmdir("user");
	rmdir("kernel");
}

static void
test_apparmor(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	testing_write("profile", "x");
	machine_apparmor(&finding, "missing", "profile");
	expect(&finding, OK, "not enabled", "");
	testing_write("enabled", "N\n");
	machine_apparmor(&finding, "enabled", "profile");
	expect(&finding, OK, "not enabled", "");
	testing_write("enabled", "Y\n");
	machine_apparmor(&finding, "enabled", "missing");
	expect(&finding, OK, "no profile", "");
	machine_apparmor(&finding, "enabled", "profile");
	expect(&finding, WARN, "profile says where", "local/fusermount3");
	unlink("enabled");
	unlink("profile");
}

static void
test_lingering(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	machine_lingering(&finding, "missing", "mark");
	expect(&finding, OK, "no systemd", "");
	machine_lingering(&finding, ".", "mark");
	expect(&finding, OK, "gone", "enable-linger");
	testing_write("mark", "");
	machine_lingering(&finding, ".", "mark");
	expect(&finding, OK, "stay", "");
	unlink("mark");
}

static void
test_mounts(void **state)
{
	struct finding finding = { 0 };

	(void)state;
	testing_write("table", "22 1 0:21 / /proc rw - proc proc rw\n");
	machine_fusectl(&finding, "table");
	expect(&finding, WARN, "not mounted", "mount -t fusectl");
	machine_stale(&finding, "table", 7, 1000);
	expect(&finding, OK, "no mount", "");
	/* One that answers, and one of another user's. */
	testing_write("table", "30 1 0:30 / /sys/fs/fuse/connections rw - fusectl none rw\n"
	    "31 1 0:31 / / rw - fuse.hird none rw,user_id=7,group_id=7\n"
	    "32 1 0:32 / /tmp rw - fuse.hird none rw,user_id=8,group_id=8\n");
	machine_fusectl(&finding, "table");
	expect(&finding, OK, "can be aborted", "");
	machine_stale(&finding, "table", 7, 1000);
	expect(&finding, OK, "no mount", "");
	unlink("table");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_mount_max),
		TESTING_TEST(test_lines),
		TESTING_TEST(test_kernel),
		TESTING_TEST(test_timeout),
		TESTING_TEST(test_namespaces),
		TESTING_TEST(test_apparmor),
		TESTING_TEST(test_lingering),
		TESTING_TEST(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
