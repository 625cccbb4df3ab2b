/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-flat: port_msg, whose buffers and memory may be anything. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/test-setup.h"

enum { ROOM = 128 * 1024, PAGE = 4096 };

/* A message with descriptors, as it is written by hand. */
struct letter {
	struct port_msg_header header;
	struct port_msg_body body;
	struct port_descriptor descriptor[4];
	char data[64];
};

static struct letter
new_letter(port_name_t port, uint32_t n_descriptors)
{
	return (struct letter){
		.header = {
			.bits = PORT_MSG_BITS(PORT_COPY_SEND, 0) | PORT_MSG_BITS_COMPLEX,
			.remote = port,
			.id = 12,
		},
		.body = { .n_descriptors = n_descriptors },
	};
}

/* Bytes of a letter whose data begins at the place of the first descriptor that it has not. */
static uint32_t
size_of(const struct letter *letter, uint32_t n_bytes)
{
	return (uint32_t)offsetof(struct letter, descriptor) +
	    letter->body.n_descriptors * (uint32_t)sizeof(struct port_descriptor) + n_bytes;
}

static int
post(struct letter *letter, uint32_t n_bytes)
{
	return port_msg(&letter->header, PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT,
	    size_of(letter, n_bytes), 0, PORT_NULL, 0);
}

static int
fetch(port_name_t port, void *buffer, uint32_t room, uint32_t options)
{
	return port_msg(buffer, PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT | options, 0, room, port, 0);
}

static void *
map(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(data != MAP_FAILED);
	return data;
}

static bool
is_mapped(void *address)
{
	unsigned char there;

	return mincore(address, 1, &there) == 0;
}

static uint32_t
count_refs(port_name_t name)
{
	uint32_t refs;

	assert_int_equal(port_get_refs(name, PORT_RIGHT_SEND, &refs), 0);
	return refs;
}

/* Bytes alone --------------------------------------------------------------------------- */

static void
test_bytes(void **state)
{
	port_name_t port = new_port();
	struct {
		struct port_msg_header header;
		char text[8];
		struct port_msg_trailer trailer;
	} message = {
		.header = {
			.bits = PORT_MSG_BITS(PORT_COPY_SEND, PORT_MAKE_SEND_ONCE),
			.remote = port, .local = port, .id = 3,
		},
		.text = "flatter",
	};
	uint32_t size = sizeof(message.header) + sizeof(message.text);

	(void)state;
	/* There and back in one call, into a buffer that is just large enough. */
	assert_int_equal(port_msg(&message.header,
	    PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_RCV_TRAILER, size, sizeof(message), port, 0), 0);
	assert_int_equal(message.header.size, size);
	assert_int_equal(message.header.id, 3);
	assert_int_equal(message.header.local, port);
	assert_int_equal(message.header.bits, PORT_MSG_BITS(PORT_MOVE_SEND_ONCE, PORT_MOVE_SEND));
	assert_string_equal(message.text, "flatter");
	assert_int_equal(message.trailer.size, sizeof(message.trailer));
	assert_int_equal(message.trailer.pid, getpid());
	assert_int_equal(message.trailer.uid, getuid());
	assert_int_equal(message.trailer.task, port_task_id());
	assert_int_equal(port_deallocate(message.header.remote), 0);
	assert_int_equal(fetch(port, &message, sizeof(message),
	    0), 0);	/* of the right just dropped */
	assert_int_equal(message.header.id, PORT_NOTIFY_SEND_ONCE);
	assert_int_equal(message.header.seqno, 1);
	assert_int_equal(port_destroy(port), 0);
}

