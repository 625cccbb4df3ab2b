/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connection: the process's door to portd, and the connections made through
 * it.
 *
 * The first connection is the door: it carries hello, and then only requests
 * for further connections, one for each thread, so that a thread that waits for a
 * message holds nobody up. A connection belongs to the process that made it:
 * a fork child is not attached. */
#include "port/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define is_single_threaded() (__libc_single_threaded != 0)
#else
#define is_single_threaded() false
#endif

#include "base/cleanup.h"
#include "port/memory.h"
#include "port/port.h"
#include "wire/messages.h"
#include "wire/runtime.h"

enum { CONNECT_TRIES = 8 };

struct connection {
	int fd;			/* -1: none */
	uint32_t cookie;	/* of the last call */
	uint32_t generation;	/* of the door it was made through */
	port_name_t reply_port;
	struct wire_buf request;	/* bytes of the next one */
};

static struct {
	pthread_mutex_t lock;	/* around fd and cookie */
	int fd;
	uint32_t cookie;
	_Atomic pid_t pid;	/* of the attached process; 0: none */
	_Atomic uint32_t generation;	/* of attachments */
	port_name_t bootstrap;
	uint32_t task;
} door = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static _Thread_local struct connection mine = { .fd = -1 };
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

/* A word that is 0 in a fork child: asking for the pid would cost each call as much as
 * half a sendmsg. NULL: the kernel cannot do it. */
static _Atomic uint32_t *not_forked;

static void
map_not_forked(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK) < 0)
		munmap(page, size);
	else
		not_forked = page;
}

static bool
is_attached(void)
{
	if (door.pid == 0)
		return false;
	return not_forked ? *not_forked != 0 : door.pid == getpid();
}

/* Whether this thread's connection is one of this attachment. */
static bool
is_mine_good(void)
{
	return mine.fd >= 0 && is_attached() && mine.generation == door.generation;
}

static void
drop_mine(void)
{
	fd_close(&mine.fd);
	wire_buf_deinit(&mine.request);
	mine = (struct connection){ .fd = -1 };
}

static void
end_thread(void *unused)
{
	int state;

	(void)unused;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	port_thread_detach();
}

static void
make_thread_key(void)
{
	pthread_key_create(&thread_key, end_thread);
}

/* What frame_send and frame_receive answer, as a caller of ours knows it. */
static int
fail(int err)
{
	if (err == -EPIPE)
		return -ENOTCONN;
	return err == -EBADMSG ? -EPROTO : err;
}

static int
ask(int fd, uint32_t *cookie, uint32_t call, const struct wire_buf *body)
{
	struct frame frame = { .call = call, .cookie = ++*cookie, .body = *body };

	return fail(frame_send_keep(fd, &frame, 0));
}

/* Receives the answer to a call. -ENOTCONN: the other end is gone; -EPROTO: it does not
 * keep to the protocol. */
static int
hear(int fd, uint32_t cookie, uint32_t call, struct frame *reply)
{
	int err = frame_receive(fd, reply, 0);

	if (err)
		return fail(err);
	if (reply->call == call && reply->cookie == cookie)
		return 0;
	wire_buf_deinit(&reply->body);
	return -EPROTO;
}

static int
exchange(int fd, uint32_t *cookie, uint32_t call, const struct wire_buf *body, struct frame *reply)
{
	int err = ask(fd, cookie, call, body);

	return err ? err : hear(fd, *cookie, call, reply);
}

/* A connection of ours waits, and does not outlive an exec. */
static int
prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* Asks at the door, with its lock held, for one more connection. */
static int
ask_for_connection(int *fdp)
{
	struct wire_buf nothing = { 0 };
	AUTO_CLOSE int fd = -1;
	struct thread_out out;
	struct frame reply;
	int err = exchange(door.fd, &door.cookie, CALL_thread, &nothing, &reply);

	if (err)
		return err;
	err = reply.code;
	if (!err)
		err = thread_out_get(&reply.body, &out) < 0 ? -EPROTO : 0;
	wire_buf_deinit(&reply.body);
	if (err)
		return err;
	fd = out.connection;
	err = fd < 0 ? -EPROTO : prepare(fd);
	if (!err)
		*fdp = fd_steal(&fd);
	return err;
}

