/* SPDX-License-Identifier: GPL-2.0-or-later */
/* letters: messages that a case has its tasks send and receive. A letter goes by port_send,
 * port_receive or port_exchange, or by port_msg when it needs that or the run asks for
 * it (--flat). */
#include "tests/ports/agent.h"

#include <stdio.h>

#include "base/cleanup.h"

/* A letter in a slot, and the mail that came back: pointers are good in the case and in its
 * agents, since the slot is where it is in all of them. */
struct parcel {
	struct letter letter;
	struct mail mail;
	bool has_mail;
	size_t used;		/* of data */
	char data[] __attribute__((aligned(16)));
};

enum { DATA_MAX = RUN_ARG_MAX - sizeof(struct parcel) };

static void *
put(struct parcel *parcel, const void *data, size_t size)
{
	void *p = parcel->data + parcel->used;

	if (size > DATA_MAX - parcel->used)
		FAIL("a letter of more than %d bytes", (int)DATA_MAX);
	if (size && data)
		memcpy(p, data, size);
	parcel->used += (size + 15) & ~(size_t)15;
	return p;
}

/* Bytes that depend on a seed ------------------------------------------------------------------ */

static uint64_t
word(uint64_t seed, size_t i)
{
	return (seed + 1) * 0x9e3779b97f4a7c15u ^ (i + 1) * 0xff51afd7ed558ccdu;
}

void
memory_fill(void *data, size_t size, uint64_t seed)
{
	char *p = data;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t w = word(seed, i);

		memcpy(p + i, &w, size - i < 8 ? size - i : 8);
	}
}

static uint64_t
add_word(uint64_t sum, const void *p, size_t n)
{
	uint64_t w = 0;

	memcpy(&w, p, n);
	return (sum ^ w) * 0x100000001b3u + n;
}

uint64_t
memory_sum(const void *data, size_t size)
{
	uint64_t sum = size;

	for (size_t i = 0; i < size; i += 8)
		sum = add_word(sum, (const char *)data + i, size - i < 8 ? size - i : 8);
	return sum;
}

uint64_t
memory_expected(size_t size, uint64_t seed)
{
	uint64_t sum = size;

	for (size_t i = 0; i < size; i += 8) {
		uint64_t w = word(seed, i);

		sum = add_word(sum, &w, size - i < 8 ? size - i : 8);
	}
	return sum;
}

/* By structure, in the agent ----------------------------------------------------------- */

static void *
copy(const void *data, size_t size)
{
	void *p = size ? malloc(size) : NULL;

	if (size && !p)
		FAIL("no memory");
	if (size)
		memcpy(p, data, size);
	return p;
}

static struct port_message
message_of(const struct letter *letter)
{
	struct port_message message = {
		.id = letter->id,
		.remote = letter->remote,
		.remote_disposition = letter->remote_disposition,
		.local = letter->local,
		.local_disposition = letter->local_disposition,
	};
	struct wire_buf *body = &message.body;

	wire_put_bytes(body, letter->body.data, letter->body.size);
	body->ports = copy(letter->ports, letter->n_ports * sizeof(*letter->ports));
	body->n_ports = body->ports_room = letter->n_ports;
	if (letter->fd > 0)
		body->fds = (struct wire_fds){ .n = 1, .fd = { letter->fd } };
	return message;
}

/* Empties the message. */
static void
mail_of(struct port_message *message, struct parcel *parcel)
{
	struct mail *mail = &parcel->mail;
	struct wire_buf *body = &message->body;

	parcel->used = 0;
	parcel->has_mail = true;
	*mail = (struct mail){ .fd = -1 };
	mail->out = (struct msg_out){
		.bits = message->remote_disposition | message->local_disposition << 8,
		.remote = message->remote,
		.local = message->local,
		.id = message->id,
		.seqno = message->seqno,
		.size = message->size,
		.pid = (uint32_t)message->sender_pid,
		.uid = message->sender_uid,
		.gid = message->sender_gid,
		.task = message->sender_task,
		.payload = message->payload,
		.body = { put(parcel, body->data, body->size), body->size },
	};
	mail->ports = put(parcel, body->ports, body->n_ports * sizeof(*body->ports));
	mail->n_ports = body->n_ports;
	if (body->fds.n > 0)
		mail->fd = fd_steal(&body->fds.fd[0]);
	port_message_deinit(message);
}

