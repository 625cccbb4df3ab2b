/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: hird doctor. See doctor.h. Each check is one function; the table at
 * the bottom is their order. Nothing is changed by looking. */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/confine.h"
#include "port/stubs.h"
#include "tools/doctor.h"
#include "tools/finding.h"
#include "tools/machine.h"
#include "tools/mounts.h"
#include "tools/record.h"
#include "tools/table.h"
#include "tools/tool.h"
#include "wire/runtime.h"

#define FUSE_CONF "/etc/fuse.conf"

enum {
	MOUNT_MAX_DEFAULT = 1000,	/* fusermount3's own */
	INFO_TIMEOUT_MS = 10 * 1000,
	STALE_WAIT_MS = 3000,
};

static const char *const level_names[] = { "ok", "warn", "fail" };

static void
kernel_version(unsigned *majorp, unsigned *minorp)
{
	struct utsname name;

	*majorp = *minorp = 0;
	uname(&name);
	sscanf(name.release, "%u.%u", majorp, minorp);
}

static void
check_kernel(struct finding *finding)
{
	unsigned major, minor;

	kernel_version(&major, &minor);
	text_printf(&finding->what, "Linux %u.%u", major, minor);
	if (access("/sys/fs/fuse", F_OK) < 0 && !doctor_has_line("/proc/filesystems", "nodev\tfuse"))
		found(finding, FAIL, " without FUSE", "load it: sudo modprobe fuse");
	else if (major > 6 || (major == 6 && minor >= 9))
		found(finding, OK, ": who waits for a translator that crashed gets the next one's answer", "");
	else
		found(finding, WARN, ": who waits for a translator that crashes gets an error (6.9 and later resend)", "");
}

static void
check_device(struct finding *finding)
{
	AUTO_CLOSE int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		found(finding, OK, "/dev/fuse can be opened", "");
	else if (errno == EACCES || errno == EPERM)
		found(finding, FAIL, "/dev/fuse may not be opened by you",
		    "sudo chmod 0666 /dev/fuse (udev does so elsewhere); in a container: pass the device in");
	else if (errno == ENOENT)
		found(finding, FAIL, "/dev/fuse is missing",
		    "sudo modprobe fuse; in a container: start it with --device /dev/fuse");
	else
		found(finding, FAIL, "/dev/fuse cannot be opened", strerror(errno));
}

/* fusermount3 looks there for what it may unmount. */
static void
check_mtab(struct finding *finding)
{
	if (access("/etc/mtab", R_OK) == 0)
		found(finding, OK, "/etc/mtab is there", "");
	else
		found(finding, FAIL, "/etc/mtab is missing, so fusermount3 cannot unmount",
		    "sudo ln -s ../proc/self/mounts /etc/mtab");
}

/* Whether a fusermount3 stands in dir; *stp says how. */
static bool
find_fusermount(struct text *path, const char *dir, size_t n, struct stat *stp)
{
	text_deinit(path);
	text_add(path, dir, n);
	text_puts(path, "/fusermount3");
	return n > 0 && !path->error && stat(path->data, stp) == 0;
}

