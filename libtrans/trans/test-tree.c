/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-tree: ready-made trees, by example and against a slow obvious model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "trans/tree.h"

static int
add(struct trans_tree *tree, const char *path, mode_t mode, uint64_t size)
{
	struct trans_entry entry = {
		.size_of = sizeof(entry), .mode = mode, .size = size, .cookie = size,
		.mtime = 1000, .mtime_ns = 5, .target = S_ISLNK(mode) ? "to/where" : NULL,
	};

	return trans_tree_add(tree, path, strlen(path), &entry);
}

static int
hardlink(struct trans_tree *tree, const char *path, const char *target)
{
	return trans_tree_link(tree, path, strlen(path), target, strlen(target));
}

/* The node of a path, or 0. */
static trans_node_t
find(struct trans_tree *tree, const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	trans_node_t node = TRANS_ROOT;
	char *rest = copy, *part;

	while ((part = strsep(&rest, "/")))
		if (tree_lookup(tree, node, part, &node) < 0)
			return 0;
	return node;
}

static struct stat
status(struct trans_tree *tree, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(tree_stat(tree, find(tree, path), &st), 0);
	return st;
}

struct listing {
	char text[512];
	off_t next;
	int room;		/* entries that are still taken */
};

static int
list_one(void *argument, const char *name, trans_node_t node, mode_t mode, off_t next)
{
	struct listing *listing = argument;

	assert_true(node > 0);
	assert_true(mode & S_IFMT);
	if (listing->room-- == 0)
		return 1;
	strncat(listing->text, name, sizeof(listing->text) - strlen(listing->text) - 1);
	strncat(listing->text, " ", sizeof(listing->text) - strlen(listing->text) - 1);
	listing->next = next;
	return 0;
}

static void
assert_listing(struct trans_tree *tree, trans_node_t dir, const char *expected)
{
	struct listing whole = { .room = -1 }, pieces = { .room = 1 };
	size_t length;

	assert_int_equal(tree_readdir(tree, dir, 0, list_one, &whole), 0);
	assert_string_equal(whole.text, expected);
	do {
		length = strlen(pieces.text);
		pieces.room = 1;
		assert_int_equal(tree_readdir(tree, dir, pieces.next, list_one, &pieces), 0);
	} while (strlen(pieces.text) != length);
	assert_string_equal(pieces.text, expected);
}

static void
test_basic(void **state)
{
	struct trans_tree *tree = trans_tree_new();
	struct trans_entry entry;
	char target[64];
	struct stat st;

	(void)state;
	assert_non_null(tree);
	assert_int_equal(tree_state(tree), 0);
	assert_int_equal(add(tree, "./b/two", S_IFREG | 0644, 1025), 0);
	assert_int_equal(add(tree, "/b//one", S_IFREG | 0600, 0), 0);
	assert_int_equal(add(tree, "a/", S_IFDIR | 0750, 0), 0);
	assert_int_equal(add(tree, "link", S_IFLNK | 0777, 99), 0);
	assert_int_equal(add(tree, ".", S_IFDIR | 0700, 0), 0);
	trans_tree_ready(tree, 0);
	assert_int_equal(tree_state(tree), 1);
	trans_tree_ready(tree, -EIO);
	assert_int_equal(tree_state(tree), 1);

	assert_listing(tree, TRANS_ROOT, "b a link ");
	assert_listing(tree, find(tree, "b"), "two one ");
	assert_int_equal(find(tree, "b"), 2);
	assert_int_equal(find(tree, "b/two"), 3);
	assert_int_equal(tree_count(tree), 6);
	st = status(tree, "b/two");
	assert_int_equal(st.st_ino, 3);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_size, 1025);
	assert_int_equal(st.st_blocks, 3);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(status(tree, "b").st_mode, S_IFDIR | 0555);
	assert_int_equal(status(tree, "b").st_mtim.tv_sec, 1000);
	assert_int_equal(tree_stat(tree, TRANS_ROOT, &st), 0);
	assert_int_equal(st.st_nlink, 4);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(status(tree, "link").st_size, 8);
	assert_int_equal(tree_readlink(tree, find(tree, "link"), target, 64), 8);
	assert_memory_equal(target, "to/where", 8);
	assert_int_equal(tree_readlink(tree, find(tree, "link"), target, 2), 2);
	assert_int_equal(tree_parent(tree, find(tree, "b/one")), find(tree, "b"));
	assert_int_equal(tree_parent(tree, find(tree, "b")), TRANS_ROOT);
	assert_int_equal(tree_parent(tree, TRANS_ROOT), TRANS_ROOT);
	assert_int_equal(trans_tree_entry(tree, 3, &entry), 0);
	assert_int_equal(entry.cookie, 1025);
	assert_int_equal(trans_tree_entry(tree, find(tree, "link"), &entry), 0);
	assert_string_equal(entry.target, "to/where");
	trans_tree_free(tree);
	trans_tree_free(NULL);
}

