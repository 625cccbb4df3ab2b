/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-door: the front door of ports, on a world of its own. The main thread is the translator's;
 * each client is a thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/argv.h"
#include "base/cleanup.h"
#include "port/lookup.h"
#include "port/stubs.h"
#include "port/test-setup.h"
#include "trans/control.h"
#include "trans/door.h"
#include "trans/door-call.h"
#include "trans/journal.h"
#include "trans/memory.h"
#include "trans/opens.h"
#include "trans/req.h"
#include "trans/translator.h"
#include "trans/wake.h"

/* A translator -------------------------------------------------------------------- */

/* 1 is the root, 2 "dir", 3 "dir/file", 4 "link" to dir/file, 5 "away" to /etc, 6 "loop" to itself. */
enum { DIR_NODE = 2, FILE_NODE, LINK_NODE, AWAY_NODE, LOOP_NODE };

static const struct {
	trans_node_t in;
	const char *name;
	trans_node_t node;
	mode_t mode;
	const char *content;
} nodes[] = {
	{ 0, "", TRANS_ROOT, S_IFDIR | 0755, NULL },
	{ TRANS_ROOT, "dir", DIR_NODE, S_IFDIR | 0755, NULL },
	{ DIR_NODE, "file", FILE_NODE, S_IFREG | 0644, "content" },
	{ TRANS_ROOT, "link", LINK_NODE, S_IFLNK | 0777, "dir/file" },
	{ TRANS_ROOT, "away", AWAY_NODE, S_IFLNK | 0777, "/etc" },
	{ TRANS_ROOT, "loop", LOOP_NODE, S_IFLNK | 0777, "loop" },
};

static int64_t n_lookups;	/* less what was forgotten */
static bool later;		/* answers are put off */
static mode_t file_mode;	/* 0: as in the table */

static void *
answer_read(void *argument)
{
	trans_reply_data(argument, "late content", 12);
	return NULL;
}

static void *
answer_again(void *argument)
{
	trans_reply_error(argument, 0);
	return NULL;
}

static trans_node_t asked_link;

static void *
answer_target(void *argument)
{
	const char *target = nodes[asked_link - 1].content;

	trans_reply_data(argument, target, strlen(target));
	return NULL;
}

static int
put_off(struct trans_req *req, void *(*answer)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, answer, req), 0);
	pthread_detach(thread);
	return trans_later(req);
}

static int
fill_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	st->st_mode = nodes[node - 1].mode;
	if (node == FILE_NODE && file_mode)
		st->st_mode = file_mode;
	st->st_size = nodes[node - 1].content ? (off_t)strlen(nodes[node - 1].content) : 0;
	return 0;
}

static int
find_name(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	static bool asked;

	asked = !asked;
	if (later && asked)
		return put_off(req, answer_again);
	for (size_t i = 1; i < ARRAY_SIZE(nodes); i++) {
		if (nodes[i].in != dir || strcmp(nodes[i].name, name) != 0)
			continue;
		*nodep = nodes[i].node;
		n_lookups++;
		return 0;
	}
	return -ENOENT;
}

static void
forget_node(trans_node_t node, uint64_t n)
{
	assert_true(node > TRANS_ROOT && node <= LOOP_NODE);
	n_lookups -= (int64_t)n;
}

static ssize_t
read_node(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	struct trans_caller caller = { .size = sizeof(caller) };

	assert_int_equal(trans_caller(req, &caller), 0);
	assert_int_equal(caller.uid, getuid());
	assert_int_equal(caller.pid, getpid());
	assert_true(caller.rights & TRANS_RIGHT_READ);
	if (later)
		return put_off(req, answer_read);
	return trans_copy(buf, size, offset, nodes[node - 1].content,
	    strlen(nodes[node - 1].content));
}

static ssize_t
read_link(struct trans_req *req, trans_node_t node, char *buf, size_t size)
{
	size_t length = strlen(nodes[node - 1].content);

	if (later) {
		asked_link = node;
		return put_off(req, answer_target);
	}
	assert_true(length <= size);
	memcpy(buf, nodes[node - 1].content, length);
	return (ssize_t)length;
}

/* The main thread ----------------------------------------------------------------- */

RPC_SERVER(fsys)

static const struct fsys_server server = {
	.fsys_getfile = door_getfile, .fsys_covers = door_covers,
};
static const struct port_table table = PORT_TABLE(fsys, &server, NULL);
static const struct port_service service = { .tables = &table, .n_tables = 1 };
static port_name_t way_in;	/* a send right to the control port */

static void
serve_what_is_there(void)
{
	struct port_message message;

	req_run_ready();
	while (control_take(&message)) {
		if (message.local == control_port())
			port_serve_one(&service, &message);
		else
			door_serve(&message);
		control_release();
		door_run();
	}
	door_run();
}

