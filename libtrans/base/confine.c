/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confine: what a program may, as lists of paths and limits. */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/elf.h"
#include "base/syscalls.h"
#include "base/landlock.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };	/* maps terabytes, and writes its findings where it was told to */
#else
enum { SANITIZED = false };
#endif

enum {
	LIBRARY_DEPTH = 4,	/* libraries of libraries */
	/* Address space costs nothing, but shared memory is counted nowhere else. */
	SPACE_FACTOR = 4,
};

/* What programs need that do nothing else. */
static const char *const readable[] = {
	"/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64",
	"/usr/libx32", "/usr/local/lib", "/usr/local/lib64", "/etc/ld.so.cache",
	"/etc/ld.so.preload", "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale",
	"/dev/urandom", "/proc/self",
};

static const char *const readable_network[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/protocols", "/etc/ssl", "/etc/pki", "/etc/ca-certificates",
	"/usr/share/ca-certificates", "/run/systemd/resolve", "/run/resolvconf",
};

static const char *const executable[] = {
	"/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/libx32",
};

static const char *const readable_exec[] = { "/etc" };

/* Telling --------------------------------------------------------------------- */

static const struct {
	unsigned grant;
	const char *name;
} names[] = {
	{ CONFINE_NETWORK, "network" },
	{ CONFINE_EXEC, "exec" },
};

/* The user's word for it. */
const char *
confine_grant_name(unsigned grant)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].grant == grant)
			return names[i].name;
	return NULL;
}

/* An error is latched in text. */
void
confine_print_grants(struct text *text, unsigned grants)
{
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(grants & names[i].grant))
			continue;
		text_printf(text, "%s%s", comma, names[i].name);
		comma = ",";
	}
}

static int
parse_grant(const char *word, size_t size, unsigned *grantsp, struct text *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == size && strncmp(names[i].name, word, size) == 0) {
			*grantsp |= names[i].grant;
			return 0;
		}
	text_printf(why, "'%.*s' cannot be granted; there are: ", (int)size, word);
	confine_print_grants(why, CONFINE_GRANTED);
	return -EINVAL;
}

/* *grantsp is as it was after a failure. */
int
confine_parse_grants(const char *list, unsigned *grantsp, struct text *why)
{
	unsigned grants = *grantsp;
	int err;

	for (;;) {
		size_t size = strcspn(list, ",");

		err = parse_grant(list, size, &grants, why);
		if (err < 0)
			return err;
		if (!list[size])
			break;
		list += size + 1;
	}
	*grantsp = grants;
	return 0;
}

/* What the kernel has, named with what it lacks. */
void
confine_print_landlock(struct text *text, const struct confine_report *report)
{
	if (report->landlock == 0) {
		text_puts(text, "no Landlock: ");
		if (report->landlock_errno == EOPNOTSUPP)
			text_puts(text, "switched off at boot");
		else if (report->landlock_errno == ENOSYS)
			text_puts(text, "this kernel has none");
		else
			text_puts(text, strerror((int)report->landlock_errno));
		return;
	}
	text_printf(text, "Landlock %u", report->landlock);
	if (report->landlock < LANDLOCK_ABI_NETWORK)
		text_puts(text, " (without TCP, abstract sockets and signals)");
	else if (report->landlock < LANDLOCK_ABI_SCOPES)
		text_puts(text, " (without abstract sockets and signals)");
}

/* Whether system calls are filtered, or why not. */
void
confine_print_filter(struct text *text, const struct confine_report *report)
{
	if (report->filter == CONFINE_FILTER_ON)
		text_puts(text, "seccomp");
	else if (report->filter == CONFINE_FILTER_NOT_BUILT)
		text_puts(text, "no seccomp: this hird was built without libseccomp");
	else
		text_puts(text, "no seccomp: this kernel has none");
}

/* Whether memory and processes of all that it starts together are limited, or why not. */
void
confine_print_cgroup(struct text *text, const struct confine_report *report)
{
	cgroup_print(text, report->cgroup, report->cgroup_flags);
}

/* Before the fork ---------------------------------------------------------------- */

/* The least of what is wished and what there is a right to. */
static uint64_t
within_hard(int resource, uint64_t wished)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_max < wished)
		return limit.rlim_max;
	return wished;
}

