/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-text: growth and its bound, quoting, escaping. */
#include <errno.h>
#include <string.h>

#include "base/testing.h"
#include "base/text.h"

static void
test_growth(void **state)
{
	struct text text = { 0 };

	(void)state;
	assert_string_equal(text_string(&text), "");
	for (int i = 0; i < 1000; i++)
		text_printf(&text, "%03d,", i);
	assert_int_equal(text.size, 4000);
	assert_int_equal(strlen(text.data), 4000);
	assert_memory_equal(text.data + 3992, "998,999,", 8);
	text_add(&text, "a\0b", 3);
	assert_int_equal(text.size, 4003);
	assert_int_equal(text.error, 0);
	text_deinit(&text);
	assert_null(text.data);
}

static void
test_bound(void **state)
{
	struct text text = { 0 };
	char *block = calloc(1, TEXT_MAX);

	(void)state;
	assert_non_null(block);
	text_add(&text, block, TEXT_MAX);
	assert_int_equal(text.error, 0);
	text_puts(&text, "");
	assert_int_equal(text.error, 0);
	text_puts(&text, "x");
	assert_int_equal(text.error, -EMSGSIZE);
	assert_int_equal(text.size, TEXT_MAX);
	text_printf(&text, "%d", 1);
	assert_int_equal(text.size, TEXT_MAX);
	text_deinit(&text);
	assert_int_equal(text.error, 0);
	free(block);
}

struct pair {
	const char *in;
	const char *out;
};

static void
check(void (*add)(struct text *, const char *), const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct text text = { 0 };

		add(&text, pairs[i].in);
		assert_string_equal(text_string(&text), pairs[i].out);
		text_deinit(&text);
	}
}

static void
test_quote(void **state)
{
	static const struct pair pairs[] = {
		{ "plain-1.0/x_y=@a:b,c+%", "plain-1.0/x_y=@a:b,c+%" },
		{ "", "''" },
		{ "two words", "'two words'" },
		{ "it's", "'it'\\''s'" },
		{ "$HOME", "'$HOME'" },
		{ "~", "'~'" },
		{ "#", "'#'" },
		{ "a\nb", "$'a\\nb'" },
		{ "tab\there's\\", "$'tab\\there\\'s\\\\'" },
		{ "\x1b[31m", "$'\\033[31m'" },
		{ "gr\xc3\xbc\xc3\x9f", "'gr\xc3\xbc\xc3\x9f'" },
		{ "\xff" "1", "$'\\3771'" },
	};

	(void)state;
	check(text_quote, pairs, sizeof(pairs) / sizeof(*pairs));
}

static void
test_safe(void **state)
{
	static const struct pair pairs[] = {
		{ "plain words \\ '", "plain words \\ '" },
		{ "a\nb\x7f", "a\\x0ab\\x7f" },
		{ "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },		/* a C1 control */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },		/* right-to-left override */
		{ "\xc0\xaf", "\\xc0\\xaf" },			/* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* a surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },	/* beyond Unicode */
		{ "\xe2\x82", "\\xe2\\x82" },			/* cut short */
	};

	(void)state;
	check(text_safe, pairs, sizeof(pairs) / sizeof(*pairs));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
