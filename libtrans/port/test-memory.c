/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-memory: memory out of line from one end to the other: this task sends it to itself. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "port/memory.h"
#include "port/test-setup.h"

enum { MIB = 1 << 20 };

static uint8_t
byte_at(size_t i, int seed)
{
	return (uint8_t)(i * 7 + (i >> 12) + (size_t)seed);
}

static uint8_t *
new_bytes(size_t size, int seed)
{
	uint8_t *bytes = malloc(size + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(i, seed);
	return bytes;
}

static void
check_bytes(struct wire_memory memory, size_t size, int seed)
{
	const uint8_t *bytes = memory.data;

	assert_int_equal(memory.size, size);
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != byte_at(i, seed))
			fail_msg("byte %zu of %zu", i, size);
}

static int
send_memory(port_name_t port, struct wire_memory memory)
{
	struct port_message sent = { .remote = port, .remote_disposition = PORT_COPY_SEND };
	int err;

	wire_put_memory(&sent.body, memory);
	err = port_send(&sent, 0);
	port_message_deinit(&sent);
	return err;
}

static struct wire_memory
receive_memory(port_name_t port)
{
	struct port_message got;
	struct wire_memory memory;

	assert_int_equal(port_receive(port, &got, 0), 0);
	memory = wire_get_memory(&got.body);
	assert_int_equal(wire_buf_finish(&got.body), 0);
	port_message_deinit(&got);
	return memory;
}

static int
end_test(void **state)
{
	memory_forget();
	return teardown(state);
}

/* H18, H19, H20: what is received is what was sent, when it was sent, and the receiver's own. */
static void
test_sizes(void **state)
{
	static const size_t sizes[] = {
		0, 1, 4095, 4096, 4097, 96 * 1024 - 4, 96 * 1024 - 3, 64 * 1024 + 1, MIB, 16 * MIB,
		PORT_MSG_MEMORY_MAX,
	};
	port_name_t port = new_port();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t *bytes = new_bytes(sizes[i], (int)i);
		struct wire_memory first, second;

		assert_int_equal(send_memory(port, (struct wire_memory){ bytes, sizes[i] }), 0);
		assert_int_equal(send_memory(port, (struct wire_memory){ bytes, sizes[i] }), 0);
		memset(bytes, 0, sizes[i]);
		first = receive_memory(port);
		if (sizes[i] == 0)
			assert_null(first.data);
		check_bytes(first, sizes[i], (int)i);
		memset(first.data ? first.data : bytes, 1, sizes[i]);
		second = receive_memory(port);
		check_bytes(second, sizes[i], (int)i);
		port_memory_free(first.data, first.size);
		port_memory_free(second.data, second.size);
		free(bytes);
	}
	assert_int_equal(port_destroy(port), 0);
}

/* Files and mappings are used again. */
static void
test_again_and_again(void **state)
{
	port_name_t port = new_port();
	uint8_t *bytes = new_bytes(MIB, 1);
	int fds = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct wire_memory memory;

		assert_int_equal(send_memory(port, (struct wire_memory){ bytes, MIB }), 0);
		memory = receive_memory(port);
		check_bytes(memory, MIB, 1);
		port_memory_free(memory.data, memory.size);
		if (i == 0)
			fds = count_fds();
		assert_int_equal(count_fds(), fds);
	}
	free(bytes);
	assert_int_equal(port_destroy(port), 0);
}

/* Messages that are destroyed give their part of a file back. */
static void
test_destroyed(void **state)
{
	port_name_t name = new_port();
	uint8_t *bytes = new_bytes(MIB, 1);
	int fds = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(send_memory(name, (struct wire_memory){ bytes, MIB }), 0);
		assert_int_equal(port_mod_refs(name, PORT_RIGHT_RECEIVE, -1), 0);
		assert_int_equal(port_mod_refs(name, PORT_RIGHT_DEAD_NAME, -1), 0);
		assert_int_equal(port_allocate_name(PORT_RIGHT_RECEIVE, name), 0);
		assert_int_equal(port_insert_right(name, name, PORT_MAKE_SEND), 0);
		if (i == 0)
			fds = count_fds();
		assert_int_equal(count_fds(), fds);
	}
	free(bytes);
	assert_int_equal(port_destroy(name), 0);
}

