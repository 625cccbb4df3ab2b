/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree: a read-only directory tree in a few flat arrays.
 *
 * There are names and inodes. A name is one entry of one directory: who holds
 * it, what it is called, which inode it means, and the next name in the same
 * directory. An inode is what stat shows and what the author said; a hard
 * link is a second name for it. Both arrays only grow, and their index is
 * what everything else holds: a node is 1 + the index of its inode. Strings
 * lie in one arena. A hash table of name indexes answers lookups; it is keyed
 * with a random secret, because the names are a stranger's.
 *
 * A name stays where it is when its content is replaced. Nothing is ever
 * taken out: an inode that lost its last name is out of reach, which is all
 * that is needed, since the whole tree is freed at once.
 *
 * One thread fills; trans_tree_ready publishes with a release store that
 * tree_state reads with acquire. After it nothing is written. */
#include "trans/tree.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/cleanup.h"

enum {
	NO_NAME = 0,		/* names are numbered from 1 */
	ROOT = 0,		/* the root's index in inodes */
	NAME_LENGTH_MAX = 255,
	SLOTS_MIN = 64,
	ENTRIES_MAX = INT32_MAX,
};

struct inode {
	union {
		uint64_t size;		/* of content */
		uint64_t target;	/* of a symlink: where in the arena */
		struct {		/* of a directory */
			uint32_t first, last;
		} names;
	} u;
	int64_t mtime;
	uint64_t cookie;
	uint32_t mtime_ns;
	uint32_t uid, gid;
	uint32_t aux;
	uint32_t mode;
	uint32_t nlink;		/* names; of a directory: its subdirectories */
	uint32_t name;		/* the name it was made under; the root has none */
};

struct name {
	uint32_t parent;	/* inode */
	uint32_t text;		/* in the arena, NUL-terminated */
	uint32_t inode;
	uint32_t next;		/* name in the same directory, or NO_NAME */
};

struct trans_tree {
	struct inode *inodes;
	struct name *names;	/* [0] is unused */
	char *arena;
	uint32_t *slots;	/* names, or NO_NAME */
	size_t n_inodes, room_inodes;
	size_t n_names, room_names;	/* n_names counts [0] */
	size_t n_arena, room_arena;
	size_t n_slots;		/* a power of two */
	uint64_t key[2];

	atomic_int state;	/* as tree_state answers */
	pthread_mutex_t lock;	/* of what follows */
	void (*callback)(void *argument);
	void *argument;
};

/* Hashing ----------------------------------------------------------------- */

static inline uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-1-3 of the name with its directory put in front. */
static uint64_t
name_hash(const struct trans_tree *tree, uint32_t parent, const char *text,
    size_t length)
{
	uint64_t word, v[4] = {
		tree->key[0] ^ 0x736f6d6570736575, tree->key[1] ^ 0x646f72616e646f6d,
		tree->key[0] ^ 0x6c7967656e657261, tree->key[1] ^ 0x7465646279746573,
	};

	sip_word(v, (uint64_t)length << 32 | parent);
	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		sip_word(v, word);
	}
	word = 0;
	memcpy(&word, text, length);
	sip_word(v, word);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const char *
name_text(const struct trans_tree *tree, uint32_t name)
{
	return tree->arena + tree->names[name].text;
}

/* The name in this directory, or NO_NAME. text need not end in NUL but holds none. */
static uint32_t
name_find(const struct trans_tree *tree, uint32_t parent, const char *text,
    size_t length)
{
	size_t mask = tree->n_slots - 1;
	uint32_t name;

	if (tree->n_slots == 0)
		return NO_NAME;
	for (size_t i = name_hash(tree, parent, text, length);; i++) {
		name = tree->slots[i & mask];
		if (name == NO_NAME)
			return NO_NAME;
		if (tree->names[name].parent != parent)
			continue;
		if (strncmp(name_text(tree, name), text, length) == 0 &&
		    name_text(tree, name)[length] == '\0')
			return name;
	}
}

static void
slots_put(struct trans_tree *tree, uint32_t name)
{
	const char *text = name_text(tree, name);
	size_t mask = tree->n_slots - 1;
	size_t i = name_hash(tree, tree->names[name].parent, text, strlen(text));

	while (tree->slots[i & mask] != NO_NAME)
		i++;
	tree->slots[i & mask] = name;
}

