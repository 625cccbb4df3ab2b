/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-idle: requests of several kernels, and rubbish, to a node without a translator. */
#include <errno.h>
#include <linux/fuse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "portd/idle.h"
#include "wire/fusewire.h"

/* A request in memory of exactly its size, so that a sanitizer sees each byte too far. */
struct request {
	uint8_t *data;
	size_t size;
};

static struct request
make(uint32_t opcode, uint64_t nodeid, const void *arg, size_t size)
{
	struct request request = { .size = sizeof(struct fuse_in_header) + size };
	struct fuse_in_header in = {
		.len = (uint32_t)request.size, .opcode = opcode, .unique = 42, .nodeid = nodeid,
	};

	request.data = malloc(request.size);
	assert_non_null(request.data);
	memcpy(request.data, &in, sizeof(in));
	if (size > 0)
		memcpy(request.data + sizeof(in), arg, size);
	return request;
}

static enum idle_verdict
ask(const struct idle *idle, struct request request, char *out, size_t *sizep)
{
	enum idle_verdict verdict;

	*sizep = 0;
	verdict = idle_request(idle, request.data, request.size, out, sizep);
	free(request.data);
	return verdict;
}

static int
error_of(const char *out)
{
	struct fuse_out_header header;

	memcpy(&header, out, sizeof(header));
	assert_int_equal(header.unique, 42);
	return header.error;
}

static const struct idle directory = {
	.kind = NODE_KIND_DIR, .nature = NODE_NATURE_IMMUTABLE,
	.attr = { .mode = S_IFDIR | 0755, .nlink = 3, .uid = 1000 },
};

