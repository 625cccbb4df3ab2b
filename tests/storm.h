/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storm: what a writer does to a directory, step by step, and what must be there afterwards.
 *
 * The model is a second directory in memory. A step is done to the directory first and, when that
 * said that it succeeded, to the model; from then on the two must not differ. */
#ifndef TESTS_STORM_H
#define TESTS_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	STORM_FILES = 24,		/* names for files and symlinks, then */
	STORM_NAMES = STORM_FILES + 6,	/* those for directories */
	STORM_DIRS = 3,			/* where they lie */
	STORM_SIZE_MAX = 96 * 1024,	/* bytes of a file */
	STORM_PATH_MAX = 16,
};

enum storm_kind {
	STORM_CREATE,
	STORM_WRITE,		/* size bytes at offset */
	STORM_TRUNCATE,		/* to size */
	STORM_RENAME,
	STORM_EXCHANGE,
	STORM_LINK,
	STORM_SYMLINK,
	STORM_UNLINK,
	STORM_MKDIR,
	STORM_RMDIR,
	STORM_KINDS,
};

struct storm_step {
	unsigned kind;
	unsigned name, new_name;
	unsigned offset, size;
	uint64_t seed;		/* of the bytes, and of how exactly it is done */
};

enum storm_type { STORM_FILE, STORM_LINK_TO, STORM_DIR };

struct storm_object {
	enum storm_type type;
	unsigned n_links;
	unsigned size;
	uint64_t target;	/* of a symlink */
	unsigned char data[STORM_SIZE_MAX];
};

struct storm_model {
	struct storm_object *name[STORM_NAMES];	/* NULL: there is none of this name */
};

/* splitmix64: the same numbers everywhere. */
static inline uint64_t
storm_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

const char *storm_kind_name(unsigned kind);
/* "d1/f04", relative to the directory. */
void storm_path(unsigned name, char path[STORM_PATH_MAX]);
/* "d1", for a number below STORM_DIRS. */
void storm_dir(unsigned dir, char path[STORM_PATH_MAX]);
/* What a step writes. */
void storm_fill(const struct storm_step *step, unsigned char *data);
/* What a symlink says. */
void storm_target(uint64_t seed, char target[STORM_PATH_MAX]);

/* A step that is possible as things are. */
struct storm_step storm_choose(const struct storm_model *model, uint64_t *random);
/* False: a step that is not possible as things are. */
bool storm_apply(struct storm_model *model, const struct storm_step *step);
void storm_deinit(struct storm_model *model);

void storm_put(FILE *journal, const struct storm_step *step);
/* False at the end, or when the line makes no sense (then not feof). */
bool storm_get(FILE *journal, struct storm_step *step);

/* Whether a name leads to what it should; when not, what is wrong is in `why`, unless the answer was an
 * error: then -errno. content: also each byte. */
int storm_check(const struct storm_model *model, int dir, unsigned name, bool content,
    char *why, size_t room);
/* The same for all names, and that there are no others. */
int storm_check_all(const struct storm_model *model, int dir, char *why, size_t room);

#endif
