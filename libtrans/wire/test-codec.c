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
#include "base/text.h"
#include "wire/describe.h"
#include "wire/frame.h"
#include "wire/messages.h"

static uint64_t seed = 42;

/* Values of each type -------------------------------------------------------- */

static const char *const strings[] = { "", "x", "a longer string with spaces", "gr\xc3\xbc\xc3\x9f" };
static const char bytes[] = "one\0\0two\0three";

#define AT(type, value) (*(wire_type_##type *)((char *)(value) + field->offset))

static int
open_null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static struct wire_port
make_right(const struct wire_field *field)
{
	static const uint32_t moves[] = {
		[WIRE_TYPE_port] = PORT_MOVE_SEND,
		[WIRE_TYPE_send] = PORT_MOVE_SEND,
		[WIRE_TYPE_send_once] = PORT_MOVE_SEND_ONCE,
		[WIRE_TYPE_receive] = PORT_MOVE_RECEIVE,
	};

	return (struct wire_port){ next_random(&seed) | 1, moves[field->type] };
}

static void
make_field(const struct wire_field *field, void *value)
{
	struct wire_port right;

	switch (field->type) {
	case WIRE_TYPE_u32:
	case WIRE_TYPE_i32:
		AT(u32, value) = next_random(&seed);
		break;
	case WIRE_TYPE_u64:
		AT(u64, value) = (uint64_t)next_random(&seed) << 32 | next_random(&seed);
		break;
	case WIRE_TYPE_str:
		AT(str, value) = strings[next_random(&seed) % ARRAY_SIZE(strings)];
		if (field->max && strlen(AT(str, value)) >= field->max)
			AT(str, value) = "";
		break;
	case WIRE_TYPE_blob:
		AT(blob, value) = (struct wire_blob){ bytes, next_random(&seed) % sizeof(bytes) };
		break;
	case WIRE_TYPE_argv:
		AT(argv, value) = (struct wire_blob){
			bytes, next_random(&seed) % 2 ? sizeof(bytes) : 0
		};
		break;
	case WIRE_TYPE_fd:
		AT(fd, value) = open_null();
		break;
	case WIRE_TYPE_fds:
		AT(fds, value) = (struct wire_fds){ .n = 2, .fd = { open_null(), open_null() } };
		break;
	default:
		right = make_right(field);
		memcpy((char *)value + field->offset, &right, sizeof(right));
	}
}

