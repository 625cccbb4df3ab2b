/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mounter: what is done to a user's path, in a helper process. */
#ifndef PORTD_MOUNTER_H
#define PORTD_MOUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/argv.h"
#include "wire/messages.h"

/* Mounts a node. HELPER_FD(0): O_PATH of the node as it was checked, if has_node, else it is
 * opened now. HELPER_FD(1): the -U node, if has_underlying. */
struct mount_job {
	const char *path;
	bool has_node;
	bool has_underlying;
	const char *underlying_path;	/* "": none; opened without has_underlying */
	uint32_t kind;			/* enum node_kind */
	bool read_only;			/* nothing of it can be written: the kernel need not ask, nor keep atime */
	bool shared;			/* others than the owner may ask */
	bool created;			/* a directory made by -c: 0300 to mount on, 0100 beneath */
};

/* Unmounts one. HELPER_FD(0): O_PATH of what the mount covers, if has_beneath. */
struct unmount_job {
	const char *path;
	bool has_beneath;
	uint32_t mount_id;		/* 0: not mounted; only the mode is given back */
	const char *device;
	bool lazy;
	bool restore;			/* give the directory restore_mode back */
	uint32_t restore_mode;
};

/* Unmounts many, last first; lazily what is busy. */
struct unmount_all_job {
	uint32_t *ids;
	size_t n_ids;
};

/* The answer of each. Descriptors of a mount: the connection, what it covers (O_PATH), the
 * -U node. */
struct mount_answer {
	int32_t code;			/* 0 or -errno */
	uint32_t mount_id;
	char device[32];
	struct wire_attr beneath;	/* mode, owner and times of what is covered; not its size */
	char text[1024];		/* when code is not 0: what, where, what to do */
};

void mounter_mount(void *mount_job);
void mounter_unmount(void *unmount_job);
void mounter_unmount_all(void *unmount_all_job);
/* Unmounts what a dead portd of this user left behind, but for these paths, which are seen to
 * when they are armed. */
void mounter_sweep(void *argv_of_paths);
enum { WATCHES_MAX = 16 };

/* Before the words of mounter_identify. */
struct watch_answer {
	uint32_t n_watches;
	int32_t watches[WATCHES_MAX];
};
/* Adds inotify watches for files to HELPER_FD(0), then says what they are. */
void mounter_watch(void *argv);
/* Identities of files (an argv of OPTION, PATH pairs): answers with the words, as an argv. */
void mounter_identify(void *argv);

/* Whether one path is, or is inside, another; both canonical. */
bool path_is_inside(const char *path, const char *dir);
/* NULL, or why this is no path that a node may have: absolute, without empty, "." and ".."
 * components, not "/". */
const char *path_problem(const char *path);

#endif