/* Asked of the kernel once. */
void
confine_look(const struct confine *confine, struct confine_report *report)
{
	static bool looked;
	static unsigned abi;
	static int abi_errno;
	static bool filters;

	if (!looked) {
		abi = landlock_abi(&abi_errno);
		filters = syscalls_is_there();
		looked = true;
	}
	*report = (struct confine_report){
		.state = CONFINE_ON,
		.landlock = abi,
		.landlock_errno = (uint32_t)abi_errno,
		.filter = !syscalls_is_built() ? CONFINE_FILTER_NOT_BUILT :
		    filters ? CONFINE_FILTER_ON : CONFINE_FILTER_NO_KERNEL,
		.grants = confine->grants,
		.files = (uint32_t)within_hard(RLIMIT_NOFILE, CONFINE_FILES),
		.memory = SANITIZED || !confine->memory ? 0
		    : within_hard(RLIMIT_DATA, confine->memory),
	};
}

/* Who starts programs must be able to end them; then only Landlock tells these from
 * others. */
static unsigned
permitted(const struct confine *confine)
{
	unsigned permits = 0;

	if (confine->grants & CONFINE_NETWORK)
		permits |= SYSCALLS_NETWORK;
	if (confine->grants & CONFINE_EXEC)
		permits |= SYSCALLS_FORK | SYSCALLS_SIGNALS;
	if (confine->grants & CONFINE_WRITE)
		permits |= SYSCALLS_ATTRIBUTES;
	return permits;
}

/* Fills *ready, which holds on to what it was given. */
int
confine_prepare(struct confine_ready *ready, const struct confine *confine, const char *program,
    const struct argv *argv)
{
	*ready = (struct confine_ready){
		.confine = confine, .program = program, .argv = argv,
	};
	confine_look(confine, &ready->report);
	if (ready->report.filter != CONFINE_FILTER_ON)
		return 0;
	ready->filter = syscalls_filter_get(permitted(confine));
	return ready->filter ? 0 : -errno;
}

/* In the child ------------------------------------------------------------------- */

struct rules {
	int ruleset;
	unsigned abi;
	int error;		/* of the first rule that could not be made */
	unsigned depth;
};

static void
allow_fd(struct rules *rules, int fd, unsigned rights)
{
	int err = fd < 0 ? 0 : landlock_allow(rules->ruleset, rules->abi, fd, rights);

	/* A pipe or a memory file, by /proc/self/fd: Landlock leaves these alone. */
	if (err < 0 && err != -EBADFD && !rules->error)
		rules->error = err;
}

/* What is not there needs no rule. */
static void
allow_path(struct rules *rules, const char *path, unsigned rights)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	allow_fd(rules, fd, rights);
}

static void
allow_paths(struct rules *rules, const char *const *paths, size_t n, unsigned rights)
{
	for (size_t i = 0; i < n; i++)
		allow_path(rules, paths[i], rights);
}

static void on_need(enum elf_need what, const char *path, void *arg);

/* A program or a library with what it is loaded with. As a library only what is one: its
 * name is the program's choice. */
static void
allow_loaded(struct rules *rules, const char *path, unsigned rights)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool known;

	if (fd < 0) {
		/* It may be executable without being readable. */
		if (rights & LANDLOCK_EXECUTE)
			allow_path(rules, path, rights);
		return;
	}
	if (rules->depth >= LIBRARY_DEPTH)
		return;
	rules->depth++;
	known = elf_needs(fd, path, on_need, rules);
	rules->depth--;
	if (known || (rights & LANDLOCK_EXECUTE))
		allow_fd(rules, fd, rights);
}

static void
on_need(enum elf_need what, const char *path, void *arg)
{
	allow_loaded(arg, path, what == ELF_INTERPRETER ? LANDLOCK_READ | LANDLOCK_EXECUTE
	    : LANDLOCK_READ);
}

/* "FILE", "--option=FILE", "-oFILE": which of them is a file, looking tells. */
static void
allow_words(struct rules *rules, const struct argv *argv)
{
	const char *word = argv_next(argv, NULL);

	while (word && (word = argv_next(argv, word))) {
		const char *value = strchr(word, '=');

		if (word[0])
			allow_path(rules, word, LANDLOCK_READ);
		if (value && value[1])
			allow_path(rules, value + 1, LANDLOCK_READ);
		if (word[0] == '-' && word[1] && word[1] != '-' && word[2])
			allow_path(rules, word + 2, LANDLOCK_READ);
	}
}