static bool
comes_back(int code)
{
	code &= ~PORT_E_DETAIL_MASK;
	return code == PORT_E_SEND_TIMED_OUT || code == PORT_E_SEND_INTERRUPTED;
}

/* Whether there is a header to look at, at least. */
static bool
is_something(int code)
{
	int base = code & ~PORT_E_DETAIL_MASK;

	return code == 0 || base == PORT_E_RCV_TOO_LARGE || base == PORT_E_RCV_BODY_ERROR ||
	    base == PORT_E_RCV_HEADER_ERROR;
}

static int
structured(struct parcel *parcel)
{
	const struct letter *l = &parcel->letter;
	bool sends = l->options & PORT_MSG_SEND, receives = l->options & PORT_MSG_RCV;
	int send_ms = l->options & PORT_MSG_SEND_TIMEOUT ? (int)l->send_timeout_ms : PORT_FOREVER;
	int rcv_ms = l->options & PORT_MSG_RCV_TIMEOUT ? (int)l->rcv_timeout_ms : PORT_FOREVER;
	uint32_t options = l->options & (PORT_MSG_SEND_NOTIFY | PORT_MSG_SEND_INTERRUPT |
	    PORT_MSG_RCV_INTERRUPT | PORT_MSG_RCV_LARGE);
	struct port_message sent = { 0 }, received = { 0 };
	int code;

	if (sends)
		sent = message_of(l);
	code = api->exchange(sends ? &sent : NULL, send_ms, l->rcv_name,
	    receives ? &received : NULL, rcv_ms, options);
	if (sends && comes_back(code))
		mail_of(&sent, parcel);
	else if (receives && is_something(code))
		mail_of(&received, parcel);
	/* The descriptor of a letter that did not go stays the agent's. */
	if (sends && sent.body.fds.n > 0)
		sent.body.fds.n = 0;
	port_message_deinit(&sent);
	port_message_deinit(&received);
	return code;
}

/* By port_msg, in the agent -------------------------------------------------------------------- */

static uint32_t
count_items(const struct letter *l)
{
	return (uint32_t)(l->n_items + l->n_ports) + (l->fd > 0);
}

static uint32_t
flat_size(const struct letter *l)
{
	uint32_t n = count_items(l);

	return (uint32_t)(sizeof(struct port_msg_header) +
	    (n ? sizeof(struct port_msg_body) + n * sizeof(struct port_descriptor) : 0) +
	    ((l->body.size + 3) & ~(size_t)3));
}

/* Room for a body of that size, whatever comes beside it; or exactly for the bytes. */
static uint32_t
flat_room(const struct letter *l)
{
	uint32_t room = sizeof(struct port_msg_header) + ((l->rcv_size + 3) & ~3u) +
	    sizeof(struct port_msg_trailer);

	if (!(l->options & PORT_MSG_RCV))
		return 0;
	if (l->rcv_size >= PORT_MSG_BODY_MAX)
		room += sizeof(struct port_msg_body) +
		    PORT_MSG_RIGHTS_MAX * sizeof(struct port_descriptor);
	return room;
}

static void
make_descriptor(const struct item *item, struct port_descriptor *d)
{
	*d = (struct port_descriptor){ item->type, item->disposition, item->deallocate, item->name,
		NULL, item->size };
	if (item->type == PORT_DESCRIPTOR_MEMORY && item->size) {
		d->address = api->memory_alloc(item->size);
		if (!d->address)
			FAIL("no memory of %llu bytes", (unsigned long long)item->size);
		memory_fill(d->address, item->size, item->seed);
	} else if (item->type == PORT_DESCRIPTOR_PORTS && item->size) {
		d->address = api->memory_alloc(item->size * sizeof(port_name_t));
		if (!d->address)
			FAIL("no memory for names");
		memcpy(d->address, item->names, item->size * sizeof(port_name_t));
	}
}

