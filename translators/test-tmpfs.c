/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-tmpfs: the store against the model; broken off between any two stores, and by SIGKILL; in
 * memory that is damaged; when it is full; when it is large. */
#include <errno.h>
#include <linux/falloc.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "translators/test-tmpfs-model.h"
#include "translators/tmpfs-region.h"
#include "translators/tmpfs-xattr.h"

enum {
	SMALL = 192 * REGION_PAGE,	/* room for all that the model can have */
	SNAPSHOTS = 256,
	START = 1000,			/* the time of the first operation */
};

static uint32_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

/* The store ------------------------------------------------------------------ */

static const struct store_setup setup = {
	.limit = UINT64_MAX, .seed = 77, .mode = 0755, .uid = 5, .gid = 6, .now = { START, START },
};

static struct store *
open_store(void *memory, size_t size, enum store_origin want)
{
	enum store_origin origin = STORE_REFUSED;
	struct store *store = NULL;

	assert_int_equal(store_new(memory, size, &setup, &origin, &store), 0);
	assert_int_equal(origin, want);
	return store;
}

static void *
new_region(size_t size)
{
	void *region = aligned_alloc(REGION_PAGE, size);

	assert_non_null(region);
	memset(region, 0, size);
	return region;
}

static uint64_t
free_pages(const struct store *store)
{
	struct statvfs st = { 0 };

	store_statfs(store, &st);
	return st.f_bfree;
}

static uint64_t
free_inodes(const struct store *store)
{
	struct statvfs st = { 0 };

	store_statfs(store, &st);
	return st.f_ffree;
}

static ssize_t
write_op(struct store *store, uint64_t id, const struct op *op)
{
	static char buf[MODEL_CONTENT];

	for (size_t i = 0; i < op->size; i++)
		buf[i] = (char)model_byte(op, i);
	return store_write(store, id, buf, op->size, op->offset, &op->now);
}

static int
change_op(struct store *store, uint64_t id, const struct op *op)
{
	struct stat st = { .st_mode = op->mode, .st_uid = (uid_t)op->size,
		.st_gid = (gid_t)op->offset, .st_atim = { (time_t)op->size, 0 },
		.st_mtim = { (time_t)op->offset, 0 } };

	return store_change(store, id, &st, (int)op->flags, &op->now);
}

static int
setxattr_op(struct store *store, uint64_t id, const struct op *op)
{
	static char value[MODEL_XATTR_SIZE];

	memset(value, (int)op->flags, op->size);
	return xattr_set(store, id, model_xattr_name(op->flags), value, op->size, 0, &op->now);
}

/* Does to the store what model_apply does to the model; nodes have the ids that the model
 * says. */
static int
store_apply(struct store *store, const struct model *model, const struct op *op)
{
	uint64_t id = model->nodes[op->node].id, dir = model->nodes[op->dir].id, made;
	uint64_t new_dir = model->nodes[op->new_dir].id;
	const struct store_new_node new = { op->mode, 259, op->target, model->uid, model->gid };

	switch (op->kind) {
	case OP_MAKE: return store_make(store, dir, op->name, &new, &op->now, &made);
	case OP_LINK: return store_link(store, id, dir, op->name, &op->now);
	case OP_UNLINK: return store_unlink(store, dir, op->name, &op->now);
	case OP_RMDIR: return store_rmdir(store, dir, op->name, &op->now);
	case OP_RENAME: return store_rename(store, dir, op->name, new_dir, op->new_name,
	    op->flags, &op->now);
	case OP_CHANGE: return change_op(store, id, op);
	case OP_WRITE: return (int)write_op(store, id, op);
	case OP_TRUNCATE: return store_truncate(store, id, op->size, &op->now);
	case OP_ALLOCATE: return store_allocate(store, id, (int)op->flags, op->offset, op->size,
	    &op->now);
	case OP_OPEN: return store_open(store, id);
	case OP_CLOSE: store_close(store, id); return 0;
	case OP_SETXATTR: return setxattr_op(store, id, op);
	case OP_REMOVEXATTR:
		return xattr_remove(store, id, model_xattr_name(op->flags), &op->now);
	case OP_KINDS: break;
	}
	return -ENOSYS;
}

/* Comparing ------------------------------------------------------------------ */

/* The id of a node that the model does not know yet, by one of its names; 0: not there. */
static uint64_t
find_id(const struct store *store, const struct model *model, int node)
{
	uint64_t dir, id;

	if (model->nodes[node].id != 0)
		return model->nodes[node].id;
	for (int i = 0; i < MODEL_NAMES; i++) {
		const struct model_name *name = &model->names[i];

		if (!name->used || name->child != node)
			continue;
		dir = model->nodes[name->dir].id;
		return store_lookup(store, dir, name->name, &id) == 0 ? id : 0;
	}
	return 0;
}

static int
count_one(void *argument, const struct store_dirent *entry)
{
	(void)entry;
	++*(int *)argument;
	return 0;
}

