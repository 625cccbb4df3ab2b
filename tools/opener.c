/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener: hird open. See opener.h. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tools/opener.h"
#include "tools/record.h"
#include "tools/setting.h"
#include "tools/tool.h"

enum {
	DESCRIBE_TIMEOUT_MS = 60 * 1000,
	ARM_TIMEOUT_MS = 60 * 1000,
	CLASHES_MAX = 1000,
};

/* How a file is packed on the outside; taken off first. */
static const char *const squeezed[] = {
	".gz", ".xz", ".bz2", ".zst", ".lz4", ".lz", ".lzma", ".lzo", ".br", ".z",
};

static const struct {
	const char *suffix;
	const char *translator;
} openers[] = {
	{ ".tar", "tarfs" },
	{ ".tgz", "tarfs" },
	{ ".txz", "tarfs" },
	{ ".tbz", "tarfs" },
	{ ".tbz2", "tarfs" },
	{ ".tzst", "tarfs" },
	{ ".crate", "tarfs" },
	{ ".zip", "zipfs" },
	{ ".jar", "zipfs" },
	{ ".whl", "zipfs" },
	{ ".epub", "zipfs" },
	{ ".docx", "zipfs" },
	{ ".odt", "zipfs" },
	{ ".iso", "isofs" },
	{ ".7z", "archive" },
	{ ".cpio", "archive" },
	{ ".deb", "archive" },
	{ ".rpm", "archive" },
	{ ".rar", "archive" },
	{ ".cab", "archive" },
	{ ".xar", "archive" },
	{ ".a", "archive" },
};

/* The bytes of name before suffix; 0 when it does not end so, or is nothing else. */
static size_t
before_suffix(const char *name, size_t n, const char *suffix)
{
	size_t size = strlen(suffix);

	if (n <= size || strncasecmp(name + n - size, suffix, size) != 0)
		return 0;
	return n - size;
}

static size_t
before_squeezed(const char *name, size_t n)
{
	size_t left;

	for (size_t i = 0; i < ARRAY_SIZE(squeezed); i++)
		if ((left = before_suffix(name, n, squeezed[i])))
			return left;
	return n;
}

/* Splits off what the tables know; *translatorp is left alone when no suffix of
 * `openers` is found. Returns the bytes of the name that remain. */
static size_t
analyse(const char *name, const char **translatorp)
{
	size_t n = before_squeezed(name, strlen(name)), left;

	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		left = before_suffix(name, n, openers[i].suffix);
		if (left) {
			*translatorp = openers[i].translator;
			return left;
		}
	}
	return n;
}

