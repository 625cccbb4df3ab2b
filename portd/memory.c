/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory: files of memory that go from task to task, and that portd never maps.
 *
 * A sender keeps such a file for its next message: what it will write there is
 * meant for the same receiver. So a file belongs to the first task that got it; when a
 * message in it reaches another one (the receive right has moved), that one
 * gets a copy. The seals say that nobody can cut the file, grow it, or write to it but by
 * the mapping that the sender has made before; they are checked, for the receiver maps it. */
#include "portd/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/task.h"
#include "wire/codec.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW,
	BINDINGS_MAX = 256,	/* files of a receiver; beyond, the oldest is forgotten */
};

/* A file and the task that got it first. */
struct binding {
	struct list link;	/* in the task, the oldest first */
	struct task *task;
	uint64_t key;		/* in the world's files */
	dev_t dev;
	ino_t ino;
};

static bool
is_memory(const struct wire_port *item)
{
	uint32_t kind = item->disposition & (uint32_t)WIRE_ITEM_MASK;

	return kind == WIRE_ITEM_MEMORY || kind == WIRE_ITEM_REGION;
}

/* What the sender said that there is. */
size_t
memory_total(const struct wire_buf *body)
{
	size_t total = 0;

	for (size_t k = 0; k < body->n_ports; k++)
		if (is_memory(&body->ports[k]))
			total += body->ports[k].name;
	return total;
}

/* What came in line. */
size_t
memory_held(const struct wire_buf *body)
{
	size_t held = body->n_memory * sizeof(*body->memory);

	for (size_t m = 0; m < body->n_memory; m++)
		if (body->memory[m].data)
			held += body->memory[m].size;
	return held;
}

static bool
is_sealed_file(int fd, int seals, uint64_t size)
{
	int got = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (got < 0 || (got & seals) != seals)
		return false;
	return fstat(fd, &st) == 0 && (uint64_t)st.st_size >= size;
}

static bool
is_good_region(const struct wire_region *region)
{
	uint64_t end = (uint64_t)region->offset + region->size;
	uint64_t words = region->offset / WIRE_REGION_UNIT + 1;

	return is_sealed_file(region->file, SEALS | F_SEAL_FUTURE_WRITE, end) &&
	    is_sealed_file(region->release, SEALS, words * sizeof(uint32_t));
}

/* Whether memory can be what the sender says: INVALID_MEMORY, INVALID_TYPE. */
int
memory_take(const struct wire_buf *body, size_t k)
{
	switch (body->ports[k].disposition) {
	case WIRE_ITEM_MEMORY:
		return 0;
	case WIRE_ITEM_MEMORY | WIRE_MEMORY_BAD:
		return PORT_E_SEND_INVALID_MEMORY;
	case WIRE_ITEM_REGION:
		if (body->region && is_good_region(body->region))
			return 0;
		return PORT_E_SEND_INVALID_MEMORY;
	default:
		return PORT_E_SEND_INVALID_TYPE;
	}
}

static void
unbind(struct binding *binding)
{
	map_remove(&binding->task->world->memory_files, binding->key);
	list_unlink(&binding->link);
	binding->task->n_memory_files--;
	free(binding);
}

static uint64_t
key_of(dev_t dev, ino_t ino)
{
	return (uint64_t)dev << 48 ^ ino;
}

/* A file is the receiver's from now on. False: there is no memory to remember it. */
static bool
claim(struct task *receiver, dev_t dev, ino_t ino)
{
	uint64_t key = key_of(dev, ino);
	struct binding *binding = malloc(sizeof(*binding));

	if (!binding)
		return false;
	*binding = (struct binding){
		.task = receiver, .key = key, .dev = dev, .ino = ino
	};
	if (map_put(&receiver->world->memory_files, key, binding) < 0) {
		free(binding);
		return false;
	}
	list_link_tail(&receiver->memory_files, &binding->link);
	if (++receiver->n_memory_files > BINDINGS_MAX)
		unbind(LIST_ENTRY(receiver->memory_files.next, struct binding, link));
	return true;
}

/* Whether the receiver may have the file itself. */
static bool
may_have(struct task *receiver, const struct wire_region *region)
{
	const struct binding *binding;
	struct stat st;

	if (fstat(region->file, &st) < 0)
		return false;
	binding = map_get(&receiver->world->memory_files, key_of(st.st_dev, st.st_ino));
	if (!binding)
		return claim(receiver, st.st_dev, st.st_ino);
	return binding->task == receiver && binding->dev == st.st_dev && binding->ino == st.st_ino;
}

static int
copy_bytes(int to, int from, uint64_t offset, size_t size)
{
	static char buffer[256 * 1024];
	size_t done = 0;

	while (done < size) {
		size_t want = size - done < sizeof(buffer) ? size - done : sizeof(buffer);
		ssize_t n = pread(from, buffer, want, (off_t)(offset + done));

		if (n <= 0 || pwrite(to, buffer, (size_t)n, (off_t)done) != n)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* The same bytes in a file of their own, which is its own release file, and takes no
 * word. NULL: there is no room. */
static struct wire_region *
copy_region(const struct wire_region *region)
{
	AUTO_CLOSE int file = memfd_create("hird-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_CLOSE int release = -1;
	struct wire_region *copy;

	if (file < 0 || copy_bytes(file, region->file, region->offset, region->size) < 0)
		return NULL;
	if (fcntl(file, F_ADD_SEALS, SEALS | F_SEAL_WRITE) < 0)
		return NULL;
	release = fcntl(file, F_DUPFD_CLOEXEC, 0);
	copy = release < 0 ? NULL : malloc(sizeof(*copy));
	if (copy)
		*copy = (struct wire_region){
			.file = fd_steal(&file), .release = fd_steal(&release), .size = region->size
		};
	return copy;
}

/* The elements stay; there is nothing in them. */
static void
drop_regions(struct wire_buf *body)
{
	for (size_t k = 0; k < body->n_ports; k++)
		if (body->ports[k].disposition == WIRE_ITEM_REGION)
			body->ports[k] = (struct wire_port){ 0, WIRE_ITEM_MEMORY };
	wire_region_free(body->region);
	body->region = NULL;
}

/* Makes sure that the receiver may have the regions of a message. What comes back to its
 * sender is its own. */
int
memory_deliver(struct message *message, struct task *receiver)
{
	struct wire_region *region = message->body.region, *copy;

	if (!region || message->task == receiver->id || may_have(receiver, region))
		return 0;
	log_debug("task %u gets a copy of %u bytes, whose file was another's",
	    receiver->id, region->size);
	copy = copy_region(region);
	if (!copy) {
		drop_regions(&message->body);
		return PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE;
	}
	wire_region_free(region);
	message->body.region = copy;
	return 0;
}

/* Tells of all of them. */
void
memory_each_file(const struct task *receiver, void (*each)(dev_t, ino_t, void *), void *arg)
{
	LIST_FOR_EACH(link, next, &receiver->memory_files) {
		const struct binding *binding = LIST_ENTRY(link, struct binding, link);

		each(binding->dev, binding->ino, arg);
	}
}

/* False: it is somebody's already, or there is no memory. */
bool
memory_restore(struct task *receiver, dev_t dev, ino_t ino)
{
	return claim(receiver, dev, ino);
}

/* The next receiver of such a file will be its first. */
void
memory_forget(struct task *receiver)
{
	while (!list_is_empty(&receiver->memory_files))
		unbind(LIST_ENTRY(receiver->memory_files.next, struct binding, link));
}
