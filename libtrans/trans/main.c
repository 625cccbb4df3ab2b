/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main: what a translator's main calls.
 *
 * How it was started decides: with HIRD_DESCRIBE=1 it says what it is and ends;
 * with a connection to portd it serves; from a shell it says how to attach it.
 * Files that options name are opened by path only to describe; a translator that serves
 * finds them open, in HIRD_FILES. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "base/launch.h"
#include "base/log.h"
#include "base/sys.h"
#include "trans/req.h"
#include "trans/serve.h"
#include "trans/translator.h"
#include "wire/describe.h"

enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 64,
};

_Static_assert(TRANS_NEEDS_NETWORK == (int)CONFINE_NETWORK &&
    TRANS_NEEDS_EXEC == (int)CONFINE_EXEC && TRANS_NEEDS_WRITE == (int)CONFINE_WRITE,
    "a translator's needs are what its sandbox can allow");

struct translator translator = { .underlying = -1 };

/* Errors of the author ----------------------------------------------------- */

static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_error[512];

/* See trans.h. */
int
trans_error(int errnum, const char *format, ...)
{
	char line[sizeof(last_error)];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_error("%s", line);
	pthread_mutex_lock(&error_lock);
	strcpy(last_error, line);
	pthread_mutex_unlock(&error_lock);
	return errnum < 0 ? errnum : -errnum;
}

/* See trans.h. */
void
trans_log(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_info("%s", line);
}

/* Main thread; good until the next call of trans_error there. */
const char *
translator_error(void)
{
	static char copy[sizeof(last_error)];

	pthread_mutex_lock(&error_lock);
	strcpy(copy, last_error);
	pthread_mutex_unlock(&error_lock);
	return copy;
}

/* What comes next is about something else. */
void
translator_forget_error(void)
{
	pthread_mutex_lock(&error_lock);
	last_error[0] = '\0';
	pthread_mutex_unlock(&error_lock);
}

/* Small helpers ------------------------------------------------------------ */

/* See trans.h. */
ssize_t
trans_copy(char *buf, size_t size, off_t offset, const void *content, size_t content_size)
{
	if (offset < 0)
		return -EINVAL;
	if ((uint64_t)offset >= content_size)
		return 0;
	if (size > content_size - (size_t)offset)
		size = content_size - (size_t)offset;
	memcpy(buf, (const char *)content + offset, size);
	return (ssize_t)size;
}

/* See trans.h. */
int
trans_underlying(void)
{
	return translator.underlying;
}

/* See trans.h. */
void
trans_needs(unsigned needs)
{
	translator.needs |= needs;
}

/* See trans.h. */
void
trans_kind(enum trans_kind kind)
{
	translator.ops.kind = kind;
}

/* The canonical words of these options, argv[0] first. */
int
translator_argv(const struct option_set *options, struct argv *argv)
{
	int err = argv_add(argv, translator.argv0);

	return err < 0 ? err : option_set_print(options, &translator.defaults, argv);
}

/* Starting ----------------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int
init(const struct trans_ops *ops, char **argv)
{
	size_t size = ops->size < sizeof(*ops) ? ops->size : sizeof(*ops);
	int err;

	memcpy(&translator.ops, ops, size);
	translator.argv0 = argv[0] && *argv[0] ? argv[0] : "translator";
	translator.name = translator.ops.name ? translator.ops.name : base_name(translator.argv0);
	if (!translator.ops.kind)
		translator.ops.kind = TRANS_FILE;
	if (!translator.ops.nature)
		translator.ops.nature = TRANS_OURS;
	log_name(translator.name);
	err = option_set_init(&translator.defaults, translator.ops.options);
	return err < 0 ? err : option_set_copy(&translator.options, &translator.defaults);
}

static int
print_usage(void)
{
	AUTO_TEXT struct text usage = { 0 };

	option_usage(translator.ops.options, translator.name, translator.ops.summary, &usage);
	fputs(text_string(&usage), stdout);
	return 0;
}

static int
usage_error(const struct text *why)
{
	log_error("%s; try: hird help %s", text_string(why), translator.name);
	return STATUS_USAGE;
}

/* -1: go on; else the exit status. */
static int
parse(int argc, char **argv)
{
	AUTO_ARGV struct argv words = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int err = 0;

	for (int i = 1; i < argc && err == 0; i++)
		err = argv_add(&words, argv[i]);
	if (err == 0)
		err = option_set_parse(&translator.options, &words, 0, &why);
	if (err == OPTION_HELP)
		return print_usage();
	if (err == OPTION_VERSION) {
		printf("%s (hird) %s\n", translator.name, VERSION);
		return 0;
	}
	if (err == 0)
		err = option_set_complete(&translator.options, &why);
	if (err == -EINVAL)
		return usage_error(&why);
	if (err < 0)
		log_error("%s", strerror(-err));
	return err < 0 ? STATUS_FAILED : -1;
}