/* A body of any length meets a buffer in fours. */
static void
test_odd(void **state)
{
	port_name_t port = new_port();
	struct port_message sent = { .remote = port, .remote_disposition = PORT_COPY_SEND }, got;
	struct {
		struct port_msg_header header;
		char text[8];
	} message;

	(void)state;
	wire_put_bytes(&sent.body, "12345", 5);
	assert_int_equal(port_send(&sent, 0), 0);
	memset(&message, 'x', sizeof(message));
	assert_int_equal(fetch(port, &message, sizeof(message), 0), 0);
	assert_int_equal(message.header.size, sizeof(message));
	assert_memory_equal(message.text, "12345\0\0\0", 8);
	message.header.bits = PORT_MSG_BITS(PORT_COPY_SEND, 0);
	message.header.remote = port;
	message.header.local = PORT_NULL;
	assert_int_equal(port_msg(&message.header, PORT_MSG_SEND, sizeof(message), 0, PORT_NULL,
	    0), 0);
	assert_int_equal(port_receive(port, &got, 0), 0);
	assert_int_equal(got.body.size, 8);
	port_message_destroy(&got);
	port_message_deinit(&sent);
	assert_int_equal(port_destroy(port), 0);
}

static void
test_refused(void **state)
{
	port_name_t port = new_port();
	struct letter letter = new_letter(port, 0);
	char *page = map(PAGE);
	struct port_status status;

	(void)state;
	assert_int_equal(port_msg(&letter.header, PORT_MSG_SEND, 20, 0, PORT_NULL, 0),
	    PORT_E_SEND_MSG_TOO_SMALL);
	assert_int_equal(port_msg(&letter.header, PORT_MSG_SEND, 26, 0, PORT_NULL, 0),
	    PORT_E_SEND_MSG_TOO_SMALL);
	assert_int_equal(port_msg(&letter.header, PORT_MSG_SEND, 1 << 30, 0, PORT_NULL, 0),
	    PORT_E_SEND_TOO_LARGE);
	assert_int_equal(port_msg(&letter.header, 1u << 30, 24, 0, PORT_NULL, 0),
	    PORT_E_INVALID_ARGUMENT);
	assert_int_equal(port_msg(NULL, PORT_MSG_SEND, 24, 0, PORT_NULL, 0),
	    PORT_E_SEND_INVALID_DATA);
	assert_int_equal(mprotect(page, PAGE, PROT_NONE), 0);
	assert_int_equal(port_msg((void *)page, PORT_MSG_SEND, 24, 0, PORT_NULL, 0),
	    PORT_E_SEND_INVALID_DATA);
	letter.header.bits |= 1 << 20;
	assert_int_equal(post(&letter, 0), PORT_E_SEND_INVALID_HEADER);
	letter.header.bits &= ~(1u << 20);
	letter.body.n_descriptors = 3;
	assert_int_equal(port_msg(&letter.header, PORT_MSG_SEND, 64, 0, PORT_NULL, 0),
	    PORT_E_SEND_MSG_TOO_SMALL);
	letter.body.n_descriptors = UINT32_MAX;
	assert_int_equal(port_msg(&letter.header, PORT_MSG_SEND, 64, 0, PORT_NULL, 0),
	    PORT_E_SEND_MSG_TOO_SMALL);
	letter.body.n_descriptors = 1;
	letter.descriptor[0] = (struct port_descriptor){ .type = PORT_DESCRIPTOR_FD, .name = 9999 };
	assert_int_equal(post(&letter, 0), -EBADF);
	assert_int_equal(port_receive_status(port, &status), 0);
	assert_int_equal(status.msgcount, 0);
	/* Nobody can read what comes now. */
	letter.descriptor[0] = (struct port_descriptor){
		.name = port, .disposition = PORT_COPY_SEND
	};
	assert_int_equal(post(&letter, 0), 0);
	assert_int_equal(fetch(port, page, PAGE, 0), PORT_E_RCV_INVALID_DATA);
	assert_int_equal(count_refs(port), 1);
	munmap(page, PAGE);
	assert_int_equal(port_destroy(port), 0);
}

