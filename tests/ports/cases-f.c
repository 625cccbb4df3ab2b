/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-f: messages: what a header may say, what arrives, in which order, and how long
 * anybody waits for it. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/ports/suite.h"
#include "wire/profile.h"

static struct letter
letter_of_8(port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	struct letter l = letter(remote, remote_disposition, id);

	l.body = (struct wire_blob){ "12345678", 8 };
	return l;
}

/* Sends and receives --------------------------------------------------------------- */

CASE(F01, FD_CAN,
    "U m:S sends 64 B by CS: T gets equal id, size, body; remote NULL; local n by PORT_SEND")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, CS, 4711);
	char text[64] = "sixty-four bytes";
	struct mail mail;

	l.body = (struct wire_blob){ text, sizeof(text) };
	OK(exchange(U, &l, NULL));
	ENTRY(U, m, "S1");
	OK(receive(T, n, &mail));
	IS(mail.out.id, 4711);
	IS(mail.out.size, 64);
	IS(mail.out.body.size, 64);
	SAME_BYTES(mail.out.body.data, text, 64);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.local, n);
	IS(mail.out.bits, MS << 8);
	expect_nothing(T, n);
}

CASE(F01b, CASE_PRIVATE, "what is received says who sent it")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct mail mail;

	OK(send_plain(U, m, CS, 1));
	OK(receive(T, n, &mail));
	IS(mail.out.pid, pid_of(U));
	IS(mail.out.uid, getuid());
	IS(mail.out.gid, getgid());
	IS(mail.out.task, id_of(U));
}

CASE(F02, FD_LIBRARY,
    "local = own reply R, KSO: T's remote is a fresh SO, disposition PORT_SEND_ONCE")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct mail mail;

	OK(send_reply(U, m, CS, r, KSO));
	IS(status(U, r).sorights, 1);
	OK(receive(T, n, &mail));
	ENTRY(T, mail.out.remote, "SO");
	DIFFER(mail.out.remote, n);
	IS(mail.out.bits, MSO | MS << 8);
	OK(send_plain(T, mail.out.remote, MSO, 9));
	OK(receive(U, r, &mail));
	IS(mail.out.id, 9);
	IS(mail.out.bits, MSO << 8);
	IS(status(U, r).sorights, 0);
}

CASE(F04, FD_LIBRARY,
    "destination an SO by MSO: local disposition PORT_SEND_ONCE; the sender's name is gone")
{
	port_name_t n = new_port(T), so = give(T, n, KSO, U);
	struct mail mail;

	OK(send_plain(U, so, MSO, 1));
	ENTRY(U, so, "-");
	OK(receive(T, n, &mail));
	IS(mail.out.id, 1);
	IS(mail.out.local, n);
	IS(mail.out.bits, MSO << 8);
	expect_nothing(T, n);
}

CASE(F05, FD_LIBRARY, "second send on the used SO name: SEND_INVALID_DEST, nothing arrives")
{
	port_name_t n = new_port(T), so = give(T, n, KSO, U);

	OK(send_plain(U, so, MSO, 1));
	IS(send_plain(U, so, MSO, 2), PORT_E_SEND_INVALID_DEST);
	IS(status(T, n).msgcount, 1);
	expect_message(T, n, 1);
	expect_nothing(T, n);
}

