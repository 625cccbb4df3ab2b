/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* landlock: three system calls, by number. */
#include "base/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture that has them. */
enum {
	NUMBER_CREATE_RULESET = 444,
	NUMBER_ADD_RULE = 445,
	NUMBER_RESTRICT_SELF = 446,
	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
};

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_ALL_1 = (1 << 13) - 1,	/* removing, and making of each kind, are the rest of these */
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_BLOCK = 1 << 11,
	NET_ALL = 3,			/* bind and connect */
	SCOPE_ALL = 3,			/* abstract sockets and signals */
};

/* As the kernel has it; older ones know only the beginning. */
struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

unsigned
landlock_abi(int *errnump)
{
	long abi = syscall(NUMBER_CREATE_RULESET, NULL, (size_t)0, CREATE_RULESET_VERSION);

	*errnump = abi < 0 ? errno : 0;
	return abi < 0 ? 0 : (unsigned)abi;
}

static uint64_t
known_fs(unsigned abi)
{
	uint64_t rights = FS_ALL_1;

	if (abi >= LANDLOCK_ABI_REFER)
		rights |= FS_REFER;
	if (abi >= LANDLOCK_ABI_TRUNCATE)
		rights |= FS_TRUNCATE;
	if (abi >= LANDLOCK_ABI_IOCTL)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static size_t
attr_size(unsigned abi)
{
	if (abi >= LANDLOCK_ABI_SCOPES)
		return sizeof(struct ruleset_attr);
	if (abi >= LANDLOCK_ABI_NETWORK)
		return offsetof(struct ruleset_attr, scoped);
	return offsetof(struct ruleset_attr, handled_net);
}

int
landlock_open(unsigned abi, bool tcp)
{
	struct ruleset_attr attr = {
		.handled_fs = known_fs(abi),
		.handled_net = tcp ? 0 : NET_ALL,
		.scoped = SCOPE_ALL,
	};
	int fd = (int)syscall(NUMBER_CREATE_RULESET, &attr, attr_size(abi), 0);

	return fd < 0 ? -errno : fd;
}

static uint64_t
fs_rights(unsigned abi, unsigned rights, bool directory)
{
	uint64_t fs = 0;

	if (rights & LANDLOCK_READ)
		fs |= FS_READ_FILE | FS_READ_DIR;
	if (rights & LANDLOCK_EXECUTE)
		fs |= FS_EXECUTE;
	/* Devices are nobody's to make, or to command. */
	if (rights & LANDLOCK_WRITE)
		fs |= known_fs(abi) & ~(uint64_t)(FS_EXECUTE | FS_READ_FILE | FS_READ_DIR |
		    FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV);
	return directory ? fs : fs & FS_OF_FILES;
}

int
landlock_allow(int ruleset, unsigned abi, int fd, unsigned rights)
{
	struct path_beneath_attr attr = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	attr.allowed = fs_rights(abi, rights, S_ISDIR(st.st_mode));
	if (attr.allowed == 0)
		return 0;
	return syscall(NUMBER_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

int
landlock_enforce(int ruleset)
{
	return syscall(NUMBER_RESTRICT_SELF, ruleset, 0) < 0 ? -errno : 0;
}