static struct port_msg_header *
flat_of(const struct letter *l, uint32_t room)
{
	struct port_msg_header *header = calloc(1, room);
	uint32_t n = count_items(l);
	char *p = (char *)(header + 1);

	if (!header)
		FAIL("no memory");
	*header = (struct port_msg_header){ l->remote_disposition | l->local_disposition << 8 |
		(n ? PORT_MSG_BITS_COMPLEX : 0), flat_size(l), l->remote, l->local, 0, l->id };
	if (n) {
		struct port_descriptor *d = (void *)(p + sizeof(struct port_msg_body));

		((struct port_msg_body *)p)->n_descriptors = n;
		for (size_t i = 0; i < l->n_ports; i++)
			*d++ = (struct port_descriptor){ .type = PORT_DESCRIPTOR_PORT,
				.disposition = l->ports[i].disposition, .name = l->ports[i].name };
		for (size_t i = 0; i < l->n_items; i++)
			make_descriptor(&l->items[i], d++);
		if (l->fd > 0)
			*d++ = (struct port_descriptor){ .type = PORT_DESCRIPTOR_FD,
				.name = (uint32_t)l->fd };
		p = (char *)d;
	}
	if (l->body.size)
		memcpy(p, l->body.data, l->body.size);
	return header;
}

/* Memory that is still ours after a send: what was not given away with it. */
static void
free_sent(const struct letter *l, const struct port_descriptor *d)
{
	for (uint32_t i = 0; i < count_items(l); i++)
		if ((d[i].type == PORT_DESCRIPTOR_MEMORY || d[i].type == PORT_DESCRIPTOR_PORTS) &&
		    d[i].address && !d[i].deallocate)
			api->memory_free(d[i].address, d[i].type == PORT_DESCRIPTOR_PORTS ?
			    d[i].size * sizeof(port_name_t) : d[i].size);
}

/* Looks at a descriptor that was received, and frees what came with it. */
static void
take_descriptor(const struct port_descriptor *d, struct item *item, struct parcel *parcel)
{
	*item = (struct item){ d->type, d->disposition, d->deallocate, d->name, d->size, 0, NULL };
	if (!d->address)
		return;
	if (d->type == PORT_DESCRIPTOR_MEMORY) {
		item->seed = memory_sum(d->address, d->size);
		api->memory_free(d->address, d->size);
	} else if (d->type == PORT_DESCRIPTOR_PORTS) {
		item->names = put(parcel, d->address, d->size * sizeof(port_name_t));
		api->memory_free(d->address, d->size * sizeof(port_name_t));
	}
}

static void
take_items(const struct port_descriptor *d, uint32_t n, struct parcel *parcel)
{
	struct mail *mail = &parcel->mail;
	struct item *items = put(parcel, NULL, n * sizeof(*items));
	struct wire_port *ports = put(parcel, NULL, n * sizeof(*ports));

	for (uint32_t i = 0; i < n; i++) {
		take_descriptor(&d[i], &items[i], parcel);
		if (d[i].type == PORT_DESCRIPTOR_PORT)
			ports[mail->n_ports++] = (struct wire_port){ d[i].name, d[i].disposition };
		else if (d[i].type == PORT_DESCRIPTOR_FD)
			mail->fd = (int)d[i].name;
	}
	mail->items = items;
	mail->n_items = n;
	mail->ports = ports;
}

/* whole: there is more than a header. */
static void
mail_of_flat(const struct port_msg_header *header, bool whole, bool trailer, struct parcel *parcel)
{
	const char *p = (const char *)(header + 1), *end = (const char *)header + header->size;
	struct mail *mail = &parcel->mail;
	uint32_t size = header->size - (uint32_t)sizeof(*header);

	parcel->used = 0;
	parcel->has_mail = true;
	*mail = (struct mail){ .fd = -1 };
	if (whole && header->bits & PORT_MSG_BITS_COMPLEX) {
		uint32_t n = ((const struct port_msg_body *)p)->n_descriptors;

		p += sizeof(struct port_msg_body);
		take_items((const struct port_descriptor *)p, n, parcel);
		p += n * sizeof(struct port_descriptor);
		size = (uint32_t)(end - p);
	}
	mail->out = (struct msg_out){
		.bits = header->bits & ~PORT_MSG_BITS_COMPLEX,
		.remote = header->remote,
		.local = header->local,
		.id = header->id,
		.seqno = header->seqno,
		.size = size,
	};
	if (whole)
		mail->out.body = (struct wire_blob){ put(parcel, p, size), size };
	if (trailer) {
		const struct port_msg_trailer *t = (const void *)end;

		mail->out.pid = (uint32_t)t->pid;
		mail->out.uid = t->uid;
		mail->out.gid = t->gid;
		mail->out.task = t->task;
		mail->out.payload = t->payload;
	}
}

