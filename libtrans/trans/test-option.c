/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-option: the typed option table, in and out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "trans/option.h"

static const char *greeting, *other;
static int64_t number;
static uint64_t size;
static int flag, loud;
static struct trans_file file, dir;

static const struct trans_option table[] = {
	TRANS_STRING("greeting", 'g', &greeting, "what to say"),
	TRANS_STRING("other", 0, &other, "what else to say"),
	TRANS_NUMBER("number", 'n', &number, "how often"),
	TRANS_SIZE("size", 's', &size, "how much"),
	TRANS_FLAG("flag", 'f', &flag, "whether at all"),
	TRANS_FLAG("loud", 'l', &loud, "how loud"),
	TRANS_FILE_OPTION("key", 'k', &file, "a key"),
	TRANS_DIR_ARG("DIR", &dir, "where"),
	{ TRANS_OPTION_STRING, "NOTE", 0, TRANS_OPTION_POSITIONAL, &other, "a note" },
	TRANS_OPTIONS_END
};

static const struct trans_option small[] = {
	TRANS_STRING("greeting", 'g', &greeting, "what to say"),
	TRANS_NUMBER("number", 'n', &number, "how often"),
	TRANS_SIZE("size", 's', &size, "how much"),
	TRANS_FLAG("flag", 'f', &flag, "whether at all"),
	TRANS_FLAG("loud", 'l', &loud, "how loud"),
	TRANS_OPTIONS_END
};

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
set_defaults(void **state)
{
	greeting = "hello";
	other = NULL;
	number = 7;
	size = 4096;
	flag = 0;
	loud = 1;
	*state = (void *)(intptr_t)count_fds();
	return 0;
}

static int
check_fds(void **state)
{
	return count_fds() == (int)(intptr_t)*state ? 0 : -1;
}

/* Parses words that end with NULL; the set is installed when that worked. */
static int
parse(const struct trans_option *options, struct option_set *set, struct text *why,
    const char *const *words)
{
	AUTO_ARGV struct argv argv = { 0 };

	assert_int_equal(option_set_init(set, options), 0);
	for (; *words; words++)
		assert_int_equal(argv_add(&argv, *words), 0);
	return option_set_parse(set, &argv, 0, why);
}

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void
accepts(const char *const *words)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(parse(small, &set, &why, words), 0);
	assert_string_equal(text_string(&why), "");
	option_set_install(&set);
	/* The string is the set's and goes with it. */
	greeting = strcmp(greeting, "hello") == 0 ? "hello" : strcmp(greeting, "") == 0 ? ""
	    : "new";
}

static void
refuses(const char *const *words, const char *what)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(parse(small, &set, &why, words), -EINVAL);
	if (!strstr(text_string(&why), what))
		fail_msg("expected \"%s\" in \"%s\"", what, text_string(&why));
	assert_null(strchr(text_string(&why), '\n'));
	assert_int_equal(number, 7);
}

static void
defaults_stay(void **state)
{
	(void)state;
	accepts((const char *const[]){ NULL });
	assert_string_equal(greeting, "hello");
	assert_int_equal(number, 7);
	assert_int_equal(size, 4096);
	assert_int_equal(flag, 0);
	assert_int_equal(loud, 1);
}

static void
forms_of_a_value(void **state)
{
	(void)state;
	accepts(WORDS("--number=1"));
	assert_int_equal(number, 1);
	accepts(WORDS("--number", "2"));
	assert_int_equal(number, 2);
	accepts(WORDS("-n3"));
	assert_int_equal(number, 3);
	accepts(WORDS("-n", "4"));
	assert_int_equal(number, 4);
	accepts(WORDS("--number", "-5"));
	assert_int_equal(number, -5);
	accepts(WORDS("-n-6"));
	assert_int_equal(number, -6);
	accepts(WORDS("--greeting=a=b"));
	assert_string_equal(greeting, "new");
	accepts(WORDS("--greeting="));
	assert_string_equal(greeting, "");
	accepts(WORDS("--greeting", "--number=9"));
	assert_string_equal(greeting, "new");
	assert_int_equal(number, -6);
}