/* Makes room for one more name, with at least a quarter of the slots free. */
static int
slots_grow(struct trans_tree *tree)
{
	size_t n_slots = tree->n_slots ? tree->n_slots * 2 : SLOTS_MIN;
	uint32_t *slots;

	if (tree->n_slots && tree->n_names + 1 <= tree->n_slots / 4 * 3)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(tree->slots);
	tree->slots = slots;
	tree->n_slots = n_slots;
	for (size_t name = 1; name < tree->n_names; name++)
		slots_put(tree, (uint32_t)name);
	return 0;
}

/* Growing ----------------------------------------------------------------- */

/* Makes *arrayp hold n more than *np elements of `size` bytes. */
static int
array_grow(void *arrayp, size_t *roomp, size_t used, size_t more, size_t max,
    size_t size)
{
	void *array;
	size_t room;

	if (more > max || used > max - more)
		return -ENOSPC;
	if (used + more <= *roomp)
		return 0;
	room = used + more + (used + more) / 2 + 64;
	if (room > max)
		room = max;
	memcpy(&array, arrayp, sizeof(array));
	array = realloc(array, room * size);
	if (!array)
		return -ENOMEM;
	memcpy(arrayp, &array, sizeof(array));
	*roomp = room;
	return 0;
}

/* Copies a string into the arena, with a NUL. */
static int
arena_put(struct trans_tree *tree, const char *text, size_t length, size_t *offsetp)
{
	int r = array_grow(&tree->arena, &tree->room_arena, tree->n_arena,
	    length + 1, UINT32_MAX, 1);

	if (r < 0)
		return r;
	*offsetp = tree->n_arena;
	memcpy(tree->arena + tree->n_arena, text, length);
	tree->arena[tree->n_arena + length] = '\0';
	tree->n_arena += length + 1;
	return 0;
}

static int
inode_new(struct trans_tree *tree, uint32_t *inodep)
{
	int r = array_grow(&tree->inodes, &tree->room_inodes, tree->n_inodes, 1,
	    ENTRIES_MAX, sizeof(*tree->inodes));

	if (r < 0)
		return r;
	memset(&tree->inodes[tree->n_inodes], 0, sizeof(*tree->inodes));
	*inodep = (uint32_t)tree->n_inodes++;
	return 0;
}

static bool
inode_is_dir(const struct trans_tree *tree, uint32_t inode)
{
	return S_ISDIR(tree->inodes[inode].mode);
}

/* Adds a name that is not there yet to the end of its directory. */
static int
name_new(struct trans_tree *tree, uint32_t parent, const char *text,
    size_t length, uint32_t inode, uint32_t *namep)
{
	struct inode *dir;
	uint32_t name;
	size_t offset;
	int r;

	r = array_grow(&tree->names, &tree->room_names, tree->n_names, 1,
	    ENTRIES_MAX, sizeof(*tree->names));
	if (r < 0 || (r = slots_grow(tree)) < 0 ||
	    (r = arena_put(tree, text, length, &offset)) < 0)
		return r;
	name = (uint32_t)tree->n_names++;
	tree->names[name] = (struct name){
		.parent = parent, .text = (uint32_t)offset, .inode = inode,
	};
	dir = &tree->inodes[parent];
	if (dir->u.names.last)
		tree->names[dir->u.names.last].next = name;
	else
		dir->u.names.first = name;
	dir->u.names.last = name;
	slots_put(tree, name);
	*namep = name;
	return 0;
}

/* Replacing --------------------------------------------------------------- */

/* Where a walk over everything below `top` goes after `name`; NO_NAME at the end. */
static uint32_t
walk_next(const struct trans_tree *tree, uint32_t top, uint32_t name)
{
	uint32_t inode = tree->names[name].inode;

	if (inode_is_dir(tree, inode) && tree->inodes[inode].u.names.first)
		return tree->inodes[inode].u.names.first;
	while (tree->names[name].next == NO_NAME) {
		inode = tree->names[name].parent;
		if (inode == top)
			return NO_NAME;
		name = tree->inodes[inode].name;
	}
	return tree->names[name].next;
}

/* A name stops meaning its inode. Of a directory, everything below is out of
 * reach from now on, and counts as a link no more. */
