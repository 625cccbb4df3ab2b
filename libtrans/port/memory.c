/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory: bytes that are too many for a frame travel in files of memory.
 *
 * Fresh memory costs more than copying, so both sides keep theirs warm. A sender has a few
 * files for each destination, mapped once and sealed then, so that nobody else can
 * write to them, nor can anybody cut them short under a reader. Of a file, units of
 * WIRE_REGION_UNIT bytes are given out; the word in the release file that stands for the
 * first one is 1 until the receiver, or portd, has no more use for it. A file can be
 * forgotten at any time: whoever was sent something in it holds it, too. A receiver keeps
 * its mappings, and copies out before anything is looked at, into memory that it has used
 * before. */
#include "port/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/sys.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum {
	MIB = 1 << 20,
	FILES_MAX = 256 * MIB,		/* bytes of all files that are kept */
	FILE_MIN = MIB,
	FILE_DOUBLE = 8 * MIB,		/* smaller ones have room for a second message */
	VIEWS_MAX = 256 * MIB,		/* bytes of other tasks' files that are kept mapped */
	VIEW_MAX = 128 * MIB,		/* of one */
	BLOCKS_MAX = 128 * MIB,		/* bytes of own memory that are kept warm */
	BLOCKS = 32,			/* pieces of it */
	LISTED_MIN = 4 * MIB,		/* so much is looked up in the list of mappings */
	IDLE_MS = 30000,		/* what was not used for so long is given back */
};

struct memory_file {
	struct list link;	/* the last one used first */
	port_name_t dest;
	int file;
	int release;
	uint8_t *data;
	_Atomic uint32_t *words;	/* of the release file */
	size_t size;
	size_t n_units;
	unsigned users;		/* threads that write into it, or send it */
	int64_t used_ms;
	uint16_t lengths[];	/* units given out together, at the first of them */
};

/* A mapping of another task's file. */
struct view {
	struct list link;	/* the last one used first */
	dev_t dev;
	ino_t ino;
	uint8_t *data;
	size_t size;
	unsigned users;		/* threads that copy out of it */
	int64_t used_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct list files = { &files, &files };
static struct list views = { &views, &views };
static size_t files_size, views_size;

/* Own memory, the last one used last. */
static struct wire_memory blocks[BLOCKS];
static size_t n_blocks, blocks_size;

static size_t
whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) & ~(page - 1);
}

static size_t
release_size(size_t n_units)
{
	return whole_pages(n_units * sizeof(uint32_t));
}

static void
close_file(struct memory_file *file)
{
	fd_close(&file->file);
	fd_close(&file->release);
	free(file);
}

/* A fork child has none of the mappings, and must not write into the files. Another thread
 * may have been in the middle of something: its own memory it keeps, unknown to us. */
static void
start_anew(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	LIST_FOR_EACH(link, next, &files)
		close_file(LIST_ENTRY(link, struct memory_file, link));
	LIST_FOR_EACH(link, next, &views)
		free(LIST_ENTRY(link, struct view, link));
	list_init(&files);
	list_init(&views);
	files_size = views_size = 0;
	n_blocks = blocks_size = 0;
}

static void
prepare_for_fork(void)
{
	pthread_atfork(NULL, NULL, start_anew);
}

static void
enter(void)
{
	pthread_once(&once, prepare_for_fork);
	pthread_mutex_lock(&lock);
}

static void
leave(void)
{
	pthread_mutex_unlock(&lock);
}

/* Own memory ------------------------------------------------------------------- */

static void
drop_block(size_t i)
{
	blocks_size -= blocks[i].size;
	n_blocks--;
	memmove(&blocks[i], &blocks[i + 1], (n_blocks - i) * sizeof(*blocks));
}

/* A block that was used before, of this size or little more; what is too much goes. */
static void *
take_block(size_t size)
{
	struct wire_memory best = { NULL, 0 };
	size_t at = 0;

	enter();
	for (size_t i = n_blocks; i-- > 0 && best.size != size; ) {
		bool fits = blocks[i].size >= size && blocks[i].size - size <= size / 4;

		if (fits && (!best.data || blocks[i].size < best.size)) {
			best = blocks[i];
			at = i;
		}
	}
	if (best.data)
		drop_block(at);
	leave();
	if (best.size > size)
		munmap((char *)best.data + size, best.size - size);
	return best.data;
}

/* Memory for `size` bytes, in whole pages, of any content. NULL: size 0, or there is no
 * room. */
void *
port_memory_alloc(size_t size)
{
	size_t whole = whole_pages(size);
	void *data;

	if (size == 0 || whole < size)
		return NULL;
	data = take_block(whole);
	if (data)
		return data;
	data = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return data == MAP_FAILED ? NULL : data;
}

