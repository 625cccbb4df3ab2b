/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cases-h: what a message carries beside its bytes: rights, memory, lists of rights; and what
 * becomes of it when a part of it is bad. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/ports/suite.h"

/* Rights --------------------------------------------------------------------------------- */

static port_name_t
mail_right(port_name_t name, uint32_t disposition)
{
	port_name_t arrived;

	mail_rights(&(struct wire_port){ name, disposition }, 1, &arrived);
	return arrived;
}

CASE(H01, FD_CAN, "S1 by CS: U m:S1, sender unchanged")
{
	port_name_t p = new_port(V), s = give(V, p, KS, T), m = mail_right(s, CS);

	ENTRY(T, s, "S1");
	ENTRY(U, m, "S1");
	OK(send_plain(U, m, CS, 3));
	expect_message(V, p, 3);
}

CASE(H02, FD_LIBRARY, "S2 by MS: sender S1; again: name gone")
{
	port_name_t p = new_port(V), s = give(V, p, KS, T), m;

	IS(give(V, p, KS, T), s);
	m = mail_right(s, MS);
	ENTRY(T, s, "S1");
	ENTRY(U, m, "S1");
	IS(mail_right(s, MS), m);
	ENTRY(T, s, "-");
	ENTRY(U, m, "S2");
}

CASE(H03, FD_NEVER, "KS: U S1, mscount+1, sender's refs unchanged")
{
	port_name_t p = new_port_rs(T), m;

	IS(status(T, p).mscount, 1);
	m = mail_right(p, KS);
	ENTRY(U, m, "S1");
	ENTRY(T, p, "RS1");
	IS(status(T, p).mscount, 2);
}

CASE(H04, FD_NEVER, "KSO: U SO; sorights 1 while queued and after")
{
	port_name_t p = new_port(T), inbox = new_port(U), out = give(U, inbox, KS, T);
	struct mail mail;

	OK(send_right(T, out, CS, p, KSO));
	IS(status(T, p).sorights, 1);
	ENTRY(T, p, "R");
	OK(receive(U, inbox, &mail));
	IS(mail.ports[0].disposition, MSO);
	ENTRY(U, mail.ports[0].name, "SO");
	IS(status(T, p).sorights, 1);
	IS(status(T, p).mscount, 0);
	OK(deallocate(U, mail.ports[0].name));
	expect_notification(T, p, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(T, p).sorights, 0);
}

CASE(H05, FD_CAN, "SO by MSO: sender's name gone, U fresh SO, sorights stays 1")
{
	port_name_t q = new_port(V), so = give(V, q, KSO, T), s = give(V, q, KS, U), m;

	m = mail_right(so, MSO);
	ENTRY(T, so, "-");
	ENTRY(U, m, "SO");
	DIFFER(m, s);
	ENTRY(U, s, "S1");
	IS(status(V, q).sorights, 1);
	OK(send_plain(U, m, MSO, 7));
	expect_message(V, q, 7);
	IS(status(V, q).sorights, 0);
}

CASE(H06, FD_NEVER, "same S(p) 300x by CS: one name, S300 (Linux refuses > 253 fds)")
{
	static struct wire_port ports[300];
	static port_name_t arrived[300];
	port_name_t p = new_port(V), s = give(V, p, KS, T);

	for (size_t i = 0; i < 300; i++)
		ports[i] = (struct wire_port){ s, CS };
	mail_rights(ports, 300, arrived);
	for (size_t i = 1; i < 300; i++)
		IS(arrived[i], arrived[0]);
	ENTRY(U, arrived[0], "S300");
	ENTRY(T, s, "S1");
}

CASE(H07, FD_NEVER,
    "m:S2, three MS in one message: SEND_INVALID_RIGHT, m gone (both urefs taken and released)")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T), p = new_port(V),
		    m = give(V, p, KS, T), notify = new_port(V);
	struct wire_port ports[] = { { m, MS }, { m, MS }, { m, MS } };
	struct letter l = letter(out, CS, 1);

	ask(V, p, PORT_NOTIFY_NO_SENDERS, 1, notify);
	OK(mod_refs(T, m, SEND, 1));
	l.ports = ports;
	l.n_ports = 3;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, m, "-");
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_nothing(U, inbox);
	ENTRY(T, out, "S1");
}

