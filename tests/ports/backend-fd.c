/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend-fd: the toy: what ports would be if a right were a plain descriptor.
 *
 * A port is a SOCK_SEQPACKET pair; its receive right is one end, a send right a duplicate of the
 * other; a name is the descriptor's number, a transfer SCM_RIGHTS, a move a send
 * and a close, a set an epoll, a dead port a hang-up, a task a pidfd. Of its own table a task
 * remembers what kind a number is, and nothing of anybody else's. What descriptors have no word for
 * is -ENOSYS. It is as good as
 * such a design gets without a library that everybody runs honestly: it is here for the
 * marked cases to fail on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/ports/agent.h"
#include "base/cleanup.h"

enum {
	NAMES_MAX = 4096,
	RIGHTS_MAX = 200,	/* what one SCM_RIGHTS can carry, in pairs */
	BODY_MAX = 96 * 1024,
};

enum kind { NONE, SENDER, RECEIVER, ONCE, SET, NOWHERE };

/* By descriptor. A receiver keeps the other end, to make send rights from, and to send by
 * itself when it is its own sender. */
static struct {
	enum kind kind;
	int maker;
	bool sends;
	port_name_t set;
} table[NAMES_MAX];

static int gifts[TASKS_MAX][2];

struct packet {
	uint32_t id;
	uint32_t reply;		/* disposition, 0: none */
	uint32_t n_rights;
	uint32_t dispositions[RIGHTS_MAX];
};

static bool
is_name(port_name_t name)
{
	return name < NAMES_MAX && table[name].kind != NONE;
}

/* A hang-up: nobody has the other end any more. */
static bool
is_dead(port_name_t name)
{
	struct pollfd poll_fd = { .fd = (int)name };

	if (table[name].kind == NOWHERE)
		return true;
	return (table[name].kind == SENDER || table[name].kind == ONCE) &&
	    poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLHUP;
}

/* Whether a call is on the caller's own names. On those of another process that lives: -ENOSYS. */
static int
check_task(port_name_t task)
{
	if (task == PORT_NULL)
		return 0;
	if (!is_name(task) || table[task].kind != SENDER ||
	    (syscall(SYS_pidfd_send_signal, (int)task, 0, NULL, 0) < 0 && errno != EPERM))
		return PORT_E_INVALID_TASK;
	return -ENOSYS;
}

/* That a name is one of this task's. */
static int
check_name(port_name_t name, port_name_t task)
{
	int err = check_task(task);

	return err ? err : is_name(name) ? 0 : PORT_E_INVALID_NAME;
}

static int
toy_attach(uint32_t *idp)
{
	*idp = (uint32_t)getpid();
	return 0;
}

static void
toy_thread_detach(void)
{
}

static void
drop(port_name_t name)
{
	int maker = table[name].maker;

	if (table[name].set)
		epoll_ctl((int)table[name].set, EPOLL_CTL_DEL, (int)name, NULL);
	for (port_name_t member = 0; member < NAMES_MAX && table[name].kind == SET; member++)
		if (table[member].set == name)
			table[member].set = PORT_NULL;
	/* Before another thread can get the number. */
	memset(&table[name], 0, sizeof(table[name]));
	close((int)name);
	if (maker > 0)
		close(maker);
}

static int
enter(int fd, enum kind kind, int maker, port_name_t *namep)
{
	if (fd < 0)
		return -errno;
	if (fd >= NAMES_MAX) {
		close(fd);
		return PORT_E_NO_SPACE;
	}
	memset(&table[fd], 0, sizeof(table[fd]));
	table[fd].kind = kind;
	table[fd].maker = maker;
	*namep = (port_name_t)fd;
	return 0;
}

static int
toy_allocate(enum port_right_kind kind, port_name_t *namep, port_name_t task)
{
	int ends[2], on = 1, err = check_task(task);

	if (err)
		return err;
	if (kind == PORT_RIGHT_PORT_SET)
		return enter(epoll_create1(EPOLL_CLOEXEC), SET, 0, namep);
	if (kind == PORT_RIGHT_DEAD_NAME)
		return enter(open("/dev/null", O_RDONLY | O_CLOEXEC), NOWHERE, 0, namep);
	if (kind != PORT_RIGHT_RECEIVE)
		return PORT_E_INVALID_VALUE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	return enter(ends[0], RECEIVER, ends[1], namep);
}