/* Gives such memory back; likewise memory that a message brought. */
void
port_memory_free(void *address, size_t size)
{
	struct wire_memory block = { address, whole_pages(size) };

	if (!address || size == 0)
		return;
	if (block.size > BLOCKS_MAX) {
		munmap(address, block.size);
		return;
	}
	enter();
	while (n_blocks == BLOCKS || blocks_size + block.size > BLOCKS_MAX) {
		munmap(blocks[0].data, blocks[0].size);
		drop_block(0);
	}
	blocks[n_blocks++] = block;
	blocks_size += block.size;
	leave();
}

/* Files -------------------------------------------------------------------------- */

static void
free_file(struct memory_file *file)
{
	munmap(file->data, file->size);
	munmap((void *)file->words, release_size(file->n_units));
	close_file(file);
}

/* Of a file that is in no list any more, the last user is rid. */
static void
forget_file(struct memory_file *file)
{
	list_unlink(&file->link);
	files_size -= file->size;
	if (file->users == 0)
		free_file(file);
}

static void
forget_view(struct view *view)
{
	list_unlink(&view->link);
	views_size -= view->size;
	if (view->users > 0)
		return;
	munmap(view->data, view->size);
	free(view);
}

/* Maps a file of memory, to write to it, and seals it. -errno, or the descriptor. */
static int
make_file(size_t size, int seals, void **datap)
{
	AUTO_CLOSE int fd = memfd_create("hird-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *data;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	if (madvise(data, size, MADV_DONTFORK) < 0 ||
	    fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int err = -errno;

		munmap(data, size);
		return err;
	}
	*datap = data;
	return fd_steal(&fd);
}

/* Gives back what nobody has used for long, and more until there is room for `size`. */
static void
trim_files(size_t size, int64_t now)
{
	while (!list_is_empty(&files)) {
		struct memory_file *file = LIST_ENTRY(files.prev, struct memory_file, link);

		if (files_size + size <= FILES_MAX && now - file->used_ms < IDLE_MS)
			return;
		forget_file(file);
	}
}

static struct memory_file *
new_file(port_name_t dest, size_t need)
{
	size_t size = need < FILE_DOUBLE ? 2 * need : need;
	size_t n_units = (size < FILE_MIN ? FILE_MIN : size) / WIRE_REGION_UNIT;
	struct memory_file *file = calloc(1, sizeof(*file) + n_units * sizeof(*file->lengths));
	void *data, *words;

	if (!file)
		return NULL;
	file->dest = dest;
	file->n_units = n_units;
	file->size = n_units * WIRE_REGION_UNIT;
	file->release = -1;
	file->file = make_file(file->size, F_SEAL_FUTURE_WRITE, &data);
	if (file->file >= 0) {
		file->data = data;
		file->release = make_file(release_size(n_units), 0, &words);
	}
	if (file->release < 0) {
		if (file->data)
			munmap(file->data, file->size);
		fd_close(&file->file);
		free(file);
		return NULL;
	}
	file->words = words;
	files_size += file->size;
	return file;
}

/* n units in a row that nobody uses; their number, or -1. */
static ssize_t
find_units(const struct memory_file *file, size_t n)
{
	size_t start = 0, at = 0;

	while (at < file->n_units && at - start < n) {
		if (file->lengths[at] && atomic_load(&file->words[at]) != 0) {
			at += file->lengths[at];
			start = at;
		} else {
			at++;
		}
	}
	return at - start >= n ? (ssize_t)start : -1;
}

static void
take_units(struct memory_file *file, size_t first, size_t n)
{
	memset(&file->lengths[first], 0, n * sizeof(*file->lengths));
	file->lengths[first] = (uint16_t)n;
	atomic_store(&file->words[first], 1);
}

/* A file on its way to dest with n units free, which are taken. NULL: there is no room. */
static struct memory_file *
find_file(port_name_t dest, size_t n, size_t *firstp)
{
	struct memory_file *file;

	LIST_FOR_EACH(link, next, &files) {
		ssize_t first = -1;

		file = LIST_ENTRY(link, struct memory_file, link);
		if (file->dest == dest)
			first = find_units(file, n);
		if (first >= 0) {
			*firstp = (size_t)first;
			list_unlink(link);
			list_link_head(&files, link);
			return file;
		}
	}
	trim_files(n * WIRE_REGION_UNIT, sys_now_ms());
	file = new_file(dest, n * WIRE_REGION_UNIT);
	if (file)
		list_link_head(&files, &file->link);
	*firstp = 0;
	return file;
}

/* A place for `size` bytes on their way to dest. */
static bool
reserve(port_name_t dest, size_t size, struct memory_parcel *parcel)
{
	size_t n = (size + WIRE_REGION_UNIT - 1) / WIRE_REGION_UNIT, first;
	struct memory_file *file;

	enter();
	file = find_file(dest, n, &first);
	if (file) {
		file->users++;
		file->used_ms = sys_now_ms();
		take_units(file, first, n);
	}
	leave();
	if (!file)
		return false;
	parcel->file = file;
	parcel->region = (struct wire_region){
		.file = file->file,
		.release = file->release,
		.offset = (uint32_t)(first * WIRE_REGION_UNIT),
		.size = (uint32_t)size,
	};
	return true;
}