CASE(H08, FD_LIBRARY, "NULL and DEAD, each under all six dispositions: arrive NULL, DEAD")
{
	size_t before = count_names(U);
	struct wire_port ports[12];
	port_name_t arrived[12];

	for (uint32_t i = 0; i < 6; i++) {
		ports[2 * i] = (struct wire_port){ PORT_NULL, MR + i };
		ports[2 * i + 1] = (struct wire_port){ PORT_DEAD, MR + i };
	}
	mail_rights(ports, 12, arrived);
	for (uint32_t i = 0; i < 6; i++) {
		IS(arrived[2 * i], PORT_NULL);
		IS(arrived[2 * i + 1], PORT_DEAD);
	}
	NAMES(U, (long long)before);
}

CASE(H11, FD_LIBRARY, "CS of pure R, SO, PS: SEND_INVALID_RIGHT")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T), n = new_port(T),
		    so = give(U, inbox, KSO, T), s = new_set(T);

	IS(send_right(T, out, CS, n, CS), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, n, "R");
	IS(send_right(T, out, CS, so, CS), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, so, "SO");
	IS(send_right(T, out, CS, s, CS), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, s, "PS");
	IS(send_right(T, out, CS, n, MSO), PORT_E_SEND_INVALID_RIGHT);
	IS(send_right(T, out, CS, UNKNOWN, CS), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, out, "S1");
	expect_nothing(U, inbox);
}

/* What a message takes with it that fails at the third of four. */
struct partial {
	port_name_t inbox, out;		/* U's, and T's only right to it */
	port_name_t p, q;		/* V's, with no-senders on `notify` */
	port_name_t a, b;		/* T's rights for these */
	port_name_t notify;
	port_name_t once;		/* T's own, of which a send-once right goes along */
};

static struct partial
new_partial(void)
{
	struct partial x = { .inbox = new_port(U), .p = new_port(V), .q = new_port(V),
		.notify = new_port(V), .once = new_port(T) };

	x.out = give(U, x.inbox, KS, T);
	x.a = give(V, x.p, KS, T);
	x.b = give(V, x.q, KS, T);
	ask(V, x.p, PORT_NOTIFY_NO_SENDERS, 1, x.notify);
	return x;
}

static void
expect_partial(const struct partial *x)
{
	ENTRY(T, x->a, "-");
	expect_notification(V, x->notify, PORT_NOTIFY_NO_SENDERS, 1);
	expect_notification(T, x->once, PORT_NOTIFY_SEND_ONCE, -1);
	ENTRY(T, x->b, "S1");
	ENTRY(T, x->out, "-");
	IS(status(U, x->inbox).srights, 0);
	expect_nothing(U, x->inbox);
}

CASE(H12, FD_NEVER,
    "four descriptors, third invalid: 1, 2 consumed and released; 4 untouched; dest MS uref gone")
{
	struct partial x = new_partial();
	struct wire_port ports[] = { { x.a, MS }, { x.once, KSO }, { UNKNOWN, CS }, { x.b, MS } };
	struct letter l = letter(x.out, MS, 1);

	l.ports = ports;
	l.n_ports = 4;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	expect_partial(&x);
}

CASE(H13, FD_NEVER, "as H12 with KSO reply: SON on own reply port")
{
	struct partial x = new_partial();
	struct wire_port ports[] = { { x.a, MS }, { x.once, KSO }, { x.once, CS }, { x.b, MS } };
	struct letter l = letter(x.out, MS, 1);
	port_name_t r = new_port(T);

	l.ports = ports;
	l.n_ports = 4;
	l.local = r;
	l.local_disposition = KSO;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	expect_partial(&x);
	expect_notification(T, r, PORT_NOTIFY_SEND_ONCE, -1);
	IS(status(T, r).sorights, 0);
	expect_nothing(T, r);
}

CASE(H14, FD_CAN, "unknown descriptor type at 2 of 3: SEND_INVALID_TYPE, same partial rule")
{
	struct partial x = new_partial();
	struct item items[] = {
		{ .type = PORT_DESCRIPTOR_PORT, .disposition = MS, .name = x.a },
		{ .type = PORT_DESCRIPTOR_PORT, .disposition = KSO, .name = x.once },
		{ .type = 77 },
		{ .type = PORT_DESCRIPTOR_PORT, .disposition = MS, .name = x.b },
	};
	struct letter l = letter(x.out, MS, 1);

	l.items = items;
	l.n_items = 4;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_TYPE);
	expect_partial(&x);
}