CASE(F06, FD_CAN, "destination 0, all-ones, unknown: SEND_INVALID_DEST")
{
	port_name_t r = new_port(U);

	IS(send_plain(U, PORT_NULL, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, PORT_DEAD, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, UNKNOWN, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_reply(U, UNKNOWN, CS, r, KSO), PORT_E_SEND_INVALID_DEST);
	expect_nothing(U, r);	/* as a reply right that was made and dropped would */
}

CASE(F08, FD_LIBRARY, "destination SO with CS; PS with CS; pure R with CS: SEND_INVALID_DEST")
{
	port_name_t n = new_port(T), so = give(T, n, KSO, U), s = new_set(T);

	IS(send_plain(U, so, CS, 1), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, so, "SO");
	IS(send_plain(T, s, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(T, n, CS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(T, n, MS, 1), PORT_E_SEND_INVALID_DEST);
	expect_nothing(T, n);
}

CASE(F09, FD_LIBRARY, "destination S with MSO; SO with MS: SEND_INVALID_DEST")
{
	port_name_t n = new_port(T), s = give(T, n, KS, U), so = give(T, n, KSO, U);

	IS(send_plain(U, s, MSO, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, so, MS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, s, KS, 1), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, s, KSO, 1), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, s, "S1");
	ENTRY(U, so, "SO");
	expect_nothing(T, n);
}

CASE(F10, FD_NEVER, "destination own n:R with KS: delivered, mscount+1")
{
	port_name_t n = new_port(T);

	OK(send_plain(T, n, KS, 3));
	ENTRY(T, n, "R");
	IS(status(T, n).mscount, 1);
	IS(status(T, n).srights, 1);
	expect_message(T, n, 3);
	IS(status(T, n).srights, 0);
	OK(send_plain(T, n, KSO, 4));
	IS(status(T, n).mscount, 1);
	IS(status(T, n).sorights, 1);
	expect_message(T, n, 4);
	IS(status(T, n).sorights, 0);
}

CASE(F11, FD_CAN, "remote disposition 0, MR, 99: SEND_INVALID_HEADER")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	IS(send_plain(U, m, 0, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_plain(U, m, MR, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_plain(T, n, MR, 1), PORT_E_SEND_INVALID_HEADER);
	IS(send_plain(U, m, 99, 1), PORT_E_SEND_INVALID_HEADER);
	ENTRY(U, m, "S1");
	ENTRY(T, n, "R");
	expect_nothing(T, n);
}

CASE(F11b, FD_CAN, "local disposition 0 with a name, 99: SEND_INVALID_HEADER")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);

	IS(send_reply(U, m, CS, r, 0), PORT_E_SEND_INVALID_HEADER);
	IS(send_reply(U, m, CS, r, 99), PORT_E_SEND_INVALID_HEADER);
	ENTRY(U, m, "S1");
	ENTRY(U, r, "R");
	expect_nothing(T, n);
}

CASE(F12, FD_LIBRARY, "dest MS from m:S1, reply unknown: SEND_INVALID_REPLY, m still S1 (atomic)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);

	IS(send_reply(U, m, MS, UNKNOWN, KSO), PORT_E_SEND_INVALID_REPLY);
	IS(send_reply(U, m, MS, r, CS), PORT_E_SEND_INVALID_REPLY);
	ENTRY(U, m, "S1");
	ENTRY(U, r, "R");
	IS(status(T, n).msgcount, 0);
	OK(send_plain(U, m, MS, 4));
	expect_message(T, n, 4);
}

CASE(F14, FD_CAN, "reply NULL with KSO: SUCCESS, receiver sees remote NULL")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	size_t before = count_names(T);
	struct mail mail;

	OK(send_reply(U, m, CS, PORT_NULL, KSO));
	OK(receive(T, n, &mail));
	IS(mail.out.remote, PORT_NULL);
	NAMES(T, (long long)before);
}

CASE(F15, FD_CAN, "reply DEAD (all-ones) with CS: SUCCESS, receiver sees DEAD")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	size_t before = count_names(T);
	struct mail mail;

	OK(send_reply(U, m, CS, PORT_DEAD, CS));
	OK(receive(T, n, &mail));
	IS(mail.out.remote, PORT_DEAD);
	IS(mail.out.bits & 0xff, MS);
	NAMES(T, (long long)before);
}

CASE(F16, FD_LIBRARY, "reply k:D2 with MS: SUCCESS, receiver DEAD, k:D1 (D8)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), k = new_dead_name(U, 2);
	struct mail mail;

	IS(send_reply(U, m, CS, k, MS), PROFILE_D8_DEAD_REPLY);
	ENTRY(U, k, "D1");
	OK(receive(T, n, &mail));
	IS(mail.out.remote, PORT_DEAD);
	IS(mail.out.bits & 0xff, MS);
}

CASE(F17, FD_LIBRARY,
    "dest = reply = m:S1, MS+CS and CS+MS: SUCCESS, m gone; receiver has a send right back")
{
	static const uint32_t pairs[2][2] = { { MS, CS }, { CS, MS } };

	for (int i = 0; i < 2; i++) {
		port_name_t n = new_port(T), m = give(T, n, KS, U);
		struct mail mail;

		OK(send_reply(U, m, pairs[i][0], m, pairs[i][1]));
		ENTRY(U, m, "-");
		OK(receive(T, n, &mail));
		IS(mail.out.remote, n);
		IS(mail.out.bits, MS | MS << 8);
		ENTRY(T, n, "RS1");
	}
}

CASE(F17b, FD_LIBRARY,
    "dest = reply = m:S1, MS+MS: SEND_INVALID_DEST, m kept; = m:D5: SEND_INVALID_DEST")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), d = new_dead_name(U, 5);

	IS(send_reply(U, m, MS, m, MS), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, m, "S1");
	IS(send_reply(U, d, CS, d, CS), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, d, "D5");
	expect_nothing(T, n);
}

CASE(F19, FD_CAN, "m:S2, MS+MS: SUCCESS, m gone")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct mail mail;

	IS(give(T, n, KS, U), m);
	ENTRY(U, m, "S2");
	OK(send_reply(U, m, MS, m, MS));
	ENTRY(U, m, "-");
	OK(receive(T, n, &mail));
	IS(mail.out.remote, n);
	ENTRY(T, n, "RS1");
}