static bool
is_whole(int code)
{
	return code == 0 || (code & ~PORT_E_DETAIL_MASK) == PORT_E_RCV_BODY_ERROR;
}

static int
flat(struct parcel *parcel)
{
	struct letter l = parcel->letter;
	uint32_t send_size = l.options & PORT_MSG_SEND ? flat_size(&l) : 0, room = flat_room(&l);
	uint32_t timeout = l.options & PORT_MSG_SEND_TIMEOUT && l.send_timeout_ms ?
	    l.send_timeout_ms : l.rcv_timeout_ms;
	struct port_msg_header *header =
	    flat_of(&l, (send_size > room ? send_size : room) + (uint32_t)sizeof(*header));
	char *descriptors = (char *)(header + 1) + sizeof(struct port_msg_body);
	struct port_descriptor *sent = copy(descriptors, count_items(&l) * sizeof(*sent));
	int code = api->msg(header, l.options | (room ? PORT_MSG_RCV_TRAILER : 0), send_size, room,
	    l.rcv_name, timeout);

	if (comes_back(code))
		mail_of_flat(header, true, false, parcel);
	else if (room && is_something(code))
		mail_of_flat(header, is_whole(code), code == 0, parcel);
	if (send_size && code != -ENOSYS)
		free_sent(&l, sent);
	if (l.fd > 0 && code == 0)
		close(l.fd);
	free(sent);
	free(header);
	return code;
}

/* Both ------------------------------------------------------------------------------- */

static bool
needs_flat(const struct letter *l)
{
	uint32_t known = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT | PORT_MSG_SEND_NOTIFY |
	    PORT_MSG_SEND_INTERRUPT | PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT |
	    PORT_MSG_RCV_INTERRUPT | PORT_MSG_RCV_LARGE;

	return l->flat || is_flat || l->n_items || l->options & ~known ||
	    l->remote_disposition > 0xff || (l->options & PORT_MSG_RCV && l->rcv_size != PORT_MSG_BODY_MAX);
}

static long
do_letter(void *arg)
{
	struct parcel *parcel = arg;

	return needs_flat(&parcel->letter) ? flat(parcel) : structured(parcel);
}

static void
pack(struct parcel *parcel, const struct letter *letter)
{
	struct letter *l = &parcel->letter;
	struct item *items;

	*l = *letter;
	parcel->has_mail = false;
	parcel->used = 0;
	l->body.data = put(parcel, letter->body.data, letter->body.size);
	l->ports = put(parcel, letter->ports, letter->n_ports * sizeof(*letter->ports));
	l->items = items = put(parcel, letter->items, letter->n_items * sizeof(*letter->items));
	for (size_t i = 0; i < letter->n_items; i++)
		if (items[i].type == PORT_DESCRIPTOR_PORTS)
			items[i].names = put(parcel, letter->items[i].names,
			    letter->items[i].size * sizeof(port_name_t));
}

static void
unpack(struct task *c, struct mail *mail)
{
	const struct parcel *parcel = (const void *)c->slot->arg;

	if (mail)
		*mail = parcel->has_mail ? parcel->mail : (struct mail){ .fd = -1 };
}

int
exchange(struct task *c, const struct letter *letter, struct mail *mail)
{
	int code;

	pack((void *)free_slot(c)->arg, letter);
	code = (int)call_slot(c, do_letter);
	unpack(c, mail);
	return code;
}

/* Waiting ------------------------------------------------------------------------------ */

/* Whether a thread sleeps in the kernel. */
static bool
is_asleep(pid_t pid, pid_t tid)
{
	char path[80], text[512], *p;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'S';
}

/* The toy has nobody to ask: its threads wait in the kernel. */
static uint32_t
toy_waiting(struct task *c)
{
	uint32_t n = 0;

	for (int i = 0; i < THREADS_MAX; i++) {
		struct task *t = &c->agent->threads[i];

		if (t->slot && t->posted && t->is_letter && !is_slot_done(t)) {
			nap();
			n += is_asleep(c->agent->pid, t->slot->tid) && !is_slot_done(t);
		}
	}
	return n;
}

uint32_t
waiting(struct task *c)
{
	if (api == &backend_fd)
		return toy_waiting(c);
	return world_ask(WORLD_WAITING, (uint32_t[4]){ id_of(c) }).waiting;
}

/* All letters of this task that are not answered are with portd, and wait there. */
static bool
is_quiet(struct task *c)
{
	uint32_t n = letters_out(c);

	return n > 0 && waiting(c) >= n;
}