static void
last_one_wins(void **state)
{
	(void)state;
	accepts(WORDS("--number=1", "-n2", "--number", "3"));
	assert_int_equal(number, 3);
	accepts(WORDS("--flag", "--no-flag", "--flag"));
	assert_int_equal(flag, 1);
}

static void
flags(void **state)
{
	(void)state;
	accepts(WORDS("--flag", "--no-loud"));
	assert_int_equal(flag, 1);
	assert_int_equal(loud, 0);
	accepts(WORDS("-fl"));
	assert_int_equal(flag, 1);
	assert_int_equal(loud, 1);
	accepts(WORDS("-fn12"));
	assert_int_equal(number, 12);
	number = 7;
	refuses(WORDS("--flag=1"), "takes no value");
	refuses(WORDS("--no-number"), "unknown option --no-number");
	refuses(WORDS("--no-"), "unknown option");
	refuses(WORDS("-fx"), "unknown option -fx");
}

static void
numbers(void **state)
{
	(void)state;
	accepts(WORDS("-n9223372036854775807"));
	assert_true(number == INT64_MAX);
	accepts(WORDS("-n-9223372036854775808"));
	assert_true(number == INT64_MIN);
	accepts(WORDS("-n0x10"));
	assert_int_equal(number, 16);
	accepts(WORDS("-n010"));
	assert_int_equal(number, 10);
	number = 7;
	refuses(WORDS("-n9223372036854775808"), "out of range");
	refuses(WORDS("-n-9223372036854775809"), "out of range");
	refuses(WORDS("-n99999999999999999999"), "out of range");
	refuses(WORDS("--number="), "no number");
	refuses(WORDS("-n1x"), "no number");
	refuses(WORDS("-n 1"), "no number");
	refuses(WORDS("-n+1"), "no number");
	refuses(WORDS("-n--1"), "no number");
	refuses(WORDS("-n0x"), "no number");
	refuses(WORDS("-n0x-1"), "no number");
	refuses(WORDS("-n1k"), "no number");
}

static void
sizes(void **state)
{
	(void)state;
	accepts(WORDS("-s0"));
	assert_int_equal(size, 0);
	accepts(WORDS("-s3k"));
	assert_int_equal(size, 3072);
	accepts(WORDS("-s3K"));
	assert_int_equal(size, 3072);
	accepts(WORDS("-s5M"));
	assert_int_equal(size, 5 << 20);
	accepts(WORDS("-s2g"));
	assert_true(size == 2ull << 30);
	accepts(WORDS("-s1T"));
	assert_true(size == 1ull << 40);
	accepts(WORDS("-s18446744073709551615"));
	assert_true(size == UINT64_MAX);
	accepts(WORDS("-s16777215T"));
	assert_true(size == 16777215ull << 40);
	refuses(WORDS("-s16777216T"), "out of range");
	refuses(WORDS("-s18446744073709551616"), "out of range");
	refuses(WORDS("-s-1"), "no size");
	refuses(WORDS("-s1P"), "no size");
	refuses(WORDS("-s1kk"), "no size");
	refuses(WORDS("-sk"), "no size");
	refuses(WORDS("--size="), "no size");
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	refuses(WORDS("--nonsense"), "unknown option --nonsense");
	refuses(WORDS("--nonsense=3"), "unknown option --nonsense=3");
	refuses(WORDS("--numberx=3"), "unknown option --numberx=3");
	refuses(WORDS("--num=3"), "unknown option --num=3");
	refuses(WORDS("-z"), "unknown option -z");
	refuses(WORDS("--number"), "--number: a value is missing");
	refuses(WORDS("-n"), "--number: a value is missing");
	refuses(WORDS("stray"), "unexpected argument stray");
	refuses(WORDS("--", "--number=1"), "unexpected argument --number=1");
	refuses(WORDS("-"), "unexpected argument -");
	refuses(WORDS(""), "unexpected argument");
	refuses(WORDS("--evil\n\033[2J"), "unknown option");
	refuses(WORDS("--number=a\nb"), "--number=");
}

