/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-n: those who want what is not theirs, say what is no request, flood, sleep or lie; and the
 * day when portd is gone. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "port/names.h"
#include "portd/account.h"
#include "tests/ports/suite.h"
#include "tests/world.h"
#include "wire/frame.h"
#include "wire/messages.h"

enum { NOBODY = 65534 };

/* Names that are not theirs ------------------------------------------------------------------- */

struct guess {
	uint32_t n;
	uint32_t own;		/* of these, the guesser's */
};

static bool
is_among(const struct port_entry *entries, size_t n, port_name_t name)
{
	for (size_t i = 0; i < n; i++)
		if (entries[i].name == name)
			return true;
	return false;
}

static long
guess_names(void *arg)
{
	struct guess *guess = arg;
	struct port_entry *entries;
	size_t n;

	OK(api->names(&entries, &n, PORT_NULL));
	for (uint32_t name = 0; name < guess->n; name++) {
		struct port_message message = { .remote = name, .remote_disposition = CS };

		if (is_among(entries, n, name)) {
			guess->own++;
			continue;
		}
		IS(api->exchange(&message, 0, PORT_NULL, NULL, 0, 0), PORT_E_SEND_INVALID_DEST);
		port_message_deinit(&message);
	}
	free(entries);
	return 0;
}

CASE(N01, CASE_HEAVY, "task sends to all 2^16 small integers not in its table: all SEND_INVALID_DEST")
{
	struct guess guess = { many(1 << 16), 0 };
	port_name_t theirs[20];

	for (int i = 0; i < 20; i++)
		theirs[i] = new_port_rs(i % 2 ? U : V);
	new_port(T);
	OK(run(T, guess_names, &guess, sizeof(guess)));
	YES(guess.own > 0);
	for (int i = 0; i < 20; i++)
		IS(status(i % 2 ? U : V, theirs[i]).msgcount, 0);
}

