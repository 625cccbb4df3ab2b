/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-argv: words in, words out, and through a shell. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/testing.h"
#include "base/text.h"

static void
test_words(void **state)
{
	struct argv argv = { 0 };
	char **vector;

	(void)state;
	assert_int_equal(argv_count(&argv), 0);
	assert_null(argv_next(&argv, NULL));
	assert_null(argv_word(&argv, 0));
	assert_int_equal(argv_add(&argv, "one"), 0);
	assert_int_equal(argv_add(&argv, ""), 0);
	assert_int_equal(argv_printf(&argv, "%s=%d", "three", 3), 0);
	assert_int_equal(argv_add(&argv, argv_word(&argv, 0)), 0);
	assert_int_equal(argv_count(&argv), 4);
	assert_int_equal(argv.size, 4 + 1 + 8 + 4);
	assert_string_equal(argv_word(&argv, 1), "");
	assert_string_equal(argv_word(&argv, 2), "three=3");
	assert_string_equal(argv_word(&argv, 3), "one");
	assert_null(argv_word(&argv, 4));
	vector = argv_vector(&argv);
	assert_non_null(vector);
	assert_string_equal(vector[2], "three=3");
	assert_null(vector[4]);
	free(vector);
	argv_deinit(&argv);
}

static void
test_copy(void **state)
{
	struct argv argv = { 0 }, other = { 0 };

	(void)state;
	assert_int_equal(argv_copy(&argv, "a\0b", 4), 0);
	assert_int_equal(argv_count(&argv), 2);
	assert_int_equal(argv_copy(&argv, "ab", 2), -EINVAL);
	assert_int_equal(argv_count(&argv), 2);
	assert_int_equal(argv_copy(&other, argv.data, argv.size), 0);
	assert_true(argv_equal(&argv, &other));
	assert_int_equal(argv_copy(&other, other.data + 2, 2), 0);
	assert_string_equal(argv_word(&other, 0), "b");
	assert_false(argv_equal(&argv, &other));
	assert_int_equal(argv_copy(&other, NULL, 0), 0);
	assert_int_equal(argv_count(&other), 0);
	argv_deinit(&argv);
	assert_true(argv_equal(&argv, &other));
	argv_deinit(&other);
}

static char *
quoted(const struct argv *argv)
{
	char *line = argv_quote(argv);

	assert_non_null(line);
	return line;
}

/* What a shell makes of the line: each word with a | behind it. */
static void
through_shell(const char *shell, const char *line, char *out, size_t room)
{
	struct text command = { 0 }, script = { 0 };
	FILE *pipe;
	size_t n;

	text_printf(&script, "printf '%%s|' %s", line);
	text_printf(&command, "%s -c ", shell);
	text_quote(&command, script.data);
	pipe = popen(command.data, "r");
	assert_non_null(pipe);
	n = fread(out, 1, room - 1, pipe);
	out[n] = '\0';
	assert_int_equal(pclose(pipe), 0);
	text_deinit(&command);
	text_deinit(&script);
}

static void
test_quote(void **state)
{
	static const char *const words[] = {
		"plain", "", "two words", "it's", "\"double\"", "$HOME `id` \\", "*", "a;b&c>d", "!x", "~root",
		"-n", "gr\xc3\xbc\xc3\x9f", "{a,b}", "[x]", "'", "''",
	};
	struct argv argv = { 0 };
	struct text expected = { 0 };
	char out[1024], *line;

	(void)state;
	line = quoted(&argv);
	assert_string_equal(line, "");
	free(line);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		assert_int_equal(argv_add(&argv, words[i]), 0);
		text_printf(&expected, "%s|", words[i]);
	}
	line = quoted(&argv);
	through_shell("sh", line, out, sizeof(out));
	assert_string_equal(out, expected.data);
	assert_null(strchr(line, '\n'));
	free(line);
	argv_deinit(&argv);
	text_deinit(&expected);
}

/* $'..' is of POSIX since 2024: dash does not know it yet. */
static void
test_quote_controls(void **state)
{
	struct argv argv = { 0 };
	char out[1024], *line;

	(void)state;
	if (access("/bin/bash", X_OK) < 0)
		skip();
	assert_int_equal(argv_add(&argv, "a\nb\tc\x1b\x7f\x01" "1'\\"), 0);
	assert_int_equal(argv_add(&argv, "\xff\xfe" "7"), 0);
	line = quoted(&argv);
	through_shell("/bin/bash", line, out, sizeof(out));
	assert_string_equal(out, "a\nb\tc\x1b\x7f\x01" "1'\\|\xff\xfe" "7|");
	assert_null(strchr(line, '\n'));
	free(line);
	argv_deinit(&argv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_quote_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