/* A number of one's choice: dup2, which closes what has it. */
static int
toy_allocate_name(enum port_right_kind kind, port_name_t name, port_name_t task)
{
	port_name_t made;
	int err;

	if (name < 3 || name >= NAMES_MAX)
		return PORT_E_INVALID_VALUE;
	err = toy_allocate(kind, &made, task);
	if (err || made == name)
		return err;
	if (dup2((int)made, (int)name) < 0)
		return -errno;
	table[name] = table[made];
	memset(&table[made], 0, sizeof(table[made]));
	close((int)made);
	return 0;
}

static int
toy_destroy(port_name_t name, port_name_t task)
{
	int err = check_name(name, task);

	if (!err)
		drop(name);
	return err;
}

static int
toy_deallocate(port_name_t name, port_name_t task)
{
	int err = check_name(name, task);

	if (err)
		return err;
	if (table[name].kind == SET || (table[name].kind == RECEIVER && !table[name].sends))
		return PORT_E_INVALID_RIGHT;
	if (table[name].kind == RECEIVER)
		table[name].sends = false;
	else
		drop(name);
	return 0;
}

static uint32_t
type_bits(port_name_t name)
{
	static const uint32_t bits[] = {
		[SENDER] = TYPE_SEND, [RECEIVER] = TYPE_RECEIVE, [ONCE] = TYPE_SEND_ONCE,
		[SET] = TYPE_PORT_SET,
	};

	if (is_dead(name))
		return TYPE_DEAD_NAME;
	return bits[table[name].kind] | (table[name].sends ? TYPE_SEND : 0);
}