static void
test_errors(void **state)
{
	struct trans_tree *tree = trans_tree_new();
	struct trans_entry entry = { .size_of = sizeof(entry), .mode = S_IFREG | 0644 };
	struct listing listing = { .room = -1 };
	trans_node_t node = 77;
	char name[300], target[8];
	struct stat st;

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(trans_tree_add(tree, name, 255, &entry), 0);
	assert_int_equal(trans_tree_add(tree, name, 256, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "a\0b", 3, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "", 0, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "d/..", 4, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "../d", 4, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "d/../e", 6, &entry), -EINVAL);
	assert_int_equal(trans_tree_add(tree, "...", 3, &entry), 0);
	entry.mode = 0644;
	assert_int_equal(trans_tree_add(tree, "f", 1, &entry), -EINVAL);
	entry.mode = S_IFLNK | 0777;
	assert_int_equal(trans_tree_add(tree, "f", 1, &entry), -EINVAL);
	entry.mode = S_IFREG;
	entry.size = UINT64_MAX;
	assert_int_equal(trans_tree_add(tree, "f", 1, &entry), -EINVAL);
	assert_int_equal(hardlink(tree, "f", "nothing"), -ENOENT);
	assert_int_equal(hardlink(tree, "f", "."), -EPERM);
	assert_int_equal(hardlink(tree, "../f", "..."), -EINVAL);
	assert_int_equal(hardlink(tree, ".../f", "..."), -EPERM);
	trans_tree_ready(tree, 0);

	name[256] = '\0';
	assert_int_equal(tree_lookup(tree, TRANS_ROOT, name, &node), -ENAMETOOLONG);
	assert_int_equal(tree_lookup(tree, TRANS_ROOT, "nothing", &node), -ENOENT);
	assert_int_equal(tree_lookup(tree, 2, "x", &node), -ENOTDIR);
	assert_int_equal(tree_lookup(tree, 0, "x", &node), -ESTALE);
	assert_int_equal(tree_lookup(tree, 1000, "x", &node), -ESTALE);
	assert_int_equal(node, 77);
	assert_int_equal(tree_stat(tree, UINT64_MAX, &st), -ESTALE);
	assert_int_equal(trans_tree_entry(tree, 0, &entry), -ESTALE);
	assert_int_equal(tree_parent(tree, 1000), 0);
	assert_int_equal(tree_readlink(tree, 2, target, 8), -EINVAL);
	assert_int_equal(tree_readlink(tree, 2000, target, 8), -ESTALE);
	assert_int_equal(tree_readdir(tree, 2, 0, list_one, &listing), -ENOTDIR);
	assert_int_equal(tree_readdir(tree, 2000, 0, list_one, &listing), -ESTALE);
	assert_int_equal(tree_readdir(tree, 1, -1, list_one, &listing), -EINVAL);
	assert_int_equal(tree_readdir(tree, 1, INT64_MAX, list_one, &listing), -EINVAL);
	trans_tree_free(tree);
}