static void
check_fusermount(struct finding *finding)
{
	AUTO_TEXT struct text dirs = { 0 };
	AUTO_TEXT struct text path = { 0 };
	const char *env = getenv("PATH");
	struct stat st;
	bool is_there = false;

	text_printf(&dirs, "%s:/usr/local/bin:/usr/bin:/bin", env ? env : "");
	for (const char *dir = text_string(&dirs); !is_there && *dir; dir += strspn(dir, ":")) {
		size_t n = strcspn(dir, ":");

		is_there = find_fusermount(&path, dir, n, &st);
		dir += n;
	}
	if (!is_there) {
		found(finding, FAIL, "fusermount3 is not installed", "install the package fuse3");
		return;
	}
	text_safe(&finding->what, path.data);
	if (geteuid() != 0 && (st.st_uid != 0 || !(st.st_mode & S_ISUID)))
		found(finding, FAIL, " is not setuid root, so it cannot mount",
		    "install the package fuse3 anew, or: sudo chmod u+s on it");
	else if (geteuid() != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		found(finding, FAIL, " cannot become root here: this session has no_new_privs",
		    "start hird from a session without it (not inside a sandbox or such a container)");
	else
		found(finding, OK, geteuid() == 0 ? " is there" : " is setuid root", "");
}

/* What a translator would be held by if one were started now. */
static void
look_at_sandbox(struct confine_report *report)
{
	const struct confine confine = { .memory = CONFINE_MEMORY, .underlying = -1 };

	confine_look(&confine, report);
}

static void
check_landlock(struct finding *finding)
{
	struct confine_report report;

	look_at_sandbox(&report);
	confine_print_landlock(&finding->what, &report);
	if (report.landlock == 0)
		found(finding, WARN, "; translators may read all your files",
		    report.landlock_errno == EOPNOTSUPP
		    ? "root can add landlock to lsm= on the kernel's command line"
		    : "Linux 5.13 and later have it");
	else
		found(finding, OK, ": a translator reaches what it is given, no other file", "");
}

static void
check_filter(struct finding *finding)
{
	struct confine_report report;

	look_at_sandbox(&report);
	confine_print_filter(&finding->what, &report);
	if (report.filter == CONFINE_FILTER_ON)
		found(finding, OK, ": a translator has no other process and no socket", "");
	else
		found(finding, WARN, "; translators may use other processes and sockets",
		    report.filter == CONFINE_FILTER_NOT_BUILT ? "build hird where libseccomp-dev is"
		    : "a kernel with CONFIG_SECCOMP_FILTER has it");
}

/* That of a portd, or where one would be that is started from here. */
static enum cgroup_state
look_at_group(pid_t pid, struct finding *finding)
{
	enum cgroup_state state = CGROUP_NOT_DELEGATED;
	unsigned flags = 0;
	char dir[PATH_MAX], own[32], *slash;

	snprintf(own, sizeof(own), "/portd-%d", (int)pid);
	if (cgroup_find(pid, dir, sizeof(dir)) < 0)
		state = CGROUP_NONE;
	else if ((slash = strrchr(dir, '/')) && strcmp(slash, own) == 0)
		state = CGROUP_USED;
	else if (cgroup_is_delegated(dir))
		state = CGROUP_SHARED;
	if (state == CGROUP_USED) {
		*slash = '\0';
		flags = cgroup_flags(dir);
	}
	cgroup_print(&finding->what, state, flags);
	return state;
}

static void
check_cgroup(struct finding *finding)
{
	const struct keeper_info_in in = { 0 };
	struct keeper_info_out info;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	bool runs = tool_connect(TOOL_IF_RUNS, &why) == 0 &&
	    keeper_info_call(port_bootstrap(), &in, &info, &reply, INFO_TIMEOUT_MS) == 0;
	enum cgroup_state state = runs ? look_at_group((pid_t)info.pid, finding)
				       : look_at_group(getpid(), finding);

	port_reply_deinit(&reply);
	if (state == CGROUP_USED)
		found(finding, OK, "; each translator is in one of its own", "");
	else if (state == CGROUP_NOT_DELEGATED)
		found(finding, OK, "; each translator has limits of its own, those that run programs in sum none",
		    "the user unit hird-portd.service delegates one (systemd 251 or later)");
	else
		found(finding, OK, "; each translator has limits of its own, those that run programs in sum none", "");
}

/* A directory that is made when it is first needed. */
static void
check_directory(struct finding *finding, char *path, struct text *why)
{
	struct statvfs fs;

	if (!path) {
		found(finding, FAIL, text_string(why), "");
		return;
	}
	tool_show_path(&finding->what, path);
	if (access(path, F_OK) < 0)
		found(finding, OK, " is made when it is needed", "");
	else if (access(path, W_OK | X_OK) < 0)
		found(finding, FAIL, " may not be written", "give it back to yourself: chmod 0700");
	else if (statvfs(path, &fs) == 0 && fs.f_blocks > 0 && fs.f_bavail == 0)
		found(finding, FAIL, " is on a full disk", "make room: no setting can be stored");
	else
		found(finding, OK, " is yours alone", "");
}

static void
check_runtime(struct finding *finding)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = runtime_dir(0, &why);

	check_directory(finding, path, &why);
}