/* A descriptor is there or not: there are no two of one number. */
static int
toy_mod_refs(port_name_t name, enum port_right_kind kind, int32_t delta, port_name_t task)
{
	bool counts = kind == PORT_RIGHT_SEND || kind == PORT_RIGHT_DEAD_NAME;
	int err;

	if (kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	err = check_name(name, task);
	if (err)
		return err;
	if (!(type_bits(name) & PORT_TYPE(kind)))
		return PORT_E_INVALID_RIGHT;
	if (delta < -1 || (delta > 0 && !counts))
		return PORT_E_INVALID_VALUE;
	if (delta >= 0)
		return delta == 0 ? 0 : -ENOSYS;
	return counts ? toy_deallocate(name, task) : toy_destroy(name, task);
}

static int
toy_get_refs(port_name_t name, enum port_right_kind kind, uint32_t *urefsp, port_name_t task)
{
	int err;

	if (kind >= PORT_RIGHT_KINDS)
		return PORT_E_INVALID_VALUE;
	err = check_name(name, task);
	if (!err)
		*urefsp = (type_bits(name) & PORT_TYPE(kind)) != 0;
	return err;
}

static int
toy_type(port_name_t name, uint32_t *typep, port_name_t task)
{
	int err = check_name(name, task);

	if (!err)
		*typep = type_bits(name);
	return err;
}

static int
toy_rename_name(port_name_t name, port_name_t new_name, port_name_t task)
{
	int err;

	if (new_name == PORT_NULL || new_name == PORT_DEAD)
		return PORT_E_INVALID_VALUE;
	err = check_name(name, task);
	if (err)
		return err;
	if (new_name == name)
		return PORT_E_NAME_EXISTS;
	if (new_name < 3 || new_name >= NAMES_MAX)
		return PORT_E_INVALID_VALUE;
	if (dup2((int)name, (int)new_name) < 0)
		return -errno;
	table[new_name] = table[name];
	memset(&table[name], 0, sizeof(table[name]));
	close((int)name);
	return 0;
}

static int
toy_names(struct port_entry **entriesp, size_t *n_entriesp, port_name_t task)
{
	struct port_entry *entries;
	size_t n = 0;
	int err = check_task(task);

	if (err)
		return err;
	entries = calloc(NAMES_MAX, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (port_name_t name = 0; name < NAMES_MAX; name++)
		if (is_name(name))
			entries[n++] = (struct port_entry){ name, type_bits(name) };
	*entriesp = entries;
	*n_entriesp = n;
	return 0;
}

/* The descriptor that travels for a right; a second one for the maker of a receiver. */
static int
descriptor_for(port_name_t name, uint32_t disposition)
{
	if (!is_name(name))
		return -1;
	switch (disposition) {
	case PORT_MAKE_SEND:
	case PORT_MAKE_SEND_ONCE:
		return table[name].kind == RECEIVER ? table[name].maker : -1;
	case PORT_MOVE_RECEIVE:
		return table[name].kind == RECEIVER ? (int)name : -1;
	case PORT_MOVE_SEND_ONCE:
		return table[name].kind == ONCE ? (int)name : -1;
	default:
		if (table[name].sends)
			return table[name].maker;
		return table[name].kind == SENDER ? (int)name : -1;
	}
}

static bool
moves(uint32_t disposition)
{
	return disposition >= PORT_MOVE_RECEIVE && disposition <= PORT_MOVE_SEND_ONCE;
}

/* What a transfer costs: a move is a close. */
static void
spend(port_name_t name, uint32_t disposition)
{
	if (!moves(disposition) || !is_name(name))
		return;
	if (disposition == PORT_MOVE_SEND && table[name].kind == RECEIVER)
		table[name].sends = false;
	else
		drop(name);
}

static enum kind
kind_received(uint32_t disposition)
{
	if (disposition == PORT_MOVE_RECEIVE)
		return RECEIVER;
	return disposition == PORT_MOVE_SEND_ONCE || disposition == PORT_MAKE_SEND_ONCE ? ONCE : SENDER;
}

static bool
is_disposition(uint32_t disposition)
{
	return disposition >= PORT_MOVE_RECEIVE && disposition <= PORT_MAKE_SEND_ONCE;
}

/* Under a name of one's choice a right can be only where none is. */
static int
toy_insert_right(port_name_t name, port_name_t right, enum port_disposition disposition,
    port_name_t task)
{
	int fd, err;

	if (name == PORT_NULL || name == PORT_DEAD || !is_disposition(disposition))
		return PORT_E_INVALID_VALUE;
	if (right == PORT_NULL || right == PORT_DEAD)
		return PORT_E_INVALID_CAPABILITY;
	err = check_task(task);
	if (err == PORT_E_INVALID_TASK)
		return err;
	if (!is_name(right))
		return PORT_E_INVALID_NAME;
	if (is_dead(right))
		return PORT_E_INVALID_CAPABILITY;
	fd = descriptor_for(right, disposition);
	if (fd < 0)
		return PORT_E_INVALID_RIGHT;
	if (err)
		return err;
	if (name == right && disposition == PORT_MAKE_SEND && !table[name].sends) {
		table[name].sends = true;
		return 0;
	}
	if (name < 3 || name >= NAMES_MAX || is_name(name))
		return PORT_E_NAME_EXISTS;
	if (dup2(fd, (int)name) < 0)
		return -errno;
	table[name].kind = kind_received(disposition);
	spend(right, disposition);
	return 0;
}

/* Out of another process a descriptor can be copied, but not closed there. */
static int
toy_extract_right(port_name_t task, port_name_t name, enum port_disposition disposition,
    port_name_t *rightp)
{
	int fd;

	if (!is_disposition(disposition))
		return PORT_E_INVALID_VALUE;
	if (task == PORT_NULL || check_task(task) == PORT_E_INVALID_TASK)
		return PORT_E_INVALID_TASK;
	if (name < 3 || name > INT_MAX)
		return PORT_E_INVALID_NAME;
	fd = (int)syscall(SYS_pidfd_getfd, (int)task, (int)name, 0);
	if (fd < 0)
		return errno == EBADF ? PORT_E_INVALID_NAME : -errno;
	if (moves(disposition)) {
		close(fd);
		return -ENOSYS;
	}
	return enter(fd, kind_received(disposition), 0, rightp);
}

static int
toy_own_task(port_name_t *taskp)
{
	return enter((int)syscall(SYS_pidfd_open, getpid(), 0), SENDER, 0, taskp);
}

/* Out of one, into the other: not at once, an epoll knows no such step. */
static int
toy_move_member(port_name_t member, port_name_t set, port_name_t task)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = member };
	int err = check_name(member, task);

	if (err)
		return err;
	if (table[member].kind != RECEIVER)
		return PORT_E_INVALID_RIGHT;
	if (set != PORT_NULL && !is_name(set))
		return PORT_E_INVALID_NAME;
	if (set != PORT_NULL && table[set].kind != SET)
		return PORT_E_INVALID_RIGHT;
	if (set == PORT_NULL && table[member].set == PORT_NULL)
		return PORT_E_NOT_IN_SET;
	if (set == table[member].set)
		return 0;
	if (table[member].set != PORT_NULL)
		epoll_ctl((int)table[member].set, EPOLL_CTL_DEL, (int)member, NULL);
	table[member].set = set;
	if (set != PORT_NULL && epoll_ctl((int)set, EPOLL_CTL_ADD, (int)member, &event) < 0)
		return -errno;
	return 0;
}

