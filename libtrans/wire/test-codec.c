/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-codec: each type, and each message of messages.def, there and back; cut
 * short at every byte; and made of random bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/testing.h"
#include "wire/describe.h"
#include "wire/frame.h"
#include "wire/messages.h"

static uint64_t seed = 42;

/* Values of each type -------------------------------------------------------- */

static const char *const strings[] = { "", "x", "a longer string with spaces", "gr\xc3\xbc\xc3\x9f" };
static const char bytes[] = "one\0\0two\0three";

static uint32_t
make_u32(void)
{
	return next_random(&seed);
}

static int32_t
make_i32(void)
{
	return (int32_t)next_random(&seed);
}

static uint64_t
make_u64(void)
{
	return (uint64_t)next_random(&seed) << 32 | next_random(&seed);
}

static const char *
make_str(void)
{
	return strings[next_random(&seed) % ARRAY_SIZE(strings)];
}

static struct wire_blob
make_blob(void)
{
	return (struct wire_blob){ bytes, next_random(&seed) % sizeof(bytes) };
}

static struct wire_blob
make_argv(void)
{
	return (struct wire_blob){ bytes, next_random(&seed) % 2 ? sizeof(bytes) : 0 };
}

static struct wire_port
make_port(void)
{
	return (struct wire_port){ next_random(&seed) | 1, PORT_MOVE_SEND };
}

static int
make_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static struct wire_fds
make_fds(void)
{
	return (struct wire_fds){ .n = 2, .fd = { make_fd(), make_fd() } };
}

#define same_u32(a, b) assert_int_equal(a, b)
#define same_i32(a, b) assert_int_equal(a, b)
#define same_u64(a, b) assert_true((a) == (b))
#define same_str(a, b) assert_string_equal(a, b)
#define same_argv(a, b) same_blob(a, b)
#define same_fd(a, b) assert_int_equal(a, b)