/* Sending ---------------------------------------------------------------------------- */

/* Has the kernel look at whole pages: 0; -EINVAL: it does not do that, be it for these pages or
 * because it is too old; else they cannot be read. */
static int
populate(uintptr_t start, uintptr_t end)
{
	return madvise((void *)start, end - start, MADV_POPULATE_READ) < 0 ? -errno : 0;
}

/* Whether a range can be read, by the list of mappings, which takes less time for much memory.
 * Only of files the pages themselves can be missing. */
static bool
is_listed(uintptr_t start, uintptr_t end)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	AUTO_FREE char *line = NULL;
	uintptr_t from, to;
	size_t room = 0;
	uint64_t ino;
	char perms;
	int err;

	if (!maps)	/* somebody's sandbox */
		return populate(start, end) == 0;
	while ( start < end && getline(&line, &room, maps) > 0) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %c%*s %*s %*s %" SCNu64,
		    &from, &to, &perms, &ino) != 4)
			break;
		if (to <= start)
			continue;
		to = to < end ? to : end;
		if (from > start || perms != 'r')
			break;
		err = ino != 0 ? populate(start, to) : 0;
		if (err != 0 && err != -EINVAL)
			break;
		start = to;
	}
	fclose(maps);
	return start >= end;
}

static bool
is_readable(const struct wire_memory *memory)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)memory->data & ~(page - 1);
	uintptr_t end = (uintptr_t)memory->data + memory->size;
	int err = -EINVAL;

	if (end < start || end + page < end)
		return false;
	end = (end + page - 1) & ~(page - 1);
	if (memory->size < LISTED_MIN)
		err = populate(start, end);
	return err == 0 || (err == -EINVAL && is_listed(start, end));
}

/* The next element of memory from *kp on; its place in body->memory is the caller's count. */
static struct wire_port *
next_memory(struct wire_buf *body, size_t *kp)
{
	while (*kp < body->n_ports) {
		struct wire_port *item = &body->ports[(*kp)++];
		uint32_t kind = item->disposition & (uint32_t)WIRE_ITEM_MASK;

		if (kind == WIRE_ITEM_MEMORY || kind == WIRE_ITEM_REGION)
			return item;
	}
	return NULL;
}

/* Marks what goes by way of a file; how much that takes. */
static size_t
mark_regions(struct wire_buf *body)
{
	struct wire_port *item;
	size_t size = 0, k = 0;

	for (size_t m = 0; m < body->n_memory && (item = next_memory(body, &k)); m++) {
		if (item->name == 0)
			continue;
		if (is_readable(&body->memory[m])) {
			item->disposition = WIRE_ITEM_REGION;
			size += wire_region_stride(item->name);
		} else {
			item->disposition = WIRE_ITEM_MEMORY | WIRE_MEMORY_BAD;
		}
	}
	return size;
}

static void
copy_out(struct wire_buf *body, uint8_t *to)
{
	struct wire_port *item;
	size_t k = 0;

	for (size_t m = 0; m < body->n_memory && (item = next_memory(body, &k)); m++) {
		if (item->disposition != WIRE_ITEM_REGION)
			continue;
		memcpy(to, body->memory[m].data, item->name);
		to += wire_region_stride(item->name);
	}
}

int
memory_pack(port_name_t dest, size_t body_size, struct wire_buf *body,
    struct memory_parcel *parcel)
{
	size_t total = 0, size;

	*parcel = (struct memory_parcel){ .file = NULL };
	for (size_t m = 0; m < body->n_memory; m++)
		total += body->memory[m].size;
	if (total > PORT_MSG_MEMORY_MAX)
		return PORT_E_SEND_TOO_LARGE;
	if (total + body_size <= PORT_MSG_BODY_MAX)
		return 0;
	size = mark_regions(body);
	if (size == 0)
		return 0;
	if (!reserve(dest, size, parcel)) {
		memory_unpack(body, parcel, false);
		return PORT_E_SEND_NO_BUFFER;
	}
	copy_out(body, parcel->file->data + parcel->region.offset);
	body->region = &parcel->region;
	return 0;
}

bool
memory_mark_bad(struct wire_buf *body)
{
	struct wire_port *item;
	bool any = false;
	size_t k = 0;

	for (size_t m = 0; m < body->n_memory && (item = next_memory(body, &k)); m++) {
		if (item->disposition != WIRE_ITEM_MEMORY || item->name == 0)
			continue;
		if (!is_readable(&body->memory[m])) {
			item->disposition |= WIRE_MEMORY_BAD;
			any = true;
		}
	}
	return any;
}