/* An offset of one directory is none of another. */
static void
test_offsets(void **state)
{
	struct trans_tree *tree = trans_tree_new();
	struct listing listing = { .room = 1 };

	(void)state;
	add(tree, "a/x", S_IFREG | 0644, 1);
	add(tree, "b/y", S_IFREG | 0644, 1);
	trans_tree_ready(tree, 0);
	assert_int_equal(tree_readdir(tree, find(tree, "a"), 0, list_one, &listing), 0);
	assert_int_equal(tree_readdir(tree, find(tree, "b"), listing.next, list_one,
	    &listing), -EINVAL);
	trans_tree_free(tree);
}

static void
test_replacing(void **state)
{
	struct trans_tree *tree = trans_tree_new();

	(void)state;
	add(tree, "a", S_IFREG | 0644, 1);
	add(tree, "b", S_IFREG | 0644, 2);
	add(tree, "a", S_IFREG | 0600, 3);
	assert_int_equal(status(tree, "a").st_size, 3);
	assert_int_equal(find(tree, "a"), 2);
	assert_listing(tree, TRANS_ROOT, "a b ");

	/* A file that has to be a parent. */
	add(tree, "a/in", S_IFREG | 0644, 4);
	assert_int_equal(status(tree, "a").st_mode, S_IFDIR | 0555);
	assert_int_equal(status(tree, "a").st_size, 0);
	assert_int_equal(status(tree, "a").st_nlink, 2);
	/* A directory again: keeps what is in it. */
	add(tree, "a", S_IFDIR | 0700, 0);
	assert_int_equal(status(tree, "a/in").st_size, 4);
	/* A file over it, and a directory anew: nothing comes back. */
	add(tree, "a/deep/er", S_IFREG | 0644, 4);
	hardlink(tree, "kept", "a/deep/er");
	assert_int_equal(status(tree, "kept").st_nlink, 2);
	add(tree, "a", S_IFREG | 0644, 5);
	assert_int_equal(status(tree, "a").st_size, 5);
	assert_int_equal(status(tree, "kept").st_nlink, 1);
	assert_int_equal(find(tree, "a/in"), 0);
	add(tree, "a/new", S_IFREG | 0644, 6);
	assert_int_equal(find(tree, "a/in"), 0);
	assert_listing(tree, find(tree, "a"), "new ");
	assert_listing(tree, TRANS_ROOT, "a b kept ");
	trans_tree_free(tree);
}

static void
test_hard_links(void **state)
{
	struct trans_tree *tree = trans_tree_new();
	struct trans_entry entry;

	(void)state;
	add(tree, "d/a", S_IFREG | 0644, 1);
	assert_int_equal(hardlink(tree, "b", "./d/a"), 0);
	assert_int_equal(hardlink(tree, "b", "d/a"), 0);
	assert_int_equal(find(tree, "b"), find(tree, "d/a"));
	assert_int_equal(status(tree, "b").st_nlink, 2);
	/* The content is known only now. */
	assert_int_equal(trans_tree_update(tree, "b", 1, &(struct trans_entry){
	    .mode = S_IFREG | 0600, .size = 7, .cookie = 7 }), 0);
	assert_int_equal(status(tree, "d/a").st_size, 7);
	assert_int_equal(status(tree, "d/a").st_nlink, 2);
	assert_int_equal(trans_tree_update(tree, "d", 1, &(struct trans_entry){
	    .mode = S_IFREG | 0600 }), -EPERM);
	assert_int_equal(trans_tree_update(tree, "b", 1, &(struct trans_entry){
	    .mode = S_IFDIR | 0600 }), -EPERM);
	assert_int_equal(trans_tree_update(tree, "c", 1, &(struct trans_entry){
	    .mode = S_IFREG | 0600 }), -ENOENT);
	/* One of the names gets other content. */
	add(tree, "d/a", S_IFREG | 0644, 2);
	assert_int_equal(status(tree, "b").st_size, 7);
	assert_int_equal(status(tree, "b").st_nlink, 1);
	assert_int_equal(status(tree, "d/a").st_size, 2);
	assert_int_equal(trans_tree_entry(tree, find(tree, "b"), &entry), 0);
	assert_int_equal(entry.cookie, 7);
	/* A link in place of the directory that held its target. */
	assert_int_equal(hardlink(tree, "d", "d/a"), 0);
	assert_int_equal(status(tree, "d").st_size, 2);
	assert_int_equal(status(tree, "d").st_nlink, 1);
	assert_int_equal(tree_parent(tree, find(tree, "d")), TRANS_ROOT);
	assert_int_equal(hardlink(tree, "d/x", "d"), -EPERM);
	trans_tree_free(tree);
}

