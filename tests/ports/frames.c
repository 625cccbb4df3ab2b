/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames: random frames for the rights core, by somebody who knows the format.
 *
 * A record is put together from the shapes of the calls, with names that its task has
 * or might have, so that real rights come to exist and go; its elements and files are good
 * for the most part. Damage is done to the bytes afterwards. All of it follows from the
 * seed. */
#include "tests/ports/frames.h"

#include <assert.h>
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/messages.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW,
	FILE_SIZE = 4 * WIRE_REGION_UNIT,
	SMALL_NAMES = 12,		/* that a task may choose */
	LONG_MS = 3600 * 1000,		/* never comes */
	ITEMS = 6,
	ELEMENTS = 64,
	HEADER = 10,			/* words */
	SENSIBLE = 16,			/* all but one in so many */
};

/* The words of a header. */
enum {
	AT_MAGIC, AT_SIZE, AT_CALL, AT_COOKIE, AT_CODE, AT_PORTS, AT_BODY, AT_MEMORY, AT_REGION,
	AT_OFFSET
};

static const struct call {
	uint32_t number;
	uint32_t weight;
	const struct wire_shape *shape;
} calls[] = {
#define WEIGHT(name) (CALL_##name == CALL_allocate || CALL_##name == CALL_insert_right || \
	CALL_##name == CALL_construct || CALL_##name == CALL_request_notification || \
	CALL_##name == CALL_deallocate || CALL_##name == CALL_destroy ? 4 : 1)
#define CALL(name, number) { CALL_##name, WEIGHT(name), &name##_in_shape },
#include "wire/messages.def"
#undef CALL
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]), STOCK = 4 };

static uint64_t state;
static uint32_t all_weights;
/* Files: of memory and their releases, good; then such as no region may have. */
static int files[STOCK], releases[STOCK], bad_files[STOCK], cargo[STOCK];

uint32_t
frames_random(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32) ^ (uint32_t)(state >> 13);
}

/* Below n. */
static uint32_t
below(uint32_t n)
{
	return frames_random() % n;
}

bool
frames_chance(uint32_t n)
{
	return below(n) == 0;
}