static void
inode_drop(struct trans_tree *tree, uint32_t name)
{
	uint32_t inode = tree->names[name].inode;

	if (!inode_is_dir(tree, inode)) {
		tree->inodes[inode].nlink--;
		return;
	}
	tree->inodes[tree->names[name].parent].nlink--;
	for (uint32_t below = tree->inodes[inode].u.names.first; below != NO_NAME;
	     below = walk_next(tree, inode, below))
		if (!inode_is_dir(tree, tree->names[below].inode))
			tree->inodes[tree->names[below].inode].nlink--;
}

/* Makes the inode of this one name an empty file or an empty directory. */
static void
inode_init(struct trans_tree *tree, uint32_t inode, uint32_t name, bool dir)
{
	tree->inodes[inode] = (struct inode){
		.mode = dir ? S_IFDIR | 0555 : S_IFREG | 0444,
		.nlink = dir ? 0 : 1,
		.name = name,
	};
	if (dir)
		tree->inodes[tree->names[name].parent].nlink++;
}

/* The inode that `name` is to mean from now on, emptied when it is to be of
 * another kind: its own when no other name shares it, else a new one. */
static int
name_renew(struct trans_tree *tree, uint32_t name, bool dir)
{
	uint32_t inode = tree->names[name].inode, fresh;
	int r;

	if (inode_is_dir(tree, inode) && dir)
		return 0;
	if (!inode_is_dir(tree, inode) && tree->inodes[inode].nlink == 1) {
		inode_init(tree, inode, name, dir);
		return 0;
	}
	r = inode_new(tree, &fresh);
	if (r < 0)
		return r;
	inode_drop(tree, name);
	tree->names[name].inode = fresh;
	inode_init(tree, fresh, name, dir);
	return 0;
}

/* Finds or makes the name, meaning an inode that is a directory or is none. */
static int
name_make(struct trans_tree *tree, uint32_t parent, const char *text,
    size_t length, bool dir, uint32_t *inodep)
{
	uint32_t name = name_find(tree, parent, text, length), inode;
	int r;

	if (name != NO_NAME) {
		r = name_renew(tree, name, dir);
		if (r == 0)
			*inodep = tree->names[name].inode;
		return r;
	}
	r = inode_new(tree, &inode);
	if (r < 0)
		return r;
	r = name_new(tree, parent, text, length, inode, &name);
	if (r < 0) {
		tree->n_inodes--;
		return r;
	}
	inode_init(tree, inode, name, dir);
	*inodep = inode;
	return 0;
}

/* Paths ------------------------------------------------------------------- */

struct part {
	const char *text;
	size_t length;
};

/* Takes the next component off the path; false at its end. Empty ones and
 * "." are passed over. */
static bool
path_part(const char **path, size_t *length, struct part *part)
{
	const char *slash;

	while (*length > 0) {
		slash = memchr(*path, '/', *length);
		part->text = *path;
		part->length = slash ? (size_t)(slash - *path) : *length;
		*path += part->length + (slash ? 1 : 0);
		*length -= part->length + (slash ? 1 : 0);
		if (part->length > 0 && !(part->length == 1 && part->text[0] == '.'))
			return true;
	}
	return false;
}

static int
path_check(const char *path, size_t length)
{
	struct part part;

	if (memchr(path, '\0', length))
		return -EINVAL;
	while (path_part(&path, &length, &part)) {
		if (part.length > NAME_LENGTH_MAX)
			return -EINVAL;
		if (part.length == 2 && memcmp(part.text, "..", 2) == 0)
			return -EINVAL;
	}
	return 0;
}

/* The inode of a checked path, or -1. */
static int64_t
path_find(const struct trans_tree *tree, const char *path, size_t length)
{
	uint32_t inode = ROOT, name;
	struct part part;

	while (path_part(&path, &length, &part)) {
		name = name_find(tree, inode, part.text, part.length);
		if (name == NO_NAME)
			return -1;
		inode = tree->names[name].inode;
	}
	return inode;
}

/* The directory of this name, made when it is missing; then it has the time
 * and owner of the entry that needs it. */
static int
parent_make(struct trans_tree *tree, uint32_t parent, const struct part *part,
    const struct inode *like, uint32_t *inodep)
{
	uint32_t name = name_find(tree, parent, part->text, part->length);
	struct inode *inode;
	int r;

	if (name != NO_NAME && inode_is_dir(tree, tree->names[name].inode)) {
		*inodep = tree->names[name].inode;
		return 0;
	}
	r = name_make(tree, parent, part->text, part->length, true, inodep);
	if (r < 0)
		return r;
	inode = &tree->inodes[*inodep];
	inode->mtime = like->mtime;
	inode->mtime_ns = like->mtime_ns;
	inode->uid = like->uid;
	inode->gid = like->gid;
	return 0;
}

