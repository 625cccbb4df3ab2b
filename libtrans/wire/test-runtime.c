/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-runtime: directories that are made, found, refused; programs that are
 * looked up. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/testing.h"
#include "wire/runtime.h"

static char top[64];

static char *
in_top(const char *name)
{
	static char path[4][512];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", top, name);
	return p;
}

static int
setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-runtime-XXXXXX");
	assert_non_null(mkdtemp(top));
	setenv("XDG_RUNTIME_DIR", top, 1);
	setenv("HOME", top, 1);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HIRD_TRANSLATOR_DIR");
	unsetenv("HIRD_PORTD");
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", top);
	return system(command);
}

static void
finds(char *(*find)(int, struct text *), int create, const char *expected)
{
	struct text why = { 0 };
	char *path = find(create, &why);

	assert_string_equal(text_string(&why), "");
	assert_non_null(path);
	assert_int_equal(strncmp(path, expected, strlen(expected)), 0);
	free(path);
}

static void
refuses(char *(*find)(int, struct text *), int create, const char *words)
{
	struct text why = { 0 };

	assert_null(find(create, &why));
	if (!strstr(text_string(&why), words))
		fail_msg("'%s' says nothing of '%s'", text_string(&why), words);
	assert_null(strchr(why.data, '\n'));
	text_deinit(&why);
}

static void
test_runtime_dir(void **state)
{
	struct stat st;

	(void)state;
	finds(runtime_dir, 0, in_top("hird"));
	assert_int_equal(access(in_top("hird"), F_OK), -1);
	finds(runtime_dir, 1, in_top("hird"));
	assert_int_equal(lstat(in_top("hird"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	finds(runtime_dir, 1, in_top("hird"));
	finds(runtime_dir, 0, in_top("hird"));
}

static void
test_untrusted(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_top("hird"), 0700), 0);
	assert_int_equal(chmod(in_top("hird"), 0750), 0);
	refuses(runtime_dir, 1, "chmod 0700");
	refuses(runtime_dir, 0, "chmod 0700");
	assert_int_equal(rmdir(in_top("hird")), 0);
	assert_int_equal(mkdir(in_top("elsewhere"), 0700), 0);
	assert_int_equal(symlink("elsewhere", in_top("hird")), 0);
	refuses(runtime_dir, 1, "not a directory");
	setenv("XDG_RUNTIME_DIR", in_top("missing"), 1);
	refuses(runtime_dir, 1, "cannot make");
	if (geteuid() != 0)
		return;
	assert_int_equal(unlink(in_top("hird")), 0);
	assert_int_equal(mkdir(in_top("hird"), 0700), 0);
	assert_int_equal(chown(in_top("hird"), 1, 1), 0);
	setenv("XDG_RUNTIME_DIR", top, 1);
	refuses(runtime_dir, 1, "belongs to user 1");
}

static void
test_state_dir(void **state)
{
	struct text why = { 0 };
	struct stat st;
	char *path;

	(void)state;
	finds(runtime_state_dir, 0, in_top(".local/state/hird/"));
	path = runtime_state_dir(1, &why);
	assert_non_null(path);
	assert_int_equal(strlen(path), strlen(in_top(".local/state/hird/")) + 16);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	finds(runtime_state_dir, 1, path);
	assert_int_equal(chmod(path, 0701), 0);
	refuses(runtime_state_dir, 1, "chmod 0700");
	assert_int_equal(chmod(path, 0700), 0);
	free(path);
	setenv("XDG_STATE_HOME", in_top("state"), 1);
	finds(runtime_state_dir, 1, in_top("state/hird/"));
	setenv("XDG_STATE_HOME", "relative", 1);
	finds(runtime_state_dir, 0, in_top(".local/state/hird/"));
}

static void
make_program(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
translates(const char *name, const char *expected)
{
	struct text why = { 0 };
	char *path = runtime_translator(name, &why);

	assert_string_equal(text_string(&why), "");
	assert_string_equal(path, expected);
	free(path);
}

static void
has_none(const char *name, const char *words)
{
	struct text why = { 0 };

	assert_null(runtime_translator(name, &why));
	if (!strstr(text_string(&why), words))
		fail_msg("'%s' says nothing of '%s'", text_string(&why), words);
	text_deinit(&why);
}

static void
test_translator(void **state)
{
	char dirs[1024];

	(void)state;
	assert_int_equal(mkdir(in_top("a"), 0700), 0);
	assert_int_equal(mkdir(in_top("b"), 0700), 0);
	make_program(in_top("a/no"), 0600);
	make_program(in_top("b/no"), 0700);
	make_program(in_top("b/hello"), 0755);
	snprintf(dirs, sizeof(dirs), "%s:%s", in_top("a"), in_top("b"));
	setenv("HIRD_TRANSLATOR_DIR", dirs, 1);
	translates("hello", in_top("b/hello"));
	translates("/hurd/hello", in_top("b/hello"));
	translates("no", in_top("b/no"));
	translates(in_top("b/hello"), in_top("b/hello"));
	has_none(in_top("a/no"), "no program");
	has_none("a", dirs);
	has_none("sh", dirs);
	has_none("", "not the name");
	has_none("..", "not the name");
	has_none("/hurd/", "not the name");
	assert_int_equal(chdir(top), 0);
	translates("b/hello", in_top("b/hello"));
	setenv("HIRD_TRANSLATOR_DIR", "b", 1);
	translates("hello", in_top("b/hello"));
	assert_int_equal(chdir("/"), 0);
	unsetenv("HIRD_TRANSLATOR_DIR");
	has_none("no-such-translator", in_top(".local/libexec/hird"));
}

static void
test_portd(void **state)
{
	(void)state;
	assert_int_equal(runtime_portd()[0], '/');
	setenv("HIRD_PORTD", "/x/portd", 1);
	assert_string_equal(runtime_portd(), "/x/portd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runtime_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untrusted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_translator, setup, teardown),
		cmocka_unit_test_setup_teardown(test_portd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