static void
test_deep(void **state)
{
	enum { LEVELS = 20000 };
	AUTO_FREE char *path = malloc(2 * LEVELS + 1);
	struct trans_tree *tree = trans_tree_new();
	trans_node_t node = TRANS_ROOT;

	(void)state;
	for (int i = 0; i < LEVELS; i++)
		memcpy(path + 2 * i, "d/", 3);
	assert_int_equal(add(tree, path, S_IFDIR | 0755, 0), 0);
	for (int i = 0; i < LEVELS; i++)
		assert_int_equal(tree_lookup(tree, node, "d", &node), 0);
	assert_int_equal(tree_count(tree), LEVELS + 1);
	/* Dropping so deep a tree needs no deep stack. */
	add(tree, "d", S_IFREG | 0644, 0);
	assert_int_equal(status(tree, "d").st_nlink, 1);
	trans_tree_free(tree);
}

static void
count_call(void *argument)
{
	++*(int *)argument;
}

static void *
make_ready(void *argument)
{
	trans_tree_ready(argument, -EIO);
	return NULL;
}

static void
test_ready(void **state)
{
	struct trans_tree *tree = trans_tree_new();
	int calls = 0, forgotten = 0;
	pthread_t thread;

	(void)state;
	tree_on_ready(tree, count_call, &forgotten);
	tree_on_ready(tree, NULL, NULL);
	tree_on_ready(tree, count_call, &calls);
	assert_int_equal(calls, 0);
	assert_int_equal(pthread_create(&thread, NULL, make_ready, tree), 0);
	pthread_join(thread, NULL);
	assert_int_equal(calls, 1);
	assert_int_equal(tree_state(tree), -EIO);
	tree_on_ready(tree, count_call, &calls);
	assert_int_equal(calls, 2);
	assert_int_equal(forgotten, 0);
	trans_tree_free(tree);
}

/* A list of paths, each with what is there: the same rules, said slowly. */
struct model {
	struct {
		char path[16];
		int content;	/* 0: gone; -1: a directory; else names with the same number are links */
	} entries[4096];
	int n_entries;
};

static int
model_get(const struct model *model, const char *path)
{
	for (int i = 0; i < model->n_entries; i++)
		if (strcmp(model->entries[i].path, path) == 0)
			return model->entries[i].content;
	return 0;
}

static void
model_put(struct model *model, const char *path, int content)
{
	int i;

	for (i = 0; i < model->n_entries; i++)
		if (strcmp(model->entries[i].path, path) == 0)
			break;
	if (i == model->n_entries)
		strcpy(model->entries[model->n_entries++].path, path);
	model->entries[i].content = content;
}

static void
model_add(struct model *model, const char *path, int content)
{
	size_t length = strlen(path);
	char prefix[16] = "";

	for (size_t i = 0; i < length; i++) {
		if (path[i] == '/')
			model_put(model, prefix, -1);
		prefix[i] = path[i];
	}
	model_put(model, path, content);
	if (content == -1)
		return;
	for (int i = 0; i < model->n_entries; i++)
		if (strncmp(model->entries[i].path, path, length) == 0 &&
		    model->entries[i].path[length] == '/')
			model->entries[i].content = 0;
}