static void
test_too_large(void **state)
{
	port_name_t port = new_port();
	struct letter letter = new_letter(port, 1), got;
	uint32_t size = size_of(&letter, 40);

	(void)state;
	letter.descriptor[0] = (struct port_descriptor){
		.name = port, .disposition = PORT_COPY_SEND
	};
	for (uint32_t short_of = 4; short_of < 80; short_of += 4) {
		assert_int_equal(post(&letter, 40), 0);
		memset(&got, 0, sizeof(got));
		assert_int_equal(fetch(port, &got, size - short_of, PORT_MSG_RCV_LARGE),
		    PORT_E_RCV_TOO_LARGE);
		assert_int_equal(got.header.id, 12);
		assert_true(got.header.size > size - short_of);
		assert_int_equal(fetch(port, &got, size, PORT_MSG_RCV_LARGE), 0);
		assert_int_equal(got.header.size, size);
		assert_int_equal(got.descriptor[0].name, port);
		assert_int_equal(port_deallocate(port), 0);

		assert_int_equal(post(&letter, 40), 0);
		assert_int_equal(fetch(port, &got, size - short_of, 0), PORT_E_RCV_TOO_LARGE);
		assert_int_equal(got.header.remote, PORT_NULL);
		assert_int_equal(fetch(port, &got, size, 0), PORT_E_RCV_TIMED_OUT);
		assert_int_equal(count_refs(port), 1);
	}
	assert_int_equal(post(&letter, 40), 0);
	assert_int_equal(fetch(port, &got, 0, 0), PORT_E_RCV_TOO_LARGE);
	assert_int_equal(count_refs(port), 1);
	assert_int_equal(port_destroy(port), 0);
}

/* Descriptors --------------------------------------------------------------------------- */

static void
test_descriptors(void **state)
{
	port_name_t port = new_port(), other = new_port();
	port_name_t names[3] = { other, PORT_NULL, PORT_DEAD };
	struct letter letter = new_letter(port, 4), got;
	char text[] = "out of line", byte = 0;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	letter.descriptor[0] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_FD, .name = (uint32_t)ends[1]
	};
	letter.descriptor[1] = (struct port_descriptor){
		.name = other, .disposition = PORT_MAKE_SEND
	};
	letter.descriptor[2] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_MEMORY, .address = text, .size = sizeof(text)
	};
	letter.descriptor[3] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_PORTS, .address = names, .size = 3,
		.disposition = PORT_COPY_SEND,
	};
	strcpy(letter.data, "data");
	assert_int_equal(post(&letter, 8), 0);
	memset(text, 'x', sizeof(text));
	assert_int_equal(fetch(port, &got, size_of(&letter, 8), 0), 0);
	assert_true(got.header.bits & PORT_MSG_BITS_COMPLEX);
	assert_int_equal(got.body.n_descriptors, 4);
	assert_string_equal(got.data, "data");
	assert_int_equal(got.descriptor[0].type, PORT_DESCRIPTOR_PORT);
	assert_int_equal(got.descriptor[0].name, other);
	assert_int_equal(got.descriptor[0].disposition, PORT_MOVE_SEND);
	assert_int_equal(got.descriptor[1].type, PORT_DESCRIPTOR_MEMORY);
	assert_int_equal(got.descriptor[1].size, sizeof(text));
	assert_int_equal(got.descriptor[1].deallocate, 1);
	assert_string_equal(got.descriptor[1].address, "out of line");
	assert_int_equal(got.descriptor[2].type, PORT_DESCRIPTOR_PORTS);
	assert_int_equal(got.descriptor[2].size, 3);
	assert_int_equal(got.descriptor[2].disposition, PORT_MOVE_SEND);
	names[0] = names[1] = names[2] = 1;
	memcpy(names, got.descriptor[2].address, sizeof(names));
	assert_true(names[0] == other && names[1] == PORT_NULL && names[2] == PORT_DEAD);
	assert_int_equal(got.descriptor[3].type, PORT_DESCRIPTOR_FD);
	assert_int_equal(fcntl(ends[1], F_GETFD), FD_CLOEXEC);	/* the sender's is still there */
	assert_int_equal(write((int)got.descriptor[3].name, "!", 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(byte, '!');
	assert_int_equal(count_refs(other), 3);
	close((int)got.descriptor[3].name);
	close(ends[0]);
	close(ends[1]);
	port_memory_free(got.descriptor[1].address, got.descriptor[1].size);
	port_memory_free(got.descriptor[2].address, got.descriptor[2].size * sizeof(port_name_t));
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

static void
test_empty(void **state)
{
	port_name_t port = new_port();
	struct letter letter = new_letter(port, 2), got;

	(void)state;
	letter.descriptor[0] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_MEMORY, .address = (void *)1, .deallocate = 1
	};
	letter.descriptor[1] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_PORTS, .address = (void *)1, .deallocate = 1,
		.disposition = PORT_COPY_SEND,
	};
	assert_int_equal(post(&letter, 0), 0);
	assert_int_equal(fetch(port, &got, sizeof(got), 0), 0);
	assert_int_equal(got.body.n_descriptors, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(got.descriptor[i].type, letter.descriptor[i].type);
		assert_null(got.descriptor[i].address);
		assert_int_equal(got.descriptor[i].size, 0);
	}
	letter = new_letter(port, 0);
	assert_int_equal(post(&letter, 0), 0);
	assert_int_equal(fetch(port, &got, sizeof(got), 0), 0);
	assert_int_equal(got.header.size, sizeof(got.header));
	assert_false(got.header.bits & PORT_MSG_BITS_COMPLEX);
	assert_int_equal(port_destroy(port), 0);
}

