/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine: the doctor's checks of what kernel and administrator have set. Each reads the files
 * that it is told, so that a test can bring its own; one that is missing sets nothing. */
#ifndef TOOLS_MACHINE_H
#define TOOLS_MACHINE_H

#include <sys/types.h>

#include "tools/finding.h"

/* Whether names are forgotten at once when a translator is exchanged: of this kernel. */
void machine_epoch(struct finding *finding, unsigned major, unsigned minor);
/* dir: "/proc/sys/fs/fuse" */
void machine_timeout(struct finding *finding, const char *dir);
/* file: "/sys/module/fuse/parameters/enable_uring" */
void machine_uring(struct finding *finding, const char *file);
/* dir: "/proc/sys" */
void machine_namespaces(struct finding *finding, const char *dir);
/* enabled: "/sys/module/apparmor/parameters/enabled"; profile: of fusermount3, a file */
void machine_apparmor(struct finding *finding, const char *enabled, const char *profile);
/* file: "/proc/self/mountinfo" */
void machine_fusectl(struct finding *finding, const char *file);
/* systemd: "/run/systemd/system"; file: the mark of logind for this user */
void machine_lingering(struct finding *finding, const char *systemd, const char *file);
/* Mounts of hird's of this user whose server is gone. Asks each in a process of its own, and
 * waits at most so long for all of them. */
void machine_stale(struct finding *finding, const char *file, uid_t uid, unsigned wait_ms);

#endif
