/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tape: a header that says what follows, the numbers of descriptors, the values. A sum over
 * all of it tells a damaged one; every value is checked nevertheless by who gets it. */
#include "portd/tape.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define MAGIC 0x6574617473647268ull	/* "hrdstate" */
#define NO_FD (~(uint32_t)0)

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct header {
	uint64_t magic;
	uint32_t version;
	uint32_t n_fds;
	uint64_t size;		/* of the values */
	uint64_t sum;		/* over the descriptors' numbers and the values */
};

/* FNV-1a. */
static uint64_t
add_sum(uint64_t sum, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ p[i]) * 0x100000001b3ull;
	return sum;
}

static uint64_t
sum_of(const int32_t *numbers, uint32_t n_fds, const void *data, size_t size)
{
	return add_sum(add_sum(0xcbf29ce484222325ull, numbers, n_fds * sizeof(*numbers)), data, size);
}

/* Frees it, and closes what is its own. */
void
tape_deinit(struct tape *tape)
{
	for (size_t i = 0; tape->owns && i < tape->n_fds; i++)
		fd_close(&tape->fds[i]);
	free(tape->fds);
	free(tape->data);
	*tape = (struct tape){ 0 };
}

/* The file ------------------------------------------------------------------------ */

static int
write_all(const struct tape *tape, const int32_t *numbers, int fd)
{
	uint32_t n_fds = (uint32_t)tape->n_fds;
	struct header header = {
		.magic = htole64(MAGIC),
		.version = htole32(TAPE_VERSION),
		.n_fds = htole32(n_fds),
		.size = htole64(tape->size),
		.sum = htole64(sum_of(numbers, n_fds, tape->data, tape->size)),
	};
	int err = sys_write_all(fd, &header, sizeof(header));

	if (!err)
		err = sys_write_all(fd, numbers, n_fds * sizeof(*numbers));
	if (!err)
		err = sys_write_all(fd, tape->data, tape->size);
	return err;
}

/* Writes a file that nobody can change any more. */
int
tape_write(const struct tape *tape, int *fdp)
{
	AUTO_CLOSE int fd = memfd_create("hird-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	AUTO_FREE int32_t *numbers = calloc(tape->n_fds + 1, sizeof(*numbers));
	int err;

	if (tape->error)
		return tape->error;
	if (fd < 0)
		return -errno;
	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < tape->n_fds; i++)
		numbers[i] = (int32_t)htole32((uint32_t)tape->fds[i]);
	err = write_all(tape, numbers, fd);
	if (err)
		return err;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	*fdp = fd_steal(&fd);
	return 0;
}

static int
bad(struct text *why, const char *what)
{
	text_printf(why, "the state that was handed over %s", what);
	return -EBADMSG;
}

/* Each is open, no standard one, and there once. */
static bool
fds_are_sane(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int flags = fds[i] > STDERR_FILENO ? fcntl(fds[i], F_GETFD) : -1;

		/* One that was there before is marked. */
		if (flags < 0 || flags & FD_CLOEXEC || fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
			return false;
	}
	return true;
}

static int
read_fds(struct tape *tape, int fd, uint32_t n, int32_t **numbersp)
{
	size_t size = n * sizeof(**numbersp);

	*numbersp = malloc(size + 1);
	tape->fds = calloc(n + 1, sizeof(*tape->fds));
	if (!*numbersp || !tape->fds)
		return -ENOMEM;
	if (sys_read_all(fd, *numbersp, size) != (ssize_t)size)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++)
		tape->fds[i] = (int)le32toh((uint32_t)(*numbersp)[i]);
	tape->n_fds = n;
	return 0;
}

static int
check_header(const struct header *header, const struct stat *st, struct text *why)
{
	uint64_t n_fds = le32toh(header->n_fds), size = le64toh(header->size);

	if (le64toh(header->magic) != MAGIC)
		return bad(why, "is none");
	if (le32toh(header->version) != TAPE_VERSION) {
		text_printf(why, "the state that was handed over has version %u, not %d",
		    le32toh(header->version), TAPE_VERSION);
		return -EBADMSG;
	}
	if (n_fds > TAPE_FDS_MAX || size > (uint64_t)st->st_size ||
	    sizeof(*header) + n_fds * sizeof(int32_t) + size != (uint64_t)st->st_size)
		return bad(why, "is cut off");
	return 0;
}