CASE(F20, FD_CAN, "m:SO, MSO+MSO: SEND_INVALID_DEST, m:SO kept")
{
	port_name_t n = new_port(T), m = give(T, n, KSO, U);

	IS(send_reply(U, m, MSO, m, MSO), PORT_E_SEND_INVALID_DEST);
	ENTRY(U, m, "SO");
	expect_nothing(T, n);
	OK(send_plain(U, m, MSO, 5));
	expect_message(T, n, 5);
}

CASE(F21, FD_CAN, "n:R, KS+KSO: SUCCESS, mscount+1; n:R, KS+CS: SEND_INVALID_REPLY (no S)")
{
	port_name_t n = new_port(T);
	struct mail mail;

	OK(send_reply(T, n, KS, n, KSO));
	IS(status(T, n).mscount, 1);
	IS(status(T, n).sorights, 1);
	OK(receive(T, n, &mail));
	IS(mail.out.bits, MSO | MS << 8);
	ENTRY(T, mail.out.remote, "SO");
	ENTRY(T, n, "R");
	IS(send_reply(T, n, KS, n, CS), PORT_E_SEND_INVALID_REPLY);
	IS(status(T, n).mscount, 1);
	expect_nothing(T, n);
}

CASE(F22, FD_CAN, "n:R, CS+KSO: SEND_INVALID_DEST; n:RS1, CS+KSO: SUCCESS")
{
	port_name_t n = new_port(T), rs = new_port_rs(T);
	struct mail mail;

	IS(send_reply(T, n, CS, n, KSO), PORT_E_SEND_INVALID_DEST);
	IS(status(T, n).sorights, 0);
	expect_nothing(T, n);
	OK(send_reply(T, rs, CS, rs, KSO));
	ENTRY(T, rs, "RS1");
	OK(receive(T, rs, &mail));
	ENTRY(T, mail.out.remote, "SO");
	OK(send_reply(T, rs, MS, rs, KS));
	ENTRY(T, rs, "R");
}

/* By structure, where no layout stands between. */
static long
send_odd_bits(void *arg)
{
	const port_name_t *namep = arg;
	struct port_message message = { .remote = *namep, .remote_disposition = MS | 1 << 16 };

	return api->exchange(&message, 0, PORT_NULL, NULL, 0, 0);
}

CASE(F23, FD_CAN, "undefined msgh_bits set: SEND_INVALID_HEADER, nothing consumed (D9)")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct letter l = letter(m, MS | 1 << 16, 1);

	l.local = r;
	l.local_disposition = KSO;
	IS(exchange(U, &l, NULL), PROFILE_D9_UNKNOWN_BITS);
	l.remote_disposition = MS | 1 << 30;
	IS(exchange(U, &l, NULL), PROFILE_D9_UNKNOWN_BITS);
	IS(run(U, send_odd_bits, &m, sizeof(m)), PROFILE_D9_UNKNOWN_BITS);
	ENTRY(U, m, "S1");
	expect_nothing(U, r);
	IS(status(U, r).sorights, 0);
	expect_nothing(T, n);
}

struct raw {
	struct port_msg_header header;
	uint32_t size;
};

static long
send_raw(void *arg)
{
	struct raw *raw = arg;

	return api->msg(&raw->header, PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT, raw->size, 0,
	    PORT_NULL, 0);
}

CASE(F24, FD_CAN, "size < header; size = header+2: SEND_MSG_TOO_SMALL, nothing consumed")
{
	static const uint32_t sizes[] = { 0, 4, sizeof(struct port_msg_header) - 4,
		sizeof(struct port_msg_header) - 1, sizeof(struct port_msg_header) + 2 };
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct raw raw = { .header = { .bits = PORT_MSG_BITS(MS, KSO), .remote = m, .local = r } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		raw.size = raw.header.size = sizes[i];
		IS(run(U, send_raw, &raw, sizeof(raw)), PORT_E_SEND_MSG_TOO_SMALL);
	}
	ENTRY(U, m, "S1");
	expect_nothing(U, r);
	expect_nothing(T, n);
}

/* The header of a message of which the second page is not there. */
static long
send_half(void *arg)
{
	const struct raw *raw = arg;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int code;

	if (p == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	mprotect(p + page, page, PROT_NONE);
	memcpy(p + page - 64, &raw->header, sizeof(raw->header));
	code = api->msg((void *)(p + page - 64), PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT, 128, 0,
	    PORT_NULL, 0);
	munmap(p, 2 * page);
	return code;
}

CASE(F24b, FD_CAN, "buffer unreadable: SEND_INVALID_DATA, nothing consumed")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct raw raw = { .header = { .bits = PORT_MSG_BITS(MS, KSO), .size = 128, .remote = m,
		.local = r } };

	IS(run(U, send_half, &raw, sizeof(raw)), PORT_E_SEND_INVALID_DATA);
	ENTRY(U, m, "S1");
	expect_nothing(U, r);
	expect_nothing(T, n);
}