static int
new_file(size_t size, int seals)
{
	int fd = memfd_create("flood", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	assert(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

/* Opens the stock. */
void
frames_begin(uint64_t seed)
{
	static const int bad_seals[STOCK] = {
		0, SEALS, F_SEAL_SHRINK, SEALS | F_SEAL_FUTURE_WRITE
	};

	state = seed;
	for (int i = 0; i < STOCK; i++) {
		files[i] = new_file(FILE_SIZE, SEALS | F_SEAL_FUTURE_WRITE);
		releases[i] = new_file(4096, SEALS);
		bad_files[i] = new_file(i == STOCK - 1 ? 64 : FILE_SIZE, bad_seals[i]);
		cargo[i] = i % 2 ? eventfd(0, EFD_CLOEXEC) : open("/dev/null", O_RDWR | O_CLOEXEC);
		assert(cargo[i] >= 0);
	}
	all_weights = 0;
	for (size_t i = 0; i < CALLS; i++)
		all_weights += calls[i].weight;
}

void
frames_end(void)
{
	for (int i = 0; i < STOCK; i++) {
		fd_close(&files[i]);
		fd_close(&releases[i]);
		fd_close(&bad_files[i]);
		fd_close(&cargo[i]);
	}
}

void
frames_learn(struct frames_names *names, uint32_t name)
{
	if (name != PORT_NULL && name != PORT_DEAD)
		names->name[names->n++ % FRAMES_NAMES] = name;
}

static uint32_t
any_name(const struct frames_names *names)
{
	uint32_t known = names->n < FRAMES_NAMES ? names->n : FRAMES_NAMES;
	uint32_t dice = below(SENSIBLE);

	if (dice > 1 && known)
		return names->name[below(known)];
	if (dice > 0)
		return 1 + below(SMALL_NAMES);
	dice = below(4);
	return dice == 0 ? PORT_NULL : dice == 1 ? PORT_DEAD : frames_random();
}

static uint32_t
any_disposition(void)
{
	return frames_chance(SENSIBLE) ? below(32) : PORT_MOVE_RECEIVE + below(6);
}

/* A value for a field by what it is called. */
static uint32_t
value_of(const char *field, const struct frames_names *names)
{
	static const uint32_t ids[] = {
		PORT_NOTIFY_PORT_DESTROYED, PORT_NOTIFY_NO_SENDERS, PORT_NOTIFY_DEAD_NAME,
		PORT_NOTIFY_SEND_POSSIBLE
	};

	if (frames_chance(SENSIBLE))
		return frames_chance(4) ? frames_random() : below(40);
	if (strcmp(field, "task") == 0)
		return frames_chance(24) ? any_name(names) : PORT_NULL;
	if (strcmp(field, "kind") == 0)
		return below(PORT_RIGHT_KINDS);
	if (strcmp(field, "delta") == 0 || strcmp(field, "send_delta") == 0)
		return below(5) - 3;
	if (strcmp(field, "disposition") == 0)
		return any_disposition();
	if (strcmp(field, "id") == 0)
		return ids[below(4)];
	if (strcmp(field, "flags") == 0)
		return below(32);
	if (strcmp(field, "guard") == 0 || strstr(field, "_guard") || strcmp(field, "context") == 0)
		return below(2);
	if (strcmp(field, "qlimit") == 0 || strcmp(field, "sync") == 0 ||
	    strcmp(field, "armed") == 0 || strcmp(field, "strict") == 0 ||
	    strcmp(field, "mscount") == 0 || strcmp(field, "seqno") == 0)
		return below(4);
	return any_name(names);
}

static void
put_body(struct wire_buf *body, const struct wire_shape *shape, const struct frames_names *names)
{
	for (const struct wire_field *field = shape->fields; field->name; field++) {
		uint32_t value = value_of(field->name, names);

		if (field->type == WIRE_TYPE_u64)
			wire_put_u64(body, value);
		else if (field->type == WIRE_TYPE_str)
			wire_put_str(body, "flood");
		else
			wire_put_u32(body, value);
	}
}

/* Adds a file to a record. */
static void
add_fd(struct frames_record *record, int fd)
{
	record->fd[record->n_fds++] = fd;
}

/* Beside a body: what the elements are, and what they need. */
struct beside {
	struct wire_port items[ELEMENTS];
	uint32_t n_items;
	uint32_t memory;	/* bytes in line */
	uint32_t region;	/* bytes of a region */
};

static void
add_item(struct beside *beside, uint32_t name, uint32_t disposition)
{
	if (beside->n_items < ELEMENTS)
		beside->items[beside->n_items++] = (struct wire_port){ name, disposition };
}

static void
add_array(struct beside *beside, const struct frames_names *names)
{
	uint32_t n = below(5), disposition = any_disposition();

	add_item(beside, frames_chance(SENSIBLE) ? frames_random() % 3000 : n,
	    (uint32_t)WIRE_ITEM_PORTS | disposition);
	for (uint32_t i = 0; i < n; i++)
		add_item(beside, any_name(names),
		    frames_chance(SENSIBLE) ? any_disposition() : disposition);
}

static void
add_memory(struct beside *beside)
{
	uint32_t size = frames_chance(64) ? below(20000) : below(200);

	if (beside->memory + size > 60000 || beside->n_items == ELEMENTS)
		return;
	if (frames_chance(SENSIBLE)) {
		add_item(beside, size, (uint32_t)WIRE_ITEM_MEMORY | below(3));
		return;
	}
	add_item(beside, size, WIRE_ITEM_MEMORY);
	beside->memory += size;
}

static void
add_region(struct beside *beside)
{
	uint32_t size = frames_chance(8) ? frames_random() : 1 + below(FILE_SIZE);

	if (beside->n_items == ELEMENTS)
		return;
	add_item(beside, size, WIRE_ITEM_REGION);
	beside->region += (uint32_t)wire_region_stride(size);
}

static void
add_elements(struct beside *beside, const struct frames_names *names)
{
	for (uint32_t n = frames_chance(2) ? 0 : below(ITEMS); n > 0; n--) {
		uint32_t dice = below(32);

		if (dice < 22)
			add_item(beside, any_name(names), any_disposition());
		else if (dice < 26)
			add_array(beside, names);
		else if (dice < 29)
			add_memory(beside);
		else if (dice < 30)
			add_region(beside);
		else if (dice < 31)
			add_item(beside, any_name(names), frames_random());
	}
}

/* What a body needs beside it, as descriptors. */
static void
add_files(struct frames_record *record, const struct beside *beside)
{
	int i = (int)below(STOCK);

	if (beside->region) {
		add_fd(record, frames_chance(4) ? bad_files[below(STOCK)] : files[i]);
		add_fd(record, frames_chance(8) ? bad_files[below(STOCK)] : releases[i]);
	}
	if (!frames_chance(12))
		return;
	for (uint32_t n = frames_chance(8) ? below(PORT_MSG_FDS_MAX) : below(3); n > 0; n--)
		add_fd(record, cargo[below(STOCK)]);
}

static void
put_word(struct frames_record *record, size_t at, uint32_t word)
{
	word = htole32(word);
	memcpy(record->data + at * sizeof(word), &word, sizeof(word));
}

static uint32_t
get_word(const struct frames_record *record, size_t at)
{
	uint32_t word;

	memcpy(&word, record->data + at * sizeof(word), sizeof(word));
	return le32toh(word);
}

/* Puts a record together. */
static void
put_record(struct frames_record *record, const struct wire_buf *body, const struct beside *beside)
{
	uint8_t *at = record->data + HEADER * sizeof(uint32_t);

	assert(!body->error);
	if (body->size)
		memcpy(at, body->data, body->size);
	at += body->size;
	for (uint32_t i = 0; i < beside->n_items; i++) {
		uint32_t pair[2] = {
			htole32(beside->items[i].name), htole32(beside->items[i].disposition)
		};

		memcpy(at, pair, sizeof(pair));
		at += sizeof(pair);
	}
	memset(at, 'm', beside->memory);
	at += beside->memory;
	record->size = (size_t)(at - record->data);
	put_word(record, AT_MAGIC, FRAME_MAGIC);
	put_word(record, AT_SIZE, (uint32_t)record->size);
	put_word(record, AT_CALL, record->call);
	put_word(record, AT_COOKIE, frames_random());
	put_word(record, AT_CODE, 0);
	put_word(record, AT_PORTS, beside->n_items);
	put_word(record, AT_BODY, (uint32_t)body->size);
	put_word(record, AT_MEMORY, beside->memory);
	put_word(record, AT_REGION, beside->region);
	put_word(record, AT_OFFSET, beside->region ? below(5) * WIRE_REGION_UNIT : 0);
}

static uint32_t
any_bits(void)
{
	uint32_t local = frames_chance(2) ? 0 : any_disposition();
	uint32_t remote = frames_chance(4) ? any_disposition() : PORT_COPY_SEND;

	return frames_chance(64) ? frames_random() : remote | local << 8;
}

static uint32_t
any_options(void)
{
	uint32_t options = frames_chance(3) ? PORT_MSG_RCV : PORT_MSG_SEND;

	if (frames_chance(8))
		options = PORT_MSG_SEND | PORT_MSG_RCV;
	if (!frames_chance(6))
		options |= PORT_MSG_SEND_TIMEOUT;
	if (!frames_chance(6))
		options |= PORT_MSG_RCV_TIMEOUT;
	if (frames_chance(8))
		options |= PORT_MSG_SEND_NOTIFY;
	if (frames_chance(8))
		options |= PORT_MSG_RCV_LARGE;
	return frames_chance(128) ? frames_random() : options;
}

static void
put_message(struct wire_buf *body, const struct frames_names *names)
{
	static const uint8_t bytes[PORT_MSG_BODY_MAX + 1024];
	struct msg_in in = {
		.options = any_options(),
		.bits = any_bits(),
		.remote = any_name(names),
		.id = frames_random(),
		.send_timeout_ms = frames_chance(4) ? LONG_MS : 0,
		.rcv_name = any_name(names),
		.rcv_size = frames_chance(8) ? below(64) : PORT_MSG_BODY_MAX,
		.rcv_timeout_ms = frames_chance(4) ? LONG_MS : 0,
		.body = { bytes, frames_chance(500) ? below(60000) : below(100) },
	};

	if (in.bits >> 8)
		in.local = any_name(names);
	if (frames_chance(20000))
		in.body.size = sizeof(bytes);
	msg_in_put(body, &in);
}

static void
finish(struct frames_record *record, struct wire_buf *body, const struct beside *beside)
{
	record->n_fds = 0;
	add_files(record, beside);
	put_record(record, body, beside);
	wire_buf_deinit(body);
}

static void
make_message(struct frames_record *record, const struct frames_names *names)
{
	struct beside beside = { 0 };
	struct wire_buf body = { 0 };

	record->call = CALL_msg;
	put_message(&body, names);
	add_elements(&beside, names);
	finish(record, &body, &beside);
}

static void
make_call(struct frames_record *record, const struct call *call, const struct frames_names *names)
{
	struct beside beside = { 0 };
	struct wire_buf body = { 0 };

	record->call = call->number;
	put_body(&body, call->shape, names);
	record->n_fds = 0;
	put_record(record, &body, &beside);
	wire_buf_deinit(&body);
}

/* A hello that is right. */
void
frames_hello(struct frames_record *record)
{
	struct hello_in in = { .version = WIRE_VERSION, .program = "flood" };
	struct beside beside = { 0 };
	struct wire_buf body = { 0 };

	record->call = CALL_hello;
	record->n_fds = 0;
	hello_in_put(&body, &in);
	put_record(record, &body, &beside);
	wire_buf_deinit(&body);
}

void
frames_call(struct frames_record *record, uint32_t number, const struct frames_names *names)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].number == number)
			make_call(record, &calls[i], names);
}

