/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change: node_set as a chain of steps, each of which may take its time.
 *
 *   start the new translator, until it announces itself    (only -a)
 *   unmount; a node in use says so here and nothing has changed
 *   ask the old translator to go
 *   write the record
 *   mount
 *   hand the mount to the new translator
 *
 * What fails before the second step leaves everything as it was; what fails
 * later puts the record and the mount back. */
#include "portd/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/arm.h"
#include "portd/mount.h"
#include "portd/mounter.h"
#include "portd/watch.h"
#include "wire/describe.h"

/* What a record is made of, to put back. */
struct record {
	struct setting *passive;
	struct setting *run;
	struct setting *active;
	char *underlying_path;
	bool created;
	uint32_t restore_mode;
	uint64_t set_at;
};

struct change {
	struct keeper *keeper;
	struct node *node;
	struct right reply;		/* RIGHT_NULL: answered already (a pause) */
	uint32_t reply_id;
	uint32_t flags;
	uint32_t goaway;
	uint32_t timeout_ms;
	struct setting *setting;	/* NULL: remove */
	char *underlying_path;
	uint32_t restore_mode;
	int node_fd;
	int underlying_fd;
	bool stored;			/* starts what is set already */
	bool in_place;			/* on the mount that there is */
	bool paused;
	bool forced;			/* the second try to unmount */
	bool unmounted;			/* put the old mount back when it fails */
	bool recorded;			/* the record was changed: put it back when it fails */
	struct incarnation *candidate;
	struct node *inner;		/* inside of the node, being taken down */
	struct mount *old_mount;
	struct record before;
	uint32_t pid;
	int code;
	char text[1024];
};

static void detach(struct change *change);
static void mount_new(struct change *change);

/* Records ------------------------------------------------------------------- */

static void
record_deinit(struct record *record)
{
	setting_free(record->passive);
	setting_free(record->run);
	setting_free(record->active);
	free(record->underlying_path);
	memset(record, 0, sizeof(*record));
}

/* Takes the node's record out of it. */
static void
record_take(struct record *record, struct node *node)
{
	*record = (struct record){
		STEAL_PTR(node->passive), STEAL_PTR(node->run), STEAL_PTR(node->active),
		STEAL_PTR(node->underlying_path), node->created, node->restore_mode, node->set_at,
	};
}

static void
record_put(struct node *node, struct record *record)
{
	node->passive = STEAL_PTR(record->passive);
	node->run = STEAL_PTR(record->run);
	node->active = STEAL_PTR(record->active);
	node->underlying_path = STEAL_PTR(record->underlying_path);
	node->created = record->created;
	node->restore_mode = record->restore_mode;
	node->set_at = record->set_at;
}

static struct setting *
copy_or_null(const struct setting *setting)
{
	return setting ? setting_copy(setting) : NULL;
}

/* What the node has now, once more: the keeping half of a take. */
static bool
record_copy(struct record *record, const struct node *node)
{
	*record = (struct record){
		copy_or_null(node->passive), copy_or_null(node->run), copy_or_null(node->active),
		strdup(node->underlying_path), node->created, node->restore_mode, node->set_at,
	};
	if (!!record->passive == !!node->passive && !!record->run == !!node->run &&
	    !!record->active == !!node->active && record->underlying_path)
		return true;
	record_deinit(record);
	return false;
}

/* The end ------------------------------------------------------------------- */

static int __attribute__((format(printf, 3, 4)))
fail(struct change *change, int code, const char *format, ...)
{
	va_list args;

	if (change->code != 0)
		return change->code;
	va_start(args, format);
	vsnprintf(change->text, sizeof(change->text), format, args);
	va_end(args);
	change->code = code;
	return code;
}

static void
answer(struct change *change)
{
	struct message *message;
	struct node_set_out out = { .pid = change->pid };

	if (change->reply.kind == RIGHT_NULL)
		return;
	message = answer_new(change->reply_id, change->code, change->text);
	if (!message) {
		right_release(change->reply);
	} else {
		if (change->code == 0 && change->reply_id == ROUTINE_node_set)
			node_set_out_put(&message->body, &out);
		message_send(change->reply, message, (struct right){ .kind = RIGHT_NULL });
	}
	change->reply = (struct right){ .kind = RIGHT_NULL };
}

static void
change_free(struct change *change)
{
	mount_free(change->old_mount);
	setting_free(change->setting);
	record_deinit(&change->before);
	free(change->underlying_path);
	fd_close(&change->node_fd);
	fd_close(&change->underlying_fd);
	free(change);
}