static int
open_mine(void)
{
	int err = -ENOTCONN;

	if (!is_attached())
		return -ENOTCONN;
	pthread_once(&thread_once, make_thread_key);
	drop_mine();
	pthread_mutex_lock(&door.lock);
	if (door.fd >= 0)
		err = ask_for_connection(&mine.fd);
	mine.generation = door.generation;
	pthread_mutex_unlock(&door.lock);
	if (!err && pthread_setspecific(thread_key, &mine) != 0) {
		drop_mine();
		err = -ENOMEM;
	}
	return err;
}

int
connection_open(struct wire_buf **requestp)
{
	int err = 0, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (!is_mine_good())
		err = open_mine();
	pthread_setcancelstate(state, &state);
	if (err)
		return err;
	mine.request.size = 0;
	mine.request.error = 0;
	*requestp = &mine.request;
	return 0;
}

/* An answer that was lost would be taken for that of the next call. */
static int
finish_call(int err)
{
	if (err == -ENOTCONN || err == -EPROTO)
		drop_mine();
	return err;
}

/* Sending and receiving could be cancelled half-way. */
int
connection_call(uint32_t call, const struct wire_buf *body, struct frame *reply)
{
	int err, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	err = finish_call(exchange(mine.fd, &mine.cookie, call, body, reply));
	pthread_setcancelstate(state, &state);
	return err;
}

/* Long waits -------------------------------------------------------------------
 *
 * Nobody but portd can say whether a message came before the wait was to end. So
 * whoever stops waiting says so, and takes the answer as it is then. */

/* Has no answer of its own. */
static int
interrupt(void)
{
	struct frame frame = { .call = CALL_interrupt };

	return fail(frame_send_keep(mine.fd, &frame, 0));
}

static void
end_cancelled(void *arg)
{
	const struct connection_wait *wait = arg;
	struct frame reply;
	int err = interrupt();

	if (!err)
		err = hear(mine.fd, mine.cookie, CALL_msg, &reply);
	if (!finish_call(err))
		wait->cancelled(wait->context, &reply);	/* eats reply */
}

/* Waits until there is something to read, or for a signal that counts. */
static int
sleep_until(bool interruptible)
{
	struct pollfd pollfd = { .fd = mine.fd, .events = POLLIN };
	int n;

	do
		n = poll(&pollfd, 1, -1);
	while (n < 0 && errno == EINTR && !interruptible);
	return n < 0 ? -errno : 0;
}

/* Cancellation is off, but for the time of the sleep itself, which has no effect that could
 * be lost. */
static int
sleep_cancellable(const struct connection_wait *wait)
{
	int err, state;

	pthread_cleanup_push(end_cancelled, (void *)(uintptr_t)wait);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	err = sleep_until(wait->interruptible);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_cleanup_pop(0);
	return err;
}

int
connection_send_msg(const struct wire_buf *body)
{
	return finish_call(ask(mine.fd, &mine.cookie, CALL_msg, body));
}

/* What neither a signal nor another thread can end needs no sleep before it is read:
 * recvmsg waits just as well. */
int
connection_wait_msg(const struct connection_wait *wait, struct frame *reply)
{
	int err = 0;

	if (wait->cancelled && !is_single_threaded())
		err = sleep_cancellable(wait);
	else if (wait->interruptible)
		err = sleep_until(true);
	if (err == -EINTR)
		err = interrupt();
	if (!err)
		err = hear(mine.fd, mine.cookie, CALL_msg, reply);
	return finish_call(err);
}

uint32_t
connection_attachment(void)
{
	return is_attached() ? door.generation : 0;
}

port_name_t *
connection_reply_port(void)
{
	if (!is_mine_good())
		drop_mine();
	return &mine.reply_port;
}

/* Introduces this process at a new door. */
static int
say_hello(int fd, uint32_t *cookie, const char *program, struct hello_out *out)
{
	AUTO_WIRE struct wire_buf body = { 0 };
	struct hello_in in = { .version = WIRE_VERSION, .program = program };
	struct frame reply;
	int err;

	hello_in_put(&body, &in);
	err = exchange(fd, cookie, CALL_hello, &body, &reply);
	if (err)
		return err;
	if (reply.code)
		err = reply.code < 0 ? reply.code : -EPROTO;
	else if (hello_out_get(&reply.body, out) < 0 || out->version != WIRE_VERSION)
		err = -EPROTO;
	wire_buf_deinit(&reply.body);
	return err;
}

/* A fork child finds a door, a lock and a connection that are its parent's. */
static void
forget_parent(void)
{
	if (door.pid == 0 || is_attached())
		return;
	door.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	fd_close(&door.fd);
	drop_mine();
	door.pid = 0;
}