static void
help_and_version(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(parse(small, &set, &why, WORDS("--flag", "--help", "--nonsense")),
	    OPTION_HELP);
	option_set_deinit(&set);
	assert_int_equal(parse(small, &set, &why, WORDS("-?")), OPTION_HELP);
	option_set_deinit(&set);
	assert_int_equal(parse(small, &set, &why, WORDS("--version")), OPTION_VERSION);
}

static void
required_and_positional(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(parse(table, &set, &why, WORDS("--flag")), 0);
	assert_int_equal(option_set_complete(&set, &why), -EINVAL);
	assert_string_equal(text_string(&why), "DIR is missing (where)");
	option_set_deinit(&set);
	text_deinit(&why);

	assert_int_equal(parse(table, &set, &why, WORDS("a", "b", "--flag", "c")), -EINVAL);
	assert_string_equal(text_string(&why), "unexpected argument c");
	option_set_deinit(&set);
	text_deinit(&why);

	assert_int_equal(parse(table, &set, &why, WORDS("a", "--", "--b")), 0);
	assert_int_equal(option_set_complete(&set, &why), 0);
	option_set_deinit(&set);

	assert_int_equal(parse(table, &set, &why, WORDS("")), -EINVAL);
	assert_non_null(strstr(text_string(&why), "names no file"));
}

static char *
print(const struct option_set *set)
{
	AUTO_OPTIONS struct option_set defaults = { 0 };
	AUTO_ARGV struct argv argv = { 0 };
	char *line;

	set_defaults(&(void *){ NULL });
	assert_int_equal(option_set_init(&defaults, set->table), 0);
	assert_int_equal(argv_add(&argv, "T"), 0);
	assert_int_equal(option_set_print(set, &defaults, &argv), 0);
	line = argv_quote(&argv);
	assert_non_null(line);
	return line;
}

/* Parses, prints, parses what was printed, prints that: the same. */
static void
prints(const char *const *words, const char *expected)
{
	AUTO_OPTIONS struct option_set set = { 0 }, again = { 0 }, defaults = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_FREE char *line = NULL, *second = NULL;

	assert_int_equal(parse(table, &set, &why, words), 0);
	line = print(&set);
	assert_string_equal(line, expected);
	assert_int_equal(option_set_init(&defaults, table), 0);
	assert_int_equal(option_set_init(&again, table), 0);
	assert_int_equal(option_set_print(&set, &defaults, &argv), 0);
	assert_int_equal(option_set_parse(&again, &argv, 0, &why), 0);
	second = print(&again);
	assert_string_equal(second, expected);
}

static void
printing_back(void **state)
{
	(void)state;
	prints((const char *const[]){ NULL }, "T");
	prints(WORDS("--number=7", "--greeting=hello", "--size=4K", "--no-flag"), "T");
	prints(WORDS("-n8", "-fl", "--no-loud"), "T --number=8 --flag --no-loud");
	prints(WORDS("-s0"), "T --size=0");
	prints(WORDS("-s1048576"), "T --size=1M");
	prints(WORDS("-s1025k"), "T --size=1025K");
	prints(WORDS("-s5T"), "T --size=5T");
	prints(WORDS("-s18446744073709551615"), "T --size=18446744073709551615");
	prints(WORDS("-n-9223372036854775808"), "T --number=-9223372036854775808");
	prints(WORDS("--greeting="), "T --greeting=");
	prints(WORDS("--greeting=two words"), "T '--greeting=two words'");
	prints(WORDS("here"), "T here");
	prints(WORDS("here", "-n1", "note"), "T --number=1 here note");
	prints(WORDS("--", "-n1", "note"), "T -- -n1 note");
	prints(WORDS("here", "--", "--note"), "T -- here --note");
	prints(WORDS("--key=k", "here"), "T --key=k here");
}

static void
merging_keeps_the_rest(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 }, staged = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_FREE char *before = NULL, *after = NULL, *old = NULL;

	(void)state;
	assert_int_equal(parse(table, &set, &why, WORDS("-n8", "--flag", "here")), 0);
	before = print(&set);
	assert_int_equal(option_set_copy(&staged, &set), 0);
	assert_int_equal(argv_add(&argv, "--greeting=x"), 0);
	assert_int_equal(argv_add(&argv, "there"), 0);
	assert_int_equal(option_set_parse(&staged, &argv, 0, &why), 0);
	after = print(&staged);
	assert_string_equal(after, "T --greeting=x --number=8 --flag there");
	old = print(&set);
	assert_string_equal(old, before);
	assert_false(option_set_files_equal(&set, &staged));
	assert_true(option_set_files_equal(&set, &set));
}