CASE(H14b, FD_CAN, "a disposition that is none: SEND_INVALID_TYPE, same partial rule")
{
	struct partial x = new_partial();
	struct wire_port ports[] = { { x.a, MS }, { x.once, KSO }, { x.b, 99 }, { x.b, MS } };
	struct letter l = letter(x.out, MS, 1);

	l.ports = ports;
	l.n_ports = 4;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_TYPE);
	expect_partial(&x);
}

/* Messages as they lie in memory ----------------------------------------------------------- */

enum { RAW_DESCRIPTORS = 4 };

struct raw {
	struct port_msg_header header;
	struct port_msg_body body;
	struct port_descriptor descriptors[RAW_DESCRIPTORS];
	char room[256];
	uint32_t options, send_size;
	port_name_t rcv_name;
};

static long
send_raw(void *arg)
{
	struct raw *raw = arg;

	return api->msg(&raw->header, PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT, raw->send_size, 0,
	    PORT_NULL, 0);
}

static uint32_t
raw_size(uint32_t n_descriptors)
{
	return (uint32_t)(offsetof(struct raw, descriptors) +
	    n_descriptors * sizeof(struct port_descriptor));
}

static struct raw
raw_letter(port_name_t remote, uint32_t remote_disposition, uint32_t n_descriptors)
{
	return (struct raw){
		.header = { .bits = PORT_MSG_BITS(remote_disposition, 0) | PORT_MSG_BITS_COMPLEX,
			.size = raw_size(n_descriptors), .remote = remote, .id = 4 },
		.body = { .n_descriptors = n_descriptors },
		.send_size = raw_size(n_descriptors),
	};
}

static int
post_raw(struct task *c, struct raw *raw)
{
	return (int)run(c, send_raw, raw, sizeof(*raw));
}

CASE(H15, FD_CAN, "descriptor count larger than size allows: SEND_MSG_TOO_SMALL")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T), r = new_port(T);
	struct raw raw = raw_letter(out, MS, 1);

	raw.body.n_descriptors = 2;
	raw.header.bits |= PORT_MSG_BITS(0, KSO);
	raw.header.local = r;
	IS(post_raw(T, &raw), PORT_E_SEND_MSG_TOO_SMALL);
	expect_nothing(U, inbox);
	/* The body failed: what the header had is gone. */
	ENTRY(T, out, "-");
	expect_notification(T, r, PORT_NOTIFY_SEND_ONCE, -1);
	out = give(U, inbox, KS, T);
	raw = raw_letter(out, CS, 0);
	raw.body.n_descriptors = UINT32_MAX;
	IS(post_raw(T, &raw), PORT_E_SEND_MSG_TOO_SMALL);
	expect_nothing(U, inbox);
}

CASE(H16, FD_CAN, "COMPLEX off, bytes look like descriptors: no right moves, bytes intact")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T),
		    s = give(V, new_port(V), KS, T);
	struct raw raw = raw_letter(out, CS, 1), sent;
	size_t before = count_names(U);
	struct mail mail;

	raw.header.bits &= ~PORT_MSG_BITS_COMPLEX;
	raw.descriptors[0] = (struct port_descriptor){ .type = PORT_DESCRIPTOR_PORT,
		.disposition = MS, .name = s };
	sent = raw;
	OK(post_raw(T, &raw));
	ENTRY(T, s, "S1");
	OK(receive(U, inbox, &mail));
	IS(mail.n_ports, 0);
	IS(mail.out.size, raw_size(1) - sizeof(sent.header));
	SAME_BYTES(mail.out.body.data, &sent.body, mail.out.size);
	NAMES(U, (long long)before);
}

CASE(H17, FD_CAN, "COMPLEX on, count 0: delivered")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);
	struct raw raw = raw_letter(out, CS, 0);
	struct mail mail;

	OK(post_raw(T, &raw));
	OK(receive(U, inbox, &mail));
	IS(mail.out.id, 4);
	IS(mail.n_ports, 0);
	IS(mail.out.size, 0);
}