static void
check_state(struct finding *finding)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = runtime_state_dir(0, &why);

	check_directory(finding, path, &why);
}

static void
check_translators(struct finding *finding)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *path = runtime_translator("hello", &why);

	if (!path) {
		found(finding, FAIL, text_string(&why), "");
		return;
	}
	*strrchr(path, '/') = '\0';
	text_puts(&finding->what, "in ");
	tool_show_path(&finding->what, path);
}

static void
describe_portd(struct finding *finding, const struct keeper_info_out *info)
{
	text_puts(&finding->what, "version ");
	text_safe(&finding->what, info->version);
	text_printf(&finding->what, ", pid %u, %u nodes, %u running", info->pid, info->nodes,
	    info->running);
	if (*info->features) {
		text_puts(&finding->what, "; ");
		text_safe(&finding->what, info->features);
	}
	if (strstr(info->features, "no sandbox"))
		found(finding, WARN, "", "translators may do all that you may: hird stop ends this portd");
	if (info->restarts)
		text_printf(&finding->what, "; died and was started again %u time%s", info->restarts,
		    info->restarts == 1 ? "" : "s");
	if (strcmp(info->version, tool_version()) != 0)
		found(finding, WARN, "; not the version of this hird", "restart it: hird stop");
}

static void
check_portd(struct finding *finding)
{
	const struct keeper_info_in in = { 0 };
	struct keeper_info_out info;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int code = tool_connect(TOOL_IF_RUNS, &why);

	if (code == 1 && access(runtime_portd(), X_OK) < 0) {
		text_safe(&finding->what, runtime_portd());
		found(finding, FAIL, " cannot be run", "install hird, or set HIRD_PORTD");
		return;
	}
	if (code == 1) {
		found(finding, OK, "does not run; the first tool that needs it starts it", "");
		return;
	}
	if (code == 0)
		code = keeper_info_call(port_bootstrap(), &in, &info, &reply, INFO_TIMEOUT_MS);
	if (code == 0) {
		describe_portd(finding, &info);
	} else {
		bool said = why.size > 0;

		if (!said)
			tool_rpc_text(&why, code, reply.text, NULL);
		found(finding, FAIL, text_string(&why), said ? "" : "restart it: hird stop");
	}
	port_reply_deinit(&reply);
}

static void
check_nodes(struct finding *finding)
{
	AUTO_RECORD struct record record = { 0 };
	AUTO_TEXT struct text why = { 0 };
	unsigned n = 0, bad = 0;
	int err = tool_connect(TOOL_IF_RUNS, &why);

	if (err != 0) {
		found(finding, OK, err < 0 ? "portd cannot be asked" :
		    tool_has_store() ? "what is set is armed when portd starts" : "none is set", "");
		return;
	}
	while (record_next(&record, &why) == 0) {
		n++;
		bad += record.node.state == NODE_STATE_FAILED ||
		    record.node.state == NODE_STATE_UNMOUNTED;
	}
	text_printf(&finding->what, "%u, of them %u failed or not mounted", n, bad);
	if (bad)
		found(finding, WARN, "", "lstrans -v says why");
}

static size_t
count_fuse_mounts(void)
{
	AUTO_MOUNTS struct mounts mounts = { 0 };
	size_t n = 0;

	mounts_read(&mounts, "/proc/self/mountinfo");
	for (size_t i = 0; i < mounts.n; i++)
		n += mount_is_fuse(&mounts.list[i]);
	return n;
}

static void
check_mount_max(struct finding *finding)
{
	long max = doctor_mount_max(FUSE_CONF);
	size_t n = count_fuse_mounts();

	if (max < 0) {
		text_printf(&finding->what, "%zu FUSE mounts on this machine, without a limit", n);
		return;
	}
	text_printf(&finding->what, "%zu of at most %ld FUSE mounts on this machine", n, max);
	if (n >= (size_t)max)
		found(finding, FAIL, "", "root can raise mount_max in " FUSE_CONF);
	else if (n >= (size_t)max / 10 * 9)
		found(finding, WARN, "", "root can raise mount_max in " FUSE_CONF);
}