/* Nobody speaks for the other end of this attachment any more. */
static bool
is_portd_gone(void)
{
	struct pollfd ask_end = { .fd = door.fd };

	return poll(&ask_end, 1, 0) == 1 && (ask_end.revents & (POLLHUP | POLLERR));
}

/* Attaches this process over a connected descriptor (eaten). 0, -EISCONN: it is
 * attached already, to a portd that runs; -ENOTCONN, -EPROTO. */
int
port_attach(int fd, const char *program)
{
	AUTO_CLOSE int eaten = fd;
	struct hello_out out;
	uint32_t cookie = 0;
	int err;

	forget_parent();
	if (is_attached() && is_portd_gone())
		port_detach();
	if (is_attached())
		return -EISCONN;
	memory_forget();
	err = prepare(fd);
	if (!err)
		err = say_hello(fd, &cookie, program, &out);
	if (err)
		return err;
	pthread_mutex_lock(&door.lock);
	door.fd = fd_steal(&eaten);
	door.cookie = cookie;
	door.bootstrap = out.bootstrap;
	door.task = out.task;
	door.generation++;
	if (!not_forked)
		map_not_forked();
	if (not_forked)
		*not_forked = 1;
	door.pid = getpid();
	pthread_mutex_unlock(&door.lock);
	return 0;
}

/* Fills in the address of the socket in dir. A directory too deep for a socket
 * address is reached through *dir_fdp. */
static int
socket_address(struct sockaddr_un *address, const char *dir, int *dir_fdp)
{
	int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/" RUNTIME_SOCKET, dir);

	address->sun_family = AF_UNIX;
	if (n >= 0 && (size_t)n < sizeof(address->sun_path))
		return 0;
	*dir_fdp = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fdp < 0)
		return -errno;
	snprintf(address->sun_path, sizeof(address->sun_path),
	    "/proc/self/fd/%d/" RUNTIME_SOCKET, *dir_fdp);
	return 0;
}

static bool
is_our_user(int fd)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 && cred.uid == geteuid();
}

/* One try. */
static int
connect_once(const struct sockaddr_un *address, const char *program)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	if (!is_our_user(fd))
		return -EPERM;
	return port_attach(fd_steal(&fd), program);
}

/* Attaches this process to the user's portd. As port_attach, and -ENOENT or
 * -ECONNREFUSED: none runs; -EPERM: what is there is not ours (runtime_dir says
 * why). Where many connect at once, portd drops the oldest that has not said hello: that one
 * tries again. */
int
port_connect(const char *program)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_FREE char *dir = runtime_dir(0, &why);
	AUTO_CLOSE int dir_fd = -1;
	struct sockaddr_un address = { 0 };
	int err;

	if (!dir)
		return -EPERM;
	err = socket_address(&address, dir, &dir_fd);
	if (err)
		return err;
	for (int i = 0; i < CONNECT_TRIES; i++) {
		err = connect_once(&address, program);
		if (err != -ENOTCONN)
			break;
	}
	return err;
}

/* Attaches as this process was meant to be. As port_attach and port_connect. */
int
port_begin(const char *program)
{
	const char *given = getenv("HIRD_PORT_FD");
	char *end;
	long fd;

	if (!given)
		return port_connect(program);
	errno = 0;
	fd = strtol(given, &end, 10);
	if (errno || end == given || *end || fd < 0 || fd > INT_MAX)
		return -EBADF;
	unsetenv("HIRD_PORT_FD");
	return port_attach((int)fd, program);	/* eats fd */
}

/* Ends the attachment; every right goes when the threads' connections have gone
 * too, each at its thread's next call or end. */
void
port_detach(void)
{
	if (!is_attached())
		return;
	port_thread_detach();
	pthread_mutex_lock(&door.lock);
	fd_close(&door.fd);
	door.pid = 0;
	door.bootstrap = PORT_NULL;
	door.task = 0;
	pthread_mutex_unlock(&door.lock);
}

/* Closes this thread's connection and gives its reply port back. */
void
port_thread_detach(void)
{
	if (is_mine_good() && mine.reply_port != PORT_NULL)
		port_mod_refs(mine.reply_port, PORT_RIGHT_RECEIVE, -1);
	drop_mine();
}

/* The right this task was born with, PORT_NULL when it is not attached. */
port_name_t
port_bootstrap(void)
{
	return is_attached() ? door.bootstrap : PORT_NULL;
}

/* portd's number of this task, 0 when it is not attached. */
uint32_t
port_task_id(void)
{
	return is_attached() ? door.task : 0;
}