static bool
same_names(const struct store *store, const struct model *model)
{
	int n = 0, n_listed = 0;

	for (int i = 0; i < MODEL_NAMES; i++) {
		const struct model_name *name = &model->names[i];
		uint64_t id;

		if (!name->used)
			continue;
		n++;
		if (store_lookup(store, find_id(store, model, name->dir), name->name, &id) < 0 ||
		    id != find_id(store, model, name->child))
			return false;
	}
	for (int i = 0; i < MODEL_NODES; i++)
		if (model->nodes[i].used && S_ISDIR(model->nodes[i].mode) &&
		    store_list(store, find_id(store, model, i), 0, count_one, &n_listed) < 0)
			return false;
	return n == n_listed;
}

static int
n_links_of(const struct model *model, int node)
{
	int n = node == 0 ? 1 : model_links(model, node);

	if (!S_ISDIR(model->nodes[node].mode) || n == 0)
		return n;
	n = 2;
	for (int i = 0; i < MODEL_NAMES; i++)
		n += model->names[i].used && model->names[i].dir == node &&
		    S_ISDIR(model->nodes[model->names[i].child].mode);
	return n;
}

static bool
same_attributes(const struct stat *st, const struct model *model, int index)
{
	const struct model_node *node = &model->nodes[index];

	return st->st_mode == node->mode && (int)st->st_nlink == n_links_of(model, index) &&
	    st->st_uid == node->uid && st->st_gid == node->gid && st->st_rdev == node->rdev &&
	    st->st_atim.tv_sec == node->atime && st->st_mtim.tv_sec == node->mtime &&
	    st->st_ctim.tv_sec == node->ctime &&
	    (S_ISDIR(node->mode) || (size_t)st->st_size == node->size);
}

/* Of a write that was broken off, each byte is the old or the new one. */
static bool
same_content(const struct store *store, uint64_t id, const struct model_node *node,
    const struct model_node *other)
{
	static char buf[MODEL_CONTENT + 1];
	ssize_t n;

	if (S_ISLNK(node->mode))
		n = store_readlink(store, id, buf, sizeof(buf));
	else if (S_ISREG(node->mode))
		n = store_read(store, id, buf, sizeof(buf), 0);
	else
		return true;
	if (n != (ssize_t)node->size)
		return false;
	for (size_t i = 0; i < node->size; i++)
		if ((unsigned char)buf[i] != node->content[i] &&
		    (unsigned char)buf[i] != other->content[i])
			return false;
	return true;
}

static bool
same_xattrs(const struct store *store, uint64_t id, const struct model_node *node)
{
	char value[MODEL_XATTR_SIZE], list[100];
	size_t listed = 0;

	for (unsigned i = 0; i < MODEL_XATTRS; i++) {
		const char *name = model_xattr_name(i);
		ssize_t n = xattr_get(store, id, name, value, sizeof(value));

		if (n != (node->xattrs[i] < 0 ? -ENODATA : node->xattrs[i]))
			return false;
		for (ssize_t j = 0; j < n; j++)
			if (value[j] != (char)i)
				return false;
		listed += n < 0 ? 0 : strlen(name) + 1;
	}
	return xattr_list(store, id, list, sizeof(list)) == (ssize_t)listed;
}

/* Whether the store is as the model says; bytes of content may be as in `torn`. */
static bool
is_same(const struct store *store, const struct model *model, const struct model *torn)
{
	for (int i = 0; i < MODEL_NODES; i++) {
		const struct model_node *node = &model->nodes[i];
		uint64_t id = node->used ? find_id(store, model, i) : 0;
		struct stat st;

		if (!node->used)
			continue;
		if (id == 0 || store_stat(store, id, &st) < 0 ||
		    !same_attributes(&st, model, i) ||
		    !same_content(store, id, node, &torn->nodes[i]) ||
		    !same_xattrs(store, id, node))
			return false;
	}
	return same_names(store, model);
}

static void
learn_ids(const struct store *store, struct model *model)
{
	for (int i = 0; i < MODEL_NODES; i++)
		if (model->nodes[i].used)
			model->nodes[i].id = find_id(store, model, i);
}

/* The model and the store after one more operation. */
static void
do_one(struct store *store, struct model *model, uint64_t *random, int64_t now)
{
	struct op op = model_choose(model, random, now);
	const struct model before = *model;
	int made, want = model_apply(model, &op, &made);

	assert_int_equal(store_apply(store, &before, &op), want);
	learn_ids(store, model);
}

/* How often what is repeated at random: valgrind takes forty times as long. */
static int
times(int n)
{
	return getenv("HIRD_VALGRIND") ? n / 40 : n;
}

static void
test_random(void **state)
{
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	static struct model model;
	uint64_t random = 1;

	(void)state;
	model_init(&model, 0755, 5, 6, START);
	for (int i = 1; i <= times(20000); i++) {
		do_one(store, &model, &random, START + i);
		if (i % 10 == 0)
			assert_true(is_same(store, &model, &model));
		if (i % 100 != 0)
			continue;
		store_free(store);
		store = open_store(region, SMALL, STORE_KEPT);
		assert_true(is_same(store, &model, &model));
	}
	store_free(store);
	free(region);
}

