/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mount: orders a helper to mount, takes what it sends, and answers INIT, which
 * the kernel has queued by then. */
#include "portd/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/idle.h"
#include "portd/keeper.h"
#include "portd/mounter.h"
#include "wire/fusewire.h"
#include "wire/recovery.h"

enum { MOUNT_DEADLINE_MS = 10 * 1000 };

struct making {
	struct keeper *keeper;
	mount_done_fn *done;
	void *arg;
};

struct unmaking {
	unmount_done_fn *done;
	void *arg;
};

/* INIT ---------------------------------------------------------------------- */

static int
negotiate(struct mount *mount, struct text *why)
{
	static uint8_t request[FUSEWIRE_BUFFER];
	char answer[IDLE_ANSWER_MAX];
	size_t size = 0;
	uint64_t offered = 0;
	ssize_t n;
	int err;

	do {
		n = read(mount->fuse, request, sizeof(request));
		if (n < 0) {
			text_printf(why, "the kernel did not say INIT: %s", strerror(errno));
			return -errno;
		}
		err = idle_init(request, (size_t)n, &mount->init, &offered, answer, &size, why);
		if (err != -EBADMSG && mount_write(mount, answer, size) < 0)
			err = -EIO;
	} while (err == 1);
	if (err == -EBADMSG || err == -EIO)
		text_puts(why, "the kernel's INIT could not be answered");
	mount->keeper->resend = (offered & IDLE_HAS_RESEND) && !mount->keeper->no_resend;
	return err;
}

/* Making -------------------------------------------------------------------- */

static struct mount *
mount_new(struct keeper *keeper, const struct mount_answer *answer, struct helper_answer *helper)
{
	struct mount *mount = calloc(1, sizeof(*mount));

	if (!mount)
		return NULL;
	mount->keeper = keeper;
	mount->fuse = fd_steal(&helper->fds[0]);
	mount->beneath = fd_steal(&helper->fds[1]);
	mount->underlying = fd_steal(&helper->fds[2]);
	mount->recovery = -1;
	mount->id = answer->mount_id;
	memcpy(mount->device, answer->device, sizeof(mount->device));
	mount->device[sizeof(mount->device) - 1] = '\0';
	mount->beneath_attr = answer->beneath;
	list_link_tail(&keeper->mounts, &mount->link);
	if (uv_poll_init(keeper->loop, &mount->poll, mount->fuse) < 0) {
		/* Nothing to poll means nothing to close in the loop. */
		list_unlink(&mount->link);
		fd_close(&mount->fuse);
		fd_close(&mount->beneath);
		fd_close(&mount->underlying);
		free(mount);
		return NULL;
	}
	mount->poll.data = mount;
	return mount;
}

static int
make_mount(struct making *making, const struct mount_answer *answer,
    struct helper_answer *helper, struct mount **mountp, struct text *why)
{
	struct mount *mount = mount_new(making->keeper, answer, helper);
	int err;

	if (!mount) {
		text_puts(why, "out of memory");
		return -ENOMEM;
	}
	err = mount_new_recovery(mount);
	if (err < 0)
		text_printf(why, "no recovery memory: %s", strerror(-err));
	else
		err = negotiate(mount, why);
	if (err < 0)
		mount_free(mount);
	else
		*mountp = mount;
	return err;
}

static const struct mount_answer *
read_answer(const struct helper_answer *helper, struct mount_answer *room)
{
	if (helper->error == 0 && helper->size == sizeof(*room)) {
		memcpy(room, helper->data, sizeof(*room));
		room->text[sizeof(room->text) - 1] = '\0';
		return room;
	}
	room->code = helper->error ? helper->error : -EIO;
	snprintf(room->text, sizeof(room->text), "%s", room->code == -ETIMEDOUT ?
	    "the path did not answer in time; see what it leads through" :
	    "the mounting process died");
	return room;
}

static void
on_made(struct helper_answer *helper, void *arg)
{
	struct making *making = arg;
	struct mount_answer room = { 0 };
	const struct mount_answer *answer = read_answer(helper, &room);
	AUTO_TEXT struct text why = { 0 };
	struct mount *mount = NULL;
	int code = answer->code;

	if (code == 0 && !making->keeper->port)
		code = -ESHUTDOWN;
	if (code == 0)
		code = make_mount(making, answer, helper, &mount, &why);
	making->done(mount, code, why.size ? text_string(&why) : answer->text, making->arg);
	free(making);
}