static int
toy_set_status(port_name_t set, port_name_t **membersp, size_t *n_membersp, port_name_t task)
{
	port_name_t *members;
	size_t n = 0;
	int err = check_name(set, task);

	if (err)
		return err;
	if (table[set].kind != SET)
		return PORT_E_INVALID_RIGHT;
	members = calloc(NAMES_MAX, sizeof(*members));
	if (!members)
		return -ENOMEM;
	for (port_name_t name = 0; name < NAMES_MAX; name++)
		if (is_name(name) && table[name].set == set)
			members[n++] = name;
	*membersp = members;
	*n_membersp = n;
	return 0;
}

/* What it knows; what the others do with their ends it does not. */
static int
toy_receive_status(port_name_t name, struct receive_status_out *status, port_name_t task)
{
	int err = check_name(name, task);

	if (err)
		return err;
	if (table[name].kind != RECEIVER)
		return PORT_E_INVALID_RIGHT;
	*status = (struct receive_status_out){ .set = table[name].set, .srights = table[name].sends };
	return 0;
}

/* Messages ------------------------------------------------------------------------------- */

struct cargo {
	int fds[2 * RIGHTS_MAX + 2];
	uint32_t n;
};

static int
load(struct cargo *cargo, port_name_t name, uint32_t disposition)
{
	int fd = descriptor_for(name, disposition);

	if (fd < 0 || cargo->n + 2 > ARRAY_SIZE(cargo->fds))
		return -1;
	cargo->fds[cargo->n++] = fd;
	if (disposition == PORT_MOVE_RECEIVE)
		cargo->fds[cargo->n++] = table[name].maker;
	return 0;
}

static int
transmit(int fd, struct packet *packet, const struct wire_buf *body, const struct cargo *cargo,
    int timeout_ms)
{
	char control[CMSG_SPACE(sizeof(cargo->fds))] = { 0 };
	struct iovec iov[2] = { { packet, sizeof(*packet) }, { body->data, body->size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	struct cmsghdr *c;

	if (cargo->n) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(cargo->n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(cargo->n * sizeof(int));
		memcpy(CMSG_DATA(c), cargo->fds, cargo->n * sizeof(int));
	}
	for (;;) {
		if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET)
			return PORT_E_SEND_INVALID_DEST;
		if (errno != EAGAIN)
			return PORT_E_SEND_NO_BUFFER;
		if (poll(&poll_fd, 1, timeout_ms) == 0)
			return PORT_E_SEND_TIMED_OUT;
	}
}

static bool
is_header(const struct port_message *message)
{
	uint32_t remote = message->remote_disposition, local = message->local_disposition;

	return is_disposition(remote) && remote != PORT_MOVE_RECEIVE &&
	    (local == 0 ? message->local == PORT_NULL :
	    is_disposition(local) && local != PORT_MOVE_RECEIVE);
}

static int
send_one(struct port_message *message, int timeout_ms)
{
	static _Thread_local struct packet packet;
	struct cargo cargo = { .n = 0 };
	int code, fd = descriptor_for(message->remote, message->remote_disposition);

	if (!is_header(message))
		return PORT_E_SEND_INVALID_HEADER;
	if (fd < 0)
		return PORT_E_SEND_INVALID_DEST;
	packet = (struct packet){ .id = message->id, .reply = message->local_disposition };
	if (message->local && load(&cargo, message->local, message->local_disposition) < 0)
		return PORT_E_SEND_INVALID_REPLY;
	if (!message->local)
		packet.reply = 0;
	for (size_t i = 0; i < message->body.n_ports; i++) {
		struct wire_port *port = &message->body.ports[i];

		if (packet.n_rights == RIGHTS_MAX || load(&cargo, port->name, port->disposition) < 0)
			return PORT_E_SEND_INVALID_RIGHT;
		packet.dispositions[packet.n_rights++] = port->disposition;
	}
	code = transmit(fd, &packet, &message->body, &cargo, timeout_ms);
	if (code)
		return code;
	for (size_t i = 0; i < message->body.n_ports; i++)
		spend(message->body.ports[i].name, message->body.ports[i].disposition);
	spend(message->local, message->local_disposition);
	spend(message->remote, message->remote_disposition);
	return 0;
}

static port_name_t
unload(const int *fds, uint32_t *at, uint32_t disposition)
{
	enum kind kind = kind_received(disposition);
	int fd = fds[(*at)++], maker = kind == RECEIVER ? fds[(*at)++] : 0;
	port_name_t name = PORT_NULL;

	enter(fd, kind, maker, &name);
	return name;
}

static uint32_t
disposition_received(uint32_t disposition)
{
	static const uint32_t seen[] = {
		[RECEIVER] = PORT_MOVE_RECEIVE, [SENDER] = PORT_MOVE_SEND, [ONCE] = PORT_MOVE_SEND_ONCE,
	};

	return seen[kind_received(disposition)];
}

/* Descriptors, and who sent them. */
static void
take_control(struct msghdr *msg, struct cargo *cargo, struct port_message *message)
{
	struct ucred cred;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			cargo->n = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(cargo->fds, CMSG_DATA(c), cargo->n * sizeof(int));
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			message->sender_pid = cred.pid;
			message->sender_uid = cred.uid;
			message->sender_gid = cred.gid;
			message->sender_task = (uint32_t)cred.pid;
		}
	}
}