void
frames_any(struct frames_record *record, const struct frames_names *names)
{
	uint32_t dice = below(all_weights);
	size_t i = 0;

	if (frames_chance(2)) {
		make_message(record, names);
		return;
	}
	while (dice >= calls[i].weight)
		dice -= calls[i++].weight;
	if (calls[i].number == CALL_msg || calls[i].number == CALL_interrupt ||
	    (calls[i].number == CALL_hello && !frames_chance(64)))
		make_message(record, names);
	else
		make_call(record, &calls[i], names);
}

static void
damage_header(struct frames_record *record)
{
	uint32_t at = below(HEADER), word = get_word(record, at);

	put_word(record, at, frames_chance(3) ? frames_random() : word + below(17) - 8);
}

/* Elements become bytes or the other way round; the sum is right. */
static void
damage_parts(struct frames_record *record)
{
	static const size_t parts[] = { AT_BODY, AT_MEMORY };
	size_t part = parts[below(2)];
	uint32_t n = 1 + below(3);

	if (frames_chance(2))
		n = 0 - n;
	put_word(record, AT_PORTS, get_word(record, AT_PORTS) + n);
	put_word(record, part, get_word(record, part) - 8 * n);
}

static void
damage_bytes(struct frames_record *record)
{
	uint32_t head = HEADER * sizeof(uint32_t), size = (uint32_t)record->size - head;

	for (uint32_t n = size ? 1 + below(4) : 0; n > 0; n--)
		record->data[head + below(size)] = (uint8_t)frames_random();
}