static void
drop_candidate(struct change *change)
{
	struct incarnation *inc = STEAL_PTR(change->candidate);

	if (inc)
		incarnation_goaway(inc, FSYS_GOAWAY_FORCE, 0, NULL, NULL);
}

/* Answers; a node that has nothing behind it is forgotten. */
static void
finish(struct change *change)
{
	struct node *node = change->node;

	drop_candidate(change);
	answer(change);
	if (node) {
		node->change = NULL;
		if (!node->mount && !node_setting(node)) {
			translog_remove(node->log);
			node_free(node);
		} else if (!node->mount && change->code == 0) {
			arm_node(node, NULL);
		}
	}
	change_free(change);
}

/* Putting back -------------------------------------------------------------- */

static void
on_put_back(struct mount *mount, int code, const char *text, void *arg)
{
	struct change *change = arg;

	if (code == 0)
		node_attach(change->node, mount);
	else
		node_say(change->node, "%s", text);
	finish(change);
}

/* What is to be mounted on, as it was opened before. */
static int
node_descriptor(const struct change *change)
{
	if (change->old_mount)
		return fcntl(change->old_mount->beneath, F_DUPFD_CLOEXEC, 3);
	return change->node_fd < 0 ? -1 : fcntl(change->node_fd, F_DUPFD_CLOEXEC, 3);
}

/* It failed after the old mount was gone: everything as it was, but idle. */
static void
put_back(struct change *change)
{
	struct node *node = change->node;
	AUTO_TEXT struct text why = { 0 };
	struct mount_order order;
	struct record failed;

	drop_candidate(change);
	if (change->recorded) {
		record_take(&failed, node);
		record_deinit(&failed);
		record_put(node, &change->before);
		change->recorded = false;
		if (node_store(node, &why) < 0)
			log_error("%s", text_string(&why));
	}
	if (!node_setting(node) || !change->unmounted) {
		finish(change);
		return;
	}
	order = (struct mount_order){
		.path = node->path,
		.underlying_path = node->underlying_path,
		.kind = node_setting(node)->kind,
		.created = node->created,
		.node_fd = node_descriptor(change),
		.underlying_fd = -1,
	};
	if (mount_make(change->keeper, &order, on_put_back, change) < 0)
		finish(change);
}

/* Mounting the new one ------------------------------------------------------ */

static void
on_undone(int code, const char *text, void *arg)
{
	struct change *change = arg;

	(void)code;
	(void)text;
	put_back(change);
}

/* The new translator died while its mount was made. */
static void
undo_mount(struct change *change)
{
	struct unmount_order order = {
		.path = change->node->path, .mount = change->node->mount, .lazy = true,
	};
	int err;

	fail(change, -EIO, "%s: the new translator died while it was attached", change->node->path);
	err = mount_unmake(change->keeper, &order, on_undone, change);
	mount_free(node_detach(change->node));
	if (err < 0)
		put_back(change);
}

static bool
wants_start(const struct change *change)
{
	return (change->flags & NODE_SET_ACTIVE) && change->setting;
}

static void
on_mounted(struct mount *mount, int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *node = change->node;

	if (code != 0) {
		fail(change, code, "%s", text);
		put_back(change);
		return;
	}
	node_attach(node, mount);
	if (wants_start(change)) {
		struct incarnation *inc = change->candidate;

		if (!inc || node_adopt(node, inc) < 0) {
			undo_mount(change);
			return;
		}
		change->candidate = NULL;
	}
	finish(change);
}

static void
mount_new(struct change *change)
{
	struct node *node = change->node;
	struct mount_order order = {
		.path = node->path,
		.underlying_path = node->underlying_path,
		.kind = node_setting(node)->kind,
		.created = node->created,
		.node_fd = node_descriptor(change),
		.underlying_fd = fd_steal(&change->underlying_fd),
	};
	int err = mount_make(change->keeper, &order, on_mounted, change);

	if (err < 0) {
		fail(change, err, "%s: no helper process: %s", node->path, strerror(-err));
		put_back(change);
	}
}

/* The record ---------------------------------------------------------------- */

static void
write_passive(struct change *change)
{
	struct node *node = change->node;

	setting_free(node->passive);
	setting_free(STEAL_PTR(node->run));
	node->passive = copy_or_null(change->setting);
	node->set_at = (uint64_t)time(NULL);
	node->generation++;
}

static bool
is_active(const struct node *node)
{
	return node->inc || node->active;
}