/* `given`: the descriptors, or NULL: they are those of the numbers in the file. */
static int
take_fds(struct tape *tape, const int *given, size_t n_given)
{
	if (!given)
		return fds_are_sane(tape->fds, tape->n_fds) ? 0 : -EBADMSG;
	if (n_given != tape->n_fds)
		return -EBADMSG;
	memcpy(tape->fds, given, n_given * sizeof(*given));
	return 0;
}

static int
read_all(struct tape *tape, int fd, const int *given, size_t n_given, struct text *why)
{
	AUTO_FREE int32_t *numbers = NULL;
	struct header header;
	struct stat st;
	uint32_t n_fds;
	int err;

	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    sys_read_all(fd, &header, sizeof(header)) != sizeof(header))
		return bad(why, "cannot be read");
	err = check_header(&header, &st, why);
	if (err)
		return err;
	n_fds = le32toh(header.n_fds);
	tape->size = le64toh(header.size);
	tape->data = malloc(tape->size + 1);
	err = tape->data ? read_fds(tape, fd, n_fds, &numbers) : -ENOMEM;
	if (err == 0 && sys_read_all(fd, tape->data, tape->size) != (ssize_t)tape->size)
		err = -EBADMSG;
	if (err)
		return bad(why, err == -ENOMEM ? "needs more memory than there is" : "cannot be read");
	if (le64toh(header.sum) != sum_of(numbers, n_fds, tape->data, tape->size))
		return bad(why, "is damaged");
	if (take_fds(tape, given, n_given) < 0)
		return bad(why, "names descriptors that are not there");
	return 0;
}

/* Reads a file. */
int
tape_open(struct tape *tape, int fd, struct text *why)
{
	int err;

	*tape = (struct tape){ 0 };
	err = read_all(tape, fd, NULL, 0, why);
	fd_close(&fd);
	tape->owns = err == 0;
	if (err)
		tape_deinit(tape);
	return err;
}

/* Reads a file whose descriptors came another way. */
int
tape_open_with(struct tape *tape, int fd, const int *fds, size_t n_fds, struct text *why)
{
	int err;

	*tape = (struct tape){ 0 };
	err = read_all(tape, fd, fds, n_fds, why);
	fd_close(&fd);
	tape->owns = err == 0;
	for (size_t i = 0; err && i < n_fds; i++)
		close(fds[i]);
	if (err)
		tape_deinit(tape);
	return err;
}

/* Sets or clears close-on-exec. */
void
tape_inherit(const struct tape *tape, bool inherit)
{
	for (size_t i = 0; i < tape->n_fds; i++)
		fcntl(tape->fds[i], F_SETFD, inherit ? 0 : FD_CLOEXEC);
}

/* Putting ------------------------------------------------------------------------- */

static uint8_t *
extend(struct tape *tape, size_t more)
{
	size_t room = tape->room ? tape->room : 4096;
	uint8_t *data;

	if (tape->error)
		return NULL;
	while (room - tape->size < more)
		room *= 2;
	if (room != tape->room) {
		data = realloc(tape->data, room);
		if (!data) {
			tape->error = -ENOMEM;
			return NULL;
		}
		tape->data = data;
		tape->room = room;
	}
	tape->size += more;
	return tape->data + tape->size - more;
}