/* When all is removed, all is free again. */
static void
empty_model(struct store *store, const struct model *model)
{
	const struct timespec now = { START, 0 };
	bool more = true;

	for (int i = 0; i < MODEL_NODES; i++)
		if (model->nodes[i].used)
			store_close(store, model->nodes[i].id);
	while (more) {
		more = false;
		for (int i = 0; i < MODEL_NAMES; i++) {
			const struct model_name *name = &model->names[i];
			uint64_t dir = model->nodes[name->dir].id;

			if (!name->used)
				continue;
			if (store_unlink(store, dir, name->name, &now) == 0 ||
			    store_rmdir(store, dir, name->name, &now) == 0)
				more = true;
		}
	}
	for (unsigned i = 0; i < MODEL_XATTRS; i++)
		xattr_remove(store, STORE_ROOT, model_xattr_name(i), &now);
}

static void
test_nothing_leaks(void **state)
{
	static struct model model;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		void *region = new_region(SMALL);
		struct store *store = open_store(region, SMALL, STORE_NEW);
		uint64_t pages = free_pages(store), inodes = free_inodes(store), random = seed;

		model_init(&model, 0755, 5, 6, START);
		for (int i = 1; i <= 500; i++)
			do_one(store, &model, &random, START + i);
		assert_true(free_pages(store) < pages);
		empty_model(store, &model);
		assert_int_equal(free_pages(store), pages);
		assert_int_equal(free_inodes(store), inodes);
		store_free(store);
		store = open_store(region, SMALL, STORE_KEPT);
		assert_int_equal(free_pages(store), pages);
		assert_int_equal(free_inodes(store), inodes);
		store_free(store);
		free(region);
	}
}

/* Broken off between any two stores ---------------------------------------------- */

static struct {
	const void *region;	/* NULL: nobody looks */
	char *taken[SNAPSHOTS];
	unsigned n;
} snapshots;

/* Called by the store. Keeps what the region is now, when that is another than before. */
void
tmpfs_step(void)
{
	unsigned n = snapshots.n;

	if (!snapshots.region)
		return;
	if (n > 0 && memcmp(snapshots.taken[n - 1], snapshots.region, SMALL) == 0)
		return;
	assert_true(n < SNAPSHOTS);
	if (!snapshots.taken[n])
		snapshots.taken[n] = new_region(SMALL);
	memcpy(snapshots.taken[n], snapshots.region, SMALL);
	snapshots.n++;
}

static struct model before, after;

/* A successor finds the operation not done, or done, and can do it if not. What may be
 * done in part, and what nobody can see, is done again. */
static void
complete(struct store *store, const struct op *op, int want)
{
	bool is_write = op->kind == OP_WRITE || op->kind == OP_ALLOCATE;
	bool is_done = is_same(store, &after, is_write ? &before : &after);

	assert_true(is_done || is_same(store, &before, is_write ? &after : &before));
	if (!is_done || is_write || op->kind == OP_OPEN || op->kind == OP_CLOSE)
		assert_int_equal(store_apply(store, &before, op), want);
	assert_true(is_same(store, &after, &after));
}

static void
check_snapshot(void *region, const struct op *op, int want, const struct store *done)
{
	struct store *store = open_store(region, SMALL, STORE_KEPT);

	complete(store, op, want);
	assert_int_equal(free_pages(store), free_pages(done));
	assert_int_equal(free_inodes(store), free_inodes(done));
	store_free(store);
}

static void
test_any_point(void **state)
{
	char *region = new_region(SMALL), *scratch = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	unsigned n_points = 0;
	uint64_t random = 99;
	int made, want;

	(void)state;
	model_init(&before, 0755, 5, 6, START);
	for (int i = 1; i <= 300 + times(1200); i++) {
		struct op op = model_choose(&before, &random, START + i);

		after = before;
		want = model_apply(&after, &op, &made);
		snapshots.region = region;
		assert_int_equal(store_apply(store, &before, &op), want);
		snapshots.region = NULL;
		for (unsigned j = 0; j < snapshots.n && i > 300; j++, n_points++) {
			memcpy(scratch, snapshots.taken[j], SMALL);
			check_snapshot(scratch, &op, want, store);
		}
		snapshots.n = 0;
		learn_ids(store, &after);
		before = after;
	}
	print_message("%u points\n", n_points);
	assert_true(n_points > (unsigned)times(5000));
	for (unsigned j = 0; j < SNAPSHOTS; j++)
		free(snapshots.taken[j]);
	memset(&snapshots, 0, sizeof(snapshots));
	store_free(store);
	free(region);
	free(scratch);
}

/* Killed ----------------------------------------------------------------------- */

struct shared {
	uint32_t n_done;
	uint64_t ids[2][MODEL_NODES];	/* after each second operation */
};

/* Goes on until it is killed; ends by itself when the store is wrong. */
static void
run_until_killed(struct store *store, struct shared *shared, uint64_t random, int64_t now)
{
	static struct model model;
	int made;

	model = before;
	for (uint32_t i = 0;; i++) {
		struct op op = model_choose(&model, &random, now + i);

		before = model;
		if (store_apply(store, &before, &op) != model_apply(&model, &op, &made))
			_exit(1);
		learn_ids(store, &model);
		for (int j = 0; j < MODEL_NODES; j++)
			shared->ids[i % 2][j] = model.nodes[j].id;
		PUT(shared->n_done, i + 1);
	}
}

