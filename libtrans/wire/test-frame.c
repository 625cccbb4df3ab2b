/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-frame: frames over a pair of sockets, and what is none. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/testing.h"
#include "wire/frame.h"

enum { HEADER = 40 };	/* bytes */

struct pair {
	int ends[2];
	int before;
};

static int
setup(void **state)
{
	static struct pair pair;

	pair.before = count_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.ends), 0);
	*state = &pair;
	return 0;
}

/* Nothing that a test was sent stays open. */
static int
teardown(void **state)
{
	struct pair *pair = *state;

	fd_close(&pair->ends[0]);
	fd_close(&pair->ends[1]);
	return count_fds() == pair->before ? 0 : -1;
}

static void
test_there_and_back(void **state)
{
	struct pair *pair = *state;
	struct frame sent = { .call = 7, .cookie = 0xfffffff0, .code = -5 }, got;
	struct stat was, is;
	int ends[2], fd;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fstat(ends[0], &was), 0);
	wire_put_str(&sent.body, "body");
	wire_put_port(&sent.body, (struct wire_port){ 3, PORT_MAKE_SEND });
	wire_put_port(&sent.body, (struct wire_port){ 0xfffffffe, PORT_MOVE_SEND_ONCE });
	wire_put_fd(&sent.body, ends[0]);
	wire_put_fd(&sent.body, ends[1]);
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), 0);
	assert_int_equal(sent.body.fds.n, 0);
	assert_int_equal(fcntl(ends[0], F_GETFD), -1);
	wire_buf_deinit(&sent.body);

	assert_int_equal(frame_receive(pair->ends[1], &got, 0), 0);
	assert_int_equal(got.call, 7);
	assert_int_equal(got.cookie, 0xfffffff0);
	assert_int_equal(got.code, -5);
	assert_int_equal(got.pid, 0);
	assert_string_equal(wire_get_str(&got.body), "body");
	assert_int_equal(wire_get_port(&got.body).name, 3);
	assert_int_equal(wire_get_port(&got.body).disposition, PORT_MOVE_SEND_ONCE);
	fd = wire_get_fd(&got.body);
	assert_int_equal(fstat(fd, &is), 0);
	assert_int_equal(is.st_ino, was.st_ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	/* The other one was not taken: deinit closes it. */
	wire_buf_deinit(&got.body);
}

static void
test_largest(void **state)
{
	struct pair *pair = *state;
	struct frame sent = { .call = 1 }, got;
	uint8_t *block = calloc(1, FRAME_MAX);

	assert_non_null(block);
	block[FRAME_MAX - HEADER - 1] = 77;
	wire_put_bytes(&sent.body, block, FRAME_MAX - HEADER);
	assert_int_equal(frame_send(pair->ends[0], &sent, MSG_DONTWAIT), 0);
	assert_int_equal(frame_receive(pair->ends[1], &got, MSG_DONTWAIT), 0);
	assert_int_equal(got.body.size, FRAME_MAX - HEADER);
	assert_int_equal(got.body.data[FRAME_MAX - HEADER - 1], 77);
	wire_buf_deinit(&got.body);
	wire_put_bytes(&sent.body, "", 1);
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), -EMSGSIZE);
	wire_buf_deinit(&sent.body);
	free(block);
}

static void
test_failed_send(void **state)
{
	struct pair *pair = *state;
	struct frame sent = { .call = 1 }, got;
	int err;

	wire_put_fd(&sent.body, open("/dev/null", O_RDONLY));
	while ((err = frame_send_keep(pair->ends[0], &sent, MSG_DONTWAIT)) == 0)
		;
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(sent.body.fds.n, 1);
	assert_true(fcntl(sent.body.fds.fd[0], F_GETFD) >= 0);
	while ((err = frame_receive(pair->ends[1], &got, MSG_DONTWAIT)) == 0)
		wire_buf_deinit(&got.body);
	assert_int_equal(err, -EAGAIN);
	fd_close(&pair->ends[1]);
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), -EPIPE);
	assert_int_equal(sent.body.fds.n, 1);
	assert_int_equal(frame_receive(pair->ends[0], &got, 0), -EPIPE);
	sent.body.error = -ENOMEM;
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), -ENOMEM);
	wire_buf_deinit(&sent.body);
}

