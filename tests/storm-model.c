/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storm-model: a directory in memory, and whether another one is the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/storm.h"

static const char *const kind_names[STORM_KINDS] = {
	"create", "write", "truncate", "rename", "exchange", "link", "symlink", "unlink", "mkdir",
	"rmdir",
};

const char *
storm_kind_name(unsigned kind)
{
	return kind < STORM_KINDS ? kind_names[kind] : "?";
}

void
storm_path(unsigned name, char path[STORM_PATH_MAX])
{
	snprintf(path, STORM_PATH_MAX, "d%u/%c%02u", name % STORM_DIRS,
	    name < STORM_FILES ? 'f' : 'e', name % 100);
}

void
storm_dir(unsigned dir, char path[STORM_PATH_MAX])
{
	snprintf(path, STORM_PATH_MAX, "d%u", dir % STORM_DIRS);
}

void
storm_fill(const struct storm_step *step, unsigned char *data)
{
	uint64_t random = step->seed;

	for (unsigned i = 0; i < step->size; i++)
		data[i] = (unsigned char)storm_random(&random);
}

void
storm_target(uint64_t seed, char target[STORM_PATH_MAX])
{
	snprintf(target, STORM_PATH_MAX, "to-%u", (unsigned)(seed % 100000));
}

/* Choosing ------------------------------------------------------------------ */

/* A name that is there and of this type, or (type -1) free; from a random place on. */
static bool
find(const struct storm_model *model, uint64_t *random, unsigned from, unsigned to, int type,
    unsigned *namep)
{
	unsigned start = (unsigned)(storm_random(random) % (to - from));

	for (unsigned i = 0; i < to - from; i++) {
		unsigned name = from + (start + i) % (to - from);
		const struct storm_object *object = model->name[name];

		if (type < 0 ? !object : object && (int)object->type == type) {
			*namep = name;
			return true;
		}
	}
	return false;
}

static bool
find_any(const struct storm_model *model, uint64_t *random, unsigned *namep)
{
	return find(model, random, 0, STORM_FILES, STORM_FILE, namep) ||
	    find(model, random, 0, STORM_FILES, STORM_LINK_TO, namep);
}

static bool
choose_names(const struct storm_model *model, uint64_t *random, struct storm_step *step)
{
	switch (step->kind) {
	case STORM_CREATE:
	case STORM_SYMLINK:
		return find(model, random, 0, STORM_FILES, -1, &step->name);
	case STORM_WRITE:
	case STORM_TRUNCATE:
		return find(model, random, 0, STORM_FILES, STORM_FILE, &step->name);
	case STORM_RENAME:
		step->new_name = (unsigned)(storm_random(random) % STORM_FILES);
		return find_any(model, random, &step->name) && step->name != step->new_name;
	case STORM_EXCHANGE:
		return find_any(model, random, &step->name) &&
		    find_any(model, random, &step->new_name) && step->name != step->new_name;
	case STORM_LINK:
		return find(model, random, 0, STORM_FILES, STORM_FILE, &step->name) &&
		    find(model, random, 0, STORM_FILES, -1, &step->new_name);
	case STORM_UNLINK:
		return find_any(model, random, &step->name);
	case STORM_MKDIR:
		return find(model, random, STORM_FILES, STORM_NAMES, -1, &step->name);
	default:
		return find(model, random, STORM_FILES, STORM_NAMES, STORM_DIR, &step->name);
	}
}

static void
choose_range(const struct storm_model *model, uint64_t *random, struct storm_step *step)
{
	unsigned size = model->name[step->name]->size;

	step->size = (unsigned)(storm_random(random) % (STORM_SIZE_MAX / 3));
	if (step->kind != STORM_WRITE)
		return;
	/* At the end as often as anywhere else. */
	step->offset = storm_random(random) % 2 ? size : (unsigned)(storm_random(random) % (size + 1));
	if (step->offset + step->size > STORM_SIZE_MAX)
		step->offset = STORM_SIZE_MAX - step->size;
	if (step->size == 0)
		step->size = 1;
}