/* Memory ------------------------------------------------------------------------------------- */

/* Receives what is there, with all that is beside the bytes. */
static int
receive_all(struct task *c, port_name_t name, struct mail *mail)
{
	struct letter l = wish(name);

	l.flat = true;
	return exchange(c, &l, mail);
}

static void
expect_memory(const struct item *item, uint64_t size, uint64_t seed)
{
	IS(item->type, PORT_DESCRIPTOR_MEMORY);
	IS(item->size, size);
	IS(item->deallocate, 1);
	IS(item->seed, memory_expected(size, seed));
}

/* Sends so many bytes from T to a port of U's; looks whether they are there. */
static void
memory_travels(port_name_t out, port_name_t inbox, uint64_t size, uint32_t deallocate)
{
	struct item item = { .type = PORT_DESCRIPTOR_MEMORY, .size = size, .seed = size + 1,
		.deallocate = deallocate };
	struct letter l = letter(out, CS, 1);
	struct mail mail;

	l.items = &item;
	l.n_items = 1;
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(exchange(T, &l, NULL));
	OK(receive_all(U, inbox, &mail));
	IS(mail.out.size, 8);
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	IS(mail.n_items, 1);
	expect_memory(&mail.items[0], size, size + 1);
}

CASE(H18, FD_CAN, "OOL 1 B, 4095, 4096, 4097, 1 MiB, 16 MiB: content equal")
{
	static const uint64_t sizes[] = { 1, 4095, 4096, 4097, 1 << 20, 16 << 20 };
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);

	for (uint32_t i = 0; i < 12; i++)
		memory_travels(out, inbox, sizes[i / 2], i % 2);
}

/* What agents do with memory; `memory` is the agent's own, from one run() to the next. */

static char *memory;

struct piece {
	port_name_t name;
	uint64_t size;
	uint64_t seed;
	uint32_t flags;
};

static void *
map(uint64_t size, uint64_t seed)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	memory_fill(p, size, seed);
	return p;
}

/* So many descriptors of the same range. */
static int
send_memory(port_name_t name, void *address, uint64_t size, uint32_t n, uint32_t deallocate)
{
	struct raw raw = raw_letter(name, CS, n);

	for (uint32_t i = 0; i < n; i++)
		raw.descriptors[i] = (struct port_descriptor){ .type = PORT_DESCRIPTOR_MEMORY,
			.deallocate = deallocate, .address = address, .size = size };
	return (int)send_raw(&raw);
}

/* Receives one piece and keeps it. */
static long
receive_memory(void *arg)
{
	const struct piece *piece = arg;
	struct raw raw;

	OK(api->msg(&raw.header, PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, 0,
	    offsetof(struct raw, options), piece->name, 0));
	IS(raw.body.n_descriptors, 1);
	IS(raw.descriptors[0].type, PORT_DESCRIPTOR_MEMORY);
	IS(raw.descriptors[0].size, piece->size);
	memory = raw.descriptors[0].address;
	return 0;
}

static long
sum_memory(void *arg)
{
	const struct piece *piece = arg;

	return (long)memory_sum(memory, piece->size);
}

static void
expect_content(struct task *c, struct piece *piece)
{
	IS(run(c, sum_memory, piece, sizeof(*piece)),
	    (long)memory_expected(piece->size, piece->seed));
}

static long
overwrite_memory(void *arg)
{
	const struct piece *piece = arg;

	memory_fill(memory, piece->size, piece->seed);
	return 0;
}

/* Sends memory that it keeps. */
static long
send_kept_memory(void *arg)
{
	const struct piece *piece = arg;

	if (!memory)
		memory = map(piece->size, piece->seed);
	return send_memory(piece->name, memory, piece->size, 1, 0);
}

