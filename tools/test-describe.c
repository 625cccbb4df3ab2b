/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-describe: programs that describe themselves well, badly, not at all, or
 * never. The test plays all of them itself: with HIRD_DESCRIBE in its
 * environment it is the translator, argv[1] says which. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/launch.h"
#include "tools/describe.h"
#include "tools/testing.h"
#include "tools/tool.h"

static int
say(const struct describe_out *out)
{
	AUTO_WIRE struct wire_buf buf = { 0 };

	describe_out_put(&buf, out);
	return write(LAUNCH_PORT_FD, buf.data, buf.size) == (ssize_t)buf.size ? 0 : 1;
}

static int
play(const char *part)
{
	struct describe_out out = {
		.magic = DESCRIBE_MAGIC, .version = WIRE_VERSION, .kind = NODE_KIND_DIR,
		.nature = NODE_NATURE_IMMUTABLE, .summary = "a test",
		.argv = { "test\0--x=1", sizeof("test\0--x=1") },
	};

	if (strcmp(part, "good") == 0)
		return say(&out);
	if (strcmp(part, "version") == 0)
		out.version++;
	if (strcmp(part, "kind") == 0)
		out.kind = 7;
	if (strcmp(part, "version") == 0 || strcmp(part, "kind") == 0)
		return say(&out);
	if (strcmp(part, "fails") == 0) {
		say(&out);
		fprintf(stderr, "first\ntest: notes.txt: not an archive\033[2J\n");
		return 1;
	}
	if (strcmp(part, "rubbish") == 0)
		return write(LAUNCH_PORT_FD, "rubbish", 7) == 7 ? 0 : 1;
	if (strcmp(part, "signal") == 0)
		abort();
	if (strcmp(part, "endless") == 0)
		while (write(STDOUT_FILENO, "yes\n", 4) > 0)
			;
	if (strcmp(part, "flood") == 0)
		while (write(LAUNCH_PORT_FD, "yes\n", 4) > 0)
			;
	if (strcmp(part, "never") == 0)
		poll(NULL, 0, -1);
	if (strcmp(part, "child") == 0 && (say(&out), fork() == 0)) {
		alarm(20);
		poll(NULL, 0, -1);
	}
	return strcmp(part, "status") == 0 ? 3 : 0;
}

static int
run_part(struct describe *describe, const char *part, unsigned timeout_ms, struct text *why)
{
	AUTO_ARGV struct argv argv = { 0 };
	char program[256] = { 0 };

	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	assert_int_equal(argv_add(&argv, "test"), 0);
	assert_int_equal(argv_add(&argv, part), 0);
	return describe_run(describe, program, &argv, timeout_ms, why);
}

static void
test_good(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(run_part(&describe, "good", 60000, &why), 0);
	assert_int_equal(why.size, 0);
	assert_int_equal(describe.out.kind, NODE_KIND_DIR);
	assert_int_equal(describe.out.nature, NODE_NATURE_IMMUTABLE);
	assert_int_equal(describe.out.argv.size, sizeof("test\0--x=1"));
	assert_string_equal(describe.out.summary, "a test");
	assert_int_equal(describe.blob.size, describe.buf.size);
}

static void
check_failure(const char *part, int expected, const char *text)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(run_part(&describe, part, 60000, &why), expected);
	assert_string_equal(text_string(&why), text);
	assert_int_equal(describe.blob.size, 0);
	assert_null(describe.buf.data);
}

static void
test_failures(void **state)
{
	(void)state;
	check_failure("fails", -ENOEXEC, "test: notes.txt: not an archive\\x1b[2J");
	check_failure("nothing", -ENOEXEC, "test is not a translator (it said nothing of itself)");
	check_failure("rubbish", -ENOEXEC, "test is not a translator (what it said of itself makes no sense)");
	check_failure("kind", -ENOEXEC, "test is not a translator (what it said of itself makes no sense)");
	check_failure("status", -ENOEXEC, "test ended with status 3 and said nothing");
	check_failure("endless", -EFBIG, "test says far more than a translator says of itself; is it one?");
	check_failure("flood", -EFBIG, "test says far more than a translator says of itself; is it one?");
}

static void
test_version(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(run_part(&describe, "version", 60000, &why), -EPROTO);
	assert_non_null(strstr(text_string(&why), "was built for version"));
}

static void
test_signal(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(run_part(&describe, "signal", 60000, &why), -ENOEXEC);
	assert_non_null(strstr(text_string(&why), "ended by signal 6"));
}

static void
test_never(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(run_part(&describe, "never", 100, &why), -ETIMEDOUT);
	assert_non_null(strstr(text_string(&why), "within 0.1 s"));
}

/* A child that keeps the pipes open does not keep us. */
static void
test_child(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(run_part(&describe, "child", 0, &why), 0);
	assert_int_equal(describe.out.kind, NODE_KIND_DIR);
}

static void
test_missing_program(void **state)
{
	AUTO_DESCRIBE struct describe describe = { 0 };
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(argv_add(&argv, "test"), 0);
	assert_int_equal(describe_run(&describe, "/nowhere/test", &argv, 60000, &why), -ENOEXEC);
	assert_non_null(strstr(text_string(&why), "/nowhere/test: No such file or directory"));
}

static void
test_names(void **state)
{
	struct testing *testing = *state;
	AUTO_TEXT struct text bare = { 0 };
	AUTO_TEXT struct text own = { 0 };
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(describe_name("/hurd/hello", &bare, &why), 0);
	assert_string_equal(text_string(&bare), "hello");
	testing_write("mine", "#!/bin/sh\n");
	assert_int_equal(chmod("mine", 0700), 0);
	assert_int_equal(describe_name("./mine", &own, &why), 0);
	assert_true(strncmp(own.data, testing->dir, strlen(testing->dir)) == 0);
	unlink("mine");
	assert_int_equal(describe_name("./mine", &own, &why), -ENOENT);
	assert_true(why.size > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TESTING_TEST(test_good),
		TESTING_TEST(test_failures),
		TESTING_TEST(test_version),
		TESTING_TEST(test_signal),
		TESTING_TEST(test_never),
		TESTING_TEST(test_child),
		TESTING_TEST(test_missing_program),
		TESTING_TEST(test_names),
	};

	if (getenv("HIRD_DESCRIBE"))
		return argc > 1 ? play(argv[1]) : 1;
	tool_init("settrans");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
