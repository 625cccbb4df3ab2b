/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* syscalls: lists of system calls, and the few whose arguments decide.
 *
 * What is refused gets EPERM, so that libraries go on without it. It is a list of
 * what is forbidden: what a library of tomorrow needs, or a kernel brings that only
 * works on what the process has already, is no matter for a filter. Files are not its
 * business but Landlock's. */
#include "base/syscalls.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define REFUSED SCMP_ACT_ERRNO(EPERM)

/* Stands in a filter for the pid of the process that puts it on. */
#define OWN_PID 0x6d797365u

struct syscalls_filter {
	struct sock_fprog program;
};

/* By name: libseccomp knows their numbers, or that it does not. */
static const char *const forbidden[] = {
	/* mounts, and another root */
	"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen",
	"fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "quotactl",
	"quotactl_fd", "swapon", "swapoff", "acct",
	/* other processes */
	"process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp",
	"pidfd_open", "pidfd_getfd", "pidfd_send_signal", "tkill", "migrate_pages", "move_pages",
	"shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd",
	"msgrcv", "msgctl", "ipc", "mq_open", "mq_unlink",
	/* the kernel, its keys, and ways around this filter */
	"bpf", "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load", "keyctl",
	"add_key", "request_key", "init_module", "finit_module", "delete_module", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "fanotify_init", "lookup_dcookie", "nfsservctl",
	"iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "uselib", "unshare", "setns",
	/* files, where Landlock before Linux 6.2 does not look */
	"truncate", "truncate64",
	/* the machine */
	"reboot", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "stime",
	"sethostname", "setdomainname", "syslog", "vhangup",
};

/* LeakSanitizer stops its own threads by ptrace, from a clone that shares memory; it and
 * AddressSanitizer choose how addresses are laid out. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CLONE_GOOD = CLONE_THREAD | CLONE_UNTRACED };
static const char *const forbidden_unless_sanitized[] = { NULL };
#else
enum { CLONE_GOOD = CLONE_THREAD };
static const char *const forbidden_unless_sanitized[] = { "ptrace", "personality", NULL };
#endif

/* Landlock does not look here at all. By descriptor they are free. */
static const char *const attributes[] = {
	"chmod", "fchmodat", "fchmodat2", "chown", "chown32", "lchown", "lchown32", "fchownat",
	"utime", "utimes", "futimesat", "setxattr", "lsetxattr", "setxattrat", "removexattr",
	"lremovexattr", "removexattrat",
};

static const uint32_t namespaces[] = {
	CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
	CLONE_NEWNET,
};

/* Calls that name a process by their first argument: only oneself, or 0. */
static const char *const own_pid_only[] = {
	"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
};
static const char *const zero_only[] = {
	"prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr",
};

/* A rule about a call that this architecture or this libseccomp does not have is no rule. */
static int
refuse_if(scmp_filter_ctx context, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *conditions)
{
	int number = seccomp_syscall_resolve_name(name), err;

	if (number == __NR_SCMP_ERROR)
		return 0;
	err = seccomp_rule_add_array(context, action, number, n, conditions);
	return err == -EDOM ? 0 : err;
}

static int
refuse(scmp_filter_ctx context, const char *name)
{
	return refuse_if(context, REFUSED, name, 0, NULL);
}

/* All but this value. */
static int
refuse_other(scmp_filter_ctx context, const char *name, unsigned argument, uint32_t value)
{
	const struct scmp_arg_cmp condition = {
		.arg = argument, .op = SCMP_CMP_NE, .datum_a = value,
	};

	return refuse_if(context, REFUSED, name, 1, &condition);
}

static int
refuse_bits(scmp_filter_ctx context, const char *name, unsigned argument, uint32_t mask,
    uint32_t value)
{
	const struct scmp_arg_cmp condition = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);

	return refuse_if(context, REFUSED, name, 1, &condition);
}

/* The kernel drops the upper half of an int; what stands there must not hide it. */
static int
refuse_value(scmp_filter_ctx context, const char *name, unsigned argument, uint32_t value)
{
	return refuse_bits(context, name, argument, UINT32_MAX, value);
}

static int
add_lists(scmp_filter_ctx context)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(forbidden) && !err; i++)
		err = refuse(context, forbidden[i]);
	for (size_t i = 0; forbidden_unless_sanitized[i] && !err; i++)
		err = refuse(context, forbidden_unless_sanitized[i]);
	return err;
}

/* Threads; clone3 has its flags where no filter can see them, and ENOSYS has the C
 * library use clone. */
static int
add_processes(scmp_filter_ctx context, unsigned permitted)
{
	int err = refuse_if(context, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(namespaces) && !err; i++)
		err = refuse_bits(context, "clone", 0, namespaces[i], namespaces[i]);
	if (err || (permitted & SYSCALLS_FORK))
		return err;
	err = refuse_bits(context, "clone", 0, CLONE_GOOD, 0);
	if (!err)
		err = refuse(context, "fork");
	return err ? err : refuse(context, "vfork");
}

/* Limits and priorities of others; words put into somebody's terminal. */
static int
add_others(scmp_filter_ctx context)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(zero_only) && !err; i++)
		err = refuse_other(context, zero_only[i], 0, 0);
	for (unsigned i = 0; i < 2 && !err; i++)	/* which and who: PRIO_PROCESS, oneself */
		err = refuse_other(context, "setpriority", i, 0);
	if (!err)
		err = refuse_other(context, "ioprio_set", 1, 0);
	return err ? err : refuse_value(context, "ioctl", 1, TIOCSTI);
}