static void
sender_overwrites(uint64_t size)
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);
	struct piece piece = { .name = out, .size = size, .seed = 5 };
	struct mail mail;

	restart(T);
	out = piece.name = give(U, inbox, KS, T);
	OK(run(T, send_kept_memory, &piece, sizeof(piece)));
	piece.seed = 6;
	OK(run(T, overwrite_memory, &piece, sizeof(piece)));
	OK(run(T, send_kept_memory, &piece, sizeof(piece)));
	piece.seed = 7;
	OK(run(T, overwrite_memory, &piece, sizeof(piece)));
	for (uint64_t seed = 5; seed < 7; seed++) {
		OK(receive_all(U, inbox, &mail));
		IS(mail.n_items, 1);
		expect_memory(&mail.items[0], size, seed);
	}
	expect_content(T, &piece);
}

CASE(H19, FD_NEVER, "OOL, sender overwrites after send: receiver sees the old bytes")
{
	sender_overwrites(5000);
	sender_overwrites(1 << 20);
}

static void
receiver_overwrites(uint64_t size)
{
	port_name_t at_u, at_v;
	struct piece sent = { .size = size, .seed = 5 }, got = { .size = size, .seed = 5 };

	restart(T);
	restart(U);
	restart(V);
	at_u = new_port(U);
	at_v = new_port(V);
	sent.name = give(U, at_u, KS, T);
	OK(run(T, send_kept_memory, &sent, sizeof(sent)));
	sent.name = give(V, at_v, KS, T);
	OK(run(T, send_kept_memory, &sent, sizeof(sent)));
	got.name = at_u;
	OK(run(U, receive_memory, &got, sizeof(got)));
	expect_content(U, &got);
	got.seed = 9;
	OK(run(U, overwrite_memory, &got, sizeof(got)));
	expect_content(U, &got);
	expect_content(T, &sent);
	got.name = at_v;
	got.seed = 5;
	OK(run(V, receive_memory, &got, sizeof(got)));
	expect_content(V, &got);
	/* And the next message of the same, to the one who wrote. */
	sent.name = give(U, at_u, KS, T);
	OK(run(T, send_kept_memory, &sent, sizeof(sent)));
	got.name = at_u;
	OK(run(U, receive_memory, &got, sizeof(got)));
	expect_content(U, &got);
}

CASE(H20, FD_NEVER,
    "receiver overwrites its OOL: sender's memory unchanged; second receiver unaffected")
{
	receiver_overwrites(5000);
	receiver_overwrites(1 << 20);
}

/* Sends memory that leaves; whether it has left: not a page of it is there. */
static long
send_leaving_memory(void *arg)
{
	const struct piece *piece = arg;
	char *p = map(piece->size, piece->seed);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	OK(send_memory(piece->name, p, piece->size, 1, 1));
	for (uint64_t at = 0; at < piece->size; at += page)
		if (msync(p + at, page, MS_ASYNC) == 0 || errno != ENOMEM)
			return -1;
	return 0;
}

CASE(H21, FD_LIBRARY, "OOL with dealloc: sender's range unmapped when send returns")
{
	static const uint64_t sizes[] = { 4096, 5000, 1 << 20 };
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);
	struct mail mail;

	for (uint32_t i = 0; i < 3; i++) {
		struct piece piece = { .name = out, .size = sizes[i], .seed = i };

		OK(run(T, send_leaving_memory, &piece, sizeof(piece)));
		OK(receive_all(U, inbox, &mail));
		expect_memory(&mail.items[0], sizes[i], i);
	}
}

static long
send_no_memory(void *arg)
{
	const port_name_t *namep = arg;

	return send_memory(*namep, (void *)0x123, 0, 2, 1);
}

static long
receive_no_memory(void *arg)
{
	const port_name_t *namep = arg;
	struct raw raw;

	OK(api->msg(&raw.header, PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, 0,
	    offsetof(struct raw, options), *namep, 0));
	IS(raw.body.n_descriptors, 2);
	for (int i = 0; i < 2; i++) {
		IS(raw.descriptors[i].type, PORT_DESCRIPTOR_MEMORY);
		IS(raw.descriptors[i].size, 0);
		YES(raw.descriptors[i].address == NULL);
	}
	return 0;
}

CASE(H22, FD_CAN, "OOL size 0, junk address: SUCCESS, receiver address 0")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);

	OK(run(T, send_no_memory, &out, sizeof(out)));
	OK(run(U, receive_no_memory, &inbox, sizeof(inbox)));
}