/* A bad one in the middle: what is before it is gone, what is behind it is not. */
static void
try_bad(struct port_descriptor bad, int code)
{
	port_name_t port = new_port(), first = new_port(), last = new_port();
	struct letter letter = new_letter(port, 3);

	assert_int_equal(port_mod_refs(first, PORT_RIGHT_SEND, 1), 0);
	letter.descriptor[0] = (struct port_descriptor){
		.name = first, .disposition = PORT_MOVE_SEND
	};
	letter.descriptor[1] = bad;
	letter.descriptor[2] = (struct port_descriptor){
		.name = last, .disposition = PORT_MOVE_SEND
	};
	assert_int_equal(post(&letter, 0), code);
	assert_int_equal(count_refs(first), 1);
	assert_int_equal(count_refs(last), 1);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(first), 0);
	assert_int_equal(port_destroy(last), 0);
}

static void
test_bad_descriptors(void **state)
{
	char *page = map(2 * PAGE);

	(void)state;
	assert_int_equal(munmap(page + PAGE, PAGE), 0);
	try_bad((struct port_descriptor){ .type = 4 }, PORT_E_SEND_INVALID_TYPE);
	try_bad((struct port_descriptor){ .type = UINT32_MAX }, PORT_E_SEND_INVALID_TYPE);
	try_bad((struct port_descriptor){ .disposition = 0 }, PORT_E_SEND_INVALID_TYPE);
	try_bad((struct port_descriptor){ .disposition = 99 }, PORT_E_SEND_INVALID_TYPE);
	try_bad((struct port_descriptor){ .disposition = 0x01000000 }, PORT_E_SEND_INVALID_TYPE);
	try_bad((struct port_descriptor){ .name = 0x7fffff00, .disposition = PORT_COPY_SEND },
	    PORT_E_SEND_INVALID_RIGHT);
	for (size_t size = PAGE + 1; size < 1 << 20; size *= 4) {
		try_bad((struct port_descriptor){
			.type = PORT_DESCRIPTOR_MEMORY, .address = page, .size = size
		}, PORT_E_SEND_INVALID_MEMORY);
		try_bad((struct port_descriptor){
			.type = PORT_DESCRIPTOR_MEMORY, .address = (void *)-4096, .size = size
		}, PORT_E_SEND_INVALID_MEMORY);
	}
	try_bad((struct port_descriptor){
		.type = PORT_DESCRIPTOR_PORTS, .disposition = PORT_COPY_SEND,
		.address = page + PAGE - 4, .size = 2,
	}, PORT_E_SEND_INVALID_MEMORY);
	munmap(page, PAGE);
}

/* Memory that leaves ------------------------------------------------------------------ */