static void
test_credentials(void **state)
{
	struct pair *pair = *state;
	struct frame sent = { .call = 1 }, got;
	int on = 1;

	wire_put_fd(&sent.body, open("/dev/null", O_RDONLY));
	assert_int_equal(setsockopt(pair->ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), 0);
	assert_int_equal(frame_receive(pair->ends[1], &got, 0), 0);
	assert_int_equal(got.pid, getpid());
	assert_int_equal(got.uid, getuid());
	assert_int_equal(got.gid, getgid());
	assert_int_equal(got.body.fds.n, 1);
	wire_buf_deinit(&got.body);
	wire_buf_deinit(&sent.body);
}

/* Sends a record of any content with as many descriptors. */
static void
send_raw(int fd, const void *data, size_t size, int n_fds)
{
	static char control[CMSG_SPACE(100 * sizeof(int))];
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;
	int null = open("/dev/null", O_RDONLY);

	if (n_fds) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (int i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &null, sizeof(null));
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &msg, 0), size);
	close(null);
}

/* A record is not taken for a frame; nothing of *frame is touched and no descriptor
 * stays. */
static void
is_refused(const struct pair *pair, const uint32_t *words, size_t size, int n_fds, int expected)
{
	struct frame frame, copy;
	int before = count_fds();

	memset(&frame, 0xa5, sizeof(frame));
	copy = frame;
	send_raw(pair->ends[0], words, size, n_fds);
	assert_int_equal(frame_receive(pair->ends[1], &frame, 0), expected);
	assert_memory_equal(&frame, &copy, sizeof(frame));
	assert_int_equal(count_fds(), before);
}

static void
test_rubbish(void **state)
{
	const struct pair *pair = *state;
	/* magic, size, call, cookie, code, elements, body, memory, region, offset; the body */
	const uint32_t good[11] = { FRAME_MAGIC, 44, 1, 2, 0, 0, 4, 0, 0, 0, 9 };
	static const struct {
		int word;
		uint32_t value;
	} wrong[] = {
		{ 0, 1 }, { 1, 40 }, { 1, 48 }, { 5, 1 }, { 5, 0x20000000 }, { 5, 0xffffffff },
		{ 6, 0 }, { 6, 5 }, { 6, 0xfffffffc }, { 6, 0xffffffff },
		{ 7, 1 }, { 7, 0xfffffffc }, { 7, 0xffffffff }, { 8, 1 }, { 8, 0xffffffff },
	};
	uint8_t *block = calloc(1, FRAME_MAX + 64);
	struct frame got;

	assert_non_null(block);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint32_t words[ARRAY_SIZE(good)];

		memcpy(words, good, sizeof(words));
		words[wrong[i].word] = wrong[i].value;
		is_refused(pair, words, sizeof(words), (int)i % 4, -EBADMSG);
	}
	for (size_t size = 1; size < sizeof(good); size++)
		is_refused(pair, good, size, 1, -EBADMSG);
	is_refused(pair, good, 0, 2, -EPIPE);
	is_refused(pair, good, sizeof(good), PORT_MSG_FDS_MAX + 1, -EBADMSG);
	is_refused(pair, good, sizeof(good), PORT_MSG_FDS_MAX + 2, -EBADMSG);
	is_refused(pair, good, sizeof(good), PORT_MSG_FDS_MAX + 3, -EBADMSG);
	is_refused(pair, good, sizeof(good), 100, -EBADMSG);
	memcpy(block, good, sizeof(good));
	is_refused(pair, (uint32_t *)(void *)block, FRAME_MAX + 64, 1, -EBADMSG);
	/* And the good one is good. */
	send_raw(pair->ends[0], good, sizeof(good), PORT_MSG_FDS_MAX);
	assert_int_equal(frame_receive(pair->ends[1], &got, 0), 0);
	assert_int_equal(got.body.fds.n, PORT_MSG_FDS_MAX);
	assert_int_equal(wire_get_u32(&got.body), 9);
	wire_buf_deinit(&got.body);
	free(block);
}