static void
put_number(struct tape *tape, uint64_t value, size_t size)
{
	uint8_t *p = extend(tape, size);

	for (size_t i = 0; p && i < size; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

void
tape_put_u32(struct tape *tape, uint32_t value)
{
	put_number(tape, value, 4);
}

void
tape_put_u64(struct tape *tape, uint64_t value)
{
	put_number(tape, value, 8);
}

/* Bytes, after how many there are. */
void
tape_put_blob(struct tape *tape, const void *data, size_t size)
{
	uint8_t *p;

	tape_put_u64(tape, size);
	p = extend(tape, size);
	if (p && size > 0)
		memcpy(p, data, size);
}

void
tape_put_str(struct tape *tape, const char *value)
{
	const char *string = value ? value : "";

	tape_put_blob(tape, string, strlen(string) + 1);
}

/* The place of a descriptor among those that go along. */
void
tape_put_fd(struct tape *tape, int fd)
{
	size_t room = tape->fds_room ? tape->fds_room * 2 : 64;
	int *fds = tape->fds;

	if (fd < 0) {
		tape_put_u32(tape, NO_FD);
		return;
	}
	if (tape->n_fds == tape->fds_room) {
		fds = realloc(tape->fds, room * sizeof(*fds));
		if (!fds) {
			tape->error = -ENOMEM;
			return;
		}
		tape->fds = fds;
		tape->fds_room = room;
	}
	tape_put_u32(tape, (uint32_t)tape->n_fds);
	tape->fds[tape->n_fds++] = fd;
}

/* Getting ------------------------------------------------------------------------- */

bool
tape_spoil(struct tape *tape)
{
	if (!tape->error)
		tape->error = -EBADMSG;
	return false;
}

static const uint8_t *
take(struct tape *tape, uint64_t size)
{
	if (!tape->error && size > tape->size - tape->at)
		tape_spoil(tape);
	if (tape->error)
		return NULL;
	tape->at += size;
	return tape->data + tape->at - size;
}

static uint64_t
get_number(struct tape *tape, size_t size)
{
	const uint8_t *p = take(tape, size);
	uint64_t value = 0;

	for (size_t i = 0; p && i < size; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

uint32_t
tape_get_u32(struct tape *tape)
{
	return (uint32_t)get_number(tape, 4);
}

uint64_t
tape_get_u64(struct tape *tape)
{
	return get_number(tape, 8);
}

/* A number within bounds, else 0. */
uint32_t
tape_get_max(struct tape *tape, uint32_t max)
{
	uint32_t value = tape_get_u32(tape);

	if (value <= max)
		return value;
	tape_spoil(tape);
	return 0;
}

bool
tape_get_bool(struct tape *tape)
{
	return tape_get_max(tape, 1);
}

/* So many that they can all be there. */
uint32_t
tape_get_count(struct tape *tape, size_t bytes_each)
{
	uint32_t n = tape_get_u32(tape);

	if (tape->error)
		return 0;
	if (n <= (tape->size - tape->at) / bytes_each)
		return n;
	tape_spoil(tape);
	return 0;
}

struct wire_blob
tape_get_blob(struct tape *tape)
{
	uint64_t size = tape_get_u64(tape);
	const uint8_t *p = take(tape, size);

	return p ? (struct wire_blob){ p, size } : (struct wire_blob){ "", 0 };
}

const char *
tape_get_str(struct tape *tape)
{
	struct wire_blob blob = tape_get_blob(tape);

	if (blob.size > 0 && strnlen(blob.data, blob.size) == blob.size - 1)
		return blob.data;
	tape_spoil(tape);
	return "";
}

bool
tape_get_bytes(struct tape *tape, void *to, size_t size)
{
	struct wire_blob blob = tape_get_blob(tape);

	if (blob.size != size)
		return tape_spoil(tape);
	memcpy(to, blob.data, size);
	return true;
}

/* Words into an empty vector. */
bool
tape_get_argv(struct tape *tape, struct argv *argv)
{
	struct wire_blob blob = tape_get_blob(tape);

	if (blob.size > 0 && argv_copy(argv, blob.data, blob.size) < 0)
		return tape_spoil(tape);
	return !tape->error;
}

int
tape_get_fd(struct tape *tape)
{
	uint32_t i = tape_get_u32(tape);

	if (tape->error || i == NO_FD)
		return -1;
	if (i >= tape->n_fds || tape->fds[i] < 0) {
		tape_spoil(tape);
		return -1;
	}
	return fd_steal(&tape->fds[i]);
}

int
tape_get_some_fd(struct tape *tape)
{
	int fd = tape_get_fd(tape);

	if (fd < 0)
		tape_spoil(tape);
	return fd;
}