/* -k, and there is something to keep. */
static bool
keeps_active(const struct change *change)
{
	return (change->flags & NODE_SET_KEEP_ACTIVE) && !(change->flags & NODE_SET_ACTIVE) &&
	    is_active(change->node);
}

static void
write_place(struct change *change)
{
	struct node *node = change->node;

	if (!change->setting || change->stored)
		return;
	free(node->underlying_path);
	node->underlying_path = STEAL_PTR(change->underlying_path);
	if (change->flags & NODE_SET_CREATED) {
		node->created = true;
		node->restore_mode = change->restore_mode;
	}
}

/* What was started over the old record ends, or goes on by itself. */
static void
write_active(struct change *change)
{
	struct node *node = change->node;

	if (!keeps_active(change))
		setting_free(STEAL_PTR(node->active));
	else if (!node->active)
		node->active = copy_or_null(node_setting(node));
}

/* Changes the node's record as the flags say, and writes it. */
static int
write_record(struct change *change)
{
	struct node *node = change->node;
	AUTO_TEXT struct text why = { 0 };
	bool passive = change->flags & NODE_SET_PASSIVE;
	int err;

	if (!record_copy(&change->before, node))
		return fail(change, -ENOMEM, "%s: out of memory", node->path);
	change->recorded = true;
	write_active(change);
	if (passive)
		write_passive(change);
	if ((change->flags & NODE_SET_ACTIVE) && !passive && !change->stored)
		node->active = copy_or_null(change->setting);
	write_place(change);
	err = passive ? node_store(node, &why) : 0;
	return err < 0 ? fail(change, err, "%s: %s", node->path, text_string(&why)) : 0;
}

/* The old one is out of the way. */
static void
replace(void *arg)
{
	struct change *change = arg;

	if (wants_start(change) && !change->candidate)
		fail(change, -EIO, "%s: the new translator died before it was attached",
		    change->node->path);
	if (change->code != 0 || write_record(change) < 0) {
		put_back(change);
		return;
	}
	if (node_setting(change->node))
		mount_new(change);
	else
		finish(change);
}

/* Detaching the old one ----------------------------------------------------- */

static bool
has_target_after(const struct change *change)
{
	const struct node *node = change->node;

	if (change->setting)
		return true;
	if (change->flags & NODE_SET_PASSIVE)
		return false;
	return node->passive != NULL;
}

static void
send_away(struct change *change)
{
	struct incarnation *inc = node_release(change->node);

	change->unmounted = change->node->mount != NULL;
	change->old_mount = node_detach(change->node);
	if (!inc) {
		replace(change);
	} else if (change->flags & NODE_SET_ORPHAN) {
		struct mount *orphaned = change->old_mount;

		change->old_mount = NULL;
		change->node_fd = fcntl(orphaned->beneath, F_DUPFD_CLOEXEC, 3);
		incarnation_orphan(inc, orphaned);
		replace(change);
	} else if (change->goaway & FSYS_GOAWAY_NOWAIT) {
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, NULL, NULL);
		replace(change);
	} else {
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, replace, change);
	}
}

static void
on_unmounted(int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *node = change->node;

	if (code == 0) {
		send_away(change);
		return;
	}
	if (code == -EBUSY && (change->goaway & FSYS_GOAWAY_FORCE) && !change->forced) {
		change->forced = true;
		detach(change);
		return;
	}
	if (code == -EBUSY)
		fail(change, code, "%s: %s is in use; -f takes it "
		    "away", node->path, node_who(node));
	else
		fail(change, code, "%s", text);
	finish(change);
}

/* A node inside of this one that is mounted; the last in path order, so that
 * inner ones come before outer ones. */
static struct node *
find_inner(const struct node *node)
{
	struct node *inner = NULL;

	LIST_FOR_EACH(at, next, &node->keeper->nodes) {
		struct node *other = LIST_ENTRY(at, struct node, link);

		if (other != node && other->mount && path_is_inside(other->path, node->path))
			inner = other;
	}
	return inner;
}

static void
take_down(struct change *change, struct node *inner)
{
	struct incarnation *inc = node_release(inner);

	mount_free(node_detach(inner));
	if (inc)
		incarnation_goaway(inc, change->goaway, NODE_GOAWAY_MS, NULL, NULL);
	setting_free(STEAL_PTR(inner->active));
	if (!inner->passive) {
		node_free(inner);
		return;
	}
	inner->waits_for_outer = true;
	node_say(inner, "it is armed when %s starts", change->node->path);
}

