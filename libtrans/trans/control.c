/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the translator's control port, and the thread that listens on it.
 *
 * The thread answers a ping at once, whatever a callback is doing; all else it
 * leaves in a queue for the main thread, since callbacks run one at a time.
 *
 * When portd has died the thread waits on the leash for its successor, attaches to that one, and
 * says that we are still here. The main thread serves the kernel meanwhile and need not know.
 * Names of rights mean nothing any more then: whoever uses them holds the attachment, so that
 * it does not change under him. */
#include "trans/control.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "port/connection.h"
#include "port/stubs.h"
#include "trans/leash.h"
#include "trans/memory.h"
#include "trans/req.h"
#include "trans/standin.h"
#include "trans/wake.h"
#include "wire/messages.h"

/* The main thread may be held up for ever; we do not outlive portd and its holder. */
enum {
	FAREWELL_S = 2,
	RETURN_MS = 30 * 1000,	/* for a new portd's answer */
	/* What others ask while the main thread is busy; more is refused. */
	WAITING_MAX = 1000,
	WAITING_BYTES_MAX = 64 << 20,
};

struct letter {
	struct list link;
	uint32_t attachment;
	size_t bytes;		/* 0: it is portd's, for the control port */
	struct port_message message;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list letters = { &letters, &letters };
static enum control_state state;
static pthread_t thread;
static port_name_t port;	/* PORT_NULL: closed */
static port_name_t set;		/* of what is listened on: that, and the ports of nodes */
static size_t n_waiting;	/* letters to those */
static size_t waiting_bytes;
static const char *program;
static bool closing;
static pthread_cond_t closed = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t attachment_lock;	/* taken before `lock`; recursive */

static void
set_state(enum control_state now)
{
	pthread_mutex_lock(&lock);
	state = now;
	pthread_mutex_unlock(&lock);
	wake_main();
}

static void
refuse(struct port_message *message, int error, const char *why)
{
	port_reply_send(message, error, why, NULL);
	port_message_destroy(message);
}

/* What a letter to a node's port takes. */
static size_t
bytes_of(const struct port_message *message)
{
	size_t bytes = sizeof(struct letter) + message->body.size;

	for (size_t i = 0; i < message->body.n_memory; i++)
		bytes += message->body.memory[i].size;
	return bytes;
}

/* Notifications come once, and have to be taken. */
static bool
has_room(const struct port_message *message, size_t bytes)
{
	return bytes == 0 || message->sender_task == 0 ||
	    (n_waiting < WAITING_MAX && waiting_bytes + bytes <= WAITING_BYTES_MAX);
}

/* Eats the letter, unless there is no room. */
static bool
put_letter(struct letter *letter)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = has_room(&letter->message, letter->bytes);
	if (room) {
		list_link_tail(&letters, &letter->link);
		n_waiting += letter->bytes > 0;
		waiting_bytes += letter->bytes;
	}
	pthread_mutex_unlock(&lock);
	return room;
}

static void
queue(struct port_message *message)
{
	struct letter *letter = malloc(sizeof(*letter));

	if (!letter) {
		refuse(message, -ENOMEM, "the translator is out of memory");
		return;
	}
	*letter = (struct letter){
		.attachment = connection_attachment(),
		.bytes = message->local == port ? 0 : bytes_of(message),
		.message = *message,
	};
	if (put_letter(letter)) {
		wake_main();
		return;
	}
	free(letter);
	refuse(message, -EAGAIN, "too many ask at once");
}

static int
handle_ping(struct rpc_request *request, struct fsys_ping_in *in, struct fsys_ping_out *out)
{
	uint64_t turn = standin_turn();
	bool excused;

	(void)request;
	(void)in;
	out->oldest = req_oldest(&excused);
	if (turn && !excused && (!out->oldest || turn < out->oldest))
		out->oldest = turn;
	out->moved = memory_moved();
	return 0;
}

RPC_SERVER(fsys)

static const struct fsys_server server = { .fsys_ping = handle_ping };
static const struct port_table table = PORT_TABLE(fsys, &server, NULL);
static const struct port_service service = { .tables = &table, .n_tables = 1 };

/* Only portd, which has no task, can say that nobody is left. */
static void
take(struct port_message *message)
{
	if (message->local != port) {
		queue(message);
	} else if (message->id == ROUTINE_fsys_ping) {
		port_serve_one(&service, message);
	} else if (message->id == PORT_NOTIFY_NO_SENDERS && message->sender_task == 0) {
		set_state(CONTROL_UNWANTED);
		port_message_deinit(message);
	} else {
		queue(message);
	}
}

/* Until the connection is lost. False: the port was taken away. */
static bool
listen_on_port(void)
{
	for (;;) {
		struct port_message message;
		int err = port_receive(set, &message, PORT_FOREVER);

		if (err == 0)
			take(&message);
		else if (err < 0)
			return true;
		else if (err != PORT_E_RCV_INTERRUPTED && err != PORT_E_RCV_TOO_LARGE)
			return false;
	}
}

/* Makes the port. 0, PORT_E_* or -errno. */
static int
make_one(port_name_t *namep)
{
	port_name_t previous, name;
	int err = port_allocate(PORT_RIGHT_RECEIVE, &name);

	if (err != 0)
		return err;
	err = port_request_notification(name, PORT_NOTIFY_NO_SENDERS, 1, name,
	    PORT_MAKE_SEND_ONCE, &previous);
	if (err != 0)
		port_destroy(name);
	else
		*namep = name;
	return err;
}