static void
same_blob(struct wire_blob a, struct wire_blob b)
{
	assert_int_equal(a.size, b.size);
	assert_true(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void
same_port(struct wire_port a, struct wire_port b)
{
	assert_int_equal(a.name, b.name);
	assert_int_equal(a.disposition, b.disposition);
}

static void
same_fds(struct wire_fds a, struct wire_fds b)
{
	assert_int_equal(a.n, b.n);
	for (uint32_t i = 0; i < a.n; i++)
		assert_int_equal(a.fd[i], b.fd[i]);
}

#define end_u32(p) ((void)(p))
#define end_i32(p) ((void)(p))
#define end_u64(p) ((void)(p))
#define end_str(p) ((void)(p))
#define end_blob(p) ((void)(p))
#define end_argv(p) ((void)(p))
#define end_port(p) ((void)(p))
#define end_fd(p) fd_close(p)

static void
end_fds(struct wire_fds *fds)
{
	for (uint32_t i = 0; i < fds->n; i++)
		fd_close(&fds->fd[i]);
}

/* Each message ---------------------------------------------------------------- */

/* The first `size` bytes of buf, with rights and descriptors of its own. */
static struct wire_buf
cut(const struct wire_buf *buf, size_t size)
{
	struct wire_buf copy = { 0 };

	assert_int_equal(wire_buf_load(&copy, buf->data, size), 0);
	copy.ports = calloc(buf->n_ports + 1, sizeof(*copy.ports));
	assert_non_null(copy.ports);
	for (size_t i = 0; i < buf->n_ports; i++)
		copy.ports[i] = buf->ports[i];
	copy.n_ports = copy.ports_room = buf->n_ports;
	copy.fds.n = buf->fds.n;
	for (uint32_t i = 0; i < buf->fds.n; i++)
		copy.fds.fd[i] = fcntl(buf->fds.fd[i], F_DUPFD_CLOEXEC, 0);
	return copy;
}

typedef int generic_get(struct wire_buf *buf, void *value);

/* Whatever is missing, the get says so, takes nothing, and leaves zeroes. */
static void
check_cuts(const struct wire_buf *buf, generic_get *get, void *value, size_t value_size)
{
	for (size_t size = 0; size < buf->size; size++) {
		struct wire_buf copy = cut(buf, size);

		memset(value, 0xa5, value_size);
		assert_int_equal(get(&copy, value), -EBADMSG);
		for (size_t i = 0; i < value_size; i++)
			assert_int_equal(((char *)value)[i], 0);
		assert_int_equal(copy.at_port, 0);
		wire_buf_deinit(&copy);
	}
}

static void
check_surplus(const struct wire_buf *buf, generic_get *get, void *value)
{
	struct wire_buf copy = cut(buf, buf->size);

	wire_put_bytes(&copy, "", 1);
	assert_int_equal(get(&copy, value), -EBADMSG);
	wire_buf_deinit(&copy);
}

static void
check_random(generic_get *get, void *value)
{
	for (int round = 0; round < 200; round++) {
		struct wire_port ports[3] = { { 1, 17 }, { 2, 17 }, { 3, 17 } };
		struct wire_buf buf = { 0 };
		uint8_t data[128];

		/* Small numbers are lengths and indices that could be right. */
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)(next_random(&seed) % 4 ? 0 : next_random(&seed) % (round % 2 ? 256 : 4));
		assert_int_equal(wire_buf_load(&buf, data, next_random(&seed) % sizeof(data)), 0);
		buf.ports = malloc(sizeof(ports));
		assert_non_null(buf.ports);
		memcpy(buf.ports, ports, sizeof(ports));
		buf.n_ports = buf.ports_room = 3;
		buf.fds.n = 1;
		buf.fds.fd[0] = make_fd();
		get(&buf, value);
		wire_buf_deinit(&buf);
	}
}

#define MAKE_FIELD(type, name) value.name = make_##type();
#define SAME_FIELD(type, name) same_##type(value.name, got.name);
#define END_FIELD(type, name) end_##type(&got.name);

#define CHECK_SIDE(side, fields) \
	static int \
	side##_get_any(struct wire_buf *buf, void *value) \
	{ \
		return side##_get(buf, value); \
	} \
	static int \
	side##_get_and_end(struct wire_buf *buf, void *value) \
	{ \
		struct side got; \
		int err = side##_get(buf, &got); \
		(void)value; \
		if (err) \
			return err; \
		fields(END_FIELD) \
		return 0; \
	} \
	static void \
	check_##side(void) \
	{ \
		struct side value = { 0 }, got; \
		struct wire_buf buf = { 0 }; \
		int before = count_fds(); \
		fields(MAKE_FIELD) \
		side##_put(&buf, &value); \
		assert_int_equal(buf.error, 0); \
		check_cuts(&buf, side##_get_any, &got, sizeof(got)); \
		check_surplus(&buf, side##_get_any, &got); \
		assert_int_equal(side##_get(&buf, &got), 0); \
		fields(SAME_FIELD) \
		fields(END_FIELD) \
		wire_buf_deinit(&buf); \
		check_random(side##_get_and_end, &got); \
		assert_int_equal(count_fds(), before); \
	}

#define CALL(name, number) CHECK_SIDE(name##_in, name##_IN) CHECK_SIDE(name##_out, name##_OUT)
#define ROUTINE(name, id) CALL(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
CHECK_SIDE(describe_out, describe_OUT)

static void
test_messages(void **state)
{
	(void)state;
	for (int round = 0; round < 8; round++) {
#define CALL(name, number) check_##name##_in(); check_##name##_out();
#define ROUTINE(name, id) CALL(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
		check_describe_out();
	}
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(wire_call_name(CALL_allocate), "allocate");
	assert_string_equal(wire_routine_name(ROUTINE_fsys_goaway), "fsys_goaway");
	assert_null(wire_call_name(0));
	assert_null(wire_routine_name(CALL_allocate));
}

/* Types -------------------------------------------------------------------------- */

static void
test_layout(void **state)
{
	static const uint8_t expected[] = {
		1, 0, 0, 0x80,
		0xfe, 0xff, 0xff, 0xff,
		8, 7, 6, 5, 4, 3, 2, 1,
		3, 0, 0, 0, 'h', 'i', 0,
		2, 0, 0, 0, 9, 8,
		0xff, 0xff, 0xff, 0xff,
		0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff,
	};
	struct wire_buf buf = { 0 };

	(void)state;
	wire_put_u32(&buf, 0x80000001);
	wire_put_i32(&buf, -2);
	wire_put_u64(&buf, 0x0102030405060708);
	wire_put_str(&buf, "hi");
	wire_put_blob(&buf, (struct wire_blob){ "\x09\x08", 2 });
	wire_put_port(&buf, (struct wire_port){ 0 });
	wire_put_port(&buf, (struct wire_port){ PORT_NULL, PORT_COPY_SEND });
	wire_put_fd(&buf, -1);
	assert_int_equal(buf.size, sizeof(expected));
	assert_memory_equal(buf.data, expected, sizeof(expected));
	assert_int_equal(buf.n_ports, 1);
	wire_buf_deinit(&buf);
}

/* Whether a string field made of these bytes is refused. */
static bool
is_bad(const void *data, size_t size, bool argv)
{
	struct wire_buf buf = { 0 };
	bool bad;

	wire_put_blob(&buf, (struct wire_blob){ data, size });
	if (argv)
		wire_get_argv(&buf);
	else
		assert_non_null(wire_get_str(&buf));
	bad = wire_buf_finish(&buf) == -EBADMSG;
	wire_buf_deinit(&buf);
	return bad;
}

static void
test_strings(void **state)
{
	(void)state;
	assert_false(is_bad("", 1, false));
	assert_false(is_bad("abc", 4, false));
	assert_true(is_bad("", 0, false));
	assert_true(is_bad("abc", 3, false));
	assert_true(is_bad("a\0c", 4, false));
	assert_true(is_bad("abc\0", 5, false));
	assert_false(is_bad("", 0, true));
	assert_false(is_bad("", 1, true));
	assert_false(is_bad("a\0c", 4, true));
	assert_true(is_bad("a\0c", 3, true));
}

/* A body that names a right or a descriptor twice, or one that is not there. */
static void
test_indices(void **state)
{
	struct wire_buf buf = { 0 };

	(void)state;
	wire_put_port(&buf, (struct wire_port){ 5, PORT_MOVE_SEND });
	wire_put_u32(&buf, 0);
	assert_int_equal(wire_get_port(&buf).name, 5);
	assert_int_equal(wire_get_port(&buf).disposition, 0);
	assert_int_equal(buf.error, -EBADMSG);
	wire_buf_deinit(&buf);

	wire_put_fd(&buf, make_fd());
	wire_put_u32(&buf, 0);
	wire_put_u32(&buf, 1);
	close(wire_get_fd(&buf));
	assert_int_equal(wire_get_fd(&buf), -1);
	assert_int_equal(buf.error, -EBADMSG);
	wire_buf_deinit(&buf);

	wire_put_u32(&buf, 7);
	assert_int_equal(wire_get_fd(&buf), -1);
	assert_int_equal(wire_buf_finish(&buf), -EBADMSG);
	wire_buf_deinit(&buf);
}

static void
test_too_much(void **state)
{
	int before = count_fds();
	struct wire_buf buf = { 0 };
	char *block = calloc(1, FRAME_MAX);

	(void)state;
	assert_non_null(block);
	wire_put_blob(&buf, (struct wire_blob){ block, FRAME_MAX - 4 });
	assert_int_equal(buf.error, 0);
	wire_put_u32(&buf, 1);
	assert_int_equal(buf.error, -EMSGSIZE);
	wire_put_fd(&buf, make_fd());
	assert_int_equal(count_fds(), before);
	wire_buf_deinit(&buf);
	wire_put_blob(&buf, (struct wire_blob){ block, (size_t)-1 });
	assert_int_equal(buf.error, -EMSGSIZE);
	wire_buf_deinit(&buf);
	free(block);

	for (int i = 0; i <= PORT_MSG_FDS_MAX; i++)
		wire_put_fd(&buf, make_fd());
	assert_int_equal(buf.error, -EMSGSIZE);
	wire_buf_deinit(&buf);
	for (uint32_t i = 0; i < PORT_MSG_RIGHTS_MAX; i++)
		wire_put_port(&buf, (struct wire_port){ i + 1, PORT_MOVE_SEND });
	assert_int_equal(buf.error, 0);
	wire_put_port(&buf, (struct wire_port){ 1, PORT_MOVE_SEND });
	assert_int_equal(buf.error, -EMSGSIZE);
	wire_buf_deinit(&buf);
	assert_int_equal(wire_buf_load(&buf, "", FRAME_MAX + 1), -EMSGSIZE);
	assert_int_equal(count_fds(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
