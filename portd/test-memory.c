/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-memory: memory out of line as portd sees it: in line and in files, good and hostile. */
#include "portd/test-case.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW,
	FILE_SIZE = 4 * WIRE_REGION_UNIT,
};

/* A file of memory with its release file, as a library makes them. */
struct store {
	int file;
	int release;
	uint8_t *data;
	uint32_t *words;
};

static int
make_file(size_t size, int seals, void **datap)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	OK(ftruncate(fd, (off_t)size));
	*datap = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(*datap != MAP_FAILED);
	OK(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static struct store
new_store(void)
{
	void *data, *words;
	struct store store = { .file = make_file(FILE_SIZE, SEALS | F_SEAL_FUTURE_WRITE, &data) };

	store.release = make_file(4096, SEALS, &words);
	store.data = data;
	store.words = words;
	return store;
}

static void
end_store(struct store *store)
{
	munmap(store->data, FILE_SIZE);
	munmap(store->words, 4096);
	fd_close(&store->file);
	fd_close(&store->release);
}

static struct wire_region *
region_of(int file, int release, uint32_t offset, uint32_t size)
{
	struct wire_region *region = malloc(sizeof(*region));

	*region = (struct wire_region){
		.file = dup(file), .release = dup(release), .offset = offset, .size = size
	};
	return region;
}

/* One element of a region of a store, whose word is set. */
static struct wire_buf
in_region(struct store *store, uint32_t offset, uint32_t size)
{
	static const struct wire_memory nothing;
	struct wire_buf beside = { 0 };

	wire_put_memory(&beside, nothing);
	beside.ports[0] = (struct wire_port){ size, WIRE_ITEM_REGION };
	beside.region =
	    region_of(store->file, store->release, offset, (uint32_t)wire_region_stride(size));
	store->words[offset / WIRE_REGION_UNIT] = 1;
	return beside;
}

/* Sends what is beside a body, which is eaten. */
static int
send_beside(struct client *c, port_name_t remote, struct wire_buf *beside)
{
	struct msg_in in = {
		.options = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT,
		.bits = CS,
		.remote = remote,
		.id = 5,
	};
	struct wire_buf body = { 0 };

	msg_in_put(&body, &in);
	wire_move_beside(&body, beside);
	wire_buf_deinit(beside);
	client_send(c, CALL_msg, &body);
	return client_receive(c);
}

static bool
is_file(int fd, const struct store *store)
{
	struct stat is, was;

	OK(fstat(fd, &is));
	OK(fstat(store->file, &was));
	return is.st_ino == was.st_ino;
}

/* The region of the message that was just received; its content. */
static void
expect_region(struct client *c, const struct store *store, uint32_t offset, size_t size, int value)
{
	const struct wire_buf *body = &c->reply.body;
	uint8_t data[64];

	IS(body->n_ports, 1);
	IS(body->ports[0].disposition, WIRE_ITEM_REGION);
	IS(body->ports[0].name, size);
	assert_non_null(body->region);
	IS(body->region->offset, offset);
	IS(pread(body->region->file, data, sizeof(data), offset), sizeof(data));
	IS(data[0], value);
	IS(data[63], value);
	if (store)
		assert_true(is_file(body->region->file, store));
}

static void
memory_in_line(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct wire_buf beside = { 0 }, *got = &T.reply.body;
	char hello[] = "hello world!";

	(void)state;
	wire_put_memory(&beside, (struct wire_memory){ hello, 5 });
	wire_put_memory(&beside, (struct wire_memory){ NULL, 0 });
	wire_put_memory(&beside, (struct wire_memory){ hello + 6, 6 });
	OK(send_beside(&U, m, &beside));
	OK(receive(&T, n, NULL));
	IS(got->n_ports, 3);
	IS(got->n_memory, 3);
	IS(got->memory[0].size, 5);
	assert_memory_equal(got->memory[0].data, "hello", 5);
	IS(got->memory[1].size, 0);
	assert_null(got->memory[1].data);
	assert_memory_equal(got->memory[2].data, "world!", 6);
}

static void
a_region_is_passed_on(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct store store = new_store();
	struct wire_buf beside = in_region(&store, WIRE_REGION_UNIT, 1000);

	(void)state;
	memset(store.data + WIRE_REGION_UNIT, 7, 1000);
	OK(send_beside(&U, m, &beside));
	OK(receive(&T, n, NULL));
	expect_region(&T, &store, WIRE_REGION_UNIT, 1000, 7);
	IS(store.words[1], 1);
	wire_buf_deinit(&T.reply.body);	/* as a receiver that has copied it out */
	IS(store.words[1], 0);
	end_store(&store);
}

static void
a_message_that_nobody_gets_is_released(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct store store = new_store();
	struct wire_buf beside = in_region(&store, 0, 1000);

	(void)state;
	OK(send_beside(&U, m, &beside));
	IS(store.words[0], 1);
	kill_port(&T, n);
	IS(store.words[0], 0);
	beside = in_region(&store, 0, 1000);	/* and one that goes nowhere */
	IS(send_beside(&U, m, &beside), PORT_E_SEND_INVALID_DEST);
	IS(store.words[0], 0);
	end_store(&store);
}

/* Sends a region in these files, which portd refuses. */
static void
expect_refused(port_name_t m, int file, int release, uint32_t offset, uint32_t size)
{
	struct wire_buf beside = { 0 };

	wire_put_memory(&beside, (struct wire_memory){ NULL, 0 });
	beside.ports[0] = (struct wire_port){ size, WIRE_ITEM_REGION };
	beside.region = region_of(file, release, offset, (uint32_t)wire_region_stride(size));
	IS(send_beside(&U, m, &beside), PORT_E_SEND_INVALID_MEMORY);
}

/* A release file that would take the next write, and block. */
static int
full_event(void)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	IS(write(fd, &most, sizeof(most)), sizeof(most));
	return fd;
}

