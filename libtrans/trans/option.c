/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* option: one table for the command line, for changes at run time, for
 * printing back and for --help.
 *
 * The canonical form of a set is what differs from the defaults, in the order of
 * the table, then the positional arguments; parsing it gives the same set. */
#include "trans/option.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool
is_positional(const struct trans_option *option)
{
	return option->flags & TRANS_OPTION_POSITIONAL;
}

/* Whether its value is a path, with a descriptor. */
bool
option_names_file(const struct trans_option *option)
{
	return option->type == TRANS_OPTION_FILE || option->type == TRANS_OPTION_DIR ||
	    option->type == TRANS_OPTION_PATH;
}

/* "--size" or "FILE", as a person would write it. */
static void
put_name(struct text *text, const struct trans_option *option)
{
	text_printf(text, "%s%s", is_positional(option) ? "" : "--", option->name);
}

static int
complain(struct text *why, const struct trans_option *option, const char *value, const char *what)
{
	put_name(why, option);
	if (value) {
		text_puts(why, is_positional(option) ? " " : "=");
		text_quote(why, value);
	}
	text_puts(why, ": ");
	text_puts(why, what);
	return -EINVAL;
}

/* Lists ------------------------------------------------------------------ */

static size_t
list_size(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static void
list_drop(struct option_value *value)
{
	for (size_t i = 0; i < list_size(value->list); i++)
		free(value->list[i]);
	free(value->list);
	value->list = NULL;
}

static int
list_add(struct option_value *value, const char *word)
{
	size_t n = list_size(value->list);
	char *copy = strdup(word);
	char **grown = copy ? realloc(value->list, (n + 2) * sizeof(*grown)) : NULL;

	if (!grown) {
		free(copy);
		return -ENOMEM;
	}
	grown[n] = copy;
	grown[n + 1] = NULL;
	value->list = grown;
	return 0;
}

static int
list_copy(struct option_value *value, char *const *from)
{
	int err = 0;

	for (size_t i = 0; i < list_size(from) && err == 0; i++)
		err = list_add(value, from[i]);
	return err;
}

static bool
list_equal(char *const *a, char *const *b)
{
	size_t n = list_size(a);

	if (list_size(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* Sets ------------------------------------------------------------------- */

static int
load_default(struct option_value *value, const struct trans_option *option)
{
	const char *string;

	value->fd = -1;
	switch (option->type) {
	case TRANS_OPTION_STRING:
		string = *(const char **)option->value;
		value->string = string ? strdup(string) : NULL;
		return string && !value->string ? -ENOMEM : 0;
	case TRANS_OPTION_NUMBER:
		value->number = *(int64_t *)option->value;
		return 0;
	case TRANS_OPTION_SIZE:
		value->size = *(uint64_t *)option->value;
		return 0;
	case TRANS_OPTION_FLAG:
		value->flag = !!*(int *)option->value;
		return 0;
	case TRANS_OPTION_LIST:
		return list_copy(value, *(char ***)option->value);
	default:
		return 0;
	}
}

static size_t
table_size(const struct trans_option *table)
{
	size_t n = 0;

	while (table && table[n].type != TRANS_OPTION_END)
		n++;
	return n;
}

/* Makes a set of what the author's variables hold now: the defaults. A file
 * has none. 0 or -ENOMEM. */
int
option_set_init(struct option_set *set, const struct trans_option *table)
{
	struct option_set made = { .table = table, .n = table_size(table) };
	int err = 0;

	made.values = calloc(made.n + 1, sizeof(*made.values));
	if (!made.values)
		return -ENOMEM;
	for (size_t i = 0; i < made.n; i++)
		if (load_default(&made.values[i], &table[i]) < 0)
			err = -ENOMEM;
	if (err < 0)
		option_set_deinit(&made);
	else
		*set = made;
	return err;
}

/* Releases strings and descriptors; a zeroed set is fine. */
void
option_set_deinit(struct option_set *set)
{
	for (size_t i = 0; set->values && i < set->n; i++) {
		free(set->values[i].string);
		list_drop(&set->values[i]);
		fd_close(&set->values[i].fd);
	}
	free(set->values);
	*set = (struct option_set){ 0 };
}

static int
copy_value(struct option_value *value, const struct option_value *from)
{
	*value = *from;
	value->fd = -1;
	value->string = NULL;
	value->list = NULL;
	if (from->string && !(value->string = strdup(from->string)))
		return -ENOMEM;
	if (list_copy(value, from->list) < 0)
		return -ENOMEM;
	if (from->fd >= 0 && (value->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return -errno;
	return 0;
}

/* Makes *set an independent copy. 0 or -errno. */
int
option_set_copy(struct option_set *set, const struct option_set *from)
{
	struct option_set made = { .table = from->table, .n = from->n };
	int err = 0;

	made.values = calloc(made.n + 1, sizeof(*made.values));
	if (!made.values)
		return -ENOMEM;
	for (size_t i = 0; i < made.n; i++)
		made.values[i].fd = -1;
	for (size_t i = 0; i < made.n && err == 0; i++)
		err = copy_value(&made.values[i], &from->values[i]);
	if (err < 0)
		option_set_deinit(&made);
	else
		*set = made;
	return err;
}

/* Values ----------------------------------------------------------------- */

/* An unsigned number, decimal or 0x, with what follows it in *endp. */
static int
parse_digits(const char *word, uint64_t *valuep, const char **endp)
{
	int base = word[0] == '0' && (word[1] == 'x' || word[1] == 'X') ? 16 : 10;
	const char *digits = base == 16 ? word + 2 : word;
	char *end;
	uint64_t value;

	if (!strchr(base == 16 ? "0123456789abcdefABCDEF" : "0123456789", *digits) || !*digits)
		return -EINVAL;
	errno = 0;
	value = strtoull(digits, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	*valuep = value;
	*endp = end;
	return 0;
}

static int
parse_number(const char *word, int64_t *valuep)
{
	bool negative = word[0] == '-';
	uint64_t magnitude;
	const char *end;
	int err = parse_digits(word + negative, &magnitude, &end);

	if (err < 0)
		return err;
	if (*end)
		return -EINVAL;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*valuep = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

static int
suffix_shift(const char *suffix)
{
	static const char letters[] = "kKmMgGtT";
	const char *found;

	if (!*suffix)
		return 0;
	found = strchr(letters, *suffix);
	if (!found || suffix[1])
		return -1;
	return 10 * (1 + (int)(found - letters) / 2);
}

static int
parse_size(const char *word, uint64_t *valuep)
{
	uint64_t value;
	const char *end;
	int shift, err = parse_digits(word, &value, &end);

	if (err < 0)
		return err;
	shift = suffix_shift(end);
	if (shift < 0)
		return -EINVAL;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*valuep = value << shift;
	return 0;
}

static int
set_string(struct option_value *value, const char *word)
{
	char *copy = strdup(word);

	if (!copy)
		return -ENOMEM;
	free(value->string);
	value->string = copy;
	return 0;
}

/* Gives an option its value from a word. */
static int
set_value(struct option_set *set, size_t i, const char *word, struct text *why)
{
	const struct trans_option *option = &set->table[i];
	struct option_value *value = &set->values[i];
	int err;

	value->given = true;
	switch (option->type) {
	case TRANS_OPTION_STRING:
		return set_string(value, word);
	case TRANS_OPTION_NUMBER:
		err = parse_number(word, &value->number);
		return err == 0 ? 0 : complain(why, option, word, err == -ERANGE ?
		    "that number is out of range (64 bits, signed)" :
		    "that is no number: digits, or 0x and hexadecimal digits");
	case TRANS_OPTION_SIZE:
		err = parse_size(word, &value->size);
		return err == 0 ? 0 : complain(why, option, word, err == -ERANGE ?
		    "that size is out of range (64 bits)" :
		    "that is no size: digits, and k, M, G or T after them if need be");
	case TRANS_OPTION_LIST:
		return list_add(value, word);
	default:
		if (!*word)
			return complain(why, option, word, "that names no file");
		fd_close(&value->fd);
		return set_string(value, word);
	}
}

/* Parsing ---------------------------------------------------------------- */

/* Words on their way into a set. */
struct parse {
	struct option_set *set;
	const struct argv *argv;
	const char *word;	/* the one in hand */
	size_t positional;	/* where the search for the next argument's place starts */
	bool names_ended;	/* after "--" */
	struct text *why;
};

static int
parse_positional(struct parse *parse)
{
	struct option_set *set = parse->set;

	while (parse->positional < set->n) {
		size_t i = parse->positional++;

		if (is_positional(&set->table[i]))
			return set_value(set, i, parse->word, parse->why);
	}
	text_puts(parse->why, "unexpected argument ");
	text_quote(parse->why, parse->word);
	return -EINVAL;
}

/* The value of an option: what stands after "=" or the letter, or the next word. */
static int
parse_value(struct parse *parse, size_t i, const char *attached)
{
	if (!attached) {
		attached = argv_next(parse->argv, parse->word);
		if (!attached)
			return complain(parse->why, &parse->set->table[i], NULL,
			    "a value is missing");
		parse->word = attached;
	}
	return set_value(parse->set, i, attached, parse->why);
}

static int
parse_flag(struct parse *parse, size_t i, int on, const char *attached)
{
	if (attached)
		return complain(parse->why, &parse->set->table[i], attached,
		    "this option takes no value");
	parse->set->values[i].given = true;
	if (parse->set->table[i].type == TRANS_OPTION_LIST)
		list_drop(&parse->set->values[i]);
	else
		parse->set->values[i].flag = on;
	return 0;
}

static bool
name_equals(const struct trans_option *option, const char *name, size_t size)
{
	return !is_positional(option) && strlen(option->name) == size &&
	    memcmp(option->name, name, size) == 0;
}

static int
unknown_option(struct parse *parse, const char *word)
{
	text_puts(parse->why, "unknown option ");
	text_quote(parse->why, word);
	return -EINVAL;
}

static int
parse_long(struct parse *parse)
{
	const struct option_set *set = parse->set;
	const char *name = parse->word + 2;
	size_t size = strcspn(name, "=");
	const char *attached = name[size] ? name + size + 1 : NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct trans_option *option = &set->table[i];
		bool is_flag = option->type == TRANS_OPTION_FLAG;
		bool has_no = is_flag || option->type == TRANS_OPTION_LIST;

		if (name_equals(option, name, size))
			return is_flag ? parse_flag(parse, i, 1, attached)
			    : parse_value(parse, i, attached);
		if (has_no && size > 3 && memcmp(name, "no-", 3) == 0 &&
		    name_equals(option, name + 3, size - 3))
			return parse_flag(parse, i, 0, attached);
	}
	if (strcmp(name, "help") == 0)
		return OPTION_HELP;
	if (strcmp(name, "version") == 0)
		return OPTION_VERSION;
	return unknown_option(parse, parse->word);
}

static int
find_letter(const struct option_set *set, char letter, size_t *ip)
{
	for (size_t i = 0; i < set->n; i++) {
		if (is_positional(&set->table[i]) || set->table[i].letter != letter)
			continue;
		*ip = i;
		return 0;
	}
	return -ENOENT;
}

/* "-c VALUE", "-cVALUE", and flags together: "-ab". */
static int
parse_letters(struct parse *parse)
{
	const char *letters = parse->word + 1;

	if (strcmp(letters, "?") == 0)
		return OPTION_HELP;
	for (; *letters; letters++) {
		size_t i;

		if (find_letter(parse->set, *letters, &i) < 0)
			return unknown_option(parse, parse->word);
		if (parse->set->table[i].type != TRANS_OPTION_FLAG)
			return parse_value(parse, i, letters[1] ? letters + 1 : NULL);
		parse->set->values[i].given = true;
		parse->set->values[i].flag = 1;
	}
	return 0;
}

static int
parse_word(struct parse *parse)
{
	const char *word = parse->word;

	if (parse->names_ended || word[0] != '-' || !word[1])
		return parse_positional(parse);
	if (word[1] != '-')
		return parse_letters(parse);
	if (word[2])
		return parse_long(parse);
	parse->names_ended = true;
	return 0;
}

/* Merges the words of argv after the first `skip` into the set. 0,
 * OPTION_HELP or OPTION_VERSION, -EINVAL with *why, -ENOMEM. After anything
 * but 0 the set is good for nothing but option_set_deinit. */
int
option_set_parse(struct option_set *set, const struct argv *argv, size_t skip, struct text *why)
{
	struct parse parse = { .set = set, .argv = argv, .why = why };

	while ((parse.word = argv_next(argv, parse.word))) {
		int err;

		if (skip > 0) {
			skip--;
			continue;
		}
		err = parse_word(&parse);
		if (err != 0)
			return err;
	}
	return 0;
}

/* Whether all that is required was given: 0, or -EINVAL with *why. */
int
option_set_complete(const struct option_set *set, struct text *why)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct trans_option *option = &set->table[i];

		if (!(option->flags & TRANS_OPTION_REQUIRED) || set->values[i].given)
			continue;
		put_name(why, option);
		text_printf(why, " is missing (%s)", option->help);
		return -EINVAL;
	}
	return 0;
}

/* Files ------------------------------------------------------------------ */

static char *
join(const char *dir, const char *name)
{
	AUTO_TEXT struct text path = { 0 };

	text_printf(&path, "%s%s%s", dir, strcmp(dir, "/") == 0 ? "" : "/", name);
	return path.error ? NULL : strdup(text_string(&path));
}

/* The absolute path by which a file is to be found again. Its directory is
 * resolved, the last component is not: a link that is made to point elsewhere
 * later is meant to. NULL with errno. */
static char *
resolve(const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	AUTO_FREE char *dir = NULL;
	char *slash, *base;

	if (!copy)
		return NULL;
	for (size_t size = strlen(copy); size > 1 && copy[size - 1] == '/'; size--)
		copy[size - 1] = '\0';
	slash = strrchr(copy, '/');
	base = slash ? slash + 1 : copy;
	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return realpath(copy, NULL);
	if (slash)
		*slash = '\0';
	dir = realpath(!slash ? "." : *copy ? copy : "/", NULL);
	return dir ? join(dir, base) : NULL;
}

/* Why it is not what the option is about; NULL: it is. */
static const char *
problem_with(const struct trans_option *option, mode_t mode)
{
	if (S_ISREG(mode))
		return NULL;
	if (option->type == TRANS_OPTION_PATH)
		return "it is neither a regular file nor a directory";
	if (S_ISBLK(mode))
		return NULL;
	return S_ISDIR(mode) ? "it is a directory, a file is needed"
	    : "it is neither a regular file nor a block device";
}

/* Opens without being held up by a FIFO or a terminal. */
static int
open_to_read(const struct trans_option *option, const char *path, int *fdp,
    const char **problemp)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*problemp = problem_with(option, st.st_mode);
	if (*problemp)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	*fdp = fd_steal(&fd);
	return 0;
}

static int
open_option(const struct trans_option *option, const char *path, int *fdp, const char **problemp)
{
	int fd;

	if (option->type == TRANS_OPTION_FILE)
		return open_to_read(option, path, fdp, problemp);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR && option->type == TRANS_OPTION_PATH)
		return open_to_read(option, path, fdp, problemp);
	if (fd < 0)
		return -errno;
	*fdp = fd;
	return 0;
}

/* Makes the paths of files absolute, against the current directory, and opens
 * them. 0 or -errno with *why. */
int
option_set_open(struct option_set *set, struct text *why)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct trans_option *option = &set->table[i];
		struct option_value *value = &set->values[i];
		const char *problem = NULL;
		char *path;
		int err;

		if (!option_names_file(option) || !value->string || value->fd >= 0)
			continue;
		path = resolve(value->string);
		err = path ? open_option(option, path, &value->fd, &problem) : -errno;
		if (err < 0) {
			free(path);
			complain(why, option, value->string, problem ? problem : strerror(-err));
			return err;
		}
		free(value->string);
		value->string = path;
	}
	return 0;
}

/* Gives the file option `name` the descriptor that somebody else opened for it
 * (eats fd), and its path unless that is NULL. 0, or -EINVAL with *why. */
int
option_set_adopt(struct option_set *set, const char *name, const char *path, int fd,
    struct text *why)
{
	AUTO_CLOSE int mine = fd;

	for (size_t i = 0; i < set->n; i++) {
		struct option_value *value = &set->values[i];

		if (!option_names_file(&set->table[i]) || strcmp(set->table[i].name, name) != 0)
			continue;
		if (fcntl(mine, F_SETFD, FD_CLOEXEC) < 0)
			return complain(why, &set->table[i], value->string,
			    "no open file came with it");
		if (path && set_string(value, path) < 0)
			return -ENOMEM;
		fd_close(&value->fd);
		value->fd = fd_steal(&mine);
		value->given = true;
		return 0;
	}
	text_puts(why, "a file came for an option that does not exist: ");
	text_quote(why, name);
	return -EINVAL;
}

/* Whether every file that is named is open: 0, or -EINVAL with *why. */
int
option_set_adopted(const struct option_set *set, struct text *why)
{
	for (size_t i = 0; i < set->n; i++)
		if (option_names_file(&set->table[i]) && set->values[i].string &&
		    set->values[i].fd < 0)
			return complain(why, &set->table[i], set->values[i].string,
			    "no open file came with it");
	return 0;
}

/* Adds what tells the content of an open file from another: 0 or -errno. What is in a
 * directory may change; it is the same directory. */
int
option_identity(int fd, struct text *identity)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	text_printf(identity, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	if (!S_ISDIR(st.st_mode))
		text_printf(identity, ":%jd:%jd.%09ld", (intmax_t)st.st_size,
		    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return identity->error;
}

/* Adds the files that are named: OPTION, PATH pairs, and an identity each. */
int
option_set_files(const struct option_set *set, struct argv *files, struct argv *identities)
{
	for (size_t i = 0; i < set->n; i++) {
		AUTO_TEXT struct text identity = { 0 };
		int err;

		if (!option_names_file(&set->table[i]) || set->values[i].fd < 0)
			continue;
		err = option_identity(set->values[i].fd, &identity);
		if (err < 0 ||
		    (err = argv_add(files, set->table[i].name)) < 0 ||
		    (err = argv_add(files, set->values[i].string)) < 0 ||
		    (err = argv_add(identities, text_string(&identity))) < 0)
			return err;
	}
	return 0;
}

static bool
string_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether two sets of one table name the same files. */
bool
option_set_files_equal(const struct option_set *a, const struct option_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (option_names_file(&a->table[i]) &&
		    !string_equal(a->values[i].string, b->values[i].string))
			return false;
	return true;
}

/* Out again -------------------------------------------------------------- */

/* Puts the values where the author reads them. Strings stay the set's. */
void
option_set_install(const struct option_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct trans_option *option = &set->table[i];
		const struct option_value *value = &set->values[i];

		switch (option->type) {
		case TRANS_OPTION_STRING:
			*(const char **)option->value = value->string;
			break;
		case TRANS_OPTION_NUMBER:
			*(int64_t *)option->value = value->number;
			break;
		case TRANS_OPTION_SIZE:
			*(uint64_t *)option->value = value->size;
			break;
		case TRANS_OPTION_FLAG:
			*(int *)option->value = value->flag;
			break;
		case TRANS_OPTION_LIST:
			*(char ***)option->value = value->list;
			break;
		default:
			*(struct trans_file *)option->value =
			    (struct trans_file){ .path = value->string, .fd = value->fd };
		}
	}
}

static bool
value_equal(const struct trans_option *option, const struct option_value *a,
    const struct option_value *b)
{
	switch (option->type) {
	case TRANS_OPTION_NUMBER:
		return a->number == b->number;
	case TRANS_OPTION_SIZE:
		return a->size == b->size;
	case TRANS_OPTION_FLAG:
		return a->flag == b->flag;
	case TRANS_OPTION_LIST:
		return list_equal(a->list, b->list);
	default:
		return string_equal(a->string, b->string);
	}
}

/* The largest unit that says it exactly. */
static void
put_size(struct text *text, uint64_t size)
{
	static const char *const suffix[] = { "", "K", "M", "G", "T" };
	size_t i = 0;

	while (size != 0 && size % 1024 == 0 && i + 1 < ARRAY_SIZE(suffix)) {
		size /= 1024;
		i++;
	}
	text_printf(text, "%" PRIu64 "%s", size, suffix[i]);
}

static void
put_value(struct text *text, const struct trans_option *option, const struct option_value *value)
{
	switch (option->type) {
	case TRANS_OPTION_NUMBER:
		text_printf(text, "%" PRId64, value->number);
		break;
	case TRANS_OPTION_SIZE:
		put_size(text, value->size);
		break;
	default:
		text_puts(text, value->string ? value->string : "");
	}
}

/* Parsing starts from what the defaults have. */
static int
print_list(const struct trans_option *option, char *const *list, char *const *defaults,
    struct argv *argv)
{
	int err = list_size(defaults) ? argv_printf(argv, "--no-%s", option->name) : 0;

	for (size_t i = 0; i < list_size(list) && err == 0; i++)
		err = argv_printf(argv, "--%s=%s", option->name, list[i]);
	return err;
}

static int
print_option(const struct trans_option *option, const struct option_value *value,
    const struct option_value *standard, struct argv *argv)
{
	AUTO_TEXT struct text word = { 0 };

	if (option->type == TRANS_OPTION_FLAG)
		return argv_printf(argv, "--%s%s", value->flag ? "" : "no-", option->name);
	if (option->type == TRANS_OPTION_LIST)
		return print_list(option, value->list, standard->list, argv);
	text_printf(&word, "--%s=", option->name);
	put_value(&word, option, value);
	return word.error ? word.error : argv_add(argv, text_string(&word));
}

/* Positional arguments, as far as the last that was given; "--" before them
 * when one of them looks like an option. */
static int
print_positionals(const struct option_set *set, struct argv *argv)
{
	AUTO_ARGV struct argv words = { 0 };
	bool dash = false;
	size_t end = 0;
	int err;

	for (size_t i = 0; i < set->n; i++)
		if (is_positional(&set->table[i]) && set->values[i].given)
			end = i + 1;
	for (size_t i = 0; i < end; i++) {
		AUTO_TEXT struct text word = { 0 };

		if (!is_positional(&set->table[i]))
			continue;
		put_value(&word, &set->table[i], &set->values[i]);
		dash |= text_string(&word)[0] == '-';
		err = word.error ? word.error : argv_add(&words, text_string(&word));
		if (err < 0)
			return err;
	}
	if (dash && (err = argv_add(argv, "--")) < 0)
		return err;
	for (const char *word = NULL; (word = argv_next(&words, word));)
		if ((err = argv_add(argv, word)) < 0)
			return err;
	return 0;
}

/* Adds the canonical words of a set: what differs from the defaults, then the
 * arguments. 0 or -ENOMEM. */
int
option_set_print(const struct option_set *set, const struct option_set *defaults, struct argv *argv)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct trans_option *option = &set->table[i];
		int err;

		if (is_positional(option) ||
		    value_equal(option, &set->values[i], &defaults->values[i]))
			continue;
		err = print_option(option, &set->values[i], &defaults->values[i], argv);
		if (err < 0)
			return err;
	}
	return print_positionals(set, argv);
}