CASE(F26, FD_CAN, "body-less message (size = header): delivered")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct raw raw = { .header = { .bits = PORT_MSG_BITS(CS, 0), .remote = m, .id = 5 },
		.size = sizeof(struct port_msg_header) };
	struct mail mail;

	OK(send_plain(U, m, CS, 4));
	raw.header.size = raw.size;
	OK(run(U, send_raw, &raw, sizeof(raw)));
	for (uint32_t id = 4; id <= 5; id++) {
		OK(receive(T, n, &mail));
		IS(mail.out.id, id);
		IS(mail.out.size, 0);
		IS(mail.n_ports, 0);
	}
}

CASE(F27, FD_CAN,
    "R destroyed after enqueue: the earlier send was SUCCESS; a later one SEND_INVALID_DEST")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	OK(send_plain(U, m, CS, 1));
	kill_port(T, n);
	IS(send_plain(U, m, CS, 2), PORT_E_SEND_INVALID_DEST);
	IS(send_plain(U, m, MS, 3), PORT_E_SEND_INVALID_DEST);
	IS(receive(T, n, NULL), PORT_E_RCV_INVALID_NAME);
}

/* Order ------------------------------------------------------------------------------ */

/* What a thread of an agent does over and over. */
struct work {
	port_name_t to, from, other;
	uint32_t n, first;
	uint32_t *ids;			/* what was received, in order */
	_Atomic uint8_t *seen;		/* by its number in sequence */
};

static void
must_send(port_name_t to, uint32_t id, port_name_t right)
{
	struct port_message message = { .id = id, .remote = to, .remote_disposition = CS };

	if (right != PORT_NULL)
		wire_put_port(&message.body, (struct wire_port){ right, CS });
	OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
	port_message_deinit(&message);
}

/* The right in it, or PORT_NULL, is the caller's. */
static port_name_t
must_receive(port_name_t from, uint32_t *idp, uint32_t *seqnop)
{
	struct port_message message = { 0 };
	port_name_t right = PORT_NULL;

	OK(api->exchange(NULL, 0, from, &message, PORT_FOREVER, 0));
	*idp = message.id;
	if (seqnop)
		*seqnop = message.seqno;
	if (message.body.n_ports)
		right = message.body.ports[0].name;
	port_message_deinit(&message);
	return right;
}

static long
send_many(void *arg)
{
	struct work *work = arg;

	for (uint32_t i = 0; i < work->n; i++)
		must_send(work->to, work->first + i, PORT_NULL);
	return 0;
}

static long
receive_many(void *arg)
{
	struct work *work = arg;
	uint32_t id, seqno;

	for (uint32_t i = 0; i < work->n; i++) {
		must_receive(work->from, &id, &seqno);
		if (work->ids)
			work->ids[i] = id;
		if (work->seen)
			work->seen[seqno]++;
	}
	return 0;
}

CASE(F28, CASE_HEAVY, "one sender, 10^4 messages: arrive in order, none lost or doubled")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct work sender = { .to = m, .n = many(10000) }, receiver = { .from = n, .n = sender.n };

	receiver.ids = shared(sender.n * sizeof(uint32_t));
	post_run(U, send_many, &sender, sizeof(sender));
	OK(run(T, receive_many, &receiver, sizeof(receiver)));
	OK(fetch_run(U, &sender, sizeof(sender)));
	for (uint32_t i = 0; i < sender.n; i++)
		IS(receiver.ids[i], i);
	expect_nothing(T, n);
}

/* T: x to p, then y to U; with a right for p in y, when it has one to give. */
static long
say_x_then_y(void *arg)
{
	struct work *work = arg;

	for (uint32_t i = 0; i < work->n; i++) {
		must_send(work->to, 2 * i, PORT_NULL);
		must_send(work->other, i, work->first ? work->to : PORT_NULL);
	}
	return 0;
}

/* U: on y, z to p; by the right that came along, when there is one. */
static long
on_y_say_z(void *arg)
{
	struct work *work = arg;
	uint32_t i;

	for (uint32_t k = 0; k < work->n; k++) {
		port_name_t right = must_receive(work->from, &i, NULL);

		must_send(right != PORT_NULL ? right : work->to, 2 * i + 1, PORT_NULL);
		if (right != PORT_NULL)
			OK(api->deallocate(right, PORT_NULL));
	}
	return 0;
}

/* Many times; x and z of one turn are never seen in the wrong order. */
static void
causal_order(bool with_right)
{
	uint32_t n = many(2000);
	port_name_t p = new_port(V), y = new_port(U);
	struct work t = { .to = give(V, p, KS, T), .other = give(U, y, KS, T), .n = n,
		.first = with_right };
	struct work u = { .to = give(V, p, KS, U), .from = y, .n = n };
	struct work v = { .from = p, .n = 2 * n, .ids = shared(2 * n * sizeof(uint32_t)) };
	uint8_t *seen = calloc(2 * n, 1);

	post_run(U, on_y_say_z, &u, sizeof(u));
	post_run(T, say_x_then_y, &t, sizeof(t));
	OK(run(V, receive_many, &v, sizeof(v)));
	OK(fetch_run(U, &u, sizeof(u)));
	OK(fetch_run(T, &t, sizeof(t)));
	for (uint32_t i = 0; i < 2 * n; i++) {
		uint32_t id = v.ids[i];

		YES(id < 2 * n);
		IS(seen[id]++, 0);
		if (id % 2 == 1)
			IS(seen[id - 1], 1);
	}
	ENTRY(U, u.to, "S1");
	free(seen);
}