static void
skips_words(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_ARGV struct argv argv = { 0 };

	(void)state;
	assert_int_equal(option_set_init(&set, small), 0);
	assert_int_equal(argv_add(&argv, "program"), 0);
	assert_int_equal(argv_add(&argv, "-n3"), 0);
	assert_int_equal(option_set_parse(&set, &argv, 1, &why), 0);
	option_set_install(&set);
	assert_int_equal(number, 3);
	greeting = "hello";
}

static void
no_table(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	assert_int_equal(parse(NULL, &set, &why, WORDS("--help")), OPTION_HELP);
	option_set_deinit(&set);
	assert_int_equal(parse(NULL, &set, &why, WORDS("x")), -EINVAL);
}

/* Files ------------------------------------------------------------------ */

static char scratch[] = "/tmp/test-option-XXXXXX";

static int
make_scratch(void **state)
{
	(void)state;
	if (!mkdtemp(scratch) || chdir(scratch) < 0)
		return -1;
	if (mkdir("d", 0700) < 0 || symlink("d", "link") < 0 || mkfifo("fifo", 0600) < 0 ||
	    symlink("../f", "d/f") < 0)
		return -1;
	close(open("f", O_CREAT | O_WRONLY, 0600));
	return 0;
}

static int
remove_scratch(void **state)
{
	(void)state;
	unlink("f");
	unlink("fifo");
	unlink("link");
	unlink("d/f");
	rmdir("d");
	return chdir("/") < 0 || rmdir(scratch) < 0 ? -1 : 0;
}

static char *
below(const char *path)
{
	AUTO_FREE char *real = realpath(scratch, NULL);
	char *made;

	if (asprintf(&made, "%s/%s", real, path) < 0)
		return NULL;
	return made;
}