/* Many pieces in one message, small and large, between rights. */
static void
test_many_pieces(void **state)
{
	enum { N = WIRE_MEMORY_MAX };
	port_name_t port = new_port();
	struct port_message sent = { .remote = port, .remote_disposition = PORT_COPY_SEND }, got;
	uint8_t *bytes = new_bytes(N * 1000, 3);

	(void)state;
	for (size_t i = 0; i < N; i++) {
		wire_put_memory(&sent.body, (struct wire_memory){ bytes, i * 1000 });
		wire_put_port(&sent.body, (struct wire_port){ port, PORT_COPY_SEND });
	}
	assert_int_equal(port_send(&sent, 0), 0);
	port_message_deinit(&sent);
	assert_int_equal(port_receive(port, &got, 0), 0);
	for (size_t i = 0; i < N; i++) {
		struct wire_memory memory = wire_get_memory(&got.body);

		check_bytes(memory, i * 1000, 3);
		assert_int_equal(wire_get_port(&got.body).name, port);
		if (i < N / 2)
			port_memory_free(memory.data, memory.size);
	}
	got.body.at_memory = N / 2;	/* the others are the message's to free */
	port_message_deinit(&got);
	free(bytes);
	assert_int_equal(port_destroy(port), 0);
}

/* A range that ends in a hole, one that may not be read, one that is none: nothing but the
 * message is lost. */
static void
test_bad_memory(void **state)
{
	static const size_t sizes[] = { 8192, 256 * 1024, 8 * MIB };
	port_name_t port = new_port(), other = new_port();
	uint32_t refs;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		uint8_t *map = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct port_message sent = { .remote = port, .remote_disposition = PORT_COPY_SEND };

		assert_true(map != MAP_FAILED);
		assert_int_equal(mprotect(map + size - 4096, 4096, PROT_NONE), 0);
		assert_int_equal(munmap(map + size, 4096), 0);
		assert_int_equal(send_memory(port, (struct wire_memory){ map, size }),
		    PORT_E_SEND_INVALID_MEMORY);
		assert_int_equal(send_memory(port, (struct wire_memory){ map + 4096, size }),
		    PORT_E_SEND_INVALID_MEMORY);
		assert_int_equal(send_memory(port, (struct wire_memory){ (void *)(UINTPTR_MAX - 99), size }),
		    PORT_E_SEND_INVALID_MEMORY);
		assert_int_equal(send_memory(port, (struct wire_memory){ NULL, size }),
		    PORT_E_SEND_INVALID_MEMORY);
		/* What is left of it was taken, what is right of it was not. */
		assert_int_equal(port_mod_refs(other, PORT_RIGHT_SEND, 5), 0);
		wire_put_port(&sent.body, (struct wire_port){ other, PORT_MOVE_SEND });
		wire_put_memory(&sent.body, (struct wire_memory){ map, size });
		wire_put_port(&sent.body, (struct wire_port){ other, PORT_MOVE_SEND });
		assert_int_equal(port_send(&sent, 0), PORT_E_SEND_INVALID_MEMORY);
		port_message_deinit(&sent);
		assert_int_equal(port_get_refs(other, PORT_RIGHT_SEND, &refs), 0);
		assert_int_equal(refs, 5);
		assert_int_equal(port_mod_refs(other, PORT_RIGHT_SEND, -4), 0);
		munmap(map, size);
	}
	assert_int_equal(send_memory(port, (struct wire_memory){ NULL, PORT_MSG_MEMORY_MAX + 1 }),
	    PORT_E_SEND_TOO_LARGE);
	assert_int_equal(port_destroy(port), 0);
	assert_int_equal(port_destroy(other), 0);
}

/* A file cut short under a mapping is as bad as a hole. */
static void
test_file_cut_short(void **state)
{
	static const size_t sizes[] = { 256 * 1024, 8 * MIB };
	port_name_t port = new_port();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_CLOSE int fd = memfd_create("test", MFD_CLOEXEC);
		void *map;

		assert_int_equal(ftruncate(fd, (off_t)sizes[i]), 0);
		map = mmap(NULL, sizes[i], PROT_READ, MAP_SHARED, fd, 0);
		assert_true(map != MAP_FAILED);
		assert_int_equal(ftruncate(fd, (off_t)sizes[i] / 2), 0);
		assert_int_equal(send_memory(port, (struct wire_memory){ map, sizes[i] }),
		    PORT_E_SEND_INVALID_MEMORY);
		munmap(map, sizes[i]);
	}
	assert_int_equal(port_destroy(port), 0);
}