CASE(F29, CASE_HEAVY, "T sends x to p, then y to U; U on y sends z to p: p yields x before z")
{
	causal_order(false);
}

CASE(F30, CASE_HEAVY,
    "F29 with a right in y, so that what might go direct and what may not are mixed: holds")
{
	causal_order(true);
}

CASE(F31, FD_CAN, "sender exits after send: message with its rights still received")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(V), s = give(V, q, KS, U),
		    notify = new_port(V);
	struct wire_port ports[] = { { s, MS }, { new_port(U), KS } };
	struct letter l = letter_of_8(m, MS, 1);
	struct mail mail;

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	l.ports = ports;
	l.n_ports = 2;
	OK(exchange(U, &l, NULL));
	kill_task(U);
	expect_nothing(V, notify);
	OK(receive(T, n, &mail));
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	IS(mail.n_ports, 2);
	ENTRY(T, mail.ports[0].name, "S1");
	IS(mail.ports[1].name, PORT_DEAD);	/* its port died with U */
	OK(send_plain(T, mail.ports[0].name, MS, 6));
	expect_message(V, q, 6);
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

/* Two halves, and names to receive on ---------------------------------------------------- */

CASE(F33, FD_CAN,
    "SEND|RCV with bad destination: send code, receive not tried, queued messages stay")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(UNKNOWN, CS, 7);
	struct mail mail;

	OK(send_plain(U, m, CS, 1));
	l.options |= PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT;
	l.rcv_name = n;
	l.rcv_size = PORT_MSG_BODY_MAX;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_DEST);
	l.rcv_name = UNKNOWN;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_DEST);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 1);
	IS(mail.out.seqno, 0);
}

CASE(F34, FD_CAN, "SEND|RCV, bad receive name: message delivered and RCV_INVALID_NAME")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter(m, MS, 7);

	l.options |= PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT;
	l.rcv_name = UNKNOWN;
	l.rcv_size = PORT_MSG_BODY_MAX;
	IS(exchange(U, &l, NULL), PORT_E_RCV_INVALID_NAME);
	ENTRY(U, m, "-");
	expect_message(T, n, 7);
	expect_nothing(T, n);
}