static void
regions_that_are_none(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct store store = new_store();
	void *data[3];
	int open_end = make_file(FILE_SIZE, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE, data);
	int writable = make_file(FILE_SIZE, SEALS, data + 1);
	int no_words = make_file(4, SEALS, data + 2);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), event = full_event();

	(void)state;
	expect_refused(m, store.file, store.release, 0, FILE_SIZE + 1);
	expect_refused(m, store.file, store.release, FILE_SIZE, 1);
	expect_refused(m, store.file, store.release, WIRE_REGION_UNIT, FILE_SIZE);
	expect_refused(m, store.file, store.release, UINT32_MAX - WIRE_REGION_UNIT + 1, 1 << 20);
	expect_refused(m, open_end, store.release, 0, 100);
	expect_refused(m, writable, store.release, 0, 100);
	expect_refused(m, null, store.release, 0, 100);
	expect_refused(m, store.file, null, 0, 100);
	expect_refused(m, store.file, event, 0, 100);
	expect_refused(m, store.file, no_words, WIRE_REGION_UNIT, 100);
	expect_nothing(&T, n);
	munmap(data[0], FILE_SIZE);
	munmap(data[1], FILE_SIZE);
	munmap(data[2], 4);
	close(open_end);
	close(writable);
	close(no_words);
	close(null);
	close(event);
	end_store(&store);
}

/* What is left of the bad element is taken, what is right of it is not. */
static void
H12_bad_memory_between_rights(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), p = new_port_rs(&U);
	const uint32_t bad[] = {
		WIRE_ITEM_MEMORY | WIRE_MEMORY_BAD, WIRE_ITEM_MEMORY | 2, WIRE_ITEM_REGION | 1
	};

	(void)state;
	OK(mod_refs(&U, p, SEND, 9));
	for (uint32_t i = 0; i < 3; i++) {
		struct wire_buf beside = { 0 };

		wire_put_port(&beside, (struct wire_port){ p, MS });
		wire_put_memory(&beside, (struct wire_memory){ NULL, 0 });
		wire_put_port(&beside, (struct wire_port){ p, MS });
		beside.ports[1].disposition = bad[i];
		IS(send_beside(&U, m, &beside),
		    i == 0 ? PORT_E_SEND_INVALID_MEMORY : PORT_E_SEND_INVALID_TYPE);
		IS(refs(&U, p, SEND), 9 - i);
	}
	expect_nothing(&T, n);
}