/* Has a node mounted. */
int
mount_make(struct keeper *keeper, struct mount_order *order, mount_done_fn *done, void *arg)
{
	struct making *making = malloc(sizeof(*making));
	struct mount_job job = {
		.path = order->path,
		.underlying_path = order->underlying_path ? order->underlying_path : "",
		.has_node = order->node_fd >= 0,
		.has_underlying = order->underlying_fd >= 0,
		.kind = order->kind,
		.read_only = order->nature == NODE_NATURE_IMMUTABLE,
		.created = order->created,
		.shared = order->share != NODE_SHARE_NONE,
	};
	int keep[2] = { order->node_fd, order->underlying_fd };
	struct helper *helper = NULL;
	int err;

	if (making) {
		*making = (struct making){ keeper, done, arg };
		helper = helper_start(keeper->loop, mounter_mount, &job, keep, 2,
		    MOUNT_DEADLINE_MS, on_made, making);
	}
	err = helper ? 0 : errno ? -errno : -ENOMEM;
	fd_close(&order->node_fd);
	fd_close(&order->underlying_fd);
	if (!helper)
		free(making);
	return err;
}

static void
on_unmade(struct helper_answer *helper, void *arg)
{
	struct unmaking *unmaking = arg;
	struct mount_answer room = { 0 };
	const struct mount_answer *answer = read_answer(helper, &room);

	unmaking->done(answer->code, answer->text, unmaking->arg);
	free(unmaking);
}

/* Has a node unmounted. The struct mount stays; its connection is dead when this succeeded
 * and nobody holds it. */
int
mount_unmake(struct keeper *keeper, const struct unmount_order *order,
    unmount_done_fn *done, void *arg)
{
	struct unmaking *unmaking = malloc(sizeof(*unmaking));
	struct unmount_job job = {
		.path = order->path,
		.mount_id = order->mount ? order->mount->id : 0,
		.device = order->mount ? order->mount->device : "",
		.has_beneath = order->mount != NULL,
		.lazy = order->lazy,
		.restore = order->restore,
		.restore_mode = order->restore_mode,
	};
	int keep[1] = { order->mount ? order->mount->beneath : -1 };

	if (!unmaking)
		return -ENOMEM;
	*unmaking = (struct unmaking){ done, arg };
	if (helper_start(keeper->loop, mounter_unmount, &job, keep, 1, MOUNT_DEADLINE_MS,
	    on_unmade, unmaking))
		return 0;
	free(unmaking);
	return errno ? -errno : -ENOMEM;
}

/* Watching ------------------------------------------------------------------ */

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct mount *mount = poll->data;

	(void)events;
	/* POLLERR, which the kernel gives for a dead connection, arrives as a status. */
	if (status < 0)
		mount->polling = false;
	mount->ready(mount, status < 0, mount->arg);
}

/* Calls `ready` whenever the connection has a request. */
void
mount_watch(struct mount *mount, void (*ready)(struct mount *, bool, void *), void *arg)
{
	mount->ready = ready;
	mount->arg = arg;
	mount->polling = true;
	/* A translator may have had reads block. */
	fcntl(mount->fuse, F_SETFL, O_RDWR | O_NONBLOCK);
	uv_poll_start(&mount->poll, UV_READABLE, on_poll);
}

/* Leaves the connection alone. A watched descriptor would wake portd for each
 * request that a translator serves, so there is no watching for its end, either. */
void
mount_unwatch(struct mount *mount)
{
	if (mount->polling)
		uv_poll_stop(&mount->poll);
	mount->polling = false;
}

/* Asks the kernel. */
bool
mount_is_dead(const struct mount *mount)
{
	struct pollfd ask = { .fd = mount->fuse };

	return poll(&ask, 1, 0) > 0 && (ask.revents & POLLERR);
}

/* By the number of its device. */
bool
mount_abort(const struct mount *mount)
{
	const char *colon = strchr(mount->device, ':');
	AUTO_CLOSE int fd = -1;
	char path[96];

	if (!colon)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%s/abort", colon + 1);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "1", 1) == 1;
}

/* Recovery memory that no incarnation has written yet. */
int
mount_new_recovery(struct mount *mount)
{
	int fd = sys_memfd("hird-recovery", RECOVERY_SIZE);

	if (fd < 0)
		return fd;
	fd_close(&mount->recovery);
	mount->recovery = fd;
	deposits_deinit(&mount->deposits);	/* whose numbers were in it */
	return 0;
}