/* H30: there is no room for the large piece; all the rest arrives. */
static void
test_no_room(void **state)
{
	port_name_t port = new_port();
	struct port_message sent = { .remote = port, .remote_disposition = PORT_COPY_SEND }, got;
	uint8_t *bytes = new_bytes(48 * MIB, 5);
	struct rlimit was, little = { 0 };
	struct wire_memory memory;
	int err;

	(void)state;
	wire_put_memory(&sent.body, (struct wire_memory){ bytes, 1000 });
	wire_put_memory(&sent.body, (struct wire_memory){ bytes, 48 * MIB });
	wire_put_port(&sent.body, (struct wire_port){ port, PORT_COPY_SEND });
	wire_put_memory(&sent.body, (struct wire_memory){ bytes, 2000 });
	assert_int_equal(port_send(&sent, 0), 0);
	port_message_deinit(&sent);
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	for (int i = 0; i < 4; i++)	/* what is warm of that size */
		munmap(port_memory_alloc(48 * MIB), 48 * MIB);
	little.rlim_max = was.rlim_max;
	little.rlim_cur = 40 * MIB;
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
	err = port_receive(port, &got, 0);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	if (err == 0) {		/* a sanitizer has its own idea of that limit */
		port_message_destroy(&got);
		free(bytes);
		assert_int_equal(port_destroy(port), 0);
		return;
	}
	assert_int_equal(err, PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE);
	memory = wire_get_memory(&got.body);
	if (memory.data)
		check_bytes(memory, 1000, 5);
	port_memory_free(memory.data, memory.size);
	memory = wire_get_memory(&got.body);
	assert_null(memory.data);
	assert_int_equal(memory.size, 0);
	assert_int_equal(wire_get_port(&got.body).name, port);
	port_message_deinit(&got);
	free(bytes);
	assert_int_equal(port_destroy(port), 0);
}

/* Own memory is zero behind its end, and comes back when it is wanted again. */
static void
test_blocks(void **state)
{
	uint8_t *first = port_memory_alloc(10000), *second;

	(void)state;
	assert_non_null(first);
	port_memory_free(first, 10000);
	second = port_memory_alloc(12288);
	assert_ptr_equal(first, second);
	port_memory_free(second, 12288);
	assert_null(port_memory_alloc(0));
	assert_null(port_memory_alloc(SIZE_MAX));
	port_memory_free(NULL, 0);
	for (size_t i = 1; i < 100; i++)
		port_memory_free(port_memory_alloc(i * 4096), i * 4096);
}

struct sender {
	port_name_t port;
	int seed;
};

static void *
send_many(void *arg)
{
	const struct sender *sender = arg;
	uint8_t *bytes = new_bytes(300000, sender->seed);

	for (int i = 0; i < 50; i++) {
		struct port_message sent = {
			.id = (uint32_t)sender->seed,
			.remote = sender->port,
			.remote_disposition = PORT_COPY_SEND,
		};

		wire_put_memory(&sent.body, (struct wire_memory){ bytes, 300000 });
		assert_int_equal(port_send(&sent, PORT_FOREVER), 0);
		port_message_deinit(&sent);
	}
	free(bytes);
	return NULL;
}

/* Threads that send to one port at once do not write over each other. */
static void
test_threads(void **state)
{
	enum { N = 4 };
	port_name_t port = new_port();
	struct sender senders[N];
	pthread_t threads[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		senders[i] = (struct sender){ port, i };
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	}
	for (int i = 0; i < N * 50; i++) {
		struct port_message got;
		struct wire_memory memory;

		assert_int_equal(port_receive(port, &got, PORT_FOREVER), 0);
		memory = wire_get_memory(&got.body);
		check_bytes(memory, 300000, (int)got.id);
		port_memory_free(memory.data, memory.size);
		port_message_deinit(&got);
	}
	for (int i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(port_destroy(port), 0);
}

/* A fork child leaves its parent's files alone. */
static void
test_fork(void **state)
{
	port_name_t port = new_port();
	uint8_t *bytes = new_bytes(MIB, 1);
	struct wire_memory memory;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(send_memory(port, (struct wire_memory){ bytes, MIB }), 0);
	pid = fork();
	if (pid == 0) {
		int err = send_memory(port, (struct wire_memory){ bytes, MIB });

		memory_forget();
		_exit(err == -ENOTCONN ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	memory = receive_memory(port);
	check_bytes(memory, MIB, 1);
	port_memory_free(memory.data, memory.size);
	free(bytes);
	assert_int_equal(port_destroy(port), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, setup, end_test),
		cmocka_unit_test_setup_teardown(test_again_and_again, setup, end_test),
		cmocka_unit_test_setup_teardown(test_destroyed, setup, end_test),
		cmocka_unit_test_setup_teardown(test_many_pieces, setup, end_test),
		cmocka_unit_test_setup_teardown(test_bad_memory, setup, end_test),
		cmocka_unit_test_setup_teardown(test_file_cut_short, setup, end_test),
		cmocka_unit_test_setup_teardown(test_no_room, setup, end_test),
		cmocka_unit_test_setup_teardown(test_blocks, setup, end_test),
		cmocka_unit_test_setup_teardown(test_threads, setup, end_test),
		cmocka_unit_test_setup_teardown(test_fork, setup, end_test),
	};

	return cmocka_run_group_tests(tests, start_world, end_world);
}