static void
same_blob(struct wire_blob a, struct wire_blob b)
{
	assert_int_equal(a.size, b.size);
	assert_true(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void
same_field(const struct wire_field *field, void *a, void *b)
{
	switch (field->type) {
	case WIRE_TYPE_u32:
	case WIRE_TYPE_i32:
		assert_int_equal(AT(u32, a), AT(u32, b));
		break;
	case WIRE_TYPE_u64:
		assert_true(AT(u64, a) == AT(u64, b));
		break;
	case WIRE_TYPE_str:
		assert_string_equal(AT(str, a), AT(str, b));
		break;
	case WIRE_TYPE_blob:
	case WIRE_TYPE_argv:
		same_blob(AT(blob, a), AT(blob, b));
		break;
	case WIRE_TYPE_fd:
		assert_int_equal(AT(fd, a), AT(fd, b));
		break;
	case WIRE_TYPE_fds:
		assert_int_equal(AT(fds, a).n, AT(fds, b).n);
		for (uint32_t i = 0; i < AT(fds, a).n; i++)
			assert_int_equal(AT(fds, a).fd[i], AT(fds, b).fd[i]);
		break;
	default:
		assert_memory_equal((char *)a + field->offset, (char *)b + field->offset,
		    sizeof(struct wire_port));
	}
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

/* Whatever is missing, the get says so, takes nothing, and leaves zeroes. */
static void
check_cuts(const struct wire_buf *buf, const struct wire_shape *shape, void *value)
{
	for (size_t size = 0; size < buf->size; size++) {
		struct wire_buf copy = cut(buf, size);

		memset(value, 0xa5, shape->size);
		assert_int_equal(wire_shape_get(&copy, shape, value), -EBADMSG);
		for (size_t i = 0; i < shape->size; i++)
			assert_int_equal(((char *)value)[i], 0);
		assert_int_equal(copy.at_port, 0);
		wire_buf_deinit(&copy);
	}
}

static void
check_surplus(const struct wire_buf *buf, const struct wire_shape *shape, void *value)
{
	struct wire_buf copy = cut(buf, buf->size);

	wire_put_bytes(&copy, "", 1);
	assert_int_equal(wire_shape_get(&copy, shape, value), -EBADMSG);
	wire_buf_deinit(&copy);
}

static void
check_random(const struct wire_shape *shape, void *value)
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
		buf.fds.fd[0] = open_null();
		if (wire_shape_get(&buf, shape, value) == 0)
			wire_shape_close(shape, value);
		wire_buf_deinit(&buf);
	}
}

static void
check_shape(const struct wire_shape *shape)
{
	_Alignas(max_align_t) char value[WIRE_STRUCT_MAX] = "", got[WIRE_STRUCT_MAX];
	struct wire_buf buf = { 0 };
	int before = count_fds();

	assert_true(shape->size <= WIRE_STRUCT_MAX);
	for (const struct wire_field *field = shape->fields; field->name; field++)
		make_field(field, value);
	wire_shape_put(&buf, shape, value);
	assert_int_equal(buf.error, 0);
	check_cuts(&buf, shape, got);
	check_surplus(&buf, shape, got);
	assert_int_equal(wire_shape_get_all(&buf, shape, got), 0);
	for (const struct wire_field *field = shape->fields; field->name; field++)
		same_field(field, value, got);
	wire_shape_close(shape, got);
	wire_buf_deinit(&buf);
	check_random(shape, got);
	assert_int_equal(count_fds(), before);
}

static void
test_messages(void **state)
{
	(void)state;
	for (int round = 0; round < 8; round++) {
#define CALL(name, number) check_shape(&name##_in_shape); check_shape(&name##_out_shape);
#define ONEWAY(name, id) check_shape(&name##_in_shape);
#include "wire/messages.def"
		fsys_INTERFACE(CALL, ONEWAY)
		inspect_INTERFACE(CALL, ONEWAY)
		names_INTERFACE(CALL, ONEWAY)
		node_INTERFACE(CALL, ONEWAY)
#undef CALL
#undef ONEWAY
		check_shape(&describe_out_shape);
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

/* What a tracer shows of a request. */
static void
test_print(void **state)
{
	const struct wire_routine *routine = wire_routine_find(ROUTINE_node_control);
	struct wire_buf buf = { 0 };
	struct text text = { 0 };

	(void)state;
	assert_string_equal(routine->name, "node_control");
	node_control_in_put(&buf, &(struct node_control_in){ .path = "/a \"b\"\n" });
	wire_shape_print(routine->in, &buf, &text);
	assert_string_equal(text_string(&text), "path=\"/a \\\"b\\\"\\x0a\"");
	text_deinit(&text);
	buf.size--;
	wire_shape_print(routine->in, &buf, &text);
	assert_non_null(strstr(text_string(&text), "malformed"));
	text_deinit(&text);
	wire_buf_deinit(&buf);
	node_control_out_put(&buf, &(struct node_control_out){ .control = { 7, PORT_COPY_SEND } });
	wire_shape_print(routine->out, &buf, &text);
	assert_string_equal(text_string(&text), "control=send:7");
	assert_int_equal(buf.at, 0);
	text_deinit(&text);
	wire_buf_deinit(&buf);
	fsys_set_options_in_put(&buf, &(struct fsys_set_options_in){ .options = { "-a\0b", 5 } });
	wire_shape_print(&fsys_set_options_in_shape, &buf, &text);
	assert_string_equal(text_string(&text), "options=[\"-a\" \"b\"] files=[] fds=");
	text_deinit(&text);
	wire_buf_deinit(&buf);
}

/* A right of another kind is refused on both sides, and taken on neither. */
static void
test_kinds(void **state)
{
	struct inspect_trace_out out, got;
	struct wire_buf buf = { 0 };

	(void)state;
	out = (struct inspect_trace_out){ .trace = { 7, PORT_MOVE_SEND_ONCE } };
	inspect_trace_out_put(&buf, &out);
	assert_int_equal(buf.error, -EINVAL);
	wire_buf_deinit(&buf);
	wire_put_port(&buf, (struct wire_port){ 7, PORT_MOVE_SEND_ONCE });
	assert_int_equal(inspect_trace_out_get(&buf, &got), -EPROTOTYPE);
	assert_int_equal(got.trace.name, 0);
	assert_int_equal(buf.at_port, 0);
	wire_buf_deinit(&buf);
	wire_put_port(&buf, (struct wire_port){ PORT_DEAD, PORT_MOVE_SEND });
	assert_int_equal(inspect_trace_out_get(&buf, &got), 0);
	assert_int_equal(got.trace.name, PORT_DEAD);
	wire_buf_deinit(&buf);
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

	wire_put_fd(&buf, open_null());
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
	wire_put_fd(&buf, open_null());
	assert_int_equal(count_fds(), before);
	wire_buf_deinit(&buf);
	wire_put_blob(&buf, (struct wire_blob){ block, (size_t)-1 });
	assert_int_equal(buf.error, -EMSGSIZE);
	wire_buf_deinit(&buf);
	free(block);

	for (int i = 0; i <= PORT_MSG_FDS_MAX; i++)
		wire_put_fd(&buf, open_null());
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

static unsigned n_freed;

static void
count_free(void *data, size_t size)
{
	(void)data;
	n_freed += size == 3;
}

/* Memory and arrays of rights are elements like rights, each taken once and in order. */
static void
test_beside(void **state)
{
	const struct wire_port rights[2] = { { 7, 0 }, { PORT_DEAD, 0 } };
	char text[] = "abc";
	struct wire_buf buf = { 0 }, to = { 0 };
	struct wire_ports ports;

	(void)state;
	wire_put_memory(&buf, (struct wire_memory){ text, 3 });
	wire_put_ports(&buf, (struct wire_ports){ rights, 2, PORT_COPY_SEND });
	wire_put_port(&buf, (struct wire_port){ 9, PORT_MAKE_SEND });
	wire_put_ports(&buf, (struct wire_ports){ NULL, 0, PORT_MOVE_SEND });
	wire_put_memory(&buf, (struct wire_memory){ text, 3 });
	assert_int_equal(buf.error, 0);
	assert_int_equal(buf.size, 5 * 4);
	assert_int_equal(buf.n_ports, 7);
	assert_int_equal(wire_get_memory(&buf).size, 3);
	ports = wire_get_ports(&buf);
	assert_int_equal(ports.n, 2);
	assert_int_equal(ports.disposition, PORT_COPY_SEND);
	assert_int_equal(ports.ports[0].name, 7);
	assert_int_equal(ports.ports[0].disposition, PORT_COPY_SEND);
	assert_int_equal(ports.ports[1].name, PORT_DEAD);
	assert_int_equal(wire_get_port(&buf).name, 9);
	assert_int_equal(wire_get_ports(&buf).n, 0);
	/* What was not taken is freed; all of it, when the end was not as it should be. */
	buf.free_memory = count_free;
	assert_int_equal(wire_buf_finish(&buf), -EBADMSG);
	wire_move_beside(&to, &buf);
	assert_int_equal(buf.n_ports, 0);
	assert_int_equal(buf.size, 5 * 4);
	assert_int_equal(to.n_ports, 7);
	assert_int_equal(to.size, 0);
	wire_buf_deinit(&to);
	wire_buf_deinit(&buf);
	assert_int_equal(n_freed, 2);
}

/* Takes the one element there is as something else, or one that promises too much. */
static void
test_beside_hostile(void **state)
{
	static const struct wire_port items[] = {
		{ 3, WIRE_ITEM_MEMORY }, { 3, WIRE_ITEM_REGION }, { 1, WIRE_ITEM_PORTS | PORT_MOVE_SEND },
		{ 0xffffffff, WIRE_ITEM_PORTS | PORT_MOVE_SEND }, { 1, PORT_MOVE_SEND }, { 1, 0xff000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		for (int as = 0; as < 3; as++) {
			struct wire_buf buf = { 0 };

			wire_put_port(&buf, items[i]);
			if (as == 0 && items[i].disposition != PORT_MOVE_SEND)
				assert_int_equal(wire_get_port(&buf).name, PORT_NULL);
			else if (as == 1)
				assert_null(wire_get_ports(&buf).ports);
			else if (as == 2)	/* there is no memory, whatever the element says */
				assert_null(wire_get_memory(&buf).data);
			else
				buf.error = -EBADMSG;
			assert_int_equal(buf.error, -EBADMSG);
			wire_buf_deinit(&buf);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_beside_hostile),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