CASE(N05, FD_NEVER, "SO by CS or MS: refused; by MSO twice: the second refused")
{
	port_name_t n = new_port(T), so = give(T, n, KSO, U), inbox = new_port(V),
		    to = give(V, inbox, KS, U);
	struct wire_port twice[] = { { so, MSO }, { so, MSO } };
	struct letter l = letter(to, CS, 1);

	IS(send_right(U, to, CS, so, CS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(U, to, CS, so, MS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_plain(U, so, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, so, MS, 1), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, so, "SO");
	IS(status(T, n).sorights, 1);
	IS(status(T, n).srights, 0);
	l.ports = twice;
	l.n_ports = 2;
	IS(exchange(U, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(U, so, "-");
	expect_nothing(V, inbox);
	expect_notification(T, n, PORT_NOTIFY_SEND_ONCE, -1);
	so = give(T, n, KSO, U);
	OK(send_plain(U, so, MSO, 5));
	IS(send_plain(U, so, MSO, 6), PORT_E_SEND_INVALID_DEST);
	expect_message(T, n, 5);
	expect_nothing(T, n);
}

CASE(N06, FD_NEVER, "S holder tries KS, receive, to end the channel: refused, other senders unaffected")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), other = give(T, n, KS, V),
		    inbox = new_port(V), to = give(V, inbox, KS, U), notify = new_port(U);

	IS(send_right(U, to, CS, m, KS), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(U, to, CS, m, KSO), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(U, to, CS, m, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_plain(U, m, KS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_reply(U, m, CS, m, KSO), PORT_E_SEND_INVALID_REPLY);
	IS(insert(U, m, m, KS), PORT_E_INVALID_RIGHT);
	IS(receive(U, m, NULL), PORT_E_RCV_INVALID_NAME);
	IS(mod_refs(U, m, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	IS(destruct(U, m, 0, 0), PORT_E_INVALID_RIGHT);
	IS(set_qlimit(U, m, 0), PORT_E_INVALID_RIGHT);
	IS(set_mscount(U, m, 9), PORT_E_INVALID_RIGHT);
	IS(guard(U, m, 1, 1), PORT_E_INVALID_RIGHT);
	IS(request(U, m, PORT_NOTIFY_PORT_DESTROYED, 0, notify, KSO, NULL), PORT_E_INVALID_RIGHT);
	expect_notification(U, notify, PORT_NOTIFY_SEND_ONCE, -1);
	ENTRY(U, m, "S1");
	OK(send_plain(V, other, CS, 7));
	OK(destroy(U, m));
	OK(send_plain(V, other, CS, 8));
	expect_message(T, n, 7);
	expect_message(T, n, 8);
	IS(status(T, n).mscount, 2);
	IS(status(T, n).sorights, 0);
	expect_nothing(V, inbox);
}

static long
bootstrap_of(void *arg)
{
	*(port_name_t *)arg = port_bootstrap();
	return 0;
}

CASE(N13, CASE_PRIVATE, "task-control and host rights in messages: only what one holds, no amplification")
{
	port_name_t inbox = new_port(U), to = give(U, inbox, KS, T), n = new_port(T), self, tp, host,
		    theirs, code = PORT_NULL;
	struct mail mail;
	size_t n_names;

	OK(task_self(T, &self));
	OK(send_right(T, to, CS, self, CS));
	OK(receive(U, inbox, &mail));
	tp = mail.ports[0].name;
	ENTRY(U, tp, "S1");
	/* It stands for T, not more: */
	OK(names_in(U, tp, &n_names));
	IS(n_names, count_names(T));
	OK(extract(U, tp, n, KS, &code));
	ENTRY(U, code, "S1");
	OK(deallocate(U, code));
	/* nobody makes another kind of it; */
	IS(send_plain(U, tp, KS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_right(U, give(U, inbox, KS, U), CS, tp, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(U, inbox, CS, tp, KSO), PORT_E_SEND_INVALID_RIGHT);
	IS(insert(U, tp, tp, KS), PORT_E_INVALID_RIGHT);
	IS(receive(U, tp, NULL), PORT_E_RCV_INVALID_NAME);
	IS(mod_refs(U, tp, RECEIVE, -1), PORT_E_INVALID_RIGHT);
	/* the integer is nothing in another task; */
	IS(names_in(V, tp, &n_names), PORT_E_INVALID_TASK);
	IS(names_in(V, self, &n_names), PORT_E_INVALID_TASK);
	/* and what portd gives to all is no task. */
	OK(run(T, bootstrap_of, &host, sizeof(host)));
	OK(run(U, bootstrap_of, &theirs, sizeof(theirs)));
	OK(send_right(T, to, CS, host, CS));
	OK(receive(U, inbox, &mail));
	IS(mail.ports[0].name, theirs);
	IS(send_right(T, to, CS, host, MR), PORT_E_SEND_INVALID_RIGHT);
	IS(names_in(U, theirs, &n_names), PORT_E_INVALID_TASK);
	IS(destroy_in(U, theirs, n), PORT_E_INVALID_TASK);
	ENTRY(T, n, "R");
	OK(deallocate(U, theirs));
	/* Its holder's death leaves T alone; T's own ends it. */
	OK(destroy(U, tp));
	ENTRY(T, n, "R");
	tp = give(T, self, CS, V);
	kill_task(T);
	ENTRY(V, tp, "D1");
	IS(names_in(V, tp, &n_names), PORT_E_INVALID_TASK);
}

/* Both sides of a double free: in one task, by two threads. */
struct reuse {
	uint32_t turns;
	bool twice;
};

static long
allocate_and_free(void *arg)
{
	const struct reuse *reuse = arg;

	for (uint32_t i = 0; i < reuse->turns; i++) {
		port_name_t name;
		uint32_t urefs = 0;

		OK(api->allocate(PORT_RIGHT_DEAD_NAME, &name, PORT_NULL));
		OK(api->get_refs(name, PORT_RIGHT_DEAD_NAME, &urefs, PORT_NULL));
		IS(urefs, 1);
		OK(api->deallocate(name, PORT_NULL));
		if (reuse->twice)
			IS(api->deallocate(name, PORT_NULL), PORT_E_INVALID_NAME);
	}
	return 0;
}

CASE(N11, FD_NEVER, "double deallocate while another thread allocates: the second one INVALID_NAME, not a stranger's right")
{
	struct reuse reuse = { many(5000), true };
	struct task *other = thread_of(U, 1);
	port_name_t n = new_port(T), m = give(T, n, KS, U), stranger;
	size_t before;

	OK(deallocate(U, m));
	OK(allocate(other, RECEIVE, &stranger));
	DIFFER(stranger, m);
	IS(deallocate(U, m), PORT_E_INVALID_NAME);
	IS(destroy(U, m), PORT_E_INVALID_NAME);
	ENTRY(U, stranger, "R");
	before = count_names(U);
	post_run(other, allocate_and_free, &(struct reuse){ reuse.turns, false }, sizeof(reuse));
	OK(run(U, allocate_and_free, &reuse, sizeof(reuse)));
	OK(fetch_run(other, &reuse, sizeof(reuse)));
	NAMES(U, (long long)before);
	ENTRY(U, stranger, "R");
}

/* Who somebody is ---------------------------------------------------------------------------------- */

CASE(N04, FD_CAN, "trailer pid, uid = the true sender, whatever the body says")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), v;
	struct letter l = letter(m, CS, 1);
	char lie[64];
	struct mail mail;

	snprintf(lie, sizeof(lie), "pid %d uid %u task %u", (int)pid_of(V), 12345u, id_of(V));
	l.body = (struct wire_blob){ lie, 64 };
	OK(exchange(U, &l, NULL));
	OK(receive(T, n, &mail));
	IS(mail.out.pid, pid_of(U));
	IS(mail.out.uid, getuid());
	IS(mail.out.gid, getgid());
	IS(mail.out.task, id_of(U));
	/* Whoever made the right does not matter, but who used it. */
	v = new_port(V);
	OK(send_right(U, give(V, v, KS, U), MS, m, CS));
	OK(receive(V, v, &mail));
	IS(mail.out.pid, pid_of(U));
	OK(send_plain(V, mail.ports[0].name, MS, 2));
	OK(receive(T, n, &mail));
	IS(mail.out.pid, pid_of(V));
	IS(mail.out.task, id_of(V));
}

/* Keeps what it takes to come back. */
static long
be_nobody(void *arg)
{
	(void)arg;
	if (setresgid(NOBODY, (gid_t)-1, (gid_t)-1) < 0 || setresuid(NOBODY, (uid_t)-1, (uid_t)-1) < 0)
		return -errno;
	return 0;
}

CASE(N04b, FD_CAN, "after setuid the new uid; what was sent before keeps the old one")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct mail mail;

	if (getuid() != 0)
		case_skip("only root can become another user");
	OK(send_plain(U, m, CS, 1));
	OK(run(U, be_nobody, NULL, 0));
	OK(send_plain(U, m, CS, 2));
	OK(receive(T, n, &mail));
	IS(mail.out.id, 1);
	IS(mail.out.uid, 0);
	IS(mail.out.gid, getgid());
	OK(receive(T, n, &mail));
	IS(mail.out.id, 2);
	IS(mail.out.uid, NOBODY);
	IS(mail.out.gid, NOBODY);
	IS(mail.out.pid, pid_of(U));
}

/* Connections by hand: in agents ---------------------------------------------------------------------- */

/* One more connection to where this process, or its parent, is connected. (Both ends of a
 * connection that portd has made by itself may have names, too, but nobody listens there.) */
static int
connect_as_before(void)
{
	for (int old = 3; old < 256; old++) {
		struct sockaddr_un address = { 0 };
		socklen_t size = sizeof(address), type_size = sizeof(int);
		int type, fd;

		if (getsockopt(old, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
		    type != SOCK_SEQPACKET ||
		    getpeername(old, (struct sockaddr *)&address, &size) < 0 ||
		    size <= sizeof(sa_family_t))
			continue;
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		YES(fd >= 0);
		if (connect(fd, (struct sockaddr *)&address, size) == 0)
			return fd;
		close(fd);
	}
	FAIL("this process is not connected to anybody who listens");
}

/* The code of an answer, or -EPIPE: there will be none. */
static int
hear(int fd)
{
	struct pollfd waited = { .fd = fd, .events = POLLIN };
	struct frame frame;
	int err;

	if (poll(&waited, 1, PATIENCE_MS) != 1)
		FAIL("neither an answer nor the end");
	err = frame_receive(fd, &frame, 0);
	if (err)
		return err;
	err = frame.code;
	wire_buf_deinit(&frame.body);
	return err;
}

static int
say_hello(int fd, const char *program)
{
	struct frame frame = { .call = CALL_hello, .cookie = 1 };
	struct hello_in in = { .version = WIRE_VERSION, .program = program };
	int err;

	hello_in_put(&frame.body, &in);
	err = frame_send(fd, &frame, 0);
	wire_buf_deinit(&frame.body);
	return err ? err : hear(fd);
}

static int
open_raw(void)
{
	int fd = connect_as_before();

	OK(say_hello(fd, "raw"));
	return fd;
}

/* As the effective user that is told: what hello is answered. Raw system calls, for no
 * thread but this. */
static long
hello_as(void *arg)
{
	uid_t uid = *(uid_t *)arg, mine = getuid();
	int fd, err;

	if (syscall(SYS_setresuid, -1, uid, -1) < 0)
		return -errno;
	syscall(SYS_setfsuid, mine);
	fd = connect_as_before();
	err = say_hello(fd, "stranger");
	close(fd);
	syscall(SYS_setresuid, -1, mine, -1);
	return err;
}

CASE(N02, CASE_PRIVATE, "a process of another uid connects: refused")
{
	uint32_t before = world_count().tasks;
	struct task *child;

	if (getuid() != 0)
		case_skip("only root can become another user");
	child = fork_task(V);
	OK(run(child, hello_as, &(uid_t){ 0 }, sizeof(uid_t)));
	UNTIL(world_count().tasks == before);
	IS(run(child, hello_as, &(uid_t){ NOBODY }, sizeof(uid_t)), -EPIPE);
	IS(world_count().tasks, before);
	kill_now(child);
	ENTRY(V, new_port(V), "R");
}

/* What is no request ------------------------------------------------------------------------------------ */

enum {
	RECORD_MAX = 1024,
	/* words of a frame's header */
	MAGIC = 0, SIZE, CALL, COOKIE, CODE, N_ITEMS, BODY_SIZE, MEMORY_SIZE, REGION_SIZE,
	HEADER_WORDS = 10,
};

/* A frame as it travels. */
struct record {
	union {
		uint32_t word[RECORD_MAX / 4];
		uint8_t byte[RECORD_MAX];
	};
	size_t size;
	int n_fds;
};

static struct record
record_of(struct frame *frame)
{
	struct record record = { .n_fds = (int)frame->body.fds.n };
	int ends[2];
	ssize_t n;

	OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	OK(frame_send(ends[0], frame, 0));
	wire_buf_deinit(&frame->body);
	n = recv(ends[1], record.byte, sizeof(record.byte), 0);
	YES(n > 0);
	record.size = (size_t)n;
	close(ends[0]);
	close(ends[1]);
	return record;
}

static struct record
record_of_type(void)
{
	struct frame frame = { .call = CALL_type, .cookie = 2 };

	type_in_put(&frame.body, &(struct type_in){ .name = 1 });
	return record_of(&frame);
}

/* A message with an element beside its body, and so many bytes behind. */
static struct record
record_of_msg(struct wire_port item, uint32_t memory_size)
{
	struct frame frame = { .call = CALL_msg, .cookie = 2 };
	struct msg_in in = { .options = PORT_MSG_SEND, .bits = CS, .remote = UNKNOWN };
	struct record record;
	uint8_t *pair;

	msg_in_put(&frame.body, &in);
	wire_put_port(&frame.body, (struct wire_port){ 1, CS });
	record = record_of(&frame);
	pair = record.byte + record.size - 8;
	memcpy(pair, &item.name, 4);
	memcpy(pair + 4, &item.disposition, 4);
	memset(record.byte + record.size, 0, memory_size);
	record.size += memory_size;
	record.word[SIZE] = (uint32_t)record.size;
	record.word[MEMORY_SIZE] = memory_size;
	return record;
}

/* False: the other end has gone. */
static bool
send_record(int fd, const struct record *record)
{
	char control[CMSG_SPACE(40 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)record->byte, record->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (record->n_fds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE((size_t)record->n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)record->n_fds * sizeof(int));
		for (int i = 0; i < record->n_fds; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &fd, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) >= 0;
}

/* Over a connection of its own: it is the last thing that is read there. */
static void
expect_disconnect(struct record record, int line)
{
	int fd = open_raw(), err;

	YES(send_record(fd, &record));
	err = hear(fd);
	if (err != -EPIPE)
		FAIL("the record of line %d is answered %d", line, err);
	close(fd);
}

#define REFUSED(record) expect_disconnect(record, __LINE__)

static struct record
changed(struct record record, int word, uint32_t value)
{
	record.word[word] = value;
	return record;
}

static struct record
resized(struct record record, size_t size, bool honest)
{
	record.size = size;
	if (honest)
		record.word[SIZE] = (uint32_t)size;
	return record;
}

static long
send_malformed(void *arg)
{
	struct record good = record_of_type(), many_fds = good;
	uint32_t body = good.word[BODY_SIZE];
	int fd;

	(void)arg;
	/* length */
	for (size_t size = 1; size < good.size; size += 3)
		REFUSED(resized(good, size, false));
	REFUSED(resized(good, HEADER_WORDS * 4, true));
	REFUSED(resized(good, good.size - 1, true));
	REFUSED(resized(good, good.size + 1, false));
	REFUSED(resized(good, good.size + 1, true));
	REFUSED(changed(good, MAGIC, good.word[MAGIC] ^ 1));
	REFUSED(changed(good, SIZE, 0));
	REFUSED(changed(good, SIZE, UINT32_MAX));
	/* counts */
	REFUSED(changed(good, N_ITEMS, 1));
	REFUSED(changed(good, N_ITEMS, UINT32_MAX));
	REFUSED(changed(changed(good, N_ITEMS, 1u << 29), BODY_SIZE, body));
	REFUSED(changed(good, BODY_SIZE, body - 4));
	REFUSED(changed(good, BODY_SIZE, body + 4));
	REFUSED(changed(good, BODY_SIZE, UINT32_MAX));
	REFUSED(changed(good, MEMORY_SIZE, 4));
	/* parts that overlap, or whose sum wraps round */
	REFUSED(changed(changed(good, N_ITEMS, 1), BODY_SIZE, body - 8));
	REFUSED(changed(changed(good, MEMORY_SIZE, 4), BODY_SIZE, body - 4));
	REFUSED(changed(changed(good, MEMORY_SIZE, 0u - 4), BODY_SIZE, body + 4));
	REFUSED(changed(changed(good, N_ITEMS, UINT32_MAX), BODY_SIZE, body + 8));
	/* memory and its elements */
	REFUSED(changed(good, REGION_SIZE, 4096));
	REFUSED(record_of_msg((struct wire_port){ 8, WIRE_ITEM_MEMORY }, 4));
	REFUSED(record_of_msg((struct wire_port){ 4, WIRE_ITEM_MEMORY }, 8));
	REFUSED(record_of_msg((struct wire_port){ UINT32_MAX, WIRE_ITEM_MEMORY }, 4));
	REFUSED(record_of_msg((struct wire_port){ 4096, WIRE_ITEM_REGION }, 0));
	/* descriptors */
	many_fds.n_fds = PORT_MSG_FDS_MAX + 1;
	REFUSED(many_fds);
	/* calls */
	REFUSED(changed(good, CALL, 0));
	REFUSED(changed(good, CALL, 9999));
	REFUSED(changed(good, CALL, CALL_hello));
	REFUSED(changed(good, CALL, CALL_msg));
	/* The good one is good, and of no interest to the others. */
	fd = open_raw();
	YES(send_record(fd, &good));
	IS(hear(fd), PORT_E_INVALID_NAME);
	close(fd);
	return 0;
}

/* A valid record, or nearly. */
static struct record
random_record(void)
{
	struct frame frame = { .call = chance(4) ? CALL_msg : chance(42), .cookie = chance(100) };
	struct record record;

	if (chance(2)) {
		struct msg_in in = {
			.options = chance(1 << 13),
			.bits = chance(24) | chance(24) << 8,
			.remote = chance(4) << 8 | 1,
			.local = chance(2) ? chance(4) << 8 | 1 : 0,
			.id = chance(8),
			.rcv_name = chance(8) << 8 | 1,
			.rcv_size = chance(4096),
		};

		msg_in_put(&frame.body, &in);
	} else {
		for (uint32_t n = chance(16); n > 0; n--)
			wire_put_u32(&frame.body, chance(3) ? chance(1024) : chance(UINT32_MAX));
	}
	for (uint32_t n = chance(4); n > 0; n--)
		wire_put_port(&frame.body, (struct wire_port){ chance(1024), chance(24) });
	if (chance(20) == 0)
		wire_put_fd(&frame.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
	record = record_of(&frame);
	for (uint32_t n = chance(4); n > 0; n--)
		record.byte[chance((uint32_t)record.size)] = (uint8_t)chance(256);
	if (chance(8) == 0)
		record.size = 1 + chance((uint32_t)record.size);
	if (chance(30) == 0)
		record.n_fds = (int)chance(PORT_MSG_FDS_MAX + 6);
	return record;
}

/* How many connections were ended. */
static long
send_mutated(void *arg)
{
	uint32_t turns = *(uint32_t *)arg;
	long ended = 0;
	int fd = open_raw();

	for (uint32_t i = 0; i < turns; i++) {
		struct record record = random_record();
		uint8_t sink[RECORD_MAX];
		bool gone = !send_record(fd, &record);
		ssize_t n = 0;

		while (!gone && (n = recv(fd, sink, sizeof(sink), MSG_DONTWAIT)) > 0)
			;
		if (gone || n == 0 || (n < 0 && errno != EAGAIN)) {
			close(fd);
			fd = open_raw();
			ended++;
		}
	}
	close(fd);
	return ended;
}

CASE(N07, CASE_PRIVATE, "malformed frames (length, counts, offsets, overlaps): no crash, the offender is disconnected")
{
	struct world_count before;
	port_name_t n = new_port(T), m = give(T, n, KS, V);
	uint32_t turns = many(20000);
	size_t names_before = count_names(U);

	settle();
	before = world_count();
	OK(run(U, send_malformed, NULL, 0));
	YES(run(U, send_mutated, &turns, sizeof(turns)) > 0);
	UNTIL(world_count().tasks == before.tasks);
	world_verify();
	IS(world_count().ports, before.ports);
	UNTIL(world_count().messages == before.messages);
	NAMES(U, (long long)names_before);
	OK(send_plain(V, m, CS, 6));
	expect_message(T, n, 6);
}

/* Floods ------------------------------------------------------------------------------------------------------ */

/* A server and a client who have nothing to do with a flood. */
static struct bystanders {
	_Atomic uint32_t calls;
	_Atomic uint32_t enough;
} *bystanders;

struct role {
	struct bystanders *shared;
	port_name_t port;
};

enum { STOP = 99 };

static long
answer_calls(void *arg)
{
	const struct role *role = arg;

	for (;;) {
		struct port_message request = { 0 }, reply;

		OK(api->exchange(NULL, 0, role->port, &request, PORT_FOREVER, 0));
		reply = (struct port_message){ .id = request.id + 100, .remote = request.remote,
			.remote_disposition = MSO };
		OK(api->exchange(&reply, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&request);
		if (reply.id == STOP + 100)
			return 0;
	}
}

static void
call_once(port_name_t server, port_name_t local, uint32_t id)
{
	struct port_message request = { .id = id, .remote = server, .remote_disposition = CS,
		.local = local, .local_disposition = KSO };
	struct port_message reply = { 0 };

	OK(api->exchange(&request, PORT_FOREVER, local, &reply, PORT_FOREVER, 0));
	IS(reply.id, id + 100);
	port_message_deinit(&request);
	port_message_deinit(&reply);
}

static long
make_calls(void *arg)
{
	const struct role *role = arg;
	port_name_t local;

	OK(api->allocate(PORT_RIGHT_RECEIVE, &local, PORT_NULL));
	while (!role->shared->enough) {
		call_once(role->port, local, 1);
		role->shared->calls++;
	}
	call_once(role->port, local, STOP);
	OK(api->destroy(local, PORT_NULL));
	return 0;
}

/* U serves, V calls. */
static void
start_bystanders(void)
{
	port_name_t p = new_port(U);
	struct role client = { shared(sizeof(*bystanders)), give(U, p, KS, V) };
	struct role server = { client.shared, p };

	bystanders = client.shared;
	post_run(U, answer_calls, &server, sizeof(server));
	post_run(V, make_calls, &client, sizeof(client));
	UNTIL(bystanders->calls > 0);
}

/* They still do. */
static void
bystanders_go_on(uint32_t calls)
{
	uint32_t before = bystanders->calls;

	UNTIL(bystanders->calls >= before + calls);
}

static void
end_bystanders(void)
{
	struct role role;

	bystanders->enough = 1;
	OK(fetch_run(V, &role, sizeof(role)));
	OK(fetch_run(U, &role, sizeof(role)));
}

struct flood {
	port_name_t to[3];	/* the flooder's own ports */
	uint32_t bytes;		/* of each message */
	bool with_fd;
	uint32_t n;		/* done */
	int code;		/* that ended it */
};

/* By send-once rights, for which a queue has no limit. */
static long
flood_messages(void *arg)
{
	struct flood *flood = arg;
	static char zeros[PORT_MSG_BODY_MAX];
	int port = 0;

	do {
		struct port_message message = { .remote = flood->to[port], .remote_disposition = KSO };

		wire_put_bytes(&message.body, zeros, flood->bytes);
		if (flood->with_fd)
			wire_put_fd(&message.body, open("/dev/null", O_RDONLY | O_CLOEXEC));
		flood->code = api->exchange(&message, 0, PORT_NULL, NULL, 0, 0);
		port_message_deinit(&message);
		flood->n += flood->code == 0;
		/* A queue that is full, too. */
		if (flood->code == PORT_E_SEND_NO_BUFFER && port < 2) {
			port++;
			flood->code = 0;
		}
	} while (flood->code == 0);
	return 0;
}

static long
flood_ports(void *arg)
{
	struct flood *flood = arg;
	port_name_t name;

	while ((flood->code = api->allocate(PORT_RIGHT_RECEIVE, &name, PORT_NULL)) == 0)
		flood->n++;
	return 0;
}

/* Send-once rights to its own port, each a name. */
static long
flood_rights(void *arg)
{
	struct flood *flood = arg;

	for (;;) {
		struct port_message message = { .remote = flood->to[0], .remote_disposition = KS };
		struct port_message got = { 0 };

		for (int i = 0; i < 1000; i++)
			wire_put_port(&message.body, (struct wire_port){ flood->to[0], KSO });
		flood->code = api->exchange(&message, 0, flood->to[0], &got, 0, 0);
		port_message_deinit(&message);
		port_message_deinit(&got);
		if (flood->code)
			return 0;
		flood->n += 1000;
	}
}

static struct flood
flood(long (*function)(void *), struct flood what)
{
	for (int i = 0; i < 3; i++)
		what.to[i] = new_port(T);
	post_run(T, function, &what, sizeof(what));
	bystanders_go_on(50);
	OK(fetch_run(T, &what, sizeof(what)));
	bystanders_go_on(50);
	return what;
}

/* Destroys its ports, and with them what they hold. */
static void
drain(const struct flood *what)
{
	for (int i = 0; i < 3; i++)
		OK(destroy(T, what->to[i]));
	bystanders_go_on(50);
}

CASE(N08, CASE_PRIVATE | CASE_HEAVY, "a task that floods messages, bytes, descriptors: stopped by its quota; a bystander's RPCs go on")
{
	struct flood f;

	start_bystanders();
	f = flood(flood_messages, (struct flood){ .bytes = 80000 });
	IS(f.code, PORT_E_SEND_NO_BUFFER);
	YES(f.n > 100 && f.n <= ACCOUNT_BYTES_MAX / 80000);
	drain(&f);
	f = flood(flood_messages, (struct flood){ .with_fd = true });
	IS(f.code, PORT_E_SEND_NO_BUFFER);
	YES(f.n > 10 && f.n <= ACCOUNT_DESCRIPTORS_MAX);
	drain(&f);
	f = flood(flood_messages, (struct flood){ .bytes = 4 });
	IS(f.code, PORT_E_SEND_NO_BUFFER);
	YES(f.n > 65536 && f.n <= ACCOUNT_MESSAGES_MAX);
	IS(status(T, f.to[0]).msgcount, PORT_QUEUE_MAX);
	/* It may have no more; others may. */
	OK(send_plain(thread_of(V, 1), new_port_rs(thread_of(V, 1)), CS, 1));
	drain(&f);
	f = flood(flood_messages, (struct flood){ .bytes = 80000 });
	YES(f.n > 100);		/* what it gave back it has again */
	kill_task(T);
	bystanders_go_on(50);
	end_bystanders();
}

CASE(N08b, CASE_PRIVATE | CASE_HEAVY, "a task that floods ports and rights: stopped by its quota; a bystander's RPCs go on")
{
	struct flood f;

	start_bystanders();
	f = flood(flood_ports, (struct flood){ 0 });
	IS(f.code, PORT_E_NO_SPACE);
	YES(f.n > 10000 && f.n <= ACCOUNT_RIGHTS_MAX);
	IS(allocate(T, PORT_SET, NULL), PORT_E_NO_SPACE);
	ENTRY(thread_of(U, 1), new_port(thread_of(U, 1)), "R");
	kill_task(T);
	restart(T);
	f = flood(flood_rights, (struct flood){ 0 });
	YES((f.code & ~PORT_E_DETAIL_MASK) == PORT_E_RCV_BODY_ERROR ||
	    (f.code & ~PORT_E_DETAIL_MASK) == PORT_E_RCV_HEADER_ERROR);
	YES(f.n > 10000 && f.n <= ACCOUNT_RIGHTS_MAX);
	bystanders_go_on(50);
	end_bystanders();
}

/* Those who do not listen ------------------------------------------------------------------------------------ */

CASE(N12, FD_LIBRARY, "a receiver is stopped: portd never blocks, the others are fine; it misses nothing")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), p = new_port(U), s = give(U, p, KS, V);
	struct task *sender = thread_of(U, 1);
	struct mail mail;

	post_receive(T, n);
	stop_task(T);
	for (uint32_t i = 0; i <= PORT_QLIMIT_DEFAULT; i++)	/* one was waited for */
		OK(send_plain(U, m, CS, i));
	IS(send_plain(U, m, CS, 6), PORT_E_SEND_TIMED_OUT);
	ENTRY(U, m, "S2");
	post_send(sender, m, CS, 6);
	for (uint32_t i = 0; i < many(500); i++) {
		OK(send_plain(V, s, CS, i));
		expect_message(U, p, i);
	}
	NO(has_reply(sender));
	continue_task(T);
	OK(fetch(T, &mail));
	IS(mail.out.id, 0);
	for (uint32_t i = 1; i <= 6; i++)
		expect_message(T, n, i);
	OK(fetch(sender, NULL));
	expect_nothing(T, n);
}

struct deaf {
	uint32_t sent;
	uint32_t answered;
};

/* Asks on and on, and reads nothing until it can ask no more. */
static long
ask_and_not_read(void *arg)
{
	struct deaf *deaf = arg;
	struct frame ask = { .call = CALL_names, .cookie = 7 };
	int fd = open_raw();
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	names_in_put(&ask.body, &(struct names_in){ 0 });
	/* Room for one more never comes when so many answers are not read. */
	while (deaf->sent < 100000 && poll(&room, 1, 300) == 1)
		deaf->sent += frame_send_keep(fd, &ask, MSG_DONTWAIT) == 0;
	while (deaf->answered < deaf->sent) {
		OK(hear(fd));
		deaf->answered++;
	}
	wire_buf_deinit(&ask.body);
	close(fd);
	return 0;
}

CASE(N12b, CASE_PRIVATE, "a task never reads its connection: it is not read either; the others are fine, and it has its answers at last")
{
	struct deaf deaf = { 0 };

	start_bystanders();
	post_run(T, ask_and_not_read, &deaf, sizeof(deaf));
	bystanders_go_on(200);
	OK(fetch_run(T, &deaf, sizeof(deaf)));
	YES(deaf.sent > 10 && deaf.sent < 100000);
	IS(deaf.answered, deaf.sent);
	bystanders_go_on(200);
	end_bystanders();
}

/* The end of portd --------------------------------------------------------------------------------------------- */

/* A world of this case's own, with its line. */
struct own_world {
	struct sockaddr_un address;
	socklen_t address_size;
	pid_t pid;
	int line;
};

static _Noreturn void
be_world(const char *program, int listener, int line)
{
	int high = fcntl(listener, F_DUPFD, 10), higher = fcntl(line, F_DUPFD, 10);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(high, WORLD_LISTENER);
	dup2(higher, WORLD_LINE);
	close(high);
	close(higher);
	execl(program, "world", NULL);
	_exit(127);
}

static struct own_world
start_world(void)
{
	struct own_world world = { .address = { .sun_family = AF_UNIX } };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), on = 1, line[2];
	char link[64], program[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)world_pid());
	n = readlink(link, program, sizeof(program) - 1);
	YES(n > 0);
	program[n] = '\0';
	/* An address that is no file: nothing is left of it. */
	snprintf(world.address.sun_path + 1, sizeof(world.address.sun_path) - 1, "hird-n14-%d",
	    (int)getpid());
	world.address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    strlen(world.address.sun_path + 1));
	OK(setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	OK(bind(listener, (struct sockaddr *)&world.address, world.address_size));
	OK(listen(listener, 10));
	OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line));
	world.pid = fork();
	YES(world.pid >= 0);
	if (world.pid == 0)
		be_world(program, listener, line[1]);
	close(listener);
	close(line[1]);
	world.line = line[0];
	return world;
}

static int
end_world(struct own_world *world, int number)
{
	int how;

	OK(kill(world->pid, number));
	IS(waitpid(world->pid, &how, 0), world->pid);
	close(world->line);
	return how;
}

/* How many threads of a task wait there. */
static uint32_t
waiting_there(const struct own_world *world, uint32_t task)
{
	struct world_ask ask = { .question = WORLD_WAITING, .argument = { task } };
	struct world_answer answer = { 0 };

	IS(send(world->line, &ask, sizeof(ask), MSG_NOSIGNAL), sizeof(ask));
	IS(recv(world->line, &answer, sizeof(answer), 0), sizeof(answer));
	return answer.waiting;
}

/* In a fork child, which begins as nobody's task. */
struct exile {
	struct sockaddr_un address;
	socklen_t address_size;
	uint32_t id;
	port_name_t port;		/* that it serves, or calls */
};

static long
attach_there(void *arg)
{
	struct exile *exile = arg;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	port_detach();
	if (connect(fd, (struct sockaddr *)&exile->address, exile->address_size) < 0)
		return -errno;
	err = port_attach(fd, "exile");
	exile->id = port_task_id();
	return err;
}

static long
serve_there(void *arg)
{
	struct exile *exile = arg;

	return port_check_in(port_bootstrap(), "n14", &exile->port);
}

static long
find_there(void *arg)
{
	struct exile *exile = arg;

	return port_look_up(port_bootstrap(), "n14", &exile->port);
}

static long
call_there(void *arg)
{
	struct exile *exile = arg;
	struct port_message request = { .id = 1, .remote = exile->port, .remote_disposition = CS,
		.local_disposition = KSO };
	struct port_message reply = { 0 };
	int err;

	OK(port_allocate(PORT_RIGHT_RECEIVE, &request.local));
	err = port_exchange(&request, PORT_FOREVER, request.local, &reply, PORT_FOREVER, 0);
	if (err == 0)
		IS(reply.id, 101);
	port_message_deinit(&request);
	port_message_deinit(&reply);
	return err;
}

/* Receives one; answers it, or keeps who called waiting. */
static long
receive_there(void *arg)
{
	struct exile *exile = arg;
	struct port_message request = { 0 };
	int err = port_receive(exile->port, &request, PORT_FOREVER);

	port_message_deinit(&request);
	return err;
}

static long
answer_there(void *arg)
{
	struct exile *exile = arg;
	struct port_message request = { 0 }, reply;
	int err = port_receive(exile->port, &request, PORT_FOREVER);

	if (err)
		return err;
	reply = (struct port_message){ .id = request.id + 100, .remote = request.remote,
		.remote_disposition = MSO };
	port_message_deinit(&request);
	return port_send(&reply, PORT_FOREVER);
}

/* Every call says the same, and changes nothing. */
static long
call_the_dead(void *arg)
{
	struct exile *exile = arg;
	struct port_message message = { .remote = exile->port, .remote_disposition = KS };
	struct port_message got;
	struct port_entry *entries = NULL;
	port_name_t name = UNKNOWN;
	uint32_t type = UNKNOWN;
	size_t n = UNKNOWN;

	for (int i = 0; i < 3; i++) {
		IS(port_allocate(PORT_RIGHT_RECEIVE, &name), -ENOTCONN);
		IS(port_type(exile->port, &type), -ENOTCONN);
		IS(port_names(&entries, &n), -ENOTCONN);
		IS(port_deallocate(exile->port), -ENOTCONN);
		IS(port_send(&message, 0), -ENOTCONN);
		IS(port_receive(exile->port, &got, 0), -ENOTCONN);
		IS(port_look_up(port_bootstrap(), "n14", &name), -ENOTCONN);
	}
	IS(name, UNKNOWN);
	IS(type, UNKNOWN);
	IS(n, UNKNOWN);
	port_message_deinit(&message);
	return 0;
}

/* Attached anew: nothing of before is there. */
static long
begin_again(void *arg)
{
	struct exile *exile = arg;
	struct port_entry *entries;
	uint32_t type;
	size_t n;
	long err = attach_there(arg);

	if (err)
		return err;
	OK(port_names(&entries, &n));
	IS(n, 1);
	IS(entries[0].name, port_bootstrap());
	free(entries);
	IS(port_type(exile->port, &type), PORT_E_INVALID_NAME);
	return 0;
}

#define IN(task, function, exile) run(task, function, exile, sizeof(*(exile)))

CASE(N14, CASE_PRIVATE, "kill -9 of portd: every task gets a clean error on its next call, no hang, no partial state reused")
{
	struct own_world world = start_world();
	struct task *a = fork_task(T), *b = fork_task(U), *c = fork_task(V);
	struct exile server = { .address = world.address, .address_size = world.address_size };
	struct exile client = server, waiter = server;
	port_name_t n;

	OK(IN(a, attach_there, &server));
	OK(IN(b, attach_there, &client));
	OK(IN(c, attach_there, &waiter));
	OK(IN(a, serve_there, &server));
	OK(IN(b, find_there, &client));
	OK(IN(c, find_there, &waiter));
	post_run(b, call_there, &client, sizeof(client));
	OK(IN(a, receive_there, &server));
	post_run(c, call_there, &waiter, sizeof(waiter));
	UNTIL(waiting_there(&world, client.id) == 1 && waiting_there(&world, waiter.id) == 1);

	IS(WTERMSIG(end_world(&world, SIGKILL)), SIGKILL);
	IS(fetch_run(b, &client, sizeof(client)), -ENOTCONN);
	IS(fetch_run(c, &waiter, sizeof(waiter)), -ENOTCONN);
	OK(IN(a, call_the_dead, &server));
	OK(IN(b, call_the_dead, &client));
	IS(IN(a, attach_there, &server), -ECONNREFUSED);

	world = start_world();
	OK(IN(b, call_the_dead, &client));
	OK(IN(a, begin_again, &server));
	OK(IN(b, begin_again, &client));
	IS(IN(b, find_there, &client), PORT_E_NAMES_UNKNOWN_SERVICE);
	OK(IN(a, serve_there, &server));
	OK(IN(b, find_there, &client));
	post_run(b, call_there, &client, sizeof(client));
	OK(IN(a, answer_there, &server));
	OK(fetch_run(b, &client, sizeof(client)));
	kill_now(a);
	kill_now(b);
	kill_now(c);
	OK(end_world(&world, SIGTERM));
	/* The others have nothing to do with it. */
	n = new_port_rs(T);
	OK(send_plain(T, n, CS, 5));
	expect_message(T, n, 5);
}