/* Elements of memory whose sums do not agree with what is there. */
static void
test_memory_rubbish(void **state)
{
	enum { N = 14 };
	const struct pair *pair = *state;
	const uint32_t memory = WIRE_ITEM_MEMORY, region = WIRE_ITEM_REGION;
	/* two elements, 4 bytes of memory */
	const uint32_t head[6] = { FRAME_MAGIC, 60, 1, 2, 0, 2 };
	const uint32_t tails[][N - 5] = {
		{ 0, 4, 0, 0, 4, memory, 1, memory, 0 },	/* more than there is */
		{ 0, 4, 0, 0, 3, memory, 0, memory, 0 },	/* less */
		{ 0, 4, 0, 0, 0xffffffff, memory, 5, memory, 0 },
		{ 0, 4, 0, 0, 4, memory | 1, 0, memory, 0 },	/* bad memory has no bytes */
		{ 0, 4, 0, 0, 4, memory, 4, region, 0 },	/* a region that is not there */
		{ 0, 4, 64, 0, 4, memory, 65, region, 0 },	/* or larger than that */
		{ 0, 4, 128, 0, 4, memory, 64, region, 0 },
		{ 0, 4, 64, 1, 4, memory, 64, region, 0 },	/* at a place that no unit starts at */
		{ 0, 4, 64, 0, 4, memory, 4, memory, 0 },
	};
	const uint32_t good[N - 5] = { 0, 4, 64, WIRE_REGION_UNIT, 4, memory, 64, region, 0x64636261 };
	uint32_t words[N + 1];
	struct frame got;

	memcpy(words, head, sizeof(head));
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		memcpy(words + 6, tails[i], sizeof(tails[i]));
		is_refused(pair, words, 60, 2, -EBADMSG);
	}
	memcpy(words + 6, good, sizeof(good));
	is_refused(pair, words, 60, 0, -EBADMSG);
	is_refused(pair, words, 60, 1, -EBADMSG);
	is_refused(pair, words, 60, PORT_MSG_FDS_MAX + 3, -EBADMSG);
	send_raw(pair->ends[0], words, 60, PORT_MSG_FDS_MAX + 2);
	assert_int_equal(frame_receive(pair->ends[1], &got, 0), 0);
	assert_int_equal(got.body.fds.n, PORT_MSG_FDS_MAX);
	assert_int_equal(got.body.n_memory, 2);
	assert_memory_equal(got.body.memory[0].data, "abcd", 4);
	assert_null(got.body.memory[1].data);
	assert_int_equal(got.body.memory[1].size, 64);
	assert_int_equal(got.body.region->offset, WIRE_REGION_UNIT);
	wire_buf_deinit(&got.body);
}

/* Memory goes out from where it lies, and can be read where it arrives. */
static void
test_memory(void **state)
{
	struct pair *pair = *state;
	struct frame sent = { .call = 1 }, got;
	char text[] = "one two";
	struct wire_memory memory;

	wire_put_memory(&sent.body, (struct wire_memory){ text, 3 });
	wire_put_port(&sent.body, (struct wire_port){ 5, PORT_MOVE_SEND });
	wire_put_memory(&sent.body, (struct wire_memory){ text + 4, 3 });
	wire_put_memory(&sent.body, (struct wire_memory){ NULL, 0 });
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), 0);
	assert_int_equal(frame_receive(pair->ends[1], &got, 0), 0);
	memory = wire_get_memory(&got.body);
	assert_int_equal(memory.size, 3);
	assert_memory_equal(memory.data, "one", 3);
	assert_int_equal(wire_get_port(&got.body).name, 5);
	memory = wire_get_memory(&got.body);
	assert_memory_equal(memory.data, "two", 3);
	assert_int_equal(wire_get_memory(&got.body).size, 0);
	assert_int_equal(wire_buf_finish(&got.body), 0);
	wire_buf_deinit(&got.body);
	sent.body.memory[0].data = (void *)(uintptr_t)64;
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), -EFAULT);
	sent.body.n_memory = 2;		/* not what the elements say */
	assert_int_equal(frame_send(pair->ends[0], &sent, 0), -EINVAL);
	wire_buf_deinit(&sent.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_rubbish, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