static int
check(void)
{
	int err = translator.ops.check ? translator.ops.check() : 0;

	if (err < 0 && !*translator_error())
		log_error("%s", strerror(-err));
	return err;
}

/* Describing --------------------------------------------------------------- */

/* Attributes that can be had without starting: what has work to do before
 * it can tell is not asked. */
static struct wire_blob
describe_attr(struct wire_attr *attr)
{
	if (translator.ops.start)
		memset(attr, 0, sizeof(*attr));
	else
		serve_root_attr(attr);
	return (struct wire_blob){ attr, attr->valid ? sizeof(*attr) : 0 };
}

static int
put_description(struct wire_buf *buf)
{
	AUTO_ARGV struct argv argv = { 0 };
	AUTO_ARGV struct argv files = { 0 };
	AUTO_ARGV struct argv identities = { 0 };
	struct wire_attr attr;
	int err = translator_argv(&translator.options, &argv);

	if (err == 0)
		err = option_set_files(&translator.options, &files, &identities);
	if (err < 0)
		return err;
	describe_out_put(buf, &(struct describe_out){
		.magic = DESCRIBE_MAGIC,
		.version = WIRE_VERSION,
		.kind = translator.ops.kind,
		.nature = translator.ops.nature,
		.summary = translator.ops.summary,
		.argv = { argv.data, argv.size },
		.files = { files.data, files.size },
		.identities = { identities.data, identities.size },
		.attr = describe_attr(&attr),
		.needs = translator.ops.needs | translator.needs,
	});
	return buf->error;
}

static int
describe(void)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_WIRE struct wire_buf buf = { 0 };
	int err = option_set_open(&translator.options, &why);

	if (err < 0) {
		log_error("%s", why.size ? text_string(&why) : strerror(-err));
		return STATUS_FAILED;
	}
	option_set_install(&translator.options);
	if (check() < 0)
		return STATUS_FAILED;
	err = put_description(&buf);
	if (err == 0)
		err = sys_write_all(LAUNCH_PORT_FD, buf.data, buf.size);
	req_deinit();
	if (err < 0)
		log_error("cannot describe itself on descriptor %d: %s", LAUNCH_PORT_FD,
		    strerror(-err));
	return err < 0 ? STATUS_FAILED : 0;
}

/* Serving ------------------------------------------------------------------ */

/* OPTION=FD of HIRD_FILES. */
static int
adopt(char *pair, struct text *why)
{
	char *value = strchr(pair, '='), *end;
	long fd;

	if (!value) {
		text_puts(why, "HIRD_FILES is malformed");
		return -EINVAL;
	}
	*value++ = '\0';
	fd = strtol(value, &end, 10);
	if (!*value || *end || fd < LAUNCH_FILE_FD || fd >= LAUNCH_FILE_FD + LAUNCH_FILES_MAX) {
		text_puts(why, "HIRD_FILES is malformed");
		return -EINVAL;
	}
	return option_set_adopt(&translator.options, pair, NULL, (int)fd, why);
}

static int
adopt_all(struct text *why)
{
	const char *files = getenv("HIRD_FILES");
	AUTO_FREE char *copy = strdup(files ? files : "");
	char *rest = copy, *pair;
	int err = copy ? 0 : -ENOMEM;

	while (err == 0 && (pair = strsep(&rest, ",")))
		if (*pair)
			err = adopt(pair, why);
	return err == 0 ? option_set_adopted(&translator.options, why) : err;
}

static int
attach(void)
{
	AUTO_TEXT struct text why = { 0 };
	int err = adopt_all(&why);

	if (err < 0) {
		log_error("%s", why.size ? text_string(&why) : strerror(-err));
		return STATUS_FAILED;
	}
	option_set_install(&translator.options);
	unsetenv("HIRD_FILES");
	if (check() < 0)
		return STATUS_FAILED;
	return serve(LAUNCH_PORT_FD);
}

static bool
is_to_describe(void)
{
	const char *found = getenv("HIRD_DESCRIBE");

	return found && strcmp(found, "1") == 0;
}

/* Whether there is a connection to portd where one would be. */
static bool
is_started_by_portd(void)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(LAUNCH_PORT_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	    type == SOCK_SEQPACKET;
}

static int
run(int argc, char **argv)
{
	int status = parse(argc, argv);

	if (status >= 0)
		return status;
	if (is_to_describe())
		return describe();
	if (is_started_by_portd())
		return attach();
	log_error("a translator: attach it with `settrans -c NODE %s ...`", translator.name);
	return STATUS_FAILED;
}

/* See trans.h. */
int
trans_main(const struct trans_ops *ops, int argc, char **argv)
{
	int status = STATUS_FAILED;

	if (init(ops, argv) < 0)
		log_error("out of memory");
	else
		status = run(argc, argv);
	option_set_deinit(&translator.options);
	option_set_deinit(&translator.defaults);
	return status;
}