/* Likewise, in a set. */
static int
make_port(port_name_t *namep, port_name_t *setp)
{
	port_name_t name, members;
	int err = port_allocate(PORT_RIGHT_PORT_SET, &members);

	if (err != 0)
		return err;
	err = make_one(&name);
	if (err == 0)
		err = port_move_member(name, members);
	if (err != 0) {
		port_destroy(members);
		return err;
	}
	*namep = name;
	*setp = members;
	return 0;
}

/* The dead one's end may be open for another moment, in a process that it had begun. */
static int
attach(int fd)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000000L };
	int err = port_attach(dup(fd), program);

	for (int i = 0; err == -EISCONN && i < 100; i++) {
		nanosleep(&moment, NULL);
		err = port_attach(dup(fd), program);
	}
	close(fd);
	return err;
}

/* Over a connection (eaten) to another portd. */
static int
come_back(int fd)
{
	port_name_t name = PORT_NULL, members = PORT_NULL;
	int err;

	pthread_mutex_lock(&attachment_lock);
	err = attach(fd);	/* eats fd */
	if (err == 0)
		err = make_port(&name, &members);
	pthread_mutex_lock(&lock);
	if (err == 0 && closing)
		err = -ECANCELED;
	if (err == 0) {
		port = name;
		set = members;
	}
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&attachment_lock);
	return err;
}

static int
say_so(void)
{
	const struct fsys_return_in in = { .control = { port, PORT_MAKE_SEND } };
	struct fsys_return_out out;
	struct port_reply reply;
	int err = fsys_return_call(port_bootstrap(), &in, &out, &reply, RETURN_MS);

	port_reply_deinit(&reply);
	return err;
}

/* Waits for a portd, once the one of before is lost. False: there will be none. From then on
 * we die with the holder, which is our parent now, as with portd before we served. */
static bool
find_another(void)
{
	int fd, err;

	while ((fd = leash_wait()) >= 0) {
		err = come_back(fd);	/* eats fd */
		if (err == 0)
			err = say_so();
		if (err == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			return true;
		}
		if (err > 0)
			log_error("a new portd does not take this translator: %s", port_error_text(err));
	}
	return false;
}

static void
wait_for_end(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += FAREWELL_S;
	pthread_mutex_lock(&lock);
	while (!closing)
		if (pthread_cond_timedwait(&closed, &lock, &end) != 0)
			_exit(1);
	pthread_mutex_unlock(&lock);
}

static void *
listen_on(void *unused)
{
	(void)unused;
	while (listen_on_port()) {
		if (find_another())
			continue;
		set_state(CONTROL_CUT);
		wait_for_end();
		break;
	}
	return NULL;
}

static void
init_lock(void)
{
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&attachment_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
}

/* Makes the port and starts listening. name: as in port_attach. 0, PORT_E_* or -errno. */
int
control_open(const char *name)
{
	int err;

	program = name;
	init_lock();
	err = make_port(&port, &set);
	if (err != 0)
		return err;
	err = -pthread_create(&thread, NULL, listen_on, NULL);
	if (err != 0) {
		port_destroy(set);
		port_destroy(port);
		port = PORT_NULL;
	}
	return err;
}

/* Takes the port away and waits for the thread; what is still in the queue is
 * never answered, which its senders notice. Harmless when it is not open. */
void
control_close(void)
{
	struct port_message message;
	port_name_t name, members;

	pthread_mutex_lock(&lock);
	name = port;
	members = set;
	closing = true;
	pthread_cond_signal(&closed);
	pthread_mutex_unlock(&lock);
	if (name == PORT_NULL)
		return;
	leash_cut();
	port_destroy(members);
	port_destroy(name);
	pthread_join(thread, NULL);
	port = PORT_NULL;
	while (control_take(&message)) {
		port_message_destroy(&message);
		control_release();
	}
	leash_close();
}

/* The receive right, PORT_NULL when it is not open. */
port_name_t
control_port(void)
{
	return port;
}

/* See control.h. */
int
control_listen(port_name_t receive)
{
	return port_move_member(receive, set);
}

/* Whether anybody can still send. */
enum control_state
control_state(void)
{
	enum control_state now;

	pthread_mutex_lock(&lock);
	now = state;
	pthread_mutex_unlock(&lock);
	return now;
}

/* Of portd now. */
uint32_t
control_attachment(void)
{
	return connection_attachment();
}

/* For the time that rights of an attachment are used. */
bool
control_keep(uint32_t attachment)
{
	pthread_mutex_lock(&attachment_lock);
	if (attachment == connection_attachment())
		return true;
	pthread_mutex_unlock(&attachment_lock);
	return false;
}

void
control_release(void)
{
	pthread_mutex_unlock(&attachment_lock);
}

static struct letter *
take_letter(void)
{
	struct letter *letter = NULL;

	pthread_mutex_lock(&lock);
	if (!list_is_empty(&letters)) {
		letter = LIST_ENTRY(letters.next, struct letter, link);
		list_unlink(&letter->link);
		n_waiting -= letter->bytes > 0;
		waiting_bytes -= letter->bytes;
	}
	pthread_mutex_unlock(&lock);
	return letter;
}

/* The next request for the main thread; the caller's from now on. false: there is none. Who
 * asked a portd that has died is told by nobody, and gone. */
bool
control_take(struct port_message *message)
{
	struct letter *letter;

	while ((letter = take_letter())) {
		bool kept = control_keep(letter->attachment);

		*message = letter->message;
		free(letter);
		if (kept)
			return true;
		port_message_deinit(message);
	}
	return false;
}
