/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept: an entry a mount, a tape each (tape.h), in the words of keeper-state.c. */
#include "portd/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/keeper.h"
#include "portd/keeper-state.h"
#include "portd/mount.h"
#include "portd/mountinfo.h"
#include "portd/node.h"
#include "portd/tape.h"

enum {
	HELPERS_MS = 2000,
	PAUSE_US = 2000,
};

enum kept_kind {
	KEPT_NODE = 1,
	KEPT_ORPHAN,
};

/* Depositing ------------------------------------------------------------------------ */

static void
begin(struct tape *tape, const struct keeper *keeper, enum kept_kind kind)
{
	tape_put_u32(tape, kind);
	tape_put_u32(tape, keeper->resend);
}

static void
hold(const struct tape *tape, struct keeper *keeper, struct mount *mount)
{
	hold_put(&keeper->hold, mount->key, tape);
}

void
kept_node(struct node *node)
{
	struct keeper *keeper = node->keeper;
	AUTO_TAPE struct tape tape = { 0 };

	if (!node->mount || keeper->hold.fd < 0)
		return;
	if (node->mount->key == 0)
		node->mount->key = hold_new_key(&keeper->hold);
	begin(&tape, keeper, KEPT_NODE);
	keeper_put_mount(&tape, node->mount);
	keeper_put_node(&tape, node, false);
	tape_put_u32(&tape, node->inc != NULL);
	if (node->inc)
		keeper_put_process(&tape, node->inc);
	hold(&tape, keeper, node->mount);
}

void
kept_orphan(struct incarnation *inc)
{
	struct keeper *keeper = inc->keeper;
	struct mount *mount = inc->orphaned;
	AUTO_TAPE struct tape tape = { 0 };

	if (keeper->hold.fd < 0)
		return;
	if (mount->key == 0)
		mount->key = hold_new_key(&keeper->hold);
	begin(&tape, keeper, KEPT_ORPHAN);
	keeper_put_mount(&tape, mount);
	keeper_put_log(&tape, inc->log);
	keeper_put_process(&tape, inc);
	hold(&tape, keeper, mount);
}

void
kept_all(struct keeper *keeper)
{
	LIST_FOR_EACH(at, next, &keeper->nodes)
		kept_node(LIST_ENTRY(at, struct node, link));
	LIST_FOR_EACH(at, next, &keeper->incarnations) {
		struct incarnation *inc = LIST_ENTRY(at, struct incarnation, link);

		if (inc->orphaned)
			kept_orphan(inc);
	}
}

/* Reading --------------------------------------------------------------------------- */

/* What the kernel has mounted, as it was when reading began. */
struct reading {
	struct keeper *keeper;
	char *table;
	struct mountinfo *mounts;
	size_t n_mounts;
};

static void
reading_deinit(struct reading *reading)
{
	free(reading->mounts);
	free(reading->table);
}

static int
read_mounts(struct reading *reading)
{
	char *cursor = reading->table = mountinfo_read();
	struct mountinfo info;
	size_t room = 0;

	if (!cursor)
		return -ENOMEM;
	while (mountinfo_next(&cursor, &info)) {
		if (reading->n_mounts == room) {
			struct mountinfo *larger;

			room = room ? room * 2 : 64;
			larger = realloc(reading->mounts, room * sizeof(*larger));
			if (!larger)
				return -ENOMEM;
			reading->mounts = larger;
		}
		reading->mounts[reading->n_mounts++] = info;
	}
	return 0;
}

/* Where the mount is now; NULL: it was undone. */
static const char *
find_path(const struct reading *reading, const struct mount *mount)
{
	for (size_t i = 0; i < reading->n_mounts; i++) {
		const struct mountinfo *info = &reading->mounts[i];

		if (info->id == mount->id && strcmp(info->device, mount->device) == 0)
			return info->path;
	}
	return NULL;
}

/* The node was at `path`; whether the store knows that it has moved is not known. */
static struct node *
make_node(struct keeper *keeper, const char *path, const char *now)
{
	AUTO_TEXT struct text why = { 0 };

	if (strcmp(path, now) != 0 && store_rename(keeper->store, path, now, &why) < 0)
		log_error("%s", text_string(&why));
	return node_find(keeper, now) ? NULL : node_new(keeper, now);
}

/* The process that serves, or is to, if there is one; NULL when it is dead. *ranp: one was
 * there. False: what was read is wrong. */
static bool
read_process(struct keeper *keeper, struct tape *tape, struct translog *log,
    struct incarnation **incp, bool *ranp)
{
	struct incarnation *inc;

	*incp = NULL;
	*ranp = true;
	inc = incarnation_new(keeper, log);
	if (!inc || !keeper_get_process(tape, inc)) {
		if (inc)
			incarnation_drop(inc);
		return false;
	}
	if (incarnation_adopt(inc))	/* eats inc */
		*incp = inc;
	return true;
}