static const char *
type_name(const struct trans_option *option)
{
	switch (option->type) {
	case TRANS_OPTION_NUMBER:
		return "NUMBER";
	case TRANS_OPTION_SIZE:
		return "SIZE";
	case TRANS_OPTION_FLAG:
		return "";
	case TRANS_OPTION_FILE:
		return "FILE";
	case TRANS_OPTION_DIR:
		return "DIRECTORY";
	case TRANS_OPTION_PATH:
		return "PATH";
	case TRANS_OPTION_LIST:
		return "STRING...";
	default:
		return "STRING";
	}
}

static void
usage_line(const struct trans_option *option, struct text *usage)
{
	AUTO_TEXT struct text left = { 0 };

	if (is_positional(option)) {
		text_printf(&left, "  %s", option->name);
	} else {
		if (option->letter)
			text_printf(&left, "  -%c, --", option->letter);
		else
			text_puts(&left, "      --");
		if (option->type == TRANS_OPTION_FLAG)
			text_printf(&left, "[no-]%s", option->name);
		else
			text_printf(&left, "%s=%s", option->name, type_name(option));
	}
	text_printf(usage, "%-28s  %s", text_string(&left), option->help);
}

static void
usage_default(const struct trans_option *option, struct text *usage)
{
	struct option_value value = { 0 };
	AUTO_TEXT struct text word = { 0 };
	AUTO_TEXT struct text quoted = { 0 };

	if (option_names_file(option) || option->type == TRANS_OPTION_LIST ||
	    load_default(&value, option) < 0)
		return;
	put_value(&word, option, &value);
	if (option->type == TRANS_OPTION_FLAG)
		text_printf(usage, " (default: %s)", value.flag ? "yes" : "no");
	else if (value.string || option->type != TRANS_OPTION_STRING) {
		text_quote(&quoted, text_string(&word));
		text_printf(usage, " (default: %s)", text_string(&quoted));
	}
	free(value.string);
}

static void
usage_synopsis(const struct trans_option *table, const char *name, struct text *usage)
{
	text_printf(usage, "usage: settrans [-c] NODE %s [OPTION...]", name);
	for (size_t i = 0; i < table_size(table); i++) {
		bool required = table[i].flags & TRANS_OPTION_REQUIRED;

		if (is_positional(&table[i]))
			text_printf(usage, required ? " %s" : " [%s]", table[i].name);
	}
	text_puts(usage, "\n");
}

/* What --help prints. The defaults are what the author's variables hold. */
void
option_usage(const struct trans_option *table, const char *name, const char *summary,
    struct text *usage)
{
	usage_synopsis(table, name, usage);
	text_printf(usage, "%s: %s\n\n", name, summary ? summary : "a translator");
	for (size_t i = 0; i < table_size(table); i++) {
		usage_line(&table[i], usage);
		if (table[i].flags & TRANS_OPTION_REQUIRED)
			text_puts(usage, " (required)");
		else
			usage_default(&table[i], usage);
		text_puts(usage, "\n");
	}
	text_printf(usage, "%-28s  %s\n%-28s  %s\n", "      --help", "print this",
	    "      --version", "print the version");
}