static void
damage_length(struct frames_record *record)
{
	size_t size = frames_chance(2) ? below((uint32_t)record->size) : record->size + below(64);

	if (frames_chance(16))
		size = FRAMES_RECORD;
	if (size > record->size)
		memset(record->data + record->size, 'x', size - record->size);
	record->size = size;
	if (frames_chance(2) && size >= HEADER * 4)
		put_word(record, AT_SIZE, (uint32_t)size);
}

static void
damage_fds(struct frames_record *record)
{
	if (frames_chance(2) && record->n_fds > 0) {
		record->n_fds--;
		return;
	}
	for (uint32_t n = 1 + below(FRAMES_FDS); n > 0 && record->n_fds < FRAMES_FDS; n--)
		add_fd(record, frames_chance(2) ? cargo[below(STOCK)] : bad_files[below(STOCK)]);
}

/* Does one kind of damage. */
void
frames_damage(struct frames_record *record)
{
	static void (*const kinds[])(struct frames_record *) = {
		damage_header, damage_parts, damage_bytes, damage_length, damage_fds
	};
	uint32_t dice = below(8);

	if (dice < 5)
		kinds[dice](record);
	else if (dice == 5)
		put_word(record, AT_CALL, frames_chance(2) ? frames_random() : below(50));
	else if (dice == 6)
		put_word(record, AT_CODE, frames_random());
	else
		put_word(record, AT_MAGIC, frames_random());
}