/* Where a sanitizer was told to write: its directory. */
static void
allow_findings(struct rules *rules)
{
	const char *options = getenv("ASAN_OPTIONS");
	const char *path = options ? strstr(options, "log_path=") : NULL;
	char dir[4096], *slash;

	if (!path)
		return;
	snprintf(dir, sizeof(dir), "%s", path + strlen("log_path="));
	dir[strcspn(dir, ":")] = '\0';
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	allow_path(rules, dir, LANDLOCK_READ | LANDLOCK_WRITE);
}

static void
make_rules(struct rules *rules, const struct confine_ready *ready, int underlying, int first_fd,
    unsigned n_fds)
{
	const struct confine *confine = ready->confine;
	unsigned given = LANDLOCK_READ | (confine->grants & CONFINE_WRITE ? LANDLOCK_WRITE : 0);

	allow_paths(rules, readable, ARRAY_SIZE(readable), LANDLOCK_READ);
	allow_path(rules, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);
	allow_loaded(rules, ready->program, LANDLOCK_READ | LANDLOCK_EXECUTE);
	if (confine->grants & CONFINE_NETWORK)
		allow_paths(rules, readable_network, ARRAY_SIZE(readable_network), LANDLOCK_READ);
	if (confine->grants & CONFINE_EXEC) {
		allow_paths(rules, executable, ARRAY_SIZE(executable),
		    LANDLOCK_READ | LANDLOCK_EXECUTE);
		allow_paths(rules, readable_exec, ARRAY_SIZE(readable_exec), LANDLOCK_READ);
	}
	if (confine->words)
		allow_words(rules, ready->argv);
	if (SANITIZED)
		allow_findings(rules);
	allow_fd(rules, underlying, given);
	for (unsigned i = 0; i < n_fds; i++)
		allow_fd(rules, first_fd + (int)i, given);
}

static int
enforce_landlock(const struct confine_ready *ready, int underlying, int first_fd, unsigned n_fds)
{
	unsigned abi = ready->report.landlock;
	AUTO_CLOSE int ruleset = landlock_open(abi, ready->confine->grants & CONFINE_NETWORK);
	struct rules rules = { .ruleset = ruleset, .abi = abi };

	if (ruleset < 0)
		return ruleset;
	make_rules(&rules, ready, underlying, first_fd, n_fds);
	return rules.error ? rules.error : landlock_enforce(ruleset);
}

static int
limit(int resource, uint64_t value)
{
	struct rlimit both = { value, value };

	return setrlimit((__rlimit_resource_t)resource, &both);
}

static int
enforce_limits(const struct confine_ready *ready)
{
	const struct confine_report *report = &ready->report;

	if (limit(RLIMIT_NOFILE, report->files) < 0)
		return -errno;
	if (!report->memory)
		return 0;
	if (limit(RLIMIT_DATA, report->memory) < 0 ||
	    limit(RLIMIT_AS, within_hard(RLIMIT_AS, report->memory * SPACE_FACTOR)) < 0)
		return -errno;
	/* Files of memory. Those of a disk are the user's, who has set it to write there. */
	if (!(report->grants & CONFINE_WRITE) &&
	    limit(RLIMIT_FSIZE, within_hard(RLIMIT_FSIZE, report->memory)) < 0)
		return -errno;
	return 0;
}

/* All of it or a failure: never a part in silence. */
const char *
confine_enforce(const struct confine_ready *ready, int underlying, int first_fd, unsigned n_fds)
{
	const char *what = NULL;
	int err = enforce_limits(ready);

	if (err < 0)
		what = "limit";
	if (err == 0 && ready->report.landlock > 0) {
		err = enforce_landlock(ready, underlying, first_fd, n_fds);
		what = err < 0 ? "confine by Landlock" : NULL;
	}
	if (err == 0 && ready->filter) {
		err = syscalls_filter_enforce(ready->filter);
		what = err < 0 ? "confine by seccomp" : NULL;
	}
	errno = -err;
	return what;
}