/* Serves until the client has done, and nobody holds a right any more. */
static void
serve_client(void *(*client)(void *))
{
	struct pollfd polled = { .fd = wake_fd(), .events = POLLIN };
	pthread_t thread;
	void *result = &polled;

	assert_int_equal(pthread_create(&thread, NULL, client, NULL), 0);
	while (result || door_is_held()) {
		poll(&polled, 1, 20);
		if (polled.revents)
			wake_drain();
		serve_what_is_there();
		if (result && pthread_tryjoin_np(thread, &result) == 0)
			assert_null(result);
	}
	assert_true(door_is_quiet());
	assert_true(n_lookups == 0);
}

static int
open_all(void **state)
{
	static const struct trans_ops ops = {
		TRANS_OPS, .kind = TRANS_DIR, .nature = TRANS_OURS, .stat = fill_stat,
		.lookup = find_name, .forget = forget_node, .read = read_node, .readlink = read_link,
	};
	AUTO_ARGV struct argv argv = { 0 };
	bool changed;

	assert_int_equal(setup(state), 0);
	translator = (struct translator){ .ops = ops, .underlying = -1 };
	n_lookups = 0;
	later = false;
	file_mode = 0;
	assert_int_equal(wake_open(), 0);
	assert_int_equal(argv_add(&argv, "test"), 0);
	assert_int_equal(memory_open(-1, 1, &argv, &changed), 0);
	opens_open();
	journal_open(false);
	assert_int_equal(door_open(), 0);
	assert_int_equal(control_open("test"), 0);
	assert_int_equal(port_insert_right(control_port(), control_port(), PORT_MAKE_SEND), 0);
	way_in = control_port();
	return 0;
}

static int
close_all(void **state)
{
	control_close();
	req_deinit();
	door_close();
	journal_close();
	memory_close();
	port_destroy(way_in);
	wake_close();
	return teardown(state);
}

/* Clients ---------------------------------------------------------------------------- */

#define CHECK(condition) \
	do \
		if (!(condition)) \
			return (void *)(uintptr_t)#condition; \
	while (0)

/* A right to a node, as portd would have it given. */
static int
get_file(uint64_t id, unsigned rights, unsigned extra, unsigned needed, port_name_t *nodep)
{
	struct port_message answer;
	struct dir_lookup_out out;
	port_name_t reply;
	int err = port_allocate(PORT_RIGHT_RECEIVE, &reply);

	if (err == 0)
		err = fsys_getfile_send(way_in, &(struct fsys_getfile_in){
			.id = id, .rights = rights, .extra = extra, .needed = needed, .uid = getuid(),
			.gid = getgid(), .rest = "", .reply_id = ROUTINE_lookup_node,
			.reply = { reply, PORT_MAKE_SEND_ONCE } }, PORT_FOREVER);
	if (err == 0)
		err = port_receive(reply, &answer, PORT_FOREVER);
	if (err == 0) {
		err = wire_get_i32(&answer.body);
		wire_get_str(&answer.body);
		if (err == 0 && (err = dir_lookup_out_get(&answer.body, &out)) == 0)
			*nodep = out.node.name;
		port_message_destroy(&answer);
	}
	port_mod_refs(reply, PORT_RIGHT_RECEIVE, -1);
	return err;
}

static void *
walk_client(void *unused)
{
	static const struct {
		const char *path;
		int err;
	} paths[] = {
		{ "dir/file", 0 }, { "./dir//file", 0 }, { "dir/../dir/file", 0 }, { "link", 0 },
		{ "dir/", 0 }, { "", 0 }, { "dir/../link", 0 },
		{ "..", -EXDEV }, { "dir/../..", -EXDEV }, { "/dir", -EXDEV }, { "away", -EXDEV },
		{ "away/passwd", -EXDEV }, { "loop", -ELOOP }, { "none", -ENOENT },
		{ "dir/file/x", -ENOTDIR }, { "link/", 0 },
	};
	port_name_t root, node;

	(void)unused;
	CHECK(get_file(1, TRANS_RIGHT_ALL, 0, TRANS_RIGHT_LOOKUP, &root) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int err = trans_lookup_at(root, paths[i].path, 0, &node);

		if (err != paths[i].err)
			return (void *)(uintptr_t)paths[i].path;
		if (err == 0)
			CHECK(port_deallocate(node) == 0);
	}
	CHECK(port_deallocate(root) == 0);
	return NULL;
}

static void
test_paths(void **state)
{
	(void)state;
	serve_client(walk_client);
}

static void
test_paths_later(void **state)
{
	(void)state;
	later = true;
	serve_client(walk_client);
}