/* Makes the directories that lead to a checked path, and gives its last
 * component; that is empty when the path is the root's. */
static int
path_parents(struct trans_tree *tree, const char *path, size_t length,
    const struct inode *like, uint32_t *parentp, struct part *last)
{
	uint32_t inode = ROOT;
	struct part next;
	int r;

	*last = (struct part){ .text = path };
	if (!path_part(&path, &length, last)) {
		last->length = 0;
		return 0;
	}
	while (path_part(&path, &length, &next)) {
		r = parent_make(tree, inode, last, like, &inode);
		if (r < 0)
			return r;
		*last = next;
	}
	*parentp = inode;
	return 0;
}

/* For authors ------------------------------------------------------------- */

/* An empty tree, which has a root. NULL: no memory. */
struct trans_tree *
trans_tree_new(void)
{
	struct trans_tree *tree = calloc(1, sizeof(*tree));
	uint32_t root;

	if (!tree)
		return NULL;
	if (getrandom(tree->key, sizeof(tree->key), 0) != sizeof(tree->key) ||
	    inode_new(tree, &root) < 0) {
		free(tree);
		return NULL;
	}
	tree->inodes[root].mode = S_IFDIR | 0555;
	tree->n_names = 1;
	pthread_mutex_init(&tree->lock, NULL);
	return tree;
}

/* Frees it; NULL is harmless. Nobody may be looking into it. */
void
trans_tree_free(struct trans_tree *tree)
{
	if (!tree)
		return;
	pthread_mutex_destroy(&tree->lock);
	free(tree->inodes);
	free(tree->names);
	free(tree->arena);
	free(tree->slots);
	free(tree);
}