static void
kill_at_random(pid_t child, const struct shared *shared, uint64_t *random)
{
	int status = 0;

	/* Under valgrind it takes longer to begin than the longest delay. */
	while (!__atomic_load_n(&shared->n_done, __ATOMIC_RELAXED) && waitpid(child, &status, WNOHANG) == 0)
		sched_yield();
	assert_int_equal(status, 0);
	usleep(next_random(random) % 3000);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

/* Brings the model to where the child was: `before` and `after` what it was doing. */
static struct op
follow(const struct shared *shared, uint64_t *random, int64_t *now)
{
	struct op op;
	int made;

	for (uint32_t i = 0; i < shared->n_done; i++) {
		op = model_choose(&before, random, (*now)++);
		model_apply(&before, &op, &made);
	}
	for (int j = 0; j < MODEL_NODES && shared->n_done > 0; j++)
		before.nodes[j].id = shared->ids[(shared->n_done - 1) % 2][j];
	op = model_choose(&before, random, (*now)++);
	after = before;
	return op;
}

static void
test_killed(void **state)
{
	void *region = mmap(NULL, SMALL, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t random = 4711, delays = 5, n_done = 0;
	int64_t now = START + 1;

	(void)state;
	model_init(&before, 0755, 5, 6, START);
	for (int round = 0; round < times(200); round++) {
		pid_t child;
		struct op op;
		int made, want;

		shared->n_done = 0;
		child = fork();
		assert_true(child >= 0);
		if (child == 0)
			run_until_killed(store, shared, random, now);
		kill_at_random(child, shared, &delays);
		n_done += shared->n_done;
		op = follow(shared, &random, &now);
		want = model_apply(&after, &op, &made);
		store_free(store);
		store = open_store(region, SMALL, STORE_KEPT);
		complete(store, &op, want);
		learn_ids(store, &after);
		before = after;
	}
	print_message("%llu operations\n", (unsigned long long)n_done);
	assert_true(n_done > 0);
	store_free(store);
	munmap(region, SMALL);
	munmap(shared, sizeof(*shared));
}

/* Damaged ------------------------------------------------------------------------ */

/* What there is to be found, as if it were a model. */
struct finds {
	const struct store *store;
	struct model *model;
	int n;
};

static int
note_find(void *argument, const struct store_dirent *entry)
{
	struct finds *finds = argument;

	if (finds->n == MODEL_NODES)
		return 1;
	finds->model->nodes[finds->n++] = (struct model_node){
		.used = true, .id = entry->node, .mode = entry->mode };
	return 0;
}

static void
find_nodes(const struct store *store, struct model *model)
{
	struct finds finds = { store, model, 1 };

	model_init(model, 0755, 5, 6, START);
	for (int i = 0; i < finds.n; i++)
		if (S_ISDIR(model->nodes[i].mode))
			store_list(store, model->nodes[i].id, 0, note_find, &finds);
}

/* Does much of everything; the answers do not matter. */
static void
use_blindly(struct store *store, uint64_t *random)
{
	static struct model model;
	static char buf[70000];
	struct stat st;

	for (int i = 0; i < 60; i++) {
		struct op op;
		uint64_t id;

		if (i % 10 == 0)
			find_nodes(store, &model);
		op = model_choose(&model, random, START);
		id = model.nodes[op.node].id;
		store_apply(store, &model, &op);
		store_stat(store, id, &st);
		store_read(store, id, buf, sizeof(buf), op.offset);
		store_readlink(store, id, buf, sizeof(buf));
		xattr_list(store, id, buf, op.size);
		xattr_get(store, id, model_xattr_name(0), buf, op.size);
	}
}

static void
damage(unsigned char *region, uint64_t *random)
{
	uint32_t n = 1 + next_random(random) % 6;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t where = next_random(random);

		/* The head and the first inodes are few bytes of many, and matter most. */
		if (where % 4 == 0)
			where = where / 4 % sizeof(struct head);
		else if (where % 4 == 1)
			where = 2 * REGION_PAGE + where / 4 % (20 * sizeof(struct inode));
		else
			where = where / 4 % SMALL;
		region[where] = next_random(random) % 3 ? (unsigned char)next_random(random) :
		    (unsigned char)(next_random(random) % 4);
	}
}

static void
test_damaged(void **state)
{
	unsigned char *region = new_region(SMALL), *scratch = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	unsigned n_kept = 0, n_refused = 0;
	static struct model model;
	uint64_t random = 31337;

	(void)state;
	model_init(&model, 0755, 5, 6, START);
	for (int i = 1; i <= times(4000); i++) {
		enum store_origin origin = STORE_NEW;
		struct store *other;

		do_one(store, &model, &random, START + i);
		memcpy(scratch, region, SMALL);
		damage(scratch, &random);
		assert_int_equal(store_new(scratch, SMALL, &setup, &origin, &other), 0);
		n_kept += origin == STORE_KEPT;
		n_refused += origin == STORE_REFUSED;
		use_blindly(other, &random);
		store_free(other);
		other = open_store(scratch, SMALL, STORE_KEPT);
		store_free(other);
	}
	print_message("%u kept, %u refused\n", n_kept, n_refused);
	assert_true(n_kept > (unsigned)times(100) && n_refused > (unsigned)times(100));
	store_free(store);
	free(region);
	free(scratch);
}

/* /d and /d/e are directories, /f a file of two pages and a bit, with an attribute. */
static struct store *
make_four(void *region)
{
	struct store *store = open_store(region, SMALL, STORE_NEW);
	const struct store_new_node dir = { .mode = S_IFDIR | 0755 };
	const struct store_new_node file = { .mode = S_IFREG | 0644 };
	const struct timespec now = { START, 0 };
	static const char content[9000];
	uint64_t id;

	assert_int_equal(store_make(store, STORE_ROOT, "d", &dir, &now, &id), 0);
	assert_int_equal(store_make(store, id, "e", &dir, &now, &id), 0);
	assert_int_equal(store_make(store, STORE_ROOT, "f", &file, &now, &id), 0);
	assert_int_equal(store_write(store, id, content, sizeof(content), 0, &now), 9000);
	assert_int_equal(xattr_set(store, id, "user.one", "1", 1, 0, &now), 0);
	return store;
}

static struct entry *
entry_of(const struct store *store, char name)
{
	const struct dir *dir;

	for (uint32_t i = 1; i < store->head->n_inodes; i++) {
		dir = store->dirs[i];
		for (uint32_t j = 0; dir && j < dir->n_items; j++)
			if (entry_at(store, dir->items[j].slot)->name[0] == name)
				return entry_at(store, dir->items[j].slot);
	}
	return NULL;
}

static void
break_it(struct store *store, int how)
{
	struct entry *d = entry_of(store, 'd'), *e = entry_of(store, 'e'), *f = entry_of(store, 'f');
	struct inode *file = inode_at(store, f->child);

	switch (how) {
	case 0: d->parent = e->child; break;	/* a circle */
	case 1: file->slots[1] = file->slots[0]; break;
	case 2: file->slots[2] = store->page_end; break;
	case 3: file->slots[2] = 1; break;
	case 4: file->n_links = 2; break;
	case 5: e->child = d->child; break;
	case 6: e->child = INODE_ROOT; break;
	case 7: e->name[0] = '/'; break;
	case 8: e->length = 200; break;
	case 9: e->seq = store->head->next_seq; break;
	case 10: f->name[0] = 'd'; break;	/* twice the same name */
	case 11: f->seq = d->seq; break;
	case 12: d->child = store->head->n_inodes; break;
	case 13: d->parent = f->child; break;
	case 14: file->height = TREE_HEIGHT_MAX + 1; break;
	case 15: file->mode = 0644; break;
	case 16: file->mtime_ns = 1000000000; break;
	case 17: file->xattr = file->slots[0]; break;
	case 18: memset(page_at(store, file->xattr), 0xff, REGION_PAGE); break;
	case 19: store->kinds[0] = 1; break;
	case 20: store->kinds[file->slots[0]] = 4; break;
	case 21: store->head->n_undo = UNDO_MAX + 1; break;
	case 22: store->head->n_undo = 1; store->head->undo[0] = (struct undo){ 0, 8, 0 }; break;
	case 23: store->head->n_inodes = store->inode_max + 1; break;
	case 24: store->head->size *= 2; break;
	case 25: store->head->busy = store->head->n_inodes; break;
	case 26: store->head->next_seq = UINT64_MAX; break;
	case 27: inode_at(store, INODE_ROOT)->mode = S_IFREG; break;
	}
}

static void
test_refused(void **state)
{
	(void)state;
	for (int how = 0; how < 28; how++) {
		void *region = new_region(SMALL);
		struct store *store = make_four(region);

		break_it(store, how);
		store_free(store);
		store = open_store(region, SMALL, STORE_REFUSED);
		store_free(store);
		/* What is empty now is good. */
		store_free(open_store(region, SMALL, STORE_KEPT));
		free(region);
	}
}

/* Full, large, many ---------------------------------------------------------------- */

static const struct timespec then = { START, 0 };

static uint64_t
make_file(struct store *store, const char *name)
{
	const struct store_new_node new = { .mode = S_IFREG | 0644 };
	uint64_t id = 0;

	assert_int_equal(store_make(store, STORE_ROOT, name, &new, &then, &id), 0);
	return id;
}

static void
test_full(void **state)
{
	static const char content[64 * REGION_PAGE];
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	const struct store_new_node new = { .mode = S_IFREG };
	uint64_t pages, id, other;
	struct statvfs st;
	char name[20];
	int i, err = 0;

	(void)state;
	store_set_limit(store, 40 * REGION_PAGE);
	pages = free_pages(store);
	assert_int_equal(pages, 40);
	id = make_file(store, "file");
	/* As much as there is room for, with one page for names and one above the others. */
	assert_int_equal(store_write(store, id, content, sizeof(content), 0, &then),
	    38 * REGION_PAGE);
	assert_int_equal(store_write(store, id, content, 1, 38 * REGION_PAGE, &then), -ENOSPC);
	assert_int_equal(store_write(store, id, content, 1, 0, &then), 1);
	store_statfs(store, &st);
	assert_int_equal(st.f_blocks, 40);
	assert_int_equal(st.f_bavail, 0);
	assert_int_equal(xattr_set(store, id, "user.a", "a", 1, 0, &then), -ENOSPC);
	for (i = 0; err == 0; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		err = store_make(store, STORE_ROOT, name, &new, &then, &other);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(i > 80);
	for (i -= 2; i >= 0; i--) {
		snprintf(name, sizeof(name), "name%d", i);
		assert_int_equal(store_unlink(store, STORE_ROOT, name, &then), 0);
	}
	assert_int_equal(store_truncate(store, id, 0, &then), 0);
	assert_int_equal(free_pages(store), 39);
	assert_int_equal(store_unlink(store, STORE_ROOT, "file", &then), 0);
	assert_int_equal(free_pages(store), 40);
	store_free(store);
	free(region);
}

static void
test_sparse(void **state)
{
	static const uint64_t places[] = { 0, 5000, 40000, 5 << 20, UINT64_C(5) << 30,
		UINT64_C(5) << 40, FILE_SIZE_MAX - 3 };
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t id = make_file(store, "file"), pages = free_pages(store);
	char buf[4096], zero[4096] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		assert_int_equal(store_write(store, id, "abc", 3, places[i], &then), 3);
	assert_int_equal(store_write(store, id, "abc", 3, FILE_SIZE_MAX - 2, &then), -EFBIG);
	assert_int_equal(store_truncate(store, id, FILE_SIZE_MAX + 1, &then), -EFBIG);
	store_free(store);
	store = open_store(region, SMALL, STORE_KEPT);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		assert_int_equal(store_read(store, id, buf, 3, places[i]), 3);
		assert_memory_equal(buf, "abc", 3);
	}
	assert_int_equal(store_read(store, id, buf, 4096, UINT64_C(3) << 40), 4096);
	assert_memory_equal(buf, zero, 4096);
	assert_true(pages - free_pages(store) < 40);
	/* What was cut off does not come back. */
	assert_int_equal(store_truncate(store, id, 5001, &then), 0);
	assert_int_equal(store_truncate(store, id, 9000, &then), 0);
	assert_int_equal(store_read(store, id, buf, 4096, 5000), 4000);
	assert_int_equal(buf[0], 'a');
	assert_memory_equal(buf + 1, zero, 3999);
	assert_int_equal(store_truncate(store, id, 0, &then), 0);
	assert_int_equal(free_pages(store), pages);
	store_free(store);
	free(region);
}

enum { MANY = 100000, MANY_SIZE = 128 << 20 };

struct seen {
	unsigned char *times;	/* by number */
	uint64_t next;
	unsigned left;		/* entries that fit */
	unsigned n;
};

static int
note_seen(void *argument, const struct store_dirent *entry)
{
	struct seen *seen = argument;

	if (seen->left == 0)
		return 1;
	seen->left--;
	seen->n++;
	seen->next = entry->next;
	seen->times[atoi(entry->name)]++;
	return 0;
}

static void
make_many(struct store *store)
{
	char name[20];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%d", i);
		make_file(store, name);
	}
}