CASE(F35, FD_CAN, "receive(unknown), (S), (SO), (D): RCV_INVALID_NAME")
{
	port_name_t n = new_port(T), s = give(T, n, KS, U), so = give(T, n, KSO, U),
		    d = new_dead_name(U, 1);

	OK(send_plain(U, s, CS, 1));
	IS(receive(U, UNKNOWN, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(U, PORT_NULL, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(U, PORT_DEAD, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(U, s, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(U, so, NULL), PORT_E_RCV_INVALID_NAME);
	IS(receive(U, d, NULL), PORT_E_RCV_INVALID_NAME);
	expect_message(T, n, 1);
}

CASE(F36, FD_CAN, "empty, timeout 0: RCV_TIMED_OUT at once; 50: after at least 50 ms")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = wish(n);
	uint64_t before;

	expect_nothing(T, n);
	l.rcv_timeout_ms = 50;
	before = now_ms();
	IS(exchange(T, &l, NULL), PORT_E_RCV_TIMED_OUT);
	YES(now_ms() - before >= 50);
	OK(send_plain(U, m, CS, 1));
	expect_message(T, n, 1);
}

/* Room ----------------------------------------------------------------------------------- */

CASE(F37, FD_NEVER,
    "buffer too small, no RCV_LARGE: RCV_TOO_LARGE, header's size shown, msgcount-1, message gone")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct letter l = letter_of_8(m, CS, 8), small = wish(n);
	size_t before = count_names(T);
	struct mail mail;

	l.local = r;
	l.local_disposition = KSO;
	small.rcv_size = 4;
	OK(exchange(U, &l, NULL));
	OK(send_plain(U, m, CS, 9));
	IS(exchange(T, &small, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.size, 8);
	IS(mail.out.id, 8);
	IS(mail.out.remote, PORT_NULL);
	IS(status(T, n).msgcount, 1);
	expect_notification(U, r, PORT_NOTIFY_SEND_ONCE, -1);
	expect_message(T, n, 9);
	NAMES(T, (long long)before);
}

CASE(F39, FD_LIBRARY,
    "too small with RCV_LARGE: RCV_TOO_LARGE + size, stays; retry big: same, seqno not skipped")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter_of_8(m, CS, 8), small = wish(n), big = wish(n);
	struct mail mail;

	small.rcv_size = 4;
	small.options |= PORT_MSG_RCV_LARGE;
	OK(exchange(U, &l, NULL));
	for (int i = 0; i < 2; i++) {
		IS(exchange(T, &small, &mail), PORT_E_RCV_TOO_LARGE);
		IS(mail.out.size, 8);
		IS(status(T, n).msgcount, 1);
	}
	big.rcv_size = mail.out.size;
	OK(exchange(T, &big, &mail));
	IS(mail.out.id, 8);
	IS(mail.out.seqno, 0);
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	expect_nothing(T, n);
}

CASE(F40, FD_CAN, "buffer exactly size + trailer: SUCCESS; less: RCV_TOO_LARGE")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter_of_8(m, CS, 8), exact = wish(n);
	struct mail mail;

	exact.rcv_size = 4;
	exact.options |= PORT_MSG_RCV_LARGE;
	OK(exchange(U, &l, NULL));
	IS(exchange(T, &exact, NULL), PORT_E_RCV_TOO_LARGE);
	exact.rcv_size = 8;
	OK(exchange(T, &exact, &mail));
	IS(mail.out.size, 8);
	IS(mail.out.body.size, 8);
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	IS(mail.out.pid, pid_of(U));
}

CASE(F41, FD_CAN,
    "A waits small RCV_LARGE, B waits big: message arrives: A RCV_TOO_LARGE, B gets it")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter_of_8(m, CS, 8), small = wish(n);
	struct task *a = thread_of(T, 1), *b = thread_of(T, 2);
	struct mail mail;

	small.rcv_size = 4;
	small.options = PORT_MSG_RCV | PORT_MSG_RCV_LARGE;
	post(a, &small);
	NO(has_reply(a));
	post_receive(b, n);
	NO(has_reply(b));
	OK(exchange(U, &l, NULL));
	IS(fetch(a, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.size, 8);
	OK(fetch(b, &mail));
	IS(mail.out.id, 8);
	IS(mail.out.seqno, 0);
	expect_nothing(T, n);
}

CASE(F42, FD_LIBRARY | CASE_HEAVY,
    "k receives by several threads: seqnos 0...k-1, dense, no duplicates")
{
	enum { THREADS = 6 };
	uint32_t each = many(500), total = each * THREADS;
	port_name_t n = new_port(T);
	struct work sender = { .to = give(T, n, KS, U), .n = total },
		    receiver = { .from = n, .n = each, .seen = shared(total) };

	for (int i = 1; i <= THREADS; i++)
		post_run(thread_of(T, i), receive_many, &receiver, sizeof(receiver));
	OK(run(U, send_many, &sender, sizeof(sender)));
	for (int i = 1; i <= THREADS; i++)
		OK(fetch_run(thread_of(T, i), &receiver, sizeof(receiver)));
	for (uint32_t i = 0; i < total; i++)
		IS(receiver.seen[i], 1);
	IS(status(T, n).seqno, total);
	expect_nothing(T, n);
}

CASE(F44, FD_LIBRARY, "F37 happened at seqno 5: next received is 6")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = letter_of_8(m, CS, 8), small = wish(n);
	struct mail mail;

	fill(U, m, 5);
	for (uint32_t i = 0; i < 5; i++) {
		OK(receive(T, n, &mail));
		IS(mail.out.seqno, i);
	}
	small.rcv_size = 4;
	OK(exchange(U, &l, NULL));
	OK(send_plain(U, m, CS, 9));
	IS(exchange(T, &small, &mail), PORT_E_RCV_TOO_LARGE);
	IS(mail.out.seqno, 5);
	OK(receive(T, n, &mail));
	IS(mail.out.id, 9);
	IS(mail.out.seqno, 6);
}

CASE(F46, FD_CAN, "two threads wait on p, two messages: one each")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct task *a = thread_of(T, 1), *b = thread_of(T, 2);
	struct mail one, other;

	post_receive(a, n);
	post_receive(b, n);
	OK(send_plain(U, m, CS, 1));
	OK(send_plain(U, m, CS, 2));
	OK(fetch(a, &one));
	OK(fetch(b, &other));
	IS(one.out.id + other.out.id, 3);
	DIFFER(one.out.id, other.out.id);
	expect_nothing(T, n);
}