/* flags: deallocate. */
static long
send_twice(void *arg)
{
	const struct piece *piece = arg;

	void *p = map(piece->size, piece->seed);

	return send_memory(piece->name, p, piece->size, 2, piece->flags);
}

CASE(H25, FD_CAN, "two OOL of the same range: both right; both with dealloc: SEND_INVALID_MEMORY")
{
	static const uint64_t sizes[] = { 5000, 1 << 20 };
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);
	struct mail mail;

	for (uint32_t i = 0; i < 2; i++) {
		struct piece piece = { .name = out, .size = sizes[i], .seed = 3 };

		OK(run(T, send_twice, &piece, sizeof(piece)));
		OK(receive_all(U, inbox, &mail));
		IS(mail.n_items, 2);
		expect_memory(&mail.items[0], sizes[i], 3);
		expect_memory(&mail.items[1], sizes[i], 3);
		piece.flags = 1;
		IS(run(T, send_twice, &piece, sizeof(piece)), PORT_E_SEND_INVALID_MEMORY);
		expect_nothing(U, inbox);
	}
}

static long
send_what_is_not_there(void *arg)
{
	const struct piece *piece = arg;
	char *p = map(piece->size, 1);

	munmap(p + piece->size / 2, piece->size / 2);
	return send_memory(piece->name, p, piece->size, 1, 0);
}

CASE(H25b, FD_CAN, "OOL of a range that is not all there: SEND_INVALID_MEMORY, nothing arrives")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T);
	struct piece piece = { .name = out, .size = 16384 };

	IS(run(T, send_what_is_not_there, &piece, sizeof(piece)), PORT_E_SEND_INVALID_MEMORY);
	piece.size = 2 << 20;
	IS(run(T, send_what_is_not_there, &piece, sizeof(piece)), PORT_E_SEND_INVALID_MEMORY);
	expect_nothing(U, inbox);
}

/* flags: 1, by munmap; else to where it came from. */
static long
let_go(void *arg)
{
	const struct piece *piece = arg;

	if (piece->flags)
		OK(munmap(memory, piece->size));
	else
		api->memory_free(memory, piece->size);
	memory = NULL;
	return 0;
}

CASE(H26, FD_CAN, "received OOL: receiver can write, unmap, outlives sender's death")
{
	static const uint64_t sizes[] = { 5000, 1 << 20 };
	port_name_t inbox = new_port(U);

	for (uint32_t i = 0; i < 4; i++) {
		struct piece piece = { .size = sizes[i % 2], .seed = i, .flags = i / 2 };

		piece.name = give(U, inbox, KS, T);
		OK(run(T, send_kept_memory, &piece, sizeof(piece)));
		piece.name = inbox;
		if (i / 2)
			kill_task(T);
		OK(run(U, receive_memory, &piece, sizeof(piece)));
		restart(T);
		expect_content(U, &piece);
		piece.seed = 100;
		OK(run(U, overwrite_memory, &piece, sizeof(piece)));
		expect_content(U, &piece);
		OK(run(U, let_go, &piece, sizeof(piece)));
	}
}

/* Lists of rights ------------------------------------------------------------------------------ */

CASE(H27, FD_NEVER,
    "OOL ports: 1000 names mixing S(p), S(q), NULL, DEAD: arrive coalesced, positions kept")
{
	static port_name_t list[1000];
	port_name_t p = new_port(V), q = new_port(V), inbox = new_port(U),
		    out = give(U, inbox, KS, T);
	port_name_t kinds[4] = { give(V, p, KS, T), give(V, q, KS, T), PORT_NULL, PORT_DEAD };
	struct item item = { .type = PORT_DESCRIPTOR_PORTS, .disposition = CS, .size = 1000,
		.names = list };
	struct letter l = letter(out, CS, 1);
	struct mail mail;
	size_t before = count_names(U);
	const port_name_t *got;
	uint32_t n[4] = { 0 };

	for (uint32_t i = 0; i < 1000; i++)
		list[i] = kinds[i * i / 7 % 4];
	l.items = &item;
	l.n_items = 1;
	OK(exchange(T, &l, NULL));
	ENTRY(T, kinds[0], "S1");
	OK(receive_all(U, inbox, &mail));
	IS(mail.n_items, 1);
	IS(mail.items[0].type, PORT_DESCRIPTOR_PORTS);
	IS(mail.items[0].disposition, MS);
	IS(mail.items[0].size, 1000);
	got = memcpy(list, mail.items[0].names, sizeof(list));
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t kind = i * i / 7 % 4;

		n[kind]++;
		if (kind >= 2)
			IS(got[i], kinds[kind]);
		for (uint32_t k = 0; k < i && kind < 2; k++)
			IS(got[i] == got[k], kind == k * k / 7 % 4);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "S%u", n[i * i / 7 % 4]);
		if (i * i / 7 % 4 < 2)
			ENTRY(U, got[i], text);
	}
	NAMES(U, (long long)before + 2);
}