static void
check_sharing(struct finding *finding)
{
	if (doctor_has_line(FUSE_CONF, "user_allow_other"))
		found(finding, OK, "nodes may be shared with root and others (user_allow_other)", "");
	else
		found(finding, OK, "your nodes are seen by you alone",
		    "to let root or others in, root writes the line user_allow_other into " FUSE_CONF
		    "; then: settrans --share");
}

static bool
has_unit(void)
{
	static const char *const places[] = {
		"/etc/systemd/user", "/usr/lib/systemd/user", "/usr/local/lib/systemd/user",
	};
	static const char link[] = "default.target.wants/hird-portd.service";
	const char *home = getenv("HOME");
	AUTO_FREE char *own = NULL;

	if (asprintf(&own, "%s/.config/systemd/user/%s", home ? home : "", link) < 0) {
		own = NULL;
		return false;
	}
	if (faccessat(AT_FDCWD, own, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "%s/%s", places[i], link) < 0)
			path = NULL;
		else if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static bool
has_profile_line(void)
{
	static const char *const files[] = { ".profile", ".bash_profile", ".bash_login", ".zprofile", ".xprofile" };
	const char *home = getenv("HOME");

	for (size_t i = 0; home && i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_FREE char *line = NULL;
		size_t room = 0;
		bool has = false;
		FILE *stream;

		if (asprintf(&path, "%s/%s", home, files[i]) < 0) {
			path = NULL;
			return false;
		}
		stream = fopen(path, "re");
		while (stream && !has && getline(&line, &room, stream) >= 0)
			has = line[strspn(line, " \t")] != '#' && strstr(line, "--arm-if-set");
		if (stream)
			fclose(stream);
		if (has)
			return true;
	}
	return false;
}

static void
check_login(struct finding *finding)
{
	if (has_unit()) {
		found(finding, OK, "settings are armed by the user unit hird-portd.service", "");
	} else if (has_profile_line()) {
		found(finding, OK, "settings are armed by a line of your profile", "");
	} else {
		found(finding, WARN, "settings are not armed at login, only when a tool of hird is used first", "");
		if (access("/run/systemd/system", F_OK) == 0) {
			text_puts(&finding->advice, "systemctl --user enable hird-portd.service");
		} else {
			text_puts(&finding->advice, "add this line to ~/.profile: ");
			text_quote(&finding->advice, runtime_portd());
			text_puts(&finding->advice, " --arm-if-set --background");
		}
	}
}

static void
check_epoch(struct finding *finding)
{
	unsigned major, minor;

	kernel_version(&major, &minor);
	machine_epoch(finding, major, minor);
}

static void
check_timeout(struct finding *finding)
{
	machine_timeout(finding, "/proc/sys/fs/fuse");
}

static void
check_uring(struct finding *finding)
{
	machine_uring(finding, "/sys/module/fuse/parameters/enable_uring");
}

static void
check_namespaces(struct finding *finding)
{
	machine_namespaces(finding, "/proc/sys");
}

static void
check_apparmor(struct finding *finding)
{
	machine_apparmor(finding, "/sys/module/apparmor/parameters/enabled",
	    "/etc/apparmor.d/fusermount3");
}

static void
check_fusectl(struct finding *finding)
{
	machine_fusectl(finding, "/proc/self/mountinfo");
}

static void
check_lingering(struct finding *finding)
{
	const struct passwd *user = getpwuid(geteuid());
	AUTO_FREE char *mark = NULL;

	if (asprintf(&mark, "/var/lib/systemd/linger/%s", user ? user->pw_name : "") < 0)
		mark = NULL;
	else
		machine_lingering(finding, "/run/systemd/system", mark);
}

static void
check_stale(struct finding *finding)
{
	machine_stale(finding, "/proc/self/mountinfo", geteuid(), STALE_WAIT_MS);
}

/* The rules on who may start a translator; none are read before portd runs. */
static void
check_policy(struct finding *finding)
{
	const struct keeper_policy_in in = { .test = "" };
	struct keeper_policy_out out;
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };

	if (tool_connect(TOOL_IF_RUNS, &why) != 0) {
		found(finding, OK, "its files are read when portd starts", "");
		return;
	}
	if (keeper_policy_call(port_bootstrap(), &in, &out, &reply, INFO_TIMEOUT_MS) != 0) {
		found(finding, WARN, "portd does not tell its rules", "restart it: hird stop");
	} else if (out.trouble[0]) {
		text_puts(&finding->what, "its files are not in force: ");
		text_safe(&finding->what, out.trouble);
		found(finding, WARN, "", "mend that line, then: hird policy --reload");
	} else {
		found(finding, OK, "its rules are in force; hird policy shows them", "");
	}
	port_reply_deinit(&reply);
}