/* Some go and some come while the listing is on its way: what stays is seen once. */
static void
test_many(void **state)
{
	void *region = mmap(NULL, MANY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	struct store *store = open_store(region, MANY_SIZE, STORE_NEW);
	unsigned char *times = calloc(2 * MANY, 1);
	struct seen seen = { .times = times };
	uint64_t pages = free_pages(store), id, n_before, random = 3;
	char name[20], new_name[20];

	(void)state;
	make_many(store);
	do {
		uint32_t i = next_random(&random) % MANY / 2;

		snprintf(name, sizeof(name), "%u", i * 2);
		snprintf(new_name, sizeof(new_name), "%u", MANY + i);
		if (i % 2)
			store_unlink(store, STORE_ROOT, name, &then);
		else
			store_rename(store, STORE_ROOT, name, STORE_ROOT, new_name, 0, &then);
		n_before = seen.n;
		seen.left = 50;
		assert_int_equal(store_list(store, STORE_ROOT, seen.next, note_seen, &seen), 0);
		if (seen.n % 5000 == 0) {
			store_free(store);
			store = open_store(region, MANY_SIZE, STORE_KEPT);
		}
	} while (seen.n > n_before);
	for (int i = 0; i < 2 * MANY; i++)
		assert_true(times[i] <= 1 && (i % 2 == 0 || i > MANY || times[i] == 1));
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (store_lookup(store, STORE_ROOT, name, &id) == 0)
			assert_int_equal(store_unlink(store, STORE_ROOT, name, &then), 0);
	}
	assert_int_equal(free_pages(store), pages);
	store_free(store);
	munmap(region, MANY_SIZE);
	free(times);
}

