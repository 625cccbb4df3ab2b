/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: recovery memory as the translator sees it: mapped, checked, kept up.
 *
 * Node ids of a tree are made of an index and an epoch. The epoch stands for
 * all that decides what an index means: the generation of the content and the options
 * that it was made with. It is a hash of them, so that a successor comes to the same
 * even when the memory is lost, and ids of other content are told apart. */
#include "trans/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "trans/trans.h"

/* Before memory_open and after memory_close, when there is nothing to keep. */
static struct memory own;
static struct memory *memory = &own;
static int memory_fd = -1;
static uint32_t epoch;
static uint64_t moved;	/* atomic */

/* FNV-1a: the words are few, and nobody gains by a collision. */
static uint64_t
hash_argv(const struct argv *argv)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < argv->size; i++)
		hash = (hash ^ (unsigned char)argv->data[i]) * 0x100000001b3;
	return hash;
}

static void
turn_to(uint32_t generation, uint64_t options)
{
	uint64_t hash = (options ^ generation) * 0x9e3779b97f4a7c15;

	memory->head.generation = generation;
	memory->options = options;
	epoch = (uint32_t)(hash >> 33);
}

/* Without a file: memory that dies with us. */
static int
map(int fd)
{
	AUTO_CLOSE int mine = fd < 0 ? sys_memfd("hird-recovery", RECOVERY_SIZE) :
	    fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct stat st;
	void *mapped;

	if (mine < 0)
		return fd < 0 ? mine : -errno;
	if (fstat(mine, &st) < 0)
		return -errno;
	if (st.st_size < RECOVERY_SIZE)
		return -EMSGSIZE;
	mapped = mmap(NULL, RECOVERY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
	    mine, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	memory = mapped;
	memory_fd = fd_steal(&mine);
	return 0;
}

static int
begin(int fd)
{
	if (fd >= 0 && memory->head.magic != 0 &&
	    madvise(memory, RECOVERY_SIZE, MADV_REMOVE) < 0)
		return -errno;
	*memory = (struct memory){
		.head = { .magic = RECOVERY_MAGIC, .version = RECOVERY_VERSION,
			.turn = memory->head.turn },
	};
	return 0;
}

/* Maps the memory (fd stays the caller's; -1: none) and compares it with what
 * is to be served. *changedp: what callers know of the nodes may be wrong. What another version
 * of this library has left is not kept. */
int
memory_open(int fd, uint32_t generation, const struct argv *argv, bool *changedp)
{
	uint64_t options = hash_argv(argv);
	/* New memory comes with a new mount, of which nobody knows anything. A notice to
	 * forget would make the kernel drop the first attributes that it is given just
	 * then, and refuse whoever asked. */
	bool changed = false;
	int err = map(fd);

	if (err < 0)
		return err;
	if (memory->head.magic != RECOVERY_MAGIC || memory->head.version != RECOVERY_VERSION)
		err = begin(fd);
	else
		changed = memory->head.generation != generation || memory->options != options;
	if (err < 0) {
		memory_close();
		return err;
	}
	turn_to(generation, options);
	*changedp = changed;
	return 0;
}

/* Unmaps it; harmless without memory_open. */
void
memory_close(void)
{
	if (memory != &own)
		munmap(memory, RECOVERY_SIZE);
	memory = &own;
	fd_close(&memory_fd);
}

/* See memory.h. */
struct memory *
memory_head(void)
{
	return memory;
}

/* See memory.h. */
void *
memory_at(size_t offset)
{
	return (char *)memory + offset;
}

/* See memory.h. */
int
memory_show(size_t offset, void *place)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *shown = mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory_fd,
	    (off_t)offset);

	return shown == MAP_FAILED ? -errno : 0;
}

/* See trans.h. */
void *
trans_memory(size_t *sizep)
{
	*sizep = RECOVERY_SIZE - RECOVERY_AUTHOR;
	return memory_at(RECOVERY_AUTHOR);
}

/* The options are other ones now. */
void
memory_turn(const struct argv *argv)
{
	turn_to(memory->head.generation, hash_argv(argv));
}

/* See memory.h; before memory_open, 0. */
uint32_t
memory_epoch(void)
{
	return epoch;
}

/* One more request was taken. */
void
memory_count_request(void)
{
	memory->head.requests++;
}

/* Says whether the count of opens means anything. */
void
memory_opens_known(bool known)
{
	memory->head.opens_known = known;
}

/* Percent, 100 at most. */
void
memory_progress(unsigned percent)
{
	__atomic_add_fetch(&moved, 1, __ATOMIC_RELAXED);
	memory->head.progress_pct = percent > 100 ? 100 : percent;
}

/* See memory.h. */
uint64_t
memory_moved(void)
{
	return __atomic_load_n(&moved, __ATOMIC_RELAXED);
}

/* See memory.h. */
void
memory_at_work(bool at_work)
{
	memory->head.at_work = at_work;
}

/* See memory.h. */
void
memory_put_off(bool some)
{
	memory->head.put_off = some;
}

/* See trans.h. */
void
trans_progress(unsigned percent)
{
	memory_progress(percent);
}