void
memory_unpack(struct wire_buf *body, struct memory_parcel *parcel, bool sent)
{
	struct memory_file *file = parcel->file;
	struct wire_port *item;
	size_t k = 0;

	while ((item = next_memory(body, &k)))
		item->disposition = WIRE_ITEM_MEMORY;
	body->region = NULL;
	if (!file)
		return;
	if (!sent)
		atomic_store(&file->words[parcel->region.offset / WIRE_REGION_UNIT], 0);
	enter();
	if (--file->users == 0 && !list_is_linked(&file->link))
		free_file(file);
	leave();
	parcel->file = NULL;
}

/* Receiving -------------------------------------------------------------------------- */

static void
trim_views(size_t size, int64_t now)
{
	while (!list_is_empty(&views)) {
		struct view *view = LIST_ENTRY(views.prev, struct view, link);

		if (views_size + size <= VIEWS_MAX && now - view->used_ms < IDLE_MS)
			return;
		forget_view(view);
	}
}

static struct view *
new_view(int fd, const struct stat *st)
{
	struct view *view = malloc(sizeof(*view));
	void *data;

	if (!view)
		return NULL;
	data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED) {
		free(view);
		return NULL;
	}
	madvise(data, (size_t)st->st_size, MADV_DONTFORK);
	*view = (struct view){
		.dev = st->st_dev, .ino = st->st_ino, .data = data, .size = (size_t)st->st_size
	};
	views_size += view->size;
	return view;
}

/* A mapping of a file, the caller's until view_put. NULL: it cannot be had, or is not
 * worth while. */
static struct view *
view_get(int fd)
{
	int64_t now = sys_now_ms();
	struct view *found = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > VIEW_MAX)
		return NULL;
	enter();
	LIST_FOR_EACH(link, next, &views) {
		struct view *view = LIST_ENTRY(link, struct view, link);

		if (view->ino != st.st_ino || view->dev != st.st_dev || view->size != (size_t)st.st_size)
			continue;
		list_unlink(link);
		found = view;
		break;
	}
	if (!found) {
		trim_views((size_t)st.st_size, now);
		found = new_view(fd, &st);
	}
	if (found) {
		list_link_head(&views, &found->link);
		found->users++;
		found->used_ms = now;
	}
	leave();
	return found;
}

static void
view_put(struct view *view)
{
	if (!view)
		return;
	enter();
	if (--view->users == 0 && !list_is_linked(&view->link)) {
		munmap(view->data, view->size);
		free(view);
	}
	leave();
}

/* Copies bytes of a file, by its mapping when there is one. */
static bool
copy_in(void *to, const struct view *view, int fd, uint64_t offset, size_t size)
{
	size_t done = 0;

	if (view && offset + size <= view->size) {
		memcpy(to, view->data + offset, size);
		return true;
	}
	while (done < size) {
		ssize_t n = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Brings one piece into own memory; the rest of its last page is zero. */
static bool
take_piece(struct wire_memory *memory, const struct wire_buf *body, const struct view *view,
    uint64_t offset)
{
	struct wire_memory own = { port_memory_alloc(memory->size), memory->size };
	bool there = own.data;

	if (there && memory->data)
		memcpy(own.data, memory->data, own.size);
	else if (there)
		there = copy_in(own.data, view, body->region->file, offset, own.size);
	if (!there) {
		port_memory_free(own.data, own.size);
		*memory = (struct wire_memory){ NULL, 0 };
		return false;
	}
	memset((char *)own.data + own.size, 0, whole_pages(own.size) - own.size);
	*memory = own;
	return true;
}

int
memory_receive(struct wire_buf *body)
{
	struct view *view = body->region ? view_get(body->region->file) : NULL;
	uint64_t offset = body->region ? body->region->offset : 0;
	struct wire_port *item;
	size_t k = 0;
	int code = 0;

	for (size_t m = 0; m < body->n_memory && (item = next_memory(body, &k)); m++) {
		bool in_region = item->disposition == WIRE_ITEM_REGION && body->region;

		if (item->name > 0 &&
		    !((in_region || body->memory[m].data) && take_piece(&body->memory[m], body, view, offset)))
			code = PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE;
		offset += in_region ? wire_region_stride(item->name) : 0;
		*item = (struct wire_port){ (uint32_t)body->memory[m].size, WIRE_ITEM_MEMORY };
	}
	view_put(view);
	wire_region_free(body->region);
	body->region = NULL;
	free(STEAL_PTR(body->store));
	body->free_memory = port_memory_free;
	return code;
}

void
memory_forget(void)
{
	enter();
	while (!list_is_empty(&files))
		forget_file(LIST_ENTRY(files.next, struct memory_file, link));
	leave();
}