static void
random_path(unsigned *seed, char *path)
{
	int parts = 1 + rand_r(seed) % 4;

	for (int i = 0; i < parts; i++) {
		*path++ = "abc"[rand_r(seed) % 3];
		*path++ = '/';
	}
	path[-1] = '\0';
}

static void
model_compare(const struct model *model, struct trans_tree *tree)
{
	struct trans_entry entry;
	trans_node_t node;
	unsigned names, dirs;
	struct stat st;
	int content;

	for (int i = 0; i < model->n_entries; i++) {
		content = model->entries[i].content;
		node = find(tree, model->entries[i].path);
		if (content == 0) {
			assert_int_equal(node, 0);
			continue;
		}
		assert_int_equal(trans_tree_entry(tree, node, &entry), 0);
		assert_int_equal(S_ISDIR(entry.mode), content == -1);
		assert_int_equal(tree_stat(tree, node, &st), 0);
		names = dirs = 0;
		for (int j = 0; j < model->n_entries; j++) {
			const char *path = model->entries[j].path;
			size_t length = strlen(model->entries[i].path);

			names += model->entries[j].content == content;
			dirs += model->entries[j].content == -1 &&
			    strncmp(path, model->entries[i].path, length) == 0 &&
			    path[length] == '/' && !strchr(path + length + 1, '/');
		}
		assert_int_equal(st.st_nlink, content == -1 ? 2 + dirs : names);
		if (content != -1)
			assert_int_equal(entry.cookie, content);
	}
}

static void
test_model(void **state)
{
	struct trans_tree *tree;
	struct model *model;
	char path[16], target[16];
	unsigned seed = 1;
	int found;

	(void)state;
	for (int round = 0; round < 30; round++) {
		tree = trans_tree_new();
		model = calloc(1, sizeof(*model));
		for (int step = 1; step < 200; step++) {
			random_path(&seed, path);
			random_path(&seed, target);
			found = model_get(model, target);
			switch (rand_r(&seed) % 4) {
			case 0:
				model_add(model, path, -1);
				assert_int_equal(add(tree, path, S_IFDIR | 0755, 0), 0);
				break;
			case 1:
				/* That the target becomes a parent is tested above. */
				if (strncmp(path, target, strlen(target)) == 0)
					break;
				assert_int_equal(hardlink(tree, path, target),
				    found == 0 ? -ENOENT : found == -1 ? -EPERM : 0);
				if (found > 0)
					model_add(model, path, found);
				else if (found == -1 && strrchr(path, '/')) {
					*strrchr(path, '/') = '\0';
					model_add(model, path, -1);
				}
				break;
			default:
				model_add(model, path, step);
				assert_int_equal(add(tree, path, S_IFREG | 0644,
				    (uint64_t)step), 0);
			}
			model_compare(model, tree);
		}
		trans_tree_ready(tree, 0);
		model_compare(model, tree);
		trans_tree_free(tree);
		free(model);
	}
}

/* What a big archive costs: under 150 bytes an entry plus its name. */
static void
test_memory(void **state)
{
	enum { FILES = 70000 };
	struct trans_tree *tree = trans_tree_new();
	uint64_t entries, bytes, names = 0;
	char path[64];

	(void)state;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "many/dir%03d/file-%05d.txt", i / 100, i);
		assert_int_equal(add(tree, path, S_IFREG | 0644, 512), 0);
		names += strlen(strrchr(path, '/'));
	}
	trans_tree_ready(tree, 0);
	trans_tree_size(tree, &entries, &bytes);
	assert_int_equal(entries, FILES + 700 + 1);
	assert_true((bytes - names) / entries < 150);
	print_message("%.1f bytes an entry without its name\n",
	    (double)(bytes - names) / (double)entries);
	trans_tree_free(tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