static int
entry_check(const struct trans_entry *entry)
{
	switch (entry->mode & S_IFMT) {
	case S_IFLNK:
		if (!entry->target || entry->target[0] == '\0' ||
		    strnlen(entry->target, PATH_MAX) == PATH_MAX)
			return -EINVAL;
		return 0;
	case S_IFREG:
	case S_IFDIR:
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFSOCK:
		return entry->size > INT64_MAX ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static void
entry_inode(const struct trans_entry *entry, struct inode *inode)
{
	inode->mode = entry->mode & (S_IFMT | 07777);
	inode->mtime = entry->mtime;
	inode->mtime_ns = entry->mtime_ns < 1000000000 ? entry->mtime_ns : 0;
	inode->uid = entry->uid;
	inode->gid = entry->gid;
	inode->cookie = entry->cookie;
	inode->aux = entry->aux;
	if (!S_ISDIR(entry->mode) && !S_ISLNK(entry->mode))
		inode->u.size = entry->size;
}

/* Adds or replaces. See <hird/trans.h> for what paths and errors mean; a
 * symlink without a target that fits in PATH_MAX is -EINVAL too, and so is a
 * root that is no directory. */
int
trans_tree_add(struct trans_tree *tree, const char *path, size_t length,
    const struct trans_entry *entry)
{
	bool dir = S_ISDIR(entry->mode);
	uint32_t parent = ROOT, inode = ROOT;
	struct inode like = { 0 };
	size_t target = 0;
	struct part last;
	int r;

	if ((r = path_check(path, length)) < 0 || (r = entry_check(entry)) < 0)
		return r;
	entry_inode(entry, &like);
	r = path_parents(tree, path, length, &like, &parent, &last);
	if (r < 0)
		return r;
	if (last.length == 0 && !dir)
		return -EINVAL;
	if (S_ISLNK(entry->mode)) {
		r = arena_put(tree, entry->target, strlen(entry->target), &target);
		if (r < 0)
			return r;
	}
	if (last.length > 0) {
		r = name_make(tree, parent, last.text, last.length, dir, &inode);
		if (r < 0)
			return r;
	}
	entry_inode(entry, &tree->inodes[inode]);
	if (S_ISLNK(entry->mode))
		tree->inodes[inode].u.target = target;
	return 0;
}

/* Gives what `target` names a second name. What stood at `path` is replaced. */
int
trans_tree_link(struct trans_tree *tree, const char *path, size_t length,
    const char *target, size_t target_length)
{
	uint32_t parent = ROOT, name;
	struct inode like;
	struct part last;
	int64_t found;
	int r;

	if (path_check(path, length) < 0 || path_check(target, target_length) < 0)
		return -EINVAL;
	found = path_find(tree, target, target_length);
	if (found < 0)
		return -ENOENT;
	like = tree->inodes[found];
	r = path_parents(tree, path, length, &like, &parent, &last);
	if (r < 0)
		return r;
	/* Among the parents that were just made there may be the target. */
	if (last.length == 0 || inode_is_dir(tree, (uint32_t)found))
		return -EPERM;
	name = name_find(tree, parent, last.text, last.length);
	if (name == NO_NAME) {
		r = name_new(tree, parent, last.text, last.length, (uint32_t)found, &name);
		if (r < 0)
			return r;
	} else if (tree->names[name].inode != found) {
		inode_drop(tree, name);
		tree->names[name].inode = (uint32_t)found;
	} else {
		return 0;
	}
	if (tree->inodes[found].nlink++ == 0)
		tree->inodes[found].name = name;
	return 0;
}

/* The path keeps its inode, and so do the other names of it. */
int
trans_tree_update(struct trans_tree *tree, const char *path, size_t length,
    const struct trans_entry *entry)
{
	int64_t found;
	int r;

	if ((r = path_check(path, length)) < 0 || (r = entry_check(entry)) < 0)
		return r;
	found = path_find(tree, path, length);
	if (found < 0)
		return -ENOENT;
	if (!S_ISREG(entry->mode) || !S_ISREG(tree->inodes[found].mode))
		return -EPERM;
	entry_inode(entry, &tree->inodes[found]);
	return 0;
}

static void
array_trim(void *arrayp, size_t *roomp, size_t used, size_t size)
{
	void *array;

	memcpy(&array, arrayp, sizeof(array));
	if (used == 0 || used == *roomp)
		return;
	array = realloc(array, used * size);
	if (!array)
		return;
	memcpy(arrayp, &array, sizeof(array));
	*roomp = used;
}

/* Ends the filling: error is 0, or the -errno for everybody. Those who wait
 * are told. A second call does nothing. */
void
trans_tree_ready(struct trans_tree *tree, int error)
{
	void (*callback)(void *);
	void *argument;

	if (atomic_load(&tree->state) != 0)
		return;
	array_trim(&tree->inodes, &tree->room_inodes, tree->n_inodes, sizeof(*tree->inodes));
	array_trim(&tree->names, &tree->room_names, tree->n_names, sizeof(*tree->names));
	array_trim(&tree->arena, &tree->room_arena, tree->n_arena, 1);
	pthread_mutex_lock(&tree->lock);
	atomic_store(&tree->state, error < 0 ? error : 1);
	callback = STEAL_PTR(tree->callback);
	argument = tree->argument;
	pthread_mutex_unlock(&tree->lock);
	if (callback)
		callback(argument);
}

/* What was given for this node; its target stays the tree's. */
int
trans_tree_entry(struct trans_tree *tree, trans_node_t node,
    struct trans_entry *entry)
{
	const struct inode *inode;

	if (node == 0 || node > tree->n_inodes)
		return -ESTALE;
	inode = &tree->inodes[node - 1];
	*entry = (struct trans_entry){
		.size_of = sizeof(*entry),
		.mode = inode->mode,
		.mtime = inode->mtime,
		.mtime_ns = inode->mtime_ns,
		.uid = inode->uid,
		.gid = inode->gid,
		.cookie = inode->cookie,
		.aux = inode->aux,
	};
	if (S_ISLNK(inode->mode))
		entry->target = tree->arena + inode->u.target;
	else if (!S_ISDIR(inode->mode))
		entry->size = inode->u.size;
	return 0;
}

/* Counts names without the root, and all memory that is held. */
void
trans_tree_size(struct trans_tree *tree, uint64_t *entriesp, uint64_t *bytesp)
{
	*entriesp = tree->n_names - 1;
	*bytesp = sizeof(*tree) + tree->room_inodes * sizeof(*tree->inodes) +
	    tree->room_names * sizeof(*tree->names) + tree->room_arena +
	    tree->n_slots * sizeof(*tree->slots);
}

/* For front doors --------------------------------------------------------- */

/* See tree.h, for this and all below. */
int
tree_state(struct trans_tree *tree)
{
	return atomic_load(&tree->state);
}

void
tree_on_ready(struct trans_tree *tree, void (*callback)(void *argument),
    void *argument)
{
	bool now;

	pthread_mutex_lock(&tree->lock);
	now = callback && atomic_load(&tree->state) != 0;
	tree->callback = now ? NULL : callback;
	tree->argument = argument;
	pthread_mutex_unlock(&tree->lock);
	if (now)
		callback(argument);
}

int
tree_lookup(struct trans_tree *tree, trans_node_t dir, const char *text,
    trans_node_t *nodep)
{
	size_t length = strnlen(text, NAME_LENGTH_MAX + 1);
	uint32_t name;

	if (dir == 0 || dir > tree->n_inodes)
		return -ESTALE;
	if (!inode_is_dir(tree, (uint32_t)(dir - 1)))
		return -ENOTDIR;
	if (length > NAME_LENGTH_MAX)
		return -ENAMETOOLONG;
	name = name_find(tree, (uint32_t)(dir - 1), text, length);
	if (name == NO_NAME)
		return -ENOENT;
	*nodep = (trans_node_t)tree->names[name].inode + 1;
	return 0;
}

int
tree_stat(struct trans_tree *tree, trans_node_t node, struct stat *st)
{
	const struct inode *inode;

	if (node == 0 || node > tree->n_inodes)
		return -ESTALE;
	inode = &tree->inodes[node - 1];
	memset(st, 0, sizeof(*st));
	st->st_ino = node;
	st->st_mode = inode->mode;
	st->st_nlink = inode->nlink;
	st->st_uid = inode->uid;
	st->st_gid = inode->gid;
	st->st_blksize = 4096;
	if (S_ISDIR(inode->mode))
		st->st_nlink = (nlink_t)inode->nlink + 2;
	else if (S_ISLNK(inode->mode))
		st->st_size = (off_t)strlen(tree->arena + inode->u.target);
	else
		st->st_size = (off_t)inode->u.size;
	if (S_ISREG(inode->mode))
		st->st_blocks = st->st_size / 512 + (st->st_size % 512 != 0);
	st->st_mtim.tv_sec = inode->mtime;
	st->st_mtim.tv_nsec = inode->mtime_ns;
	st->st_atim = st->st_ctim = st->st_mtim;
	return 0;
}

int
tree_readdir(struct trans_tree *tree, trans_node_t dir, off_t offset,
    tree_dirent_fn *callback, void *argument)
{
	uint32_t name, inode;

	if (dir == 0 || dir > tree->n_inodes)
		return -ESTALE;
	if (!inode_is_dir(tree, (uint32_t)(dir - 1)))
		return -ENOTDIR;
	name = tree->inodes[dir - 1].u.names.first;
	if (offset != 0) {
		if (offset < 0 || (uint64_t)offset >= tree->n_names ||
		    tree->names[offset].parent != dir - 1)
			return -EINVAL;
		name = tree->names[offset].next;
	}
	for (; name != NO_NAME; name = tree->names[name].next) {
		inode = tree->names[name].inode;
		if (callback(argument, name_text(tree, name), (trans_node_t)inode + 1,
		    tree->inodes[inode].mode, name))
			break;
	}
	return 0;
}

ssize_t
tree_readlink(struct trans_tree *tree, trans_node_t node, char *buf, size_t size)
{
	const char *target;
	size_t length;

	if (node == 0 || node > tree->n_inodes)
		return -ESTALE;
	if (!S_ISLNK(tree->inodes[node - 1].mode))
		return -EINVAL;
	target = tree->arena + tree->inodes[node - 1].u.target;
	length = strlen(target);
	if (length > size)
		length = size;
	memcpy(buf, target, length);
	return (ssize_t)length;
}

trans_node_t
tree_parent(struct trans_tree *tree, trans_node_t node)
{
	uint32_t name;

	if (node == 0 || node > tree->n_inodes)
		return 0;
	name = tree->inodes[node - 1].name;
	return name == NO_NAME ? TRANS_ROOT : (trans_node_t)tree->names[name].parent + 1;
}

uint64_t
tree_count(struct trans_tree *tree)
{
	return tree->n_inodes;
}
