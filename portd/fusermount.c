/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fusermount: runs it, and reads its complaints. */
#include "portd/fusermount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

struct fusermount {
	pid_t pid;
	int comm;	/* the connection arrives here */
	int complaints;	/* its standard error */
};

/* No fork here: libuv's handlers for that would close descriptors that have
 * other meanings in a helper. */
static int
spawn_fusermount(struct fusermount *run, char *const argv[], int comm, int complaints)
{
	static const char *const places[] = { "fusermount3", "/usr/bin/fusermount3",
		"/bin/fusermount3" };
	posix_spawn_file_actions_t actions;
	char number[16];
	int err = ENOENT;

	snprintf(number, sizeof(number), "%d", comm);
	if (setenv("_FUSE_COMMFD", number, 1) < 0 || setenv("LC_ALL", "C", 1) < 0 ||
	    posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
	for (size_t i = 0; i < ARRAY_SIZE(places) && err != 0; i++)
		err = posix_spawnp(&run->pid, places[i], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int
fusermount_start(struct fusermount *run, char *const argv[])
{
	int comm[2];
	int complaints[2];
	int err;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, comm) < 0)
		return -errno;
	if (pipe2(complaints, O_CLOEXEC) < 0)
		return -errno;
	fcntl(comm[0], F_SETFD, FD_CLOEXEC);
	err = spawn_fusermount(run, argv, comm[1], complaints[1]);
	fd_close(&comm[1]);
	fd_close(&complaints[1]);
	run->comm = comm[0];
	run->complaints = complaints[0];
	return err;
}

static int
receive_connection(int comm)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *cmsg;
	int fd = -1;

	if (recvmsg(comm, &header, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&header);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Runs it to its end. */
int
fusermount_run(char *const argv[], int *connectionp, char *said, size_t room)
{
	struct fusermount run = { .pid = -1, .comm = -1, .complaints = -1 };
	int status = 0;
	ssize_t n;

	said[0] = '\0';
	if (fusermount_start(&run, argv) < 0) {
		fd_close(&run.comm);
		fd_close(&run.complaints);
		return FUSERMOUNT_MISSING;
	}
	if (connectionp)
		*connectionp = receive_connection(run.comm);
	n = sys_read_all(run.complaints, said, room - 1);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	while (waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_close(&run.comm);
	fd_close(&run.complaints);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static const struct complaint {
	const char *said;
	int code;
	const char *advice;
} complaints[] = {
	{ "too many FUSE", -EMFILE, "too many FUSE file systems are mounted on this machine; "
	    "the administrator may raise mount_max in /etc/fuse.conf" },
	{ "fuse device not found", -ENODEV, "there is no /dev/fuse; "
	    "the administrator may load it with: modprobe fuse" },
	{ "/dev/fuse", -ENODEV, "/dev/fuse cannot be opened; "
	    "the administrator may allow it with: chmod 0666 /dev/fuse" },
	{ "/etc/mtab", -ENODEV, "fusermount3 needs /etc/mtab to unmount; the administrator may make "
	    "it with: ln -s ../proc/self/mounts /etc/mtab" },
	{ "option allow_other", -EPERM, "it cannot be shared: root has to write the line user_allow_other "
	    "into /etc/fuse.conf" },
	{ "no write access", -EACCES, "you may not write to it, and fusermount3 mounts only "
	    "where you may" },
	{ "user has no", -EACCES, "you may not write to it, and fusermount3 mounts only "
	    "where you may" },
	{ "not owned by user", -EACCES, "it is in a sticky directory and not yours" },
	{ "mounting over filesystem type", -EACCES, "fusermount3 refuses to mount on a file "
	    "system of that type" },
	{ "not a directory or a regular file", -EINVAL, "only a file or a directory can be a node" },
	{ "bad mount point", -EACCES, "fusermount3 cannot reach it: it is inside of another FUSE "
	    "mount, or beneath a directory that is closed to it" },
	{ "Permission denied", -EACCES, "fusermount3 may not reach or write it; "
	    "see who may enter the directories above" },
	{ "Operation not permitted", -EACCES, "the system does not let fusermount3 mount here; "
	    "in a container it needs /dev/fuse and the right to mount" },
	{ "Device or resource busy", -EBUSY, "it is in use" },
};

/* Reads a failure. */
int
fusermount_explain(int status, const char *said, const char **advicep)
{
	if (status == FUSERMOUNT_MISSING) {
		*advicep = "fusermount3 is missing; install the package fuse3";
		return -ENODEV;
	}
	if (status == FUSERMOUNT_MOVING) {
		*advicep = "another mount covers it, or a directory above is being renamed; try again";
		return -EBUSY;
	}
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		if (!strstr(said, complaints[i].said))
			continue;
		*advicep = complaints[i].advice;
		return complaints[i].code;
	}
	*advicep = "fusermount3 failed";
	return -EIO;
}

/* Unmounts a path. */
int
fusermount_unmount(const char *path, bool lazy, char *said, size_t room)
{
	char *argv[] = { (char *)"fusermount3", (char *)(lazy ? "-uz" : "-u"), (char *)"--",
		(char *)path, NULL };

	return fusermount_run(argv, NULL, said, room);
}