struct storm_step
storm_choose(const struct storm_model *model, uint64_t *random)
{
	/* What is done more often stands here more often. */
	static const unsigned char kinds[] = {
		STORM_CREATE, STORM_CREATE, STORM_CREATE, STORM_WRITE, STORM_WRITE, STORM_WRITE,
		STORM_WRITE, STORM_TRUNCATE, STORM_RENAME, STORM_RENAME, STORM_EXCHANGE, STORM_LINK,
		STORM_SYMLINK, STORM_UNLINK, STORM_UNLINK, STORM_MKDIR, STORM_RMDIR,
	};
	struct storm_step step;

	do {
		step = (struct storm_step){ .kind = kinds[storm_random(random) % sizeof(kinds)],
			.seed = storm_random(random) };
	} while (!choose_names(model, random, &step));
	if (step.kind == STORM_WRITE || step.kind == STORM_TRUNCATE)
		choose_range(model, random, &step);
	return step;
}

/* Applying ------------------------------------------------------------------ */

static void
drop(struct storm_model *model, unsigned name)
{
	struct storm_object *object = model->name[name];

	model->name[name] = NULL;
	if (object && --object->n_links == 0)
		free(object);
}

static bool
make(struct storm_model *model, unsigned name, enum storm_type type, uint64_t target)
{
	struct storm_object *object = model->name[name] ? NULL : calloc(1, sizeof(*object));

	if (!object)
		return false;
	object->type = type;
	object->n_links = 1;
	object->target = target;
	model->name[name] = object;
	return true;
}

static bool
resize(struct storm_object *object, unsigned size)
{
	if (!object || object->type != STORM_FILE || size > STORM_SIZE_MAX)
		return false;
	if (size < object->size)
		memset(object->data + size, 0, object->size - size);
	object->size = size;
	return true;
}

static bool
write_to(struct storm_object *object, const struct storm_step *step)
{
	unsigned end = step->offset + step->size;

	if (!object || object->type != STORM_FILE || end > STORM_SIZE_MAX || end < step->offset)
		return false;
	storm_fill(step, object->data + step->offset);
	if (end > object->size)
		object->size = end;
	return true;
}

/* Two names of one file: nothing happens, as rename(2) says. */
static bool
rename_to(struct storm_model *model, unsigned name, unsigned new_name)
{
	struct storm_object *object = model->name[name];

	if (!object)
		return false;
	if (model->name[new_name] == object)
		return true;
	drop(model, new_name);
	model->name[new_name] = object;
	model->name[name] = NULL;
	return true;
}

static bool
exchange(struct storm_model *model, unsigned name, unsigned new_name)
{
	struct storm_object *object = model->name[name];

	if (!object || !model->name[new_name])
		return false;
	model->name[name] = model->name[new_name];
	model->name[new_name] = object;
	return true;
}

static bool
link_to(struct storm_model *model, unsigned name, unsigned new_name)
{
	struct storm_object *object = model->name[name];

	if (!object || object->type != STORM_FILE || model->name[new_name])
		return false;
	object->n_links++;
	model->name[new_name] = object;
	return true;
}

static bool
remove_it(struct storm_model *model, unsigned name, bool dir)
{
	struct storm_object *object = model->name[name];

	if (!object || (object->type == STORM_DIR) != dir)
		return false;
	drop(model, name);
	return true;
}

bool
storm_apply(struct storm_model *model, const struct storm_step *step)
{
	if (step->name >= STORM_NAMES || step->new_name >= STORM_NAMES)
		return false;
	switch (step->kind) {
	case STORM_CREATE: return make(model, step->name, STORM_FILE, 0);
	case STORM_SYMLINK: return make(model, step->name, STORM_LINK_TO, step->seed);
	case STORM_MKDIR: return make(model, step->name, STORM_DIR, 0);
	case STORM_WRITE: return write_to(model->name[step->name], step);
	case STORM_TRUNCATE: return resize(model->name[step->name], step->size);
	case STORM_RENAME: return rename_to(model, step->name, step->new_name);
	case STORM_EXCHANGE: return exchange(model, step->name, step->new_name);
	case STORM_LINK: return link_to(model, step->name, step->new_name);
	case STORM_UNLINK: return remove_it(model, step->name, false);
	case STORM_RMDIR: return remove_it(model, step->name, true);
	default: return false;
	}
}

void
storm_deinit(struct storm_model *model)
{
	for (unsigned i = 0; i < STORM_NAMES; i++)
		drop(model, i);
}

/* The journal --------------------------------------------------------------- */

void
storm_put(FILE *journal, const struct storm_step *step)
{
	fprintf(journal, "%u %u %u %u %u %llu\n", step->kind, step->name, step->new_name,
	    step->offset, step->size, (unsigned long long)step->seed);
	fflush(journal);
}