/* Eats mount, unless it returns true. */
static bool
read_node(const struct reading *reading, struct tape *tape, struct mount *mount)
{
	struct keeper *keeper = reading->keeper;
	const char *now = find_path(reading, mount);
	const char *path = tape_get_str(tape);
	struct node *node = now && path[0] == '/' ? make_node(keeper, path, now) : NULL;
	struct incarnation *inc = NULL;
	bool ran = false;

	if (!node)
		return false;
	if (!keeper_get_node(tape, node) ||
	    (tape_get_bool(tape) && !read_process(keeper, tape, node->log, &inc, &ran))) {
		node_free(node);
		return false;
	}
	node->mount = mount;
	node->resent |= ran && !inc;
	if (inc) {
		task_set_node(inc->task, node->path);
		node_restore(node, inc);
	}
	return true;
}

/* Likewise. */
static bool
read_orphan(struct keeper *keeper, struct tape *tape, struct mount *mount)
{
	struct translog *log = keeper_get_log(tape);
	struct incarnation *inc = NULL;
	bool ran;

	if (log && !read_process(keeper, tape, log, &inc, &ran))
		inc = NULL;
	translog_unref(log);
	if (inc)
		incarnation_orphan(inc, mount);
	return inc != NULL;
}

static void
read_entry(uint64_t key, struct tape *tape, void *arg)
{
	const struct reading *reading = arg;
	struct keeper *keeper = reading->keeper;
	struct mount *mount = NULL;
	uint32_t kind;
	bool kept;

	if (key == HOLD_KEY_INSTANCE)
		return;
	kind = tape_get_max(tape, KEPT_ORPHAN);
	keeper->resend = tape_get_bool(tape);
	if (!keeper_get_mount(tape, keeper, &mount) || !mount) {
		log_error("what was kept of a node makes no sense: its mount ends");
		hold_drop(&keeper->hold, key);
		return;
	}
	kept = kind == KEPT_NODE ? read_node(reading, tape, mount)
				    : read_orphan(keeper, tape, mount);
	if (!kept)
		mount_free(mount);
}

/* Helpers of the dead one, on their way out, and what they have begun: it mounts and unmounts
 * by itself, and is the holder's child by now. */
static bool
is_busy_child(pid_t pid)
{
	char path[64], name[32] = "";
	AUTO_CLOSE int fd = -1;

	if (pid == getpid())
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sys_read_all(fd, name, sizeof(name) - 1) <= 0)
		return false;
	return strncmp(name, "fusermount", strlen("fusermount")) == 0 ||
	    strcmp(name, "hird-portd\n") == 0;
}

static bool
is_busy(void)
{
	char path[64];
	AUTO_CLOSE int fd = -1;
	char children[8192];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getppid(), (int)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : sys_read_all(fd, children, sizeof(children) - 1);
	children[n > 0 ? n : 0] = '\0';
	for (char *rest = children, *word; (word = strsep(&rest, " "));)
		if (*word && is_busy_child((pid_t)atoi(word)))
			return true;
	return false;
}

/* What was under way comes to its end before the table of mounts is believed. */
static void
wait_for_helpers(void)
{
	int64_t end = sys_now_ms() + HELPERS_MS;

	while (is_busy() && sys_now_ms() < end)
		usleep(PAUSE_US);
}

/* Reads what is held. */
int
kept_read(struct keeper *keeper)
{
	__attribute__((cleanup(reading_deinit))) struct reading reading = { .keeper = keeper };
	int err;

	if (keeper->hold.restarts == 0)
		return 0;
	wait_for_helpers();
	err = read_mounts(&reading);
	return err ? err : hold_each(&keeper->hold, read_entry, &reading);
}

/* Going on -------------------------------------------------------------------------- */

static void
on_finished(int code, const char *text, void *arg)
{
	(void)arg;
	if (code != 0)
		log_error("%s", text);
}

/* Nothing is set there any more: whoever took the setting away died before the mount was
 * gone, too. */
static void
finish_node(struct node *node)
{
	struct unmount_order order = {
		.path = node->path, .mount = node->mount, .lazy = true,
		.restore = node->created, .restore_mode = node->restore_mode,
	};
	struct incarnation *inc = node_release(node);

	if (mount_unmake(node->keeper, &order, on_finished, NULL) < 0)
		log_error("%s: no helper process: %s", node->path, strerror(errno));
	mount_free(node_detach(node));
	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, 0, NULL, NULL);
	node_free(node);
}

/* What is set is loaded, too. */
void
kept_settle(struct keeper *keeper)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (node->mount && !node_setting(node))
			finish_node(node);
		else if (node->mount && !node->inc)
			node_take_up(node, node->resent);
	}
}