CASE(F47, FD_LIBRARY, "size = limit: delivered; limit+4: SEND_TOO_LARGE, nothing consumed")
{
	static const char zeros[PORT_MSG_BODY_MAX + 4];
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U);
	struct letter l = letter(m, MS, 1);
	struct mail mail;

	l.body = (struct wire_blob){ zeros, PORT_MSG_BODY_MAX + 4 };
	l.local = r;
	l.local_disposition = KSO;
	IS(exchange(U, &l, NULL), PORT_E_SEND_TOO_LARGE);
	ENTRY(U, m, "S1");
	IS(status(U, r).sorights, 0);
	expect_nothing(U, r);
	l.body.size = PORT_MSG_BODY_MAX;
	OK(exchange(U, &l, NULL));
	ENTRY(U, m, "-");
	OK(receive(T, n, &mail));
	IS(mail.out.size, PORT_MSG_BODY_MAX);
	IS(mail.out.body.size, PORT_MSG_BODY_MAX);
	SAME_BYTES(mail.out.body.data, zeros, PORT_MSG_BODY_MAX);
	expect_nothing(T, n);
}

/* Signals -------------------------------------------------------------------------------- */

CASE(F49, FD_CAN,
    "receiver blocked with RCV_INTERRUPT, signal: RCV_INTERRUPTED, next message not lost")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = wish(n);

	catch_signal(T, SIGUSR1);
	l.options = PORT_MSG_RCV | PORT_MSG_RCV_INTERRUPT;
	post(T, &l);
	NO(has_reply(T));
	signal_thread(T, SIGUSR1);
	IS(fetch(T, NULL), PORT_E_RCV_INTERRUPTED);
	IS(signals_of(T), 1);
	OK(send_plain(U, m, CS, 1));
	IS(status(T, n).msgcount, 1);
	expect_message(T, n, 1);
}

CASE(F49b, FD_CAN, "signals and messages race: each message is received once, in order")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = wish(n);
	struct mail mail;
	uint32_t turns = many(300);

	catch_signal(T, SIGUSR1);
	l.options = PORT_MSG_RCV | PORT_MSG_RCV_INTERRUPT;
	for (uint32_t i = 0; i < turns; i++) {
		int code;

		post(T, &l);
		signal_thread(T, SIGUSR1);
		OK(send_plain(U, m, CS, i));
		code = fetch(T, &mail);
		if (code == PORT_E_RCV_INTERRUPTED)
			OK(receive(T, n, &mail));
		else
			OK(code);
		IS(mail.out.id, i);
		IS(mail.out.seqno, i);
		UNTIL(signals_of(T) == i + 1);
	}
	expect_nothing(T, n);
}

/* The timer does not start anew: under signals without an end, the wait ends all the same. */
CASE(F50, FD_CAN,
    "same without RCV_INTERRUPT: handler runs, receive goes on; total wait <= timeout + slack")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct letter l = wish(n);
	uint64_t before = now_ms();
	uint32_t signals = 0;
	struct mail mail;

	catch_signal(T, SIGUSR1);
	l.rcv_timeout_ms = 300;
	post(T, &l);
	while (!has_reply(T)) {
		signal_thread(T, SIGUSR1);
		nap();
		if (++signals > 1000 && now_ms() - before > PATIENCE_MS)
			FAIL("the receive does not end");
	}
	IS(fetch(T, NULL), PORT_E_RCV_TIMED_OUT);
	YES(now_ms() - before >= 300);
	if (!jittering())
		YES(now_ms() - before < 5000);
	YES(signals_of(T) > 0);

	post_receive(T, n);
	signals = signals_of(T);
	signal_thread(T, SIGUSR1);
	UNTIL(signals_of(T) > signals);
	NO(has_reply(T));
	OK(send_plain(U, m, CS, 1));
	OK(fetch(T, &mail));
	IS(mail.out.id, 1);
}

CASE(F51, FD_CAN,
    "sender blocked, signal, no SEND_INTERRUPT: delivered exactly once, rights moved exactly once")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), q = new_port(V), s = give(V, q, KS, U);
	struct letter l = letter(m, CS, 5);
	struct wire_port port = { s, MS };
	struct mail mail;

	catch_signal(U, SIGUSR1);
	OK(mod_refs(U, s, SEND, 4));
	fill(U, m, 5);
	l.options = PORT_MSG_SEND;
	l.ports = &port;
	l.n_ports = 1;
	post(U, &l);
	NO(has_reply(U));
	for (uint32_t i = 0; i < 3; i++) {
		signal_thread(U, SIGUSR1);
		UNTIL(signals_of(U) == i + 1);
	}
	NO(has_reply(U));
	for (uint32_t i = 0; i < 5; i++)
		expect_message(T, n, i);
	OK(fetch(U, NULL));
	ENTRY(U, s, "S4");
	OK(receive(T, n, &mail));
	IS(mail.out.id, 5);
	IS(mail.n_ports, 1);
	ENTRY(T, mail.ports[0].name, "S1");
	expect_nothing(T, n);
}

/* One signal, which is seen and changes nothing. */
static void
signal_in_vain(struct task *c)
{
	uint32_t before = signals_of(c);

	NO(has_reply(c));
	signal_thread(c, SIGUSR1);
	UNTIL(signals_of(c) > before);
	NO(has_reply(c));
}