static int
take(port_name_t name, struct port_message *message)
{
	static _Thread_local struct { struct packet packet; uint8_t body[BODY_MAX]; } in;
	struct cargo cargo = { .n = 0 };
	char control[CMSG_SPACE(sizeof(cargo.fds)) + CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { &in, sizeof(in) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg((int)name, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	uint32_t at = 0;

	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : PORT_E_RCV_PORT_DIED;
	if ((size_t)n < sizeof(in.packet))
		return PORT_E_RCV_PORT_DIED;
	take_control(&msg, &cargo, message);
	message->id = in.packet.id;
	message->local = name;
	message->local_disposition = PORT_MOVE_SEND;	/* by which kind, a descriptor does not say */
	message->size = (uint32_t)((size_t)n - sizeof(in.packet));
	wire_put_bytes(&message->body, in.body, message->size);
	if (in.packet.reply) {
		message->remote = unload(cargo.fds, &at, in.packet.reply);
		message->remote_disposition = disposition_received(in.packet.reply);
	}
	for (uint32_t i = 0; i < in.packet.n_rights; i++) {
		uint32_t disposition = in.packet.dispositions[i];

		wire_put_port(&message->body, (struct wire_port){
			unload(cargo.fds, &at, disposition), disposition_received(disposition) });
	}
	return 0;
}

static int
receive_one(port_name_t name, struct port_message *message, int timeout_ms, uint32_t message_options)
{
	struct pollfd poll_fd = { .fd = (int)name, .events = POLLIN };
	struct epoll_event event;
	int err, ready;

	if (!is_name(name) || (table[name].kind != RECEIVER && table[name].kind != SET))
		return PORT_E_RCV_INVALID_NAME;
	do {
		ready = poll(&poll_fd, 1, timeout_ms);
		if (ready == 0)
			return PORT_E_RCV_TIMED_OUT;
		if (ready < 0 && message_options & PORT_MSG_RCV_INTERRUPT)
			return PORT_E_RCV_INTERRUPTED;
		if (poll_fd.revents & POLLNVAL)
			return PORT_E_RCV_PORT_DIED;
		if (table[name].kind != SET)
			err = take(name, message);
		else if (epoll_wait((int)name, &event, 1, 0) == 1)
			err = take(event.data.u32, message);
		else
			err = -EAGAIN;
	} while (err == -EAGAIN);
	return err;
}

static int
toy_exchange(struct port_message *sent, int send_timeout_ms, port_name_t name,
    struct port_message *received, int rcv_timeout_ms, uint32_t message_options)
{
	int code = sent ? send_one(sent, send_timeout_ms) : 0;

	if (received)
		*received = (struct port_message){ 0 };
	if (code || !received)
		return code;
	return receive_one(name, received, rcv_timeout_ms, message_options);
}

/* What a descriptor has no word for ------------------------------------------------------- */

static int toy_request_notification(port_name_t a, uint32_t b, uint32_t c, port_name_t d, enum port_disposition e, port_name_t *f, port_name_t g) { (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; (void)g; return -ENOSYS; }
static int toy_set_qlimit(port_name_t a, uint32_t b, port_name_t c) { (void)a; (void)b; (void)c; return -ENOSYS; }
static int toy_set_count(port_name_t a, uint32_t b) { (void)a; (void)b; return -ENOSYS; }
static int toy_set_payload(port_name_t a, uint64_t b) { (void)a; (void)b; return -ENOSYS; }
static int toy_clear_payload(port_name_t a) { (void)a; return -ENOSYS; }
static int toy_peek(port_name_t a, struct peek_out *b) { (void)a; (void)b; return -ENOSYS; }
static int toy_construct(uint32_t a, uint32_t b, uint64_t c, port_name_t *d) { (void)a; (void)b; (void)c; (void)d; return -ENOSYS; }
static int toy_destruct(port_name_t a, int32_t b, uint64_t c) { (void)a; (void)b; (void)c; return -ENOSYS; }
static int guard_port(port_name_t a, uint64_t b, int c) { (void)a; (void)b; (void)c; return -ENOSYS; }
static int unguard_port(port_name_t a, uint64_t b) { (void)a; (void)b; return -ENOSYS; }
static int swap_guards(port_name_t a, uint64_t b, uint64_t c) { (void)a; (void)b; (void)c; return -ENOSYS; }
static int toy_spawn(port_name_t a, enum port_disposition b, int *c, port_name_t *d) { (void)a; (void)b; (void)c; (void)d; return -ENOSYS; }
static int toy_flat(struct port_msg_header *a, uint32_t b, uint32_t c, uint32_t d, port_name_t e, uint32_t f) { (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; return -ENOSYS; }
static int toy_call(port_name_t a, uint32_t b, struct wire_buf *c, struct port_reply *d, int e) { (void)a; (void)b; (void)e; wire_buf_deinit(c); *d = (struct port_reply){ .text = "" }; return -ENOSYS; }

const struct backend backend_fd = {
	.name = "fd",
	.attach = toy_attach,
	.thread_detach = toy_thread_detach,
	.allocate = toy_allocate,
	.allocate_name = toy_allocate_name,
	.deallocate = toy_deallocate,
	.destroy = toy_destroy,
	.mod_refs = toy_mod_refs,
	.get_refs = toy_get_refs,
	.type = toy_type,
	.rename = toy_rename_name,
	.names = toy_names,
	.insert_right = toy_insert_right,
	.extract_right = toy_extract_right,
	.request_notification = toy_request_notification,
	.move_member = toy_move_member,
	.set_status = toy_set_status,
	.receive_status = toy_receive_status,
	.set_qlimit = toy_set_qlimit,
	.set_mscount = toy_set_count,
	.set_seqno = toy_set_count,
	.set_payload = toy_set_payload,
	.clear_payload = toy_clear_payload,
	.peek = toy_peek,
	.construct = toy_construct,
	.destruct = toy_destruct,
	.guard = guard_port,
	.unguard = unguard_port,
	.swap_guard = swap_guards,
	.task_self = toy_own_task,
	.spawn = toy_spawn,
	.exchange = toy_exchange,
	.msg = toy_flat,
	.memory_alloc = port_memory_alloc,
	.memory_free = port_memory_free,
	.call = toy_call,
};

/* Gifts: a right from one agent to another, over a line that the case made before them ------- */

void
toy_open_gifts(void)
{
	if (api != &backend_fd)
		return;
	for (int i = 0; i < TASKS_MAX; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gifts[i]) < 0)
			FAIL("a line for gifts: %s", strerror(errno));
}

struct gift {
	int index;
	port_name_t name;
	uint32_t disposition;
};

static long
send_gift(void *arg)
{
	const struct gift *gift = arg;
	struct packet packet = { .n_rights = 1, .dispositions = { gift->disposition } };
	struct wire_buf nothing = { 0 };
	struct cargo cargo = { .n = 0 };
	int code;

	if (load(&cargo, gift->name, gift->disposition) < 0)
		return PORT_E_INVALID_RIGHT;
	code = transmit(gifts[gift->index][0], &packet, &nothing, &cargo, -1);
	if (!code && moves(gift->disposition))
		drop(gift->name);
	return code;
}

static long
take_gift(void *arg)
{
	struct gift *gift = arg;
	struct port_message message = { 0 };
	int err = take((port_name_t)gifts[gift->index][1], &message);

	if (!err)
		gift->name = message.body.ports[0].name;
	port_message_deinit(&message);
	return err;
}

port_name_t
toy_give(struct task *from, port_name_t name, uint32_t disposition, struct task *to)
{
	struct gift gift = { to->agent->index, name, disposition };

	OK(run(from, send_gift, &gift, sizeof(gift)));
	OK(run(to, take_gift, &gift, sizeof(gift)));
	return gift.name;
}