CASE(H28, FD_CAN, "OOL ports by MS, entry k bad: SEND_INVALID_RIGHT, entries before k consumed")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T), p = new_port(V),
		    notify = new_port(V);
	port_name_t a = give(V, p, KS, T), b = give(V, new_port(V), KS, T);
	port_name_t list[] = { a, PORT_NULL, UNKNOWN, b };
	struct item item = { .type = PORT_DESCRIPTOR_PORTS, .disposition = MS, .size = 4,
		.names = list };
	struct letter l = letter(out, CS, 1);

	ask(V, p, PORT_NOTIFY_NO_SENDERS, 1, notify);
	l.items = &item;
	l.n_items = 1;
	IS(exchange(T, &l, NULL), PORT_E_SEND_INVALID_RIGHT);
	ENTRY(T, a, "-");
	expect_notification(V, notify, PORT_NOTIFY_NO_SENDERS, 1);
	ENTRY(T, b, "S1");
	expect_nothing(U, inbox);
}

/* No room -------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

static void
limit_memory(uint64_t size)
{
	struct rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = size ? size : limit.rlim_max;
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		FAIL("setrlimit: %s", strerror(errno));
}

static uint64_t
memory_in_use(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file || fscanf(file, "%llu", &pages) != 1)
		FAIL("/proc/self/statm cannot be read");
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A right, memory, and bytes; there is no room for the memory. */
static long
receive_without_room(void *arg)
{
	struct raw *raw = arg;
	long code;

	limit_memory(memory_in_use() + (2 << 20));
	code = api->msg(&raw->header, PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT, 0,
	    offsetof(struct raw, options), raw->rcv_name, 0);
	limit_memory(0);
	IS(raw->body.n_descriptors, 3);
	YES(raw->descriptors[1].address == NULL);
	return code;
}

CASE(H30, FD_CAN, "receiver cannot map OOL: RCV_BODY_ERROR|VM_SPACE, address 0, rest intact")
{
	port_name_t inbox = new_port(U), out = give(U, inbox, KS, T), p = new_port(V),
		    s = give(V, p, KS, T);
	struct item items[] = {
		{ .type = PORT_DESCRIPTOR_PORT, .disposition = MS, .name = s },
		{ .type = PORT_DESCRIPTOR_MEMORY, .size = 16 << 20, .seed = 1 },
		{ .type = PORT_DESCRIPTOR_PORT, .disposition = KSO, .name = new_port(T) },
	};
	struct letter l = letter(out, CS, 1);
	struct raw raw = { .rcv_name = inbox };

	if (IS_SANITIZED)
		case_skip("a sanitizer wants all the address space there is");
	OK(send_plain(T, out, CS, 1));
	OK(receive_all(U, inbox, NULL));
	l.items = items;
	l.n_items = 3;
	l.body = (struct wire_blob){ "12345678", 8 };
	OK(exchange(T, &l, NULL));
	IS(run(U, receive_without_room, &raw, sizeof(raw)),
	    PORT_E_RCV_BODY_ERROR | PORT_E_DETAIL_VM_SPACE);
	ENTRY(U, raw.descriptors[0].name, "S1");
	ENTRY(U, raw.descriptors[2].name, "SO");
	SAME_BYTES(&raw.descriptors[3], "12345678", 8);
	expect_nothing(U, inbox);
	memory_travels(out, inbox, 16 << 20, 0);
}

/* Passing on ---------------------------------------------------------------------------- */

struct ring {
	port_name_t in, out;
	uint32_t n;
};