/* To oneself only. A file can be told to send signals, too. */
static int
add_signals(scmp_filter_ctx context)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(own_pid_only) && !err; i++)
		err = refuse_other(context, own_pid_only[i], 0, OWN_PID);
	if (!err)
		err = refuse_value(context, "fcntl", 1, F_SETOWN);
	if (!err)
		err = refuse_value(context, "fcntl", 1, F_SETOWN_EX);
	if (!err)
		err = refuse_value(context, "ioctl", 1, FIOSETOWN);
	return err ? err : refuse_value(context, "ioctl", 1, SIOCSPGRP);
}

static int
add_attributes(scmp_filter_ctx context)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attributes) && !err; i++)
		err = refuse(context, attributes[i]);
	return err ? err : refuse_other(context, "utimensat", 1, 0);
}

/* Of the internet's two families only, when there may be a network. */
static int
add_families(scmp_filter_ctx context)
{
	static const enum scmp_compare sides[] = { SCMP_CMP_LT, SCMP_CMP_GT };
	static const uint32_t ends[] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; i < 2 && !err; i++) {
		const struct scmp_arg_cmp beyond = {
			.arg = 0, .op = sides[i], .datum_a = ends[i],
		};

		err = refuse_if(context, REFUSED, "socket", 1, &beyond);
	}
	for (uint32_t family = AF_INET + 1; family < AF_INET6 && !err; family++)
		err = refuse_value(context, "socket", 0, family);
	return err;
}

/* A pair of sockets is as good as a pipe, but for datagrams, which may have an address. */
static int
add_sockets(scmp_filter_ctx context, unsigned permitted)
{
	int err = refuse_bits(context, "socketpair", 1, 0xf, SOCK_DGRAM);

	if (!err)
		err = refuse(context, "socketcall");
	if (err)
		return err;
	if (permitted & SYSCALLS_NETWORK)
		return add_families(context);
	err = refuse(context, "socket");
	if (!err)
		err = refuse(context, "connect");
	return err ? err : refuse(context, "bind");
}

static int
fill(scmp_filter_ctx context, unsigned permitted)
{
	/* Other word sizes of this machine would be ways around it. */
	int err = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, REFUSED);

	if (!err)
		err = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
	if (!err)
		err = add_lists(context);
	if (!err)
		err = add_processes(context, permitted);
	if (!err)
		err = add_others(context);
	if (!err && !(permitted & SYSCALLS_SIGNALS))
		err = add_signals(context);
	if (!err && !(permitted & SYSCALLS_ATTRIBUTES))
		err = add_attributes(context);
	return err ? err : add_sockets(context, permitted);
}

static int
load(struct syscalls_filter *filter, int fd)
{
	struct stat st;
	size_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	n = (size_t)st.st_size / sizeof(struct sock_filter);
	if (n == 0 || n > UINT16_MAX)
		return -E2BIG;
	filter->program.len = (unsigned short)n;
	filter->program.filter = calloc(n, sizeof(struct sock_filter));
	if (!filter->program.filter)
		return -ENOMEM;
	if (pread(fd, filter->program.filter, n * sizeof(struct sock_filter), 0) !=
	    (ssize_t)(n * sizeof(struct sock_filter)))
		return -EIO;
	return 0;
}

static int
compile(struct syscalls_filter *filter, unsigned permitted)
{
	AUTO_CLOSE int fd = memfd_create("hird-filter", MFD_CLOEXEC);
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int err = context ? 0 : -ENOMEM;

	if (!err && fd < 0)
		err = -errno;
	if (!err)
		err = fill(context, permitted);
	if (!err)
		err = seccomp_export_bpf(context, fd);
	if (context)
		seccomp_release(context);
	return err ? err : load(filter, fd);
}

bool
syscalls_is_built(void)
{
	return true;
}

/* A filter that cannot be read is taken for none only by a kernel without filters. */
bool
syscalls_is_there(void)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno == EFAULT;
}

const struct syscalls_filter *
syscalls_filter_get(unsigned permitted)
{
	static struct syscalls_filter kept[SYSCALLS_ALL];
	struct syscalls_filter *filter = &kept[permitted % SYSCALLS_ALL];
	int err;

	if (filter->program.filter)
		return filter;
	err = compile(filter, permitted);
	if (err) {
		free(filter->program.filter);
		filter->program.filter = NULL;
		errno = -err;
		return NULL;
	}
	return filter;
}

/* In a child, whose copy of the filter is its own to change. */
int
syscalls_filter_enforce(const struct syscalls_filter *filter)
{
	uint32_t own = (uint32_t)getpid();

	for (unsigned i = 0; i < filter->program.len; i++) {
		struct sock_filter *step = &filter->program.filter[i];

		if (BPF_CLASS(step->code) == BPF_JMP && step->k == OWN_PID)
			step->k = own;
	}
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter->program) < 0 ? -errno : 0;
}

#else

bool
syscalls_is_built(void)
{
	return false;
}

bool
syscalls_is_there(void)
{
	return false;
}

const struct syscalls_filter *
syscalls_filter_get(unsigned permitted)
{
	(void)permitted;
	errno = ENOSYS;
	return NULL;
}

int
syscalls_filter_enforce(const struct syscalls_filter *filter)
{
	(void)filter;
	return -ENOSYS;
}

#endif