static void *
rights_client(void *unused)
{
	port_name_t root, node, less;
	struct stat st;
	char buf[32];
	size_t got;

	(void)unused;
	/* Nothing here can be written. */
	CHECK(get_file(1, TRANS_RIGHT_ALL, 0, TRANS_RIGHT_WRITE, &root) == -EROFS);
	CHECK(get_file(1, TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP, TRANS_RIGHT_WRITE, 0, &root) == 0);
	CHECK(get_file(3, 0, TRANS_RIGHT_READ, TRANS_RIGHT_READ, &node) == 0);
	CHECK(trans_read(node, buf, sizeof(buf), 3, &got) == 0 && got == 4);
	CHECK(memcmp(buf, "tent", 4) == 0);
	CHECK(trans_write(node, buf, 1, 0, &got) == -EBADF);
	CHECK(trans_read(root, buf, 1, 0, &got) == -EISDIR);
	CHECK(trans_restrict(node, 0, &less) == 0);
	CHECK(trans_read(less, buf, 1, 0, &got) == -EBADF);
	CHECK(trans_stat(less, &st) == 0 && st.st_size == 7);
	CHECK(port_deallocate(less) == 0);
	CHECK(trans_lookup_at(root, "dir/file", TRANS_RIGHT_WRITE, &less) == -EACCES);
	/* The node's own port goes; what came of it stays its origin's. */
	CHECK(trans_lookup_at(root, "dir", TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP, &less) == 0);
	CHECK(port_deallocate(node) == 0);
	CHECK(trans_lookup_at(less, "file", TRANS_RIGHT_READ, &node) == 0);
	CHECK(port_deallocate(less) == 0);
	CHECK(trans_stat(node, &st) == 0);
	CHECK(trans_revoke(root) == 0);
	CHECK(trans_stat(node, &st) > 0);
	CHECK(trans_stat(root, &st) == 0);
	port_deallocate(node);
	CHECK(port_deallocate(root) == 0);
	return NULL;
}

static void
test_rights(void **state)
{
	(void)state;
	serve_client(rights_client);
}

static void *
mode_client(void *unused)
{
	port_name_t root, node;

	(void)unused;
	CHECK(get_file(1, TRANS_RIGHT_READ | TRANS_RIGHT_LOOKUP, 0, 0, &root) == 0);
	CHECK(trans_lookup_at(root, "dir/file", TRANS_RIGHT_READ, &node) == -EACCES);
	CHECK(trans_lookup_at(root, "dir/file", 0, &node) == 0);
	CHECK(port_deallocate(node) == 0);
	/* What was opened before is proven, whatever the mode is now. */
	CHECK(get_file(3, TRANS_RIGHT_READ, 0, TRANS_RIGHT_READ, &node) == 0);
	CHECK(port_deallocate(node) == 0);
	CHECK(get_file(3, 0, TRANS_RIGHT_READ, TRANS_RIGHT_READ, &node) == -EACCES);
	CHECK(port_deallocate(root) == 0);
	return NULL;
}

static void
test_modes(void **state)
{
	(void)state;
	if (getuid() == 0)
		skip();
	file_mode = S_IFREG | 0044;	/* the owner's bits count, though they are the fewest */
	serve_client(mode_client);
}

static void *
later_client(void *unused)
{
	port_name_t node;
	char buf[32];
	size_t got;

	(void)unused;
	CHECK(get_file(3, TRANS_RIGHT_READ, 0, 0, &node) == 0);
	CHECK(trans_read(node, buf, 4, 0, &got) == 0 && got == 4 && memcmp(buf, "late", 4) == 0);
	CHECK(port_deallocate(node) == 0);
	return NULL;
}

static void
test_later(void **state)
{
	(void)state;
	later = true;
	serve_client(later_client);
}

/* What portd alone may say is refused on a node's port; what is malformed, too. */
static void *
hostile_client(void *unused)
{
	struct port_reply reply = { 0 };
	struct wire_buf body = { 0 };
	struct fsys_goaway_out out;
	port_name_t node;

	(void)unused;
	CHECK(get_file(1, TRANS_RIGHT_READ, 0, 0, &node) == 0);
	CHECK(fsys_goaway_call(node, &(struct fsys_goaway_in){ .flags = 4 }, &out, &reply,
	    PORT_FOREVER) == PORT_E_RPC_BAD_ID);
	port_reply_deinit(&reply);
	wire_put_u32(&body, 7);
	CHECK(port_call(node, ROUTINE_io_read, &body, &reply, PORT_FOREVER) ==
	    PORT_E_RPC_BAD_ARGUMENTS);
	port_reply_deinit(&reply);
	CHECK(port_deallocate(node) == 0);
	return NULL;
}

static void
test_hostile(void **state)
{
	(void)state;
	serve_client(hostile_client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_paths_later, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_rights, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_modes, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_later, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_hostile, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, start_world, end_world);
}