/* Ends that are near each other --------------------------------------------------- */

static void
test_open(void **state)
{
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t pages = free_pages(store), id = make_file(store, "a"), other;
	struct stat st;
	char buf[3];

	(void)state;
	assert_int_equal(store_write(store, id, "abc", 3, 0, &then), 3);
	assert_int_equal(store_open(store, id), 0);
	assert_int_equal(store_unlink(store, STORE_ROOT, "a", &then), 0);
	store_free(store);
	/* A successor keeps it, too. */
	store = open_store(region, SMALL, STORE_KEPT);
	assert_int_equal(store_read(store, id, buf, 3, 0), 3);
	assert_int_equal(store_stat(store, id, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	store_close(store, id);
	assert_int_equal(free_pages(store), pages);
	assert_int_equal(store_stat(store, id, &st), -ESTALE);
	/* Whatever comes into its place is another one. */
	other = make_file(store, "a");
	assert_int_not_equal(other, id);
	assert_int_equal((uint32_t)other, (uint32_t)id);
	assert_int_equal(store_read(store, id, buf, 3, 0), -ESTALE);
	store_close(store, id);
	assert_int_equal(store_open(store, 0), -ESTALE);
	assert_int_equal(store_open(store, UINT64_MAX), -ESTALE);
	store_free(store);
	free(region);
}

static void
test_unnamed(void **state)
{
	const struct store_new_node new = { .mode = S_IFREG | 0600, .uid = 7, .gid = 8 };
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t pages = free_pages(store), id = 0, dir = 0, other;
	struct stat st;

	(void)state;
	assert_int_equal(store_make_unnamed(store, STORE_ROOT, &new, &then, &id), 0);
	assert_int_equal(store_write(store, id, "abc", 3, 0, &then), 3);
	/* A successor keeps it. */
	store_free(store);
	store = open_store(region, SMALL, STORE_KEPT);
	assert_int_equal(store_stat(store, id, &st), 0);
	assert_true(st.st_nlink == 0 && st.st_size == 3 && st.st_uid == 7 && st.st_gid == 8);
	assert_int_equal(store_link(store, id, STORE_ROOT, "a", &then), 0);
	store_close(store, id);
	assert_int_equal(store_lookup(store, STORE_ROOT, "a", &other), 0);
	assert_int_equal(other, id);
	assert_int_equal(store_unlink(store, STORE_ROOT, "a", &then), 0);
	/* One that gets no name ends with its last close. */
	assert_int_equal(store_make_unnamed(store, STORE_ROOT, &new, &then, &id), 0);
	assert_int_equal(store_write(store, id, "abc", 3, 0, &then), 3);
	store_close(store, id);
	assert_int_equal(store_stat(store, id, &st), -ESTALE);
	assert_int_equal(free_pages(store), pages);
	assert_int_equal(store_make_unnamed(store, 99, &new, &then, &id), -ESTALE);
	dir = make_file(store, "f");
	assert_int_equal(store_make_unnamed(store, dir, &new, &then, &id), -ENOTDIR);
	store_free(store);
	free(region);
}

static void
test_holes(void **state)
{
	const uint64_t page = REGION_PAGE, far = UINT64_C(6) << 32;
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t id = make_file(store, "a"), room;
	struct stat st;
	char byte = 1;

	(void)state;
	assert_int_equal(store_seek(store, id, 0, SEEK_DATA), -ENXIO);
	assert_int_equal(store_truncate(store, id, 10 * page + 1, &then), 0);
	assert_int_equal(store_seek(store, id, 5, SEEK_DATA), -ENXIO);
	assert_int_equal(store_seek(store, id, 5, SEEK_HOLE), 5);
	assert_int_equal(store_write(store, id, "abc", 3, 3 * page + 10, &then), 3);
	assert_int_equal(store_seek(store, id, 5, SEEK_DATA), 3 * page);
	assert_int_equal(store_seek(store, id, 3 * page + 7, SEEK_DATA), 3 * page + 7);
	assert_int_equal(store_seek(store, id, 3 * page + 7, SEEK_HOLE), 4 * page);
	assert_int_equal(store_write(store, id, "abc", 3, far, &then), 3);
	assert_int_equal(store_seek(store, id, 4 * page, SEEK_DATA), far);
	assert_int_equal(store_seek(store, id, far, SEEK_HOLE), far + 3);
	assert_int_equal(store_seek(store, id, far + 3, SEEK_HOLE), -ENXIO);
	/* Room that is asked for beyond the end is kept, and is zero. */
	assert_int_equal(store_truncate(store, id, 1, &then), 0);
	room = free_pages(store);
	assert_int_equal(store_allocate(store, id, FALLOC_FL_KEEP_SIZE, 0, 8 * page, &then), 0);
	assert_int_equal(store_stat(store, id, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(free_pages(store), room - 8);
	assert_int_equal(store_truncate(store, id, 3 * page, &then), 0);
	assert_int_equal(store_read(store, id, &byte, 1, 2 * page), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(free_pages(store), room - 8);
	/* More than there is: nothing of it is taken. */
	assert_int_equal(store_allocate(store, id, 0, 0, room * page * 2, &then), -ENOSPC);
	assert_int_equal(store_allocate(store, id, 0, 0, room * page, &then), -ENOSPC);
	assert_int_equal(free_pages(store), room - 8);
	assert_int_equal(store_allocate(store, id, 0, FILE_SIZE_MAX, 1, &then), -EFBIG);
	assert_int_equal(store_allocate(store, id, FALLOC_FL_COLLAPSE_RANGE, 0, page, &then),
	    -EOPNOTSUPP);
	store_free(store);
	free(region);
}

static void
test_copy(void **state)
{
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	uint64_t from = make_file(store, "a"), to = make_file(store, "b");
	static char content[70000], back[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (char)(i * 7 + i / 256);
	assert_int_equal(store_write(store, from, content, sizeof(content), 0, &then),
	    sizeof(content));
	assert_int_equal(store_copy(store, from, 11, to, 5, SIZE_MAX, &then), sizeof(content) - 11);
	assert_int_equal(store_read(store, to, back, sizeof(back), 5), sizeof(content) - 11);
	assert_memory_equal(back, content + 11, sizeof(content) - 11);
	assert_int_equal(store_copy(store, from, sizeof(content), to, 0, 10, &then), 0);
	assert_int_equal(store_copy(store, 99, 0, to, 0, 10, &then), -ESTALE);
	assert_int_equal(store_copy(store, from, 0, 99, 0, 10, &then), -ESTALE);
	store_free(store);
	free(region);
}

static void
test_xattrs(void **state)
{
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);
	static const char large[REGION_PAGE];
	char buf[100];
	uint64_t id = make_file(store, "a");

	(void)state;
	assert_int_equal(xattr_get(store, id, "user.a", buf, 100), -ENODATA);
	assert_int_equal(xattr_set(store, id, "user.a", "1", 1, XATTR_REPLACE, &then), -ENODATA);
	assert_int_equal(xattr_set(store, id, "user.a", "123", 3, XATTR_CREATE, &then), 0);
	assert_int_equal(xattr_set(store, id, "user.a", "1", 1, XATTR_CREATE, &then), -EEXIST);
	assert_int_equal(xattr_get(store, id, "user.a", NULL, 0), 3);
	assert_int_equal(xattr_get(store, id, "user.a", buf, 2), -ERANGE);
	assert_int_equal(xattr_set(store, id, "user.b", NULL, 0, 0, &then), 0);
	assert_int_equal(xattr_get(store, id, "user.b", buf, 100), 0);
	assert_int_equal(xattr_list(store, id, NULL, 0), 14);
	assert_int_equal(xattr_list(store, id, buf, 13), -ERANGE);
	assert_int_equal(xattr_list(store, id, buf, 14), 14);
	assert_memory_equal(buf, "user.a\0user.b", 14);
	assert_int_equal(xattr_set(store, id, "user.c", large, 4090, 0, &then), -ENOSPC);
	assert_int_equal(xattr_set(store, id, "user.c", large, 4096, 0, &then), -ENOSPC);
	assert_int_equal(xattr_set(store, id, "system.posix_acl_access", "", 0, 0, &then), -EOPNOTSUPP);
	assert_int_equal(xattr_remove(store, id, "user.c", &then), -ENODATA);
	assert_int_equal(xattr_remove(store, id, "user.a", &then), 0);
	assert_int_equal(xattr_remove(store, id, "user.b", &then), 0);
	assert_int_equal(xattr_list(store, id, NULL, 0), 0);
	store_free(store);
	free(region);
}

/* The largest row that fits is believed by a successor. */
static void
test_xattr_limit(void **state)
{
	static const char large[REGION_PAGE];
	size_t size = REGION_PAGE - 1;
	void *region = new_region(SMALL);
	struct store *store = open_store(region, SMALL, STORE_NEW);

	(void)state;
	while (xattr_set(store, STORE_ROOT, "user.a", large, size, 0, &then) == -ENOSPC)
		size--;
	assert_true(size > 4000);
	store_free(store);
	store = open_store(region, SMALL, STORE_KEPT);
	assert_int_equal(xattr_get(store, STORE_ROOT, "user.a", NULL, 0), size);
	store_free(store);
	free(region);
}

static void
test_small_memory(void **state)
{
	enum store_origin origin;
	struct store *store = NULL;
	char *region = new_region(SMALL);

	(void)state;
	assert_int_equal(store_new(region, REGION_PAGE, &setup, &origin, &store), -ENOMEM);
	assert_int_equal(store_new(region + 8, REGION_SIZE_MIN, &setup, &origin, &store), -ENOMEM);
	assert_null(store);
	/* Memory need not begin with a page. */
	store_free(open_store(region + 8, SMALL - 8, STORE_NEW));
	store_free(open_store(region + 8, SMALL - 8, STORE_KEPT));
	free(region);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_nothing_leaks),
		cmocka_unit_test(test_any_point),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_unnamed),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_xattr_limit),
		cmocka_unit_test(test_small_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