static void
on_inner_unmounted(int code, const char *text, void *arg)
{
	struct change *change = arg;
	struct node *inner = STEAL_PTR(change->inner);

	inner->change = NULL;
	if (code != 0) {
		fail(change, code, "%s", text);
		finish(change);
		return;
	}
	take_down(change, inner);
	detach(change);
}

static int
detach_inner(struct change *change, struct node *inner)
{
	struct unmount_order order = {
		.path = inner->path,
		.mount = inner->mount,
		.lazy = change->goaway & FSYS_GOAWAY_FORCE,
	};

	if (inner->change)
		return fail(change, -EBUSY, "%s: is being changed by another settrans", inner->path);
	if (!(change->goaway & FSYS_GOAWAY_RECURSE))
		return fail(change, -EBUSY, "%s: %s stands inside of it; -R asks that one to go first",
		    change->node->path, inner->path);
	change->inner = inner;
	inner->change = change;
	return mount_unmake(change->keeper, &order, on_inner_unmounted, change);
}

static int
detach_self(struct change *change)
{
	struct node *node = change->node;
	struct unmount_order order = {
		.path = node->path,
		.mount = node->mount,
		.lazy = change->forced || (change->flags & NODE_SET_ORPHAN),
		.restore = node->created && !has_target_after(change),
		.restore_mode = node->restore_mode,
	};

	if (!node->mount && !order.restore) {
		replace(change);
		return 0;
	}
	return mount_unmake(change->keeper, &order, on_unmounted, change);
}

/* Takes the old mount away, and before it those inside of it. */
static void
detach(struct change *change)
{
	struct node *node = change->node;
	struct node *inner = node->mount && !change->forced &&
	    !(change->flags & NODE_SET_ORPHAN) ? find_inner(node) : NULL;
	int err = inner ? detach_inner(change, inner) : detach_self(change);

	if (err < 0) {
		if (change->inner)
			STEAL_PTR(change->inner)->change = NULL;
		fail(change, err, "%s: no helper process: %s", node->path, strerror(-err));
		finish(change);
	}
}

/* Starting the new one ------------------------------------------------------ */

static void
on_announced(struct incarnation *inc, void *arg)
{
	struct change *change = arg;

	(void)inc;
	if (!change->paused)
		detach(change);
}

static void
on_left(struct incarnation *inc, uint32_t reason, void *arg)
{
	struct change *change = arg;

	(void)inc;
	(void)reason;
	change->candidate = NULL;
}

static void
on_died(struct incarnation *inc, int code, const char *why, void *arg)
{
	struct change *change = arg;
	bool early = inc->state == INCARNATION_LAUNCHED || change->paused;

	change->candidate = NULL;
	fail(change, code, "%s: %s", change->node->path, why);
	if (early)
		finish(change);
}

static const struct incarnation_owner owner = {
	.announced = on_announced,
	.left = on_left,
	.died = on_died,
};

static void
pause_start(struct change *change)
{
	change->paused = true;
	incarnation_set_timeout(change->candidate, 0);
	answer(change);
}

static void
start_candidate(struct change *change)
{
	struct node *node = change->node;

	change->candidate = incarnation_start(change->keeper, change->setting, node->log,
	    change->timeout_ms, &owner, change);
	if (!change->candidate) {
		fail(change, -errno, "%s: %s cannot be started: %s", node->path,
		    argv_word(&change->setting->argv, 0), strerror(errno));
		finish(change);
		return;
	}
	change->pid = (uint32_t)change->candidate->pid;
	if (change->flags & NODE_SET_PAUSE)
		pause_start(change);
}

static void
start_in_place(struct change *change)
{
	struct node *node = change->node;
	int err;

	change->in_place = true;
	node_forgive(node);
	err = node_start(node, change->timeout_ms);
	if (err == 0) {
		change->pid = (uint32_t)node->inc->pid;
		return;
	}
	fail(change, err, "%s: cannot be started: %s", node->path, strerror(-err));
	finish(change);
}

/* The node's own start has come to an end. */
void
change_started(struct node *node, int code, const char *why)
{
	struct change *change = node->change;

	if (!change || !change->in_place)
		return;
	if (code != 0)
		fail(change, code, "%s: %s", node->path, why);
	finish(change);
}

/* Deciding ------------------------------------------------------------------ */

