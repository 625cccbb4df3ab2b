/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: recovery memory as the translator sees it: mapped, checked, kept up.
 *
 * Node ids of a tree are made of an index and an epoch. The epoch moves on
 * whenever an index may mean another entry than before: the content has another
 * generation, or other options made it. Memory that is new, or that makes no
 * sense, starts at an epoch nobody has seen. */
#include "trans/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "trans/trans.h"

#define EPOCH_MASK 0x7fffffffu

/* Where no memory was given, one of our own: what it counts dies with us. */
static struct memory own;
static struct memory *memory = &own;

/* FNV-1a: the words are few, and nobody gains by a collision. */
static uint64_t
hash_argv(const struct argv *argv)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < argv->size; i++)
		hash = (hash ^ (unsigned char)argv->data[i]) * 0x100000001b3;
	return hash;
}

static uint32_t
fresh_epoch(void)
{
	uint32_t epoch;

	if (getrandom(&epoch, sizeof(epoch), GRND_NONBLOCK) != sizeof(epoch))
		epoch = (uint32_t)time(NULL);
	return epoch & EPOCH_MASK;
}

static void
next_epoch(void)
{
	memory->epoch = (memory->epoch + 1) & EPOCH_MASK;
}

static int
map(int fd)
{
	struct stat st;
	void *mapped;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(*memory))
		return -EMSGSIZE;
	mapped = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	memory = mapped;
	return 0;
}

/* Maps the memory (fd stays the caller's; -1: none) and compares it with what
 * is to be served. *changedp: what callers know of the nodes may be wrong. */
int
memory_open(int fd, uint32_t generation, const struct argv *argv, bool *changedp)
{
	uint64_t options = hash_argv(argv);
	bool changed = true;
	int err = fd < 0 ? 0 : map(fd);

	if (err < 0)
		return err;
	if (memory->head.magic != RECOVERY_MAGIC || memory->head.version != 1) {
		*memory = (struct memory){ .head = { .magic = RECOVERY_MAGIC, .version = 1 } };
		memory->epoch = fresh_epoch();
	} else if (memory->head.generation != generation || memory->options != options) {
		next_epoch();
	} else {
		changed = false;
	}
	memory->epoch &= EPOCH_MASK;
	memory->head.generation = generation;
	memory->options = options;
	*changedp = changed;
	return 0;
}

/* Unmaps it; harmless without memory_open. */
void
memory_close(void)
{
	if (memory != &own)
		munmap(memory, sizeof(*memory));
	memory = &own;
}

/* The options are other ones now. */
void
memory_turn(const struct argv *argv)
{
	memory->options = hash_argv(argv);
	next_epoch();
}

uint32_t
memory_epoch(void)
{
	return memory->epoch & EPOCH_MASK;
}

void
memory_count_request(void)
{
	memory->head.requests++;
}

/* Never below 0: a release may come for an open that nobody counted. */
void
memory_count_open(int delta)
{
	if (delta > 0 || memory->head.opens > 0)
		memory->head.opens += delta;
}

void
memory_opens_known(bool known)
{
	memory->head.opens_known = known;
}

void
memory_progress(unsigned percent)
{
	memory->head.progress_pct = percent > 100 ? 100 : percent;
}

/* See trans.h. */
void
trans_progress(unsigned percent)
{
	memory_progress(percent);
}