static void
opens(const char *given, const char *expected, const char *dir_given)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = below(expected);
	char key[64];
	struct stat st;

	/* The strings that an earlier set installed went with it. */
	set_defaults(&(void *){ NULL });
	snprintf(key, sizeof(key), "--key=%s", given);
	assert_int_equal(parse(table, &set, &why, WORDS(key, dir_given)), 0);
	assert_int_equal(option_set_open(&set, &why), 0);
	option_set_install(&set);
	assert_string_equal(file.path, path);
	assert_int_equal(fstat(file.fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fcntl(file.fd, F_GETFL) & O_NONBLOCK, 0);
	assert_true(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(dir.fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_true(fcntl(dir.fd, F_GETFL) & O_PATH);
	assert_int_equal(dir.path[0], '/');
}

static void
files_are_found(void **state)
{
	(void)state;
	opens("f", "f", ".");
	opens("./f", "f", "d");
	opens("d/../f", "f", "link");
	opens("link/f", "d/f", "d/");
	opens("./d/./f", "d/f", "..");
}

static const struct trans_option optional[] = {
	TRANS_FILE_OPTION("key", 'k', &file, "a key"),
	TRANS_DIR_OPTION("where", 'w', &dir, "where"),
	TRANS_OPTIONS_END
};

static void
files_need_not_be_given(void **state)
{
	AUTO_OPTIONS struct option_set none = { 0 };
	AUTO_OPTIONS struct option_set one = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = below("d");

	(void)state;
	assert_int_equal(parse(optional, &none, &why, (const char *const[]){ NULL }), 0);
	assert_int_equal(option_set_complete(&none, &why), 0);
	assert_int_equal(option_set_open(&none, &why), 0);
	option_set_install(&none);
	assert_null(file.path);
	assert_int_equal(file.fd, -1);
	assert_null(dir.path);
	assert_int_equal(dir.fd, -1);
	assert_int_equal(parse(optional, &one, &why, WORDS("-w", "d")), 0);
	assert_int_equal(option_set_complete(&one, &why), 0);
	assert_int_equal(option_set_open(&one, &why), 0);
	option_set_install(&one);
	assert_int_equal(file.fd, -1);
	assert_string_equal(dir.path, path);
	assert_true(fcntl(dir.fd, F_GETFL) & O_PATH);
}

static void
does_not_open(const char *key, const char *where, int error, const char *what)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	assert_int_equal(parse(table, &set, &why, WORDS(key, where)), 0);
	assert_int_equal(option_set_open(&set, &why), error);
	if (!strstr(text_string(&why), what))
		fail_msg("expected \"%s\" in \"%s\"", what, text_string(&why));
}

static void
files_are_checked(void **state)
{
	(void)state;
	does_not_open("--key=missing", "d", -ENOENT, "--key=missing: No such file");
	does_not_open("--key=no/f", "d", -ENOENT, "--key=no/f: No such file");
	does_not_open("--key=d", "d", -EINVAL, "--key=d: it is a directory");
	does_not_open("--key=fifo", "d", -EINVAL, "neither a regular file nor");
	does_not_open("--key=f", "f", -ENOTDIR, "DIR f: Not a directory");
	does_not_open("--key=f/x", "d", -ENOTDIR, "--key=f/x");
}

static void
files_by_name(void **state)
{
	AUTO_OPTIONS struct option_set set = { 0 }, copy = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_ARGV struct argv files = { 0 }, identities = { 0 };

	(void)state;
	assert_int_equal(parse(table, &set, &why, WORDS("--key=/elsewhere/k", "/elsewhere")), 0);
	assert_int_equal(option_set_adopted(&set, &why), -EINVAL);
	assert_non_null(strstr(text_string(&why), "no open file came with it"));
	text_deinit(&why);
	assert_int_equal(option_set_adopt(&set, "nothing", NULL, open("f", O_RDONLY), &why),
	    -EINVAL);
	assert_int_equal(option_set_adopt(&set, "number", NULL, open("f", O_RDONLY), &why),
	    -EINVAL);
	assert_int_equal(option_set_adopt(&set, "key", NULL, 999, &why), -EINVAL);
	assert_int_equal(option_set_adopt(&set, "key", NULL, open("f", O_RDONLY), &why), 0);
	assert_int_equal(option_set_adopt(&set, "DIR", "/other", open(".", O_PATH), &why), 0);
	assert_int_equal(option_set_adopted(&set, &why), 0);
	option_set_install(&set);
	assert_string_equal(file.path, "/elsewhere/k");
	assert_string_equal(dir.path, "/other");
	assert_true(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);

	assert_int_equal(option_set_copy(&copy, &set), 0);
	assert_int_not_equal(copy.values[6].fd, set.values[6].fd);
	assert_true(copy.values[6].fd >= 0);

	assert_int_equal(option_set_files(&set, &files, &identities), 0);
	assert_int_equal(argv_count(&files), 4);
	assert_int_equal(argv_count(&identities), 2);
	assert_string_equal(argv_word(&files, 0), "key");
	assert_string_equal(argv_word(&files, 1), "/elsewhere/k");
	assert_string_equal(argv_word(&files, 2), "DIR");
	assert_int_equal(strcspn(argv_word(&identities, 0), "0123456789:.-"), 0);
}

static const char *const *some, *const *more;
static struct trans_file place;

static const struct trans_option lists[] = {
	TRANS_LIST("some", 's', &some, "several"),
	TRANS_LIST("more", 0, &more, "with defaults"),
	{ TRANS_OPTION_PATH, "PLACE", 0, TRANS_OPTION_POSITIONAL, &place, "a file or a directory" },
	TRANS_OPTIONS_END
};

/* A set of these words, installed, is printed like this. */
static void
lists_as(const char *const *words, const char *printed)
{
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_OPTIONS struct option_set copy = { 0 };
	AUTO_OPTIONS struct option_set defaults = { 0 };
	AUTO_TEXT struct text why = { 0 };
	AUTO_TEXT struct text line = { 0 };
	AUTO_ARGV struct argv argv = { 0 };

	assert_int_equal(option_set_init(&defaults, lists), 0);
	assert_int_equal(parse(lists, &set, &why, words), 0);
	assert_int_equal(option_set_copy(&copy, &set), 0);
	assert_int_equal(option_set_print(&copy, &defaults, &argv), 0);
	for (const char *word = NULL; (word = argv_next(&argv, word));)
		text_printf(&line, "%s ", word);
	assert_string_equal(text_string(&line), printed);
	option_set_install(&set);
	assert_int_equal(some ? !!some[0] : 0, strstr(printed, "--some=") != NULL);
	some = NULL;
	more = NULL;
}

static void
lists_grow(void **state)
{
	static const char *const two[] = { "x", "y", NULL };
	AUTO_OPTIONS struct option_set set = { 0 };
	AUTO_TEXT struct text why = { 0 };

	(void)state;
	some = more = NULL;
	lists_as((const char *const[]){ NULL }, "");
	lists_as(WORDS("-s", "b", "--some=a", "--some", "b", "--more="), "--some=b --some=a --some=b --more= ");
	lists_as(WORDS("--some=a", "--no-some"), "");
	lists_as(WORDS("--some=a", "--no-some", "--some=c"), "--some=c ");
	more = two;
	lists_as((const char *const[]){ NULL }, "");
	more = two;
	lists_as(WORDS("--more=z"), "--no-more --more=x --more=y --more=z ");
	more = two;
	lists_as(WORDS("--no-more"), "--no-more ");
	more = NULL;
	assert_int_equal(parse(lists, &set, &why, WORDS("--no-some=x")), -EINVAL);
}

static void
places_are_files_or_directories(void **state)
{
	struct { const char *path; mode_t type; int err; } of[] = {
		{ "f", S_IFREG, 0 }, { "d", S_IFDIR, 0 }, { "/dev/null", 0, -EINVAL },
		{ "nothing", 0, -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		AUTO_OPTIONS struct option_set set = { 0 };
		AUTO_TEXT struct text why = { 0 };
		struct stat st;

		assert_int_equal(parse(lists, &set, &why, WORDS(of[i].path)), 0);
		assert_int_equal(option_set_open(&set, &why), of[i].err);
		assert_int_equal(set.values[2].fd >= 0, of[i].err == 0);
		if (of[i].err < 0)
			continue;
		assert_int_equal(fstat(set.values[2].fd, &st), 0);
		assert_int_equal(st.st_mode & S_IFMT, of[i].type);
	}
}

static void
usage_says_everything(void **state)
{
	AUTO_TEXT struct text usage = { 0 };
	const char *line;

	(void)state;
	option_usage(table, "T", "a test", &usage);
	line = text_string(&usage);
	assert_non_null(strstr(line, "NODE T [OPTION...] DIR [NOTE]\n"));
	assert_non_null(strstr(line, "T: a test\n"));
	assert_non_null(strstr(line, "-g, --greeting=STRING"));
	assert_non_null(strstr(line, "what to say (default: hello)\n"));
	assert_non_null(strstr(line, "      --other=STRING"));
	assert_non_null(strstr(line, "what else to say\n"));
	assert_non_null(strstr(line, "how often (default: 7)\n"));
	assert_non_null(strstr(line, "how much (default: 4K)\n"));
	assert_non_null(strstr(line, "-f, --[no-]flag"));
	assert_non_null(strstr(line, "whether at all (default: no)\n"));
	assert_non_null(strstr(line, "how loud (default: yes)\n"));
	assert_non_null(strstr(line, "-k, --key=FILE"));
	assert_non_null(strstr(line, "where (required)\n"));
	assert_non_null(strstr(line, "--help"));
	assert_non_null(strstr(line, "--version"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_defaults, check_fds)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_stay),
		TEST(forms_of_a_value),
		TEST(last_one_wins),
		TEST(flags),
		TEST(numbers),
		TEST(sizes),
		TEST(what_is_wrong_is_named),
		TEST(help_and_version),
		TEST(required_and_positional),
		TEST(printing_back),
		TEST(merging_keeps_the_rest),
		TEST(skips_words),
		TEST(no_table),
		TEST(files_are_found),
		TEST(files_need_not_be_given),
		TEST(files_are_checked),
		TEST(files_by_name),
		TEST(lists_grow),
		TEST(places_are_files_or_directories),
		TEST(usage_says_everything),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
