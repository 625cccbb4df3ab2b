/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sys: thin names for system calls that older C libraries lack, and reads
 * and writes that finish. */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int sys_pidfd_open(pid_t pid);			/* descriptor or -errno */
int sys_pidfd_send_signal(int pidfd, int sig);	/* 0 or -errno */
int sys_pidfd_kill_group(int pidfd);		/* its process group; 0 or -errno (before Linux 6.9) */
int sys_close_range(unsigned first, unsigned last);
int sys_memfd(const char *name, size_t size);	/* sized, sealed against shrinking and growing; or -errno */
ssize_t sys_read_all(int fd, void *data, size_t size);	/* bytes read (short at end of file) or -errno */
int sys_write_all(int fd, const void *data, size_t size);	/* 0 or -errno */
bool sys_mount_is_dead(const char *path);	/* a FUSE file system without a server */
int64_t sys_now_ms(void);			/* CLOCK_MONOTONIC */

#endif