CASE(F51b, FD_CAN, "SEND|RCV: SEND_INTERRUPT is not for the receive, RCV_INTERRUPT not for the send")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U), t = give(U, r, KS, T);
	struct letter l = letter(m, CS, 4);
	struct mail mail;

	catch_signal(U, SIGUSR1);
	l.options = PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_SEND_INTERRUPT;
	l.rcv_name = r;
	l.rcv_size = PORT_MSG_BODY_MAX;
	post(U, &l);
	expect_message(T, n, 4);
	signal_in_vain(U);
	OK(send_plain(T, t, CS, 5));
	OK(fetch(U, &mail));
	IS(mail.out.id, 5);

	OK(set_qlimit(T, n, 0));
	l.options = PORT_MSG_SEND | PORT_MSG_RCV | PORT_MSG_RCV_INTERRUPT;
	post(U, &l);
	signal_in_vain(U);
	OK(set_qlimit(T, n, 1));
	expect_message(T, n, 4);
	NO(has_reply(U));
	signal_thread(U, SIGUSR1);
	IS(fetch(U, NULL), PORT_E_RCV_INTERRUPTED);
}

/* What is left ----------------------------------------------------------------------------- */

static long
receive_nowhere(void *arg)
{
	port_name_t *namep = arg;
	void *page = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int code;

	if (page == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	code = api->msg(page, PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, 0, 65536, *namep, 0);
	munmap(page, 65536);
	return code;
}

CASE(F52, FD_CAN, "receive into unwritable buffer: RCV_INVALID_DATA")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);

	OK(send_plain(U, m, CS, 1));
	OK(send_plain(U, m, CS, 2));
	IS(run(T, receive_nowhere, &n, sizeof(n)), PORT_E_RCV_INVALID_DATA);
	IS(status(T, n).msgcount, 1);
	expect_message(T, n, 2);
}

CASE(F52b, CASE_PRIVATE,
    "F52 with rights in the message: they are not leaked, the client hears of it")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), r = new_port(U), q = new_port(V),
		    s = give(V, q, KS, U), notify = new_port(V);
	struct wire_port port = { s, MS };
	struct letter l = letter(m, CS, 1);
	size_t before = count_names(T);

	ask(V, q, PORT_NOTIFY_NO_SENDERS, 1, notify);
	l.local = r;
	l.local_disposition = KSO;
	l.ports = &port;
	l.n_ports = 1;
	OK(exchange(U, &l, NULL));
	IS(run(T, receive_nowhere, &n, sizeof(n)), PORT_E_RCV_INVALID_DATA);
	expect_notification(U, r, PORT_NOTIFY_SEND_ONCE, -1);
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	NAMES(T, (long long)before);
}

CASE(F53, FD_LIBRARY,
    "payload set on p: local field carries payload with its own disposition; clear: name again")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U);
	struct mail mail;

	OK(send_plain(U, m, CS, 1));
	OK(set_payload(T, n, 0x1122334455667788));
	OK(receive(T, n, &mail));
	IS(mail.out.bits, PORT_PROTECTED_PAYLOAD << 8);
	IS(mail.out.payload, 0x1122334455667788);
	IS(mail.out.local, PORT_NULL);
	OK(clear_payload(T, n));
	OK(send_plain(U, m, CS, 2));
	OK(receive(T, n, &mail));
	IS(mail.out.bits, MS << 8);
	IS(mail.out.local, n);
	IS(mail.out.payload, 0);
	IS(set_payload(U, m, 1), PORT_E_INVALID_RIGHT);
	IS(set_payload(U, UNKNOWN, 1), PORT_E_INVALID_NAME);
}

CASE(F54, FD_NEVER, "dest MS from S1: m gone at once; NS at T only after T received it")
{
	port_name_t n = new_port(T), m = give(T, n, KS, U), notify = new_port(T);

	ask(T, n, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(send_plain(U, m, MS, 1));
	ENTRY(U, m, "-");
	IS(status(T, n).srights, 1);
	expect_nothing(T, notify);
	expect_message(T, n, 1);
	IS(status(T, n).srights, 0);
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 1);
}

CASE(F55, FD_CAN,
    "R destroyed by T between two receives of a set: no message of p appears afterwards")
{
	port_name_t s = new_set(T), p = new_port(T), q = new_port(T), mp = give(T, p, KS, U),
		    mq = give(T, q, KS, U);
	struct mail mail;
	uint32_t of_q = 0;

	OK(move_member(T, p, s));
	OK(move_member(T, q, s));
	fill(U, mp, 3);
	fill(U, mq, 3);
	OK(receive(T, s, &mail));
	of_q += mail.out.local == q;
	kill_port(T, p);
	while (of_q < 3) {
		OK(receive(T, s, &mail));
		IS(mail.out.local, q);
		IS(mail.out.id, of_q++);
	}
	expect_nothing(T, s);
	IS(send_plain(U, mp, CS, 9), PORT_E_SEND_INVALID_DEST);
}