static int
check_stored(struct change *change)
{
	struct node *node = change->node;

	if (!(change->flags & NODE_SET_STORED))
		return 0;
	if (change->setting)
		return fail(change, -EINVAL, "%s: --start takes no translator", node->path);
	if (!node->passive)
		return fail(change, -ENOENT, "%s: nothing is set there to start", node->path);
	change->stored = true;
	change->flags = (change->flags | NODE_SET_ACTIVE) & ~(uint32_t)NODE_SET_PASSIVE;
	change->setting = setting_copy(node->run ? node->run : node->passive);
	return change->setting ? 0 : fail(change, -ENOMEM, "%s: out of memory", node->path);
}

static int
check_busy(struct change *change)
{
	struct node *node = change->node;
	uint32_t flags = change->flags;

	if (change->setting && (flags & NODE_SET_EXCLUSIVE)) {
		if ((flags & NODE_SET_PASSIVE) && node->passive)
			return fail(change, -EBUSY, "%s: has a setting already, %s", node->path,
			    argv_word(&node->passive->argv, 0));
		if ((flags & NODE_SET_ACTIVE) && is_active(node))
			return fail(change, -EBUSY, "%s: %s runs there already", node->path,
			    node_who(node));
	}
	if (!(flags & (NODE_SET_ACTIVE | NODE_SET_GOAWAY | NODE_SET_KEEP_ACTIVE | NODE_SET_ORPHAN)) &&
	    is_active(node))
		return fail(change, -EBUSY, "%s: %s runs there; -g asks it to go, -k leaves it running",
		    node->path, node_who(node));
	return 0;
}

/* -k: what runs goes on as what it is, whatever the record says. */
static void
record_only(struct change *change)
{
	if (write_record(change) < 0)
		put_back(change);
	else
		finish(change);
}

static bool
has_nothing_to_do(const struct change *change)
{
	const struct node *node = change->node;

	if (change->setting)
		return false;
	if (change->flags & NODE_SET_PASSIVE)
		return !node->passive && !is_active(node) && !node->mount;
	return !is_active(node);
}

static void
decide(struct change *change)
{
	struct node *node = change->node;

	if (check_stored(change) < 0 || check_busy(change) < 0 || has_nothing_to_do(change))
		finish(change);
	else if (keeps_active(change))
		record_only(change);
	else if (change->stored && node->mount && !is_active(node) &&
	    !(change->flags & NODE_SET_PAUSE))
		start_in_place(change);
	else if (wants_start(change))
		start_candidate(change);
	else
		detach(change);
}

/* Requests ------------------------------------------------------------------ */

static int
check_description(const struct describe_out *out, struct text *why)
{
	if (out->magic != DESCRIBE_MAGIC || out->version != WIRE_VERSION) {
		text_puts(why, "its translator was made for another hird");
		return -EPROTO;
	}
	if ((out->kind != NODE_KIND_FILE && out->kind != NODE_KIND_DIR) ||
	    out->nature < NODE_NATURE_IMMUTABLE || out->nature > NODE_NATURE_GENERATED) {
		text_puts(why, "its translator describes itself badly");
		return -EINVAL;
	}
	return 0;
}

static int
fill_setting(struct setting *setting, struct wire_blob argv, const char *program,
    const struct describe_out *out)
{
	setting->kind = out->kind;
	setting->nature = out->nature;
	setting->program = strdup(program);
	if (out->attr.size == sizeof(setting->attr))
		memcpy(&setting->attr, out->attr.data, sizeof(setting->attr));
	if (!setting->program || argv_copy(&setting->argv, argv.data, argv.size) < 0 ||
	    argv_copy(&setting->files, out->files.data, out->files.size) < 0 ||
	    argv_copy(&setting->identities, out->identities.data, out->identities.size) < 0)
		return -ENOMEM;
	return 0;
}

/* What a tool says of a translator, checked. */
struct setting *
setting_new(struct wire_blob argv, const char *program, struct wire_blob description,
    struct text *why)
{
	AUTO_WIRE struct wire_buf buf = { 0 };
	struct setting *setting = calloc(1, sizeof(*setting));
	struct describe_out out;

	if (setting && program[0] == '/' && argv.size > 0 &&
	    wire_buf_load(&buf, description.data, description.size) == 0 &&
	    describe_out_get(&buf, &out) == 0) {
		if (check_description(&out, why) == 0 &&
		    fill_setting(setting, argv, program, &out) == 0)
			return setting;
	}
	if (why->size == 0)
		text_puts(why, "its description is missing or damaged");
	setting_free(setting);
	return NULL;
}