/* What came by one of the three ways goes on by the same. */
static long
pass_on(void *arg)
{
	const struct ring *ring = arg;

	for (uint32_t i = 0; i < ring->n; i++) {
		struct port_message message = { 0 };

		OK(api->exchange(NULL, 0, ring->in, &message, PORT_FOREVER, 0));
		message.local = message.remote;
		message.local_disposition = message.remote_disposition;
		message.remote = ring->out;
		message.remote_disposition = CS;
		OK(api->exchange(&message, PORT_FOREVER, PORT_NULL, NULL, 0, 0));
		port_message_deinit(&message);
	}
	return 0;
}

CASE(H32, FD_CAN | CASE_HEAVY,
    "received message forwarded, PORT_x as MOVE_x: totals exact after 10^4 hops")
{
	struct task *w = new_task();
	port_name_t t = new_port(T), u = new_port(U), v = new_port(V), q = new_port(w),
		    r = new_port_rs(w), notify = new_port(w);
	struct ring rings[] = {
		{ t, give(U, u, KS, T), many(3334) },
		{ u, give(V, v, KS, U), many(3334) },
		{ v, give(T, t, KS, V), many(3334) },
	};
	struct wire_port ports[] = {
		{ q, KS }, { q, KSO }, { q, KS }, { r, MR }, { PORT_DEAD, CS }
	};
	struct letter l = letter(give(T, t, KS, w), MS, 8);
	size_t at_t = count_names(T), at_u = count_names(U), at_v = count_names(V);
	struct mail mail;

	l.local = q;
	l.local_disposition = KSO;
	l.ports = ports;
	l.n_ports = 5;
	l.body = (struct wire_blob){ "12345678", 8 };
	post_run(T, pass_on, &rings[0], sizeof(rings[0]));
	post_run(U, pass_on, &rings[1], sizeof(rings[1]));
	post_run(V, pass_on, &rings[2], sizeof(rings[2]));
	OK(exchange(w, &l, NULL));
	ask(w, q, PORT_NOTIFY_NO_SENDERS, 2, notify);
	OK(fetch_run(U, &rings[1], sizeof(rings[1])));
	OK(fetch_run(V, &rings[2], sizeof(rings[2])));
	OK(fetch_run(T, &rings[0], sizeof(rings[0])));
	OK(receive(T, t, &mail));
	SAME_BYTES(mail.out.body.data, "12345678", 8);
	IS(mail.n_ports, 5);
	IS(mail.ports[0].name, mail.ports[2].name);
	ENTRY(T, mail.ports[0].name, "S2");
	ENTRY(T, mail.ports[1].name, "SO");
	ENTRY(T, mail.ports[3].name, "R");
	IS(mail.ports[4].name, PORT_DEAD);
	ENTRY(T, mail.out.remote, "SO");
	ENTRY(w, r, "S1");
	NAMES(T, (long long)at_t + 4);
	NAMES(U, (long long)at_u);
	NAMES(V, (long long)at_v);
	IS(status(w, q).srights, 1);
	IS(status(w, q).sorights, 2);
	IS(status(w, q).mscount, 2);
	expect_nothing(w, notify);
	OK(destroy(T, mail.ports[0].name));
	expect_notification(w, notify, PORT_NOTIFY_NO_SENDERS, 2);
	OK(send_plain(T, mail.out.remote, MSO, 1));
	OK(send_plain(T, mail.ports[1].name, MSO, 2));
	expect_message(w, q, 1);
	expect_message(w, q, 2);
}

CASE(H34, FD_CAN, "S(p) sent to p itself: fine, arrives as RS")
{
	port_name_t n = new_port(T), notify = new_port(T);
	struct mail mail;

	ask(T, n, PORT_NOTIFY_NO_SENDERS, 9, notify);
	OK(send_right(T, n, KS, n, KS));
	ENTRY(T, n, "R");
	expect_nothing(T, notify);
	OK(receive(T, n, &mail));
	IS(mail.n_ports, 1);
	IS(mail.ports[0].name, n);
	IS(mail.ports[0].disposition, MS);
	ENTRY(T, n, "RS1");
	expect_nothing(T, notify);
	OK(deallocate(T, n));
	expect_notification(T, notify, PORT_NOTIFY_NO_SENDERS, 2);
}