static void
test_deallocate(void **state)
{
	static const size_t sizes[] = { 1, PAGE, PAGE + 1, 300000, 5 << 20 };
	port_name_t port = new_port();
	struct letter letter = new_letter(port, 1), got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *data = map(sizes[i]), *there;

		data[0] = 'a';
		data[sizes[i] - 1] = 'z';
		letter.descriptor[0] = (struct port_descriptor){
			.type = PORT_DESCRIPTOR_MEMORY,
			.address = data, .size = sizes[i], .deallocate = 1,
		};
		assert_int_equal(post(&letter, 0), 0);
		assert_false(is_mapped(data));
		assert_int_equal(fetch(port, &got, sizeof(got), 0), 0);
		there = got.descriptor[0].address;
		assert_int_equal(got.descriptor[0].size, sizes[i]);
		assert_int_equal(there[sizes[i] - 1], 'z');
		assert_int_equal(there[0], sizes[i] == 1 ? 'z' : 'a');
		port_memory_free(there, sizes[i]);
	}
	assert_int_equal(port_destroy(port), 0);
}

static void
test_twice(void **state)
{
	port_name_t port = new_port();
	struct letter letter = new_letter(port, 2), got;
	char *data = map(PAGE);

	(void)state;
	strcpy(data, "twice");
	letter.descriptor[0] = letter.descriptor[1] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_MEMORY, .address = data, .size = PAGE
	};
	assert_int_equal(post(&letter, 0), 0);
	assert_int_equal(fetch(port, &got, sizeof(got), 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(got.descriptor[i].address, "twice");
		port_memory_free(got.descriptor[i].address, PAGE);
	}
	letter.descriptor[0].deallocate = letter.descriptor[1].deallocate = 1;
	assert_int_equal(post(&letter, 0), PORT_E_SEND_INVALID_MEMORY);
	munmap(data, PAGE);
	assert_int_equal(port_destroy(port), 0);
}

/* What does not find room comes back into the buffer, and can be sent from there. */
static void
test_pseudo_receive(void **state)
{
	port_name_t port = new_port(), other = new_port();
	struct letter letter = new_letter(port, 3), got;
	char *data = map(PAGE);

	(void)state;
	strcpy(data, "back");
	letter.descriptor[0] = (struct port_descriptor){
		.name = other, .disposition = PORT_MAKE_SEND
	};
	letter.descriptor[1] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_MEMORY, .address = data, .size = PAGE, .deallocate = 1
	};
	letter.descriptor[2] = (struct port_descriptor){
		.type = PORT_DESCRIPTOR_PORTS, .address = &other, .size = 1,
		.disposition = PORT_COPY_SEND,
	};
	assert_int_equal(port_set_qlimit(port, 0), 0);
	assert_int_equal(post(&letter, 0), PORT_E_SEND_TIMED_OUT);
	assert_false(is_mapped(data));
	assert_int_equal(letter.header.remote, port);
	assert_int_equal(letter.header.bits,
	    PORT_MSG_BITS(PORT_MOVE_SEND, 0) | PORT_MSG_BITS_COMPLEX);
	assert_int_equal(letter.header.size, size_of(&letter, 0));
	assert_int_equal(letter.descriptor[0].name, other);
	assert_int_equal(letter.descriptor[0].disposition, PORT_MOVE_SEND);
	assert_string_equal(letter.descriptor[1].address, "back");
	assert_int_equal(*(port_name_t *)letter.descriptor[2].address, other);
	assert_int_equal(count_refs(other), 3);
	assert_int_equal(port_set_qlimit(port, 1), 0);
	assert_int_equal(post(&letter, 0), 0);
	assert_int_equal(count_refs(port), 1);
	assert_int_equal(fetch(port, &got, sizeof(got), 0), 0);
	assert_string_equal(got.descriptor[1].address, "back");
	assert_int_equal(count_refs(other), 3);
	port_memory_free(got.descriptor[1].address, PAGE);
	port_memory_free(got.descriptor[2].address, sizeof(port_name_t));
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* A receive after a send that failed is not tried. */
static void
test_both_halves(void **state)
{
	port_name_t port = new_port();
	struct port_msg_header header = {
		.bits = PORT_MSG_BITS(PORT_COPY_SEND, 0), .remote = port, .id = 1
	};
	const uint32_t both = PORT_MSG_SEND | PORT_MSG_RCV;

	(void)state;
	assert_int_equal(port_msg(&header, both, sizeof(header), sizeof(header), 0x7fffff00, 0),
	    PORT_E_RCV_INVALID_NAME);
	header.remote = 0x7fffff00;
	assert_int_equal(port_msg(&header, both, sizeof(header), sizeof(header), port, 0),
	    PORT_E_SEND_INVALID_DEST);
	assert_int_equal(port_set_protected_payload(port, 0xfedcba9876543210), 0);
	{
		struct {
			struct port_msg_header header;
			struct port_msg_trailer trailer;
		} got;

		assert_int_equal(fetch(port, &got, sizeof(got), PORT_MSG_RCV_TRAILER), 0);
		assert_int_equal(PORT_MSG_BITS_LOCAL(got.header.bits), PORT_PROTECTED_PAYLOAD);
		assert_int_equal(got.header.local, PORT_NULL);
		assert_true(got.trailer.payload == 0xfedcba9876543210);
	}
	assert_int_equal(port_msg(&header, 0, 0, 0, port, 0), 0);
	assert_int_equal(port_destroy(port), 0);
}