static int
check_path(const struct keeper *keeper, struct change *change, const char *path)
{
	const char *problem = path_problem(path);
	const char *const own[] = { keeper->runtime_dir, keeper->state_dir };

	if (problem)
		return fail(change, -EINVAL, "%s: %s", path, problem);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (path_is_inside(own[i], path) || path_is_inside(path, own[i]))
			return fail(change, -EINVAL, "%s: hird keeps its own files in %s; "
			    "choose another place", path, own[i]);
	return 0;
}

static void
cancel_paused(struct node *node)
{
	struct change *change = node->change;

	if (!change || !change->paused)
		return;
	fail(change, -EINTR, "%s: another settrans took its place", node->path);
	finish(change);
}

static int
take_node(struct change *change, const char *path)
{
	struct node *node = node_find(change->keeper, path);

	if (!node)
		watch_look(change->keeper->watch);
	else if (node->change)
		cancel_paused(node);
	node = node_find(change->keeper, path);
	if (node && node->change)
		return fail(change, -EBUSY, "%s: is being changed by another settrans", path);
	if (node && (node->arm || node->options))
		return fail(change, -EBUSY, "%s: is being set up just now; try again", path);
	if (!node)
		node = node_new(change->keeper, path);
	if (!node)
		return fail(change, -ENOMEM, "%s: out of memory", path);
	change->node = node;
	node->change = change;
	if (node->mount)
		fd_close(&change->node_fd);	/* the mount's root: it would keep it busy */
	return 0;
}

static int
take_setting(struct change *change, const struct node_set_in *in)
{
	AUTO_TEXT struct text why = { 0 };

	if (in->argv.size == 0)
		return 0;
	change->setting = setting_new(in->argv, in->program, in->description, &why);
	return change->setting ? 0 : fail(change, -EINVAL, "%s: %s", in->path, text_string(&why));
}

static struct change *
change_new(struct keeper *keeper, struct message *request, uint32_t id)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->keeper = keeper;
	change->reply = message_take_reply(request);
	change->reply_id = id;
	change->node_fd = change->underlying_fd = -1;
	return change;
}

/* node_set. */
void
change_begin(struct keeper *keeper, struct message *request)
{
	struct change *change = change_new(keeper, request, ROUTINE_node_set);
	struct node_set_in in;

	if (!change)
		return;
	if (node_set_in_get(&request->body, &in) < 0) {
		fail(change, PORT_E_RPC_BAD_ARGUMENTS, " ");
		finish(change);
		return;
	}
	change->node_fd = in.node;
	change->underlying_fd = in.underlying;
	change->flags = in.flags;
	change->goaway = in.goaway;
	change->timeout_ms = in.timeout_ms;
	change->restore_mode = in.restore_mode & 07777;
	change->underlying_path = strdup(in.underlying_path);
	if (!(in.flags & (NODE_SET_ACTIVE | NODE_SET_STORED)))
		change->flags |= NODE_SET_PASSIVE;
	if (keeper->stopping)
		fail(change, -ESHUTDOWN, "%s: hird-portd is ending; try again", in.path);
	if (!change->underlying_path)
		fail(change, -ENOMEM, "%s: out of memory", in.path);
	if (change->code == 0 && check_path(keeper, change, in.path) == 0 &&
	    take_setting(change, &in) == 0 && take_node(change, in.path) == 0)
		decide(change);
	else
		finish(change);
}

/* node_resume. */
void
change_resume(struct keeper *keeper, struct message *request)
{
	struct right reply = message_take_reply(request);
	struct node_resume_in in;
	struct node *node;
	char text[512];

	if (node_resume_in_get(&request->body, &in) < 0) {
		answer_send(reply, ROUTINE_node_resume, PORT_E_RPC_BAD_ARGUMENTS, "");
		return;
	}
	node = node_find(keeper, in.path);
	if (!node || !node->change || !node->change->paused) {
		snprintf(text, sizeof(text), "%.300s: no start is paused there", in.path);
		answer_send(reply, ROUTINE_node_resume, -ESRCH, text);
		return;
	}
	node->change->reply = reply;
	node->change->reply_id = ROUTINE_node_resume;
	node->change->paused = false;
	incarnation_set_timeout(node->change->candidate, node->change->timeout_ms);
	if (node->change->candidate->state == INCARNATION_ANNOUNCED)
		detach(node->change);
}

/* The answer that there will be no more. */
void
change_abandon(struct node *node)
{
	struct change *change = node->change;

	if (!change)
		return;
	fail(change, -ESHUTDOWN, "%s: hird-portd is ending", node->path);
	answer(change);
}