/* In the order in which they stand in the way. */
static const struct {
	const char *name;
	void (*check)(struct finding *finding);
} checks[] = {
	{ "kernel", check_kernel },
	{ "device", check_device },
	{ "fusermount3", check_fusermount },
	{ "mtab", check_mtab },
	{ "mounts", check_mount_max },
	{ "apparmor", check_apparmor },
	{ "stale", check_stale },
	{ "runtime", check_runtime },
	{ "state", check_state },
	{ "translators", check_translators },
	{ "landlock", check_landlock },
	{ "seccomp", check_filter },
	{ "cgroup", check_cgroup },
	{ "portd", check_portd },
	{ "nodes", check_nodes },
	{ "policy", check_policy },
	{ "login", check_login },
	{ "lingering", check_lingering },
	{ "sharing", check_sharing },
	{ "namespaces", check_namespaces },
	{ "fusectl", check_fusectl },
	{ "epoch", check_epoch },
	{ "timeout", check_timeout },
	{ "io_uring", check_uring },
};

/* Comments and space around the line do not count. */
bool
doctor_has_line(const char *file, const char *word)
{
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	bool has = false;
	FILE *stream = fopen(file, "re");

	if (!stream)
		return false;
	while (!has && getline(&line, &room, stream) >= 0) {
		char *start = line + strspn(line, " \t");

		start[strcspn(start, "#\n")] = '\0';
		for (size_t n = strlen(start); n > 0 && strchr(" \t", start[n - 1]); n--)
			start[n - 1] = '\0';
		has = strcmp(start, word) == 0;
	}
	fclose(stream);
	return has;
}

/* A file that is not there sets nothing. */
long
doctor_mount_max(const char *file)
{
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	long max = MOUNT_MAX_DEFAULT, value;
	FILE *stream = fopen(file, "re");

	if (!stream)
		return max;
	while (getline(&line, &room, stream) >= 0)
		if (sscanf(line, " mount_max = %ld", &value) == 1)
			max = value;
	fclose(stream);
	return max;
}

static int
print_finding(const char *name, const struct finding *finding)
{
	printf("%-4s  %-12s  %s\n", level_names[finding->level], name, text_string(&finding->what));
	if (finding->advice.size)
		printf("%23s%s\n", "-> ", text_string(&finding->advice));
	return 0;
}

static int
add_finding(json_t *array, const char *name, const struct finding *finding)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s*}", "check", name,
	    "status", level_names[finding->level], "text", text_string(&finding->what),
	    "advice", finding->advice.size ? text_string(&finding->advice) : NULL);

	return json_array_append_new(array, object);
}

/* Errors of the checks themselves are findings. */
int
doctor_run(bool json)
{
	json_t *array = json_array();
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		AUTO_FINDING struct finding finding = { 0 };

		checks[i].check(&finding);
		if (json)
			add_finding(array, checks[i].name, &finding);
		else
			print_finding(checks[i].name, &finding);
		if (finding.level == FAIL)
			status = 1;
	}
	if (json) {
		json_dumpf(array, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(array);
	return status;
}