void
post(struct task *c, const struct letter *letter)
{
	pack((void *)free_slot(c)->arg, letter);
	post_slot(c, do_letter, true);
	UNTIL(is_slot_done(c) || is_quiet(c));
}

bool
has_reply(struct task *c)
{
	UNTIL(is_slot_done(c) || is_quiet(c));
	return is_slot_done(c);
}

int
fetch(struct task *c, struct mail *mail)
{
	int code = (int)fetch_slot(c);

	unpack(c, mail);
	return code;
}

/* Shorthands --------------------------------------------------------------------------- */

struct letter
letter(port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	return (struct letter){
		.options = PORT_MSG_SEND | PORT_MSG_SEND_TIMEOUT,
		.remote = remote,
		.remote_disposition = remote_disposition,
		.id = id,
	};
}

struct letter
wish(port_name_t name)
{
	return (struct letter){
		.options = PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT,
		.rcv_name = name,
		.rcv_size = PORT_MSG_BODY_MAX,
	};
}

int
send_plain(struct task *c, port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	struct letter l = letter(remote, remote_disposition, id);

	return exchange(c, &l, NULL);
}

int
send_reply(struct task *c, port_name_t remote, uint32_t rd, port_name_t local, uint32_t ld)
{
	struct letter l = letter(remote, rd, 1);

	l.local = local;
	l.local_disposition = ld;
	return exchange(c, &l, NULL);
}

int
send_right(struct task *c, port_name_t remote, uint32_t rd, port_name_t name, uint32_t disposition)
{
	struct letter l = letter(remote, rd, 1);
	struct wire_port port = { name, disposition };

	l.ports = &port;
	l.n_ports = 1;
	return exchange(c, &l, NULL);
}

void
fill(struct task *c, port_name_t name, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		OK(send_plain(c, name, CS, i));
}

int
receive(struct task *c, port_name_t name, struct mail *mail)
{
	struct letter l = wish(name);

	return exchange(c, &l, mail);
}

void
post_receive(struct task *c, port_name_t name)
{
	struct letter l = wish(name);

	l.options &= ~(uint32_t)PORT_MSG_RCV_TIMEOUT;
	post(c, &l);
}

void
post_send(struct task *c, port_name_t remote, uint32_t remote_disposition, uint32_t id)
{
	struct letter l = letter(remote, remote_disposition, id);

	l.options = PORT_MSG_SEND;
	post(c, &l);
}

void
expect_message(struct task *c, port_name_t name, uint32_t id)
{
	struct mail mail;

	OK(receive(c, name, &mail));
	IS(mail.out.id, id);
}

void
expect_nothing(struct task *c, port_name_t name)
{
	IS(receive(c, name, NULL), PORT_E_RCV_TIMED_OUT);
}

void
expect_notification(struct task *c, port_name_t name, uint32_t id, int64_t value)
{
	struct mail mail;

	OK(receive(c, name, &mail));
	IS(mail.out.id, id);
	IS(mail.out.remote, PORT_NULL);
	IS(mail.out.local, name);
	IS(mail.out.bits, MSO << 8);
	IS(mail.n_ports, 0);
	IS(mail.out.task, 0);
	IS(mail.out.pid, world_pid());
	if (value < 0) {
		IS(mail.out.size, 0);
	} else {
		const uint8_t *p = mail.out.body.data;

		IS(mail.out.size, 4);
		IS(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24, value);
	}
}

void
mail_rights_to(struct task *from, const struct wire_port *ports, size_t n_ports, struct task *to,
    port_name_t *names)
{
	port_name_t inbox = new_port(to), out = give(to, inbox, KS, from);
	struct letter l = letter(out, MS, 1);
	struct mail mail;

	l.ports = ports;
	l.n_ports = n_ports;
	OK(exchange(from, &l, NULL));
	OK(receive(to, inbox, &mail));
	IS(mail.n_ports, n_ports);
	for (size_t i = 0; i < n_ports; i++) {
		uint32_t kind = mail.ports[i].disposition;

		YES(kind >= MR && kind <= MSO);
		names[i] = mail.ports[i].name;
	}
	OK(destroy(to, inbox));
}

void
mail_rights(const struct wire_port *ports, size_t n_ports, port_name_t *names)
{
	mail_rights_to(T, ports, n_ports, U, names);
}