static void
one_message_has_a_limit(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct store store = new_store();
	struct wire_buf beside = in_region(&store, 0, PORT_MSG_MEMORY_MAX + 1);

	(void)state;
	IS(send_beside(&U, m, &beside), PORT_E_SEND_TOO_LARGE);
	IS(store.words[0], 0);
	expect_nothing(&T, n);
	end_store(&store);
}

/* The file is T's: what V gets of it is a copy, and nothing else that is in it. */
static void
a_file_belongs_to_its_first_receiver(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), p = new_port(&V), q = give(&V, p, KS, &U);
	struct store store = new_store();
	struct wire_buf beside = in_region(&store, 0, 1000);

	(void)state;
	memset(store.data, 3, FILE_SIZE);
	OK(send_beside(&U, m, &beside));
	OK(receive(&T, n, NULL));
	expect_region(&T, &store, 0, 1000, 3);
	memset(store.data + WIRE_REGION_UNIT, 4, 1000);
	beside = in_region(&store, WIRE_REGION_UNIT, 1000);
	OK(send_beside(&U, q, &beside));
	OK(receive(&V, p, NULL));
	expect_region(&V, NULL, 0, 1000, 4);
	assert_false(is_file(V.reply.body.region->file, &store));
	IS(lseek(V.reply.body.region->file, 0, SEEK_END), wire_region_stride(1000));
	IS(write(V.reply.body.region->file, "x", 1), -1);
	IS(store.words[1], 0);
	beside = in_region(&store, 0, 1000);	/* still T's */
	OK(send_beside(&U, m, &beside));
	OK(receive(&T, n, NULL));
	expect_region(&T, &store, 0, 1000, 3);
	client_close(&T);			/* and now V's */
	T.fd = -1;
	beside = in_region(&store, 0, 1000);
	OK(send_beside(&U, q, &beside));
	OK(receive(&V, p, NULL));
	expect_region(&V, &store, 0, 1000, 3);
	end_store(&store);
}

static void
I06_memory_comes_back(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U);
	struct store store = new_store();
	struct wire_buf beside = in_region(&store, 0, 1000);

	(void)state;
	memset(store.data, 9, 1000);
	fill(&U, m, PORT_QLIMIT_DEFAULT);
	IS(send_beside(&U, m, &beside), PORT_E_SEND_TIMED_OUT);
	expect_region(&U, &store, 0, 1000, 9);
	IS(store.words[0], 1);
	OK(receive(&T, n, NULL));
	beside = in_region(&store, 0, 1000);
	OK(send_beside(&U, m, &beside));
	end_store(&store);
}

static void
H27_an_array_of_rights(void **state)
{
	port_name_t n = new_port(&T), m = give(&T, n, KS, &U), p = new_port_rs(&U), q = new_port_rs(&U);
	struct wire_port rights[1000];
	struct wire_buf beside = { 0 }, *got = &T.reply.body;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		rights[i].name = (const port_name_t[]){ p, q, PORT_NULL, PORT_DEAD }[i % 4];
	wire_put_ports(&beside, (struct wire_ports){ rights, 1000, CS });
	OK(send_beside(&U, m, &beside));
	OK(receive(&T, n, NULL));
	IS(got->n_ports, 1001);
	IS(got->ports[0].disposition, WIRE_ITEM_PORTS | MS);
	IS(got->ports[0].name, 1000);
	for (size_t i = 4; i < 1000; i++)
		IS(got->ports[1 + i].name, got->ports[1 + i % 4].name);
	IS(got->ports[3].name, PORT_NULL);
	IS(got->ports[4].name, PORT_DEAD);
	IS(refs(&T, got->ports[1].name, SEND), 250);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_in_line),
		TEST(a_region_is_passed_on),
		TEST(a_message_that_nobody_gets_is_released),
		TEST(regions_that_are_none),
		TEST(H12_bad_memory_between_rights),
		TEST(one_message_has_a_limit),
		TEST(a_file_belongs_to_its_first_receiver),
		TEST(I06_memory_comes_back),
		TEST(H27_an_array_of_rights),
	};

	return RUN(tests);
}