bool
storm_get(FILE *journal, struct storm_step *step)
{
	unsigned long long seed;

	if (fscanf(journal, "%u %u %u %u %u %llu", &step->kind, &step->name, &step->new_name,
	    &step->offset, &step->size, &seed) != 6)
		return false;
	step->seed = seed;
	return true;
}

/* Comparing ----------------------------------------------------------------- */

static int
differs(char *why, size_t room, const char *path, const char *what, unsigned long long is,
    unsigned long long should)
{
	snprintf(why, room, "%s: %s is %llu, not %llu", path, what, is, should);
	return 1;
}

static int
check_bytes(const struct storm_object *object, int fd, const char *path, char *why, size_t room)
{
	static unsigned char data[STORM_SIZE_MAX + 1];
	ssize_t n, done = 0;

	while ((n = read(fd, data + done, sizeof(data) - (size_t)done)) > 0)
		done += n;
	if (n < 0)
		return -errno;
	if (done != (ssize_t)object->size)
		return differs(why, room, path, "what can be read", (unsigned long long)done,
		    object->size);
	for (unsigned i = 0; i < object->size; i++)
		if (data[i] != object->data[i]) {
			snprintf(why, room, "%s: byte %u of %u is 0x%02x, not 0x%02x", path, i,
			    object->size, data[i], object->data[i]);
			return 1;
		}
	return 0;
}

static int
check_target(const struct storm_object *object, int dir, const char *path, char *why, size_t room)
{
	char target[STORM_PATH_MAX], got[64] = "";
	ssize_t n = readlinkat(dir, path, got, sizeof(got) - 1);

	if (n < 0)
		return -errno;
	storm_target(object->target, target);
	if (strcmp(got, target) == 0)
		return 0;
	snprintf(why, room, "%s: leads to '%s', not '%s'", path, got, target);
	return 1;
}

static int
check_content(const struct storm_object *object, int dir, const char *path, char *why, size_t room)
{
	AUTO_CLOSE int fd = -1;

	if (object->type == STORM_LINK_TO)
		return check_target(object, dir, path, why, room);
	if (object->type == STORM_DIR)
		return 0;
	fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : check_bytes(object, fd, path, why, room);
}

int
storm_check(const struct storm_model *model, int dir, unsigned name, bool content, char *why,
    size_t room)
{
	static const mode_t types[] = { S_IFREG, S_IFLNK, S_IFDIR };
	const struct storm_object *object = model->name[name];
	char path[STORM_PATH_MAX];
	struct stat st;

	storm_path(name, path);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		if (object)
			snprintf(why, room, "%s: is not there", path);
		return object != NULL;
	}
	if (!object) {
		snprintf(why, room, "%s: is there, and should not be", path);
		return 1;
	}
	if ((st.st_mode & S_IFMT) != types[object->type])
		return differs(why, room, path, "the mode", st.st_mode, types[object->type]);
	if (object->type == STORM_FILE && (unsigned long long)st.st_size != object->size)
		return differs(why, room, path, "the size", (unsigned long long)st.st_size,
		    object->size);
	if (object->type == STORM_FILE && st.st_nlink != object->n_links)
		return differs(why, room, path, "the count of links", st.st_nlink, object->n_links);
	return content ? check_content(object, dir, path, why, room) : 0;
}

/* How many names a directory has, or -errno. */
static int
count_names(int dir, const char *path)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int n = 0, err = errno;

	if (!listing)
		return -err;
	fd_steal(&fd);
	errno = 0;
	while ((entry = readdir(listing)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	err = errno;
	closedir(listing);
	return err ? -err : n;
}

static int
check_listing(const struct storm_model *model, int dir, unsigned which, char *why, size_t room)
{
	char path[STORM_PATH_MAX];
	int n, expected = 0;

	storm_dir(which, path);
	for (unsigned i = 0; i < STORM_NAMES; i++)
		expected += i % STORM_DIRS == which && model->name[i];
	n = count_names(dir, path);
	if (n < 0)
		return n;
	return n == expected ? 0 : differs(why, room, path, "the count of names",
	    (unsigned long long)n, (unsigned long long)expected);
}

int
storm_check_all(const struct storm_model *model, int dir, char *why, size_t room)
{
	int err = 0;

	for (unsigned i = 0; i < STORM_NAMES && err == 0; i++)
		err = storm_check(model, dir, i, true, why, room);
	for (unsigned i = 0; i < STORM_DIRS && err == 0; i++)
		err = check_listing(model, dir, i, why, room);
	return err;
}