/* A thread that is cancelled while it sends finds in its buffer what came back. */

struct sender {
	struct letter letter;
	_Atomic int started;
};

static void *
send_in_vain(void *arg)
{
	struct sender *sender = arg;

	sender->started = 1;
	port_msg(&sender->letter.header, PORT_MSG_SEND, size_of(&sender->letter, 0), 0,
	    PORT_NULL, 0);
	return NULL;
}

static void
test_cancelled(void **state)
{
	port_name_t port = new_port(), other = new_port();
	struct sender sender = { .letter = new_letter(port, 1) };
	pthread_t thread;
	void *end;

	(void)state;
	sender.letter.descriptor[0] = (struct port_descriptor){
		.name = other, .disposition = PORT_MAKE_SEND
	};
	assert_int_equal(port_set_qlimit(port, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_in_vain, &sender), 0);
	while (!sender.started)
		sched_yield();
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	assert_int_equal(PORT_MSG_BITS_REMOTE(sender.letter.header.bits), PORT_MOVE_SEND);
	assert_int_equal(sender.letter.descriptor[0].disposition, PORT_MOVE_SEND);
	assert_int_equal(count_refs(other), 2);
	assert_int_equal(count_refs(port), 2);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* Rubbish ------------------------------------------------------------------------------- */

/* No buffer of any content does harm; what it did to our rights, it did by their names. */
static void
test_rubbish(void **state)
{
	port_name_t port = new_port();
	struct letter letter;
	uint64_t seed = 20;
	char *room = map(ROOM);

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint32_t *words = (uint32_t *)&letter;

		for (size_t w = 0; w < sizeof(letter) / 4; w++)
			words[w] = next_random(&seed) % 8;
		letter.header.remote = port;
		letter.header.bits = PORT_MSG_BITS(PORT_COPY_SEND, 0) | PORT_MSG_BITS_COMPLEX;
		letter.body.n_descriptors = next_random(&seed) % 5;
		for (int k = 0; k < 4; k++) {
			if (letter.descriptor[k].type == PORT_DESCRIPTOR_FD)
				letter.descriptor[k].name = 9999;
			letter.descriptor[k].deallocate = 0;
			letter.descriptor[k].disposition = 15 + next_random(&seed) % 8;
		}
		if (port_msg(&letter.header, PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT,
		    4 * (next_random(&seed) % (sizeof(letter) / 4 + 1)), 0, PORT_NULL, 0) == 0)
			assert_int_equal(fetch(port, room, ROOM, 0), 0);
	}
	munmap(room, ROOM);
	assert_int_equal(port_destroy(port), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_bytes),
		TEST(test_odd),
		TEST(test_refused),
		TEST(test_too_large),
		TEST(test_descriptors),
		TEST(test_empty),
		TEST(test_bad_descriptors),
		TEST(test_deallocate),
		TEST(test_twice),
		TEST(test_pseudo_receive),
		TEST(test_both_halves),
		TEST(test_cancelled),
		TEST(test_rubbish),
	};

	return cmocka_run_group_tests(tests, start_world, end_world);
}