static void
test_directory_getattr(void **state)
{
	struct fuse_getattr_in arg = { 0 };
	struct fuse_attr_out answer;
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	assert_int_equal(ask(&directory, make(FUSE_GETATTR, 1, &arg, sizeof(arg)), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(size, sizeof(struct fuse_out_header) + sizeof(answer));
	memcpy(&answer, out + sizeof(struct fuse_out_header), sizeof(answer));
	assert_int_equal(answer.attr.mode, S_IFDIR | 0755);
	assert_int_equal(answer.attr.uid, 1000);
	assert_int_equal(answer.attr_valid, 0);
	assert_int_equal(answer.attr_valid_nsec, 0);
}

static void
test_statx(void **state)
{
	struct idle file = { .kind = NODE_KIND_FILE, .nature = NODE_NATURE_OURS,
		.attr = { .valid = 1, .mode = S_IFREG | 0644, .size = 14, .mtime = 77 } };
	static const char arg[24];
	char out[IDLE_ANSWER_MAX];
	uint64_t answered;
	size_t size;

	(void)state;
	assert_int_equal(ask(&file, make(52, 1, arg, sizeof(arg)), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(size, 16 + 288);
	memcpy(&answered, out + 16 + 32 + 40, sizeof(answered));
	assert_int_equal(answered, 14);
	memcpy(&answered, out + 16 + 32 + 64 + 3 * 16, sizeof(answered));
	assert_int_equal(answered, 77);
	file.attr.valid = 0;
	assert_int_equal(ask(&file, make(52, 1, NULL, 0), out, &size), IDLE_START);
}

/* A size that nobody computed is never shown. */
static void
test_file_of_unknown_size_starts(void **state)
{
	struct idle file = { .kind = NODE_KIND_FILE, .nature = NODE_NATURE_OURS,
		.attr = { .mode = S_IFREG | 0644 } };
	struct fuse_getattr_in arg = { 0 };
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	assert_int_equal(ask(&file, make(FUSE_GETATTR, 1, &arg, sizeof(arg)), out, &size), IDLE_START);
	file.nature = NODE_NATURE_GENERATED;
	assert_int_equal(ask(&file, make(FUSE_GETATTR, 1, &arg, sizeof(arg)), out, &size), IDLE_ANSWER);
	file.nature = NODE_NATURE_OURS;
	file.attr.valid = 1;
	file.attr.size = 14;
	assert_int_equal(ask(&file, make(FUSE_GETATTR, 1, &arg, sizeof(arg)), out, &size), IDLE_ANSWER);
}

static void
test_what_starts_nothing(void **state)
{
	struct fuse_getxattr_in xattr = { .size = 0 };
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	assert_int_equal(ask(&directory, make(FUSE_STATFS, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), 0);
	assert_int_equal(ask(&directory, make(FUSE_GETXATTR, 1, &xattr, sizeof(xattr)), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(error_of(out), -ENODATA);
	assert_int_equal(ask(&directory, make(FUSE_LISTXATTR, 1, &xattr, sizeof(xattr)), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(size, sizeof(struct fuse_out_header) + sizeof(struct fuse_getxattr_out));
	xattr.size = 100;
	assert_int_equal(ask(&directory, make(FUSE_LISTXATTR, 1, &xattr, sizeof(xattr)), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(size, sizeof(struct fuse_out_header));
	assert_int_equal(ask(&directory, make(FUSE_ACCESS, 1, "\4\0\0\0\0\0\0", 8), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(ask(&directory, make(FUSE_FORGET, 1, "1234567", 8), out, &size), IDLE_NOTHING);
	assert_int_equal(ask(&directory, make(FUSE_BATCH_FORGET, 0, "1234567", 8), out, &size),
	    IDLE_NOTHING);
	assert_int_equal(ask(&directory, make(FUSE_INTERRUPT, 0, "1234567", 8), out, &size),
	    IDLE_NOTHING);
}

static void
test_what_starts(void **state)
{
	static const uint32_t opcodes[] = { FUSE_LOOKUP, FUSE_OPEN, FUSE_OPENDIR, FUSE_READ,
		FUSE_READDIR, FUSE_WRITE, FUSE_SETATTR, FUSE_RELEASE, FUSE_FLUSH, 4000 };
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		assert_int_equal(ask(&directory, make(opcodes[i], 1, "x", 2), out, &size), IDLE_START);
	assert_int_equal(ask(&directory, make(FUSE_GETATTR, 7, "x", 2), out, &size), IDLE_START);
}

static void
test_failed_node(void **state)
{
	struct idle failed = directory;
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	failed.failed = true;
	assert_int_equal(ask(&failed, make(FUSE_GETATTR, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), 0);
	assert_int_equal(ask(&failed, make(FUSE_OPENDIR, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), -EIO);
	assert_int_equal(ask(&failed, make(FUSE_RELEASE, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), 0);
	assert_int_equal(ask(&failed, make(FUSE_FORGET, 1, NULL, 0), out, &size), IDLE_NOTHING);
}

static void
test_rubbish(void **state)
{
	struct fuse_in_header in = { .len = sizeof(in), .opcode = FUSE_LISTXATTR, .unique = 42,
		.nodeid = 1 };
	char out[IDLE_ANSWER_MAX];
	size_t size = 0;

	(void)state;
	for (size_t n = 0; n < sizeof(in); n++) {
		uint8_t *part = malloc(n + 1);

		assert_non_null(part);
		memcpy(part + 1, &in, n);
		assert_int_equal(idle_request(&directory, part + 1, n, out, &size), IDLE_NOTHING);
		free(part);
	}
	/* A length that is not that of the request. */
	in.len = 4096;
	assert_int_equal(idle_request(&directory, &in, sizeof(in), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), -EIO);
	/* LISTXATTR without its argument. */
	assert_int_equal(ask(&directory, make(FUSE_LISTXATTR, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), -EIO);
	/* A second INIT. */
	assert_int_equal(ask(&directory, make(FUSE_INIT, 1, NULL, 0), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), -EIO);
}

/* INIT ---------------------------------------------------------------------- */

static int
init(const struct fuse_init_in *arg, size_t arg_size, struct wire_init *result, char *out,
    size_t *sizep)
{
	struct request request = make(FUSE_INIT, 0, arg, arg_size);
	struct text why = { 0 };
	uint64_t offered = 0;
	int err = idle_init(request.data, request.size, result, &offered, out, sizep, &why);

	assert_int_equal(err == -EPROTO, why.size > 0);
	text_deinit(&why);
	free(request.data);
	return err;
}

static void
test_init_takes_only_what_is_offered(void **state)
{
	struct fuse_init_in arg = { .major = 7, .minor = 31, .max_readahead = 131072,
		.flags = FUSE_ASYNC_READ | FUSE_WRITEBACK_CACHE | FUSE_POSIX_ACL | FUSE_ATOMIC_O_TRUNC };
	struct wire_init result;
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	/* Linux 5.4 sends the short form. */
	assert_int_equal(init(&arg, 16, &result, out, &size), 0);
	assert_int_equal(result.flags, FUSE_ASYNC_READ);
	assert_int_equal(result.minor, 31);
	assert_int_equal(result.max_write, 32 * 4096);
	assert_int_equal(result.max_readahead, 131072);
	assert_int_equal(size, sizeof(struct fuse_out_header) + sizeof(struct fuse_init_out));
}

static void
test_init_of_a_recent_kernel(void **state)
{
	struct fuse_init_in arg = { .major = 7, .minor = 45, .max_readahead = 131072,
		.flags = ~0u, .flags2 = ~0u };
	struct fuse_init_out answer;
	struct wire_init result;
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	assert_int_equal(init(&arg, sizeof(arg), &result, out, &size), 0);
	memcpy(&answer, out + sizeof(struct fuse_out_header), sizeof(answer));
	assert_int_equal(answer.max_write, FUSEWIRE_MAX_WRITE);
	assert_int_equal(answer.max_pages, FUSEWIRE_MAX_PAGES);
	assert_int_equal(answer.flags & (FUSE_WRITEBACK_CACHE | FUSE_POSIX_ACL | FUSE_POSIX_LOCKS |
	    FUSE_FLOCK_LOCKS | FUSE_ATOMIC_O_TRUNC | FUSE_EXPORT_SUPPORT), 0);
	assert_true(answer.flags & FUSE_INIT_EXT);
	assert_true(result.flags & IDLE_HAS_RESEND);
	/* The upper half counts only together with FUSE_INIT_EXT. */
	arg.flags = FUSE_ASYNC_READ;
	assert_int_equal(init(&arg, sizeof(arg), &result, out, &size), 0);
	assert_int_equal(result.flags, FUSE_ASYNC_READ);
}

static void
test_init_of_other_ages(void **state)
{
	struct fuse_init_in arg = { .major = 7, .minor = 26 };
	struct wire_init result = { .major = 99 };
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	assert_int_equal(init(&arg, sizeof(arg), &result, out, &size), -EPROTO);
	assert_int_equal(error_of(out), -EPROTO);
	arg.major = 8;
	assert_int_equal(init(&arg, sizeof(arg), &result, out, &size), 1);
	for (size_t n = 0; n < 16; n++)
		assert_int_equal(init(&arg, n, &result, out, &size), -EBADMSG);
	assert_int_equal(result.major, 99);
}

static void
test_notices(void **state)
{
	struct fuse_out_header header;
	char out[IDLE_ANSWER_MAX];

	(void)state;
	assert_int_equal(idle_resend(out), 16);
	memcpy(&header, out, sizeof(header));
	assert_int_equal(header.error, FUSEWIRE_NOTIFY_RESEND);
	assert_int_equal(header.len, 16);
	assert_int_equal(header.unique, 0);
	assert_int_equal(idle_inval_root(out), 16 + sizeof(struct fuse_notify_inval_inode_out));
	assert_int_equal(idle_error("x", 1, -EIO, out), 0);
}

/* A directory opened for who may not start the translator: nothing in it, from whoever answers. */
static void
test_empty(void **state)
{
	struct fuse_open_out opened;
	struct fuse_read_in read = { .fh = FUSEWIRE_FH_EMPTY, .size = 4096 };
	struct fuse_release_in release = { .fh = FUSEWIRE_FH_EMPTY };
	char out[IDLE_ANSWER_MAX];
	struct request request = make(FUSE_OPENDIR, 1, NULL, 0);
	size_t size;

	(void)state;
	size = idle_empty(request.data, request.size, out);
	assert_int_equal(size, sizeof(struct fuse_out_header) + sizeof(opened));
	memcpy(&opened, out + sizeof(struct fuse_out_header), sizeof(opened));
	assert_true(opened.fh == FUSEWIRE_FH_EMPTY);
	assert_int_equal(opened.open_flags, 0);
	free(request.data);
	request = make(FUSE_LOOKUP, 1, "x", 2);
	assert_int_equal(idle_empty(request.data, request.size, out), sizeof(struct fuse_out_header));
	assert_int_equal(error_of(out), -ENOENT);
	assert_int_equal(idle_empty(request.data, 7, out), 0);
	free(request.data);
	/* Its answer would stay in the kernel, for all. */
	request = make(FUSE_READDIR, 1, &read, sizeof(read));
	assert_int_equal(idle_empty(request.data, request.size, out), 0);
	assert_int_equal(ask(&directory, request, out, &size), IDLE_ANSWER);
	assert_int_equal(size, sizeof(struct fuse_out_header));
	assert_int_equal(error_of(out), 0);
	assert_int_equal(ask(&directory, make(FUSE_RELEASEDIR, 1, &release, sizeof(release)), out,
	    &size), IDLE_ANSWER);
	read.fh = 0;
	assert_int_equal(ask(&directory, make(FUSE_READDIR, 1, &read, sizeof(read)), out, &size),
	    IDLE_START);
	assert_int_equal(ask(&directory, make(FUSE_READDIR, 1, &read, 4), out, &size), IDLE_START);
}

static struct request
from_user(struct request request, uint32_t uid)
{
	struct fuse_in_header in;

	memcpy(&in, request.data, sizeof(in));
	in.uid = uid;
	memcpy(request.data, &in, sizeof(in));
	return request;
}

/* Shared with root alone: the kernel asks for everybody. */
static void
test_shared_with_root(void **state)
{
	struct idle idle = directory;
	struct fuse_getattr_in arg = { 0 };
	struct fuse_attr_out answer;
	char out[IDLE_ANSWER_MAX];
	size_t size;

	(void)state;
	idle.share = NODE_SHARE_ROOT;
	idle.owner = 1000;
	assert_int_equal(ask(&idle, from_user(make(FUSE_GETATTR, 1, &arg, sizeof(arg)), 7), out, &size),
	    IDLE_ANSWER);
	assert_int_equal(error_of(out), -EACCES);
	assert_int_equal(ask(&idle, from_user(make(FUSE_LOOKUP, 1, "x", 2), 7), out, &size), IDLE_ANSWER);
	assert_int_equal(error_of(out), -EACCES);
	assert_int_equal(ask(&idle, from_user(make(FUSE_LOOKUP, 1, "x", 2), 0), out, &size), IDLE_START);
	assert_int_equal(ask(&idle, from_user(make(FUSE_LOOKUP, 1, "x", 2), 1000), out, &size),
	    IDLE_START);
	/* What was opened may be handed on. */
	assert_int_equal(ask(&idle, from_user(make(FUSE_READ, 1, NULL, 0), 7), out, &size), IDLE_START);
	assert_int_equal(ask(&idle, from_user(make(FUSE_GETATTR, 1, &arg, sizeof(arg)), 0), out, &size),
	    IDLE_ANSWER);
	memcpy(&answer, out + sizeof(struct fuse_out_header), sizeof(answer));
	assert_int_equal(answer.attr.mode, S_IFDIR | 0700);
}

static int
end_of(uint32_t opcode)
{
	struct fuse_out_header out;
	char answer[IDLE_ANSWER_MAX];

	assert_int_equal(idle_end(77, opcode, answer), sizeof(out));
	memcpy(&out, answer, sizeof(out));
	assert_int_equal(out.unique, 77);
	assert_int_equal(out.len, sizeof(out));
	return out.error;
}

static void
test_end_of_what_was_taken(void **state)
{
	(void)state;
	assert_int_equal(end_of(FUSE_LOOKUP), -ESTALE);
	assert_int_equal(end_of(FUSE_READ), -EINTR);
	assert_int_equal(end_of(FUSE_RELEASE), 0);
	/* The kernel must not try these again by itself. */
	assert_int_equal(end_of(FUSE_MKDIR), -EINTR);
	assert_int_equal(end_of(FUSE_CREATE), -EINTR);
	assert_int_equal(end_of(FUSE_RENAME2), -EINTR);
	assert_int_equal(end_of(12345), -EINTR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory_getattr),
		cmocka_unit_test(test_statx),
		cmocka_unit_test(test_file_of_unknown_size_starts),
		cmocka_unit_test(test_what_starts_nothing),
		cmocka_unit_test(test_what_starts),
		cmocka_unit_test(test_failed_node),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_init_takes_only_what_is_offered),
		cmocka_unit_test(test_init_of_a_recent_kernel),
		cmocka_unit_test(test_init_of_other_ages),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_shared_with_root),
		cmocka_unit_test(test_end_of_what_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