static const char *
last_component(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* Needs a path without trailing slash. */
const char *
opener_for(const char *file)
{
	const char *translator = "archive";

	analyse(last_component(file), &translator);
	return translator;
}

/* Needs a path without trailing slash. */
void
opener_node_name(struct text *name, const char *file)
{
	const char *last = last_component(file), *translator;

	text_add(name, last, analyse(last, &translator));
}

static int
make_directories(char *path)
{
	for (char *slash = path; slash; ) {
		int err;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		err = mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
		if (slash)
			*slash = '/';
		if (err < 0)
			return err;
	}
	return 0;
}

/* The caller frees it. */
char *
opener_dir(bool make, struct text *why)
{
	const char *own = getenv("HIRD_OPEN_DIR"), *home = getenv("HOME");
	AUTO_FREE char *path = NULL;
	char *resolved;
	int err = 0;

	if (own && *own)
		path = strdup(own);
	else if (!home || asprintf(&path, "%s/hird", home) < 0)
		path = NULL;
	if (!path) {
		text_puts(why, "HOME is not set; set HIRD_OPEN_DIR to a folder for opened files");
		return NULL;
	}
	if (make)
		err = make_directories(path);
	resolved = realpath(path, NULL);
	if (!resolved) {
		text_puts(why, "the folder for opened files, ");
		text_safe(why, path);
		text_printf(why, ": %s; set HIRD_OPEN_DIR to another one", strerror(err ? -err : errno));
	}
	return resolved;
}

static bool
is_directly_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

static bool
is_same_argv(struct wire_blob a, struct wire_blob b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Looks for a node in dir with the same setting. 0, -ENOENT, or a code with a line. */
static int
find_same(struct record *record, const char *dir, struct wire_blob argv, struct text *why)
{
	int err;

	while ((err = record_next(record, why)) == 0)
		if (is_directly_in(record->node.path, dir) &&
		    is_same_argv(record->node.passive, argv))
			return 0;
	return err;
}

/* A node whose mount was undone by hand is armed again. */
static int
show_same(const struct record *record, struct text *why)
{
	const struct keeper_arm_in in = { .path = record->node.path };
	struct keeper_arm_out out;
	struct port_reply reply = { 0 };
	int code = 0;

	if (record->node.state == NODE_STATE_UNMOUNTED)
		code = keeper_arm_call(port_bootstrap(), &in, &out, &reply, ARM_TIMEOUT_MS);
	if (code != 0)
		tool_rpc_text(why, code, reply.text, record->node.path);
	else
		puts(record->node.path);
	port_reply_deinit(&reply);
	return code == 0 ? 0 : SETTING_REFUSED;
}

/* dir/NAME, or dir/NAME-2, ...: the first that nothing has. */
static int
free_path(struct text *path, const char *dir, const char *file, struct text *why)
{
	AUTO_TEXT struct text name = { 0 };
	struct stat st;

	opener_node_name(&name, file);
	for (unsigned n = 1; n < CLASHES_MAX; n++) {
		AUTO_RECORD struct record record = { 0 };
		int err;

		text_deinit(path);
		text_printf(path, "%s/%s", dir, text_string(&name));
		if (n > 1)
			text_printf(path, "-%u", n);
		if (path->error)
			return path->error;
		if (lstat(path->data, &st) == 0)
			continue;
		err = record_get(&record, path->data, why);
		if (err != 0)
			return err == -ENOENT ? 0 : -EIO;
	}
	text_printf(why, "there are %d nodes of this name in ", CLASHES_MAX);
	tool_show_path(why, dir);
	text_puts(why, "; hird close some");
	return -EEXIST;
}

static int
make_node(struct setting *setting, const char *dir, const char *file, struct text *why)
{
	AUTO_TEXT struct text path = { 0 };
	int status;

	if (free_path(&path, dir, file, why) < 0)
		return SETTING_REFUSED;
	setting->path = path.data;
	setting->create = true;
	setting->flags = NODE_SET_PASSIVE | NODE_SET_EXCLUSIVE;
	status = setting_apply(setting, why);
	if (status == 0)
		puts(path.data);
	setting->path = NULL;
	return status;
}

static int
open_described(struct setting *setting, const char *file, struct text *why)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_FREE char *dir = opener_dir(true, why);
	int err;

	if (!dir)
		return SETTING_NODE;
	if (tool_connect(TOOL_START, why) < 0)
		return SETTING_REFUSED;
	err = find_same(&record, dir, setting->describe.out.argv, why);
	if (err == 0)
		return show_same(&record, why);
	if (err != -ENOENT)
		return SETTING_REFUSED;
	return make_node(setting, dir, file, why);
}

static char *
resolve_file(const char *file, struct text *why)
{
	char *path = realpath(file, NULL);
	struct stat st;

	if (!path || stat(path, &st) < 0) {
		text_puts(why, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		text_puts(why, S_ISDIR(st.st_mode) ? "is a directory: it is open already" :
		    "is not a regular file");
	} else {
		return path;
	}
	free(path);
	return NULL;
}

/* Errors are said here. */
int
opener_open(const char *file)
{
	AUTO_SETTING struct setting setting = { .timeout_ms = DESCRIBE_TIMEOUT_MS };
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = resolve_file(file, &why);
	char *words[3] = { NULL };
	int status = SETTING_NODE;

	if (path) {
		words[0] = (char *)opener_for(path);
		words[1] = path;
		status = setting_describe(&setting, words, &why);
	}
	if (status == 0)
		status = open_described(&setting, path, &why);
	if (status != 0)
		tool_error(file, "%s", why.size ? text_string(&why) : strerror(ENOMEM));
	return status;
}