static bool
read_head(const struct mount *mount, struct recovery *head)
{
	return pread(mount->recovery, head, sizeof(*head), 0) == sizeof(*head) &&
	    head->magic == RECOVERY_MAGIC && head->version == RECOVERY_VERSION;
}

/* See mount.h. */
struct recovery_taken
mount_taken(const struct mount *mount, unsigned reader)
{
	off_t at = RECOVERY_TAKEN + (off_t)reader * RECOVERY_TAKEN_ROOM;
	struct recovery_taken taken;

	if (pread(mount->recovery, &taken, sizeof(taken), at) != sizeof(taken))
		taken.unique = 0;
	return taken;
}

/* True: it was still waiting. */
static bool
end_request(struct mount *mount, uint64_t unique, uint32_t opcode)
{
	char answer[IDLE_ANSWER_MAX];
	size_t size = idle_end(unique, opcode, answer);

	if (mount_write(mount, answer, size) == 0)
		return true;
	/* It may have been delivered twice, by a portd that could. */
	size = idle_end(unique | FUSEWIRE_UNIQUE_RESENT, opcode, answer);
	return mount_write(mount, answer, size) == 0;
}

/* So that its successor puts right what it had counted, or had not. */
static void
write_slot(struct mount *mount, size_t i, const struct recovery_slot *slot)
{
	off_t at = RECOVERY_JOURNAL + (off_t)(i * sizeof(*slot));

	if (pwrite(mount->recovery, slot, sizeof(*slot), at) < 0)
		log_error("recovery memory cannot be written: %s", strerror(errno));
}

static unsigned
end_requests(struct mount *mount, const struct recovery_slot *slots)
{
	unsigned n_ended = 0;

	for (size_t i = 0; i < RECOVERY_SLOTS; i++) {
		struct recovery_slot slot = slots[i];

		if (slot.unique == 0 || !end_request(mount, slot.unique, slot.opcode))
			continue;
		n_ended++;
		slot.flags |= RECOVERY_ENDED;
		write_slot(mount, i, &slot);
	}
	return n_ended;
}

/* One that it had and did not note; 1 when somebody waited for it. slots: as they were, a slot that
 * is taken is marked there. */
static unsigned
end_unnoted(struct mount *mount, struct recovery_slot *slots, const struct recovery_taken *taken)
{
	struct recovery_slot slot = { .unique = taken->unique & ~FUSEWIRE_UNIQUE_RESENT,
		.opcode = taken->opcode, .flags = RECOVERY_ENDED, .node = taken->node };

	if (slot.unique == 0 || !end_request(mount, slot.unique, slot.opcode))
		return 0;
	for (size_t i = 0; i < RECOVERY_SLOTS; i++) {
		if (slots[i].unique != 0)
			continue;
		slots[i] = slot;
		write_slot(mount, i, &slot);
		break;
	}
	return 1;
}

/* See mount.h. */
bool
mount_end_taken(struct mount *mount, const struct recovery_taken *handed, unsigned *n_endedp)
{
	size_t size = RECOVERY_SLOTS * sizeof(struct recovery_slot);
	AUTO_FREE struct recovery_slot *slots = malloc(size);
	struct recovery head;

	if (!slots || !read_head(mount, &head) ||
	    pread(mount->recovery, slots, size, RECOVERY_JOURNAL) != (ssize_t)size)
		return false;
	*n_endedp = end_requests(mount, slots) + end_unnoted(mount, slots, handed);
	for (unsigned i = 0; i < RECOVERY_READERS; i++) {
		struct recovery_taken taken = mount_taken(mount, i);

		*n_endedp += end_unnoted(mount, slots, &taken);
	}
	return true;
}

/* Writes an answer or a notification. */
int
mount_write(struct mount *mount, const void *data, size_t size)
{
	return write(mount->fuse, data, size) < 0 ? -errno : 0;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* The end of a connection, as far as it is portd's. */
void
mount_free(struct mount *mount)
{
	if (!mount)
		return;
	list_unlink(&mount->link);
	hold_drop(&mount->keeper->hold, mount->key);
	uv_close((uv_handle_t *)&mount->poll, on_closed);
	fd_close(&mount->fuse);
	fd_close(&mount->beneath);
	fd_close(&mount->underlying);
	fd_close(&mount->recovery);
	deposits_deinit(&mount->deposits);
}

/* The node itself, unless -U named another one. */
int
mount_underlying(const struct mount *mount)
{
	return mount->underlying >= 0 ? mount->underlying : mount->beneath;
}
